/*
 * What nodes say, without a network: values, receipts and logs, good and
 * hostile, and how several nodes' answers make a verdict. parts.t has the
 * way through real and lying servers.
 */
#include <ctype.h>

#include "eth/hex.h"
#include "eth/nonce.h"
#include "evm/rpc.h"
#include "evm/verdict.h"
#include "t/unit/tap.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The parts of a receipt of which each is spoilt below. */
#define TOKEN "0x833589fcd6edb6e08f4c7c32d4f71b54bda02913"
#define FROM                         \
	"0x000000000000000000000000" \
	"2c7536e3605d9c16a7a3d7b1898e529396a65c23"
#define TO                           \
	"0x000000000000000000000000" \
	"209693bc6afc0c5328ba36faf03c514ef312287c"
#define NONCE                                \
	"0xf3746613c2d920b5fdabc0856f2aeb2d" \
	"4f88ee6037b8cc5d04a71a4462f13480"
#define TX                                   \
	"0x11111111111111111111111111111111" \
	"11111111111111111111111111111111"
#define BLOCK                                \
	"0x22222222222222222222222222222222" \
	"22222222222222222222222222222222"
#define USED                                 \
	"0x98de503528ee59b575ef0c0a2576a824" \
	"97bfc029a5685b209e9ec333479b10a5"
#define CANCELED                             \
	"0x1cdd46ff242716cdaa72d159d339a485" \
	"b3438398348d68f09d7c8c0a59353d81"
#define TRANSFER                             \
	"0xddf252ad1be2c89b69c2b068fc378daa" \
	"952ba7f163c4a11628f55a4df523b3ef"
#define VALUE                                \
	"0x00000000000000000000000000000000" \
	"00000000000000000000000000002710"

#define LOG(index, topics, data)                                              \
	"{\"address\":\"" TOKEN "\",\"topics\":[" topics "],\"data\":\"" data \
	"\",\"logIndex\":\"" index "\","                                      \
	"\"transactionHash\":\"" TX "\",\"blockHash\":\"" BLOCK               \
	"\",\"blockNumber\":\"0x10\",\"removed\":false}"
#define LOG_USED LOG("0x7", "\"" USED "\",\"" FROM "\",\"" NONCE "\"", "0x")
#define LOG_TRANSFER \
	LOG("0x8", "\"" TRANSFER "\",\"" FROM "\",\"" TO "\"", VALUE)
#define LOG_CANCELED \
	LOG("0x7", "\"" CANCELED "\",\"" FROM "\",\"" NONCE "\"", "0x")
#define RECEIPT(logs)                                                          \
	"{\"transactionHash\":\"" TX "\",\"status\":\"0x1\","                  \
	"\"blockNumber\":\"0x10\",\"blockHash\":\"" BLOCK "\",\"logs\":[" logs \
	"]}"

static struct network base;
static struct transfer_authorization payment;
static uint8_t tx[TX_HASH_LEN];

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

static void
hex_of(uint8_t *out, size_t len, const char *text)
{
	if (hex_decode(out, len, slice_of(text), NULL) != RC_OK)
		die(text);
}

/* A call that was answered with this result. */
static void
answered(struct rpc_call *c, const char *result)
{
	memset(c, 0, sizeof(*c));
	if (json_read(&c->document, slice_of(result), NULL) != RC_OK)
		die(result);
	c->result = c->document;
	c->outcome = RPC_RESULT;
}

/* ---- Values ---- */

static void
test_quantities(void)
{
	static const struct {
		const char *text;
		uint64_t n;
	} good[] = {
		{ "\"0x0\"", 0 },
		{ "\"0x1\"", 1 },
		{ "\"0xaB\"", 171 },
		{ "\"0x41\"", 65 },
		{ "\"0xffffffffffffffff\"", UINT64_MAX },
	};
	static const char *const bad[] = {
		"\"\"",
		"\"0x\"",
		"\"0x00\"",
		"\"0x01\"",
		"\"1\"",
		"1",
		"\"0X1\"",
		"\"0x1 \"",
		"\" 0x1\"",
		"\"-0x1\"",
		"\"0x-1\"",
		"\"0xg\"",
		"\"0x10000000000000000\"",
		"null",
		"[\"0x1\"]",
		"{}",
		"true",
	};
	struct rpc_call c;
	uint64_t n;
	size_t i;

	for (i = 0; i < COUNT(good); i++) {
		answered(&c, good[i].text);
		tap_ok(rpc_quantity(&n, c.result) && n == good[i].n,
		    "%s is a quantity", good[i].text);
		rpc_call_reset(&c);
	}
	for (i = 0; i < COUNT(bad); i++) {
		answered(&c, bad[i]);
		tap_ok(!rpc_quantity(&n, c.result) && n == 0, "%s is none",
		    bad[i]);
		rpc_call_reset(&c);
	}
}

#define WORD(last)                                                  \
	"\"0x00000000000000000000000000000000000000000000000000000" \
	"0000000000" last "\""

static void
test_words(void)
{
	static const char *const bad[] = {
		"\"0x\"",
		"\"0x0\"",
		"\"0x1\"",
		WORD("2"),
		WORD("11"),
		"\"\"",
		"null",
		"0",
		"false",
		WORD("g"),
		("\"0x100000000000000000000000000000000000000000000000000000"
		 "00000000001\""),
	};
	struct rpc_call c;
	bool value = true;
	size_t i;

	answered(&c, WORD("1"));
	tap_ok(token_read_bool(&value, &c) && value, "one is true");
	c.outcome = RPC_ERROR;
	tap_ok(!token_read_bool(&value, &c), "but not of a call that failed");
	rpc_call_reset(&c);
	answered(&c, WORD("0"));
	tap_ok(token_read_bool(&value, &c) && !value, "zero is false");
	rpc_call_reset(&c);
	for (i = 0; i < COUNT(bad); i++) {
		answered(&c, bad[i]);
		tap_ok(!token_read_bool(&value, &c),
		    "%s is neither used nor unused", bad[i]);
		rpc_call_reset(&c);
	}
}

#define OFFSET                             \
	"00000000000000000000000000000000" \
	"00000000000000000000000000000020"
#define LENGTH(n)                          \
	"00000000000000000000000000000000" \
	"000000000000000000000000000000" n
#define REVERT "\"0x08c379a0"

static void
revert(struct rpc_call *c, int64_t code, const char *message, const char *data)
{
	answered(c, data);
	c->error_data = c->document;
	c->result = NULL;
	c->outcome = RPC_ERROR;
	c->error_code = code;
	(void)snprintf(c->error, sizeof(c->error), "%s", message);
}

static void
test_texts(void)
{
	struct rpc_call c;
	char out[64];

	answered(&c,
	    "\"0x" OFFSET LENGTH("04") "55534443000000000000000000000"
				       "00000000000000000000000000000000000\"");
	tap_ok(
	    token_read_text(out, sizeof(out), &c) && strcmp(out, "USDC") == 0,
	    "a name is read");
	rpc_call_reset(&c);
	answered(&c, "\"0x" OFFSET LENGTH("44") "55534443\"");
	tap_ok(!token_read_text(out, sizeof(out), &c),
	    "not one that is longer than its data");
	rpc_call_reset(&c);

	revert(&c, 3, "execution reverted: x",
	    REVERT OFFSET LENGTH("03") "6e6f21\"");
	tap_ok(
	    token_read_revert(out, sizeof(out), &c) && strcmp(out, "no!") == 0,
	    "Error(string) is the revert's reason");
	rpc_call_reset(&c);
	revert(&c, 3, "execution reverted: why", "\"0x1234\"");
	tap_ok(
	    token_read_revert(out, sizeof(out), &c) && strcmp(out, "why") == 0,
	    "else what the message says");
	rpc_call_reset(&c);
	revert(&c, -1, "execution reverted", "null");
	tap_ok(token_read_revert(out, sizeof(out), &c),
	    "some nodes have another code for it");
	rpc_call_reset(&c);
	revert(&c, -1, "header not found", "null");
	tap_ok(!token_read_revert(out, sizeof(out), &c),
	    "another error is no revert");
	rpc_call_reset(&c);
}

static void
test_constants(void)
{
	static const struct {
		const char *event;
		const uint8_t *topic;
	} topics[] = {
		{ "AuthorizationUsed(address,bytes32)",
		    topic_authorization_used },
		{ "AuthorizationCanceled(address,bytes32)",
		    topic_authorization_canceled },
		{ "Transfer(address,address,uint256)", topic_transfer },
	};
	uint8_t hash[KECCAK256_LEN];
	struct rpc_call c = { .node = 0 };
	size_t i;

	for (i = 0; i < COUNT(topics); i++) {
		keccak256(hash, topics[i].event, strlen(topics[i].event));
		tap_ok(memcmp(hash, topics[i].topic, 32) == 0,
		    "the topic of %s", topics[i].event);
	}
	token_ask_transfer(&c, 0, &base,
	    &(struct signed_transfer){ .authorization = payment });
	tap_ok(strstr(c.params,
		   "\"data\":\"0xe3ee160e000000000000000000000000"
		   "2c7536e3605d9c16a7a3d7b1898e529396a65c23") != NULL &&
		strstr(c.params, TOKEN) != NULL,
	    "a transfer's call data");
	token_ask_payment(
	    &c, 0, &base, &payment.from, &payment.to, 0x0102030405060708);
	tap_ok(strstr(c.params,
		   "[{\"from\":\"0x2c7536e3605d9c16a7a3d7b1898e529396a65c23\","
		   "\"to\":\"" TOKEN "\",\"data\":\"0xa9059cbb0000") != NULL &&
		strstr(c.params, "00000102030405060708\"},\"latest\"]") != NULL,
	    "one that nobody signed");
	token_ask_state(&c, 0, &base, &payment, "0x10");
	tap_is_text(c.params,
	    "[{\"to\":\"" TOKEN "\",\"data\":\"0xe94a0102"
	    "0000000000000000000000002c7536e3605d9c16a7a3d7b1898e529396a65c23"
	    "f3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480"
	    "\"},\"0x10\"]",
	    "the question for a nonce's state, at a block");
	token_ask_state_in(&c, 0, &base, &payment, tx);
	tap_ok(strstr(c.params, "},{\"blockHash\":\"" TX "\"}]") != NULL,
	    "or in the block with a hash");
}

/* ---- Receipts ---- */

static const char *
receipt(struct token_use *use, const char *text)
{
	struct rpc_call c;
	const char *why;

	answered(&c, text);
	why = receipt_read(use, &c, &base, &payment, tx);
	rpc_call_reset(&c);
	return why;
}

static void
test_good_receipts(void)
{
	struct token_use use;

	tap_ok(receipt(&use, RECEIPT(LOG_USED "," LOG_TRANSFER)) == NULL &&
		!use.canceled && use.value == 10000 && use.block_number == 16 &&
		memcmp(use.to.b, payment.to.b, 20) == 0 &&
		memcmp(use.tx, tx, 32) == 0 && use.block_hash[0] == 0x22,
	    "a receipt says what was paid to whom");
	tap_ok(receipt(&use, RECEIPT(LOG_TRANSFER "," LOG_USED)) == NULL,
	    "in whatever order its logs are listed");
	tap_ok(receipt(&use, RECEIPT(LOG_CANCELED)) == NULL && use.canceled,
	    "or that the nonce was canceled");
}

static void
test_spoilt_receipts(void)
{
	static const char good[] = RECEIPT(LOG_USED "," LOG_TRANSFER);
	/* old is changed where it first stands behind after. */
	static const struct {
		const char *after, *old, *new, *what;
	} changes[] = {
		{ "status", "0x1", "0x0", "reverted" },
		{ "status", "0x1", "0x01", "a status that is no quantity" },
		{ "status", "\"0x1\"", "null", "no status" },
		{ "transactionHash", "0x11", "0x12", "another transaction" },
		{ "blockHash", "0x22", "0x2", "a hash that is too short" },
		{ "blockNumber", "\"0x10\"", "null", "no block" },
		{ "logs", "0x83", "0x84", "another token's use" },
		{ "logs", "0x98", "0x99", "another event" },
		{ "logs", "2c7536", "2c7537", "another payer" },
		{ "logs", "0xf3", "0xf4", "another nonce" },
		{ "logs", "false", "true", "a log that was removed" },
		{ "0x7", "0x83", "0x84", "another token's transfer" },
		{ "0x7", "0xdd", "0xde", "something that is no transfer" },
		{ "0x7", "2c7536", "2c7537", "somebody else's transfer" },
		{ "0x7", "0x8\"", "0x9\"", "a transfer further on" },
		{ "0x7", "0x8\"", "0x6\"", "a transfer before it" },
		{ "logs", "0x7", "0x07", "an index that is no quantity" },
		{ "0x7", "0x000000000000000000000000209",
		    "0x000000000000000000000001209", "a payee with 21 bytes" },
		{ "3ef", "0x0000000000000000000000002c",
		    "0x0000000000000000000000002d", "another source" },
		{ "data\":\"0x0", "0", "1", "more than there ever was" },
	};
	char text[sizeof(good) + 100];
	struct token_use use;
	const char *at;
	size_t i;

	for (i = 0; i < COUNT(changes); i++) {
		at = strstr(strstr(good, changes[i].after), changes[i].old);
		(void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good),
		    good, changes[i].new, at + strlen(changes[i].old));
		tap_ok(receipt(&use, text) != NULL && use.value == 0,
		    "a receipt with %s proves nothing", changes[i].what);
	}
	tap_ok(receipt(&use, "null") != NULL && receipt(&use, "{}") != NULL &&
		receipt(&use, "[]") != NULL &&
		receipt(&use, "\"0x1\"") != NULL &&
		receipt(&use, RECEIPT("")) != NULL &&
		receipt(&use, RECEIPT("null,7,[],{}")) != NULL &&
		receipt(&use, RECEIPT(LOG_USED)) != NULL &&
		receipt(&use, RECEIPT(LOG_TRANSFER)) != NULL,
	    "nor does half of one, or none");
}

static enum logs_found
logs(struct token_use *use, const char *text)
{
	enum logs_found found;
	struct rpc_call c;

	answered(&c, text);
	found = logs_read(use, &c, &base, &payment);
	rpc_call_reset(&c);
	return found;
}

static void
test_logs(void)
{
	struct token_use use;

	tap_ok(logs(&use, "[" LOG_USED "]") == LOGS_FOUND && !use.canceled &&
		memcmp(use.tx, tx, 32) == 0,
	    "an event leads to its transaction");
	tap_ok(logs(&use, "[" LOG_CANCELED "]") == LOGS_FOUND && use.canceled,
	    "a cancellation, too");
	tap_ok(logs(&use, "[]") == LOGS_NONE &&
		logs(&use, "[" LOG_TRANSFER ",{},null]") == LOGS_NONE,
	    "what wasn't asked for is overlooked");
	tap_ok(logs(&use, "null") == LOGS_UNUSABLE &&
		logs(&use, "{}") == LOGS_UNUSABLE &&
		logs(&use, "\"0x\"") == LOGS_UNUSABLE,
	    "what is no list is no answer");
}

/* ---- Verdicts ---- */

/*
 * A node's answer. Upper case: in block 90, below its own final block, 100.
 * Lower case: in block 110, above it.
 */
static struct node_answer
answer_of(char kind, const char *name)
{
	struct node_answer a = { .name = name };

	a.final.number = 100;
	a.final.time_s = payment.valid_before;
	a.latest.number = 700;
	a.latest.time_s = a.block.time_s = payment.valid_before;
	a.block.number = islower((unsigned char)kind) ? 110 : 90;
	a.use.to = payment.to;
	a.use.value = payment.value;
	memset(a.use.tx, 1, sizeof(a.use.tx));
	(void)snprintf(a.why, sizeof(a.why), "%c", kind);
	switch (kind) {
	case 'p':
	case 'P':
	case 'Q': /* in another block */
	case 'T': /* in another transaction */
	case 'V': /* another amount */
	case 'v':
	case 'W': /* to another payee */
	case 'L': /* in block 650, which it calls final */
		a.says = NODE_SAYS_PAID;
		a.block.hash[0] = kind == 'Q';
		a.use.tx[0] ^= kind == 'T';
		a.use.value += kind == 'V' || kind == 'v';
		a.use.to.b[0] ^= kind == 'W';
		if (kind == 'L')
			a.block.number = a.final.number = 650;
		break;
	case 'c':
	case 'C':
	case 'D': /* the same, before its end is final */
	case 'K': /* in the transaction that others call a payment */
		a.says = NODE_SAYS_CANCELED;
		if (kind != 'K')
			memset(a.use.tx, 2, sizeof(a.use.tx));
		a.final.time_s -= kind == 'D';
		break;
	case 'E':
	case 'F': /* the same, one second too early */
	case 'G': /* the same, in a block that isn't final */
		a.says = NODE_SAYS_EXPIRED;
		a.block = a.final;
		a.block.time_s -= kind == 'F';
		a.block.number += kind == 'G';
		break;
	case 'U':
	case 'u': /* its newest block is before the others' events */
	case 'z': /* the same, for it stands still */
		a.says = NODE_SAYS_UNUSED;
		if (kind == 'U')
			break;
		a.latest.number = 50;
		a.final.number = 40;
		a.latest.time_s -= kind == 'z' ? STANDS_AFTER_S + 1 : 60;
		break;
	case '?':
		a.says = NODE_SAYS_UNCLEAR;
		break;
	default:
		a.says = NODE_SAYS_NOTHING;
		break;
	}
	return a;
}

/*
 * Nodes as answer_of has them; flags: f final, x contradicted, a one alone
 * shows it, s the same where another may be behind.
 */
static const struct {
	const char *nodes;
	enum verdict verdict;
	const char *flags;
} verdicts[] = {
	{ "P", VERDICT_PAID, "f" },
	{ "p", VERDICT_PAID, "" },
	{ "C", VERDICT_CANCELED, "f" },
	{ "D", VERDICT_CANCELED, "" },
	{ "c", VERDICT_CANCELED, "" },
	{ "E", VERDICT_EXPIRED_UNUSED, "f" },
	{ "F", VERDICT_UNUSED, "" },
	{ "G", VERDICT_UNUSED, "" },
	{ "U", VERDICT_UNUSED, "" },
	{ "?", VERDICT_UNKNOWN, "" },
	{ "-", VERDICT_UNKNOWN, "" },

	{ "EE", VERDICT_EXPIRED_UNUSED, "f" },
	{ "EF", VERDICT_UNUSED, "" },
	{ "EU", VERDICT_UNUSED, "" },
	{ "E-", VERDICT_UNUSED, "" },
	{ "-E", VERDICT_UNUSED, "" },
	{ "E?", VERDICT_UNKNOWN, "" },
	{ "EC", VERDICT_UNKNOWN, "xa" },
	{ "Ec", VERDICT_UNKNOWN, "xa" },
	{ "EP", VERDICT_PAID, "xa" },
	{ "Ep", VERDICT_PAID, "xa" },
	{ "EEE", VERDICT_EXPIRED_UNUSED, "f" },
	{ "EEU", VERDICT_UNUSED, "" },
	{ "EE-", VERDICT_UNUSED, "" },
	{ "EEP", VERDICT_PAID, "xa" },

	{ "CC", VERDICT_CANCELED, "f" },
	{ "CD", VERDICT_CANCELED, "" },
	{ "Cc", VERDICT_CANCELED, "" },
	{ "C-", VERDICT_UNKNOWN, "" },
	{ "CU", VERDICT_UNKNOWN, "xa" },
	{ "CP", VERDICT_PAID, "x" },
	{ "KP", VERDICT_PAID, "x" },

	{ "PP", VERDICT_PAID, "f" },
	{ "pP", VERDICT_PAID, "" },
	{ "P-", VERDICT_PAID, "" },
	{ "-P", VERDICT_PAID, "" },
	{ "P?", VERDICT_PAID, "" },
	{ "PU", VERDICT_PAID, "xa" },
	{ "pU", VERDICT_PAID, "a" },
	{ "LU", VERDICT_PAID, "a" },
	{ "Pu", VERDICT_PAID, "s" },
	{ "uP", VERDICT_PAID, "s" },
	{ "Pz", VERDICT_PAID, "" },
	{ "PuU", VERDICT_PAID, "xa" },
	{ "PuP", VERDICT_PAID, "" },
	{ "LP", VERDICT_PAID, "x" },
	{ "Lp", VERDICT_PAID, "" },
	{ "PQ", VERDICT_PAID, "x" },
	{ "PT", VERDICT_PAID, "x" },
	{ "PV", VERDICT_PAID, "x" },
	{ "PW", VERDICT_PAID, "x" },
	{ "VV", VERDICT_PAID, "f" },
	{ "Vv", VERDICT_PAID, "" },
	{ "V-", VERDICT_PAID, "" },
	{ "WW", VERDICT_PAID, "f" },
	{ "-P-", VERDICT_PAID, "" },
	{ "PPP", VERDICT_PAID, "f" },
	{ "PPp", VERDICT_PAID, "" },
	{ "PPV", VERDICT_PAID, "x" },

	{ "UU", VERDICT_UNUSED, "" },
	{ "U-", VERDICT_UNUSED, "" },
	{ "U?", VERDICT_UNKNOWN, "" },
	{ "--", VERDICT_UNKNOWN, "" },
};

static void
test_verdicts(void)
{
	static const char *const names[] = { "a", "b", "c" };
	struct node_answer answers[3];
	const char *flags;
	struct judgment j;
	size_t i, k, n;

	for (i = 0; i < COUNT(verdicts); i++) {
		n = strlen(verdicts[i].nodes);
		flags = verdicts[i].flags;
		for (k = 0; k < n; k++)
			answers[k] = answer_of(verdicts[i].nodes[k], names[k]);
		verdict_make(&j, &payment, answers, n);
		tap_ok(j.verdict == verdicts[i].verdict &&
			j.is_final == (strchr(flags, 'f') != NULL) &&
			j.contradicted == (strchr(flags, 'x') != NULL) &&
			j.has_alone == (strchr(flags, 'a') != NULL) &&
			j.is_unshared == (strpbrk(flags, "as") != NULL),
		    "%s: %s \"%s\"", verdicts[i].nodes,
		    verdict_name(verdicts[i].verdict), flags);
	}
	tap_ok(strstr(j.reason, "a: -") != NULL &&
		strstr(j.reason, "b: -") != NULL,
	    "the reason has what each node says");
}

/* Whom a contradiction names: nodes, and an x for each that is named. */
static void
test_suspects(void)
{
	static const char *const suspects[][2] = {
		{ "PU", "xx" },
		{ "PV", "xx" },
		{ "PPV", "..x" },
		{ "QPP", "x.." },
		{ "PUP", ".x." },
		{ "PEE", "x.." },
		{ "PCP", ".x." },
		{ "PU-", "xx." },
		{ "P-E", "x.x" },
		{ "PpU", "x.x" },
		{ "PVE", "xxx" },
		{ "PTQ", "xxx" },
	};
	struct node_answer answers[3];
	const char *nodes, *named;
	size_t i, k, n, right;

	for (i = 0; i < COUNT(suspects); i++) {
		nodes = suspects[i][0];
		named = suspects[i][1];
		n = strlen(nodes);
		for (k = 0; k < n; k++)
			answers[k] = answer_of(nodes[k], "n");
		for (k = right = 0; k < n; k++)
			right += verdict_is_suspect(answers, n, k) ==
			    (named[k] == 'x');
		tap_ok(
		    right == n, "%s: a contradiction names %s", nodes, named);
	}
}

static void
test_amounts(void)
{
	struct node_answer a[2] = { answer_of('V', "a"), answer_of('p', "b") };
	struct judgment j;

	verdict_make(&j, &payment, a, 1);
	tap_ok(j.verdict == VERDICT_PAID && !j.as_asked && j.value == 10001,
	    "another amount is what was paid, and not as asked");
	verdict_make(&j, &payment, a, 2);
	tap_ok(j.verdict == VERDICT_PAID && j.as_asked && j.value == 10000 &&
		!j.is_final,
	    "what was asked for comes before what one node calls final");
	a[0] = answer_of('W', "a");
	verdict_make(&j, &payment, a, 1);
	tap_ok(j.verdict == VERDICT_PAID && !j.as_asked,
	    "another payee isn't as asked");
}

int
main(void)
{
	if (network_by_name(&base, "base", NULL) != RC_OK)
		die("no network");
	hex_of(payment.from.b, sizeof(payment.from.b),
	    "0x2c7536e3605d9c16a7a3d7b1898e529396a65c23");
	hex_of(payment.to.b, sizeof(payment.to.b),
	    "0x209693bc6afc0c5328ba36faf03c514ef312287c");
	hex_of(payment.nonce, PAYOUT_NONCE_LEN, NONCE);
	hex_of(tx, sizeof(tx), TX);
	payment.value = 10000;
	payment.valid_before = 1800000000;
	test_quantities();
	test_words();
	test_texts();
	test_constants();
	test_good_receipts();
	test_spoilt_receipts();
	test_logs();
	test_verdicts();
	test_suspects();
	test_amounts();
	return tap_done();
}
