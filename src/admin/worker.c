/* worknet worker list, show, suspend, resume, forfeit. */
#include <inttypes.h>
#include <string.h>

#include "admin/commands.h"
#include "admin/find.h"
#include "admin/table.h"
#include "admin/value.h"
#include "base/clock.h"
#include "ledger/account.h"
#include "ledger/drill_record.h"
#include "ledger/forfeit.h"
#include "ledger/maturity.h"
#include "ledger/refusal.h"
#include "ledger/verdict.h"
#include "ledger/worker.h"

#define REFUSAL_LINES 60 /* of a day and a reason each */

static const struct table workers = { "workers", NULL,
	{
	    { { "address", "ADDRESS", OUT_ADDRESS }, C_WORKER_LIST_ADDRESS },
	    { { "state", "STATE", OUT_TEXT }, C_WORKER_LIST_STATE },
	    { { "owedMicros", "OWED", OUT_USDC }, C_WORKER_LIST_OWED_MICROS },
	    { { "inFlightMicros", "IN FLIGHT", OUT_USDC },
		C_WORKER_LIST_IN_FLIGHT_MICROS },
	    { { "paidMicros", "PAID", OUT_USDC }, C_WORKER_LIST_PAID_MICROS },
	    { { "firstSeenMs", "FIRST SEEN", OUT_TIME },
		C_WORKER_LIST_FIRST_SEEN_MS },
	    { { "network", "NETWORK", OUT_TEXT }, C_WORKER_LIST_NETWORK },
	    { { "standingResults", "RESULTS", OUT_COUNT },
		C_WORKER_LIST_RESULTS },
	    { { "standingHours", "HOURS", OUT_COUNT }, C_WORKER_LIST_HOURS },
	    { { "drillsWrong", "FAILED", OUT_COUNT }, C_WORKER_LIST_WRONG },
	    { { "apart", "APART", OUT_COUNT }, C_WORKER_LIST_APART },
	    { { "slotsSilent", "SILENT", OUT_COUNT }, C_WORKER_LIST_SILENT },
	} };

static const struct table last_results = { "lastResults", "Last results",
	{
	    { { "slot", "SLOT", OUT_COUNT }, C_WORKER_RESULTS_SLOT },
	    { { "timestampMs", "AT", OUT_TIME },
		C_WORKER_RESULTS_TIMESTAMP_MS },
	    { { "success", "UP", OUT_BOOL }, C_WORKER_RESULTS_SUCCESS },
	    { { "statusCode", "STATUS", OUT_COUNT }, C_WORKER_RESULTS_STATUS },
	    { { "responseTimeMs", "TOOK", OUT_SPAN },
		C_WORKER_RESULTS_RESPONSE_MS },
	    { { "rewardMicros", "REWARD", OUT_USDC },
		C_WORKER_RESULTS_REWARD_MICROS },
	    { { "taskId", "TASK", OUT_TEXT }, C_WORKER_RESULTS_TASK },
	    { { "error", "ERROR", OUT_TEXT }, C_WORKER_RESULTS_ERROR },
	} };

static const struct table forfeits = { "forfeits", "Forfeited",
	{
	    { { "transfer", "TRANSFER", OUT_COUNT }, C_FORFEIT_LIST_TRANSFER },
	    { { "atMs", "AT", OUT_TIME }, C_FORFEIT_LIST_AT_MS },
	    { { "micros", "USDC", OUT_USDC }, C_FORFEIT_LIST_MICROS },
	    { { "sinceMs", "CREDITED SINCE", OUT_TIME },
		C_FORFEIT_LIST_SINCE_MS },
	    { { "by", "BY", OUT_TEXT }, C_FORFEIT_LIST_BY },
	    { { "why", "WHY", OUT_TEXT }, C_FORFEIT_LIST_WHY },
	} };

static const struct table drills = { "drills", "Drills that it didn't pass",
	{
	    { { "slot", "SLOT", OUT_COUNT }, C_DRILL_LIST_SLOT },
	    { { "assignedMs", "AT", OUT_TIME }, C_DRILL_LIST_ASSIGNED_MS },
	    { { "wanted", "WANTED", OUT_COUNT }, C_DRILL_LIST_WANTED },
	    { { "reported", "REPORTED", OUT_COUNT }, C_DRILL_LIST_REPORTED },
	    { { "outcome", "OUTCOME", OUT_TEXT }, C_DRILL_LIST_OUTCOME },
	} };

static const struct table dissents = { "dissents", "Results that stood apart",
	{
	    { { "slot", "SLOT", OUT_COUNT }, C_DISSENT_LIST_SLOT },
	    { { "cycleMs", "CYCLE", OUT_TIME }, C_DISSENT_LIST_CYCLE_MS },
	    { { "success", "UP", OUT_BOOL }, C_DISSENT_LIST_SUCCESS },
	    { { "statusCode", "STATUS", OUT_COUNT }, C_DISSENT_LIST_STATUS },
	    { { "networksUp", "SAID UP", OUT_COUNT }, C_DISSENT_LIST_UP },
	    { { "networksDown", "DOWN", OUT_COUNT }, C_DISSENT_LIST_DOWN },
	    { { "taskId", "TASK", OUT_TEXT }, C_DISSENT_LIST_TASK },
	} };

static const struct table sightings = { "sightings",
	"Outages that it saw nothing of",
	{
	    { { "slot", "SLOT", OUT_COUNT }, C_SIGHTING_LIST_SLOT },
	    { { "assignedMs", "AT", OUT_TIME }, C_SIGHTING_LIST_ASSIGNED_MS },
	    { { "statusCode", "STATUS", OUT_COUNT }, C_SIGHTING_LIST_STATUS },
	    { { "taskId", "TASK", OUT_TEXT }, C_SIGHTING_LIST_TASK },
	} };

static const struct table assignments = { "openAssignments", "Open assignments",
	{
	    { { "slot", "SLOT", OUT_COUNT }, 0 },
	    { { "assignedMs", "ASSIGNED", OUT_TIME }, 2 },
	    { { "expiresMs", "PAID UNTIL", OUT_TIME }, 3 },
	    { { "taskId", "TASK", OUT_TEXT }, 1 },
	} };

static enum rc
list_footer(struct admin *a, int64_t shown, struct err *e)
{
	int64_t active, suspended;
	enum rc rc;

	rc = query_ints(db_query(a->db, Q_WORKER_STATES),
	    (int64_t *[]){ &active, &suspended }, 2, e);
	table_total(a->out, shown, active + suspended, "workers");
	return rc;
}

/* The number that worker_list's order has. */
static enum rc
order_parse(const char *by, int64_t *out, struct err *e)
{
	static const char *const orders[] = { "joined", "network", "record",
		"silence" };
	size_t i;

	*out = 0;
	for (i = 0; by != NULL && i < sizeof(orders) / sizeof(orders[0]); i++)
		if (strcmp(by, orders[i]) == 0) {
			*out = (int64_t)i;
			return RC_OK;
		}
	if (by == NULL)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "--by %.40s: say joined, network, record or silence", by);
}

enum admin_exit
command_worker_list(struct admin *a)
{
	struct err e = ERR_INIT;
	int64_t limit, order, shown, now_ms = clock_unix_ms();
	enum admin_exit code;
	struct query *q;
	enum rc rc;

	if (order_parse(a->args.opt[OPT_BY], &order, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_list(a, LIST_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	q = db_query(a->db, Q_WORKER_LIST);
	query_int(q, 1, limit);
	query_int(q, 2, order);
	query_int(q, 3, now_ms - a->conf.record_days * DAY_MS);
	query_int(q, 4, now_ms - a->conf.result_window_ms);
	rc = table_print(a->out, &workers, q, "no workers", &shown, &e);
	if (rc == RC_OK)
		rc = list_footer(a, shown, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static void
show_fields(struct admin *a, const struct account *s,
    const struct drill_record *record, int64_t apart)
{
	char checksummed[ADDRESS_LEN + 1];

	address_format(checksummed, &s->address, ADDRESS_CHECKSUM);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "address", "address", OUT_TEXT, out_text(checksummed) },
		{ "state", "state", OUT_TEXT,
		    out_text(s->suspended ? "suspended" : "active") },
		{ "firstSeenMs", "first seen", OUT_TIME,
		    out_int(s->first_seen_ms) },
		{ "record", "record", OUT_TEXT,
		    out_text(s->maturity.established ? "good" : "new") },
		{ "tier", "tier", OUT_TEXT,
		    out_text(s->tier[0] == '\0' ? NULL : s->tier) },
		{ "rewardPermille", "reward (1000: the task's)", OUT_COUNT,
		    out_int(s->reward_permille) },
		{ "payableAfterMs", "payable after", OUT_SPAN,
		    out_int(s->maturity.span_ms) },
		{ "earnedMicros", "earned", OUT_USDC,
		    out_int(s->earned_micros) },
		{ "owedMicros", "owed", OUT_USDC, out_int(s->owed_micros) },
		{ "payableMicros", "payable now", OUT_USDC,
		    out_int(s->payable_micros) },
		{ "forfeitedMicros", "forfeited", OUT_USDC,
		    out_int(s->forfeited_micros) },
		{ "inFlightMicros", "in flight", OUT_USDC,
		    out_int(s->in_flight_micros) },
		{ "paidMicros", "paid", OUT_USDC, out_int(s->paid_micros) },
		{ "results", "results", OUT_COUNT, out_int(s->results) },
		{ "drillsRight", "drills right", OUT_COUNT,
		    out_int(record->right) },
		{ "drillsWrong", "drills wrong", OUT_COUNT,
		    out_int(record->wrong) },
		{ "drillsSilent", "drills silent", OUT_COUNT,
		    out_int(record->silent) },
		{ "outagesSeen", "outages seen", OUT_COUNT,
		    out_int(record->seen_right) },
		{ "outagesMissed", "outages missed", OUT_COUNT,
		    out_int(record->seen_wrong) },
		{ "apart", "stood apart", OUT_COUNT, out_int(apart) },
		OUT_END });
}

/* The last rows of one kind, of a query by worker and limit. */
static enum rc
show_last(struct admin *a, enum query_id id, const struct table *t,
    int64_t worker, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, id);

	query_int(q, 1, worker);
	query_int(q, 2, limit);
	return table_print(a->out, t, q, "none", NULL, e);
}

static enum rc
show_assignments(struct admin *a, int64_t worker, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_WORKER_ASSIGNMENTS);

	query_int(q, 1, worker);
	query_int(q, 2, clock_unix_ms());
	query_int(q, 3, limit);
	return table_print(a->out, &assignments, q, "none", NULL, e);
}

/* As its page and its JSON have them, under the same names. */
static enum rc
show_refusals(struct admin *a, int64_t worker, struct err *e)
{
	static const struct out_column columns[] = {
		{ "dayMs", "DAY", OUT_TIME },
		{ "results", "RESULTS", OUT_COUNT },
		{ "reason", "REASON", OUT_TEXT },
	};
	struct refusal_line lines[REFUSAL_LINES];
	int64_t sum;
	size_t i, n;
	enum rc rc = refusals_read(
	    a->db, worker, clock_unix_ms(), lines, REFUSAL_LINES, &n, &sum, e);

	if (rc != RC_OK)
		return rc;
	out_field(a->out, "refused", NULL, OUT_COUNT, out_int(sum));
	out_table(a->out, "refusals", "Results refused in 30 days", columns, 3);
	for (i = 0; i < n; i++)
		out_row(a->out,
		    (struct out_value[]){ out_int(lines[i].day * DAY_MS),
			out_int(lines[i].results), out_text(lines[i].reason) });
	out_table_end(a->out, "none");
	return RC_OK;
}

static enum rc
show_account(
    struct admin *a, const struct address *address, int64_t *id, struct err *e)
{
	int64_t apart, now_ms = clock_unix_ms();
	struct drill_record record;
	struct account s;
	enum rc rc = account_read(a->db, address, now_ms, &s, e);

	*id = s.id;
	if (rc == RC_OK)
		rc = drill_record_read(a->db, s.id,
		    now_ms - a->conf.record_days * DAY_MS, false, &record, e);
	if (rc == RC_OK)
		rc = verdict_dissents(a->db, s.id,
		    now_ms - a->conf.record_days * DAY_MS, &apart, e);
	if (rc == RC_OK)
		show_fields(a, &s, &record, apart);
	return rc;
}

enum admin_exit
command_worker_show(struct admin *a)
{
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	int64_t limit, id;
	enum rc rc;

	if (find_worker_check(a->args.arg[0], &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_list(a, SHOW_LIMIT, &limit);
	if (code != ADMIN_OK)
		return code;
	rc = find_worker(a->db, a->args.arg[0], &address, &e);
	if (rc == RC_OK)
		rc = show_account(a, &address, &id, &e);
	if (rc == RC_OK)
		rc = show_last(
		    a, Q_WORKER_RESULTS, &last_results, id, limit, &e);
	if (rc == RC_OK)
		rc = show_assignments(a, id, limit, &e);
	if (rc == RC_OK)
		rc = show_refusals(a, id, &e);
	if (rc == RC_OK)
		rc = show_last(a, Q_FORFEIT_LIST, &forfeits, id, limit, &e);
	if (rc == RC_OK)
		rc = show_last(a, Q_DRILL_LIST, &drills, id, limit, &e);
	if (rc == RC_OK)
		rc = show_last(a, Q_DISSENT_LIST, &dissents, id, limit, &e);
	if (rc == RC_OK)
		rc = show_last(a, Q_SIGHTING_LIST, &sightings, id, limit, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static enum admin_exit
set_suspended(struct admin *a, bool suspended, const char *done)
{
	char text[ADDRESS_LEN + 1];
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	enum rc rc;

	if (find_worker_check(a->args.arg[0], &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open_edit(a);
	if (code != ADMIN_OK)
		return code;
	rc = find_worker(a->db, a->args.arg[0], &address, &e);
	if (rc == RC_OK)
		rc = worker_set_suspended(a->db, &address, suspended, &e);
	code = admin_commit(a, rc, &e);
	if (code != ADMIN_OK)
		return code;
	address_format(text, &address, ADDRESS_CHECKSUM);
	admin_done(a, "address", text, done);
	out_note(a->out, "worker %s %s", text, done);
	return ADMIN_OK;
}

enum admin_exit
command_worker_suspend(struct admin *a)
{
	return set_suspended(a, true, "suspended");
}

enum admin_exit
command_worker_resume(struct admin *a)
{
	return set_suspended(a, false, "resumed");
}

/* ---- forfeit ---- */

static void
forfeit_say(struct admin *a, const struct address *address, int64_t micros)
{
	char usdc[VALUE_TEXT_MAX], text[ADDRESS_LEN + 1];

	address_format(text, address, ADDRESS_CHECKSUM);
	value_format_usdc(usdc, micros);
	admin_done(a, "address", text, "forfeited");
	out_field(a->out, "forfeitedMicros", NULL, OUT_USDC, out_int(micros));
	if (micros == 0)
		out_note(a->out,
		    "worker %s: nothing that was credited since then is still owed",
		    text);
	else
		out_note(a->out, "worker %s: %s USDC forfeited", text, usdc);
}

/* Both options, and whether the argument can be a worker. */
static enum rc
forfeit_parse(struct admin *a, struct forfeit *f, struct err *e)
{
	const char *since = a->args.opt[OPT_SINCE], *why = a->args.opt[OPT_WHY];
	enum rc rc;

	*f = (struct forfeit){ .by = "operator", .why = why };
	if (since == NULL || why == NULL)
		return err_set(
		    e, RC_INVALID, "--since TIME and --why TEXT are needed");
	rc = find_worker_check(a->args.arg[0], e);
	if (rc == RC_OK)
		rc = value_parse_time(&f->since_ms, "--since", since, e);
	return rc;
}

enum admin_exit
command_worker_forfeit(struct admin *a)
{
	struct err e = ERR_INIT;
	struct address address;
	struct worker_row w = { .id = 0 };
	enum admin_exit code;
	int64_t micros = 0;
	char text[ADDRESS_LEN + 1];
	struct forfeit f;
	enum rc rc;

	if (forfeit_parse(a, &f, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = find_worker(a->db, a->args.arg[0], &address, &e);
	if (rc == RC_OK)
		rc = worker_find(a->db, &address, &w, &e);
	f.worker = w.id;
	address_format(text, &address, ADDRESS_CHECKSUM);
	if (rc == RC_OK &&
	    !admin_confirm(
		a, "Take back what %s was credited, for ever?", text))
		return ADMIN_REFUSED;
	if (rc == RC_OK)
		rc = forfeit_credit(a->db, &f, clock_unix_ms(), &micros, &e);
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	forfeit_say(a, &address, micros);
	return ADMIN_OK;
}
