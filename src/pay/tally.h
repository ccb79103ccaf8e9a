/*
 * What kept payees of a run waiting, added up, and what people are told of it.
 * Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_TALLY_H
#define WORKNET_PAY_TALLY_H

#include "pay/context.h"

/* A limit on payments of which a person has to know when it stops some. */
enum cap {
	CAP_PAYOUT, /* below the threshold: it stops all, for ever */
	CAP_RUN,
	CAP_WORKER_DAY,
	CAP_DAY,
	CAPS,
};

struct tally {
	/* Whom a cap keeps waiting, and with how many micro-USDC. */
	struct {
		int64_t payees;
		int64_t micros;
	} capped[CAPS];
	/* What the treasury hasn't enough for; the one that waits longest. */
	int64_t poor;
	int64_t poor_micros;
	int64_t poorest_micros;
	struct address poorest;
	/* Workers with a payout that isn't as it was sealed; one such. */
	int64_t unfit;
	int64_t unfit_payout;
};

/* One payee more whom the cap keeps waiting, with so much. */
void tally_cap(struct tally *t, enum cap cap, int64_t micros);

/* One payee more whom the treasury can't pay; the first waits longest. */
void tally_poor(struct tally *t, const struct address *worker, int64_t micros);

/* One worker more, with a payout that isn't as it was sealed. */
void tally_unfit(struct tally *t, int64_t payout);

/*
 * Opens findings about it; left: payees that weren't looked at. whole: every
 * payee was, so that what isn't seen any more is over.
 */
MUST_CHECK enum rc tally_tell(struct run *r, const struct tally *t,
    int64_t left, bool whole, struct err *e);

#endif
