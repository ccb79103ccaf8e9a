/*
 * How long a task's answers took: doc/uptime, 9. Pure functions on integers;
 * any thread.
 */
#ifndef WORKNET_UPTIME_RESPONSE_H
#define WORKNET_UPTIME_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

/* A result, and the region that its definition asked for. */
struct response {
	int64_t region;
	int64_t ms;
};

struct response_times {
	int64_t results;
	int64_t p50_ms; /* half of them took no longer */
	int64_t p95_ms; /* nor 95 of 100 longer than that */
	int64_t max_ms;
};

/* By region, then by time. */
void response_sort(struct response *all, size_t n);

/*
 * The first region's times of n > 0 results that are sorted. Returns how many
 * of them are its.
 */
size_t response_times_of(
    struct response_times *out, const struct response *all, size_t n);

#endif
