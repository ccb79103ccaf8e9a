/*
 * The schedule: which tasks a poll is given. Rules of the protocol:
 *  - a task opens `copies` slots in each cycle of its interval;
 *  - a worker isn't given a task within its cooldown, nor twice in a cycle;
 *  - a slot whose holder stays silent past timeout + 60 s is offered again
 *    while its cycle runs;
 *  - with one_copy_per_network, no two slots of a cycle go to one network.
 *
 * Fairness: the tasks of a region are given in rounds. A worker's turn is
 * the sum of what it was given there; a slot goes to a worker whose turn is
 * at or below the region's level. When a slot has waited for nearly a whole
 * poll period, everybody has had the chance: whoever asks now gets it, and
 * the level rises to that worker's turn, which begins the next round. So
 * workers who poll get the same, whenever in the minute they poll. A worker
 * who was away doesn't catch up by more than one poll's worth.
 *
 * The cost of a poll doesn't depend on the number of tasks or workers.
 */
#ifndef WORKNET_LEDGER_SCHEDULE_H
#define WORKNET_LEDGER_SCHEDULE_H

#include "base/limits.h"
#include "base/task_type.h"
#include "eth/address.h"
#include "ledger/db.h"

/* What the rules need of the configuration; the rest are the ledger's terms. */
struct schedule_rules {
	int64_t max_tasks; /* in one answer, 1 to 50 */
	bool one_copy_per_network;
};

struct poll {
	struct address worker;
	struct slice region;  /* as the worker declares it; "" for none */
	struct slice network; /* "" when unknown: no such rule */
	int64_t now_ms;
};

struct offered_task {
	const struct task_type *type;
	char name[TASK_ID_MAX + 1];
	char url[URL_MAX + 1];
	char region[REGION_MAX + 1]; /* "" for any */
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t reward_micros;
};

struct offer_list {
	size_t n;
	struct offered_task tasks[TASKS_PER_POLL_MAX];
};

/*
 * Answers a poll: one question, asked in up to two places. Where it may write,
 * inside a write transaction, it assigns what is due to the worker and lists
 * it; the assignments hold once the transaction is committed. Where it may not
 * write, out->n is 0 and *work says whether the same question would be given
 * something, or would at least move a task on, if it might. That needs no
 * transaction: each statement may see another state of the ledger. Most polls
 * end with it, in one statement, which doesn't even have to find the worker.
 * RC_INVALID when the worker is suspended, else errors of db.h; what was
 * written is then the caller's to undo.
 */
MUST_CHECK enum rc schedule_serve(struct db *db, bool may_write,
    const struct schedule_rules *rules, const struct poll *p,
    struct offer_list *out, bool *work, struct err *e);

#endif
