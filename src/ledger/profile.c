#include "ledger/profile.h"

#include <stdlib.h>
#include <string.h>

#include "eth/hex.h"
#include "ledger/alert.h"
#include "ledger/terms.h"
#include "ledger/transfer.h"
#include "ledger/uptime_strip.h"

static_assert(
    UPTIME_STRIP_DAYS > PROFILE_DAYS, "lists read a day more than they show");

const char *
profile_state_name(enum profile_state s)
{
	static const char *const names[] = {
		[PROFILE_UP] = "up",
		[PROFILE_DOWN] = "down",
		[PROFILE_UNCONFIRMED] = "unconfirmed",
		[PROFILE_DISPUTED] = "disputed",
		[PROFILE_UNKNOWN] = "unknown",
		[PROFILE_MAINTENANCE] = "maintenance",
		[PROFILE_PAUSED] = "paused",
	};

	return names[s];
}

char
profile_day(const struct report_time *t)
{
	const struct uptime_time *b = &t->time;
	int64_t decided = b->up + b->down + b->unconfirmed,
		dark = b->unknown + b->disputed;

	if (b->down > 0)
		return 'd';
	if (b->unconfirmed > 0 || b->disputed > 0)
		return 's';
	if (dark > decided)
		return '?';
	if (decided > 0)
		return 'u';
	if (b->maintenance > 0)
		return 'm';
	return b->paused > 0 ? 'p' : '-';
}

/* ---- How it is now ---- */

static enum profile_state
state_of(const struct profile *p, int64_t now_ms)
{
	const struct uptime_report *r = &p->report;

	if (p->paused)
		return PROFILE_PAUSED;
	if (r->is_announced)
		return PROFILE_MAINTENANCE;
	if (r->last.to_ms == UPTIME_NO_TIME ||
	    r->last.to_ms < now_ms - PROFILE_STALE_MS - p->interval_ms)
		return PROFILE_UNKNOWN;
	if (r->incidents_n > 0 &&
	    r->incidents[r->incidents_n - 1].to_ms == INT64_MAX)
		return PROFILE_DOWN;
	switch (r->last.raw) {
	case UPTIME_UP:
		return PROFILE_UP;
	case UPTIME_DOWN:
		return PROFILE_UNCONFIRMED;
	case UPTIME_DISPUTED:
		return PROFILE_DISPUTED;
	case UPTIME_UNKNOWN:
		break;
	}
	return PROFILE_UNKNOWN;
}

/*
 * What is looked at of results that aren't counted yet: those of all tasks
 * since from_ms, in one go for a list of them, for tasks that are counted up to
 * then or further. Where they are too many, none.
 */
struct fresh {
	int64_t now_ms;
	int64_t from_ms;
	bool few;
	struct uptime_votes votes; /* of a list; its q is NULL of one task */
};

/* Up to when the task is counted, or it began. */
static enum rc
counted_read(struct db *db, int64_t task, int64_t *ms, struct err *e)
{
	struct uptime_task t;
	enum rc rc = rollup_end(db, task, ms, e);

	if (rc != RC_OK || *ms > 0)
		return rc;
	rc = uptime_task_read(&t, db, task, e);
	if (rc == RC_OK)
		*ms = hour_of(t.created_ms);
	uptime_task_free(&t);
	return rc;
}

/* Whether the results since f->from_ms are few: each of a post's is of another
 * task. */
static enum rc
fresh_count(struct fresh *f, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_TASKS_ACTIVE_SOME);
	int64_t each = 1, first = 0, end = 0;
	enum rc rc;

	query_int(q, 1, RESULTS_PER_POST_MAX);
	rc = query_one_int(q, &each, e);
	if (rc == RC_OK)
		rc = transfer_at(db, f->from_ms - CLOCK_SKEW_MS, &first, e);
	if (rc == RC_OK)
		rc = transfer_at(db, f->now_ms + DAY_MS, &end, e);
	f->few = end - first <= PROFILE_FRESH_MAX / (each < 1 ? 1 : each);
	return rc;
}

/* The incident that is open by what was watched is the report's, too. */
static enum rc
watched_open(struct uptime_report *r, struct uptime_state *s, struct err *e)
{
	const struct uptime_incident open = { .from_ms = s->open_ms,
		.to_ms = INT64_MAX,
		.networks = s->networks,
		.networks_n = s->networks_n };
	size_t i;

	for (i = 0; i < r->incidents_n; i++)
		if (r->incidents[i].from_ms == s->open_ms)
			return RC_OK;
	return uptime_report_incident_add(r, &open, e);
}

/* How the task is by what worknet-alert saw, if it looked since the last hour
 * that is counted. */
static enum rc
watched_take(struct profile *p, struct db *db, int64_t now_ms, struct err *e)
{
	struct uptime_report *r = &p->report;
	struct uptime_incident *last =
	    r->incidents_n > 0 ? &r->incidents[r->incidents_n - 1] : NULL;
	struct alert_watch w;
	bool there;
	enum rc rc = alert_watch_read(&w, db, p->id, &there, e);

	if (rc != RC_OK || !there || w.to_ms <= r->counted_ms)
		return rc;
	if (w.state.open_ms != UPTIME_NO_TIME) {
		rc = watched_open(r, &w.state, e);
	} else if (last != NULL && last->to_ms == INT64_MAX) {
		/* Unless it was told, its end is that of the last slice that
		 * was down, as far as that is known. */
		last->to_ms = w.state.down_ms;
		last->ended = UPTIME_RECOVERED;
		rc = alert_ended_read(
		    db, p->id, last->from_ms, &last->to_ms, &last->ended, e);
	}
	r->last.to_ms = w.state.decided_ms;
	r->last.raw = w.state.run_n > 0 ? UPTIME_DOWN : UPTIME_UP;
	if (rc == RC_OK)
		p->state = state_of(p, now_ms);
	return rc;
}

/* All but who it is, which *p has. */
static enum rc
report_read(struct profile *p, struct db *db, int64_t days, bool times_only,
    struct fresh *f, struct err *e)
{
	struct uptime_report_of of = { .task = p->id,
		.to_ms = hour_of(f->now_ms) + HOUR_MS,
		.at_ms = f->now_ms,
		.times_only = times_only };
	bool is_fresh = f->few && p->counted_ms >= f->from_ms;
	enum rc rc;
	size_t i;

	of.from_ms = of.to_ms - days * DAY_MS;
	if (is_fresh)
		of.now_ms = f->now_ms;
	if (is_fresh && f->votes.q != NULL)
		of.votes = &f->votes;
	rc = uptime_report_read(&p->report, db, &of, e);
	if (rc == RC_OK)
		p->state = state_of(p, f->now_ms);
	if (rc == RC_OK && !is_fresh)
		rc = watched_take(p, db, f->now_ms, e);
	if (rc != RC_OK)
		return rc;
	CHECK(p->report.days_n < sizeof(p->days));
	for (i = 0; i < p->report.days_n; i++)
		p->days[i] = profile_day(&p->report.days[i]);
	p->days[i] = '\0';
	if (times_only)
		uptime_report_forget_days(&p->report);
	return RC_OK;
}

enum rc
profile_read(struct profile *p, struct db *db, struct slice name, int64_t days,
    int64_t now_ms, struct err *e)
{
	char text[TASK_ID_MAX + 1];
	struct task_row t;
	struct fresh f;
	enum rc rc;

	*p = (struct profile){ .id = 0 };
	if (name.len > TASK_ID_MAX)
		return err_set(e, RC_NOT_FOUND, "no task has such a name");
	slice_copy(text, sizeof(text), name);
	rc = task_get(db, text, &t, e);
	if (rc == RC_OK && t.state == TASK_REMOVED)
		return err_set(e, RC_NOT_FOUND, "the task is removed");
	/* As of one that was never there: nobody learns which names are. */
	if (rc == RC_OK && t.is_private)
		return err_set(e, RC_NOT_FOUND, "unknown task %s", text);
	if (rc != RC_OK)
		return rc;
	p->id = t.id;
	memcpy(p->name, t.name, sizeof(p->name));
	memcpy(p->region, t.def.region, sizeof(p->region));
	p->interval_ms = t.def.interval_ms;
	p->copies = t.def.copies;
	p->paused = t.state == TASK_PAUSED;
	rc = counted_read(db, p->id, &p->counted_ms, e);
	f = (struct fresh){ .now_ms = now_ms, .from_ms = p->counted_ms };
	if (rc == RC_OK)
		rc = fresh_count(&f, db, e);
	return rc == RC_OK ? report_read(p, db, days, false, &f, e) : rc;
}

void
profile_free(struct profile *p)
{
	uptime_report_free(&p->report);
}

/* ---- Many ---- */

static void
task_line(struct profile *p, struct query *q)
{
	p->id = query_get_int(q, C_SHOWN_TASKS_ID);
	slice_copy(
	    p->name, sizeof(p->name), query_get_text(q, C_SHOWN_TASKS_NAME));
	slice_copy(p->region, sizeof(p->region),
	    query_get_text(q, C_SHOWN_TASKS_REGION));
	p->paused = slice_is(query_get_text(q, C_SHOWN_TASKS_STATE),
	    task_state_name(TASK_PAUSED));
	p->interval_ms = query_get_int(q, C_SHOWN_TASKS_INTERVAL_MS);
	p->copies = query_get_int(q, C_SHOWN_TASKS_COPIES);
}

static enum rc
tasks_read(
    struct profile_list *l, struct db *db, struct slice after, struct err *e)
{
	struct query *q = db_query(db, Q_SHOWN_TASKS);
	bool row = false;
	enum rc rc = RC_OK;

	query_text(q, 1, after);
	query_int(q, 2, PROFILE_TASKS_MAX + 1);
	while (!l->more && (rc = query_step(q, &row, e)) == RC_OK && row) {
		l->more = l->n == PROFILE_TASKS_MAX;
		if (!l->more)
			task_line(&l->tasks[l->n++], q);
	}
	query_done(q);
	return rc;
}

static int
id_order(const void *a, const void *b)
{
	const struct profile *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

/* Begins to read the results since the tasks are counted, but for those that
 * are behind the others by hours: they have long cycles. */
static enum rc
list_fresh(struct fresh *f, struct profile_list *l,
    struct profile *by_id[PROFILE_TASKS_MAX], struct db *db, struct err *e)
{
	struct uptime_votes_of of = { .to_ms = f->now_ms };
	struct terms_row terms;
	int64_t newest_ms = 0;
	enum rc rc = terms_now(db, &terms, e);
	size_t i;

	for (i = 0; rc == RC_OK && i < l->n; i++) {
		by_id[i] = &l->tasks[i];
		rc = counted_read(db, by_id[i]->id, &by_id[i]->counted_ms, e);
		if (by_id[i]->counted_ms > newest_ms)
			newest_ms = by_id[i]->counted_ms;
		if (by_id[i]->interval_ms > of.interval_ms)
			of.interval_ms = by_id[i]->interval_ms;
	}
	if (rc != RC_OK)
		return rc;
	f->from_ms = newest_ms;
	for (i = 0; i < l->n; i++)
		if (by_id[i]->counted_ms >= newest_ms - PROFILE_LAGS_MS &&
		    by_id[i]->counted_ms < f->from_ms)
			f->from_ms = by_id[i]->counted_ms;
	qsort(by_id, l->n, sizeof(by_id[0]), id_order);
	rc = fresh_count(f, db, e);
	of.from_ms = f->from_ms;
	of.window_ms = terms.result_window_ms;
	return rc == RC_OK && f->few ? uptime_votes_begin(&f->votes, db, &of, e)
				     : rc;
}

enum rc
profile_list_read(struct profile_list *l, struct db *db, struct slice after,
    int64_t days, int64_t now_ms, struct err *e)
{
	struct profile *by_id[PROFILE_TASKS_MAX];
	struct fresh f = { .now_ms = now_ms };
	enum rc rc;
	size_t i;

	*l = (struct profile_list){ .now_ms = now_ms };
	l->tasks = calloc(PROFILE_TASKS_MAX, sizeof(l->tasks[0]));
	if (l->tasks == NULL)
		return err_set(e, RC_NO_MEMORY, "tasks: no memory");
	rc = tasks_read(l, db, after, e);
	if (rc == RC_OK)
		rc = list_fresh(&f, l, by_id, db, e);
	for (i = 0; rc == RC_OK && i < l->n; i++)
		rc = report_read(by_id[i], db, days, true, &f, e);
	uptime_votes_end(&f.votes);
	return rc;
}

void
profile_list_free(struct profile_list *l)
{
	size_t i;

	for (i = 0; l->tasks != NULL && i < l->n; i++)
		profile_free(&l->tasks[i]);
	free(l->tasks);
	*l = (struct profile_list){ .n = 0 };
}

/* ---- Incidents ---- */

static enum rc
is_planned(struct db *db, int64_t task, const struct uptime_incident *i,
    bool *planned, struct err *e)
{
	struct uptime_task t;
	enum rc rc = uptime_task_read(&t, db, task, e);
	size_t k;

	*planned = false;
	for (k = 0; rc == RC_OK && k < t.maintenance_n; k++)
		*planned |= t.maintenance[k].from_ms <= i->from_ms &&
		    i->to_ms <= t.maintenance[k].to_ms;
	uptime_task_free(&t);
	return rc;
}

enum rc
profile_names_read(struct profile_names *out, struct db *db, int64_t task,
    const struct uptime_incident *i, struct err *e)
{
	enum rc rc;

	out->n = 0;
	rc = is_planned(db, task, i, &out->planned, e);
	while (rc == RC_OK && out->n < i->networks_n &&
	    out->n < PROFILE_NETWORKS_MAX) {
		rc = origin_read(db, i->networks[out->n], i->from_ms / DAY_MS,
		    out->names[out->n], e);
		out->n += rc == RC_OK;
	}
	return rc;
}

static enum rc
incident_take(struct profile_incident *out, struct db *db, int64_t task,
    const char *name, const struct uptime_incident *i, struct err *e)
{
	*out = (struct profile_incident){ .from_ms = i->from_ms,
		.to_ms = i->to_ms,
		.ended = i->ended,
		.networks_n = i->networks_n };
	slice_copy(out->task, sizeof(out->task), slice_of(name));
	return profile_names_read(&out->names, db, task, i, e);
}

enum rc
profile_incidents_of(struct profile_incident *out, size_t *n, struct db *db,
    const struct profile *p, struct err *e)
{
	const struct uptime_report *r = &p->report;
	enum rc rc = RC_OK;
	size_t i;

	*n = 0;
	for (i = r->incidents_n;
	     rc == RC_OK && i > 0 && *n < PROFILE_INCIDENTS_MAX; i--)
		rc = incident_take(
		    &out[(*n)++], db, p->id, p->name, &r->incidents[i - 1], e);
	return rc;
}

/* A row of the newest; s lends the networks. */
static enum rc
newest_take(
    struct profile_incident *out, struct db *db, struct query *q, struct err *e)
{
	struct uptime_state s;
	struct uptime_incident i = { .from_ms = query_get_int(
					 q, C_SHOWN_INCIDENTS_FROM_MS),
		.to_ms = query_get_int(q, C_SHOWN_INCIDENTS_TO_MS),
		.networks = s.networks };
	struct slice ended = query_get_text(q, C_SHOWN_INCIDENTS_ENDED);
	char name[TASK_ID_MAX + 1];
	enum rc rc;

	if (i.to_ms == JSON_INT_MAX)
		i.to_ms = INT64_MAX;
	i.ended = incident_ended_parse(ended);
	slice_copy(
	    name, sizeof(name), query_get_text(q, C_SHOWN_INCIDENTS_NAME));
	rc = networks_parse(
	    &s, query_get_text(q, C_SHOWN_INCIDENTS_NETWORKS), e);
	i.networks_n = s.networks_n;
	return rc == RC_OK
	    ? incident_take(out, db, query_get_int(q, C_SHOWN_INCIDENTS_TASK),
		  name, &i, e)
	    : rc;
}

/* Into its place among the newest; of the same one the later word counts. */
static void
incident_put(
    struct profile_incident *all, size_t *n, const struct profile_incident *one)
{
	size_t at = 0;

	while (at < *n && all[at].from_ms > one->from_ms)
		at++;
	while (at < *n && all[at].from_ms == one->from_ms &&
	    strcmp(all[at].task, one->task) != 0)
		at++;
	if (at == PROFILE_INCIDENTS_MAX)
		return;
	if (at == *n || all[at].from_ms != one->from_ms) {
		*n += *n < PROFILE_INCIDENTS_MAX;
		memmove(all + at + 1, all + at, (*n - at - 1) * sizeof(all[0]));
	}
	all[at] = *one;
}

/* What the task's results tell since the last hour that is counted. */
static enum rc
fresh_incidents_put(struct profile_incident *all, size_t *n, struct db *db,
    const struct profile *p, struct err *e)
{
	struct profile_incident one;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < p->report.incidents_n; i++) {
		rc = incident_take(
		    &one, db, p->id, p->name, &p->report.incidents[i], e);
		if (rc == RC_OK)
			incident_put(all, n, &one);
	}
	return rc;
}

enum rc
profile_incidents_read(struct profile_incident *out, size_t *n, struct db *db,
    const struct profile_list *l, struct err *e)
{
	struct query *q = db_query(db, Q_SHOWN_INCIDENTS);
	bool row = false;
	enum rc rc = RC_OK;
	size_t i;

	*n = 0;
	query_int(q, 1, PROFILE_INCIDENTS_MAX);
	while (rc == RC_OK && *n < PROFILE_INCIDENTS_MAX &&
	    (rc = query_step(q, &row, e)) == RC_OK && row)
		rc = newest_take(&out[(*n)++], db, q, e);
	query_done(q);
	for (i = 0; rc == RC_OK && i < l->n; i++)
		rc = fresh_incidents_put(out, n, db, &l->tasks[i], e);
	return rc;
}

/* ---- Checks ---- */

static enum rc
check_take(struct profile_check *c, struct query *q, struct err *e)
{
	int64_t form = query_get_int(q, C_SHOWN_CHECKS_ADDRESS_FORM);
	struct slice bytes = query_get_bytes(q, C_SHOWN_CHECKS_SIGNATURE);
	struct address a;

	if (form < ADDRESS_CHECKSUM || form > ADDRESS_UPPER ||
	    2 * bytes.len + 3 != sizeof(c->signature) ||
	    address_parse(&a, NULL, query_get_text(q, C_SHOWN_CHECKS_ADDRESS),
		NULL) != RC_OK)
		return err_set(e, RC_CORRUPT, "a result makes no sense");
	address_format(c->worker, &a, (enum address_form)form);
	hex_encode(c->signature, (const uint8_t *)bytes.p, bytes.len);
	c->at_ms = query_get_int(q, C_SHOWN_CHECKS_TIMESTAMP_MS);
	c->up = query_get_int(q, C_SHOWN_CHECKS_SUCCESS) != 0;
	c->status = query_is_null(q, C_SHOWN_CHECKS_STATUS)
	    ? -1
	    : query_get_int(q, C_SHOWN_CHECKS_STATUS);
	c->response_ms = query_is_null(q, C_SHOWN_CHECKS_RESPONSE_MS)
	    ? -1
	    : query_get_int(q, C_SHOWN_CHECKS_RESPONSE_MS);
	return RC_OK;
}

enum rc
profile_checks_read(struct profile_check *out, size_t *n, struct db *db,
    const struct profile *p, struct err *e)
{
	struct query *q;
	int64_t end;
	bool row = false;
	/* What was paid before the last cycle that is over had ended is of
	 * cycles that are. */
	enum rc rc = transfer_at(db, p->report.counted_ms, &end, e);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SHOWN_CHECKS);
	query_int(q, 1, p->id);
	query_int(q, 2, end);
	query_int(q, 3, PROFILE_RESULTS_MAX);
	query_int(q, 4, PROFILE_CHECKS_MAX);
	while (rc == RC_OK && *n < PROFILE_CHECKS_MAX &&
	    (rc = query_step(q, &row, e)) == RC_OK && row)
		rc = check_take(&out[(*n)++], q, e);
	query_done(q);
	return rc;
}

enum rc
profile_responses_read(struct responses *out, struct db *db,
    const struct profile *p, int64_t from_ms, struct err *e)
{
	return responses_read(
	    out, db, p->id, &p->report, from_ms, PROFILE_RESPONSES_MAX, e);
}

/* ---- Maintenance ---- */

enum rc
profile_announced_read(struct profile_announced *out, size_t *n, struct db *db,
    int64_t task, int64_t since_ms, struct err *e)
{
	struct query *q = db_query(db, Q_MAINTENANCE_LIST);
	struct profile_announced *a;
	bool row = false;
	enum rc rc = RC_OK;

	*n = 0;
	query_int(q, 1, task);
	query_int(q, 2, since_ms);
	query_int(q, 3, INT64_MAX);
	query_int(q, 4, false);
	while (*n < PROFILE_ANNOUNCED_MAX &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		a = &out[(*n)++];
		a->id = query_get_int(q, C_MAINTENANCE_LIST_ID);
		slice_copy(a->task, sizeof(a->task),
		    query_get_text(q, C_MAINTENANCE_LIST_NAME));
		a->from_ms = query_get_int(q, C_MAINTENANCE_LIST_FROM_MS);
		a->to_ms = query_get_int(q, C_MAINTENANCE_LIST_TO_MS);
		a->noted_ms = query_get_int(q, C_MAINTENANCE_LIST_NOTED_MS);
		a->counts = query_get_int(q, C_MAINTENANCE_LIST_COUNTS) != 0;
		slice_copy(a->why, sizeof(a->why),
		    query_get_text(q, C_MAINTENANCE_LIST_WHY));
	}
	query_done(q);
	return rc;
}
