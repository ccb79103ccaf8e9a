#include "api/poll_query.h"

#include <string.h>

#include "base/utf8.h"

#define VALUE_MAX 128 /* bytes of a decoded value; more is refused */

static_assert(VALUE_MAX > REGION_MAX && VALUE_MAX > ADDRESS_LEN,
    "no value is too long that could be right");

struct value {
	bool given;
	bool too_long;
	char text[VALUE_MAX];
	size_t len;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* One decoded byte of s, which is shortened by what was read; -1: broken. */
static int
decode_byte(struct slice *s)
{
	int c = (unsigned char)s->p[0], hi, lo;

	s->p++;
	s->len--;
	if (c == '+')
		return ' ';
	if (c != '%')
		return c;
	if (s->len < 2)
		return -1;
	hi = hex_digit(s->p[0]);
	lo = hex_digit(s->p[1]);
	s->p += 2;
	s->len -= 2;
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

static enum rc
value_decode(struct value *v, struct slice raw, const char *name, struct err *e)
{
	int c;

	if (v->given)
		return err_set(e, RC_INVALID, "%s given twice", name);
	v->given = true;
	while (raw.len > 0) {
		c = decode_byte(&raw);
		if (c < 0)
			return err_set(
			    e, RC_INVALID, "%s: broken percent encoding", name);
		if (v->len == sizeof(v->text)) {
			v->too_long = true;
			return RC_OK;
		}
		v->text[v->len++] = (char)c;
	}
	return RC_OK;
}

static struct slice
take_until(struct slice *s, char end)
{
	const char *p = s->len == 0 ? NULL : memchr(s->p, end, s->len);
	struct slice taken = *s;

	if (p == NULL) {
		*s = (struct slice){ s->p + s->len, 0 };
		return taken;
	}
	taken.len = (size_t)(p - s->p);
	s->p = p + 1;
	s->len -= taken.len + 1;
	return taken;
}

static enum rc
address_set(struct poll_query *out, const struct value *v, struct err *e)
{
	struct slice text = { v->text, v->len };
	struct err cause = ERR_INIT;

	/* What existing workers are told for a missing or foreign address. */
	if (v->len < 2 || memcmp(v->text, "0x", 2) != 0)
		return err_set(e, RC_INVALID, "address required");
	if (v->too_long ||
	    address_parse(&out->address, NULL, text, &cause) != RC_OK)
		return err_set(e, RC_INVALID, "invalid address%s%s",
		    cause.msg[0] == '\0' ? "" : ": ", cause.msg);
	return RC_OK;
}

static enum rc
region_set(struct poll_query *out, const struct value *v, struct err *e)
{
	if (v->too_long || v->len > REGION_MAX)
		return err_set(
		    e, RC_INVALID, "region longer than %d bytes", REGION_MAX);
	if (!utf8_is_text(v->text, v->len))
		return err_set(e, RC_INVALID, "region isn't UTF-8 text");
	memcpy(out->region, v->text, v->len);
	out->region[v->len] = '\0';
	return RC_OK;
}

enum rc
poll_query_parse(struct poll_query *out, struct slice query, struct err *e)
{
	struct value address = { .given = false }, region = { .given = false };
	struct slice pair, name;
	enum rc rc;

	*out = (struct poll_query){ .region = "" };
	if (query.len > QUERY_MAX)
		return err_set(
		    e, RC_INVALID, "query longer than %d bytes", QUERY_MAX);
	while (query.len > 0) {
		pair = take_until(&query, '&');
		name = take_until(&pair, '=');
		rc = RC_OK;
		if (slice_is(name, "address"))
			rc = value_decode(&address, pair, "address", e);
		else if (slice_is(name, "region"))
			rc = value_decode(&region, pair, "region", e);
		if (rc != RC_OK)
			return rc;
	}
	rc = address_set(out, &address, e);
	if (rc == RC_OK)
		rc = region_set(out, &region, e);
	return rc;
}
