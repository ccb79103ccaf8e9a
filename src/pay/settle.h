/*
 * The window: sends signed payouts, several at once, and has the chain judge
 * each. Private to src/pay; one thread.
 */
#ifndef WORKNET_PAY_SETTLE_H
#define WORKNET_PAY_SETTLE_H

#include "pay/open.h"

/*
 * Opens the window of r (settle_close), for as many at once as the
 * configuration says; there is one at a time. ready_fd is readable when whoever
 * makes payouts would have one; -1: always. RC_NO_MEMORY, RC_IO.
 */
MUST_CHECK enum rc settle_open(struct run *r, int ready_fd, struct err *e);

/*
 * Notes, sends and judges, until more payouts are wanted: up to *room
 * (SETTLE_AT_ONCE_MAX at most), put into *out, which is the window's; or until
 * nothing more can be done in this run: *room is 0. Who had none when it was
 * asked last isn't asked again at once: answers are judged or waited for, or
 * ready_fd. Errors of db.h, and of the nodes.
 */
MUST_CHECK enum rc settle_room(
    struct run *r, struct open_payout **out, size_t *room, struct err *e);

/*
 * Takes what settle_room asked for: n payouts, ready to be sent, over what was
 * in *out. n is 0 while there is none yet; dry: there won't be any more. made
 * is how making them ended: when that failed they are the window's, too, and it
 * is what comes back. Errors of db.h.
 */
MUST_CHECK enum rc
settle_add(struct run *r, enum rc made, size_t n, bool dry, struct err *e);

/*
 * Closes it. What was sent is never abandoned: also after an error, answers are
 * waited for; after a signal for some seconds.
 */
void settle_close(struct run *r);

/*
 * Between two waits of whoever prepares or judges payouts: takes the answers
 * that are there, and sends as many of those that are noted as submitted. In a
 * step of ours it is as safe, for it writes nothing, and nobody can be held
 * before that ends. Nothing without a window, or with a gas account, which
 * writes by steps of its own.
 */
MUST_CHECK enum rc settle_tend(struct run *r, struct err *e);

#endif
