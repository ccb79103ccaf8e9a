#include "work/queue.h"

#include <stdlib.h>
#include <string.h>

enum rc
queue_init(struct queue *q, struct err *e)
{
	q->count = 0;
	q->items = calloc(QUEUE_MAX, sizeof(*q->items));
	if (q->items == NULL)
		return err_set(e, RC_NO_MEMORY, "queue of results: no memory");
	return RC_OK;
}

void
queue_free(struct queue *q)
{
	if (q == NULL)
		return;
	queue_drop(q, q->count);
	free(q->items);
	q->items = NULL;
}

void
queue_drop(struct queue *q, size_t n)
{
	size_t i;

	CHECK(n <= q->count);
	if (n == 0)
		return;
	for (i = 0; i < n; i++)
		free(q->items[i].text);
	q->count -= n;
	memmove(q->items, q->items + n, q->count * sizeof(*q->items));
}

/* Takes over item. */
static void
append(struct queue *q, struct queued item)
{
	if (q->count == QUEUE_MAX)
		queue_drop(q, 1);
	q->items[q->count++] = item;
}

enum rc
queue_add(struct queue *q, struct slice text, int64_t timestamp_ms,
    const struct queued_round *round, const struct queued_seal *seal,
    struct err *e)
{
	struct queued item = { .timestamp_ms = timestamp_ms,
		.in_round = round != NULL,
		.len = text.len };

	if (round != NULL)
		item.round = *round;
	if (seal != NULL)
		item.seal = *seal;
	item.text = malloc(text.len + 1);
	if (item.text == NULL)
		return err_set(e, RC_NO_MEMORY, "result: no memory");
	memcpy(item.text, text.p, text.len);
	item.text[text.len] = '\0';
	append(q, item);
	return RC_OK;
}

static bool
is_timely(const struct queued *item, int64_t now_ms)
{
	return now_ms - item->timestamp_ms <= RESULT_WINDOW_MS &&
	    item->timestamp_ms - now_ms <= RESULT_WINDOW_MS;
}

size_t
queue_expire(struct queue *q, int64_t now_ms)
{
	size_t i, kept = 0, expired;

	for (i = 0; i < q->count; i++)
		if (is_timely(&q->items[i], now_ms))
			q->items[kept++] = q->items[i];
		else
			free(q->items[i].text);
	expired = q->count - kept;
	q->count = kept;
	return expired;
}

void
queue_move(struct queue *to, struct queue *from)
{
	size_t i;

	for (i = 0; i < from->count; i++)
		append(to, from->items[i]);
	from->count = 0;
}

/* Whether both can be in one POST. */
static bool
is_alike(const struct queued *a, const struct queued *b)
{
	return a->in_round == b->in_round &&
	    memcmp(a->round.ledger_id, b->round.ledger_id,
		sizeof(a->round.ledger_id)) == 0;
}

size_t
queue_write(struct buf *out, const struct queue *q, size_t max)
{
	size_t i;

	buf_add(out, "[", 1);
	for (i = 0;
	     i < q->count && i < max && is_alike(&q->items[i], &q->items[0]);
	     i++) {
		if (i > 0)
			buf_add(out, ",", 1);
		buf_add(out, q->items[i].text, q->items[i].len);
	}
	buf_add(out, "]", 1);
	return i;
}
