#include "ledger/activity.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/anchor.h"
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
all_read(struct db *db, struct activity *a, struct err *e)
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
		rc = anchor_last(db, &a->log_entries, &a->log_ms, e);
	return rc == RC_OK ? states_read(db, a, e) : rc;
}

enum rc
activity_read(
    struct db *db, int64_t now_ms, struct activity *out, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->now_ms = now_ms;
	rc = db_begin_read(db, e);
	if (rc != RC_OK)
		return rc;
	rc = all_read(db, out, e);
	db_rollback(db);
	return rc;
}
