#include "uptime/response.h"

#include <stdlib.h>

static int
response_order(const void *a, const void *b)
{
	const struct response *x = a, *y = b;

	if (x->region != y->region)
		return x->region < y->region ? -1 : 1;
	return (x->ms > y->ms) - (x->ms < y->ms);
}

void
response_sort(struct response *all, size_t n)
{
	if (n > 0)
		qsort(all, n, sizeof(all[0]), response_order);
}

/* The nearest rank: the least of n sorted ones that so many of 100 don't
 * exceed. */
static int64_t
percentile(const struct response *all, size_t n, size_t percent)
{
	return all[(percent * n + 99) / 100 - 1].ms;
}

size_t
response_times_of(
    struct response_times *out, const struct response *all, size_t n)
{
	size_t m = 1;

	while (m < n && all[m].region == all[0].region)
		m++;
	*out = (struct response_times){ .results = (int64_t)m,
		.p50_ms = percentile(all, m, 50),
		.p95_ms = percentile(all, m, 95),
		.max_ms = all[m - 1].ms };
	return m;
}
