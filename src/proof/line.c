#include "proof/line.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "json/json.h"

enum field_type { FIELD_NUMBER, FIELD_BOOL, FIELD_TEXT };

/* Fields of a line, in their order. */
static const struct field {
	const char *name;
	enum field_type type;
	size_t offset;
} fields[] = {
	{ "slot", FIELD_NUMBER, offsetof(struct line, slot) },
	{ "cycle", FIELD_NUMBER, offsetof(struct line, cycle) },
	{ "copy", FIELD_NUMBER, offsetof(struct line, copy) },
	{ "version", FIELD_NUMBER, offsetof(struct line, version) },
	{ "worker", FIELD_TEXT, offsetof(struct line, worker) },
	{ "network", FIELD_TEXT, offsetof(struct line, network) },
	{ "assigned", FIELD_NUMBER, offsetof(struct line, assigned) },
	{ "anchor", FIELD_NUMBER, offsetof(struct line, anchor) },
	{ "outcome", FIELD_TEXT, offsetof(struct line, outcome) },
	{ "scheme", FIELD_TEXT, offsetof(struct line, scheme) },
	{ "ledger", FIELD_TEXT, offsetof(struct line, ledger) },
	{ "form", FIELD_TEXT, offsetof(struct line, form) },
	{ "timestamp", FIELD_NUMBER, offsetof(struct line, timestamp) },
	{ "success", FIELD_BOOL, offsetof(struct line, success) },
	{ "status", FIELD_NUMBER, offsetof(struct line, status) },
	{ "ms", FIELD_NUMBER, offsetof(struct line, ms) },
	{ "error", FIELD_TEXT, offsetof(struct line, error) },
	{ "trace", FIELD_TEXT, offsetof(struct line, trace) },
	{ "region", FIELD_TEXT, offsetof(struct line, region) },
	{ "token", FIELD_TEXT, offsetof(struct line, token) },
	{ "place", FIELD_NUMBER, offsetof(struct line, place) },
	{ "count", FIELD_NUMBER, offsetof(struct line, count) },
	{ "path", FIELD_TEXT, offsetof(struct line, path) },
	{ "signature", FIELD_TEXT, offsetof(struct line, signature) },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *const forms[] = {
	[ADDRESS_CHECKSUM] = "checksum",
	[ADDRESS_LOWER] = "lower",
	[ADDRESS_UPPER] = "upper",
};

const char *
line_form_name(enum address_form form)
{
	return forms[form];
}

bool
line_form_parse(struct slice name, enum address_form *out)
{
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (slice_is(name, forms[i])) {
			*out = (enum address_form)i;
			return true;
		}
	return false;
}

/* ---- What became of a slot ---- */

#define REFUSED_MARK "refused:"

void
line_outcome(char out[static LINE_OUTCOME_SIZE], enum refused why)
{
	(void)snprintf(out, LINE_OUTCOME_SIZE, "%s%s",
	    why == REFUSED_NOT ? "missed" : REFUSED_MARK,
	    why == REFUSED_NOT ? "" : refused_word(why));
}

bool
line_is_refused(const struct line *l, enum refused *why)
{
	const size_t n = sizeof(REFUSED_MARK) - 1;

	*why = REFUSED_NOT;
	if (l->outcome.len < n || memcmp(l->outcome.p, REFUSED_MARK, n) != 0)
		return false;
	*why = refused_parse(
	    (struct slice){ l->outcome.p + n, l->outcome.len - n });
	return true;
}

/* ---- The text of a line ---- */

static const void *
field_of(const struct line *l, const struct field *f)
{
	return (const char *)l + f->offset;
}

static int64_t
number_of(const struct line *l, const struct field *f)
{
	return *(const int64_t *)field_of(l, f);
}

void
line_init(struct line *l)
{
	size_t i;

	memset(l, 0, sizeof(*l));
	for (i = 0; i < FIELDS; i++)
		if (fields[i].type != FIELD_TEXT)
			*(int64_t *)(void *)((char *)l + fields[i].offset) =
			    LINE_NONE;
}

static bool
is_there(const struct line *l, const struct field *f)
{
	return f->type == FIELD_TEXT
	    ? ((const struct slice *)field_of(l, f))->p != NULL
	    : number_of(l, f) != LINE_NONE;
}

static void
field_write(struct json_writer *w, const struct line *l, const struct field *f)
{
	const struct slice *text = field_of(l, f);

	if (!is_there(l, f))
		return;
	json_key(w, f->name);
	if (f->type == FIELD_TEXT)
		json_slice(w, *text);
	else if (f->type == FIELD_BOOL)
		json_bool(w, number_of(l, f) != 0);
	else
		json_number(w, number_of(l, f));
}

enum rc
line_write(struct buf *out, const struct line *l, struct err *e)
{
	struct json_writer *w;
	enum rc rc;
	size_t i;

	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(w);
	for (i = 0; i < FIELDS; i++)
		field_write(w, l, &fields[i]);
	json_close_object(w);
	json_writer_free(w);
	buf_add_text(out, "\n");
	return buf_status(out, e);
}

/* False for a value of another type. */
static bool
field_read(struct line *l, const struct field *f, const struct json *value)
{
	void *at = (char *)l + f->offset;
	const char *text;

	if (value == NULL)
		return true;
	switch (f->type) {
	case FIELD_NUMBER:
		return json_int(at, value) == RC_OK;
	case FIELD_BOOL:
		*(int64_t *)at = json_is_true(value);
		return json_is_true(value) || json_is_false(value);
	case FIELD_TEXT:
		text = json_text(value);
		if (text != NULL)
			*(struct slice *)at = slice_of(text);
		return text != NULL;
	}
	return false;
}

/* Whether line_write writes the very text. */
static bool
is_canonical(const struct line *l, struct slice text)
{
	struct buf b;
	bool same;

	buf_init(&b, LINE_MAX_BYTES + 1);
	same = line_write(&b, l, NULL) == RC_OK && b.len == text.len + 1 &&
	    memcmp(b.p, text.p, text.len) == 0;
	buf_free(&b);
	return same;
}

enum rc
line_parse(struct line_read *out, struct slice text, struct err *e)
{
	size_t i;
	bool ok;

	out->tree = NULL;
	line_init(&out->line);
	if (text.len > LINE_MAX_BYTES)
		return err_set(e, RC_INVALID,
		    "the line has %zu bytes, expected at most %d", text.len,
		    LINE_MAX_BYTES);
	if (json_read(&out->tree, text, e) != RC_OK)
		return RC_INVALID;
	ok = json_is_object(out->tree);
	for (i = 0; i < FIELDS && ok; i++)
		ok = field_read(&out->line, &fields[i],
		    json_get(out->tree, fields[i].name));
	if (ok && is_canonical(&out->line, text))
		return RC_OK;
	line_free(out);
	return err_set(
	    e, RC_INVALID, "the line isn't of a line's fields in their order");
}

void
line_free(struct line_read *l)
{
	json_free(l->tree);
	l->tree = NULL;
}
