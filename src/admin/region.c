/* worknet region list, rename. */
#include "ledger/region.h"
#include "admin/commands.h"
#include "admin/table.h"

static const struct table regions = { "regions", NULL,
	{
	    { { "region", "REGION", OUT_TEXT }, 0 },
	    { { "firstName", "AT FIRST", OUT_TEXT }, 1 },
	    { { "addedMs", "ADDED", OUT_TIME }, 2 },
	    { { "tasks", "TASKS", OUT_COUNT }, 3 },
	} };

enum admin_exit
command_region_list(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = table_print(a->out, &regions, db_query(a->db, Q_REGION_LIST),
	    "no regions", NULL, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

enum admin_exit
command_region_rename(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin(a->db, &e);
	if (rc == RC_OK)
		rc = region_rename(a->db, a->args.arg[0], a->args.arg[1], &e);
	code = admin_commit(a, rc, &e);
	if (code != ADMIN_OK)
		return code;
	out_field(a->out, "region", NULL, OUT_TEXT, out_text(a->args.arg[1]));
	out_note(
	    a->out, "region %s is called %s", a->args.arg[0], a->args.arg[1]);
	return ADMIN_OK;
}
