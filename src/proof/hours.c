#include "proof/hours.h"

#include <stdlib.h>

enum rc
hours_add(struct hours *h, int64_t index, int64_t to, struct err *e)
{
	size_t room;
	void *all;

	if (h->n == h->room) {
		room = h->room == 0 ? 64 : 2 * h->room;
		all = reallocarray(h->all, room, sizeof(h->all[0]));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		h->all = all;
		h->room = room;
	}
	h->all[h->n++] = (struct hour_leaf){ index, to };
	return RC_OK;
}

static int
index_compare(const void *x, const void *y)
{
	const struct hour_leaf *a = x, *b = y;

	return (a->index > b->index) - (a->index < b->index);
}

void
hours_order(struct hours *h)
{
	size_t i, n = 0;

	if (h->n > 0)
		qsort(h->all, h->n, sizeof(h->all[0]), index_compare);
	for (i = 0; i < h->n; i++)
		if (n == 0 || h->all[i].to > h->all[n - 1].to)
			h->all[n++] = h->all[i];
	h->n = n;
}

void
hours_free(struct hours *h)
{
	free(h->all);
	*h = (struct hours){ .n = 0 };
}

const struct hour_leaf *
hours_of(const struct hours *h, int64_t size)
{
	size_t lo = 0, hi = h->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (h->all[mid].index < size)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == 0 ? NULL : &h->all[lo - 1];
}
