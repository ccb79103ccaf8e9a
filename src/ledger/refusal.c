#include "ledger/refusal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/record.h"

#define PURGE_AT_ONCE 64 /* more than a transaction adds */

struct refusals {
	pthread_mutex_t lock;
	size_t n;					/* lock */
	struct refusal rows[REFUSALS_WAITING_MAX];	/* lock */
	size_t slots_n;					/* lock */
	struct refused_slot slots[REFUSED_WAITING_MAX]; /* lock */
};

bool
refusal_counts(const struct claim *c)
{
	/* Of who is no worker nothing is kept. */
	if (c->worker_id == 0)
		return false;
	switch (c->outcome) {
	case CLAIM_OPEN:
	case CLAIM_CREDITED:
	case CLAIM_RECORDED:
		return false;
	case CLAIM_TOO_OLD:
		/* A round's hash names the slot. */
		return c->row.in_round ||
		    (c->unpaid && c->row.timestamp_ms >= c->row.assigned_ms);
	default:
		return true;
	}
}

/* ---- Those that wait ---- */

enum rc
refusals_new(struct refusals **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return err_set(e, RC_NO_MEMORY, "refusals: no memory");
	(void)pthread_mutex_init(&(*out)->lock, NULL);
	return RC_OK;
}

void
refusals_free(struct refusals *r)
{
	if (r == NULL)
		return;
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

static bool
is_same(const struct refusal *a, const struct refusal *b)
{
	return a->day == b->day && a->outcome == b->outcome &&
	    memcmp(&a->worker, &b->worker, sizeof(a->worker)) == 0;
}

/* With the lock. */
static void
waiting_add(struct refusals *r, const struct refusal *one)
{
	size_t i = 0;

	while (i < r->n && !is_same(&r->rows[i], one))
		i++;
	if (i < r->n)
		r->rows[i].results += one->results;
	else if (r->n < REFUSALS_WAITING_MAX)
		r->rows[r->n++] = *one;
}

/* With the lock. The first refusal of a slot stays. */
static void
slot_add(struct refusals *r, const struct refused_slot *one)
{
	size_t i = 0;

	while (i < r->slots_n && r->slots[i].slot != one->slot)
		i++;
	if (i == r->slots_n && i < REFUSED_WAITING_MAX)
		r->slots[r->slots_n++] = *one;
}

void
refusals_note(
    struct refusals *r, const struct claim *claims, size_t n, int64_t now_ms)
{
	const struct claim *c;
	enum refused why;
	size_t i;

	(void)pthread_mutex_lock(&r->lock);
	for (i = 0; i < n; i++) {
		c = &claims[i];
		if (!c->authentic || !refusal_counts(c))
			continue;
		waiting_add(r,
		    &(struct refusal){
			c->worker, record_day(now_ms), c->outcome, 1 });
		why = claim_outcome_word(c->outcome);
		if (c->of_slot != 0 && why != REFUSED_NOT)
			slot_add(r,
			    &(struct refused_slot){
				c->of_slot, c->row.cycle_ms, c->worker, why });
	}
	(void)pthread_mutex_unlock(&r->lock);
}

void
refusals_take(struct refusals *r, struct refusal_list *out)
{
	out->n = out->slots_n = 0;
	(void)pthread_mutex_lock(&r->lock);
	while (r->n > 0 && out->n < REFUSALS_AT_ONCE)
		out->rows[out->n++] = r->rows[--r->n];
	while (r->slots_n > 0 && out->slots_n < REFUSED_AT_ONCE)
		out->slots[out->slots_n++] = r->slots[--r->slots_n];
	(void)pthread_mutex_unlock(&r->lock);
}

void
refusals_give_back(struct refusals *r, struct refusal_list *list)
{
	(void)pthread_mutex_lock(&r->lock);
	while (list->n > 0)
		waiting_add(r, &list->rows[--list->n]);
	while (list->slots_n > 0)
		slot_add(r, &list->slots[--list->slots_n]);
	(void)pthread_mutex_unlock(&r->lock);
}

/* ---- In the ledger ---- */

static enum rc
row_add(struct db *db, const struct refusal *r, struct err *e)
{
	struct query *q = db_query(db, Q_REFUSAL_ADD);
	char text[ADDRESS_LEN + 1];

	address_format(text, &r->worker, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	query_int(q, 2, r->day);
	query_text(q, 3, slice_of(claim_outcome_text(r->outcome)));
	query_int(q, 4, r->results);
	return query_run(q, e);
}

static enum rc
slot_row_add(
    struct db *db, const struct refused_slot *s, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_REFUSED_ADD);
	char text[ADDRESS_LEN + 1];

	address_format(text, &s->worker, ADDRESS_LOWER);
	query_int(q, 1, s->slot);
	query_int(q, 2, s->cycle_ms);
	query_text(q, 3, (struct slice){ text, ADDRESS_LEN });
	query_text(q, 4, slice_of(refused_word(s->why)));
	query_int(q, 5, now_ms);
	return query_run(q, e);
}

static enum rc
purge(struct db *db, enum query_id which, int64_t before, int64_t after,
    struct err *e)
{
	struct query *q = db_query(db, which);

	query_int(q, 1, before);
	query_int(q, 2, after);
	query_int(q, 3, PURGE_AT_ONCE);
	return query_run(q, e);
}

enum rc
refusals_write(struct db *db, const struct refusal_list *list, int64_t now_ms,
    struct err *e)
{
	enum rc rc = RC_OK;
	int64_t today = 0;
	size_t i;

	for (i = 0; rc == RC_OK && i < list->n; i++) {
		rc = row_add(db, &list->rows[i], e);
		if (list->rows[i].day > today)
			today = list->rows[i].day;
	}
	for (i = 0; rc == RC_OK && i < list->slots_n; i++)
		rc = slot_row_add(db, &list->slots[i], now_ms, e);
	if (rc == RC_OK && list->n > 0)
		rc = purge(db, Q_REFUSAL_PURGE, today - REFUSAL_DAYS + 1,
		    today + 1, e);
	if (rc == RC_OK && (list->n > 0 || list->slots_n > 0))
		rc = purge(db, Q_REFUSED_PURGE, now_ms - REFUSED_KEPT_MS,
		    now_ms + DAY_MS, e);
	return rc;
}

static void
window_bind(struct query *q, int64_t worker, int64_t now_ms)
{
	query_int(q, 1, worker);
	query_int(q, 2, record_day(now_ms) - REFUSAL_DAYS + 1);
	query_int(q, 3, record_day(now_ms));
}

enum rc
refusals_read(struct db *db, int64_t worker, int64_t now_ms,
    struct refusal_line *out, size_t max, size_t *n, int64_t *sum,
    struct err *e)
{
	struct query *q = db_query(db, Q_REFUSAL_LIST);
	enum rc rc = RC_OK;
	bool row = false;

	*n = 0;
	window_bind(q, worker, now_ms);
	query_int(q, 4, (int64_t)max);
	while (*n < max && (rc = query_step(q, &row, e)) == RC_OK && row) {
		out[*n].day = query_get_int(q, 0);
		slice_copy(out[*n].reason, sizeof(out[*n].reason),
		    query_get_text(q, 1));
		out[(*n)++].results = query_get_int(q, 2);
	}
	query_done(q);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_REFUSAL_SUM);
	window_bind(q, worker, now_ms);
	return query_one_int(q, sum, e);
}
