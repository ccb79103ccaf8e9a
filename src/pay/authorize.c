#include "pay/authorize.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/journal.h"

#define FROM_BLOCK_SLACK 64  /* blocks that a lagging node is behind */
#define TIMEOUT_SECONDS	 300 /* x402's maxTimeoutSeconds */

/* ---- The journal ---- */

/*
 * With a node that is a day behind the vault refuses each signature, since it
 * can't count a day's caps (GATE_DAY).
 */
static enum rc
tell_day(struct run *r, struct err *e)
{
	int64_t behind_s =
	    clock_unix_ms() / 1000 - (int64_t)r->head.latest.time_s;
	char detail[160];
	enum rc rc = RC_OK;

	if (behind_s >= GATE_DAY_S) {
		r->may_sign = false;
		(void)snprintf(detail, sizeof(detail),
		    "the newest block of a node is %" PRId64
		    " hours old: mend it, or take it out of rpc_urls",
		    behind_s / 3600);
		rc = run_finding(r, "node a day behind", "rpc_urls", detail, e);
	}
	return rc == RC_OK ? run_over_unseen(r, "node a day behind", e) : rc;
}

enum rc
authorize_open(struct run *r, struct err *e)
{
	struct journal_seen seen;
	struct journal_mark mark;
	struct err cause = ERR_INIT;
	char detail[ERR_MSG_MAX + 200];
	enum rc rc;

	rc = journal_seen_get(r->db, &r->source, &seen, e);
	if (rc != RC_OK)
		return rc;
	rc = vault_open(r->vault, r->ledger_id, &seen, r->head.time_s,
	    (int64_t)r->head.latest.time_s, &mark, &cause);
	r->may_sign = rc == RC_OK;
	if (rc == RC_OK) {
		if (!seen.has_mark)
			rc = journal_seen_set(r->db, &r->source, &mark, e);
		if (rc == RC_OK)
			rc = run_over_unseen(r, "journal", e);
		return rc == RC_OK ? tell_day(r, e) : rc;
	}
	if (rc != RC_NOT_FOUND && rc != RC_CORRUPT && rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	/* A new journal would be a new day's cap for who writes the ledger. */
	(void)snprintf(detail, sizeof(detail),
	    rc == RC_CONFLICT
		? "%s: nothing is signed; the ledger's mark is wrong: see worknet audit, and only if the ledger was restored from before this journal was begun, type \"worknet-payout --journal new\""
		: "%s: nothing is signed; put it back, or type \"worknet-payout --journal new\"",
	    cause.msg);
	return run_finding(r, "journal", "the vault", detail, e);
}

enum rc
authorize_begin_anew(struct run *r, struct err *e)
{
	const struct journal_seen none = { .any = false };
	struct journal_mark mark;
	enum rc rc;

	/* No entry is made, and so no time is needed. */
	rc = vault_open(r->vault, r->ledger_id, &none, 0, 0, &mark, e);
	return rc == RC_OK ? journal_seen_set(r->db, &r->source, &mark, e) : rc;
}

/* ---- Seals ---- */

static struct sealed
sealed_of(const struct run *r, const struct payout *p)
{
	struct sealed what = { .worker = p->worker,
		.seq = p->seq,
		.amount_micros = p->amount_micros };

	memcpy(what.ledger_id, r->ledger_id, sizeof(what.ledger_id));
	return what;
}

enum rc
run_seal_adopted(
    struct run *r, struct payout *p, int64_t lost_micros, struct err *e)
{
	struct vault_request rq = { .worker = p->worker,
		.seq = p->seq,
		.amount_micros = p->amount_micros,
		.seals = true };
	struct vault_signed signed_one;
	struct journal_mark mark;
	size_t done;
	enum rc rc;

	rq.seal.balance_micros = lost_micros;
	p->seal = rq.seal;
	rc = vault_sign(r->vault, &(struct vault_times){ .chain_s = 0 }, &rq, 1,
	    &signed_one, &done, &mark, e);
	if (rc == RC_OK)
		memcpy(p->seal.signature, signed_one.seal, SIGNATURE_LEN);
	return rc;
}

static bool
nonce_is_right(const struct run *r, const struct payout *p)
{
	uint8_t nonce[PAYOUT_NONCE_LEN];

	run_nonce(r, &p->worker, p->seq, nonce);
	return memcmp(nonce, p->nonce, sizeof(nonce)) == 0;
}

bool
run_is_sealed(const struct run *r, const struct payout *p)
{
	struct sealed what = sealed_of(r, p);

	return nonce_is_right(r, p) &&
	    seal_is_by(&p->seal, &what, &r->source.treasury);
}

enum rc
run_settled(
    struct run *r, const struct payout *p, int64_t micros, struct err *e)
{
	/* Else another payment's amount would count as this one's. */
	if (!nonce_is_right(r, p))
		return err_set(e, RC_INVALID,
		    "its nonce isn't that of its worker's number");
	if (!r->may_sign)
		return err_set(e, RC_BUSY,
		    "what the chain has settled waits for a run that has the vault's journal");
	return vault_settled(r->vault, &p->worker, p->seq, micros, e);
}

/* ---- Authorizations ---- */

static enum rc
body_write(struct run *r, struct open_payout *o, struct err *e)
{
	struct x402_payment p = { .payout_id = o->payout.id,
		.max_timeout_s = TIMEOUT_SECONDS };
	struct signed_transfer t;

	open_payout_transfer(r, o, &t);
	p.authorization = t.authorization;
	memcpy(p.signature, t.signature, SIGNATURE_LEN);
	buf_init(&o->auth.body, X402_BODY_MAX);
	return x402_request_write(&o->auth.body,
	    (int)r->conf->payout_x402_version, &r->network, &p, e);
}

/* What the vault has signed of it. */
static void
signed_take(
    struct run *r, const struct signing *s, const struct vault_signed *a)
{
	uint64_t head = r->head.latest.number;
	struct open_payout *o = s->open;

	o->auth = (struct payout_auth){
		.signed_ms = clock_unix_ms(),
		.valid_before = a->valid_before,
		.from_block = head < FROM_BLOCK_SLACK
		    ? 0
		    : (int64_t)(head - FROM_BLOCK_SLACK),
	};
	memcpy(o->auth.signature, a->authorization, SIGNATURE_LEN);
	if (s->seals)
		memcpy(o->payout.seal.signature, a->seal, SIGNATURE_LEN);
}

enum rc
run_sign(
    struct run *r, struct signing *all, size_t n, size_t *done, struct err *e)
{
	const struct vault_times times = { .chain_s = r->head.time_s,
		.final_s = (int64_t)r->head.final.time_s };
	struct vault_request rq[VAULT_SIGN_MAX];
	struct vault_signed signed_all[VAULT_SIGN_MAX];
	const struct payout *p;
	enum rc rc;
	size_t i;

	for (i = 0; i < n; i++) {
		p = &all[i].open->payout;
		rq[i] = (struct vault_request){ .worker = p->worker,
			.seq = p->seq,
			.amount_micros = p->amount_micros,
			.earned_micros = all[i].earned_micros,
			.seal = p->seal,
			.seals = all[i].seals,
			.authorizes = true };
	}
	rc = vault_sign(r->vault, &times, rq, n, signed_all, done, &r->mark, e);
	for (i = 0; i < *done; i++)
		signed_take(r, &all[i], &signed_all[i]);
	if (rc == RC_OK)
		return RC_OK;
	all[i].reason = signed_all[i].reason;
	all[i].instead_micros = signed_all[i].instead_micros;
	return rc == RC_INVALID ? RC_CONFLICT : rc;
}

/* The bytes, and how far the journal is with them, in one step. */
enum rc
run_store(struct run *r, struct open_payout *o, int64_t results, struct err *e)
{
	enum rc rc;

	rc = body_write(r, o, e);
	if (rc != RC_OK)
		return rc;
	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		rc = payout_sign(r->db, &o->payout, &o->auth, results, e);
	if (rc == RC_OK)
		rc = journal_seen_set(r->db, &r->source, &r->mark, e);
	return db_step_end(r->db, rc, e);
}
