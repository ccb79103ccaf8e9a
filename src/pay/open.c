#include "pay/open.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "ledger/evidence.h"
#include "pay/authorize.h"
#include "pay/book.h"
#include "pay/settle.h"
#include "pay/tryout.h"

#define OPEN_AT_ONCE 256 /* payouts judged together */

/* Reads the authorization of a signed payout. RC_NOT_FOUND without one. */
static enum rc
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

/*
 * What can't be read is left alone, and keeps its worker waiting, but nobody
 * else.
 */
enum rc
open_unreadable(struct run *r, const struct payout *p, enum rc rc,
    const struct err *cause, struct err *e)
{
	if (rc != RC_CORRUPT)
		return err_set(e, rc, "%s", cause->msg);
	return run_payout_finding(r, p, "payout unreadable", cause->msg, e);
}

/*
 * The next open payout after *last, which moves on; *found: there is one. What
 * can't be read is passed over, and told of if tells is set.
 */
static enum rc
open_next(struct run *r, int64_t *last, bool tells, struct open_payout *o,
    bool *found, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc = RC_OK;

	while (rc == RC_OK) {
		*o = (struct open_payout){ .posted_before = false };
		*found = false;
		rc = payout_next_open(r->db, *last, &o->payout, found, &cause);
		if (*found)
			*last = o->payout.id;
		if (rc == RC_OK)
			return RC_OK;
		if (!*found) /* it is the engine that can't read */
			return err_set(e, rc, "%s", cause.msg);
		if (tells || rc != RC_CORRUPT)
			rc = open_unreadable(r, &o->payout, rc, &cause, e);
		else
			rc = RC_OK;
	}
	return rc;
}

enum rc
open_count(struct run *r, struct err *e)
{
	return payout_unsettled(r->db, &r->result->open, NULL, e);
}

static struct transfer_authorization
authorization_of(const struct run *r, const struct open_payout *o)
{
	struct transfer_authorization a = {
		.from = r->source.treasury,
		.to = o->payout.worker,
		.value = (uint64_t)o->payout.amount_micros,
		.valid_after = (uint64_t)o->auth.valid_after,
		.valid_before = (uint64_t)o->auth.valid_before,
	};

	memcpy(a.nonce, o->payout.nonce, sizeof(a.nonce));
	return a;
}

void
open_payout_transfer(const struct run *r, const struct open_payout *o,
    struct signed_transfer *out)
{
	out->authorization = authorization_of(r, o);
	memcpy(out->signature, o->auth.signature, sizeof(out->signature));
}

static bool
same_authorization(const struct transfer_authorization *a,
    const struct transfer_authorization *b)
{
	return memcmp(&a->from, &b->from, sizeof(a->from)) == 0 &&
	    memcmp(&a->to, &b->to, sizeof(a->to)) == 0 &&
	    a->value == b->value && a->valid_after == b->valid_after &&
	    a->valid_before == b->valid_before &&
	    memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0;
}

/*
 * Whether the stored request is of this payout and what was signed; a finding
 * says if not.
 */
static enum rc
open_payout_check(
    struct run *r, const struct open_payout *o, bool *intact, struct err *e)
{
	struct transfer_authorization asked = authorization_of(r, o);
	struct err why = ERR_INIT;
	struct x402_payment p;
	int version;
	enum rc rc;

	rc = x402_request_read(&p, &version, &r->network,
	    (struct slice){ o->auth.body.p, o->auth.body.len }, &why);
	if (rc == RC_NO_MEMORY)
		return err_set(e, rc, "%s", why.msg);
	*intact = rc == RC_OK && p.payout_id == o->payout.id &&
	    same_authorization(&p.authorization, &asked);
	if (*intact)
		return RC_OK;
	return run_payout_finding(r, &o->payout, "request altered",
	    rc == RC_OK ? "it is of another payment" : why.msg, e);
}

enum rc
open_payout_submit(struct run *r, struct open_payout *o, const char *settler,
    bool *leaves, struct err *e)
{
	bool held = false, intact = true;
	struct err cause = ERR_INIT;
	enum rc rc;

	*leaves = false;
	rc = payout_is_held(r->db, o->payout.worker_id, &held, e);
	if (rc != RC_OK || held || !tryout_may_send(r, o))
		return rc;
	rc = open_payout_check(r, o, &intact, e);
	if (rc != RC_OK || !intact)
		return rc;
	rc = payout_submit(r->db, &o->payout, settler, clock_unix_ms(), &cause);
	*leaves = rc == RC_OK;
	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	log_warning("%s", cause.msg); /* somebody else changed it */
	return RC_OK;
}

/* ---- Reconciling ---- */

/* What the chain shows now was settled by whoever was sent it. */
static enum rc
book_batch(struct run *r, struct open_payout *all, size_t n, struct err *e)
{
	bool is_new[OPEN_AT_ONCE];
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
		o->auth.from_block = (int64_t)r->head.latest.number;
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
	struct err cause = ERR_INIT;
	struct open_payout *o;
	bool found = true;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && *n < OPEN_AT_ONCE) {
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
			rc = book_batch(r, all, n, e);
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
		rc = open_payout_load(r, o, &cause);
	if (rc == RC_OK) {
		rc = open_payout_check(r, o, &intact, e);
		return rc == RC_OK && !intact ? RC_NOT_FOUND : rc;
	}
	if (rc == RC_CORRUPT)
		return RC_NOT_FOUND; /* open_reconcile has told of it */
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
open_looked(struct run *r, struct err *e)
{
	enum rc rc = run_over_unseen(r, "not sealed", e);

	if (rc == RC_OK && r->may_sign) /* else none was tried */
		rc = run_over_unseen(r, "not signed", e);
	return rc == RC_OK ? run_over_unseen(r, "request altered", e) : rc;
}

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
	return rc == RC_OK && *n > 0 ? book_batch(r, out, *n, e) : rc;
}

enum rc
open_continue(struct run *r, struct err *e)
{
	struct resumption s = { .run = r };
	int64_t n;
	enum rc rc;

	rc = payout_unsettled(r->db, &n, NULL, e);
	if (rc != RC_OK || n == 0)
		return rc == RC_OK ? open_looked(r, e) : rc;
	rc = settle(r,
	    &(struct feed){ .fill = resume_fill, .ctx = &s, .ready_fd = -1 },
	    e);
	/* Each of them was looked at, unless it was to stop. */
	return rc == RC_OK && s.whole ? open_looked(r, e) : rc;
}
