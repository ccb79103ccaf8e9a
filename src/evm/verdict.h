/*
 * The rule by which the answers of all nodes to one case become a verdict, as
 * pure functions: evm/judge.c asks, t/unit/test_pay_rule.c drives them through
 * every mixture of honest and lying nodes. Any thread.
 *
 * A node's word alone moves nothing. What ends a payout, and what gives or
 * takes credit, is final, and that is what every configured node shows alike
 * (transaction, block, payee and amount) in a block at or below its own final
 * block. So are the gas account's own transactions, which evm/account.c asks
 * for.
 */
#ifndef WORKNET_EVM_VERDICT_H
#define WORKNET_EVM_VERDICT_H

#include "eth/eip712.h"
#include "evm/nodes.h"
#include "evm/receipt.h"

enum verdict {
	VERDICT_UNKNOWN = 0, /* reason says what is missing; ask again */
	/*
	 * So far no node that answers knows of a use; it can be settled any
	 * moment until EXPIRED_UNUSED. Posting the same bytes is safe.
	 */
	VERDICT_UNUSED,
	VERDICT_PAID, /* provisional until is_final */
	/*
	 * Every node says that the nonce was canceled by its owner. is_final
	 * once they agree on where, in final blocks, and each has a final
	 * block past the authorization's end.
	 */
	VERDICT_CANCELED,
	/*
	 * Proven on every node, final: in a final block whose time is at or
	 * past validBefore the nonce is unused. It can never be settled.
	 */
	VERDICT_EXPIRED_UNUSED,
};

/* "unknown", "unused", "paid", "canceled", "expired unused". */
const char *verdict_name(enum verdict verdict);

struct judgment {
	enum verdict verdict;
	/*
	 * Every configured node shows the same in a block at or below its own
	 * final one. Nothing else may end a payout or move credit.
	 */
	bool is_final;
	/*
	 * What a node shows, another one denies in what it calls final. One
	 * of them lies or is broken; tell a person.
	 */
	bool contradicted;
	/* Every configured node answers, and says the same of a use. */
	bool is_told;
	/* Only the node of this number shows it, and another one denies it. */
	bool has_alone;
	size_t alone;
	/*
	 * The same, also where the other one hasn't come as far as that block:
	 * a second node may show it soon, or it is invented.
	 */
	bool is_unshared;
	/* Of VERDICT_PAID: to and value are those of the authorization. */
	bool as_asked;
	struct address to; /* what was really paid to whom */
	uint64_t value;
	uint8_t tx[TX_HASH_LEN]; /* also of CANCELED */
	/*
	 * Of PAID and CANCELED: where it happened. Of EXPIRED_UNUSED: the
	 * block that proves it.
	 */
	struct block block;
	/* For people: what each verdict rests on or lacks. */
	char reason[NODES_REASON_MAX + 1];
};

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
