/*
 * The reasons that x402 facilitators give for not settling, and what each
 * means for the body that was posted. Pure functions.
 */
#ifndef WORKNET_X402_REASON_H
#define WORKNET_X402_REASON_H

#include <stdbool.h>
#include <stddef.h>

/* What to do next. */
enum answer_class {
	/*
	 * A: the payment may have been made or may yet be. Look at the
	 * chain; while the nonce is unused and there is time, post the same
	 * bytes again, less and less often. Everything unknown is this.
	 */
	ANSWER_AMBIGUOUS = 0,
	/*
	 * HTTP 2xx, success:true, a hash, our network. Provisional: a hash
	 * that the chain doesn't confirm counts for nothing.
	 */
	ANSWER_SUCCESS,
	/*
	 * D: refused before anything was sent to the chain, and this
	 * facilitator will refuse the same body again. Stop posting it
	 * there and tell a person. The authorization stays spendable.
	 */
	ANSWER_REFUSED,
	/* R: not now; post the same bytes later (Retry-After). */
	ANSWER_RETRY,
	/*
	 * P: sent to the chain under the hash, not confirmed yet. Look for
	 * the hash; post the same bytes once more after some seconds.
	 */
	ANSWER_PENDING,
};

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
