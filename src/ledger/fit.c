#include "ledger/fit.h"

#include "base/limits.h"

bool
fit_is_known(int64_t fit)
{
	return fit >= FIT_UNASKED && fit <= FIT_NEWEST;
}

/* What failed after the status had come is no success all the same. */
static bool
is_contradiction(const struct fit_task *t, const struct result_row *res)
{
	bool as_expected = res->status != ABSENT &&
	    t->type->is_success(res->status, t->expected_status);

	return as_expected ? !res->success && !res->has_error : res->success;
}

enum fit
fit_judge(const struct terms_row *by, const struct fit_task *t,
    const struct result_row *res, int64_t arrived_ms)
{
	if (by->fit == FIT_UNASKED)
		return FIT_RIGHT;
	if (res->status == ABSENT && !res->has_error)
		return FIT_NO_OUTCOME;
	if (is_contradiction(t, res))
		return FIT_CONTRADICTS;
	if (res->timestamp_ms < t->assigned_ms - by->clock_skew_ms)
		return FIT_BEFORE_GIVEN;
	if (res->response_ms == ABSENT)
		return FIT_RIGHT;
	if (res->response_ms > t->timeout_ms + REOFFER_AFTER_MS)
		return FIT_OVER_TIMEOUT;
	if (res->response_ms > arrived_ms - t->assigned_ms + RESPONSE_SLACK_MS)
		return FIT_OVER_WAIT;
	return FIT_RIGHT;
}
