/*
 * Reads payouts that are open: what earlier runs, and this one, have reserved,
 * signed or sent and the chain hasn't settled yet. Private to src/pay; one
 * thread.
 */
#ifndef WORKNET_PAY_OPEN_H
#define WORKNET_PAY_OPEN_H

#include "evm/verdict.h"
#include "pay/context.h"

/* A payout that is being settled. */
struct open_payout {
	struct payout payout;
	struct payout_auth auth; /* owned; empty while reserved */
	struct judgment judgment;
	bool posted_before; /* its bytes were sent before */
	bool tried;	    /* before it was signed, in this run */
	bool has_hint;
	uint8_t hint[TX_HASH_LEN];
};

/*
 * The next open payout after *last, which moves on; *found: there is one. What
 * can't be read is passed over, and told of if tells is set.
 */
MUST_CHECK enum rc open_next(struct run *r, int64_t *last, bool tells,
    struct open_payout *o, bool *found, struct err *e);

/* Reads what it signed. RC_NOT_FOUND: it isn't signed. */
MUST_CHECK enum rc
open_load(struct run *r, struct open_payout *o, struct err *e);
/* The same of any open payout, as far as it can be judged. */
MUST_CHECK enum rc
open_load_for_judging(struct run *r, struct open_payout *o, struct err *e);
void open_payout_free(struct open_payout *o);

/*
 * What a look at p in the ledger came to, rc, when that isn't RC_OK: a row that
 * no program writes (RC_CORRUPT) is a finding, and the run goes on.
 */
MUST_CHECK enum rc open_unreadable(struct run *r, const struct payout *p,
    enum rc rc, const struct err *cause, struct err *e);

/* What it signed, for the token to try. */
void open_payout_transfer(const struct run *r, const struct open_payout *o,
    struct signed_transfer *out);

#endif
