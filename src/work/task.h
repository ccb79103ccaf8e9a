/*
 * The tasks that a poll brings (protocol.md). They come from outside: a
 * task that breaks a rule is left out, the others are done. Any thread.
 */
#ifndef WORKNET_WORK_TASK_H
#define WORKNET_WORK_TASK_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/task_type.h"

struct task {
	const struct task_type *type;
	char id[TASK_ID_MAX + 1];
	char url[URL_MAX + 1];	 /* UTF-8; not looked into */
	int64_t expected_status; /* 100 to STATUS_MAX */
	int64_t timeout_ms;	 /* TIMEOUT_MIN_MS to TIMEOUT_MAX_MS */
	int64_t reward_micros;	 /* 0 to REWARD_MAX_MICROS */
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
 * few of them with a log line; unknown members are ignored. RC_INVALID when the
 * whole isn't a JSON array, RC_NO_MEMORY; the list is then empty.
 */
MUST_CHECK enum rc
tasks_parse(struct task_list *out, struct slice body, struct err *e);

#endif
