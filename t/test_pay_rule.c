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
 * - the worker has got no more than was earned;
 * - no credit is lost: what isn't owed, in flight or on the chain never was.
 */
#include "eth/hex.h"
#include "evm/history.h"
#include "evm/verdict.h"
#include "pay/adopt.h"
#include "pay/book.h"
#include "tap.h"

#define HEIGHT_MAX   6 /* blocks; a block's time is its number */
#define FINAL_DEPTH  1 /* blocks behind the newest */
#define VALID_BLOCKS 2 /* how long an authorization lives */
#define SEQ_MAX	     2
#define PAYOUTS_MAX  3 /* in a ledger */
#define SIGNED_MAX   3 /* authorizations, in all ledgers */
#define EARNED_MAX   2
#define LIE_BLOCK    100 /* a liar's newest and final block */
#define LIE_VALUE    7

/* What the chain knows of a nonce. */
struct fact {
	uint8_t what; /* 0: nothing */
	uint8_t value;
	uint8_t height;
	uint8_t fork; /* which block of that height */
};

enum { FACT_NONE, FACT_PAID, FACT_CANCELED };

struct model_payout {
	uint8_t seq; /* 0: there is none */
	uint8_t state;
	uint8_t amount;
	uint8_t paid;
	uint8_t ends; /* its authorization; 0: isn't signed */
	uint8_t canceled;
	struct fact posted;
};

struct ledger {
	uint8_t balance;
	uint8_t earned; /* credit in it, recovered credit, too */
	struct model_payout payouts[PAYOUTS_MAX];
};

struct authorization {
	uint8_t seq; /* 0: none */
	uint8_t value;
	uint8_t ends;
};

/* Bytes only: states are compared as such. */
struct state {
	uint8_t height;
	uint8_t fork;
	uint8_t reorged;
	uint8_t canceled;
	uint8_t copied;
	uint8_t restored;
	uint8_t earned; /* by the worker, in truth */
	struct fact facts[SEQ_MAX];
	struct authorization held[SIGNED_MAX]; /* by whoever was sent them */
	struct ledger ledger;
	struct ledger copy;
};

static size_t liars; /* besides the honest node */
static const char *trail[256];
static size_t depth;
static bool failed;
static unsigned long finals, voids, adoptions, posts;

/* ---- States that were visited ---- */

static struct {
	struct state *all;
	size_t n, cap;
	size_t *slots;
	size_t slot_count;
} seen;

static size_t
slot_of(const struct state *s)
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < sizeof(*s); i++)
		h = (h ^ p[i]) * UINT64_C(1099511628211);
	for (i = (size_t)(h ^ h >> 29) & (seen.slot_count - 1);
	     seen.slots[i] != 0 &&
	     memcmp(&seen.all[seen.slots[i] - 1], s, sizeof(*s)) != 0;
	     i = (i + 1) & (seen.slot_count - 1))
		continue;
	return i;
}

static void
seen_grow(void)
{
	size_t i;

	seen.slot_count = seen.slot_count == 0 ? 1 << 16 : 2 * seen.slot_count;
	free(seen.slots);
	seen.slots = calloc(seen.slot_count, sizeof(*seen.slots));
	CHECK(seen.slots != NULL);
	for (i = 0; i < seen.n; i++)
		seen.slots[slot_of(&seen.all[i])] = i + 1;
}

/* False when it was there before. */
static bool
seen_add(const struct state *s)
{
	size_t i;

	if (2 * seen.n >= seen.slot_count)
		seen_grow();
	i = slot_of(s);
	if (seen.slots[i] != 0)
		return false;
	if (seen.n == seen.cap) {
		seen.cap = seen.cap == 0 ? 1 << 16 : 2 * seen.cap;
		seen.all = reallocarray(seen.all, seen.cap, sizeof(*s));
		CHECK(seen.all != NULL);
	}
	seen.all[seen.n++] = *s;
	seen.slots[i] = seen.n;
	return true;
}

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

/* ---- What nodes answer ---- */

static uint8_t
final_of(uint8_t height)
{
	return height < FINAL_DEPTH ? 0 : (uint8_t)(height - FINAL_DEPTH);
}

/* A transaction, or a block, by what is in it. */
static void
hash_make(uint8_t out[static 32], uint8_t a, uint8_t b, uint8_t c)
{
	memset(out, 0, 32);
	out[0] = a;
	out[1] = b;
	out[2] = c;
	out[31] = 1;
}

static void
set_fact(struct node_answer *a, const struct fact *f)
{
	a->says = f->what == FACT_PAID ? NODE_SAYS_PAID : NODE_SAYS_CANCELED;
	a->use.canceled = f->what == FACT_CANCELED;
	a->use.to.b[0] = 1;
	a->use.value = f->value;
	hash_make(a->use.tx, f->what, f->value,
	    (uint8_t)(f->height * 2 + f->fork));
	a->block.number = a->block.time_s = f->height;
	hash_make(a->block.hash, 9, f->height, f->fork);
}

enum honest { HONEST, HONEST_BEHIND, HONEST_DOWN, HONEST_KINDS };

static struct node_answer
honest_answer(const struct state *s, enum honest how, const struct fact *f,
    const struct transfer_authorization *asked)
{
	struct node_answer a = { .name = "honest" };
	uint8_t height = s->height;

	if (how == HONEST_DOWN)
		return a;
	if (how == HONEST_BEHIND && height > 0)
		height--;
	a.latest.number = a.latest.time_s = height;
	a.final.number = a.final.time_s = final_of(height);
	if (f->what != FACT_NONE && f->height <= height) {
		set_fact(&a, f);
	} else if (a.final.time_s >= asked->valid_before) {
		a.says = NODE_SAYS_EXPIRED;
		a.block = a.final;
	} else {
		a.says = NODE_SAYS_UNUSED;
	}
	return a;
}

enum lie {
	LIE_SILENT,
	LIE_UNUSED,
	LIE_EXPIRED,
	LIE_EXPIRED_EARLY, /* with a block whose time isn't past the end */
	LIE_UNCLEAR,
	LIE_PAID,	  /* as it was asked for */
	LIE_AMOUNT,
	LIE_PAYEE,
	LIE_CANCELED,
	LIE_TRUTH,	  /* but final at once */
	LIE_OTHER_AMOUNT, /* the truth, but for this */
	LIE_OTHER_PAYEE,
	LIE_OTHER_TX,
	LIE_OTHER_BLOCK,
	LIES,
};

/* A node whose every block is final, and whose clock is far ahead. */
static struct node_answer
lie_answer(enum lie lie, const struct fact *f,
    const struct transfer_authorization *asked)
{
	struct node_answer a = { .name = "liar" };
	struct fact invented = { .what = FACT_PAID,
		.value = (uint8_t)asked->value };

	a.latest.number = a.latest.time_s = LIE_BLOCK;
	a.final = a.latest;
	switch (lie) {
	case LIE_SILENT:
	case LIES:
		return a;
	case LIE_UNUSED:
		a.says = NODE_SAYS_UNUSED;
		return a;
	case LIE_UNCLEAR:
		a.says = NODE_SAYS_UNCLEAR;
		return a;
	case LIE_EXPIRED:
	case LIE_EXPIRED_EARLY:
		a.says = NODE_SAYS_EXPIRED;
		a.block = a.final;
		if (lie == LIE_EXPIRED_EARLY)
			a.block.time_s = 0;
		return a;
	case LIE_PAID:
	case LIE_AMOUNT:
	case LIE_PAYEE:
	case LIE_CANCELED:
		if (lie == LIE_AMOUNT)
			invented.value = LIE_VALUE;
		if (lie == LIE_CANCELED)
			invented.what = FACT_CANCELED;
		set_fact(&a, &invented);
		a.use.to.b[0] = lie == LIE_PAYEE ? 2 : 1;
		return a;
	case LIE_TRUTH:
	case LIE_OTHER_AMOUNT:
	case LIE_OTHER_PAYEE:
	case LIE_OTHER_TX:
	case LIE_OTHER_BLOCK:
		break;
	}
	if (f->what == FACT_NONE)
		return a;
	set_fact(&a, f);
	a.use.value += lie == LIE_OTHER_AMOUNT;
	a.use.to.b[0] ^= lie == LIE_OTHER_PAYEE;
	a.use.tx[9] ^= lie == LIE_OTHER_TX;
	a.block.hash[9] ^= lie == LIE_OTHER_BLOCK;
	return a;
}

/* ---- Judgments, each mixture once for one view of the chain ---- */

#define JUDGMENTS_MAX 64

struct view {
	uint8_t height;
	uint8_t how;
	struct fact fact;
	uint8_t amount;
	uint8_t ends;
};

struct judged {
	struct view view;
	size_t n;
	struct judgment all[JUDGMENTS_MAX];
};

static struct judged *judged;
static size_t judged_count;

static void
judged_add(struct judged *j, const struct judgment *g)
{
	struct judgment plain = *g;
	size_t i;

	memset(plain.reason, 0, sizeof(plain.reason));
	plain.has_alone = false;
	plain.contradicted = false;
	plain.alone = 0;
	for (i = 0; i < j->n; i++)
		if (memcmp(&j->all[i], &plain, sizeof(plain)) == 0)
			return;
	CHECK(j->n < JUDGMENTS_MAX);
	memcpy(&j->all[j->n++], &plain, sizeof(plain));
}

/* The honest node's place among them makes no difference that may count. */
static void
judged_make(struct judged *j, const struct state *s)
{
	struct transfer_authorization asked = { .to = { { 1 } },
		.value = j->view.amount,
		.valid_before = j->view.ends == 0 ? INT64_MAX : j->view.ends };
	struct node_answer answers[3], honest;
	struct judgment g;
	int first, second;
	size_t at, i, k;

	honest = honest_answer(
	    s, (enum honest)j->view.how, &j->view.fact, &asked);
	for (first = 0; first < LIES; first++)
		for (second = 0; second < (liars == 2 ? LIES : 1); second++)
			for (at = 0; at <= liars; at++) {
				for (i = k = 0; i <= liars; i++)
					answers[i] = i == at ? honest
					    : lie_answer((enum lie)(k++ == 0
							     ? first
							     : second),
						&j->view.fact, &asked);
				memset(&g, 0, sizeof(g));
				verdict_make(&g, &asked, answers, liars + 1);
				judged_add(j, &g);
			}
}

static const struct judged *
judgments_of(
    const struct state *s, enum honest how, const struct model_payout *p)
{
	struct view v;
	size_t i;

	memset(&v, 0, sizeof(v));
	v.height = s->height;
	v.how = (uint8_t)how;
	v.fact = s->facts[p->seq - 1];
	v.amount = p->amount;
	v.ends = p->ends;
	for (i = 0; i < judged_count; i++)
		if (memcmp(&judged[i].view, &v, sizeof(v)) == 0)
			return &judged[i];
	judged = reallocarray(judged, judged_count + 1, sizeof(*judged));
	CHECK(judged != NULL);
	memset(&judged[judged_count], 0, sizeof(*judged));
	judged[judged_count].view = v;
	judged_make(&judged[judged_count], s);
	return &judged[judged_count++];
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

	finals++;
	if (f->what != FACT_PAID || f->height > final_of(s->height) ||
	    f->value != j->value || j->to.b[0] != 1)
		violated("a payout is final, and the chain hasn't that");
	if (j->value > p->amount)
		take(l, (uint8_t)(j->value - p->amount));
	else
		l->balance = (uint8_t)(l->balance + p->amount - j->value);
	p->state = PAYOUT_FINAL;
	p->paid = (uint8_t)j->value;
	memset(&p->posted, 0, sizeof(p->posted));
}

/* What the program would do with this judgment of the i-th payout. */
static void
book(const struct state *before, size_t i, const struct judgment *j,
    uint64_t head)
{
	struct state s = *before;
	struct model_payout *p = &s.ledger.payouts[i];
	struct payment posted = { .block = p->posted.height };
	uint8_t tx[32];

	hash_make(tx, p->posted.what, p->posted.value,
	    (uint8_t)(p->posted.height * 2 + p->posted.fork));
	hex_encode(posted.tx, tx, sizeof(tx));
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
		p->posted = (struct fact){ j->tx[0], j->tx[1],
			(uint8_t)j->block.number, j->block.hash[2] };
		break;
	case BOOKING_UNPOST:
		p->state = PAYOUT_SUBMITTED;
		p->paid = 0;
		memset(&p->posted, 0, sizeof(p->posted));
		break;
	case BOOKING_FINAL:
		book_final(&s, p, j);
		break;
	case BOOKING_VOID:
		voids++;
		p->state = PAYOUT_VOIDED;
		p->paid = 0;
		p->canceled = j->verdict == VERDICT_CANCELED;
		memset(&p->posted, 0, sizeof(p->posted));
		s.ledger.balance = (uint8_t)(s.ledger.balance + p->amount);
		break;
	}
	visit(&s, "a payout is judged and booked");
}

static void
judge(const struct state *s)
{
	const struct model_payout *p;
	const struct judged *all;
	size_t i, k, count;
	int how;

	for (i = 0; i < PAYOUTS_MAX; i++) {
		p = &s->ledger.payouts[i];
		if (p->seq == 0 || p->state == PAYOUT_FINAL ||
		    p->state == PAYOUT_VOIDED)
			continue;
		for (how = 0; how < HONEST_KINDS; how++) {
			/* Others may be added to judged on the way. */
			count = judgments_of(s, (enum honest)how, p)->n;
			for (k = 0; k < count && !failed; k++) {
				all = judgments_of(s, (enum honest)how, p);
				struct judgment j = all->all[k];

				book(s, i, &j,
				    how == HONEST_DOWN ? LIE_BLOCK
						       : s->height);
			}
		}
	}
}

/* Whether a payout is open; below: in one of the states before that. */
static bool
is_open(const struct ledger *l, enum payout_state below)
{
	size_t i;

	for (i = 0; i < PAYOUTS_MAX; i++)
		if (l->payouts[i].seq != 0 && l->payouts[i].state < below)
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
	struct history_shown shown = { .use = { .value = value,
					   .block = height } };
	uint64_t ends[3] = { final_of(before->height), LIE_BLOCK, LIE_BLOCK };
	struct state s = *before;
	struct model_payout *p = free_payout(&s.ledger);

	if (down)
		ends[0] = 0;
	shown.nodes = (honest && !down ? 1U : 0) | liars_mask << 1;
	shown.is_final = history_is_final(&shown, ends, liars + 1);
	shown.is_shared = true;
	if (p == NULL ||
	    lost_use_of(&shown, true, is_open(&s.ledger, PAYOUT_POSTED)) !=
		LOST_ADOPTED)
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
					adopt_shown(s, seq, f->value,
					    f->height, true, mask, down);
				adopt_shown(s, seq, LIE_VALUE, 0, false, mask,
				    down);
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
	    s.ledger.balance == 0 || is_open(&s.ledger, PAYOUT_FINAL))
		return;
	*p = (struct model_payout){ .seq = seq,
		.state = PAYOUT_RESERVED,
		.amount = s.ledger.balance };
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
		s.held[k] = (struct authorization){ p->seq, p->amount,
			p->ends };
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
		s.facts[seq - 1] = (struct fact){ FACT_CANCELED, 0, s.height,
			s.fork };
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

static void
visit(const struct state *s, const char *what)
{
	if (failed || !seen_add(s))
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
	free(seen.all);
	free(seen.slots);
	free(judged);
	memset(&seen, 0, sizeof(seen));
	judged = NULL;
	judged_count = 0;
	finals = voids = adoptions = posts = 0;
}

int
main(void)
{
	explore(1);
	explore(2);
	return tap_done();
}
