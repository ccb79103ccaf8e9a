#!/usr/bin/perl
# The audit of signatures from a known point: what an earlier audit has verified
# isn't verified again, and whatever of it changed, with all hashes made anew,
# is found. WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use File::Copy 'copy';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;

for my $name (qw(worknet make_ledger)) {
	plan skip_all => "$name isn't built" unless program($name);
}
plan skip_all => 'no sqlite3 shell' if system('sqlite3 -version >/dev/null');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

my @KIND = ('--seed', 11, '--tasks', 8, '--workers', 40, '--round-percent', 40);
my $clean = "$Dir/clean.db";
my $conf = write_file("$Dir/clean.conf", "[ledger]\npath = clean.db\n");
my $forged = "$Dir/forged.db";
my $forged_conf =
    write_file("$Dir/forged.conf", "[ledger]\npath = forged.db\n");
my $known = "$Dir/known";

# The exit code, how many signatures were verified, and the broken rules.
sub audit {
	my ($c, $file, @options) = @_;
	my $r = worknet('-c', $c, 'audit', '--json', '--known', $file,
	    @options);
	return "$r->{code}" if $r->{out} eq '';
	my $rules = json_of($r)->{rules};
	$r->{found} = join ' ', map { $_->{rule} } grep { $_->{found} } @$rules;
	my ($signatures) = map { $_->{checked} } grep {
	    $_->{rule} eq 'signature' } @$rules;
	return "$r->{code}: $signatures" . ($r->{found} && ": $r->{found}");
}

sub text {
	my ($path) = @_;
	open(my $f, '<', $path) or return '';
	local $/;
	return scalar <$f>;
}

make_ledger($clean, @KIND, '--results', 200, '--end-ms',
    int(time - 7200) * 1000);
my ($then) = map { $_->[0] } sql_rows($clean, 'SELECT max(id) FROM transfer;');

# ---- Honest ----

is(audit($conf, $known), '0: 200', 'the first audit verifies all signatures');
is((stat $known)[2] & 0777, 0600, 'what it leaves is its own');
is(audit($conf, $known), '0: 0', 'the next one none again');
is(audit($conf, "$Dir/other"), '0: 200', 'but all with a file of its own');
copy($clean, "$Dir/early.db") or die;
copy($known, "$Dir/early-known") or die;
make_ledger($clean, @KIND, '--results', 100, '--append');
is(audit($conf, $known), '0: 100', 'of a ledger that grew those that came');
is(audit($conf, $known), '0: 0', 'and these once, too');
my ($all) = map { $_->[0] } sql_rows($clean, 'SELECT count(*) FROM result;');
is($all, 300, 'of which there are as many as that');

# ---- What was verified is another ----

# With what the audit knew of the first 200 results.
sub finds {
	my ($name, $wanted, $sql, $says, @how) = @_;
	forge($clean, $forged, $sql, @how);
	copy("$Dir/early-known", $known) or die;
	like(audit($forged_conf, $known), qr/^$wanted$/, $name);
	like(worknet('-c', $forged_conf, 'audit', '--known', $known)->{out},
	    $says, "$name: it says what");
	is(text($known), text("$Dir/early-known"),
	    "$name: what was known stays");
}

# The slot of a result with a signature and a response time: where the site
# refused the connection, there is no time that a forgery could change.
sub timed {
	my ($where) = @_;
	return (sql_rows($clean, "SELECT slot FROM result WHERE
	    length(signature) = 65 AND response_ms IS NOT NULL AND $where
	    LIMIT 1 OFFSET 20;"))[0][0];
}

my $slot = timed("transfer < $then");
my $new = timed("transfer > $then");
my $flip = "UPDATE result SET signature = CAST(substr(signature, 1, 64) ||
    CASE substr(signature, 65) WHEN X'1b' THEN X'1c' ELSE X'1b' END AS BLOB)
    WHERE slot =";

finds('a forged signature of those that came', '1: 100: signature',
    "$flip $new;", qr/slot $new: signature/, rechain => 1);
finds('a forged signature of those before', '1: 300: transfer-chain signature',
    "$flip $slot;", qr/transfer $then: has another hash/, rechain => 1);
finds('results before, forged in a way that their signature allows',
    '1: 300: transfer-chain', "UPDATE result SET response_ms = response_ms + 1
    WHERE slot = $slot;",
    qr/transfer $then: has another hash/, rechain => 1);
# Who has been given something lately stands in the schedule, too.
finds('a worker who was paid is another', '1: 300: (?:schedule )?signature',
    "UPDATE worker SET address = substr(address, 1, 41) ||
    CASE substr(address, 42) WHEN '1' THEN '2' ELSE '1' END
    WHERE id = (SELECT t.credit FROM transfer t JOIN result r
    ON r.transfer = t.id WHERE r.slot = $slot);",
    qr/workers up to $then aren't those that an earlier audit saw/);
finds('a task has another name', '1: 300: schedule assignment signature',
    "UPDATE task SET name = name || 'x' WHERE id = 1;",
    qr/tasks up to \d+ aren't those that an earlier audit saw/);
finds('a definition is another', '1: 300: version-chain signature',
    "UPDATE task_version SET hash = zeroblob(32) WHERE id = 3;",
    qr/definitions up to \d+ aren't those that an earlier audit saw/);
finds('a root of the log is another', '1: 300: signature',
    "UPDATE anchor SET root = zeroblob(32) WHERE size = 0;",
    qr/anchors up to \d+ aren't those that an earlier audit saw/);

# ---- Another ledger ----

copy("$Dir/early.db", $forged) or die;
audit($conf, $known);
is(audit($forged_conf, $known), '1: 200: transfer-chain',
    'a ledger that was set back lacks what was verified');
like(worknet('-c', $forged_conf, 'audit', '--known', $known)->{out},
    qr/transfer \d+: is gone, an earlier audit saw hash 0x[0-9a-f]{64}/,
    'and it says what is gone');
unlink $forged;
worknet('-c', $forged_conf, 'init');
is(audit($forged_conf, $known), '1: 0: signature',
    'what was verified was of another ledger');

# ---- Workers who may go away ----

my $stranger = '0x' . 'ab' x 20;
sql_run($clean, "INSERT INTO account (id, kind) VALUES (1000000, 'worker');
    INSERT INTO worker (id, address, first_seen_ms) VALUES
    (1000000, '$stranger', 1);");
is(audit($conf, $known), '0: 0', 'a worker came who was never paid');
sql_run($clean, "DELETE FROM worker WHERE id = 1000000;
    DELETE FROM account WHERE id = 1000000;");
is(audit($conf, $known), '0: 0', 'and went away');

# ---- The file ----

for (['is cut', substr(text($known), 0, 100)], ['is empty', ''],
    ['is a list', '[]'], ['has a hash that is none',
	text($known) =~ s/(hash.*0x)[0-9a-f]{2}/$1/r],
    ['lacks a table', text($known) =~ s/\{[^{}]*upTo[^{}]*\},//r]) {
	my ($what, $bytes) = @$_;
	write_file("$Dir/damaged", $bytes);
	my $r = worknet('-c', $conf, 'audit', '--known', "$Dir/damaged");
	is($r->{code}, 7, "a file that $what isn't believed");
	like($r->{err}, qr/damaged isn't what an audit left there/,
	    "a file that $what: it says so");
}
is(audit($conf, "$Dir/none/such/known"), '0: 300',
    'the directories of the file are made');

done_testing;
