#include "publish/compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "publish/compare_room.h"
#include "publish/trust.h"

#define TEXT_MAX 400

void
compare_found(struct compare *c, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->out->findings++;
	c->w->found(c->w->ctx, text);
}

/* ---- The tree ---- */

/* Leaf i, whose hash the tile must have, too. */
static enum rc
tree_take(struct compare *c, int64_t i, struct slice entry, struct err *e)
{
	struct tree_hash leaf, tile;
	int64_t n;
	enum rc rc;

	tree_leaf(&leaf, entry);
	rc = site_node(&c->site, 0, i, &tile, e);
	if (rc != RC_OK)
		return rc;
	if (!tree_hash_is(&leaf, &tile))
		compare_found(
		    c, "leaf %" PRId64 ": its tile has another hash", i);
	c->tree[c->tree_n++] = leaf;
	for (n = i + 1; n % 2 == 0; n /= 2, c->tree_n--)
		tree_node(&c->tree[c->tree_n - 2], &c->tree[c->tree_n - 2],
		    &c->tree[c->tree_n - 1]);
	return RC_OK;
}

/* The entries, and the tiles, lead to what is signed. */
static enum rc
tree_end(struct compare *c, struct err *e)
{
	struct tree_hash root, tiles;
	size_t i;
	enum rc rc;

	rc = tree_root(&tiles, c->checkpoint.size, site_node, &c->site, e);
	if (rc != RC_OK || c->tree_n == 0)
		return rc;
	root = c->tree[c->tree_n - 1];
	for (i = c->tree_n - 1; i > 0; i--)
		tree_node(&root, &c->tree[i - 1], &root);
	if (!tree_hash_is(&root, &c->checkpoint.root))
		compare_found(c, "the entries aren't those that were signed");
	if (!tree_hash_is(&tiles, &c->checkpoint.root))
		compare_found(c, "the tiles don't lead to the checkpoint");
	return RC_OK;
}

/* ---- Payouts and forfeits ---- */

static enum rc
money_add(struct compare *c, int64_t i, struct slice entry, struct err *e)
{
	struct money_leaf *all;

	/* Room for as many as a power of two. */
	if ((c->money_n & (c->money_n - 1)) == 0) {
		all = realloc(c->money,
		    (c->money_n == 0 ? 1 : 2 * c->money_n) * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		c->money = all;
	}
	c->money[c->money_n] = (struct money_leaf){ .index = i };
	sha256(c->money[c->money_n++].hash, entry.p, entry.len);
	return RC_OK;
}

static int
money_compare(const void *x, const void *y)
{
	return memcmp(((const struct money_leaf *)x)->hash,
	    ((const struct money_leaf *)y)->hash, SHA256_LEN);
}

/* What the ledger would log; at_ms is when it was so. */
static void
money_find(struct compare *c, const struct buf *entry, int64_t at_ms)
{
	struct money_leaf key = { .index = 0 }, *hit = NULL;

	sha256(key.hash, entry->p, entry->len);
	if (c->money_n > 0)
		hit = bsearch(
		    &key, c->money, c->money_n, sizeof(key), money_compare);
	if (hit != NULL)
		hit->found = true;
	else if (at_ms + CLOCK_SKEW_MS < c->out->to)
		compare_found(
		    c, "the log doesn't have %.*s", (int)entry->len, entry->p);
	c->out->payouts++;
}

static enum rc
on_payout(void *ctx, const struct public_payout *o, struct err *e)
{
	struct buf entry;
	enum rc rc;

	buf_init(&entry, ENTRY_MAX);
	rc = payout_write(&entry, o, e);
	if (rc == RC_OK)
		money_find(ctx, &entry, o->at_ms);
	buf_free(&entry);
	return rc;
}

static enum rc
on_forfeit(void *ctx, const struct public_forfeit *f, struct err *e)
{
	struct buf entry;
	enum rc rc;

	buf_init(&entry, ENTRY_MAX);
	rc = forfeit_write(&entry, f, e);
	if (rc == RC_OK)
		money_find(ctx, &entry, f->at_ms);
	buf_free(&entry);
	return rc;
}

static enum rc
money_end(struct compare *c, struct err *e)
{
	size_t i;
	enum rc rc;

	if (c->money_n > 0)
		qsort(c->money, c->money_n, sizeof(*c->money), money_compare);
	rc = public_payouts(c->db, on_payout, c, e);
	if (rc == RC_OK)
		rc = public_forfeits(c->db, on_forfeit, c, e);
	for (i = 0; i < c->money_n && rc == RC_OK; i++)
		if (!c->money[i].found)
			compare_found(c,
			    "leaf %" PRId64
			    ": the ledger has no such payout or forfeit",
			    c->money[i].index);
	return rc;
}

/* ---- All of it ---- */

static enum rc
entry_take(struct compare *c, int64_t i, struct slice entry, struct err *e)
{
	const enum leaf_kind kind = leaf_kind(entry);
	union {
		struct segment_leaf segment;
		struct drills_leaf drills;
		struct canary_leaf canary;
	} l;
	enum rc rc;

	rc = state_take(&c->state, entry, e);
	if (rc == RC_OK &&
	    (kind == KIND_SEGMENT || kind == KIND_DRILLS ||
		kind == KIND_CANARY))
		rc = leaf_parse(&l, kind, entry, e);
	if (rc != RC_OK)
		return rc;
	switch (kind) {
	case KIND_SEGMENT:
		return compare_segment(c, i, &l.segment, e);
	case KIND_DRILLS:
		return compare_drills(c, i, &l.drills, e);
	case KIND_CANARY:
		return compare_key(c, &l.canary, e);
	case KIND_OTHER:
		return money_add(c, i, entry, e);
	default:
		return RC_OK;
	}
}

static enum rc
entries_take(struct compare *c, struct err *e)
{
	struct slice entry;
	int64_t i;
	enum rc rc = RC_OK;

	for (i = 0; i < c->checkpoint.size && rc == RC_OK; i++) {
		rc = site_entry(&c->site, i, &entry, e);
		if (rc == RC_OK)
			rc = tree_take(c, i, entry, e);
		if (rc == RC_OK)
			rc = entry_take(c, i, entry, e);
	}
	return rc == RC_OK ? tree_end(c, e) : rc;
}

static enum rc
ledger_compare(struct compare *c, struct err *e)
{
	enum rc rc;

	rc = db_begin_read(c->db, e);
	if (rc != RC_OK)
		return rc;
	rc = public_bounds_read(&c->bounds, c->db, e);
	if (rc == RC_OK)
		rc = public_tasks(c->db, compare_task, c, e);
	if (rc == RC_OK)
		rc = entries_take(c, e);
	if (rc == RC_OK)
		rc = compare_rest(c, e);
	if (rc == RC_OK)
		rc = money_end(c, e);
	db_rollback(c->db);
	return rc;
}

static void
compare_end(struct compare *c)
{
	size_t i;

	for (i = 0; i < c->tasks; i++)
		cells_free(&c->task[i].cells);
	free(c->task);
	free(c->money);
	awaited_free(&c->archived);
	state_free(&c->state);
	site_close(&c->site);
	site_close(&c->hidden);
	db_close(c->db);
}

enum rc
compare_log(
    const struct compare_wanted *w, struct compare_report *out, struct err *e)
{
	struct compare c = { .w = w, .out = out, .day = -1 };
	char hidden[FILE_PATH_SIZE];
	enum rc rc;

	memset(out, 0, sizeof(*out));
	(void)snprintf(
	    hidden, sizeof(hidden), "%s/" BOOK_PRIVATE, w->state_directory);
	site_open(&c.hidden, hidden, 0);
	c.state.method_leaf = LEAF_NONE;
	/* The ledger afterwards, so that it isn't the older one. */
	rc = trust_open(&c.site, &c.checkpoint, w->directory, e);
	out->size = c.checkpoint.size;
	if (rc == RC_OK)
		rc = db_open(
		    &c.db, w->ledger_path, DB_READ, w->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = ledger_compare(&c, e);
	compare_end(&c);
	return rc;
}
