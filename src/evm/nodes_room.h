/* What nodes.c, precheck.c and judge.c share. Private to src/evm. */
#ifndef WORKNET_EVM_NODES_ROOM_H
#define WORKNET_EVM_NODES_ROOM_H

#include "evm/nodes.h"
#include "evm/token.h"

#define BLOCK_TEXT_MAX 19 /* "0x", 16 digits, NUL */

/* A node at the time of nodes_view. */
struct node {
	bool usable; /* of this chain, has blocks */
	bool wrong_chain;
	char why[NODES_REASON_MAX + 1]; /* if not */
	struct block latest;
	struct block final;
};

struct nodes {
	struct rpc *rpc; /* owned */
	const struct network *network;
	const char *finality; /* a tag, static */
	struct node nodes[RPC_NODES_MAX];
};

/* Asks all nodes for their chain id and blocks; sets c->nodes. */
void nodes_view(struct nodes *c);

/* A block's number as a quantity. */
void nodes_block_text(char out[static BLOCK_TEXT_MAX], uint64_t number);

/* Prepares eth_getBlockByNumber; block is a tag or a quantity. */
void nodes_ask_block(struct rpc_call *call, size_t node, const char *block);
/* False when there is no such block, or no answer. */
bool nodes_read_block(struct block *out, const struct rpc_call *call);

/* Appends "name: text" to the list in out, "; " between. */
void nodes_add_reason(
    char out[static NODES_REASON_MAX + 1], const char *name, const char *text);

#endif
