# Payments that go as they should: what workers have earned arrives on a real
# chain, through a real facilitator.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Forger qw(forge forged_credit forged_result);
use PayoutTest qw(rig_start rig_stop);
use WorknetTest qw(json_value);

# Reserved, signed, submitted, posted; and nothing is said.
sub pays_all {
	my ($rig, $what, %payout) = @_;
	my $l = PayoutTest->new($rig, payout => \%payout);
	my %owed = map { ($_ => $l->owed($_)) } $l->worker_list;

	$l->pay_is('paid', "$what: everybody is paid");
	is("$l->{out}$l->{err}", '', "$what: and nothing is said");
	is(join(' ', map { $l->chain_money($_) } sort keys %owed),
	    join(' ', map { $owed{$_} } sort keys %owed),
	    "$what: each worker has to the micro what was owed");
	is($l->states, 'posted posted posted', "$what: the payouts are posted");
	$l->books_ok("after paying: $what");
	return $l;
}

sub becomes_final {
	my ($rig, $l) = @_;

	$l->pay_is('nothing', 'a second run has nothing to do');
	is("$l->{out}$l->{err}", '', 'and says nothing');
	is($l->states, 'posted posted posted', 'posted is all that it is');
	$rig->mine(10);
	$l->pay_is('nothing', 'a run after ten blocks pays nobody either');
	is($l->states, 'final final final', 'the payouts are final');
	is($l->sql_value("SELECT group_concat(kind, ' ') FROM (SELECT kind " .
	    'FROM payout_event WHERE payout = 1 ORDER BY id)'), 'reserved ' .
	    'verified signed submitted answered posted final',
	    'each step of a payout is on record');
	$l->more_work;
	$l->pay_is('paid', 'what is earned later is paid later');
	is($l->states, join(' ', ('final') x 3, ('posted') x 3),
	    'as each worker\'s second payout');
	is(join(' ', map { $_->{seq} } $l->payouts), '1 1 1 2 2 2',
	    'with the second number');
	$l->books_ok('after a second round');
}

sub only_looks {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig);
	my @workers = $l->worker_list;
	my $everything = sub { $l->sql_text('.dump') };
	my $before = $everything->();

	$l->pay('--dry-run');
	my $usdc = sub { sprintf('%d.%06d usdc', int($_[0] / 1e6),
	    $_[0] % 1e6) };
	my $sum = 0;
	$sum += $l->owed($_) for @workers;
	is(lc $l->{out}, join('', map { "would pay $_ " .
	    $usdc->($l->owed($_)) . "\n" } @workers) . 'in all ' .
	    $usdc->($sum) . " to 3 workers\n",
	    '--dry-run says whom it would pay, and how much');
	is($l->{code}, 0, '--dry-run ends with 0');
	is($everything->(), $before, '--dry-run changes nothing');
	is($l->{err}, '', '--dry-run complains about nothing');
	$l->worknet('payout', 'hold', $workers[1], '--reason',
	    'a "word"');
	$before = $everything->();
	$l->pay('--dry-run', '--json');
	is_deeply(json_value(lc $l->{out}), { payees => [
	    { worker => $workers[1], amountmicros => 0,
	    waits => 'a "word"' },
	    map { { worker => $_, amountmicros => $l->owed($_) } }
	    @workers[0, 2] ], payouts => 2,
	    summicros => $l->owed($workers[0]) + $l->owed($workers[2]),
	    exitcode => 0, error => undef }, '--json says the same as JSON');
	is($everything->(), $before, '... and changes nothing');
	$l->worknet('payout', 'release', $workers[1]);
	$l->pay('--json');
	is($l->{code}, 2, '--json is of --dry-run alone');
	$l->pay_is('nothing', '--reconcile pays nobody', '--reconcile');
	is($l->states, '', '--reconcile makes no payout');
	is($l->chain_money($workers[0]), 0, 'and no money moves');
	$l->pay_is('paid', '--worker pays', '--worker', $workers[2]);
	is(join(' ', map { $_->{address} } $l->payouts), $workers[2],
	    '--worker pays this one and nobody else');
	$l->pay_is('paid', '--max 1 pays', '--max', 1);
	is(join(' ', map { $_->{address} } $l->payouts),
	    "$workers[2] $workers[0]", '--max 1 pays one more: the oldest debt');
	$rig->mine(10);
	$l->pay_is('nothing', '--reconcile settles what is final',
	    '--reconcile');
	is($l->states, 'final final', 'and makes it so');
	$l->pay_is('paid', 'the last one is paid by the next run');
	$l->books_ok('after runs with options');
}

sub usage {
	my ($l) = @_;

	for my $args (['--max', '0'], ['--max', 'x'], ['--worker', '0x12'],
	    ['--wrong'], ['more']) {
		$l->pay_is('usage', "@$args is refused", @$args);
		like($l->{err}, qr/^worknet-payout --help tells/m,
		    "@$args: help is named");
	}
	$l->pay_is('nothing', '-h is fine', '-h');
	like($l->{out}, qr/Exit codes:/, '-h lists the exit codes');
	$l->pay_is('nothing', '-t finds the configuration right', '-t');
	like(lc $l->{out}, qr/: treasury $l->{treasury} on base-sepolia, nodes http\S+$/m,
	    '... and tells whom to fund, and by which nodes');
}

# ---- Forged rows ----

sub refuses_forgeries {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 7);
	my @w = $l->worker_list;
	my @forgeries = (
		[ 'a signature of other bytes', forged_credit($w[0], 100) .
		    forged_result($w[0], 'r.signature') ],
		[ 'a random signature', forged_credit($w[1], 100) .
		    forged_result($w[1], 'randomblob(65)') ],
		[ 'a credit without results', forged_credit($w[2], 100) ],
		[ 'a credit above its results', forged_credit($w[3], 101) .
		    forged_result($w[3], 'r.signature') ],
		[ 'a balance alone', 'UPDATE account SET balance_micros = ' .
		    'balance_micros + iif(id = 1, -50, 50) WHERE id = 1 OR ' .
		    "id = (SELECT id FROM worker WHERE address = '$w[4]');" ],
	);

	forge($l, join('', map { $_->[1] } @forgeries));
	$l->pay_is('findings', 'a ledger with forged rows needs a person');
	for my $i (0 .. $#forgeries) {
		is($l->chain_money($w[$i]), 0,
		    "$forgeries[$i][0]: isn't paid");
		like($l->{err}, qr/evidence: \Q$w[$i]/i,
		    "$forgeries[$i][0]: a line says so");
	}
	is(join(' ', map { $_->{address} } $l->payouts), "$w[5] $w[6]",
	    'the other workers are paid');
	is($l->sql_value("SELECT count(*) FROM exceptions WHERE kind = " .
	    "'evidence'"), scalar(@forgeries), 'each is an exception');
	$l->pay_is('findings', 'the next run says the same');
	is($l->sql_value("SELECT count(*) FROM finding"),
	    scalar(@forgeries), 'and no exception comes twice');
	is(join('; ', $l->books_troubles), join('; ', grep { /owed and/ }
	    $l->books_troubles), 'chain and ledger agree');
}

# Credit of 100 that nobody earned, and whatever an attacker who can write
# the ledger may say of it so that no signature is looked at.
sub refuses_forged_pasts {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 7);
	my @w = $l->worker_list;
	my $of = sub {
		return "(SELECT id FROM worker WHERE address = '$w[$_[0]]')";
	};
	my $unbacked = sub {
		return forged_credit($w[$_[0]], 100) .
		    forged_result($w[$_[0]], 'randomblob(65)');
	};
	my $all_of = sub {
		return '(SELECT max(id) FROM transfer), (SELECT ' .
		    'balance_micros FROM account WHERE id = ' . $of->($_[0]) .
		    ')';
	};

	$l->pay_is('paid', 'everybody is paid once');
	$l->more_work;
	my %money = map { ($_ => $l->chain_money($_)) } @w;
	my $past = 'SELECT min(id) FROM transfer WHERE credit = ' . $of->(3);
	my @forgeries = (
		[ 'a void payout that vouches for it', $unbacked->(0) .
		    'INSERT INTO payout SELECT (SELECT max(id) + 1 FROM ' .
		    "payout), worker, 9, 1, '0x' || lower(hex(randomblob(" .
		    "32))), chain_id, token, treasury, 1, 'voided', " .
		    $all_of->(0) . ', seal, 0 FROM payout WHERE worker = ' .
		    $of->(0) . ';' ],
		[ 'a final one with another\'s seal', $unbacked->(1) .
		    'INSERT INTO payout SELECT (SELECT max(id) + 1 FROM ' .
		    'payout), ' . $of->(1) . ", 9, 1, '0x' || " .
		    'lower(hex(randomblob(32))), chain_id, token, ' .
		    'treasury, 1, ' .
		    "'final', " . $all_of->(1) . ', seal, 1 FROM payout ' .
		    'WHERE worker = ' . $of->(6) . ';' ],
		[ 'its own payout, changed', $unbacked->(2) .
		    'UPDATE payout SET (verified_to, verified_micros) = ' .
		    '(SELECT ' . $all_of->(2) . ') WHERE worker = ' .
		    $of->(2) . ';' ],
		[ 'a credit of the past, raised with a result',
		    'UPDATE transfer SET amount_micros = amount_micros + ' .
		    "100 WHERE id = ($past);" . 'UPDATE account SET ' .
		    'balance_micros = balance_micros + iif(id = 1, -100, ' .
		    '100) WHERE id = 1 OR id = ' . $of->(3) . ';' .
		    forged_result($w[3], 'r.signature', $past) ],
		[ 'a recovery', forged_credit($w[4], 5000, 'recover') ],
		[ 'a payout given back, and more',
		    forged_credit($w[5], 5000, 'void') ],
	);
	forge($l, join('', map { $_->[1] } @forgeries));
	$l->pay_is('findings', 'a ledger with a forged past needs a person');
	for my $i (0 .. $#forgeries) {
		is($l->chain_money($w[$i]), $money{$w[$i]},
		    "$forgeries[$i][0]: isn't paid");
		like($l->{err}, qr/evidence: \Q$w[$i]/i,
		    "$forgeries[$i][0]: a line says so");
	}
	cmp_ok($l->chain_money($w[6]), '>', $money{$w[6]},
	    'the other worker is paid');
}

# Open payouts that no run has made as they are: one to be signed, and one as
# if it had been found on the chain and its block were gone.
sub refuses_forged_payouts {
	my ($rig) = @_;
	my $l = PayoutTest->new($rig, workers => 3,
	    payout => { facilitators => $rig->{scripted} });
	my @w = $l->worker_list;
	my $of = sub {
		return "(SELECT id FROM worker WHERE address = '$w[$_[0]]')";
	};

	$rig->script('scripted', { mode => 'no-answer' });
	$l->pay_is('unresolved', 'three payouts are open');
	my $two = join(', ', map { $of->($_) } 0, 1);
	forge($l, 'DELETE FROM authorization WHERE payout IN (SELECT id ' .
	    "FROM payout WHERE worker IN ($two));" .
	    'UPDATE payout SET amount_micros = amount_micros + 5000 WHERE ' .
	    "worker IN ($two);" .
	    "UPDATE payout SET state = 'reserved' WHERE worker = " .
	    $of->(0) . ';' .
	    'INSERT INTO payout_event SELECT (SELECT max(id) + 1 FROM ' .
	    "payout_event), id, 1, 'posted', NULL, '0x" . '7' x 64 .
	    "', 1, 'moved', zeroblob(32), 1 FROM payout WHERE worker = " .
	    $of->(1) . ';');
	$rig->script('scripted');
	$l->pay_is('findings', 'open payouts that no run has made need a ' .
	    'person');
	is($l->chain_money($w[$_]), 0, 'and aren\'t paid') for 0, 1;
	is(join(' ', map { $_->{kind} } $l->sql('SELECT kind FROM finding')),
	    'not sealed not sealed', 'each is a finding');
	cmp_ok($l->chain_money($w[2]), '>', 0, 'an open one that a run has ' .
	    'made is paid');
}

my $sepolia = rig_start();
my $l = pays_all($sepolia, 'Base Sepolia, x402 v2');
becomes_final($sepolia, $l);
usage($l);
pays_all($sepolia, 'Base Sepolia, x402 v1', x402_version => 1);
only_looks($sepolia);
pays_all($sepolia, 'four at once', concurrency => 4);
refuses_forgeries($sepolia);
refuses_forged_pasts($sepolia);
refuses_forged_payouts($sepolia);
rig_stop($sepolia);

my $base = rig_start('--chain-id', 8453);
pays_all($base, 'Base, x402 v2');
pays_all($base, 'Base, x402 v1', x402_version => 1);
rig_stop($base);

done_testing();
