/*
 * Standing: what a worker has shown so far. It is new until so many results on
 * so many different days (UTC) were credited to it, by the ledger's terms;
 * after a demotion only later days count. Kept in the ledger day by day
 * (record), so that a restart forgets nothing, and the audit can add it up.
 */
#ifndef WORKNET_LEDGER_STANDING_H
#define WORKNET_LEDGER_STANDING_H

#include "ledger/db.h"
#include "ledger/row.h"

/* The day of a time, counted from 1970. */
int64_t standing_day(int64_t now_ms);

/* Whether so many results on so many days are standing, by those terms. */
bool
standing_is_good(const struct terms_row *terms, int64_t results, int64_t days);

/*
 * Whether the worker has standing at that time. A day that lies ahead, by a
 * clock that was wrong, doesn't count. Errors of db.h.
 */
MUST_CHECK enum rc standing_read(struct db *db, const struct terms_row *terms,
    int64_t worker, int64_t now_ms, bool *good, struct err *e);

/* Inside a write transaction: so many results were credited to it. */
MUST_CHECK enum rc standing_credit(struct db *db, int64_t worker,
    int64_t results, int64_t now_ms, struct err *e);

#endif
