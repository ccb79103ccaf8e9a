/*
 * The token's events of one authorization, as nodes report them: in the
 * answers to eth_getLogs and in a transaction's receipt. No network here.
 * Private to src/evm.
 */
#ifndef WORKNET_EVM_RECEIPT_H
#define WORKNET_EVM_RECEIPT_H

#include "evm/token.h"

/* How the nonce of an authorization was used up, and where. */
struct token_use {
	bool canceled; /* else paid */
	uint8_t tx[TX_HASH_LEN];
	uint64_t block_number;
	uint8_t block_hash[RPC_HASH_LEN];
	/* Of a payment; known from a receipt only. */
	struct address to;
	uint64_t value;
};

/*
 * Prepares eth_getLogs for AuthorizationUsed and AuthorizationCanceled of
 * a's (from, nonce) in the blocks from (a quantity) to (a tag or quantity).
 */
void logs_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const char *from, const char *to);

enum logs_found {
	LOGS_UNUSABLE, /* an error, or no list of logs */
	LOGS_NONE,
	LOGS_FOUND, /* out->tx and out->canceled are set */
};

enum logs_found logs_read(struct token_use *out, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a);

void receipt_ask(
    struct rpc_call *c, size_t node, const uint8_t tx[static TX_HASH_LEN]);

/*
 * Reads the receipt of tx and, if it checks out, all of *out. It does when
 * the transaction succeeded (status 1) and holds the token's event for a's
 * (from, nonce): AuthorizationCanceled, or AuthorizationUsed directly
 * followed (by log index: one transaction may settle several) by a Transfer
 * from a's payer. NULL then, or why not, as a fixed text.
 */
const char *receipt_read(struct token_use *out, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a,
    const uint8_t tx[static TX_HASH_LEN]);

#endif
