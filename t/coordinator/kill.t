#!/usr/bin/perl
# What the coordinator acknowledged stays, however it ends; and what it was
# asked before a clean stop it answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::UNIX;
use POSIX ();
use Test::More;

use WorknetTest qw(need_program json_text);
use WorknetTest::Load qw(socket_listen start_on);

need_program('sqlite3', 'nginx', 'strace');

my $CLIENTS = 4;
my $CROWD = 12;
my $TASKS = 40;
my $KILLS = 20;
my $STOPS = 6;
my $RESTARTS = 20;

# ---- Half a request doesn't prevent a clean stop ----

# It takes the seconds that such a request is given, and is looked at again
# when all else is done.
my $stalled = WorknetTest->new->init->start;
my ($half, $silent) = map { $stalled->fcgi } 1, 2;
$half->send_bytes(substr(WorknetTest::Fcgi::request_bytes('POST',
    '/v1/worker/results', body => '[]' x 100), 0, 40));
$silent->connect;
is($stalled->fcgi->get('/health')->{status}, 200,
    'half a request and a silent connection hold nobody up');
kill('TERM', $stalled->pid);

# ---- SIGKILL, and SIGTERM, under load ----

{
	my $w = WorknetTest->new(conf => { coordinator => { threads => 8 } })
	    ->init;
	my $load = WorknetTest::Load->new($w, clients => $CLIENTS,
	    how => sub { $_[0] % 2 ? 'nginx' : 'fcgi' });

	$w->task_add("t$_", interval => '1s', copies => 100,
	    cooldown => '0s') for 1 .. $TASKS;
	$w->start;
	$w->nginx_start;
	$load->begin;

	my $killed = 0;
	for my $i (1 .. $KILLS) {
		$load->progress(20 + $i % 7);
		$load->window(sub {
			$killed++ if $w->stop('KILL') == POSIX::SIGKILL();
			$w->start;
		});
	}
	is($killed, $KILLS, "the coordinator was killed $KILLS times while " .
	    "$CLIENTS clients were served");
	$load->progress(20);
	my @clean;
	for (1 .. $STOPS) {
		$load->progress(20);
		$load->window(sub {
			push @clean, $w->stop('TERM');
			$w->start;
		});
	}
	is(join(' ', @clean), join(' ', (0) x $STOPS),
	    "SIGTERM under load ended it cleanly $STOPS times");
	$load->progress(20);
	$load->end;

	ok(scalar $load->said('trouble'),
	    'requests lost their answer and were sent again');
	# Who asks the coordinator itself gets none instead, also later, on a
	# connection that was kept.
	WorknetTest::Load::none_ok([ grep { my (undef, $begin, $end, $status,
	    $body) = split / /, $_, 5; $status &&
	    (!$load->is_excused($begin, $end) || "$status $body" !~
	    /^503 .*coordinator unavailable/) } $load->said('trouble') ],
	    'or were told that nobody is there, while that was so');
	$load->kept_ok;
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after all that');
}

# ---- A clean stop answers what was asked before ----

# $n complete requests on connections of their own: posts that credit, polls,
# and the health; without $keep some that ask for no further one.
sub ask {
	my ($w, $n, $keep) = @_;
	my $worker = $w->worker(1);

	return map {
		my $i = $_;
		my $bytes = $i % 4 == 0 ? WorknetTest::Fcgi::request_bytes(
		    'GET', '/health') :
		    $i % 4 == 1 ? WorknetTest::Fcgi::request_bytes('GET',
		    '/v1/worker/tasks', query => 'address=' .
		    $w->worker(500 + $i)->{address}) :
		    WorknetTest::Fcgi::request_bytes('POST',
		    '/v1/worker/results', body => json_text([
		    $w->result($worker, $w->take($worker), timestamp =>
		    $w->fresh_ms) ]),
		    keep => $i % 4 == 2 || $keep);
		my $socket = IO::Socket::UNIX->new(Peer => $w->socket_path) //
		    die "connect: $!";
		syswrite($socket, $bytes) == length $bytes or die "write: $!";
		WorknetTest::Fcgi->adopt($socket, 120);
	} 1 .. $n;
}

sub setup {
	my $w = WorknetTest->new(conf => { coordinator => { threads => 4 } })
	    ->past(60)->init;

	$w->hand_out([ map { "stop$_" } 1 .. 10 ], [ $w->worker(1) ], 13);
	$w->now;
	$w->task_add('polled', interval => '1s', copies => 100,
	    cooldown => '0s');
	return $w;
}

# How often each answer came.
sub tally {
	my %n;

	for my $r (@_) {
		$n{!defined $r ? 'no answer' : $r->{status} != 200 ?
		    "$r->{status} $r->{body}" : $r->{body} =~ /accepted/ ?
		    $r->{body} : 'other 200'}++;
	}
	return \%n;
}

my $all = { '{"accepted":1,"earned":"0.000100"}' => 32, 'other 200' => 32 };

{
	my $w = setup();
	my $kept = 0;

	for my $round (1 .. 4) {
		$w->start;
		# Connections that were used, and are kept, don't hold it up.
		my @idle = map { $w->fcgi } 1 .. 8;
		$kept += $_->get('/health')->{status} == 200 for @idle;
		my @asked = ask($w, 64);
		kill('TERM', $w->pid);
		is_deeply(tally(map { $_->answer_and_close } @asked), $all,
		    '64 requests that were sent before SIGTERM are answered ' .
		    "by 4 threads ($round)");
		is($w->stop_wait, 0, 'which then ends cleanly');
	}
	is($kept, 32, 'with idle connections beside them');
	is($w->balance($w->worker(1)), 4 * 3200, 'each was credited once');

	$w->log_ok;
	$w->audit_ok('after clean stops');
}

# ---- A socket that outlives the coordinator, as systemd's does ----

{
	my $w = setup();

	my $s = socket_listen($w);
	# Slow to accept: the signal finds one thread amid it, the others idle.
	my @slow = qw(strace -D -f -o /dev/null -e trace=accept4 -e
	    inject=accept4:delay_exit=2000);
	start_on($w, $s, fd => 0);
	my @answers;
	for my $round (1 .. 4) {
		my @asked = ask($w, 64, 1);
		is($w->stop, 0, 'it stops with requests waiting');
		start_on($w, $s, fd => 0, with => $round < 4 ? \@slow : []);
		push @answers, map { $_->answer_and_close } @asked;
	}
	is_deeply(tally(@answers), { map { $_ => 4 * $all->{$_} } keys %$all },
	    'requests that wait at an inherited socket are answered by this ' .
	    'process or the next');
	is($w->balance($w->worker(1)), 4 * 3200, 'each was credited once');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after handing the socket over');
}

# ---- Restarted under load, nothing is lost: the socket stays, and nginx ----

{
	my $w = WorknetTest->new->init;
	my $load = WorknetTest::Load->new($w, clients => $CROWD);
	my $s = socket_listen($w);

	$w->task_add("t$_", interval => '1s', copies => 100,
	    cooldown => '0s') for 1 .. $TASKS;
	start_on($w, $s);
	$w->nginx_start(workers => 2);
	$load->begin;
	my @clean;
	for (1 .. $RESTARTS) {
		$load->progress(4 * $CROWD);
		push @clean, $w->stop;
		start_on($w, $s);
	}
	$load->progress($CROWD);
	$load->end;
	is(join(' ', @clean), join(' ', (0) x $RESTARTS),
	    "it was restarted $RESTARTS times while $CROWD clients asked");
	WorknetTest::Load::none_ok([ $load->said('trouble') ],
	    'no request was lost or refused');
	$load->kept_ok;
	WorknetTest::Load::none_ok([ grep { my @f = split / /;
	    $f[4] != $f[5] } $load->said('acknowledged') ],
	    'each post was credited in full, the first time');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after restarts under load');
}

is($stalled->stop_wait, 0, 'half a request and a silent connection don\'t ' .
    'prevent a clean stop');
$stalled->log_ok;

done_testing();
