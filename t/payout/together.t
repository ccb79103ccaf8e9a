# Two things that go wrong at once, each of which is met by a rule of its own:
# a node that lies beside a facilitator, a restored ledger, a clock or another
# liar. What one of them hides is told all the same, and nobody has anything
# twice.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use PayoutTest qw(cases_ok);

my @RIG = ('--slots-in-an-epoch', 16);
my $FINAL = 70;			# blocks: two epochs and more
my $VALIDITY_S = 3600;
my ($YES, $NO) = (JSON::PP::true(), JSON::PP::false());
my $SLOW = { mode => 'http429', retryAfter => 3600 };

sub ledger {
	my ($rig, $nodes, %opt) = @_;
	my $payout = delete $opt{payout};

	return PayoutTest->new($rig, workers => 1, payout => {
	    facilitators => $rig->{scripted}, validity_s => $VALIDITY_S,
	    rpc_urls => join(' ', @{ $rig->{nodes} }[@$nodes]),
	    threshold_micros => 100, %{ $payout // {} } }, %opt);
}

sub lies {
	my ($rig, $i, %what) = @_;

	$rig->node($i, { mode => 'invent', %what });
}

sub expire {
	my ($rig) = @_;

	$rig->warp($VALIDITY_S + 700);
	$rig->mine($FINAL);
}

my @cases;
sub case { push @cases, [ @_ ] }

# ---- A facilitator that never settles, and a node that says it did ----

my %asked = (uses => [{ nonce => 'any', asked => $YES }]);

# Findings of its own, whatever there is of nodes.
sub fails {
	my ($l) = @_;

	return scalar grep { $_->{kind} eq 'facilitator fails' } $l->findings;
}

for ([ 2, 'in its newest block', %asked ],
    [ 2, 'in blocks that are ahead of all', %asked, head => 50,
	final => 'head' ],
    [ 3, 'in what it calls final', %asked, final => 'head' ]) {
	my ($nodes, $where, %what) = @$_;

	case('a facilitator that never settles is told and braked, though ' .
	    "one of $nodes nodes shows its payments $where", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0 .. $nodes - 1], workers => 8);

		$rig->script('scripted',
		    { mode => 'success-without-transfer' });
		lies($rig, 0, %what);
		$l->pay('--max', 1) for 1 .. 3;
		is($l->states, 'posted posted posted', 'each is believed');
		is(fails($l), 1, 'after three runs it is told');
		isnt(join(' ', $l->findings_open_of_node(0)), '',
		    'and the node');
		$l->pay for 1 .. 2;
		is(scalar(my @given = $l->payouts), 5, 'from then on it is ' .
		    'given one new payout in each run');
		$l->losses_none('meanwhile');
		$rig->script('scripted', { mode => 'pass' });
		$rig->node(0);
		expire($rig);
		$l->settles_ok('when both are honest');
		is(fails($l), 0, 'and it is over');
	});
}

# The other way round: what one node denies.
for ([ 'denies all payments, one of three', 3, { mode => 'invent',
	deny => 'all' } ],
    [ 'is some blocks behind, one of two', 2, { mode => 'lag', blocks => 4 } ],
    [ 'stands still, one of two', 2, { mode => 'stand' } ]) {
	my ($what, $nodes, $order) = @$_;

	case("a facilitator that settles isn't braked by a node that $what",
	    sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0 .. $nodes - 1], workers => 8);

		$rig->mine(5);
		$rig->script('scripted', { mode => 'pass' });
		$rig->node(1, $order);
		$l->pay('--reconcile');
		$rig->warp(700) if $order->{mode} eq 'stand';
		for (1 .. 4) {
			$l->pay('--max', 1);
			$rig->mine(5);
		}
		is(fails($l), 0, 'after four runs nothing is told of it');
		$l->pay;
		is(scalar(grep { $l->chain_money($_) == 0 } $l->worker_list),
		    0, 'and the next run pays everybody else');
		$rig->node(1);
		$l->settles_ok('when the node is well');
	});
}

cases_ok(3, \@RIG, @cases);
done_testing();
