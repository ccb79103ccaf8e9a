/* worknet archive: drops results that the log and the object store have. */
#include "publish/archive.h"
#include <signal.h>

#include "admin/commands.h"
#include "base/clock.h"

static void
on_found(void *ctx, const char *text)
{
	struct admin *a = ctx;

	admin_progress_end();
	out_row(a->out, (struct out_value[]){ out_text(text) });
}

static void
on_progress(void *ctx, int64_t results)
{
	(void)ctx;
	admin_progress("results", results, 0);
}

enum admin_exit
command_archive(struct admin *a)
{
	static const struct out_column columns[] = { { "text", "FINDING",
	    OUT_TEXT } };
	const bool back = a->args.opt[OPT_BRING_BACK] != NULL;
	struct archive_wanted w = { .conf = &a->conf,
		.directory = a->args.opt[OPT_LOG],
		.now_ms = clock_unix_ms(),
		.found = on_found,
		.progress = on_progress,
		.ctx = a };
	struct archive_report r;
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	if (w.directory != NULL && !back) {
		(void)err_set(&e, RC_INVALID,
		    "--log is of --bring-back: what is dropped has to be in the store");
		return admin_usage(a, &e);
	}
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	(void)signal(SIGPIPE, SIG_IGN); /* the store hangs up */
	out_table(a->out, "findings", NULL, columns, 1);
	rc = back ? archive_bring_back(a->db, &w, &r, &e)
		  : archive_run(a->db, &w, &r, &e);
	admin_progress_end();
	out_table_end(a->out, "nothing is off");
	out_fields(a->out,
	    (const struct out_field[]){
		{ "credits", back ? "credits brought back" : "credits archived",
		    OUT_COUNT, out_int(r.credits) },
		{ "results", "their results", OUT_COUNT, out_int(r.results) },
		{ "files", "files read", OUT_COUNT, out_int(r.files) },
		{ "left", "credits left: not all in the log", OUT_COUNT,
		    out_int(r.left) },
		{ "findingsTotal", NULL, OUT_COUNT, out_int(r.findings) },
		OUT_END });
	a->stands = true;
	if (rc != RC_OK)
		return admin_say(ADMIN_UNUSABLE, &e);
	return r.findings == 0 ? ADMIN_OK : ADMIN_REFUSED;
}
