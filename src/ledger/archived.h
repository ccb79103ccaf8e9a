/*
 * Archived credits: their results were dropped from the ledger, and are lines
 * of files that the transparency log proves. What is left of them in the ledger
 * is which slots they are of, and the digest that their transfer's hash covers
 * (link_transfer_archived): so whoever shows results can be judged.
 *
 * A credit is archived as a whole, once nothing of the ledger looks at its
 * results any more: a final payout has sealed it, and its uptime is counted.
 * What is kept of the slots is made of LEB128 numbers (DWARF 5, 7.6): the
 * first slot, then how much each is larger than the one before it.
 */
#ifndef WORKNET_LEDGER_ARCHIVED_H
#define WORKNET_LEDGER_ARCHIVED_H

#include "base/limits.h"
#include "eth/sha256.h"
#include "ledger/db.h"
#include "ledger/row.h"

/* A credit that is archived, or due to be. */
struct archived_credit {
	int64_t transfer;
	uint8_t digest[KECCAK256_LEN]; /* of one that is archived */
	bool is_gone;		       /* its results aren't there */
	char worker[ADDRESS_LEN + 1];  /* that was paid; "": nobody knows */
	int64_t from_ms; /* the oldest of its cycles begins then */
	int64_t to_ms;	 /* nothing of it was given later */
	size_t n;
	int64_t slots[RESULTS_PER_POST_MAX];
	int64_t tasks[RESULTS_PER_POST_MAX]; /* of one that is due */
};

/* Takes a credit; *stop ends the walk. */
typedef enum rc archived_fn(
    void *ctx, const struct archived_credit *c, bool *stop, struct err *e);

/*
 * The number before that of the oldest credit that has results; a transfer that
 * there isn't when none has any. Errors of db.h, as of all here.
 */
MUST_CHECK enum rc
archive_first(struct db *db, int64_t *transfer, struct err *e);

/* Credits after one transfer, and up to another, that are due. */
MUST_CHECK enum rc archive_due(struct db *db, int64_t after, int64_t upto,
    archived_fn *fn, void *ctx, struct err *e);

/* Those that are archived after that transfer. RC_CORRUPT of a row that no
 * program writes. */
MUST_CHECK enum rc archived_each(
    struct db *db, int64_t after, archived_fn *fn, void *ctx, struct err *e);

/* A file that has results of such. */
struct archived_file {
	int64_t leaf;
	uint8_t sha256[SHA256_LEN];
};

enum archive_did {
	ARCHIVE_DIFFERS, /* the ledger has other results, which stay */
	ARCHIVE_DONE,
	ARCHIVE_GONE, /* by another run, since it was due */
};

/*
 * Inside a write transaction: drops the credit's results, if the ledger's have
 * that digest, which its transfer's hash covers.
 */
MUST_CHECK enum rc archive_drop(struct db *db, const struct archived_credit *c,
    const uint8_t digest[static KECCAK256_LEN], const struct archived_file *f,
    size_t files, enum archive_did *did, struct err *e);

/* The hash of that leaf's file; RC_NOT_FOUND. */
MUST_CHECK enum rc archived_file_get(struct db *db, int64_t leaf,
    uint8_t sha256[static SHA256_LEN], struct err *e);

/* When the newest archived credit was given; 0: there is none. */
MUST_CHECK enum rc archived_bound(struct db *db, int64_t *at_ms, struct err *e);

/* What a line of a result in a round has to say. RC_NOT_FOUND. */
MUST_CHECK enum rc archived_round(struct db *db, int64_t transfer,
    int64_t *count, uint8_t signature[static SIGNATURE_LEN], struct err *e);

#endif
