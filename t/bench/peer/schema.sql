-- The peer's ledger. Amounts are micro-USDC, times are Unix milliseconds.

CREATE TABLE IF NOT EXISTS task (
	id		TEXT PRIMARY KEY,
	url		TEXT NOT NULL,
	expected_status	INTEGER NOT NULL,
	timeout_ms	INTEGER NOT NULL,
	reward_micros	INTEGER NOT NULL,
	interval_ms	INTEGER NOT NULL,
	copies		INTEGER NOT NULL,
	cooldown_ms	INTEGER NOT NULL,
	region		TEXT NOT NULL,		-- '' for any
	active		INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS worker (
	address		TEXT PRIMARY KEY,	-- lower case
	balance_micros	INTEGER NOT NULL
) STRICT;

-- Who was given which copy of a task's cycle. A copy that was offered again
-- has several rows.
CREATE TABLE IF NOT EXISTS assignment (
	worker		TEXT NOT NULL REFERENCES worker (address),
	task		TEXT NOT NULL REFERENCES task (id),
	cycle_ms	INTEGER NOT NULL,
	copy		INTEGER NOT NULL,
	assigned_ms	INTEGER NOT NULL,
	PRIMARY KEY (worker, task, cycle_ms)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS assignment_slot
	ON assignment (task, cycle_ms, copy, assigned_ms);

-- What was paid: a slot once.
CREATE TABLE IF NOT EXISTS result (
	task		TEXT NOT NULL REFERENCES task (id),
	cycle_ms	INTEGER NOT NULL,
	copy		INTEGER NOT NULL,
	worker		TEXT NOT NULL REFERENCES worker (address),
	reward_micros	INTEGER NOT NULL,
	timestamp_ms	INTEGER NOT NULL,
	success		INTEGER NOT NULL,
	status		INTEGER,
	response_ms	INTEGER,
	error		TEXT,
	signature	TEXT NOT NULL,
	PRIMARY KEY (task, cycle_ms, copy)
) STRICT, WITHOUT ROWID;
