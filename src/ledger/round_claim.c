#include "ledger/round_claim.h"

#include <string.h>

#include "ledger/anchor.h"
#include "ledger/payout.h"
#include "ledger/signed.h"

enum rc
round_claim_begin(struct db *db, struct round_claim *r, struct err *e)
{
	int64_t created_ms;

	r->anchor = -1;
	return payout_ledger_id(db, r->ledger_id, &created_ms, e);
}

/* Most results of a round are of one anchor. */
static enum rc
anchor_learn(struct db *db, struct round_claim *r, int64_t size, struct err *e)
{
	enum rc rc;

	if (r->anchor == size)
		return RC_OK;
	rc = anchor_root(db, size, r->anchor_root, e);
	r->anchor = rc == RC_OK ? size : -1;
	return rc;
}

/* The token that stood in the URL as it was told: extra copies are drills, or
 * a witness's. */
static void
token_learn(struct claim *c, const struct drill_rules *drills, struct slice url,
    int64_t copies)
{
	const size_t mark_len = sizeof(TASK_TOKEN_MARK) - 1;

	if (memmem(url.p, url.len, TASK_TOKEN_MARK, mark_len) == NULL)
		return;
	drill_token(c->token, drills, c->row.assigned_ms, c->row.slot,
	    c->row.copy >= copies && c->compared != COMPARED_WITNESS);
	c->row.token = slice_of(c->token);
}

enum rc
round_claim_check(struct db *db, struct round_claim *r,
    const struct drill_rules *drills, struct claim *c, struct err *e)
{
	struct signed_terms t = { .ledger_id = r->ledger_id,
		.worker = c->worker,
		.task_id = c->task_id,
		.anchor_root = r->anchor_root };
	uint8_t hash[KECCAK256_LEN];
	struct query *q;
	enum rc rc;
	bool row;

	CHECK(c->unpaid || c->outcome != CLAIM_OPEN);
	rc = c->unpaid ? anchor_learn(db, r, c->row.anchor, e) : RC_OK;
	if (rc != RC_OK || !c->unpaid)
		return rc;
	q = db_query(db, Q_VERSION_SIGNED);
	query_int(q, 1, c->row.version);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		t.url = query_get_text(q, C_VERSION_SIGNED_URL);
		t.region = query_get_text(q, C_VERSION_SIGNED_REGION);
		t.expected_status =
		    query_get_int(q, C_VERSION_SIGNED_EXPECTED_STATUS);
		token_learn(c, drills, t.url,
		    query_get_int(q, C_VERSION_SIGNED_COPIES));
		c->authentic = signed_hash(hash, &t, &c->row) &&
		    memcmp(hash, c->hash, sizeof(hash)) == 0;
		if (!c->authentic && c->outcome == CLAIM_OPEN)
			claim_refuse(c, CLAIM_OTHER_HASH);
	} else if (rc == RC_OK)
		rc = err_set(e, RC_CORRUPT, "slot %lld: its definition is gone",
		    (long long)c->row.slot);
	query_done(q);
	return rc;
}

bool
round_claim_verify(struct round_claim *r, struct claim *claims, size_t n)
{
	struct round of = { .ledger_id = r->ledger_id,
		.worker = r->worker,
		.count = (uint16_t)n };
	bool is_signed, any = false;
	size_t i;

	CHECK(n >= 1 && n <= RESULTS_PER_POST_MAX);
	for (i = 0; i < n; i++)
		any |= claims[i].authentic;
	/* None is open, either. */
	if (!any)
		return false;
	for (i = 0; i < n; i++)
		round_tree_leaf(&r->leaves[i], claims[i].hash);
	round_tree_root(&r->root, r->leaves, n);
	of.root = r->root;
	is_signed = round_check(&of, r->signature, NULL) == RC_OK;
	for (i = 0; i < n; i++) {
		/* It was hashed of another slot, or of other values. */
		if (!claims[i].authentic)
			claims[i].of_slot = 0;
		claims[i].authentic = is_signed;
		if (!is_signed && claims[i].outcome == CLAIM_OPEN)
			claim_refuse(&claims[i], CLAIM_BAD_SIGNATURE);
	}
	return is_signed;
}

enum rc
round_claim_keep(struct db *db, const struct round_claim *r,
    const struct claim *claims, size_t n, int64_t transfer,
    struct round_row *out, struct round_tree_hash *others, struct err *e)
{
	struct query *q = db_query(db, Q_ROUND_INSERT);
	bool kept[RESULTS_PER_POST_MAX];
	size_t i;

	for (i = 0; i < n; i++)
		kept[i] = claims[i].outcome == CLAIM_CREDITED;
	*out = (struct round_row){ .is_there = true, .count = (int64_t)n };
	memcpy(out->root, r->root.b, sizeof(out->root));
	memcpy(out->signature, r->signature, sizeof(out->signature));
	out->others.len =
	    round_tree_prune(others, r->leaves, kept, n) * sizeof(others[0]);
	out->others.p = (const char *)others;
	query_int(q, 1, transfer);
	query_int(q, 2, out->count);
	query_bytes(q, 3, out->root, sizeof(out->root));
	query_bytes(q, 4, out->signature, sizeof(out->signature));
	query_bytes(q, 5, out->others.p, out->others.len);
	return query_run(q, e);
}
