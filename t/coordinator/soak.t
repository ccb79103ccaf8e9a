#!/usr/bin/perl
# Everything at once, behind nginx: clients that work, some a few bytes at a
# time, suspended ones that go on polling, ones that stall, a reader in long
# transactions, and meanwhile the coordinator is killed, restarted, and a sync
# of its disk fails, again and again. Whatever was acknowledged is in the
# ledger, once, and only in the seconds of a kill or of the failed sync was
# anybody refused: not in those of a restart, because the socket stays.
#
# It lasts for SOAK_SECONDS (20), and until each trouble was there at least
# once; `make soak` takes ten minutes. WN_SEED is its random choices' seed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use IPC::Open2;
use List::Util qw(shuffle);
use POSIX ();
use Test::More;
use Time::HiRes ();

use WorknetTest qw(find_program need_program child_is_running http_raw
    json_text poll_path);
use WorknetTest::Load qw(socket_listen start_on);

need_program('sqlite3', 'nginx');

my $SECONDS = $ENV{SOAK_SECONDS} // 20;
my $SEED = $ENV{WN_SEED} // 11;
my $TASKS = 40;
# In one turn, in any order. A kill and failed syncs may cost answers.
my @TURN = qw(stop kill stop log stop ledger);
my %TROUBLE = (
	stop => \&stop,
	kill => \&end_by_kill,
	log => sub { fail_sync($_[0], 'EIO sync') },
	# With it goes what was written to the ledger since its last one.
	ledger => sub { fail_sync($_[0], 'EIO drop') },
);
# What those say who don't work.
my %MEANWHILE = (
	refused => 'suspended workers polled',
	stalled => 'connections were held with part of a request',
	deaf => 'answers weren\'t read',
	read => 'the ledger was read in long transactions',
);

srand($SEED);
diag("SOAK_SECONDS=$SECONDS WN_SEED=$SEED");

my $w = WorknetTest->new->init;
my $s = socket_listen($w);

sub start { return start_on($w, $s, env => { WN_FAULT_DROP => 1 }) }

# ---- Who is there beside those that work ----

# A suspended worker, whose polls are refused at once, each time.
sub poll_suspended {
	my ($client, $worker) = @_;

	while (!$client->is_over) {
		my ($r) = $client->insist('GET', poll_path($worker->{address}),
		    undef, 403);
		$client->say($r->{body} eq '{"error":"worker suspended"}' ?
		    'refused' : "bad $r->{body}");
		Time::HiRes::sleep(rand 0.05);
	}
}

# Holds a connection with part of a request.
sub stall {
	my ($client, $connect, $bytes) = @_;

	while (!$client->is_over) {
		my $socket = $connect->();
		syswrite($socket, substr($bytes, 0, rand length $bytes));
		Time::HiRes::sleep(rand 3);
		$client->say('stalled');
	}
}

# Asks for much and reads none of it.
sub be_deaf {
	my ($client) = @_;

	while (!$client->is_over) {
		my $socket = $w->http_socket;
		syswrite($socket, http_raw('GET', '/api/health', undef,
		    Connection => 'keep-alive') x 50);
		Time::HiRes::sleep(rand 2);
		$client->say('deaf');
	}
}

# Reads the ledger in transactions of seconds: what is written meanwhile stays
# in the log.
sub read_long {
	my ($client) = @_;
	my $pid = open2(my $out, my $in, find_program('sqlite3'), '-batch',
	    '-cmd', '.timeout 60000', $w->ledger_path);

	while (!$client->is_over) {
		print $in "BEGIN; SELECT count(*) FROM result;\n";
		$in->flush;
		my $n = <$out> // '';
		Time::HiRes::sleep(0.5 + rand 5);
		print $in "SELECT count(*) FROM result; COMMIT;\n";
		$in->flush;
		$client->say($n =~ /^\d+$/ && $n eq (<$out> // '') ? 'read' :
		    "bad a reader's view changed: $n");
	}
	close $in;
	waitpid($pid, 0);
}

# ---- What happens to the coordinator ----

# Each gives whether it ended as it should.

# Nobody notices a restart.
sub stop {
	my ($load) = @_;
	my $clean = $w->stop == 0;

	start();
	return $clean;
}

sub end_by_kill {
	my ($load) = @_;

	return $load->window(sub {
		my $killed = $w->stop('KILL') == POSIX::SIGKILL();

		start();
		return $killed;
	});
}

# From now on syncs fail: the first one ends it.
sub fail_sync {
	my ($load, $fault) = @_;

	return $load->window(sub {
		$w->fault($fault);
		my $ended = $w->stop_wait >> 8 == 7;
		$w->fault;
		start();
		return $ended;
	});
}

# ---- The soak ----

my $load = WorknetTest::Load->new($w, clients => 8, pause_s => 0.1,
    seed => $SEED, how => sub { $_[0] % 4 ? 'nginx' : 'slowly' });
my $post = json_text([ { taskId => 't1' } ]) x 50;
my $http = http_raw('POST', '/api/v1/worker/results', $post);
my $fcgi = WorknetTest::Fcgi::request_bytes('POST', '/v1/worker/results',
    body => $post, open => 1);
my (%count, %failed);

$w->fault_prepare;
$w->task_add("t$_", interval => '1s', copies => 100, cooldown => '0s')
    for 1 .. $TASKS;
start();
$w->nginx_start(workers => 2);
for my $n (1 .. 3) {
	my $worker = $w->worker($n);
	$w->http('GET', poll_path($worker->{address}));
	$w->worknet('worker', 'suspend', $worker->{address});
	$load->beside("suspended$n", sub { poll_suspended($_[0], $worker) });
}
$load->beside("stalled$_", sub { stall($_[0], sub { $w->http_socket },
    $http) }) for 1 .. 4;
$load->beside('stalled5', sub { stall($_[0], sub {
    IO::Socket::UNIX->new(Peer => $w->socket_path) }, $fcgi) });
$load->beside('deaf', \&be_deaf);
$load->beside('reader', \&read_long);
$load->begin;

my $end = Time::HiRes::time() + $SECONDS;
do {
	for my $what (shuffle(@TURN)) {
		$load->progress(20 + int(rand 100));
		last if $count{ledger} && $count{log} && $count{kill} &&
		    $count{stop} && Time::HiRes::time() > $end;
		$count{$what}++;
		$failed{$what}++ if !$TROUBLE{$what}->($load);
	}
} while (Time::HiRes::time() < $end);
$load->progress(100);
ok(child_is_running($w->pid), "in the end it runs, after $count{kill} kills, " .
    "$count{stop} restarts and failed syncs of the log ($count{log}) and of " .
    "the ledger ($count{ledger})");
$load->end;
is_deeply(\%failed, {}, 'each of them ended it as it should');
ok(scalar $load->said($_), "meanwhile $MEANWHILE{$_}")
    for sort keys %MEANWHILE;
$load->refused_ok;
$load->kept_ok;
is($w->sql_value('PRAGMA integrity_check'), 'ok', 'the file is whole');
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after all that');

done_testing();
