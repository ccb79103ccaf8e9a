/*
 * Text of strangers, made fit for people's eyes. Pure functions; any thread.
 */
#ifndef WORKNET_BASE_TEXT_H
#define WORKNET_BASE_TEXT_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Copies text for people into out, which has size bytes: printable ASCII
 * stays, runs of white space become one blank, all else '?'.
 */
void text_clean(char *out, size_t size, struct slice text);

/* Of durations, the largest first, so that a format finds the largest that
 * fits: d, h, m, s and ms. */
#define TEXT_UNITS 5
struct text_unit {
	const char *name;
	int64_t ms;
};
extern const struct text_unit text_units[TEXT_UNITS];

#define TEXT_AGE_MAX 40 /* bytes, with the NUL */
/* About how long that is, in its two largest units: "3d 4h", "12m 5s", "0s". */
void text_age(char out[static TEXT_AGE_MAX], int64_t ms);

#define TEXT_WORD_MAX 40 /* bytes; longer words are far from each other */

/* A word so far from what was meant may be it, mistyped: for "did you mean". */
bool text_is_near(const char *typed, const char *meant);

#endif
