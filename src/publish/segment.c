#include "publish/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "eth/hex.h"
#include "ledger/origin.h"
#include "proof/line.h"

/* ---- Cells ---- */

int64_t
cell_at(const struct task_state *t, const struct public_slot *s)
{
	return span_place(
	    t->spans, t->spans_n, s->version, s->cycle_ms, s->copy);
}

/* A copy more than its definition has: a witness's. */
bool
cell_is_beside(const struct task_state *t, const struct public_slot *s)
{
	const size_t i =
	    span_find(t->spans, t->spans_n, s->version, s->assigned_ms);

	return i < t->spans_n && s->copy >= t->spans[i].copies;
}

static void
cell_free(struct cell *c)
{
	free(c->error);
	free(c->round);
}

static enum rc
round_keep(struct cell *c, const struct public_slot *s, struct err *e)
{
	struct cell_round *r = malloc(sizeof(*r));

	if (r == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	r->path = *s->path;
	slice_copy(r->trace, sizeof(r->trace), s->trace);
	slice_copy(r->token, sizeof(r->token), s->token);
	slice_copy(r->region, sizeof(r->region), s->region);
	c->round = r;
	return RC_OK;
}

enum rc
cells_add(struct cells *c, struct task_state *t, const struct public_slot *s,
    bool is_result, struct err *e)
{
	struct cell *all, *cell;

	if (c->n == c->room) {
		c->room = c->room == 0 ? 256 : 2 * c->room;
		all = realloc(c->all, c->room * sizeof(*all));
		if (all == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
		c->all = all;
	}
	cell = &c->all[c->n];
	memset(cell, 0, sizeof(*cell));
	cell->task = t;
	cell->at = t == NULL ? 0 : cell_at(t, s);
	cell->is_result = is_result;
	cell->slot = *s;
	slice_copy(cell->worker, sizeof(cell->worker), s->worker);
	slice_copy(cell->network, sizeof(cell->network), s->network);
	c->n++;
	if (s->has_error) {
		cell->error = strndup(s->error.p, s->error.len);
		if (cell->error == NULL)
			return err_set(e, RC_NO_MEMORY, "out of memory");
	}
	return s->path != NULL ? round_keep(cell, s, e) : RC_OK;
}

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* The order of lines; of a slot the result first, then whose answer was
 * refused, then the last holder. */
static int
cell_compare(const void *x, const void *y)
{
	const struct cell *a = x, *b = y;
	int d = strcmp(a->task->name, b->task->name);

	if (d == 0)
		d = compare(a->slot.cycle_ms, b->slot.cycle_ms);
	if (d == 0)
		d = compare(a->slot.copy, b->slot.copy);
	if (d == 0)
		d = compare(b->is_result, a->is_result);
	if (d == 0)
		d = compare(b->slot.refused != REFUSED_NOT,
		    a->slot.refused != REFUSED_NOT);
	if (d == 0)
		d = a->is_result
		    ? compare(a->slot.slot, b->slot.slot)
		    : compare(b->slot.assigned_ms, a->slot.assigned_ms);
	return d;
}

static bool
is_same_place(const struct cell *a, const struct cell *b)
{
	return a->task == b->task && a->slot.cycle_ms == b->slot.cycle_ms &&
	    a->slot.copy == b->slot.copy &&
	    (a->slot.slot == b->slot.slot ||
		(!cell_is_beside(a->task, &a->slot) &&
		    !cell_is_beside(b->task, &b->slot)));
}

void
cells_sort(struct cells *c)
{
	struct cell *last;
	size_t i, n = 0;

	if (c->n > 0)
		qsort(c->all, c->n, sizeof(c->all[0]), cell_compare);
	for (i = 0; i < c->n; i++) {
		last = n == 0 ? NULL : &c->all[n - 1];
		if (last == NULL || !is_same_place(last, &c->all[i])) {
			c->all[n++] = c->all[i];
			continue;
		}
		if (last->network[0] == '\0' &&
		    strcmp(last->worker, c->all[i].worker) == 0)
			memcpy(last->network, c->all[i].network,
			    sizeof(last->network));
		cell_free(&c->all[i]);
	}
	c->n = n;
}

void
cells_clear(struct cells *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		cell_free(&c->all[i]);
	c->n = 0;
}

void
cells_free(struct cells *c)
{
	cells_clear(c);
	free(c->all);
	memset(c, 0, sizeof(*c));
}

/* ---- Lines ---- */

/* Text of a line of a result in a round, which has it before it is written. */
struct round_text {
	char ledger[HEX_SIZE(LEDGER_ID_LEN)];
	char path[HEX_SIZE(ROUND_PATH_MAX * KECCAK256_LEN)];
};

/* "" is as good as nothing: neither is written. */
static struct slice
text_or_none(const char *text)
{
	return text[0] == '\0' ? (struct slice){ NULL, 0 } : slice_of(text);
}

static void
round_fill(struct line *l, struct round_text *t, const struct cell *c)
{
	const struct round_path *p = &c->round->path;

	l->scheme = slice_of(ROUND_SCHEME);
	hex_encode(t->ledger, p->ledger_id, sizeof(p->ledger_id));
	l->ledger = slice_of(t->ledger);
	l->anchor = c->slot.anchor;
	l->trace = text_or_none(c->round->trace);
	l->region = text_or_none(c->round->region);
	l->token = text_or_none(c->round->token);
	l->place = c->slot.place;
	l->count = p->count;
	if (p->n == 0)
		return;
	hex_encode(t->path, p->hash[0].b, p->n * sizeof(p->hash[0]));
	l->path = slice_of(t->path);
}

/* What became of a slot that has no result. */
static void
outcome_fill(struct line *l, char text[static LINE_OUTCOME_SIZE],
    struct segment_leaf *leaf, enum refused why)
{
	line_outcome(text, why);
	l->outcome = slice_of(text);
	if (why == REFUSED_NOT)
		leaf->missed++;
	else
		leaf->refused++;
}

static enum rc
cell_write(struct buf *out, struct segment_leaf *leaf, const struct cell *c,
    const uint8_t networks[static SHA256_LEN], struct err *e)
{
	char network[ORIGIN_NAME_LEN + 1], signature[HEX_SIZE(SIGNATURE_LEN)];
	char outcome[LINE_OUTCOME_SIZE];
	const struct public_slot *s = &c->slot;
	struct round_text round;
	struct line l;

	line_init(&l);
	l.slot = s->slot;
	l.cycle = s->cycle_ms;
	l.copy = s->copy;
	l.version = s->version;
	l.worker = slice_of(c->worker);
	l.assigned = s->assigned_ms;
	if (c->network[0] != '\0') {
		origin_name(network, networks, s->assigned_ms / DAY_MS,
		    slice_of(c->network));
		l.network = slice_of(network);
	}
	if (!c->is_result) {
		outcome_fill(&l, outcome, leaf, s->refused);
		return line_write(out, &l, e);
	}
	l.outcome = slice_of("result");
	if (c->round != NULL)
		round_fill(&l, &round, c);
	else {
		l.scheme = slice_of(LINE_ALONE);
		l.form = slice_of(line_form_name(s->form));
	}
	l.timestamp = s->timestamp_ms;
	l.success = s->success;
	l.status = s->status;
	l.ms = s->response_ms;
	if (c->error != NULL)
		l.error = slice_of(c->error);
	hex_encode(signature, s->signature, sizeof(s->signature));
	l.signature = slice_of(signature);
	leaf->results++;
	return line_write(out, &l, e);
}

enum rc
cells_write(struct buf *out, const struct cell *cell, size_t n,
    const uint8_t networks[static SHA256_LEN], struct err *e)
{
	struct segment_leaf none;
	enum rc rc = RC_OK;
	size_t i;

	memset(&none, 0, sizeof(none));
	for (i = 0; i < n && rc == RC_OK; i++)
		rc = cell_write(out, &none, &cell[i], networks, e);
	return rc;
}

static enum rc
unassigned_write(struct buf *out, struct segment_leaf *leaf, int64_t cycle,
    int64_t copy, struct err *e)
{
	struct line l;

	line_init(&l);
	l.cycle = cycle;
	l.copy = copy;
	l.outcome = slice_of("unassigned");
	leaf->unassigned++;
	return line_write(out, &l, e);
}

/* Where a walk through the schedule and the cells is. */
struct walk {
	const struct task_state *t;
	struct segment_leaf *leaf;
	const struct cell *cell, *end;
	const uint8_t *networks; /* the key of their names */
	struct buf *out;
};

/* The cells before that place; *is_there: one is at it. */
static enum rc
cells_before(
    struct walk *w, int64_t cycle, int64_t copy, bool *is_there, struct err *e)
{
	enum rc rc = RC_OK;
	int d;

	*is_there = false;
	for (; w->cell < w->end && !*is_there && rc == RC_OK; w->cell++) {
		d = compare(w->cell->slot.cycle_ms, cycle);
		if (d == 0)
			d = compare(w->cell->slot.copy, copy);
		if (d > 0)
			return RC_OK;
		if (w->cell->at < w->leaf->from || w->cell->at >= w->leaf->to)
			continue;
		*is_there = d == 0 && !cell_is_beside(w->t, &w->cell->slot);
		rc = cell_write(w->out, w->leaf, w->cell, w->networks, e);
	}
	return rc;
}

static enum rc
cycle_write(struct walk *w, int64_t cycle, int64_t copies, struct err *e)
{
	enum rc rc = RC_OK;
	bool is_there;
	int64_t copy;

	for (copy = 0; copy < copies && rc == RC_OK; copy++) {
		rc = cells_before(w, cycle, copy, &is_there, e);
		if (rc == RC_OK && !is_there)
			rc = unassigned_write(w->out, w->leaf, cycle, copy, e);
	}
	return rc;
}

enum rc
segment_write(struct buf *out, struct segment_leaf *leaf,
    const struct task_state *t, const struct cell *cell, size_t n,
    const uint8_t networks[static SHA256_LEN], struct err *e)
{
	struct walk w = { t, leaf, cell, n == 0 ? cell : cell + n, networks,
		out };
	const struct span *span;
	int64_t cycle = leaf->from;
	bool none;
	enum rc rc = RC_OK;

	while (rc == RC_OK &&
	    span_cycle_next(t->spans, t->spans_n, leaf->to, &cycle, &span)) {
		rc = cycle_write(&w, cycle, span->copies, e);
		cycle++;
	}
	if (rc == RC_OK)
		rc = cells_before(&w, INT64_MAX, 0, &none, e);
	if (rc != RC_OK)
		return rc;
	leaf->lines =
	    leaf->results + leaf->missed + leaf->refused + leaf->unassigned;
	leaf->bytes = (int64_t)out->len;
	leaf_sha256(leaf->sha256, (struct slice){ out->p, out->len });
	return RC_OK;
}
