/*
 * The chain and the token that payouts are made on: USDC on Base (8453) or
 * Base Sepolia (84532) with production's constants built in, or a chain and a
 * token that the configuration describes. Pure functions; any thread.
 *
 * The domain name belongs to the chain: USDC calls itself "USD Coin" on Base
 * and "USDC" on Base Sepolia, and a signature made with the other name is
 * worthless. Ask the token before paying (nodes_inspect).
 */
#ifndef WORKNET_EVM_NETWORK_H
#define WORKNET_EVM_NETWORK_H

#include "base/conf.h"
#include "eth/eip712.h"

#define NETWORK_NAME_MAX 31 /* "eip155:" and 20 digits is 27 */

struct network {
	uint64_t chain_id; /* EIP-155 */
	int64_t block_ms;  /* from one block to the next, at least */
	struct address token;
	char token_name[CONF_WORD_MAX + 1]; /* EIP-712 domain */
	char token_version[CONF_WORD_MAX + 1];
	char name_v1[NETWORK_NAME_MAX + 1]; /* x402 v1, "": none */
	char name_v2[NETWORK_NAME_MAX + 1]; /* CAIP-2 */
	/* In front of a transaction's hash makes a link; "": none. */
	char explorer_url[URL_MAX + 1];
};

/*
 * The network that [payout] names. RC_INVALID when none is named, when a
 * custom one isn't described in full or has no x402 v1 name though v1 bodies
 * are wanted, or when a built-in one is contradicted.
 */
MUST_CHECK enum rc
network_from_conf(struct network *out, const struct conf *c, struct err *e);

/*
 * A built-in network: "base" or "base-sepolia". RC_INVALID for any other
 * name.
 */
MUST_CHECK enum rc
network_by_name(struct network *out, const char *name, struct err *e);

/*
 * The networks whose transactions are known here: those that are built in, and
 * then that of [payout], if it is one. False: there is no i-th.
 */
bool network_known(struct network *out, size_t i, const struct conf *c);

/* The token's EIP-712 domain; it borrows n's texts. */
struct eip712_domain network_domain(const struct network *n);

/* True when name is n's name in x402 v1 or v2. */
bool network_is_named(const struct network *n, const char *name);

#endif
