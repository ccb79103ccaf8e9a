#include "ledger/round_path.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/payout.h"
#include "ledger/row_read.h"
#include "ledger/signed.h"

#define ROUNDS_KNOWN 16 /* some that take turns */

struct round_paths {
	uint8_t ledger_id[LEDGER_ID_LEN];
	struct signed_credit known[ROUNDS_KNOWN];
	size_t next; /* of them, to be written over */
};

enum rc
round_paths_new(struct round_paths **out, struct db *db, struct err *e)
{
	int64_t created_ms;
	enum rc rc;

	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	rc = payout_ledger_id(db, (*out)->ledger_id, &created_ms, e);
	if (rc != RC_OK) {
		round_paths_free(*out);
		*out = NULL;
	}
	return rc;
}

void
round_paths_free(struct round_paths *p)
{
	free(p);
}

/* struct rules: the first is told. */
static void
on_broken(void *ctx, enum audit_rule rule, const char *text)
{
	struct err *e = ctx;

	(void)rule;
	if (e->rc == RC_OK)
		(void)err_set(e, RC_CORRUPT, "%s", text);
}

static enum rc
results_read(struct signed_credit *c, const struct round_paths *p,
    struct db *db, int64_t transfer, struct err *e)
{
	struct query *q = db_query(db, Q_ROUND_RESULTS);
	struct address worker;
	struct result_row res;
	struct version_row v;
	struct round_row round;
	int64_t of;
	bool row;
	enum rc rc;

	c->transfer = 0;
	query_int(q, 1, transfer);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (!row_read_result(q, C_ROUND_RESULTS_RESULT, &res, &v, &of))
			rc = err_set(e, RC_CORRUPT,
			    "transfer %" PRId64 ": a result isn't well formed",
			    transfer);
		if (rc == RC_OK)
			rc = address_parse(&worker, NULL,
			    query_get_text(q, C_ROUND_RESULTS_ADDRESS), e);
		if (rc != RC_OK)
			break;
		if (c->transfer == 0) {
			c->ledger_id = p->ledger_id;
			row_read_round(q, C_ROUND_RESULTS_ROUND, &round);
			signed_begin(c, transfer, &worker, &round);
		}
		signed_add(c, &res, &v, q, C_ROUND_RESULTS_SIGNED);
	}
	query_done(q);
	return rc;
}

static enum rc
round_read(struct round_paths *p, struct db *db, int64_t transfer,
    struct signed_credit **out, struct err *e)
{
	struct err broken = ERR_INIT;
	const struct rules rules = { .broken = on_broken, .ctx = &broken };
	struct signed_credit *c = &p->known[p->next];
	enum rc rc;

	p->next = (p->next + 1) % ROUNDS_KNOWN;
	c->rules = &rules;
	rc = results_read(c, p, db, transfer, e);
	c->rules = NULL;
	if (rc == RC_OK && broken.rc != RC_OK)
		rc = err_set(e, broken.rc, "%s", broken.msg);
	if (rc == RC_OK && c->transfer == 0)
		rc = err_set(e, RC_CORRUPT, "transfer %" PRId64 " has no round",
		    transfer);
	if (rc != RC_OK)
		c->transfer = 0;
	*out = c;
	return rc;
}

enum rc
round_path_find(struct round_paths *p, struct db *db, int64_t transfer,
    int64_t place, struct round_path *out, struct err *e)
{
	struct signed_credit *c = NULL;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < ROUNDS_KNOWN && c == NULL; i++)
		if (p->known[i].transfer == transfer)
			c = &p->known[i];
	if (c == NULL)
		rc = round_read(p, db, transfer, &c, e);
	if (rc != RC_OK)
		return rc;
	memcpy(out->ledger_id, p->ledger_id, sizeof(out->ledger_id));
	out->count = c->count;
	memcpy(out->signature, c->signature, sizeof(out->signature));
	if (place >= 0 && place < c->count && c->count <= ROUND_LEAVES_MAX &&
	    c->others_fit &&
	    round_tree_path_pruned(out->hash, &out->n, c->leaves, c->kept,
		(size_t)c->count, c->others, c->others_n, (size_t)place))
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "transfer %" PRId64 ": what is kept of its round isn't whole",
	    transfer);
}
