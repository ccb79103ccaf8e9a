/*
 * Payments on the chain that a restored ledger has lost. Private to src/pay;
 * one thread.
 */
#ifndef WORKNET_PAY_ADOPT_H
#define WORKNET_PAY_ADOPT_H

#include "pay/context.h"

/* Payments on the chain that the ledger doesn't know become payouts. */
MUST_CHECK enum rc adopt_lost(struct run *r, struct err *e);

#endif
