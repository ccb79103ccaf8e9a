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
	buf_printf(&b, "assigned %" PRId64 "\nslot %" PRId64 "\n",
	    m->assigned_ms, m->last_slot);
	for (i = 0; i < m->hours; i++)
		buf_printf(&b, "hour %" PRId64 " %" PRId64 "\n",
		    m->hour[i].hour, m->hour[i].slot);
	rc = buf_status(&b, e);
	if (rc == RC_OK)
		rc = file_put(path, 0600, b.p, b.len, e);
	buf_free(&b);
	return rc;
}

/* ---- Assignments, a file for each hour of their cycles ---- */

struct noting {
	const struct marks *m;
	int64_t newest_ms;
	int64_t hour; /* of fd */
	int fd;	      /* -1: none */
	struct buf lines;
};

static enum rc
noting_flush(struct noting *n, struct err *e)
{
	char path[FILE_PATH_SIZE];
	enum rc rc = RC_OK;

	if (n->lines.len == 0)
		return RC_OK;
	path_of(path, n->m, "assigned", n->hour / HOUR_MS);
	n->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (n->fd < 0)
		return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	rc = buf_status(&n->lines, e);
	/* The last line of a run that was ended may lack its end. */
	if (rc == RC_OK)
		rc = file_write(n->fd, "\n", 1, path, e);
	if (rc == RC_OK)
		rc = file_write(n->fd, n->lines.p, n->lines.len, path, e);
	if (rc == RC_OK && fsync(n->fd) != 0)
		rc = err_set(e, RC_IO, "%s: %s", path, strerror(errno));
	(void)close(n->fd);
	buf_reset(&n->lines);
	return rc;
}

static enum rc
note_one(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct noting *n = ctx;
	const int64_t hour = s->cycle_ms - s->cycle_ms % HOUR_MS;
	enum rc rc = RC_OK;

	(void)stop;
	if (hour != n->hour)
		rc = noting_flush(n, e);
	n->hour = hour;
	if (s->assigned_ms > n->newest_ms)
		n->newest_ms = s->assigned_ms;
	buf_printf(&n->lines,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
	    " %" PRId64 " %.*s %.*s\n",
	    s->slot, s->task, s->version, s->cycle_ms, s->copy, s->assigned_ms,
	    (int)s->worker.len, s->worker.p,
	    s->network.len == 0 ? 1 : (int)s->network.len,
	    s->network.len == 0 ? "-" : s->network.p);
	return rc;
}

enum rc
marks_note(struct marks *m, struct db *db, int64_t last_slot, int64_t now_ms,
    bool *restored, struct err *e)
{
	struct noting n = {
		.m = m, .newest_ms = m->assigned_ms, .hour = -1, .fd = -1
	};
	enum rc rc;

	buf_init(&n.lines, ASSIGNED_MAX);
	rc = public_assignments(db, m->assigned_ms - LATE_MS, note_one, &n, e);
	if (rc == RC_OK)
		rc = noting_flush(&n, e);
	buf_free(&n.lines);
	if (rc != RC_OK)
		return rc;
	m->assigned_ms = n.newest_ms < now_ms ? n.newest_ms : now_ms;
	*restored = last_slot < m->last_slot;
	if (*restored)
		m->hours = 0;
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

enum rc
marks_assignments(const struct marks *m, int64_t hour, public_slot_fn *fn,
    void *ctx, struct err *e)
{
	char path[FILE_PATH_SIZE], worker[64], network[LINE_MAX_B], *line;
	struct public_slot s;
	struct buf b;
	char *rest = NULL;
	bool stop = false;
	enum rc rc;

	buf_init(&b, ASSIGNED_MAX);
	path_of(path, m, "assigned", hour / HOUR_MS);
	rc = buf_read_file(&b, path, e);
	if (rc == RC_NOT_FOUND)
		rc = RC_OK;
	for (line = b.p == NULL ? NULL : strtok_r(b.p, "\n", &rest);
	     line != NULL && rc == RC_OK; line = strtok_r(NULL, "\n", &rest)) {
		memset(&s, 0, sizeof(s));
		if (sscanf(line,
			"%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64
			" %" SCNd64 " %" SCNd64 " %63s %255s",
			&s.slot, &s.task, &s.version, &s.cycle_ms, &s.copy,
			&s.assigned_ms, worker, network) != 8)
			continue;
		s.worker = slice_of(worker);
		s.network = slice_of(strcmp(network, "-") == 0 ? "" : network);
		rc = fn(ctx, &s, &stop, e);
	}
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
