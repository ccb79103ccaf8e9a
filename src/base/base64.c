#include "base/base64.h"

#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* With an alphabet of 64, padded or not. */
static void
add(struct buf *out, const uint8_t *b, size_t len, const char *alphabet,
    bool padded)
{
	char four[4];
	uint32_t n;
	size_t i;

	for (i = 0; i < len; i += 3) {
		n = (uint32_t)b[i] << 16;
		if (i + 1 < len)
			n |= (uint32_t)b[i + 1] << 8;
		if (i + 2 < len)
			n |= b[i + 2];
		four[0] = alphabet[n >> 18];
		four[1] = alphabet[n >> 12 & 63];
		four[2] = i + 1 < len ? alphabet[n >> 6 & 63] : '=';
		four[3] = i + 2 < len ? alphabet[n & 63] : '=';
		buf_add(out, four, padded || len - i >= 3 ? 4 : len - i + 1);
	}
}

void
base64_add(struct buf *out, const void *p, size_t len)
{
	add(out, p, len, digits, true);
}

void
base64_add_url(struct buf *out, const void *p, size_t len)
{
	add(out, p, len, url_digits, false);
}

/* -1 for what is no digit. */
static int
digit(char c)
{
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits);
}

/* How many of the last characters are padding: 0 to 2. */
static size_t
padding(struct slice text)
{
	size_t n = 0;

	while (n < 2 && n < text.len && text.p[text.len - 1 - n] == '=')
		n++;
	return n;
}

static enum rc
refuse(struct err *e)
{
	return err_set(e, RC_INVALID, "it isn't base64, or not its one form");
}

enum rc
base64_decode(
    uint8_t *out, size_t size, size_t *len, struct slice text, struct err *e)
{
	const size_t pad = padding(text);
	uint32_t n = 0, bits = 0;
	size_t i;
	int d;

	*len = 0;
	if (text.len % 4 != 0)
		return refuse(e);
	if (text.len / 4 * 3 - pad > size)
		return err_set(e, RC_INVALID,
		    "base64: got %zu bytes, expected at most %zu",
		    text.len / 4 * 3 - pad, size);
	for (i = 0; i < text.len - pad; i++) {
		d = digit(text.p[i]);
		if (d < 0)
			return refuse(e);
		n = n << 6 | (uint32_t)d;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[(*len)++] = (uint8_t)(n >> bits);
			n &= (1U << bits) - 1;
		}
	}
	/* What is left over of the last digit must be 0. */
	return n == 0 ? RC_OK : refuse(e);
}

enum rc
base64_decode_exactly(
    uint8_t *out, size_t len, struct slice text, struct err *e)
{
	size_t got;
	enum rc rc;

	rc = base64_decode(out, len, &got, text, e);
	if (rc == RC_OK && got != len)
		rc = err_set(e, RC_INVALID,
		    "base64: got %zu bytes, expected %zu", got, len);
	return rc;
}
