/*
 * What the chain says, which alone decides about a payment: JSON-RPC to all
 * configured nodes, many payouts at once. Reads only; nothing here sends.
 *
 * Nodes fail, lag, lie and disagree, and a payout that is wrongly taken for
 * not made is paid twice. So:
 * - an empty answer ("0x"), an error or no answer is never "unused";
 * - what is final is shown alike by every configured node, in a block at or
 *   below its own final block: a payment, that an authorization was canceled,
 *   and that it can't be settled any more;
 * - what one node shows is provisional. A payment is shown by the token's
 *   AuthorizationUsed(from, nonce) directly followed by Transfer(from, to,
 *   value), in a block that is still the one at its number. Who called the
 *   token doesn't matter: several authorizations may be settled by one
 *   transaction of anybody.
 *
 * Sources: execution-apis; EIP-3009; FiatTokenV2_2 of circlefin/
 * stablecoin-evm. One thread at a time.
 */
#ifndef WORKNET_EVM_NODES_H
#define WORKNET_EVM_NODES_H

#include "evm/network.h"
#include "evm/token.h"

#define NODES_REASON_MAX 240 /* bytes of text without the NUL */

struct block {
	uint64_t number;
	uint64_t time_s; /* Unix seconds */
	uint8_t hash[RPC_HASH_LEN];
};

struct nodes;

/*
 * Makes *out (nodes_free); network is borrowed until then. rpc_urls as in
 * rpc_new. finality is the tag of blocks that count as final: "latest",
 * "safe" or "finalized". Talks to nobody yet. RC_INVALID, RC_NO_MEMORY,
 * RC_IO.
 */
MUST_CHECK enum rc nodes_new(struct nodes **out, const char *rpc_urls,
    const struct network *network, const char *finality, struct err *e);
void nodes_free(struct nodes *c);

/*
 * Once fd (-1: none) is readable, every function below ends within a few
 * seconds, with what it has: see rpc_stop_at.
 */
void nodes_stop_at(struct nodes *c, int fd);

/*
 * RC_INVALID when the chain is Base, where the money is real, and its nodes
 * are all of one host: that one host could then say what it likes. accepted:
 * [payout] single_node = accept.
 */
MUST_CHECK enum rc
nodes_check_hosts(const struct nodes *c, bool accepted, struct err *e);

/* How many nodes there are, and what each is called: host and port. */
size_t nodes_count(const struct nodes *c);
const char *nodes_name(const struct nodes *c, size_t node);

/* Calls that were sent so far. */
int64_t nodes_calls(const struct nodes *c);

/*
 * Where the chain is: the newest block, and the newest final one, each with
 * the lowest number and the oldest time that any node which answers knows: no
 * payment made from now on is in an older one, and one that is over by that
 * time is over for each. The chain's time is that of the newest block of all
 * nodes: one that stands still doesn't hold it back, and one that is ahead of
 * our clock by more than CLOCK_DIFFERENCE_MAX_S isn't used at all.
 */
struct head {
	struct block latest;
	struct block final;
	int64_t time_s;
	int64_t seen_s; /* by our clock */
};

/*
 * Asks the nodes. RC_IO when no node of this chain answers; RC_INVALID when all
 * of them are of another one.
 */
MUST_CHECK enum rc nodes_head(struct nodes *c, struct head *out, struct err *e);

/* The same, as they said when they were last asked whatever it was. */
MUST_CHECK enum rc
nodes_head_seen(const struct nodes *c, struct head *out, struct err *e);

/*
 * After nodes_head: RC_INVALID when no node's newest block is within
 * CLOCK_DIFFERENCE_MAX_S of our clock. Then either is wrong, and what would
 * be signed now might live for years.
 */
#define CLOCK_DIFFERENCE_MAX_S 300
MUST_CHECK enum rc nodes_check_clock(const struct nodes *c, struct err *e);

/* ---- What is wrong with single nodes ---- */

/* One whose newest block is older stands still: Base has one each 2 s. */
#define STANDS_AFTER_S 600

enum node_fault_kind {
	NODE_FAULT_AWAY,     /* no usable answer, or of another chain */
	NODE_FAULT_CLOCK,    /* block times that can't be; not used */
	NODE_FAULT_STANDS,   /* its newest block, or final one, is old */
	NODE_FAULT_NUMBER,   /* another number than others' at that time */
	NODE_FAULT_FINAL,    /* its newest block is final at once */
	NODE_FAULT_ALONE,    /* shows what another one denies */
	NODE_FAULT_DISPUTED, /* the same in final blocks: one of them lies */
	NODE_FAULT_LATE,     /* shows no end of what should be over */
	NODE_FAULT_LIMITS,   /* too large for it, or too many calls */
	NODE_FAULT_KINDS,
};

struct node_fault {
	const char *node; /* its name, of struct nodes */
	enum node_fault_kind kind;
	const char *words; /* of struct nodes */
};

/*
 * The faults seen since nodes_new, one of each kind and node, the last words
 * of it; returns how many. out has room for NODE_FAULTS_MAX.
 */
#define NODE_FAULTS_MAX (RPC_NODES_MAX * NODE_FAULT_KINDS)
size_t nodes_faults(const struct nodes *c, struct node_fault *out);

/* For people. */
const char *node_fault_name(enum node_fault_kind kind);

/* Appends "name: text" to the list in out, "; " between. */
void nodes_add_reason(
    char out[static NODES_REASON_MAX + 1], const char *name, const char *text);

#endif
