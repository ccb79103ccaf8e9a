/*
 * Settling by ourselves: the gas account (pay/gas.h) sends the stored
 * authorizations to the chain, one or several in a transaction. What this room
 * answers is no proof either: the chain's word is asked for each payout alone,
 * as after a facilitator's answer.
 *
 * A payout that is in a transaction which is still on its way isn't put into
 * another one: its answer is that one's. What is on its way when a run ends, or
 * is killed, is sent again by the next one, the same bytes; what is stuck is
 * replaced with the same payload for a higher fee. So no nonce of the account
 * is left out or used for two things.
 *
 * It takes signed payouts as a settler (pay/settler.h): of one that it is sent
 * nothing is kept but copies, and they wait for each other for a moment.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_DIRECT_H
#define WORKNET_PAY_DIRECT_H

#include "pay/context.h"

struct direct;

/* Makes *out (direct_free); run is borrowed until then. RC_NO_MEMORY. */
MUST_CHECK enum rc
direct_new(struct direct **out, struct run *r, struct err *e);
void direct_free(struct direct *d);

/* Adds it to the settlers of its run, as the last. Errors of db.h. */
MUST_CHECK enum rc direct_settle(struct direct *d, struct err *e);

/*
 * What earlier runs have left on its way goes on, also when nothing new is to
 * be sent: so no nonce stays open for long.
 */
void direct_resume(struct direct *d);

#endif
