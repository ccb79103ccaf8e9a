/*
 * The tasks that a poll brings (protocol.md). They come from outside: a
 * task that breaks a rule is left out, the others are done. Any thread.
 */
#ifndef WORKNET_WORK_TASK_H
#define WORKNET_WORK_TASK_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/task_type.h"
#include "eth/round.h"
#include "proof/seal.h"

/* What a task says of rounds (doc/protocol), if it is all there. */
struct task_round {
	bool offered;
	uint8_t assignment[KECCAK256_LEN];
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t slot;
	int64_t anchor_size;
	uint8_t anchor_root[KECCAK256_LEN];
	char region[REGION_MAX + 1];
};

/* What a private task says of what the log will show of its result. */
struct task_private {
	char label[TASK_ID_MAX + 1]; /* "": the task isn't private */
	uint8_t key[PRIVATE_KEY_LEN];
};

struct task {
	const struct task_type *type;
	char id[TASK_ID_MAX + 1];
	char url[URL_MAX + 1];	 /* UTF-8; not looked into */
	int64_t expected_status; /* 100 to STATUS_MAX */
	int64_t timeout_ms;	 /* TIMEOUT_MIN_MS to TIMEOUT_MAX_MS */
	int64_t reward_micros;	 /* 0 to REWARD_MAX_MICROS */
	struct task_round round;
	struct task_private hidden;
};

struct task_list {
	size_t count;
	struct task tasks[TASKS_PER_POLL_MAX];
	size_t skipped; /* elements that are no such task */
	size_t surplus; /* good ones, but over the limit */
};

/*
 * Reads an answer to a poll. Elements which are no valid task of a type that
 * there is (base/task_type.h), or whose id came before, are skipped, the first
 * few of them with a log line; unknown members are ignored, and so is an offer
 * of rounds that isn't whole: its result is signed alone. RC_INVALID when the
 * whole isn't a JSON array, RC_NO_MEMORY; the list is then empty.
 */
MUST_CHECK enum rc
tasks_parse(struct task_list *out, struct slice body, struct err *e);

#endif
