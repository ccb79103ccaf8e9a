/* worknet maintenance add, list, end. */
#include "admin/maintenance.h"

#include <inttypes.h>

#include "admin/commands.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/maintenance.h"
#include "ledger/task.h"

static const struct table announced = { "maintenance", "Maintenance",
	{
	    { { "id", "N", OUT_COUNT }, C_MAINTENANCE_LIST_ID },
	    { { "task", "TASK", OUT_TEXT }, C_MAINTENANCE_LIST_NAME },
	    { { "fromMs", "FROM", OUT_TIME }, C_MAINTENANCE_LIST_FROM_MS },
	    { { "toMs", "TO", OUT_TIME }, C_MAINTENANCE_LIST_TO_MS },
	    { { "notedMs", "NOTED", OUT_TIME }, C_MAINTENANCE_LIST_NOTED_MS },
	    { { "counts", "COUNTS", OUT_BOOL }, C_MAINTENANCE_LIST_COUNTS },
	    { { "why", "WHY", OUT_TEXT }, C_MAINTENANCE_LIST_WHY },
	} };

enum rc
maintenance_print(struct admin *a, int64_t task, int64_t from_ms, int64_t to_ms,
    struct err *e)
{
	struct query *q = db_query(a->db, Q_MAINTENANCE_LIST);

	query_int(q, 1, task);
	query_int(q, 2, from_ms);
	query_int(q, 3, to_ms);
	query_int(q, 4, true);
	return table_print(
	    a->out, &announced, q, "nothing is announced", NULL, e);
}

static enum rc
said(struct maintenance *m, const struct admin *a, struct err *e)
{
	const char *from = a->args.opt[OPT_FROM], *to = a->args.opt[OPT_TO];
	enum rc rc;

	*m = (struct maintenance){ .task = a->args.arg[0],
		.why = a->args.opt[OPT_WHY] };
	if (from == NULL || to == NULL || m->why == NULL)
		return err_set(
		    e, RC_INVALID, "--from, --to and --why are all needed");
	rc = value_parse_time(&m->from_ms, "--from", from, e);
	return rc == RC_OK ? value_parse_time(&m->to_ms, "--to", to, e) : rc;
}

enum admin_exit
command_maintenance_add(struct admin *a)
{
	struct err e = ERR_INIT;
	struct maintenance m;
	enum admin_exit code;
	bool counts = false;
	int64_t id = 0;
	enum rc rc;

	if (said(&m, a, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = maintenance_add(a->db, &m, clock_unix_ms(), &id, &counts, &e);
	code = admin_commit(a, rc, &e);
	if (code != ADMIN_OK)
		return code;
	out_fields(a->out,
	    (const struct out_field[]){
		{ "id", "maintenance", OUT_COUNT, out_int(id) },
		{ "counts", NULL, OUT_BOOL, out_int(counts) }, OUT_END });
	if (!counts)
		out_note(a->out,
		    "it has begun already: it is listed, and not left out of the uptime");
	return ADMIN_OK;
}

enum admin_exit
command_maintenance_list(struct admin *a)
{
	struct task_row t = { .id = 0 };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc = RC_OK;

	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	if (a->args.n == 1)
		rc = task_get(a->db, a->args.arg[0], &t, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	rc = maintenance_print(a, t.id,
	    a->args.opt[OPT_ALL] != NULL ? -1 : clock_unix_ms(), INT64_MAX, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
command_maintenance_end(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	int64_t id;
	enum rc rc;

	if (value_parse_int(&id, "maintenance", a->args.arg[0], &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = maintenance_end(a->db, id, clock_unix_ms(), &e);
	code = admin_commit(a, rc, &e);
	if (code == ADMIN_OK)
		out_note(a->out, "maintenance %" PRId64 " has ended", id);
	return code;
}
