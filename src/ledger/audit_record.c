/*
 * The audit of records, maturity and forfeits: what workers were credited is
 * counted along the transfers, beside what their records say.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "ledger/audit_part.h"
#include "ledger/record.h"

static enum rc
demotion_add(struct audit *a, struct query *q, struct err *e)
{
	struct audit_demotion *all =
	    reallocarray(a->demotions, a->demotions_n + 1, sizeof(*all));

	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "audit: no memory");
	a->demotions = all;
	all[a->demotions_n++] = (struct audit_demotion){
		.worker = query_get_int(q, C_AUDIT_DEMOTION_WORKER),
		.day = record_day(query_get_int(q, C_AUDIT_DEMOTION_AT_MS)),
		.after_transfer =
		    query_get_int(q, C_AUDIT_DEMOTION_AFTER_TRANSFER),
	};
	return RC_OK;
}

enum rc
audit_demotions_load(struct audit *a, struct err *e)
{
	struct query *q = db_query(a->db, Q_AUDIT_DEMOTION);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = demotion_add(a, q, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

/* The demotions that come before transfer t. */
static void
demotions_apply(struct audit *a, int64_t transfer)
{
	const struct audit_demotion *d;
	struct audit_account *c;

	for (; a->demotions_next < a->demotions_n; a->demotions_next++) {
		d = &a->demotions[a->demotions_next];
		if (d->after_transfer >= transfer)
			return;
		c = audit_account_find(a, d->worker);
		if (c == NULL)
			continue;
		c->established_results = c->established_days = 0;
		c->newest_day = d->day;
	}
}

/* A credit of so many results. */
static void
credit_count(
    struct audit_account *c, const struct transfer_row *t, int64_t results)
{
	int64_t day = record_day(t->at_ms);

	c->results += results;
	if (day < c->newest_day ||
	    (day == c->newest_day && c->established_days == 0))
		return; /* of a day that doesn't count any more */
	c->established_results += results;
	if (day > c->newest_day)
		c->established_days++;
	c->newest_day = day;
}

static enum rc
early_add(struct audit *a, int64_t transfer, struct err *e)
{
	int64_t *all =
	    reallocarray(a->early, a->early_n + 1, sizeof(a->early[0]));

	if (all == NULL)
		return err_set(e, RC_NO_MEMORY, "audit: no memory");
	a->early = all;
	all[a->early_n++] = transfer;
	return RC_OK;
}

/*
 * What a payout leaves covers the credit that isn't payable yet. Else its
 * transfer is noted: one of a payment that was found on the chain may do that,
 * as audit_payouts knows.
 */
static enum rc
reserve_check(struct audit *a, const struct audit_account *c,
    const struct transfer_row *t, struct err *e)
{
	const struct terms_row *by = terms_of_transfer(&a->rules.terms, t->id);
	int64_t span_ms, waiting_micros;
	struct query *q;
	enum rc rc;

	if (by == NULL)
		return RC_OK; /* told of the terms */
	span_ms =
	    record_is_good(by, c->established_results, c->established_days)
	    ? by->maturity_ms
	    : by->maturity_new_ms;
	if (span_ms == 0 || !row_is_time(t->at_ms))
		return RC_OK;
	q = db_query(a->db, Q_AUDIT_WAITING);
	query_int(q, 1, c->id);
	query_int(q, 2, t->at_ms - span_ms + 1);
	query_int(q, 3, t->id);
	rc = query_one_int(q, &waiting_micros, e);
	if (rc == RC_OK && waiting_micros > 0 && c->sum_micros < waiting_micros)
		rc = early_add(a, t->id, e);
	return rc;
}

enum rc
audit_record_transfer(struct audit *a, const struct transfer_row *t,
    int64_t results, struct err *e)
{
	struct audit_account *c;

	demotions_apply(a, t->id);
	if (slice_is(t->kind, "credit")) {
		c = audit_account_find(a, t->credit);
		if (c != NULL && c->is_worker && row_is_time(t->at_ms))
			credit_count(c, t, results);
		return RC_OK;
	}
	c = audit_account_find(a, t->debit);
	if (c == NULL || !c->is_worker || !slice_is(t->kind, "reserve"))
		return RC_OK;
	return reserve_check(a, c, t, e);
}

bool
audit_is_early(const struct audit *a, int64_t transfer)
{
	size_t i;

	for (i = 0; i < a->early_n; i++)
		if (a->early[i] == transfer)
			return true;
	return false;
}

static void
record_subtract(struct audit *a, struct query *q)
{
	struct audit_account *c = audit_account_find(a, query_get_int(q, 0));

	if (c == NULL || !c->is_worker)
		audit_found(a, AUDIT_RECORD,
		    "account %" PRId64 ": a record of no worker",
		    query_get_int(q, 0));
	else
		c->results -= query_get_int(q, 1);
}

/* Each worker's record beside what was counted. */
enum rc
audit_records(struct audit *a, struct err *e)
{
	struct audit_account *c;
	enum rc rc =
	    audit_each(a, Q_AUDIT_RECORD, AUDIT_RECORD, record_subtract, e);
	size_t i;

	for (i = 0; rc == RC_OK && i < a->accounts_n; i++) {
		c = &a->accounts[i];
		if (c->is_worker && c->results != 0)
			audit_found(a, AUDIT_RECORD,
			    "account %" PRId64 ": was credited %" PRId64
			    " results that its record doesn't have",
			    c->id, c->results);
	}
	return rc;
}

static void
forfeit_check(struct audit *a, struct query *q)
{
	int64_t transfer = query_get_int(q, C_AUDIT_FORFEIT_TRANSFER),
		micros = query_get_int(q, C_AUDIT_FORFEIT_MICROS),
		credited = query_get_int(q, C_AUDIT_FORFEIT_CREDITED_MICROS);

	if (query_get_int(q, C_AUDIT_FORFEIT_IS_ONE) == 0)
		audit_found(a, AUDIT_FORFEIT,
		    "transfer %" PRId64 ": a reason to forfeit, and no forfeit",
		    transfer);
	else if (query_is_null(q, C_AUDIT_FORFEIT_SINCE_MS))
		audit_found(a, AUDIT_FORFEIT,
		    "transfer %" PRId64 ": forfeits credit without a reason",
		    transfer);
	else if (micros > credited)
		audit_found(a, AUDIT_FORFEIT,
		    "transfer %" PRId64 ": forfeits %" PRId64
		    " micro-USDC, since then %" PRId64
		    " were credited and not forfeited",
		    transfer, micros, credited);
}

enum rc
audit_forfeits(struct audit *a, struct err *e)
{
	return audit_each(a, Q_AUDIT_FORFEIT, AUDIT_FORFEIT, forfeit_check, e);
}
