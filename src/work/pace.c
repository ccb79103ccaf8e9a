#include "work/pace.h"

#include "base/err.h"

int64_t
pace_phase_ms(int64_t interval_ms, uint64_t random)
{
	CHECK(interval_ms > 0);
	if (interval_ms < JITTER_INTERVAL_MIN_MS)
		return 0;
	return (int64_t)(random % (uint64_t)interval_ms);
}

int64_t
pace_next_ms(int64_t due_ms, int64_t interval_ms, int64_t now_ms)
{
	int64_t missed;

	CHECK(interval_ms > 0);
	if (now_ms < due_ms + interval_ms)
		return due_ms + interval_ms;
	missed = (now_ms - due_ms) / interval_ms;
	return due_ms + (missed + 1) * interval_ms;
}

int64_t
pace_quiet_until_ms(int64_t retry_after_s, int64_t now_ms)
{
	if (retry_after_s <= 0)
		return now_ms;
	if (retry_after_s > RETRY_AFTER_MAX_MS / 1000)
		return now_ms + RETRY_AFTER_MAX_MS;
	return now_ms + retry_after_s * 1000;
}
