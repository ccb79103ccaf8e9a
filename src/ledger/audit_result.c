/* The audit of results: each by itself, then in the order of slots. */
#include <inttypes.h>

#include "ledger/audit_part.h"
#include "ledger/cycle.h"

/* When the result was paid, against when it was assigned and carried out. */
static void
times_check(
    struct audit *a, const struct transfer_row *t, const struct result_row *r)
{
	int64_t window_ms = a->o->result_window_ms, age_ms;

	if (!audit_is_time(t->at_ms))
		return; /* told of the transfer */
	age_ms = t->at_ms - r->assigned_ms;
	if (age_ms < 0)
		audit_found(a, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms before it was assigned",
		    r->slot, -age_ms);
	else if (age_ms > window_ms)
		audit_found(a, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms after it was assigned, allowed %" PRId64,
		    r->slot, age_ms, window_ms);
	age_ms = t->at_ms - r->timestamp_ms;
	if (age_ms > window_ms)
		audit_found(a, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its "
		    "timestamp is %" PRId64 " ms old, allowed %" PRId64,
		    r->slot, age_ms, window_ms);
	else if (age_ms < -CLOCK_SKEW_MS)
		audit_found(a, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its "
		    "timestamp is %" PRId64 " ms ahead, allowed %d",
		    r->slot, -age_ms, CLOCK_SKEW_MS);
}

/* The slot's place in the schedule of the task. */
static void
place_check(
    struct audit *a, const struct result_row *r, const struct version_row *v)
{
	if (r->slot < 1 || r->slot > a->last_slot)
		audit_found(a, AUDIT_SLOT,
		    "slot %" PRId64 ": only 1 to "
		    "%" PRId64 " were given out",
		    r->slot, a->last_slot);
	if (r->copy >= v->copies)
		audit_found(a, AUDIT_COPY,
		    "slot %" PRId64 ": is copy %" PRId64
		    ", its task has %" PRId64,
		    r->slot, r->copy, v->copies);
	if (v->interval_ms <= 0 || v->interval_ms > JSON_INT_MAX)
		audit_found(a, AUDIT_CYCLE,
		    "slot %" PRId64 ": its task's "
		    "interval is out of range",
		    r->slot);
	else if (cycle_at(v->task, v->interval_ms, r->assigned_ms) !=
	    r->cycle_ms)
		audit_found(a, AUDIT_CYCLE,
		    "slot %" PRId64 ": wasn't assigned "
		    "in its cycle",
		    r->slot);
}

/*
 * Assignments are kept as long as a payment may depend on one, see
 * schedule.c; a result that is younger must still have its own.
 */
static enum rc
assignment_check(struct audit *a, const struct transfer_row *t,
    const struct result_row *r, const struct version_row *v, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	if (r->assigned_ms <=
	    a->now_ms - (2 * a->o->result_window_ms + CLOCK_SKEW_MS))
		return RC_OK;
	audit_checked(a, AUDIT_ASSIGNMENT, 1);
	q = db_query(a->db, Q_AUDIT_ASSIGNMENT);
	query_int(q, 1, t->credit);
	query_int(q, 2, v->task);
	query_int(q, 3, r->slot);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && !row)
		audit_found(a, AUDIT_ASSIGNMENT,
		    "slot %" PRId64 ": wasn't "
		    "assigned to the worker of account %" PRId64,
		    r->slot, t->credit);
	else if (rc == RC_OK &&
	    (query_get_int(q, 0) != r->version ||
		query_get_int(q, 1) != r->cycle_ms ||
		query_get_int(q, 2) != r->copy ||
		query_get_int(q, 3) != r->assigned_ms))
		audit_found(a, AUDIT_ASSIGNMENT,
		    "slot %" PRId64 ": its "
		    "assignment says otherwise",
		    r->slot);
	query_done(q);
	return rc;
}

enum rc
audit_result_check(struct audit *a, const struct transfer_row *t,
    const struct result_row *r, const struct version_row *v, struct err *e)
{
	times_check(a, t, r);
	place_check(a, r, v);
	return assignment_check(a, t, r, v, e);
}

/*
 * A task gives its slots in the order of their numbers, cycle after cycle,
 * copy after copy. So it is enough to look at the one before: where cycle
 * and copy always rise, none comes twice.
 */
static void
slot_check(struct audit *a, struct audit_task *t, int64_t slot,
    int64_t cycle_ms, int64_t copy)
{
	if (t->slot != 0 &&
	    (cycle_ms < t->cycle_ms ||
		(cycle_ms == t->cycle_ms && copy <= t->copy)))
		audit_found(a, AUDIT_PAID_ONCE,
		    "slot %" PRId64 ": copy %" PRId64 " of cycle %" PRId64
		    " of task %" PRId64 " comes after copy %" PRId64
		    " of cycle %" PRId64 " (slot %" PRId64 ")",
		    slot, copy, cycle_ms, t->id, t->copy, t->cycle_ms, t->slot);
	t->slot = slot;
	t->cycle_ms = cycle_ms;
	t->copy = copy;
}

enum rc
audit_slots(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_SLOT);
	struct audit_task *t;
	int64_t n = 0;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		t = audit_task_find(a, query_get_int(q, 1));
		if (t != NULL)
			slot_check(a, t, query_get_int(q, 0),
			    query_get_int(q, 2), query_get_int(q, 3));
		if ((++n & 0xfff) == 0)
			audit_tick(a, "slots", n, a->report->results);
	}
	query_done(q);
	audit_checked(a, AUDIT_PAID_ONCE, n);
	return rc;
}

/* One result of a worker and a task. */
struct turn {
	int64_t worker;
	int64_t task;
	int64_t slot;
	int64_t cycle_ms;
	int64_t assigned_ms;
	int64_t cooldown_ms;
};

static void
turn_read(struct turn *t, struct query *q)
{
	t->worker = query_get_int(q, 0);
	t->task = query_get_int(q, 1);
	t->slot = query_get_int(q, 2);
	t->cycle_ms = query_get_int(q, 3);
	t->assigned_ms = query_get_int(q, 4);
	t->cooldown_ms = query_get_int(q, 5);
}

static void
turn_check(struct audit *a, const struct turn *t, const struct turn *before)
{
	int64_t cooldown_ms, gap_ms;

	if (t->cycle_ms <= before->cycle_ms)
		audit_found(a, AUDIT_COOLDOWN,
		    "slot %" PRId64 ": the worker "
		    "of account %" PRId64 " was paid for slot %" PRId64
		    " in the same cycle or a later one",
		    t->slot, t->worker, before->slot);
	/*
	 * Where an edit made the cooldown longer, the assignment before may
	 * have been forgotten by then: the shorter one holds.
	 */
	cooldown_ms = t->cooldown_ms < before->cooldown_ms
	    ? t->cooldown_ms
	    : before->cooldown_ms;
	if (!audit_is_time(t->assigned_ms) ||
	    !audit_is_time(before->assigned_ms))
		return; /* told of the result */
	gap_ms = t->assigned_ms - before->assigned_ms;
	if (gap_ms < cooldown_ms)
		audit_found(a, AUDIT_COOLDOWN,
		    "slot %" PRId64 ": assigned to "
		    "the worker of account %" PRId64 " %" PRId64 " ms after "
		    "slot %" PRId64 ", cooldown %" PRId64,
		    t->slot, t->worker, gap_ms, before->slot, cooldown_ms);
}

enum rc
audit_workers(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_WORKER);
	struct turn t, before = { .slot = 0 };
	int64_t n = 0;
	enum rc rc;
	bool row;

	audit_tick(a, "sorting by worker", 0, 0);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		turn_read(&t, q);
		if (n > 0 && t.worker == before.worker && t.task == before.task)
			turn_check(a, &t, &before);
		before = t;
		if ((++n & 0xfff) == 0)
			audit_tick(a, "workers", n, a->report->results);
	}
	query_done(q);
	audit_checked(a, AUDIT_COOLDOWN, n);
	return rc;
}
