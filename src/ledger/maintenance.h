/*
 * Maintenance: outages that the operator announced. One counts if it was noted
 * before it began, and is then left out of the uptime; so nobody can explain an
 * outage away afterwards.
 */
#ifndef WORKNET_LEDGER_MAINTENANCE_H
#define WORKNET_LEDGER_MAINTENANCE_H

#include "ledger/db.h"

struct maintenance {
	const char *task; /* its name */
	int64_t from_ms;
	int64_t to_ms;
	const char *why;
};

/*
 * Inside a write transaction. The moment of noting is now, or that of the
 * newest transfer if that is later: a clock that was set back doesn't make it
 * earlier. *counts is false when it comes too late. RC_NOT_FOUND without the
 * task, RC_INVALID.
 */
MUST_CHECK enum rc maintenance_add(struct db *db, const struct maintenance *m,
    int64_t now_ms, int64_t *id, bool *counts, struct err *e);

/*
 * Inside a write transaction: it ends now, or never begins. RC_NOT_FOUND;
 * RC_CONFLICT when it is over.
 */
MUST_CHECK enum rc
maintenance_end(struct db *db, int64_t id, int64_t now_ms, struct err *e);

#endif
