#!/usr/bin/perl
# What worknet status and worknet worker list show of the network: what was
# given, to whom, what came of it, what it costs, and why cycles are missed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use Test::More;

use WorknetTest qw(build_path need_program run_command json_value spurt);

need_program('sqlite3');

my $dir;

# A ledger, whose commands run some minutes after its last work.
sub ledger {
	my (%opt) = @_;

	$dir = File::Temp::tempdir('worknet-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my @args = map { ("--$_", $opt{$_}) } sort keys %opt;

	run_command(build_path('t/tools/make_ledger'), '--db', "$dir/ledger.db",
	    '--fast', @args);
	spurt("$dir/worknet.conf", "[ledger]\npath = ledger.db\n");
	spurt("$dir/clock", 420000 + sql(
	    'SELECT max(assigned_ms) FROM assignment'));
	return;
}

sub worknet {
	my (@args) = @_;
	my ($status, $out, $err) = run_command({ env => {
	    LD_PRELOAD => build_path('t/tools/fault.so'), ASAN_OPTIONS =>
	    join(':', $ENV{ASAN_OPTIONS} // (), 'verify_asan_link_order=0'),
	    WN_FAULT_CLOCK => "$dir/clock" } }, build_path('worknet'), '-c',
	    "$dir/worknet.conf", @args);

	diag($err) if $err ne '';
	return $out;
}

sub sql {
	my ($sql) = @_;

	return (run_command('sqlite3', "$dir/ledger.db", $sql))[1] =~ s/\n\z//r;
}

# Those who have these assignments have as many others that nobody answered.
sub leave_unanswered {
	my ($which) = @_;

	sql('INSERT INTO assignment SELECT worker, task_name, slot + ' .
	    '1000000, version, reward_micros, cycle_ms, copy, assigned_ms, ' .
	    'region, network, out_of_turn, type, expected_status, timeout_ms, ' .
	    'compared, anchor ' .
	    "FROM assignment WHERE $which");
}

# ---- What was given, and what came of it ----

ledger(workers => 60, results => 4000, tasks => 4, copies => 3,
    'silent-percent' => 20);
my $s = json_value(worknet('status', '--json'));
cmp_ok($s->{slotsGiven}, '>', 20, 'status counts what was given');
is($s->{slotsPaid} + $s->{slotsLate} + $s->{slotsSilent}, $s->{slotsGiven},
    '... which was paid, came late or was never answered');
is($s->{slotsGiven}, sql('SELECT count(*) FROM assignment WHERE ' .
    "assigned_ms >= $s->{countedFromMs} AND assigned_ms < " .
    $s->{countedToMs}), 'from one moment to another');
cmp_ok($s->{slotsGivenNew}, '<=', $s->{slotsGiven}, 'newcomers have a part');
is($s->{dayMicros}, sql('SELECT sum(2880 * copies * reward_micros) ' .
    'FROM task'), 'what a day costs at most is told');
is($s->{copiesOpened}, 3 * $s->{cyclesOpened}, 'copies are counted');
cmp_ok($s->{copiesPaid}, '<', $s->{copiesOpened},
    '... and where some are missing, not all is said to be well');
cmp_ok($s->{copiesPaid}, '>=', $s->{cyclesChecked},
    '... though each cycle was checked');
my ($n) = grep { $_->{network} eq '' } @{ $s->{networks} };
is($n->{given}, $s->{slotsGiven}, 'what each network was given is told');
like(worknet('status'), qr/^slots: +\d+ given in 5 minutes: \d+ paid, \d+ late, \d+ unanswered$/m,
    'people read it in a line');

# ---- Why cycles are missed ----

sub reason {
	my ($name, $pattern) = @_;

	like(worknet('status'), qr/miss cycles: $pattern/,
	    "cycles are missed $name");
}

leave_unanswered("assigned_ms >= $s->{countedFromMs}");
is(json_value(worknet('status', '--json'))->{slotsSilent},
    $s->{slotsSilent} + $s->{slotsGiven}, 'what nobody answers is counted');
reason('because of who is silent',
    qr/\d+ of \d+ slots that were given weren't answered/);
worknet('task', 'edit', 'task_00001', '--cooldown', '1h');
reason('because all are in their cooldown',
    qr/a task's copies and cooldown take 360 workers, \d+ are at work/);
worknet('task', 'edit', 'task_00001', '--cooldown', '5m');
sql('UPDATE schedule SET open_ms = open_ms + 31536000000 WHERE task = 1');
reason('because the clock was wrong',
    qr/1 wait for a time that a wrong clock has left/);

ledger(workers => 60, results => 4000, tasks => 4,
    'silent-percent' => 0);

# ---- Workers in order ----

my $list = sub { @{ json_value(worknet('worker', 'list', '--json',
    @_))->{workers} } };
my ($one, $two) = map { lc $_->{address} } $list->();
sql("UPDATE standing SET network = '203.0.113.0/24' WHERE worker IN " .
    "(SELECT id FROM worker WHERE address IN ('$one', '$two'))");
my @by = map { $_->{network} } $list->('--by', 'network');
is_deeply(\@by, [ sort @by ], 'workers are listed by network');
is(scalar(grep { $_ eq '203.0.113.0/24' } @by), 2, '... that each is paid from');
sql("INSERT INTO drill SELECT r.slot, t.credit, r.assigned_ms, 503, " .
    "'wrong' FROM result r JOIN transfer t ON t.id = r.transfer JOIN worker w " .
    "ON w.id = t.credit WHERE w.address = '$two' ORDER BY r.slot DESC LIMIT 3");
my ($first) = $list->('--by', 'record', '--limit', 1);
is(lc($first->{address}) . " $first->{drillsWrong}", "$two 3",
    '... by record, who failed most drills first');
leave_unanswered("worker = (SELECT id FROM worker WHERE address = '$one')");
my @silent = map { $_->{slotsSilent} } $list->('--by', 'silence');
is_deeply(\@silent, [ sort { $b <=> $a } @silent ],
    '... by silence, who left most unanswered first');
cmp_ok($silent[0], '>', 0, '... of what can\'t be paid any more');
my ($status, undef, $err) = run_command(build_path('worknet'), '-c',
    "$dir/worknet.conf", 'worker', 'list', '--by', 'taste');
is($status, 2, 'by anything else they aren\'t');
like($err, qr/--by taste: say joined, network, record or silence/,
    '... and it says by what');
done_testing();
