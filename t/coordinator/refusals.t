#!/usr/bin/perl
# What a worker's page says of its results that weren't paid: counted by day and
# reason, of nothing but what the worker itself has sent; kept for a while; and
# written with what is written anyway.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program json_value now_ms poll_path);
use WorknetTest::Rounds qw(round_result round_hash round_body);

need_program('sqlite3');

my $DAY = 86400000;
my $T0 = now_ms() - 40 * $DAY;
# Away from midnight: what is refused in a minute is of one day.
$T0 += $DAY / 2 - $T0 % $DAY;

my $w = WorknetTest->new->fault_prepare;
my ($one, $two, $idle, $stranger) = map { $w->worker($_) } 1 .. 4;

$w->{conf}{coordinator}{max_tasks_per_poll} = 8;
$w->{conf}{admission} = { standing_results => 0, standing_hours => 0 };
$w->{conf}{honesty} = { maturity_new_ms => 0 };
$w->conf_write;
my $now = $T0;
$w->clock_set($now);
$w->init;
$w->task_add("task_$_", interval => '10s', cooldown => '0s', copies => 3)
    for 1 .. 8;
$w->start;
my $c = $w->fcgi;
my $ledger = $w->sql_value('SELECT ledger_id FROM ledger');

sub later { $w->clock_set($now += $_[0]) }

# What the worker is given in the next cycle.
sub given {
	my ($worker) = @_;

	later(21000);
	my $all = json_value($c->get(poll_path($worker->{address}))->{body});
	die 'nothing is given' if !@$all;
	return @$all;
}

sub post { return json_value($c->post($_[0])->{body})->{accepted} }

sub alone {
	my ($worker, $task, %opt) = @_;

	return $w->result($worker, $task->{id}, timestamp => $w->fresh_ms, %opt);
}

# Reasons of today and how often, as the worker's JSON has them.
sub told {
	my ($worker) = @_;

	# With what somebody else is paid, what waits is written.
	my ($t) = given($two);
	die 'nothing is paid' if post([ alone($two, $t) ]) != 1;
	my $s = json_value($c->get("/v1/worker/$worker->{address}/status")->{body});
	my $today = $now - $now % $DAY;
	my $shown = json_value($w->worknet('worker', 'show',
	    $worker->{address}, '--json'));
	is_deeply([ @$shown{qw(refused refusals)} ], [ @$s{qw(refused refusals)} ],
	    'worknet worker show has the same');
	my %n = map { ($_->{reason} => $_->{results}) }
	    grep { $_->{dayMs} == $today } @{ $s->{refusals} };
	return join ', ', map { "$n{$_} $_" } sort keys %n;
}

sub commits {
	my $text = $c->get('/metrics', params => { WORKNET_LOCAL => 1 })->{body};

	return ($text =~ /^worknet_commit_duration_seconds_count (\d+)$/m)[0];
}

# ---- What counts, of results that are signed alone ----

my @t = given($one);
is(post([ alone($one, $t[0]) ]), 1, 'a result is paid');
my $before = commits();
is(post([ map { alone($one, $_, timestamp => $now + 120000) } @t[1 .. 3] ]), 0,
    'three from the future aren\'t');
is(post([ alone($one, $t[1], statusCode => 500),
    alone($one, $t[2], statusCode => undef, responseTimeMs => undef) ]), 0,
    'nor two that don\'t fit');
is(commits(), $before, 'nothing is committed for them');
is(told($one), '1 neither statusCode nor error, 1 success contradicts ' .
    'statusCode, 3 timestamp in the future',
    'each is counted by its reason, with the next transaction');

my $good = alone($one, $t[1]);
is(post([ $good ]), 1, 'one of them is paid after all');
is(post([ $good, alone($one, { id => 'task_none' }) ]), 0,
    'sent again it isn\'t, nor one of no task');
like(told($one), qr/, 1 unknown task$/, 'the latter counts');
unlike(told($one), qr/recorded/, '... but not what was paid already');

# ---- What doesn't count ----

$before = told($one);
my %forged = %{ alone($two, $t[2], timestamp => $now + 120000) };
$forged{workerAddress} = $one->{address};
is(post([ \%forged ]), 0, 'somebody else\'s signature is refused');
is(post([ { %forged, signature => '0x' . '11' x 64 . '1b' } ]), 0,
    '... as is none');
is(post([ alone($one, $t[2], timestamp => $now + 120000, success => 0,
    statusCode => 500), \%forged ]), 0, '... beside one\'s own');
is(told($one), $before =~ s/(\d+)(?= timestamp in the future)/$1 + 1/er,
    'neither counts for the address, the own one does');
$before = told($one);
is(post([ \%forged, map { alone($one, $t[2], timestamp => $now + 120000) }
    1 .. 3 ]), 0, 'behind a wrong signature');
is(told($one), $before, '... none is looked at any more: it costs one');
is(post([ alone($stranger, $t[2], timestamp => $now + 120000) ]), 0,
    'an address that was never given anything is refused');
told($one);
is($w->sql_value('SELECT count(*) FROM refusal WHERE worker NOT IN ' .
    '(SELECT id FROM worker WHERE address = ' . "'" . lc($one->{address}) .
    "')"), 0, '... and has no row, nor has anybody else');

# Results are published with their signatures: whoever has one sends it again
# while the worker has the task again.
$before = told($one);
later(1800000);
@t = given($one);
is(post([ $good ]), 0, 'an old result that was paid is refused as too old');
is(told($one), $before, '... and doesn\'t count');
my ($late) = grep { $_->{id} ne $good->{taskId} } given($one);
my $mine = alone($one, $late);
later(330000);
is(post([ $mine ]), 0, 'one that was sent too late is refused');
like(told($one), qr/(?:^|, )1 result too old/, '... and counts');
my ($expired) = given($one);
later(310000);
is(post([ alone($one, $expired) ]), 0, 'one of an assignment that expired is');
like(told($one), qr/^1 assignment expired, /, '... and counts');

# ---- Rounds ----

# A round of these tasks, each result with the fields.
sub in_round {
	my ($worker, $tasks, %fields) = @_;

	return round_body($w, $worker, $ledger, [ map { round_result($w, $worker,
	    $_, %fields) } @$tasks ]);
}

sub future { return (told($one) =~ /(\d+) timestamp in the future/)[0] }

$before = future();
@t = given($one);
is(post(in_round($one, [ @t[0 .. 3] ], timestamp => $now + 120000)), 0,
    'a round from the future isn\'t paid');
is(future(), $before + 4, '... and all of it counts');
is(post(in_round($one, [ @t[0, 1] ], timestamp => $now - 600000)), 0,
    'a round by a clock that is behind isn\'t paid');
like(told($one), qr/(?:^|, )3 result too old/, '... and counts');

@t = given($one);
my $paid = in_round($one, [ @t[0 .. 2] ]);
is(post($paid), 3, 'a round is paid');
$before = told($one);
given($one);
for (@{ $paid->{results} }) {
	$_->{timestamp} = $now + 120000;
	delete $_->{slot};
}
is(post($paid), 0, 'its signature under other results is refused');
$_->{slot} = $t[3]{round}{slot} for @{ $paid->{results} };
is(post($paid), 0, '... also for a slot that isn\'t paid');
my $round = in_round($one, [ @t[3, 4] ], timestamp => $now + 120000);
$round->{round}{signature} = $paid->{round}{signature};
is(post($round), 0, '... as are right hashes under another signature');
is(told($one), $before, 'none of them counts');
@t = given($one);
$round = in_round($one, [ @t[0, 1] ]);
$round->{results}[1]{responseTimeMs}++;
is(post($round), 1, 'beside a result that is paid');
like(told($one), qr/(?:^|, )1 hash of other values/,
    '... one of other values counts');

# ---- What is kept, and how long ----

my $all = $w->sql_value('SELECT sum(results) FROM refusal');
later($DAY);
@t = given($one);
post([ alone($one, $t[0], timestamp => $now + 120000) ]);
is(told($one), '1 timestamp in the future', 'another day has rows of its own');
my $s = json_value($c->get("/v1/worker/$one->{address}/status")->{body});
is($s->{refused}, $all + 1, '... and those before are told, too');
is($s->{refusals}[0]{results}, 1, '... behind them');
later(29 * $DAY);
given($two);
$s = json_value($c->get("/v1/worker/$one->{address}/status")->{body});
is_deeply([ map { $_->{results} } @{ $s->{refusals} } ], [ 1 ],
    'after thirty days the first day isn\'t told any more');
is($s->{refused}, 1, '... nor part of the sum');
@t = given($one);
post([ alone($one, $t[0], timestamp => $now + 120000) ]);
told($one);
is($w->sql_value('SELECT count(*) FROM refusal'), 2,
    '... and is gone with the next one that is written');

# A commit that fails leaves them waiting.
@t = given($one);
my $since = $now;
# Each slot has a row for the first time.
@t = grep { !$w->sql_value('SELECT count(*) FROM refused_slot WHERE slot = ' .
    $_->{round}{slot}) } @t;
post([ alone($one, $_, timestamp => $now + 120000) ]) for @t[0, 1];
$w->fault('ENOSPC write ftruncate');
is($c->post([ alone($one, $t[2]) ])->{status}, 503, 'on a full disk nothing is paid');
$w->fault;
is(told($one), '3 timestamp in the future', '... and afterwards nothing is lost');
is($w->sql_value("SELECT count(*) FROM refused_slot WHERE at_ms >= $since"), 2,
    '... of slots neither');
@t = given($one);
post([ alone($one, $t[0], timestamp => $now + 120000) ]);
is($w->stop, 0, 'the coordinator stops');
is($w->sql_value('SELECT sum(results) FROM refusal'), 5,
    '... and leaves nothing unwritten');

# Who was never paid is forgotten with all that is known of it.
$w->start;
$c = $w->fcgi;
@t = given($idle);
is(post([ alone($idle, $t[0], timestamp => $now + 120000) ]), 0,
    'who was never paid is refused');
is(told($idle), '1 timestamp in the future', '... which counts');
given($stranger);
later(700000);
given($two) for 1 .. 8;
is($c->get("/v1/worker/$idle->{address}/status")->{status}, 404,
    'some time later nobody knows of it');
is($w->sql_value('SELECT count(*) FROM refusal WHERE worker NOT IN (SELECT ' .
    'id FROM worker)'), 0, '... nor of what was refused');
is($w->stop, 0, 'the coordinator stops');
$w->log_ok;
$w->audit_ok('after refusals');

done_testing;
