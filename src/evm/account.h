/*
 * An account that sends transactions: what the nodes say of it and of gas,
 * and how its transactions reach them. One thread at a time.
 *
 * What one node invents must stop nothing and cost little: so there is a lowest
 * and a highest value of what they say, and who uses them decides which of the
 * two does less harm.
 */
#ifndef WORKNET_EVM_ACCOUNT_H
#define WORKNET_EVM_ACCOUNT_H

#include "evm/nodes.h"

/* What the nodes that answer say. */
struct account_view {
	/*
	 * Its transactions that are in blocks: how many, its next nonce. What
	 * is low is proven: 0 unless every configured node answers.
	 */
	uint64_t nonce_low;
	uint64_t nonce_high;
	uint64_t final_low;   /* in final blocks */
	uint64_t pending_low; /* with those that wait for a block */
	uint64_t pending_high;
	uint64_t balance_wei;	   /* UINT64_MAX: that or more */
	uint64_t base_fee_low_wei; /* of the newest block, for each gas */
	uint64_t base_fee_high_wei;
	uint64_t tip_wei;   /* the lowest that is advised */
	bool has_multicall; /* every one of them has the contract */
	/* Nodes that don't answer; "" when all do. */
	char warning[NODES_REASON_MAX + 1];
};

/*
 * The lowest balance counts, but for those below half of another node's; who
 * says so, or doesn't answer, has a fault. RC_IO when no node answers to all
 * of it.
 */
MUST_CHECK enum rc nodes_account(struct nodes *c, const struct address *account,
    struct account_view *out, struct err *e);

/*
 * The nonce of an account that has sent nothing yet of which we know: what is
 * built on it stays, and so every configured node must say the same, also of
 * those that wait for a block. Else RC_BUSY; what a node doesn't say, or
 * otherwise than another, is a fault of it.
 */
MUST_CHECK enum rc nodes_first_nonce(struct nodes *c,
    const struct address *account, uint64_t *nonce, struct err *e);

/*
 * Gives a signed transaction to every node. Returns how many have it then, be
 * it that they had it before or that its nonce is used already; what the others
 * say goes to why, "" when there are none. It may be repeated.
 */
size_t nodes_send(struct nodes *c, struct slice raw,
    const uint8_t hash[static TX_HASH_LEN],
    char why[static NODES_REASON_MAX + 1]);

/* What became of a transaction. */
struct mined {
	bool found;  /* a node has it in a block */
	bool shared; /* every configured node has it in one */
	bool final;  /* as a payment is: evm/verdict.h */
	bool denied; /* a node of the chain says that it has it in no block */
	bool absent; /* every configured node says that */
	uint64_t block;
	/* Once final, of its gas: the lowest word. UINT64_MAX: that or more. */
	uint64_t cost_wei;
};

/*
 * Looks for n transactions on every node, after nodes_account; out has n
 * elements. Nodes that contradict one another, also in the cost, have a fault.
 */
void nodes_mined(struct nodes *c, const uint8_t (*hashes)[TX_HASH_LEN],
    size_t n, struct mined *out);

#endif
