/*
 * How far the journal of the treasury's vault is: the vault, which keeps it,
 * and the ledger, which notes it, mean the same by this. No code.
 */
#ifndef WORKNET_ETH_MARK_H
#define WORKNET_ETH_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/keccak.h"

/* An older copy of the journal, or another journal, hasn't had this. */
struct journal_mark {
	int64_t entries;
	uint8_t hash[KECCAK256_LEN]; /* of the last one, or of the header */
};

/* What the ledger has seen of it. */
struct journal_seen {
	bool any; /* it has payouts of this treasury: there was a journal */
	bool has_mark;
	struct journal_mark mark;
};

#endif
