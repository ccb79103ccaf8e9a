#include "ledger/evidence.h"

#include <inttypes.h>
#include <string.h>

#include "eth/attest.h"

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

/* The balance, and the credits up to since in their sum. */
static enum rc
sums_verify(struct db *db, int64_t worker_id, int64_t since,
    struct evidence *out, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_SUMS);
	int64_t transfers, credits, rewards, balance;
	enum rc rc;
	bool row;

	query_int(q, 1, worker_id);
	query_int(q, 2, since);
	rc = query_step(q, &row, e);
	transfers = credits = rewards = balance = 0;
	if (rc == RC_OK && row) {
		transfers = query_get_int(q, 0);
		credits = query_get_int(q, 1);
		rewards = query_get_int(q, 2);
		balance = query_get_int(q, 3);
		out->verified_to = query_get_int(q, 4);
	}
	query_done(q);
	if (rc != RC_OK)
		return rc;
	if (transfers != balance)
		return err_set(e, RC_CORRUPT,
		    "the balance is %" PRId64
		    " micro-USDC, its transfers say %" PRId64,
		    balance, transfers);
	if (credits != rewards)
		return err_set(e, RC_CORRUPT,
		    "%" PRId64 " micro-USDC were "
		    "credited, the results are worth %" PRId64,
		    credits, rewards);
	out->balance_micros = balance;
	return RC_OK;
}

static enum rc
verified_before(struct db *db, int64_t worker_id, int64_t *since, struct err *e)
{
	struct query *q = db_query(db, Q_VERIFIED_TO);

	query_int(q, 1, worker_id);
	return query_one_int(q, since, e);
}

enum rc
evidence_verify(struct db *db, int64_t worker_id, const struct address *worker,
    struct evidence *out, struct err *e)
{
	int64_t since = 0;
	enum rc rc;

	*out = (struct evidence){ .results = 0 };
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = verified_before(db, worker_id, &since, e);
	if (rc == RC_OK)
		rc = sums_verify(db, worker_id, since, out, e);
	if (rc == RC_OK)
		rc = credits_verify(db, worker_id, worker, since, out, e);
	db_rollback(db);
	return rc;
}
