/*
 * worknet-worker verify: says of what the worker was credited for what is in
 * the log, what isn't, and what is otherwise there. One thread.
 */
#ifndef WORKNET_WORK_PAID_COMMAND_H
#define WORKNET_WORK_PAID_COMMAND_H

#include <stdbool.h>

#include "base/err.h"

struct paid_command {
	const char *log;    /* a directory, or a URL */
	const char *record; /* the worker's own, a file */
	const char *policy; /* a file; NULL: as the log itself says */
	const char *copy;   /* a directory, for a URL */
};

/*
 * Prints to standard output. *holds: nothing was found. Errors of record_read
 * and of paid_check.
 */
MUST_CHECK enum rc
paid_command(const struct paid_command *c, bool *holds, struct err *e);

#endif
