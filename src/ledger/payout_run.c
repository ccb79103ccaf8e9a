#include "ledger/payout_run.h"

#include <stdio.h>
#include <stdlib.h>

#define RUNS_LOOKED_AT 32 /* so many rows, */
#define GAPS_MAX       9  /* of which these are enough, */
#define GAPS_MIN       2  /* and fewer tell nothing */

enum rc
payout_run_begin(
    struct db *db, bool reconcile, int64_t now_ms, int64_t *id, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_RUN_BEGIN);
	enum rc rc;

	query_int(q, 1, now_ms);
	query_int(q, 2, reconcile);
	rc = query_run(q, e);
	*id = rc == RC_OK ? db_last_id(db) : 0;
	return rc;
}

enum rc
payout_run_end(struct db *db, const struct payout_run *r, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_RUN_END);

	query_int(q, 1, r->id);
	query_int(q, 2, r->ended_ms);
	query_int(q, 3, r->exit_code);
	query_int(q, 4, r->reserved);
	query_int(q, 5, r->posted);
	query_int(q, 6, r->finalized);
	query_int(q, 7, r->voided);
	query_int(q, 8, r->held);
	query_int(q, 9, r->unresolved);
	query_int(q, 10, r->posts);
	query_int(q, 11, r->calls);
	query_text(q, 12, slice_of(r->words));
	return query_run(q, e);
}

static void
copy(char *out, size_t size, struct slice text)
{
	(void)snprintf(out, size, "%.*s", (int)text.len, text.p);
}

enum rc
payout_run_last(
    struct db *db, struct payout_run *out, bool *found, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_RUN_LAST);
	enum rc rc;

	*out = (struct payout_run){ .id = 0 };
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found) {
		*out = (struct payout_run){
			.id = query_get_int(q, C_PAYOUT_RUN_LAST_ID),
			.began_ms =
			    query_get_int(q, C_PAYOUT_RUN_LAST_BEGAN_MS),
			.ended_ms =
			    query_get_int(q, C_PAYOUT_RUN_LAST_ENDED_MS),
			.exit_code =
			    query_get_int(q, C_PAYOUT_RUN_LAST_EXIT_CODE),
			.reconcile =
			    query_get_int(q, C_PAYOUT_RUN_LAST_RECONCILE) != 0,
			.reserved =
			    query_get_int(q, C_PAYOUT_RUN_LAST_RESERVED),
			.posted = query_get_int(q, C_PAYOUT_RUN_LAST_POSTED),
			.finalized =
			    query_get_int(q, C_PAYOUT_RUN_LAST_FINALIZED),
			.voided = query_get_int(q, C_PAYOUT_RUN_LAST_VOIDED),
			.held = query_get_int(q, C_PAYOUT_RUN_LAST_HELD),
			.unresolved =
			    query_get_int(q, C_PAYOUT_RUN_LAST_UNRESOLVED),
			.posts = query_get_int(q, C_PAYOUT_RUN_LAST_POSTS),
			.calls = query_get_int(q, C_PAYOUT_RUN_LAST_CALLS),
		};
		copy(out->words, sizeof(out->words),
		    query_get_text(q, C_PAYOUT_RUN_LAST_WORDS));
	}
	query_done(q);
	return rc;
}

static int
int64_compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

enum rc
payout_run_rhythm(
    struct db *db, int64_t *last_ms, int64_t *every_ms, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_RUN_BEGINS);
	int64_t gaps[GAPS_MAX], at_ms, unit_ms, later_ms = 0;
	enum rc rc = RC_OK;
	bool row = false;
	size_t n = 0;

	*last_ms = *every_ms = 0;
	query_int(q, 1, RUNS_LOOKED_AT);
	while (n < GAPS_MAX && (rc = query_step(q, &row, e)) == RC_OK && row) {
		at_ms = query_get_int(q, 0);
		if (*last_ms == 0)
			*last_ms = at_ms;
		/* A clock that was set back makes none. */
		if (later_ms > at_ms)
			gaps[n++] = later_ms - at_ms;
		later_ms = at_ms;
	}
	query_done(q);
	if (rc != RC_OK || n < GAPS_MIN)
		return rc;
	qsort(gaps, n, sizeof(gaps[0]), int64_compare);
	unit_ms = gaps[n / 2] >= 120000 ? 60000 : 1000;
	*every_ms = (gaps[n / 2] + unit_ms / 2) / unit_ms * unit_ms;
	return RC_OK;
}

enum rc
settler_health_get(
    struct db *db, const char *name, struct settler_health *out, struct err *e)
{
	struct query *q = db_query(db, Q_SETTLER_GET);
	enum rc rc;
	bool row;

	*out = (struct settler_health){ .settled_ms = 0 };
	query_text(q, 1, slice_of(name));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->settled_ms = query_get_int(q, C_SETTLER_GET_SETTLED_MS);
		out->failing_ms = query_get_int(q, C_SETTLER_GET_FAILING_MS);
		out->runs = query_get_int(q, C_SETTLER_GET_RUNS);
		out->payees = query_get_int(q, C_SETTLER_GET_PAYEES);
		out->unfit = query_get_int(q, C_SETTLER_GET_UNFIT) != 0;
		copy(out->words, sizeof(out->words),
		    query_get_text(q, C_SETTLER_GET_WORDS));
	}
	query_done(q);
	return rc;
}

/* A time that is 0 is none. */
static void
bind_time(struct query *q, int i, int64_t ms)
{
	if (ms != 0)
		query_int(q, i, ms);
}

enum rc
settler_health_set(struct db *db, const char *name,
    const struct settler_health *h, struct err *e)
{
	struct query *q = db_query(db, Q_SETTLER_SET);

	query_text(q, 1, slice_of(name));
	bind_time(q, 2, h->settled_ms);
	bind_time(q, 3, h->failing_ms);
	query_int(q, 4, h->runs);
	query_int(q, 5, h->payees);
	query_int(q, 6, h->unfit);
	query_text(q, 7, slice_of(h->words));
	return query_run(q, e);
}
