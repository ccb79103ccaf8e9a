# Payouts that are sent to the chain from a gas account: ledgers like those of
# PayoutTest, each with a gas account of its own.
package DirectTest;

use strict;
use warnings;

use Digest::SHA ();
use Test::More ();

use WorknetTest qw(build_path child_start wait_for);

use PayoutTest ();
our @ISA = ('PayoutTest');

our $MULTICALL = '0xca11bde05977b3631167028862be2a173976ca11';
our $STRANGER = '0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f';
my $ADMIN = '0xa0ee7a142d267c1f36714e4a8f75612f20a79720';

my $ETHER = '0xde0b6b3a7640000';

# Options as PayoutTest's; ether => hex wei of the gas account (1 ether).
sub new {
	my ($class, $rig, %opt) = @_;
	my $self = PayoutTest::new($class, $rig, %opt, payout => {
	    settle => 'direct', gas_key_file => 'gas', max_fee_gwei => 400,
	    max_gas_per_day_gwei => 9000000000, %{ $opt{payout} // {} } });

	$self->gas_key_new;
	$self->ether($opt{ether} // $ETHER);
	return $self;
}

sub gas_key_new {
	my ($self) = @_;
	my $key = Digest::SHA::sha256_hex("gas $self->{seed} " .
	    ++$self->{gas_keys});

	WorknetTest::spurt($self->dir('gas'), "0x$key\n");
	chmod(0600, $self->dir('gas')) or die $!;
	$self->{gas} = lc(($self->sign($key, 'x', 0, 1, 'lower'))[1]);
}

# Puts the token behind a proxy (EIP-1167), as the real one is: what it calls
# has its state.
sub token_behind_proxy {
	my ($rig) = @_;
	my $code = $rig->rpc('eth_getCode', $rig->{token}, 'latest');
	my $behind = '00000000000000000000000000000000000c0de0';

	$rig->rpc('anvil_setCode', "0x$behind", $code);
	$rig->rpc('anvil_setCode', $rig->{token}, '0x363d3d373d3d3d363d73' .
	    $behind . '5af43d82803e903d91602b57fd5bf3');
}

# What the gas account has.
sub ether {
	my ($self, $wei) = @_;

	$self->{rig}->rpc('anvil_setBalance', $self->{gas}, $wei);
}

# How many transactions of the gas account are in blocks.
sub gas_nonce {
	my ($self, $tag) = @_;

	return hex $self->{rig}->rpc('eth_getTransactionCount', $self->{gas},
	    $tag // 'latest');
}

# What is wrong with the gas account's nonces: each was queued, and used by what
# was queued; none left out, none stuck, none by two things.
sub wrong_nonces {
	my ($self) = @_;
	my $used = $self->gas_nonce;
	my @queue = map { $_->{nonce} } $self->sql(
	    'SELECT nonce FROM submission ORDER BY nonce');
	my @undone = $self->sql('SELECT id FROM submission WHERE ' .
	    'done_ms IS NOT NULL AND cost_wei IS NULL');

	return ("@queue" eq join(' ', 0 .. $used - 1) ? () :
	    "the queue has nonces @queue, the chain used $used",
	    map { "submission $_->{id} was done by something else" } @undone);
}

sub submissions {
	my ($self) = @_;

	return $self->sql('SELECT s.id, s.nonce, s.target, s.gas_limit, ' .
	    's.done_ms, s.cost_wei, (SELECT count(*) FROM submission_payout p ' .
	    'WHERE p.submission = s.id) AS payouts, (SELECT count(*) FROM ' .
	    'submission_form f WHERE f.submission = s.id) AS forms FROM ' .
	    'submission s ORDER BY s.nonce');
}

# "NONCE:PAYOUTS" of each submission, in their order.
sub queue {
	my ($self) = @_;

	return join(' ', map { "$_->{nonce}:$_->{payouts}" }
	    $self->submissions);
}

# Hashes of all forms, in the order in which they were signed.
sub hashes {
	my ($self) = @_;

	return map { $_->{hash} } $self->sql('SELECT hash FROM ' .
	    'submission_form ORDER BY submission, max_fee_wei');
}

# Starts a run that goes on by itself, and waits until its n-th transaction
# (default: the first) is with the node.
sub pay_begin {
	my ($self, $n) = @_;
	my $pid = child_start('worknet-payout', sub {
		WorknetTest::env_set($self->fault_env);
		WorknetTest::exec_logged($self->dir('run.log'),
		    build_path('worknet-payout'), '-c', $self->conf_path);
	});

	$self->wait_pending($n // 1, 0);
	return $pid;
}

# Until the ledger has $n forms, and the node the last of them.
sub wait_pending {
	my ($self, $n) = @_;

	wait_for(sub {
		my @hashes = $self->hashes;
		return @hashes >= $n && $self->{rig}->rpc(
		    'eth_getTransactionByHash', $hashes[-1]);
	}, "form $n to be sent");
}

# A transaction that comes first in the next block, as it offers more for its
# gas: the admin's blacklisting of an address, or somebody's who carries out
# the authorization of a worker.
sub dearly {
	my ($self, $what, @args) = @_;
	my ($from, $data);

	if ($what eq 'token') {
		$from = $ADMIN;
		$data = "$PayoutTest::SELECTOR{shift @args}" .
		    join('', map { PayoutTest::word($_) } @args);
	} else {
		$from = $STRANGER;
		$data = $self->transfer_data(@args);
	}
	$self->{rig}->rpc('eth_sendTransaction', { from => $from,
	    to => $self->{rig}{token}, data => $data, gas => '0x40000',
	    maxFeePerGas => '0x4a817c8000',
	    maxPriorityFeePerGas => '0x4a817c8000' });
}

# What carries out the authorization of a worker's payout.
sub transfer_data {
	my ($self, $worker) = @_;
	my ($a) = $self->sql('SELECT p.amount_micros, p.nonce, ' .
	    'a.valid_after, a.valid_before, a.signature FROM payout p ' .
	    'JOIN authorization a ON a.payout = p.id JOIN worker w ON w.id = ' .
	    "p.worker WHERE w.address = '$worker' ORDER BY p.id DESC LIMIT 1");
	my ($r, $s, $v) = $a->{signature} =~ /^0x(.{64})(.{64})(..)$/;

	return '0xe3ee160e' . join('', map { PayoutTest::word($_) }
	    $self->{treasury}, $worker, $a->{amount_micros},
	    $a->{valid_after}, $a->{valid_before}, $a->{nonce}, "0x$v",
	    "0x$r", "0x$s");
}

# The same through Multicall3, which lets it fail.
sub multicall_data {
	my ($self, $worker) = @_;
	my $call = substr($self->transfer_data($worker), 2);

	return '0x82ad56cb' . join('', map { PayoutTest::word($_) } 32, 1, 32,
	    $self->{rig}{token}, 1, 96, length($call) / 2) . $call .
	    '0' x (56);
}

# The transaction of a hash, as the node has it.
sub transaction {
	my ($self, $hash) = @_;

	return $self->{rig}->rpc('eth_getTransactionByHash', $hash);
}

1;
