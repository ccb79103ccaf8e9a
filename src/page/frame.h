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

/* A table with its caption and the titles of its columns, up to NULL; in front
 * of one of numbers stands a #. */
void
frame_table(struct html *h, const char *caption, const char *const *titles);
void frame_table_end(struct html *h);

/* A cell of text. */
void frame_cell(struct html *h, const char *text);

#endif
