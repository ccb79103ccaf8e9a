#include "evm/judge.h"

/*
 * Each node is asked about each case
 * for itself, an inquiry; all inquiries at the same step are asked together:
 *
 *	START: a hint?	-> HINT: its receipt checks out?	-> BLOCK
 *			   else					-> STATE
 *	STATE: authorizationState, latest block
 *		unused, and the final block's time is before validBefore: done
 *		unused						-> PROOF
 *		used						-> LOGS
 *	LOGS: the event with (from, nonce), first in the blocks
 *	       from from_block on, then in older ones
 *		canceled					-> BLOCK
 *		used						-> TRANSFER
 *	TRANSFER: the payer's Transfers in that block: the one
 *	       directly behind the event			-> BLOCK
 *	PROOF: authorizationState in the final block, by its hash or, where
 *	       the node can't do that, by its number: unused	-> BLOCK
 *	BLOCK: is it still the one at its number? then done
 *
 * Then the nodes' answers to a case make its verdict (verdict.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evm/nodes_room.h"
#include "evm/receipt.h"

#define END_LATE_S 3600 /* blocks of Base are final after 20 minutes */
#define BATCH_MAX  256	/* calls at once: their answers are in memory */

/* What an inquiry waits for. */
enum step {
	STEP_DONE,
	STEP_HINT,
	STEP_STATE,
	STEP_LOGS,
	STEP_TRANSFER,
	STEP_PROOF,
	STEP_BLOCK,
};

/* One node asked about one case. */
struct inquiry {
	const struct judged_case *which;
	size_t node;
	enum step step;
	struct node_answer answer; /* complete once STEP_DONE */
	bool expired;		   /* the block is to be the proof */
	bool by_number;		   /* second try of PROOF and TRANSFER */
	/*
	 * STEP_LOGS goes from log_to down to log_from, at first which's
	 * from_block, then 0; width is how many blocks were asked for.
	 */
	uint64_t log_from;
	uint64_t log_to;
	uint64_t width;
};

static const struct transfer_authorization *
authorization(const struct inquiry *q)
{
	return &q->which->authorization;
}

static void
finish(struct inquiry *q, enum node_says says, const char *why)
{
	q->step = STEP_DONE;
	q->answer.says = says;
	(void)snprintf(q->answer.why, sizeof(q->answer.why), "%s", why);
}

/* ---- Asking ---- */

static void
ask_logs(struct rpc_call *call, struct inquiry *q, const struct nodes *c)
{
	char from[BLOCK_TEXT_MAX], to[BLOCK_TEXT_MAX] = "latest";
	uint64_t all = q->log_to - q->log_from + 1;

	q->width =
	    all < c->spans[q->node].width ? all : c->spans[q->node].width;
	nodes_block_text(from, q->log_to - q->width + 1);
	/* Past its head a node gives an error; "latest" never is. */
	if (q->log_to < q->answer.latest.number)
		nodes_block_text(to, q->log_to);
	logs_ask(call, q->node, c->network, authorization(q), from, to);
}

/* Not by tag: what counts is the state in a block whose time we know. */
static void
ask_proof(struct rpc_call *call, const struct inquiry *q, const struct nodes *c)
{
	const struct block *final = &q->answer.final;
	char block[BLOCK_TEXT_MAX];

	nodes_block_text(block, final->number);
	if (q->by_number)
		token_ask_state(
		    call, q->node, c->network, authorization(q), block);
	else
		token_ask_state_in(
		    call, q->node, c->network, authorization(q), final->hash);
}

static void
ask(struct rpc_call *call, struct inquiry *q, const struct nodes *c)
{
	char block[BLOCK_TEXT_MAX];

	switch (q->step) {
	case STEP_HINT:
		receipt_ask(call, q->node, q->which->hint);
		return;
	case STEP_STATE:
		token_ask_state(
		    call, q->node, c->network, authorization(q), "latest");
		return;
	case STEP_LOGS:
		ask_logs(call, q, c);
		return;
	case STEP_TRANSFER:
		transfer_ask(call, q->node, c->network, authorization(q),
		    &q->answer.use, q->by_number);
		return;
	case STEP_PROOF:
		ask_proof(call, q, c);
		return;
	case STEP_BLOCK:
		nodes_block_text(block, q->answer.block.number);
		nodes_ask_block(call, q->node, block);
		return;
	case STEP_DONE:
		break;
	}
	CHECK(q->step != STEP_DONE);
}

/* ---- Taking answers ---- */

static void
to_block(struct inquiry *q)
{
	q->answer.block.number = q->answer.use.block_number;
	memcpy(q->answer.block.hash, q->answer.use.block_hash,
	    sizeof(q->answer.block.hash));
	q->step = STEP_BLOCK;
}

static void
take_hint(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	/* A facilitator may name any hash; then it is as if it had not. */
	if (receipt_read(&q->answer.use, call, c->network, authorization(q),
		q->which->hint) == NULL)
		to_block(q);
	else
		q->step = STEP_STATE;
}

static void
take_state(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	bool used;

	(void)c;
	if (!token_read_bool(&used, call)) {
		finish(q, NODE_SAYS_NOTHING, nodes_trouble(call));
	} else if (used) {
		q->log_from = q->which->from_block;
		q->log_to = q->answer.latest.number;
		if (q->log_from > q->log_to)
			q->log_from = q->log_to;
		q->step = STEP_LOGS;
	} else if (q->answer.final.time_s >= authorization(q)->valid_before) {
		q->step = STEP_PROOF;
	} else {
		finish(q, NODE_SAYS_UNUSED, "unused so far");
	}
}

/*
 * Goes on to older blocks, or gives up. It may be older than what was signed
 * last: a restored ledger has lost an authorization with the same nonce, and
 * no node showed its use in time.
 */
static void
no_log_there(struct inquiry *q)
{
	if (q->log_to - q->log_from >= q->width) {
		q->log_to -= q->width;
	} else if (q->log_from > 0) {
		q->log_to = q->log_from - 1;
		q->log_from = 0;
	} else {
		finish(q, NODE_SAYS_UNCLEAR,
		    "used or canceled, but its event isn't in any block");
	}
}

/* Nodes limit the range of blocks or of answers, each in its own way. */
static void
no_logs(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	char why[NODES_REASON_MAX + 1];

	if (span_narrow(c, call, q->width))
		return;
	(void)snprintf(why, sizeof(why), "used or canceled, but where: %.180s",
	    nodes_trouble(call));
	finish(q, NODE_SAYS_UNCLEAR, why);
}

static void
take_logs(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	switch (logs_read(&q->answer.use, call, c->network, authorization(q))) {
	case LOGS_FOUND:
		span_widen(&c->spans[q->node]);
		if (q->answer.use.canceled)
			to_block(q);
		else
			q->step = STEP_TRANSFER;
		return;
	case LOGS_NONE:
		span_widen(&c->spans[q->node]);
		no_log_there(q);
		break;
	case LOGS_UNUSABLE:
		no_logs(q, call, c);
		break;
	}
	if (q->step != STEP_LOGS)
		return;
	/* The scan of all the treasury's events (adopt.c) goes on with it. */
	if (c->searches_left[q->node] == 0)
		finish(q, NODE_SAYS_UNCLEAR,
		    "used or canceled, but its event is too far back for the calls that a run may make");
	else
		c->searches_left[q->node]--;
}

static void
take_transfer(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	char text[NODES_REASON_MAX + 1];
	const char *why;

	if (call->outcome == RPC_ERROR && !q->by_number) {
		q->by_number = true;
		return;
	}
	why = transfer_read(&q->answer.use, call, c->network, authorization(q));
	if (why == NULL) {
		to_block(q);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s%.150s", why,
	    call->outcome == RPC_RESULT ? "" : ": ",
	    call->outcome == RPC_RESULT ? "" : call->error);
	finish(q, NODE_SAYS_UNCLEAR, text);
	if (call->outcome != RPC_RESULT)
		nodes_fault(c, q->node, NODE_FAULT_LIMITS,
		    "eth_getLogs of a single block: %.180s", call->error);
}

static void
take_proof(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	char why[NODES_REASON_MAX + 1];
	bool used;

	(void)c;
	if (call->outcome == RPC_ERROR && !q->by_number) {
		q->by_number = true;
		return;
	}
	if (!token_read_bool(&used, call)) {
		(void)snprintf(why, sizeof(why),
		    "expired, but its state in the final block: %.180s",
		    nodes_trouble(call));
		finish(q, NODE_SAYS_NOTHING, why);
	} else if (used) {
		/* "latest" knew less: two nodes behind one name. */
		finish(q, NODE_SAYS_UNCLEAR,
		    "used in its final block, unused in its latest");
	} else {
		q->expired = true;
		q->answer.block = q->answer.final;
		q->step = STEP_BLOCK;
	}
}

static void
take_block(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	const struct block *expected = &q->answer.block;
	bool canceled = q->answer.use.canceled;
	struct block now;

	(void)c;
	if (!nodes_read_block(&now, call)) {
		finish(q, NODE_SAYS_UNCLEAR, "its block can't be read");
		return;
	}
	if (now.number != expected->number ||
	    memcmp(now.hash, expected->hash, sizeof(now.hash)) != 0) {
		finish(q, NODE_SAYS_UNCLEAR, "its block was replaced just now");
		return;
	}
	q->answer.block = now;
	if (q->expired)
		finish(q, NODE_SAYS_EXPIRED,
		    "expired and unused in a final block");
	else
		finish(q, canceled ? NODE_SAYS_CANCELED : NODE_SAYS_PAID,
		    canceled ? "canceled" : "paid");
}

static void
take(struct inquiry *q, const struct rpc_call *call, struct nodes *c)
{
	static void (*const takers[])(
	    struct inquiry *, const struct rpc_call *, struct nodes *) = {
		[STEP_HINT] = take_hint,
		[STEP_STATE] = take_state,
		[STEP_LOGS] = take_logs,
		[STEP_TRANSFER] = take_transfer,
		[STEP_PROOF] = take_proof,
		[STEP_BLOCK] = take_block,
	};

	CHECK(q->step != STEP_DONE);
	takers[q->step](q, call, c);
}

/* ---- Many at once ---- */

/* Calls that are made together; a block that many are in is asked for once. */
struct batch {
	struct rpc_call calls[BATCH_MAX];
	size_t count;
	size_t call_of[BATCH_MAX]; /* by inquiry in the batch */
	struct inquiry *inquiries[BATCH_MAX];
	size_t inquiry_count;
};

static void
batch_add(struct batch *b, struct inquiry *q, const struct nodes *c)
{
	struct rpc_call *call = &b->calls[b->count];
	size_t i;

	ask(call, q, c);
	for (i = 0; q->step == STEP_BLOCK && i < b->count; i++)
		if (b->calls[i].node == call->node &&
		    strcmp(b->calls[i].params, call->params) == 0)
			break;
	if (q->step != STEP_BLOCK)
		i = b->count;
	if (i == b->count)
		b->count++;
	b->call_of[b->inquiry_count] = i;
	b->inquiries[b->inquiry_count++] = q;
}

static void
batch_run(struct batch *b, struct nodes *c)
{
	size_t i;

	rpc_run(c->rpc, b->calls, b->count);
	for (i = 0; i < b->inquiry_count; i++)
		take(b->inquiries[i], &b->calls[b->call_of[i]], c);
	for (i = 0; i < b->count; i++)
		rpc_call_reset(&b->calls[i]);
	b->count = b->inquiry_count = 0;
}

/* All inquiries at this step; they may be at it again afterwards. */
static bool
run_step(struct batch *b, struct inquiry *all, size_t n, enum step step,
    struct nodes *c)
{
	bool any = false;
	size_t i;

	for (i = 0; i < n; i++) {
		if (all[i].step != step)
			continue;
		any = true;
		batch_add(b, &all[i], c);
		if (b->inquiry_count == BATCH_MAX)
			batch_run(b, c);
	}
	batch_run(b, c);
	return any;
}

/* In an order in which a step leads only to later ones, or to itself. */
static bool
run_steps(struct inquiry *all, size_t n, struct nodes *c)
{
	static const enum step order[] = {
		STEP_HINT,
		STEP_STATE,
		STEP_LOGS,
		STEP_TRANSFER,
		STEP_PROOF,
		STEP_BLOCK,
	};
	struct batch *b;
	size_t i;

	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return false;
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		while (run_step(b, all, n, order[i], c))
			continue;
	free(b);
	return true;
}

static void
inquiry_start(struct inquiry *q, const struct judged_case *which, size_t node,
    const struct nodes *c)
{
	memset(q, 0, sizeof(*q));
	q->which = which;
	q->node = node;
	q->answer.name = rpc_name(c->rpc, node);
	q->answer.latest = c->nodes[node].latest;
	q->answer.final = c->nodes[node].final;
	q->step = which->has_hint ? STEP_HINT : STEP_STATE;
	if (!c->nodes[node].usable)
		finish(q, NODE_SAYS_NOTHING, c->nodes[node].why);
}

/* ---- Verdicts ---- */

/* A final end: every node should come to one. */
static bool
shows_end(const struct node_answer *a)
{
	return (a->says == NODE_SAYS_PAID || a->says == NODE_SAYS_CANCELED ||
		   a->says == NODE_SAYS_EXPIRED) &&
	    verdict_is_own_final(a);
}

/* Whether there should long be one: it was settled, or could be, before. */
static bool
is_late(const struct nodes *c, const struct judgment *j,
    const struct transfer_authorization *asked)
{
	uint64_t now = (uint64_t)c->viewed_s, since = asked->valid_before;

	if (j->verdict == VERDICT_PAID)
		since = j->block.time_s;
	return now > since && now - since > END_LATE_S;
}

/* Who keeps a payout open, by what it says of it or doesn't. */
static void
find_late(struct nodes *c, const struct judgment *j,
    const struct inquiry *inquiries, size_t n)
{
	bool late = is_late(c, j, authorization(&inquiries[0]));
	bool expired = false;
	const struct node_answer *a;
	size_t i;

	for (i = 0; i < n; i++)
		expired |= inquiries[i].answer.says == NODE_SAYS_EXPIRED;
	for (i = 0; !j->is_final && i < n; i++) {
		a = &inquiries[i].answer;
		if (c->nodes[i].usable && !shows_end(a) &&
		    (late || (expired && a->says == NODE_SAYS_UNCLEAR)))
			nodes_fault(c, i, NODE_FAULT_LATE,
			    "it shows no final end of a payment: %.120s; its final block is %llu",
			    a->why, (unsigned long long)a->final.number);
	}
}

void
note_contradictions(struct nodes *c, const struct judgment *j,
    const struct node_answer *answers, size_t n, const char *what)
{
	size_t i;

	if (j->has_alone)
		nodes_fault(c, j->alone, NODE_FAULT_ALONE,
		    "it alone shows %s: %.180s", what, j->reason);
	for (i = 0; j->contradicted && i < n; i++)
		if (verdict_is_suspect(answers, n, i))
			nodes_fault(
			    c, i, NODE_FAULT_DISPUTED, "%.230s", j->reason);
}

static void
judge_case(struct judgment *out, const struct inquiry *inquiries, size_t n,
    struct nodes *c)
{
	struct node_answer answers[RPC_NODES_MAX] = { 0 };
	size_t i;

	for (i = 0; i < n; i++)
		answers[i] = inquiries[i].answer;
	verdict_make(out, authorization(&inquiries[0]), answers, n);
	note_contradictions(c, out, answers, n, "a payment");
	find_late(c, out, inquiries, n);
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
	struct inquiry *all;

	if (n == 0)
		return;
	judge_unknown(out, n, "no memory");
	all = calloc(n, nodes * sizeof(*all));
	if (all == NULL)
		return;
	nodes_view(c);
	for (i = 0; i < n * nodes; i++)
		inquiry_start(&all[i], &cases[i / nodes], i % nodes, c);
	if (run_steps(all, n * nodes, c))
		for (i = 0; i < n; i++)
			judge_case(&out[i], &all[i * nodes], nodes, c);
	free(all);
}
