/*
 * What drills, and witnesses, say of a worker, and what follows. See drill.h
 * and witness.h.
 */
#ifndef WORKNET_LEDGER_DRILL_RECORD_H
#define WORKNET_LEDGER_DRILL_RECORD_H

#include "ledger/drill.h"

struct drill_record {
	int64_t right;
	int64_t wrong;
	int64_t silent;
	int64_t unjudged;   /* not yet, or the canary host's fault */
	int64_t seen_right; /* by outages that witnesses saw: witness.h */
	int64_t seen_wrong;
	int64_t score; /* of sprt.h */
};

/*
 * Of the worker's drills since then; with anew only of those since it was last
 * accused, which are what it can be accused of.
 */
MUST_CHECK enum rc drill_record_read(struct db *db, int64_t worker,
    int64_t since_ms, bool anew, struct drill_record *out, struct err *e);

/*
 * Inside a write transaction: something of the worker was wrong; it is accused,
 * if its record says so.
 */
MUST_CHECK enum rc drill_weigh(struct db *db, const struct drill_rules *r,
    int64_t worker, int64_t now_ms, struct err *e);

#endif
