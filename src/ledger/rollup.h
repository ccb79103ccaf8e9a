/*
 * Uptime hour by hour, as rows of the ledger: a row for each task and hour of
 * UTC, an incident for each outage. They are made of results when the hour's
 * cycles are over, never in the way of a credit, and can be made anew at any
 * time.
 */
#ifndef WORKNET_LEDGER_ROLLUP_H
#define WORKNET_LEDGER_ROLLUP_H

#include "ledger/uptime_walk.h"

/*
 * The hour in which q is, a row of uptime_hours; its dissents aren't read.
 * RC_CORRUPT of a row that no program writes.
 */
MUST_CHECK enum rc
rollup_hour_read(struct query *q, struct uptime_hour *h, struct err *e);

/*
 * The sums of a day, a row of uptime_days, as if it was an hour: hour_ms is its
 * beginning, and there is no state.
 */
void rollup_day_read(struct query *q, struct uptime_hour *h);

/* The times of an hour, a row of uptime_hour_times, or of uptime_day_times. */
void rollup_times_read(struct query *q, struct uptime_time *t);

/* The task's row of that hour. RC_NOT_FOUND. */
MUST_CHECK enum rc rollup_hour_get(struct db *db, int64_t task, int64_t hour_ms,
    struct uptime_hour *h, struct err *e);

/* The end of what the task's rows count; 0: there are none. */
MUST_CHECK enum rc
rollup_end(struct db *db, int64_t task, int64_t *end_ms, struct err *e);

/* Networks as a row has them: their numbers, in order, with blanks between. */
#define NETWORKS_TEXT_MAX (UPTIME_NETWORKS_MAX * 21 + 1)
void networks_format(
    char out[static NETWORKS_TEXT_MAX], const int64_t *networks, size_t n);

/*
 * What an hour begins with, in six columns from col on: decided_ms to networks.
 * RC_CORRUPT.
 */
MUST_CHECK enum rc uptime_state_read(
    struct uptime_state *s, struct query *q, int col, struct err *e);
/* The same as parameters from i on; networks has to stay as they do. */
void uptime_state_bind(struct query *q, int i, const struct uptime_state *s,
    char networks[static NETWORKS_TEXT_MAX]);

/* Into s->networks. RC_CORRUPT. */
MUST_CHECK enum rc
networks_parse(struct uptime_state *s, struct slice text, struct err *e);

const char *incident_ended(enum uptime_event ended);
enum uptime_event incident_ended_parse(struct slice text);

/*
 * By what the ledger knows: until when cycles can be over. Not later than the
 * newest transfer, since a clock that is ahead would count hours that weren't.
 */
MUST_CHECK enum rc rollup_now(struct db *db, int64_t now_ms,
    int64_t *counted_ms, int64_t *window_ms, struct err *e);

/*
 * Counts each hour of each task that is over and isn't counted yet. read and
 * write are two connections to one ledger, in no transaction; each hour is
 * written in transactions of some hundred tasks. *rows counts what was written.
 */
MUST_CHECK enum rc rollup_run(struct db *read, struct db *write, int64_t now_ms,
    int64_t *rows, struct err *e);

/*
 * Inside a write transaction: forgets the hours of all tasks from the beginning
 * of that day on. RC_INVALID: results of these are archived, so that they
 * couldn't be counted anew.
 */
MUST_CHECK enum rc
rollup_forget(struct db *db, int64_t since_ms, struct err *e);

#endif
