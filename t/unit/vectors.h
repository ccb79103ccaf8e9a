/*
 * What the tests of the Ethereum room share: the vectors made with viem
 * (t/vectors), and values from their texts.
 */
#ifndef WORKNET_T_VECTORS_H
#define WORKNET_T_VECTORS_H

#include "eth/attest.h"
#include "eth/hex.h"
#include "t/unit/tap.h"
#include "json/json.h"

#define VECTORS_MAX (1024 * 1024) /* bytes of a vector file */

#define SPOILED 0xa5 /* what outputs hold before a call that must fail */

/* The order of the group: one more than the greatest private key. */
#define ORDER_HEX                                                \
	"0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd2" \
	"5e8cd0364141"

static inline void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static inline struct json *
vectors_read(const char *name)
{
	const char *srcdir = getenv("srcdir");
	struct err e = ERR_INIT;
	struct json *j = NULL;
	char path[4096];
	struct buf b;

	(void)snprintf(path, sizeof(path), "%s/t/vectors/%s",
	    srcdir != NULL ? srcdir : ".", name);
	buf_init(&b, VECTORS_MAX);
	if (buf_read_file(&b, path, &e) != RC_OK ||
	    json_read(&j, (struct slice){ b.p, b.len }, &e) != RC_OK)
		die(path, e.msg);
	buf_free(&b);
	return j;
}

static inline const char *
text_of(const struct json *j, const char *key)
{
	const char *text = json_text(json_get(j, key));

	if (text == NULL)
		die("vectors: no string", key);
	return text;
}

static inline void
hex_of(uint8_t *out, size_t len, const struct json *j, const char *key)
{
	struct err e = ERR_INIT;

	if (hex_decode(out, len, slice_of(text_of(j, key)), &e) != RC_OK)
		die(key, e.msg);
}

static inline void
address_of(struct address *out, const char *text)
{
	struct err e = ERR_INIT;

	if (address_parse(out, NULL, slice_of(text), &e) != RC_OK)
		die(text, e.msg);
}

static inline void
key_of(struct eth_key *key, const char *text)
{
	struct err e = ERR_INIT;

	if (hex_decode(key->b, sizeof(key->b), slice_of(text), &e) != RC_OK)
		die("key", e.msg);
}

static inline bool
same_address(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool
is_zero(const void *p, size_t len)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < len; i++)
		if (b[i] != 0)
			return false;
	return true;
}

#endif
