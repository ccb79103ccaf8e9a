/*
 * Archives credits (ledger/archived.h), and brings them back. Dropped is only
 * what is read back from the object store first: each file whose hash the
 * signed log has, its lines made into results again, and these of the digest
 * that the credit's transfer covers. It goes in small transactions, with as
 * long a rest after each as it took, so that the coordinator goes on; a kill
 * leaves whole ones, and the next run goes on from there. One thread.
 */
#ifndef WORKNET_PUBLISH_ARCHIVE_H
#define WORKNET_PUBLISH_ARCHIVE_H

#include "base/conf.h"
#include "ledger/db.h"

typedef void archive_found_fn(void *ctx, const char *text);
typedef void archive_progress_fn(void *ctx, int64_t results);

struct archive_wanted {
	const struct conf *conf;
	/* A copy of the log whose files are read; NULL: the log's own
	 * directory, and of files the object store. */
	const char *directory;
	int64_t now_ms;
	archive_found_fn *found;
	archive_progress_fn *progress;
	void *ctx;
};

struct archive_report {
	int64_t credits; /* archived, or brought back */
	int64_t results;
	int64_t files;	  /* that were read */
	int64_t left;	  /* credits that are due, and not all in the log */
	int64_t findings; /* each was told */
};

/*
 * Drops what is older than [archive] after_days; with 0, nothing. db is of
 * DB_WRITE, and in no transaction. RC_INVALID: the configuration, or the log
 * isn't signed by its policy; RC_NOT_FOUND without a log; RC_BUSY: the store
 * can't be reached now; RC_CORRUPT, RC_IO, RC_NO_MEMORY, errors of db.h. What
 * was done until then stays.
 */
MUST_CHECK enum rc archive_run(struct db *db, const struct archive_wanted *w,
    struct archive_report *out, struct err *e);

/* Puts all that was dropped back into the ledger. Errors as above. */
MUST_CHECK enum rc archive_bring_back(struct db *db,
    const struct archive_wanted *w, struct archive_report *out, struct err *e);

#endif
