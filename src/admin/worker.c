/* worknet worker list, show, suspend, resume. */
#include <string.h>

#include "admin/admin.h"
#include "admin/value.h"
#include "ledger/worker.h"

#define LIST_LIMIT 100
#define SHOW_LIMIT 10

/* A worker as worker_get reads it, but for what its text says. */
struct account_sums {
	int64_t id;
	int64_t first_seen_ms;
	int64_t owed_micros;
	int64_t earned_micros;
	int64_t in_flight_micros;
	int64_t paid_micros;
	int64_t results;
	bool suspended;
};

static void
list_row(struct admin *a, struct query *q)
{
	out_row(a->out,
	    (struct out_value[]){ out_slice(query_get_text(q, 0)),
		out_slice(query_get_text(q, 1)), out_int(query_get_int(q, 3)),
		out_int(query_get_int(q, 4)), out_int(query_get_int(q, 5)),
		out_int(query_get_int(q, 2)) });
}

static enum rc
list_footer(struct admin *a, int64_t shown, struct err *e)
{
	static const struct out_column total_column = { "total", NULL,
		OUT_COUNT };
	struct query *q = db_query(a->db, Q_WORKER_STATES);
	int64_t total = 0;
	enum rc rc;
	bool row;

	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		total = query_get_int(q, 0) + query_get_int(q, 1);
	query_done(q);
	out_field(a->out, &total_column, out_int(total));
	if (shown < total)
		out_note(a->out,
		    "\n%lld of %lld workers; --all lists every "
		    "one",
		    (long long)shown, (long long)total);
	return rc;
}

enum admin_exit
command_worker_list(struct admin *a)
{
	static const struct out_column columns[] = {
		{ "address", "ADDRESS", OUT_TEXT },
		{ "state", "STATE", OUT_TEXT },
		{ "owedMicros", "OWED", OUT_USDC },
		{ "inFlightMicros", "IN FLIGHT", OUT_USDC },
		{ "paidMicros", "PAID", OUT_USDC },
		{ "firstSeenMs", "FIRST SEEN", OUT_TIME },
	};
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
	out_table(a->out, "workers", NULL, columns, 6);
	q = db_query(a->db, Q_WORKER_LIST);
	query_int(q, 1, limit);
	for (; (rc = query_step(q, &row, &e)) == RC_OK && row; shown++)
		list_row(a, q);
	query_done(q);
	out_table_end(a->out, "no workers");
	if (rc == RC_OK)
		rc = list_footer(a, shown, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

/* The address of the command line, which must be one. */
static enum rc
address_argument(const struct admin *a, struct address *out, struct err *e)
{
	enum rc rc;

	rc = address_parse(out, NULL, slice_of(a->args.arg[0]), e);
	return rc == RC_OK ? rc : err_prefix(e, "%.60s", a->args.arg[0]);
}

static enum rc
sums_read(
    struct admin *a, const char *address, struct account_sums *s, struct err *e)
{
	struct query *q = db_query(a->db, Q_WORKER_GET);
	enum rc rc;
	bool row;

	*s = (struct account_sums){ .id = 0 };
	query_text(q, 1, slice_of(address));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		s->id = query_get_int(q, 0);
		s->suspended = slice_is(query_get_text(q, 1), "suspended");
		s->first_seen_ms = query_get_int(q, 2);
		s->owed_micros = query_get_int(q, 3);
		s->earned_micros = query_get_int(q, 4);
		s->in_flight_micros = query_get_int(q, 5);
		s->paid_micros = query_get_int(q, 6);
		s->results = query_get_int(q, 7);
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "unknown worker %s", address);
	return rc;
}

static void
show_fields(struct admin *a, const struct address *address,
    const struct account_sums *s)
{
	static const struct out_column
	    text = { "address", "address", OUT_TEXT },
	    state = { "state", "state", OUT_TEXT },
	    seen = { "firstSeenMs", "first seen", OUT_TIME },
	    earned = { "earnedMicros", "earned", OUT_USDC },
	    owed = { "owedMicros", "owed", OUT_USDC },
	    in_flight = { "inFlightMicros", "in flight", OUT_USDC },
	    paid = { "paidMicros", "paid", OUT_USDC },
	    results = { "results", "results", OUT_COUNT };
	char checksummed[ADDRESS_LEN + 1];

	address_format(checksummed, address, ADDRESS_CHECKSUM);
	out_field(a->out, &text, out_text(checksummed));
	out_field(
	    a->out, &state, out_text(s->suspended ? "suspended" : "active"));
	out_field(a->out, &seen, out_int(s->first_seen_ms));
	out_field(a->out, &earned, out_int(s->earned_micros));
	out_field(a->out, &owed, out_int(s->owed_micros));
	out_field(a->out, &in_flight, out_int(s->in_flight_micros));
	out_field(a->out, &paid, out_int(s->paid_micros));
	out_field(a->out, &results, out_int(s->results));
}

static enum rc
show_results(struct admin *a, int64_t worker, int64_t limit, struct err *e)
{
	static const struct out_column columns[] = {
		{ "slot", "SLOT", OUT_COUNT },
		{ "timestampMs", "AT", OUT_TIME },
		{ "success", "UP", OUT_BOOL },
		{ "statusCode", "STATUS", OUT_COUNT },
		{ "responseTimeMs", "TOOK", OUT_SPAN },
		{ "rewardMicros", "REWARD", OUT_USDC },
		{ "taskId", "TASK", OUT_TEXT },
		{ "error", "ERROR", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_WORKER_RESULTS);
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	query_int(q, 2, limit);
	out_table(a->out, "lastResults", "Last results", columns, 8);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		out_row(a->out,
		    (struct out_value[]){ out_int(query_get_int(q, 0)),
			out_int(query_get_int(q, 2)),
			out_int(query_get_int(q, 3)),
			query_is_null(q, 4) ? out_absent()
					    : out_int(query_get_int(q, 4)),
			query_is_null(q, 5) ? out_absent()
					    : out_int(query_get_int(q, 5)),
			out_int(query_get_int(q, 7)),
			out_slice(query_get_text(q, 1)),
			query_is_null(q, 6)
			    ? out_absent()
			    : out_slice(query_get_text(q, 6)) });
	query_done(q);
	out_table_end(a->out, "none");
	return rc;
}

static enum rc
show_assignments(struct admin *a, int64_t worker, int64_t limit, struct err *e)
{
	static const struct out_column columns[] = {
		{ "slot", "SLOT", OUT_COUNT },
		{ "assignedMs", "ASSIGNED", OUT_TIME },
		{ "expiresMs", "PAID UNTIL", OUT_TIME },
		{ "taskId", "TASK", OUT_TEXT },
	};
	struct query *q = db_query(a->db, Q_WORKER_ASSIGNMENTS);
	int64_t window_ms = a->conf.result_window_ms;
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	query_int(q, 2, value_now_ms() - window_ms);
	query_int(q, 3, limit);
	out_table(a->out, "openAssignments", "Open assignments", columns, 4);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		out_row(a->out,
		    (struct out_value[]){ out_int(query_get_int(q, 0)),
			out_int(query_get_int(q, 2)),
			out_int(query_get_int(q, 2) + window_ms),
			out_slice(query_get_text(q, 1)) });
	query_done(q);
	out_table_end(a->out, "none");
	return rc;
}

enum admin_exit
command_worker_show(struct admin *a)
{
	char lower[ADDRESS_LEN + 1];
	struct err e = ERR_INIT;
	struct account_sums s;
	struct address address;
	enum admin_exit code;
	int64_t limit;
	enum rc rc;

	if (address_argument(a, &address, &e) != RC_OK ||
	    admin_limit(a, SHOW_LIMIT, &limit, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_READ);
	if (code != ADMIN_OK)
		return code;
	address_format(lower, &address, ADDRESS_LOWER);
	rc = db_begin_read(a->db, &e);
	if (rc == RC_OK)
		rc = sums_read(a, lower, &s, &e);
	if (rc == RC_OK) {
		show_fields(a, &address, &s);
		rc = show_results(a, s.id, limit, &e);
	}
	if (rc == RC_OK)
		rc = show_assignments(a, s.id, limit, &e);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}

static enum admin_exit
set_suspended(struct admin *a, bool suspended, const char *done)
{
	static const struct out_column text = { "address", NULL, OUT_TEXT },
				       what = { "done", NULL, OUT_TEXT };
	struct err e = ERR_INIT;
	struct address address;
	enum admin_exit code;
	enum rc rc;

	if (address_argument(a, &address, &e) != RC_OK)
		return admin_usage(a, &e);
	code = admin_open(a, DB_WRITE);
	if (code != ADMIN_OK)
		return code;
	rc = db_begin(a->db, &e);
	if (rc == RC_OK)
		rc = worker_set_suspended(a->db, &address, suspended, &e);
	if (rc == RC_OK)
		rc = db_commit(a->db, &e);
	if (rc != RC_OK) {
		db_rollback(a->db);
		return admin_fail(rc, &e);
	}
	out_field(a->out, &text, out_text(a->args.arg[0]));
	out_field(a->out, &what, out_text(done));
	out_note(a->out, "worker %s %s", a->args.arg[0], done);
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
