/*
 * Seals: the treasury's signature on a payout and on what was verified for it.
 * Only the payout program has that key: what a run relies on of earlier ones
 * carries it, whoever else may write to the ledger.
 */
#ifndef WORKNET_ETH_SEAL_H
#define WORKNET_ETH_SEAL_H

#include "eth/nonce.h"
#include "eth/sign.h"

struct seal {
	/*
	 * The worker's balance after this transfer was verified. 0 and 0 of a
	 * payment that was found on the chain.
	 */
	int64_t verified_to;
	int64_t balance_micros;
	uint8_t signature[SIGNATURE_LEN];
};

/* Which payout it is on. */
struct sealed {
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct address worker;
	int64_t seq;
	int64_t amount_micros;
};

/* Signs s, whose other fields are given. RC_INVALID for a bad key. */
MUST_CHECK enum rc seal_sign(struct seal *s, const struct sealed *what,
    const struct eth_key *treasury, struct err *e);

bool seal_is_by(const struct seal *s, const struct sealed *what,
    const struct address *treasury);

#endif
