/* What all pages have around and in them, inside this room only. */
#ifndef WORKNET_PAGE_FRAME_H
#define WORKNET_PAGE_FRAME_H

#include "page/html.h"
#include "page/page.h"

/* From the document's begin into its main part, and to its end. json is the
 * address of the same as JSON, "" for none. */
void frame_begin(
    struct html *h, struct buf *out, const char *title, const char *json);
void frame_end(struct html *h, int64_t now_ms);

/* Inside of the head, before anything else is written: what is there in other
 * forms, and where. */
struct frame_other {
	const char *type;
	const char *href;
	const char *title; /* or NULL */
};
void frame_begin_with(struct html *h, struct buf *out, const char *title,
    const struct frame_other *others);

/* A part of the page that again.js reads anew; html_close ends it. */
void frame_part(struct html *h, const char *name);

/* A script of this host, which runs once the page is there. */
void frame_script(struct html *h, const char *src);

/* A table with its caption and the titles of its columns, up to NULL; in front
 * of one of numbers stands a #. */
void
frame_table(struct html *h, const char *caption, const char *const *titles);
void frame_table_end(struct html *h);

/* What this host is called, for commands and links elsewhere. */
const char *frame_origin(const struct page_site *site);

/* A cell of text, one of a number, and one of a time. */
void frame_cell(struct html *h, const char *text);
void frame_cell_number(struct html *h, int64_t n);
void frame_cell_time(struct html *h, int64_t ms);

/* A term and what it is, in a dl: between these two. */
void frame_fact(struct html *h, const char *what);
void frame_fact_end(struct html *h);

/* A task's state in a word and a sign, besides the colour. */
void frame_state(struct html *h, const char *element, enum profile_state s);

/* "99.95 %" of parts per million, in a cell; and uptime's headline, which may
 * be words instead. */
void frame_figure(struct html *h, int64_t ppm);
void frame_headline(struct html *h, const struct uptime_figures *f);

#endif
