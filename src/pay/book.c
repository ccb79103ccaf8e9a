#include "pay/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"

static void
payment_of(const struct judgment *j, struct payment *out)
{
	*out = (struct payment){ .to = j->to,
		.micros = (int64_t)j->value,
		.block = (int64_t)j->block.number };
	hex_encode(out->tx, j->tx, TX_HASH_LEN);
}

static enum rc
book_paid(struct run *r, struct open_payout *o, struct err *e)
{
	struct payout *p = &o->payout;
	struct payment paid, before;
	enum rc rc = RC_OK;

	payment_of(&o->judgment, &paid);
	if (p->state == PAYOUT_POSTED) {
		rc = payout_posted_in(r->db, p->id, &before, e);
		if (rc == RC_OK &&
		    (strcmp(before.tx, paid.tx) != 0 ||
			p->paid_micros != paid.micros))
			rc = payout_unpost(r->db, p,
			    "another transaction "
			    "carries it now",
			    clock_unix_ms(), e);
	}
	if (rc == RC_OK && p->state != PAYOUT_POSTED) {
		rc = payout_post(r->db, p, &paid, clock_unix_ms(), e);
		r->result->posted += rc == RC_OK;
	}
	if (rc == RC_OK &&
	    memcmp(paid.to.b, p->worker.b, sizeof(paid.to.b)) != 0)
		rc = run_payout_finding(r, p, "paid to another",
		    "the chain shows a "
		    "payment with this nonce to another address",
		    e);
	if (rc == RC_OK && paid.micros != p->amount_micros)
		r->result->findings = true;
	if (rc == RC_OK && o->judgment.contradicted)
		rc = run_payout_finding(
		    r, p, "nodes contradict", o->judgment.reason, e);
	if (rc == RC_OK && o->judgment.is_final && !o->judgment.contradicted) {
		rc = payout_finalize(r->db, p, &paid, clock_unix_ms(), e);
		r->result->finalized += rc == RC_OK;
	}
	return rc;
}

/* Posted, but no node that answers knows of it: reorganised, or they lag. */
static enum rc
book_gone(struct run *r, struct payout *p, const char *detail, struct err *e)
{
	struct payment before;
	enum rc rc;

	rc = payout_posted_in(r->db, p->id, &before, e);
	if (rc != RC_OK)
		return rc;
	if ((int64_t)r->latest.number < before.block)
		return payout_note(r->db, p,
		    "the nodes don't have its block "
		    "yet",
		    clock_unix_ms(), e);
	return payout_unpost(r->db, p, detail, clock_unix_ms(), e);
}

/* tx: what canceled its nonce, "" when it expired unused. */
static enum rc
book_never(struct run *r, struct open_payout *o, const char *tx, struct err *e)
{
	struct payout *p = &o->payout;
	const char *proof = o->judgment.reason;
	enum rc rc = RC_OK;

	if (p->state == PAYOUT_POSTED)
		rc = payout_unpost(r->db, p, proof, clock_unix_ms(), e);
	if (rc == RC_OK)
		rc = payout_void(r->db, p, proof, tx, clock_unix_ms(), e);
	r->result->voided += rc == RC_OK;
	return rc;
}

/* Books a verdict; the only way out of submitted. */
static enum rc
book(struct run *r, struct open_payout *o, struct err *e)
{
	struct payout *p = &o->payout;
	char tx[HEX_SIZE(TX_HASH_LEN)];

	switch (o->judgment.verdict) {
	case VERDICT_PAID:
		return book_paid(r, o, e);
	case VERDICT_UNUSED:
		if (p->state == PAYOUT_POSTED)
			return book_gone(r, p,
			    "its block is gone: "
			    "reorganised",
			    e);
		return RC_OK;
	case VERDICT_CANCELED:
		hex_encode(tx, o->judgment.tx, TX_HASH_LEN);
		return book_never(r, o, tx, e);
	case VERDICT_EXPIRED_UNUSED:
		return book_never(r, o, "", e);
	case VERDICT_UNKNOWN:
		break;
	}
	return payout_note(r->db, p, o->judgment.reason, clock_unix_ms(), e);
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
	return rc == RC_OK ? RC_OK : err_set(e, rc, "%s", cause.msg);
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
book_all(struct run *r, struct open_payout *all, size_t n, struct err *e)
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
	rc = db_step_begin(r->db, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		all[i].judgment = judgments[i];
		rc = book_one(r, &all[i], e);
	}
	rc = db_step_end(r->db, rc, e);
out:
	free(judgments);
	free(cases);
	return rc;
}
