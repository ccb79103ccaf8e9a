/* worknet task list, show. */
#include <string.h>

#include "admin/admin.h"
#include "admin/value.h"
#include "ledger/task.h"

#define LIST_LIMIT 100
#define SHOW_LIMIT 10
#define LOOK_BACK  100000 /* results in which a task's are looked for */

static const struct out_column list_columns[] = {
	{ "id", "ID", OUT_TEXT },
	{ "type", NULL, OUT_TEXT },
	{ "state", "STATE", OUT_TEXT },
	{ "expectedStatus", "EXPECT", OUT_COUNT },
	{ "timeoutMs", "TIMEOUT", OUT_SPAN },
	{ "rewardMicros", "REWARD", OUT_USDC },
	{ "intervalMs", "EVERY", OUT_SPAN },
	{ "copies", "COPIES", OUT_COUNT },
	{ "cooldownMs", "COOLDOWN", OUT_SPAN },
	{ "region", "REGION", OUT_TEXT },
	{ "url", "URL", OUT_TEXT },
};

static void
list_row(struct admin *a, struct query *q)
{
	out_row(a->out,
	    (struct out_value[]){ out_slice(query_get_text(q, 0)),
		out_text("http_check"), out_slice(query_get_text(q, 1)),
		out_int(query_get_int(q, 3)), out_int(query_get_int(q, 4)),
		out_int(query_get_int(q, 5)), out_int(query_get_int(q, 6)),
		out_int(query_get_int(q, 7)), out_int(query_get_int(q, 8)),
		out_slice(query_get_text(q, 9)),
		out_slice(query_get_text(q, 2)) });
}

/* Says what the list left out. */
static enum rc
list_footer(struct admin *a, int64_t shown, struct err *e)
{
	static const struct out_column total_column = { "total", NULL,
		OUT_COUNT };
	struct query *q = db_query(a->db, Q_TASK_STATES);
	int64_t total = 0, removed = 0;
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		removed = query_get_int(q, 2);
		total = query_get_int(q, 0) + query_get_int(q, 1) + removed;
	}
	query_done(q);
	out_field(a->out, &total_column, out_int(total));
	if (shown < total)
		out_note(a->out,
		    "\n%lld of %lld tasks, of which %lld are "
		    "removed; --all lists every one",
		    (long long)shown, (long long)total, (long long)removed);
	return rc;
}

enum admin_exit
command_task_list(struct admin *a)
{
	struct err e = ERR_INIT;
	int64_t limit, shown = 0;
	enum admin_exit code;
	struct query *q;
	enum rc rc;
	bool row;

	if (admin_limit(a, LIST_LIMIT, &limit, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin_read(a->db, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	out_table(a->out, "tasks", NULL, list_columns,
	    sizeof(list_columns) / sizeof(list_columns[0]));
	q = db_query(a->db, Q_TASK_LIST);
	query_int(q, 1, a->args.opt[OPT_ALL] != NULL);
	query_int(q, 2, limit);
	for (; (rc = query_step(q, &row, &e)) == RC_OK && row; shown++)
		list_row(a, q);
	query_done(q);
	out_table_end(a->out, "no tasks");
	if (rc == RC_OK)
		rc = list_footer(a, shown, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static enum rc
show_fields(struct admin *a, const struct task_row *t, struct err *e)
{
	static const struct out_column
	    id = { "id", "id", OUT_TEXT },
	    type = { "type", "type", OUT_TEXT },
	    state = { "state", "state", OUT_TEXT },
	    opens = { "opensMs", "next slot from", OUT_TIME },
	    url = { "url", "url", OUT_TEXT },
	    status = { "expectedStatus", "expected status", OUT_COUNT },
	    timeout = { "timeoutMs", "timeout", OUT_SPAN },
	    reward = { "rewardMicros", "reward", OUT_USDC },
	    interval = { "intervalMs", "interval", OUT_SPAN },
	    copies = { "copies", "copies", OUT_COUNT },
	    cooldown = { "cooldownMs", "cooldown", OUT_SPAN },
	    region = { "region", "region", OUT_TEXT };
	struct query *q = db_query(a->db, Q_TASK_PLACE);
	int64_t open_ms;
	enum rc rc;

	query_int(q, 1, t->id);
	rc = query_one_int(q, &open_ms, e);
	if (rc != RC_OK)
		return rc;
	out_field(a->out, &id, out_text(t->name));
	out_field(a->out, &type, out_text("http_check"));
	out_field(a->out, &state, out_text(task_state_name(t->state)));
	out_field(a->out, &opens,
	    t->state == TASK_ACTIVE ? out_int(open_ms) : out_absent());
	out_field(a->out, &url, out_text(t->def.url));
	out_field(a->out, &status, out_int(t->def.expected_status));
	out_field(a->out, &timeout, out_int(t->def.timeout_ms));
	out_field(a->out, &reward, out_int(t->def.reward_micros));
	out_field(a->out, &interval, out_int(t->def.interval_ms));
	out_field(a->out, &copies, out_int(t->def.copies));
	out_field(a->out, &cooldown, out_int(t->def.cooldown_ms));
	out_field(a->out, &region, out_text(t->def.region));
	return RC_OK;
}

static enum rc
show_checks(
    struct admin *a, const struct task_row *t, int64_t limit, struct err *e)
{
	static const struct out_column columns[] = {
		{ "slot", "SLOT", OUT_COUNT },
		{ "timestampMs", "AT", OUT_TIME },
		{ "success", "UP", OUT_BOOL },
		{ "statusCode", "STATUS", OUT_COUNT },
		{ "responseTimeMs", "TOOK", OUT_SPAN },
		{ "workerAddress", "WORKER", OUT_TEXT },
		{ "error", "ERROR", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_TASK_CHECKS);
	enum rc rc;
	bool row;

	query_int(q, 1, t->id);
	query_int(q, 2, LOOK_BACK);
	query_int(q, 3, limit);
	out_table(a->out, "checks", "Last checks", columns, 7);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		out_row(a->out,
		    (struct out_value[]){ out_int(query_get_int(q, 0)),
			out_int(query_get_int(q, 1)),
			out_int(query_get_int(q, 2)),
			query_is_null(q, 3) ? out_absent()
					    : out_int(query_get_int(q, 3)),
			query_is_null(q, 4) ? out_absent()
					    : out_int(query_get_int(q, 4)),
			out_slice(query_get_text(q, 6)),
			query_is_null(q, 5)
			    ? out_absent()
			    : out_slice(query_get_text(q, 5)) });
	query_done(q);
	out_table_end(a->out, "none among the ledger's last 100,000 results");
	return rc;
}

static enum rc
show_versions(
    struct admin *a, const struct task_row *t, int64_t limit, struct err *e)
{
	static const struct out_column columns[] = {
		{ "definition", "NO", OUT_COUNT },
		{ "createdMs", "SINCE", OUT_TIME },
		{ "expectedStatus", "EXPECT", OUT_COUNT },
		{ "timeoutMs", "TIMEOUT", OUT_SPAN },
		{ "rewardMicros", "REWARD", OUT_USDC },
		{ "intervalMs", "EVERY", OUT_SPAN },
		{ "copies", "COPIES", OUT_COUNT },
		{ "cooldownMs", "COOLDOWN", OUT_SPAN },
		{ "region", "REGION", OUT_TEXT },
		{ "url", "URL", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_TASK_VERSIONS);
	enum rc rc;
	bool row;

	query_int(q, 1, t->id);
	query_int(q, 2, limit);
	out_table(
	    a->out, "definitions", "Definitions, newest first", columns, 10);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		out_row(a->out,
		    (struct out_value[]){ out_int(query_get_int(q, 0)),
			out_int(query_get_int(q, 1)),
			out_int(query_get_int(q, 3)),
			out_int(query_get_int(q, 4)),
			out_int(query_get_int(q, 5)),
			out_int(query_get_int(q, 6)),
			out_int(query_get_int(q, 7)),
			out_int(query_get_int(q, 8)),
			out_slice(query_get_text(q, 9)),
			out_slice(query_get_text(q, 2)) });
	query_done(q);
	out_table_end(a->out, "none");
	return rc;
}

enum admin_exit
command_task_show(struct admin *a)
{
	struct err e = ERR_INIT;
	enum admin_exit code;
	struct task_row t;
	int64_t limit;
	enum rc rc;

	if (admin_limit(a, SHOW_LIMIT, &limit, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin_read(a->db, &e);
	if (rc == RC_OK)
		rc = task_get(a->db, a->args.arg[0], &t, &e);
	if (rc == RC_OK)
		rc = show_fields(a, &t, &e);
	if (rc == RC_OK)
		rc = show_checks(a, &t, limit, &e);
	if (rc == RC_OK)
		rc = show_versions(a, &t, limit, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
