#include "ledger/activity.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/transfer.h"

static enum rc
workers_read(struct db *db, int64_t transfer, struct activity *a, struct err *e)
{
	struct query *q = db_query(db, Q_ACTIVE_WORKERS);
	enum rc rc;
	bool row;

	query_int(q, 1, transfer);
	query_int(q, 2, ACTIVITY_CREDITS_MAX);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		a->workers = query_get_int(q, 0);
		a->networks = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

static enum rc
regions_read(struct db *db, int64_t transfer, struct activity *a, struct err *e)
{
	struct query *q = db_query(db, Q_ACTIVE_REGIONS);
	struct activity_region *r;
	bool row = false;
	enum rc rc = RC_OK;

	query_int(q, 1, transfer);
	query_int(q, 2, ACTIVITY_CREDITS_MAX);
	query_int(q, 3, ACTIVITY_REGIONS_MAX);
	while (a->regions_n < ACTIVITY_REGIONS_MAX &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		r = &a->regions[a->regions_n++];
		slice_copy(r->name, sizeof(r->name), query_get_text(q, 0));
		r->workers = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

static void
task_line(struct activity_task *t, struct query *q)
{
	slice_copy(
	    t->name, sizeof(t->name), query_get_text(q, C_ACTIVE_TASKS_NAME));
	slice_copy(t->region, sizeof(t->region),
	    query_get_text(q, C_ACTIVE_TASKS_REGION));
	t->paused = slice_is(query_get_text(q, C_ACTIVE_TASKS_STATE), "paused");
	t->interval_ms = query_get_int(q, C_ACTIVE_TASKS_INTERVAL_MS);
	if (query_is_null(q, C_ACTIVE_TASKS_TIMESTAMP_MS))
		return;
	t->checked_ms = query_get_int(q, C_ACTIVE_TASKS_TIMESTAMP_MS);
	t->up = query_get_int(q, C_ACTIVE_TASKS_SUCCESS) != 0;
}

static enum rc
tasks_read(struct db *db, struct slice after, struct activity *a, struct err *e)
{
	struct query *q = db_query(db, Q_ACTIVE_TASKS);
	bool row = false;
	enum rc rc = RC_OK;

	query_text(q, 1, after);
	query_int(q, 2, ACTIVITY_TASKS_MAX + 1);
	query_int(q, 3, ACTIVITY_CHECKS_MAX);
	while (!a->more && (rc = query_step(q, &row, e)) == RC_OK && row) {
		a->more = a->tasks_n == ACTIVITY_TASKS_MAX;
		if (!a->more)
			task_line(&a->tasks[a->tasks_n++], q);
	}
	query_done(q);
	return rc;
}

static enum rc
states_read(struct db *db, struct activity *a, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_STATES);
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		a->tasks_active = query_get_int(q, 0);
		a->tasks_paused = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

static enum rc
all_read(struct db *db, struct slice after, struct activity *a, struct err *e)
{
	int64_t hour, today;
	struct query *q;
	enum rc rc = transfer_at(db, a->now_ms - HOUR_MS, &hour, e);

	if (rc == RC_OK)
		rc = transfer_at(db, a->now_ms - a->now_ms % DAY_MS, &today, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ACTIVE_RESULTS);
	query_int(q, 1, today);
	query_int(q, 2, ACTIVITY_RESULTS_MAX);
	rc = query_one_int(q, &a->checks_today, e);
	if (rc == RC_OK)
		rc = workers_read(db, hour, a, e);
	if (rc == RC_OK)
		rc = regions_read(db, hour, a, e);
	if (rc == RC_OK)
		rc = states_read(db, a, e);
	return rc == RC_OK ? tasks_read(db, after, a, e) : rc;
}

enum rc
activity_read(struct db *db, struct slice after, int64_t now_ms,
    struct activity *out, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->now_ms = now_ms;
	rc = db_begin_read(db, e);
	if (rc != RC_OK)
		return rc;
	rc = all_read(db, after, out, e);
	db_rollback(db);
	return rc;
}
