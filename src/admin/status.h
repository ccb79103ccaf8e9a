/*
 * The state of the network in numbers, for worknet status and worknet metrics.
 * One thread.
 */
#ifndef WORKNET_ADMIN_STATUS_H
#define WORKNET_ADMIN_STATUS_H

#include "admin/coverage.h"
#include "admin/network.h"
#include "base/clock.h"
#include "ledger/payout_run.h"

struct status {
	int64_t now_ms;
	int64_t tasks_active, tasks_paused, tasks_removed;
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
	 * or there is no store; 1: it can't be told. */
	int64_t upload_oldest_ms;
	struct coverage coverage; /* owned */
	struct network_sums network;
};

/*
 * Fills *s from the ledger in one state of it, with up to `worst` tasks in its
 * coverage. Free it with status_free, also after an error: those of db.h,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc status_read(struct status *s, struct db *db,
    const struct conf *c, size_t worst, struct err *e);
void status_free(struct status *s);

/* Who is owed the threshold for longer should have been paid. */
int64_t status_overdue_ms(const struct conf *c);

#endif
