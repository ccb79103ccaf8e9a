/*
 * The results on their way to the coordinator, and which of them the
 * next POST holds. New ones go before, and apart from, those that an earlier
 * POST couldn't bring there: should something about the older ones fail, it
 * can't hold up the new. One thread.
 */
#ifndef WORKNET_WORK_OUTBOX_H
#define WORKNET_WORK_OUTBOX_H

#include "work/queue.h"
#include "work/result.h"

/*
 * POSTs of a flush that may be refused as a whole: enough to find two bad
 * results among 50 by halving.
 */
#define REFUSALS_MAX 16

struct outbox {
	const struct identity *id; /* borrowed; signs rounds */
	struct queue fresh;	   /* not posted yet */
	struct queue posting;	   /* goes now, POST by POST */
	struct queue unsent;	   /* was posted, without an answer */
	size_t in_post;	   /* of posting, in the POST under way; 0: none */
	size_t batch;	   /* results of one POST at most */
	unsigned refusals; /* of this flush */
	struct buf body;   /* owned; of the POST under way */
};

/* RC_NO_MEMORY. outbox_free in any case; NULL isn't fine. */
MUST_CHECK enum rc
outbox_init(struct outbox *o, const struct identity *id, struct err *e);
void outbox_free(struct outbox *o);

/* Adds a result; as queue_add. */
MUST_CHECK enum rc outbox_add(struct outbox *o, struct slice text,
    int64_t timestamp_ms, const struct queued_round *round,
    const struct queued_seal *seal, struct err *e);

/* How many there are, those under way included. */
size_t outbox_count(const struct outbox *o);

/* Begins to empty it: what is to be said of refusals is forgotten. */
void outbox_flush(struct outbox *o);

/*
 * Makes the next POST, and signs it if it is a round: its results are in
 * o->body, their number in o->in_post. False: there is nothing more for this
 * flush. What is too old, by now_ms in Unix time, is dropped; *expired gives
 * its number.
 */
bool outbox_next(struct outbox *o, int64_t now_ms, size_t *expired);

/*
 * What became of the POST under way. RC_OK: its results were answered for.
 * RC_INVALID: the coordinator refuses the whole, so half of it goes next, and
 * one alone is given up: then *given_up is true. Anything else: all that was
 * to go stays for a later flush. After too many refusals the rest stays, too.
 */
void outbox_answered(struct outbox *o, enum rc rc, bool *given_up);

#endif
