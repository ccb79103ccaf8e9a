#include "ledger/network_sums.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ledger/terms.h"

/* So many of 1000 slots unanswered explain that cycles are missed. */
#define SILENT_MANY 100

static enum rc
given_read(
    struct network_sums *n, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q = db_query(db, Q_ASSIGNMENT_SUMS);

	query_int(q, 1, n->from_ms);
	query_int(q, 2, n->to_ms);
	query_int(q, 3, c->standing_results);
	query_int(q, 4, c->standing_hours);
	return query_ints(q,
	    (int64_t *[]){ &n->given, &n->paid, &n->late, &n->silent,
		&n->new_given, &n->new_paid, &n->workers, &n->networks },
	    8, e);
}

static enum rc
drills_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return query_ints(q,
	    (int64_t *[]){ &n->drills, &n->drills_wrong, &n->drills_micros }, 3,
	    e);
}

static enum rc
verdicts_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_VERDICT_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return query_ints(
	    q, (int64_t *[]){ &n->compared, &n->contradicted }, 2, e);
}

static enum rc
witnesses_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return query_ints(q,
	    (int64_t *[]){
		&n->witness_slots, &n->witness_micros, &n->seen_wrong },
	    3, e);
}

enum rc
network_read(struct network_sums *n, struct db *db, const struct conf *c,
    int64_t now_ms, struct err *e)
{
	struct terms_row terms;
	struct query *q;
	enum rc rc;

	*n = (struct network_sums){ .given = 0 };
	rc = terms_now(db, &terms, e);
	if (rc != RC_OK)
		return rc;
	n->from_ms = now_ms - 2 * terms.result_window_ms;
	n->to_ms = now_ms - terms.result_window_ms;
	rc = given_read(n, db, c, e);
	if (rc == RC_OK)
		rc = drills_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = verdicts_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = witnesses_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = network_needs(
		    db, "", &n->day_micros, &n->workers_needed, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_FUTURE);
	query_int(q, 1, now_ms);
	query_int(q, 2, POLL_PERIOD_MS);
	return query_one_int(q, &n->future_tasks, e);
}

enum rc
network_needs(struct db *db, const char *task, int64_t *day_micros,
    int64_t *workers, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_NEEDS);

	query_text(q, 1, slice_of(task));
	return query_ints(q, (int64_t *[]){ day_micros, workers }, 2, e);
}

void
network_reason(const struct network_sums *n, const struct coverage *c,
    char *out, size_t size)
{
	if (n->future_tasks > 0)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: %lld wait for a time that a wrong clock has left, until the next poll",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->future_tasks);
	else if (n->workers < n->workers_needed)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: a task's copies and cooldown take %lld workers, %lld are at work",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->workers_needed, (long long)n->workers);
	else if (n->silent * 1000 > n->given * SILENT_MANY)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: %lld of %lld slots that were given weren't answered",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->silent, (long long)n->given);
	else
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: too few workers ask, %lld addresses of %lld networks are at work",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->workers, (long long)n->networks);
}
