/*
 * The chain's word becomes rows: the only way out of "submitted". Private to
 * src/pay; one thread.
 */
#ifndef WORKNET_PAY_BOOK_H
#define WORKNET_PAY_BOOK_H

#include "pay/open.h"

/* Asks the chain about the n payouts and books what it says. */
MUST_CHECK enum rc
book_all(struct run *r, struct open_payout *all, size_t n, struct err *e);

#endif
