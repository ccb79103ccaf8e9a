# Rules of a payout run that hide behind each other, or behind what nodes and
# facilitators usually say: each is alone here. What survived a broken one once
# is in t/mutants.
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
my $SLOW = { mode => 'http429', retryAfter => 3600 };
my $OWED = 1500;		# micro-USDC, less than a worker is owed here
my %BALANCE = (selector => '0x70a08231');
my %TRY = (selector => '0xa9059cbb');	# transfer, unsigned

sub ledger {
	my ($rig, $nodes, %opt) = @_;
	my $payout = delete $opt{payout};

	return PayoutTest->new($rig, workers => 1, payout => {
	    facilitators => $rig->{scripted}, validity_s => $VALIDITY_S,
	    rpc_urls => join(' ', @{ $rig->{nodes} }[@$nodes]),
	    threshold_micros => 100, %{ $payout // {} } }, %opt);
}

my @cases;
sub case { push @cases, [ @_ ] }

case('what is promised isn\'t promised again', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2, fund => 2 * $OWED);
	my ($first, $second) = $l->worker_list;

	cmp_ok($l->owed($_), '>', $OWED, 'a worker is owed more than half ' .
	    'of what the treasury has') for $first, $second;
	$rig->script('scripted', { mode => 'success-without-transfer' });
	$l->pay('--worker', $first);
	$l->pay_is('insolvent', 'while one payout is in flight the treasury ' .
	    'hasn\'t enough for the next');
	is($l->states($second), '', 'which isn\'t begun');
});

# On the chain: the second payout, and the first one's block is gone.
case('a lost payout waits for an earlier one that isn\'t settled', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($first) = $rig->bodies;
	$l->backup('first');
	my $before = $rig->rpc('evm_snapshot');
	$rig->deliver($first);
	$rig->mine($FINAL);
	$l->pay('--reconcile');
	$l->more_work;
	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($second) = grep { $_ ne $first } $rig->bodies;
	ok(defined $second, 'a second payout was made when the first was paid');
	$rig->rpc('evm_revert', $before);
	$rig->submit($second);
	$rig->mine($FINAL);
	$l->restore('first');
	$rig->script('scripted', $SLOW);
	$l->pay for 1 .. 2;
	is($l->states, 'submitted', 'it isn\'t booked before the first');
	$rig->deliver($first);
	$rig->mine($FINAL);
	$l->pay for 1 .. 2;
	like($l->states, qr/^(posted|final) (posted|final)$/,
	    'when that is paid, both are');
});

case('what some nodes don\'t give is looked at again', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;

	$l->backup('before');
	$rig->script('scripted', { mode => 'pass' });
	$l->pay;
	$rig->mine($FINAL);
	$l->restore('before');
	$l->worknet('payout', 'hold', $w);
	$rig->node(0, { mode => 'invent', deny => 'all' });
	$rig->node(1, { mode => 'error', methods => ['eth_getLogs'] });
	$l->pay for 1 .. 2;
	is($l->states, '', 'one node hides a payment, the other gives no logs');
	$rig->node($_) for 0, 1;
	$l->pay for 1 .. 2;
	like($l->states, qr/^(posted|final)$/, 'later it is found');
});

case('what a node gives block by block is seen once', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my $seen = sub { $l->sql_value('SELECT coalesce(max(block), 0) FROM ' .
	    'chain_seen') };
	my ($before, @seen) = $seen->();

	$rig->mine(500) for 1 .. 12;
	$rig->node(0, { mode => 'limit', span => 1, how => 'alchemy-free' });
	for (1 .. 2) {
		$l->pay;
		push @seen, $seen->();
	}
	cmp_ok($seen[0], '>', $before + 1000, 'a run sees as many as its calls');
	cmp_ok($seen[1], '>', $seen[0] + 1000, '... and the next one goes on');
	$rig->node(0);
	$l->settles_ok('all the while');
});

case('the token tries a payment once, and before it is signed', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $tries = sub { map { $_->{params}[0] } grep {
	    $_->{method} eq 'eth_call' && $_->{params}[0]{data} =~
	    /^(\Q$TRY{selector}\E|0xe3ee160e)/ } $rig->node_requests(0) };

	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'it is paid');
	my ($try, @more) = $tries->();
	is("$try->{from} $try->{data}", join('', lc($l->{treasury}), ' ',
	    $TRY{selector}, map { PayoutTest::word($_) } $w, $owed),
	    'the treasury\'s transfer of what the worker is owed');
	is(scalar(@more), 0, 'and nothing else');
	$l->settles_ok('after one try');
});

case('who is held while a run is at work gets no payout', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my ($w) = $l->worker_list;
	my $asked = sub { scalar grep { $_->{method} eq 'eth_call' &&
	    $_->{params}[0]{data} =~ /^0xa9059cbb.*\Q${\ substr($w, 2) }\E/i }
	    $rig->node_requests(0) };

	$rig->script('scripted', { mode => 'pass' });
	$rig->node(0, { mode => 'slow', delayMs => 3000, %TRY });
	my $pid = $l->pay_start;
	WorknetTest::wait_for($asked, 'the token to be asked of the worker');
	$l->worknet('payout', 'hold', $w);
	$l->pay_end($pid);
	is($l->states, '', 'nothing is reserved');
	$rig->node(0);
	$l->worknet('payout', 'release', $w);
	$l->settles_ok('when nobody holds it');
});

case('who is held is sent nothing that was signed before', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my ($w) = $l->worker_list;

	$rig->script('scripted', $SLOW);
	$l->pay;
	$l->sql("UPDATE payout SET state = 'signed'");
	$l->worknet('payout', 'hold', $w);
	$rig->script('scripted', { mode => 'pass' });
	$l->pay;
	is(scalar($rig->settles), 0, 'nothing is posted');
	is($l->states, 'signed', 'nor noted as if it had been');
	$l->worknet('payout', 'release', $w);
	$l->pay;
	cmp_ok(scalar($rig->settles), '>', 0, 'until nobody holds it');
	$l->settles_ok('then');
});

# The findings, each as "kind, subject's beginning, times, whether it is over".
sub told {
	my ($l) = @_;

	return join('; ', map { "$_->{kind} " . substr(lc $_->{subject}, 0, 9) .
	    " $_->{times} " . ($_->{closed_by} // 'open') }
	    $l->findings('all'));
}

case('a hold is told while it keeps back what is due', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my ($w) = $l->worker_list;
	my $who = substr(lc $w, 0, 9);

	$rig->script('scripted', { mode => 'pass' });
	$l->worknet('payout', 'hold', $w, '--reason', 'asks for another key');
	$l->pay_is('nothing', 'a hold is no failure');
	is(told($l), "worker is held $who 1 open", 'and is a finding');
	is(($l->findings)[0]{detail}, 'asks for another key', 'in the words ' .
	    'of who set it');
	$l->worknet('finding', 'close', ($l->findings)[0]{id});
	$l->pay('--worker', $w);
	is(told($l), "worker is held $who 2 open", 'closed too early it is ' .
	    'open again');
	$l->worknet('payout', 'hold', '--reason', 'the cellar is wet');
	$l->worknet('payout', 'release', $w);
	$l->pay_is('nothing', 'nor is one of everybody a failure');
	is(told($l), "worker is held $who 2 open; everybody is held " .
	    'everybody 1 open', 'which is a finding, too');
	like(($l->findings)[1]{detail}, qr/^nobody is paid, of 1 to whom .*cellar/,
	    'with its reason, and how many are due');
	is($l->sql_value('SELECT count(*) FROM exceptions'), 0,
	    'the audit has nothing against either');
	$l->pay('--worker', '0x' . '1' x 40);
	is(told($l), "worker is held $who 2 open; everybody is held " .
	    'everybody 1 open', 'a run for somebody else ends neither');
	$l->worknet('payout', 'release');
	$l->pay_is('paid', 'nobody holds it');
	is(told($l), "worker is held $who 2 over; everybody is held " .
	    'everybody 1 over', 'and all is over');
	$l->worknet('payout', 'hold');
	$rig->mine($FINAL);
	$l->pay;
	is(join(' ', $l->findings), '', 'a hold that keeps nothing back isn\'t told');
	$l->worknet('payout', 'release');
	$l->settles_ok('after holds');
});

case('a hold after a restore is told until the ledger is compared', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my $now = WorknetTest::now_ms() + 1000 * $rig->ahead_s;

	$rig->script('scripted', { mode => 'pass' });
	$l->sql("INSERT INTO hold VALUES (0, 'chain', $now, 'restored')");
	$l->pay_is('nothing', 'it is no failure');
	is(told($l), 'everybody is held everybody 1 open', 'and is a finding');
	like(($l->findings)[0]{detail}, qr/restored$/, 'which says why');
	$rig->warp(10);
	$rig->mine($FINAL);
	$l->pay_is('paid', 'once all is compared everybody is paid');
	is(told($l), 'everybody is held everybody 1 over', 'and it is over');
});

case('what expires within seconds isn\'t posted any more', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($body) = $rig->bodies;
	my $end = JSON::PP::decode_json($body)->{paymentPayload}{payload}
	    {authorization}{validBefore};
	$rig->warp($end - 15 - time - $rig->ahead_s);
	$rig->script('scripted', { mode => 'pass' });
	$l->pay;
	is(scalar($rig->settles), 0, '15 s before its end');
	$rig->warp(700);
	$rig->mine($FINAL);
	$l->settles_ok('when it is over');
});

case('an answer to another call is none', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);

	$rig->script('scripted', { mode => 'pass' });
	$rig->node(0, { mode => 'other-id' });
	$l->pay_is('system', 'with a node that answers others nothing is done');
	is($l->states, '', 'nothing is reserved');
	$rig->node(0);
	$l->settles_ok('once it answers us');
});

case('a payment counts only in the block that its receipt names', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);

	$rig->script('scripted', $SLOW);
	$l->pay;
	$rig->deliver($rig->bodies);
	$rig->mine($FINAL);
	$rig->node(0, { mode => 'invent', uses => [{ nonce => 'any',
	    real => JSON::PP::true(), blockHash => '0x' . '8' x 64 }] });
	$l->pay;
	is($l->states, 'submitted', 'not in another one of that number');
	$rig->node(0);
	$l->settles_ok('once they are the same');
});

case('each POST has a connection of its own', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0], workers => 4);

	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'four workers are paid');
	my %connections = map { ($_->{connection} => 1) } $rig->settles;
	is(scalar(keys %connections), scalar($rig->settles),
	    'no connection is used again: libcurl would repeat a POST');
});

case('after a POST of this run "no funds" may hide that it was carried out',
    sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);

	$rig->script('scripted', { mode => 'insufficient' });
	$l->pay;
	my @said = map { $_->{detail} =~ /^(\w+)/ } $l->sql('SELECT detail ' .
	    "FROM payout_event WHERE kind = 'answered' ORDER BY id");
	is("@said[0, 1]", 'retry ambiguous', 'the second answer says less');
});

# A chain that takes back what every node called final: nothing that is booked
# as final is opened again by that, whoever booked it.
case('an adopted payment whose final block is gone stays as it is', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('empty');
	my $before = $rig->rpc('evm_snapshot');
	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'a worker is paid');
	my ($body) = $rig->bodies;
	$l->restore('empty');
	$rig->mine($FINAL);
	$l->pay;
	is($l->states, 'final', 'from a restored ledger that is adopted');
	$rig->rpc('evm_revert', $before);
	$rig->mine(3 * $FINAL);
	$l->pay for 1, 2;
	is($l->states, 'final', 'when its block is gone it is final all the ' .
	    'same');
	is($l->chain_money($w), 0, 'and nothing is signed in its place');
	is(join(' ', map { $_->{kind} } $l->findings), 'payout lost',
	    'a person knows that it was adopted');
	# By the worker: the facilitator's would be the very same transaction.
	ok($rig->submit($body), 'its bytes are good until they expire');
	$rig->mine($FINAL);
	$l->pay;
	is(join(' ', map { $_->{kind} } $l->findings),
	    'payout lost booked otherwise', 'where they are settled again is ' .
	    'told');
	is($l->chain_money($w), $owed, 'and the worker is paid once');
});

# What a node says that lies before anything is signed: [ what, call, answer,
# words of its fault ].
my $TRUE = '0x' . '0' x 63 . '1';
for ([ 'the treasury is blacklisted', { selector => '0xfe575a87',
	mode => 'answer', result => $TRUE }, qr/refuses the treasury/ ],
    [ 'the token is paused', { selector => '0x5c975abb', mode => 'answer',
	result => $TRUE }, qr/the token is paused, and \S+ that it isn't so/ ],
    [ 'the treasury has code', { methods => ['eth_getCode'],
	mode => 'answer', result => '0x60' }, qr/the treasury has code, and/ ],
    [ 'the treasury has nothing', { mode => 'answer', %BALANCE,
	result => '0x' . '0' x 61 . '100' },
	qr/the treasury's micro-USDC are 256, and/ ],
    [ 'the token is another', { selector => '0x3644e515',
	mode => 'answer', result => $TRUE },
	qr/DOMAIN_SEPARATOR isn't the network's, and/ ],
    [ 'it is of another chain', { mode => 'invent', chainId => 1 },
	qr/its chain id is 1/ ],
    [ 'the transfer is refused', { %TRY, mode => 'error', code => 3,
	message => 'execution reverted: no' }, qr/would refuse a payment \(no\)/ ]) {
	my ($what, $order, $words) = @$_;

	for my $liar (0, 1) {
		case("what one node says alone stops no payment: $what, " .
		    ('the first', 'the last')[$liar], sub {
			my ($rig) = @_;
			my $l = ledger($rig, [0, 1], workers => 2);
			my @w = $l->worker_list;

			$rig->script('scripted', { mode => 'pass' });
			for my $w (@w) {
				$rig->node($liar, $order);
				$l->pay('--worker', $w);
				cmp_ok($l->chain_money($w), '>', 0,
				    'the worker is paid');
			}
			is($l->sql_value('SELECT count(*) FROM hold'), 0,
			    'nobody is held');
			my @told = grep { $_->{kind} eq 'node fails' }
			    $l->findings;
			# Whom the first one would pay, the last isn't asked of.
			if ($liar == 0 || $what !~ /^the transfer/) {
				like($told[0]{detail} // '', $words,
				    'and a finding has what it said');
				is(join(' ', $l->findings_open_of_node($liar)),
				    'node fails', 'and names it');
			} else {
				is(scalar(@told), 0, 'nor told of');
			}
			$rig->node($liar);
			$l->settles_ok('when it is honest again');
			is(join(' ', $l->findings), '', 'and it is over');
		});
	}
}

# Whatever speaks against paying now, what was paid is booked.
case('what was paid is booked before the token is looked at', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my $kinds = sub { join(' ', map { $_->{kind} } $l->findings) };

	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'a worker is paid');
	$rig->mine($FINAL);
	$rig->node($_, { mode => 'answer', selector => '0x3644e515',
	    result => '0x' . '7' x 64 }) for 0, 1;
	$l->pay_is('conf', 'a token that is another for every node pays nobody');
	is($l->states, 'final', 'what it has paid is final all the same');
	is($kinds->(), 'token differs', 'and a person knows');
	$rig->node($_) for 0, 1;
	$rig->mine(1); # the clock that they go by has gone on
	$l->pay_is('nothing', 'when it is the token again');
	is($kinds->(), '', 'that is over');
});

# Each wait for it is 15 s.
case('a node that hangs is asked three times in a run, and no more', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2);
	my $asked = 0;

	$rig->script('scripted', { mode => 'pass' });
	$rig->node(1, { mode => 'slow', delayMs => 600000 });
	$l->pay_is('paid', 'everybody is paid beside it');
	like($l->{err}, qr/3 times no answer in 15 s: it isn't asked any more/,
	    'a line says so');
	$asked += $_ for values %{ $rig->node_calls(1) };
	cmp_ok($asked, '<=', 20, 'after the calls of three steps');
	$rig->node(1);
	$l->settles_ok('when it answers');
});

for my $method (qw(eth_chainId eth_getLogs eth_call eth_getBlockByNumber)) {
	case("a run that waits for a node's $method ends by a signal", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0]);
		my $asked = sub { scalar grep { $_->{method} eq $method }
		    $rig->node_requests(0) };

		$rig->script('scripted', { mode => 'pass' });
		$rig->node(0, { mode => 'slow', delayMs => 600000,
		    methods => [$method] });
		my $pid = $l->pay_start;
		WorknetTest::wait_for($asked, 'the node to be asked');
		my $was = $asked->();
		kill('TERM', $pid) or die $!;
		unlike($l->pay_end($pid), qr/signal/, 'by itself');
		# What is on its way is asked for once more, for 3 s.
		cmp_ok($asked->(), '<=', 2 * $was + 6, 'and goes on with nothing');
		is($l->states, '', 'and nothing is reserved');
		is($l->last_run->{words}, 'stopped or held by the operator',
		    'the run has its end, and why') or
		    diag($l->last_run->{words});
		$rig->node(0);
		$l->settles_ok('when it answers');
	});
}

# What a node says or doesn't of a payment that should long be over.
for ([ 'its final block stands', 'pass', { mode => 'invent', final => -300 },
	qr/^late: .*no final end of a payment: paid/ ],
    [ 'it was used, nowhere', 'http429', { mode => 'answer',
	selector => '0xe94a0102', result => $TRUE },
	qr/^late: .*no final end of a payment: used or canceled/ ]) {
	my ($what, $facilitator, $order, $words) = @$_;

	case("who alone keeps a payment open is told: $what", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1]);

		$rig->script('scripted', { %$SLOW, mode => $facilitator });
		$l->pay;
		$rig->node(1, $order);
		$rig->mine($FINAL);
		$l->pay;
		is(join(' ', $l->findings), '', 'not at once');
		$rig->warp($VALIDITY_S + 100);
		$rig->mine($FINAL);
		$l->pay for 1 .. 2;
		is(join(' ', $l->findings_open_of_node(1)), 'node fails',
		    'but after an hour');
		is(join(' ', $l->findings_open_of_node(0)), '',
		    'and not the other one');
		my ($told) = $l->findings;
		like(($told // {})->{detail} // '', $words, 'with its words');
		$rig->node(1);
		$rig->script('scripted', { mode => 'pass' });
		$l->settles_ok('when it is honest again');
	});
}

# Of a payment that a restored ledger has lost.
for ([ 'shows none', { methods => ['eth_getLogs'], mode => 'answer',
	result => [] }, qr/^disputed: it doesn't show a payment/ ],
    [ 'has no old blocks', { methods => ['eth_getBlockByNumber'],
	params => '^0x', mode => 'error', message => 'missing trie node' },
	qr/^gives no logs: it has not all blocks/ ]) {
	my ($what, $order, $words) = @$_;

	case("a lost payment is found though one node $what", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1]);
		my ($w) = $l->worker_list;

		$rig->script('scripted', { mode => 'pass' });
		$l->backup('before');
		$l->pay;
		$rig->mine($FINAL);
		$l->restore('before');
		$l->worknet('payout', 'hold', $w);
		$rig->node(1, $order);
		$l->pay for 1 .. 2;
		is(join(' ', $l->findings_open_of_node(1)), 'node fails',
		    'the node is told');
		ok(scalar(grep { ($_->{detail} // '') =~ $words } $l->findings),
		    'with what it said');
		$rig->node(1);
		$l->pay;
		is($l->states, 'final', 'once it tells, it is adopted');
	});
}

# A run that is with the token when the clock jumps, by so many seconds, and
# the chain's with it or not.
sub pay_through_jump {
	my ($rig, $l, $programs_s, $chain_s) = @_;
	my ($w) = $l->worker_list;
	my $asked = sub { scalar grep { $_->{method} eq 'eth_call' &&
	    $_->{params}[0]{data} =~ /^0xa9059cbb.*\Q${\ substr($w, 2) }\E/i }
	    $rig->node_requests(0) };

	$rig->script('scripted', { mode => 'pass' });
	$l->jump(0);
	$rig->node(0, { mode => 'slow', delayMs => 3000, %TRY });
	my $pid = $l->pay_start;
	WorknetTest::wait_for($asked, 'the token to be asked of the worker');
	$l->jump($programs_s);
	$rig->warp($chain_s) if $chain_s;
	my $code = $l->pay_end($pid);
	$rig->node(0);
	return $code;
}

case('a run that takes long signs by the chain\'s time of that moment', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);

	is(pay_through_jump($rig, $l, 3000, 3000), 10, 'it pays');
	my $end = $l->sql_value('SELECT valid_before FROM authorization');
	my $block = $rig->rpc('eth_getBlockByNumber', 'latest',
	    JSON::PP::false());
	my $lives = $end - hex $block->{timestamp};
	cmp_ok($lives, '>', $VALIDITY_S - 600, 'what is signed lives as long ' .
	    'as it is to');
	cmp_ok($lives, '<=', $VALIDITY_S + 600, 'and no longer');
	$l->jump(0);
	$l->settles_ok('and final');
}) if PayoutTest::fault_so();

for my $jump (86400, 1200, -1200) {
	case("a clock that jumps by $jump s in a run has nothing signed", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0]);

		is(pay_through_jump($rig, $l, $jump, 0), 7, 'the run ends');
		is($l->states, '', 'and has signed nothing');
		$l->jump(0);
		$l->settles_ok('when the clock is right again');
	}) if PayoutTest::fault_so();
}

cases_ok(3, \@RIG, @cases);
done_testing();
