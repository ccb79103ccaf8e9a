/*
 * JSON (RFC 8259), the only room that uses yajl: a parser that hands out
 * events without building a tree, a tree for small documents, and a writer.
 * Nothing here is shared between threads.
 */
#ifndef WORKNET_JSON_JSON_H
#define WORKNET_JSON_JSON_H

#include "base/buf.h"

enum json_type {
	JSON_OBJECT,
	JSON_OBJECT_END,
	JSON_ARRAY,
	JSON_ARRAY_END,
	JSON_KEY,
	JSON_STRING,
	JSON_NUMBER, /* text: the number as written */
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_event {
	enum json_type type;
	/*
	 * A key or string with its escapes decoded; may hold NUL or invalid
	 * UTF-8: see utf8_is_text. Valid only during the call.
	 */
	struct slice text;
	unsigned depth; /* of the open containers around it; top 0 */
};

/* Return false to stop; json_parse then gives RC_CONFLICT. */
typedef bool json_event_fn(void *ctx, const struct json_event *ev);

/*
 * Parses one document. RC_INVALID when it isn't JSON (with the position) or
 * is nested deeper than max_depth, RC_CONFLICT when fn stopped it,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc json_parse(struct slice text, unsigned max_depth,
    json_event_fn *fn, void *ctx, struct err *e);

/*
 * A number in [0, 2^53-1] without sign, fraction or exponent. RC_INVALID for
 * all else; *out is then 0.
 */
MUST_CHECK enum rc json_integer(int64_t *out, struct slice number);

/* ---- A tree, for documents of a known small size ---- */

struct json; /* a value */

/* Parses text into *out (json_free). RC_INVALID, RC_NO_MEMORY. */
MUST_CHECK enum rc
json_read(struct json **out, struct slice text, struct err *e);
void json_free(struct json *root);

/* The member of an object, NULL when absent or j is NULL or no object. */
const struct json *json_get(const struct json *j, const char *key);
/* The i-th element of an array, NULL when absent or j is no array. */
const struct json *json_at(const struct json *j, size_t i);
/* The number of elements or members, 0 for anything else. */
size_t json_count(const struct json *j);
/* The i-th member's name, NULL when j is no object or has fewer. */
const char *json_key_at(const struct json *j, size_t i);
/* The text of a string, NULL when j is NULL or no string. */
const char *json_text(const struct json *j);
/* RC_INVALID when j isn't an integer in [0, 2^53-1]. */
MUST_CHECK enum rc json_int(int64_t *out, const struct json *j);
/* The same of -(2^53-1) to 2^53-1. */
MUST_CHECK enum rc json_signed(int64_t *out, const struct json *j);
bool json_is_true(const struct json *j);
bool json_is_false(const struct json *j);
bool json_is_null(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_object(const struct json *j);

/* ---- A writer; commas and escapes are its business ---- */

struct json_writer;

/*
 * Writes to out, compact, or indented for people. *w is freed with
 * json_writer_free. RC_NO_MEMORY. Errors of out show in buf_status(out).
 */
MUST_CHECK enum rc json_writer_new(
    struct json_writer **w, struct buf *out, bool indented, struct err *e);
void json_writer_free(struct json_writer *w);
void json_open_object(struct json_writer *w);
void json_close_object(struct json_writer *w);
void json_open_array(struct json_writer *w);
void json_close_array(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_string(struct json_writer *w, const char *text);
void json_slice(struct json_writer *w, struct slice text);
void json_number(struct json_writer *w, int64_t n);
void json_bool(struct json_writer *w, bool b);
void json_null(struct json_writer *w);

#endif
