/* What the files that verify an export share. Only they use it. */
#ifndef WORKNET_PROOF_VERIFY_ROOM_H
#define WORKNET_PROOF_VERIFY_ROOM_H

#include "ledger/private_task.h"
#include "proof/hours.h"
#include "proof/verify_lines.h"

/* A leaf of an export. */
struct leaf {
	int64_t index;
	enum leaf_kind kind;
	union {
		struct task_leaf task;
		struct segment_leaf segment;
		struct maintenance_leaf maintenance;
		struct method_leaf method;
		struct canary_leaf canary;
		struct drills_leaf drills;
	} of;
};

#define KEYS_MAX 64 /* that came one after the other */

struct verification {
	const struct verify_wanted *w;
	struct verify_report *out;
	struct policy policy;
	struct policy_word word; /* of the checkpoint */
	struct buf note;	 /* owned: the checkpoint, signed */
	struct leaf *leaf;	 /* owned, in order */
	size_t n;
	struct task_leaf *task; /* owned: the definitions */
	struct span *span;
	size_t tasks;
	bool is_sealed;		     /* a private task without its opening */
	uint8_t salt[TASK_SALT_LEN]; /* which the opening has */
	struct told_list told;
	struct ballots ballots;
	struct anchor_list anchors;
	struct hours hours;
};

/*
 * Opens the leaves of a private task with the opening, if it is there; else
 * what they commit to stays unknown. RC_INVALID says what isn't so.
 */
MUST_CHECK enum rc verify_opening(
    struct verification *v, bool is_there, struct slice text, struct err *e);

/*
 * Whether the workers of an opened task are shown seals of these very lines:
 * the leaf has the hash. RC_INVALID, RC_NO_MEMORY.
 */
MUST_CHECK enum rc verify_seals(const struct verification *v,
    const char *sha256, struct slice file, struct err *e);

/*
 * Takes the definitions of the leaves, of which none is left out, and none came
 * after the hours that it would change. RC_INVALID says what isn't so.
 */
MUST_CHECK enum rc verify_tasks(struct verification *v, struct err *e);

/* What was checked in the hours that are verified, as far as it is told. */
void verify_targets(struct verification *v);

/*
 * Whether nothing of the method, of maintenance, of definitions is left out,
 * backdated or changed. RC_INVALID says what isn't as it must be.
 */
MUST_CHECK enum rc verify_facts(struct verification *v, struct err *e);

/*
 * The key of that day's drills, as it was committed to. RC_INVALID when the
 * export doesn't have both, or they differ.
 */
MUST_CHECK enum rc verify_drills_key(const struct verification *v,
    const struct drills_leaf *d, struct drills_key *out, struct err *e);

/*
 * The file of that name in the directory, of b->max bytes at most. RC_NOT_FOUND
 * where there is nothing; RC_INVALID for what is no file, or is too long: a
 * pipe, say, of whose end nobody knows.
 */
MUST_CHECK enum rc verify_file_find(
    const char *directory, const char *name, struct buf *b, struct err *e);

typedef enum rc name_take_fn(void *ctx, const char *name, struct err *e);

/*
 * The name of each file in a folder of the directory. RC_NOT_FOUND: there is no
 * such folder; RC_INVALID: it is none; what take returned.
 */
MUST_CHECK enum rc verify_names(const char *directory, const char *folder,
    name_take_fn *take, void *ctx, struct err *e);

/*
 * Has the policy trust the keys that came after its own, as the files in
 * PATH/key prove. One that nobody who is trusted says changes nothing: the
 * checkpoint shows whether it was needed. RC_INVALID, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
verify_successors(struct policy *policy, const char *path, struct err *e);

/*
 * Whether the other checkpoint, if one is wanted, is of the same log.
 * RC_INVALID when that isn't shown; RC_CONFLICT when the log is forked, with
 * both files in the report. The policy asks for no witnesses afterwards.
 */
MUST_CHECK enum rc verify_same(struct verification *v, struct err *e);

/* Counts what the lines say into the report. RC_NO_MEMORY. */
MUST_CHECK enum rc verify_uptime(struct verification *v, struct err *e);

#endif
