/* The body of POST /v1/worker/results. Any thread, one at a time a batch. */
#ifndef WORKNET_API_RESULTS_H
#define WORKNET_API_RESULTS_H

#include "base/limits.h"
#include "ledger/round_claim.h"
#include "ledger/signed.h"

/* The texts of one result, which its claim borrows. */
struct result_text {
	char task_id[TASK_ID_MAX + 1];
	char worker[ADDRESS_LEN];
	char error[RESULT_ERROR_MAX];
	char trace[ROUND_TRACE_MAX];
};

struct result_batch {
	bool is_round; /* one signature for all, in round */
	struct round_claim round;
	size_t n;
	struct claim claims[RESULTS_PER_POST_MAX];
	struct result_text texts[RESULTS_PER_POST_MAX];
};

/*
 * Reads a JSON array of 1 to 50 results, or an object with a round and such an
 * array; doc/protocol. A result that breaks a rule becomes
 * CLAIM_MALFORMED with its reason, the others CLAIM_OPEN. RC_INVALID with
 * the protocol's message when the body is neither, when the round breaks a rule
 * or a result of it has no hash; RC_NO_MEMORY.
 */
MUST_CHECK enum rc
results_parse(struct result_batch *b, struct slice body, struct err *e);

/* True when the claim's task id may be named in an answer. */
bool claim_has_task_id(const struct claim *c);

#endif
