/* The newest row of a table whose rows are chained by hashes; see row.h. */
#ifndef WORKNET_LEDGER_TAIL_H
#define WORKNET_LEDGER_TAIL_H

#include "ledger/db.h"
#include "ledger/row.h"

/*
 * Reads the last id and its hash with the query last, which gives these two;
 * of an empty table both are 0. RC_CORRUPT when the hash isn't one.
 */
MUST_CHECK enum rc
tail_read(struct db *db, enum query_id last, struct tail *tail, struct err *e);

#endif
