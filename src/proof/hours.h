/*
 * Hours that a log had when it was of so many leaves: how old what a worker was
 * told of the log is at most. The file "since/INDEX.tlog-proof" of an export
 * has the leaf of a segment, of any task. One thread.
 */
#ifndef WORKNET_PROOF_HOURS_H
#define WORKNET_PROOF_HOURS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HOURS_DIRECTORY "since"

struct hours {
	struct hour_leaf {
		int64_t index;
		int64_t to;
	} * all; /* owned: hours_free */
	size_t n, room;
};

/* RC_NO_MEMORY. */
MUST_CHECK enum rc
hours_add(struct hours *h, int64_t index, int64_t to, struct err *e);

/* By their indices; what ended before another one that came before is dropped,
 * as slow tasks' hours do. */
void hours_order(struct hours *h);
void hours_free(struct hours *h);

/*
 * When they are ordered: the one that ended last of those that the log of so
 * many leaves had; NULL: it had none.
 */
const struct hour_leaf *hours_of(const struct hours *h, int64_t size);

#endif
