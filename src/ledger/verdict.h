/*
 * Verdicts: where a task has several copies, what a cycle's results say is
 * compared once it is over and none can come any more, a result window later.
 * Results of what the task was before and after an edit aren't compared with
 * each other. Each network has one vote, or none if its own results differ;
 * most of them decide, and as many of each decide nothing. Who was accused, by
 * drills or witnesses, has none until somebody releases its payouts.
 *
 * Who stands apart is counted, and never punished: two honest places may see
 * different things.
 */
#ifndef WORKNET_LEDGER_VERDICT_H
#define WORKNET_LEDGER_VERDICT_H

#include "ledger/db.h"
#include "ledger/row.h"

struct vote {
	int64_t slot;
	int64_t worker;
	struct slice network; /* that it came from; "": one of its own */
	int64_t version;      /* of its task */
	int64_t cycle_ms;
	bool up;
};

/*
 * Inside the write transaction that pays it: a result to be compared with the
 * others of its cycle and definition. Errors of db.h.
 */
MUST_CHECK enum rc
verdict_vote(struct db *db, const struct vote *v, struct err *e);

/*
 * Inside a write transaction: compares at most max cycles that are over by the
 * terms that count now, the oldest first. Errors of db.h.
 */
MUST_CHECK enum rc verdict_judge(struct db *db, const struct terms_row *terms,
    int64_t now_ms, int64_t max, struct err *e);

/* How often a worker stood apart in cycles since then. Errors of db.h. */
MUST_CHECK enum rc verdict_dissents(
    struct db *db, int64_t worker, int64_t since_ms, int64_t *n, struct err *e);

#endif
