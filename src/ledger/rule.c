#include "ledger/rule.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/task_type.h"
#include "ledger/cycle.h"
#include "ledger/fit.h"
#include "ledger/row_read.h"

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
    int64_t id, int64_t format, int newest)
{
	if (format < 1 || format > newest)
		rule_broken(r, rule,
		    "%s %" PRId64 ": its hash is of format %" PRId64
		    ", this program knows 1 to %d",
		    row, id, format, newest);
}

static void
rule_terms(const struct rules *r, const struct terms_row *t,
    const struct tail *before, const uint8_t stored[static KECCAK256_LEN])
{
	const struct terms_row *last =
	    r->terms.n > 0 ? &r->terms.all[r->terms.n - 1] : NULL;
	uint8_t computed[KECCAK256_LEN];

	if (t->id != before->last_id + 1)
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": follow %" PRId64, t->id,
		    before->last_id);
	rule_format(r, AUDIT_TERMS, "terms", t->id, t->format, TERMS_FORMAT);
	link_terms(computed, before, t);
	if (memcmp(computed, stored, KECCAK256_LEN) != 0)
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": their hash is of other values", t->id);
	if (last == NULL ? t->first_slot != 1 || t->first_transfer != 1
			 : t->first_slot < last->first_slot ||
		    t->first_transfer < last->first_transfer)
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": count from slot %" PRId64
		    " and transfer %" PRId64
		    " on, which isn't from where others end",
		    t->id, t->first_slot, t->first_transfer);
	if (t->result_window_ms < RESULT_WINDOW_MIN_MS ||
	    t->result_window_ms > RESULT_WINDOW_MAX_MS ||
	    t->clock_skew_ms < 0 || t->clock_skew_ms > CLOCK_SKEW_MAX_MS ||
	    t->keep_ms < 0 || t->keep_ms > JSON_INT_MAX ||
	    t->maturity_new_ms < 0 || t->maturity_new_ms > MATURITY_MAX_MS ||
	    t->maturity_ms < 0 || t->maturity_ms > MATURITY_MAX_MS ||
	    !row_is_time(t->at_ms))
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": a value is out of its range", t->id);
	if (!fit_is_known(t->fit))
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": ask for fit %" PRId64
		    ", this program knows 0 to %d",
		    t->id, t->fit, FIT_NEWEST);
	if (t->format == 1 &&
	    (t->fit != FIT_UNASKED || t->maturity_new_ms != 0 ||
		t->maturity_ms != 0 || t->established_results != 0 ||
		t->established_days != 0))
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64
		    ": their hash is of format 1, and not of all that they say",
		    t->id);
	if (!phase_is_known(t->phase))
		rule_broken(r, AUDIT_TERMS,
		    "terms %" PRId64 ": their phase is %" PRId64
		    ", this program knows 1 to %d",
		    t->id, t->phase, PHASE_NEWEST);
}

/* What nobody can go by isn't kept: then its results have none. */
static bool
terms_are_usable(const struct terms_row *t)
{
	return phase_is_known(t->phase) && fit_is_known(t->fit) &&
	    row_is_time(t->at_ms) && t->maturity_new_ms >= 0 &&
	    t->maturity_new_ms <= MATURITY_MAX_MS && t->maturity_ms >= 0 &&
	    t->maturity_ms <= MATURITY_MAX_MS && t->keep_ms >= 0 &&
	    t->keep_ms <= JSON_INT_MAX && t->clock_skew_ms >= 0 &&
	    t->clock_skew_ms <= CLOCK_SKEW_MAX_MS;
}

enum rc
rules_terms_read(struct rules *r, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_TERMS_ALL);
	struct tail before = { .last_id = 0 };
	uint8_t hash[KECCAK256_LEN];
	struct terms_row t;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		row_read_terms(q, 0, &t, hash);
		rule_terms(r, &t, &before, hash);
		before.last_id = t.id;
		memcpy(before.hash, hash, sizeof(before.hash));
		if (terms_are_usable(&t))
			rc = terms_list_add(&r->terms, &t, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc == RC_OK && before.last_id == 0)
		rule_broken(r, AUDIT_TERMS, "the terms are gone");
	return rc;
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
	rule_format(r, AUDIT_VERSION_CHAIN, "definition", v->id, v->format,
	    VERSION_FORMAT);
	/* There was no other, and the hash doesn't say. */
	if (v->format == 1 && !slice_is(v->type, task_types[0].name))
		rule_broken(r, AUDIT_VERSION_CHAIN,
		    "definition %" PRId64
		    ": is of the type \"%.*s\", when there was none but %s",
		    v->id, v->type.len > 40 ? 40 : (int)v->type.len, v->type.p,
		    task_types[0].name);
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
	rule_format(r, AUDIT_TRANSFER_CHAIN, "transfer", t->id, t->format,
	    TRANSFER_FORMAT);
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
	const struct terms_row *by = terms_of_transfer(&r->terms, t->id);
	int64_t age_ms;

	if (by == NULL)
		rule_broken(r, AUDIT_WINDOW,
		    "slot %" PRId64 ": no terms say until when it was paid",
		    res->slot);
	if (by == NULL || !row_is_time(t->at_ms))
		return; /* told of the transfer */
	age_ms = t->at_ms - res->assigned_ms;
	if (age_ms < 0)
		rule_broken(r, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms before it was assigned",
		    res->slot, -age_ms);
	else if (age_ms > by->result_window_ms)
		rule_broken(r, AUDIT_WINDOW,
		    "slot %" PRId64 ": paid %" PRId64
		    " ms after it was assigned, allowed %" PRId64,
		    res->slot, age_ms, by->result_window_ms);
	age_ms = t->at_ms - res->timestamp_ms;
	if (age_ms > by->result_window_ms)
		rule_broken(r, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its timestamp is %" PRId64
		    " ms old, allowed %" PRId64,
		    res->slot, age_ms, by->result_window_ms);
	else if (age_ms < -by->clock_skew_ms)
		rule_broken(r, AUDIT_TIMESTAMP,
		    "slot %" PRId64 ": its timestamp is %" PRId64
		    " ms ahead, allowed %" PRId64,
		    res->slot, -age_ms, by->clock_skew_ms);
}

/* What the result says, against itself and what was assigned. */
static void
fit_check(const struct rules *r, const struct transfer_row *t,
    const struct result_row *res, const struct version_row *v)
{
	static const char *const says[FITS] = {
		[FIT_NO_OUTCOME] = "has neither a status nor an error",
		[FIT_CONTRADICTS] = "its success isn't what its status says",
		[FIT_BEFORE_GIVEN] = "was carried out before it was assigned",
		[FIT_OVER_TIMEOUT] = "took longer than its timeout allows",
		[FIT_OVER_WAIT] = "took longer than it was waited for",
	};
	const struct terms_row *by = terms_of_transfer(&r->terms, t->id);
	const struct fit_task task = { .type = task_type_find(v->type),
		.expected_status = v->expected_status,
		.timeout_ms = v->timeout_ms,
		.assigned_ms = res->assigned_ms };
	enum fit fit;

	if (by == NULL || !row_is_time(t->at_ms))
		return; /* told of the terms, and of the transfer */
	if (task.type == NULL) {
		rule_broken(r, AUDIT_FIT,
		    "slot %" PRId64
		    ": its task's type is one that this program doesn't know",
		    res->slot);
		return;
	}
	fit = fit_judge(by, &task, res, t->at_ms);
	if (fit != FIT_RIGHT)
		rule_broken(
		    r, AUDIT_FIT, "slot %" PRId64 ": %s", res->slot, says[fit]);
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
	if (res->copy >= v->copies && !res->is_extra)
		rule_broken(r, AUDIT_COPY,
		    "slot %" PRId64 ": is copy %" PRId64
		    ", its task has %" PRId64,
		    res->slot, res->copy, v->copies);
	if (v->interval_ms <= 0 || v->interval_ms > JSON_INT_MAX)
		rule_broken(r, AUDIT_CYCLE,
		    "slot %" PRId64 ": its task's interval is out of range",
		    res->slot);
	else if (!terms_allow_cycle(&r->terms, res->slot, v->task,
		     v->interval_ms, res->assigned_ms, res->cycle_ms))
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
	/* Then there was none of this, and the hash doesn't say. */
	if (t->format == 1 &&
	    (res->anchor != 0 || res->in_round || res->trace.len > 0 ||
		res->token.len > 0))
		rule_broken(r, AUDIT_RESULT,
		    "slot %" PRId64
		    ": its transfer's hash is of format 1, and not of all that it says",
		    res->slot);
	/* Its line in the log couldn't say it. */
	if (res->in_round ? res->form != ADDRESS_CHECKSUM
			  : t->format > 1 &&
		    (res->anchor != 0 || res->trace.len > 0 ||
			res->token.len > 0))
		rule_broken(r, AUDIT_RESULT,
		    "slot %" PRId64 ": says what nobody signs so", res->slot);
	if (r->max_reward_micros > 0 && v->reward_micros > r->max_reward_micros)
		rule_broken(r, AUDIT_REWARD,
		    "slot %" PRId64 ": definition %" PRId64 " pays %" PRId64
		    " micro-USDC for it, max_reward_micros is %" PRId64,
		    res->slot, v->id, v->reward_micros, r->max_reward_micros);
	times_check(r, t, res);
	fit_check(r, t, res, v);
	place_check(r, res, v);
	return true;
}

enum rc
rule_assignment(const struct rules *r, struct db *db,
    const struct transfer_row *t, const struct result_row *res,
    const struct version_row *v, bool *looked, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*looked = terms_keep(&r->terms, res->assigned_ms, r->now_ms);
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
	    (query_get_int(q, C_ASSIGNMENT_OF_RESULT_VERSION) != res->version ||
		query_get_int(q, C_ASSIGNMENT_OF_RESULT_CYCLE_MS) !=
		    res->cycle_ms ||
		query_get_int(q, C_ASSIGNMENT_OF_RESULT_COPY) != res->copy ||
		query_get_int(q, C_ASSIGNMENT_OF_RESULT_ASSIGNED_MS) !=
		    res->assigned_ms ||
		query_get_int(q, C_ASSIGNMENT_OF_RESULT_REWARD_MICROS) !=
		    v->reward_micros))
		rule_broken(r, AUDIT_ASSIGNMENT,
		    "slot %" PRId64 ": its assignment says otherwise",
		    res->slot);
	query_done(q);
	return rc;
}

/* ---- Beside others ---- */

void
rule_beside(
    const struct rules *r, const struct beside *t, const struct beside *before)
{
	const bool in_order = t->assigned_ms >= before->assigned_ms;
	int64_t cooldown_ms, gap_ms;

	if (t->worker != before->worker || t->task != before->task)
		return;
	/* Slots and times are in one order, unless the clock was set back. */
	if (t->cycle_ms == before->cycle_ms ||
	    (t->cycle_ms < before->cycle_ms && in_order))
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
	if (in_order && gap_ms < cooldown_ms)
		rule_broken(r, AUDIT_COOLDOWN,
		    "slot %" PRId64
		    ": assigned to the worker of account %" PRId64 " %" PRId64
		    " ms after slot %" PRId64 ", cooldown %" PRId64,
		    t->slot, t->worker, gap_ms, before->slot, cooldown_ms);
}

void
rule_signed_once(
    const struct rules *r, const struct beside *t, const struct beside *before)
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
