#include "vault/gate.h"

#include <string.h>

#include "base/limits.h"

static const char *const texts[GATE_REASONS] = {
	[GATE_SIGN] = "signed",
	[GATE_SAME] = "signed before",
	[GATE_NO_CAP] = "a cap isn't set",
	[GATE_AMOUNT] = "no such amount can be paid",
	[GATE_NUMBER] = "no payment has this number",
	[GATE_PAYEE_ZERO] = "the payee is the zero address",
	[GATE_PAYEE_TREASURY] = "the payee is the treasury itself",
	[GATE_PAYEE_TOKEN] = "the payee is the token itself",
	[GATE_TIME] = "the chain's or this machine's time can't be right",
	[GATE_CLOCK] =
	    "the chain's newest block and this machine's clock are more than 10 minutes apart",
	[GATE_DAY] =
	    "a node's newest block is more than 24 hours older than this machine's clock, or that was set back, and caps of 24 hours can't be counted",
	[GATE_ALIVE] =
	    "an authorization of another amount, or one that has just expired, may still be settled under its number",
	[GATE_FORGOTTEN] =
	    "the chain's final block is older than authorizations of which only the end is known",
	[GATE_ADOPTED] = "it was found on the chain and is backed by nothing",
	[GATE_EARNED] =
	    "more would be signed for this worker than it has ever earned",
	[GATE_PAYOUT_CAP] = "the cap of one payout is lower",
	[GATE_RUN_CAP] = "the cap of a run is reached",
	[GATE_WORKER_DAY_CAP] = "the worker's cap of 24 hours is reached",
	[GATE_DAY_CAP] = "the cap of 24 hours is reached",
};

static bool
address_is(const struct address *a, const struct address *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static bool
time_is_sane(int64_t s)
{
	return s >= GATE_TIME_MIN_S && s <= GATE_TIME_MAX_S;
}

/* What is wrong whatever was signed before. */
static enum gate_reason
request_check(const struct gate_rule *rule, const struct gate_request *rq)
{
	static const struct address zero;
	const struct gate_caps *c = &rule->caps;

	if (c->payout_micros <= 0 || c->run_micros <= 0 ||
	    c->worker_day_micros <= 0 || c->day_micros <= 0)
		return GATE_NO_CAP;
	if (rq->amount_micros <= 0 || rq->amount_micros > AMOUNT_MAX_MICROS)
		return GATE_AMOUNT;
	if (rq->seq <= 0)
		return GATE_NUMBER;
	if (address_is(&rq->worker, &zero))
		return GATE_PAYEE_ZERO;
	if (address_is(&rq->worker, &rule->treasury))
		return GATE_PAYEE_TREASURY;
	if (address_is(&rq->worker, &rule->token))
		return GATE_PAYEE_TOKEN;
	return GATE_SIGN;
}

/* Of sane times. */
static bool
are_close(int64_t now_s, int64_t chain_time_s)
{
	int64_t apart = now_s - chain_time_s;

	return apart <= GATE_DIFFER_MAX_S && apart >= -GATE_DIFFER_MAX_S;
}

bool
gate_clocks_agree(int64_t now_s, int64_t chain_time_s)
{
	return time_is_sane(now_s) && time_is_sane(chain_time_s) &&
	    are_close(now_s, chain_time_s);
}

static enum gate_reason
time_check(const struct gate_rule *rule, const struct gate_request *rq)
{
	if (!time_is_sane(rq->now_s) || !time_is_sane(rq->chain_time_s) ||
	    rq->final_time_s > rq->chain_time_s || rule->validity_s <= 0 ||
	    rule->validity_s > GATE_VALIDITY_MAX_S)
		return GATE_TIME;
	return are_close(rq->now_s, rq->chain_time_s) ? GATE_SIGN : GATE_CLOCK;
}

/* Whether a final block proves that what ended then can't be settled. */
static bool
is_over(const struct gate_request *rq, int64_t end_s)
{
	return rq->final_time_s != 0 && rq->final_time_s >= end_s;
}

/*
 * What a cap leaves beside used; a number that is signed again takes what it
 * had for itself.
 */
static int64_t
room(int64_t cap, int64_t used)
{
	return used >= cap ? 0 : cap - used;
}

static void
caps_check(struct gate_answer *out, const struct gate_rule *rule,
    const struct gate_request *rq, const struct gate_past *past)
{
	const struct gate_caps *c = &rule->caps;
	const struct {
		enum gate_reason reason;
		int64_t room;
	} all[] = {
		{ GATE_PAYOUT_CAP, c->payout_micros },
		{ GATE_RUN_CAP, room(c->run_micros, past->run_micros) },
		{ GATE_WORKER_DAY_CAP,
		    room(c->worker_day_micros, past->worker_day_micros) },
		{ GATE_DAY_CAP, room(c->day_micros, past->day_micros) },
	};
	int64_t counted = rq->amount_micros, least = AMOUNT_MAX_MICROS;
	size_t i;

	/* The number counts as the highest of what was signed of it. */
	if (past->has_same && past->same_day_micros > counted)
		counted = past->same_day_micros;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int64_t amount = i < 2 ? rq->amount_micros : counted;

		if (all[i].room < least)
			least = all[i].room;
		if (out->reason == GATE_SIGN && amount > all[i].room)
			out->reason = all[i].reason;
	}
	if (out->reason != GATE_SIGN && least < rq->amount_micros &&
	    least >= past->same_day_micros)
		out->instead_micros = least;
}

/* Of a number that was signed before. */
static void
same_check(struct gate_answer *out, const struct gate_request *rq,
    const struct gate_past *past)
{
	if (past->has_same && past->same_adopted) {
		out->reason = GATE_ADOPTED;
		return;
	}
	if (!past->has_same || is_over(rq, past->same_end_s))
		return;
	out->end_s = past->same_end_s;
	out->reason = GATE_ALIVE;
	if (rq->now_s >= past->same_end_s)
		return;
	if (rq->amount_micros == past->same_micros)
		out->reason = GATE_SAME;
	else
		out->instead_micros = past->same_micros;
}

/*
 * The later of the two clocks: a slow one would sign what has expired. They
 * are 10 minutes apart at most, and so the end is at most the validity and
 * 10 minutes after the chain's time.
 */
static int64_t
end_of(const struct gate_rule *rule, const struct gate_request *rq)
{
	int64_t from_s =
	    rq->now_s > rq->chain_time_s ? rq->now_s : rq->chain_time_s;

	return from_s + rule->validity_s;
}

void
gate_decide(struct gate_answer *out, const struct gate_rule *rule,
    const struct gate_request *rq, const struct gate_past *past)
{
	*out = (struct gate_answer){ .reason = request_check(rule, rq) };
	if (out->reason == GATE_SIGN)
		out->reason = time_check(rule, rq);
	if (out->reason == GATE_SIGN)
		same_check(out, rq, past);
	if (out->reason == GATE_SIGN && !past->has_same &&
	    past->forgotten_end_s != 0 && !is_over(rq, past->forgotten_end_s))
		out->reason = GATE_FORGOTTEN;
	if (out->reason == GATE_SIGN && rq->adopted)
		out->reason = GATE_ADOPTED;
	if (out->reason == GATE_SIGN &&
	    rq->amount_micros > room(rq->earned_micros, past->payee_micros))
		out->reason = GATE_EARNED;
	if (out->reason == GATE_SIGN)
		caps_check(out, rule, rq, past);
	if (out->reason == GATE_SIGN)
		out->end_s = end_of(rule, rq);
}

const char *
gate_reason_text(enum gate_reason reason)
{
	CHECK(reason >= GATE_SIGN && reason < GATE_REASONS);
	return texts[reason];
}

const char *
gate_reason_cap(enum gate_reason reason)
{
	switch (reason) {
	case GATE_PAYOUT_CAP:
		return "max_per_payout_micros";
	case GATE_RUN_CAP:
		return "max_per_run_micros";
	case GATE_WORKER_DAY_CAP:
		return "max_per_worker_day_micros";
	case GATE_DAY_CAP:
		return "max_per_day_micros";
	default:
		return NULL;
	}
}
