# Payouts in units of what they must take at least: the facilitator's time,
# and the recoveries of the signatures behind them.
package Bench::Payouts;

use strict;
use warnings;

use Digest::SHA ();
use File::Copy ();
use HTTP::Tiny;
use Time::HiRes ();

use Bench::Recover;
use WorknetTest qw(build_path source_path find_program run_command child_start
    child_end child_is_running exec_logged json_value wait_for slurp);

our @ISA = ('WorknetTest');

use constant { PAYOUTS => 1000, RESULTS_EACH => 100, AT_ONCE => 16,
    SETTLE_MS => 100, EACH_MS => 1, CPU_MUST => 1.4 };

my $KEY = Digest::SHA::sha256_hex('the treasury of a benchmark');

# A ledger of workers that have earned something, kept as it is; each run is
# of a copy.
sub new {
	my ($class) = @_;
	my $self = WorknetTest::new($class, conf => { payout => {
	    network => 'base-sepolia', treasury_key_file => 'key',
	    concurrency => AT_ONCE, threshold_micros => 1000 } });

	$self->{treasury} = lc(($self->sign($KEY, 'x', 0, 1, 'lower'))[1]);
	WorknetTest::spurt($self->dir('key'), "0x$KEY\n");
	chmod(0600, $self->dir('key')) or die "chmod: $!";
	my ($status, $out, $err) = run_command(build_path('t/tools/make_ledger'),
	    '--db', $self->dir('made'), '--workers', PAYOUTS, '--results',
	    PAYOUTS * RESULTS_EACH, '--tasks', 100, '--interval-ms', 60000,
	    '--silent-percent', 0, '--cooldown-ms', 0);
	die "make_ledger: $err" if $status != 0;
	return $self;
}

# The facilitator and its chain, which know of no payment.
sub chain_start {
	my ($self) = @_;
	my $log = $self->dir('chain.log');

	unlink $log;
	$self->{chain} = child_start('chain-scripted.js', sub {
		exec_logged($log, find_program('node'),
		    source_path('t/rig/chain-scripted.js'), '--treasury',
		    $self->{treasury}, '--settle-ms', SETTLE_MS);
	});
	wait_for(sub {
		die slurp($log) if !child_is_running($self->{chain});
		return -e $log && slurp($log) =~ /^chain ready (\S+)$/m;
	}, 'the chain');
	my ($url) = slurp($log) =~ /^chain ready (\S+)$/m;
	$self->{conf}{payout}{facilitators} = $url;
	$self->{conf}{payout}{rpc_urls} = $url;
	$self->conf_write;
	return $url;
}

# What the ledger says of each payout, and what the chain does, in order.
sub booked {
	my ($self) = @_;

	return join('', map { "$_->{nonce} $_->{address} $_->{paid}\n" }
	    $self->sql('SELECT p.nonce, w.address, p.paid_micros AS paid ' .
	    'FROM payout p JOIN worker w ON w.id = p.worker ' .
	    "WHERE p.state = 'posted' ORDER BY p.nonce"));
}

sub settled {
	my ($url) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->get("$url/payments");

	die "/payments: $answer->{status}\n" if !$answer->{success};
	return join('', map { "$_->{nonce} $_->{to} $_->{value}\n" }
	    sort { $a->{nonce} cmp $b->{nonce} }
	    @{ json_value($answer->{content}) });
}

# One run: { wall_s, cpu_s, code, agree, posted }.
sub pay_all {
	my ($self) = @_;
	my $path = $self->ledger_path;

	unlink $path, "$path-wal", "$path-shm";
	File::Copy::copy($self->dir('made'), $path) or die "$path: $!";
	my $url = $self->chain_start;
	my $cpu = children_cpu_s();
	my $start = Time::HiRes::time();
	my ($code, $out, $err) = run_command(build_path('worknet-payout'),
	    '-c', $self->conf_path);
	my %run = (wall_s => Time::HiRes::time() - $start,
	    cpu_s => children_cpu_s() - $cpu, code => $code);

	die "worknet-payout: $out$err" if $code != 10;
	my $booked = $self->booked;
	$run{agree} = $booked eq settled($url);
	$run{posted} = () = $booked =~ /\n/g;
	child_end($self->{chain}, 'TERM');
	return \%run;
}

# Of the children that have ended.
sub children_cpu_s {
	my (undef, undef, $user, $system) = times;

	return $user + $system;
}

# The verifier's threads: as many as cores, at most four.
sub threads {
	my $n = Bench::Run::cores();

	return $n < 4 ? $n : 4;
}

sub measure {
	my ($run) = @_;
	my $self = Bench::Payouts->new;
	my @recover = (Bench::Recover::recover_us());
	my (@ratio, @cpu_ratio, @runs, @ideal, @verify);

	for my $round (1 .. $run->choose(3, 7)) {
		my $r = $self->pay_all;
		push @recover, Bench::Recover::recover_us();
		my $recover_s = PAYOUTS * RESULTS_EACH *
		    ($recover[-2] + $recover[-1]) / 2 / 1e6;
		my $send_s = PAYOUTS * SETTLE_MS / 1000 / AT_ONCE;
		push @verify, $recover_s / threads();
		push @ideal, $send_s > $verify[-1] ? $send_s : $verify[-1];
		push @ratio, $r->{wall_s} / $ideal[-1];
		push @cpu_ratio, ($r->{cpu_s} - PAYOUTS * EACH_MS / 1000) /
		    $recover_s;
		push @runs, $r;
	}
	my $of = sub { my ($key) = @_; [ map { $_->{$key} } @runs ] };
	my $cpu = Bench::median(@cpu_ratio);
	return {
		ratios => \@ratio,
		parts => [
			[ 'for ' . PAYOUTS . ' payouts, ' . AT_ONCE .
			    ' at once', $of->('wall_s'), 's' ],
			[ 'ideal: the longer one of the next two', \@ideal,
			    's' ],
			[ 'the facilitator, ' . SETTLE_MS . ' ms each',
			    PAYOUTS * SETTLE_MS / 1000 / AT_ONCE, 's' ],
			[ 'recoveries in ' . threads() . ' threads',
			    \@verify, 's' ],
			[ 'CPU of worknet-payout', $of->('cpu_s'), 's' ],
			[ 'CPU of secp256k1_ecdsa_recover', \@recover, 'us' ],
			[ '(CPU - ' . EACH_MS . ' ms a payout) / (results x ' .
			    'recovery)', \@cpu_ratio ],
		],
		holds => [
			[ 'each payout is posted', !(grep { $_->{posted} !=
			    PAYOUTS } @runs), join(' ', @{ $of->('posted') }) ],
			[ 'chain and ledger have the same payments',
			    !(grep { !$_->{agree} } @runs) ],
			[ 'CPU is at most ' . CPU_MUST . ' recoveries a ' .
			    'result and ' . EACH_MS . ' ms a payout',
			    $cpu <= CPU_MUST, sprintf('%.2f', $cpu) ],
		],
	};
}

1;
