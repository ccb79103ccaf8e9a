#!/usr/bin/perl
# Slots whose holder's answer was refused, from the coordinator to whoever
# verifies: the log says why, for each reason; and of nothing that somebody
# without the holder's key sends, or the holder of slots that it doesn't hold.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path find_program need_program json_value now_ms
    poll_path run_command slurp spurt);
use WorknetTest::Rounds qw(round_result round_body);

my $node = $ENV{NODE} || 'node';
need_program('sqlite3');
plan skip_all => 'no node' if system("$node --version >/dev/null 2>&1");
plan skip_all => 'no viem' unless -d "$FindBin::Bin/../node_modules/viem";

my $HOUR = 3600000;
my $now = now_ms() - 40 * 24 * $HOUR;
# From an hour's beginning on, far from a day's end.
$now += 12 * $HOUR - $now % (24 * $HOUR);
my $begin = $now;

my $w = WorknetTest->new->fault_prepare;
my ($one, $two, $stranger) = map { $w->worker($_) } 1 .. 3;
my $log = $w->dir('log');
mkdir $_ or die $! for $log, "$log/site", "$log/state";
$w->{conf}{coordinator}{max_tasks_per_poll} = 50;
$w->{conf}{log} = { origin => 'worknet.example/log', directory => "$log/site",
    state_directory => "$log/state", key_file => "$log/key" };
$w->{conf}{worker}{record_file} = $w->dir('record');
$w->conf_write;
$w->clock_set($now);
$w->init;

# ---- What is sent of each slot, and what its line says ----

sub alone {
	my ($task, %fields) = @_;

	return $w->result($one, $task->{id}, timestamp => $w->fresh_ms, %fields);
}
sub later { $w->clock_set($now += $_[0]) }
my ($c, $ledger);
# What a poll gives; of who is suspended nothing.
sub given {
	my ($worker) = @_;
	my $all = json_value($c->get(poll_path($worker->{address}))->{body});

	die "a poll is told $all->{error}" if ref $all ne 'ARRAY';
	return @$all;
}
sub post { return json_value($c->post($_[0])->{body})->{accepted} }
sub in_round {
	my ($tasks, %fields) = @_;

	return round_body($w, $one, $ledger, [ map {
		round_result($w, $one, $_, %fields) } @$tasks ]);
}
sub rows { return $w->sql_value('SELECT count(*) FROM refused_slot') }

my %wrong = (
	contradiction => { statusCode => 500 },
	'no-outcome' => { statusCode => undef, responseTimeMs => undef },
	'before-assignment' => { back => 120000 },
	'from-future' => { back => -120000 },
	'over-timeout' => { responseTimeMs => 75000 },
	'over-wait' => { responseTimeMs => 9000 },
);
sub is_wrong {
	my ($task, $why, $rounds) = @_;
	my %fields = %{ $wrong{$why} };
	my $back = delete $fields{back};
	$fields{timestamp} = $w->fresh_ms - $back if defined $back;

	# A round says how long it took.
	delete $fields{responseTimeMs} if $rounds && $why eq 'no-outcome';
	is(post($rounds ? in_round([ $task ], %fields) :
	    [ alone($task, %fields) ]), 0, "$why is refused");
}
my (%done, %due, %slot);
my %case = map { my $why = $_; (
	"alone_$why" => [ "refused:$why", sub { is_wrong($_[0], $why) } ],
	"round_$why" => [ "refused:$why", sub { is_wrong($_[0], $why, 1) } ],
) } keys %wrong;
%case = (%case,
	silent => [ 'missed', sub { } ],
	# The first of several stays, in memory and in the ledger.
	first => [ 'refused:contradiction', sub {
		is_wrong($_[0], $_) for qw(contradiction from-future over-wait);
		$due{"$now first"} = sub { is_wrong($_[0], 'from-future') };
	} ],
	right => [ 'result', sub {
		is_wrong($_[0], $_) for qw(contradiction from-future);
		is(post([ alone($_[0]) ]), 1, 'a right one is paid after all');
	} ],
	expired => [ 'refused:expired', sub {
		$due{($now + 301000) . ' expired'} = sub {
			is(post([ alone($_[0], timestamp => $now - 9000) ]), 0,
			    'what comes late is refused') };
	} ],
	old => [ 'refused:too-old', sub {
		my $r = alone($_[0]);
		$due{($now + 301000) . ' old'} = sub {
			is(post([ $r ]), 0, 'what was sent late is refused') };
	} ],
	suspended => [ 'refused:suspended', sub {
		$w->worknet('worker', 'suspend', $one->{address});
		is(post([ alone($_[0]) ]), 0, 'who is suspended is refused');
		$w->worknet('worker', 'resume', $one->{address});
	} ],
	# Nothing that its worker signed is of that slot.
	hash => [ 'missed', sub {
		my $b = in_round([ $_[0] ]);
		$b->{results}[0]{responseTimeMs}++;
		is(post($b), 0, 'a hash of something else is refused');
	} ],
	# Behind a hash that is right another one names a slot that isn't its own.
	beside => [ 'refused:from-future', sub {
		$due{"$now beside"} = sub {
			my $b = in_round([ $_[0], $_[0] ], timestamp => $now + 120000);
			$b->{results}[1]{taskId} = 'silent';
			$b->{results}[1]{slot} = $slot{silent};
			is(post($b), 0, 'a hash in the name of another slot is refused');
		};
	} ],
	crowd => [ 'missed', sub {
		my ($t) = @_;
		my @own = map { alone($t, %{ $wrong{$_} }) } qw(contradiction over-wait);
		post([ { %{ $own[$_ % 2] }, signature => '0x' . '11' x 64 . '1b' },
		    $w->result($stranger, $t->{id}, timestamp => $w->fresh_ms,
			statusCode => 500),
		    { %{ $w->result($stranger, $t->{id}, timestamp => $w->fresh_ms,
			statusCode => 500) }, workerAddress => $one->{address} } ])
		    for 1 .. 20;
		# A liar, who signs for a slot that another one holds.
		post(round_body($w, $two, $ledger, [ round_result($w, $two, $t,
		    statusCode => 500) ])) for 1 .. 20;
		post([ $w->result($two, $t->{id}, timestamp => $w->fresh_ms,
		    statusCode => 500) ]) for 1 .. 20;
	} ],
	# Somebody else is given it then.
	again => [ 'result', sub { is_wrong($_[0], 'contradiction') } ],
	lost => [ 'refused:contradiction', sub { is_wrong($_[0], 'contradiction') } ],
);
$w->task_add($_, interval => '10m', cooldown => '0s') for sort keys %case;
$w->start;
$c = $w->fcgi;
$ledger = $w->sql_value('SELECT ledger_id FROM ledger');

sub log_run {
	my ($code, $out, $err) = run_command({ env => { $w->fault_env } },
	    build_path('worknet-log'), '-c', $w->conf_path, @_);

	is("$code $err", '0 ', "worknet-log @_");
}
log_run('--key', 'new');

# Each task is given some time in ten minutes. What waits is written with what
# is paid to the second one, who is given what the first one lost, and answers
# for one task alone.
my %task;
for my $step (1 .. 40) {
	later(30000);
	for my $at (grep { (split / /)[0] <= $now } sort keys %due) {
		my $id = (split / /, $at)[1];
		(delete $due{$at})->($task{$id}) if $slot{silent};
	}
	for my $t (given($one)) {
		next if $task{$t->{id}};
		$task{$t->{id}} = $t;
		$slot{$t->{id}} = $t->{round}{slot};
		$case{$t->{id}}[1]->($t);
	}
	last if keys %task == keys %case && !%due;
	my @given = map { $_->{id} } given($two);
	for my $id (grep { $_ eq 'again' && $task{again} && !$done{again} }
	    @given) {
		$done{again} = post([ $w->result($two, $id,
		    timestamp => $w->fresh_ms) ]);
	}
	log_run() if $step % 10 == 0;
}
is(join(' ', sort keys %task), join(' ', sort keys %case),
    'each task was given');
is($done{again}, 1, 'a slot whose answer was refused is another one\'s to answer');
my $refused = grep { $case{$_}[0] =~ /^refused/ } keys %case;
# The second one is the last that is given what wasn't paid.
later(80000);
ok(scalar(grep { $_->{id} eq 'lost' } given($two)), 'one is given once more');
is($w->stop, 0, 'the coordinator stops');
is(rows(), $refused + 2,
    'each slot whose answer was refused has a row, and no other one');
log_run();

# ---- The log ----

later(3 * $HOUR);
log_run('--idle');
my %line;
for my $file (glob "$log/site/segment/*/*/*/*/*.ndjson") {
	for (map { json_value($_) } split /\n/, slurp($file)) {
		$line{$_->{slot}} = $_ if defined $_->{slot};
	}
}
for my $id (sort keys %case) {
	my $l = $line{$slot{$id}};
	is($l->{outcome}, $case{$id}[0], "the log has $id");
	next if $l->{outcome} !~ /^refused/;
	is(join(' ', sort keys %$l),
	    'assigned copy cycle outcome slot version worker',
	    '... and who was given it, no more');
	is($l->{worker}, lc $one->{address}, '... whose answer it was');
}
is(scalar(grep { ($_->{outcome} // '') =~ /^refused/ } values %line), $refused,
    'nothing else is told as refused');
unlike(join('', map { slurp($_) } glob "$log/site/segment/*/*/*/*/*.ndjson"),
    qr/\L$stranger->{address}/, 'of strangers the log has nothing');

# ---- Both verifiers ----

my ($from, $to) = ($begin, $begin + 2 * $HOUR);
for my $id (qw(alone_contradiction round_over-wait right silent lost)) {
	my $dir = $w->dir("export_$id");
	$w->worknet('export', '--task', $id, '--from', $from, '--to', $to, $dir);
	my ($code, $out, $err) = run_command({}, build_path('worknet'), 'verify',
	    '--json', $dir);
	is("$code $err", '0 ', "worknet verify takes $id");
	my $report = json_value($out);
	is($report->{refused}, $case{$id}[0] =~ /^refused/ ? 1 : 0,
	    '... and says how many were refused');
	is($report->{results} + $report->{missed} + $report->{refused} +
	    $report->{unassigned}, $report->{lines}, '... of all lines');
	my ($js, $same, $why) = run_command({}, $node,
	    "$FindBin::Bin/verify.mjs", $dir);
	is("$js $why", '0 ', '... as does the other one');
	is($same, $out, '... byte for byte');
}

# ---- Its worker ----

my ($paid) = grep { $_->{outcome} eq 'result' &&
    $_->{worker} eq lc $one->{address} } values %line;
my $credited = sub {
	my ($l, $id) = @_;

	return qq({"worker":"$one->{address}","said":"credited","result":) .
	    qq({"taskId":"$id","workerAddress":"$one->{address}",) .
	    qq("timestamp":$l->{timestamp},"success":true,) .
	    qq("responseTimeMs":$l->{ms},"statusCode":$l->{status},) .
	    qq("signature":"$l->{signature}"}}\n);
};
spurt($w->dir('record'), $credited->($paid, 'right') .
    $credited->({ %$paid, signature => '0x' . 'ee' x 65 }, 'lost')
	=~ s/credited/unclear/r);
my ($code, $out, $err) = run_command({ env => { $w->fault_env } },
    build_path('worknet-worker'), 'verify', '-c', $w->conf_path,
    "$log/site");
is("$code $err", '0 ', 'worknet-worker verify takes the log');
like($out, qr/^task lost, slot $slot{lost}, given at \w+: your answer was refused, says the log: contradiction$/m,
    '... and tells whose answer was refused, and why');
like($out, qr/^it has 1 answers of this worker as refused$/m, '... how many');

# ---- The audit ----

sub audit {
	my ($code, $out) = $w->worknet_try('audit', '--json', '--log',
	    "$log/site");

	return join '; ', map { $_->{text} } grep { $_->{rule} eq 'log' }
	    @{ json_value($out)->{findings} };
}
sub audit_with {
	my ($sql) = @_;
	my $true = slurp($w->ledger_path);

	$w->sql_text($sql);
	my $text = audit();
	unlink map { $w->ledger_path . $_ } '-wal', '-shm';
	spurt($w->ledger_path, $true);
	return $text;
}
is(audit(), '', 'the log is as the ledger');
like(audit_with('UPDATE refused_slot SET reason = ' .
    "'over-wait' WHERE slot = $slot{lost};"),
    qr/^\S+: the answer of slot $slot{lost} was refused for another reason$/,
    'another reason is found');
like(audit_with("DELETE FROM refused_slot WHERE slot = $slot{lost};"),
    qr/^\S+: slot $slot{lost} has an answer that was refused, and the ledger refused none$/,
    'so is a refusal that never was');
like(audit_with('INSERT INTO refused_slot SELECT 999999, ' .
    "$line{$slot{silent}}{slot}, cycle_ms, '$line{$slot{silent}}{worker}', " .
    "reason, at_ms FROM refused_slot WHERE slot = $slot{lost};"),
    qr/^\S+: the answer of slot $slot{silent} was refused, and the line doesn't say so$/,
    '... and one that the log keeps quiet about');

# ---- How long they are kept ----

$w->start;
$c = $w->fcgi;
later(24 * $HOUR);
my ($any, $other) = given($one);
post([ alone({ id => 'none' }) ]);
is(post([ alone($other) ]), 1, 'with what is paid a refusal is written');
is(rows(), 1, '... and older ones go, but for the last');
post([ alone($any, statusCode => 500) ]);
is($w->stop, 0, 'the coordinator stops');
is($w->sql_value('SELECT count(*) FROM refused_slot WHERE id > ' .
    ($refused + 2)), 1, 'a new one has a number that none had');
is($w->sql_value('SELECT slot FROM refused_slot WHERE at_ms > ' .
    ($now - 3600000)), $any->{round}{slot}, '... and is of its slot');
is(audit(), '', 'of what is gone the audit says nothing');
$w->log_ok;
$w->audit_ok('after refusals');

done_testing;
