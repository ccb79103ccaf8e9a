/*
 * What anybody may know of a task: its last 90 days as worknet report counts
 * them, how it is now, its incidents, and who checked it last. It doesn't have
 * the task's URL, which may hold a secret, nor the errors that workers told,
 * which may repeat it; nor does it tell which results were drills: a check is
 * shown as every other one, once its cycle is over, so that nobody can report
 * what others saw.
 *
 * What was counted by the hour is read in as many rows as there are days, of
 * lists in one row and the hours of a day. The results since then are looked at
 * as long as they are few; where they are many
 * the figures end with the last hour that was counted, and say so, and how the
 * task is, and an incident that is open, is what worknet-alert knows, if
 * somebody wants it to tell of the task. One thread.
 */
#ifndef WORKNET_LEDGER_PROFILE_H
#define WORKNET_LEDGER_PROFILE_H

#include "ledger/origin.h"
#include "ledger/responses.h"

#define PROFILE_DAYS	      90
#define PROFILE_INCIDENTS_MAX 50 /* that are told, the newest */
#define PROFILE_NETWORKS_MAX  20 /* of one incident that are named */
#define PROFILE_CHECKS_MAX    20
#define PROFILE_ANNOUNCED_MAX 20  /* maintenance that is told */
#define PROFILE_TASKS_MAX     100 /* of one list */
/* Hours with response times: of 90 days, some of them in two regions. */
#define PROFILE_RESPONSES_MAX (2 * PROFILE_DAYS * 24)
#define PROFILE_WHY_MAX	      200 /* bytes of an announcement */

/* Results since the last hour that was counted which one reading looks at, of
 * all tasks: those of one are among them. */
#define PROFILE_FRESH_MAX 100000
/* A task's last checks are looked for among so many results of the ledger. */
#define PROFILE_RESULTS_MAX 2000
/* Of a list, tasks that are counted less far than others by more than this are
 * as they were then. */
#define PROFILE_LAGS_MS (4 * HOUR_MS)
/* What was counted is of no use any more to say how a task is now. */
#define PROFILE_STALE_MS (2 * HOUR_MS)

enum profile_state {
	PROFILE_UP,
	PROFILE_DOWN,	     /* an incident is open */
	PROFILE_UNCONFIRMED, /* down by the last cycle, without an incident */
	PROFILE_DISPUTED,    /* by the last cycle */
	PROFILE_UNKNOWN,
	PROFILE_MAINTENANCE, /* announced in time */
	PROFILE_PAUSED,
};

/* "up", "down", "unconfirmed", ... */
const char *profile_state_name(enum profile_state s);

struct profile {
	int64_t id;
	char name[TASK_ID_MAX + 1];
	char region[REGION_MAX + 1]; /* "": any */
	int64_t interval_ms;
	int64_t copies;
	bool paused;
	int64_t counted_ms; /* by the hour */
	enum profile_state state;
	char days[PROFILE_DAYS + 2]; /* profile_day of the report's days */
	/* Owned; of the period asked for. In a list: its times only, and no
	 * days: a hundred tasks' would be megabytes. */
	struct uptime_report report;
};

/*
 * Inside a read transaction: the task's last days, up to the end of the hour
 * that now_ms is in. RC_NOT_FOUND when there is none, or it is removed; errors
 * of uptime_report_read. Free it, whatever came of it.
 */
MUST_CHECK enum rc profile_read(struct profile *p, struct db *db,
    struct slice name, int64_t days, int64_t now_ms, struct err *e);
void profile_free(struct profile *p);

struct profile_list {
	int64_t now_ms;
	size_t n;
	struct profile *tasks; /* owned */
	bool more;	       /* tasks, behind these */
};

/*
 * Inside a read transaction: the tasks behind `after`, in the order of their
 * names, PROFILE_TASKS_MAX at most. Errors of uptime_report_read. Free it,
 * whatever came of it.
 */
MUST_CHECK enum rc profile_list_read(struct profile_list *l, struct db *db,
    struct slice after, int64_t days, int64_t now_ms, struct err *e);
void profile_list_free(struct profile_list *l);

/*
 * What a day was, for a picture of it: d down, s unconfirmed or disputed, m
 * maintenance alone, ? for the most part unknown, p paused or not there yet, u
 * up, and - when nothing of it is counted.
 */
char profile_day(const struct report_time *t);

/* ---- Of one task, inside a read transaction ---- */

/* Who confirmed an incident, and whether maintenance covers all of it. */
struct profile_names {
	bool planned;
	size_t n;
	char names[PROFILE_NETWORKS_MAX][ORIGIN_NAME_LEN + 1];
};

MUST_CHECK enum rc profile_names_read(struct profile_names *out, struct db *db,
    int64_t task, const struct uptime_incident *i, struct err *e);

struct profile_check {
	int64_t at_ms; /* the worker's clock, signed */
	bool up;
	int64_t status;		      /* -1: no answer came */
	int64_t response_ms;	      /* -1: not told */
	char worker[ADDRESS_LEN + 1]; /* as it was signed */
	char signature[2 + 2 * 65 + 1];
};

MUST_CHECK enum rc profile_checks_read(struct profile_check *out, size_t *n,
    struct db *db, const struct profile *p, struct err *e);

/* What its answers took, in the hours of its report from from_ms on. */
MUST_CHECK enum rc profile_responses_read(struct responses *out, struct db *db,
    const struct profile *p, int64_t from_ms, struct err *e);

struct profile_announced {
	int64_t id;
	char task[TASK_ID_MAX + 1];
	int64_t from_ms, to_ms, noted_ms;
	bool counts;
	char why[PROFILE_WHY_MAX + 1];
};

/* That of the task, or of all (0), which wasn't over at since_ms, by its begin.
 */
MUST_CHECK enum rc profile_announced_read(struct profile_announced *out,
    size_t *n, struct db *db, int64_t task, int64_t since_ms, struct err *e);

struct profile_incident {
	char task[TASK_ID_MAX + 1];
	int64_t from_ms;
	int64_t to_ms; /* INT64_MAX: it is open */
	enum uptime_event ended;
	size_t networks_n;
	struct profile_names names;
};

/*
 * The newest of all tasks that aren't removed, as far as they are counted, with
 * what the list's tasks have had since then.
 */
MUST_CHECK enum rc profile_incidents_read(struct profile_incident *out,
    size_t *n, struct db *db, const struct profile_list *l, struct err *e);

/* Those of one task, the newest first. */
MUST_CHECK enum rc profile_incidents_of(struct profile_incident *out, size_t *n,
    struct db *db, const struct profile *p, struct err *e);

#endif
