/*
 * What the nodes say to one question with a small answer, and the rule by which
 * that becomes one word: what a single node says moves nothing and stops
 * nothing. The mildest word counts, which stops no payment, and each node that
 * says otherwise has a fault (NODE_FAULT_ALONE) which names both.
 *
 * Private to src/evm; one thread at a time.
 */
#ifndef WORKNET_EVM_WORDS_H
#define WORKNET_EVM_WORDS_H

#include "evm/nodes_room.h"

enum words_rule {
	WORDS_STOP,   /* 0 is mild, 1 stops payments */
	WORDS_AMOUNT, /* more is milder; from half of it on all are alike */
	WORDS_ALIKE,  /* less is milder, and all of them must say the same */
};

struct words {
	enum words_rule rule;
	const char *what; /* "the token is paused", "the treasury has" */
	bool said[RPC_NODES_MAX];
	uint64_t value[RPC_NODES_MAX];
};

/*
 * *out: the mildest word; of amounts the least of those that are alike.
 * False when no node said any, or with WORDS_ALIKE when one of the configured
 * nodes didn't, or another one.
 */
bool words_join(struct nodes *c, const struct words *w, uint64_t *out);

#endif
