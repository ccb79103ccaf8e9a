#include "evm/nodes.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "evm/nodes_room.h"

#define VIEW_CALLS 3	/* chain id, latest block, final block */
#define CHAIN_BASE 8453 /* where the money is real */

/* EIP-3009 came with FiatTokenV2, in September 2020: no block is older. */
#define TOKEN_BORN_S INT64_C(1598918400)
/* A chain of Base has a final block after 20 minutes. */
#define FINAL_STANDS_AFTER_S 7200

#define SLOW_SHRINK 100 /* 8,000 to 1 before RPC_SLOW_MAX timeouts */

static const char *const finalities[] = { "latest", "safe", "finalized" };

enum rc
nodes_new(struct nodes **out, const char *rpc_urls,
    const struct network *network, const char *finality, struct err *e)
{
	struct nodes *c;
	enum rc rc;
	size_t i;

	*out = NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(e, RC_NO_MEMORY, "chain: no memory");
	c->network = network;
	for (i = 0; i < RPC_NODES_MAX; i++) {
		c->scans_left[i] = SCAN_MAX;
		c->searches_left[i] = SEARCH_MAX;
		c->spans[i].width = SPAN_MAX;
	}
	for (i = 0; i < sizeof(finalities) / sizeof(finalities[0]); i++)
		if (strcmp(finality, finalities[i]) == 0)
			c->finality = finalities[i];
	if (c->finality == NULL)
		rc = err_set(e, RC_INVALID,
		    "finality: got \"%s\", expected latest, safe or finalized",
		    finality);
	else
		rc = rpc_new(&c->rpc, rpc_urls, e);
	if (rc != RC_OK) {
		free(c);
		return rc;
	}
	*out = c;
	return RC_OK;
}

void
nodes_free(struct nodes *c)
{
	if (c == NULL)
		return;
	rpc_free(c->rpc);
	free(c);
}

void
nodes_add_reason(
    char out[static NODES_REASON_MAX + 1], const char *name, const char *text)
{
	size_t len = strlen(out);

	(void)snprintf(out + len, NODES_REASON_MAX + 1 - len, "%s%s: %s",
	    len == 0 ? "" : "; ", name, text);
}

void
nodes_stop_at(struct nodes *c, int fd)
{
	rpc_stop_at(c->rpc, fd);
}

int64_t
nodes_calls(const struct nodes *c)
{
	return rpc_calls(c->rpc);
}

enum rc
nodes_check_hosts(const struct nodes *c, bool accepted, struct err *e)
{
	if (accepted || c->network->chain_id != CHAIN_BASE ||
	    rpc_hosts(c->rpc) > 1)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "rpc_urls: nodes of one host only, expected two hosts on base, for one alone can invent payments and deny them; single_node = accept takes that risk");
}

/* ---- Faults ---- */

void
nodes_fault(struct nodes *c, size_t node, enum node_fault_kind kind,
    const char *fmt, ...)
{
	va_list ap;

	CHECK(node < RPC_NODES_MAX && kind < NODE_FAULT_KINDS);
	va_start(ap, fmt);
	(void)vsnprintf(
	    c->faults[node][kind], sizeof(c->faults[node][kind]), fmt, ap);
	va_end(ap);
}

size_t
nodes_count(const struct nodes *c)
{
	return rpc_count(c->rpc);
}

const char *
nodes_name(const struct nodes *c, size_t node)
{
	return rpc_name(c->rpc, node);
}

size_t
nodes_faults(const struct nodes *c, struct node_fault *out)
{
	size_t i, n = 0;
	int kind;

	for (i = 0; i < rpc_count(c->rpc); i++)
		for (kind = 0; kind < NODE_FAULT_KINDS; kind++)
			if (c->faults[i][kind][0] != '\0')
				out[n++] = (struct node_fault){
					.node = rpc_name(c->rpc, i),
					.kind = (enum node_fault_kind)kind,
					.words = c->faults[i][kind],
				};
	return n;
}

const char *
node_fault_name(enum node_fault_kind kind)
{
	static const char *const names[] = {
		[NODE_FAULT_AWAY] = "away",
		[NODE_FAULT_CLOCK] = "clock",
		[NODE_FAULT_STANDS] = "stands",
		[NODE_FAULT_NUMBER] = "number",
		[NODE_FAULT_FINAL] = "final",
		[NODE_FAULT_ALONE] = "alone",
		[NODE_FAULT_DISPUTED] = "disputed",
		[NODE_FAULT_LATE] = "late",
		[NODE_FAULT_LIMITS] = "gives no logs",
	};

	CHECK(kind < NODE_FAULT_KINDS);
	return names[kind];
}

/* ---- Spans of blocks ---- */

bool
span_narrow(struct nodes *c, const struct rpc_call *call, uint64_t width)
{
	struct span *s = &c->spans[call->node];
	unsigned shrink = call->cause == RPC_CAUSE_SLOW ? SLOW_SHRINK : 2;
	bool smaller = call->outcome != RPC_RESULT &&
	    (call->cause == RPC_CAUSE_TOO_MUCH ||
		call->cause == RPC_CAUSE_SLOW);

	s->answers = 0;
	if (smaller && width > 1) {
		s->width = width < shrink ? 1 : width / shrink;
		return true;
	}
	if (smaller || call->cause == RPC_CAUSE_BUSY)
		nodes_fault(c, call->node, NODE_FAULT_LIMITS,
		    "eth_getLogs of %s: %.180s",
		    width > 1 ? "some blocks" : "a single block",
		    nodes_trouble(call));
	return false;
}

void
span_widen(struct span *s)
{
	if (s->width < SPAN_MAX && ++s->answers >= SPAN_CALM) {
		s->width = s->width > SPAN_MAX / 2 ? SPAN_MAX : 2 * s->width;
		s->answers = 0;
	}
}

/* ---- Blocks ---- */

void
nodes_block_text(char out[static BLOCK_TEXT_MAX], uint64_t number)
{
	(void)snprintf(
	    out, BLOCK_TEXT_MAX, "0x%llx", (unsigned long long)number);
}

void
nodes_ask_block(struct rpc_call *call, size_t node, const char *block)
{
	rpc_call_set(
	    call, node, "eth_getBlockByNumber", "[\"%s\",false]", block);
}

bool
nodes_read_block(struct block *out, const struct rpc_call *call)
{
	const struct json *b = call->result;

	memset(out, 0, sizeof(*out));
	return call->outcome == RPC_RESULT &&
	    rpc_quantity(&out->number, json_get(b, "number")) &&
	    rpc_quantity(&out->time_s, json_get(b, "timestamp")) &&
	    rpc_data(out->hash, sizeof(out->hash), json_get(b, "hash"));
}

const char *
nodes_trouble(const struct rpc_call *call)
{
	return call->outcome == RPC_RESULT ? "an answer of another form"
					   : call->error;
}

/*
 * Whether a node's blocks have times that can be: a time of the future would
 * make authorizations expire, and others live for years. False: why says.
 */
static bool
times_are_sane(struct node *n, int64_t now_s)
{
	int64_t ahead;

	/* Its newest one may have come between the two questions. */
	if (n->final.number > n->latest.number)
		n->latest = n->final;
	if (n->latest.time_s < TOKEN_BORN_S || n->latest.time_s > INT64_MAX ||
	    n->final.time_s > n->latest.time_s) {
		(void)snprintf(n->why, sizeof(n->why),
		    "its newest block has time %" PRIu64
		    ", its final one %" PRIu64,
		    n->latest.time_s, n->final.time_s);
		return false;
	}
	ahead = (int64_t)n->latest.time_s - now_s;
	if (ahead > CLOCK_DIFFERENCE_MAX_S)
		(void)snprintf(n->why, sizeof(n->why),
		    "its newest block is %" PRId64 " s ahead of our clock",
		    ahead);
	return ahead <= CLOCK_DIFFERENCE_MAX_S;
}

/* A node whose answers are right, but old. */
static void
find_standing(struct nodes *c, size_t i, int64_t now_s)
{
	const struct node *n = &c->nodes[i];
	int64_t old = now_s - (int64_t)n->latest.time_s;

	if (old > STANDS_AFTER_S)
		nodes_fault(c, i, NODE_FAULT_STANDS,
		    "its newest block, %" PRIu64 ", is %" PRId64 " s old",
		    n->latest.number, old);
	else if (n->latest.time_s - n->final.time_s > FINAL_STANDS_AFTER_S &&
	    n->final.number > 0)
		nodes_fault(c, i, NODE_FAULT_STANDS,
		    "its final block, %" PRIu64 ", is %" PRIu64
		    " s older than its newest",
		    n->final.number, n->latest.time_s - n->final.time_s);
}

/*
 * A node that calls its newest block final: no block of these chains is before
 * others follow it. Whoever invents blocks says so to have them believed.
 */
static void
find_early_final(struct nodes *c, size_t i)
{
	const struct node *n = &c->nodes[i];

	if (strcmp(c->finality, "latest") != 0 && n->final.number > 0 &&
	    n->final.number == n->latest.number)
		nodes_fault(c, i, NODE_FAULT_FINAL,
		    "its newest block, %" PRIu64 ", is %s already",
		    n->latest.number, c->finality);
}

/* Between two blocks of one time, as far as a node may lag. */
static bool
are_of_one_time(const struct block *a, const struct block *b)
{
	return a->time_s < b->time_s ? b->time_s - a->time_s <= STANDS_AFTER_S
				     : a->time_s - b->time_s <= STANDS_AFTER_S;
}

/* And between their numbers more blocks than come in that time. */
static bool
are_apart(const struct nodes *c, const struct block *a, const struct block *b)
{
	uint64_t most =
	    (uint64_t)(STANDS_AFTER_S * 1000 / c->network->block_ms);

	return are_of_one_time(a, b) &&
	    (a->number < b->number ? b->number - a->number
				   : a->number - b->number) > most;
}

/*
 * A node that says another number than the others, of one time, keeps what is
 * paid from becoming final, or shows blocks that there aren't. It is named, and
 * asked all the same: of two nobody knows which one is wrong, and both are
 * named. all: a block of each node.
 */
static void
find_other_numbers(struct nodes *c, const char *what, const struct block *all)
{
	size_t i, k, near, apart, other = 0, n = rpc_count(c->rpc);

	for (i = 0; i < n; i++) {
		near = apart = 0;
		for (k = 0; c->nodes[i].usable && k < n; k++) {
			if (!c->nodes[k].usable)
				continue;
			if (are_apart(c, &all[i], &all[k])) {
				apart++;
				other = k;
			} else if (are_of_one_time(&all[i], &all[k])) {
				near++; /* with itself */
			}
		}
		if (apart > 0 && apart >= near)
			nodes_fault(c, i, NODE_FAULT_NUMBER,
			    "it says that the %s block is %" PRIu64
			    ", and %.60s at that time %" PRIu64,
			    what, all[i].number, rpc_name(c->rpc, other),
			    all[other].number);
	}
}

static void
compare_numbers(struct nodes *c)
{
	struct block latest[RPC_NODES_MAX], final[RPC_NODES_MAX];
	size_t i;

	for (i = 0; i < rpc_count(c->rpc); i++) {
		latest[i] = c->nodes[i].latest;
		final[i] = c->nodes[i].final;
	}
	find_other_numbers(c, "final", final);
	find_other_numbers(c, "newest", latest);
}

static void
read_node(struct nodes *c, size_t i, const struct rpc_call *calls)
{
	struct node *node = &c->nodes[i];
	uint64_t id;

	memset(node, 0, sizeof(*node));
	if (calls[0].outcome != RPC_RESULT ||
	    !rpc_quantity(&id, calls[0].result)) {
		(void)snprintf(node->why, sizeof(node->why), "%s",
		    nodes_trouble(&calls[0]));
	} else if (id != c->network->chain_id) {
		node->wrong_chain = true;
		(void)snprintf(node->why, sizeof(node->why),
		    "its chain id is %llu, expected %llu",
		    (unsigned long long)id,
		    (unsigned long long)c->network->chain_id);
	} else if (!nodes_read_block(&node->latest, &calls[1])) {
		(void)snprintf(node->why, sizeof(node->why),
		    "latest block: %.200s", nodes_trouble(&calls[1]));
	} else if (!nodes_read_block(&node->final, &calls[2])) {
		(void)snprintf(node->why, sizeof(node->why), "%s block: %.200s",
		    c->finality, nodes_trouble(&calls[2]));
	} else if (!times_are_sane(node, c->viewed_s)) {
		nodes_fault(c, i, NODE_FAULT_CLOCK, "%s", node->why);
		return;
	} else {
		node->usable = true;
		find_standing(c, i, c->viewed_s);
		find_early_final(c, i);
		return;
	}
	nodes_fault(c, i, NODE_FAULT_AWAY, "%s", node->why);
}

void
nodes_view(struct nodes *c)
{
	struct rpc_call calls[VIEW_CALLS * RPC_NODES_MAX];
	size_t i, count = rpc_count(c->rpc);

	memset(calls, 0, sizeof(calls));
	for (i = 0; i < count; i++) {
		rpc_call_set(
		    &calls[VIEW_CALLS * i], i, "eth_chainId", "%s", "[]");
		nodes_ask_block(&calls[VIEW_CALLS * i + 1], i, "latest");
		nodes_ask_block(&calls[VIEW_CALLS * i + 2], i, c->finality);
	}
	rpc_run(c->rpc, calls, VIEW_CALLS * count);
	c->viewed_s = clock_unix_ms() / 1000;
	for (i = 0; i < count; i++)
		read_node(c, i, &calls[VIEW_CALLS * i]);
	compare_numbers(c);
	for (i = 0; i < VIEW_CALLS * count; i++)
		rpc_call_reset(&calls[i]);
}

/* The lower number and the older time, which needn't be of one block. */
static void
block_lower(struct block *out, const struct block *other)
{
	uint64_t time_s =
	    other->time_s < out->time_s ? other->time_s : out->time_s;

	if (other->number < out->number)
		*out = *other;
	out->time_s = time_s;
}

enum rc
nodes_head_seen(const struct nodes *c, struct head *out, struct err *e)
{
	size_t i, strangers = 0, count = rpc_count(c->rpc);
	char why[NODES_REASON_MAX + 1] = "";
	const struct node *node;
	bool found = false;

	*out = (struct head){ .seen_s = c->viewed_s };
	for (i = 0; i < count; i++) {
		node = &c->nodes[i];
		if (!node->usable) {
			strangers += node->wrong_chain;
			nodes_add_reason(why, rpc_name(c->rpc, i), node->why);
			continue;
		}
		if (!found) {
			out->latest = node->latest;
			out->final = node->final;
		}
		block_lower(&out->latest, &node->latest);
		block_lower(&out->final, &node->final);
		if ((int64_t)node->latest.time_s > out->time_s)
			out->time_s = (int64_t)node->latest.time_s;
		found = true;
	}
	if (!found)
		return err_set(e, strangers == count ? RC_INVALID : RC_IO,
		    "chain: no node answers: %s", why);
	return RC_OK;
}

enum rc
nodes_head(struct nodes *c, struct head *out, struct err *e)
{
	nodes_view(c);
	return nodes_head_seen(c, out, e);
}

enum rc
nodes_check_clock(const struct nodes *c, struct err *e)
{
	int64_t differs, least = INT64_MAX;
	size_t i;

	for (i = 0; i < rpc_count(c->rpc); i++) {
		if (!c->nodes[i].usable)
			continue;
		differs = c->viewed_s - (int64_t)c->nodes[i].latest.time_s;
		if (differs < 0)
			differs = -differs;
		if (differs < least)
			least = differs;
	}
	if (least <= CLOCK_DIFFERENCE_MAX_S)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "our clock and the chain's newest block differ by %" PRId64
	    " s, at most %d are expected: nothing is signed",
	    least, CLOCK_DIFFERENCE_MAX_S);
}
