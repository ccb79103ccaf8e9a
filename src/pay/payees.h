/*
 * Whom a run pays, and how much: the payees, the caps and the budget. Private
 * to src/pay; one thread.
 */
#ifndef WORKNET_PAY_PAYEES_H
#define WORKNET_PAY_PAYEES_H

#include "pay/context.h"

/* Pays every payee what the caps allow; of a dry run, only says so. */
MUST_CHECK enum rc pay_payees(struct run *r, struct err *e);

#endif
