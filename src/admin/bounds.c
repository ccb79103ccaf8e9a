#include "admin/bounds.h"

#include <inttypes.h>

#include "base/clock.h"

/*
 * Slots of a task that a worker can be paid for in 24 hours: those given in
 * that time, and before it in the window in which they are still paid; one
 * for the part at each end.
 */
static int64_t
slots_a_day(int64_t interval_ms, int64_t cooldown_ms, int64_t window_ms)
{
	int64_t gap_ms = cooldown_ms > interval_ms ? cooldown_ms : interval_ms;

	return (DAY_MS + window_ms) / (gap_ms > 0 ? gap_ms : 1) + 2;
}

enum rc
bounds_read(
    struct db *db, const struct conf *c, struct bounds *out, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_BOUNDS);
	int64_t reward, micros;
	bool overflow = false;
	enum rc rc;
	bool row;

	*out = (struct bounds){ .day_micros = 0 };
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		reward = query_get_int(q, 0);
		if (reward > out->reward_micros)
			out->reward_micros = reward;
		overflow |= __builtin_mul_overflow(reward,
		    slots_a_day(query_get_int(q, 1), query_get_int(q, 2),
			c->result_window_ms),
		    &micros);
		overflow |= __builtin_add_overflow(
		    out->day_micros, micros, &out->day_micros);
	}
	query_done(q);
	if (overflow)
		out->day_micros = INT64_MAX;
	return rc;
}

bool
bounds_say(const struct bounds *b, const struct conf *c, char *out, size_t size)
{
	const int64_t day = c->payout_max_per_worker_day_micros;
	bool paid = c->payout_network[0] != '\0';

	if (paid && b->reward_micros > c->payout_max_reward_micros) {
		(void)snprintf(out, size,
		    "a task pays %" PRId64
		    " micro-USDC for a result, and above max_reward_micros = %" PRId64
		    " nobody is paid",
		    b->reward_micros, c->payout_max_reward_micros);
		return true;
	}
	if (paid && day > 0 && b->day_micros > day) {
		(void)snprintf(out, size,
		    "a worker can earn %" PRId64
		    " micro-USDC a day, and above max_per_worker_day_micros = %" PRId64
		    " it isn't paid",
		    b->day_micros, day);
		return true;
	}
	(void)snprintf(out, size,
	    "with these tasks max_reward_micros = %" PRId64
	    " and max_per_worker_day_micros = %" PRId64 " pay every worker",
	    b->reward_micros, b->day_micros);
	return false;
}
