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

# What a node is to say of the payouts that there are.
sub used {
	my ($l, %more) = @_;

	return [ map { { nonce => $_->{nonce}, from => $l->{treasury},
	    to => $_->{address}, value => $_->{amount_micros}, %more } }
	    $l->payouts ];
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
		# A slow machine may need a run more.
		for (1 .. 6) {
			$l->pay('--max', 1);
			last if $l->states eq 'posted posted posted';
		}
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

# ---- Two liars of three ----

# They tell the same, and call it final; the third one is honest. By turns with
# a restored ledger; WN_ALL=1: each both ways.
my $turn = 0;
for ([ 'all was paid, 1 micro-USDC each', sub { (uses => used($_[0],
	value => 1)) } ],
    [ 'all was paid to somebody else', sub { (uses => used($_[0],
	to => '0x' . '5' x 40)) } ],
    [ 'all was canceled', sub { (uses => used($_[0], canceled => $YES)) } ],
    [ 'nothing was ever paid, and all has expired', sub { (deny => 'all',
	time => '+290') } ]) {
	my ($what, $lie) = @$_;

	for my $restored ($ENV{WN_ALL} ? (0, 1) : $turn++ % 2) {
		case("two of three nodes say: $what" . ($restored ?
		    ' (restored ledger)' : ''), sub {
			my ($rig) = @_;
			my $l = ledger($rig, [0 .. 2], workers => 3, payout => {
			    max_per_payout_micros => 5000,
			    max_per_worker_day_micros => 10000 });
			my ($paid, $held) = $l->worker_list;

			$l->backup('before');
			$rig->script('scripted', { mode => 'pass' });
			$l->pay('--worker', $paid);
			$rig->script('scripted', $SLOW);
			$l->pay('--worker', $held);
			my ($body) = $rig->bodies;
			my %lie = $lie->($l);
			$l->restore('before') if $restored;
			lies($rig, $_, final => 'head', %lie) for 0, 1;
			$l->pay for 1 .. 2;
			$l->losses_none('at once');
			$rig->deliver($body);
			$rig->mine($FINAL);
			$l->pay;
			$l->losses_none('when what was held is settled');
			expire($rig);
			$rig->script('scripted', { mode => 'pass' });
			$l->pay for 1 .. 2;
			$l->losses_none('when what could expire has');
			isnt(join(' ', map { $l->findings_of_node($_) } 0, 1),
			    '', 'a finding names one of them');
			$rig->node($_) for 0, 1;
			$l->settles_ok('once they tell the truth');
		});
	}
}

# ---- A facilitator, and somebody else's payment ----

case('a payment of another treasury, of the same amount to the same worker, ' .
    'is none of ours', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my $other = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;

	$rig->script('scripted', { mode => 'pass' });
	$other->pay_is('paid', 'another ledger pays');
	my ($theirs) = $rig->payments($other->{treasury});
	$rig->script('scripted', { mode => 'success-without-transfer',
	    hash => $theirs->{tx} });
	$l->pay_is('unresolved', 'a facilitator shows that transaction to us');
	is($l->states, 'submitted', 'and nothing is booked');
	$rig->mine($FINAL);
	$l->pay for 1 .. 2;
	is($l->states, 'submitted', 'nor when it is final');
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('when it settles ours');
});

case('a facilitator that shows one payout\'s transaction for another', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2);
	my ($first, $second) = $l->worker_list;

	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'one is paid', '--worker', $first);
	my ($paid) = $rig->payments($l->{treasury});
	$rig->script('scripted', { mode => 'success-without-transfer',
	    hash => $paid->{tx} });
	$l->pay('--worker', $second);
	is($l->states, 'posted submitted', 'nothing is booked for the other');
	$rig->mine($FINAL);
	$l->pay for 1, 2;
	is($l->states($second), 'submitted', 'nor when it is final');
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('when it settles that one, too');
});

case('one of two nodes is of another chain, and what was paid is booked', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);

	$rig->script('scripted', $SLOW);
	$l->pay;
	$rig->deliver($rig->bodies);
	lies($rig, 1, chainId => 1);
	$l->pay('--reconcile');
	is($l->states, 'posted', 'by a run that only looks');
	$rig->node(1);
	$l->settles_ok('when it is of this chain');
});

# ---- Two nodes behind one name, which answer by turns ----

# They are the only name, or beside another one; by turns with a restored ledger.
for ([ 'the only name', 0, 0 ], [ 'the only name', 1, 0 ],
    [ 'one of two names', 0, 0, 1 ], [ 'one of two names', 1, 0, 1 ]) {
	my ($what, $restored, @nodes) = @$_;

	next if !$ENV{WN_ALL} && $restored != @nodes - 1;
	case("two nodes behind $what, one of them some blocks behind" .
	    ($restored ? ' (restored ledger)' : ''), sub {
		my ($rig) = @_;
		my $l = ledger($rig, \@nodes, workers => 3);
		my ($paid, $held, $voided) = $l->worker_list;

		$l->backup('before');
		$rig->mine(10);
		$rig->node(0, { mode => 'balance', blocks => 5 });
		$rig->script('scripted', { mode => 'pass' });
		$l->pay('--worker', $paid);
		$rig->script('scripted', $SLOW);
		$l->pay('--worker', $_) for $held, $voided;
		my ($body) = grep { /\Q$held\E/i } $rig->bodies;
		$l->restore('before') if $restored;
		$l->pay for 1, 2;
		$l->losses_none('at first');
		$rig->deliver($body) if $body;
		$l->pay for 1, 2;
		$l->losses_none('when what was held is settled');
		expire($rig);
		$rig->script('scripted', { mode => 'pass' });
		$l->settles_ok('though they go on like that');
		$rig->node(0);
		$l->settles_ok('when they are alike');
	});
}

# ---- A restored ledger, and other copies of it ----

# A payout in each of two rounds, which the copies have or have lost.
for my $blocks ($FINAL, 1) {
	case('a ledger that is restored again and again, each time to another ' .
	    "copy, $blocks blocks apart", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1], payout => {
		    max_per_payout_micros => 700 });

		$rig->script('scripted', { mode => 'pass' });
		$l->backup('copy0');
		for my $round (1, 2) {
			$l->pay;
			$rig->mine($blocks);
			$l->backup("copy$round");
		}
		for my $copy (1, 0, 2, 0) {
			$l->restore("copy$copy");
			$l->pay;
			$l->losses_none("from copy $copy");
			$rig->mine(1);
		}
		$l->payout_conf(max_per_payout_micros => 1e6);
		$l->settles_ok('in the end');
	});
}

# The key is somewhere else, too, and the ledger and the journal are lost.
case('a number that the treasury\'s key cancels before it is signed', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my ($key) = WorknetTest::slurp($l->dir('key')) =~ /0x(\w{64})/;

	$l->backup('before');
	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($p) = $l->payouts;
	$l->restore('before');
	$l->journal_new;
	$rig->cancel($key, $p->{nonce});
	$rig->mine($FINAL);
	$rig->script('scripted', { mode => 'pass' });
	$l->pay for 1, 2;
	is($l->chain_money($w), 0, 'nobody is paid under it');
	is(join(' ', map { $_->{kind} } $l->findings),
	    'authorization canceled', 'and a person knows');
	expire($rig);
	$l->settles_ok('under the next one, past its end');
	is(join(' ', map { "$_->{seq} $_->{state}" } $l->payouts),
	    '1 voided 2 final', 'which is 2');
});

# ---- A restored ledger, and a row that somebody else has written ----

case('a forged row where a lost payment would be keeps one worker waiting',
    sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2);
	my ($first, $second) = $l->worker_list;
	my $owed = $l->owed($first);
	my $columns = 'worker, seq, amount_micros, chain_id, token, ' .
	    'treasury, reserved_ms, verified_to, verified_micros, seal';

	$l->backup('before');
	$rig->script('scripted', { mode => 'pass' });
	$l->pay('--worker', $first);
	$rig->mine($FINAL);
	$l->backup('after');
	$l->restore('before');
	$l->sql_text("ATTACH '" . $l->dir('after') . "' AS a; INSERT INTO " .
	    "payout ($columns, nonce, state) SELECT $columns, '0x" .
	    '8' x 64 . "', 'final' FROM a.payout;");
	$l->pay_is('findings', 'a person must know');
	like(join(' ', map { "$_->{kind}: $_->{detail}" } $l->findings),
	    qr/booked otherwise: its payment can't be booked beside/,
	    'that it can\'t be booked');
	$l->pay;
	is($l->chain_money($first), $owed, 'he is paid nothing more');
	cmp_ok($l->chain_money($second), '>', 0, 'and the other one is paid');
});

# ---- A clock that jumps between signing and booking ----

for my $jump (86400, 1200, -1200, -86400) {
	case("a clock that jumps by $jump s while the facilitator settles " .
	    'changes nothing', sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1], workers => 2);

		$rig->script('scripted', { mode => 'hang', delayMs => 1500 });
		$l->jump(0);
		my $pid = $l->pay_begin;
		$l->jump($jump);
		my $code = $l->pay_end($pid);
		unlike("$code", qr/signal/, "the run ends by itself: $code");
		$l->losses_none('in that run');
		$rig->script('scripted', { mode => 'pass' });
		$l->pay for 1 .. 2;
		$l->losses_none('in runs with that clock');
		$l->jump(0);
		$l->settles_ok('when the clock is right');
		is(scalar(grep { $_->{state} eq 'voided' } $l->payouts), 0,
		    'and nothing was void meanwhile');
	}) if PayoutTest::fault_so();
}

# ---- Caps that are lowered while payouts are open ----

case('caps that are lowered below what is signed, or reserved', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2);
	my ($first, $second) = $l->worker_list;
	my $owed = $l->owed($first);

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay('--worker', $_) for $first, $second;
	is($l->states, 'submitted submitted', 'two payouts are open');
	# A run that was killed before it had the second one signed.
	$l->sql_text('PRAGMA foreign_keys = 0; DROP TRIGGER ' .
	    'authorization_no_delete; DELETE FROM authorization WHERE payout ' .
	    "= 2; UPDATE payout SET state = 'reserved' WHERE id = 2");
	$l->journal_new;
	$l->payout_conf(map { ("max_per_${_}_micros" => 500) }
	    qw(payout run day));
	$rig->script('scripted', { mode => 'pass' });
	$l->pay for 1 .. 2;
	is($l->chain_money($first), $owed, 'what was signed is sent');
	is($l->states, 'posted reserved', 'what wasn\'t is left alone');
	like(join(' ', map { "$_->{kind}: $_->{detail}" } $l->findings),
	    qr/not signed: max_per_payout_micros/, 'with a finding that says ' .
	    'which cap');
	$l->payout_conf(map { ("max_per_${_}_micros" => 1e9) }
	    qw(payout run day));
	$l->settles_ok('with caps that suffice');
});

# ---- A disk that is full where the vault keeps its journal ----

# The first write is the journal's header.
for my $call ('pwrite 2', 'fdatasync 2') {
	case("a disk that is full for the vault from its $call on", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1], workers => 3)->fault_prepare;

		$rig->script('scripted', { mode => 'pass' });
		is($l->pay({ env => { WN_FAULT_FULL => $call } }), 7,
		    'ends the run');
		like($l->{err}, qr/journal.*No space left/s, 'which says so');
		is(scalar($rig->bodies), 0, 'and has sent nothing');
		$l->settles_ok('with room again');
		is(join(' ', $l->findings), '', 'and nothing is left of it');
	}) if PayoutTest::fault_so();
}

# ---- SIGTERM at any moment ----

case('SIGTERM at any moment of a run', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 12, payout => {
	    concurrency => 2 });
	my $begun = sub { $l->sql_value('SELECT count(*) FROM payout_run') };
	my @bad;

	for my $i (1 .. 16) {
		my $before = $begun->();

		$rig->script('scripted', { mode => 'hang', delayMs => 100 });
		my $pid = $l->pay_start;
		WorknetTest::wait_for(sub { $begun->() > $before },
		    'the run to begin');
		select(undef, undef, undef, 0.03 * $i);
		my $killed = time;
		kill 'TERM', $pid;
		my $code = $l->pay_end($pid);
		push @bad, "$i: code $code" if $code =~ /signal/;
		push @bad, "$i: after " . (time - $killed) . ' s'
		    if time - $killed > 60;
		$rig->mine(3);
	}
	is(join(', ', @bad), '', 'ends it by itself, long before anything else would');
	is($l->sql_value('SELECT count(*) FROM payout_run WHERE ended_ms IS ' .
	    'NULL'), 0, 'and each has said how it ended');
	$l->losses_none('meanwhile');
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('by a run that nobody ends');
});

cases_ok(3, \@RIG, @cases);
done_testing();
