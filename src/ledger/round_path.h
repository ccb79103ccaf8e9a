/*
 * What proves a paid result alone that was signed in a round: its path in the
 * round's tree, from what the ledger keeps of that. Rounds that were asked for
 * last are remembered: results of one come one after the other when they are
 * read by slot. One thread.
 */
#ifndef WORKNET_LEDGER_ROUND_PATH_H
#define WORKNET_LEDGER_ROUND_PATH_H

#include "eth/nonce.h"
#include "eth/round_tree.h"
#include "eth/sign.h"
#include "ledger/db.h"

struct round_path {
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t count; /* of the round's results */
	uint8_t signature[SIGNATURE_LEN];
	struct round_tree_hash hash[ROUND_PATH_MAX];
	size_t n;
};

struct round_paths;

/* Freed with round_paths_free. RC_NO_MEMORY, errors of db.h. */
MUST_CHECK enum rc
round_paths_new(struct round_paths **out, struct db *db, struct err *e);
void round_paths_free(struct round_paths *p);

/*
 * Of the result with that place in the round that the transfer paid.
 * RC_CORRUPT when what is kept of it isn't whole; errors of db.h. Whether it is
 * signed isn't looked at.
 */
MUST_CHECK enum rc round_path_find(struct round_paths *p, struct db *db,
    int64_t transfer, int64_t place, struct round_path *out, struct err *e);

#endif
