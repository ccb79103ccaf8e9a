#include "base/refused.h"

static const char *const words[REFUSED_REASONS] = {
	[REFUSED_TOO_OLD] = "too-old",
	[REFUSED_FROM_FUTURE] = "from-future",
	[REFUSED_EXPIRED] = "expired",
	[REFUSED_NO_OUTCOME] = "no-outcome",
	[REFUSED_CONTRADICTION] = "contradiction",
	[REFUSED_BEFORE_ASSIGNMENT] = "before-assignment",
	[REFUSED_OVER_TIMEOUT] = "over-timeout",
	[REFUSED_OVER_WAIT] = "over-wait",
	[REFUSED_SUSPENDED] = "suspended",
};

const char *
refused_word(enum refused r)
{
	CHECK(words[r] != NULL);
	return words[r];
}

enum refused
refused_parse(struct slice word)
{
	int i;

	for (i = REFUSED_NOT + 1; i < REFUSED_REASONS; i++)
		if (slice_is(word, words[i]))
			return (enum refused)i;
	return REFUSED_NOT;
}
