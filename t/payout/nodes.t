# Nodes that fail, lag, lie and disagree, and blocks that are replaced: the
# states say so, nobody is paid twice, and all of it recovers.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use PayoutTest qw(rig_start rig_stop);

my $rig = rig_start();
my %state = (methods => ['eth_call'], selector => '0xe94a0102');

# A ledger whose node is the one that fails on command.
sub ledger {
	my (%payout) = @_;

	return PayoutTest->new($rig, workers => 1, payout => {
	    rpc_urls => $rig->{rpcProxy},
	    facilitators => $rig->{scripted}, %payout });
}

sub both { return (rpc_urls => "$rig->{rpcProxy} $rig->{rpc}") }

sub node {
	my ($mode, %more) = @_;

	$rig->script('rpcProxy', { mode => $mode, %more });
}

sub facilitator {
	my ($mode, %more) = @_;

	$rig->script('scripted', { mode => $mode, %more });
}

# It says that nothing was used, and shows nothing that would tell otherwise.
sub node_denies {
	$rig->script('rpcProxy', { mode => 'lie-unused' },
	    { mode => 'answer', result => undef, times => 100000,
	    methods => ['eth_getTransactionReceipt'] },
	    { mode => 'answer', result => [], times => 100000,
	    methods => ['eth_getLogs'] });
}

# ---- No node, no payout ----

{
	my $l = ledger();
	my ($w) = $l->worker_list;

	for my $mode (qw(down error empty garbage http)) {
		node($mode);
		$l->pay_is('system', "with a node that is $mode a run gives " .
		    'code 2');
		isnt($l->{err}, '', "$mode: and a line");
		is($l->states, '', "$mode: nothing is reserved");
	}
	node('error', methods => ['eth_getLogs']);
	$l->pay_is('system', 'a node that hides its logs is not enough');
	is($l->states, '', 'nothing is reserved');
	$l->payout_conf(both());
	$l->pay_is('findings', 'with a second one that does it is paid, and ' .
	    'the first one, which failed in many runs, is told');
	is($l->states, 'posted', 'it is posted');
	node('pass');
	$l->books_ok('after nodes that failed', 'node fails');
}

{
	my $l = ledger(both());

	node('down');
	$l->pay_is('paid', 'one of two nodes is enough to pay');
	isnt($l->{err}, '', 'but a line says that the other is down');
	$rig->mine(10);
	$l->pay_is('findings', 'but not to call it final, and in its second ' .
	    'run without an answer the other is told');
	is($l->states, 'posted', 'for that needs all of them');
	node('pass');
	$l->pay_is('nothing', 'once the other one is back');
	is($l->states, 'final', 'it is');
	$l->books_ok('with one node down');
}

# ---- The node fails once the money has moved ----

{
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	node('pass');
	facilitator('hang', delayMs => 3000);
	my $pid = $l->pay_begin;
	node('down');
	is($l->pay_end($pid), 7, 'a node that goes down in the middle gives ' .
	    'code 7');
	is($l->states, 'submitted', 'what was submitted is known');
	is($l->chain_money($w), $owed, 'it is paid');
	node('pass');
	facilitator('pass');
	$l->pay_is('paid', 'it is booked once the node is back');
	is(scalar($rig->settles), 0, 'without sending it again');
	$l->books_ok('after a node that went down');
}

for my $case (['says nothing of the nonce', 'empty', %state],
    ['fails with the nonce', 'error', %state],
    ['hides its events', 'empty', methods => ['eth_getLogs']]) {
	my ($what, $mode, %more) = @$case;
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	facilitator('failure-with-transfer');
	node($mode, %more);
	$l->pay_is('unresolved', "with a node that $what a payout stays open");
	is($l->states, 'submitted', "$what: its state says so");
	is($l->chain_money($w), $owed, "$what: though it is paid");
	node('pass');
	facilitator('pass');
	$l->pay_is('paid', "$what: it is booked once the node is well");
	is(scalar($rig->settles), 0, "$what: without sending it again");
	$l->books_ok("after a node that $what");
}

# A receipt holds the logs of everything else that is in the transaction, which
# can be more than any bound.
{
	my $l = ledger();

	facilitator('failure-with-transfer');
	node('error', methods => ['eth_getTransactionReceipt']);
	$l->pay_is('paid', 'a node without receipts shows the payment by its ' .
	    'events');
	node('pass');
	$l->books_ok('after a node without receipts');
}

# ---- Behind, or lying ----

for my $case (['is some blocks behind', sub { node('lag', blocks => 3) }],
    ['says "unused"', \&node_denies]) {
	my ($what, $spoil) = @$case;
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->mine(5);
	$spoil->();
	facilitator('failure-with-transfer', times => 1);
	$l->pay_is('unresolved', "with a node that $what a paid one is open");
	is($l->chain_money($w), $owed, "$what: it is paid once");
	$l->pay_is('unresolved', "$what: the next run can't know either");
	is($l->chain_money($w), $owed, "$what: and pays nothing");
	node('pass');
	$l->pay_is('paid', "$what: the truth settles it");
	is($l->chain_money($w), $owed, "$what: paid once");
	node('lag', blocks => 3);
	$l->pay_is('nothing', "$what: a node that falls behind later");
	is($l->states, 'posted', "$what: undoes nothing");
	node('pass');
	$l->books_ok("after a node that $what");
}

{
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	node('lie-used');
	facilitator('no-answer');
	$l->pay_is('unresolved', 'what a node calls used without an event ' .
	    'isn\'t booked');
	is($l->states, 'submitted', 'it stays open');
	is(scalar($rig->settles), 1, 'and isn\'t sent again');
	facilitator('pass');
	$l->pay_is('unresolved', 'in the next run neither');
	node('pass');
	$l->pay_is('paid', 'the truth lets it be paid');
	is($l->chain_money($w), $owed, 'once');
	$l->books_ok('after a node that says "used"');
}

# ---- Two nodes that disagree ----

{
	my $l = ledger(both());
	my ($w) = $l->worker_list;

	node_denies();
	facilitator('failure-with-transfer');
	$l->pay_is('paid', 'events that check out count more than a node ' .
	    'that denies them');
	is($l->states, 'posted', 'it is posted');
	$rig->mine(10);
	$l->pay_is('findings', 'when it is final, a node that denies it ' .
	    'needs a person');
	is($l->states, 'posted', 'it isn\'t made final');
	is($l->sql_value("SELECT group_concat(kind, ', ') FROM (SELECT kind " .
	    'FROM exceptions ORDER BY kind)'), 'node fails, nodes contradict',
	    'it is listed, and the node that denies it');
	my $contradiction = sub { my ($f) = grep { $_->{kind} eq
	    'nodes contradict' } $l->findings('all');
	    return "$f->{times} " . ($f->{closed_by} // 'open') };
	node('down');
	$l->pay;
	is($contradiction->(), '1 open', 'while one of them says nothing, ' .
	    'nobody knows whether that is over');
	node('lag', blocks => 20);
	$l->pay;
	is($contradiction->(), '1 open', 'nor while it has fallen behind and ' .
	    'denies nothing');
	node_denies();
	$l->pay_is('findings', 'when it denies it again');
	is($contradiction->(), '2 open', 'it is told again');
	node('pass');
	$l->pay_is('nothing', 'once they agree');
	is($l->states, 'final', 'it is final');
	is($contradiction->(), '2 over', 'and that is over');
	$l->books_ok('after two nodes that disagreed');
}

# ---- Blocks that are replaced ----

{
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	facilitator('pass');
	my $before = $rig->rpc('evm_snapshot');
	$l->pay_is('paid', 'a payout is posted');
	$rig->rpc('evm_revert', $before);
	is($l->chain_money($w), 0, 'its block is gone');
	facilitator('no-answer');
	$l->pay_is('nothing', 'while the node has no block in its place yet');
	is($l->states, 'posted', 'it stays as it is');
	$rig->mine(3);
	$l->pay_is('unresolved', 'with other blocks there it is open again');
	is($l->states, 'submitted', 'submitted');
	is($l->sql_value("SELECT count(*) FROM payout_event WHERE kind = " .
	    "'unposted'"), 1, 'that it was unposted is on record');
	$l->books_ok('while a payout was reorganised away');
	facilitator('pass');
	$l->pay_is('paid', 'and is paid by the next run');
	is(scalar(map { ($_->{sha256}) } $rig->settles), 1, 'with one POST');
	is($l->chain_money($w), $owed, 'once');
	is($l->states, 'posted', 'it is the same payout');
	$rig->mine(10);
	$l->pay_is('nothing', 'that becomes final');
	is($l->states, 'final', 'now');
	$l->books_ok('after a reorganisation');
}

# The same bytes are carried out by somebody else in another block, also of the
# same number.
for my $later (0, 2) {
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	facilitator('pass');
	my $before = $rig->rpc('evm_snapshot');
	$l->pay_is('paid', 'a payout is posted');
	my $old = ($rig->payments($l->{treasury}))[0]{tx};
	my ($post) = $rig->settles;
	$rig->rpc('evm_revert', $before);
	$rig->mine($later) if $later;
	# Other gas: another hash.
	$rig->rpc('anvil_setNextBlockBaseFeePerGas', '0x77359400');
	$rig->post("$rig->{facilitator}/settle",
	    WorknetTest::json_value($post->{body}));
	my $new = ($rig->payments($l->{treasury}))[0]{tx};
	isnt($new, $old, 'a transaction with another hash carries it now');
	$l->pay_is('paid', 'it is booked anew');
	is($l->sql_value("SELECT tx FROM payout_event WHERE kind = 'posted' " .
	    'ORDER BY id DESC LIMIT 1'), $new, 'with the new hash');
	is($l->chain_money($w), $owed, 'paid once');
	$l->books_ok('after another transaction');
}

# ---- Expired, says one of two: the chain's clock goes ahead here ----

{
	my $l = ledger(both());
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	node('pass');
	facilitator('no-answer');
	$l->pay_is('unresolved', 'nobody settles a payout');
	$rig->warp(3700);
	$rig->mine(10);
	facilitator('pass');
	for my $case (['is down', 'down'], ['says "used"', 'lie-used'],
	    ['says nothing of the nonce', 'empty', %state],
	    ['is behind', 'lag', blocks => 9]) {
		my ($what, $mode, %more) = @$case;
		node($mode, %more);
		# In its second run with a fault it is told.
		$l->pay_is($what =~ /"used"/ ? 'findings' : 'unresolved', "while one of two nodes $what " .
		    'nothing is void');
		is($l->states, 'submitted', "$what: it stays open");
	}
	is(scalar($rig->settles), 0, 'and isn\'t sent');
	node('pass');
	$l->pay_is('paid', 'when both prove it, it is void and paid anew');
	is($l->states, 'voided posted', 'as the next one');
	is($l->chain_money($w), $owed, 'once');
	$l->books_ok('after nodes that didn\'t prove it');
}

# One node alone, which says "unused" of what it shows as paid.
{
	my $l = ledger();
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	node('lie-unused');
	facilitator('failure-with-transfer', times => 1);
	$l->pay_is('unresolved', 'a payment is denied by the only node');
	$rig->warp(3700);
	$rig->mine(10);
	$l->pay_is('findings', 'and denied in a final block, too');
	is($l->states, 'voided final', 'so that it is void; but its event ' .
	    'is there');
	is($l->chain_money($w), $owed, 'and it isn\'t paid again');
	$l->books_ok('after a node that lied', 'paid though void',
	    'payout lost');
	node('pass');
	$l->pay_is('nothing', 'nor later');
	is($l->chain_money($w), $owed, 'paid once');
}

rig_stop($rig);
done_testing();
