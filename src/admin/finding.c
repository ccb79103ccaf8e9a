/* worknet finding list, close. */
#include <inttypes.h>

#include "admin/commands.h"
#include "admin/finding.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/finding.h"

static void
finding_row(struct out *o, struct query *q)
{
	const struct finding_kind *k =
	    finding_kind(query_get_text(q, C_FINDING_LIST_KIND));

	out_row(o,
	    (struct out_value[]){ out_int(query_get_int(q, C_FINDING_LIST_ID)),
		out_int(query_get_int(q, C_FINDING_LIST_AT_MS)),
		out_slice(query_get_text(q, C_FINDING_LIST_KIND)),
		out_slice(query_get_text(q, C_FINDING_LIST_SUBJECT)),
		row_value(q, C_FINDING_LIST_SINCE_MS, OUT_TIME),
		row_value(q, C_FINDING_LIST_LAST_MS, OUT_TIME),
		row_value(q, C_FINDING_LIST_TIMES, OUT_COUNT),
		row_value(q, C_FINDING_LIST_CLOSED_MS, OUT_TIME),
		row_value(q, C_FINDING_LIST_CLOSED_BY, OUT_TEXT),
		out_text(k == NULL ? "" : k->title),
		out_slice(query_get_text(q, C_FINDING_LIST_DETAIL)) });
}

enum rc
findings_print(struct admin *a, const char *heading, bool all, struct err *e)
{
	static const struct out_column columns[] = {
		{ "id", "ID", OUT_COUNT },
		{ "atMs", NULL, OUT_TIME },
		{ "kind", "KIND", OUT_TEXT },
		{ "subject", "SUBJECT", OUT_TEXT },
		{ "sinceMs", "SINCE", OUT_TIME },
		{ "lastMs", NULL, OUT_TIME },
		{ "times", "TIMES", OUT_COUNT },
		{ "closedMs", "CLOSED", OUT_TIME },
		{ "closedBy", NULL, OUT_TEXT },
		{ "meaning", "MEANING", OUT_TEXT },
		{ "detail", "DETAIL", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_FINDING_LIST);
	enum rc rc;
	bool row;

	query_int(q, 1, all);
	out_table(a->out, "findings", heading, columns,
	    sizeof(columns) / sizeof(columns[0]));
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		finding_row(a->out, q);
	query_done(q);
	out_table_end(a->out, all ? "no findings" : "no open findings");
	return rc;
}

enum admin_exit
command_finding_list(struct admin *a)
{
	bool all = a->args.opt[OPT_ALL] != NULL;
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = findings_print(a, NULL, all, &e);
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
	out_fields(a->out,
	    (const struct out_field[]){ { "id", NULL, OUT_COUNT, out_int(id) },
		{ "done", NULL, OUT_TEXT, out_text("closed") }, OUT_END });
	out_note(a->out, "finding %" PRId64 " closed", id);
	return ADMIN_OK;
}
