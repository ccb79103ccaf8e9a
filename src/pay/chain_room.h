/* What chain.c, forecast.c and judge.c share. Private to src/pay. */
#ifndef WORKNET_PAY_CHAIN_ROOM_H
#define WORKNET_PAY_CHAIN_ROOM_H

#include "pay/chain.h"
#include "pay/token.h"

#define BLOCK_TEXT_MAX 19 /* "0x", 16 digits, NUL */

/* A node at the time of chain_view. */
struct chain_node {
	bool usable; /* of this chain, has blocks */
	bool wrong_chain;
	char why[CHAIN_REASON_MAX + 1]; /* if not */
	struct chain_block latest;
	struct chain_block final;
};

struct chain {
	struct rpc *rpc; /* owned */
	const struct network *network;
	const char *finality; /* a tag, static */
	struct chain_node nodes[RPC_NODES_MAX];
};

/* Asks all nodes for their chain id and blocks; sets c->nodes. */
void chain_view(struct chain *c);

/* A block's number as a quantity. */
void chain_block_text(char out[static BLOCK_TEXT_MAX], uint64_t number);

/* Prepares eth_getBlockByNumber; block is a tag or a quantity. */
void chain_ask_block(struct rpc_call *call, size_t node, const char *block);
/* False when there is no such block, or no answer. */
bool chain_read_block(struct chain_block *out, const struct rpc_call *call);

/* Appends "name: text" to the list in out, "; " between. */
void chain_add_reason(
    char out[static CHAIN_REASON_MAX + 1], const char *name, const char *text);

#endif
