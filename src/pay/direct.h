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
 * Private to src/pay; one thread. The functions are those of a settler.
 */
#ifndef WORKNET_PAY_DIRECT_H
#define WORKNET_PAY_DIRECT_H

#include "pay/open.h"

struct direct;

/* Makes *out (direct_free); run is borrowed until then. RC_NO_MEMORY. */
MUST_CHECK enum rc
direct_new(struct direct **out, struct run *r, struct err *e);
void direct_free(struct direct *d);

/* "gas account 0x..." */
const char *direct_name(const struct direct *d);

/* How many payouts it takes at once. */
#define DIRECT_AT_ONCE_MAX SETTLE_AT_ONCE_MAX

/*
 * What earlier runs have left on its way goes on, also when nothing new is to
 * be sent: so no nonce stays open for long.
 */
void direct_resume(struct direct *d);

/*
 * Takes a signed payout, of which nothing is kept but copies; tag comes back
 * with its answer. They wait for each other for a moment.
 */
void direct_send(struct direct *d, size_t tag, const struct open_payout *o);

/*
 * The next answer, valid until the next call; NULL after timeout_ms without
 * any, or when wake_fd (-1: none) is readable before. x402.class is SUCCESS
 * when a node shows the transaction in a block (which says nothing about the
 * payout), PENDING when it is on its way, AMBIGUOUS when the payout can't be
 * carried out now, RETRY when it wasn't sent, for a reason of ours.
 */
const struct settle_answer *
direct_wait(struct direct *d, int64_t timeout_ms, int wake_fd, size_t *tag);

/* How many were sent whose answer isn't taken yet. */
size_t direct_in_flight(const struct direct *d);

/* Gives up waiting: the next run goes on with what is on its way. */
void direct_abandon(struct direct *d);

#endif
