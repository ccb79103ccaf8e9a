/*
 * The treasury's payments as the chain has them: what the ledger is compared
 * with, so that a ledger that was restored from an older copy learns of the
 * payments that it has lost, and one that nobody told of a payment hears of
 * it. Reads only. One thread at a time.
 */
#ifndef WORKNET_EVM_HISTORY_H
#define WORKNET_EVM_HISTORY_H

#include "evm/nodes.h"

/* One use, or cancellation, of an authorization of the treasury. */
struct history_use {
	uint8_t nonce[32];
	bool canceled;
	uint8_t tx[TX_HASH_LEN];
	uint64_t block;
	uint8_t block_hash[RPC_HASH_LEN];
	struct address to; /* of a payment */
	uint64_t value;
};

/* A use, and which nodes show exactly that. */
struct history_shown {
	struct history_use use;
	unsigned nodes; /* a bit for each */
	/* Every configured node does, at or below its own final block. */
	bool is_final;
	/*
	 * Every node that has its block and gave all logs up to it shows it,
	 * two at least, or all that are configured.
	 */
	bool is_shared;
};

/* What the nodes show of a range of blocks. */
struct history {
	struct history_shown *all; /* owned: history_free */
	size_t n;
	uint64_t last; /* of the range, and of what was asked for */
	/*
	 * Every configured node gave all up to this block. The one before the
	 * range: not even of its first, or they differ somewhere.
	 */
	uint64_t upto;
	bool is_given; /* by one node at least */
	/* A node can't be asked any more in this run. */
	bool is_over;
};

/*
 * Looks at the nodes' blocks. *final: the lowest final block of those that are
 * usable; *latest: the lowest newest one. RC_IO when none is.
 */
MUST_CHECK enum rc history_begin(
    struct nodes *c, uint64_t *final, uint64_t *latest, struct err *e);

/*
 * Reads the treasury's uses in the blocks from first (above 0) to last,
 * HISTORY_BLOCKS at most, from every usable node, after history_begin. A range
 * that a node refuses is asked for in parts. Of a node that gives only some of
 * it, was asked SCAN_MAX times in this run, or shows more than HISTORY_USES_MAX
 * uses in it, counts what came before. RC_NO_MEMORY.
 *
 * Nothing counts of a range in which nodes differ: what only some show though
 * another has its block, and in final blocks who doesn't show it, is noted as
 * their fault, by name.
 */
#define HISTORY_BLOCKS	 8000
#define HISTORY_USES_MAX 20000
MUST_CHECK enum rc history_read(struct nodes *c, const struct address *treasury,
    uint64_t first, uint64_t last, struct history *out, struct err *e);
void history_free(struct history *h);

/*
 * The rule of is_final, for the model: n nodes are configured, finals are the
 * numbers of their final blocks.
 */
bool history_is_final(
    const struct history_shown *s, const uint64_t *finals, size_t n);

/*
 * The last block whose time is before time_s (Unix seconds), by all usable
 * nodes that have such old blocks. They may differ: *lowest is where to begin
 * so that nothing is left out, *highest where nothing is left. 0: there is
 * none.
 * A node that hasn't such blocks has a fault, and so have those whose blocks'
 * times differ. *whole: every configured node has told. RC_IO when none does.
 */
MUST_CHECK enum rc history_block_before(struct nodes *c, uint64_t time_s,
    uint64_t *lowest, uint64_t *highest, bool *whole, struct err *e);

#endif
