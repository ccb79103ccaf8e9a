#include "ledger/forfeit.h"

#include <string.h>

#include "base/utf8.h"
#include "ledger/transfer.h"

/* The least of what is in the balance and what was credited since then. */
static enum rc
forfeitable(
    struct db *db, const struct forfeit *f, int64_t *micros, struct err *e)
{
	struct query *q = db_query(db, Q_FORFEITABLE);
	int64_t credited = 0, balance = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, f->worker);
	query_int(q, 2, f->since_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		credited = query_get_int(q, C_FORFEITABLE_CREDITED_MICROS);
		balance = query_get_int(q, C_FORFEITABLE_BALANCE_MICROS);
	}
	query_done(q);
	*micros = credited < balance ? credited : balance;
	if (*micros < 0)
		*micros = 0;
	return rc;
}

static enum rc
reason_insert(
    struct db *db, const struct forfeit *f, int64_t transfer, struct err *e)
{
	struct query *q = db_query(db, Q_FORFEIT_INSERT);

	query_int(q, 1, transfer);
	query_int(q, 2, f->since_ms);
	query_text(q, 3, slice_of(f->by));
	query_text(q, 4, slice_of(f->why));
	return query_run(q, e);
}

static enum rc
forfeit_move(struct db *db, const struct forfeit *f, int64_t now_ms,
    int64_t micros, struct err *e)
{
	struct transfer_row t = { .kind = slice_of("forfeit"),
		.at_ms = now_ms,
		.debit = f->worker,
		.credit = ACCOUNT_REWARDS,
		.amount_micros = micros };
	enum rc rc;

	rc = transfer_append(db, &t, e);
	return rc == RC_OK ? reason_insert(db, f, t.id, e) : rc;
}

enum rc
forfeit_credit(struct db *db, const struct forfeit *f, int64_t now_ms,
    int64_t *micros, struct err *e)
{
	size_t len = strlen(f->why);
	enum rc rc;

	*micros = 0;
	if (len == 0 || len > FORFEIT_WHY_MAX || !utf8_is_text(f->why, len))
		return err_set(e, RC_INVALID,
		    "why: expected 1 to %d bytes of UTF-8", FORFEIT_WHY_MAX);
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = forfeitable(db, f, micros, e);
	if (rc == RC_OK && *micros > 0)
		rc = forfeit_move(db, f, now_ms, *micros, e);
	return db_step_end(db, rc, e);
}
