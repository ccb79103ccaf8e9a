/*
 * Exports: what a stranger needs to verify a task's hours without asking
 * anybody, as files of one directory:
 *
 *	checkpoint		the newest one, as it is served
 *	policy			the keys that the log itself names
 *	leaf/INDEX.tlog-proof	each definition of the task, its segments, all
 *				its maintenance, the method, and of the days
 *				drills and their keys
 *	segment/..., drills/...	the files of segments, and of drills
 *	anchor/SIZE		each checkpoint that their lines name, and one
 *				that somebody asks for, and that the newest one
 *				continues it: anchor_proof.h
 *	since/INDEX.tlog-proof	of each of them the newest hour that the log had
 *				then, of any task: hours.h
 *	key/INDEX.tlog-proof	each key that came after the log's first one
 *	opening			of a private task: what its definitions are
 *
 * Made of the files of the log alone, but for the opening. One thread.
 */
#ifndef WORKNET_PROOF_EXPORT_H
#define WORKNET_PROOF_EXPORT_H

#include <stdint.h>

#include "base/buf.h"
#include "proof/leaf.h"

struct export_wanted {
	const char *site; /* the log's directory */
	const char *out;  /* is made */
	const char *task; /* what the log calls it */
	const char
	    *hidden; /* where files of a private task are; NULL: public */
	/*
	 * Of a private task: fills in what its leaf of that version commits
	 * to, but for what the leaf says itself. NULL: there is no opening.
	 */
	enum rc (*open)(void *ctx, struct task_leaf *leaf, struct err *e);
	void *open_ctx;
	const uint8_t *salt; /* TASK_SALT_LEN bytes, with open */
	int64_t from;	     /* Unix ms: segments with any part of [from, to) */
	int64_t to;
	int64_t anchor; /* also this one, of so many leaves; 0: none */
};

struct export_result {
	int64_t definitions;
	int64_t segments;
	int64_t from, to; /* of them all; 0 and 0: none */
};

/*
 * RC_NOT_FOUND: the log has no such task; RC_CONFLICT: out exists already;
 * RC_CORRUPT, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc export_make(
    const struct export_wanted *w, struct export_result *out, struct err *e);

#endif
