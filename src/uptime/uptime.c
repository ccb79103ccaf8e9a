#include "uptime/uptime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* ---- One slice ---- */

/* Whether another vote of the network comes before it. */
static bool
is_passed_over(const struct uptime_vote *votes, size_t n, size_t i)
{
	size_t j;
	int order;

	for (j = 0; j < n; j++) {
		if (j == i || votes[j].network != votes[i].network)
			continue;
		order =
		    memcmp(votes[j].worker, votes[i].worker, UPTIME_WORKER_LEN);
		if (order < 0 || (order == 0 && j < i))
			return true;
	}
	return false;
}

enum uptime_raw
uptime_judge(struct uptime_vote *votes, size_t n, int64_t copies)
{
	int64_t up = 0, all = 0;
	enum uptime_raw raw;
	size_t i;

	for (i = 0; i < n; i++) {
		votes[i].counts = !is_passed_over(votes, n, i);
		votes[i].lost = false;
		all += votes[i].counts;
		up += votes[i].counts && votes[i].up;
	}
	if (all < copies / 2 + 1)
		return UPTIME_UNKNOWN;
	if (2 * up == all)
		return UPTIME_DISPUTED;
	raw = 2 * up > all ? UPTIME_UP : UPTIME_DOWN;
	for (i = 0; i < n; i++)
		votes[i].lost =
		    votes[i].counts && votes[i].up != (raw == UPTIME_UP);
	return raw;
}

/* ---- Incidents ---- */

void
uptime_begin(struct uptime_state *s)
{
	memset(s, 0, sizeof(*s));
	s->decided_ms = s->down_ms = s->open_ms = s->run_ms = UPTIME_NO_TIME;
}

static void
run_drop(struct uptime_state *s)
{
	s->run_n = 0;
	s->run_ms = UPTIME_NO_TIME;
}

static void
run_count(struct uptime_state *s, const struct uptime_slice *slice)
{
	if (s->run_n++ == 0)
		s->run_ms = slice->from_ms;
}

static void
networks_add(struct uptime_state *s, const int64_t *networks, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		for (j = 0; j < s->networks_n; j++)
			if (s->networks[j] == networks[i])
				break;
		if (j == s->networks_n && j < UPTIME_NETWORKS_MAX)
			s->networks[s->networks_n++] = networks[i];
	}
}

static enum uptime_event
close_at(struct uptime_state *s, enum uptime_event how, int64_t when_ms,
    int64_t *at_ms)
{
	*at_ms = when_ms;
	s->open_ms = UPTIME_NO_TIME;
	s->networks_n = 0;
	run_drop(s);
	return how;
}

static enum uptime_event
step_undecided(
    struct uptime_state *s, const struct uptime_slice *slice, int64_t *at_ms)
{
	if (s->decided_ms == UPTIME_NO_TIME ||
	    slice->to_ms - s->decided_ms <= UPTIME_GAP_MS)
		return UPTIME_NOTHING;
	if (s->open_ms != UPTIME_NO_TIME)
		return close_at(s, UPTIME_LOST, s->down_ms, at_ms);
	run_drop(s);
	s->networks_n = 0;
	return UPTIME_NOTHING;
}

static enum uptime_event
step_up(
    struct uptime_state *s, const struct uptime_slice *slice, int64_t *at_ms)
{
	if (s->open_ms == UPTIME_NO_TIME) {
		run_drop(s);
		s->networks_n = 0;
		return UPTIME_NOTHING;
	}
	run_count(s, slice);
	return s->run_n < UPTIME_RECOVER
	    ? UPTIME_NOTHING
	    : close_at(s, UPTIME_RECOVERED, s->run_ms, at_ms);
}

static enum uptime_event
step_down(struct uptime_state *s, const struct uptime_slice *slice,
    const int64_t *networks, size_t n)
{
	s->down_ms = slice->to_ms;
	if (s->open_ms != UPTIME_NO_TIME) {
		run_drop(s);
		return UPTIME_NOTHING;
	}
	run_count(s, slice);
	networks_add(s, networks, n);
	if (s->run_n < UPTIME_CONFIRM || s->networks_n < UPTIME_NETWORKS)
		return UPTIME_NOTHING;
	s->open_ms = s->run_ms;
	run_drop(s);
	return UPTIME_OPENED;
}

enum uptime_event
uptime_step(struct uptime_state *s, const struct uptime_slice *slice,
    const int64_t *networks, size_t n, int64_t *at_ms)
{
	enum uptime_event event = UPTIME_NOTHING;

	*at_ms = UPTIME_NO_TIME;
	switch (slice->raw) {
	case UPTIME_UNKNOWN:
	case UPTIME_DISPUTED:
		return step_undecided(s, slice, at_ms);
	case UPTIME_UP:
		event = step_up(s, slice, at_ms);
		break;
	case UPTIME_DOWN:
		event = step_down(s, slice, networks, n);
		break;
	}
	s->decided_ms = slice->to_ms;
	return event;
}

/* ---- Buckets ---- */

static bool
is_in(const struct uptime_span *spans, size_t n, int64_t ms, int64_t *until_ms)
{
	size_t low = 0, high = n, middle;

	/* The first that ends after ms. */
	while (low < high) {
		middle = low + (high - low) / 2;
		if (spans[middle].to_ms <= ms)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == n)
		return false;
	if (spans[low].from_ms > ms) {
		if (spans[low].from_ms < *until_ms)
			*until_ms = spans[low].from_ms;
		return false;
	}
	if (spans[low].to_ms < *until_ms)
		*until_ms = spans[low].to_ms;
	return true;
}

static int64_t *
bucket_of(struct uptime_time *t, enum uptime_raw raw, bool in_incident)
{
	switch (raw) {
	case UPTIME_UNKNOWN:
		break;
	case UPTIME_DISPUTED:
		return &t->disputed;
	case UPTIME_DOWN:
		return in_incident ? &t->down : &t->unconfirmed;
	case UPTIME_UP:
		return in_incident ? &t->down : &t->up;
	}
	return &t->unknown;
}

void
uptime_count(struct uptime_time *t, struct uptime_time *hidden,
    const struct uptime_slice *slice, const struct uptime_frame *f,
    const struct uptime_span *period)
{
	int64_t from_ms = slice->from_ms, to_ms = slice->to_ms, until_ms;
	bool in_incident, paused, maintenance;

	if (from_ms < period->from_ms)
		from_ms = period->from_ms;
	if (to_ms > period->to_ms)
		to_ms = period->to_ms;
	for (; from_ms < to_ms; from_ms = until_ms) {
		until_ms = to_ms;
		in_incident =
		    is_in(f->incidents, f->incidents_n, from_ms, &until_ms);
		paused = is_in(f->paused, f->paused_n, from_ms, &until_ms);
		maintenance =
		    is_in(f->maintenance, f->maintenance_n, from_ms, &until_ms);
		if (paused)
			t->paused += until_ms - from_ms;
		else if (!maintenance)
			*bucket_of(t, slice->raw, in_incident) +=
			    until_ms - from_ms;
		else
			t->maintenance += until_ms - from_ms;
		if (maintenance && !paused && hidden != NULL)
			*bucket_of(hidden, slice->raw, in_incident) +=
			    until_ms - from_ms;
	}
}

void
uptime_add(struct uptime_time *a, const struct uptime_time *b)
{
	a->up += b->up;
	a->down += b->down;
	a->unconfirmed += b->unconfirmed;
	a->unknown += b->unknown;
	a->disputed += b->disputed;
	a->paused += b->paused;
	a->maintenance += b->maintenance;
}

int64_t
uptime_total(const struct uptime_time *t)
{
	return t->up + t->down + t->unconfirmed + t->unknown + t->disputed +
	    t->paused + t->maintenance;
}

/* ---- Figures ---- */

/* Never rounded up. 290 years of ms fit. */
static int64_t
ppm_of(int64_t part_ms, int64_t whole_ms)
{
	return whole_ms == 0 ? UPTIME_NO_FIGURE
			     : part_ms * UPTIME_PPM / whole_ms;
}

void
uptime_figures(struct uptime_figures *f, const struct uptime_time *t)
{
	int64_t decided = t->up + t->unconfirmed + t->down,
		dark = t->unknown + t->disputed;

	f->availability = ppm_of(t->up + t->unconfirmed, decided);
	f->strict = ppm_of(t->up, decided);
	f->at_least = ppm_of(t->up, decided + dark);
	f->at_most = ppm_of(t->up + t->unconfirmed + dark, decided + dark);
	f->coverage = ppm_of(decided, decided + dark);
}

enum uptime_verdict
uptime_verdict(const struct uptime_figures *f, int64_t target_ppm)
{
	if (f->at_least >= target_ppm)
		return UPTIME_MET;
	if (f->at_most != UPTIME_NO_FIGURE && f->at_most < target_ppm)
		return UPTIME_MISSED;
	if (f->coverage < UPTIME_PPM / 100 * 99)
		return UPTIME_NOT_PROVEN;
	return f->availability >= target_ppm ? UPTIME_MET_AS_SEEN
					     : UPTIME_MISSED_AS_SEEN;
}

const char *
uptime_verdict_text(enum uptime_verdict v)
{
	switch (v) {
	case UPTIME_MET:
		return "met";
	case UPTIME_MISSED:
		return "missed";
	case UPTIME_MET_AS_SEEN:
		return "met, by what was seen of at least 99 % of the time";
	case UPTIME_MISSED_AS_SEEN:
		return "missed, by what was seen of at least 99 % of the time";
	case UPTIME_NOT_PROVEN:
		break;
	}
	return "not proven";
}

void
uptime_format(char out[static UPTIME_TEXT_MAX], int64_t ppm)
{
	size_t n;

	if (ppm == UPTIME_NO_FIGURE) {
		(void)snprintf(out, UPTIME_TEXT_MAX, "none");
		return;
	}
	CHECK(ppm >= 0 && ppm <= UPTIME_PPM);
	n = (size_t)snprintf(out, UPTIME_TEXT_MAX, "%" PRId64 ".%04" PRId64,
	    ppm / 10000, ppm % 10000);
	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	(void)snprintf(out + n, UPTIME_TEXT_MAX - n, " %%");
}

void
uptime_headline(
    char out[static UPTIME_HEADLINE_MAX], const struct uptime_figures *f)
{
	char is[UPTIME_TEXT_MAX];
	const char *text = is;

	uptime_format(is, f->availability);
	if (f->availability == UPTIME_NO_FIGURE)
		text = "nothing is known";
	else if (f->availability == UPTIME_PPM && f->at_least < UPTIME_PPM)
		text = "no confirmed outage was seen";
	(void)snprintf(out, UPTIME_HEADLINE_MAX, "%s", text);
}
