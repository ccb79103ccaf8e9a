#!/usr/bin/perl
# worknet archive: results that the log and the object store have, and whose
# credit is paid, leave the ledger; nothing that it says changes. What isn't
# there, or is otherwise, stays; and all of it can be brought back.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex hmac_sha256);
use File::Basename 'dirname';
use File::Copy 'copy';
use JSON::PP;
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;
use LogRun;

my $here = dirname(__FILE__);
my $node = $ENV{NODE} || 'node';

need_log('make_ledger', 'make_payouts');
plan skip_all => "zstd isn't installed" if system('zstd -qV >/dev/null 2>&1');
plan skip_all => "node isn't installed"
    if system("$node --version >/dev/null 2>&1");
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 900;

my $HOUR = 3600_000;
my $DAY = 24 * $HOUR;
my $end = 1767247200_000;	# 2026-01-01 06:00
my $db = "$Dir/ledger.db";

my $port = store_start($node, "$here/store.mjs");
my $turn = 0;
sub store_is {
	my (@faults) = @_;

	write_file("$Dir/store/control.json", encode_json({ kind => 's3',
	    id => 'AKIDWORKNET', secret => 'secret', region => 'eu-x1',
	    bucket => 'results', turn => ++$turn, faults => \@faults }));
}
store_is();
sub objects { return glob "$Dir/store/objects/*" }
sub save { system("rm -rf $Dir/$_[1]; cp -a $Dir/$_[0] $Dir/$_[1]") == 0 or die }

my $conf = "$Dir/log.conf";
sub conf_is {
	my ($days) = @_;
	log_conf(<<"END");
[upload]
kind = s3
endpoint = http://127.0.0.1:$port
bucket = results
region = eu-x1
key_file = upload.key
state_directory = upload
retry_ms = 1
[archive]
after_days = $days
END
}
sub at {
	my ($ms, @command) = @_;
	my $r = run_at($ms, @command);
	die "$command[0]: $r->{err}" if $r->{code} ne '0';
	return $r->{out};
}
sub upload {
	my $r = AdminRun::run('', program('worknet-log'), '-c', $conf, '--upload');
	die $r->{err} if $r->{code} ne '0';
}
# What archive says: its code, fields, and findings.
sub archive {
	my $r = worknet('-c', $conf, 'archive', '--json', @_);
	my $j = json_of($r) // {};
	return { %$j, code => $r->{code}, err => $r->{err},
	    findings => [ map { $_->{text} } @{ $j->{findings} // [] } ] };
}
# What the audit finds but for what archive itself has told.
sub audit {
	my $r = worknet('-c', $conf, 'audit', '--json', @_);
	my $j = json_of($r) or return "none: $r->{err}";
	return join "\n", grep { !/^exceptions: archive fails/ }
	    map { "$_->{rule}: $_->{text}" } @{ $j->{findings} };
}
# What worknet status has a person look at, of archive.
sub open_finding {
	return join '', map { $_->{detail} } grep { $_->{kind} eq 'archive fails' }
	    @{ json_of(worknet('-c', $conf, '--json', 'finding', 'list'))
	    ->{findings} };
}
sub audits_are_clean {
	my ($when) = @_;
	is(audit('--signatures'), '', "the audit is clean $when");
	is(audit('--log', "$Dir/site"), '', '... and beside the log');
}
sub ledger_is {
	my ($file) = @_;
	unlink "$db-wal", "$db-shm";
	copy("$Dir/$file", $db) or die $!;
}
sub count { return (sql_rows($db, $_[0]))[0][0] }
sub results { return count('SELECT count(*) FROM result') }
# What the ledger says to people, of everybody and everything.
my @workers;
sub words {
	return join '', (map { sql_run($db, $_)->{out} } 'SELECT * FROM balances;',
	    'SELECT * FROM statement;', 'SELECT * FROM exceptions;',
	    'SELECT * FROM trial_balance;'), map {
		# But for the newest results: those that it has.
		my $j = json_of(worknet('-c', $conf, '--json', 'worker',
		    'show', $_));
		delete $j->{lastResults};
		JSON::PP->new->canonical->encode($j);
	} @workers;
}
sub words_of_payouts {
	return join '', map { worknet('-c', $conf, 'payout', 'explain', $_)->{out} }
	    map { $_->[0] } sql_rows($db, 'SELECT id FROM payout ORDER BY id');
}
# A payout of all that it has to each of these workers, final at that time.
my $payouts = 0;
sub pay {
	my ($ms, @to) = @_;
	for (@to) {
		$payouts++;
		my $r = AdminRun::run("reserve $_ 0\nsign $payouts\nsubmit " .
		    "$payouts http://f/\npost $payouts 0\nfinal $payouts\n",
		    program('make_payouts'), '--db', $db, '--now', $ms);
		die $r->{err} if $r->{code} ne '0';
	}
}

# ---- A ledger whose older credits are paid ----

mkdir "$Dir/$_" or die $! for qw(site state upload);
write_file("$Dir/upload.key", "AKIDWORKNET\nsecret\n");
chmod 0600, "$Dir/upload.key";
conf_is(35);
my @made = ('--tasks', 3, '--interval-ms', 300000, '--copies', 2, '--seed', 9,
    '--workers', 5, '--silent-percent', 10, '--edits', 2,
    '--round-percent', 60);
make_ledger($db, @made, '--results', 40, '--end-ms', $end - 12 * $DAY);
# One was an answer to a drill, whose day's key is shown later.
my ($drill, $day) = @{ (sql_rows($db, 'SELECT slot, assigned_ms / 86400000 ' .
    'FROM result r JOIN transfer t ON t.id = r.transfer WHERE place IS NULL ' .
    'AND status = 200 AND t.credit = 4 ORDER BY slot LIMIT 1'))[0] };
my $key = sha256_hex('a day');
my $of = sub { hmac_sha256($_[0] . pack('Q>', $drill), pack('H*', $key)) };
$key = sha256_hex($key) while unpack('N', $of->('drill')) % 1000 >= 500 ||
    (ord $of->('status')) % 2 == 0;
forge($db, "$Dir/drills.db", "INSERT INTO drill_key VALUES ($day, " .
    "X'" . sha256_hex(pack 'H*', $key) . "', 1, NULL); UPDATE result SET " .
    'copy = (SELECT copies FROM task_version v WHERE v.id = version) ' .
    "WHERE slot = $drill; INSERT INTO drill SELECT r.slot, t.credit, " .
    "r.assigned_ms, 200, 'right' FROM result r JOIN transfer t ON " .
    "t.id = r.transfer WHERE r.slot = $drill;", rechain => 1);
rename "$Dir/drills.db", $db or die $!;
is(AdminRun::run('', program('worknet-log'), '-c', $conf, '--key', 'new')
    ->{code}, 0, 'a log has a key');
at($end - 12 * $DAY, program('worknet-log'), '-c', $conf, '--idle');
sql_run($db, "UPDATE drill_key SET key = X'$key';");
make_ledger($db, @made, '--append', '--results', 80, '--checkpoint',
    "$Dir/site/checkpoint", '--end-ms', $end - 10 * $DAY);
at($end - 9 * $DAY, program('worknet-log'), '-c', $conf, '--idle');
@workers = map { $_->[0] } sql_rows($db, 'SELECT address FROM worker ORDER BY id');
is(scalar(@workers), 5, 'five workers were credited');
my $unpaid = pop @workers;
pay($end - 9 * $DAY, @workers);
push @workers, $unpaid;
make_ledger($db, @made, '--append', '--results', 40, '--checkpoint',
    "$Dir/site/checkpoint", '--end-ms', $end);
at($end + 3 * $HOUR, program('worknet-log'), '-c', $conf, '--idle');
my $all = results();
my $due = count("SELECT count(*) FROM result r JOIN transfer t ON
    t.id = r.transfer JOIN worker w ON w.id = t.credit
    WHERE t.at_ms < $end - 9 * $DAY AND w.address <> '$unpaid'");
cmp_ok($due, '>', 60, 'most results are old, and of paid credits');

# ---- What isn't due stays ----

my $r = archive();
is("$r->{code} $r->{results} " . @{ $r->{findings} }, '0 0 0',
    'before uptime is counted nothing is dropped');
at($end + 3 * $HOUR, program('worknet'), '-c', $conf, 'rollup');
copy($db, "$Dir/true.db") or die $!;
audits_are_clean('before');
my ($words, $explained) = (words(), words_of_payouts());
like($explained, qr/\d/, 'payouts are explained');

$r = archive();
is($r->{code}, 1, 'before the log is uploaded nothing is dropped');
is(scalar(grep { !m{^(?:worker-results|drills)/\S+\.zst isn't in the store$} }
    @{ $r->{findings} }), 0, '... which is told') or diag @{ $r->{findings} };
is(results(), $all, '... and all is there');
upload();
conf_is(0);
$r = archive();
is("$r->{code} $r->{results}", '0 0', 'nothing is archived unless somebody ' .
    'says so in the configuration');
$r = worknet('-c', $conf, 'archive', '--quiet');
is("$r->{code}$r->{out}$r->{err}", '0', '... which a timer isn\'t told');
like(worknet('-c', $conf, 'archive')->{out},
    qr/after_days is 0: nothing is dropped/, '... but a person is');
is(open_finding(), '', '... and no finding is left');
conf_is(34);
is(archive()->{code}, 1, 'or while the ledger may look at it');
like(open_finding(), qr/after_days: got 34/, '... which is a finding');
conf_is(3650);
$r = archive();
is("$r->{code} $r->{results}", '0 0', 'nothing is dropped that is younger');
is(open_finding(), '', '... and the finding is over');
is(results(), $all, '... and all is there');
conf_is(35);
is(archive('--log', "$Dir/site")->{code}, 2,
    'that it is in the log alone isn\'t enough');

# ---- What the store has otherwise stays ----

# Two hours in which somebody was paid for what is archived.
my ($victim, $other) = (grep { /-12-2[01].*\.zst$/ && -s $_ > 1000 } objects())[0, -1];
sub with_object {
	my ($what, $change, $says) = @_;
	save('store/objects', 'objects-true');
	$change->();
	ledger_is("true.db");
	my $r = archive();
	is($r->{code}, 1, "$what is found");
	is(scalar(grep { !/$says/ } @{ $r->{findings} }), 0, '... and told')
	    or diag @{ $r->{findings} };
	cmp_ok($r->{left}, '>', 0, '... and what it has is left');
	like(open_finding(), qr/^[1-9]\d* things aren't as they were logged$/,
	    '... as a finding, too');
	is(results(), $all - $r->{results}, '... in the ledger');
	save('objects-true', 'store/objects');
	is(audit('--log', "$Dir/site"), '', '... which is whole');
}
with_object('an object that is gone', sub { unlink $victim or die $! },
    qr/isn't in the store/);
with_object('another object', sub { copy($other, $victim) or die $! },
    qr/isn't the file that was logged/);
with_object('an object that is cut off', sub {
	write_file($victim, substr read_file($victim), 0, -5);
}, qr/isn't the file that was logged|isn't whole/);
with_object('an object with a line more', sub {
	system("zstd -qdc '$victim' >$Dir/lines; head -1 $Dir/lines >>" .
	    "$Dir/lines; zstd -qf $Dir/lines -o '$victim'") == 0 or die;
}, qr/isn't the file that was logged/);

# ---- A store that can't be reached ----

store_is({ on => 'GET', match => '.', times => 1000000, do => 'reset' });
ledger_is("true.db");
$r = archive();
is("$r->{code} $r->{results} @{ $r->{findings} }", '4 0 ', 'a store that can\'t ' .
    'be reached is for the next run');
is(open_finding(), '', '... and no finding of this one');
is(results(), $all, '... and all is there');
store_is({ on => 'GET', match => '.', times => 1, do => '403' });
$r = archive();
is($r->{code}, 1, 'one that refuses isn\'t');
like(open_finding(), qr/403/, '... but a finding');
store_is();

# ---- What the log has otherwise stays ----

my $forged = (sql_rows("$Dir/true.db", 'SELECT r.slot FROM result r JOIN ' .
    'transfer t ON t.id = r.transfer JOIN worker w ON w.id = t.credit ' .
    "WHERE w.address <> '$unpaid' AND r.place IS NULL ORDER BY r.slot LIMIT 1"))[0][0];
for my $change ('status = 418', 'assigned_ms = assigned_ms - 1', "error = 'x'") {
	forge("$Dir/true.db", $db, "UPDATE result SET $change WHERE slot = $forged;",
	    rechain => 1);
	my $r = archive();
	is($r->{code}, 1, "a result with $change is found");
	like("@{ $r->{findings} }", qr/^transfer \d+: its results aren't what the log has;/,
	    '... and told');
	is(count("SELECT count(*) FROM result WHERE slot = $forged"), 1,
	    '... and stays');
}
{
	my ($bundle) = glob "$Dir/site/tile/entries/*";
	my $true = read_file($bundle);
	ledger_is('true.db');
	(my $false = $true) =~ s/("sha256":")(.)/$1 . ($2 eq '0' ? '1' : '0')/e;
	write_file($bundle, $false);
	my $r = archive();
	is($r->{code}, 1, 'a leaf that wasn\'t signed so is found');
	like("@{ $r->{findings} }", qr/^leaf \d+ isn't what was signed/, '... and told');
	write_file($bundle, $true);
}

# ---- Killed ----

ledger_is("true.db");
SKIP: {
	skip 'strace can\'t trace here', 1
	    if system('strace -f -o /dev/null true 2>/dev/null');
	my $was = $all;
	for my $n (1 .. 12) {
		my $at = 3 * $n - 2;
		my $r = AdminRun::run('', 'strace', '-f', '-qq', '-o',
		    "$Dir/trace", '-e', 'trace=pwrite64,fdatasync', '-e',
		    "inject=pwrite64:signal=KILL:when=$at", program('worknet'),
		    '-c', $conf, 'archive');
		last if $r->{code} eq '0';
		my $now = results();
		ok($now <= $was, "killed at write $at, it goes on") or last;
		$was = $now;
		is(audit('--log', "$Dir/site"), '', '... and the ledger is whole');
		ledger_is("true.db") if $n % 3 == 0;
		$was = $all if $n % 3 == 0;
	}
}

# ---- Dropped ----

ledger_is("true.db");
$r = archive();
is("$r->{code} $r->{results} $r->{left} @{ $r->{findings} }", "0 $due 0 ",
    'all that is due is dropped') or diag $r->{err};
is(results(), $all - $due, '... and nothing else');
is(count("SELECT count(*) FROM result WHERE slot = $drill"), 0,
    '... also the answer to a drill');
is(count('SELECT count(*) FROM archived d JOIN result r ON ' .
    'r.transfer = d.transfer'), 0, '... whole credits');
$r = archive();
is("$r->{code} $r->{results}", '0 0', 'once more there is nothing to do');
audits_are_clean('afterwards');
is(words(), $words, 'whatever the ledger says of workers is the same');
is(count('SELECT sum(results) FROM archived'), $due,
    'it knows how many there were');
for my $p (map { $_->[0] } sql_rows($db, 'SELECT id FROM payout')) {
	my ($was, $is) = map { my $file = $_;
	    copy($file, "$Dir/one.db") or die $!;
	    (my $text = read_file($conf)) =~ s/ledger\.db/one.db/;
	    write_file("$Dir/one.conf", $text);
	    json_of(worknet('-c', "$Dir/one.conf", '--json', 'payout', 'explain',
	    $p)) } "$Dir/true.db", $db;
	is_deeply([ map { [ @$_{qw(transfer results micros)} ] }
	    @{ $is->{lines} // [] } ],
	    [ map { [ @$_{qw(transfer results micros)} ] }
	    @{ $was->{lines} // [] } ], "payout $p is of the same credits");
}
my $n = count('SELECT count(*) FROM payout');
pay($end + 4 * $HOUR, $workers[0]);
is(count('SELECT count(*) FROM payout'), $n + 1,
    'who has archived credits is paid what came since');
is(worknet('-c', $conf, 'report', '--task', 'task_00000', '--from',
    '2025-12-20', '--to', '2025-12-25', '--json')->{code}, 0,
    'its hours can be told');
isnt(worknet('-c', $conf, 'rollup', '--since', '2025-12-22')->{code}, 0,
    'but not counted anew');

# ---- Ledgers of somebody who knows how ----

copy($db, "$Dir/archived.db") or die $!;
sub forged {
	my ($what, $sql, $says, %o) = @_;
	forge("$Dir/archived.db", $db, $sql, rechain => 1, unchecked => 1);
	my $found = audit(exists $o{log} ? ('--log', "$Dir/site") : ());
	like($found, $says, "$what is found");
}
my ($gone) = map { $_->[0] } sql_rows($db, 'SELECT transfer FROM archived ' .
    'ORDER BY transfer LIMIT 1 OFFSET 3');
my ($kept) = map { $_->[0] } sql_rows($db, 'SELECT max(transfer) FROM result');
my $slots = (sql_rows($db, 'SELECT hex(slots) FROM archived ' .
    "WHERE transfer = $gone"))[0][0];
forge("$Dir/archived.db", $db, "UPDATE archived SET digest = randomblob(32) " .
    "WHERE transfer = $gone;", unchecked => 1);
like(audit(), qr/transfer $gone: its hash is of other values/,
    'another digest isn\'t what the hash covers');
forged('a digest that the log doesn\'t bear', "UPDATE archived SET digest = " .
    "randomblob(32) WHERE transfer = $gone;",
    qr/^log: transfer $gone: was archived, and its lines in the log are of other results$/m,
    log => 1);
forged('a credit that was never in the log', "DELETE FROM result WHERE " .
    "transfer = $kept; INSERT INTO archived VALUES ($kept, randomblob(32), 1, " .
    "1, X'FFFFFF01');",
    qr/^log: transfer $kept: was archived, and 1 of its results aren't in the log$/m,
    log => 1);
forge("$Dir/archived.db", $db, "UPDATE archived_file SET sha256 = randomblob(32) " .
    "WHERE leaf = (SELECT min(leaf) FROM archived_file);", unchecked => 1);
like(audit('--log', "$Dir/site"), qr/results were archived by another file/,
    'another file\'s hash is found');
forge("$Dir/archived.db", $db, "DELETE FROM archived WHERE transfer = $gone;",
    unchecked => 1);
like(audit(), qr/transfer $gone: (?:its hash is of other values|a credit without)/,
    'nor is a credit without its results or an archived row passed');
# A payer of another treasury has nothing but results to go by.
forge("$Dir/archived.db", $db, "UPDATE payout SET seal = '0x' || " .
    "replace(hex(zeroblob(65)), '00', '11');", unchecked => 1);
my $refused = AdminRun::run("reserve $workers[1] 0\n", program('make_payouts'),
    '--db', $db, '--now', $end + 5 * $HOUR);
isnt($refused->{code}, 0, 'who isn\'t sealed isn\'t paid without results');
like($refused->{err}, qr/its results are archived: worknet archive --bring-back/,
    '... which is told');
forge("$Dir/archived.db", $db, "DELETE FROM result WHERE transfer = $kept;",
    unchecked => 1);
like(audit(), qr/transfer $kept: its hash is of other values/,
    'results that are dropped without a row are found');

# ---- Brought back ----

sub same_rows {
	my ($name) = @_;
	my @rows = map { sql_run($_, 'SELECT * FROM result ORDER BY slot;')->{out} }
	    "$Dir/true.db", $db;
	is($rows[1], $rows[0], $name);
}
forge("$Dir/archived.db", $db, "UPDATE archived SET digest = randomblob(32) " .
    "WHERE transfer = $gone;", unchecked => 1);
$r = archive('--bring-back');
is("$r->{code} @{ $r->{findings} }", "1 transfer $gone: its lines are of " .
    'other results', 'what isn\'t of the digest isn\'t brought back');
is(count("SELECT count(*) FROM result WHERE transfer = $gone"), 0,
    '... and stays away');
ledger_is("archived.db");
save('store/objects', 'objects-true');
copy($other, $victim) or die $!;
$r = archive('--bring-back');
is($r->{code}, 1, 'what the store has otherwise isn\'t brought back');
cmp_ok(results(), '<', $all, '... and the rest is');
save('objects-true', 'store/objects');
is(archive('--bring-back')->{code}, 0, 'the rest is brought back later');
same_rows('every row is what it was');
audits_are_clean('then');
copy($db, "$Dir/back.db") or die $!;
forge("$Dir/back.db", $db, "UPDATE archived SET digest = randomblob(32) " .
    "WHERE transfer = $gone;", unchecked => 1);
is(audit(), "archive: transfer $gone: was archived with other results than it has",
    'then another digest is found, too');
ledger_is("archived.db");
$r = archive('--bring-back', '--log', "$Dir/site");
is("$r->{code} $r->{results}", "0 $due", 'also from a copy of the log');
same_rows('... every row');
$r = archive();
is("$r->{code} $r->{results}", "0 $due", 'and can be archived again');
audits_are_clean('then');
# ---- A copy from in between ----

mkdir "$Dir/copies" or die $!;
is(worknet('-c', $conf, 'backup', "$Dir/copies")->{code}, 0, 'it is backed up');
my ($copy) = glob "$Dir/copies/*";
is(archive('--bring-back')->{code}, 0, 'results are brought back since');
unlink "$db-wal", "$db-shm";
rename $db, "$Dir/lost.db" or die $!;
is(worknet('-c', $conf, 'restore', $copy)->{code}, 0,
    'an archived ledger is restored');
is(results(), $all - $due, '... as it was');
audits_are_clean('then');
is(archive('--bring-back')->{code}, 0, 'and brings back what is its own');
same_rows('... every row');
done_testing();
