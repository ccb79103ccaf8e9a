/*
 * Before bytes leave: whether they may, and what the token says of them.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_TRYOUT_H
#define WORKNET_PAY_TRYOUT_H

#include "pay/open.h"

/* Whether sending these bytes (again) is safe, useful and in time. */
bool tryout_may_send(const struct run *r, const struct open_payout *o);

/*
 * Has the token try those of the *n payouts (SETTLE_AT_ONCE_MAX at most) that
 * are to be sent. What it would refuse is noted, is a finding unless it is
 * only late, and is freed: *n is what is left.
 */
MUST_CHECK enum rc
tryout(struct run *r, struct open_payout *all, size_t *n, struct err *e);

#endif
