#!/usr/bin/perl
# systemctl for a root in which no systemd runs: it starts what the installed
# units say, as their users, with their credentials and their socket. A timer
# that is enabled strikes once. Of a unit's shutting in nothing is done
# (t/operator/units.t looks at that).
use strict;
use warnings;
use Socket;

# What is opened here, a socket, is for programs that are executed.
$^F = 20;
my $run = '/run/units';
mkdir $run;

sub setting {
	my ($text, $name, $instance) = @_;

	return map { s/%i/$instance/gr } $text =~ /^$name=(.*)$/mg;
}

sub unit {
	my ($name) = @_;
	my ($stem, $instance, $kind) = $name =~ /^([\w-]+)(?:@([\w-]*))?\.(\w+)$/
	    or die "$name: no unit\n";
	my $file = $stem . (defined $instance ? '@' : '') . ".$kind";
	my ($path) = grep { -e } map { "$_/systemd/system/$file" } '/lib',
	    '/usr/lib';

	die "Unit $name not found.\n" if !defined $path;
	open(my $f, '<', $path) or die "$path: $!";
	local $/;
	return (<$f>, $instance // '', $kind);
}

# The socket that a service inherits as descriptor 3.
sub socket_make {
	my ($text) = @_;
	my ($path) = setting($text, 'ListenStream', '');
	my ($user) = setting($text, 'SocketUser', '');
	my ($group) = setting($text, 'SocketGroup', '');
	my ($mode) = setting($text, 'SocketMode', '');

	my $dir = $path =~ s{/[^/]*$}{}r;

	mkdir $dir;
	chmod(0755, $dir) or die "$dir: $!";
	unlink $path;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!;
	bind($s, pack_sockaddr_un($path)) or die "$path: $!";
	listen($s, 128) or die $!;
	chown(scalar getpwnam($user), scalar getgrnam($group), $path) or die $!;
	chmod(oct $mode, $path) or die $!;
	return $s;
}

sub run_as {
	my ($user, @command) = @_;

	exec('setpriv', '--reuid', $user, '--regid', scalar getgrnam($user eq
	    'nobody' ? 'nogroup' : $user), $user eq 'nobody' ?
	    '--clear-groups' : '--init-groups', '--no-new-privs', @command);
	die "setpriv: $!";
}

sub credentials {
	my ($name, $user, @loads) = @_;
	my $dir = "$run/$name.credentials";

	return if !@loads;
	mkdir $dir;
	for (@loads) {
		my ($as, $from) = split /:/;
		system('install', '-m', '0400', '-o', $user, $from,
		    "$dir/$as") == 0 or die "$from: no credential\n";
	}
	chmod(0755, $dir);
	$ENV{CREDENTIALS_DIRECTORY} = $dir;
}

sub start {
	my ($name) = @_;
	my ($text, $instance, $kind) = unit($name);
	my $wait = $text =~ /^Type=oneshot/m;

	return start($name =~ s/timer$/service/r) if $kind eq 'timer';
	return if $kind eq 'socket'; # with its service
	my ($user) = setting($text, 'User', $instance);
	$user //= 'nobody';
	for my $directory (setting($text, 'RuntimeDirectory', $instance)) {
		system('install', '-d', '-o', $user, "/run/$directory");
	}
	for my $command (setting($text, 'ExecStart', $instance)) {
		my $pid = fork // die $!;
		if ($pid == 0) {
			open(STDIN, '<', '/dev/null');
			open(STDOUT, '>>', "/var/log/$name.log");
			open(STDERR, '>>', "/var/log/$name.log");
			umask 0007;
			credentials($name, $user,
			    setting($text, 'LoadCredential', $instance));
			if ($text =~ /^Requires=(\S+\.socket)/m) {
				my $s = socket_make((unit($1))[0]);
				require POSIX;
				POSIX::dup2(fileno $s, 3);
				run_as($user, 'sh', '-c', 'LISTEN_PID=$$ ' .
				    'LISTEN_FDS=1; export LISTEN_PID ' .
				    "LISTEN_FDS; exec $command");
			}
			run_as($user, split / /, $command);
		}
		if (!$wait) {
			open(my $f, '>', "$run/$name.pid") or die $!;
			print $f $pid;
			next;
		}
		waitpid($pid, 0);
		my $code = $? >> 8;
		my ($fine) = setting($text, 'SuccessExitStatus', $instance);
		die "Job for $name failed: $code\n" if $code != 0 &&
		    !grep { $_ eq $code } split / /, $fine // '';
	}
}

# Nobody here waits for what was started.
sub is_zombie {
	my ($pid) = @_;

	open(my $f, '<', "/proc/$pid/stat") or return 1;
	return <$f> =~ /\) Z /;
}

sub stop {
	my ($name) = @_;
	my $file = "$run/$name.pid";

	open(my $f, '<', $file) or return;
	my $pid = <$f>;
	unlink $file;
	kill('TERM', $pid);
	for (1 .. 300) {
		return if !kill(0, $pid) || is_zombie($pid);
		select(undef, undef, undef, 0.1);
	}
	die "$name doesn't stop\n";
}

my ($verb, @names) = grep { $_ ne '--now' } @ARGV;
my $now = grep { $_ eq '--now' } @ARGV;
if ("$verb @names" eq 'reload nginx') {
	exec('nginx', -s '/run/nginx.pid' ? ('-s', 'reload') : ());
}
for my $name (map { /\.\w+$/ ? $_ : "$_.service" } @names) {
	start($name) if $verb eq 'start' || ($verb eq 'enable' && $now);
	stop($name) if $verb eq 'stop' || ($verb eq 'disable' && $now);
}
