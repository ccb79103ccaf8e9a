#include "vault/past.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "vault/sum.h"

#define NONE SIZE_MAX

/* Something that was signed. */
struct signed_one {
	int64_t at_s; /* never before that of the one in front of it */
	int64_t end_s;
	int64_t number;
	int64_t amount;
	int64_t counted; /* 0 once the same number was signed again */
	struct address payee;
	bool adopted;
	size_t before; /* the payee's one before it, or NONE */
};

struct past {
	struct signed_one *all; /* owned; n, in the journal's order */
	size_t n;
	size_t room;
	size_t *last;	/* owned; buckets: a payee's last one, or NONE */
	size_t buckets; /* a power of two, above twice the payees */
	size_t payees;
	uint64_t seed;
	int64_t forgotten_end_s;
	/* all[day_from] and what follows is counted in day_sum. */
	size_t day_from;
	sum day_sum;
};

enum rc
past_new(struct past **out, struct err *e)
{
	struct past *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (p == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	/* Payees choose their addresses: nobody knows where they fall. */
	if (getrandom(&p->seed, sizeof(p->seed), 0) !=
	    (ssize_t)sizeof(p->seed)) {
		free(p);
		return err_set(e, RC_IO, "no randomness");
	}
	*out = p;
	return RC_OK;
}

void
past_free(struct past *p)
{
	if (p == NULL)
		return;
	free(p->all);
	free(p->last);
	free(p);
}

/* ---- Payees ---- */

static size_t
bucket_of(const struct past *p, const struct address *payee)
{
	uint64_t h = p->seed;
	size_t i;

	for (i = 0; i < sizeof(payee->b); i++)
		h = (h ^ payee->b[i]) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32) & (p->buckets - 1);
}

/* Where the payee's last one is noted, or would be. */
static size_t *
last_of(const struct past *p, const struct address *payee)
{
	size_t i = bucket_of(p, payee);

	while (p->last[i] != NONE &&
	    memcmp(p->all[p->last[i]].payee.b, payee->b, sizeof(payee->b)) != 0)
		i = (i + 1) & (p->buckets - 1);
	return &p->last[i];
}

static enum rc
buckets_grow(struct past *p, struct err *e)
{
	size_t i, buckets = p->buckets == 0 ? 1024 : 2 * p->buckets;
	size_t *last = malloc(buckets * sizeof(*last));

	if (last == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; i < buckets; i++)
		last[i] = NONE;
	free(p->last);
	p->last = last;
	p->buckets = buckets;
	for (i = 0; i < p->n; i++)
		*last_of(p, &p->all[i].payee) = i;
	return RC_OK;
}

static enum rc
make_room(struct past *p, struct err *e)
{
	size_t room = p->room == 0 ? 1024 : 2 * p->room;
	struct signed_one *all;

	if (p->n == p->room) {
		all = realloc(p->all, room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "no memory");
		p->all = all;
		p->room = room;
	}
	return 2 * (p->payees + 1) > p->buckets ? buckets_grow(p, e) : RC_OK;
}

/* ---- Time ---- */

static bool
is_of_day(const struct signed_one *s, int64_t now_s)
{
	return s->at_s > now_s - GATE_DAY_S;
}

/* Moves the day's beginning to where now_s has it, back if need be. */
static void
day_move(struct past *p, int64_t now_s)
{
	while (p->day_from < p->n && !is_of_day(&p->all[p->day_from], now_s))
		p->day_sum -= p->all[p->day_from++].counted;
	while (p->day_from > 0 && is_of_day(&p->all[p->day_from - 1], now_s))
		p->day_sum += p->all[--p->day_from].counted;
}

/* ---- The same number again ---- */

/* The payee's last one with that number, or NONE. */
static size_t
same_find(const struct past *p, size_t last, int64_t number)
{
	while (last != NONE && p->all[last].number != number)
		last = p->all[last].before;
	return last;
}

/* They have one nonce: the last one counts for them all, with the highest. */
static void
same_merge(struct past *p, size_t i, struct signed_one *again)
{
	struct signed_one *s = &p->all[i];

	if (s->counted > again->counted)
		again->counted = s->counted;
	if (i >= p->day_from)
		p->day_sum -= s->counted;
	s->counted = 0;
}

enum rc
past_add(struct past *p, const struct journal_entry *entry, int64_t kept_from_s,
    struct err *e)
{
	struct signed_one s = { .at_s = entry->at_s,
		.end_s = entry->end_s,
		.number = entry->number,
		.amount = entry->amount,
		.counted = entry->amount,
		.payee = entry->payee,
		.adopted = entry->kind == JOURNAL_ADOPTED };
	size_t *last, same;
	enum rc rc;

	if (s.at_s < kept_from_s && s.end_s < kept_from_s) {
		if (s.end_s > p->forgotten_end_s)
			p->forgotten_end_s = s.end_s;
		return RC_OK;
	}
	rc = make_room(p, e);
	if (rc != RC_OK)
		return rc;
	last = last_of(p, &s.payee);
	s.before = *last;
	p->payees += s.before == NONE;
	same = same_find(p, s.before, s.number);
	if (same != NONE)
		same_merge(p, same, &s);
	*last = p->n;
	p->all[p->n++] = s;
	p->day_sum += s.counted;
	return RC_OK;
}

void
past_look(struct past *p, struct gate_past *out, const struct address *payee,
    int64_t number, int64_t now_s)
{
	const struct signed_one *s;
	sum day, worker_day = 0;
	size_t i;

	day_move(p, now_s);
	*out = (struct gate_past){ .forgotten_end_s = p->forgotten_end_s };
	day = p->day_sum;
	i = p->buckets == 0 ? NONE : *last_of(p, payee);
	for (; i != NONE; i = s->before) {
		s = &p->all[i];
		if (s->number != number) {
			if (is_of_day(s, now_s))
				worker_day += s->counted;
			continue;
		}
		/* The first that is met is the last one. */
		if (!out->has_same) {
			out->has_same = true;
			out->same_adopted = s->adopted;
			out->same_micros = s->amount;
			out->same_end_s = s->end_s;
		}
		/* Only one of them counts: see same_merge. */
		if (is_of_day(s, now_s) && s->counted > 0) {
			out->same_day_micros = s->counted;
			day -= s->counted;
		}
	}
	out->day_micros = sum_capped(day);
	out->worker_day_micros = sum_capped(worker_day);
}
