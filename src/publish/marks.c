#include "publish/marks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

/* A commit holds polls of that time: an older one may follow a newer one. */
#define LATE_MS	     60000
#define MARKS_MAX    (4 * 1024 * 1024)
#define HOURS_MAX    2000		 /* 83 days */
#define ASSIGNED_MAX (256 * 1024 * 1024) /* bytes of an hour: a million slots */
#define LINE_MAX_B   256

static void
path_of(char out[static FILE_PATH_SIZE], const struct marks *m,
    const char *format, int64_t n)
{
	(void)snprintf(
	    out, FILE_PATH_SIZE, "%s/%s-%" PRId64, m->state, format, n);
}

static enum rc
hour_add(struct marks *m, int64_t hour, int64_t slot, struct err *e)
{
	struct hour_mark *all;

	if (m->hours > 0 && m->hour[m->hours - 1].hour == hour) {
		m->hour[m->hours - 1].slot = slot;
		return RC_OK;
	}
	if (m->hours > 0 && m->hour[m->hours - 1].hour > hour)
		return RC_OK; /* the clock was set back */
	if (m->hours == HOURS_MAX)
		memmove(m->hour, m->hour + 1, --m->hours * sizeof(m->hour[0]));
	all = realloc(m->hour, (m->hours + 1) * sizeof(*all));
	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	m->hour = all;
	all[m->hours++] = (struct hour_mark){ hour, slot };
	return RC_OK;
}

enum rc
marks_read(struct marks *m, const char *state, struct err *e)
{
	char path[FILE_PATH_SIZE], *line, *rest = NULL;
	int64_t hour, slot;
	struct buf b;
	enum rc rc;

	memset(m, 0, sizeof(*m));
	(void)snprintf(m->state, sizeof(m->state), "%s", state);
	(void)snprintf(path, sizeof(path), "%s/marks", state);
	buf_init(&b, MARKS_MAX);
	rc = buf_read_file(&b, path, e);
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	for (line = b.p == NULL ? NULL : strtok_r(b.p, "\n", &rest);
	     line != NULL && rc == RC_OK; line = strtok_r(NULL, "\n", &rest)) {
		(void)sscanf(line, "assigned %" SCNd64, &m->assigned_ms);
		(void)sscanf(line, "refusal %" SCNd64, &m->refusal);
		(void)sscanf(line, "slot %" SCNd64, &m->last_slot);
		if (sscanf(line, "hour %" SCNd64 " %" SCNd64, &hour, &slot) ==
		    2)
			rc = hour_add(m, hour, slot, e);
	}
	buf_free(&b);
	if (rc != RC_OK)
		marks_free(m);
	return rc;
}

void
marks_free(struct marks *m)
{
	free(m->hour);
	m->hour = NULL;
	m->hours = 0;
}

static enum rc
marks_write(const struct marks *m, struct err *e)
{
	char path[FILE_PATH_SIZE];
	struct buf b;
	size_t i;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/marks", m->state);
	buf_init(&b, MARKS_MAX);
	buf_printf(&b,
	    "assigned %" PRId64 "\nrefusal %" PRId64 "\nslot %" PRId64 "\n",
	    m->assigned_ms, m->refusal, m->last_slot);
	for (i = 0; i < m->hours; i++)
		buf_printf(&b, "hour %" PRId64 " %" PRId64 "\n",
		    m->hour[i].hour, m->hour[i].slot);
	rc = buf_status(&b, e);
	if (rc == RC_OK)
		rc = file_put(path, 0600, b.p, b.len, e);
	buf_free(&b);
	return rc;
}

/*
 * ---- Assignments, a file for each hour of their cycles ----
 *
 * "SLOT TASK VERSION CYCLE COPY ASSIGNED WORKER NETWORK" of one, and "refused
 * SLOT WORKER WORD" of whose answer was refused.
 */

struct noting {
	const struct marks *m;
	int64_t newest; /* of what was noted: its time, or its number */
	int64_t hour;	/* of lines */
	int may_begin;	/* O_CREAT: an hour's first line; or 0 */
	struct buf lines;
};

static enum rc
noting_flush(struct noting *n, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc;
	int fd;

	if (n->lines.len == 0)
		return RC_OK;
	path_of(path, n->m, "assigned", n->hour / HOUR_MS);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | n->may_begin, 0600);
	if (fd < 0 && errno == ENOENT && n->may_begin == 0) {
		buf_reset(&n->lines); /* the hour is logged */
		return RC_OK;
	}
	if (fd < 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	rc = buf_status(&n->lines, e);
	/* The last line of a run that was ended may lack its end. */
	if (rc == RC_OK)
		rc = file_write(fd, "\n", 1, path, e);
	if (rc == RC_OK)
		rc = file_write(fd, n->lines.p, n->lines.len, path, e);
	if (rc == RC_OK && fsync(fd) != 0)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	(void)close(fd);
	buf_reset(&n->lines);
	return rc;
}

/* The next line is of that cycle. */
static enum rc
noting_turn(struct noting *n, int64_t cycle_ms, struct err *e)
{
	const int64_t hour = cycle_ms - cycle_ms % HOUR_MS;
	enum rc rc = RC_OK;

	if (hour != n->hour)
		rc = noting_flush(n, e);
	n->hour = hour;
	return rc;
}

static enum rc
note_one(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct noting *n = ctx;
	enum rc rc = noting_turn(n, s->cycle_ms, e);

	(void)stop;
	if (s->assigned_ms > n->newest)
		n->newest = s->assigned_ms;
	buf_printf(&n->lines,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
	    " %" PRId64 " %.*s %.*s\n",
	    s->slot, s->task, s->version, s->cycle_ms, s->copy, s->assigned_ms,
	    (int)s->worker.len, s->worker.p,
	    s->network.len == 0 ? 1 : (int)s->network.len,
	    s->network.len == 0 ? "-" : s->network.p);
	return rc;
}

static enum rc
note_refused(void *ctx, const struct public_refused *r, struct err *e)
{
	struct noting *n = ctx;
	enum rc rc = noting_turn(n, r->cycle_ms, e);

	n->newest = r->id;
	if (r->why != REFUSED_NOT)
		buf_printf(&n->lines, "refused %" PRId64 " %.*s %s\n", r->slot,
		    (int)r->worker.len, r->worker.p, refused_word(r->why));
	return rc;
}

/* Those of slots whose assignments were noted, now or before. */
static enum rc
marks_refused(struct marks *m, struct db *db, struct err *e)
{
	struct noting n = { .m = m, .newest = m->refusal, .hour = -1 };
	enum rc rc;

	buf_init(&n.lines, ASSIGNED_MAX);
	rc = public_refusals(db, m->refusal, note_refused, &n, e);
	if (rc == RC_OK)
		rc = noting_flush(&n, e);
	buf_free(&n.lines);
	if (rc == RC_OK)
		m->refusal = n.newest;
	return rc;
}

enum rc
marks_note(struct marks *m, struct db *db, int64_t last_slot, int64_t now_ms,
    bool *restored, struct err *e)
{
	struct noting n = { .m = m,
		.newest = m->assigned_ms,
		.hour = -1,
		.may_begin = O_CREAT };
	enum rc rc;

	*restored = last_slot < m->last_slot;
	if (*restored) {
		m->hours = 0;
		m->refusal = 0;
	}
	buf_init(&n.lines, ASSIGNED_MAX);
	rc = public_assignments(db, m->assigned_ms - LATE_MS, note_one, &n, e);
	if (rc == RC_OK)
		rc = noting_flush(&n, e);
	buf_free(&n.lines);
	if (rc == RC_OK)
		rc = marks_refused(m, db, e);
	if (rc != RC_OK)
		return rc;
	m->assigned_ms = n.newest < now_ms ? n.newest : now_ms;
	m->last_slot = last_slot;
	rc = hour_add(m, now_ms - now_ms % HOUR_MS + HOUR_MS, last_slot, e);
	return rc == RC_OK ? marks_write(m, e) : rc;
}

int64_t
marks_slot_before(const struct marks *m, int64_t hour)
{
	int64_t slot = 0;
	size_t i;

	for (i = 0; i < m->hours && m->hour[i].hour <= hour; i++)
		slot = m->hour[i].slot;
	return slot;
}

/* A slot whose holder's answer was refused; worker is of the file's text. */
struct refused_mark {
	int64_t slot;
	const char *worker;
	enum refused why;
};

struct refused_marks {
	struct refused_mark *all; /* owned; by slot */
	size_t n, room;
};

/* Of a line that is one of these; cuts it into its words. */
static enum rc
refused_take(struct refused_marks *r, char *line, struct err *e)
{
	struct refused_mark *all;
	char *slot, *worker, *word, *rest = NULL;

	if (strncmp(line, "refused ", 8) != 0)
		return RC_OK;
	slot = strtok_r(line + 8, " ", &rest);
	worker = strtok_r(NULL, " ", &rest);
	word = strtok_r(NULL, " ", &rest);
	if (word == NULL)
		return RC_OK;
	if (r->n == r->room) {
		r->room = r->room == 0 ? 64 : 2 * r->room;
		all = realloc(r->all, r->room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		r->all = all;
	}
	r->all[r->n++] = (struct refused_mark){ strtoll(slot, NULL, 10), worker,
		refused_parse(slice_of(word)) };
	return RC_OK;
}

static int
refused_compare(const void *x, const void *y)
{
	const struct refused_mark *a = x, *b = y;

	return (a->slot > b->slot) - (a->slot < b->slot);
}

static enum refused
refused_of(const struct refused_marks *r, int64_t slot, const char *worker)
{
	const struct refused_mark key = { .slot = slot }, *hit = NULL;

	if (r->n > 0)
		hit = bsearch(&key, r->all, r->n, sizeof(key), refused_compare);
	return hit != NULL && strcmp(hit->worker, worker) == 0 ? hit->why
							       : REFUSED_NOT;
}

/* Shows the assignment that the line is, if it is one. */
static enum rc
assignment_show(const struct refused_marks *r, const char *line,
    public_slot_fn *fn, void *ctx, struct err *e)
{
	char worker[64], network[LINE_MAX_B];
	struct public_slot s;
	bool stop = false;

	memset(&s, 0, sizeof(s));
	if (sscanf(line,
		"%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
		" %" SCNd64 " %63s %255s",
		&s.slot, &s.task, &s.version, &s.cycle_ms, &s.copy,
		&s.assigned_ms, worker, network) != 8)
		return RC_OK;
	s.worker = slice_of(worker);
	s.network = slice_of(strcmp(network, "-") == 0 ? "" : network);
	s.refused = refused_of(r, s.slot, worker);
	return fn(ctx, &s, &stop, e);
}

enum rc
marks_assignments(const struct marks *m, int64_t hour, public_slot_fn *fn,
    void *ctx, struct err *e)
{
	struct refused_marks refused = { .n = 0 };
	char path[FILE_PATH_SIZE], *line, *rest = NULL;
	const char *at;
	struct buf b;
	enum rc rc;

	buf_init(&b, ASSIGNED_MAX);
	path_of(path, m, "assigned", hour / HOUR_MS);
	rc = buf_read_file(&b, path, e);
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	for (line = b.p == NULL ? NULL : strtok_r(b.p, "\n", &rest);
	     line != NULL && rc == RC_OK; line = strtok_r(NULL, "\n", &rest))
		rc = refused_take(&refused, line, e);
	if (refused.n > 0)
		qsort(refused.all, refused.n, sizeof(*refused.all),
		    refused_compare);
	/* The same lines once more: each ends with NUL by now. */
	for (at = b.p; at != NULL && at < b.p + b.len && rc == RC_OK;
	     at += strlen(at) + 1)
		rc = assignment_show(&refused, at, fn, ctx, e);
	free(refused.all);
	buf_free(&b);
	return rc;
}

void
marks_forget(struct marks *m, int64_t hour)
{
	char path[FILE_PATH_SIZE];
	int64_t i;

	/* A day's worth: what an earlier run may have left. */
	for (i = 1; i <= 24; i++) {
		path_of(path, m, "assigned", hour / HOUR_MS - i);
		(void)unlink(path);
	}
}
