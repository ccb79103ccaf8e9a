/*
 * Entries of the log: what each leaf says, as JSON, and the part of the
 * schedule that follows from a task's leaves. Pure functions; any thread.
 */
#ifndef WORKNET_PROOF_LEAF_H
#define WORKNET_PROOF_LEAF_H

#include "base/limits.h"
#include "eth/sha256.h"
#include "tlog/checkpoint.h"
#include "json/json.h"

#define LEAF_TASK    "worknet/task/v1"
#define LEAF_SEGMENT "worknet/segment/v1"
#define LEAF_PAYOUT  "worknet/payout/v1"
#define LEAF_FORFEIT "worknet/forfeit/v1"
#define LEAF_CANARY  "worknet/canary/v1"

#define LEAF_NONE (-1) /* there is none before it: null */

#define SEGMENT_NAME_MAX 128 /* of a segment's file, below the site */

/* A definition of a task, or another state of it, from a time on. */
struct task_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t version;
	char state[16];
	int64_t from; /* Unix ms, as all times here */
	char url[URL_MAX + 1];
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	char region[REGION_MAX + 1];
	int64_t prev; /* index of the task's leaf before it */
};

/* A task's lines of [from, to), which ends with an hour. */
struct segment_leaf {
	char task[TASK_ID_MAX + 1];
	int64_t from;
	int64_t to;
	int64_t lines;
	int64_t bytes;
	char sha256[2 * SHA256_LEN + 1]; /* of the file */
	int64_t results;
	int64_t missed;
	int64_t unassigned;
	int64_t prev; /* index of the task's segment before it */
};

/* Each appends an entry. RC_NO_MEMORY. */
MUST_CHECK enum rc
leaf_task_write(struct buf *out, const struct task_leaf *t, struct err *e);
MUST_CHECK enum rc leaf_segment_write(
    struct buf *out, const struct segment_leaf *s, struct err *e);

/* Each reads an entry of its type; RC_INVALID of one that it wouldn't write. */
MUST_CHECK enum rc
leaf_task_parse(struct task_leaf *out, struct slice entry, struct err *e);
MUST_CHECK enum rc
leaf_segment_parse(struct segment_leaf *out, struct slice entry, struct err *e);

/* The type of an entry, "" for none that it says. */
void leaf_type(char out[static 32], struct slice entry);

/* Lower-case digits of SHA-256, without 0x. */
void leaf_sha256(char out[static 2 * SHA256_LEN + 1], struct slice bytes);

/* "segment/YYYY/MM/DD/HH/TASK.ndjson", by the hour that it ends with. */
void segment_name(
    char out[static SEGMENT_NAME_MAX + 1], const struct segment_leaf *s);

/*
 * The cycles of a task: those that begin, nominally, while a definition is in
 * force and the task active, at multiples of its interval. Each has slots of
 * its copies.
 */
struct span {
	int64_t from;
	bool active;
	int64_t version;
	int64_t interval_ms;
	int64_t copies;
};

/* The first cycle at or after *cycle, with its span; false: none before to. */
bool span_cycle_next(const struct span *spans, size_t n, int64_t to,
    int64_t *cycle, const struct span **span);

/* Whether the task is active at that time. */
bool span_is_active(const struct span *spans, size_t n, int64_t at);

/* Whether the slot of that copy is one of the task's schedule. */
bool
span_expects(const struct span *spans, size_t n, int64_t cycle, int64_t copy);

#endif
