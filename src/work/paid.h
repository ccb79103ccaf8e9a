/*
 * Whether all that a worker was credited for is in the coordinator's log, as
 * the worker sent it: its own record (record.h) beside the log's files, which
 * nobody is asked about. One thread.
 *
 * What holds when nothing is found: the log, by the key that signed it, has a
 * line for each credited result whose hour is logged, which says what was sent;
 * a line of a round is signed by the worker itself. And the log continues each
 * checkpoint that the worker was told of. Whose credit is younger, or may have
 * been for a drill whose day isn't told yet, waits: for days, not for ever.
 */
#ifndef WORKNET_WORK_PAID_H
#define WORKNET_WORK_PAID_H

#include "tlog/policy.h"
#include "tlog/site.h"
#include "work/record.h"

/* A drill is told, and an hour logged, long before. */
#define PAID_DRILL_MS (2 * DAY_MS)
#define PAID_LATE_MS  DAY_MS /* beyond the hour and two intervals */

/* Called with what isn't as it must be, a sentence. */
typedef void paid_found_fn(void *ctx, const char *text);

struct paid_wanted {
	const char *directory; /* of the log, or of what was copied of it */
	site_fetch_fn *fetch;  /* brings what isn't there; or NULL */
	void *fetch_ctx;
	struct slice policy; /* whom to trust; p NULL: as the log itself says */
	const struct record *record;
	int64_t now_ms;
	paid_found_fn *found;
	paid_found_fn *refused; /* with an answer that the log has as refused */
	void *ctx;
};

struct paid_report {
	char origin[NOTE_NAME_MAX + 1];
	int64_t size;	 /* of the log */
	int64_t anchors; /* checkpoints it was held to */
	int64_t results; /* of the record */
	int64_t there;	 /* in the log, as they were sent */
	int64_t sealed; /* of them, of private tasks: the log has their seals */
	int64_t hidden; /* of tasks that the log may have as private ones */
	int64_t waiting;
	int64_t unclear;   /* neither in the log nor known to be credited */
	int64_t different; /* found: the log says something else */
	int64_t missing;   /* found: not in the log */
	int64_t others;	   /* of the worker, and not in its record */
	int64_t refused;   /* slots of the worker, of the record's tasks */
	int64_t findings;  /* all of them */
};

/*
 * RC_OK when all was looked at, whatever was found; of a log whose checkpoint
 * isn't signed by whom the policy trusts that alone. RC_INVALID: the policy
 * isn't one, or the record is empty; RC_NOT_FOUND, RC_CORRUPT: the log's files
 * aren't all there, or contradict themselves; RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
paid_check(const struct paid_wanted *w, struct paid_report *out, struct err *e);

#endif
