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

# The transaction of a hash, as the node has it.
sub transaction {
	my ($self, $hash) = @_;

	return $self->{rig}->rpc('eth_getTransactionByHash', $hash);
}

1;
