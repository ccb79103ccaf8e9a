/* worknet finding list, close. */
#include <inttypes.h>

#include "admin/commands.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"

static const struct table findings = { "findings", NULL,
	{
	    { { "id", "ID", OUT_COUNT }, 0 },
	    { { "atMs", "AT", OUT_TIME }, 1 },
	    { { "kind", "KIND", OUT_TEXT }, 2 },
	    { { "subject", "SUBJECT", OUT_TEXT }, 3 },
	    { { "closedMs", "CLOSED", OUT_TIME }, 5 },
	    { { "detail", "DETAIL", OUT_TEXT }, 4 },
	} };

enum admin_exit
command_finding_list(struct admin *a)
{
	bool all = a->args.opt[OPT_ALL] != NULL;
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct query *q;
	enum rc rc;

	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_FINDING_LIST);
	query_int(q, 1, all);
	rc = table_print(a->out, &findings, q,
	    all ? "no findings" : "no open findings", NULL, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

/* Why nothing was closed. */
static enum rc
not_closed(struct admin *a, int64_t id, struct err *e)
{
	struct query *q = db_query(a->db, Q_FINDING_GET);
	enum rc rc;
	bool there;

	query_int(q, 1, id);
	rc = query_any(q, &there, e);
	if (rc != RC_OK)
		return rc;
	if (!there)
		return err_set(
		    e, RC_NOT_FOUND, "no finding has the number %" PRId64, id);
	return err_set(
	    e, RC_CONFLICT, "finding %" PRId64 " is closed already", id);
}

enum admin_exit
command_finding_close(struct admin *a)
{
	static const struct out_column number = { "id", NULL, OUT_COUNT },
				       what = { "done", NULL, OUT_TEXT };
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct query *q;
	int64_t id;
	enum rc rc;

	if (value_parse_int(&id, "the finding's number", a->args.arg[0], &e) !=
	    RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_FINDING_CLOSE);
	query_int(q, 1, id);
	query_int(q, 2, clock_unix_ms());
	rc = query_run(q, &e);
	if (rc == RC_OK && db_changes(a->db) == 0)
		rc = not_closed(a, id, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	out_field(a->out, &number, out_int(id));
	out_field(a->out, &what, out_text("closed"));
	out_note(a->out, "finding %" PRId64 " closed", id);
	return ADMIN_OK;
}
