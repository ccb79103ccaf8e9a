/* worknet task add, edit, pause, resume, remove. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/task.h"

/* The options that are numbers of a definition. */
static const struct {
	enum option_id id;
	const char *name;
	size_t offset; /* in struct task_definition */
	bool is_span;
} numbers[] = {
	{ OPT_EXPECT, "--expect",
	    offsetof(struct task_definition, expected_status), false },
	{ OPT_TIMEOUT, "--timeout-ms",
	    offsetof(struct task_definition, timeout_ms), false },
	{ OPT_REWARD, "--reward",
	    offsetof(struct task_definition, reward_micros), false },
	{ OPT_INTERVAL, "--interval",
	    offsetof(struct task_definition, interval_ms), true },
	{ OPT_COPIES, "--copies", offsetof(struct task_definition, copies),
	    false },
	{ OPT_COOLDOWN, "--cooldown",
	    offsetof(struct task_definition, cooldown_ms), true },
	{ OPT_BUDGET, "--budget",
	    offsetof(struct task_definition, budget_micros), false },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static enum rc
set_text(
    char *out, size_t size, const char *name, const char *text, struct err *e)
{
	int n;

	if (text == NULL)
		return RC_OK;
	n = snprintf(out, size, "%s", text);
	if (n >= 0 && (size_t)n < size)
		return RC_OK;
	return err_set(
	    e, RC_INVALID, "%s: longer than %zu bytes", name, size - 1);
}

static enum rc
set_type(struct task_definition *d, const char *text, struct err *e)
{
	char names[TASK_TYPE_NAMES_MAX];

	if (text == NULL)
		return RC_OK;
	d->type = task_type_find(slice_of(text));
	if (d->type != NULL)
		return RC_OK;
	task_type_names(names);
	return err_set(
	    e, RC_INVALID, "--type: got \"%.40s\", expected %s", text, names);
}

/* Sets in *d what the command line gives; *n counts it. */
static enum rc
definition_set(
    const struct args *a, struct task_definition *d, int *n, struct err *e)
{
	const char *text;
	int64_t *number;
	enum rc rc;
	size_t i;

	*n = (a->opt[OPT_TYPE] != NULL) + (a->opt[OPT_URL] != NULL) +
	    (a->opt[OPT_REGION] != NULL);
	rc = set_type(d, a->opt[OPT_TYPE], e);
	if (rc == RC_OK)
		rc = set_text(
		    d->url, sizeof(d->url), "--url", a->opt[OPT_URL], e);
	if (rc == RC_OK)
		rc = set_text(d->region, sizeof(d->region), "--region",
		    a->opt[OPT_REGION], e);
	for (i = 0; rc == RC_OK && i < NUMBERS; i++) {
		text = a->opt[numbers[i].id];
		if (text == NULL)
			continue;
		++*n;
		number = (int64_t *)(void *)((char *)d + numbers[i].offset);
		rc = numbers[i].is_span
		    ? value_parse_span(number, numbers[i].name, text, e)
		    : value_parse_int(number, numbers[i].name, text, e);
	}
	return rc;
}

static void
report_of(struct admin *a, const char *name, const char *done, const char *past)
{
	admin_done(a, "id", name, done);
	out_note(a->out, "task %s %s", name, past);
}

static void
report(struct admin *a, const char *done, const char *past)
{
	report_of(a, a->args.arg[0], done, past);
}

/* A private one with a salt, and a name, that nobody guesses. */
static enum rc
add(struct admin *a, char name[static TASK_ID_MAX + 1],
    const struct task_definition *d, struct err *e)
{
	const char *given = a->args.arg[0];
	uint8_t random[TASK_SALT_LEN + PRIVATE_RANDOM_LEN];
	enum rc rc;

	if (a->args.opt[OPT_PRIVATE] == NULL) {
		(void)snprintf(name, TASK_ID_MAX + 1, "%s", given);
		return task_add(a->db, given, d, clock_unix_ms(), e);
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(e, RC_IO, "getrandom: %m");
	rc = private_name(name, given, random + TASK_SALT_LEN, e);
	return rc == RC_OK
	    ? task_add_private(a->db, name, d, random, clock_unix_ms(), e)
	    : rc;
}

enum admin_exit
command_task_add(struct admin *a)
{
	struct err e = ERR_INIT;
	char name[TASK_ID_MAX + 1];
	struct task_definition d;
	enum admin_exit code;
	enum rc rc;
	int given;

	task_defaults(&d);
	rc = definition_set(&a->args, &d, &given, &e);
	if (rc == RC_OK && a->args.opt[OPT_URL] == NULL)
		rc = err_set(&e, RC_INVALID, "task add needs --url");
	if (rc != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = value_take_url(d.url, a->conf.worker_allow_private, &e);
	if (rc == RC_OK)
		rc = add(a, name, &d, &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		report_of(a, name, "added", "added");
	return code;
}

enum admin_exit
command_task_edit(struct admin *a)
{
	struct err e = ERR_INIT;
	struct task_definition d;
	enum admin_exit code;
	struct task_row t;
	enum rc rc;
	int given;

	/* First what needs no ledger: are the options right at all? */
	task_defaults(&d);
	rc = definition_set(&a->args, &d, &given, &e);
	if (rc == RC_OK && given == 0)
		rc = err_set(&e, RC_INVALID, "task edit needs an option");
	if (rc != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = task_get(a->db, a->args.arg[0], &t, &e);
	if (rc == RC_OK) {
		d = t.def;
		rc = definition_set(&a->args, &d, &given, &e);
	}
	if (rc == RC_OK && a->args.opt[OPT_URL] != NULL)
		rc = value_take_url(d.url, a->conf.worker_allow_private, &e);
	if (rc == RC_OK && task_definition_is(&d, &t.def)) {
		db_rollback(a->db);
		report(a, "unchanged", "has this definition already");
		return ADMIN_OK;
	}
	if (rc == RC_OK)
		rc = task_edit(a->db, t.name, &d, clock_unix_ms(), &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		report(a, "changed", "changed");
	return code;
}

static enum admin_exit
set_state(struct admin *a, enum task_state state, const char *done)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = task_set_state(a->db, a->args.arg[0], state, clock_unix_ms(), &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		report(a, done, done);
	return code;
}

enum admin_exit
command_task_pause(struct admin *a)
{
	return set_state(a, TASK_PAUSED, "paused");
}

enum admin_exit
command_task_resume(struct admin *a)
{
	return set_state(a, TASK_ACTIVE, "resumed");
}

enum admin_exit
command_task_remove(struct admin *a)
{
	if (!admin_confirm(a, "Remove task %s for ever?", a->args.arg[0])) {
		report(a, "unchanged", "is as it was");
		return ADMIN_REFUSED;
	}
	return set_state(a, TASK_REMOVED, "removed");
}
