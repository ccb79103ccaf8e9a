#include "pay/payees.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/maturity.h"
#include "pay/adopt.h"
#include "pay/group.h"
#include "pay/settle.h"

/* Payees verified ahead, for each payment that may be on its way. */
#define AHEAD 2

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

/* Somebody to whom enough is due, and who isn't paid as long as this lasts. */
static enum rc
pass_held(struct run *r, const struct payee *p, const char *why, struct err *e)
{
	char who[ADDRESS_LEN + 1];

	payee_pass(r, p, why);
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	return run_notice(r, "worker is held", who, why, e);
}

/* The same of everybody; n are due. */
static enum rc
tell_hold_of_all(struct run *r, size_t n, struct err *e)
{
	char reason[HOLD_REASON_MAX + 1], detail[HOLD_REASON_MAX + 80];
	bool held = false;
	enum rc rc;

	rc = payout_hold_reason(r->db, 0, &held, reason, e);
	if (rc == RC_OK && held && n > 0) {
		(void)snprintf(detail, sizeof(detail),
		    "nobody is paid, of %zu to whom enough is due: %s", n,
		    reason);
		rc = run_notice(r, "everybody is held", "everybody", detail, e);
	}
	/* Of one worker alone a run doesn't know. */
	return rc == RC_OK && r->options->only == NULL
	    ? run_over_unseen(r, "everybody is held", e)
	    : rc;
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
			rc = pass_held(r, &l->all[i], l->all[i].hold_reason, e);
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
		*c = (struct candidate){ .amount = 0 };
		if (all->next == all->list.n ||
		    !verifier_next(all->verifier, &c->verified))
			break;
		c->payee = &all->list.all[all->next++];
	}
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

/* ---- What the token says ---- */

/*
 * Before anything is signed the token tries, for each, what it would get; never
 * more than there is, for that the treasury is poor isn't the payee's fault.
 */
static void
group_ask_token(struct payees *all)
{
	struct precheck forecasts[SETTLE_AT_ONCE_MAX];
	struct plain_transfer payments[SETTLE_AT_ONCE_MAX];
	int64_t amount, budget = all->run->budget_micros;
	const struct payee *p;
	enum cap cap;
	size_t i;

	for (i = 0; i < all->count; i++) {
		p = all->group[i].payee;
		amount = amount_for(all, p, p->balance_micros, &cap);
		if (amount > budget)
			amount = budget > 0 ? budget : 0;
		payments[i] = (struct plain_transfer){ .to = p->worker,
			.value = (uint64_t)amount };
	}
	precheck_payments(all->run->nodes, &all->run->source.treasury, payments,
	    all->count, forecasts);
	for (i = 0; i < all->count; i++)
		all->group[i].forecast = forecasts[i];
}

/* Until it wouldn't any more, a person knows of it, once. */
static enum rc
tell_refused(struct run *r, const struct candidate *c, struct err *e)
{
	char who[ADDRESS_LEN + 1], detail[NODES_REASON_MAX + 60];

	(void)snprintf(detail, sizeof(detail),
	    "nothing is signed, for the token would refuse it: %s",
	    c->forecast.reason);
	address_format(who, &c->payee->worker, ADDRESS_CHECKSUM);
	return run_finding(r, "transfer refused", who, detail, e);
}

/* What the token says now counts, not what it said to an earlier run. */
static enum rc
token_hold(struct run *r, const struct candidate *c, struct err *e)
{
	const struct payee *p = c->payee;
	char who[ADDRESS_LEN + 1];
	enum rc rc;

	if (r->options->dry_run)
		return RC_OK;
	if (c->forecast.opinion == PRECHECK_YES) {
		if (!p->held_by_chain)
			return RC_OK;
		rc = hold_release(r->db, p->worker_id, "chain", e);
		return rc == RC_OK
		    ? run_over(r, "transfer refused", &p->worker, e)
		    : rc;
	}
	address_format(who, &p->worker, ADDRESS_CHECKSUM);
	log_warning("%s is held: %s", who, c->forecast.reason);
	rc = hold_set(r->db, p->worker_id, "chain", c->forecast.reason,
	    clock_unix_ms(), e);
	return rc == RC_OK && c->forecast.opinion == PRECHECK_NO
	    ? tell_refused(r, c, e)
	    : rc;
}

/* ---- Who gets one ---- */

/* What of the verified credit is payable: some may be forfeited since. */
static enum rc
payable_read(struct run *r, struct candidate *c, struct err *e)
{
	struct maturity m;
	enum rc rc;

	rc = maturity_read(r->db, c->payee->worker_id, clock_unix_ms(), &m, e);
	if (rc == RC_OK)
		c->payable_micros =
		    maturity_payable(&m, c->verified.evidence.balance_micros);
	return rc;
}

/* What one gets whose evidence is right, unless caps or budget forbid. */
static void
backed_decide(struct payees *all, struct candidate *c)
{
	struct run *r = all->run;
	enum cap cap;
	int64_t amount = amount_for(all, c->payee, c->payable_micros, &cap);

	if (c->payable_micros < r->conf->payout_threshold_micros) {
		payee_pass(r, c->payee, "its credit isn't payable yet");
		return;
	}
	if (amount == 0) {
		tally_cap(&all->tally, cap, c->payable_micros);
		payee_pass(r, c->payee,
		    "the caps of a run, or of a worker and 24 hours, leave less than threshold_micros");
		return;
	}
	/* One large debt keeps nobody else waiting. */
	if (amount > r->budget_micros) {
		tally_poor(&all->tally, &c->payee->worker, amount);
		r->result->insolvent = true;
		payee_pass(r, c->payee, "the treasury hasn't enough");
		return;
	}
	amount_set(all, c, amount);
	if (r->options->dry_run)
		preview_pays(r->options->preview, &c->payee->worker, amount);
}

/* Decides what c gets, if anything. */
static enum rc
candidate_decide(struct payees *all, struct candidate *c, struct err *e)
{
	struct run *r = all->run;
	char who[ADDRESS_LEN + 1];
	enum rc rc;

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
	if (c->verified.evidence.unfit != 0)
		tally_unfit(&all->tally, c->verified.evidence.unfit);
	rc = payable_read(r, c, e);
	if (rc == RC_OK)
		backed_decide(all, c);
	return rc;
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

/* Decides what each of the group gets. */
static enum rc
group_decide(struct payees *all, bool *dry, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	*dry = run_should_stop(all->run) || payees_end(all);
	for (i = 0; rc == RC_OK && !*dry && i < all->count; i++) {
		rc = candidate_decide(all, &all->group[i], e);
		all->decided++;
		*dry = payees_end(all);
	}
	*dry = *dry || all->next == all->list.n;
	if (all->run->options->progress)
		fprintf(stderr, "\r%zu of %zu payees%s", all->next, all->list.n,
		    *dry ? "\n" : "");
	return rc;
}

/*
 * Puts payouts of the next group, up to room, into out: one transaction, so
 * that nobody is held in the middle of it. None while no payee is verified.
 */
static enum rc
payees_fill(struct payees *all, struct open_payout *out, size_t room, size_t *n,
    bool *dry, struct err *e)
{
	enum rc rc;

	*n = 0;
	group_take(all, room);
	if (all->count == 0)
		return RC_OK;
	group_ask_token(all);
	rc = settle_tend(all->run, e);
	if (rc == RC_OK)
		rc = run_look(all->run, e);
	if (rc == RC_OK)
		rc = db_step_begin(all->run->db, e);
	if (rc == RC_OK)
		rc = group_decide(all, dry, e);
	if (rc == RC_OK)
		rc = settle_tend(all->run, e);
	if (rc == RC_OK)
		rc = group_sign(all, out, n, e);
	if (rc == RC_OK)
		rc = settle_tend(all->run, e);
	*dry = *dry || all->full;
	return db_step_end(all->run->db, rc, e);
}

/* Only says whom a run would pay. */
static enum rc
payees_preview(struct payees *all, struct err *e)
{
	struct pollfd fds[] = {
		{ .fd = verifier_fd(all->verifier), .events = POLLIN },
		{ .fd = all->run->options->stop_fd, .events = POLLIN },
	};
	bool dry = false;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !dry) {
		(void)poll(fds, 2, -1);
		group_take(all, SETTLE_AT_ONCE_MAX);
		group_ask_token(all);
		rc = group_decide(all, &dry, e);
	}
	return rc;
}

/* Makes payouts of them as the window has room. */
static enum rc
payees_settle(struct payees *all, struct err *e)
{
	struct run *r = all->run;
	struct open_payout *out;
	bool dry = false;
	size_t room, n;
	enum rc rc;

	rc = settle_open(r, verifier_fd(all->verifier), e);
	if (rc != RC_OK)
		return rc;
	do {
		rc = settle_room(r, &out, &room, e);
		if (rc == RC_OK && room > 0) {
			rc = payees_fill(all, out, room, &n, &dry, e);
			rc = settle_add(r, rc, n, dry, e);
		}
	} while (rc == RC_OK && room > 0);
	settle_close(r);
	return rc;
}

/* Whether this run has looked at every payee. */
static bool
is_whole(const struct payees *all)
{
	const struct run *r = all->run;

	return all->decided == all->list.n && r->options->only == NULL &&
	    r->options->max_payouts == 0 && !run_should_stop(all->run);
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
	if (rc == RC_OK)
		rc = tell_hold_of_all(r, all.list.n, e);
	if (rc == RC_OK && all.list.n > 0) {
		rc = verifier_new(&all.verifier, r->conf, &r->source.treasury,
		    all.list.all, all.list.n,
		    AHEAD * (size_t)r->conf->payout_concurrency, e);
		if (rc == RC_OK)
			rc = r->options->dry_run ? payees_preview(&all, e)
						 : payees_settle(&all, e);
		verifier_free(all.verifier);
	}
	if (rc == RC_OK)
		rc = tally_tell(r, &all.tally,
		    (int64_t)(all.list.n - all.decided), is_whole(&all), e);
	payee_list_free(&all.list);
	return rc;
}
