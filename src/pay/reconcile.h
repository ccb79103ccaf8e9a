/*
 * Every open payout: what the chain says of it, and what is still to be done.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_RECONCILE_H
#define WORKNET_PAY_RECONCILE_H

#include "pay/context.h"

/* Judges and books them. */
MUST_CHECK enum rc reconcile_open(struct run *r, struct err *e);

/* Sends what earlier runs have left reserved, signed or submitted. */
MUST_CHECK enum rc reconcile_continue(struct run *r, struct err *e);

#endif
