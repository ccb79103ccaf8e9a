#include "ledger/account.h"

#include <inttypes.h>

static enum rc
row_read(struct db *db, struct slice address, struct account *out, bool *row,
    struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_GET);
	struct slice state;
	enum rc rc;

	query_text(q, 1, address);
	rc = query_step(q, row, e);
	if (rc == RC_OK && *row) {
		state = query_get_text(q, C_WORKER_GET_STATE);
		out->id = query_get_int(q, C_WORKER_GET_ID);
		out->first_seen_ms =
		    query_get_int(q, C_WORKER_GET_FIRST_SEEN_MS);
		out->suspended = slice_is(state, "suspended");
		out->owed_micros = query_get_int(q, C_WORKER_GET_OWED_MICROS);
		out->in_flight_micros =
		    query_get_int(q, C_WORKER_GET_IN_FLIGHT_MICROS);
		out->paid_micros = query_get_int(q, C_WORKER_GET_PAID_MICROS);
		out->forfeited_micros =
		    query_get_int(q, C_WORKER_GET_FORFEITED_MICROS);
		out->results = query_get_int(q, C_WORKER_GET_RESULTS);
		slice_copy(out->tier, sizeof(out->tier),
		    query_get_text(q, C_WORKER_GET_TIER));
		if (!out->suspended && !slice_is(state, "active"))
			rc = err_set(e, RC_CORRUPT,
			    "worker %" PRId64 ": its state is none", out->id);
	}
	query_done(q);
	return rc;
}

/* By double entry: what left the account went to one of these places. */
static enum rc
earned_add(struct account *a, struct err *e)
{
	int64_t sum = a->owed_micros;

	if (__builtin_add_overflow(sum, a->in_flight_micros, &sum) ||
	    __builtin_add_overflow(sum, a->paid_micros, &sum) ||
	    __builtin_add_overflow(sum, a->forfeited_micros, &sum))
		return err_set(e, RC_CORRUPT,
		    "worker %" PRId64 ": its amounts are beyond all", a->id);
	a->earned_micros = sum;
	return RC_OK;
}

enum rc
account_read(struct db *db, const struct address *address, int64_t now_ms,
    struct account *out, struct err *e)
{
	char text[ADDRESS_LEN + 1];
	bool row = false;
	enum rc rc;

	*out = (struct account){ .address = *address };
	address_format(text, address, ADDRESS_LOWER);
	rc = row_read(db, slice_of(text), out, &row, e);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "unknown worker %s", text);
	if (rc == RC_OK)
		rc = earned_add(out, e);
	if (rc == RC_OK)
		rc = tier_permille(db, out->id, &out->reward_permille, e);
	if (rc == RC_OK)
		rc = maturity_read(db, out->id, now_ms, &out->maturity, e);
	if (rc == RC_OK)
		out->payable_micros =
		    maturity_payable(&out->maturity, out->owed_micros);
	return rc;
}
