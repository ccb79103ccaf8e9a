// What the peer keeps: tasks, assignments, what was paid. better-sqlite3 is
// synchronous, so a transaction here is never interleaved with another.

import { readFileSync } from 'node:fs';

import Database from 'better-sqlite3';

const MAX_TASKS_PER_POLL = 10;
const REOFFER_AFTER_MS = 60_000;

export function openLedger(path, windowMs) {
	const db = new Database(path);
	db.pragma('journal_mode = WAL');
	db.pragma('synchronous = FULL');
	db.pragma('foreign_keys = ON');
	db.exec(readFileSync(new URL('schema.sql', import.meta.url), 'utf8'));

	const tasksOfRegion = db.prepare(`SELECT * FROM task
		WHERE active AND region IN ('', ?) ORDER BY id`);
	const taskById = db.prepare('SELECT * FROM task WHERE id = ?');
	const lastAssignment = db.prepare(`SELECT cycle_ms, assigned_ms
		FROM assignment WHERE worker = ? AND task = ?
		ORDER BY cycle_ms DESC LIMIT 1`);
	const slotsOfCycle = db.prepare(`SELECT a.copy,
		max(a.assigned_ms) AS assigned_ms, r.task IS NOT NULL AS paid
		FROM assignment a LEFT JOIN result r USING (task, cycle_ms, copy)
		WHERE a.task = ? AND a.cycle_ms = ? GROUP BY a.copy`);
	const unansweredOf = db.prepare(`SELECT k.* FROM assignment a
		JOIN task k ON k.id = a.task
		LEFT JOIN result r USING (task, cycle_ms, copy)
		WHERE a.worker = ? AND a.assigned_ms >= ? AND r.task IS NULL
		ORDER BY a.assigned_ms, k.id LIMIT ?`);
	const addWorker = db.prepare(`INSERT INTO worker VALUES (?, 0)
		ON CONFLICT DO NOTHING`);
	const addAssignment = db.prepare(
		'INSERT INTO assignment VALUES (?, ?, ?, ?, ?)');
	const assignmentsOf = db.prepare(`SELECT a.cycle_ms, a.copy,
		a.assigned_ms, r.worker AS paid_to, r.timestamp_ms AS paid_for
		FROM assignment a LEFT JOIN result r USING (task, cycle_ms, copy)
		WHERE a.worker = ? AND a.task = ? ORDER BY a.cycle_ms`);
	const addResult = db.prepare(`INSERT INTO result
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
	const addBalance = db.prepare(`UPDATE worker
		SET balance_micros = balance_micros + ? WHERE address = ?`);

	// The copy of the task's running cycle that the worker may have.
	function freeCopy(task, worker, cycleMs, now) {
		const last = lastAssignment.get(worker, task.id);
		if (last !== undefined && (last.cycle_ms >= cycleMs ||
		    now - last.assigned_ms < task.cooldown_ms))
			return undefined;
		const slots = slotsOfCycle.all(task.id, cycleMs);
		if (slots.length < task.copies)
			return slots.length;
		return slots.find((slot) => !slot.paid && now -
			slot.assigned_ms > task.timeout_ms +
			REOFFER_AFTER_MS)?.copy;
	}

	const give = db.transaction((worker, region, now) => {
		const given = unansweredOf.all(worker, now - windowMs,
			MAX_TASKS_PER_POLL);
		for (const task of tasksOfRegion.all(region)) {
			if (given.length === MAX_TASKS_PER_POLL)
				break;
			const cycleMs = now - now % task.interval_ms;
			const copy = freeCopy(task, worker, cycleMs, now);
			if (copy === undefined)
				continue;
			if (given.length === 0)
				addWorker.run(worker);
			addAssignment.run(worker, task.id, cycleMs, copy, now);
			given.push(task);
		}
		return given;
	});

	// The slot that a result is for, or why there is none.
	function slotOf({ taskId, timestamp }, worker, now) {
		const rows = assignmentsOf.all(worker, taskId);
		const paid = rows.filter((row) => row.paid_to !== null);
		const open = rows.filter((row) => row.paid_to === null);
		if (paid.some((row) => row.paid_to === worker &&
		    row.paid_for === timestamp))
			return { reason: 'already recorded' };
		const slot = open.find((row) => now - row.assigned_ms <=
			windowMs);
		if (slot !== undefined)
			return { slot };
		if (paid.some((row) => row.paid_to !== worker))
			return { reason: 'slot taken by another worker' };
		return { reason: open.length > 0 ? 'assignment expired' :
			'not assigned' };
	}

	// Pays what is still unpaid now; sets reward or reason of each claim.
	const credit = db.transaction((claims, now) => {
		for (const claim of claims) {
			const { result, task, worker } = claim;
			const { slot, reason } = slotOf(result, worker, now);
			if (slot === undefined) {
				claim.reason = reason;
				continue;
			}
			addResult.run(task.id, slot.cycle_ms, slot.copy, worker,
				task.reward_micros, result.timestamp,
				result.success ? 1 : 0,
				result.statusCode ?? null,
				result.responseTimeMs ?? null,
				result.error ?? null, result.signature);
			addBalance.run(task.reward_micros, worker);
			claim.reward = task.reward_micros;
		}
	});

	return {
		task: (id) => taskById.get(id),
		slotOf,
		give: give.immediate,
		credit: credit.immediate,
		close: () => db.close(),
	};
}
