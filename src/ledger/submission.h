/*
 * Submissions: what an account of ours sends to the chain, by the account's
 * nonce. One is in the ledger before it leaves, so that a program killed
 * anywhere neither leaves a nonce out nor uses one for two things: the next run
 * sends the very bytes again. What they paid is the chain's to say, and is
 * booked as any other payment (ledger/payout.h).
 *
 * Each function that changes something is one step, as there.
 */
#ifndef WORKNET_LEDGER_SUBMISSION_H
#define WORKNET_LEDGER_SUBMISSION_H

#include "eth/transaction.h"
#include "ledger/db.h"

#define FORMS_MAX 24 /* of a submission: 1.25^23 is 169 times the first fee */

/* Who sends. */
struct sender {
	int64_t chain_id;
	struct address account;
};

struct submission {
	int64_t id;
	struct sender sender;
	int64_t nonce; /* of the account */
	struct address to;
	struct buf data; /* owned: submission_free */
	int64_t gas_limit;
	int64_t queued_ms;
	int64_t payouts[TRANSFERS_MAX]; /* that it carries out, in order */
	size_t count;
	/* Its newest form. */
	int64_t max_fee_wei; /* for each gas, the tip included */
	int64_t tip_wei;
	uint8_t hash[KECCAK256_LEN];
	uint8_t signature[SIGNATURE_LEN];
};

void submission_free(struct submission *s);

/* The transaction of its newest form; its data is borrowed from s. */
struct transaction submission_transaction(const struct submission *s);

/*
 * Appends the bytes of its newest form. RC_CORRUPT when they don't have its
 * hash, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
submission_write(struct buf *raw, const struct submission *s, struct err *e);

/*
 * Queues s with its first form; sets its id. RC_CONFLICT when the account's
 * nonce is taken.
 */
MUST_CHECK enum rc
submission_queue(struct db *db, struct submission *s, struct err *e);

/*
 * Adds the newest form of s, signed at now_ms. RC_CONFLICT when its fee is
 * that of an earlier one.
 */
MUST_CHECK enum rc submission_replace(
    struct db *db, const struct submission *s, int64_t now_ms, struct err *e);

/*
 * Final blocks have used its nonce. cost_wei: of its gas, negative when none of
 * its forms did.
 */
MUST_CHECK enum rc submission_done(struct db *db, const struct submission *s,
    int64_t cost_wei, int64_t now_ms, struct err *e);

/*
 * The first after that nonce (-1: of all) that isn't done. *found is false
 * past the last; else *out is to be freed.
 */
MUST_CHECK enum rc
submission_next_open(struct db *db, const struct sender *sender, int64_t after,
    struct submission *out, bool *found, struct err *e);

/*
 * Reads the first ten columns of a row, which are those of
 * submission_next_open; s->data, which was
 * initialised, is to be freed. RC_INVALID, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
submission_read(struct submission *s, struct query *q, struct err *e);

/* The hashes of its forms, the newest first: *n of them. */
MUST_CHECK enum rc submission_hashes(struct db *db, int64_t id,
    uint8_t out[FORMS_MAX][KECCAK256_LEN], size_t *n, struct err *e);

/* The nonce after all that were queued; RC_NOT_FOUND before the first. */
MUST_CHECK enum rc submission_next_nonce(
    struct db *db, const struct sender *sender, int64_t *nonce, struct err *e);

/*
 * What final blocks have shown that its gas has cost since then, in gwei; of
 * an OP Stack chain with what the data costs on the chain below.
 */
MUST_CHECK enum rc
submission_spent_gwei(struct db *db, const struct sender *sender,
    int64_t since_ms, int64_t *gwei, struct err *e);

/* A nonce that was queued, and is done without any of its forms. */
MUST_CHECK enum rc submission_foreign(struct db *db,
    const struct sender *sender, int64_t *nonce, bool *found, struct err *e);

#endif
