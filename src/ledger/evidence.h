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
 * the sum of its transfers; that those up to the newest transfer for which
 * the treasury has sealed a payout of the worker add up to what it sealed;
 * that payouts gave back no more than they took since then; and that each
 * credit since is the sum of its results' rewards, and each of these
 * results carries the worker's signature. That what was verified before is
 * still what it was then (each signature, each hash) is the nightly audit's to
 * find out; its sum is certain. RC_CORRUPT names what is wrong: then nothing
 * of it may be paid.
 */
MUST_CHECK enum rc
evidence_verify(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct evidence *out, struct err *e);

#endif
