/*
 * What opens the commitments of a private task's leaves: a text of the salt, 64
 * lower-case hex digits, and for each of the leaves, in their order, the entry
 * that it commits to, a line each. Pure functions; any thread.
 */
#ifndef WORKNET_PROOF_OPENING_H
#define WORKNET_PROOF_OPENING_H

#include "ledger/private_task.h"
#include "proof/leaf.h"

#define OPENING_NAME "opening" /* of the file, in an export */
#define OPENING_MAX  (64 * 1024 * 1024)

/*
 * Appends what the leaf commits to, before the first of them the salt; the leaf
 * has all that was filled in. RC_CORRUPT when that isn't what it commits to;
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
opening_add(struct buf *out, const uint8_t salt[static TASK_SALT_LEN],
    const struct task_leaf *leaf, struct err *e);

/* An opening that is read. */
struct opening {
	uint8_t salt[TASK_SALT_LEN];
	struct slice rest; /* borrowed: lines that weren't taken yet */
};

/* RC_INVALID: the text doesn't begin with a salt. */
MUST_CHECK enum rc
opening_begin(struct opening *o, struct slice text, struct err *e);

/*
 * Opens the next leaf: fills in what it commits to, and the name that workers
 * sign. RC_INVALID says what isn't so.
 */
MUST_CHECK enum rc
opening_take(struct opening *o, struct task_leaf *leaf, struct err *e);

#endif
