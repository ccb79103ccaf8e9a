#!/usr/bin/perl
# A ledger that can't be written: 503 and nothing half done; and when the
# trouble is over, so are the 503s, without a restart.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IPC::Open2;
use Test::More;

# Mounts of this test end with it: it runs in a mount namespace of its own.
BEGIN {
	if ($> == 0 && !defined $ENV{WN_UNSHARED}) {
		$ENV{WN_UNSHARED} = system('unshare -m true 2>/dev/null') ==
		    0 ? 1 : 0;
		exec('unshare', '-m', $^X, $0, @ARGV) if $ENV{WN_UNSHARED};
	}
}

use WorknetTest qw(build_path everybody_may_enter_build find_program
    need_program now_ms run_command json_text json_value poll_path);

need_program('sqlite3');

my $UNAVAILABLE = '{"error":"ledger unavailable, try again later"}';
my $CREDITED = '{"accepted":1,"earned":"0.000100"}';

sub is_unavailable {
	my ($r, $name) = @_;

	is("$r->{status} $r->{body}", "503 $UNAVAILABLE", $name);
	is($r->{headers}{'retry-after'}, 5, '... with Retry-After');
}

# A ledger with slots of some tasks for worker 1, so many of each, and a task
# that polls are given.
sub setup {
	my ($tasks, $slots, %opt) = @_;
	my $w = WorknetTest->new(conf => { ledger => { busy_timeout_ms =>
	    $opt{busy_timeout_ms} // 300 },
	    coordinator => { threads => 16 } });

	$w->past(60)->init;
	$w->hand_out([ map { "slot$_" } 1 .. $tasks ], [ $w->worker(1) ],
	    $slots);
	$w->now;
	$w->fault_prepare if !$opt{tmpfs};
	$w->move_to_tmpfs($opt{tmpfs}) if $opt{tmpfs};
	$w->task_add('polled', interval => '1s', copies => 100,
	    cooldown => '0s');
	return $w->start;
}

# A result for a slot that worker 1 holds.
sub due {
	my ($w, %opt) = @_;

	return $w->result($w->worker(1), $w->take($w->worker(1)),
	    timestamp => $w->fresh_ms, %opt);
}

# While $begin to $end something is wrong with the ledger.
sub trouble {
	my ($w, $what, $begin, $end) = @_;
	my $c = $w->fcgi;
	my $pid = $w->pid;
	my $newcomer = sub { $w->worker(++$w->{newcomers} + 1000) };
	my $result = due($w);
	my $log = length $w->log_text;

	is($c->post([ due($w) ])->{body}, $CREDITED,
	    "before the trouble ($what) it credits");
	my $before = $w->ledger_state;
	$begin->();
	is_unavailable($c->post([ $result ]), "$what: a result gets 503");
	is_unavailable($c->get(poll_path($newcomer->()->{address})),
	    '... a poll that would be given something, too');
	is_unavailable($c->post([ $result, $w->result(
	    $w->worker(1), 'nosuch') ]),
	    '... and a request of which one result is good');
	my @r = $w->post_at_once('fcgi', map { json_text([ due($w) ]) }
	    1 .. 12);
	is(scalar(grep { $_ && $_->{status} == 503 } @r), 12,
	    '... and each of twelve at once');
	is(json_value($c->post([ $w->result(
	    $w->worker(1), 'nosuch') ])->{body})
	    ->{errors}[0], 'nosuch: unknown task',
	    '... what needs no writing is answered');
	is_unavailable($c->get('/health'), '... health says so, too');
	is($w->ledger_state, $before, '... and nothing has changed in it');
	$end->();
	is($c->post([ $result ])->{body}, $CREDITED,
	    'when that is over the same result is credited');
	is(json_value($c->post([ $result ])->{body})->{errors}[0],
	    "$result->{taskId}: already recorded", '... once');
	like($c->get(poll_path($newcomer->()->{address}))->{body}, qr/polled/,
	    '... and polls are given tasks');
	ok($w->is_running && $w->pid == $pid, '... by the same process');
	my $said = substr($w->log_text, $log);
	is(scalar(() = $said =~ /answering 503/g), 1,
	    '... whose log tells the trouble once');
	is(scalar(() = $said =~ /works again/g), 1, '... and its end');
}

# ---- Faults of the file system ----

{
	my $w = setup(3, 30);

	trouble($w, $_->[0], sub { $w->fault($_->[1]) }, sub { $w->fault })
	    for ([ 'disk full', 'ENOSPC write ftruncate' ],
	    [ 'read-only file system', 'EROFS write ftruncate' ],
	    [ 'input/output error', 'EIO write' ]);

	# Reads: pages that it holds in memory may still be answered from.
	my $c = $w->fcgi;
	$w->sql('PRAGMA wal_checkpoint(TRUNCATE)');
	$w->fault('EIO read');
	$w->sql("UPDATE account SET balance_micros = balance_micros; " .
	    "UPDATE task SET state = state");
	my $r = $c->get('/health');
	is_unavailable($r, 'while it can\'t read its ledger, health is 503');
	is_unavailable($c->get(poll_path($w->worker(1)->{address})),
	    '... a poll, too');
	is_unavailable($c->post([ due($w) ]),
	    '... and a result');
	$w->fault;
	is($c->get('/health')->{status}, 200, 'and then it is well again');
	is($c->post([ due($w) ])->{body},
	    $CREDITED, '... and credits');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after faults of the file system');
}

# ---- A fault at the first, second, third ... call ----

{
	my $w = setup(14, 36);
	my $one = $w->worker(1);
	my $at = now_ms() - 50000;
	my (%sent, %accepted, $refused, %other);

	for my $error ('ENOSPC', 'EIO') {
		for my $n (map { 2 * $_ } 0 .. 14) {
			my @ms = map { $at++ } 1 .. 8;
			my %body = map { $_ => json_text([
			    due($w, timestamp => $_) ]) } @ms;
			$w->fault("$error write\n$at $n\n");
			my @r = $w->post_at_once('fcgi', @body{@ms});
			$w->fault;
			for my $i (0 .. $#ms) {
				$sent{$ms[$i]} = $body{$ms[$i]};
				my $r = $r[$i];
				if ($r->{status} == 503) {
					$refused++;
				} elsif ($r->{body} eq $CREDITED) {
					$accepted{$ms[$i]} = 1;
				} else {
					$other{$r->{body}}++;
				}
			}
		}
	}
	ok($refused, 'requests were refused while a later call failed');
	cmp_ok(scalar keys %accepted, '>', 0, 'others were credited before');
	is_deeply(\%other, {}, 'and nothing else was answered');
	my %found = map { ($_->{timestamp_ms} => 1) }
	    $w->sql('SELECT timestamp_ms FROM result');
	is_deeply([ sort keys %found ], [ sort keys %accepted ],
	    'in the ledger is exactly what was accepted');
	is($w->balance($one), 100 * keys %accepted, 'and so is the balance');
	my $c = $w->fcgi;
	my %again;
	for my $ms (keys %sent) {
		my $r = json_value($c->post($sent{$ms})->{body});
		$again{$r->{accepted} == !$accepted{$ms} ? 'right' :
		    json_text($r)}++;
	}
	is_deeply(\%again, { right => scalar keys %sent },
	    'sent again, what was refused is credited, and nothing else');
	is($w->balance($one), 100 * keys %sent, 'each result once');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after faults at every call');
}

# ---- Somebody else's lock ----

# A second process that holds the write lock: (what begins, what ends it).
sub locker {
	my ($w) = @_;
	my ($out, $in, $pid);

	return (sub {
		$pid = open2($out, $in, find_program('sqlite3'), '-batch',
		    '-cmd', '.timeout 60000', $w->ledger_path);
		print $in "BEGIN IMMEDIATE;\n.print locked\n";
		$in->flush;
		my $line = <$out>;
		die 'no lock' if $line !~ /locked/;
	}, sub {
		print $in "ROLLBACK;\n.quit\n";
		close $in;
		waitpid($pid, 0);
	});
}

{
	my $w = setup(1, 20);

	trouble($w, 'locked by somebody else for longer than the timeout',
	    locker($w));
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after a lock');
}

{
	my $w = setup(1, 1, busy_timeout_ms => 60000);
	my ($begin, $end) = locker($w);
	my $c = $w->fcgi;

	$begin->();
	$c->send_bytes(WorknetTest::Fcgi::request_bytes('POST',
	    '/v1/worker/results', body => json_text([ due($w) ])));
	is($w->fcgi->get('/nosuch')->{status}, 404,
	    'while a result waits for a lock, others are answered');
	is($w->fcgi->get(poll_path($w->worker(1)->{address}, '%00'))
	    ->{status}, 400, 'and so is what needs no writing');
	is($w->balance($w->worker(1)), 0, 'nothing is credited yet');
	$end->();
	is($c->answer->{body}, $CREDITED, 'a lock that ends within the ' .
	    'timeout is only waited for');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
}

# ---- A real full disk ----

SKIP: {
	skip('only root can mount a tmpfs', 1) if $> != 0;
	skip('no mount namespace of its own', 1) if !$ENV{WN_UNSHARED};
	skip('a tmpfs can\'t be mounted here', 1)
	    if !WorknetTest->new->mount_tmpfs('1m');
	my $w = setup(3, 30, tmpfs => '1m');
	my $fill = $w->dir('data/fill');
	trouble($w, 'a real full disk', sub {
		open(my $f, '>', $fill) or die $!;
		# To the last byte.
		for my $size (4096, 1) {
			1 while syswrite($f, 'x' x $size);
		}
	}, sub { unlink $fill });

	# Full of the ledger itself.
	my $c = $w->fcgi;
	my ($n, $full) = (0, 0);
	my $result;
	while ($n < 60 && !$full) {
		$result = due($w, error => 'e' x 1000);
		$n++;
		my $r = $c->post([ $result ]);
		$full = $r->{status} == 503;
	}
	ok($full, "after $n results it has filled its disk itself");
	my ($status) = run_command(find_program('mount'), '-o',
	    'remount,size=16m', $w->dir('data'));
	is($status, 0, 'the disk grows');
	is($c->post([ $result ])->{body}, $CREDITED,
	    'and the result that was refused is credited');
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after a full disk');
}

# ---- A ledger that has lost what slots are numbered by ----

{
	my $w = WorknetTest->new->init;
	my $poll = poll_path($w->worker(1)->{address});

	$w->task_add('due');
	$w->start;
	my $c = $w->fcgi;
	$w->sql('CREATE TABLE kept AS SELECT * FROM slot_counter; ' .
	    'DELETE FROM slot_counter;');
	is_unavailable($c->get($poll), 'without the count of slots none is given');
	$w->sql('INSERT INTO slot_counter SELECT * FROM kept; ' .
	    'DROP TABLE kept;');
	is(scalar(@{ json_value($c->get($poll)->{body}) }), 1,
	    '... and with it one is');
	is($w->stop, 0, 'it stops');
	$w->audit_ok('after the count of slots was gone');
}

# ---- A ledger that may not be written at all ----

# As after a careless restore. Such a one is refused at once: SQLite would
# only read it for as long as it is open, whatever becomes of its mode.
SKIP: {
	skip('the build directory is root\'s alone', 5)
	    if $> == 0 && !everybody_may_enter_build();
	my $w = WorknetTest->new->init;
	my @command = (build_path('worknet-fcgi'), '-t', '-c', $w->conf_path);
	my $user = { uid => $> == 0 ? 65534 : undef };

	chmod(0755, $w->dir);
	chmod(0777, $w->dir('data'));
	chmod(0444, $w->ledger_path);
	my ($status, $out, $err) = run_command($user, @command);
	is($status, 7, 'a ledger that its user may only read is refused');
	like($err, qr/ledger\.db is read-only for this user/,
	    'and the message says so');
	chmod(0666, $w->ledger_path);
	($status) = run_command($user, @command);
	is($status, 0, 'one that it may write is fine');
	unlink map { $w->ledger_path . $_ } '-wal', '-shm';
	chmod(0555, $w->dir('data'));
	($status, $out, $err) = run_command($user, @command);
	is($status, 7, 'one in a directory that it may not write is refused');
	like($err, qr/ledger\.db/, 'and the message names it');
	chmod(0755, $w->dir('data'));
}

done_testing();
