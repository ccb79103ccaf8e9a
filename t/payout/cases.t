# What went wrong once with the payouts, each by its own sentence, and is right:
# lying nodes, a ledger that somebody else writes, limits of nodes, faults that
# last, clocks.
use strict;
use warnings;

use FindBin;
BEGIN { $ENV{srcdir} //= "$FindBin::Bin/../.." }
use lib "$FindBin::Bin/../lib";
use Digest::SHA ();
use JSON::PP ();
use Test::More;

use PayoutTest qw(cases_ok);

my @RIG = ('--slots-in-an-epoch', 16);
my $FINAL = 70;			# blocks: two epochs and more
my $VALIDITY_S = 3600;
my $MILLION = 1e12;		# micro-USDC
my $TOO_MUCH = 2_000_000_000_000_000; # above what a payout can be
my $NOBODY = '0x' . '5' x 40;
my ($YES, $NO) = (JSON::PP::true(), JSON::PP::false());
my $SLOW = { mode => 'http429', retryAfter => 3600 };

# A ledger that is paid by the scripted facilitator, and looks at these nodes;
# a treasury that could pay what a liar invents.
sub ledger {
	my ($rig, $nodes, %opt) = @_;
	my $payout = delete $opt{payout};

	return PayoutTest->new($rig, workers => 1, fund => 5 * $MILLION,
	    payout => { facilitators => $rig->{scripted},
	    rpc_urls => join(' ', @{ $rig->{nodes} }[@$nodes]),
	    validity_s => $VALIDITY_S, threshold_micros => 100,
	    max_per_payout_micros => 100000, max_per_run_micros => 100000,
	    max_per_worker_day_micros => 100000, %{ $payout // {} } }, %opt);
}

# What a node is to say of the payouts that it has been told of.
sub used {
	my ($l, %more) = @_;

	return [ map { { nonce => $_->{nonce}, from => $l->{treasury},
	    to => $_->{address}, value => $_->{amount_micros}, %more } }
	    $l->payouts ];
}

sub lies {
	my ($rig, %what) = @_;

	$rig->node(0, { mode => 'invent', %what });
}

# The authorizations that were ever posted, since $rig->script.
sub posted {
	my ($rig) = @_;

	return map { JSON::PP::decode_json($_)->{paymentPayload}{payload}
	    {authorization} } $rig->bodies;
}

sub expire {
	my ($rig) = @_;

	$rig->warp($VALIDITY_S + 700);
	$rig->mine($FINAL);
}

my @cases;
sub case { push @cases, [ @_ ] }

# ---- By a reviewer who read every line ----

case('an amount that one node invents for an expired payout is never signed',
    sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	expire($rig);
	$l->pay('--reconcile');
	is($l->states, 'voided', 'a payout expires unused');
	$rig->script('scripted', { mode => 'pass' });
	lies($rig, final => 'head', uses => used($l, value => $MILLION));
	$l->pay;
	is($l->sql_value("SELECT count(*) FROM transfer WHERE kind = " .
	    "'recover'"), 0, 'no credit is recovered by its word');
	$rig->node(0);
	$l->pay for 1 .. 2;
	is(join(' ', grep { $_ > $owed } map { $_->{value} } posted($rig)),
	    '', 'when it denies its story nothing above what is owed is ' .
	    'posted');
	$l->settles_ok('then');
	is($l->chain_money($w), $owed, 'the worker has what was owed');
});

# A transfer of a million, backed by a result that its thief has signed.
sub rob {
	my ($l) = @_;
	my $now = WorknetTest::now_ms();
	my $key = Digest::SHA::sha256_hex('thief');
	my ($task) = $l->sql('SELECT * FROM task LIMIT 1');
	my ($sig, $thief) = $l->sign($key, $task->{name}, $now - 60000, 1,
	    'lower');
	my %of = (
	    account => "id = 9001, kind = 'worker', balance_micros = $MILLION",
	    worker => "id = 9001, address = '$thief'",
	    task_version => "id = 9001, reward_micros = $MILLION",
	    transfer => "id = 90001, at_ms = $now, kind = 'credit', " .
		"debit = 1, credit = 9001, amount_micros = $MILLION",
	    result => 'slot = 900001, transfer = 90001, version = 9001, ' .
		'success = 1, status = 200, response_ms = 45, error = NULL, ' .
		"copy = 0, address_form = 1, assigned_ms = $now - 61000, " .
		"timestamp_ms = $now - 60000, signature = x'" .
		substr($sig, 2) . "'");
	my %where = (account => 'id > 3', task_version =>
	    "id = $task->{version}", transfer => "kind = 'credit'");

	$l->sql_text("PRAGMA ignore_check_constraints = 1; PRAGMA " .
	    'foreign_keys = 0; BEGIN; ' . join(' ', map { my $where =
	    $where{$_} // 1; "CREATE TEMP TABLE t_$_ AS SELECT * FROM $_ " .
	    "WHERE $where LIMIT 1; UPDATE t_$_ SET $of{$_}; INSERT INTO " .
	    "main.$_ SELECT * FROM t_$_;" } sort keys %of) .
	    'UPDATE account SET balance_micros = balance_micros - ' .
	    "$MILLION WHERE id = 1; COMMIT;");
	return lc $thief;
}

case('who can write the ledger doesn\'t take any amount', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $thief = rob($l);

	$l->pay for 1 .. 3;
	is($l->chain_money($thief), 0, 'a reward over its bound isn\'t paid');
	isnt($l->sql_value('SELECT count(*) FROM finding'), 0,
	    'a finding says so');
	is($l->chain_money($w), $owed, 'who has earned something is paid');
	$l->losses_none('by a robbed ledger');
});

case('without caps nothing is paid', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2]);

	$l->payout_conf(map { ("max_per_${_}_micros" => undef) } qw(payout
	    run worker_day day));
	$l->pay_is('conf', 'a run refuses to');
	is($l->chain_money(($l->worker_list)[0]), 0, 'nobody is paid');
});

case('what one node shows in a block above the others\' final one isn\'t ' .
    'final', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1, 2]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	lies($rig, head => 50, final => 'head', uses => used($l));
	$l->pay for 1 .. 2;
	isnt($l->states, 'final', 'a block that it invents');
	lies($rig, final => 'head', uses => used($l, block => 'real'));
	$l->pay for 1 .. 2;
	isnt($l->states, 'final', 'and a real one that isn\'t final yet');
	$rig->node(0);
	expire($rig);
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('after that');
	is($l->chain_money($w), $owed, 'the worker doesn\'t lose its credit');
});

case('an amount that one node invents for an open payout isn\'t booked', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	lies($rig, uses => used($l, value => $MILLION));
	$l->pay;
	is($l->sql_value('SELECT count(*) FROM transfer WHERE kind NOT IN ' .
	    "('credit', 'reserve')"), 0, 'nothing moves by its word');
	lies($rig, uses => used($l, value => 1));
	$l->pay;
	is($l->sql_value('SELECT count(*) FROM transfer WHERE kind NOT IN ' .
	    "('credit', 'reserve')"), 0, 'nor by a small one');
	$rig->node(0);
	$rig->deliver($rig->bodies);
	$l->settles_ok('when it tells the truth');
	is($l->chain_money($w), $owed, 'the worker has what was owed');
	$l->more_work;
	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'and is paid for what it earns later');
	my ($status, $text) = $l->audit;
	is($status, 0, 'the audit finds nothing') or diag($text);
});

for my $time ([ 'the last second of 64 bits', '9223372036854775807' ],
    [ 'the last second of 63 bits less a day', '4611686018427301503' ],
    [ 'the year 2100', '4102444800' ]) {
	case("a node whose newest block is of $time->[0] makes nobody sign an " .
	    'authorization that lives longer', sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1]);
		my $now = time + $rig->ahead_s;

		$rig->script('scripted', { mode => 'pass' });
		lies($rig, head => -3, time => $time->[1]);
		$l->pay for 1 .. 2;
		is(join(' ', grep { $_ > $now + $VALIDITY_S + 900 }
		    map { $_->{validBefore} } posted($rig)), '',
		    'what is posted ends after the validity');
		lies($rig, time => $time->[1]);
		$l->pay;
		is(join(' ', grep { $_ > $now + $VALIDITY_S + 900 }
		    map { $_->{validBefore} } posted($rig)), '',
		    'also when all its blocks are');
		$rig->node(0);
		$l->settles_ok('when its time is right');
	});
}

case('with one node a canceled authorization is voided only after its end',
    sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($body) = $rig->bodies;
	lies($rig, final => 'head', uses => used($l, canceled => $YES));
	$l->pay for 1 .. 2;
	is($l->states, 'submitted', 'it stays open while it could settle');
	isnt($l->sql_value('SELECT count(*) FROM finding'), 0,
	    'a cancellation is a finding');
	$rig->node(0);
	$rig->deliver($body);
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('when the first one settles');
	is($l->chain_money($w), $owed, 'nobody is paid twice');
});

case('on base nodes are of different hosts', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2], payout => { network => 'base',
	    facilitators => 'https://facilitator.example' });
	my $test = sub {
		my ($expected, $name, $urls, %more) = @_;

		$l->payout_conf(rpc_urls => $urls, single_node => undef,
		    %more);
		is($l->pay('-t') == 0 ? 'taken' : 'refused', $expected, $name)
		    or diag($l->{err});
	};

	$test->('refused', 'one is too few', 'https://a.example/k');
	$test->('refused', 'the same with a slash is the same',
	    'https://a.example https://a.example/');
	$test->('refused', 'two keys of one host are one',
	    'https://a.example/1 https://a.example/2');
	$test->('taken', 'two hosts are two',
	    'https://a.example/1 https://b.example/2');
	$test->('taken', 'one will do for who says that he knows',
	    'https://a.example/k', single_node => 'accept');
});

case('a log that one node invents stops nothing', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $invented = { nonce => '0x' . '9' x 64, from => $l->{treasury},
	    to => $NOBODY, value => 5, receipt => $NO, state => $NO };

	$rig->script('scripted', { mode => 'pass' });
	lies($rig, uses => [$invented]);
	$l->pay;
	is($l->chain_money($w), $owed, 'the worker is paid all the same');
	lies($rig, uses => [{ %$invented, receipt => $YES }]);
	$rig->mine($FINAL);
	$l->more_work;
	$owed += $l->owed($w);
	$l->pay;
	is($l->chain_money($w), $owed, 'also when it has a receipt');
	$rig->warp(2 * 3600);
	$rig->mine($FINAL);
	$l->pay;
	isnt(join(' ', $l->findings_of_node(0)), '',
	    'when that lasts, a finding names the node');
	$rig->node(0);
	$l->settles_ok('in the end');
});

# ---- By a red team: what gives credit back ----

case('a payment of 1 micro-USDC that one node invents isn\'t final, and ' .
    'nothing is signed beside the first authorization', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($body) = $rig->bodies;
	lies($rig, final => 'head', uses => used($l, value => 1));
	$l->pay for 1 .. 3;
	is(scalar(keys %{ { map { ($_->{nonce} => 1) } posted($rig) } }), 1,
	    'one nonce is ever posted');
	isnt($l->states, 'final', 'nothing is final');
	$rig->deliver($body);
	$rig->script('scripted', { mode => 'pass' });
	$l->pay for 1 .. 2;
	is($l->chain_money($w), $owed, 'when the first settles the worker ' .
	    'has what was owed');
	$rig->node(0);
	$l->settles_ok('then');
});

case('what all nodes showed and then show otherwise is a finding', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($body) = $rig->bodies;
	$rig->node($_, { mode => 'invent', final => 'head',
	    uses => used($l, block => 'final') }) for 0, 1;
	$l->pay for 1 .. 2;
	is($l->states, 'final', 'both nodes lie alike');
	$rig->node($_) for 0, 1;
	$rig->deliver($body);
	$rig->mine($FINAL);
	$l->pay for 1 .. 2;
	isnt($l->sql_value('SELECT count(*) FROM finding'), 0,
	    'that another transaction used the nonce is one');
	is($l->chain_money($w), $owed, 'the worker is paid once');
});

# A copy of the ledger has adopted a payout of 7 micro-USDC; another one has it
# open, with another amount, when the chain shows so much.
for my $shown (7, 9, $TOO_MUCH) {
	case("what a copy has adopted as 7, and of which $shown is shown, costs " .
	    'nobody else anything', sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0, 1], workers => 2);
		my ($w, $other) = $l->worker_list;
		my $owed = $l->owed($other);
		my $show = sub {
			my ($value) = @_;

			$rig->node($_, { mode => 'invent', final => 'head',
			    uses => [ map { { %$_, value => $value } }
			    @{ $l->{known} } ] }) for 0, 1;
		};

		$l->backup('none');
		$rig->script('scripted', $SLOW);
		$l->pay('--worker', $w);
		$l->{known} = used($l, block => 'final');
		$l->journal_new;
		$l->backup('open');
		$l->restore('none');
		$show->(7);
		$l->pay('--reconcile');
		is($l->states, 'final', 'it is adopted');
		$l->restore('open');
		$show->($shown);
		$rig->script('scripted', { mode => 'pass' });
		$l->pay_is('findings', 'with the other copy a person must look')
		    or diag($l->{err});
		is($l->chain_money($other), $owed, 'the other worker is paid');
		my %found = map { ($_->{subject} => $_->{kind}) } $l->findings;
		is($found{'payout 1'}, $shown == 7 ? 'amount differs' :
		    'booked otherwise', 'a finding names the payout');
		is(($l->payouts($w))[0]{state}, $shown == 7 ? 'final' :
		    'submitted', $shown == 7 ? 'which is booked' :
		    'which stays open');
		$rig->node($_) for 0, 1;
	});
}

case('a lost payment of more than can be paid costs nobody else anything', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1], workers => 2);
	my ($w, $other) = $l->worker_list;
	my $owed = $l->owed($other);

	$l->backup('none');
	$rig->script('scripted', $SLOW);
	$l->pay('--worker', $w);
	my $known = used($l, block => 'final', value => $TOO_MUCH);
	$l->restore('none');
	$rig->node($_, { mode => 'invent', final => 'head', uses => $known })
	    for 0, 1;
	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('findings', 'a person must look') or diag($l->{err});
	like(join(' ', map { "$_->{kind}: $_->{subject}" } $l->findings),
	    qr/booked otherwise: transaction 0x/, 'a finding names it');
	is($l->chain_money($other), $owed, 'the other worker is paid');
	is(join(' ', map { $_->{address} } $l->payouts), $other,
	    'whom it is of waits');
	$rig->node($_) for 0, 1;
});

# ---- Limits of nodes ----

# Nodes refuse long spans, each in its own way; the chain has some hundred
# blocks, and what a restored ledger has lost is far back.
for my $how (qw(http413 http503 http504 large closed alchemy alchemy-free
    infura quicknode geth erigon ankr)) {
	case("a node that says \"$how\" to more than 50 blocks is asked for " .
	    'less', sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0]);
		my ($w) = $l->worker_list;
		my $owed = $l->owed($w);

		$l->backup('before');
		$rig->script('scripted', { mode => 'pass' });
		$l->pay;
		$rig->mine(300);
		$l->restore('before');
		$rig->node(0, { mode => 'limit', span => 50, how => $how });
		$l->pay;
		like($l->states, qr/^(posted|final)$/, 'what was lost is ' .
		    'found') or diag($l->{err});
		is($l->chain_money($w), $owed, 'and not paid again');
		$rig->node(0, { mode => 'limit', span => 50, how => $how });
		$l->pay_is('nothing', 'the next run goes on from there');
		cmp_ok($rig->node_calls(0)->{eth_getLogs} // 0, '<=', 20,
		    'with few calls');
		$rig->node(0);
	});
}

case('a receipt of megabytes doesn\'t hide a payment', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$rig->script('scripted', $SLOW);
	$l->pay;
	my ($body) = $rig->bodies;
	$rig->node($_, { mode => 'limit', how => 'large',
	    methods => ['eth_getTransactionReceipt'] }) for 0, 1;
	$rig->submit($body);
	$rig->mine($FINAL);
	$l->pay;
	is($l->states, 'final', 'what a worker settles in a transaction ' .
	    'with many logs is booked') or diag($l->{err});
	is($l->chain_money($w), $owed, 'once');
	$l->more_work;
	$rig->script('scripted', { mode => 'pass' });
	$l->pay;
	is($l->owed($w), 0, 'and the worker is paid again later');
	$rig->node($_) for 0, 1;
	$l->settles_ok('in the end');
});

case('a node that stands still is named, and a finding after an hour', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0, 1]);

	$rig->script('scripted', $SLOW);
	$rig->node(0, { mode => 'stand' });
	$l->pay;
	expire($rig);
	$l->pay for 1 .. 2;
	is($l->states, 'submitted', 'what expired isn\'t void by one node');
	my $name = $rig->node_name(0);
	like("$l->{err}$l->{out}", qr/\Q$name\E/, 'a run names the node');
	isnt(join(' ', $l->findings_of_node(0)), '', 'and a finding');
	$rig->node(0);
	$rig->script('scripted', { mode => 'pass' });
	$l->settles_ok('when it goes on');
	is(join(' ', $l->findings_open_of_node(0)), '',
	    'then the finding is over');
});

case('with spans of 5 blocks a known transaction is looked up directly', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [0], workers => 3);

	$rig->script('scripted', { mode => 'pass' });
	$l->pay_is('paid', 'three workers are paid');
	$rig->mine(500);
	$rig->node(0, { mode => 'limit', span => 5, how => 'alchemy-free' });
	$l->pay;
	is($l->states, 'final final final', 'far back they become final')
	    or diag($l->{err});
	my $n = eval { my $c = $rig->node_calls(0); my $sum = 0;
	    $sum += $_ for values %$c; $sum };
	cmp_ok($n, '<=', 400, 'in a bounded number of calls');
	$rig->node(0);
});

for my $how (qw(http429 infura-rate quicknode-rate ankr-rate base-rate)) {
	case("\"$how\" is waited for and isn't taken for a limit of spans",
	    sub {
		my ($rig) = @_;
		my $l = ledger($rig, [0]);
		my ($w) = $l->worker_list;
		my $owed = $l->owed($w);

		$l->backup('before');
		$rig->script('scripted', { mode => 'pass' });
		$l->pay;
		$rig->mine(300);
		$l->restore('before');
		$rig->node(0, { mode => 'limit', how => $how, times => 4,
		    methods => ['eth_getLogs'] });
		$l->pay for 1 .. 3;
		is($l->states, 'final', 'what was lost is found')
		    or diag($l->{err});
		is($l->chain_money($w), $owed, 'and not paid again');
		cmp_ok($rig->node_calls(0)->{eth_getLogs}, '<=', 20,
		    'with few calls');
		$rig->node(0);
	});
}

# ---- Faults that last ----

for my $fault ([ 'answers 404', { mode => 'answer', status => 404,
    body => '<html>not here</html>' } ],
    [ 'redirects', { mode => 'redirect-same' } ],
    [ 'answers 401', { mode => 'answer', status => 401,
    body => '{"error":"no key"}' } ],
    [ 'wants to be paid', { mode => 'answer', status => 402,
    body => '{"error":"plan exhausted"}' } ]) {
	case("a facilitator that $fault->[0] for ever is told once", sub {
		my ($rig) = @_;
		my $l = ledger($rig, [1, 2], workers => 8, payout => {
		    concurrency => 8 });

		$rig->script('scripted', $fault->[1]);
		$l->pay for 1 .. 3;
		my $open = 'SELECT count(*) FROM finding WHERE closed_ms IS ' .
		    'NULL';
		is($l->sql_value($open), 1, 'in one finding') or diag(map {
		    "$_->{kind}: $_->{subject}: $_->{detail}\n" } $l->sql(
		    'SELECT * FROM finding'));
		is($l->{code}, 6, 'and by the exit code');
		my $status = ($l->worknet_try('status'))[1];
		unlike($status, qr/no warnings/i, 'and in the status');
		cmp_ok(scalar(() = $l->payouts), '<', 8,
		    'a brake: not everybody\'s payout is signed');
		$rig->script('scripted', { mode => 'pass' });
		expire($rig);
		$l->settles_ok('when it is over');
		is($l->sql_value($open), 0, 'then it is gone');
	});
}

# ---- Clocks ----

for my $s (2 * 86400, 1800, -1800) {
	case('a clock that is ' . ($s < 0 ? -$s . ' s behind' : "$s s ahead") .
	    ' signs nothing', sub {
		my ($rig) = @_;
		my $l = ledger($rig, [1, 2])->fault_prepare;

		$rig->mine(1);
		$l->clock_set(WorknetTest::now_ms() +
		    1000 * ($rig->ahead_s + $s));
		$rig->script('scripted', { mode => 'pass' });
		$l->pay;
		isnt($l->{err}, '', 'a line says why');
		is(scalar($rig->bodies), 0, 'nothing is posted');
		$l->clock_set(undef);
		$l->settles_ok('once the clock is right');
	});
}

# ---- Findings ----

case('a finding that was closed too early opens again', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2]);
	my $open = 'SELECT count(*) FROM finding WHERE closed_ms IS NULL';

	$rig->token('pause');
	$l->pay;
	is($l->sql_value($open), 1, 'a paused token is one');
	my ($finding) = $l->sql('SELECT id FROM finding');
	$l->worknet_try('finding', 'close', $finding->{id} // 0);
	is($l->sql_value($open), 0, 'somebody closes it');
	$l->pay;
	is($l->sql_value($open), 1, 'it is still true');
	is($l->sql_value('SELECT count(*) FROM finding'), 1, 'and the same');
	$rig->token('unpause');
	$l->settles_ok('when the token goes on');
	is($l->sql_value($open), 0, 'then it is gone');
});

# Both have the same number, and so the same bytes: the journal has them.
case('a payout that another copy of the ledger sent, too, is paid once', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2]);
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	$l->backup('first');
	$rig->script('scripted', $SLOW);
	$l->pay;
	$l->backup('second');
	$l->restore('first');
	$rig->deliver($rig->bodies);
	$l->restore('second');
	$rig->script('scripted', { mode => 'pass' });
	$l->pay for 1 .. 2;
	is($l->chain_money($w), $owed, 'the worker is paid once');
	$l->books_ok('and all agree');
});

case('a debt that can\'t be paid doesn\'t stop the younger ones', sub {
	my ($rig) = @_;
	my $l = ledger($rig, [1, 2], results => 60, fund => 3000);
	my ($large) = $l->worker_list;

	$l->{workers} = 3;
	$l->more_work(3);
	$rig->script('scripted', { mode => 'pass' });
	cmp_ok($l->owed($large), '>', 3000, 'the oldest debt is the largest');
	$l->pay for 1 .. 2;
	is(join(' ', map { $l->owed($_) } grep { $_ ne $large }
	    $l->worker_list), '0 0', 'the others are paid');
	isnt($l->sql_value("SELECT count(*) FROM finding WHERE " .
	    "subject || detail LIKE '%$large%' COLLATE NOCASE"), 0,
	    'a finding names who isn\'t');
});

cases_ok(3, \@RIG, @cases);
done_testing();
