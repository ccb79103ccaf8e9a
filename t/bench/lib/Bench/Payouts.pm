# Payouts in units of what they must take at least: the facilitator's time,
# and the recoveries of the signatures behind them.
package Bench::Payouts;

use strict;
use warnings;

use Digest::SHA ();
use File::Copy ();
use HTTP::Tiny;
use POSIX ();
use Time::HiRes ();

use Bench::Recover;
use WorknetTest qw(build_path source_path find_program run_command child_start
    child_end child_is_running exec_logged json_value wait_for slurp);

our @ISA = ('WorknetTest');

use constant { AT_ONCE => 16, SETTLE_MS => 100, EACH_MS => 1,
    CPU_MUST => 1.4, FLAT => 1.1 };

my $KEY = Digest::SHA::sha256_hex('the treasury of a benchmark');

# A ledger of workers that have earned something, kept as it is; each run is
# of a copy. Options: payouts, results => of each.
sub new {
	my ($class, %opt) = @_;
	my $self = WorknetTest::new($class, conf => { payout => {
	    network => 'base-sepolia', treasury_key_file => 'key',
	    single_node => 'accept', concurrency => AT_ONCE,
	    threshold_micros => 100, map { ("max_per_${_}_micros" =>
	    1_000_000_000) } qw(payout run worker_day day) } });

	$self->{$_} = $opt{$_} for qw(payouts results);
	$self->{treasury} = lc(($self->sign($KEY, 'x', 0, 1, 'lower'))[1]);
	WorknetTest::spurt($self->dir('key'), "0x$KEY\n");
	chmod(0600, $self->dir('key')) or die "chmod: $!";
	my ($status, $out, $err) = run_command(build_path('t/tools/make_ledger'),
	    '--db', $self->dir('made'), '--workers', $opt{payouts},
	    '--results', $opt{payouts} * $opt{results}, '--tasks', 100,
	    '--interval-ms', 60000, '--silent-percent', 0, '--cooldown-ms', 0);
	die "make_ledger: $err" if $status != 0;
	File::Copy::copy($self->dir('made'), $self->ledger_path) or
	    die "$self->{dir}: $!";
	# A few have earned nothing: it is made at random.
	$self->{payouts} = $self->sql_value('SELECT count(*) FROM worker');
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
	    "WHERE p.state IN ('posted', 'final') ORDER BY p.nonce"));
}

sub settled {
	my ($url) = @_;
	my $answer = HTTP::Tiny->new(timeout => 60)->get("$url/payments");

	die "/payments: $answer->{status}\n" if !$answer->{success};
	return join('', map { "$_->{nonce} $_->{to} $_->{value}\n" }
	    sort { $a->{nonce} cmp $b->{nonce} }
	    @{ json_value($answer->{content}) });
}

# The ledger of each run is the same one: so nothing was signed before.
sub journal_new {
	my ($self) = @_;

	my ($code, $out, $err) = run_command(build_path('worknet-payout'),
	    '-c', $self->conf_path, '--journal', 'new');
	die "worknet-payout --journal new: $out$err" if $code != 0;
}

# Runs it to its end: (exit code, what it said, peak of its resident memory
# and the vault's in kB). The kernel keeps the peaks, so it is enough to look
# ten times a second; that the child ends interrupts the sleep.
sub run_watched {
	my ($self) = @_;
	my $log = $self->dir('payout.log');
	my $peak_kb = 0;
	local $SIG{CHLD} = sub { };

	unlink $log;
	my $pid = child_start('worknet-payout', sub {
		exec_logged($log, build_path('worknet-payout'), '-c',
		    $self->conf_path);
	});
	while (1) {
		my $kb = 0;
		$kb += (slurp("/proc/$_/status") =~ /^VmHWM:\s*(\d+)/m)[0] // 0
		    for $pid, split ' ',
		    slurp("/proc/$pid/task/$pid/children");
		$peak_kb = $kb if $kb > $peak_kb;
		last if waitpid($pid, POSIX::WNOHANG()) != 0;
		Time::HiRes::sleep(0.1);
	}
	return ($? >> 8, slurp($log), $peak_kb);
}

# One run: { wall_s, cpu_s, peak_kb, agree, posted }.
sub pay_all {
	my ($self) = @_;
	my $path = $self->ledger_path;

	unlink $path, "$path-wal", "$path-shm";
	File::Copy::copy($self->dir('made'), $path) or die "$path: $!";
	my $url = $self->chain_start;
	$self->journal_new;
	my $cpu = children_cpu_s();
	my $start = Time::HiRes::time();
	my ($code, $said, $peak_kb) = $self->run_watched;
	my %run = (wall_s => Time::HiRes::time() - $start,
	    cpu_s => children_cpu_s() - $cpu, peak_kb => $peak_kb);

	die "worknet-payout: $said" if $code != 10;
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

# What the facilitator, or all recoveries on all cores, need at least, in
# seconds.
sub ideal_s {
	my ($self, $recover_us) = @_;
	my $send_s = $self->{payouts} * SETTLE_MS / 1000 / AT_ONCE;
	my $verify_s = $self->recover_s($recover_us) / threads();

	return $send_s > $verify_s ? $send_s : $verify_s;
}

sub recover_s {
	my ($self, $recover_us) = @_;

	return $self->{payouts} * $self->{results} * $recover_us / 1e6;
}

# What must hold of runs, however long they take.
sub holds {
	my ($self, @runs) = @_;

	return ([ 'each payout is posted', !(grep { $_->{posted} !=
	    $self->{payouts} } @runs), join(' ', map { $_->{posted} }
	    @runs) ], [ 'chain and ledger have the same payments',
	    !(grep { !$_->{agree} } @runs) ]);
}

sub measure {
	my ($run) = @_;
	my $self = Bench::Payouts->new(payouts => 1000, results => 100);
	my @recover = (Bench::Recover::recover_us());
	my (@ratio, @cpu_ratio, @runs, @ideal);

	for my $round (1 .. $run->choose(3, 7)) {
		my $r = $self->pay_all;
		push @recover, Bench::Recover::recover_us();
		my $recover_us = ($recover[-2] + $recover[-1]) / 2;
		push @ideal, $self->ideal_s($recover_us);
		push @ratio, $r->{wall_s} / $ideal[-1];
		push @cpu_ratio, ($r->{cpu_s} - $self->{payouts} * EACH_MS /
		    1000) / $self->recover_s($recover_us);
		push @runs, $r;
	}
	my $of = sub { my ($key) = @_; [ map { $_->{$key} } @runs ] };
	my $cpu = Bench::median(@cpu_ratio);
	return {
		ratios => \@ratio,
		parts => [
			[ "for $self->{payouts} payouts, " . AT_ONCE .
			    ' at once', $of->('wall_s'), 's' ],
			[ 'ideal: the facilitator, ' . SETTLE_MS . ' ms ' .
			    'each, or all recoveries in ' . threads() .
			    ' threads', \@ideal, 's' ],
			[ 'CPU of worknet-payout', $of->('cpu_s'), 's' ],
			[ 'memory of worknet-payout and the vault at its peak',
			    $of->('peak_kb'), 'kB' ],
			[ 'CPU of secp256k1_ecdsa_recover', \@recover, 'us' ],
			[ '(CPU - ' . EACH_MS . ' ms a payout) / (results x ' .
			    'recovery)', \@cpu_ratio ],
		],
		holds => [
			$self->holds(@runs),
			[ 'CPU is at most ' . CPU_MUST . ' recoveries a ' .
			    'result and ' . EACH_MS . ' ms a payout',
			    $cpu <= CPU_MUST, sprintf('%.2f', $cpu) ],
		],
	};
}

# Ten thousand due at once: whether it takes as much memory as a thousand.
sub measure_crowd {
	my ($run) = @_;
	my ($few, $many) = map { Bench::Payouts->new(payouts => $_,
	    results => 10) } 1000, 10000;
	my $recover_us = Bench::Recover::recover_us();
	my $small = $few->pay_all;
	my @runs = map { $many->pay_all } 1 .. $run->choose(1, 3);
	my $peak_kb = Bench::median(map { $_->{peak_kb} } @runs);

	return {
		ratios => [ map { $_->{wall_s} / $many->ideal_s($recover_us) }
		    @runs ],
		parts => [
			[ "for $many->{payouts} payouts",
			    [ map { $_->{wall_s} } @runs ], 's' ],
			[ 'ideal', $many->ideal_s($recover_us), 's' ],
			[ "for $few->{payouts} payouts", $small->{wall_s},
			    's' ],
			[ 'CPU of worknet-payout',
			    [ map { $_->{cpu_s} } @runs ], 's' ],
			[ 'memory at its peak', $peak_kb, 'kB' ],
			[ "the same with $few->{payouts}", $small->{peak_kb},
			    'kB' ],
		],
		holds => [
			$many->holds(@runs),
			[ 'memory is flat', $peak_kb <= FLAT *
			    $small->{peak_kb}, sprintf('%.2f', $peak_kb /
			    $small->{peak_kb}) ],
		],
	};
}

1;
