/*
 * The window: sends signed payouts, several at once, and has the chain judge
 * each. Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_SETTLE_H
#define WORKNET_PAY_SETTLE_H

#include "pay/open.h"

/* Where the window gets its payouts from. */
struct feed {
	/*
	 * Makes up to room (SETTLE_AT_ONCE_MAX at most) payouts ready to be
	 * sent: *n of them, over what was in out; they are the caller's also
	 * when it fails. 0 while there is none yet; *dry is set when there
	 * won't be any more.
	 */
	enum rc (*fill)(void *ctx, struct open_payout *out, size_t room,
	    size_t *n, bool *dry, struct err *e);
	void *ctx;
	int ready_fd; /* readable when fill would give one; -1: always */
};

/*
 * Sends what the feed gives, as many at once as the configuration says, and
 * has the chain judge each, until nothing more can be done in this run. What
 * was sent is never abandoned: also when it fails or is to stop, answers are
 * waited for.
 */
MUST_CHECK enum rc
settle(struct run *r, const struct feed *feed, struct err *e);

/*
 * Between two waits of whoever prepares or judges payouts: takes the answers
 * that are there, and sends as many of those that are noted as submitted. In a
 * step of ours it is as safe, for it writes nothing, and nobody can be held
 * before that ends. Nothing without a window, or with a gas account, which
 * writes by steps of its own.
 */
MUST_CHECK enum rc settle_tend(struct run *r, struct err *e);

#endif
