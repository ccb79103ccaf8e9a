/*
 * What the treasury's key signs: seals, and authorizations, as stored.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_AUTHORIZE_H
#define WORKNET_PAY_AUTHORIZE_H

#include "pay/open.h"

/*
 * Seals p before it is in the ledger, and what was verified for it; see
 * eth/seal.h.
 */
MUST_CHECK enum rc run_seal(struct run *r, struct payout *p,
    int64_t verified_to, int64_t balance_micros, struct err *e);

/* Whether a run has made p as it is: nobody else's is signed. */
bool run_is_sealed(const struct run *r, const struct payout *p);

/*
 * Signs a reserved payout and stores its bytes; results: how many signatures
 * were verified for it, negative when that was before it was reserved.
 */
MUST_CHECK enum rc
run_sign(struct run *r, struct open_payout *o, int64_t results, struct err *e);

#endif
