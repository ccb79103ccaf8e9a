/*
 * Checkpoints beside the writer: commits are appended to the ledger's log, and
 * what is in the log moves into the ledger's file from time to time, which
 * takes tens of milliseconds that no commit should wait for. A thread with a
 * connection of its own copies and syncs nearly all of it while the writer
 * goes on; the few pages that were committed meanwhile the writer adds between
 * two transactions, so that the log ends and begins anew, however busy it is.
 */
#ifndef WORKNET_LEDGER_CHECKPOINT_H
#define WORKNET_LEDGER_CHECKPOINT_H

#include "ledger/db.h"

struct checkpoint;

/*
 * Pages (of 4 KiB) that are committed before they are moved. Fewer would sync
 * the file more often and copy what changes often more often; more would make
 * the log, and so the reading of it after a crash, longer.
 */
#define CHECKPOINT_PAGES 1000
/*
 * What may be committed while they are moved, before commits wait for that.
 * So the log has at most as many pages as both together and two transactions;
 * unless somebody reads in one transaction for long, or the disk fails.
 */
#define CHECKPOINT_AHEAD_PAGES 4000

/*
 * Opens the ledger and starts the thread; checkpoints of writer, which stays
 * the caller's, are by hand from here on. Errors of db_open, RC_IO.
 */
MUST_CHECK enum rc checkpoint_start(struct checkpoint **out, struct db *writer,
    const char *path, int64_t busy_timeout_ms, struct err *e);

/*
 * Call it on the writer's thread after its commits, outside of a transaction,
 * when nobody waits for an answer to what was committed. It wakes the thread
 * when there is enough to move, or ends the log when the thread has moved it.
 * What fails is tried again after CHECKPOINT_PAGES more; log.h's log says when
 * that begins, and when it is over.
 */
void checkpoint_after_commit(struct checkpoint *c);

/* Ends the thread, which finishes what it is at. NULL is fine. */
void checkpoint_stop(struct checkpoint *c);

#endif
