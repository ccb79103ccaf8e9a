#include "ledger/cycle_slots.h"

#include "ledger/cycle.h"

int64_t
cycle_slots_free_ms(const struct due *d, int64_t now_ms)
{
	return now_ms + d->timeout_ms + REOFFER_AFTER_MS;
}

static void
slot_count(struct cycle_slots *c, struct query *q, int64_t copy)
{
	int64_t free_ms = query_get_int(q, C_OPEN_SLOT_LIST_FREE_MS);

	if (query_get_int(q, C_OPEN_SLOT_LIST_IS_PAID) != 0) {
		c->paid_n++;
		return;
	}
	if (free_ms <= c->now_ms)
		c->free[c->free_n++] = (struct slot){ .kind = SLOT_FREE,
			.number = query_get_int(q, C_OPEN_SLOT_LIST_SLOT),
			.copy = copy,
			.cycle_ms = c->cycle_ms,
			.free_ms = free_ms };
	else if (free_ms < c->held_until_ms)
		c->held_until_ms = free_ms;
}

/* Copies from *next to end have no row: taken, or given to nobody. */
static void
news_count(struct cycle_slots *c, int64_t given, int64_t *next, int64_t end)
{
	for (; *next < end; ++*next)
		if (*next >= given) {
			if (c->news++ == 0)
				c->new_copy = *next;
		}
}

bool
cycle_slots_are_ahead(const struct due *d, int64_t cycle_ms)
{
	return d->cycle_ms > cycle_ms && d->cycle_ms % d->interval_ms == 0;
}

enum rc
cycle_slots_read(struct db *db, const struct due *d, int64_t phase,
    int64_t cycle_ms, int64_t now_ms, struct cycle_slots *out, struct err *e)
{
	const int64_t given = d->cycle_ms == cycle_ms ? d->given : 0;
	int64_t next = 0, copy;
	struct query *q;
	enum rc rc;
	bool row;

	/* What was given of the next one isn't given again. */
	if (cycle_slots_are_ahead(d, cycle_ms) &&
	    d->cycle_ms <= cycle_ms + d->interval_ms)
		cycle_ms = d->cycle_ms;
	out->cycle_ms = cycle_ms;
	out->now_ms = now_ms;
	out->opened_ms =
	    cycle_opens_ms(phase, d->task, d->interval_ms, cycle_ms);
	out->ends_ms = cycle_opens_ms(
	    phase, d->task, d->interval_ms, cycle_ms + d->interval_ms);
	out->held_until_ms = out->ends_ms;
	out->new_copy = -1;
	out->news = out->free_n = out->paid_n = 0;
	if (out->opened_ms > now_ms || cycle_slots_are_ahead(d, cycle_ms))
		return RC_OK;
	q = db_query(db, Q_OPEN_SLOT_LIST);
	query_int(q, 1, d->task);
	query_int(q, 2, cycle_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		copy = query_get_int(q, C_OPEN_SLOT_LIST_COPY);
		/* An edit may have left the task with fewer. */
		if (copy < next || copy >= d->copies)
			continue;
		news_count(out, given, &next, copy);
		slot_count(out, q, copy);
		next = copy + 1;
	}
	query_done(q);
	news_count(out, given, &next, d->copies);
	return rc;
}

bool
cycle_slots_are_taken(const struct cycle_slots *c)
{
	return c->news == 0 && c->free_n == 0;
}

/* Which slot of the cycle the network was given before; 0: none. */
static enum rc
network_slot(struct db *db, const struct due *d, int64_t cycle_ms,
    struct slice network, int64_t *out, struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_SLOT_GET);
	enum rc rc;

	query_int(q, 1, d->task);
	query_text(q, 2, network);
	query_int(q, 3, cycle_ms);
	rc = query_one_int(q, out, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	*out = 0;
	return RC_OK;
}

bool
cycle_slots_are_unnoted(const struct due *d, const struct cycle_slots *c)
{
	return d->cycle_ms < c->cycle_ms && c->paid_n > 0;
}

enum rc
cycle_slots_choose(struct db *db, const struct due *d,
    const struct cycle_slots *c, struct slice network, const struct address *a,
    struct slot *out, struct err *e)
{
	int64_t bound = 0, i;
	enum rc rc = RC_OK;

	*out = (struct slot){ .kind = SLOT_NONE };
	if (d->copies > 1 && network.len > 0)
		rc = network_slot(db, d, c->cycle_ms, network, &bound, e);
	if (rc != RC_OK)
		return rc;
	for (i = 0; bound != 0 && i < c->free_n; i++)
		if (c->free[i].number == bound)
			*out = c->free[i];
	if (bound != 0)
		return RC_OK;
	if (c->news > 0)
		*out = (struct slot){ .kind = SLOT_NEW,
			.copy = c->new_copy,
			.cycle_ms = c->cycle_ms };
	else if (c->free_n > 0)
		*out = c->free[a->b[sizeof(a->b) - 1] % (uint64_t)c->free_n];
	return RC_OK;
}

static enum rc
network_remember(struct db *db, const struct due *d,
    const struct cycle_slots *c, const struct slot *s, struct slice network,
    struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_SLOT_CLEAR);
	enum rc rc;

	query_int(q, 1, d->task);
	query_int(q, 2, c->cycle_ms);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_NETWORK_SLOT_PUT);
	query_int(q, 1, d->task);
	query_text(q, 2, network);
	query_int(q, 3, c->cycle_ms);
	query_int(q, 4, s->number);
	return query_run(q, e);
}

static enum rc
slot_remember(struct db *db, const struct due *d, const struct slot *s,
    int64_t free_ms, struct err *e)
{
	struct query *q = db_query(db, Q_OPEN_SLOT_PUT);

	query_int(q, 1, d->task);
	query_int(q, 2, s->copy);
	query_int(q, 3, s->cycle_ms);
	query_int(q, 4, s->number);
	query_int(q, 5, free_ms);
	return query_run(q, e);
}

/* It is held: what is left of the cycle's. */
static void
slots_take(
    struct due *d, struct cycle_slots *c, const struct slot *s, int64_t free_ms)
{
	if (d->cycle_ms != c->cycle_ms)
		d->given = 0;
	d->cycle_ms = c->cycle_ms;
	if (d->given <= s->copy)
		d->given = s->copy + 1;
	if (s->kind == SLOT_NEW)
		c->news--;
	else
		c->free_n--;
	if (free_ms < c->held_until_ms)
		c->held_until_ms = free_ms;
}

enum rc
cycle_slots_give(struct db *db, struct due *d, struct cycle_slots *c,
    const struct slot *s, struct slice network, bool held, struct err *e)
{
	/* What isn't held is as free as it was before. */
	int64_t free_ms = held ? cycle_slots_free_ms(d, c->now_ms) : c->now_ms;
	enum rc rc = RC_OK;

	if (d->copies > 1 && network.len > 0)
		rc = network_remember(db, d, c, s, network, e);
	/* A later poll will need it, unless it is one's own to the end. */
	if (rc == RC_OK &&
	    (held ? s->kind == SLOT_FREE || d->copies > 1 ||
			free_ms < c->ends_ms
		  : s->kind == SLOT_NEW))
		rc = slot_remember(db, d, s, free_ms, e);
	if (rc == RC_OK && held)
		slots_take(d, c, s, free_ms);
	return rc;
}

enum rc
cycle_slots_move(struct db *db, const struct due *d,
    const struct cycle_slots *c, int64_t region, struct err *e)
{
	int64_t open_ms = c->held_until_ms,
		given = d->cycle_ms == c->cycle_ms ? d->given : 0;
	struct query *q;
	enum rc rc;

	if (cycle_slots_are_taken(c))
		given = given > d->copies ? given : d->copies;
	else
		open_ms = d->open_ms > c->opened_ms ? d->open_ms : c->opened_ms;
	if (given == 0)
		given = c->news > 0 ? c->new_copy : d->copies;
	if (given <= 0 || given > COPIES_MAX)
		return err_set(e, RC_CORRUPT,
		    "task %lld: %lld slots of its cycle were given",
		    (long long)d->task, (long long)given);
	q = db_query(db, Q_SCHEDULE_TAKE);
	query_int(q, 1, region);
	query_int(q, 2, d->open_ms);
	query_int(q, 3, d->task);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_PUT);
	query_int(q, 1, region);
	query_int(q, 2, open_ms);
	query_int(q, 3, d->task);
	query_int(q, 4, c->cycle_ms);
	query_int(q, 5, given);
	return query_run(q, e);
}
