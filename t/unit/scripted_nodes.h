/*
 * Two nodes, scripted in the test's own process: limits, wrong clocks and
 * inventions. One thread asks them.
 */
#ifndef WORKNET_T_SCRIPTED_NODES_H
#define WORKNET_T_SCRIPTED_NODES_H

#include "base/clock.h"
#include "eth/eip712.h"
#include "eth/hex.h"
#include "eth/nonce.h"
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
	const struct address *payee; /* NULL: the worker */
	/* Added to what a use of these would have. */
	uint8_t other_nonce, other_tx, other_hash, other_block;
	bool canceled;
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
	hex_encode(topic,
	    transfer	      ? topic_transfer
		: u->canceled ? topic_authorization_canceled
			      : topic_authorization_used,
	    32);
	word_of_address(from, &treasury);
	word_of_byte(tx, (uint8_t)(u->nonce + u->other_tx));
	word_of_number(hash, u->block + u->other_hash);
	if (transfer) {
		word_of_address(third, u->payee == NULL ? &worker : u->payee);
		word_of_number(data, u->value);
	} else {
		word_of_byte(third, (uint8_t)(u->nonce + u->other_nonce));
	}
	return (size_t)snprintf(out, size,
	    "%s{\"address\":\"%s\",\"topics\":[\"%s\",\"%s\",\"%s\"],\"data\":\"%s\",\"logIndex\":\"0x%x\",\"transactionHash\":\"%s\",\"blockHash\":\"%s\",\"blockNumber\":\"0x%llx\",\"removed\":false}",
	    out[-1] == '[' ? "" : ",", token, topic, from, third, data,
	    transfer ? 8U : 7U, tx, hash,
	    (unsigned long long)(u->block + u->other_block));
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
		if (strstr(body, transfer) != NULL && !u->canceled)
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
			.uses = { { .block = 10, .nonce = 1, .value = VALUE },
			    { .block = 890, .nonce = 2, .value = VALUE } } };
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

static void
nodes_begin(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		die("no network");
	server_hook = hook;
	server_start(&server);
}

#endif
