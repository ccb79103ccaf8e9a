#include "admin/network.h"

#include <inttypes.h>
#include <stdio.h>

#include "admin/table.h"
#include "base/clock.h"
#include "base/limits.h"
#include "ledger/terms.h"

/* So many of 1000 slots unanswered explain that cycles are missed. */
#define SILENT_MANY 100

static const struct table networks = { "networks", "Given to networks",
	{
	    { { "network", "NETWORK", OUT_TEXT }, C_NETWORK_SUMS_NETWORK },
	    { { "workers", "ADDRESSES", OUT_COUNT }, C_NETWORK_SUMS_WORKERS },
	    { { "given", "GIVEN", OUT_COUNT }, C_NETWORK_SUMS_GIVEN },
	    { { "paid", "PAID", OUT_COUNT }, C_NETWORK_SUMS_PAID },
	    { { "silent", "SILENT", OUT_COUNT }, C_NETWORK_SUMS_SILENT },
	} };

static enum rc
given_read(
    struct network_sums *n, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q = db_query(db, Q_ASSIGNMENT_SUMS);

	query_int(q, 1, n->from_ms);
	query_int(q, 2, n->to_ms);
	query_int(q, 3, c->standing_results);
	query_int(q, 4, c->standing_hours);
	return row_ints(q,
	    (int64_t *[]){ &n->given, &n->paid, &n->late, &n->silent,
		&n->new_given, &n->new_paid, &n->workers, &n->networks },
	    8, e);
}

static enum rc
drills_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return row_ints(q,
	    (int64_t *[]){ &n->drills, &n->drills_wrong, &n->drills_micros }, 3,
	    e);
}

static enum rc
verdicts_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_VERDICT_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return row_ints(
	    q, (int64_t *[]){ &n->compared, &n->contradicted }, 2, e);
}

static enum rc
witnesses_read(
    struct network_sums *n, struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_SUMS);

	query_int(q, 1, now_ms - DAY_MS);
	return row_ints(q,
	    (int64_t *[]){
		&n->witness_slots, &n->witness_micros, &n->seen_wrong },
	    3, e);
}

enum rc
network_read(struct network_sums *n, struct db *db, const struct conf *c,
    int64_t now_ms, struct err *e)
{
	struct terms_row terms;
	struct query *q;
	enum rc rc;

	*n = (struct network_sums){ .given = 0 };
	rc = terms_now(db, &terms, e);
	if (rc != RC_OK)
		return rc;
	n->from_ms = now_ms - 2 * terms.result_window_ms;
	n->to_ms = now_ms - terms.result_window_ms;
	rc = given_read(n, db, c, e);
	if (rc == RC_OK)
		rc = drills_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = verdicts_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = witnesses_read(n, db, now_ms, e);
	if (rc == RC_OK)
		rc = row_ints(db_query(db, Q_TASK_NEEDS),
		    (int64_t *[]){ &n->day_micros, &n->workers_needed }, 2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_FUTURE);
	query_int(q, 1, now_ms);
	query_int(q, 2, POLL_PERIOD_MS);
	return query_one_int(q, &n->future_tasks, e);
}

void
network_print(struct admin *a, const struct network_sums *n)
{
	out_fields(a->out,
	    (const struct out_field[]){
		{ "countedFromMs", NULL, OUT_TIME, out_int(n->from_ms) },
		{ "countedToMs", NULL, OUT_TIME, out_int(n->to_ms) },
		{ "slotsGiven", NULL, OUT_COUNT, out_int(n->given) },
		{ "slotsPaid", NULL, OUT_COUNT, out_int(n->paid) },
		{ "slotsLate", NULL, OUT_COUNT, out_int(n->late) },
		{ "slotsSilent", NULL, OUT_COUNT, out_int(n->silent) },
		{ "slotsGivenNew", NULL, OUT_COUNT, out_int(n->new_given) },
		{ "slotsPaidNew", NULL, OUT_COUNT, out_int(n->new_paid) },
		{ "workersPaid", NULL, OUT_COUNT, out_int(n->workers) },
		{ "networksPaid", NULL, OUT_COUNT, out_int(n->networks) },
		{ "drillsLastDay", NULL, OUT_COUNT, out_int(n->drills) },
		{ "drillsWrong", NULL, OUT_COUNT, out_int(n->drills_wrong) },
		{ "drillsMicros", NULL, OUT_USDC, out_int(n->drills_micros) },
		{ "cyclesCompared", NULL, OUT_COUNT, out_int(n->compared) },
		{ "cyclesContradicted", NULL, OUT_COUNT,
		    out_int(n->contradicted) },
		{ "witnessSlots", NULL, OUT_COUNT, out_int(n->witness_slots) },
		{ "witnessMicros", NULL, OUT_USDC, out_int(n->witness_micros) },
		{ "witnessesContradict", NULL, OUT_COUNT,
		    out_int(n->seen_wrong) },
		OUT_END });
	out_line(a->out, "slots",
	    "%lld given in %lld minutes: %lld paid, %lld late, %lld unanswered",
	    (long long)n->given, (long long)((n->to_ms - n->from_ms) / 60000),
	    (long long)n->paid, (long long)n->late, (long long)n->silent);
	out_line(a->out, "newcomers", "%lld of these given, %lld paid",
	    (long long)n->new_given, (long long)n->new_paid);
	out_line(a->out, "at work", "%lld addresses of %lld networks",
	    (long long)n->workers, (long long)n->networks);
	if (n->drills > 0)
		out_line(a->out, "drills",
		    "%lld in the last day, %lld failed, for %lld micro-USDC",
		    (long long)n->drills, (long long)n->drills_wrong,
		    (long long)n->drills_micros);
	if (n->compared > 0)
		out_line(a->out, "compared",
		    "%lld cycles of the last day, in %lld of them results differ",
		    (long long)n->compared, (long long)n->contradicted);
	if (n->witness_slots > 0)
		out_line(a->out, "witnesses",
		    "%lld slots in the last day, for %lld micro-USDC; they contradict %lld results",
		    (long long)n->witness_slots, (long long)n->witness_micros,
		    (long long)n->seen_wrong);
	out_fields(a->out,
	    (const struct out_field[]){ { "dayMicros", "a day costs at most",
					    OUT_USDC, out_int(n->day_micros) },
		OUT_END });
}

enum rc
network_table(
    struct admin *a, const struct network_sums *n, int64_t limit, struct err *e)
{
	struct query *q = db_query(a->db, Q_NETWORK_SUMS);

	query_int(q, 1, n->from_ms);
	query_int(q, 2, n->to_ms);
	query_int(q, 3, limit);
	return table_print(a->out, &networks, q, "nothing was given", NULL, e);
}

void
network_reason(const struct network_sums *n, const struct coverage *c,
    char *out, size_t size)
{
	if (n->future_tasks > 0)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: %lld wait for a time that a wrong clock has left, until the next poll",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->future_tasks);
	else if (n->workers < n->workers_needed)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: a task's copies and cooldown take %lld workers, %lld are at work",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->workers_needed, (long long)n->workers);
	else if (n->silent * 1000 > n->given * SILENT_MANY)
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: %lld of %lld slots that were given weren't answered",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->silent, (long long)n->given);
	else
		(void)snprintf(out, size,
		    "%lld of %lld tasks miss cycles: too few workers ask, %lld addresses of %lld networks are at work",
		    (long long)c->incomplete, (long long)c->tasks,
		    (long long)n->workers, (long long)n->networks);
}
