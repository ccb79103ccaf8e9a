/*
 * The files that the log has the hashes of: segments, and days of drills; how
 * they are called in the log's directory, and in the object store:
 *
 *	worker-results/YYYY-MM-DD/HH/TASK.ndjson	a segment
 *	drills/YYYY-MM-DD/TASK.ndjson			a day's drills
 *
 * with .zst, and with .tlog-proof for the file that proves it. Pure functions;
 * any thread.
 */
#ifndef WORKNET_STORE_LOGGED_H
#define WORKNET_STORE_LOGGED_H

#include "proof/leaf.h"
#include "store/store.h"

struct logged_file {
	int64_t leaf; /* its index */
	char task[TASK_ID_MAX + 1];
	bool is_drills;
	int64_t from; /* Unix ms: slots that count in [from, to) */
	int64_t to;
	int64_t bytes;
	char sha256[2 * SHA256_LEN + 1];
	char name[SEGMENT_NAME_MAX + 1];
	char object[STORE_NAME_MAX + 1]; /* without .zst */
};

/* What entry i says, if it is of a file: *is_one. RC_INVALID of one that isn't
 * what it says. */
MUST_CHECK enum rc logged_file_of(struct logged_file *f, bool *is_one,
    int64_t i, struct slice entry, struct err *e);

/* Whether bytes are the file's. */
bool logged_file_is(const struct logged_file *f, struct slice bytes);

#endif
