#include "ledger/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/cycle.h"
#include "ledger/terms.h"
#include "ledger/transfer.h"

#define ON_ITS_WAY_MS 120000LL /* slot, check and answer take less */

/* Two walks in order of the task: tasks, and cycles that were checked. */
struct walk {
	struct coverage *c;
	struct query *checked;
	bool row;     /* there is a present checked one */
	int64_t task; /* of it */
	int64_t cycle_ms;
	int64_t copies;
	int64_t phase;	 /* that counts now */
	int64_t from_ms; /* cycles that opened after this */
	int64_t to_ms;	 /* and up to this */
};

static enum rc
checked_next(struct walk *w, struct err *e)
{
	enum rc rc;

	rc = query_step(w->checked, &w->row, e);
	if (rc == RC_OK && w->row) {
		w->task = query_get_int(w->checked, 0);
		w->cycle_ms = query_get_int(w->checked, 1);
		w->copies = query_get_int(w->checked, 2);
	}
	return rc;
}

/* True when a covers less than b does. */
static bool
is_worse(const struct coverage_task *a, const struct coverage_task *b)
{
	/* At most 3,600 cycles in an hour: no overflow. */
	return a->paid * b->copies < b->paid * a->copies;
}

static void
worst_insert(struct coverage *c, const struct coverage_task *t)
{
	size_t i;

	if (c->worst_n < c->worst_max)
		i = c->worst_n++;
	else if (c->worst_max > 0 && is_worse(t, &c->worst[c->worst_n - 1]))
		i = c->worst_n - 1;
	else
		return;
	for (; i > 0 && is_worse(t, &c->worst[i - 1]); i--)
		c->worst[i] = c->worst[i - 1];
	c->worst[i] = *t;
}

/* Counts the cycles of one task; the walk of checked ones goes past it. */
static enum rc
task_count(struct walk *w, struct query *q, struct err *e)
{
	int64_t id = query_get_int(q, C_TASK_CYCLES_TASK),
		interval_ms = query_get_int(q, C_TASK_CYCLES_INTERVAL_MS);
	int64_t created_ms = query_get_int(q, C_TASK_CYCLES_CREATED_MS), first,
		last;
	int64_t from_ms = w->from_ms > created_ms ? w->from_ms : created_ms;
	struct coverage_task t = { .opened = 0 };
	int64_t copies = query_get_int(q, C_TASK_CYCLES_COPIES);
	struct slice name = query_get_text(q, C_TASK_CYCLES_NAME);
	enum rc rc = RC_OK;

	if (interval_ms <= 0 || from_ms >= w->to_ms)
		return RC_OK;
	first = cycle_at(w->phase, id, interval_ms, from_ms);
	last = cycle_at(w->phase, id, interval_ms, w->to_ms);
	t.opened = (last - first) / interval_ms;
	while (rc == RC_OK && w->row && w->task < id)
		rc = checked_next(w, e);
	t.copies = t.opened * copies;
	for (; rc == RC_OK && w->row && w->task == id; rc = checked_next(w, e))
		if (w->cycle_ms > first && w->cycle_ms <= last) {
			t.checked++;
			t.paid += w->copies < copies ? w->copies : copies;
		}
	if (rc != RC_OK || t.opened == 0)
		return rc;
	memcpy(t.name, name.p, name.len < TASK_ID_MAX ? name.len : TASK_ID_MAX);
	w->c->tasks++;
	w->c->opened += t.opened;
	w->c->checked += t.checked;
	w->c->copies += t.copies;
	w->c->paid += t.paid;
	w->c->incomplete += t.paid < t.copies;
	worst_insert(w->c, &t);
	return RC_OK;
}

static enum rc
tasks_count(struct walk *w, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_CYCLES);
	enum rc rc;
	bool row;

	rc = checked_next(w, e);
	while (rc == RC_OK && (rc = query_step(q, &row, e)) == RC_OK && row)
		rc = task_count(w, q, e);
	query_done(q);
	return rc;
}

enum rc
coverage_read(struct coverage *c, struct db *db, size_t worst, int64_t now_ms,
    struct err *e)
{
	struct walk w = { .c = c, .to_ms = now_ms - ON_ITS_WAY_MS };
	struct terms_row terms;
	int64_t transfer;
	enum rc rc;

	*c = (struct coverage){ .worst_max = worst };
	c->worst = calloc(worst + 1, sizeof(c->worst[0]));
	if (c->worst == NULL)
		return err_set(e, RC_NO_MEMORY, "status: no memory");
	w.from_ms = w.to_ms - HOUR_MS;
	/* A cycle is checked after it has opened, never before. */
	rc = transfer_at(db, w.from_ms, &transfer, e);
	if (rc == RC_OK)
		rc = terms_now(db, &terms, e);
	if (rc != RC_OK)
		return rc;
	w.phase = terms.phase;
	w.checked = db_query(db, Q_CYCLES_CHECKED);
	query_int(w.checked, 1, transfer);
	rc = tasks_count(&w, db, e);
	c->missed = c->copies - c->paid;
	query_done(w.checked);
	return rc;
}

void
coverage_free(struct coverage *c)
{
	free(c->worst);
	*c = (struct coverage){ .worst = NULL };
}
