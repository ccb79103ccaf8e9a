#include "json/json.h"

#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_gen.h>

#include "json/memory.h"

struct json_writer {
	struct buf *out; /* borrowed */
	bool indented;
	yajl_gen yajl; /* owned by memory */
	struct json_memory memory;
};

/*
 * yajl writes "\u001F" where JavaScript's JSON.stringify writes "\u001f". Of
 * yajl's pieces only a whole escape can begin with a backslash, so this one
 * can be told and written the other way. All else of its strings is alike.
 */
static bool
write_escape(struct buf *out, const char *p, size_t len)
{
	char escape[6];
	size_t i;

	if (len != sizeof(escape) || memcmp(p, "\\u00", 4) != 0)
		return false;
	for (i = 0; i < sizeof(escape); i++)
		escape[i] = p[i] >= 'A' && p[i] <= 'F'
		    ? (char)(p[i] - 'A' + 'a')
		    : p[i];
	buf_add(out, escape, sizeof(escape));
	return true;
}

/*
 * Indented, yajl spreads an empty container over three lines. The end of one
 * takes that back. Inside a string a piece never follows a raw newline.
 */
static void
close_empty(struct buf *out, const char *p, size_t len)
{
	size_t end = out->len;

	if (len != 1 || (*p != ']' && *p != '}'))
		return;
	while (end > 0 && (out->p[end - 1] == ' ' || out->p[end - 1] == '\n'))
		end--;
	if (end > 0 && end < out->len &&
	    out->p[end - 1] == (*p == ']' ? '[' : '{'))
		out->len = end;
}

static void
on_print(void *ctx, const char *p, size_t len)
{
	struct json_writer *w = ctx;

	if (len == 0 || write_escape(w->out, p, len))
		return;
	if (w->indented)
		close_empty(w->out, p, len);
	buf_add(w->out, p, len);
}

/* Left by a jump when yajl gets no memory; later on it needs none. */
static enum rc
writer_open(struct json_writer *w, struct err *e)
{
	if (setjmp(w->memory.failed) != 0)
		return err_set(e, RC_NO_MEMORY, "JSON: no memory");
	w->yajl = yajl_gen_alloc(&w->memory.funcs);
	(void)yajl_gen_config(w->yajl, yajl_gen_print_callback, on_print, w);
	(void)yajl_gen_config(w->yajl, yajl_gen_beautify, (int)w->indented);
	(void)yajl_gen_config(w->yajl, yajl_gen_indent_string, "  ");
	return RC_OK;
}

enum rc
json_writer_new(
    struct json_writer **w, struct buf *out, bool indented, struct err *e)
{
	enum rc rc;

	*w = malloc(sizeof(**w));
	if (*w == NULL)
		return err_set(e, RC_NO_MEMORY, "JSON: no memory");
	(*w)->out = out;
	(*w)->indented = indented;
	json_memory_init(&(*w)->memory);
	rc = writer_open(*w, e);
	if (rc != RC_OK) {
		json_writer_free(*w);
		*w = NULL;
	}
	return rc;
}

void
json_writer_free(struct json_writer *w)
{
	if (w == NULL)
		return;
	json_memory_release(&w->memory);
	free(w);
}

/* Only calls in a wrong order, or 128 levels, make yajl refuse. */
static void
check_order(yajl_gen_status status)
{
	CHECK(status == yajl_gen_status_ok);
}

void
json_open_object(struct json_writer *w)
{
	check_order(yajl_gen_map_open(w->yajl));
}

void
json_close_object(struct json_writer *w)
{
	check_order(yajl_gen_map_close(w->yajl));
}

void
json_open_array(struct json_writer *w)
{
	check_order(yajl_gen_array_open(w->yajl));
}

void
json_close_array(struct json_writer *w)
{
	check_order(yajl_gen_array_close(w->yajl));
}

void
json_key(struct json_writer *w, const char *key)
{
	json_slice(w, slice_of(key));
}

void
json_string(struct json_writer *w, const char *text)
{
	json_slice(w, slice_of(text));
}

void
json_slice(struct json_writer *w, struct slice text)
{
	check_order(
	    yajl_gen_string(w->yajl, (const unsigned char *)text.p, text.len));
}

void
json_number(struct json_writer *w, int64_t n)
{
	check_order(yajl_gen_integer(w->yajl, n));
}

void
json_bool(struct json_writer *w, bool b)
{
	check_order(yajl_gen_bool(w->yajl, b));
}

void
json_null(struct json_writer *w)
{
	check_order(yajl_gen_null(w->yajl));
}
