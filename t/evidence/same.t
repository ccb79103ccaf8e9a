#!/usr/bin/perl
# Two buyers, or one at two times, hold what they were shown of the log side by
# side: worknet verify --same-log, and the other verifier, prove that it is one
# log, whatever the two sizes are; or show two checkpoints that are evidence
# against it; or say that the files don't tell.
use strict;
use warnings;
use File::Basename 'dirname';
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
alarm 300;

my $conf = log_conf();
mkdir "$Dir/$_" for qw(site state);
my $HOUR = 3600_000;
my $end = 1780329600_000;
my @made = ('--tasks', 2, '--interval-ms', 300000, '--seed', 5,
    '--round-percent', 50);
make_ledger("$Dir/ledger.db", @made, '--results', 60, '--end-ms',
    $end - 3 * $HOUR);
my ($first) = sql_rows("$Dir/ledger.db", 'SELECT min(created_ms) FROM task_version');
my @range = ('--from', $first->[0], '--to', $end - 3 * $HOUR);

sub log_at {
	my ($ms, @args) = @_;

	my $r = run_at($ms, program('worknet-log'), '-c', $conf, @args);
	is("$r->{code} $r->{err}", '0 ', "worknet-log @args");
}

sub size_of { return (split /\n/, read_file("$_[0]/checkpoint"))[1] }

sub copy {
	my ($from, $to) = @_;

	system('rm', '-rf', "$Dir/$to") == 0 or die;
	system('cp', '-a', "$Dir/$from", "$Dir/$to") == 0 or die;
	return "$Dir/$to";
}

# What one of the log's directories shows of a task, with that anchor besides.
sub export {
	my ($name, $task, $site, @more) = @_;

	write_file("$Dir/export.conf", read_file($conf) =~
	    s/^directory = .*/directory = $site/mr);
	my $r = worknet('-c', "$Dir/export.conf", 'export', '--task', $task,
	    @range, @more, "$Dir/$name");
	is("$r->{code} $r->{err}", '0 ', "$name is exported");
	return "$Dir/$name";
}

# Early; then lines name its checkpoint; then more is logged that nobody names.
AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new');
log_at($end - 2.5 * $HOUR);
my $early = export('early', 'task_00000', 'site');
make_ledger("$Dir/ledger.db", @made, '--append', '--results', 40,
    '--checkpoint', "$Dir/site/checkpoint", '--end-ms', $end);
$range[3] = $end;
log_at($end + 0.5 * $HOUR);
my $middle = export('middle', 'task_00001', 'site');
copy('site', 'site-middle');
log_at($end + 2.5 * $HOUR, '--idle');
my $late = export('late', 'task_00000', 'site');
my ($m, $n) = map { size_of($_) } $middle, $late;
cmp_ok(size_of($early), '<', $m, 'the log has grown');
cmp_ok($m, '<', $n, '... twice');

sub js {
	my ($dir, $policy, $other) = @_;

	return AdminRun::run('', $node, "$here/verify.mjs", $dir, $policy,
	    $other);
}

sub both {
	my ($dir, $other, $policy) = @_;

	return (worknet('verify', '--json', $dir, '--same-log', $other,
	    $policy ? ('--policy', $policy) : ()), js($dir, $policy // '',
	    $other));
}

sub both_take {
	my ($name, $dir, $other) = @_;
	my ($c, $js) = both($dir, $other);

	is("$c->{code}, $js->{code}", '0, 0', "$name: both take it")
	    or diag("$c->{err}\n$js->{err}");
	is($c->{out}, $js->{out}, "$name: byte for byte one report");
	my $file = -d $other ? $other : dirname($other);
	is((json_of($c) // {})->{otherSize}, size_of($file),
	    "$name: it says how large the other one is");
}

sub both_refuse {
	my ($name, $why, @args) = @_;
	my ($c, $js) = both(@args);

	is("$c->{code}, $js->{code}", '1, 1', "$name: both refuse it")
	    or diag("$c->{err}\n$js->{err}\n$c->{out}");
	like($c->{err}, $why, "$name: worknet verify says why");
	like($js->{err}, $why, "$name: so does the other one");
	is($c->{out}, $js->{out}, "$name: and both show the same");
	return $c->{out};
}

# ---- One log ----

both_take('the same size', $late, $late);
both_take('an older one that lines name', $late, $early);
both_take('a newer one', $early, $late);
both_take('a checkpoint alone', $late, "$early/checkpoint");
my $r = worknet('verify', $late, '--same-log', $early);
like($r->{out}, qr/one of the two continues the other/, 'which is told as proven');
my $silent = qr/doesn't show how its log of $n leaves began/;
both_refuse('an older one that nobody names', $silent, $late, $middle);
both_refuse('a newer checkpoint alone', $silent, $middle, "$late/checkpoint");
$r = worknet('verify', $late, '--same-log', $middle);
like($r->{err}, qr/worknet export --anchor $m makes/, 'it says how to get it');
my $asked = export('asked', 'task_00000', 'site', '--anchor', $m);
both_take('an older one that was asked for', $asked, $middle);
both_take('a copy of the log', $middle, "$Dir/site");
system('cp', '-a', "$Dir/site/tile", $late) == 0 or die;
both_take('an export with tiles of the log', $late, $middle);
system('rm', '-r', "$late/tile") == 0 or die;
$r = worknet('-c', $conf, 'export', '--task', 'task_00000', @range, '--anchor',
    $n + 1, "$Dir/none");
is($r->{code}, 1, 'how a longer log began can\'t be had');
like($r->{err}, qr/has only $n leaves/, '... which is said');
my ($proof) = glob "$late/leaf/*.tlog-proof";
$r = worknet('verify', $proof, '--policy', "$Dir/site/policy", '--same-log',
    "$Dir/site");
is("$r->{code} $r->{err}", '0 ', 'a single proof is held to another one, too');

# ---- Two logs, signed by one key ----

# What the log would be if from the middle on it said something else.
sub forked {
	my ($name, $more) = @_;
	my $site = copy('site-middle', $name);

	$r = AdminRun::run('', $node, "$here/append.mjs", $site,
	    "$Dir/log.key", map { "{\"type\":\"worknet/other/$_\"}" } 1 .. $more);
	is("$r->{code} $r->{err}", '0 ', "$name is signed");
	return $site;
}

sub is_fork {
	my ($name, @args) = @_;
	my $out = both_refuse($name, qr/the log is forked/, @args);
	my $told = eval { JSON::PP::decode_json($out) } // {};
	my @file = map { -d $_ ? "$_/checkpoint" : $_ } @args[0, 1];

	utf8::encode($_) for grep { defined } @$told{qw(checkpoint otherCheckpoint)};
	is($told->{checkpoint}, read_file($file[0]),
	    "$name: the one checkpoint is shown");
	is($told->{otherCheckpoint}, read_file($file[1]),
	    "$name: and the other one");
}

my $smaller = forked('fork-small', 1);
is(size_of($smaller), $m + 1, 'a fork has a leaf more');
$asked = export('asked-more', 'task_00000', 'site', '--anchor', $m + 1);
my $shown = export('shown', 'task_00001', 'fork-small');
$r = worknet('verify', $shown);
is("$r->{code} $r->{err}", '0 ', 'by itself it verifies');
is_fork('a smaller fork', $asked, $shown);
is_fork('a smaller fork, seen from it', $shown, $asked);
is_fork('a smaller fork\'s checkpoint', $asked, "$smaller/checkpoint");
both_refuse('a smaller fork that isn\'t asked for', $silent, $late, $shown);
is_fork('a fork of the same size', $late, forked('fork-same', $n - $m));
is_fork('a larger fork', $late, forked('fork-large', $n - $m + 3));
$r = worknet('verify', $late, '--same-log', "$Dir/fork-large");
is($r->{code}, 1, 'people are told');
like($r->{out}, qr/^worknet\.example\/log\n$_\n/m, "... with that of $_ leaves")
    for $n, $n + 3;

# Witnesses that are asked for haven't seen the fork, and needn't have.
$r = AdminRun::run('', $node, '--input-type=module', '-e', <<"END");
import { secretOf, signature, readNote, vkeyOf } from '$here/tlog.mjs';
import { readFileSync, writeFileSync } from 'node:fs';
const w = secretOf('witness.example/w1', Buffer.alloc(32, 7), 4);
const file = '$late/checkpoint', note = readFileSync(file);
const seen = note + signature(readNote(note).text, w, 1893456000);
writeFileSync('$Dir/seen', seen);
writeFileSync('$Dir/asks', readFileSync('$Dir/site/policy', 'utf8')
    .replace(/quorum.*/, `witness w \${vkeyOf(w)}\\nquorum w`));
END
is("$r->{code} $r->{err}", '0 ', 'a witness has seen the one log');
my $witnessed = copy('late', 'witnessed');
for my $file ("$witnessed/checkpoint", glob "$witnessed/{leaf,since}/*") {
	my ($note, $seen) = (read_file("$late/checkpoint"), read_file("$Dir/seen"));
	write_file($file, read_file($file) =~ s/\Q$note\E\z/$seen/r);
}
is_fork('a fork that no witness saw', $witnessed, "$Dir/fork-large",
    "$Dir/asks");

# ---- What isn't the log's ----

my $broken = copy('site', 'broken');
my ($tile) = glob "$broken/tile/0/*.p/$n";
my $hashes = read_file($tile);
substr($hashes, 5, 1) ^= "\1";
write_file($tile, $hashes);
both_refuse('a copy that was damaged', qr/doesn't begin with that of/, $middle,
    $broken);
my $wrong = copy('asked', 'wrong');
$shown = read_file("$wrong/anchor/$m");
write_file("$wrong/anchor/$m", $shown =~ s/^./$& eq 'A' ? 'B' : 'A'/er);
both_refuse('an anchor that isn\'t so', qr/doesn't begin with that of/, $wrong,
    $middle);
write_file("$Dir/strange", read_file("$middle/checkpoint") =~
    s{worknet\.example/log}{other.example/log}gr);
both_refuse('another log\'s', qr/which the policy doesn't have/, $late,
    "$Dir/strange");
done_testing();
