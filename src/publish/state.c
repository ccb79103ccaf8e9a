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
	t->leaf = t->segment_leaf = LEAF_NONE;
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
	spans[t->spans_n++] =
	    (struct span){ leaf->from, strcmp(leaf->state, "active") == 0,
		    leaf->version, leaf->interval_ms, leaf->copies };
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

/* What state_has is asked about it; "" for what nobody asks about. */
static void
subject(char *out, size_t size, const char *type, const struct json *j)
{
	const char *nonce = json_text(json_get(j, "nonce"));
	const char *transfer = json_text(json_get(j, "transfer"));
	int64_t day;

	out[0] = '\0';
	if (strcmp(type, LEAF_PAYOUT) == 0 && nonce != NULL)
		(void)snprintf(out, size, "payout %s", nonce);
	else if (strcmp(type, LEAF_FORFEIT) == 0 && transfer != NULL)
		(void)snprintf(out, size, "forfeit %s", transfer);
	else if (strcmp(type, LEAF_CANARY) == 0 &&
	    json_int(&day, json_get(j, "day")) == RC_OK)
		(void)snprintf(out, size, "canary %" PRId64 " %s", day,
		    json_is_null(json_get(j, "key")) ? "hash" : "key");
}

static enum rc
other_take(struct state *s, const char *type, struct slice entry, struct err *e)
{
	struct json *j = NULL;
	char what[160] = "";
	enum rc rc;

	rc = json_read(&j, entry, e);
	if (rc != RC_OK)
		return rc;
	subject(what, sizeof(what), type, j);
	json_free(j);
	return what[0] == '\0' ? RC_OK : state_add(s, what, e);
}

enum rc
state_take(struct state *s, struct slice entry, struct err *e)
{
	struct segment_leaf segment;
	struct task_leaf task;
	char type[32];
	enum rc rc;

	leaf_type(type, entry);
	if (strcmp(type, LEAF_TASK) == 0) {
		rc = leaf_task_parse(&task, entry, e);
		if (rc == RC_OK)
			rc = task_take(s, &task, e);
	} else if (strcmp(type, LEAF_SEGMENT) == 0) {
		rc = leaf_segment_parse(&segment, entry, e);
		if (rc == RC_OK)
			rc = segment_take(s, &segment, e);
	} else
		rc = other_take(s, type, entry, e);
	if (rc != RC_OK)
		return err_prefix(e, "entry %" PRId64, s->size);
	s->size++;
	return RC_OK;
}

enum rc
state_read(struct state *s, struct site *site, struct err *e)
{
	struct slice entry;
	enum rc rc = RC_OK;

	memset(s, 0, sizeof(*s));
	while (s->size < site->size && rc == RC_OK) {
		rc = site_entry(site, s->size, &entry, e);
		if (rc == RC_OK)
			rc = state_take(s, entry, e);
	}
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
