/* worknet task import: the tasks of a JSON array, all or none. */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "ledger/task.h"
#include "json/json.h"

#define DEPTH_MAX 4 /* an array of objects needs 2 */

struct import {
	struct db *db;
	bool update;
	bool allow_private;
	int64_t now_ms;
	struct err why; /* it stopped */

	/* The present element. */
	int64_t number;		   /* from 1; 0 before the first */
	const struct field *field; /* of the key just read */
	unsigned seen;		   /* fields, by their place */
	char id[TASK_ID_MAX + 1];
	struct task_definition def;

	int64_t added;
	int64_t changed;
	int64_t unchanged;
};

/* A field of a task: a text is copied, a number stored. */
struct field {
	const char *name;
	bool required;
	bool is_text;
	size_t offset; /* in struct import */
	size_t size;   /* of a text with its NUL */
};

#define TEXT(f) \
	true, offsetof(struct import, f), sizeof(((struct import *)0)->f)
#define NUMBER(f) false, offsetof(struct import, f), 0

static const struct field fields[] = {
	{ "id", true, TEXT(id) },
	{ "type", true, true, 0, 0 }, /* http_check, and no other */
	{ "url", true, TEXT(def.url) },
	{ "expectedStatus", true, NUMBER(def.expected_status) },
	{ "timeoutMs", true, NUMBER(def.timeout_ms) },
	{ "rewardMicros", true, NUMBER(def.reward_micros) },
	{ "region", false, TEXT(def.region) },
	{ "intervalMs", false, NUMBER(def.interval_ms) },
	{ "copies", false, NUMBER(def.copies) },
	{ "cooldownMs", false, NUMBER(def.cooldown_ms) },
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static bool
stop(struct import *m, const char *what, struct slice name)
{
	(void)err_set(&m->why, RC_INVALID, "task %" PRId64 "%s%s%s: %s%.*s",
	    m->number, m->id[0] == '\0' ? "" : " (", m->id,
	    m->id[0] == '\0' ? "" : ")", what,
	    name.len > 80 ? 80 : (int)name.len, name.p);
	return false;
}

static bool
on_key(struct import *m, struct slice name)
{
	size_t i;

	for (i = 0; i < FIELDS && !slice_is(name, fields[i].name); i++)
		continue;
	if (i == FIELDS)
		return stop(m, "unknown field ", name);
	if ((m->seen & 1U << i) != 0)
		return stop(m, "given twice: ", name);
	m->seen |= 1U << i;
	m->field = &fields[i];
	return true;
}

static bool
on_text(struct import *m, struct slice text)
{
	const struct field *f = m->field;
	char *out = (char *)m + f->offset;

	if (f->size == 0)
		return slice_is(text, "http_check") ||
		    stop(m, "type: expected http_check, got ", text);
	if (!utf8_is_text(text.p, text.len))
		return stop(m, "not UTF-8 text: ", slice_of(f->name));
	if (text.len >= f->size)
		return stop(m, "too long: ", slice_of(f->name));
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return true;
}

static bool
on_value(struct import *m, const struct json_event *ev)
{
	const struct field *f = m->field;

	if (ev->type != (f->is_text ? JSON_STRING : JSON_NUMBER))
		return stop(m,
		    f->is_text ? "expected a text: " : "expected a number: ",
		    slice_of(f->name));
	if (f->is_text)
		return on_text(m, ev->text);
	if (json_integer(
		(int64_t *)(void *)((char *)m + f->offset), ev->text) != RC_OK)
		return stop(m, "expected a whole number: ", slice_of(f->name));
	return true;
}

/* An element begins: what isn't given has its default. */
static void
task_begin(struct import *m)
{
	m->number++;
	m->seen = 0;
	m->field = NULL;
	m->id[0] = '\0';
	task_defaults(&m->def);
}

/* What an update doesn't give stays as it was. */
static void
keep_absent(struct import *m, const struct task_definition *old)
{
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		if ((m->seen & 1U << i) != 0)
			continue;
		if (fields[i].offset == offsetof(struct import, def.region))
			memcpy(
			    m->def.region, old->region, sizeof(m->def.region));
		else
			*(int64_t *)(void *)((char *)m + fields[i].offset) = *(
			    const int64_t *)(const void *)((const char *)old +
			    fields[i].offset - offsetof(struct import, def));
	}
}

static enum rc
task_store(struct import *m, struct err *e)
{
	struct task_row old;
	enum rc rc;

	rc = value_take_url(m->def.url, m->allow_private, e);
	if (rc != RC_OK)
		return rc;
	rc = task_get(m->db, m->id, &old, e);
	if (rc == RC_NOT_FOUND) {
		m->added++;
		return task_add(m->db, m->id, &m->def, m->now_ms, e);
	}
	if (rc != RC_OK)
		return rc;
	if (!m->update)
		return err_set(e, RC_CONFLICT,
		    "exists already (%s); --update changes it",
		    task_state_name(old.state));
	keep_absent(m, &old.def);
	if (old.state != TASK_REMOVED &&
	    task_definition_is(&m->def, &old.def)) {
		m->unchanged++;
		return RC_OK;
	}
	m->changed++;
	return task_edit(m->db, m->id, &m->def, m->now_ms, e);
}

static bool
task_end(struct import *m)
{
	struct err e = ERR_INIT;
	enum rc rc;
	size_t i;

	for (i = 0; i < FIELDS; i++)
		if (fields[i].required && (m->seen & 1U << i) == 0)
			return stop(m, "missing: ", slice_of(fields[i].name));
	rc = task_store(m, &e);
	if (rc == RC_OK)
		return true;
	(void)err_set(
	    &m->why, rc, "task %" PRId64 " (%s): %s", m->number, m->id, e.msg);
	return false;
}

/* Events at depth 0 frame the array, at 1 its tasks, at 2 their fields. */
static bool
on_event(void *ctx, const struct json_event *ev)
{
	struct import *m = ctx;

	if (ev->depth == 0) {
		if (ev->type == JSON_ARRAY || ev->type == JSON_ARRAY_END)
			return true;
		(void)err_set(
		    &m->why, RC_INVALID, "expected an array of tasks");
		return false;
	}
	if (ev->depth == 1) {
		if (ev->type == JSON_OBJECT_END)
			return task_end(m);
		task_begin(m);
		return ev->type == JSON_OBJECT ||
		    stop(m, "expected an object", slice_of(""));
	}
	return ev->type == JSON_KEY ? on_key(m, ev->text) : on_value(m, ev);
}

static enum rc
import_run(struct import *m, struct slice text, struct err *e)
{
	enum rc rc;

	rc = db_begin(m->db, e);
	if (rc != RC_OK)
		return rc;
	m->now_ms = clock_unix_ms();
	if (m->update)
		rc = task_edits_begin(m->db, e);
	if (rc == RC_OK)
		rc = json_parse(text, DEPTH_MAX, on_event, m, e);
	if (rc == RC_CONFLICT) {
		/* Not JSON's fault: on_event stopped it, and said why. */
		*e = m->why;
		rc = e->rc;
	}
	if (rc == RC_OK && m->update)
		rc = task_edits_end(m->db, e);
	if (rc == RC_OK)
		rc = db_commit(m->db, e);
	if (rc != RC_OK)
		db_rollback(m->db);
	return rc;
}

static void
report(struct admin *a, const struct import *m)
{
	out_fields(a->out,
	    (const struct out_field[]){
		{ "added", NULL, OUT_COUNT, out_int(m->added) },
		{ "changed", NULL, OUT_COUNT, out_int(m->changed) },
		{ "unchanged", NULL, OUT_COUNT, out_int(m->unchanged) },
		OUT_END });
	out_note(a->out,
	    "%" PRId64 " added, %" PRId64 " changed, %" PRId64 " unchanged",
	    m->added, m->changed, m->unchanged);
}

enum admin_exit
command_task_import(struct admin *a)
{
	struct import m = { .update = a->args.opt[OPT_UPDATE] != NULL };
	const char *path = a->args.arg[0];
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct buf text;
	enum rc rc;

	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	m.db = a->db;
	m.allow_private = a->conf.worker_allow_private;
	buf_init(&text, IMPORT_MAX);
	rc = buf_read_file(
	    &text, strcmp(path, "-") == 0 ? "/dev/stdin" : path, &e);
	if (rc != RC_OK)
		code = ADMIN_REFUSED; /* the file's fault, not the ledger's */
	else {
		rc = import_run(&m,
		    (struct slice){ text.p == NULL ? "" : text.p, text.len },
		    &e);
		if (rc == RC_INVALID || rc == RC_CONFLICT)
			(void)err_prefix(&e, "%s: nothing was imported", path);
	}
	if (rc == RC_OK)
		report(a, &m);
	else if (code == ADMIN_REFUSED)
		(void)admin_fail(rc, &e);
	else
		code = admin_fail(rc, &e);
	buf_free(&text);
	return code;
}
