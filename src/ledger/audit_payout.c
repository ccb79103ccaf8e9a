/*
 * The audit of payouts: their events and the transfers that these made, side
 * by side; then each worker's payouts, one after the other, step by step.
 */
#include <inttypes.h>
#include <string.h>

#include "eth/hex.h"
#include "eth/seal.h"
#include "ledger/audit_part.h"
#include "ledger/payout.h"

/* States besides those of enum payout_state. */
#define STATE_NONE PAYOUT_STATES       /* before its first event */
#define STATE_SAME (PAYOUT_STATES + 1) /* a step that changes none */

#define FROM(state) (1U << PAYOUT_##state)
#define FROM_NONE   (1U << STATE_NONE)
#define FROM_OPEN \
	(FROM(RESERVED) | FROM(SIGNED) | FROM(SUBMITTED) | FROM(POSTED))

/* What may follow what, and the kind of transfer that a step makes. */
static const struct step {
	const char *kind;  /* of the event */
	const char *moves; /* NULL: nothing */
	unsigned from;
	unsigned from_adopted; /* also, of an adopted payout */
	int to;
} steps[] = {
	{ "reserved", "reserve", FROM_NONE, 0, PAYOUT_RESERVED },
	{ "verified", NULL, FROM(RESERVED), 0, STATE_SAME },
	{ "signed", NULL, FROM(RESERVED), 0, PAYOUT_SIGNED },
	{ "submitted", NULL, FROM(SIGNED) | FROM(SUBMITTED), 0,
	    PAYOUT_SUBMITTED },
	{ "answered", NULL, FROM(SUBMITTED) | FROM(POSTED), 0, STATE_SAME },
	/* May bring what is in flight to what the chain paid: see adjusts. */
	{ "chain", NULL, FROM_OPEN, FROM_NONE, STATE_SAME },
	/* Reserved: a restored ledger has lost that it was signed. */
	{ "posted", "post", FROM(RESERVED) | FROM(SIGNED) | FROM(SUBMITTED), 0,
	    PAYOUT_POSTED },
	{ "unposted", "unpost", FROM(POSTED), 0, PAYOUT_SUBMITTED },
	{ "final", NULL, FROM(POSTED), 0, PAYOUT_FINAL },
	{ "voided", "void", FROM(RESERVED) | FROM(SIGNED) | FROM(SUBMITTED), 0,
	    PAYOUT_VOIDED },
};

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* What a "chain" event may move. */
static const char *const adjusts[] = { "void", "recover" };

/* The payout whose events are being read. */
struct payout_walk {
	struct audit *a;
	int64_t id;
	int64_t worker;
	int64_t seq;
	int64_t amount_micros;
	int64_t paid_micros;
	int stored; /* the state that its row says */
	bool has_authorization;
	bool adopted; /* a finding says so */
	bool differs; /* a finding says so */

	int state; /* by its events */
	bool is_signed;
	int64_t held_micros; /* in flight */
	int64_t posted_micros;
	bool overflow;
	int64_t recovered; /* the transfer just before; 0 */
	bool unused;	   /* expired: its seq is the next one's, too */

	/* Of all payouts. */
	int64_t n; /* 0: none yet */
	int64_t in_flight_micros;
	int64_t settled_micros;
};

/* A transfer that an event made. */
struct moved {
	int64_t id; /* 0: none */
	struct slice kind;
	int64_t debit;
	int64_t credit;
	int64_t micros;
};

/* ---- Events and transfers side by side ---- */

struct event_walk {
	struct audit *a;
	struct query *moved;
	bool row; /* there is a present transfer */
	int64_t transfer;
	struct tail before;
	int64_t events;
	int64_t transfers;
};

static enum rc
moved_next(struct event_walk *w, struct err *e)
{
	enum rc rc = query_step(w->moved, &w->row, e);

	if (rc == RC_OK && w->row) {
		w->transfer = query_get_int(w->moved, 0);
		w->transfers++;
	}
	return rc;
}

/* Transfers before the one that the next event made are nobody's. */
static enum rc
moved_skip(struct event_walk *w, int64_t upto, struct err *e)
{
	enum rc rc = RC_OK;

	while (rc == RC_OK && w->row && w->transfer < upto) {
		audit_found(w->a, AUDIT_PAYOUT_TRANSFER,
		    "transfer %" PRId64
		    ": is no credit, and no event of a payout made it",
		    w->transfer);
		rc = moved_next(w, e);
	}
	return rc;
}

static enum rc
event_check(struct event_walk *w, struct query *q, struct err *e)
{
	uint8_t expected[KECCAK256_LEN], hash[KECCAK256_LEN];
	struct event_row ev;
	enum rc rc = RC_OK;

	row_read_event(q, C_AUDIT_EVENT_EVENT, &ev, hash);
	rule_format(&w->a->rules, AUDIT_EVENT_CHAIN, "event", ev.id, ev.format,
	    EVENT_FORMAT);
	link_event(expected, &w->before, &ev);
	if (ev.id != w->before.last_id + 1)
		audit_found(w->a, AUDIT_EVENT_CHAIN,
		    "event %" PRId64 ": follows %" PRId64, ev.id,
		    w->before.last_id);
	if (memcmp(expected, hash, sizeof(hash)) != 0)
		audit_found(w->a, AUDIT_EVENT_CHAIN,
		    "event %" PRId64 ": its hash is of other values", ev.id);
	if (query_get_int(q, C_AUDIT_EVENT_HAS_PAYOUT) == 0)
		audit_found(w->a, AUDIT_PAYOUT_STEPS,
		    "event %" PRId64 ": of payout %" PRId64
		    ", which doesn't exist",
		    ev.id, ev.payout);
	w->before.last_id = ev.id;
	memcpy(w->before.hash, hash, sizeof(hash));
	w->events++;
	if (ev.transfer == 0)
		return RC_OK;
	rc = moved_skip(w, ev.transfer, e);
	if (rc != RC_OK)
		return rc;
	if (w->row && w->transfer == ev.transfer)
		return moved_next(w, e);
	audit_found(w->a, AUDIT_PAYOUT_TRANSFER,
	    "event %" PRId64 ": transfer %" PRId64
	    " is a credit, of an event before it, or missing",
	    ev.id, ev.transfer);
	return RC_OK;
}

/* A step writes its transfer, then its event: both are in one order. */
static enum rc
events_check(struct audit *a, struct err *e)
{
	struct event_walk w = { .a = a };
	struct query *q;
	enum rc rc;
	bool row;

	w.moved = db_query(a->db, Q_AUDIT_MOVED);
	q = db_query(a->db, Q_AUDIT_EVENT);
	rc = moved_next(&w, e);
	while (rc == RC_OK && (rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = event_check(&w, q, e);
		if ((w.events & 0xff) == 0)
			audit_tick(a, "events of payouts", w.events, 0);
	}
	if (rc == RC_OK)
		rc = moved_skip(&w, INT64_MAX, e);
	query_done(q);
	query_done(w.moved);
	audit_checked(a, AUDIT_EVENT_CHAIN, w.events);
	audit_checked(a, AUDIT_PAYOUT_TRANSFER, w.transfers);
	return rc;
}

/* ---- Payouts ---- */

static int
state_of(struct slice name)
{
	enum payout_state state;

	return payout_state_find(&state, name) ? (int)state : STATE_NONE;
}

static const char *
state_text(int state)
{
	return state >= PAYOUT_STATES
	    ? "unknown"
	    : payout_state_name((enum payout_state)state);
}

static void
sum(struct payout_walk *w, int64_t *total, int64_t micros)
{
	w->overflow |= __builtin_add_overflow(*total, micros, total);
}

/* The amounts that a payout in its state has. */
static void
money_check(struct payout_walk *w)
{
	bool settled = w->stored == PAYOUT_POSTED || w->stored == PAYOUT_FINAL;
	bool voided = w->stored == PAYOUT_VOIDED;
	int64_t held;

	w->overflow |= __builtin_sub_overflow(
	    w->amount_micros, settled ? w->paid_micros : 0, &held);
	/* What was paid less stays in flight until it is final. */
	if (voided || w->stored == PAYOUT_FINAL || held < 0)
		held = 0;
	if (w->overflow)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64
		    ": its transfers add up to more than there can be",
		    w->id);
	if (w->held_micros != held)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": %s, but %" PRId64
		    " micro-USDC are in flight, expected %" PRId64,
		    w->id, state_text(w->stored), w->held_micros, held);
	if (w->posted_micros != w->paid_micros ||
	    settled != (w->paid_micros > 0))
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": %s, its transfers paid %" PRId64
		    " micro-USDC, its row says %" PRId64,
		    w->id, state_text(w->stored), w->posted_micros,
		    w->paid_micros);
	if (settled && w->paid_micros != w->amount_micros && !w->differs)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": paid %" PRId64 " of %" PRId64
		    " micro-USDC, and no finding says why",
		    w->id, w->paid_micros, w->amount_micros);
}

/* The events of a payout have ended. */
static void
payout_end(struct payout_walk *w)
{
	if (w->n == 0)
		return;
	if (w->state != w->stored)
		audit_found(w->a, AUDIT_PAYOUT_STEPS,
		    "payout %" PRId64 ": is %s, its events leave it %s", w->id,
		    state_text(w->stored),
		    w->state == STATE_NONE ? "without a beginning"
					   : state_text(w->state));
	if (w->is_signed != w->has_authorization)
		audit_found(w->a, AUDIT_PAYOUT_STEPS, "payout %" PRId64 ": %s",
		    w->id,
		    w->is_signed ? "was signed, but has no authorization"
				 : "has an authorization, but wasn't signed");
	if (w->recovered != 0)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": transfer %" PRId64
		    " recovered credit that wasn't paid",
		    w->id, w->recovered);
	money_check(w);
	if (__builtin_add_overflow(
		w->in_flight_micros, w->held_micros, &w->in_flight_micros) ||
	    __builtin_add_overflow(
		w->settled_micros, w->posted_micros, &w->settled_micros))
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payouts add up to more than there can be");
}

/* What its nonce is made of; false when that isn't what a program writes. */
static bool
key_read(struct payout_key *key, struct query *q)
{
	key->seq = (uint64_t)query_get_int(q, C_AUDIT_PAYOUT_SEQ);
	key->chain_id = (uint64_t)query_get_int(q, C_AUDIT_PAYOUT_CHAIN_ID);
	return address_parse(&key->token, NULL,
		   query_get_text(q, C_AUDIT_PAYOUT_TOKEN), NULL) == RC_OK &&
	    address_parse(&key->treasury, NULL,
		query_get_text(q, C_AUDIT_PAYOUT_TREASURY), NULL) == RC_OK &&
	    address_parse(&key->worker, NULL,
		query_get_text(q, C_AUDIT_PAYOUT_ADDRESS), NULL) == RC_OK;
}

/* A payout under any other nonce could be made twice. */
static void
nonce_check(struct payout_walk *w, struct query *q)
{
	uint8_t nonce[PAYOUT_NONCE_LEN], expected[PAYOUT_NONCE_LEN];
	struct payout_key key;

	if (!w->a->has_id) /* AUDIT_IDENTITY says so */
		return;
	memcpy(key.ledger_id, w->a->ledger_id, sizeof(key.ledger_id));
	if (key_read(&key, q) &&
	    hex_decode(nonce, sizeof(nonce),
		query_get_text(q, C_AUDIT_PAYOUT_NONCE), NULL) == RC_OK) {
		payout_nonce(expected, &key);
		if (memcmp(nonce, expected, sizeof(nonce)) == 0)
			return;
	}
	audit_found(w->a, AUDIT_PAYOUT_NONCE,
	    "payout %" PRId64 ": its nonce doesn't follow from what it pays",
	    w->id);
}

/* Only the vault of the payout program can have sealed it (eth/seal.h). */
static void
seal_check(struct payout_walk *w, struct query *q)
{
	struct seal s = { .verified_to =
			      query_get_int(q, C_AUDIT_PAYOUT_VERIFIED_TO),
		.balance_micros =
		    query_get_int(q, C_AUDIT_PAYOUT_VERIFIED_MICROS) };
	struct sealed what = { .seq = w->seq,
		.amount_micros = w->amount_micros };
	struct payout_key key;

	if (!w->a->has_id)
		return;
	memcpy(what.ledger_id, w->a->ledger_id, sizeof(what.ledger_id));
	if (key_read(&key, q) &&
	    hex_decode(s.signature, sizeof(s.signature),
		query_get_text(q, C_AUDIT_PAYOUT_SEAL), NULL) == RC_OK &&
	    (s.verified_to == 0 ||
		row_read_hash(
		    q, C_AUDIT_PAYOUT_VERIFIED_HASH, s.verified_hash))) {
		what.worker = key.worker;
		if (seal_is_by(&s, &what, &key.treasury))
			return;
	}
	audit_found(w->a, AUDIT_PAYOUT_SEAL,
	    "payout %" PRId64
	    ": it isn't what its treasury sealed, or the transfers up to %" PRId64
	    " aren't",
	    w->id, s.verified_to);
}

static void
payout_begin(struct payout_walk *w, struct query *q)
{
	int64_t worker = query_get_int(q, C_AUDIT_PAYOUT_WORKER),
		seq = query_get_int(q, C_AUDIT_PAYOUT_SEQ);
	int64_t last = worker == w->worker ? w->seq : 0;
	bool again = last > 0 && seq == last && w->unused;

	w->id = query_get_int(q, C_AUDIT_PAYOUT_ID);
	w->worker = worker;
	w->seq = seq;
	w->amount_micros = query_get_int(q, C_AUDIT_PAYOUT_AMOUNT_MICROS);
	w->paid_micros = query_get_int(q, C_AUDIT_PAYOUT_PAID_MICROS);
	w->stored = state_of(query_get_text(q, C_AUDIT_PAYOUT_STATE));
	w->has_authorization =
	    query_get_int(q, C_AUDIT_PAYOUT_HAS_AUTHORIZATION) != 0;
	w->adopted = query_get_int(q, C_AUDIT_PAYOUT_ADOPTED) != 0;
	w->differs = query_get_int(q, C_AUDIT_PAYOUT_DIFFERS) != 0;
	w->state = STATE_NONE;
	w->is_signed = w->overflow = w->unused = false;
	w->held_micros = w->posted_micros = w->recovered = 0;
	w->n++;
	nonce_check(w, q);
	seal_check(w, q);
	/* What a restore lost and nobody settled leaves a gap. */
	if ((uint64_t)seq != (uint64_t)last + 1 && !again &&
	    !(w->adopted && seq > last))
		audit_found(w->a, AUDIT_PAYOUT_SEQ,
		    "payout %" PRId64 ": no. %" PRId64
		    " of the worker of account %" PRId64
		    " follows no. %" PRId64,
		    w->id, seq, worker, last);
}

/* Whether a step may make this transfer; recovering has its own check. */
static bool
is_moved_by(const struct step *s, struct slice kind)
{
	size_t i;

	if (s->moves != NULL)
		return slice_is(kind, s->moves);
	for (i = 0; i < sizeof(adjusts) / sizeof(adjusts[0]); i++)
		if (slice_is(kind, adjusts[i]))
			return strcmp(s->kind, "chain") == 0;
	return false;
}

/*
 * Credit is recovered only as far as the worker's balance doesn't reach, and
 * goes at once into the payout: after that nothing is left.
 */
static enum rc
recovered_check(struct payout_walk *w, const struct moved *m, struct err *e)
{
	struct query *q;
	int64_t balance;
	enum rc rc;

	if (m->id - 1 == w->recovered && slice_is(m->kind, "reserve")) {
		q = db_query(w->a->db, Q_BALANCE_AT);
		query_int(q, 1, w->worker);
		query_int(q, 2, m->id);
		rc = query_one_int(q, &balance, e);
		if (rc != RC_OK)
			return rc;
		if (balance == 0)
			w->recovered = 0;
	}
	if (w->recovered != 0)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": transfer %" PRId64
		    " recovered more than was missing",
		    w->id, w->recovered);
	w->recovered = 0;
	return RC_OK;
}

static enum rc
moved_apply(struct payout_walk *w, const struct moved *m, struct err *e)
{
	bool of_worker = slice_is(m->kind, "reserve") ? m->debit == w->worker
						      : m->credit == w->worker;
	enum rc rc = RC_OK;

	if (w->recovered != 0)
		rc = recovered_check(w, m, e);
	if (slice_is(m->kind, "recover")) {
		w->recovered = m->id;
	} else if (slice_is(m->kind, "reserve")) {
		sum(w, &w->held_micros, m->micros);
	} else if (slice_is(m->kind, "void")) {
		sum(w, &w->held_micros, -m->micros);
	} else if (slice_is(m->kind, "post")) {
		sum(w, &w->held_micros, -m->micros);
		sum(w, &w->posted_micros, m->micros);
		of_worker = true;
	} else {
		sum(w, &w->held_micros, m->micros);
		sum(w, &w->posted_micros, -m->micros);
		of_worker = true;
	}
	if (!of_worker)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": transfer %" PRId64
		    " is of another worker",
		    w->id, m->id);
	return rc;
}

static enum rc
step_apply(struct payout_walk *w, struct query *q, struct err *e)
{
	struct moved m = { query_get_int(q, C_AUDIT_PAYOUT_TRANSFER),
		query_get_text(q, C_AUDIT_PAYOUT_TRANSFER_KIND),
		query_get_int(q, C_AUDIT_PAYOUT_DEBIT),
		query_get_int(q, C_AUDIT_PAYOUT_CREDIT),
		query_get_int(q, C_AUDIT_PAYOUT_MOVED_MICROS) };
	struct slice kind = query_get_text(q, C_AUDIT_PAYOUT_KIND);
	int64_t event = query_get_int(q, C_AUDIT_PAYOUT_EVENT);
	const struct step *s = NULL;
	unsigned from;
	enum rc rc = RC_OK;
	size_t i;

	/* Another rule finds it; here it must only not overflow. */
	if (m.micros < 0)
		m.micros = 0;
	for (i = 0; i < STEPS; i++)
		if (slice_is(kind, steps[i].kind))
			s = &steps[i];
	from = s == NULL ? 0 : s->from | (w->adopted ? s->from_adopted : 0);
	if (s == NULL || (from & 1U << w->state) == 0) {
		audit_found(w->a, AUDIT_PAYOUT_STEPS,
		    "payout %" PRId64 ": event %" PRId64
		    " (%.*s) can't be where it is",
		    w->id, event, (int)(kind.len > 20 ? 20 : kind.len), kind.p);
		if (s == NULL)
			return RC_OK;
	}
	if (m.id == 0 ? s->moves != NULL : !is_moved_by(s, m.kind))
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": event %" PRId64 " (%s) %s", w->id,
		    event, s->kind,
		    m.id == 0 ? "moved no money"
			      : "moved money in another way");
	else if (m.id != 0)
		rc = moved_apply(w, &m, e);
	if (s->to == PAYOUT_RESERVED && m.id != 0 &&
	    m.micros != w->amount_micros)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "payout %" PRId64 ": is of %" PRId64
		    " micro-USDC, reserved were %" PRId64,
		    w->id, w->amount_micros, m.micros);
	if (s->to == PAYOUT_RESERVED && !w->adopted &&
	    audit_is_early(w->a, m.id))
		audit_found(w->a, AUDIT_MATURITY,
		    "payout %" PRId64 ": transfer %" PRId64
		    " took credit that wasn't payable yet",
		    w->id, m.id);
	w->is_signed |= s->to == PAYOUT_SIGNED;
	w->unused |= s->to == PAYOUT_VOIDED &&
	    query_get_int(q, C_AUDIT_PAYOUT_HAS_TX) == 0;
	if (s->to != STATE_SAME)
		w->state = s->to;
	return rc;
}

/* The ledger's own accounts hold what the payouts say. */
static void
totals_check(struct payout_walk *w)
{
	const struct audit_account *flight, *treasury;

	flight = audit_account_find(w->a, ACCOUNT_IN_FLIGHT);
	treasury = audit_account_find(w->a, ACCOUNT_TREASURY);
	if (flight != NULL && flight->balance_micros != w->in_flight_micros)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "in flight are %" PRId64
		    " micro-USDC, payouts hold %" PRId64,
		    flight->balance_micros, w->in_flight_micros);
	if (treasury != NULL && treasury->balance_micros != w->settled_micros)
		audit_found(w->a, AUDIT_PAYOUT_MONEY,
		    "the treasury paid %" PRId64
		    " micro-USDC, payouts got %" PRId64,
		    treasury->balance_micros, w->settled_micros);
}

enum rc
audit_payouts(struct audit *a, struct err *e)
{
	struct payout_walk w = { .a = a };
	struct query *q;
	enum rc rc;
	bool row;

	rc = events_check(a, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(a->db, Q_AUDIT_PAYOUT);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (w.n == 0 || query_get_int(q, C_AUDIT_PAYOUT_ID) != w.id) {
			payout_end(&w);
			payout_begin(&w, q);
			if ((w.n & 0xff) == 0)
				audit_tick(a, "payouts", w.n, 0);
		}
		if (!query_is_null(q, C_AUDIT_PAYOUT_EVENT))
			rc = step_apply(&w, q, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc != RC_OK)
		return rc;
	payout_end(&w);
	totals_check(&w);
	audit_checked(a, AUDIT_PAYOUT_SEQ, w.n);
	audit_checked(a, AUDIT_PAYOUT_NONCE, a->has_id ? w.n : 0);
	audit_checked(a, AUDIT_PAYOUT_SEAL, a->has_id ? w.n : 0);
	audit_checked(a, AUDIT_PAYOUT_STEPS, w.n);
	audit_checked(a, AUDIT_PAYOUT_MONEY, w.n);
	audit_checked(a, AUDIT_MATURITY, w.n);
	return RC_OK;
}
