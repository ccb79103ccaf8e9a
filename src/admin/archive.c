/* worknet archive: drops results that the log and the object store have. */
#include "publish/archive.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "admin/commands.h"
#include "base/clock.h"
#include "ledger/finding.h"

#define FINDING "archive fails"
#define SUBJECT "results that are due"

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

/*
 * Leaves a finding of a run that somebody has to look at, which the next one
 * without such trouble ends. That the store can't be reached ends none and
 * begins none: worknet status tells how far the uploads are behind.
 */
static enum rc
finding_tell(struct db *db, enum rc rc, const struct archive_report *r,
    const char *why, int64_t now_ms, struct err *e)
{
	char detail[ERR_MSG_MAX];
	const bool well = rc == RC_OK && r->findings == 0;

	if (rc == RC_BUSY)
		return RC_OK;
	(void)snprintf(detail, sizeof(detail), "%s", why);
	if (rc == RC_OK)
		(void)snprintf(detail, sizeof(detail),
		    "%" PRId64 " things aren't as they were logged",
		    r->findings);
	rc = db_begin(db, e);
	if (rc == RC_OK)
		rc = well
		    ? finding_over(db, FINDING, SUBJECT, now_ms, e)
		    : finding_add(db, FINDING, SUBJECT, detail, now_ms, e);
	if (rc == RC_OK)
		rc = db_commit(db, e);
	db_rollback(db);
	return rc;
}

static enum admin_exit
exit_of(enum rc rc, const struct archive_report *r, const struct err *e)
{
	if (rc != RC_OK)
		return rc == RC_BUSY ? admin_say(ADMIN_LATER, e)
				     : admin_fail(rc, e);
	return r->findings == 0 ? ADMIN_OK : ADMIN_REFUSED;
}

enum admin_exit
command_archive(struct admin *a)
{
	static const struct out_column columns[] = { { "text", "FINDING",
	    OUT_BAD } };
	const bool back = a->args.opt[OPT_BRING_BACK] != NULL;
	struct archive_wanted w = { .conf = &a->conf,
		.directory = a->args.opt[OPT_LOG],
		.now_ms = clock_unix_ms(),
		.found = on_found,
		.progress = on_progress,
		.ctx = a };
	struct archive_report r;
	struct err e = ERR_INIT, untold = ERR_INIT;
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
	if (!back &&
	    finding_tell(a->db, rc, &r, e.msg, w.now_ms, &untold) != RC_OK &&
	    rc == RC_OK)
		rc = err_set(&e, untold.rc, "%s", untold.msg);
	out_table_end(a->out,
	    back || a->conf.archive_after_days > 0
		? "nothing is off"
		: "[archive] after_days is 0: nothing is dropped");
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
	return exit_of(rc, &r, &e);
}
