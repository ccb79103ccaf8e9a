#!/usr/bin/perl
# Rounds: one signature for all results of a submission. What is paid, what is
# refused and why, and that what is kept proves each result alone.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use Forger qw(forge);
use WorknetTest qw(build_path need_program json_value json_text now_ms
    poll_path run_command spurt wait_for);
use WorknetTest::Odd qw(split_signature join_signature high_s);
use WorknetTest::Rounds qw(round_result round_hash round_body);

need_program('sqlite3');

my $T0 = now_ms() - 3 * 3600000;
my $ROOT_0 = '0xe3b0c44298fc1c149afbf4c8996fb924' .
    '27ae41e4649b934ca495991b7852b855';

my $w = WorknetTest->new->fault_prepare;
my ($one, $two) = map { $w->worker($_) } 1, 2;

$w->{conf}{coordinator}{max_tasks_per_poll} = 50;
$w->{conf}{coordinator}{checkpoint_file} = $w->dir('checkpoint');
$w->{conf}{log}{origin} = 'worknet.example/log';
$w->{conf}{admission} = { standing_results => 0, standing_hours => 0 };
$w->{conf}{honesty} = { maturity_new_ms => 0 };
$w->conf_write;
my $now = $T0;
$w->clock_set($now);
$w->init;
$w->task_add("task_$_", url => "http://127.0.0.1:9/$_", interval => '10s',
    cooldown => '0s', copies => 2) for 1 .. 50;
$w->start;
my $c = $w->fcgi;
my $ledger = $w->sql_value('SELECT ledger_id FROM ledger');

# So many tasks of the next cycle, as a poll brings them.
sub tasks {
	my ($n, $worker) = @_;
	my $all = json_value($c->get(poll_path(($worker // $one)->{address}))
	    ->{body});

	die 'poll: ' . json_text($all) if ref $all ne 'ARRAY' || @$all < $n;
	$w->clock_set($now += 500);
	return @$all[0 .. $n - 1];
}

sub next_cycle { $w->clock_set($now += 21000) }

# What the answer says: how many are paid, and why others aren't.
sub said {
	my ($body) = @_;
	my $r = $c->post($body);
	my $answer = json_value($r->{body});

	return "$r->{status} $answer->{error}" if $r->{status} != 200;
	my %why;
	$why{ s/^[^ ]+: //r }++ for @{ $answer->{errors} // [] };
	return join(', ', "$answer->{accepted} paid",
	    map { "$why{$_} $_" } sort keys %why);
}

sub results {
	my ($worker, @tasks) = @_;

	return map { round_result($w, $worker, $_) } @tasks;
}

# A round of one good result and one with these members, and what is said.
sub beside_good {
	my ($name, $expected, $members, %opt) = @_;
	my ($good, $other) = tasks(2);
	my @r = (round_result($w, $one, $good),
	    round_result($w, $one, $other, %$members));

	is(said(round_body($w, $one, $ledger, \@r, %opt)), $expected, $name);
	next_cycle();
}

# ---- What a poll offers ----

my ($t) = tasks(1);
is($t->{round}{scheme}, 'eip712-round', 'a task offers the scheme');
is($t->{round}{ledger}, $ledger, '... names the ledger');
is("$t->{round}{anchorSize} $t->{round}{anchorRoot}", "0 $ROOT_0",
    '... and without a log an anchor of no entries');
is_deeply((tasks(1))[0], $t, 'what is told again is the same');
my $mine = { timestamp => 1, success => 1, responseTimeMs => 1 };
isnt(round_hash($one, $t, $mine), round_hash($one, $t, $mine,
    anchorSize => 1), 'the anchor is part of what is signed');
next_cycle();

# ---- Rounds of all sizes ----

for my $n (1, 2, 3, 5, 50) {
	my @r = results($one, tasks($n));
	my $body = round_body($w, $one, $ledger, \@r);

	is(said($body), "$n paid", "a round of $n is paid");
	is(said($body), "0 paid, $n already recorded", '... once');
	next_cycle();
}
is($w->sql_value('SELECT count(*) FROM round'), 5, 'each has its signature');
is($w->sql_value('SELECT count(*) FROM result WHERE signature IS NOT NULL'), 0,
    '... and no result one of its own');
$w->audit_ok('after rounds');

my @r = results($one, tasks(50));
is(said(round_body($w, $one, $ledger, [ @r, $r[0] ],
    hashes => [ map { $_->{hash} } @r ])), '400 max 50 results per batch',
    '51 results are too many');
is(said(round_body($w, $one, $ledger, [ @r[0, 1, 0] ])),
    '2 paid, 1 already recorded',
    'a result that is twice in a round is paid once');
is(said({ round => round_body($w, $one, $ledger, [ @r ])->{round},
    results => [] }), '400 results must be non-empty array',
    'a round without results is none');
next_cycle();

# ---- One that is of something else is refused, and the other is paid ----

my $other_hash = '1 paid, 1 hash of other values';
my %altered = (slot => 999999, worker => $two->{address},
    ledger => '0x' . '11' x 32, anchorSize => 7, anchorRoot => '0x' . '22' x 32,
    taskId => 'task_x', url => 'http://127.0.0.1:9/other',
    expectedStatus => 201, timestamp => 5, success => 0, statusCode => 204,
    responseTimeMs => 44, error => 'none', trace => 'cf-ray:1', region => 'EU');
beside_good("$_ that is hashed otherwise", $other_hash,
    { hashed => { $_ => $altered{$_} } }) for sort keys %altered;
beside_good('a hash of nothing', $other_hash, { hash => '0x' . '00' x 32 });
beside_good('another slot is no assignment of it', '1 paid, 1 not assigned',
    { slot => 1 << 40 });
beside_good('without a time that it took', '1 paid, 1 missing responseTimeMs',
    { hash => '0x' . '33' x 32, responseTimeMs => undef });
beside_good('an unknown task', '1 paid, 1 unknown task',
    { taskId => 'nobodys' });
beside_good('an error that is too long', '1 paid, 1 too long: error',
    { error => 'x' x 201, success => 0, statusCode => undef });
beside_good('the longest error', '2 paid', { error => "\x{e9}" x 100,
    success => 0, statusCode => undef });
beside_good('a trace', '2 paid', { trace => 'cf-ray:8f2d1c0e9a7b6c5d-FRA' });
beside_good('a trace that isn\'t text', '1 paid, 1 invalid trace',
    { trace => "a\tb" , hashed => { trace => 'a b' } });
beside_good('a success that contradicts', '1 paid, 1 success contradicts ' .
    'statusCode', { statusCode => 500 });
is($w->sql_value("SELECT count(*) FROM result WHERE trace <> ''"), 1,
    'a trace is kept');
$w->audit_ok('after refusals');

# ---- Rounds whose signature isn't the worker's over them ----

my $invalid = '0 paid, 2 invalid signature';
sub refused {
	my ($name, $make) = @_;
	my @r = results($one, tasks(2));

	is(said($make->(\@r)), $invalid, $name);
	is(said(round_body($w, $one, $ledger, \@r)), '2 paid',
	    '... and the worker\'s own is paid after it');
	next_cycle();
}
my $body = sub { return round_body($w, $one, $ledger, @_) };
refused('another count', sub { $body->($_[0], count => 3) });
refused('another order', sub { $body->([ reverse @{ $_[0] } ],
    hashes => [ map { $_->{hash} } @{ $_[0] } ]) });
refused('another worker\'s signature',
    sub { $body->($_[0], key => $two->{key}) });
refused('another worker named in what is signed',
    sub { $body->($_[0], signed_worker => $two->{address}) });
refused('another ledger',
    sub { round_body($w, $one, '0x' . '11' x 32, $_[0]) });
refused('one result less than was signed', sub {
	my @hashes = map { $_->{hash} } @{ $_[0] };
	$body->($_[0], hashes => [ @hashes, $hashes[0] ]) });
refused('an EIP-191 signature', sub { $body->($_[0], signature =>
    ($w->sign($one->{key}, 'task_1', $now, 1, 'checksum'))[0]) });
refused('the high-s twin', sub {
	my $b = $body->($_[0]);
	my @parts = split_signature($b->{round}{signature});
	@parts[1, 2] = (high_s($parts[1]), 55 - $parts[2]);
	$b->{round}{signature} = join_signature(@parts);
	return $b });
@r = results($one, tasks(2));
is(said(round_body($w, $two, $ledger, \@r)), '0 paid, 2 not assigned',
    'somebody else\'s assignments');
is(said([ map { { %$_, workerAddress => $one->{address},
    signature => round_body($w, $one, $ledger, \@r)->{round}{signature} } }
    @r ]), '0 paid, 2 invalid signature',
    'a round\'s signature isn\'t one of its results alone');

# ---- Bodies that are no round ----

my $good = round_body($w, $one, $ledger, \@r);
my $bad_round = 'round: expected scheme, worker and signature';
sub with_round { return { %$good, round => { %{ $good->{round} }, @_ } } }
is(said(with_round(scheme => 'eip712')), '400 round: unknown scheme',
    'another scheme');
is(said(with_round(worker => '0x1')), '400 round: invalid worker', 'no worker');
is(said(with_round(signature => '0x12')), '400 round: invalid signature',
    'a signature of another length');
is(said({ results => \@r }), '400 results must be non-empty array',
    'no round');
is(said({ round => {}, results => \@r }), "400 $bad_round", 'an empty round');
is(said({ round => [], results => \@r }), '400 round: not an object',
    'a round that is no object');
is(said('{"round":{},' . substr(json_text($good), 1)), '400 duplicate key',
    'two rounds');
is(said({ %$good, results => [ map { my %r = %$_; delete $r{hash}; \%r } @r ] }),
    '400 round: each result needs its hash', 'results without their hashes');
is(said({ %$good, results => [ 'x', @r ] }),
    '400 round: each result needs its hash', 'a result that is none');
is(said('{"results":' . json_text($good->{results}) . ',"more":{"results":[1]},' .
    '"round":' . json_text($good->{round}) . '}'), '2 paid',
    'members in another order, and unknown ones');
next_cycle();

# ---- Half of a round ----

my @all = tasks(50);
my @half = results($one, @all);
$half[$_]{hash} = '0x' . sprintf('%02x', $_) x 32 for grep { $_ % 3 } 0 .. 49;
is(said(round_body($w, $one, $ledger, \@half)),
    '17 paid, 33 hash of other values', 'a third of a round is paid');
is($w->sql_value('SELECT length(others) FROM round ORDER BY transfer DESC ' .
    'LIMIT 1') % 32, 0, '... and what the others\' part needs is kept');
$w->audit_ok('after a part of a round');
next_cycle();

# Two hold the same slots; the first takes them.
my @first = results($one, tasks(3));
is(said(round_body($w, $one, $ledger, \@first)), '3 paid', 'one is paid');
is(said([ map { $w->result($two, $_->{id}) } tasks(2, $two) ]), '2 paid',
    'results that are signed alone are paid beside rounds');
next_cycle();

# ---- Anchors ----

# As worknet-log does: another file takes its place.
sub checkpoint {
	spurt($w->dir('checkpoint.new'), $_[0]);
	rename($w->dir('checkpoint.new'), $w->dir('checkpoint')) or die $!;
}

sub told {
	my ($code, $line, $name) = @_;
	my $before = length $w->log_text;

	$code->();
	wait_for(sub { substr($w->log_text, $before) =~ $line }, $name);
	pass($name);
}

my ($held, @others) = tasks(50);
checkpoint("worknet.example/log\n300\n" .
    "JrMFtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n\nsignatures\n");
wait_for(sub { $w->log_text =~ /assignments name the log's 300 entries/ },
    'the checkpoint to be taken up');
pass('a checkpoint that appears is taken up, by a coordinator that is shut in');
is(json_value($c->get('/api/v1/network')->{body})->{logEntries}, 300,
    '... and told to anybody');
is(said(round_body($w, $one, $ledger, [ results($one, @others) ])), '49 paid',
    'all but one of a poll are answered');
next_cycle();
my $new;
($held) = grep { $_->{id} eq $held->{id} } tasks(2);
is($held->{round}{anchorSize}, 0, 'what is held keeps its anchor');
($new) = grep { $_->{round}{anchorSize} } tasks(2);
is("$new->{round}{anchorSize} $new->{round}{anchorRoot}",
    '300 0x26b305b46613dacc285e225ff024d22625f346cc6d00d21d7ed1331f067a98bc',
    'what is given after a checkpoint names it');
@r = results($one, $held, $new);
is(said(round_body($w, $one, $ledger, \@r)), '2 paid',
    'results of two anchors are of one round');
is($w->sql_value('SELECT count(DISTINCT anchor) FROM result'), 2,
    '... and each keeps its own');
told(sub { checkpoint("worknet.example/log\n300\n" .
    "4iMxtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n") }, qr/it has forked/,
    'another root of the same size is told');
is($w->sql_value('SELECT count(*) FROM anchor'), 2, '... and isn\'t used');
checkpoint("worknet.example/log\n300\n" .
    "JrMFtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n");
$w->stop;
$w->start;
$c = $w->fcgi;
told(sub { checkpoint("worknet.example/log\n0300\nJrM=\n") },
    qr/checkpoint's size isn't a number/, 'what is no checkpoint is told');
checkpoint("worknet.example/log\n300\n" .
    "JrMFtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n");
$w->stop;
$w->start;
$c = $w->fcgi;
told(sub { checkpoint("other.example/log\n301\n" .
    "4iMxtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n") },
    qr/it is of the log other\.example\/log/, 'one of another log is told');
is($w->sql_value('SELECT max(size) FROM anchor'), 300, '... and isn\'t used');
told(sub { checkpoint("worknet.example/log\n301\n" .
    "4iMxtGYT2swoXiJf8CTSJiXzRsxtANIdftEzHwZ6mLw=\n") },
    qr/name the log's 301 entries/, 'and one that is right after it is used');
unlink $w->dir('checkpoint');
is($w->sql_value('SELECT max(size) FROM anchor'), 301,
    'without a checkpoint the newest one stays');
$w->audit_ok('with anchors');

# ---- Regions, and drills' tokens ----

$w->task_add('own', url => 'http://127.0.0.1:9/s?t={token}', region => 'EU',
    interval => '10s', cooldown => '0s');
next_cycle();
my $three = $w->worker(3);
my ($own) = grep { $_->{id} eq 'own' } @{ json_value($c->get(poll_path(
    $three->{address}, 'EU'))->{body}) };
$w->clock_set($now += 500);
if (ok(defined $own, 'a task of the operator\'s own is given')) {
	like($own->{url}, qr/t=[0-9a-f]{48}/, '... with a token');
	is($own->{round}{region}, 'EU', '... and its region');
	is(said(round_body($w, $three, $ledger, [ results($three, $own) ])),
	    '1 paid', '... which are signed with it');
	is($w->sql_value('SELECT length(token) FROM result ' .
	    'WHERE token IS NOT NULL'), 48, '... and kept');
	$w->worknet('region', 'rename', 'EU', 'Europe');
}
$w->audit_ok('with a token, after its region got another name');

# ---- What is altered afterwards is found ----

my $status = json_value($w->worknet('status', '--json'));
is($status->{resultsLastDay} - $status->{roundSignedLastDay}, 2,
    'status tells how many were signed in rounds');
told(sub { $w->clock_set($now += 4 * 3600_000) },
    qr/assignments name a checkpoint of 24\d minutes ago, of 301 entries/,
    'that nothing newer comes from the log for hours is told');
$w->stop;
my $slot = $w->sql_value("SELECT min(slot) FROM result WHERE trace <> ''");
my $transfer = $w->sql_value("SELECT transfer FROM result WHERE slot = $slot");

# What the payer finds of the worker's credit: (exit code, what it says).
sub payer {
	my ($status, undef, $err) = run_command({ stdin =>
	    "reserve $one->{address} 0\n" }, build_path('t/tools/make_payouts'),
	    '--db', $w->ledger_path);

	return ($status, $err);
}

# Somebody who knows how has made the transfers' hashes anew.
sub found {
	my ($name, $change, $undo, $payer) = @_;

	forge($w, $change, rechain => 1, unchecked => 1);
	my (undef, $text) = $w->audit;
	like($text, qr/^signature +\d+ +[1-9]/m, "the audit finds $name")
	    or diag($text);
	my ($status, $says) = payer();
	isnt($status, 0, '... and the payer doesn\'t pay');
	like($says, $payer // qr/slot $slot|transfer $transfer\b/,
	    '... and says for what');
	forge($w, $undo, rechain => 1);
}

my %altered_later = (anchor => '300', timestamp_ms => 'timestamp_ms + 1',
    status => 'NULL', response_ms => 'response_ms + 1', error => "'x'",
    trace => "'cf-ray:8f2d1c0e9a7b6c5d-AMS'", token => "'x'",
    place => 'place + 1');
for my $column (sort keys %altered_later) {
	my ($was) = $w->sql_text("SELECT $column FROM result " .
	    "WHERE slot = $slot") =~ /(.*)/;
	my $set = sub { "UPDATE result SET $column = $_[0] " .
	    "WHERE slot = $slot;" };

	found("another $column", $set->($altered_later{$column}), $set->($was));
}
for my $case ([ 'round', 'root', 'zeroblob(32)' ],
    [ 'round', 'signature', 'zeroblob(65)' ], [ 'round', 'count', 'count + 1' ],
    [ 'round', 'others', "x''" ]) {
	my ($table, $column, $value) = @$case;
	my ($was) = $w->sql_text("SELECT $column FROM $table " .
	    "WHERE transfer = $transfer") =~ /(.*)/;

	$value = 'zeroblob(32)' if $column eq 'others' && $was eq "X''";
	found("another $column of a round", map { "UPDATE $table SET $column " .
	    "= $_ WHERE transfer = $transfer;" } $value, $was);
}
found('another root of an anchor', 'UPDATE anchor SET root = zeroblob(32) ' .
    'WHERE size = 300;', "UPDATE anchor SET root = X'26b305b46613dacc285e225ff0" .
    "24d22625f346cc6d00d21d7ed1331f067a98bc' WHERE size = 300;", qr/transfer \d+/);
my $all_rounds = $w->sql_value("SELECT quote(group_concat(transfer || ',' || " .
    "count || ',' || hex(root) || ',' || hex(signature) || ',' || " .
    "hex(others), ';')) FROM round WHERE transfer = $transfer") =~ s/'//gr;
my (undef, $count, @hex) = split /,/, $all_rounds, -1;
found('a round that is gone', "DELETE FROM round WHERE transfer = $transfer;",
    "INSERT INTO round VALUES ($transfer, $count, " .
    join(', ', map { "X'$_'" } @hex) . ');');
$w->audit_ok('once all is as it was');
($status, my $says) = payer();
is($status, 0, 'then the payer finds all of it backed') or diag($says);
done_testing();
