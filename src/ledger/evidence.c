#include "ledger/evidence.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "eth/hex.h"
#include "ledger/payout.h"
#include "ledger/row_read.h"
#include "ledger/signed.h"

/* Definitions that were found right, by their number's last bits. */
#define VERSIONS_KNOWN 256

/* The credit whose results are being read. */
struct open_credit {
	struct transfer_row t; /* id 0: none yet */
	struct tail before;
	uint8_t stored[KECCAK256_LEN];
	struct transfer_link link;
	struct signed_credit signed_by; /* if it isn't sealed */
	int64_t results;
	int64_t rewards_micros;
	bool overflow;
	bool is_archived; /* its results aren't there */
};

/* A worker's evidence as it is read. */
struct reading {
	struct db *db;
	struct rules rules;
	const atomic_bool *stop; /* or NULL */
	uint8_t ledger_id[LEDGER_ID_LEN];
	int64_t worker_id;
	const struct address *worker;
	struct evidence *out;

	int64_t since;		 /* the newest sealed transfer; 0 */
	int64_t first_at_ms;	 /* of the credits after it, the oldest; */
	int64_t first_signed_ms; /* of their results' timestamps, the oldest */
	int64_t versions[VERSIONS_KNOWN];
	struct beside *paid; /* owned; of each result that was read */
	size_t paid_n, paid_cap;

	bool broken;
	struct err *e; /* says what was, first */
};

/* struct rules: only the first is told. */
static void
on_broken(void *ctx, enum audit_rule rule, const char *text)
{
	struct reading *r = ctx;

	(void)rule;
	if (!r->broken)
		(void)err_set(r->e, RC_CORRUPT, "%s", text);
	r->broken = true;
}

/* What was read so far: an error, or a broken rule. */
static enum rc
reading_rc(const struct reading *r, enum rc rc)
{
	return rc == RC_OK && r->broken ? RC_CORRUPT : rc;
}

/* ---- Credits and their results ---- */

/* The definition by which a result was paid is the one that was made then. */
static enum rc
version_check(struct reading *r, int64_t id, struct err *e)
{
	int64_t *known = &r->versions[(uint64_t)id % VERSIONS_KNOWN];
	struct tail before = { .last_id = 0 };
	uint8_t hash[KECCAK256_LEN];
	struct version_row v;
	struct slice s;
	struct query *q;
	enum rc rc;
	bool row;

	if (*known == id)
		return RC_OK;
	q = db_query(r->db, Q_VERSION_LINK);
	query_int(q, 1, id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		row_read_version(q, C_VERSION_LINK_VERSION, &v, hash);
		before.last_id = query_get_int(q, C_VERSION_LINK_BEFORE_ID);
		s = query_get_bytes(q, C_VERSION_LINK_BEFORE_HASH);
		if (s.len == sizeof(before.hash))
			memcpy(before.hash, s.p, s.len);
		rule_version(&r->rules, &v, &before, hash);
		*known = id;
	}
	query_done(q);
	return rc;
}

static enum rc
paid_add(struct reading *r, const struct transfer_row *t,
    const struct result_row *res, const struct version_row *v, struct err *e)
{
	struct beside *all;
	size_t cap;

	if (r->paid_n == r->paid_cap) {
		cap = r->paid_cap == 0 ? 64 : 2 * r->paid_cap;
		all = reallocarray(r->paid, cap, sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "evidence: no memory");
		r->paid = all;
		r->paid_cap = cap;
	}
	r->paid[r->paid_n++] =
	    (struct beside){ t->credit, v->task, res->slot, res->cycle_ms,
		    res->assigned_ms, v->cooldown_ms, res->timestamp_ms };
	return RC_OK;
}

/* A result's place, signature and definition. */
static enum rc
result_read(
    struct reading *r, struct query *q, struct open_credit *c, struct err *e)
{
	struct result_row res;
	struct version_row v;
	int64_t transfer;
	bool looked, well_formed;
	enum rc rc;

	well_formed =
	    row_read_result(q, C_CREDITS_BEHIND_RESULT, &res, &v, &transfer);
	if (!rule_result(&r->rules, &c->t, &res, &v, well_formed))
		return RC_OK;
	link_transfer_result(&c->link, &res);
	c->results++;
	c->overflow |= __builtin_add_overflow(
	    c->rewards_micros, v.reward_micros, &c->rewards_micros);
	rc = rule_assignment(&r->rules, r->db, &c->t, &res, &v, &looked, e);
	if (rc == RC_OK)
		rc = version_check(r, v.id, e);
	if (rc == RC_OK)
		rc = paid_add(r, &c->t, &res, &v, e);
	if (rc != RC_OK || r->broken || c->t.id <= r->since)
		return rc;
	if (res.timestamp_ms < r->first_signed_ms)
		r->first_signed_ms = res.timestamp_ms;
	r->out->results++;
	signed_add(&c->signed_by, &res, &v, q, C_CREDITS_BEHIND_SIGNED);
	return RC_OK;
}

static void
credit_begin(struct reading *r, struct query *q, struct open_credit *c)
{
	struct slice s = query_get_bytes(q, C_CREDITS_BEHIND_BEFORE_HASH);
	uint8_t digest[KECCAK256_LEN];
	struct round_row round;

	*c = (struct open_credit){ .before.last_id = query_get_int(
				       q, C_CREDITS_BEHIND_BEFORE_ID) };
	if (s.len == sizeof(c->before.hash))
		memcpy(c->before.hash, s.p, s.len);
	row_read_transfer(q, C_CREDITS_BEHIND_TRANSFER, &c->t, c->stored);
	row_read_round(q, C_CREDITS_BEHIND_ROUND, &round);
	link_transfer_begin(&c->link, &c->before, &c->t, &round);
	c->is_archived =
	    query_is_null(q, C_CREDITS_BEHIND_RESULT + R_RESULT_SLOT) &&
	    row_read_hash(q, C_CREDITS_BEHIND_DIGEST, digest);
	if (c->is_archived)
		link_transfer_archived(&c->link, digest);
	c->signed_by.rules = &r->rules;
	c->signed_by.ledger_id = r->ledger_id;
	if (c->t.id > r->since)
		signed_begin(&c->signed_by, c->t.id, r->worker, &round);
	c->t.kind = slice_of("credit"); /* what was read is gone soon */
	if (c->t.debit != ACCOUNT_REWARDS)
		rule_broken(&r->rules, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": a credit from account %" PRId64
		    " to %" PRId64,
		    c->t.id, c->t.debit, c->t.credit);
	/* What is to come would be another day's. */
	if (c->t.at_ms > r->rules.now_ms + CLOCK_SKEW_MS)
		rule_broken(&r->rules, AUDIT_TRANSFER_KIND,
		    "transfer %" PRId64 ": its time is %" PRId64
		    " ms ahead, allowed %d",
		    c->t.id, c->t.at_ms - r->rules.now_ms, CLOCK_SKEW_MS);
	if (c->t.id > r->since && c->t.at_ms < r->first_at_ms)
		r->first_at_ms = c->t.at_ms;
}

static void
credit_end(struct reading *r, struct open_credit *c)
{
	uint8_t computed[KECCAK256_LEN];

	if (c->t.id == 0)
		return;
	link_transfer_end(&c->link, computed);
	rule_transfer(&r->rules, &c->t, &c->before, computed, c->stored);
	if (c->is_archived && c->t.id > r->since)
		rule_broken(&r->rules, AUDIT_ARCHIVE,
		    "transfer %" PRId64
		    ": isn't sealed by this treasury, and its results are archived: worknet archive --bring-back",
		    c->t.id);
	if (!c->is_archived)
		rule_amount(&r->rules, &c->t, c->results, c->rewards_micros,
		    c->overflow);
	if (!r->broken)
		signed_end(&c->signed_by);
}

static enum rc
stop_look(const struct reading *r, struct err *e)
{
	if (r->stop == NULL || !atomic_load(r->stop))
		return RC_OK;
	return err_set(e, RC_BUSY, "evidence: stopped");
}

/* The worker's credits after one transfer and up to another. */
static enum rc
credits_read(struct reading *r, int64_t after, int64_t upto, struct err *e)
{
	struct query *q = db_query(r->db, Q_CREDITS_BEHIND);
	struct open_credit c = { .results = 0 };
	enum rc rc;
	bool row;

	query_int(q, 1, r->worker_id);
	query_int(q, 2, after);
	query_int(q, 3, upto);
	while ((rc = query_step(q, &row, e)) == RC_OK && row && !r->broken) {
		if (query_get_int(q, 0) != c.t.id) {
			credit_end(r, &c);
			credit_begin(r, q, &c);
		}
		rc = stop_look(r, e);
		if (rc == RC_OK &&
		    !query_is_null(q, C_CREDITS_BEHIND_RESULT + R_RESULT_SLOT))
			rc = result_read(r, q, &c, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	if (rc == RC_OK && !r->broken)
		credit_end(r, &c);
	return reading_rc(r, rc);
}

/* ---- What a worker can earn ---- */

static int
by_time(const void *a, const void *b)
{
	const struct day_credit *x = a, *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return (x->transfer > y->transfer) - (x->transfer < y->transfer);
}

/* Its credits, the newest first, as far as they may count with those that
 * aren't sealed. */
struct recent {
	struct day_credit *all; /* owned */
	size_t n, cap;
	int64_t
	    again; /* the first transfer whose results to read again; or 0 */
};

static enum rc
recent_add(struct recent *l, const struct day_credit *c, struct err *e)
{
	struct day_credit *all;
	size_t cap;

	if (l->n == l->cap) {
		cap = l->cap == 0 ? 64 : 2 * l->cap;
		all = reallocarray(l->all, cap, sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "evidence: no memory");
		l->all = all;
		l->cap = cap;
	}
	l->all[l->n++] = *c;
	return RC_OK;
}

/*
 * Sealed credits count with the others where these are of the same day, or may
 * be for what one of the sealed ones was paid for: a result that was signed
 * when the oldest of the others was.
 */
static enum rc
recent_read(struct reading *r, struct recent *l, struct err *e)
{
	int64_t again_ms = r->first_signed_ms - CLOCK_SKEW_MS;
	int64_t day_ms = r->first_at_ms - DAY_MS;
	struct query *q = db_query(r->db, Q_CREDITS_NEWEST);
	struct day_credit c;
	enum rc rc;
	bool row;

	query_int(q, 1, r->worker_id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		c = (struct day_credit){ query_get_int(q, 0),
			query_get_int(q, 1), query_get_int(q, 2) };
		if (c.transfer <= r->since && c.at_ms < again_ms &&
		    c.at_ms < day_ms)
			break;
		if (c.transfer <= r->since && c.at_ms >= again_ms)
			l->again = c.transfer;
		rc = recent_add(l, &c, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

static enum rc
days_check(struct reading *r, struct recent *l, struct err *e)
{
	struct day d = { .worker = r->worker_id };
	enum rc rc = RC_OK;
	size_t i;

	if (l->n > 0)
		qsort(l->all, l->n, sizeof(l->all[0]), by_time);
	for (i = 0; rc == RC_OK && i < l->n; i++)
		rc = rule_day(&r->rules, &d, &l->all[i], e);
	rule_day_free(&d);
	return reading_rc(r, rc);
}

static int
by_slot(const void *a, const void *b)
{
	const struct beside *x = a, *y = b;

	if (x->task != y->task)
		return x->task < y->task ? -1 : 1;
	return (x->slot > y->slot) - (x->slot < y->slot);
}

static int
by_timestamp(const void *a, const void *b)
{
	const struct beside *x = a, *y = b;

	if (x->task == y->task && x->timestamp_ms != y->timestamp_ms)
		return x->timestamp_ms < y->timestamp_ms ? -1 : 1;
	return by_slot(a, b);
}

/* No check was paid twice, and none within the task's cooldown. */
static enum rc
beside_check(struct reading *r)
{
	size_t i;

	if (r->paid_n == 0)
		return RC_OK;
	qsort(r->paid, r->paid_n, sizeof(r->paid[0]), by_slot);
	for (i = 1; i < r->paid_n; i++)
		rule_beside(&r->rules, &r->paid[i], &r->paid[i - 1]);
	qsort(r->paid, r->paid_n, sizeof(r->paid[0]), by_timestamp);
	for (i = 1; i < r->paid_n; i++)
		rule_signed_once(&r->rules, &r->paid[i], &r->paid[i - 1]);
	return reading_rc(r, RC_OK);
}

/* All credits that aren't sealed, and beside them what is near. */
static enum rc
credits_verify(struct reading *r, struct err *e)
{
	struct recent l = { .n = 0 };
	enum rc rc;

	r->first_at_ms = r->first_signed_ms = INT64_MAX;
	rc =
	    query_one_int(db_query(r->db, Q_SLOT_LAST), &r->rules.last_slot, e);
	if (rc == RC_OK || rc == RC_NOT_FOUND) /* 0: none was given out */
		rc = credits_read(r, r->since, INT64_MAX, e);
	if (rc == RC_OK && r->first_at_ms != INT64_MAX)
		rc = recent_read(r, &l, e);
	if (rc == RC_OK && r->rules.max_day_micros > 0)
		rc = days_check(r, &l, e);
	if (rc == RC_OK && l.again != 0)
		rc = credits_read(r, l.again - 1, r->since, e);
	if (rc == RC_OK)
		rc = beside_check(r);
	free(l.all);
	return rc;
}

/* ---- What was earned ---- */

static bool
seal_read(struct seal *s, struct sealed *what, struct query *q)
{
	*s = (struct seal){ .verified_to =
				query_get_int(q, C_SEALS_VERIFIED_TO),
		.balance_micros = query_get_int(q, C_SEALS_VERIFIED_MICROS) };
	what->seq = query_get_int(q, C_SEALS_SEQ);
	what->amount_micros = query_get_int(q, C_SEALS_AMOUNT_MICROS);
	return (s->verified_to == 0 ||
		   row_read_hash(q, C_SEALS_VERIFIED_HASH, s->verified_hash)) &&
	    hex_decode(s->signature, SIGNATURE_LEN,
		query_get_text(q, C_SEALS_SEAL), NULL) == RC_OK;
}

/* Which of a worker's seals, in which order: see the statement. */
enum seals { SEALS_ALL, SEALS_ADOPTED };

static struct query *
seals_query(struct db *db, int64_t worker_id, enum seals which)
{
	struct query *q = db_query(db, Q_SEALS);

	query_int(q, 1, worker_id);
	query_int(q, 2, which);
	return q;
}

/*
 * Whether the treasury has sealed that so much was lost, of payouts that were
 * found on the chain. A number was paid once, however many rows have it.
 */
static enum rc
recovered_check(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, int64_t micros, struct err *e)
{
	struct sealed what = { .worker = *worker };
	int64_t created_ms, last = 0, missing = micros;
	bool row = true;
	struct query *q;
	struct seal s;
	enum rc rc;

	rc = payout_ledger_id(db, what.ledger_id, &created_ms, e);
	if (rc != RC_OK)
		return rc;
	q = seals_query(db, worker_id, SEALS_ADOPTED);
	while (rc == RC_OK && missing > 0 &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		if (!seal_read(&s, &what, q) || what.seq == last ||
		    !seal_is_by(&s, &what, treasury))
			continue;
		last = what.seq;
		missing -= s.balance_micros;
	}
	query_done(q);
	if (rc == RC_OK && missing > 0)
		return err_set(e, RC_CORRUPT,
		    "%" PRId64 " micro-USDC were recovered, %" PRId64
		    " more than payouts found on the chain are sealed for",
		    micros, missing);
	return rc;
}

enum rc
evidence_earned(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, int64_t *micros, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_EARNED);
	int64_t recovered = 0;
	enum rc rc;
	bool row;

	*micros = 0;
	query_int(q, 1, worker_id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*micros = query_get_int(q, 0);
		recovered = query_get_int(q, 1);
	}
	query_done(q);
	if (rc == RC_OK && recovered > 0)
		rc = recovered_check(
		    db, worker_id, worker, treasury, recovered, e);
	return rc;
}

/* ---- Sums ---- */

/* What the worker's transfers say of its balance after one of them, and now. */
static enum rc
balance_sums(struct db *db, int64_t worker_id, int64_t transfer, int64_t *then,
    int64_t *now, struct err *e)
{
	struct query *q = db_query(db, Q_BALANCE_SUMS);
	enum rc rc;
	bool row;

	query_int(q, 1, worker_id);
	query_int(q, 2, transfer);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*then = query_get_int(q, 0);
		*now = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

static enum rc
balance_now(
    struct db *db, int64_t worker_id, struct evidence *out, struct err *e)
{
	struct query *q = db_query(db, Q_BALANCE_NOW);
	enum rc rc;
	bool row;

	query_int(q, 1, worker_id);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->balance_micros = query_get_int(q, 0);
		out->verified_to = query_get_int(q, 1);
		(void)row_read_hash(q, 2, out->verified_hash);
	}
	query_done(q);
	return rc;
}

/* The balance in its sum: up to what was sealed, and now. */
static enum rc
sums_verify(struct db *db, int64_t worker_id, const struct seal *s,
    struct evidence *out, struct err *e)
{
	int64_t then = 0, now = 0;
	enum rc rc;

	rc = balance_now(db, worker_id, out, e);
	if (rc == RC_OK)
		rc =
		    balance_sums(db, worker_id, s->verified_to, &then, &now, e);
	if (rc != RC_OK)
		return rc;
	if (then != s->balance_micros)
		return err_set(e, RC_CORRUPT,
		    "after transfer %" PRId64 " the balance was %" PRId64
		    " micro-USDC, now its transfers up to there say %" PRId64,
		    s->verified_to, s->balance_micros, then);
	if (now != out->balance_micros)
		return err_set(e, RC_CORRUPT,
		    "the balance is %" PRId64
		    " micro-USDC, its transfers say %" PRId64,
		    out->balance_micros, now);
	return RC_OK;
}

/* ---- What was verified before ---- */

/* Whether its row says that this treasury pays it. */
static bool
is_paid_by(struct query *q, const struct address *treasury)
{
	struct address a;

	return address_parse(&a, NULL, query_get_text(q, C_SEALS_TREASURY),
		   NULL) == RC_OK &&
	    memcmp(a.b, treasury->b, sizeof(a.b)) == 0;
}

/*
 * Whether payouts gave back no more than they took since the seal. One from
 * before it may have given back all that it took: then an older seal has to
 * do. Without any it can't be: what is given back was taken before.
 */
static enum rc
took_check(struct db *db, int64_t worker_id, const struct seal *s, bool *took,
    struct err *e)
{
	struct query *q = db_query(db, Q_GIVEN_BACK);
	int64_t surplus = 0;
	enum rc rc;

	query_int(q, 1, worker_id);
	query_int(q, 2, s->verified_to);
	rc = query_one_int(q, &surplus, e);
	*took = surplus <= 0;
	if (rc == RC_OK && !*took && s->verified_to == 0)
		return err_set(e, RC_CORRUPT,
		    "payouts gave back or recovered %" PRId64
		    " micro-USDC more than they took",
		    surplus);
	return rc;
}

/*
 * The newest seal of this treasury that will do; *out is zero when there is
 * none. Another one's, or nobody's, are as if they weren't there; *unfit is the
 * newest payout that says it's this treasury's, and whose seal isn't.
 */
static enum rc
seal_find(struct db *db, int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct seal *out, int64_t *unfit,
    struct err *e)
{
	struct sealed what = { .worker = *worker };
	bool row = false, found = false, fits;
	int64_t created_ms;
	struct query *q;
	struct seal s;
	enum rc rc;

	rc = payout_ledger_id(db, what.ledger_id, &created_ms, e);
	if (rc != RC_OK)
		return rc;
	q = seals_query(db, worker_id, SEALS_ALL);
	while (rc == RC_OK && !found &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		fits =
		    seal_read(&s, &what, q) && seal_is_by(&s, &what, treasury);
		if (fits && seal_kind(&s) == SEAL_RESERVED)
			rc = took_check(db, worker_id, &s, &found, e);
		if (!fits && *unfit == 0 && is_paid_by(q, treasury))
			*unfit = query_get_int(q, C_SEALS_ID);
	}
	query_done(q);
	*out = found ? s : (struct seal){ .verified_to = 0 };
	if (rc == RC_OK && !found)
		rc = took_check(db, worker_id, out, &found, e);
	return rc;
}

enum rc
evidence_verify(struct db *db, const struct evidence_rules *rules,
    int64_t worker_id, const struct address *worker,
    const struct address *treasury, struct evidence *out, struct err *e)
{
	struct err broken = ERR_INIT;
	struct reading r = { .db = db,
		.rules = { .max_reward_micros = rules->max_reward_micros,
		    .max_day_micros = rules->max_day_micros,
		    .now_ms = rules->now_ms,
		    .broken = on_broken },
		.stop = rules->stop,
		.worker_id = worker_id,
		.worker = worker,
		.out = out,
		.e = &broken };
	int64_t created_ms;
	struct seal s;
	enum rc rc;

	r.rules.ctx = &r;
	*out = (struct evidence){ .results = 0 };
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = reading_rc(&r, rules_terms_read(&r.rules, db, e));
	if (rc == RC_OK)
		rc = payout_ledger_id(db, r.ledger_id, &created_ms, e);
	if (rc == RC_OK)
		rc = seal_find(
		    db, worker_id, worker, treasury, &s, &out->unfit, e);
	if (rc == RC_OK)
		rc = sums_verify(db, worker_id, &s, out, e);
	if (rc == RC_OK)
		rc = evidence_earned(
		    db, worker_id, worker, treasury, &out->earned_micros, e);
	if (rc == RC_OK) {
		r.since = s.verified_to;
		rc = credits_verify(&r, e);
	}
	db_rollback(db);
	free(r.paid);
	terms_list_free(&r.rules.terms);
	return r.broken ? err_set(e, RC_CORRUPT, "%s", broken.msg) : rc;
}
