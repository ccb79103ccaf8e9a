/*
 * What a task's answers took, hour by hour: doc/uptime, 9. As far as hours are
 * counted it is the rollup's, since then the report's, whose last hour may not
 * be over. Hours without results aren't there. Reads only; one thread.
 */
#ifndef WORKNET_LEDGER_RESPONSES_H
#define WORKNET_LEDGER_RESPONSES_H

#include "ledger/uptime_report.h"

struct response_hour {
	int64_t hour_ms;
	char region[REGION_MAX + 1]; /* "": any */
	struct response_times times;
};

struct responses {
	struct response_hour *hours; /* owned; by time, of an hour by region */
	size_t n, cap;
};

/*
 * In the report's read transaction: its hours from from_ms on, but no more than
 * max. RC_NO_MEMORY, errors of db.h; free it, whatever came of it.
 */
MUST_CHECK enum rc
responses_read(struct responses *out, struct db *db, int64_t task,
    const struct uptime_report *r, int64_t from_ms, size_t max, struct err *e);
void responses_free(struct responses *r);

#endif
