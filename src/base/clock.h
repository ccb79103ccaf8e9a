/* Clocks, in milliseconds. Any thread. */
#ifndef WORKNET_BASE_CLOCK_H
#define WORKNET_BASE_CLOCK_H

#include <stdint.h>

#define HOUR_MS (3600 * 1000LL)
#define DAY_MS	(24 * HOUR_MS)

/* Unix time: for what others see, and what is kept. */
int64_t clock_unix_ms(void);
/* Since some moment of the past: for waiting. Nobody sets it. */
int64_t clock_monotonic_ms(void);

#endif
