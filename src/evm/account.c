#include "evm/account.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eth/hex.h"
#include "evm/judge.h"
#include "evm/nodes_room.h"
#include "evm/receipt.h"
#include "evm/words.h"

/* What is asked of a node. */
enum question {
	ASK_NONCE,
	ASK_FINAL,
	ASK_PENDING,
	ASK_BALANCE,
	ASK_BLOCK,
	ASK_TIP,
	ASK_CODE,
	QUESTIONS,
};

/*
 * Where a node doesn't advise a tip: Base's sequencer asks for none, and takes
 * who offers more first.
 */
#define TIP_DEFAULT_WEI 1000000

/* Like rpc_quantity; one that is too large for 64 bits is their greatest. */
static bool
quantity_capped(uint64_t *out, const struct json *value)
{
	const char *text = json_text(value);

	if (text != NULL && strncmp(text, "0x", 2) == 0 && text[2] != '0' &&
	    strlen(text) > 2 + 16 && strlen(text) <= 2 + 64 &&
	    strspn(text + 2, "0123456789abcdefABCDEF") == strlen(text + 2)) {
		*out = UINT64_MAX;
		return true;
	}
	return rpc_quantity(out, value);
}

static uint64_t
product(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

/* ---- Looking ---- */

static void
ask(struct rpc_call *calls, size_t node, const struct nodes *c,
    const struct address *account)
{
	char who[ADDRESS_LEN + 1], contract[ADDRESS_LEN + 1];

	address_format(who, account, ADDRESS_LOWER);
	address_format(contract, &multicall3, ADDRESS_LOWER);
	rpc_call_set(&calls[ASK_NONCE], node, "eth_getTransactionCount",
	    "[\"%s\",\"latest\"]", who);
	rpc_call_set(&calls[ASK_FINAL], node, "eth_getTransactionCount",
	    "[\"%s\",\"%s\"]", who, c->finality);
	rpc_call_set(&calls[ASK_PENDING], node, "eth_getTransactionCount",
	    "[\"%s\",\"pending\"]", who);
	rpc_call_set(&calls[ASK_BALANCE], node, "eth_getBalance",
	    "[\"%s\",\"latest\"]", who);
	nodes_ask_block(&calls[ASK_BLOCK], node, "latest");
	rpc_call_set(
	    &calls[ASK_TIP], node, "eth_maxPriorityFeePerGas", "%s", "[]");
	rpc_call_set(&calls[ASK_CODE], node, "eth_getCode",
	    "[\"%s\",\"latest\"]", contract);
}

/* One node's word; false when it lacks something. */
static bool
read_answers(struct account_view *v, const struct rpc_call *calls)
{
	uint64_t n[QUESTIONS] = { 0 };
	const struct json *base =
	    json_get(calls[ASK_BLOCK].result, "baseFeePerGas");
	const char *code = json_text(calls[ASK_CODE].result);

	if (!rpc_quantity(&n[ASK_NONCE], calls[ASK_NONCE].result) ||
	    !rpc_quantity(&n[ASK_FINAL], calls[ASK_FINAL].result) ||
	    !quantity_capped(&n[ASK_BALANCE], calls[ASK_BALANCE].result) ||
	    !quantity_capped(&n[ASK_BLOCK], base) || code == NULL)
		return false;
	if (!rpc_quantity(&n[ASK_PENDING], calls[ASK_PENDING].result))
		n[ASK_PENDING] = n[ASK_NONCE];
	if (!rpc_quantity(&n[ASK_TIP], calls[ASK_TIP].result))
		n[ASK_TIP] = TIP_DEFAULT_WEI;
	*v = (struct account_view){
		.nonce_low = n[ASK_NONCE],
		.nonce_high = n[ASK_NONCE],
		.final_low = n[ASK_FINAL],
		.pending_low = n[ASK_PENDING],
		.pending_high = n[ASK_PENDING],
		.balance_wei = n[ASK_BALANCE],
		.base_fee_low_wei = n[ASK_BLOCK],
		.base_fee_high_wei = n[ASK_BLOCK],
		.tip_wei = n[ASK_TIP],
		.has_multicall = strlen(code) > 2,
	};
	return true;
}

static void
lower(uint64_t *a, uint64_t b)
{
	*a = b < *a ? b : *a;
}

static void
higher(uint64_t *a, uint64_t b)
{
	*a = b > *a ? b : *a;
}

static void
view_join(struct account_view *v, const struct account_view *other)
{
	lower(&v->nonce_low, other->nonce_low);
	higher(&v->nonce_high, other->nonce_high);
	lower(&v->final_low, other->final_low);
	lower(&v->pending_low, other->pending_low);
	higher(&v->pending_high, other->pending_high);
	lower(&v->base_fee_low_wei, other->base_fee_low_wei);
	higher(&v->base_fee_high_wei, other->base_fee_high_wei);
	lower(&v->tip_wei, other->tip_wei);
	v->has_multicall = v->has_multicall && other->has_multicall;
}

static const char *
first_trouble(const struct rpc_call *calls)
{
	size_t i;

	for (i = 0; i < QUESTIONS; i++)
		if (i != ASK_TIP && i != ASK_PENDING &&
		    calls[i].outcome != RPC_RESULT)
			return calls[i].error;
	return "an answer of another form";
}

/* Of a node that doesn't answer to all. */
static void
not_seen(struct nodes *c, size_t node, const char *why, char *warning)
{
	nodes_add_reason(warning, rpc_name(c->rpc, node), why);
	nodes_fault(c, node, NODE_FAULT_AWAY, "%s", why);
}

/*
 * Who says that final blocks have used nonces which another node, whose newest
 * block is no older than those, has in no block.
 */
static void
find_lone_nonces(struct nodes *c, const struct account_view *views,
    const struct words *balance)
{
	size_t i, k, count = rpc_count(c->rpc);

	for (i = 0; i < count; i++)
		for (k = 0; k < count; k++)
			if (balance->said[i] && balance->said[k] &&
			    views[i].final_low > views[k].nonce_high &&
			    c->nodes[k].latest.number >=
				c->nodes[i].final.number)
				nodes_fault(c, i, NODE_FAULT_ALONE,
				    "says that final blocks have %" PRIu64
				    " transactions of the gas account, and %.80s that all blocks have %" PRIu64,
				    views[i].final_low, rpc_name(c->rpc, k),
				    views[k].nonce_high);
}

enum rc
nodes_account(struct nodes *c, const struct address *account,
    struct account_view *out, struct err *e)
{
	struct rpc_call calls[QUESTIONS * RPC_NODES_MAX];
	size_t i, answered = 0, count = rpc_count(c->rpc);
	char warning[NODES_REASON_MAX + 1] = "";
	struct words balance = { .rule = WORDS_AMOUNT,
		.what = "the gas account's wei are" };
	struct account_view views[RPC_NODES_MAX];

	memset(out, 0, sizeof(*out));
	memset(calls, 0, sizeof(calls));
	nodes_view(c);
	for (i = 0; i < count; i++)
		ask(&calls[QUESTIONS * i], i, c, account);
	rpc_run(c->rpc, calls, QUESTIONS * count);
	for (i = 0; i < count; i++) {
		if (!c->nodes[i].usable) {
			nodes_add_reason(
			    warning, rpc_name(c->rpc, i), c->nodes[i].why);
			continue;
		}
		if (!read_answers(&views[i], &calls[QUESTIONS * i])) {
			not_seen(c, i, first_trouble(&calls[QUESTIONS * i]),
			    warning);
			continue;
		}
		balance.said[i] = true;
		balance.value[i] = views[i].balance_wei;
		if (answered++ == 0)
			*out = views[i];
		else
			view_join(out, &views[i]);
	}
	if (answered < count)
		out->nonce_low = out->final_low = out->pending_low = 0;
	find_lone_nonces(c, views, &balance);
	(void)words_join(c, &balance, &out->balance_wei);
	for (i = 0; i < QUESTIONS * count; i++)
		rpc_call_reset(&calls[i]);
	memcpy(out->warning, warning, sizeof(warning));
	if (answered == 0)
		return err_set(
		    e, RC_IO, "gas account: no node answers: %s", warning);
	return RC_OK;
}

/* ---- The first nonce ---- */

enum rc
nodes_first_nonce(struct nodes *c, const struct address *account,
    uint64_t *nonce, struct err *e)
{
	static const char *const tags[] = { "latest", "pending" };
	struct words words[2] = { { WORDS_ALIKE,
				      .what = "the gas account's nonce is" },
		{ WORDS_ALIKE, .what = "the gas account's next nonce is" } };
	size_t i, what, count = rpc_count(c->rpc);
	struct rpc_call calls[RPC_NODES_MAX];
	char who[ADDRESS_LEN + 1];
	uint64_t value[2];
	bool alike = true;

	address_format(who, account, ADDRESS_LOWER);
	for (what = 0; what < 2; what++) {
		memset(calls, 0, sizeof(calls));
		for (i = 0; i < count; i++)
			rpc_call_set(&calls[i], i, "eth_getTransactionCount",
			    "[\"%s\",\"%s\"]", who, tags[what]);
		rpc_run(c->rpc, calls, count);
		for (i = 0; i < count; i++) {
			words[what].said[i] = c->nodes[i].usable &&
			    rpc_quantity(
				&words[what].value[i], calls[i].result);
			if (!words[what].said[i])
				nodes_fault(c, i, NODE_FAULT_AWAY, "%s: %.200s",
				    words[what].what, nodes_trouble(&calls[i]));
			rpc_call_reset(&calls[i]);
		}
		alike = words_join(c, &words[what], &value[what]) && alike;
	}
	*nonce = value[0];
	if (alike && value[0] == value[1] && value[0] < INT64_MAX)
		return RC_OK;
	return err_set(e, RC_BUSY,
	    "gas account: its nonce is %" PRIu64 ", with what waits %" PRIu64
	    ", or nodes disagree, or don't answer, or somebody else uses it: before the first transaction all must say the same",
	    value[0], value[1]);
}

/* ---- Sending ---- */

/*
 * What nodes say of a transaction that they have, or had: geth, reth, anvil,
 * Nethermind. After a replacement they have another one of the same nonce,
 * which carries out the same.
 */
static bool
has_it_already(const char *error)
{
	static const char *const texts[] = {
		"already known",
		"already imported",
		"AlreadyKnown",
		"nonce too low",
		"OldNonce",
		"replacement transaction underpriced",
		"ReplacementNotAllowed",
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strstr(error, texts[i]) != NULL)
			return true;
	return false;
}

/* Whether the node has it now; if not, why goes on with its word. */
static bool
read_sent(const struct rpc_call *call, const uint8_t hash[static TX_HASH_LEN],
    const char *name, char why[static NODES_REASON_MAX + 1])
{
	uint8_t got[TX_HASH_LEN];

	if (call->outcome == RPC_RESULT &&
	    rpc_data(got, sizeof(got), call->result) &&
	    memcmp(got, hash, sizeof(got)) == 0)
		return true;
	if (call->outcome == RPC_ERROR && has_it_already(call->error))
		return true;
	nodes_add_reason(why, name,
	    call->outcome == RPC_RESULT ? "answers with another hash"
					: call->error);
	return false;
}

size_t
nodes_send(struct nodes *c, struct slice raw,
    const uint8_t hash[static TX_HASH_LEN],
    char why[static NODES_REASON_MAX + 1])
{
	struct rpc_call calls[RPC_NODES_MAX];
	size_t i, taken = 0, count = rpc_count(c->rpc);
	char *params = malloc(HEX_SIZE(raw.len) + 4);

	why[0] = '\0';
	if (params == NULL) {
		nodes_add_reason(why, "gas account", "no memory");
		return 0;
	}
	memcpy(params, "[\"", 2);
	hex_encode(params + 2, (const uint8_t *)raw.p, raw.len);
	memcpy(params + 2 + 2 + 2 * raw.len, "\"]", 3);
	memset(calls, 0, sizeof(calls));
	for (i = 0; i < count; i++)
		rpc_call_set_long(
		    &calls[i], i, "eth_sendRawTransaction", params);
	rpc_run(c->rpc, calls, count);
	for (i = 0; i < count; i++) {
		taken += read_sent(&calls[i], hash, rpc_name(c->rpc, i), why);
		rpc_call_reset(&calls[i]);
	}
	free(params);
	return taken;
}

/* ---- Looking for them ---- */

/* False when it isn't a receipt of that transaction. */
static bool
read_mined(struct node_answer *a, uint64_t *cost_wei,
    const struct rpc_call *call, const uint8_t hash[static TX_HASH_LEN])
{
	const struct json *r = call->result;
	uint64_t gas, price, data_fee = 0;

	if (call->outcome != RPC_RESULT ||
	    !rpc_data(
		a->use.tx, sizeof(a->use.tx), json_get(r, "transactionHash")) ||
	    memcmp(a->use.tx, hash, sizeof(a->use.tx)) != 0 ||
	    !rpc_quantity(&a->block.number, json_get(r, "blockNumber")) ||
	    !rpc_data(a->block.hash, sizeof(a->block.hash),
		json_get(r, "blockHash")) ||
	    !quantity_capped(&gas, json_get(r, "gasUsed")) ||
	    !quantity_capped(&price, json_get(r, "effectiveGasPrice")))
		return false;
	/* Of an OP Stack chain: what its data costs on the chain below. */
	(void)quantity_capped(&data_fee, json_get(r, "l1Fee"));
	*cost_wei = product(gas, price);
	if (__builtin_add_overflow(*cost_wei, data_fee, cost_wei))
		*cost_wei = UINT64_MAX;
	return true;
}

/*
 * One node's word on a transaction as the verdict's rule takes it, which has no
 * payee and no amount here: in a block it is paid, in none unused.
 */
static void
take_receipt(struct node_answer *a, uint64_t *cost_wei,
    const struct rpc_call *call, const uint8_t hash[static TX_HASH_LEN],
    struct nodes *c)
{
	const struct node *node = &c->nodes[call->node];
	const char *why = node->why;

	*a = (struct node_answer){ .name = rpc_name(c->rpc, call->node),
		.latest = node->latest,
		.final = node->final };
	if (node->usable && call->outcome == RPC_RESULT &&
	    json_is_null(call->result)) {
		a->says = NODE_SAYS_UNUSED;
		why = "in no block";
	} else if (node->usable && read_mined(a, cost_wei, call, hash)) {
		a->says = NODE_SAYS_PAID;
		why = "mined";
	} else if (node->usable) {
		why = nodes_trouble(call);
		nodes_fault(c, call->node, NODE_FAULT_AWAY,
		    "the receipt of a transaction of the gas account: %.150s",
		    why);
	}
	(void)snprintf(a->why, sizeof(a->why), "%s", why);
}

/* What all nodes say of one; of its cost the lowest counts. */
static void
make_mined(struct mined *out, const struct rpc_call *calls,
    const uint8_t hash[static TX_HASH_LEN], struct nodes *c)
{
	static const struct transfer_authorization nothing;
	struct words cost = { .rule = WORDS_ALIKE,
		.what = "the wei of a transaction of the gas account are" };
	struct node_answer answers[RPC_NODES_MAX];
	size_t i, n = rpc_count(c->rpc);
	struct judgment j;

	*out = (struct mined){ .absent = true, .shared = true };
	for (i = 0; i < n; i++) {
		take_receipt(&answers[i], &cost.value[i], &calls[i], hash, c);
		cost.said[i] = answers[i].says == NODE_SAYS_PAID;
		out->shared &= cost.said[i];
		out->denied |= answers[i].says == NODE_SAYS_UNUSED;
		out->absent &= answers[i].says == NODE_SAYS_UNUSED;
	}
	verdict_make(&j, &nothing, answers, n);
	note_contradictions(
	    c, &j, answers, n, "a transaction of the gas account");
	out->found = j.verdict == VERDICT_PAID;
	out->final = j.is_final;
	out->block = j.block.number;
	if (out->final)
		(void)words_join(c, &cost, &out->cost_wei);
}

void
nodes_mined(struct nodes *c, const uint8_t (*hashes)[TX_HASH_LEN], size_t n,
    struct mined *out)
{
	size_t i, node, nodes = rpc_count(c->rpc);
	struct rpc_call *calls;

	memset(out, 0, n * sizeof(*out));
	calls = calloc(n * nodes + 1, sizeof(*calls));
	if (calls == NULL)
		return;
	for (i = 0; i < n; i++)
		for (node = 0; node < nodes; node++)
			receipt_ask(&calls[i * nodes + node], node, hashes[i]);
	rpc_run(c->rpc, calls, n * nodes);
	for (i = 0; i < n; i++)
		make_mined(&out[i], &calls[i * nodes], hashes[i], c);
	for (i = 0; i < n * nodes; i++)
		rpc_call_reset(&calls[i]);
	free(calls);
}
