#!/usr/bin/perl
# Uploads into OpenStack Swift, which verifies signatures by code that isn't
# ours: its s3api, with one daemon of each kind. It can't refuse to overwrite
# ([upload] kind = swift). Debian's packages swift-proxy, swift-account,
# swift-container, swift-object and memcached; make campaign-store.
use strict;
use warnings;
use File::Basename 'dirname';
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Time::HiRes 'sleep';
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $PATIENCE_S = $ENV{WN_PATIENCE_S} || 120;
my @programs = map { "swift-$_-server" } qw(proxy account container object);
for my $need (@programs, 'swift-ring-builder', 'memcached', 'zstd') {
	plan skip_all => "$need isn't installed"
	    if system("command -v $need >/dev/null");
}

# ---- Swift ----

my ($id, $secret) = ('test:tester', 'of/the+store=');
my (%port, @pids);

END {
	my $code = $?;
	kill 'TERM', @pids if @pids;
	waitpid $_, 0 for @pids;
	$? = $code;
}
sub start {
	my ($name, @command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDIN, '<', '/dev/null' or die;
		open STDOUT, '>', "$Dir/$name.out" or die;
		open STDERR, '>&', \*STDOUT or die;
		exec @command or POSIX::_exit(127);
	}
	push @pids, $pid;
	for (1 .. 20 * $PATIENCE_S) {
		return if IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		    PeerPort => $port{$name});
		die "$name ended: " . read_file("$Dir/$name.out")
		    if waitpid($pid, POSIX::WNOHANG()) > 0;
		sleep 0.05;
	}
	die "$name doesn't answer\n";
}

for my $name (qw(memcached proxy account container object)) {
	my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')
	    or die $!;
	$port{$name} = $s->sockport;
}
mkdir "$Dir/$_" or die $! for qw(devices devices/d);
chmod 0777, $Dir, "$Dir/devices", "$Dir/devices/d";
my ($user) = getpwuid($<);
write_file("$Dir/swift.conf",
    "[swift-hash]\nswift_hash_path_suffix = s\n" .
    "[storage-policy:0]\nname = one\ndefault = yes\n");
for my $name (qw(account container object)) {
	write_file("$Dir/$name-server.conf", <<"END");
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port{$name}
devices = $Dir/devices
swift_dir = $Dir
mount_check = false
disable_fallocate = true
workers = 0
user = $user
log_address =
[pipeline:main]
pipeline = $name-server
[app:$name-server]
use = egg:swift#$name
END
	for (['create', 4, 1, 0], ['add', "r1z1-127.0.0.1:$port{$name}/d", 1],
	    ['rebalance']) {
		my $r = AdminRun::run('', 'swift-ring-builder',
		    "$Dir/$name.builder", @$_);
		die "$r->{out}$r->{err}" if $r->{code} > 1;
	}
}
write_file("$Dir/proxy-server.conf", <<"END");
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port{proxy}
swift_dir = $Dir
workers = 0
user = $user
[pipeline:main]
pipeline = catch_errors cache s3api tempauth proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$port{memcached}
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = $secret .admin
END
# Its own programs, but for where swift.conf is.
my $server = <<'END';
import sys
from swift.common import utils
utils.set_swift_dir(sys.argv[1])
from swift.common.wsgi import run_wsgi
from swift.obj.server import global_conf_callback
more = {'global_conf_callback': global_conf_callback} \
    if sys.argv[2] == 'object-server' else {}
sys.exit(run_wsgi(sys.argv[1] + '/' + sys.argv[2] + '.conf', sys.argv[2], **more))
END
start('memcached', 'memcached', '-l', '127.0.0.1', '-p', $port{memcached},
    '-u', $user);
start($_, '/usr/bin/python3', '-c', $server, $Dir, "$_-server")
    for qw(account container object proxy);

my $http = HTTP::Tiny->new(timeout => $PATIENCE_S);
my $auth = $http->get("http://127.0.0.1:$port{proxy}/auth/v1.0",
    { headers => { 'X-Storage-User' => $id, 'X-Storage-Pass' => $secret } });
is($auth->{status}, 200, 'Swift lets its user in');
my $token = { 'X-Auth-Token' => $auth->{headers}{'x-auth-token'} };
sub swift {
	my ($method, $name, $content) = @_;
	$name =~ s{([^A-Za-z0-9_.~/-])}{sprintf '%%%02X', ord $1}ge;
	return $http->request($method,
	    "$auth->{headers}{'x-storage-url'}/$name", { headers => $token,
	    defined $content ? (content => $content) : () });
}
is(swift('PUT', 'results')->{status}, 201, 'and makes a bucket');

# ---- A log ----

my $HOUR = 3600_000;
my $end = 1767247200_000;	# 2026-01-01 06:00
my $conf = "$Dir/log.conf";
sub conf_is {
	my ($kind) = @_;
	log_conf(<<"END");
[upload]
kind = $kind
endpoint = http://127.0.0.1:$port{proxy}
bucket = results
region = us-east-1
key_file = upload.key
state_directory = upload
retry_ms = 100
END
}
sub at {
	my ($ms, @command) = @_;
	my $r = run_at($ms, @command);
	die "$command[0]: $r->{err}" if $r->{code} ne '0';
}
sub upload {
	my $r = AdminRun::run('', program('worknet-log'), '-c', $conf,
	    '--upload', @_);
	return "$r->{code} $r->{err}";
}
sub key_is {
	write_file("$Dir/upload.key", "$id\n$_[0]\n");
	chmod 0600, "$Dir/upload.key";
}

mkdir "$Dir/$_" or die $! for qw(site state upload);
conf_is('swift');
make_ledger("$Dir/ledger.db", '--tasks', 2, '--interval-ms', 120000,
    '--copies', 2, '--results', 300, '--end-ms', $end - $HOUR);
at($end - $HOUR, program('worknet'), '-c', $conf, 'task', 'add', 'a:b_c.d-e',
    '--url', 'https://worknet.example/', '--interval', '10m');
at($end, program('worknet-log'), '-c', $conf, '--key', 'new');
at($end + $HOUR, program('worknet-log'), '-c', $conf, '--idle');

# ---- Uploads ----

my %want;	# objects, and the files that they are of
for (glob "$Dir/site/segment/*/*/*/*/*.ndjson") {
	my ($day, $rest) = m{^$Dir/site/segment/(\d+/\d+/\d+)/(\d+/.*)$} or die;
	my $name = 'worker-results/' . $day =~ s{/}{-}gr . "/$rest";
	$want{"$name.zst"} = $_;
	$want{"$name.tlog-proof"} = "$_.tlog-proof";
}
sub differs {
	my $listed = join "\n", sort keys %want;
	my @wrong = swift('GET', 'results')->{content} =~ s/\n\z//r eq $listed
	    ? () : 'the list';
	for my $name (sort keys %want) {
		my $bytes = swift('GET', "results/$name")->{content};
		write_file("$Dir/object", $bytes);
		$bytes = AdminRun::run('', 'zstd', '-dqc', "$Dir/object")->{out}
		    if $name =~ /zst$/;
		push @wrong, $name if $bytes ne read_file($want{$name});
	}
	return "@wrong";
}

key_is('another');
like(upload(), qr/^1 .*403 SignatureDoesNotMatch: the secret in key_file/,
    'another secret signs nothing that Swift takes');
key_is($secret);
conf_is('s3');
like(upload(), qr/^1 .*501 NotImplemented: .*kind = swift asks before/,
    'it can\'t refuse to overwrite, and says so');
is(swift('GET', 'results')->{status}, 204, 'nothing is made so far');
conf_is('swift');
is(upload(), '0 ', 'Swift takes each of ' . keys(%want) . ' objects');
is(differs(), '', 'and has them as they are in the log');
is(upload('--all'), '0 ', 'asked again, it gives each back');
is(differs(), '', 'and they are the same');
my ($one) = grep { /a:b.*zst$/ } sort keys %want;
swift('PUT', "results/$one", 'something else');
like(upload('--all'), qr/^6 .*the store has another \Q$one\E already/,
    'another object of that name is a finding');
is(swift('GET', "results/$one")->{content}, 'something else', 'and stays');
swift('DELETE', "results/$one");
is(upload(), '0 ', 'once it is gone, it is made again');
is(differs(), '', 'as it was');
done_testing();
