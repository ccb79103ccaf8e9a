/*
 * What the coordinator answers to results, and the counts of a round. Any
 * thread.
 */
#ifndef WORKNET_WORK_ANSWER_H
#define WORKNET_WORK_ANSWER_H

#include "base/buf.h"
#include "base/limits.h"

#define ANSWER_RECORDED "already recorded" /* a refusal: it was credited */
#define REASONS_MAX	8  /* kinds of refusal told apart in a round */
#define MONEY_SIZE	32 /* bytes of an amount's text, with the NUL */

/* The counts of one round; all zero at its start. */
struct tally {
	size_t checks;	  /* attested */
	size_t good;	  /* with success */
	size_t unchecked; /* nothing was found out, so nothing attested */
	int64_t accepted; /* results credited */
	int64_t earned_micros;
	size_t recorded_before; /* credited in an earlier round */
	struct {
		char text[REASON_MAX + 1]; /* without "(301s)" */
		size_t count;
	} reasons[REASONS_MAX];
	size_t other_reasons; /* those that found no room */
};

/*
 * Reads the answer with status 200 to a POST of sent results and adds it to
 * t. RC_INVALID when it isn't such an answer, or claims what can't be; t is
 * then as it was. RC_NO_MEMORY.
 */
MUST_CHECK enum rc
answer_read(struct tally *t, struct slice body, size_t sent, struct err *e);

/* The text of an {"error":"..."} body, cut to fit; "" when there is none. */
void answer_error(char out[static REASON_MAX + 1], struct slice body);

/* Reads USDC with exactly six decimals: "0.000300" is 300. RC_INVALID. */
MUST_CHECK enum rc money_parse(int64_t *micros, struct slice text);

/* Writes it. micros isn't negative. */
void money_format(char out[static MONEY_SIZE], int64_t micros);

/* Appends ", 2 refused: unknown task" and the like; nothing when none was. */
void tally_refusals(struct buf *out, const struct tally *t);

#endif
