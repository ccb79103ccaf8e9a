#include "ledger/uptime_walk.h"

#include <stdlib.h>
#include <string.h>

#include "eth/address.h"

static_assert(sizeof(((struct address *)0)->b) == UPTIME_WORKER_LEN,
    "a vote has its worker's address");

#define HOURS_FIRST 4 /* elements of an array that begins to grow */

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "uptime: no memory");
}

/* ---- Cycles ---- */

/* A cycle, and which definition's. */
struct cycle {
	const struct uptime_version *version;
	int64_t start_ms; /* nominal */
	int64_t from_ms;  /* what an edit has left of it */
	int64_t to_ms;
};

/* The first that begins at from_ms or after it, before end_ms; false: none. */
static bool
cycle_find(const struct uptime_task *t, int64_t from_ms, int64_t end_ms,
    struct cycle *c)
{
	const struct uptime_version *v;
	int64_t until_ms, at_ms;
	size_t i;

	for (i = 0; i < t->versions_n; i++) {
		v = &t->versions[i];
		until_ms = i + 1 < t->versions_n ? v[1].from_ms : INT64_MAX;
		at_ms = from_ms > v->from_ms ? from_ms : v->from_ms;
		/* Unless it is the definition's first, it begins nominally. */
		if (at_ms > v->from_ms && at_ms % v->interval_ms != 0)
			at_ms += v->interval_ms - at_ms % v->interval_ms;
		if (at_ms >= until_ms)
			continue;
		if (at_ms >= end_ms)
			return false;
		c->version = v;
		c->from_ms = at_ms;
		c->start_ms = at_ms - at_ms % v->interval_ms;
		c->to_ms = c->start_ms + v->interval_ms;
		if (c->to_ms > until_ms)
			c->to_ms = until_ms;
		return true;
	}
	return false;
}

/* ---- Results of a cycle ---- */

struct cycle_votes {
	struct uptime_vote votes[COPIES_MAX];
	int64_t workers[COPIES_MAX];
	bool in_round[COPIES_MAX];
	int64_t response_ms[COPIES_MAX]; /* -1: not told */
	size_t n;
	int64_t drills;
};

/* Less than 0 when the present row comes before the cycle, 0 when of it. */
static int
votes_order(struct query *q, const struct uptime_task *t, const struct cycle *c)
{
	const int64_t row[] = { query_get_int(q, C_UPTIME_VOTES_TASK),
		query_get_int(q, C_UPTIME_VOTES_VERSION),
		query_get_int(q, C_UPTIME_VOTES_CYCLE_MS) },
		      want[] = { t->id, c->version->id, c->start_ms };
	size_t i;

	for (i = 0; i < 3; i++)
		if (row[i] != want[i])
			return row[i] < want[i] ? -1 : 1;
	return 0;
}

static enum rc
vote_take(struct cycle_votes *v, struct query *q, struct err *e)
{
	struct uptime_vote *vote = &v->votes[v->n];
	struct address a;
	enum rc rc;

	if (query_get_int(q, C_UPTIME_VOTES_IS_DRILL) != 0) {
		v->drills++;
		return RC_OK;
	}
	/* No cycle has more; the audit tells of a ledger that has. */
	if (v->n == COPIES_MAX)
		return RC_OK;
	rc = address_parse(
	    &a, NULL, query_get_text(q, C_UPTIME_VOTES_ADDRESS), e);
	if (rc != RC_OK)
		return err_set(e, RC_CORRUPT, "worker %lld has no address",
		    (long long)query_get_int(q, C_UPTIME_VOTES_WORKER));
	*vote = (struct uptime_vote){
		.network = query_get_int(q, C_UPTIME_VOTES_NETWORK),
		.up = query_get_int(q, C_UPTIME_VOTES_SUCCESS) != 0,
	};
	memcpy(vote->worker, a.b, sizeof(vote->worker));
	v->in_round[v->n] = query_get_int(q, C_UPTIME_VOTES_IN_ROUND) != 0;
	v->response_ms[v->n] = query_get_int(q, C_UPTIME_VOTES_RESPONSE_MS);
	v->workers[v->n++] = query_get_int(q, C_UPTIME_VOTES_WORKER);
	return RC_OK;
}

/* Those of the cycle; the rows before them are passed over. */
static enum rc
votes_take(struct cycle_votes *out, struct uptime_votes *v,
    const struct uptime_task *t, const struct cycle *c, struct err *e)
{
	enum rc rc = RC_OK;
	int order;

	out->n = 0;
	out->drills = 0;
	while (
	    rc == RC_OK && v->row && (order = votes_order(v->q, t, c)) <= 0) {
		if (order == 0)
			rc = vote_take(out, v->q, e);
		if (rc == RC_OK)
			rc = query_step(v->q, &v->row, e);
	}
	return rc;
}

static enum rc
dissent_count(
    struct uptime_hour *h, int64_t worker, int64_t network, struct err *e)
{
	struct uptime_dissent *all = h->dissents;
	size_t i;

	for (i = 0; i < h->dissents_n; i++)
		if (all[i].worker == worker && all[i].network == network) {
			all[i].votes++;
			return RC_OK;
		}
	if (h->dissents_n == h->dissents_cap) {
		h->dissents_cap =
		    h->dissents_cap == 0 ? HOURS_FIRST : 2 * h->dissents_cap;
		all = reallocarray(all, h->dissents_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		h->dissents = all;
	}
	all[h->dissents_n++] = (struct uptime_dissent){ worker, network, 1 };
	return RC_OK;
}

/* ---- What answers took ---- */

/* doc/uptime, 9: votes that say up, and that the others didn't contradict. */
static enum rc
responses_add(struct uptime_walk *w, const struct cycle *c,
    const struct cycle_votes *v, struct err *e)
{
	struct response *all = w->responses;
	size_t i;

	if (w->responses_cap - w->responses_n < v->n) {
		w->responses_cap = 2 * (w->responses_cap + COPIES_MAX);
		all = reallocarray(all, w->responses_cap, sizeof(all[0]));
		if (all == NULL)
			return no_memory(e);
		w->responses = all;
	}
	for (i = 0; i < v->n; i++)
		if (v->votes[i].counts && v->votes[i].up && !v->votes[i].lost &&
		    v->response_ms[i] >= 0)
			all[w->responses_n++] =
			    (struct response){ c->version->region,
				    v->response_ms[i] };
	return RC_OK;
}

/* Makes the hour's times of what was added. */
static enum rc
responses_sum(struct uptime_walk *w, struct uptime_hour *h, struct err *e)
{
	const struct response *at = w->responses, *end = at + w->responses_n;
	struct uptime_response *r;

	response_sort(w->responses, w->responses_n);
	while (at < end) {
		r = reallocarray(
		    h->responses, h->responses_n + 1, sizeof(r[0]));
		if (r == NULL)
			return no_memory(e);
		h->responses = r;
		r += h->responses_n++;
		r->region = at->region;
		at += response_times_of(&r->times, at, (size_t)(end - at));
	}
	w->responses_n = 0;
	return RC_OK;
}

/* ---- Hours ---- */

static enum rc
cycle_count(struct uptime_walk *w, struct uptime_hour *h, const struct cycle *c,
    struct cycle_votes *v, struct err *e)
{
	struct uptime_slice s = { .from_ms = c->from_ms, .to_ms = c->to_ms };
	int64_t down[COPIES_MAX];
	size_t i, down_n = 0;
	enum rc rc = RC_OK;

	s.raw = uptime_judge(v->votes, v->n, c->version->copies);
	for (i = 0; rc == RC_OK && i < v->n; i++) {
		if (!v->votes[i].counts)
			continue;
		h->votes++;
		h->in_rounds += v->in_round[i];
		if (!v->votes[i].up)
			down[down_n++] = v->votes[i].network;
		if (v->votes[i].lost)
			rc = dissent_count(
			    h, v->workers[i], v->votes[i].network, e);
	}
	h->copies += c->version->copies;
	h->drills += v->drills;
	h->last = s;
	return rc == RC_OK ? account_slice(&w->account, &s, down, down_n, e)
			   : rc;
}

static struct uptime_hour *
hour_begin(struct uptime_walk *w, int64_t hour_ms, int64_t to_ms, struct err *e)
{
	struct uptime_hour *h = w->hours;

	if (w->hours_n == w->hours_cap) {
		w->hours_cap =
		    w->hours_cap == 0 ? HOURS_FIRST : 2 * w->hours_cap;
		h = reallocarray(h, w->hours_cap, sizeof(h[0]));
		if (h == NULL) {
			(void)no_memory(e);
			return NULL;
		}
		w->hours = h;
	}
	h += w->hours_n++;
	memset(h, 0, sizeof(*h));
	h->hour_ms = hour_ms;
	h->to_ms = to_ms;
	/* The last cycle may have begun before this hour. */
	if (w->account.slices_n > 0)
		h->last = w->account.slices[w->account.slices_n - 1];
	return h;
}

enum rc
uptime_walk_begin(struct uptime_walk *w, const struct uptime_task *t,
    const struct uptime_hour *before, struct err *e)
{
	struct uptime_slice last;
	enum rc rc;

	*w = (struct uptime_walk){ .task = t };
	rc = account_begin(
	    &w->account, before == NULL ? NULL : &before->state, e);
	if (rc != RC_OK || before == NULL)
		return rc;
	last = before->last;
	last.from_ms = before->hour_ms;
	return last.to_ms > before->hour_ms
	    ? account_before(&w->account, &last, e)
	    : RC_OK;
}

enum rc
uptime_walk_hour(struct uptime_walk *w, int64_t hour_ms, int64_t to_ms,
    struct uptime_votes *v, struct err *e)
{
	struct uptime_hour *h = hour_begin(w, hour_ms, to_ms, e);
	int64_t from_ms = hour_ms;
	struct cycle_votes votes;
	struct cycle c;
	enum rc rc = h == NULL ? RC_NO_MEMORY : RC_OK;

	while (rc == RC_OK && cycle_find(w->task, from_ms, to_ms, &c)) {
		rc = votes_take(&votes, v, w->task, &c, e);
		if (rc == RC_OK)
			rc = cycle_count(w, h, &c, &votes, e);
		if (rc == RC_OK)
			rc = responses_add(w, &c, &votes, e);
		from_ms = c.to_ms;
	}
	if (rc == RC_OK)
		h->state = w->account.state;
	return rc == RC_OK ? responses_sum(w, h, e) : rc;
}

int64_t
uptime_task_slice_end(const struct uptime_task *t, int64_t from_ms)
{
	struct cycle c;

	return cycle_find(t, from_ms, INT64_MAX, &c) ? c.to_ms : INT64_MAX;
}

enum rc
uptime_walk_on(struct uptime_walk *w, int64_t *at_ms, int64_t to_ms,
    int64_t over_ms, int64_t now_ms, struct uptime_votes *v, struct err *e)
{
	struct uptime_hour h = { .hour_ms = 0 };
	struct cycle_votes votes;
	struct cycle c;
	enum rc rc = RC_OK;

	while (rc == RC_OK && cycle_find(w->task, *at_ms, to_ms, &c)) {
		if (c.to_ms > over_ms && c.to_ms > now_ms)
			break;
		rc = votes_take(&votes, v, w->task, &c, e);
		if (rc != RC_OK ||
		    (c.to_ms > over_ms && (int64_t)votes.n < c.version->copies))
			break;
		rc = cycle_count(w, &h, &c, &votes, e);
		*at_ms = c.to_ms;
		account_forget(&w->account, c.to_ms);
	}
	free(h.dissents);
	return rc;
}

static void
hour_free(struct uptime_hour *h)
{
	free(h->dissents);
	free(h->responses);
}

static void
hour_count(const struct uptime_walk *w, struct uptime_hour *h)
{
	const struct uptime_task *t = w->task;
	const struct uptime_frame frame = { .paused = t->paused,
		.paused_n = t->paused_n,
		.maintenance = t->maintenance,
		.maintenance_n = t->maintenance_n };
	const struct uptime_span period = { h->hour_ms, h->to_ms };

	account_count(&w->account, &frame, &period, &h->time, &h->hidden);
	/* Before there was a task, there was nothing to check. */
	if (t->created_ms > h->hour_ms)
		h->time.paused +=
		    (t->created_ms < h->to_ms ? t->created_ms : h->to_ms) -
		    h->hour_ms;
}

enum rc
uptime_walk_give(struct uptime_walk *w, bool all, uptime_hour_fn *fn, void *ctx,
    struct err *e)
{
	int64_t settled_ms = all ? INT64_MAX : account_settled(&w->account);
	struct uptime_hour *h = w->hours;
	enum rc rc = RC_OK;
	size_t n;

	for (n = 0; rc == RC_OK && n < w->hours_n; n++, h++) {
		if (h->to_ms > settled_ms)
			break;
		hour_count(w, h);
		rc = fn(ctx, h, e);
		account_forget(&w->account, h->to_ms);
		hour_free(h);
	}
	w->hours_n -= n;
	if (n > 0)
		memmove(
		    w->hours, w->hours + n, w->hours_n * sizeof(w->hours[0]));
	return rc;
}

void
uptime_walk_end(struct uptime_walk *w)
{
	size_t i;

	for (i = 0; i < w->hours_n; i++)
		hour_free(&w->hours[i]);
	free(w->hours);
	free(w->responses);
	account_free(&w->account);
	*w = (struct uptime_walk){ .task = NULL };
}
