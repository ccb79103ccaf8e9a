/* The log's files beside the results of the ledger. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ledger/refusal.h"
#include "publish/compare_room.h"

#define FILE_BYTES (1024LL * 1024 * 1024) /* of lines */
#define MIXED_MS   HOUR_MS /* rows that a clock that was set back has mixed */

/* ---- Results of the ledger ---- */

static struct task_rest *
task_find(const struct compare *c, int64_t id)
{
	size_t lo = 0, hi = c->tasks, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (c->task[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->tasks && c->task[lo].id == id ? &c->task[lo] : NULL;
}

/* Looked for by its name once: then the task of the log has its number. */
static struct task_rest *
task_of(const struct compare *c, struct task_state *t)
{
	size_t i;

	for (i = 0; i < c->tasks && t->id == 0; i++)
		if (strcmp(c->task[i].name, t->name) == 0)
			t->id = c->task[i].id;
	return task_find(c, t->id);
}

/* Definitions of a task come one after the other, tasks in order. */
enum rc
compare_task(void *ctx, const struct public_task *t, struct err *e)
{
	struct compare *c = ctx;
	struct task_rest *all, *last;

	last = c->tasks == 0 ? NULL : &c->task[c->tasks - 1];
	if (last == NULL || last->id != t->task) {
		all = realloc(c->task, (c->tasks + 1) * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		c->task = all;
		last = &all[c->tasks++];
		memset(last, 0, sizeof(*last));
		last->id = t->task;
		slice_copy(last->name, sizeof(last->name), t->name);
	}
	if (t->interval_ms > last->interval_ms)
		last->interval_ms = t->interval_ms;
	return RC_OK;
}

/* So long after an hour's end its segment may be made. */
static int64_t
over_ms(const struct compare *c, const struct task_rest *r)
{
	return r->interval_ms + POLL_PERIOD_MS + c->bounds.window_ms +
	    CLOCK_SKEW_MS;
}

static void
absent_say(struct compare *c, const struct task_rest *r,
    const struct public_slot *s, const char *what)
{
	compare_found(c,
	    "task %s: slot %" PRId64 ", cycle %" PRId64 ", was paid, and %s",
	    r->name, s->slot, s->cycle_ms, what);
}

/* A result that no segment has: whether one should. */
static void
absent_judge(
    struct compare *c, const struct task_rest *r, const struct public_slot *s)
{
	const struct task_state *t = state_task(&c->state, r->name);
	const int64_t at = t == NULL ? s->cycle_ms : cell_at(t, s);

	if (t != NULL && at < t->segment.to)
		absent_say(c, r, s, "isn't in the log");
	else if ((t == NULL || span_is_active(t->spans, t->spans_n, at)) &&
	    at - at % HOUR_MS + HOUR_MS + over_ms(c, r) <= c->out->to)
		absent_say(c, r, s, "the log has passed it by");
	else
		c->out->later++;
}

static enum rc
on_result(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct compare *c = ctx;
	struct task_rest *r = task_find(c, s->task);

	*stop = !c->at_end && s->assigned_ms >= c->stop_ms;
	if (*stop || r == NULL)
		return RC_OK;
	c->slot = s->slot;
	if (!c->at_end)
		return cells_add(&r->cells, NULL, s, true, e);
	absent_judge(c, r, s);
	return RC_OK;
}

/* Reads on, up to what was assigned then. */
static enum rc
results_read(struct compare *c, int64_t stop_ms, struct err *e)
{
	enum rc rc;

	if (stop_ms <= c->stop_ms)
		return RC_OK;
	c->stop_ms = stop_ms;
	rc = compare_archived_read(c, e);
	return rc == RC_OK ? public_results(c->db, c->slot, on_result, c, e)
			   : rc;
}

/* ---- Lines beside results ---- */

static struct cell *
cell_find(const struct cells *all, int64_t slot)
{
	size_t lo = 0, hi = all->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (all->all[mid].slot.slot < slot)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < all->n && all->all[lo].slot.slot == slot ? &all->all[lo]
							     : NULL;
}

/* Whether the ledger's row makes that line, but for the network's name. */
static enum rc
line_compare(
    const struct cell *cell, const struct line *l, bool *same, struct err *e)
{
	static const uint8_t no_networks[SHA256_LEN];
	struct cell nowhere = *cell;
	struct line bare = *l;
	struct buf want, got;
	enum rc rc;

	nowhere.network[0] = '\0';
	bare.network = (struct slice){ NULL, 0 };
	buf_init(&want, LINE_MAX_BYTES + 1);
	buf_init(&got, LINE_MAX_BYTES + 1);
	rc = cells_write(&want, &nowhere, 1, no_networks, e);
	if (rc == RC_OK)
		rc = line_write(&got, &bare, e);
	*same = rc == RC_OK && want.len == got.len &&
	    memcmp(want.p, got.p, got.len) == 0;
	buf_free(&want);
	buf_free(&got);
	return rc;
}

/* A file's lines of results, and the cells that they are to be of. */
struct in_file {
	int64_t over_ms; /* what was refused before then it must say */
	struct compare *c;
	int64_t leaf; /* its index */
	int64_t task;
	const char *name;
	struct site *site; /* that has it */
	const struct cells *cells;
	int64_t lines, results;
	int64_t archived; /* of the results */
};

/* A line without a result, and what the ledger has refused of its slot. */
struct at_slot {
	const struct line *l;
	bool any;
	enum refused why;
	int64_t at_ms;
};

static enum rc
on_refused(void *ctx, const struct public_refused *r, struct err *e)
{
	struct at_slot *s = ctx;
	char worker[ADDRESS_LEN + 1];

	(void)e;
	slice_copy(worker, sizeof(worker), r->worker);
	s->any = slice_is(s->l->worker, worker);
	s->why = r->why;
	s->at_ms = r->at_ms;
	return RC_OK;
}

/*
 * Refusals are kept for a day: of older slots the ledger can't tell. One that
 * was written down late needn't be in the log.
 */
static enum rc
missed_compare(struct in_file *f, const struct line *l, struct err *e)
{
	const int64_t newest_ms = f->c->bounds.newest_ms;
	struct at_slot s = { .l = l };
	enum refused why;
	bool is_refused = line_is_refused(l, &why);
	enum rc rc;

	if (l->slot == LINE_NONE || l->worker.p == NULL)
		return RC_OK;
	rc = public_refusal_of(f->c->db, l->slot, on_refused, &s, e);
	if (rc != RC_OK)
		return rc;
	if (!s.any && is_refused &&
	    l->assigned > newest_ms - REFUSED_KEPT_MS + HOUR_MS)
		compare_found(f->c,
		    "%s: slot %" PRId64
		    " has an answer that was refused, and the ledger refused none",
		    f->name, l->slot);
	else if (s.any && is_refused && s.why != why)
		compare_found(f->c,
		    "%s: the answer of slot %" PRId64
		    " was refused for another reason",
		    f->name, l->slot);
	else if (s.any && !is_refused && s.at_ms + CLOCK_SKEW_MS < f->over_ms)
		compare_found(f->c,
		    "%s: the answer of slot %" PRId64
		    " was refused, and the line doesn't say so",
		    f->name, l->slot);
	return RC_OK;
}

static enum rc
line_take(
    struct in_file *f, const struct line *l, struct slice text, struct err *e)
{
	bool same, was_paid = false;
	struct cell *cell;
	enum rc rc = RC_OK;

	f->lines++;
	if (!slice_is(l->outcome, "result"))
		return missed_compare(f, l, e);
	f->results++;
	cell = cell_find(f->cells, l->slot);
	if (cell == NULL)
		rc = compare_archived_line(
		    f->c, f->leaf, f->task, text, &was_paid, e);
	f->archived += was_paid;
	if (rc != RC_OK || was_paid)
		return rc;
	if (cell == NULL || !cell->is_result) {
		compare_found(f->c,
		    "%s: slot %" PRId64
		    " has a result that wasn't paid, or another line",
		    f->name, l->slot);
		return RC_OK;
	}
	rc = line_compare(cell, l, &same, e);
	cell->is_result = false; /* it has its line */
	if (rc == RC_OK && !same)
		compare_found(f->c,
		    "%s: the line of slot %" PRId64
		    " isn't what the ledger has",
		    f->name, l->slot);
	return rc;
}

static struct site *
site_of(struct compare *c, const char *task)
{
	return leaf_is_private(task) ? &c->hidden : &c->site;
}

/* The file that a leaf has the hash of; what can't be read is found. */
static enum rc
file_take(struct in_file *f, const char *sha256, struct err *e)
{
	char hash[2 * SHA256_LEN + 1];
	struct err cause = ERR_INIT;
	struct slice rest, line;
	struct line_read l;
	struct buf file;
	enum rc rc;

	buf_init(&file, FILE_BYTES);
	rc = site_get(f->site, f->name, &file, &cause);
	if (rc == RC_OK)
		leaf_sha256(hash, (struct slice){ file.p, file.len });
	if (rc != RC_OK || strcmp(hash, sha256) != 0)
		compare_found(f->c, "%s: %s", f->name,
		    rc == RC_OK ? "it isn't the file that was logged"
				: cause.msg);
	rc = compare_archived_file(f->c, f->leaf, sha256, e);
	rest = (struct slice){ file.p, file.len };
	while (rc == RC_OK && rest.len > 0) {
		if (!slice_line(&rest, &line) ||
		    line_parse(&l, line, NULL) != RC_OK) {
			compare_found(f->c, "%s: line %" PRId64 " is none",
			    f->name, f->lines + 1);
			break;
		}
		rc = line_take(f, &l.line, line, e);
		line_free(&l);
	}
	buf_free(&file);
	return rc;
}

/* What was paid before the segment's end has its line now, or never. */
static void
rest_settle(struct compare *c, struct task_rest *r, const struct task_state *t)
{
	struct cells kept = { .all = r->cells.all, .room = r->cells.room };
	struct cells gone = { NULL, 0, 0 };
	struct cell *cell;
	size_t i;

	for (i = 0; i < r->cells.n; i++) {
		cell = &r->cells.all[i];
		if (cell_at(t, &cell->slot) >= t->segment.to) {
			kept.all[kept.n++] = *cell;
			continue;
		}
		if (cell->is_result)
			absent_say(c, r, &cell->slot, "isn't in the log");
		gone = (struct cells){ cell, 1, 1 };
		cells_clear(&gone);
	}
	r->cells = kept;
}

enum rc
compare_segment(
    struct compare *c, int64_t i, const struct segment_leaf *s, struct err *e)
{
	struct task_state *t = state_task(&c->state, s->task);
	struct task_rest *r = task_of(c, t); /* state_take knows its task */
	char name[SEGMENT_NAME_MAX + 1];
	struct in_file f = { .c = c, .leaf = i, .name = name };
	enum rc rc;

	segment_name(name, s);
	if (s->to > c->out->to)
		c->out->to = s->to;
	if (r == NULL) {
		compare_found(c, "%s: the ledger has no such task", name);
		return RC_OK;
	}
	rc = results_read(c, s->to + over_ms(c, r) + MIXED_MS, e);
	if (rc != RC_OK)
		return rc;
	f.cells = &r->cells;
	f.over_ms = s->to + over_ms(c, r);
	f.task = r->id;
	f.site = site_of(c, s->task);
	rc = file_take(&f, s->sha256, e);
	if (rc == RC_OK && (f.lines != s->lines || f.results != s->results))
		compare_found(c, "%s: its leaf counts other lines", name);
	c->out->segments++;
	c->out->results += f.results;
	rest_settle(c, r, t);
	return rc;
}

/* ---- Drills ---- */

/* Of a task, 0 for all of them. */
struct drill_day {
	int64_t task;
	struct cells cells;
};

static enum rc
on_drill(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct drill_day *d = ctx;

	(void)stop;
	return d->task == 0 || s->task == d->task
	    ? cells_add(&d->cells, NULL, s, true, e)
	    : RC_OK;
}

enum rc
compare_drills(
    struct compare *c, int64_t i, const struct drills_leaf *d, struct err *e)
{
	struct task_state *t = state_task(&c->state, d->task);
	const struct task_rest *r = t == NULL ? NULL : task_of(c, t);
	struct drill_day day = { .task = r == NULL ? -1 : r->id };
	char name[SEGMENT_NAME_MAX + 1];
	struct in_file f = { .c = c,
		.leaf = i,
		.task = day.task,
		.name = name,
		.site = site_of(c, d->task),
		.cells = &day.cells };
	enum rc rc;

	drills_name(name, d);
	/* With what is archived of that day. */
	rc = results_read(c,
	    (d->day + 1) * DAY_MS + c->bounds.window_ms + CLOCK_SKEW_MS +
		MIXED_MS,
	    e);
	if (rc == RC_OK)
		rc = public_drills(c->db, d->day, on_drill, &day, e);
	if (rc == RC_OK)
		rc = file_take(&f, d->sha256, e);
	if (d->day != c->day)
		c->day_lines = 0;
	c->day = d->day;
	c->day_lines += f.results - f.archived;
	c->out->drills += f.results;
	cells_free(&day.cells);
	return rc;
}

/* With a day's key all that was answered to its drills is told. */
enum rc
compare_key(struct compare *c, const struct canary_leaf *k, struct err *e)
{
	struct drill_day day = { .task = 0 };
	const int64_t lines = k->day == c->day ? c->day_lines : 0;
	enum rc rc;

	if (k->key[0] == '\0')
		return RC_OK;
	rc = public_drills(c->db, k->day, on_drill, &day, e);
	if (rc == RC_OK && (int64_t)day.cells.n != lines)
		compare_found(c,
		    "day %" PRId64
		    ": %zu answers to drills were paid, and %" PRId64
		    " are in the log",
		    k->day, day.cells.n, lines);
	cells_free(&day.cells);
	return rc;
}

/* ---- The end ---- */

enum rc
compare_rest(struct compare *c, struct err *e)
{
	const struct task_rest *r;
	size_t i, k;
	enum rc rc;

	for (i = 0; i < c->tasks; i++)
		for (r = &c->task[i], k = 0; k < r->cells.n; k++)
			absent_judge(c, r, &r->cells.all[k].slot);
	c->at_end = true;
	rc = public_results(c->db, c->slot, on_result, c, e);
	return rc == RC_OK ? compare_archived_end(c, e) : rc;
}
