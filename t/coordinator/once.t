#!/usr/bin/perl
# A result is credited once, whoever sends it, and how often.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program now_ms wait_for json_text json_value
    poll_path);

need_program('sqlite3', 'nginx');

my $CONNECTIONS = 32;

# How often each answer was given, as text.
sub tally {
	my %n;

	for my $r (@_) {
		my $body = defined $r ? json_value($r->{body}) : {};
		$n{defined $r ? $body->{errors} ? join('; ',
		    @{ $body->{errors} }) : $body->{accepted} //
		    $body->{error} : 'no answer'}++;
	}
	return join(', ', map { "$n{$_} x $_" } sort keys %n);
}

# ---- The same at once, and again ----

{
	my $w = WorknetTest->new(conf => { coordinator => { exchanges => 48 } });
	my ($one, $two, @single) = map { $w->worker($_) } 1 .. 6;
	my $at = now_ms();

	$w->past(130)->init;
	$w->hand_out(['a'], [ $one ], 90);
	$w->hand_out(['a'], [ @single[0 .. 2] ], 1);
	$w->hand_out(['b'], [ $two ], 8);
	$w->hand_out(['b'], [ $single[3] ], 1);
	$w->now->start;
	$w->nginx_start;
	my $c = $w->fcgi;
	my $paid = 0;

	for my $how ('nginx', 'fcgi') {
		for my $round (1 .. 8) {
			my $body = json_text([ $w->result($one, 'a',
			    timestamp => $at++) ]);
			is(tally($w->post_at_once($how,
			    ($body) x $CONNECTIONS)), '1 x 1, ' .
			    ($CONNECTIONS - 1) . ' x a: already recorded',
			    "the same result from $CONNECTIONS connections " .
			    "at once is credited once ($how, $round)");
			$paid++;
		}
	}
	is($w->balance($one), $paid * 100, 'and its worker has no more');

	# Requests that overlap: result i is in request i and i + 1.
	for my $how ('nginx', 'fcgi') {
		my @results = map { $w->result($one, 'a',
		    timestamp => $at++) } 0 .. $CONNECTIONS;
		my $accepted = 0;
		$accepted += json_value($_->{body})->{accepted} for
		    $w->post_at_once($how, map { json_text([
		    @results[$_, $_ + 1] ]) } 0 .. $CONNECTIONS - 1);
		is($accepted, $CONNECTIONS + 1, 'results that are each in ' .
		    "two of the requests are credited once ($how)");
		$paid += $CONNECTIONS + 1;
	}
	is($w->balance($one), $paid * 100, 'and the balance says so');
	is(($w->credited)[0], $paid, 'as do the results');

	# Two different results, one assignment.
	my @both = map { $w->result($single[0], 'a', timestamp => $at + $_,
	    success => $_) } 0, 1;
	is(json_value($c->post([ $both[0] ])->{body})->{accepted}, 1,
	    'of two results for one assignment the first is credited');
	is(tally($c->post([ $both[1] ])), '1 x a: not assigned',
	    'the second finds no assignment');
	is(tally($c->post([ $both[0] ])), '1 x a: already recorded',
	    'the first again is already recorded');
	my @many = map { json_text([ $w->result($single[1], 'a',
	    timestamp => $at + $_) ]) } 1 .. $CONNECTIONS;
	is(tally($w->post_at_once('fcgi', @many)), '1 x 1, ' .
	    ($CONNECTIONS - 1) . ' x a: not assigned',
	    "of $CONNECTIONS different results for one assignment, sent at " .
	    'once, one is credited');
	is(json_value($c->post([ map { $w->result($single[2], 'a',
	    timestamp => $at + $_) } 1 .. 3 ])->{body})->{accepted}, 1,
	    'also when they are in one request');
	is($w->balance($_), 100, 'one assignment, one reward')
	    for @single[0 .. 2];

	# Answers that are lost.
	for my $how ('nginx', 'fcgi') {
		my $result = $w->result($two, 'b', timestamp => $at++);
		my $body = json_text([ $result ]);
		my $before = $w->balance($two);
		if ($how eq 'nginx') {
			my $s = $w->http_socket;
			syswrite($s, WorknetTest::http_raw('POST',
			    '/api/v1/worker/results', $body));
			wait_for(sub { $w->balance($two) > $before },
			    'the credit of a request whose sender left');
			close $s;
		} else {
			my $lost = $w->fcgi;
			$lost->send_bytes(
			    WorknetTest::Fcgi::request_bytes('POST',
			    '/v1/worker/results', body => $body));
			$lost->close;
			wait_for(sub { $w->balance($two) > $before },
			    'the credit of a request whose sender left');
		}
		is(tally($c->post([ $result ])), '1 x b: already recorded',
		    "a result whose answer was lost is already recorded " .
		    "($how)");
		is($w->balance($two), $before + 100,
		    'and has earned once');
	}

	# What isn't the sender's to claim, each with its reason.
	my $mine = $w->result($two, 'b', timestamp => $at++);
	my %claims = (
		'not assigned' => [
			[ 'of a worker who holds nothing', $w->result(
			    $w->worker(9), 'b') ],
			[ 'of a worker who holds another task', $w->result(
			    $one, 'b') ],
			[ 'for another task than the worker\'s', $w->result(
			    $two, 'a') ] ],
		'invalid signature' => [
			[ 'signed by another worker', { %$mine,
			    signature => $w->result($one, 'b', timestamp =>
			    $mine->{timestamp})->{signature} } ],
			[ 'of another task, renamed', { %{ $w->result($two,
			    'a') }, taskId => 'b' } ] ],
		'unknown task' => [ [ 'for a task that doesn\'t exist',
			$w->result($two, 'c') ] ],
		'result too old (400s)' => [ [ 'that is too old',
			$w->result($two, 'b', timestamp => now_ms() -
			400500) ] ],
		'timestamp in the future' => [ [ 'from the future',
			$w->result($two, 'b', timestamp => now_ms() +
			100000) ] ],
	);
	my $before = json_text([ $w->credited ]);
	for my $reason (sort keys %claims) {
		for my $claim (@{ $claims{$reason} }) {
			my ($what, $result) = @$claim;
			my $r = $c->post([ $result ]);
			my $said = json_value($r->{body})->{errors}[0];
			# The age moves with the clock.
			$said =~ s/\(40\ds\)/(400s)/;
			is($said, "$result->{taskId}: $reason",
			    "a result $what is refused: $reason");
		}
	}
	is(json_text([ $w->credited ]), $before,
	    'nothing of that was credited');
	is(json_value($c->post([ $mine ])->{body})->{accepted}, 1,
	    'nor did it spoil the worker\'s own result');

	# The database is the only truth: an assignment that was edited.
	my $result = $w->result($single[3], 'b');
	my $edited = 'WHERE worker = (SELECT id FROM worker WHERE address = ' .
	    "'" . lc($single[3]{address}) . "')";
	$w->sql('UPDATE assignment SET assigned_ms = assigned_ms - 600000 ' .
	    $edited);
	is(tally($c->post([ $result ])), '1 x b: assignment expired',
	    'an assignment that the shell made older has expired');
	$w->sql('UPDATE assignment SET assigned_ms = assigned_ms + 600000 ' .
	    $edited);
	is(tally($c->post([ $result ])), '1 x 1',
	    'and is paid when it is put back');

	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after everything was sent more than once');
}

# ---- Polls at once ----

{
	my $w = WorknetTest->new(conf => { coordinator => { exchanges => 48 } })
	    ->init;
	my @crowd = map { $w->worker(300 + $_) } 1 .. $CONNECTIONS;

	$w->start;
	for my $case ([ 'one worker', 1, 1, ($crowd[0]) x $CONNECTIONS ],
	    [ "$CONNECTIONS workers", 1, 1, @crowd ],
	    [ "$CONNECTIONS workers", 5, 5, @crowd ],
	    [ 'two workers', 5, 2, (map { $w->worker($_) } 401, 402) x
	    ($CONNECTIONS / 2) ]) {
		my ($who, $copies, $given, @workers) = @$case;
		my $task = 'slots' . ++$w->{polled};
		$w->task_add($task, interval => '31d', copies => $copies);
		$w->poll_at_once(map { $_->{address} } @workers);
		# Who polls again is told again of what it has.
		is($w->sql_text("SELECT count(*) FROM assignment
		    WHERE task_name = '$task'"), "$given\n", "$CONNECTIONS polls of $who at once share " .
		    "$copies slots: $given are given");
	}
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- A slot that is offered again ----

{
	my $w = WorknetTest->new(conf => { coordinator => { exchanges => 48 } })
	    ->fault_prepare;
	# Past the greatest phase of a cycle that began at a round time.
	my $at = 1800000000000 + 31000;
	my $n = 0;

	$w->clock_set($at);
	$w->init;
	$w->start;
	my $c = $w->fcgi;
	my $polled = sub {
		my ($worker) = @_;
		return join(' ', map { $_->{id} } @{ json_value($c->get(
		    poll_path($worker->{address}))->{body}) });
	};

	# Each case: a silent holder and the next one, then who is first.
	for my $case ('next', 'holder', 'both') {
		my ($holder, $next, $late) = map { $w->worker(100 + ++$n) }
		    1 .. 3;
		my $task = "slot_$case";

		$w->clock_set($at);
		$w->task_add($task, interval => "5m", "timeout-ms" => 10000);
		is($polled->($holder), $task, "($case) a slot is given");
		$w->clock_set($at + 69999);
		is($polled->($next), '',
		    'it isn\'t given again before timeout and 60 s');
		$w->clock_set($at + 70000);
		is($polled->($holder), $task, 'its holder is still told of it');
		is($polled->($next), $task, 'but then to the next who asks');
		is($polled->($late), '', 'and to no third');
		my %r = (holder => $w->result($holder, $task),
		    next => $w->result($next, $task));
		if ($case eq 'both') {
			my @r = $w->post_at_once('fcgi', map { json_text([
			    $_ % 2 ? $r{holder} : $r{next} ]) }
			    1 .. $CONNECTIONS);
			like(tally(@r), qr/^1 x 1, 15 x $task: already re/,
			    'of both, sent 16 times at once, one is paid');
			like(tally(@r), qr/16 x $task: slot taken by anoth/,
			    'and the other told that the slot is taken');
		} else {
			my $other = $case eq 'next' ? 'holder' : 'next';
			is(tally($c->post([ $r{$case} ])), '1 x 1',
			    "the first result, of the $case, takes the slot");
			is(tally($c->post([ $r{$other} ])), "1 x $task: " .
			    'slot taken by another worker',
			    "that of the $other comes too late");
			is(tally($c->post([ $r{$case} ])),
			    "1 x $task: already recorded",
			    'the first one again is already recorded');
		}
		is($w->balance($holder) + $w->balance($next), 100,
		    'the slot was paid once');
		$w->clock_set($at + 150000);
		is($polled->($late), '', 'and is never offered again');
		$w->worknet('task', 'remove', $task);
	}

	# Two in one request: the second is another's slot by then.
	$w->clock_set($at);
	$w->task_add('shared', interval => '5m', 'timeout-ms' => 10000);
	my ($holder, $next) = map { $w->worker(200 + $_) } 1, 2;
	$polled->($holder);
	$w->clock_set($at + 70000);
	$polled->($next);
	is(tally($c->post([ $w->result($next, 'shared'), $w->result($holder,
	    'shared') ])), '1 x shared: slot taken by another worker',
	    'of two workers\' results for one slot in one request the second ' .
	    'is refused');
	is($w->balance($next), 100, 'the first is paid');
	is($w->balance($holder), 0, 'and only that');

	# A cycle may be longer than an assignment is paid.
	$w->worknet('task', 'remove', 'shared');
	$w->task_add('long', interval => '30m');
	my $given = $at + 90000;
	$w->clock_set($given += 10000) until $polled->($next) eq 'long' ||
	    $given > $at + 1800000;
	$w->clock_set($given + 300001);
	is($polled->($next), 'long', 'whoever let it expire is given it again');
	is(tally($c->post([ $w->result($next, 'long') ])), '1 x 1',
	    '... and paid');
	is($w->balance($next), 200, '... once');

	# Of two polls at once the one that came first may be carried out last.
	$w->worknet('task', 'remove', 'long');
	$w->task_add('shared_out', interval => '10m', copies => 5);
	my $third = $w->worker(203);
	$w->clock_set($given += 10000) until $polled->($third) ne '' ||
	    $given > $at + 7200000;
	$w->clock_set($given - 50);
	is($polled->($third), '', 'a poll of some ms before is given no other copy');
	is($w->sql_value('SELECT count(*) FROM assignment WHERE ' .
	    "task_name = 'shared_out'"), 1, '... of the cycle');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after slots were offered again');
}

# ---- The same without touching the clock: the shell edits the ledger ----

{
	my $w = WorknetTest->new;
	my ($holder, $next) = map { $w->worker($_) } 1, 2;

	$w->init;
	$w->task_add('edited', interval => '31d');
	$w->start;
	my $c = $w->fcgi;
	is($c->get(poll_path($holder->{address}))->{body} =~ /edited/, 1,
	    'a slot is given in real time');
	is($c->get(poll_path($next->{address}))->{body}, '[]',
	    'and not given again');
	$w->sql('UPDATE open_slot SET free_ms = 1; UPDATE schedule SET open_ms = 1;');
	is($c->get(poll_path($next->{address}))->{body} =~ /edited/, 1,
	    'until the ledger says that its time has come');
	is(tally($c->post([ $w->result($next, 'edited') ])), '1 x 1',
	    'and then paid');
	is(tally($c->post([ $w->result($holder, 'edited') ])),
	    '1 x edited: slot taken by another worker', 'once');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after edits by the shell');
}

done_testing();
