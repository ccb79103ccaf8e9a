/*
 * Nodes whose blocks can't be of one chain, scripted in this process: other
 * numbers at the same time, other times of the same numbers. Each that may be
 * wrong is named, with both words, and none is left out for it.
 */
#include "base/clock.h"
#include "evm/history.h"
#include "evm/inspect.h"
#include "evm/judge.h"
#include "evm/nodes_room.h"
#include "t/unit/http_server.h"
#include "t/unit/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NODES	 3
#define BLOCK_S	 2
#define LATEST	 100000
#define FINAL	 (LATEST - 600)
#define MOST	 (STANDS_AFTER_S / BLOCK_S) /* blocks */

/* One node, at the path /0 to /2: how it differs from what is. */
struct scripted_node {
	int64_t latest, final; /* numbers */
	int64_t latest_s;      /* time of the newest block */
	/* From this block on times are so many seconds off; 0: none are. */
	uint64_t off_from;
	int64_t off_s;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scripted_node script[NODES]; /* guarded by lock */
static int64_t newest_s;		   /* the chain's time; so, too */
static struct server server;
static struct network base;

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- What a node answers ---- */

static void
put_block(
    char *out, size_t size, const struct scripted_node *n, const char *body)
{
	bool final = strstr(body, "finalized") != NULL;
	int64_t number = LATEST, time_s;
	const char *p = strstr(body, "[\"0x");

	if (final)
		number = FINAL;
	if (p != NULL)
		number = strtoll(p + 2, NULL, 16);
	time_s = newest_s - (LATEST - number) * BLOCK_S;
	if (p == NULL) {
		number += final ? n->final : n->latest;
		time_s += final ? 0 : n->latest_s;
	} else if (n->off_from > 0 && (uint64_t)number >= n->off_from) {
		time_s += n->off_s;
	}
	(void)snprintf(out, size,
	    "{\"number\":\"0x%llx\",\"timestamp\":\"0x%llx\",\"hash\":\"0x%064llx\"}",
	    (unsigned long long)number, (unsigned long long)time_s,
	    (unsigned long long)number);
}

static bool
hook(int fd, const char *path, const char *body)
{
	char result[300] = "\"0x2105\"", text[400];
	const char *p = strstr(body, "\"id\":");

	if (path[1] < '0' || path[1] >= '0' + NODES || p == NULL)
		return false;
	(void)pthread_mutex_lock(&lock);
	if (strstr(body, "eth_getBlockByNumber") != NULL)
		put_block(result, sizeof(result), &script[path[1] - '0'], body);
	(void)pthread_mutex_unlock(&lock);
	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":%s}",
	    strtol(p + 5, NULL, 10), result);
	server_status(fd, 200, "", text);
	return true;
}

/* ---- Asking ---- */

static struct nodes *
nodes_of(size_t n)
{
	char urls[200] = "";
	struct nodes *c;
	size_t i, len = 0;

	for (i = 0; i < n; i++)
		len += (size_t)snprintf(urls + len, sizeof(urls) - len,
		    "http://127.0.0.1:%d/%zu ", server.port, i);
	urls[len - 1] = '\0';
	if (nodes_new(&c, urls, &base, "finalized", NULL) != RC_OK)
		die("no nodes");
	return c;
}

static void
reset(void)
{
	memset(script, 0, sizeof(script));
	newest_s = clock_unix_ms() / 1000;
}

/* Which nodes have a fault of this kind, and no other kind: "x x". */
static const char *
named(const struct nodes *c, enum node_fault_kind kind)
{
	static char out[RPC_NODES_MAX + 1];
	struct node_fault all[NODE_FAULTS_MAX];
	size_t i, n = nodes_faults(c, all), count = nodes_count(c);

	for (i = 0; i < count; i++)
		out[i] = c->faults[i][kind][0] != '\0' ? 'x' : ' ';
	out[count] = '\0';
	for (i = 0; i < n; i++)
		if (all[i].kind != kind)
			return "another kind of fault";
	return out;
}

/* ---- Numbers ---- */

static void
test_numbers(void)
{
	static const struct {
		const char *what;
		size_t nodes;
		struct scripted_node script[NODES];
		const char *named;
	} cases[] = {
		{ "all alike", 3, { { .latest = 0 } }, "   " },
		{ "one of three as far below as a node may lag", 3,
		    { { .latest = 0 }, { .latest = -MOST } }, "   " },
		{ "one block more", 3,
		    { { .latest = 0 }, { .latest = -MOST - 1 } }, " x " },
		{ "one of three that far above", 3,
		    { { .latest = 0 }, { .latest = 0 },
			{ .latest = MOST + 1 } },
		    "  x" },
		{ "one of two below", 2, { { .latest = -MOST - 1 } }, "xx" },
		{ "one of two above", 2, { { .latest = MOST + 1 } }, "xx" },
		{ "three that all differ", 3,
		    { { .latest = -MOST - 1 }, { .latest = 0 },
			{ .latest = MOST + 1 } },
		    "xxx" },
		{ "a final block of another number", 3,
		    { { .final = -MOST - 1 } }, "x  " },
		{ "below, and of an older time", 3,
		    { { .latest = -MOST - 1, .latest_s = -400 },
			{ .latest_s = 250 }, { .latest_s = 250 } },
		    "   " },
	};
	struct head head;
	struct nodes *c;
	size_t i, k;

	for (i = 0; i < COUNT(cases); i++) {
		reset();
		memcpy(script, cases[i].script, sizeof(script));
		c = nodes_of(cases[i].nodes);
		if (nodes_head(c, &head, NULL) != RC_OK)
			die("no head");
		tap_ok(strcmp(named(c, NODE_FAULT_NUMBER), cases[i].named) == 0,
		    "%s: named are \"%s\"", cases[i].what,
		    named(c, NODE_FAULT_NUMBER));
		for (k = 0; k < cases[i].nodes && c->nodes[k].usable; k++)
			continue;
		tap_ok(k == cases[i].nodes, "and each is asked all the same");
		nodes_free(c);
	}
	reset();
	script[0].latest = -MOST - 1;
	c = nodes_of(2);
	if (nodes_head(c, &head, NULL) != RC_OK)
		die("no head");
	tap_ok(strstr(c->faults[1][NODE_FAULT_NUMBER],
		   "newest block is 100000, and ") != NULL &&
		strstr(c->faults[1][NODE_FAULT_NUMBER], "99699") != NULL,
	    "both numbers are told: %s", c->faults[1][NODE_FAULT_NUMBER]);
	nodes_free(c);
}

/* ---- Times ---- */

static void
test_times(void)
{
	static const struct {
		const char *what;
		size_t nodes;
		struct scripted_node script[NODES];
		const char *named;
		int64_t number; /* of the block whose time is asked for */
		uint64_t lowest, highest;
	} cases[] = {
		{ "all alike", 2, { { .latest = 0 } }, "  ", 50001, 50000,
		    50000 },
		{ "one of two whose times are 100 s earlier", 2,
		    { { .off_from = 1, .off_s = -100 } }, "xx", 50001, 50000,
		    50050 },
		{ "one of two whose times are 100 s later", 2,
		    { { .latest = 0 }, { .off_from = 1, .off_s = 100 } }, "xx",
		    50001, 49950, 50000 },
		{ "one that is behind, and hasn't the block yet", 2,
		    { { .latest = -351, .final = -40, .latest_s = -400 },
			{ .final = 250, .latest_s = 250 } },
		    "  ", LATEST - 5, LATEST - 351, LATEST - 6 },
	};
	uint64_t lowest, highest;
	struct nodes *c;
	bool whole;
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		reset();
		memcpy(script, cases[i].script, sizeof(script));
		c = nodes_of(cases[i].nodes);
		if (history_block_before(c,
			(uint64_t)(newest_s -
			    (LATEST - cases[i].number) * BLOCK_S),
			&lowest, &highest, &whole, NULL) != RC_OK)
			die("no block");
		tap_ok(lowest == cases[i].lowest &&
			highest == cases[i].highest && whole,
		    "%s: the block before is from %llu to %llu", cases[i].what,
		    (unsigned long long)lowest, (unsigned long long)highest);
		tap_ok(
		    strcmp(named(c, NODE_FAULT_DISPUTED), cases[i].named) == 0,
		    "and named are \"%s\"", named(c, NODE_FAULT_DISPUTED));
		nodes_free(c);
	}
}

int
main(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		die("no network");
	server_hook = hook;
	server_start(&server);
	test_numbers();
	test_times();
	server_stop(&server);
	return tap_done();
}
