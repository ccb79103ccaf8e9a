/* What others' reports say of witnesses: see witness.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/finding.h"
#include "ledger/sprt.h"
#include "ledger/witness.h"
#include "ledger/worker.h"

#define SPAN_MS (30 * 60 * 1000LL) /* counts once, whatever fails in it */

/* A report of a witness. */
struct word {
	int64_t slot;
	int64_t worker;
	int64_t task;
	int64_t seen_ms;
	bool up;
};

/* ---- One report ---- */

static enum rc
word_compare(
    struct db *db, const struct word *w, const char **outcome, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_BESIDE);
	int64_t same = 0, other = 0, downs = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, w->task);
	query_int(q, 2, w->seen_ms);
	query_int(q, 3, WITNESS_BESIDE);
	query_int(q, 4, w->up);
	query_int(q, 5, w->worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		same = query_get_int(q, 0);
		other = query_get_int(q, 1);
		downs = query_get_int(q, 2);
	}
	query_done(q);
	/* Who says up isn't noted before a witness says down. */
	if (same + other < WITNESS_CONTRADICT || (w->up && downs == 0))
		*outcome = "void";
	else if (other >= WITNESS_CONTRADICT && other > 2 * same)
		*outcome = "wrong";
	else
		*outcome = "right";
	return rc;
}

/* ---- A witness ---- */

static enum rc
address_read(struct db *db, int64_t worker, struct address *out, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_ADDRESS);
	enum rc rc;
	bool row;

	*out = (struct address){ { 0 } };
	query_int(q, 1, worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = address_parse(out, NULL, query_get_text(q, 0), e);
	query_done(q);
	return rc;
}

static enum rc
set_aside(struct db *db, int64_t worker, int64_t spans, int64_t all,
    int64_t now_ms, struct err *e)
{
	char who[ADDRESS_LEN + 1], detail[160];
	struct address a;
	enum rc rc;

	rc = address_read(db, worker, &a, e);
	if (rc == RC_OK)
		rc = worker_expel(db, &a, now_ms, e);
	if (rc != RC_OK)
		return rc;
	address_format(who, &a, ADDRESS_CHECKSUM);
	(void)snprintf(detail, sizeof(detail),
	    "in %" PRId64 " of %" PRId64
	    " half hours of the last day most networks contradicted it",
	    spans, all);
	log_warning("witness %s is set aside: %s", who, detail);
	return finding_add(db, "witness contradicted", who, detail, now_ms, e);
}

/* Whether it is one still, now that something that it saw was wrong. */
static enum rc
witness_weigh(struct db *db, int64_t worker, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_RECORD);
	int64_t score = 0, spans = 0, all = 0;
	enum rc rc = RC_OK;
	bool row, wrong;

	query_int(q, 1, worker);
	query_int(q, 2, now_ms - DAY_MS);
	query_int(q, 3, SPAN_MS);
	while (!sprt_is_accused(score) &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		wrong = query_get_int(q, 0) > query_get_int(q, 1);
		score = sprt_step(score, wrong ? SPRT_FAILED : SPRT_PASSED);
		spans += wrong;
		all++;
	}
	query_done(q);
	return rc == RC_OK && sprt_is_accused(score)
	    ? set_aside(db, worker, spans, all, now_ms, e)
	    : rc;
}

/* ---- All of them ---- */

static enum rc
word_next(
    struct db *db, int64_t until_ms, struct word *w, bool *found, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_DUE);
	enum rc rc;

	query_int(q, 1, until_ms);
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found)
		*w = (struct word){
			.slot = query_get_int(q, C_WITNESS_DUE_SLOT),
			.worker = query_get_int(q, C_WITNESS_DUE_WORKER),
			.task = query_get_int(q, C_WITNESS_DUE_TASK),
			.seen_ms = query_get_int(q, C_WITNESS_DUE_SEEN_MS),
			.up = query_get_int(q, C_WITNESS_DUE_UP) != 0,
		};
	query_done(q);
	return rc;
}

static enum rc
word_judge(struct db *db, const struct word *w, int64_t now_ms, struct err *e)
{
	const char *outcome;
	struct query *q;
	enum rc rc = word_compare(db, w, &outcome, e);

	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_WITNESS_SLOT_JUDGE);
	query_int(q, 1, w->slot);
	query_text(q, 2, slice_of(outcome));
	rc = query_run(q, e);
	return rc == RC_OK && slice_is(slice_of(outcome), "wrong")
	    ? witness_weigh(db, w->worker, now_ms, e)
	    : rc;
}

enum rc
witness_doubt(struct db *db, int64_t now_ms, int64_t max, struct err *e)
{
	struct word w = { .slot = 0 };
	bool found = true;
	enum rc rc = RC_OK;

	for (; rc == RC_OK && found && max > 0; max--) {
		rc = word_next(db, now_ms - WITNESS_NEAR_MS, &w, &found, e);
		if (rc == RC_OK && found)
			rc = word_judge(db, &w, now_ms, e);
	}
	return rc;
}
