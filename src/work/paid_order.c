/* A worker's record, in the orders in which a log's lines ask for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "work/paid_room.h"

static int
compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int
slot_compare(const void *x, const void *y)
{
	const struct entry *const *a = x, *const *b = y;

	return compare((*a)->r->slot, (*b)->r->slot);
}

static int
signature_compare(const void *x, const void *y)
{
	const struct entry *const *a = x, *const *b = y;

	return strcmp((*a)->r->signature, (*b)->r->signature);
}

static int
seal_compare(const void *x, const void *y)
{
	const struct entry *const *a = x, *const *b = y;

	return memcmp((*a)->r->seal, (*b)->r->seal, sizeof((*a)->r->seal));
}

const char *
paid_name(const struct record_result *r)
{
	return r->label[0] != '\0' ? r->label : r->task;
}

static int
task_compare(const void *x, const void *y)
{
	return strcmp(((const struct paid_task *)x)->name,
	    ((const struct paid_task *)y)->name);
}

struct paid_task *
paid_task_find(const struct paid *p, const char *name)
{
	struct paid_task key;

	(void)snprintf(key.name, sizeof(key.name), "%s", name);
	return p->tasks == 0
	    ? NULL
	    : bsearch(&key, p->task, p->tasks, sizeof(*p->task), task_compare);
}

/* The tasks of the record, each once. */
static void
tasks_list(struct paid *p)
{
	const struct record *record = p->w->record;
	struct paid_task *t;
	size_t i, n = 0;

	for (i = 0; i < record->n; i++) {
		t = &p->task[i];
		(void)snprintf(
		    t->name, sizeof(t->name), "%s", paid_name(&record->all[i]));
		t->first_ms = t->last_ms = record->all[i].timestamp_ms;
		t->leaf_at = t->segment_at = LEAF_NONE;
	}
	qsort(p->task, record->n, sizeof(*p->task), task_compare);
	for (i = 0; i < record->n; i++) {
		t = &p->task[i];
		if (n == 0 || strcmp(p->task[n - 1].name, t->name) != 0) {
			p->task[n++] = *t;
			continue;
		}
		if (t->first_ms < p->task[n - 1].first_ms)
			p->task[n - 1].first_ms = t->first_ms;
		if (t->last_ms > p->task[n - 1].last_ms)
			p->task[n - 1].last_ms = t->last_ms;
	}
	p->tasks = n;
}

enum rc
paid_take(struct paid *p, struct err *e)
{
	const struct record *record = p->w->record;
	struct entry *entry;
	size_t i;

	p->entry = calloc(record->n + 1, sizeof(*p->entry));
	p->by_slot = calloc(record->n + 1, sizeof(*p->by_slot));
	p->by_signature = calloc(record->n + 1, sizeof(*p->by_signature));
	p->by_seal = calloc(record->n + 1, sizeof(*p->by_seal));
	p->task = calloc(record->n + 1, sizeof(*p->task));
	if (p->entry == NULL || p->by_slot == NULL || p->by_signature == NULL ||
	    p->by_seal == NULL || p->task == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	p->out->results = (int64_t)record->n;
	for (i = 0; i < record->n; i++) {
		entry = &p->entry[i];
		entry->r = &record->all[i];
		if (entry->r->label[0] != '\0')
			p->by_seal[p->seals++] = entry;
		if (entry->r->signature[0] == '\0')
			p->by_slot[p->slots++] = entry;
		else
			p->by_signature[p->signatures++] = entry;
	}
	qsort(p->by_slot, p->slots, sizeof(entry), slot_compare);
	qsort(p->by_signature, p->signatures, sizeof(entry), signature_compare);
	qsort(p->by_seal, p->seals, sizeof(entry), seal_compare);
	tasks_list(p);
	return RC_OK;
}

struct entry *
paid_by_slot(const struct paid *p, int64_t slot)
{
	struct record_result key = { .slot = slot };
	struct entry wanted = { &key, false }, *at = &wanted, **hit;

	hit = p->slots == 0
	    ? NULL
	    : bsearch(&at, p->by_slot, p->slots, sizeof(at), slot_compare);
	return hit == NULL ? NULL : *hit;
}

struct entry *
paid_by_signature(const struct paid *p, struct slice signature)
{
	struct record_result key;
	struct entry wanted = { &key, false }, *at = &wanted, **hit = NULL;

	slice_copy(key.signature, sizeof(key.signature), signature);
	if (p->signatures > 0)
		hit = bsearch(&at, p->by_signature, p->signatures, sizeof(at),
		    signature_compare);
	return hit == NULL ? NULL : *hit;
}

struct entry *
paid_by_seal(const struct paid *p, const char *seal)
{
	struct record_result key;
	struct entry wanted = { &key, false }, *at = &wanted, **hit;

	memcpy(key.seal, seal, sizeof(key.seal));
	hit = p->seals == 0
	    ? NULL
	    : bsearch(&at, p->by_seal, p->seals, sizeof(at), seal_compare);
	return hit == NULL ? NULL : *hit;
}
