/*
 * A writer of HTML. Text and attributes are escaped, always: there is no way to
 * write them as they are. What it writes is well-formed XML, too. One thread.
 */
#ifndef WORKNET_PAGE_HTML_H
#define WORKNET_PAGE_HTML_H

#include "base/buf.h"

#define HTML_DEPTH_MAX 24 /* of elements in each other */

struct html {
	struct buf *out; /* its errors show in buf_status(out) */
	const char *open[HTML_DEPTH_MAX];
	size_t depth;
	bool in_tag; /* attributes can follow */
};

/* The document type, or that of XML which isn't HTML; borrows out. */
void html_begin(struct html *h, struct buf *out);
void html_begin_xml(struct html *h, struct buf *out);

/* Names are ours: literals. cls may be NULL. */
void html_open(struct html *h, const char *name, const char *cls);
void html_close(struct html *h);
/* Of the element that was just opened. */
void html_attribute(struct html *h, const char *name, const char *value);

/*
 * Text of anybody. What isn't UTF-8, can't be seen, or turns the direction of
 * what follows becomes U+FFFD.
 */
void html_text(struct html *h, const char *text);
void html_slice(struct html *h, struct slice text);
void html_number(struct html *h, int64_t n);
/* "0.001234" of micro-USDC. */
void html_usdc(struct html *h, int64_t micros);
/* Unix ms as "2026-01-31T12:00:00Z". */
#define HTML_TIME_MAX 40
void html_time_text(char out[static HTML_TIME_MAX], int64_t ms);
/* A time element of Unix ms, in UTC. */
void html_time(struct html *h, int64_t ms);
/* The same of a day alone. */
void html_day(struct html *h, int64_t ms);
/* "2 h", "90 min", "45 s": the largest unit that gives a whole number of ms. */
void html_span(struct html *h, int64_t ms);

/* An element with text in it, and one with a link. */
void html_element(
    struct html *h, const char *name, const char *cls, const char *text);
void html_link(struct html *h, const char *href, const char *text);

#endif
