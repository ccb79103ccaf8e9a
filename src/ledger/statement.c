#include "ledger/statement.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/payout_run.h"

/* A kind of lines: from a row into place i. */
typedef enum rc
line_fn(struct statement *s, size_t i, struct query *q, struct err *e);

static enum rc
payout_line(struct statement *s, size_t i, struct query *q, struct err *e)
{
	struct statement_payout *p = &s->payouts[i];

	p->number = query_get_int(q, C_WORKER_PAYOUTS_SEQ);
	p->reserved_ms = query_get_int(q, C_WORKER_PAYOUTS_RESERVED_MS);
	p->amount_micros = query_get_int(q, C_WORKER_PAYOUTS_AMOUNT_MICROS);
	p->paid_micros = query_get_int(q, C_WORKER_PAYOUTS_PAID_MICROS);
	p->chain_id = query_get_int(q, C_WORKER_PAYOUTS_CHAIN_ID);
	slice_copy(
	    p->tx, sizeof(p->tx), query_get_text(q, C_WORKER_PAYOUTS_TX));
	return payout_state_find(
		   &p->state, query_get_text(q, C_WORKER_PAYOUTS_STATE))
	    ? RC_OK
	    : err_set(e, RC_CORRUPT, "a payout's state is none");
}

static enum rc
credit_line(struct statement *s, size_t i, struct query *q, struct err *e)
{
	(void)e;
	s->credits[i] = (struct statement_credit){
		.at_ms = query_get_int(q, 0),
		.micros = query_get_int(q, 1),
		.results = query_get_int(q, 2),
		.recovered = slice_is(query_get_text(q, 3), "recover"),
	};
	return RC_OK;
}

static enum rc
forfeit_line(struct statement *s, size_t i, struct query *q, struct err *e)
{
	struct statement_forfeit *f = &s->forfeits[i];

	(void)e;
	f->at_ms = query_get_int(q, C_FORFEIT_LIST_AT_MS);
	f->micros = query_get_int(q, C_FORFEIT_LIST_MICROS);
	f->since_ms = query_get_int(q, C_FORFEIT_LIST_SINCE_MS);
	f->by_record = slice_is(query_get_text(q, C_FORFEIT_LIST_BY), "record");
	slice_copy(
	    f->why, sizeof(f->why), query_get_text(q, C_FORFEIT_LIST_WHY));
	return RC_OK;
}

static enum rc
lines_read(struct db *db, struct statement *s, enum query_id id, line_fn *line,
    size_t *n, struct err *e)
{
	struct query *q = db_query(db, id);
	bool row = false;
	enum rc rc = RC_OK;

	query_int(q, 1, s->account.id);
	query_int(q, 2, STATEMENT_LINES);
	*n = 0;
	while (rc == RC_OK && *n < STATEMENT_LINES &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = line(s, *n, q, e);
		*n += rc == RC_OK;
	}
	query_done(q);
	return rc;
}

static enum rc
hold_read(struct db *db, struct statement *s, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_HELD);
	enum rc rc;
	bool row;

	query_int(q, 1, s->account.id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		if (query_get_int(q, 0) > 0)
			s->hold = HELD_ALL;
		else if (query_get_int(q, 1) > 0)
			s->hold = HELD_BY_OPERATOR;
		else if (query_get_int(q, 2) > 0)
			s->hold = HELD_BY_TOKEN;
	}
	query_done(q);
	return rc;
}

static enum rc
runs_read(struct db *db, struct statement *s, struct err *e)
{
	enum rc rc =
	    payout_run_rhythm(db, &s->last_run_ms, &s->run_every_ms, e);

	/* By a clock that was ahead. */
	if (s->last_run_ms > s->now_ms)
		s->run_every_ms = 0;
	if (rc == RC_OK && s->run_every_ms > 0 &&
	    s->last_run_ms + s->run_every_ms > s->now_ms)
		s->next_run_ms = s->last_run_ms + s->run_every_ms;
	return rc;
}

static enum rc
all_read(struct db *db, const struct address *address, struct statement *s,
    struct err *e)
{
	enum rc rc = account_read(db, address, s->now_ms, &s->account, e);

	if (rc == RC_OK)
		rc = lines_read(
		    db, s, Q_WORKER_PAYOUTS, payout_line, &s->payouts_n, e);
	if (rc == RC_OK)
		rc = lines_read(
		    db, s, Q_WORKER_CREDITS, credit_line, &s->credits_n, e);
	if (rc == RC_OK)
		rc = lines_read(
		    db, s, Q_FORFEIT_LIST, forfeit_line, &s->forfeits_n, e);
	if (rc == RC_OK)
		rc = hold_read(db, s, e);
	if (rc == RC_OK)
		rc = runs_read(db, s, e);
	if (rc == RC_OK)
		rc = refusals_read(db, s->account.id, s->now_ms, s->refusals,
		    STATEMENT_REFUSALS, &s->refusals_n, &s->refused, e);
	return rc;
}

enum rc
statement_read(struct db *db, const struct address *address, int64_t now_ms,
    struct statement *out, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->now_ms = now_ms;
	rc = db_begin_read(db, e);
	if (rc != RC_OK)
		return rc;
	rc = all_read(db, address, out, e);
	db_rollback(db);
	return rc;
}

static enum rc
page_lines_read(struct db *db, struct statement_page *p, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_TRANSFERS);
	struct statement_transfer *t;
	bool row = false;
	enum rc rc = RC_OK;

	query_int(q, 1, p->account.id);
	query_int(q, 2, p->before);
	query_int(q, 3, STATEMENT_TRANSFERS + 1);
	while (!p->more && (rc = query_step(q, &row, e)) == RC_OK && row) {
		p->more = p->n == STATEMENT_TRANSFERS;
		if (p->more)
			break;
		t = &p->all[p->n++];
		t->id = query_get_int(q, C_WORKER_TRANSFERS_ID);
		t->at_ms = query_get_int(q, C_WORKER_TRANSFERS_AT_MS);
		t->micros = query_get_int(q, C_WORKER_TRANSFERS_MICROS);
		t->results = query_get_int(q, C_WORKER_TRANSFERS_RESULTS);
		slice_copy(t->kind, sizeof(t->kind),
		    query_get_text(q, C_WORKER_TRANSFERS_KIND));
	}
	query_done(q);
	return rc;
}

enum rc
statement_page_read(struct db *db, const struct address *address,
    int64_t now_ms, int64_t before, struct statement_page *out, struct err *e)
{
	enum rc rc;

	memset(out, 0, sizeof(*out));
	out->now_ms = now_ms;
	out->before = before;
	rc = db_begin_read(db, e);
	if (rc != RC_OK)
		return rc;
	rc = account_read(db, address, now_ms, &out->account, e);
	if (rc == RC_OK)
		rc = page_lines_read(db, out, e);
	db_rollback(db);
	return rc;
}

const char *
statement_hold_name(enum statement_hold hold)
{
	static const char *const names[] = { "", "everybody", "operator",
		"token" };

	return names[hold];
}
