#include "pay/open.h"

#include <stdlib.h>

#include "eth/hex.h"
#include "pay/authorize.h"
#include "pay/book.h"
#include "pay/settle.h"

#define OPEN_AT_ONCE 256 /* payouts judged together */

enum rc
open_payout_load(struct run *r, struct open_payout *o, struct err *e)
{
	enum rc rc = payout_auth_get(r->db, o->payout.id, &o->auth, e);

	o->posted_before = o->payout.state == PAYOUT_SUBMITTED;
	return rc;
}

void
open_payout_free(struct open_payout *o)
{
	payout_auth_free(&o->auth);
}

enum rc
open_has_unsettled(
    struct run *r, int64_t worker_id, bool *unsettled, struct err *e)
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

enum rc
open_count(struct run *r, struct err *e)
{
	struct payout p;
	bool found = true;
	int64_t last = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		rc = payout_next_open(r->db, last, &p, &found, e);
		if (rc != RC_OK || !found)
			break;
		last = p.id;
		r->result->open += p.state != PAYOUT_POSTED;
	}
	return rc;
}

/* ---- Reconciling ---- */

/*
 * One that isn't signed may be paid all the same: a restored ledger has lost
 * what it signed. It never expires, for nobody knows until when that is good.
 * Where it was seen, or a facilitator says that it is, is looked at first.
 */
enum rc
open_load_for_judging(struct run *r, struct open_payout *o, struct err *e)
{
	char tx[TX_LEN + 1];
	enum rc rc;

	rc = open_payout_load(r, o, e);
	if (rc == RC_NOT_FOUND) {
		o->auth.valid_before = INT64_MAX;
		o->auth.from_block = (int64_t)r->latest.number;
		rc = RC_OK;
	}
	if (rc == RC_OK)
		rc = payout_last_tx(r->db, o->payout.id, tx, e);
	o->has_hint = rc == RC_OK && tx[0] != '\0' &&
	    hex_decode(o->hint, TX_HASH_LEN, slice_of(tx), NULL) == RC_OK;
	return rc;
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
			rc = run_payout_finding(r, &o->payout, "other source",
			    "it is "
			    "of another treasury, token or chain, and stays "
			    "open until that is configured again",
			    e);
			continue;
		}
		rc = open_load_for_judging(r, o, e);
		if (rc == RC_OK)
			++*n;
	}
	return rc;
}

enum rc
open_reconcile(struct run *r, struct err *e)
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
			rc = book_all(r, all, n, e);
		for (i = 0; i < n; i++)
			open_payout_free(&all[i]);
	} while (rc == RC_OK && n > 0);
	free(all);
	return rc;
}

/* ---- Continuing ---- */

/* Has it signed, or signed again to the byte: see vault/vault.h. */
static enum rc
resume_unsigned(struct run *r, struct open_payout *o, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc;

	if (!r->may_sign)
		return RC_NOT_FOUND;
	rc = run_sign(r, o, -1, &cause);
	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	rc = run_payout_finding(r, &o->payout, "not signed", cause.msg, e);
	return rc == RC_OK ? RC_NOT_FOUND : rc;
}

/* Makes an open payout ready; RC_NOT_FOUND: nothing is to be done for it. */
static enum rc
resume_one(struct run *r, struct open_payout *o, struct err *e)
{
	enum rc rc = RC_NOT_FOUND;

	if (o->payout.state == PAYOUT_POSTED || !run_is_ours(r, &o->payout))
		return RC_NOT_FOUND;
	if (o->payout.state != PAYOUT_RESERVED)
		rc = open_payout_load(r, o, e);
	if (rc != RC_NOT_FOUND)
		return rc;
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
};

/* struct feed: what an earlier run has left reserved, signed or submitted. */
static enum rc
resume_fill(void *ctx, struct open_payout *out, size_t room, size_t *n,
    bool *dry, struct err *e)
{
	struct resumption *s = ctx;
	struct run *r = s->run;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	*dry = run_should_stop(r);
	while (rc == RC_OK && !*dry && *n < room) {
		out[*n] = (struct open_payout){ .answer = ANSWER_RETRY };
		rc = payout_next_open(
		    r->db, s->last, &out[*n].payout, &found, e);
		*dry = !found;
		if (rc != RC_OK || !found)
			break;
		s->last = out[*n].payout.id;
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
	return rc == RC_OK && *n > 0 ? book_all(r, out, *n, e) : rc;
}

enum rc
open_continue(struct run *r, struct err *e)
{
	struct resumption s = { .run = r };

	return settle(r,
	    &(struct feed){ .fill = resume_fill, .ctx = &s, .ready_fd = -1 },
	    e);
}
