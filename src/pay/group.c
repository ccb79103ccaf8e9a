#include "pay/group.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pay/authorize.h"

static_assert(SETTLE_AT_ONCE_MAX <= VAULT_SIGN_MAX,
    "the vault signs a whole group by one question");

void
payee_pass(struct run *r, const struct payee *p, const char *why)
{
	char who[ADDRESS_LEN + 1];

	r->result->held++;
	if (r->options->dry_run) {
		preview_waits(r->options->preview, &p->worker, why);
		return;
	}
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	log_info("%s isn't paid: %s", who, why);
}

void
amount_set(struct payees *all, struct candidate *c, int64_t amount)
{
	all->run->budget_micros += c->amount - amount;
	all->made_micros += amount - c->amount;
	all->made += (amount > 0) - (c->amount > 0);
	c->amount = amount;
}

/* Which cap the vault refuses for: one that leaves nothing, or the day's. */
static void
cap_note_refusal(struct payees *all, const struct signing *s, int64_t instead)
{
	static const enum cap caps[GATE_REASONS] = {
		[GATE_PAYOUT_CAP] = CAP_PAYOUT,
		[GATE_RUN_CAP] = CAP_RUN,
		[GATE_WORKER_DAY_CAP] = CAP_WORKER_DAY,
		[GATE_DAY_CAP] = CAP_DAY,
	};

	if (s->reason < GATE_PAYOUT_CAP || s->reason > GATE_DAY_CAP ||
	    (s->reason != GATE_DAY_CAP && instead > 0))
		return;
	tally_cap(&all->tally, caps[s->reason],
	    s->open->payout.amount_micros - instead);
	all->full = all->full || (s->reason == GATE_DAY_CAP && instead == 0);
}

/*
 * The vault would sign another amount: a cap leaves less, or a run that was
 * killed, or a lost ledger, had signed that under this number; it is asked for
 * once. Or c gets nothing.
 */
static enum rc
candidate_refused(struct payees *all, struct candidate *c,
    const struct signing *s, const struct err *cause, struct err *e)
{
	struct run *r = all->run;
	int64_t instead = s->instead_micros;
	char who[ADDRESS_LEN + 1];
	enum rc rc = RC_OK;

	amount_set(all, c, 0);
	if (c->refused || instead < r->conf->payout_threshold_micros ||
	    instead > c->payable_micros || instead > r->budget_micros)
		instead = 0;
	if (!c->refused)
		cap_note_refusal(all, s, instead);
	c->refused = true;
	amount_set(all, c, instead);
	if (instead > 0)
		return RC_OK;
	if (s->reason == GATE_EARNED) {
		address_format(who, &c->payee->worker, ADDRESS_CHECKSUM);
		rc =
		    run_finding(r, "paid more than earned", who, cause->msg, e);
	}
	/* The others of its group are paid all the same. */
	payee_pass(r, c->payee, cause->msg);
	return rc;
}

/* One step: reserved and signed, or neither. */
static enum rc
payout_store(struct payees *all, struct candidate *c, struct open_payout *o,
    struct err *e)
{
	struct run *r = all->run;
	enum rc rc;

	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		rc = payout_reserve(r->db, &o->payout, e);
	if (rc == RC_OK)
		rc = run_store(r, o, c->verified.evidence.results, e);
	return db_step_end(r->db, rc, e);
}

/* Stores what was signed for c, and moves it to *out; *made, or it can't be. */
static enum rc
payout_make(struct payees *all, struct candidate *c, struct open_payout *o,
    struct open_payout *out, bool *made, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc = payout_store(all, c, o, &cause);

	*made = rc == RC_OK;
	if (rc == RC_OK) {
		if (out != o)
			*out = *o;
		all->run->result->reserved++;
		return RC_OK;
	}
	open_payout_free(o);
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	amount_set(all, c, 0);
	payee_pass(all->run, c->payee, cause.msg);
	return RC_OK;
}

/* What the vault is to sign for c. */
static void
signing_make(struct payees *all, const struct candidate *c,
    struct open_payout *o, struct signing *s)
{
	const struct evidence *evidence = &c->verified.evidence;
	const struct payee *p = c->payee;
	struct run *r = all->run;

	*o = (struct open_payout){ .tried = true,
		.payout = { .worker_id = p->worker_id,
		    .worker = p->worker,
		    .seq = p->next_seq,
		    .amount_micros = c->amount,
		    .source = r->source,
		    .reserved_ms = clock_unix_ms() } };
	o->payout.seal = (struct seal){ .verified_to = evidence->verified_to,
		.balance_micros = evidence->balance_micros };
	memcpy(o->payout.seal.verified_hash, evidence->verified_hash,
	    sizeof(o->payout.seal.verified_hash));
	run_nonce(r, &p->worker, p->next_seq, o->payout.nonce);
	*s = (struct signing){ .open = o,
		.seals = true,
		.earned_micros = evidence->earned_micros };
}

/* Who was held only after the payees were listed. */
static enum rc
held_drop(struct payees *all, struct candidate *c, struct err *e)
{
	bool held = false;
	enum rc rc = RC_OK;

	if (c->amount > 0)
		rc =
		    payout_is_held(all->run->db, c->payee->worker_id, &held, e);
	if (!held)
		return rc;
	amount_set(all, c, 0);
	payee_pass(all->run, c->payee, "held meanwhile");
	return rc;
}

/* Once the day's cap is reached, the rest of the group isn't looked at. */
static void
group_end(struct payees *all, size_t from)
{
	size_t i;

	for (i = from; i < all->count; i++) {
		all->decided -= all->group[i].amount > 0;
		amount_set(all, &all->group[i], 0);
	}
}

/* What the vault is to sign by one question, and for whom. */
struct signings {
	struct candidate *who[SETTLE_AT_ONCE_MAX];
	struct signing list[SETTLE_AT_ONCE_MAX];
	size_t n;
};

/* For all of the group from that one on who are to get something. */
static void
signings_make(struct payees *all, size_t from, struct open_payout *out,
    struct signings *q)
{
	struct candidate *c;
	size_t i;

	q->n = 0;
	for (i = from; i < all->count; i++) {
		c = &all->group[i];
		if (c->amount == 0)
			continue;
		q->who[q->n] = c;
		signing_make(all, c, &out[q->n], &q->list[q->n]);
		q->n++;
	}
}

/* Stores the first done of q, which are signed; *n are in out. */
static enum rc
signed_store(struct payees *all, const struct signings *q, size_t done,
    struct open_payout *out, size_t *n, struct err *e)
{
	enum rc rc = RC_OK;
	bool made;
	size_t i;

	for (i = 0; rc == RC_OK && i < done; i++) {
		rc = payout_make(
		    all, q->who[i], q->list[i].open, &out[*n], &made, e);
		*n += rc == RC_OK && made;
	}
	return rc;
}

enum rc
group_sign(
    struct payees *all, struct open_payout *out, size_t *n, struct err *e)
{
	struct err cause = ERR_INIT;
	enum rc rc = RC_OK, refusal;
	struct signings q;
	size_t i, done;

	for (i = 0; rc == RC_OK && i < all->count; i++)
		rc = held_drop(all, &all->group[i], e);
	/* In order, up to the first that is refused; then once more from it. */
	for (i = 0; rc == RC_OK && i < all->count;) {
		signings_make(all, i, &out[*n], &q);
		if (q.n == 0)
			break;
		done = 0;
		refusal = run_sign(all->run, q.list, q.n, &done, &cause);
		rc = signed_store(all, &q, done, out, n, e);
		if (rc != RC_OK || refusal == RC_OK)
			break;
		if (refusal != RC_CONFLICT)
			return err_set(e, refusal, "%s", cause.msg);
		rc = candidate_refused(
		    all, q.who[done], &q.list[done], &cause, e);
		i = (size_t)(q.who[done] - all->group);
		if (all->full)
			group_end(all, i);
	}
	return rc;
}
