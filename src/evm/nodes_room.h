/* What the files about nodes share. Private to src/evm. */
#ifndef WORKNET_EVM_NODES_ROOM_H
#define WORKNET_EVM_NODES_ROOM_H

#include "evm/nodes.h"
#include "evm/token.h"

#define BLOCK_TEXT_MAX 19 /* "0x", 16 digits, NUL */

/*
 * How many blocks a node is asked for at once in eth_getLogs: half of it after
 * each refusal, down to one, and twice as many again after some answers.
 */
struct span {
	uint64_t width;
	unsigned answers; /* since it was refused */
};

#define SPAN_MAX   8000 /* blocks; common nodes allow 10,000 */
#define SPAN_CALM  8	/* answers before more is asked for again */
#define SCAN_MAX   2000 /* calls of a node for the treasury's history */
#define SEARCH_MAX 1000 /* calls of a node for single payouts' events */

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
	int64_t viewed_s; /* our clock at nodes_view */
	struct span spans[RPC_NODES_MAX];
	unsigned scans_left[RPC_NODES_MAX]; /* of SCAN_MAX */
	unsigned searches_left[RPC_NODES_MAX];
	char faults[RPC_NODES_MAX][NODE_FAULT_KINDS][NODES_REASON_MAX + 1];
};

/* Asks all nodes for their chain id and blocks; sets c->nodes. */
void nodes_view(struct nodes *c);

/* Notes a fault of a node for nodes_faults; the words are copied. */
void nodes_fault(struct nodes *c, size_t node, enum node_fault_kind kind,
    const char *fmt, ...) PRINTF_LIKE(4, 5);

/*
 * After an unusable answer to eth_getLogs: makes the node's span smaller than
 * width, which was asked for; false when that can't help, or when it was one
 * block. Notes the node's limits as its fault then.
 */
bool span_narrow(struct nodes *c, const struct rpc_call *call, uint64_t width);
/* After an answer. */
void span_widen(struct span *s);

/* What is wrong with a call's answer, in words. */
const char *nodes_trouble(const struct rpc_call *call);

/* A block's number as a quantity. */
void nodes_block_text(char out[static BLOCK_TEXT_MAX], uint64_t number);

/* Prepares eth_getBlockByNumber; block is a tag or a quantity. */
void nodes_ask_block(struct rpc_call *call, size_t node, const char *block);
/* False when there is no such block, or no answer. */
bool nodes_read_block(struct block *out, const struct rpc_call *call);

#endif
