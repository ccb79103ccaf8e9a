#!/usr/bin/perl
# The ways to start and to stop the coordinator: on a socket of its own, on an
# inherited one, as plain CGI; and what it refuses to start with.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Socket qw(AF_UNIX SOCK_DGRAM);
use Test::More;

use WorknetTest qw(build_path find_program need_program slurp spurt wait_for
    run_command exec_logged json_text json_value);
use WorknetTest::Load qw(socket_listen start_on);

need_program('sqlite3');

my $w = WorknetTest->new;
my $fcgi = build_path('worknet-fcgi');
my ($status, $out, $err);

($status, $out, $err) = run_command($fcgi, '-t', '-c', $w->conf_path);
is($status, 7, '-t without a ledger gives exit code 7');
like($err, qr/ledger\.db/, 'and names the file');
$w->init;
($status, $out, $err) = run_command($fcgi, '-t', '-c', $w->conf_path);
is($status, 0, '-t gives exit code 0 when all is well');
like($out, qr/fine/, 'and says so');
($status, $out, $err) = run_command($fcgi, '-t', '-c',
    $w->dir('nosuch.conf'));
is($status, 1, '-t without a configuration gives exit code 1');
for my $bad ('[ledger]' . "\npth = x\n", "[nosuch]\nx = 1\n",
    "[coordinator]\nexchanges = 0\n", "[coordinator]\nthreads = x\n",
    "[coordinator]\nthreads = 4\nthreads = 4\n", "rubbish\n") {
	spurt($w->dir('bad.conf'), $bad);
	($status, $out, $err) = run_command($fcgi, '-t', '-c',
	    $w->dir('bad.conf'));
	my $text = $bad =~ s/\n/; /gr;
	is($status, 1, "-t refuses the configuration \"$text\"");
	like($err, qr/bad\.conf:\d/, 'and names its line');
}
spurt($w->dir('data/ledger.db.txt'), 'not a database' .
    ' but some text that is long enough to be looked at' x 20);
spurt($w->dir('bad.conf'),
    "[ledger]\npath = data/ledger.db.txt\n");
($status) = run_command($fcgi, '-t', '-c', $w->dir('bad.conf'));
is($status, 7, '-t refuses a file that is no ledger');
($status) = run_command($fcgi, '-x');
is($status, 2, 'an unknown option gives exit code 2');
($status, $out) = run_command($fcgi, '-h');
is($status, 0, '-h gives exit code 0');
like($out, qr/^usage: worknet-fcgi/, 'and the usage');
($status, $out, $err) = run_command({ env => {
    GATEWAY_INTERFACE => undef, LISTEN_PID => undef } }, $fcgi, '-c',
    $w->conf_path);
is($status, 7, 'without any socket it gives exit code 7');
like($err, qr/-s SOCKET/, 'and says what to do');

$w->start;
($status, $out, $err) = run_command($fcgi, '-c', $w->conf_path, '-s',
    $w->socket_path);
is($status, 7, 'a socket that is served isn\'t taken over');
is($w->fcgi->get('/health')->{status}, 200, 'and is still served');
is((stat $w->socket_path)[2] & 0777, 0660, 'the socket\'s mode is ' .
    '0660');
is($w->stop('INT'), 0, 'SIGINT ends it with exit code 0, too');
$w->start(args => [ '-m', '0600' ]);
is((stat $w->socket_path)[2] & 0777, 0600, '-m sets the mode');
is($w->stop('KILL'), POSIX::SIGKILL(), 'killed, it leaves its socket');
ok(-S $w->socket_path, 'behind');
$w->start;
is($w->fcgi->get('/health')->{status}, 200,
    'which the next one replaces');
is($w->stop, 0, 'it stops');
spurt($w->socket_path, 'precious');
($status, $out, $err) = run_command($fcgi, '-c', $w->conf_path, '-s',
    $w->socket_path);
is($status, 7, 'a file in the socket\'s place isn\'t touched');
is(slurp($w->socket_path), 'precious', 'at all');
unlink $w->socket_path;

# Inherited sockets.
for my $case ([ 3, 'passed as systemd does' ],
    [ 0, 'passed as standard input' ]) {
	start_on($w, socket_listen($w, 64), fd => $case->[0]);
	is($w->fcgi->get('/health')->{status}, 200,
	    "a socket $case->[1] is served");
	is($w->stop, 0, 'until SIGTERM');
	ok(-S $w->socket_path, 'and left to whom it belongs');
	unlink $w->socket_path;
}

# What a service manager is told, at a path or an abstract name.
for my $name ($w->dir('notify'), "\0worknet-test-$$") {
	socket(my $manager, AF_UNIX, SOCK_DGRAM, 0) or die $!;
	bind($manager, Socket::pack_sockaddr_un($name)) or die $!;
	my $told = sub {
		my $ready = '';
		vec($ready, fileno $manager, 1) = 1;
		select($ready, undef, undef, 30) > 0 or return 'nothing';
		recv($manager, my $text, 4096, 0) // die $!;
		return $text;
	};
	$w->start(env => { NOTIFY_SOCKET => $name =~ s/^\0/@/r,
	    WATCHDOG_USEC => 300_000 });
	my $where = $name =~ /^\0/ ? 'an abstract socket' : 'a path';
	is($told->(), "READY=1\nSTATUS=serving",
	    "at $where systemd is told that it serves");
	is($told->(), 'WATCHDOG=1', 'and again and again that it lives')
	    for 1 .. 2;
	kill('STOP', $w->pid);
	my $ready = '';
	# What was under way when it stopped.
	wait_for(sub { slurp('/proc/' . $w->pid . '/stat') =~ /\) T / },
	    'it to stand still');
	while (1) {
		vec($ready = '', fileno $manager, 1) = 1;
		last if select($ready, undef, undef, 0) <= 0;
		recv($manager, my $text, 4096, 0);
	}
	vec($ready = '', fileno $manager, 1) = 1;
	is(select($ready, undef, undef, 2.5), 0, 'unless it hangs');
	kill('CONT', $w->pid);
	kill('TERM', $w->pid);
	my $last = 'WATCHDOG=1';
	$last = $told->() while $last eq 'WATCHDOG=1';
	is($last, "STOPPING=1\nSTATUS=answering what has arrived",
	    'and that it ends');
	is($w->stop_wait, 0, 'which it does');
	unlink $name if $name !~ /^\0/;
}
for my $case ([ NOTIFY_SOCKET => $w->dir('nobody') ],
    [ NOTIFY_SOCKET => '/' . 'x' x 200 ], [ NOTIFY_SOCKET => '' ],
    [ NOTIFY_SOCKET => 'relative' ],
    [ NOTIFY_SOCKET => $w->dir('nobody'), WATCHDOG_USEC => 'x' ]) {
	$w->start(env => { @$case });
	is($w->fcgi->get('/health')->{status}, 200, 'a manager that isn\'t ' .
	    "there doesn't matter: " . substr($case->[1], 0, 20));
	is($w->stop, 0, '... and it ends');
}
SKIP: {
	my $spawn = find_program('spawn-fcgi');
	skip('spawn-fcgi isn\'t installed', 2) if !defined $spawn;
	$w->start(how => sub {
		my ($log, @command) = @_;
		exec_logged($log, $spawn, '-n', '-s',
		    $w->socket_path, '--', @command);
	});
	is($w->fcgi->get('/health')->{status}, 200,
	    'a socket of spawn-fcgi is served');
	is($w->stop, 0, 'until SIGTERM');
}

# Plain CGI.
my $cgi = sub {
	my ($method, $path, $query, $body, %env) = @_;

	my ($status, $out, $err) = run_command({ stdin => $body // '',
	    env => { GATEWAY_INTERFACE => 'CGI/1.1',
	    LISTEN_PID => undef, REQUEST_METHOD => $method,
	    SCRIPT_NAME => '/cgi-bin/worknet-fcgi',
	    PATH_INFO => $path, QUERY_STRING => $query,
	    REMOTE_ADDR => '127.0.0.1', CONTENT_LENGTH =>
	    defined $body ? length $body : undef, %env } },
	    $fcgi, '-c', $w->conf_path);
	return (WorknetTest::Fcgi::parse($out), $status, $err);
};
$w->task_add('cgi', interval => '1s', copies => 100,
    cooldown => '0s');
my $one = $w->worker(1);
my ($r, $code) = $cgi->('GET', '/health', '');
is($r->{text}, "Status: 200 OK\r\nContent-Type: application/json\r\n" .
    "Content-Length: 15\r\nCache-Control: no-store\r\n\r\n" .
    '{"status":"ok"}', 'as plain CGI it answers one request');
is($code, 0, 'and ends with exit code 0');
($r) = $cgi->('GET', '', '', undef, SCRIPT_NAME => '/api/health');
is($r->{status}, 200, 'the path may be in SCRIPT_NAME');
($r) = $cgi->('GET', '/v1/worker/tasks', "address=$one->{address}");
is(json_value($r->{body})->[0]{id}, 'cgi', 'a poll is given a task');
my $body = json_text([ $w->result($one, 'cgi') ]);
($r) = $cgi->('POST', '/v1/worker/results', '', $body);
is($r->{body}, '{"accepted":1,"earned":"0.000100"}',
    'and its result is credited');
($r) = $cgi->('POST', '/v1/worker/results', '', $body);
is(json_value($r->{body})->{errors}[0], 'cgi: already recorded',
    'once');
($r) = $cgi->('POST', '/v1/worker/results', '', "$body rubbish",
    CONTENT_LENGTH => length $body);
is(json_value($r->{body})->{errors}[0], 'cgi: already recorded',
    'no more is read than CONTENT_LENGTH');
is($w->balance($one), 100, 'which is in the ledger');
$w->log_ok;
$w->audit_ok('after all ways to start');

done_testing();
