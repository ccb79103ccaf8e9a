/* What proves a task's hours, for a stranger. */
#include "proof/export.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/commands.h"
#include "admin/value.h"
#include "ledger/publication.h"
#include "ledger/task.h"
#include "publish/book.h"

static enum rc
times_take(const struct admin *a, struct export_wanted *w, struct err *e)
{
	enum rc rc;

	if (w->task == NULL || a->args.opt[OPT_FROM] == NULL ||
	    a->args.opt[OPT_TO] == NULL)
		return err_set(
		    e, RC_INVALID, "--task, --from and --to are needed");
	rc = value_parse_time(&w->from, "--from", a->args.opt[OPT_FROM], e);
	if (rc == RC_OK)
		rc = value_parse_time(&w->to, "--to", a->args.opt[OPT_TO], e);
	if (rc == RC_OK && w->from >= w->to)
		rc = err_set(e, RC_INVALID, "--to isn't after --from");
	if (rc == RC_OK && a->args.opt[OPT_ANCHOR] != NULL)
		rc = value_parse_int(
		    &w->anchor, "--anchor", a->args.opt[OPT_ANCHOR], e);
	return rc;
}

/* A private task, as the ledger has it. */
struct secret_task {
	struct task_row row;
	char label[TASK_ID_MAX + 1];
	struct task_leaf *leaf; /* the one that is to be filled in */
	bool is_filled;
};

static enum rc
on_definition(void *ctx, const struct public_task *t, struct err *e)
{
	struct secret_task *s = ctx;
	struct task_leaf *leaf = s->leaf;

	(void)e;
	if (t->task != s->row.id)
		return RC_OK;
	s->is_filled = true;
	slice_copy(
	    leaf->signed_name, sizeof(leaf->signed_name), t->signed_name);
	slice_copy(leaf->url, sizeof(leaf->url), t->url);
	slice_copy(leaf->region, sizeof(leaf->region), t->first_region);
	leaf->expected_status = t->expected_status;
	leaf->timeout_ms = t->timeout_ms;
	leaf->cooldown_ms = t->cooldown_ms;
	return RC_OK;
}

struct opener {
	struct db *db;
	struct secret_task task;
};

static enum rc
leaf_fill(void *ctx, struct task_leaf *leaf, struct err *e)
{
	struct opener *o = ctx;
	enum rc rc;

	o->task.leaf = leaf;
	o->task.is_filled = false;
	rc =
	    public_definition(o->db, leaf->version, on_definition, &o->task, e);
	if (rc == RC_OK && !o->task.is_filled)
		rc = err_set(e, RC_CORRUPT,
		    "the ledger has no definition %" PRId64 " of the task",
		    leaf->version);
	return rc;
}

/*
 * Of a private task the log has the label, and only the ledger says what that
 * is of. The others need no ledger, and whoever has none has none of these.
 */
static enum admin_exit
ledger_ask(struct admin *a, struct opener *o, struct export_wanted *w)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	if (access(a->conf.ledger_path, F_OK) != 0)
		return ADMIN_OK;
	code = admin_open_read(a);
	if (code != ADMIN_OK)
		return code;
	o->db = a->db;
	rc = task_get(a->db, w->task, &o->task.row, &e);
	if (rc == RC_NOT_FOUND)
		return ADMIN_OK;
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	if (!o->task.row.is_private)
		return ADMIN_OK;
	private_label(o->task.label, o->task.row.salt, slice_of(w->task));
	w->task = o->task.label;
	w->salt = o->task.row.salt;
	w->open = leaf_fill;
	w->open_ctx = o;
	return ADMIN_OK;
}

enum admin_exit
command_export(struct admin *a)
{
	struct export_wanted w = { .task = a->args.opt[OPT_TASK],
		.out = a->args.arg[0] };
	struct opener opener = { .db = NULL };
	char hidden[PATH_LEN_MAX + sizeof("/" BOOK_PRIVATE)];
	struct export_result r;
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	if (times_take(a, &w, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	w.site = a->conf.log_directory;
	(void)snprintf(hidden, sizeof(hidden), "%s/" BOOK_PRIVATE,
	    a->conf.log_state_directory);
	w.hidden = hidden;
	code = ledger_ask(a, &opener, &w);
	if (code != ADMIN_OK)
		return code;
	admin_progress("reading the log", 0, 0);
	rc = export_make(&w, &r, &e);
	admin_progress_end();
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "directory", "export", OUT_TEXT, out_text(w.out) },
		{ "task", "task", OUT_TEXT, out_text(a->args.opt[OPT_TASK]) },
		{ "label", "which the log calls", OUT_TEXT,
		    out_if(w.open != NULL, out_text(w.task)) },
		{ "definitions", "definitions", OUT_COUNT,
		    out_int(r.definitions) },
		{ "segments", "segments", OUT_COUNT, out_int(r.segments) },
		{ "from", "from", OUT_TIME, out_if(r.to > 0, out_int(r.from)) },
		{ "to", "to", OUT_TIME, out_if(r.to > 0, out_int(r.to)) },
		OUT_END });
	if (r.segments > 0)
		return ADMIN_OK;
	(void)err_set(&e, RC_NOT_FOUND,
	    "the log has no hour of that time yet: worknet-log logs one some minutes after it is over");
	a->stands = true;
	return admin_fail(e.rc, &e);
}
