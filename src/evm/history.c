#include "evm/history.h"

#include <stdio.h>
#include <string.h>

#include "eth/hex.h"
#include "evm/nodes_room.h"
#include "evm/receipt.h"

#define SPAN_BLOCKS 8000 /* common nodes allow 10,000 */
#define SPAN_SHRINK 8	 /* when a node refuses a range */

static void
ask_uses(struct rpc_call *call, size_t node, const struct nodes *c,
    const struct address *treasury, uint64_t first, uint64_t last)
{
	char token[ADDRESS_LEN + 1], from[BLOCK_TEXT_MAX], to[BLOCK_TEXT_MAX];
	char used[HEX_SIZE(32)], payer[HEX_SIZE(32)];
	uint8_t word[32] = { 0 };

	memcpy(word + 12, treasury->b, sizeof(treasury->b));
	address_format(token, &c->network->token, ADDRESS_LOWER);
	hex_encode(used, topic_authorization_used, 32);
	hex_encode(payer, word, sizeof(word));
	nodes_block_text(from, first);
	nodes_block_text(to, last);
	rpc_call_set(call, node, "eth_getLogs",
	    "[{\"address\":\"%s\","
	    "\"fromBlock\":\"%s\",\"toBlock\":\"%s\","
	    "\"topics\":[\"%s\",\"%s\"]}]",
	    token, from, to, used, payer);
}

/* One log; what isn't of the expected form is no log of ours. */
static bool
read_use(struct history_use *use, const struct json *log)
{
	return !json_is_true(json_get(log, "removed")) &&
	    rpc_data(use->nonce, sizeof(use->nonce),
		json_at(json_get(log, "topics"), 2)) &&
	    rpc_data(
		use->tx, sizeof(use->tx), json_get(log, "transactionHash")) &&
	    rpc_quantity(&use->block, json_get(log, "blockNumber"));
}

static enum rc
read_uses(const struct rpc_call *call, history_fn *fn, void *ctx, struct err *e)
{
	struct history_use use;
	size_t i;

	for (i = 0; i < json_count(call->result); i++) {
		if (!read_use(&use, json_at(call->result, i)))
			return err_set(e, RC_IO,
			    "eth_getLogs: a log of "
			    "another form");
		if (!fn(ctx, &use))
			return err_set(e, RC_CONFLICT, "stopped");
	}
	return RC_OK;
}

static enum rc
uses_of_node(struct nodes *c, size_t node, const struct address *treasury,
    uint64_t first, uint64_t last, history_fn *fn, void *ctx, struct err *e)
{
	struct rpc_call call = { .node = 0 };
	uint64_t span = SPAN_BLOCKS, end;
	enum rc rc = RC_OK;

	while (rc == RC_OK && first <= last) {
		end = last - first < span ? last : first + span - 1;
		ask_uses(&call, node, c, treasury, first, end);
		rpc_run(c->rpc, &call, 1);
		if (call.outcome == RPC_RESULT && json_is_array(call.result)) {
			rc = read_uses(&call, fn, ctx, e);
			first = end + 1;
		} else if (call.outcome == RPC_ERROR && span > 1) {
			span = span < SPAN_SHRINK ? 1 : span / SPAN_SHRINK;
		} else {
			rc = err_set(e, RC_IO, "eth_getLogs: %s",
			    call.outcome == RPC_RESULT
				? "an answer of another form"
				: call.error);
		}
		rpc_call_reset(&call);
	}
	return rc;
}

enum rc
history_uses(struct nodes *c, const struct address *treasury, uint64_t first,
    uint64_t last, history_fn *fn, void *ctx, bool *complete, struct err *e)
{
	size_t i, given = 0;
	enum rc rc = RC_OK;

	*complete = false;
	nodes_view(c);
	(void)!err_set(e, RC_IO, "no node of the chain answers");
	/* A payment that one node doesn't show would be made again. */
	for (i = 0; i < rpc_count(c->rpc); i++) {
		if (!c->nodes[i].usable || c->nodes[i].latest.number < last)
			continue;
		rc = uses_of_node(c, i, treasury, first, last, fn, ctx, e);
		if (rc != RC_OK && rc != RC_IO)
			return rc;
		given += rc == RC_OK;
	}
	*complete = given == rpc_count(c->rpc);
	return given > 0 ? RC_OK : RC_IO;
}

enum rc
history_payment(struct nodes *c, const struct address *treasury,
    const struct history_use *use, struct address *to, uint64_t *value,
    struct err *e)
{
	struct transfer_authorization a = { .from = *treasury };
	struct rpc_call call = { .node = 0 };
	struct token_use found;
	const char *why = "no node answers";
	size_t i;

	memcpy(a.nonce, use->nonce, sizeof(a.nonce));
	for (i = 0; why != NULL && i < rpc_count(c->rpc); i++) {
		if (!c->nodes[i].usable)
			continue;
		receipt_ask(&call, i, use->tx);
		rpc_run(c->rpc, &call, 1);
		why = receipt_read(&found, &call, c->network, &a, use->tx);
		rpc_call_reset(&call);
	}
	if (why != NULL)
		return err_set(e, RC_IO, "a payment's receipt: %s", why);
	*to = found.to;
	*value = found.value;
	return RC_OK;
}

static enum rc
block_time(struct nodes *c, size_t node, uint64_t number, uint64_t *time_s,
    struct err *e)
{
	struct rpc_call call = { .node = 0 };
	char text[BLOCK_TEXT_MAX];
	struct block block;
	bool ok;

	nodes_block_text(text, number);
	nodes_ask_block(&call, node, text);
	rpc_run(c->rpc, &call, 1);
	ok = nodes_read_block(&block, &call);
	rpc_call_reset(&call);
	if (!ok)
		return err_set(e, RC_IO, "no block %s", text);
	*time_s = block.time_s;
	return RC_OK;
}

enum rc
history_block_before(
    struct nodes *c, uint64_t time_s, uint64_t *number, struct err *e)
{
	uint64_t low = 0, high, middle, t;
	size_t node = 0;
	enum rc rc = RC_OK;

	nodes_view(c);
	while (node < rpc_count(c->rpc) && !c->nodes[node].usable)
		node++;
	if (node == rpc_count(c->rpc))
		return err_set(e, RC_IO, "no node of the chain answers");
	/* Block times rise with their numbers. */
	high = c->nodes[node].latest.number;
	while (rc == RC_OK && low < high) {
		middle = low + (high - low + 1) / 2;
		rc = block_time(c, node, middle, &t, e);
		if (rc == RC_OK && t < time_s)
			low = middle;
		else
			high = middle - 1;
	}
	*number = low;
	return rc;
}
