/*
 * Before bytes leave: whether they may, what the token says of them, and that
 * the ledger has them as submitted. Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_SUBMIT_H
#define WORKNET_PAY_SUBMIT_H

#include "pay/open.h"

/* Whether sending these bytes (again) is safe, useful and in time. */
bool submit_may_send(const struct run *r, const struct open_payout *o);

/*
 * Has the token try those of the *n payouts (SETTLE_AT_ONCE_MAX at most) that
 * are to be sent, but for new ones, which it has just tried unsigned. What it
 * would refuse is noted, is a finding unless it is only late, and is freed: *n
 * is what is left.
 */
MUST_CHECK enum rc
submit_try(struct run *r, struct open_payout *all, size_t *n, struct err *e);

/*
 * Whether the stored request is of this payout and what was signed; a finding
 * says if not.
 */
MUST_CHECK enum rc submit_check(
    struct run *r, const struct open_payout *o, bool *intact, struct err *e);

/*
 * Notes, inside a step, that o is about to leave for the settler of that name;
 * *leaves is false when it may not: held, altered, or too late.
 */
MUST_CHECK enum rc submit_note(struct run *r, struct open_payout *o,
    const char *settler, bool *leaves, struct err *e);

#endif
