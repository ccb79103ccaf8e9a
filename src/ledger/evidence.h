/*
 * Evidence: whether a worker's credit is backed by signed results. The payout
 * run asks this before it moves money, because a program that was broken
 * into may have written to the ledger.
 */
#ifndef WORKNET_LEDGER_EVIDENCE_H
#define WORKNET_LEDGER_EVIDENCE_H

#include <stdatomic.h>

#include "eth/address.h"
#include "eth/keccak.h"
#include "ledger/db.h"

/* What the payer knows without the ledger. */
struct evidence_rules {
	const atomic_bool *stop;   /* once true, nothing is verified; or NULL */
	int64_t max_reward_micros; /* of one result; 0: no bound */
	int64_t max_day_micros;	   /* a worker's in any 24 hours; 0: none */
	int64_t now_ms;
};

struct evidence {
	int64_t balance_micros; /* backed by transfers and results */
	int64_t earned_micros;	/* in all, also what was paid */
	int64_t verified_to;	/* the newest transfer of that state */
	uint8_t verified_hash[KECCAK256_LEN]; /* and its hash */
	int64_t results; /* whose signatures were verified now */
	/*
	 * The newest payout of this treasury whose seal doesn't fit what it
	 * pays, or the transfers before it; 0: none. Somebody else wrote the
	 * ledger: the seal counts for nothing, and a person must know.
	 */
	int64_t unfit;
};

/*
 * Reads one state of the ledger and checks of the worker: that its balance is
 * the sum of its transfers; that those up to the newest transfer for which
 * the treasury has sealed a payout of the worker add up to what it sealed (a
 * seal of a transfer that now has another hash is none: all is verified then);
 * that payouts gave back no more than they took since then; what
 * evidence_earned says; and of each credit since, with each of its results,
 * what ledger/rule.h says: the hash of it and of its definition, the reward and
 * the worker's days within their bounds, its times, its place in the schedule,
 * its assignment as long as that is kept, no check paid twice, also not beside
 * those that are sealed, and the worker's signature.
 *
 * That what was sealed is still what it was then (each signature, each hash)
 * is the nightly audit's to find out; its sum is certain. RC_CORRUPT names the
 * row and what is wrong with it: then nothing of the worker's may be paid.
 * RC_BUSY when rules->stop has become true meanwhile: a long history takes
 * minutes.
 */
MUST_CHECK enum rc
evidence_verify(struct db *db, const struct evidence_rules *rules,
    int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct evidence *out, struct err *e);

/*
 * What a worker has earned in all, in micro-USDC, paid or not, without what was
 * forfeited: its credits, and what was recovered for it, which somebody who
 * writes the ledger could say. RC_CORRUPT when that is more than this
 * treasury has sealed of payouts that were found on the chain.
 */
MUST_CHECK enum rc
evidence_earned(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, int64_t *micros, struct err *e);

#endif
