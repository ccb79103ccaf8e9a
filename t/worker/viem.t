#!/usr/bin/perl
# Two workers that don't know each other, one in JavaScript with viem, one
# worknet-worker, earn through nginx what they count and what they are owed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use POSIX ();
use Test::More;

use Forger qw(forge);
use WorknetTest qw(build_path need_program wait_for now_ms slurp spurt run_command
    child_start child_end exec_logged json_text json_value);
use WorknetTest::Viem qw(viem_is_here viem_command);

my $INTERVAL_MS = 700;

need_program('sqlite3', 'nginx', 'node');
plan(skip_all => 'viem isn\'t installed: npm ci in t/') if !viem_is_here();

# ---- What is checked: a small server of fixed answers ----

my %ANSWERS = (
	'/up' => "200 OK\r\nContent-Length: 2\r\n\r\nup",
	'/none' => "204 No Content\r\n\r\n",
	'/down' => "500 Internal Server Error\r\nContent-Length: 4\r\n\r\ndown",
	'/moved' => "302 Found\r\nLocation: /up\r\nContent-Length: 0\r\n\r\n",
	'/broken' => '200 OK',
);

# Answers one connection after another; /silent never.
sub target_main {
	my ($listener) = @_;
	my @silent;

	while (my $s = $listener->accept) {
		my $text = '';
		while ($text !~ /\r\n\r\n/) {
			sysread($s, $text, 4096, length $text) or last;
		}
		my ($path) = $text =~ m{^GET (\S+) } or next;
		push @silent, $s and next if $path eq '/silent';
		my $answer = $ANSWERS{$path} //
		    "404 Not Found\r\nContent-Length: 0\r\n\r\n";
		$answer =~ s/\r\n/\r\nConnection: close\r\n/;
		syswrite($s, "HTTP/1.1 $answer");
		close $s;
	}
	return 0;
}

my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 64)
    or die "socket: $!";
my $target = 'http://127.0.0.1:' . $listener->sockport;
my $target_pid = child_start('target', sub { target_main($listener) });
close $listener;
# A port that nobody listens on.
my $nobody = 'http://127.0.0.1:' . WorknetTest::free_port();

# ---- The network ----

my $w = WorknetTest->new->init;
my @often = (interval => '1s', copies => 100, cooldown => '0s');
my %expected = (
	up => [ "$target/up", 1, 200, reward => 100 ],
	none => [ "$target/none", 1, 204, expect => 204, reward => 250 ],
	moved => [ "$target/moved", 1, 200, reward => 1 ],
	down => [ "$target/down", 0, 500, reward => 1000 ],
	down_wanted => [ "$target/down", 1, 500, expect => 500 ],
	missing => [ "$target/missing", 0, 404 ],
	silent => [ "$target/silent", 0, undef, 'timeout-ms' => 300,
	    reward => 7 ],
	refused => [ $nobody, 0, undef ],
	broken => [ "$target/broken", 0, undef ],
);
for my $task (sort keys %expected) {
	my ($url, undef, undef, %opt) = @{ $expected{$task} };
	$w->task_add($task, url => $url, @often, %opt);
}
# One of them is private: its worker finds its results by their seals.
my ($private) = sort keys %expected;
forge($w, "UPDATE task SET salt = x'" . '5a' x 32 . "' WHERE name = '$private';",
    unchecked => 1);
$w->task_add('elsewhere', url => "$target/up", @often, region => 'moon');
$w->start;
$w->nginx_start;

# ---- The workers ----

# "0.000300" as 300, without a float.
sub micros {
	my ($whole, $rest) = split /\./, $_[0];

	return $whole * 1000000 + $rest;
}

my %worker = (js => $w->worker(1), c => $w->worker(2));
my @js = viem_command($w, $worker{js}, $w->url('/api'));

spurt($w->dir('worker.key'), "$worker{c}{key}\n");
chmod(0600, $w->dir('worker.key'));
spurt($w->dir('worker.conf'), '[worker]' . "\ncoordinator = " .
    $w->url('/api') . "\nkey_file = worker.key\npoll_interval_ms = " .
    "$INTERVAL_MS\nallow_private = yes\nrecord_file = record\n");
my @c = (build_path('worknet-worker'), '-c', $w->dir('worker.conf'));

my $js_pid = child_start('worker.mjs', sub {
	open(STDOUT, '>', $w->dir('js.out')) or die $!;
	exec { $js[0] } @js, '--rounds', 0, '--interval', $INTERVAL_MS
	    or die $!;
});
# The other one a round at a time: SIGTERM would end a round between a check
# and its result. Until both have reported every target.
my ($c_rounds, $c_micros, $c_log) = (0, 0, '');
wait_for(sub {
	my ($status, $out, $err) = run_command(@c, '--once');
	my ($usdc) = $err =~ /\bearned (\d+\.\d{6}) USDC/;
	die $err if $status != 0;
	$c_micros += micros($usdc) if defined $usdc;
	$c_log .= $err;
	$c_rounds++;
	return $w->sql_value('SELECT count(DISTINCT t.credit || v.task) ' .
	    'FROM result r JOIN transfer t ON t.id = r.transfer ' .
	    'JOIN task_version v ON v.id = r.version') == 2 * keys %expected;
}, 'both workers to have reported every target');
is(child_end($js_pid, 'TERM'), 0, 'the JavaScript worker ends its round');

# ---- What they say, what they have, what they are owed ----

my $js = json_value(slurp($w->dir('js.out')));
is($js->{address}, $worker{js}{address}, 'viem and we derive one address');
cmp_ok($js->{rounds}, '>=', 1, "the JavaScript worker did $js->{rounds} " .
    'rounds');
is_deeply($js->{failures}, [], '... none of which failed');
is_deeply($js->{errors}, [], '... and none of its results was refused');
is($js->{accepted}, $js->{tasks}, "... it was credited all its " .
    "$js->{tasks} checks");
is($w->balance($worker{js}), $js->{earnedMicros}, 'the ledger owes it what ' .
    'it counted itself');
is($w->balance($worker{c}), $c_micros, "worknet-worker did $c_rounds " .
    'rounds, and the ledger owes it what it counted itself');
unlike($c_log, qr/refused|invalid|not assigned/, '... and refused nothing')
    or diag($c_log);

for my $who ('js', 'c') {
	my $address = lc $worker{$who}{address};
	my $name = $who eq 'js' ? 'the JavaScript worker' : 'worknet-worker';
	my ($owed) = $w->sql('SELECT count(*) AS n, sum(v.reward_micros) ' .
	    'AS micros FROM assignment a JOIN task_version v ' .
	    'ON v.id = a.version JOIN worker w ON w.id = a.worker ' .
	    "WHERE w.address = '$address'");
	is($w->balance($worker{$who}), $owed->{micros},
	    "$name earned what the schedule gave it: $owed->{n} checks");
	my %seen;
	for my $row ($w->sql('SELECT k.name, r.success, r.status, r.error, ' .
	    'r.response_ms FROM result r JOIN transfer t ' .
	    'ON t.id = r.transfer JOIN worker w ON w.id = t.credit ' .
	    'JOIN task_version v ON v.id = r.version ' .
	    "JOIN task k ON k.id = v.task WHERE w.address = '$address'")) {
		my (undef, $success, $code) = @{ $expected{$row->{name}} };
		my $right = $row->{success} == $success &&
		    defined $row->{response_ms} &&
		    (defined $code ? $row->{status} // 0 : 'none') eq
		    ($code // 'none') &&
		    (defined $code ? !defined $row->{error} :
		    length $row->{error});
		$seen{$row->{name}} = $right && $seen{$row->{name}} // 1 ?
		    'right' : json_text($row);
	}
	is_deeply(\%seen, { map { $_ => 'right' } keys %expected },
	    "$name reported each target as it is");
}

# ---- The worker as a daemon ----

my $before = $w->balance($worker{c});
my $c_pid = child_start('worknet-worker', sub {
	exec_logged($w->dir('c.log'), @c);
});
wait_for(sub { $w->balance($worker{c}) >= $before + 2000 },
    'worknet-worker to earn');
is(child_end($c_pid, 'TERM'), 0, 'worknet-worker ends cleanly on SIGTERM');
my ($usdc) = slurp($w->dir('c.log')) =~
    /.*\bUSDC, (\d+\.\d{6}) in all/s;
is(micros($usdc // '0.0'), $w->balance($worker{c}) - $before,
    '... and has told all that it earned');

# ---- Without a coordinator ----

$w->stop;
my ($status, $out) = run_command(@js, '--rounds', 2, '--interval', 10);
$js = json_value($out);
is(scalar @{ $js->{failures} }, 2, 'without a coordinator rounds fail');
like($js->{failures}[0], qr/poll: 503 \{"error":/, '... with nginx\'s JSON');
($status) = run_command(@c, '--once');
is($status, 4, '... and worknet-worker --once says so');
$w->start;
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after two kinds of workers');

# ---- What was paid is in the log ----

$w->fault_prepare;
spurt($w->dir('log.conf'), slurp($w->conf_path) . '[log]' . "\norigin = " .
    "worknet.example/log\ndirectory = site\nstate_directory = state\n" .
    "key_file = log.key\n");
mkdir($w->dir($_)) or die $! for qw(site state);
my @log = (build_path('worknet-log'), '-c', $w->dir('log.conf'));
is((run_command(@log, '--key', 'new'))[0], 0, 'the log has a key');
my @verify = (build_path('worknet-worker'), 'verify', '-c',
    $w->dir('worker.conf'), $w->dir('site'));
my $paid = $w->sql_value('SELECT count(*) FROM result r JOIN transfer t ' .
    'ON t.id = r.transfer JOIN worker w ON w.id = t.credit ' .
    'WHERE w.address = ' . "'" . lc($worker{c}{address}) . "'");
is(scalar(() = slurp($w->dir('record')) =~ /^\{"worker":.*"credited"/mg), $paid,
    "worknet-worker has a record of the $paid results that it was paid for");
# Slots are told as long as tasks stand: a hundred copies of each, every second.
$w->worknet('task', 'remove', $_) for sort(keys %expected), 'elsewhere';
my $hour = 3600_000;
my $now = now_ms();
for my $case ([ $now + 60_000, "0 in the log .* $paid to come" ],
    [ $now + 3 * $hour, "$paid in the log as they were sent" ]) {
	$w->clock_set($case->[0]);
	my ($status, undef, $err) = run_command({ env => { $w->fault_env } },
	    @log, '--idle');
	is("$status $err", '0 ', 'it is logged');
	($status, my $told) = run_command({ env => { $w->fault_env } }, @verify);
	like("$status $told", qr/^0 .*$paid results: $case->[1]/s,
	    '... and worknet-worker verify says so');
	next if $case->[1] =~ /to come/;
	my $sealed = () = slurp($w->dir('record')) =~ /"taskId":"$private"/g;
	cmp_ok($sealed, '>', 0, 'some are of a private task');
	like($told, qr/^$sealed of those in the log are of private tasks/m,
	    '... which have their seals in the log');
}
child_end($target_pid, 'KILL');

done_testing();
