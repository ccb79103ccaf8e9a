/*
 * All states of a model that were reached, each once, in the order in which
 * they were, with the step that led there first: a breadth-first search walks
 * over them while it adds. States are compared by their bytes.
 */
#ifndef WORKNET_T_STATES_H
#define WORKNET_T_STATES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct step {
	size_t from; /* of the states; the first one is its own */
	const char *what;
};

struct states {
	size_t size;	    /* of one, in bytes */
	unsigned char *all; /* n; owned, as the others: states_free */
	struct step *steps;
	size_t n, cap;
	size_t *slots;
	size_t slot_count;
};

/* FNV-1a. */
static size_t
states_hash(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 29);
}

static void *
states_at(const struct states *s, size_t i)
{
	return s->all + i * s->size;
}

static size_t
states_slot(const struct states *s, const void *state)
{
	size_t i = states_hash(state, s->size) & (s->slot_count - 1);

	while (s->slots[i] != 0 &&
	    memcmp(states_at(s, s->slots[i] - 1), state, s->size) != 0)
		i = (i + 1) & (s->slot_count - 1);
	return i;
}

static void
states_grow(struct states *s)
{
	size_t i;

	s->cap = s->cap == 0 ? 1 << 15 : 2 * s->cap;
	s->slot_count = 2 * s->cap;
	free(s->slots);
	s->slots = calloc(s->slot_count, sizeof(*s->slots));
	s->all = reallocarray(s->all, s->cap, s->size);
	s->steps = reallocarray(s->steps, s->cap, sizeof(*s->steps));
	CHECK(s->slots != NULL && s->all != NULL && s->steps != NULL);
	for (i = 0; i < s->n; i++)
		s->slots[states_slot(s, states_at(s, i))] = i + 1;
}

/* False when it was there before. */
static bool
states_add(struct states *s, const void *state, size_t from, const char *what)
{
	size_t i;

	if (s->n == s->cap)
		states_grow(s);
	i = states_slot(s, state);
	if (s->slots[i] != 0)
		return false;
	memcpy(states_at(s, s->n), state, s->size);
	s->steps[s->n] = (struct step){ from, what };
	s->slots[i] = ++s->n;
	return true;
}

/* How the i-th one was reached, as diagnostics. */
static inline void
states_tell(const struct states *s, size_t i)
{
	if (s->steps[i].from != i)
		states_tell(s, s->steps[i].from);
	printf("#   %s\n", s->steps[i].what);
}

static void
states_free(struct states *s)
{
	free(s->all);
	free(s->steps);
	free(s->slots);
	*s = (struct states){ .size = s->size };
}

#endif
