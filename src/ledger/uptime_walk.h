/*
 * A task's cycles, one after the other, with the results that were paid for
 * them: what src/uptime counts, hour by hour. Reads only.
 *
 * A cycle is over when its last assignment can't be paid any more; nothing is
 * counted before. Results of drills are no votes.
 */
#ifndef WORKNET_LEDGER_UPTIME_WALK_H
#define WORKNET_LEDGER_UPTIME_WALK_H

#include "base/clock.h"
#include "ledger/db.h"
#include "uptime/account.h"
#include "uptime/response.h"

/* A definition, in force until the next one is. */
struct uptime_version {
	int64_t id;
	int64_t from_ms;
	int64_t interval_ms;
	int64_t copies;
	int64_t region;
};

/* What of a task its uptime depends on, besides results. */
struct uptime_task {
	int64_t id;
	int64_t created_ms;
	struct uptime_version *versions; /* owned, at least one */
	size_t versions_n;
	struct uptime_span *paused; /* owned */
	size_t paused_n;
	struct uptime_span *maintenance; /* owned: what counts of it */
	size_t maintenance_n;
};

/* Errors of db.h, RC_NO_MEMORY; free it, whatever came of it. */
MUST_CHECK enum rc uptime_task_read(
    struct uptime_task *t, struct db *db, int64_t task, struct err *e);
void uptime_task_free(struct uptime_task *t);

/* The end of the last cycle that was over at now_ms; 0: none was. */
int64_t uptime_task_over(
    const struct uptime_task *t, int64_t window_ms, int64_t now_ms);
/* Whether each cycle that begins before then was. */
bool uptime_task_is_over(const struct uptime_task *t, int64_t window_ms,
    int64_t before_ms, int64_t now_ms);
/* The end of the first slice that begins at from_ms or after it. */
int64_t uptime_task_slice_end(const struct uptime_task *t, int64_t from_ms);
/* The longest interval that the task had. */
int64_t uptime_task_longest_ms(const struct uptime_task *t);

/* ---- Results ---- */

/* Those of one task, or of all, in their order. */
struct uptime_votes {
	struct query *q; /* NULL: there are none */
	bool row;	 /* there is a present one */
};

/*
 * Of cycles that begin from from_ms to before to_ms, of a task whose interval
 * is at most interval_ms, or of all of these (0). With everything it looks at
 * all results, whatever their time. End it with uptime_votes_end.
 */
struct uptime_votes_of {
	int64_t task;
	int64_t from_ms;
	int64_t to_ms;
	int64_t interval_ms;
	int64_t window_ms;
	bool everything;
};

/* On one connection one task's results can be read beside those of all. */
MUST_CHECK enum rc uptime_votes_begin(struct uptime_votes *v, struct db *db,
    const struct uptime_votes_of *of, struct err *e);
void uptime_votes_end(struct uptime_votes *v);

/* ---- Hours ---- */

/* Somebody whom the others contradicted in an hour. */
struct uptime_dissent {
	int64_t worker;
	int64_t network;
	int64_t votes;
};

/* What its answers took in an hour, of the definitions that asked for a region.
 */
struct uptime_response {
	int64_t region;
	struct response_times times;
};

/* An hour of a task, and what the next one begins with. */
struct uptime_hour {
	int64_t hour_ms;
	int64_t to_ms; /* its end, or as far as cycles are over */
	struct uptime_time time;
	struct uptime_time hidden; /* what maintenance hides */
	int64_t copies;
	int64_t votes;
	int64_t drills;
	int64_t in_rounds;		 /* of the votes */
	struct uptime_dissent *dissents; /* owned by the walk */
	size_t dissents_n, dissents_cap;
	struct uptime_response *responses; /* owned by the walk; by region */
	size_t responses_n;
	struct uptime_state state;
	struct uptime_slice last; /* only its end and what it was */
};

/* Takes an hour that can't change any more, in order. */
typedef enum rc
uptime_hour_fn(void *ctx, const struct uptime_hour *h, struct err *e);

struct uptime_walk {
	const struct uptime_task *task;
	struct uptime_account account;
	struct uptime_hour *hours; /* owned: those that may change */
	size_t hours_n, hours_cap;
	struct response *responses; /* owned: those of the present hour */
	size_t responses_n, responses_cap;
};

/*
 * Begins after that hour, or with NULL at the task's beginning. Free it with
 * uptime_walk_end. RC_NO_MEMORY.
 */
MUST_CHECK enum rc
uptime_walk_begin(struct uptime_walk *w, const struct uptime_task *t,
    const struct uptime_hour *before, struct err *e);

/*
 * Takes the task's cycles of an hour, up to to_ms, which is its end or that of
 * a cycle, with its results, which come next in *v.
 */
MUST_CHECK enum rc uptime_walk_hour(struct uptime_walk *w, int64_t hour_ms,
    int64_t to_ms, struct uptime_votes *v, struct err *e);

/* Gives what can't change any more, or with all what there is, to fn. */
MUST_CHECK enum rc uptime_walk_give(struct uptime_walk *w, bool all,
    uptime_hour_fn *fn, void *ctx, struct err *e);

void uptime_walk_end(struct uptime_walk *w);

/* ---- As soon as possible ---- */

/*
 * Takes the slices that begin from *at_ms to before to_ms, which moves on, into
 * the account: those that are over at over_ms and, behind these, those that
 * have ended at now_ms and whose copies are all paid: nothing can come after
 * that.
 */
MUST_CHECK enum rc
uptime_walk_on(struct uptime_walk *w, int64_t *at_ms, int64_t to_ms,
    int64_t over_ms, int64_t now_ms, struct uptime_votes *v, struct err *e);

/* The hour of whole hours that ms is in. */
static inline int64_t
hour_of(int64_t ms)
{
	return ms - ms % HOUR_MS;
}

#endif
