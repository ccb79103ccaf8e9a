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
	return table_command(a, &regions, Q_REGION_LIST, "no regions");
}

enum admin_exit
command_region_rename(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = region_rename(a->db, a->args.arg[0], a->args.arg[1], &e);
	code = admin_commit(a, rc, &e);
	if (code != ADMIN_OK)
		return code;
	out_field(a->out, "region", NULL, OUT_TEXT, out_text(a->args.arg[1]));
	out_note(
	    a->out, "region %s is called %s", a->args.arg[0], a->args.arg[1]);
	return ADMIN_OK;
}
