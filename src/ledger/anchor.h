/*
 * Anchors: heads of the operator's transparency log (a C2SP checkpoint: origin,
 * size, root). What is assigned names the newest one, so that nobody can have
 * signed its result before that head was published. The ledger's table is the
 * truth; a checkpoint file, which the log's program writes, brings new ones
 * (api/anchors.h).
 */
#ifndef WORKNET_LEDGER_ANCHOR_H
#define WORKNET_LEDGER_ANCHOR_H

#include "eth/sha256.h"
#include "ledger/db.h"

struct anchor {
	int64_t size; /* entries; 0: none, its root is SHA-256 of nothing */
	uint8_t root[SHA256_LEN];
};

/*
 * One step: from now on a is the newest anchor, if it is of more entries than
 * all that were before; *news says so. RC_CONFLICT when there was another root
 * of its size: that log has forked, and nothing was changed.
 */
MUST_CHECK enum rc anchor_add(struct db *db, const struct anchor *a,
    int64_t now_ms, bool *news, struct err *e);

/* The size of the newest one. Errors of db.h. */
MUST_CHECK enum rc anchor_newest(struct db *db, int64_t *size, struct err *e);

/* The same, and when it was taken up; 0 and 0: none. Errors of db.h. */
MUST_CHECK enum rc
anchor_last(struct db *db, int64_t *size, int64_t *at_ms, struct err *e);

/* The root of one that the ledger has; else RC_CORRUPT. */
MUST_CHECK enum rc anchor_root(
    struct db *db, int64_t size, uint8_t out[static SHA256_LEN], struct err *e);

#endif
