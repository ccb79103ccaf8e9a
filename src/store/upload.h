/*
 * The log's segments in an object store, each compressed with zstd, and beside
 * it the file that proves it:
 *
 *	worker-results/YYYY-MM-DD/HH/TASK.ndjson.zst
 *	worker-results/YYYY-MM-DD/HH/TASK.ndjson.tlog-proof
 *
 * by the hour (UTC) that it is of, the oldest first. What is uploaded has the
 * hash that its leaf says. What is there already must have that, too, whatever
 * packed it: else it is a finding, which stays one until somebody has looked,
 * and keeps nothing else from being uploaded. It reads nothing but the log's
 * directory, as anybody could. One thread.
 */
#ifndef WORKNET_STORE_UPLOAD_H
#define WORKNET_STORE_UPLOAD_H

#include "base/clock.h"
#include "base/conf.h"

struct upload_result {
	int64_t made;	   /* objects */
	int64_t there;	   /* were there, and the same */
	int64_t findings;  /* segments; each was logged */
	int64_t behind;	   /* leaves of the log that are still to be done */
	int64_t oldest_ms; /* the end of the oldest hour not there; 0: none */
};

/*
 * With all, nothing counts as known: the store is asked about each object.
 * RC_CONFLICT: another one is at work; RC_BUSY: the store can't be reached, and
 * what *out says is behind is for the next run; RC_INVALID as of store.h;
 * RC_CORRUPT: the log is an older copy; RC_NOT_FOUND: there is no log; RC_IO,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc upload_run(
    const struct conf *c, bool all, struct upload_result *out, struct err *e);

/* Whether the configuration, the key file and the directories will do. */
MUST_CHECK enum rc upload_test(const struct conf *c, struct err *e);

/*
 * The end of the oldest hour that isn't known to be in the store, Unix ms; 0:
 * there is none. Without a request. RC_INVALID, RC_NOT_FOUND, RC_CORRUPT,
 * RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
upload_oldest(int64_t *end_ms, const struct conf *c, struct err *e);

#endif
