/* What proves a task's hours, for a stranger. */
#include "proof/export.h"

#include <string.h>

#include "admin/commands.h"
#include "admin/value.h"

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
	return rc;
}

enum admin_exit
command_export(struct admin *a)
{
	struct export_wanted w = { .task = a->args.opt[OPT_TASK],
		.out = a->args.arg[0] };
	struct export_result r;
	struct err e = ERR_INIT;
	enum admin_exit code;

	if (times_take(a, &w, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	w.site = a->conf.log_directory;
	if (export_make(&w, &r, &e) != RC_OK)
		return admin_fail(e.rc, &e);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "directory", "export", OUT_TEXT, out_text(w.out) },
		{ "task", "task", OUT_TEXT, out_text(w.task) },
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
