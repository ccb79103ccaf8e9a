#include "publish/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum rc
no_memory(struct err *e)
{
	return err_set(e, RC_NO_MEMORY, "out of memory");
}

/* ---- What is there ---- */

static bool
place_is_free(const uint8_t *place)
{
	static const uint8_t none[SHA256_LEN];

	return memcmp(place, none, SHA256_LEN) == 0;
}

/* Where it is, or belongs. There is a free place. */
static size_t
place_of(const struct state *s, const uint8_t hash[static SHA256_LEN])
{
	uint64_t at;

	memcpy(&at, hash, sizeof(at));
	at %= s->said_room;
	while (!place_is_free(s->said[at]) &&
	    memcmp(s->said[at], hash, SHA256_LEN) != 0)
		at = (at + 1) % s->said_room;
	return (size_t)at;
}

static enum rc
said_grow(struct state *s, struct err *e)
{
	struct state old = *s;
	size_t i;

	s->said_room = old.said_room == 0 ? 64 : 2 * old.said_room;
	s->said = calloc(s->said_room, SHA256_LEN);
	if (s->said == NULL) {
		*s = old;
		return no_memory(e);
	}
	for (i = 0; i < old.said_room; i++)
		if (!place_is_free(old.said[i]))
			memcpy(s->said[place_of(s, old.said[i])], old.said[i],
			    SHA256_LEN);
	free(old.said);
	return RC_OK;
}

static enum rc
state_add(struct state *s, const char *what, struct err *e)
{
	uint8_t hash[SHA256_LEN];
	size_t at;
	enum rc rc;

	if (2 * s->said_n >= s->said_room) {
		rc = said_grow(s, e);
		if (rc != RC_OK)
			return rc;
	}
	sha256(hash, what, strlen(what));
	at = place_of(s, hash);
	if (place_is_free(s->said[at]))
		s->said_n++;
	memcpy(s->said[at], hash, SHA256_LEN);
	return RC_OK;
}

bool
state_has(const struct state *s, const char *what)
{
	uint8_t hash[SHA256_LEN];

	if (s->said_room == 0)
		return false;
	sha256(hash, what, strlen(what));
	return !place_is_free(s->said[place_of(s, hash)]);
}

/* ---- Tasks ---- */

/* The first that isn't before name. */
static size_t
task_place(const struct state *s, const char *name)
{
	size_t lo = 0, hi = s->tasks, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (strcmp(s->task[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct task_state *
state_task(const struct state *s, const char *name)
{
	size_t at = task_place(s, name);

	return at < s->tasks && strcmp(s->task[at]->name, name) == 0
	    ? s->task[at]
	    : NULL;
}

static enum rc
task_add(
    struct state *s, const char *name, struct task_state **out, struct err *e)
{
	const size_t at = task_place(s, name);
	struct task_state **all, *t;

	all = realloc(s->task, (s->tasks + 1) * sizeof(*all));
	if (all == NULL)
		return no_memory(e);
	s->task = all;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return no_memory(e);
	memmove(&all[at + 1], &all[at], (s->tasks - at) * sizeof(*all));
	all[at] = t;
	s->tasks++;
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	t->leaf = t->segment_leaf = t->maintenance_leaf = LEAF_NONE;
	*out = t;
	return RC_OK;
}

static enum rc
task_take(struct state *s, const struct task_leaf *leaf, struct err *e)
{
	struct task_state *t = state_task(s, leaf->task);
	struct span *spans;
	enum rc rc = RC_OK;

	if (t == NULL)
		rc = task_add(s, leaf->task, &t, e);
	if (rc != RC_OK || t == NULL)
		return rc;
	spans = realloc(t->spans, (t->spans_n + 1) * sizeof(*spans));
	if (spans == NULL)
		return no_memory(e);
	t->spans = spans;
	spans[t->spans_n++] = task_leaf_span(leaf);
	t->last = *leaf;
	t->leaf = s->size;
	return RC_OK;
}

static enum rc
segment_take(struct state *s, const struct segment_leaf *leaf, struct err *e)
{
	struct task_state *t = state_task(s, leaf->task);

	if (t == NULL)
		return err_set(e, RC_CORRUPT,
		    "leaf %" PRId64
		    " is a segment of %s, which has no definition",
		    s->size, leaf->task);
	t->segment = *leaf;
	t->segment_leaf = s->size;
	return RC_OK;
}

/* ---- All else ---- */

static enum rc
maintenance_take(
    struct state *s, const struct maintenance_leaf *m, struct err *e)
{
	struct task_state *t = state_task(s, m->task);
	char what[80];

	if (t == NULL)
		return err_set(e, RC_CORRUPT,
		    "leaf %" PRId64
		    " is maintenance of %s, which has no definition",
		    s->size, m->task);
	t->maintenance_leaf = s->size;
	(void)snprintf(what, sizeof(what), "%s %" PRId64 " %" PRId64,
	    m->ended == LEAF_NONE ? "maintenance" : "end", m->id, m->noted);
	return state_add(s, what, e);
}

static enum rc
canary_take(struct state *s, const struct canary_leaf *c, struct err *e)
{
	char what[80];

	(void)snprintf(what, sizeof(what), "canary %" PRId64 " %s", c->day,
	    c->key[0] == '\0' ? "hash" : "key");
	return state_add(s, what, e);
}

static enum rc
key_take(struct state *s, const struct key_leaf *k, struct err *e)
{
	char what[NOTE_VKEY_MAX + 8];

	(void)snprintf(what, sizeof(what), "key %s", k->key);
	return state_add(s, what, e);
}

/* A payout, or a forfeit, by what names it. */
static enum rc
other_take(struct state *s, struct slice entry, struct err *e)
{
	struct json *j = NULL;
	const char *nonce, *transfer;
	char what[160] = "";
	enum rc rc;

	rc = json_read(&j, entry, e);
	if (rc != RC_OK)
		return rc;
	nonce = json_text(json_get(j, "nonce"));
	transfer = json_text(json_get(j, "transfer"));
	if (nonce != NULL)
		(void)snprintf(what, sizeof(what), "payout %s", nonce);
	else if (transfer != NULL)
		(void)snprintf(what, sizeof(what), "forfeit %s", transfer);
	json_free(j);
	return what[0] == '\0' ? RC_OK : state_add(s, what, e);
}

static void
newest_raise(struct state *s, int64_t ms)
{
	if (ms > s->newest_ms)
		s->newest_ms = ms;
}

/* Any leaf. */
union leaf {
	struct task_leaf task;
	struct segment_leaf segment;
	struct maintenance_leaf maintenance;
	struct method_leaf method;
	struct canary_leaf canary;
	struct drills_leaf drills;
	struct key_leaf key;
};

static enum rc
leaf_take(struct state *s, enum leaf_kind kind, const union leaf *l,
    struct slice entry, struct err *e)
{
	switch (kind) {
	case KIND_TASK:
	case KIND_PRIVATE:
		return task_take(s, &l->task, e);
	case KIND_SEGMENT:
		newest_raise(s, l->segment.to);
		return segment_take(s, &l->segment, e);
	case KIND_MAINTENANCE:
		newest_raise(s, l->maintenance.logged);
		return maintenance_take(s, &l->maintenance, e);
	case KIND_METHOD:
		newest_raise(s, l->method.logged);
		s->method = l->method;
		s->method_leaf = s->size;
		return RC_OK;
	case KIND_CANARY:
		newest_raise(s, l->canary.logged);
		return canary_take(s, &l->canary, e);
	case KIND_KEY:
		newest_raise(s, l->key.logged);
		return key_take(s, &l->key, e);
	case KIND_DRILLS:
		return RC_OK;
	case KIND_OTHER:
		break;
	}
	return other_take(s, entry, e);
}

enum rc
state_take(struct state *s, struct slice entry, struct err *e)
{
	const enum leaf_kind kind = leaf_kind(entry);
	union leaf leaf;
	enum rc rc = RC_OK;

	if (kind != KIND_OTHER)
		rc = leaf_parse(&leaf, kind, entry, e);
	if (rc == RC_OK)
		rc = leaf_take(s, kind, &leaf, entry, e);
	if (rc != RC_OK)
		return err_prefix(e, "entry %" PRId64, s->size);
	s->size++;
	return RC_OK;
}

/* ---- All of a log ---- */

/*
 * Most entries are segments, and only the newest of each task says anything:
 * of the others no more than the task is read, which comes first in them.
 */
static enum rc
segment_pass(struct state *s, struct slice entry, struct err *e)
{
	static const char begin[] =
	    "{\"type\":\"" LEAF_SEGMENT "\",\"task\":\"";
	const size_t skip = sizeof(begin) - 1;
	char name[TASK_ID_MAX + 1];
	struct task_state *t = NULL;
	const char *end;

	end = entry.len > skip ? memchr(entry.p + skip, '"', entry.len - skip)
			       : NULL;
	if (end != NULL && (size_t)(end - entry.p) - skip <= TASK_ID_MAX) {
		slice_copy(name, sizeof(name),
		    (struct slice){
			entry.p + skip, (size_t)(end - entry.p) - skip });
		t = state_task(s, name);
	}
	if (t == NULL)
		return err_set(e, RC_CORRUPT,
		    "entry %" PRId64
		    " is a segment of a task that has no definition",
		    s->size);
	t->segment_leaf = s->size++;
	return RC_OK;
}

static enum rc
segments_read(struct state *s, struct site *site, int64_t from, struct err *e)
{
	struct task_state *t;
	struct slice entry;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < s->tasks && rc == RC_OK; i++) {
		t = s->task[i];
		if (t->segment_leaf < from)
			continue;
		rc = site_entry(site, t->segment_leaf, &entry, e);
		if (rc == RC_OK)
			rc = leaf_parse(&t->segment, KIND_SEGMENT, entry, e);
		if (rc != RC_OK)
			return err_prefix(e, "entry %" PRId64, t->segment_leaf);
		newest_raise(s, t->segment.to);
	}
	return rc;
}

enum rc
state_read(struct state *s, struct site *site, struct err *e)
{
	const int64_t from = s->size;
	struct slice entry;
	enum rc rc = RC_OK;

	while (s->size < site->size && rc == RC_OK) {
		rc = site_entry(site, s->size, &entry, e);
		if (rc == RC_OK)
			rc = leaf_kind(entry) == KIND_SEGMENT
			    ? segment_pass(s, entry, e)
			    : state_take(s, entry, e);
	}
	if (rc == RC_OK)
		rc = segments_read(s, site, from, e);
	if (rc != RC_OK)
		state_free(s);
	return rc;
}

void
state_free(struct state *s)
{
	size_t i;

	for (i = 0; i < s->tasks; i++) {
		free(s->task[i]->spans);
		free(s->task[i]);
	}
	free(s->task);
	free(s->said);
	memset(s, 0, sizeof(*s));
}
