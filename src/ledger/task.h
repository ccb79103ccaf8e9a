/* Tasks as the operator manages them. */
#ifndef WORKNET_LEDGER_TASK_H
#define WORKNET_LEDGER_TASK_H

#include "base/limits.h"
#include "base/task_type.h"
#include "ledger/db.h"
#include "ledger/private_task.h"

struct task_definition {
	const struct task_type *type;
	char url[URL_MAX + 1];	     /* http or https */
	char region[REGION_MAX + 1]; /* "" for any */
	int64_t expected_status;
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	int64_t budget_micros; /* for a cycle's copies; 0: any */
};

enum task_state {
	TASK_ACTIVE,
	TASK_PAUSED,
	TASK_REMOVED, /* its name is taken; its results stay */
	TASK_STATES
};

struct task_row {
	int64_t id;
	char name[TASK_ID_MAX + 1];
	enum task_state state;
	int64_t version;
	int64_t region; /* the number of def.region */
	struct task_definition def;
	bool is_private;
	uint8_t salt[TASK_SALT_LEN]; /* of a private one */
};

/* The protocol's defaults; url is empty. */
void task_defaults(struct task_definition *d);

/* RC_INVALID says which value is wrong, what it is and what is expected. */
MUST_CHECK enum rc
task_check(const char *name, const struct task_definition *d, struct err *e);

/*
 * Inside a write transaction: a new task, due at once. RC_CONFLICT when the
 * name is taken, or the region's (region.h), RC_INVALID.
 */
MUST_CHECK enum rc task_add(struct db *db, const char *name,
    const struct task_definition *d, int64_t now_ms, struct err *e);

/*
 * The same of a private task, whose name, with random bytes behind given, is
 * made in name. It stays private, and a public one public: what was shown can't
 * be hidden afterwards. Also RC_IO.
 */
MUST_CHECK enum rc task_add_private(struct db *db,
    char name[static TASK_ID_MAX + 1], const char *given,
    const struct task_definition *d, int64_t now_ms, struct err *e);

/*
 * Inside a write transaction: a new definition, in force when the task next
 * has a slot to give. What was assigned under the old one is paid under the
 * old one. RC_NOT_FOUND, RC_INVALID; RC_CONFLICT when the task is removed.
 */
MUST_CHECK enum rc task_edit(struct db *db, const char *name,
    const struct task_definition *d, int64_t now_ms, struct err *e);

/*
 * Inside a write transaction, before and after many edits: an edit walks the
 * region for the task's place in the schedule, and in between it needn't.
 */
MUST_CHECK enum rc task_edits_begin(struct db *db, struct err *e);
MUST_CHECK enum rc task_edits_end(struct db *db, struct err *e);

/*
 * Inside a write transaction. RC_NOT_FOUND; RC_CONFLICT when the task is
 * removed: that is for ever.
 */
MUST_CHECK enum rc task_set_state(struct db *db, const char *name,
    enum task_state state, int64_t now_ms, struct err *e);

/* RC_NOT_FOUND; RC_CORRUPT of a row that this program doesn't write. */
MUST_CHECK enum rc
task_get(struct db *db, const char *name, struct task_row *out, struct err *e);

/*
 * The private task that was added as given, whose name is out->name.
 * RC_CONFLICT when there are several; else as task_get.
 */
MUST_CHECK enum rc task_get_private(
    struct db *db, const char *given, struct task_row *out, struct err *e);

/* True when both say the same. */
bool task_definition_is(
    const struct task_definition *a, const struct task_definition *b);

/* "active", "paused", "removed". */
const char *task_state_name(enum task_state state);

#endif
