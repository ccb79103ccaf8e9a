#include "evm/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eth/hex.h"
#include "evm/nodes_room.h"
#include "evm/receipt.h"

static_assert(HISTORY_BLOCKS == SPAN_MAX, "a range is one span at best");
static_assert(RPC_NODES_MAX <= sizeof(unsigned) * 8, "a bit for each node");

/* ---- What is shown ---- */

static bool
is_same_use(const struct history_use *a, const struct history_use *b)
{
	return a->canceled == b->canceled && a->block == b->block &&
	    a->value == b->value &&
	    memcmp(a->nonce, b->nonce, sizeof(a->nonce)) == 0 &&
	    memcmp(a->tx, b->tx, sizeof(a->tx)) == 0 &&
	    memcmp(a->block_hash, b->block_hash, sizeof(a->block_hash)) == 0 &&
	    memcmp(a->to.b, b->to.b, sizeof(a->to.b)) == 0;
}

/* Notes that a node shows a use; they mostly come in one order. */
static enum rc
show(struct history *h, size_t node, const struct history_use *use,
    size_t *hint, struct err *e)
{
	struct history_shown *all;
	size_t i, k;

	for (k = 0; k < h->n; k++) {
		i = (*hint + k) % h->n;
		if (is_same_use(&h->all[i].use, use)) {
			h->all[i].nodes |= 1U << node;
			*hint = i + 1;
			return RC_OK;
		}
	}
	/* Room for twice as many whenever their number is a power of two. */
	if ((h->n & (h->n - 1)) == 0) {
		all = reallocarray(
		    h->all, h->n == 0 ? 1 : 2 * h->n, sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "history: no memory");
		h->all = all;
	}
	h->all[h->n++] =
	    (struct history_shown){ .use = *use, .nodes = 1U << node };
	return RC_OK;
}

bool
history_is_final(
    const struct history_shown *s, const uint64_t *finals, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((s->nodes & 1U << i) == 0 || s->use.block > finals[i])
			return false;
	return n > 0;
}

void
history_free(struct history *h)
{
	free(h->all);
	*h = (struct history){ .n = 0 };
}

/* ---- One node ---- */

/*
 * The uses in one answer about the blocks from first to last; what isn't of
 * the expected form, or in other blocks, shows nothing.
 */
static enum rc
read_uses(struct nodes *c, const struct rpc_call *call,
    const struct address *treasury, uint64_t first, uint64_t last,
    struct history *h, struct err *e)
{
	struct history_use use;
	struct token_use found;
	enum use_found what;
	size_t i, hint = 0;
	enum rc rc = RC_OK;

	for (i = 0; rc == RC_OK && i < json_count(call->result); i++) {
		memset(&use, 0, sizeof(use));
		what =
		    uses_read(&found, use.nonce, call, i, c->network, treasury);
		if (what == USE_BROKEN)
			nodes_fault(c, call->node, NODE_FAULT_ALONE,
			    "it shows the use of an authorization and not what that paid");
		if (what != USE_FOUND || found.block_number < first ||
		    found.block_number > last)
			continue;
		use.canceled = found.canceled;
		use.block = found.block_number;
		use.to = found.to;
		use.value = found.value;
		memcpy(use.tx, found.tx, sizeof(use.tx));
		memcpy(
		    use.block_hash, found.block_hash, sizeof(use.block_hash));
		rc = show(h, call->node, &use, &hint, e);
	}
	return rc;
}

/* *upto: the last block up to which the node gave everything. */
static enum rc
uses_of_node(struct nodes *c, size_t node, const struct address *treasury,
    uint64_t first, uint64_t last, struct history *h, uint64_t *upto,
    struct err *e)
{
	struct span *span = &c->spans[node];
	struct rpc_call call = { .node = 0 };
	uint64_t width;
	size_t shown = 0;
	bool again = true;
	const uint64_t begun = first;
	enum rc rc = RC_OK;

	while (
	    rc == RC_OK && again && first <= last && c->scans_left[node] > 0) {
		width =
		    last - first < span->width ? last - first + 1 : span->width;
		c->scans_left[node]--;
		uses_ask(&call, node, c->network, treasury, first,
		    first + width - 1);
		rpc_run(c->rpc, &call, 1);
		if (call.outcome == RPC_RESULT && json_is_array(call.result)) {
			shown += json_count(call.result);
			again = shown <= HISTORY_USES_MAX;
			if (again)
				rc = read_uses(c, &call, treasury, first,
				    first + width - 1, h, e);
			else
				nodes_fault(c, node, NODE_FAULT_LIMITS,
				    "it shows more than %d payments of the treasury in %" PRIu64
				    " blocks: the next run goes on after some",
				    HISTORY_USES_MAX, last - begun + 1);
			first += again ? width : 0;
			span_widen(span);
		} else {
			again = span_narrow(c, &call, width);
		}
		rpc_call_reset(&call);
	}
	*upto = first - 1;
	return rc;
}

/* ---- All nodes ---- */

enum rc
history_begin(struct nodes *c, uint64_t *final, uint64_t *latest, struct err *e)
{
	bool found = false;
	size_t i;

	*final = *latest = 0;
	nodes_view(c);
	for (i = 0; i < rpc_count(c->rpc); i++) {
		if (!c->nodes[i].usable)
			continue;
		if (!found || c->nodes[i].final.number < *final)
			*final = c->nodes[i].final.number;
		/* The highest one may be invented, and endless to scan. */
		if (!found || c->nodes[i].latest.number < *latest)
			*latest = c->nodes[i].latest.number;
		found = true;
	}
	return found ? RC_OK
		     : err_set(e, RC_IO, "no node of the chain answers");
}

/* The nodes of one side, those that show a use or those that deny it. */
struct side {
	size_t count;
	size_t last; /* one of them */
};

static void
side_add(struct side *s, size_t node)
{
	s->count++;
	s->last = node;
}

/*
 * Names the smaller side: of three nodes one alone makes nothing up and hides
 * nothing. Of two nobody can tell which one lies: in blocks that the denier
 * calls final both are named, and before that the one that shows it.
 */
static void
dispute(struct nodes *c, const struct history_shown *s, const bool *denies)
{
	struct side showing = { 0 }, denying = { 0 };
	size_t i, n = rpc_count(c->rpc);
	char tx[HEX_SIZE(TX_HASH_LEN)];
	enum node_fault_kind kind = NODE_FAULT_ALONE;
	bool shows;

	for (i = 0; i < n; i++) {
		if ((s->nodes & 1U << i) != 0)
			side_add(&showing, i);
		if (!denies[i])
			continue;
		side_add(&denying, i);
		if (c->nodes[i].final.number >= s->use.block)
			kind = NODE_FAULT_DISPUTED;
	}
	hex_encode(tx, s->use.tx, sizeof(s->use.tx));
	for (i = 0; i < n; i++) {
		shows = (s->nodes & 1U << i) != 0;
		if (shows ? showing.count > denying.count
			  : !denies[i] || denying.count > showing.count ||
			    (denying.count == showing.count &&
				kind == NODE_FAULT_ALONE))
			continue;
		nodes_fault(c, i, kind,
		    shows
			? "it shows a payment of the treasury, and %.60s doesn't, in block %" PRIu64
			  ", transaction %s"
			: "it doesn't show a payment of the treasury, and %.60s does, in block %" PRIu64
			  ", transaction %s",
		    rpc_name(c->rpc, shows ? denying.last : showing.last),
		    s->use.block, tx);
	}
}

/*
 * What the nodes together make of one use; upto: what each has told. Whether
 * they agree.
 */
static bool
weigh(struct nodes *c, struct history_shown *s, const uint64_t *upto)
{
	size_t i, n = rpc_count(c->rpc), showing = 0, denying = 0;
	bool denies[RPC_NODES_MAX] = { false };
	uint64_t finals[RPC_NODES_MAX];

	for (i = 0; i < n; i++) {
		finals[i] = c->nodes[i].usable ? c->nodes[i].final.number : 0;
		if ((s->nodes & 1U << i) != 0)
			showing++;
		else
			denies[i] =
			    c->nodes[i].usable && upto[i] >= s->use.block;
		denying += denies[i];
	}
	s->is_final = history_is_final(s, finals, n);
	s->is_shared = denying == 0 && (showing > 1 || showing == n);
	if (denying > 0)
		dispute(c, s, denies);
	return denying == 0;
}

enum rc
history_read(struct nodes *c, const struct address *treasury, uint64_t first,
    uint64_t last, struct history *out, struct err *e)
{
	uint64_t upto[RPC_NODES_MAX] = { 0 }, end;
	size_t i, given = 0;
	enum rc rc = RC_OK;

	CHECK(first > 0 && first <= last && last - first < HISTORY_BLOCKS);
	*out = (struct history){ .last = last, .upto = last };
	for (i = 0; rc == RC_OK && i < rpc_count(c->rpc); i++) {
		upto[i] = first - 1;
		end = c->nodes[i].latest.number < last
		    ? c->nodes[i].latest.number
		    : last;
		if (c->nodes[i].usable && first <= end)
			rc = uses_of_node(
			    c, i, treasury, first, end, out, &upto[i], e);
		given += upto[i] == last;
		if (upto[i] < out->upto)
			out->upto = upto[i];
	}
	out->is_given = given > 0;
	out->is_over = rpc_is_stopped(c->rpc);
	for (i = 0; i < rpc_count(c->rpc); i++)
		out->is_over |= c->scans_left[i] == 0;
	for (i = 0; rc == RC_OK && i < out->n; i++)
		if (!weigh(c, &out->all[i], upto))
			out->upto = first - 1;
	if (rc != RC_OK)
		history_free(out);
	return rc;
}

/* ---- Blocks by their time ---- */

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
	ok = nodes_read_block(&block, &call) && block.number == number;
	rpc_call_reset(&call);
	if (!ok)
		return err_set(e, RC_IO, "no block %s", text);
	*time_s = block.time_s;
	return RC_OK;
}

/* Block times rise with their numbers. */
static enum rc
block_before(struct nodes *c, size_t node, uint64_t time_s, uint64_t *number,
    struct err *e)
{
	uint64_t low = 0, high = c->nodes[node].latest.number, middle, t = 0;
	enum rc rc = RC_OK;

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

/* Those whose block times can't both be right. */
static void
times_dispute(struct nodes *c, const uint64_t *number, size_t highest)
{
	size_t i;

	for (i = 0; i < rpc_count(c->rpc); i++) {
		/* One that is behind may not have these blocks yet. */
		if (number[i] >= number[highest] ||
		    c->nodes[i].final.number <= number[i] ||
		    c->nodes[highest].final.number <= number[i])
			continue;
		nodes_fault(c, i, NODE_FAULT_DISPUTED,
		    "the time of its block %" PRIu64 " isn't that of %.60s's",
		    number[i] + 1, rpc_name(c->rpc, highest));
		nodes_fault(c, highest, NODE_FAULT_DISPUTED,
		    "the time of its block %" PRIu64 " isn't that of %.60s's",
		    number[i] + 1, rpc_name(c->rpc, i));
	}
}

enum rc
history_block_before(struct nodes *c, uint64_t time_s, uint64_t *lowest,
    uint64_t *highest, bool *whole, struct err *e)
{
	uint64_t number[RPC_NODES_MAX];
	struct err why = ERR_INIT;
	size_t i, top = 0, told = 0;

	*whole = true;
	nodes_view(c);
	for (i = 0; i < rpc_count(c->rpc); i++) {
		number[i] = UINT64_MAX; /* none */
		if (!c->nodes[i].usable) {
			*whole = false;
		} else if (block_before(c, i, time_s, &number[i], &why) !=
		    RC_OK) {
			*whole = false;
			number[i] = UINT64_MAX;
			nodes_fault(c, i, NODE_FAULT_LIMITS,
			    "it has not all blocks since the ledger began: %.150s",
			    why.msg);
		} else {
			if (told == 0 || number[i] < *lowest)
				*lowest = number[i];
			if (told == 0 || number[i] > *highest) {
				*highest = number[i];
				top = i;
			}
			told++;
		}
	}
	if (told == 0)
		return err_set(e, RC_IO, "no node of the chain answers%s%s",
		    why.msg[0] == '\0' ? "" : ": ", why.msg);
	times_dispute(c, number, top);
	return RC_OK;
}
