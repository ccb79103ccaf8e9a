-- A next version that never comes: what t/tools/next_worknet migrates to, so that
-- a coordinator of the present version can be migrated under its feet. It makes
-- a table anew that polls and results use all the time.
ALTER TABLE assignment RENAME TO assignment_before;
CREATE TABLE assignment (
	worker		INTEGER NOT NULL,
	task_name	TEXT NOT NULL,
	slot		INTEGER NOT NULL,
	version		INTEGER NOT NULL,
	reward_micros	INTEGER NOT NULL,
	cycle_ms	INTEGER NOT NULL,
	copy		INTEGER NOT NULL,
	assigned_ms	INTEGER NOT NULL,
	region		INTEGER NOT NULL,
	network		TEXT NOT NULL,
	out_of_turn	INTEGER NOT NULL,
	type		TEXT NOT NULL,
	expected_status	INTEGER NOT NULL,
	timeout_ms	INTEGER NOT NULL,
	compared	INTEGER NOT NULL,
	anchor		INTEGER NOT NULL,
	next		INTEGER NOT NULL DEFAULT 1,
	PRIMARY KEY (worker, task_name, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO assignment (worker, task_name, slot, version, reward_micros,
	cycle_ms, copy, assigned_ms, region, network, out_of_turn, type,
	expected_status, timeout_ms, compared, anchor)
SELECT worker, task_name, slot, version, reward_micros, cycle_ms, copy,
	assigned_ms, region, network, out_of_turn, type, expected_status,
	timeout_ms, compared, anchor
FROM assignment_before;
DROP TABLE assignment_before;
