# Processes that end with the test, and small tools, for WorknetTest.
package WorknetTest::Process;

use strict;
use warnings;

use Cwd ();
use Exporter 'import';
use File::Path ();
use File::Temp ();
use IO::Handle;
use IPC::Open2 ();
use JSON::PP ();
use POSIX ();
use Test::More ();
use Time::HiRes ();

our @EXPORT_OK = qw($PATIENCE_S build_path source_path
    everybody_may_enter_build find_program need_program need_packages
    cannot_run now_ms wait_for slurp spurt run_command env_set child_start
    child_wait child_end child_is_running exec_logged ends_with_test share_out
    tool_ask);

# How long to wait for what must happen: far more than it takes, because a
# test never fails for being slow.
our $PATIENCE_S = $ENV{WN_PATIENCE_S} // 120;

my $build = Cwd::abs_path($ENV{WN_BUILDDIR} // '.');
my $source = Cwd::abs_path($ENV{srcdir} // '.');

sub build_path { return "$build/$_[0]" }
sub source_path { return "$source/$_[0]" }

# Whether every user may enter the directory where the programs are.
sub everybody_may_enter_build {
	for (my $p = $build; ; $p =~ s{/[^/]*$}{}) {
		return 0 if !((stat($p eq '' ? '/' : $p))[2] & 0001);
		return 1 if $p eq '';
	}
}

# What a program of t/tools answers to a line, each of which it does with one
# of its own. Each process of a test runs it once.
my %tools;		# { process id => { tool => [ its output, its input ] } }

sub tool_ask {
	my ($tool, $line) = @_;
	my $t = $tools{$$}{$tool} //= do {
		IPC::Open2::open2(my $out, my $in, build_path($tool));
		[ $out, $in ];
	};

	print { $t->[1] } "$line\n";
	$t->[1]->flush;
	my $answer = readline($t->[0]) // die "$tool ended";
	chomp $answer;
	die "$tool: $answer" if $answer =~ /^error/;
	return $answer;
}

# ---- Processes, and their end --------------------------------------------

my $owner = $$;
my %running;		# pid => what it is
my @mounts;		# directories
my $reaper_pipe;
my $reaper_pid;

# A process that outlives the test only to end what the test left behind: it
# sees the end of its pipe even when the test was killed.
my ($run_dir, $run_count);

sub reaper_main {
	my ($pipe) = @_;
	my (%pids, @dirs, @mounts);

	$SIG{$_} = 'IGNORE' for qw(INT TERM HUP PIPE);
	POSIX::setpgid(0, 0);
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', '/dev/null');
	while (my $line = <$pipe>) {
		chomp $line;
		my ($what, $arg) = split / /, $line, 2;
		$pids{$arg} = 1 if $what eq 'start';
		delete $pids{$arg} if $what eq 'end';
		push @dirs, $arg if $what eq 'dir';
		push @mounts, $arg if $what eq 'mount';
	}
	kill('KILL', -$_, $_) for keys %pids;
	system('umount', '-l', $_) for @mounts;
	for my $dir (@dirs) {
		File::Path::remove_tree($dir, { error => \my $ignored })
		    for 1 .. 3;
	}
	POSIX::_exit(0);
}

# Ends something with the test: ends_with_test('dir', PATH) removes a
# directory, ends_with_test('mount', PATH) unmounts one.
sub ends_with_test {
	my ($what, $path) = @_;

	push @mounts, $path if $what eq 'mount';
	reaper_tell("$what $path");
}

sub reaper_tell {
	my ($line) = @_;

	if (!defined $reaper_pid) {
		pipe(my $read, $reaper_pipe) or die "pipe: $!";
		$reaper_pipe->autoflush(1);
		$reaper_pid = fork // die "fork: $!";
		if ($reaper_pid == 0) {
			close $reaper_pipe;
			reaper_main($read);
		}
		close $read;
	}
	print $reaper_pipe "$line\n";
}

# Forks a process that runs $code and exits with what it returns; in a
# process group of its own.
sub child_start {
	my ($what, $code) = @_;

	reaper_tell("dir /nonexistent") if !defined $reaper_pid;
	STDOUT->flush;
	STDERR->flush;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		POSIX::setpgid(0, 0);
		close $reaper_pipe;
		%running = ();
		my $status = eval { $code->() };
		print STDERR $@ if $@;
		POSIX::_exit($@ ? 125 : ($status // 0));
	}
	POSIX::setpgid($pid, $pid);
	$running{$pid} = $what;
	reaper_tell("start $pid");
	return $pid;
}

# Waits for a child; its wait status ($?).
sub child_wait {
	my ($pid) = @_;
	my $status;

	wait_for(sub {
		return 1 if waitpid($pid, POSIX::WNOHANG()) != 0 &&
		    defined($status = $?);
	}, "the end of $running{$pid} ($pid)");
	delete $running{$pid};
	reaper_tell("end $pid");
	return $status;
}

# Sends a signal and waits for the end.
sub child_end {
	my ($pid, $signal) = @_;

	kill($signal, $signal eq 'KILL' ? (-$pid, $pid) : $pid);
	return child_wait($pid);
}

# True while the child runs; reaps it when it doesn't.
sub child_is_running {
	my ($pid) = @_;

	return 0 if !exists $running{$pid};
	return 1 if waitpid($pid, POSIX::WNOHANG()) == 0;
	delete $running{$pid};
	reaper_tell("end $pid");
	return 0;
}

# Replaces this process, with its output going to a file.
sub exec_logged {
	my ($log, @command) = @_;

	open(STDOUT, '>>', $log) or die "$log: $!";
	open(STDERR, '>&', \*STDOUT) or die "dup: $!";
	exec { $command[0] } @command or die "$command[0]: $!";
}

# Runs a command to its end: (exit status, standard output, standard error).
# Options: stdin => text, env => { NAME => value, or undef to unset }, uid =>
# the user to be.
sub run_command {
	my ($opt, @command) = ref $_[0] ? @_ : ({}, @_);
	my %file = map { ($_ => run_file($_)) } qw(in out err);

	spurt($file{in}, $opt->{stdin} // '');
	my $pid = child_start($command[0], sub {
		env_set(%{ $opt->{env} // {} });
		open(STDIN, '<', $file{in}) or die $!;
		open(STDOUT, '>', $file{out}) or die $!;
		open(STDERR, '>', $file{err}) or die $!;
		($(, $)) = ($opt->{uid}, "$opt->{uid} $opt->{uid}"),
		    POSIX::setuid($opt->{uid}) if defined $opt->{uid};
		exec { $command[0] } @command or die "$command[0]: $!";
	});
	my $status = child_wait($pid);
	my @said = map { slurp($file{$_}) } qw(out err);
	unlink values %file;
	return ($status & 127 ? 128 + ($status & 127) : $status >> 8, @said);
}

# A name for a command's input or output, used once.
sub run_file {
	my ($what) = @_;

	if (!defined $run_dir) {
		$run_dir = File::Temp::tempdir("worknet-run-$$-XXXXXX",
		    TMPDIR => 1, CLEANUP => 1);
		ends_with_test('dir', $run_dir);
	}
	return "$run_dir/$$." . ++$run_count . ".$what";
}

sub env_set {
	my (%env) = @_;

	for my $name (keys %env) {
		if (defined $env{$name}) {
			$ENV{$name} = $env{$name};
		} else {
			delete $ENV{$name};
		}
	}
}

END {
	if ($$ == $owner) {
		my $status = $?;

		for my $pid (keys %running) {
			kill('KILL', -$pid, $pid);
			waitpid($pid, 0);
		}
		system("umount -l '$_' 2>/dev/null") for @mounts;
		if (defined $reaper_pid) {
			close $reaper_pipe;
			waitpid($reaper_pid, 0);
		}
		$? = $status;
	}
}

# A signal ends the test through END.
for my $signal (qw(INT TERM HUP)) {
	$SIG{$signal} = sub { exit 1 if $$ == $owner; POSIX::_exit(1) };
}
$SIG{PIPE} = 'IGNORE';

# ---- Small tools ---------------------------------------------------------

sub now_ms { return int(Time::HiRes::time() * 1000) }

# Waits until $code gives something true, and gives that.
sub wait_for {
	my ($code, $what, $patience_s) = @_;
	my $end = Time::HiRes::time() + ($patience_s // $PATIENCE_S);
	my $nap = 0.002;

	while (1) {
		my $got = $code->();
		return $got if $got;
		die "waited in vain for $what\n" if Time::HiRes::time() > $end;
		Time::HiRes::sleep($nap);
		$nap *= 1.5 if $nap < 0.05;
	}
}

sub slurp {
	my ($path) = @_;

	open(my $f, '<:raw', $path) or return '';
	local $/;
	return <$f> // '';
}

sub spurt {
	my ($path, $text) = @_;

	# In one step: a reader sees the old text or the new.
	open(my $f, '>:raw', "$path.new") or die "$path.new: $!";
	print $f $text;
	close $f or die "$path.new: $!";
	rename("$path.new", $path) or die "$path: $!";
}

sub find_program {
	my ($name) = @_;

	my $given = $ENV{uc $name} // '';
	return $given if $name =~ /^(nginx|node)$/ && -x $given;
	for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/sbin',
	    '/usr/local/sbin', '/sbin') {
		return "$dir/$name" if -x "$dir/$name" && !-d _;
	}
	return;
}

# Ends the test as skipped when a program isn't there.
sub need_program {
	for my $name (@_) {
		Test::More::plan(skip_all => "$name isn't installed")
		    if !defined find_program($name);
	}
}

# Does @$items in $jobs processes: each calls $begin, and then $each with what
# that gave and one item after the other, until none is left. What $each
# returns, a value that JSON can hold, comes to $done with its item.
sub share_out {
	my ($jobs, $items, $begin, $each, $done) = @_;
	my $dir = File::Temp::tempdir("worknet-share-$$-XXXXXX", TMPDIR => 1,
	    CLEANUP => 1);
	my $of = @$items;

	# The first child brings a process that outlives it: without our pipes.
	child_wait(child_start('none', sub { 0 }));
	pipe(my $queue, my $fill) or die "pipe: $!";
	pipe(my $ready, my $tell) or die "pipe: $!";
	syswrite($fill, pack('N*', 0 .. $of - 1)) // die "pipe: $!";
	close $fill;
	my @pids = map { child_start("job $_", sub {
		close $ready;
		# What it starts ends with it.
		undef $reaper_pid;
		undef $run_dir;
		my $context = $begin->();
		while ((sysread($queue, my $n, 4) // 0) == 4) {
			$n = unpack('N', $n);
			spurt("$dir/$n", JSON::PP->new->allow_nonref->utf8
			    ->encode($each->($context, $items->[$n])));
			syswrite($tell, pack('N', $n));
		}
		return 0;
	}) } 1 .. ($jobs < $of ? $jobs : $of);
	close $queue;
	close $tell;
	while ((sysread($ready, my $n, 4) // 0) == 4) {
		$n = unpack('N', $n);
		$of--;
		$done->($items->[$n], JSON::PP->new->allow_nonref->utf8
		    ->decode(slurp("$dir/$n")));
	}
	child_wait($_) == 0 or die "a job failed\n" for @pids;
	die "$of items weren't done\n" if $of;
}

# Ends the test because something it needs isn't there: as skipped, but as
# failed where everything ought to be there (CI=true).
sub cannot_run {
	my ($why) = @_;

	Test::More::plan(skip_all => $why) if ($ENV{CI} // '') ne 'true';
	Test::More::plan(tests => 1);
	Test::More::fail("what this test needs is there: $why");
	exit 1;
}

# What tests with Node's packages need: the rig, viem.
sub need_packages {
	cannot_run('node isn\'t installed') if !find_program('node');
	cannot_run('t/node_modules is missing: npm ci in t/')
	    if !-d source_path('t/node_modules/viem');
}

1;
