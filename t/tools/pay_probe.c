/*
 * The pay room's modules on the command line, for parts.t: each command
 * prints one line of JSON (settle: one for each answer) or plain text. Exits
 * 0, or 1 with the error's message on standard error, 2 for bad usage.
 */
#include <signal.h>

#include "base/secret.h"
#include "eth/hex.h"
#include "evm/inspect.h"
#include "evm/judge.h"
#include "evm/precheck.h"
#include "keys/keystore.h"
#include "t/unit/tap.h"
#include "x402/facilitator.h"
#include "json/json.h"

#define BODIES_MAX  64
#define PATIENCE_MS 30000 /* with a facilitator that wants a pause */

static void
die(const struct err *e)
{
	fprintf(stderr, "%s\n", e->msg);
	exit(1);
}

static void
die_usage(const char *what)
{
	fprintf(stderr, "usage: %s\n", what);
	exit(2);
}

static void
network_arg(struct network *n, const char *name)
{
	struct err e = ERR_INIT;

	if (network_by_name(n, name, &e) != RC_OK)
		die(&e);
}

static void
hex_arg(uint8_t *out, size_t len, const char *text)
{
	struct err e = ERR_INIT;

	if (hex_decode(out, len, slice_of(text), &e) != RC_OK)
		die(&e);
}

static void
address_arg(struct address *out, const char *text)
{
	struct err e = ERR_INIT;

	if (address_parse(out, NULL, slice_of(text), &e) != RC_OK)
		die(&e);
}

static void
body_arg(struct buf *b, const char *path)
{
	struct err e = ERR_INIT;

	buf_init(b, X402_BODY_MAX);
	if (buf_read_file(b, path, &e) != RC_OK)
		die(&e);
}

static void
payment_arg(struct x402_payment *p, const struct network *n, const char *path)
{
	struct err e = ERR_INIT;
	int version;
	struct buf b;

	body_arg(&b, path);
	if (x402_request_read(
		p, &version, n, (struct slice){ b.p, b.len }, &e) != RC_OK)
		die(&e);
	buf_free(&b);
}

/* ---- One line of JSON ---- */

static struct buf line;
static struct json_writer *w;

static void
line_open(void)
{
	struct err e = ERR_INIT;

	buf_init(&line, 1 << 20);
	if (json_writer_new(&w, &line, false, &e) != RC_OK)
		die(&e);
	json_open_object(w);
}

static void
line_close(void)
{
	struct err e = ERR_INIT;

	json_close_object(w);
	json_writer_free(w);
	if (buf_status(&line, &e) != RC_OK)
		die(&e);
	printf("%s\n", line.p);
	(void)fflush(stdout);
	buf_free(&line);
}

static void
put_text(const char *key, const char *text)
{
	json_key(w, key);
	json_string(w, text);
}

static void
put_number(const char *key, int64_t n)
{
	json_key(w, key);
	json_number(w, n);
}

static void
put_bool(const char *key, bool b)
{
	json_key(w, key);
	json_bool(w, b);
}

static void
put_hex(const char *key, const uint8_t *p, size_t len)
{
	char text[HEX_SIZE(SIGNATURE_LEN)];

	hex_encode(text, p, len);
	put_text(key, text);
}

static void
put_address(const char *key, const struct address *a)
{
	char text[ADDRESS_LEN + 1];

	address_format(text, a, ADDRESS_CHECKSUM);
	put_text(key, text);
}

static void
put_block(const struct block *b)
{
	put_number("block", (int64_t)b->number);
	put_number("time", (int64_t)b->time_s);
	put_hex("blockHash", b->hash, sizeof(b->hash));
}

/* ---- Keys and requests ---- */

static void
command_token(char **arg)
{
	char token[CDP_TOKEN_MAX + 1];
	struct err e = ERR_INIT;
	struct cdp_key *key;

	if (cdp_key_read(&key, arg[0], arg[1], &e) != RC_OK ||
	    cdp_token(token, key, arg[2], arg[3], strtoll(arg[4], NULL, 10),
		&e) != RC_OK)
		die(&e);
	printf("%s\n", token);
	cdp_key_free(key);
}

static void
command_key(char **arg)
{
	struct err e = ERR_INIT;
	char text[ADDRESS_LEN + 1];
	struct address a;
	struct eth_key key;

	if (treasury_key_read(&key, arg[0], arg[1], &e) != RC_OK ||
	    eth_key_address(&a, &key, &e) != RC_OK)
		die(&e);
	address_format(text, &a, ADDRESS_CHECKSUM);
	printf("%s\n", text);
	secret_wipe(&key, sizeof(key));
}

/* VERSION NETWORK KEY TO VALUE VALID_AFTER VALID_BEFORE NONCE ID */
static void
command_sign(char **arg)
{
	struct err e = ERR_INIT;
	struct x402_payment p;
	struct transfer_authorization *a = &p.authorization;
	struct eip712_domain domain;
	uint8_t digest[KECCAK256_LEN];
	struct eth_key key;
	struct network n;
	struct buf body;

	memset(&p, 0, sizeof(p));
	network_arg(&n, arg[1]);
	hex_arg(key.b, sizeof(key.b), arg[2]);
	address_arg(&a->to, arg[3]);
	a->value = strtoull(arg[4], NULL, 10);
	a->valid_after = strtoull(arg[5], NULL, 10);
	a->valid_before = strtoull(arg[6], NULL, 10);
	hex_arg(a->nonce, sizeof(a->nonce), arg[7]);
	p.payout_id = strtoll(arg[8], NULL, 10);
	p.max_timeout_s = 300;
	domain = network_domain(&n);
	buf_init(&body, X402_BODY_MAX);
	if (eth_key_address(&a->from, &key, &e) != RC_OK)
		die(&e);
	eip712_transfer_digest(digest, &domain, a);
	if (eth_sign(p.signature, digest, &key, &e) != RC_OK ||
	    x402_request_write(
		&body, (int)strtol(arg[0], NULL, 10), &n, &p, &e) != RC_OK)
		die(&e);
	printf("%s", body.p);
	buf_free(&body);
}

/* ---- The facilitator ---- */

static void
put_answer(size_t index, const struct settle_answer *a)
{
	line_open();
	put_number("index", (int64_t)index);
	put_text("class", answer_class_name(a->x402.class));
	put_bool("success", a->x402.success);
	put_bool("maybeTransient", a->x402.maybe_transient);
	if (a->x402.has_hash)
		put_hex("hash", a->x402.hash, sizeof(a->x402.hash));
	put_text("reason", a->x402.reason);
	put_text("message", a->x402.message);
	put_text("network", a->x402.network);
	put_bool("sent", a->sent);
	put_number("status", a->status);
	put_number("retryAfter", a->retry_after_s);
	put_number("elapsed", a->elapsed_ms);
	put_text("text", a->text);
	put_text("error", a->error);
	line_close();
}

static struct facilitator *
facilitator_arg(const char *url, const struct network *n,
    const struct cdp_key *key, const char *timeout_ms)
{
	struct facilitator_options o = { .base_url = url,
		.network = n,
		.cdp_key = key,
		.timeout_ms = strtoll(timeout_ms, NULL, 10) };
	struct err e = ERR_INIT;
	struct facilitator *f;

	if (facilitator_new(&f, &o, &e) != RC_OK)
		die(&e);
	return f;
}

static struct cdp_key *
cdp_arg(const char *id, const char *path)
{
	struct err e = ERR_INIT;
	struct cdp_key *key = NULL;

	if (id[0] != '\0' && cdp_key_read(&key, id, path, &e) != RC_OK)
		die(&e);
	return key;
}

/*
 * Sends them in their order, at_once at a time, with patience for a pause of
 * the facilitator's unless it is a long one.
 */
static void
settle_all(struct facilitator *f, const struct settle_request *requests,
    size_t n, size_t at_once)
{
	const struct settle_answer *a;
	size_t next = 0, tag;

	while (next < n || facilitator_in_flight(f) > 0) {
		while (next < n && facilitator_in_flight(f) < at_once &&
		    facilitator_pause_ms(f) == 0) {
			facilitator_send(f, next, &requests[next]);
			next++;
		}
		a = facilitator_wait(f, 50, -1, &tag);
		if (a != NULL)
			put_answer(tag, a);
		if (facilitator_pause_ms(f) > PATIENCE_MS)
			n = next;
	}
}

/* URL NETWORK AT_ONCE TIMEOUT_MS REPOST CDP_ID CDP_FILE BODY... */
static void
command_settle(char **arg)
{
	struct settle_request requests[BODIES_MAX];
	struct buf bodies[BODIES_MAX];
	struct cdp_key *key;
	struct facilitator *f;
	struct network n;
	size_t i, count;

	network_arg(&n, arg[1]);
	key = cdp_arg(arg[5], arg[6]);
	f = facilitator_arg(arg[0], &n, key, arg[3]);
	for (count = 0; arg[7 + count] != NULL && count < BODIES_MAX; count++) {
		body_arg(&bodies[count], arg[7 + count]);
		requests[count].body =
		    (struct slice){ bodies[count].p, bodies[count].len };
		requests[count].repost = strcmp(arg[4], "again") == 0;
	}
	settle_all(f, requests, count, strtoul(arg[2], NULL, 10));
	for (i = 0; i < count; i++)
		buf_free(&bodies[i]);
	facilitator_free(f);
	cdp_key_free(key);
}

/* URL NETWORK CDP_ID CDP_FILE */
static void
command_supported(char **arg)
{
	struct facilitator_kinds kinds;
	struct err e = ERR_INIT;
	struct cdp_key *key;
	struct facilitator *f;
	struct network n;

	network_arg(&n, arg[1]);
	key = cdp_arg(arg[2], arg[3]);
	f = facilitator_arg(arg[0], &n, key, "0");
	if (facilitator_supported(f, -1, &kinds, &e) != RC_OK)
		die(&e);
	line_open();
	put_bool("v1", kinds.v1);
	put_bool("v2", kinds.v2);
	line_close();
	facilitator_free(f);
	cdp_key_free(key);
}

/* ---- The chain ---- */

static struct nodes *
chain_arg(struct network *n, char **arg, const char *finality)
{
	struct err e = ERR_INIT;
	struct nodes *c;

	network_arg(n, arg[1]);
	if (nodes_new(&c, arg[0], n, finality, &e) != RC_OK)
		die(&e);
	return c;
}

static void
put_judgment(const struct judgment *j)
{
	line_open();
	put_text("verdict", verdict_name(j->verdict));
	put_bool("final", j->is_final);
	put_bool("contradicted", j->contradicted);
	put_bool("asAsked", j->as_asked);
	put_address("to", &j->to);
	put_number("value", (int64_t)j->value);
	put_hex("tx", j->tx, sizeof(j->tx));
	put_block(&j->block);
	put_text("reason", j->reason);
	line_close();
}

/* RPCS NETWORK FINALITY FROM_BLOCK HINT BODY... */
static void
command_judge(char **arg)
{
	struct judgment out[BODIES_MAX];
	struct judged_case cases[BODIES_MAX];
	struct x402_payment p;
	struct network n;
	struct nodes *c = chain_arg(&n, arg, arg[2]);
	size_t i, count;

	memset(cases, 0, sizeof(cases));
	for (count = 0; arg[5 + count] != NULL && count < BODIES_MAX; count++) {
		payment_arg(&p, &n, arg[5 + count]);
		cases[count].authorization = p.authorization;
		cases[count].from_block = strtoull(arg[3], NULL, 10);
		cases[count].has_hint = arg[4][0] != '\0';
		if (cases[count].has_hint)
			hex_arg(cases[count].hint, TX_HASH_LEN, arg[4]);
	}
	nodes_judge_all(c, cases, count, out);
	for (i = 0; i < count; i++)
		put_judgment(&out[i]);
	nodes_free(c);
}

/* RPCS NETWORK TREASURY */
static void
command_inspect(char **arg)
{
	struct outlook o;
	struct err e = ERR_INIT;
	struct address a;
	struct network n;
	struct nodes *c = chain_arg(&n, arg, "latest");

	address_arg(&a, arg[2]);
	if (nodes_inspect(c, &a, &o, &e) != RC_OK)
		die(&e);
	line_open();
	put_bool("hasCode", o.treasury_has_code);
	put_bool("blacklisted", o.treasury_blacklisted);
	put_bool("paused", o.paused);
	put_number("balance", (int64_t)o.balance);
	put_text("name", o.token_name);
	put_text("warning", o.warning);
	line_close();
	nodes_free(c);
}

static void
put_forecasts(const struct precheck *f, size_t n)
{
	static const char *const names[] = { "unknown", "yes", "no" };
	size_t i;

	for (i = 0; i < n; i++) {
		line_open();
		put_text("opinion", names[f[i].opinion]);
		put_text("reason", f[i].reason);
		line_close();
	}
}

/* RPCS NETWORK BODY... */
static void
command_dry(char **arg)
{
	struct signed_transfer transfers[BODIES_MAX];
	struct precheck out[BODIES_MAX];
	struct x402_payment p;
	struct network n;
	struct nodes *c = chain_arg(&n, arg, "latest");
	size_t count;

	for (count = 0; arg[2 + count] != NULL && count < BODIES_MAX; count++) {
		payment_arg(&p, &n, arg[2 + count]);
		transfers[count].authorization = p.authorization;
		memcpy(transfers[count].signature, p.signature,
		    sizeof(p.signature));
	}
	precheck_transfers(c, transfers, count, out);
	put_forecasts(out, count);
	nodes_free(c);
}

/* RPCS NETWORK FROM ADDRESS..., each of which is to get a micro-USDC */
static void
command_payees(char **arg)
{
	struct plain_transfer payments[BODIES_MAX] = { { .value = 0 } };
	struct precheck out[BODIES_MAX];
	struct address from;
	struct network n;
	struct nodes *c = chain_arg(&n, arg, "latest");
	size_t count;

	address_arg(&from, arg[2]);
	for (count = 0; arg[3 + count] != NULL && count < BODIES_MAX; count++) {
		address_arg(&payments[count].to, arg[3 + count]);
		payments[count].value = 1;
	}
	precheck_payments(c, &from, payments, count, out);
	put_forecasts(out, count);
	nodes_free(c);
}

/* RPCS NETWORK FINALITY */
static void
command_head(char **arg)
{
	struct head head;
	struct err e = ERR_INIT;
	struct network n;
	struct nodes *c = chain_arg(&n, arg, arg[2]);

	if (nodes_head(c, &head, &e) != RC_OK)
		die(&e);
	line_open();
	put_number("final", (int64_t)head.final.number);
	put_block(&head.latest);
	line_close();
	nodes_free(c);
}

static const struct command {
	const char *name;
	int args; /* at least so many */
	void (*run)(char **arg);
} commands[] = {
	{ "token", 5, command_token },
	{ "key", 1, command_key },
	{ "sign", 9, command_sign },
	{ "settle", 8, command_settle },
	{ "supported", 4, command_supported },
	{ "judge", 6, command_judge },
	{ "inspect", 3, command_inspect },
	{ "dry", 3, command_dry },
	{ "payees", 4, command_payees },
	{ "head", 3, command_head },
};

int
main(int argc, char **argv)
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (argc - 2 < commands[i].args)
				die_usage(argv[1]);
			commands[i].run(argv + 2);
			return 0;
		}
	die_usage("pay_probe COMMAND ARGUMENT...");
}
