/*
 * The log beside the ledger that it was made of, for the audit: what was paid
 * and is old enough is in the log as the ledger has it, and the log has nothing
 * else. Only reads. One thread.
 *
 * Compared are: each result with its line; answers to drills, of days whose key
 * is shown; final payouts and forfeits with their leaves; files with the hashes
 * of their leaves; and entries and tiles with the checkpoint that is signed.
 * Of slots without a result it is whether an answer was refused, as long as
 * the ledger keeps that. What it forgets isn't: who was given them, and the
 * networks. Memory holds what is paid in the longest interval of a task,
 * and 24 bytes for each leaf of a payout or forfeit.
 */
#ifndef WORKNET_PUBLISH_COMPARE_H
#define WORKNET_PUBLISH_COMPARE_H

#include "ledger/db.h"
#include "tlog/checkpoint.h"

/* Called with what differs, a sentence. */
typedef void compare_found_fn(void *ctx, const char *text);

struct compare_wanted {
	const char *directory;	     /* of the log, as it is served */
	const char *state_directory; /* files of private tasks are below it */
	const char *ledger_path;
	int64_t busy_timeout_ms;
	compare_found_fn *found;
	void *ctx;
};

struct compare_report {
	int64_t size;	  /* leaves of the log */
	int64_t to;	  /* the newest hour of it ends then; 0: none */
	int64_t segments; /* compared */
	int64_t results;  /* among their lines, as the ledger has them */
	int64_t drills;
	int64_t payouts; /* and forfeits */
	int64_t later;	 /* results that needn't be logged yet */
	int64_t findings;
};

/*
 * RC_OK when all was compared, whatever differs. RC_INVALID: the checkpoint
 * isn't signed by a key of the directory's policy; RC_NOT_FOUND, RC_CORRUPT:
 * the log can't be read; errors of db.h.
 */
MUST_CHECK enum rc compare_log(
    const struct compare_wanted *w, struct compare_report *out, struct err *e);

#endif
