/*
 * A ledger that was restored from a copy has lost what was paid since. Until a
 * run has compared it with the chain up to a final block that is later than the
 * restore, nobody is paid: a hold of everybody, by 'chain'. One thread at a
 * time; errors of db.h.
 */
#ifndef WORKNET_LEDGER_RESTORED_H
#define WORKNET_LEDGER_RESTORED_H

#include "ledger/db.h"

/* Begins it; why is for people. */
MUST_CHECK enum rc
restored_begin(struct db *db, const char *why, int64_t now_ms, struct err *e);

/* When the ledger was restored; 0: it wasn't, or is compared by now. */
MUST_CHECK enum rc restored_at(struct db *db, int64_t *at_ms, struct err *e);

/* It is compared. */
MUST_CHECK enum rc restored_end(struct db *db, struct err *e);

#endif
