#!/usr/bin/perl
# Witnesses, through the coordinator alone: who says up while they see an outage is
# found; nobody honest is, whatever the target, or a witness, does.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use WorknetTest qw(build_path json_value need_program poll_path run_command);
use WorknetTest::Rounds qw(round_result round_body);

need_program('sqlite3');

my $START = 1800057600000;
# Of what targets do here, and of which slots the coordinator has witnesses look.
my $seed = $ENV{WN_SEED} // 7;
diag("WN_SEED=$seed");
srand($seed);
my ($w, $c, @workers, @witnesses, %seen);

# A network of six workers, the last of which always says up, and two witnesses;
# ten tasks of that URL, and shares of witnesses.
sub network {
	my ($url, $spots, $most) = @_;
	$w = WorknetTest->new->fault_prepare(seed => $seed);
	@workers = map { $w->worker($_) } 1 .. 6;
	@witnesses = map { $w->worker($_) } 7, 8;
	$w->{conf}{honesty} = { maturity_new_ms => 0,
	    spot_share_permille => $spots // 500,
	    witness_share_permille => $most // 500 };
	$w->conf_write;
	$w->clock_set($START);
	$w->init;
	$w->task_add("task$_", url => $url // 'http://127.0.0.1:9/', interval => '30s',
	    cooldown => '0s') for 1 .. 10;
	$w->worknet('worker', 'admit', $_->{address}, '--witness')
	    for @witnesses;
	$w->start;
	$c = $w->fcgi;
}

# Polls, and reports of each task what is there.
sub work {
	my ($k, $network, $is_up) = @_;
	my @from = (remote => "203.0.$network.1");
	my $tasks = json_value($c->get(poll_path($k->{address}), @from)->{body});
	my @results = map {
		my $up = $is_up->($_->{id});
		$w->result($k, $_->{id}, timestamp => $w->fresh_ms,
		    statusCode => $up ? 200 : 503, success => $up ? 1 : 0);
	} @$tasks;

	return 0 if !@results;
	return json_value($c->post(\@results, @from)->{body})->{accepted};
}

my $always = sub { 1 };

# So many cycles; what is there, and what witnesses say, if it isn't that.
sub cycles {
	my ($n, $is_up, @say) = @_;

	for (1 .. $n) {
		$w->clock_set($w->{clock} + 30000);
		for my $i (map { ($_ + $w->{clock} / 30000) % 6 } 0 .. 5) {
			work($workers[$i], 10 + $i,
			    $i == 5 ? $always : $is_up);
		}
		for my $i (0, 1) {
			next if !defined($say[$i] // $is_up);
			$seen{$i} += work($witnesses[$i], 20 + $i,
			    ref $say[$i] ? $say[$i] : $is_up)
			    if ($say[$i] // '') ne 'silent';
		}
	}
}

sub held {
	return [ map { $_->{address} } $w->sql('SELECT w.address FROM hold h ' .
	    'JOIN worker w ON w.id = h.worker ORDER BY w.address') ];
}

sub judged {
	return $w->sql_value("SELECT count(*) FROM sighting WHERE outcome IN " .
	    "('right', 'wrong')");
}

sub ends {
	my ($name) = @_;

	is($w->stop, 0, "it stops $name");
	$w->sql_text("UPDATE finding SET closed_ms = 1, closed_by = 'person'");
	$w->log_ok;
	$w->audit_ok("after witnesses $name");
}

# ---- An outage ----

network();
cycles(30, $always);
cmp_ok($seen{0} + $seen{1}, '>', 50, 'witnesses see a share of the slots');
is($w->sql_value('SELECT count(*) FROM assignment a JOIN worker w ON ' .
    'w.id = a.worker JOIN admission m ON m.address = w.address WHERE a.slot ' .
    'NOT IN (SELECT slot FROM witness_slot)'), 0, 'and nothing else');
is($w->sql_value('SELECT count(*) FROM sighting'), 0,
    'while all is well nobody is judged');
for (1 .. 2) {
	cycles(9, sub { 0 });
	cycles(13, $always);
}
cycles(62, $always);
is_deeply(held(), [], 'two outages accuse nobody, however many the tasks');
for (1 .. 2) {
	cycles(9, sub { 0 });
	cycles(13, $always);
}
is_deeply(held(), [ lc $workers[5]{address} ],
    'who said up in each of four is held once they are over, and nobody else');
my $show = json_value($w->worknet('worker', 'show', $workers[5]{address},
    '--json'));
cmp_ok($show->{outagesMissed}, '>=', 3, 'worker show counts what it missed');
is(scalar @{ $show->{sightings} }, $show->{outagesMissed}, '... and lists it');
is(json_value($w->worknet('worker', 'show', $workers[0]{address},
    '--json'))->{outagesMissed}, 0, 'of who is honest it says nothing');
like($w->sql_value("SELECT detail FROM finding WHERE kind = 'failed drills'"),
    qr/; slot \d+: said up, witnesses saw it down/, 'the finding lists each');
my $status = json_value($w->worknet('status', '--json'));
is($status->{witnessSlots}, $w->sql_value('SELECT count(*) FROM witness_slot'),
    'status counts what witnesses were given');
is(sprintf('%.6f', $status->{witnessMicros} / 1e6),
    sprintf('%.6f', ($seen{0} + $seen{1}) / 1e4), '... and what it cost');
ends('and an outage');

# What witnesses were paid for is in the log, beside the schedule, and no vote.
{
	my $log = $w->dir('log');
	mkdir $_ or die $! for $log, "$log/site", "$log/state";
	$w->{conf}{log} = { origin => 'worknet.example/log',
	    directory => "$log/site", state_directory => "$log/state",
	    key_file => "$log/key" };
	$w->conf_write;
	my $run = sub {
		my ($program, @args) = @_;
		my ($code, $out, $err) = run_command({ env =>
		    { $w->fault_env } }, build_path($program), @args);

		is("$code $err", '0 ', "$program @args[0, 1] ...");
		return $out;
	};
	my @conf = ('-c', $w->conf_path);
	my $end = $w->{clock} + 3600_000 - $w->{clock} % 3600_000;
	$w->clock_set($end + 3 * 3600_000);
	$run->('worknet-log', @conf, '--key', 'new');
	$run->('worknet-log', @conf, '--idle');
	$w->audit_ok('held to the log', '--log', "$log/site");
	my $own = $w->sql_value('SELECT count(*) FROM witness_slot w ' .
	    'JOIN result r ON r.slot = w.slot WHERE w.task = 1');
	cmp_ok($own, '>', 5, 'witnesses were paid for a task');
	$run->('worknet', 'export', @conf, '--task', 'task1', '--from', $START,
	    '--to', $end, "$log/export");
	my $is = json_value($run->('worknet', 'verify', '--json',
	    "$log/export"));
	is($is->{extra}, $own, 'each of their results is beside the schedule');
	my $report = json_value($run->('worknet', 'report', @conf, '--json',
	    '--task', 'task1', '--from', $START - $START % 3600_000, '--to',
	    $end));
	is($is->{$_}, $report->{$_}, "it isn't counted: $_")
	    for qw(upMs downMs unconfirmedMs disputedMs availabilityPpm);
	is($is->{incidents}, scalar @{ $report->{incidents} },
	    '... nor makes it an outage more');
}

# ---- When they are asked, and how often ----

network(undef, 0);
cycles(10, $always);
is($w->sql_value('SELECT count(*) FROM witness_slot'), 0,
    'without spots witnesses are asked nothing while all are of one mind');
cycles(15, sub { 0 });
my %downs = map { $_->{task} => $_->{n} } $w->sql('SELECT task, count(*) AS n ' .
    'FROM witness_slot WHERE up = 0 GROUP BY task');
is(scalar(grep { $_ >= 4 } values %downs), 10,
    'who says down has them look, until four reports in a row say so');
cmp_ok(scalar(grep { $_ > 4 } values %downs), '>', 0,
    '... and again where somebody says up');
cycles(5, $always);
is($w->sql_value('SELECT count(DISTINCT task) FROM witness_slot WHERE up = 1'),
    10, '... and when it is over');
ends('that are asked');

network(undef, 500, 30);
cycles(15, $always);
cycles(15, sub { 0 });
my $most = $w->sql_value('SELECT max((SELECT count(*) FROM witness_slot v ' .
    'WHERE v.slot <= w.slot AND v.slot > w.slot - 1000)) FROM witness_slot w');
is($most, 30, 'of 1000 slots in a row they have their share, and no more');
ends('that have a small share');

# ---- Nobody is found where nobody can be ----

network();
cycles(30, $always);
cycles(60, sub { rand() < 0.5 });
cycles(75, $always);
is_deeply(held(), [], "a target that flaps accuses nobody (seed $seed)");
is(judged(), 0, '... and nobody is judged by it');
ends('of what flaps');

network();
cycles(30, $always);
cycles(9, sub { 0 });
for (1 .. 12) {
	cycles(2, $always);
	cycles(2, sub { 0 });
}
cycles(75, $always);
is_deeply([ grep { $_ ne $workers[5]{address} } @{ held() } ], [],
    'nor does one that begins to flap with a long outage, of who is honest');
ends('of what begins to flap');

# Down from the first report on, with a run of ups that is too short for one.
network();
cycles(12, sub { 0 });
cycles(75, $always);
is(judged(), 0, 'nobody is judged by what was never seen up before');
cmp_ok($w->sql_value('SELECT count(*) FROM sighting'), '>', 10,
    '... though there were sightings');
ends('of what was never up');

network();
cycles(30, $always, 'silent', 'silent');
cycles(12, sub { 0 }, 'silent', 'silent');
cycles(75, $always, 'silent', 'silent');
is_deeply(held(), [], 'without a word of a witness nobody is accused');
cmp_ok($w->sql_value("SELECT count(*) FROM result r JOIN task_version v ON " .
    'v.id = r.version WHERE r.copy < v.copies'), '>', 1000,
    '... and the others work on');
ends('that are silent');

network();
cycles(30, $always);
cycles(12, $always, sub { 0 });
cycles(75, $always);
is_deeply(held(), [], 'a witness that lies accuses nobody');
is(judged(), 0, '... since others see it up');
cycles(12, $always, sub { 0 }, sub { 0 });
cycles(75, $always);
is_deeply(held(), [], 'nor do all witnesses, whom no worker confirms');
is(judged(), 0, '... so that nobody is judged by them');
ends('that lie');

# ---- Rounds ----

network('http://127.0.0.1:9/?t={token}');
$w->sql_text('INSERT INTO anchor VALUES (7, zeroblob(32), 1)');
my ($given, $accepted) = (0, 0);
for (1 .. 30) {
	cycles(1, $always, 'silent', 'silent');
	my $one = $witnesses[0];
	my $tasks = json_value($c->get(poll_path($one->{address}))->{body});
	$given += @$tasks or next;
	my @results = map { round_result($w, $one, $_) } @$tasks;
	$accepted += json_value($c->post(round_body($w, $one,
	    $tasks->[0]{round}{ledger}, \@results))->{body})->{accepted};
}
cmp_ok($given, '>', 10, 'a witness signs rounds, too');
is($accepted, $given, '... which are paid, with the tokens of its URLs');
is($w->sql_value('SELECT count(*) FROM result r JOIN witness_slot w ON ' .
    'w.slot = r.slot WHERE r.place IS NOT NULL AND r.anchor = 7 AND ' .
    'length(r.token) = 48'), $given, '... and name the newest checkpoint');
ends('that sign rounds');

# ---- A witness that isn't one ----

# Half an hour of which only the first cycles are worked.
sub half_hour {
	cycles(8, @_);
	$w->clock_set($w->{clock} + 1800000 - 8 * 30000);
}

sub witnesses {
	return [ map { $_->{address} }
	    $w->sql('SELECT address FROM admission WHERE witness = 1') ];
}

network();
cycles(30, $always);
half_hour($always, sub { 0 }) for 1 .. 4;
is(scalar @{ witnesses() }, 2, 'one that says down for two hours is a witness still');
half_hour($always, sub { 0 }) for 1 .. 5;
is_deeply(witnesses(), [ lc $witnesses[1]{address} ],
    'one that always says down, and whom most contradict, is none any longer');
is_deeply(held(), [], '... and nobody else is blamed for it');
is($w->sql_value('SELECT kind FROM finding'), 'witness contradicted',
    '... and a finding says so');
cycles(30, $always, 'silent');
for (1 .. 4) {
	cycles(9, sub { 0 }, 'silent');
	cycles(13, $always, 'silent');
}
cycles(62, $always, 'silent');
is_deeply(held(), [ lc $workers[5]{address} ],
    'then the other one is heard, whatever that one had said');
is_deeply(witnesses(), [ lc $witnesses[1]{address} ],
    '... which no outage makes any less a witness');
ends('of which one lies for long');

# ---- What the audit finds ----

$w->sql_text('DROP TRIGGER witness_slot_only_seen; UPDATE witness_slot ' .
    'SET up = 1 - up WHERE slot = (SELECT min(slot) FROM witness_slot ' .
    'WHERE seen_ms IS NOT NULL);');
like(($w->audit)[1], qr/^witness +slot \d+: what its witness saw isn't what/m,
    'the audit finds a witness\'s word that was changed');
done_testing();
