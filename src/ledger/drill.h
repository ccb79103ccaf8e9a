/*
 * Drills: extra slots of the operator's own tasks (canary.h), beside their
 * copies and paid like these, whose right answer is known. From them each
 * worker that was ever paid has a record: right, wrong, silent. sprt.h judges
 * it: who is accused is new again, its payouts are held, and a finding lists
 * what it failed.
 *
 * A day's key is committed to before the day begins, and shown after it; on a
 * day that wasn't committed to, or whose key is shown already, by a clock that
 * was ahead, there are no drills. A drill that most others
 * fail, too, about that time, is the canary host's fault: it counts for nobody.
 * Liars who are many don't excuse each other by that: somebody who says 200 of
 * another status only needs others who were right shortly before and after, be
 * they few, and the accused aren't asked. Who recognises drills, and visits
 * only them, isn't found, nor are those whom nobody honest is beside.
 */
#ifndef WORKNET_LEDGER_DRILL_H
#define WORKNET_LEDGER_DRILL_H

#include "ledger/canary.h"
#include "ledger/row.h"
#include "ledger/schedule.h"

struct drill_rules {
	bool on; /* there is a master key */
	uint8_t master[CANARY_KEY_LEN];
	int64_t share_permille;	    /* of what a worker is given */
	int64_t share_new_permille; /* of one that isn't established */
	int64_t record_days;	    /* what is judged: its drills of so long */
	bool auto_forfeit;	    /* also takes the accused's credit */
};

/*
 * What of an answer is for drills. Each of its places is with the chance that
 * the worker's share says, whatever it is given: of answers that are full, too,
 * and of those of a network that has hundreds of tasks.
 */
struct drill_plan {
	size_t places; /* that are kept for them, at most */
	bool is_drill[TASKS_PER_POLL_MAX];
	size_t n;		  /* places */
	struct standing standing; /* of who polls, where there are drills */
	struct terms_row terms;	  /* that count then */
};

/*
 * Inside a write transaction, before a worker is given at most max_tasks: says
 * how many of these places are kept for drills that there may be. Errors of
 * db.h, and then, too, *out says none.
 */
MUST_CHECK enum rc
drill_prepare(struct db *db, const struct drill_rules *r, const struct poll *p,
    int64_t max_tasks, struct drill_plan *out, struct err *e);

/*
 * In the same transaction, in which the worker was then given what *list has:
 * adds drills to it, if it was given anything new. Also judges a few drills.
 * Errors of db.h.
 */
MUST_CHECK enum rc
drill_give(struct db *db, const struct drill_rules *r, const struct poll *p,
    const struct drill_plan *plan, struct given_list *list, struct err *e);

/*
 * Puts a token into each URL that has a place for one, the same whenever it is
 * told again, and mixes the order, in which a drill would be the last. Any
 * thread. RC_CORRUPT.
 */
MUST_CHECK enum rc drill_tokens(
    const struct drill_rules *r, struct given_list *list, struct err *e);

/* The token of an assignment, with a NUL, where its URL has a place for one. */
void
drill_token(char out[static CANARY_TOKEN_LEN + 1], const struct drill_rules *r,
    int64_t assigned_ms, int64_t slot, bool is_drill);

/* One step: commits to tomorrow's key, and shows those of days before. */
MUST_CHECK enum rc drill_keys_keep(
    struct db *db, const struct drill_rules *r, int64_t now_ms, struct err *e);

/*
 * Inside a write transaction: judges at most max drills whose time is over.
 */
MUST_CHECK enum rc drill_judge(struct db *db, const struct drill_rules *r,
    int64_t now_ms, int64_t max, struct err *e);

#endif
