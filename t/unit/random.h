/*
 * The random cases of the C tests, which WN_SEED repeats.
 */
#ifndef WORKNET_T_RANDOM_H
#define WORKNET_T_RANDOM_H

#include <time.h>

#include "t/unit/tap.h"

static uint64_t random_state;

/* xorshift64*: the same cases again for the same seed. */
static inline uint64_t
random_next(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * UINT64_C(2685821657736338717);
}

static inline void
random_bytes(uint8_t *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(random_next() >> 32);
}

static inline void
random_seed(void)
{
	const char *text = getenv("WN_SEED");

	random_state =
	    text != NULL ? strtoull(text, NULL, 10) : (uint64_t)time(NULL);
	if (random_state == 0)
		random_state = 1;
	tap_diag("WN_SEED=%" PRIu64, random_state);
}

#endif
