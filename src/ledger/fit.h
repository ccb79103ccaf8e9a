/*
 * What a result must fit: itself, and the assignment that it is for. One rule,
 * for the coordinator that pays it and for everybody who judges it later; which
 * of it counted when a result was paid is in the terms. Pure functions; any
 * thread.
 *
 * It is made so that no worker loses a result that it really had:
 *  - a check that failed after the status had come has both, a status and an
 *    error, and is no success, whatever the status; an error may be empty, as
 *    JavaScript's of several addresses are;
 *  - a worker that gave up at the task's timeout may learn of it late, and its
 *    clock may be set meanwhile.
 */
#ifndef WORKNET_LEDGER_FIT_H
#define WORKNET_LEDGER_FIT_H

#include "base/task_type.h"
#include "ledger/row.h"

/* What terms say: what of this is asked. */
#define FIT_UNASKED 0 /* nothing: paid before there was such a rule */
#define FIT_NEWEST  1 /* all */

enum fit {
	FIT_RIGHT,
	FIT_NO_OUTCOME,	  /* neither a status nor an error */
	FIT_CONTRADICTS,  /* success isn't what status and error say */
	FIT_BEFORE_GIVEN, /* carried out before it was assigned */
	FIT_OVER_TIMEOUT, /* took longer than its timeout allows */
	FIT_OVER_WAIT,	  /* took longer than assignment to arrival */
	FITS
};

/* What was assigned. */
struct fit_task {
	const struct task_type *type;
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t assigned_ms;
};

bool fit_is_known(int64_t fit);

/* Judges a result that arrived then, by those terms. */
enum fit fit_judge(const struct terms_row *by, const struct fit_task *t,
    const struct result_row *res, int64_t arrived_ms);

#endif
