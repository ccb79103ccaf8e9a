/* Payouts as the ledger has them: what only reads. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "eth/hex.h"
#include "ledger/payout.h"
#include "ledger/row_read.h"

/* Bytes of what was stored to be sent; what programs make has below 4096. */
#define AUTHORIZATION_BODY_MAX (1024 * 1024)

static enum rc
address_column(struct query *q, int col, struct address *out, struct err *e)
{
	return address_parse(out, NULL, query_get_text(q, col), e);
}

enum rc
payout_ledger_id(
    struct db *db, uint8_t id[static 32], int64_t *created_ms, struct err *e)
{
	struct query *q = db_query(db, Q_LEDGER_GET);
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && !row)
		rc = err_set(e, RC_CORRUPT, "the ledger has no id");
	if (rc == RC_OK)
		rc = hex_decode(id, 32, query_get_text(q, 0), e);
	if (rc == RC_OK)
		*created_ms = query_get_int(q, 1);
	query_done(q);
	return rc;
}

static enum rc
payee_read(struct payee *p, struct query *q, struct err *e)
{
	struct slice reason = query_get_text(q, C_PAYEES_HELD_BY_OPERATOR);

	*p = (struct payee){
		.worker_id = query_get_int(q, C_PAYEES_ID),
		.balance_micros = query_get_int(q, C_PAYEES_BALANCE_MICROS),
		.oldest_ms = query_get_int(q, C_PAYEES_OLDEST_MS),
		.next_seq = query_get_int(q, C_PAYEES_NEXT_SEQ),
		.last_day_micros = query_get_int(q, C_PAYEES_LAST_DAY_MICROS),
		.held = !query_is_null(q, C_PAYEES_HELD_BY_OPERATOR),
		.held_by_chain = !query_is_null(q, C_PAYEES_HELD_BY_CHAIN),
		.unsettled = query_get_int(q, C_PAYEES_UNSETTLED) != 0,
	};
	(void)snprintf(p->hold_reason, sizeof(p->hold_reason), "%.*s",
	    (int)reason.len, reason.p);
	return address_column(q, C_PAYEES_ADDRESS, &p->worker, e);
}

static enum rc
payee_append(struct payee_list *l, size_t *cap, struct query *q, struct err *e)
{
	struct payee *all;

	if (l->n == *cap) {
		*cap = *cap == 0 ? 64 : *cap * 2;
		all = reallocarray(l->all, *cap, sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "payees: no memory");
		l->all = all;
	}
	return payee_read(&l->all[l->n++], q, e);
}

enum rc
payout_payees(struct db *db, int64_t threshold_micros,
    const struct address *only, int64_t now_ms, struct payee_list *out,
    struct err *e)
{
	struct query *q = db_query(db, Q_PAYEES);
	char text[ADDRESS_LEN + 1] = "";
	size_t cap = 0;
	enum rc rc;
	bool row;

	*out = (struct payee_list){ NULL, 0 };
	if (only != NULL)
		address_format(text, only, ADDRESS_LOWER);
	query_int(q, 1, threshold_micros);
	query_text(q, 2, slice_of(text));
	query_int(q, 3, now_ms - 24 * 3600 * 1000LL);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = payee_append(out, &cap, q, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc != RC_OK)
		payee_list_free(out);
	return rc;
}

void
payee_list_free(struct payee_list *l)
{
	free(l->all);
	*l = (struct payee_list){ NULL, 0 };
}

static enum rc
range_check(int64_t payout, const char *what, int64_t got, int64_t min,
    int64_t max, struct err *e)
{
	if (got >= min && got <= max)
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "payout %" PRId64 ": its %s is %" PRId64 ", expected %" PRId64
	    " to %" PRId64,
	    payout, what, got, min, max);
}

enum rc
payout_check(const struct payout *p, struct err *e)
{
	const struct {
		const char *what;
		int64_t got, min, max;
	} columns[] = {
		{ "number", p->seq, 1, INT64_MAX },
		{ "amount", p->amount_micros, 1, AMOUNT_MAX_MICROS },
		{ "chain", p->source.chain_id, 1, INT64_MAX },
		{ "time", p->reserved_ms, 0, JSON_INT_MAX },
		{ "verified transfer", p->seal.verified_to, 0, INT64_MAX },
		{ "verified balance", p->seal.balance_micros, 0, INT64_MAX },
		{ "paid amount", p->paid_micros, 0, INT64_MAX },
	};
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < sizeof(columns) / sizeof(columns[0]);
	     i++)
		rc = range_check(p->id, columns[i].what, columns[i].got,
		    columns[i].min, columns[i].max, e);
	return rc;
}

enum rc
payout_auth_check(int64_t payout, const struct payout_auth *a, struct err *e)
{
	enum rc rc;

	rc = range_check(
	    payout, "time of signing", a->signed_ms, 0, JSON_INT_MAX, e);
	if (rc == RC_OK)
		rc = range_check(payout, "validity's end", a->valid_before,
		    a->signed_ms / 1000 + 1, VALID_BEFORE_MAX_S, e);
	if (rc == RC_OK)
		rc = range_check(payout, "validity's start", a->valid_after, 0,
		    a->valid_before, e);
	return rc != RC_OK
	    ? rc
	    : range_check(payout, "block", a->from_block, 0, INT64_MAX, e);
}

static enum rc
state_read(
    enum payout_state *out, int64_t payout, struct slice text, struct err *e)
{
	*out = PAYOUT_RESERVED; /* as the schema has it: it is open */
	if (payout_state_find(out, text))
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "payout %" PRId64 ": its state is \"%.*s\", which is none", payout,
	    (int)(text.len > 20 ? 20 : text.len), text.p);
}

/* What a row says that no program writes: which payout's it is, and what. */
static enum rc
unreadable(int64_t payout, enum rc rc, const struct err *cause, struct err *e)
{
	if (rc == RC_OK || rc == RC_NO_MEMORY || rc == RC_CORRUPT)
		return rc == RC_OK ? rc : err_set(e, rc, "%s", cause->msg);
	return err_set(
	    e, RC_CORRUPT, "payout %" PRId64 ": %s", payout, cause->msg);
}

/* What can be read is in *p also when the rest can't; its id always. */
static enum rc
payout_read(struct payout *p, struct query *q, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc;

	*p = (struct payout){
		.id = query_get_int(q, C_PAYOUT_NEXT_OPEN_ID),
		.worker_id = query_get_int(q, C_PAYOUT_NEXT_OPEN_WORKER),
		.seq = query_get_int(q, C_PAYOUT_NEXT_OPEN_SEQ),
		.amount_micros =
		    query_get_int(q, C_PAYOUT_NEXT_OPEN_AMOUNT_MICROS),
		.source.chain_id =
		    query_get_int(q, C_PAYOUT_NEXT_OPEN_CHAIN_ID),
		.reserved_ms = query_get_int(q, C_PAYOUT_NEXT_OPEN_RESERVED_MS),
		.paid_micros = query_get_int(q, C_PAYOUT_NEXT_OPEN_PAID_MICROS),
		.seal.verified_to =
		    query_get_int(q, C_PAYOUT_NEXT_OPEN_VERIFIED_TO),
		.seal.balance_micros =
		    query_get_int(q, C_PAYOUT_NEXT_OPEN_VERIFIED_MICROS),
	};
	/* Of a transfer that isn't there: then no seal fits. */
	(void)row_read_hash(
	    q, C_PAYOUT_NEXT_OPEN_VERIFIED_HASH, p->seal.verified_hash);
	rc = state_read(&p->state, p->id,
	    query_get_text(q, C_PAYOUT_NEXT_OPEN_STATE), &cause);
	if (rc == RC_OK)
		rc = payout_check(p, &cause);
	if (rc == RC_OK)
		rc = address_column(
		    q, C_PAYOUT_NEXT_OPEN_ADDRESS, &p->worker, &cause);
	if (rc == RC_OK)
		rc = hex_decode(p->nonce, PAYOUT_NONCE_LEN,
		    query_get_text(q, C_PAYOUT_NEXT_OPEN_NONCE), &cause);
	if (rc == RC_OK)
		rc = address_column(
		    q, C_PAYOUT_NEXT_OPEN_TOKEN, &p->source.token, &cause);
	if (rc == RC_OK)
		rc = address_column(q, C_PAYOUT_NEXT_OPEN_TREASURY,
		    &p->source.treasury, &cause);
	if (rc == RC_OK)
		rc = hex_decode(p->seal.signature, SIGNATURE_LEN,
		    query_get_text(q, C_PAYOUT_NEXT_OPEN_SEAL), &cause);
	return unreadable(p->id, rc, &cause, e);
}

enum rc
payout_next_open(struct db *db, int64_t after, struct payout *out, bool *found,
    struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_NEXT_OPEN);
	enum rc rc;

	query_int(q, 1, after);
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found)
		rc = payout_read(out, q, e);
	query_done(q);
	return rc;
}

enum rc
payout_by_nonce(struct db *db, const uint8_t nonce[static PAYOUT_NONCE_LEN],
    struct payout *out, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_BY_NONCE);
	char text[HEX_SIZE(PAYOUT_NONCE_LEN)];
	enum rc rc;
	bool row;

	hex_encode(text, nonce, PAYOUT_NONCE_LEN);
	query_text(q, 1, slice_of(text));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = payout_read(out, q, e);
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "no payout has nonce %s", text);
	return rc;
}

enum rc
payout_auth_get(
    struct db *db, int64_t payout, struct payout_auth *out, struct err *e)
{
	struct query *q = db_query(db, Q_AUTHORIZATION_GET);
	struct err cause = ERR_INIT;
	struct slice body;
	enum rc rc;
	bool row;

	*out = (struct payout_auth){ .signed_ms = 0 };
	buf_init(&out->body, AUTHORIZATION_BODY_MAX);
	query_int(q, 1, payout);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->signed_ms =
		    query_get_int(q, C_AUTHORIZATION_GET_SIGNED_MS);
		out->valid_after =
		    query_get_int(q, C_AUTHORIZATION_GET_VALID_AFTER);
		out->valid_before =
		    query_get_int(q, C_AUTHORIZATION_GET_VALID_BEFORE);
		out->from_block =
		    query_get_int(q, C_AUTHORIZATION_GET_FROM_BLOCK);
		body = query_get_text(q, C_AUTHORIZATION_GET_BODY);
		buf_add(&out->body, body.p, body.len);
		rc = hex_decode(out->signature, SIGNATURE_LEN,
		    query_get_text(q, C_AUTHORIZATION_GET_SIGNATURE), &cause);
		if (rc == RC_OK)
			rc = buf_status(&out->body, &cause);
		if (rc == RC_OK)
			rc = payout_auth_check(payout, out, &cause);
		rc = unreadable(payout, rc, &cause, e);
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_NOT_FOUND, "payout %" PRId64 " isn't signed", payout);
	return rc;
}

void
payout_auth_free(struct payout_auth *a)
{
	buf_free(&a->body);
}

enum rc
payout_posted_in(
    struct db *db, int64_t payout, struct payment *out, struct err *e)
{
	struct query *q = db_query(db, Q_EVENT_POSTED);
	struct slice tx;
	enum rc rc;
	bool row;

	*out = (struct payment){ .micros = 0 };
	query_int(q, 1, payout);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		tx = query_get_text(q, 0);
		(void)snprintf(
		    out->tx, sizeof(out->tx), "%.*s", (int)tx.len, tx.p);
		out->block = query_get_int(q, 1);
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_CORRUPT,
		    "payout %" PRId64 ": no event says where it was posted",
		    payout);
	return rc;
}

/* The text that a statement has of a payout, cut to size; "": none. */
static enum rc
text_of(struct db *db, enum query_id id, int64_t payout, char *out, size_t size,
    struct err *e)
{
	struct query *q = db_query(db, id);
	struct slice text;
	enum rc rc;
	bool row;

	out[0] = '\0';
	query_int(q, 1, payout);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		text = query_get_text(q, 0);
		(void)snprintf(out, size, "%.*s", (int)text.len, text.p);
	}
	query_done(q);
	return rc;
}

enum rc
payout_last_tx(
    struct db *db, int64_t payout, char tx[static TX_LEN + 1], struct err *e)
{
	return text_of(db, Q_EVENT_LAST_TX, payout, tx, TX_LEN + 1, e);
}

enum rc
payout_sent_to(
    struct db *db, int64_t payout, char *out, size_t size, struct err *e)
{
	return text_of(db, Q_EVENT_SUBMITTED, payout, out, size, e);
}

enum rc
payout_in_flight(struct db *db, const struct payout_source *s, int64_t *micros,
    struct err *e)
{
	char token[ADDRESS_LEN + 1], treasury[ADDRESS_LEN + 1];
	struct query *q = db_query(db, Q_IN_FLIGHT);

	address_format(token, &s->token, ADDRESS_LOWER);
	address_format(treasury, &s->treasury, ADDRESS_LOWER);
	query_int(q, 1, s->chain_id);
	query_text(q, 2, slice_of(token));
	query_text(q, 3, slice_of(treasury));
	return query_one_int(q, micros, e);
}

enum rc
payout_unsettled(struct db *db, int64_t *n, int64_t *oldest_ms, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_UNSETTLED);
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	*n = rc == RC_OK && row ? query_get_int(q, 0) : 0;
	if (oldest_ms != NULL)
		*oldest_ms = rc == RC_OK && row ? query_get_int(q, 1) : 0;
	query_done(q);
	return rc;
}

enum rc
payout_worker_has_open(
    struct db *db, int64_t worker_id, bool *open, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_HAS_OPEN);
	int64_t n = 0;
	enum rc rc;

	query_int(q, 1, worker_id);
	rc = query_one_int(q, &n, e);
	*open = n != 0;
	return rc;
}

enum rc
payout_is_held(struct db *db, int64_t worker_id, bool *held, struct err *e)
{
	struct query *q = db_query(db, Q_HELD);

	query_int(q, 1, worker_id);
	return query_any(q, held, e);
}

enum rc
payout_hold_reason(struct db *db, int64_t worker_id, bool *held,
    char reason[static HOLD_REASON_MAX + 1], struct err *e)
{
	struct query *q = db_query(db, Q_HOLD_REASON);
	struct slice text;
	enum rc rc;

	reason[0] = '\0';
	query_int(q, 1, worker_id);
	rc = query_step(q, held, e);
	*held = rc == RC_OK && *held;
	if (*held) {
		text = query_get_text(q, 0);
		(void)snprintf(
		    reason, HOLD_REASON_MAX + 1, "%.*s", (int)text.len, text.p);
	}
	query_done(q);
	return rc;
}

enum rc
scanned_get(
    struct db *db, const struct payout_source *s, int64_t *block, struct err *e)
{
	char treasury[ADDRESS_LEN + 1];
	struct query *q = db_query(db, Q_CHAIN_SEEN_GET);
	enum rc rc;

	address_format(treasury, &s->treasury, ADDRESS_LOWER);
	query_int(q, 1, s->chain_id);
	query_text(q, 2, slice_of(treasury));
	rc = query_one_int(q, block, e);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}
