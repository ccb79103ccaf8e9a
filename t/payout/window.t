# Several payouts on their way at once, and what happens meanwhile: a hold, a
# kill, refusals, credit that comes in after the evidence was verified.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes ();

use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(build_path run_command slurp wait_for);

# On a slow machine later blocks make some final within the run.
my $PAID = qr/^(?:posted|final)(?: (?:posted|final)){7}$/;

my $rig = rig_start('--confirmation-timeout', 300);

sub ledger {
	my ($concurrency, %opt) = @_;

	return PayoutTest->new($rig, workers => 8, %opt,
	    payout => { facilitators => $rig->{scripted},
	    concurrency => $concurrency });
}

sub count {
	my ($l, $state) = @_;

	return $l->sql_value("SELECT count(*) FROM payout WHERE " .
	    "state = '$state'");
}

# A run with so many payouts on their way, at a facilitator that doesn't go on
# until pay_end.
sub pay_in_the_middle {
	my ($l, $n) = @_;

	$rig->script('scripted', { mode => 'hang', delayMs => 300,
	    times => $n });
	my $pid = $l->pay_begin;
	$rig->freeze;
	wait_for(sub { count($l, 'submitted') == $n }, "$n to be on their way");
	return $pid;
}

# Waits until a run does nothing but wait for the facilitator.
sub wait_idle {
	my ($pid) = @_;
	my $cpu = sub { join(' ', (split ' ', slurp("/proc/$pid/stat"))[13, 14]) };
	my $before = '';

	wait_for(sub {
		my $now = $cpu->();
		my $same = $now eq $before;
		$before = $now;
		Time::HiRes::sleep(1) if !$same;
		return $same;
	}, 'the run to be idle');
}

# ---- A hold ----

{
	my $l = ledger(3);
	my $pid = pay_in_the_middle($l, 3);

	$l->sql("INSERT INTO hold VALUES (0, 'operator', 1, 'stop')");
	$l->pay_end($pid);
	like($l->states, qr/^posted posted posted( signed)*$/,
	    'a hold of everybody: what is on its way is paid, nothing follows');
	is(scalar($rig->settles), 3, 'the facilitator gets nothing more');
	$l->pay('--max', 1);
	is(scalar($rig->settles), 3, 'nor in another run');
	like($l->states, qr/^posted posted posted( signed)*$/,
	    'which begins no payout either');
	$l->sql('DELETE FROM hold');
	$l->pay_is('paid', 'once released everybody is paid');
	like($l->states, $PAID, 'each worker');
	is(scalar($rig->settles), 8, 'with one POST');
	$l->books_ok('after a hold with three on their way');
}

{
	my $l = ledger(2);
	my @w = $l->worker_list;
	my $pid = pay_in_the_middle($l, 2);

	$l->sql("INSERT INTO hold SELECT id, 'operator', 1, 'to be asked' " .
	    "FROM worker WHERE address IN ('$w[4]', '$w[7]')");
	$l->pay_end($pid);
	is($l->chain_money($_), 0, 'who is held while others are paid isn\'t')
	    for @w[4, 7];
	is(count($l, 'posted'), 6, 'all others are');
	$l->sql('DELETE FROM hold');
	$l->pay_is('paid', 'and then they are, too');
	$l->books_ok('after a hold of two');
}

# ---- A kill ----

{
	my $l = ledger(3);
	my $pid = pay_in_the_middle($l, 3);

	kill 'KILL', $pid;
	is($l->pay_end($pid), 'signal 9', 'a run is killed');
	is(count($l, 'submitted'), 3, 'three are with the facilitator');
	$l->pay_is('paid', 'the next run goes on');
	like($l->states, $PAID, 'and pays everybody');
	$l->books_ok('after a kill with three on their way');
}

# ---- Silence ----

{
	my $l = ledger(2);
	my $pid = pay_in_the_middle($l, 2);

	wait_for(sub { slurp($l->dir('run.log')) =~ /hasn't answered/ },
	    'the run to say what it waits for');
	like(slurp($l->dir('run.log')),
	    qr/answered about 2 payouts, since \d+ s about payout 1;/,
	    'a run that waits for the facilitator says so');
	is($l->pay_end($pid), 10, 'and goes on once it has answered');
	$l->books_ok('after a long silence');
}

# ---- Refusals ----

# A second refusal would be of the same payout, where the first is answered
# before anything else is sent.
for my $mode (qw(insufficient http429)) {
	my $l = ledger(4);

	$rig->script('scripted', { mode => $mode, times => 1 });
	$l->pay_is('paid', "$mode: what is refused for the moment is sent " .
	    'again');
	like($l->states, $PAID, '... everybody is paid');
	is(scalar($rig->settles), 9, '... with one more POST');
	$l->books_ok("after $mode");
}

# ---- Credit that comes in between ----

sub forged_credit {
	my ($worker, $micros) = @_;
	my $id = "(SELECT id FROM worker WHERE address = '$worker')";

	return 'INSERT INTO transfer SELECT max(id) + 1, max(at_ms), ' .
	    "'credit', 1, $id, $micros, zeroblob(32), 1 FROM transfer;" .
	    "UPDATE account SET balance_micros = balance_micros - $micros " .
	    'WHERE id = 1;' .
	    "UPDATE account SET balance_micros = balance_micros + $micros " .
	    "WHERE id = $id;";
}

{
	my $l = ledger(1);
	my @w = $l->worker_list;
	my %owed = map { ($_ => $l->owed($_)) } @w;
	my $pid = pay_in_the_middle($l, 1);

	# Two more are verified by now, and no payout is made for them.
	wait_idle($pid);
	is(scalar($l->payouts), 1, 'one at a time: nothing else is prepared');
	$l->sql(join('', map { forged_credit($_, 5000) } @w[1, 7]));
	$l->pay_end($pid);
	is($l->chain_money($w[1]), $owed{$w[1]}, 'credit that comes in after ' .
	    'the evidence was verified isn\'t paid with it');
	is($l->chain_money($w[7]), 0, 'before it, it speaks against all of it');
	is($l->owed($w[1]), 5000, 'what came in stays owed');
	$l->pay_is('findings', 'the next run verifies it');
	is($l->chain_money($w[1]), $owed{$w[1]}, 'and doesn\'t pay it either');
	like($l->{err}, qr/evidence: \Q$w[1]/i, 'but says why');
}

{
	my $l = ledger(1);
	my ($worker) = $l->worker_list;
	my $newest = $l->sql_value('SELECT max(id) FROM transfer');
	my $reserve = sub {
		return run_command({ stdin => "reserve $worker 1000 $newest\n" },
		    build_path('t/tools/make_payouts'), '--db', $l->ledger_path);
	};

	is(($reserve->())[0], 0, 'what was verified can be reserved');
	$l->sql(forged_credit($worker, 5000));
	my ($status, $out, $err) = $reserve->();
	isnt($status, 0, 'but not once more in the place of what it took');
	like("$out$err", qr/paid from since it was verified/, 'which it says');
	is(scalar($l->payouts), 1, 'and leaves no payout behind');
}

rig_stop($rig);
done_testing();
