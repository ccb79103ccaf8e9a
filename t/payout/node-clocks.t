# One node of two or three has another time: ahead, behind, or it stands still.
# What is signed lives as long as it is to, for the chain's time is that of the
# newest block that our clock can believe; and what ends is over only when the
# node with the oldest final block says so, whatever another one says.
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
my $BELIEVED_S = 300;		# a node's clock may be so far ahead of ours
my $SLOW = { mode => 'http429', retryAfter => 3600 };

my @cases;
sub case { push @cases, [ @_ ] }

# The time of the chain's newest block.
sub chain_s {
	my ($rig) = @_;

	return hex $rig->rpc('eth_getBlockByNumber', 'latest',
	    JSON::PP::false())->{timestamp};
}

# Authorizations that the facilitator was given since $rig->script.
sub posted {
	my ($rig) = @_;

	return map { JSON::PP::decode_json($_)->{paymentPayload}{payload}
	    {authorization} } $rig->bodies;
}

# Entries of the vault's journal: what was ever signed.
sub signed {
	my ($l) = @_;
	my @lines = split /\n/, WorknetTest::slurp($l->dir(
	    "journal-84532-$l->{treasury}"));

	return $#lines;
}

for my $nodes ([0, 1], [0, 1, 2]) {
	for my $clock ([ 'is 250 s ahead', 250 ],
	    [ 'is 50 minutes ahead', 3000 ], [ 'is 250 s behind', -250 ],
	    [ 'is 50 minutes behind', -3000 ], [ 'stands still' ]) {
		my ($what, $ahead_s) = @$clock;
		my $order = defined $ahead_s ? { mode => 'invent',
		    time => "+$ahead_s" } : { mode => 'stand' };
		my $n = @$nodes;

		case("one of $n nodes $what", sub {
			my ($rig) = @_;
			my $l = PayoutTest->new($rig, workers => 1,
			    payout => { facilitators => $rig->{scripted},
			    rpc_urls => join(' ',
			    @{ $rig->{nodes} }[@$nodes]),
			    validity_s => $VALIDITY_S,
			    threshold_micros => 100 });
			my ($w) = $l->worker_list;
			my $owed = $l->owed($w);

			$l->backup('before');
			$rig->script('scripted', $SLOW);
			$rig->node(0, $order);
			if (!defined $ahead_s) {
				$l->pay('--reconcile');
				$rig->warp(3000);
			}
			$rig->mine(1);
			$l->pay;
			my ($first) = posted($rig);
			my $lives = ($first->{validBefore} // 0) -
			    chain_s($rig);
			cmp_ok($lives, '>=', $VALIDITY_S - 30,
			    'what is signed lives as long as it is to');
			cmp_ok($lives, '<=', $VALIDITY_S + $BELIEVED_S,
			    'and no longer');

			# For whoever calls its newest block final, it is over.
			$rig->warp($first->{validBefore} - chain_s($rig) + 60);
			$rig->node(0, { %$order, final => 'head' })
			    if defined $ahead_s;
			$l->pay for 1 .. 2;
			is($l->states, 'submitted', 'what has ended isn\'t ' .
			    'void before that is final for each');
			$l->restore('before');
			$l->more_work(20, 1);
			$rig->script('scripted', { mode => 'pass' });
			$l->pay for 1 .. 2;
			is(signed($l), 1, 'nor is another amount signed ' .
			    'under its number, from a restored ledger');
			is(scalar($rig->bodies), 0, 'or anything sent');
			isnt(join(' ', $l->findings_of_node(0)), '',
			    'the node is told') if abs($ahead_s // 3000) >
			    $BELIEVED_S;

			$rig->node(0);
			$l->settles_ok('when its time is right');
			cmp_ok($l->chain_money($w), '>', $owed,
			    'with what was earned later');
		});
	}
}

# ---- A day's cap ----

for my $nodes ([0, 1], [0, 1, 2]) {
	for my $hours (23, 30) {
		my $n = @$nodes;

		case("our clock and one of $n nodes are $hours hours ahead",
		    sub {
			my ($rig) = @_;
			my $l = PayoutTest->new($rig, workers => 1,
			    payout => { rpc_urls => join(' ',
			    @{ $rig->{nodes} }[@$nodes]),
			    threshold_micros => 1 });
			my ($w) = $l->worker_list;
			my $first = $l->owed($w);
			my $day = $first + 10;

			$l->{conf}{payout}{max_per_day_micros} = $day;
			$l->payout_conf;
			$l->fault_prepare;
			$l->pay;
			$rig->mine($FINAL);
			$l->pay;
			is($l->chain_money($w), $first,
			    'a day\'s cap is all but used');
			$rig->warp(2 * 3600);
			$l->more_work(20, 1);
			$rig->node(0, { mode => 'invent',
			    time => '+' . $hours * 3600 });
			$l->clock_set(WorknetTest::now_ms() +
			    1000 * ($rig->ahead_s + $hours * 3600));
			$rig->mine(1);
			$l->pay for 1 .. 2;
			cmp_ok($l->chain_money($w), '<=', $day,
			    'no new day\'s cap begins: another node ' .
			    'knows what time it is');
			isnt(join(' ', $l->findings_of_node(1)), '',
			    'that it differs is told');
			is(scalar(grep { $_->{kind} eq 'node a day behind' }
			    $l->findings), $hours > 24 ? 1 : 0,
			    'and whether that stops the signing');

			$rig->node(0);
			$l->clock_set(undef);
			$rig->warp(86400);
			$l->{conf}{payout}{max_per_day_micros} = 2 * $day;
			$l->payout_conf;
			$l->settles_ok('a day is over');
			is(scalar(grep { $_->{kind} eq 'node a day behind' }
			    $l->findings), 0, 'nothing of it is left');
		});
	}
}

cases_ok(3, \@RIG, @cases);
done_testing();
