#!/usr/bin/perl
# Strangers beside honest workers, through the real nginx, from addresses of
# their own: what the schedule gives whom. t/tools/simulate_strangers has the
# same attacks at length.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path source_path find_program need_program
    need_packages wait_for slurp spurt child_start child_end json_text
    json_value http_raw http_read poll_path now_ms);
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

# Moves the clock on: what is unanswered can't be paid any more.
sub let_pass {
	my ($ms) = @_;

	$w->clock_set($w->time_ms + $ms);
	$crowd->{later} = {};
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

undisturbed('nobody but new workers', 0.95, 8);
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
undisturbed('in the next hour', 0.95, 20);
is($w->sql_value('SELECT count(*) FROM standing WHERE hours >= 2 ' .
    'AND results >= 10'), $HONEST, 'the honest have it');

# ---- Each attack beside workers of standing ----

undisturbed('one IPv4 address that polls 20 times a second with fresh ' .
    'addresses', 0.95, 5, $crowd->strangers(\%n, 2, \&of_one_address));
cmp_ok($n{given}, '>=', 1, "$n{polls} of its polls were given $n{given} slots");
undisturbed('the same from one /48, a /64 each', 0.95, 6,
    $crowd->strangers(\%n, 2, \&of_one_48, once => 1));
cmp_ok($n{given}, '>=', 1, "$n{polls} of its polls were given $n{given} slots");
undisturbed('fresh addresses of 50 networks', 0.95, 6,
    $crowd->strangers(\%n, 10, \&of_50_networks));
cmp_ok($n{given}, '>=', 50,
    "$n{polls} of their polls were given $n{given} slots");
undisturbed('polls in the names of all of them, 10 a second', 0.95, 10,
    $crowd->strangers(\%n, 1, \&in_their_names));
cmp_ok($n{given}, '>=', 10,
    "$n{polls} of these polls were given $n{given} slots");

for ([ 'forty addresses of one /24 that answer', 4, \&of_one_crowd ],
    [ 'a fresh address for each of 5 polls a second, which answers', 0.5,
    \&new_each_time ]) {
	my ($name, $polls, $who) = @$_;
	my ($honest, $others, $all) = cycles(25,
	    $crowd->strangers(\%n, $polls, $who, answers => 1));
	note(json_text(\%n));

	cmp_ok($honest + $others, '>=', 0.95 * $all,
	    "$name: $honest of $all cycles are paid to the honest");
	cmp_ok($others, '<=', 2 * $all / ($HONEST + 1),
	    "... $others to them, no more than two shares");
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
undisturbed('8 silent workers beside them', 0.95, 10);
$crowd->members_only(@honest);
$_->{silent} = 1 for @honest[0, 1];
undisturbed('two of standing that fall silent', 1 - 2 * $TASKS / (12 * $TASKS),
    12);
let_pass(75000);
undisturbed('when they were silent for longer than they may', 0.95, 12);
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
	$crowd->seconds(1) while strangers_left() > 1 && $given->() < $before;
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
	my @command = viem_command($w, $js, "$url/api", '--rounds', 0,
	    '--interval', $WorknetTest::Crowd::TICK_MS);
	my ($ticks, $begin) = (0, 0);

	# Its clock is the real one, which results must fit within a minute.
	$crowd->members_only;
	$w->worknet('task', 'edit', "task_$_", '--url', "$url/", '--expect',
	    404) for 1 .. $TASKS;
	let_pass(now_ms() + 30000 - $w->time_ms);
	my $pid = child_start('worker.mjs', sub {
		open(STDOUT, '>', $w->dir('js.out')) or die $!;
		exec { $command[0] } @command or die $!;
	});
	my $one = $crowd->strangers({}, 2, \&of_one_address);
	my $names = $crowd->strangers({}, 0.2, sub {
	    return ('198.19.102.1', $js) });
	my $polls = sub { () = slurp($w->dir('nginx/access.log')) =~
	    /^\Q$WorknetTest::Crowd::SERVER\E .*tasks\?/mg };
	# Time goes on as it polls.
	while ($ticks < 80) {
		wait_for(sub { $polls->() > $ticks },
		    'the JavaScript worker to poll');
		$crowd->tick($one->(), $names->());
		$ticks++;
		$begin = $w->time_ms if $ticks == 10;
	}
	my $end = $w->time_ms;
	is(child_end($pid, 'TERM'), 0, 'the JavaScript worker ends');
	my $said = json_value(slurp($w->dir('js.out')));
	my ($paid) = $w->sql('SELECT count(*) AS n, sum(v.reward_micros) ' .
	    'AS micros FROM result r JOIN transfer t ON t.id = r.transfer ' .
	    'JOIN worker w ON w.id = t.credit JOIN task_version v ON ' .
	    "v.id = r.version WHERE w.address = '\L$js->{address}'");
	is_deeply([ @$said{qw(errors failures)} ], [ [], [] ],
	    '... which was refused nothing');
	is($said->{accepted}, $said->{tasks}, "... and was paid all " .
	    "$said->{tasks} checks that it was given");
	my ($paid) = $crowd->paid($begin, $end - 2000, $js);
	my $all = $TASKS * ($end - 2000 - $begin) / 1000;
	cmp_ok($paid, '>=', 0.8 * $all, "... $paid of $all cycles");
	$crowd->members_only(@honest);
}

is_deeply($crowd->{odd}, [], 'nobody was told anything else');
is($w->stop, 0, 'it stops');
$w->log_ok;
$w->audit_ok('after all of them');
$w->nginx_stop;

done_testing();
