#!/usr/bin/perl
# Whoever stalls, cuts off a request, or never ends it holds up nobody else for
# long, and nothing is carried out for them; and serving ends when it should,
# whatever goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;
use Time::HiRes ();

use WorknetTest qw(build_path need_program wait_for slurp child_start
    child_wait child_end child_is_running exec_logged json_text json_value
    poll_path);

need_program('sqlite3');

my $CREDITED = '{"accepted":1,"earned":"0.000100"}';

sub setup {
	my ($slots, %conf) = @_;
	my $w = WorknetTest->new(conf => { coordinator => \%conf })
	    ->past(60)->init;

	$w->hand_out(['slot'], [ $w->worker(1) ], $slots);
	return $w->now;
}

sub due {
	my ($w) = @_;

	return $w->result($w->worker(1), $w->take($w->worker(1)),
	    timestamp => $w->fresh_ms);
}

# The bytes of a post of one good result.
sub post_bytes {
	my ($result, %opt) = @_;

	return WorknetTest::Fcgi::request_bytes('POST', '/v1/worker/results',
	    body => json_text([ $result ]), %opt);
}

# ---- Slow ones ----

{
	my $w = setup(12, threads => 2);
	my $one = $w->worker(1);

	$w->start;
	# Two hold both threads, a byte now and then, one of each kind.
	my @slow = map { $w->fcgi } 1 .. 2;
	my @bytes = (post_bytes(due($w)), post_bytes(due($w)));
	my @at = (20, length($bytes[1]) - 20);
	my $drip = child_start('drip', sub {
		$slow[$_]->send_bytes(substr($bytes[$_], 0, $at[$_]))
		    for 0, 1;
		local $SIG{PIPE} = 'IGNORE';
		for my $i (0 .. 400) {
			for (0, 1) {
				my $at = $at[$_] + $i;
				$slow[$_]->send_bytes(substr($bytes[$_], $at,
				    1)) if $at < length($bytes[$_]) - 8;
			}
			Time::HiRes::sleep(0.5);
		}
		return 0;
	});
	wait_for(sub {
		my $c = $w->fcgi;
		$c->connect;
		$c->send_bytes(WorknetTest::Fcgi::request_bytes('GET',
		    '/nosuch'));
		my $ready = '';
		vec($ready, fileno $c->{socket}, 1) = 1;
		my $n = select($ready, undef, undef, 0.2);
		$c->close;
		return $n == 0;
	}, 'both threads to be held');
	is($w->fcgi->get('/nosuch')->{status}, 404,
	    'who sends a byte now and then is cut off, and others are served');
	ok(child_is_running($drip), 'while it would still go on');
	is($w->balance($one), 0, 'nothing of it is carried out');
	child_end($drip, 'KILL');

	# Who reads no answer.
	my @deaf = map { $w->fcgi } 1 .. 2;
	for my $c (@deaf) {
		my $many = WorknetTest::Fcgi::request_bytes('GET',
		    '/nosuch') x 50;
		$c->connect->blocking(0);
		1 while syswrite($c->{socket}, $many);
	}
	is($w->fcgi->get('/nosuch')->{status}, 404,
	    'nor does one who reads no answers hold others up for ever');
	$_->close for @deaf;

	# ---- Cut off ----

	my $result = due($w);
	my $bytes = post_bytes($result);
	my $body = json_text([ $result ]);
	my $end = WorknetTest::Fcgi::record(5, '');
	my $begin = substr($bytes, 0, 16);
	my %cut = (
		'without the end of its input' => substr($bytes, 0, -8),
		'in the header of that' => substr($bytes, 0, -3),
		'before its input' => substr($bytes, 0,
		    -16 - length $body),
		'in its parameters, between two' => $begin .
		    WorknetTest::Fcgi::record(4,
		    WorknetTest::Fcgi::params_text(REQUEST_METHOD => 'POST',
		    SCRIPT_NAME => '/v1/worker/results',
		    CONTENT_LENGTH => length $body)),
		'with an abort before the end' => substr($bytes, 0, -8) .
		    WorknetTest::Fcgi::record(2, '') . $end,
	);
	for my $what (sort keys %cut) {
		my $c = $w->fcgi;
		$c->send_bytes($cut{$what});
		shutdown($c->{socket}, 1);
		is($c->answer, undef, "a request $what gets no answer");
	}
	is($w->balance($one), 0, 'and none of them is carried out');
	is($w->fcgi->post([ $result ])->{body}, $CREDITED,
	    'though the result is good');
	my $short = json_text([ due($w) ]);
	my $r = $w->fcgi->post($short, length => 1 + length $short);
	is("$r->{status} $r->{body}",
	    '400 {"error":"body shorter than declared"}',
	    'nor is one whose body is shorter than declared');
	is($w->balance($one), 100, 'however good that part is');
	$r = $w->fcgi->post([ due($w) ], params => {
	    HTTP_CONTENT_ENCODING => 'gzip' });
	is("$r->{status} $r->{body}",
	    '415 {"error":"Content-Encoding not supported"}',
	    'a body that is said to be compressed gets 415');
	is($w->fcgi->post([ due($w) ], params => {
	    HTTP_CONTENT_ENCODING => 'identity' })->{body}, $CREDITED,
	    'but not when it is said to be as it is');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after slow and cut requests');
}

# ---- The end, under load on kept connections ----

{
	my $w = setup(1);

	$w->start;
	# Each asks again on its connection as soon as it is answered, and more
	# than it waits for: it never has a quiet moment.
	my $request = WorknetTest::Fcgi::request_bytes('GET', '/nosuch');
	my @load = map { child_start("load $_", sub {
		local $SIG{PIPE} = 'IGNORE';
		my @c = map { IO::Socket::UNIX->new(
		    Peer => $w->socket_path) } 1 .. 32;
		syswrite($_, $request x 4) for @c;
		while (@c) {
			my ($ready, $out) = ('');
			vec($ready, fileno $_, 1) = 1 for @c;
			select($out = $ready, undef, undef, 10);
			@c = grep { !vec($out, fileno $_, 1) ||
			    (sysread($_, my $text, 65536) &&
			    syswrite($_, $request x 2)) } @c;
		}
		return 0;
	}) } 1 .. 4;
	wait_for(sub {
		my $fds = () = glob('/proc/' . $w->pid . '/fd/*');
		return $fds > 128;
	}, '128 connections');
	is($w->fcgi->get('/health')->{status}, 200, 'under load of 128 kept ' .
	    'connections it answers');
	my $before = Time::HiRes::time();
	is($w->stop, 0, 'SIGTERM ends it');
	is(child_wait($_), 0, 'and all connections') for @load;
	diag(sprintf('after %.1f s', Time::HiRes::time() - $before));
	$w->log_ok;
}

# ---- The socket of the next one ----

{
	my $w = setup(1, threads => 2);

	$w->start;
	my $busy = $w->fcgi;
	my $bytes = WorknetTest::Fcgi::request_bytes('GET', '/nosuch');
	$busy->send_bytes(substr($bytes, 0, 30));
	my $first = $w->pid;
	kill('TERM', $first);
	wait_for(sub { !-e $w->socket_path }, 'the socket to go');
	ok(child_is_running($first), 'a coordinator that still answers ' .
	    'somebody has let go of its socket');
	$w->start;
	is($w->fcgi->get('/health')->{status}, 200, 'the next one serves it');
	$busy->send_bytes(substr($bytes, 30));
	is($busy->answer->{status}, 404,
	    'what was under way is answered by the first');
	is(child_wait($first), 0, 'which then ends');
	ok(-S $w->socket_path, '... and leaves the socket alone');
	is($w->fcgi->get('/health')->{status}, 200, '... of the next one');
	# Somebody removed the first one's socket by hand.
	my $second = $w->pid;
	unlink $w->socket_path;
	$w->start;
	is(child_end($second, 'TERM'), 0, 'one whose socket was replaced ends');
	is($w->fcgi->get('/health')->{status}, 200,
	    'and leaves the socket that replaced it');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- The operator's bulk work ----

{
	my $w = WorknetTest->new(conf => { ledger => { busy_timeout_ms =>
	    1000 } })->init;
	my $n = 60000;
	my $path = $w->dir('tasks.json');
	my $import = sub {
		my @how = @_;

		return child_start('import', sub {
			exec_logged($w->dir('import.log'),
			    build_path('worknet'), '-c', $w->conf_path, 'task',
			    'import', $path, @how);
		});
	};
	my $imported = sub {
		return $w->sql_value('SELECT count(*) FROM task');
	};

	open my $f, '>', $path or die;
	print $f '[', join(',', map { json_text({ id => "bulk_$_",
	    type => 'http_check', url => "https://t$_.example/",
	    expectedStatus => 200, timeoutMs => 1000,
	    rewardMicros => 100 }) } 1 .. $n), ']';
	close $f or die;
	$w->start;
	my $first = $import->();
	wait_for($imported, 'tasks to be imported');
	child_end($first, 'KILL');
	cmp_ok($imported->(), '<', $n, 'an import is killed before its end');
	# What its health says costs a commit.
	my ($rest, $asked, %status) = ($import->('--update'), 0);
	while ($asked == 0 || child_is_running($rest)) {
		$status{$w->fcgi->get('/health')->{status}}++;
		$asked++;
		Time::HiRes::sleep(0.01);
	}
	is($imported->(), $n, 'the same with --update does the rest');
	like(slurp($w->dir('import.log')), qr/^\d+ added, 0 changed, \d/m,
	    'and nothing twice');
	is(join(' ', keys %status), 200,
	    "meanwhile $asked requests that write were answered");
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after an import in parts');
}

# ---- No memory for an answer ----

# Nothing is better than a part of one, which would be believed.
{
	my $w = setup(0)->fault_prepare;
	my $c;

	$w->start;
	cmp_ok(length $w->fcgi->get('/openapi.json')->{body}, '>', 65536,
	    'an answer is large');
	is($w->stop, 0, 'it stops');
	local $ENV{WN_FAULT_ROOM} = 32768;
	$w->start;
	$c = $w->fcgi;
	is(eval { $c->get('/openapi.json') }, undef,
	    'where there is no memory for it nothing of it is answered');
	is($w->fcgi->get('/health')->{status}, 200, '... and the next one is');
	is($w->stop, 0, 'it stops');
	like($w->log_text, qr/an answer was dropped: .* no memory$/m,
	    '... and the log says so');
}

# ---- Plain CGI ----

{
	my $w = setup(1);

	pipe(my $in, my $out) or die $!;
	for my $signal ('TERM', 'INT') {
		my $pid = child_start('cgi', sub {
			POSIX::dup2(fileno $in, 0);
			close $out;
			%ENV = (%ENV, GATEWAY_INTERFACE => 'CGI/1.1',
			    REQUEST_METHOD => 'POST', CONTENT_LENGTH => 100,
			    PATH_INFO => '/v1/worker/results');
			delete $ENV{LISTEN_PID};
			exec_logged($w->log_path, build_path('worknet-fcgi'),
			    '-c', $w->conf_path);
		});
		wait_for(sub { slurp("/proc/$pid/wchan") =~ /pipe/ ||
		    slurp("/proc/$pid/syscall") =~ /^0 0x0 / },
		    'it to read its body');
		is(child_end($pid, $signal) & 127,
		    $signal eq 'TERM' ? POSIX::SIGTERM() : POSIX::SIGINT(),
		    "as plain CGI it ends by SIG$signal while its body stalls");
	}
	close $out;
}

done_testing();
