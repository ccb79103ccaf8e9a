/*
 * The keys of drills, as far as they are shown, and with a day's key what was
 * answered to its drills, which says of no slot that it was a drill before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "ledger/origin.h"
#include "publish/room.h"

#define DRILLS_BYTES (1024LL * 1024 * 1024)

/* ---- A day's drills ---- */

struct drills {
	struct publisher *p;
	struct cells cells;
};

static enum rc
on_drill(void *ctx, const struct public_slot *s, bool *stop, struct err *e)
{
	struct drills *d = ctx;
	const struct state *state = &d->p->state;
	size_t i;

	(void)stop;
	for (i = 0; i < state->tasks; i++)
		if (state->task[i]->id == s->task)
			return cells_add(&d->cells, state->task[i], s, true, e);
	return err_set(e, RC_CORRUPT,
	    "slot %" PRId64 " is of a task without a definition", s->slot);
}

static int
cell_compare(const void *x, const void *y)
{
	const struct cell *a = x, *b = y;
	int d = strcmp(a->task->name, b->task->name);

	return d != 0
	    ? d
	    : (a->slot.slot > b->slot.slot) - (a->slot.slot < b->slot.slot);
}

/* The file and the leaf of a task. */
static enum rc
file_make_of(struct publisher *p, int64_t day, const struct cell *cell,
    size_t n, struct err *e)
{
	struct drills_leaf leaf = { .day = day, .lines = (int64_t)n };
	char name[SEGMENT_NAME_MAX + 1];
	uint8_t networks[SHA256_LEN];
	struct buf file;
	enum rc rc;

	memcpy(leaf.task, cell->task->name, sizeof(leaf.task));
	buf_init(&file, DRILLS_BYTES);
	rc = origin_key(p->db, networks, e);
	if (rc == RC_OK)
		rc = cells_write(&file, cell, n, networks, e);
	leaf.bytes = (int64_t)file.len;
	leaf_sha256(leaf.sha256, (struct slice){ file.p, file.len });
	drills_name(name, &leaf);
	if (rc == RC_OK)
		rc = lines_put(p, cell->task, name,
		    (struct slice){ file.p, file.len }, leaf.seals, e);
	buf_free(&file);
	return rc == RC_OK ? leaf_entry(p, KIND_DRILLS, &leaf, e) : rc;
}

static enum rc
day_publish(struct publisher *p, int64_t day, struct err *e)
{
	struct drills d = { .p = p };
	const struct cell *all;
	size_t i, k;
	enum rc rc;

	rc = public_drills(p->db, day, on_drill, &d, e);
	all = d.cells.all;
	if (rc == RC_OK && d.cells.n > 0)
		qsort(d.cells.all, d.cells.n, sizeof(*all), cell_compare);
	for (i = 0; i < d.cells.n && rc == RC_OK; i = k) {
		for (k = i; k < d.cells.n && all[k].task == all[i].task; k++)
			;
		rc = file_make_of(p, day, &all[i], k - i, e);
	}
	cells_free(&d.cells);
	return rc;
}

/* ---- Keys ---- */

static enum rc
key_publish(
    struct publisher *p, const struct public_key *k, bool shown, struct err *e)
{
	struct canary_leaf leaf = { .day = k->day, .logged = p->now_ms };
	char subject[80];
	enum rc rc = RC_OK;

	(void)snprintf(subject, sizeof(subject), "canary %" PRId64 " %s",
	    k->day, shown ? "key" : "hash");
	if (state_has(&p->state, subject))
		return RC_OK;
	hex_encode(leaf.hash, (const uint8_t *)k->hash.p, SHA256_LEN);
	if (shown) {
		hex_encode(leaf.key, (const uint8_t *)k->key.p, SHA256_LEN);
		/* In one checkpoint with the key, or again. */
		rc = day_publish(p, k->day, e);
	}
	return rc == RC_OK ? leaf_entry(p, KIND_CANARY, &leaf, e) : rc;
}

/*
 * The coordinator's clock was ahead when it showed the key. A leaf that says so
 * before the day is over would void the day's drills for whoever verifies
 * (proof/verify_facts.c).
 */
static bool
key_waits(struct publisher *p, const struct public_key *k)
{
	char now[FILE_TIME_LEN + 1];

	if (p->now_ms / DAY_MS > k->day)
		return false;
	p->result->findings++;
	file_time(now, p->now_ms);
	log_error(
	    "the ledger shows the key of drills of day %" PRId64
	    ", and the clock shows %s: the coordinator's clock was ahead; the key is logged once that day is over",
	    k->day, now);
	return true;
}

static enum rc
on_key(void *ctx, const struct public_key *k, struct err *e)
{
	struct publisher *p = ctx;
	enum rc rc = RC_OK;

	if (k->hash.len == SHA256_LEN)
		rc = key_publish(p, k, false, e);
	if (rc == RC_OK && k->key.len == SHA256_LEN && !key_waits(p, k))
		rc = key_publish(p, k, true, e);
	return rc;
}

enum rc
drills_publish(struct publisher *p, struct err *e)
{
	return public_keys(p->db, on_key, p, e);
}
