/*
 * What a period of a task was: of the hours that are counted already, and of
 * the results themselves since then. It is the same whether anything is counted
 * or not. Reads only.
 */
#ifndef WORKNET_LEDGER_UPTIME_REPORT_H
#define WORKNET_LEDGER_UPTIME_REPORT_H

#include "ledger/rollup.h"
#include "ledger/task.h"

#define REPORT_DAYS_MAX 3660

/* Its last days, too: 1, 7 and 30, as report_recent_days says. */
#define REPORT_RECENTS 3
int64_t report_recent_days(size_t i);

struct report_time {
	struct uptime_time time;
	struct uptime_time hidden;
	int64_t copies;
	int64_t votes;
	int64_t dissents;
	int64_t drills;
	int64_t in_rounds; /* of the votes: signed in rounds */
};

/* Somebody whom the others contradicted on a day. */
struct report_dissent {
	int64_t day; /* since 1970 */
	int64_t worker;
	int64_t network;
	int64_t votes;
};

/* An hour that no row is believed of; see responses.h. */
struct report_response {
	int64_t hour_ms;
	struct uptime_response of;
};

/* What is asked for. */
struct uptime_report_of {
	int64_t task;
	int64_t from_ms, to_ms; /* whole hours; to_ms may be in the future */
	int64_t now_ms;		/* results that are over then are looked at */
	int64_t at_ms;		/* of is_announced */
	/* For lists: of the hours that are counted only all.time and the days'
	 * time, and of incidents only one that is open or was since then. */
	bool times_only;
	/* Results of all tasks since then, of which those of tasks with lower
	 * numbers are read; NULL: it reads its own. */
	struct uptime_votes *votes;
};

struct uptime_report {
	int64_t from_ms;
	int64_t to_ms;
	bool is_announced; /* maintenance that counts, at of->at_ms */
	bool times_only;
	int64_t created_ms; /* the task was */
	int64_t counted_ms; /* as far as cycles are over */
	struct report_time all;
	/* The same of the last days before to_ms, of those that are in it. */
	struct report_time recent[REPORT_RECENTS];
	/* The last slice that is counted; its end is UPTIME_NO_TIME: none. */
	struct uptime_slice last;
	struct report_time *days; /* owned: from that of from_ms on */
	size_t days_n;
	struct uptime_incident *incidents; /* owned; in order */
	size_t incidents_n;
	struct report_dissent *dissents; /* owned; by day */
	size_t dissents_n, dissents_cap;
	int64_t rows_ms;		   /* as far as it is of rows */
	struct report_response *responses; /* owned: from then on */
	size_t responses_n, responses_cap;
};

/*
 * In a read transaction. RC_INVALID of a period that isn't of whole hours, or
 * is too long; errors of db.h, RC_NO_MEMORY; free it, whatever came of it.
 */
MUST_CHECK enum rc uptime_report_read(struct uptime_report *r, struct db *db,
    const struct uptime_report_of *of, struct err *e);
void uptime_report_free(struct uptime_report *r);
/* Frees its days; all else stays. */
void uptime_report_forget_days(struct uptime_report *r);

/* Adds a copy of an incident, with its networks. RC_NO_MEMORY. */
MUST_CHECK enum rc uptime_report_incident_add(
    struct uptime_report *r, const struct uptime_incident *i, struct err *e);

/* As if nothing had been announced: *t with what maintenance hides. */
void report_unhide(struct uptime_time *t, const struct report_time *r);

#endif
