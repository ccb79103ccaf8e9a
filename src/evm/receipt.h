/*
 * The token's events of authorizations, as nodes report them: in the answers
 * to eth_getLogs and in a transaction's receipt. No network here. Private to
 * src/evm.
 *
 * A receipt holds the logs of everything that its transaction did, which may
 * be as much as whoever pays the gas likes. It is only asked for where a hash
 * was named to us; what isn't known is read from eth_getLogs, which gives the
 * token's events of one payer and nothing else.
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
	uint64_t log_index; /* of the event, in its block */
	/* Of a payment: of the Transfer directly behind the event. */
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
	LOGS_FOUND, /* all of *out is set but to and value */
};

enum logs_found logs_read(struct token_use *out, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a);

/*
 * Prepares eth_getLogs for the Transfers of a's payer in use's block: by its
 * hash, or by its number where the node can't do that.
 */
void transfer_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const struct token_use *use,
    bool by_number);

/*
 * Sets use's to and value from the Transfer directly behind its event: NULL,
 * or why not, as a fixed text.
 */
const char *transfer_read(struct token_use *use, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a);

/*
 * Prepares eth_getLogs for all uses, cancellations and Transfers of a payer in
 * the blocks from first to last.
 */
void uses_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct address *payer, uint64_t first, uint64_t last);

enum use_found {
	USE_NONE,   /* the log is no event of an authorization */
	USE_BROKEN, /* it is one, but what it paid isn't there */
	USE_FOUND,
};

/* Reads the i-th log of the answer, with the Transfer behind it. */
enum use_found uses_read(struct token_use *out, uint8_t nonce[static 32],
    const struct rpc_call *c, size_t i, const struct network *n,
    const struct address *payer);

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
