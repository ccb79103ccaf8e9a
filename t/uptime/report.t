#!/usr/bin/perl
# worknet report: what a ledger's rows say of a task is what the reference makes
# of them, whether hours were counted before or not; what isn't so is found.
# Random: WN_SEED.
use strict;
use warnings;
use File::Basename 'dirname';
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;

for my $name (qw(worknet make_ledger)) {
	plan skip_all => "$name isn't built" unless program($name);
}
my $node = $ENV{NODE} || 'node';
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $seed = $ENV{WN_SEED} // 7;
diag("WN_SEED=$seed");
srand($seed);
use constant HOUR => 3600_000;
my $reference = dirname(__FILE__) . '/reference.mjs';
my $end = 1_767_283_200_000;	# 2026-01-01 16:00:00
my $clean = "$Dir/clean.db";
my $db = "$Dir/l.db";
my $conf = write_file("$Dir/l.conf", "[ledger]\npath = l.db\n");

sub between { my ($low, $high) = @_; return $low + int(rand($high - $low)) }

sub report {
	my ($task, @options) = @_;
	my $r = worknet('-c', $conf, 'report', '--task', $task, '--json',
	    @options);
	my $json = json_of($r) or diag($r->{err});
	return $json;
}

# What the reference makes of the rows.
sub expected {
	my ($task, $from, $to) = @_;
	my ($id) = map { $_->[0] } sql_rows($db,
	    "SELECT id FROM task WHERE name = '$task'");
	my ($window) = map { $_->[0] } sql_rows($db,
	    'SELECT result_window_ms FROM terms ORDER BY id DESC LIMIT 1');
	my @versions = map { { id => 0 + $_->[0], from => 0 + $_->[1],
	    interval => 0 + $_->[2], copies => 0 + $_->[3],
	    region => 0 + $_->[4] } } sql_rows($db,
	    "SELECT id, created_ms, interval_ms, copies, region FROM task_version
	    WHERE task = $id ORDER BY id");
	my @results = map { { version => 0 + $_->[0], cycle => 0 + $_->[1],
	    address => $_->[2], network => 0 + $_->[3], success => 0 + $_->[4],
	    ms => ($_->[5] // '') eq '' ? undef : 0 + $_->[5] } }
	    sql_rows($db, "SELECT r.version, r.cycle_ms, w.address,
	    coalesce((SELECT network FROM worker_network n WHERE n.worker = w.id
	    AND n.from_transfer <= t.id ORDER BY n.from_transfer DESC LIMIT 1), 0),
	    r.success, r.response_ms FROM result r JOIN transfer t ON t.id = r.transfer
	    JOIN worker w ON w.id = t.credit JOIN task_version v
	    ON v.id = r.version WHERE v.task = $id AND r.copy < v.copies");
	my (@paused, $since);
	push @paused, { from => 0, to => $versions[0]{from} };
	for (sql_rows($db, "SELECT at_ms, state FROM task_state
	    WHERE task = $id ORDER BY id")) {
		$since = $_->[0] if !defined $since && $_->[1] ne 'active';
		push @paused, { from => 0 + $since, to => 0 + $_->[0] }
		    if $_->[1] eq 'active';
		undef $since if $_->[1] eq 'active';
	}
	my @maintenance = map { { from => 0 + $_->[0], to => 0 + $_->[1] } }
	    sql_rows($db, "SELECT from_ms, coalesce(ended_ms, to_ms)
	    FROM maintenance WHERE task = $id AND noted_ms < from_ms");
	my $file = write_file("$Dir/rows.json", encode_json([ {
	    versions => \@versions, results => \@results, paused => \@paused,
	    maintenance => \@maintenance, from => $from, to => $to,
	    over => $to } ]));
	my $r = AdminRun::run('', $node, $reference, 'ledger', $file);
	return decode_json(decode_json($r->{out})->{expected}[0]);
}

sub told {
	my ($r) = @_;
	my %t = map { $_ => $r->{$_ . 'Ms'} }
	    qw(up down unconfirmed unknown disputed paused maintenance);
	$t{$_} = $r->{$_ . 'Ppm'} // -1
	    for qw(availability strict atLeast atMost coverage);
	$t{incidents} = [ map { { from => $_->{fromMs}, to => $_->{toMs},
	    ended => $_->{ended}, networks => $_->{networks} } }
	    @{ $r->{incidents} } ];
	$t{responses} = [ map { [ $_->{hourMs}, $_->{region} ? 7 : 0, @$_{qw(results
	    p50Ms p95Ms maxMs)} ] } @{ $r->{responses} } ];
	return \%t;
}

# Results of some time are of another outcome, as if the target had been so.
sub outage {
	my ($from, $to, $who) = @_;
	return "UPDATE result SET success = 0, status = 500 WHERE cycle_ms >= $from
	    AND cycle_ms < $to AND transfer IN (SELECT t.id FROM transfer t
	    JOIN worker w ON w.id = t.credit WHERE $who);";
}

# ---- A ledger with weather ----

make_ledger($clean, '--results', 3600, '--copies', 3, '--tasks', 2,
    '--workers', 12, '--cooldown-ms', 0, '--silent-percent', 3, '--seed', 3,
    '--end-ms', $end, '--edits', 5, '--max-tasks', 1,
    '--round-percent', 40);
my ($first) = map { $_->[0] } sql_rows($clean, 'SELECT min(at_ms) FROM transfer');
my $from = $first - $first % HOUR - HOUR;
my $to = $end - $end % HOUR;
cmp_ok($to - $from, '>=', 4 * HOUR, 'the history is some hours long');

for my $case (1 .. 4) {
	my $networks = $case == 4 ? 1 : between(2, 6);
	my $border = $from + HOUR * between(2, ($to - $from) / HOUR - 1);
	my $sql = "INSERT INTO network (id, name) VALUES " . join(', ', map {
	    "($_, '198.51.$_.0/24')" } 1 .. 6) . ';' .
	    "INSERT INTO worker_network SELECT id, 0, id % $networks + 1 FROM worker;" .
	    # One moves in the middle.
	    ($case == 4 ? '' : "INSERT INTO worker_network SELECT min(id),
	    (SELECT max(id) / 2 FROM transfer), 6 FROM worker;") .
	    # A definition asks for a region, inside of an hour as edits are.
	    "INSERT INTO region VALUES (7, 'eu', 'eu', 1);" . 'UPDATE ' .
	    'task_version SET region = 7 WHERE id = (SELECT max(id) FROM ' .
	    'task_version WHERE task = 1);' .
	    # Over an hour's border by a slice on each side; and anywhere.
	    outage($border - 30000, $border + 30000, '1') .
	    outage($border - 7 * 60000 - 40 * 60000, $border - 40 * 60000, '1') .
	    join('', map { my $at = between($from, $to);
	    outage($at, $at + between(20000, 1200000), rand() < 0.7 ? '1' :
	    'w.id % 3 = ' . between(0, 3)) } 1 .. 8) .
	    # A network that sees outages alone, and one that lies.
	    outage($from, $to, 'w.id % 12 = 5 AND t.id % 5 = 0') .
	    # Nobody answers for longer than the gap, and for less.
	    join('', map { my $at = between($from, $to); "DELETE FROM result
	    WHERE cycle_ms BETWEEN $at AND $at + " . $_ * 60000 . ';' } 4, 14) .
	    join('', map { my $at = between($from, $to); my $e = $at +
	    between(60000, 1800000); 'INSERT INTO maintenance (task, from_ms, ' .
	    "to_ms, noted_ms, why, ended_ms) VALUES (1, $at, $e, $at - $_, 'x', " .
	    (rand() < 0.5 ? 'NULL' : int(($at + $e) / 2)) . ');' } 1, 1000, -5) .
	    do { my $at = between($from + HOUR, $to); "INSERT INTO task_state
	    (task, at_ms, state) VALUES (1, $at, 'paused'),
	    (1, @{[$at + between(1000, HOUR)]}, 'active');" };
	forge($clean, $db, $sql);
	for my $task ('task_00000', 'task_00001') {
		my @period = ('--from', $from, '--to', $to);
		my $before = report($task, @period);
		is_deeply(told($before), expected($task, $from, $to),
		    "history $case of $task: as the reference counts its rows");
		my $total = 0;
		$total += $before->{$_ . 'Ms'} for qw(up down unconfirmed unknown
		    disputed paused maintenance);
		is($total, $to - $from, '... each ms of it in one bucket');
		my $half = $from + HOUR * int(($to - $from) / HOUR / 2);
		my ($x, $y) = (report($task, '--from', $from, '--to', $half),
		    report($task, '--from', $half, '--to', $to));
		is_deeply([ map { $x->{$_ . 'Ms'} + $y->{$_ . 'Ms'} } qw(up down
		    unconfirmed unknown disputed paused maintenance) ], [ map {
		    $before->{$_ . 'Ms'} } qw(up down unconfirmed unknown disputed
		    paused maintenance) ], '... and is its two halves together');
		is_deeply([ map { $_->{dayMs} } @{ $before->{days} } ],
		    [ $from - $from % (24 * HOUR) ], '... in its days');
	}
	my @before = map { report($_, '--from', $from, '--to', $to) }
	    qw(task_00000 task_00001);
	my $rolled = worknet('-c', $conf, 'rollup', '--json');
	is($rolled->{code}, 0, 'hours are counted') or diag($rolled->{err});
	cmp_ok(json_of($rolled)->{hours}, '>=', 6, '... of all tasks');
	is_deeply([ map { report($_, '--from', $from, '--to', $to) }
	    qw(task_00000 task_00001) ], \@before,
	    '... and the reports are as they were without');
	is(json_of(worknet('-c', $conf, 'rollup', '--json'))->{hours}, 0,
	    '... once');
	my $all = 'SELECT h.*, r.* FROM uptime_hour h LEFT JOIN response_hour r ' .
	    'ON r.task = h.task AND r.hour_ms = h.hour_ms';
	my @rows = sql_rows($db, $all);
	worknet('-c', $conf, 'rollup', '--since', $border);
	is_deeply([ sql_rows($db, $all) ], \@rows,
	    '... or anew, with the same outcome');
	my %found = map { $_->{rule} => $_->{found} } @{ json_of(worknet('-c',
	    $conf, 'audit', '--json'))->{rules} };
	is($found{uptime}, 0, 'the audit finds that they follow from the results');
	if ($case == 4) {
		is(scalar(grep { @{ $_->{incidents} } } @before), 0,
		    'one network alone confirms no incident');
		next;
	}
	cmp_ok(scalar(map { @{ $_->{incidents} } } @before), '>', 2,
	    'there are incidents');
	cmp_ok($before[0]{disagreements}, '>', 0, 'there are disagreements');
	my %regions = map { $_->{hourMs} . ($_->{region} // '') => $_->{hourMs} }
	    map { @{ $_->{responses} } } $before[0];
	my %hours = map { $_ => 1 } values %regions;
	cmp_ok(scalar keys %regions, '>', scalar keys %hours,
	    'an hour has the times of each region') if $case == 1;
	my $sum = 0;
	$sum += $_->{results} for @{ $before[0]{contradicted} };
	is($sum, $before[0]{disagreements}, '... each of which has its author');
}

# ---- What was signed in rounds ----

my ($plain, $each) = ("$Dir/plain.db", "$Dir/each.db");
make_ledger($plain, '--results', 900, '--copies', 3, '--tasks', 1, '--workers',
    12, '--cooldown-ms', 0, '--seed', 4, '--end-ms', $end, '--round-percent', 40);
forge($plain, $each, 'INSERT INTO network (id, name) VALUES ' . join(', ', map {
    "($_, '198.51.$_.0/24')" } 1 .. 12) . ';' . 'INSERT INTO worker_network ' .
    'SELECT id, 0, id - (SELECT min(id) FROM worker) + 1 FROM worker;');
my $each_conf = write_file("$Dir/each.conf", "[ledger]\npath = each.db\n");
for my $how ('as they are', 'counted by the hour') {
	worknet('-c', $each_conf, 'rollup') if $how ne 'as they are';
	my ($votes, $in_rounds) = @{ (sql_rows($each, 'SELECT count(*), ' .
	    'count(r.place) FROM result r JOIN task_version v ON v.id = ' .
	    'r.version JOIN task k ON k.id = v.task WHERE k.name = ' .
	    "'task_00000' AND r.cycle_ms >= $to - 3600000 AND r.cycle_ms < $to"))[0] };
	my @args = ('report', '--task', 'task_00000', '--from', $to - 3600000,
	    '--to', $to);
	my $r = json_of(worknet('-c', $each_conf, @args, '--json'));
	is("$r->{inRounds} of $r->{votes}", "$in_rounds of $votes",
	    "results $how are told by their schemes");
	cmp_ok($in_rounds, '>', 100, '... of which both were in use');
	my $share = sprintf '%.4f', int(1e6 * $in_rounds / $votes) / 1e4;
	like(worknet('-c', $each_conf, @args)->{out},
	    qr/^signed in rounds: +\Q$share\E % of them \(eip712-round\)/m,
	    '... people are told the share');
}

# ---- What isn't so is found ----

my %rule = ();
for my $forged (
    [ 'an hour is better than it was', 'UPDATE uptime_hour SET up_ms = up_ms + 1,
	unknown_ms = unknown_ms - 1 WHERE unknown_ms > 0' ],
    [ 'an hour is gone', 'DELETE FROM uptime_hour WHERE hour_ms =
	(SELECT min(hour_ms) + 7200000 FROM uptime_hour)' ],
    [ 'a result was counted that isn\'t there',
	'UPDATE uptime_hour SET votes = votes + 1' ],
    [ 'a result counts as signed in a round',
	'UPDATE uptime_hour SET in_rounds = in_rounds + 1;
	UPDATE uptime_day SET in_rounds = in_rounds + hours' ],
    [ 'a list shows a day better', "UPDATE uptime_strip SET days =
	replace(days, 'n', 'u') WHERE task = 1" ],
    [ '... or another one', 'UPDATE uptime_strip SET day = day - 1
	WHERE task = 1' ],
    [ '... or none', 'DELETE FROM uptime_strip WHERE task = 1' ],
    [ 'answers are told faster', 'UPDATE response_hour SET p95_ms = p95_ms - 1
	WHERE task = 1 AND hour_ms = (SELECT max(hour_ms) FROM response_hour)' ],
    [ 'an hour\'s times are gone', 'DELETE FROM response_hour WHERE task = 1 AND
	hour_ms = (SELECT min(hour_ms) FROM response_hour)' ],
    [ 'times are made up', 'INSERT INTO response_hour SELECT task, hour_ms, 5, 1,
	1, 1, 1 FROM response_hour LIMIT 1' ],
    [ '... of an hour that isn\'t counted', 'INSERT INTO response_hour SELECT
	task, max(hour_ms) + 360000000, 0, 1, 1, 1, 1 FROM response_hour' ],
    [ 'an incident is made up', "INSERT INTO incident VALUES (1, $from, $to,
	'recovered', '1 2')" ]) {
	my ($name, $sql) = @$forged;
	forge($db, "$Dir/forged.db", $sql);
	my $c = write_file("$Dir/forged.conf", "[ledger]\npath = forged.db\n");
	my %found = map { $_->{rule} => $_->{found} } @{ json_of(worknet('-c', $c,
	    'audit', '--json'))->{rules} };
	cmp_ok($found{uptime}, '>', 0, "$name: the audit finds it");
}

done_testing;
