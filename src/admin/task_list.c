/* worknet task list, show. */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "admin/find.h"
#include "admin/table.h"
#include "ledger/task.h"

#define LOOK_BACK 100000 /* results in which a task's are looked for */

static const struct table tasks = { "tasks", NULL,
	{
	    { { "id", "ID", OUT_TEXT }, C_TASK_LIST_ID },
	    { { "type", NULL, OUT_TEXT }, C_TASK_LIST_TYPE },
	    { { "state", "STATE", OUT_TEXT }, C_TASK_LIST_STATE },
	    { { "expectedStatus", "EXPECT", OUT_COUNT },
		C_TASK_LIST_EXPECTED_STATUS },
	    { { "timeoutMs", "TIMEOUT", OUT_SPAN }, C_TASK_LIST_TIMEOUT_MS },
	    { { "rewardMicros", "REWARD", OUT_USDC },
		C_TASK_LIST_REWARD_MICROS },
	    { { "intervalMs", "EVERY", OUT_SPAN }, C_TASK_LIST_INTERVAL_MS },
	    { { "copies", "COPIES", OUT_COUNT }, C_TASK_LIST_COPIES },
	    { { "cooldownMs", "COOLDOWN", OUT_SPAN }, C_TASK_LIST_COOLDOWN_MS },
	    { { "budgetMicros", NULL, OUT_USDC }, C_TASK_LIST_BUDGET_MICROS },
	    { { "region", "REGION", OUT_TEXT }, C_TASK_LIST_REGION },
	    { { "private", "PRIVATE", OUT_BOOL }, C_TASK_LIST_PRIVATE },
	    { { "url", "URL", OUT_TEXT }, C_TASK_LIST_URL },
	} };

static const struct table checks = { "checks", "Last checks",
	{
	    { { "slot", "SLOT", OUT_COUNT }, C_TASK_CHECKS_SLOT },
	    { { "timestampMs", "AT", OUT_TIME }, C_TASK_CHECKS_TIMESTAMP_MS },
	    { { "success", "UP", OUT_BOOL }, C_TASK_CHECKS_SUCCESS },
	    { { "statusCode", "STATUS", OUT_COUNT }, C_TASK_CHECKS_STATUS },
	    { { "responseTimeMs", "TOOK", OUT_SPAN },
		C_TASK_CHECKS_RESPONSE_MS },
	    { { "workerAddress", "WORKER", OUT_ADDRESS },
		C_TASK_CHECKS_WORKER },
	    { { "error", "ERROR", OUT_TEXT }, C_TASK_CHECKS_ERROR },
	} };

static const struct table definitions = { "definitions",
	"Definitions, newest first",
	{
	    { { "definition", "NO", OUT_COUNT }, C_TASK_VERSIONS_ID },
	    { { "createdMs", "SINCE", OUT_TIME }, C_TASK_VERSIONS_CREATED_MS },
	    { { "type", NULL, OUT_TEXT }, C_TASK_VERSIONS_TYPE },
	    { { "expectedStatus", "EXPECT", OUT_COUNT },
		C_TASK_VERSIONS_EXPECTED_STATUS },
	    { { "timeoutMs", "TIMEOUT", OUT_SPAN },
		C_TASK_VERSIONS_TIMEOUT_MS },
	    { { "rewardMicros", "REWARD", OUT_USDC },
		C_TASK_VERSIONS_REWARD_MICROS },
	    { { "intervalMs", "EVERY", OUT_SPAN },
		C_TASK_VERSIONS_INTERVAL_MS },
	    { { "copies", "COPIES", OUT_COUNT }, C_TASK_VERSIONS_COPIES },
	    { { "cooldownMs", "COOLDOWN", OUT_SPAN },
		C_TASK_VERSIONS_COOLDOWN_MS },
	    { { "budgetMicros", NULL, OUT_USDC },
		C_TASK_VERSIONS_BUDGET_MICROS },
	    { { "region", "REGION", OUT_TEXT }, C_TASK_VERSIONS_REGION },
	    { { "url", "URL", OUT_TEXT }, C_TASK_VERSIONS_URL },
	} };

/* Says what the list left out. */
static enum rc
list_footer(struct admin *a, int64_t shown, struct err *e)
{
	int64_t active, paused, removed;
	char of_what[60];
	enum rc rc;

	rc = query_ints(db_query(a->db, Q_TASK_STATES),
	    (int64_t *[]){ &active, &paused, &removed }, 3, e);
	(void)snprintf(of_what, sizeof(of_what),
	    "tasks, of which %" PRId64 " are removed", removed);
	table_total(a->out, shown, active + paused + removed, of_what);
	out_field(a->out, "removed", NULL, OUT_COUNT, out_int(removed));
	return rc;
}

enum admin_exit
command_task_list(struct admin *a)
{
	struct err e = ERR_INIT;
	int64_t limit, shown;
	enum admin_exit code;
	struct query *q;
	enum rc rc;

	code = admin_open_list(a, LIST_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_TASK_LIST);
	query_int(q, 1, a->args.opt[OPT_ALL] != NULL);
	query_int(q, 2, limit);
	rc = table_print(a->out, &tasks, q, "no tasks", &shown, &e);
	if (rc == RC_OK)
		rc = list_footer(a, shown, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static enum rc
show_fields(struct admin *a, const struct task_row *t, struct err *e)
{
	struct query *q = db_query(a->db, Q_TASK_OPENS);
	int64_t open_ms;
	enum rc rc;

	query_int(q, 1, t->region);
	query_int(q, 2, t->id);
	rc = query_one_int(q, &open_ms, e);
	/* A removed one opens no more. */
	if (rc != RC_OK && (rc != RC_NOT_FOUND || t->state != TASK_REMOVED))
		return rc;
	out_fields(a->out,
	    (const struct out_field[]){
		{ "id", "id", OUT_TEXT, out_text(t->name) },
		{ "type", "type", OUT_TEXT, out_text(t->def.type->name) },
		{ "state", "state", OUT_TEXT,
		    out_text(task_state_name(t->state)) },
		{ "opensMs", "next slot from", OUT_TIME,
		    out_if(t->state == TASK_ACTIVE, out_int(open_ms)) },
		{ "url", "url", OUT_TEXT, out_text(t->def.url) },
		{ "expectedStatus", "expected status", OUT_COUNT,
		    out_int(t->def.expected_status) },
		{ "timeoutMs", "timeout", OUT_SPAN,
		    out_int(t->def.timeout_ms) },
		{ "rewardMicros", "reward", OUT_USDC,
		    out_int(t->def.reward_micros) },
		{ "intervalMs", "interval", OUT_SPAN,
		    out_int(t->def.interval_ms) },
		{ "copies", "copies", OUT_COUNT, out_int(t->def.copies) },
		{ "cooldownMs", "cooldown", OUT_SPAN,
		    out_int(t->def.cooldown_ms) },
		{ "budgetMicros", "budget of a cycle", OUT_USDC,
		    out_if(t->def.budget_micros > 0,
			out_int(t->def.budget_micros)) },
		{ "region", "region", OUT_TEXT, out_text(t->def.region) },
		{ "private", "private", OUT_BOOL, out_int(t->is_private) },
		OUT_END });
	return RC_OK;
}

static enum rc
show_checks(
    struct admin *a, const struct task_row *t, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_TASK_CHECKS);

	query_int(q, 1, t->id);
	query_int(q, 2, LOOK_BACK);
	query_int(q, 3, limit);
	return table_print(a->out, &checks, q,
	    "none among the ledger's last 100,000 results", NULL, e);
}

static enum rc
show_versions(
    struct admin *a, const struct task_row *t, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_TASK_VERSIONS);

	query_int(q, 1, t->id);
	query_int(q, 2, limit);
	return table_print(a->out, &definitions, q, "none", NULL, e);
}

enum admin_exit
command_task_show(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct task_row t;
	int64_t limit;
	enum rc rc;

	code = admin_open_list(a, SHOW_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	rc = find_task(a->db, a->args.arg[0], &t, &e);
	if (rc == RC_OK)
		rc = show_fields(a, &t, &e);
	if (rc == RC_OK)
		rc = show_checks(a, &t, limit, &e);
	if (rc == RC_OK)
		rc = show_versions(a, &t, limit, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
