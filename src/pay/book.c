#include "pay/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "evm/judge.h"
#include "pay/authorize.h"

static void
payment_of(const struct judgment *j, struct payment *out)
{
	*out = (struct payment){ .to = j->to,
		.micros = (int64_t)j->value,
		.block = (int64_t)j->block.number };
	hex_encode(out->tx, j->tx, TX_HASH_LEN);
}

/* ---- The rule ---- */

static enum booking
booking_of_paid(enum payout_state state, const struct payment *posted,
    const struct judgment *j)
{
	struct payment paid;

	/* The token can't have moved it. */
	if (j->value == 0 || j->value > INT64_MAX)
		return BOOKING_NOTE;
	if (j->is_final)
		return BOOKING_FINAL;
	if (!j->as_asked)
		return BOOKING_NOTE;
	payment_of(j, &paid);
	if (state == PAYOUT_POSTED && strcmp(posted->tx, paid.tx) == 0 &&
	    posted->block == paid.block)
		return BOOKING_NONE;
	return BOOKING_POST;
}

enum booking
booking_of(enum payout_state state, const struct payment *posted,
    const struct judgment *j, uint64_t head)
{
	CHECK(state != PAYOUT_FINAL && state != PAYOUT_VOIDED);
	switch (j->verdict) {
	case VERDICT_PAID:
		return booking_of_paid(state, posted, j);
	case VERDICT_UNUSED:
		if (state != PAYOUT_POSTED)
			return BOOKING_NONE;
		/* Reorganised; or the nodes don't have its block yet. */
		return head < (uint64_t)posted->block ? BOOKING_NOTE
						      : BOOKING_UNPOST;
	case VERDICT_CANCELED:
	case VERDICT_EXPIRED_UNUSED:
		return j->is_final ? BOOKING_VOID : BOOKING_NOTE;
	case VERDICT_UNKNOWN:
		break;
	}
	return BOOKING_NOTE;
}

/* ---- What a person has to know ---- */

/*
 * Nobody told this ledger of the payment: what it was reserved for had never
 * been sent, or settled before it was even signed. Then another copy of this
 * ledger pays, too, or one was lost.
 */
static bool
is_settled_elsewhere(const struct open_payout *o)
{
	int64_t signed_s = o->auth.signed_ms / 1000;

	return o->payout.state == PAYOUT_RESERVED ||
	    o->payout.state == PAYOUT_SIGNED ||
	    (int64_t)o->judgment.block.time_s <
	    signed_s - CLOCK_DIFFERENCE_MAX_S;
}

static enum rc
find(struct run *r, const struct open_payout *o, enum booking what,
    struct err *e)
{
	const struct judgment *j = &o->judgment;
	const struct payout *p = &o->payout;
	bool books = what == BOOKING_POST || what == BOOKING_FINAL;
	enum rc rc = RC_OK;

	if (j->contradicted)
		rc = run_payout_finding(r, p, "nodes contradict", j->reason, e);
	else if (j->is_told)
		rc = run_payout_over(r, p, "nodes contradict", e);
	if (rc == RC_OK && j->verdict == VERDICT_CANCELED)
		rc = run_payout_finding(
		    r, p, "authorization canceled", j->reason, e);
	if (rc == RC_OK && books && p->state != PAYOUT_POSTED &&
	    is_settled_elsewhere(o))
		rc = run_payout_finding(r, p, "settled elsewhere",
		    "the chain shows its payment, and this ledger had not sent it: a copy of the ledger pays, or has paid, as well",
		    e);
	if (rc == RC_OK && what == BOOKING_FINAL &&
	    memcmp(j->to.b, p->worker.b, sizeof(j->to.b)) != 0)
		rc = run_payout_finding(r, p, "paid to another",
		    "the chain shows a payment with this nonce to another address",
		    e);
	if (what == BOOKING_FINAL && (int64_t)j->value != p->amount_micros)
		r->result->findings = true; /* the ledger adds it */
	return rc;
}

/* ---- Booking ---- */

/* Never to be settled as it is. */
static enum rc
book_void(
    struct run *r, struct open_payout *o, const char *proof, struct err *e)
{
	char tx[HEX_SIZE(TX_HASH_LEN)] = "";
	struct payout *p = &o->payout;
	enum rc rc = RC_OK;

	if (o->judgment.verdict == VERDICT_CANCELED)
		hex_encode(tx, o->judgment.tx, TX_HASH_LEN);
	if (p->state == PAYOUT_POSTED)
		rc = payout_unpost(r->db, p, proof, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = payout_void(r->db, p, proof, tx, clock_unix_ms(), e);
	r->result->voided += rc == RC_OK;
	return rc;
}

/*
 * Before what was paid for good is booked: the vault may have signed more under
 * this number, and that counts until it is told. What is more than was reserved
 * is a payout of its own, *more, sealed as found on the chain: else anybody who
 * writes the ledger could say that lost credit was paid.
 */
static enum rc
tell_vault(struct run *r, const struct open_payout *o, enum booking what,
    struct payout *more, struct err *e)
{
	const struct judgment *j = &o->judgment;
	const struct payout *p = &o->payout;
	int64_t paid = (int64_t)j->value, lost;
	enum rc rc;

	if (what == BOOKING_VOID && j->verdict == VERDICT_CANCELED)
		return run_settled(r, p, 0, e);
	if (what != BOOKING_FINAL)
		return RC_OK;
	rc = run_settled(r, p, paid, e);
	if (rc != RC_OK || paid <= p->amount_micros)
		return rc;
	rc =
	    payout_lost(r->db, p->worker_id, paid - p->amount_micros, &lost, e);
	if (rc != RC_OK)
		return rc;
	*more = (struct payout){ .worker_id = p->worker_id,
		.worker = p->worker,
		.seq = p->seq,
		.amount_micros = paid,
		.source = p->source };
	memcpy(more->nonce, p->nonce, sizeof(more->nonce));
	return run_seal_adopted(r, more, lost, e);
}

/* Its number paid more: it is void, and that is booked instead. */
static enum rc
book_more(struct run *r, struct open_payout *o, const struct payout *more,
    const struct payment *paid, struct err *e)
{
	enum rc rc = book_void(r, o,
	    "the chain paid more under its number, which is booked as a payout of its own",
	    e);

	if (rc == RC_OK)
		rc = payout_adopt(r->db, more, paid, clock_unix_ms(), e);
	r->result->posted += rc == RC_OK;
	r->result->finalized += rc == RC_OK;
	return rc;
}

/* Why a payout stays as it is. */
static const char *
note_of(const struct judgment *j)
{
	switch (j->verdict) {
	case VERDICT_PAID:
		return "a node shows a payment that wasn't asked for: it waits until each shows it in a final block";
	case VERDICT_UNUSED:
		return "the nodes don't have its block yet";
	case VERDICT_CANCELED:
		return "canceled: it waits until each node shows that, and the authorization's end, in a final block";
	case VERDICT_EXPIRED_UNUSED:
	case VERDICT_UNKNOWN:
		break;
	}
	return j->reason;
}

/* Books a verdict; the only way out of submitted. */
static enum rc
book(struct run *r, struct open_payout *o, struct err *e)
{
	struct payment paid, posted = { .block = 0 };
	struct payout *p = &o->payout, more = { .seq = 0 };
	bool was_posted = p->state == PAYOUT_POSTED;
	int64_t now_ms = clock_unix_ms();
	struct err cause = ERR_INIT;
	enum booking what;
	enum rc rc = RC_OK;

	if (was_posted)
		rc = payout_posted_in(r->db, p->id, &posted, e);
	if (rc != RC_OK)
		return rc;
	log_debug("payout %" PRId64 ": %s; %s", p->id,
	    verdict_name(o->judgment.verdict), o->judgment.reason);
	what =
	    booking_of(p->state, &posted, &o->judgment, r->head.latest.number);
	rc = find(r, o, what, e);
	if (rc != RC_OK)
		return rc;
	payment_of(&o->judgment, &paid);
	rc = tell_vault(r, o, what, &more, &cause);
	if (rc == RC_BUSY)
		return payout_note(r->db, p, cause.msg, now_ms, e);
	if (rc == RC_INVALID)
		return run_payout_finding(
		    r, p, "booked otherwise", cause.msg, e);
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	switch (what) {
	case BOOKING_NONE:
		return RC_OK;
	case BOOKING_NOTE:
		return payout_note(r->db, p, note_of(&o->judgment), now_ms, e);
	case BOOKING_POST:
		rc = payout_post(r->db, p, &paid, now_ms, e);
		r->result->posted += rc == RC_OK;
		return rc;
	case BOOKING_UNPOST:
		return payout_unpost(
		    r->db, p, "its block is gone: reorganised", now_ms, e);
	case BOOKING_FINAL:
		if (more.seq != 0)
			return book_more(r, o, &more, &paid, e);
		rc = payout_finalize(r->db, p, &paid, now_ms, e);
		r->result->posted += rc == RC_OK && !was_posted;
		r->result->finalized += rc == RC_OK;
		return rc;
	case BOOKING_VOID:
		break;
	}
	return book_void(r, o, o->judgment.reason, e);
}

/* One of several that are booked together: refused, it is alone in that. */
static enum rc
book_one(struct run *r, struct open_payout *o, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc;

	rc = db_step_begin(r->db, &cause);
	if (rc == RC_OK)
		rc = book(r, o, &cause);
	rc = db_step_end(r->db, rc, &cause);
	if (rc == RC_CONFLICT) {
		log_warning("%s", cause.msg); /* somebody else changed it */
		return RC_OK;
	}
	return rc == RC_OK ? RC_OK
			   : open_unreadable(r, &o->payout, rc, &cause, e);
}

static void
case_of(struct run *r, const struct open_payout *o, struct judged_case *c)
{
	*c = (struct judged_case){
		.authorization = {
			.from = r->source.treasury,
			.to = o->payout.worker,
			.value = (uint64_t)o->payout.amount_micros,
			.valid_after = (uint64_t)o->auth.valid_after,
			.valid_before = (uint64_t)o->auth.valid_before,
		},
		.from_block = (uint64_t)o->auth.from_block,
		.has_hint = o->has_hint,
	};
	memcpy(c->authorization.nonce, o->payout.nonce,
	    sizeof(c->authorization.nonce));
	memcpy(c->hint, o->hint, sizeof(c->hint));
}

enum rc
book_ask(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	struct judgment *judgments = calloc(n, sizeof(*judgments));
	struct judged_case *cases = calloc(n, sizeof(*cases));
	enum rc rc = RC_OK;
	size_t i;

	if (judgments == NULL || cases == NULL) {
		rc = err_set(e, RC_NO_MEMORY, "no memory");
		goto out;
	}
	for (i = 0; i < n; i++)
		case_of(r, &all[i], &cases[i]);
	nodes_judge_all(r->nodes, cases, n, judgments);
	for (i = 0; i < n; i++)
		all[i].judgment = judgments[i];
out:
	free(judgments);
	free(cases);
	return rc;
}

enum rc
book_all(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	enum rc rc = db_step_begin(r->db, e);
	size_t i;

	for (i = 0; rc == RC_OK && i < n; i++)
		rc = book_one(r, &all[i], e);
	return db_step_end(r->db, rc, e);
}
