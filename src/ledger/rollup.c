#include "ledger/rollup.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/archived.h"
#include "ledger/uptime_strip.h"

#define TASKS_AT_ONCE 500 /* in one transaction */

/* A task and the next hour of it. */
struct pending {
	int64_t task;
	int64_t hour_ms;
	bool waits; /* its cycles aren't over */
};

/* What one task's hours have come to, to be written. */
struct made {
	int64_t task;
	int64_t from_ms;
	struct uptime_hour *hours; /* owned, with what they own */
	size_t n, cap;
	struct uptime_incident *incidents; /* owned, taken from the account */
	size_t incidents_n;
};

struct rollup {
	struct db *read, *write;
	int64_t now_ms, window_ms;
	struct pending *tasks; /* owned, by id */
	size_t tasks_n;
	struct made *made; /* owned: TASKS_AT_ONCE */
	size_t made_n;
	int64_t *rows;
};

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "rollup: no memory");
}

/* ---- What was made ---- */

static void
made_free(struct made *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->hours[i].dissents);
		free(m->hours[i].responses);
	}
	for (i = 0; i < m->incidents_n; i++)
		free(m->incidents[i].networks);
	free(m->hours);
	free(m->incidents);
	*m = (struct made){ .n = 0 };
}

/* A copy of n elements of that size; *out stays NULL of none. */
static enum rc
copy_of(void **out, const void *from, size_t n, size_t size, struct err *e)
{
	*out = n == 0 ? NULL : calloc(n, size);
	if (n == 0)
		return RC_OK;
	if (*out == NULL)
		return no_memory(e);
	memcpy(*out, from, n * size);
	return RC_OK;
}

static enum rc
made_add(void *ctx, const struct uptime_hour *h, struct err *e)
{
	struct made *m = ctx;
	struct uptime_hour *all = m->hours;
	void *copy = NULL;
	enum rc rc;

	if (m->n == m->cap) {
		m->cap = m->cap == 0 ? 1 : 2 * m->cap;
		all = reallocarray(all, m->cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		m->hours = all;
	}
	all += m->n++;
	*all = *h;
	all->responses = NULL;
	rc = copy_of(
	    &copy, h->dissents, h->dissents_n, sizeof(h->dissents[0]), e);
	all->dissents = copy;
	if (rc == RC_OK)
		rc = copy_of(&copy, h->responses, h->responses_n,
		    sizeof(h->responses[0]), e);
	if (rc == RC_OK)
		all->responses = copy;
	return rc;
}

/* ---- Writing ---- */

static void
time_bind(struct query *q, int i, const struct uptime_time *t)
{
	query_int(q, i, t->up);
	query_int(q, i + 1, t->down);
	query_int(q, i + 2, t->unconfirmed);
	query_int(q, i + 3, t->unknown);
	query_int(q, i + 4, t->disputed);
}

static enum rc
responses_write(
    struct db *db, int64_t task, const struct uptime_hour *h, struct err *e)
{
	const struct uptime_response *r = h->responses;
	struct query *q;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < h->responses_n; i++, r++) {
		q = db_query(db, Q_RESPONSE_HOUR_PUT);
		query_int(q, 1, task);
		query_int(q, 2, h->hour_ms);
		query_int(q, 3, r->region);
		query_int(q, 4, r->times.results);
		query_int(q, 5, r->times.p50_ms);
		query_int(q, 6, r->times.p95_ms);
		query_int(q, 7, r->times.max_ms);
		rc = query_run(q, e);
	}
	return rc;
}

static enum rc
hour_write(
    struct db *db, int64_t task, const struct uptime_hour *h, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_HOUR_PUT);
	char networks[NETWORKS_TEXT_MAX];
	int64_t dissents = 0;
	enum rc rc;
	size_t i;

	for (i = 0; i < h->dissents_n; i++)
		dissents += h->dissents[i].votes;
	query_int(q, 1, task);
	query_int(q, 2, h->hour_ms);
	time_bind(q, 3, &h->time);
	query_int(q, 8, h->time.paused);
	query_int(q, 9, h->time.maintenance);
	time_bind(q, 10, &h->hidden);
	query_int(q, 15, h->copies);
	query_int(q, 16, h->votes);
	query_int(q, 17, dissents);
	query_int(q, 18, h->drills);
	query_int(q, 19, h->in_rounds);
	uptime_state_bind(q, 20, &h->state, networks);
	query_int(q, 26, h->last.to_ms);
	query_int(q, 27, h->last.raw);
	rc = query_run(q, e);
	for (i = 0; rc == RC_OK && i < h->dissents_n; i++) {
		q = db_query(db, Q_UPTIME_DISSENT_PUT);
		query_int(q, 1, task);
		query_int(q, 2, h->hour_ms);
		query_int(q, 3, h->dissents[i].worker);
		query_int(q, 4, h->dissents[i].network);
		query_int(q, 5, h->dissents[i].votes);
		rc = query_run(q, e);
	}
	return rc == RC_OK ? responses_write(db, task, h, e) : rc;
}

static enum rc
incident_write(
    struct db *db, int64_t task, const struct uptime_incident *i, struct err *e)
{
	struct query *q = db_query(db, Q_INCIDENT_PUT);
	char networks[NETWORKS_TEXT_MAX];

	networks_format(networks, i->networks, i->networks_n);
	query_int(q, 1, task);
	query_int(q, 2, i->from_ms);
	if (i->to_ms != INT64_MAX)
		query_int(q, 3, i->to_ms);
	query_text(q, 4, slice_of(incident_ended(i->ended)));
	query_text(q, 5, slice_of(networks));
	return query_run(q, e);
}

/* The days' sums from that of from_ms on, and the strip of the newest. */
static enum rc
days_write(struct db *db, int64_t task, int64_t from_ms, struct err *e)
{
	const int64_t day = from_ms / DAY_MS;
	struct query *q = db_query(db, Q_UPTIME_DAY_DROP);
	enum rc rc;

	query_int(q, 1, task);
	query_int(q, 2, day);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_UPTIME_DAY_PUT);
	query_int(q, 1, task);
	query_int(q, 2, day * DAY_MS);
	rc = query_run(q, e);
	return rc == RC_OK ? uptime_strip_write(db, task, e) : rc;
}

/* Forgets what there is of those hours, which are made again. */
static enum rc
hours_drop(struct db *db, int64_t task, int64_t from_ms, struct err *e)
{
	static const enum query_id drops[] = { Q_UPTIME_HOUR_DROP,
		Q_UPTIME_DISSENT_DROP, Q_RESPONSE_HOUR_DROP, Q_INCIDENT_DROP };
	struct query *q;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < sizeof(drops) / sizeof(drops[0]); i++) {
		q = db_query(db, drops[i]);
		query_int(q, 1, task);
		query_int(q, 2, from_ms);
		rc = query_run(q, e);
	}
	return rc;
}

static enum rc
made_write(struct db *db, const struct made *m, struct err *e)
{
	enum rc rc = hours_drop(db, m->task, m->from_ms, e);
	size_t i;

	for (i = 0; rc == RC_OK && i < m->n; i++)
		rc = hour_write(db, m->task, &m->hours[i], e);
	if (rc == RC_OK)
		rc = days_write(db, m->task, m->from_ms, e);
	for (i = 0; rc == RC_OK && i < m->incidents_n; i++)
		rc = incident_write(db, m->task, &m->incidents[i], e);
	return rc;
}

/* What was made so far, in one transaction. */
static enum rc
all_write(struct rollup *r, struct err *e)
{
	enum rc rc;
	size_t i;

	if (r->made_n == 0)
		return RC_OK;
	rc = db_begin(r->write, e);
	for (i = 0; rc == RC_OK && i < r->made_n; i++) {
		rc = made_write(r->write, &r->made[i], e);
		*r->rows += (int64_t)r->made[i].n;
	}
	if (rc == RC_OK)
		rc = db_commit(r->write, e);
	if (rc != RC_OK)
		db_rollback(r->write);
	for (i = 0; i < r->made_n; i++)
		made_free(&r->made[i]);
	r->made_n = 0;
	return rc;
}

/* ---- Counting ---- */

/* Where the walk of hours from from_ms on begins. */
static enum rc
before_read(struct rollup *r, const struct uptime_task *t, int64_t from_ms,
    struct uptime_hour *h, bool *any, struct err *e)
{
	*any = from_ms > hour_of(t->created_ms);
	return *any ? rollup_hour_get(r->read, t->id, from_ms - HOUR_MS, h, e)
		    : RC_OK;
}

/* The hours from from_ms to before to_ms; *changed_ms is the account's. */
static enum rc
hours_make(struct rollup *r, const struct uptime_task *t, int64_t from_ms,
    int64_t to_ms, struct uptime_votes *v, struct made *m, int64_t *changed_ms,
    struct err *e)
{
	struct uptime_hour before;
	struct uptime_walk w;
	int64_t hour_ms;
	enum rc rc;
	bool any;

	rc = before_read(r, t, from_ms, &before, &any, e);
	if (rc != RC_OK)
		return rc;
	*m = (struct made){ .task = t->id, .from_ms = from_ms };
	rc = uptime_walk_begin(&w, t, any ? &before : NULL, e);
	for (hour_ms = from_ms; rc == RC_OK && hour_ms < to_ms;
	     hour_ms += HOUR_MS)
		rc = uptime_walk_hour(&w, hour_ms, hour_ms + HOUR_MS, v, e);
	*changed_ms = w.account.changed_ms;
	if (rc == RC_OK)
		rc = uptime_walk_give(&w, true, made_add, m, e);
	m->incidents = w.account.incidents;
	m->incidents_n = w.account.incidents_n;
	w.account.incidents = NULL;
	w.account.incidents_n = 0;
	uptime_walk_end(&w);
	return rc;
}

/*
 * Once more, from the hour in which an incident began or ended: the statement
 * of the other connection is at work.
 */
static enum rc
hours_again(struct rollup *r, const struct uptime_task *t, int64_t from_ms,
    int64_t to_ms, struct made *m, struct err *e)
{
	const struct uptime_votes_of of = { .task = t->id,
		.from_ms = from_ms,
		.to_ms = to_ms,
		.interval_ms = uptime_task_longest_ms(t),
		.window_ms = r->window_ms };
	struct uptime_votes v;
	int64_t changed_ms;
	enum rc rc;

	rc = uptime_votes_begin(&v, r->write, &of, e);
	if (rc == RC_OK)
		rc = hours_make(r, t, from_ms, to_ms, &v, m, &changed_ms, e);
	uptime_votes_end(&v);
	return rc;
}

static enum rc
task_make(struct rollup *r, const struct uptime_task *t, int64_t hour_ms,
    struct uptime_votes *v, struct err *e)
{
	struct made *m = &r->made[r->made_n++];
	int64_t changed_ms;
	enum rc rc;

	rc = hours_make(r, t, hour_ms, hour_ms + HOUR_MS, v, m, &changed_ms, e);
	if (rc != RC_OK || changed_ms >= hour_ms)
		return rc;
	made_free(m);
	return hours_again(r, t, hour_of(changed_ms), hour_ms + HOUR_MS, m, e);
}

/* Whether the task's hour can be counted now. */
static enum rc
is_due(struct rollup *r, struct pending *p, int64_t *longest_ms, struct err *e)
{
	struct uptime_task t;
	enum rc rc = uptime_task_read(&t, r->read, p->task, e);

	if (rc == RC_OK && p->hour_ms < 0)
		p->hour_ms = hour_of(t.created_ms);
	if (rc == RC_OK)
		p->waits = !uptime_task_is_over(
		    &t, r->window_ms, p->hour_ms + HOUR_MS, r->now_ms);
	if (rc == RC_OK && !p->waits &&
	    uptime_task_longest_ms(&t) > *longest_ms)
		*longest_ms = uptime_task_longest_ms(&t);
	uptime_task_free(&t);
	return rc;
}

static enum rc
pending_make(
    struct rollup *r, struct pending *p, struct uptime_votes *v, struct err *e)
{
	struct uptime_task t;
	enum rc rc = uptime_task_read(&t, r->read, p->task, e);

	if (rc == RC_OK)
		rc = task_make(r, &t, p->hour_ms, v, e);
	uptime_task_free(&t);
	p->hour_ms += HOUR_MS;
	if (rc == RC_OK && r->made_n == TASKS_AT_ONCE)
		rc = all_write(r, e);
	return rc;
}

/* One hour of all tasks of which it is the next, from one look at results. */
static enum rc
hour_make(struct rollup *r, int64_t hour_ms, struct err *e)
{
	struct uptime_votes_of of = { .from_ms = hour_ms,
		.to_ms = hour_ms + HOUR_MS,
		.window_ms = r->window_ms };
	struct uptime_votes v = { .q = NULL };
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < r->tasks_n; i++)
		if (!r->tasks[i].waits && r->tasks[i].hour_ms == hour_ms)
			rc = is_due(r, &r->tasks[i], &of.interval_ms, e);
	if (rc == RC_OK && of.interval_ms > 0)
		rc = uptime_votes_begin(&v, r->read, &of, e);
	for (i = 0; rc == RC_OK && i < r->tasks_n; i++)
		if (!r->tasks[i].waits && r->tasks[i].hour_ms == hour_ms)
			rc = pending_make(r, &r->tasks[i], &v, e);
	uptime_votes_end(&v);
	return rc == RC_OK ? all_write(r, e) : rc;
}

static enum rc
tasks_load(struct rollup *r, struct err *e)
{
	struct query *q = db_query(r->read, Q_UPTIME_TASKS);
	size_t cap = 0;
	struct pending *all;
	int64_t last_ms, longest_ms;
	enum rc rc;
	bool row;
	size_t i;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (r->tasks_n == cap) {
			cap = cap == 0 ? TASKS_AT_ONCE : 2 * cap;
			all = reallocarray(r->tasks, cap, sizeof(all[0]));
			if (all == NULL) {
				rc = no_memory(e);
				break;
			}
			r->tasks = all;
		}
		last_ms = query_get_int(q, 1);
		r->tasks[r->tasks_n++] = (struct pending){ query_get_int(q, 0),
			last_ms < 0 ? -1 : last_ms + HOUR_MS, false };
	}
	query_done(q);
	for (i = 0; rc == RC_OK && i < r->tasks_n; i++)
		rc = is_due(r, &r->tasks[i], &longest_ms, e);
	return rc;
}

/* The earliest hour that waits to be counted; false: none does. */
static bool
hour_next(const struct rollup *r, int64_t *hour_ms)
{
	bool any = false;
	size_t i;

	for (i = 0; i < r->tasks_n; i++)
		if (!r->tasks[i].waits &&
		    (!any || r->tasks[i].hour_ms < *hour_ms)) {
			*hour_ms = r->tasks[i].hour_ms;
			any = true;
		}
	return any;
}

enum rc
rollup_run(struct db *read, struct db *write, int64_t now_ms, int64_t *rows,
    struct err *e)
{
	struct rollup r = { .read = read, .write = write, .rows = rows };
	int64_t hour_ms = 0;
	enum rc rc;
	size_t i;

	*rows = 0;
	r.made = calloc(TASKS_AT_ONCE, sizeof(r.made[0]));
	if (r.made == NULL)
		return no_memory(e);
	rc = rollup_now(read, now_ms, &r.now_ms, &r.window_ms, e);
	if (rc == RC_OK)
		rc = tasks_load(&r, e);
	while (rc == RC_OK && hour_next(&r, &hour_ms))
		rc = hour_make(&r, hour_ms, e);
	for (i = 0; i < r.made_n; i++)
		made_free(&r.made[i]);
	free(r.made);
	free(r.tasks);
	return rc;
}

/* Of what days are left. */
static enum rc
strips_write(struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_TASKS);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = uptime_strip_write(db, query_get_int(q, 0), e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
rollup_forget(struct db *db, int64_t since_ms, struct err *e)
{
	const int64_t day = since_ms / DAY_MS;
	const struct {
		enum query_id id;
		int64_t since;
	} steps[] = {
		{ Q_UPTIME_FORGET_HOURS, day * DAY_MS },
		{ Q_UPTIME_FORGET_DAYS, day },
		{ Q_UPTIME_FORGET_DISSENTS, day * DAY_MS },
		{ Q_RESPONSE_FORGET, day * DAY_MS },
		{ Q_UPTIME_FORGET_INCIDENTS, day * DAY_MS },
	};
	int64_t archived_ms;
	struct query *q;
	enum rc rc = archived_bound(db, &archived_ms, e);
	size_t i;

	if (rc == RC_OK && steps[0].since <= archived_ms)
		rc = err_set(e, RC_INVALID,
		    "results up to %" PRId64
		    " (Unix ms) are archived: nothing before can be counted anew; worknet archive --bring-back",
		    archived_ms);
	for (i = 0; rc == RC_OK && i < sizeof(steps) / sizeof(steps[0]); i++) {
		q = db_query(db, steps[i].id);
		query_int(q, 1, steps[i].since);
		rc = query_run(q, e);
	}
	return rc == RC_OK ? strips_write(db, e) : rc;
}
