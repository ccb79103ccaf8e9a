/*
 * The judgement of a worker by its drills, and by what it said in outages:
 * Wald's sequential test, in integers (thousandths of a nat), of an honest
 * worker, 2 % of whose checks fail by its own fault, against one that makes up
 * a quarter of them. An honest one is accused in less than one of 10^6 tests, a
 * liar escapes one of 100; a test that acquits begins anew. Pure; any thread.
 *
 * No fault of one's own lets a target that is down answer with the expected
 * status: of outages that a witness and two other networks saw (witness.h) an
 * honest worker is supposed to miss one in 1,000, for it may see another place
 * of the target's. So a missed outage weighs more than a failed drill.
 *
 *	failed	 1000 ln(0.25 / 0.02)	passed	1000 ln(0.75 / 0.98)
 *	missed	 1000 ln(0.25 / 0.001)	seen	1000 ln(0.75 / 0.999)
 *	accused	 1000 ln(0.99 / 10^-6)	begins	1000 ln(0.01 / (1 - 10^-6))
 */
#ifndef WORKNET_LEDGER_SPRT_H
#define WORKNET_LEDGER_SPRT_H

#include <stdbool.h>
#include <stdint.h>

#define SPRT_FAILED    2526
#define SPRT_PASSED    (-267)
#define SPRT_MISSED    5521
#define SPRT_SEEN      (-287)
#define SPRT_ACCUSED   13806
#define SPRT_ACQUITTED (-4605)

/* The score after one more of these; 0 at first, and after an acquittal. */
static inline int64_t
sprt_step(int64_t score, int64_t weight)
{
	score += weight;
	return score <= SPRT_ACQUITTED ? 0 : score;
}

static inline bool
sprt_is_accused(int64_t score)
{
	return score >= SPRT_ACCUSED;
}

#endif
