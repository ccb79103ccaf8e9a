/*
 * What the files that hold a worker's record to a log share. Only they use it.
 */
#ifndef WORKNET_WORK_PAID_ROOM_H
#define WORKNET_WORK_PAID_ROOM_H

#include "proof/leaf.h"
#include "proof/line.h"
#include "work/paid.h"
#include "work/paid_line.h"

/* A result of the record, and what became of it. */
struct entry {
	const struct record_result *r;
	bool found; /* there, or told to be different */
};

/* A task of the record, as far as the log tells. */
struct paid_task {
	char name[TASK_ID_MAX + 1];
	int64_t first_ms, last_ms; /* of its results */
	struct task_leaf *leaf;	   /* owned: its definitions */
	struct span *span;	   /* owned, of each */
	size_t n;
	int64_t leaf_at, segment_at; /* its newest leaves; LEAF_NONE */
	int64_t interval_ms;	     /* the longest; 0: it isn't in the log */
	int64_t to;		     /* its hours are logged up to then; 0 */
};

/* A day of drills: its key was promised, and told or not. */
struct paid_day {
	int64_t day;
	bool told;
};

struct paid {
	const struct paid_wanted *w;
	struct paid_report *out;
	struct site site;
	struct checkpoint checkpoint;
	struct anchor_list anchors;
	struct entry *entry; /* owned, of all of the record */
	/* Owned; those signed in rounds by slot, the others by signature. */
	struct entry **by_slot, **by_signature;
	struct entry **by_seal; /* those of private tasks, again */
	size_t slots, signatures, seals;
	struct paid_task *task; /* owned, by name */
	size_t tasks;
	bool has_private;     /* tasks that it doesn't name */
	struct paid_day *day; /* owned */
	size_t days;
};

/* What the log calls the task. */
const char *paid_name(const struct record_result *r);

/* The task that the log calls so, if the record has it; else NULL. */
struct paid_task *paid_task_find(const struct paid *p, const char *name);

/*
 * Takes the record: its results in the orders in which they are looked for, and
 * their tasks. RC_NO_MEMORY.
 */
MUST_CHECK enum rc paid_take(struct paid *p, struct err *e);

/* The result of that slot, signature or seal; NULL: there is none. */
struct entry *paid_by_slot(const struct paid *p, int64_t slot);
struct entry *paid_by_signature(const struct paid *p, struct slice signature);
struct entry *paid_by_seal(const struct paid *p, const char *seal);

#endif
