#include "evm/receipt.h"

#include <inttypes.h>
#include <stdio.h>
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

/* Where a log is: transaction, block and index. */
static bool
read_place(struct token_use *out, const struct json *log)
{
	return rpc_data(out->tx, sizeof(out->tx),
		   json_get(log, "transactionHash")) &&
	    rpc_data(out->block_hash, sizeof(out->block_hash),
		json_get(log, "blockHash")) &&
	    rpc_quantity(&out->block_number, json_get(log, "blockNumber")) &&
	    rpc_quantity(&out->log_index, json_get(log, "logIndex")) &&
	    out->log_index < UINT64_MAX;
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
		if (read_place(out, log))
			return LOGS_FOUND;
	}
	memset(out, 0, sizeof(*out));
	return LOGS_NONE;
}

/* ---- The Transfer behind an event ---- */

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

/* Whether a log is the one directly behind use's event. */
static bool
is_behind(const struct json *log, const struct token_use *use)
{
	struct token_use at;

	return read_place(&at, log) && at.log_index == use->log_index + 1 &&
	    at.block_number == use->block_number &&
	    memcmp(at.tx, use->tx, sizeof(at.tx)) == 0 &&
	    memcmp(at.block_hash, use->block_hash, sizeof(at.block_hash)) == 0;
}

/* It is looked for from the i-th log on; they are in order, but who knows. */
static bool
find_transfer(struct token_use *use, const struct json *logs, size_t i,
    const struct network *n, const struct transfer_authorization *a)
{
	size_t k, count = json_count(logs);
	const struct json *log;

	for (k = 0; k < count; k++) {
		log = json_at(logs, (i + k) % count);
		if (is_behind(log, use))
			return read_transfer(use, log, n, a);
	}
	return false;
}

void
transfer_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct transfer_authorization *a, const struct token_use *use,
    bool by_number)
{
	char token[ADDRESS_LEN + 1], topic[HEX_SIZE(32)], payer[HEX_SIZE(32)];
	char hash[HEX_SIZE(RPC_HASH_LEN)], block[100];
	uint8_t word[32];

	address_format(token, &n->token, ADDRESS_LOWER);
	hex_encode(topic, topic_transfer, 32);
	word_of_address(word, &a->from);
	hex_encode(payer, word, sizeof(word));
	hex_encode(hash, use->block_hash, RPC_HASH_LEN);
	(void)snprintf(block, sizeof(block), "\"blockHash\":\"%s\"", hash);
	if (by_number)
		(void)snprintf(block, sizeof(block),
		    "\"fromBlock\":\"0x%" PRIx64 "\",\"toBlock\":\"0x%" PRIx64
		    "\"",
		    use->block_number, use->block_number);
	rpc_call_set(c, node, "eth_getLogs",
	    "[{\"address\":\"%s\",%s,\"topics\":[\"%s\",\"%s\"]}]", token,
	    block, topic, payer);
}

const char *
transfer_read(struct token_use *use, const struct rpc_call *c,
    const struct network *n, const struct transfer_authorization *a)
{
	if (c->outcome != RPC_RESULT || !json_is_array(c->result))
		return "used, but the node doesn't say what was paid";
	if (!find_transfer(use, c->result, 0, n, a))
		return "no Transfer follows the use of the authorization";
	return NULL;
}

/* ---- All of a payer's ---- */

void
uses_ask(struct rpc_call *c, size_t node, const struct network *n,
    const struct address *payer, uint64_t first, uint64_t last)
{
	char token[ADDRESS_LEN + 1], used[HEX_SIZE(32)], canceled[HEX_SIZE(32)];
	char transfer[HEX_SIZE(32)], from[HEX_SIZE(32)];
	uint8_t word[32];

	address_format(token, &n->token, ADDRESS_LOWER);
	hex_encode(used, topic_authorization_used, 32);
	hex_encode(canceled, topic_authorization_canceled, 32);
	hex_encode(transfer, topic_transfer, 32);
	word_of_address(word, payer);
	hex_encode(from, word, sizeof(word));
	rpc_call_set(c, node, "eth_getLogs",
	    "[{\"address\":\"%s\",\"fromBlock\":\"0x%" PRIx64
	    "\",\"toBlock\":\"0x%" PRIx64
	    "\",\"topics\":[[\"%s\",\"%s\",\"%s\"],\"%s\"]}]",
	    token, first, last, used, canceled, transfer, from);
}

enum use_found
uses_read(struct token_use *out, uint8_t nonce[static 32],
    const struct rpc_call *c, size_t i, const struct network *n,
    const struct address *payer)
{
	struct transfer_authorization a = { .from = *payer };
	const struct json *log = json_at(c->result, i);

	memset(out, 0, sizeof(*out));
	if (!rpc_data(nonce, 32, json_at(json_get(log, "topics"), 2)))
		return USE_NONE;
	memcpy(a.nonce, nonce, sizeof(a.nonce));
	out->canceled = is_event(log, topic_authorization_canceled, n, &a);
	if (!out->canceled && !is_event(log, topic_authorization_used, n, &a))
		return USE_NONE;
	if (!read_place(out, log) ||
	    (!out->canceled && !find_transfer(out, c->result, i + 1, n, &a)))
		return USE_BROKEN;
	return USE_FOUND;
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

static const char *
read_logs(struct token_use *out, const struct json *logs,
    const struct network *n, const struct transfer_authorization *a)
{
	const struct json *used;

	if (find_event(logs, topic_authorization_canceled, n, a) != NULL) {
		out->canceled = true;
		return NULL;
	}
	used = find_event(logs, topic_authorization_used, n, a);
	if (used == NULL)
		return "the transaction doesn't use this authorization";
	if (!rpc_quantity(&out->log_index, json_get(used, "logIndex")) ||
	    out->log_index == UINT64_MAX ||
	    !read_transfer(out, find_index(logs, out->log_index + 1), n, a))
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
