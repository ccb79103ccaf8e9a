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
 * the sum of its transfers; that each credit since its last payout is the sum
 * of its results' rewards, and each of these results carries the worker's
 * signature; and that the credits before, which were verified so before that
 * payout, are in their sum still what their results are worth. That what was
 * verified before is still what it was then (each signature, each hash) is the
 * nightly audit's to find out. RC_CORRUPT names what is wrong: then nothing
 * of it may be paid.
 *
 * The sums before the last payout make it take longer with the worker's
 * history: without them a row of the past that was raised together with the
 * balance would be paid before the audit sees it.
 */
MUST_CHECK enum rc evidence_verify(struct db *db, int64_t worker_id,
    const struct address *worker, struct evidence *out, struct err *e);

#endif
