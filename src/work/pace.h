/* When rounds begin. Pure functions; any thread. */
#ifndef WORKNET_WORK_PACE_H
#define WORKNET_WORK_PACE_H

#include <stdint.h>

/* Below this the first round begins at once. */
#define JITTER_INTERVAL_MIN_MS 5000

/* A Retry-After above this is a mistake, not a plan. */
#define RETRY_AFTER_MAX_MS (3600LL * 1000)

/*
 * How long to wait before the first round, from a random number: anywhere
 * within the interval, so that workers restarted together spread out.
 */
int64_t pace_phase_ms(int64_t interval_ms, uint64_t random);

/*
 * The next round after the one that was due at due_ms: at the same phase,
 * the first in the future; rounds which were missed are not made up for.
 */
int64_t pace_next_ms(int64_t due_ms, int64_t interval_ms, int64_t now_ms);

/*
 * Until when to leave the coordinator alone after a 429 or 503 with this
 * Retry-After (0: it had none; now_ms itself).
 */
int64_t pace_quiet_until_ms(int64_t retry_after_s, int64_t now_ms);

#endif
