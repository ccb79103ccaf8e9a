#include "ledger/uptime_strip.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "ledger/rollup.h"

/* A time of a day: its letter, 19 digits; and the comma behind all seven. */
#define TEXT_MAX (UPTIME_STRIP_DAYS * (7 * 20 + 1))

static const struct part {
	char letter;
	size_t at; /* in struct uptime_time */
} parts[] = {
	{ 'u', offsetof(struct uptime_time, up) },
	{ 'd', offsetof(struct uptime_time, down) },
	{ 'c', offsetof(struct uptime_time, unconfirmed) },
	{ 'n', offsetof(struct uptime_time, unknown) },
	{ 'x', offsetof(struct uptime_time, disputed) },
	{ 'p', offsetof(struct uptime_time, paused) },
	{ 'm', offsetof(struct uptime_time, maintenance) },
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static int64_t *
part_of(struct uptime_time *t, const struct part *p)
{
	return (int64_t *)(void *)((char *)t + p->at);
}

/* The time with that letter; NULL: there is none. */
static int64_t *
time_of(struct uptime_time *t, char letter)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (parts[i].letter == letter)
			return part_of(t, &parts[i]);
	return NULL;
}

/* ---- Reading ---- */

static enum rc
text_read(struct uptime_strip *s, struct slice text, struct err *e)
{
	int64_t *ms = NULL;
	bool good = true;
	size_t i;

	s->n = 1;
	for (i = 0; good && i < text.len; i++) {
		if (text.p[i] >= '0' && text.p[i] <= '9') {
			good = ms != NULL && *ms <= DAY_MS;
			if (good)
				*ms = 10 * *ms + (text.p[i] - '0');
		} else if (text.p[i] == ',') {
			ms = NULL;
			good = s->n++ < UPTIME_STRIP_DAYS;
		} else {
			ms = time_of(&s->days[s->n - 1], text.p[i]);
			good = ms != NULL;
		}
	}
	return good ? RC_OK
		    : err_set(e, RC_CORRUPT, "a strip of days makes no sense");
}

enum rc
uptime_strip_read(
    struct uptime_strip *s, struct db *db, int64_t task, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_STRIP_GET);
	enum rc rc;
	bool row;

	memset(s, 0, sizeof(*s));
	query_int(q, 1, task);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		s->day = query_get_int(q, 0);
		rc = text_read(s, query_get_text(q, 1), e);
	}
	query_done(q);
	return rc;
}

/* ---- Making ---- */

static void
day_add(struct buf *text, struct uptime_time *t)
{
	int64_t ms;
	size_t i;

	for (i = 0; i < PARTS; i++) {
		ms = *part_of(t, &parts[i]);
		if (ms > 0)
			buf_printf(text, "%c%" PRId64, parts[i].letter, ms);
	}
}

/* Of the task's days; the text is empty without any. */
static enum rc
strip_make(
    struct db *db, int64_t task, int64_t *day, struct buf *text, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_DAY_TIMES);
	int64_t next = -1, at;
	struct uptime_time t;
	enum rc rc;
	bool row;

	query_int(q, 1, task);
	query_int(q, 2, UPTIME_STRIP_DAYS);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		at = query_get_int(q, C_UPTIME_DAY_TIMES_DAY);
		if (next < 0)
			*day = next = at;
		else
			buf_add_text(text, ",");
		for (; next < at; next++)
			buf_add_text(text, ",");
		next++;
		rollup_times_read(q, &t);
		day_add(text, &t);
	}
	query_done(q);
	return rc == RC_OK ? buf_status(text, e) : rc;
}

enum rc
uptime_strip_write(struct db *db, int64_t task, struct err *e)
{
	struct query *q;
	struct buf text;
	int64_t day = 0;
	enum rc rc;

	buf_init(&text, TEXT_MAX);
	rc = strip_make(db, task, &day, &text, e);
	q = db_query(
	    db, text.len == 0 ? Q_UPTIME_STRIP_DROP : Q_UPTIME_STRIP_PUT);
	query_int(q, 1, task);
	if (text.len > 0) {
		query_int(q, 2, day);
		query_text(q, 3, (struct slice){ text.p, text.len });
	}
	if (rc == RC_OK)
		rc = query_run(q, e);
	buf_free(&text);
	return rc;
}

enum rc
uptime_strip_check(struct db *db, int64_t task, bool *is_right, struct err *e)
{
	struct query *q;
	struct slice row_text;
	struct buf text;
	int64_t day = 0;
	bool row;
	enum rc rc;

	buf_init(&text, TEXT_MAX);
	rc = strip_make(db, task, &day, &text, e);
	q = db_query(db, Q_UPTIME_STRIP_GET);
	query_int(q, 1, task);
	if (rc == RC_OK)
		rc = query_step(q, &row, e);
	if (rc == RC_OK) {
		row_text = row ? query_get_text(q, 1) : slice_of("");
		*is_right = row == (text.len > 0) &&
		    (!row ||
			(query_get_int(q, 0) == day &&
			    slice_is(row_text, text.p)));
	}
	query_done(q);
	buf_free(&text);
	return rc;
}
