#!/usr/bin/perl
# What happens to what the gas account has sent: passed over by blocks,
# forgotten by nodes, reorganised away, killed in the middle. No nonce is left
# out, none does two things, and everybody is paid once.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use Test::More;

use DirectTest;
use Forger ();
use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(wait_for);

my $rig = rig_start('--confirmation-timeout', 300);

sub ledger { return DirectTest->new($rig, @_) }
sub mining { $rig->rpc('evm_setAutomine',
	$_[0] ? JSON::PP::true() : JSON::PP::false()) }

# ---- Stuck ----

{
	my $l = ledger(payout => { direct_batch => 64 });

	mining(0);
	my $pid = $l->pay_begin;
	# Blocks cost more than it offers.
	$rig->rpc('anvil_setNextBlockBaseFeePerGas', '0x12a05f2000');
	$rig->mine(1);
	is($l->gas_nonce, 0, 'a transaction that offers too little stays out');
	$l->wait_pending(2);
	my ($first, $second) = $l->hashes;
	my $tx = $l->transaction($second);
	is(hex($tx->{nonce}), 0, 'it is replaced: the same nonce');
	my ($s) = $l->sql('SELECT hex(data) AS data, target FROM submission');
	is(lc($tx->{input}), '0x' . lc($s->{data}), 'the same payload');
	my ($old, $new) = map { $_->{max_fee_wei} } $l->sql('SELECT ' .
	    'max_fee_wei FROM submission_form ORDER BY max_fee_wei');
	cmp_ok($new, '>=', $old * 1.1, 'for at least 10 % more');
	cmp_ok($new, '<=', 400e9, 'and no more than the cap');
	$rig->mine(1);
	mining(1);
	is($l->pay_end($pid), 10, 'the run ends once a block has it');
	is($l->states, 'posted posted posted', 'everybody is paid');
	is($l->queue, '0:3', 'by one nonce');
	$rig->rpc('anvil_setNextBlockBaseFeePerGas', '0x3b9aca00');
	$rig->mine(6);
	$l->pay;
	is($l->states, 'final final final', 'and so it is in final blocks');
	my ($done) = $l->submissions;
	ok(defined $done->{cost_wei}, 'one of its forms did it');
	$l->books_ok('after a replacement');
}

# ---- Killed ----

for my $case ([ 'forgotten by the node', 1 ], [ 'still with the node', 0 ]) {
	my ($what, $drop) = @$case;
	my $l = ledger(payout => { direct_batch => 2 });

	mining(0);
	my $pid = $l->pay_begin(2);
	kill 'KILL', $pid;
	$l->pay_end($pid);
	my ($queue, @hashes) = ($l->queue, $l->hashes);
	is($queue, '0:2 1:1', "$what: killed with two transactions sent");
	$rig->rpc('anvil_dropAllTransactions') if $drop;
	mining(1);
	$rig->mine(1);
	$l->pay for 1 .. 2;
	is($l->states, 'posted posted posted', "$what: everybody is paid");
	is($l->queue, $queue, "$what: by the nonces that were queued");
	is(join(' ', $l->hashes), "@hashes", "$what: by the very same bytes");
	is($l->gas_nonce, 2, "$what: there is no hole");
	$l->books_ok("after a kill, $what");
}

# ---- Reorganised ----

{
	my $l = ledger();
	my ($w) = $l->worker_list;

	$l->pay_is('paid', 'one is paid', '--worker', $w);
	my $state = $rig->rpc('evm_snapshot');
	$l->pay_is('paid', 'and then the others');
	is($l->gas_nonce, 3, 'by three nonces');
	my @hashes = $l->hashes;
	$rig->rpc('evm_revert', $state);
	is($l->gas_nonce, 1, 'two of them are reorganised away');
	$rig->mine(4); # as many blocks as there were
	$l->pay for 1 .. 2;
	is(scalar(grep { /^(?:posted|final)$/ } split / /, $l->states), 3,
	    'they are paid again');
	is(join(' ', $l->hashes), "@hashes", 'by the very same bytes');
	is($l->gas_nonce, 3, 'and no nonce is left out');
	$l->books_ok('after a reorganisation');
}

# Its blocks are gone, and so is the authorizations' time: the nonces are used
# up all the same before a new payment.
{
	my $l = ledger(payout => { direct_batch => 2 });

	mining(0);
	my $pid = $l->pay_begin(2);
	kill 'KILL', $pid;
	$l->pay_end($pid);
	$rig->rpc('anvil_dropAllTransactions');
	mining(1);
	$rig->warp(3700);
	$rig->mine(6);
	$l->clock_set(WorknetTest::now_ms() + 3700_000)
	    if PayoutTest::fault_so();
	$l->pay for 1 .. 3;
	is(scalar(grep { $_->{state} eq 'voided' } $l->payouts), 3,
	    'what has expired on its way is void');
	is(scalar(grep { $_->{state} =~ /^(?:posted|final)$/ } $l->payouts),
	    3, 'and is paid anew');
	is($l->gas_nonce, scalar($l->submissions), 'without a hole');
	$l->books_ok('after transactions that came too late');
}

# ---- What the data costs on the chain below ----

{
	my $l = ledger(payout => { rpc_urls => $rig->{nodes}[0] });
	my ($w) = $l->worker_list;

	$rig->node(0, { mode => 'receipt', result => { l1Fee => '0x' .
	    sprintf('%x', 8999999e12) } });
	$l->pay_is('paid', 'one is paid', '--worker', $w);
	$rig->mine(6);
	$l->pay_is('unresolved', 'once a block shows that the data of its ' .
	    'transaction cost nearly all of max_gas_per_day_gwei');
	like($l->{err}, qr/limit of 24 hours is reached, blocks show a cost/,
	    'a line says so');
	is($l->gas_nonce, 1, 'and nothing more is sent');
	$rig->node(0);
	$l->payout_conf(max_gas_per_day_gwei => 9200000000);
	$l->pay_is('paid', 'a higher limit lets them through');
	$l->books_ok('after dear data');
}

# ---- Audited ----

{
	my $l = ledger();
	my $account = $l->{gas};

	$l->pay_is('paid', 'three are paid by three nonces');
	my ($status, $text) = $l->audit;
	is($status, 0, 'the audit finds nothing') or diag($text);
	$l->backup('right');
	for ([ 'a nonce that is left out', qr/its account's nonce 7 follows 1/,
		'UPDATE submission SET nonce = 7 WHERE nonce = 2' ],
	    [ 'other bytes', qr/its bytes don't have its hash/,
		'UPDATE submission SET gas_limit = gas_limit + 1 ' .
		'WHERE nonce = 1' ],
	    [ 'bytes of another account', qr/its account didn't sign it/,
		"UPDATE submission SET account = '$DirectTest::STRANGER' " .
		'WHERE nonce = 2' ],
	    [ 'one without bytes', qr/hex: /, 'DELETE FROM submission_form ' .
		'WHERE submission = (SELECT id FROM submission WHERE ' .
		'nonce = 0)' ],
	    [ 'one that carries nothing', qr/carries out 0 payouts/,
		'DELETE FROM submission_payout WHERE payout = 2' ],
	    [ 'a payout that was sent to somebody else',
		qr/of its payouts 1 were never sent by its account/,
		"UPDATE payout_event SET detail = 'https://example.com' " .
		"WHERE kind = 'submitted' AND payout = 3" ]) {
		my ($what, $says, $sql) = @$_;

		Forger::forge($l, "$sql;");
		($status, $text) = $l->audit;
		isnt($status, 0, "$what: the audit finds it");
		like($text, $says, "$what: and says what it is");
		$l->restore('right');
	}
}

rig_stop($rig);
done_testing();
