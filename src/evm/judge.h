/*
 * After signing: what became of a payment. One thread at a time.
 */
#ifndef WORKNET_EVM_JUDGE_H
#define WORKNET_EVM_JUDGE_H

#include "evm/verdict.h"

/* What is asked. */
struct judged_case {
	struct transfer_authorization authorization;
	/*
	 * The payment should be in this block or a later one (nodes_head
	 * before the first POST, less some slack). Only when the nonce is
	 * used and they don't show it, older ones are searched, too.
	 */
	uint64_t from_block;
	bool has_hint;
	uint8_t hint[TX_HASH_LEN]; /* from an answer */
};

/*
 * Judges the n cases, all nodes asked about each; out has n elements, all of
 * them set. Without memory they are VERDICT_UNKNOWN.
 */
void nodes_judge_all(struct nodes *c, const struct judged_case *cases, size_t n,
    struct judgment *out);

/*
 * What stands out in a judgment is a fault of the nodes that
 * said it; what: "a payment".
 */
void note_contradictions(struct nodes *c, const struct judgment *j,
    const struct node_answer *answers, size_t n, const char *what);

#endif
