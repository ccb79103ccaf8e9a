/*
 * The schedule: which tasks a poll is given. Rules of the protocol:
 *  - a task opens `copies` slots in each cycle of its interval;
 *  - a worker isn't given a task within its cooldown, nor twice in a cycle;
 *  - a slot whose holder stays silent past timeout + 60 s is offered again
 *    while its cycle runs;
 *  - with one_copy_per_network, no two slots of a cycle go to one network.
 *
 * A poll proves nothing, so it takes nothing:
 *  - who polls again is given its unanswered assignments again, as they were;
 *    cooldown and share (share.h) count what was paid;
 *  - what an address without standing (standing.h) is given reserves nothing.
 *    Its slot stays due, and the first valid result takes it. An address of
 *    standing, in a poll that may be its own, holds a slot for timeout + 60 s;
 *  - those that share.h has in turn are given a slot first, others wait for
 *    four fifths of a poll period from each cycle's opening on, or until nobody
 *    took anything of the cycle before;
 *  - a network of which two addresses are silent about what they held holds
 *    nothing more until that is forgotten;
 *  - a network holds no more than network_slots, and its addresses that were
 *    never paid have no more than half as many that they don't hold. Who was
 *    paid is given what is due all the same: else polls from its network, in
 *    whosever name, would keep it from work;
 *  - who polls for another region is told nothing of what was given in its name
 *    for this one.
 *
 * The cost of a poll doesn't depend on the number of tasks or workers. Where
 * tasks that whoever asks may not have stand in front, a poll looks at as many
 * others, anywhere behind them.
 *
 * A stored time that lies ahead of the coordinator's clock isn't believed.
 */
#ifndef WORKNET_LEDGER_SCHEDULE_H
#define WORKNET_LEDGER_SCHEDULE_H

#include "base/limits.h"
#include "base/task_type.h"
#include "eth/address.h"
#include "ledger/db.h"
#include "ledger/private_task.h"
#include "ledger/row.h"
#include "ledger/standing.h"

/* Who is given anything. */
enum admission {
	ADMISSION_OPEN,	    /* everybody */
	ADMISSION_STANDING, /* who has standing, or is on the operator's list */
	ADMISSION_LIST,	    /* who is on the list */
};

/* What the rules need of the configuration; the rest are the ledger's terms. */
struct schedule_rules {
	int64_t max_tasks; /* in one answer, 1 to 50 */
	bool one_copy_per_network;
	enum admission admission;
	struct standing_rules standing; /* 0 and 0: everybody has it */
	int64_t network_slots;		/* that a network holds */
	int64_t spot_permille;	  /* of slots, to be seen by witnesses, too */
	int64_t witness_permille; /* of slots that witnesses have at most */
};

struct poll {
	struct address worker;
	struct slice region;  /* as the worker declares it; "" for none */
	struct slice network; /* "" when unknown: one of its own */
	int64_t now_ms;
	size_t kept; /* places of the answer, which are drills': drill.h */
};

struct given_task {
	int64_t slot;
	int64_t assigned_ms;
	bool is_drill; /* drill.h */
	const struct task_type *type;
	char name[TASK_ID_MAX + 1];
	char url[URL_MAX + 1];
	char region[REGION_MAX + 1]; /* "" for any */
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t anchor; /* the newest one when it was assigned: anchor.h */
	bool is_private;
	uint8_t salt[TASK_SALT_LEN]; /* of a private one */
};

struct given_list {
	size_t n;
	size_t held;	 /* of them, that it was given before */
	bool to_witness; /* witness.h has more for it */
	/* Where there may be something for it: */
	int64_t worker;		/* whose it is; 0: never seen */
	struct terms_row terms; /* that count now */
	struct given_task tasks[TASKS_PER_POLL_MAX];
};

/*
 * Answers a poll: one question, asked in up to two places. Where it may write,
 * inside a write transaction, it lists what the worker holds and assigns and
 * lists what is due to it; the assignments hold once the transaction is
 * committed. Where it may not write, it lists what the worker holds, and *work
 * says whether the same question would be given more, or would at least move
 * something on, if it might. That needs no transaction: each statement may see
 * another state of the ledger. Most polls end with it, in one statement, which
 * doesn't even have to find the worker.
 * RC_INVALID when the worker is suspended or not admitted, and then nothing was
 * written; else errors of db.h; what was written is then the caller's to undo.
 */
MUST_CHECK enum rc schedule_serve(struct db *db, bool may_write,
    const struct schedule_rules *rules, const struct poll *p,
    struct given_list *out, bool *work, struct err *e);

#endif
