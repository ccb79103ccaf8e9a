#include "pay/payees.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/maturity.h"
#include "pay/adopt.h"
#include "pay/authorize.h"
#include "pay/settle.h"
#include "pay/verifier.h"

/* Payees verified ahead, for each payment that may be on its way. */
#define AHEAD 2

/* A payee whose turn it is. */
struct candidate {
	const struct payee *payee;
	struct verified verified;
	struct precheck forecast; /* what the token says of it */
};

/* A limit on payments of which a person has to know when it stops some. */
enum cap {
	CAP_PAYOUT, /* below the threshold: it stops all, for ever */
	CAP_RUN,
	CAP_WORKER_DAY,
	CAP_DAY,
	CAPS,
};

/* Whom a cap keeps waiting, and with how much. */
struct capped {
	int64_t payees;
	int64_t micros;
};

/* The payees of a run, the oldest debt first. */
struct payees {
	struct run *run;
	struct payee_list list;	   /* owned */
	struct verifier *verifier; /* owned; of the list */
	size_t next;		   /* to be taken from the verifier */
	struct candidate group[SETTLE_AT_ONCE_MAX];
	size_t count;	     /* of the group */
	size_t decided;	     /* of the list */
	int64_t made;	     /* payouts */
	int64_t made_micros; /* their sum */
	struct capped capped[CAPS];
	bool full; /* the cap of 24 hours leaves less than any payout */
	/* Workers with a payout that isn't as it was sealed; one such. */
	int64_t unfit;
	int64_t unfit_payout;
	/* What the treasury hasn't enough for; the one that waits longest. */
	int64_t poor;
	int64_t poor_micros;
	int64_t poorest_micros;
	struct address poorest;
};

/* Who isn't paid, and why: for --dry-run; the ledger has the rest. */
static void
payee_pass(struct run *r, const struct payee *p, const char *why)
{
	char who[ADDRESS_LEN + 1];

	r->result->held++;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	if (r->options->dry_run)
		printf("not %s: %s\n", who, why);
	else
		log_info("%s isn't paid: %s", who, why);
}

/* ---- Who ---- */

/*
 * With threshold = auto: whether the fee is a small enough share of what is
 * due, or the credit has waited for long enough.
 */
static bool
is_worth_its_fee(const struct conf *c, const struct payee *p, int64_t now_ms)
{
	if (strcmp(c->payout_threshold, "auto") != 0)
		return true;
	return p->balance_micros >=
	    c->payout_fee_micros * 100 / c->payout_fee_share_percent ||
	    now_ms - p->oldest_ms >=
	    c->payout_longest_wait_days * 24 * 3600 * 1000;
}

/* A transfer of the treasury to itself pays nobody. */
static enum rc
refuse_treasury(struct run *r, const struct payee *p, struct err *e)
{
	char who[ADDRESS_LEN + 1];

	payee_pass(r, p, "it is the treasury itself");
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	return run_finding(r, "worker is the treasury", who,
	    "whoever has the treasury's key works with it: its credit isn't paid",
	    e);
}

/* What of p's credit is payable, which is all that its balance now means. */
static enum rc
mature(struct run *r, struct payee *p, bool *enough, struct err *e)
{
	struct maturity m;
	enum rc rc = maturity_read(r->db, p->worker_id, clock_unix_ms(), &m, e);

	p->balance_micros = maturity_payable(&m, p->balance_micros);
	*enough = p->balance_micros >= r->conf->payout_threshold_micros;
	if (rc == RC_OK && !*enough)
		payee_pass(r, p, "its credit isn't payable yet");
	return rc;
}

/* Keeps in the list who may be paid, as far as the ledger knows. */
static enum rc
pass_over(struct run *r, struct payee_list *l, struct err *e)
{
	int64_t now_ms = clock_unix_ms();
	enum rc rc = RC_OK;
	bool enough;
	size_t i, n = 0;

	for (i = 0; rc == RC_OK && i < l->n; i++) {
		/*
		 * One at a time, and until it is final: a ledger restored
		 * from a copy older than two open ones would pay for both
		 * under the first one's nonce, while the second
		 * authorization can still be settled. t/unit/test_pay_rule.c
		 * finds that way when posted counts as settled.
		 */
		if (l->all[i].held)
			payee_pass(r, &l->all[i], l->all[i].hold_reason);
		else if (adopt_waits(r, &l->all[i].worker))
			payee_pass(r, &l->all[i],
			    "a payment that the ledger has lost isn't final yet");
		else if (l->all[i].unsettled)
			payee_pass(
			    r, &l->all[i], "an earlier payout isn't final");
		else if (memcmp(&l->all[i].worker, &r->source.treasury,
			     sizeof(l->all[i].worker)) == 0)
			rc = refuse_treasury(r, &l->all[i], e);
		else if ((rc = mature(r, &l->all[i], &enough, e)) != RC_OK ||
		    !enough)
			continue;
		else if (!is_worth_its_fee(r->conf, &l->all[i], now_ms))
			payee_pass(r, &l->all[i],
			    "the fee is too large a share of it");
		else
			l->all[n++] = l->all[i];
	}
	l->n = n;
	return rc;
}

/* The next ones that are verified, at most max. */
static void
group_take(struct payees *all, size_t max)
{
	struct candidate *c;

	for (all->count = 0; all->count < max; all->count++) {
		c = &all->group[all->count];
		if (all->next == all->list.n ||
		    !verifier_next(all->verifier, &c->verified))
			break;
		c->payee = &all->list.all[all->next++];
	}
}

static void
group_ask_token(struct payees *all)
{
	struct precheck forecasts[SETTLE_AT_ONCE_MAX];
	struct address addresses[SETTLE_AT_ONCE_MAX];
	size_t i;

	for (i = 0; i < all->count; i++)
		addresses[i] = all->group[i].payee->worker;
	precheck_payees(all->run->nodes, addresses, all->count, forecasts);
	for (i = 0; i < all->count; i++)
		all->group[i].forecast = forecasts[i];
}

/* What the token says now counts, not what it said to an earlier run. */
static enum rc
token_hold(struct run *r, const struct candidate *c, struct err *e)
{
	const struct payee *p = c->payee;
	char who[ADDRESS_LEN + 1];

	if (r->options->dry_run)
		return RC_OK;
	if (c->forecast.opinion == PRECHECK_YES)
		return p->held_by_chain
		    ? hold_release(r->db, p->worker_id, "chain", e)
		    : RC_OK;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	log_warning("%s is held: %s", who, c->forecast.reason);
	return hold_set(r->db, p->worker_id, "chain", c->forecast.reason,
	    clock_unix_ms(), e);
}

/* ---- How much ---- */

/*
 * What to ask the vault for, which has the last word; 0: nothing, for what
 * *cap leaves is less than any payout.
 */
static int64_t
amount_for(const struct payees *all, const struct payee *p, int64_t backed,
    enum cap *cap)
{
	const struct conf *c = all->run->conf;
	const struct {
		enum cap cap;
		int64_t leaves;
	} caps[] = {
		{ CAP_PAYOUT, c->payout_max_per_payout_micros },
		{ CAP_WORKER_DAY,
		    c->payout_max_per_worker_day_micros - p->last_day_micros },
		{ CAP_RUN, c->payout_max_per_run_micros - all->made_micros },
		/* What is left of it, the vault knows. */
		{ CAP_DAY,
		    c->payout_max_per_day_micros < c->payout_threshold_micros
			? 0
			: INT64_MAX },
	};
	int64_t amount = backed;
	size_t i;

	*cap = CAP_PAYOUT;
	for (i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (caps[i].leaves < amount) {
			amount = caps[i].leaves;
			*cap = caps[i].cap;
		}
	return amount >= c->payout_threshold_micros ? amount : 0;
}

/* ---- Their payouts ---- */

/* One step: reserved and signed, or neither. */
static enum rc
reserve_and_sign(struct run *r, struct open_payout *o,
    const struct evidence *evidence, struct err *e)
{
	bool held = false;
	enum rc rc;

	rc = run_seal(r, &o->payout, evidence, e);
	if (rc != RC_OK)
		return rc;
	rc = db_step_begin(r->db, e);
	/* Also who was held only after the payees were listed. */
	if (rc == RC_OK)
		rc = payout_is_held(r->db, o->payout.worker_id, &held, e);
	if (rc == RC_OK && held)
		rc = err_set(e, RC_CONFLICT, "held meanwhile");
	if (rc == RC_OK)
		rc = payout_reserve(r->db, &o->payout, e);
	if (rc == RC_OK)
		rc = run_sign(r, o, evidence->results, e);
	return db_step_end(r->db, rc, e);
}

static enum rc
payout_try(struct payees *all, const struct payee *p, int64_t amount,
    const struct evidence *evidence, struct open_payout *o, struct err *e)
{
	struct run *r = all->run;

	open_payout_free(o);
	*o = (struct open_payout){ .payout = { .worker_id = p->worker_id,
				       .worker = p->worker,
				       .seq = p->next_seq,
				       .amount_micros = amount,
				       .source = r->source,
				       .reserved_ms = clock_unix_ms() } };
	run_nonce(r, &p->worker, p->next_seq, o->payout.nonce);
	return reserve_and_sign(r, o, evidence, e);
}

static void
cap_note(struct payees *all, enum cap cap, int64_t micros)
{
	all->capped[cap].payees++;
	all->capped[cap].micros += micros;
}

/* Which cap the vault refuses for: one that leaves nothing, or the day's. */
static void
cap_note_refusal(
    struct payees *all, const struct open_payout *o, int64_t instead)
{
	static const enum cap caps[GATE_REASONS] = {
		[GATE_PAYOUT_CAP] = CAP_PAYOUT,
		[GATE_RUN_CAP] = CAP_RUN,
		[GATE_WORKER_DAY_CAP] = CAP_WORKER_DAY,
		[GATE_DAY_CAP] = CAP_DAY,
	};

	if (o->reason < GATE_PAYOUT_CAP || o->reason > GATE_DAY_CAP ||
	    (o->reason != GATE_DAY_CAP && instead > 0))
		return;
	cap_note(all, caps[o->reason], o->payout.amount_micros - instead);
	all->full = all->full || (o->reason == GATE_DAY_CAP && instead == 0);
}

/*
 * Makes p's payout of this amount, or of what the vault would sign instead: a
 * cap leaves less, or a run that was killed, or a lost ledger, had signed
 * another amount under this number. *made is false when it is refused.
 */
static enum rc
payout_make(struct payees *all, const struct payee *p, int64_t amount,
    const struct evidence *evidence, int64_t payable_micros,
    struct open_payout *o, bool *made, struct err *e)
{
	struct run *r = all->run;
	struct err cause = ERR_INIT;
	char who[ADDRESS_LEN + 1];
	enum gate_reason reason;
	int64_t instead;
	enum rc rc;

	*o = (struct open_payout){ .posted_before = false };
	rc = payout_try(all, p, amount, evidence, o, &cause);
	instead = o->instead_micros;
	if (instead < r->conf->payout_threshold_micros ||
	    instead > payable_micros || instead > r->budget_micros)
		instead = 0;
	if (rc == RC_CONFLICT)
		cap_note_refusal(all, o, instead);
	if (rc == RC_CONFLICT && instead > 0)
		rc = payout_try(all, p, instead, evidence, o, &cause);
	*made = rc == RC_OK;
	if (rc == RC_OK) {
		r->result->reserved++;
		return RC_OK;
	}
	reason = o->reason;
	open_payout_free(o);
	*o = (struct open_payout){ .posted_before = false };
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	if (reason == GATE_EARNED) {
		address_format(who, &p->worker, ADDRESS_CHECKSUM);
		rc = run_finding(r, "paid more than earned", who, cause.msg, e);
		if (rc != RC_OK)
			return rc;
	}
	/* The others of its group are paid all the same. */
	payee_pass(r, p, cause.msg);
	return RC_OK;
}

/* The payout of one whose evidence is right, unless caps or budget forbid. */
static enum rc
backed_decide(struct payees *all, const struct payee *p,
    const struct evidence *evidence, struct open_payout *o, bool *made,
    struct err *e)
{
	struct run *r = all->run;
	enum cap cap;
	int64_t amount, payable;
	char who[ADDRESS_LEN + 1];
	struct maturity m;
	enum rc rc;

	/* Again: it may have been forfeited since it was listed. */
	rc = maturity_read(r->db, p->worker_id, clock_unix_ms(), &m, e);
	if (rc != RC_OK)
		return rc;
	payable = maturity_payable(&m, evidence->balance_micros);
	amount = amount_for(all, p, payable, &cap);
	if (amount == 0) {
		if (payable >= r->conf->payout_threshold_micros)
			cap_note(all, cap, payable);
		payee_pass(r, p,
		    payable < r->conf->payout_threshold_micros
			? "its credit isn't payable yet"
			: "the caps of a run, or of a worker and 24 hours, leave less than threshold_micros");
		return RC_OK;
	}
	/* One large debt keeps nobody else waiting. */
	if (amount > r->budget_micros) {
		if (all->poor++ == 0) {
			all->poorest = p->worker;
			all->poorest_micros = amount;
		}
		all->poor_micros += amount;
		r->result->insolvent = true;
		payee_pass(r, p, "the treasury hasn't enough");
		return RC_OK;
	}
	*made = true;
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	if (r->options->dry_run)
		printf("would pay %s %" PRId64 " micro-USDC\n", who, amount);
	else
		rc = payout_make(all, p, amount, evidence, payable, o, made, e);
	if (rc != RC_OK || !*made)
		return rc;
	if (!r->options->dry_run)
		amount = o->payout.amount_micros;
	r->budget_micros -= amount;
	all->made_micros += amount;
	all->made++;
	return RC_OK;
}

static enum rc
candidate_decide(struct payees *all, const struct candidate *c,
    struct open_payout *o, bool *made, struct err *e)
{
	struct run *r = all->run;
	char who[ADDRESS_LEN + 1];
	enum rc rc;

	*made = false;
	rc = token_hold(r, c, e);
	if (rc != RC_OK)
		return rc;
	if (c->forecast.opinion != PRECHECK_YES) {
		payee_pass(r, c->payee, c->forecast.reason);
		return RC_OK;
	}
	if (c->verified.rc == RC_CORRUPT) {
		r->result->held++;
		address_format(who, &c->payee->worker, ADDRESS_CHECKSUM);
		return run_finding(
		    r, "evidence", who, c->verified.cause.msg, e);
	}
	if (c->verified.rc != RC_OK)
		return err_set(e, c->verified.rc, "%s", c->verified.cause.msg);
	if (c->verified.evidence.unfit != 0) {
		all->unfit++;
		all->unfit_payout = c->verified.evidence.unfit;
	}
	return backed_decide(all, c->payee, &c->verified.evidence, o, made, e);
}

/* Whether no more payees are to be paid. */
static bool
payees_end(const struct payees *all)
{
	const struct run *r = all->run;

	return all->full ||
	    (r->result->insolvent &&
		r->budget_micros < r->conf->payout_threshold_micros) ||
	    (r->options->max_payouts > 0 &&
		all->made >= r->options->max_payouts);
}

/* Decides about the group; *n payouts are made in out. */
static enum rc
group_decide(struct payees *all, struct open_payout *out, size_t *n, bool *dry,
    struct err *e)
{
	enum rc rc = RC_OK;
	bool made;
	size_t i;

	*dry = run_should_stop(all->run) || payees_end(all);
	for (i = 0; rc == RC_OK && !*dry && i < all->count; i++) {
		rc = candidate_decide(all, &all->group[i],
		    out == NULL ? NULL : &out[*n], &made, e);
		all->decided++;
		if (rc == RC_OK && made)
			++*n;
		*dry = payees_end(all);
	}
	*dry = *dry || all->next == all->list.n;
	if (all->run->options->progress)
		fprintf(stderr, "\r%zu of %zu payees%s", all->next, all->list.n,
		    *dry ? "\n" : "");
	return rc;
}

/* struct feed: one transaction, so that nobody is held in the middle of it. */
static enum rc
payees_fill(void *ctx, struct open_payout *out, size_t room, size_t *n,
    bool *dry, struct err *e)
{
	struct payees *all = ctx;
	enum rc rc;

	*n = 0;
	group_take(all, room);
	if (all->count == 0)
		return RC_OK;
	group_ask_token(all);
	rc = run_look(all->run, e);
	if (rc == RC_OK)
		rc = db_step_begin(all->run->db, e);
	if (rc == RC_OK)
		rc = group_decide(all, out, n, dry, e);
	return db_step_end(all->run->db, rc, e);
}

static enum rc
dry_run(struct payees *all, struct err *e)
{
	struct pollfd ready = { .fd = verifier_fd(all->verifier),
		.events = POLLIN };
	bool dry = false;
	enum rc rc = RC_OK;
	size_t n;

	while (rc == RC_OK && !dry) {
		(void)poll(&ready, 1, -1);
		group_take(all, SETTLE_AT_ONCE_MAX);
		group_ask_token(all);
		n = 0;
		rc = group_decide(all, NULL, &n, &dry, e);
	}
	return rc;
}

static enum rc
pay(struct payees *all, struct err *e)
{
	struct run *r = all->run;
	enum rc rc;

	rc = verifier_new(&all->verifier, r->conf, &r->source.treasury,
	    all->list.all, all->list.n,
	    AHEAD * (size_t)r->conf->payout_concurrency, e);
	if (rc != RC_OK)
		return rc;
	if (r->options->dry_run)
		rc = dry_run(all, e);
	else
		rc = settle(r,
		    &(struct feed){ .fill = payees_fill,
			.ctx = all,
			.ready_fd = verifier_fd(all->verifier) },
		    e);
	verifier_free(all->verifier);
	return rc;
}

/* What is due and isn't there; not a reason for exit code 6: 5 says it. */
static enum rc
tell_poverty(struct payees *all, struct err *e)
{
	struct run *r = all->run;
	char who[ADDRESS_LEN + 1], treasury[ADDRESS_LEN + 1], detail[300];
	bool findings = r->result->findings;
	int64_t left = (int64_t)(all->list.n - all->decided);
	enum rc rc;

	if (all->poor == 0)
		return RC_OK;
	address_format(who, &all->poorest, ADDRESS_CHECKSUM);
	address_format(treasury, &r->source.treasury, ADDRESS_CHECKSUM);
	(void)snprintf(detail, sizeof(detail),
	    "it has %" PRId64 " micro-USDC that aren't promised; %" PRId64
	    " payees are due %" PRId64 ", the first is %s with %" PRId64
	    "; %" PRId64 " more weren't looked at",
	    r->budget_micros, all->poor, all->poor_micros, who,
	    all->poorest_micros, left);
	rc = run_finding(r, "treasury too poor", treasury, detail, e);
	r->result->findings = findings;
	return rc;
}

static enum rc
tell_caps(struct payees *all, struct err *e)
{
	const struct conf *c = all->run->conf;
	const struct {
		const char *kind;
		const char *key;
		int64_t micros;
	} caps[CAPS] = {
		[CAP_PAYOUT] = { "payout's cap reached",
		    "max_per_payout_micros", c->payout_max_per_payout_micros },
		[CAP_RUN] = { "run's cap reached", "max_per_run_micros",
		    c->payout_max_per_run_micros },
		[CAP_WORKER_DAY] = { "worker's cap reached",
		    "max_per_worker_day_micros",
		    c->payout_max_per_worker_day_micros },
		[CAP_DAY] = { "day's cap reached", "max_per_day_micros",
		    c->payout_max_per_day_micros },
	};
	char treasury[ADDRESS_LEN + 1], detail[300];
	enum rc rc = RC_OK;
	size_t i;

	address_format(treasury, &all->run->source.treasury, ADDRESS_CHECKSUM);
	for (i = 0; rc == RC_OK && i < CAPS; i++) {
		if (all->capped[i].payees == 0)
			continue;
		(void)snprintf(detail, sizeof(detail),
		    "%s = %" PRId64 ": it keeps %" PRId64
		    " payees waiting who are due %" PRId64
		    " micro-USDC more; %zu more weren't looked at",
		    caps[i].key, caps[i].micros, all->capped[i].payees,
		    all->capped[i].micros, all->list.n - all->decided);
		rc = run_finding(all->run, caps[i].kind, treasury, detail, e);
	}
	return rc;
}

/*
 * Credit from before such a payout was verified again, and is paid; what other
 * payouts took of it the vault's journal knows.
 */
static enum rc
tell_unfit(struct payees *all, struct err *e)
{
	char subject[48], detail[200];

	if (all->unfit == 0)
		return RC_OK;
	(void)snprintf(
	    subject, sizeof(subject), "payout %" PRId64, all->unfit_payout);
	(void)snprintf(detail, sizeof(detail),
	    "its row, or the transfers that were verified before it, were changed; so were those of %" PRId64
	    " workers in all: see worknet audit",
	    all->unfit);
	return run_finding(all->run, "seal doesn't fit", subject, detail, e);
}

/* Whether this run has looked at every payee. */
static bool
is_whole(const struct payees *all)
{
	const struct run *r = all->run;

	return all->decided == all->list.n && r->options->only == NULL &&
	    r->options->max_payouts == 0 && !run_should_stop(all->run);
}

/* What lasts and wasn't seen any more is over. */
static enum rc
tell(struct payees *all, struct err *e)
{
	static const char *const kinds[] = { "treasury too poor",
		"payout's cap reached", "run's cap reached",
		"worker's cap reached", "day's cap reached",
		"worker is the treasury", "paid more than earned", "evidence",
		"seal doesn't fit" };
	enum rc rc = tell_poverty(all, e);
	size_t i;

	if (rc == RC_OK)
		rc = tell_caps(all, e);
	if (rc == RC_OK)
		rc = tell_unfit(all, e);
	for (i = 0; rc == RC_OK && is_whole(all) &&
	     i < sizeof(kinds) / sizeof(kinds[0]);
	     i++)
		rc = run_over_unseen(all->run, kinds[i], e);
	return rc;
}

enum rc
pay_payees(struct run *r, struct err *e)
{
	struct payees all = { .run = r };
	enum rc rc;

	rc = payout_payees(r->db, r->conf->payout_threshold_micros,
	    r->options->only, clock_unix_ms(), &all.list, e);
	if (rc == RC_OK)
		rc = pass_over(r, &all.list, e);
	if (rc == RC_OK && all.list.n > 0)
		rc = pay(&all, e);
	if (rc == RC_OK)
		rc = tell(&all, e);
	payee_list_free(&all.list);
	return rc;
}
