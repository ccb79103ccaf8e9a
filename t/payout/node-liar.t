# One node of two or three lies, the facilitator is slow, a worker settles its
# own authorization, and the ledger may be a restored one: whatever state a
# payout is in, nobody has anything twice, nobody loses anything, no cap is
# passed, and a finding names the node.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use Test::More;

use PayoutTest qw(cases_ok);

my @RIG = ('--slots-in-an-epoch', 16, '--nodes', 3);
my $FINAL = 70;		# blocks: two epochs and more
my $VALIDITY_S = 3600;

# The nodes, and which of them lies: the first of two, the second of three.
my %NODES = (2 => [0, 1], 3 => [0, 1, 2]);
my %LIAR = (2 => 0, 3 => 1);

# ---- What it says ----

# Of a case: payouts that it knows of, [{ nonce, address, amount_micros }].
sub uses {
	my ($c, %more) = @_;

	return [ map { { nonce => $_->{nonce}, from => $c->{l}{treasury},
	    to => $_->{address}, value => $_->{amount_micros}, %more } }
	    @{ $c->{known} } ];
}

my $NOBODY = '0x' . '5' x 40;
my @any = (nonce => 'any');
my %really = (@any, real => JSON::PP::true());

my @LIES = (
	[ 'all was paid, 1 micro-USDC each', sub { (final => 'head',
	    uses => uses($_[0], value => 1)) } ],
	[ 'all was paid, 1,000,000 USDC each', sub { (final => 'head',
	    uses => uses($_[0], value => 1e12)) } ],
	[ 'all was paid in full', sub { (final => 'head',
	    uses => uses($_[0])) } ],
	[ 'all was paid, in a block that is final', sub { (
	    uses => uses($_[0], block => 'final', value => 1)) } ],
	[ 'all was paid to somebody else', sub { (final => 'head',
	    uses => uses($_[0], to => $NOBODY)) } ],
	[ 'all was paid in a block that isn\'t there yet', sub { (head => 50,
	    final => 'head', uses => uses($_[0])) } ],
	[ 'whatever it is asked about was used', sub { (final => 'head',
	    uses => [{ @any, value => 7 }]) } ],
	[ 'what was paid were other amounts', sub { (final => 'head',
	    uses => [{ %really, value => 1 }]) } ],
	[ 'what was paid went to somebody else', sub { (final => 'head',
	    uses => [{ %really, to => $NOBODY }]) } ],
	[ 'what was paid was in other transactions', sub { (final => 'head',
	    uses => [{ %really, tx => '0x' . '7' x 64 }]) } ],
	[ 'all was canceled', sub { (final => 'head',
	    uses => uses($_[0], canceled => JSON::PP::true())) } ],
	[ 'nothing was ever paid', sub { (final => 'head',
	    deny => 'all') } ],
	[ 'nothing was ever paid, and all has expired', sub { (
	    final => 'head', deny => 'all', time => '+90000') } ],
	[ 'there are uses without receipts', sub { (final => 'head',
	    uses => uses($_[0], receipt => JSON::PP::false())) } ],
	[ 'the time is the last second of 64 bits', sub { (head => -3,
	    time => '9223372036854775807') } ],
	[ 'it is the year 2100', sub { (time => '4102444800') } ],
	[ 'its head is far ahead, and final', sub { (head => 1000,
	    final => 'head') } ],
	[ 'it is of another chain', sub { (chainId => 1) } ],
);

# ---- The case: workers in each state ----

# They are paid or not before it lies, by an honest facilitator or a slow one.
my @SLOW = ({ mode => 'http429', retryAfter => 3600 });
# The same, once it has two at once, also where the second one is slow to come.
my @SLOW_TWICE = (@SLOW, { mode => 'hang', times => 2, delayMs => 3000,
    transfer => JSON::PP::false() });

sub some_paid {
	my ($c, @which) = @_;

	$c->{rig}->script('scripted', { mode => 'pass' });
	$c->{l}->pay(@which);
}

# The bodies that the facilitator holds afterwards.
sub some_wait {
	my ($c, @which) = @_;

	$c->{rig}->script('scripted', @SLOW);
	$c->{l}->pay(@which);
	return $c->{rig}->bodies;
}

sub begin {
	my ($rig, $nodes, $restored) = @_;
	my $liar = $LIAR{$nodes};
	my $l = PayoutTest->new($rig, workers => 6, results => 5, payout => {
	    rpc_urls => join(' ', @{ $rig->{nodes} }[@{ $NODES{$nodes} }]),
	    facilitators => $rig->{scripted},
	    threshold_micros => 100, concurrency => 4,
	    validity_s => $VALIDITY_S, max_per_payout_micros => 5000,
	    max_per_run_micros => 20000, max_per_worker_day_micros => 10000 });
	my ($final, $voided, $posted) = $l->worker_list;
	my $c = { rig => $rig, l => $l, liar => $liar, voided => $voided };

	$l->backup('before');
	some_paid($c, '--worker', $final);
	some_wait($c, '--worker', $voided);
	$rig->warp($VALIDITY_S + 100);
	$rig->mine($FINAL);
	$l->pay('--reconcile');
	$l->worknet('payout', 'hold', $voided);
	some_paid($c, '--worker', $posted);
	$rig->script('scripted', @SLOW_TWICE);
	$l->pay('--max', 2);
	# What no node tried in time waits for the next run, which adds none.
	for (1 .. 3) {
		$l->pay('--worker', $posted) if $l->states =~ /\bsigned\b/;
	}
	@$c{qw(held own)} = $rig->bodies;
	is($l->states, 'final voided posted submitted submitted',
	    'a payout is in each state when it begins to lie');
	$c->{known} = [ $l->payouts ];
	$l->restore('before') if $restored;
	return $c;
}

# ---- What happens while it lies ----

sub lie {
	my ($rig, $nodes, $restored, $what) = @_;
	my $c = begin($rig, $nodes, $restored);
	my $l = $c->{l};

	$rig->script('scripted', @SLOW);
	$rig->node($c->{liar}, { mode => 'invent', $what->($c) });
	$l->pay for 1 .. 2;
	$l->losses_none('at once');
	$rig->submit($c->{own});
	$l->pay;
	$l->losses_none('when a worker settles its own');
	$rig->deliver($c->{held});
	$l->pay;
	$l->losses_none('when the facilitator settles what it held');
	$rig->mine($FINAL);
	$l->pay;
	$l->losses_none('when that is final');
	$rig->warp($VALIDITY_S + 100);
	$rig->mine($FINAL);
	$rig->script('scripted', { mode => 'pass' });
	$l->worknet_try('payout', 'release', $c->{voided});
	$l->pay for 1 .. 2;
	$l->losses_none('when what could expire has');
	isnt(join(', ', $l->findings_of_node($c->{liar})), '',
	    'a finding names the node');
	$rig->node($c->{liar});
	$l->settles_ok('once it tells the truth');
}

# One of the four ways for each lie, by turns; WN_ALL=1: all of them.
my @cases;
for my $i (0 .. $#LIES) {
	my ($name, $what) = @{ $LIES[$i] };
	for my $nodes (2, 3) {
		for my $restored (0, 1) {
			next if !$ENV{WN_ALL} &&
			    2 * ($nodes - 2) + $restored != $i % 4;
			push @cases, [ "$nodes nodes, one says: $name" .
			    ($restored ? ' (restored ledger)' : ''), sub {
				lie($_[0], $nodes, $restored, $what);
			} ];
		}
	}
}
cases_ok(3, \@RIG, @cases);
done_testing();
