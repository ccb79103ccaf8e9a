#include "ledger/maintenance.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"
#include "base/utf8.h"
#include "ledger/task.h"

#define WHY_MAX 200 /* bytes */

/* Not before anything that the ledger has. */
static enum rc
moment(struct db *db, int64_t now_ms, int64_t *at_ms, struct err *e)
{
	enum rc rc =
	    query_one_int(db_query(db, Q_TRANSFER_NEWEST_MS), at_ms, e);

	if (rc == RC_OK && now_ms > *at_ms)
		*at_ms = now_ms;
	return rc;
}

enum rc
maintenance_add(struct db *db, const struct maintenance *m, int64_t now_ms,
    int64_t *id, bool *counts, struct err *e)
{
	size_t len = strlen(m->why);
	struct task_row t;
	struct query *q;
	int64_t noted_ms;
	enum rc rc;

	if (m->from_ms >= m->to_ms)
		return err_set(
		    e, RC_INVALID, "maintenance: it must end after it began");
	if (len == 0 || len > WHY_MAX || !utf8_is_text(m->why, len))
		return err_set(e, RC_INVALID,
		    "why: expected 1 to %d bytes of UTF-8 text", WHY_MAX);
	rc = task_get(db, m->task, &t, e);
	if (rc == RC_OK)
		rc = moment(db, now_ms, &noted_ms, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_MAINTENANCE_ADD);
	query_int(q, 1, t.id);
	query_int(q, 2, m->from_ms);
	query_int(q, 3, m->to_ms);
	query_int(q, 4, noted_ms);
	query_text(q, 5, slice_of(m->why));
	rc = query_run(q, e);
	*id = db_last_id(db);
	*counts = noted_ms < m->from_ms;
	return rc;
}

enum rc
maintenance_end(struct db *db, int64_t id, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_MAINTENANCE_GET);
	int64_t to_ms = 0, at_ms;
	bool row, ended = false;
	enum rc rc;

	query_int(q, 1, id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		to_ms = query_get_int(q, 0);
		ended = !query_is_null(q, 1);
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_NOT_FOUND, "there is no maintenance %" PRId64, id);
	if (rc == RC_OK)
		rc = moment(db, now_ms, &at_ms, e);
	if (rc != RC_OK)
		return rc;
	if (ended || at_ms >= to_ms)
		return err_set(
		    e, RC_CONFLICT, "maintenance %" PRId64 " is over", id);
	q = db_query(db, Q_MAINTENANCE_END);
	query_int(q, 1, id);
	query_int(q, 2, at_ms);
	return query_run(q, e);
}
