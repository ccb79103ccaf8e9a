/*
 * json_parse over yajl 2.1, and what yajl leaves out:
 * - It takes a vertical tab or a form feed for white space; RFC 8259 doesn't.
 * - It overlooks an unfinished string after the document.
 * - It makes a lone high surrogate a question mark and drops the character
 *   behind it. So strings with escapes are decoded here once more.
 * - It has no limit of depth.
 * - It doesn't check for memory (memory.h).
 */
#include "json/json.h"

#include <string.h>

#include <yajl/yajl_parse.h>

#include "base/limits.h"
#include "json/escape.h"
#include "json/memory.h"

struct parser {
	struct slice text;
	unsigned depth; /* of open containers */
	unsigned max_depth;
	json_event_fn *fn;
	void *ctx;
	size_t pos;   /* end of the last token reported */
	bool at_end;  /* yajl has all of the text */
	enum rc stop; /* why a callback stopped yajl */
	struct buf decoded;
	yajl_handle yajl; /* owned by memory */
	struct json_memory memory;
};

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The values of yajl's callbacks: go on, or stop. */
static int
parser_stop(struct parser *p, enum rc why)
{
	p->stop = why;
	return 0;
}

/* At the end yajl counts from a chunk of its own, behind the text. */
static size_t
parser_position(const struct parser *p)
{
	return p->at_end ? p->text.len : yajl_get_bytes_consumed(p->yajl);
}

static int
parser_report(struct parser *p, enum json_type type, struct slice text)
{
	struct json_event ev = { type, text, p->depth };

	p->pos = parser_position(p);
	return p->fn(p->ctx, &ev) ? 1 : parser_stop(p, RC_CONFLICT);
}

static int
parser_open(struct parser *p, enum json_type type)
{
	if (p->depth == p->max_depth)
		return parser_stop(p, RC_INVALID);
	if (!parser_report(p, type, (struct slice){ "", 0 }))
		return 0;
	p->depth++;
	return 1;
}

static int
parser_close(struct parser *p, enum json_type type)
{
	p->depth--;
	return parser_report(p, type, (struct slice){ "", 0 });
}

/*
 * A string as it stands in the text, without its quotes: between the last
 * token and its opening quote are only white space, a comma or a colon.
 */
static struct slice
parser_raw_string(const struct parser *p)
{
	size_t end = parser_position(p);
	const char *quote;

	CHECK(end <= p->text.len && end > p->pos);
	quote = memchr(p->text.p + p->pos, '"', end - p->pos);
	CHECK(quote != NULL && quote < p->text.p + end - 1);
	return (struct slice){ quote + 1,
		(size_t)(p->text.p + end - 1 - (quote + 1)) };
}

/* A key or a string. Every escape is longer than what it stands for. */
static int
parser_string(struct parser *p, enum json_type type, struct slice text)
{
	struct slice raw = parser_raw_string(p);

	if (raw.len == text.len)
		return parser_report(p, type, raw);
	buf_reset(&p->decoded);
	json_unescape(&p->decoded, raw);
	if (buf_status(&p->decoded, NULL) != RC_OK)
		return parser_stop(p, RC_NO_MEMORY);
	return parser_report(
	    p, type, (struct slice){ p->decoded.p, p->decoded.len });
}

static int
on_null(void *ctx)
{
	return parser_report(ctx, JSON_NULL, slice_of("null"));
}

static int
on_boolean(void *ctx, int value)
{
	return value ? parser_report(ctx, JSON_TRUE, slice_of("true"))
		     : parser_report(ctx, JSON_FALSE, slice_of("false"));
}

static int
on_number(void *ctx, const char *text, size_t len)
{
	return parser_report(ctx, JSON_NUMBER, (struct slice){ text, len });
}

static int
on_string(void *ctx, const unsigned char *text, size_t len)
{
	return parser_string(
	    ctx, JSON_STRING, (struct slice){ (const char *)text, len });
}

static int
on_map_key(void *ctx, const unsigned char *text, size_t len)
{
	return parser_string(
	    ctx, JSON_KEY, (struct slice){ (const char *)text, len });
}

static int
on_start_map(void *ctx)
{
	return parser_open(ctx, JSON_OBJECT);
}

static int
on_end_map(void *ctx)
{
	return parser_close(ctx, JSON_OBJECT_END);
}

static int
on_start_array(void *ctx)
{
	return parser_open(ctx, JSON_ARRAY);
}

static int
on_end_array(void *ctx)
{
	return parser_close(ctx, JSON_ARRAY_END);
}

/* With yajl_number set, yajl converts no number itself. */
static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_map_key,
	.yajl_end_map = on_end_map,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end_array,
};

/* RFC 8259, sections 2 and 7: of these only white space may stand raw. */
static enum rc
check_controls(struct slice text, struct err *e)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < ' ' && !is_space(text.p[i]))
			return err_set(e, RC_INVALID,
			    "JSON: control character 0x%02x at byte %zu",
			    (unsigned)text.p[i], i);
	return RC_OK;
}

static enum rc
explain_stop(const struct parser *p, struct err *e)
{
	switch (p->stop) {
	case RC_CONFLICT:
		return err_set(e, RC_CONFLICT,
		    "JSON: stopped by its reader at byte %zu", p->pos);
	case RC_NO_MEMORY:
		return err_set(e, RC_NO_MEMORY, "JSON: no memory");
	default:
		return err_set(e, RC_INVALID,
		    "JSON: nested deeper than %u at byte %zu", p->max_depth,
		    parser_position(p));
	}
}

/* yajl's own words, without their newline. They hold nothing of the text. */
static enum rc
explain_error(const struct parser *p, struct err *e)
{
	unsigned char *words = yajl_get_error(p->yajl, 0, NULL, 0);
	int len = (int)strcspn((const char *)words, "\n");

	(void)err_set(e, RC_INVALID, "JSON: %.*s at byte %zu", len,
	    (const char *)words, parser_position(p));
	yajl_free_error(p->yajl, words);
	return RC_INVALID;
}

/* Left by a jump when yajl gets no memory. */
static enum rc
parser_run(struct parser *p, struct err *e)
{
	yajl_status status;

	p->yajl = yajl_alloc(&callbacks, &p->memory.funcs, p);
	/* Invalid UTF-8 is refused with the value that holds it, not here. */
	(void)yajl_config(p->yajl, yajl_dont_validate_strings, 1);
	status =
	    yajl_parse(p->yajl, (const unsigned char *)p->text.p, p->text.len);
	if (status == yajl_status_ok) {
		p->at_end = true;
		status = yajl_complete_parse(p->yajl);
	}
	if (status == yajl_status_client_canceled)
		return explain_stop(p, e);
	if (status != yajl_status_ok)
		return explain_error(p, e);
	for (; p->pos < p->text.len; p->pos++)
		if (!is_space(p->text.p[p->pos]))
			return err_set(e, RC_INVALID,
			    "JSON: text after the document at byte %zu",
			    p->pos);
	return RC_OK;
}

/* Apart, so that no variable lives in a frame that a jump comes back to. */
static enum rc
parser_run_guarded(struct parser *p, struct err *e)
{
	if (setjmp(p->memory.failed) != 0)
		return err_set(e, RC_NO_MEMORY, "JSON: no memory");
	return parser_run(p, e);
}

enum rc
json_parse(struct slice text, unsigned max_depth, json_event_fn *fn, void *ctx,
    struct err *e)
{
	struct parser p = {
		.text = text,
		.max_depth = max_depth,
		.fn = fn,
		.ctx = ctx,
	};
	enum rc rc;

	if (text.len == 0)
		return err_set(e, RC_INVALID, "JSON: the text is empty");
	rc = check_controls(text, e);
	if (rc != RC_OK)
		return rc;
	buf_init(&p.decoded, text.len);
	json_memory_init(&p.memory);
	rc = parser_run_guarded(&p, e);
	json_memory_release(&p.memory);
	buf_free(&p.decoded);
	return rc;
}

enum rc
json_integer(int64_t *out, struct slice number)
{
	int64_t n = 0;
	size_t i;

	*out = 0;
	/* 2^53-1 has 16 digits; RFC 8259, section 6: no leading zero. */
	if (number.len == 0 || number.len > 16 ||
	    (number.len > 1 && number.p[0] == '0'))
		return RC_INVALID;
	for (i = 0; i < number.len; i++) {
		if (number.p[i] < '0' || number.p[i] > '9')
			return RC_INVALID;
		n = n * 10 + (number.p[i] - '0');
	}
	if (n > JSON_INT_MAX)
		return RC_INVALID;
	*out = n;
	return RC_OK;
}
