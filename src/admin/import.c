/*
 * worknet task import: the tasks of a JSON array. First all of
 * them are checked, beside the coordinator, which writes meanwhile; then they
 * are written in parts, between which it writes.
 */
#include <inttypes.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "ledger/task.h"
#include "json/json.h"

#define DEPTH_MAX 4    /* an array of objects needs 2 */
#define PART_MS	  100  /* of writing; then others have as long */
#define IDS_FIRST 1024 /* elements of an array that begins to grow */

struct import {
	struct db *db;
	bool update;
	bool allow_private;
	bool writing; /* what was checked before */
	int64_t now_ms;
	struct err why; /* it stopped */

	/* The part that is being written; monotonic. */
	int64_t part_began_ms;
	int64_t part_ready_ms; /* to edit */
	int64_t committed;     /* tasks, with the parts before */
	int64_t total;	       /* tasks that were checked */

	char (*ids)[TASK_ID_MAX + 1]; /* owned; those that were checked */
	size_t ids_n, ids_cap;

	/* The present element. */
	int64_t number;		   /* from 1; 0 before the first */
	const struct field *field; /* of the key just read */
	unsigned seen;		   /* fields, by their place */
	char id[TASK_ID_MAX + 1];
	bool is_private, is_public; /* neither: it doesn't say */
	struct task_definition def;

	int64_t added;
	int64_t hidden; /* of them, private ones */
	int64_t changed;
	int64_t unchanged;
	bool moves; /* a task changes its place in the schedule */
};

enum field_type { FIELD_NUMBER, FIELD_TEXT, FIELD_BOOL };

/* A field of a task: a text is copied, a number stored. */
struct field {
	const char *name;
	bool required;
	enum field_type type;
	size_t offset; /* in struct import */
	size_t size;   /* of a text with its NUL */
};

#define TEXT(f) \
	FIELD_TEXT, offsetof(struct import, f), sizeof(((struct import *)0)->f)
#define NUMBER(f) FIELD_NUMBER, offsetof(struct import, f), 0

static const struct field fields[] = {
	{ "id", true, TEXT(id) },
	{ "type", true, FIELD_TEXT, 0, 0 }, /* sets def.type */
	{ "url", true, TEXT(def.url) },
	{ "expectedStatus", true, NUMBER(def.expected_status) },
	{ "timeoutMs", true, NUMBER(def.timeout_ms) },
	{ "rewardMicros", true, NUMBER(def.reward_micros) },
	{ "region", false, TEXT(def.region) },
	{ "intervalMs", false, NUMBER(def.interval_ms) },
	{ "copies", false, NUMBER(def.copies) },
	{ "cooldownMs", false, NUMBER(def.cooldown_ms) },
	{ "budgetMicros", false, NUMBER(def.budget_micros) },
	{ "private", false, FIELD_BOOL, offsetof(struct import, is_private),
	    0 },
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
on_type(struct import *m, struct slice name)
{
	char names[TASK_TYPE_NAMES_MAX], what[TASK_TYPE_NAMES_MAX + 30];

	m->def.type = task_type_find(name);
	if (m->def.type != NULL)
		return true;
	task_type_names(names);
	(void)snprintf(what, sizeof(what), "type: expected %s, got ", names);
	return stop(m, what, name);
}

static bool
on_text(struct import *m, struct slice text)
{
	const struct field *f = m->field;
	char *out = (char *)m + f->offset;

	if (f->size == 0)
		return on_type(m, text);
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

	if (f->type == FIELD_BOOL) {
		m->is_private = ev->type == JSON_TRUE;
		m->is_public = ev->type == JSON_FALSE;
		return m->is_private || m->is_public ||
		    stop(m, "expected true or false: ", slice_of(f->name));
	}
	if (ev->type != (f->type == FIELD_TEXT ? JSON_STRING : JSON_NUMBER))
		return stop(m,
		    f->type == FIELD_TEXT ? "expected a text: "
					  : "expected a number: ",
		    slice_of(f->name));
	if (f->type == FIELD_TEXT)
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
	m->is_private = m->is_public = false;
	task_defaults(&m->def);
}

/* What an update doesn't give stays as it was. */
static void
keep_absent(struct import *m, const struct task_definition *old)
{
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		if ((m->seen & 1U << i) != 0 || fields[i].type == FIELD_BOOL)
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

/* A private one has another name than its id, which nobody guesses. */
static enum rc
task_new(struct import *m, struct err *e)
{
	static const uint8_t none[PRIVATE_RANDOM_LEN];
	char name[TASK_ID_MAX + 1];
	enum rc rc;

	m->added++;
	if (!m->is_private)
		return m->writing
		    ? task_add(m->db, m->id, &m->def, m->now_ms, e)
		    : task_check(m->id, &m->def, e);
	m->hidden++;
	if (m->writing)
		return task_add_private(
		    m->db, name, m->id, &m->def, m->now_ms, e);
	rc = private_name(name, m->id, none, e);
	return rc == RC_OK ? task_check(name, &m->def, e) : rc;
}

/* The task that an element changes: of a private one the id will do. */
static enum rc
task_find(struct import *m, struct task_row *old, struct err *e)
{
	enum rc rc = task_get(m->db, m->id, old, e);

	if (rc == RC_NOT_FOUND && m->is_private)
		return task_get_private(m->db, m->id, old, e);
	if (rc == RC_OK && (old->is_private ? m->is_public : m->is_private))
		return err_set(e, RC_CONFLICT,
		    "is %s: a task is private from the beginning, or never",
		    old->is_private ? "private" : "public");
	return rc;
}

static enum rc
task_store(struct import *m, struct err *e)
{
	struct task_row old;
	enum rc rc;

	rc = value_take_url(m->def.url, m->allow_private, e);
	if (rc == RC_OK)
		rc = task_find(m, &old, e);
	if (rc == RC_NOT_FOUND)
		return task_new(m, e);
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
	m->moves |= m->def.interval_ms != old.def.interval_ms ||
	    strcmp(m->def.region, old.def.region) != 0;
	if (m->writing)
		return task_edit(m->db, old.name, &m->def, m->now_ms, e);
	if (old.state == TASK_REMOVED)
		return err_set(e, RC_CONFLICT, "is removed");
	return task_check(m->id, &m->def, e);
}

/* ---- Parts ---- */

static enum rc
part_begin(struct import *m, struct err *e)
{
	enum rc rc;

	rc = db_begin(m->db, e);
	m->part_began_ms = clock_monotonic_ms();
	if (rc == RC_OK && m->moves)
		rc = task_edits_begin(m->db, e);
	m->part_ready_ms = clock_monotonic_ms();
	return rc;
}

static enum rc
part_end(struct import *m, struct err *e)
{
	enum rc rc = RC_OK;

	if (m->moves)
		rc = task_edits_end(m->db, e);
	if (rc == RC_OK)
		rc = db_commit(m->db, e);
	if (rc != RC_OK)
		return rc;
	m->committed = m->number;
	admin_progress("tasks", m->committed, m->total);
	return RC_OK;
}

/* Ends a part that takes long, and lets others write for as long. */
static enum rc
part_next(struct import *m, struct err *e)
{
	enum rc rc;

	if (clock_monotonic_ms() - m->part_ready_ms < PART_MS)
		return RC_OK;
	rc = part_end(m, e);
	if (rc != RC_OK)
		return rc;
	(void)poll(NULL, 0, (int)(clock_monotonic_ms() - m->part_began_ms));
	return part_begin(m, e);
}

/* ---- Ids ---- */

static enum rc
id_note(struct import *m, struct err *e)
{
	size_t cap = m->ids_cap == 0 ? IDS_FIRST : 2 * m->ids_cap;
	void *p;

	if (m->ids_n == m->ids_cap) {
		p = reallocarray(m->ids, cap, sizeof(m->ids[0]));
		if (p == NULL)
			return err_set(e, RC_NO_MEMORY, "no memory");
		m->ids = p;
		m->ids_cap = cap;
	}
	memcpy(m->ids[m->ids_n++], m->id, sizeof(m->id));
	return RC_OK;
}

static int
id_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Written one after the other, the second would find the first. */
static enum rc
ids_check(struct import *m, struct err *e)
{
	size_t i;

	if (m->ids_n > 0)
		qsort(m->ids, m->ids_n, sizeof(m->ids[0]), id_compare);
	for (i = 1; i < m->ids_n; i++)
		if (strcmp(m->ids[i - 1], m->ids[i]) == 0)
			return err_set(
			    e, RC_INVALID, "task %s is given twice", m->ids[i]);
	return RC_OK;
}

/* ---- The document ---- */

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
		rc = m->writing ? part_next(m, &e) : id_note(m, &e);
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

/* Goes through the document: all of its tasks are checked, or written. */
static enum rc
import_read(struct import *m, struct slice text, struct err *e)
{
	enum rc rc;

	m->number = m->added = m->hidden = m->changed = m->unchanged = 0;
	rc = json_parse(text, DEPTH_MAX, on_event, m, e);
	if (rc == RC_CONFLICT) {
		/* Not JSON's fault: on_event stopped it, and said why. */
		*e = m->why;
		rc = e->rc;
	}
	return rc;
}

static enum rc
import_check(struct import *m, struct slice text, struct err *e)
{
	enum rc rc;

	rc = db_begin_read(m->db, e);
	if (rc == RC_OK)
		rc = import_read(m, text, e);
	if (rc == RC_OK)
		rc = ids_check(m, e);
	db_rollback(m->db);
	m->total = m->number;
	return rc;
}

static enum rc
import_write(struct import *m, struct slice text, struct err *e)
{
	enum rc rc;

	m->writing = true;
	m->now_ms = clock_unix_ms();
	rc = part_begin(m, e);
	if (rc == RC_OK)
		rc = import_read(m, text, e);
	if (rc == RC_OK)
		rc = part_end(m, e);
	admin_progress_end();
	if (rc != RC_OK)
		db_rollback(m->db);
	return rc;
}

/* Says how much of path was imported when rc says that not all was. */
static enum rc
import_run(struct import *m, struct slice text, const char *path, struct err *e)
{
	enum rc rc;

	rc = import_check(m, text, e);
	if (rc == RC_OK)
		rc = import_write(m, text, e);
	if (rc == RC_OK)
		return rc;
	if (m->committed == 0)
		return err_prefix(e, "%s: nothing was imported", path);
	return err_prefix(e,
	    "%s: only the first %" PRId64 " of %" PRId64
	    " tasks were imported; import it again with --update",
	    path, m->committed, m->total);
}

static void
report(struct admin *a, const struct import *m)
{
	out_fields(a->out,
	    (const struct out_field[]){
		{ "added", NULL, OUT_COUNT, out_int(m->added) },
		{ "private", NULL, OUT_COUNT, out_int(m->hidden) },
		{ "changed", NULL, OUT_COUNT, out_int(m->changed) },
		{ "unchanged", NULL, OUT_COUNT, out_int(m->unchanged) },
		OUT_END });
	out_note(a->out,
	    "%" PRId64 " added, %" PRId64 " changed, %" PRId64 " unchanged",
	    m->added, m->changed, m->unchanged);
	if (m->hidden > 0)
		out_note(a->out,
		    "%" PRId64
		    " of them private: worknet task list shows their names",
		    m->hidden);
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
		    path, &e);
	}
	if (rc == RC_OK)
		report(a, &m);
	else if (code == ADMIN_REFUSED)
		(void)admin_say(code, &e);
	else
		code = admin_fail(rc, &e);
	buf_free(&text);
	free(m.ids);
	return code;
}
