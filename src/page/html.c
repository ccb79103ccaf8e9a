#include "page/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void
tag_end(struct html *h)
{
	if (h->in_tag)
		buf_add_text(h->out, ">");
	h->in_tag = false;
}

/* How many bytes at p are one character that isn't to be shown; 0: none. */
static size_t
unseen(const unsigned char *p, size_t len)
{
	if (p[0] < 0x20 && p[0] != '\t' && p[0] != '\n')
		return 1;
	if (p[0] == 0x7f)
		return 1;
	if (len >= 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 2; /* U+0080 to U+009F */
	if (len >= 2 && p[0] == 0xd8 && p[1] == 0x9c)
		return 2; /* U+061C */
	if (len < 3)
		return 0;
	if (p[0] == 0xe2 && p[1] == 0x80 &&
	    ((p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xa8 && p[2] <= 0xae)))
		return 3; /* U+200B to U+200F, U+2028 to U+202E */
	if (p[0] == 0xe2 && p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf)
		return 3; /* U+2060 to U+206F */
	if (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return 3; /* U+FEFF */
	if (p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return 3; /* U+FFFE and U+FFFF, which XML doesn't have */
	return 0;
}

static const char *
escape_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* How many bytes at the text's begin are written as they are: ASCII. */
static size_t
plain_len(struct slice text)
{
	size_t n = 0;

	while (n < text.len && text.p[n] >= ' ' && text.p[n] < 0x7f &&
	    escape_of(text.p[n]) == NULL)
		n++;
	return n;
}

static void
escaped_add(struct buf *out, struct slice text)
{
	size_t i = plain_len(text), n;
	const char *escape;
	bool utf8;

	buf_add(out, text.p, i);
	utf8 = i == text.len || utf8_is_text(text.p, text.len);
	while (i < text.len) {
		n = unseen((const unsigned char *)text.p + i, text.len - i);
		if (!utf8 && (unsigned char)text.p[i] >= 0x80)
			n = 1;
		escape = escape_of(text.p[i]);
		if (n > 0)
			buf_add_text(out, REPLACEMENT);
		else if (escape != NULL)
			buf_add_text(out, escape);
		else
			buf_add(out, text.p + i, 1);
		i += n > 0 ? n : 1;
	}
}

void
html_begin(struct html *h, struct buf *out)
{
	*h = (struct html){ .out = out };
	buf_add_text(out, "<!DOCTYPE html>\n");
}

void
html_begin_xml(struct html *h, struct buf *out)
{
	*h = (struct html){ .out = out };
	buf_add_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void
html_open(struct html *h, const char *name, const char *cls)
{
	CHECK(h->depth < HTML_DEPTH_MAX);
	tag_end(h);
	buf_add_text(h->out, "<");
	buf_add_text(h->out, name);
	h->open[h->depth++] = name;
	h->in_tag = true;
	if (cls != NULL)
		html_attribute(h, "class", cls);
}

/* Those that have no end tag in HTML, and that stand on a line of their own. */
static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

void
html_close(struct html *h)
{
	static const char *const empty[] = { "meta", "link", "br", "img",
		"path", "rect", "input", NULL };
	static const char *const lines[] = { "meta", "link", "title", "head",
		"p", "h1", "h2", "tr", "thead", "tbody", "table", "section",
		"header", "main", "footer", "dl", "dd", "caption", "svg",
		"entry", "id", NULL };
	const char *name;

	CHECK(h->depth > 0);
	name = h->open[--h->depth];
	if (h->in_tag && is_one_of(name, empty)) {
		buf_add_text(h->out, "/>");
		h->in_tag = false;
	} else {
		tag_end(h);
		buf_add_text(h->out, "</");
		buf_add_text(h->out, name);
		buf_add_text(h->out, ">");
	}
	if (is_one_of(name, lines))
		buf_add_text(h->out, "\n");
}

void
html_attribute(struct html *h, const char *name, const char *value)
{
	CHECK(h->in_tag);
	buf_add_text(h->out, " ");
	buf_add_text(h->out, name);
	buf_add_text(h->out, "=\"");
	escaped_add(h->out, slice_of(value));
	buf_add_text(h->out, "\"");
}

void
html_slice(struct html *h, struct slice text)
{
	tag_end(h);
	escaped_add(h->out, text);
}

void
html_text(struct html *h, const char *text)
{
	html_slice(h, slice_of(text));
}

void
html_number(struct html *h, int64_t n)
{
	tag_end(h);
	buf_printf(h->out, "%" PRId64, n);
}

void
html_usdc(struct html *h, int64_t micros)
{
	uint64_t n = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;

	tag_end(h);
	buf_printf(h->out, "%s%" PRIu64 ".%06" PRIu64, micros < 0 ? "-" : "",
	    n / 1000000, n % 1000000);
}

void
html_time_text(char out[static HTML_TIME_MAX], int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&s, &tm) == NULL ||
	    strftime(out, HTML_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(out, HTML_TIME_MAX, "1970-01-01T00:00:00Z");
}

/* The first n characters of text, which is changed. */
static const char *
cut(char *text, size_t n)
{
	if (strlen(text) > n)
		text[n] = '\0';
	return text;
}

/* A time element, of which the first n characters are written. */
static void
time_element(struct html *h, int64_t ms, size_t n)
{
	time_t s = (time_t)(ms / 1000);
	char text[40];
	struct tm tm;

	if (ms <= 0 || gmtime_r(&s, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
		html_text(h, "-");
		return;
	}
	html_open(h, "time", NULL);
	html_attribute(h, "datetime", cut(text, n));
	(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	html_text(h, cut(text, n));
	html_close(h);
}

void
html_time(struct html *h, int64_t ms)
{
	time_element(h, ms, SIZE_MAX);
}

void
html_day(struct html *h, int64_t ms)
{
	time_element(h, ms, sizeof("2026-01-31") - 1);
}

void
html_span(struct html *h, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = { { DAY_MS, "d" }, { HOUR_MS, "h" }, { 60000, "min" },
		{ 1000, "s" }, { 1, "ms" } };
	size_t i = 0;

	while (units[i].ms > 1 && (ms < units[i].ms || ms % units[i].ms != 0))
		i++;
	html_number(h, ms / units[i].ms);
	buf_printf(h->out, " %s", units[i].name);
}

void
html_element(
    struct html *h, const char *name, const char *cls, const char *text)
{
	html_open(h, name, cls);
	html_text(h, text);
	html_close(h);
}

void
html_link(struct html *h, const char *href, const char *text)
{
	html_open(h, "a", NULL);
	html_attribute(h, "href", href);
	html_text(h, text);
	html_close(h);
}
