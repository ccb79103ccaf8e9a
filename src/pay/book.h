/*
 * The chain's word becomes rows: the only way out of "submitted". Private to
 * src/pay; one thread.
 */
#ifndef WORKNET_PAY_BOOK_H
#define WORKNET_PAY_BOOK_H

#include "evm/verdict.h"
#include "pay/open.h"

/* What a judgment does to a payout. */
enum booking {
	BOOKING_NONE,
	BOOKING_NOTE,	/* it stays as it is, and an event says why */
	BOOKING_POST,	/* provisional: no balance moves by it */
	BOOKING_UNPOST, /* back to submitted; nor by this */
	BOOKING_FINAL,	/* with what was paid; more is another payout */
	BOOKING_VOID,	/* its credit goes back */
};

/*
 * The rule, a pure function. Credit moves by FINAL and VOID only, which need a
 * judgment that is final; POST is for what was asked and nothing else. posted
 * is where a posted payout was seen, else ignored; head is the lowest newest
 * block of the nodes.
 */
enum booking booking_of(enum payout_state state, const struct payment *posted,
    const struct judgment *j, uint64_t head);

/* Asks the chain about the n payouts: their judgments. */
MUST_CHECK enum rc
book_ask(struct run *r, struct open_payout *all, size_t n, struct err *e);

/* One step: books what the chain said of them. */
MUST_CHECK enum rc
book_all(struct run *r, struct open_payout *all, size_t n, struct err *e);

#endif
