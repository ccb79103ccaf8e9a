#include "ledger/terms.h"

#include <stdlib.h>

#include "base/limits.h"
#include "ledger/cycle.h"
#include "ledger/fit.h"
#include "ledger/row_read.h"
#include "ledger/tail.h"

/* Reads the newest, and its hash. */
static enum rc
newest_read(struct db *db, struct terms_row *out,
    uint8_t hash[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_TERMS_NOW);
	enum rc rc;
	bool row;

	*out = (struct terms_row){ .id = 0 };
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		row_read_terms(q, 0, out, hash);
	query_done(q);
	if (rc != RC_OK)
		return rc;
	if (!row)
		return err_set(e, RC_CORRUPT, "ledger: its terms are gone");
	if (!phase_is_known(out->phase))
		return err_set(e, RC_CORRUPT,
		    "ledger: its terms have phase %lld, this program knows 1 to %d",
		    (long long)out->phase, PHASE_NEWEST);
	if (!fit_is_known(out->fit))
		return err_set(e, RC_CORRUPT,
		    "ledger: its terms ask for fit %lld, this program knows 0 to %d",
		    (long long)out->fit, FIT_NEWEST);
	return RC_OK;
}

enum rc
terms_now(struct db *db, struct terms_row *out, struct err *e)
{
	uint8_t hash[KECCAK256_LEN];

	return newest_read(db, out, hash, e);
}

/* What a row says, but for its number and from when on. */
static bool
terms_are(const struct terms_row *a, const struct terms_row *b)
{
	return a->result_window_ms == b->result_window_ms &&
	    a->keep_ms == b->keep_ms && a->clock_skew_ms == b->clock_skew_ms &&
	    a->phase == b->phase && a->fit == b->fit &&
	    a->maturity_new_ms == b->maturity_new_ms &&
	    a->maturity_ms == b->maturity_ms &&
	    a->established_results == b->established_results &&
	    a->established_days == b->established_days;
}

static enum rc
terms_insert(struct db *db, const struct terms_row *t,
    const uint8_t hash[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_TERMS_INSERT);

	query_int(q, 1, t->id);
	query_int(q, 2, t->first_slot);
	query_int(q, 3, t->first_transfer);
	query_int(q, 4, t->at_ms);
	query_int(q, 5, t->result_window_ms);
	query_int(q, 6, t->keep_ms);
	query_int(q, 7, t->clock_skew_ms);
	query_int(q, 8, t->phase);
	query_int(q, 9, t->fit);
	query_int(q, 10, t->maturity_new_ms);
	query_int(q, 11, t->maturity_ms);
	query_int(q, 12, t->established_results);
	query_int(q, 13, t->established_days);
	query_bytes(q, 14, hash, KECCAK256_LEN);
	query_int(q, 15, t->format);
	return query_run(q, e);
}

/* In a step: appends t unless the newest say the same. */
static enum rc
terms_append(struct db *db, struct terms_row *t, struct err *e)
{
	uint8_t hash[KECCAK256_LEN];
	struct terms_row newest;
	struct tail before, transfers;
	enum rc rc;

	rc = newest_read(db, &newest, before.hash, e);
	if (rc != RC_OK || terms_are(&newest, t))
		return rc;
	before.last_id = newest.id;
	t->id = newest.id + 1;
	rc = tail_read(db, Q_TRANSFER_LAST, &transfers, e);
	t->first_transfer = transfers.last_id + 1;
	if (rc == RC_OK)
		rc =
		    query_one_int(db_query(db, Q_SLOT_LAST), &t->first_slot, e);
	t->first_slot++;
	if (rc != RC_OK)
		return rc;
	link_terms(hash, &before, t);
	return terms_insert(db, t, hash, e);
}

enum rc
terms_set(
    struct db *db, const struct terms_wanted *w, int64_t now_ms, struct err *e)
{
	/*
	 * Kept for twice the window and the skew: a result credited at the end
	 * of its assignment's window may carry a timestamp from the future, and
	 * be sent again until that is too old.
	 */
	struct terms_row newest,
	    t = { .format = TERMS_FORMAT,
		    .at_ms = now_ms,
		    .result_window_ms = w->result_window_ms,
		    .keep_ms = 2 * w->result_window_ms + CLOCK_SKEW_MS,
		    .clock_skew_ms = CLOCK_SKEW_MS,
		    .phase = PHASE_NEWEST,
		    .fit = FIT_NEWEST,
		    .maturity_new_ms = w->maturity_new_ms,
		    .maturity_ms = w->maturity_ms,
		    .established_results = w->established_results,
		    .established_days = w->established_days };
	enum rc rc;

	CHECK(w->result_window_ms >= RESULT_WINDOW_MIN_MS &&
	    w->result_window_ms <= RESULT_WINDOW_MAX_MS);
	rc = terms_now(db, &newest, e);
	if (rc != RC_OK || terms_are(&newest, &t))
		return rc;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = terms_append(db, &t, e);
	return db_step_end(db, rc, e);
}

/* ---- For who judges ---- */

enum rc
terms_list_add(struct terms_list *l, const struct terms_row *t, struct err *e)
{
	struct terms_row *all =
	    reallocarray(l->all, l->n + 1, sizeof(l->all[0]));

	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "terms: no memory");
	l->all = all;
	l->all[l->n++] = *t;
	return RC_OK;
}

void
terms_list_free(struct terms_list *l)
{
	free(l->all);
	*l = (struct terms_list){ .n = 0 };
}

const struct terms_row *
terms_of_transfer(const struct terms_list *l, int64_t transfer)
{
	size_t i = l->n;

	while (i > 0)
		if (l->all[--i].first_transfer <= transfer)
			return &l->all[i];
	return NULL;
}

bool
terms_allow_cycle(const struct terms_list *l, int64_t slot, int64_t task,
    int64_t interval_ms, int64_t assigned_ms, int64_t cycle_ms)
{
	int64_t phase = 0; /* the one that was tried last */
	size_t i = l->n;

	while (i > 0) {
		i--;
		if (l->all[i].phase != phase) {
			phase = l->all[i].phase;
			if (cycle_at(phase, task, interval_ms, assigned_ms) ==
			    cycle_ms)
				return true;
		}
		if (l->all[i].first_slot <= slot)
			break;
	}
	return false;
}

bool
terms_keep(const struct terms_list *l, int64_t assigned_ms, int64_t now_ms)
{
	int64_t end_ms = now_ms; /* until then all[i] counted */
	size_t i = l->n;

	/* The clock was ahead: a poll may have forgotten it since. */
	if (assigned_ms > now_ms)
		return false;
	while (i > 0 && assigned_ms < end_ms) {
		i--;
		if (end_ms - assigned_ms >= l->all[i].keep_ms)
			return false;
		/* A poll that was on its way then still went by the former. */
		end_ms = l->all[i].at_ms + l->all[i].clock_skew_ms;
		if (end_ms > now_ms)
			end_ms = now_ms;
	}
	return true;
}
