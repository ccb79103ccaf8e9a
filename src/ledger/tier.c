#include "ledger/tier.h"

#include <string.h>

#include "ledger/worker.h"

static const char *const names[TIERS] = { "bronze", "silver", "gold",
	"platinum" };

size_t
tier_find(const char *name)
{
	size_t i = 0;

	while (i < TIERS && strcmp(name, names[i]) != 0)
		i++;
	return i;
}

/* Of which tier a worker is: its row's number, 0 for none. */
static enum rc
tier_now(struct db *db, int64_t worker, int64_t *tier, int64_t *permille,
    struct err *e)
{
	struct query *q = db_query(db, Q_TIER_NOW);
	enum rc rc;
	bool row;

	*tier = 0;
	*permille = TIER_PERMILLE;
	query_int(q, 1, worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row && !query_is_null(q, 0)) {
		*tier = query_get_int(q, 0);
		*permille = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

enum rc
tier_permille(struct db *db, int64_t worker, int64_t *permille, struct err *e)
{
	int64_t tier;

	return tier_now(db, worker, &tier, permille, e);
}

/* The row of what the tier is now; adds one if it was never that. */
static enum rc
tier_row(struct db *db, const char *name, const struct tier *t, int64_t *id,
    struct err *e)
{
	struct query *q = db_query(db, Q_TIER_FIND);
	enum rc rc;

	query_text(q, 1, slice_of(name));
	query_int(q, 2, t->weight);
	query_int(q, 3, t->reward_permille);
	rc = query_one_int(q, id, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	q = db_query(db, Q_TIER_INSERT);
	query_text(q, 1, slice_of(name));
	query_int(q, 2, t->weight);
	query_int(q, 3, t->reward_permille);
	rc = query_run(q, e);
	*id = db_last_id(db);
	return rc;
}

/* tier 0: none. */
static enum rc
worker_note(
    struct db *db, int64_t worker, int64_t tier, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_TIER_INSERT);

	query_int(q, 1, worker);
	if (tier != 0)
		query_int(q, 2, tier);
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

static enum rc
is_no_witness(struct db *db, const struct address *a, struct err *e)
{
	struct query *q = db_query(db, Q_ADMISSION_WITNESS);
	char text[ADDRESS_LEN + 1];
	bool is;
	enum rc rc;

	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, slice_of(text));
	rc = query_any(q, &is, e);
	return rc == RC_OK && is
	    ? err_set(e, RC_INVALID, "%s is a witness, of no tier", text)
	    : rc;
}

enum rc
tier_set(struct db *db, const struct address *a, size_t i, const struct tier *t,
    int64_t now_ms, struct err *e)
{
	int64_t tier = 0, before, permille;
	struct worker_row w;
	enum rc rc;

	CHECK(i < TIERS);
	rc = is_no_witness(db, a, e);
	if (rc == RC_OK)
		rc = worker_admit(db, a, t->weight, false, now_ms, e);
	if (rc == RC_OK)
		rc = worker_find(db, a, &w, e);
	if (rc == RC_NOT_FOUND)
		rc = worker_add(db, a, now_ms, &w.id, e);
	if (rc == RC_OK)
		rc = tier_row(db, names[i], t, &tier, e);
	if (rc == RC_OK)
		rc = tier_now(db, w.id, &before, &permille, e);
	if (rc != RC_OK || tier == before)
		return rc;
	return worker_note(db, w.id, tier, now_ms, e);
}

enum rc
tier_end(struct db *db, const struct address *a, int64_t now_ms, struct err *e)
{
	int64_t tier = 0, permille;
	struct worker_row w;
	enum rc rc = worker_find(db, a, &w, e);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc == RC_OK)
		rc = tier_now(db, w.id, &tier, &permille, e);
	return rc == RC_OK && tier != 0 ? worker_note(db, w.id, 0, now_ms, e)
					: rc;
}
