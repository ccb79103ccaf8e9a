#include "serve/load.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

/* So long more than three quarters of the exchanges are taken before some
 * requests are refused. */
#define OVERLOAD_AFTER_MS 2000

static_assert(2 * OVERLOAD_AFTER_MS < POLL_TIMEOUT_MS,
    "a worker that is refused hears of it before it gives up");

void
load_init(struct load *l, size_t exchanges)
{
	*l = (struct load){ .limit = (int)(exchanges - exchanges / 4) };
	atomic_store(&l->calm_ms, clock_monotonic_ms());
}

static void
load_watch(struct load *l, int present)
{
	int64_t now_ms = clock_monotonic_ms();

	if (present <= l->limit) {
		atomic_store(&l->calm_ms, now_ms);
		if (present <= (l->limit + 1) / 2 &&
		    atomic_load(&l->overloaded) &&
		    atomic_exchange(&l->overloaded, false))
			log_notice(
			    "no longer overloaded, after %lld answers of 503",
			    atomic_exchange(&l->refused, 0));
	} else if (now_ms - atomic_load(&l->calm_ms) > OVERLOAD_AFTER_MS &&
	    !atomic_exchange(&l->overloaded, true))
		log_warning(
		    "overloaded: more than %d requests at work for %d ms",
		    l->limit, OVERLOAD_AFTER_MS);
}

bool
load_admit(struct load *l, size_t behind)
{
	int working = atomic_fetch_add(&l->working, 1) + 1;

	load_watch(l, working + (int)behind);
	if (!atomic_load(&l->overloaded) || working <= l->limit)
		return true;
	atomic_fetch_sub(&l->working, 1);
	atomic_fetch_add(&l->refused, 1);
	return false;
}

void
load_done(struct load *l)
{
	atomic_fetch_sub(&l->working, 1);
}
