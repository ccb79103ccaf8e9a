-- Every statement that the programs run. The build turns each ":name" into a
-- member of enum query_id; parameters are numbered (?1, ?2, ...).

-- The ledger itself --------------------------------------------------------

-- :name ledger_insert
INSERT INTO ledger (id, ledger_id, created_ms) VALUES (1, ?1, ?2);

-- :name ledger_get
SELECT ledger_id, created_ms FROM ledger WHERE id = 1;

-- Workers ------------------------------------------------------------------

-- :name worker_by_address
SELECT id, state FROM worker WHERE address = ?1;

-- :name account_insert_worker
INSERT INTO account (id, kind)
SELECT max(max(id), 3) + 1, 'worker' FROM account;

-- :name worker_insert
INSERT INTO worker (id, address, state, first_seen_ms)
VALUES (?1, ?2, 'active', ?3);

-- :name worker_set_state
UPDATE worker SET state = ?2 WHERE id = ?1;

-- The schedule -------------------------------------------------------------

-- :name turn_get
SELECT turn_micros FROM turn WHERE worker = ?1 AND region = ?2;

-- :name turn_set
INSERT INTO turn (worker, region, turn_micros) VALUES (?1, ?2, ?3)
ON CONFLICT (worker, region) DO UPDATE SET turn_micros = excluded.turn_micros;

-- :name level_get
SELECT level_micros FROM level WHERE region = ?1;

-- :name level_set
INSERT INTO level (region, level_micros) VALUES (?1, ?2)
ON CONFLICT (region) DO UPDATE SET level_micros = excluded.level_micros;

-- The tasks of a region that have a slot to give, those that wait longest
-- first; from the index alone.
-- :name task_due
SELECT id FROM task INDEXED BY task_due
WHERE state = 'active' AND region = ?1 AND open_ms <= ?2
ORDER BY open_ms LIMIT ?3;

-- What decides whether a due task has a slot for a worker.
-- :name task_decide
SELECT k.version, k.open_ms, k.cycle_ms, k.given, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms
FROM task k CROSS JOIN task_version v ON v.id = k.version WHERE k.id = ?1;

-- What a worker is told of a task.
-- :name task_offered
SELECT k.name, v.url, v.region, v.expected_status
FROM task k CROSS JOIN task_version v ON v.id = k.version WHERE k.id = ?1;

-- When a worker was last given a task.
-- :name assignment_last
SELECT assigned_ms, cycle_ms FROM assignment
WHERE worker = ?1 AND task = ?2 ORDER BY slot DESC LIMIT 1;

-- :name offer_again
SELECT o.slot, o.copy FROM offer o
WHERE o.task = ?1 AND o.again_ms <= ?2
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = o.slot)
ORDER BY o.again_ms LIMIT 1;

-- :name offer_network
SELECT 1 FROM offer WHERE task = ?1 AND network = ?2 AND slot <> ?3 LIMIT 1;

-- :name offer_put
INSERT INTO offer (task, slot, copy, network, again_ms)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (task, slot) DO UPDATE SET network = excluded.network,
	again_ms = excluded.again_ms;

-- :name offer_clear
DELETE FROM offer WHERE task = ?1;

-- When the next of a cycle's silent slots is offered again; no row when none
-- is.
-- :name offer_next
SELECT o.again_ms FROM offer o
WHERE o.task = ?1
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = o.slot)
ORDER BY o.again_ms LIMIT 1;

-- :name slot_next
UPDATE slot_counter SET last_slot = last_slot + 1 WHERE id = 1
RETURNING last_slot;

-- :name slot_last
SELECT last_slot FROM slot_counter WHERE id = 1;

-- :name assignment_insert
INSERT INTO assignment (worker, task, slot, version, cycle_ms, copy,
	assigned_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- A worker's rows on which neither a payment nor a cooldown depends any more.
-- :name assignment_purge
DELETE FROM assignment WHERE worker = ?1 AND assigned_ms < ?2 AND assigned_ms
	< ?3 - (SELECT v.cooldown_ms FROM task_version v WHERE v.id = version);

-- :name task_schedule
UPDATE task SET cycle_ms = ?2, given = ?3, open_ms = ?4 WHERE id = ?1;

-- Credit -------------------------------------------------------------------

-- :name task_by_name
SELECT id FROM task WHERE name = ?1 AND state <> 'removed';

-- A worker's assignments of a task and what became of their slots, oldest
-- first.
-- :name assignment_for_result
SELECT a.slot, a.version, a.cycle_ms, a.copy, a.assigned_ms, v.reward_micros,
	r.timestamp_ms, r.slot IS NOT NULL AND t.credit = a.worker
FROM assignment a
	CROSS JOIN task_version v ON v.id = a.version
	LEFT JOIN result r ON r.slot = a.slot
	LEFT JOIN transfer t ON t.id = r.transfer
WHERE a.worker = ?1 AND a.task = ?2
ORDER BY a.slot;

-- :name result_exists
SELECT 1 FROM result WHERE slot = ?1;

-- :name result_insert
INSERT INTO result (slot, transfer, version, cycle_ms, copy, assigned_ms,
	timestamp_ms, success, status, response_ms, error, address_form,
	signature)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13);

-- :name transfer_last
SELECT id, hash FROM transfer ORDER BY id DESC LIMIT 1;

-- :name transfer_insert
INSERT INTO transfer (id, at_ms, kind, debit, credit, amount_micros, hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :name account_add
UPDATE account SET balance_micros = balance_micros + ?2 WHERE id = ?1;

-- Tasks --------------------------------------------------------------------

-- :name task_version_last
SELECT id, hash FROM task_version ORDER BY id DESC LIMIT 1;

-- :name task_version_insert
INSERT INTO task_version (id, task, url, expected_status, timeout_ms,
	reward_micros, interval_ms, copies, cooldown_ms, region, created_ms,
	hash)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12);

-- :name task_insert
INSERT INTO task (id, name, version, state, region, open_ms, cycle_ms, given)
VALUES (?1, ?2, ?3, 'active', ?4, ?5, -1, 0);

-- :name task_next_id
SELECT coalesce(max(id), 0) + 1 FROM task;

-- :name task_set_version
UPDATE task SET version = ?2, region = ?3, open_ms = ?4 WHERE id = ?1;

-- :name task_set_state
UPDATE task SET state = ?2, open_ms = max(open_ms, ?3) WHERE id = ?1;

-- :name task_get
SELECT k.id, k.state, k.version, v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms, v.region
FROM task k CROSS JOIN task_version v ON v.id = k.version WHERE k.name = ?1;

-- Health -------------------------------------------------------------------

-- :name health
SELECT count(*) FROM account WHERE id <= 3;
