/*
 * The writer: one thread and one connection through which a process writes.
 * Jobs that wait at the same time share a transaction, and so one sync of the
 * disk (group commit); each is a savepoint in it, and fails alone. A job holds
 * no thread meanwhile: it goes in by writer_submit and comes out, after that
 * commit, by writer_finished.
 */
#ifndef WORKNET_LEDGER_WRITER_H
#define WORKNET_LEDGER_WRITER_H

#include <sys/queue.h>

#include "ledger/db.h"

struct writer;

/*
 * A job runs on the writer's thread inside a write transaction that it must
 * neither end nor begin. Anything but RC_OK undoes what it wrote, and only
 * that. Where an error of the disk has ended the whole transaction, the other
 * jobs in it are run again in a new one: so a job sets its results anew each
 * time it runs.
 */
typedef enum rc writer_job_fn(struct db *db, void *ctx, struct err *e);

/* Opens the ledger and starts the thread. Errors of db_open, RC_IO. */
MUST_CHECK enum rc writer_start(struct writer **out, const char *path,
    int64_t busy_timeout_ms, struct err *e);

/* The caller's, who sets fn and ctx; the writer's from submit to finished. */
struct writer_job {
	writer_job_fn *fn;
	void *ctx;
	/*
	 * Once finished. RC_OK: it is on disk. RC_BUSY: the ledger can't take
	 * it now, and nothing was written; or the job's own error.
	 */
	enum rc rc;
	struct err err; /* unless RC_OK: why */
	bool expected;	/* the writer's */
	STAILQ_ENTRY(writer_job) next;
};

/*
 * Says that job may be submitted in a moment: once there is another job the
 * writer waits for this one, some milliseconds at most, so that both share a
 * commit. It is followed by writer_submit or by writer_expect_none.
 */
void writer_expect(struct writer *w, struct writer_job *job);
void writer_expect_none(struct writer *w, struct writer_job *job);

/* Has job run in a transaction; any thread. */
void writer_submit(struct writer *w, struct writer_job *job);

/* A job that is finished, whose ever; NULL: none waits. Any thread. */
struct writer_job *writer_finished(struct writer *w);

/* A descriptor, for poll(2) alone: readable while a finished job waits. */
int writer_finished_fd(const struct writer *w);

/* Commits took at most WRITER_COMMIT_LEAST_US, or twice that, and so on. */
#define WRITER_COMMIT_LEAST_US 500
#define WRITER_BUCKETS	       15

struct writer_counts {
	uint64_t jobs; /* committed */
	uint64_t commits;
	uint64_t commit_us;		  /* all of them together */
	uint64_t buckets[WRITER_BUCKETS]; /* none: longer than the last */
};
void writer_count(struct writer *w, struct writer_counts *out);

/* Ends the thread, once every job is finished and taken. NULL is fine. */
void writer_stop(struct writer *w);

#endif
