#!/usr/bin/perl
# What doc/install and doc/payouts tell an operator to type, typed word for word:
# what make install puts where, which users there are then, and what each of them can't do. As
# root this is done in a mount and a network namespace with copies of /etc,
# /usr/local and /var, in which nothing of this machine changes.

use strict;
use warnings;

use Cwd ();
use File::Find ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM);
use Test::More;

use WorknetTest qw(build_path source_path need_program find_program wait_for
    slurp spurt run_command child_start child_end exec_logged http_raw
    http_read);

need_program('make');

my $HOST = 'worknet.example.org';
my $inside = $ENV{WN_INSIDE_OVERLAY};
my ($prefix) = slurp(build_path('Makefile')) =~ /^prefix = (.*)$/m;
my $steps = slurp(source_path('doc/install')) .
    slurp(source_path('doc/payouts'));

# make check's own make mustn't be this one's.
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKE_TERMOUT MAKE_TERMERR)};

# The commands of indented lines between two texts in it.
sub commands {
	my ($from, $to) = @_;
	my ($text) = $steps =~ /^\Q$from\E(.*?)^\Q$to\E/ms or
	    die "doc/install: nothing from \"$from\" to \"$to\"\n";

	$text =~ s/\\\n\s+/ /g;
	return $text =~ /^    (\S.*)$/mg;
}

# ---- Where things go ----

if (!$inside) {
	my $w = WorknetTest->new;
	my $root = $w->dir('root');
	my ($status, $out, $err) = run_command(find_program('make'), '-C',
	    build_path(''), '-s', 'install', "DESTDIR=$root");
	is($status, 0, 'make install heeds DESTDIR') or diag($err);
	my $under = sub {
		my @found;
		return if !-d $root;
		File::Find::find(sub { push @found,
		    $File::Find::name =~ s/^\Q$root\E//r if !-d }, $root);
		return sort @found;
	};
	my @units = map { "lib/systemd/system/$_" } qw(worknet.service
	    worknet.socket worknet-alert.service worknet-alert.timer
	    worknet-archive.service worknet-archive.timer
	    worknet-audit.service worknet-audit.timer
	    worknet-backup.service worknet-backup.timer
	    worknet-log.service worknet-log.timer
	    worknet-metrics.service worknet-metrics.timer
	    worknet-payout.service worknet-payout.timer
	    worknet-upload.service worknet-upload.timer
	    worknet-worker@.service);
	is_deeply([ $under->() ], [ sort map { "$prefix/$_" } @units,
	    'bin/worknet', 'bin/worknet-alert', 'bin/worknet-fcgi',
	    'bin/worknet-log', 'bin/worknet-payout', 'bin/worknet-worker',
	    'lib/sysusers.d/worknet.conf',
	    'lib/tmpfiles.d/worknet.conf', 'share/man/man1/worknet-worker.1',
    'share/man/man5/worknet-ledger.5', 'share/man/man5/worknet.conf.5',
	    (map { "share/man/man8/worknet$_.8" } '', '-alert', '-fcgi', '-log',
	    '-payout'),
	    (map { "share/doc/worknet/$_" } qw(README NEWS capacity
    evidence guide honesty install log pages payouts protocol uptime)),
	    'share/bash-completion/completions/worknet',
	    map { "share/doc/worknet/examples/$_" } qw(crontab payout.conf
	    worker.conf worknet.conf worknet-failed@.service
	    worknet-log-network.conf
	    nginx/worknet.conf nginx/worknet.nft prometheus/dashboard.json
	    prometheus/worknet.rules.yml) ],
	    'it installs programs, units, users, directories and examples');
	my @unnamed = grep { !-x "$root$_" } map { slurp("$root$_") =~
	    m{^ExecStart=(\S+)}mg } grep { /\.service$/ && !/failed/ }
	    $under->();
	is("@unnamed", '', 'each unit starts a program that it installed');
	($status) = run_command(find_program('make'), '-C', build_path(''),
	    '-s', 'uninstall', "DESTDIR=$root");
	is(join(' ', $status, $under->()), '0',
	    'make uninstall leaves no file of it');

	# ---- Manual pages ----

	for my $page (glob source_path('doc/man/*')) {
		my ($name) = $page =~ m{/([^/]+)\.\d$};
		my $text = slurp($page) =~ s/^\.It Fl (\w) , Fl /.It Fl $1\n.It Fl /gmr;
		my (undef, $help) = run_command(build_path($name), '-h');
		my @told = $name eq 'worknet' ? () :
		    $help =~ /^ {2}(?: {4})?(?:-\w, )?-(-?[a-z][a-z-]*)/mg;
		is(join(' ', grep { $text !~ /^\.(?:It|Op) .*Fl (?:\w*)\Q$_\E\b/m }
		    grep { $_ !~ /^(h|-help|-version)$/ } @told), '',
		    "$name\'s page has each option that its help has");
	}
	SKIP: {
		skip('mandoc isn\'t installed', 1) if !find_program('mandoc');
		my (undef, $said) = run_command('mandoc', '-Tlint', '-Wstyle',
		    glob source_path('doc/man/*'));
		is($said =~ s/^.*referenced manual not found.*\n//mgr, '',
		    'mandoc has nothing to say against the pages');
	}

	# ---- Packages ----

	my ($build) = slurp(source_path('bootstrap')) =~
	    /^build_packages="(.*?)"/ms;
	my ($needs) = $steps =~ /^One that builds it needs\n\n(.*?)\n\n/ms;
	is(join(' ', split ' ', $needs), join(' ', split ' ', $build),
	    'doc/install names the packages that bootstrap build installs');
	# Without any library, configure asks for all of their packages at once.
	mkdir $w->dir('bare') or die $!;
	my ($bare, undef, $asks) = run_command({ env => {
	    PKG_CONFIG_LIBDIR => '/nosuch', PKG_CONFIG_PATH => undef } },
	    '/bin/sh', '-c', 'cd "$0" && exec "$1/configure" -q',
	    $w->dir('bare'), Cwd::abs_path(source_path('')));
	isnt($bare, 0, 'configure needs libraries');
	my ($asked) = $asks =~ /packages of Debian are missing, or too old:(.*)/;
	is(join(' ', grep { !/fcgi|maxminddb/ } sort split ' ', $asked // ''),
	    join(' ', grep { /^lib.*-dev$/ && !/fcgi|maxminddb/ } sort
	    split ' ', $build), '... and names the packages of all of them');
	SKIP: {
		my $ldd = find_program('ldd');
		skip('no dpkg or ldd', 1) if !find_program('dpkg') || !$ldd;
		my ($runs) = $steps =~
		    /^coordinator, and nothing else:\n\n(.*?)\n\n/ms;
		my %named = map { $_ => 1 } $runs =~ /lib\S+?(?=,|\s|\z)/g;
		my ($need) = (join("\n", map { (run_command('readelf', '-d',
		    build_path($_)))[1] } qw(worknet worknet-fcgi
		    worknet-payout worknet-worker)));
		my %lib = map { $_ => 1 } $need =~ /NEEDED.*\[(.*?)\]/g;
		delete @lib{grep { /^(libc|libm|ld-linux.*|libgcc_s|
		    lib[a-z]+san)\.so/x } keys %lib};
		my %package;
		for my $lib (sort keys %lib) {
			my (undef, $owner) = run_command('dpkg', '-S',
			    "*/$lib");
			$package{$1}++ if $owner =~ /^([^:\n]+?)(:\w+)?: /m;
		}
		is(join(' ', grep { !$named{$_} } sort keys %package), '',
		    'and those that a machine needs to run it');
	}
	if ($> != 0 || !find_program('unshare') ||
	    !find_program('systemd-sysusers') ||
	    $prefix ne '/usr/local' || $ENV{WN_NO_OVERLAY}) {
		diag('the rest is for root, in /usr/local, with systemd');
		done_testing();
		exit;
	}
	# The same file again, where nothing that it does stays.
	my $script = <<'SH';
set -e
mkdir "$1"
mount -t tmpfs tmpfs "$1"
for d in etc usr/local var; do
	mkdir -p "$1/$d/upper" "$1/$d/work"
	mount -t overlay overlay -o "lowerdir=/$d,upperdir=$1/$d/upper,workdir=$1/$d/work" "/$d"
done
mount -t tmpfs tmpfs /run
# What this machine may have of one that was installed, or tried.
rm -rf /etc/worknet /var/lib/worknet /var/lib/worknet-payout /var/backups/worknet
shift
exec "$@"
SH
	($status, $out, $err) = run_command({ env => {
	    WN_INSIDE_OVERLAY => $w->dir('top') } }, find_program('unshare'),
	    '-m', '-n', '/bin/sh', '-c', $script, 'sh', $w->dir('layers'), $^X,
	    (map { "-I$_" } @INC), $0);
	if ($err =~ /mount|unshare/ && $out eq '') {
		diag("no overlay: $err");
		done_testing();
		exit;
	}
	print $out =~ s/^1\.\.\d+\n//mr =~ s/^((?:not )?ok) \d+/$1/mgr;
	diag($err) if $err ne '';
	my $tests = () = $out =~ /^(?:not )?ok/mg;
	Test::More->builder->current_test(
	    Test::More->builder->current_test + $tests);
	is($status, 0, 'an operator who types doc/install gets what it says');
	done_testing();
	exit;
}

# ---- As it is typed ----

umask 022;
mkdir $inside or die "$inside: $!";
chdir $inside or die "$inside: $!";
symlink(build_path(''), 'build') or die $!;
symlink(source_path($_), $_) or die $! for 'doc', 'nginx';
$ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

# Loopback alone, and up: a request to set the interface's flags.
{
	socket(my $s, Socket::AF_INET(), Socket::SOCK_DGRAM(), 0) or die $!;
	my $up = pack('Z16sx22', 'lo', 0x41);
	ioctl($s, 0x8914, $up) or die "lo: $!";
}

sub typed {
	my ($what, @commands) = @_;

	for my $command (@commands) {
		next if $command =~ /^(systemctl|certbot|\.\/bootstrap)\b/;
		my ($status, $out, $err) = run_command('/bin/sh', '-c',
		    $command);
		is($status, 0, "$what: $command") or diag($out, $err);
	}
}

# Whether a user can do what a shell command does.
sub can {
	my ($user, $command) = @_;
	my ($status) = run_command('setpriv', "--reuid=$user",
	    "--regid=$user", '--init-groups', '/bin/sh', '-c', $command);

	return $status == 0 ? 1 : 0;
}

typed('step 1', commands('1. Build it', '   The first is'));
{
	my ($status, $out, $err) = run_command('worknet', 'status');
	is($status, 1, 'without a configuration worknet gives up');
	is($err, 'worknet: /etc/worknet/worknet.conf: No such file or ' .
	    'directory: name another one with -c FILE, or make one with ' .
	    "\"worknet init\"\n", 'and says what to do');
}
typed('step 2', commands('2. The users', '   Without systemd'));
typed('payouts', grep { !/worknet-payout -t/ } commands('To set it up:',
    'It may be a key'));
{
	my ($status, $out, $err) = run_command('runuser', '-u',
	    'worknet-payout', '--', 'worknet-payout', '-t');
	isnt($status, 0, 'the payer isn\'t set up before its configuration ' .
	    'has a facilitator and nodes');
	like($err, qr/facilitators|rpc_urls/, 'which it says');
	put_back('/etc/worknet/payout.conf', slurp('/etc/worknet/payout.conf')
	    =~ s{^;(facilitators) = .*}{$1 = http://127.0.0.1:1}mr
	    =~ s{^;(rpc_urls) = .*}
	    {$1 = http://127.0.0.1:2 http://localhost:3}mr);
	(undef, $out, $err) = run_command('runuser', '-u', 'worknet-payout',
	    '--', 'worknet-payout', '-t');
	unlike($err, qr/Permission|treasury|owned|mode/, 'then it reads all ' .
	    'that it needs') or diag($err);
}

# ---- Who can do what ----

# In its place: its owner and mode stay.
sub put_back {
	my ($path, $text) = @_;

	open(my $f, '+<', $path) or die "$path: $!";
	truncate($f, 0) or die $!;
	print $f $text;
	close $f or die $!;
}

for my $case (
    [ 'worknet', 'cat /etc/worknet/worknet.conf', 1 ],
    [ 'worknet', 'echo >>/etc/worknet/worknet.conf', 0 ],
    [ 'worknet', 'mv /etc/worknet/worknet.conf /etc/worknet/x', 0 ],
    [ 'worknet', 'cat /etc/worknet/payout.conf', 0 ],
    [ 'worknet', 'echo >>/etc/worknet/payout.conf', 0 ],
    [ 'worknet', 'mv /etc/worknet/payout.conf /etc/worknet/x', 0 ],
    [ 'worknet', 'echo >/etc/worknet/new', 0 ],
    [ 'worknet', 'cat /etc/worknet/treasury.key', 0 ],
    [ 'worknet', 'mv /etc/worknet/treasury.key /etc/worknet/x', 0 ],
    [ 'worknet', 'ls /var/lib/worknet-payout', 0 ],
    [ 'worknet', 'echo >>/var/lib/worknet/ledger.db', 1 ],
    [ 'worknet', 'echo >/var/backups/worknet/x', 1 ],
    [ 'worknet-payout', 'cat /etc/worknet/payout.conf', 1 ],
    [ 'worknet-payout', 'echo >>/etc/worknet/payout.conf', 0 ],
    [ 'worknet-payout', 'cat /etc/worknet/treasury.key', 1 ],
    [ 'worknet-payout', 'mv /etc/worknet/treasury.key /etc/worknet/x', 0 ],
    [ 'worknet-payout', 'echo >>/var/lib/worknet/ledger.db', 1 ],
    [ 'worknet-payout', 'echo >/var/lib/worknet/new', 1 ],
    [ 'worknet-payout', 'echo >/var/lib/worknet-payout/x', 1 ],
    [ 'worknet-payout', 'ls /var/backups/worknet', 0 ],
    (map { [ 'www-data', $_, 0 ] } 'cat /etc/worknet/worknet.conf',
    'cat /etc/worknet/payout.conf', 'cat /etc/worknet/treasury.key',
    'ls /var/lib/worknet', 'ls /var/lib/worknet-payout')) {
	my ($user, $command, $may) = @$case;

	# What was appended would be no ledger any more.
	my $kept = $command =~ />>(\S+)/ && $may ? slurp($1) : undef;
	is(can($user, $command), $may, "$user " . ($may ? 'can' : 'can\'t') .
	    " $command");
	put_back($1, $kept) if defined $kept;
}

# ---- The units, as far as that goes without systemd as init ----

my %unit;
for my $name ('worknet.socket', 'worknet.service') {
	my $text = slurp("/usr/local/lib/systemd/system/$name");
	$unit{$1} = $2 while $text =~ /^(\w+)=(.*)$/mg;
}
my $socket = $unit{ListenStream};
mkdir $socket =~ s{/[^/]*$}{}r or die $!;
socket(my $listening, AF_UNIX, SOCK_STREAM, 0) or die $!;
bind($listening, Socket::pack_sockaddr_un($socket)) or die $!;
listen($listening, $unit{Backlog}) or die $!;
chmod(oct $unit{SocketMode}, $socket) or die $!;
chown(scalar getpwnam($unit{SocketUser}),
    scalar getgrnam($unit{SocketGroup}), $socket) or die $!;

my $log = "$inside/fcgi.log";
my $coordinator = child_start('worknet-fcgi', sub {
	POSIX::dup2(fileno $listening, 3) // die $!;
	open(my $kept, '<&=', 3) or die $!;
	fcntl($kept, Fcntl::F_SETFD(), 0) or die $!;
	@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
	exec_logged($log, 'setpriv', "--reuid=$unit{User}",
	    "--regid=$unit{User}", '--init-groups', '--no-new-privs',
	    '--bounding-set=-all', split ' ', $unit{ExecStart});
});
wait_for(sub { slurp($log) =~ /serving with/ }, 'the coordinator');
pass('the coordinator serves as the unit\'s user');

# ---- nginx, Debian's own, whose default site stays ----

SKIP: {
	skip('no nginx of Debian', 1)
	    if !-e '/etc/nginx/sites-enabled/default';
	typed('step 4', commands('4. nginx, with', '   It works when'));
	my $nginx = child_start('nginx', sub {
		exec_logged("$inside/nginx.log", 'nginx', '-g',
		    'daemon off;');
	});
	my $get = sub {
		my ($host) = @_;
		my $s = wait_for(sub { IO::Socket::INET->new(
		    PeerAddr => '127.0.0.1:80') }, 'port 80');
		syswrite($s, "GET /api/health HTTP/1.1\r\nHost: $host\r\n" .
		    "Connection: close\r\n\r\n");
		my $r = http_read($s);
		return "$r->{status} $r->{body}";
	};
	is($get->($HOST), '200 {"status":"ok"}', 'the first curl of it ' .
	    'is answered by the coordinator');
	like($get->('127.0.0.1'), qr/^404 /, 'another name by the default site');
	is(child_end($nginx, 'QUIT'), 0, 'nginx ends');
	typed('step 5', map { s/HOST/$HOST/r } commands('5. Tasks:',
	    '   Amounts'));
}
is(child_end($coordinator, 'TERM'), 0, 'the coordinator ends');

# ---- A worker ----

typed('step 7', commands('7. Workers:', "   after the coordinator's"));
{
	# As LoadCredential= does it on a tmpfs: root's, for one more user by
	# an access control list, whose mask shows as the group's rights.
	my $dir = "$inside/credentials";
	mkdir $dir;
	spurt("$dir/worker.key", slurp('/etc/worknet/worker-home.key'));
	chown(0, scalar getgrnam('nogroup'), "$dir/worker.key");
	chmod(0440, "$dir/worker.key");
	chmod(0755, $inside, $dir, "$inside/..");
	my @as_nobody = ('setpriv', '--reuid=nobody', '--regid=nogroup',
	    '--clear-groups', 'worknet-worker', '-t', '-c',
	    '/etc/worknet/worker-home.conf');
	my ($status, undef, $err) = run_command({ env => {
	    CREDENTIALS_DIRECTORY => $dir } }, @as_nobody);
	is($status, 0, 'a worker takes its key from its credentials') or
	    diag($err);
	($status) = run_command(@as_nobody);
	isnt($status, 0, 'and only from there');
	chmod(0444, "$dir/worker.key");
	($status, undef, $err) = run_command({ env => {
	    CREDENTIALS_DIRECTORY => $dir } }, @as_nobody);
	like($err, qr/mode is 0444/, 'one that all can read is refused');
}

done_testing();
