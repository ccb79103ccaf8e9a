/*
 * What nodes.h says about nodes_judge_all. Each node looks at each case for
 * itself; all looks that wait for the same kind of answer are asked together:
 *
 *	START: a hint?	-> HINT: its receipt checks out?	-> BLOCK
 *			   else					-> STATE
 *	STATE: authorizationState, latest block
 *		unused, and the final block's time is before validBefore: done
 *		unused						-> PROOF
 *		used						-> LOGS
 *	LOGS: the event with (from, nonce), first in the
 *	       blocks from from_block on, then in older ones	-> RECEIPT
 *	RECEIPT: it checks out					-> BLOCK
 *	PROOF: authorizationState in the final block, by its hash or, where
 *	       the node can't do that, by its number: unused	-> BLOCK
 *	BLOCK: is it still the one at its number? then done
 *
 * Then the nodes' looks at a case make its verdict (verdict.c).
 */
#include "evm/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAVE_MAX	256 /* calls at once: their answers are in memory */
#define LOG_QUERIES_MAX 256 /* of one look */
#define LOG_SPAN_SHRINK 8   /* when a node refuses a range */

static const struct transfer_authorization *
authorization(const struct look *l)
{
	return &l->which->authorization;
}

static void
finish(struct look *l, enum look_result result, const char *why)
{
	l->stage = STAGE_DONE;
	l->result = result;
	(void)snprintf(l->why, sizeof(l->why), "%s", why);
}

static const char *
trouble(const struct rpc_call *call)
{
	return call->outcome == RPC_RESULT ? "an answer of another form"
					   : call->error;
}

/* ---- Asking ---- */

static void
ask_logs(struct rpc_call *call, const struct look *l, const struct nodes *c)
{
	char from[BLOCK_TEXT_MAX], to[BLOCK_TEXT_MAX] = "latest";
	uint64_t first = l->log_from;

	if (l->log_to - first >= l->log_span)
		first = l->log_to - l->log_span + 1;
	nodes_block_text(from, first);
	/* Past its head a node gives an error; "latest" never is. */
	if (l->log_to < c->nodes[l->node].latest.number)
		nodes_block_text(to, l->log_to);
	logs_ask(call, l->node, c->network, authorization(l), from, to);
}

/* Not by tag: what counts is the state in a block whose time we know. */
static void
ask_proof(struct rpc_call *call, const struct look *l, const struct nodes *c)
{
	const struct block *final = &c->nodes[l->node].final;
	char block[BLOCK_TEXT_MAX];

	nodes_block_text(block, final->number);
	if (l->by_number)
		token_ask_state(
		    call, l->node, c->network, authorization(l), block);
	else
		token_ask_state_in(
		    call, l->node, c->network, authorization(l), final->hash);
}

static void
ask(struct rpc_call *call, const struct look *l, const struct nodes *c)
{
	char block[BLOCK_TEXT_MAX];

	switch (l->stage) {
	case STAGE_HINT:
		receipt_ask(call, l->node, l->which->hint);
		return;
	case STAGE_STATE:
		token_ask_state(
		    call, l->node, c->network, authorization(l), "latest");
		return;
	case STAGE_LOGS:
		ask_logs(call, l, c);
		return;
	case STAGE_RECEIPT:
		receipt_ask(call, l->node, l->use.tx);
		return;
	case STAGE_PROOF:
		ask_proof(call, l, c);
		return;
	case STAGE_BLOCK:
		nodes_block_text(block, l->block.number);
		nodes_ask_block(call, l->node, block);
		return;
	case STAGE_DONE:
		break;
	}
	CHECK(l->stage != STAGE_DONE);
}

/* ---- Taking answers ---- */

static void
to_block(struct look *l)
{
	l->block.number = l->use.block_number;
	memcpy(l->block.hash, l->use.block_hash, sizeof(l->block.hash));
	l->stage = STAGE_BLOCK;
}

static void
take_hint(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	/* A facilitator may name any hash; then it is as if it had not. */
	if (receipt_read(&l->use, call, c->network, authorization(l),
		l->which->hint) == NULL)
		to_block(l);
	else
		l->stage = STAGE_STATE;
}

static void
take_state(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	const struct node *node = &c->nodes[l->node];
	bool used;

	if (!token_read_bool(&used, call)) {
		finish(l, LOOK_NOTHING, trouble(call));
	} else if (used) {
		l->log_from = l->which->from_block;
		l->log_to = node->latest.number;
		if (l->log_from > l->log_to)
			l->log_from = l->log_to;
		l->log_span = l->log_to - l->log_from + 1;
		l->stage = STAGE_LOGS;
	} else if (node->final.time_s >= authorization(l)->valid_before) {
		l->stage = STAGE_PROOF;
	} else {
		finish(l, LOOK_UNUSED, "unused so far");
	}
}

/*
 * Goes on to older blocks, or gives up. It may be older than what was signed
 * last: a restored ledger has lost an authorization with the same nonce, and
 * no node showed its use in time.
 */
static void
no_log_there(struct look *l)
{
	if (l->log_to - l->log_from >= l->log_span) {
		l->log_to -= l->log_span;
	} else if (l->log_from > 0) {
		l->log_to = l->log_from - 1;
		l->log_from = 0;
		l->log_span = l->log_to + 1;
	} else {
		finish(l, LOOK_UNCLEAR,
		    "used or canceled, but its event isn't in any block");
	}
}

/* Nodes limit the range of blocks or of answers, each in its own way. */
static void
narrow_logs(struct look *l, const struct rpc_call *call)
{
	char why[NODES_REASON_MAX + 1];

	if (call->outcome == RPC_ERROR && l->log_span > 1) {
		l->log_span = l->log_span < LOG_SPAN_SHRINK
		    ? 1
		    : l->log_span / LOG_SPAN_SHRINK;
		return;
	}
	(void)snprintf(why, sizeof(why), "used or canceled, but where: %.180s",
	    trouble(call));
	finish(l, LOOK_UNCLEAR, why);
}

static void
take_logs(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	struct token_use use;

	switch (logs_read(&use, call, c->network, authorization(l))) {
	case LOGS_FOUND:
		l->use = use;
		l->stage = STAGE_RECEIPT;
		return;
	case LOGS_NONE:
		no_log_there(l);
		break;
	case LOGS_UNUSABLE:
		narrow_logs(l, call);
		break;
	}
	if (l->stage == STAGE_LOGS && ++l->log_queries >= LOG_QUERIES_MAX)
		finish(l, LOOK_UNCLEAR,
		    "used or canceled, but its event is "
		    "too far back for this node's limits");
}

static void
take_receipt(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	uint8_t tx[TX_HASH_LEN];
	const char *why;

	memcpy(tx, l->use.tx, sizeof(tx));
	why = receipt_read(&l->use, call, c->network, authorization(l), tx);
	if (why == NULL)
		to_block(l);
	else
		finish(l, LOOK_UNCLEAR, why);
}

static void
take_proof(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	char why[NODES_REASON_MAX + 1];
	bool used;

	if (call->outcome == RPC_ERROR && !l->by_number) {
		l->by_number = true;
		return;
	}
	if (!token_read_bool(&used, call)) {
		(void)snprintf(why, sizeof(why),
		    "expired, but its state in "
		    "the final block: %.180s",
		    trouble(call));
		finish(l, LOOK_NOTHING, why);
	} else if (used) {
		/* "latest" knew less: two nodes behind one name. */
		finish(l, LOOK_UNCLEAR,
		    "used in its final block, unused in "
		    "its latest");
	} else {
		l->expired = true;
		l->block = c->nodes[l->node].final;
		l->stage = STAGE_BLOCK;
	}
}

static void
take_block(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	struct block now;

	if (!nodes_read_block(&now, call))
		finish(l, LOOK_UNCLEAR, "its block can't be read");
	else if (now.number != l->block.number ||
	    memcmp(now.hash, l->block.hash, sizeof(now.hash)) != 0)
		finish(l, LOOK_UNCLEAR, "its block was replaced just now");
	else if (l->expired)
		finish(l, LOOK_EXPIRED, "expired and unused in a final block");
	else
		finish(l, l->use.canceled ? LOOK_CANCELED : LOOK_PAID,
		    l->use.canceled ? "canceled" : "paid");
	if (l->result != LOOK_UNCLEAR)
		l->block = now;
	l->is_final = l->block.number <= c->nodes[l->node].final.number;
}

static void
take(struct look *l, const struct rpc_call *call, const struct nodes *c)
{
	static void (*const takers[])(
	    struct look *, const struct rpc_call *, const struct nodes *) = {
		[STAGE_HINT] = take_hint,
		[STAGE_STATE] = take_state,
		[STAGE_LOGS] = take_logs,
		[STAGE_RECEIPT] = take_receipt,
		[STAGE_PROOF] = take_proof,
		[STAGE_BLOCK] = take_block,
	};

	CHECK(l->stage != STAGE_DONE);
	takers[l->stage](l, call, c);
}

/* ---- Waves ---- */

/* What is asked once for several looks: the block that many are in. */
struct wave {
	struct rpc_call calls[WAVE_MAX];
	size_t count;
	size_t call_of[WAVE_MAX]; /* by look in the wave */
	struct look *looks[WAVE_MAX];
	size_t look_count;
};

static void
wave_add(struct wave *w, struct look *l, const struct nodes *c)
{
	struct rpc_call *call = &w->calls[w->count];
	size_t i;

	ask(call, l, c);
	for (i = 0; l->stage == STAGE_BLOCK && i < w->count; i++)
		if (w->calls[i].node == call->node &&
		    strcmp(w->calls[i].params, call->params) == 0)
			break;
	if (l->stage != STAGE_BLOCK)
		i = w->count;
	if (i == w->count)
		w->count++;
	w->call_of[w->look_count] = i;
	w->looks[w->look_count++] = l;
}

static void
wave_run(struct wave *w, struct nodes *c)
{
	size_t i;

	rpc_run(c->rpc, w->calls, w->count);
	for (i = 0; i < w->look_count; i++)
		take(w->looks[i], &w->calls[w->call_of[i]], c);
	for (i = 0; i < w->count; i++)
		rpc_call_reset(&w->calls[i]);
	w->count = w->look_count = 0;
}

/* All looks at this stage; they may be at it again afterwards. */
static bool
run_stage(struct wave *w, struct look *looks, size_t n, enum stage stage,
    struct nodes *c)
{
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (looks[i].stage != stage)
			continue;
		any = true;
		wave_add(w, &looks[i], c);
		if (w->look_count == WAVE_MAX)
			wave_run(w, c);
	}
	wave_run(w, c);
	return any;
}

/* In an order in which a stage leads only to later ones, or to itself. */
static bool
run_stages(struct look *looks, size_t n, struct nodes *c)
{
	static const enum stage order[] = {
		STAGE_HINT,
		STAGE_STATE,
		STAGE_LOGS,
		STAGE_RECEIPT,
		STAGE_PROOF,
		STAGE_BLOCK,
	};
	struct wave *w;
	size_t i;

	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return false;
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		while (run_stage(w, looks, n, order[i], c))
			continue;
	free(w);
	return true;
}

static void
look_start(struct look *l, const struct judged_case *which, size_t node,
    const struct nodes *c)
{
	memset(l, 0, sizeof(*l));
	l->which = which;
	l->node = node;
	l->stage = which->has_hint ? STAGE_HINT : STAGE_STATE;
	if (!c->nodes[node].usable)
		finish(l, LOOK_NOTHING, c->nodes[node].why);
}

static void
judge_unknown(struct judgment *out, size_t n, const char *why)
{
	size_t i;

	for (i = 0; i < n; i++) {
		memset(&out[i], 0, sizeof(out[i]));
		(void)snprintf(out[i].reason, sizeof(out[i].reason), "%s", why);
	}
}

void
nodes_judge_all(struct nodes *c, const struct judged_case *cases, size_t n,
    struct judgment *out)
{
	size_t i, nodes = rpc_count(c->rpc);
	struct look *looks;

	if (n == 0)
		return;
	judge_unknown(out, n, "no memory");
	looks = calloc(n, nodes * sizeof(*looks));
	if (looks == NULL)
		return;
	nodes_view(c);
	for (i = 0; i < n * nodes; i++)
		look_start(&looks[i], &cases[i / nodes], i % nodes, c);
	if (run_stages(looks, n * nodes, c))
		for (i = 0; i < n; i++)
			verdict_make(&out[i], &looks[i * nodes], nodes, c);
	free(looks);
}

void
nodes_judge(
    struct nodes *c, const struct judged_case *which, struct judgment *out)
{
	nodes_judge_all(c, which, 1, out);
}
