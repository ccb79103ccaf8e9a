#include "proof/leaf.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "eth/attest.h"
#include "ledger/private_task.h"

/* A task may be paused for long; whoever verifies is done some time. */
#define SEGMENT_SPAN_MAX_MS (3653 * DAY_MS)

#define TIME_END_MS 253402300800000LL /* the year 10000 */

enum field_type {
	FIELD_NUMBER,
	FIELD_TEXT,
	FIELD_INDEX, /* a number, or null */
	FIELD_MAYBE, /* a text, null when it is empty */
	FIELD_OWN,   /* a text, of private tasks alone */
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
#define MAYBE(s, name, f)                                 \
	{                                                 \
		name, FIELD_MAYBE, offsetof(struct s, f), \
		    sizeof(((struct s *)NULL)->f)         \
	}
#define OWN(s, name, f)                                 \
	{                                               \
		name, FIELD_OWN, offsetof(struct s, f), \
		    sizeof(((struct s *)NULL)->f)       \
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

static const struct field private_fields[] = {
	TEXT(task_leaf, "task", task),
	NUMBER(task_leaf, "version", version),
	TEXT(task_leaf, "state", state),
	NUMBER(task_leaf, "from", from),
	NUMBER(task_leaf, "intervalMs", interval_ms),
	NUMBER(task_leaf, "copies", copies),
	TEXT(task_leaf, "commitment", commitment),
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
	NUMBER(segment_leaf, "refused", refused),
	NUMBER(segment_leaf, "unassigned", unassigned),
	NUMBER(segment_leaf, "definition", definition),
	INDEX(segment_leaf, "maintenance", maintenance),
	NUMBER(segment_leaf, "withinMs", within),
	OWN(segment_leaf, "seals", seals),
	INDEX(segment_leaf, "prev", prev),
};

static const struct field maintenance_fields[] = {
	TEXT(maintenance_leaf, "task", task),
	NUMBER(maintenance_leaf, "id", id),
	NUMBER(maintenance_leaf, "from", from),
	NUMBER(maintenance_leaf, "to", to),
	INDEX(maintenance_leaf, "ended", ended),
	NUMBER(maintenance_leaf, "noted", noted),
	TEXT(maintenance_leaf, "why", why),
	NUMBER(maintenance_leaf, "logged", logged),
	INDEX(maintenance_leaf, "prev", prev),
};

static const struct field method_fields[] = {
	TEXT(method_leaf, "method", method),
	NUMBER(method_leaf, "confirm", confirm),
	NUMBER(method_leaf, "confirmNetworks", networks),
	NUMBER(method_leaf, "recover", recover),
	NUMBER(method_leaf, "gapMs", gap_ms),
	TEXT(method_leaf, "text", text),
	NUMBER(method_leaf, "logged", logged),
	INDEX(method_leaf, "prev", prev),
};

static const struct field canary_fields[] = {
	NUMBER(canary_leaf, "day", day),
	TEXT(canary_leaf, "hash", hash),
	MAYBE(canary_leaf, "key", key),
	NUMBER(canary_leaf, "logged", logged),
};

static const struct field drills_fields[] = {
	TEXT(drills_leaf, "task", task),
	NUMBER(drills_leaf, "day", day),
	NUMBER(drills_leaf, "lines", lines),
	NUMBER(drills_leaf, "bytes", bytes),
	TEXT(drills_leaf, "sha256", sha256),
	OWN(drills_leaf, "seals", seals),
};

static const struct field key_fields[] = {
	TEXT(key_leaf, "key", key),
	NUMBER(key_leaf, "logged", logged),
};

static const struct kind {
	const char *type;
	const struct field *fields;
	size_t n;
	size_t size;
} kinds[] = {
	[KIND_TASK] = { LEAF_TASK, task_fields, COUNT(task_fields),
	    sizeof(struct task_leaf) },
	[KIND_PRIVATE] = { LEAF_PRIVATE, private_fields, COUNT(private_fields),
	    sizeof(struct task_leaf) },
	[KIND_SEGMENT] = { LEAF_SEGMENT, segment_fields, COUNT(segment_fields),
	    sizeof(struct segment_leaf) },
	[KIND_MAINTENANCE] = { LEAF_MAINTENANCE, maintenance_fields,
	    COUNT(maintenance_fields), sizeof(struct maintenance_leaf) },
	[KIND_METHOD] = { LEAF_METHOD, method_fields, COUNT(method_fields),
	    sizeof(struct method_leaf) },
	[KIND_CANARY] = { LEAF_CANARY, canary_fields, COUNT(canary_fields),
	    sizeof(struct canary_leaf) },
	[KIND_DRILLS] = { LEAF_DRILLS, drills_fields, COUNT(drills_fields),
	    sizeof(struct drills_leaf) },
	[KIND_KEY] = { LEAF_KEY, key_fields, COUNT(key_fields),
	    sizeof(struct key_leaf) },
};

static bool
field_is_text(const struct field *f)
{
	return f->type == FIELD_TEXT || f->type == FIELD_MAYBE ||
	    f->type == FIELD_OWN;
}

static void
field_write(struct json_writer *w, const void *leaf, const struct field *f)
{
	const char *at = (const char *)leaf + f->offset;
	const int64_t *n = (const int64_t *)(const void *)at;

	if (f->type == FIELD_OWN && at[0] == '\0')
		return;
	json_key(w, f->name);
	if ((f->type == FIELD_INDEX && *n == LEAF_NONE) ||
	    (f->type == FIELD_MAYBE && at[0] == '\0'))
		json_null(w);
	else if (field_is_text(f))
		json_string(w, at);
	else
		json_number(w, *n);
}

enum rc
leaf_write(
    struct buf *out, enum leaf_kind kind, const void *leaf, struct err *e)
{
	const struct kind *k = &kinds[kind];
	struct json_writer *w;
	enum rc rc;
	size_t i;

	rc = json_writer_new(&w, out, false, e);
	if (rc != RC_OK)
		return rc;
	json_open_object(w);
	json_key(w, "type");
	json_string(w, k->type);
	for (i = 0; i < k->n; i++)
		field_write(w, leaf, &k->fields[i]);
	json_close_object(w);
	json_writer_free(w);
	return buf_status(out, e);
}

static bool
field_read(void *leaf, const struct field *f, const struct json *value)
{
	char *at = (char *)leaf + f->offset;
	const char *text = json_text(value);

	if ((f->type == FIELD_MAYBE && json_is_null(value)) ||
	    (f->type == FIELD_OWN && value == NULL))
		return true;
	if (field_is_text(f)) {
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

/* A file is named by it, so that it can't be a way out of the directory. */
static bool
task_is_named(enum leaf_kind kind, const char *task)
{
	if (!leaf_is_private(task))
		return kind != KIND_PRIVATE && task_id_is_valid(slice_of(task));
	return kind != KIND_TASK && private_is_label(slice_of(task));
}

static bool
seals_fit(const char *task, const char *seals)
{
	return leaf_is_private(task) == (seals[0] != '\0');
}

/* The digits of a SHA-256, in lower case. */
static bool
is_sha256(const char *text)
{
	return strlen(text) == 2 * SHA256_LEN &&
	    strspn(text, "0123456789abcdef") == 2 * SHA256_LEN;
}

/* What a private task's leaf hides is a hash, or nobody can be held to it. */
static bool
hides_by_hash(const void *leaf, enum leaf_kind kind)
{
	const struct segment_leaf *s = leaf;
	const struct drills_leaf *d = leaf;
	const struct task_leaf *t = leaf;

	return (kind != KIND_PRIVATE || is_sha256(t->commitment)) &&
	    (kind != KIND_SEGMENT || s->seals[0] == '\0' ||
		is_sha256(s->seals)) &&
	    (kind != KIND_DRILLS || d->seals[0] == '\0' || is_sha256(d->seals));
}

/* Files are named by their time, with a year of four digits. */
static bool
is_time(int64_t ms)
{
	return ms <= TIME_END_MS;
}

/* 0x and the digits of 32 bytes, in lower case. */
static bool
is_hash(const char *text)
{
	return strlen(text) == LEAF_HEX_SIZE - 1 &&
	    memcmp(text, "0x", 2) == 0 &&
	    strspn(text + 2, "0123456789abcdef") == 2 * SHA256_LEN;
}

/* RFC 3986: nothing that would look like something else. */
static bool
is_url(const char *url)
{
	const char *p;

	for (p = url; *p > ' ' && *p < 0x7f; p++)
		;
	return *p == '\0' && p > url;
}

static enum rc
task_sense(const struct task_leaf *t, enum leaf_kind kind, struct err *e)
{
	if (t->interval_ms < 1 || t->interval_ms > INTERVAL_MAX_MS ||
	    t->copies < 1 || t->copies > COPIES_MAX)
		return err_set(e, RC_INVALID,
		    "a task has an interval of at most 31 days and 1 to %d copies",
		    COPIES_MAX);
	/* It is signed in 16 bits. */
	if (kind == KIND_TASK && t->expected_status > STATUS_MAX)
		return err_set(e, RC_INVALID,
		    "a task expects a status of at most %d", STATUS_MAX);
	if (kind == KIND_TASK && !is_url(t->url))
		return err_set(e, RC_INVALID,
		    "a URL is of ASCII, without blanks and control characters");
	if (strcmp(t->state, "active") != 0 &&
	    strcmp(t->state, "paused") != 0 && strcmp(t->state, "removed") != 0)
		return err_set(
		    e, RC_INVALID, "a task is active, paused or removed");
	return RC_OK;
}

static enum rc
segment_sense(const struct segment_leaf *s, struct err *e)
{
	if (s->from >= s->to || s->to % HOUR_MS != 0)
		return err_set(e, RC_INVALID,
		    "a segment ends after it begins, with an hour");
	if (s->within > RESULT_WINDOW_MAX_MS + CLOCK_SKEW_MAX_MS)
		return err_set(e, RC_INVALID,
		    "a result's time is within 25 hours of its assignment");
	if (s->to - s->from > SEGMENT_SPAN_MAX_MS || !is_time(s->to))
		return err_set(e, RC_INVALID,
		    "a segment is of ten years at most, before the year 10000");
	return RC_OK;
}

static enum rc
day_sense(int64_t day, struct err *e)
{
	return day < TIME_END_MS / DAY_MS
	    ? RC_OK
	    : err_set(e, RC_INVALID, "a day is before the year 10000");
}

static enum rc
canary_sense(const struct canary_leaf *c, struct err *e)
{
	if (!is_hash(c->hash) || (c->key[0] != '\0' && !is_hash(c->key)))
		return err_set(e, RC_INVALID,
		    "a key of drills, or its hash, is 0x and 64 hex digits in lower case");
	return day_sense(c->day, e);
}

/* What a leaf says besides its form. */
static enum rc
sense_check(const void *leaf, enum leaf_kind kind, struct err *e)
{
	const struct maintenance_leaf *m = leaf;
	const struct segment_leaf *s = leaf;
	const struct drills_leaf *d = leaf;

	/* The name of the task comes first in each. */
	if ((kind == KIND_TASK || kind == KIND_PRIVATE ||
		kind == KIND_SEGMENT || kind == KIND_MAINTENANCE ||
		kind == KIND_DRILLS) &&
	    !task_is_named(kind, leaf))
		return err_set(e, RC_INVALID,
		    "a private task has a label, and a public one a name");
	if ((kind == KIND_SEGMENT && !seals_fit(s->task, s->seals)) ||
	    (kind == KIND_DRILLS && !seals_fit(d->task, d->seals)))
		return err_set(e, RC_INVALID,
		    "a private task has seals, and no public one");
	if (!hides_by_hash(leaf, kind))
		return err_set(e, RC_INVALID,
		    "a commitment and seals are 64 hex digits in lower case");
	if (kind == KIND_MAINTENANCE &&
	    (m->from >= m->to || (m->ended != LEAF_NONE && m->ended >= m->to)))
		return err_set(e, RC_INVALID,
		    "maintenance ends after it begins, or before its end");
	if (kind == KIND_TASK || kind == KIND_PRIVATE)
		return task_sense(leaf, kind, e);
	if (kind == KIND_SEGMENT)
		return segment_sense(leaf, e);
	if (kind == KIND_CANARY)
		return canary_sense(leaf, e);
	if (kind == KIND_DRILLS)
		return day_sense(d->day, e);
	return RC_OK;
}

/* Reads the fields; what writing them gives must be the entry. */
enum rc
leaf_parse(void *leaf, enum leaf_kind kind, struct slice entry, struct err *e)
{
	const struct kind *k = &kinds[kind];
	struct json *tree = NULL;
	struct buf again;
	size_t i;
	bool ok;

	memset(leaf, 0, k->size);
	buf_init(&again, ENTRY_MAX);
	ok = json_read(&tree, entry, NULL) == RC_OK;
	for (i = 0; i < k->n && ok; i++)
		ok = field_read(
		    leaf, &k->fields[i], json_get(tree, k->fields[i].name));
	ok = ok && leaf_write(&again, kind, leaf, NULL) == RC_OK &&
	    again.len == entry.len && memcmp(again.p, entry.p, entry.len) == 0;
	json_free(tree);
	buf_free(&again);
	if (!ok)
		return err_set(e, RC_INVALID,
		    "the entry isn't of the fields of %s in their order",
		    k->type);
	return sense_check(leaf, kind, e);
}

bool
leaf_is_private(const char *task)
{
	return task[0] == '~';
}

const char *
task_leaf_name(const struct task_leaf *t)
{
	return t->signed_name[0] != '\0' ? t->signed_name : t->task;
}

/* The type comes first in what leaf_write writes. */
enum leaf_kind
leaf_kind(struct slice entry)
{
	static const char begin[] = "{\"type\":\"";
	const size_t skip = sizeof(begin) - 1;
	struct slice type;
	const char *end;
	size_t i;

	if (entry.len <= skip || memcmp(entry.p, begin, skip) != 0)
		return KIND_OTHER;
	end = memchr(entry.p + skip, '"', entry.len - skip);
	if (end == NULL)
		return KIND_OTHER;
	type = (struct slice){ entry.p + skip, (size_t)(end - entry.p) - skip };
	for (i = 0; i < COUNT(kinds); i++)
		if (slice_is(type, kinds[i].type))
			return (enum leaf_kind)i;
	return KIND_OTHER;
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

/* The file of a task, of a day, or of an hour of it. */
static void
file_name(char out[static SEGMENT_NAME_MAX + 1], const char *folder, int64_t at,
    bool is_hour, const char *task)
{
	time_t s = (time_t)(at / 1000);
	struct tm t = { .tm_mday = 1 };
	char day[24] = "", hour[8] = "";

	(void)gmtime_r(&s, &t);
	(void)strftime(day, sizeof(day), "%Y/%m/%d", &t);
	if (is_hour)
		(void)strftime(hour, sizeof(hour), "/%H", &t);
	(void)snprintf(out, SEGMENT_NAME_MAX + 1, "%s/%s%s/%s.ndjson", folder,
	    day, hour, task);
}

void
segment_name(
    char out[static SEGMENT_NAME_MAX + 1], const struct segment_leaf *s)
{
	file_name(out, "segment", s->to - HOUR_MS, true, s->task);
}

void
drills_name(char out[static SEGMENT_NAME_MAX + 1], const struct drills_leaf *d)
{
	file_name(out, "drills", d->day * DAY_MS, false, d->task);
}

/* ---- Cycles ---- */

struct span
task_leaf_span(const struct task_leaf *t)
{
	return (struct span){ t->from, strcmp(t->state, "active") == 0,
		t->version, t->interval_ms, t->copies };
}

size_t
span_find(const struct span *spans, size_t n, int64_t version, int64_t at)
{
	size_t i, found = n;

	for (i = 0; i < n; i++)
		if (spans[i].version == version &&
		    (found == n || spans[i].from <= at))
			found = i;
	return found;
}

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

int64_t
span_place(const struct span *spans, size_t n, int64_t version, int64_t cycle,
    int64_t copy)
{
	size_t i;

	if (span_expects(spans, n, cycle, copy))
		return cycle;
	/* A new definition's first cycle may have begun before it. */
	for (i = 0; i < n; i++)
		if (spans[i].version == version)
			return spans[i].from > cycle ? spans[i].from : cycle;
	return cycle;
}

size_t
span_first(const struct span *spans, size_t i)
{
	while (i > 0 && spans[i - 1].version == spans[i].version &&
	    spans[i - 1].interval_ms == spans[i].interval_ms &&
	    spans[i - 1].copies == spans[i].copies)
		i--;
	return i;
}
