/*
 * The reasons that x402 facilitators give for not settling, and what each
 * means for the body that was posted. Private to src/x402; pure functions.
 */
#ifndef WORKNET_X402_REASON_H
#define WORKNET_X402_REASON_H

#include "x402/x402.h"

struct reason {
	const char *text;
	enum answer_class class;     /* the answer has no hash */
	enum answer_class with_hash; /* it has one */
	/* Instead of ANSWER_RETRY when the body was posted before. */
	enum answer_class repost;
	bool maybe_transient; /* see x402_answer */
	bool is_prefix;	      /* text is only the beginning */
};

/* The row for this reason, or NULL: nothing is known about it. */
const struct reason *reason_find(const char *text);

/* The whole table, for tests. */
const struct reason *reason_table(size_t *count);

#endif
