/*
 * What history.c and spread.c share: a ledger without a disk's patience, whose
 * keys and which tasks it has, and where these stand once the slots of a day
 * are given.
 */
#ifndef WORKNET_BENCH_BIG_H
#define WORKNET_BENCH_BIG_H

#include "base/clock.h"
#include "ledger/db.h"
#include "work/result.h"

#define BIG_REWARD_MICROS 100 /* of every task */
#define BIG_TIMEOUT_MS	  10000
#define ACCOUNT_WORKERS	  4 /* of worker 0; worker i has this plus i */

int64_t big_now_ms(void);

/*
 * Opens an existing ledger that nobody else has open, for writing without syncs
 * and checks of references: who kills the program makes another ledger. Once in
 * a process.
 */
MUST_CHECK enum rc big_open(struct db **db, const char *path, struct err *e);

/* Sets the number of the last slot. */
MUST_CHECK enum rc big_last_slot_set(int64_t slot, struct err *e);

/* The name of task i, which is number i + 1. */
void big_task_name(char name[static TASK_ID_MAX + 1], int64_t i);

/* Worker i, with the key of prepare.c's worker i. */
MUST_CHECK enum rc big_identity(struct identity *id, int64_t i, struct err *e);

/* A slot of task i that worker i was given on a day. */
struct big_assignment {
	int64_t worker;
	int64_t task;
	int64_t slot;
	int64_t copy;
	int64_t day_ms;
	int64_t assigned_ms;
};

/* Inside a write transaction. Errors of db.h. */
MUST_CHECK enum rc big_assignment_put(
    struct db *db, const struct big_assignment *b, struct err *e);

/* The schedule after all slots of the day are given. */
MUST_CHECK enum rc big_day_given(int64_t day_ms, struct err *e);

#endif
