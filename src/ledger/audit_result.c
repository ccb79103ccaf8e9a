/* The audit of results beside each other: in the order of slots, of workers. */
#include <inttypes.h>

#include "base/clock.h"
#include "ledger/audit_part.h"

/*
 * A task gives its slots in the order of their numbers, cycle after cycle,
 * copy after copy. So it is enough to look at the one before: where cycle
 * and copy always rise, none comes twice. True is returned where they don't,
 * and neither does the time: the clock was set back.
 */
static bool
slot_check(struct audit *a, struct audit_task *t, int64_t slot,
    int64_t cycle_ms, int64_t copy, int64_t assigned_ms)
{
	const bool back =
	    cycle_ms < t->cycle_ms && assigned_ms < t->assigned_ms;

	if (t->slot != 0 && !back &&
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
	t->assigned_ms = assigned_ms;
	return back;
}

/* After a clock was set back, all are looked for that were paid twice. */
static void
slot_twice(struct audit *a, struct query *q)
{
	audit_found(a, AUDIT_PAID_ONCE,
	    "slot %" PRId64 ": copy %" PRId64 " of cycle %" PRId64
	    " of task %" PRId64 " was paid before, and the clock was set back",
	    query_get_int(q, C_AUDIT_SLOT_TWICE_SLOT),
	    query_get_int(q, C_AUDIT_SLOT_TWICE_COPY),
	    query_get_int(q, C_AUDIT_SLOT_TWICE_CYCLE_MS),
	    query_get_int(q, C_AUDIT_SLOT_TWICE_TASK));
}

static void
worker_twice(struct audit *a, struct query *q)
{
	audit_found(a, AUDIT_COOLDOWN,
	    "slot %" PRId64 ": the worker of account %" PRId64
	    " was paid before for cycle %" PRId64 " of task %" PRId64
	    ", and the clock was set back",
	    query_get_int(q, C_AUDIT_WORKER_TWICE_SLOT),
	    query_get_int(q, C_AUDIT_WORKER_TWICE_ACCOUNT),
	    query_get_int(q, C_AUDIT_WORKER_TWICE_CYCLE_MS),
	    query_get_int(q, C_AUDIT_WORKER_TWICE_TASK));
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
		t = audit_task_find(a, query_get_int(q, C_AUDIT_SLOT_TASK));
		if (t != NULL &&
		    slot_check(a, t, query_get_int(q, C_AUDIT_SLOT_SLOT),
			query_get_int(q, C_AUDIT_SLOT_CYCLE_MS),
			query_get_int(q, C_AUDIT_SLOT_COPY),
			query_get_int(q, C_AUDIT_SLOT_ASSIGNED_MS)))
			a->set_back = true;
		if ((++n & 0xfff) == 0)
			audit_tick(a, "slots", n, a->report->results);
	}
	query_done(q);
	audit_checked(a, AUDIT_PAID_ONCE, n);
	return rc == RC_OK && a->set_back
	    ? audit_each(a, Q_AUDIT_SLOT_TWICE, AUDIT_PAID_ONCE, slot_twice, e)
	    : rc;
}

static void
beside_read(struct beside *t, struct query *q)
{
	t->worker = query_get_int(q, C_AUDIT_WORKER_ACCOUNT);
	t->task = query_get_int(q, C_AUDIT_WORKER_TASK);
	t->slot = query_get_int(q, C_AUDIT_WORKER_SLOT);
	t->cycle_ms = query_get_int(q, C_AUDIT_WORKER_CYCLE_MS);
	t->assigned_ms = query_get_int(q, C_AUDIT_WORKER_ASSIGNED_MS);
	t->cooldown_ms = query_get_int(q, C_AUDIT_WORKER_COOLDOWN_MS);
	t->timestamp_ms = query_get_int(q, C_AUDIT_WORKER_TIMESTAMP_MS);
}

/* What each result must be beside the one before it, in the order of q. */
static enum rc
beside_check(struct audit *a, enum query_id order, const char *stage,
    void (*rule)(
	const struct rules *, const struct beside *, const struct beside *),
    int64_t *n, struct err *e)
{
	struct query *q = db_query(a->db, order);
	struct beside t, before = { .slot = 0 };
	enum rc rc;
	bool row;

	*n = 0;
	audit_tick(a, stage, 0, 0);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		beside_read(&t, q);
		if (*n > 0)
			rule(&a->rules, &t, &before);
		before = t;
		if ((++*n & 0xfff) == 0)
			audit_tick(a, stage, *n, a->report->results);
	}
	query_done(q);
	return rc;
}

static enum rc
days_check(struct audit *a, struct err *e)
{
	struct day d = { .worker = 0 };
	struct day_credit c;
	struct query *q;
	int64_t n = 0;
	enum rc rc;
	bool row;

	if (a->rules.max_day_micros == 0)
		return RC_OK;
	q = db_query(a->db, Q_AUDIT_DAY);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (query_get_int(q, 0) != d.worker)
			rule_day_begin(&d, query_get_int(q, 0));
		c = (struct day_credit){ query_get_int(q, 1),
			query_get_int(q, 2), query_get_int(q, 3) };
		rc = rule_day(&a->rules, &d, &c, e);
		if (rc != RC_OK)
			break;
		if ((++n & 0xfff) == 0)
			audit_tick(a, "days", n, 0);
	}
	query_done(q);
	rule_day_free(&d);
	audit_checked(a, AUDIT_DAY, n);
	return rc;
}

enum rc
audit_workers(struct audit *a, struct err *e)
{
	int64_t n;
	enum rc rc;

	rc = beside_check(
	    a, Q_AUDIT_WORKER, "workers by slot", rule_beside, &n, e);
	audit_checked(a, AUDIT_COOLDOWN, n);
	if (rc == RC_OK && a->set_back)
		rc = audit_each(
		    a, Q_AUDIT_WORKER_TWICE, AUDIT_COOLDOWN, worker_twice, e);
	if (rc == RC_OK)
		rc = beside_check(a, Q_AUDIT_SIGNED, "workers by time",
		    rule_signed_once, &n, e);
	audit_checked(a, AUDIT_SIGNED_ONCE, n);
	return rc == RC_OK ? days_check(a, e) : rc;
}
