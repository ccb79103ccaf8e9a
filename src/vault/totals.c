#include "vault/totals.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "vault/sum.h"

/* No payment has it: under it stands the sum of a payee's numbers. */
#define ALL (-1)

struct place {
	sum micros;
	int64_t number;
	struct address payee;
	bool used;
	bool settled; /* the chain's last word is known */
	bool adopted;
};

struct totals {
	struct place *places; /* owned; above 4/3 of those used */
	size_t n;	      /* a power of two, or 0 */
	size_t used;
	uint64_t seed;
};

enum rc
totals_new(struct totals **out, struct err *e)
{
	struct totals *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (t == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	/* Payees choose their addresses: nobody knows where they fall. */
	if (getrandom(&t->seed, sizeof(t->seed), 0) !=
	    (ssize_t)sizeof(t->seed)) {
		free(t);
		return err_set(e, RC_IO, "no randomness");
	}
	*out = t;
	return RC_OK;
}

void
totals_free(struct totals *t)
{
	if (t == NULL)
		return;
	free(t->places);
	free(t);
}

/* Where a payee's number stands, or would; there is room. */
static struct place *
place_of(const struct totals *t, const struct address *payee, int64_t number)
{
	uint64_t h = t->seed;
	struct place *p;
	size_t i;

	for (i = 0; i < sizeof(payee->b); i++)
		h = (h ^ payee->b[i]) * 0x100000001b3ULL;
	h = (h ^ (uint64_t)number) * 0x9e3779b97f4a7c15ULL;
	for (i = (size_t)(h ^ h >> 32);; i++) {
		p = &t->places[i & (t->n - 1)];
		if (!p->used ||
		    (p->number == number &&
			memcmp(p->payee.b, payee->b, sizeof(payee->b)) == 0))
			return p;
	}
}

static enum rc
grow(struct totals *t, struct err *e)
{
	struct totals old = *t;
	size_t i;

	t->n = old.n == 0 ? 1024 : 2 * old.n;
	t->places = calloc(t->n, sizeof(*t->places));
	if (t->places == NULL) {
		*t = old;
		return err_set(e, RC_NO_MEMORY, "no memory");
	}
	for (i = 0; i < old.n; i++)
		if (old.places[i].used)
			*place_of(t, &old.places[i].payee,
			    old.places[i].number) = old.places[i];
	free(old.places);
	return RC_OK;
}

/* Takes the place of a payee's number, if nobody has it. */
static struct place *
place_take(struct totals *t, const struct address *payee, int64_t number)
{
	struct place *p = place_of(t, payee, number);

	if (!p->used) {
		*p = (struct place){
			.used = true, .number = number, .payee = *payee
		};
		t->used++;
	}
	return p;
}

enum rc
totals_add(struct totals *t, const struct journal_entry *entry, struct err *e)
{
	struct place *number, *all;
	sum micros = entry->amount;
	enum rc rc;

	if (4 * (t->used + 2) > 3 * t->n) {
		rc = grow(t, e);
		if (rc != RC_OK)
			return rc;
	}
	all = place_take(t, &entry->payee, ALL);
	number = place_take(t, &entry->payee, entry->number);
	/* It may have been settled with the most, whoever asks for less now. */
	if (entry->kind == JOURNAL_PAYOUT &&
	    (number->settled || micros < number->micros))
		micros = number->micros;
	all->micros += micros - number->micros;
	number->micros = micros;
	number->settled |= entry->kind != JOURNAL_PAYOUT;
	number->adopted = entry->kind == JOURNAL_ADOPTED;
	return RC_OK;
}

void
totals_look(const struct totals *t, const struct address *payee, int64_t number,
    struct total *out)
{
	const struct place *p, *all;

	*out = (struct total){ .micros = 0 };
	if (t->n == 0)
		return;
	/* A place that nobody has is all zero. */
	p = place_of(t, payee, number);
	all = place_of(t, payee, ALL);
	out->micros = sum_capped(p->micros);
	out->adopted = p->adopted;
	out->others_micros = sum_capped(all->micros - p->micros);
}
