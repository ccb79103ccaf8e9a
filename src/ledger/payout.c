/* The steps of a payout: what changes the ledger. */
#include "ledger/payout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"
#include "ledger/finding.h"
#include "ledger/tail.h"
#include "ledger/transfer.h"
#include "ledger/worker.h"

static const char *const state_names[] = {
	[PAYOUT_RESERVED] = "reserved",
	[PAYOUT_SIGNED] = "signed",
	[PAYOUT_SUBMITTED] = "submitted",
	[PAYOUT_POSTED] = "posted",
	[PAYOUT_FINAL] = "final",
	[PAYOUT_VOIDED] = "voided",
};

static_assert(sizeof(state_names) / sizeof(state_names[0]) == PAYOUT_STATES,
    "each state has its name");

const char *
payout_state_name(enum payout_state state)
{
	return state_names[state];
}

bool
payout_state_find(enum payout_state *out, struct slice name)
{
	int i;

	for (i = 0; i < PAYOUT_STATES; i++)
		if (slice_is(name, state_names[i])) {
			*out = (enum payout_state)i;
			return true;
		}
	return false;
}

/* What an event says besides the payout, its kind and its time. */
struct note {
	int64_t transfer;
	const char *tx;
	int64_t block;
	const char *detail;
};

static enum rc
event_add(struct db *db, int64_t payout, const char *kind, const struct note *n,
    int64_t now_ms, struct err *e)
{
	struct event_row ev = { .format = EVENT_FORMAT,
		.payout = payout,
		.at_ms = now_ms,
		.kind = slice_of(kind),
		.transfer = n->transfer,
		.tx = slice_of(n->tx == NULL ? "" : n->tx),
		.block = n->block,
		.detail = slice_of(n->detail == NULL ? "" : n->detail) };
	uint8_t hash[KECCAK256_LEN];
	struct tail tail;
	struct query *q;
	enum rc rc;

	rc = tail_read(db, Q_EVENT_LAST, &tail, e);
	if (rc != RC_OK)
		return rc;
	ev.id = tail.last_id + 1;
	link_event(hash, &tail, &ev);
	CHECK(ev.payout > 0 && ev.at_ms >= 0 && ev.at_ms <= JSON_INT_MAX);
	q = db_query(db, Q_EVENT_INSERT);
	query_int(q, 1, ev.id);
	query_int(q, 2, ev.payout);
	query_int(q, 3, ev.at_ms);
	query_text(q, 4, ev.kind);
	if (ev.transfer != 0)
		query_int(q, 5, ev.transfer);
	if (ev.tx.len > 0)
		query_text(q, 6, ev.tx);
	if (ev.block != 0)
		query_int(q, 7, ev.block);
	query_text(q, 8, ev.detail);
	query_bytes(q, 9, hash, sizeof(hash));
	query_int(q, 10, ev.format);
	return query_run(q, e);
}

/* Moves money for a payout; the transfer's id goes to *id. */
static enum rc
move(struct db *db, const char *kind, int64_t debit, int64_t credit,
    int64_t micros, int64_t now_ms, int64_t *id, struct err *e)
{
	struct transfer_row t = { .at_ms = now_ms,
		.kind = slice_of(kind),
		.debit = debit,
		.credit = credit,
		.amount_micros = micros };
	enum rc rc = transfer_append(db, &t, e);

	*id = t.id;
	return rc;
}

/*
 * Money of p that the amount alone doesn't explain. Each movement has an
 * event of its own, so that the audit can tell what every one is for. Of t
 * are given its kind, a literal, both accounts and the amount.
 */
static enum rc
adjust(struct db *db, const struct payout *p, const struct transfer_row *t,
    const char *why, int64_t now_ms, struct err *e)
{
	struct note n = { .detail = why };
	enum rc rc;

	rc = move(db, t->kind.p, t->debit, t->credit, t->amount_micros, now_ms,
	    &n.transfer, e);
	return rc != RC_OK ? rc : event_add(db, p->id, "chain", &n, now_ms, e);
}

/* It was to be less: some goes back to the worker. */
static enum rc
give_back(struct db *db, const struct payout *p, int64_t micros,
    const char *why, int64_t now_ms, struct err *e)
{
	return adjust(db, p,
	    &(struct transfer_row){ .kind = slice_of("void"),
		.debit = ACCOUNT_IN_FLIGHT,
		.credit = p->worker_id,
		.amount_micros = micros },
	    why, now_ms, e);
}

enum rc
payout_lost(struct db *db, int64_t worker_id, int64_t micros, int64_t *lost,
    struct err *e)
{
	struct query *q;
	int64_t balance = 0;
	enum rc rc = RC_OK;

	if (worker_id != 0) {
		q = db_query(db, Q_ACCOUNT_BALANCE);
		query_int(q, 1, worker_id);
		rc = query_one_int(q, &balance, e);
	}
	*lost = micros > balance ? micros - balance : 0;
	return rc;
}

/* As much as its seal says, and it is what is missing. */
static enum rc
recover_missing(
    struct db *db, const struct payout *p, int64_t now_ms, struct err *e)
{
	int64_t lost;
	enum rc rc = payout_lost(db, p->worker_id, p->amount_micros, &lost, e);

	if (rc == RC_OK && lost != p->seal.balance_micros)
		return err_set(e, RC_CONFLICT,
		    "its balance has changed since it was sealed");
	if (rc != RC_OK || lost == 0)
		return rc;
	return adjust(db, p,
	    &(struct transfer_row){ .kind = slice_of("recover"),
		.debit = ACCOUNT_REWARDS,
		.credit = p->worker_id,
		.amount_micros = lost },
	    "it paid credit that the ledger has lost", now_ms, e);
}

/*
 * Moves p to a new state if the ledger still has it in the old one: another
 * program, or an operator's shell, may have been there.
 */
static enum rc
state_set(
    struct db *db, struct payout *p, enum payout_state state, struct err *e)
{
	struct query *q = db_query(db, Q_PAYOUT_SET_STATE);
	enum rc rc;

	CHECK(p->id > 0 && p->paid_micros >= 0);

	query_int(q, 1, p->id);
	query_text(q, 2, slice_of(state_names[p->state]));
	query_text(q, 3, slice_of(state_names[state]));
	query_int(q, 4, p->paid_micros);
	rc = query_run(q, e);
	if (rc == RC_OK && db_changes(db) != 1)
		return err_set(e, RC_CONFLICT,
		    "payout %" PRId64 ": not %s any more", p->id,
		    state_names[p->state]);
	if (rc == RC_OK)
		p->state = state;
	return rc;
}

static enum rc
payout_insert(struct db *db, struct payout *p, struct err *e)
{
	char nonce[HEX_SIZE(PAYOUT_NONCE_LEN)];
	char token[ADDRESS_LEN + 1], treasury[ADDRESS_LEN + 1];
	char seal[HEX_SIZE(SIGNATURE_LEN)];
	struct query *q;
	enum rc rc;

	rc = payout_check(p, e);
	if (rc != RC_OK)
		return rc;
	hex_encode(nonce, p->nonce, PAYOUT_NONCE_LEN);
	address_format(token, &p->source.token, ADDRESS_LOWER);
	address_format(treasury, &p->source.treasury, ADDRESS_LOWER);
	hex_encode(seal, p->seal.signature, SIGNATURE_LEN);
	q = db_query(db, Q_PAYOUT_INSERT);
	query_int(q, 1, p->worker_id);
	query_int(q, 2, p->seq);
	query_int(q, 3, p->amount_micros);
	query_text(q, 4, slice_of(nonce));
	query_int(q, 5, p->source.chain_id);
	query_text(q, 6, slice_of(token));
	query_text(q, 7, slice_of(treasury));
	query_int(q, 8, p->reserved_ms);
	query_text(q, 9, slice_of(state_names[p->state]));
	query_int(q, 10, p->paid_micros);
	query_int(q, 11, p->seal.verified_to);
	query_int(q, 12, p->seal.balance_micros);
	query_text(q, 13, slice_of(seal));
	rc = query_run(q, e);
	p->id = db_last_id(db);
	return rc;
}

/*
 * What was verified is what the balance held then. Had any of it been taken
 * since, credit that nobody verified would make up for it now.
 */
static enum rc
untouched_check(struct db *db, const struct payout *p, struct err *e)
{
	struct query *q = db_query(db, Q_TAKEN_SINCE);
	enum rc rc;
	bool taken;

	query_int(q, 1, p->worker_id);
	query_int(q, 2, p->seal.verified_to);
	rc = query_any(q, &taken, e);
	if (rc == RC_OK && taken)
		return err_set(e, RC_CONFLICT,
		    "its balance was paid from since it was verified");
	return rc;
}

static enum rc
reserve(struct db *db, struct payout *p, struct err *e)
{
	struct note n = { .detail = "" };
	enum rc rc;

	rc = untouched_check(db, p, e);
	if (rc == RC_OK)
		rc = payout_insert(db, p, e);
	if (rc == RC_OK)
		rc = move(db, "reserve", p->worker_id, ACCOUNT_IN_FLIGHT,
		    p->amount_micros, p->reserved_ms, &n.transfer, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "reserved", &n, p->reserved_ms, e);
	return rc;
}

enum rc
payout_reserve(struct db *db, struct payout *p, struct err *e)
{
	enum rc rc;

	p->state = PAYOUT_RESERVED;
	p->paid_micros = 0;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = reserve(db, p, e);
	return db_step_end(db, rc, e);
}

static enum rc
auth_insert(struct db *db, const struct payout *p, const struct payout_auth *a,
    struct err *e)
{
	char signature[HEX_SIZE(SIGNATURE_LEN)];
	struct query *q = db_query(db, Q_AUTHORIZATION_INSERT);

	hex_encode(signature, a->signature, SIGNATURE_LEN);
	query_int(q, 1, p->id);
	query_int(q, 2, a->signed_ms);
	query_int(q, 3, a->valid_after);
	query_int(q, 4, a->valid_before);
	query_text(q, 5, slice_of(signature));
	query_int(q, 6, a->from_block);
	query_text(q, 7, (struct slice){ a->body.p, a->body.len });
	return query_run(q, e);
}

enum rc
payout_sign(struct db *db, struct payout *p, const struct payout_auth *a,
    int64_t results, struct err *e)
{
	char verified[80], until[80];
	struct payout before = *p;
	enum rc rc;

	if (results >= 0)
		(void)snprintf(verified, sizeof(verified),
		    "%" PRId64 " signatures of results verified again",
		    results);
	else
		(void)snprintf(verified, sizeof(verified),
		    "verified again when it was reserved");
	(void)snprintf(
	    until, sizeof(until), "valid before %" PRId64, a->valid_before);
	rc = payout_auth_check(p->id, a, e);
	if (rc != RC_OK)
		return rc;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = auth_insert(db, p, a, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_SIGNED, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "verified",
		    &(struct note){ .detail = verified }, a->signed_ms, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "signed",
		    &(struct note){ .detail = until }, a->signed_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

enum rc
payout_submit(struct db *db, struct payout *p, const char *to_url,
    int64_t now_ms, struct err *e)
{
	struct payout before = *p;
	enum rc rc;

	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_SUBMITTED, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "submitted",
		    &(struct note){ .detail = to_url }, now_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

static enum rc
one_event(struct db *db, const struct payout *p, const char *kind,
    const struct note *n, int64_t now_ms, struct err *e)
{
	enum rc rc;

	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, kind, n, now_ms, e);
	return db_step_end(db, rc, e);
}

enum rc
payout_answered(struct db *db, const struct payout *p, const char *detail,
    const char *tx, int64_t now_ms, struct err *e)
{
	return one_event(db, p, "answered",
	    &(struct note){ .detail = detail, .tx = tx }, now_ms, e);
}

enum rc
payout_note(struct db *db, const struct payout *p, const char *detail,
    int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_EVENT_LAST_DETAIL);
	bool row, same = false;
	enum rc rc;

	query_int(q, 1, p->id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		same = slice_is(query_get_text(q, 0), detail);
	query_done(q);
	if (rc != RC_OK || same)
		return rc;
	return one_event(
	    db, p, "chain", &(struct note){ .detail = detail }, now_ms, e);
}

static enum rc
unpost(struct db *db, struct payout *p, const char *detail, int64_t now_ms,
    struct err *e)
{
	struct note n = { .detail = detail };
	int64_t posted = p->paid_micros;
	enum rc rc;

	/* Only what was asked for is ever posted and not final. */
	if (p->state != PAYOUT_POSTED || posted != p->amount_micros)
		return err_set(e, RC_CORRUPT,
		    "payout %" PRId64 ": %s with %" PRId64
		    " micro-USDC paid of %" PRId64,
		    p->id, state_names[p->state], posted, p->amount_micros);
	p->paid_micros = 0;
	rc = move(db, "unpost", ACCOUNT_TREASURY, ACCOUNT_IN_FLIGHT, posted,
	    now_ms, &n.transfer, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_SUBMITTED, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "unposted", &n, now_ms, e);
	return rc;
}

/* Whatever was posted before: what is in flight for p is then paid. */
static enum rc
post(struct db *db, struct payout *p, const struct payment *paid,
    int64_t now_ms, struct err *e)
{
	struct note n = { .tx = paid->tx, .block = paid->block };
	char detail[80];
	enum rc rc = RC_OK;

	CHECK(paid->micros > 0 && strlen(paid->tx) == TX_LEN);
	if (p->state == PAYOUT_POSTED)
		rc = unpost(
		    db, p, "another transaction carries it now", now_ms, e);
	(void)snprintf(detail, sizeof(detail), "%" PRId64 " micro-USDC moved",
	    paid->micros);
	n.detail = detail;
	p->paid_micros = paid->micros;
	if (rc == RC_OK)
		rc = move(db, "post", ACCOUNT_IN_FLIGHT, ACCOUNT_TREASURY,
		    paid->micros, now_ms, &n.transfer, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_POSTED, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "posted", &n, now_ms, e);
	return rc;
}

enum rc
payout_post(struct db *db, struct payout *p, const struct payment *paid,
    int64_t now_ms, struct err *e)
{
	struct payout before = *p;
	enum rc rc;

	/* Anything else is for payout_finalize: it moves credit. */
	CHECK(paid->micros == p->amount_micros &&
	    memcmp(paid->to.b, p->worker.b, sizeof(paid->to.b)) == 0);
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = post(db, p, paid, now_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

enum rc
payout_unpost(struct db *db, struct payout *p, const char *detail,
    int64_t now_ms, struct err *e)
{
	struct payout before = *p;
	enum rc rc;

	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = unpost(db, p, detail, now_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

/* Whether p is posted, and with this very payment. */
static enum rc
is_posted_as(struct db *db, const struct payout *p, const struct payment *paid,
    bool *is, struct err *e)
{
	struct payment before;
	enum rc rc;

	*is = false;
	if (p->state != PAYOUT_POSTED)
		return RC_OK;
	rc = payout_posted_in(db, p->id, &before, e);
	if (rc == RC_OK)
		*is = strcmp(before.tx, paid->tx) == 0 &&
		    before.block == paid->block &&
		    p->paid_micros == paid->micros;
	return rc;
}

/* The rest goes back, and a finding says so. */
static enum rc
paid_less(struct db *db, const struct payout *p, int64_t left, int64_t now_ms,
    struct err *e)
{
	char subject[40], detail[120];
	enum rc rc;

	rc = give_back(
	    db, p, left, "it paid less: the rest goes back", now_ms, e);
	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	(void)snprintf(detail, sizeof(detail),
	    "the chain paid %" PRId64 " micro-USDC, reserved were %" PRId64,
	    p->amount_micros - left, p->amount_micros);
	return rc != RC_OK
	    ? rc
	    : finding_add(db, "amount differs", subject, detail, now_ms, e);
}

static enum rc
finalize(struct db *db, struct payout *p, const struct payment *paid,
    int64_t now_ms, struct err *e)
{
	struct note n = { .tx = paid->tx,
		.block = paid->block,
		.detail = "its block is final" };
	int64_t left = p->amount_micros - paid->micros;
	bool posted = false;
	enum rc rc;

	rc = is_posted_as(db, p, paid, &posted, e);
	if (rc == RC_OK && !posted)
		rc = post(db, p, paid, now_ms, e);
	if (rc == RC_OK && left > 0)
		rc = paid_less(db, p, left, now_ms, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_FINAL, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "final", &n, now_ms, e);
	return rc;
}

enum rc
payout_finalize(struct db *db, struct payout *p, const struct payment *paid,
    int64_t now_ms, struct err *e)
{
	struct payout before = *p;
	enum rc rc;

	/* More is a payout of its own: see payout_adopt. */
	CHECK(paid->micros <= p->amount_micros);
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = finalize(db, p, paid, now_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

enum rc
payout_void(struct db *db, struct payout *p, const char *proof, const char *tx,
    int64_t now_ms, struct err *e)
{
	struct note n = { .detail = proof, .tx = tx };
	struct payout before = *p;
	enum rc rc;

	CHECK(p->state == PAYOUT_RESERVED || p->state == PAYOUT_SIGNED ||
	    p->state == PAYOUT_SUBMITTED);
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = move(db, "void", ACCOUNT_IN_FLIGHT, p->worker_id,
		    p->amount_micros, now_ms, &n.transfer, e);
	if (rc == RC_OK)
		rc = state_set(db, p, PAYOUT_VOIDED, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "voided", &n, now_ms, e);
	rc = db_step_end(db, rc, e);
	if (rc != RC_OK)
		*p = before;
	return rc;
}

/* The payout row that was lost, its money, and a finding. */
static enum rc
adopt(struct db *db, struct payout *p, const struct payment *paid,
    int64_t now_ms, struct err *e)
{
	char subject[40], detail[160];
	struct note n = { .detail = "found on the chain" };
	enum rc rc = RC_OK;

	if (p->worker_id == 0)
		rc = worker_add(db, &p->worker, now_ms, &p->worker_id, e);
	if (rc == RC_OK)
		rc = payout_insert(db, p, e);
	if (rc == RC_OK)
		rc = recover_missing(db, p, now_ms, e);
	if (rc == RC_OK)
		rc = move(db, "reserve", p->worker_id, ACCOUNT_IN_FLIGHT,
		    paid->micros, now_ms, &n.transfer, e);
	if (rc == RC_OK)
		rc = event_add(db, p->id, "reserved", &n, now_ms, e);
	if (rc == RC_OK)
		rc = finalize(db, p, paid, now_ms, e);
	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	(void)snprintf(detail, sizeof(detail),
	    "the chain shows a payment of %" PRId64
	    " micro-USDC that the ledger has lost",
	    paid->micros);
	if (rc == RC_OK)
		rc = finding_add(db, "payout lost", subject, detail, now_ms, e);
	return rc;
}

enum rc
payout_adopt(struct db *db, const struct payout *lost,
    const struct payment *paid, int64_t now_ms, struct err *e)
{
	struct payout p = *lost;
	enum rc rc;

	CHECK(p.amount_micros == paid->micros);
	p.reserved_ms = now_ms;
	p.state = PAYOUT_SUBMITTED;
	p.paid_micros = 0;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = adopt(db, &p, paid, now_ms, e);
	return db_step_end(db, rc, e);
}

enum rc
hold_set(struct db *db, int64_t worker_id, const char *by, const char *reason,
    int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_HOLD_SET);

	query_int(q, 1, worker_id);
	query_text(q, 2, slice_of(by));
	query_int(q, 3, now_ms);
	query_text(q, 4, slice_of(reason));
	return query_run(q, e);
}

enum rc
hold_release(struct db *db, int64_t worker_id, const char *by, struct err *e)
{
	struct query *q = db_query(db, Q_HOLD_RELEASE);

	query_int(q, 1, worker_id);
	query_text(q, 2, slice_of(by));
	return query_run(q, e);
}

enum rc
scanned_set(
    struct db *db, const struct payout_source *s, int64_t block, struct err *e)
{
	char treasury[ADDRESS_LEN + 1];
	struct query *q = db_query(db, Q_CHAIN_SEEN_SET);

	address_format(treasury, &s->treasury, ADDRESS_LOWER);
	query_int(q, 1, s->chain_id);
	query_text(q, 2, slice_of(treasury));
	query_int(q, 3, block);
	return query_run(q, e);
}
