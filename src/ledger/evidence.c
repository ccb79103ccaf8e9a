#include "ledger/evidence.h"

#include <inttypes.h>
#include <string.h>

#include "eth/attest.h"
#include "eth/hex.h"
#include "ledger/payout.h"

/* The transfer whose results are being added up. */
struct credit_sum {
	int64_t transfer; /* 0: none yet */
	int64_t amount_micros;
	int64_t rewards_micros;
};

static enum rc
sum_check(const struct credit_sum *s, struct err *e)
{
	if (s->rewards_micros == s->amount_micros)
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "transfer %" PRId64 " credits %" PRId64
	    " micro-USDC, its results are worth %" PRId64,
	    s->transfer, s->amount_micros, s->rewards_micros);
}

static enum rc
signature_check(struct query *q, const struct address *worker, struct err *e)
{
	struct slice signature = query_get_bytes(q, 7);
	struct attestation a = {
		.task_id = query_get_text(q, 3),
		.worker = *worker,
		.timestamp_ms = query_get_int(q, 4),
		.success = query_get_int(q, 5) != 0,
		.form = (enum address_form)query_get_int(q, 6),
	};

	if (signature.len == SIGNATURE_LEN && task_id_is_valid(a.task_id) &&
	    a.timestamp_ms >= 0 && a.timestamp_ms <= JSON_INT_MAX &&
	    a.form >= ADDRESS_CHECKSUM && a.form <= ADDRESS_UPPER &&
	    attest_check(&a, (const uint8_t *)signature.p, NULL) == RC_OK)
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "the result of slot %" PRId64 " doesn't "
	    "carry its worker's signature",
	    query_get_int(q, 2));
}

static enum rc
credit_row(struct query *q, const struct address *worker, struct credit_sum *s,
    struct evidence *out, struct err *e)
{
	enum rc rc = RC_OK;

	if (query_get_int(q, 0) != s->transfer) {
		if (s->transfer != 0)
			rc = sum_check(s, e);
		*s = (struct credit_sum){ query_get_int(q, 0),
			query_get_int(q, 1), 0 };
	}
	if (rc != RC_OK || query_is_null(q, 2))
		return rc; /* without a result: its sum is 0 */
	s->rewards_micros += query_get_int(q, 8);
	out->results++;
	return signature_check(q, worker, e);
}

/* Each credit after since, and each of its results. */
static enum rc
credits_verify(struct db *db, int64_t worker_id, const struct address *worker,
    int64_t since, struct evidence *out, struct err *e)
{
	struct credit_sum s = { .transfer = 0 };
	struct query *q = db_query(db, Q_CREDITS_AFTER);
	enum rc rc = RC_OK;
	bool row;

	query_int(q, 1, worker_id);
	query_int(q, 2, since);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = credit_row(q, worker, &s, out, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc == RC_OK && s.transfer != 0)
		rc = sum_check(&s, e);
	return rc;
}

/* What the worker's transfers say of its balance after one of them. */
static enum rc
balance_at(struct db *db, int64_t worker_id, int64_t transfer, int64_t *micros,
    struct err *e)
{
	struct query *q = db_query(db, Q_BALANCE_AT);

	query_int(q, 1, worker_id);
	query_int(q, 2, transfer);
	return query_one_int(q, micros, e);
}

static enum rc
balance_now(
    struct db *db, int64_t worker_id, struct evidence *out, struct err *e)
{
	struct query *q = db_query(db, Q_BALANCE_NOW);
	enum rc rc;
	bool row;

	query_int(q, 1, worker_id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->balance_micros = query_get_int(q, 0);
		out->verified_to = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

/* The balance in its sum: up to what was sealed, and now. */
static enum rc
sums_verify(struct db *db, int64_t worker_id, const struct seal *s,
    struct evidence *out, struct err *e)
{
	int64_t then = 0, now = 0;
	enum rc rc;

	rc = balance_now(db, worker_id, out, e);
	if (rc == RC_OK)
		rc = balance_at(db, worker_id, s->verified_to, &then, e);
	if (rc == RC_OK)
		rc = balance_at(db, worker_id, INT64_MAX, &now, e);
	if (rc != RC_OK)
		return rc;
	if (then != s->balance_micros)
		return err_set(e, RC_CORRUPT,
		    "after transfer %" PRId64 " the balance was %" PRId64
		    " micro-USDC, now its transfers up to there say %" PRId64,
		    s->verified_to, s->balance_micros, then);
	if (now != out->balance_micros)
		return err_set(e, RC_CORRUPT,
		    "the balance is %" PRId64
		    " micro-USDC, its transfers say %" PRId64,
		    out->balance_micros, now);
	return RC_OK;
}

/* ---- What was verified before ---- */

static bool
seal_read(struct seal *s, struct sealed *what, struct query *q)
{
	s->verified_to = query_get_int(q, 0);
	s->balance_micros = query_get_int(q, 1);
	what->seq = query_get_int(q, 3);
	what->amount_micros = query_get_int(q, 4);
	return hex_decode(s->signature, SIGNATURE_LEN, query_get_text(q, 2),
		   NULL) == RC_OK;
}

/*
 * Whether payouts gave back no more than they took since the seal. One from
 * before it may have given back all that it took: then an older seal has to
 * do. Without any it can't be: what is given back was taken before.
 */
static enum rc
took_check(struct db *db, int64_t worker_id, const struct seal *s, bool *took,
    struct err *e)
{
	struct query *q = db_query(db, Q_GIVEN_BACK);
	int64_t surplus = 0;
	enum rc rc;

	query_int(q, 1, worker_id);
	query_int(q, 2, s->verified_to);
	rc = query_one_int(q, &surplus, e);
	*took = surplus <= 0;
	if (rc == RC_OK && !*took && s->verified_to == 0)
		return err_set(e, RC_CORRUPT,
		    "payouts gave back or recovered %" PRId64
		    " micro-USDC more than they took",
		    surplus);
	return rc;
}

/*
 * The newest seal of this treasury that will do; *out is zero when there is
 * none. Another one's, or nobody's, are as if they weren't there.
 */
static enum rc
seal_find(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct seal *out, struct err *e)
{
	struct sealed what = { .worker = *worker };
	bool row = false, found = false;
	int64_t created_ms;
	struct query *q;
	struct seal s;
	enum rc rc;

	rc = payout_ledger_id(db, what.ledger_id, &created_ms, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SEALS);
	query_int(q, 1, worker_id);
	while (rc == RC_OK && !found &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		if (seal_read(&s, &what, q) && seal_is_by(&s, &what, treasury))
			rc = took_check(db, worker_id, &s, &found, e);
	}
	query_done(q);
	*out = found ? s : (struct seal){ .verified_to = 0 };
	if (rc == RC_OK && !found)
		rc = took_check(db, worker_id, out, &found, e);
	return rc;
}

enum rc
evidence_verify(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct evidence *out, struct err *e)
{
	struct seal s;
	enum rc rc;

	*out = (struct evidence){ .results = 0 };
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = seal_find(db, worker_id, worker, treasury, &s, e);
	if (rc == RC_OK)
		rc = sums_verify(db, worker_id, &s, out, e);
	if (rc == RC_OK)
		rc = credits_verify(
		    db, worker_id, worker, s.verified_to, out, e);
	db_rollback(db);
	return rc;
}
