#!/usr/bin/perl
# Private tasks in the log: nobody who is served it, or reads the object store,
# finds a name, a URL or a host of one; who has the opening verifies all as of a
# public task, by both verifiers; who hasn't learns what isn't proven.
use strict;
use warnings;
use Digest::SHA 'sha256';
use File::Basename 'dirname';
use File::Find 'find';
use JSON::PP qw(decode_json encode_json);
use MIME::Base64 qw(decode_base64 encode_base64url);
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
my $node = $ENV{NODE} || 'node';

need_log('make_ledger');
plan skip_all => "zstd isn't installed" if system('zstd -qV >/dev/null 2>&1');
plan skip_all => 'no node' if system("$node --version >/dev/null 2>&1");
plan skip_all => 'no viem' unless -d "$here/../node_modules/viem";
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $port = store_start($node, "$here/store.mjs");
my %store = (kind => 's3', id => 'AKIDWORKNET:1', secret => 'a/secret',
    region => 'eu-x1', bucket => 'results', turn => 1);
write_file("$Dir/store/control.json", encode_json(\%store));
my $conf = log_conf(<<"END");
[upload]
kind = s3
endpoint = http://127.0.0.1:$port
bucket = results
region = eu-x1
key_file = upload.key
state_directory = upload
[archive]
after_days = 35
END
write_file("$Dir/upload.key", "$store{id}\n$store{secret}\n");
chmod 0600, "$Dir/upload.key";
mkdir "$Dir/$_" for qw(site state upload);

# Two private tasks and a public one, in hours that end then.
my $HOUR = 3600_000;
my $end = 1780329600_000;
my @made = ('--tasks', 3, '--interval-ms', 300000, '--seed', 5,
    '--silent-percent', 10, '--edits', 6, '--round-percent', 50);
my %salt = (task_00000 => '5a' x 32, task_00001 => 'c3' x 32);
make_ledger("$Dir/made.db", @made, '--results', 60, '--end-ms',
    $end - 3 * $HOUR);
my $sql = join '', map { "UPDATE task SET salt = x'$salt{$_}' " .
    "WHERE name = '$_';" } sort keys %salt;
forge("$Dir/made.db", "$Dir/ledger.db", $sql .
    'INSERT INTO maintenance (task, from_ms, to_ms, noted_ms, why) VALUES ' .
    "(1, $end, $end + $HOUR, $end - 2 * $HOUR, 'example.net/0 moves');");
my %label = map { $_ => '~' . encode_base64url(sha256(
    pack('H*', $salt{$_}) . $_)) } keys %salt;

sub log_at {
	my ($ms, @args) = @_;

	my $r = run_at($ms, program('worknet-log'), '-c', $conf, @args);
	is("$r->{code} $r->{err}", '0 ', "worknet-log @args");
}

AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new');
log_at($end - 2.5 * $HOUR);
make_ledger("$Dir/ledger.db", @made, '--append', '--results', 90,
    '--checkpoint', "$Dir/site/checkpoint", '--end-ms', $end);
my ($first) = sql_rows("$Dir/ledger.db", 'SELECT min(created_ms) FROM task_version');
log_at($end + 2.5 * $HOUR, '--idle');
my $r = AdminRun::run('', program('worknet-log'), '-c', $conf, '--upload');
is("$r->{code} $r->{err}", '0 ', 'the log is uploaded');

# ---- Nobody finds them ----

# Files below a directory, with what packed ones are of.
sub files {
	my ($dir) = @_;
	my %all;

	find({ no_chdir => 1, wanted => sub {
		return if !-f;
		my $text = read_file($_);
		$all{$_} = $text;
		$all{"$_ unpacked"} = join '', qx(zstd -qdc '$_' 2>/dev/null)
		    if /zst/ || $text =~ /^\x28\xb5\x2f\xfd/;
		# Entries are in proofs as base64.
		$all{"$_ extra"} = decode_base64($1)
		    if $text =~ /^extra (\S+)$/m;
	} }, $dir);
	return %all;
}

my %site = files("$Dir/site");
my %objects = files("$Dir/store");
my %shown = (%site, %objects);
cmp_ok(scalar(grep { /ndjson/ } keys %site), '>', 2, 'hours are shown');
cmp_ok(scalar(grep { /objects.*ndjson/ } keys %objects), '>', 2,
    'and uploaded');
for my $secret (qw(task_00000 task_00001 example.net/0 example.net/1),
    values %salt, map { pack 'H*', $_ } values %salt) {
	my $name = $secret =~ /[^ -~]/ ? 'a salt' : $secret;
	is_deeply([grep { index("$_\n$shown{$_}", $secret) >= 0 }
	    sort keys %shown], [], "$name is nowhere");
}
my %state = files("$Dir/state");
is_deeply([grep { index($state{$_}, pack 'H*', $salt{task_00000}) >= 0 }
    sort keys %state], [], 'nor is a salt in what worknet-log keeps');
my @signed = sql_rows("$Dir/ledger.db", 'SELECT lower(hex(coalesce(' .
    'r.signature, o.signature))) FROM result r JOIN task_version v ' .
    'ON v.id = r.version LEFT JOIN round o ON o.transfer = r.transfer ' .
    'WHERE v.task IN (1, 2) AND (o.transfer IS NULL OR NOT EXISTS (SELECT 1 ' .
    'FROM result x JOIN task_version y ON y.id = x.version ' .
    'WHERE x.transfer = r.transfer AND y.task = 3))');
cmp_ok(scalar @signed, '>', 10, 'workers signed results of them');
my $all = join '', values %shown;
is(scalar(grep { index($all, $_->[0]) >= 0 } @signed), 0,
    'no signature is shown, by which a name or a URL could be guessed');
like($all, qr/"task":"\Q$label{$_}\E"/, "the log calls it $label{$_}")
    for sort keys %label;
is(scalar(grep { /~.*\.ndjson(\.zst)?$/ } keys %shown), 0,
    'files of their lines are shown nowhere');
cmp_ok(scalar(grep { /~.*\.seals$/ } keys %site), '>', 2, 'but their seals');
is((stat "$Dir/state/private")[2] & 0007, 5 & (stat _)[2],
    'they lie in the directory of the state') if -d "$Dir/state/private";
my ($leaf) = $all =~ /(\{"type":"worknet\/private-task\/v1".*?\})/;
is_deeply([sort keys %{ decode_json($leaf) }], [sort qw(type task version state
    from intervalMs copies commitment prev)], 'a leaf has no more than that');

# A run more finds nothing that differs, and logs nothing again.
my $size = (split /\n/, read_file("$Dir/site/checkpoint"))[1];
log_at($end + 2.6 * $HOUR, '--idle');
is((split /\n/, read_file("$Dir/site/checkpoint"))[1], $size,
    'what is logged of them isn\'t logged again');
# A ledger in which a private task's URL was changed is told.
forge("$Dir/ledger.db", "$Dir/other.db",
    "UPDATE task_version SET url = 'https://example.net/9' WHERE task = 1;");
rename "$Dir/ledger.db", "$Dir/kept.db" or die;
rename "$Dir/other.db", "$Dir/ledger.db" or die;
mkdir "$Dir/scratch";
system('cp', '-a', "$Dir/site", "$Dir/state", "$Dir/scratch") == 0 or die;
$r = run_at($end + 2.7 * $HOUR, program('worknet-log'), '-c', $conf, '--idle');
like($r->{err}, qr/has another definition/, 'another URL than was committed to is found');
system('rm', '-r', "$Dir/site", "$Dir/state") == 0 or die;
rename "$Dir/scratch/$_", "$Dir/$_" or die for qw(site state);
rename "$Dir/kept.db", "$Dir/ledger.db" or die;

# ---- Who has the opening ----

my @range = ('--from', $first->[0], '--to', $end);
$r = worknet('-c', $conf, 'export', '--task', $_, @range, "$Dir/$_")
    and is("$r->{code} $r->{err}", '0 ', "$_ is exported")
    for qw(task_00000 task_00001 task_00002);
ok(!-e "$Dir/task_00002/opening", 'a public one has no opening');

sub js {
	my ($dir) = @_;

	return decode_json(AdminRun::run('', $node, "$here/verify.mjs",
	    '--each', $dir)->{out});
}

sub both_take {
	my ($dir, $name) = @_;
	my ($c, $js) = (worknet('verify', '--json', $dir), js($dir));

	is("$c->{code}, $js->{code}", '0, 0', "$name: both take it")
	    or diag("$c->{err}\n$js->{err}");
	is($c->{out}, $js->{out}, "$name: byte for byte one report");
	return json_of($c) // {};
}

sub both_refuse {
	my ($dir, $why, $name) = @_;
	my ($c, $js) = (worknet('verify', '--json', $dir), js($dir));

	is("$c->{code}, $js->{code}", '1, 1', "$name: both refuse it")
	    or diag("$c->{err}\n$js->{err}\n$c->{out}");
	like($c->{err}, $why, "$name: worknet verify says why");
	like($js->{err}, $why, "$name: so does the other one");
}

my $report = both_take("$Dir/task_00000", 'with its opening');
is("$report->{task} $report->{url}", 'task_00000 https://example.net/0',
    'it says what was checked');
cmp_ok($report->{$_}, '>', 1, "$_ are verified")
    for qw(results inRounds definitions);
$r = worknet('verify', "$Dir/task_00000", @range);
like($r->{out}, qr/salted hashes of.*signed by its worker/s, 'and what is proven');
both_take("$Dir/task_00002", 'a public one');

# ---- Who hasn't ----

sub copy_of {
	my ($name) = @_;

	system('rm', '-rf', "$Dir/$name") == 0 or die;
	system('cp', '-a', "$Dir/task_00000", "$Dir/$name") == 0 or die;
	return "$Dir/$name";
}

my $sealed = copy_of('sealed');
unlink "$sealed/opening" or die;
my $without = both_take($sealed, 'without its opening');
is($without->{task}, $label{task_00000}, 'its name isn\'t told');
is($without->{url}, undef, 'nor its URL');
is($without->{$_}, $report->{$_}, "$_ are the same")
    for qw(lines results missed refused unassigned upMs);
$r = worknet('verify', $sealed);
like($r->{out}, qr/Not proven:\n  which target it was, and that workers signed/,
    'which is said');
unlike($r->{out}, qr/signed by its worker|signed in rounds also/,
    'and nothing is said of signatures');
my %sealed = files($sealed);
is_deeply([grep { "$_$sealed{$_}" =~ /task_0000|example\.net/ } sort keys %sealed],
    [], 'it tells neither');
unlink glob "$sealed/segment/*/*/*/*/*.ndjson";
both_refuse($sealed, qr/ndjson isn't in the export/, 'without its lines');

# ---- Wrong openings ----

my $opening = read_file("$Dir/task_00000/opening");
my ($salt, @entry) = split /\n/, $opening;
sub wrong {
	my ($name, $text, $why) = @_;
	my $dir = copy_of('wrong');

	write_file("$dir/opening", $text);
	both_refuse($dir, $why, $name);
}
my $not = qr/opening: it isn't what the leaf commits to/;
wrong('another URL', $opening =~ s{net/0}{net/1}r, $not);
wrong('another name', $opening =~ s/task_00000/task_00009/r, $not);
wrong('another status', $opening =~ s/"expectedStatus":200/"expectedStatus":404/r,
    $not);
wrong('another salt', $opening =~ s/^5/6/r, $not);
wrong('that of another task', read_file("$Dir/task_00001/opening"), $not);
wrong('a salt in capitals', uc($salt) . "\n" . join('', map { "$_\n" } @entry),
    qr/opening: it doesn't begin with a salt/);
wrong('no salt', join('', map { "$_\n" } @entry),
    qr/opening: it doesn't begin with a salt/);
wrong('a salt alone', "$salt\n", qr/opening: it doesn't open all/);
wrong('a line more', "$opening$entry[0]\n", qr/opening: it opens leaves that aren't there/);
wrong('more without an end', "${opening}more",
    qr/opens leaves that aren't there|the last line has no end/);
wrong('nothing', '', qr/opening: it doesn't begin with a salt/);
my $public = "$Dir/public";
system('cp', '-a', "$Dir/task_00002", $public) == 0 or die;
write_file("$public/opening", $opening);
both_refuse($public, qr/opens leaves that aren't there/, 'of a public task');

# ---- A log that lies, signed by its key ----

my %forged = ('made anew' => undef,
    'logged: success flipped' => qr/signature: got signer/,
    'logged: time changed' => qr/signature: got signer/,
    'logged: line dropped' => qr/has no line/,
    'logged: seals of other lines' => qr/the seals.*aren't those of its lines/,
    (map { ("logged: round: $_" => qr/signature of the round: got signer/) }
	qw(status duration success slot)));
my @kinds = sort keys %forged;
mkdir "$Dir/forged";
$r = AdminRun::run('', $node, "$here/forge.mjs", "$Dir/task_00000",
    "$Dir/forged", "$Dir/log.key", @kinds);
is("$r->{code} $r->{err}", '0 ', 'lies are logged');
for my $i (0 .. $#kinds) {
	defined $forged{$kinds[$i]}
	    ? both_refuse("$Dir/forged/$i", $forged{$kinds[$i]}, $kinds[$i])
	    : both_take("$Dir/forged/$i", $kinds[$i]);
}

# What is held to its form without the opening, too.
my %sealed_says = (
	'logged: scheme nobody knows' => qr/scheme of the signature is .*eip1271/,
	'logged: result of no success' => qr/says whether it succeeded/,
	(map { ("logged: $_ in capitals" => qr/are 64 hex digits in lower case/) }
	    'seals', 'commitment'),
	'logged: line dropped' => qr/has no line/,
	'logged: success flipped' => undef,
);
@kinds = sort keys %sealed_says;
mkdir "$Dir/hidden";
$r = AdminRun::run('', $node, "$here/forge.mjs", "$Dir/task_00000",
    "$Dir/hidden", "$Dir/log.key", @kinds);
is("$r->{code} $r->{err}", '0 ', 'lies are logged');
for my $i (0 .. $#kinds) {
	unlink "$Dir/hidden/$i/opening" or die;
	defined $sealed_says{$kinds[$i]}
	    ? both_refuse("$Dir/hidden/$i", $sealed_says{$kinds[$i]},
		"$kinds[$i], without its opening")
	    : both_take("$Dir/hidden/$i", "$kinds[$i], which it hides");
}

# ---- The operator's own ----

$r = worknet('-c', $conf, 'audit', '--log', "$Dir/site");
is("$r->{code} $r->{err}", '0 ', 'the audit holds their lines to the ledger')
    or diag($r->{out});
my ($file) = glob "$Dir/state/private/segment/*/*/*/*/*.ndjson";
ok($file, 'by files that are not served');
my $text = read_file($file);
write_file($file, $text =~ s/"success":true/"success":false/r);
is(worknet('-c', $conf, 'audit', '--log', "$Dir/site")->{code}, 1,
    'one that was altered is found');
write_file($file, $text);
my $count = 'SELECT v.task < 3, count(*) FROM result r JOIN task_version v ' .
    'ON v.id = r.version GROUP BY 1 ORDER BY 1';
my @before = sql_rows("$Dir/ledger.db", $count);
$r = worknet('-c', $conf, 'archive');
is("$r->{code} $r->{err}", '0 ', 'what is old is archived') or diag $r->{out};
my @after = sql_rows("$Dir/ledger.db", $count);
is($after[-1][1], $before[-1][1], 'results of private tasks stay in the ledger');
$r = worknet('-c', $conf, 'task', 'edit', 'task_00000', '--private');
is($r->{code}, 2, 'a task is private from the beginning, or never');
done_testing();
