/*
 * What the vault knows of what it has signed: of the last days, and of each
 * payee for ever.
 */
#include "t/unit/tap.h"
#include "vault/past.h"
#include "vault/totals.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NOW	 1800000000LL
#define HOUR	 3600LL

static void
die(const char *what, const char *why)
{
	printf("Bail out! %s: %s\n", what, why);
	exit(EXIT_FAILURE);
}

static void
add(struct past *p, uint8_t who, int64_t number, int64_t amount, int64_t at_s,
    int64_t kept_from_s)
{
	const struct journal_entry entry = { JOURNAL_PAYOUT, at_s, { { who } },
		number, amount, at_s + HOUR };

	if (past_add(p, &entry, kept_from_s, NULL) != RC_OK)
		die("past_add", "failed");
}

static void
test_past_clock(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW, 0);
	past_look(p, &g, &who, 2, NOW + GATE_DAY_S - 1);
	tap_is_int(g.day_micros, 10, "what was signed counts for 24 hours");
	past_look(p, &g, &who, 2, NOW + GATE_DAY_S);
	tap_ok(g.day_micros == 0 && g.worker_day_micros == 0, "and no longer");
	past_look(p, &g, &who, 2, NOW - 1000 * GATE_DAY_S);
	tap_is_int(g.day_micros, 10, "with a clock set back it counts again");
	tap_is_int(g.worker_day_micros, 10, "of its payee, too");
	past_look(p, &g, &who, 1, NOW);
	tap_ok(g.day_micros == 0 && g.worker_day_micros == 0 && g.has_same &&
		g.same_micros == 10 && g.same_day_micros == 10,
	    "its own number is told apart");
	past_free(p);
}

static void
test_past_forgets(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW - 9 * GATE_DAY_S, NOW - 2 * GATE_DAY_S);
	add(p, 9, 2, 20, NOW, NOW - 2 * GATE_DAY_S);
	past_look(p, &g, &who, 1, NOW);
	tap_ok(!g.has_same &&
		g.forgotten_end_s == NOW - 9 * GATE_DAY_S + HOUR &&
		g.day_micros == 20,
	    "of what is old only the end is known");
	past_free(p);
}

/* What ends late, and what was found on the chain and has no end. */
static void
test_past_keeps(void)
{
	const struct journal_entry late = { JOURNAL_PAYOUT,
		NOW - 3 * GATE_DAY_S, { { 9 } }, 1, 10, NOW + HOUR };
	const struct journal_entry found = { JOURNAL_ADOPTED, NOW, { { 9 } }, 2,
		20, 0 };
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	if (past_add(p, &late, NOW - 2 * GATE_DAY_S, NULL) != RC_OK ||
	    past_add(p, &found, NOW - 2 * GATE_DAY_S, NULL) != RC_OK)
		die("past_add", "failed");
	past_look(p, &g, &who, 1, NOW);
	tap_ok(g.has_same && g.same_end_s == NOW + HOUR &&
		g.same_day_micros == 0 && g.forgotten_end_s == 0,
	    "what was signed long ago and hasn't ended is known");
	tap_ok(g.day_micros == 20 && g.worker_day_micros == 20,
	    "and what was found on the chain, which has no end");
	past_free(p);
	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW - 3 * GATE_DAY_S, NOW);
	add(p, 9, 2, 10, NOW - 4 * GATE_DAY_S, NOW);
	past_look(p, &g, &who, 3, NOW);
	tap_is_int(g.forgotten_end_s, NOW - 3 * GATE_DAY_S + HOUR,
	    "of what is forgotten the latest end counts");
	past_free(p);
}

/* A number that is signed again, in the same day and after it. */
static void
test_past_again(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, 10, NOW, 0);
	add(p, 9, 1, 4, NOW + 2 * HOUR, 0);
	past_look(p, &g, &who, 1, NOW + 2 * HOUR);
	tap_ok(g.same_micros == 4 && g.same_end_s == NOW + 3 * HOUR &&
		g.same_day_micros == 10 && g.day_micros == 0,
	    "of a number the last one is the same, and the highest counts");
	past_look(p, &g, &who, 2, NOW + 2 * HOUR);
	tap_ok(g.day_micros == 10 && g.worker_day_micros == 10, "once");
	add(p, 9, 2, 7, NOW + 30 * HOUR, 0);
	past_look(p, &g, &who, 2, NOW + 30 * HOUR);
	add(p, 9, 1, 3, NOW + 31 * HOUR, 0);
	past_look(p, &g, &who, 3, NOW + 31 * HOUR);
	tap_ok(g.day_micros >= 10 && g.worker_day_micros == g.day_micros,
	    "also when the first is older than the day");
	tap_ok(!g.same_adopted, "none of them was found on the chain");
	if (past_add(p,
		&(struct journal_entry){
		    JOURNAL_ADOPTED, NOW + 31 * HOUR, who, 5, 10, 0 },
		0, NULL) != RC_OK)
		die("past_add", "failed");
	past_look(p, &g, &who, 5, NOW + 31 * HOUR);
	tap_ok(g.has_same && g.same_adopted, "and one that was is known");
	past_free(p);
}

/* Of so many some fall together. */
static void
test_many_payees(void)
{
	struct journal_entry e = { JOURNAL_PAYOUT, NOW, { { 0 } }, 1, 0,
		NOW + HOUR };
	struct gate_past g;
	struct totals *t;
	struct total x;
	struct past *p;
	bool ok = true;
	int i;

	if (past_new(&p, NULL) != RC_OK || totals_new(&t, NULL) != RC_OK)
		die("past_new", "failed");
	for (i = 0; i < 3000; i++) {
		e.payee.b[0] = (uint8_t)(i & 255);
		e.payee.b[1] = (uint8_t)(1 + (i >> 8));
		e.amount = 1 + i;
		if (past_add(p, &e, 0, NULL) != RC_OK ||
		    totals_add(t, &e, NULL) != RC_OK)
			die("past_add", "failed");
	}
	for (i = 0; i < 3000; i++) {
		e.payee.b[0] = (uint8_t)(i & 255);
		e.payee.b[1] = (uint8_t)(1 + (i >> 8));
		past_look(p, &g, &e.payee, 2, NOW);
		totals_look(t, &e.payee, 2, &x);
		ok = ok && g.worker_day_micros == 1 + i &&
		    x.others_micros == 1 + i && x.micros == 0;
	}
	tap_ok(ok, "each of 3,000 payees has its own past and total");
	past_free(p);
	totals_free(t);
}

/* Amounts near what a number holds, of payees and of the day. */
static void
test_past_full(void)
{
	const struct address who = { { 9 } };
	struct gate_past g;
	struct past *p;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	add(p, 9, 1, INT64_MAX, NOW, 0);
	add(p, 9, 2, INT64_MAX / 2 + 2, NOW, 0);
	add(p, 9, 3, 5, NOW, 0);
	past_look(p, &g, &who, 3, NOW);
	tap_ok(g.day_micros == INT64_MAX && g.worker_day_micros == INT64_MAX,
	    "a sum that no number holds is the highest, of a payee and of all");
	past_look(p, &g, &who, 1, NOW);
	tap_is_int(g.day_micros, INT64_MAX / 2 + 7,
	    "without one of them it is right again");
	past_look(p, &g, &who, 4, NOW + GATE_DAY_S);
	tap_is_int(g.day_micros, 0, "and after a day nothing is left of it");
	past_free(p);
}

/* Against sums over a plain list. */
static void
test_past_sums(void)
{
	struct {
		int64_t at_s, number, amount;
		uint8_t who;
	} all[600];
	int64_t now = NOW, day, worker, most[16][8];
	unsigned seed = 1;
	struct gate_past g;
	struct past *p;
	bool ok = true;
	int i, j, n;

	if (past_new(&p, NULL) != RC_OK)
		die("past_new", "failed");
	for (n = 0; ok && n < (int)COUNT(all); n++) {
		seed = seed * 1103515245 + 12345;
		now += seed >> 16 & 4095;
		all[n].at_s = now;
		all[n].who = (uint8_t)(1 + (seed >> 8 & 15));
		all[n].number = 1 + (seed >> 4 & 7);
		all[n].amount = 1 + (seed >> 20 & 63);
		add(p, all[n].who, all[n].number, all[n].amount, now, 0);
		memset(most, 0, sizeof(most));
		for (i = 0; i <= n; i++)
			if (all[i].at_s > now - GATE_DAY_S &&
			    all[i].amount >
				most[all[i].who - 1][all[i].number - 1])
				most[all[i].who - 1][all[i].number - 1] =
				    all[i].amount;
		for (day = 0, worker = 0, i = 0; i < 16; i++)
			for (j = 0; j < 8; j++) {
				day += most[i][j];
				worker += i == 0 ? most[i][j] : 0;
			}
		past_look(p, &g, &(struct address){ { 1 } }, 99, now);
		/* Never less; a number signed again counts its highest on. */
		ok = g.day_micros >= day && g.worker_day_micros >= worker;
	}
	tap_ok(ok, "the sums are never below those of a plain list");
	past_free(p);
}

/* ---- The totals ---- */

static void
total_add(struct totals *t, enum journal_kind kind, uint8_t who, int64_t number,
    int64_t amount)
{
	const struct journal_entry entry = { kind, NOW, { { who } }, number,
		amount, NOW };

	if (totals_add(t, &entry, NULL) != RC_OK)
		die("totals_add", "failed");
}

static void
test_totals(void)
{
	const struct address who = { { 9 } };
	struct totals *t;
	struct total x;
	int64_t i;

	if (totals_new(&t, NULL) != RC_OK)
		die("totals_new", "failed");
	totals_look(t, &who, 1, &x);
	tap_ok(x.micros == 0 && x.others_micros == 0 && !x.adopted,
	    "of nothing there is no total");
	for (i = 1; i <= 5000; i++)
		total_add(t, JOURNAL_PAYOUT, 9, i, 7);
	total_add(t, JOURNAL_PAYOUT, 8, 1, 1000);
	total_add(t, JOURNAL_PAYOUT, 9, 3, 4);
	totals_look(t, &who, 2, &x);
	tap_ok(x.micros == 7 && x.others_micros == 4999 * 7,
	    "a payee's other numbers count for ever, each with its highest "
	    "amount");
	total_add(t, JOURNAL_SETTLED, 9, 3, 4);
	total_add(t, JOURNAL_SETTLED, 9, 4, 0);
	total_add(t, JOURNAL_PAYOUT, 9, 4, 9);
	total_add(t, JOURNAL_ADOPTED, 9, 6000, 50);
	totals_look(t, &who, 2, &x);
	tap_is_int(x.others_micros, 4997 * 7 + 4 + 50,
	    "but for what was settled with less, or canceled; with one that "
	    "was found");
	totals_look(t, &who, 6000, &x);
	tap_ok(x.adopted && x.micros == 50, "which is known as such");
	total_add(t, JOURNAL_ADOPTED, 9, 6001, INT64_MAX);
	total_add(t, JOURNAL_ADOPTED, 9, 6002, INT64_MAX);
	totals_look(t, &who, 1, &x);
	tap_is_int(
	    x.others_micros, INT64_MAX, "what no number holds is the highest");
	totals_free(t);
}

int
main(void)
{
	test_past_clock();
	test_past_forgets();
	test_past_keeps();
	test_past_again();
	test_past_full();
	test_past_sums();
	test_many_payees();
	test_totals();
	return tap_done();
}
