#!/usr/bin/perl
# Strangers beside honest workers, through the real nginx, from addresses of
# their own: what the schedule gives whom. t/tools/simulate_strangers has the
# same attacks at length.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(need_program source_path wait_for slurp spurt child_start
    child_end json_value http_raw);
use WorknetTest::Crowd;
use WorknetTest::Viem qw(viem_is_here viem_command);

need_program('sqlite3', 'nginx', 'ip', 'unshare');
WorknetTest::Crowd::alone();

my $seed = $ENV{WN_SEED} // 12;
diag("WN_SEED=$seed");
srand($seed);

# An hour begins then. Time is what a test makes of it.
my $T0 = 1699999200000;
my $HOUR = 3600000;
my $TASKS = 6;
my $HONEST = 10;
my $NETWORK_SLOTS = 100;

sub network {
	my (%admission) = @_;
	my $w = WorknetTest->new(conf => { admission => {
	    standing_results => 10, standing_hours => 2, %admission } });

	$w->fault_prepare;
	$w->clock_set($T0 + 600000);
	$w->init;
	$w->task_add("task_$_", interval => '1s', cooldown => '0s')
	    for 1 .. $TASKS;
	return $w->start;
}

# One with a task an hour, and nginx in front of it.
sub hourly {
	my $w = network(@_);

	$w->worknet('task', 'pause', "task_$_") for 1 .. $TASKS;
	$w->task_add('hourly', interval => '1h', cooldown => '0s');
	WorknetTest::Crowd::nginx_start($w);
	return $w;
}

# nginx first: libfcgi waits two seconds for whoever doesn't let go.
sub all_end {
	my ($w) = @_;

	$w->nginx_stop;
	is($w->stop, 0, 'it stops');
	$w->log_ok;
	$w->audit_ok('after all that');
}

my $w = network();
my $crowd = WorknetTest::Crowd->new($w);
my @honest = map { $crowd->member($_, $_ % 5 ? "198.18.$_.1" :
    "2001:db8:$_\::1") } 1 .. $HONEST;
WorknetTest::Crowd::nginx_start($w);

# Lets so many seconds of cycles pass beside what $attack sends in each tick.
# What of them was paid: (to the honest, to others), and how many there were.
sub cycles {
	my ($seconds, $attack) = @_;
	my $begin = $w->time_ms;

	# The last of them may open a second late, and be answered later.
	$crowd->seconds($seconds + 2, $attack);
	$crowd->seconds(1);
	my @paid = $crowd->paid($begin, $begin + 1000 * $seconds);
	return (@paid, $seconds * $TASKS);
}

# Tests that at least that share of the cycles beside an attack is paid to the
# honest.
sub undisturbed {
	my ($name, $share, $seconds, $attack) = @_;
	my ($honest, $others, $all) = cycles($seconds, $attack);

	cmp_ok($honest, '>=', $share * $all,
	    "$name: $honest of $all cycles are paid to the honest");
}

# Moves the clock on, when all that is on its way has arrived.
sub let_pass {
	my ($ms) = @_;
	my @members = $crowd->members;

	$crowd->members_only;
	$crowd->seconds(1);
	$crowd->members_only(@members);
	$w->clock_set($w->time_ms + $ms);
}

sub next_hour { let_pass($HOUR - $w->time_ms % $HOUR + 600000) }

# ---- Who comes, from where, in whose name ----

sub of_one_address { return ('203.0.113.1', $crowd->nobody) }
sub of_one_48 { return (sprintf('2001:db8:77:%x::1', $_[0]), $crowd->nobody) }
sub of_50_networks { return ('198.19.' . $_[0] % 50 . '.1', $crowd->nobody) }
sub in_their_names { return ('198.19.102.1', $honest[$_[0] % $HONEST]{worker}) }
sub of_one_crowd {
	my ($n) = @_;

	$n %= 40;
	return ("198.19.101.$n", $w->worker(1000 + $n));
}
sub new_each_time { return ('198.19.100.1', $w->worker(2000 + $_[0])) }

# ---- A young network: nobody has standing ----

my %n;

undisturbed('nobody but new workers', 0.9, 8);
undisturbed('new workers beside one IPv4 address that polls 20 times a ' .
    'second with fresh addresses', 0.9, 5,
    $crowd->strangers(\%n, 2, \&of_one_address));
cmp_ok($n{given}, '>=', 1, "$n{polls} of its polls were given $n{given} slots");
cmp_ok($n{given}, '<=', $NETWORK_SLOTS / 2,
    '... no more than a network without standing may have');
undisturbed('new workers beside fresh addresses of 50 networks', 0.9, 6,
    $crowd->strangers(\%n, 10, \&of_50_networks));
cmp_ok($n{given}, '>=', 100,
    "$n{polls} of their polls were given $n{given} slots");

# ---- Standing ----

is($w->sql_value('SELECT count(*) FROM standing WHERE hours > 1'), 0,
    'within an hour nobody has a standing of two');
next_hour();
undisturbed('in the next hour', 0.9, 20);
is($w->sql_value('SELECT count(*) FROM standing WHERE hours >= 2 ' .
    'AND results >= 10'), $HONEST, 'the honest have it');

# ---- Each attack beside workers of standing ----

undisturbed('one IPv4 address that polls 20 times a second with fresh ' .
    'addresses', 0.9, 5, $crowd->strangers(\%n, 2, \&of_one_address));
cmp_ok($n{given}, '>=', 1, "$n{polls} of its polls were given $n{given} slots");
undisturbed('the same from one /48, a /64 each', 0.9, 6,
    $crowd->strangers(\%n, 2, \&of_one_48, once => 1));
cmp_ok($n{given}, '>=', 1, "$n{polls} of its polls were given $n{given} slots");
undisturbed('fresh addresses of 50 networks', 0.9, 6,
    $crowd->strangers(\%n, 10, \&of_50_networks));
cmp_ok($n{given}, '>=', 50,
    "$n{polls} of their polls were given $n{given} slots");
undisturbed('polls in the names of all of them, 10 a second', 0.9, 10,
    $crowd->strangers(\%n, 1, \&in_their_names));
cmp_ok($n{given}, '>=', 10,
    "$n{polls} of these polls were given $n{given} slots");

for ([ 'forty addresses of one /24 that answer', 4, \&of_one_crowd ],
    [ 'a fresh address for each of 5 polls a second, which answers', 0.5,
    \&new_each_time ]) {
	my ($name, $polls, $who) = @$_;
	my ($honest, $others, $all) = cycles(25,
	    $crowd->strangers(\%n, $polls, $who, answers => 1));

	cmp_ok($honest + $others, '>=', 0.95 * $all,
	    "$name: $honest of $all cycles are paid to the honest");
	cmp_ok($others, '<=', 1.6 * $all / ($HONEST + 1),
	    "... $others to them, a share or so");
}

# ---- Lost answers ----

{
	my ($from, $worker) = ('198.19.200.1', $w->worker(3000));
	my ($first, $again);
	my $held = sub { $w->sql('SELECT slot, task_name FROM assignment a ' .
	    'JOIN worker w ON w.id = a.worker WHERE w.address = ' .
	    "'\L$worker->{address}' ORDER BY slot") };
	wait_for(sub {
		$crowd->tick($crowd->poll($from, $worker->{address},
		    sub { $first = shift }));
		return @$first;
	}, 'a poll to be given something');
	my @before = $held->();
	$crowd->members_only;
	$crowd->ask($crowd->poll($from, $worker->{address},
	    sub { $again = shift }));
	is_deeply($again, $first, 'who polls again is given the same');
	is_deeply([ $held->() ], \@before, '... the same slots');
	$crowd->members_only(@honest);
}
$_->{lost} = 0.3 for @honest;
undisturbed('with 30 % of the answers to polls lost', 0.9, 15);
$_->{lost} = 0;

# ---- The silent ----

$crowd->member(3000 + $_, "198.19.21$_.1", silent => 1) for 1 .. 8;
undisturbed('8 silent workers beside them', 0.9, 10);
$crowd->members_only(@honest);
$_->{silent} = 1 for @honest[0, 1];
undisturbed('two of standing that fall silent', 0.75, 12);
let_pass(75000);
undisturbed('when they were silent for longer than they may', 0.9, 12);
delete $_->{silent} for @honest[0, 1];

# ---- What strangers leave behind ----

# Workers that were never paid.
sub strangers_left {
	return $w->sql_value('SELECT count(*) FROM worker WHERE NOT EXISTS ' .
	    '(SELECT 1 FROM transfer WHERE credit = worker.id)');
}

let_pass(1800000);
{
	my $begin = $w->time_ms;
	my $before = strangers_left();
	cmp_ok($before, '>=', 200, "$before strangers left a row");
	# A poll that is given something forgets more than one stranger.
	my $given = sub { return ($crowd->paid($begin, $begin + $HOUR))[0] };
	$crowd->seconds(5) while strangers_left() > 1 && $given->() < $before;
	cmp_ok(strangers_left(), '<=', 1, 'all but one are forgotten while ' .
	    'workers are paid fewer results than there were strangers');
	is($w->sql_value('SELECT count(*) FROM handout h JOIN worker w ' .
	    'ON w.id = h.worker WHERE w.id NOT IN ' .
	    '(SELECT credit FROM transfer)'), 0, '... with what they held');
}

# ---- A worker that isn't ours, beside them ----

SKIP: {
	skip('viem isn\'t installed: npm ci in t/', 4) if !viem_is_here();
	my $js = $w->worker(4000);
	my $url = "http://$WorknetTest::Crowd::SERVER";
	my ($node, @command) = viem_command($w, $js, "$url/api", '--rounds', 0,
	    '--interval', $WorknetTest::Crowd::TICK_MS);
	my $begin;

	$crowd->members_only;
	$w->worknet('task', 'edit', "task_$_", '--url', "$url/", '--expect',
	    404) for 1 .. $TASKS;
	my $pid = child_start('worker.mjs', sub {
		open(STDOUT, '>', $w->dir('js.out')) or die $!;
		$ENV{WN_FAULT_CLOCK} = $w->dir('data/clock');
		exec($node, '--require', source_path('t/tools/clock.cjs'),
		    @command) or die $!;
	});
	my $one = $crowd->strangers({}, 2, \&of_one_address);
	my $names = $crowd->strangers({}, 0.2, sub {
	    return ('198.19.102.1', $js) });
	my $polls = sub { () = slurp($w->dir('nginx/access.log')) =~
	    /^\Q$WorknetTest::Crowd::SERVER\E .*tasks\?/mg };
	my $owed = sub { $w->sql_value('SELECT count(*) FROM assignment a ' .
	    'JOIN worker w ON w.id = a.worker LEFT JOIN result r ' .
	    "ON r.slot = a.slot WHERE w.address = lower('$js') " .
	    'AND r.slot IS NULL') };
	# Time goes on as it polls and answers, however slow it is.
	for my $tick (1 .. 80) {
		$crowd->tick($one->(), $names->());
		my $before = $polls->();
		wait_for(sub { $polls->() > $before && !$owed->() },
		    'the JavaScript worker to poll, and to answer');
		$begin = $w->time_ms if $tick == 10;
	}
	my $end = $w->time_ms;
	is(child_end($pid, 'TERM'), 0, 'the JavaScript worker ends');
	my $said = json_value(slurp($w->dir('js.out')));
	is_deeply([ @$said{qw(errors failures)} ], [ [], [] ],
	    '... which was refused nothing');
	is($said->{accepted}, $said->{tasks}, "... and was paid all " .
	    "$said->{tasks} checks that it was given");
	my ($paid, $others) = $crowd->paid($begin, $end - 2000, $js);
	my $all = $TASKS * ($end - 2000 - $begin) / 1000;
	# It is new, as they are: of two networks it has half, and some of what
	# the other one leaves. How much that is hangs on who polls first in a
	# tick, and so on the machine.
	cmp_ok($paid, '>=', 0.5 * $all, "... $paid of $all cycles, and $others " .
	    "were paid to others");
	$crowd->members_only(@honest);
}

is_deeply($crowd->{odd}, [], 'nobody was told anything else');
all_end($w);

# ---- nginx's limits: an IPv6 client is a /64, of a /48 ----

# The statuses of n requests that are sent at once.
sub flood {
	my ($from, $n) = @_;
	my $s = WorknetTest::Crowd::connection($from);

	syswrite($s, "GET /api/health HTTP/1.1\r\nHost: test\r\n\r\n" x
	    ($n - 1) . http_raw('GET', '/api/health'));
	local $/;
	return <$s> =~ m{^HTTP/1\.1 (\d+)}mg;
}

$w->start;
WorknetTest::Crowd::nginx_start($w);
for ([ '2001:db8:1:1::', '2001:db8:1:2::1' ],
    [ '2001:db8::', '2001:db8:0:1::1' ]) {
	my ($prefix, $other) = @$_;
	my %n;
	# Should this machine be so slow that it keeps to the rate, again.
	wait_for(sub {
		flood("${prefix}1:0:1", 100);
		$n{(flood("${prefix}2:0:2", 1))[0]}++;
		return $n{429};
	}, "a limit that ${prefix}1:0:1 and ${prefix}2:0:2 share");
	pass("${prefix}1:0:1 and ${prefix}2:0:2, of one /64, share a limit");
	is((flood($other, 1))[0], 200, "$other, of another one, doesn't");
}
{
	my $n = 0;
	# No /64 of it sends more than one of them may.
	wait_for(sub {
		my $from = sprintf '2001:db8:48:%x::1', ++$n;
		flood($from, 40);
		return (flood($from, 1))[0] == 429;
	}, 'a limit that the /64s of 2001:db8:48::/48 share');
	pass('the /64s of a /48 share a limit, too');
	is((flood('2001:db8:49::1', 1))[0], 200, 'another /48 isn\'t in it');
}
$w->nginx_stop;
is($w->stop, 0, 'it stops');

# ---- Slow headers and bodies ----

{
	WorknetTest::Crowd::nginx_start($w, sub {
		s/(client_header_timeout) 5s;/$1 200ms;/ or die;
		s/(client_body_timeout) 10s;/$1 200ms;/ or die;
	});
	my $post = http_raw('POST', '/api/v1/worker/results', '[]');
	for ([ 'a header', "GET /api/health HTTP/1.1\r\nHost: t" ],
	    [ 'a header, a byte at a time,', "GET /api/health HTTP/1.1\r\nX: ",
	    1 ], [ 'a body', substr($post, 0, -1) ]) {
		my ($what, $bytes, $drip) = @$_;
		my $s = WorknetTest::Crowd::connection('203.0.113.5');
		syswrite($s, $bytes);
		my $end = '';
		wait_for(sub {
			my $ready = '';
			syswrite($s, 'x') if $drip;
			vec($ready, fileno $s, 1) = 1;
			return select($ready, undef, undef, 0) && !sysread($s,
			    $end, 4096, length $end);
		}, 'the end of the connection');
		is($end, '', "$what that doesn't come isn't waited for");
	}
	$w->nginx_stop;
}

# ---- Whom the operator lets in ----

# What a poll is given, or told.
sub polled {
	my ($crowd, $from, $worker) = @_;
	my $got;

	$crowd->ask($crowd->poll($from, $worker->{address},
	    sub { $got = join ' ', map { $_->{id} } @{ $_[0] } }));
	return $got // pop @{ $crowd->{odd} };
}

sub is_refused {
	my ($w, $code, $like, $name, @args) = @_;
	my ($status, $out, $err) = $w->worknet_try('worker', @args);

	is($status, $code, $name);
	like($err, $like, '... which says why');
}

{
	my $w = hourly(mode => 'list');
	my $crowd = WorknetTest::Crowd->new($w);
	my @worker = map { $w->worker($_) } 0 .. 4;
	my $from = '198.18.50.1';
	my $told = '403 {"error":"address not admitted"}';
	my $rows = sub { $w->sql_value('SELECT count(*) FROM worker') };

	is(polled($crowd, $from, $worker[1]), $told,
	    'with mode = list nobody is given anything');
	is($rows->(), 0, '... and leaves anything behind');
	$w->worknet('worker', 'admit', $worker[1]{address});
	is(polled($crowd, $from, $worker[1]), 'hourly',
	    'but whom the operator admits');
	is(polled($crowd, $from, $worker[2]), $told, '... alone');
	$w->worknet('worker', 'expel', $worker[1]{address});
	is(polled($crowd, $from, $worker[1]), $told, 'and then expels');
	is_refused($w, 1, qr/isn't admitted/, 'nobody is expelled twice',
	    'expel', $worker[1]{address});

	my $file = $w->dir('admitted');
	my @lines = ("# who works here \t" . 'x' x 300, '',
	    " $worker[2]{address} # the first", "\t\L$worker[3]{address} , 3\r");
	my $lines = join "\n", @lines;
	for ([ "$worker[4]{address} 2", qr/admitted: line 5: $worker[4]{address} 2: / ],
	    [ "$worker[4]{address},0", qr/line 5: weight: got "0"/ ],
	    [ "$worker[4]{address},1001", qr/line 5: weight/ ],
	    [ "$worker[4]{address},", qr/line 5: weight/ ],
	    [ '0x12', qr/line 5: 0x12: / ],
	    [ "$worker[4]{address}\0", qr/line 5: a NUL byte/ ]) {
		my ($bad, $like) = @$_;
		spurt($file, "$lines\n$bad\n");
		is_refused($w, 1, $like, 'a file with a line "' .
		    ($bad =~ s/\0/\\0/r) . '" is refused', 'admit', '--file',
		    $file);
	}
	is($w->sql_value('SELECT count(*) FROM admission'), 0,
	    '... and nobody in it is admitted');
	is_refused($w, 7, qr/nosuch: No such file/, 'a file that isn\'t there ' .
	    'is refused', 'admit', '--file', 'nosuch');
	is_refused($w, 2, qr/either an ADDRESS/, 'so are a file and an address',
	    'admit', $worker[2]{address}, '--file', $file);
	is_refused($w, 2, qr/either an ADDRESS/, '... and a file and a weight',
	    'admit', '--weight', 2, '--file', $file);
	is_refused($w, 2, qr/weight/, 'and a weight of 0', 'admit',
	    $worker[2]{address}, '--weight', 0);

	spurt($file, $lines);
	like($w->worknet('worker', 'admit', '--file', $file), qr/^admitted:\s+2$/,
	    'a good one is admitted');
	is(join(' ', map { "$_->{address},$_->{weight}" }
	    $w->sql('SELECT address, weight FROM admission ORDER BY weight')),
	    lc "$worker[2]{address},1 $worker[3]{address},3",
	    '... with their weights');
	is(polled($crowd, $from, $worker[$_]), 'hourly', "... worker $_ is let in")
	    for 2, 3;
	all_end($w);
}

# ---- A restart forgets nothing ----

{
	my $w = hourly(standing_results => 1, standing_hours => 1);
	my $crowd = WorknetTest::Crowd->new($w);
	my ($one, $two, $three) = map { $w->worker($_) } 1 .. 3;
	my %n;

	is(polled($crowd, '198.18.1.1', $one), 'hourly', 'who is new is given it');
	is(polled($crowd, '198.18.2.1', $two), 'hourly',
	    '... and so is the next one');
	$crowd->answer_later(1, '198.18.1.1', \%n, $one, [ { id => 'hourly' } ]);
	$crowd->tick;
	is($n{paid}, 1, '... until one is paid');
	$w->nginx_stop;
	is($w->stop, 0, 'the coordinator stops');
	$w->{conf}{admission}{mode} = 'standing';
	$w->conf_write;
	$w->start;
	WorknetTest::Crowd::nginx_start($w);
	$w->clock_set($w->{clock} + $HOUR);
	is(polled($crowd, '198.18.2.1', $two),
	    '403 {"error":"address not admitted"}',
	    'after a restart with mode = standing who is new isn\'t let in');
	$w->worknet('worker', 'admit', $_->{address}) for $two, $three;
	is(polled($crowd, '198.18.2.1', $two), 'hourly',
	    'whom the operator admits is let in');
	is(polled($crowd, '198.18.3.1', $three), 'hourly',
	    '... but holds nothing');
	is(polled($crowd, '198.18.1.1', $one), 'hourly',
	    'who had standing before the restart has it');
	$w->worknet('worker', 'admit', $w->worker(4)->{address});
	is(polled($crowd, '198.18.4.1', $w->worker(4)), '',
	    '... and holds the slot');
	all_end($w);
}

# ---- What strangers leave behind in a long cycle ----

{
	my $w = hourly();
	my $crowd = WorknetTest::Crowd->new($w);
	my $networks = sub { $w->sql_value('SELECT count(DISTINCT network) ' .
	    'FROM network_slot') };

	$w->worknet('task', 'pause', 'hourly');
	$w->task_add('monthly', interval => '31d', copies => 2);
	polled($crowd, "198.18.$_.1", $w->worker(100 + $_)) for 1 .. 20;
	is($networks->(), 20, 'of 20 networks it is known which copy they have');
	$w->clock_set($w->{clock} + 1200000);
	polled($crowd, '198.18.50.1', $w->worker(200 + $_)) for 1 .. 6;
	is($networks->(), 1, '... until they are forgotten');
	all_end($w);
}

# ---- Who comes back, in a cycle that is longer than an answer can take ----

{
	my $w = hourly();
	my $crowd = WorknetTest::Crowd->new($w);
	my $one = $w->worker(1);
	my %n;

	is(polled($crowd, '198.18.1.1', $one), 'hourly',
	    'who is given something');
	$w->clock_set($w->{clock} + 360000);
	is(polled($crowd, '198.18.1.1', $one), 'hourly',
	    '... and comes back when it can\'t be paid any more has it again');
	$crowd->answer_later(1, '198.18.1.1', \%n, $one, [ { id => 'hourly' } ]);
	$crowd->tick;
	is($n{paid}, 1, '... and is paid');
	all_end($w);
}

done_testing();
