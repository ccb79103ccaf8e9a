#!/usr/bin/perl
# What the coordinator acknowledged stays, however it ends; and what it was
# asked before a clean stop it answers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl ();
use POSIX ();
use Socket qw(AF_UNIX SOCK_STREAM);
use Test::More;
use Time::HiRes ();

use WorknetTest qw(need_program now_ms wait_for slurp spurt child_start
    child_wait exec_logged json_text json_value poll_path);

need_program('sqlite3', 'nginx', 'strace');

my $CLIENTS = 4;
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

# ---- The load ----

# One request until it is answered, as a worker that tries again would do it:
# (the answer, how often it got none).
sub insist {
	my ($client, $method, $path, $body) = @_;
	my $lost = 0;

	while (1) {
		my $r = $client->{how} eq 'nginx' ?
		    eval { $client->{w}->http($method, $path, $body) } :
		    eval { direct($client, $method, $path, $body) };
		return ($r, $lost) if $r && $r->{status} == 200;
		# nginx says that nobody is there; all else is wrong.
		print { $client->{out} } "bad $r->{status} $r->{body}\n"
		    if $r && ($r->{status} != 503 ||
		    $r->{body} !~ /coordinator unavailable/);
		$client->{fcgi}->close if $client->{fcgi};
		print { $client->{out} } "lost $path\n";
		$lost++;
		Time::HiRes::sleep(0.003);
	}
}

sub direct {
	my ($client, $method, $path, $body) = @_;

	($path, my $query) = split /\?/, $path, 2;
	$client->{fcgi} //= $client->{w}->fcgi;
	return $client->{fcgi}->request($method, $path,
	    query => $query // '', body => $body);
}

# A round: some new workers poll, and one request has all of their results.
sub round {
	my ($client, $n) = @_;
	my $w = $client->{w};
	my @claims;

	for my $i (0 .. $n % 4) {
		my $worker = $w->worker(1000000 * $client->{n} + 4 * $n + $i);
		my ($r) = insist($client, 'GET',
		    poll_path($worker->{address}));
		for my $task (@{ json_value($r->{body}) }) {
			print { $client->{out} } "given $worker->{address} " .
			    "$task->{id}\n";
			push @claims, [ $worker, $task->{id} ];
		}
	}
	return if !@claims;
	$#claims = 49 if @claims > 50;
	my $at = now_ms();
	my @results = map { $w->result($_->[0], $_->[1], timestamp => $at++) }
	    @claims;
	my ($r, $lost) = insist($client, 'POST', '/v1/worker/results',
	    json_text(\@results));
	my $got = json_value($r->{body});
	my @other = grep { !/: already recorded$/ } @{ $got->{errors} // [] };
	print { $client->{out} } 'bad ', json_text(\@other), "\n" if @other;
	print { $client->{out} } join(' ', 'acknowledged', $lost,
	    $got->{accepted}, scalar @results, map {
	    "$_->{workerAddress},$_->{taskId},$_->{timestamp}" } @results),
	    "\n";
}

sub load_main {
	my ($w, $n, $how) = @_;
	my $client = { w => $w, n => $n,
	    how => $how // ($n % 2 ? 'nginx' : 'fcgi') };

	open($client->{out}, '>>', $w->dir("client$n")) or die $!;
	$client->{out}->autoflush(1);
	for (my $i = 1; !-e $w->dir('enough'); $i++) {
		round($client, $i);
	}
	return 0;
}

sub lines {
	my ($w) = @_;

	return map { split /\n/, slurp($w->dir("client$_")) }
	    1 .. $CLIENTS;
}

# ---- SIGKILL, and SIGTERM, under load ----

{
	my $w = WorknetTest->new(conf => { coordinator => { threads => 8 } })
	    ->init;

	$w->task_add("t$_", interval => '1s', copies => 100,
	    cooldown => '0s') for 1 .. $TASKS;
	$w->start;
	$w->nginx_start;
	my @children = map { my $n = $_; child_start("client $n", sub {
	    load_main($w, $n) }) } 1 .. $CLIENTS;
	my $progress = sub {
		my ($more) = @_;
		my $before = () = lines($w);
		wait_for(sub { (() = lines($w)) >= $before + $more },
		    "$more lines of the clients");
	};

	my $killed = 0;
	for my $i (1 .. $KILLS) {
		$progress->(20 + $i % 7);
		$killed++ if $w->stop('KILL') == POSIX::SIGKILL();
		$w->start;
	}
	is($killed, $KILLS, "the coordinator was killed $KILLS times while " .
	    "$CLIENTS clients were served");
	$progress->(20);
	my @clean;
	for (1 .. $STOPS) {
		$progress->(20);
		push @clean, $w->stop('TERM');
		$w->start;
	}
	is(join(' ', @clean), join(' ', (0) x $STOPS),
	    "SIGTERM under load ended it cleanly $STOPS times");
	$progress->(20);
	spurt($w->dir('enough'), '');
	is(child_wait($_), 0, 'a client ends') for @children;

	my @lines = lines($w);
	my @bad = grep { /^bad/ } @lines;
	is("@bad[0 .. ($#bad > 4 ? 4 : $#bad)]", '',
	    'no answer was anything but expected');

	# Acknowledged: accepted, or recorded by a request that had no answer.
	my (%expected, $lost, $mixed, $groundless);
	for (grep { /^acknowledged/ } @lines) {
		my (undef, $tries, $accepted, $n, @results) = split / /;
		$lost++ if $tries;
		$mixed++ if $accepted != 0 && $accepted != $n;
		$groundless++ if $accepted != $n && !$tries;
		$expected{lc((split /,/)[0]) . substr($_, 42)}++ for @results;
	}
	ok($lost, 'requests lost their answer and were sent again');
	is($mixed // 0, 0, 'a request was credited as a whole or not at all');
	is($groundless // 0, 0, 'nothing was recorded before it was sent');
	my %found;
	$found{"$_->{address},$_->{name},$_->{timestamp_ms}"}++ for
	    $w->sql('SELECT w.address, k.name, r.timestamp_ms FROM result r ' .
	    'JOIN transfer t ON t.id = r.transfer ' .
	    'JOIN worker w ON w.id = t.credit ' .
	    'JOIN task_version v ON v.id = r.version ' .
	    'JOIN task k ON k.id = v.task');
	cmp_ok(scalar keys %expected, '>', 200, scalar(keys %expected) .
	    ' results were acknowledged');
	my @missing = grep { !$found{$_} } keys %expected;
	is("@missing", '', 'each of them is in the ledger');
	my @twice = grep { $found{$_} != 1 } keys %found;
	is("@twice", '', 'none is there twice');
	my @extra = grep { !$expected{$_} } keys %found;
	is("@extra", '', 'and none that wasn\'t acknowledged in the end');

	my %assigned = map { ("$_->{address} $_->{name}" => 1) }
	    $w->sql('SELECT w.address, a.task_name AS name FROM assignment a ' .
	    'JOIN worker w ON w.id = a.worker');
	my @given = map { /^given (\S+) (\S+)/ ? lc($1) . " $2" : () } @lines;
	cmp_ok(scalar @given, '>', 50, scalar(@given) . ' tasks were given');
	my @gone = grep { !$assigned{$_} } @given;
	is("@gone", '', 'each assignment that was told is in the ledger');
	my ($sums) = $w->sql('SELECT (SELECT sum(amount_micros) FROM ' .
	    'transfer) AS moved, (SELECT sum(balance_micros) FROM account ' .
	    'WHERE id > 3) AS owed, (SELECT count(*) FROM result) * 100 AS ' .
	    'earned');
	is($sums->{moved}, $sums->{earned}, 'the transfers are worth their ' .
	    'results');
	is($sums->{owed}, $sums->{earned}, 'and so are the balances');
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

	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!;
	bind($s, Socket::pack_sockaddr_un($w->socket_path)) or die "bind: $!";
	listen($s, 256) or die "listen: $!";
	my $start = sub {
		my @with = @_;
		$w->start(how => sub {
			my ($log, @command) = @_;
			POSIX::dup2(fileno $s, 0);
			exec_logged($log, @with, @command);
		});
	};
	# Slow to accept: the signal finds one thread amid it, the others idle.
	my @slow = qw(strace -D -f -o /dev/null -e trace=accept4 -e
	    inject=accept4:delay_exit=2000);
	$start->();
	my @answers;
	for my $round (1 .. 4) {
		my @asked = ask($w, 64, 1);
		is($w->stop, 0, 'it stops with requests waiting');
		$start->($round < 4 ? @slow : ());
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

	$w->task_add("t$_", interval => '1s', copies => 100,
	    cooldown => '0s') for 1 .. $TASKS;
	socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die $!;
	bind($s, Socket::pack_sockaddr_un($w->socket_path)) or die "bind: $!";
	listen($s, 1024) or die "listen: $!";
	my $start = sub {
		$w->start(how => sub {
			my ($log, @command) = @_;
			POSIX::dup2(fileno $s, 3) // die "dup2: $!";
			# When it was that number already.
			fcntl($s, Fcntl::F_SETFD(), 0) or die $!;
			@ENV{qw(LISTEN_PID LISTEN_FDS)} = ($$, 1);
			exec_logged($log, @command);
		});
	};
	$start->();
	$w->nginx_start(workers => 2);
	my @children = map { my $n = $_; child_start("client $n", sub {
	    load_main($w, $n, 'nginx') }) } 1 .. $CLIENTS;
	my @clean;
	for (1 .. $RESTARTS) {
		my $before = () = lines($w);
		wait_for(sub { (() = lines($w)) >= $before + 10 },
		    '10 lines of the clients');
		push @clean, $w->stop;
		$start->();
	}
	spurt($w->dir('enough'), '');
	is(child_wait($_), 0, 'a client ends') for @children;
	is(join(' ', @clean), join(' ', (0) x $RESTARTS),
	    "it was restarted $RESTARTS times while $CLIENTS clients asked");
	my @lines = lines($w);
	my @wrong = grep { /^(?:bad|lost)/ } @lines;
	is("@wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)]", '',
	    'no request was lost or refused');
	my @acknowledged = grep { /^acknowledged/ } @lines;
	cmp_ok(scalar @acknowledged, '>', $RESTARTS, @acknowledged .
	    ' posts were acknowledged');
	my @partly = grep { (split / /)[2] != (split / /)[3] } @acknowledged;
	is("@partly", '', 'each in full, the first time');
	my $n = 0;
	$n += (split / /)[2] for @acknowledged;
	is(($w->credited)[0], $n, 'and is in the ledger');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after restarts under load');
}

is($stalled->stop_wait, 0, 'half a request and a silent connection don\'t ' .
    'prevent a clean stop');
$stalled->log_ok;

done_testing();
