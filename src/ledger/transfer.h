/* Movements of money: the only code that changes a balance. */
#ifndef WORKNET_LEDGER_TRANSFER_H
#define WORKNET_LEDGER_TRANSFER_H

#include "ledger/db.h"
#include "ledger/row.h"

/* The newest transfer, which the next one's hash covers. */
MUST_CHECK enum rc
transfer_tail(struct db *db, struct tail *tail, struct err *e);

/*
 * Inside a write transaction: inserts t, whose hash is given, and moves its
 * amount from t->debit to t->credit. RC_CONFLICT when a worker's balance
 * would become negative.
 */
MUST_CHECK enum rc transfer_insert(struct db *db, const struct transfer_row *t,
    const uint8_t hash[static KECCAK256_LEN], struct err *e);

/*
 * Inside a write transaction: appends t, which has no results: its number,
 * format and hash are made here. RC_CONFLICT as above.
 */
MUST_CHECK enum rc
transfer_append(struct db *db, struct transfer_row *t, struct err *e);

/*
 * The first transfer at or after at_ms, found by halving: they are in order
 * of time but for some ms. Past the newest when there is none.
 */
MUST_CHECK enum rc
transfer_at(struct db *db, int64_t at_ms, int64_t *id, struct err *e);

#endif
