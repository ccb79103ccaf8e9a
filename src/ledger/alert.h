/*
 * Alerts: what receivers are told of tasks, as rows of the ledger. An event is
 * noted once, with a delivery for each receiver that wants it, in one
 * transaction; a delivery is noted as tried before it is sent, and with what
 * came of it after that. So whatever is killed, an event may be told twice,
 * under the same name, and is never lost. One thread.
 */
#ifndef WORKNET_LEDGER_ALERT_H
#define WORKNET_LEDGER_ALERT_H

#include "base/clock.h"
#include "base/limits.h"
#include "ledger/db.h"
#include "uptime/uptime.h"

#define ALERT_NAME_MAX	 80  /* bytes of an event's name */
#define ALERT_WHY_MAX	 200 /* of an announcement */
#define ALERT_DETAIL_MAX 200 /* of what came of a try */

/* So many wait for one receiver; more are given up. */
#define ALERT_WAITING_MAX 1000
#define ALERT_EVENTS_MAX  100000	/* older ones are forgotten, */
#define ALERT_KEEP_MS	  (30 * DAY_MS) /* and those that are so old */
#define ALERT_PATIENCE_MS DAY_MS	/* a delivery is tried for so long */

enum alert_kind {
	ALERT_OPENED,	   /* an incident is confirmed */
	ALERT_ENDED,	   /* it has ended */
	ALERT_MAINTENANCE, /* one has begun that was announced in time */
	ALERT_TEST,	   /* the operator asked for it */
};

/* "incident.opened", ... */
const char *alert_kind_name(enum alert_kind k);

struct alert_event {
	char name[ALERT_NAME_MAX + 1];
	enum alert_kind kind;
	int64_t task; /* 0: of none */
	char task_name[TASK_ID_MAX + 1];
	int64_t noted_ms;
	int64_t from_ms;
	int64_t to_ms; /* UPTIME_NO_TIME: not known yet */
	enum uptime_event ended;
	int64_t networks; /* that confirmed it */
	bool planned;	  /* it began in maintenance */
	char why[ALERT_WHY_MAX + 1];
};

/* Who wants to be told of what. */
struct alert_wish {
	const char *receiver;
	const char *task; /* its name; NULL: all */
};

/* The beginning of the names of a ledger's events; another one's differ. */
#define ALERT_PREFIX_LEN 8
MUST_CHECK enum rc alert_prefix(
    char out[static ALERT_PREFIX_LEN + 1], struct db *db, struct err *e);

/*
 * Inside a write transaction: notes an event, unless there is one of its name,
 * for those of the n wishes that are for its task. *fresh (NULL is fine): there
 * was none.
 */
MUST_CHECK enum rc alert_add(struct db *db, const struct alert_event *event,
    const struct alert_wish *wishes, size_t n, bool *fresh, struct err *e);

/*
 * Notes what happened since the last call: incidents by the method of
 * doc/uptime as far as it has decided, and maintenance that has begun. read and
 * write are two connections to one ledger, in no transaction. Of a task that
 * nobody wanted to be told of until now, only an incident that is open is told.
 * *noted counts the events.
 */
MUST_CHECK enum rc
alert_decide(struct db *read, struct db *write, const struct alert_wish *wishes,
    size_t n, int64_t now_ms, int64_t *noted, struct err *e);

/* How far a task was looked at, and what was known then. */
struct alert_watch {
	int64_t to_ms;
	bool caught_up; /* from here on each event is told */
	struct uptime_state state;
};

/* *there: somebody wants to be told of the task, and it was looked at. */
MUST_CHECK enum rc alert_watch_read(struct alert_watch *w, struct db *db,
    int64_t task, bool *there, struct err *e);

/* When and how an incident ended, if that was told; else both stay as they are.
 */
MUST_CHECK enum rc alert_ended_read(struct db *db, int64_t task,
    int64_t from_ms, int64_t *to_ms, enum uptime_event *ended, struct err *e);

/* ---- Deliveries, inside of a write transaction ---- */

struct alert_due {
	int64_t event;
	int64_t tries; /* before this one */
	struct alert_event what;
};

/*
 * The next delivery that is due for a receiver, *any, noted as tried. What of a
 * task happened later waits for what happened before. One that nobody answers
 * is due again later: 1, 2, 4, ... minutes, at most an hour.
 */
MUST_CHECK enum rc alert_take(struct db *db, const char *receiver,
    int64_t now_ms, struct alert_due *out, bool *any, struct err *e);

enum alert_outcome {
	ALERT_DELIVERED,
	ALERT_FAILED,
	ALERT_GONE, /* and don't come again */
};

/*
 * What came of a try, in words. After a failure it is tried again, not before
 * retry_ms (0: no matter), until it is as old as ALERT_PATIENCE_MS, then for
 * the last time; then it is given up, and there is a finding of the receiver,
 * which is over once it takes something. A receiver that is gone is off: what
 * waits is given up.
 */
MUST_CHECK enum rc alert_tried(struct db *db, const char *receiver,
    const struct alert_due *due, enum alert_outcome outcome, const char *detail,
    int64_t retry_ms, int64_t now_ms, struct err *e);

/* Whether the receiver is off. */
MUST_CHECK enum rc
alert_is_off(struct db *db, const char *receiver, bool *off, struct err *e);

/* It is on again, or is one that nobody knows: its finding is over. */
MUST_CHECK enum rc alert_resume(
    struct db *db, const char *receiver, int64_t now_ms, struct err *e);

/* Gives up what waits for receivers that aren't among the n; forgets what is
 * old. */
MUST_CHECK enum rc alert_tidy(struct db *db, const struct alert_wish *wishes,
    size_t n, int64_t now_ms, struct err *e);

#endif
