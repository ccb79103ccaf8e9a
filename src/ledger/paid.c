#include "ledger/paid.h"

#include <string.h>

#include "ledger/handout.h"
#include "ledger/share.h"
#include "ledger/standing.h"
#include "ledger/verdict.h"
#include "ledger/witness.h"

void
paid_learn(struct claim *c, struct query *q)
{
	struct slice network =
	    query_get_text(q, C_ASSIGNMENTS_FOR_RESULT_NETWORK);

	memset(c->network, 0, sizeof(c->network));
	if (network.len <= SUBNET_MAX)
		memcpy(c->network, network.p, network.len);
	c->region = query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_REGION);
	c->out_of_turn =
	    query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_OUT_OF_TURN) != 0;
	c->compared =
	    (enum compared)query_get_int(q, C_ASSIGNMENTS_FOR_RESULT_COMPARED);
}

static bool
is_same_share(const struct claim *a, const struct claim *b)
{
	return a->region == b->region && strcmp(a->network, b->network) == 0;
}

static bool
is_same_handout(const struct claim *a, const struct claim *b)
{
	return a->row.assigned_ms == b->row.assigned_ms;
}

/* Those of the n claims that are like claims[i]; none if one came before it. */
static size_t
alike(struct claim *const *claims, size_t n, size_t i,
    bool (*same)(const struct claim *, const struct claim *),
    struct share_payment *out)
{
	size_t j, count = 0;

	for (j = 0; j < n; j++) {
		if (!same(claims[i], claims[j]))
			continue;
		if (j < i)
			return 0;
		out[count++] = (struct share_payment){ claims[j]->reward_micros,
			claims[j]->out_of_turn };
	}
	return count;
}

static enum rc
share_count(struct db *db, const struct claim *c,
    const struct share_payment *payments, size_t n, struct slice network,
    int64_t now_ms, struct err *e)
{
	struct share s;
	enum rc rc;

	rc = share_read(db, &c->worker, c->worker_id, c->region,
	    slice_of(c->network), now_ms, &s, e);
	if (rc == RC_OK)
		rc = share_pay(db, &s, payments, n, now_ms, e);
	return rc == RC_OK ? standing_pay(db, c->worker_id, network, c->region,
				 (int64_t)n, now_ms, e)
			   : rc;
}

/*
 * What it is compared with: the others of its cycle, or what witnesses see, of
 * whom there are some if watched.
 */
static enum rc
compared_note(struct db *db, const struct claim *c, struct slice network,
    bool watched, int64_t now_ms, struct err *e)
{
	const struct vote v = { .slot = c->row.slot,
		.worker = c->worker_id,
		.network = network,
		.version = c->row.version,
		.cycle_ms = c->row.cycle_ms,
		.up = c->row.success };
	const struct report r = { .slot = c->row.slot,
		.worker = c->worker_id,
		.network = network,
		.version = c->row.version,
		.assigned_ms = c->row.assigned_ms,
		.up = c->row.success };

	switch (c->compared) {
	case COMPARED_COPIES:
		return verdict_vote(db, &v, e);
	case COMPARED_ALONE:
		return watched || !r.up ? witness_compare(db, &r, now_ms, e)
					: RC_OK;
	case COMPARED_WITNESS:
		return witness_saw(db, &r, now_ms, e);
	default:
		return RC_OK;
	}
}

enum rc
paid_count(struct db *db, struct claim *const *claims, size_t n,
    struct slice network, int64_t now_ms, struct err *e)
{
	struct share_payment payments[RESULTS_PER_POST_MAX];
	bool watched;
	enum rc rc = witness_watches(db, &watched, e);
	size_t i, k;

	for (i = 0; rc == RC_OK && i < n; i++) {
		rc = compared_note(db, claims[i], network, watched, now_ms, e);
		if (rc != RC_OK)
			return rc;
		k = alike(claims, n, i, is_same_share, payments);
		if (k > 0)
			rc = share_count(
			    db, claims[i], payments, k, network, now_ms, e);
		k = rc == RC_OK ? alike(claims, n, i, is_same_handout, payments)
				: 0;
		if (k > 0)
			rc = handout_paid(db, &claims[i]->worker,
			    claims[i]->row.assigned_ms, (int64_t)k, e);
	}
	return rc;
}
