#include "evm/words.h"

#include <inttypes.h>

/* The word that does the least harm, and whose it is; false: nobody answers. */
static bool
find_mildest(const struct nodes *c, const struct words *w, size_t *who)
{
	bool found = false;
	size_t i;

	for (i = 0; i < rpc_count(c->rpc); i++) {
		if (!w->said[i])
			continue;
		if (!found ||
		    (w->rule == WORDS_AMOUNT ? w->value[i] > w->value[*who]
					     : w->value[i] < w->value[*who]))
			*who = i;
		found = true;
	}
	return found;
}

/* A node that is some payments behind says a little more, or less. */
static bool
is_otherwise(const struct words *w, size_t i, uint64_t mildest)
{
	return w->said[i] &&
	    (w->rule == WORDS_AMOUNT ? w->value[i] < mildest / 2
				     : w->value[i] != mildest);
}

static void
fault(struct nodes *c, const struct words *w, size_t i, size_t other)
{
	const char *name = rpc_name(c->rpc, other);

	if (w->rule == WORDS_STOP)
		nodes_fault(c, i, NODE_FAULT_ALONE,
		    "says that %s, and %.80s that it isn't so", w->what, name);
	else
		nodes_fault(c, i, NODE_FAULT_ALONE,
		    "says that %s %" PRIu64 ", and %.80s says %" PRIu64,
		    w->what, w->value[i], name, w->value[other]);
}

bool
words_join(struct nodes *c, const struct words *w, uint64_t *out)
{
	uint64_t mildest;
	bool alike = true;
	size_t i, who = 0;

	*out = 0;
	if (!find_mildest(c, w, &who))
		return false;
	*out = mildest = w->value[who];
	for (i = 0; i < rpc_count(c->rpc); i++) {
		if (is_otherwise(w, i, mildest))
			fault(c, w, i, who);
		else if (w->said[i] && w->value[i] < *out)
			*out = w->value[i];
		alike = alike && w->said[i] && !is_otherwise(w, i, mildest);
	}
	return w->rule != WORDS_ALIKE || alike;
}
