/*
 * Assignments: which slot of which task a worker was given, and whether those
 * that it has keep it from another one. For the schedule and for drills.
 */
#ifndef WORKNET_LEDGER_ASSIGNMENT_H
#define WORKNET_LEDGER_ASSIGNMENT_H

#include "ledger/row.h"
#include "ledger/schedule.h"

/* With what its result is compared; as the ledger has it. */
enum compared {
	COMPARED_NOT,
	COMPARED_COPIES,  /* with others of its cycle: verdict.h */
	COMPARED_ALONE,	  /* with what witnesses see: witness.h */
	COMPARED_WITNESS, /* it is a witness's */
};

struct assignment {
	const struct given_task *told; /* borrowed, as is network */
	int64_t worker;
	int64_t version;
	int64_t cycle_ms;
	int64_t copy;
	int64_t region;
	struct slice network; /* of whose share it is part; "": its own */
	bool out_of_turn;
	enum compared compared;
};

/*
 * Inside a write transaction; instead of what the worker was given of that slot
 * before, if it was. Errors of db.h.
 */
MUST_CHECK enum rc
assignment_insert(struct db *db, const struct assignment *a, struct err *e);

/* What of a task decides when a worker may have it again. */
struct task_pace {
	int64_t task;
	struct slice name;
	int64_t interval_ms;
	int64_t cooldown_ms;
};

/*
 * Whether cooldown and cycle let the worker (0: never seen) have a slot of that
 * cycle of the task now. What was paid to somebody else doesn't keep it from
 * one, nor what nobody was paid for and can't be any more, nor what was given
 * at a time still to come, but for a second slot of the same cycle. Errors of
 * db.h.
 */
MUST_CHECK enum rc assignment_allows(struct db *db,
    const struct terms_row *terms, int64_t worker, const struct task_pace *t,
    int64_t cycle_ms, int64_t now_ms, bool *may, struct err *e);

#endif
