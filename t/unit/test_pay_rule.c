/*
 * The rule by which payouts are booked, held against every way in which one
 * honest node and one or two others can answer, in every order of what can
 * happen to a worker's payouts: blocks come and are replaced, whoever has an
 * authorization settles it or not, a nonce is canceled, the ledger is copied
 * and restored, and the payout program is killed after any of its steps.
 *
 * The chain, the ledger and the nodes are abstract; the verdict, what it books
 * and what is adopted are the program's own functions (verdict_make,
 * booking_of, history_is_final, lost_use_of). All states that can be reached
 * are visited, so nothing is random and nothing is timed. In each of them:
 * - what is final in the ledger is on the chain, in a block that is final;
 * - what is void can't be settled any more, as far as the ledger has signed it;
 * - the worker has got no more than was earned;
 * - no credit is lost: what isn't owed, in flight or on the chain never was.
 */
#include "pay_model.h"

#include "eth/hex.h"
#include "evm/history.h"
#include "pay/adopt.h"
#include "pay/book.h"

static const char *trail[256];
static size_t depth;
static bool failed;
static unsigned long finals, voids, adoptions, posts;

static struct states seen = { .size = sizeof(struct state) };

static void
violated(const char *what)
{
	size_t i;

	if (failed)
		return;
	failed = true;
	printf("# with %zu nodes: %s, after\n", liars + 1, what);
	for (i = 0; i < depth; i++)
		printf("#   %s\n", trail[i]);
}

/* ---- The ledger ---- */

static void visit(const struct state *s, const char *what);

static void
take(struct ledger *l, uint8_t amount)
{
	/* What the balance hasn't is credit that a restore has lost. */
	if (amount > l->balance) {
		l->earned = (uint8_t)(l->earned + amount - l->balance);
		l->balance = amount;
	}
	l->balance = (uint8_t)(l->balance - amount);
}

static void
book_final(struct state *s, struct model_payout *p, const struct judgment *j)
{
	const struct fact *f = &s->facts[p->seq - 1];
	struct ledger *l = &s->ledger;
	struct node_answer truth = { .name = "truth" };

	finals++;
	set_fact(&truth, f);
	if (f->what != FACT_PAID || f->height > final_of(s->height) ||
	    f->value != j->value || j->to.b[0] != 1 ||
	    memcmp(j->tx, truth.use.tx, sizeof(j->tx)) != 0 ||
	    memcmp(&j->block, &truth.block, sizeof(j->block)) != 0)
		violated("a payout is final, and the chain hasn't that");
	if (j->value > p->amount)
		take(l, (uint8_t)(j->value - p->amount));
	else
		l->balance = (uint8_t)(l->balance + p->amount - j->value);
	p->state = PAYOUT_FINAL;
	p->paid = (uint8_t)j->value;
	p->posted = 0;
}

/* Its own authorization has ended for good, or the nonce is canceled, too. */
static void
book_void(struct state *s, struct model_payout *p, const struct judgment *j)
{
	const struct fact *f = &s->facts[p->seq - 1];
	bool canceled = j->verdict == VERDICT_CANCELED;

	voids++;
	if (p->ends == 0 || p->ends > final_of(s->height) ||
	    (f->what != FACT_NONE && f->height <= final_of(s->height) &&
		f->what != (canceled ? FACT_CANCELED : FACT_NONE)) ||
	    (canceled && f->what != FACT_CANCELED))
		violated("a payout is void that can still be settled, or was");
	p->state = PAYOUT_VOIDED;
	p->paid = p->posted = 0;
	p->canceled = canceled;
	s->ledger.balance = (uint8_t)(s->ledger.balance + p->amount);
}

/* What the program would do with this judgment of the i-th payout. */
static void
book(const struct state *before, size_t i, const struct judgment *j,
    uint64_t head)
{
	struct state s = *before;
	struct model_payout *p = &s.ledger.payouts[i];
	struct payment posted = { .block = p->posted };

	/* Whichever transaction it was: posting it again changes nothing. */
	switch (booking_of((enum payout_state)p->state, &posted, j, head)) {
	case BOOKING_NONE:
	case BOOKING_NOTE:
		return;
	case BOOKING_POST:
		posts++;
		if (j->value != p->amount || j->to.b[0] != 1)
			violated("what wasn't asked for is posted");
		p->state = PAYOUT_POSTED;
		p->paid = p->amount;
		p->posted = (uint8_t)j->block.number;
		break;
	case BOOKING_UNPOST:
		p->state = PAYOUT_SUBMITTED;
		p->paid = p->posted = 0;
		break;
	case BOOKING_FINAL:
		book_final(&s, p, j);
		break;
	case BOOKING_VOID:
		book_void(&s, p, j);
		break;
	}
	visit(&s, "a payout is judged and booked");
}

static void
judge(const struct state *s)
{
	const struct model_payout *p;
	const struct judged *all;
	size_t i, k;
	int how;

	for (i = 0; i < PAYOUTS_MAX; i++) {
		p = &s->ledger.payouts[i];
		if (p->seq == 0 || p->state == PAYOUT_FINAL ||
		    p->state == PAYOUT_VOIDED)
			continue;
		for (how = 0; how < HONEST_KINDS; how++) {
			all = judgments_of(s, (enum honest)how, p);
			for (k = 0; k < all->n && !failed; k++)
				book(s, i, &all->all[k],
				    how == HONEST_DOWN ? LIE_BLOCK : s->height);
		}
	}
}

/* Whether a payout is open: neither final nor void. */
static bool
has_open(const struct ledger *l)
{
	size_t i;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq != 0 &&
		    l->payouts[i].state < PAYOUT_FINAL)
			return true;
	return false;
}

static struct model_payout *
free_payout(struct ledger *l)
{
	size_t i;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq == 0)
			return &l->payouts[i];
	return NULL;
}

/* Whether a number can't be given any more; see query payees. */
static bool
is_taken(const struct ledger *l, uint8_t seq)
{
	size_t i;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq == seq &&
		    (l->payouts[i].state != PAYOUT_VOIDED ||
			l->payouts[i].canceled))
			return true;
	return false;
}

static bool
is_known(const struct ledger *l, uint8_t seq)
{
	size_t i;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq == seq &&
		    l->payouts[i].state != PAYOUT_VOIDED)
			return true;
	return false;
}

/* ---- Adoption ---- */

/* A use as these nodes show it; whoever isn't honest calls all final. */
static void
adopt_shown(const struct state *before, uint8_t seq, uint8_t value,
    uint8_t height, bool honest, unsigned liars_mask, bool down)
{
	struct history_shown shown = { .use = {
					   .value = value, .block = height } };
	uint64_t ends[3] = { final_of(before->height), LIE_BLOCK, LIE_BLOCK };
	struct state s = *before;
	struct model_payout *p = free_payout(&s.ledger);

	if (down)
		ends[0] = 0;
	shown.nodes = (honest && !down ? 1U : 0) | liars_mask << 1;
	shown.is_final = history_is_final(&shown, ends, liars + 1);
	shown.is_shared = true;
	if (p == NULL ||
	    lost_use_of(&shown, true, has_open(&s.ledger)) != LOST_ADOPTED)
		return;
	adoptions++;
	if (s.facts[seq - 1].what != FACT_PAID ||
	    s.facts[seq - 1].value != value ||
	    s.facts[seq - 1].height > final_of(s.height))
		violated("what isn't final on the chain is adopted");
	take(&s.ledger, value);
	*p = (struct model_payout){ .seq = seq,
		.state = PAYOUT_FINAL,
		.amount = value,
		.paid = value };
	visit(&s, "a lost payment is adopted");
}

static void
adopt(const struct state *s)
{
	const struct fact *f;
	unsigned mask;
	uint8_t seq;
	int down;

	for (seq = 1; seq <= SEQ_MAX; seq++) {
		f = &s->facts[seq - 1];
		if (is_known(&s->ledger, seq))
			continue;
		for (mask = 0; mask < 1U << liars; mask++)
			for (down = 0; down < 2; down++) {
				if (f->what == FACT_PAID)
					adopt_shown(s, seq, f->value, f->height,
					    true, mask, down);
				adopt_shown(
				    s, seq, LIE_VALUE, 0, false, mask, down);
			}
	}
}

/* ---- What can happen ---- */

/* The whole balance is reserved, signed and sent. */
static void
pay(const struct state *before)
{
	struct state s = *before;
	struct model_payout *p = free_payout(&s.ledger);
	uint8_t seq = 1;
	size_t i;

	while (is_taken(&s.ledger, seq))
		seq++;
	for (i = 0; i < SIGNED_MAX; i++)
		if (s.held[i].seq == 0)
			break;
	if (p == NULL || seq > SEQ_MAX || i == SIGNED_MAX ||
	    s.ledger.balance == 0 || has_open(&s.ledger))
		return;
	*p = (struct model_payout){
		.seq = seq, .state = PAYOUT_RESERVED, .amount = s.ledger.balance
	};
	s.ledger.balance = 0;
	visit(&s, "a payout is reserved, and the program killed");
	p->ends = (uint8_t)(s.height + VALID_BLOCKS);
	p->state = PAYOUT_SUBMITTED;
	s.held[i] = (struct authorization){ seq, p->amount, p->ends };
	visit(&s, "a payout is signed and sent");
}

/* One that was reserved, when the program was killed. */
static void
resume(const struct state *before)
{
	struct state s = *before;
	struct model_payout *p;
	size_t i, k;

	for (k = 0; k < SIGNED_MAX && s.held[k].seq != 0; k++)
		continue;
	for (i = 0; k < SIGNED_MAX && i < PAYOUTS_MAX; i++) {
		p = &s.ledger.payouts[i];
		if (p->seq == 0 || p->state != PAYOUT_RESERVED)
			continue;
		p->ends = (uint8_t)(s.height + VALID_BLOCKS);
		p->state = PAYOUT_SUBMITTED;
		s.held[k] =
		    (struct authorization){ p->seq, p->amount, p->ends };
		visit(&s, "a reserved payout is signed and sent");
		return;
	}
}

/* Whoever holds an authorization settles it. */
static void
settle(const struct state *before)
{
	struct state s;
	size_t i;

	for (i = 0; i < SIGNED_MAX; i++) {
		s = *before;
		if (s.held[i].seq == 0 || s.held[i].ends <= s.height ||
		    s.facts[s.held[i].seq - 1].what != FACT_NONE)
			continue;
		s.facts[s.held[i].seq - 1] = (struct fact){ FACT_PAID,
			s.held[i].value, s.height, s.fork };
		visit(&s, "an authorization is settled");
	}
}

static void
blocks(const struct state *before)
{
	struct state s = *before;
	size_t i;

	if (s.height < HEIGHT_MAX) {
		s.height++;
		visit(&s, "a block comes");
	}
	s = *before;
	if (s.reorged || s.height == 0)
		return;
	s.reorged = 1;
	s.fork = 1;
	for (i = 0; i < SEQ_MAX; i++)
		if (s.facts[i].height > final_of(s.height))
			memset(&s.facts[i], 0, sizeof(s.facts[i]));
	visit(&s, "the newest block is replaced by an empty one");
}

static void
operator_acts(const struct state *before)
{
	struct state s = *before;
	uint8_t seq;

	for (seq = 1; !s.canceled && seq <= SEQ_MAX; seq++) {
		s = *before;
		if (s.facts[seq - 1].what != FACT_NONE)
			continue;
		s.canceled = 1;
		s.facts[seq - 1] =
		    (struct fact){ FACT_CANCELED, 0, s.height, s.fork };
		visit(&s, "a nonce is canceled");
		s = *before;
	}
	s = *before;
	if (!s.copied) {
		s.copied = 1;
		s.copy = s.ledger;
		visit(&s, "the ledger is copied");
	}
	s = *before;
	if (s.copied && !s.restored) {
		s.restored = 1;
		s.ledger = s.copy;
		memset(&s.copy, 0, sizeof(s.copy));
		visit(&s, "the copy is restored");
	}
}

static void
work(const struct state *before)
{
	struct state s = *before;

	if (s.earned == EARNED_MAX)
		return;
	s.earned++;
	s.ledger.earned++;
	s.ledger.balance++;
	visit(&s, "the worker earns");
}

/* ---- What must hold ---- */

static void
check(const struct state *s)
{
	const struct ledger *l = &s->ledger;
	unsigned paid = 0, all = l->balance;
	size_t i;

	for (i = 0; i < SEQ_MAX; i++)
		if (s->facts[i].what == FACT_PAID)
			paid += s->facts[i].value;
	if (paid > s->earned)
		violated("the worker has got more than was earned");
	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].state == PAYOUT_FINAL)
			all += l->payouts[i].paid;
		else if (l->payouts[i].state != PAYOUT_VOIDED)
			all += l->payouts[i].amount;
	if (all != l->earned)
		violated("credit was lost, or made");
}

/* ---- All states ---- */

/* Payouts that expired have no effect any more: their number is free. */
static void
forget_void(struct ledger *l)
{
	size_t i, n = 0;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq != 0 &&
		    (l->payouts[i].state != PAYOUT_VOIDED ||
			l->payouts[i].canceled))
			l->payouts[n++] = l->payouts[i];
	memset(&l->payouts[n], 0, (PAYOUTS_MAX - n) * sizeof(l->payouts[0]));
}

/* What can make no difference any more is the same in all states. */
static void
simplify(struct state *s)
{
	struct authorization swap;
	size_t i, k, n = 0;

	for (i = 0; i < SEQ_MAX; i++)
		if (s->facts[i].what != FACT_NONE &&
		    s->facts[i].height < final_of(s->height))
			s->facts[i].height = s->facts[i].fork = 0;
	for (i = 0; i < SIGNED_MAX; i++)
		if (s->held[i].seq != 0 && s->held[i].ends > s->height)
			s->held[n++] = s->held[i];
	memset(&s->held[n], 0, (SIGNED_MAX - n) * sizeof(s->held[0]));
	for (i = 0; i < n; i++)
		for (k = i + 1; k < n; k++)
			if (memcmp(&s->held[i], &s->held[k], sizeof(swap)) >
			    0) {
				swap = s->held[i];
				s->held[i] = s->held[k];
				s->held[k] = swap;
			}
	forget_void(&s->ledger);
	forget_void(&s->copy);
}

static void
visit(const struct state *given, const char *what)
{
	struct state plain = *given;
	const struct state *s = &plain;

	simplify(&plain);
	if (failed || !states_add(&seen, s, 0, what))
		return;
	CHECK(depth < sizeof(trail) / sizeof(trail[0]));
	trail[depth++] = what;
	check(s);
	if (!failed) {
		work(s);
		blocks(s);
		settle(s);
		operator_acts(s);
		judge(s);
		adopt(s);
		pay(s);
		resume(s);
	}
	depth--;
}

static void
explore(size_t with_liars)
{
	struct state first;

	liars = with_liars;
	memset(&first, 0, sizeof(first));
	visit(&first, "nothing yet");
	tap_ok(!failed,
	    "with one honest node and %zu that say anything: what is final is on the chain, nobody gets more than was earned, and no credit is lost",
	    liars);
	tap_ok(finals > 0 && voids > 0 && adoptions > 0 && posts > 0,
	    "and payouts were posted, made final, voided and adopted");
	printf("# %zu states; %lu posted, %lu final, %lu void, %lu adopted\n",
	    seen.n, posts, finals, voids, adoptions);
	states_free(&seen);
	judged_free();
	finals = voids = adoptions = posts = 0;
}

/* What the token can't have moved, though all nodes say so alike. */
static void
test_amounts(void)
{
	static const uint64_t amounts[] = { 0, (uint64_t)INT64_MAX + 1,
		UINT64_MAX };
	struct judgment j = {
		.verdict = VERDICT_PAID, .is_final = true, .as_asked = true
	};
	size_t i;

	for (i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		j.value = amounts[i];
		tap_ok(booking_of(PAYOUT_SUBMITTED, NULL, &j, LIE_BLOCK) ==
			BOOKING_NOTE,
		    "a payment of %" PRIu64 " micro-USDC isn't booked",
		    amounts[i]);
	}
}

/* A block is replaced by one of its number, with the payment in it or not. */
static void
test_replaced(void)
{
	struct payment posted = { .block = 5 };
	struct judgment j = {
		.verdict = VERDICT_PAID, .as_asked = true, .value = 1
	};

	j.block.number = 5;
	hex_encode(posted.tx, j.tx, sizeof(j.tx));
	tap_ok(booking_of(PAYOUT_POSTED, &posted, &j, 9) == BOOKING_NONE,
	    "what is posted stays as it is");
	j.tx[31] ^= 1;
	tap_ok(booking_of(PAYOUT_POSTED, &posted, &j, 9) == BOOKING_POST,
	    "another transaction in a block of the same number is posted");
	j.tx[31] ^= 1;
	j.block.number = 6;
	tap_ok(booking_of(PAYOUT_POSTED, &posted, &j, 9) == BOOKING_POST,
	    "and the same one in another block");
}

/* A use that the ledger doesn't know, and one node alone shows. */
static void
test_alone(void)
{
	struct history_shown s = { .is_final = false, .is_shared = false };

	tap_ok(lost_use_of(&s, true, false) == LOST_IGNORED &&
		lost_use_of(&s, true, true) == LOST_IGNORED &&
		lost_use_of(&s, false, false) == LOST_IGNORED,
	    "what one node shows alone keeps nobody waiting");
	s.is_shared = true;
	tap_ok(lost_use_of(&s, true, false) == LOST_WAITS,
	    "what several show does, until it is final");
}

int
main(void)
{
	test_alone();
	test_amounts();
	test_replaced();
	explore(1);
	explore(2);
	return tap_done();
}
