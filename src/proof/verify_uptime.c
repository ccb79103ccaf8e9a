/*
 * The figures of what an export covers, by the method of src/uptime, from its
 * lines and leaves. What was before its first hour isn't known to it: an
 * incident that was open then begins anew.
 */
#include <stdlib.h>
#include <string.h>

#include "proof/verify_room.h"
#include "uptime/account.h"

/* What of the export the count needs, besides its ballots. */
struct count {
	const struct verification *v;
	struct uptime_span *paused, *maintenance; /* owned, in order */
	size_t paused_n, maintenance_n;
	struct uptime_account account;
	size_t next; /* ballot */
};

static int
ballot_compare(const void *x, const void *y)
{
	const struct ballot *a = x, *b = y;

	if (a->definition != b->definition)
		return a->definition < b->definition ? -1 : 1;
	if (a->cycle != b->cycle)
		return a->cycle < b->cycle ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int
span_compare(const void *x, const void *y)
{
	const struct uptime_span *a = x, *b = y;

	return (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
}

/* ---- Pauses and maintenance ---- */

static void
paused_find(struct count *c)
{
	const struct verification *v = c->v;
	bool open = false;
	size_t i;

	for (i = 0; i < v->tasks; i++) {
		if (!v->span[i].active && !open)
			c->paused[c->paused_n++] =
			    (struct uptime_span){ v->span[i].from, INT64_MAX };
		else if (v->span[i].active && open)
			c->paused[c->paused_n - 1].to_ms = v->span[i].from;
		open = !v->span[i].active;
	}
}

/* When it ended, as far as the leaves say. */
static int64_t
end_of(const struct verification *v, const struct maintenance_leaf *m)
{
	const struct maintenance_leaf *other;
	size_t i;

	for (i = 0; i < v->n; i++) {
		other = &v->leaf[i].of.maintenance;
		if (v->leaf[i].kind == KIND_MAINTENANCE && other->id == m->id &&
		    other->noted == m->noted && other->ended != LEAF_NONE)
			return other->ended;
	}
	return m->to;
}

/* Those that count; spans that overlap become one. */
static void
maintenance_find(struct count *c)
{
	const struct verification *v = c->v;
	const struct maintenance_leaf *m;
	struct uptime_span *all = c->maintenance;
	size_t i, n = 0, kept = 0;

	for (i = 0; i < v->n; i++) {
		m = &v->leaf[i].of.maintenance;
		if (v->leaf[i].kind == KIND_MAINTENANCE &&
		    m->ended == LEAF_NONE && m->logged < m->from &&
		    end_of(v, m) > m->from)
			all[n++] =
			    (struct uptime_span){ m->from, end_of(v, m) };
	}
	v->out->maintenances = (int64_t)n;
	if (n > 0)
		qsort(all, n, sizeof(*all), span_compare);
	for (i = 0; i < n; i++)
		if (kept > 0 && all[i].from_ms <= all[kept - 1].to_ms) {
			if (all[i].to_ms > all[kept - 1].to_ms)
				all[kept - 1].to_ms = all[i].to_ms;
		} else
			all[kept++] = all[i];
	c->maintenance_n = kept;
}

/* ---- Slices ---- */

/* The cycle of the definition's next ballot, from that one on, or never. */
static int64_t
ballot_next(struct count *c, size_t definition, int64_t cycle)
{
	const struct ballots *b = &c->v->ballots;
	const struct ballot key = { .definition = definition, .cycle = cycle };

	while (c->next < b->n && ballot_compare(&b->all[c->next], &key) < 0)
		c->next++;
	return c->next < b->n && b->all[c->next].definition == definition
	    ? b->all[c->next].cycle
	    : INT64_MAX;
}

/* A cycle of a definition: its ballots come next, if it has any. */
static enum rc
slice_count(struct count *c, size_t definition, int64_t cycle, int64_t copies,
    struct uptime_slice *s, struct err *e)
{
	const struct ballots *b = &c->v->ballots;
	struct uptime_vote votes[COPIES_MAX];
	int64_t down[COPIES_MAX];
	size_t n = 0, i, down_n = 0;

	for (; ballot_next(c, definition, cycle) == cycle; c->next++)
		if (n < COPIES_MAX)
			votes[n++] = b->all[c->next].vote;
	s->raw = uptime_judge(votes, n, copies);
	for (i = 0; i < n; i++)
		if (votes[i].counts && !votes[i].up)
			down[down_n++] = votes[i].network;
	return account_slice(&c->account, s, down, down_n, e);
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/*
 * The slices of the definition of span i, from its time on, until end. Those in
 * a row that have no ballot are one: a paused task may have years of them.
 */
static enum rc
definition_count(struct count *c, size_t i, int64_t end, int64_t from,
    int64_t to, struct err *e)
{
	const struct span *d = &c->v->span[i];
	const int64_t wide = d->interval_ms;
	int64_t at = d->from, start, next;
	struct uptime_slice s;
	enum rc rc = RC_OK;

	if (from > at)
		at = from - from % wide;
	if (at < d->from)
		at = d->from;
	while (at < end && at < to && rc == RC_OK) {
		start = at - at % wide;
		next = ballot_next(c, i, start);
		if (next == start)
			next = start + wide;
		else
			next = least(next, to - 1 - (to - 1) % wide + wide);
		s = (struct uptime_slice){ .from_ms = at,
			.to_ms = least(next, end) };
		rc = slice_count(c, i, start, d->copies, &s, e);
		at = s.to_ms;
	}
	return rc;
}

static enum rc
slices_count(struct count *c, int64_t from, int64_t to, struct err *e)
{
	const struct span *span = c->v->span;
	const size_t n = c->v->tasks;
	size_t i, k;
	enum rc rc = RC_OK;

	for (i = 0; i < n && rc == RC_OK; i = k) {
		/* A change of state alone is no other definition. */
		for (k = i + 1; k < n && span_first(span, k) == i; k++)
			;
		rc = definition_count(
		    c, i, k < n ? span[k].from : INT64_MAX, from, to, e);
	}
	return rc;
}

/* ---- Figures ---- */

static void
figures_make(const struct count *c, int64_t from, int64_t to)
{
	const struct uptime_frame frame = { .paused = c->paused,
		.paused_n = c->paused_n,
		.maintenance = c->maintenance,
		.maintenance_n = c->maintenance_n };
	const struct uptime_span period = { from, to };
	const int64_t created = c->v->task[0].from;
	struct verify_report *out = c->v->out;
	struct uptime_time hidden = { 0 };
	size_t i;

	account_count(&c->account, &frame, &period, &out->time, &hidden);
	if (created > from)
		out->time.paused += (created < to ? created : to) - from;
	uptime_figures(&out->figures, &out->time);
	for (i = 0; i < c->account.incidents_n; i++)
		if (c->account.incidents[i].from_ms < to &&
		    c->account.incidents[i].to_ms > from)
			out->incidents++;
}

enum rc
verify_uptime(struct verification *v, struct err *e)
{
	struct count c = { .v = v };
	enum rc rc;

	if (v->out->segments == 0)
		return RC_OK;
	c.paused = calloc(v->tasks + 1, sizeof(*c.paused));
	c.maintenance = calloc(v->n + 1, sizeof(*c.maintenance));
	rc = c.paused == NULL || c.maintenance == NULL
	    ? err_set(e, RC_NO_MEMORY, "out of memory")
	    : account_begin(&c.account, NULL, e);
	if (rc == RC_OK) {
		if (v->ballots.n > 0)
			qsort(v->ballots.all, v->ballots.n,
			    sizeof(v->ballots.all[0]), ballot_compare);
		paused_find(&c);
		maintenance_find(&c);
		rc = slices_count(&c, v->out->from, v->out->to, e);
	}
	/* Hours beside those that were asked for count for nothing. */
	v->out->counted_from = v->w->to != 0 ? v->w->from : v->out->from;
	v->out->counted_to = v->w->to != 0 ? v->w->to : v->out->to;
	if (rc == RC_OK)
		figures_make(&c, v->out->counted_from, v->out->counted_to);
	account_free(&c.account);
	free(c.paused);
	free(c.maintenance);
	return rc;
}
