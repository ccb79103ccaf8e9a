# What keeps a payout from being made: an empty treasury, payees whom the
# token refuses, authorizations that expire, caps, keys, locks, a full disk.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA ();
use IPC::Open2;
use JSON::PP ();
use Test::More;

use PayoutTest qw(rig_start rig_stop fault_so);
use WorknetTest qw(now_ms slurp);

my $rig = rig_start('--confirmation-timeout', 300);

sub ledger { return PayoutTest->new($rig, @_) }

sub scripted {
	my (@order) = @_;

	$rig->script('scripted', @order);
}

# A run that is with the facilitator just now, which keeps it until pay_end.
sub pay_in_the_middle {
	my ($l) = @_;

	scripted({ mode => 'hang', delayMs => 1000, times => 1 });
	my $pid = $l->pay_begin;
	$rig->freeze;
	return $pid;
}

# ---- The treasury ----

{
	my $l = ledger(workers => 4, fund => 0);
	my @w = $l->worker_list;
	my @owed = map { $l->owed($_) } @w;

	$rig->token('mint', $l->{treasury}, $owed[0] + $owed[1] + $owed[2] -
	    1);
	$l->pay_is('insolvent', 'a treasury that is too poor gives code 5');
	my @rest = $owed[3] < $owed[2] ? ($w[3]) : ();
	is(join(' ', map { $_->{address} } $l->payouts),
	    join(' ', @w[0, 1], @rest), 'the oldest debts are paid, of those ' .
	    'that it has enough for');
	is($l->owed($w[2]), $owed[2], 'the one that is too large is left as ' .
	    'it was');
	like($l->{err}, qr/treasury can't pay/, 'and a line says so');
	$l->books_ok('after paying what there was', 'treasury too poor');
	my ($found) = $l->findings;
	like($found->{detail}, qr/\Q$w[2]\E with $owed[2]/i, 'a finding names ' .
	    'who waits, and for how much');
	$l->pay_is('insolvent', 'the next run says the same');
	is(scalar($l->payouts), 2 + @rest, 'and pays nobody');
	is(join(' ', map { $_->{times} } $l->findings), 2,
	    'in the same finding, which was seen twice');
	$rig->token('mint', $l->{treasury}, $owed[2] + (@rest ? 0 : $owed[3]));
	$l->pay_is('paid', 'with more money the rest is paid');
	$l->books_ok('after paying the rest');
}

{
	my $l = ledger(workers => 2, fund => 0,
	    payout => { facilitators => $rig->{scripted} });
	my @w = $l->worker_list;

	$rig->token('mint', $l->{treasury}, $l->owed($w[0]) +
	    $l->owed($w[1]));
	scripted();
	$rig->rpc('evm_setAutomine', JSON::PP::false());
	$l->pay_is('unresolved', 'a payout waits for its block', '--worker',
	    $w[0]);
	$rig->mine(1);
	$rig->rpc('evm_setAutomine', JSON::PP::true());
	$l->pay_is('paid', 'what it had reserved isn\'t counted twice once ' .
	    'the chain shows it: the rest is enough for the other');
	$l->books_ok('after spending the whole treasury');
}

{
	my $l = ledger(payout => { facilitators => $rig->{scripted} });

	$rig->rpc('anvil_setCode', $l->{treasury}, '0x6000');
	$l->pay_is('conf', 'a treasury with code can\'t pay');
	like($l->{err}, qr/has code/, 'and a line says so');
	is($l->states, '', 'nothing is reserved');
	$rig->rpc('anvil_setCode', $l->{treasury}, '0x');
	$l->pay_is('paid', 'without code it can');
	$l->books_ok('after a treasury with code');
}

{
	my $l = ledger();

	$rig->token('blacklist', $l->{treasury});
	$l->pay_is('findings', 'a blacklisted treasury pays nobody');
	like($l->{err}, qr/refuses the treasury/, 'and a line says so');
	is(join(' ', map { $_->{kind} } $l->findings), 'treasury blacklisted',
	    'a finding says so');
	$rig->token('unBlacklist', $l->{treasury});
	$l->pay_is('paid', 'once it isn\'t any more it pays');
	$l->books_ok('after a blacklisted treasury');
}

# ---- The token ----

{
	my $l = ledger();
	my @w = $l->worker_list;

	$rig->token('blacklist', $w[1]);
	$l->pay_is('findings', 'beside a blacklisted payee');
	is(join(' ', map { "$_->{address} $_->{state}" } $l->payouts),
	    "$w[0] posted $w[2] posted", 'the others are paid');
	is(scalar(grep { /\b\Q$w[1]\E\b/i } split /\n/,
	    slurp($l->dir("journal-84532-$l->{treasury}"))), 0,
	    'and no signature is made for it');
	my ($found, @more) = $l->findings;
	is(join(' ', map { $_->{kind} } $found, @more), 'transfer refused',
	    'one finding says so');
	is(lc("$found->{subject}: $found->{detail}"), lc("$w[1]: nothing is " .
	    'signed, for the token would refuse it: Blacklistable: account ' .
	    'is blacklisted'), 'of whom, and in the token\'s own words');
	my ($hold) = $l->sql('SELECT h.by, h.reason, h.since_ms FROM hold h ' .
	    "JOIN worker w ON w.id = h.worker WHERE w.address = '$w[1]'");
	is("$hold->{by}: $hold->{reason}",
	    'chain: Blacklistable: account is blacklisted',
	    'the hold has its reason');
	like($l->{err}, qr/is held: .*blacklisted/, 'and a line says so');
	$l->pay('--dry-run');
	like($l->{out}, qr/not \Q$w[1]\E: .*blacklisted/i,
	    '--dry-run says why it isn\'t paid');
	$l->pay_is('findings', 'it stays held');
	is($l->sql_value('SELECT since_ms FROM hold'), $hold->{since_ms},
	    'since the same time');
	is(join(' ', map { "$_->{id} $_->{times}" } $l->findings),
	    "$found->{id} 2", 'and the finding is the same');
	$l->books_ok('while a payee is held', 'transfer refused');
	$rig->token('unBlacklist', $w[1]);
	$l->pay_is('paid', 'it is paid by the first run afterwards');
	is($l->sql_value('SELECT count(*) FROM hold'), 0,
	    'and the hold is gone');
	is(join(' ', $l->findings), '', 'as is the finding');
	$l->books_ok('after a hold by the chain');
}

{
	my $l = ledger();

	$rig->token('pause');
	$l->pay_is('findings', 'while the token is paused nobody is paid');
	like($l->{err}, qr/is paused/, 'and a line says so');
	is($l->states, '', 'nothing is reserved');
	$l->pay_is('findings', 'in each run');
	my ($found) = $l->findings;
	is("$found->{kind} $found->{times}", 'token paused 2',
	    'one finding says so, and how often it was seen');
	$rig->token('unpause');
	$l->pay_is('paid', 'then everybody is');
	$l->books_ok('after a pause');
}

{
	my $l = ledger();

	$l->payout_conf(network => 'custom', chain_id => $rig->{chainId},
	    token => $rig->{token}, token_name => 'US Dollar',
	    token_version => 2);
	$l->pay_is('conf', 'another name of the token is refused');
	like($l->{err}, qr/DOMAIN_SEPARATOR/, 'for its domain');
	$l->payout_conf(token_name => 'USDC');
	$l->pay_is('paid', 'with the right name it is a chain like others');
	$l->payout_conf(map { ($_ => undef) } qw(chain_id token token_name
	    token_version));
	$l->payout_conf(network => 'base');
	$l->pay_is('conf', 'a node of another chain is refused');
	like($l->{err}, qr/chain id/, 'for its chain id');
	$l->payout_conf(network => 'base-sepolia');
	$l->books_ok('after wrong networks');
}

# ---- Keys ----

{
	my $l = ledger();
	my $key = WorknetTest::slurp($l->dir('key'));

	for my $case (['readable by others', $key, 0644],
	    ['too short', "0x1234\n", 0600], ['not hex', "z" x 64, 0600],
	    ['empty', '', 0600], ['zero', '0' x 64, 0600]) {
		my ($what, $text, $mode) = @$case;
		$l->key_write($text, $mode);
		$l->pay_is('conf', "a key file that is $what is refused");
		isnt($l->{err}, '', "$what: a line says why");
		unlike($l->{err}, qr/\Q${\substr($key, 2, 64)}/,
		    "$what: without the key");
		$l->pay_is('conf', "$what: by -t, too", '-t');
	}
	unlink $l->dir('key');
	$l->pay_is('conf', 'a key file that is missing is an error');
	$l->payout_conf(treasury_key_file => undef);
	$l->pay_is('conf', 'a key file that isn\'t configured is one');
	like($l->{err}, qr/\[payout\] treasury_key_file isn't set/,
	    '... which is named');
	$l->payout_conf(treasury_key_file => 'key');
	is($l->states, '', 'nothing was reserved meanwhile');
	$l->key_write($key);
	$l->pay_is('paid', 'with its key it pays');
}

# The nonce is that of a payment of the first treasury: what the second one's
# authorizations say proves nothing about it.
{
	my $l = ledger(workers => 2,
	    payout => { facilitators => $rig->{scripted} });
	my ($w) = $l->worker_list;
	my $key = WorknetTest::slurp($l->dir('key'));
	my $other = Digest::SHA::sha256_hex('another treasury');

	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is open', '--worker', $w);
	$rig->token('mint', ($l->sign($other, 'x', 0, 1, 'lower'))[1],
	    1000000);
	scripted();
	$l->key_write($other);
	$l->pay_is('findings', 'with another treasury\'s key it stays open',
	    '--worker', $w);
	is(scalar($rig->settles), 0, 'and isn\'t sent');
	like($l->{err}, qr/another treasury/, 'and a line says why');
	$l->key_write($key);
	$l->pay_is('paid', 'with its own key it is paid', '--worker', $w);
	is(join(' ', map { $_->{seq} } $l->payouts), 1, 'the same payout');
	$l->books_ok('after another treasury\'s key');
}

# Another key for the treasury, as doc/guide says: once all is final, with a
# journal of its own, the same ledger goes on; of a copy from before it the next
# treasury knows no payments.
{
	my $l = ledger(workers => 2);
	my ($v, $w) = $l->worker_list;
	my $other = Digest::SHA::sha256_hex('the next treasury');
	my $key = slurp($l->dir('key'));
	my $PAID = 'SELECT w.address, sum(p.paid_micros) AS paid FROM worker w ' .
	    'JOIN payout p ON p.worker = w.id GROUP BY w.id';

	# As the packages have it: one file, whichever treasury.
	$l->payout_conf(journal_file => $l->dir('signed'));
	$l->backup('before');
	$l->pay_is('paid', 'a treasury pays one of two', '--worker', $v);
	$l->worknet('payout', 'hold', '--reason', 'another key');
	$rig->mine(10);
	$l->pay('--reconcile');
	unlike($l->states, qr/submitted|posted|signed|reserved/,
	    'all that it has paid is final');
	my %was = map { $_ => $l->chain_money($_) } $v, $w;
	$l->more_work(20);
	$rig->token('mint', ($l->sign($other, 'x', 0, 1, 'lower'))[1],
	    1000000);
	$l->key_write($other);
	$l->worknet('payout', 'release');
	my %due = map { $_ => $l->owed($_) } $v, $w;
	cmp_ok($due{$v}, '>', 0, 'whom it paid earns on');
	isnt($l->pay, 10, 'with the next key\'s old journal nobody is paid');
	like($l->{err}, qr/isn't the journal of this ledger, chain, token and treasury/,
	    '... and a line says why');
	is($l->pay('--journal', 'new'), 0, 'with a new one');
	$l->pay_is('paid', '... both are paid by the next treasury');
	is(join(' ', map { $l->chain_money($_) - $was{$_} } $v, $w),
	    "$due{$v} $due{$w}", 'what they are owed, and nothing twice');
	is(($l->audit)[0], 0, 'the audit is clean');

	# A copy from before: each treasury's payments with its own key.
	my %has = map { $_ => $l->chain_money($_) } $v, $w;
	$rig->mine(10);
	$l->restore('before');
	for my $treasury ($key, $other) {
		$l->key_write($treasury);
		$l->payout_conf(journal_file => $l->dir('signed-' .
		    substr($treasury, 0, 4)));
		$l->pay('--reconcile');
	}
	is(join(' ', map { $_->{paid} } sort { $a->{address} cmp $b->{address} }
	    $l->sql($PAID)), join(' ', map { $has{$_} } sort $v, $w),
	    'a copy from before learns of both treasuries\' payments');
	$l->pay;
	is(join(' ', map { $l->chain_money($_) } $v, $w), "@has{$v, $w}",
	    '... and nobody is paid twice');
}

# ---- Caps ----

{
	my $l = ledger(payout => { max_per_payout_micros => 1500 });
	my @w = $l->worker_list;

	$l->pay_is('paid', 'with a cap per payout');
	is(join(' ', map { $_->{paid_micros} } $l->payouts),
	    '1500 1500 1500', 'nobody is paid more');
	$l->pay_is('nothing', 'what is left is below the threshold');
	$l->books_ok('with a cap per payout');
}

{
	my $l = ledger();
	my @w = $l->worker_list;
	my $owed = $l->owed($w[0]);

	$l->payout_conf(max_per_run_micros => $owed + 1200);

	$l->pay_is('findings', 'with a cap per run one waits, and is told of');
	is(join(' ', map { $_->{paid_micros} } $l->payouts), "$owed 1200",
	    'all payouts of it together reach the cap');
	$l->pay_is('paid', 'the next run goes on');
	is($l->chain_money($w[2]) > 0, 1, 'with who had to wait');
	is(scalar(grep { $_->{kind} eq "run's cap reached" } $l->findings), 0,
	    'which is over then');
	$l->books_ok('with a cap per run');
}

# ---- The operator ----

{
	my $l = ledger();
	my @w = $l->worker_list;

	$l->sql("INSERT INTO hold SELECT id, 'operator', 1, 'to be asked' " .
	    "FROM worker WHERE address = '$w[0]'");
	$l->pay_is('paid', 'beside a held worker the others are paid');
	is(join(' ', map { $_->{address} } $l->payouts), "$w[1] $w[2]",
	    'all of them');
	$l->pay('--dry-run');
	like($l->{out}, qr/not \Q$w[0]\E: to be asked/i,
	    '--dry-run says why it isn\'t paid');
	is($l->sql_value('SELECT by FROM hold'), 'operator',
	    'the hold stays the operator\'s');
	$l->sql('DELETE FROM hold');
	$l->pay_is('paid', 'once released it is paid');
}

for my $how ('a hold of everybody', 'a signal') {
	my $l = ledger(payout => { facilitators => $rig->{scripted} });
	my $pid = pay_in_the_middle($l);

	if ($how eq 'a signal') {
		kill 'TERM', $pid;
	} else {
		$l->sql("INSERT INTO hold VALUES (0, 'operator', 1, 'stop')");
	}
	is($l->pay_end($pid), 10, "$how ends a run after the payout in hand");
	is($l->states, 'posted', "$how: the rest isn't begun");
	if ($how ne 'a signal') {
		$l->pay_is('nothing', 'no run pays while the hold lasts');
		is($l->states, 'posted', 'nobody');
		$l->sql('DELETE FROM hold');
	}
	scripted();
	$l->pay_is('paid', "$how: the next run goes on");
	is($l->states, 'posted posted posted', "$how: with all of them");
	$l->books_ok("after $how");
}

# ---- Two runs, a locked ledger, a full disk ----

{
	my $l = ledger(payout => { facilitators => $rig->{scripted} });
	my $pid = pay_in_the_middle($l);

	$l->pay_is('locked', 'a second run finds the lock');
	like($l->{err}, qr/another run/, 'and says so');
	$l->pay_is('locked', 'also one that only looks', '--reconcile');
	is($l->pay_end($pid), 10, 'the first run goes on undisturbed');
	is($l->states, 'posted posted posted', 'and pays everybody');
	$l->books_ok('after two runs at once');
}

# Somebody's shell with an open write transaction.
sub lock_ledger {
	my ($l) = @_;
	my $pid = open2(my $out, my $in, 'sqlite3', '-batch', $l->ledger_path);

	print $in ".timeout 5000\nBEGIN IMMEDIATE;\nSELECT 'locked';\n";
	$in->flush;
	is(scalar <$out>, "locked\n", 'somebody has locked the ledger');
	return sub { close $in; close $out; waitpid $pid, 0 };
}

{
	my $l = ledger(workers => 2,
	    payout => { facilitators => $rig->{scripted} });

	$l->{conf}{ledger}{busy_timeout_ms} = 100;
	$l->conf_write;
	scripted();
	my $unlock = lock_ledger($l);
	$l->pay_is('system', 'a locked ledger gives code 7');
	is(scalar($rig->settles), 0, 'and nothing is sent');
	$unlock->();
	my $pid = pay_in_the_middle($l);
	$unlock = lock_ledger($l);
	is($l->pay_end($pid), 7, 'one that is locked in the middle does, too');
	$unlock->();
	is($l->states, 'submitted', 'what was submitted is known');
	scripted();
	$l->pay_is('paid', 'the next run books it and goes on');
	is(scalar($rig->settles), 1, 'without sending it again');
	is($l->states, 'posted posted', 'everybody is paid');
	$l->books_ok('after a locked ledger');
}

SKIP: {
	skip 't/tools/fault.so isn\'t built', 1 if !fault_so();
	my $l = ledger(workers => 2,
	    payout => { facilitators => $rig->{scripted} })->fault_prepare;

	my $pid = pay_in_the_middle($l);
	$l->fault('ENOSPC write ftruncate');
	is($l->pay_end($pid), 7, 'a disk that is full in the middle gives code 7');
	$l->pay_is('system', 'and so do runs that follow');
	$l->fault;
	is($l->states, 'submitted', 'what was submitted is known');
	scripted();
	$l->pay_is('paid', 'with room the next run books it and goes on');
	is($l->states, 'posted posted', 'everybody is paid');
	$l->books_ok('after a full disk');
}

# ---- Clocks ----

SKIP: {
	skip 't/tools/fault.so isn\'t built', 1 if !fault_so();
	for my $hours (-1, 1) {
		my $what = "a clock that is an hour " . ($hours < 0 ?
		    'behind' : 'ahead');
		my $l = ledger(workers => 2, payout => { facilitators =>
		    $rig->{scripted} })->fault_prepare;
		my ($w) = $l->worker_list;

		scripted({ mode => 'no-answer' });
		$l->pay_is('unresolved', "before $what a payout is open",
		    '--worker', $w);
		scripted();
		$l->clock_set(now_ms() + $hours * 3600 * 1000);
		$l->pay_is($hours < 0 ? 'system' : 'findings', "$what is " .
		    'told');
		is($l->states, 'submitted', "$what voids nothing, and " .
		    'nothing is signed');
		is(scalar($rig->settles), 0, "$what: nor sent");
		$l->clock_set(undef);
		$l->pay_is('paid', "$what: all is paid once the clock is " .
		    'right');
		$l->books_ok("after $what");
	}
}

# ---- Expired: from here on the chain's clock is ahead ----

{
	my $l = ledger(workers => 2,
	    payout => { facilitators => $rig->{scripted} });
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);

	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'nobody settles a payout', '--worker', $w);
	$rig->warp(3700);
	scripted();
	$l->pay_is('unresolved', 'once it has expired it is still open',
	    '--worker', $w);
	is($l->states($w), 'submitted', 'for no final block proves it yet');
	is(scalar($rig->settles), 0, 'but it isn\'t sent any more');
	is($l->owed($w), 0, 'and the credit isn\'t free');
	$rig->mine(10);
	$l->pay_is('paid', 'with a final block that proves it, it is paid ' .
	    'anew', '--worker', $w);
	is($l->states($w), 'voided posted', 'the first one is void');
	is(join(' ', map { "$_->{seq} $_->{nonce}" } $l->payouts),
	    join(' ', (map { "$_->{seq} $_->{nonce}" } ($l->payouts)[0]) x 2),
	    'the second one has its number and nonce');
	is($l->chain_money($w), $owed, 'the worker has the money once');
	$l->books_ok('after an expired authorization');
}

# Unused by the other treasury, for ever: no proof about this one's nonce.
{
	my $l = ledger(workers => 1,
	    payout => { facilitators => $rig->{scripted} });
	my ($w) = $l->worker_list;
	my $owed = $l->owed($w);
	my $key = WorknetTest::slurp($l->dir('key'));
	my $other = Digest::SHA::sha256_hex('one more treasury');

	scripted({ mode => 'no-answer' });
	$l->pay_is('unresolved', 'a payout is open');
	my ($post) = $rig->settles;
	$rig->token('mint', ($l->sign($other, 'x', 0, 1, 'lower'))[1],
	    1000000);
	# The facilitator had sent it after all.
	$rig->post("$rig->{facilitator}/settle",
	    WorknetTest::json_value($post->{body}));
	is($l->chain_money($w), $owed, 'and paid unheard of');
	$rig->warp(3700);
	$rig->mine(10);
	scripted();
	$l->key_write($other);
	$l->pay_is('findings', 'with another treasury\'s key it doesn\'t ' .
	    'expire');
	is($l->states, 'submitted', 'it stays open');
	is($l->chain_money($w), $owed, 'and isn\'t paid again');
	$l->key_write($key);
	$l->pay_is('paid', 'with its own key it is booked');
	$l->books_ok('after another treasury\'s key and a long time');
}

{
	my $l = ledger(workers => 1, results => 1, payout => {
	    max_per_worker_day_micros => 1500 });

	# What was earned on two days, each within the cap, is owed at once.
	unlink map { $l->ledger_path . $_ } '', '-wal', '-shm';
	$l->ledger_make('--results', 14, '--end-ms', now_ms() - 30 * 3600000);
	$l->ledger_make('--append', '--results', 14, '--end-ms',
	    now_ms() - 3600000);
	my ($w) = $l->worker_list;
	my $rest = $l->owed($w) - 1500;
	$l->pay_is('paid', 'with a cap per worker and day');
	is($l->payouts && ($l->payouts)[0]{paid_micros}, 1500,
	    'nobody is paid more in a run');
	$rig->mine(10);
	$l->pay_is('findings', 'nor in the next one, which tells of it');
	is(($l->findings)[0]{kind}, "worker's cap reached", 'by its cap');
	$rig->warp(25 * 3600);
	$l->pay_is('paid', 'but a day later');
	is(join(' ', map { $_->{paid_micros} } $l->payouts), "1500 $rest",
	    'the rest');
	$l->books_ok('with a cap per worker and day');
}

rig_stop($rig);
done_testing();
