/*
 * What the network does, in numbers that say nothing of anybody. One thread.
 */
#ifndef WORKNET_LEDGER_ACTIVITY_H
#define WORKNET_LEDGER_ACTIVITY_H

#include "base/limits.h"
#include "ledger/db.h"

/*
 * What is looked at, whatever the size of the ledger: of the last hour's
 * credits and of the day's results no more than this; a count stops there.
 */
#define ACTIVITY_CREDITS_MAX 20000
#define ACTIVITY_RESULTS_MAX 1000000

#define ACTIVITY_REGIONS_MAX 50

struct activity_region {
	char name[REGION_MAX + 1];
	int64_t workers;
};

struct activity {
	int64_t now_ms;
	int64_t workers;      /* that were paid in the last hour */
	int64_t networks;     /* that these came from */
	int64_t checks_today; /* paid since midnight, UTC */
	int64_t tasks_active, tasks_paused;
	/* Of the transparency log as it was last seen, and when; 0: never. */
	int64_t log_entries, log_ms;
	size_t regions_n;
	struct activity_region regions[ACTIVITY_REGIONS_MAX];
};

/* All of one moment. */
MUST_CHECK enum rc activity_read(
    struct db *db, int64_t now_ms, struct activity *out, struct err *e);

#endif
