/*
 * The network as polls and answers show it: what was given to whom and what
 * came of it, what a day costs, and why cycles are missed. Counted are
 * assignments that were given two to one result windows ago: younger ones may
 * still be answered, and older ones are forgotten.
 */
#ifndef WORKNET_LEDGER_NETWORK_SUMS_H
#define WORKNET_LEDGER_NETWORK_SUMS_H

#include "base/conf.h"
#include "ledger/coverage.h"

struct network_sums {
	int64_t from_ms; /* what is counted was given from here */
	int64_t to_ms;	 /* to here */
	int64_t given;
	int64_t paid;
	int64_t late;	   /* somebody else's answer came first */
	int64_t silent;	   /* nobody's came */
	int64_t new_given; /* of those, to addresses without standing */
	int64_t new_paid;
	int64_t workers;	/* addresses that were paid for some */
	int64_t networks;	/* that these came from */
	int64_t day_micros;	/* the tasks pay at most in a day */
	int64_t drills;		/* in the last 24 hours */
	int64_t drills_wrong;	/* of them */
	int64_t drills_micros;	/* paid for them */
	int64_t compared;	/* cycles of the last 24 hours */
	int64_t contradicted;	/* of them, whose results differ */
	int64_t witness_slots;	/* in the last 24 hours */
	int64_t witness_micros; /* paid for them */
	int64_t seen_wrong;	/* results that they contradict */
	int64_t future_tasks;	/* wait for a time that isn't believed */
	int64_t workers_needed; /* by the copies and cooldown of one task */
};

/* In a read transaction. Errors of db.h. */
MUST_CHECK enum rc network_read(struct network_sums *n, struct db *db,
    const struct conf *c, int64_t now_ms, struct err *e);

/*
 * What the active tasks, or the one of that name unless it is "", pay in a day
 * at most, in micro-USDC, and how many workers the one takes that takes most:
 * by copies, interval and cooldown. Errors of db.h.
 */
MUST_CHECK enum rc network_needs(struct db *db, const char *task,
    int64_t *day_micros, int64_t *workers, struct err *e);

/* Why cycles are missed, in size bytes. */
void network_reason(const struct network_sums *n, const struct coverage *c,
    char *out, size_t size);

#endif
