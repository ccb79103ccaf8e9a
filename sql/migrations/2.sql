-- From version 1 to 2. The texts of tables are those of sql/schema.sql at version
-- 2, word by word: the migration and `worknet audit` compare them.

-- terms: which ones counted before isn't known, so the widest that could be
-- configured do, and no assignment need be there.
CREATE TABLE terms (
	-- What counts as a result's time and place, for the coordinator that
	-- pays it and for everybody who judges it later. The newest row counts
	-- now; the coordinator adds one when it starts with another
	-- configuration. A row counts for the slots that are given from
	-- first_slot on, and for what transfers pay from first_transfer on,
	-- until the next row does.

	id		INTEGER PRIMARY KEY,
	first_slot	INTEGER NOT NULL CHECK (first_slot >= 1),
	first_transfer	INTEGER NOT NULL CHECK (first_transfer >= 1),
	at_ms		INTEGER NOT NULL,
	-- An assignment is paid, and a result's own time is taken, so long.
	result_window_ms	INTEGER NOT NULL
			CHECK (result_window_ms BETWEEN 1000 AND 86400000),
	-- An assignment is still in its table so long after it was given.
	keep_ms		INTEGER NOT NULL CHECK (keep_ms >= 0),
	-- A result's own time may be so far ahead of the coordinator's clock.
	clock_skew_ms	INTEGER NOT NULL
			CHECK (clock_skew_ms BETWEEN 0 AND 3600000),
	-- How a cycle's opening is placed in its interval: src/ledger/cycle.c.
	phase		INTEGER NOT NULL CHECK (phase >= 1),
	-- What a result must fit, 0: nothing; src/ledger/fit.h.
	fit		INTEGER NOT NULL CHECK (fit >= 0),
	-- Credit can be paid so long after it was given: of a worker that is
	-- new, and of one that is established, which takes so many results on so
	-- many days; src/ledger/record.h.
	maturity_new_ms	INTEGER NOT NULL
			CHECK (maturity_new_ms BETWEEN 0 AND 2678400000),
	maturity_ms	INTEGER NOT NULL
			CHECK (maturity_ms BETWEEN 0 AND 2678400000),
	established_results	INTEGER NOT NULL CHECK (established_results >= 0),
	established_days	INTEGER NOT NULL CHECK (established_days >= 0),
	hash		BLOB NOT NULL CHECK (length(hash) = 32),
	format		INTEGER NOT NULL	-- of the hash
) STRICT;

INSERT INTO terms (id, first_slot, first_transfer, at_ms, result_window_ms,
	keep_ms, clock_skew_ms, phase, fit, maturity_new_ms, maturity_ms,
	established_results, established_days, hash, format)
VALUES (1, 1, 1, 0, 86400000, 0, 60000, 1, 0, 0, 0, 0, 0,
	x'ed390b5cb6289b38662643377c9b0171049a59bd95cfb9a886186668d15ca23a', 1);

CREATE TRIGGER terms_no_update BEFORE UPDATE ON terms
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;
CREATE TRIGGER terms_no_delete BEFORE DELETE ON terms
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;
CREATE TRIGGER terms_no_replace BEFORE INSERT ON terms
WHEN EXISTS (SELECT 1 FROM terms WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'terms is append-only'); END;

-- region: those that definitions name, in the order in which they came.
CREATE TABLE region (
	-- Where workers say that they are. A region's name may change; of what
	-- it was at first definitions' hashes are. Region 0, without a name, is
	-- anywhere: its tasks are for any worker.

	id		INTEGER PRIMARY KEY,
	name		TEXT NOT NULL UNIQUE,	-- what workers declare
	first_name	TEXT NOT NULL UNIQUE,	-- what it was called at first
	added_ms	INTEGER NOT NULL
) STRICT;

INSERT INTO region (id, name, first_name, added_ms) VALUES (0, '', '', 0);
INSERT INTO region (name, first_name, added_ms)
SELECT region, region, min(created_ms) FROM task_version
WHERE region <> '' GROUP BY region ORDER BY min(id);

-- What is by region refers to it, and a definition has a type. Their hashes, of
-- format 1, are of the region's first name, and of tasks of the only type.
ALTER TABLE task_version RENAME TO task_version_1;
CREATE TABLE task_version (
	-- A task's definition. An edit adds a row: a result points at the
	-- definition that was in force when its check was assigned.

	id		INTEGER PRIMARY KEY,
	task		INTEGER NOT NULL REFERENCES task (id)
			DEFERRABLE INITIALLY DEFERRED,
	type		TEXT NOT NULL,		-- src/base/task_type.c
	url		TEXT NOT NULL,
	expected_status	INTEGER NOT NULL CHECK (expected_status BETWEEN 100 AND 599),
	timeout_ms	INTEGER NOT NULL CHECK (timeout_ms BETWEEN 100 AND 60000),
	reward_micros	INTEGER NOT NULL
			CHECK (reward_micros BETWEEN 1 AND 1000000000),
	interval_ms	INTEGER NOT NULL
			CHECK (interval_ms BETWEEN 1000 AND 2678400000),
	copies		INTEGER NOT NULL CHECK (copies BETWEEN 1 AND 100),
	cooldown_ms	INTEGER NOT NULL
			CHECK (cooldown_ms BETWEEN 0 AND 2678400000),
	budget_micros	INTEGER NOT NULL	-- for a cycle's copies; 0: any
			CHECK (budget_micros = 0 OR budget_micros
			BETWEEN reward_micros * copies AND 100000000000),
	region		INTEGER NOT NULL REFERENCES region (id),
	created_ms	INTEGER NOT NULL,
	hash		BLOB NOT NULL CHECK (length(hash) = 32),
	format		INTEGER NOT NULL	-- of the hash
) STRICT;

INSERT INTO task_version (id, task, type, url, expected_status, timeout_ms,
	reward_micros, interval_ms, copies, cooldown_ms, budget_micros, region,
	created_ms, hash, format)
SELECT v.id, v.task, 'http_check', v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms, 0, g.id,
	v.created_ms, v.hash, v.format
FROM task_version_1 v LEFT JOIN region g ON g.name = v.region ORDER BY v.id;
DROP TABLE task_version_1;
CREATE INDEX task_version_task
	-- From a task to its definitions and back, also for the foreign keys
	-- between the two: each new task would walk all of them. Cost: an entry
	-- with each edit.
	ON task_version (task);
CREATE TRIGGER task_version_no_update BEFORE UPDATE ON task_version
BEGIN SELECT RAISE(ABORT, 'task_version is append-only'); END;
CREATE TRIGGER task_version_no_delete BEFORE DELETE ON task_version
BEGIN SELECT RAISE(ABORT, 'task_version is append-only'); END;
CREATE TRIGGER task_version_no_replace BEFORE INSERT ON task_version
WHEN EXISTS (SELECT 1 FROM task_version WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'task_version is append-only'); END;

ALTER TABLE task RENAME TO task_1;
CREATE TABLE task (
	-- A task, with a copy of the definition that is in force, which each
	-- poll that is given it reads. Never deleted: its results stay. salt:
	-- of a private task (src/ledger/private_task.h), NULL of one that is
	-- public.

	id		INTEGER PRIMARY KEY,
	name		TEXT NOT NULL UNIQUE,	-- the protocol's task id
	state		TEXT NOT NULL CHECK (state IN ('active', 'paused', 'removed')),
	version		INTEGER NOT NULL REFERENCES task_version (id)
			DEFERRABLE INITIALLY DEFERRED,
	type		TEXT NOT NULL,
	url		TEXT NOT NULL,
	expected_status	INTEGER NOT NULL,
	timeout_ms	INTEGER NOT NULL,
	reward_micros	INTEGER NOT NULL,
	interval_ms	INTEGER NOT NULL,
	copies		INTEGER NOT NULL,
	cooldown_ms	INTEGER NOT NULL,
	budget_micros	INTEGER NOT NULL,
	region		INTEGER NOT NULL,
	salt		BLOB CHECK (salt IS NULL OR length(salt) = 32)
) STRICT;

INSERT INTO task (id, name, state, version, type, url, expected_status,
	timeout_ms, reward_micros, interval_ms, copies, cooldown_ms,
	budget_micros, region)
SELECT k.id, k.name, k.state, k.version, 'http_check', k.url,
	k.expected_status, k.timeout_ms, k.reward_micros, k.interval_ms,
	k.copies, k.cooldown_ms, 0, g.id
FROM task_1 k LEFT JOIN region g ON g.name = k.region ORDER BY k.id;
DROP TABLE task_1;
CREATE INDEX task_of_version ON task (version);
CREATE INDEX task_token ON task (region, id)
	-- The operator's own tasks, of which drills are.
	WHERE url LIKE '%{token}%' AND state = 'active';
CREATE TRIGGER task_no_rename BEFORE UPDATE OF id, name, salt ON task
BEGIN SELECT RAISE(ABORT, 'a task keeps its name, and stays public or private'); END;
CREATE TRIGGER task_no_delete BEFORE DELETE ON task
BEGIN SELECT RAISE(ABORT, 'a task is never deleted'); END;
CREATE TRIGGER task_no_replace BEFORE INSERT ON task
WHEN EXISTS (SELECT 1 FROM task WHERE id = NEW.id OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a task is never replaced'); END;

ALTER TABLE schedule RENAME TO schedule_1;
CREATE TABLE schedule (
	-- Where each task that isn't removed stands: a row each, in the order
	-- in which a region's tasks next have a slot to give. A poll takes from
	-- the front. A slot that is taken moves its row behind, beside those
	-- that were taken with it: a few neighbouring pages change, however
	-- many tasks there are, which is why this isn't kept in task. So a row
	-- is found by its place, or by walking its region, which only the
	-- operator's changes do.

	paused		INTEGER NOT NULL CHECK (paused IN (0, 1)), -- its task is
	region		INTEGER NOT NULL,	-- its definition's
	open_ms		INTEGER NOT NULL,	-- when it next has a slot to give
	task		INTEGER NOT NULL,
	cycle_ms	INTEGER NOT NULL,	-- start of the cycle last taken from
	given		INTEGER NOT NULL,	-- copies taken in that cycle
	PRIMARY KEY (paused, region, open_ms, task)
) STRICT, WITHOUT ROWID;

INSERT INTO schedule (paused, region, open_ms, task, cycle_ms, given)
SELECT s.paused, g.id, s.open_ms, s.task, s.cycle_ms, s.given
FROM schedule_1 s LEFT JOIN region g ON g.name = s.region;
DROP TABLE schedule_1;

-- A slot that its holder leaves silent is offered again in the next cycle, once.
DROP TABLE offer;
CREATE TABLE open_slot (
	-- Slots of a task's running cycle that a later poll must know of:
	-- because nobody holds them, or not to the cycle's end, or because the
	-- cycle has more copies. A copy's row is written over in a later cycle.

	task		INTEGER NOT NULL,
	copy		INTEGER NOT NULL,	-- 0 to copies - 1
	cycle_ms	INTEGER NOT NULL,
	slot		INTEGER NOT NULL,
	free_ms		INTEGER NOT NULL,	-- nobody holds it from here on
	PRIMARY KEY (task, copy)
) STRICT, WITHOUT ROWID;

CREATE TABLE network_slot (
	-- Where a cycle has more copies: which of its slots a network was
	-- given.

	task		INTEGER NOT NULL,
	network		TEXT NOT NULL,		-- never ''
	cycle_ms	INTEGER NOT NULL,
	slot		INTEGER NOT NULL,
	PRIMARY KEY (task, network)
) STRICT, WITHOUT ROWID;

-- Of regions that no definition names any more, shares and levels go.
ALTER TABLE level RENAME TO level_1;
CREATE TABLE level (
	-- Fairness: one row a region. Who was paid no more there than the level
	-- may take a slot; see src/ledger/share.h.

	region		INTEGER PRIMARY KEY,
	level_micros	INTEGER NOT NULL,
	network		TEXT NOT NULL,	-- which was paid out of turn last, and
	rounds		INTEGER NOT NULL	-- so often since another was paid
) STRICT, WITHOUT ROWID;

INSERT INTO level (region, level_micros, network, rounds)
SELECT g.id, l.level_micros, '', 0
FROM level_1 l CROSS JOIN region g WHERE g.name = l.region;
DROP TABLE level_1;

CREATE TABLE network_share (
	-- What a network was paid for checks of a region: its share there.

	network		TEXT NOT NULL,		-- as 203.0.113.0/24, AS64500
	region		INTEGER NOT NULL,
	share_micros	INTEGER NOT NULL,
	paid_ms		INTEGER NOT NULL,	-- last
	-- Addresses in it that were paid in the hour of paid_ms, and in the
	-- hour before, each not for the first time.
	addresses	INTEGER NOT NULL,
	addresses_before	INTEGER NOT NULL,
	PRIMARY KEY (network, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE worker_share (
	-- What a worker was paid for checks of a region through a network, its
	-- place among the addresses there; see src/ledger/share.h.

	worker		INTEGER NOT NULL,
	region		INTEGER NOT NULL,
	network		TEXT NOT NULL,		-- '': it is one of its own
	share_micros	INTEGER NOT NULL,
	-- The hour (since 1970) in which it was last counted among its network's
	-- addresses; from its second payment on it is.
	hour		INTEGER NOT NULL,
	PRIMARY KEY (worker, region, network)
) STRICT, WITHOUT ROWID;

INSERT INTO worker_share (worker, region, network, share_micros, hour)
SELECT t.worker, g.id, '', t.turn_micros, t.given_ms / 3600000
FROM turn t CROSS JOIN region g WHERE g.name = t.region;
DROP TABLE turn;

ALTER TABLE slot_counter RENAME TO slot_counter_1;
CREATE TABLE slot_counter (
	-- The last slot number that was given out, and when a slot last was, by
	-- the coordinator's clock: one that shows an earlier time was set back.
	-- Slots are never numbered twice.

	id		INTEGER PRIMARY KEY CHECK (id = 1),
	last_slot	INTEGER NOT NULL,
	given_ms	INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO slot_counter (id, last_slot) SELECT id, last_slot FROM slot_counter_1;
DROP TABLE slot_counter_1;

-- Standing begins with the workers' next results.
CREATE TABLE standing (
	-- What a worker has shown by paid results; who isn't here is new. See
	-- src/ledger/standing.h.

	worker		INTEGER PRIMARY KEY,
	results		INTEGER NOT NULL,	-- paid, as far as they count
	hours		INTEGER NOT NULL,	-- in which some were
	hour		INTEGER NOT NULL,	-- the last one that counted
	owed_hours	INTEGER NOT NULL,	-- after silence, until it may hold
	network		TEXT NOT NULL,		-- where the last ones came from
	region		INTEGER NOT NULL,	-- that it works for; 0: none yet
	region_ms	INTEGER NOT NULL	-- when it was last paid there
) STRICT;

CREATE TABLE admission (
	-- Addresses that the operator has admitted: see [admission] of the
	-- configuration. Each is a network of its own, with so many shares; a
	-- witness is given nothing but what others are judged by:
	-- src/ledger/witness.h.

	address		TEXT PRIMARY KEY
			CHECK (length(address) = 42 AND substr(address, 1, 2) = '0x' AND
			ltrim(substr(address, 3), '0123456789abcdef') = ''),
	weight		INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
	admitted_ms	INTEGER NOT NULL,
	witness		INTEGER NOT NULL CHECK (witness IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE INDEX admission_witness ON admission (address) WHERE witness = 1;

CREATE TABLE join_request (
	-- Addresses that ask to be admitted, with their own signature: a
	-- bounded table, whose rows end by age or with the operator's answer;
	-- src/ledger/joining.h.

	address		TEXT PRIMARY KEY
			CHECK (length(address) = 42 AND substr(address, 1, 2) = '0x' AND
			ltrim(substr(address, 3), '0123456789abcdef') = ''),
	network		TEXT NOT NULL,		-- that it came from
	region		TEXT NOT NULL,		-- where it wants to work; '': anywhere
	asked_ms	INTEGER NOT NULL,	-- of the text that it signed
	answered_ms	INTEGER			-- by the operator
) STRICT, WITHOUT ROWID;

CREATE INDEX join_request_network ON join_request (network, asked_ms);

CREATE TABLE refusal (
	-- Results that were refused although their worker, and nobody else,
	-- sent them: for 30 days, and of workers that are known;
	-- src/ledger/refusal.h.

	worker		INTEGER NOT NULL REFERENCES worker (id)
			DEFERRABLE INITIALLY DEFERRED,
	day		INTEGER NOT NULL,	-- UTC, since 1970
	reason		TEXT NOT NULL CHECK (reason <> ''),
	results		INTEGER NOT NULL CHECK (results > 0),
	PRIMARY KEY (worker, day, reason)
) STRICT, WITHOUT ROWID;

CREATE INDEX refusal_day ON refusal (day);

CREATE TABLE refused_slot (
	-- Slots whose holder's own answer was refused, with the first reason:
	-- a row at most for each slot that was given, for a day, so that the log
	-- can say so; src/ledger/refusal.h.

	id		INTEGER PRIMARY KEY,	-- in order; the last row stays
	slot		INTEGER NOT NULL UNIQUE,
	cycle_ms	INTEGER NOT NULL,	-- the slot's
	address		TEXT NOT NULL,		-- of who held it
	reason		TEXT NOT NULL CHECK (reason <> ''), -- src/base/refused.h
	at_ms		INTEGER NOT NULL	-- when it was written down here
) STRICT;

CREATE TABLE handout (
	-- What polls were given that isn't answered: a row for each poll, until
	-- its slots are paid or can't be any more. Keyed by address: a poll
	-- looks here, and needn't find the worker.

	address		TEXT NOT NULL,
	at_ms		INTEGER NOT NULL,	-- its assignments' assigned_ms
	worker		INTEGER NOT NULL,
	network		TEXT NOT NULL,		-- that the poll came from
	slots		INTEGER NOT NULL,	-- that weren't paid to it yet
	-- Until when it holds them; 0: not at all, -1: it was silent.
	held_ms		INTEGER NOT NULL,
	PRIMARY KEY (address, at_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX handout_network
	-- How many a network has, and which are the oldest. Cost: few rows, and
	-- gone within minutes.
	ON handout (network, at_ms);
CREATE INDEX handout_time ON handout (at_ms);

-- Which network an assignment went to wasn't kept; it says what its result must
-- fit.
ALTER TABLE assignment RENAME TO assignment_1;
CREATE TABLE assignment (
	-- Who was given what. Kept until neither a payment nor a cooldown
	-- depends on it; what was paid is in `result`. Clustered by worker: a
	-- poll and a submission touch one place, and the results of it find
	-- there all that decides about them, by the task's name, which never
	-- changes.

	worker		INTEGER NOT NULL,
	task_name	TEXT NOT NULL,
	slot		INTEGER NOT NULL,
	version		INTEGER NOT NULL,
	reward_micros	INTEGER NOT NULL,	-- by the worker's tier
	cycle_ms	INTEGER NOT NULL,
	copy		INTEGER NOT NULL,
	assigned_ms	INTEGER NOT NULL,
	region		INTEGER NOT NULL,	-- in which it counts as a share,
	network		TEXT NOT NULL,		-- as a share of which network
	out_of_turn	INTEGER NOT NULL,	-- 1: nobody else wanted it
	type		TEXT NOT NULL,		-- that definition's, too:
	expected_status	INTEGER NOT NULL,	-- what its result must fit
	timeout_ms	INTEGER NOT NULL,
	compared	INTEGER NOT NULL,	-- with what: src/ledger/assignment.h
	anchor		INTEGER NOT NULL,	-- the newest one then
	PRIMARY KEY (worker, task_name, slot)
) STRICT, WITHOUT ROWID;

INSERT INTO assignment (worker, task_name, slot, version, reward_micros,
	cycle_ms, copy, assigned_ms, region, network, out_of_turn, type,
	expected_status, timeout_ms, compared, anchor)
SELECT a.worker, a.task_name, a.slot, a.version, a.reward_micros, a.cycle_ms,
	a.copy, a.assigned_ms, v.region, '', 0, v.type, v.expected_status,
	v.timeout_ms, CASE WHEN v.copies > 1 THEN 1 ELSE 0 END, 0
FROM assignment_1 a JOIN task_version v ON v.id = a.version;
DROP TABLE assignment_1;

DROP TRIGGER worker_no_delete;
CREATE TRIGGER worker_no_delete BEFORE DELETE ON worker
	-- Who polled and was never paid may be forgotten.
WHEN EXISTS (SELECT 1 FROM transfer WHERE credit = OLD.id AND credit > 3)
	OR EXISTS (SELECT 1 FROM payout WHERE worker = OLD.id)
BEGIN SELECT RAISE(ABORT, 'a worker who was paid is never deleted'); END;
DROP TRIGGER account_no_delete;
CREATE TRIGGER account_no_delete BEFORE DELETE ON account
WHEN OLD.id <= 3
	OR EXISTS (SELECT 1 FROM transfer WHERE credit = OLD.id AND credit > 3)
	OR EXISTS (SELECT 1 FROM payout WHERE worker = OLD.id)
BEGIN SELECT RAISE(ABORT, 'an account that had money is never deleted'); END;

-- Records: what was paid counts.
-- What is known of a worker of each day (UTC, since 1970) on which it was paid:
-- its record is made of it.
CREATE TABLE record (
	-- What is known of a worker of each day (UTC, since 1970) on which it
	-- was paid: its record is made of it.

	worker		INTEGER NOT NULL,
	day		INTEGER NOT NULL,
	credited	INTEGER NOT NULL,	-- results
	PRIMARY KEY (worker, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE demotion (
	-- A worker is new again: days up to that one don't count any more, for
	-- what transfers after that one pay.

	id		INTEGER PRIMARY KEY,
	worker		INTEGER NOT NULL REFERENCES worker (id),
	at_ms		INTEGER NOT NULL,
	after_transfer	INTEGER NOT NULL CHECK (after_transfer >= 0),
	why		TEXT NOT NULL CHECK (why <> '')
) STRICT;

CREATE INDEX demotion_worker ON demotion (worker, id);

INSERT INTO record (worker, day, credited)
SELECT t.credit, t.at_ms / 86400000, count(*)
FROM transfer t CROSS JOIN result r WHERE r.transfer = t.id
GROUP BY t.credit, t.at_ms / 86400000;

-- One more kind of transfer, and why.
ALTER TABLE transfer RENAME TO transfer_1;
CREATE TABLE transfer (
	-- Every movement of money, once, for ever.
	--   credit   rewards -> worker: a worker's results in one request
	--   reserve  worker -> in flight: a payout begins
	--   post     in flight -> treasury: the chain shows the payment
	--   unpost   treasury -> in flight: its block was reorganised away
	--   void     in flight -> worker: proven never to settle, or to settle less
	--   recover  rewards -> worker: the chain shows a payment of credit that a
	--            restored copy of the ledger has lost; see finding
	--   forfeit  worker -> rewards: credit that isn't paid, and never will be; see
	--            forfeit

	id		INTEGER PRIMARY KEY,
	at_ms		INTEGER NOT NULL,
	kind		TEXT NOT NULL
			CHECK (kind = 'credit' OR kind = 'reserve'
			OR kind = 'post' OR kind = 'unpost' OR kind = 'void'
			OR kind = 'recover' OR kind = 'forfeit'),
	debit		INTEGER NOT NULL REFERENCES account (id)
			DEFERRABLE INITIALLY DEFERRED,
	credit		INTEGER NOT NULL REFERENCES account (id)
			DEFERRABLE INITIALLY DEFERRED,
	amount_micros	INTEGER NOT NULL	-- at most 10^9 USDC
			CHECK (amount_micros BETWEEN 1 AND 1000000000000000),
	hash		BLOB NOT NULL,	-- 32 bytes
	format		INTEGER NOT NULL,	-- of the hash
	CHECK (debit <> credit)
) STRICT;

INSERT INTO transfer (id, at_ms, kind, debit, credit, amount_micros, hash,
	format)
SELECT id, at_ms, kind, debit, credit, amount_micros, hash, format
FROM transfer_1 ORDER BY id;
DROP TABLE transfer_1;
CREATE INDEX transfer_credit
	-- A worker's lines, for statements and payouts. Cost: one entry a
	-- transfer each, not one a result.
	ON transfer (credit) WHERE credit > 3;
CREATE INDEX transfer_debit ON transfer (debit) WHERE debit > 3;
CREATE TRIGGER transfer_no_update BEFORE UPDATE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer is append-only'); END;
CREATE TRIGGER transfer_no_delete BEFORE DELETE ON transfer
BEGIN SELECT RAISE(ABORT, 'transfer is append-only'); END;
CREATE TRIGGER transfer_no_replace BEFORE INSERT ON transfer
WHEN EXISTS (SELECT 1 FROM transfer WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'transfer is append-only'); END;

-- Rounds are signed as a whole; what was given before names no log.
CREATE TABLE anchor (
	-- Heads of the operator's transparency log, as they were published:
	-- what is assigned names the newest one, so that what is signed of it
	-- can't be older. 0: there was no log yet.

	size		INTEGER PRIMARY KEY CHECK (size >= 0),	-- entries
	root		BLOB NOT NULL CHECK (length(root) = 32),
	at_ms		INTEGER NOT NULL	-- when it was seen
) STRICT;

INSERT INTO anchor (size, root, at_ms) VALUES (0,
	x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 0);
CREATE TRIGGER anchor_no_update BEFORE UPDATE ON anchor
BEGIN SELECT RAISE(ABORT, 'anchor is append-only'); END;
CREATE TRIGGER anchor_no_delete BEFORE DELETE ON anchor
BEGIN SELECT RAISE(ABORT, 'anchor is append-only'); END;
CREATE TRIGGER anchor_no_replace BEFORE INSERT ON anchor
WHEN EXISTS (SELECT 1 FROM anchor WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'anchor is append-only'); END;

ALTER TABLE result RENAME TO result_1;
CREATE TABLE result (
	-- A check that was paid, with all that is needed to verify it again.
	-- With a signature of its own (EIP-191) the signed text is made of the
	-- task's name, the worker's address in the letter case given by
	-- address_form, timestamp_ms and success. Else it is a leaf of its
	-- transfer's round, and everything here is signed with its assignment
	-- and definition. The key is the slot: a slot can't be paid twice.

	slot		INTEGER PRIMARY KEY,
	transfer	INTEGER NOT NULL REFERENCES transfer (id)
			DEFERRABLE INITIALLY DEFERRED,
	version		INTEGER NOT NULL REFERENCES task_version (id)
			DEFERRABLE INITIALLY DEFERRED,
	cycle_ms	INTEGER NOT NULL,
	copy		INTEGER NOT NULL,
	assigned_ms	INTEGER NOT NULL,
	anchor		INTEGER NOT NULL,	-- its assignment's; 0 of one alone
	timestamp_ms	INTEGER NOT NULL,	-- the worker's clock, signed
	success		INTEGER NOT NULL CHECK (success IN (0, 1)),
	status		INTEGER,		-- NULL when no answer came
	response_ms	INTEGER,
	error		TEXT,
	address_form	INTEGER NOT NULL CHECK (address_form BETWEEN 0 AND 2),
	signature	BLOB,	-- 65 bytes; NULL: the round of its transfer is
	place		INTEGER,	-- signed, and this is its place there
	trace		TEXT,	-- a header of the answer, "name:value"
	token		TEXT,	-- that stood in its URL
	CHECK ((signature IS NULL) = (place IS NOT NULL))
) STRICT;

INSERT INTO result (slot, transfer, version, cycle_ms, copy, assigned_ms,
	anchor, timestamp_ms, success, status, response_ms, error,
	address_form, signature)
SELECT slot, transfer, version, cycle_ms, copy, assigned_ms, 0, timestamp_ms,
	success, status, response_ms, error, address_form, signature
FROM result_1 ORDER BY slot;
DROP TABLE result_1;
CREATE INDEX result_transfer
	-- From a transfer to its results, for statements, payouts and the
	-- audit. Cost: an entry at the right edge of a small tree with every
	-- result.
	ON result (transfer);

CREATE TABLE archived (
	-- Credits whose results were dropped, each as a whole: they are lines
	-- of files that the log has the hashes of (archived_file) and the
	-- object store the bytes. The transfer's hash covers digest, which is
	-- of these results alone, so that whatever is said to be one of them
	-- can be judged; worknet archive --bring-back puts them back. The row
	-- stays then.

	transfer	INTEGER PRIMARY KEY REFERENCES transfer (id),
	digest		BLOB NOT NULL CHECK (length(digest) = 32),
	results		INTEGER NOT NULL CHECK (results >= 1),
	from_ms		INTEGER NOT NULL,	-- the oldest of their cycles
	slots		BLOB NOT NULL		-- theirs: src/ledger/archived.h
) STRICT;

CREATE TABLE archived_file (
	-- Files of the log in which such results are.

	leaf		INTEGER PRIMARY KEY,	-- that has its hash, by index
	sha256		BLOB NOT NULL CHECK (length(sha256) = 32)
) STRICT;
CREATE TRIGGER result_no_update BEFORE UPDATE ON result
BEGIN SELECT RAISE(ABORT, 'result is append-only'); END;
CREATE TRIGGER result_no_delete BEFORE DELETE ON result
WHEN NOT EXISTS (SELECT 1 FROM archived WHERE transfer = OLD.transfer)
BEGIN SELECT RAISE(ABORT, 'a result stays unless its credit is archived'); END;
CREATE TRIGGER result_no_replace BEFORE INSERT ON result
	-- The first result of a slot stays, and nobody is told: that is how the
	-- coordinator learns that another request was paid for it.
WHEN EXISTS (SELECT 1 FROM result WHERE slot = NEW.slot)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TRIGGER archived_no_update BEFORE UPDATE ON archived
BEGIN SELECT RAISE(ABORT, 'archived is append-only'); END;
CREATE TRIGGER archived_no_delete BEFORE DELETE ON archived
BEGIN SELECT RAISE(ABORT, 'archived is append-only'); END;
CREATE TRIGGER archived_no_replace BEFORE INSERT ON archived
WHEN EXISTS (SELECT 1 FROM archived WHERE transfer = NEW.transfer)
BEGIN SELECT RAISE(ABORT, 'archived is append-only'); END;
-- It is of all results that the credit has, while these are there.
CREATE TRIGGER archived_of_results BEFORE INSERT ON archived
	-- It is of all results that the credit has, while these are there.
WHEN NEW.results <> (SELECT count(*) FROM result WHERE transfer = NEW.transfer)
BEGIN SELECT RAISE(ABORT, 'a credit is archived as a whole'); END;

CREATE TRIGGER archived_file_no_update BEFORE UPDATE ON archived_file
BEGIN SELECT RAISE(ABORT, 'archived_file is append-only'); END;
CREATE TRIGGER archived_file_no_delete BEFORE DELETE ON archived_file
BEGIN SELECT RAISE(ABORT, 'archived_file is append-only'); END;
CREATE TRIGGER archived_file_no_replace BEFORE INSERT ON archived_file
WHEN EXISTS (SELECT 1 FROM archived_file WHERE leaf = NEW.leaf)
BEGIN SELECT RAISE(IGNORE); END;

CREATE TABLE round (
	-- What a worker signed for all results of a submission at once: the
	-- root of their tree; doc/protocol. others: of results that this
	-- transfer didn't pay, what the root needs of them, 32 bytes for each
	-- part of the tree without a paid one, from left to right;
	-- src/eth/round_tree.h.

	transfer	INTEGER PRIMARY KEY REFERENCES transfer (id)
			DEFERRABLE INITIALLY DEFERRED,
	count		INTEGER NOT NULL CHECK (count BETWEEN 1 AND 50),
	root		BLOB NOT NULL CHECK (length(root) = 32),
	signature	BLOB NOT NULL CHECK (length(signature) = 65),
	others		BLOB NOT NULL
) STRICT;

CREATE TRIGGER round_no_update BEFORE UPDATE ON round
BEGIN SELECT RAISE(ABORT, 'round is append-only'); END;
CREATE TRIGGER round_no_delete BEFORE DELETE ON round
BEGIN SELECT RAISE(ABORT, 'round is append-only'); END;
CREATE TRIGGER round_no_replace BEFORE INSERT ON round
WHEN EXISTS (SELECT 1 FROM round WHERE transfer = NEW.transfer)
BEGIN SELECT RAISE(ABORT, 'round is append-only'); END;

CREATE TABLE forfeit (
	-- Why credit was forfeited, and since when it had been given. by is
	-- 'operator', or 'record': by itself, after drills that it failed.

	transfer	INTEGER PRIMARY KEY REFERENCES transfer (id),
	since_ms	INTEGER NOT NULL,
	by		TEXT NOT NULL CHECK (by IN ('operator', 'record')),
	why		TEXT NOT NULL CHECK (why <> '')
) STRICT;

CREATE TRIGGER demotion_no_update BEFORE UPDATE ON demotion
BEGIN SELECT RAISE(ABORT, 'demotion is append-only'); END;
CREATE TRIGGER demotion_no_delete BEFORE DELETE ON demotion
BEGIN SELECT RAISE(ABORT, 'demotion is append-only'); END;
CREATE TRIGGER demotion_no_replace BEFORE INSERT ON demotion
WHEN EXISTS (SELECT 1 FROM demotion WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'demotion is append-only'); END;

CREATE TRIGGER forfeit_no_update BEFORE UPDATE ON forfeit
BEGIN SELECT RAISE(ABORT, 'forfeit is append-only'); END;
CREATE TRIGGER forfeit_no_delete BEFORE DELETE ON forfeit
BEGIN SELECT RAISE(ABORT, 'forfeit is append-only'); END;
CREATE TRIGGER forfeit_no_replace BEFORE INSERT ON forfeit
WHEN EXISTS (SELECT 1 FROM forfeit WHERE transfer = NEW.transfer)
BEGIN SELECT RAISE(ABORT, 'forfeit is append-only'); END;

CREATE TABLE drill_key (
	-- The key of each day's drills: its hash before the day, itself after
	-- it.

	day		INTEGER PRIMARY KEY,	-- UTC, since 1970
	hash		BLOB NOT NULL CHECK (length(hash) = 32),
	committed_ms	INTEGER NOT NULL,
	key		BLOB CHECK (length(key) = 32)
) STRICT;

CREATE TABLE drill (
	-- Extra slots whose right answer is known: src/ledger/drill.h. The
	-- status that was reported is in result. void: most others failed about
	-- then, too.

	slot		INTEGER PRIMARY KEY,
	worker		INTEGER NOT NULL REFERENCES worker (id),
	assigned_ms	INTEGER NOT NULL,
	wanted		INTEGER NOT NULL,	-- what a visit is shown
	outcome		TEXT CHECK (outcome IN ('right', 'wrong', 'silent', 'void'))
) STRICT;

CREATE INDEX drill_worker ON drill (worker, assigned_ms);
CREATE INDEX drill_time ON drill (assigned_ms);
CREATE INDEX drill_due ON drill (assigned_ms) WHERE outcome IS NULL;

-- A day's key is only shown, a drill only judged.
CREATE TRIGGER drill_key_only_shown BEFORE UPDATE ON drill_key
	-- A day's key is only shown, a drill only judged.
WHEN NEW.day IS NOT OLD.day OR NEW.hash IS NOT OLD.hash
	OR NEW.committed_ms IS NOT OLD.committed_ms OR OLD.key IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the key of a day only changes to be shown'); END;
CREATE TRIGGER drill_key_no_delete BEFORE DELETE ON drill_key
BEGIN SELECT RAISE(ABORT, 'the key of a day stays'); END;
CREATE TRIGGER drill_key_no_replace BEFORE INSERT ON drill_key
WHEN EXISTS (SELECT 1 FROM drill_key WHERE day = NEW.day)
BEGIN SELECT RAISE(IGNORE); END;
CREATE TRIGGER drill_only_outcome BEFORE UPDATE ON drill
WHEN NEW.slot IS NOT OLD.slot OR NEW.worker IS NOT OLD.worker
	OR NEW.assigned_ms IS NOT OLD.assigned_ms OR NEW.wanted IS NOT OLD.wanted
	OR OLD.outcome IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a drill only changes its outcome'); END;
CREATE TRIGGER drill_no_delete BEFORE DELETE ON drill
BEGIN SELECT RAISE(ABORT, 'a drill is never deleted'); END;
CREATE TRIGGER drill_no_replace BEFORE INSERT ON drill
WHEN EXISTS (SELECT 1 FROM drill WHERE slot = NEW.slot)
BEGIN SELECT RAISE(ABORT, 'a drill is never replaced'); END;

CREATE TABLE vote (
	-- Results of cycles that have several, until the cycle is over and they
	-- are compared: src/ledger/verdict.h.

	over_ms		INTEGER NOT NULL,	-- no slot of it is given from here on
	version		INTEGER NOT NULL,	-- results of one definition alone
	cycle_ms	INTEGER NOT NULL,
	slot		INTEGER NOT NULL,
	worker		INTEGER NOT NULL,
	network		TEXT NOT NULL,		-- or a worker that is one
	up		INTEGER NOT NULL,
	PRIMARY KEY (over_ms, version, cycle_ms, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
	-- What the results of a cycle say together: so many networks up, so
	-- many down. As many of each are no verdict.

	cycle_ms	INTEGER NOT NULL,
	task		INTEGER NOT NULL,
	judged_ms	INTEGER NOT NULL,
	up		INTEGER NOT NULL CHECK (up >= 0),
	down		INTEGER NOT NULL CHECK (down >= 0 AND up + down >= 2),
	PRIMARY KEY (cycle_ms, task)
) STRICT, WITHOUT ROWID;

CREATE TABLE dissent (
	-- Every result of a cycle whose results differ: of which network it
	-- counted, if it did, and whether it stood apart from the verdict.

	slot		INTEGER PRIMARY KEY,
	task		INTEGER NOT NULL,
	cycle_ms	INTEGER NOT NULL,
	worker		INTEGER NOT NULL,
	network		TEXT NOT NULL,
	apart		INTEGER NOT NULL,
	counted		INTEGER NOT NULL	-- 0: of one that was accused
) STRICT;

CREATE INDEX dissent_cycle ON dissent (cycle_ms, task);
CREATE INDEX dissent_worker ON dissent (worker, cycle_ms) WHERE apart = 1;

CREATE TABLE tier (
	-- Tiers as they were imported, each with what it was then: shares of
	-- the work, and thousandths of a task's reward that one of it is paid.

	id		INTEGER PRIMARY KEY,
	name		TEXT NOT NULL
			CHECK (name IN ('bronze', 'silver', 'gold', 'platinum')),
	weight		INTEGER NOT NULL CHECK (weight BETWEEN 1 AND 1000),
	reward_permille	INTEGER NOT NULL
			CHECK (reward_permille BETWEEN 1000 AND 10000)
) STRICT;

CREATE TABLE worker_tier (
	-- Of which tier a worker is for the slots that it is given from
	-- first_slot on, until its next row; NULL: of none.

	id		INTEGER PRIMARY KEY,
	worker		INTEGER NOT NULL REFERENCES worker (id),
	first_slot	INTEGER NOT NULL CHECK (first_slot >= 1),
	tier		INTEGER REFERENCES tier (id),
	at_ms		INTEGER NOT NULL
) STRICT;

CREATE INDEX worker_tier_worker ON worker_tier (worker, first_slot, id);

CREATE TABLE watch (
	-- Tasks that witnesses are to visit, or saw down: src/ledger/witness.h.

	task		INTEGER PRIMARY KEY,
	visits		INTEGER NOT NULL,	-- that witnesses owe it
	ups		INTEGER NOT NULL,	-- of their last reports, in a row
	downs		INTEGER NOT NULL,
	down_ms		INTEGER NOT NULL	-- of the last that said so
) STRICT;

CREATE TABLE witness_slot (
	-- The extra slots that witnesses were given, and what they saw.

	slot		INTEGER PRIMARY KEY,
	worker		INTEGER NOT NULL,
	task		INTEGER NOT NULL,
	assigned_ms	INTEGER NOT NULL,
	seen_ms		INTEGER,		-- NULL: nothing yet
	up		INTEGER,
	outcome		TEXT			-- by what others reported
			CHECK (outcome IN ('right', 'wrong', 'void'))
) STRICT;

CREATE INDEX witness_slot_time ON witness_slot (assigned_ms);
CREATE INDEX witness_slot_due ON witness_slot (seen_ms)
	WHERE seen_ms IS NOT NULL AND outcome IS NULL;
CREATE INDEX witness_slot_worker ON witness_slot (worker, seen_ms)
	WHERE seen_ms IS NOT NULL;
CREATE INDEX witness_slot_seen ON witness_slot (task, seen_ms)
	WHERE seen_ms IS NOT NULL;

CREATE TABLE sighting (
	-- Workers' results of what witnesses lately saw down, and all that say
	-- down, once there are witnesses; and what follows. void: nothing.

	slot		INTEGER PRIMARY KEY,
	worker		INTEGER NOT NULL,
	task		INTEGER NOT NULL,
	network		TEXT NOT NULL,		-- or a worker that is one
	assigned_ms	INTEGER NOT NULL,
	paid_ms		INTEGER NOT NULL,
	up		INTEGER NOT NULL,
	due_ms		INTEGER NOT NULL,	-- when it is judged
	outcome		TEXT CHECK (outcome IN ('right', 'wrong', 'void'))
) STRICT;

CREATE INDEX sighting_due ON sighting (due_ms) WHERE outcome IS NULL;
CREATE INDEX sighting_worker ON sighting (worker, assigned_ms);
CREATE INDEX sighting_task ON sighting (task, assigned_ms);

CREATE TRIGGER verdict_no_update BEFORE UPDATE ON verdict
BEGIN SELECT RAISE(ABORT, 'verdict is append-only'); END;
CREATE TRIGGER verdict_no_delete BEFORE DELETE ON verdict
BEGIN SELECT RAISE(ABORT, 'verdict is append-only'); END;
CREATE TRIGGER verdict_no_replace BEFORE INSERT ON verdict
WHEN EXISTS (SELECT 1 FROM verdict WHERE cycle_ms = NEW.cycle_ms AND task = NEW.task)
BEGIN SELECT RAISE(ABORT, 'verdict is append-only'); END;

CREATE TRIGGER dissent_no_update BEFORE UPDATE ON dissent
BEGIN SELECT RAISE(ABORT, 'dissent is append-only'); END;
CREATE TRIGGER dissent_no_delete BEFORE DELETE ON dissent
BEGIN SELECT RAISE(ABORT, 'dissent is append-only'); END;
CREATE TRIGGER dissent_no_replace BEFORE INSERT ON dissent
WHEN EXISTS (SELECT 1 FROM dissent WHERE slot = NEW.slot)
BEGIN SELECT RAISE(ABORT, 'dissent is append-only'); END;

CREATE TRIGGER tier_no_update BEFORE UPDATE ON tier
BEGIN SELECT RAISE(ABORT, 'tier is append-only'); END;
CREATE TRIGGER tier_no_delete BEFORE DELETE ON tier
BEGIN SELECT RAISE(ABORT, 'tier is append-only'); END;
CREATE TRIGGER tier_no_replace BEFORE INSERT ON tier
WHEN EXISTS (SELECT 1 FROM tier WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'tier is append-only'); END;

CREATE TRIGGER worker_tier_no_update BEFORE UPDATE ON worker_tier
BEGIN SELECT RAISE(ABORT, 'worker_tier is append-only'); END;
CREATE TRIGGER worker_tier_no_delete BEFORE DELETE ON worker_tier
BEGIN SELECT RAISE(ABORT, 'worker_tier is append-only'); END;
CREATE TRIGGER worker_tier_no_replace BEFORE INSERT ON worker_tier
WHEN EXISTS (SELECT 1 FROM worker_tier WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'worker_tier is append-only'); END;

-- A witness's slot is only reported, then judged, a sighting only judged.
CREATE TRIGGER witness_slot_only_seen BEFORE UPDATE ON witness_slot
	-- A witness's slot is only reported, then judged, a sighting only
	-- judged.
WHEN NEW.slot IS NOT OLD.slot OR NEW.worker IS NOT OLD.worker
	OR NEW.task IS NOT OLD.task OR NEW.assigned_ms IS NOT OLD.assigned_ms
	OR OLD.outcome IS NOT NULL OR (OLD.seen_ms IS NOT NULL
	AND (NEW.seen_ms IS NOT OLD.seen_ms OR NEW.up IS NOT OLD.up))
BEGIN SELECT RAISE(ABORT, 'what a witness saw never changes'); END;
CREATE TRIGGER witness_slot_no_delete BEFORE DELETE ON witness_slot
BEGIN SELECT RAISE(ABORT, 'a slot of a witness is never deleted'); END;
CREATE TRIGGER witness_slot_no_replace BEFORE INSERT ON witness_slot
WHEN EXISTS (SELECT 1 FROM witness_slot WHERE slot = NEW.slot)
BEGIN SELECT RAISE(ABORT, 'a slot of a witness is never replaced'); END;
CREATE TRIGGER sighting_only_outcome BEFORE UPDATE ON sighting
WHEN NEW.slot IS NOT OLD.slot OR NEW.worker IS NOT OLD.worker
	OR NEW.task IS NOT OLD.task OR NEW.network IS NOT OLD.network
	OR NEW.assigned_ms IS NOT OLD.assigned_ms
	OR NEW.paid_ms IS NOT OLD.paid_ms OR NEW.up IS NOT OLD.up
	OR OLD.outcome IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a sighting only changes its judgement'); END;
CREATE TRIGGER sighting_no_delete BEFORE DELETE ON sighting
BEGIN SELECT RAISE(ABORT, 'a sighting is never deleted'); END;
CREATE TRIGGER sighting_no_replace BEFORE INSERT ON sighting
WHEN EXISTS (SELECT 1 FROM sighting WHERE slot = NEW.slot)
BEGIN SELECT RAISE(ABORT, 'a sighting is never replaced'); END;

CREATE TRIGGER region_only_name
	-- Of a region, a task, a worker and an account stays who it is.
	BEFORE UPDATE OF id, first_name, added_ms ON region
BEGIN SELECT RAISE(ABORT, 'a region only changes its name'); END;
CREATE TRIGGER region_no_delete BEFORE DELETE ON region
BEGIN SELECT RAISE(ABORT, 'a region is never deleted'); END;
CREATE TRIGGER region_no_replace BEFORE INSERT ON region
WHEN EXISTS (SELECT 1 FROM region WHERE id = NEW.id OR name = NEW.name
	OR first_name = NEW.first_name)
BEGIN SELECT RAISE(ABORT, 'a region is never replaced'); END;

-- What a worker that was ever of a tier is paid for a slot of a definition, from
-- slot first_slot on and before next_slot: the reward, multiplied by its tier,
-- but no more than a copy's part of the budget.
CREATE VIEW tier_reward AS
	-- What a worker that was ever of a tier is paid for a slot of a
	-- definition, from slot first_slot on and before next_slot: the reward,
	-- multiplied by its tier, but no more than a copy's part of the budget.
SELECT	w.worker,
	w.first_slot,
	w.next_slot,
	v.id AS version,
	CASE WHEN v.budget_micros > 0 AND v.budget_micros / v.copies <
			v.reward_micros * coalesce(i.reward_permille, 1000) / 1000
		THEN v.budget_micros / v.copies
		ELSE v.reward_micros * coalesce(i.reward_permille, 1000) / 1000
		END AS micros
FROM (SELECT b.worker, b.tier, b.first_slot,
		coalesce((SELECT n.first_slot FROM worker_tier n
			WHERE n.worker = b.worker AND n.id > b.id
			ORDER BY n.id LIMIT 1), 9223372036854775807) AS next_slot
		FROM worker_tier b) w
	CROSS JOIN task_version v LEFT JOIN tier i ON i.id = w.tier;

-- What each result is paid: its definition's reward, by the tier that its worker
-- was of when it was given the slot.
CREATE VIEW reward AS
	-- What each result is paid: its definition's reward, by the tier that
	-- its worker was of when it was given the slot.
SELECT	r.slot,
	coalesce((SELECT p.micros FROM tier_reward p
		WHERE p.worker = t.credit AND p.version = r.version
		AND p.first_slot <= r.slot AND p.next_slot > r.slot),
		v.reward_micros) AS micros
FROM result r
	JOIN task_version v ON v.id = r.version
	LEFT JOIN transfer t ON t.id = r.transfer;

-- What each task pays for a slot at most: to one of the best tier.
CREATE VIEW best_reward AS
	-- What each task pays for a slot at most: to one of the best tier.
SELECT	k.id AS task,
	CASE WHEN k.budget_micros > 0 AND k.budget_micros / k.copies <
			k.reward_micros * b.permille / 1000
		THEN k.budget_micros / k.copies
		ELSE k.reward_micros * b.permille / 1000 END AS micros
FROM (SELECT coalesce((SELECT max(i.reward_permille)
		FROM worker_tier w CROSS JOIN tier i WHERE i.id = w.tier), 1000)
		AS permille) b
	CROSS JOIN task k;

-- Workers that were accused by their record, and that nobody has released since:
-- what they report is paid, but has no vote.
CREATE VIEW accused AS
	-- Workers that were accused by their record, and that nobody has
	-- released since: what they report is paid, but has no vote.
SELECT	h.worker,
	w.address,
	h.since_ms,
	h.reason
FROM hold h JOIN worker w ON w.id = h.worker
WHERE h.by = 'operator'
	AND EXISTS (SELECT 1 FROM demotion m WHERE m.worker = h.worker);

-- What a check's error says is of a stranger's making: nothing that a terminal
-- would act upon is shown as it is.
DROP VIEW checks;
CREATE VIEW checks AS
	-- Every paid check in words. An error is what a worker wrote: one that
	-- could steer a terminal (control characters, U+0080 to U+009F) is
	-- shown in hex.
SELECT	strftime('%Y-%m-%d %H:%M:%S', r.timestamp_ms / 1000, 'unixepoch') AS at,
	k.name AS task,
	v.url,
	w.address AS worker,
	CASE r.success WHEN 1 THEN 'up' ELSE 'down' END AS outcome,
	r.status,
	r.response_ms,
	CASE WHEN r.error GLOB '*[' || char(1) || '-' || char(31)
			|| char(127) || '-' || char(159) || ']*'
		THEN 'hex ' || hex(r.error) ELSE r.error END AS error,
	printf('%d.%06d', p.micros / 1000000, p.micros % 1000000)
		AS reward_usdc,
	r.slot,
	r.transfer,
	v.reward_micros
FROM result r
	JOIN reward p ON p.slot = r.slot
	JOIN transfer t ON t.id = r.transfer
	JOIN worker w ON w.id = t.credit
	JOIN task_version v ON v.id = r.version
	JOIN task k ON k.id = v.task;

-- Amounts as numbers, too: texts sort "10" before "9".
DROP VIEW balances;
CREATE VIEW balances AS
	-- What each worker has earned and is still owed.
SELECT	w.address,
	CASE WHEN EXISTS (SELECT 1 FROM suspension s WHERE s.address = w.address)
		THEN 'suspended' ELSE 'active' END AS state,
	printf('%d.%06d', a.balance_micros / 1000000, a.balance_micros % 1000000)
		AS owed_usdc,
	(SELECT printf('%d.%06d', coalesce(sum(t.amount_micros), 0) / 1000000,
		coalesce(sum(t.amount_micros), 0) % 1000000)
	 FROM transfer t WHERE t.credit = w.id AND t.credit > 3
		AND t.kind = 'credit') AS earned_usdc,
	(SELECT printf('%d.%06d', coalesce(sum(p.paid_micros), 0) / 1000000,
		coalesce(sum(p.paid_micros), 0) % 1000000)
	 FROM payout p WHERE p.worker = w.id) AS paid_usdc,
	strftime('%Y-%m-%d %H:%M:%S', w.first_seen_ms / 1000, 'unixepoch')
		AS first_seen,
	a.balance_micros AS owed_micros,
	(SELECT coalesce(sum(t.amount_micros), 0) FROM transfer t
	 WHERE t.credit = w.id AND t.credit > 3 AND t.kind = 'credit')
		AS earned_micros,
	(SELECT coalesce(sum(p.paid_micros), 0) FROM payout p
	 WHERE p.worker = w.id) AS paid_micros
FROM worker w JOIN account a ON a.id = w.id;
DROP VIEW statement;
CREATE VIEW statement AS
	-- A worker's every line, oldest first:
	-- SELECT * FROM statement WHERE address = '0x...';
SELECT	w.address,
	t.id AS transfer,
	strftime('%Y-%m-%d %H:%M:%S', t.at_ms / 1000, 'unixepoch') AS at,
	t.kind,
	CASE WHEN t.credit = w.id THEN '' ELSE '-' END
		|| printf('%d.%06d', t.amount_micros / 1000000,
		t.amount_micros % 1000000) AS usdc,
	coalesce((SELECT d.results FROM archived d WHERE d.transfer = t.id),
		(SELECT count(*) FROM result r WHERE r.transfer = t.id)) AS results,
	CASE WHEN t.credit = w.id THEN t.amount_micros ELSE -t.amount_micros END
		AS micros
FROM worker w JOIN transfer t ON (t.credit = w.id AND t.credit > 3)
	OR (t.debit = w.id AND t.debit > 3)
ORDER BY t.id;
DROP VIEW open_payouts;
CREATE VIEW open_payouts AS
	-- Payouts that are neither final nor voided.
SELECT	p.id AS payout,
	w.address,
	p.seq,
	printf('%d.%06d', p.amount_micros / 1000000, p.amount_micros % 1000000)
		AS usdc,
	p.state,
	strftime('%Y-%m-%d %H:%M:%S', (SELECT max(e.at_ms) FROM payout_event e
		WHERE e.payout = p.id) / 1000, 'unixepoch') AS since,
	p.nonce,
	p.amount_micros AS micros
FROM payout p JOIN worker w ON w.id = p.worker
WHERE p.is_open = 1;
-- What a person must look at. Empty when all is well, also while somebody is
-- held: that is a person's will, or the token's.
DROP VIEW exceptions;
CREATE VIEW exceptions AS
	-- What a person must look at. Empty when all is well, also while
	-- somebody is held: that is a person's will, or the token's.
SELECT kind, subject, detail FROM finding WHERE closed_ms IS NULL
	AND kind NOT IN ('worker is held', 'everybody is held')
UNION ALL
SELECT 'trial balance' AS kind, 'accounts' AS subject,
	micros || ' micro-USDC, expected 0' AS detail
FROM trial_balance WHERE micros <> 0
UNION ALL
SELECT 'in flight', 'account 2', 'holds ' || a.balance_micros
	|| ' micro-USDC, open payouts hold ' || o.micros
FROM account a, (SELECT coalesce(sum(CASE WHEN state <> 'posted'
		THEN amount_micros WHEN amount_micros > paid_micros
		THEN amount_micros - paid_micros ELSE 0 END), 0)
	AS micros FROM payout WHERE is_open = 1) o
WHERE a.id = 2 AND a.balance_micros <> o.micros
UNION ALL
SELECT 'paid', 'account 3', 'holds ' || a.balance_micros
	|| ' micro-USDC, settled payouts hold ' || o.micros
FROM account a, (SELECT coalesce(sum(paid_micros), 0) AS micros
	FROM payout) o
WHERE a.id = 3 AND a.balance_micros <> o.micros;

-- Uptime -----------------------------------------------------------------
-- What the results say of the tasks, by the method of doc/uptime.

CREATE TABLE task_state (
	-- When a task was paused, resumed or removed; before the first of these
	-- it was active since its first definition.

	id		INTEGER PRIMARY KEY,
	task		INTEGER NOT NULL REFERENCES task (id),
	at_ms		INTEGER NOT NULL,
	state		TEXT NOT NULL CHECK (state IN ('active', 'paused', 'removed'))
) STRICT;

CREATE INDEX task_state_task ON task_state (task, id);

CREATE TABLE network (
	-- Networks that results came from; 0 is one that isn't known.

	id		INTEGER PRIMARY KEY,
	name		TEXT NOT NULL UNIQUE	-- as 203.0.113.0/24, AS64500
) STRICT;

INSERT INTO network (id, name) VALUES (0, '');

CREATE TABLE worker_network (
	-- Where a worker's results came from, from that transfer on: a row each
	-- time that it was another network.

	worker		INTEGER NOT NULL,
	from_transfer	INTEGER NOT NULL,
	network		INTEGER NOT NULL,
	PRIMARY KEY (worker, from_transfer)
) STRICT, WITHOUT ROWID;

CREATE TABLE network_key (
	-- Nobody is told a network but as a hash with a key of the day, which
	-- follows from this: src/ledger/origin.h.

	id		INTEGER PRIMARY KEY CHECK (id = 1),
	key		BLOB NOT NULL CHECK (length(key) = 32)
) STRICT;

INSERT INTO network_key (id, key) VALUES (1, randomblob(32));

CREATE TABLE maintenance (
	-- Times in which an outage was announced. It counts if it was noted
	-- before it began; once it has begun it can only be ended.

	id		INTEGER PRIMARY KEY,
	task		INTEGER NOT NULL REFERENCES task (id),
	from_ms		INTEGER NOT NULL,
	to_ms		INTEGER NOT NULL,
	noted_ms	INTEGER NOT NULL,
	why		TEXT NOT NULL CHECK (why <> ''),
	ended_ms	INTEGER,		-- before to_ms
	CHECK (from_ms < to_ms)
) STRICT;

CREATE INDEX maintenance_task ON maintenance (task, from_ms);

CREATE TABLE uptime_hour (
	-- What a task was in an hour of whole UTC hours, in ms of it; the last
	-- such row says how far they were counted. All of it follows from the
	-- results, and can be made anew: worknet rollup. hidden: what
	-- maintenance hides, by what it is.

	task		INTEGER NOT NULL,
	hour_ms		INTEGER NOT NULL CHECK (hour_ms % 3600000 = 0),
	up_ms		INTEGER NOT NULL CHECK (up_ms >= 0),
	down_ms		INTEGER NOT NULL CHECK (down_ms >= 0),
	unconfirmed_ms	INTEGER NOT NULL CHECK (unconfirmed_ms >= 0),
	unknown_ms	INTEGER NOT NULL CHECK (unknown_ms >= 0),
	disputed_ms	INTEGER NOT NULL CHECK (disputed_ms >= 0),
	paused_ms	INTEGER NOT NULL CHECK (paused_ms >= 0),
	maintenance_ms	INTEGER NOT NULL CHECK (maintenance_ms >= 0),
	hidden_up_ms	INTEGER NOT NULL,
	hidden_down_ms	INTEGER NOT NULL,
	hidden_unconfirmed_ms	INTEGER NOT NULL,
	hidden_unknown_ms	INTEGER NOT NULL,
	hidden_disputed_ms	INTEGER NOT NULL,
	-- Of the cycles that began in it: copies, results that counted, those
	-- that others contradicted, and drills, which don't count; and of the
	-- votes those that were signed in rounds.
	copies		INTEGER NOT NULL,
	votes		INTEGER NOT NULL,
	dissents	INTEGER NOT NULL,
	drills		INTEGER NOT NULL,
	in_rounds	INTEGER NOT NULL,
	-- What the next hour begins with: src/uptime/uptime.h; -1 is no time.
	decided_ms	INTEGER NOT NULL,
	last_down_ms	INTEGER NOT NULL,
	open_ms		INTEGER NOT NULL,
	run_n		INTEGER NOT NULL,
	run_ms		INTEGER NOT NULL,
	networks	TEXT NOT NULL,
	slice_to_ms	INTEGER NOT NULL,	-- end of the last one, and what
	slice_raw	INTEGER NOT NULL,	-- it was
	PRIMARY KEY (task, hour_ms),
	CHECK (up_ms + down_ms + unconfirmed_ms + unknown_ms + disputed_ms
		+ paused_ms + maintenance_ms = 3600000)
) STRICT, WITHOUT ROWID;

CREATE TABLE response_hour (
	-- How long its answers took, of the same hour and those of its cycles,
	-- for each region that its definitions asked for: doc/uptime, 9.
	-- Without results there is no row.

	task		INTEGER NOT NULL,
	hour_ms		INTEGER NOT NULL,
	region		INTEGER NOT NULL,
	results		INTEGER NOT NULL CHECK (results > 0),
	p50_ms		INTEGER NOT NULL,
	p95_ms		INTEGER NOT NULL,
	max_ms		INTEGER NOT NULL,
	PRIMARY KEY (task, hour_ms, region)
) STRICT, WITHOUT ROWID;

CREATE TABLE uptime_day (
	-- The sums of a day's hours (UTC, since 1970), as far as they are
	-- counted: three months of a task are read as 90 rows.

	task		INTEGER NOT NULL,
	day		INTEGER NOT NULL,
	hours		INTEGER NOT NULL CHECK (hours BETWEEN 1 AND 24),
	up_ms		INTEGER NOT NULL,
	down_ms		INTEGER NOT NULL,
	unconfirmed_ms	INTEGER NOT NULL,
	unknown_ms	INTEGER NOT NULL,
	disputed_ms	INTEGER NOT NULL,
	paused_ms	INTEGER NOT NULL,
	maintenance_ms	INTEGER NOT NULL,
	hidden_up_ms	INTEGER NOT NULL,
	hidden_down_ms	INTEGER NOT NULL,
	hidden_unconfirmed_ms	INTEGER NOT NULL,
	hidden_unknown_ms	INTEGER NOT NULL,
	hidden_disputed_ms	INTEGER NOT NULL,
	copies		INTEGER NOT NULL,
	votes		INTEGER NOT NULL,
	dissents	INTEGER NOT NULL,
	drills		INTEGER NOT NULL,
	in_rounds	INTEGER NOT NULL,
	PRIMARY KEY (task, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE uptime_strip (
	-- The times of a task's newest days in one row, since a list of a
	-- hundred tasks would read nine thousand of uptime_day:
	-- src/ledger/uptime_strip.h.

	task		INTEGER PRIMARY KEY,
	day		INTEGER NOT NULL,	-- the first
	days		TEXT NOT NULL
) STRICT;

CREATE TABLE incident (
	-- Outages that two networks confirmed, up to the last of those hours.

	task		INTEGER NOT NULL,
	from_ms		INTEGER NOT NULL,
	to_ms		INTEGER,		-- NULL: it is open
	ended		TEXT NOT NULL CHECK (ended IN ('open', 'recovered', 'evidence')),
	networks	TEXT NOT NULL,		-- that confirmed it
	PRIMARY KEY (task, from_ms)
) STRICT, WITHOUT ROWID;

-- The newest of all tasks, for feeds. Cost: an entry an incident.
CREATE INDEX incident_time
	-- The newest of all tasks, for feeds. Cost: an entry an incident.
	ON incident (from_ms);

CREATE TABLE uptime_dissent (
	-- Who was contradicted by the others, how often, in such an hour.

	task		INTEGER NOT NULL,
	hour_ms		INTEGER NOT NULL,
	worker		INTEGER NOT NULL,
	network		INTEGER NOT NULL,
	votes		INTEGER NOT NULL,
	PRIMARY KEY (task, hour_ms, worker, network)
) STRICT, WITHOUT ROWID;

-- alerts: nobody was told anything.
-- As far as that a task's cycles were looked at for incidents, and what is
-- known then, as in uptime_hour. caught_up: from here on each event is told.
CREATE TABLE alert_watch (
	-- As far as that a task's cycles were looked at for incidents, and what
	-- is known then, as in uptime_hour. caught_up: from here on each event
	-- is told.

	task		INTEGER PRIMARY KEY,
	to_ms		INTEGER NOT NULL,
	caught_up	INTEGER NOT NULL CHECK (caught_up IN (0, 1)),
	decided_ms	INTEGER NOT NULL,
	last_down_ms	INTEGER NOT NULL,
	open_ms		INTEGER NOT NULL,
	run_n		INTEGER NOT NULL,
	run_ms		INTEGER NOT NULL,
	networks	TEXT NOT NULL
) STRICT;

CREATE TABLE alert_event (
	-- What happened: a row each, for a month.

	id		INTEGER PRIMARY KEY,
	name		TEXT NOT NULL UNIQUE,	-- receivers know it again by it
	kind		TEXT NOT NULL CHECK (kind IN ('incident.opened',
			'incident.ended', 'maintenance.begun', 'test')),
	task		INTEGER NOT NULL,	-- 0: of none
	noted_ms	INTEGER NOT NULL,
	from_ms		INTEGER NOT NULL,
	to_ms		INTEGER,		-- NULL: not known yet
	ended		TEXT NOT NULL
			CHECK (ended IN ('open', 'recovered', 'evidence')),
	networks	INTEGER NOT NULL,	-- that confirmed it
	planned		INTEGER NOT NULL CHECK (planned IN (0, 1)),
	why		TEXT NOT NULL		-- of maintenance
) STRICT;

CREATE INDEX alert_event_noted ON alert_event (noted_ms);

CREATE TABLE alert_delivery (
	-- An event on its way to a receiver. next_ms: when it is tried next.

	event		INTEGER NOT NULL REFERENCES alert_event (id),
	receiver	TEXT NOT NULL,
	task		INTEGER NOT NULL,	-- its event's
	state		TEXT NOT NULL
			CHECK (state IN ('waiting', 'delivered', 'given up')),
	tries		INTEGER NOT NULL,
	next_ms		INTEGER NOT NULL,
	last_ms		INTEGER,		-- the last try; NULL: none yet
	detail		TEXT NOT NULL,		-- what came of it
	PRIMARY KEY (event, receiver)
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_delivery_waiting ON alert_delivery (receiver, task, event)
	WHERE state = 'waiting';

CREATE TABLE alert_off (
	-- Receivers that said that they are gone: nothing is sent to them.

	receiver	TEXT PRIMARY KEY,
	since_ms	INTEGER NOT NULL,
	why		TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Since when they are paused or removed isn't known: since the migration's newest
-- transfer, or ever.
INSERT INTO task_state (task, at_ms, state)
SELECT id, coalesce((SELECT max(at_ms) FROM transfer), 0), state FROM task
WHERE state <> 'active' ORDER BY id;

CREATE TRIGGER task_state_no_update BEFORE UPDATE ON task_state
BEGIN SELECT RAISE(ABORT, 'task_state is append-only'); END;
CREATE TRIGGER task_state_no_delete BEFORE DELETE ON task_state
BEGIN SELECT RAISE(ABORT, 'task_state is append-only'); END;
CREATE TRIGGER task_state_no_replace BEFORE INSERT ON task_state
WHEN EXISTS (SELECT 1 FROM task_state WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'task_state is append-only'); END;

CREATE TRIGGER network_no_update BEFORE UPDATE ON network
BEGIN SELECT RAISE(ABORT, 'network is append-only'); END;
CREATE TRIGGER network_no_delete BEFORE DELETE ON network
BEGIN SELECT RAISE(ABORT, 'network is append-only'); END;
CREATE TRIGGER network_no_replace BEFORE INSERT ON network
WHEN EXISTS (SELECT 1 FROM network WHERE id = NEW.id OR name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'network is append-only'); END;

CREATE TRIGGER worker_network_no_update BEFORE UPDATE ON worker_network
BEGIN SELECT RAISE(ABORT, 'worker_network is append-only'); END;
CREATE TRIGGER worker_network_no_delete BEFORE DELETE ON worker_network
BEGIN SELECT RAISE(ABORT, 'worker_network is append-only'); END;
CREATE TRIGGER worker_network_no_replace BEFORE INSERT ON worker_network
WHEN EXISTS (SELECT 1 FROM worker_network WHERE worker = NEW.worker
	AND from_transfer = NEW.from_transfer)
BEGIN SELECT RAISE(ABORT, 'worker_network is append-only'); END;

CREATE TRIGGER network_key_no_update BEFORE UPDATE ON network_key
BEGIN SELECT RAISE(ABORT, 'network_key is append-only'); END;
CREATE TRIGGER network_key_no_delete BEFORE DELETE ON network_key
BEGIN SELECT RAISE(ABORT, 'network_key is append-only'); END;
CREATE TRIGGER network_key_no_replace BEFORE INSERT ON network_key
WHEN EXISTS (SELECT 1 FROM network_key WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'network_key is append-only'); END;

-- Of a maintenance only its end can be added, once.
CREATE TRIGGER maintenance_only_ended BEFORE UPDATE ON maintenance
	-- Of a maintenance only its end can be added, once.
WHEN NEW.id IS NOT OLD.id OR NEW.task IS NOT OLD.task
	OR NEW.from_ms IS NOT OLD.from_ms OR NEW.to_ms IS NOT OLD.to_ms
	OR NEW.noted_ms IS NOT OLD.noted_ms OR NEW.why IS NOT OLD.why
	OR OLD.ended_ms IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'a maintenance can only be ended'); END;
CREATE TRIGGER maintenance_no_delete BEFORE DELETE ON maintenance
BEGIN SELECT RAISE(ABORT, 'a maintenance is never deleted'); END;
CREATE TRIGGER maintenance_no_replace BEFORE INSERT ON maintenance
WHEN EXISTS (SELECT 1 FROM maintenance WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a maintenance is never replaced'); END;
