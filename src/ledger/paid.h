/*
 * What follows from a payment, besides the money: the shares of address and
 * network, standing, that what was given is answered, and what is to be
 * compared. Only credit.c uses it.
 */
#ifndef WORKNET_LEDGER_PAID_H
#define WORKNET_LEDGER_PAID_H

#include "ledger/credit.h"

/* Of the assignment, the present row of assignments_for_result. */
void paid_learn(struct claim *c, struct query *q);

/*
 * Inside the write transaction that pays them: n claims of one worker, at least
 * one, that came from that network. Errors of db.h.
 */
MUST_CHECK enum rc paid_count(struct db *db, struct claim *const *claims,
    size_t n, struct slice network, int64_t now_ms, struct err *e);

#endif
