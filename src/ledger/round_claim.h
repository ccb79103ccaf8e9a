/*
 * A round as it is claimed: results that a worker signed all at once. What it
 * signed is made anew of the ledger's own terms; of what the worker says only
 * what it found is taken. Each result comes with its hash, so that one that is
 * of other terms is refused alone, and the signature still stands for the
 * others.
 */
#ifndef WORKNET_LEDGER_ROUND_CLAIM_H
#define WORKNET_LEDGER_ROUND_CLAIM_H

#include "eth/round.h"
#include "ledger/credit.h"
#include "ledger/drill.h"

struct round_claim {
	/* From the request. */
	struct address worker;
	uint8_t signature[SIGNATURE_LEN];

	/* From the ledger: round_claim_begin. */
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t anchor; /* whose root is known; -1: none */
	uint8_t anchor_root[KECCAK256_LEN];

	/* Made by round_claim_verify. */
	struct round_tree_hash leaves[RESULTS_PER_POST_MAX];
	struct round_tree_hash root;
};

/* Begins to check r. Errors of db.h. */
MUST_CHECK enum rc
round_claim_begin(struct db *db, struct round_claim *r, struct err *e);

/*
 * After credit_check: c is authentic as far as its hash is that of what was
 * assigned and of what it says; else it is refused, where nothing else was
 * against it. RC_CORRUPT, errors of db.h.
 */
MUST_CHECK enum rc round_claim_check(struct db *db, struct round_claim *r,
    const struct drill_rules *drills, struct claim *c, struct err *e);

/*
 * After all n are checked: false, and those that are open are refused, unless
 * the worker signed their hashes, in this order. If it did, and one of them was
 * authentic, all are: what is signed with a slot that isn't paid, nobody was
 * shown yet.
 */
bool round_claim_verify(struct round_claim *r, struct claim *claims, size_t n);

/*
 * Inside the write transaction that pays for it: keeps of r what proves the
 * claims that are CLAIM_CREDITED. out->others are in others, which has room for
 * n. Errors of db.h.
 */
MUST_CHECK enum rc round_claim_keep(struct db *db, const struct round_claim *r,
    const struct claim *claims, size_t n, int64_t transfer,
    struct round_row *out, struct round_tree_hash *others, struct err *e);

#endif
