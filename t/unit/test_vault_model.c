/*
 * What the vault signs, in every order of what can happen in a small world.
 *
 * First with a ledger that whoever writes to it has forged, so that any number
 * of any worker is asked for with any amount, while nodes say what they like
 * of the final block and what was signed is settled or not. Then as the
 * program goes about it: two or three nodes, of which one is honest, behind or
 * down, and the others say anything; a ledger that is copied and restored, and
 * runs that are killed between the journal and the ledger.
 *
 * The gate, the past, the totals, the verdict, what it books and what is
 * adopted are the program's own functions. All states that can be reached are
 * visited, so nothing is random and nothing is timed. In each of them:
 * - what was signed in any 24 hours is within the caps, whatever of it settles,
 *   and no number is alive twice;
 * - the chain has paid nobody more than was earned;
 * - what is final in the ledger is on the chain, in a block that is final;
 * - once all nodes are honest, all that the ledger knows of is paid.
 */
#include "vault_model.h"

#include "evm/history.h"
#include "pay/adopt.h"
#include "pay/book.h"

#define NOW_MAX 4

/* USED: its nonce is canceled. */
enum { SLOT_FREE, SLOT_OPEN, SLOT_FINAL, SLOT_USED };

/* A payout of the ledger, by its number. */
struct slot {
	uint8_t state;
	uint8_t amount;
	uint8_t ends;
};

struct books {
	uint8_t earned[WORKERS]; /* recovered credit, too */
	struct slot slots[WORKERS][NUMBERS];
};

/* Bytes only: states are compared as such. */
struct world {
	uint8_t now;
	uint8_t copied;
	uint8_t restored; /* the tick after it, while that keeps all waiting */
	uint8_t was_restored;
	uint8_t canceled;	 /* a nonce was, or none may be */
	uint8_t earned[WORKERS]; /* in truth */
	struct fact facts[WORKERS][NUMBERS];
	struct journal_model journal;
	struct books books;
	struct books copy;
};

static uint8_t most_earned[WORKERS];
static struct states states = { .size = sizeof(struct world) };
static size_t from; /* the state that is left */
static bool failed;
static unsigned long signatures, refusals, finals, voids, adoptions;

/* ---- Telling ---- */

static void
world_show(const struct world *w)
{
	const struct line *l;
	size_t i, k;

	for (l = w->journal.lines; l < w->journal.lines + w->journal.n; l++)
		printf(
		    "#     %s of %d: number %d, amount %d, at %d, until %d\n",
		    l->kind == JOURNAL_PAYOUT ? "signed" : "noted", l->worker,
		    l->number, l->amount, l->at, l->ends);
	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++)
			if (w->facts[i][k].what != FACT_NONE)
				printf("#     the chain has number %zu of %zu: "
				       "%d, at %d\n",
				    k + 1, i, w->facts[i][k].value,
				    w->facts[i][k].height);
}

static void
violated(const struct world *w, const char *what)
{
	if (failed)
		return;
	failed = true;
	printf("# %s, after\n", what);
	states_tell(&states, from);
	printf("# now, at %d, with\n", w->now);
	world_show(w);
}

static unsigned
chain_paid(const struct world *w, size_t worker)
{
	unsigned sum = 0;
	size_t k;

	for (k = 0; k < NUMBERS; k++)
		if (w->facts[worker][k].what == FACT_PAID)
			sum += w->facts[worker][k].value;
	return sum;
}

static void
reach(const struct world *w, const char *what)
{
	size_t i;

	if (failed || !states_add(&states, w, from, what))
		return;
	for (i = 0; i < WORKERS; i++)
		if (chain_paid(w, i) > w->earned[i])
			violated(w, "the chain has paid more than was earned");
}

/* ---- What happens in any case ---- */

static void
time_passes(const struct world *before)
{
	struct world w = *before;

	if (w.now < NOW_MAX) {
		w.now++;
		reach(&w, "half a day passes");
	}
	w = *before;
	w.journal.run_sum = 0;
	reach(&w, "another run begins");
}

/* Whoever holds an authorization settles it; it may never be. */
static void
settle(const struct world *before)
{
	const struct line *l = before->journal.lines;
	struct world w;
	struct fact *f;

	for (; l < before->journal.lines + before->journal.n; l++) {
		w = *before;
		f = &w.facts[l->worker][l->number - 1];
		if (l->kind != JOURNAL_PAYOUT || l->ends <= w.now ||
		    f->what != FACT_NONE)
			continue;
		*f = (struct fact){ FACT_PAID, l->amount, w.now, 0 };
		reach(&w, "an authorization is settled");
	}
}

/* Has the vault sign: until when, or 0. */
static uint8_t
sign(struct world *w, const struct ask *a)
{
	uint8_t n = w->journal.n, ends = vault_sign_one(&w->journal, a);
	const char *wrong;

	signatures += ends != 0;
	refusals += ends == 0;
	if (w->journal.n == n)
		return ends;
	wrong = signed_wrong(&w->journal, w->now);
	if (wrong != NULL)
		violated(w, wrong);
	return ends;
}

/*
 * The final block's time as the nodes have it together: not known, that of the
 * honest one, or, while that is down, what another one says.
 */
enum { FINAL_UNKNOWN, FINAL_HONEST, FINAL_LIE, FINALS };

static int
final_said(const struct world *w, int which)
{
	if (which == FINAL_LIE)
		return w->now;
	return which == FINAL_HONEST ? (int)w->now - 1 : -1;
}

/* ---- With a forged ledger ---- */

static void
forged_asks(const struct world *before)
{
	struct world w;
	struct ask a;
	int code, final;

	for (final = 0; final < FINALS; final++)
		for (code = 0; code < WORKERS * 2 * 2; code++) {
			w = *before;
			a = (struct ask){ .worker = (uint8_t)(code & 1),
				.number = (uint8_t)(1 + (code >> 1 & 1)),
				.amount = (uint8_t)(1 + (code >> 2)),
				.now = w.now,
				.final = final_said(&w, final) };
			a.earned = w.earned[a.worker];
			if (sign(&w, &a) != 0)
				reach(&w, "whatever is asked for is signed");
		}
}

/* What all nodes show in final blocks, the vault may be told. */
static void
forged_tells(const struct world *before)
{
	const struct fact *f;
	struct world w;
	uint8_t i, k;

	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++) {
			f = &before->facts[i][k];
			if (f->what != FACT_PAID || f->height >= before->now)
				continue;
			w = *before;
			if (vault_settle(&w.journal, i, (uint8_t)(k + 1),
				f->value, w.now))
				reach(&w, "the vault is told what was paid");
			w = *before;
			if (vault_adopt(&w.journal, i, (uint8_t)(k + 1),
				f->value, w.now))
				reach(&w, "what was paid is adopted");
		}
}

static void
explore_forged(const struct gate_caps *caps, uint8_t lines, const char *says)
{
	struct world first, w;

	rule.caps = *caps;
	memset(&first, 0, sizeof(first));
	first.earned[0] = 2;
	first.earned[1] = 1;
	signatures = refusals = from = 0;
	reach(&first, "nothing yet");
	for (; from < states.n && !failed; from++) {
		memcpy(&w, states_at(&states, from), sizeof(w));
		time_passes(&w);
		settle(&w);
		if (w.journal.n < lines) {
			forged_asks(&w);
			forged_tells(&w);
		}
	}
	tap_ok(!failed && signatures > 0 && refusals > 0,
	    "with a forged ledger: %s", says);
	printf("# %zu states; %lu signed, %lu refused\n", states.n, signatures,
	    refusals);
	states_free(&states);
}

static void
test_forged(void)
{
	static const struct gate_caps none = { 9, 9, 9, 9 };
	static const struct gate_caps payout = { 1, 9, 9, 9 };
	static const struct gate_caps run = { 9, 2, 9, 9 };
	static const struct gate_caps worker = { 9, 9, 1, 9 };
	static const struct gate_caps day = { 9, 9, 9, 2 };

	explore_forged(&none, 3, "nobody gets more than it has earned");
	explore_forged(&payout, 3, "no payout is above its cap");
	explore_forged(&run, 3, "no run signs more than its cap");
	explore_forged(&worker, 3, "no worker's 24 hours hold more");
	explore_forged(&day, 3, "no 24 hours hold more");
}

/* ---- As the program goes about it ---- */

static uint8_t
balance_of(const struct books *b, size_t worker)
{
	unsigned sum = 0;
	size_t k;

	for (k = 0; k < NUMBERS; k++)
		sum += b->slots[worker][k].amount;
	CHECK(sum <= b->earned[worker]);
	return (uint8_t)(b->earned[worker] - sum);
}

/* What the balance hasn't is credit that a restore has lost. */
static void
slot_close(struct books *b, size_t worker, size_t k, uint8_t paid)
{
	uint8_t left;

	b->slots[worker][k] = (struct slot){ .state = SLOT_FREE };
	left = balance_of(b, worker);
	if (paid > left)
		b->earned[worker] = (uint8_t)(b->earned[worker] + paid - left);
	b->slots[worker][k] = (struct slot){ SLOT_FINAL, paid, 0 };
}

static bool
has_open(const struct books *b, size_t worker)
{
	size_t k;

	for (k = 0; k < NUMBERS; k++)
		if (b->slots[worker][k].state == SLOT_OPEN)
			return true;
	return false;
}

/* What the chain has of number k + 1, and that for good. */
static bool
is_paid_for_good(const struct world *w, size_t worker, size_t k)
{
	return w->facts[worker][k].what == FACT_PAID &&
	    w->facts[worker][k].height <= final_of(w->now);
}

static bool
book_final(struct world *w, uint8_t worker, uint8_t k, const struct judgment *j)
{
	if (!is_paid_for_good(w, worker, k) ||
	    w->facts[worker][k].value != j->value || j->to.b[0] != 1)
		violated(w, "a payout is final, and the chain hasn't that");
	if (!vault_settle(&w->journal, worker, (uint8_t)(k + 1),
		(uint8_t)j->value, w->now))
		return false;
	slot_close(&w->books, worker, k, (uint8_t)j->value);
	finals++;
	return true;
}

static bool
book_void(struct world *w, uint8_t worker, uint8_t k, const struct judgment *j)
{
	struct slot *slot = &w->books.slots[worker][k];
	bool canceled = j->verdict == VERDICT_CANCELED;

	if (slot->ends > final_of(w->now) || is_paid_for_good(w, worker, k) ||
	    (canceled && w->facts[worker][k].what != FACT_CANCELED))
		violated(w, "a payout is void that can still be settled");
	if (canceled &&
	    !vault_settle(&w->journal, worker, (uint8_t)(k + 1), 0, w->now))
		return false;
	*slot = (struct slot){ .state = canceled ? SLOT_USED : SLOT_FREE };
	voids++;
	return true;
}

/* What the program does with a judgment; false: nothing that counts here. */
static bool
book(struct world *w, uint8_t worker, uint8_t k, const struct judgment *j)
{
	const struct payment none = { .block = 0 };

	switch (booking_of(PAYOUT_SUBMITTED, &none, j, w->now)) {
	case BOOKING_FINAL:
		return book_final(w, worker, k, j);
	case BOOKING_VOID:
		return book_void(w, worker, k, j);
	default:
		return false;
	}
}

/* The chain and one payout, as pay_model.h sees them. */
static struct state
chain_of(const struct world *w, size_t worker)
{
	struct state s;

	memset(&s, 0, sizeof(s));
	s.height = w->now;
	memcpy(s.facts, w->facts[worker], sizeof(s.facts));
	return s;
}

static struct model_payout
payout_of(const struct world *w, size_t worker, size_t k)
{
	const struct slot *slot = &w->books.slots[worker][k];

	return (struct model_payout){ .seq = (uint8_t)(k + 1),
		.state = PAYOUT_SUBMITTED,
		.amount = slot->amount,
		.ends = slot->ends };
}

static void
judge(const struct world *before)
{
	const struct judged *all;
	struct model_payout p;
	struct world w;
	struct state s;
	uint8_t i, k;
	size_t j;
	int how;

	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++) {
			if (before->books.slots[i][k].state != SLOT_OPEN)
				continue;
			s = chain_of(before, i);
			p = payout_of(before, i, k);
			for (how = 0; how < HONEST_KINDS; how++) {
				all = judgments_of(&s, (enum honest)how, &p);
				for (j = 0; j < all->n; j++) {
					w = *before;
					if (book(&w, i, k, &all->all[j]))
						reach(&w, "a payout is booked");
				}
			}
		}
}

/* Every node shows it for good, and the ledger hasn't it. */
static bool
adopt_one(struct world *w, uint8_t worker, uint8_t k)
{
	uint64_t ends[3] = { final_of(w->now), LIE_BLOCK, LIE_BLOCK };
	const struct fact *f = &w->facts[worker][k];
	struct history_shown shown = { .use = { .value = f->value,
					   .block = f->height },
		.nodes = (2U << liars) - 1,
		.is_shared = true };

	if (f->what != FACT_PAID ||
	    w->books.slots[worker][k].state != SLOT_FREE)
		return false;
	shown.is_final = history_is_final(&shown, ends, liars + 1);
	if (lost_use_of(&shown, true, has_open(&w->books, worker)) !=
		LOST_ADOPTED ||
	    !vault_adopt(
		&w->journal, worker, (uint8_t)(k + 1), f->value, w->now))
		return false;
	slot_close(&w->books, worker, k, f->value);
	adoptions++;
	return true;
}

/* All blocks up to the restore are final, and compared. */
static bool
is_compared(const struct world *w)
{
	size_t i, k;

	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++)
			if (is_paid_for_good(w, i, k) &&
			    w->books.slots[i][k].state != SLOT_FINAL)
				return false;
	return w->restored != 0 && final_of(w->now) + 1 >= w->restored;
}

static void
compare(const struct world *before)
{
	struct world w;
	uint8_t i, k;

	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++) {
			w = *before;
			if (adopt_one(&w, i, k))
				reach(&w, "a lost payment is adopted");
		}
	w = *before;
	if (is_compared(&w)) {
		w.restored = 0;
		reach(&w, "the restored ledger is compared");
	}
}

/* What a run would ask the vault for; false: for nothing. */
static bool
next_ask(const struct world *w, uint8_t worker, struct ask *out)
{
	uint8_t k = 0;

	*out = (struct ask){ .worker = worker,
		.amount = balance_of(&w->books, worker),
		.earned = w->books.earned[worker],
		.now = w->now };
	while (k < NUMBERS && w->books.slots[worker][k].state != SLOT_FREE)
		k++;
	out->number = (uint8_t)(k + 1);
	return out->amount > 0 && k < NUMBERS && w->restored == 0 &&
	    !has_open(&w->books, worker);
}

static void
pay(const struct world *before)
{
	struct world w;
	struct ask a;
	uint8_t i, most, ends;
	int final;

	for (i = 0; i < WORKERS; i++) {
		if (!next_ask(before, i, &a))
			continue;
		most = a.amount;
		for (final = 0; final < FINALS; final++)
			for (a.amount = 1; a.amount <= most; a.amount++) {
				w = *before;
				a.final = final_said(&w, final);
				ends = sign(&w, &a);
				if (ends == 0)
					continue;
				reach(&w,
				    "a payout is signed, and the run killed");
				w.books.slots[i][a.number - 1] =
				    (struct slot){ SLOT_OPEN, a.amount, ends };
				reach(&w, "a payout is signed and stored");
			}
	}
}

static void
others_act(const struct world *before)
{
	struct world w;
	size_t i;

	for (i = 0; i < WORKERS; i++) {
		w = *before;
		if (w.earned[i] == most_earned[i])
			continue;
		w.earned[i]++;
		w.books.earned[i]++;
		reach(&w, "a worker earns");
	}
	for (i = 0; i < NUMBERS && !before->canceled; i++) {
		w = *before;
		w.canceled = 1;
		if (w.facts[0][i].what != FACT_NONE)
			continue;
		w.facts[0][i] = (struct fact){ FACT_CANCELED, 0, w.now, 0 };
		reach(&w, "a nonce is canceled");
	}
	w = *before;
	if (!w.copied) {
		w.copied = 1;
		w.copy = w.books;
		reach(&w, "the ledger is copied");
	} else if (!w.was_restored) {
		w.was_restored = 1;
		w.restored = (uint8_t)(w.now + 1);
		w.books = w.copy;
		memset(&w.copy, 0, sizeof(w.copy));
		reach(&w, "the copy is restored");
	}
}

/* ---- It comes to an end ---- */

static void
honest_judge(struct world *w, uint8_t worker, uint8_t k)
{
	struct state s = chain_of(w, worker);
	struct model_payout p = payout_of(w, worker, k);
	struct transfer_authorization asked = {
		.to = { { 1 } }, .value = p.amount, .valid_before = p.ends
	};
	struct node_answer answers[3];
	struct judgment j;
	size_t i;

	if (w->books.slots[worker][k].state != SLOT_OPEN)
		return;
	for (i = 0; i <= liars; i++)
		answers[i] = honest_answer(&s, HONEST, &s.facts[k], &asked);
	verdict_make(&j, &asked, answers, liars + 1);
	(void)book(w, worker, k, &j);
}

static void
honest_run(struct world *w)
{
	struct gate_answer g;
	struct ask a;
	uint8_t i, k, ends;

	w->journal.run_sum = 0;
	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++)
			honest_judge(w, i, k);
	for (i = 0; i < WORKERS; i++)
		for (k = 0; k < NUMBERS; k++)
			(void)adopt_one(w, i, k);
	if (is_compared(w))
		w->restored = 0;
	for (i = 0; i < WORKERS; i++) {
		if (!next_ask(w, i, &a))
			continue;
		a.final = final_said(w, FINAL_HONEST);
		g = vault_decide(&w->journal, &a);
		if (g.instead_micros != 0 && g.instead_micros < a.amount)
			a.amount = (uint8_t)g.instead_micros;
		ends = sign(w, &a);
		if (ends == 0)
			continue;
		k = (uint8_t)(a.number - 1);
		w->books.slots[i][k] =
		    (struct slot){ SLOT_OPEN, a.amount, ends };
		if (w->facts[i][k].what == FACT_NONE)
			w->facts[i][k] =
			    (struct fact){ FACT_PAID, a.amount, w->now, 0 };
	}
}

#define ROUNDS 12

/* All nodes are honest from now on, and the facilitator settles. */
static void
must_end(const struct world *before)
{
	struct world w = *before;
	size_t i, round;
	bool ended = false;

	for (round = 0; round < ROUNDS && !ended && !failed; round++) {
		honest_run(&w);
		w.now++;
		for (i = 0, ended = w.restored == 0; i < WORKERS; i++)
			ended = ended && !has_open(&w.books, i) &&
			    balance_of(&w.books, i) == 0 &&
			    chain_paid(&w, i) == w.books.earned[i];
	}
	if (!ended)
		violated(&w, "not all is paid in the end");
}

/*
 * A ledger that has lost that a number is canceled asks for it again, and for
 * what was signed under a later one meanwhile: the vault refuses that as more
 * than was earned, which a finding says, until a person begins a new journal.
 */
static bool
is_of_a_person(const struct world *w, bool cancels)
{
	return cancels && w->canceled && w->was_restored;
}

static void
explore_runs(size_t with_liars, bool cancels)
{
	struct world first, w;

	rule.caps = (struct gate_caps){ 2, 2, 2, 2 };
	liars = with_liars;
	memset(&first, 0, sizeof(first));
	/* A cancellation is enough for one worker. */
	first.canceled = !cancels;
	most_earned[0] = 2;
	most_earned[1] = !cancels;
	from = 0;
	reach(&first, "nothing yet");
	for (; from < states.n && !failed; from++) {
		memcpy(&w, states_at(&states, from), sizeof(w));
		time_passes(&w);
		settle(&w);
		others_act(&w);
		judge(&w);
		compare(&w);
		if (w.journal.n < 3)
			pay(&w);
		if (from % 16 == 0 && !is_of_a_person(&w, cancels))
			must_end(&w);
	}
	tap_ok(!failed,
	    "with one honest node and %zu that say anything: the vault signs no more than the caps, nobody gets more than was earned, and all is paid in the end",
	    liars);
	tap_ok(finals > 0 && voids > 0 && adoptions > 0,
	    "and payouts were made final, voided and adopted");
	printf("# %zu states; %lu final, %lu void, %lu adopted\n", states.n,
	    finals, voids, adoptions);
	states_free(&states);
	judged_free();
}

int
main(void)
{
	test_forged();
	explore_runs(2, true);
	explore_runs(1, false);
	vault_close();
	return tap_done();
}
