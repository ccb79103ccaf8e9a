/* What was done: since the start, and in one line of the log. */
#include <stdarg.h>
#include <stdio.h>

#include "api/room.h"
#include "base/log.h"

#define LINE_MAX_BYTES 900 /* of what log.h writes in one line */

/* ---- Since the start ---- */

static const int statuses[COUNT_STATUSES] = { 200, 400, 403, 404, 405, 413, 415,
	503, 0 };

int
counts_status(size_t i)
{
	return statuses[i];
}

const char *
counts_route(size_t i)
{
	size_t n = 0;

	while (api_routes[n] != NULL)
		n++;
	return i < n ? api_routes[i]->path : i == n ? "none" : "";
}

void
counts_answer(struct api_counts *c, const struct route *route, int status)
{
	size_t i = 0, k = 0;

	while (api_routes[i] != NULL && api_routes[i] != route)
		i++;
	while (statuses[k] != 0 && statuses[k] != status)
		k++;
	atomic_fetch_add(&c->answers[i][k], 1);
}

void
counts_read(struct api_tally *out, struct api_counts *c)
{
	size_t i, k;

	out->polls = atomic_load(&c->polls);
	out->given = atomic_load(&c->given);
	out->poll_refused = atomic_load(&c->poll_refused);
	out->poll_elsewhere = atomic_load(&c->poll_elsewhere);
	out->micros = atomic_load(&c->micros);
	for (i = 0; i < CLAIM_OUTCOMES; i++)
		out->outcomes[i] = atomic_load(&c->outcomes[i]);
	for (i = 0; i < COUNT_ROUTES; i++)
		for (k = 0; k < COUNT_STATUSES; k++)
			out->answers[i][k] = atomic_load(&c->answers[i][k]);
}

/* ---- A line of the log ---- */

struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

static void line_add(struct line *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
line_add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, sizeof(l->text) - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len += (size_t)n < sizeof(l->text) - l->len
		    ? (size_t)n
		    : sizeof(l->text) - l->len - 1;
}

/* " (3 not assigned, 1 invalid signature)" */
static void
reasons_add(struct line *l, const unsigned long long *outcomes)
{
	bool any = false;
	int i;

	for (i = 0; i < CLAIM_OUTCOMES; i++) {
		if (outcomes[i] == 0 || i == CLAIM_OPEN || i == CLAIM_CREDITED)
			continue;
		line_add(l, "%s%llu %s", any ? ", " : " (", outcomes[i],
		    claim_outcome_text((enum claim_outcome)i));
		any = true;
	}
	if (any)
		line_add(l, ")");
}

static void
subtract(struct api_tally *now, const struct api_tally *before)
{
	size_t i, k;

	now->polls -= before->polls;
	now->given -= before->given;
	now->poll_refused -= before->poll_refused;
	now->poll_elsewhere -= before->poll_elsewhere;
	now->micros -= before->micros;
	for (i = 0; i < CLAIM_OUTCOMES; i++)
		now->outcomes[i] -= before->outcomes[i];
	for (i = 0; i < COUNT_ROUTES; i++)
		for (k = 0; k < COUNT_STATUSES; k++)
			now->answers[i][k] -= before->answers[i][k];
}

/* Of all answers those of 503. */
static unsigned long long
unavailable(const struct api_tally *t)
{
	unsigned long long n = 0;
	size_t i, k;

	for (i = 0; i < COUNT_ROUTES; i++)
		for (k = 0; k < COUNT_STATUSES; k++)
			if (counts_status(k) == 503)
				n += t->answers[i][k];
	return n;
}

static void
log_tally(const struct api_tally *t)
{
	unsigned long long refused = 0, failed = unavailable(t);
	struct line l = { .len = 0 };
	int i;

	for (i = 0; i < CLAIM_OUTCOMES; i++)
		if (i != CLAIM_OPEN && i != CLAIM_CREDITED)
			refused += t->outcomes[i];
	if (t->polls + refused + t->outcomes[CLAIM_CREDITED] + failed == 0)
		return;
	line_add(&l, "%llu polls, %llu tasks given", t->polls, t->given);
	if (t->poll_refused > 0)
		line_add(&l, ", %llu polls refused", t->poll_refused);
	if (t->poll_elsewhere > 0)
		line_add(&l, ", %llu polls from outside their region",
		    t->poll_elsewhere);
	line_add(&l, "; %llu results paid, %llu.%06llu USDC",
	    t->outcomes[CLAIM_CREDITED], t->micros / 1000000,
	    t->micros % 1000000);
	if (refused > 0) {
		line_add(&l, "; %llu refused", refused);
		reasons_add(&l, t->outcomes);
	}
	if (failed > 0)
		line_add(&l, "; %llu answers of 503", failed);
	log_notice("%s", l.text);
}

void
api_log_counts(struct api *a)
{
	struct api_tally now, since;

	counts_read(&now, &a->counts);
	since = now;
	subtract(&since, &a->logged);
	a->logged = now;
	log_tally(&since);
}
