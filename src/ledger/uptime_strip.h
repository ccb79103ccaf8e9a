/*
 * The times of a task's newest days, in one row: what lists of many tasks show
 * of them. It says no more than uptime_day does, of which the rollup makes it
 * in the same transaction, and the audit holds it to that.
 *
 * The row's text has a day between commas, and of it each time that isn't 0: a
 * letter and how many ms ("u86280000d120000,u86400000").
 */
#ifndef WORKNET_LEDGER_UPTIME_STRIP_H
#define WORKNET_LEDGER_UPTIME_STRIP_H

#include "ledger/db.h"
#include "uptime/uptime.h"

/* Of 90 days of 24 hours, which begin and end within one. */
#define UPTIME_STRIP_DAYS 91

struct uptime_strip {
	int64_t day; /* the first, since 1970 */
	size_t n;    /* the last one ends where the task's hours do */
	struct uptime_time days[UPTIME_STRIP_DAYS];
};

/*
 * Inside a transaction; n is 0 of a task without days. RC_CORRUPT of a row that
 * no program writes; errors of db.h. Any thread.
 */
MUST_CHECK enum rc uptime_strip_read(
    struct uptime_strip *s, struct db *db, int64_t task, struct err *e);

/* Inside a write transaction, after the task's days have changed. */
MUST_CHECK enum rc
uptime_strip_write(struct db *db, int64_t task, struct err *e);

/* Inside a transaction: whether the row is what the days make. */
MUST_CHECK enum rc
uptime_strip_check(struct db *db, int64_t task, bool *is_right, struct err *e);

#endif
