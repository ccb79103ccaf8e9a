/*
 * Seals: the treasury's signature on a payout, and on what was verified for it
 * or that it was found on the chain. Only the payout program's vault has that
 * key: a run believes of earlier runs only what is sealed, for others than
 * the payout program may write to the ledger.
 */
#ifndef WORKNET_ETH_SEAL_H
#define WORKNET_ETH_SEAL_H

#include "eth/nonce.h"
#include "eth/sign.h"

enum seal_kind {
	SEAL_RESERVED, /* made by a run, which verified the balance */
	SEAL_ADOPTED,  /* found on the chain: no run verified it */
};

struct seal {
	/*
	 * The worker's balance after this transfer was verified, and the
	 * transfer's hash, which is of all transfers up to it: a ledger that
	 * was replaced since doesn't fit. Both 0 of a payment that was found on
	 * the chain; then balance_micros is how much of it was credit that the
	 * ledger had lost.
	 */
	int64_t verified_to;
	uint8_t verified_hash[KECCAK256_LEN];
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

/* What s is a seal of, which its text says, too. */
enum seal_kind seal_kind(const struct seal *s);

/* Signs s, whose other fields are given. RC_INVALID for a bad key. */
MUST_CHECK enum rc seal_sign(struct seal *s, const struct sealed *what,
    const struct eth_key *treasury, struct err *e);

bool seal_is_by(const struct seal *s, const struct sealed *what,
    const struct address *treasury);

#endif
