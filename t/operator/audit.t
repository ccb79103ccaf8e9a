#!/usr/bin/perl
# The audit: a ledger of real credited results is clean, and each change
# around the guards is found, under the name of the rule that it breaks.
# WN_BUILDDIR says where the programs are (default: here).
use strict;
use warnings;
use File::Basename 'dirname';
use Test::More;
use lib dirname(__FILE__) . '/../lib';
use AdminRun;

for my $name (qw(worknet make_ledger)) {
	plan skip_all => "$name isn't built" unless program($name);
}
plan skip_all => 'no sqlite3 shell' if system('sqlite3 -version >/dev/null');
$SIG{ALRM} = sub { die "a test hangs\n" };
alarm 600;

my $clean = "$Dir/clean.db";
my $forged = "$Dir/forged.db";
my $conf = write_file("$Dir/forged.conf", "[ledger]\npath = forged.db\n");
my $clean_conf = write_file("$Dir/clean.conf", "[ledger]\npath = clean.db\n");

sub audit {
	my ($c, @options) = @_;
	my $r = worknet('-c', $c, 'audit', '--json', @options);
	$r->{json} = json_of($r);
	$r->{rules} = join ' ', sort map { $_->{rule} } grep {
	    $_->{found} > 0 } @{ $r->{json}{rules} || [] };
	return $r;
}

# The change is found, and only as breaking these rules.
sub finds {
	my ($name, $rules, $sql, %o) = @_;
	forge($clean, $forged, $sql, %o);
	my $r = audit($conf, @{ $o{options} || [] });
	is("$r->{code}: $r->{rules}", ($rules eq '' ? 0 : 1) . ': ' .
	    join(' ', sort split / /, $rules), $name);
	like($r->{out}, $o{says}, "$name: it says what") if $o{says};
}

# One value of the clean ledger.
sub value { (sql_rows($clean, $_[0]))[0][0] }

make_ledger($clean, '--results', 300, '--seed', 7, '--silent-percent', 5,
    '--tasks', 8, '--workers', 40);

# ---- Clean ----

my $r = audit($clean_conf, '--signatures');
is($r->{code}, 0, 'a ledger of real results is clean');
ok($r->{json}{clean}, 'its report says so');
is($r->{json}{results}, 300, 'every result was looked at');
my %checked = map { $_->{rule} => $_->{checked} } @{ $r->{json}{rules} };
is($checked{signature}, 300, 'every signature was verified');
cmp_ok($checked{assignment}, '>', 0, 'recent results have assignments');
is($r->{json}{newestTransfer}, $checked{'transfer-chain'},
    'every transfer was looked at');
my ($head) = sql_rows($clean, "SELECT '0x' || lower(hex(hash)) FROM transfer " .
    'ORDER BY id DESC LIMIT 1;');
is($r->{json}{newestHash}, $head->[0], 'the newest hash is told');

make_ledger("$Dir/copies.db", '--results', 400, '--copies', 3, '--tasks', 5,
    '--workers', 60, '--max-tasks', 50, '--silent-percent', 20,
    '--interval-ms', 120000);
write_file("$Dir/copies.conf", "[ledger]\npath = copies.db\n");
is(audit("$Dir/copies.conf", '--signatures')->{code}, 0,
    'a ledger with copies and slots offered again is clean');

write_file("$Dir/edits.conf", "[ledger]\npath = edits.db\n");
for ([ 'a ledger whose tasks were edited all the time is clean',
	'--results', 1500, '--edits', 150, '--copies', 4, '--workers', 60,
	'--silent-percent', 20 ],
    [ 'a ledger of long cycles and few workers is clean', '--results', 100,
	'--interval-ms', 3600000, '--copies', 3, '--workers', 3,
	'--cooldown-ms', 300000 ]) {
	my ($name, @options) = @$_;
	unlink "$Dir/edits.db";
	make_ledger("$Dir/edits.db", '--fast', @options);
	is(audit("$Dir/edits.conf")->{code}, 0, $name);
}

unlink "$Dir/empty.db";
write_file("$Dir/empty.conf", "[ledger]\npath = empty.db\n");
worknet('-c', "$Dir/empty.conf", 'init');
is(audit("$Dir/empty.conf", '--signatures')->{code}, 0,
    'an empty ledger is clean');

finds('taking the guards away and putting them back changes nothing', '', '');
finds('making the hashes anew over the same rows changes nothing', '', '',
    rechain => 1);

my $people = worknet('-c', $clean_conf, 'audit');
like($people->{out}, qr/^clean$/m, 'people are told that it is clean');
like($people->{out}, qr/signatures not verified/,
    'people are told what was left out');
is($people->{err}, '', 'no progress is shown but on a terminal');

# ---- Rows changed without making the hashes anew ----

my $paid = value('SELECT transfer FROM result GROUP BY transfer ' .
    'HAVING count(*) = 1 AND transfer > 20 ORDER BY transfer LIMIT 1;');
my $both = value('SELECT transfer FROM result GROUP BY transfer ' .
    'HAVING count(*) > 1 ORDER BY transfer LIMIT 1;');
my $slot = value("SELECT slot FROM result WHERE transfer = $paid;");
my $worker = value("SELECT credit FROM transfer WHERE id = $paid;");

finds('a credit made larger, with its balances', 'amount transfer-chain',
    "UPDATE transfer SET amount_micros = amount_micros + 1 WHERE id = $paid;
    UPDATE account SET balance_micros = balance_micros - 1 WHERE id = 1;
    UPDATE account SET balance_micros = balance_micros + 1
    WHERE id = $worker;", says => qr/transfer $paid: credits/);
finds('a credit made larger without its balances',
    'amount balance transfer-chain',
    "UPDATE transfer SET amount_micros = amount_micros + 1 WHERE id = $paid;");
finds('a result deleted of several', 'amount record transfer-chain',
    "DELETE FROM result WHERE slot = (SELECT min(slot) FROM result
    WHERE transfer = $both);");
finds('the only result of a credit deleted', 'amount record transfer-chain',
    "DELETE FROM result WHERE slot = $slot;",
    says => qr/transfer $paid: a credit without a result/);
finds('a hash of a format that nobody knows', 'transfer-chain',
    "UPDATE transfer SET format = 9 WHERE id = $paid;",
    says => qr/transfer $paid: its hash is of format 9, this program knows 1 to 2/);
finds('a definition of a format that nobody knows', 'version-chain',
    'UPDATE task_version SET format = 0 WHERE id = 2;',
    says => qr/definition 2: its hash is of format 0/);
finds('the hashes of two transfers swapped', 'transfer-chain',
    "CREATE TEMP TABLE h AS SELECT id, hash FROM transfer
    WHERE id IN ($paid, $paid + 1);
    UPDATE transfer SET hash = (SELECT hash FROM h
    WHERE h.id = 2 * $paid + 1 - transfer.id) WHERE id IN ($paid, $paid + 1);");
finds('a transfer deleted with its results, and its balances set right',
    'record transfer-chain',
    "UPDATE account SET balance_micros = balance_micros +
    (SELECT amount_micros FROM transfer WHERE id = $paid) WHERE id = 1;
    UPDATE account SET balance_micros = balance_micros -
    (SELECT amount_micros FROM transfer WHERE id = $paid) WHERE id = $worker;
    DELETE FROM result WHERE transfer = $paid;
    DELETE FROM transfer WHERE id = $paid;", says => qr/follows/);
finds('a result inserted that nobody was assigned',
    'record amount cooldown paid-once signed-once slot transfer-chain',
    "INSERT INTO result SELECT (SELECT last_slot + 1 FROM slot_counter),
    transfer, version, cycle_ms, copy, assigned_ms, anchor, timestamp_ms,
    success, status, response_ms, error, address_form, signature, place, trace,
    token FROM result
    WHERE slot = $slot;");
finds('rewards that overflow when added',
    'amount assignment file reward schedule task version-chain',
    "UPDATE task_version SET reward_micros = 9223372036854775807;",
    unchecked => 1);
finds('a result moved to a transfer that does not exist',
    'amount file record result transfer-chain',
    "UPDATE result SET transfer = 999999 WHERE slot = $slot;",
    says => qr/slot $slot: paid by transfer 999999, which doesn't exist/);
finds('the url of a definition changed', 'task version-chain',
    "UPDATE task_version SET url = 'http://example.org/' WHERE id = 2;",
    says => qr/definition 2: its hash/);
finds('a definition deleted', 'amount file result schedule task ' .
    'version-chain',
    "DELETE FROM task_version WHERE id = 2;");
finds('a task that points at a definition of another one', 'task',
    "UPDATE task SET version = 1 WHERE id = 2;");
finds('a task that is not as its definition says', 'task',
    'UPDATE task SET reward_micros = reward_micros + 1 WHERE id = 2;',
    says => qr/task 2: isn't as definition/);
finds('a task renamed to nothing', 'assignment schedule task',
    "UPDATE task SET name = 'a b' WHERE id = 2;");
finds('an assignment of a worker that nobody knows', 'schedule',
    "INSERT INTO assignment SELECT 999, name, 999999, version, 100, 0, 0, 0,
    0, '', 0, type, expected_status, timeout_ms, 0, 0 FROM task WHERE id = 1;",
    says => qr/assignment: of worker 999, task 1, slot 999999/);
finds('an assignment of another task\'s definition', 'schedule',
    "INSERT INTO assignment SELECT worker, task_name, 999999, version + 1,
    reward_micros, 0, 0, 0, 0, '', 0, type, expected_status, timeout_ms, 0,
    0 FROM assignment LIMIT 1;");
finds('an assignment that promises more than its definition',
    'assignment schedule',
    'UPDATE assignment SET reward_micros = reward_micros + 1
    WHERE slot = (SELECT max(slot) FROM result);',
    says => qr/assignment: of worker \d+, .*has another reward/);
finds('an open slot of a task that doesn\'t exist', 'schedule',
    "INSERT INTO open_slot VALUES (999, 0, 0, 1, 0);");
finds('an open slot that was never given out', 'schedule',
    "INSERT INTO open_slot VALUES (2, 99, 0, 999999, 0);",
    says => qr/open_slot: of worker 0, task 2, slot 999999: was never given/);
finds('a network\'s slot of a task that doesn\'t exist', 'schedule',
    "INSERT INTO network_slot VALUES (999, '192.0.2.0/24', 0, 1);");
finds('a standing of a worker that nobody knows', 'schedule',
    "INSERT INTO standing VALUES (999, 0, 0, 0, 0, '', 0, 0);");
finds('what a poll was given, of another address', 'schedule',
    "INSERT INTO handout VALUES ('0x', 0, $worker, '', 1, 0);");
finds('a task that left the schedule', 'schedule',
    'DELETE FROM schedule WHERE task = 2;',
    says => qr/schedule: of worker 0, task 2, slot 0: doesn't stand there/);
finds('a task that stands in the schedule twice', 'schedule',
    'INSERT INTO schedule SELECT paused, region, open_ms + 1, task,
    cycle_ms, given FROM schedule WHERE task = 2;',
    says => qr/task 2, slot 0: stands there twice/);
finds('a share in a region that is not there', 'schedule',
    'INSERT INTO worker_share SELECT id, 9, \'\', 0, 0 FROM worker LIMIT 1;');
finds('a task in the schedule of another region', 'schedule',
    "UPDATE schedule SET region = 9 WHERE task = 2;",
    says => qr/task 2, slot 0: isn't as its task is/);
finds('a task that is given while it is paused', 'schedule',
    "UPDATE task SET state = 'paused' WHERE id = 2;");
finds('a share of a worker that nobody knows', 'schedule',
    "INSERT INTO worker_share VALUES (999, 0, '', 0, 0);");
finds('a network\'s share in a region that is not there', 'schedule',
    "INSERT INTO network_share VALUES ('192.0.2.0/24', 9, 0, 0, 0, 0);");
finds('the outcome of a check changed', 'fit transfer-chain',
    "UPDATE result SET success = 1 - success WHERE slot = $slot;");

# ---- Balances ----

finds('a balance off by one', 'balance exceptions trial-balance',
    "UPDATE account SET balance_micros = balance_micros + 1
    WHERE id = $worker;", says => qr/account $worker: balance is/);
finds('one micro-USDC moved from one worker to another', 'balance',
    "UPDATE account SET balance_micros = balance_micros + 1
    WHERE id = $worker;
    UPDATE account SET balance_micros = balance_micros - 1
    WHERE id = (SELECT max(id) FROM account WHERE id <> $worker);");
finds('a negative balance of a worker', 'balance exceptions file trial-balance',
    "UPDATE account SET balance_micros = -1 WHERE id = $worker;",
    unchecked => 1, says => qr/a worker's balance is negative/);
finds('an account without a worker', 'balance',
    "INSERT INTO account (id, kind) VALUES (4000, 'worker');");

finds('transfers that overflow when added',
    'amount balance file transfer-chain',
    "UPDATE transfer SET amount_micros = 9223372036854775807
    WHERE credit = $worker;", unchecked => 1,
    says => qr/more than there can be/);

# ---- Rows changed by somebody who makes the hashes anew ----

sub finds_anew {
	my ($name, $rules, $sql, %o) = @_;
	finds("$name, hashes made anew", $rules, $sql, rechain => 1, %o);
}

my ($a, $b) = map { $_->[0] } sql_rows($clean, 'SELECT r.slot FROM result r ' .
    'JOIN task_version v ON v.id = r.version WHERE v.task = 1 ' .
    'ORDER BY r.slot LIMIT 2 OFFSET 10;');

finds_anew('a result paid long after it was assigned', 'timestamp window',
    "UPDATE transfer SET at_ms = at_ms + 400000 WHERE id = $paid;",
    says => qr/slot $slot: paid \d+ ms after it was assigned/);
finds_anew('a result paid before it was assigned', 'window',
    "UPDATE transfer SET at_ms = (SELECT assigned_ms - 1 FROM result
    WHERE slot = $slot) WHERE id = $paid;");
finds_anew('a timestamp from the future', 'timestamp',
    "UPDATE result SET timestamp_ms = timestamp_ms + 120000
    WHERE slot = $slot;",
    says => qr/slot $slot: its timestamp is \d+ ms ahead/);
finds_anew('a timestamp from long ago', 'fit timestamp',
    "UPDATE result SET timestamp_ms = timestamp_ms - 400000
    WHERE slot = $slot;");
finds_anew('a copy that the task does not have', 'copy',
    "UPDATE result SET copy = 7 WHERE slot = $a;");
finds_anew('a result of another cycle', 'cycle',
    "UPDATE result SET cycle_ms = cycle_ms + 1 WHERE slot = $a;");
finds_anew('a cycle paid twice', 'cycle paid-once',
    "UPDATE result SET cycle_ms = (SELECT cycle_ms FROM result
    WHERE slot = $a) WHERE slot = $b;", says => qr/slot $b: copy 0 of cycle/);
finds_anew('a slot that was never given out', 'slot',
    'UPDATE slot_counter SET last_slot = (SELECT max(slot) - 1 FROM result);');
finds_anew('a result paid to a worker within its cooldown', 'cooldown record',
    "CREATE TEMP TABLE t AS SELECT transfer FROM result WHERE slot = $b;
    UPDATE transfer SET credit = (SELECT credit FROM transfer WHERE id =
    (SELECT transfer FROM result WHERE slot = $a))
    WHERE id = (SELECT transfer FROM t);
    UPDATE account SET balance_micros = (SELECT sum(amount_micros)
    FROM transfer WHERE credit = account.id) WHERE id > 3;",
    says => qr/slot $b: assigned to the worker of account/);
finds_anew('a credit turned into another kind',
    'payout-transfer record result transfer-kind',
    "UPDATE transfer SET kind = 'void' WHERE id = $paid;",
    says => qr/slot $slot: paid by transfer $paid, which is no credit/);
finds_anew('no status turned into the number that stands for it', 'result',
    "UPDATE result SET status = -1 WHERE slot = (SELECT min(slot) FROM result
    WHERE status IS NULL);");
finds_anew('a time far out of range', 'result',
    "UPDATE result SET assigned_ms = -9223372036854775807
    WHERE slot = (SELECT max(slot) FROM result);");

my ($early, $late) = @{ (sql_rows($clean, 'SELECT min(r.slot), max(r.slot) ' .
    'FROM result r JOIN task_version v ON v.id = r.version JOIN transfer t ' .
    'ON t.id = r.transfer GROUP BY t.credit, v.task HAVING count(*) = 2 ' .
    'ORDER BY max(r.assigned_ms) - min(r.assigned_ms) LIMIT 1;'))[0] };
finds_anew('one signed check paid in two cycles', 'fit signed-once',
    # As far from the end of one's window as from the other's.
    "UPDATE result SET timestamp_ms = (SELECT (min(t.at_ms) + max(t.at_ms) -
    240000) / 2 FROM result r JOIN transfer t ON t.id = r.transfer
    WHERE r.slot IN ($early, $late)) WHERE slot IN ($early, $late);",
    says => qr/slot $late: .* was paid for the same check in slot $early/);

my $recent = value('SELECT max(slot) FROM result;');
finds('the assignment of a recent result deleted', 'assignment',
    "DELETE FROM assignment WHERE slot = $recent;",
    says => qr/slot $recent: wasn't assigned to the worker/);
finds_anew('a recent result paid to somebody else', 'assignment record',
    "INSERT INTO account (id, kind) VALUES (4000, 'worker');
    INSERT INTO worker VALUES (4000, '0x' || hex(zeroblob(20)), 1);
    UPDATE transfer SET credit = 4000 WHERE id = (SELECT transfer FROM result
    WHERE slot = $recent);
    UPDATE account SET balance_micros = (SELECT sum(amount_micros)
    FROM transfer WHERE credit = account.id) WHERE id > 3;");
finds('the assignment of a recent result changed', 'assignment',
    "UPDATE assignment SET assigned_ms = assigned_ms + 1
    WHERE slot = $recent;");

# ---- What the operator fixes outside of the ledger ----

my $most = value('SELECT max(reward_micros) FROM task_version;');
my $day = value('SELECT max(m) FROM (SELECT sum(amount_micros) AS m FROM ' .
    "transfer WHERE kind = 'credit' GROUP BY credit);");
for ([ 'a reward at its bound', '', max_reward_micros => $most ],
    [ 'a reward above its bound', 'reward', max_reward_micros => $most - 1 ],
    [ 'a day at its bound', '', max_per_worker_day_micros => $day ],
    [ 'a day above its bound', 'day', max_per_worker_day_micros => $day - 1 ]) {
	my ($name, $rules, $key, $bound) = @$_;
	my $c = write_file("$Dir/bound.conf", "[ledger]\npath = clean.db\n" .
	    "[payout]\n$key = $bound\n");
	is(audit($c)->{rules}, $rules, "$name: " . ($rules || 'nothing'));
}

# ---- Signatures ----

my $flip = "UPDATE result SET signature = CAST(substr(signature, 1, 64) ||
    CASE substr(signature, 65) WHEN X'1b' THEN X'1c' ELSE X'1b' END AS BLOB)
    WHERE slot = $slot;";
finds_anew('a signature flipped is not seen without --signatures', '', $flip);
finds_anew('a signature flipped', 'signature', $flip,
    options => ['--signatures'], says => qr/slot $slot: signature/);
finds_anew('the outcome of a check changed', 'fit signature',
    "UPDATE result SET success = 1 - success WHERE slot = $slot;",
    options => ['--signatures']);
finds_anew('the signed address in another letter case', 'signature',
    "UPDATE result SET address_form = (address_form + 1) % 3
    WHERE slot = $slot;", options => ['--signatures']);
finds_anew('a timestamp that can not be signed', 'result signature',
    "UPDATE result SET timestamp_ms = -5 WHERE slot = $slot;",
    options => ['--signatures']);
finds_anew('every signature of another', 'signature',
    "UPDATE result SET signature = (SELECT signature FROM result
    WHERE slot = $slot) WHERE slot <> $slot;", options => ['--signatures']);
is(audit($conf, '--signatures')->{json}{findingsTotal}, 299,
    'all findings are counted');
is(scalar @{ audit($conf, '--signatures')->{json}{findings} }, 20,
    'of one rule only the first are listed');

# ---- Guards, file, identity ----

# Changes that leave the guards as they are made by the change itself.
sub finds_raw {
	my ($name, $rules, $sql, %o) = @_;
	forge($clean, $forged, '');
	sql_run($forged, $sql);
	my $r = audit($conf);
	is($r->{rules}, $rules, $name);
	like($r->{out}, $o{says}, 'the finding says what') if $o{says};
}

my $guard = (sql_rows($clean, "SELECT replace(sql, char(10), ' ') FROM " .
    "sqlite_schema WHERE name = 'result_no_update';"))[0][0];
finds_raw('a guard dropped', 'schema', 'DROP TRIGGER result_no_update;',
    says => qr/trigger result_no_update is missing/);
(my $weak = $guard) =~ s/BEGIN/WHEN 0 BEGIN/;
finds_raw('a guard changed', 'schema',
    "DROP TRIGGER result_no_update; $weak;",
    says => qr/trigger result_no_update was altered/);
finds_raw('a trigger added', 'schema', "CREATE TRIGGER extra AFTER INSERT ON " .
    'transfer BEGIN UPDATE account SET balance_micros = 0 WHERE id = 1; END;',
    says => qr/trigger extra isn't part of a ledger/);
finds_raw('the view of exceptions emptied', 'schema',
    "DROP VIEW exceptions; CREATE VIEW exceptions AS " .
    "SELECT 1 AS kind, 2 AS subject, 3 AS detail WHERE 0;",
    says => qr/view exceptions was altered/);
finds_raw('an index dropped', 'schema', 'DROP INDEX result_transfer;');
finds_raw("an operator's ANALYZE is nothing to worry about", '', 'ANALYZE;');
finds('a ledger without its id', 'identity', 'DELETE FROM ledger;');
finds('the count of slots gone', 'slot', 'DELETE FROM slot_counter;');

is(sql_run($clean, "BEGIN; INSERT OR REPLACE INTO result (slot, transfer, " .
    "version, cycle_ms, copy, assigned_ms, anchor, timestamp_ms, success, " .
    "address_form, signature) " .
    "VALUES ($slot, 1, 1, 0, 0, 0, 0, 0, 0, 0, x'00'); " .
    "SELECT changes(); ROLLBACK;", 1)->{out}, "0\n",
    'a slot can not be paid twice: the guard passes it over');
like(sql_run($clean, "BEGIN; DROP TRIGGER result_no_replace; " .
    "INSERT INTO result " .
    "SELECT * FROM result WHERE slot = $slot;", 1)->{err}, qr/UNIQUE/,
    'a slot can not be paid twice: the key refuses it');

forge($clean, $forged, '');
open my $f, '+<', $forged or die;
seek $f, (-s $forged) / 2, 0;
print $f "\xff" x 8192;
close $f;
my $damaged = worknet('-c', $conf, 'audit');
ok($damaged->{code} eq '1' || $damaged->{code} eq '7',
    'a damaged page never passes') or diag("$damaged->{code} $damaged->{err}");

# ---- No ledger ----

unlink $forged;
is(audit($conf)->{code}, 7, 'without a ledger there is nothing to audit');

done_testing;
