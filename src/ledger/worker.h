/* Workers: who they are, and whether they may take part. */
#ifndef WORKNET_LEDGER_WORKER_H
#define WORKNET_LEDGER_WORKER_H

#include "eth/address.h"
#include "ledger/db.h"

struct worker_row {
	int64_t id; /* of its account, too */
	bool suspended;
};

/* RC_NOT_FOUND for an address that was never given anything. */
MUST_CHECK enum rc worker_find(struct db *db, const struct address *a,
    struct worker_row *out, struct err *e);

/* Inside a write transaction: a new worker and its account. */
MUST_CHECK enum rc worker_add(struct db *db, const struct address *a,
    int64_t now_ms, int64_t *id, struct err *e);

/*
 * Inside a write transaction: a suspended worker is given nothing, and its
 * results are refused; what it has earned stays. RC_NOT_FOUND.
 */
MUST_CHECK enum rc worker_set_suspended(
    struct db *db, const struct address *a, bool suspended, struct err *e);

/*
 * Inside a write transaction: the operator lets an address in, with so many
 * shares (1 to WEIGHT_MAX), or as a witness, whether it was seen or not; or no
 * longer, and is of no tier then. RC_NOT_FOUND when it wasn't in.
 */
MUST_CHECK enum rc worker_admit(struct db *db, const struct address *a,
    int64_t weight, bool witness, int64_t now_ms, struct err *e);
MUST_CHECK enum rc worker_expel(
    struct db *db, const struct address *a, int64_t now_ms, struct err *e);

#endif
