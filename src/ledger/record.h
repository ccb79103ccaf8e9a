/*
 * A worker's record: what was credited to it day by day (UTC). It is new until
 * so many results on so many days were, as the ledger's terms ask; then it is
 * established, and its credit is payable sooner (maturity.h). After a demotion
 * only later days count. The audit can add it up; silence doesn't lessen it, as
 * it does the standing that lets an address hold slots (standing.h).
 */
#ifndef WORKNET_LEDGER_RECORD_H
#define WORKNET_LEDGER_RECORD_H

#include "ledger/db.h"
#include "ledger/row.h"

/* The day of a time, counted from 1970. */
int64_t record_day(int64_t now_ms);

/* Whether a worker with so many results on so many days is established. */
bool
record_is_good(const struct terms_row *terms, int64_t results, int64_t days);

/*
 * Whether the worker is established at that time. A day that lies ahead, by a
 * clock that was wrong, doesn't count. Errors of db.h.
 */
MUST_CHECK enum rc record_read(struct db *db, const struct terms_row *terms,
    int64_t worker, int64_t now_ms, bool *good, struct err *e);

/* Inside a write transaction: so many results were credited to it. */
MUST_CHECK enum rc record_credit(struct db *db, int64_t worker, int64_t results,
    int64_t now_ms, struct err *e);

#endif
