/*
 * The writer: one thread and one connection through which a process writes.
 * Jobs that wait at the same time share a transaction, and so one sync of
 * the disk (group commit); each caller returns only after that commit.
 */
#ifndef WORKNET_LEDGER_WRITER_H
#define WORKNET_LEDGER_WRITER_H

#include "ledger/db.h"

struct writer;

/*
 * A job runs on the writer's thread inside a write transaction that it must
 * neither end nor begin. It may be run again after a failed group, so it
 * sets its results anew each time. Anything but RC_OK undoes what it wrote,
 * and only that.
 */
typedef enum rc writer_job_fn(struct db *db, void *ctx, struct err *e);

/* Opens the ledger and starts the thread. Errors of db_open, RC_IO. */
MUST_CHECK enum rc writer_start(struct writer **out, const char *path,
    int64_t busy_timeout_ms, struct err *e);

/*
 * Says that the calling thread may soon have a job: the writer waits for it a
 * little, some milliseconds at most, so that it shares the commit of others.
 * Each is followed by one writer_run or one writer_expect_none.
 */
void writer_expect(struct writer *w);
void writer_expect_none(struct writer *w);

/*
 * Runs fn in a transaction and waits for the commit; any thread, after its
 * writer_expect. RC_OK: it
 * is on disk. RC_BUSY: the ledger can't take it now, and nothing was
 * written; or the job's own error.
 */
MUST_CHECK enum rc
writer_run(struct writer *w, writer_job_fn *fn, void *ctx, struct err *e);

struct writer_counts {
	uint64_t jobs; /* committed */
	uint64_t commits;
};
void writer_count(struct writer *w, struct writer_counts *out);

/* Finishes what waits, then ends the thread. Nobody may call writer_run
 * afterwards. NULL is fine. */
void writer_stop(struct writer *w);

#endif
