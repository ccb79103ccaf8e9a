/* The audit of uptime: each hour that was counted follows from the results. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/audit_part.h"
#include "ledger/rollup.h"
#include "ledger/uptime_strip.h"

/* One task's rows beside its walk. */
struct task_check {
	struct audit *a;
	struct query *rows;	 /* its hours, in order */
	struct query *responses; /* and what answers took in them */
	bool response;		 /* there is a present one of these */
	int64_t task;
	int64_t from_ms; /* the first hour that is looked at; -1: all are */
	int64_t hours;
};

static bool
is_same_state(const struct uptime_state *x, const struct uptime_state *y)
{
	return x->decided_ms == y->decided_ms && x->down_ms == y->down_ms &&
	    x->open_ms == y->open_ms && x->run_n == y->run_n &&
	    x->run_ms == y->run_ms && x->networks_n == y->networks_n &&
	    memcmp(x->networks, y->networks,
		x->networks_n * sizeof(x->networks[0])) == 0;
}

static int64_t
dissents_of(const struct uptime_hour *h)
{
	int64_t n = 0;
	size_t i;

	for (i = 0; i < h->dissents_n; i++)
		n += h->dissents[i].votes;
	return n;
}

static bool
response_is(struct query *q, int64_t hour_ms, const struct uptime_response *r)
{
	return query_get_int(q, C_RESPONSE_HOURS_HOUR_MS) == hour_ms &&
	    query_get_int(q, C_RESPONSE_HOURS_REGION) == r->region &&
	    query_get_int(q, C_RESPONSE_HOURS_RESULTS) == r->times.results &&
	    query_get_int(q, C_RESPONSE_HOURS_P50_MS) == r->times.p50_ms &&
	    query_get_int(q, C_RESPONSE_HOURS_P95_MS) == r->times.p95_ms &&
	    query_get_int(q, C_RESPONSE_HOURS_MAX_MS) == r->times.max_ms;
}

/* The rows of the hour are its times, and no others. */
static enum rc
responses_check(
    struct task_check *c, const struct uptime_hour *h, struct err *e)
{
	struct query *q = c->responses;
	const struct uptime_response *r = h->responses;
	enum rc rc = RC_OK;
	bool same = true;
	size_t n = 0;

	while (rc == RC_OK && c->response &&
	    query_get_int(q, C_RESPONSE_HOURS_HOUR_MS) <= h->hour_ms) {
		same &= n < h->responses_n && response_is(q, h->hour_ms, &r[n]);
		n++;
		rc = query_step(q, &c->response, e);
	}
	if (rc == RC_OK && (!same || n != h->responses_n))
		audit_found(c->a, AUDIT_UPTIME,
		    "task %" PRId64 ": its response times in the hour %" PRId64
		    " aren't what the results say",
		    c->task, h->hour_ms);
	return rc;
}

static enum rc
hour_check(void *ctx, const struct uptime_hour *h, struct err *e)
{
	struct task_check *c = ctx;
	struct err ignored = ERR_INIT;
	struct uptime_hour row;
	bool any, same;
	enum rc rc;

	rc = query_step(c->rows, &any, e);
	if (rc != RC_OK)
		return rc;
	c->hours++;
	same = any && rollup_hour_read(c->rows, &row, &ignored) == RC_OK &&
	    row.hour_ms == h->hour_ms &&
	    memcmp(&row.time, &h->time, sizeof(h->time)) == 0 &&
	    memcmp(&row.hidden, &h->hidden, sizeof(h->hidden)) == 0 &&
	    row.copies == h->copies && row.votes == h->votes &&
	    row.drills == h->drills && row.in_rounds == h->in_rounds &&
	    query_get_int(c->rows, C_UPTIME_HOURS_DISSENTS) == dissents_of(h) &&
	    row.last.to_ms == h->last.to_ms && row.last.raw == h->last.raw &&
	    is_same_state(&row.state, &h->state);
	if (!same)
		audit_found(c->a, AUDIT_UPTIME,
		    "task %" PRId64 ": its uptime in the hour %" PRId64
		    " isn't what the results say",
		    c->task, h->hour_ms);
	return responses_check(c, h, e);
}

/* The incidents of the walk are those of the ledger. */
static enum rc
incidents_check(
    struct task_check *c, const struct uptime_account *account, struct err *e)
{
	struct query *q = db_query(c->a->db, Q_INCIDENTS);
	const struct uptime_incident *i = account->incidents;
	char networks[NETWORKS_TEXT_MAX];
	int64_t to_ms;
	size_t n = 0;
	bool row, same = true;
	enum rc rc;

	query_int(q, 1, c->task);
	query_int(q, 2, -1);
	query_int(q, 3, INT64_MAX);
	for (; n < account->incidents_n && i->from_ms < c->from_ms; n++, i++)
		; /* it began among what is archived */
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (query_get_int(q, C_INCIDENTS_FROM_MS) < c->from_ms)
			continue;
		if (n >= account->incidents_n)
			break;
		to_ms = query_get_int(q, C_INCIDENTS_TO_MS);
		networks_format(networks, i->networks, i->networks_n);
		same &= query_get_int(q, C_INCIDENTS_FROM_MS) == i->from_ms &&
		    to_ms ==
			(i->to_ms == INT64_MAX ? JSON_INT_MAX : i->to_ms) &&
		    slice_is(query_get_text(q, C_INCIDENTS_ENDED),
			incident_ended(i->ended)) &&
		    slice_is(query_get_text(q, C_INCIDENTS_NETWORKS), networks);
		n++;
		i++;
	}
	query_done(q);
	if (rc == RC_OK && (!same || row || n != account->incidents_n))
		audit_found(c->a, AUDIT_UPTIME,
		    "task %" PRId64
		    ": its incidents aren't what the results say",
		    c->task);
	return rc;
}

static enum rc
task_walk(struct task_check *c, const struct uptime_task *t, int64_t end_ms,
    struct uptime_votes *v, struct err *e)
{
	struct uptime_walk w = { .task = NULL };
	struct uptime_hour before;
	int64_t ms;
	enum rc rc = RC_OK;

	ms = hour_of(t->created_ms);
	c->from_ms = -1;
	if (c->a->archived_ms > ms) {
		ms = c->from_ms = hour_of(c->a->archived_ms) + HOUR_MS;
		if (ms > end_ms)
			return RC_OK;
		rc = rollup_hour_get(
		    c->a->db, c->task, ms - HOUR_MS, &before, e);
	}
	if (rc != RC_OK)
		return rc;
	c->rows = db_query(c->a->db, Q_UPTIME_HOURS);
	query_int(c->rows, 1, c->task);
	query_int(c->rows, 2, c->from_ms);
	query_int(c->rows, 3, INT64_MAX);
	c->responses = db_query(c->a->db, Q_RESPONSE_HOURS);
	query_int(c->responses, 1, c->task);
	query_int(c->responses, 2, c->from_ms);
	query_int(c->responses, 3, INT64_MAX);
	rc = query_step(c->responses, &c->response, e);
	if (rc == RC_OK)
		rc = uptime_walk_begin(
		    &w, t, c->from_ms == -1 ? NULL : &before, e);
	for (; rc == RC_OK && ms < end_ms; ms += HOUR_MS) {
		rc = uptime_walk_hour(&w, ms, ms + HOUR_MS, v, e);
		if (rc == RC_OK)
			rc = uptime_walk_give(&w, false, hour_check, c, e);
	}
	if (rc == RC_OK)
		rc = uptime_walk_give(&w, true, hour_check, c, e);
	query_done(c->rows);
	query_done(c->responses);
	if (rc == RC_OK)
		rc = incidents_check(c, &w.account, e);
	uptime_walk_end(&w);
	audit_checked(c->a, AUDIT_UPTIME, c->hours);
	return rc;
}

static enum rc
task_check(struct audit *a, int64_t task, struct uptime_votes *v, struct err *e)
{
	struct task_check c = { .a = a, .task = task };
	struct uptime_task t = { .id = 0 };
	int64_t end_ms = 0;
	enum rc rc = rollup_end(a->db, task, &end_ms, e);

	if (rc == RC_OK && end_ms > 0)
		rc = uptime_task_read(&t, a->db, task, e);
	if (rc == RC_OK && end_ms > 0)
		rc = task_walk(&c, &t, end_ms, v, e);
	uptime_task_free(&t);
	return rc;
}

static enum rc
days_check(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_UPTIME_DAY);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		audit_found(a, AUDIT_UPTIME,
		    "task %" PRId64 ": its uptime on the day %" PRId64
		    " isn't that of its hours",
		    query_get_int(q, 0), query_get_int(q, 1));
	query_done(q);
	return rc;
}

static enum rc
strips_check(struct audit *a, struct err *e)
{
	bool is_right = true;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < a->tasks_n; i++) {
		rc = uptime_strip_check(a->db, a->tasks[i].id, &is_right, e);
		if (rc == RC_OK && !is_right)
			audit_found(a, AUDIT_UPTIME,
			    "task %" PRId64
			    ": the strip of its days isn't what they say",
			    a->tasks[i].id);
	}
	return rc;
}

/* What no task's hours come to, and no region's. */
static enum rc
responses_others_check(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_RESPONSE_HOUR);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		audit_found(a, AUDIT_UPTIME,
		    "task %" PRId64 ": its response times in the hour %" PRId64
		    " are of no region, or the hour isn't counted",
		    query_get_int(q, 0), query_get_int(q, 1));
	query_done(q);
	return rc;
}

enum rc
audit_uptime(struct audit *a, struct err *e)
{
	const struct uptime_votes_of of = { .to_ms = INT64_MAX,
		.everything = true };
	struct uptime_votes v;
	enum rc rc;
	size_t i;

	audit_tick(a, "uptime", 0, 0);
	rc = uptime_votes_begin(&v, a->db, &of, e);
	for (i = 0; rc == RC_OK && i < a->tasks_n; i++)
		rc = task_check(a, a->tasks[i].id, &v, e);
	uptime_votes_end(&v);
	if (rc == RC_OK)
		rc = days_check(a, e);
	if (rc == RC_OK)
		rc = strips_check(a, e);
	return rc == RC_OK ? responses_others_check(a, e) : rc;
}
