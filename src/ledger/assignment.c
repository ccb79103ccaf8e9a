#include "ledger/assignment.h"

#include "ledger/cycle.h"

enum rc
assignment_insert(struct db *db, const struct assignment *a, struct err *e)
{
	struct query *q = db_query(db, Q_ASSIGNMENT_PUT);
	const struct given_task *t = a->told;

	CHECK(a->worker > 0);
	CHECK(a->cycle_ms <= t->assigned_ms);
	if (t->slot <= 0 || a->copy < 0 || a->copy > COPIES_MAX ||
	    t->reward_micros <= 0)
		return err_set(e, RC_CORRUPT,
		    "task %s: slot %lld, copy %lld, for %lld micro-USDC makes no sense",
		    t->name, (long long)t->slot, (long long)a->copy,
		    (long long)t->reward_micros);
	query_int(q, 1, a->worker);
	query_text(q, 2, slice_of(t->name));
	query_int(q, 3, t->slot);
	query_int(q, 4, a->version);
	query_int(q, 5, t->reward_micros);
	query_int(q, 6, a->cycle_ms);
	query_int(q, 7, a->copy);
	query_int(q, 8, t->assigned_ms);
	query_int(q, 9, a->region);
	query_text(q, 10, a->network);
	query_int(q, 11, a->out_of_turn);
	query_text(q, 12, slice_of(t->type->name));
	query_int(q, 13, t->expected_status);
	query_int(q, 14, t->timeout_ms);
	query_int(q, 15, a->compared);
	query_int(q, 16, t->anchor);
	return query_run(q, e);
}

/* Whether the present row of q keeps the worker from a slot. */
static bool
row_forbids(struct query *q, const struct terms_row *terms, int64_t worker,
    const struct task_pace *t, int64_t cycle_ms, int64_t now_ms)
{
	int64_t assigned_ms = query_get_int(q, C_ASSIGNMENT_LAST_ASSIGNED_MS),
		age_ms = now_ms - assigned_ms, assigned_cycle_ms;
	const bool is_paid = !query_is_null(q, C_ASSIGNMENT_LAST_PAID_TO);

	if (is_paid && query_get_int(q, C_ASSIGNMENT_LAST_PAID_TO) != worker)
		return false;
	assigned_cycle_ms =
	    cycle_at(terms->phase, t->task, t->interval_ms, assigned_ms);
	/* Also one that another request was given some ms later. */
	if (age_ms < 0)
		return assigned_cycle_ms == cycle_ms;
	if (!is_paid)
		return age_ms <= terms->result_window_ms;
	return age_ms < t->cooldown_ms || assigned_cycle_ms >= cycle_ms;
}

enum rc
assignment_allows(struct db *db, const struct terms_row *terms, int64_t worker,
    const struct task_pace *t, int64_t cycle_ms, int64_t now_ms, bool *may,
    struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*may = true;
	if (worker == 0)
		return RC_OK;
	q = db_query(db, Q_ASSIGNMENT_LAST);
	query_int(q, 1, worker);
	query_text(q, 2, t->name);
	while (*may && (rc = query_step(q, &row, e)) == RC_OK && row)
		*may = !row_forbids(q, terms, worker, t, cycle_ms, now_ms);
	query_done(q);
	return *may ? rc : RC_OK;
}
