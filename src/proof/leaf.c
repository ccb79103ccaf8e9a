#include "proof/leaf.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

enum field_type {
	FIELD_NUMBER,
	FIELD_TEXT,
	FIELD_INDEX, /* a number, or null */
};

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	size_t size; /* of a text with its NUL */
};

#define NUMBER(s, name, f)                                   \
	{                                                    \
		name, FIELD_NUMBER, offsetof(struct s, f), 0 \
	}
#define TEXT(s, name, f)                                 \
	{                                                \
		name, FIELD_TEXT, offsetof(struct s, f), \
		    sizeof(((struct s *)NULL)->f)        \
	}
#define INDEX(s, name, f)                                   \
	{                                                   \
		name, FIELD_INDEX, offsetof(struct s, f), 0 \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct field task_fields[] = {
	TEXT(task_leaf, "task", task),
	NUMBER(task_leaf, "version", version),
	TEXT(task_leaf, "state", state),
	NUMBER(task_leaf, "from", from),
	TEXT(task_leaf, "url", url),
	NUMBER(task_leaf, "expectedStatus", expected_status),
	NUMBER(task_leaf, "timeoutMs", timeout_ms),
	NUMBER(task_leaf, "intervalMs", interval_ms),
	NUMBER(task_leaf, "copies", copies),
	NUMBER(task_leaf, "cooldownMs", cooldown_ms),
	TEXT(task_leaf, "region", region),
	INDEX(task_leaf, "prev", prev),
};

static const struct field segment_fields[] = {
	TEXT(segment_leaf, "task", task),
	NUMBER(segment_leaf, "from", from),
	NUMBER(segment_leaf, "to", to),
	NUMBER(segment_leaf, "lines", lines),
	NUMBER(segment_leaf, "bytes", bytes),
	TEXT(segment_leaf, "sha256", sha256),
	NUMBER(segment_leaf, "results", results),
	NUMBER(segment_leaf, "missed", missed),
	NUMBER(segment_leaf, "unassigned", unassigned),
	INDEX(segment_leaf, "prev", prev),
};

static void
field_write(struct json_writer *w, const void *leaf, const struct field *f)
{
	const char *at = (const char *)leaf + f->offset;
	const int64_t *n = (const int64_t *)(const void *)at;

	json_key(w, f->name);
	if (f->type == FIELD_TEXT)
		json_string(w, at);
	else if (f->type == FIELD_INDEX && *n == LEAF_NONE)
		json_null(w);
	else
		json_number(w, *n);
}

static enum rc
leaf_write(struct buf *out, const char *type, const struct field *fields,
    size_t n, const void *leaf, struct err *e)
{
	struct json_writer *w;
	enum rc rc;
	size_t i;

	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(w);
	json_key(w, "type");
	json_string(w, type);
	for (i = 0; i < n; i++)
		field_write(w, leaf, &fields[i]);
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

static bool
field_read(void *leaf, const struct field *f, const struct json *value)
{
	char *at = (char *)leaf + f->offset;
	const char *text = json_text(value);

	if (f->type == FIELD_TEXT) {
		if (text == NULL || strlen(text) >= f->size)
			return false;
		(void)snprintf(at, f->size, "%s", text);
		return true;
	}
	if (f->type == FIELD_INDEX && json_is_null(value)) {
		*(int64_t *)(void *)at = LEAF_NONE;
		return true;
	}
	return json_int((int64_t *)(void *)at, value) == RC_OK;
}

/* Reads the fields; what writing them gives must be the entry. */
static enum rc
leaf_parse(void *leaf, size_t size, const char *type,
    const struct field *fields, size_t n, struct slice entry, struct err *e)
{
	struct json *tree = NULL;
	struct buf again;
	size_t i;
	bool ok;

	memset(leaf, 0, size);
	buf_init(&again, ENTRY_MAX);
	ok = json_read(&tree, entry, NULL) == RC_OK;
	for (i = 0; i < n && ok; i++)
		ok = field_read(
		    leaf, &fields[i], json_get(tree, fields[i].name));
	ok = ok && leaf_write(&again, type, fields, n, leaf, NULL) == RC_OK &&
	    again.len == entry.len && memcmp(again.p, entry.p, entry.len) == 0;
	json_free(tree);
	buf_free(&again);
	return ok
	    ? RC_OK
	    : err_set(e, RC_INVALID,
		  "the entry isn't of the fields of %s in their order", type);
}

enum rc
leaf_task_write(struct buf *out, const struct task_leaf *t, struct err *e)
{
	return leaf_write(
	    out, LEAF_TASK, task_fields, COUNT(task_fields), t, e);
}

enum rc
leaf_task_parse(struct task_leaf *out, struct slice entry, struct err *e)
{
	enum rc rc = leaf_parse(out, sizeof(*out), LEAF_TASK, task_fields,
	    COUNT(task_fields), entry, e);

	if (rc == RC_OK &&
	    (out->interval_ms < 1 || out->copies < 1 ||
		out->copies > COPIES_MAX))
		rc = err_set(e, RC_INVALID,
		    "a task has an interval and 1 to %d copies", COPIES_MAX);
	return rc;
}

enum rc
leaf_segment_write(struct buf *out, const struct segment_leaf *s, struct err *e)
{
	return leaf_write(
	    out, LEAF_SEGMENT, segment_fields, COUNT(segment_fields), s, e);
}

enum rc
leaf_segment_parse(struct segment_leaf *out, struct slice entry, struct err *e)
{
	enum rc rc = leaf_parse(out, sizeof(*out), LEAF_SEGMENT, segment_fields,
	    COUNT(segment_fields), entry, e);

	if (rc == RC_OK && (out->from >= out->to || out->to % HOUR_MS != 0))
		rc = err_set(e, RC_INVALID,
		    "a segment ends after it begins, with an hour");
	return rc;
}

void
leaf_type(char out[static 32], struct slice entry)
{
	struct json *tree = NULL;
	const char *type = NULL;

	if (json_read(&tree, entry, NULL) == RC_OK)
		type = json_text(json_get(tree, "type"));
	(void)snprintf(out, 32, "%s", type == NULL ? "" : type);
	json_free(tree);
}

void
leaf_sha256(char out[static 2 * SHA256_LEN + 1], struct slice bytes)
{
	uint8_t hash[SHA256_LEN];
	size_t i;

	sha256(hash, bytes.p, bytes.len);
	for (i = 0; i < SHA256_LEN; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

void
segment_name(
    char out[static SEGMENT_NAME_MAX + 1], const struct segment_leaf *s)
{
	time_t hour = (time_t)((s->to - HOUR_MS) / 1000);
	struct tm t = { .tm_mday = 1 };
	char when[24] = "";

	(void)gmtime_r(&hour, &t);
	(void)strftime(when, sizeof(when), "%Y/%m/%d/%H", &t);
	(void)snprintf(
	    out, SEGMENT_NAME_MAX + 1, "segment/%s/%s.ndjson", when, s->task);
}

/* ---- Cycles ---- */

bool
span_cycle_next(const struct span *spans, size_t n, int64_t to, int64_t *cycle,
    const struct span **span)
{
	int64_t at, end;
	size_t i;

	for (i = 0; i < n; i++) {
		end = i + 1 < n && spans[i + 1].from < to ? spans[i + 1].from
							  : to;
		at = *cycle > spans[i].from ? *cycle : spans[i].from;
		at += (spans[i].interval_ms - at % spans[i].interval_ms) %
		    spans[i].interval_ms;
		if (spans[i].active && at < end) {
			*cycle = at;
			*span = &spans[i];
			return true;
		}
	}
	return false;
}

bool
span_is_active(const struct span *spans, size_t n, int64_t at)
{
	size_t i = n;

	while (i > 0 && spans[i - 1].from > at)
		i--;
	return i > 0 && spans[i - 1].active;
}

bool
span_expects(const struct span *spans, size_t n, int64_t cycle, int64_t copy)
{
	const struct span *span = NULL;
	int64_t at = cycle;

	return span_cycle_next(spans, n, cycle + 1, &at, &span) &&
	    at == cycle && copy >= 0 && copy < span->copies;
}
