#!/usr/bin/perl
# Tiers: whom the operator imports is paid a multiple of each reward from the next
# slot on, as its poll says; the ledger proves it, and the audit knows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_value poll_path);

need_program('sqlite3');

my $START = 1800057600000;

my $w = WorknetTest->new->fault_prepare;
my ($plain, $gold, $silver, $spare) = map { $w->worker($_) } 1 .. 4;

$w->{conf}{honesty} = { maturity_new_ms => 0 };
$w->{conf}{coordinator}{max_tasks_per_poll} = 1;
$w->conf_write;
$w->clock_set($START);
$w->init;
$w->task_add("task$_", url => 'http://127.0.0.1:9/', interval => '30s',
    cooldown => '0s', reward => 101) for 1 .. 12;
$w->start;
my $c = $w->fcgi;

sub lines {
	my (@lines) = @_;
	my $path = $w->dir('tiers.csv');

	open(my $f, '>', $path) or die "$path: $!";
	print $f map { "$_\n" } @lines;
	close($f) or die "$path: $!";
	return $path;
}

# What a worker is told that its next tasks pay, and the tasks.
sub polled {
	my ($k, $network) = @_;
	my $tasks = json_value($c->get(poll_path($k->{address}),
	    remote => "203.0.$network.1")->{body});

	return map { [ $_->{id}, $_->{rewardMicros} ] } @$tasks;
}

sub posted {
	my ($k, $network, @tasks) = @_;
	my @results = map { $w->result($k, $_->[0], timestamp => $w->fresh_ms,
	    statusCode => 200, success => 1) } @tasks;

	return json_value($c->post(\@results,
	    remote => "203.0.$network.1")->{body})->{earned};
}

sub next_cycle {
	$w->clock_set($w->{clock} + 60000);
}

# What worknet says when it refuses.
sub worknet_fails {
	my ($status, $out, $err) = $w->worknet_try(@_);

	isnt($status, 0, "refused: @_[0, 1]");
	return $err;
}

sub admitted {
	return $w->sql_value('SELECT count(*) FROM admission');
}

# ---- The file ----

my $wrong = worknet_fails('worker', 'import',
    lines('# tiers', "$gold->{address},gold", "$silver->{address},tin"));
like($wrong, qr/line 3: tier: got "tin"/, 'an unknown tier is named by its line');
$wrong = worknet_fails('worker', 'import',
    lines("$gold->{address},gold", '', "$gold->{address},silver"));
like($wrong, qr/line 3: the same address as in line 1/,
    'an address that stands there twice, too');
$wrong = worknet_fails('worker', 'import',
    lines("$gold->{address},gold", $silver->{address}));
like($wrong, qr/line 2: tier: got ""/, 'and one without a tier');
$w->worknet('worker', 'admit', $spare->{address}, '--witness');
$wrong = worknet_fails('worker', 'import',
    lines("$gold->{address},gold", "$spare->{address},gold"));
like($wrong, qr/line 2: .* is a witness/, 'and a witness');
is(admitted(), 1, '... and none of the others is let in');
$w->worknet('worker', 'expel', $spare->{address});

my $file = lines("$gold->{address},gold", "$silver->{address},silver # a friend");
my $shown = json_value($w->worknet('worker', 'import', $file, '--dry-run',
    '--json'));
is_deeply([ sort map { "$_->{before} $_->{tier} $_->{rewardPermille}" }
    @{ $shown->{changed} } ], [ 'none gold 1500', 'none silver 1200' ],
    '--dry-run lists what would change');
is(admitted(), 0, '... and changes nothing');

# ---- What is paid ----

my @before = polled($gold, 1);
is($before[0][1], 101, 'who is of no tier is told the reward of the task');
$w->worknet('worker', 'import', $file);
is($w->sql_value('SELECT weight FROM admission WHERE address = ' .
    "'" . lc($gold->{address}) . "'"), 3, 'one of a tier has its shares');
is(posted($gold, 1, @before), '0.000101',
    'a slot that was given before is paid as it was given');
next_cycle();
my @gold = polled($gold, 1);
is($gold[0][1], 151, 'who is gold is told one and a half times the reward');
is_deeply([ map { $_->[1] } polled($gold, 1) ], [ 151 ],
    '... also when it asks again');
is(posted($gold, 1, @gold), '0.000151', '... and is paid that');
my @silver = polled($silver, 2);
is(posted($silver, 2, @silver), '0.000121', 'who is silver 1.2 times');
my @plain = polled($plain, 3);
is(posted($plain, 3, @plain), '0.000101', 'and who is of none the reward itself');

my $show = json_value($w->worknet('worker', 'show', $gold->{address}, '--json'));
is_deeply([ @$show{qw(tier rewardPermille)},
    map { $_->{rewardMicros} } @{ $show->{lastResults} } ],
    [ 'gold', 1500, 151, 101 ], 'worker show tells the tier, and what was paid');
my $told = json_value($c->get("/v1/worker/$gold->{address}/status")->{body});
is_deeply([ @$told{qw(tier rewardPermille)} ], [ 'gold', 1500 ],
    'so does what anybody may read');
like($c->get("/worker/$gold->{address}")->{body},
    qr/Tier<.*gold: paid 1,?500 thousandths/s, 'and the page');
is($w->sql_value('SELECT group_concat(reward_usdc) FROM (SELECT reward_usdc ' .
    "FROM checks WHERE worker = '" . lc($gold->{address}) .
    "' ORDER BY slot)"), '0.000101,0.000151', 'and the view of checks');

# ---- Another tier, another multiple ----

$shown = json_value($w->worknet('worker', 'import', $file, '--json'));
is_deeply($shown->{changed}, [], 'the same file again changes nothing');
$w->{conf}{tiers} = { gold_reward_permille => 2500, gold_weight => 7 };
$w->conf_write;
next_cycle();
is((polled($gold, 1))[0][1], 151,
    'what is configured counts from the next import on');
$w->worknet('worker', 'import', $file);
is((polled($gold, 1))[0][1], 151, '... what was given stays as it was');
is(posted($gold, 1, polled($gold, 1)), '0.000151', '... and is paid so');
next_cycle();
is(posted($gold, 1, polled($gold, 1)), '0.000252', '... the next slot is paid anew');
my $check = $w->worknet('check');
like($check, qr/max_reward_micros = 252\b/,
    'check says what the bounds must be for the best tier');

# ---- What a task may cost ----

like(worknet_fails('task', 'edit', 'task1', '--budget', 100),
    qr/budget: got 100, expected 0, or 101 for the copies of a cycle/,
    'a budget is at least what the copies of a cycle cost without tiers');
$w->worknet('task', 'edit', "task$_", '--budget', 200) for 1 .. 12;
next_cycle();
is(posted($gold, 1, polled($gold, 1)), '0.000200',
    'a multiple is bounded by what a cycle may cost');
is(posted($plain, 3, polled($plain, 3)), '0.000101',
    '... who is of no tier has the reward');
like($w->worknet('check'), qr/max_reward_micros = 200\b/, '... and check knows');
is(json_value($w->worknet('task', 'show', 'task1', '--json'))->{budgetMicros},
    200, 'task show tells it');
$w->worknet('task', 'edit', "task$_", '--copies', 2, '--budget', 405)
    for 1 .. 12;
next_cycle();
is(posted($gold, 1, polled($gold, 1)), '0.000202',
    'where a cycle has more copies, each has its part of it, rounded down');

$w->worknet('worker', 'expel', $gold->{address});
next_cycle();
is(posted($gold, 1, polled($gold, 1)), '0.000101', 'who is expelled is of no tier');
$w->audit_ok('with tiers');

# ---- What the audit finds ----

my @open = polled($silver, 2);
is($w->stop, 0, 'it stops');
$w->log_ok;

my @kept = qw(tier worker_tier assignment);
sub audit_finds {
	my ($sql, $pattern, $name) = @_;
	my @guards = $w->sql('SELECT name, sql FROM sqlite_schema ' .
	    "WHERE type = 'trigger'");

	$w->sql_text(join(' ', map { "CREATE TABLE was_$_ AS SELECT * FROM $_;" }
	    @kept) . join(' ', map { "DROP TRIGGER $_->{name};" } @guards) .
	    "$sql;");
	like(($w->audit)[1], $pattern, "the audit finds $name");
	$w->sql_text(join(' ', map { "DELETE FROM $_; INSERT INTO $_ SELECT * " .
	    "FROM was_$_; DROP TABLE was_$_;" } reverse @kept) .
	    join(' ', map { "$_->{sql};" } @guards));
}

my $sum = qr/^amount +transfer \d+: credits \d+ micro-USDC, the rewards of its/m;
audit_finds('UPDATE tier SET reward_permille = 2000 WHERE reward_permille = 1500',
    $sum, 'a tier that was changed afterwards');
audit_finds('INSERT INTO worker_tier SELECT 99, id, 1, 1, 1 FROM worker WHERE ' .
    "address = '" . lc($plain->{address}) . "'", $sum,
    'a tier that somebody was given for what it did before');
audit_finds('INSERT INTO worker_tier SELECT 99, id, 99999, 1, 1 FROM worker ' .
    'LIMIT 1', qr/counts from a slot that wasn't the next one/,
    'one from a slot that is still to come');
audit_finds('UPDATE assignment SET reward_micros = 500 WHERE slot = ' .
    '(SELECT max(slot) FROM assignment)',
    qr/has another reward than its definition and the worker's tier/,
    'a multiple out of its tier');
$w->audit_ok('once all is put back');
done_testing();
