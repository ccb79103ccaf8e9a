/*
 * Nodes with limits, wrong clocks and inventions, scripted in this process:
 * every loop over their blocks ends, gets all there is, and names the node
 * that is in the way.
 */
#include "base/clock.h"
#include "eth/hex.h"
#include "evm/history.h"
#include "evm/inspect.h"
#include "evm/judge.h"
#include "evm/nodes_room.h"
#include "t/unit/http_server.h"
#include "t/unit/tap.h"

#define COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define USES_MAX  4
#define VALUE	  10000
#define HUGE_SIZE (RPC_BODY_MAX + 1000)

struct scripted_use {
	uint64_t block; /* 0: none */
	uint8_t nonce;	/* each of its bytes; the transaction's, too */
	uint64_t value;
};

/* One node, at the path /0 or /1. Guarded by the lock of the server's test. */
struct scripted_node {
	uint64_t latest, final;
	int64_t latest_s, final_s;
	uint64_t balance;
	uint64_t span_max;   /* blocks of a range; 0: no limit */
	uint64_t dense;	     /* a block around which only 10 may be asked */
	uint64_t broken;     /* a block that no answer may have in it */
	const char *refusal; /* a JSON-RPC error's members */
	int refusal_status;  /* or HTTP, with an empty body */
	int busy;	     /* so many calls get an error of too many calls */
	bool other_hash;     /* a block's number leads to another hash */
	size_t flood;	     /* so many logs more in each answer */
	bool huge_receipts;
	bool silent;
	struct scripted_use uses[USES_MAX];
	int calls, log_calls, receipt_calls;
	uint64_t widest; /* range that was asked for */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scripted_node script[2]; /* guarded by lock */
static struct server server;
static struct network base;
static const struct address treasury = { { 0x11, 0x22 } };
static const struct address worker = { { 0x33, 0x44 } };

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

/* ---- What a node answers ---- */

static void
word_of_number(char out[static 67], uint64_t n)
{
	(void)snprintf(out, 67, "0x%064llx", (unsigned long long)n);
}

static void
word_of_byte(char out[static 67], uint8_t b)
{
	int i;

	(void)snprintf(out, 67, "0x");
	for (i = 0; i < 32; i++)
		(void)snprintf(out + 2 + 2 * i, 3, "%02x", b);
}

static void
word_of_address(char out[static 67], const struct address *a)
{
	char text[ADDRESS_LEN + 1];

	address_format(text, a, ADDRESS_LOWER);
	(void)snprintf(out, 67, "0x%024d%s", 0, text + 2);
}

/* A block's hash is its number, but for a node that says otherwise. */
static void
put_block(
    char *out, size_t size, const struct scripted_node *n, const char *body)
{
	uint64_t number = n->latest;
	int64_t time_s = n->latest_s;
	char hash[67];
	const char *p = strstr(body, "[\"0x");

	if (strstr(body, "finalized") != NULL)
		number = n->final;
	if (p != NULL)
		number = strtoull(p + 2, NULL, 16);
	if (number <= n->final)
		time_s = n->final_s;
	word_of_number(hash, number + (p != NULL && n->other_hash));
	(void)snprintf(out, size,
	    "{\"number\":\"0x%llx\",\"timestamp\":\"0x%llx\",\"hash\":\"%s\"}",
	    (unsigned long long)number, (unsigned long long)time_s, hash);
}

static size_t
put_log(char *out, size_t size, const struct scripted_use *u, bool transfer)
{
	char token[ADDRESS_LEN + 1], topic[67], from[67], third[67];
	char tx[67], hash[67], data[67] = "0x";

	address_format(token, &base.token, ADDRESS_LOWER);
	hex_encode(
	    topic, transfer ? topic_transfer : topic_authorization_used, 32);
	word_of_address(from, &treasury);
	word_of_byte(tx, u->nonce);
	word_of_number(hash, u->block);
	if (transfer) {
		word_of_address(third, &worker);
		word_of_number(data, u->value);
	} else {
		word_of_byte(third, u->nonce);
	}
	return (size_t)snprintf(out, size,
	    "%s{\"address\":\"%s\",\"topics\":[\"%s\",\"%s\",\"%s\"],\"data\":\"%s\",\"logIndex\":\"0x%x\",\"transactionHash\":\"%s\",\"blockHash\":\"%s\",\"blockNumber\":\"0x%llx\",\"removed\":false}",
	    out[-1] == '[' ? "" : ",", token, topic, from, third, data,
	    transfer ? 8U : 7U, tx, hash, (unsigned long long)u->block);
}

static uint64_t
number_after(const char *body, const char *key, uint64_t otherwise)
{
	const char *p = strstr(body, key);

	if (p == NULL || strncmp(p + strlen(key), "\"0x", 3) != 0)
		return otherwise;
	return strtoull(p + strlen(key) + 1, NULL, 16);
}

/* False: the range is refused. */
static bool
put_logs(char *out, size_t size, struct scripted_node *n, const char *body)
{
	char used[67], transfer[67], hash[67];
	uint64_t from = number_after(body, "\"fromBlock\":", 0);
	uint64_t to = number_after(body, "\"toBlock\":", n->latest);
	bool by_hash = strstr(body, "blockHash") != NULL;
	const struct scripted_use *u;
	size_t i, len = 1;

	n->log_calls++;
	if (!by_hash && to - from + 1 > n->widest)
		n->widest = to - from + 1;
	if (!by_hash && n->span_max > 0 && to - from >= n->span_max &&
	    (n->dense == 0 || (from <= n->dense && n->dense <= to)))
		return false;
	if (n->broken != 0 && from <= n->broken && n->broken <= to)
		return false;
	hex_encode(used, topic_authorization_used, 32);
	hex_encode(transfer, topic_transfer, 32);
	(void)snprintf(out, size, "[");
	for (i = 0; i < USES_MAX; i++) {
		u = &n->uses[i];
		word_of_number(hash, u->block);
		if (u->block == 0 ||
		    (by_hash ? strstr(body, hash) == NULL
			     : u->block < from || u->block > to))
			continue;
		if (strstr(body, used) != NULL)
			len += put_log(out + len, size - len, u, false);
		if (strstr(body, transfer) != NULL)
			len += put_log(out + len, size - len, u, true);
	}
	for (i = 0; i < n->flood && len + 4 < size; i++)
		len += (size_t)snprintf(
		    out + len, size - len, "%s{}", len > 1 ? "," : "");
	(void)snprintf(out + len, size - len, "]");
	return true;
}

static void
put_call(
    char *out, size_t size, const struct scripted_node *n, const char *body)
{
	struct eip712_domain domain = network_domain(&base);
	uint8_t separator[KECCAK256_LEN];
	char word[67];
	size_t i;

	word_of_number(word, 0);
	if (strstr(body, "0x3644e515") != NULL) {
		eip712_domain_separator(separator, &domain);
		hex_encode(word, separator, sizeof(separator));
	} else if (strstr(body, "0x70a08231") != NULL) {
		word_of_number(word, n->balance);
	} else if (strstr(body, "0xe94a0102") != NULL) {
		for (i = 0; i < USES_MAX; i++) {
			char nonce[67];

			word_of_byte(nonce, n->uses[i].nonce);
			if (n->uses[i].block != 0 &&
			    strstr(body, nonce + 2) != NULL)
				word_of_number(word, 1);
		}
	} else if (strstr(body, "0x06fdde03") != NULL) {
		(void)snprintf(
		    out, size, "\"0x%064x%064x%s%056d\"", 32, 4, "55534443", 0);
		return;
	}
	(void)snprintf(out, size, "\"%s\"", word);
}

static void
refuse(int fd, const struct scripted_node *n, long id)
{
	char text[400];

	if (n->refusal == NULL) {
		server_status(fd, n->refusal_status, "", "");
		return;
	}
	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{%s}}", id, n->refusal);
	server_status(fd, 200, "", text);
}

/* A receipt is never needed here: it is there to be too large. */
static bool
answer(int fd, struct scripted_node *n, const char *body)
{
	static char result[100000], text[100200];
	const char *p = strstr(body, "\"id\":");
	long id = p == NULL ? 0 : strtol(p + 5, NULL, 10);

	n->calls++;
	if (n->silent)
		return true;
	if (n->busy > 0) {
		n->busy--;
		(void)snprintf(text, sizeof(text),
		    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"error\":{\"code\":-32007,\"message\":\"15/second request limit reached\"}}",
		    id);
		server_status(fd, 200, "", text);
		return true;
	}
	(void)snprintf(result, sizeof(result), "null");
	if (strstr(body, "eth_chainId") != NULL)
		(void)snprintf(result, sizeof(result), "\"0x2105\"");
	else if (strstr(body, "eth_getBlockByNumber") != NULL)
		put_block(result, sizeof(result), n, body);
	else if (strstr(body, "eth_getCode") != NULL)
		(void)snprintf(result, sizeof(result), "\"0x\"");
	else if (strstr(body, "eth_call") != NULL)
		put_call(result, sizeof(result), n, body);
	else if (strstr(body, "eth_getTransactionReceipt") != NULL)
		n->receipt_calls++;
	if (n->receipt_calls > 0 && n->huge_receipts &&
	    strstr(body, "eth_getTransactionReceipt") != NULL) {
		server_big(fd, HUGE_SIZE);
		return true;
	}
	if (strstr(body, "eth_getLogs") != NULL &&
	    !put_logs(result, sizeof(result), n, body)) {
		refuse(fd, n, id);
		return true;
	}
	(void)snprintf(text, sizeof(text),
	    "{\"jsonrpc\":\"2.0\",\"id\":%ld,\"result\":%s}", id, result);
	server_status(fd, 200, "", text);
	return true;
}

static bool
hook(int fd, const char *path, const char *body)
{
	bool known = strcmp(path, "/0") == 0 || strcmp(path, "/1") == 0;

	(void)pthread_mutex_lock(&lock);
	if (known)
		(void)answer(fd, &script[path[1] - '0'], body);
	(void)pthread_mutex_unlock(&lock);
	return known;
}

/* ---- Asking ---- */

static struct nodes *
nodes_of(size_t n)
{
	char urls[200];
	struct nodes *c;

	(void)snprintf(urls, sizeof(urls),
	    "http://127.0.0.1:%d/0 http://127.0.0.1:%d/1", server.port,
	    server.port);
	if (n == 1)
		*strchr(urls, ' ') = '\0';
	if (nodes_new(&c, urls, &base, "finalized", NULL) != RC_OK)
		die("no nodes");
	return c;
}

/* Both nodes are well: 1,000 blocks, the newest of now, two uses. */
static void
reset(void)
{
	int64_t now_s = clock_unix_ms() / 1000;
	size_t i;

	memset(script, 0, sizeof(script));
	for (i = 0; i < 2; i++)
		script[i] = (struct scripted_node){ .latest = 1000,
			.final = 900,
			.latest_s = now_s,
			.final_s = now_s - 200,
			.balance = 100,
			.uses = { { 10, 1, VALUE }, { 890, 2, VALUE } } };
}

static bool
has_fault(const struct nodes *c, size_t node, enum node_fault_kind kind)
{
	struct node_fault all[NODE_FAULTS_MAX];
	size_t i, n = nodes_faults(c, all);

	for (i = 0; i < n; i++)
		if (all[i].kind == kind &&
		    strcmp(all[i].node, rpc_name(c->rpc, node)) == 0 &&
		    all[i].words == c->faults[node][kind])
			return true;
	return false;
}

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
	script[1].uses[2] = (struct scripted_use){ 500, 3, VALUE };
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
	script[1].uses[1].value++;
	c = nodes_of(2);
	tap_ok(finals_of(c, &h) == 1 && h.n == 3,
	    "of another amount there is no agreement");
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
	script[0].calls = 0;
	nodes_judge_all(c, &which, 1, &j);
	tap_ok(script[0].calls == 0, "and then nothing more is asked");
	nodes_free(c);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int
main(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		die("no network");
	server_hook = hook;
	server_start(&server);
	test_limits();
	test_rates();
	test_budget();
	test_together();
	test_clocks();
	test_heads();
	test_inspect();
	test_judging();
	test_stop();
	server_stop(&server);
	return tap_done();
}
