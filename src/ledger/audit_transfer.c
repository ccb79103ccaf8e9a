/* The audit of money: every transfer together with its results. */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit_part.h"

#define ANY_WORKER 0 /* stands for the account of a worker */

/* Where money may go, see schema.sql; only the first one has results. */
static const struct transfer_kind {
	const char *name;
	int64_t debit;
	int64_t credit;
} kinds[] = {
	{ "credit", ACCOUNT_REWARDS, ANY_WORKER },
	{ "reserve", ANY_WORKER, ACCOUNT_IN_FLIGHT },
	{ "post", ACCOUNT_IN_FLIGHT, ACCOUNT_TREASURY },
	{ "unpost", ACCOUNT_TREASURY, ACCOUNT_IN_FLIGHT },
	{ "void", ACCOUNT_IN_FLIGHT, ANY_WORKER },
	{ "recover", ACCOUNT_REWARDS, ANY_WORKER },
	{ "forfeit", ANY_WORKER, ACCOUNT_REWARDS },
};

/* Transfers and results side by side, both in order of the transfer. */
struct walk {
	struct audit *a;
	struct query *results;
	bool row; /* there is a present result */
	bool well_formed;
	int64_t paid_by; /* the present one's transfer */
	struct result_row result;
	struct version_row version; /* id 0: there is none */
	struct tail before;
	int64_t transfers;
	int64_t credits;
	int64_t results_n;
	int64_t total; /* transfers, for progress */
};

static const struct transfer_kind *
kind_find(struct slice name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (slice_is(name, kinds[i].name))
			return &kinds[i];
	return NULL;
}

static bool
is_account(struct audit *a, int64_t id, int64_t expected)
{
	const struct audit_account *c = audit_account_find(a, id);

	if (c == NULL)
		return false;
	return expected == ANY_WORKER ? c->is_worker : id == expected;
}

static void
account_add(struct audit *a, int64_t id, int64_t amount_micros)
{
	struct audit_account *c = audit_account_find(a, id);

	if (c != NULL)
		c->overflow |= __builtin_add_overflow(
		    c->sum_micros, amount_micros, &c->sum_micros);
}

static enum rc
result_next(struct walk *w, struct err *e)
{
	enum rc rc;

	rc = query_step(w->results, &w->row, e);
	if (rc == RC_OK && w->row) {
		w->well_formed = row_read_result(
		    w->results, 0, &w->result, &w->version, &w->paid_by);
		w->results_n++;
	}
	return rc;
}

static void
orphan_found(struct walk *w)
{
	audit_found(w->a, AUDIT_RESULT,
	    "slot %" PRId64 ": paid by transfer %" PRId64
	    ", which doesn't exist",
	    w->result.slot, w->paid_by);
}

/* The present result, which t paid. */
static enum rc
result_check(
    struct walk *w, const struct transfer_row *t, bool is_credit, struct err *e)
{
	struct audit *a = w->a;
	int64_t slot = w->result.slot;
	bool looked;
	enum rc rc;

	if (!is_credit)
		audit_found(a, AUDIT_RESULT,
		    "slot %" PRId64 ": paid by transfer %" PRId64
		    ", which is no credit",
		    slot, t->id);
	if (!rule_result(&a->rules, t, &w->result, &w->version, w->well_formed))
		return RC_OK;
	rc = rule_assignment(
	    &a->rules, a->db, t, &w->result, &w->version, &looked, e);
	audit_checked(a, AUDIT_ASSIGNMENT, looked);
	return rc;
}

/* What is left of a credit whose results were dropped. */
struct rest {
	bool is_there;
	int64_t results;
	uint8_t digest[KECCAK256_LEN];
};

static void
rest_read(struct walk *w, struct query *q, struct rest *r)
{
	r->is_there = row_read_hash(q, C_AUDIT_TRANSFER_DIGEST, r->digest);
	r->results = query_get_int(q, C_AUDIT_TRANSFER_RESULTS);
	audit_checked(w->a, AUDIT_ARCHIVE, r->is_there);
}

/* n results are there, of which link has the digest. */
static void
rest_check(struct walk *w, const struct transfer_row *t, const struct rest *r,
    const struct transfer_link *link, int64_t n, bool is_credit)
{
	if (!r->is_there)
		return;
	if (!is_credit || t->format == 1)
		audit_found(w->a, AUDIT_ARCHIVE,
		    "transfer %" PRId64
		    ": is archived, and is no credit that can be",
		    t->id);
	else if (n > 0 &&
	    (n != r->results ||
		memcmp(link->digest, r->digest, sizeof(r->digest)) != 0))
		audit_found(w->a, AUDIT_ARCHIVE,
		    "transfer %" PRId64
		    ": was archived with other results than it has",
		    t->id);
}

/* Checks t's results and its hash over them. */
static enum rc
results_check(struct walk *w, const struct transfer_row *t,
    const struct round_row *round, const struct rest *rest, bool is_credit,
    const uint8_t hash[static KECCAK256_LEN], int64_t *results, struct err *e)
{
	int64_t n = 0, rewards_micros = 0;
	uint8_t expected[KECCAK256_LEN];
	bool overflow = false;
	enum rc rc = RC_OK;
	struct transfer_link link;

	link_transfer_begin(&link, &w->before, t, round);
	while (rc == RC_OK && w->row && w->paid_by == t->id) {
		link_transfer_result(&link, &w->result);
		overflow |= __builtin_add_overflow(
		    rewards_micros, w->version.reward_micros, &rewards_micros);
		n++;
		rc = result_check(w, t, is_credit, e);
		if (rc == RC_OK)
			rc = result_next(w, e);
	}
	if (n == 0 && rest->is_there)
		link_transfer_archived(&link, rest->digest);
	link_transfer_end(&link, expected);
	*results = n == 0 && rest->is_there ? rest->results : n;
	if (rc != RC_OK)
		return rc;
	rest_check(w, t, rest, &link, n, is_credit);
	rule_transfer(&w->a->rules, t, &w->before, expected, hash);
	if (is_credit && (n > 0 || !rest->is_there))
		rule_amount(&w->a->rules, t, n, rewards_micros, overflow);
	return RC_OK;
}

/* What a transfer says by itself. */
static bool
transfer_check(struct walk *w, const struct transfer_row *t)
{
	const struct transfer_kind *kind = kind_find(t->kind);
	struct audit *a = w->a;

	if (kind == NULL)
		audit_found(a, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": is of no known kind", t->id);
	else if (!is_account(a, t->debit, kind->debit) ||
	    !is_account(a, t->credit, kind->credit))
		audit_found(a, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": a %s from account %" PRId64
		    " to %" PRId64,
		    t->id, kind->name, t->debit, t->credit);
	if (t->amount_micros <= 0)
		audit_found(a, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": moves %" PRId64 " micro-USDC", t->id,
		    t->amount_micros);
	return kind == &kinds[0];
}

/* A round is of a credit, and of a format that hashes it. */
static void
round_check_kind(
    struct walk *w, const struct transfer_row *t, const struct round_row *round)
{
	if (round->is_there &&
	    (t->format == 1 || !slice_is(t->kind, kinds[0].name)))
		audit_found(w->a, AUDIT_RESULT,
		    "transfer %" PRId64
		    ": has a round, and is no credit that can have one",
		    t->id);
}

static enum rc
transfer_walk(struct walk *w, struct query *q, struct err *e)
{
	uint8_t hash[KECCAK256_LEN];
	struct transfer_row t;
	struct round_row round;
	struct rest rest;
	enum rc rc = RC_OK;
	bool is_credit;
	int64_t results = 0;

	row_read_transfer(q, C_AUDIT_TRANSFER_TRANSFER, &t, hash);
	row_read_round(q, C_AUDIT_TRANSFER_ROUND, &round);
	round_check_kind(w, &t, &round);
	rest_read(w, q, &rest);
	is_credit = transfer_check(w, &t);
	while (rc == RC_OK && w->row && w->paid_by < t.id) {
		orphan_found(w);
		rc = result_next(w, e);
	}
	if (rc == RC_OK)
		rc = results_check(
		    w, &t, &round, &rest, is_credit, hash, &results, e);
	if (t.amount_micros > 0) {
		account_add(w->a, t.debit, -t.amount_micros);
		account_add(w->a, t.credit, t.amount_micros);
	}
	if (rc == RC_OK)
		rc = audit_record_transfer(w->a, &t, results, e);
	w->before.last_id = t.id;
	memcpy(w->before.hash, hash, sizeof(hash));
	w->transfers++;
	w->credits += is_credit;
	if ((w->transfers & 0xff) == 0)
		audit_tick(w->a, "transfers", w->transfers, w->total);
	return rc;
}

static void
walk_counts(struct walk *w)
{
	static const enum audit_rule of_results[] = { AUDIT_RESULT,
		AUDIT_REWARD, AUDIT_SLOT, AUDIT_WINDOW, AUDIT_TIMESTAMP,
		AUDIT_FIT, AUDIT_COPY, AUDIT_CYCLE };
	size_t i;

	audit_checked(w->a, AUDIT_TRANSFER_CHAIN, w->transfers);
	audit_checked(w->a, AUDIT_TRANSFER_KIND, w->transfers);
	audit_checked(w->a, AUDIT_AMOUNT, w->credits);
	for (i = 0; i < sizeof(of_results) / sizeof(of_results[0]); i++)
		audit_checked(w->a, of_results[i], w->results_n);
	w->a->report->results = w->results_n;
	w->a->report->newest = w->before;
}

enum rc
audit_transfers(struct audit *a, struct err *e)
{
	struct walk w = { .a = a };
	struct query *transfers;
	enum rc rc;
	bool row;

	/* How many there are, which is only told. */
	transfers = db_query(a->db, Q_TRANSFER_LAST);
	rc = query_step(transfers, &row, e);
	if (rc == RC_OK && row)
		w.total = query_get_int(transfers, 0);
	query_done(transfers);
	if (rc != RC_OK)
		return rc;

	w.results = db_query(a->db, Q_AUDIT_RESULT);
	transfers = db_query(a->db, Q_AUDIT_TRANSFER);
	rc = result_next(&w, e);
	while (rc == RC_OK && (rc = query_step(transfers, &row, e)) == RC_OK &&
	    row)
		rc = transfer_walk(&w, transfers, e);
	while (rc == RC_OK && w.row) {
		orphan_found(&w);
		rc = result_next(&w, e);
	}
	query_done(transfers);
	query_done(w.results);
	walk_counts(&w);
	return rc;
}
