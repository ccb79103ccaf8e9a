/*
 * The bounds outside of the ledger that a payout is held against (see
 * ledger/evidence.h), beside what the tasks can pay at most.
 */
#ifndef WORKNET_ADMIN_BOUNDS_H
#define WORKNET_ADMIN_BOUNDS_H

#include "base/conf.h"
#include "ledger/db.h"

struct bounds {
	int64_t reward_micros; /* the highest of a task that is active; 0 */
	/*
	 * What one worker can earn in 24 hours at most, of all tasks that are
	 * active: of a cycle it is given one slot, however many copies there
	 * are, and none within the cooldown. INT64_MAX: more than there is.
	 */
	int64_t day_micros;
};

/* Errors of db.h. */
MUST_CHECK enum rc bounds_read(
    struct db *db, const struct conf *c, struct bounds *out, struct err *e);

/* What to say of them in size bytes; true when workers wouldn't be paid. */
bool bounds_say(
    const struct bounds *b, const struct conf *c, char *out, size_t size);

#endif
