#!/usr/bin/perl
# worknet-log: what it logs of a ledger, and that it never signs two histories:
# killed anywhere, started twice, with an older ledger, with an older copy of its
# directories.
use strict;
use warnings;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256);
use Fcntl ':flock';
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;


need_log('make_ledger');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

my $HOUR = 3600_000;
# The ledger's last hour ends then: 2026-01-01 06:00.
my $end = 1767247200_000;
my $conf = log_conf();

# What is logged of hours in which nothing happened.
my @options = ('--idle');
# worknet-log at that time, behind whatever command.
sub log_at {
	my ($ms, @before) = @_;

	return run_at($ms, @before, program('worknet-log'), '-c', $conf,
	    @options);
}

sub dirs_new {
	system('rm', '-rf', "$Dir/site", "$Dir/state");
	mkdir "$Dir/$_" or die $! for qw(site state);
}
sub save { system("rm -rf $Dir/$_[1]; cp -a $Dir/$_[0] $Dir/$_[1]") == 0 or die }
sub load { save(reverse @_) }

# Size and root.
sub checkpoint {
	my ($file) = @_;
	my @lines = -e "$Dir/$file" ? split /\n/, read_file("$Dir/$file") : ();
	return @lines ? "$lines[1] $lines[2]" : '0';
}

my $exports = 0;
# The report of an export that is verified.
sub verified {
	my ($task, $from, $to) = @_;
	my $out = "$Dir/export" . $exports++;
	my $r = worknet('-c', $conf, 'export', '--task', $task, '--from', $from,
	    '--to', $to, $out);
	return { error => $r->{err} } if $r->{code} ne '0';
	$r = worknet('verify', '--json', $out);
	return $r->{code} eq '0' ? json_of($r) : { error => $r->{err} };
}
sub lines { return join '', map { read_file($_) } glob "$Dir/site/segment/*/*/*/*/$_[0].ndjson" }
sub worknet_ok { is(worknet('-c', $conf, @_)->{code}, 0, "worknet @_[0 .. 1] works") }

dirs_new();
is(AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new')
    ->{code}, 0, 'a key is made');
my @made = ('--tasks', 2, '--interval-ms', 120000, '--copies', 2,
    '--results', 150, '--seed', 3, '--silent-percent', 20, '--edits', 2,
    '--end-ms', $end - $HOUR);
make_ledger("$Dir/ledger.db", @made);
# Somebody who was given a slot, and said nothing.
sql_run("$Dir/ledger.db", <<'SQL');
INSERT INTO assignment SELECT w.id, k.name, 9001, v.id, v.reward_micros,
	(SELECT max(cycle_ms) FROM result) + v.interval_ms, 0,
	(SELECT max(cycle_ms) FROM result) + v.interval_ms + 5000, 0,
	'203.0.113.0/24', 0, v.type, v.expected_status, v.timeout_ms, 0,
	0
FROM worker w, task k, task_version v
WHERE k.id = 1 AND v.id = k.version ORDER BY w.id LIMIT 1;
SQL
save('ledger.db', 'early.db');

# ---- What is logged ----

my $r = log_at($end - $HOUR);
is("$r->{code} $r->{err}", '0 ', 'a first run says nothing');
$r = log_at($end + $HOUR);
is("$r->{code} $r->{err}", '0 ', 'and a later one');
my $before = checkpoint('site/checkpoint');
$r = log_at($end + $HOUR);
is(checkpoint('site/checkpoint'), $before, 'nothing new is nothing to sign');
my ($all) = sql_rows("$Dir/ledger.db", 'SELECT count(*) FROM result');
my $lines = lines('*');
is(scalar(() = $lines =~ /"outcome":"result"/g), $all->[0],
    'each result of the ledger has its line');
ok($lines =~ /^\{"slot":9001,"cycle":\d+,"copy":0,"version":\d+,"worker":"0x[0-9a-f]{40}","network":"([0-9a-f]{8})","assigned":(\d+),"outcome":"missed"\}$/m,
    'who was given a slot and stayed silent has one, and a network');
# src/ledger/origin.h: reports of uptime have the same name.
my ($key) = sql_rows("$Dir/ledger.db", 'SELECT hex(key) FROM network_key');
is($1, substr(hmac_sha256_hex('203.0.113.0/24', hmac_sha256('network' .
    pack('Q>', int($2 / 86400_000)), pack('H*', $key->[0]))), 0, 8),
    '... whose name is that of the day');
ok($lines =~ /^\{"cycle":\d+,"copy":\d,"outcome":"unassigned"\}$/m,
    'a slot that nobody is known to have been given has one');
ok($lines !~ /203\.0/, 'which isn\'t named');
my $v = verified('task_00000', $end - 12 * $HOUR, $end);
ok($v->{verified}, 'all of it is verified') or diag $v->{error};
is($v->{to}, $end, 'up to the last hour that is over');

# ---- A task's states ----

worknet_ok(qw(task pause task_00000));
log_at($end + 2 * $HOUR + 60_000);
log_at($end + 8 * $HOUR);
$v = verified('task_00000', $end, $end + 8 * $HOUR);
is($v->{to}, $end + 3 * $HOUR, 'a paused task has no hours');
worknet_ok(qw(task resume task_00000));
log_at($end + 8 * $HOUR + 60_000);
log_at($end + 10 * $HOUR);
$v = verified('task_00000', $end, $end + 10 * $HOUR);
is($v->{to}, $end + 9 * $HOUR, 'one that is resumed has them again');
is($v->{from}, $end, 'without a gap');

# ---- Two at once ----

open my $lock, '>>', "$Dir/state/lock" or die $!;
flock $lock, LOCK_EX or die $!;
$r = log_at($end + 12 * $HOUR);
is($r->{code}, 3, 'a second one at once does nothing');
like($r->{err}, qr/another worknet-log is at work/, 'and says why');
close $lock;

# ---- Older copies ----

save('site', 'site-old');
save('state', 'state-old');
log_at($end + 12 * $HOUR);
save('site', 'site-new');
save('state', 'state-new');
my $newest = checkpoint('site/checkpoint');

load('site', 'site-old');
$r = log_at($end + 14 * $HOUR);
is($r->{code}, 6, 'with an older copy of the directory nothing is signed');
like($r->{err}, qr/the tiles don't lead to .*older copy/, 'and it says why');
is(checkpoint('state/signed'), $newest, 'so it is');
load('site', 'site-new');

load('state', 'state-old');
$r = log_at($end + 14 * $HOUR);
is($r->{code}, 6, 'nor with an older copy of the state');
like($r->{err}, qr/the state's directory is an older copy/, 'and it says why');
unlink "$Dir/state/signed";
is(log_at($end + 14 * $HOUR)->{code}, 6, 'nor without it');
is(checkpoint('site/checkpoint'), $newest, 'what is seen stays as it was');
load('state', 'state-new');
write_file("$Dir/site/checkpoint", read_file("$Dir/site-old/checkpoint"));
$r = log_at($end + 12 * $HOUR);
is("$r->{code} " . checkpoint('site/checkpoint'), "0 $newest",
    'a checkpoint that was signed and not shown is shown');

# ---- Clocks ----

dirs_new();
@options = ();
$r = log_at($end - 3 * $HOUR);
is($r->{code}, 6, 'a clock behind the ledger\'s newest row logs nothing');
like($r->{err}, qr/the clock shows 20260101T030000Z, and the ledger's newest row is of/,
    'and says what it shows');
is(checkpoint('site/checkpoint'), '0', 'nothing at all');
$r = log_at($end + 5 * $HOUR);
is("$r->{code} $r->{err}", '0 ', 'a clock that is ahead logs');
is(verified('task_00000', $end - 12 * $HOUR, $end)->{to}, $end - 2 * $HOUR,
    'only hours that are over by the ledger\'s newest row');
$before = checkpoint('site/checkpoint');
$r = log_at($end + 30 * $HOUR);
is($r->{code}, 6, 'a clock that is a day ahead is a finding');
like($r->{err}, qr/no later hour is logged; if the clock is right .* --idle/,
    'which says how to go on');
is(checkpoint('site/checkpoint'), $before, 'and logs no hour');
$r = log_at($end + 3 * $HOUR);
is("$r->{code} $r->{err}", '6 ' . $r->{err}, 'a clock that was set back logs nothing');
like($r->{err}, qr/and the log's newest leaf is of 20260101T110000Z/,
    'since leaves say that it is later');
is(checkpoint('site/checkpoint'), $before, 'nothing is signed');
@options = ('--idle');
is(log_at($end + 6 * $HOUR)->{code}, 0, 'who says that the clock is right');
is(verified('task_00000', $end - 12 * $HOUR, $end)->{to}, $end,
    'has the later hours logged, too');

my $says = sub {
	my ($check) = grep { $_->{check} eq 'evidence' }
	    @{ json_of(worknet('-c', $conf, 'doctor', '--json'))->{checks} };
	return ($check->{ok} ? 'well' : 'ill') . ": $check->{detail}";
};
like($says->(), qr/^ill: the newest hour of the log ended \d+ minutes ago: systemctl status worknet-log/,
    'worknet doctor says how far the log is behind');
rename "$Dir/site/checkpoint", "$Dir/away" or die $!;
like($says->(), qr/^ill: .*has no checkpoint: systemctl enable/,
    'or that there is none');
rename "$Dir/away", "$Dir/site/checkpoint" or die $!;

# ---- Another key ----

write_file("$Dir/old-policy", read_file("$Dir/site/policy"));
write_file("$Dir/old.key", read_file("$Dir/log.key"));
@options = ('--key', 'next');
$r = log_at($end + 6 * $HOUR);
like("$r->{code} $r->{out}", qr/^0 (worknet\.example\/log\+\S+)$/,
    'another key takes over');
my $next = $r->{out};
is(scalar(() = read_file("$Dir/site/checkpoint") =~ /^\xe2\x80\x94 /mg), 2,
    'both sign that');
# As if it had been killed before the key took the other's place.
rename "$Dir/log.key", "$Dir/log.key.next" or die $!;
write_file("$Dir/log.key", read_file("$Dir/old.key"));
chmod 0600, "$Dir/log.key" or die $!;
@options = ('--idle');
is(log_at($end + 7 * $HOUR)->{code}, 0, 'killed before the end, the old one signs on');
@options = ('--key', 'next');
$r = log_at($end + 7 * $HOUR);
is("$r->{code} $r->{out}", "0 $next", 'and again, the same one takes over');
ok(!-e "$Dir/log.key.next", 'for good');
@options = ('--idle');
is(log_at($end + 9 * $HOUR)->{code}, 0, 'the log goes on');
is(scalar(() = read_file("$Dir/site/checkpoint") =~ /^\xe2\x80\x94 /mg), 1,
    'by the new one alone');
is(read_file("$Dir/site/policy"), "log ${next}quorum none\n",
    'which the policy names');
$v = verified('task_00000', $end - 12 * $HOUR, $end);
ok($v->{verified}, 'whoever trusts the new one takes it') or diag $v->{error};
my $newest_export = "$Dir/export" . ($exports - 1);
$r = worknet('verify', '--policy', "$Dir/old-policy", $newest_export);
is("$r->{code} $r->{err}", '0 ', 'so does who trusts the old one');
system('rm', '-rf', "$newest_export/key");
$r = worknet('verify', '--policy', "$Dir/old-policy", $newest_export);
is($r->{code}, 1, 'which needs what the old one said of the new one');

# ---- An older ledger ----

dirs_new();
log_at($end + $HOUR);
is(log_at($end + $HOUR)->{code}, 0, 'a new log of the same ledger');
$v = verified('task_00001', $end - 12 * $HOUR, $end);
forge("$Dir/ledger.db", "$Dir/lost.db", 'DELETE FROM result WHERE slot > 40;' .
    'UPDATE slot_counter SET last_slot = 40;');
save('lost.db', 'ledger.db');
$before = checkpoint('site/checkpoint');
$r = log_at($end + 3 * $HOUR);
is($r->{code}, 6, 'a ledger that has lost results is a finding');
like($r->{err}, qr/it is an older copy; what is logged stays/, 'which is told');
is_deeply([@{ verified('task_00001', $end - 12 * $HOUR, $end) }{qw(results missed)}],
    [@$v{qw(results missed)}], 'what was logged stays logged');
isnt(checkpoint('site/checkpoint'), $before, 'and the log goes on');

# ---- What a run reads of a long log ----

dirs_new();
save('ledger.db', 'short.db');
unlink glob "$Dir/ledger.db*";
make_ledger("$Dir/ledger.db", '--tasks', 120, '--interval-ms', 1800000,
    '--results', 700, '--seed', 4, '--end-ms', $end);
@options = ('--idle', '-v');
# How many entries a run read of the tiles, and how many it knew.
sub entries_read {
	my ($ms) = @_;
	my $r = log_at($ms);

	return $r->{code} eq '0' && $r->{err} =~
	    /(\d+) entries were read, (\d+) were known/ ? "$1 $2" :
	    "$r->{code} $r->{err}";
}
is(entries_read($end - $HOUR), '0 0', 'a new log has none');
my ($n1) = split / /, checkpoint('site/checkpoint');
cmp_ok($n1, '>', 256, "then it has more than a bundle: $n1");
is(entries_read($end), "$n1 0", 'what nobody has kept is read');
my $kept = read_file("$Dir/state/state");
my ($n2) = split / /, checkpoint('site/checkpoint');
is(entries_read($end + $HOUR), ($n2 - $n1) . " $n1",
    'what was kept isn\'t read again');
my ($n3) = split / /, checkpoint('site/checkpoint');
save('site', 'site-long');
save('state', 'state-long');
is(entries_read($end + 3 * $HOUR), ($n3 - $n1) . " $n1", 'nor then');
my $long = checkpoint('site/checkpoint');
cmp_ok((split / /, $long)[0], '>', $n3, 'more is logged by it');
for my $case ([ 'damaged', sub { substr($_[0], 5000, 1) ^= "\1" } ],
    [ 'cut', sub { $_[0] = substr($_[0], 0, -40) } ],
    [ 'empty', sub { $_[0] = '' } ],
    [ 'of another build', sub { $_[0] =~ s/worknet-log ./worknet-log X/;
	$_[0] = substr($_[0], 0, -32); $_[0] .= sha256($_[0]) } ],
    [ 'of another log', sub { substr($_[0], 75, 1) ^= "\1";
	$_[0] = substr($_[0], 0, -32); $_[0] .= sha256($_[0]) } ]) {
	my ($what, $change) = @$case;
	my $bytes = $kept;
	load('site', 'site-long');
	load('state', 'state-long');
	$change->($bytes);
	write_file("$Dir/state/state", $bytes);
	is(entries_read($end + 3 * $HOUR), "$n3 0",
	    "what is kept and $what counts for nothing");
	is(checkpoint('site/checkpoint'), $long, '... the log is the same by all');
}
@options = ('--idle');

# ---- Killed ----

SKIP: {
	skip 'strace can\'t trace here', 1
	    if system('strace -f -o /dev/null true 2>/dev/null');
	save('early.db', 'ledger.db');
	dirs_new();
	my $calls = 'trace=write,fsync,rename,unlink,mkdir,fchmod';
	my @trace = ('strace', '-f', '-qq', '-o', "$Dir/trace");
	$r = log_at($end + $HOUR, @trace, '-e', $calls);
	is($r->{code}, 0, 'an undisturbed run');
	my $want = checkpoint('site/checkpoint');
	my (%n, @points);
	for (split /\n/, read_file("$Dir/trace")) {
		push @points, [$1, ++$n{$1}] if /^\d+ +(\w+)\(/;
	}
	my $step = $ENV{WN_ALL} ? 1 : int(@points / 30) || 1;
	my (%root, @wrong);
	my $note = sub {
		for my $file ('site/checkpoint', 'state/signed') {
			my ($size, $root) = split / /, checkpoint($file);
			next if !$size;
			push @wrong, "two roots of $size"
			    if ($root{$size} //= $root) ne $root;
		}
	};
	my $killed = 0;
	for (my $i = int($step / 2); $i < @points; $i += $step) {
		my ($call, $n) = @{ $points[$i] };
		dirs_new();
		$r = log_at($end + $HOUR, @trace, '-e', "trace=$call", '-e',
		    "inject=$call:signal=KILL:when=$n");
		$killed++ if $r->{code} ne '0';
		$note->();
		$r = log_at($end + $HOUR);
		$note->();
		push @wrong, "$call $n: $r->{code} $r->{err}"
		    if $r->{code} ne '0' ||
		    checkpoint('site/checkpoint') ne $want;
	}
	cmp_ok($killed, '>', 10, "runs were killed at $killed of " . @points .
	    ' system calls');
	is("@wrong", '', 'the next run ends with the same log, and no size has two roots');
	ok(verified('task_00001', $end - 12 * $HOUR, $end)->{verified},
	    'which is verified');
}
done_testing();
