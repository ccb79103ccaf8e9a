-- Every statement that the programs run, in the SQL that SQLite and PostgreSQL
-- have in common: t/sql/dialect.t has PostgreSQL prepare them all. What only
-- SQLite understands is in sqlite.sql. The build turns each ":name" into a
-- member of enum query_id, and ":columns" into an enum of what a row has, which
-- the engine compares with the statement; parameters are numbered (?1, ?2, ...; $1, $2, ... for
-- PostgreSQL).

-- Rows --------------------------------------------------------------------
-- Columns that several statements give in a row, for src/ledger/row_read.c. A
-- ":row" names them, and "*NAME" among a statement's ":columns" stands for all.

-- :row terms id first_slot first_transfer at_ms result_window_ms keep_ms
-- :row terms clock_skew_ms phase fit maturity_new_ms maturity_ms
-- :row terms established_results established_days hash format
-- :row version id task type url expected_status timeout_ms reward_micros
-- :row version interval_ms copies cooldown_ms budget_micros region created_ms
-- :row version hash format
-- :row transfer id at_ms kind debit credit amount_micros hash format
-- :row event id payout at_ms kind transfer tx block detail hash format
-- :row result transfer slot version cycle_ms copy assigned_ms timestamp_ms
-- :row result success status response_ms error address_form signature task
-- :row result type expected_status timeout_ms reward_micros interval_ms
-- :row result task_copies cooldown_ms is_extra anchor place trace token
-- :row round count root signature others
-- :row signed name url region anchor_root
-- :row definition task name state version url expected_status timeout_ms
-- :row definition interval_ms copies cooldown_ms region from_ms salt first_region
-- :row refused id slot cycle_ms address reason at_ms
-- :row standing worker results hours hour owed_hours network region region_ms

-- The ledger itself --------------------------------------------------------

-- :name ledger_insert
INSERT INTO ledger (id, ledger_id, created_ms) VALUES (1, ?1, ?2);

-- :name ledger_get
SELECT ledger_id, created_ms FROM ledger WHERE id = 1;

-- What counts now: src/ledger/terms.h.
-- :name terms_now
-- :columns *terms
SELECT id, first_slot, first_transfer, at_ms, result_window_ms, keep_ms,
	clock_skew_ms, phase, fit, maturity_new_ms, maturity_ms,
	established_results, established_days, hash, format
FROM terms ORDER BY id DESC LIMIT 1;

-- :name terms_all
-- :columns *terms
SELECT id, first_slot, first_transfer, at_ms, result_window_ms, keep_ms,
	clock_skew_ms, phase, fit, maturity_new_ms, maturity_ms,
	established_results, established_days, hash, format
FROM terms ORDER BY id;

-- :name terms_insert
INSERT INTO terms (id, first_slot, first_transfer, at_ms, result_window_ms,
	keep_ms, clock_skew_ms, phase, fit, maturity_new_ms, maturity_ms,
	established_results, established_days, hash, format)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15);

-- Records and maturity ----------------------------------------------------

-- A worker's days up to ?2 that count, the newest first: its results.
-- :name established_days
SELECT credited FROM record
WHERE worker = ?1 AND day <= ?2 AND credited > 0 AND day > coalesce(
	(SELECT d.at_ms / 86400000 FROM demotion d WHERE d.worker = ?1
	ORDER BY d.id DESC LIMIT 1), -1)
ORDER BY day DESC;

-- :name record_credit
INSERT INTO record (worker, day, credited) VALUES (?1, ?2, ?3)
ON CONFLICT (worker, day) DO UPDATE
SET credited = record.credited + excluded.credited;

-- What was credited to worker ?1, the newest first.
-- :name credited_newest
SELECT at_ms, amount_micros FROM transfer
WHERE credit = ?1 AND credit > 3 AND kind = 'credit'
ORDER BY id DESC;

-- What was credited to worker ?1 since ?2, without what was forfeited since then,
-- and the balance.
-- :name forfeitable
-- :columns credited_micros balance_micros
SELECT coalesce((SELECT sum(t.amount_micros) FROM transfer t
		WHERE t.credit = a.id AND t.credit > 3 AND t.kind = 'credit'
		AND t.at_ms >= ?2), 0)
	- coalesce((SELECT sum(t.amount_micros) FROM transfer t
		WHERE t.debit = a.id AND t.debit > 3 AND t.kind = 'forfeit'
		AND t.at_ms >= ?2), 0),
	a.balance_micros
FROM account a WHERE a.id = ?1;

-- :name forfeit_insert
INSERT INTO forfeit (transfer, since_ms, by, why) VALUES (?1, ?2, ?3, ?4);

-- What was forfeited of a worker's credit, the newest first.
-- :name forfeit_list
-- :columns transfer at_ms micros since_ms by why
SELECT t.id, t.at_ms, t.amount_micros, f.since_ms, f.by, f.why
FROM transfer t CROSS JOIN forfeit f
WHERE f.transfer = t.id AND t.debit = ?1 AND t.debit > 3 AND t.kind = 'forfeit'
ORDER BY t.id DESC LIMIT ?2;

-- Drills -------------------------------------------------------------------

-- :name drill_key_commit
INSERT INTO drill_key (day, hash, committed_ms) VALUES (?1, ?2, ?3)
ON CONFLICT (day) DO NOTHING;

-- When the key of day ?1, which begins at ?2, was committed to, 0 if that wasn't
-- before it, or if a clock that was ahead has shown it; and whether the next
-- day's is.
-- :name drill_day
SELECT coalesce((SELECT committed_ms FROM drill_key
		WHERE day = ?1 AND committed_ms < ?2 AND key IS NULL), 0),
	(SELECT count(*) FROM drill_key WHERE day = ?1 + 1);

-- :name drill_key_hidden
SELECT day FROM drill_key WHERE day < ?1 AND key IS NULL ORDER BY day LIMIT 1;

-- :name drill_key_show
UPDATE drill_key SET key = ?2 WHERE day = ?1 AND key IS NULL;

-- The operator's own tasks from id ?1 on, for a worker of the region called ?2.
-- :name drill_tasks
-- :columns task version type name url expected_status timeout_ms reward_micros
-- :columns interval_ms copies cooldown_ms budget_micros region_id region salt
SELECT k.id, k.version, k.type, k.name, k.url, k.expected_status, k.timeout_ms,
	k.reward_micros, k.interval_ms, k.copies, k.cooldown_ms, k.budget_micros,
	g.id, g.name, k.salt
FROM region g CROSS JOIN task k
WHERE k.region = g.id AND (g.id = 0 OR g.name = ?2)
	AND k.url LIKE '%{token}%' AND k.state = 'active'
	AND k.expected_status = ?3 AND k.id >= ?1
ORDER BY k.id LIMIT ?4;

-- :name drill_insert
INSERT INTO drill (slot, worker, assigned_ms, wanted) VALUES (?1, ?2, ?3, ?4);

-- The oldest drill that isn't judged, of those up to ?1 that were answered, and
-- all up to ?2.
-- :name drill_due
-- :columns slot worker assigned_ms wanted answered status
SELECT d.slot, d.worker, d.assigned_ms, d.wanted, r.slot IS NOT NULL,
	coalesce(r.status, 0)
FROM drill d LEFT JOIN result r ON r.slot = d.slot
WHERE d.outcome IS NULL AND d.assigned_ms <= ?1
	AND (r.slot IS NOT NULL OR d.assigned_ms <= ?2)
ORDER BY d.assigned_ms, d.slot LIMIT 1;

-- :name drill_set
UPDATE drill SET outcome = ?2 WHERE slot = ?1;

-- Of drills near ?2, from ?3 to ?4, that others than worker ?1 answered, none of
-- them accused, and that wanted another status than ?5, the nearest ?6 on each
-- side: right, right after it, all, and all after it.
-- :name drill_near
SELECT coalesce(sum(CASE WHEN n.status = n.wanted THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN n.status = n.wanted THEN n.is_after ELSE 0 END), 0),
	count(*), coalesce(sum(n.is_after), 0)
FROM (SELECT b.wanted, b.status, 0 AS is_after
	FROM (SELECT d.wanted, r.status
		FROM drill d CROSS JOIN result r
		WHERE r.slot = d.slot AND d.worker <> ?1 AND d.wanted <> ?5
		AND d.assigned_ms BETWEEN ?3 AND ?2
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = d.worker)
		ORDER BY d.assigned_ms DESC, d.slot DESC LIMIT ?6) b
	UNION ALL SELECT f.wanted, f.status, 1
	FROM (SELECT d.wanted, r.status
		FROM drill d CROSS JOIN result r
		WHERE r.slot = d.slot AND d.worker <> ?1 AND d.wanted <> ?5
		AND d.assigned_ms > ?2 AND d.assigned_ms <= ?4
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = d.worker)
		ORDER BY d.assigned_ms, d.slot LIMIT ?6) f) n;

-- A worker's drills since ?2, and its results that witnesses judged, in order: ?3
-- is 1 to have only those since its last demotion.
-- :name drill_record
SELECT j.outcome, j.is_drill
FROM (SELECT coalesce(d.outcome, '') AS outcome, 1 AS is_drill, d.assigned_ms,
		d.slot FROM drill d WHERE d.worker = ?1
	UNION ALL SELECT s.outcome, 0, s.assigned_ms, s.slot
		FROM sighting s WHERE s.worker = ?1 AND s.outcome IS NOT NULL) j
WHERE j.assigned_ms >= ?2
	AND (CAST(?3 AS BIGINT) = 0 OR j.assigned_ms > coalesce(
	(SELECT m.at_ms FROM demotion m WHERE m.worker = ?1
	ORDER BY m.id DESC LIMIT 1), -1))
ORDER BY j.assigned_ms, j.slot;

-- Those of them that were wrong; wanted is NULL where witnesses saw it down.
-- :name drill_failures
-- :columns slot assigned_ms wanted reported
SELECT j.slot, j.assigned_ms, j.wanted, r.status
FROM (SELECT d.slot, d.assigned_ms, d.wanted FROM drill d
		WHERE d.worker = ?1 AND d.outcome = 'wrong'
	UNION ALL SELECT s.slot, s.assigned_ms, NULL FROM sighting s
		WHERE s.worker = ?1 AND s.outcome = 'wrong') j
	LEFT JOIN result r ON r.slot = j.slot
WHERE j.assigned_ms >= ?2
	AND j.assigned_ms > coalesce((SELECT m.at_ms FROM demotion m
		WHERE m.worker = ?1 ORDER BY m.id DESC LIMIT 1), -1)
ORDER BY j.assigned_ms, j.slot;

-- A worker's drills for people, the newest first; of those that aren't judged
-- nobody needs to know that they are drills.
-- :name drill_list
-- :columns slot assigned_ms wanted reported outcome
SELECT d.slot, d.assigned_ms, d.wanted, r.status, d.outcome
FROM drill d LEFT JOIN result r ON r.slot = d.slot
WHERE d.worker = ?1 AND d.outcome IS NOT NULL AND d.outcome <> 'right'
ORDER BY d.assigned_ms DESC, d.slot DESC LIMIT ?2;

-- :name demotion_insert
INSERT INTO demotion (worker, at_ms, after_transfer, why)
VALUES (?1, ?2, ?3, ?4);

-- Who is held by the operator already stays so, for what that says.
-- :name hold_accused
INSERT INTO hold (worker, by, since_ms, reason) VALUES (?1, 'operator', ?2, ?3)
ON CONFLICT (worker, by) DO NOTHING;

-- :name worker_address
SELECT address FROM worker WHERE id = ?1;

-- Every drill with its day's key and its result.
-- :name audit_drill
-- :columns slot worker assigned_ms wanted outcome hash committed_ms key
-- :columns paid_to status
SELECT d.slot, d.worker, d.assigned_ms, d.wanted, coalesce(d.outcome, ''),
	k.hash, k.committed_ms, k.key, t.credit, coalesce(r.status, 0)
FROM drill d LEFT JOIN drill_key k ON k.day = d.assigned_ms / 86400000
	LEFT JOIN result r ON r.slot = d.slot
	LEFT JOIN transfer t ON t.id = r.transfer
ORDER BY d.slot;

-- Verdicts ------------------------------------------------------------------

-- A result that is to be compared, of a cycle that is over when the next one
-- opens; ?7 is the poll period: src/ledger/cycle.h. Of values, not of a SELECT:
-- a statement that could insert several rows costs half as much again.
-- :name vote_insert
INSERT INTO vote (over_ms, version, cycle_ms, slot, worker, network, up)
VALUES ((SELECT CAST(?2 AS BIGINT) + v.interval_ms
	+ CASE WHEN v.interval_ms < ?7
		THEN v.interval_ms ELSE CAST(?7 AS BIGINT) END
	FROM task_version v WHERE v.id = ?1), ?1, ?2, ?3, ?4, ?5, ?6);

-- A cycle that was over before ?1: the one that waits longest.
-- :name vote_due
-- :columns over_ms version cycle_ms task
SELECT o.over_ms, o.version, o.cycle_ms, v.task
FROM vote o CROSS JOIN task_version v
WHERE o.over_ms < ?1 AND v.id = o.version
ORDER BY o.over_ms, o.version, o.cycle_ms LIMIT 1;

-- :name vote_list
-- :columns slot worker network up is_accused
SELECT v.slot, v.worker, v.network, v.up,
	EXISTS (SELECT 1 FROM accused a WHERE a.worker = v.worker)
FROM vote v WHERE v.over_ms = ?1 AND v.version = ?2 AND v.cycle_ms = ?3
ORDER BY v.slot;

-- :name vote_drop
DELETE FROM vote WHERE over_ms = ?1 AND version = ?2 AND cycle_ms = ?3;

-- Nothing where there is one.
-- :name verdict_insert
INSERT INTO verdict (cycle_ms, task, judged_ms, up, down)
SELECT n.cycle_ms, n.task, n.judged_ms, n.up, n.down
FROM (SELECT CAST(?1 AS BIGINT) AS cycle_ms, CAST(?2 AS BIGINT) AS task,
	CAST(?3 AS BIGINT) AS judged_ms, CAST(?4 AS BIGINT) AS up,
	CAST(?5 AS BIGINT) AS down) n
WHERE NOT EXISTS (SELECT 1 FROM verdict d
	WHERE d.cycle_ms = n.cycle_ms AND d.task = n.task);

-- :name dissent_insert
INSERT INTO dissent (slot, task, cycle_ms, worker, network, apart, counted)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- How often worker ?1 stood apart in cycles since ?2.
-- :name dissent_count
SELECT count(*) FROM dissent WHERE worker = ?1 AND cycle_ms >= ?2 AND apart = 1;

-- Where worker ?1 stood apart, the newest first: what it reported, and how many
-- networks said up and down.
-- :name dissent_list
-- :columns slot cycle_ms task success status up down
SELECT x.slot, x.cycle_ms, k.name, r.success, r.status, d.up, d.down
FROM dissent x CROSS JOIN verdict d CROSS JOIN task k
	LEFT JOIN result r ON r.slot = x.slot
WHERE x.worker = ?1 AND x.apart = 1 AND d.cycle_ms = x.cycle_ms
	AND d.task = x.task AND k.id = x.task
ORDER BY x.cycle_ms DESC, x.slot DESC LIMIT ?2;

-- Of cycles since ?1: those that were compared, those whose results differ.
-- :name verdict_sums
SELECT (SELECT count(*) FROM verdict WHERE cycle_ms >= ?1),
	(SELECT count(*) FROM (SELECT DISTINCT cycle_ms, task FROM dissent
		WHERE cycle_ms >= ?1) c);

-- Each verdict with the results of its cycle that were paid before it, and the
-- networks of those that are in dissent and counted.
-- :name audit_verdict
-- :columns task cycle_ms up down ups downs versions kept kept_up kept_down
SELECT d.task, d.cycle_ms, d.up, d.down, coalesce(g.ups, 0),
	coalesce(g.downs, 0), coalesce(g.versions, 0),
	(SELECT count(*) FROM dissent x
		WHERE x.cycle_ms = d.cycle_ms AND x.task = d.task),
	(SELECT count(*) FROM (SELECT x.network FROM dissent x
			CROSS JOIN result r WHERE r.slot = x.slot
			AND x.cycle_ms = d.cycle_ms AND x.task = d.task
			AND x.counted = 1
			GROUP BY x.network HAVING min(r.success) = 1) u),
	(SELECT count(*) FROM (SELECT x.network FROM dissent x
			CROSS JOIN result r WHERE r.slot = x.slot
			AND x.cycle_ms = d.cycle_ms AND x.task = d.task
			AND x.counted = 1
			GROUP BY x.network HAVING max(r.success) = 0) o)
FROM verdict d LEFT JOIN (SELECT b.task, b.cycle_ms,
		sum(r.success) AS ups, sum(1 - r.success) AS downs,
		count(DISTINCT r.version) AS versions
	FROM result r CROSS JOIN task_version v CROSS JOIN transfer t
		CROSS JOIN verdict b
	WHERE v.id = r.version AND t.id = r.transfer AND b.task = v.task
		AND b.cycle_ms = r.cycle_ms AND t.at_ms < b.judged_ms
		AND r.copy < v.copies
	GROUP BY b.task, b.cycle_ms) g
	ON g.task = d.task AND g.cycle_ms = d.cycle_ms
ORDER BY d.cycle_ms, d.task;

-- Each row of dissent with its result and its verdict; and whether it was
-- counted, or of somebody who was accused by then.
-- :name audit_dissent
-- :columns slot worker apart success paid_to is_of_cycle up down is_counted
-- :columns cycle_ms
SELECT x.slot, x.worker, x.apart, coalesce(r.success, -1), t.credit,
	CASE WHEN v.task = x.task AND r.cycle_ms = x.cycle_ms THEN 1 ELSE 0 END,
	d.up, d.down, CASE WHEN x.counted = 1 OR EXISTS (SELECT 1 FROM demotion m
		WHERE m.worker = x.worker AND m.at_ms <= d.judged_ms)
		THEN 1 ELSE 0 END, x.cycle_ms
FROM dissent x LEFT JOIN result r ON r.slot = x.slot
	LEFT JOIN transfer t ON t.id = r.transfer
	LEFT JOIN task_version v ON v.id = r.version
	LEFT JOIN verdict d ON d.cycle_ms = x.cycle_ms AND d.task = x.task
ORDER BY x.slot;

-- Uptime -------------------------------------------------------------------
-- By the method of doc/uptime; src/ledger/uptime_walk.h.

-- Where a worker's results come from, if that is another network than before.
-- :name network_add
INSERT INTO network (name) SELECT CAST(?1 AS TEXT)
WHERE NOT EXISTS (SELECT 1 FROM network WHERE name = ?1);

-- From the newest transfer on; of two for one transfer the first stays.
-- :name worker_network_add
INSERT INTO worker_network (worker, from_transfer, network)
SELECT l.worker, l.transfer, n.id
FROM (SELECT CAST(?1 AS BIGINT) AS worker,
		coalesce((SELECT max(id) FROM transfer), 0) AS transfer) l
	CROSS JOIN network n
WHERE n.name = ?2 AND NOT EXISTS (SELECT 1 FROM worker_network w
	WHERE w.worker = l.worker AND w.from_transfer = l.transfer);

-- :name network_of
SELECT name FROM network WHERE id = ?1;

-- :name network_key_get
SELECT key FROM network_key WHERE id = 1;

-- :name task_state_add
INSERT INTO task_state (task, at_ms, state) VALUES (?1, ?2, ?3);

-- :name task_state_list
SELECT at_ms, state FROM task_state WHERE task = ?1 ORDER BY id;

-- :name uptime_versions
-- :columns id created_ms interval_ms copies region
SELECT id, created_ms, interval_ms, copies, region FROM task_version
WHERE task = ?1 ORDER BY id;

-- :name maintenance_add
INSERT INTO maintenance (task, from_ms, to_ms, noted_ms, why)
VALUES (?1, ?2, ?3, ?4, ?5);

-- :name maintenance_get
SELECT to_ms, ended_ms FROM maintenance WHERE id = ?1;

-- :name maintenance_end
UPDATE maintenance SET ended_ms = ?2 WHERE id = ?1 AND ended_ms IS NULL;

-- Those of task ?1, or of all (0), that aren't over at ?2 and begin before ?3;
-- of private tasks only if ?4 is 1.
-- :name maintenance_list
-- :columns id name from_ms to_ms noted_ms counts why
SELECT m.id, k.name, m.from_ms, coalesce(m.ended_ms, m.to_ms), m.noted_ms,
	CASE WHEN m.noted_ms < m.from_ms THEN 1 ELSE 0 END, m.why
FROM maintenance m CROSS JOIN task k
WHERE k.id = m.task AND (m.task = ?1 OR ?1 = 0)
	AND coalesce(m.ended_ms, m.to_ms) > ?2 AND m.from_ms < ?3
	AND (k.salt IS NULL OR CAST(?4 AS BIGINT) = 1)
ORDER BY m.from_ms, m.id;

-- The spans of task ?1 that count.
-- :name maintenance_spans
SELECT from_ms, coalesce(ended_ms, to_ms) FROM maintenance
WHERE task = ?1 AND noted_ms < from_ms AND coalesce(ended_ms, to_ms) > from_ms
ORDER BY from_ms, id;

-- The results of transfers from ?1 to before ?2, of task ?3, whose cycles begin
-- from ?4 to before ?5: cycle by cycle.
-- :name uptime_votes
-- :columns task version cycle_ms worker address network success is_drill
-- :columns in_round response_ms
SELECT v.task, r.version, r.cycle_ms, t.credit, w.address,
	coalesce((SELECT n.network FROM worker_network n
		WHERE n.worker = t.credit AND n.from_transfer <= t.id
		ORDER BY n.from_transfer DESC LIMIT 1), 0),
	r.success, CASE WHEN r.copy >= v.copies THEN 1 ELSE 0 END,
	CASE WHEN r.place IS NULL THEN 0 ELSE 1 END, coalesce(r.response_ms, -1)
FROM transfer t CROSS JOIN result r CROSS JOIN task_version v CROSS JOIN worker w
WHERE t.id >= ?1 AND t.id < ?2 AND r.transfer = t.id AND v.id = r.version
	AND w.id = t.credit AND v.task = ?3
	AND r.cycle_ms >= ?4 AND r.cycle_ms < ?5
ORDER BY v.task, r.version, r.cycle_ms, r.slot;

-- The same of all tasks after ?3, which is 0: task by task.
-- :name uptime_votes_all
-- :columns task version cycle_ms worker address network success is_drill
-- :columns in_round response_ms
SELECT v.task, r.version, r.cycle_ms, t.credit, w.address,
	coalesce((SELECT n.network FROM worker_network n
		WHERE n.worker = t.credit AND n.from_transfer <= t.id
		ORDER BY n.from_transfer DESC LIMIT 1), 0),
	r.success, CASE WHEN r.copy >= v.copies THEN 1 ELSE 0 END,
	CASE WHEN r.place IS NULL THEN 0 ELSE 1 END, coalesce(r.response_ms, -1)
FROM transfer t CROSS JOIN result r CROSS JOIN task_version v CROSS JOIN worker w
WHERE t.id >= ?1 AND t.id < ?2 AND r.transfer = t.id AND v.id = r.version
	AND w.id = t.credit AND v.task > ?3
	AND r.cycle_ms >= ?4 AND r.cycle_ms < ?5
ORDER BY v.task, r.version, r.cycle_ms, r.slot;

-- Each task, and the last hour of it that was counted.
-- :name uptime_tasks
SELECT k.id, coalesce((SELECT max(h.hour_ms) FROM uptime_hour h
	WHERE h.task = k.id), -1)
FROM task k ORDER BY k.id;

-- :name uptime_last
SELECT coalesce(max(hour_ms), -1) FROM uptime_hour WHERE task = ?1;

-- Task ?1's hours from ?2 to before ?3.
-- :name uptime_hours
-- :columns hour_ms up_ms down_ms unconfirmed_ms unknown_ms disputed_ms paused_ms
-- :columns maintenance_ms hidden_up_ms hidden_down_ms hidden_unconfirmed_ms
-- :columns hidden_unknown_ms hidden_disputed_ms copies votes dissents drills
-- :columns in_rounds decided_ms last_down_ms open_ms run_n run_ms networks slice_to_ms
-- :columns slice_raw
SELECT hour_ms, up_ms, down_ms, unconfirmed_ms, unknown_ms, disputed_ms,
	paused_ms, maintenance_ms, hidden_up_ms, hidden_down_ms,
	hidden_unconfirmed_ms, hidden_unknown_ms, hidden_disputed_ms, copies,
	votes, dissents, drills, in_rounds, decided_ms, last_down_ms, open_ms,
	run_n, run_ms, networks, slice_to_ms, slice_raw
FROM uptime_hour WHERE task = ?1 AND hour_ms >= ?2 AND hour_ms < ?3
ORDER BY hour_ms;

-- Task ?1's days from ?2 to before ?3, in columns as those of its hours.
-- :name uptime_days
-- :columns day hours up_ms down_ms unconfirmed_ms unknown_ms disputed_ms paused_ms
-- :columns maintenance_ms hidden_up_ms hidden_down_ms hidden_unconfirmed_ms
-- :columns hidden_unknown_ms hidden_disputed_ms copies votes dissents drills
-- :columns in_rounds
SELECT day, hours, up_ms, down_ms, unconfirmed_ms, unknown_ms, disputed_ms,
	paused_ms, maintenance_ms, hidden_up_ms, hidden_down_ms,
	hidden_unconfirmed_ms, hidden_unknown_ms, hidden_disputed_ms, copies,
	votes, dissents, drills, in_rounds
FROM uptime_day WHERE task = ?1 AND day >= ?2 AND day < ?3 ORDER BY day;

-- Of the same rows only the times: lists of many tasks read thousands.
-- :name uptime_hour_times
-- :columns hour_ms up_ms down_ms unconfirmed_ms unknown_ms disputed_ms paused_ms
-- :columns maintenance_ms
SELECT hour_ms, up_ms, down_ms, unconfirmed_ms, unknown_ms, disputed_ms,
	paused_ms, maintenance_ms
FROM uptime_hour WHERE task = ?1 AND hour_ms >= ?2 AND hour_ms < ?3
ORDER BY hour_ms;

-- The times of task ?1's newest ?2 days.
-- :name uptime_day_times
-- :columns day up_ms down_ms unconfirmed_ms unknown_ms disputed_ms paused_ms
-- :columns maintenance_ms
SELECT day, up_ms, down_ms, unconfirmed_ms, unknown_ms, disputed_ms, paused_ms,
	maintenance_ms
FROM uptime_day
WHERE task = ?1 AND day > (SELECT max(n.day) FROM uptime_day n
	WHERE n.task = ?1) - ?2
ORDER BY day;

-- The same as lists read them.
-- :name uptime_strip_get
SELECT day, days FROM uptime_strip WHERE task = ?1;

-- :name uptime_strip_drop
DELETE FROM uptime_strip WHERE task = ?1;

-- :name uptime_strip_put
INSERT INTO uptime_strip (task, day, days) VALUES (?1, ?2, ?3)
ON CONFLICT (task) DO UPDATE SET day = excluded.day, days = excluded.days;

-- :name uptime_day_drop
DELETE FROM uptime_day WHERE task = ?1 AND day >= ?2;

-- The days of task ?1, of their hours from ?2 on.
-- :name uptime_day_put
INSERT INTO uptime_day (task, day, hours, up_ms, down_ms, unconfirmed_ms,
	unknown_ms, disputed_ms, paused_ms, maintenance_ms, hidden_up_ms,
	hidden_down_ms, hidden_unconfirmed_ms, hidden_unknown_ms,
	hidden_disputed_ms, copies, votes, dissents, drills, in_rounds)
SELECT task, hour_ms / 86400000, count(*), sum(up_ms), sum(down_ms),
	sum(unconfirmed_ms), sum(unknown_ms), sum(disputed_ms), sum(paused_ms),
	sum(maintenance_ms), sum(hidden_up_ms), sum(hidden_down_ms),
	sum(hidden_unconfirmed_ms), sum(hidden_unknown_ms),
	sum(hidden_disputed_ms), sum(copies), sum(votes), sum(dissents),
	sum(drills), sum(in_rounds)
FROM uptime_hour WHERE task = ?1 AND hour_ms >= ?2
GROUP BY task, hour_ms / 86400000;

-- Days that aren't the sums of their hours.
-- :name audit_uptime_day
SELECT task, day
FROM (SELECT * FROM uptime_day UNION ALL
	SELECT task, hour_ms / 86400000, count(*), sum(up_ms), sum(down_ms),
		sum(unconfirmed_ms), sum(unknown_ms), sum(disputed_ms),
		sum(paused_ms), sum(maintenance_ms), sum(hidden_up_ms),
		sum(hidden_down_ms), sum(hidden_unconfirmed_ms),
		sum(hidden_unknown_ms), sum(hidden_disputed_ms), sum(copies),
		sum(votes), sum(dissents), sum(drills), sum(in_rounds)
	FROM uptime_hour GROUP BY task, hour_ms / 86400000) s
GROUP BY task, day, hours, up_ms, down_ms, unconfirmed_ms, unknown_ms,
	disputed_ms, paused_ms, maintenance_ms, hidden_up_ms, hidden_down_ms,
	hidden_unconfirmed_ms, hidden_unknown_ms, hidden_disputed_ms, copies,
	votes, dissents, drills, in_rounds
HAVING count(*) <> 2
ORDER BY task, day;

-- :name uptime_hour_drop
DELETE FROM uptime_hour WHERE task = ?1 AND hour_ms >= ?2;

-- :name uptime_hour_put
INSERT INTO uptime_hour (task, hour_ms, up_ms, down_ms, unconfirmed_ms,
	unknown_ms, disputed_ms, paused_ms, maintenance_ms, hidden_up_ms,
	hidden_down_ms, hidden_unconfirmed_ms, hidden_unknown_ms,
	hidden_disputed_ms, copies, votes, dissents, drills, in_rounds,
	decided_ms, last_down_ms, open_ms, run_n, run_ms, networks, slice_to_ms,
	slice_raw)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
	?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27);

-- Task ?1's times from ?2 to before ?3, those of one hour together.
-- :name response_hours
-- :columns hour_ms region results p50_ms p95_ms max_ms name
SELECT h.hour_ms, h.region, h.results, h.p50_ms, h.p95_ms, h.max_ms, g.name
FROM response_hour h CROSS JOIN region g
WHERE h.task = ?1 AND h.hour_ms >= ?2 AND h.hour_ms < ?3 AND g.id = h.region
ORDER BY h.hour_ms, h.region;

-- :name region_name
SELECT name FROM region WHERE id = ?1;

-- :name response_hour_drop
DELETE FROM response_hour WHERE task = ?1 AND hour_ms >= ?2;

-- :name response_hour_put
INSERT INTO response_hour (task, hour_ms, region, results, p50_ms, p95_ms, max_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- Times of no region, or of hours that aren't counted.
-- :name audit_response_hour
SELECT h.task, h.hour_ms FROM response_hour h
WHERE NOT EXISTS (SELECT 1 FROM uptime_hour u
		WHERE u.task = h.task AND u.hour_ms = h.hour_ms)
	OR NOT EXISTS (SELECT 1 FROM region g WHERE g.id = h.region)
ORDER BY h.task, h.hour_ms;

-- Incidents of task ?1 that reach past ?2 and begin before ?3.
-- :name incidents
-- :columns from_ms to_ms ended networks
SELECT from_ms, coalesce(to_ms, 9007199254740991), ended, networks FROM incident
WHERE task = ?1 AND coalesce(to_ms, 9007199254740991) > ?2 AND from_ms < ?3
ORDER BY from_ms;

-- :name incident_drop
DELETE FROM incident WHERE task = ?1 AND from_ms >= ?2;

-- :name incident_put
INSERT INTO incident (task, from_ms, to_ms, ended, networks)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (task, from_ms) DO UPDATE SET to_ms = excluded.to_ms,
	ended = excluded.ended, networks = excluded.networks;

-- Who of task ?1 was contradicted from ?2 to before ?3.
-- :name uptime_dissents
-- :columns address day network votes worker hour_ms
SELECT w.address, d.hour_ms / 86400000, d.network, d.votes, d.worker, d.hour_ms
FROM uptime_dissent d CROSS JOIN worker w
WHERE w.id = d.worker AND d.task = ?1 AND d.hour_ms >= ?2 AND d.hour_ms < ?3
ORDER BY d.hour_ms, d.worker, d.network;

-- :name uptime_dissent_drop
DELETE FROM uptime_dissent WHERE task = ?1 AND hour_ms >= ?2;

-- :name uptime_dissent_put
INSERT INTO uptime_dissent (task, hour_ms, worker, network, votes)
VALUES (?1, ?2, ?3, ?4, ?5);

-- :name uptime_forget_hours
DELETE FROM uptime_hour WHERE hour_ms >= ?1;

-- :name uptime_forget_days
DELETE FROM uptime_day WHERE day >= ?1;

-- :name uptime_forget_dissents
DELETE FROM uptime_dissent WHERE hour_ms >= ?1;

-- :name response_forget
DELETE FROM response_hour WHERE hour_ms >= ?1;

-- :name uptime_forget_incidents
DELETE FROM incident WHERE from_ms >= ?1;

-- When the newest transfer was made; 0: there is none.
-- :name transfer_newest_ms
SELECT coalesce((SELECT at_ms FROM transfer ORDER BY id DESC LIMIT 1), 0);

-- Alerts --------------------------------------------------------------------
-- src/ledger/alert.h; a receiver is one by its name.

-- The tasks behind ?1 that aren't removed, by id.
-- :name alert_tasks
SELECT id, name FROM task WHERE id > ?1 AND state <> 'removed' ORDER BY id;

-- :name alert_watch_list
SELECT task FROM alert_watch ORDER BY task;

-- :name alert_watch_drop
DELETE FROM alert_watch WHERE task = ?1;

-- The end of task ?1's incident of ?2, among the newest events.
-- :name alert_ended_get
SELECT to_ms, ended
FROM (SELECT kind, task, from_ms, to_ms, ended FROM alert_event
	ORDER BY id DESC LIMIT 1000) v
WHERE v.kind = 'incident.ended' AND v.task = ?1 AND v.from_ms = ?2
	AND v.to_ms IS NOT NULL
LIMIT 1;

-- Whether there are ?1 active tasks, or how many less.
-- :name tasks_active_some
SELECT count(*) FROM (SELECT 1 AS one FROM task WHERE state = 'active'
	LIMIT ?1) k;

-- :name alert_watch_get
-- :columns to_ms caught_up decided_ms last_down_ms open_ms run_n run_ms
-- :columns networks
SELECT to_ms, caught_up, decided_ms, last_down_ms, open_ms, run_n, run_ms,
	networks
FROM alert_watch WHERE task = ?1;

-- :name alert_watch_put
INSERT INTO alert_watch (task, to_ms, caught_up, decided_ms, last_down_ms,
	open_ms, run_n, run_ms, networks)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
ON CONFLICT (task) DO UPDATE SET to_ms = excluded.to_ms,
	caught_up = excluded.caught_up, decided_ms = excluded.decided_ms,
	last_down_ms = excluded.last_down_ms, open_ms = excluded.open_ms,
	run_n = excluded.run_n, run_ms = excluded.run_ms,
	networks = excluded.networks;

-- Maintenance that counts, and runs at ?1.
-- :name alert_maintenance
-- :columns id task name from_ms to_ms why
SELECT m.id, k.id, k.name, m.from_ms, coalesce(m.ended_ms, m.to_ms), m.why
FROM maintenance m CROSS JOIN task k
WHERE k.id = m.task AND k.state <> 'removed' AND m.noted_ms < m.from_ms
	AND m.from_ms <= ?1 AND coalesce(m.ended_ms, m.to_ms) > ?1
ORDER BY m.id;

-- :name alert_event_of
SELECT id FROM alert_event WHERE name = ?1;

-- :name alert_event_add
INSERT INTO alert_event (name, kind, task, noted_ms, from_ms, to_ms, ended,
	networks, planned, why)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- To a receiver that isn't off; of more than ?5 that wait it is given up, ?6.
-- :name alert_delivery_add
INSERT INTO alert_delivery (event, receiver, task, state, tries, next_ms,
	detail)
SELECT d.event, d.receiver, d.task,
	CASE WHEN d.waiting < ?5 THEN 'waiting' ELSE 'given up' END, 0,
	d.next_ms, CASE WHEN d.waiting < ?5 THEN '' ELSE CAST(?6 AS TEXT) END
FROM (SELECT CAST(?1 AS BIGINT) AS event, CAST(?2 AS TEXT) AS receiver,
		CAST(?3 AS BIGINT) AS task, CAST(?4 AS BIGINT) AS next_ms,
		(SELECT count(*) FROM alert_delivery w
		WHERE w.receiver = ?2 AND w.state = 'waiting') AS waiting) d
WHERE NOT EXISTS (SELECT 1 FROM alert_off o WHERE o.receiver = d.receiver);

-- What is due for receiver ?1 at ?2: of each task nothing before what happened
-- before it.
-- :name alert_due
-- :columns event name kind task noted_ms from_ms to_ms ended networks planned
-- :columns why tries
SELECT d.event, e.name, e.kind, coalesce(k.name, ''), e.noted_ms, e.from_ms,
	e.to_ms, e.ended, e.networks, e.planned, e.why, d.tries
FROM alert_delivery d JOIN alert_event e ON e.id = d.event
	LEFT JOIN task k ON k.id = e.task
WHERE d.receiver = ?1 AND d.state = 'waiting' AND d.next_ms <= ?2
	AND NOT EXISTS (SELECT 1 FROM alert_delivery b
		WHERE b.receiver = d.receiver AND b.state = 'waiting'
		AND b.task = d.task AND b.event < d.event)
ORDER BY d.next_ms, d.event LIMIT 1;

-- A try of ?1 for ?2 begins at ?3; it is tried again at ?4.
-- :name alert_try
UPDATE alert_delivery SET tries = tries + 1, last_ms = ?3, next_ms = ?4,
	detail = 'sent; no answer was noted'
WHERE event = ?1 AND receiver = ?2 AND state = 'waiting';

-- What came of it.
-- :name alert_tried
UPDATE alert_delivery SET state = ?3, next_ms = ?4, detail = ?5
WHERE event = ?1 AND receiver = ?2 AND state = 'waiting';

-- All that waits for ?1.
-- :name alert_give_up
UPDATE alert_delivery SET state = 'given up', detail = ?2
WHERE receiver = ?1 AND state = 'waiting';

-- :name alert_receivers_waiting
SELECT DISTINCT receiver FROM alert_delivery WHERE state = 'waiting'
ORDER BY receiver;

-- :name alert_off_add
INSERT INTO alert_off (receiver, since_ms, why) VALUES (?1, ?2, ?3)
ON CONFLICT (receiver) DO NOTHING;

-- :name alert_off_drop
DELETE FROM alert_off WHERE receiver = ?1;

-- :name alert_off_get
SELECT since_ms, why FROM alert_off WHERE receiver = ?1;

-- Of receiver ?1, or of all (''), the newest ?2.
-- :name alert_deliveries
-- :columns event receiver kind task noted_ms state tries last_ms next_ms detail
-- :columns name
SELECT d.event, d.receiver, e.kind, k.name, e.noted_ms, d.state, d.tries,
	d.last_ms, CASE WHEN d.state = 'waiting' THEN d.next_ms END, d.detail,
	e.name
FROM alert_delivery d JOIN alert_event e ON e.id = d.event
	LEFT JOIN task k ON k.id = e.task
WHERE d.receiver = ?1 OR ?1 = ''
ORDER BY d.event DESC, d.receiver LIMIT ?2;

-- How many wait for receiver ?1, since when, and when it last took one.
-- :name alert_standing
SELECT (SELECT count(*) FROM alert_delivery d WHERE d.receiver = ?1
		AND d.state = 'waiting'),
	(SELECT min(e.noted_ms) FROM alert_delivery d
		JOIN alert_event e ON e.id = d.event
		WHERE d.receiver = ?1 AND d.state = 'waiting'),
	(SELECT max(d.last_ms) FROM alert_delivery d WHERE d.receiver = ?1
		AND d.state = 'delivered');

-- Whether there are tasks, and none was looked at; and how many deliveries
-- should have been tried before ?1.
-- :name alert_late
SELECT (SELECT count(*) FROM (SELECT 1 FROM task WHERE state <> 'removed'
		LIMIT 1) t WHERE NOT EXISTS (SELECT 1 FROM alert_watch)),
	(SELECT count(*) FROM alert_delivery WHERE state = 'waiting'
		AND next_ms < ?1);

-- The newest event that is forgotten: all noted before ?1, and more than ?2.
-- :name alert_forget_until
SELECT max(s.id)
FROM (SELECT coalesce(max(id), 0) AS id FROM alert_event WHERE noted_ms < ?1
	UNION ALL SELECT coalesce(max(id), 0) - ?2 FROM alert_event) s;

-- :name alert_forget_deliveries
DELETE FROM alert_delivery WHERE event <= ?1;

-- :name alert_forget_events
DELETE FROM alert_event WHERE id <= ?1;

-- Witnesses -----------------------------------------------------------------

-- A witness is to visit the task of definition ?1, if there are any.
-- :name watch_ask
INSERT INTO watch (task, visits, ups, downs, down_ms)
SELECT v.task, 1, 0, 0, 0 FROM task_version v
WHERE v.id = ?1 AND EXISTS (SELECT 1 FROM admission WHERE witness = 1)
ON CONFLICT (task) DO UPDATE SET visits = 1;

-- So is it where somebody says up (?2) of what witnesses saw down last, or down
-- of what they didn't.
-- :name watch_contradict
INSERT INTO watch (task, visits, ups, downs, down_ms)
SELECT v.task, 1, 0, 0, 0 FROM task_version v
WHERE v.id = ?1 AND EXISTS (SELECT 1 FROM admission WHERE witness = 1)
ON CONFLICT (task) DO UPDATE SET visits = CASE
	WHEN (watch.downs > 0) = (CAST(?2 AS BIGINT) = 1) THEN 1
	ELSE watch.visits END;

-- Up to ?2 tasks that a witness in region ?1 is to visit.
-- :name watch_due
-- :columns task version copies interval_ms region name url type
-- :columns expected_status timeout_ms reward_micros region_name salt
SELECT k.id, k.version, k.copies, k.interval_ms, k.region, k.name, k.url, k.type,
	k.expected_status, k.timeout_ms, k.reward_micros, g.name, k.salt
FROM watch w CROSS JOIN task k CROSS JOIN region g
WHERE w.visits > 0 AND k.id = w.task AND k.state = 'active' AND g.id = k.region
	AND (k.region = 0 OR g.name = ?1)
ORDER BY w.downs > 0 DESC, w.down_ms DESC, k.id LIMIT ?2;

-- Whether there are tasks that witnesses are to visit, or were.
-- :name watch_any
SELECT 1 FROM watch LIMIT 1;

-- One of them was given.
-- :name watch_given
UPDATE watch SET visits = 0 WHERE task = ?1;

-- How many slots witnesses were given after slot ?1.
-- :name witness_slots_since
SELECT count(*) FROM witness_slot WHERE slot > ?1;

-- A witness saw it down at ?3; it is visited until ?2 in a row say so.
-- :name watch_down
UPDATE watch SET ups = 0, downs = downs + 1, down_ms = ?3, visits = CASE
	WHEN downs + 1 < CAST(?2 AS BIGINT) THEN 1 ELSE visits END
WHERE task = ?1;

-- A witness saw it up; it is visited until ?2 in a row say so.
-- :name watch_up
UPDATE watch SET ups = ups + 1, downs = 0, visits = CASE
	WHEN ups + 1 < CAST(?2 AS BIGINT) THEN 1 ELSE visits END
WHERE task = ?1;

-- With the ?2nd of these in a row, at ?3, what was reported of it before is
-- judged: what was given since ?4.
-- :name sighting_hasten
UPDATE sighting SET due_ms = ?3
WHERE task = ?1 AND assigned_ms >= ?4 AND outcome IS NULL AND due_ms > ?3
	AND EXISTS (SELECT 1 FROM watch w WHERE w.task = ?1 AND w.ups = ?2);

-- :name witness_slot_insert
INSERT INTO witness_slot (slot, worker, task, assigned_ms, seen_ms, up, outcome)
VALUES (?1, ?2, ?3, ?4, NULL, NULL, NULL);

-- :name witness_slot_see
UPDATE witness_slot SET seen_ms = ?2, up = ?3 WHERE slot = ?1;

-- :name witness_slot_task
SELECT task FROM witness_slot WHERE slot = ?1;

-- What those that are witnesses saw of task ?1 up to ?2, from ?3 on, the newest
-- first.
-- :name witness_before
SELECT s.worker, s.up, s.seen_ms
FROM witness_slot s CROSS JOIN worker w CROSS JOIN admission a
WHERE s.task = ?1 AND s.seen_ms <= ?2 AND s.seen_ms >= ?3 AND w.id = s.worker
	AND a.address = w.address AND a.witness = 1
ORDER BY s.seen_ms DESC LIMIT ?4;

-- And after ?2, up to ?3.
-- :name witness_after
SELECT s.worker, s.up, s.seen_ms
FROM witness_slot s CROSS JOIN worker w CROSS JOIN admission a
WHERE s.task = ?1 AND s.seen_ms > ?2 AND s.seen_ms <= ?3 AND w.id = s.worker
	AND a.address = w.address AND a.witness = 1
ORDER BY s.seen_ms LIMIT ?4;

-- What a witness saw, the oldest report that was made up to ?1 and isn't judged.
-- :name witness_due
-- :columns slot worker task seen_ms up
SELECT slot, worker, task, seen_ms, up FROM witness_slot
WHERE seen_ms <= ?1 AND outcome IS NULL ORDER BY seen_ms LIMIT 1;

-- Of task ?1, within ?3 intervals of ?2: networks of which a worker said ?4, and
-- networks of which one said otherwise; witnesses other than worker ?5 that saw
-- it down.
-- :name witness_beside
SELECT (SELECT count(DISTINCT s.network) FROM sighting s WHERE s.task = k.id
		AND s.assigned_ms BETWEEN ?2 - ?3 * k.interval_ms
		AND ?2 + ?3 * k.interval_ms AND s.up = ?4
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = s.worker)),
	(SELECT count(DISTINCT s.network) FROM sighting s WHERE s.task = k.id
		AND s.assigned_ms BETWEEN ?2 - ?3 * k.interval_ms
		AND ?2 + ?3 * k.interval_ms AND s.up <> ?4
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = s.worker)),
	(SELECT count(DISTINCT o.worker) FROM witness_slot o WHERE o.task = k.id
		AND o.seen_ms BETWEEN ?2 - ?3 * k.interval_ms
		AND ?2 + ?3 * k.interval_ms AND o.up = 0 AND o.worker <> ?5)
FROM task k WHERE k.id = ?1;

-- :name witness_slot_judge
UPDATE witness_slot SET outcome = ?2 WHERE slot = ?1;

-- Of what worker ?1 saw since ?2, and since it is a witness: what was wrong and
-- what was right, in each span of ?3 ms.
-- :name witness_record
SELECT sum(CASE WHEN s.outcome = 'wrong' THEN 1 ELSE 0 END),
	sum(CASE WHEN s.outcome = 'right' THEN 1 ELSE 0 END)
FROM worker w CROSS JOIN admission a CROSS JOIN witness_slot s
WHERE w.id = ?1 AND a.address = w.address AND a.witness = 1 AND s.worker = w.id
	AND s.seen_ms >= ?2 AND s.assigned_ms >= a.admitted_ms
	AND s.outcome IN ('right', 'wrong')
GROUP BY s.seen_ms / ?3 ORDER BY s.seen_ms / ?3;

-- A result of slot ?2, if it says down, or witnesses saw it down since ?8; it is
-- judged at ?9.
-- :name sighting_insert
INSERT INTO sighting (slot, worker, task, network, assigned_ms, paid_ms, up,
	due_ms, outcome)
SELECT ?2, ?3, v.task, ?4, ?5, ?6, ?7, ?9, NULL
FROM task_version v CROSS JOIN watch w
WHERE v.id = ?1 AND w.task = v.task
	AND (w.down_ms >= ?8 OR CAST(?7 AS BIGINT) = 0);

-- The first that is to be judged at ?1.
-- :name sighting_next
-- :columns slot worker task network assigned_ms paid_ms up
SELECT slot, worker, task, network, assigned_ms, paid_ms, up FROM sighting
WHERE outcome IS NULL AND due_ms <= ?1 ORDER BY due_ms, slot LIMIT 1;

-- :name sighting_set
UPDATE sighting SET outcome = ?2 WHERE slot = ?1;

-- Networks other than ?5, of other workers than ?4, that saw task ?1 down, and up,
-- from ?2 to ?3.
-- :name sighting_others
SELECT (SELECT count(DISTINCT s.network) FROM sighting s
		WHERE s.task = ?1 AND s.assigned_ms BETWEEN ?2 AND ?3
		AND s.worker <> ?4 AND s.network <> ?5 AND s.up = 0
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = s.worker)),
	(SELECT count(DISTINCT s.network) FROM sighting s
		WHERE s.task = ?1 AND s.assigned_ms BETWEEN ?2 AND ?3
		AND s.worker <> ?4 AND s.network <> ?5 AND s.up = 1
		AND NOT EXISTS (SELECT 1 FROM accused a
			WHERE a.worker = s.worker));

-- When worker ?1 was judged in an outage, since ?2, and of which task.
-- :name sighting_judged
SELECT task, assigned_ms FROM sighting
WHERE worker = ?1 AND assigned_ms >= ?2 AND outcome IN ('right', 'wrong');

-- When witnesses saw task ?1 up, the last time up to ?2 and the first after it.
-- :name witness_ups
SELECT coalesce((SELECT max(s.seen_ms)
		FROM witness_slot s CROSS JOIN worker w CROSS JOIN admission a
		WHERE s.task = ?1 AND s.seen_ms <= ?2 AND s.up = 1
		AND w.id = s.worker AND a.address = w.address
		AND a.witness = 1), 0),
	coalesce((SELECT min(s.seen_ms)
		FROM witness_slot s CROSS JOIN worker w CROSS JOIN admission a
		WHERE s.task = ?1 AND s.seen_ms > ?2 AND s.up = 1
		AND w.id = s.worker AND a.address = w.address
		AND a.witness = 1), 9223372036854775807);

-- The first and the last that said down of task ?1 after ?2, before ?3; ?4 counts.
-- :name outage_lasts
SELECT min(o.at_ms), max(o.at_ms)
FROM (SELECT CAST(?4 AS BIGINT) AS at_ms
	UNION ALL SELECT s.assigned_ms FROM sighting s WHERE s.task = ?1
		AND s.assigned_ms > ?2 AND s.assigned_ms < ?3 AND s.up = 0
	UNION ALL SELECT s.seen_ms
		FROM witness_slot s CROSS JOIN worker w CROSS JOIN admission a
		WHERE s.task = ?1 AND s.seen_ms > ?2 AND s.seen_ms < ?3
		AND s.up = 0 AND w.id = s.worker AND a.address = w.address
		AND a.witness = 1) o;

-- Where worker ?1 said up while witnesses saw it down, the newest first.
-- :name sighting_list
-- :columns slot assigned_ms task status
SELECT s.slot, s.assigned_ms, k.name, r.status
FROM sighting s CROSS JOIN task k LEFT JOIN result r ON r.slot = s.slot
WHERE s.worker = ?1 AND s.outcome = 'wrong' AND k.id = s.task
ORDER BY s.assigned_ms DESC, s.slot DESC LIMIT ?2;

-- Slots that witnesses were given since ?1, what they were paid for them, and
-- results since then that they contradict.
-- :name witness_sums
SELECT (SELECT count(*) FROM witness_slot WHERE assigned_ms >= ?1),
	(SELECT coalesce(sum(p.micros), 0)
		FROM witness_slot w CROSS JOIN reward p
		WHERE p.slot = w.slot AND w.assigned_ms >= ?1),
	(SELECT count(*) FROM sighting s
		WHERE s.outcome = 'wrong' AND s.assigned_ms >= ?1);

-- Each slot of a witness, and each sighting, with its result.
-- :name audit_witness
-- :columns slot worker task up seen is_witness paid_to success of_task copy
-- :columns copies
SELECT w.slot, w.worker, w.task, w.up, w.seen_ms, w.is_witness, t.credit,
	coalesce(r.success, -1), coalesce(v.task, 0), r.copy, v.copies
FROM (SELECT slot, worker, task, coalesce(up, -1) AS up, seen_ms,
		1 AS is_witness FROM witness_slot
	UNION ALL SELECT slot, worker, task, up, paid_ms, 0 FROM sighting) w
	LEFT JOIN result r ON r.slot = w.slot
	LEFT JOIN transfer t ON t.id = r.transfer
	LEFT JOIN task_version v ON v.id = r.version
ORDER BY w.slot;

-- Workers ------------------------------------------------------------------

-- Its id is in the index of addresses: the row itself isn't read.
-- :name worker_by_address
SELECT id, EXISTS (SELECT 1 FROM suspension WHERE address = ?1)
FROM worker WHERE address = ?1;

-- Two are enough to see that ?1 to ?2 with the end ?3 isn't one worker alone.
-- :name worker_like
SELECT address FROM worker
WHERE address >= ?1 AND address < ?2 AND address LIKE ?3
ORDER BY address LIMIT 2;

-- :name account_insert_worker
INSERT INTO account (id, kind)
SELECT CASE WHEN max(id) > 3 THEN max(id) ELSE 3 END + 1, 'worker' FROM account;

-- :name worker_insert
INSERT INTO worker (id, address, first_seen_ms) VALUES (?1, ?2, ?3);

-- :name worker_suspend
INSERT INTO suspension (address) VALUES (?1) ON CONFLICT (address) DO NOTHING;

-- :name worker_resume
DELETE FROM suspension WHERE address = ?1;

-- The schedule -------------------------------------------------------------

-- What most polls end with: whether the worker is suspended, has slots that it
-- hasn't answered, and is admitted (1, a witness: 2); whether anything is due,
-- among the tasks of no region and of the region called ?2, and which that is;
-- and which slot was given last, and when.
-- :name poll_look
-- :columns suspended waits admitted anywhere in_region region given_ms last_slot
SELECT EXISTS (SELECT 1 FROM suspension WHERE address = ?1),
	EXISTS (SELECT 1 FROM handout WHERE address = ?1),
	coalesce((SELECT 1 + witness FROM admission WHERE address = ?1), 0),
	EXISTS (SELECT 1 FROM schedule
		WHERE paused = 0 AND region = 0 AND open_ms <= ?3),
	EXISTS (SELECT 1 FROM schedule
		WHERE paused = 0 AND region = g.id AND g.id <> 0
		AND open_ms <= ?3),
	g.id, c.given_ms, c.last_slot
FROM slot_counter c LEFT JOIN region g ON g.name = ?2 WHERE c.id = 1;

-- The tasks of a region that have a slot to give, those that wait longest
-- first, behind task ?4 at the place ?3.
-- :name task_due
-- :columns task open_ms version cycle_ms given timeout_ms reward_micros
-- :columns interval_ms copies cooldown_ms name url expected_status type
-- :columns budget_micros salt
SELECT d.task, d.open_ms, k.version, d.cycle_ms, d.given, k.timeout_ms,
	k.reward_micros, k.interval_ms, k.copies, k.cooldown_ms,
	k.name, k.url, k.expected_status, k.type, k.budget_micros, k.salt
FROM schedule d CROSS JOIN task k
WHERE k.id = d.task AND d.paused = 0 AND d.region = ?1
	AND d.open_ms <= ?2 AND (d.open_ms, d.task) > (?3, ?4)
ORDER BY d.open_ms, d.task LIMIT ?5;

-- The slots of task ?1 in its cycle ?2 that polls must know of.
-- :name open_slot_list
-- :columns copy slot free_ms is_paid
SELECT o.copy, o.slot, o.free_ms,
	EXISTS (SELECT 1 FROM result r WHERE r.slot = o.slot)
FROM open_slot o WHERE o.task = ?1 AND o.cycle_ms = ?2 ORDER BY o.copy;

-- :name open_slot_put
INSERT INTO open_slot (task, copy, cycle_ms, slot, free_ms)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (task, copy) DO UPDATE SET cycle_ms = excluded.cycle_ms,
	slot = excluded.slot, free_ms = excluded.free_ms;

-- Which slot of the cycle ?3 network ?2 was given, unless that was paid to
-- another network, which leaves it none.
-- :name network_slot_get
SELECT n.slot FROM network_slot n
WHERE n.task = ?1 AND n.network = ?2 AND n.cycle_ms = ?3
	AND NOT EXISTS (SELECT 1 FROM result r CROSS JOIN transfer t
		CROSS JOIN task k CROSS JOIN assignment a
		WHERE r.slot = n.slot AND t.id = r.transfer AND k.id = n.task
		AND a.worker = t.credit AND a.task_name = k.name
		AND a.slot = n.slot AND a.network NOT IN ('', ?2));

-- :name network_slot_put
INSERT INTO network_slot (task, network, cycle_ms, slot) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (task, network) DO UPDATE SET cycle_ms = excluded.cycle_ms,
	slot = excluded.slot;

-- Of other cycles than ?2.
-- :name network_slot_clear
DELETE FROM network_slot WHERE task = ?1 AND cycle_ms <> ?2;

-- :name slot_last
SELECT last_slot FROM slot_counter WHERE id = 1;

-- :name slot_last_given
SELECT last_slot, given_ms FROM slot_counter WHERE id = 1;

-- :name slot_set
UPDATE slot_counter SET last_slot = ?1, given_ms = ?2 WHERE id = 1;

-- A slot that a worker was given before, and can't be paid for any more, may be
-- given to it again while its cycle runs: then that is what it was given.
-- :name assignment_put
INSERT INTO assignment (worker, task_name, slot, version, reward_micros,
	cycle_ms, copy, assigned_ms, region, network, out_of_turn, type,
	expected_status, timeout_ms, compared, anchor)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
	?16)
ON CONFLICT (worker, task_name, slot) DO UPDATE SET version = excluded.version,
	reward_micros = excluded.reward_micros, cycle_ms = excluded.cycle_ms,
	copy = excluded.copy, assigned_ms = excluded.assigned_ms,
	region = excluded.region, network = excluded.network,
	out_of_turn = excluded.out_of_turn, type = excluded.type,
	expected_status = excluded.expected_status,
	timeout_ms = excluded.timeout_ms, compared = excluded.compared,
	anchor = excluded.anchor;

-- The newest anchor.
-- :name anchor_newest
SELECT max(size) FROM anchor;

-- :name anchor_last
SELECT size, at_ms FROM anchor ORDER BY size DESC LIMIT 1;

-- :name anchor_get
SELECT root FROM anchor WHERE size = ?1;

-- :name anchor_insert
INSERT INTO anchor (size, root, at_ms) VALUES (?1, ?2, ?3);

-- What worker ?1 was given of the task called ?2, the newest first, and to whom
-- its slot was paid, if it was.
-- :name assignment_last
-- :columns assigned_ms paid_to
SELECT a.assigned_ms, (SELECT coalesce(t.credit, 0)
	FROM result r LEFT JOIN transfer t ON t.id = r.transfer
	WHERE r.slot = a.slot)
FROM assignment a
WHERE a.worker = ?1 AND a.task_name = ?2 ORDER BY a.slot DESC;

-- A worker's rows on which nothing depends any more: no payment, no cooldown,
-- and no cycle that still runs (one is shorter than two intervals).
-- :name assignment_purge
DELETE FROM assignment WHERE worker = ?1 AND assigned_ms < ?2 AND assigned_ms
	< ?3 - (SELECT CASE WHEN v.cooldown_ms > 2 * v.interval_ms THEN v.cooldown_ms
		ELSE 2 * v.interval_ms END
		FROM task_version v WHERE v.id = version);

-- A task's row leaves its place for another. An UPDATE would look for each of
-- the two twice.
-- :name schedule_take
DELETE FROM schedule
WHERE paused = 0 AND region = ?1 AND open_ms = ?2 AND task = ?3;

-- :name schedule_put
INSERT INTO schedule (paused, region, open_ms, task, cycle_ms, given)
VALUES (0, ?1, ?2, ?3, ?4, ?5);

-- After the clock was set back: what waits for a time that no cycle which runs
-- now reaches is due now. A cycle is longer than its interval by less than that,
-- and by less than ?2, the poll period.
-- :name schedule_believe
UPDATE schedule SET open_ms = ?1 WHERE open_ms > ?1 AND open_ms > ?1 +
	(SELECT k.interval_ms + CASE WHEN k.interval_ms < ?2 THEN k.interval_ms
	ELSE ?2 END FROM task k WHERE k.id = task);

-- Since when the task that has waited longest has a slot to give, at ?1; 0: none
-- has. One step in each region: the front of its schedule.
-- :name schedule_oldest_due
SELECT coalesce(min(open_ms), 0) FROM (SELECT (SELECT s.open_ms FROM schedule s
	WHERE s.paused = 0 AND s.region = g.id ORDER BY s.open_ms LIMIT 1)
	AS open_ms FROM region g) AS front WHERE open_ms <= ?1;

-- :name schedule_future
SELECT count(*) FROM schedule s CROSS JOIN task k
WHERE k.id = s.task AND s.paused = 0 AND s.open_ms > ?1 + k.interval_ms +
	CASE WHEN k.interval_ms < ?2 THEN k.interval_ms ELSE ?2 END;

-- Shares and standing: src/ledger/share.h, src/ledger/standing.h ------------

-- What decides about worker ?2 and network ?3 in region ?1; ?4 is the worker's
-- address. Who was admitted is a network of its own.
-- :name share_get
-- :columns level_micros worker_micros hour network_micros
-- :columns network_paid_ms addresses addresses_before weight level_rounds
-- :columns level_is_own
SELECT coalesce(l.level_micros, 0),
	w.share_micros, w.hour, n.share_micros, n.paid_ms, n.addresses,
	n.addresses_before, m.weight,
	coalesce(l.rounds, 0), CASE l.network WHEN ?3 THEN 1 ELSE 0 END
FROM (SELECT 1 AS one) o
	LEFT JOIN admission m ON m.address = ?4
	LEFT JOIN level l ON l.region = ?1
	LEFT JOIN worker_share w ON w.worker = ?2 AND w.region = ?1
		AND w.network = CASE WHEN m.address IS NULL THEN ?3 ELSE '' END
	LEFT JOIN network_share n ON n.network = ?3 AND n.region = ?1;

-- :name worker_share_set
INSERT INTO worker_share (worker, region, network, share_micros, hour)
VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (worker, region, network) DO UPDATE SET share_micros = excluded.share_micros,
	hour = excluded.hour;

-- :name network_share_set
INSERT INTO network_share (network, region, share_micros, paid_ms, addresses,
	addresses_before)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (network, region) DO UPDATE SET share_micros = excluded.share_micros,
	paid_ms = excluded.paid_ms, addresses = excluded.addresses,
	addresses_before = excluded.addresses_before;

-- :name level_set
INSERT INTO level (region, level_micros, network, rounds)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (region) DO UPDATE SET level_micros = excluded.level_micros,
	network = excluded.network, rounds = excluded.rounds;

-- :name standing_get
-- :columns *standing
SELECT worker, results, hours, hour, owed_hours, network, region, region_ms
FROM standing WHERE worker = ?1;

-- Of whom that address is, if a worker with it was seen before.
-- :name standing_find
-- :columns id *standing
SELECT w.id, s.worker, s.results, s.hours, s.hour, s.owed_hours, s.network,
	s.region, s.region_ms
FROM worker w LEFT JOIN standing s ON s.worker = w.id WHERE w.address = ?1;

-- :name standing_set
INSERT INTO standing (worker, results, hours, hour, owed_hours, network, region,
	region_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (worker) DO UPDATE SET results = excluded.results,
	hours = excluded.hours, hour = excluded.hour,
	owed_hours = excluded.owed_hours, network = excluded.network, region = excluded.region,
	region_ms = excluded.region_ms;

-- :name admission_set
INSERT INTO admission (address, weight, admitted_ms, witness)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (address) DO UPDATE SET weight = excluded.weight,
	witness = excluded.witness;

-- :name admission_drop
DELETE FROM admission WHERE address = ?1;

-- Whether address ?1 is a witness's.
-- :name admission_witness
SELECT 1 FROM admission WHERE address = ?1 AND witness = 1;

-- Who asks to be admitted: src/ledger/joining.h ----------------------------

-- Address ?1, if it has asked from ?2 to ?3 or not.
-- :name join_get
-- :columns asked_ms region waits admitted works suspended
SELECT coalesce(r.asked_ms, 0), coalesce(r.region, ''),
	CASE WHEN r.asked_ms IS NOT NULL AND r.answered_ms IS NULL AND NOT EXISTS
		(SELECT 1 FROM admission WHERE address = ?1) THEN 1 ELSE 0 END,
	EXISTS (SELECT 1 FROM admission WHERE address = ?1),
	EXISTS (SELECT 1 FROM worker WHERE address = ?1),
	EXISTS (SELECT 1 FROM suspension WHERE address = ?1)
FROM (SELECT 1 AS one) o
	LEFT JOIN join_request r ON r.address = ?1
		AND r.asked_ms BETWEEN ?2 AND ?3;

-- But for address ?1: how many rows, and how many of network ?2, without those
-- that join_purge would delete.
-- :name join_count
SELECT count(*), coalesce(sum(CASE WHEN network = ?2 THEN 1 ELSE 0 END), 0)
FROM join_request
WHERE address <> ?1 AND asked_ms BETWEEN ?3 AND ?5
	AND coalesce(answered_ms, ?4) BETWEEN ?4 AND ?5;

-- The network with most rows, that isn't ?1. After join_purge, or where
-- join_count found the table full.
-- :name join_fullest
SELECT network, count(*) FROM join_request WHERE network <> ?1
GROUP BY network ORDER BY count(*) DESC, network LIMIT 1;

-- :name join_drop_newest
DELETE FROM join_request WHERE address = (SELECT address FROM join_request
	WHERE network = ?1 ORDER BY asked_ms DESC, address LIMIT 1);

-- Also what is of a time that never was, after ?3.
-- :name join_purge
DELETE FROM join_request WHERE asked_ms < ?1 OR answered_ms < ?2
	OR asked_ms > ?3 OR answered_ms > ?3;

-- :name join_set
INSERT INTO join_request (address, network, region, asked_ms, answered_ms)
VALUES (?1, ?2, ?3, ?4, NULL)
ON CONFLICT (address) DO UPDATE SET network = excluded.network,
	region = excluded.region, asked_ms = excluded.asked_ms, answered_ms = NULL;

-- :name join_answer
UPDATE join_request SET answered_ms = ?2 WHERE address = ?1;

-- Who waits since ?1, up to ?2 of them.
-- :name join_list
-- :columns address region network asked_ms
SELECT address, region, network, asked_ms FROM join_request
WHERE answered_ms IS NULL AND asked_ms >= ?1
ORDER BY asked_ms, address LIMIT ?2;

-- Tiers: src/ledger/tier.h --------------------------------------------------

-- Of which tier worker ?1 is, if of any, and what that pays.
-- :name tier_now
SELECT w.tier, i.reward_permille
FROM worker_tier w LEFT JOIN tier i ON i.id = w.tier
WHERE w.worker = ?1 ORDER BY w.first_slot DESC, w.id DESC LIMIT 1;

-- :name tier_find
SELECT id FROM tier WHERE name = ?1 AND weight = ?2 AND reward_permille = ?3;

-- :name tier_insert
INSERT INTO tier (name, weight, reward_permille) VALUES (?1, ?2, ?3);

-- From the next slot on.
-- :name worker_tier_insert
INSERT INTO worker_tier (worker, first_slot, tier, at_ms)
SELECT n.worker, n.first_slot, n.tier, n.at_ms
FROM (SELECT CAST(?1 AS BIGINT) AS worker, last_slot + 1 AS first_slot,
		CAST(?2 AS BIGINT) AS tier, CAST(?3 AS BIGINT) AS at_ms
	FROM slot_counter WHERE id = 1) n;

-- :name worker_tier_last
SELECT coalesce(max(id), 0) FROM worker_tier;

-- What was noted after row ?1: of which tier a worker was, and is.
-- :name worker_tier_since
-- :columns address before tier weight reward_permille
SELECT w.address, coalesce((SELECT o.name
		FROM worker_tier b LEFT JOIN tier o ON o.id = b.tier
		WHERE b.worker = n.worker AND b.id <= ?1
		ORDER BY b.first_slot DESC, b.id DESC LIMIT 1), 'none'),
	i.name, i.weight, i.reward_permille
FROM worker_tier n CROSS JOIN worker w CROSS JOIN tier i
WHERE n.id > ?1 AND w.id = n.worker AND i.id = n.tier ORDER BY n.id;

-- Results that were refused: src/ledger/refusal.h ---------------------------

-- So many more of a worker, if the address is one.
-- :name refusal_add
INSERT INTO refusal (worker, day, reason, results)
SELECT id, ?2, ?3, ?4 FROM worker WHERE address = ?1
ON CONFLICT (worker, day, reason)
DO UPDATE SET results = refusal.results + excluded.results;

-- Some of those before ?1, or of a day that never was, after ?2.
-- :name refusal_purge
DELETE FROM refusal WHERE (worker, day, reason) IN (SELECT worker, day, reason
	FROM refusal WHERE day < ?1 OR day > ?2 LIMIT ?3);

-- :name refusal_list
SELECT day, reason, results FROM refusal
WHERE worker = ?1 AND day BETWEEN ?2 AND ?3
ORDER BY day DESC, results DESC, reason LIMIT ?4;

-- :name refusal_sum
SELECT coalesce(sum(results), 0) FROM refusal
WHERE worker = ?1 AND day BETWEEN ?2 AND ?3;

-- The first one of a slot stays.
-- :name refused_add
INSERT INTO refused_slot (id, slot, cycle_ms, address, reason, at_ms)
VALUES ((SELECT coalesce(max(id), 0) + 1 FROM refused_slot), ?1, ?2, ?3, ?4, ?5)
ON CONFLICT (slot) DO NOTHING;

-- Of the first ?3 those before ?1, or of a time that never was, after ?2. No
-- number is given twice, so that whoever has read up to one knows all before.
-- :name refused_purge
DELETE FROM refused_slot WHERE id IN (SELECT o.id
	FROM (SELECT id, at_ms FROM refused_slot ORDER BY id LIMIT ?3) o
	WHERE (o.at_ms < ?1 OR o.at_ms > ?2)
	AND o.id < (SELECT max(id) FROM refused_slot));

-- What polls were given: src/ledger/handout.h -------------------------------

-- :name handout_add
INSERT INTO handout (address, at_ms, worker, network, slots, held_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (address, at_ms) DO UPDATE SET slots = handout.slots + excluded.slots,
	held_ms = CASE WHEN handout.held_ms > excluded.held_ms THEN handout.held_ms
	ELSE excluded.held_ms END;

-- Slots that a network has from ?2 to ?3, and hasn't answered: those that its
-- addresses hold, or held and were silent about, and others; and how many of its
-- addresses were silent of late.
-- :name handout_slots
-- :columns held free silent
SELECT coalesce(sum(CASE WHEN at_ms >= ?2 AND held_ms <> 0 THEN slots
		ELSE 0 END), 0),
	coalesce(sum(CASE WHEN at_ms >= ?2 AND held_ms = 0 THEN slots
		ELSE 0 END), 0),
	count(DISTINCT CASE WHEN slots > 0 AND held_ms <> 0 AND held_ms <= ?3
		THEN address END)
FROM handout WHERE network = ?1 AND at_ms <= ?3;

-- ?3 slots of it were paid: all that there were, or not all.
-- :name handout_done
DELETE FROM handout WHERE address = ?1 AND at_ms = ?2 AND slots <= ?3;

-- :name handout_less
UPDATE handout SET slots = slots - ?3 WHERE address = ?1 AND at_ms = ?2;

-- An address's, of which every slot was paid, to whomever: nothing is owed for it.
-- :name handout_settled
UPDATE handout SET slots = 0, held_ms = 0
WHERE address = ?1 AND slots > 0 AND NOT EXISTS (SELECT 1 FROM assignment a
	WHERE a.worker = handout.worker AND a.assigned_ms = handout.at_ms
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = a.slot));

-- Of those, the ones of an address that was paid before. Through the others it is
-- found when it can be forgotten.
-- :name handout_clear
DELETE FROM handout WHERE address = ?1 AND slots = 0
	AND EXISTS (SELECT 1 FROM transfer t
		WHERE t.credit = handout.worker AND t.credit > 3);

-- Those that an address held until before ?2.
-- :name handout_silent
UPDATE handout SET held_ms = -1 WHERE address = ?1 AND held_ms BETWEEN 1 AND ?2;

-- The next one that can't be paid any more: older than ?1, or of a time that
-- never was, after ?2. With OR instead, SQLite would make a table of those first.
-- :name handout_old
-- :columns address at_ms worker held_ms network
SELECT o.address, o.at_ms, o.worker, o.held_ms, o.network
FROM (SELECT address, at_ms, worker, held_ms, network FROM handout
	WHERE at_ms < ?1 ORDER BY at_ms LIMIT 1) o
UNION ALL SELECT n.address, n.at_ms, n.worker, n.held_ms, n.network
FROM (SELECT address, at_ms, worker, held_ms, network FROM handout
	WHERE at_ms > ?2 LIMIT 1) n LIMIT 1;

-- :name handout_drop
DELETE FROM handout WHERE address = ?1 AND at_ms = ?2;

-- Which copies network ?1 was given by a handout of worker ?2 at ?3, when it has
-- no other one, and none of them was paid to it: else a cycle of a month would
-- keep a row for each network that polled once.
-- :name network_slot_forget
DELETE FROM network_slot WHERE network = ?1
	AND task IN (SELECT v.task FROM assignment a CROSS JOIN task_version v
		WHERE a.worker = ?2 AND a.assigned_ms = ?3 AND v.id = a.version)
	AND NOT EXISTS (SELECT 1 FROM handout h
		WHERE h.network = ?1 AND NOT (h.worker = ?2 AND h.at_ms = ?3))
	AND NOT EXISTS (SELECT 1 FROM result r CROSS JOIN transfer t
		CROSS JOIN task k CROSS JOIN assignment a
		WHERE r.slot = network_slot.slot AND t.id = r.transfer
		AND k.id = network_slot.task AND a.worker = t.credit
		AND a.task_name = k.name AND a.slot = network_slot.slot
		AND a.network IN ('', ?1));

-- What of it wasn't paid.
-- :name assignment_forget
DELETE FROM assignment WHERE worker = ?1 AND assigned_ms = ?2
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = assignment.slot);

-- What of it was paid to somebody else.
-- :name assignment_lost
DELETE FROM assignment WHERE worker = ?1 AND assigned_ms = ?2
	AND NOT EXISTS (SELECT 1 FROM result r CROSS JOIN transfer t
		WHERE r.slot = assignment.slot AND t.id = r.transfer
		AND t.credit = ?1);

-- A worker that polled, and was never paid, nor is anything known of it. The
-- last one stays: no number is given twice.
-- :name worker_forget
DELETE FROM worker WHERE id = ?1
	AND id < (SELECT max(id) FROM account)
	AND NOT EXISTS (SELECT 1 FROM transfer WHERE credit = ?1 AND credit > 3)
	AND NOT EXISTS (SELECT 1 FROM payout WHERE worker = ?1)
	AND NOT EXISTS (SELECT 1 FROM assignment WHERE worker = ?1)
	AND NOT EXISTS (SELECT 1 FROM handout WHERE address = worker.address)
	AND NOT EXISTS (SELECT 1 FROM hold WHERE worker = ?1);

-- :name refusal_forget
DELETE FROM refusal WHERE worker = ?1;

-- :name account_forget
DELETE FROM account WHERE id = ?1;

-- What a worker was given from ?2 on and hasn't answered, as it was then, unless
-- the operator has paused or removed the task, or it is of another region than
-- the one called ?6, which the worker declares now: somebody else may have polled
-- for that in its name. What has less than its timeout left until it is ?4 old at
-- ?3 isn't worth a check.
-- :name assignment_open
-- :columns version task name type url expected_status timeout_ms reward_micros
-- :columns region slot assigned_ms is_drill anchor salt
SELECT a.version, v.task, a.task_name, v.type, v.url, v.expected_status, v.timeout_ms,
	a.reward_micros, g.name, a.slot, a.assigned_ms,
	EXISTS (SELECT 1 FROM drill d WHERE d.slot = a.slot), a.anchor, k.salt
FROM assignment a CROSS JOIN task_version v CROSS JOIN region g
	CROSS JOIN task k
WHERE v.id = a.version AND g.id = v.region AND k.id = v.task
	AND k.state = 'active' AND a.worker = ?1
	AND (g.id = 0 OR g.name = ?6)
	AND a.assigned_ms BETWEEN ?2 AND ?3
	AND a.assigned_ms + ?4 >= ?3 + v.timeout_ms
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = a.slot)
ORDER BY a.slot LIMIT ?5;

-- Credit -------------------------------------------------------------------

-- A worker's assignments of the task of that name, oldest first, and what became
-- of their slots. A result whose transfer isn't there
-- yet is of the very credit that is being recorded, and so the worker's.
-- :name assignments_for_result
-- :columns slot version cycle_ms copy assigned_ms reward_micros region network
-- :columns out_of_turn type expected_status timeout_ms compared
-- :columns paid_timestamp_ms paid_to_worker anchor
SELECT a.slot, a.version, a.cycle_ms, a.copy, a.assigned_ms, a.reward_micros,
	a.region, a.network, a.out_of_turn, a.type, a.expected_status,
	a.timeout_ms, a.compared, r.timestamp_ms, r.slot IS NOT NULL
		AND coalesce(t.credit, a.worker) = a.worker, a.anchor
FROM assignment a LEFT JOIN result r ON r.slot = a.slot
	LEFT JOIN transfer t ON t.id = r.transfer
WHERE a.worker = ?1 AND a.task_name = ?2
ORDER BY a.slot;

-- Whether anybody may know that there is such a task. A private one's worker was
-- given a slot of it, which comes first.
-- :name task_exists
SELECT 1 FROM task WHERE name = ?1 AND state <> 'removed' AND salt IS NULL;

-- Results come before their transfer, in the same transaction. The first result
-- of a slot stays: another one is passed over.
-- :name result_insert
INSERT INTO result (slot, transfer, version, cycle_ms, copy,
	assigned_ms, timestamp_ms, success, status, response_ms, error,
	address_form, signature, anchor, place, trace, token)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
	?17)
ON CONFLICT (slot) DO NOTHING;

-- :name round_insert
INSERT INTO round (transfer, count, root, signature, others)
VALUES (?1, ?2, ?3, ?4, ?5);

-- What of a definition is signed.
-- :name version_signed
-- :columns url expected_status copies region
SELECT v.url, v.expected_status, v.copies, g.first_name
FROM task_version v CROSS JOIN region g
WHERE g.id = v.region AND v.id = ?1;

-- What the region of that name was called at first, which is what is signed.
-- :name region_signed
SELECT first_name FROM region WHERE name = ?1;

-- :name transfer_last
SELECT id, hash FROM transfer ORDER BY id DESC LIMIT 1;

-- :name transfer_hash
SELECT hash FROM transfer WHERE id = ?1;

-- :name transfer_insert
INSERT INTO transfer (id, at_ms, kind, debit, credit, amount_micros,
	hash, format)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8);

-- :name account_add
UPDATE account SET balance_micros = balance_micros + ?2 WHERE id = ?1;

-- Tasks --------------------------------------------------------------------

-- :name task_version_last
SELECT id, hash FROM task_version ORDER BY id DESC LIMIT 1;

-- :name task_version_insert
INSERT INTO task_version (id, task, type, url, expected_status, timeout_ms,
	reward_micros, interval_ms, copies, cooldown_ms, region, created_ms,
	hash, format, budget_micros)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15);

-- Task ?1 of the name ?2, by its definition ?3.
-- :name task_insert
INSERT INTO task (id, name, state, version, type, url, expected_status,
	timeout_ms, reward_micros, interval_ms, copies, cooldown_ms,
	budget_micros, region, salt)
SELECT ?1, ?2, 'active', id, type, url, expected_status, timeout_ms,
	reward_micros, interval_ms, copies, cooldown_ms, budget_micros, region,
	?4
FROM task_version WHERE id = ?3;

-- :name task_next_id
SELECT coalesce(max(id), 0) + 1 FROM task;

-- :name task_set_version
UPDATE task SET (version, type, url, expected_status, timeout_ms, reward_micros,
	interval_ms, copies, cooldown_ms, budget_micros, region)
	= (SELECT id, type, url, expected_status, timeout_ms, reward_micros,
	interval_ms, copies, cooldown_ms, budget_micros, region
	FROM task_version WHERE id = ?2)
WHERE id = ?1;

-- What an edit changes for task ?2 of region ?1: it becomes one of region ?3;
-- NULL for ?4: when it opens next stays as it is.
-- :name schedule_edit
UPDATE schedule SET region = ?3, open_ms = coalesce(?4, open_ms)
WHERE paused IN (0, 1) AND region = ?1 AND task = ?2;

-- :name task_set_state
UPDATE task SET state = ?2 WHERE id = ?1;

-- Task ?2 of region ?1 is paused, or no longer.
-- :name schedule_pause
UPDATE schedule SET paused = ?3, open_ms = CASE WHEN open_ms > ?4
		THEN open_ms ELSE ?4 END
WHERE paused IN (0, 1) AND region = ?1 AND task = ?2;

-- :name schedule_delete
DELETE FROM schedule WHERE paused IN (0, 1) AND region = ?1 AND task = ?2;

-- :name task_like
SELECT name FROM task WHERE name >= ?1 AND name < ?2 ORDER BY name LIMIT 2;

-- The names from ?1 to before ?2 of private tasks, two of them at most.
-- :name task_private_names
SELECT name FROM task WHERE name >= ?1 AND name < ?2 AND salt IS NOT NULL
ORDER BY name LIMIT 2;

-- :name task_get
-- :columns id state version type url expected_status timeout_ms reward_micros
-- :columns interval_ms copies cooldown_ms budget_micros region region_name
-- :columns salt
SELECT k.id, k.state, k.version, k.type, k.url, k.expected_status, k.timeout_ms,
	k.reward_micros, k.interval_ms, k.copies, k.cooldown_ms,
	k.budget_micros, k.region, g.name, k.salt
FROM task k LEFT JOIN region g ON g.id = k.region WHERE k.name = ?1;

-- The region that is called ?1, which comes first, or was called so at first.
-- :name region_find
SELECT id, CASE WHEN name = ?1 THEN 1 ELSE 0 END FROM region
WHERE name = ?1 OR first_name = ?1 ORDER BY 2 DESC LIMIT 1;

-- :name region_first_name
SELECT first_name FROM region WHERE id = ?1;

-- :name region_insert
INSERT INTO region (name, first_name, added_ms) VALUES (?1, ?1, ?2);

-- :name region_rename
UPDATE region SET name = ?2 WHERE id = ?1;

-- Regions with a name, and how many tasks of each aren't removed.
-- :name region_list
SELECT g.name, g.first_name, g.added_ms, (SELECT count(*) FROM task k
	WHERE k.region = g.id AND k.state <> 'removed')
FROM region g WHERE g.id <> 0 ORDER BY g.name;

-- Payouts ------------------------------------------------------------------

-- Who may be paid, the oldest debt first: balance, since when, the next seq
-- (the lowest that isn't used up: that of a payout which expired unused is
-- taken again), what was reserved since ?3, why the operator and the token
-- hold it if they do, and whether an earlier payout isn't settled.
-- :name payees
-- :columns id address balance_micros oldest_ms next_seq last_day_micros
-- :columns held_by_operator held_by_chain unsettled
SELECT w.id, w.address, a.balance_micros,
	(SELECT t.at_ms FROM transfer t WHERE t.credit = w.id
		AND t.credit > 3 AND t.id > coalesce((SELECT max(r.id)
		FROM transfer r WHERE r.debit = w.id AND r.debit > 3), 0)
		ORDER BY t.id LIMIT 1) AS oldest_ms,
	(SELECT min(n.seq) FROM (SELECT 1 AS seq
			UNION ALL SELECT l.seq + 1 FROM payout l
			WHERE l.worker = w.id) n
		WHERE NOT EXISTS (SELECT 1 FROM payout p
			WHERE p.worker = w.id AND p.seq = n.seq
			AND (p.state <> 'voided'
			OR EXISTS (SELECT 1 FROM payout_event e
			WHERE e.payout = p.id AND e.kind = 'voided'
			AND e.tx IS NOT NULL)))),
	coalesce((SELECT sum(p.amount_micros) FROM payout p
		WHERE p.worker = w.id AND p.reserved_ms > ?3
		AND p.state <> 'voided'), 0),
	(SELECT h.reason FROM hold h
		WHERE h.worker = w.id AND h.by = 'operator'),
	(SELECT h.reason FROM hold h
		WHERE h.worker = w.id AND h.by = 'chain'),
	EXISTS (SELECT 1 FROM payout p WHERE p.worker = w.id
		AND p.is_open = 1)
FROM account a CROSS JOIN worker w
WHERE w.id = a.id AND a.id > 3 AND a.balance_micros >= ?1
	AND (?2 = '' OR w.address = ?2)
ORDER BY oldest_ms NULLS LAST, w.id;

-- What was verified of a worker before its payouts, the newest first; with
-- ?2 = 1 only those that were found on the chain, those of a number together.
-- :name seals
-- :columns verified_to verified_micros seal seq amount_micros verified_hash
-- :columns id treasury
SELECT p.verified_to, p.verified_micros, p.seal, p.seq, p.amount_micros, t.hash,
	p.id, p.treasury
FROM payout p LEFT JOIN transfer t ON t.id = p.verified_to
WHERE p.worker = ?1 AND (CAST(?2 AS BIGINT) = 0 OR p.verified_to = 0)
ORDER BY CASE CAST(?2 AS BIGINT) WHEN 0 THEN 0 ELSE p.seq END, p.id DESC;

-- By how much payouts gave worker ?1 more than they took after transfer ?2.
-- :name given_back
SELECT coalesce((SELECT sum(amount_micros) FROM transfer
		WHERE credit = ?1 AND credit > 3 AND kind <> 'credit'
		AND id > ?2), 0)
	- coalesce((SELECT sum(amount_micros) FROM transfer
		WHERE debit = ?1 AND debit > 3 AND kind <> 'forfeit'
		AND id > ?2), 0);

-- Whether anything was taken from worker ?1 after transfer ?2.
-- :name taken_since
SELECT 1 FROM transfer WHERE debit = ?1 AND debit > 3 AND id > ?2 LIMIT 1;

-- A worker's credits after transfer ?2 and up to ?3, each with the transfer
-- before it, result by result, each with its definition.
-- :name credits_behind
-- :columns *transfer before_id before_hash *result *signed *round digest
SELECT t.id, t.at_ms, t.kind, t.debit, t.credit, t.amount_micros, t.hash,
	t.format, p.id, p.hash, r.transfer, r.slot, r.version, r.cycle_ms, r.copy,
	r.assigned_ms, r.timestamp_ms, r.success, r.status, r.response_ms,
	r.error, r.address_form, r.signature, v.task, v.type,
	v.expected_status, v.timeout_ms, (SELECT p.micros FROM reward p
		WHERE p.slot = r.slot),
	v.interval_ms, v.copies,
	CASE WHEN r.copy >= v.copies AND EXISTS
		(SELECT 1 FROM witness_slot w WHERE w.slot = r.slot) THEN 0
		ELSE v.cooldown_ms END,
	CASE WHEN r.copy >= v.copies THEN (SELECT count(*) FROM drill d
		WHERE d.slot = r.slot) + (SELECT count(*) FROM witness_slot w
		WHERE w.slot = r.slot) ELSE 0 END, r.anchor, r.place, r.trace,
	r.token, k.name, v.url, g.first_name, n.root,
	o.count, o.root, o.signature, o.others, d.digest
FROM transfer t LEFT JOIN transfer p ON p.id = t.id - 1
	LEFT JOIN result r ON r.transfer = t.id
	LEFT JOIN archived d ON d.transfer = t.id
	LEFT JOIN round o ON o.transfer = t.id
	LEFT JOIN anchor n ON n.size = r.anchor
	LEFT JOIN task_version v ON v.id = r.version
	LEFT JOIN region g ON g.id = v.region
	LEFT JOIN task k ON k.id = v.task
WHERE t.credit = ?1 AND t.credit > 3 AND t.kind = 'credit' AND t.id > ?2
	AND t.id <= ?3
ORDER BY t.id, r.slot;

-- A worker's credits, the newest first.
-- :name credits_newest
SELECT id, at_ms, amount_micros FROM transfer
WHERE credit = ?1 AND credit > 3 AND kind = 'credit' ORDER BY id DESC;

-- A definition, and the number and hash of the one before it.
-- :name version_link
-- :columns *version before_id before_hash
SELECT v.id, v.task, v.type, v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms,
	v.budget_micros, g.first_name, v.created_ms, v.hash, v.format, p.id, p.hash
FROM task_version v LEFT JOIN task_version p ON p.id = v.id - 1
	LEFT JOIN region g ON g.id = v.region
WHERE v.id = ?1;

-- A worker's balance after transfer ?2, and now.
-- :name balance_sums
SELECT coalesce(sum(micros) FILTER (WHERE id <= ?2), 0),
	coalesce(sum(micros), 0)
FROM (SELECT id, amount_micros AS micros FROM transfer
		WHERE credit = ?1 AND credit > 3
	UNION ALL SELECT id, -amount_micros FROM transfer
		WHERE debit = ?1 AND debit > 3) m;

-- What a worker has earned in all, also by credit that a restored ledger lost,
-- without what was forfeited; and that lost credit.
-- :name worker_earned
SELECT c.micros - coalesce((SELECT sum(amount_micros) FROM transfer
		WHERE debit = ?1 AND debit > 3 AND kind = 'forfeit'), 0),
	c.recovered
FROM (SELECT coalesce(sum(amount_micros), 0) AS micros,
		coalesce(sum(amount_micros) FILTER (WHERE kind = 'recover'), 0)
		AS recovered
	FROM transfer WHERE credit = ?1 AND credit > 3
		AND kind IN ('credit', 'recover')) c;

-- What a worker's balance is, and up to which transfer that is so.
-- :name balance_now
SELECT (SELECT balance_micros FROM account WHERE id = ?1),
	coalesce((SELECT max(id) FROM transfer), 0),
	(SELECT hash FROM transfer ORDER BY id DESC LIMIT 1);

-- Also one of a worker who isn't there: it can't be read, and is told of.
-- :name payout_next_open
-- :columns id worker address seq amount_micros nonce chain_id token treasury
-- :columns reserved_ms state paid_micros verified_to verified_micros seal
-- :columns verified_hash
SELECT p.id, p.worker, w.address, p.seq, p.amount_micros, p.nonce,
	p.chain_id, p.token, p.treasury, p.reserved_ms, p.state,
	p.paid_micros, p.verified_to, p.verified_micros, p.seal,
	(SELECT t.hash FROM transfer t WHERE t.id = p.verified_to)
FROM payout p LEFT JOIN worker w ON w.id = p.worker
WHERE p.id > ?1 AND p.is_open = 1
ORDER BY p.id LIMIT 1;

-- Of several with one nonce, the one that isn't voided, or the last that was.
-- :name payout_by_nonce
-- :columns = payout_next_open
SELECT p.id, p.worker, w.address, p.seq, p.amount_micros, p.nonce,
	p.chain_id, p.token, p.treasury, p.reserved_ms, p.state,
	p.paid_micros, p.verified_to, p.verified_micros, p.seal,
	(SELECT t.hash FROM transfer t WHERE t.id = p.verified_to)
FROM payout p LEFT JOIN worker w ON w.id = p.worker WHERE p.nonce = ?1
ORDER BY p.state = 'voided', p.id DESC LIMIT 1;

-- :name payout_insert
INSERT INTO payout (worker, seq, amount_micros, nonce, chain_id, token,
	treasury, reserved_ms, state, paid_micros, verified_to,
	verified_micros, seal)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13);

-- :name payout_set_state
UPDATE payout SET state = ?3, paid_micros = ?4 WHERE id = ?1 AND state = ?2;

-- :name authorization_insert
INSERT INTO "authorization" (payout, signed_ms, valid_after, valid_before,
	signature, from_block, body)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :name authorization_get
-- :columns signed_ms valid_after valid_before signature from_block body
SELECT signed_ms, valid_after, valid_before, signature, from_block, body
FROM "authorization" WHERE payout = ?1;

-- :name event_last
SELECT id, hash FROM payout_event ORDER BY id DESC LIMIT 1;

-- :name event_insert
INSERT INTO payout_event (id, payout, at_ms, kind, transfer, tx, block,
	detail, hash, format)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10);

-- What the last look at the chain said of a payout.
-- :name event_last_detail
SELECT detail FROM payout_event WHERE payout = ?1 AND kind = 'chain'
ORDER BY id DESC LIMIT 1;

-- :name event_posted
SELECT coalesce(tx, ''), coalesce(block, 0) FROM payout_event
WHERE payout = ?1 AND kind = 'posted' ORDER BY id DESC LIMIT 1;

-- What an account of ours sends to the chain -------------------------------

-- :name submission_insert
INSERT INTO submission (chain_id, account, nonce, target, data, gas_limit,
	queued_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7);

-- :name submission_payout_insert
INSERT INTO submission_payout (submission, place, payout) VALUES (?1, ?2, ?3);

-- :name submission_form_insert
INSERT INTO submission_form (submission, max_fee_wei, tip_wei, hash,
	signature, signed_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6);

-- The next one after nonce ?3 that isn't done, with its newest form.
-- :name submission_next_open
-- :columns id nonce target data gas_limit queued_ms max_fee_wei tip_wei hash
-- :columns signature
SELECT s.id, s.nonce, s.target, s.data, s.gas_limit, s.queued_ms,
	f.max_fee_wei, f.tip_wei, f.hash, f.signature
FROM submission s CROSS JOIN submission_form f
WHERE f.submission = s.id AND s.chain_id = ?1 AND s.account = ?2
	AND s.nonce > ?3
	AND s.done_ms IS NULL
ORDER BY s.nonce, f.max_fee_wei DESC LIMIT 1;

-- :name submission_payouts
SELECT payout FROM submission_payout WHERE submission = ?1 ORDER BY place;

-- :name submission_hashes
SELECT hash FROM submission_form WHERE submission = ?1
ORDER BY max_fee_wei DESC;

-- Each form of each, by its account and nonce, as submission_next_open has them;
-- then whose it is, how many payouts it carries out, and how many of these were
-- never sent by that account on that chain.
-- :name audit_submission
-- :columns id nonce target data gas_limit queued_ms max_fee_wei tip_wei hash
-- :columns signature chain_id account payouts strange
SELECT s.id, s.nonce, s.target, s.data, s.gas_limit, s.queued_ms,
	coalesce(f.max_fee_wei, 0), coalesce(f.tip_wei, 0),
	coalesce(f.hash, ''), coalesce(f.signature, ''), s.chain_id, s.account,
	(SELECT count(*) FROM submission_payout c WHERE c.submission = s.id),
	(SELECT count(*) FROM submission_payout c WHERE c.submission = s.id
		AND NOT EXISTS (SELECT 1 FROM payout p CROSS JOIN payout_event ev
			WHERE p.id = c.payout AND p.chain_id = s.chain_id
			AND ev.payout = p.id AND ev.kind = 'submitted'
			AND lower(ev.detail) = 'gas account ' || s.account))
FROM submission s LEFT JOIN submission_form f ON f.submission = s.id
ORDER BY s.chain_id, s.account, s.nonce, f.max_fee_wei;

-- The nonce that the account's next transaction has; no row before the first.
-- :name submission_next_nonce
SELECT nonce + 1 FROM submission WHERE chain_id = ?1 AND account = ?2
ORDER BY nonce DESC LIMIT 1;

-- A nonce that was queued, and used by something that we didn't send.
-- :name submission_foreign
SELECT nonce FROM submission WHERE chain_id = ?1 AND account = ?2
	AND done_ms IS NOT NULL AND cost_wei IS NULL
ORDER BY nonce LIMIT 1;

-- :name submission_done
UPDATE submission SET done_ms = ?2, cost_wei = ?3
WHERE id = ?1 AND done_ms IS NULL;

-- Which account sent last on chain ?1, and what it has spent for gas since ?3,
-- in gwei, by what final blocks have shown.
-- :name submission_account
SELECT account FROM submission WHERE chain_id = ?1 ORDER BY id DESC LIMIT 1;

-- :name submission_cost
SELECT coalesce(sum(cost_wei / 1000000000), 0) FROM submission
WHERE chain_id = ?1 AND account = ?2 AND queued_ms > ?3;

-- To whom a payout's bytes were last sent.
-- :name event_submitted
SELECT detail FROM payout_event WHERE payout = ?1 AND kind = 'submitted'
ORDER BY id DESC LIMIT 1;

-- How many payouts aren't settled, and since when the oldest waits.
-- :name payout_unsettled
SELECT count(*), coalesce(min(reserved_ms), 0) FROM payout
WHERE is_open = 1 AND state <> 'posted';

-- Whether one of worker ?1's payouts is open.
-- :name worker_has_open
SELECT EXISTS (SELECT 1 FROM payout
	WHERE worker = ?1 AND is_open = 1);

-- What is promised of one treasury. A row with an amount that no program writes
-- promises nothing, for it is never sent.
-- :name in_flight
SELECT coalesce(sum(CASE WHEN state <> 'posted' THEN amount_micros
	WHEN amount_micros > paid_micros THEN amount_micros - paid_micros
	ELSE 0 END), 0)
FROM payout WHERE is_open = 1 AND chain_id = ?1
	AND token = ?2 AND treasury = ?3
	AND amount_micros BETWEEN 1 AND 1000000000000000;

-- :name event_last_tx
SELECT tx FROM payout_event WHERE payout = ?1 AND tx IS NOT NULL
ORDER BY id DESC LIMIT 1;

-- :name account_balance
SELECT balance_micros FROM account WHERE id = ?1;

-- :name finding_insert
INSERT INTO finding (at_ms, kind, subject, detail, since_ms, last_ms, times)
VALUES (?1, ?2, ?3, ?4, ?1, ?1, 1);

-- Seen again. What was over begins anew; what a person closed before it was
-- over goes on.
-- :name finding_again
UPDATE finding SET detail = ?4, last_ms = ?1,
	since_ms = CASE WHEN closed_by = 'over' THEN ?1 ELSE since_ms END,
	times = CASE WHEN closed_by = 'over' THEN 1 ELSE times + 1 END,
	closed_ms = NULL, closed_by = NULL
WHERE kind = ?2 AND subject = ?3;

-- Whether there is such a finding, and whether it is open.
-- :name finding_stands
SELECT CASE WHEN closed_ms IS NULL THEN 1 ELSE 0 END FROM finding
WHERE kind = ?1 AND subject = ?2;

-- :name finding_over
UPDATE finding SET closed_ms = ?3, closed_by = 'over'
WHERE kind = ?1 AND subject = ?2 AND closed_ms IS NULL;

-- All of a kind that weren't seen between ?2 and now: a clock may have gone back.
-- :name finding_over_unseen
UPDATE finding SET closed_ms = ?3, closed_by = 'over'
WHERE kind = ?1 AND last_ms NOT BETWEEN ?2 AND ?3 AND closed_ms IS NULL;

-- :name payout_run_begin
INSERT INTO payout_run (began_ms, reconcile) VALUES (?1, ?2);

-- :name payout_run_end
UPDATE payout_run SET ended_ms = ?2, exit_code = ?3, reserved = ?4,
	posted = ?5, finalized = ?6, voided = ?7, held = ?8, unresolved = ?9,
	posts = ?10, calls = ?11, words = ?12
WHERE id = ?1;

-- :name payout_run_last
-- :columns id began_ms ended_ms exit_code reconcile reserved posted finalized
-- :columns voided held unresolved posts calls words
SELECT id, began_ms, coalesce(ended_ms, 0), coalesce(exit_code, -1), reconcile,
	reserved, posted, finalized, voided, held, unresolved, posts, calls,
	words
FROM payout_run ORDER BY id DESC LIMIT 1;

-- When the last runs that pay began; those that only look come beside them.
-- :name payout_run_begins
SELECT began_ms FROM (SELECT id, began_ms, reconcile FROM payout_run
	ORDER BY id DESC LIMIT ?1) r
WHERE reconcile = 0 ORDER BY id DESC;

-- :name settler_get
-- :columns settled_ms failing_ms runs payees unfit words
SELECT coalesce(settled_ms, 0), coalesce(failing_ms, 0), runs, payees, unfit,
	words
FROM settler WHERE name = ?1;

-- :name settler_set
INSERT INTO settler (name, settled_ms, failing_ms, runs, payees, unfit, words)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (name) DO UPDATE SET settled_ms = excluded.settled_ms,
	failing_ms = excluded.failing_ms, runs = excluded.runs,
	payees = excluded.payees, unfit = excluded.unfit,
	words = excluded.words;

-- :name hold_set
INSERT INTO hold (worker, by, since_ms, reason) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (worker, by) DO UPDATE SET reason = excluded.reason;

-- :name hold_release
DELETE FROM hold WHERE worker = ?1 AND by = ?2;

-- Whether the operator holds everybody, or worker ?1.
-- :name held
SELECT 1 FROM hold WHERE worker = 0 OR (worker = ?1 AND by = 'operator')
LIMIT 1;

-- :name hold_reason
SELECT reason FROM hold WHERE worker = ?1 ORDER BY by DESC LIMIT 1;

-- Since when everybody is held because the ledger was restored.
-- :name hold_restored
SELECT since_ms FROM hold WHERE worker = 0 AND by = 'chain';

-- :name chain_seen_get
SELECT block FROM chain_seen WHERE chain_id = ?1 AND treasury = ?2;

-- :name chain_seen_set
INSERT INTO chain_seen (chain_id, treasury, block) VALUES (?1, ?2, ?3)
ON CONFLICT (chain_id, treasury) DO UPDATE SET block = excluded.block;

-- What the active tasks can pay in a day at most, to whoever is of the best tier:
-- a worker that gets a copy in each cycle, and all copies.
-- :name task_day
SELECT coalesce(sum(d.micros), 0), coalesce(sum(d.micros * d.copies), 0)
FROM (SELECT k.copies, b.micros * CASE WHEN k.interval_ms > 86400000 THEN 1
		ELSE 86400000 / k.interval_ms END AS micros
	FROM task k CROSS JOIN best_reward b
	WHERE k.state = 'active' AND b.task = k.id) d;

-- Whether payouts were made from treasury ?2 on chain ?1, and how far the
-- vault's journal was with the last: -1 and nothing when that isn't known.
-- :name journal_seen_get
SELECT EXISTS (SELECT 1 FROM payout WHERE chain_id = ?1 AND treasury = ?2),
	coalesce((SELECT entries FROM journal_seen
		WHERE chain_id = ?1 AND treasury = ?2), -1),
	(SELECT hash FROM journal_seen WHERE chain_id = ?1 AND treasury = ?2);

-- :name journal_seen_set
INSERT INTO journal_seen (chain_id, treasury, entries, hash)
VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (chain_id, treasury) DO UPDATE SET entries = excluded.entries,
	hash = excluded.hash;

-- Health -------------------------------------------------------------------

-- :name health
SELECT count(*) FROM account WHERE id <= 3;

-- Something to commit, that leaves nothing behind: no region has such a number.
-- :name health_put
INSERT INTO level (region, level_micros, network, rounds)
VALUES (-1, 0, '', 0);

-- :name health_drop
DELETE FROM level WHERE region = -1;

-- The operator's command ---------------------------------------------------

-- Tasks in order of name; ?1 is 1 to have the removed ones, too.
-- :name task_list
-- :columns id type state url expected_status timeout_ms reward_micros
-- :columns interval_ms copies cooldown_ms budget_micros region private
SELECT k.name, k.type, k.state, k.url, k.expected_status, k.timeout_ms,
	k.reward_micros, k.interval_ms, k.copies, k.cooldown_ms, k.budget_micros,
	g.name, k.salt IS NOT NULL
FROM task k LEFT JOIN region g ON g.id = k.region
WHERE k.state <> 'removed' OR ?1
ORDER BY k.name LIMIT ?2;

-- :name task_states
SELECT count(*) FILTER (WHERE state = 'active'),
	count(*) FILTER (WHERE state = 'paused'),
	count(*) FILTER (WHERE state = 'removed')
FROM task;

-- When task ?2 of region ?1 next has a slot to give.
-- :name task_opens
SELECT open_ms FROM schedule
WHERE paused IN (0, 1) AND region = ?1 AND task = ?2;

-- A task's definitions, newest first.
-- :name task_versions
-- :columns id created_ms type url expected_status timeout_ms reward_micros
-- :columns interval_ms copies cooldown_ms budget_micros region
SELECT v.id, v.created_ms, v.type, v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms, v.budget_micros,
	g.name
FROM task_version v LEFT JOIN region g ON g.id = v.region
WHERE v.task = ?1 ORDER BY v.id DESC LIMIT ?2;

-- A task's last checks, among the last ?2 of the ledger: a task has no index
-- of its results.
-- :name task_checks
-- :columns slot timestamp_ms success status response_ms error worker
SELECT r.slot, r.timestamp_ms, r.success, r.status, r.response_ms, r.error,
	w.address
FROM (SELECT * FROM result ORDER BY slot DESC LIMIT ?2) r
	CROSS JOIN task_version v
	CROSS JOIN transfer t
	CROSS JOIN worker w
WHERE w.id = t.credit AND t.id = r.transfer AND v.id = r.version AND v.task = ?1
ORDER BY r.slot DESC LIMIT ?3;

-- Workers, those first who joined last.
-- ?2: 0 in the order in which they joined, 1 by network, 2 by failed drills and
-- results that stood apart since ?3, 3 by slots that were given up to ?4 and aren't answered.
-- :name worker_list
-- :columns address state first_seen_ms owed_micros in_flight_micros paid_micros
-- :columns network results hours wrong apart silent
SELECT l.address, l.state, l.first_seen_ms, l.owed_micros, l.in_flight_micros,
	l.paid_micros, l.network, l.results, l.hours, l.wrong, l.apart,
	l.silent
FROM (SELECT w.id, w.address, CASE WHEN EXISTS (SELECT 1 FROM suspension s
		WHERE s.address = w.address) THEN 'suspended' ELSE 'active' END
			AS state,
		w.first_seen_ms, a.balance_micros AS owed_micros,
		(SELECT coalesce(sum(CASE WHEN p.amount_micros > p.paid_micros
			THEN p.amount_micros - p.paid_micros ELSE 0 END), 0)
		 FROM payout p
		 WHERE p.worker = w.id AND p.is_open = 1) AS in_flight_micros,
		(SELECT coalesce(sum(p.paid_micros), 0) FROM payout p
		 WHERE p.worker = w.id) AS paid_micros,
		coalesce(n.network, '') AS network,
		coalesce(n.results, 0) AS results, coalesce(n.hours, 0) AS hours,
		(SELECT count(*) FROM drill d WHERE d.worker = w.id
		 AND d.assigned_ms >= ?3 AND d.outcome = 'wrong') AS wrong,
		(SELECT count(*) FROM dissent x WHERE x.worker = w.id
		 AND x.cycle_ms >= ?3 AND x.apart = 1) AS apart,
		(SELECT count(*) FROM assignment b WHERE b.worker = w.id
		 AND b.assigned_ms < ?4 AND NOT EXISTS (SELECT 1 FROM result r
			WHERE r.slot = b.slot)) AS silent
	FROM worker w CROSS JOIN account a
		LEFT JOIN standing n ON n.worker = w.id
	WHERE a.id = w.id) l
ORDER BY CASE WHEN CAST(?2 AS BIGINT) = 1 THEN l.network END,
	CASE CAST(?2 AS BIGINT) WHEN 2 THEN l.wrong WHEN 3 THEN l.silent ELSE 0
		END DESC,
	CASE CAST(?2 AS BIGINT) WHEN 2 THEN l.apart ELSE 0 END DESC,
	l.id DESC LIMIT ?1;

-- :name worker_states
SELECT count(*) FILTER (WHERE s.address IS NULL),
	count(*) FILTER (WHERE s.address IS NOT NULL)
FROM worker w LEFT JOIN suspension s ON s.address = w.address;

-- A worker's results are counted by its days, not one by one: it may have
-- millions.
-- :name worker_get
-- :columns id state first_seen_ms owed_micros in_flight_micros paid_micros
-- :columns results forfeited_micros tier
SELECT w.id, CASE WHEN EXISTS (SELECT 1 FROM suspension s
		WHERE s.address = w.address) THEN 'suspended' ELSE 'active' END,
	w.first_seen_ms, a.balance_micros,
	(SELECT coalesce(sum(CASE WHEN p.amount_micros > p.paid_micros
		THEN p.amount_micros - p.paid_micros ELSE 0 END), 0)
	 FROM payout p
	 WHERE p.worker = w.id AND p.is_open = 1),
	(SELECT coalesce(sum(p.paid_micros), 0) FROM payout p
	 WHERE p.worker = w.id),
	(SELECT coalesce(sum(d.credited), 0) FROM record d
	 WHERE d.worker = w.id),
	(SELECT coalesce(sum(t.amount_micros), 0) FROM transfer t
	 WHERE t.debit = w.id AND t.debit > 3 AND t.kind = 'forfeit'),
	coalesce((SELECT i.name FROM worker_tier b LEFT JOIN tier i ON i.id = b.tier
		WHERE b.worker = w.id ORDER BY b.first_slot DESC, b.id DESC
		LIMIT 1), '')
FROM worker w CROSS JOIN account a WHERE a.id = w.id AND w.address = ?1;

-- :name worker_results
-- :columns slot task timestamp_ms success status response_ms error
-- :columns reward_micros
SELECT r.slot, k.name, r.timestamp_ms, r.success, r.status, r.response_ms,
	r.error, (SELECT p.micros FROM reward p WHERE p.slot = r.slot)
FROM transfer t CROSS JOIN result r
	CROSS JOIN task_version v
	CROSS JOIN task k
WHERE k.id = v.task AND v.id = r.version AND r.transfer = t.id
	AND t.credit = ?1 AND t.credit > 3
ORDER BY t.id DESC, r.slot DESC LIMIT ?2;

-- What a worker was given and nobody was paid for, until when it is paid, by
-- what counts now, which isn't over at ?2.
-- :name worker_assignments
SELECT a.slot, a.task_name, a.assigned_ms, a.assigned_ms + t.result_window_ms
FROM (SELECT result_window_ms FROM terms ORDER BY id DESC LIMIT 1) t
	CROSS JOIN assignment a
WHERE a.worker = ?1 AND a.assigned_ms >= ?2 - t.result_window_ms
	AND NOT EXISTS (SELECT 1 FROM result r WHERE r.slot = a.slot)
ORDER BY a.assigned_ms DESC, a.slot DESC LIMIT ?3;

-- The first transfer from ?1 on; they are in order of time, but for some ms.
-- :name transfer_from
SELECT id, at_ms FROM transfer WHERE id >= ?1 ORDER BY id LIMIT 1;

-- :name result_count_from
SELECT count(*) FROM result WHERE transfer >= ?1;

-- Those of them that were signed in rounds.
-- :name round_count_from
SELECT count(*) FROM round o CROSS JOIN result r
WHERE o.transfer >= ?1 AND r.transfer = o.transfer;

-- The cycles that were checked by transfers from ?1 on, and copies of each.
-- :name cycles_checked
SELECT v.task, r.cycle_ms, count(*)
FROM result r CROSS JOIN task_version v
WHERE v.id = r.version AND r.copy < v.copies AND r.transfer >= ?1
GROUP BY v.task, r.cycle_ms ORDER BY v.task, r.cycle_ms;

-- :name task_cycles
-- :columns task name interval_ms created_ms copies
SELECT k.id, k.name, v.interval_ms, v.created_ms, v.copies
FROM task k CROSS JOIN task_version v
WHERE v.id = k.version AND k.state = 'active' ORDER BY k.id;

-- What bounds the pay of each task that is given.
-- :name task_bounds
SELECT b.micros, k.interval_ms, k.cooldown_ms
FROM task k CROSS JOIN best_reward b WHERE k.state = 'active' AND b.task = k.id;

-- What the tasks that are given, or task ?1 unless that is '', pay in a day at
-- most, and how many workers the one takes that takes most: so many of its slots
-- open within its cooldown.
-- :name task_needs
SELECT coalesce(sum((86400000 + k.interval_ms - 1) / k.interval_ms * k.copies *
		b.micros), 0),
	coalesce(max((CASE WHEN k.cooldown_ms > k.interval_ms THEN k.cooldown_ms
		ELSE k.interval_ms END + k.interval_ms - 1) / k.interval_ms *
		k.copies), 0)
FROM task k CROSS JOIN best_reward b WHERE k.state = 'active' AND b.task = k.id
	AND (?1 = '' OR k.name = ?1);

-- What became of what was given from ?1 on and before ?2; ?3 and ?4 are what
-- standing takes.
-- :name assignment_sums
-- :columns given paid late silent new_given new_paid workers networks
SELECT count(*), coalesce(sum(g.paid), 0),
	coalesce(sum(CASE WHEN g.answered = 1 AND g.paid = 0 THEN 1 ELSE 0 END), 0),
	coalesce(sum(CASE WHEN g.answered = 0 THEN 1 ELSE 0 END), 0),
	coalesce(sum(g.is_new), 0), coalesce(sum(g.is_new * g.paid), 0),
	count(DISTINCT CASE WHEN g.paid = 1 THEN g.worker END),
	count(DISTINCT CASE WHEN g.paid = 1 THEN g.network END)
FROM (SELECT a.worker,
		CASE WHEN a.network = '' THEN CAST(a.worker AS TEXT) ELSE a.network
		END AS network,
		CASE WHEN r.slot IS NULL THEN 0 ELSE 1 END AS answered,
		CASE WHEN t.credit = a.worker THEN 1 ELSE 0 END AS paid,
		CASE WHEN coalesce(s.results, 0) < ?3 OR coalesce(s.hours, 0) < ?4
		THEN 1 ELSE 0 END AS is_new
	FROM assignment a LEFT JOIN result r ON r.slot = a.slot
		LEFT JOIN transfer t ON t.id = r.transfer
		LEFT JOIN standing s ON s.worker = a.worker
	WHERE a.assigned_ms >= ?1 AND a.assigned_ms < ?2) g;

-- The same of each network, those first that were given most.
-- :name network_sums
-- :columns network workers given paid silent
SELECT a.network, count(DISTINCT a.worker), count(*),
	sum(CASE WHEN t.credit = a.worker THEN 1 ELSE 0 END),
	sum(CASE WHEN r.slot IS NULL THEN 1 ELSE 0 END)
FROM assignment a LEFT JOIN result r ON r.slot = a.slot
	LEFT JOIN transfer t ON t.id = r.transfer
WHERE a.assigned_ms >= ?1 AND a.assigned_ms < ?2
GROUP BY a.network ORDER BY count(*) DESC, a.network LIMIT ?3;

-- Drills given from ?1 on, those that were failed, and what all were paid.
-- :name drill_sums
SELECT count(*), count(CASE WHEN d.outcome = 'wrong' THEN 1 END),
	coalesce(sum((SELECT p.micros FROM reward p WHERE p.slot = d.slot)), 0)
FROM drill d
WHERE d.assigned_ms >= ?1;

-- :name owed_total
SELECT coalesce(sum(balance_micros), 0) FROM account WHERE id > 3;

-- Workers who are owed at least ?1.
-- :name owed_count
SELECT count(*) FROM account WHERE id > 3 AND balance_micros >= ?1;

-- Workers who aren't held and were owed at least ?1 before transfer ?2.
-- :name overdue_count
SELECT count(*) FROM account a
WHERE a.id > 3 AND a.balance_micros >= ?1 AND a.balance_micros - coalesce((
		SELECT sum(t.amount_micros) FROM transfer t
		WHERE t.credit = a.id AND t.credit > 3 AND t.id >= ?2), 0) >= ?1
	AND NOT EXISTS (SELECT 1 FROM hold h WHERE h.worker = a.id);

-- Who is held: everybody, and how many workers.
-- :name hold_count
SELECT coalesce(sum(CASE WHEN worker = 0 THEN 1 ELSE 0 END), 0),
	count(DISTINCT CASE WHEN worker = 0 THEN NULL ELSE worker END)
FROM hold;

-- :name payouts_open
SELECT count(*), coalesce(sum(amount_micros), 0) FROM payout
WHERE is_open = 1;

-- :name exception_list
SELECT kind, subject, detail FROM exceptions;

-- The pages ---------------------------------------------------------------
-- What anybody may ask for. Each reads a number of rows that is bounded.

-- A worker's payouts, the newest first.
-- :name worker_payouts
-- :columns seq reserved_ms amount_micros paid_micros state chain_id tx
SELECT p.seq, p.reserved_ms, p.amount_micros, p.paid_micros, p.state, p.chain_id,
	(SELECT e.tx FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'posted'
		AND p.state IN ('posted', 'final')
		ORDER BY e.id DESC LIMIT 1)
FROM payout p WHERE p.worker = ?1
ORDER BY p.seq DESC, p.id DESC LIMIT ?2;

-- What a worker was credited by each request, the newest first, and for how many
-- results.
-- :name worker_credits
SELECT t.at_ms, t.amount_micros,
	coalesce((SELECT d.results FROM archived d WHERE d.transfer = t.id),
		(SELECT count(*) FROM result r WHERE r.transfer = t.id)), t.kind
FROM transfer t
WHERE t.credit = ?1 AND t.credit > 3 AND t.kind IN ('credit', 'recover')
ORDER BY t.id DESC LIMIT ?2;

-- All that moved worker ?1's balance before transfer ?2, the newest first: what
-- came is positive. Of credit, for how many results.
-- :name worker_transfers
-- :columns id at_ms kind micros results
SELECT t.id, t.at_ms, t.kind, t.micros, CASE WHEN t.kind = 'credit'
	THEN coalesce((SELECT d.results FROM archived d WHERE d.transfer = t.id),
		(SELECT count(*) FROM result r WHERE r.transfer = t.id)) END
FROM (SELECT * FROM (SELECT c.id, c.at_ms, c.kind, c.amount_micros AS micros
		FROM transfer c
		WHERE c.credit = ?1 AND c.credit > 3 AND c.id < ?2
		ORDER BY c.id DESC LIMIT ?3) came
	UNION ALL
	SELECT * FROM (SELECT g.id, g.at_ms, g.kind, -g.amount_micros AS micros
		FROM transfer g
		WHERE g.debit = ?1 AND g.debit > 3 AND g.id < ?2
		ORDER BY g.id DESC LIMIT ?3) gone) t
ORDER BY t.id DESC LIMIT ?3;

-- Who holds the payouts of worker ?1: of everybody, the operator, the token.
-- :name worker_held
SELECT count(*) FILTER (WHERE worker = 0),
	count(*) FILTER (WHERE worker <> 0 AND by = 'operator'),
	count(*) FILTER (WHERE worker <> 0 AND by = 'chain')
FROM hold WHERE worker IN (0, ?1);

-- Who was paid by transfers from ?1 on, the newest ?2 of them, and the networks
-- that these came from last.
-- :name active_workers
SELECT count(*), count(DISTINCT CASE WHEN coalesce(n.network, '') = ''
	THEN CAST(w.worker AS TEXT) ELSE n.network END)
FROM (SELECT DISTINCT t.credit AS worker FROM (SELECT credit FROM transfer
		WHERE id >= ?1 AND kind = 'credit' ORDER BY id DESC LIMIT ?2) t) w
	LEFT JOIN standing n ON n.worker = w.worker;

-- The same by region.
-- :name active_regions
SELECT g.name, count(*)
FROM (SELECT DISTINCT t.credit AS worker FROM (SELECT credit FROM transfer
		WHERE id >= ?1 AND kind = 'credit' ORDER BY id DESC LIMIT ?2) t) w
	CROSS JOIN standing n CROSS JOIN region g
WHERE n.worker = w.worker AND g.id = n.region AND g.id > 0
GROUP BY g.name ORDER BY g.name LIMIT ?3;

-- Results of transfers from ?1 on, up to ?2 of them.
-- :name active_results
SELECT count(*) FROM (SELECT 1 AS one FROM result WHERE transfer >= ?1
	LIMIT ?2) r;

-- What anybody may know of tasks, but for private ones: src/ledger/profile.h.
-- :name shown_tasks
-- :columns id name state region interval_ms copies
SELECT k.id, k.name, k.state, g.name, k.interval_ms, k.copies
FROM task k LEFT JOIN region g ON g.id = k.region
WHERE k.state <> 'removed' AND k.salt IS NULL AND k.name > ?1
ORDER BY k.name LIMIT ?2;

-- The last checks of task ?1 that were paid before transfer ?2, among so many of
-- the ledger. Their order doesn't tell in which they were given.
-- :name shown_checks
-- :columns timestamp_ms success status response_ms address address_form signature
SELECT r.timestamp_ms, r.success, r.status, r.response_ms, w.address,
	r.address_form, r.signature
FROM (SELECT transfer, version, timestamp_ms, success, status, response_ms,
		address_form, signature
	FROM result WHERE transfer < ?2 ORDER BY transfer DESC LIMIT ?3) r
	CROSS JOIN task_version v CROSS JOIN transfer t CROSS JOIN worker w
WHERE v.id = r.version AND v.task = ?1 AND t.id = r.transfer AND w.id = t.credit
ORDER BY r.timestamp_ms DESC, r.signature LIMIT ?4;

-- The newest incidents of tasks that are there.
-- :name shown_incidents
-- :columns task name from_ms to_ms ended networks
SELECT i.task, k.name, i.from_ms, coalesce(i.to_ms, 9007199254740991), i.ended,
	i.networks
FROM incident i CROSS JOIN task k
WHERE k.id = i.task AND k.state <> 'removed' AND k.salt IS NULL
ORDER BY i.from_ms DESC, i.task LIMIT ?1;

-- The audit ----------------------------------------------------------------
-- Outer joins: a row that points nowhere must show, not stay away.

-- :name audit_account
SELECT a.id, a.kind, a.balance_micros, w.id IS NOT NULL
FROM account a LEFT JOIN worker w ON w.id = a.id ORDER BY a.id;

-- :name audit_version
-- :columns *version has_task
SELECT v.id, v.task, v.type, v.url, v.expected_status, v.timeout_ms,
	v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms,
	v.budget_micros, g.first_name, v.created_ms, v.hash, v.format, k.id IS NOT NULL
FROM task_version v LEFT JOIN task k ON k.id = v.task
	LEFT JOIN region g ON g.id = v.region
ORDER BY v.id;

-- :name audit_task
-- :columns id name version version_task is_alike
SELECT k.id, k.name, k.version, v.task, CASE WHEN k.type = v.type
		AND k.url = v.url
		AND k.expected_status = v.expected_status
		AND k.timeout_ms = v.timeout_ms
		AND k.reward_micros = v.reward_micros
		AND k.interval_ms = v.interval_ms AND k.copies = v.copies
		AND k.cooldown_ms = v.cooldown_ms
		AND k.budget_micros = v.budget_micros AND k.region = v.region
	THEN 1 ELSE 0 END
FROM task k LEFT JOIN task_version v ON v.id = k.version ORDER BY k.id;

-- What isn't right with the rows of the schedule: a table, the worker, the task
-- and the slot, and what it is.
-- :name audit_schedule
-- :columns table worker task slot what
SELECT 'assignment', a.worker, k.id, a.slot, 'points at what isn''t there'
FROM assignment a LEFT JOIN task k ON k.name = a.task_name
	LEFT JOIN task_version v ON v.id = a.version
WHERE k.id IS NULL OR v.task IS NULL OR v.task <> k.id
	OR NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = a.worker)
UNION ALL SELECT 'assignment', a.worker, v.task, a.slot,
	'has another reward than its definition and the worker''s tier'
FROM assignment a JOIN task_version v ON v.id = a.version
WHERE a.reward_micros <> coalesce((SELECT p.micros FROM tier_reward p
	WHERE p.worker = a.worker AND p.version = a.version
	AND p.first_slot <= a.slot AND p.next_slot > a.slot), v.reward_micros)
UNION ALL SELECT 'worker_tier', w.worker, NULL, w.first_slot,
	'counts from a slot that wasn''t the next one'
FROM worker_tier w
WHERE w.first_slot > (SELECT last_slot + 1 FROM slot_counter WHERE id = 1)
	OR EXISTS (SELECT 1 FROM worker_tier b
		WHERE b.id < w.id AND b.first_slot > w.first_slot)
UNION ALL SELECT 'assignment', a.worker, v.task, a.slot,
	'asks for another outcome than its definition'
FROM assignment a JOIN task_version v ON v.id = a.version
WHERE v.type <> a.type OR v.expected_status <> a.expected_status
	OR v.timeout_ms <> a.timeout_ms
UNION ALL SELECT 'open_slot', NULL, o.task, o.slot, 'points at what isn''t there'
FROM open_slot o WHERE NOT EXISTS (SELECT 1 FROM task k WHERE k.id = o.task)
UNION ALL SELECT 'open_slot', NULL, o.task, o.slot, 'was never given out'
FROM open_slot o WHERE o.slot NOT BETWEEN 1
	AND (SELECT last_slot FROM slot_counter WHERE id = 1)
UNION ALL SELECT 'network_slot', NULL, o.task, o.slot,
	'points at what isn''t there'
FROM network_slot o WHERE NOT EXISTS (SELECT 1 FROM task k WHERE k.id = o.task)
UNION ALL SELECT 'worker_share', t.worker, NULL, NULL,
	'points at what isn''t there'
FROM worker_share t
WHERE NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = t.worker)
	OR NOT EXISTS (SELECT 1 FROM region g WHERE g.id = t.region)
UNION ALL SELECT 'network_share', NULL, NULL, NULL, 'points at what isn''t there'
FROM network_share n
WHERE NOT EXISTS (SELECT 1 FROM region g WHERE g.id = n.region)
UNION ALL SELECT 'standing', t.worker, NULL, NULL,
	'is of a worker that isn''t there'
FROM standing t
WHERE NOT EXISTS (SELECT 1 FROM worker w WHERE w.id = t.worker)
UNION ALL SELECT 'handout', h.worker, NULL, NULL,
	'is of a worker that isn''t there, or of another address'
FROM handout h WHERE NOT EXISTS (SELECT 1 FROM worker w
	WHERE w.id = h.worker AND w.address = h.address)
UNION ALL SELECT 'level', NULL, NULL, NULL, 'points at what isn''t there'
FROM level l WHERE NOT EXISTS (SELECT 1 FROM region g WHERE g.id = l.region)
UNION ALL SELECT 'schedule', NULL, s.task, NULL, 'isn''t as its task is'
FROM schedule s LEFT JOIN task k ON k.id = s.task
WHERE k.id IS NULL OR k.region <> s.region
	OR k.state <> CASE s.paused WHEN 1 THEN 'paused' ELSE 'active' END
UNION ALL SELECT 'schedule', NULL, s.task, NULL, 'stands there twice'
FROM schedule s GROUP BY s.task HAVING count(*) > 1
UNION ALL SELECT 'schedule', NULL, k.id, NULL, 'doesn''t stand there'
FROM task k WHERE k.state <> 'removed'
	AND k.id NOT IN (SELECT task FROM schedule);

-- :name audit_transfer
-- :columns *transfer *round digest results
SELECT t.id, t.at_ms, t.kind, t.debit, t.credit, t.amount_micros, t.hash,
	t.format, o.count, o.root, o.signature, o.others, d.digest, d.results
FROM transfer t LEFT JOIN round o ON o.transfer = t.id
	LEFT JOIN archived d ON d.transfer = t.id
ORDER BY t.id;

-- Every result with the definition it was paid by, in the order in which the
-- transfers' hashes cover them.
-- :name audit_result
-- :columns *result
SELECT r.transfer, r.slot, r.version, r.cycle_ms, r.copy, r.assigned_ms,
	r.timestamp_ms, r.success, r.status, r.response_ms, r.error,
	r.address_form, r.signature, v.task, v.type, v.expected_status,
	v.timeout_ms, (SELECT p.micros FROM reward p
		WHERE p.slot = r.slot),
	v.interval_ms, v.copies,
	CASE WHEN r.copy >= v.copies AND EXISTS
		(SELECT 1 FROM witness_slot w WHERE w.slot = r.slot) THEN 0
		ELSE v.cooldown_ms END,
	CASE WHEN r.copy >= v.copies THEN (SELECT count(*) FROM drill d
		WHERE d.slot = r.slot) + (SELECT count(*) FROM witness_slot w
		WHERE w.slot = r.slot) ELSE 0 END, r.anchor, r.place, r.trace,
	r.token
FROM result r LEFT JOIN task_version v ON v.id = r.version
	LEFT JOIN transfer t ON t.id = r.transfer
ORDER BY r.transfer, r.slot;

-- :name audit_demotion
-- :columns worker at_ms after_transfer
SELECT worker, at_ms, after_transfer FROM demotion ORDER BY after_transfer, id;

-- What was credited to worker ?1 since ?2, and before transfer ?3.
-- :name audit_waiting
SELECT coalesce(sum(amount_micros), 0) FROM transfer
WHERE credit = ?1 AND credit > 3 AND kind = 'credit' AND at_ms >= ?2
	AND id < ?3;

-- :name audit_record
SELECT worker, sum(credited) FROM record GROUP BY worker ORDER BY worker;

-- Each forfeit and each reason for one: whether it is one, and what was credited
-- since then and not forfeited before it.
-- :name audit_forfeit
-- :columns transfer is_one micros since_ms credited_micros
SELECT t.id, 1, t.amount_micros, f.since_ms,
	coalesce((SELECT sum(c.amount_micros) FROM transfer c
		WHERE c.credit = t.debit AND c.credit > 3 AND c.kind = 'credit'
		AND c.id < t.id AND c.at_ms >= f.since_ms), 0)
	- coalesce((SELECT sum(b.amount_micros) FROM transfer b
		WHERE b.debit = t.debit AND b.debit > 3 AND b.kind = 'forfeit'
		AND b.id < t.id AND b.at_ms >= f.since_ms), 0)
FROM transfer t LEFT JOIN forfeit f ON f.transfer = t.id
WHERE t.kind = 'forfeit'
UNION ALL SELECT f.transfer, 0, 0, f.since_ms, 0 FROM forfeit f
WHERE NOT EXISTS (SELECT 1 FROM transfer t
	WHERE t.id = f.transfer AND t.kind = 'forfeit');

-- The assignment of worker ?1, task ?2 and slot ?3.
-- :name assignment_of_result
-- :columns version cycle_ms copy assigned_ms reward_micros
SELECT version, cycle_ms, copy, assigned_ms, reward_micros FROM assignment
WHERE worker = ?1 AND task_name = (SELECT name FROM task WHERE id = ?2)
	AND slot = ?3;

-- Slots were given in the order of their numbers; those of drills and witnesses
-- are beside the copies of a cycle.
-- :name audit_slot
-- :columns slot task cycle_ms copy assigned_ms
SELECT r.slot, v.task, r.cycle_ms, r.copy, r.assigned_ms
FROM result r CROSS JOIN task_version v
WHERE v.id = r.version AND r.copy < v.copies
ORDER BY r.slot;

-- Slots of a task that were paid twice.
-- :name audit_slot_twice
-- :columns slot task cycle_ms copy
SELECT max(r.slot), v.task, r.cycle_ms, r.copy
FROM result r CROSS JOIN task_version v
WHERE v.id = r.version AND r.copy < v.copies
GROUP BY v.task, r.cycle_ms, r.copy HAVING count(*) > 1;

-- Workers that were paid twice for a cycle.
-- :name audit_worker_twice
-- :columns slot account task cycle_ms
SELECT max(r.slot), t.credit, v.task, r.cycle_ms
FROM result r CROSS JOIN transfer t CROSS JOIN task_version v
WHERE v.id = r.version AND t.id = r.transfer
GROUP BY t.credit, v.task, r.cycle_ms HAVING count(*) > 1;

-- Every result beside the worker's previous one of the same task.
-- :name audit_worker
-- :columns account task slot cycle_ms assigned_ms cooldown_ms timestamp_ms
SELECT t.credit, v.task, r.slot, r.cycle_ms, r.assigned_ms,
	CASE WHEN r.copy >= v.copies AND EXISTS
		(SELECT 1 FROM witness_slot w WHERE w.slot = r.slot) THEN 0
		ELSE v.cooldown_ms END,
	r.timestamp_ms
FROM result r CROSS JOIN transfer t
	CROSS JOIN task_version v
WHERE v.id = r.version AND t.id = r.transfer
ORDER BY t.credit, v.task, r.slot;

-- The same in order of what was signed: two that are alike stand together.
-- :name audit_signed
-- :columns = audit_worker
SELECT t.credit, v.task, r.slot, r.cycle_ms, r.assigned_ms,
	CASE WHEN r.copy >= v.copies AND EXISTS
		(SELECT 1 FROM witness_slot w WHERE w.slot = r.slot) THEN 0
		ELSE v.cooldown_ms END,
	r.timestamp_ms
FROM result r CROSS JOIN transfer t
	CROSS JOIN task_version v
WHERE v.id = r.version AND t.id = r.transfer
ORDER BY t.credit, v.task, r.timestamp_ms, r.slot;

-- Every worker's credits in order of time.
-- :name audit_day
SELECT credit, id, at_ms, amount_micros FROM transfer
WHERE kind = 'credit' ORDER BY credit, at_ms, id;

-- The transfer of the last of the next ?2 results behind those of transfer ?1.
-- :name audit_chunk
SELECT transfer FROM result WHERE transfer > ?1
ORDER BY transfer LIMIT 1 OFFSET ?2;

-- What an earlier audit of signatures relied on.
-- :name audit_known_transfer
SELECT hash FROM transfer WHERE id = ?1;

-- :name audit_known_worker
SELECT id, address FROM worker WHERE id IN
	(SELECT t.credit FROM transfer t WHERE t.id <= ?1) ORDER BY id;

-- :name audit_known_task
SELECT id, name FROM task WHERE id <= ?1 ORDER BY id;

-- :name audit_known_version
SELECT id, hash FROM task_version WHERE id <= ?1 ORDER BY id;

-- :name audit_known_anchor
SELECT size, root FROM anchor WHERE size <= ?1 ORDER BY size;

-- All that was signed, of the results of transfers from ?1 to ?2, ?3 at most.
-- :name audit_signature
-- :columns *result *signed *round worker
SELECT r.transfer, r.slot, r.version, r.cycle_ms, r.copy, r.assigned_ms,
	r.timestamp_ms, r.success, r.status, r.response_ms, r.error,
	r.address_form, r.signature, v.task, v.type, v.expected_status,
	v.timeout_ms, v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms,
	0, r.anchor, r.place, r.trace, r.token, k.name, v.url, g.first_name,
	n.root, o.count, o.root, o.signature, o.others, w.address
FROM result r LEFT JOIN transfer t ON t.id = r.transfer
	LEFT JOIN round o ON o.transfer = r.transfer
	LEFT JOIN anchor n ON n.size = r.anchor
	LEFT JOIN worker w ON w.id = t.credit
	LEFT JOIN task_version v ON v.id = r.version
	LEFT JOIN region g ON g.id = v.region
	LEFT JOIN task k ON k.id = v.task
WHERE r.transfer BETWEEN ?1 AND ?2 AND r.transfer <= ?3
ORDER BY r.transfer, r.slot;

-- Archived credits ---------------------------------------------------------
-- src/ledger/archived.h.

-- The oldest credit that has results.
-- :name archive_first
SELECT min(transfer) FROM result;

-- Credits after ?1, up to ?2, whose results aren't needed any more: a final
-- payout of the worker has sealed them, none of its is open, and the first credit
-- that isn't sealed is more than ?3 younger, so that no payout looks at them.
-- :name archive_due
SELECT t.id, w.address FROM transfer t CROSS JOIN worker w
WHERE w.id = t.credit AND t.id > ?1 AND t.id <= ?2 AND t.kind = 'credit' AND t.format >= 2
	AND EXISTS (SELECT 1 FROM result r WHERE r.transfer = t.id)
	AND t.id <= (SELECT coalesce(max(p.verified_to), 0) FROM payout p
		WHERE p.worker = t.credit AND p.state = 'final')
	AND NOT EXISTS (SELECT 1 FROM payout p
		WHERE p.worker = t.credit AND p.is_open = 1)
	AND t.at_ms + ?3 < coalesce((SELECT n.at_ms FROM transfer n
		WHERE n.credit = t.credit AND n.credit > 3 AND n.kind = 'credit'
		AND n.id > (SELECT max(p.verified_to) FROM payout p
			WHERE p.worker = t.credit AND p.state = 'final')
		ORDER BY n.id LIMIT 1), t.at_ms + ?3 + 1)
ORDER BY t.id;

-- Where its results are; uncounted: uptime isn't counted as far as that.
-- :name archive_slots
-- :columns slot task cycle_ms assigned_ms uncounted
SELECT r.slot, v.task, r.cycle_ms, r.assigned_ms,
	CASE WHEN EXISTS (SELECT 1 FROM uptime_hour h WHERE h.task = v.task
		AND h.hour_ms >= r.cycle_ms) THEN 0 ELSE 1 END
FROM result r CROSS JOIN task_version v
WHERE r.transfer = ?1 AND v.id = r.version ORDER BY r.slot;

-- :name archived_insert
INSERT INTO archived (transfer, digest, results, from_ms, slots)
VALUES (?1, ?2, ?3, ?4, ?5);

-- :name archived_file_insert
INSERT INTO archived_file (leaf, sha256) VALUES (?1, ?2);

-- :name archived_file_get
SELECT sha256 FROM archived_file WHERE leaf = ?1;

-- Whom a transfer credits.
-- :name transfer_credit
SELECT credit FROM transfer WHERE id = ?1;

-- :name archived_drop
DELETE FROM result WHERE transfer = ?1;

-- Those after ?1, with whether their results are gone.
-- :name archived_list
-- :columns transfer digest results from_ms slots at_ms worker is_gone address
SELECT d.transfer, d.digest, d.results, d.from_ms, d.slots, t.at_ms, t.credit,
	CASE WHEN EXISTS (SELECT 1 FROM result r WHERE r.transfer = d.transfer)
		THEN 0 ELSE 1 END, w.address
FROM archived d LEFT JOIN transfer t ON t.id = d.transfer
	LEFT JOIN worker w ON w.id = t.credit
WHERE d.transfer > ?1 ORDER BY d.transfer;

-- One of them.
-- :name archived_digest
SELECT digest FROM archived WHERE transfer = ?1;

-- When the newest of them was credited; NULL: there is none.
-- :name archived_bound
SELECT max(t.at_ms) FROM archived d CROSS JOIN transfer t WHERE t.id = d.transfer;

-- What the lines of a credit don't say of its round.
-- :name round_get
SELECT count, signature FROM round WHERE transfer = ?1;

-- Payouts for people -------------------------------------------------------

-- Payouts, the newest first: ?1 is 1 for the open ones only, ?2 a worker or 0
-- for all. Since when a payout is in its state: since its step into it, or
-- since it was unposted.
-- :name payout_list
-- :columns id address seq amount_micros paid_micros state since_ms tx
SELECT p.id, w.address, p.seq, p.amount_micros, p.paid_micros, p.state,
	coalesce((SELECT min(e.at_ms) FROM payout_event e
		WHERE e.payout = p.id AND e.kind = p.state AND e.id > coalesce(
			(SELECT max(u.id) FROM payout_event u
			WHERE u.payout = p.id AND u.kind = 'unposted'), 0)),
		(SELECT max(e.at_ms) FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'unposted'),
		p.reserved_ms),
	(SELECT e.tx FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'posted'
		AND p.state IN ('posted', 'final')
		ORDER BY e.id DESC LIMIT 1)
FROM payout p CROSS JOIN worker w
WHERE w.id = p.worker AND (p.is_open >= ?1)
	AND (p.worker = ?2 OR ?2 = 0)
ORDER BY p.id DESC LIMIT ?3;

-- :name payout_count
SELECT count(*) FROM payout p
WHERE (p.is_open >= ?1)
	AND (p.worker = ?2 OR ?2 = 0);

-- A payout, the transaction and block that it is posted in, the transfer that
-- reserved it, whether it was adopted, and its authorization.
-- :name payout_show
-- :columns worker address seq amount_micros paid_micros state nonce chain_id
-- :columns token treasury reserved_ms verified_to tx reserve adopted signed_ms
-- :columns valid_after valid_before signature from_block body_bytes
SELECT p.worker, w.address, p.seq, p.amount_micros, p.paid_micros, p.state,
	p.nonce, p.chain_id, p.token, p.treasury, p.reserved_ms,
	p.verified_to,
	(SELECT e.tx FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'posted'
		AND p.state IN ('posted', 'final')
		ORDER BY e.id DESC LIMIT 1),
	(SELECT e.transfer FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'reserved'
		ORDER BY e.id LIMIT 1),
	EXISTS (SELECT 1 FROM finding f WHERE f.kind = 'payout lost'
		AND f.subject = 'payout ' || p.id),
	a.signed_ms, a.valid_after, a.valid_before, a.signature,
	a.from_block, length(a.body)
FROM payout p CROSS JOIN worker w
	LEFT JOIN "authorization" a ON a.payout = p.id
WHERE w.id = p.worker AND p.id = ?1;

-- What happened to a payout, in order.
-- :name payout_events
-- :columns id at_ms kind transfer tx block detail
SELECT id, at_ms, kind, transfer, tx, block, detail
FROM payout_event WHERE payout = ?1 ORDER BY id;

-- Up to which transfer the payouts of worker ?1 before payout ?2 had counted,
-- and the last of them. An adopted one counts up to where it was found.
-- :name payout_counted
SELECT coalesce(max(CASE WHEN p.verified_to > 0 THEN p.verified_to
	ELSE (SELECT e.transfer - 1 FROM payout_event e
		WHERE e.payout = p.id AND e.kind = 'reserved') END), 0),
	coalesce(max(p.id), 0)
FROM payout p WHERE p.worker = ?1 AND p.id < ?2;

-- What those payouts took of the worker's balance after that, ?3.
-- :name payout_taken
SELECT coalesce(sum(t.amount_micros), 0)
FROM payout p CROSS JOIN payout_event e
	CROSS JOIN transfer t
WHERE t.id = e.transfer AND e.payout = p.id AND p.worker = ?1 AND p.id < ?2
	AND e.kind = 'reserved' AND t.id > ?3;

-- A worker's balance after transfer ?2.
-- :name balance_at
SELECT coalesce((SELECT sum(amount_micros) FROM transfer
		WHERE credit = ?1 AND credit > 3 AND id <= ?2), 0)
	- coalesce((SELECT sum(amount_micros) FROM transfer
		WHERE debit = ?1 AND debit > 3 AND id <= ?2), 0);

-- What moved a worker's balance after transfer ?2 and up to ?3, but for what
-- payouts reserved: how much, for how many results, for which payout.
-- :name payout_lines
-- :columns id at_ms kind micros results payout
SELECT t.id, t.at_ms, t.kind, CASE WHEN t.debit = ?1 THEN -t.amount_micros
		ELSE t.amount_micros END,
	coalesce((SELECT d.results FROM archived d WHERE d.transfer = t.id),
		(SELECT count(*) FROM result r WHERE r.transfer = t.id)),
	CASE WHEN t.kind = 'credit' THEN NULL ELSE (SELECT p.id
		FROM payout p CROSS JOIN payout_event e
		WHERE e.payout = p.id AND p.worker = ?1 AND e.transfer = t.id) END
FROM (SELECT id FROM transfer
		WHERE credit = ?1 AND credit > 3 AND id > ?2 AND id <= ?3
	UNION ALL SELECT d.id FROM transfer d
		WHERE d.debit = ?1 AND d.debit > 3 AND d.id > ?2 AND d.id <= ?3
		AND NOT EXISTS (SELECT 1 FROM payout p
			CROSS JOIN payout_event e
			WHERE e.payout = p.id AND p.worker = ?1 AND e.transfer = d.id
			AND e.kind = 'reserved')) i
	CROSS JOIN transfer t
WHERE t.id = i.id
ORDER BY t.id;

-- The results behind the credits among them.
-- :name payout_results
-- :columns transfer slot timestamp_ms task success status error reward_micros
-- :columns outcome
SELECT t.id, r.slot, r.timestamp_ms, k.name, r.success, r.status, r.error,
	(SELECT p.micros FROM reward p WHERE p.slot = r.slot),
	CASE r.success WHEN 1 THEN 'up' ELSE 'down' END
FROM transfer t CROSS JOIN result r
	CROSS JOIN task_version v
	CROSS JOIN task k
WHERE k.id = v.task AND v.id = r.version AND r.transfer = t.id
	AND t.credit = ?1 AND t.credit > 3 AND t.id > ?2 AND t.id <= ?3
ORDER BY t.id, r.slot;

-- :name hold_list
-- :columns address who by since_ms reason
SELECT w.address, CASE h.worker WHEN 0 THEN 'everybody' ELSE w.address END,
	h.by, h.since_ms, h.reason
FROM hold h LEFT JOIN worker w ON w.id = h.worker
ORDER BY h.worker, h.by;

-- By whom a worker is held, besides ?2.
-- :name hold_by
SELECT count(*) FILTER (WHERE by = ?2), count(*) FILTER (WHERE by <> ?2)
FROM hold WHERE worker = ?1;

-- ?1 is 1 to have those, too, that a person has closed.
-- :name finding_list
-- :columns id at_ms kind subject detail closed_ms since_ms last_ms times
-- :columns closed_by
SELECT id, at_ms, kind, subject, detail, closed_ms, since_ms, last_ms, times,
	closed_by
FROM finding
WHERE CAST(?1 AS BIGINT) = 1 OR closed_ms IS NULL ORDER BY id;

-- :name finding_get
SELECT kind, subject, closed_ms FROM finding WHERE id = ?1;

-- :name finding_close
UPDATE finding SET closed_ms = ?2, closed_by = 'person'
WHERE id = ?1 AND closed_ms IS NULL;

-- Where the newest payout on chain ?1 (0: any) was made from.
-- :name treasury_last
SELECT treasury FROM payout WHERE chain_id = ?1 OR ?1 = 0
ORDER BY id DESC LIMIT 1;

-- What was earned by transfers from ?1 on, in spans of ?3 ms that end at ?2,
-- the newest first.
-- :name earned_spans
SELECT (?2 - at_ms) / ?3, sum(amount_micros), count(*)
FROM transfer
WHERE id >= ?1 AND kind = 'credit' AND at_ms <= ?2
GROUP BY 1 ORDER BY 1;

-- The audit of payouts -----------------------------------------------------

-- Every event in order, and whether its payout exists.
-- :name audit_event
-- :columns *event has_payout
SELECT e.id, e.payout, e.at_ms, e.kind, coalesce(e.transfer, 0),
	coalesce(e.tx, ''), coalesce(e.block, 0), e.detail, e.hash,
	e.format, p.id IS NOT NULL
FROM payout_event e LEFT JOIN payout p ON p.id = e.payout ORDER BY e.id;

-- The transfers that payouts made, in the order in which their events are.
-- :name audit_moved
SELECT id FROM transfer WHERE kind NOT IN ('credit', 'forfeit') ORDER BY id;

-- Every payout with its events and what each moved; the findings that say
-- that it was adopted, and that the chain paid another amount; what its nonce
-- is made of.
-- :name audit_payout
-- :columns id worker seq amount_micros paid_micros state has_authorization
-- :columns adopted differs event kind transfer transfer_kind debit credit
-- :columns moved_micros has_tx nonce chain_id token treasury address
-- :columns verified_to verified_micros seal verified_hash
SELECT p.id, p.worker, p.seq, p.amount_micros, p.paid_micros, p.state,
	a.payout IS NOT NULL,
	EXISTS (SELECT 1 FROM finding f WHERE f.kind = 'payout lost'
		AND f.subject = 'payout ' || p.id),
	EXISTS (SELECT 1 FROM finding f WHERE f.kind = 'amount differs'
		AND f.subject = 'payout ' || p.id),
	e.id, e.kind, t.id, t.kind, t.debit, t.credit, t.amount_micros,
	e.tx IS NOT NULL, p.nonce, p.chain_id, p.token, p.treasury, w.address,
	p.verified_to, p.verified_micros, p.seal,
	(SELECT v.hash FROM transfer v WHERE v.id = p.verified_to)
FROM payout p LEFT JOIN worker w ON w.id = p.worker
	LEFT JOIN "authorization" a ON a.payout = p.id
	LEFT JOIN payout_event e ON e.payout = p.id
	LEFT JOIN transfer t ON t.id = e.transfer
ORDER BY p.worker, p.seq, p.id, e.id;

-- What is published: src/ledger/publication.h -------------------------------

-- Every definition of every task, those of a task in their order.
-- :name publish_task
-- :columns *definition
SELECT k.id, k.name, k.state, v.id, v.url, v.expected_status, v.timeout_ms,
	v.interval_ms, v.copies, v.cooldown_ms, g.name, v.created_ms, k.salt,
	g.first_name
FROM task k CROSS JOIN task_version v CROSS JOIN region g
WHERE v.task = k.id AND g.id = v.region
ORDER BY k.id, v.id;

-- The definition ?1.
-- :name publish_definition
-- :columns *definition
SELECT k.id, k.name, k.state, v.id, v.url, v.expected_status, v.timeout_ms,
	v.interval_ms, v.copies, v.cooldown_ms, g.name, v.created_ms, k.salt,
	g.first_name
FROM task_version v CROSS JOIN task k CROSS JOIN region g
WHERE v.id = ?1 AND k.id = v.task AND g.id = v.region;

-- Paid checks of slots after ?1: those that aren't drills (?2 is 0), or are (1).
-- :name publish_result
-- :columns slot task version cycle_ms copy assigned_ms address timestamp_ms
-- :columns success status response_ms error address_form signature
-- :columns transfer anchor place trace token region network
SELECT r.slot, v.task, r.version, r.cycle_ms, r.copy, r.assigned_ms,
	w.address, r.timestamp_ms, r.success, r.status, r.response_ms, r.error,
	r.address_form, r.signature, r.transfer, r.anchor, r.place, r.trace,
	r.token, g.first_name,
	coalesce((SELECT o.name FROM worker_network n CROSS JOIN network o
		WHERE n.worker = t.credit AND n.from_transfer <= t.id
		AND o.id = n.network
		ORDER BY n.from_transfer DESC LIMIT 1), '')
FROM result r CROSS JOIN task_version v CROSS JOIN transfer t
	CROSS JOIN worker w CROSS JOIN region g
WHERE r.slot > ?1 AND v.id = r.version AND t.id = r.transfer
	AND w.id = t.credit AND g.id = v.region
	AND CASE WHEN EXISTS (SELECT 1 FROM drill d WHERE d.slot = r.slot)
		THEN 1 ELSE 0 END = CAST(?2 AS BIGINT)
ORDER BY r.slot;

-- :name publish_drill_slots
SELECT slot FROM drill WHERE assigned_ms >= ?1 AND assigned_ms < ?2 ORDER BY slot;

-- :name publish_maintenance
-- :columns id name from_ms to_ms ended_ms noted_ms why salt
SELECT m.id, k.name, m.from_ms, m.to_ms, coalesce(m.ended_ms, -1), m.noted_ms,
	m.why, k.salt
FROM maintenance m CROSS JOIN task k
WHERE k.id = m.task
ORDER BY m.id;

-- The results that transfer ?1 paid, and their round. What of them is a drill
-- isn't asked.
-- :name round_results
-- :columns *result *signed *round address
SELECT r.transfer, r.slot, r.version, r.cycle_ms, r.copy, r.assigned_ms,
	r.timestamp_ms, r.success, r.status, r.response_ms, r.error,
	r.address_form, r.signature, v.task, v.type, v.expected_status,
	v.timeout_ms, v.reward_micros, v.interval_ms, v.copies, v.cooldown_ms,
	0, r.anchor, r.place, r.trace, r.token, k.name, v.url, g.first_name,
	n.root, o.count, o.root, o.signature, o.others, w.address
FROM result r CROSS JOIN round o CROSS JOIN transfer t CROSS JOIN worker w
	CROSS JOIN task_version v CROSS JOIN task k CROSS JOIN region g
	CROSS JOIN anchor n
WHERE r.transfer = ?1 AND o.transfer = ?1 AND t.id = ?1 AND w.id = t.credit
	AND v.id = r.version AND k.id = v.task AND g.id = v.region
	AND n.size = r.anchor;

-- What was given from ?1 on and is still known, but for drills.
-- :name publish_assignment
-- :columns slot task version cycle_ms copy assigned_ms address network
SELECT a.slot, v.task, a.version, a.cycle_ms, a.copy, a.assigned_ms,
	w.address, a.network
FROM assignment a CROSS JOIN task_version v CROSS JOIN worker w
WHERE a.assigned_ms >= ?1 AND v.id = a.version AND w.id = a.worker
	AND NOT EXISTS (SELECT 1 FROM drill d WHERE d.slot = a.slot);

-- Slots whose holder's answer was refused, behind row ?1.
-- :name publish_refused
-- :columns *refused
SELECT id, slot, cycle_ms, address, reason, at_ms FROM refused_slot
WHERE id > ?1 ORDER BY id;

-- :name publish_refused_slot
-- :columns *refused
SELECT id, slot, cycle_ms, address, reason, at_ms FROM refused_slot
WHERE slot = ?1;

-- The last slot that was given.
-- :name publish_last_slot
SELECT last_slot FROM slot_counter WHERE id = 1;

-- When it was given.
-- :name publish_given_ms
SELECT given_ms FROM slot_counter WHERE id = 1;

-- The longest that anything was, or is, paid after it was assigned.
-- :name publish_window
SELECT max(result_window_ms) FROM terms;

-- The furthest that a paid result's time was, or is, from its assignment's.
-- :name publish_within
SELECT max(result_window_ms + clock_skew_ms) FROM terms;

-- Payouts that are settled for ever, and where the chain shows them.
-- :name publish_payout
-- :columns address seq paid_micros nonce chain_id tx block at_ms
SELECT w.address, p.seq, p.paid_micros, p.nonce, p.chain_id,
	coalesce((SELECT e.tx FROM payout_event e WHERE e.payout = p.id
		AND e.tx IS NOT NULL ORDER BY e.id DESC LIMIT 1), ''),
	coalesce((SELECT e.block FROM payout_event e WHERE e.payout = p.id
		AND e.block IS NOT NULL ORDER BY e.id DESC LIMIT 1), 0),
	coalesce((SELECT max(e.at_ms) FROM payout_event e
		WHERE e.payout = p.id), 0)
FROM payout p CROSS JOIN worker w
WHERE p.state = 'final' AND w.id = p.worker
ORDER BY p.id;

-- :name publish_forfeit
-- :columns transfer hash address amount_micros at_ms since_ms by why
SELECT t.id, t.hash, w.address, t.amount_micros, t.at_ms, f.since_ms, f.by,
	f.why
FROM forfeit f CROSS JOIN transfer t CROSS JOIN worker w
WHERE t.id = f.transfer AND w.id = t.debit
ORDER BY t.id;

-- The keys of drills, as far as they are shown.
-- :name publish_drill_key
SELECT day, hash, key FROM drill_key ORDER BY day;
