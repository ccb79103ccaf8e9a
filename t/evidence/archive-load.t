#!/usr/bin/perl
# worknet archive while a coordinator serves polls and posts, killed many times,
# and brings back: nobody who asks is refused or waits for long, since each of its
# transactions is small; every post that was acknowledged is there once, and what
# the ledger said of others' money before, it says then.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP;
use Test::More;

use WorknetTest qw(find_program need_program now_ms slurp spurt child_start
    child_end child_wait wait_for);
use WorknetTest::Load;
use AdminRun;
use LogRun;

need_program('sqlite3', 'zstd', 'strace', 'node');
need_log('make_ledger', 'make_payouts');
plan skip_all => "strace can't trace here"
    if system('strace -f -o /dev/null true 2>/dev/null');
alarm 900;

my $CLIENTS = 4;
my $MEANWHILE = 400;	# lines of the clients while archive is at work
my $RUNS_MAX = 60;
my $STEP_MAX = 250;	# rows of a transaction: 200, and the rest of a credit
my $HOUR = 3600_000;
my $end = 1767247200_000;	# 2026-01-01 06:00

my $w = WorknetTest->new(conf => { coordinator => { threads => 8 } });
$Dir = $w->dir('data');
my $db = $w->ledger_path;
my $conf = "$Dir/log.conf";

# ---- A ledger with a past that is paid, logged and uploaded ----

mkdir "$Dir/$_" or die $! for qw(site state store upload);
my $port = store_start(find_program('node'), "$FindBin::Bin/store.mjs");
spurt("$Dir/store/control.json", encode_json({ kind => 's3', id => 'i',
    secret => 's', region => 'r', bucket => 'b' }));
spurt("$Dir/upload.key", "i\ns\n");
chmod 0600, "$Dir/upload.key" or die $!;
log_conf(<<"END");
[upload]
kind = s3
endpoint = http://127.0.0.1:$port
bucket = b
region = r
key_file = upload.key
state_directory = upload
[archive]
after_days = 35
END
sub well {
	my ($r, $what) = @_;

	die "$what: $r->{out}$r->{err}" if $r->{code} ne '0';
	return $r->{out};
}
my @log = (program('worknet-log'), '-c', $conf);
my @made = ('--tasks', 3, '--interval-ms', 60000, '--copies', 4, '--seed', 7,
    '--workers', 12, '--round-percent', 60, '--max-tasks', 5);
my $payouts = 0;
sub pay {
	my ($ms, @to) = @_;

	well(AdminRun::run(join('', map { $payouts++;
	    "reserve $_ 0\nsign $payouts\nsubmit $payouts http://f/\n" .
	    "post $payouts 0\nfinal $payouts\n" } @to), program('make_payouts'),
	    '--db', $db, '--now', $ms), 'payouts');
}
sub count { return (sql_rows($db, $_[0]))[0][0] }
sub results { return count('SELECT count(*) FROM result') }

make_ledger($db, @made, '--results', 4000, '--end-ms', $end - 62 * $HOUR);
my @workers = map { $_->[0] } sql_rows($db, 'SELECT address FROM worker ' .
    'ORDER BY id');
pay($end - 36 * $HOUR, @workers);
my $due = results();
make_ledger($db, @made, '--append', '--results', 200, '--end-ms', $end);
my $young = results() - $due;
well(AdminRun::run('', @log, '--key', 'new'), 'a key');
well(run_at($end + 3 * $HOUR, @log, '--idle'), 'a log');
well(run_at(undef, program('worknet'), '-c', $conf, 'rollup'), 'a rollup');
well(AdminRun::run('', @log, '--upload'), 'an upload');

# ---- How much a transaction drops ----

# With a reader that was there before, all that it commits stays in the ledger's
# log: each beginning of that, up to a commit, is the ledger as it was then.
sub commits {
	my ($wal) = @_;
	my ($size, @at) = unpack('@8N', $wal);

	for (my $p = 32; $p + 24 + $size <= length $wal; $p += 24 + $size) {
		push @at, $p + 24 + $size if unpack('N', substr($wal, $p + 4, 4));
	}
	return @at;
}
{
	my $save = slurp($db);
	my $reader = child_start('reader', sub {
		open(my $sql, '|-', 'sqlite3', '-batch', $db) or die $!;
		$sql->autoflush(1);
		print $sql "BEGIN; SELECT count(*) FROM result;\n" .
		    ".shell touch $Dir/reads\n.shell sleep 600\n";
		close $sql;
		return 0;
	});
	wait_for(sub { -e "$Dir/reads" }, 'a reader');
	is(worknet('-c', $conf, 'archive')->{code}, 0, 'what is due is dropped');
	my ($file, $wal) = (slurp($db), slurp("$db-wal"));
	child_end($reader, 'KILL');
	my @left = ($due + $young);
	for my $at (commits($wal)) {
		spurt("$Dir/then.db", $file);
		spurt("$Dir/then.db-wal", substr($wal, 0, $at));
		push @left, (sql_rows("$Dir/then.db",
		    'SELECT count(*) FROM result'))[0][0];
	}
	is($left[-1], $young, 'all of it');
	my @steps = grep { $_ > 0 } map { $left[$_ - 1] - $left[$_] } 1 .. $#left;
	my ($most) = sort { $b <=> $a } @steps;
	cmp_ok($most, '<=', $STEP_MAX, scalar(@steps) . ' transactions drop ' .
	    "$most results at most, whoever waits for them");
	unlink "$db-wal", "$db-shm";
	spurt($db, $save);
}

# ---- Under load ----

well(worknet('-c', $conf, 'task', 'pause', "task_0000$_"), 'a pause')
    for 0 .. 2;
$w->task_add("t$_", interval => '1s', copies => 100, cooldown => '0s')
    for 1 .. 40;
my $last = count('SELECT max(id) FROM transfer');
# What it says of who was there before.
sub words {
	return sql_run($db, "SELECT * FROM statement WHERE transfer <= $last;")
	    ->{out} . join '', map { my $j = json_of(worknet('-c', $conf,
	    '--json', 'payout', 'explain', $_));
	    JSON::PP->new->canonical->encode([ map { [ @$_{qw(transfer results
	    micros)} ] } @{ $j->{lines} } ]) } 1 .. 12;
}
my $words = words();
my %balances = map { @$_ } sql_rows($db, 'SELECT w.address, a.balance_micros ' .
    'FROM account a JOIN worker w ON w.id = a.id');

my $load = WorknetTest::Load->new($w, clients => $CLIENTS, after => $last,
    how => sub { 'fcgi' });
$w->start;
$load->begin;
$load->progress(20);

my ($meanwhile, $runs, $killed, @codes) = (0, 0, 0);
sub beside_load {
	my (@command) = @_;
	my $before = $load->written;
	my $r = AdminRun::run('', @command);

	$meanwhile += $load->written - $before;
	$runs++;
	return $r->{code};
}
sub archive_killed {
	my ($write) = @_;

	return beside_load('strace', '-f', '-qq', '-o', "$Dir/trace", '-e',
	    'trace=pwrite64', '-e', "inject=pwrite64:signal=KILL:when=$write",
	    program('worknet'), '-c', $conf, 'archive', '--quiet');
}
for my $write (3, 90, 55, 17, 140, 61, 33) {
	my $was = count('SELECT count(*) FROM archived');

	archive_killed($write) ne '0' or last;
	my $is = count('SELECT count(*) FROM archived');
	$killed += $is < $due;
	cmp_ok($is, '>=', $was, "killed at its write $write, what it has " .
	    'dropped stays so');
}
cmp_ok($killed, '>=', 5, "it was killed $killed times before its end");
my $archived = count('SELECT coalesce(sum(results), 0) FROM archived');
cmp_ok($archived, '>', 0, '... after it had dropped some,');
cmp_ok($archived, '<', $due, '... and not all');
pay(now_ms(), $workers[0]);
do {
	push @codes, map { beside_load(program('worknet'), '-c', $conf,
	    'archive', '--quiet', @$_) } [], [ '--bring-back' ];
} while ($meanwhile < $MEANWHILE && $runs < $RUNS_MAX);
unlink "$Dir/trace";
# One rests after its first transaction until another one has done all.
my $first = child_start('strace', sub {
	exec find_program('strace'), '-f', '-qq', '-o', "$Dir/trace", '-e',
	    'trace=clock_nanosleep', '-e',
	    'inject=clock_nanosleep:signal=STOP:when=1', program('worknet'),
	    '-c', $conf, 'archive', '--quiet';
});
my $resting;
wait_for(sub {
	-e "$Dir/trace" && (($resting) = slurp("$Dir/trace") =~
	    /^(\d+) .*stopped by SIGSTOP/m);
}, 'one rests');
push @codes, beside_load(program('worknet'), '-c', $conf, 'archive', '--quiet');
kill('CONT', $resting);
push @codes, child_wait($first);
is(join(' ', grep { $_ ne '0' } @codes), '', scalar(@codes) . ' more runs ' .
    'drop all that is due, and bring it back');
cmp_ok($meanwhile, '>=', $MEANWHILE, "the clients were served $meanwhile " .
    'times while it was at work');
$load->end;
is($w->stop, 0, 'the coordinator ends');

WorknetTest::Load::none_ok([ $load->said('trouble') ], 'no request was ' .
    'refused, and none had no answer');
$load->kept_ok;
is(join(' ', grep { /busy|locked/i } split /\n/, $w->log_text), '',
    'the coordinator never found the ledger locked');
is(count("SELECT count(*) FROM result WHERE transfer <= $last"), $young,
    'what was due is dropped, and nothing else');
is(count('SELECT sum(results) FROM archived'), $due, '... each result once');
is(words(), $words, 'statements and payouts are what they were');
my ($paid) = count("SELECT amount_micros FROM payout WHERE id = $payouts");
cmp_ok($paid, '>', 0, 'who was paid in between had credit that isn\'t due');
$balances{ lc $workers[0] } -= $paid;
my %are = map { @$_ } sql_rows($db, 'SELECT w.address, a.balance_micros ' .
    'FROM account a JOIN worker w ON w.id = a.id');
is_deeply({ map { $_ => $are{$_} } keys %balances }, \%balances,
    'balances are what they were, but for that');
$w->audit_ok('afterwards');
my $r = worknet('-c', $conf, 'audit', '--log', "$Dir/site");
is($r->{code}, 0, '... also beside the log') or diag($r->{out}, $r->{err});
$w->log_ok;
done_testing();
