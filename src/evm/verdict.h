/*
 * The rule by which the answers of all nodes to one case become a verdict, as
 * pure functions: evm/judge.c asks, t/unit/test_pay_rule.c drives them through
 * every mixture of honest and lying nodes. Private to src/evm; any thread.
 *
 * A node's word alone moves nothing. What ends a payout, and what gives or
 * takes credit, is final, and that is what every configured node shows alike
 * (transaction, block, payee and amount) in a block at or below its own final
 * block. So are the gas account's own transactions, which evm/account.c asks
 * for.
 */
#ifndef WORKNET_EVM_VERDICT_H
#define WORKNET_EVM_VERDICT_H

#include "evm/nodes.h"
#include "evm/receipt.h"

/* What one node says of one case. */
enum node_says {
	NODE_SAYS_NOTHING,
	NODE_SAYS_UNUSED,  /* so far */
	NODE_SAYS_EXPIRED, /* unused in its final block, which is block */
	NODE_SAYS_PAID,	   /* events that check out, in block */
	NODE_SAYS_CANCELED,
	NODE_SAYS_UNCLEAR, /* used, but the rest doesn't fit; in two minds */
};

struct node_answer {
	const char *name; /* of the node, borrowed */
	enum node_says says;
	struct block latest; /* of this node, when it was asked */
	struct block final;
	struct token_use use; /* of PAID and CANCELED */
	struct block block;   /* of PAID, CANCELED and EXPIRED */
	char why[NODES_REASON_MAX + 1];
};

/* Makes the verdict on what was asked of the n nodes' answers; n > 0. */
void
verdict_make(struct judgment *out, const struct transfer_authorization *asked,
    const struct node_answer *answers, size_t n);

/*
 * Whether node i is to be named when the n answers contradict one another:
 * without it they wouldn't, or nobody is alone to blame and it answered.
 */
bool verdict_is_suspect(const struct node_answer *answers, size_t n, size_t i);

/* Whether a's event is in a block that is final for the node itself. */
bool verdict_is_own_final(const struct node_answer *a);

#endif
