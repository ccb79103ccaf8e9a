#include "ledger/rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "ledger/cycle.h"
#include "ledger/row_read.h"

#define DAY_MS	   (24LL * 3600 * 1000)
#define DAYS_FIRST 64 /* credits of a day, at first */

void
rule_broken(const struct rules *r, enum audit_rule rule, const char *fmt, ...)
{
	char text[RULE_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r->broken(r->ctx, rule, text);
}

/* ---- Chains ---- */

void
rule_format(const struct rules *r, enum audit_rule rule, const char *row,
    int64_t id, int64_t format)
{
	if (format < 1 || format > LINK_FORMAT)
		rule_broken(r, rule,
		    "%s %" PRId64 ": its hash is of format %" PRId64
		    ", this program knows 1 to %d",
		    row, id, format, LINK_FORMAT);
}

void
rule_version(const struct rules *r, const struct version_row *v,
    const struct tail *before, const uint8_t stored[static KECCAK256_LEN])
{
	uint8_t computed[KECCAK256_LEN];

	if (v->id != before->last_id + 1)
		rule_broken(r, AUDIT_VERSION_CHAIN,
		    "definition %" PRId64 ": follows %" PRId64, v->id,
		    before->last_id);
	rule_format(r, AUDIT_VERSION_CHAIN, "definition", v->id, v->format);
	link_version(computed, before, v);
	if (memcmp(computed, stored, KECCAK256_LEN) != 0)
		rule_broken(r, AUDIT_VERSION_CHAIN,
		    "definition %" PRId64 ": its hash is of other values",
		    v->id);
}

void
rule_transfer(const struct rules *r, const struct transfer_row *t,
    const struct tail *before, const uint8_t computed[static KECCAK256_LEN],
    const uint8_t stored[static KECCAK256_LEN])
{
	if (t->id != before->last_id + 1)
		rule_broken(r, AUDIT_TRANSFER_CHAIN,
		    "transfer %" PRId64 ": follows %" PRId64, t->id,
		    before->last_id);
	rule_format(r, AUDIT_TRANSFER_CHAIN, "transfer", t->id, t->format);
	if (memcmp(computed, stored, KECCAK256_LEN) != 0)
		rule_broken(r, AUDIT_TRANSFER_CHAIN,
		    "transfer %" PRId64 ": its hash is of other values", t->id);
	if (!row_is_time(t->at_ms))
		rule_broken(r, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": its time is out of range", t->id);
}

void
rule_amount(const struct rules *r, const struct transfer_row *t,
    int64_t results, int64_t rewards_micros, bool overflow)
{
	if (results == 0)
		rule_broken(r, AUDIT_AMOUNT,
		    "transfer %" PRId64 ": a credit without a result", t->id);
	else if (overflow || rewards_micros != t->amount_micros)
		rule_broken(r, AUDIT_AMOUNT,
		    "transfer %" PRId64 ": credits %" PRId64
		    " micro-USDC, the rewards of its %" PRId64
		    " results are %" PRId64,
		    t->id, t->amount_micros, results, rewards_micros);
}

/* ---- A result by itself ---- */

/* When the result was paid, against when it was assigned and carried out. */
static void
times_check(const struct rules *r, const struct transfer_row *t,
    const struct result_row *res)
{
	int64_t age_ms;

	if (!row_is_time(t->at_ms))
		return; /* told of the transfer */
	age_ms = t->at_ms - res->assigned_ms;
	if (age_ms < 0)
		rule_broken(r, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms before it was assigned",
		    res->slot, -age_ms);
	else if (age_ms > r->window_ms)
		rule_broken(r, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms after it was assigned, allowed %" PRId64,
		    res->slot, age_ms, r->window_ms);
	age_ms = t->at_ms - res->timestamp_ms;
	if (age_ms > r->window_ms)
		rule_broken(r, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its timestamp is %" PRId64
		    " ms old, allowed %" PRId64,
		    res->slot, age_ms, r->window_ms);
	else if (age_ms < -CLOCK_SKEW_MS)
		rule_broken(r, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its timestamp is %" PRId64
		    " ms ahead, allowed %d",
		    res->slot, -age_ms, CLOCK_SKEW_MS);
}

/* The slot's place in the schedule of the task. */
static void
place_check(const struct rules *r, const struct result_row *res,
    const struct version_row *v)
{
	if (res->slot < 1 || res->slot > r->last_slot)
		rule_broken(r, AUDIT_SLOT,
		    "slot %" PRId64 ": only 1 to %" PRId64 " were given out",
		    res->slot, r->last_slot);
	if (res->copy >= v->copies)
		rule_broken(r, AUDIT_COPY,
		    "slot %" PRId64 ": is copy %" PRId64
		    ", its task has %" PRId64,
		    res->slot, res->copy, v->copies);
	if (v->interval_ms <= 0 || v->interval_ms > JSON_INT_MAX)
		rule_broken(r, AUDIT_CYCLE,
		    "slot %" PRId64 ": its task's interval is out of range",
		    res->slot);
	else if (cycle_at(v->task, v->interval_ms, res->assigned_ms) !=
	    res->cycle_ms)
		rule_broken(r, AUDIT_CYCLE,
		    "slot %" PRId64 ": wasn't assigned in its cycle",
		    res->slot);
}

bool
rule_result(const struct rules *r, const struct transfer_row *t,
    const struct result_row *res, const struct version_row *v, bool well_formed)
{
	if (!well_formed) {
		rule_broken(r, AUDIT_RESULT,
		    "slot %" PRId64 ": a value is out of its range", res->slot);
		return false;
	}
	if (v->task == 0) {
		rule_broken(r, AUDIT_RESULT,
		    "slot %" PRId64 ": definition %" PRId64 " doesn't exist",
		    res->slot, res->version);
		return false;
	}
	if (r->max_reward_micros > 0 && v->reward_micros > r->max_reward_micros)
		rule_broken(r, AUDIT_REWARD,
		    "slot %" PRId64 ": definition %" PRId64 " pays %" PRId64
		    " micro-USDC for it, max_reward_micros is %" PRId64,
		    res->slot, v->id, v->reward_micros, r->max_reward_micros);
	times_check(r, t, res);
	place_check(r, res, v);
	return true;
}

/*
 * Assignments are kept as long as a payment may depend on one, see
 * schedule.c; a result that is younger must still have its own.
 */
enum rc
rule_assignment(const struct rules *r, struct db *db,
    const struct transfer_row *t, const struct result_row *res,
    const struct version_row *v, bool *looked, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*looked = res->assigned_ms >
	    r->now_ms - (2 * r->result_window_ms + CLOCK_SKEW_MS);
	if (!*looked)
		return RC_OK;
	q = db_query(db, Q_ASSIGNMENT_OF_RESULT);
	query_int(q, 1, t->credit);
	query_int(q, 2, v->task);
	query_int(q, 3, res->slot);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && !row)
		rule_broken(r, AUDIT_ASSIGNMENT,
		    "slot %" PRId64
		    ": wasn't assigned to the worker of account %" PRId64,
		    res->slot, t->credit);
	else if (rc == RC_OK &&
	    (query_get_int(q, 0) != res->version ||
		query_get_int(q, 1) != res->cycle_ms ||
		query_get_int(q, 2) != res->copy ||
		query_get_int(q, 3) != res->assigned_ms ||
		query_get_int(q, 4) != v->reward_micros))
		rule_broken(r, AUDIT_ASSIGNMENT,
		    "slot %" PRId64 ": its assignment says otherwise",
		    res->slot);
	query_done(q);
	return rc;
}

void
rule_signature(const struct rules *r, int64_t slot, const struct attestation *a,
    struct slice signature)
{
	struct err e = ERR_INIT;

	/* Nothing but these can be signed at all; attest.h asks for them. */
	if (!task_id_is_valid(a->task_id) || !row_is_time(a->timestamp_ms) ||
	    signature.len != SIGNATURE_LEN)
		rule_broken(r, AUDIT_SIGNATURE,
		    "slot %" PRId64
		    ": task, worker or signed values are missing or out of range",
		    slot);
	else if (attest_check(a, (const uint8_t *)signature.p, &e) != RC_OK)
		rule_broken(
		    r, AUDIT_SIGNATURE, "slot %" PRId64 ": %s", slot, e.msg);
}

/* ---- Beside others ---- */

void
rule_turn(
    const struct rules *r, const struct turn *t, const struct turn *before)
{
	int64_t cooldown_ms, gap_ms;

	if (t->worker != before->worker || t->task != before->task)
		return;
	if (t->cycle_ms <= before->cycle_ms)
		rule_broken(r, AUDIT_COOLDOWN,
		    "slot %" PRId64 ": the worker of account %" PRId64
		    " was paid for slot %" PRId64
		    " in the same cycle or a later one",
		    t->slot, t->worker, before->slot);
	/*
	 * Where an edit made the cooldown longer, the assignment before may
	 * have been forgotten by then: the shorter one holds.
	 */
	cooldown_ms = t->cooldown_ms < before->cooldown_ms
	    ? t->cooldown_ms
	    : before->cooldown_ms;
	if (!row_is_time(t->assigned_ms) || !row_is_time(before->assigned_ms))
		return; /* told of the result */
	gap_ms = t->assigned_ms - before->assigned_ms;
	if (gap_ms < cooldown_ms)
		rule_broken(r, AUDIT_COOLDOWN,
		    "slot %" PRId64
		    ": assigned to the worker of account %" PRId64 " %" PRId64
		    " ms after slot %" PRId64 ", cooldown %" PRId64,
		    t->slot, t->worker, gap_ms, before->slot, cooldown_ms);
}

void
rule_signed_once(
    const struct rules *r, const struct turn *t, const struct turn *before)
{
	if (t->worker == before->worker && t->task == before->task &&
	    t->timestamp_ms == before->timestamp_ms)
		rule_broken(r, AUDIT_SIGNED_ONCE,
		    "slot %" PRId64 ": the worker of account %" PRId64
		    " was paid for the same check in slot %" PRId64,
		    t->slot, t->worker, before->slot);
}

/* ---- A worker's days ---- */

static enum rc
day_append(struct day *d, const struct day_credit *c, struct err *e)
{
	struct day_credit *all;
	size_t cap;

	if (d->n == d->cap && d->first > d->cap / 2) {
		d->n -= d->first;
		memmove(d->all, d->all + d->first, d->n * sizeof(*d->all));
		d->first = 0;
	}
	if (d->n == d->cap) {
		cap = d->cap == 0 ? DAYS_FIRST : 2 * d->cap;
		all = reallocarray(d->all, cap, sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "days: no memory");
		d->all = all;
		d->cap = cap;
	}
	d->all[d->n++] = *c;
	return RC_OK;
}

enum rc
rule_day(const struct rules *r, struct day *d, const struct day_credit *c,
    struct err *e)
{
	bool over;
	enum rc rc;

	while (d->first < d->n && d->all[d->first].at_ms <= c->at_ms - DAY_MS)
		d->micros -= d->all[d->first++].micros;
	rc = day_append(d, c, e);
	if (rc != RC_OK)
		return rc;
	/* Forged amounts may add up to more than there can be. */
	if (__builtin_add_overflow(d->micros, c->micros, &d->micros)) {
		d->first = d->n;
		d->micros = 0;
		over = true;
	} else
		over = d->micros > r->max_day_micros;
	if (over && !d->told)
		rule_broken(r, AUDIT_DAY,
		    "transfer %" PRId64
		    ": with it the worker of account %" PRId64
		    " earned more than %" PRId64
		    " micro-USDC in 24 hours, its bound by max_per_worker_day_micros",
		    c->transfer, d->worker, r->max_day_micros);
	d->told = over;
	return RC_OK;
}

void
rule_day_begin(struct day *d, int64_t worker)
{
	d->worker = worker;
	d->first = d->n = 0;
	d->micros = 0;
	d->told = false;
}

void
rule_day_free(struct day *d)
{
	free(d->all);
	*d = (struct day){ .worker = 0 };
}
