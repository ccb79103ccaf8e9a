# Payouts that are noted as submitted before there is room for them: what
# happens before they are sent keeps them from being sent, and the next run
# goes on with the very same bytes.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use PayoutTest qw(cases_ok);
use WorknetTest qw(slurp wait_for);

my $SENT = 2;			# at once; as many are noted ahead
my $VALIDITY_S = 3600;

my @cases;
sub case { push @cases, [ @_ ] }

sub submitted {
	my ($l) = @_;

	return $l->sql("SELECT p.id, p.nonce, w.address, p.seal FROM payout p " .
	    "JOIN worker w ON w.id = p.worker WHERE p.state = 'submitted' " .
	    'ORDER BY p.id');
}

# A ledger whose facilitator has settled once, unless it is unproven.
sub ledger {
	my ($rig, $unproven) = @_;
	my $l = PayoutTest->new($rig, workers => 8, payout => {
	    facilitators => $rig->{scripted}, concurrency => $SENT,
	    validity_s => $VALIDITY_S });

	$rig->script('scripted', { mode => 'pass' });
	$l->pay('--max', 1) if !$unproven;
	return $l;
}

# A run that has sent two payouts and noted two more, at a facilitator that
# doesn't answer until noted_end. It carries out those two, but where $then says
# otherwise; and what it does with others.
sub pay_noted {
	my ($rig, $l, $then, $others) = @_;

	$rig->script('scripted', $others // { mode => 'pass' }, { mode =>
	    'hang', times => $SENT, %{ $then // {} } });
	$l->jump(0) if PayoutTest::fault_so();
	my $pid = $l->pay_begin;
	wait_for(sub { 2 * $SENT == (my @s = submitted($l)) },
	    'two to be noted ahead');
	return $pid;
}

sub go_on { $_[0]->control('scripted', { go => WorknetTest::json_bool(1) }) }

# Ends the run, as pay_end does.
sub noted_end {
	my ($rig, $l, $pid) = @_;

	go_on($rig);
	return $l->pay_end($pid);
}

# Payloads by nonce, as they were POSTed; each is always the same bytes.
sub posted_bodies {
	my ($rig, $seen) = @_;
	my $differ = 0;

	for my $body ($rig->bodies) {
		my $nonce = JSON::PP::decode_json($body)->{paymentPayload}
		    {payload}{authorization}{nonce};
		$differ += ($seen->{$nonce} // $body) ne $body;
		$seen->{$nonce} = $body;
	}
	return $differ;
}

# The next runs pay everybody, with the nonces that were noted.
sub goes_on_ok {
	my ($rig, $l, @noted) = @_;
	my (%seen, %paid);

	posted_bodies($rig, \%seen);
	$rig->script('scripted', { mode => 'pass' });
	$l->jump(0) if PayoutTest::fault_so();
	$l->settles_ok('in the next runs');
	is(posted_bodies($rig, \%seen), 0, 'no bytes differ from the first');
	$paid{$_->{nonce}}++ for $rig->payments($l->{treasury});
	is(join(' ', map { $paid{$_->{nonce}} // 0 } @noted),
	    join(' ', (1) x @noted), 'what was noted is paid, once');
	is(scalar(keys %paid), 8, 'and nobody by another nonce');
	$l->books_ok('at the end');
}

sub posts_are {
	my ($rig, $n, $name) = @_;
	my %seen;

	posted_bodies($rig, \%seen);
	return is(scalar(keys %seen), $n, $name);
}

# How many of those that were noted ahead have been POSTed.
sub noted_posted {
	my ($rig, @noted) = @_;
	my %seen;

	posted_bodies($rig, \%seen);
	return scalar grep { $seen{$_->{nonce}} } @noted[$SENT .. $#noted];
}

case('the worker of one that is noted is held', sub {
	my ($rig) = @_;
	my $l = ledger($rig);
	my $pid = pay_noted($rig, $l);
	my @noted = submitted($l);
	my $held = $noted[2];

	$l->worknet('payout', 'hold', $held->{address});
	is(noted_end($rig, $l, $pid), 4, 'the run says that one is unresolved');
	posts_are($rig, 6, 'all but that one are POSTed');
	is(join(' ', map { $_->{nonce} } submitted($l)), $held->{nonce},
	    'it stays submitted');
	$l->pay;
	is($l->chain_money($held->{address}), 0, 'nor is it sent by another run');
	$l->worknet('payout', 'release', $held->{address});
	goes_on_ok($rig, $l, @noted);
});

case('everybody is held', sub {
	my ($rig) = @_;
	my $l = ledger($rig);
	my $pid = pay_noted($rig, $l);
	my @noted = submitted($l);

	$l->worknet('payout', 'hold');
	noted_end($rig, $l, $pid);
	posts_are($rig, $SENT, 'nothing is POSTed after it');
	is(scalar(my @left = submitted($l)), 2, 'what was noted stays so');
	$l->pay;
	posts_are($rig, $SENT, 'nor by another run');
	$l->worknet('payout', 'release');
	goes_on_ok($rig, $l, @noted);
});

case('the facilitator begins to fail', sub {
	my ($rig) = @_;
	my $l = ledger($rig);
	my $pid = pay_noted($rig, $l, { transfer => JSON::PP::false() },
	    { mode => 'no-answer', transfer => JSON::PP::false() });
	my @noted = submitted($l);

	is(noted_end($rig, $l, $pid), 4, 'the run says that some are unresolved');
	posts_are($rig, 3, 'three payees have it in vain, and no others');
	is(noted_posted($rig, @noted), 1, 'of those noted one');
	goes_on_ok($rig, $l, @noted);
});

case('the facilitator isn\'t known to settle', sub {
	my ($rig) = @_;
	my $l = ledger($rig, 1);

	$l->pay;
	is($l->sql_value('SELECT count(*) FROM payout_event WHERE kind = ' .
	    "'submitted' AND id < (SELECT min(id) FROM payout_event WHERE " .
	    "kind = 'posted')"), $SENT, 'nothing is noted ahead of a verdict');
	goes_on_ok($rig, $l);
});

# How many connections to the facilitator have an answer that wasn't read.
sub unread_answers {
	my ($rig, $pid) = @_;
	my $port = sprintf('%04X', $rig->{scripted} =~ /:(\d+)/);

	return scalar grep { /^\s*\d+: \S+ \w+:$port 0[18] \w+:(?!0{8})/ }
	    split /\n/, slurp("/proc/$pid/net/tcp");
}

for my $signal (qw(TERM KILL)) {
	case("SIG$signal comes", sub {
		my ($rig) = @_;
		my $l = ledger($rig);
		my $pid = pay_noted($rig, $l);
		my @noted = submitted($l);

		# With the answers, so that there is room for those noted.
		kill 'STOP', $pid;
		go_on($rig);
		wait_for(sub { unread_answers($rig, $pid) == $SENT },
		    'what was sent to be answered');
		kill $signal, $pid;
		kill 'CONT', $pid;
		$l->pay_end($pid);
		is(noted_posted($rig, @noted), 0, 'nothing is POSTed after it');
		goes_on_ok($rig, $l, @noted);
	});
}

case('the end of the authorizations comes near', sub {
	my ($rig) = @_;
	my $l = ledger($rig);
	my $pid = pay_noted($rig, $l);
	my @noted = submitted($l);
	my $end = $l->sql_value('SELECT max(a.valid_before) FROM ' .
	    "authorization a JOIN payout p ON p.id = a.payout WHERE " .
	    "p.state = 'submitted'");

	$l->jump($end - 15 - time - $rig->ahead_s);
	noted_end($rig, $l, $pid);
	is(noted_posted($rig, @noted), 0,
	    'nothing is POSTed 15 s before its end');
	goes_on_ok($rig, $l, @noted);
}) if PayoutTest::fault_so();

cases_ok(2, [], @cases);
done_testing();
