/*
 * How many of the cycles that tasks opened were checked, by how many copies.
 * Counted are cycles that opened within an hour, two minutes ago or earlier: a
 * younger one may still be on its way.
 */
#ifndef WORKNET_LEDGER_COVERAGE_H
#define WORKNET_LEDGER_COVERAGE_H

#include "base/limits.h"
#include "ledger/db.h"

struct coverage_task {
	char name[TASK_ID_MAX + 1];
	int64_t opened; /* cycles since its last edit */
	int64_t checked;
	int64_t copies; /* that these cycles had */
	int64_t paid;	/* of them */
};

struct coverage {
	int64_t opened; /* of all active tasks */
	int64_t checked;
	int64_t copies;		     /* of these cycles */
	int64_t paid;		     /* of them */
	int64_t missed;		     /* and the others */
	int64_t tasks;		     /* that opened a cycle */
	int64_t incomplete;	     /* of those */
	struct coverage_task *worst; /* owned; the worst first */
	size_t worst_n;
	size_t worst_max;
};

/*
 * In a read transaction: fills *c, with up to `worst` tasks; free it with
 * coverage_free. Errors of db.h, RC_NO_MEMORY.
 */
MUST_CHECK enum rc coverage_read(struct coverage *c, struct db *db,
    size_t worst, int64_t now_ms, struct err *e);
void coverage_free(struct coverage *c);

#endif
