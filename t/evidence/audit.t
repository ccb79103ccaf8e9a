#!/usr/bin/perl
# worknet audit --log: the log beside the ledger. Whatever was paid and is old
# enough is in it, whatever is in it was paid; a change on either side is found.
use strict;
use warnings;
use Digest::SHA qw(sha256 sha256_hex);
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);

need_log('make_payouts');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

my $HOUR = 3600_000;
my $end = 1780329600_000;	# 2026-06-01 16:00 UTC
my $conf = log_conf();
sub dirs_new {
	system('rm', '-rf', "$Dir/site", "$Dir/state");
	mkdir "$Dir/$_" or die $! for qw(site state);
}
sub save { system("rm -rf $Dir/$_[1]; cp -a $Dir/$_[0] $Dir/$_[1]") == 0 or die }

sub log_at {
	my ($ms, @args) = @_;

	my $r = run_at($ms, program('worknet-log'), '-c', $conf, @args);
	return "$r->{code} $r->{err}";
}

# What the audit says of the log: findings, and how much was looked at.
sub audit {
	my $r = worknet('-c', $conf, 'audit', '--json', '--log', "$Dir/site");
	my $j = json_of($r) or return { error => $r->{err}, found => [] };
	my ($rule) = grep { $_->{rule} eq 'log' } @{ $j->{rules} };
	return { code => $r->{code}, checked => $rule->{checked}, found =>
	    [ map { $_->{text} } grep { $_->{rule} eq 'log' } @{ $j->{findings} } ] };
}
sub clean {
	my ($name) = @_;
	my $a = audit();

	is("@{ $a->{found} }", '', $name) or diag($a->{error} // '');
	return $a;
}
# Exactly so many findings, each of which says that.
sub found {
	my ($name, $n, $says, $a) = @_;

	$a //= audit();
	my @all = @{ $a->{found} };
	is(scalar(@all), $n, "$name is found") or diag join "\n", @all,
	    $a->{error} // '';
	is(scalar(grep { !/$says/ } @all), 0, '... and told') or
	    diag join "\n", @all;
}

dirs_new();
my @made = ('--tasks', 2, '--interval-ms', 300000, '--seed', 5,
    '--silent-percent', 10, '--edits', 2, '--round-percent', 50);
make_ledger("$Dir/ledger.db", @made, '--results', 60,
    '--end-ms', $end - 3 * $HOUR);
is(AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new')
    ->{code}, 0, 'the log has a key');
is(log_at($end - 2.5 * $HOUR), '0 ', 'it is begun');
make_ledger("$Dir/ledger.db", @made, '--append', '--results', 40,
    '--checkpoint', "$Dir/site/checkpoint", '--end-ms', $end);
clean('what was paid since the log\'s last hour needn\'t be in it');
is(log_at($end + 2.5 * $HOUR, '--idle'), '0 ', 'and goes on to the end');
my $a = clean('a log that was made of the ledger is as the ledger');
my ($results) = map { $_->[0] } sql_rows("$Dir/ledger.db",
    'SELECT count(*) FROM result');
is($a->{checked}, $results, 'each result was compared');
my $r = worknet('-c', $conf, 'audit', '--json');
is(scalar(grep { $_->{rule} eq 'log' } @{ json_of($r)->{rules} }), 0,
    'without --log nothing is said of it');

# ---- Rows that were changed since ----

save($_, "$_-true") for qw(site state);
sub with_ledger {
	my ($sql) = @_;

	rename "$Dir/ledger.db", "$Dir/true.db" or die $!;
	forge("$Dir/true.db", "$Dir/ledger.db", $sql, unchecked => 1);
	my $a = audit();
	unlink "$Dir/ledger.db";
	rename "$Dir/true.db", "$Dir/ledger.db" or die $!;
	return $a;
}
# One that was signed alone and one of a round, of different hours.
my ($alone) = map { $_->[0] } sql_rows("$Dir/ledger.db",
    'SELECT slot FROM result WHERE place IS NULL ORDER BY slot DESC');
my ($round) = map { $_->[0] } sql_rows("$Dir/ledger.db",
    'SELECT r.slot FROM result r JOIN round d ON d.transfer = r.transfer ' .
    'WHERE d.count = 1 AND r.anchor > 0');
for my $slot ($alone, $round) {
	for my $change ('timestamp_ms = timestamp_ms + 1', 'status = 418',
	    "error = 'x'") {
		found("slot $slot: $change", 1, qr/: the line of slot $slot isn't what the ledger has$/,
		    with_ledger("UPDATE result SET $change WHERE slot = $slot;"));
	}
	found("slot $slot that isn't paid any more", 1,
	    qr/: slot $slot has a result that wasn't paid, or another line$/,
	    with_ledger("DELETE FROM result WHERE slot = $slot;"));
}
found('another worker\'s name', 1, qr/the line of slot \d+ isn't/,
    with_ledger('UPDATE transfer SET credit = (SELECT max(id) FROM worker w ' .
    'WHERE w.id <> transfer.credit) WHERE id = (SELECT r.transfer FROM ' .
    "result r WHERE r.slot = $alone);"));

# ---- Logs of an operator who has the key, of other rows ----

# The log made anew of a ledger that was changed; then the true one is audited.
sub relogged {
	my ($sql, %o) = @_;

	dirs_new();
	rename "$Dir/ledger.db", "$Dir/true.db" or die $!;
	forge("$Dir/true.db", "$Dir/ledger.db", $sql, unchecked => 1);
	log_at($o{at} // $end + 2.5 * $HOUR, '--idle');
	unlink "$Dir/ledger.db";
	rename "$Dir/true.db", "$Dir/ledger.db" or die $!;
	my $a = audit();
	unless ($o{stay}) { save("$_-true", $_) for qw(site state) }
	return $a;
}
for my $slot ($alone, $round) {
	found("a log without slot $slot", 1,
	    qr/: slot $slot, cycle \d+, was paid, and isn't in the log$/,
	    relogged("DELETE FROM result WHERE slot = $slot;"));
	found("a log of slot $slot with another time", 1,
	    qr/: the line of slot $slot isn't what the ledger has$/, relogged(
	    "UPDATE result SET timestamp_ms = timestamp_ms - 1 WHERE slot = $slot;"));
}
my ($task, $of_task) = @{ (sql_rows("$Dir/ledger.db", 'SELECT v.task, count(*) ' .
    'FROM result r JOIN task_version v ON v.id = r.version GROUP BY 1 ' .
    'ORDER BY 2 LIMIT 1'))[0] };
my $passed = relogged('DELETE FROM result WHERE version IN (SELECT id FROM ' .
    "task_version WHERE task = $task); " .
    "UPDATE task SET state = 'paused' WHERE id = $task;");
cmp_ok(scalar(@{ $passed->{found} }), '>', 0, 'a task that is left out is found');

# ---- Files that somebody changed ----

sub with_site {
	my ($change) = @_;

	save('site-true', 'site');
	$change->();
	my $a = audit();
	save('site-true', 'site');
	return $a;
}
my ($file) = grep { read_file($_) =~ /"slot":$alone,/ }
    glob "$Dir/site/segment/*/*/*/*/*.ndjson";
$a = with_site(sub { write_file($file, read_file($file) =~
    s/("slot":$alone,.*?"ms":)\d+/${1}7/r) });
is(scalar(grep { /it isn't the file that was logged$/ } @{ $a->{found} }), 1,
    'a file that was changed is found');
is(scalar(grep { /the line of slot $alone isn't/ } @{ $a->{found} }), 1,
    '... and what of it');
$a = with_site(sub { unlink $file or die $! });
is(scalar(grep { /No such file/ } @{ $a->{found} }), 1,
    'a file that is gone is found');
cmp_ok(scalar(grep { /isn't in the log$/ } @{ $a->{found} }), '>', 5,
    '... and what isn\'t in the log for that');
my ($size) = read_file("$Dir/site/checkpoint") =~ /^(\d+)$/m;
$a = with_site(sub {
	my $tile = "$Dir/site/tile/0/000.p/$size";
	my $b = read_file($tile);
	substr($b, 64, 1) = chr(1 ^ ord substr $b, 64, 1);
	write_file($tile, $b);
});
is_deeply([ sort @{ $a->{found} } ], [ 'leaf 2: its tile has another hash',
    'the tiles don\'t lead to the checkpoint' ], 'a tile with another hash is found');
$a = with_site(sub {
	my $bundle = "$Dir/site/tile/entries/000.p/$size";
	my $n = 0;
	write_file($bundle, read_file($bundle) =~
	    s/"results":(\d)/$n++ == 0 ? '"results":' . ($1 ^ 1) : $&/ger);
});
is(scalar(grep { /^leaf \d+: its tile has another hash$|^the entries aren't those that were signed$|its leaf counts other lines$/ }
    @{ $a->{found} }), 3, 'an entry that was changed is found');
$a = with_site(sub { write_file("$Dir/site/checkpoint",
    read_file("$Dir/site/checkpoint") =~ s/^(\d+)$/$1 - 1/emr) });
like("$a->{code} @{ $a->{found} }", qr/^1 \S+: .*isn't by its key/, 'nothing is compared with what isn\'t signed');

# ---- Drills ----

my $day = int(($end - 1) / (24 * $HOUR));
my $key = sha256('the key of that day');
my $drill = 'INSERT INTO drill_key (day, hash, committed_ms, key) VALUES ' .
    "($day, x'" . sha256_hex($key) . "', 1, x'" . unpack('H*', $key) . "');" .
    'UPDATE result SET copy = (SELECT copies FROM task_version v ' .
    "WHERE v.id = version) WHERE slot = $alone; INSERT INTO drill (slot, worker, " .
    'assigned_ms, wanted) SELECT r.slot, t.credit, r.assigned_ms, 200 FROM ' .
    "result r JOIN transfer t ON t.id = r.transfer WHERE r.slot = $alone;";
forge("$Dir/ledger.db", "$Dir/drills.db", $drill);
save('ledger.db', 'checks.db');
rename "$Dir/drills.db", "$Dir/ledger.db" or die $!;
dirs_new();
# As by a coordinator whose clock was ahead.
like(log_at($end + 2.5 * $HOUR, '--idle'), qr/^6 .*the ledger shows the key of drills of day $day, and the clock shows 20260601T183000Z: .* once that day is over$/m,
    'a key that is shown before its day is over is held back');
clean('... which is nothing that the ledger has otherwise');
my $over = ($day + 1) * 24 * $HOUR;
like(log_at($over - 1, '--idle'), qr/^6 /, '... to the day\'s end');
is(log_at($over, '--idle'), '0 ', 'a day with a drill is logged');
$a = clean('as the ledger has it');
is($a->{checked}, $results, 'the drill was compared, too');
save($_, "$_-true") for qw(site state);
found('an answer to a drill that was changed', 1,
    qr/^drills\S+: the line of slot $alone isn't what the ledger has$/,
    with_ledger("UPDATE result SET status = 418 WHERE slot = $alone;"));
found('an answer to a drill that is left out', 1,
    qr/^day $day: 1 answers to drills were paid, and 0 are in the log$/,
    relogged("DELETE FROM result WHERE slot = $alone;", at => $over));

# ---- Payouts ----

rename "$Dir/checks.db", "$Dir/ledger.db" or die $!;
sub payouts {
	my ($text) = @_;
	my $r = AdminRun::run($text, program('make_payouts'), '--db',
	    "$Dir/ledger.db", '--now', $end + $HOUR);

	die "make_payouts: $r->{out}$r->{err}" if $r->{code} ne '0';
}
my @workers = map { $_->[0] } sql_rows("$Dir/ledger.db",
    'SELECT address FROM worker JOIN account USING (id) ' .
    'WHERE balance_micros > 0 ORDER BY id');
payouts(join '', map { "reserve $workers[$_ - 1] 0\nsign $_\nsubmit $_ " .
    "http://127.0.0.1:9\npost $_ 0\nfinal $_\n" } 1, 2);
dirs_new();
is(log_at($end + 4 * $HOUR, '--idle'), '0 ', 'two payouts are logged');
$a = clean('as the ledger has them');
is($a->{checked}, $results + 2, 'both were compared');
save($_, "$_-true") for qw(site state);
found('a payout of another amount', 2, qr/^the log doesn't have \{"type":"worknet\/payout\/v1".*"seq":1,|^leaf \d+: the ledger has no such payout or forfeit$/,
    with_ledger('UPDATE payout SET paid_micros = paid_micros + 1 WHERE id = 1;'));
found('a payout that isn\'t final any more', 1,
    qr/^leaf \d+: the ledger has no such payout or forfeit$/,
    with_ledger("UPDATE payout SET state = 'posted' WHERE id = 1;"));
found('a log without a payout', 1, qr/^the log doesn't have .*"seq":1,/,
    relogged("UPDATE payout SET state = 'posted' WHERE id = 1;"));
payouts("reserve $workers[2] 0\nsign 3\nsubmit 3 http://127.0.0.1:9\n" .
    "post 3 0\nfinal 3\n") if @workers > 2;
$a = audit();
is(scalar(grep { /the log doesn't have/ } @{ $a->{found} }), @workers > 2 ? 1 : 0,
    'a payout of long ago that isn\'t logged is found');
done_testing();
