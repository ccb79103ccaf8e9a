#include "ledger/submission.h"

#include <string.h>

#include "eth/hex.h"

void
submission_free(struct submission *s)
{
	buf_free(&s->data);
}

struct transaction
submission_transaction(const struct submission *s)
{
	return (struct transaction){
		.chain_id = (uint64_t)s->sender.chain_id,
		.nonce = (uint64_t)s->nonce,
		.tip_wei = (uint64_t)s->tip_wei,
		.max_fee_wei = (uint64_t)s->max_fee_wei,
		.gas_limit = (uint64_t)s->gas_limit,
		.to = s->to,
		.data = { s->data.p, s->data.len },
	};
}

enum rc
submission_write(struct buf *raw, const struct submission *s, struct err *e)
{
	struct transaction t = submission_transaction(s);
	uint8_t hash[KECCAK256_LEN];
	enum rc rc;

	if (s->signature[64] == 27 || s->signature[64] == 28) {
		rc = transaction_write(raw, hash, &t, s->signature, e);
		if (rc != RC_OK || memcmp(hash, s->hash, sizeof(hash)) == 0)
			return rc;
	}
	return err_set(e, RC_CORRUPT,
	    "submission %lld: its bytes don't have its hash", (long long)s->id);
}

static void
bind_sender(struct query *q, const struct sender *sender,
    char text[static ADDRESS_LEN + 1])
{
	address_format(text, &sender->account, ADDRESS_LOWER);
	query_int(q, 1, sender->chain_id);
	query_text(q, 2, (struct slice){ text, ADDRESS_LEN });
}

/* ---- Steps ---- */

static enum rc
form_insert(
    struct db *db, const struct submission *s, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_FORM_INSERT);
	char hash[HEX_SIZE(KECCAK256_LEN)], signature[HEX_SIZE(SIGNATURE_LEN)];

	hex_encode(hash, s->hash, KECCAK256_LEN);
	hex_encode(signature, s->signature, SIGNATURE_LEN);
	query_int(q, 1, s->id);
	query_int(q, 2, s->max_fee_wei);
	query_int(q, 3, s->tip_wei);
	query_text(q, 4, slice_of(hash));
	query_text(q, 5, slice_of(signature));
	query_int(q, 6, now_ms);
	return query_run(q, e);
}

static enum rc
submission_insert(struct db *db, struct submission *s, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_INSERT);
	char target[ADDRESS_LEN + 1], account[ADDRESS_LEN + 1];
	enum rc rc;

	address_format(target, &s->to, ADDRESS_LOWER);
	bind_sender(q, &s->sender, account);
	query_int(q, 3, s->nonce);
	query_text(q, 4, slice_of(target));
	query_bytes(q, 5, s->data.p, s->data.len);
	query_int(q, 6, s->gas_limit);
	query_int(q, 7, s->queued_ms);
	rc = query_run(q, e);
	s->id = rc == RC_OK ? db_last_id(db) : 0;
	return rc;
}

static enum rc
payouts_insert(struct db *db, const struct submission *s, struct err *e)
{
	struct query *q;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < s->count; i++) {
		q = db_query(db, Q_SUBMISSION_PAYOUT_INSERT);
		query_int(q, 1, s->id);
		query_int(q, 2, (int64_t)i);
		query_int(q, 3, s->payouts[i]);
		rc = query_run(q, e);
	}
	return rc;
}

enum rc
submission_queue(struct db *db, struct submission *s, struct err *e)
{
	enum rc rc;

	CHECK(s->count > 0 && s->count <= TRANSFERS_MAX && s->data.len > 0);
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = submission_insert(db, s, e);
	if (rc == RC_OK)
		rc = payouts_insert(db, s, e);
	if (rc == RC_OK)
		rc = form_insert(db, s, s->queued_ms, e);
	return db_step_end(db, rc, e);
}

enum rc
submission_replace(
    struct db *db, const struct submission *s, int64_t now_ms, struct err *e)
{
	enum rc rc;

	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = form_insert(db, s, now_ms, e);
	return db_step_end(db, rc, e);
}

enum rc
submission_done(struct db *db, const struct submission *s, int64_t cost_wei,
    int64_t now_ms, struct err *e)
{
	struct query *q;
	enum rc rc;

	rc = db_step_begin(db, e);
	q = db_query(db, Q_SUBMISSION_DONE);
	query_int(q, 1, s->id);
	query_int(q, 2, now_ms);
	if (cost_wei >= 0)
		query_int(q, 3, cost_wei);
	else
		query_null(q, 3);
	if (rc == RC_OK)
		rc = query_run(q, e);
	else
		query_done(q);
	return db_step_end(db, rc, e);
}

/* ---- Reading ---- */

static enum rc
payouts_read(struct submission *s, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_PAYOUTS);
	enum rc rc;
	bool row;

	query_int(q, 1, s->id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (s->count == TRANSFERS_MAX) {
			rc = err_set(e, RC_CORRUPT,
			    "submission %lld has more than %d payouts",
			    (long long)s->id, TRANSFERS_MAX);
			break;
		}
		s->payouts[s->count++] = query_get_int(q, 0);
	}
	query_done(q);
	return rc;
}

enum rc
submission_read(struct submission *s, struct query *q, struct err *e)
{
	struct slice data = query_get_bytes(q, C_SUBMISSION_NEXT_OPEN_DATA);
	enum rc rc;

	s->id = query_get_int(q, C_SUBMISSION_NEXT_OPEN_ID);
	s->nonce = query_get_int(q, C_SUBMISSION_NEXT_OPEN_NONCE);
	s->gas_limit = query_get_int(q, C_SUBMISSION_NEXT_OPEN_GAS_LIMIT);
	s->queued_ms = query_get_int(q, C_SUBMISSION_NEXT_OPEN_QUEUED_MS);
	s->max_fee_wei = query_get_int(q, C_SUBMISSION_NEXT_OPEN_MAX_FEE_WEI);
	s->tip_wei = query_get_int(q, C_SUBMISSION_NEXT_OPEN_TIP_WEI);
	buf_add(&s->data, data.p, data.len);
	rc = address_parse(
	    &s->to, NULL, query_get_text(q, C_SUBMISSION_NEXT_OPEN_TARGET), e);
	if (rc == RC_OK)
		rc = hex_decode(s->hash, KECCAK256_LEN,
		    query_get_text(q, C_SUBMISSION_NEXT_OPEN_HASH), e);
	if (rc == RC_OK)
		rc = hex_decode(s->signature, SIGNATURE_LEN,
		    query_get_text(q, C_SUBMISSION_NEXT_OPEN_SIGNATURE), e);
	return rc == RC_OK ? buf_status(&s->data, e) : rc;
}

enum rc
submission_next_open(struct db *db, const struct sender *sender, int64_t after,
    struct submission *out, bool *found, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_NEXT_OPEN);
	char account[ADDRESS_LEN + 1];
	enum rc rc;

	*out = (struct submission){ .sender = *sender };
	buf_init(&out->data, TRANSACTION_DATA_MAX);
	bind_sender(q, sender, account);
	query_int(q, 3, after);
	*found = false;
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found)
		rc = submission_read(out, q, e);
	query_done(q);
	if (rc == RC_OK && *found)
		rc = payouts_read(out, db, e);
	if (rc != RC_OK)
		submission_free(out);
	return rc;
}

enum rc
submission_hashes(struct db *db, int64_t id,
    uint8_t out[FORMS_MAX][KECCAK256_LEN], size_t *n, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_HASHES);
	enum rc rc;
	bool row;

	*n = 0;
	query_int(q, 1, id);
	while (
	    (rc = query_step(q, &row, e)) == RC_OK && row && *n < FORMS_MAX) {
		rc =
		    hex_decode(out[*n], KECCAK256_LEN, query_get_text(q, 0), e);
		if (rc != RC_OK)
			break;
		++*n;
	}
	query_done(q);
	return rc;
}

enum rc
submission_next_nonce(
    struct db *db, const struct sender *sender, int64_t *nonce, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_NEXT_NONCE);
	char account[ADDRESS_LEN + 1];

	bind_sender(q, sender, account);
	return query_one_int(q, nonce, e);
}

enum rc
submission_spent_gwei(struct db *db, const struct sender *sender,
    int64_t since_ms, int64_t *gwei, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_COST);
	char account[ADDRESS_LEN + 1];

	bind_sender(q, sender, account);
	query_int(q, 3, since_ms);
	return query_one_int(q, gwei, e);
}

enum rc
submission_foreign(struct db *db, const struct sender *sender, int64_t *nonce,
    bool *found, struct err *e)
{
	struct query *q = db_query(db, Q_SUBMISSION_FOREIGN);
	char account[ADDRESS_LEN + 1];
	enum rc rc;

	bind_sender(q, sender, account);
	rc = query_one_int(q, nonce, e);
	*found = rc == RC_OK;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}
