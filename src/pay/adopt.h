/*
 * The treasury's payments on the chain against those in the ledger. Private to
 * src/pay; one thread.
 */
#ifndef WORKNET_PAY_ADOPT_H
#define WORKNET_PAY_ADOPT_H

#include "evm/history.h"
#include "pay/context.h"

/* What a use of a nonce that no payout of the ledger has means. */
enum lost_use {
	LOST_IGNORED,  /* what one node alone asserts stops nothing */
	LOST_FOREIGN,  /* a person must know: it isn't this ledger's */
	LOST_WAITS,    /* ours, but not final: its worker waits */
	LOST_DEFERRED, /* so it does, for an earlier payout to be settled */
	LOST_ADOPTED,  /* it becomes a payout */
};

/*
 * The rule, a pure function. is_ours: the nonce is that of a payout of this
 * ledger to the payee, and the amount one that can be. unsettled: a payout of
 * the worker isn't final. Should it be void, it gives back the credit that the
 * lost one was for, which must not be recovered first and given back then.
 */
enum lost_use
lost_use_of(const struct history_shown *s, bool is_ours, bool unsettled);

/*
 * Goes over the blocks that no run has seen yet as final. A payment that the
 * ledger doesn't know, and that every node shows in a final block, becomes a
 * payout; until then its worker waits (adopt_waits). One of an open payout is
 * judged, and one of a settled payout compared with what is booked. How far
 * all nodes have shown everything is kept for the next run.
 */
MUST_CHECK enum rc adopt_lost(struct run *r, struct err *e);

/*
 * True while a payment to the worker, which the ledger has lost, isn't final
 * yet: a payout that is made now would have its number.
 */
bool adopt_waits(const struct run *r, const struct address *worker);

#endif
