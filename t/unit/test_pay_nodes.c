/*
 * Nodes with wrong clocks, other numbers and no answers, scripted in this
 * process: what of them counts, and that the one in the way is named.
 */
#include "t/unit/scripted_nodes.h"

static void
test_clocks(void)
{
	static const struct {
		int64_t ahead_s, at_s; /* of the newest block */
		enum node_fault_kind kind;
		bool is_usable;
	} clocks[] = {
		{ CLOCK_DIFFERENCE_MAX_S + 60, 0, NODE_FAULT_CLOCK, false },
		{ 0, INT64_MAX, NODE_FAULT_CLOCK, false },
		{ 0, INT64_C(4102444800), NODE_FAULT_CLOCK, false },
		{ 0, 1000000000, NODE_FAULT_CLOCK, false },
		{ -3600, 0, NODE_FAULT_STANDS, true },
	};
	struct head head;
	struct nodes *c;
	size_t i;

	for (i = 0; i < COUNT(clocks); i++) {
		reset();
		script[1].latest_s += clocks[i].ahead_s;
		script[1].final_s += clocks[i].ahead_s;
		if (clocks[i].at_s != 0)
			script[1].latest_s = clocks[i].at_s;
		c = nodes_of(2);
		tap_ok(nodes_head(c, &head, NULL) == RC_OK &&
			has_fault(c, 1, clocks[i].kind) &&
			!has_fault(c, 0, clocks[i].kind) &&
			c->nodes[1].usable == clocks[i].is_usable,
		    "a newest block of time %lld: \"%s\"",
		    (long long)script[1].latest_s,
		    node_fault_name(clocks[i].kind));
		tap_ok(nodes_check_clock(c, NULL) == RC_OK,
		    "and the other node's clock is enough to sign");
		nodes_free(c);
	}
	reset();
	script[0].latest_s -= 3600;
	script[0].final_s -= 3600;
	c = nodes_of(1);
	tap_ok(nodes_head(c, &head, NULL) == RC_OK &&
		nodes_check_clock(c, NULL) == RC_INVALID,
	    "with none that is near ours nothing is signed");
	nodes_free(c);
}

/* The two nodes differ in each number and time, whichever is the first. */
static void
test_heads(void)
{
	struct head head;
	struct nodes *c;
	int64_t now_s;
	size_t i;

	for (i = 0; i < 2; i++) {
		reset();
		now_s = script[0].latest_s;
		script[i].latest_s = now_s - 50;
		script[i].final_s = now_s - 200;
		script[i].final = 890;
		script[1 - i].latest_s = now_s - 10;
		script[1 - i].final_s = now_s - 300;
		script[1 - i].latest = 990;
		c = nodes_of(2);
		tap_ok(nodes_head(c, &head, NULL) == RC_OK &&
			head.latest.number == 990 && head.final.number == 890,
		    "of two nodes the lower numbers count");
		tap_ok((int64_t)head.latest.time_s == now_s - 50 &&
			(int64_t)head.final.time_s == now_s - 300,
		    "and the older times, whatever block they are of");
		tap_ok(head.time_s == now_s - 10,
		    "but the chain's time is that of the newest block");
		nodes_free(c);
	}
}

static void
test_inspect(void)
{
	struct outlook o;
	struct nodes *c = nodes_of(2);
	size_t i;

	for (i = 0; i < 2; i++) {
		reset();
		script[i].balance = 90;
		tap_ok(nodes_inspect(c, &treasury, &o, NULL) == RC_OK &&
			o.balance == 90,
		    "the treasury has what the lower node says");
	}
	nodes_free(c);
}

static struct judged_case
case_of(uint8_t nonce)
{
	struct judged_case which = { .authorization = { .from = treasury,
					 .to = worker,
					 .value = VALUE,
					 .valid_before = INT64_MAX },
		.from_block = 800 };

	memset(which.authorization.nonce, nonce, 32);
	return which;
}

static void
test_judging(void)
{
	struct judged_case which = case_of(2);
	struct judgment j;
	struct nodes *c;

	reset();
	script[0].span_max = 5;
	script[0].refusal_status = 504;
	script[0].huge_receipts = true;
	c = nodes_of(2);
	which.has_hint = true;
	memset(which.hint, 2, sizeof(which.hint));
	nodes_judge_all(c, &which, 1, &j);
	tap_ok(j.verdict == VERDICT_PAID && j.is_final && j.as_asked,
	    "a payment in a receipt that is too large is found by its events");
	tap_ok(script[0].receipt_calls == 1 && script[0].log_calls < 80,
	    "in %d calls for events", script[0].log_calls);
	nodes_free(c);

	reset();
	which = case_of(9);
	which.authorization.valid_before = (uint64_t)script[0].final_s - 1;
	c = nodes_of(2);
	nodes_judge_all(c, &which, 1, &j);
	tap_ok(j.verdict == VERDICT_EXPIRED_UNUSED && j.is_final,
	    "unused in a final block past its end: expired");
	script[1].other_hash = true;
	nodes_judge_all(c, &which, 1, &j);
	tap_ok(j.verdict == VERDICT_UNKNOWN,
	    "not when that block's number leads to another hash");
	nodes_free(c);
}

/* How often the first node was called since the last look. */
static int
calls_take(void)
{
	int n;

	(void)pthread_mutex_lock(&lock);
	n = script[0].calls;
	script[0].calls = 0;
	(void)pthread_mutex_unlock(&lock);
	return n;
}

static void
test_stop(void)
{
	struct judged_case which = case_of(2);
	struct judgment j;
	struct nodes *c;
	int fds[2];

	reset();
	script[0].silent = true;
	c = nodes_of(1);
	if (pipe(fds) != 0 || write(fds[1], "", 1) != 1)
		die("no pipe");
	nodes_stop_at(c, fds[0]);
	nodes_judge_all(c, &which, 1, &j); /* would take 15 s a call, a try */
	(void)sleep(1); /* what ends calls may be some ms ahead of the stop */
	tap_ok(j.verdict == VERDICT_UNKNOWN && rpc_is_stopped(c->rpc),
	    "a stop ends what waits for a silent node");
	(void)calls_take();
	nodes_judge_all(c, &which, 1, &j);
	tap_ok(calls_take() == 0, "and then nothing more is asked");
	nodes_free(c);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int
main(void)
{
	nodes_begin();
	test_clocks();
	test_heads();
	test_inspect();
	test_judging();
	test_stop();
	server_stop(&server);
	return tap_done();
}
