/*
 * Before paying: what the nodes say of the token and the treasury. One thread
 * at a time.
 */
#ifndef WORKNET_EVM_INSPECT_H
#define WORKNET_EVM_INSPECT_H

#include "evm/nodes.h"

struct outlook {
	/*
	 * The treasury has code (a contract, or EIP-7702): then the token
	 * asks that code about signatures and takes none of its key.
	 */
	bool treasury_has_code;
	bool treasury_blacklisted;
	bool paused;
	uint64_t balance;		    /* of the treasury */
	char token_name[CONF_WORD_MAX + 1]; /* what name() says */
	/* Nodes that don't answer; "" when all do. */
	char warning[NODES_REASON_MAX + 1];
};

/*
 * Looks at the token and the treasury on every node. What one says alone is a
 * fault of it, and stops nothing: a yes/no value is true when every node that
 * answers says so, and the balance is the lowest, but for those below half of
 * another node's. RC_INVALID when they all say that the token's
 * DOMAIN_SEPARATOR() isn't the network's (what is signed would be worthless),
 * or are of another chain; RC_IO when no node answers to all.
 */
MUST_CHECK enum rc nodes_inspect(struct nodes *c,
    const struct address *treasury, struct outlook *out, struct err *e);

#endif
