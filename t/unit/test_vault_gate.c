/*
 * The vault's gate, against a statement of its rule in other words: for all
 * cases of a small world, and all sequences of a few requests.
 */
#include "t/unit/tap.h"
#include "vault/past.h"
#include "vault/totals.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW	 1800000000LL
#define HOUR	 3600LL

static const struct address treasury = { { 1 } };
static const struct address token = { { 2 } };
static const struct address zero;

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

/* ---- The gate: every case of a small world ---- */

struct world {
	struct gate_rule rule;
	struct gate_request rq;
	struct gate_past past;
};

static int64_t cases, wrong;

static bool
same_address(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* What a signature would add up to, each cap by itself. */
static bool
within_caps(const struct world *w, int64_t amount)
{
	const struct gate_caps *c = &w->rule.caps;
	int64_t of_number = amount;

	if (w->past.has_same && w->past.same_day_micros > amount)
		of_number = w->past.same_day_micros;
	return amount <= c->payout_micros &&
	    w->past.run_micros + amount <= c->run_micros &&
	    w->past.worker_day_micros + of_number <= c->worker_day_micros &&
	    w->past.day_micros + of_number <= c->day_micros;
}

/* Whether the request could be signed if no number were known. */
static bool
is_sound(const struct world *w)
{
	const struct gate_request *rq = &w->rq;
	const struct gate_caps *c = &w->rule.caps;
	int64_t late =
	    rq->now_s > rq->chain_time_s ? rq->now_s : rq->chain_time_s;
	int64_t early = rq->now_s + rq->chain_time_s - late;

	return c->payout_micros > 0 && c->run_micros > 0 &&
	    c->worker_day_micros > 0 && c->day_micros > 0 &&
	    rq->amount_micros > 0 && rq->seq > 0 &&
	    !same_address(&rq->worker, &zero) &&
	    !same_address(&rq->worker, &treasury) &&
	    !same_address(&rq->worker, &token) && late - early <= 600 &&
	    early >= GATE_TIME_MIN_S && late <= GATE_TIME_MAX_S &&
	    rq->final_time_s <= rq->chain_time_s;
}

/* In a final block nobody can settle any more what ended by then. */
static bool
is_dead(const struct world *w, int64_t end_s)
{
	return w->rq.final_time_s > 0 && end_s <= w->rq.final_time_s;
}

/* All that this payee could have been paid then, however large. */
static bool
is_earned(const struct world *w)
{
	return w->past.payee_micros <= w->rq.earned_micros &&
	    w->rq.earned_micros - w->past.payee_micros >= w->rq.amount_micros;
}

static enum gate_reason
expected(const struct world *w)
{
	const struct gate_past *p = &w->past;

	if (!is_sound(w))
		return GATE_REASONS; /* any refusal */
	if (p->has_same && p->same_adopted)
		return GATE_ADOPTED;
	if (p->has_same && !is_dead(w, p->same_end_s))
		return w->rq.amount_micros == p->same_micros &&
			p->same_end_s > w->rq.now_s
		    ? GATE_SAME
		    : GATE_ALIVE;
	if (!p->has_same && p->forgotten_end_s > 0 &&
	    !is_dead(w, p->forgotten_end_s))
		return GATE_FORGOTTEN;
	if (w->rq.adopted)
		return GATE_ADOPTED;
	if (!is_earned(w))
		return GATE_EARNED;
	return within_caps(w, w->rq.amount_micros) ? GATE_SIGN : GATE_REASONS;
}

static bool
end_is_right(const struct world *w, int64_t end_s)
{
	return end_s > w->rq.now_s && end_s > w->rq.chain_time_s &&
	    end_s <= w->rq.chain_time_s + w->rule.validity_s + 600;
}

static void
case_look(const struct world *w)
{
	struct gate_answer a, b;
	enum gate_reason e = expected(w);
	struct world again = *w;
	bool ok;

	cases++;
	gate_decide(&a, &w->rule, &w->rq, &w->past);
	ok = e == GATE_REASONS ? a.reason > GATE_SAME : a.reason == e;
	if (a.reason == GATE_SIGN)
		ok = ok && end_is_right(w, a.end_s);
	if (a.reason == GATE_SAME)
		ok = ok && a.end_s == w->past.same_end_s;
	if (a.reason <= GATE_SAME)
		ok = ok && a.instead_micros == 0;
	if (a.instead_micros != 0) {
		again.rq.amount_micros = a.instead_micros;
		gate_decide(&b, &w->rule, &again.rq, &w->past);
		ok = ok && b.reason <= GATE_SAME;
	}
	if (ok)
		return;
	if (wrong++ < 5)
		tap_diag("got %d, expected %d: amount %" PRId64 " caps %" PRId64
			 " %" PRId64 " %" PRId64 " %" PRId64
			 " instead %" PRId64,
		    (int)a.reason, (int)e, w->rq.amount_micros,
		    w->rule.caps.payout_micros, w->rule.caps.run_micros,
		    w->rule.caps.worker_day_micros, w->rule.caps.day_micros,
		    a.instead_micros);
}

/* ---- The dimensions, one function each ---- */

static void
each_same(struct world *w)
{
	static const int64_t ends[] = { -7200, -100, 0, 1, 1000 };
	size_t i;
	int amount, counted, adopted;

	w->past.has_same = false;
	w->past.same_day_micros = 0;
	case_look(w);
	w->past.has_same = true;
	for (i = 0; i < COUNT(ends); i++)
		for (amount = 1; amount <= 2; amount++)
			for (counted = 0; counted <= amount; counted += amount)
				for (adopted = 0; adopted <= (i == 4);
				     adopted++) {
					w->past.same_end_s = NOW + ends[i];
					w->past.same_micros = amount;
					w->past.same_day_micros = counted;
					w->past.same_adopted = adopted != 0;
					case_look(w);
				}
	w->past.same_adopted = false;
}

static void
each_past(struct world *w)
{
	static const int64_t forgotten[] = { 0, NOW - 200000, NOW - 60 };
	size_t i;
	int run, worker, day;

	for (run = 0; run <= 2; run++)
		for (worker = 0; worker <= 1; worker++)
			for (day = worker; day <= 2; day++)
				for (i = 0; i < COUNT(forgotten); i++) {
					w->past.run_micros = run;
					w->past.worker_day_micros = worker;
					w->past.day_micros = day;
					w->past.forgotten_end_s = forgotten[i];
					each_same(w);
				}
}

static void
each_earned(struct world *w)
{
	static const int64_t all[][2] = { { 0, 9 }, { 5, 7 }, { 8, 7 },
		{ INT64_MAX, INT64_MAX }, { INT64_MAX, 3 }, { 0, 0 } };
	size_t i;

	for (i = 0; i < COUNT(all); i++) {
		w->past.payee_micros = all[i][0];
		w->rq.earned_micros = all[i][1];
		each_past(w);
	}
}

static void
each_time(struct world *w)
{
	static const int64_t apart[] = { -601, -600, 0, 600, 601 };
	size_t i;
	int f;

	for (i = 0; i < COUNT(apart); i++)
		for (f = 0; f < 4; f++) {
			w->rq.chain_time_s = NOW + apart[i];
			w->rq.final_time_s = f == 0 ? 0
			    : f == 1		    ? NOW - 1200
			    : f == 2		    ? w->rq.chain_time_s
						    : w->rq.chain_time_s + 1;
			each_earned(w);
		}
}

static void
each_request(struct world *w)
{
	int64_t amount;

	for (amount = 0; amount <= 3; amount++) {
		w->rq.amount_micros = amount;
		w->rq.adopted = false;
		each_time(w);
	}
	w->rq.amount_micros = 1;
	w->rq.adopted = true;
	each_time(w);
	w->rq.adopted = false;
}

static void
test_gate_cases(void)
{
	const struct address *const bad[] = { &zero, &treasury, &token };
	struct world w = { .rule = { .validity_s = 3600,
			       .treasury = treasury,
			       .token = token },
		.rq = { .worker = { { 9 } }, .seq = 1, .now_s = NOW } };
	int i;

	/* Each cap is 2 or 3; then each in its turn is none. */
	for (i = 0; i < 16 + 4; i++) {
		w.rule.caps = (struct gate_caps){ 2 + (i & 1), 2 + (i >> 1 & 1),
			2 + (i >> 2 & 1), 2 + (i >> 3 & 1) };
		if (i >= 16)
			(&w.rule.caps.payout_micros)[i - 16] = 0;
		each_request(&w);
	}
	w.rule.caps = (struct gate_caps){ 3, 3, 3, 3 };
	for (i = 0; i < 3; i++) {
		w.rq.worker = *bad[i];
		each_request(&w);
	}
	w.rq.worker = (struct address){ { 9 } };
	w.rq.seq = 0;
	each_request(&w);
	/* Shorter than the two clocks may be apart. */
	w.rq.seq = 1;
	w.rule.validity_s = 60;
	each_request(&w);
	tap_ok(wrong == 0,
	    "in each of %" PRId64 " cases the gate says what the rule says in "
	    "other words",
	    cases);
}

static void
test_gate_times(void)
{
	static const int64_t times[] = { INT64_MIN, -1, 0, 1577836799,
		1577836800, NOW, 4102444800, 4102444801, INT64_MAX };
	struct world w = { .rule = { { 9, 9, 9, 9 }, 3600, treasury, token },
		.rq = { .worker = { { 9 } },
		    .seq = 1,
		    .amount_micros = 1,
		    .earned_micros = 9 } };
	struct gate_answer a;
	size_t i, j, k;
	bool ok = true;
	int n = 0;

	for (i = 0; i < COUNT(times); i++)
		for (j = 0; j < COUNT(times); j++)
			for (k = 0; k < COUNT(times); k++) {
				w.rq.now_s = times[i];
				w.rq.chain_time_s = times[j];
				w.rq.final_time_s = times[k];
				gate_decide(&a, &w.rule, &w.rq, &w.past);
				n += a.reason == GATE_SIGN;
				if (a.reason == GATE_SIGN)
					ok = ok && i == j && i >= 4 && i <= 6 &&
					    end_is_right(&w, a.end_s);
			}
	tap_ok(ok && n > 0,
	    "times before 2020, after 2100 and at the ends of what a "
	    "number holds sign nothing");
	w.rq = (struct gate_request){ .worker = { { 9 } },
		.seq = 1,
		.now_s = NOW,
		.chain_time_s = NOW,
		.amount_micros = INT64_MAX };
	w.rule.caps =
	    (struct gate_caps){ INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX };
	gate_decide(&a, &w.rule, &w.rq, &w.past);
	tap_is_int(a.reason, GATE_AMOUNT,
	    "nor does an amount near what a number holds");
	w.rq.amount_micros = 1;
	for (i = 0; i < 4; i++) {
		static const int64_t validities[] = { -1, 0, 604801,
			INT64_MAX };

		w.rule.validity_s = validities[i];
		gate_decide(&a, &w.rule, &w.rq, &w.past);
		ok = ok && a.reason == GATE_TIME;
	}
	tap_ok(ok, "nor does a validity of none, or above a week");
}

/* ---- Sequences ---- */

#define STEPS	 4
#define CHOICES	 (2 * 2 * 3 * 3) /* worker, number, amount, time */
#define DAY_CAP	 4
#define WORK_CAP 3
#define EARNED	 5 /* of each worker, from the beginning */

struct done {
	int64_t at_s, end_s, amount;
	int worker, number;
};

/* The most that what was signed since from can pay, of worker or of all. */
static int64_t
payable(const struct done *d, int n, int64_t from_s, int64_t to_s, int worker)
{
	int64_t most[4] = { 0 };
	int i, key;

	for (i = 0; i < n; i++) {
		key = 2 * d[i].worker + d[i].number;
		if (d[i].at_s <= from_s || d[i].at_s > to_s ||
		    (worker >= 0 && d[i].worker != worker))
			continue;
		if (d[i].amount > most[key])
			most[key] = d[i].amount;
	}
	return most[0] + most[1] + most[2] + most[3];
}

static bool
windows_hold(const struct done *d, int n)
{
	int64_t to, from;
	int i;

	for (i = 0; i < n; i++) {
		to = d[i].at_s;
		from = to - GATE_DAY_S;
		if (payable(d, n, from, to, -1) > DAY_CAP ||
		    payable(d, n, from, to, 0) > WORK_CAP ||
		    payable(d, n, from, to, 1) > WORK_CAP)
			return false;
	}
	return true;
}

/* What a worker can be paid of it all: a number's last signature counts. */
static bool
within_earned(const struct done *d, int n)
{
	int64_t last[4] = { 0 };
	int i;

	for (i = 0; i < n; i++)
		last[2 * d[i].worker + d[i].number] = d[i].amount;
	return last[0] + last[1] <= EARNED && last[2] + last[3] <= EARNED;
}

/* No number is ever signed twice while the first is alive on the chain. */
static bool
one_alive(const struct done *d, int n, int64_t final_s)
{
	int i;

	for (i = 0; i + 1 < n; i++)
		if (d[i].worker == d[n - 1].worker &&
		    d[i].number == d[n - 1].number && d[i].end_s > final_s)
			return false;
	return true;
}

static int64_t refused_earned;

static bool
sequence_holds(int64_t code)
{
	static const int64_t later[] = { 60, 13 * HOUR, GATE_DAY_S };
	const struct gate_rule rule = { { 3, 99, WORK_CAP, DAY_CAP }, 3600,
		treasury, token };
	struct done d[STEPS];
	struct totals *totals;
	struct past *past;
	int64_t now = NOW;
	bool ok = true;
	int i, n = 0;

	if (past_new(&past, NULL) != RC_OK ||
	    totals_new(&totals, NULL) != RC_OK)
		die("past_new", "failed");
	for (i = 0; ok && i < STEPS; i++, code /= CHOICES) {
		int c = (int)(code % CHOICES);
		struct gate_request rq = {
			.worker = { { (uint8_t)(8 + c % 2) } },
			.seq = 1 + c / 2 % 2,
			.amount_micros = 1 + c / 4 % 3,
			.earned_micros = EARNED
		};
		struct journal_entry entry;
		struct gate_answer a;
		struct total total;
		struct gate_past p;

		now += later[c / 12];
		rq.now_s = rq.chain_time_s = now;
		rq.final_time_s = now - 1200;
		past_look(past, &p, &rq.worker, rq.seq, now);
		totals_look(totals, &rq.worker, rq.seq, &total);
		p.payee_micros = total.others_micros;
		gate_decide(&a, &rule, &rq, &p);
		refused_earned += a.reason == GATE_EARNED;
		if (a.reason != GATE_SIGN)
			continue;
		d[n++] = (struct done){ now, a.end_s, rq.amount_micros, c % 2,
			c / 2 % 2 };
		entry = (struct journal_entry){ JOURNAL_PAYOUT, now, rq.worker,
			rq.seq, rq.amount_micros, a.end_s };
		ok = past_add(past, &entry, 0, NULL) == RC_OK &&
		    totals_add(totals, &entry, NULL) == RC_OK &&
		    windows_hold(d, n) && within_earned(d, n) &&
		    one_alive(d, n, now - 1200);
	}
	totals_free(totals);
	past_free(past);
	return ok;
}

static void
test_gate_sequences(void)
{
	int64_t code, all = 1, bad = 0;
	int i;

	for (i = 0; i < STEPS; i++)
		all *= CHOICES;
	for (code = 0; code < all; code++)
		if (!sequence_holds(code) && bad++ == 0)
			tap_diag("sequence %" PRId64, code);
	tap_ok(bad == 0 && refused_earned > 0,
	    "after each of %" PRId64 " sequences of %d requests no 24 hours "
	    "hold more than the caps, no number is alive twice, and nobody is signed more than it has earned",
	    all, STEPS);
}

int
main(void)
{
	test_gate_cases();
	test_gate_times();
	test_gate_sequences();
	return tap_done();
}
