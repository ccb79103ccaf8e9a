/*
 * Witnesses: addresses of the operator's, or whom it trusts, which are given no
 * slots but extra ones of tasks with one copy. They are paid for them as
 * anybody else is, and have at most witness_permille of any WITNESS_SHARE_OF
 * slots in a row. They are asked
 *
 *  - about an unpredictable share of the slots that others are given;
 *  - where somebody's report contradicts the last word of a witness: says down
 *    of what was up, or up of what was down;
 *  - until WITNESS_RUN reports in a row say the same, up or down.
 *
 * What others report is judged by an outage, since two honest places may see
 * different things at any other time. A result counts if witnesses saw the
 * target down before it was given and after it was paid, within
 * WITNESS_NEAR_MS, in a run of WITNESS_RUN reports or more without a break, and
 * if the run of ups before is as long. It is judged when a run of ups as long
 * follows, or WITNESS_NEAR_MS later. A target that flaps has short runs: if
 * there were more of them than outages, from a day before the result until it
 * is judged, nobody is. Two other networks must have seen it down, too, and
 * more than saw it up: what a witness sees alone is its own trouble. If there
 * are several witnesses, one alone isn't believed. Then who said up was wrong
 * and who said down right, once a day in all outages of which one began before
 * the other was over, which may be one trouble. Between two times at which a
 * witness sees the target up, an outage lasts from the first report of anybody
 * that says down to the last one. sprt.h judges it, as with drills.
 *
 * Who says down while witnesses see it up is never accused: an error may be
 * anybody's own.
 *
 * A witness that lies, or is where nothing can be seen, would keep the others
 * from being heard. So each of its reports is compared with what workers said
 * of the task within WITNESS_BESIDE intervals: it is wrong if twice as many
 * networks as say the same, and WITNESS_CONTRADICT or more, contradict it; or
 * void, if there are fewer. Half hours of which most reports are wrong count
 * like failed drills (sprt.h): who has too many in a day is a witness no
 * longer, and nothing that it saw counts, until it is admitted again. Two
 * thirds of all networks that lie alike could do that to one that is honest,
 * and half of them, if they poll one after the other: the finding asks a person
 * to look.
 */
#ifndef WORKNET_LEDGER_WITNESS_H
#define WORKNET_LEDGER_WITNESS_H

#include "ledger/drill.h"

#define WITNESS_NEAR_MS	   (30 * 60 * 1000LL)
#define WITNESS_RUN	   4 /* reports */
#define WITNESS_OTHERS_MIN 2 /* networks */
#define WITNESS_SHARE_OF   1000
#define WITNESS_BESIDE	   3
#define WITNESS_CONTRADICT 3

/*
 * Inside a write transaction: n slots of tasks with one copy were given, by
 * those definitions, to one poll; in share_permille of all cases witnesses are
 * to visit one, too. RC_IO without randomness.
 */
MUST_CHECK enum rc witness_spot(struct db *db, const int64_t *versions,
    size_t n, int64_t share_permille, struct err *e);

/*
 * Inside a write transaction: adds to *list, of a poll by a witness, what it is
 * to visit. Errors of db.h.
 */
MUST_CHECK enum rc witness_give(struct db *db, const struct schedule_rules *r,
    const struct poll *p, struct given_list *list, struct err *e);

/* What was reported of a slot that is compared with what witnesses see. */
struct report {
	int64_t slot;
	int64_t worker;
	struct slice network; /* that it came from; "": one of its own */
	int64_t version;      /* of its task */
	int64_t assigned_ms;
	bool up;
};

/*
 * Whether there are tasks that witnesses are to visit, or were: else nothing is
 * noted of who says up.
 */
MUST_CHECK enum rc witness_watches(struct db *db, bool *any, struct err *e);

/* Inside the write transaction that pays it: of a worker, of a witness. */
MUST_CHECK enum rc witness_compare(
    struct db *db, const struct report *r, int64_t now_ms, struct err *e);
MUST_CHECK enum rc witness_saw(
    struct db *db, const struct report *r, int64_t now_ms, struct err *e);

/*
 * Inside a write transaction: judges at most max results that waited for what
 * witnesses see afterwards, and accuses whom they condemn; and as many reports
 * of witnesses, by witness_doubt. Errors of db.h.
 */
MUST_CHECK enum rc witness_judge(struct db *db, const struct drill_rules *r,
    int64_t now_ms, int64_t max, struct err *e);
/* Compares those with what others said, and sets aside whom all contradict. */
MUST_CHECK enum rc
witness_doubt(struct db *db, int64_t now_ms, int64_t max, struct err *e);

#endif
