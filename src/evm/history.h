/*
 * The treasury's payments as the chain has them: what the ledger is compared
 * with before a run pays, so that a ledger that was restored from an older
 * copy learns of the payments that it has lost. Reads only. One thread at a
 * time.
 */
#ifndef WORKNET_EVM_HISTORY_H
#define WORKNET_EVM_HISTORY_H

#include "evm/nodes.h"

/* One use of an authorization of the treasury. */
struct history_use {
	uint8_t nonce[32];
	uint8_t tx[TX_HASH_LEN];
	uint64_t block;
};

/* Return false to stop. */
typedef bool history_fn(void *ctx, const struct history_use *use);

/*
 * Calls fn for each AuthorizationUsed of the treasury in the blocks from
 * first to last, in no order, as any node has them: one that more than one
 * node has comes more than once. A range that a node refuses is asked for in
 * parts. *complete: every configured node gave all of it. RC_IO when none
 * does, RC_CONFLICT when fn stopped.
 */
MUST_CHECK enum rc
history_uses(struct nodes *c, const struct address *treasury, uint64_t first,
    uint64_t last, history_fn *fn, void *ctx, bool *complete, struct err *e);

/* What that use paid to whom, from its receipt. RC_IO when no node has a
 * receipt that checks out. */
MUST_CHECK enum rc history_payment(struct nodes *c,
    const struct address *treasury, const struct history_use *use,
    struct address *to, uint64_t *value, struct err *e);

/*
 * The number of the last block whose time is before time_s (Unix seconds);
 * 0 when there is none. RC_IO.
 */
MUST_CHECK enum rc history_block_before(
    struct nodes *c, uint64_t time_s, uint64_t *number, struct err *e);

#endif
