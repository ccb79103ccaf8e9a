/*
 * Refusals: of how many results a worker wasn't paid for, day by day (UTC) and
 * by reason. They decide nothing; its page shows them.
 *
 * Nobody but the worker can add to its own: a result counts only if it is
 * authentic (credit.h), and if nobody else can have it. So one that was paid
 * already doesn't, nor one that is too old, unless it is of an assignment that
 * the worker still owes: both are published with their signatures.
 *
 * Beside these counts each slot whose holder's answer was refused has a row, so
 * that the log can say so (publish/): of the first one that was, since what
 * comes later was made knowing that, or is only late. So there are no more of
 * them than slots that were given, whatever is sent; and after a day they go.
 *
 * They cost no transaction of their own. What was refused waits in memory until
 * something else is written, which a poll that is given a task does, and goes
 * with it; a process that is killed loses what waits.
 */
#ifndef WORKNET_LEDGER_REFUSAL_H
#define WORKNET_LEDGER_REFUSAL_H

#include "base/clock.h"
#include "ledger/credit.h"

#define REFUSAL_DAYS	     30 /* they are kept so long, today included */
#define REFUSALS_AT_ONCE     8	/* that a transaction writes for a request */
#define REFUSALS_WAITING_MAX 64 /* what is refused beyond isn't counted */
#define REFUSED_AT_ONCE	     RESULTS_PER_POST_MAX /* the same of slots */
#define REFUSED_WAITING_MAX  1024
#define REFUSED_KEPT_MS	     DAY_MS /* so long slots are kept */

struct refusal {
	struct address worker;
	int64_t day; /* since 1970 */
	enum claim_outcome outcome;
	int64_t results;
};

/* A slot whose holder's answer was refused. */
struct refused_slot {
	int64_t slot;
	int64_t cycle_ms;
	struct address worker;
	enum refused why;
};

/* Those that a transaction takes along. */
struct refusal_list {
	size_t n;
	struct refusal rows[REFUSALS_AT_ONCE];
	size_t slots_n;
	struct refused_slot slots[REFUSED_AT_ONCE];
};

/* Whether a refused claim counts once it is authentic. */
bool refusal_counts(const struct claim *c);

/* Those that wait; any thread. RC_NO_MEMORY. Freed with refusals_free. */
struct refusals;
MUST_CHECK enum rc refusals_new(struct refusals **out, struct err *e);
void refusals_free(struct refusals *r);

/* Counts those of n claims that were refused, are authentic and count. */
void refusals_note(
    struct refusals *r, const struct claim *claims, size_t n, int64_t now_ms);

/* Moves some of them to *out, which isn't to be lost before it is written. */
void refusals_take(struct refusals *r, struct refusal_list *out);

/* They weren't written: they wait again. */
void refusals_give_back(struct refusals *r, struct refusal_list *list);

/*
 * Inside a write transaction, which is of now_ms: writes those whose workers
 * are known, and forgets some that are too old. Errors of db.h.
 */
MUST_CHECK enum rc refusals_write(struct db *db,
    const struct refusal_list *list, int64_t now_ms, struct err *e);

struct refusal_line {
	int64_t day;
	char reason[REASON_MAX + 1];
	int64_t results;
};

/*
 * Reads at most max of a worker's lines, the newest days first, and the sum of
 * all of them. Errors of db.h.
 */
MUST_CHECK enum rc refusals_read(struct db *db, int64_t worker, int64_t now_ms,
    struct refusal_line *out, size_t max, size_t *n, int64_t *sum,
    struct err *e);

#endif
