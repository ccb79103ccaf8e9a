/*
 * The slots of a task's running cycle: which of them somebody holds, which
 * nobody does, which were paid, and where the task stands in the schedule
 * because of that. Only the ledger's schedule.c uses it.
 */
#ifndef WORKNET_LEDGER_CYCLE_SLOTS_H
#define WORKNET_LEDGER_CYCLE_SLOTS_H

#include "base/limits.h"
#include "eth/address.h"
#include "ledger/db.h"

/* A due task: what decides about it. */
struct due {
	int64_t task;
	int64_t open_ms; /* its place */
	int64_t version;
	int64_t cycle_ms; /* last taken from */
	int64_t given;	  /* copies of that cycle that were taken */
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
};

enum slot_kind {
	SLOT_NONE,  /* not for this worker, now */
	SLOT_NEW,   /* nobody was given it before */
	SLOT_FREE,  /* somebody was, who doesn't hold it */
	SLOT_STALE, /* none to give: only the task's place is old */
};

struct slot {
	enum slot_kind kind;
	int64_t number; /* of SLOT_FREE */
	int64_t copy;
	int64_t cycle_ms;
	int64_t free_ms; /* of SLOT_FREE: nobody holds it from here on */
};

struct cycle_slots {
	int64_t cycle_ms;
	int64_t opened_ms;
	int64_t ends_ms; /* when the next one opens */
	int64_t now_ms;
	int64_t new_copy; /* the first that nobody was given; -1: none */
	int64_t news;	  /* so many nobody was given */
	int64_t free_n;
	int64_t paid_n;	   /* of those that a poll must know of */
	struct slot *free; /* borrowed: COPIES_MAX, of the last that was read */
	int64_t held_until_ms; /* the first of those that are held is free */
};

/* Until when somebody who is given a slot now holds it. */
int64_t cycle_slots_free_ms(const struct due *d, int64_t now_ms);

/*
 * Whether the task gave slots of a later cycle than the one that runs: the
 * clock was ahead, or an edit moved the cycles. Nobody knows then what was
 * given of this one, and none of it is. One that is further ahead than the next
 * isn't believed: when its time comes, it is given again. Nor is one that isn't
 * a cycle of the definition that an edit made since: each slot is of a cycle of
 * its own definition (proof/verify_lines.c refuses others).
 */
bool cycle_slots_are_ahead(const struct due *d, int64_t cycle_ms);

/* out->free is given. Errors of db.h. */
MUST_CHECK enum rc
cycle_slots_read(struct db *db, const struct due *d, int64_t phase,
    int64_t cycle_ms, int64_t now_ms, struct cycle_slots *out, struct err *e);

/* Whether each is paid or held. */
bool cycle_slots_are_taken(const struct cycle_slots *c);

/*
 * Whether some are paid that nobody held, so that the task's place doesn't say
 * that any of the cycle was taken.
 */
bool cycle_slots_are_unnoted(const struct due *d, const struct cycle_slots *c);

/*
 * Which one this address may have: of those that nobody was given the first,
 * else of the others one by its address, so that not all try the same. With a
 * network ("" for none) only what none of the cycle's others went to it.
 */
MUST_CHECK enum rc cycle_slots_choose(struct db *db, const struct due *d,
    const struct cycle_slots *c, struct slice network, const struct address *a,
    struct slot *out, struct err *e);

/* Inside a write transaction: it is given, to be held or not. */
MUST_CHECK enum rc
cycle_slots_give(struct db *db, struct due *d, struct cycle_slots *c,
    const struct slot *s, struct slice network, bool held, struct err *e);

/* Inside a write transaction: the task's new place, after slots were taken. */
MUST_CHECK enum rc cycle_slots_move(struct db *db, const struct due *d,
    const struct cycle_slots *c, int64_t region, struct err *e);

#endif
