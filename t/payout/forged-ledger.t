# What somebody gets who can write whatever he likes to the ledger: nothing
# that the payer can see is wrong, and of the rest no more than the bounds that
# stand outside of the ledger. Each forgery leaves a word of itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Forger qw(forge forged_credit);
use PayoutTest qw(rig_start rig_stop);
use WorknetTest ();

my $HOUR_MS = 3600 * 1000;

# The id of a worker, as SQL.
sub id_of { return "(SELECT id FROM worker WHERE address = '$_[0]')" }

# The newest credit of a worker, and the newest result of it, as SQL.
sub credit_of {
	return "(SELECT max(id) FROM transfer WHERE kind = 'credit' AND " .
	    'credit = ' . id_of($_[0]) . ')';
}

sub slot_of {
	return '(SELECT max(slot) FROM result WHERE transfer = ' .
	    credit_of($_[0]) . ')';
}

# A ledger whose last results are of the middle of an hour: in it each cycle
# begins a minute after the one before.
sub ledger_of_an_hour {
	my ($rig, %opt) = @_;
	my $l = PayoutTest->new($rig, %opt, results => 1);
	my $now = WorknetTest::now_ms();

	unlink map { $l->ledger_path . $_ } '', '-wal', '-shm';
	$l->ledger_make('--results', 20 * $opt{workers}, '--end-ms',
	    $now - $now % $HOUR_MS - $HOUR_MS / 2);
	return $l;
}

# A worker's result once more, as SQL: a new slot, so many cycles later, paid
# by the newest transfer.
sub copied_result {
	my ($slot, $cycles) = @_;
	my $later = 60000 * $cycles;

	return 'UPDATE slot_counter SET last_slot = last_slot + 1;' .
	    "UPDATE transfer SET at_ms = $later + (SELECT t.at_ms FROM " .
	    'result r JOIN transfer t ON t.id = r.transfer WHERE ' .
	    "r.slot = $slot) WHERE id = (SELECT max(id) FROM transfer);" .
	    'INSERT INTO result SELECT (SELECT last_slot FROM slot_counter), ' .
	    "(SELECT max(id) FROM transfer), version, cycle_ms + $later, " .
	    "copy, assigned_ms + $later, anchor, timestamp_ms, success, status, " .
	    'response_ms, error, address_form, signature, place, trace, token ' .
	    'FROM result ' .
	    "WHERE slot = $slot;";
}

sub reward_of {
	my ($l, $slot) = @_;

	return $l->sql_value('SELECT v.reward_micros FROM result r JOIN ' .
	    "task_version v ON v.id = r.version WHERE r.slot = $slot");
}

# The six rows that make somebody a worker with one well paid result, signed
# with a key of his own; nothing is missing but somebody who gave the task.
sub six_inserts {
	my ($l, $micros) = @_;
	my $now = WorknetTest::now_ms() - $HOUR_MS;
	my ($signature, $address) = $l->sign('7e' x 32, 'task_00000', $now, 1,
	    'lower');

	return lc $address, 'INSERT INTO account (id, kind) VALUES ' .
	    "(900, 'worker');" .
	    "INSERT INTO worker VALUES (900, '" . lc($address) .
	    "', $now);" .
	    'INSERT INTO task_version SELECT max(id) + 1, 1, type, url, ' .
	    "expected_status, timeout_ms, $micros, interval_ms, copies, " .
	    'cooldown_ms, 0, region, created_ms, zeroblob(32), 1 ' .
	    'FROM task_version;' .
	    forged_credit(lc $address, $micros) .
	    "UPDATE transfer SET at_ms = $now WHERE id = (SELECT max(id) " .
	    'FROM transfer);' .
	    'UPDATE slot_counter SET last_slot = last_slot + 1;' .
	    'INSERT INTO result SELECT (SELECT last_slot FROM slot_counter), ' .
	    '(SELECT max(id) FROM transfer), (SELECT max(id) FROM ' .
	    "task_version), 0, 0, $now, 0, $now, 1, 200, 1, NULL, 1, X'" .
	    substr($signature, 2) . "', NULL, NULL, NULL;";
}

# Runs a payout; each of the forgeries, [ worker, name, what is said ], isn't
# paid, has its finding, and the audit sees it, too.
sub refuses {
	my ($l, $name, @forgeries) = @_;
	my %had = map { ($_->[0] => $l->chain_money($_->[0])) } @forgeries;

	$l->pay_is('findings', "$name: needs a person");
	for (@forgeries) {
		my ($worker, $what, $says) = @$_;
		is($l->chain_money($worker), $had{$worker},
		    "$what: isn't paid");
		my ($detail) = map { $_->{detail} } $l->sql('SELECT detail ' .
		    "FROM exceptions WHERE kind = 'evidence' AND " .
		    "lower(subject) = '$worker'");
		like($detail // '', $says, "$what: the finding names the row");
	}
	my ($status) = $l->audit;
	isnt($status, 0, "$name: the audit isn't clean");
}

sub refuses_rows {
	my ($rig) = @_;
	my $l = ledger_of_an_hour($rig, workers => 9);
	my @w = $l->worker_list;
	my ($own, $six) = six_inserts($l, 1000000000);
	my @copied = map { $l->sql_value('SELECT ' . slot_of($_)) } @w[0, 7];
	my $moved = $l->sql_value('SELECT amount_micros FROM transfer WHERE ' .
	    'id = ' . credit_of($w[8]));
	my $version = $l->sql_value('SELECT max(id) + 1 FROM task_version') + 1;
	my $ahead = WorknetTest::now_ms() + $HOUR_MS;
	my @forgeries = (
		[ $own, 'six rows with a key of one\'s own',
		    qr/pays 1000000000 micro-USDC for it, max_reward_micros/,
		    $six ],
		[ $w[0], 'a result copied into the next cycle',
		    qr/was paid for the same check in slot $copied[0]/,
		    forged_credit($w[0], reward_of($l, $copied[0])) .
		    copied_result($copied[0], 1) ],
		[ $w[7], 'a result copied',
		    qr/was paid for slot $copied[1] in the same cycle/,
		    forged_credit($w[7], reward_of($l, $copied[1])) .
		    copied_result($copied[1], 0) ],
		[ $w[1], 'a definition that nobody made',
		    qr/definition $version: its hash is of other values/,
		    'INSERT INTO task_version SELECT max(id) + 1, (SELECT ' .
		    'v.task FROM result r JOIN task_version v ON v.id = ' .
		    'r.version WHERE r.slot = ' . slot_of($w[1]) . '), type, url, ' .
		    'expected_status, timeout_ms, reward_micros, ' .
		    'interval_ms, copies, cooldown_ms, budget_micros, region, ' .
		    'created_ms, hash, format FROM task_version;' .
		    "UPDATE task_version SET reward_micros = (SELECT " .
		    'v.reward_micros FROM result r JOIN task_version v ON ' .
		    'v.id = r.version WHERE r.slot = ' . slot_of($w[1]) .
		    ") WHERE id = $version;" .
		    "UPDATE result SET version = $version WHERE slot = " .
		    slot_of($w[1]) . ';' ],
		[ $w[2], 'somebody else\'s credit', qr/slot \d+: signature/,
		    'CREATE TEMP TABLE m AS SELECT ' . credit_of($w[8]) .
		    ' AS id;' .
		    'UPDATE transfer SET credit = ' . id_of($w[2]) .
		    ' WHERE id = (SELECT id FROM m);' .
		    'UPDATE account SET balance_micros = balance_micros + ' .
		    "iif(id = " . id_of($w[2]) . ", $moved, -$moved) WHERE " .
		    'id IN (' . id_of($w[2]) . ', ' . id_of($w[8]) . ');' ],
		[ $w[3], 'a credit of times to come',
		    qr/transfer \d+: its time is \d+ ms ahead/,
		    "UPDATE transfer SET at_ms = $ahead WHERE id = " .
		    credit_of($w[3]) . ';' ],
		[ $w[4], 'a copy that its task hasn\'t',
		    qr/slot \d+: is copy 7/,
		    'UPDATE result SET copy = 7 WHERE slot = ' .
		    slot_of($w[4]) . ';' ],
		[ $w[5], 'a credit from what is in flight',
		    qr/transfer \d+: a credit from account 2/,
		    'UPDATE transfer SET debit = 2 WHERE id = ' .
		    credit_of($w[5]) . ';' ],
	);

	forge($l, join('', map { $_->[3] } @forgeries), rechain => 1);
	forge($l, 'UPDATE result SET response_ms = 7 WHERE slot = ' .
	    slot_of($w[6]) . ';');
	refuses($l, 'a ledger forged with hashes made anew', @forgeries,
	    [ $w[6], 'a result changed under its hash',
		qr/transfer \d+: its hash is of other values/ ]);
	is(join(' ', map { $_->{address} } $l->payouts), $w[8],
	    'the other one is paid');
}

# Six rows past every bound of the tables.
sub refuses_unbounded {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 1);
	my ($own, $six) = six_inserts($l, 1000000000000);

	ok(!eval { forge($l, $six); 1 }, 'the tables refuse a reward of a ' .
	    'million USDC');
	$l = PayoutTest->new($rig, workers => 1);
	forge($l, $six, unchecked => 1, rechain => 1);
	refuses($l, 'such a reward around the tables',
	    [ $own, 'a reward of a million USDC', qr/max_reward_micros/ ]);
	is($l->sql_value('SELECT count(*) FROM payout'), 1,
	    'and only the other worker is paid');
}

# What was paid once is worth nothing more, however it is dressed up.
sub refuses_old_work {
	my ($rig) = @_;
	my $l = ledger_of_an_hour($rig, workers => 3,
	    payout => { threshold_micros => 1 });
	my @w = $l->worker_list;
	my @slots = map { $l->sql_value('SELECT ' . slot_of($_)) } @w;
	my @again = map { forged_credit($w[$_], reward_of($l, $slots[$_])) }
	    0 .. 2;

	$l->pay_is('paid', 'everybody is paid once');
	$rig->mine(70);
	$l->pay_is('nothing', 'and the payments become final');
	my @forgeries = (
		[ $w[0], 'a paid result copied into the next cycle',
		    qr/was paid for the same check in slot $slots[0]/,
		    $again[0] . copied_result($slots[0], 1) ],
		[ $w[1], 'a paid result copied',
		    qr/was paid for slot $slots[1] in the same cycle/,
		    $again[1] . copied_result($slots[1], 0) ],
		[ $w[2], 'a paid result taken for another credit',
		    qr/a credit without a result|the rewards of its \d+ results/,
		    $again[2] . 'UPDATE transfer SET at_ms = (SELECT t.at_ms ' .
		    'FROM result r JOIN transfer t ON t.id = r.transfer ' .
		    "WHERE r.slot = $slots[2]) WHERE id = (SELECT max(id) " .
		    'FROM transfer);' .
		    'UPDATE result SET transfer = (SELECT max(id) FROM ' .
		    "transfer) WHERE slot = $slots[2];" ],
	);
	forge($l, join('', map { $_->[3] } @forgeries), rechain => 1);
	refuses($l, 'old work paid again', @forgeries);
}

# While an assignment is kept, it counts.
sub refuses_other_assignments {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 4);
	my @w = $l->worker_list;

	$l->more_work;
	forge($l, 'UPDATE assignment SET reward_micros = reward_micros + 1 ' .
	    'WHERE slot = ' . slot_of($w[0]) . ';' .
	    'DELETE FROM assignment WHERE slot = ' . slot_of($w[1]) . ';' .
	    'UPDATE assignment SET cycle_ms = cycle_ms + 1 WHERE slot = ' .
	    slot_of($w[2]) . ';');
	refuses($l, 'assignments that say otherwise',
	    [ $w[0], 'another reward', qr/assignment says otherwise/ ],
	    [ $w[1], 'none', qr/wasn't assigned to the worker/ ],
	    [ $w[2], 'another cycle', qr/assignment says otherwise/ ]);
	is(join(' ', map { $_->{address} } $l->payouts), $w[3],
	    'the other worker is paid');
}

# The whole history is right, every key, signature and hash: the attacker's
# own. Then only what stands outside of the ledger bounds what he gets.
sub bounds_a_right_history {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 2, payout => {
	    max_per_worker_day_micros => 5000 });
	my @w = $l->worker_list;
	my %honest = map { ($_ => 1) } @w;
	my $seed = $l->{seed};

	for (['98', 1, 600, 20, 1200000], ['99', 2, 1001, 10, 0]) {
		my ($other, $workers, $reward, $results, $ago_ms) = @$_;
		$l->worknet('task', 'edit', $_->{name}, '--reward', $reward)
		    for $l->sql('SELECT name FROM task');
		@$l{qw(seed workers)} = ("$seed$other", $workers);
		$l->ledger_make('--append', '--results', $results,
		    '--end-ms', WorknetTest::now_ms() - $ago_ms);
	}
	my @new = grep { !$honest{$_} } $l->worker_list;
	my ($busy, @rich) = @new;

	refuses($l, 'a right history of one\'s own',
	    (map { [ $_, 'a reward above its bound',
		qr/max_reward_micros is 1000/ ] } @rich),
	    [ $busy, 'more in a day than the tasks can pay',
		qr/earned more than 5000 micro-USDC in 24 hours/ ]);
	is(join(' ', sort map { $_->{address} } $l->payouts),
	    join(' ', sort @w), 'the honest workers are paid');
	$l->payout_conf(max_per_worker_day_micros => 15000);
	$l->pay_is('findings', 'with a higher bound');
	is($l->chain_money($busy), 20 * 600, 'his day is worth no more ' .
	    'than it');
	is($l->chain_money($_), 0, 'a reward above its bound still nothing')
	    for @rich;
}

# An old payout's row, and its transfers, say that it was of 1 micro-USDC only,
# and the rest is the worker's again: paid for the same work a second time.
sub refuses_to_pay_twice {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 2);
	my ($w, $other) = $l->worker_list;

	$l->pay_is('paid', 'everybody is paid once');
	$rig->mine(10);
	$l->pay_is('nothing', 'and it is final');
	my $paid = $l->chain_money($w);
	my $before = $l->chain_money($other);

	for my $round (1, 2) {
		my ($p) = grep { $_->{amount_micros} > 1 } $l->payouts($w);
		last if !$p;
		my $more = $p->{amount_micros} - 1;
		my $transfers = '(SELECT transfer FROM payout_event WHERE ' .
		    "payout = $p->{id})";

		forge($l, 'UPDATE account SET balance_micros = ' .
		    "balance_micros - $more WHERE id = (SELECT credit FROM " .
		    "transfer WHERE id IN $transfers ORDER BY id DESC LIMIT 1);" .
		    'UPDATE account SET balance_micros = balance_micros + ' .
		    "$more WHERE id = " . id_of($w) . ';' .
		    "UPDATE transfer SET amount_micros = 1 WHERE id IN $transfers;" .
		    'UPDATE payout SET amount_micros = 1, paid_micros = 1 ' .
		    "WHERE id = $p->{id};", rechain => 1, unchecked => 1);
	}
	is($l->owed($w), $paid - 1, 'what was paid is owed again');
	$l->more_work;
	for (1, 2) {
		$l->pay_is('findings', 'which a person must know');
		$rig->mine(10);
	}
	cmp_ok($l->chain_money($w), '<=', $paid, 'it isn\'t paid again');
	cmp_ok($l->chain_money($other), '>', $before,
	    'the other worker is paid for more work');
	like(join(' ', map { lc $_->{subject} } $l->findings), qr/$w/,
	    'and a finding names the one');
}

# What the ledger says it had lost, and the chain has paid: a transfer, and
# whatever may make it look like a payout that was found there.
sub refuses_recovered {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 6,
	    payout => { threshold_micros => 1 });
	my @w = $l->worker_list;
	my $of = sub { 'WHERE worker = ' . id_of($w[$_[0]]) };
	my $another = sub {
		my ($i, $seal) = @_;

		return 'INSERT INTO payout SELECT (SELECT max(id) + 1 FROM ' .
		    "payout), worker, max(seq) + 1, amount_micros, '0x' || " .
		    'lower(hex(randomblob(32))), chain_id, token, treasury, ' .
		    "reserved_ms, 'final', 0, amount_micros, $seal, " .
		    'amount_micros FROM payout ' . $of->($i) . ';';
	};
	my @dressed = (
		[ 'nothing', sub { '' } ],
		[ 'a payout without a seal', sub { $another->(1,
		    "'0x" . '0' x 130 . "'") } ],
		[ 'a payout with another\'s seal', sub { $another->(2, 'seal') } ],
		[ 'its payout, as if it was found', sub { 'UPDATE payout SET ' .
		    'verified_to = 0, verified_micros = amount_micros ' .
		    $of->(3) . ';' } ],
		[ 'more that is said to be paid', sub { 'UPDATE payout SET ' .
		    'paid_micros = 2 * paid_micros ' . $of->(4) . ';' } ],
	);

	for my $round (1, 2) {
		$l->pay_is($round == 1 ? 'paid' : 'findings',
		    "round $round: everybody is paid");
		$rig->mine(10);
		$l->pay_is('nothing', "round $round: and it is final");
		$l->backup("honest$round");
		my @paid = map { $l->chain_money($_) } @w;
		$l->more_work;
		forge($l, join('', map { forged_credit($w[$_], $paid[$_],
		    'recover') . $dressed[$_][1]->() } 0 .. $#dressed),
		    rechain => 1);
		refuses($l, "round $round: old work recovered", map { [ $w[$_],
		    "recovered beside $dressed[$_][0]",
		    qr/micro-USDC were recovered, \d+ more than payouts found/ ]
		    } 0 .. $#dressed);
		cmp_ok($l->chain_money($w[5]), '>', $paid[5],
		    "round $round: the other worker is paid");
		$rig->mine(10);
		$l->restore("honest$round");
		$l->more_work;
	}
}

# The same where some of it is right: a ledger that was restored.
sub refuses_more_recovered {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 4);
	my @w = $l->worker_list;

	$l->backup('copy');
	for (1, 2) {
		$l->more_work(15);
		$l->pay_is('paid', 'everybody is paid for more');
	}
	$l->restore('copy');
	$rig->mine(10);
	$l->pay_is('findings', 'what a copy has lost is found');
	$l->more_work;
	my %owed = map { ($_ => $l->owed($_)) } @w;
	forge($l, join('', map { forged_credit($w[$_], 1, 'recover') } 0 .. 2) .
	    'INSERT INTO payout SELECT (SELECT max(id) + 1 FROM payout), ' .
	    'worker, seq, amount_micros, nonce, chain_id, token, treasury, ' .
	    "reserved_ms, 'voided', verified_to, verified_micros, seal, " .
	    '0 FROM payout WHERE seq = 1 AND worker = ' . id_of($w[1]) . ';' .
	    'UPDATE payout SET verified_micros = verified_micros + 1 WHERE ' .
	    'worker = ' . id_of($w[2]) . ';', rechain => 1);
	my $before = $l->chain_money($w[3]);
	refuses($l, 'more recovered than was lost', map { [ $w[$_->[0]], $_->[1],
	    qr/micro-USDC were recovered, \d+ more than payouts found/ ] }
	    [ 0, 'one micro-USDC more' ], [ 1, 'the same payout twice' ],
	    [ 2, 'a payout that says more was lost' ]);
	is($l->chain_money($w[3]), $before + $owed{$w[3]},
	    'who has recovered what was lost is paid');
}

# A payout of a killed run, which is to be signed, and what its worker is said
# to have recovered.
sub refuses_to_resume {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 2,
	    payout => { facilitators => $rig->{scripted} });
	my ($w, $other) = $l->worker_list;

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'two payouts are open');
	forge($l, 'DELETE FROM authorization; UPDATE payout SET state = ' .
	    "'reserved';" . forged_credit($w, 1, 'recover'), rechain => 1);
	$rig->script('scripted');
	$l->pay_is('findings', 'one of them isn\'t signed again');
	is($l->chain_money($w), 0, 'nor paid');
	cmp_ok($l->chain_money($other), '>', 0, 'the other one is');
	like(join(' ', map { "$_->{kind}: $_->{detail}" } $l->findings),
	    qr/not signed: 1 micro-USDC were recovered/, 'a finding says why');
}

# Two payouts that have one another's nonce: were such a payment booked, the
# vault would count what another number was paid.
sub refuses_another_nonce {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 2);
	my ($w, $other) = $l->worker_list;
	my $nonce = sub {
		'UPDATE payout SET nonce = ' . $_[1] . ' WHERE worker = ' .
		    id_of($_[0]) . ';'
	};

	$l->pay_is('paid', 'two workers are paid');
	my %nonce = map { ($_->{address} => "'$_->{nonce}'") } $l->payouts;
	forge($l, $nonce->($w, "'0x" . '0' x 64 . "'") .
	    $nonce->($other, $nonce{$w}) . $nonce->($w, $nonce{$other}));
	$rig->mine(10);
	$l->pay_is('findings', 'their payouts have one another\'s nonce');
	is(scalar(grep { "$_->{kind}: $_->{detail}" =~
	    /^booked otherwise: its nonce isn't that of its worker's number/ }
	    $l->findings), 2, 'a finding of each says so');
	unlike($l->states, qr/final/, 'and neither is final');
}

# What was verified for a payout isn't again for the next one, as long as the
# hash of all that came before it is the one that was sealed.
sub refuses_replaced_pasts {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 3);
	my @w = $l->worker_list;

	$l->pay_is('paid', 'three workers are paid');
	my $old = $l->sql_value('SELECT max(slot) FROM result WHERE ' .
	    'transfer = ' . credit_of($w[0]));
	$l->more_work;
	forge($l, 'UPDATE result SET signature = (SELECT signature FROM ' .
	    "result WHERE slot <> $old LIMIT 1) WHERE slot = $old;",
	    rechain => 1);
	refuses($l, 'a past that was replaced, with all its hashes',
	    [ $w[0], 'a result of it', qr/result|slot/ ]);
	cmp_ok($l->sql_value('SELECT count(*) FROM payout WHERE worker = ' .
	    id_of($w[$_])), '==', 2, 'the others are paid: their past holds')
	    for 1, 2;
	my @again = $l->sql('SELECT detail FROM payout_event WHERE ' .
	    "kind = 'verified' AND payout > 3");
	my @all = map { $l->sql_value('SELECT count(*) FROM result r JOIN ' .
	    'transfer t ON t.id = r.transfer WHERE t.credit = ' . id_of($_)) }
	    @w[1, 2];
	is(join(' ', sort map { $_->{detail} =~ /^(\d+)/ } @again),
	    join(' ', sort @all),
	    'after every signature of it was verified again');
	my ($unfit) = $l->sql('SELECT subject FROM exceptions WHERE ' .
	    "kind = 'seal doesn''t fit'");
	like($unfit->{subject} // '', qr/^payout \d$/,
	    'and a finding says that seals don\'t fit');
}

# Rows of open payouts that no program writes: each is told of and left alone,
# and costs nobody else anything.
sub passes_over_unreadable_rows {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 12);
	my @w = $l->worker_list;
	my $of = sub { "WHERE payout = (SELECT id FROM payout WHERE worker = " .
	    id_of($_[0]) . ')' };
	my @broken = (
		[ 'amount', qr/its amount is 0, expected 1/,
		    sub { "UPDATE payout SET amount_micros = 0 WHERE " .
		    'worker = ' . id_of($_[0]) } ],
		# Two of them are more than a sum holds.
		(map { [ "amount, the largest, $_", qr/its amount is \d{19}, expected 1/,
		    sub { 'UPDATE payout SET amount_micros = ' .
		    "9223372036854775807, state = 'submitted' WHERE worker = " .
		    id_of($_[0]) } ] } 1, 2),
		[ 'state', qr/its state is "gone", which is none/,
		    sub { "UPDATE payout SET state = 'gone' WHERE worker = " .
		    id_of($_[0]) } ],
		[ 'nonce', qr/hex: expected 0x and \d+ digits/,
		    sub { "UPDATE payout SET nonce = 'none' WHERE worker = " .
		    id_of($_[0]) } ],
		[ 'seal', qr/hex: expected 0x and \d+ digits/,
		    sub { "UPDATE payout SET seal = '' WHERE worker = " .
		    id_of($_[0]) } ],
		[ 'authorization', qr/its validity's end is 1, expected/,
		    sub { 'UPDATE authorization SET valid_before = 1 ' .
		    $of->($_[0]) } ],
		[ 'signature', qr/hex: expected 0x and \d+ digits/,
		    sub { "UPDATE authorization SET signature = '' " .
		    $of->($_[0]) } ],
		[ 'event', qr/no event says where it was posted/,
		    sub { "DELETE FROM payout_event " . $of->($_[0]) .
		    " AND kind = 'posted'" } ],
		[ 'worker', qr/address must be 0x/,
		    sub { 'DELETE FROM worker WHERE id = ' . id_of($_[0]) } ],
	);

	$l->pay('--max', @broken + 1);
	is($l->states, join(' ', ('posted') x (@broken + 1)),
	    'a payout of each worker but the last is open');
	my @ids = map { $_->{id} } $l->payouts;
	forge($l, join('', map { $broken[$_][2]->($w[$_]) . ';' }
	    0 .. $#broken), unchecked => 1);
	$rig->mine(10);
	my $money = join(' ', map { $l->chain_money($_) } @w[0 .. $#broken]);
	for my $run (1, 2) {
		$l->pay_is('findings', 'rows that can\'t be read need a person');
		cmp_ok($l->chain_money($w[-1]), '>', 0,
		    'the last worker is paid');
		is($l->sql_value("SELECT state FROM payout WHERE id = $ids[-1]"),
		    'final', 'and the readable one is booked');
		for my $i (0 .. $#broken) {
			my ($name, $says) = @{ $broken[$i] };
			my @found = grep { $_->{subject} eq "payout $ids[$i]" }
			    $l->findings;

			is(join(' ', map { "$_->{kind} $_->{times}" } @found),
			    "payout unreadable $run", "$name: is one finding");
			like($found[0]{detail} // '', $says,
			    "$name: which says what is wrong");
		}
		is(join(' ', map { $l->chain_money($_) } @w[0 .. $#broken]),
		    $money, 'the others are paid nothing more');
	}
	my ($gone) = grep { $broken[$_][0] eq 'state' } 0 .. $#broken;
	forge($l, "UPDATE payout SET state = 'posted' WHERE id = $ids[$gone];");
	$l->pay_is('findings', 'once one of them is mended');
	is(scalar(grep { $_->{subject} eq "payout $ids[$gone]" }
	    $l->findings), 0,
	    'its finding is over');
}

# A crowd of workers whose every row is right, and all within their bounds: what
# is paid of it in a day is the treasury's cap.
sub bounds_the_loss {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 6);
	my $cap = 5000;
	my $paid = 0;

	$l->payout_conf(max_per_day_micros => $cap);
	$l->pay;
	$l->more_work(5);
	$l->pay for 1, 2;
	$paid += $l->chain_money($_) for $l->worker_list;
	cmp_ok($paid, '<=', $cap, 'whoever writes the ledger gets no more ' .
	    'than the day\'s cap');
	cmp_ok($paid, '>', 0, 'which is what the cap lets through');
}

my $rig = rig_start();
refuses_rows($rig);
refuses_unbounded($rig);
refuses_old_work($rig);
refuses_other_assignments($rig);
refuses_to_pay_twice($rig);
refuses_recovered($rig);
refuses_more_recovered($rig);
refuses_to_resume($rig);
refuses_another_nonce($rig);
bounds_a_right_history($rig);
refuses_replaced_pasts($rig);
passes_over_unreadable_rows($rig);
bounds_the_loss($rig);
rig_stop($rig);

done_testing();
