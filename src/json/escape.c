#include "json/escape.h"

#include <string.h>

#define UNICODE_ESCAPE_LEN 6 /* \uXXXX */

/* The 16 bits of the \uXXXX at p. */
static uint32_t
unicode_escape(const char *p)
{
	uint32_t bits = 0;
	int i;

	for (i = 2; i < UNICODE_ESCAPE_LEN; i++) {
		bits <<= 4;
		if (p[i] >= '0' && p[i] <= '9')
			bits |= (uint32_t)(p[i] - '0');
		else
			bits |= (uint32_t)((p[i] | 0x20) - 'a' + 10) & 0x0f;
	}
	return bits;
}

static bool
is_unicode_escape(struct slice s)
{
	return s.len >= UNICODE_ESCAPE_LEN && s.p[0] == '\\' && s.p[1] == 'u';
}

static bool
is_high_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdbff;
}

static bool
is_low_surrogate(uint32_t c)
{
	return c >= 0xdc00 && c <= 0xdfff;
}

/* RFC 3629, but for surrogates, which come out as three bytes too. */
static void
add_character(struct buf *out, uint32_t c)
{
	uint8_t b[4];
	size_t len, i;

	if (c < 0x80) {
		b[0] = (uint8_t)c;
		len = 1;
	} else if (c < 0x800) {
		b[0] = (uint8_t)(0xc0 | c >> 6);
		len = 2;
	} else if (c < 0x10000) {
		b[0] = (uint8_t)(0xe0 | c >> 12);
		len = 3;
	} else {
		b[0] = (uint8_t)(0xf0 | c >> 18);
		len = 4;
	}
	for (i = 1; i < len; i++)
		b[i] = (uint8_t)(0x80 | (c >> 6 * (len - 1 - i) & 0x3f));
	buf_add(out, b, len);
}

/* Decodes the \uXXXX at the start of s, or a pair; the bytes it took. */
static size_t
add_unicode(struct buf *out, struct slice s)
{
	struct slice next = { s.p + UNICODE_ESCAPE_LEN,
		s.len - UNICODE_ESCAPE_LEN };
	uint32_t c = unicode_escape(s.p), low;

	if (is_high_surrogate(c) && is_unicode_escape(next)) {
		low = unicode_escape(next.p);
		if (is_low_surrogate(low)) {
			add_character(out,
			    0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return 2 * UNICODE_ESCAPE_LEN;
		}
	}
	add_character(out, c);
	return UNICODE_ESCAPE_LEN;
}

/* Decodes the escape at the start of s; the bytes it took. */
static size_t
add_escape(struct buf *out, struct slice s)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (is_unicode_escape(s))
		return add_unicode(out, s);
	name = s.len < 2 ? NULL : memchr(names, s.p[1], sizeof(names) - 1);
	CHECK(name != NULL);
	buf_add(out, values + (name - names), 1);
	return 2;
}

void
json_unescape(struct buf *out, struct slice raw)
{
	const char *backslash;
	size_t n;

	while (raw.len > 0) {
		backslash = memchr(raw.p, '\\', raw.len);
		if (backslash == raw.p) {
			n = add_escape(out, raw);
		} else {
			n = backslash == NULL ? raw.len
					      : (size_t)(backslash - raw.p);
			buf_add(out, raw.p, n);
		}
		raw.p += n;
		raw.len -= n;
	}
}
