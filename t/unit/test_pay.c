/*
 * What a payout is made of: its network, its nonce, the body of its request,
 * and [payout] of the configuration. test_pay_answers.c has what comes back,
 * test_pay_keys.c the treasury's key, test_pay_chain.c what nodes say;
 * parts.t runs the room against real servers.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "eth/hex.h"
#include "eth/nonce.h"
#include "t/unit/tap.h"
#include "x402/x402.h"
#include "json/json.h"

#define VECTORS_MAX (1024 * 1024)
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

static char dir[] = "/tmp/worknet-test-pay-XXXXXX";

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
hex_of(uint8_t *out, size_t len, const char *text)
{
	if (hex_decode(out, len, slice_of(text), NULL) != RC_OK)
		die("not hex", text);
}

static struct address
address_of(const char *text)
{
	struct address a;

	if (address_parse(&a, NULL, slice_of(text), NULL) != RC_OK)
		die("not an address", text);
	return a;
}

static struct network
network_of(const char *name)
{
	struct network n;

	if (network_by_name(&n, name, NULL) != RC_OK)
		die("not a network", name);
	return n;
}

/* ---- Networks and nonces ---- */

static void
test_builtin_networks(void)
{
	static const struct {
		const char *name, *separator, *name_v2;
	} facts[] = {
		{ "base",
		    "0x02fa7265e7c5d81118673727957699e4d68f74cd74b7db77d"
		    "a710fe8a2c7834f",
		    "eip155:8453" },
		{ "base-sepolia",
		    "0x71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c"
		    "09ef722fcb047abe94c9818",
		    "eip155:84532" },
	};
	struct eip712_domain domain;
	char text[HEX_SIZE(KECCAK256_LEN)];
	uint8_t got[KECCAK256_LEN];
	struct network n;
	size_t i;

	for (i = 0; i < COUNT(facts); i++) {
		n = network_of(facts[i].name);
		domain = network_domain(&n);
		eip712_domain_separator(got, &domain);
		hex_encode(text, got, sizeof(got));
		tap_is_text(text, facts[i].separator, facts[i].name);
		tap_is_text(n.name_v2, facts[i].name_v2, "its CAIP-2 name");
		tap_is_text(n.name_v1, facts[i].name, "its name in v1");
	}
	tap_ok(
	    network_by_name(&n, "Base", NULL) == RC_INVALID && n.chain_id == 0,
	    "no other name is built in");
}

static void
set(struct conf *c, const char *name, const char *value)
{
	struct err e = ERR_INIT;

	if (conf_set(c, "payout", name, value, &e) != RC_OK)
		die(name, e.msg);
}

static bool
conf_refused(struct conf *c, const char *what)
{
	struct err e = ERR_INIT;
	struct network n;

	return network_from_conf(&n, c, &e) == RC_INVALID &&
	    strstr(e.msg, what) != NULL && n.chain_id == 0;
}

static void
test_configured_networks(void)
{
	struct network n;
	struct conf c;

	conf_defaults(&c);
	tap_ok(conf_refused(&c, "network: not set"), "a network must be named");
	set(&c, "network", "base");
	tap_ok(network_from_conf(&n, &c, NULL) == RC_OK && n.chain_id == 8453 &&
		strcmp(n.token_name, "USD Coin") == 0 &&
		strstr(n.explorer_url, "basescan") != NULL,
	    "base");
	set(&c, "explorer_url", "https://x/tx/");
	tap_ok(network_from_conf(&n, &c, NULL) == RC_OK &&
		strcmp(n.explorer_url, "https://x/tx/") == 0,
	    "with an explorer of the operator's choice");
	set(&c, "chain_id", "84532");
	tap_ok(conf_refused(&c, "chain_id: is built in"),
	    "a built-in network can't be contradicted");

	conf_defaults(&c);
	set(&c, "network", "custom");
	tap_ok(conf_refused(&c, "chain_id: is needed"),
	    "a custom one needs a chain id");
	set(&c, "chain_id", "31337");
	tap_ok(conf_refused(&c, "token: is needed"), "a token");
	set(&c, "token", "0x5FbDB2315678afecb367f032d93F642f64180aa3");
	tap_ok(conf_refused(&c, "token_name: is needed"), "its name");
	set(&c, "token_name", "USDC");
	tap_ok(conf_refused(&c, "token_version: is needed"), "its version");
	set(&c, "token_version", "2");
	tap_ok(network_from_conf(&n, &c, NULL) == RC_OK &&
		strcmp(n.name_v2, "eip155:31337") == 0 && n.name_v1[0] == '\0',
	    "and is complete then");
	tap_ok(
	    network_is_named(&n, "eip155:31337") && !network_is_named(&n, ""),
	    "it has one name");
	set(&c, "x402_version", "1");
	tap_ok(conf_refused(&c, "x402_version"), "but none in x402 v1");
	set(&c, "x402_version", "2");
	set(&c, "token", "0x5FbDB2315678afecb367f032d93F642f64180aA3");
	tap_ok(conf_refused(&c, "EIP-55"), "a mistyped token is refused");
}

static void
test_payout_conf(void)
{
	static const struct {
		const char *name, *value;
	} bad[] = {
		{ "network", "mainnet" },
		{ "network", "" },
		{ "finality", "final" },
		{ "finality", "" },
		{ "x402_version", "3" },
		{ "concurrency", "0" },
		{ "concurrency", "65" },
		{ "validity_s", "59" },
		{ "threshold_micros", "0" },
		{ "max_per_run_micros", "-1" },
		{ "token", "0x12" },
		{ "rpc_urls", "" },
	};
	struct err e = ERR_INIT;
	struct conf c;
	size_t i;

	conf_defaults(&c);
	tap_ok(c.payout_network[0] == '\0' && c.payout_rpc_urls[0] == '\0' &&
		c.payout_facilitators[0] == '\0' &&
		c.payout_treasury_key_file[0] == '\0' &&
		c.payout_x402_version == 2 &&
		c.payout_threshold_micros == 10000 &&
		c.payout_validity_s == 3600 && c.payout_concurrency == 1 &&
		c.payout_max_per_run_micros == 0 &&
		strcmp(c.payout_finality, "finalized") == 0,
	    "[payout]: where the operator must decide the default is empty");
	for (i = 0; i < COUNT(bad); i++)
		tap_ok(conf_set(&c, "payout", bad[i].name, bad[i].value, &e) ==
			RC_INVALID,
		    "[payout] %s = \"%s\" is refused", bad[i].name,
		    bad[i].value);
}

static void
write_file(char path[64], const char *name, const char *text, mode_t mode)
{
	FILE *f;

	(void)snprintf(path, 64, "%s/%s", dir, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0 ||
	    chmod(path, mode) != 0)
		die(path, "can't write");
}

static void
test_payout_file(void)
{
	struct err e = ERR_INIT;
	char path[64];
	struct conf c;

	write_file(path, "conf",
	    "[payout]\nrpc_urls = http://a/\n  http://b/\n"
	    "finality = safe\nrpc_urls = http://c/\n",
	    0644);
	tap_ok(conf_read(&c, path, &e) == RC_OK &&
		strcmp(c.payout_rpc_urls, "http://a/ http://b/ http://c/") == 0,
	    "a long list of nodes stands on several lines");
	write_file(
	    path, "conf", "[payout]\nfinality = safe\nfinality = safe\n", 0644);
	tap_ok(conf_read(&c, path, &e) == RC_INVALID,
	    "anything else is given once");
	(void)unlink(path);
}

static void
test_nonce(void)
{
	/* Made with viem: keccak256(encodePacked(...)). */
	static const char *const expected[] = {
		"0x82651ed348331c39563890f544e8574f87a74ca61daba1e480447703265b"
		"e8a9",
		"0xc111df93ae351476beb96ce1f1360bacfa6528c90f33832558a639460fb1"
		"de24",
	};
	struct payout_key keys[2], k;
	uint8_t base[PAYOUT_NONCE_LEN], got[PAYOUT_NONCE_LEN];
	char text[HEX_SIZE(PAYOUT_NONCE_LEN)];
	size_t i;

	memset(keys, 0, sizeof(keys));
	memset(keys[0].ledger_id, 0xa5, LEDGER_ID_LEN);
	keys[0].chain_id = 8453;
	keys[0].token = network_of("base").token;
	keys[0].treasury =
	    address_of("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
	keys[0].worker =
	    address_of("0x209693Bc6afc0C5328bA36FaF03C514EF312287C");
	keys[0].seq = 1;
	keys[1] = keys[0];
	memset(keys[1].ledger_id, 0, LEDGER_ID_LEN);
	keys[1].ledger_id[LEDGER_ID_LEN - 1] = 1;
	keys[1].chain_id = 84532;
	keys[1].token = network_of("base-sepolia").token;
	keys[1].seq = UINT64_MAX;
	for (i = 0; i < 2; i++) {
		payout_nonce(got, &keys[i]);
		hex_encode(text, got, sizeof(got));
		tap_is_text(text, expected[i], "a nonce is that of viem");
	}
	payout_nonce(base, &keys[0]);
	for (i = 0; i < 6; i++) {
		k = keys[0];
		if (i == 0)
			k.ledger_id[31] ^= 1;
		k.chain_id += i == 1;
		k.token.b[0] ^= i == 2;
		k.treasury.b[0] ^= i == 3;
		k.worker.b[0] ^= i == 4;
		k.seq += i == 5;
		payout_nonce(got, &k);
		tap_ok(memcmp(got, base, sizeof(got)) != 0,
		    "every part of its key changes the nonce (%zu)", i);
	}
}

/* ---- Requests ---- */

/* x402.md, section 4; the signatures are viem's. */
static const char facts_key[] = "0x4c0883a69102937d6231471b5dbb6204fe51296170"
				"82792ae468d01a3f362318";
static const struct facts {
	const char *network, *digest, *signature;
} facts[] = {
	{ "base",
	    "0xc244af1b76dc97653b2516463ae00785b7f4866939b66b20af84feab6"
	    "83b3d49",
	    "0x8b3ea38020fe55009b5d97891357fdd009735dba3b7c70cc0e8b"
	    "91e9e5a2132d0ace012b5e77e20a57659c2ba284bb68834ff314330971ea749b0"
	    "79ff651a2fb1b" },
	{ "base-sepolia",
	    "0x2414c481d41f49c0e559d1dba935023a3c8a23836c935f9ff"
	    "5c8191ca34035b1",
	    "0xff0183b601b73bccc3177825c627793d9a11f241eb8f"
	    "040f558a15b9474e44bb4376fc4e9485a1531d93487386a5da98219bfc94e987c"
	    "5cb1907c7502bb849521b" },
};

static struct x402_payment
facts_payment(const struct facts *f)
{
	struct x402_payment p = { .payout_id = 7, .max_timeout_s = 300 };

	p.authorization.from =
	    address_of("0x2c7536E3605D9C16a7a3D7b1898e529396a65c23");
	p.authorization.to =
	    address_of("0x209693Bc6afc0C5328bA36FaF03C514EF312287C");
	p.authorization.value = 10000;
	p.authorization.valid_before = 1740672154;
	hex_of(p.authorization.nonce, 32,
	    "0xf3746613c2d920b5fdabc0856f2aeb2d4"
	    "f88ee6037b8cc5d04a71a4462f13480");
	hex_of(p.signature, sizeof(p.signature), f->signature);
	return p;
}

static void
test_facts(void)
{
	struct network n;
	struct x402_payment p;
	struct eip712_domain d;
	uint8_t digest[KECCAK256_LEN], sig[SIGNATURE_LEN];
	char text[HEX_SIZE(SIGNATURE_LEN)];
	struct eth_key key;
	size_t i;

	hex_of(key.b, sizeof(key.b), facts_key);
	for (i = 0; i < COUNT(facts); i++) {
		n = network_of(facts[i].network);
		p = facts_payment(&facts[i]);
		d = network_domain(&n);
		eip712_transfer_digest(digest, &d, &p.authorization);
		hex_encode(text, digest, sizeof(digest));
		tap_is_text(text, facts[i].digest, "the digest of x402.md");
		tap_ok(eth_sign(sig, digest, &key, NULL) == RC_OK &&
			memcmp(sig, p.signature, sizeof(sig)) == 0,
		    "and its signature, bit for bit");
	}
}

#define REQUIREMENTS_V2                                             \
	"{\"scheme\":\"exact\",\"network\":\"eip155:8453\","        \
	"\"amount\":\"10000\","                                     \
	"\"asset\":\"0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913\"," \
	"\"payTo\":\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\"," \
	"\"maxTimeoutSeconds\":300,"                                \
	"\"extra\":{\"name\":\"USD Coin\",\"version\":\"2\"}}"

#define AUTHORIZATION                                                            \
	"\"authorization\":{"                                                    \
	"\"from\":\"0x2c7536E3605D9C16a7a3D7b1898e529396a65c23\","               \
	"\"to\":\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\","                 \
	"\"value\":\"10000\",\"validAfter\":\"0\","                              \
	"\"validBefore\":\"1740672154\",\"nonce\":\"0xf3746613c2d920b5fdabc0856" \
	"f2aeb2d4f88ee6037b8cc5d04a71a4462f13480\"}"

static const char body_v2[] =
    "{\"x402Version\":2,\"paymentPayload\":"
    "{\"x402Version\":2,\"resource\":"
    "{\"url\":\"https://worknet.example/payout/7\","
    "\"description\":\"worknet payout 7\","
    "\"mimeType\":\"application/json\"},"
    "\"accepted\":" REQUIREMENTS_V2 ",\"payload\":{\"signature\":"
    "\"0x8b3ea38020fe55009b5d97891357fdd009735dba3b7c70cc0e8b91e9e5a2132d0ace"
    "012b5e77e20a57659c2ba284bb68834ff314330971ea749b079ff651a2fb1b\"," AUTHORIZATION
    "}},\"paymentRequirements\":" REQUIREMENTS_V2 "}";

static const char body_v1[] =
    "{\"x402Version\":1,\"paymentPayload\":"
    "{\"x402Version\":1,\"scheme\":\"exact\",\"network\":\"base-sepolia\","
    "\"payload\":{\"signature\":"
    "\"0xff0183b601b73bccc3177825c627793d9a11f241eb8f040f558a15b9474e44bb4376"
    "fc4e9485a1531d93487386a5da98219bfc94e987c5cb1907c7502bb849521b\"," AUTHORIZATION
    "}},\"paymentRequirements\":{\"scheme\":\"exact\","
    "\"network\":\"base-sepolia\",\"maxAmountRequired\":\"10000\","
    "\"resource\":\"https://worknet.example/payout/7\","
    "\"description\":\"worknet payout 7\",\"mimeType\":\"application/json\","
    "\"payTo\":\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\","
    "\"maxTimeoutSeconds\":300,"
    "\"asset\":\"0x036CbD53842c5426634e7929541eC2318f3dCF7e\","
    "\"extra\":{\"name\":\"USDC\",\"version\":\"2\"}}}";

static void
test_exact_bytes(void)
{
	struct x402_payment p;
	struct network n;
	struct buf b;

	buf_init(&b, X402_BODY_MAX);
	n = network_of("base");
	p = facts_payment(&facts[0]);
	tap_ok(x402_request_write(&b, 2, &n, &p, NULL) == RC_OK,
	    "a body of version 2 is written");
	tap_is_text(b.p, body_v2, "byte for byte");
	buf_reset(&b);
	n = network_of("base-sepolia");
	p = facts_payment(&facts[1]);
	tap_ok(x402_request_write(&b, 1, &n, &p, NULL) == RC_OK,
	    "a body of version 1 is written");
	tap_is_text(b.p, body_v1, "byte for byte");
	buf_free(&b);
	buf_init(&b, 100);
	tap_ok(x402_request_write(&b, 1, &n, &p, NULL) == RC_NO_MEMORY,
	    "a buffer without room is an error");
	buf_free(&b);
}

static bool
write_refused(int version, const struct network *n,
    const struct x402_payment *p, const char *why)
{
	struct err e = ERR_INIT;
	struct buf b;
	bool ok;

	buf_init(&b, X402_BODY_MAX);
	ok = x402_request_write(&b, version, n, p, &e) == RC_INVALID &&
	    b.len == 0 && strstr(e.msg, why) != NULL;
	buf_free(&b);
	if (!ok)
		tap_diag("%s", e.msg);
	return ok;
}

static void
test_refused_payments(void)
{
	struct network n = network_of("base"), custom = n;
	struct x402_payment good = facts_payment(&facts[0]), p = good;

	custom.name_v1[0] = '\0';
	tap_ok(write_refused(3, &n, &p, "version"), "there is no version 3");
	tap_ok(write_refused(1, &custom, &p, "name"),
	    "version 1 has no name for other chains");
	p.signature[64] = 0;
	tap_ok(write_refused(2, &n, &p, "got v 0"), "v must be 27 or 28");
	p.signature[64] = 28;
	tap_ok(write_refused(2, &n, &p, "isn't that of its payer"),
	    "the other v is another signer");
	p = good;
	memset(p.signature + 32, 0xff, 32);
	tap_ok(write_refused(2, &n, &p, "upper half"), "s must be low");
	p = good;
	p.authorization.value++;
	tap_ok(write_refused(2, &n, &p, "isn't that"),
	    "what wasn't signed isn't written");
	n = network_of("base-sepolia");
	tap_ok(write_refused(2, &n, &good, "isn't that"),
	    "nor what was signed for another chain");
	n = network_of("base");
	p = good;
	p.max_timeout_s = 0;
	tap_ok(write_refused(2, &n, &p, "timeout"), "a timeout is positive");
	p.max_timeout_s = 300;
	p.authorization.value = 1000000000000000000;
	tap_ok(
	    write_refused(1, &n, &p, "18 digits"), "version 1 takes 18 digits");
}

static bool
same_payment(const struct x402_payment *a, const struct x402_payment *b)
{
	const struct transfer_authorization *x = &a->authorization;
	const struct transfer_authorization *y = &b->authorization;

	return a->payout_id == b->payout_id &&
	    a->max_timeout_s == b->max_timeout_s &&
	    memcmp(a->signature, b->signature, SIGNATURE_LEN) == 0 &&
	    memcmp(x->from.b, y->from.b, 20) == 0 &&
	    memcmp(x->to.b, y->to.b, 20) == 0 && x->value == y->value &&
	    x->valid_after == y->valid_after &&
	    x->valid_before == y->valid_before &&
	    memcmp(x->nonce, y->nonce, 32) == 0;
}

/* Each place in a body, spoilt: nothing of it may be read. */
static void
test_spoilt_bodies(void)
{
	static const struct {
		const char *old, *new;
	} changes[] = {
		{ "\"x402Version\":2", "\"x402Version\":1" },
		{ "\"amount\":\"10000\"", "\"amount\":\"10001\"" },
		{ "\"value\":\"10000\"", "\"value\":\"10001\"" },
		{ "\"value\":\"10000\"", "\"value\":10000" },
		{ "\"value\":\"10000\"", "\"value\":\"010000\"" },
		{ "\"value\":\"10000\"", "\"value\":\"0x2710\"" },
		{ "\"validAfter\":\"0\"", "\"validAfter\":\"\"" },
		{ "1740672154", "18446744073709551616" },
		{ "eip155:8453", "eip155:84532" },
		{ "USD Coin", "USDC" },
		{ "\"version\":\"2\"", "\"version\":\"1\"" },
		{ "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
		    "0x036CbD53842c5426634e7929541eC2318f3dCF7e" },
		{ "\"payTo\":\"0x209693Bc6afc0C5328bA36FaF03C514EF312287C\"",
		    "\"payTo\":\"0x2c7536E3605D9C16a7a3D7b1898e529396a65c23\"" },
		{ "worknet payout 7", "worknet payout 07" },
		{ "worknet payout 7", "worknet payout 7x" },
		{ "worknet payout 7", "payout 7" },
		{ "exact", "upto" },
		{ "0x8b3ea38020", "0x8b3ea38021" },
		{ "\"nonce\":\"0xf3", "\"nonce\":\"0xf4" },
		{ "\"payload\":", "\"payload\":1,\"x\":" },
		{ "}}}", "}}" },
	};
	struct network n = network_of("base");
	struct x402_payment p;
	char text[sizeof(body_v2) + 200];
	const char *at;
	int version;
	size_t i;

	for (i = 0; i < COUNT(changes); i++) {
		at = strstr(body_v2, changes[i].old);
		(void)snprintf(text, sizeof(text), "%.*s%s%s",
		    (int)(at - body_v2), body_v2, changes[i].new,
		    at + strlen(changes[i].old));
		tap_ok(x402_request_read(&p, &version, &n, slice_of(text),
			   NULL) == RC_INVALID &&
			p.authorization.value == 0 && version == 0,
		    "a stored body with %s isn't read", changes[i].new);
	}
	tap_ok(x402_request_read(&p, &version, &n, slice_of(body_v1), NULL) ==
		RC_INVALID,
	    "nor one of another network");
}

/* ---- t/vectors/transfer-with-authorization.json ---- */

static struct json *
vectors_read(void)
{
	const char *srcdir = getenv("srcdir");
	struct err e = ERR_INIT;
	struct json *j = NULL;
	char path[4096];
	struct buf b;

	(void)snprintf(path, sizeof(path),
	    "%s/t/vectors/"
	    "transfer-with-authorization.json",
	    srcdir != NULL ? srcdir : ".");
	buf_init(&b, VECTORS_MAX);
	if (buf_read_file(&b, path, &e) != RC_OK ||
	    json_read(&j, (struct slice){ b.p, b.len }, &e) != RC_OK)
		die(path, e.msg);
	buf_free(&b);
	return j;
}

static const char *
text_at(const struct json *j, const char *key)
{
	const char *text = json_text(json_get(j, key));

	if (text == NULL)
		die("vectors: no text", key);
	return text;
}

static void
vector_network(struct network *n, const struct json *domain)
{
	int64_t id;

	memset(n, 0, sizeof(*n));
	if (json_int(&id, json_get(domain, "chainId")) != RC_OK)
		die("vectors", "no chainId");
	n->chain_id = (uint64_t)id;
	n->token = address_of(text_at(domain, "verifyingContract"));
	(void)snprintf(n->token_name, sizeof(n->token_name), "%s",
	    text_at(domain, "name"));
	(void)snprintf(n->token_version, sizeof(n->token_version), "%s",
	    text_at(domain, "version"));
	(void)snprintf(n->name_v1, sizeof(n->name_v1), "chain-%d", (int)id);
	(void)snprintf(n->name_v2, sizeof(n->name_v2), "eip155:%d", (int)id);
}

static void
vector_payment(struct x402_payment *p, const struct json *v, size_t i)
{
	const struct json *m = json_get(v, "message");
	struct transfer_authorization *a = &p->authorization;

	memset(p, 0, sizeof(*p));
	p->payout_id = (int64_t)i;
	p->max_timeout_s = 3600;
	a->from = address_of(text_at(m, "from"));
	a->to = address_of(text_at(m, "to"));
	a->value = strtoull(text_at(m, "value"), NULL, 10);
	a->valid_after = strtoull(text_at(m, "validAfter"), NULL, 10);
	a->valid_before = strtoull(text_at(m, "validBefore"), NULL, 10);
	hex_of(a->nonce, 32, text_at(m, "nonce"));
}

/* Signs it, writes it, reads it back. */
static bool
vector_holds(const struct json *v, size_t i, int version)
{
	uint8_t digest[KECCAK256_LEN], expected[SIGNATURE_LEN];
	struct x402_payment p, again;
	struct eip712_domain d;
	struct network n;
	struct eth_key key;
	struct buf b;
	int got = 0;
	bool ok;

	vector_network(&n, json_get(v, "domain"));
	vector_payment(&p, v, i);
	hex_of(key.b, sizeof(key.b), text_at(v, "privateKey"));
	d = network_domain(&n);
	eip712_transfer_digest(digest, &d, &p.authorization);
	hex_of(expected, KECCAK256_LEN, text_at(v, "digest"));
	ok = memcmp(digest, expected, sizeof(digest)) == 0;
	hex_of(expected, sizeof(expected), text_at(v, "signature"));
	ok = ok && eth_sign(p.signature, digest, &key, NULL) == RC_OK &&
	    memcmp(p.signature, expected, sizeof(expected)) == 0;
	buf_init(&b, X402_BODY_MAX);
	if (version == 1 && p.authorization.value > 999999999999999999)
		ok =
		    ok && x402_request_write(&b, 1, &n, &p, NULL) == RC_INVALID;
	else
		ok = ok &&
		    x402_request_write(&b, version, &n, &p, NULL) == RC_OK &&
		    x402_request_read(&again, &got, &n,
			(struct slice){ b.p, b.len }, NULL) == RC_OK &&
		    got == version && same_payment(&p, &again);
	buf_free(&b);
	return ok;
}

static void
test_vectors(void)
{
	struct json *vectors = vectors_read();
	size_t i, n = json_count(vectors), good[3] = { 0, 0, 0 };
	int version;

	for (i = 0; i < n; i++)
		for (version = 1; version <= 2; version++)
			if (vector_holds(json_at(vectors, i), i, version))
				good[version]++;
	tap_ok(n >= 60 && good[2] == n,
	    "%zu vectors: digest, signature and "
	    "a v2 body that is read back equal",
	    good[2]);
	tap_ok(good[1] == n, "%zu vectors: the same in v1", good[1]);
	json_free(vectors);
}

int
main(void)
{
	if (mkdtemp(dir) == NULL)
		die(dir, "can't make it");
	test_builtin_networks();
	test_configured_networks();
	test_payout_conf();
	test_payout_file();
	test_nonce();
	test_facts();
	test_exact_bytes();
	test_refused_payments();
	test_spoilt_bodies();
	test_vectors();
	(void)rmdir(dir);
	return tap_done();
}
