#include "ledger/transfer.h"

#include "base/limits.h"
#include "ledger/tail.h"

enum rc
transfer_tail(struct db *db, struct tail *tail, struct err *e)
{
	return tail_read(db, Q_TRANSFER_LAST, tail, e);
}

static enum rc
account_add(
    struct db *db, int64_t account, int64_t amount_micros, struct err *e)
{
	struct query *q = db_query(db, Q_ACCOUNT_ADD);
	enum rc rc;

	query_int(q, 1, account);
	query_int(q, 2, amount_micros);
	rc = query_run(q, e);
	if (rc == RC_OK && db_changes(db) != 1)
		return err_set(e, RC_CORRUPT, "account %lld doesn't exist",
		    (long long)account);
	return rc;
}

enum rc
transfer_insert(struct db *db, const struct transfer_row *t,
    const uint8_t hash[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_TRANSFER_INSERT);
	enum rc rc;

	CHECK(t->id > 0 && t->format == TRANSFER_FORMAT);
	CHECK(t->debit > 0 && t->credit > 0 && t->debit != t->credit);
	CHECK(t->at_ms >= 0 && t->at_ms <= JSON_INT_MAX);
	/* It is a sum of what rows say, which others may have written. */
	if (t->amount_micros <= 0 || t->amount_micros > AMOUNT_MAX_MICROS)
		return err_set(e, RC_CORRUPT,
		    "transfer %lld: would move %lld micro-USDC",
		    (long long)t->id, (long long)t->amount_micros);

	query_int(q, 1, t->id);
	query_int(q, 2, t->at_ms);
	query_text(q, 3, t->kind);
	query_int(q, 4, t->debit);
	query_int(q, 5, t->credit);
	query_int(q, 6, t->amount_micros);
	query_bytes(q, 7, hash, KECCAK256_LEN);
	query_int(q, 8, t->format);
	rc = query_run(q, e);
	if (rc == RC_OK)
		rc = account_add(db, t->debit, -t->amount_micros, e);
	if (rc == RC_OK)
		rc = account_add(db, t->credit, t->amount_micros, e);
	return rc;
}

enum rc
transfer_append(struct db *db, struct transfer_row *t, struct err *e)
{
	uint8_t hash[KECCAK256_LEN];
	struct transfer_link link;
	struct tail tail;
	enum rc rc;

	rc = transfer_tail(db, &tail, e);
	if (rc != RC_OK)
		return rc;
	t->format = TRANSFER_FORMAT;
	t->id = tail.last_id + 1;
	link_transfer_begin(&link, &tail, t, NULL);
	link_transfer_end(&link, hash);
	return transfer_insert(db, t, hash, e);
}

static enum rc
transfer_time(
    struct db *db, int64_t from, int64_t *id, int64_t *at_ms, struct err *e)
{
	struct query *q = db_query(db, Q_TRANSFER_FROM);
	enum rc rc;
	bool row;

	*id = *at_ms = 0;
	query_int(q, 1, from);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*id = query_get_int(q, 0);
		*at_ms = query_get_int(q, 1);
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_CORRUPT, "transfers have changed");
	return rc;
}

enum rc
transfer_at(struct db *db, int64_t at_ms, int64_t *id, struct err *e)
{
	int64_t low = 1, middle, found, found_ms;
	struct tail tail;
	enum rc rc;

	rc = transfer_tail(db, &tail, e);
	/* The wanted one is in [low, *id). */
	*id = rc == RC_OK ? tail.last_id + 1 : 1;
	while (rc == RC_OK && low < *id) {
		middle = low + (*id - low) / 2;
		rc = transfer_time(db, middle, &found, &found_ms, e);
		if (rc != RC_OK)
			return rc;
		if (found_ms < at_ms)
			low = found + 1;
		else
			*id = middle;
	}
	return rc;
}
