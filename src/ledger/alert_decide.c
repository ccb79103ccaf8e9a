/*
 * Of alert.h: what happened to tasks, as soon as the method of doc/uptime can
 * say it. Each task has a row that says how far its cycles were looked at, and
 * what is known then; it moves on in the transaction that notes what was found.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/alert.h"
#include "ledger/rollup.h"

#define TASKS_AT_ONCE 500 /* in one transaction */

/* A task that somebody wants to be told of. */
struct watched {
	int64_t id;
	int64_t to_ms; /* it was looked at as far as that */
	char name[TASK_ID_MAX + 1];
	bool due; /* there may be more to see */
};

/* What one task has come to, to be written. */
struct moved {
	int64_t task;
	struct alert_watch watch;
};

struct decider {
	struct db *read, *write;
	const struct alert_wish *wishes;
	size_t wishes_n;
	char prefix[ALERT_PREFIX_LEN + 1];
	int64_t now_ms, counted_ms, window_ms;
	struct watched *tasks; /* owned, by id */
	size_t tasks_n, tasks_cap;
	struct moved *moved; /* owned: TASKS_AT_ONCE */
	size_t moved_n;
	struct alert_event *events; /* owned: of these */
	size_t events_n, events_cap;
	int64_t *noted;
};

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "alerts: no memory");
}

/* ---- Rows ---- */

enum rc
alert_watch_read(struct alert_watch *w, struct db *db, int64_t task,
    bool *there, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_WATCH_GET);
	enum rc rc;

	*w = (struct alert_watch){ .to_ms = 0 };
	query_int(q, 1, task);
	rc = query_step(q, there, e);
	if (rc == RC_OK && *there) {
		w->to_ms = query_get_int(q, C_ALERT_WATCH_GET_TO_MS);
		w->caught_up =
		    query_get_int(q, C_ALERT_WATCH_GET_CAUGHT_UP) != 0;
		rc = uptime_state_read(
		    &w->state, q, C_ALERT_WATCH_GET_DECIDED_MS, e);
	}
	query_done(q);
	return rc;
}

enum rc
alert_ended_read(struct db *db, int64_t task, int64_t from_ms, int64_t *to_ms,
    enum uptime_event *ended, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_ENDED_GET);
	enum rc rc;
	bool row;

	query_int(q, 1, task);
	query_int(q, 2, from_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*to_ms = query_get_int(q, 0);
		*ended = incident_ended_parse(query_get_text(q, 1));
	}
	query_done(q);
	return rc;
}

static enum rc
watch_put(
    struct db *db, int64_t task, const struct alert_watch *w, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_WATCH_PUT);
	char networks[NETWORKS_TEXT_MAX];

	query_int(q, 1, task);
	query_int(q, 2, w->to_ms);
	query_int(q, 3, w->caught_up);
	uptime_state_bind(q, 4, &w->state, networks);
	return query_run(q, e);
}

/*
 * Where a look at a task begins: where the last one ended; without one, where
 * its counted hours end. What was longer ago than a delivery is tried isn't
 * told: then it begins anew there, and knows nothing.
 */
static enum rc
watch_begin(struct decider *d, const struct uptime_task *t,
    struct alert_watch *w, struct err *e)
{
	int64_t over_ms = uptime_task_over(t, d->window_ms, d->counted_ms),
		oldest_ms =
		    over_ms - ALERT_PATIENCE_MS - uptime_task_longest_ms(t),
		end_ms;
	struct uptime_hour hour;
	enum rc rc;
	bool there;

	rc = alert_watch_read(w, d->read, t->id, &there, e);
	if (rc == RC_OK && there && w->to_ms >= oldest_ms)
		return RC_OK;
	w->caught_up = false;
	w->to_ms = t->created_ms;
	uptime_begin(&w->state);
	if (rc == RC_OK)
		rc = rollup_end(d->read, t->id, &end_ms, e);
	if (rc == RC_OK && end_ms > 0) {
		rc =
		    rollup_hour_get(d->read, t->id, end_ms - HOUR_MS, &hour, e);
		if (rc != RC_OK)
			return rc;
		w->state = hour.state;
		w->to_ms = hour.last.to_ms > end_ms ? hour.last.to_ms : end_ms;
	}
	if (rc == RC_OK && w->to_ms < oldest_ms) {
		uptime_begin(&w->state);
		w->to_ms = oldest_ms;
	}
	return rc;
}

/* ---- Which tasks ---- */

static bool
is_wanted(const struct decider *d, struct slice name)
{
	size_t i;

	for (i = 0; i < d->wishes_n; i++)
		if (d->wishes[i].task == NULL ||
		    slice_is(name, d->wishes[i].task))
			return true;
	return false;
}

static enum rc
task_keep(struct decider *d, int64_t id, struct slice name, struct err *e)
{
	struct watched *all = d->tasks;

	if (d->tasks_n == d->tasks_cap) {
		d->tasks_cap =
		    d->tasks_cap == 0 ? TASKS_AT_ONCE : 2 * d->tasks_cap;
		all = reallocarray(all, d->tasks_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		d->tasks = all;
	}
	all[d->tasks_n] = (struct watched){ .id = id };
	slice_copy(all[d->tasks_n].name, sizeof(all[0].name), name);
	d->tasks_n++;
	return RC_OK;
}

static enum rc
tasks_load(struct decider *d, struct err *e)
{
	struct query *q = db_query(d->read, Q_ALERT_TASKS);
	enum rc rc;
	bool row;

	query_int(q, 1, 0);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (is_wanted(d, query_get_text(q, 1)))
			rc = task_keep(
			    d, query_get_int(q, 0), query_get_text(q, 1), e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

static int
watched_order(const void *a, const void *b)
{
	const struct watched *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

/* A row of a task that nobody wants any more; 0: there is none. */
static enum rc
unwanted_find(struct decider *d, int64_t *task, struct err *e)
{
	struct query *q = db_query(d->write, Q_ALERT_WATCH_LIST);
	struct watched key;
	enum rc rc;
	bool row;

	*task = 0;
	while (*task == 0 && (rc = query_step(q, &row, e)) == RC_OK && row) {
		key.id = query_get_int(q, 0);
		if (d->tasks_n == 0 ||
		    bsearch(&key, d->tasks, d->tasks_n, sizeof(key),
			watched_order) == NULL)
			*task = key.id;
	}
	query_done(q);
	return *task == 0 ? rc : RC_OK;
}

/* If somebody wants them again, what happened meanwhile isn't told. */
static enum rc
unwanted_drop(struct decider *d, struct err *e)
{
	struct query *q;
	int64_t task;
	enum rc rc;

	while ((rc = unwanted_find(d, &task, e)) == RC_OK && task != 0) {
		q = db_query(d->write, Q_ALERT_WATCH_DROP);
		query_int(q, 1, task);
		rc = query_run(q, e);
		if (rc != RC_OK)
			return rc;
	}
	return rc;
}

/* ---- What happened ---- */

static bool
is_planned(const struct uptime_task *t, int64_t from_ms)
{
	size_t i;

	for (i = 0; i < t->maintenance_n; i++)
		if (t->maintenance[i].from_ms <= from_ms &&
		    from_ms < t->maintenance[i].to_ms)
			return true;
	return false;
}

static enum rc
event_keep(struct decider *d, const struct uptime_task *t, const char *name,
    enum alert_kind kind, const struct uptime_incident *i, struct err *e)
{
	struct alert_event *all = d->events, *event;

	if (d->events_n == d->events_cap) {
		d->events_cap = d->events_cap == 0 ? 16 : 2 * d->events_cap;
		all = reallocarray(all, d->events_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		d->events = all;
	}
	event = &all[d->events_n++];
	*event = (struct alert_event){ .kind = kind,
		.task = t->id,
		.noted_ms = d->now_ms,
		.from_ms = i->from_ms,
		.to_ms = kind == ALERT_ENDED ? i->to_ms : UPTIME_NO_TIME,
		.ended = kind == ALERT_ENDED ? i->ended : UPTIME_NOTHING,
		.networks = (int64_t)i->networks_n,
		.planned = is_planned(t, i->from_ms) };
	slice_copy(event->task_name, sizeof(event->task_name), slice_of(name));
	(void)snprintf(event->name, sizeof(event->name),
	    "incident-%s-%" PRId64 "-%" PRId64 "-%s", d->prefix, t->id,
	    i->from_ms, kind == ALERT_ENDED ? "ended" : "opened");
	return RC_OK;
}

/*
 * The account's incidents; the first of them was told already if it was open
 * when the look began. Before all is looked at of a task that nobody knows yet,
 * nothing is told, and then what is open.
 */
static enum rc
incidents_keep(struct decider *d, const struct uptime_task *t, const char *name,
    const struct uptime_account *a, const struct alert_watch *before,
    bool caught_up, struct err *e)
{
	bool was_open = before->state.open_ms != UPTIME_NO_TIME;
	const struct uptime_incident *i;
	enum rc rc = RC_OK;
	size_t n;

	for (n = 0; rc == RC_OK && n < a->incidents_n; n++) {
		i = &a->incidents[n];
		if (before->caught_up ? n > 0 || !was_open
				      : caught_up && i->to_ms == INT64_MAX)
			rc = event_keep(d, t, name, ALERT_OPENED, i, e);
		if (rc == RC_OK && before->caught_up && i->to_ms != INT64_MAX)
			rc = event_keep(d, t, name, ALERT_ENDED, i, e);
	}
	return rc;
}

static enum rc
all_write(struct decider *d, struct err *e)
{
	bool fresh;
	enum rc rc;
	size_t i;

	if (d->moved_n == 0)
		return RC_OK;
	rc = db_begin(d->write, e);
	for (i = 0; rc == RC_OK && i < d->moved_n; i++)
		rc = watch_put(
		    d->write, d->moved[i].task, &d->moved[i].watch, e);
	for (i = 0; rc == RC_OK && i < d->events_n; i++) {
		rc = alert_add(
		    d->write, &d->events[i], d->wishes, d->wishes_n, &fresh, e);
		*d->noted += rc == RC_OK && fresh;
	}
	if (rc == RC_OK)
		rc = db_commit(d->write, e);
	if (rc != RC_OK)
		db_rollback(d->write);
	d->moved_n = d->events_n = 0;
	return rc;
}

/* ---- Looking ---- */

/* Whether there is more to see of the task now, behind w->to_ms. */
static bool
is_due(const struct decider *d, const struct uptime_task *t, int64_t to_ms)
{
	if (uptime_task_over(t, d->window_ms, d->counted_ms) > to_ms)
		return true;
	/* Of long cycles nobody looks at all results each minute. */
	return uptime_task_longest_ms(t) <= HOUR_MS &&
	    uptime_task_slice_end(t, to_ms) <= d->counted_ms;
}

static enum rc
due_find(struct decider *d, struct watched *k, struct err *e)
{
	struct uptime_task t;
	struct alert_watch w;
	enum rc rc = uptime_task_read(&t, d->read, k->id, e);

	if (rc == RC_OK)
		rc = watch_begin(d, &t, &w, e);
	if (rc == RC_OK) {
		k->to_ms = w.to_ms;
		k->due = !w.caught_up || is_due(d, &t, w.to_ms);
	}
	uptime_task_free(&t);
	return rc;
}

/* Moves the task's row on through the slices that begin before to_ms. */
static enum rc
task_walk(struct decider *d, const struct uptime_task *t, struct watched *k,
    int64_t to_ms, struct uptime_votes *v, struct err *e)
{
	int64_t over_ms = uptime_task_over(t, d->window_ms, d->counted_ms);
	struct moved *m = &d->moved[d->moved_n];
	struct alert_watch before;
	struct uptime_walk w = { .task = t };
	enum rc rc;

	rc = watch_begin(d, t, &before, e);
	if (rc == RC_OK)
		rc = account_begin(&w.account, &before.state, e);
	k->to_ms = before.to_ms;
	if (rc == RC_OK)
		rc = uptime_walk_on(&w, &k->to_ms, to_ms, over_ms,
		    uptime_task_longest_ms(t) <= HOUR_MS ? d->counted_ms : 0, v,
		    e);
	/* What it stopped at isn't over yet. */
	k->due = k->to_ms >= to_ms && is_due(d, t, k->to_ms);
	if (rc == RC_OK) {
		*m = (struct moved){ .task = t->id,
			.watch = { k->to_ms, before.caught_up || !k->due,
			    w.account.state } };
		rc = incidents_keep(
		    d, t, k->name, &w.account, &before, m->watch.caught_up, e);
	}
	if (rc == RC_OK && (k->to_ms > before.to_ms || !before.caught_up))
		d->moved_n++;
	account_free(&w.account);
	return rc;
}

static enum rc
watched_walk(struct decider *d, struct watched *k, int64_t to_ms,
    struct uptime_votes *v, struct err *e)
{
	struct uptime_task t;
	enum rc rc = uptime_task_read(&t, d->read, k->id, e);

	if (rc == RC_OK)
		rc = task_walk(d, &t, k, to_ms, v, e);
	uptime_task_free(&t);
	return rc == RC_OK && d->moved_n == TASKS_AT_ONCE ? all_write(d, e)
							  : rc;
}

static enum rc
longest_find(
    struct decider *d, int64_t task, int64_t *longest_ms, struct err *e)
{
	struct uptime_task t;
	enum rc rc = uptime_task_read(&t, d->read, task, e);

	if (rc == RC_OK && uptime_task_longest_ms(&t) > *longest_ms)
		*longest_ms = uptime_task_longest_ms(&t);
	uptime_task_free(&t);
	return rc;
}

/* An hour of all tasks that are due, from one look at the results. */
static enum rc
hour_walk(struct decider *d, int64_t from_ms, struct err *e)
{
	struct uptime_votes_of of = { .to_ms = from_ms + HOUR_MS,
		.window_ms = d->window_ms };
	struct uptime_votes v = { .q = NULL };
	struct watched *k;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < d->tasks_n; i++)
		if (d->tasks[i].due && d->tasks[i].to_ms < of.to_ms)
			rc =
			    longest_find(d, d->tasks[i].id, &of.interval_ms, e);
	/* A slice that an edit has cut begins after its cycle. */
	of.from_ms = from_ms - of.interval_ms;
	if (rc == RC_OK)
		rc = uptime_votes_begin(&v, d->read, &of, e);
	for (i = 0; rc == RC_OK && i < d->tasks_n; i++) {
		k = &d->tasks[i];
		if (k->due && k->to_ms < of.to_ms)
			rc = watched_walk(d, k, of.to_ms, &v, e);
	}
	uptime_votes_end(&v);
	return rc == RC_OK ? all_write(d, e) : rc;
}

/* Where the next hour begins; false: nothing is due. */
static bool
oldest_due(const struct decider *d, int64_t *from_ms)
{
	bool any = false;
	size_t i;

	for (i = 0; i < d->tasks_n; i++)
		if (d->tasks[i].due && (!any || d->tasks[i].to_ms < *from_ms)) {
			*from_ms = d->tasks[i].to_ms;
			any = true;
		}
	return any;
}

static enum rc
incidents_decide(struct decider *d, struct err *e)
{
	int64_t from_ms = 0;
	enum rc rc;
	size_t i;

	rc = rollup_now(d->read, d->now_ms, &d->counted_ms, &d->window_ms, e);
	for (i = 0; rc == RC_OK && i < d->tasks_n; i++)
		rc = due_find(d, &d->tasks[i], e);
	while (rc == RC_OK && oldest_due(d, &from_ms))
		rc = hour_walk(d, from_ms, e);
	return rc;
}

/* ---- Maintenance ---- */

static void
maintenance_take(
    struct alert_event *event, const struct decider *d, struct query *q)
{
	*event = (struct alert_event){ .kind = ALERT_MAINTENANCE,
		.task = query_get_int(q, C_ALERT_MAINTENANCE_TASK),
		.noted_ms = d->now_ms,
		.from_ms = query_get_int(q, C_ALERT_MAINTENANCE_FROM_MS),
		.to_ms = query_get_int(q, C_ALERT_MAINTENANCE_TO_MS),
		.planned = true };
	slice_copy(event->task_name, sizeof(event->task_name),
	    query_get_text(q, C_ALERT_MAINTENANCE_NAME));
	slice_copy(event->why, sizeof(event->why),
	    query_get_text(q, C_ALERT_MAINTENANCE_WHY));
	(void)snprintf(event->name, sizeof(event->name),
	    "maintenance-%s-%" PRId64, d->prefix,
	    query_get_int(q, C_ALERT_MAINTENANCE_ID));
}

/* In a transaction of the other connection. */
static enum rc
maintenance_decide(struct decider *d, struct err *e)
{
	struct query *q = db_query(d->read, Q_ALERT_MAINTENANCE);
	struct alert_event event;
	bool row, fresh;
	enum rc rc;

	query_int(q, 1, d->now_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		maintenance_take(&event, d, q);
		if (!is_wanted(d, slice_of(event.task_name)))
			continue;
		rc = alert_add(
		    d->write, &event, d->wishes, d->wishes_n, &fresh, e);
		if (rc != RC_OK)
			break;
		*d->noted += fresh;
	}
	query_done(q);
	return rc;
}

enum rc
alert_decide(struct db *read, struct db *write, const struct alert_wish *wishes,
    size_t n, int64_t now_ms, int64_t *noted, struct err *e)
{
	struct decider d = { .read = read,
		.write = write,
		.wishes = wishes,
		.wishes_n = n,
		.now_ms = now_ms,
		.noted = noted };
	enum rc rc;

	*noted = 0;
	d.moved = calloc(TASKS_AT_ONCE, sizeof(d.moved[0]));
	if (d.moved == NULL)
		return no_memory(e);
	rc = alert_prefix(d.prefix, read, e);
	if (rc == RC_OK)
		rc = tasks_load(&d, e);
	if (rc == RC_OK)
		rc = db_begin(write, e);
	if (rc == RC_OK)
		rc = unwanted_drop(&d, e);
	if (rc == RC_OK)
		rc = maintenance_decide(&d, e);
	if (rc == RC_OK)
		rc = db_commit(write, e);
	if (rc != RC_OK)
		db_rollback(write);
	if (rc == RC_OK)
		rc = incidents_decide(&d, e);
	free(d.events);
	free(d.moved);
	free(d.tasks);
	return rc;
}
