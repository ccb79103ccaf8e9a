#!/usr/bin/perl
# worknet status --check, for a monitor: one line, and the exit code of a
# Nagios plugin, for each thing that status warns of.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path need_program run_command json_value);

need_program('sqlite3');
alarm(120);

my $HOUR = 3600000;


# A ledger with results of the last hours, and payouts configured.
sub ledger {
	my (%opt) = @_;
	my $w = WorknetTest->new(conf => { honesty => { maturity_new_ms =>
	    $opt{maturity_ms} // 0 }, payout => { network => 'base',
	    threshold_micros => $opt{threshold_micros} // 1000000 } });
	my ($status, undef, $err) = run_command(
	    build_path('t/tools/make_ledger'), '--db', $w->ledger_path,
	    '--seed', 7, '--workers', 3, '--tasks', 3, '--interval-ms', 120000,
	    '--silent-percent', 0, '--cooldown-ms', 0, '--results',
	    720);

	die "make_ledger: $err" if $status != 0;
	# The clock stands a minute after the last of eight hours.
	$w->fault_prepare;
	$w->clock_set($w->sql_value('SELECT max(at_ms) FROM transfer') +
	    ($opt{ago_ms} // 60000));
	return $w;
}

sub check_is {
	my ($w, $code, $text, $name) = @_;
	my ($got, $out, $err) = $w->worknet_try('status', '--check');

	is($got, $code, $name) or diag($out, $err);
	like($out, qr/\A[^\n]+\n\z/, '... in one line');
	like($out, $text, '... which says it');
	return;
}

{
	my $w = ledger();

	check_is($w, 0, qr/^worknet ok: 3 tasks, 3 workers, \d+ results in the last hour, 0\.\d{6} USDC owed$/,
	    'all is well: 0');
	my $json = json_value($w->worknet('status', '--check', '--json'));
	is($json->{severity}, 'ok', '... for programs, too');
	my ($worker) = $w->sql_value('SELECT address FROM worker LIMIT 1');
	$w->worknet('payout', 'hold', $worker);
	check_is($w, 1, qr/^worknet warning: 1 workers are held/,
	    'a worker is held: 1');
	$w->worknet('payout', 'hold');
	check_is($w, 2, qr/^worknet critical: payouts are held: nobody is paid; .*1 workers/,
	    'everybody is held: 2, and the worst is said first');
	$w->worknet('payout', 'release');
	$w->worknet('payout', 'release', $worker);
	check_is($w, 0, qr/ok/, 'nobody is held: 0');
	my $seen = sub { $w->sql("INSERT INTO anchor (size, root, at_ms) VALUES " .
	    "($_[0], zeroblob(32), $w->{clock} - $_[1])") };
	$seen->(7, 4 * $HOUR);
	check_is($w, 0, qr/ok/, 'there is no log');
	$w->{conf}{coordinator}{checkpoint_file} = $w->dir('checkpoint');
	$w->conf_write;
	check_is($w, 1, qr/warning: assignments name a checkpoint of 4h ago/,
	    'nothing newer comes from the log: 1');
	$seen->(8, 2 * $HOUR);
	check_is($w, 0, qr/ok/, 'it does: 0');
	$w->sql("INSERT INTO finding VALUES (1, 1, 'foreign payment', 'x', " .
	    "'y', 1, 1, 1, NULL, NULL)");
	check_is($w, 2, qr/critical: the ledger has exceptions/,
	    'a finding is open: 2');
	$w->worknet('finding', 'close', 1);
	check_is($w, 0, qr/ok/, 'it is closed: 0');
	$w->sql("INSERT INTO payout_run (began_ms, ended_ms, exit_code, " .
	    'reconcile) VALUES (' . $w->{clock} . ', ' . $w->{clock} . ', 4, 0)');
	check_is($w, 1, qr/warning: the last payout run ended with code 4/,
	    'a run that the next one goes on with: 1');
	$w->sql("INSERT INTO payout_run (began_ms, ended_ms, exit_code, " .
	    'reconcile) VALUES (' . $w->{clock} . ', ' . $w->{clock} . ', 2, 0)');
	check_is($w, 2, qr/critical: the last payout run ended with code 2/,
	    'a run that failed: 2');
	$w->worknet('task', 'pause', $_->{name})
	    for $w->sql('SELECT name FROM task');
	check_is($w, 2, qr/; no task is active$/, 'no task is active, less bad');
}

# Nobody is paid although runs say that all is well.
{
	my $w = ledger(threshold_micros => 1000);
	my $run = sub {
		$w->sql("INSERT INTO payout_run (began_ms, ended_ms, " .
		    'exit_code, reconcile) VALUES (' . $w->{clock} . ', ' .
		    $w->{clock} . ', 0, 0)');
	};

	check_is($w, 2, qr/no payout run yet, and 3 workers are due/,
	    'somebody is due, and there was no run: 2');
	$run->();
	check_is($w, 2, qr/critical: 3 workers are owed the threshold for more than 6h,/,
	    'runs pay nobody who is due for hours: 2');
	$w->{conf}{honesty}{maturity_new_ms} = 24 * $HOUR;
	$w->conf_write;
	check_is($w, 0, qr/ok/, 'but who waits for maturity isn\'t late: 0');
	$w->{conf}{honesty}{maturity_new_ms} = 0;
	$w->{conf}{payout}{threshold} = 'auto';
	$w->conf_write;
	check_is($w, 0, qr/ok/, 'nor who may wait for a cheaper payout: 0');
	delete $w->{conf}{payout};
	$w->conf_write;
	check_is($w, 0, qr/ok/, 'nor anybody without a way to pay: 0');
}

{
	my $w = ledger(ago_ms => 2 * $HOUR);

	check_is($w, 2, qr/critical: no result for [\dhms ]+/,
	    'nobody works: 2');
	rename($w->ledger_path, $w->dir('away')) or die $!;
	check_is($w, 3, qr/^worknet unknown: .*no such file/,
	    'a ledger that isn\'t there: 3');
	WorknetTest::spurt($w->conf_path, "[nosuch]\nx = 1\n");
	check_is($w, 3, qr/^worknet unknown: .*worknet.conf/,
	    'a configuration that can\'t be read: 3');
}

done_testing();
