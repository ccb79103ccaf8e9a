# A coordinator under load: a prepared ledger, worknet-fcgi, nginx with the
# shipped site, and the load generator. WorknetTest starts and ends them.
package Bench::Site;

use strict;
use warnings;

use Time::HiRes ();

use WorknetTest qw(build_path run_command child_start child_is_running
    exec_logged json_text json_value wait_for slurp spurt);

our @ISA = ('WorknetTest');

use constant CPUCLOCK_SCHED => 2;	# linux/posix-timers.h

# ---- CPU time ------------------------------------------------------------

# The CPU time of a process, in seconds: user and system, of all its threads,
# also of those that ended, in nanoseconds (clock_getcpuclockid(3)).
sub cpu_s {
	my ($pid) = @_;

	return Time::HiRes::clock_gettime((-$pid - 1) * 8 + CPUCLOCK_SCHED);
}

sub cpu_sum_s {
	my $sum = 0;

	$sum += cpu_s($_) for @_;
	return $sum;
}

# ---- Starting ------------------------------------------------------------

# Options: conf => keys of [coordinator].
sub new {
	my ($class, %opt) = @_;

	# What is prepared can be paid as long as the benchmark runs.
	return WorknetTest::new($class, conf => { coordinator => {
	    result_window_ms => 24 * 3600 * 1000, %{ $opt{conf} // {} } } });
}

# What t/bench/prepare makes: prepare(workers => N, batch => N, ...).
sub prepare {
	my ($self, %opt) = @_;

	$self->init;
	my ($status, $out, $err) = run_command(build_path('t/bench/prepare'),
	    '--ledger', $self->ledger_path, '--posts', $self->posts_path,
	    '--polls', $self->polls_path,
	    map { ("--$_", $opt{$_}) } sort keys %opt);
	die "t/bench/prepare: $err" if $status != 0;
	$self->{posts_next} = 0;
	return $self;
}

sub posts_path { return $_[0]->dir('posts') }
sub polls_path { return $_[0]->dir('polls') }

# The coordinator and nginx, which has a worker for each core. A log of each
# request would cost both sides of a ratio the same, and so hide a part of it.
# Options: syncs => 1 counts what the coordinator syncs; as those of start.
sub serve {
	my ($self, %opt) = @_;

	if (delete $opt{syncs}) {
		spurt($self->syncs_path, "\0" x 32);
		$opt{env} = { LD_PRELOAD => build_path('t/bench/syncs.so'),
		    WN_SYNCS => $self->syncs_path };
	}
	$self->start(%opt);
	$self->nginx_start(workers => Bench::Run::cores(), edit => sub {
		s{^server \{}{server \{\n\taccess_log off;}m or
		    die 'nginx/worknet.conf: no server';
	});
	return $self;
}

sub nginx_cpu_s {
	my ($self) = @_;
	my $master = $self->{nginx_pid};

	return cpu_sum_s($master, split ' ',
	    slurp("/proc/$master/task/$master/children"));
}

# Ends both, and the coordinator well.
sub end {
	my ($self) = @_;

	$self->nginx_stop;
	die "worknet-fcgi didn't end well\n" if $self->stop != 0;
}

sub syncs_path { return $_[0]->dir('syncs') }

# So far: syncs of the write-ahead log, and of the ledger's file in
# checkpoints, with the seconds that they took.
sub syncs {
	my ($self) = @_;
	my %n;

	@n{qw(wal wal_s other other_s)} = unpack('Q4',
	    slurp($self->syncs_path));
	$n{$_} /= 1e9 for qw(wal_s other_s);
	return \%n;
}

# The threads that serve requests, as the log says.
sub threads {
	my ($self) = @_;

	return ($self->log_text =~ /serving with (\d+) threads/)[0];
}

# ---- Load ----------------------------------------------------------------

# Runs t/bench/load, with its options; what it says, with the CPU seconds of
# the coordinator (coordinator_cpu_s), of nginx and of itself (nginx_cpu_s,
# load_cpu_s), and how often the coordinator synced (syncs; see there).
sub load_any {
	my ($self, @options) = @_;
	my ($cpu, $nginx) = (cpu_s($self->pid), $self->nginx_cpu_s);
	my $syncs = -e $self->syncs_path && $self->syncs;
	my ($status, $out, $err) = run_command(build_path('t/bench/load'),
	    '--port', $self->{port}, @options);

	die "t/bench/load: $err" if $status != 0;
	my $l = json_value($out);
	$l->{coordinator_cpu_s} = cpu_s($self->pid) - $cpu;
	$l->{nginx_cpu_s} = $self->nginx_cpu_s - $nginx;
	$l->{load_cpu_s} = delete $l->{cpu_s};
	if ($syncs) {
		$l->{syncs} = $self->syncs;
		$l->{syncs}{$_} -= $syncs->{$_} for keys %$syncs;
	}
	return $l;
}

# The same, when every answer has to be good.
sub load {
	my ($self, @options) = @_;
	my $l = $self->load_any(@options);

	die 'not every answer was good: ' . json_text($l) . "\n" if
	    join(' ', keys %{ $l->{status} }) ne '200' || $l->{odd} ne '';
	return $l;
}

# Posts the next batches, each of which must be credited whole.
sub load_posts {
	my ($self, $batch, @options) = @_;
	my $l = $self->load('--requests', $self->posts, @options);
	my $posts = $l->{sources}[0];

	$self->posts_sent($l);
	die "$posts->{units} of " . $posts->{sent} * $batch . ' results ' .
	    "were credited\n" if $posts->{units} != $posts->{sent} * $batch;
	return $l;
}

# The posts that weren't sent yet, as an argument for load; afterwards
# posts_sent, with what it says, when they were its first source.
sub posts { return $_[0]->posts_path . ":$_[0]{posts_next}" }
sub posts_sent { $_[0]{posts_next} = $_[1]{sources}[0]{next} }

# Good answers in a second.
sub rate {
	my ($l) = @_;
	my $n = 0;

	$n += $_->{good_in_time} for @{ $l->{sources} };
	return $n / $l->{seconds};
}

# ---- The responder that does nothing -------------------------------------

package Bench::Site::Empty;

our @ISA = ('Bench::Site');

# t/bench/empty in the coordinator's place, behind the same nginx.
sub start {
	my ($self, %opt) = @_;

	$self->{pid} = WorknetTest::child_start('empty', sub {
		WorknetTest::exec_logged($self->log_path,
		    WorknetTest::build_path('t/bench/empty'),
		    $self->socket_path, $opt{threads});
	});
	WorknetTest::wait_for(sub {
		die $self->log_text if
		    !WorknetTest::child_is_running($self->{pid});
		return $self->log_text =~ /serving/;
	}, 'empty to serve');
	return $self;
}

# It knows no better than to be killed.
sub end {
	my ($self) = @_;

	$self->nginx_stop;
	$self->stop('KILL');
}

1;
