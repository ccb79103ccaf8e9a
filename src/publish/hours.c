/*
 * Hours that are over: a segment for each task. An hour of a task is over when
 * the slots of its last cycle can't be paid any more.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "ledger/origin.h"
#include "proof/seal.h"
#include "publish/room.h"

#define SEGMENT_BYTES (1024LL * 1024 * 1024)

/* Rows of the ledger that a clock that was set back has mixed are found. */
#define MIXED_MS HOUR_MS

static int64_t
hour_of(int64_t ms)
{
	return ms - ms % HOUR_MS;
}

/* ---- What is due ---- */

/* The longest interval of what was in force since the time. */
static int64_t
interval_since(const struct task_state *t, int64_t from)
{
	int64_t max = 0;
	size_t i;

	for (i = 0; i < t->spans_n; i++)
		if ((i + 1 == t->spans_n || t->spans[i + 1].from > from) &&
		    t->spans[i].interval_ms > max)
			max = t->spans[i].interval_ms;
	return max;
}

/* Where the task's next segment begins. */
static int64_t
next_from(const struct task_state *t)
{
	return t->segment.to > 0 ? t->segment.to : hour_of(t->spans[0].from);
}

/*
 * The hour with which the task's next segment ends, by its start: the first
 * that has a part of a span in which it is active; -1: none has.
 */
static int64_t
next_hour(const struct task_state *t)
{
	const int64_t from = next_from(t);
	size_t i;

	for (i = 0; i < t->spans_n; i++)
		if (t->spans[i].active &&
		    (i + 1 == t->spans_n || t->spans[i + 1].from > from))
			return hour_of(
			    t->spans[i].from > from ? t->spans[i].from : from);
	return -1;
}

static bool
is_over(const struct publisher *p, const struct task_state *t, int64_t hour)
{
	return p->over_ms >= hour + HOUR_MS + interval_since(t, next_from(t)) +
	    POLL_PERIOD_MS + p->bounds.window_ms + CLOCK_SKEW_MS;
}

/* The first hour that is over for a task; -1. */
static int64_t
hour_due(const struct publisher *p)
{
	int64_t hour, first = -1;
	size_t i;

	for (i = 0; i < p->state.tasks; i++) {
		hour = next_hour(p->state.task[i]);
		if (hour >= 0 && is_over(p, p->state.task[i], hour) &&
		    (first < 0 || hour < first))
			first = hour;
	}
	return first;
}

/* ---- What was given and paid in an hour ---- */

/* A task of the hour, and what the ledger has of its segment before. */
struct due_task {
	struct task_state *t;
	int64_t before; /* results */
};

struct hour {
	struct publisher *p;
	int64_t hour;
	int64_t stop_ms;      /* slots of cycles from here on are none of it */
	struct due_task *due; /* owned, by the task's number in the ledger */
	size_t n;
	struct cells cells;
};

static int
due_compare(const void *x, const void *y)
{
	const int64_t a = ((const struct due_task *)x)->t->id;
	const int64_t b = ((const struct due_task *)y)->t->id;

	return (a > b) - (a < b);
}

static struct due_task *
due_find(const struct hour *h, int64_t task)
{
	size_t lo = 0, hi = h->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (h->due[mid].t->id < task)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < h->n && h->due[lo].t->id == task ? &h->due[lo] : NULL;
}

static enum rc
due_list(struct hour *h, struct err *e)
{
	struct publisher *p = h->p;
	struct task_state *t;
	int64_t interval = 0;
	size_t i;

	h->due = calloc(p->state.tasks, sizeof(*h->due));
	if (h->due == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	for (i = 0; i < p->state.tasks; i++) {
		t = p->state.task[i];
		if (next_hour(t) != h->hour || !is_over(p, t, h->hour))
			continue;
		h->due[h->n++].t = t;
		if (interval_since(t, next_from(t)) > interval)
			interval = interval_since(t, next_from(t));
	}
	h->stop_ms = h->hour + HOUR_MS + 2 * interval + MIXED_MS;
	qsort(h->due, h->n, sizeof(*h->due), due_compare);
	return RC_OK;
}

static enum rc
slot_take(
    struct hour *h, const struct public_slot *s, bool is_result, struct err *e)
{
	struct due_task *d = due_find(h, s->task);
	int64_t at;

	/* What a witness was given and didn't visit nobody misses. */
	if (d == NULL || (!is_result && cell_is_beside(d->t, s)))
		return RC_OK;
	at = cell_at(d->t, s);
	if (at >= next_from(d->t) && at < h->hour + HOUR_MS)
		return cells_add(&h->cells, d->t, s, is_result, e);
	if (is_result && d->t->segment.to > 0 && at >= d->t->segment.from &&
	    at < d->t->segment.to)
		d->before++;
	return RC_OK;
}

static enum rc
on_result(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct hour *h = ctx;

	*stop = s->cycle_ms >= h->stop_ms;
	return *stop ? RC_OK : slot_take(h, s, true, e);
}

static enum rc
on_assignment(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	(void)stop;
	return slot_take(ctx, s, false, e);
}

/* The earliest time of which segments are made or compared. */
static int64_t
earliest(const struct hour *h)
{
	int64_t from = h->hour, t;
	size_t i;

	for (i = 0; i < h->n; i++) {
		t = h->due[i].t->segment.to > 0 ? h->due[i].t->segment.from
						: next_from(h->due[i].t);
		if (t < from)
			from = t;
	}
	return from;
}

static enum rc
hour_read(struct hour *h, struct err *e)
{
	const int64_t from = earliest(h);
	int64_t hour;
	enum rc rc;

	rc = public_results(
	    h->p->db, marks_slot_before(&h->p->marks, from), on_result, h, e);
	for (hour = from; hour <= h->hour && rc == RC_OK; hour += HOUR_MS)
		rc = marks_assignments(&h->p->marks, hour, on_assignment, h, e);
	if (rc == RC_OK)
		cells_sort(&h->cells);
	return rc;
}

/* ---- Segments ---- */

enum rc
lines_put(struct publisher *p, const struct task_state *t, const char *name,
    struct slice file, char seals[static 2 * SHA256_LEN + 1], struct err *e)
{
	char shown[SEGMENT_NAME_MAX + 1];
	struct slice text;
	struct buf b;
	enum rc rc;

	rc = book_put(&p->book, t->name, name, file, e);
	if (rc != RC_OK || !leaf_is_private(t->name))
		return rc;
	(void)snprintf(shown, sizeof(shown), "%s", name);
	seals_name(shown);
	buf_init(&b, SEALS_MAX);
	rc = seals_make(&b, t->salt, file, e);
	text = (struct slice){ b.p == NULL ? "" : b.p, b.len };
	leaf_sha256(seals, text);
	if (rc == RC_OK)
		rc = site_put(&p->book.site, shown, text, e);
	buf_free(&b);
	return rc;
}

/* What was logged of the segment before must still be there. */
static void
before_compare(struct hour *h, const struct due_task *d)
{
	if (d->t->segment.to == 0 || d->before == d->t->segment.results)
		return;
	h->p->result->findings++;
	log_error("task %s: segment %" PRId64 " of the log has %" PRId64
		  " results, the ledger has %" PRId64 "; what is logged stays",
	    d->t->name, d->t->segment_leaf, d->t->segment.results, d->before);
}

static enum rc
segment_make(struct hour *h, struct task_state *t, const struct cell *cell,
    size_t n, struct err *e)
{
	struct publisher *p = h->p;
	struct segment_leaf leaf = { .from = next_from(t),
		.to = h->hour + HOUR_MS,
		.definition = t->leaf,
		.maintenance = t->maintenance_leaf,
		.within = p->bounds.within_ms,
		.prev = t->segment_leaf };
	char name[SEGMENT_NAME_MAX + 1];
	uint8_t networks[SHA256_LEN];
	struct buf file;
	enum rc rc;

	memcpy(leaf.task, t->name, sizeof(leaf.task));
	buf_init(&file, SEGMENT_BYTES);
	rc = origin_key(p->db, networks, e);
	if (rc == RC_OK)
		rc = segment_write(&file, &leaf, t, cell, n, networks, e);
	segment_name(name, &leaf);
	if (rc == RC_OK)
		rc = lines_put(p, t, name,
		    (struct slice){ file.p == NULL ? "" : file.p, file.len },
		    leaf.seals, e);
	buf_free(&file);
	p->result->segments++;
	return rc == RC_OK ? leaf_entry(p, KIND_SEGMENT, &leaf, e) : rc;
}

/* Where the task's cells are, one behind the other. */
static size_t
cells_of(const struct hour *h, const char *name)
{
	size_t lo = 0, hi = h->cells.n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (strcmp(h->cells.all[mid].task->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static enum rc
segments_make(struct hour *h, struct err *e)
{
	const struct cell *all = h->cells.all;
	size_t i, k, from;
	enum rc rc = RC_OK;

	for (i = 0; i < h->n && rc == RC_OK; i++) {
		before_compare(h, &h->due[i]);
		from = cells_of(h, h->due[i].t->name);
		for (k = from; k < h->cells.n && all[k].task == h->due[i].t;
		     k++)
			;
		rc = segment_make(h, h->due[i].t,
		    all == NULL ? NULL : all + from, k - from, e);
	}
	return rc;
}

static enum rc
hour_publish(struct publisher *p, int64_t hour, struct err *e)
{
	struct hour h = { .p = p, .hour = hour };
	enum rc rc;

	rc = due_list(&h, e);
	if (rc == RC_OK)
		rc = hour_read(&h, e);
	if (rc == RC_OK)
		rc = segments_make(&h, e);
	free(h.due);
	cells_free(&h.cells);
	return rc == RC_OK ? entries_publish(p, e) : rc;
}

/* The first hour of which a segment may still be made. */
static int64_t
hour_needed(const struct publisher *p)
{
	int64_t hour, first = hour_of(p->now_ms);
	size_t i;

	for (i = 0; i < p->state.tasks; i++) {
		hour = next_hour(p->state.task[i]);
		if (hour >= 0 && next_from(p->state.task[i]) < first)
			first = next_from(p->state.task[i]);
	}
	return first;
}

enum rc
hours_publish(struct publisher *p, struct err *e)
{
	int64_t hour;
	enum rc rc = RC_OK;

	while (rc == RC_OK && (hour = hour_due(p)) >= 0)
		rc = hour_publish(p, hour, e);
	if (rc == RC_OK)
		marks_forget(&p->marks, hour_needed(p));
	return rc;
}
