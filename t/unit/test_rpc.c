/*
 * JSON-RPC without a network: which answers are none and what to do about
 * them, and which URLs are one node, or one host.
 */
#include "evm/nodes.h"
#include "evm/rpc.h"
#include "t/unit/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct network base;

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- Answers ---- */

static enum rpc_cause
cause_of(int status, const char *body)
{
	struct rpc_call c = { .node = 0 };
	enum rpc_cause cause;

	rpc_answer_read(&c, 7, status, slice_of(body));
	cause = c.cause;
	tap_ok(c.outcome != RPC_RESULT, "HTTP %d and \"%s\" are no result",
	    status, body);
	rpc_call_reset(&c);
	return cause;
}

#define ERROR(code, text)                                         \
	"{\"jsonrpc\":\"2.0\",\"id\":7,\"error\":{\"code\":" code \
	",\"message\":\"" text "\"}}"

static void
test_answers(void)
{
	static const struct {
		int status;
		const char *body;
		enum rpc_cause cause;
	} causes[] = {
		{ 200, "", RPC_CAUSE_TOO_MUCH },
		{ 413, "too large", RPC_CAUSE_TOO_MUCH },
		{ 503, "<html>", RPC_CAUSE_TOO_MUCH },
		{ 504, "", RPC_CAUSE_TOO_MUCH },
		{ 429, "", RPC_CAUSE_BUSY },
		{ 200,
		    ERROR("-32005", "query returned more than 10000 results"),
		    RPC_CAUSE_TOO_MUCH },
		{ 200, ERROR("-32005", "limit exceeded"), RPC_CAUSE_BUSY },
		{ 429,
		    ERROR("-32005",
			"daily request count exceeded, request rate limited"),
		    RPC_CAUSE_BUSY },
		{ 200, ERROR("-32007", "15/second request limit reached"),
		    RPC_CAUSE_BUSY },
		{ 200, ERROR("-32029", "Too Many Requests"), RPC_CAUSE_BUSY },
		{ 200,
		    ERROR("429",
			"Your app has exceeded its compute units per second capacity"),
		    RPC_CAUSE_BUSY },
		{ 200,
		    ERROR("-32602",
			"Log response size exceeded. Up to a 5 block range"),
		    RPC_CAUSE_TOO_MUCH },
		{ 200,
		    ERROR("-32614", "eth_getLogs is limited to a 10,000 range"),
		    RPC_CAUSE_TOO_MUCH },
		{ 200, ERROR("-32601", "the method does not exist"),
		    RPC_CAUSE_OTHER },
		{ 200, "{\"jsonrpc\":\"2.0\",\"id\":8,\"result\":\"0x1\"}",
		    RPC_CAUSE_OTHER },
		{ 200, "{\"jsonrpc\":\"2.0\",\"result\":\"0x1\"}",
		    RPC_CAUSE_OTHER },
	};
	struct rpc_call c = { .node = 0 };
	size_t i;

	for (i = 0; i < COUNT(causes); i++)
		tap_ok(cause_of(causes[i].status, causes[i].body) ==
			causes[i].cause,
		    "and what to do about it is known");
	rpc_answer_read(&c, 7, 200,
	    slice_of("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":\"0x1\"}"));
	tap_ok(c.outcome == RPC_RESULT, "an answer to this very call is one");
	rpc_call_reset(&c);
}

/* ---- Hosts ---- */

static void
test_hosts(void)
{
	static const struct {
		const char *urls;
		size_t count, hosts; /* 0: refused */
	} lists[] = {
		{ "https://n", 1, 1 },
		{ "https://n https://n/", 0, 0 },
		{ "https://n https://N./", 0, 0 },
		{ "https://n https://n:443", 0, 0 },
		{ "http://n:80/ http://n", 0, 0 },
		{ "https://n https://n:8545", 2, 1 },
		{ "https://n/a https://n/b", 2, 1 },
		{ "https://n/a https://n.:8/a", 2, 1 },
		{ "https://n https://m", 2, 2 },
		{ "http://[::1]:1 http://[::1]:2", 2, 1 },
		{ "http://[::1]:1 http://[::2]:1", 2, 2 },
		{ "https://n/a https://m/a https://n/b", 3, 2 },
	};
	struct network sepolia;
	struct nodes *c = NULL;
	struct rpc *r;
	size_t i;

	for (i = 0; i < COUNT(lists); i++) {
		if (rpc_new(&r, lists[i].urls, NULL) != RC_OK) {
			tap_ok(
			    lists[i].count == 0, "%s: refused", lists[i].urls);
			continue;
		}
		tap_ok(rpc_count(r) == lists[i].count &&
			rpc_hosts(r) == lists[i].hosts,
		    "%s: %zu nodes of %zu hosts", lists[i].urls, lists[i].count,
		    lists[i].hosts);
		rpc_free(r);
	}
	if (network_by_name(&sepolia, "base-sepolia", NULL) != RC_OK ||
	    nodes_new(&c, "https://n https://n:1", &base, "safe", NULL) !=
		RC_OK)
		die("no nodes");
	tap_ok(nodes_check_hosts(c, false, NULL) == RC_INVALID,
	    "on base one host alone isn't enough");
	tap_ok(nodes_check_hosts(c, true, NULL) == RC_OK,
	    "unless that is accepted");
	nodes_free(c);
	if (nodes_new(&c, "https://n", &sepolia, "safe", NULL) != RC_OK)
		die("no nodes");
	tap_ok(nodes_check_hosts(c, false, NULL) == RC_OK,
	    "on a test network it is");
	nodes_free(c);
	if (nodes_new(&c, "https://n https://m", &base, "safe", NULL) != RC_OK)
		die("no nodes");
	tap_ok(nodes_check_hosts(c, false, NULL) == RC_OK,
	    "and so are two hosts anywhere");
	nodes_free(c);
}

int
main(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		die("no network");
	test_answers();
	test_hosts();
	return tap_done();
}
