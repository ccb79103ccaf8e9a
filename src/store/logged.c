#include "store/logged.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* len: of YYYY-MM-DD/HH, what is told. */
static void
object_name(
    struct logged_file *f, int64_t at_ms, const char *directory, int len)
{
	const time_t at = (time_t)(at_ms / 1000);
	char when[32];
	struct tm t;

	(void)gmtime_r(&at, &t);
	(void)strftime(when, sizeof(when), "%Y-%m-%d/%H", &t);
	(void)snprintf(f->object, sizeof(f->object), "%s/%.*s/%s.ndjson",
	    directory, len, when, f->task);
}

static void
segment_take(struct logged_file *f, const struct segment_leaf *s)
{
	memcpy(f->task, s->task, sizeof(f->task));
	memcpy(f->sha256, s->sha256, sizeof(f->sha256));
	f->from = s->from;
	f->to = s->to;
	f->bytes = s->bytes;
	segment_name(f->name, s);
	object_name(f, s->to - HOUR_MS, "worker-results", 13);
}

static void
drills_take(struct logged_file *f, const struct drills_leaf *d)
{
	memcpy(f->task, d->task, sizeof(f->task));
	memcpy(f->sha256, d->sha256, sizeof(f->sha256));
	f->is_drills = true;
	f->from = d->day * DAY_MS;
	f->to = f->from + DAY_MS;
	f->bytes = d->bytes;
	drills_name(f->name, d);
	object_name(f, f->from, "drills", 10);
}

enum rc
logged_file_of(struct logged_file *f, bool *is_one, int64_t i,
    struct slice entry, struct err *e)
{
	const enum leaf_kind kind = leaf_kind(entry);
	union {
		struct segment_leaf segment;
		struct drills_leaf drills;
	} l;
	enum rc rc;

	*is_one = kind == KIND_SEGMENT || kind == KIND_DRILLS;
	if (!*is_one)
		return RC_OK;
	memset(f, 0, sizeof(*f));
	f->leaf = i;
	rc = leaf_parse(&l, kind, entry, e);
	if (rc == RC_OK && kind == KIND_SEGMENT)
		segment_take(f, &l.segment);
	else if (rc == RC_OK)
		drills_take(f, &l.drills);
	/* Nobody else is given the files of private tasks. */
	*is_one = rc == RC_OK && !leaf_is_private(f->task);
	return rc;
}

bool
logged_file_is(const struct logged_file *f, struct slice bytes)
{
	char hex[2 * SHA256_LEN + 1];

	leaf_sha256(hex, bytes);
	return (int64_t)bytes.len == f->bytes && strcmp(hex, f->sha256) == 0;
}
