#include "evm/verdict.h"

#include <stdio.h>
#include <string.h>

bool
verdict_is_own_final(const struct node_answer *a)
{
	return a->block.number <= a->final.number;
}

static bool
is_event(const struct node_answer *a)
{
	return a->says == NODE_SAYS_PAID || a->says == NODE_SAYS_CANCELED;
}

static bool
is_as_asked(
    const struct node_answer *a, const struct transfer_authorization *asked)
{
	return memcmp(a->use.to.b, asked->to.b, sizeof(asked->to.b)) == 0 &&
	    a->use.value == asked->value;
}

/* The same event: kind, transaction, block, payee and amount. */
static bool
is_same_event(const struct node_answer *a, const struct node_answer *b)
{
	return a->says == b->says &&
	    memcmp(a->use.tx, b->use.tx, sizeof(a->use.tx)) == 0 &&
	    a->block.number == b->block.number &&
	    memcmp(a->block.hash, b->block.hash, sizeof(a->block.hash)) == 0 &&
	    memcmp(a->use.to.b, b->use.to.b, sizeof(a->use.to.b)) == 0 &&
	    a->use.value == b->use.value;
}

/* All n show a's event, each in a block that is final for itself. */
static bool
is_agreed(const struct node_answer *a, const struct node_answer *all, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!is_same_event(a, &all[i]) ||
		    !verdict_is_own_final(&all[i]))
			return false;
	return true;
}

/* Unused in a final block in which it can't be settled any more. */
static bool
is_expired(
    const struct node_answer *a, const struct transfer_authorization *asked)
{
	return a->says == NODE_SAYS_EXPIRED && verdict_is_own_final(a) &&
	    a->block.time_s >= asked->valid_before;
}

/*
 * True when node b denies a's event in what b calls final. A node that hasn't
 * come as far as that block denies nothing, nor does one that doesn't answer.
 */
static bool
is_denied(const struct node_answer *a, const struct node_answer *b)
{
	switch (b->says) {
	case NODE_SAYS_PAID:
	case NODE_SAYS_CANCELED:
		return verdict_is_own_final(a) && verdict_is_own_final(b) &&
		    !is_same_event(a, b);
	case NODE_SAYS_EXPIRED:
		return true;
	case NODE_SAYS_UNUSED:
		return b->final.number >= a->block.number;
	case NODE_SAYS_NOTHING:
	case NODE_SAYS_UNCLEAR:
		break;
	}
	return false;
}

/* Whether two answers contradict one another; node but's is left out. */
static bool
is_contradicted(const struct node_answer *all, size_t n, size_t but)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; i != but && is_event(&all[i]) && k < n; k++)
			if (k != i && k != but && is_denied(&all[i], &all[k]))
				return true;
	return false;
}

bool
verdict_is_suspect(const struct node_answer *answers, size_t n, size_t i)
{
	bool has_one = false;
	size_t k;

	for (k = 0; k < n; k++)
		has_one |= !is_contradicted(answers, n, k);
	return has_one ? !is_contradicted(answers, n, i)
		       : answers[i].says != NODE_SAYS_NOTHING;
}

/* The one node that shows an event; NULL: none does, or several. */
static const struct node_answer *
only_of(const struct node_answer *all, size_t n)
{
	const struct node_answer *only = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		if (is_event(&all[i])) {
			if (only != NULL)
				return NULL;
			only = &all[i];
		}
	return only;
}

/*
 * Whether another node says "unused" of what one alone shows: having that
 * block (has_alone), or at least with a newest one that is hardly older. A
 * node that stands still has no say.
 */
static void
find_alone(struct judgment *out, const struct node_answer *all, size_t n)
{
	const struct node_answer *a, *only = only_of(all, n);

	for (a = all; only != NULL && a < all + n; a++) {
		if (a->says != NODE_SAYS_UNUSED && a->says != NODE_SAYS_EXPIRED)
			continue;
		out->has_alone |= a->latest.number >= only->block.number;
		out->is_unshared |= out->has_alone ||
		    a->latest.time_s + STANDS_AFTER_S >= only->block.time_s;
	}
	out->alone = out->has_alone ? (size_t)(only - all) : 0;
}

/*
 * The payment that the verdict is about: one as asked before any other, then
 * one that is final for its node; NULL: none is shown.
 */
static const struct node_answer *
paid_of(const struct transfer_authorization *asked,
    const struct node_answer *all, size_t n)
{
	const struct node_answer *best = NULL;
	int rank, best_rank = -1;
	size_t i;

	for (i = 0; i < n; i++) {
		if (all[i].says != NODE_SAYS_PAID)
			continue;
		rank = 2 * is_as_asked(&all[i], asked) +
		    verdict_is_own_final(&all[i]);
		if (rank > best_rank) {
			best = &all[i];
			best_rank = rank;
		}
	}
	return best;
}

static void
make_paid(struct judgment *out, const struct transfer_authorization *asked,
    const struct node_answer *paid, const struct node_answer *all, size_t n)
{
	out->verdict = VERDICT_PAID;
	out->to = paid->use.to;
	out->value = paid->use.value;
	out->as_asked = is_as_asked(paid, asked);
	memcpy(out->tx, paid->use.tx, sizeof(out->tx));
	out->block = paid->block;
	out->is_final = is_agreed(paid, all, n);
}

/*
 * Every node says canceled. That is final when they agree in final blocks and
 * each has one past the authorization's end: a nonce that isn't canceled after
 * all can't be used any more then, and its credit can go back.
 */
static void
make_canceled(struct judgment *out, const struct transfer_authorization *asked,
    const struct node_answer *all, size_t n)
{
	bool ended = true;
	size_t i;

	for (i = 0; i < n; i++)
		ended &= all[i].final.time_s >= asked->valid_before;
	out->verdict = VERDICT_CANCELED;
	out->is_final = ended && is_agreed(&all[0], all, n);
	out->block = all[0].block;
	memcpy(out->tx, all[0].use.tx, sizeof(out->tx));
}

static void
add_reasons(struct judgment *out, const struct node_answer *all, size_t n)
{
	char text[NODES_REASON_MAX + 1];
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "%s", all[i].why);
		if (is_event(&all[i]))
			(void)snprintf(text, sizeof(text),
			    "%.100s in block %llu, its final block is %llu",
			    all[i].why, (unsigned long long)all[i].block.number,
			    (unsigned long long)all[i].final.number);
		nodes_add_reason(out->reason, all[i].name, text);
	}
}

void
verdict_make(struct judgment *out, const struct transfer_authorization *asked,
    const struct node_answer *all, size_t n)
{
	const struct node_answer *paid = paid_of(asked, all, n);
	size_t i, unused = 0, expired = 0, silent = 0, unclear = 0;
	size_t canceled = 0, shown;

	memset(out, 0, sizeof(*out));
	for (i = 0; i < n; i++) {
		unused += all[i].says == NODE_SAYS_UNUSED ||
		    all[i].says == NODE_SAYS_EXPIRED;
		expired += is_expired(&all[i], asked);
		silent += all[i].says == NODE_SAYS_NOTHING;
		unclear += all[i].says == NODE_SAYS_UNCLEAR;
		canceled += all[i].says == NODE_SAYS_CANCELED;
	}
	if (paid != NULL) {
		make_paid(out, asked, paid, all, n);
	} else if (canceled == n) {
		make_canceled(out, asked, all, n);
	} else if (expired == n) {
		out->verdict = VERDICT_EXPIRED_UNUSED;
		out->is_final = true;
		out->block = all[0].block;
	} else if (unused > 0 && unused + silent == n) {
		out->verdict = VERDICT_UNUSED;
	}
	out->contradicted = is_contradicted(all, n, n);
	shown = n - unused - silent - unclear;
	out->is_told = silent + unclear == 0 && (shown == 0 || shown == n);
	find_alone(out, all, n);
	add_reasons(out, all, n);
}

const char *
verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_UNUSED] = "unused",
		[VERDICT_PAID] = "paid",
		[VERDICT_CANCELED] = "canceled",
		[VERDICT_EXPIRED_UNUSED] = "expired unused",
	};

	return names[verdict];
}
