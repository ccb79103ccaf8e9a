/*
 * Forfeit: credit that isn't paid yet and goes back to the rewards, by a
 * transfer like any other, and a row that says why. What was paid stays paid.
 */
#ifndef WORKNET_LEDGER_FORFEIT_H
#define WORKNET_LEDGER_FORFEIT_H

#include "ledger/db.h"

#define FORFEIT_WHY_MAX 500 /* bytes of UTF-8 */

struct forfeit {
	int64_t worker;
	int64_t since_ms; /* credit from then on */
	const char *by;	  /* "operator", or "record": its drills */
	const char *why;
};

/*
 * One step: forfeits what was credited to the worker since then, as far as it
 * is in its balance and wasn't forfeited before; *micros is how much. Of none
 * it writes nothing. RC_INVALID of what can't be a reason, errors of db.h.
 */
MUST_CHECK enum rc forfeit_credit(struct db *db, const struct forfeit *f,
    int64_t now_ms, int64_t *micros, struct err *e);

#endif
