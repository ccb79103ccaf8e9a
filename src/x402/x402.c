#include "x402/x402.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"
#include "json/json.h"

/* Nobody fetches these; v1 bodies must have a URL and a MIME type. */
#define RESOURCE_URL  "https://worknet.example/payout/%" PRId64
#define RESOURCE_TEXT "worknet payout %" PRId64
#define RESOURCE_TYPE "application/json"
#define RESOURCE_MAX  64

#define V1_VALUE_MAX 999999999999999999ULL /* zod: at most 18 digits */

struct request_text {
	char url[RESOURCE_MAX];
	char description[RESOURCE_MAX];
	char from[ADDRESS_LEN + 1];
	char to[ADDRESS_LEN + 1];
	char token[ADDRESS_LEN + 1];
	char value[24];
	char valid_after[24];
	char valid_before[24];
	char nonce[HEX_SIZE(32)];
	char signature[HEX_SIZE(SIGNATURE_LEN)];
};

/* ---- Writing ---- */

static void
text_of(struct request_text *t, const struct network *n,
    const struct x402_payment *p)
{
	const struct transfer_authorization *a = &p->authorization;

	(void)snprintf(t->url, sizeof(t->url), RESOURCE_URL, p->payout_id);
	(void)snprintf(t->description, sizeof(t->description), RESOURCE_TEXT,
	    p->payout_id);
	address_format(t->from, &a->from, ADDRESS_CHECKSUM);
	address_format(t->to, &a->to, ADDRESS_CHECKSUM);
	address_format(t->token, &n->token, ADDRESS_CHECKSUM);
	(void)snprintf(t->value, sizeof(t->value), "%" PRIu64, a->value);
	(void)snprintf(
	    t->valid_after, sizeof(t->valid_after), "%" PRIu64, a->valid_after);
	(void)snprintf(t->valid_before, sizeof(t->valid_before), "%" PRIu64,
	    a->valid_before);
	hex_encode(t->nonce, a->nonce, sizeof(a->nonce));
	hex_encode(t->signature, p->signature, sizeof(p->signature));
}

static void
member(struct json_writer *w, const char *key, const char *value)
{
	json_key(w, key);
	json_string(w, value);
}

static void
write_extra(struct json_writer *w, const struct network *n)
{
	json_key(w, "extra");
	json_open_object(w);
	member(w, "name", n->token_name);
	member(w, "version", n->token_version);
	json_close_object(w);
}

static void
write_payload(struct json_writer *w, const struct request_text *t)
{
	json_key(w, "payload");
	json_open_object(w);
	member(w, "signature", t->signature);
	json_key(w, "authorization");
	json_open_object(w);
	member(w, "from", t->from);
	member(w, "to", t->to);
	member(w, "value", t->value);
	member(w, "validAfter", t->valid_after);
	member(w, "validBefore", t->valid_before);
	member(w, "nonce", t->nonce);
	json_close_object(w);
	json_close_object(w);
}

static void
write_requirements_v2(struct json_writer *w, const char *key,
    const struct network *n, const struct request_text *t, int64_t timeout_s)
{
	json_key(w, key);
	json_open_object(w);
	member(w, "scheme", "exact");
	member(w, "network", n->name_v2);
	member(w, "amount", t->value);
	member(w, "asset", t->token);
	member(w, "payTo", t->to);
	json_key(w, "maxTimeoutSeconds");
	json_number(w, timeout_s);
	write_extra(w, n);
	json_close_object(w);
}

static void
write_v2(struct json_writer *w, const struct network *n,
    const struct request_text *t, int64_t timeout_s)
{
	json_open_object(w);
	json_key(w, "x402Version");
	json_number(w, 2);
	json_key(w, "paymentPayload");
	json_open_object(w);
	json_key(w, "x402Version");
	json_number(w, 2);
	json_key(w, "resource");
	json_open_object(w);
	member(w, "url", t->url);
	member(w, "description", t->description);
	member(w, "mimeType", RESOURCE_TYPE);
	json_close_object(w);
	write_requirements_v2(w, "accepted", n, t, timeout_s);
	write_payload(w, t);
	json_close_object(w);
	write_requirements_v2(w, "paymentRequirements", n, t, timeout_s);
	json_close_object(w);
}

static void
write_v1(struct json_writer *w, const struct network *n,
    const struct request_text *t, int64_t timeout_s)
{
	json_open_object(w);
	json_key(w, "x402Version");
	json_number(w, 1);
	json_key(w, "paymentPayload");
	json_open_object(w);
	json_key(w, "x402Version");
	json_number(w, 1);
	member(w, "scheme", "exact");
	member(w, "network", n->name_v1);
	write_payload(w, t);
	json_close_object(w);
	json_key(w, "paymentRequirements");
	json_open_object(w);
	member(w, "scheme", "exact");
	member(w, "network", n->name_v1);
	member(w, "maxAmountRequired", t->value);
	member(w, "resource", t->url);
	member(w, "description", t->description);
	member(w, "mimeType", RESOURCE_TYPE);
	member(w, "payTo", t->to);
	json_key(w, "maxTimeoutSeconds");
	json_number(w, timeout_s);
	member(w, "asset", t->token);
	write_extra(w, n);
	json_close_object(w);
	json_close_object(w);
}

/*
 * The token takes no other: 0/1 for v reverts, and a high s is refused by
 * eth_recover (EIP-2).
 */
static enum rc
check_signature(
    const struct network *n, const struct x402_payment *p, struct err *e)
{
	struct eip712_domain domain = network_domain(n);
	uint8_t digest[KECCAK256_LEN];
	struct address signer;
	enum rc rc;

	if (p->signature[64] != 27 && p->signature[64] != 28)
		return err_set(e, RC_INVALID,
		    "payment: got v %u, expected 27 or 28", p->signature[64]);
	eip712_transfer_digest(digest, &domain, &p->authorization);
	rc = eth_recover(&signer, digest, p->signature, e);
	if (rc != RC_OK)
		return rc;
	if (memcmp(signer.b, p->authorization.from.b, sizeof(signer.b)) != 0)
		return err_set(e, RC_INVALID,
		    "payment: the signature isn't that of its payer");
	return RC_OK;
}

static enum rc
check_payment(int version, const struct network *n,
    const struct x402_payment *p, struct err *e)
{
	if (version != 1 && version != 2)
		return err_set(e, RC_INVALID,
		    "payment: got x402 version %d, expected 1 or 2", version);
	if (version == 1 && n->name_v1[0] == '\0')
		return err_set(e, RC_INVALID,
		    "payment: x402 version 1 has no name for chain %" PRIu64,
		    n->chain_id);
	if (version == 1 && p->authorization.value > V1_VALUE_MAX)
		return err_set(e, RC_INVALID,
		    "payment: got a value of %" PRIu64
		    ", expected at most 18 digits in x402 version 1",
		    p->authorization.value);
	if (p->max_timeout_s < 1 || p->max_timeout_s > JSON_INT_MAX)
		return err_set(e, RC_INVALID,
		    "payment: got a timeout of %" PRId64
		    " s, expected 1 or more",
		    p->max_timeout_s);
	return check_signature(n, p, e);
}

enum rc
x402_request_write(struct buf *out, int version, const struct network *n,
    const struct x402_payment *payment, struct err *e)
{
	struct request_text t;
	struct json_writer *w;
	enum rc rc;

	rc = check_payment(version, n, payment, e);
	if (rc != RC_OK)
		return rc;
	text_of(&t, n, payment);
	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	if (version == 2)
		write_v2(w, n, &t, payment->max_timeout_s);
	else
		write_v1(w, n, &t, payment->max_timeout_s);
	json_writer_free(w);
	return buf_status(out, e);
}

/* ---- Reading ---- */

static bool
is_text(const struct json *object, const char *key, const char *expected)
{
	const char *text = json_text(json_get(object, key));

	return text != NULL && strcmp(text, expected) == 0;
}

/* A decimal string without sign or leading zeros. */
static bool
read_decimal(uint64_t *out, const struct json *object, const char *key)
{
	const char *text = json_text(json_get(object, key));
	uint64_t n = 0;

	if (text == NULL || text[0] == '\0' ||
	    (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(n, UINT64_C(10), &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return false;
	}
	*out = n;
	return true;
}

static bool
read_address(struct address *out, const struct json *object, const char *key)
{
	const char *text = json_text(json_get(object, key));

	return text != NULL &&
	    address_parse(out, NULL, slice_of(text), NULL) == RC_OK;
}

static bool
read_bytes(uint8_t *out, size_t len, const struct json *object, const char *key)
{
	const char *text = json_text(json_get(object, key));

	return text != NULL &&
	    hex_decode(out, len, slice_of(text), NULL) == RC_OK;
}

static bool
read_payload(struct x402_payment *p, const struct json *payload)
{
	const struct json *a = json_get(payload, "authorization");
	struct transfer_authorization *out = &p->authorization;

	return read_bytes(
		   p->signature, sizeof(p->signature), payload, "signature") &&
	    read_address(&out->from, a, "from") &&
	    read_address(&out->to, a, "to") &&
	    read_decimal(&out->value, a, "value") &&
	    read_decimal(&out->valid_after, a, "validAfter") &&
	    read_decimal(&out->valid_before, a, "validBefore") &&
	    read_bytes(out->nonce, sizeof(out->nonce), a, "nonce");
}

/* The requirements are those that the payment in p fulfils. */
static bool
read_requirements(struct x402_payment *p, int version, const struct network *n,
    const struct json *r)
{
	const struct json *extra = json_get(r, "extra");
	struct request_text t;

	text_of(&t, n, p);
	return is_text(r, "scheme", "exact") &&
	    is_text(r, "network", version == 2 ? n->name_v2 : n->name_v1) &&
	    is_text(
		r, version == 2 ? "amount" : "maxAmountRequired", t.value) &&
	    is_text(r, "asset", t.token) && is_text(r, "payTo", t.to) &&
	    is_text(extra, "name", n->token_name) &&
	    is_text(extra, "version", n->token_version) &&
	    json_int(&p->max_timeout_s, json_get(r, "maxTimeoutSeconds")) ==
	    RC_OK;
}

static bool
read_payout_id(struct x402_payment *p, int version, const struct json *root)
{
	const struct json *where = version == 2
	    ? json_get(json_get(root, "paymentPayload"), "resource")
	    : json_get(root, "paymentRequirements");
	const char *text = json_text(json_get(where, "description"));
	char again[RESOURCE_MAX];

	if (text == NULL ||
	    sscanf(text, "worknet payout %" SCNd64, &p->payout_id) != 1)
		return false;
	(void)snprintf(again, sizeof(again), RESOURCE_TEXT, p->payout_id);
	return strcmp(text, again) == 0;
}

static bool
read_request(struct x402_payment *p, int *version, const struct network *n,
    const struct json *root)
{
	const struct json *payload = json_get(root, "paymentPayload");
	int64_t top = 0, inner = 0;

	if (json_int(&top, json_get(root, "x402Version")) != RC_OK ||
	    json_int(&inner, json_get(payload, "x402Version")) != RC_OK ||
	    top != inner || (top != 1 && top != 2))
		return false;
	*version = (int)top;
	if (!read_payout_id(p, *version, root) ||
	    !read_payload(p, json_get(payload, "payload")) ||
	    !read_requirements(
		p, *version, n, json_get(root, "paymentRequirements")))
		return false;
	if (*version == 2)
		return read_requirements(
		    p, *version, n, json_get(payload, "accepted"));
	return is_text(payload, "scheme", "exact") &&
	    is_text(payload, "network", n->name_v1);
}

enum rc
x402_request_read(struct x402_payment *out, int *version,
    const struct network *n, struct slice body, struct err *e)
{
	struct json *root = NULL;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	*version = 0;
	rc = json_read(&root, body, e);
	if (rc == RC_OK && !read_request(out, version, n, root))
		rc = err_set(e, RC_INVALID,
		    "stored request: not a payment on %s with token %s",
		    n->name_v2, n->token_name);
	if (rc == RC_OK)
		rc = check_payment(*version, n, out, e);
	json_free(root);
	if (rc != RC_OK) {
		memset(out, 0, sizeof(*out));
		*version = 0;
	}
	return rc;
}
