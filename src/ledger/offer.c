#include "ledger/offer.h"

#include <string.h>

#include "ledger/anchor.h"
#include "ledger/payout.h"

/* A region may have been renamed: what is signed must stay. */
static enum rc
region_read(struct db *db, const char *name, struct offered *out, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	out->region[0] = '\0';
	if (name[0] == '\0')
		return RC_OK;
	q = db_query(db, Q_REGION_SIGNED);
	query_text(q, 1, slice_of(name));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		slice_copy(
		    out->region, sizeof(out->region), query_get_text(q, 0));
	query_done(q);
	return rc;
}

static void
private_fill(const struct address *worker, const struct given_task *t,
    struct offered *out)
{
	out->label[0] = '\0';
	if (!t->is_private)
		return;
	private_label(out->label, t->salt, slice_of(t->name));
	private_key(out->key, t->salt, t->slot, worker->b);
}

enum rc
offer_make(struct db *db, const struct address *worker,
    const struct given_list *list, struct offer *out, struct err *e)
{
	struct round_assignment a = { .ledger_id = out->ledger_id,
		.worker = *worker };
	const struct given_task *t;
	struct offered *o;
	int64_t created_ms;
	enum rc rc;
	size_t i;

	rc = payout_ledger_id(db, out->ledger_id, &created_ms, e);
	for (i = 0; rc == RC_OK && i < list->n; i++) {
		t = &list->tasks[i];
		o = &out->tasks[i];
		/* Most often all are of one anchor, and of one region. */
		if (i > 0 && t->anchor == t[-1].anchor)
			memcpy(
			    o->anchor_root, o[-1].anchor_root, KECCAK256_LEN);
		else
			rc = anchor_root(db, t->anchor, o->anchor_root, e);
		if (rc == RC_OK && i > 0 &&
		    strcmp(t->region, t[-1].region) == 0)
			memcpy(o->region, o[-1].region, sizeof(o->region));
		else if (rc == RC_OK)
			rc = region_read(db, t->region, o, e);
		private_fill(worker, t, o);
		a.slot = (uint64_t)t->slot;
		a.anchor_size = (uint64_t)t->anchor;
		a.anchor_root = o->anchor_root;
		round_assignment_hash(o->assignment, &a);
	}
	return rc;
}
