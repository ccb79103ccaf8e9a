#include "pay/open.h"

#include <string.h>

#include "eth/hex.h"

enum rc
open_load(struct run *r, struct open_payout *o, struct err *e)
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

enum rc
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

	rc = open_load(r, o, e);
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
