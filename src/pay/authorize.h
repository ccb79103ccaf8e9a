/*
 * What the vault signs, as the ledger has it: seals and authorizations.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_AUTHORIZE_H
#define WORKNET_PAY_AUTHORIZE_H

#include "ledger/evidence.h"
#include "pay/open.h"

/*
 * Has the vault read its journal. When that isn't in order, a finding says
 * what a person has to do, and r->may_sign stays false: then the run only
 * looks at the chain, and sends what is signed.
 */
MUST_CHECK enum rc authorize_open(struct run *r, struct err *e);

/* Begins a new journal, and has the ledger know of it. */
MUST_CHECK enum rc authorize_begin_anew(struct run *r, struct err *e);

/*
 * Tells the vault that the chain shows for good so much of p, 0 when it was
 * canceled. RC_BUSY when its journal isn't open: a later run does.
 */
MUST_CHECK enum rc run_settled(
    struct run *r, const struct payout *p, int64_t micros, struct err *e);

/*
 * Seals p before it is in the ledger, and what was verified for it (NULL: it
 * was found on the chain); see eth/seal.h.
 */
MUST_CHECK enum rc run_seal(struct run *r, struct payout *p,
    const struct evidence *verified, struct err *e);

/*
 * Whether the vault has sealed p as it is, made by a run or adopted: nobody
 * else's is signed.
 */
bool run_is_sealed(const struct run *r, const struct payout *p);

/*
 * Has the vault sign a reserved payout, and stores its bytes; results: how
 * many signatures were verified for it, negative when that was before it was
 * reserved. RC_CONFLICT when the gate refuses this one: o->instead_micros is
 * what it would sign, or 0. RC_BUSY when it refuses all.
 */
MUST_CHECK enum rc
run_sign(struct run *r, struct open_payout *o, int64_t results, struct err *e);

#endif
