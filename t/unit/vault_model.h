/*
 * The vault of t/unit/test_vault_model.c: its gate, what it knows of the past
 * and its totals are the program's own functions; around them is what
 * vault/process.c does with what is asked, in as few words.
 */
#ifndef WORKNET_T_VAULT_MODEL_H
#define WORKNET_T_VAULT_MODEL_H

#include "pay_model.h"
#include "vault/past.h"
#include "vault/totals.h"

#define WORKERS	  2
#define NUMBERS	  SEQ_MAX /* of each worker */
#define LINES_MAX 12
#define TICK_S	  (GATE_DAY_S / 2)
#define VALID	  1 /* ticks that an authorization lives */
#define START_S	  1800000000LL

/* A line of the journal; times are in ticks. */
struct line {
	uint8_t kind;
	uint8_t worker;
	uint8_t number;
	uint8_t amount;
	uint8_t at;
	uint8_t ends;
};

/* Bytes only, as in all states. */
struct journal_model {
	uint8_t n;
	uint8_t run_sum; /* signed by this run */
	struct line lines[LINES_MAX];
};

/* What a question is about. */
struct ask {
	uint8_t worker; /* 0, 1 */
	uint8_t number; /* from 1 */
	uint8_t amount;
	uint8_t earned;
	uint8_t now;
	int final; /* of what the nodes say; -1: it isn't known */
};

static struct gate_rule rule = {
	.validity_s = VALID * TICK_S,
	.treasury = { { 0xee } },
	.token = { { 0xdd } },
};

/* What the vault knows: of one journal at a time. */
static struct {
	struct journal_model of;
	struct past *past; /* NULL: of none */
	struct totals *totals;
} vault;

static int64_t
seconds(int tick)
{
	return START_S + tick * TICK_S;
}

static struct address
address_of(uint8_t worker)
{
	return (struct address){ { (uint8_t)(worker + 1) } };
}

static void
vault_add(const struct line *l)
{
	const struct journal_entry entry = { .kind = (enum journal_kind)l->kind,
		.at_s = seconds(l->at),
		.payee = address_of(l->worker),
		.number = l->number,
		.amount = l->amount,
		.end_s = l->ends == 0 ? 0 : seconds(l->ends) };

	CHECK(totals_add(vault.totals, &entry, NULL) == RC_OK);
	CHECK(l->kind == JOURNAL_SETTLED ||
	    past_add(vault.past, &entry, 0, NULL) == RC_OK);
}

static void
vault_close(void)
{
	past_free(vault.past);
	totals_free(vault.totals);
	vault.past = NULL;
	vault.totals = NULL;
}

/* All of it: what is forgotten after two days is in test_vault_gate.c. */
static void
vault_know(const struct journal_model *j)
{
	size_t i;

	if (vault.past != NULL && memcmp(&vault.of, j, sizeof(*j)) == 0)
		return;
	vault_close();
	vault.of = *j;
	CHECK(past_new(&vault.past, NULL) == RC_OK);
	CHECK(totals_new(&vault.totals, NULL) == RC_OK);
	for (i = 0; i < j->n; i++)
		vault_add(&j->lines[i]);
}

static struct total
vault_total(const struct journal_model *j, uint8_t worker, uint8_t number)
{
	const struct address who = address_of(worker);
	struct total t;

	vault_know(j);
	totals_look(vault.totals, &who, number, &t);
	return t;
}

/* What the gate says. */
static struct gate_answer
vault_decide(const struct journal_model *j, const struct ask *a)
{
	const struct gate_request rq = { .worker = address_of(a->worker),
		.seq = a->number,
		.amount_micros = a->amount,
		.earned_micros = a->earned,
		.now_s = seconds(a->now),
		.chain_time_s = seconds(a->now),
		.final_time_s = a->final < 0 ? 0 : seconds(a->final) };
	struct total total = vault_total(j, a->worker, a->number);
	struct gate_answer out;
	struct gate_past past;

	past_look(vault.past, &past, &rq.worker, rq.seq, rq.now_s);
	past.run_micros = j->run_sum;
	past.payee_micros = total.others_micros;
	if (total.adopted)
		past.has_same = past.same_adopted = true;
	gate_decide(&out, &rule, &rq, &past);
	return out;
}

/* False when the journal has no room: such a state isn't looked at. */
static bool
vault_note(struct journal_model *j, const struct line *l)
{
	if (j->n == LINES_MAX)
		return false;
	j->lines[j->n++] = *l;
	return true;
}

/*
 * Asks the gate, and notes what may be signed: until which tick, or 0. Of what
 * was signed before that is the end that it had.
 */
static uint8_t
vault_sign_one(struct journal_model *j, const struct ask *a)
{
	struct gate_answer g = vault_decide(j, a);
	struct line l = { JOURNAL_PAYOUT, a->worker, a->number, a->amount,
		a->now, 0 };

	if (g.reason != GATE_SIGN && g.reason != GATE_SAME)
		return 0;
	l.ends = (uint8_t)((g.end_s - START_S) / TICK_S);
	if (g.reason == GATE_SIGN) {
		if (!vault_note(j, &l))
			return 0;
		j->run_sum = (uint8_t)(j->run_sum + a->amount);
	}
	return l.ends;
}

/* A payment that was found on the chain; of one that was signed, its end. */
static bool
vault_adopt(struct journal_model *j, uint8_t worker, uint8_t number,
    uint8_t amount, uint8_t now)
{
	struct total total = vault_total(j, worker, number);
	struct line l = { JOURNAL_ADOPTED, worker, number, amount, now, 0 };

	if (total.micros != 0)
		l.kind = JOURNAL_SETTLED;
	return total.micros == amount || total.adopted || vault_note(j, &l);
}

/* What the chain shows for good of a number. */
static bool
vault_settle(struct journal_model *j, uint8_t worker, uint8_t number,
    uint8_t amount, uint8_t now)
{
	struct total total = vault_total(j, worker, number);

	return total.micros == amount ||
	    (!total.adopted &&
		vault_note(j,
		    &(struct line){
			JOURNAL_SETTLED, worker, number, amount, now, 0 }));
}

/* ---- What must hold of what was signed ---- */

/*
 * The most that the chain can pay of what was signed in the 24 hours before
 * now: of each number the highest. worker: of this one, or -1.
 */
static unsigned
payable(const struct journal_model *j, uint8_t now, int worker)
{
	unsigned most[WORKERS][8] = { { 0 } }, sum = 0;
	const struct line *l;
	size_t i, k;

	for (l = j->lines; l < j->lines + j->n; l++)
		if (l->kind == JOURNAL_PAYOUT && l->at + 2 > now &&
		    (worker < 0 || l->worker == worker) &&
		    l->amount > most[l->worker][l->number])
			most[l->worker][l->number] = l->amount;
	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < 8; k++)
			sum += most[i][k];
	return sum;
}

/* What is wrong after the newest line was signed, by this run of so many. */
static const char *
signed_wrong(const struct journal_model *j, uint8_t now)
{
	const struct line *last = &j->lines[j->n - 1], *l;

	if (last->amount > rule.caps.payout_micros)
		return "a payout is above its cap";
	if (j->run_sum > rule.caps.run_micros)
		return "a run signs more than its cap";
	if (payable(j, now, last->worker) > rule.caps.worker_day_micros)
		return "a worker's 24 hours hold more than the cap";
	if (payable(j, now, -1) > rule.caps.day_micros)
		return "24 hours hold more than the cap";
	for (l = j->lines; l < last; l++)
		if (l->kind == JOURNAL_PAYOUT && l->worker == last->worker &&
		    l->number == last->number && l->ends > now)
			return "a number is signed twice, and both are alive";
	return NULL;
}

#endif
