#include "ledger/maturity.h"

#include "base/clock.h"
#include "ledger/record.h"
#include "ledger/terms.h"

/*
 * Credits are read from the newest on, until one is so much older than the
 * span: they are in order of time, but for what the coordinator's clock was set
 * back. One that was a day behind could have credited nothing: each result of a
 * worker whose clock is right came from the future for it.
 */
#define CLOCK_BACK_MS DAY_MS

static enum rc
span_read(struct db *db, const struct terms_row *terms, int64_t worker,
    int64_t now_ms, struct maturity *m, struct err *e)
{
	enum rc rc = record_read(db, terms, worker, now_ms, &m->established, e);

	if (rc == RC_OK)
		m->span_ms = m->established ? terms->maturity_ms
					    : terms->maturity_new_ms;
	return rc;
}

enum rc
maturity_span(struct db *db, const struct terms_row *terms, int64_t worker,
    int64_t now_ms, int64_t *span_ms, struct err *e)
{
	struct maturity m = { .span_ms = 0 };
	enum rc rc = span_read(db, terms, worker, now_ms, &m, e);

	*span_ms = m.span_ms;
	return rc;
}

static enum rc
waiting_add(struct maturity *m, int64_t at_ms, int64_t micros, struct err *e)
{
	if (__builtin_add_overflow(
		m->waiting_micros, micros, &m->waiting_micros))
		return err_set(e, RC_CORRUPT, "credits are beyond all");
	if (m->first_ms == 0 || at_ms < m->first_ms)
		m->first_ms = at_ms;
	if (at_ms > m->last_ms)
		m->last_ms = at_ms;
	return RC_OK;
}

enum rc
maturity_read(struct db *db, int64_t worker, int64_t now_ms,
    struct maturity *out, struct err *e)
{
	int64_t since_ms, at_ms;
	struct terms_row terms;
	struct query *q;
	bool row = false;
	enum rc rc;

	*out = (struct maturity){ .span_ms = 0 };
	rc = terms_now(db, &terms, e);
	if (rc == RC_OK)
		rc = span_read(db, &terms, worker, now_ms, out, e);
	if (rc != RC_OK || out->span_ms == 0)
		return rc;
	since_ms = now_ms - out->span_ms + 1;
	q = db_query(db, Q_CREDITED_NEWEST);
	query_int(q, 1, worker);
	while (rc == RC_OK && (rc = query_step(q, &row, e)) == RC_OK && row) {
		at_ms = query_get_int(q, 0);
		if (at_ms < since_ms - CLOCK_BACK_MS)
			break;
		if (at_ms >= since_ms)
			rc = waiting_add(out, at_ms, query_get_int(q, 1), e);
	}
	query_done(q);
	return rc;
}

int64_t
maturity_payable(const struct maturity *m, int64_t balance_micros)
{
	int64_t micros;

	/* What rows say may be anything. */
	if (__builtin_sub_overflow(
		balance_micros, m->waiting_micros, &micros) ||
	    micros < 0)
		return 0;
	return micros;
}
