/* Of uptime_walk.h: a task as its uptime depends on it, and its results. */
#include <stdlib.h>

#include "ledger/task.h"
#include "ledger/transfer.h"
#include "ledger/uptime_walk.h"

/* Makes room for one more element of size bytes at *array, which has n. */
static enum rc
grow(void **array, size_t n, size_t size, struct err *e)
{
	void *p;

	/* Full when n is 0 or a power of two. */
	if ((n & (n - 1)) != 0)
		return RC_OK;
	p = reallocarray(*array, n == 0 ? 1 : 2 * n, size);
	if (p == NULL)
		return err_set(e, RC_NO_MEMORY, "uptime: no memory");
	*array = p;
	return RC_OK;
}

/* ---- The task ---- */

static enum rc
versions_read(struct uptime_task *t, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_VERSIONS);
	struct uptime_version v;
	void *array;
	enum rc rc;
	bool row;

	query_int(q, 1, t->id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		v = (struct uptime_version){
			.id = query_get_int(q, C_UPTIME_VERSIONS_ID),
			.from_ms =
			    query_get_int(q, C_UPTIME_VERSIONS_CREATED_MS),
			.interval_ms =
			    query_get_int(q, C_UPTIME_VERSIONS_INTERVAL_MS),
			.copies = query_get_int(q, C_UPTIME_VERSIONS_COPIES),
			.region = query_get_int(q, C_UPTIME_VERSIONS_REGION),
		};
		if (v.interval_ms <= 0 || v.from_ms < 0) {
			rc = err_set(e, RC_CORRUPT,
			    "definition %lld makes no sense", (long long)v.id);
			break;
		}
		/* A clock may have been set back between two edits. */
		if (t->versions_n > 0 &&
		    v.from_ms < t->versions[t->versions_n - 1].from_ms)
			v.from_ms = t->versions[t->versions_n - 1].from_ms;
		array = t->versions;
		rc = grow(&array, t->versions_n, sizeof(v), e);
		t->versions = array;
		if (rc != RC_OK)
			break;
		t->versions[t->versions_n++] = v;
	}
	query_done(q);
	if (rc == RC_OK && t->versions_n == 0)
		return err_set(e, RC_CORRUPT, "task %lld has no definition",
		    (long long)t->id);
	if (rc == RC_OK)
		t->created_ms = t->versions[0].from_ms;
	return rc;
}

/* Spans come in the order of their beginnings; those that overlap are one. */
static enum rc
span_add(struct uptime_span **spans, size_t *n, int64_t from_ms, int64_t to_ms,
    struct err *e)
{
	struct uptime_span *last = *n > 0 ? &(*spans)[*n - 1] : NULL;
	void *array = *spans;
	enum rc rc;

	if (last != NULL && from_ms <= last->to_ms) {
		if (to_ms > last->to_ms)
			last->to_ms = to_ms;
		return RC_OK;
	}
	rc = grow(&array, *n, sizeof(**spans), e);
	*spans = array;
	if (rc == RC_OK)
		(*spans)[(*n)++] = (struct uptime_span){ from_ms, to_ms };
	return rc;
}

static enum rc
states_read(struct uptime_task *t, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_STATE_LIST);
	int64_t since_ms = UPTIME_NO_TIME, at_ms = 0;
	enum rc rc;
	bool row, active;

	query_int(q, 1, t->id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (query_get_int(q, 0) > at_ms)
			at_ms = query_get_int(q, 0);
		active = slice_is(
		    query_get_text(q, 1), task_state_name(TASK_ACTIVE));
		if (!active && since_ms == UPTIME_NO_TIME)
			since_ms = at_ms;
		if (!active || since_ms == UPTIME_NO_TIME)
			continue;
		if (at_ms > since_ms)
			rc = span_add(
			    &t->paused, &t->paused_n, since_ms, at_ms, e);
		since_ms = UPTIME_NO_TIME;
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc == RC_OK && since_ms != UPTIME_NO_TIME)
		rc = span_add(&t->paused, &t->paused_n, since_ms, INT64_MAX, e);
	return rc;
}

static enum rc
maintenance_read(struct uptime_task *t, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_MAINTENANCE_SPANS);
	enum rc rc;
	bool row;

	query_int(q, 1, t->id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = span_add(&t->maintenance, &t->maintenance_n,
		    query_get_int(q, 0), query_get_int(q, 1), e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
uptime_task_read(
    struct uptime_task *t, struct db *db, int64_t task, struct err *e)
{
	enum rc rc;

	*t = (struct uptime_task){ .id = task };
	rc = versions_read(t, db, e);
	if (rc == RC_OK)
		rc = states_read(t, db, e);
	if (rc == RC_OK)
		rc = maintenance_read(t, db, e);
	return rc;
}

void
uptime_task_free(struct uptime_task *t)
{
	free(t->versions);
	free(t->paused);
	free(t->maintenance);
	*t = (struct uptime_task){ .id = 0 };
}

/* ---- What is over ---- */

/* How long after its end a cycle's last result can be paid. */
static int64_t
patience_ms(int64_t interval_ms, int64_t window_ms)
{
	return (interval_ms < POLL_PERIOD_MS ? interval_ms : POLL_PERIOD_MS) +
	    window_ms;
}

static int64_t
version_end(const struct uptime_task *t, size_t i)
{
	return i + 1 < t->versions_n ? t->versions[i + 1].from_ms : INT64_MAX;
}

int64_t
uptime_task_over(const struct uptime_task *t, int64_t window_ms, int64_t now_ms)
{
	int64_t over_ms = 0, end_ms, until_ms;
	size_t i;

	for (i = 0; i < t->versions_n; i++) {
		end_ms = version_end(t, i);
		until_ms =
		    now_ms - patience_ms(t->versions[i].interval_ms, window_ms);
		if (end_ms <= until_ms) {
			over_ms = end_ms;
			continue;
		}
		until_ms -= until_ms % t->versions[i].interval_ms;
		if (until_ms > t->versions[i].from_ms)
			over_ms = until_ms;
		break;
	}
	return over_ms;
}

bool
uptime_task_is_over(const struct uptime_task *t, int64_t window_ms,
    int64_t before_ms, int64_t now_ms)
{
	return uptime_task_over(t, window_ms, now_ms) >= before_ms;
}

int64_t
uptime_task_longest_ms(const struct uptime_task *t)
{
	int64_t longest_ms = 0;
	size_t i;

	for (i = 0; i < t->versions_n; i++)
		if (t->versions[i].interval_ms > longest_ms)
			longest_ms = t->versions[i].interval_ms;
	return longest_ms;
}

/* ---- Results ---- */

static enum rc
votes_next(struct uptime_votes *v, struct err *e)
{
	return query_step(v->q, &v->row, e);
}

enum rc
uptime_votes_begin(struct uptime_votes *v, struct db *db,
    const struct uptime_votes_of *of, struct err *e)
{
	int64_t first = 0, end = INT64_MAX;
	enum rc rc = RC_OK;

	*v = (struct uptime_votes){ .q = NULL };
	/* Transfers are in order of time but for some ms, and a clock that was
	 * set back. */
	if (!of->everything)
		rc = transfer_at(db, of->from_ms - CLOCK_SKEW_MS, &first, e);
	if (rc == RC_OK && !of->everything)
		rc = transfer_at(db,
		    of->to_ms + of->interval_ms +
			patience_ms(of->interval_ms, of->window_ms) +
			CLOCK_SKEW_MS,
		    &end, e);
	if (rc != RC_OK)
		return rc;
	v->q =
	    db_query(db, of->task == 0 ? Q_UPTIME_VOTES_ALL : Q_UPTIME_VOTES);
	query_int(v->q, 1, first);
	query_int(v->q, 2, end);
	query_int(v->q, 3, of->task);
	query_int(v->q, 4, of->from_ms);
	query_int(v->q, 5, of->to_ms);
	return votes_next(v, e);
}

void
uptime_votes_end(struct uptime_votes *v)
{
	if (v->q != NULL)
		query_done(v->q);
	v->q = NULL;
}
