#!/usr/bin/perl
# The ledger's guards, table by table: which tables there are is asked of the
# ledger, so that a new one without guards is found.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;

for my $name (qw(worknet make_ledger make_payouts)) {
	plan skip_all => "$name isn't built" unless program($name);
}
plan skip_all => 'no sqlite3 shell' if system('sqlite3 -version >/dev/null');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 300;

# What may change of the rows of a table. A table that isn't named here is
# append-only.
my %moves = (
	account => 'balance_micros',
	drill => 'outcome',
	drill_key => 'key',
	maintenance => 'ended_ms',
	witness_slot => 'seen_ms up outcome',
	sighting => 'due_ms outcome',
	finding => 'detail since_ms last_ms times closed_ms closed_by',
	payout => 'state paid_micros',
	submission => 'done_ms cost_wei',
	region => 'name',
	task => 'state version type url expected_status timeout_ms reward_micros ' .
	    'interval_ms copies cooldown_ms budget_micros region',
);
# Tables without guards: neither money nor evidence, but how far the programs
# are, and how they fare.
my %free = map { $_ => 1 } qw(schedule open_slot network_slot level
    slot_counter worker_share network_share standing admission handout
    assignment hold chain_seen suspension journal_seen
    payout_run settler record vote watch uptime_hour uptime_day
    uptime_strip response_hour incident uptime_dissent alert_watch alert_event alert_delivery alert_off
    join_request refusal refused_slot);

my $db = "$Dir/guards.db";
make_ledger($db, '--results', 60, '--workers', 6, '--cooldown-ms', 0);
my ($payee) = map { $_->[0] } sql_rows($db, 'SELECT w.address FROM worker w ' .
    'JOIN account a ON a.id = w.id ORDER BY a.balance_micros DESC LIMIT 1');
my $now = (sql_rows($db, 'SELECT max(at_ms) FROM transfer'))[0][0];
my $made = AdminRun::run("reserve $payee 0\nsign 1\nsubmit 1 http://f/\n" .
    "find test all A finding.\n", program('make_payouts'), '--db', $db,
    '--now', $now);
is($made->{code}, 0, 'a payout and a finding are made') or diag($made->{err});
sql_run($db, "INSERT INTO forfeit SELECT max(id), 1, 'operator', 'x'
    FROM transfer;
    INSERT INTO demotion SELECT 1, id, 1, 1, 'x' FROM worker LIMIT 1;
    INSERT INTO drill SELECT 1, id, 1, 503, NULL FROM worker LIMIT 1;
    INSERT INTO verdict VALUES (1, 1, 1, 1, 1);
    INSERT INTO witness_slot SELECT 1, id, 1, 1, NULL, NULL, NULL FROM worker LIMIT 1;
    INSERT INTO sighting SELECT 1, id, 1, 'x', 1, 1, 1, 1, NULL FROM worker LIMIT 1;
    INSERT INTO dissent SELECT 1, 1, 1, id, 'x', 1, 1 FROM worker LIMIT 1;
    INSERT INTO round SELECT min(transfer), 1, randomblob(32),
	randomblob(65), x'' FROM result;
    INSERT INTO drill_key VALUES (1, randomblob(32), 1, NULL);
    INSERT INTO archived SELECT transfer, randomblob(32), count(*), 1, x'01'
	FROM result GROUP BY 1 ORDER BY 1 LIMIT 1;
    INSERT INTO archived_file VALUES (1, randomblob(32));
    INSERT INTO tier VALUES (1, 'gold', 3, 1500);
    INSERT INTO worker_tier SELECT 1, id, 1, 1, 1 FROM worker LIMIT 1;
    INSERT INTO task_state SELECT 1, id, 1, 'paused' FROM task LIMIT 1;
    INSERT INTO network VALUES (1, '198.51.100.0/24');
    INSERT INTO worker_network SELECT id, 1, 1 FROM worker LIMIT 1;
    INSERT INTO maintenance SELECT 1, id, 2, 3, 1, 'x', NULL FROM task LIMIT 1;");

# What an account that pays for gas sends.
sql_run($db, "INSERT INTO submission (chain_id, account, nonce, target, data,
    gas_limit, queued_ms) VALUES (1, '0x1', 0, '0x2', x'00', 1, 1);
    INSERT INTO submission_payout SELECT id, 0, 1 FROM submission;
    INSERT INTO submission_form SELECT id, 1, 1, '0x' || lower(hex(
    randomblob(32))), '0x' || lower(hex(randomblob(65))), 1 FROM submission;");

# What the shell says to some SQL, in a transaction that is undone.
sub says {
	my ($sql) = @_;
	return sql_run($db, "BEGIN; $sql; ROLLBACK;", 1)->{err};
}

sub columns {
	my ($table) = @_;
	return map { $_->[1] } sql_rows($db, "PRAGMA table_info($table)");
}

# The columns of each key of a table, and of whatever else is unique in it;
# those of an index on an expression are of the columns that it names.
sub keys_of {
	my ($table) = @_;
	my @keys = [ map { $_->[1] } grep { $_->[5] > 0 } sql_rows($db,
	    "PRAGMA table_info($table)") ];
	for my $index (sql_rows($db, "PRAGMA index_list($table)")) {
		next if !$index->[2];
		push @keys, [ grep { $_ ne '' } map { $_->[2] } sql_rows($db,
		    "PRAGMA index_info($index->[1])") ];
	}
	return @keys;
}

# A row like the first one, but for what isn't the key: as another row.
sub other_row {
	my ($table, @key) = @_;
	my %is_key = map { $_ => 1 } @key;
	my @columns = columns($table);
	my @values = map {
		$is_key{$_} || $_ ne $columns[0] ? $_ : "$_ + 1000000"
	} @columns;
	return 'SELECT ' . join(', ', @values) . " FROM $table LIMIT 1";
}

# How many rows that changes.
sub replaced {
	my ($table, @key) = @_;
	my $rows = "SELECT count(*) FROM (SELECT * FROM $table EXCEPT " .
	    'SELECT * FROM before)';

	return sql_run($db, "BEGIN; CREATE TEMP TABLE before AS SELECT * FROM " .
	    "$table; INSERT OR REPLACE INTO $table " . other_row($table, @key) .
	    "; $rows; ROLLBACK;", 1)->{out} + 0;
}

my $refused = qr/append-only|only changes|only be|never|keeps|stays|no other/;

sub is_guarded {
	my ($table) = @_;
	my %may = map { $_ => 1 } split / /, $moves{$table} // '';

	isnt((sql_rows($db, "SELECT count(*) FROM $table"))[0][0], 0,
	    "$table has rows to be guarded");
	for my $column (grep { !$may{$_} } columns($table)) {
		# Also what only says the same again, but for a state.
		like(says("UPDATE $table SET $column = CASE " .
		    "typeof($column) WHEN 'integer' THEN $column + 1 " .
		    "WHEN 'blob' THEN randomblob(length($column)) " .
		    "WHEN 'null' THEN " . ($column eq 'salt' ?
		    'randomblob(32)' : 1) . " ELSE 'x' || $column END"), $refused,
		    "$table: $column can't be changed");
	}
	like(says("DELETE FROM $table"), $refused, "$table: no row is deleted");
	for my $key (keys_of($table)) {
		next if !@$key;
		# A second result of a slot is passed over without a word, so is
		# a second key of a day, or hash of a file.
		if ($table =~ /^(?:result|drill_key|archived_file)$/) {
			is(replaced($table, @$key), 0, "$table: no row is " .
			    "replaced by one with the same @$key");
			next;
		}
		like(says("INSERT OR REPLACE INTO $table " .
		    other_row($table, @$key)), $refused,
		    "$table: no row is replaced by one with the same @$key");
		like(says("INSERT INTO $table " . other_row($table, @$key) .
		    ' ON CONFLICT DO UPDATE SET ' . join(', ',
		    map { "$_ = excluded.$_" } columns($table))), $refused,
		    "$table: nor changed by one");
	}
}

my @tables = map { $_->[0] } sql_rows($db, 'SELECT name FROM sqlite_schema ' .
    "WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name");
cmp_ok(scalar @tables, '>', 15, 'the ledger tells its tables');
for my $table (@tables) {
	if ($free{$table}) {
		is((sql_rows($db, 'SELECT count(*) FROM sqlite_schema WHERE ' .
		    "type = 'trigger' AND tbl_name = '$table'"))[0][0], 0,
		    "$table has no guard");
	} else {
		is_guarded($table);
	}
}

# ---- What of a credit is archived ----

my ($archived, $other) = map { $_->[0] } sql_rows($db,
    'SELECT DISTINCT transfer FROM result ORDER BY transfer LIMIT 2');
is(says("DELETE FROM result WHERE transfer = $archived"), '',
    'results of an archived credit can be dropped');
like(says("DELETE FROM result WHERE transfer IN ($archived, $other)"),
    qr/stays unless its credit is archived/, 'and no others with them');
like(says("INSERT INTO archived SELECT transfer, randomblob(32), count(*) + 1, " .
    "1, x'01' FROM result WHERE transfer = $other"),
    qr/archived as a whole/, 'a credit is archived as a whole');

# ---- What no row can hold ----

my $dir = dirname(__FILE__);
my %limit = read_file(($ENV{srcdir} // "$dir/..") . '/src/base/limits.h') =~
    /^#define\s+(\w+)\s+(\d+)(?:LL)?\s/mg;
my $guards = join '', map { "DROP TRIGGER $_->[0];" } sql_rows($db,
    "SELECT name FROM sqlite_schema WHERE type = 'trigger'");

# Writes a row that differs in one column, with no guard in the way.
sub row_with {
	my ($table, $column, $value) = @_;
	return says("PRAGMA foreign_keys = OFF; $guards " .
	    "UPDATE $table SET $column = $value");
}

for (
	[ 'task_version', 'reward_micros', $limit{REWARD_MAX_MICROS}, 1 ],
	[ 'task_version', 'timeout_ms', 60000, 100 ],
	[ 'task_version', 'copies', $limit{COPIES_MAX}, 1 ],
	[ 'task_version', 'interval_ms', 31 * 86400 * 1000,
	    $limit{INTERVAL_MIN_MS} ],
	[ 'task_version', 'cooldown_ms', 31 * 86400 * 1000, 0 ],
	[ 'transfer', 'amount_micros', $limit{AMOUNT_MAX_MICROS}, 1 ],
	[ 'payout', 'amount_micros', $limit{AMOUNT_MAX_MICROS}, 1 ],
	[ 'authorization', 'valid_before', $limit{VALID_BEFORE_MAX_S} ],
) {
	my ($table, $column, $max, $min) = @$_;
	is(row_with($table, $column, $max), '',
	    "$table: $column can be $max, as the programs have it");
	like(row_with($table, $column, $max + 1), qr/CHECK/,
	    "$table: $column can't be more");
	next if !defined $min;
	is(row_with($table, $column, $min), '', "$table: it can be $min");
	like(row_with($table, $column, $min - 1), qr/CHECK/,
	    "$table: it can't be less");
}
like(row_with('authorization', 'valid_before', 'signed_ms / 1000'), qr/CHECK/,
    'authorization: it doesn\'t end before it is signed');
for my $bad ("'0X' || substr(%s, 3)", 'upper(%s)', "%s || '0'",
    "replace(%s, substr(%s, -1), 'g')", "''", "' ' || substr(%s, 2)") {
	for ([ 'worker', 'address' ], [ 'payout', 'token' ],
	    [ 'payout', 'treasury' ], [ 'payout', 'nonce' ],
	    [ 'authorization', 'signature' ]) {
		my ($table, $column) = @$_;
		(my $value = $bad) =~ s/%s/$column/g;
		like(row_with($table, $column, $value), qr/CHECK/,
		    "$table: $column is lower-case hex, not $value");
	}
}
like(row_with('payout', 'state', "'gone'"), qr/CHECK/,
    'payout: no other state than those there are');
like(row_with('task', 'state', "'gone'"), qr/CHECK/, 'task: nor here');

# ---- What one holds all the same is never taken for something else ----

my $forged = "$Dir/forged.db";
my $conf = write_file("$Dir/forged.conf", "[ledger]\npath = forged.db\n");
for (
	[ 'payout', "state = 'gone'", qr/payout 1: its state is "gone"/ ],
	[ 'payout', 'amount_micros = 0', qr/payout 1: its amount is 0/ ],
	[ 'payout', 'seq = -1', qr/payout 1: its number is -1/ ],
	[ 'payout', 'paid_micros = -1', qr/payout 1: its paid amount is -1/ ],
) {
	my ($table, $set, $says) = @$_;
	forge($db, $forged, "UPDATE $table SET $set;", unchecked => 1);
	my $r = AdminRun::run("submit 1 http://f/\n", program('make_payouts'),
	    '--db', $forged);
	like("$r->{code} $r->{err}", qr/^1 .*$says/,
	    "$table with $set: nothing goes on with it");
}
forge($db, $forged, "UPDATE task SET state = 'gone' WHERE id = 2;",
    unchecked => 1);
my ($name) = map { $_->[0] } sql_rows($db, 'SELECT name FROM task ' .
    'WHERE id = 2');
for my $command ('show', 'pause', 'remove') {
	like(worknet('-c', $conf, 'task', $command, $name)->{err},
	    qr/task 2: its state is "gone", which is none/,
	    "task $command: a state that is none is told");
}
done_testing;
