# A ledger that was restored from an older copy: the chain has paid each
# worker once for each payout, and the exceptions show what was lost.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use PayoutTest qw(rig_start rig_stop);

my $rig = rig_start();

sub ledger {
	return PayoutTest->new($rig, payout => { facilitators =>
	    $rig->{scripted} }, @_);
}

sub scripted {
	my ($order) = @_;

	$rig->script('scripted', $order // ());
}

# Somebody's money on the chain.
sub money {
	my ($l) = @_;

	return join(' ', map { $l->chain_money($_) } $l->worker_list);
}

# ---- A copy from before the payouts ----

{
	my $l = ledger();
	my $owed = join(' ', map { $l->owed($_) } $l->worker_list);

	$l->backup('copy');
	$l->pay_is('paid', 'everybody is paid');
	$l->restore('copy');
	is($l->states, '', 'the restored ledger knows of no payout');
	$l->pay_is('nothing', 'while what was lost isn\'t final, the workers ' .
	    'wait');
	is($l->states, '', 'nothing is booked');
	is(money($l), $owed, 'nor paid');
	$rig->mine(10);
	$l->pay_is('findings', 'then the next run finds it');
	is(money($l), $owed, 'nobody is paid again');
	is($l->states, 'final final final', 'the payouts are back');
	like($l->{err}, qr/was lost with an older copy/, 'a line says so');
	my @lost = ('payout lost') x 3;
	$l->books_ok('after a restored copy', @lost);
	$l->pay_is('nothing', 'the run after that has nothing to do');
	$l->more_work;
	$l->pay_is('paid', 'what is earned then is paid');
	is(join(' ', map { $_->{seq} } $l->payouts), '1 1 1 2 2 2',
	    'under the next numbers');
	$l->books_ok('after more work', @lost);
}

{
	my $l = ledger();

	$l->backup('copy');
	$l->pay_is('paid', 'everybody is paid');
	my %first = map { ($_ => $l->chain_money($_)) } $l->worker_list;
	$l->restore('copy');
	$l->more_work;
	my %owed = map { ($_ => $l->owed($_)) } $l->worker_list;
	$l->pay_is('findings', 'with work that came after the restore the ' .
	    'run finds what was lost');
	is(money($l), join(' ', map { $owed{$_} } $l->worker_list),
	    'and pays the new work, and nothing twice');
	is($l->states, join(' ', ('final') x 3, ('posted') x 3),
	    'in the same run');
	$l->books_ok('after work and a restored copy', ('payout lost') x 3);
}

# ---- Credit, and a worker, that only the lost part knew ----

{
	my $l = ledger();

	$l->backup('copy');
	$l->more_work(15);
	$l->pay_is('paid', 'everybody is paid for more');
	my $money = money($l);
	$l->restore('copy');
	$rig->mine(10);
	$l->pay_is('findings', 'a copy that has lost credit is recognised');
	is(money($l), $money, 'nobody is paid again');
	is($l->sql_value("SELECT count(*) FROM transfer WHERE kind = " .
	    "'recover'"), 3, 'the lost credit is on record');
	$l->books_ok('after lost credit', ('payout lost') x 3);
}

{
	my $l = ledger(workers => 1, results => 30);

	$l->backup('copy');
	$l->{workers} = 3;
	$l->more_work(20);
	$l->pay_is('paid', 'two workers come, and all three are paid');
	my %money = map { ($_ => $l->chain_money($_)) } $l->worker_list;
	is(scalar(keys %money), 3, 'three');
	$l->restore('copy');
	is(scalar($l->worker_list), 1, 'the copy knows one of them');
	$rig->mine(10);
	$l->pay_is('findings', 'workers that were lost are recognised');
	is_deeply({ map { ($_ => $l->chain_money($_)) } $l->worker_list },
	    \%money, 'they are back, and nobody is paid again');
	$l->books_ok('after lost workers', ('payout lost') x 3);
	$l->more_work(20);
	my %owed = map { ($_ => $l->owed($_)) } $l->worker_list;
	$l->pay_is('paid', 'when they go on to work they are paid');
	is_deeply({ map { ($_ => $l->chain_money($_)) } $l->worker_list },
	    { map { ($_ => $money{$_} + $owed{$_}) } keys %money },
	    'for all of it');
	$l->books_ok('after more work', ('payout lost') x 3);
}

# ---- A copy from the middle of a payout ----

for my $state (qw(submitted signed)) {
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is open');
	$l->sql("UPDATE payout SET state = '$state'");
	$l->backup('copy');
	scripted();
	$l->pay_is('paid', 'it is paid later');
	$l->restore('copy');
	scripted();
	# Nobody has told this copy that it was sent.
	my @found = $state eq 'signed' ? 'settled elsewhere' : ();
	$l->pay_is(@found ? 'findings' : 'paid', "a copy in which it is " .
	    "$state books it");
	is(scalar($rig->settles), 0, "$state: without sending it");
	is($l->chain_money($w), $owed, "$state: paid once");
	$l->books_ok("after a copy in which it was $state", @found);
}

# The node shows the payment only later, and the journal was lost with the
# ledger: what was lost is signed anew, and the token knows its nonce.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	$l->pay_is('paid', 'a payout is made');
	$l->restore('copy');
	$l->journal_new;
	$l->more_work;
	$l->payout_conf(rpc_urls => $rig->{rpcProxy});
	$rig->control('rpcProxy', { mode => 'answer', result => [],
	    methods => ['eth_getLogs'] });
	$l->pay_is('unresolved', 'while the node hides it, it is begun again');
	is($l->chain_money($w), $owed, 'and isn\'t paid again');
	$rig->control('rpcProxy', { mode => 'pass' });
	$l->pay_is('findings', 'once the node shows it, it is booked');
	is($l->payouts && ($l->payouts)[0]{paid_micros}, $owed,
	    'as the chain has it');
	$l->pay;
	$l->books_ok('after a node that hid it', 'amount differs');
}

# The node hides it for long: the block isn't one of those in which what is
# signed now could have been settled.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	$l->pay_is('paid', 'a payout is made');
	$l->restore('copy');
	$rig->mine(200);
	$l->payout_conf(rpc_urls => $rig->{rpcProxy});
	$rig->control('rpcProxy', { mode => 'answer', result => [],
	    methods => ['eth_getLogs'] });
	$l->pay_is('unresolved', 'while the node hides it for long, it is ' .
	    'begun again');
	is($l->chain_money($w), $owed, 'and isn\'t paid again');
	$rig->control('rpcProxy', { mode => 'pass' });
	$l->pay_is('paid', 'then it is found far back, and booked');
	is($l->states, 'final', 'in a block that is final by now');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	$l->books_ok('after a node that hid it for long');
}

# What the lost ledger paid is mined again under another hash.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	my $before = $rig->rpc('evm_snapshot');
	$l->pay_is('paid', 'a payout is made');
	$l->restore('copy');
	$l->pay_is('nothing', 'after a restore the worker waits for it');
	$rig->rpc('evm_revert', $before);
	$rig->mine(3);
	$l->pay_is('paid', 'its block is reorganised away, and it is paid ' .
	    'under the same nonce');
	is($l->chain_money($w), $owed, 'the worker has it once');
	is($l->states, 'posted', 'there is one payout');
	$l->books_ok('after a reorganisation');
}

# ---- Payments that aren't this ledger's ----

{
	my $l = ledger(workers => 1);
	my $other = ledger(workers => 1);

	$other->key_write(WorknetTest::slurp($l->dir('key')));
	$other->pay_is('paid', 'another ledger pays from this treasury');
	$l->pay_is('findings', 'a payment that isn\'t this ledger\'s needs ' .
	    'a person');
	is($l->states, 'posted', 'its own payouts go on');
	is($l->sql_value('SELECT kind FROM exceptions'), 'foreign payment',
	    'it is listed');
	$rig->mine(10);
	$l->pay_is('findings', 'until it is final it is seen again');
	$l->pay_is('nothing', 'and not afterwards');
}

# ---- A copy older than a void payout and its successor ----

# Makes a payout that expires, is void and paid as the next one; the copy is
# of the given moment. Later than all others: the chain's clock goes ahead.
sub voided_and_paid {
	my ($l, $when) = @_;
	my ($w) = $l->worker_list;

	$l->backup('copy') if $when eq 'before it was reserved';
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'nobody settles a payout');
	$l->backup('copy') if $when eq 'while it was submitted';
	$rig->warp(3700);
	$rig->mine(10);
	scripted();
	$l->pay_is('paid', 'it expires, and is paid anew');
	is($l->states, 'voided posted', 'after it is void');
	is(join(' ', map { $_->{seq} } $l->payouts), '1 1',
	    'under the same number');
	$l->restore('copy');
	return $w;
}

for my $when ('before it was reserved', 'while it was submitted') {
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	voided_and_paid($l, $when);
	# The nonce of a payout that the copy has is settled; it takes no
	# finding to see that.
	my @lost = $when =~ /^before/ ? 'payout lost' : ();
	$rig->mine(10);
	$l->pay_is(@lost ? 'findings' : 'paid', "a copy from $when: what " .
	    'became of the payout is found');
	is($l->chain_money($w), $owed, "$when: it isn't paid again");
	is($l->owed($w), 0, "$when: nothing is owed");
	$l->pay_is('nothing', "$when: nor by the next run");
	$l->books_ok("after a copy from $when", @lost);
	$l->more_work;
	$l->pay_is('paid', "$when: more work is paid");
	is(($l->payouts)[-1]{seq}, 2, "$when: under the next number");
	$l->books_ok("after more work and a copy from $when", @lost);
}

{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	voided_and_paid($l, 'while it was submitted');
	$l->more_work;
	my $more = $l->owed($w);
	$l->payout_conf(rpc_urls => $rig->{rpcProxy});
	$rig->control('rpcProxy', { mode => 'answer', result => [],
	    methods => ['eth_getLogs'] });
	$l->pay_is('unresolved', 'while no node says what became of the ' .
	    'first payout, the worker waits');
	is($l->states, 'submitted', 'with the first one open');
	is($l->chain_money($w), $owed, 'and isn\'t paid');
	$rig->control('rpcProxy', { mode => 'pass' });
	$l->pay_is('paid', 'then it is settled');
	is($l->states, 'final posted', 'and the new work is paid');
	is($l->chain_money($w), $owed + $more, 'each once');
	$l->books_ok('after a node that said nothing');
}

# ---- A lost authorization that can still be settled ----

# Signed for a week, held back by the facilitator, and lost with the ledger and
# with the journal of the vault, which a person has begun anew.
# The next one is for an hour, and what it says when that has passed is no
# proof about the lost one. Gives the bytes that somebody still has.
sub lost_and_held_back {
	my ($l) = @_;

	$l->backup('copy');
	$l->payout_conf(validity_s => 604800);
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is signed for a week and held back');
	my ($lost) = map { $_->{body} } $rig->settles;
	$l->restore('copy');
	$l->journal_new;
	$l->payout_conf(validity_s => 3600);
	return $lost;
}

# The same, and what was signed after the restore has expired.
sub lost_and_expired {
	my ($l) = @_;
	my $lost = lost_and_held_back($l);

	$l->pay_is('unresolved', 'after a restore it is signed for an hour');
	$rig->warp(3700);
	$rig->mine(10);
	return $lost;
}

sub settled_late {
	my ($lost) = @_;

	return $rig->post("$rig->{facilitator}/settle",
	    WorknetTest::json_value($lost))->{success};
}

{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $lost = lost_and_expired($l);

	$l->pay_is('findings', 'when that is over, it is signed anew; that the ' .
	    'facilitator settled nothing for so long is told');
	is($l->states, 'voided submitted', 'as the first one is void');
	ok(settled_late($lost), 'now the lost one is settled');
	scripted();
	$l->pay_is('paid', 'which settles the open one: they have one nonce');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	is($l->owed($w), 0, 'and is owed nothing');
	$l->books_ok('after a lost authorization was settled late');
	$l->more_work;
	my $more = $l->owed($w);
	$l->pay_is('paid', 'more work is paid');
	is($l->chain_money($w), $owed + $more, 'as it is owed');
	$l->books_ok('after more work');
}

# The same, when nothing has been signed anew as yet.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $lost = lost_and_expired($l);

	$l->pay_is('nothing', 'when that is over, it is void', '--reconcile');
	is($l->owed($w), $owed, 'and its credit is owed again');
	ok(settled_late($lost), 'then the lost one is settled');
	scripted();
	$l->pay_is('nothing', 'while that isn\'t final the worker waits');
	$rig->mine(10);
	$l->pay_is('findings', 'then somebody has to know');
	is(scalar($rig->settles), 0, 'nothing is sent');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	is($l->owed($w), 0, 'and is owed nothing');
	is($l->states, 'voided final', 'for it is booked');
	$l->pay_is('nothing', 'and that is all');
	$l->books_ok('after a payout was paid though void',
	    'paid though void', 'payout lost');
}

# Of a worker's numbers one at a time is open: a copy that is older than two of
# them would pay for both under the first.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;

	scripted();
	$l->pay_is('paid', 'a payout is posted');
	$l->more_work(20, 'soon');
	my $more = $l->owed($w);
	$l->pay_is('nothing', 'while it isn\'t final, what is earned then ' .
	    'waits');
	is($l->states, 'posted', 'nothing is reserved for it');
	$rig->mine(10);
	$l->pay_is('paid', 'then it is paid');
	is($l->states, 'final posted', 'under the next number');
	$l->books_ok('after one number and the next');
}

# Other amounts: what is paid is the lost one's.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $lost = lost_and_held_back($l);

	$l->more_work;
	my $all = $l->owed($w);
	$l->pay_is('unresolved', 'after a restore more is signed');
	ok(settled_late($lost), 'then the lost one is settled');
	scripted();
	$l->pay_is('unresolved', 'which books nothing before it is final');
	is($l->states, 'submitted', 'the payout stays open');
	is($l->chain_money($w), $owed, 'which is what the worker has');
	is($l->owed($w), 0, 'the rest isn\'t free');
	$rig->mine(10);
	$l->pay_is('findings', 'then it is booked, and the rest is paid');
	is($l->chain_money($w), $all, 'so that the worker has all');
	is(join(' ', map { $_->{seq} } $l->payouts), '1 2', 'which is 2');
	$l->books_ok('after another amount was paid', 'amount differs');
}

# More: it is the lost one's, too, and the difference is lost credit.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;

	$l->backup('copy');
	$l->more_work;
	$l->payout_conf(validity_s => 604800);
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'much is signed for a week and held back');
	my ($lost) = map { $_->{body} } $rig->settles;
	my $all = ($l->payouts)[0]{amount_micros};
	$l->restore('copy');
	$l->journal_new;
	$l->payout_conf(validity_s => 3600);
	my $owed = $l->owed($w);
	$l->pay_is('unresolved', 'after a restore less is signed');
	ok(settled_late($lost), 'then the lost one is settled');
	scripted();
	$l->pay_is('unresolved', 'which books nothing before it is final');
	$rig->mine(10);
	$l->pay_is('findings', 'then it is booked');
	is(join(' ', map { "$_->{seq} $_->{state} $_->{amount_micros}" }
	    $l->payouts), "1 voided $owed 1 final $all",
	    'as a payout of its own');
	is($l->sql_value("SELECT sum(amount_micros) FROM transfer WHERE " .
	    "kind = 'recover'"), $all - $owed,
	    'what the copy had lost is recovered');
	is($l->owed($w), 0, 'nothing is owed');
	$l->books_ok('after more was paid than was reserved', 'payout lost');
	$l->more_work;
	my $more = $l->owed($w);
	$l->pay_is('paid', 'more work is paid');
	is($l->chain_money($w), $all + $more, 'for what it is');
	$l->books_ok('after more work', 'payout lost');
}

# The block of a payment that was smaller than the amount is reorganised away:
# what was set aside must still be there.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $lost = lost_and_held_back($l);

	$l->more_work;
	my $all = $l->owed($w);
	$l->pay_is('unresolved', 'after a restore more is signed');
	my $before = $rig->rpc('evm_snapshot');
	ok(settled_late($lost), 'then the lost one is settled');
	scripted();
	$l->pay_is('unresolved', 'and booked when it is final');
	is($l->states, 'submitted', 'not before');
	$rig->rpc('evm_revert', $before);
	$rig->mine(3);
	$l->pay_is('paid', 'its block is gone: all of it is paid');
	is($l->chain_money($w), $all, 'the worker has it once');
	is($l->owed($w), 0, 'and is owed nothing');
	$l->books_ok('after a smaller amount was reorganised away');
}

# The lost ledger had voided a payout and signed it anew.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('copy');
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'nobody settles a payout');
	$rig->warp(3700);
	$rig->mine(10);
	scripted({ mode => 'no-answer' });
	$l->pay_is('findings', 'nor, once it is void, the next one; that is told');
	my ($lost) = map { $_->{body} } $rig->settles;
	$l->restore('copy');
	scripted();
	$l->pay_is('paid', 'a ledger that knows of neither pays');
	ok(!settled_late($lost), 'then the lost one can\'t be settled');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	$l->pay_is('nothing', 'and that is all');
	$l->books_ok('after a lost successor');
}

# A canceled nonce is used up: the token takes nothing more of it.
{
	my $l = ledger(workers => 1);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my ($key) = WorknetTest::slurp($l->dir('key')) =~ /0x(\w{64})/;

	$l->backup('copy');
	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'nobody settles a payout');
	$rig->cancel($key, ($l->payouts)[0]{nonce});
	$rig->mine(10);
	scripted();
	$l->pay_is('findings', 'its nonce is canceled, which a person must ' .
	    'know');
	is($l->states, 'submitted', 'and nothing is void before its end');
	$rig->warp(3700);
	$rig->mine(10);
	$l->pay_is('findings', 'past that it is, and it is paid anew');
	is(join(' ', map { "$_->{seq} $_->{state}" } $l->payouts),
	    '1 voided 2 posted', 'under the next number');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	$l->books_ok('after a canceled nonce', 'authorization canceled');
	$l->restore('copy');
	$rig->mine(10);
	$l->pay_is('findings', 'a copy that knows nothing of it finds the ' .
	    'payment');
	is($l->chain_money($w), $owed, 'and doesn\'t make it again');
	$l->books_ok('after a canceled nonce and a restore', 'payout lost');
}

rig_stop($rig);
done_testing();
