#!/usr/bin/perl
# From each version of the ledger to the next: what a ledger of version 1 holds
# is there afterwards, and its audit is clean; what fails leaves it as it was;
# and a coordinator that serves meanwhile loses nothing that it acknowledged.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path need_program run_command slurp spurt
    child_start child_wait wait_for now_ms json_value poll_path);

need_program('sqlite3');
alarm(120);

my $version = 1 + (my @steps = glob(source_path('sql/migrations') . '/*'));
is_deeply([ sort map { m{([^/]+)$} } @steps ],
    [ sort map { "$_.sql" } 2 .. $version ],
    'each step is called by the version that it leads to');

# A ledger that a program of version 1 made: results of regions, edits, and
# payouts in several states. Its clock stands where it ended.
# Payouts of version 1 were sealed otherwise, which is all that is found.
sub audit_ok {
	my ($l, $name) = @_;
	my ($status, $text) = $l->audit;
	my %found = $text =~ /^([a-z-]+) +\d+ +([1-9]\d*) /mg;

	is($l->sql_value('SELECT micros FROM trial_balance'), 0,
	    "the trial balance is 0 $name");
	is(scalar(() = $l->sql('SELECT * FROM exceptions')), 0,
	    "no exceptions are listed $name");
	is_deeply(\%found, { 'payout-seal' => 3 }, 'the audit, with ' .
	    "signatures, finds nothing but the seals of then $name")
	    or diag($text);
}

sub old {
	my $w = WorknetTest->new;
	my ($status, undef, $err) = run_command({ stdin =>
	    slurp(source_path('t/sql/ledger-1.sql')) }, 'sqlite3', '-bail',
	    $w->ledger_path);

	die $err if $status != 0;
	$w->fault_prepare;
	$w->clock_set(60000 + $w->sql_value('SELECT max(at_ms) FROM transfer'));
	return $w;
}

# All objects, and how they were made.
sub schema {
	return $_[0]->sql_text("SELECT type, name, sql FROM sqlite_schema " .
	    "WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name");
}

# Every row of what is money or evidence, in the columns that there were.
sub kept {
	my ($w) = @_;

	return join "\n", sort split /\n/, $w->sql_text(join('', map {
	    "SELECT '$_->[0]', $_->[1] FROM $_->[0];" }
	    [ 'ledger', '*' ], [ 'account', '*' ], [ 'worker', '*' ],
	    [ 'transfer', '*' ], [ 'result', 'slot, transfer, version, cycle_ms, ' .
	    'copy, assigned_ms, timestamp_ms, success, status, response_ms, ' .
	    'error, address_form, signature' ], [ 'payout', '*' ],
	    [ 'payout_event', '*' ], [ '"authorization"', '*' ],
	    [ 'finding', '*' ], [ 'hold', '*' ], [ 'suspension', '*' ],
	    [ 'assignment', 'worker, task_name, slot, version, reward_micros, ' .
	    'cycle_ms, copy, assigned_ms' ], [ 'slot_counter', 'last_slot' ],
	    [ 'task_version', 'id, task, url, expected_status, timeout_ms, ' .
	    'reward_micros, interval_ms, copies, cooldown_ms, created_ms, hash' ],
	    [ 'task', 'id, name, state, version, url, reward_micros' ]));
}

# ---- What is refused, and what is said ----

my $w = old();
for my $program (qw(worknet-fcgi worknet-payout worknet)) {
	my @args = $program eq 'worknet' ? 'status' : '-t';
	my ($status, undef, $err) = run_command(build_path($program), '-c',
	    $w->conf_path, @args);

	isnt($status, 0, "$program doesn't use a ledger of version 1");
	like($err, qr/has schema 1, this program knows $version; run "worknet init --migrate"/,
	    '... and says what to do') if $program ne 'worknet-payout' ||
	    $err =~ /schema/;
}

# A migration that failed mustn't leave who upgraded without copies.
mkdir $w->dir('copies') or die $!;
my (undef, $copied, $why) = $w->worknet_try('backup', $w->dir('copies'),
    '--json');
is(($copied eq '' ? $why : (run_command('sqlite3', json_value($copied)->{file},
    'PRAGMA user_version; SELECT count(*) FROM transfer'))[1]), "1\n" .
    $w->sql_text('SELECT count(*) FROM transfer'),
    'worknet backup copies a ledger of version 1 as it is');
$w->sql_text('PRAGMA user_version = ' . ($version + 1));
like(($w->worknet_try('backup', $w->dir('copies')))[2],
    qr/has schema @{[$version + 1]}, .*; use the newer program/,
    'and not one that only a newer program knows');
$w->sql_text('PRAGMA user_version = 1');

# ---- From version 1, while it is read and written ----

my $before = kept($w);
my $see = 'SELECT address, state, owed_usdc, earned_usdc, paid_usdc, first_seen ' .
    'FROM balances';
my $balances = $w->sql_text($see);
my @by_region = map { [ $_ => $w->sql_text("SELECT region FROM $_ " .
    "WHERE region <> ''") =~ tr/\n// ] } qw(schedule turn level task);
my $regions = $w->sql_text('SELECT id, region FROM task_version');

# Somebody reads in one transaction, and somebody else holds the write lock.
my @others = map {
	my $sql = $_;
	child_start('sqlite3', sub {
		open(STDIN, '-|', 'sh', '-c', "printf '%s\\n' \"\$0\"", $sql);
		open(STDOUT, '>', $w->dir('said' . ($sql =~ /IMM/ ? 1 : 0)));
		exec('sqlite3', '-bail', $w->ledger_path) or die;
	})
} ("BEGIN; SELECT count(*) FROM result;\n.shell touch @{[$w->dir('reads')]}; while [ ! -e @{[$w->dir('over')]} ]; do sleep 0.05; done\nSELECT count(*) FROM result; SELECT count(region) FROM task; COMMIT;",
    "BEGIN IMMEDIATE; UPDATE finding SET times = times + 1;\n.shell touch @{[$w->dir('writes')]}; sleep 1\nCOMMIT;");
wait_for(sub { -e $w->dir('reads') && -e $w->dir('writes') },
    'the others to be at work');
my ($status, $out, $err) = $w->worknet_try('init', '--migrate', '--json');
is($status, 0, 'a ledger of version 1 is migrated') or diag($err);
is(json_value($out)->{steps}, $version - 1, '... step by step');
spurt($w->dir('over'), '');
is(child_wait($others[0]), 0, 'who reads meanwhile isn\'t disturbed');
is(slurp($w->dir('said0')), "42\n42\n5\n", '... and sees what there was');
is(child_wait($others[1]), 0, 'who writes is waited for');
is($w->sql_value('SELECT times FROM finding'), 2, '... and is heard');
$w->sql_text('UPDATE finding SET times = times - 1');
is(kept($w), $before, 'every row is there as it was');
is($w->sql_text($see), $balances, 'so is every balance');
is($w->sql_text('SELECT v.id, g.name FROM task_version v JOIN region g ON ' .
    'g.id = v.region ORDER BY v.id'), $regions,
    'each definition is of its region');
for (@by_region) {
	my ($table, $rows) = @$_;
	$table = 'worker_share' if $table eq 'turn';
	is($w->sql_value("SELECT count(*) FROM $table WHERE region IN " .
	    '(SELECT id FROM region WHERE id <> 0)'), $rows,
	    "... so are the rows of $table");
}
audit_ok($w, 'after the migration');
my $new = WorknetTest->new->init;
is(schema($w), schema($new), 'the schema is that of a new ledger');
is($w->sql_value('PRAGMA user_version'), $version, '... and so is the version');
is(json_value($w->worknet('init', '--migrate', '--json'))->{steps}, 0,
    'a second time there is nothing to do');

# The network goes on where it was.
{
	my $c = $w->start->fcgi;
	my $paid = 0;

	$w->worknet('task', 'resume', 'eu.one');
	for my $n (1 .. 8) {
		my $k = $w->worker($n % 4);

		$w->clock_set($w->{clock} + 2100);
		my $tasks = json_value($c->get(poll_path($k->{address},
		    'eu'))->{body});
		next if ref $tasks ne 'ARRAY' || !@$tasks;
		my $r = json_value($c->post([ map { $w->result($k, $_->{id},
		    timestamp => $w->fresh_ms) } @$tasks ])->{body});
		is($r->{accepted}, scalar @$tasks, 'what is given is paid');
		is($tasks->[0]{region}, 'eu', '... in its region');
		$paid++;
	}
	cmp_ok($paid, '>', 2, 'the migrated ledger is worked with');
	is($w->stop, 0, 'the coordinator stops');
	$w->log_ok;
	audit_ok($w, 'after that');
}

# ---- What fails ----

for my $case (
	[ 'something was added to', 'CREATE INDEX mine ON payout (state)',
	    qr/stays as it was: index mine isn't part of a ledger/ ],
	[ 'a guard is missing of', 'DROP TRIGGER payout_no_delete',
	    qr/stays as it was: trigger payout_no_delete is missing/ ],
	[ 'a table is missing of', 'DROP TABLE turn', qr/turn/ ]) {
	my ($what, $sql, $says) = @$case;
	my $broken = old();

	$broken->sql_text($sql);
	my @was = (schema($broken), kept($broken));
	my ($status, undef, $err) = $broken->worknet_try('init', '--migrate');
	isnt($status, 0, "$what a ledger: it isn't migrated");
	like($err, $says, '... which is told');
	is_deeply([ schema($broken), kept($broken) ], \@was,
	    '... and it stays as it was');
	is($broken->sql_value('PRAGMA user_version'), 1, '... of its version');
}
for my $fault ('ENOSPC write ftruncate', 'EIO sync') {
	my $full = old();
	my @was = (schema($full), kept($full));

	$full->fault($fault);
	my ($status) = $full->worknet_try('init', '--migrate');
	isnt($status, 0, "$fault: it isn't migrated");
	$full->fault;
	is_deeply([ schema($full), kept($full) ], \@was,
	    '... and it stays as it was');
	$full->worknet('init', '--migrate');
	audit_ok($full, 'once the disk is well');
}
($status, undef, $err) = run_command(build_path('worknet'), '-c',
    do { my $e = WorknetTest->new; spurt($e->ledger_path, '');
    $e->conf_path }, 'init', '--migrate');
isnt($status, 0, 'an empty file is no ledger to migrate');
like($err, qr/isn't a ledger/, '... and is told to be none');

# ---- To the next version, while a coordinator serves ----

{
	my $w = WorknetTest->new->past(60)->init;
	my @workers = map { $w->worker($_) } 1 .. 3;
	my (@results, @children);

	$w->hand_out([ map { "slot$_" } 1 .. 4 ], \@workers, 25);
	$w->now;
	my $base = now_ms();
	for my $worker (@workers) {
		push @results, [ map { $w->result($worker, $w->take($worker),
		    timestamp => $base + $_) } 1 .. 100 ];
	}
	$w->start;
	# Each posts its results until one isn't acknowledged.
	for my $i (0 .. 2) {
		push @children, child_start("poster $i", sub {
			my $c = $w->fcgi;
			open(my $acknowledged, '>', $w->dir("posted$i"));
			$acknowledged->autoflush(1);
			for my $r (@{ $results[$i] }) {
				my $answer = eval { $c->post([ $r ]) };
				last if !$answer || $answer->{status} != 200;
				print $acknowledged "$r->{timestamp}\n";
				select(undef, undef, undef, 0.01);
			}
			POSIX::_exit(0);
		});
	}
	wait_for(sub { slurp($w->dir('posted2')) =~ /\n.*\n/ },
	    'results to be acknowledged');
	my @next = (build_path('t/tools/next_worknet'), '-c', $w->conf_path);
	my ($status, undef, $err) = run_command(@next, 'init', '--migrate');
	is($status, 0, 'a ledger is migrated while a coordinator serves') or
	    diag($err);
	is($w->stop_wait >> 8, 7, '... which ends by itself');
	my $next = $version + 1;
	like($w->log_text, qr/has schema $next, this program knows $version; use the newer program/,
	    '... and says why');
	child_wait($_) for @children;
	my %paid = map { ("$_->{worker} $_->{timestamp_ms}" => 1) } $w->sql(
	    'SELECT w.address AS worker, r.timestamp_ms FROM result r JOIN ' .
	    'transfer t ON t.id = r.transfer JOIN worker w ON w.id = t.credit');
	my @lost = map {
		my $i = $_;
		grep { !$paid{lc($workers[$i]{address}) . " $_"} }
		    split(/\n/, slurp($w->dir("posted$i")))
	} 0 .. 2;
	is("@lost", '', 'nothing that was acknowledged is lost');
	cmp_ok(scalar(keys %paid), '<', 300, 'it was in the middle');

	# The newer one goes on; what wasn't acknowledged is sent again.
	$w->start(how => sub {
		my ($log, undef, @args) = @_;
		WorknetTest::exec_logged($log, build_path('t/tools/next_fcgi'),
		    @args, '-s', $w->socket_path);
	});
	my $c = $w->fcgi;
	my %becomes;
	for my $r (map { @$_ } @results) {
		my $body = $c->post([ $r ])->{body};
		$becomes{$body =~ /already recorded/ ? 'recorded' :
		    $body =~ /"accepted":1/ ? 'credited' : $body}++;
	}
	is_deeply([ sort keys %becomes ], [ 'credited', 'recorded' ],
	    'the newer coordinator knows what was paid, and pays the rest');
	is($becomes{recorded}, scalar(keys %paid), '... each once');
	is($w->stop, 0, 'it stops');
	is($w->sql_value('SELECT count(*) FROM result'), 300,
	    'all that was sent is paid');
	$w->log_ok;
	($status, my $out) = run_command(@next, 'audit', '--signatures');
	is($status, 0, 'the audit of the newer version is clean') or diag($out);
}
done_testing();
