# What a run may and may not do besides facilitators and nodes: how soon it
# heeds a signal, what it may promise, whom it holds, when a payment is worth
# its fee, who may take the lock, and what it says about itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA ();
use Test::More;

use PayoutTest qw(rig_start rig_stop fault_so);
use WorknetTest qw(build_path json_value now_ms run_command slurp wait_for);

my $rig = rig_start('--confirmation-timeout', 300);

sub ledger {
	my (%opt) = @_;

	return PayoutTest->new($rig, workers => 2, %opt, payout => {
	    facilitators => $rig->{scripted}, %{ $opt{payout} // {} } });
}

# ---- Signals ----

for my $signal (qw(TERM INT)) {
	my $l = ledger(payout => { concurrency => 2 });

	$rig->script('scripted', { mode => 'hang', delayMs => 100000,
	    transfer => WorknetTest::json_bool(0) });
	my $pid = $l->pay_begin;
	kill $signal, $pid;
	is($l->pay_end($pid), 4, "SIG$signal ends a run whose facilitator " .
	    'holds on: code 4');
	like($l->states, qr/submitted/, "SIG$signal: long before the " .
	    'facilitator would answer: what is sent stays submitted');
	is($l->last_run->{exit_code}, 4, "SIG$signal: and the run has its end");
	like($l->last_run->{words}, qr/stopped/, "SIG$signal: and why");
	$rig->script('scripted');
	$l->pay_is('paid', "SIG$signal: the next run goes on");
	is($l->states, 'posted posted', "SIG$signal: with all of them");
	$l->books_ok("after SIG$signal");
}

# ---- What is promised ----

{
	my $l = ledger(fund => 0);
	my @w = $l->worker_list;
	my @owed = map { $l->owed($_) } @w;

	$rig->token('mint', $l->{treasury}, $owed[0] + $owed[1] - 1);
	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is on its way', '--worker', $w[0]);
	$l->pay_is('insolvent', 'what it may still take isn\'t promised twice',
	    '--worker', $w[1]);
	is($l->states($w[1]), '', 'nothing is reserved');
	my $found = ($l->findings)[0];
	is($found->{kind}, 'treasury too poor', 'a finding says so');
	$rig->script('scripted');
	$rig->token('mint', $l->{treasury}, 1);
	$l->pay_is('paid', 'with one micro more it can be paid');
	$l->books_ok('after a promise');
}

{
	my $l = ledger();
	my @w = $l->worker_list;
	my $key = Digest::SHA::sha256_hex('a former treasury');
	my $own = slurp($l->dir('key'));
	my $former = ($l->sign($key, 'x', 0, 1, 'lower'))[1];

	$rig->token('mint', $former, 1000000);
	$l->key_write($key);
	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'a former treasury has promised something',
	    '--worker', $w[0]);
	# Empty but for what the second worker is owed.
	my $poor = ledger(fund => 0);
	$l->key_write(slurp($poor->dir('key')));
	$rig->token('mint', $poor->{treasury}, $l->owed($w[1]));
	$rig->script('scripted');
	$l->pay_is('findings', 'the new one pays', '--worker', $w[1]);
	is($l->states($w[1]), 'posted', 'with all that it has: what another ' .
	    'one promised isn\'t its own promise');
	$l->key_write($key);
	$l->pay('--worker', $w[0]);
	is($l->states($w[0]), 'posted', 'and the former one keeps its own');
}

# ---- Holds ----

# Signed, and not sent, because the facilitator wants a long pause.
{
	my $l = ledger(workers => 3, payout => { concurrency => 3 });
	my @w = $l->worker_list;

	$rig->script('scripted', { mode => 'http429', retryAfter => 3600 });
	$l->pay_is('unresolved', 'payouts wait for a facilitator');
	$rig->script('scripted');
	my ($id) = map { $_->{id} } $l->sql('SELECT id FROM worker WHERE ' .
	    "address = '$w[1]'");
	$l->sql("INSERT INTO hold VALUES ($id, 'operator', 1, 'asked')");
	$l->pay('--worker', $w[1]);
	is($l->chain_money($w[1]), 0, 'what is signed for who is held by now ' .
	    'isn\'t sent');
	is(scalar(grep { ($_->{body} // '') =~ /"to":"\Q$w[1]\E"/i }
	    $rig->settles), 0, 'not one byte of it');
	my $status = json_value($l->worknet('status', '--json'));
	ok((grep { $_->{text} =~ /1 workers are held/ }
	    @{ $status->{warnings} }), 'the status says that one is held');
	$l->sql('DELETE FROM hold');
	$l->pay;
	is($l->states, 'posted posted posted', 'once released it is');
	$l->books_ok('after a hold of what was signed');
}

{
	my $l = ledger(workers => 1);

	$rig->script('scripted', { mode => 'hang', delayMs => 1000,
	    times => 1 });
	my $pid = $l->pay_begin;
	kill('HUP', $pid) or die $!;
	like($l->pay_end($pid), qr/^\d+$/, 'a terminal that closes ends no run');
	ok($l->last_run->{ended_ms}, '... which comes to its end');
}

# Listed and verified, and not reserved yet.
{
	my $l = ledger(workers => 2);
	my @w = $l->worker_list;

	$rig->script('scripted', { mode => 'hang', delayMs => 1000,
	    times => 1 });
	my $pid = $l->pay_begin;
	$rig->freeze;
	$l->sql("INSERT INTO hold SELECT id, 'operator', 1, 'asked' FROM " .
	    "worker WHERE address = '$w[1]'");
	$l->pay_end($pid);
	is($l->states($w[1]), '', 'nothing is reserved for who is held while ' .
	    'another one is paid');
	$l->sql("DELETE FROM hold; INSERT INTO hold VALUES (0, 'operator', " .
	    "1, 'stop')");
	$l->pay('-v');
	like($l->{err}, qr/held by the operator/, 'a hold of everybody leaves ' .
	    'a word');
	like($l->last_run->{words}, qr/held/, 'also in the run\'s row');
	my $status = json_value($l->worknet('status', '--json'));
	ok((grep { $_->{text} =~ /payouts are held/ }
	    @{ $status->{warnings} }), 'and in the status');
}

# ---- What the token would refuse ----

{
	my $l = ledger(workers => 2);
	my @w = $l->worker_list;

	$rig->script('scripted', { mode => 'http429', retryAfter => 3600 });
	$l->pay_is('unresolved', 'a payout is signed', '--worker', $w[0]);
	$rig->token('blacklist', $w[0]);
	$rig->script('scripted');
	$l->pay_is('findings', 'what the token would refuse', '--worker',
	    $w[0]);
	is(scalar($rig->settles), 0, 'isn\'t sent');
	my ($found, @more) = grep { $_->{kind} ne 'facilitator fails' }
	    $l->findings;
	is($found->{kind}, 'transfer refused', 'a finding says so');
	like($found->{detail}, qr/blacklisted/, 'in the token\'s own words');
	is(scalar(@more), 0, 'one');
	$rig->token('unBlacklist', $w[0]);
	$l->pay_is('paid', 'once it wouldn\'t it is paid');
	is(join(' ', $l->findings), '', 'and that is over');
	$l->books_ok('after a refusal of the token');
}

# ---- Stored bytes ----

{
	my $l = ledger(workers => 2);
	my @w = $l->worker_list;

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'two payouts are open');
	$rig->script('scripted');
	# Whoever writes the ledger has the first one's bytes sent as the
	# second one's.
	$l->sql('DROP TRIGGER authorization_no_update; UPDATE authorization ' .
	    'SET body = (SELECT body FROM authorization WHERE payout = 1) ' .
	    'WHERE payout = 2');
	$l->pay_is('findings', 'bytes that aren\'t what was signed');
	is(join(', ', map { "$_->{kind} $_->{subject}" } $l->findings),
	    'request altered payout 2', 'are a finding');
	is($l->chain_money($w[1]), 0, 'and aren\'t sent');
	is($l->states($w[0]), 'posted', 'the other one is');
}

# ---- Nobody pays himself ----

{
	my $l = ledger(workers => 3);
	my @w = $l->worker_list;

	$l->sql("DROP TRIGGER worker_only_state; UPDATE worker SET address = " .
	    "'$l->{treasury}' WHERE address " .
	    "= '$w[1]'");
	$rig->script('scripted');
	$l->pay_is('findings', 'a worker with the treasury\'s key');
	is($l->states, 'posted posted', 'isn\'t paid, the others are');
	is(join(', ', map { $_->{kind} } $l->findings),
	    'worker is the treasury', 'a finding says so');
}

# ---- To look takes no treasury ----

{
	my $l = ledger();

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'payouts are open');
	# Somebody who has seen them carries them out.
	my %bodies = map { ($_->{body} => 1) } $rig->settles;
	$rig->post("$rig->{facilitator}/settle", json_value($_))
	    for keys %bodies;
	$rig->rpc('anvil_setCode', $l->{treasury}, '0x6000');
	$l->pay_is('paid', 'a treasury with code can be looked at',
	    '--reconcile');
	is($l->states, 'posted posted', 'and what was paid is booked');
	is($l->last_run->{reconcile}, 1, 'the run\'s row says that it looked');
	$rig->rpc('anvil_setCode', $l->{treasury}, '0x');
}

# ---- Repeated bytes, and their end ----

{
	my $l = ledger(workers => 1);

	$rig->script('scripted', { mode => 'insufficient' });
	$l->pay_is('unresolved', 'a facilitator says no twice');
	my @answers = map { $_->{detail} =~ /^(\w+):/ } $l->sql('SELECT ' .
	    "detail FROM payout_event WHERE kind = 'answered' ORDER BY id");
	is("@answers", 'retry ambiguous', 'to bytes that were sent before the ' .
	    'same words mean less');
}

# ---- The threshold ----

{
	my $l = ledger(workers => 2, payout => { threshold => 'auto',
	    threshold_micros => 100 });
	my @w = $l->worker_list;
	my ($small, $large) = sort { $a <=> $b } map { $l->owed($_) } @w;

	$rig->script('scripted');
	$l->payout_conf(fee_micros => int($large / 100) + 1);
	$l->pay_is('nothing', 'a payment isn\'t worth a fee of more than 1 %');
	$l->pay('--dry-run');
	like($l->{out}, qr/the fee is too large a share/, '--dry-run says so');
	$l->payout_conf(fee_micros => int($small / 100) - 1);
	$l->pay_is('paid', 'one of 1 % it is');
	is($l->states, 'posted posted', 'for both');
	$l->books_ok('with a threshold by cost');
}

{
	my $l = ledger(workers => 1, payout => { threshold => 'auto',
	    threshold_micros => 100, fee_micros => 1000000,
	    longest_wait_days => 2 });

	$rig->script('scripted');
	$l->pay_is('nothing', 'what isn\'t worth its fee waits');
	$l->sql('DROP TRIGGER transfer_no_update; UPDATE transfer SET ' .
	    'at_ms = at_ms - 3 * 24 * 3600000');
	$l->pay('--dry-run');
	unlike($l->{out}, qr/fee is too large/, 'but not for longer than it ' .
	    'may');
}

# ---- What is refused before anything is asked ----

{
	my $l = ledger();

	for my $case ([ 'http to a facilitator elsewhere', qr/use https/,
	    facilitators => 'http://f.example' ],
	    [ 'http to a node elsewhere', qr/use https/,
	    rpc_urls => 'http://192.0.2.1:8545' ],
	    [ 'no facilitator', qr/facilitators: not set/,
	    facilitators => undef ],
	    [ 'one facilitator twice', qr/number 2 is number 1 again/,
	    facilitators => 'https://f.example https://f.example' ],
	    [ 'a CDP key without its secret', qr/cdp_key_file isn't/,
	    cdp_key_id => 'some-id' ],
	    [ 'a CDP secret without its id', qr/cdp_key_id isn't/,
	    cdp_key_file => 'some.key' ]) {
		my ($what, $says, %conf) = @$case;
		my %before = map { ($_ => $l->{conf}{payout}{$_}) } keys %conf;

		$l->payout_conf(%conf);
		$l->pay_is('conf', "$what: worknet-payout -t refuses it", '-t');
		like($l->{err}, $says, "$what: and says why");
		my ($code, $out) = $l->worknet_try('check');
		is($code, 1, "$what: so does worknet check");
		like($out, $says, "$what: in the same words");
		$l->payout_conf(%before);
	}
	for my $url ('http://localhost:1', 'http://127.9.9.9:1',
	    'http://[::1]:1', 'https://f.example/v1/KEY') {
		$l->payout_conf(facilitators => $url);
		is($l->pay('-t'), 0, "$url is fine");
	}
}

# ---- No run for too long, and one that never ended ----

SKIP: {
	skip 't/tools/fault.so isn\'t built', 1 if !fault_so();
	my $l = ledger(workers => 1)->fault_prepare;
	my $warnings = sub {
		my ($code, $out) = run_command({ env => { $l->fault_env } },
		    build_path('worknet'), '-c', $l->conf_path, 'status',
		    '--json');
		return join("\n", map { $_->{text} }
		    @{ json_value($out)->{warnings} });
	};

	like($warnings->(), qr/no payout run yet/, 'that none ever ran is ' .
	    'told');
	$rig->script('scripted');
	$l->pay_is('paid', 'one does');
	unlike($warnings->(), qr/payout run/, 'then nothing is told');
	my $status = json_value($l->worknet('status', '--json'));
	is($status->{lastRunExit}, 10, 'but its code');
	is($status->{lastRunPosts}, 2, 'and what it sent: a question and a ' .
	    'payment');
	$l->more_work(20);
	$l->clock_set(now_ms() + 2 * 3600 * 1000);
	like($warnings->(), qr/no payout run for [12]h\b/,
	    'a validity later that somebody is due and none ran');
	$l->clock_set(undef);
	$l->payout_conf(rpc_urls => 'http://127.0.0.1:9');
	$l->pay_is('system', 'one that reaches no node');
	like($warnings->(), qr/ended with code 7: .*chain/s,
	    'is told with its words');
}

# ---- The lock ----

SKIP: {
	skip 'only root can try this', 1 if $> != 0;
	my $l = ledger(workers => 1);
	my ($uid, $gid) = (getpwnam('nobody'))[2, 3];

	$rig->script('scripted');
	chmod 0755, $l->dir;
	my $give = sub {
		system('chown', '-R', "$uid:$gid", @_) == 0 or die 'chown';
	};
	$give->($l->dir('data'));
	chmod 0660, $l->ledger_path;
	$l->pay('--dry-run');
	my $lock = $l->ledger_path . '.payout-lock';
	is((stat $lock)[4], $uid, 'the lock belongs to the ledger\'s owner, ' .
	    'whoever ran first');
	is((stat $lock)[5], $gid, 'and to its group');
	$give->($l->dir);
	my $run = sub {
		my ($status, $out, $err) = run_command(WorknetTest::find_program(
		    'setpriv'), "--reuid=$uid", "--regid=$gid",
		    '--clear-groups', build_path('worknet-payout'), '-c',
		    $l->conf_path);
		return ($status, $err);
	};
	is(($run->())[0], 10, 'so that the timer\'s user can run');
	chown 0, 0, $lock;
	chmod 0600, $lock;
	my ($code, $err) = $run->();
	is($code, 1, 'a lock of somebody else is refused');
	like($err, qr/belongs to user 0; if no run is at work, remove it/,
	    'with what to do about it');
}

# ---- The end of an authorization: the chain's clock is ahead from here ----

{
	my $l = ledger(workers => 1, payout => { validity_s => 60 });

	$rig->script('scripted', { mode => 'http429', retryAfter => 3600 });
	$l->pay_is('unresolved', 'a payout is signed for a minute');
	$rig->warp(45);
	$rig->script('scripted');
	$l->pay_is('unresolved', 'within 30 s of its end');
	is(scalar($rig->settles), 0, 'it isn\'t sent any more');
}

rig_stop($rig);
done_testing();
