#include "ledger/cycle.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"

/*
 * Tasks that are added one after the other have one phase: as many as share a
 * page of the ledger, or so, which a poll then reads once for all that it is
 * given. Not so the first ones: where there are few, their slots go to more
 * workers when they open one by one.
 */
#define NEIGHBOURS 16
#define LONERS	   1024

/* The finaliser of SplitMix64: spreads neighbouring inputs. */
uint64_t
cycle_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* The workers' poll period, where the interval isn't shorter. */
static int64_t
span_ms(int64_t interval_ms)
{
	return interval_ms < POLL_PERIOD_MS ? interval_ms : POLL_PERIOD_MS;
}

static int64_t
phase_1_ms(int64_t task, int64_t interval_ms, int64_t start_ms)
{
	int64_t first = task < LONERS ? task : task - task % NEIGHBOURS;
	uint64_t h;

	if (start_ms / DAY_MS != (start_ms - interval_ms) / DAY_MS)
		return 0;
	h = cycle_mix(
	    cycle_mix((uint64_t)first) + (uint64_t)(start_ms / HOUR_MS));
	return (int64_t)(h % (uint64_t)span_ms(interval_ms));
}

/* How long after its nominal start a cycle opens: 0 to interval_ms - 1. */
typedef int64_t phase_fn(int64_t task, int64_t interval_ms, int64_t start_ms);

static phase_fn *const phases[] = {
	[1] = phase_1_ms,
};

static_assert(sizeof(phases) / sizeof(phases[0]) == PHASE_NEWEST + 1,
    "the newest phase is the last");

bool
phase_is_known(int64_t phase)
{
	return phase >= 1 && phase <= PHASE_NEWEST;
}

int64_t
cycle_opens_ms(
    int64_t phase, int64_t task, int64_t interval_ms, int64_t start_ms)
{
	CHECK(phase_is_known(phase));
	return start_ms + phases[phase](task, interval_ms, start_ms);
}

int64_t
cycle_at(int64_t phase, int64_t task, int64_t interval_ms, int64_t now_ms)
{
	int64_t start_ms = now_ms - now_ms % interval_ms;

	if (cycle_opens_ms(phase, task, interval_ms, start_ms) > now_ms)
		start_ms -= interval_ms;
	return start_ms;
}

int64_t
cycle_patience_ms(int64_t interval_ms)
{
	return span_ms(interval_ms) * 8 / 10;
}
