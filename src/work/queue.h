/*
 * Results that the coordinator hasn't answered for yet, oldest first. They are
 * kept as the very text that is sent, and signed or hashed, so that sending one
 * again can't make a second result of it. One thread at a time.
 */
#ifndef WORKNET_WORK_QUEUE_H
#define WORKNET_WORK_QUEUE_H

#include "base/buf.h"
#include "base/limits.h"
#include "eth/round.h"
#include "eth/sha256.h"

#define QUEUE_MAX 1000 /* results: about 600 kB */

/* Of a result that is signed with a round, what of it is. */
struct queued_round {
	uint8_t ledger_id[LEDGER_ID_LEN];
	uint8_t hash[KECCAK256_LEN];
	/* What its assignment named of the log. */
	int64_t anchor_size;
	uint8_t anchor_root[KECCAK256_LEN];
};

/* Of a result of a private task: how its worker finds it in the log. */
struct queued_seal {
	char label[TASK_ID_MAX + 1]; /* "": the task isn't private */
	uint8_t seal[SHA256_LEN];    /* proof/seal.h */
};

struct queued {
	int64_t timestamp_ms; /* as signed */
	bool in_round;	      /* else its text is signed */
	struct queued_round round;
	struct queued_seal seal;
	char *text; /* owned; the JSON object of len bytes */
	size_t len;
};

struct queue {
	size_t count;
	struct queued *items; /* owned; room for QUEUE_MAX */
};

/* RC_NO_MEMORY. */
MUST_CHECK enum rc queue_init(struct queue *q, struct err *e);
void queue_free(struct queue *q);

/*
 * Appends a copy of text; round is NULL for one that is signed, seal of one
 * that isn't of a private task. A full queue drops its oldest for it.
 * RC_NO_MEMORY: then q is as it was.
 */
MUST_CHECK enum rc queue_add(struct queue *q, struct slice text,
    int64_t timestamp_ms, const struct queued_round *round,
    const struct queued_seal *seal, struct err *e);

/* Drops the oldest n. */
void queue_drop(struct queue *q, size_t n);

/*
 * Drops all that is older than RESULT_WINDOW_MS, or from a time so far ahead
 * that the clock must have been put back; gives their number.
 */
size_t queue_expire(struct queue *q, int64_t now_ms);

/* Moves all of from behind what to has; a full to drops its oldest. */
void queue_move(struct queue *to, struct queue *from);

/*
 * Writes the JSON array of the oldest results, max at most and all signed alike
 * for one ledger, to out; gives their number. Errors show in buf_status(out).
 */
size_t queue_write(struct buf *out, const struct queue *q, size_t max);

#endif
