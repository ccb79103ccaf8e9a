/* What judge.c and verdict.c share. Private to src/evm. */
#ifndef WORKNET_EVM_JUDGE_H
#define WORKNET_EVM_JUDGE_H

#include "evm/nodes_room.h"
#include "evm/receipt.h"

/* What a look waits for; see judge.c. */
enum stage {
	STAGE_DONE,
	STAGE_HINT,
	STAGE_STATE,
	STAGE_LOGS,
	STAGE_RECEIPT,
	STAGE_PROOF,
	STAGE_BLOCK,
};

/* What one node says of one case. */
enum look_result {
	LOOK_NOTHING, /* it doesn't say */
	LOOK_UNUSED,  /* so far */
	LOOK_EXPIRED, /* proven: can't be settled any more */
	LOOK_PAID,    /* a receipt that checks out */
	LOOK_CANCELED,
	LOOK_UNCLEAR, /* used, but the rest doesn't fit; or in two minds */
};

struct look {
	const struct judged_case *which;
	size_t node;
	enum stage stage;
	enum look_result result; /* once STAGE_DONE */
	char why[NODES_REASON_MAX + 1];
	struct token_use use; /* of PAID and CANCELED */
	bool expired;	      /* block is to be the proof */
	bool by_number;	      /* STAGE_PROOF, second try */
	bool is_final;	      /* block is at or below final */
	struct block block;   /* of PAID, CANCELED, EXPIRED */
	/*
	 * STAGE_LOGS goes from log_to down to log_from in steps of log_span:
	 * from_block at first, then 0.
	 */
	uint64_t log_from;
	uint64_t log_to;
	uint64_t log_span;
	unsigned log_queries;
};

/* Makes the verdict on a case of the n nodes' looks at it. */
void verdict_make(struct judgment *out, const struct look *looks, size_t n,
    const struct nodes *c);

#endif
