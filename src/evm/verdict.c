/* How the looks of several nodes at one case make a verdict: see nodes.h. */
#include <stdio.h>
#include <string.h>

#include "evm/judge.h"

static bool
same_payment(const struct look *a, const struct look *b)
{
	return memcmp(a->use.tx, b->use.tx, sizeof(a->use.tx)) == 0 &&
	    memcmp(a->block.hash, b->block.hash, sizeof(a->block.hash)) == 0;
}

static size_t
count_of(const struct look *looks, size_t n, enum look_result result)
{
	size_t i, count = 0;

	for (i = 0; i < n; i++)
		count += looks[i].result == result;
	return count;
}

/* The first look with this result, a final one before others; or NULL. */
static const struct look *
best_of(const struct look *looks, size_t n, enum look_result result)
{
	const struct look *best = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		if (looks[i].result == result &&
		    (best == NULL || (looks[i].is_final && !best->is_final)))
			best = &looks[i];
	return best;
}

/* All that the nodes say, for people. */
static void
add_reasons(struct judgment *out, const struct look *looks, size_t n,
    const struct nodes *c)
{
	size_t i;

	for (i = 0; i < n; i++)
		nodes_add_reason(
		    out->reason, rpc_name(c->rpc, looks[i].node), looks[i].why);
}

/*
 * True when other denies paid in what its own node calls final. A node that
 * hasn't come as far as paid's block denies nothing, nor does one that
 * doesn't answer.
 */
static bool
denies(const struct look *other, const struct look *paid, const struct nodes *c)
{
	const struct node *node = &c->nodes[other->node];

	switch (other->result) {
	case LOOK_PAID:
	case LOOK_CANCELED:
		return other->is_final && !same_payment(other, paid);
	case LOOK_EXPIRED:
		return true;
	case LOOK_UNUSED:
		return node->final.number >= paid->block.number;
	case LOOK_NOTHING:
	case LOOK_UNCLEAR:
		break;
	}
	return false;
}

static void
make_paid(struct judgment *out, const struct look *paid,
    const struct look *looks, size_t n, const struct nodes *c)
{
	const struct transfer_authorization *a = &paid->which->authorization;
	size_t i;

	out->verdict = VERDICT_PAID;
	out->to = paid->use.to;
	out->value = paid->use.value;
	out->as_asked = memcmp(out->to.b, a->to.b, sizeof(out->to.b)) == 0 &&
	    out->value == a->value;
	memcpy(out->tx, paid->use.tx, sizeof(out->tx));
	out->block = paid->block;
	for (i = 0; i < n; i++)
		if (&looks[i] != paid && denies(&looks[i], paid, c))
			out->contradicted = true;
	out->is_final = paid->is_final && !out->contradicted;
}

/* Every node has proof, or there is none. */
static void
make_negative(
    struct judgment *out, enum verdict verdict, const struct look *look)
{
	out->verdict = verdict;
	out->is_final = true;
	out->block = look->block;
	memcpy(out->tx, look->use.tx, sizeof(out->tx));
}

/* All n nodes say canceled, and each in a final block. */
static bool
all_canceled(const struct look *looks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (looks[i].result != LOOK_CANCELED || !looks[i].is_final)
			return false;
	return true;
}

void
verdict_make(struct judgment *out, const struct look *looks, size_t n,
    const struct nodes *c)
{
	const struct look *paid = best_of(looks, n, LOOK_PAID);
	size_t unused = count_of(looks, n, LOOK_UNUSED);
	size_t expired = count_of(looks, n, LOOK_EXPIRED);
	size_t nothing = count_of(looks, n, LOOK_NOTHING);

	memset(out, 0, sizeof(*out));
	add_reasons(out, looks, n, c);
	if (paid != NULL)
		make_paid(out, paid, looks, n, c);
	else if (expired == n)
		make_negative(out, VERDICT_EXPIRED_UNUSED, &looks[0]);
	else if (all_canceled(looks, n))
		make_negative(out, VERDICT_CANCELED, &looks[0]);
	else if (unused + expired > 0 && unused + expired + nothing == n)
		out->verdict = VERDICT_UNUSED;
	else
		out->verdict = VERDICT_UNKNOWN;
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
