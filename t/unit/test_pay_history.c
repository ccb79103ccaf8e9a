/*
 * The treasury's payments as nodes with limits and inventions show them, which
 * are scripted in this process: every loop over their blocks ends, gets all
 * there is, and names the node that is in the way.
 */
#include "t/unit/scripted_nodes.h"

/* The newest final use of a node, of another amount. */
#define USE(amount) .block = 890, .nonce = 2, .value = (amount)

/* The history of blocks 1 to 900; how many uses are final. */
static size_t
finals_of(struct nodes *c, struct history *h)
{
	uint64_t final, latest;
	size_t i, n = 0;

	if (history_begin(c, &final, &latest, NULL) != RC_OK)
		die("no node answers");
	if (history_read(c, &treasury, 1, 900, h, NULL) != RC_OK)
		die("no history");
	for (i = 0; i < h->n; i++)
		n += h->all[i].is_final && h->all[i].use.value == VALUE &&
		    memcmp(&h->all[i].use.to, &worker, sizeof(worker)) == 0;
	return n;
}

static void
test_limits(void)
{
	static const struct {
		const char *what, *refusal;
		int status;
	} limits[] = {
		{ "a range error",
		    "\"code\":-32602,\"message\":\"up to a 5 block range\"",
		    0 },
		{ "another one",
		    "\"code\":-32005,\"message\":\"query returned more than 10000 results\"",
		    0 },
		{ "HTTP 413", NULL, 413 },
		{ "HTTP 504", NULL, 504 },
		{ "an empty answer", NULL, 200 },
	};
	struct history h;
	struct nodes *c;
	size_t i;

	for (i = 0; i < COUNT(limits); i++) {
		reset();
		script[0].span_max = 5;
		script[0].refusal = limits[i].refusal;
		script[0].refusal_status = limits[i].status;
		c = nodes_of(2);
		tap_ok(finals_of(c, &h) == 2 && h.upto == h.last,
		    "%s to more than 5 blocks: all is read in parts",
		    limits[i].what);
		tap_ok(script[0].log_calls < 400,
		    "in no more than twice the calls that it takes: %d",
		    script[0].log_calls);
		history_free(&h);
		nodes_free(c);
	}
	reset();
	script[0].span_max = 10;
	script[0].dense = 300;
	script[0].refusal_status = 504;
	c = nodes_of(1);
	tap_ok(finals_of(c, &h) == 2 && script[0].log_calls < 90,
	    "past a dense block the ranges grow again: %d calls",
	    script[0].log_calls);
	history_free(&h);
	nodes_free(c);
}

static void
test_rates(void)
{
	struct history h;
	struct nodes *c;

	reset();
	c = nodes_of(1);
	if (nodes_head(c, &(struct head){ .time_s = 0 }, NULL) != RC_OK)
		die("no head");
	script[0].busy = 2;
	if (history_read(c, &treasury, 1, 900, &h, NULL) != RC_OK)
		die("no history");
	tap_ok(h.n == 2 && script[0].log_calls == 1 && script[0].widest == 900,
	    "a limit of calls is waited for, and isn't one of ranges");
	history_free(&h);
	script[0].busy = RPC_TRIES;
	if (history_read(c, &treasury, 1, 900, &h, NULL) != RC_OK)
		die("no history");
	tap_ok(h.upto < h.last && script[0].log_calls == 1 &&
		has_fault(c, 0, NODE_FAULT_LIMITS),
	    "one that lasts ends the scan, and is told; ranges stay as they are");
	history_free(&h);
	nodes_free(c);
}

static void
test_budget(void)
{
	struct history h = { .n = 0 };
	uint64_t final, latest, first;
	struct nodes *c;

	reset();
	script[0].latest = 100000;
	script[0].span_max = 1;
	script[0].refusal_status = 504;
	c = nodes_of(1);
	if (history_begin(c, &final, &latest, NULL) != RC_OK)
		die("no head");
	for (first = 1; !h.is_over && first < latest; first += 1000) {
		history_free(&h);
		if (history_read(c, &treasury, first, first + 999, &h, NULL))
			die("no history");
	}
	tap_ok(h.is_over && h.upto < h.last && h.upto > h.last - 1000 &&
		script[0].log_calls == SCAN_MAX,
	    "a node that gives single blocks is asked so often in a run, and counts: %d",
	    script[0].log_calls);
	tap_ok(nodes_calls(c) == script[0].calls, "all calls are counted");
	history_free(&h);
	nodes_free(c);
}

static void
test_together(void)
{
	struct history h;
	struct nodes *c;

	reset();
	script[1].refusal_status = 404;
	script[1].broken = 500;
	c = nodes_of(2);
	tap_ok(finals_of(c, &h) < 2 && h.upto < h.last,
	    "one node that gives all isn't enough");
	tap_ok(has_fault(c, 1, NODE_FAULT_LIMITS) &&
		!has_fault(c, 0, NODE_FAULT_LIMITS),
	    "and the one that doesn't is named");
	history_free(&h);
	nodes_free(c);

	reset();
	script[1].flood = 2 * HISTORY_USES_MAX / 90;
	script[1].span_max = 10;
	script[1].refusal_status = 504;
	c = nodes_of(2);
	tap_ok(finals_of(c, &h) < 3 && h.upto > 100 && h.upto < h.last &&
		!h.is_over && has_fault(c, 1, NODE_FAULT_LIMITS),
	    "of a node that shows very many payments the first ones count, and it is named");
	history_free(&h);
	nodes_free(c);

	reset();
	script[1].uses[2] =
	    (struct scripted_use){ .block = 500, .nonce = 3, .value = VALUE };
	c = nodes_of(2);
	tap_ok(finals_of(c, &h) == 2 && h.n == 3 && h.upto < h.last,
	    "what one node invents isn't final, nor the range done");
	tap_ok(!h.all[h.n - 1].is_shared &&
		has_fault(c, 1, NODE_FAULT_DISPUTED) &&
		has_fault(c, 0, NODE_FAULT_DISPUTED),
	    "and is told of both, for either may lie");
	history_free(&h);
	nodes_free(c);

	reset();
	script[1].final = 880;
	c = nodes_of(2);
	tap_ok(finals_of(c, &h) == 1 && h.n == 2 && h.all[1].is_shared,
	    "nor above the final block of one of them");
	history_free(&h);
	nodes_free(c);
}

/*
 * Both show a use, and not the same one: in each of what it consists of they
 * differ in their turn.
 */
static void
test_same(void)
{
	static const struct address nobody, another = { { 0x55 } };
	static const struct {
		const char *what;
		struct scripted_use first, second;
	} all[] = {
		{ "another nonce", { USE(VALUE) },
		    { USE(VALUE), .other_nonce = 1 } },
		{ "another transaction", { USE(VALUE) },
		    { USE(VALUE), .other_tx = 1 } },
		{ "another block's hash", { USE(VALUE) },
		    { USE(VALUE), .other_hash = 1 } },
		{ "another block's number", { USE(VALUE) },
		    { USE(VALUE), .other_block = 1 } },
		{ "another payee", { USE(VALUE) },
		    { USE(VALUE), .payee = &another } },
		{ "another amount", { USE(VALUE) }, { USE(VALUE + 1) } },
		{ "nothing paid to nobody, and a cancellation",
		    { USE(0), .payee = &nobody },
		    { USE(0), .canceled = true } },
	};
	struct history h;
	struct nodes *c;
	size_t i;

	for (i = 0; i < COUNT(all); i++) {
		reset();
		script[0].uses[1] = all[i].first;
		script[1].uses[1] = all[i].second;
		c = nodes_of(2);
		tap_ok(finals_of(c, &h) == 1 && h.n == 3 &&
			!h.all[1].is_final && !h.all[2].is_final &&
			h.upto < h.last,
		    "of %s there is no agreement", all[i].what);
		history_free(&h);
		nodes_free(c);
	}
}

/* Final is what all of some nodes show, up to the block itself. */
static void
test_final(void)
{
	const uint64_t finals[] = { 10, 9 };
	struct history_shown s = { .use = { .block = 9 }, .nodes = 3 };

	tap_ok(history_is_final(&s, finals, 2), "what both show is final");
	tap_ok(!history_is_final(&s, finals, 0), "not what no node shows");
	s.use.block = 10;
	tap_ok(
	    !history_is_final(&s, finals, 2) && history_is_final(&s, finals, 1),
	    "nor above the final block of one of them");
	s.use.block = 9;
	s.nodes = 1;
	tap_ok(
	    !history_is_final(&s, finals, 2) && history_is_final(&s, finals, 1),
	    "nor what one of them alone shows");
	s.nodes = 2;
	tap_ok(!history_is_final(&s, finals, 2), "whichever it is");
}

int
main(void)
{
	nodes_begin();
	test_limits();
	test_rates();
	test_budget();
	test_together();
	test_same();
	test_final();
	server_stop(&server);
	return tap_done();
}
