#include "pay/reconcile.h"

#include <stdlib.h>

#include "ledger/evidence.h"
#include "pay/authorize.h"
#include "pay/book.h"
#include "pay/settle.h"
#include "pay/settler.h"
#include "pay/submit.h"

#define RECONCILE_AT_ONCE 256 /* payouts judged together */

/* ---- Reconciling ---- */

/* What the chain shows now was settled by whoever was sent it. */
static enum rc
batch_book(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	bool is_new[RECONCILE_AT_ONCE];
	enum rc rc;
	size_t i;

	for (i = 0; i < n; i++)
		is_new[i] = all[i].payout.state < PAYOUT_POSTED;
	rc = book_ask(r, all, n, e);
	if (rc != RC_OK)
		return rc;
	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		rc = book_all(r, all, n, e);
	for (i = 0; rc == RC_OK && i < n; i++)
		if (all[i].judgment.verdict == VERDICT_PAID &&
		    (all[i].payout.state == PAYOUT_POSTED ||
			all[i].payout.state == PAYOUT_FINAL))
			rc = settler_settled(r, &all[i], is_new[i], e);
	return db_step_end(r->db, rc, e);
}

/* Fills all with the next open payouts after *last that can be judged. */
static enum rc
batch_read(struct run *r, int64_t *last, struct open_payout *all, size_t *n,
    struct err *e)
{
	struct err cause = ERR_INIT;
	struct open_payout *o;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && *n < RECONCILE_AT_ONCE) {
		o = &all[*n];
		rc = open_next(r, last, true, o, &found, e);
		if (rc != RC_OK || !found)
			break;
		if (!run_is_ours(r, &o->payout)) {
			rc = run_payout_finding(r, &o->payout, "other source",
			    "it is of another treasury, token or chain, and stays open until that is configured again",
			    e);
			continue;
		}
		rc = open_load_for_judging(r, o, &cause);
		if (rc == RC_OK) {
			++*n;
			continue;
		}
		open_payout_free(o);
		rc = open_unreadable(r, &o->payout, rc, &cause, e);
	}
	return rc;
}

enum rc
reconcile_open(struct run *r, struct err *e)
{
	struct open_payout *all = calloc(RECONCILE_AT_ONCE, sizeof(*all));
	int64_t last = 0;
	enum rc rc;
	size_t i, n;

	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	do {
		rc = batch_read(r, &last, all, &n, e);
		if (rc == RC_OK && n > 0)
			rc = batch_book(r, all, n, e);
		for (i = 0; i < n; i++)
			open_payout_free(&all[i]);
	} while (rc == RC_OK && n > 0);
	free(all);
	if (rc == RC_OK)
		rc = run_over_unseen(r, "payout unreadable", e);
	return rc == RC_OK ? run_over_unseen(r, "other source", e) : rc;
}

/* ---- Continuing ---- */

/* Has it signed, or signed again to the byte: see vault/vault.h. */
static enum rc
resume_unsigned(struct run *r, struct open_payout *o, struct err *e)
{
	struct signing s = { .open = o };
	struct err cause = ERR_INIT;
	size_t done;
	enum rc rc;

	if (!r->may_sign)
		return RC_NOT_FOUND;
	rc = evidence_earned(r->db, o->payout.worker_id, &o->payout.worker,
	    &r->source.treasury, &s.earned_micros, &cause);
	if (rc == RC_OK) {
		rc = run_sign(r, &s, 1, &done, &cause);
		if (rc == RC_OK)
			return run_store(r, o, -1, e);
	}
	if (rc != RC_CONFLICT && rc != RC_CORRUPT)
		return err_set(e, rc, "%s", cause.msg);
	rc = run_payout_finding(r, &o->payout, "not signed", cause.msg, e);
	return rc == RC_OK ? RC_NOT_FOUND : rc;
}

/* Makes an open payout ready; RC_NOT_FOUND: nothing is to be done for it. */
static enum rc
resume_one(struct run *r, struct open_payout *o, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc = RC_NOT_FOUND;
	bool intact;

	if (o->payout.state == PAYOUT_POSTED || !run_is_ours(r, &o->payout))
		return RC_NOT_FOUND;
	if (o->payout.state != PAYOUT_RESERVED)
		rc = open_load(r, o, &cause);
	if (rc == RC_OK) {
		rc = submit_check(r, o, &intact, e);
		return rc == RC_OK && !intact ? RC_NOT_FOUND : rc;
	}
	if (rc == RC_CORRUPT)
		return RC_NOT_FOUND; /* reconcile_open has told of it */
	if (rc != RC_NOT_FOUND)
		return err_set(e, rc, "%s", cause.msg);
	/* What settled unsigned and is open again isn't signed by itself. */
	if (o->payout.state == PAYOUT_RESERVED && run_is_sealed(r, &o->payout))
		return resume_unsigned(r, o, e);
	rc = run_payout_finding(r, &o->payout, "not sealed",
	    "it isn't signed, and no run has made it as it is", e);
	return rc == RC_OK ? RC_NOT_FOUND : rc;
}

struct resumption {
	struct run *run;
	int64_t last; /* id */
	bool whole;   /* it came to the end */
};

/* What is wrong with an open payout is over when no run sees it any more. */
static enum rc
looked(struct run *r, struct err *e)
{
	enum rc rc = run_over_unseen(r, "not sealed", e);

	if (rc == RC_OK && r->may_sign) /* else none was tried */
		rc = run_over_unseen(r, "not signed", e);
	return rc == RC_OK ? run_over_unseen(r, "request altered", e) : rc;
}

/* Puts up to room of the next ones that can be sent into out. */
static enum rc
resume_fill(struct resumption *s, struct open_payout *out, size_t room,
    size_t *n, bool *dry, struct err *e)
{
	struct run *r = s->run;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	*dry = run_should_stop(r);
	if (!*dry)
		rc = run_look(r, e);
	while (rc == RC_OK && !*dry && *n < room) {
		rc = open_next(r, &s->last, false, &out[*n], &found, e);
		*dry = s->whole = !found;
		if (rc != RC_OK || !found)
			break;
		rc = resume_one(r, &out[*n], e);
		if (rc == RC_OK) {
			++*n;
			continue;
		}
		open_payout_free(&out[*n]);
		if (rc == RC_NOT_FOUND)
			rc = RC_OK;
	}
	/* Its verdict decides whether its bytes are sent again. */
	return rc == RC_OK && *n > 0 ? batch_book(r, out, *n, e) : rc;
}

enum rc
reconcile_continue(struct run *r, struct err *e)
{
	struct resumption s = { .run = r };
	struct open_payout *out;
	int64_t unsettled;
	bool dry = false;
	size_t room, n;
	enum rc rc;

	rc = payout_unsettled(r->db, &unsettled, NULL, e);
	if (rc != RC_OK || unsettled == 0)
		return rc == RC_OK ? looked(r, e) : rc;
	rc = settle_open(r, -1, e);
	if (rc != RC_OK)
		return rc;
	do {
		rc = settle_room(r, &out, &room, e);
		if (rc == RC_OK && room > 0) {
			rc = resume_fill(&s, out, room, &n, &dry, e);
			rc = settle_add(r, rc, n, dry, e);
		}
	} while (rc == RC_OK && room > 0);
	settle_close(r);
	/* Each of them was looked at, unless it was to stop. */
	return rc == RC_OK && s.whole ? looked(r, e) : rc;
}
