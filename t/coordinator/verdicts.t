#!/usr/bin/perl
# Verdicts, through the coordinator alone: the copies of a cycle are compared once
# it is over, who stands apart is counted, and nobody is punished.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_value poll_path);

need_program('sqlite3');

my $MIDNIGHT = 1800057600000;

my $w = WorknetTest->new->fault_prepare;
my @workers = map { $w->worker($_) } 1 .. 5;

$w->conf_write;
$w->clock_set($MIDNIGHT - 1000);
$w->init;
$w->task_add('three', url => 'http://127.0.0.1:9/', interval => '60s',
    copies => 3, cooldown => '0s');
$w->task_add('one', url => 'http://127.0.0.1:9/', interval => '60s',
    copies => 1, cooldown => '0s');
$w->start;
my $c = $w->fcgi;

# What worker $n polls for from a network of that number, and reports, from there
# or from another one.
sub work {
	my ($n, $network, $up, $reports_from) = @_;
	my $k = $workers[$n];
	my @from = (remote => "203.0.$network.1");
	my $tasks = json_value($c->get(poll_path($k->{address}), @from)->{body});
	my @results = map { $w->result($k, $_->{id}, timestamp => $w->fresh_ms,
	    statusCode => $up ? 200 : 503, success => $up ? 1 : 0) } @$tasks;

	return 0 if !@results;
	@from = (remote => "203.0.$reports_from.1") if $reports_from;
	return json_value($c->post(\@results, @from)->{body})->{accepted};
}

# A cycle: each of [worker, network, up] in turn.
my $cycles = 0;
sub cycle {
	$w->clock_set($MIDNIGHT + 60000 * ++$cycles + 31000);
	work(@$_) for @_;
}

cycle([ 0, 1, 1 ], [ 1, 2, 1 ], [ 2, 3, 1 ]);
is($w->sql_value('SELECT count(*) FROM vote'), 3,
    'results of a task with copies wait to be compared, and no others');
is($w->sql_value('SELECT count(*) FROM verdict'), 0,
    'not while others may come');
cycle([ 0, 1, 1 ], [ 1, 2, 0 ], [ 2, 3, 1 ]);
cycle([ 0, 1, 0 ], [ 1, 2, 1 ]);
cycle([ 0, 1, 1 ]);
cycle([ 0, 1, 1 ], [ 1, 2, 1 ], [ 2, 3, 1, 2 ]);

# Their time is over: 60 s, 30 s and the window.
for (1 .. 2) {
	$w->clock_set($MIDNIGHT + 60000 * ++$cycles + 600000);
	work($_, 10 + $_, 1) for 0 .. 4;
}
is_deeply([ map { "$_->{up}:$_->{down}" } $w->sql(
    'SELECT up, down FROM verdict ORDER BY cycle_ms') ], [ qw(3:0 2:1 1:1 2:0) ],
    'a verdict says how many networks said what, each once');
is($w->sql_value('SELECT count(*) FROM vote WHERE cycle_ms < ' .
    ($MIDNIGHT + 360000)), 0, 'what was compared waits no more');
my @apart = $w->sql("SELECT w.address FROM dissent x JOIN worker w " .
    'ON w.id = x.worker WHERE x.apart = 1');
is_deeply(\@apart, [ { address => lc $workers[1]{address} } ], 'who stood apart from the most is counted, alone');
is($w->sql_value('SELECT count(*) FROM dissent'), 5,
    'all results of cycles whose results differ are kept');
is($w->sql_value('SELECT (SELECT count(*) FROM hold) + ' .
    '(SELECT count(*) FROM finding)'), 0, 'nobody is punished for it');
my $show = json_value($w->worknet('worker', 'show', $workers[1]{address},
    '--json'));
is($show->{apart}, 1, 'worker show counts it');
is_deeply([ @{ $show->{dissents}[0] }{qw(taskId success statusCode networksUp
    networksDown)} ], [ 'three', JSON::PP::false(), 503, 2, 1 ],
    '... and tells what others said');
my $list = json_value($w->worknet('worker', 'list', '--by', 'record', '--json'));
is(lc $list->{workers}[0]{address}, lc $workers[1]{address},
    'worker list --by record has it first');
my $status = json_value($w->worknet('status', '--json'));
is_deeply([ @$status{qw(cyclesCompared cyclesContradicted)} ], [ 4, 2 ],
    'status counts cycles that were compared, and those whose results differ');

# ---- Who was accused has no vote ----

my $accused = lc $workers[1]{address};
sub last_verdicts {
	my ($n) = @_;

	return [ map { "$_->{up}:$_->{down}" } reverse $w->sql('SELECT up, down ' .
	    "FROM verdict ORDER BY cycle_ms DESC LIMIT $n") ];
}
$w->sql_text("INSERT INTO demotion (worker, at_ms, after_transfer, why) SELECT " .
    "id, $w->{clock}, (SELECT max(id) FROM transfer), 'its record' " .
    "FROM worker WHERE address = '$accused'");
$cycles += 20;
cycle([ 0, 1, 0 ], [ 1, 2, 1 ], [ 2, 3, 1 ]);
$w->worknet('payout', 'hold', $accused, '--reason', 'its record');
cycle([ 0, 1, 1 ], [ 1, 2, 0 ], [ 2, 3, 1 ]);
cycle([ 0, 1, 0 ], [ 1, 2, 1 ], [ 2, 3, 1 ]);
$cycles += 20;
cycle([ 0, 1, 1 ], [ 2, 3, 1 ], [ 3, 4, 1 ]);
is_deeply(last_verdicts(3), [ qw(1:1 2:0 1:1) ],
    'while it is held no vote of one that was accused counts, ' .
    'whenever it was given');
is($w->sql_value('SELECT count(*) FROM dissent WHERE counted = 0'), 3,
    '... but what it reported is kept');
$w->worknet('payout', 'release', $accused);
cycle([ 0, 1, 0 ], [ 1, 2, 1 ], [ 2, 3, 1 ]);
$cycles += 20;
cycle([ 0, 1, 1 ]);
is_deeply(last_verdicts(1), [ '2:1' ], 'once a person releases it, it votes again');

# ---- An edit ----

my $apart = $w->sql_value('SELECT count(*) FROM dissent');
$w->clock_set($MIDNIGHT + 60000 * ($cycles += 20) + 31000);
work(0, 1, 1);
work(1, 2, 1);
$w->worknet('task', 'edit', 'three', '--url', 'http://127.0.0.1:9/moved');
work(2, 3, 0);
$cycles += 20;
cycle([ 0, 1, 1 ]);
is_deeply(last_verdicts(1), [ '2:0' ],
    'who saw what a task was before an edit is compared with no one who sees ' .
    'what it is since');
is($w->sql_value('SELECT count(*) FROM dissent'), $apart,
    '... and nobody stands apart for it');

is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after verdicts');

# ---- What the audit finds ----

my @kept = qw(verdict dissent);

sub audit_finds {
	my ($sql, $pattern, $name) = @_;
	my @guards = $w->sql('SELECT name, sql FROM sqlite_schema ' .
	    "WHERE type = 'trigger'");

	$w->sql_text(join(' ', map { "CREATE TABLE was_$_ AS SELECT * FROM $_;" }
	    @kept) . join(' ', map { "DROP TRIGGER $_->{name};" } @guards) .
	    "$sql;");
	like(($w->audit)[1], $pattern, "the audit finds $name");
	$w->sql_text(join(' ', map { "DELETE FROM $_; INSERT INTO $_ SELECT * " .
	    "FROM was_$_; DROP TABLE was_$_;" } @kept) .
	    join(' ', map { "$_->{sql};" } @guards));
}

my $wrong = qr/^verdict +task \d+, cycle \d+: .* isn't what its results say/m;
audit_finds('UPDATE verdict SET up = 1, down = 2 WHERE up = 2', $wrong,
    'a verdict that the copies don\'t bear');
audit_finds('UPDATE verdict SET up = 4 WHERE up = 3', $wrong,
    'one of more networks than there were');
audit_finds('DELETE FROM dissent WHERE apart = 1', $wrong,
    'a dissent that was hidden');
audit_finds('INSERT INTO verdict VALUES (' . ($MIDNIGHT - 600000) .
    ', 1, 1, 3, 0)', $wrong, 'a verdict of no results');
audit_finds('UPDATE dissent SET apart = 1 WHERE slot = (SELECT slot ' .
    'FROM dissent WHERE apart = 0 LIMIT 1)',
    qr/^verdict +slot \d+: whether it stood apart/m,
    'a dissent that isn\'t one');
audit_finds('UPDATE dissent SET counted = 0 WHERE slot = (SELECT max(slot) ' .
    "FROM dissent WHERE worker <> (SELECT id FROM worker WHERE address = '$accused'))",
    qr/^verdict +slot \d+: its vote was set aside, and its worker wasn't/m,
    'the vote of somebody who was never accused, set aside');
audit_finds('UPDATE dissent SET worker = worker + 1 WHERE apart = 1',
    qr/^verdict +slot \d+: its dissent is of another cycle or worker/m,
    'a dissent of somebody else');
$w->audit_ok('once all is put back');
done_testing();
