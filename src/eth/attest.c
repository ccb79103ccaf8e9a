#include "eth/attest.h"

#include <string.h>

#define DIGITS_MAX 20 /* of a uint64_t */

/* The pieces of the text; the values stand between them. */
#define TEXT_TASK      "{\"taskId\":\""
#define TEXT_WORKER    "\",\"workerAddress\":\""
#define TEXT_TIMESTAMP "\",\"timestamp\":"
#define TEXT_SUCCESS   ",\"success\":"
#define TEXT_MAX                                                              \
	(sizeof(TEXT_TASK TEXT_WORKER TEXT_TIMESTAMP TEXT_SUCCESS "false}") - \
	    1 + TASK_ID_MAX + ADDRESS_LEN + DIGITS_MAX)

/* Text under construction; TEXT_MAX is enough for every attestation. */
struct text {
	char p[TEXT_MAX];
	size_t len;
};

static void
text_add(struct text *t, const char *p, size_t len)
{
	CHECK(len <= sizeof(t->p) - t->len);
	memcpy(t->p + t->len, p, len);
	t->len += len;
}

static void
text_add_string(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

static void
text_add_number(struct text *t, uint64_t n)
{
	char digits[DIGITS_MAX];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	text_add(t, digits + i, sizeof(digits) - i);
}

/* [A-Za-z0-9_.:-] */
static bool
is_task_id_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' ||
	    c == '-';
}

bool
task_id_is_valid(struct slice id)
{
	size_t i;

	if (id.len == 0 || id.len > TASK_ID_MAX)
		return false;
	for (i = 0; i < id.len; i++)
		if (!is_task_id_char(id.p[i]))
			return false;
	return true;
}

/* Character for character what JSON.stringify gives the worker. */
static void
attest_text(struct text *t, const struct attestation *a)
{
	const char *worker = a->worker_text;
	char made[ADDRESS_LEN + 1];

	CHECK(task_id_is_valid(a->task_id));
	CHECK(a->timestamp_ms >= 0 && a->timestamp_ms <= JSON_INT_MAX);
	if (worker == NULL) {
		address_format(made, &a->worker, a->form);
		worker = made;
	}
	t->len = 0;
	text_add_string(t, TEXT_TASK);
	text_add(t, a->task_id.p, a->task_id.len);
	text_add_string(t, TEXT_WORKER);
	text_add(t, worker, ADDRESS_LEN);
	text_add_string(t, TEXT_TIMESTAMP);
	text_add_number(t, (uint64_t)a->timestamp_ms);
	text_add_string(t, TEXT_SUCCESS);
	text_add_string(t, a->success ? "true}" : "false}");
}

void
attest_digest(uint8_t out[static KECCAK256_LEN], const struct attestation *a)
{
	struct text message;

	attest_text(&message, a);
	eth_text_digest(out, (struct slice){ message.p, message.len });
}

enum rc
attest_check(const struct attestation *a,
    const uint8_t sig[static SIGNATURE_LEN], struct err *e)
{
	char got[ADDRESS_LEN + 1], expected[ADDRESS_LEN + 1];
	uint8_t digest[KECCAK256_LEN];
	struct address signer;
	enum rc rc;

	attest_digest(digest, a);
	rc = eth_recover(&signer, digest, sig, e);
	if (rc != RC_OK)
		return rc;
	if (memcmp(signer.b, a->worker.b, sizeof(signer.b)) == 0)
		return RC_OK;
	address_format(got, &signer, ADDRESS_CHECKSUM);
	address_format(expected, &a->worker, ADDRESS_CHECKSUM);
	return err_set(e, RC_INVALID, "signature: got signer %s, expected %s",
	    got, expected);
}

enum rc
attest_sign(uint8_t sig[static SIGNATURE_LEN], const struct attestation *a,
    const struct eth_key *key, struct err *e)
{
	char got[ADDRESS_LEN + 1], expected[ADDRESS_LEN + 1];
	uint8_t digest[KECCAK256_LEN];
	struct address own;
	enum rc rc;

	memset(sig, 0, SIGNATURE_LEN);
	rc = eth_key_address(&own, key, e);
	if (rc != RC_OK)
		return rc;
	if (memcmp(own.b, a->worker.b, sizeof(own.b)) != 0) {
		address_format(got, &own, ADDRESS_CHECKSUM);
		address_format(expected, &a->worker, ADDRESS_CHECKSUM);
		return err_set(e, RC_INVALID,
		    "private key: got that of %s, expected that of %s", got,
		    expected);
	}
	attest_digest(digest, a);
	return eth_sign(sig, digest, key, e);
}
