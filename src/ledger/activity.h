/*
 * What the network does, in numbers that say nothing of anybody, and the state
 * of its tasks. One thread.
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

/* A task's last check is looked for among so many of the ledger. */
#define ACTIVITY_CHECKS_MAX  1000
#define ACTIVITY_REGIONS_MAX 50
#define ACTIVITY_TASKS_MAX   200 /* on one page */

struct activity_region {
	char name[REGION_MAX + 1];
	int64_t workers;
};

/* A task as anybody may see it: without its URL, which may hold a secret, and
 * by which the operator's own tasks, of which drills are, could be told. */
struct activity_task {
	char name[TASK_ID_MAX + 1];
	char region[REGION_MAX + 1]; /* "": any */
	bool paused;
	int64_t interval_ms;
	int64_t checked_ms; /* last; 0: not lately */
	bool up;	    /* by that check; drills count for nothing */
};

struct activity {
	int64_t now_ms;
	int64_t workers;      /* that were paid in the last hour */
	int64_t networks;     /* that these came from */
	int64_t checks_today; /* paid since midnight, UTC */
	int64_t tasks_active, tasks_paused;
	size_t regions_n, tasks_n;
	struct activity_region regions[ACTIVITY_REGIONS_MAX];
	struct activity_task tasks[ACTIVITY_TASKS_MAX];
	bool more; /* tasks, behind these */
};

/* All of one moment; the tasks whose names come after `after`, in order. */
MUST_CHECK enum rc activity_read(struct db *db, struct slice after,
    int64_t now_ms, struct activity *out, struct err *e);

#endif
