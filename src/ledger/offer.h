/*
 * What a worker is told besides a task, so that it can sign rounds: what its
 * assignment is hashed of (eth/round.h); and so that it finds its result of a
 * private task in the log. Any thread.
 */
#ifndef WORKNET_LEDGER_OFFER_H
#define WORKNET_LEDGER_OFFER_H

#include "eth/round.h"
#include "ledger/private_task.h"
#include "ledger/schedule.h"

struct offer {
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct offered {
		uint8_t assignment[KECCAK256_LEN];
		uint8_t anchor_root[KECCAK256_LEN];
		char region[REGION_MAX + 1]; /* as it is signed */
		/* Of a private task, else "": what the log calls it, and what
		 * the worker's result is sealed with there. */
		char label[TASK_ID_MAX + 1];
		uint8_t key[PRIVATE_KEY_LEN];
	} tasks[TASKS_PER_POLL_MAX]; /* as in the list */
};

/* For the tasks that a worker was given. RC_CORRUPT, errors of db.h. */
MUST_CHECK enum rc offer_make(struct db *db, const struct address *worker,
    const struct given_list *list, struct offer *out, struct err *e);

#endif
