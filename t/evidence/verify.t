#!/usr/bin/perl
# Exports of the log: two verifiers, worknet verify and one of node and viem,
# take the same ones and say the same of them, and each kind of tampering is
# refused by both, with words of its own.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 sha256 sha256_hex);
use File::Basename 'dirname';
use File::Find 'find';
use JSON::PP ();
use MIME::Base64 'decode_base64';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
my $node = $ENV{NODE} || 'node';

need_log('make_ledger');
plan skip_all => 'no node' if system("$node --version >/dev/null 2>&1");
plan skip_all => 'no viem' unless -d "$here/../node_modules/viem";
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

# What both say of each kind; of some each has its own words.
my %says = (
	'line dropped' => qr/isn't the one that was logged/,
	'line added' => qr/isn't the one that was logged/,
	'line altered' => qr/isn't the one that was logged/,
	'lines reordered' => qr/isn't the one that was logged/,
	'files of two hours swapped' => qr/isn't the one that was logged/,
	'hour left out' => qr/hours are left out/,
	'file left out' => qr/ndjson isn't in the export/,
	'definition left out' => qr/a definition is left out/,
	'proof of another index' => qr/the proof is of leaf \d/,
	'index altered' => qr/doesn't lead from leaf \d+ to the root/,
	'hash of a proof altered' => qr/doesn't lead from leaf \d+ to the root/,
	'entry altered' => qr/doesn't lead from leaf \d+ to the root/,
	'proof too long' => qr/doesn't lead from leaf \d+ to the root/,
	'root of another size' => qr/isn't by its key, or isn't of this text/,
	'size with a leading zero' => qr/without leading zeros/,
	'second empty line' => qr/a checkpoint is three lines/,
	'base64 with junk' => qr/isn't (a name and )?base64/,
	'checkpoint of another origin' => qr/of other\.example\/log, which the policy doesn't have/,
	'another key of the same name' => qr/no signature by the key of/,
	'cosignature with another time' =>
	    qr/signature of witness\.example\/w1 isn't by its key/,
	'witness not in the policy' => qr/isn't its quorum/,
	'one key with two names' => qr/two names, and would count twice/,
	'forked log' => qr/the log is forked/,
	'maintenance left out' => qr/maintenance is left out/,
	'newest definition left out' => qr/a definition is left out/,
	'method left out' => qr/no method was stated before it/,
	'key of a day left out' => qr/the key of day \d+ .* aren't in the export/,
	'promise of a key left out' =>
	    qr/the key of day \d+ .* aren't in the export/,
	'answer to a drill altered' => qr/isn't the one that was logged/,
	'key of a witness took over' => qr/no log's, or another name's/,
	'key for witnesses took over' => qr/no log's, or another name's/,
	'logged: method of another text' => qr/the method's text, with SHA-256/,
	'logged: key of a day shown early' => qr/before the day was over/,
	'logged: URL of a definition of that number' =>
	    qr/signature of the round: got signer/,
	'logged: name that leads out' => qr/a public one a name/,
	'logged: interval without end' => qr/an interval of at most 31 days/,
	'logged: hour without end' => qr/of ten years at most/,
	'logged: network in capitals' => qr/a network is named by 8 hex digits/,
	'logged: worker in capitals' => qr/a worker is 0x and 40 hex digits/,
	'logged: text for a number' => qr/fields in their order/,
	'logged: number below 0' => qr/fields in their order/,
	'logged: missed beside the schedule' => qr/isn't in the task's schedule/,
	'logged: status of another, in 16 bits' => qr/a status of at most 599/,
	'logged: half of a character' => qr/invalid UTF-8|fields in their order/,
	'logged: result of another hour' => qr/isn't within 360000 ms of its/,
	'logged: days between slot and result' => qr/is within 25 hours of its/,
	'key of a stranger took over' => qr/no signature by the key of/,
	'logged: line dropped' => qr/copy \d+ of cycle \d+ has no line/,
	'logged: line at the end dropped' => qr/copy \d+ of cycle \d+ has no line/,
	'logged: lines reordered' => qr/copy \d+ of cycle \d+ has no line/,
	'logged: copy that isn\'t in the schedule' =>
	    qr/copy 9 of cycle \d+ isn't in the task's schedule/,
	'logged: cycle that isn\'t in the schedule' =>
	    qr/isn't in the task's schedule/,
	'logged: result that isn\'t in the schedule' =>
	    qr/isn't in the task's schedule/,
	'logged: success flipped' => qr/signature: got signer/,
	'logged: time changed' => qr/signature: got signer/,
	'logged: another worker' => qr/signature: got signer/,
	'logged: signature of another result' => qr/signature: /,
	'logged: high s' => qr/signature: s is/,
	'logged: EIP-191 passed off as EIP-712' => qr/scheme of the signature is "eip712"/,
	'hour before an anchor that is none' => qr/the entry isn't of an hour/,
	'hour before an anchor of another index' => qr/the proof is of leaf \d/,
	'logged: hour that wasn\'t over yet' => qr/leaf \d+ is backdated/,
	'anchor left out' => qr/anchor\/\d+ isn't in the export/,
	'anchor of another root' => qr/doesn't begin with that of/,
	'anchor of another size' => qr/doesn't begin with that of/,
	'anchor of no number' => qr/without leading zeros/,
	'anchor without its end' => qr/the last line has no end/,
	'logged: round: path too short' => qr/a path of \d hashes isn't that of place/,
	'logged: round: path too long' => qr/a path of \d hashes isn't that of place/,
	'logged: round: path of seven hashes' =>
	    qr/the path isn't of one to 6 hashes/,
	'logged: round: place outside' => qr/a round has 1 to 50 results/,
	'logged: round: of two ledgers' => qr/is of ledger \S+, others are of/,
	'logged: round: anchor newer than the log' => qr/is newer than the line/,
	'logged: round: anchor newer than its line' => qr/is newer than the line/,
	'logged: round: high s' => qr/signature: s is/,
	'logged: round: passed off as alone' =>
	    qr/has a field that only others have/,
	'logged: alone: passed off as a round' =>
	    qr/is of ledger|a result in a round has a ledger/,
	'logged: round: signed without its token' =>
	    qr/a token is where the definition's URL has a place/,
	(map { ("logged: round: $_" => qr/a round has 1 to 50 results/) }
	    'of none', 'of 64', 'of 65', 'huge count'),
	(map { ("logged: round: $_" => qr/signature of the round: got signer/) }
	    'slot', 'status', 'duration', 'success', 'error', 'trace',
	    'URL of the definition', 'path', 'place',
	    'count of another of that path', 'signature of another',
	    'another worker', 'another ledger', 'anchor swapped'),
	# Of what is no signature nobody can be recovered.
	'logged: round: signature changed' => qr/signature/,
	'logged: one result for two slots' => qr/have one and the same result/,
	'logged: slot with two lines' => qr/slot \d+ has two lines/,
	'logged: slot of another cycle' => qr/which isn't in its cycle/,
	'logged: definition that isn\'t there' =>
	    qr/definition 999 isn't among the task's leaves/,
	'logged: refused for no known reason' =>
	    qr/an answer isn't refused for "refused:no-reason"/,
	'logged: refused for nothing' =>
	    qr/an answer isn't refused for "refused:"/,
	(map { ("logged: $_" => qr/has a field that only others have/) }
	    'refused and signed', 'refused and up', 'missed and signed'),
	'logged: refused and nothing else' =>
	    qr/isn't among the task's leaves|a number, a worker and a time/,
	'logged: refused counted as missed' =>
	    qr/the leaf counts \d+ results, \d+ missed, \d+ refused/,
	'logged: outcome nobody knows' => qr/outcome "fine" isn't known/,
	'logged: field nobody knows' => qr/fields in their order/,
	'logged: fields in another order' => qr/fields in their order/,
	'logged: seals of other lines' => qr/isn't of the fields/,
	'logged: scheme nobody knows' =>
	    qr/scheme of the signature is "eip1271"/,
	'logged: result of no success' => qr/says whether it succeeded/,
	'logged: seals in capitals' => qr/isn't of the fields|public one/,
	'logged: commitment in capitals' => qr/fields .*in their order/,
	'logged: counts that aren\'t so' => qr/the leaf counts/,
	'logged: to shortened' => qr/the one before it ended at/,
	'logged: hour left out' => qr/hours are left out/,
	'logged: segment of another task' => qr/is of task task_other/,
	'logged: definition changed' => qr/has no line/,
	'logged: definition of fewer cycles' => qr/isn't in the task's schedule/,
	'logged: definition backdated' => qr/a definition is backdated/,
	'logged: maintenance backdated' => qr/leaf \d+ is backdated/,
	'logged: maintenance made longer' =>
	    qr/isn't announced once, and ended then, if at all/,
	'logged: maintenance announced twice' =>
	    qr/isn't announced once, and ended then, if at all/,
	'logged: method with other parameters' =>
	    qr/with its parameters isn't the worknet-uptime\/1/,
	'logged: method stated afterwards' => qr/no method was stated before it/,
	'logged: result relabelled as a drill' =>
	    qr/slot \d+ (is no drill by the key of its day|has two lines)/,
	'logged: slot that is a drill, too' => qr/slot \d+ has two lines/,
	'logged: drill of the schedule' => qr/isn't an answer to a drill of day/,
	'logged: drill of another day' => qr/isn't an answer to a drill of day/,
	'logged: answer to a drill flipped' => qr/signature: got signer/,
	'logged: answer to a drill of a round flipped' =>
	    qr/signature of the round: got signer/,
	'logged: drill of a round newer than its day' =>
	    qr/is newer than the line/,
	'logged: drill left out of its file' => qr/the leaf counts \d+ lines/,
	'logged: key of a day changed' =>
	    qr/the key of day \d+ isn't the one that was committed to/,
	'logged: definitions out of order' =>
	    qr/a definition begins before the one before it/,

	# Those of forgeries.mjs.
	'logged: vote told in a later hour again' =>
	    qr/isn't of this segment's time/,
	'logged: vote of a cycle between two' =>
	    qr/cycle \d+ isn't one of definition \d+, whose interval is/,
	'logged: maintenance logged at no time' => qr/leaf \d+ is backdated/,
	'logged: maintenance ended twice' =>
	    qr/isn't announced once, and ended then, if at all/,
	'logged: end of maintenance backdated' =>
	    qr/the end of maintenance is backdated/,
	'logged: seen before it was over' =>
	    qr/had been seen already at 1767225600000/,
	'logged: state nobody knows' => qr/is active, paused or removed/,
	'logged: URL that looks like another' => qr/a URL is of ASCII/,
	'logged: first hour that follows itself' =>
	    qr/it follows leaf \d+, which isn't before it/,
	(map { ("logged: $_" => qr/has a field that only others have/) }
	    'unassigned, to somebody', 'missed, with a result',
	    'alone, with a trace'),
	'logged: day without end' => qr/a day is before the year 10000/,
	'logged: year of five digits' => qr/before the year 10000/,
	'logged: label that isn\'t one' => qr/a private task has a label/,
	'logged: key of a day in capitals' => qr/64 hex digits in lower case/,
	'logged: drill without a copy' => qr/isn't an answer to a drill of day/,
	'logged: drills without their end' => qr/the last line has no end/,
	'logged: worker that is empty' => qr/a worker is 0x and 40 hex digits/,
	'logged: signature in capitals' =>
	    qr/a result has a worker, a form, a time/,
	(map { ("logged: round: $_" => qr/a result in a round has a ledger/) }
	    'signature in capitals', 'ledger in capitals',
	    'status past 16 bits'),
	'logged: round: path in capitals' =>
	    qr/the path isn't of one to 6 hashes/,
	'logged: outcome of each object' =>
	    qr/the outcome "toString" isn't known/,
	'logged: form of each object' => qr/a result has a worker, a form, a time/,
	'logged: type of each object' => qr/of the type "constructor" is no part/,
	'logged: entry that isn\'t JSON' => qr/of the type "" is no part/,
	'logged: leaf that isn\'t UTF-8' => qr/it isn't UTF-8|in their order/,
	'logged: line that isn\'t UTF-8' => qr/isn't UTF-8|invalid UTF-8/,
	'logged: line without end' => qr/the line has/,
	'logged: why without end' => qr/fields .*in their order/,
	'logged: nested without end' => qr/nested deeper|in their order/,
	'hash of a proof of another length' => qr/the proof's hashes/,
	'size past what is exact' => qr/without leading zeros/,
	'cosignature cut short' => qr/signature of witness\S+ isn't by its key/,
	'more signatures than a note has' => qr/more than 64 signatures/,
	'more keys than a log has' => qr/more than 64 keys/,
	'certificate with two names' => qr/two names, and would count twice/,
	(map { ($_ => qr/^policy|a key is NAME\+ID\+BASE64|key's id isn't/) }
	    'policy with CR LF', 'policy with a mark before it',
	    'policy with two quorums', 'group that counts one twice',
	    'group that needs nobody', 'group that is in itself',
	    'log\'s key in the place of a witness\'s',
	    'witness\'s key in the place of a log\'s'),
);
my %clean = map { $_ => 1 } 'made anew', 'witnessed', 'another key took over',
    'result of a witness', 'network that is named 0',
    'hours before anchors left out', 'refused answers', 'hidden names beside',
    'numbers of definitions that go down',
    'number of a definition given twice',
    'paused for ten years, with a cycle each ms', 'token that is a pattern';

my $conf = log_conf();
mkdir "$Dir/$_" for qw(site state);
# Hours of two tasks up to 2026-06-01 16:00 UTC, the same in each run. In the
# middle there is a checkpoint, which is named from then on.
my $end = 1780329600_000;
my $day = int(($end - 1) / 86400_000);
my @made = ('--tasks', 2, '--interval-ms', 300000, '--seed', 5,
    '--silent-percent', 10, '--edits', 4, '--round-percent', 50);
make_ledger("$Dir/ledger.db", @made, '--results', 60,
    '--end-ms', $end - 3 * 3600_000);
# Of the task that was edited most (edits are by chance) answers become drills.
my ($edited) = sql_rows("$Dir/ledger.db", 'SELECT k.id, k.name FROM task k ' .
    'ORDER BY (SELECT count(*) FROM task_version v WHERE v.task = k.id) DESC ' .
    'LIMIT 1');
my ($first) = sql_rows("$Dir/ledger.db",
    "SELECT min(created_ms) FROM task_version");
my $key = sha256('the key of that day');
my $before = ($day * 24 - 1) * 3600_000;
my ($from, $noted) = ($end - 5400_000, $before - 1);
sql_run("$Dir/ledger.db", 'INSERT INTO drill_key (day, hash, committed_ms) ' .
    "VALUES ($day, x'" . sha256_hex($key) . "', $noted); " .
    'INSERT INTO maintenance (task, from_ms, to_ms, noted_ms, why) VALUES (' .
    "$edited->[0], $from, $end, $noted, 'a new disk');");

sub log_run { return AdminRun::run('', program('worknet-log'), '-c', $conf, @_) }

sub log_at {
	my ($ms, @args) = @_;

	return run_at($ms, program('worknet-log'), '-c', $conf, @args);
}

my $r = log_run('--key', 'new');
is($r->{code}, 0, 'a key is made');
like($r->{out}, qr/^worknet\.example\/log\+[0-9a-f]{8}\+A\S{43}$/,
    'and its public half told');
is((stat "$Dir/log.key")[2] & 0777, 0600, 'which is its owner\'s alone');
is(log_run('--key', 'new')->{code}, 1, 'it isn\'t made twice');
# Before that day, in its middle, and afterwards.
forge("$Dir/ledger.db", "$Dir/early.db", 'DELETE FROM result; DELETE FROM ' .
    'round; DELETE FROM transfer; ' .
    'UPDATE slot_counter SET last_slot = 0, given_ms = 0;');
rename "$Dir/ledger.db", "$Dir/later.db" or die $!;
rename "$Dir/early.db", "$Dir/ledger.db" or die $!;
$r = log_at($before);
is("$r->{code} $r->{err}", '0 ', 'what is promised is logged before');
rename "$Dir/later.db", "$Dir/ledger.db" or die $!;
$r = log_at($end - 2.5 * 3600_000);
is("$r->{code} $r->{err}", '0 ', 'the hours up to then are logged');
make_ledger("$Dir/ledger.db", @made, '--append', '--results', 40,
    '--checkpoint', "$Dir/site/checkpoint", '--end-ms', $end);

# Two that were signed alone and two in rounds that name that checkpoint. The
# copy isn't signed; the status is, in a round.
my @may = grep { unpack('N', hmac_sha256('drill' . pack('Q>', $_->[0]), $key)) %
    1000 < 500 } sql_rows("$Dir/ledger.db", 'SELECT r.slot, r.place IS NULL ' .
    'FROM result r JOIN task_version v ON v.id = r.version ' .
    "WHERE v.task = $edited->[0] AND r.assigned_ms / 86400000 = $day AND " .
    "(r.place IS NULL OR r.anchor > 0) AND r.cycle_ms >= $end - 2 * 3600000 " .
    'ORDER BY r.slot');
my @alone = map { $_->[0] } grep { $_->[1] } @may;
my @round = map { $_->[0] } grep { !$_->[1] } @may;
my $slots = join ', ', @alone[0, 1], @round[0, 1];
forge("$Dir/ledger.db", "$Dir/drills.db", 'UPDATE result SET status = ' .
    "CASE slot WHEN $alone[0] THEN 418 ELSE status END, copy = (SELECT copies " .
    "FROM task_version v WHERE v.id = version) WHERE slot IN ($slots); " .
    'INSERT INTO drill (slot, worker, assigned_ms, wanted) SELECT r.slot, ' .
    't.credit, r.assigned_ms, 200 FROM result r JOIN transfer t ' .
    "ON t.id = r.transfer WHERE r.slot IN ($slots); " .
    'UPDATE maintenance SET ended_ms = ' . ($from + 1800_000) . '; ' .
    "UPDATE drill_key SET key = x'" . unpack('H*', $key) . "'; " .
    'INSERT INTO maintenance (task, from_ms, to_ms, noted_ms, why) VALUES (' .
    "$edited->[0], $from, $end, $noted, 'it was planned all along');");
rename "$Dir/drills.db", "$Dir/ledger.db" or die $!;
# When that day is over its key may be shown.
$r = log_at(($day + 1) * 86400_000 + 2.5 * 3600_000, '--idle');
is("$r->{code} $r->{err}", '0 ', 'the log is made');
my @range = ('--from', $first->[0], '--to', $end);
$r = worknet('-c', $conf, 'export', '--task', $edited->[1], @range,
    "$Dir/export");
is("$r->{code} $r->{err}", '0 ', 'a task is exported');

my ($method) = grep { /"method"/ } map {
	read_file($_) =~ /^extra (\S+)$/m ? decode_base64($1) : ''
} glob "$Dir/export/leaf/*";
my $text = sha256_hex(read_file("$here/../../doc/uptime"));
like($method, qr/"text":"$text"/,
    'the method that is stated is that of doc/uptime');
$r = worknet('verify', "$Dir/export", @range);
is("$r->{code} $r->{err}", '0 ', 'worknet verify takes it, without a configuration');
like($r->{out}, qr/Not proven:.*operator's word/s, 'and says what isn\'t proven');
my ($results) = sql_rows("$Dir/ledger.db", 'SELECT count(*) FROM result r ' .
    'JOIN task_version v ON v.id = r.version WHERE v.task = ' . $edited->[0]);
my $report = json_of(worknet('verify', '--json', "$Dir/export"));
is($report->{results} + $report->{drills}, $results->[0],
    'each result of the ledger is in it');
# Rounds name the log of before, or none; what hours it had, leaves say.
my ($old, $oldest) = (0, 0);
my %ended = map { read_file($_) =~ /^extra (\S+)\nindex (\d+)$/m &&
    decode_base64($1) =~ /segment.*"to":(\d+)/ ? ($2 => $1) : () }
    glob "$Dir/export/leaf/*";
for (sql_rows("$Dir/ledger.db", 'SELECT r.anchor, r.assigned_ms FROM result r ' .
    'JOIN task_version v ON v.id = r.version WHERE r.place IS NOT NULL AND ' .
    "v.task = $edited->[0]")) {
	my ($anchor, $at) = @$_;
	my ($to) = sort { $b <=> $a } map { $_ < $anchor ? $ended{$_} : () }
	    keys %ended;
	$old++ if !$to || $at - $to > 3 * 3600_000;
	$oldest = $at - $to if $to && $at - $to > $oldest;
}
cmp_ok($oldest, '>', 0, 'rounds name a log that has hours');
is("$report->{anchorMs} $report->{anchorOld}", "$oldest $old",
    'and how long they were over is told');
is("$report->{drills} $report->{drillsLate}", '4 0',
    'drills are told once their key is, which was promised before');
cmp_ok($report->{drillsRight}, '<', 4, 'a wrong answer is seen');
is("$report->{maintenances} $report->{maintenanceMs}", '1 1800000',
    'maintenance counts that was logged before it began, to its end');
$r = worknet('verify', "$Dir/export", '--from', $first->[0], '--to',
    $end + 86400000);
is($r->{code}, 1, 'it doesn\'t cover a day more');
like($r->{err}, qr/doesn't cover/, 'which is said');

# One result, of all that is verified.
for my $slot ($alone[2] // $alone[0], $round[0]) {
	my ($line) = map { read_file($_) =~ /^(\{"slot":$slot,.*)$/m ? $1 : () }
	    glob "$Dir/export/{segment,drills}/*/*/{*.ndjson,*/*/*.ndjson,*/*.ndjson}";
	$r = worknet('verify', "$Dir/export", '--json', '--result', $slot);
	is(json_of($r)->{result}, $line, "what the log has of slot $slot is shown");
	my ($leaf) = map { read_file($_) =~ /^extra (\S+)$/m ?
	    decode_base64($1) : '' } "$Dir/export/leaf/" .
	    json_of($r)->{resultLeaf} . '.tlog-proof';
	like($leaf, qr{"worknet/(?:segment|drills)/v1"}, '... by a leaf of its file');
}
$r = worknet('verify', "$Dir/export", '--result', 999999);
is($r->{code}, 1, 'and there is none of another one');
like($r->{err}, qr/slot 999999 has no line in the export/, '... which is said');
is(worknet('verify', "$Dir/export", '--result', 0)->{code}, 2,
    'or of no number');
my ($proof) = glob "$Dir/export/leaf/*.tlog-proof";
$r = worknet('verify', $proof, '--policy', "$Dir/site/policy");
is("$r->{code} $r->{err}", '0 ', 'a single proof is taken, with a policy');
is(worknet('verify', $proof)->{code}, 1, 'and not without');
# A single leaf isn't what was asked for, however it is called.
$r = worknet('verify', $proof, '--policy', "$Dir/site/policy", @range);
is($r->{code}, 1, 'nor for hours');
like($r->{err}, qr/of one leaf at most: it covers no time/, '... which is said');
$r = worknet('verify', $proof, '--policy', "$Dir/site/policy", '--result', 1);
is($r->{code}, 1, 'nor for a slot');
# Figures are of what was asked for, whatever else is in the export.
my ($part_from, $part_to) = ($end - 3 * 3600_000 + 123_456, $end - 1800_000);
$r = worknet('verify', '--json', "$Dir/export", '--from', $part_from, '--to',
    $part_to);
my $part = json_of($r);
my $all_ms = 0;
$all_ms += $part->{"${_}Ms"} for qw(up down unconfirmed unknown disputed paused
    maintenance);
is($all_ms, $part_to - $part_from, 'figures are of the time that was asked for');
cmp_ok($part->{from}, '<', $part_from, '... of an export of more');
is(AdminRun::run('', $node, "$here/verify.mjs", "$Dir/export",
    "$Dir/export/policy", $part_from, $part_to)->{out}, $r->{out},
    '... by both, byte for byte');
$r = worknet('verify', "$Dir/export", '--from', $first->[0] - 86400000, '--to',
    $end);
is($r->{code}, 1, 'an export that begins later than what was paid for isn\'t it');
like($r->{err}, qr/doesn't cover/, '... whenever it says that the task began');
is(worknet('verify', "$Dir/export", '--from', $end, '--to', $end)->{code}, 2,
    'no time isn\'t one');
write_file("$Dir/other-policy", "log example.com/foo+530d903a+" .
    "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n");
$r = worknet('verify', "$Dir/export", '--policy', "$Dir/other-policy");
is($r->{code}, 1, 'keys of somebody else take nothing');

# What doc/evidence has a buyer type, with nothing but the export and the key.
my @typed = read_file("$here/../../doc/evidence") =~ /^    \$ (.*)$/mg;
is(scalar @typed, 3, 'doc/evidence has three commands');
my ($vkey) = read_file("$Dir/site/policy") =~ /^log (\S+)$/m;
my %is = (TASK => 'export', VKEY => $vkey, FROM => $first->[0], TO => $end);
s/\b(TASK|VKEY|FROM|TO)\b/$is{$1}/g for @typed;
mkdir "$Dir/buyer" or die $!;
system('tar', '-C', $Dir, '-cf', "$Dir/buyer/export.tar", 'export') == 0 or die;
{
	local $ENV{PATH} = dirname(program('worknet')) . ":$ENV{PATH}";
	$r = AdminRun::run(join("\n", "cd $Dir/buyer", 'set -e', @typed, ''), 'sh');
	is("$r->{code} $r->{err}", '0 ', 'they do what it says');
	like($r->{out}, qr/Proven, by the keys of the policy that you gave/,
	    'by the key that the buyer has');
	write_file("$Dir/buyer/export.tar", 'no tar');
}

# ---- Files that were cut, or damaged ----

my @files;
find({ no_chdir => 1, wanted => sub {
	push @files, substr($_, length "$Dir/export/") if -f;
} }, "$Dir/export");
my %damage = (
	empty => sub { '' },
	cut => sub { substr $_[0], 0, int(length($_[0]) / 2) },
	'cut by a byte' => sub { substr $_[0], 0, -1 },
	'with a bit turned' => sub {
		my $at = int(length($_[0]) / 2);
		return substr($_[0], 0, $at) . chr(ord(substr $_[0], $at, 1) ^
		    1) . substr($_[0], $at + 1);
	},
);
my (%kind, @taken, @js_dirs);
for my $name (sort @files) {
	my $true = read_file("$Dir/export/$name");
	my $kind = $name =~ s{/.*}{}r;
	for my $how (sort keys %damage) {
		my $text = $damage{$how}->($true);
		# The last line of a policy may lack its end.
		next if $text eq $true || ($name eq 'policy' &&
		    $how eq 'cut by a byte');
		write_file("$Dir/export/$name", $text);
		push @taken, "$name $how" if worknet('verify',
		    "$Dir/export")->{code} != 1;
		next if $kind{"$kind $how"}++;
		my $dir = "$Dir/damaged/" . @js_dirs;
		system("mkdir -p $dir && cp -a $Dir/export/. $dir") == 0 or die;
		push @js_dirs, $dir;
	}
	write_file("$Dir/export/$name", $true);
}
cmp_ok(scalar @files, '>', 20, 'an export is of many files');
is_deeply(\@taken, [], 'none is taken that was cut or damaged');
my @damaged = map { JSON::PP::decode_json($_) } split /\n/, AdminRun::run('',
    $node, "$here/verify.mjs", '--each', @js_dirs)->{out};
is(scalar @damaged, scalar @js_dirs, 'the other one looks at each kind of file');
is(scalar(grep { $_->{code} == 0 } @damaged), 0, '... and takes none, either');

# What is no file, or no directory, has perhaps no end.
my %odd = (
	pipe => sub { system('mkfifo', $_[0]) == 0 or die },
	directory => sub { mkdir $_[0] or die $! },
	'link to a device' => sub { symlink '/dev/zero', $_[0] or die $! },
	'link to itself' => sub { symlink $_[0], $_[0] or die $! },
	long => sub { write_file($_[0], ''); truncate $_[0], 2 ** 31 or die $! },
);
@js_dirs = ();
my %of = map { m{^(\w+)} => $_ } @files;
for my $name ('opening', values %of) {
	for my $how (sort keys %odd) {
		my $dir = "$Dir/odd/" . @js_dirs;
		system("mkdir -p $dir && cp -a $Dir/export/. $dir && " .
		    "rm -f $dir/$name") == 0 or die;
		$odd{$how}->("$dir/$name");
		is(AdminRun::run('', 'timeout', '60', program('worknet'),
		    'verify', $dir)->{code}, 1, "$name: a $how is refused");
		push @js_dirs, $dir;
	}
}
for my $name ('leaf', 'anchor', 'key') {
	my $dir = "$Dir/odd/" . @js_dirs;
	system("mkdir -p $dir && cp -a $Dir/export/. $dir && rm -rf $dir/$name")
	    == 0 or die;
	write_file("$dir/$name", '');
	is(worknet('verify', $dir)->{code}, 1, "$name: a file is refused");
	push @js_dirs, $dir;
}
is_deeply([map { JSON::PP::decode_json($_)->{code} } split /\n/,
    AdminRun::run('', $node, "$here/verify.mjs", '--each', @js_dirs)->{out}],
    [map { 1 } @js_dirs], '... by the other one, too');

my @kinds = split /\n/, AdminRun::run('', $node, "$here/forge.mjs",
    '--kinds')->{out};
is_deeply([sort @kinds], [sort keys %says, keys %clean],
    'each kind of tampering is listed here');
my $picked = $ENV{WN_CASES} // '';
my @cases = grep { /(?:$picked)/ } @kinds;
mkdir "$Dir/forged";
$r = AdminRun::run('', $node, "$here/forge.mjs", "$Dir/export",
    "$Dir/forged", "$Dir/log.key", @cases);
is("$r->{code} $r->{err}", '0 ', 'all of it is done');
my @js = map { JSON::PP::decode_json($_) } split /\n/, AdminRun::run('', $node,
    "$here/verify.mjs", '--each', map { "$Dir/forged/$_" } 0 .. $#cases)->{out};
for my $i (0 .. $#cases) {
	my ($kind, $js) = ($cases[$i], $js[$i]);
	my $c = worknet('verify', '--json', "$Dir/forged/$i");
	if ($clean{$kind}) {
		is("$c->{code}, $js->{code}", '0, 0', "$kind: both take it")
		    or diag "$c->{err}\n$js->{err}";
		is($c->{out}, $js->{out}, "$kind: byte for byte one report");
		next;
	}
	is("$c->{code}, $js->{code}", '1, 1', "$kind: both refuse it")
	    or diag "$c->{err}\n$js->{err}";
	like(JSON::PP::decode_json($c->{err})->{error}, $says{$kind},
	    "$kind: worknet verify says why");
	like($js->{err}, $says{$kind}, "$kind: so does the other one");
}
done_testing();
