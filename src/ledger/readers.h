/*
 * A few connections that read the ledger, shared by all threads: as many as
 * can compute at once. A connection that is used often keeps the pages that
 * it has read, where one for each thread would read them again after every
 * commit.
 */
#ifndef WORKNET_LEDGER_READERS_H
#define WORKNET_LEDGER_READERS_H

#include "ledger/db.h"

struct readers;

/* Opens n connections. Errors of db_open. Freed with readers_close. */
MUST_CHECK enum rc readers_open(struct readers **out, const char *path,
    size_t n, int64_t busy_timeout_ms, struct err *e);
/* Nobody may hold a connection. NULL is fine. */
void readers_close(struct readers *r);

/*
 * Lends a connection to the calling thread, which waits while all are lent;
 * any thread; who came first is served first. It goes back with
 * readers_return, without a transaction.
 */
struct db *readers_borrow(struct readers *r);
void readers_return(struct readers *r, struct db *db);

#endif
