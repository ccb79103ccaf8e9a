/*
 * The worker's own record of what it was credited for: a file that each answer
 * to a POST appends lines to, so that the worker can see later whether all of
 * it is in the coordinator's log (paid.h). Nobody but the worker writes it. It
 * may be moved away at any time; the next answer begins another one.
 *
 * A line is JSON: "worker"; "said", that it was "credited", or "unclear" where
 * the answer doesn't tell which of two results of a task it refuses; of a
 * result in a round "ledger", and "anchor" and "root", the checkpoint that its
 * assignment named; of a private task's "label" and "seal", by which it is
 * found in the log; and "result", as it was sent. One thread.
 */
#ifndef WORKNET_WORK_RECORD_H
#define WORKNET_WORK_RECORD_H

#include "eth/address.h"
#include "eth/hex.h"
#include "eth/sign.h"
#include "work/queue.h"

#define RECORD_BYTES (1024LL * 1024 * 1024)
#define RECORD_NONE  (-1) /* there is no such number */

/*
 * Appends what the answer, of status 200, says of the first n of the queue: a
 * line for each that it doesn't refuse. worker is the address as it was sent.
 * RC_IO, RC_NO_MEMORY; RC_INVALID of an answer that says something else.
 */
MUST_CHECK enum rc record_add(const char *path, const char *worker,
    const struct queue *q, size_t n, struct slice answer, struct err *e);

struct record_result {
	char task[TASK_ID_MAX + 1];
	struct address worker;
	bool is_credited; /* else it isn't clear */
	int64_t timestamp_ms;
	bool success;
	int64_t status; /* or RECORD_NONE */
	int64_t response_ms;
	char *error; /* owned; "" */
	/* Of a private task, else "": what the log calls it, and has of this. */
	char label[TASK_ID_MAX + 1];
	uint8_t seal[SHA256_LEN];
	/* Signed alone; "": in a round, and then: */
	char signature[HEX_SIZE(SIGNATURE_LEN)];
	int64_t slot; /* else RECORD_NONE */
	int64_t anchor_size;
	uint8_t anchor_root[KECCAK256_LEN];
};

struct record {
	struct record_result *all; /* owned */
	size_t n, room;
	int64_t unreadable; /* lines, such as one that a full disk cut */
};

/* Reads the file; freed with record_free. RC_NOT_FOUND, RC_IO, RC_NO_MEMORY. */
MUST_CHECK enum rc
record_read(struct record *out, const char *path, struct err *e);
void record_free(struct record *r);

#endif
