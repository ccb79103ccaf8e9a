/* What a node of the chain answers to any of the calls. */
#include "t/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "evm/nodes_room.h"
#include "evm/receipt.h"

#define ID 1 /* of the call */

/* Everything that may be read of an answer, as it is asked for. */
static void
read_result(const struct rpc_call *c, const struct network *n)
{
	static const struct transfer_authorization a = { .from = { { 0x11 } },
		.nonce = { 0x22 } };
	static const uint8_t tx[TX_HASH_LEN] = { 0x33 };
	char text[CONF_WORD_MAX + 1] = "x";
	struct block block;
	struct token_use use;
	uint8_t word[32];
	uint64_t number;
	bool yes;

	if (nodes_read_block(&block, c))
		CHECK(c->outcome == RPC_RESULT);
	if (logs_read(&use, c, n, &a) != LOGS_UNUSABLE)
		CHECK(c->outcome == RPC_RESULT);
	if (receipt_read(&use, c, n, &a, tx) == NULL) {
		CHECK(c->outcome == RPC_RESULT);
		CHECK(memcmp(use.tx, tx, sizeof(tx)) == 0);
	}
	if (token_read_bool(&yes, c)) {
		CHECK(
		    token_read_word(word, c) && token_read_number(&number, c));
		CHECK(number == (uint64_t)yes);
	}
	if (token_read_text(text, sizeof(text), c))
		CHECK(strlen(text) < sizeof(text));
	if (token_read_revert(text, sizeof(text), c))
		CHECK(strlen(text) < sizeof(text));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 500 };
	static struct network base;
	/* A copy of its own size: reading past the end shows. */
	char *copy = malloc(size == 0 ? 1 : size);
	struct rpc_call call = { .node = 0 };
	size_t i;

	CHECK(copy != NULL);
	memcpy(copy, data, size);
	CHECK(network_by_name(&base, "base", NULL) == RC_OK);
	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		rpc_call_set(&call, 0, "eth_call", "[]");
		rpc_answer_read(
		    &call, ID, statuses[i], (struct slice){ copy, size });
		CHECK((call.outcome == RPC_RESULT) == (call.result != NULL));
		CHECK(call.outcome != RPC_RESULT || statuses[i] == 200);
		CHECK(call.outcome == RPC_RESULT || call.error[0] != '\0');
		read_result(&call, &base);
	}
	rpc_call_reset(&call);
	free(copy);
	return 0;
}
