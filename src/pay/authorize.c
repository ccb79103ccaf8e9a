#include "pay/authorize.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/journal.h"

#define FROM_BLOCK_SLACK 64  /* blocks that a lagging node is behind */
#define TIMEOUT_SECONDS	 300 /* x402's maxTimeoutSeconds */

/* ---- The journal ---- */

enum rc
authorize_open(struct run *r, struct err *e)
{
	struct journal_seen seen;
	struct journal_mark mark;
	struct err cause = ERR_INIT;
	char detail[ERR_MSG_MAX + 200];
	enum rc rc;

	rc = journal_seen_get(r->db, &r->source, &seen, e);
	if (rc != RC_OK || r->options->reconcile_only)
		return rc;
	rc = vault_open(
	    r->vault, r->ledger_id, &seen, r->head.time_s, &mark, &cause);
	r->may_sign = rc == RC_OK;
	if (rc == RC_OK)
		return seen.has_mark
		    ? RC_OK
		    : journal_seen_set(r->db, &r->source, &mark, e);
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
	rc = vault_open(r->vault, r->ledger_id, &none, 0, &mark, e);
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
run_seal(struct run *r, struct payout *p, const struct evidence *verified,
    struct err *e)
{
	struct sealed what = sealed_of(r, p);

	p->seal = (struct seal){ .verified_to = 0 };
	if (verified != NULL) {
		p->seal.verified_to = verified->verified_to;
		memcpy(p->seal.verified_hash, verified->verified_hash,
		    sizeof(p->seal.verified_hash));
		p->seal.balance_micros = verified->balance_micros;
	}
	return vault_seal(r->vault, &p->seal, &what, e);
}

bool
run_is_sealed(const struct run *r, const struct payout *p)
{
	struct sealed what = sealed_of(r, p);
	uint8_t nonce[PAYOUT_NONCE_LEN];

	run_nonce(r, &p->worker, p->seq, nonce);
	return memcmp(nonce, p->nonce, sizeof(nonce)) == 0 &&
	    seal_is_by(&p->seal, &what, &r->source.treasury);
}

enum rc
run_settled(
    struct run *r, const struct payout *p, int64_t micros, struct err *e)
{
	if (!r->may_sign)
		return err_set(e, RC_BUSY,
		    "settled otherwise than signed: it waits for a run that has the vault's journal");
	return vault_settled(r->vault, &p->worker, p->seq, micros, e);
}

/* ---- Authorizations ---- */

/* What the vault refuses of one payout, and what of all of them. */
static enum rc
refused(struct open_payout *o, const struct vault_authorization *a, enum rc rc,
    const struct err *cause, struct err *e)
{
	o->reason = a->reason;
	o->instead_micros = a->instead_micros;
	return err_set(
	    e, rc == RC_INVALID ? RC_CONFLICT : rc, "%s", cause->msg);
}

static void
payment_of(struct x402_payment *out, const struct run *r,
    const struct payout *p, const struct vault_authorization *a)
{
	*out = (struct x402_payment){
		.payout_id = p->id,
		.authorization = {
			.from = r->source.treasury,
			.to = p->worker,
			.value = (uint64_t)p->amount_micros,
			.valid_after = 0,
			.valid_before = (uint64_t)a->valid_before,
		},
		.max_timeout_s = TIMEOUT_SECONDS,
	};
	memcpy(out->authorization.nonce, p->nonce,
	    sizeof(out->authorization.nonce));
	memcpy(out->signature, a->signature, SIGNATURE_LEN);
}

/* The bytes, and how far the journal is with them, in one step. */
static enum rc
store(struct run *r, struct open_payout *o, const struct journal_mark *mark,
    int64_t results, struct err *e)
{
	enum rc rc;

	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		rc = payout_sign(r->db, &o->payout, &o->auth, results, e);
	if (rc == RC_OK)
		rc = journal_seen_set(r->db, &r->source, mark, e);
	return db_step_end(r->db, rc, e);
}

enum rc
run_sign(struct run *r, struct open_payout *o, int64_t results, struct err *e)
{
	const struct payout *p = &o->payout;
	struct vault_request rq = { .worker = p->worker,
		.seq = p->seq,
		.amount_micros = p->amount_micros,
		.adopted = seal_kind(&p->seal) == SEAL_ADOPTED,
		.chain_time_s = r->head.time_s,
		.final_time_s = (int64_t)r->head.final.time_s };
	struct vault_authorization signed_one;
	struct x402_payment payment;
	struct err cause = ERR_INIT;
	uint64_t head = r->head.latest.number;
	enum rc rc;

	rc = worker_earned(r->db, p->worker_id, &rq.earned_micros, e);
	if (rc != RC_OK)
		return rc;
	rc = vault_authorize(r->vault, &rq, &signed_one, &cause);
	if (rc != RC_OK)
		return refused(o, &signed_one, rc, &cause, e);
	payment_of(&payment, r, p, &signed_one);
	o->auth = (struct payout_auth){
		.signed_ms = clock_unix_ms(),
		.valid_before = signed_one.valid_before,
		.from_block = head < FROM_BLOCK_SLACK
		    ? 0
		    : (int64_t)(head - FROM_BLOCK_SLACK),
	};
	memcpy(o->auth.signature, payment.signature, SIGNATURE_LEN);
	buf_init(&o->auth.body, X402_BODY_MAX);
	rc = x402_request_write(&o->auth.body,
	    (int)r->conf->payout_x402_version, &r->network, &payment, e);
	return rc == RC_OK ? store(r, o, &signed_one.mark, results, e) : rc;
}
