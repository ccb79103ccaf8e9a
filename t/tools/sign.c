/*
 * Signs results for the tests: reads lines
 *	KEY TASKID TIMESTAMP SUCCESS FORM
 * (KEY: 64 hex digits; SUCCESS: true or false; FORM: checksum, lower or
 * upper, the letter case of the address that is signed) and answers each
 * with "SIGNATURE ADDRESS", or with "error: ..." when it can't. A line
 *	KEY HEX
 * has the text signed whose bytes they are, with EIP-191.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eth/attest.h"
#include "eth/hex.h"

static enum rc
form_parse(enum address_form *form, const char *text, struct err *e)
{
	static const char *const names[] = {
		[ADDRESS_CHECKSUM] = "checksum",
		[ADDRESS_LOWER] = "lower",
		[ADDRESS_UPPER] = "upper",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0) {
			*form = (enum address_form)i;
			return RC_OK;
		}
	return err_set(e, RC_INVALID,
	    "form: got \"%s\", expected checksum, "
	    "lower or upper",
	    text);
}

static enum rc
key_parse(struct eth_key *key, const char *digits, struct err *e)
{
	char text[3 + 64];

	(void)snprintf(text, sizeof(text), "0x%s", digits);
	return hex_decode(key->b, sizeof(key->b), slice_of(text), e);
}

static enum rc
sign_text(char *const fields[static 2], char *sig_text, char *address_text,
    struct err *e)
{
	uint8_t sig[SIGNATURE_LEN], text[2048], digest[KECCAK256_LEN];
	size_t len = strlen(fields[1]) / 2 - 1;
	struct address a;
	struct eth_key key;
	enum rc rc;

	if (len > sizeof(text))
		return err_set(e, RC_INVALID, "text too long");
	rc = hex_decode(text, len, slice_of(fields[1]), e);
	if (rc == RC_OK)
		rc = key_parse(&key, fields[0], e);
	if (rc == RC_OK)
		rc = eth_key_address(&a, &key, e);
	if (rc != RC_OK)
		return rc;
	eth_text_digest(digest, (struct slice){ (const char *)text, len });
	rc = eth_sign(sig, digest, &key, e);
	hex_encode(sig_text, sig, sizeof(sig));
	address_format(address_text, &a, ADDRESS_CHECKSUM);
	return rc;
}

/* One line of input: fields[5] in, the answer's two texts out. */
static enum rc
sign_line(char *const fields[static 5], char *sig_text, char *address_text,
    struct err *e)
{
	uint8_t sig[SIGNATURE_LEN];
	struct attestation a = { .task_id = slice_of(fields[1]) };
	struct eth_key key;
	enum rc rc;

	if (!task_id_is_valid(a.task_id))
		return err_set(e, RC_INVALID, "invalid task id");
	a.timestamp_ms = strtoll(fields[2], NULL, 10);
	if (a.timestamp_ms < 0 || a.timestamp_ms > JSON_INT_MAX)
		return err_set(e, RC_INVALID, "timestamp out of range");
	a.success = strcmp(fields[3], "true") == 0;
	rc = form_parse(&a.form, fields[4], e);
	if (rc == RC_OK)
		rc = key_parse(&key, fields[0], e);
	if (rc == RC_OK)
		rc = eth_key_address(&a.worker, &key, e);
	if (rc == RC_OK)
		rc = attest_sign(sig, &a, &key, e);
	if (rc != RC_OK)
		return rc;
	hex_encode(sig_text, sig, sizeof(sig));
	address_format(address_text, &a.worker, a.form);
	return RC_OK;
}

int
main(void)
{
	char line[8192], sig[HEX_SIZE(SIGNATURE_LEN)];
	char address[ADDRESS_LEN + 1], *fields[5], *save;
	struct err e;
	enum rc rc;
	size_t i;

	while (fgets(line, sizeof(line), stdin) != NULL) {
		e = (struct err)ERR_INIT;
		fields[0] = strtok_r(line, " \n", &save);
		for (i = 1; i < 5 && fields[i - 1] != NULL; i++)
			fields[i] = strtok_r(NULL, " \n", &save);
		if (i == 3 && fields[2] == NULL && strlen(fields[1]) > 2)
			rc = sign_text(fields, sig, address, &e);
		else if (i < 5 || fields[4] == NULL)
			rc = err_set(&e, RC_INVALID, "expected five fields");
		else
			rc = sign_line(fields, sig, address, &e);
		if (rc == RC_OK)
			printf("%s %s\n", sig, address);
		else
			printf("error: %s\n", e.msg);
		(void)fflush(stdout);
	}
	return EXIT_SUCCESS;
}
