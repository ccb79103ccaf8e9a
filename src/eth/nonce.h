/*
 * The nonce of a payout. It is computed, not drawn: after a crash, or from a
 * ledger restored out of an old backup, the same payout gets the same nonce,
 * and the token itself (EIP-3009) refuses to carry it out twice. A number
 * whose authorization expired unused is taken again, so that even one of
 * longer validity which nobody knows of any more is no second payment. Pure
 * functions; any thread.
 */
#ifndef WORKNET_ETH_NONCE_H
#define WORKNET_ETH_NONCE_H

#include "eth/address.h"
#include "eth/keccak.h"

#define PAYOUT_NONCE_LEN 32
#define LEDGER_ID_LEN	 32

/* Which payment a nonce stands for. */
struct payout_key {
	uint8_t ledger_id[LEDGER_ID_LEN];
	uint64_t chain_id; /* EIP-155 */
	struct address token;
	struct address treasury;
	struct address worker;
	uint64_t seq; /* the worker's 1st, 2nd, ... payment */
};

/*
 * keccak256(ledger id || chain id || token || treasury || worker || seq):
 * 32 + 32 + 20 + 20 + 20 + 32 bytes, the numbers as uint256, big-endian.
 */
void payout_nonce(
    uint8_t out[static PAYOUT_NONCE_LEN], const struct payout_key *key);

#endif
