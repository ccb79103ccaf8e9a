#include "publish/compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ledger/origin.h"
#include "proof/line.h"
#include "publish/room.h"
#include "tlog/policy.h"

#define FILE_BYTES (1024LL * 1024 * 1024) /* of lines */
#define MIXED_MS   HOUR_MS /* rows that a clock that was set back has mixed */
#define TEXT_MAX   400

/* A task of the ledger, and its results that weren't found in the log yet. */
struct task_rest {
	int64_t id;
	char name[TASK_ID_MAX + 1];
	int64_t interval_ms; /* the longest of its definitions */
	struct cells cells;  /* by slot */
};

/* A leaf of a payout or a forfeit, by the hash of its entry. */
struct money_leaf {
	uint8_t hash[SHA256_LEN];
	int64_t index;
	bool found; /* in the ledger */
};

struct compare {
	const struct compare_wanted *w;
	struct compare_report *out;
	struct db *db;
	struct site site;
	struct checkpoint checkpoint;
	struct state state;
	struct public_bounds bounds;
	struct task_rest *task; /* owned, by id */
	size_t tasks;
	int64_t slot;		  /* results up to it were read */
	int64_t stop_ms;	  /* up to what was assigned then */
	bool at_end;		  /* what is read isn't kept, but judged */
	int64_t day, day_lines;	  /* of drills' files of the newest day */
	struct money_leaf *money; /* owned */
	size_t money_n;
	/* The tree's complete subtrees so far, the largest first. */
	struct tree_hash tree[64];
	size_t tree_n;
};

static void found(struct compare *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
found(struct compare *c, const char *fmt, ...)
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
		found(c, "leaf %" PRId64 ": its tile has another hash", i);
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
		found(c, "the entries aren't those that were signed");
	if (!tree_hash_is(&tiles, &c->checkpoint.root))
		found(c, "the tiles don't lead to the checkpoint");
	return RC_OK;
}

/* ---- Results of the ledger ---- */

static struct task_rest *
task_find(const struct compare *c, int64_t id)
{
	size_t lo = 0, hi = c->tasks, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (c->task[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < c->tasks && c->task[lo].id == id ? &c->task[lo] : NULL;
}

/* Looked for by its name once: then the task of the log has its number. */
static struct task_rest *
task_of(const struct compare *c, struct task_state *t)
{
	size_t i;

	for (i = 0; i < c->tasks && t->id == 0; i++)
		if (strcmp(c->task[i].name, t->name) == 0)
			t->id = c->task[i].id;
	return task_find(c, t->id);
}

/* Definitions of a task come one after the other, tasks in order. */
static enum rc
on_task(void *ctx, const struct public_task *t, struct err *e)
{
	struct compare *c = ctx;
	struct task_rest *all, *last;

	last = c->tasks == 0 ? NULL : &c->task[c->tasks - 1];
	if (last == NULL || last->id != t->task) {
		all = realloc(c->task, (c->tasks + 1) * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		c->task = all;
		last = &all[c->tasks++];
		memset(last, 0, sizeof(*last));
		last->id = t->task;
		slice_copy(last->name, sizeof(last->name), t->name);
	}
	if (t->interval_ms > last->interval_ms)
		last->interval_ms = t->interval_ms;
	return RC_OK;
}

/* So long after an hour's end its segment may be made. */
static int64_t
over_ms(const struct compare *c, const struct task_rest *r)
{
	return r->interval_ms + POLL_PERIOD_MS + c->bounds.window_ms +
	    CLOCK_SKEW_MS;
}

static void
absent_say(struct compare *c, const struct task_rest *r,
    const struct public_slot *s, const char *what)
{
	found(c,
	    "task %s: slot %" PRId64 ", cycle %" PRId64 ", was paid, and %s",
	    r->name, s->slot, s->cycle_ms, what);
}

/* A result that no segment has: whether one should. */
static void
absent_judge(
    struct compare *c, const struct task_rest *r, const struct public_slot *s)
{
	const struct task_state *t = state_task(&c->state, r->name);
	const int64_t at = t == NULL ? s->cycle_ms : cell_at(t, s);

	if (t != NULL && at < t->segment.to)
		absent_say(c, r, s, "isn't in the log");
	else if ((t == NULL || span_is_active(t->spans, t->spans_n, at)) &&
	    at - at % HOUR_MS + HOUR_MS + over_ms(c, r) <= c->out->to)
		absent_say(c, r, s, "the log has passed it by");
	else
		c->out->later++;
}

static enum rc
on_result(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct compare *c = ctx;
	struct task_rest *r = task_find(c, s->task);

	*stop = !c->at_end && s->assigned_ms >= c->stop_ms;
	if (*stop || r == NULL)
		return RC_OK;
	c->slot = s->slot;
	if (!c->at_end)
		return cells_add(&r->cells, NULL, s, true, e);
	absent_judge(c, r, s);
	return RC_OK;
}

/* Reads on, up to what was assigned then. */
static enum rc
results_read(struct compare *c, int64_t stop_ms, struct err *e)
{
	if (stop_ms <= c->stop_ms)
		return RC_OK;
	c->stop_ms = stop_ms;
	return public_results(c->db, c->slot, on_result, c, e);
}

/* ---- Lines beside results ---- */

static struct cell *
cell_find(const struct cells *all, int64_t slot)
{
	size_t lo = 0, hi = all->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (all->all[mid].slot.slot < slot)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < all->n && all->all[lo].slot.slot == slot ? &all->all[lo]
							     : NULL;
}

/* Whether the ledger's row makes that line, but for the network's name. */
static enum rc
line_compare(
    const struct cell *cell, const struct line *l, bool *same, struct err *e)
{
	static const uint8_t no_networks[SHA256_LEN];
	struct line bare = *l;
	struct buf want, got;
	enum rc rc;

	bare.network = (struct slice){ NULL, 0 };
	buf_init(&want, LINE_MAX_BYTES + 1);
	buf_init(&got, LINE_MAX_BYTES + 1);
	rc = cells_write(&want, cell, 1, no_networks, e);
	if (rc == RC_OK)
		rc = line_write(&got, &bare, e);
	*same = rc == RC_OK && want.len == got.len &&
	    memcmp(want.p, got.p, got.len) == 0;
	buf_free(&want);
	buf_free(&got);
	return rc;
}

/* A file's lines of results, and the cells that they are to be of. */
struct in_file {
	struct compare *c;
	const char *name;
	const struct cells *cells;
	int64_t lines, results;
};

static enum rc
line_take(struct in_file *f, const struct line *l, struct err *e)
{
	struct cell *cell;
	bool same;
	enum rc rc;

	f->lines++;
	if (!slice_is(l->outcome, "result"))
		return RC_OK;
	f->results++;
	cell = cell_find(f->cells, l->slot);
	if (cell == NULL || !cell->is_result) {
		found(f->c,
		    "%s: slot %" PRId64
		    " has a result that wasn't paid, or another line",
		    f->name, l->slot);
		return RC_OK;
	}
	rc = line_compare(cell, l, &same, e);
	cell->is_result = false; /* it has its line */
	if (rc == RC_OK && !same)
		found(f->c,
		    "%s: the line of slot %" PRId64
		    " isn't what the ledger has",
		    f->name, l->slot);
	return rc;
}

/* The file that a leaf has the hash of; what can't be read is found. */
static enum rc
file_take(struct in_file *f, const char *sha256, struct err *e)
{
	char hash[2 * SHA256_LEN + 1];
	struct err cause = ERR_INIT;
	const char *p, *at = NULL;
	struct line_read l;
	struct buf file;
	enum rc rc;

	buf_init(&file, FILE_BYTES);
	rc = site_get(&f->c->site, f->name, &file, &cause);
	if (rc == RC_OK)
		leaf_sha256(hash, (struct slice){ file.p, file.len });
	if (rc != RC_OK || strcmp(hash, sha256) != 0)
		found(f->c, "%s: %s", f->name,
		    rc == RC_OK ? "it isn't the file that was logged"
				: cause.msg);
	rc = RC_OK;
	for (p = file.p; rc == RC_OK && p < file.p + file.len; p = at + 1) {
		at = memchr(p, '\n', (size_t)(file.p + file.len - p));
		if (at == NULL ||
		    line_parse(&l, (struct slice){ p, (size_t)(at - p) },
			NULL) != RC_OK) {
			found(f->c, "%s: line %" PRId64 " is none", f->name,
			    f->lines + 1);
			break;
		}
		rc = line_take(f, &l.line, e);
		line_free(&l);
	}
	buf_free(&file);
	return rc;
}

/* What was paid before the segment's end has its line now, or never. */
static void
rest_settle(struct compare *c, struct task_rest *r, const struct task_state *t)
{
	struct cells kept = { .all = r->cells.all, .room = r->cells.room };
	struct cells gone = { NULL, 0, 0 };
	struct cell *cell;
	size_t i;

	for (i = 0; i < r->cells.n; i++) {
		cell = &r->cells.all[i];
		if (cell_at(t, &cell->slot) >= t->segment.to) {
			kept.all[kept.n++] = *cell;
			continue;
		}
		if (cell->is_result)
			absent_say(c, r, &cell->slot, "isn't in the log");
		gone = (struct cells){ cell, 1, 1 };
		cells_clear(&gone);
	}
	r->cells = kept;
}

static enum rc
segment_take(struct compare *c, const struct segment_leaf *s, struct err *e)
{
	struct task_state *t = state_task(&c->state, s->task);
	struct task_rest *r = task_of(c, t); /* state_take knows its task */
	char name[SEGMENT_NAME_MAX + 1];
	struct in_file f = { .c = c, .name = name };
	enum rc rc;

	segment_name(name, s);
	if (s->to > c->out->to)
		c->out->to = s->to;
	if (r == NULL) {
		found(c, "%s: the ledger has no such task", name);
		return RC_OK;
	}
	rc = results_read(c, s->to + over_ms(c, r) + MIXED_MS, e);
	if (rc != RC_OK)
		return rc;
	f.cells = &r->cells;
	rc = file_take(&f, s->sha256, e);
	if (rc == RC_OK && (f.lines != s->lines || f.results != s->results))
		found(c, "%s: its leaf counts other lines", name);
	c->out->segments++;
	c->out->results += f.results;
	rest_settle(c, r, t);
	return rc;
}

/* ---- Drills ---- */

/* Of a task, 0 for all of them. */
struct drill_day {
	int64_t task;
	struct cells cells;
};

static enum rc
on_drill(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct drill_day *d = ctx;

	(void)stop;
	return d->task == 0 || s->task == d->task
	    ? cells_add(&d->cells, NULL, s, true, e)
	    : RC_OK;
}

static enum rc
drills_take(struct compare *c, const struct drills_leaf *d, struct err *e)
{
	struct task_state *t = state_task(&c->state, d->task);
	const struct task_rest *r = t == NULL ? NULL : task_of(c, t);
	struct drill_day day = { .task = r == NULL ? -1 : r->id };
	char name[SEGMENT_NAME_MAX + 1];
	struct in_file f = { .c = c, .name = name, .cells = &day.cells };
	enum rc rc;

	drills_name(name, d);
	rc = public_drills(c->db, d->day, on_drill, &day, e);
	if (rc == RC_OK)
		rc = file_take(&f, d->sha256, e);
	if (d->day != c->day)
		c->day_lines = 0;
	c->day = d->day;
	c->day_lines += f.results;
	c->out->drills += f.results;
	cells_free(&day.cells);
	return rc;
}

/* With a day's key all that was answered to its drills is told. */
static enum rc
key_take(struct compare *c, const struct canary_leaf *k, struct err *e)
{
	struct drill_day day = { .task = 0 };
	const int64_t lines = k->day == c->day ? c->day_lines : 0;
	enum rc rc;

	if (k->key[0] == '\0')
		return RC_OK;
	rc = public_drills(c->db, k->day, on_drill, &day, e);
	if (rc == RC_OK && (int64_t)day.cells.n != lines)
		found(c,
		    "day %" PRId64
		    ": %zu answers to drills were paid, and %" PRId64
		    " are in the log",
		    k->day, day.cells.n, lines);
	cells_free(&day.cells);
	return rc;
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
		found(
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
			found(c,
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
		return segment_take(c, &l.segment, e);
	case KIND_DRILLS:
		return drills_take(c, &l.drills, e);
	case KIND_CANARY:
		return key_take(c, &l.canary, e);
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

/* What was paid, and read, but is in no segment; and what is left. */
static enum rc
rest_take(struct compare *c, struct err *e)
{
	const struct task_rest *r;
	size_t i, k;

	for (i = 0; i < c->tasks; i++)
		for (r = &c->task[i], k = 0; k < r->cells.n; k++)
			absent_judge(c, r, &r->cells.all[k].slot);
	c->at_end = true;
	return public_results(c->db, c->slot, on_result, c, e);
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
		rc = public_tasks(c->db, on_task, c, e);
	if (rc == RC_OK)
		rc = entries_take(c, e);
	if (rc == RC_OK)
		rc = rest_take(c, e);
	if (rc == RC_OK)
		rc = money_end(c, e);
	db_rollback(c->db);
	return rc;
}

/* By the keys that the directory itself names: it is the operator's. */
static enum rc
checkpoint_read(struct compare *c, struct err *e)
{
	struct policy policy;
	struct policy_word word;
	struct buf text, note;
	enum rc rc;

	buf_init(&text, POLICY_MAX);
	buf_init(&note, NOTE_MAX);
	rc = site_get(&c->site, "policy", &text, e);
	if (rc == RC_OK)
		rc = policy_parse(
		    &policy, (struct slice){ text.p, text.len }, e);
	if (rc == RC_OK)
		rc = site_get(&c->site, "checkpoint", &note, e);
	if (rc == RC_OK)
		rc = policy_check(
		    &word, &policy, (struct slice){ note.p, note.len }, e);
	buf_free(&text);
	buf_free(&note);
	if (rc != RC_OK)
		return err_prefix(e, "%s", c->w->directory);
	c->checkpoint = word.checkpoint;
	c->site.size = c->out->size = word.checkpoint.size;
	return RC_OK;
}

static void
compare_end(struct compare *c)
{
	size_t i;

	for (i = 0; i < c->tasks; i++)
		cells_free(&c->task[i].cells);
	free(c->task);
	free(c->money);
	state_free(&c->state);
	site_close(&c->site);
	db_close(c->db);
}

enum rc
compare_log(
    const struct compare_wanted *w, struct compare_report *out, struct err *e)
{
	struct compare c = { .w = w, .out = out, .day = -1 };
	enum rc rc;

	memset(out, 0, sizeof(*out));
	c.state.method_leaf = LEAF_NONE;
	site_open(&c.site, w->directory, 0);
	/* The ledger afterwards, so that it isn't the older one. */
	rc = checkpoint_read(&c, e);
	if (rc == RC_OK)
		rc = db_open(
		    &c.db, w->ledger_path, DB_READ, w->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = ledger_compare(&c, e);
	compare_end(&c);
	return rc;
}
