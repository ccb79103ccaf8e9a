#include "evm/receipt.h"

#include <string.h>

#include "eth/hex.h"

static void
word_of_address(uint8_t out[static 32], const struct address *a)
{
	memset(out, 0, 32);
	memcpy(out + 12, a->b, sizeof(a->b));
}

/* ---- One log ---- */

/* True when the log's i-th topic is this word. */
static bool
has_topic(const struct json *log, size_t i, const uint8_t word[static 32])
{
	uint8_t got[32];

	return rpc_data(
		   got, sizeof(got), json_at(json_get(log, "topics"), i)) &&
	    memcmp(got, word, sizeof(got)) == 0;
}

/* The token's, and not taken back by a reorganisation. */
static bool
is_tokens(const struct json *log, const struct network *n)
{
	struct address a;

	return rpc_data(a.b, sizeof(a.b), json_get(log, "address")) &&
	    memcmp(a.b, n->token.b, sizeof(a.b)) == 0 &&
	    !json_is_true(json_get(log, "removed"));
}

/* An event about (from, nonce), which are its indexed arguments. */
static bool
is_event(const struct json *log, const uint8_t topic[static 32],
    const struct network *n, const struct transfer_authorization *a)
{
	uint8_t from[32];

	word_of_address(from, &a->from);
	return is_tokens(log, n) && has_topic(log, 0, topic) &&
	    has_topic(log, 1, from) && has_topic(log, 2, a->nonce);
}

/* ---- eth_getLogs ---- */

void
logs_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const char *from, const char *to)
{
	char token[ADDRESS_LEN + 1], used[HEX_SIZE(32)], canceled[HEX_SIZE(32)];
	char payer[HEX_SIZE(32)], nonce[HEX_SIZE(32)];
	uint8_t word[32];

	address_format(token, &n->token, ADDRESS_LOWER);
	hex_encode(used, topic_authorization_used, 32);
	hex_encode(canceled, topic_authorization_canceled, 32);
	word_of_address(word, &a->from);
	hex_encode(payer, word, sizeof(word));
	hex_encode(nonce, a->nonce, sizeof(a->nonce));
	rpc_call_set(c, node, "eth_getLogs",
	    "[{\"address\":\"%s\","
	    "\"fromBlock\":\"%s\",\"toBlock\":\"%s\","
	    "\"topics\":[[\"%s\",\"%s\"],\"%s\",\"%s\"]}]",
	    token, from, to, used, canceled, payer, nonce);
}

enum logs_found
logs_read(struct token_use *out, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a)
{
	const struct json *log;
	size_t i;

	memset(out, 0, sizeof(*out));
	if (c->outcome != RPC_RESULT || !json_is_array(c->result))
		return LOGS_UNUSABLE;
	for (i = 0; i < json_count(c->result); i++) {
		log = json_at(c->result, i);
		out->canceled =
		    is_event(log, topic_authorization_canceled, n, a);
		if (!out->canceled &&
		    !is_event(log, topic_authorization_used, n, a))
			continue;
		if (rpc_data(out->tx, sizeof(out->tx),
			json_get(log, "transactionHash")))
			return LOGS_FOUND;
	}
	memset(out, 0, sizeof(*out));
	return LOGS_NONE;
}

/* ---- eth_getTransactionReceipt ---- */

void
receipt_ask(
    struct rpc_call *c, size_t node, const uint8_t tx[static TX_HASH_LEN])
{
	char text[HEX_SIZE(TX_HASH_LEN)];

	hex_encode(text, tx, TX_HASH_LEN);
	rpc_call_set(c, node, "eth_getTransactionReceipt", "[\"%s\"]", text);
}

static const struct json *
find_event(const struct json *logs, const uint8_t topic[static 32],
    const struct network *n, const struct transfer_authorization *a)
{
	size_t i;

	for (i = 0; i < json_count(logs); i++)
		if (is_event(json_at(logs, i), topic, n, a))
			return json_at(logs, i);
	return NULL;
}

/* The log with this index in the block; they are in order, but who knows. */
static const struct json *
find_index(const struct json *logs, uint64_t index)
{
	const struct json *log;
	uint64_t got;
	size_t i;

	for (i = 0; i < json_count(logs); i++) {
		log = json_at(logs, i);
		if (rpc_quantity(&got, json_get(log, "logIndex")) &&
		    got == index)
			return log;
	}
	return NULL;
}

/* Transfer(from, to, value): EIP-20; value is the data, the rest topics. */
static bool
read_transfer(struct token_use *out, const struct json *log,
    const struct network *n, const struct transfer_authorization *a)
{
	static const uint8_t zeros[12];
	uint8_t from[32], to[32], value[32];

	word_of_address(from, &a->from);
	if (log == NULL || !is_tokens(log, n) ||
	    !has_topic(log, 0, topic_transfer) || !has_topic(log, 1, from) ||
	    !rpc_data(to, sizeof(to), json_at(json_get(log, "topics"), 2)) ||
	    memcmp(to, zeros, sizeof(zeros)) != 0 ||
	    !rpc_data(value, sizeof(value), json_get(log, "data")) ||
	    !token_number_of_word(&out->value, value))
		return false;
	memcpy(out->to.b, to + 12, sizeof(out->to.b));
	return true;
}

static const char *
read_logs(struct token_use *out, const struct json *logs,
    const struct network *n, const struct transfer_authorization *a)
{
	const struct json *used;
	uint64_t index;

	if (find_event(logs, topic_authorization_canceled, n, a) != NULL) {
		out->canceled = true;
		return NULL;
	}
	used = find_event(logs, topic_authorization_used, n, a);
	if (used == NULL)
		return "the transaction doesn't use this authorization";
	if (!rpc_quantity(&index, json_get(used, "logIndex")) ||
	    index == UINT64_MAX ||
	    !read_transfer(out, find_index(logs, index + 1), n, a))
		return "no Transfer follows the use of the authorization";
	return NULL;
}

const char *
receipt_read(struct token_use *out, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a,
    const uint8_t tx[static TX_HASH_LEN])
{
	const struct json *r = c->result;
	const char *why;
	uint64_t status;

	memset(out, 0, sizeof(*out));
	if (c->outcome != RPC_RESULT)
		return "no receipt: the node doesn't answer";
	if (json_is_null(r))
		return "no receipt";
	if (!rpc_data(
		out->tx, sizeof(out->tx), json_get(r, "transactionHash")) ||
	    memcmp(out->tx, tx, sizeof(out->tx)) != 0 ||
	    !rpc_quantity(&status, json_get(r, "status")) ||
	    !rpc_quantity(&out->block_number, json_get(r, "blockNumber")) ||
	    !rpc_data(out->block_hash, sizeof(out->block_hash),
		json_get(r, "blockHash")))
		return "a receipt of another form";
	if (status != 1)
		return "the transaction reverted";
	why = read_logs(out, json_get(r, "logs"), n, a);
	if (why != NULL)
		memset(out, 0, sizeof(*out));
	return why;
}
