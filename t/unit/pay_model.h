/*
 * The abstract chain and its nodes of t/unit/test_pay_rule.c and
 * test_vault_model.c: what can be true, what an honest node says of it and what
 * others may, and the judgments that all mixtures of these lead to.
 */
#ifndef WORKNET_T_PAY_MODEL_H
#define WORKNET_T_PAY_MODEL_H

#include "evm/verdict.h"
#include "ledger/payout.h"
#include "states.h"
#include "tap.h"

#define HEIGHT_MAX   5 /* blocks; a block's time is its number */
#define FINAL_DEPTH  1 /* blocks behind the newest */
#define VALID_BLOCKS 2 /* how long an authorization lives */
#define SEQ_MAX	     3
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
	uint8_t posted; /* the height of the block it was seen in */
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
	hash_make(
	    a->use.tx, f->what, f->value, (uint8_t)(f->height * 2 + f->fork));
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
	LIE_PAID, /* as it was asked for */
	LIE_AMOUNT,
	LIE_PAYEE,
	LIE_CANCELED,
	LIE_TRUTH,	  /* but final at once */
	LIE_OTHER_AMOUNT, /* the truth, but for this */
	LIE_OTHER_PAYEE,
	LIE_OTHER_TX,
	LIE_OTHER_BLOCK, /* by its hash */
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
#define VIEWS_MAX     (1 << 14) /* a power of two */

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

static struct judged *judged[VIEWS_MAX]; /* by their hash */

static void
judged_add(struct judged *j, const struct judgment *g)
{
	struct judgment plain = *g;
	size_t i;

	memset(plain.reason, 0, sizeof(plain.reason));
	plain.has_alone = false;
	plain.is_unshared = false;
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

	honest =
	    honest_answer(s, (enum honest)j->view.how, &j->view.fact, &asked);
	for (first = 0; first < LIES; first++)
		for (second = 0; second < (liars == 2 ? LIES : 1); second++)
			for (at = 0; at <= liars; at++) {
				for (i = k = 0; i <= liars; i++)
					answers[i] = i == at
					    ? honest
					    : lie_answer(
						  (enum lie)(k++ == 0 ? first
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
	size_t i, tried;

	memset(&v, 0, sizeof(v));
	v.height = s->height;
	v.how = (uint8_t)how;
	v.fact = s->facts[p->seq - 1];
	v.amount = p->amount;
	v.ends = p->ends;
	i = states_hash(&v, sizeof(v)) & (VIEWS_MAX - 1);
	for (tried = 0; judged[i] != NULL; tried++) {
		CHECK(tried < VIEWS_MAX);
		if (memcmp(&judged[i]->view, &v, sizeof(v)) == 0)
			return judged[i];
		i = (i + 1) & (VIEWS_MAX - 1);
	}
	judged[i] = calloc(1, sizeof(*judged[i]));
	CHECK(judged[i] != NULL);
	judged[i]->view = v;
	judged_make(judged[i], s);
	return judged[i];
}

static void
judged_free(void)
{
	size_t i;

	for (i = 0; i < VIEWS_MAX; i++)
		free(judged[i]);
	memset(judged, 0, sizeof(judged));
}

#endif
