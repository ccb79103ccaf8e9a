#include "ledger/maturity.h"

#include "ledger/record.h"
#include "ledger/terms.h"

static enum rc
span_read(struct db *db, int64_t worker, int64_t now_ms, struct maturity *m,
    struct err *e)
{
	struct terms_row terms;
	enum rc rc;

	*m = (struct maturity){ .span_ms = 0 };
	rc = terms_now(db, &terms, e);
	if (rc == RC_OK)
		rc =
		    record_read(db, &terms, worker, now_ms, &m->established, e);
	if (rc == RC_OK)
		m->span_ms =
		    m->established ? terms.maturity_ms : terms.maturity_new_ms;
	return rc;
}

enum rc
maturity_span(struct db *db, int64_t worker, int64_t now_ms, int64_t *span_ms,
    struct err *e)
{
	struct maturity m;
	enum rc rc = span_read(db, worker, now_ms, &m, e);

	*span_ms = m.span_ms;
	return rc;
}

enum rc
maturity_read(struct db *db, int64_t worker, int64_t now_ms,
    struct maturity *out, struct err *e)
{
	struct query *q;
	enum rc rc;

	rc = span_read(db, worker, now_ms, out, e);
	if (rc != RC_OK || out->span_ms == 0)
		return rc;
	q = db_query(db, Q_CREDITED_SINCE);
	query_int(q, 1, worker);
	query_int(q, 2, now_ms - out->span_ms + 1);
	return query_one_int(q, &out->waiting_micros, e);
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
