#!/usr/bin/perl
# One of two nodes lies about the gas account: its nonces, what is in blocks and
# final, and what that cost. It ends and stops nothing, and a finding names it.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use Test::More;

use DirectTest;
use PayoutTest qw(rig_start rig_stop);

my $rig = rig_start('--nodes', 2, '--confirmation-timeout', 300);

sub ledger {
	my (%opt) = @_;

	return DirectTest->new($rig, workers => 2, %opt, payout => {
	    rpc_urls => join(' ', @{ $rig->{nodes} }[0, 1]),
	    direct_batch => 64, threshold_micros => 10,
	    %{ $opt{payout} // {} } });
}

# One is too busy for these methods.
sub busy {
	return { mode => 'error', message => 'overloaded', methods => [@_] };
}

# Sent, and forgotten before a block had it.
sub forgotten {
	my ($l) = @_;

	$rig->rpc('evm_setAutomine', JSON::PP::false());
	my $pid = $l->pay_begin;
	kill 'KILL', $pid;
	$l->pay_end($pid);
	$rig->rpc('anvil_dropAllTransactions');
	$rig->rpc('evm_setAutomine', JSON::PP::true());
}

# What is told of a node that has failed for some runs.
sub told_of {
	my ($l, $node) = @_;

	return $l->sql_value("SELECT detail FROM finding WHERE kind = " .
	    "'node fails' AND closed_ms IS NULL AND subject = '" .
	    $rig->node_name($node) . "'") // '';
}

sub done_of {
	my ($l) = @_;

	return scalar(grep { defined $_->{done_ms} } $l->submissions);
}

# Pays one more worker, and tests that.
sub pays_one {
	my ($l, $name) = @_;
	my $before = () = $l->states =~ /posted|final/g;

	$l->pay('--worker', ($l->worker_list)[$before]);
	my $now = () = $l->states =~ /posted|final/g;
	is($now, $before + 1, $name) or diag($l->{out}, $l->{err});
}

# ---- The first nonce, and what it calls mined ----

{
	my $l = ledger(payout => { direct_batch => 1 });
	my %nonce = (methods => ['eth_getTransactionCount']);

	$rig->node(0, { mode => 'error', message => 'overloaded', %nonce });
	$rig->node(1, { mode => 'answer', result => '0x3e8', %nonce });
	$l->pay_is('unresolved', 'the first nonce isn\'t one node\'s word');
	is($l->queue, '', 'nothing is queued');
	$rig->node(0);
	$l->pay_is('unresolved', 'nor while another one denies it');
	is($l->queue, '', 'and nothing is queued');
	$rig->node(1, { mode => 'invent', mined => JSON::PP::true() });
	$l->pay for 1 .. 2;
	is(join(' ', $l->findings_open_of_node(1)), 'node fails',
	    'the node is told');
	is($l->sql_value('SELECT sum(payouts) FROM (SELECT count(*) AS ' .
	    'payouts FROM submission_payout GROUP BY payout) WHERE payouts ' .
	    '> 1'), undef, 'what one node alone calls mined isn\'t sent in ' .
	    'another transaction');
	is($l->states, 'posted posted', 'but replaced where gas costs more');
	$rig->node(1);
}

# ---- What ends a transaction, and what it cost, is every node's word ----

for ([ 'that final blocks have used the nonces', 'posted posted',
    [ 'eth_getBalance' ] ], [ 'that, and has receipts', 'submitted submitted',
    [ 'eth_getBalance', 'eth_getTransactionReceipt' ],
    mined => JSON::PP::true() ]) {
	my ($what, $states, $busy, %more) = @$_;
	my $l = ledger();
	my %count = (mode => 'invent', count => 1000);

	forgotten($l);
	$rig->node(0, busy(@$busy));
	$rig->node(1, { %count, %more });
	$l->pay;
	is($l->states, $states, "one node alone says $what");
	is(done_of($l), 0, 'no transaction is done by that');
	$rig->node(0);
	$rig->node(1, \%count);
	$l->pay for 1 .. 2;
	is($l->states, 'posted posted', 'with the other one all are paid');
	is($l->queue, '0:2', 'by the transaction that was queued');
	like(told_of($l, 1), qr/final blocks have 1000 transactions of the gas account, and \S+ that all blocks have [01]\b/,
	    'a finding names the node');
	$rig->mine(6);
	$l->pay;
	is(done_of($l), 1, 'it is done once final blocks of both have it');
	$rig->node(0, busy('eth_getBalance'));
	$l->more_work(5);
	$l->pay_is('paid', 'while one alone says that others use the ' .
	    'account the next are paid');
	is($l->queue, '0:2 1:2', 'by the next nonce');
	$rig->node($_) for 0, 1;
	$l->pay for 1 .. 2;
	$l->books_ok("after a node that said $what");
}

{
	my $l = ledger(workers => 5);
	my @dear = ({ gasUsed => '0xffffffffff' }, { gasUsed => '0x' .
	    'f' x 20 }, { l1Fee => '0xffffffffffffffff' });

	pays_one($l, 'one is paid');
	$rig->mine(6);
	$rig->node(0, busy('eth_getTransactionReceipt'));
	$rig->node(1, { mode => 'receipt', result => $dear[0] });
	pays_one($l, 'and another one');
	is(done_of($l), 0, 'one node\'s receipt doesn\'t end it');
	$rig->node(1);
	for (@dear) {
		my ($member) = keys %$_;
		my $receipt = $rig->rpc('eth_getTransactionReceipt',
		    ($l->hashes)[-1]);

		$rig->node(0, { mode => 'receipt', result => $_ });
		$rig->mine(6);
		pays_one($l, "whatever $member one node shows, the next is " .
		    'paid');
		is(($l->submissions)[-2]{cost_wei}, hex($receipt->{gasUsed}) *
		    hex($receipt->{effectiveGasPrice}),
		    'the cost is what the other one shows');
	}
	like(told_of($l, 0), qr/the wei of a transaction of the gas account are/,
	    'a finding names the node');
	$rig->node(0);
	$l->pay for 1 .. 2;
	$l->books_ok('after a node with dear receipts');
}

# One denies all receipts: nothing is done, and nobody waits.
{
	my $l = ledger(workers => 3);

	$rig->node(1, { mode => 'answer',
	    methods => ['eth_getTransactionReceipt'] });
	for (1 .. 3) {
		pays_one($l, 'beside a node that denies all receipts the ' .
		    'next is paid');
		my ($s) = $l->sql('SELECT s.gas_limit * max(f.max_fee_wei) ' .
		    'AS most FROM submission s JOIN submission_form f ' .
		    'ON f.submission = s.id');
		# Enough for one, as gas gets cheaper with each block.
		$l->ether(sprintf '0x%x', $s->{most});
	}
	$rig->mine(6);
	$l->pay for 1 .. 2;
	is(done_of($l), 0, 'none is done');
	isnt(told_of($l, 1), '', 'a finding names the node');
	$rig->node(1);
	$l->pay for 1 .. 2;
	is(done_of($l), 3, 'with both they are');
	$l->books_ok('after a node that denied receipts');
}

# One shows what came later, and not the first: no order of blocks has that.
{
	my $l = ledger(workers => 20, payout => { direct_batch => 1 });

	$l->pay_is('paid', 'twenty are paid, each by a nonce');
	my ($first) = $l->hashes;
	$rig->node(0, busy('eth_getBalance', 'eth_getTransactionReceipt'));
	$rig->node(1, { mode => 'answer', params => "^$first",
	    methods => ['eth_getTransactionReceipt'] });
	$l->pay_is('nothing', 'a run beside it ends');
	$rig->node($_) for 0, 1;
	$rig->mine(6);
	$l->pay;
	is(done_of($l), 20, 'all are done once both show them');
	$l->books_ok('after a node that denied the first');
}

rig_stop($rig);
done_testing();
