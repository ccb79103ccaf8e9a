#include "ledger/credit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/fit.h"
#include "ledger/paid.h"
#include "ledger/record.h"
#include "ledger/round_claim.h"
#include "ledger/terms.h"
#include "ledger/transfer.h"
#include "ledger/worker.h"

/*
 * What workers are told. Existing workers know "unknown task" and "invalid
 * signature", and log the others. A reason with details of its own is written
 * where it is found: this is the text without them.
 */
static const char *const reasons[] = {
	[CLAIM_MALFORMED] = "malformed",
	[CLAIM_TOO_OLD] = "result too old",
	[CLAIM_UNKNOWN_TASK] = "unknown task",
	[CLAIM_FROM_FUTURE] = "timestamp in the future",
	[CLAIM_NOT_ASSIGNED] = "not assigned",
	[CLAIM_EXPIRED] = "assignment expired",
	[CLAIM_RECORDED] = "already recorded",
	[CLAIM_SLOT_TAKEN] = "slot taken by another worker",
	[CLAIM_NO_OUTCOME] = "neither statusCode nor error",
	[CLAIM_CONTRADICTS] = "success contradicts statusCode",
	[CLAIM_BEFORE_GIVEN] = "timestamp before the assignment",
	[CLAIM_OVER_TIMEOUT] = "responseTimeMs over the task's timeout",
	[CLAIM_OVER_WAIT] = "responseTimeMs over the time since the assignment",
	[CLAIM_SUSPENDED] = "worker suspended",
	[CLAIM_OTHER_HASH] = "hash of other values",
	[CLAIM_BAD_SIGNATURE] = "invalid signature",
};

static_assert(sizeof(reasons) / sizeof(reasons[0]) == CLAIM_OUTCOMES,
    "each outcome has its line");

const char *
claim_outcome_text(enum claim_outcome outcome)
{
	CHECK(reasons[outcome] != NULL);
	return reasons[outcome];
}

/*
 * Who signed a round of other values signed nothing of that slot, and whoever
 * has lost a slot has no line: these are none of the words.
 */
enum refused
claim_outcome_word(enum claim_outcome outcome)
{
	static const enum refused words[CLAIM_OUTCOMES] = {
		[CLAIM_TOO_OLD] = REFUSED_TOO_OLD,
		[CLAIM_FROM_FUTURE] = REFUSED_FROM_FUTURE,
		[CLAIM_EXPIRED] = REFUSED_EXPIRED,
		[CLAIM_NO_OUTCOME] = REFUSED_NO_OUTCOME,
		[CLAIM_CONTRADICTS] = REFUSED_CONTRADICTION,
		[CLAIM_BEFORE_GIVEN] = REFUSED_BEFORE_ASSIGNMENT,
		[CLAIM_OVER_TIMEOUT] = REFUSED_OVER_TIMEOUT,
		[CLAIM_OVER_WAIT] = REFUSED_OVER_WAIT,
		[CLAIM_SUSPENDED] = REFUSED_SUSPENDED,
	};

	return words[outcome];
}

void
claim_refuse(struct claim *c, enum claim_outcome outcome)
{
	c->outcome = outcome;
	(void)snprintf(
	    c->reason, sizeof(c->reason), "%s", claim_outcome_text(outcome));
}

/* The protocol's window on the worker's clock. */
static bool
check_time(struct claim *c, const struct terms_row *terms, int64_t now_ms)
{
	int64_t age_ms = now_ms - c->row.timestamp_ms;

	if (age_ms < -terms->clock_skew_ms) {
		claim_refuse(c, CLAIM_FROM_FUTURE);
		return false;
	}
	if (age_ms > terms->result_window_ms) {
		claim_refuse(c, CLAIM_TOO_OLD);
		(void)snprintf(c->reason, sizeof(c->reason),
		    "result too old (%" PRId64 "s)", age_ms / 1000);
		return false;
	}
	return true;
}

/* What the worker's assignments of the task say about one claim. */
struct search {
	const struct claim *others; /* of the same request */
	size_t others_n;
	bool found;    /* unpaid, in its window */
	bool recorded; /* this very result was paid */
	bool expired;  /* unpaid, past its window */
	bool taken;    /* another worker's by now */
	/* Unpaid, in its window, and not what the result is of. */
	enum fit misfit; /* how it doesn't fit the first of these */
	/* Which it is of, or would be: that was found, the first that it
	 * doesn't fit, or else the last that it comes too late for. */
	int64_t slot;
};

/* The one of n open claims that is for this slot, or NULL. */
static const struct claim *
claim_for_slot(const struct claim *claims, size_t n, int64_t slot)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (claims[i].outcome == CLAIM_OPEN &&
		    claims[i].row.slot == slot)
			return &claims[i];
	return NULL;
}

/* How the claim doesn't fit the assignment at which q is. */
static enum fit
search_fit(struct query *q, const struct claim *c,
    const struct terms_row *terms, int64_t assigned_ms, int64_t now_ms)
{
	const struct fit_task t = {
		.type = task_type_find(
		    query_get_text(q, C_ASSIGNMENTS_FOR_RESULT_TYPE)),
		.expected_status =
		    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_EXPECTED_STATUS),
		.timeout_ms =
		    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_TIMEOUT_MS),
		.assigned_ms = assigned_ms,
	};

	/* The schedule gives none of a type that it doesn't know. */
	return t.type == NULL ? FIT_CONTRADICTS
			      : fit_judge(terms, &t, &c->row, now_ms);
}

/* Learns the assignment at which q is. */
static void
assignment_learn(struct claim *c, struct query *q)
{
	c->unpaid = true;
	c->row.slot = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_SLOT);
	c->row.version = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_VERSION);
	c->row.cycle_ms = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_CYCLE_MS);
	c->row.copy = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_COPY);
	c->row.assigned_ms =
	    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_ASSIGNED_MS);
	/* Who signs a result alone doesn't name it. */
	c->row.anchor = c->row.in_round
	    ? query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_ANCHOR)
	    : 0;
	c->reward_micros =
	    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_REWARD_MICROS);
	paid_learn(c, q);
}

static void
search_learn(struct search *s, struct claim *c, struct query *q)
{
	assignment_learn(c, q);
	s->slot = c->row.slot;
}

/* What comes too late is of the last one that it can be of. */
static void
expired_learn(struct search *s, struct claim *c, struct query *q)
{
	s->expired = true;
	if (!s->found && s->misfit == FIT_RIGHT &&
	    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_ASSIGNED_MS) <=
		c->row.timestamp_ms)
		search_learn(s, c, q);
}

static void
search_row(struct search *s, struct query *q, struct claim *c,
    const struct terms_row *terms, int64_t now_ms)
{
	bool paid =
		 !query_is_null(q, C_ASSIGNMENTS_FOR_RESULT_PAID_TIMESTAMP_MS),
	     to_us =
		 query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_PAID_TO_WORKER) != 0;
	int64_t slot = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_SLOT),
		assigned_ms =
		    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_ASSIGNED_MS);
	const struct claim *other;
	enum fit misfit;

	if (c->slot != 0 && c->slot != slot)
		return; /* it names another one */
	if (paid && to_us)
		s->recorded |=
		    query_get_int(
			q, C_ASSIGNMENTS_FOR_RESULT_PAID_TIMESTAMP_MS) ==
		    c->row.timestamp_ms;
	else if (paid)
		s->taken = true;
	else if (now_ms - assigned_ms > terms->result_window_ms ||
	    /* By a clock that was ahead. */
	    assigned_ms - now_ms > terms->clock_skew_ms)
		expired_learn(s, c, q);
	else if ((other = claim_for_slot(s->others, s->others_n, slot)) !=
		NULL &&
	    other->worker_id != c->worker_id)
		s->taken = true;
	else if (other != NULL)
		s->recorded |= other->row.timestamp_ms == c->row.timestamp_ms;
	else if (!s->found &&
	    (misfit = search_fit(q, c, terms, assigned_ms, now_ms)) !=
		FIT_RIGHT) {
		if (s->misfit == FIT_RIGHT)
			search_learn(s, c, q);
		s->misfit = s->misfit == FIT_RIGHT ? misfit : s->misfit;
	} else if (!s->found) {
		s->found = true;
		search_learn(s, c, q);
		return;
	}
	/* What a refusal is of: the first that isn't paid. */
	if (!paid && !c->unpaid)
		assignment_learn(c, q);
}

static void
search_conclude(const struct search *s, struct claim *c)
{
	static const enum claim_outcome misfits[FITS] = {
		[FIT_NO_OUTCOME] = CLAIM_NO_OUTCOME,
		[FIT_CONTRADICTS] = CLAIM_CONTRADICTS,
		[FIT_BEFORE_GIVEN] = CLAIM_BEFORE_GIVEN,
		[FIT_OVER_TIMEOUT] = CLAIM_OVER_TIMEOUT,
		[FIT_OVER_WAIT] = CLAIM_OVER_WAIT,
	};

	/*
	 * A result that was paid is told so even when the worker holds the
	 * task again: it mustn't use up the new assignment.
	 */
	if (s->recorded)
		claim_refuse(c, CLAIM_RECORDED);
	else if (s->found)
		c->outcome = CLAIM_OPEN;
	else if (s->misfit != FIT_RIGHT)
		claim_refuse(c, misfits[s->misfit]);
	else if (s->taken)
		claim_refuse(c, CLAIM_SLOT_TAKEN);
	else if (s->expired)
		claim_refuse(c, CLAIM_EXPIRED);
	else
		claim_refuse(c, CLAIM_NOT_ASSIGNED);
	/* One that was paid, or whose slot is somebody else's, is of none. */
	c->of_slot =
	    s->recorded || (s->taken && !s->found && s->misfit == FIT_RIGHT)
	    ? 0
	    : s->slot;
}

/*
 * Finds claims[i]'s assignment, or refuses it for want of one; *any: the worker
 * has, or had, the task.
 */
static enum rc
find_assignment(struct db *db, const struct terms_row *terms,
    struct claim *claims, size_t i, int64_t now_ms, bool *any, struct err *e)
{
	struct query *q = db_query(db, Q_ASSIGNMENTS_FOR_RESULT);
	struct search s = { .others = claims, .others_n = i };
	struct claim *c = &claims[i];
	enum rc rc;
	bool row;

	*any = false;
	c->unpaid = false;
	query_int(q, 1, c->worker_id);
	query_text(q, 2, c->task_id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		*any = true;
		search_row(&s, q, c, terms, now_ms);
	}
	query_done(q);
	search_conclude(&s, c);
	return rc;
}

static enum rc
task_exists(struct db *db, struct slice name, bool *exists, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_EXISTS);

	query_text(q, 1, name);
	return query_any(q, exists, e);
}

/* Who claims[i] is from; most often from the one that claims[i - 1] is. */
static enum rc
find_worker(struct db *db, struct claim *claims, size_t i, struct err *e)
{
	const struct claim *before = &claims[i > 0 ? i - 1 : 0];
	struct claim *c = &claims[i];
	struct worker_row w;
	enum rc rc;

	if (i > 0 && before->outcome != CLAIM_MALFORMED &&
	    memcmp(&before->worker, &c->worker, sizeof(c->worker)) == 0) {
		c->worker_id = before->worker_id;
		c->suspended = before->suspended;
		return RC_OK;
	}
	rc = worker_find(db, &c->worker, &w, e);
	if (rc == RC_NOT_FOUND)
		rc = RC_OK; /* its id is 0: it holds nothing */
	c->worker_id = w.id;
	c->suspended = w.suspended;
	return rc;
}

enum rc
credit_check(struct db *db, const struct terms_row *terms, struct claim *claims,
    size_t i, int64_t now_ms, struct err *e)
{
	struct claim *c = &claims[i];
	bool exists = false;
	enum rc rc;

	rc = find_worker(db, claims, i, e);
	if (rc == RC_OK)
		rc = find_assignment(db, terms, claims, i, now_ms, &exists, e);
	if (rc == RC_OK && !exists)
		rc = task_exists(db, c->task_id, &exists, e);
	if (rc != RC_OK)
		return rc;
	/* Of several causes the first of these is told. */
	if (!exists)
		claim_refuse(c, CLAIM_UNKNOWN_TASK);
	else if (check_time(c, terms, now_ms) && c->suspended)
		claim_refuse(c, CLAIM_SUSPENDED);
	return RC_OK;
}

enum rc
result_insert(
    struct db *db, const struct result_row *r, int64_t transfer, struct err *e)
{
	struct query *q = db_query(db, Q_RESULT_INSERT);
	enum rc rc;

	/* Its worker's part was parsed; the other was read from rows. */
	CHECK(transfer > 0);
	CHECK(r->timestamp_ms >= 0 && r->timestamp_ms <= JSON_INT_MAX);
	CHECK(r->status >= ABSENT && r->response_ms >= ABSENT);
	if (r->slot <= 0 || r->version <= 0 || r->copy < 0 || r->cycle_ms < 0 ||
	    r->assigned_ms < r->cycle_ms)
		return err_set(e, RC_CORRUPT,
		    "slot %lld: its assignment makes no sense",
		    (long long)r->slot);

	query_int(q, 1, r->slot);
	query_int(q, 2, transfer);
	query_int(q, 3, r->version);
	query_int(q, 4, r->cycle_ms);
	query_int(q, 5, r->copy);
	query_int(q, 6, r->assigned_ms);
	query_int(q, 7, r->timestamp_ms);
	query_int(q, 8, r->success);
	if (r->status != ABSENT)
		query_int(q, 9, r->status);
	if (r->response_ms != ABSENT)
		query_int(q, 10, r->response_ms);
	if (r->has_error)
		query_text(q, 11, r->error);
	query_int(q, 12, r->form);
	query_int(q, 14, r->anchor);
	if (!r->in_round)
		query_bytes(q, 13, r->signature, sizeof(r->signature));
	else
		query_int(q, 15, r->place);
	if (r->trace.len > 0)
		query_text(q, 16, r->trace);
	if (r->token.len > 0)
		query_text(q, 17, r->token);
	rc = query_run(q, e);
	if (rc == RC_OK && db_changes(db) == 0)
		return err_set(e, RC_CONFLICT,
		    "slot %lld has its result already", (long long)r->slot);
	return rc;
}

static int
claim_by_slot(const void *a, const void *b)
{
	const struct claim *x = *(struct claim *const *)a;
	const struct claim *y = *(struct claim *const *)b;

	return (x->row.slot > y->row.slot) - (x->row.slot < y->row.slot);
}

/* One worker's share of a request: the results that are paid to it at once. */
struct share {
	int64_t worker_id;
	struct claim *claims[RESULTS_PER_POST_MAX];
	size_t n;
	int64_t sum_micros;
};

/* What credit_record works on. */
struct recording {
	struct db *db;
	const struct terms_row *terms; /* that count now */
	struct claim *claims;
	size_t n;
	const struct round_claim *round; /* of them all, or NULL */
	struct slice network;		 /* that they came from */
	int64_t now_ms;
};

/*
 * Records claims[i] as paid by a transfer. When another request was paid for
 * its slot since the check, it looks for another one, or is refused.
 */
static enum rc
claim_record(
    const struct recording *r, size_t i, int64_t transfer, struct err *e)
{
	struct claim *c = &r->claims[i];
	bool any;
	int64_t slot;
	enum rc rc;

	while (c->outcome == CLAIM_OPEN) {
		slot = c->row.slot;
		rc = result_insert(r->db, &c->row, transfer, e);
		if (rc == RC_OK)
			c->outcome = CLAIM_CREDITED;
		if (rc != RC_CONFLICT)
			return rc;
		rc = find_assignment(
		    r->db, r->terms, r->claims, i, r->now_ms, &any, e);
		c->of_slot = 0; /* its own was paid */
		if (rc == RC_OK && c->outcome == CLAIM_OPEN &&
		    c->row.slot == slot)
			rc = RC_CONFLICT; /* not for that reason */
		if (rc != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* Records the open claims of one worker, and sorts them by slot. */
static enum rc
share_record(
    const struct recording *r, struct share *s, int64_t transfer, struct err *e)
{
	enum rc rc = RC_OK;
	struct claim *c;
	size_t i;

	for (i = 0; rc == RC_OK && i < r->n; i++) {
		c = &r->claims[i];
		if (c->outcome != CLAIM_OPEN || c->worker_id != s->worker_id)
			continue;
		rc = claim_record(r, i, transfer, e);
		if (c->outcome != CLAIM_CREDITED)
			continue;
		s->claims[s->n++] = c;
		s->sum_micros += c->reward_micros;
	}
	qsort(s->claims, s->n, sizeof(s->claims[0]), claim_by_slot);
	return rc;
}

/* Pays the open claims of one worker with one transfer. */
static enum rc
share_credit(const struct recording *r, int64_t worker_id, struct err *e)
{
	struct share s = { .worker_id = worker_id };
	struct transfer_row t = { .format = TRANSFER_FORMAT,
		.at_ms = r->now_ms,
		.kind = slice_of("credit"),
		.debit = ACCOUNT_REWARDS,
		.credit = worker_id };
	uint8_t hash[KECCAK256_LEN];
	struct round_tree_hash others[RESULTS_PER_POST_MAX];
	struct round_row round = { .is_there = false };
	struct tail tail;
	struct transfer_link link;
	enum rc rc;
	size_t i;

	rc = transfer_tail(r->db, &tail, e);
	if (rc != RC_OK)
		return rc;
	t.id = tail.last_id + 1;
	rc = share_record(r, &s, t.id, e);
	if (rc == RC_OK && s.n > 0 && r->round != NULL)
		rc = round_claim_keep(
		    r->db, r->round, r->claims, r->n, t.id, &round, others, e);
	if (rc != RC_OK || s.n == 0)
		return rc;
	t.amount_micros = s.sum_micros;
	link_transfer_begin(&link, &tail, &t, &round);
	for (i = 0; i < s.n; i++)
		link_transfer_result(&link, &s.claims[i]->row);
	link_transfer_end(&link, hash);
	rc = transfer_insert(r->db, &t, hash, e);
	if (rc == RC_OK)
		rc =
		    record_credit(r->db, worker_id, (int64_t)s.n, r->now_ms, e);
	return rc == RC_OK
	    ? paid_count(r->db, s.claims, s.n, r->network, r->now_ms, e)
	    : rc;
}

/* Refuses what was checked by other terms than now count. */
static void
windows_check(const struct recording *r)
{
	struct claim *c;
	size_t i;

	for (i = 0; i < r->n; i++) {
		c = &r->claims[i];
		if (c->outcome == CLAIM_OPEN &&
		    check_time(c, r->terms, r->now_ms) &&
		    (r->now_ms - c->row.assigned_ms >
			    r->terms->result_window_ms ||
			c->row.assigned_ms - r->now_ms >
			    r->terms->clock_skew_ms))
			claim_refuse(c, CLAIM_EXPIRED);
	}
}

enum rc
credit_record(struct db *db, struct claim *claims, size_t n,
    const struct round_claim *round, struct slice network, int64_t now_ms,
    struct err *e)
{
	struct terms_row terms;
	const struct recording r = { db, &terms, claims, n, round, network,
		now_ms };
	enum rc rc;
	size_t i;

	CHECK(n <= RESULTS_PER_POST_MAX);
	rc = terms_now(db, &terms, e);
	if (rc == RC_OK)
		windows_check(&r);
	for (i = 0; rc == RC_OK && i < n; i++)
		if (claims[i].outcome == CLAIM_OPEN)
			/* With it all others of this worker. */
			rc = share_credit(&r, claims[i].worker_id, e);
	return rc;
}
