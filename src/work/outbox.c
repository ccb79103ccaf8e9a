#include "work/outbox.h"

#include <string.h>

enum rc
outbox_init(struct outbox *o, const struct identity *id, struct err *e)
{
	enum rc rc;

	memset(o, 0, sizeof(*o));
	o->id = id;
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
outbox_add(struct outbox *o, struct slice text, int64_t timestamp_ms,
    const struct queued_round *round, const struct queued_seal *seal,
    struct err *e)
{
	return queue_add(&o->fresh, text, timestamp_ms, round, seal, e);
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

/* Signs the first n of the queue as a round. */
static enum rc
round_of(uint8_t sig[static SIGNATURE_LEN], const struct outbox *o, size_t n)
{
	const struct queued *items = o->posting.items;
	struct round_tree_hash leaves[RESULTS_PER_POST_MAX];
	struct round r = { .ledger_id = items[0].round.ledger_id,
		.worker = o->id->address,
		.count = (uint16_t)n };
	size_t i;

	for (i = 0; i < n; i++)
		round_tree_leaf(&leaves[i], items[i].round.hash);
	round_tree_root(&r.root, leaves, n);
	return round_sign(sig, &r, &o->id->key, NULL);
}

/* An array of results, or one with the round that they are. */
static void
body_write(struct outbox *o)
{
	const bool in_round = o->posting.items[0].in_round;
	char text[HEX_SIZE(SIGNATURE_LEN)];
	uint8_t sig[SIGNATURE_LEN];

	if (in_round)
		buf_add_text(&o->body, "{\"results\":");
	o->in_post = queue_write(&o->body, &o->posting, o->batch);
	if (!in_round)
		return;
	if (round_of(sig, o, o->in_post) != RC_OK)
		o->body.failed = true;
	hex_encode(text, sig, sizeof(sig));
	buf_printf(&o->body,
	    ",\"round\":{\"scheme\":\"%s\",\"worker\":\"%s\",\"signature\":\"%s\"}}",
	    ROUND_SCHEME, o->id->text, text);
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
	body_write(o);
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
