/*
 * The state of the network in numbers, as the ledger tells it, and what of it a
 * person has to look at: for worknet status, worknet metrics and the page
 * /operator. One thread.
 */
#ifndef WORKNET_LEDGER_STATUS_H
#define WORKNET_LEDGER_STATUS_H

#include "base/clock.h"
#include "ledger/coverage.h"
#include "ledger/network_sums.h"
#include "ledger/payout_run.h"

struct status {
	int64_t now_ms;
	int64_t tasks_active, tasks_paused, tasks_removed;
	int64_t oldest_due_ms; /* a task has a slot since then; 0: none */
	int64_t workers_active, workers_suspended;
	int64_t results_hour, results_day;
	int64_t rounds_day;	/* of those of the day, signed in rounds */
	int64_t last_result_ms; /* 0: none yet */
	int64_t owed_micros;
	int64_t in_flight_micros;		   /* promised, and not paid */
	int64_t payouts_open, payouts_open_micros; /* not final; some paid */
	int64_t unresolved, oldest_unresolved_ms;  /* of those; 0: none */
	int64_t due;			/* workers owed the threshold */
	int64_t overdue;		/* of them, for long */
	int64_t all_held, workers_held; /* payouts of everybody, or of some */
	struct payout_run run;		/* the newest; id 0: none */
	int64_t exceptions;
	int64_t ledger_bytes, wal_bytes;
	int64_t free_bytes; /* of its disk; -1 unknown */
	/* The end of the oldest hour that the object store hasn't; 0: none,
	 * or there is no store, or the ledger alone was asked; 1: it can't be
	 * told. */
	int64_t upload_oldest_ms;
	int64_t anchor_ms; /* its newest anchor came then; 0: there is none */
	struct coverage coverage; /* owned */
	struct network_sums network;
};

/*
 * Fills *s at now_ms from one state of the ledger and the sizes of its files,
 * with up to `worst` tasks in its coverage. Free it with status_free, also
 * after an error: those of db.h, RC_NO_MEMORY.
 */
MUST_CHECK enum rc status_read_ledger(struct status *s, struct db *db,
    const struct conf *c, size_t worst, int64_t now_ms, struct err *e);
void status_free(struct status *s);

/* Who is owed the threshold for longer should have been paid. */
int64_t status_overdue_ms(const struct conf *c);

/* What a monitor is told, as Nagios numbers it. */
enum severity {
	SEVERITY_OK = 0,
	SEVERITY_WARNING = 1,  /* a look before long */
	SEVERITY_CRITICAL = 2, /* money or service stands still */
	SEVERITY_UNKNOWN = 3,
};
const char *severity_name(enum severity severity);

#define UPLOAD_OLD_MS (4 * HOUR_MS) /* an hour is in the store by then */

#define WARNINGS_MAX 16
#define WARNING_LEN  200

struct warning {
	enum severity severity;
	char text[WARNING_LEN];
};

struct warnings {
	struct warning all[WARNINGS_MAX];
	size_t n;
};

/* What of s isn't as it should be. */
void warnings_find(
    struct warnings *ws, const struct status *s, const struct conf *c);

/* Of these only those of payouts. */
void warnings_find_payouts(
    struct warnings *ws, const struct status *s, const struct conf *c);

#endif
