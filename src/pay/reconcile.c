/* The chain's word: what it says of open payouts, and of lost ones. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "eth/hex.h"
#include "pay/history.h"
#include "pay/run_room.h"

#define SEQ_SEARCH_MAX 100000 /* seqs tried to recognise a lost payout */
#define OPEN_AT_ONCE   256    /* payouts judged together */

static enum rc
finding_for(struct run *r, const struct payout *p, const char *kind,
    const char *detail, struct err *e)
{
	char subject[40];

	(void)snprintf(subject, sizeof(subject), "payout %" PRId64, p->id);
	return run_finding(r, kind, subject, detail, e);
}

/* ---- Payouts that the ledger has lost ---- */

struct adoption {
	struct run *run;
	bool deferred; /* some wait for an earlier payout */
	enum rc rc;
	struct err *err;
};

/* Whether the nonce is that of one of the worker's payouts, and which. */
static bool
nonce_find_seq(struct run *r, struct payout *p)
{
	uint8_t nonce[PAYOUT_NONCE_LEN];
	int64_t seq;

	for (seq = 1; seq <= SEQ_SEARCH_MAX; seq++) {
		run_nonce(r, &p->worker, seq, nonce);
		if (memcmp(nonce, p->nonce, sizeof(nonce)) == 0) {
			p->seq = seq;
			return true;
		}
	}
	return false;
}

/* Whether one of the worker's payouts isn't settled. */
static enum rc
has_unsettled(struct run *r, int64_t worker_id, bool *unsettled, struct err *e)
{
	struct payout p;
	bool found = true;
	int64_t last = 0;
	enum rc rc;

	*unsettled = false;
	while ((rc = payout_next_open(r->db, last, &p, &found, e)) == RC_OK &&
	    found && !*unsettled) {
		last = p.id;
		*unsettled =
		    p.worker_id == worker_id && p.state != PAYOUT_POSTED;
	}
	return rc;
}

/* Whose payout it was, and which one. */
static enum rc
adopt_recognise(struct run *r, struct payout *p, bool *known, struct err *e)
{
	struct worker_row w;
	enum rc rc;

	rc = worker_find(r->db, &p->worker, &w, NULL);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return err_set(e, rc, "worker lookup failed");
	/* The ledger may have lost the worker as well: id 0. */
	p->worker_id = w.id;
	*known = nonce_find_seq(r, p);
	return RC_OK;
}

static enum rc
adopt_use(struct adoption *a, const struct history_use *use, struct err *e)
{
	struct run *r = a->run;
	struct payout p = { .source = r->source };
	char tx[HEX_SIZE(TX_HASH_LEN)], subject[100];
	bool known = false, unsettled = false;
	struct payment paid;
	uint64_t value;
	enum rc rc;

	memcpy(p.nonce, use->nonce, sizeof(p.nonce));
	hex_encode(tx, use->tx, TX_HASH_LEN);
	rc = history_payment(
	    r->chain, &r->source.treasury, use, &p.worker, &value, e);
	if (rc == RC_OK)
		rc = adopt_recognise(r, &p, &known, e);
	if (rc == RC_OK && known)
		rc = has_unsettled(r, p.worker_id, &unsettled, e);
	if (rc != RC_OK)
		return rc;
	if (!known) {
		(void)snprintf(subject, sizeof(subject), "transaction %s", tx);
		return run_finding(r, "foreign payment", subject,
		    "the "
		    "treasury paid somebody with a nonce that isn't this "
		    "ledger's",
		    e);
	}
	/*
	 * Its credit may be what the earlier payout gives back when it is
	 * void, which must not be recovered and given back.
	 */
	if (unsettled) {
		a->deferred = true;
		return RC_OK;
	}
	paid = (struct payment){ .to = p.worker,
		.micros = (int64_t)value,
		.block = (int64_t)use->block };
	memcpy(paid.tx, tx, sizeof(paid.tx));
	r->result->findings = true;
	r->result->posted++;
	log_error("payout %" PRId64 " of a worker was lost with an older "
		  "copy of the ledger; the chain has it: %s",
	    p.seq, tx);
	return payout_adopt(r->db, &p, &paid, run_clock_ms(), e);
}

/*
 * A node lied about a nonce, or what settled is an authorization that a
 * restored ledger has lost, of longer validity than the one known. Nothing
 * else was signed for that credit: the next payout would have had this nonce.
 */
static enum rc
paid_though_void(struct adoption *a, const struct payout *p,
    const struct history_use *use, struct err *e)
{
	enum rc rc;

	rc = finding_for(a->run, p, "paid though void",
	    "the chain shows a payment that was proven impossible; it is "
	    "booked as a payout of its own",
	    e);
	return rc != RC_OK ? rc : adopt_use(a, use, e);
}

static bool
on_use(void *ctx, const struct history_use *use)
{
	struct adoption *a = ctx;
	struct payout known;

	a->rc = payout_by_nonce(a->run->db, use->nonce, &known, a->err);
	if (a->rc == RC_NOT_FOUND)
		a->rc = adopt_use(a, use, a->err);
	else if (a->rc == RC_OK && known.state == PAYOUT_VOIDED)
		a->rc = paid_though_void(a, &known, use, a->err);
	return a->rc == RC_OK;
}

enum rc
run_adopt_lost(struct run *r, struct err *e)
{
	struct adoption a = { .run = r, .err = e, .rc = RC_OK };
	uint64_t created_s = (uint64_t)(r->created_ms / 1000), first = 0;
	bool complete = true;
	int64_t seen = 0;
	enum rc rc;

	rc = chain_seen_get(r->db, &r->source, &seen, e);
	if (rc == RC_OK && seen == 0)
		rc = history_block_before(r->chain, created_s, &first, e);
	else
		first = (uint64_t)seen + 1;
	if (rc == RC_OK && first <= r->latest.number)
		rc = history_uses(r->chain, &r->source.treasury, first,
		    r->latest.number, on_use, &a, &complete, e);
	if (rc == RC_CONFLICT)
		rc = a.rc;
	if (rc != RC_OK || r->options->dry_run || a.deferred || !complete)
		return rc;
	/* What isn't final yet is looked at again by the next run. */
	return chain_seen_set(r->db, &r->source, (int64_t)r->final.number, e);
}

/* ---- Open payouts ---- */

static void
payment_of(const struct chain_judgment *j, struct payment *out)
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
			    run_clock_ms(), e);
	}
	if (rc == RC_OK && p->state != PAYOUT_POSTED) {
		rc = payout_post(r->db, p, &paid, run_clock_ms(), e);
		r->result->posted += rc == RC_OK;
	}
	if (rc == RC_OK &&
	    memcmp(paid.to.b, p->worker.b, sizeof(paid.to.b)) != 0)
		rc = finding_for(r, p, "paid to another",
		    "the chain shows a "
		    "payment with this nonce to another address",
		    e);
	if (rc == RC_OK && paid.micros != p->amount_micros)
		r->result->findings = true;
	if (rc == RC_OK && o->judgment.contradicted)
		rc = finding_for(
		    r, p, "nodes contradict", o->judgment.reason, e);
	if (rc == RC_OK && o->judgment.is_final && !o->judgment.contradicted) {
		rc = payout_finalize(r->db, p, &paid, run_clock_ms(), e);
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
		    run_clock_ms(), e);
	return payout_unpost(r->db, p, detail, run_clock_ms(), e);
}

/* tx: what canceled its nonce, "" when it expired unused. */
static enum rc
book_never(struct run *r, struct open_payout *o, const char *tx, struct err *e)
{
	struct payout *p = &o->payout;
	const char *proof = o->judgment.reason;
	enum rc rc = RC_OK;

	if (p->state == PAYOUT_POSTED)
		rc = payout_unpost(r->db, p, proof, run_clock_ms(), e);
	if (rc == RC_OK)
		rc = payout_void(r->db, p, proof, tx, run_clock_ms(), e);
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
	return payout_note(r->db, p, o->judgment.reason, run_clock_ms(), e);
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
case_of(struct run *r, const struct open_payout *o, struct chain_case *c)
{
	*c = (struct chain_case){
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
run_judge(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	struct chain_judgment *judgments = calloc(n, sizeof(*judgments));
	struct chain_case *cases = calloc(n, sizeof(*cases));
	enum rc rc = RC_OK;
	size_t i;

	if (judgments == NULL || cases == NULL) {
		rc = err_set(e, RC_NO_MEMORY, "no memory");
		goto out;
	}
	for (i = 0; i < n; i++)
		case_of(r, &all[i], &cases[i]);
	chain_judge_all(r->chain, cases, n, judgments);
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

/*
 * A payout that was adopted has no authorization: it is judged by the whole
 * range that the ledger may have lost.
 */
static enum rc
load_for_judging(struct run *r, struct open_payout *o, struct err *e)
{
	struct payment where;
	enum rc rc;

	rc = open_payout_load(r, o, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	rc = payout_posted_in(r->db, o->payout.id, &where, e);
	if (rc != RC_OK)
		return rc;
	o->auth.valid_before = INT64_MAX;
	o->auth.from_block = where.block;
	o->has_hint =
	    hex_decode(o->hint, TX_HASH_LEN, slice_of(where.tx), NULL) == RC_OK;
	return RC_OK;
}

/* Fills all with the next open payouts after *last that can be judged. */
static enum rc
open_batch(struct run *r, int64_t *last, struct open_payout *all, size_t *n,
    struct err *e)
{
	struct open_payout *o;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && *n < OPEN_AT_ONCE) {
		o = &all[*n];
		*o = (struct open_payout){ .answer = ANSWER_RETRY };
		rc = payout_next_open(r->db, *last, &o->payout, &found, e);
		if (rc != RC_OK || !found)
			break;
		*last = o->payout.id;
		if (!run_is_ours(r, &o->payout)) {
			rc = finding_for(r, &o->payout, "other source",
			    "it is "
			    "of another treasury, token or chain, and stays "
			    "open until that is configured again",
			    e);
			continue;
		}
		if (o->payout.state == PAYOUT_RESERVED)
			continue;
		rc = load_for_judging(r, o, e);
		if (rc == RC_OK)
			++*n;
	}
	return rc;
}

enum rc
run_reconcile(struct run *r, struct err *e)
{
	struct open_payout *all = calloc(OPEN_AT_ONCE, sizeof(*all));
	int64_t last = 0;
	enum rc rc;
	size_t i, n;

	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	do {
		rc = open_batch(r, &last, all, &n, e);
		if (rc == RC_OK && n > 0)
			rc = run_judge(r, all, n, e);
		for (i = 0; i < n; i++)
			open_payout_free(&all[i]);
	} while (rc == RC_OK && n > 0);
	free(all);
	return rc;
}
