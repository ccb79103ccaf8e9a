# Networks for tests of worknet-worker: namespaces in which a test is alone,
# with its own names, routes and addresses. Root only, or whoever may make a
# user namespace.
#
# The test and its servers are at 11.0.0.1 and 12.0.0.1 (public addresses that
# nobody else has in here); a worker of far() is at 11.0.0.2, on one link with
# the former, and reaches the latter by a route.
package WorkerNet;

use strict;
use warnings;

use File::Temp 'tempdir';
use IO::Socket::INET;
use Test::More;

my (@children, $names_pid, $far_pid);
my $dir;

# Begins the test anew in namespaces of its own; it's skipped where that may
# not be done.
sub alone {
	if ($ENV{WN_ALONE}) {
		$dir = tempdir(CLEANUP => 1);
		run(qw(ip link set lo up));
		return;
	}
	my @unshare = ('unshare', $> == 0 ? () : '-r', '-n', '-m');
	plan skip_all => 'this needs network namespaces (root has them)'
	    if system("@unshare ip link set lo up >/dev/null 2>&1") != 0;
	$ENV{WN_ALONE} = 1;
	exec @unshare, $^X, (map { "-I$_" } @INC), $0, @ARGV
	    or die "unshare: $!";
}

sub run {
	system(@_) == 0 or die "@_: failed\n";
}

# The file at $path has this text, in here alone.
sub file {
	my ($path, $text) = @_;
	my $own = $dir . $path =~ tr{/}{_}r;

	# Written in place, as a mount is of the file, not of its name.
	open my $f, '>', $own or die "$own: $!";
	print $f $text;
	close $f;
	run('mount', '--bind', $own, $path);
}

sub child {
	my ($code) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0) {
		$SIG{ALRM} = 'DEFAULT';
		alarm 300;
		$code->();
		require POSIX;
		POSIX::_exit(0);
	}
	push @children, $pid;
	return $pid;
}

# A command's prefix that runs it at 11.0.0.2 and 2a0a:1::2.
sub far {
	my ($in, $out);

	pipe $in, $out or die "pipe: $!";
	$far_pid = child(sub {
		close $in;
		exec 'unshare', '-n', 'sh', '-c',
		    "echo >&@{[ fileno $out ]}; exec sleep 300"
		    if fcntl($out, 2, 0);	# F_SETFD: stays open
		die "fcntl: $!";
	});
	close $out;
	<$in>;				# it's in its namespace now
	my @there = ('nsenter', "--net=/proc/$far_pid/ns/net");
	run(qw(ip link add near type veth peer name far netns), $far_pid);
	run(qw(ip addr add 11.0.0.1/24 dev near));
	run(qw(ip addr add 2a0a:1::1/128 dev near nodad));
	run(qw(ip addr add 12.0.0.1/32 dev lo));
	run(qw(ip addr add 2a0a:2::1/128 dev lo nodad));
	run(qw(ip link set near up));
	run(qw(ip route add 2a0a:1::/64 dev near));
	run(@there, qw(ip link set lo up));
	run(@there, qw(ip addr add 11.0.0.2/24 dev far));
	run(@there, qw(ip addr add 2a0a:1::2/128 dev far nodad));
	run(@there, qw(ip link set far up));
	run(@there, qw(ip route add 2a0a:1::/64 dev far));
	run(@there, qw(ip route add default via 11.0.0.1));
	run(@there, qw(ip route add default via 2a0a:1::1));
	return @there;
}

# A name server at 12.0.0.1 or $at that knows these names (name => IPv4
# address), and of all others that they don't exist.
sub names {
	my ($at, %known) = @_;
	my $socket = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $at,
	    LocalPort => 53) or die "name server: $!";

	file('/etc/resolv.conf',
	    "nameserver $at\noptions timeout:1 attempts:1\n");
	$names_pid = child(sub {
		while (my $from = $socket->recv(my $query, 1500)) {
			$socket->send(names_answer($query, \%known), 0, $from);
		}
	});
	close $socket;
	return $names_pid;
}

# Ends the name server: whoever asks is told at once that nobody is there.
sub names_end {
	kill 'KILL', $names_pid;
	waitpid $names_pid, 0;
	@children = grep { $_ != $names_pid } @children;
}

# RFC 1035, section 4.1.
sub names_answer {
	my ($query, $known) = @_;
	my ($at, @labels) = (12);

	while (my $n = ord substr $query, $at, 1) {
		push @labels, substr $query, $at + 1, $n;
		$at += 1 + $n;
	}
	my $question = substr $query, 12, $at + 5 - 12;
	my $is_a = unpack('n', substr $query, $at + 1, 2) == 1;
	my $address = $known->{lc join '.', @labels};
	my $head = sub { substr($query, 0, 2) . pack('n5', 0x8180 | $_[0], 1,
	    $_[1], 0, 0) . $question };
	return $head->(3, 0) if !defined $address;
	return $head->(0, 0) if !$is_a;
	return $head->(0, 1) . pack('n n n N n C4', 0xc00c, 1, 1, 0, 4,
	    split /\./, $address);
}

END {
	my $status = $?;
	kill 'KILL', $_ for @children;
	waitpid $_, 0 for @children;
	$? = $status;
}

1;
