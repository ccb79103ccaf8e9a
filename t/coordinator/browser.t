#!/usr/bin/perl
# The pages in a real browser: browser.mjs looks at them. make screenshots keeps
# what it sees. The network is one of three months, with an outage that goes on,
# text of strangers, a task that is paused and one that nobody has checked.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest::Hours qw(days_sql);
use WorknetTest qw(need_program find_program json_value poll_path
    build_path run_command source_path spurt);

my $chromium = $ENV{CHROMIUM} // '/usr/bin/chromium';
plan skip_all => 'no chromium' unless -x $chromium;
plan skip_all => 'no playwright-core (cd t && npm ci)'
    unless -d source_path('t/node_modules/playwright-core');
need_program('sqlite3', 'nginx');
alarm 600;	# on a machine with much else to do

my $MINUTE = 60_000;
my $HOUR = 60 * $MINUTE;
my $DAY = 24 * $HOUR;
my $S = 1_767_261_600_000;		# 2026-01-01 10:00:00
my @remote = qw(198.51.100.7 203.0.113.9 192.0.2.3);
my $hostile = '</td><script>alert(1)</script><img src=x onerror=alert(2)>"\'';

my $w = WorknetTest->new(conf => { admission => { standing_results => 0,
    standing_hours => 0 }, pages => { operator => 'yes',
    origin => 'https://status.example' },
    payout => { network => 'base-sepolia', threshold_micros => 10000 } });
$w->fault_prepare;
$w->clock_set($S - 88 * $DAY);
$w->init;
my @tasks = qw(api.example.org checkout.example.org docs.example.org);
$w->task_add($_, interval => '60s', cooldown => '0s', copies => 3) for @tasks;
$w->worknet('task', 'add', 'a' x 64, '--url', 'https://x.example/', '--region',
    '<i>&"' . 'w' x 27, '--reward', 100);
$w->worknet('task', 'add', 'paused', '--url', 'https://x.example/', '--reward',
    100);
$w->worknet('task', 'pause', 'paused');
$w->clock_set($S);

# Hours of three months as a rollup would have left them, with some weather.
sub hours {
	my ($task) = @_;

	return "WITH RECURSIVE h (ms) AS (SELECT $S - 88 * $DAY UNION ALL " .
	    "SELECT ms + $HOUR FROM h WHERE ms + $HOUR < $S), b AS (SELECT ms, " .
	    "CASE WHEN ms / $HOUR % ${\(400 * $task)} = 7 THEN 1200000 ELSE 0 END AS down, " .
	    "CASE WHEN ms / $HOUR % 333 = $task THEN 120000 ELSE 0 END AS sus, " .
	    "CASE WHEN ms / $DAY % 29 = $task THEN 2400000 WHEN ms / $HOUR % 7 = 0 " .
	    "THEN 60000 ELSE 0 END AS unk FROM h) " .
	    "INSERT INTO uptime_hour SELECT $task, ms, $HOUR - max(down, sus) - " .
	    "CASE WHEN down + sus > 0 THEN 0 ELSE unk END, down, CASE WHEN down > 0 " .
	    "THEN 0 ELSE sus END, CASE WHEN down + sus > 0 THEN 0 ELSE unk END, 0, 0, " .
	    "0, 0, 0, 0, 0, 0, 180, 178, 1, 2, 60, ms + $HOUR, -1, -1, 0, -1, '', " .
	    "ms + $HOUR, 3 FROM b;" .
	    "INSERT INTO incident SELECT task, hour_ms + 300000, hour_ms + 1500000, " .
	    "'recovered', '1 2 3' FROM uptime_hour WHERE task = $task AND down_ms > 0;" .
	    "INSERT INTO response_hour SELECT task, hour_ms, 0, 178, 80 + hour_ms / $HOUR " .
	    "% 24 * 3, 150 + hour_ms / $HOUR % 24 * 5 + down_ms / 10000, 2000 " .
	    "FROM uptime_hour WHERE task = $task AND hour_ms / $HOUR % 97 <> 5;";
}

$w->sql("INSERT INTO network (id, name) VALUES (1, '198.51.100.0/24'), " .
    "(2, '203.0.113.0/24'), (3, '192.0.2.0/24');" . join('', map { hours($_) }
    1 .. @tasks) . days_sql());
$w->worknet('maintenance', 'add', $tasks[0], '--from', $S + 90 * $MINUTE,
    '--to', $S + 3 * $HOUR, '--why', $hostile);
$w->sql("INSERT INTO join_request (address, network, region, asked_ms) VALUES " .
    "('0x" . 'ab' x 20 . "', '198.51.100.0/24', 'eu-west', $S)");
$w->sql("INSERT INTO payout_run (began_ms, reconcile) VALUES ($_, 0)")
    for map { $S + 10 * $_ * $MINUTE } -3 .. 1;
$w->start;
my $c = $w->fcgi;
for my $minute (0 .. 14) {
	$w->clock_set($S + $minute * $MINUTE + 55_000);
	for my $n (0 .. 2) {
		my $k = $w->worker($n);
		my $given = json_value($c->get(poll_path($k->{address}),
		    remote => $remote[$n])->{body});
		$c->post([ map { $w->result($k, $_->{id}, success =>
		    $_->{id} eq $tasks[1] && $minute > 4 ? 0 : 1) }
		    grep { $_->{id} =~ /example/ } @$given ], remote => $remote[$n])
		    if ref $given eq 'ARRAY' && @$given;
		# Its clock is ahead for a while, then it sends too late.
		$c->post([ $w->result($k, $tasks[0], timestamp => $w->{clock} +
		    120000) ], remote => $remote[$n]) if $n == 1 && $minute < 5;
	}
}
# A list has a task as it is counted: those without checks, too.
$w->worknet('rollup');
# What a worker, and the operator, read besides, and what hostile text is in it.
my $worker = $w->worker(1)->{address};
my $long = $hostile . 'w' x 150;
my $id = $w->sql_value("SELECT id FROM worker WHERE address = '" . lc($worker) . "'");
(my $quoted = $long) =~ s/'/''/g;
$w->sql("INSERT INTO transfer (id, at_ms, kind, debit, credit, amount_micros, " .
    "hash, format) SELECT max(id) + 1, max(at_ms), 'forfeit', $id, 1, 50, " .
    "zeroblob(32), 1 FROM transfer; UPDATE account SET balance_micros = " .
    "balance_micros + CASE id WHEN 1 THEN 50 ELSE -50 END WHERE id IN (1, $id);" .
    "INSERT INTO forfeit SELECT max(id), $S, 'operator', '$quoted' FROM transfer;" .
    "INSERT INTO hold VALUES ($id, 'operator', $S, '$quoted');" .
    "INSERT INTO refusal VALUES ($id, $S / $DAY - 1, '$quoted', 1234567);" .
    "INSERT INTO finding (at_ms, kind, subject, detail, since_ms, last_ms, times) " .
    "VALUES ($S, '${\('k' x 64)}', '${\('s' x 64)}', '$quoted', $S, $S, 1)");
spurt($w->dir('payouts'), "reserve $worker 1000\nsign 1\n" .
    "submit 1 https://f.example/settle\npost 1 0\nfinal 1\nreserve $worker 500\n");
{
	my ($code, $out, $err) = run_command('sh', '-c', 'exec "$0" "$@" <' .
	    $w->dir('payouts'), build_path('t/tools/make_payouts'), '--db',
	    $w->ledger_path, '--now', $w->{clock});
	is($code, 0, 'a payout is final, and one begins') or diag($out, $err);
}
spurt($w->dir('htpasswd'), "ops:{PLAIN}secret\n");
$w->nginx_start(edit => sub {
	my $file = $w->dir('htpasswd');
	s/^(\s*)#operator /$1/mg;
	s{/etc/nginx/worknet\.htpasswd}{$file}g;
});
my $shots = $ENV{WN_SCREENSHOTS} // '';
my @command = (find_program('node'), source_path('t/coordinator/browser.mjs'),
    "http://127.0.0.1:$w->{port}", $chromium, $shots, '/',
    (map { "/task/$_" } $tasks[0], $tasks[1], 'a' x 64), "/worker/$worker",
    "/worker/$worker/transfers", '/join', '/operator');
# What a browser takes is the machine's: only its end is waited for.
open(my $seen, '-|', @command) or die "$command[0]: $!";
while (<$seen>) {
	ok($1 eq '', $2) if /^(|not )ok \d+ - (.*)/;
	diag($1) if /^# (.*)/;
}
ok(close($seen), 'the browser looks at all pages');
is($w->stop, 0, 'the coordinator stops');

done_testing;
