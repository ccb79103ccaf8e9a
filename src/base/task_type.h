/*
 * The types of tasks: what each must say, and when a check of it is a success.
 * A type is a row here; its name is in the protocol and in the ledger. Pure
 * functions; any thread.
 */
#ifndef WORKNET_BASE_TASK_TYPE_H
#define WORKNET_BASE_TASK_TYPE_H

#include "base/buf.h"
#include "base/limits.h"

struct task_type {
	const char *name;
	/* Whether that can be checked; RC_INVALID says what is wrong. */
	enum rc (*check_url)(const char *url, struct err *e);
	/* What the check gave, and what is expected of it. */
	bool (*is_success)(int64_t status, int64_t expected);
};

/* All types, the last one's name is NULL; the first one is the default. */
extern const struct task_type task_types[];

/* NULL when there is none of that name. */
const struct task_type *task_type_find(struct slice name);

/*
 * A URL may have a place for a token, which is another one in each assignment:
 * ledger/canary.h. With a token there it is as it is requested; false when that
 * is too long.
 */
#define TASK_TOKEN_MARK "{token}"
#define TASK_TOKEN_LEN	48
MUST_CHECK bool
task_url_fill(char out[static URL_MAX + 1], const char *url, const char *token);
/* As long as any. */
extern const char task_token_sample[TASK_TOKEN_LEN + 1];

/* Every name, with commas, for messages. */
#define TASK_TYPE_NAMES_MAX 100
void task_type_names(char out[static TASK_TYPE_NAMES_MAX]);

#endif
