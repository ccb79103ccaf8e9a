#!/usr/bin/perl
# Payouts that we send to the chain ourselves, from a gas account: what is
# paid, with how much gas; and what keeps it from being sent.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use Test::More;

use DirectTest;
use PayoutTest qw(rig_start rig_stop fault_so);
use WorknetTest qw(now_ms);

my $NOBODY = 'http://127.0.0.1:1'; # refuses connections

my $rig = rig_start('--confirmation-timeout', 300);
DirectTest::token_behind_proxy($rig);

sub ledger { return DirectTest->new($rig, @_) }

# Gas that a transaction used for each of n payouts.
sub gas_of {
	my ($hash, $n) = @_;

	return hex($rig->rpc('eth_getTransactionReceipt', $hash)->{gasUsed}) /
	    $n;
}

# doc/payouts' table of what a payout takes is what was measured here.
sub text_has {
	my ($row, @gas) = @_;
	my ($new, $known) = map { tr/,//dr } WorknetTest::slurp(
	    WorknetTest::source_path('doc/payouts')) =~
	    /^ +$row +([\d,]+) +([\d,]+)$/m or die "doc/payouts: $row";

	for ([ 'new', $new, $gas[0] ], [ 'known', $known, $gas[1] ]) {
		my ($what, $says, $is) = @$_;
		cmp_ok(abs($says - $is), '<=', 100, "$row, a $what payee: " .
		    "doc/payouts says $says gas, it took $is");
	}
}

# And so is what 1,000 payouts a day to known payees cost in a month: that gas at
# Base's lowest fee, 0.005 gwei, and ether at 3,000 USDC.
for (['one by one', 'singly'], ['64 by Multicall3', '64 in one']) {
	my ($way, $row) = @$_;
	my $text = WorknetTest::slurp(WorknetTest::source_path('doc/payouts'));
	my ($gas) = $text =~ /^ +$row +[\d,]+ +([\d,]+)$/m;
	my $usdc = sprintf('%.0f', 30 * 1000 * 0.005e-9 * 3000 *
	    $gas =~ tr/,//dr);

	like($text, qr/$way +$gas gas each +$usdc USDC$/m,
	    "the price of a month, $way, is of that gas");
}

# ---- One or several in a transaction ----

{
	my $l = ledger();

	$l->pay_is('paid', 'without any facilitator everybody is paid');
	is($l->states, 'posted posted posted', 'the chain shows it');
	is($l->queue, '0:1 1:1 2:1', 'each in a transaction of its own');
	is($l->gas_nonce, 3, 'of the gas account');
	$rig->mine(5);
	$l->more_work;
	$l->pay_is('paid', 'and so they are in the next run');
	is($l->queue, '0:1 1:1 2:1 3:1 4:1 5:1', 'with the nonces that follow');
	is(scalar(grep { defined $_->{done_ms} && $_->{cost_wei} > 0 }
	    $l->submissions), 3, 'of those in final blocks it knows the cost');
	my $t = WorknetTest::json_value(scalar $l->worknet('treasury',
	    '--json'));
	is(lc $t->{gasAccount}, $l->{gas}, 'worknet treasury names the account');
	cmp_ok($t->{gasPerDayGwei}, '>', 0, 'what a day costs on average');
	cmp_ok($t->{gasDays}, '>=', 7, 'and how many days are left');
	$l->ether('0x5af3107a4000'); # a ten thousandth
	like($l->worknet('treasury'), qr/lasts for less than 7 days/, 'and warns when few are');
	my @gas = map { gas_of($_, 1) } $l->hashes;
	text_has('singly', @gas[0, 3]);
	$l->books_ok('after paying singly');
}

{
	my $l = ledger(workers => 64,
	    payout => { direct_batch => 64, threshold_micros => 10 });

	$l->pay_is('paid', '64 are paid');
	is($l->queue, '0:64', 'by one transaction');
	my ($tx) = $l->submissions;
	is($tx->{gas_limit}, 64 * 140000 + 200000, 'its gas is by the rule');
	cmp_ok($tx->{gas_limit}, '<', 2 ** 24, 'below what Base takes');
	$l->more_work(5); # of the last hour: the ledger ends before it
	$l->pay_is('paid', 'and once more, now that they are known');
	my @sent = $l->submissions;
	my @gas = map { gas_of(($l->hashes)[$_], $sent[$_]{payouts}) } 0, 1;
	is($sent[1]{payouts}, 64, 'all 64');
	text_has('64 in one', @gas);
	cmp_ok($gas[1], '<=', 55000, 'for at most 55,000 gas a payee');
	$l->books_ok('after paying 64 at once, twice');
}

{
	my $l = ledger(workers => 10, payout => { direct_batch => 4 });

	$l->pay_is('paid', 'ten are paid by transactions of at most four');
	is($l->queue, '0:4 1:4 2:2', 'which are three');
	$l->books_ok('after paying by four');
}

{
	my $l = ledger(payout => { direct_batch => 64 });
	my $code = $rig->rpc('eth_getCode', $DirectTest::MULTICALL, 'latest');

	$rig->rpc('anvil_setCode', $DirectTest::MULTICALL, '0x');
	$l->pay_is('paid', 'on a chain without Multicall3 all are paid');
	is($l->queue, '0:1 1:1 2:1', 'singly');
	$rig->rpc('anvil_setCode', $DirectTest::MULTICALL, $code);
	$l->books_ok('without Multicall3');
}

# ---- Those whom the token refuses ----

{
	my $l = ledger(workers => 64, payout => {
	    settle => 'facilitator', facilitators => $NOBODY,
	    concurrency => 64 });
	my @w = $l->worker_list;

	$l->pay for 1 .. 3; # one at first: nobody is at home
	$l->payout_conf(settle => 'direct', direct_batch => 64);
	my $before = () = $l->payouts;
	$rig->rpc('evm_setAutomine', JSON::PP::false());
	my $pid = $l->pay_begin;
	# The two come first, as they offer more for it.
	$l->dearly(token => 'blacklist', $w[1]);
	$l->dearly(submit => $w[2]);
	$rig->mine(1);
	$rig->rpc('evm_setAutomine', JSON::PP::true());
	$l->pay_end($pid);
	my ($tx) = $l->submissions;
	my %state = map { $_->{address} => $_->{state} } $l->payouts;
	is($state{$w[1]}, 'submitted',
	    'one that the token refuses in the block isn\'t paid');
	is(scalar(grep { $_ eq 'posted' } values %state), 63,
	    'the other 63 are, also the one that somebody else was faster with');
	is($rig->rpc('eth_getTransactionReceipt', ($l->hashes)[0])->{status},
	    '0x1', 'and the transaction succeeds');
	my @calls = $l->queue;
	$l->pay_is('findings', 'the next run tries it without sending it');
	is($l->queue, join(' ', @calls), 'so it takes no gas');
	$rig->token('unBlacklist', $w[1]);
	$l->pay_is('paid', 'once the token takes it, it is paid');
	$l->books_ok('after 64 of whom two were refused');
}

# What is enough for the outer call, which is what nodes estimate, isn't for the
# inner one: mined, status 1, nobody paid.
sub least_gas {
	my ($data) = @_;

	for (my $gas = 30000; $gas < 300000; $gas += 500) {
		my $text = eval { $rig->rpc('eth_call', { data => $data,
		    to => $DirectTest::MULTICALL,
		    gas => sprintf('0x%x', $gas) }, 'latest') };
		return $gas if defined $text;
	}
}

{
	my $l = ledger(workers => 2, payout => { direct_batch => 64 });
	my ($w) = $l->worker_list;

	$rig->rpc('evm_setAutomine', JSON::PP::false());
	my $pid = $l->pay_begin;
	my $data = $l->multicall_data($w);
	my $gas = least_gas($data);
	my $hungry = $rig->rpc('eth_sendTransaction', { data => $data,
	    from => $DirectTest::STRANGER, to => $DirectTest::MULTICALL,
	    gas => sprintf('0x%x', $gas), maxFeePerGas => '0x4a817c8000',
	    maxPriorityFeePerGas => '0x4a817c8000' });
	$rig->mine(1);
	$rig->rpc('evm_setAutomine', JSON::PP::true());
	is($l->pay_end($pid), 10,
	    'beside a transaction that starves its call all are paid');
	my $receipt = $rig->rpc('eth_getTransactionReceipt', $hungry);
	is($receipt->{status}, '0x1', "which succeeds with $gas gas");
	is(scalar(@{ $receipt->{logs} }), 0, 'and pays nobody');
	cmp_ok(hex($l->transaction(($l->hashes)[0])->{gas}), '>=', 2 * 140000,
	    'ours has gas for each of its calls');
	$l->books_ok('beside a starving transaction');
}

# ---- As a fallback ----

{
	my $l = ledger(payout => { settle => 'facilitator direct',
	    facilitators => $NOBODY, direct_after_s => 300 });

	$l->pay_is('unresolved', 'at a dead facilitator nobody is paid');
	is($l->queue, '', 'nor before the time that it has');
	$l->payout_conf(direct_after_s => 1);
	sleep 2;
	$l->pay_is('paid', 'after that time the gas account pays everybody');
	is($l->states, 'posted posted posted', 'by itself');
	$l->books_ok('after a fallback');
}

{
	my $l = ledger(payout => { settle => 'facilitator direct',
	    facilitators => $rig->{scripted}, direct_after_s => 300 });

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'what a facilitator takes and leaves is open');
	is($l->queue, '', 'nothing is sent before the time that it has');
	$l->payout_conf(direct_after_s => 1);
	sleep 2;
	$l->pay_is('paid', 'after that time the gas account sends the same');
	is($l->states, 'posted posted posted', 'and all that follow');
	$rig->script('scripted');
	$l->books_ok('after a facilitator that answered nothing');
}

{
	my $l = ledger(payout => { settle => 'facilitator direct',
	    facilitators => $rig->{scripted}, direct_after_s => 0 });

	$rig->script('scripted', { mode => 'failure-with-transfer' });
	$l->pay_is('paid', 'a facilitator that settles and denies it');
	is($l->queue, '', 'needs no fallback: the chain shows it');
	$rig->script('scripted', { mode => 'no-answer' });
	$l->more_work;
	$l->pay;
	is(scalar(grep { $_->{state} eq 'submitted' } $l->payouts), 0,
	    'without an answer the gas account settles it at once');
	$rig->script('scripted');
	$l->pay for 1 .. 2;
	is(scalar(grep { /^(?:posted|final)$/ } split / /, $l->states), 6,
	    'everybody is paid');
	$l->books_ok('after a facilitator without answers');
}

# ---- The gas account ----

{
	my $l = ledger(ether => '0x1000');

	$l->pay_is('findings', 'an empty gas account is a finding');
	like($l->{err}, qr/gas account is poor.*needs/, 'and a line says so');
	is($l->queue, '', 'nothing is queued');
	$l->ether('0xde0b6b3a7640000');
	$l->pay for 1 .. 2;
	is($l->states, 'posted posted posted', 'with ether everybody is paid');
	$l->books_ok('after an empty gas account');
}

{
	my $l = ledger(payout => { max_fee_gwei => '0.000000001' });

	$l->pay_is('unresolved', 'above the greatest fee nothing is sent');
	like($l->{err}, qr/max_fee_gwei is 0\.000000001: waiting/,
	    'and a line says so');
	is($l->queue, '', 'nothing is queued');
	$l->payout_conf(max_fee_gwei => 400, max_gas_per_day_gwei => 1);
	$l->pay_is('unresolved', 'nor above what a day\'s gas may cost');
	like($l->{err}, qr/limit of 24 hours is reached/, 'and a line says so');
	$l->payout_conf(max_gas_per_day_gwei => 9000000000);
	$l->pay for 1 .. 2;
	is($l->states, 'posted posted posted', 'below both everybody is paid');
	$l->books_ok('after fees above their limits');
}

{
	my $l = ledger();

	WorknetTest::spurt($l->dir('copy'), WorknetTest::slurp($l->dir('key')));
	chmod(0600, $l->dir('copy')) or die $!;
	$l->payout_conf(gas_key_file => 'copy');
	$l->pay_is('conf', 'the treasury\'s key isn\'t that of a gas account');
	like($l->{err}, qr/key is the treasury's/, 'and a line says so');
	$l->payout_conf(gas_key_file => undef);
	$l->pay_is('conf', 'nor is none');
	$l->payout_conf(gas_key_file => 'gas');
	$l->pay_is('paid', 'with its own all are paid', '--max', 1);
	# Somebody else sends from it.
	$rig->rpc('anvil_impersonateAccount', $l->{gas});
	$rig->rpc('eth_sendTransaction', { from => $l->{gas},
	    to => $l->{gas}, value => '0x0' });
	$l->pay_is('findings', 'a gas account that somebody else uses is a ' .
	    'finding');
	like($l->{err}, qr/used elsewhere/, 'and a line says so');
	is($l->queue, '0:1', 'nothing is sent from it');
	$l->pay_is('findings', 'and so it stays');
	is($l->queue, '0:1', 'whatever happens');
	$l->gas_key_new;
	$l->ether('0xde0b6b3a7640000');
	$l->pay for 1 .. 2;
	is($l->states, 'posted posted posted', 'with a new key all are paid');
	is(scalar(grep { $_->{nonce} == 0 } $l->submissions), 2,
	    'from its first nonce on');
	is(join(' ', map { "$_->{kind} $_->{closed_by}" }
	    $l->findings('all')), 'gas account used elsewhere over',
	    'and what was wrong with the old one is over');
	$l->books_ok('after another user of the gas account');
}

rig_stop($rig);
done_testing();
