/*
 * Evidence: whether a worker's credit is backed by signed results. The payout
 * run asks this before it moves money, because a program that was broken
 * into may have written to the ledger.
 */
#ifndef WORKNET_LEDGER_EVIDENCE_H
#define WORKNET_LEDGER_EVIDENCE_H

#include "eth/address.h"
#include "ledger/db.h"

struct evidence {
	int64_t balance_micros; /* backed by transfers and results */
	int64_t verified_to;	/* the newest transfer of that state */
	int64_t results;	/* whose signatures were verified now */
};

/*
 * Reads one state of the ledger and checks of the worker: that its balance is
 * the sum of its transfers; that each credit is the sum of its results'
 * rewards; and that each result credited since its last payout carries the
 * worker's signature (earlier ones were verified before that payout).
 * RC_CORRUPT names what is wrong: then nothing of it may be paid.
 */
MUST_CHECK enum rc evidence_verify(struct db *db, int64_t worker_id,
    const struct address *worker, struct evidence *out, struct err *e);

#endif
