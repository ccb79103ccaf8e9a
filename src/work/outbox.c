#include "work/outbox.h"

#include <string.h>

enum rc
outbox_init(struct outbox *o, struct err *e)
{
	enum rc rc;

	memset(o, 0, sizeof(*o));
	o->batch = RESULTS_PER_POST_MAX;
	buf_init(&o->body, BODY_MAX);
	rc = queue_init(&o->fresh, e);
	if (rc == RC_OK)
		rc = queue_init(&o->posting, e);
	if (rc == RC_OK)
		rc = queue_init(&o->unsent, e);
	return rc;
}

void
outbox_free(struct outbox *o)
{
	queue_free(&o->fresh);
	queue_free(&o->posting);
	queue_free(&o->unsent);
	buf_free(&o->body);
}

enum rc
outbox_add(
    struct outbox *o, struct slice text, int64_t timestamp_ms, struct err *e)
{
	return queue_add(&o->fresh, text, timestamp_ms, e);
}

size_t
outbox_count(const struct outbox *o)
{
	return o->fresh.count + o->posting.count + o->unsent.count;
}

void
outbox_flush(struct outbox *o)
{
	o->refusals = 0;
	o->batch = RESULTS_PER_POST_MAX;
}

bool
outbox_next(struct outbox *o, int64_t now_ms, size_t *expired)
{
	CHECK(o->in_post == 0);
	*expired = 0;
	if (o->refusals >= REFUSALS_MAX)
		return false;
	if (o->posting.count == 0)
		queue_move(&o->posting, &o->fresh);
	if (o->posting.count == 0) {
		*expired = queue_expire(&o->unsent, now_ms);
		queue_move(&o->posting, &o->unsent);
	}
	if (o->posting.count == 0)
		return false;
	buf_reset(&o->body);
	o->in_post = queue_write(&o->body, &o->posting, o->batch);
	return true;
}

void
outbox_answered(struct outbox *o, enum rc rc, bool *given_up)
{
	size_t n = o->in_post;

	CHECK(n > 0 && n <= o->posting.count);
	o->in_post = 0;
	*given_up = rc == RC_INVALID && n == 1;
	if (rc == RC_INVALID)
		o->refusals++;
	if (rc == RC_INVALID && n > 1) {
		o->batch = (n + 1) / 2;
	} else if (rc == RC_OK || rc == RC_INVALID) {
		queue_drop(&o->posting, n);
		o->batch =
		    2 * n < RESULTS_PER_POST_MAX ? 2 * n : RESULTS_PER_POST_MAX;
	}
	if ((rc != RC_OK && rc != RC_INVALID) || o->refusals >= REFUSALS_MAX)
		queue_move(&o->unsent, &o->posting);
}
