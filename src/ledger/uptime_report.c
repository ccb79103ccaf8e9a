#include "ledger/uptime_report.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/terms.h"
#include "ledger/uptime_strip.h"

/* What is read from where. */
struct reading {
	struct uptime_report *r;
	struct db *db;
	struct uptime_task task;
	int64_t window_ms;
	struct uptime_votes *votes; /* the first walk's; or NULL */
	int64_t over_ms;	    /* cycles are, as far as that */
	int64_t rows_end_ms;	    /* there are rows as far as that */
	int64_t counted_ms;	    /* they are believed as far as that */
	bool has_before;	    /* the row before that is: */
	struct uptime_hour before;
};

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "report: no memory");
}

/* ---- Sums ---- */

static enum rc
dissent_add(struct uptime_report *r, int64_t hour_ms,
    const struct uptime_dissent *d, struct err *e)
{
	struct report_dissent *all = r->dissents;
	size_t i;

	for (i = r->dissents_n; i > 0 && all[i - 1].day == hour_ms / DAY_MS;
	     i--)
		if (all[i - 1].worker == d->worker &&
		    all[i - 1].network == d->network) {
			all[i - 1].votes += d->votes;
			return RC_OK;
		}
	if (r->dissents_n == r->dissents_cap) {
		r->dissents_cap =
		    r->dissents_cap == 0 ? 16 : 2 * r->dissents_cap;
		all = reallocarray(all, r->dissents_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		r->dissents = all;
	}
	all[r->dissents_n++] = (struct report_dissent){ hour_ms / DAY_MS,
		d->worker, d->network, d->votes };
	return RC_OK;
}

static void
time_add(struct report_time *t, const struct uptime_hour *h, int64_t dissents)
{
	uptime_add(&t->time, &h->time);
	uptime_add(&t->hidden, &h->hidden);
	t->copies += h->copies;
	t->votes += h->votes;
	t->dissents += dissents;
	t->drills += h->drills;
	t->in_rounds += h->in_rounds;
}

int64_t
report_recent_days(size_t i)
{
	static const int64_t days[REPORT_RECENTS] = { 1, 7, 30 };

	return days[i];
}

/* An hour; or a day, which none of the last days begins within. */
static void
hour_add(struct uptime_report *r, const struct uptime_hour *h, int64_t dissents)
{
	size_t day = (size_t)(h->hour_ms / DAY_MS - r->from_ms / DAY_MS), i;

	time_add(&r->all, h, dissents);
	time_add(&r->days[day], h, dissents);
	for (i = 0; !r->times_only && i < REPORT_RECENTS; i++)
		if (h->hour_ms >= r->to_ms - report_recent_days(i) * DAY_MS)
			time_add(&r->recent[i], h, dissents);
}

static enum rc
response_add(struct uptime_report *r, int64_t hour_ms,
    const struct uptime_response *of, struct err *e)
{
	struct report_response *all = r->responses;

	if (r->responses_n == r->responses_cap) {
		r->responses_cap =
		    r->responses_cap == 0 ? 16 : 2 * r->responses_cap;
		all = reallocarray(all, r->responses_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		r->responses = all;
	}
	all[r->responses_n++] = (struct report_response){ hour_ms, *of };
	return RC_OK;
}

/* Takes an hour of the walk. */
static enum rc
hour_take(void *ctx, const struct uptime_hour *h, struct err *e)
{
	struct uptime_report *r = ctx;
	int64_t dissents = 0;
	enum rc rc = RC_OK;
	size_t i;

	r->last = h->last;
	if (h->hour_ms < r->from_ms || h->hour_ms >= r->to_ms)
		return RC_OK;
	for (i = 0; rc == RC_OK && i < h->dissents_n; i++) {
		dissents += h->dissents[i].votes;
		rc = dissent_add(r, h->hour_ms, &h->dissents[i], e);
	}
	for (i = 0; rc == RC_OK && i < h->responses_n; i++)
		rc = response_add(r, h->hour_ms, &h->responses[i], e);
	hour_add(r, h, dissents);
	return rc;
}

static int
dissent_order(const void *a, const void *b)
{
	const struct report_dissent *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return (x->network > y->network) - (x->network < y->network);
}

/* ---- What is counted ---- */

/* Hours of which only the times are read. */
static enum rc
times_add(struct reading *g, int64_t from_ms, int64_t to_ms, struct err *e)
{
	struct query *q = db_query(g->db, Q_UPTIME_HOUR_TIMES);
	struct uptime_hour h = { .copies = 0 };
	enum rc rc;
	bool row;

	query_int(q, 1, g->task.id);
	query_int(q, 2, from_ms);
	query_int(q, 3, to_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		h.hour_ms = query_get_int(q, C_UPTIME_HOUR_TIMES_HOUR_MS);
		rollup_times_read(q, &h.time);
		hour_add(g->r, &h, 0);
	}
	query_done(q);
	return rc;
}

/* Days of which only the times are read. */
static enum rc
strip_add(struct reading *g, int64_t from_day, int64_t to_day, struct err *e)
{
	struct uptime_hour h = { .copies = 0 };
	struct uptime_strip strip;
	int64_t day;
	enum rc rc = uptime_strip_read(&strip, g->db, g->task.id, e);
	size_t i;

	for (i = 0; rc == RC_OK && i < strip.n; i++) {
		day = strip.day + (int64_t)i;
		if (day < from_day || day >= to_day)
			continue;
		h.hour_ms = day * DAY_MS;
		h.time = strip.days[i];
		hour_add(g->r, &h, 0);
	}
	return rc;
}

static enum rc
hours_add(struct reading *g, int64_t from_ms, int64_t to_ms, struct err *e)
{
	struct query *q = db_query(g->db, Q_UPTIME_HOURS);
	struct uptime_hour h;
	enum rc rc;
	bool row;

	query_int(q, 1, g->task.id);
	query_int(q, 2, from_ms);
	query_int(q, 3, to_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = rollup_hour_read(q, &h, e);
		if (rc != RC_OK)
			break;
		hour_add(g->r, &h, query_get_int(q, C_UPTIME_HOURS_DISSENTS));
	}
	query_done(q);
	return rc;
}

static enum rc
days_add(struct reading *g, int64_t from_day, int64_t to_day, struct err *e)
{
	struct query *q = db_query(g->db, Q_UPTIME_DAYS);
	struct uptime_hour h;
	enum rc rc;
	bool row;

	query_int(q, 1, g->task.id);
	query_int(q, 2, from_day);
	query_int(q, 3, to_day);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rollup_day_read(q, &h);
		hour_add(g->r, &h, query_get_int(q, C_UPTIME_DAYS_DISSENTS));
	}
	query_done(q);
	return rc;
}

static enum rc
some_hours_add(struct reading *g, int64_t from_ms, int64_t to_ms, struct err *e)
{
	if (from_ms >= to_ms)
		return RC_OK;
	return g->r->times_only ? times_add(g, from_ms, to_ms, e)
				: hours_add(g, from_ms, to_ms, e);
}

/* The hours up to the first midnight, the days, the hours after the last. A day
 * whose hours aren't all counted is as whole as these are. */
static enum rc
span_add(struct reading *g, int64_t from_ms, int64_t to_ms, struct err *e)
{
	int64_t from_day = (from_ms + DAY_MS - 1) / DAY_MS,
		to_day = (to_ms + (to_ms == g->rows_end_ms ? DAY_MS - 1 : 0)) /
	    DAY_MS;
	enum rc rc;

	if (from_day >= to_day)
		return some_hours_add(g, from_ms, to_ms, e);
	rc = some_hours_add(g, from_ms, from_day * DAY_MS, e);
	if (rc == RC_OK)
		rc = g->r->times_only ? strip_add(g, from_day, to_day, e)
				      : days_add(g, from_day, to_day, e);
	return rc == RC_OK ? some_hours_add(g, to_day * DAY_MS, to_ms, e) : rc;
}

/* Where the next of the last days begins; to_ms: there is none before that. */
static int64_t
recent_next(const struct uptime_report *r, int64_t at_ms, int64_t to_ms)
{
	int64_t last_ms;
	size_t i;

	for (i = 0; !r->times_only && i < REPORT_RECENTS; i++) {
		last_ms = r->to_ms - report_recent_days(i) * DAY_MS;
		if (last_ms > at_ms && last_ms < to_ms)
			to_ms = last_ms;
	}
	return to_ms;
}

/*
 * Days as days, but for those that the period, what is counted, or one of the
 * last days begins or ends in; these by their hours.
 */
static enum rc
rows_add(struct reading *g, int64_t to_ms, struct err *e)
{
	int64_t at_ms = g->r->from_ms, next_ms;
	enum rc rc = RC_OK;

	while (rc == RC_OK && at_ms < to_ms) {
		next_ms = recent_next(g->r, at_ms, to_ms);
		rc = span_add(g, at_ms, next_ms, e);
		at_ms = next_ms;
	}
	return rc;
}

static enum rc
row_dissents_add(struct reading *g, int64_t to_ms, struct err *e)
{
	struct query *q = db_query(g->db, Q_UPTIME_DISSENTS);
	struct uptime_dissent d;
	enum rc rc;
	bool row;

	query_int(q, 1, g->task.id);
	query_int(q, 2, g->r->from_ms);
	query_int(q, 3, to_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		d = (struct uptime_dissent){ query_get_int(
						 q, C_UPTIME_DISSENTS_WORKER),
			query_get_int(q, C_UPTIME_DISSENTS_NETWORK),
			query_get_int(q, C_UPTIME_DISSENTS_VOTES) };
		rc = dissent_add(
		    g->r, query_get_int(q, C_UPTIME_DISSENTS_HOUR_MS), &d, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
uptime_report_incident_add(
    struct uptime_report *r, const struct uptime_incident *i, struct err *e)
{
	struct uptime_incident *all;

	all = reallocarray(r->incidents, r->incidents_n + 1, sizeof(all[0]));
	if (all == NULL)
		return no_memory(e);
	r->incidents = all;
	all += r->incidents_n;
	*all = *i;
	all->networks = calloc(i->networks_n + 1, sizeof(all->networks[0]));
	if (all->networks == NULL)
		return no_memory(e);
	memcpy(all->networks, i->networks,
	    i->networks_n * sizeof(all->networks[0]));
	r->incidents_n++;
	return RC_OK;
}

static enum rc
row_incidents_add(struct reading *g, int64_t to_ms, struct err *e)
{
	struct query *q = db_query(g->db, Q_INCIDENTS);
	struct uptime_incident i = { .from_ms = 0 };
	struct uptime_state s;
	enum rc rc;
	bool row;

	query_int(q, 1, g->task.id);
	query_int(q, 2, g->r->from_ms);
	query_int(q, 3, to_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		i.from_ms = query_get_int(q, C_INCIDENTS_FROM_MS);
		i.to_ms = query_get_int(q, C_INCIDENTS_TO_MS);
		if (i.to_ms == JSON_INT_MAX)
			i.to_ms = INT64_MAX;
		i.ended =
		    incident_ended_parse(query_get_text(q, C_INCIDENTS_ENDED));
		/* The walk goes on with it. */
		if (g->has_before && i.from_ms == g->before.state.open_ms)
			continue;
		rc = networks_parse(
		    &s, query_get_text(q, C_INCIDENTS_NETWORKS), e);
		i.networks_n = s.networks_n;
		i.networks = s.networks;
		if (rc == RC_OK)
			rc = uptime_report_incident_add(g->r, &i, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

/* ---- What isn't ---- */

static enum rc
walk_incidents_add(
    struct uptime_report *r, const struct uptime_account *a, struct err *e)
{
	const struct uptime_incident *i;
	enum rc rc = RC_OK;
	size_t n;

	for (n = 0; rc == RC_OK && n < a->incidents_n; n++) {
		i = &a->incidents[n];
		if (i->from_ms < r->to_ms && i->to_ms > r->from_ms)
			rc = uptime_report_incident_add(r, i, e);
	}
	return rc;
}

static enum rc
before_read(struct reading *g, struct err *e)
{
	g->has_before = g->counted_ms > hour_of(g->task.created_ms);
	return g->has_before ? rollup_hour_get(g->db, g->task.id,
				   g->counted_ms - HOUR_MS, &g->before, e)
			     : RC_OK;
}

/* From the results; *changed_ms is the account's. */
static enum rc
walk_add(struct reading *g, int64_t *changed_ms, struct err *e)
{
	const struct uptime_votes_of of = { .task = g->task.id,
		.from_ms = g->counted_ms,
		.to_ms = g->over_ms,
		.interval_ms = uptime_task_longest_ms(&g->task),
		.window_ms = g->window_ms };
	struct uptime_votes own = { .q = NULL }, *v = g->votes;
	int64_t ms = g->counted_ms, end_ms;
	struct uptime_walk w;
	enum rc rc;

	rc = uptime_walk_begin(
	    &w, &g->task, g->has_before ? &g->before : NULL, e);
	if (v == NULL)
		v = &own;
	if (rc == RC_OK && ms < g->over_ms && v == &own)
		rc = uptime_votes_begin(&own, g->db, &of, e);
	for (; rc == RC_OK && ms < g->over_ms; ms += HOUR_MS) {
		end_ms = ms + HOUR_MS;
		if (end_ms > g->over_ms)
			end_ms = g->over_ms;
		rc = uptime_walk_hour(&w, ms, end_ms, v, e);
		if (rc == RC_OK)
			rc = uptime_walk_give(&w, false, hour_take, g->r, e);
	}
	uptime_votes_end(&own);
	/* They can't be read again. */
	g->votes = NULL;
	if (rc == RC_OK)
		rc = uptime_walk_give(&w, true, hour_take, g->r, e);
	*changed_ms = w.account.changed_ms;
	if (rc == RC_OK)
		rc = walk_incidents_add(g->r, &w.account, e);
	uptime_walk_end(&w);
	return rc;
}

/* ---- The report ---- */

static void
report_empty(struct uptime_report *r)
{
	size_t i;

	for (i = 0; i < r->incidents_n; i++)
		free(r->incidents[i].networks);
	r->incidents_n = r->dissents_n = r->responses_n = 0;
	r->all = (struct report_time){ .votes = 0 };
	for (i = 0; i < REPORT_RECENTS; i++)
		r->recent[i] = r->all;
	for (i = 0; i < r->days_n; i++)
		r->days[i] = r->all;
	r->last = (struct uptime_slice){ .to_ms = UPTIME_NO_TIME };
}

static enum rc
parts_read(struct reading *g, int64_t *changed_ms, struct err *e)
{
	struct uptime_report *r = g->r;
	int64_t rows_ms = r->to_ms < g->counted_ms ? r->to_ms : g->counted_ms;
	enum rc rc;

	report_empty(r);
	r->rows_ms = rows_ms;
	rc = before_read(g, e);
	if (rc == RC_OK && g->has_before)
		r->last = g->before.last;
	if (rc == RC_OK)
		rc = rows_add(g, rows_ms, e);
	if (rc == RC_OK && !r->times_only)
		rc = row_dissents_add(g, rows_ms, e);
	if (rc == RC_OK && !r->times_only)
		rc = row_incidents_add(g, rows_ms, e);
	return rc == RC_OK ? walk_add(g, changed_ms, e) : rc;
}

static enum rc
reading_begin(struct reading *g, int64_t task, int64_t now_ms, struct err *e)
{
	struct terms_row terms;
	int64_t first_ms;
	enum rc rc = uptime_task_read(&g->task, g->db, task, e);

	if (rc == RC_OK)
		rc = terms_now(g->db, &terms, e);
	if (rc == RC_OK)
		rc = rollup_end(g->db, task, &g->rows_end_ms, e);
	if (rc != RC_OK)
		return rc;
	g->window_ms = terms.result_window_ms;
	g->over_ms = uptime_task_over(&g->task, g->window_ms, now_ms);
	first_ms = hour_of(g->task.created_ms);
	g->counted_ms = g->rows_end_ms;
	if (g->counted_ms < first_ms)
		g->counted_ms = first_ms;
	if (g->over_ms < g->counted_ms)
		g->over_ms = g->counted_ms;
	return RC_OK;
}

/* Before there was a task, there was nothing to check: by days, but for those
 * that one of the last days begins in. */
static void
before_task_add(struct reading *g)
{
	int64_t end_ms = hour_of(g->task.created_ms), ms, next_ms;
	struct uptime_hour h = { .copies = 0 };

	if (end_ms > g->r->to_ms)
		end_ms = g->r->to_ms;
	for (ms = g->r->from_ms; ms < end_ms; ms = next_ms) {
		next_ms = ms - ms % DAY_MS + DAY_MS;
		next_ms =
		    recent_next(g->r, ms, next_ms < end_ms ? next_ms : end_ms);
		h.hour_ms = ms;
		h.time.paused = next_ms - ms;
		hour_add(g->r, &h, 0);
	}
}

static bool
is_announced(const struct uptime_task *t, int64_t at_ms)
{
	size_t i;

	for (i = 0; i < t->maintenance_n; i++)
		if (t->maintenance[i].from_ms <= at_ms &&
		    at_ms < t->maintenance[i].to_ms)
			return true;
	return false;
}

enum rc
uptime_report_read(struct uptime_report *r, struct db *db,
    const struct uptime_report_of *of, struct err *e)
{
	int64_t from_ms = of->from_ms, to_ms = of->to_ms, changed_ms = 0;
	struct reading g = { .r = r, .db = db, .votes = of->votes };
	enum rc rc;

	*r = (struct uptime_report){
		.from_ms = from_ms, .to_ms = to_ms, .times_only = of->times_only
	};
	if (from_ms < 0 || from_ms >= to_ms || from_ms % HOUR_MS != 0 ||
	    to_ms % HOUR_MS != 0 ||
	    (to_ms - from_ms) / DAY_MS > REPORT_DAYS_MAX)
		return err_set(e, RC_INVALID,
		    "report: expected a period of whole hours of UTC, of at most %d days",
		    REPORT_DAYS_MAX);
	r->days_n = (size_t)((to_ms - 1) / DAY_MS - from_ms / DAY_MS + 1);
	r->days = calloc(r->days_n, sizeof(r->days[0]));
	if (r->days == NULL)
		return no_memory(e);
	rc = reading_begin(&g, of->task, of->now_ms, e);
	if (rc == RC_OK)
		rc = parts_read(&g, &changed_ms, e);
	/* An incident since then reaches back into what was counted. */
	if (rc == RC_OK && changed_ms < g.counted_ms) {
		g.counted_ms = hour_of(changed_ms);
		rc = parts_read(&g, &changed_ms, e);
	}
	if (rc == RC_OK)
		before_task_add(&g);
	if (rc == RC_OK && r->dissents_n > 0)
		qsort(r->dissents, r->dissents_n, sizeof(r->dissents[0]),
		    dissent_order);
	r->counted_ms = g.over_ms < to_ms ? g.over_ms : to_ms;
	r->created_ms = g.task.created_ms;
	r->is_announced = is_announced(&g.task, of->at_ms);
	uptime_task_free(&g.task);
	return rc;
}

void
uptime_report_forget_days(struct uptime_report *r)
{
	free(r->days);
	r->days = NULL;
	r->days_n = 0;
}

void
uptime_report_free(struct uptime_report *r)
{
	size_t i;

	for (i = 0; i < r->incidents_n; i++)
		free(r->incidents[i].networks);
	free(r->incidents);
	free(r->dissents);
	free(r->responses);
	free(r->days);
	*r = (struct uptime_report){ .from_ms = 0 };
}

void
report_unhide(struct uptime_time *t, const struct report_time *r)
{
	*t = r->time;
	t->maintenance = 0;
	uptime_add(t, &r->hidden);
}
