/*
 * What the two halves of the schedule share: schedule_pick.c says what a poll
 * is given, and only reads; schedule.c gives it. For them alone.
 */
#ifndef WORKNET_LEDGER_SCHEDULE_ROOM_H
#define WORKNET_LEDGER_SCHEDULE_ROOM_H

#include "ledger/cycle_slots.h"
#include "ledger/schedule.h"
#include "ledger/share.h"
#include "ledger/terms.h"

/* What was picked for the worker, but isn't given yet. */
struct pick {
	struct due due;
	struct slot slot;
	struct cycle_slots slots; /* the others of its cycle */
	bool out_of_turn;
	struct given_task *told; /* NULL: nothing is */
};

/* A poll, while it is being served in one region after the other. */
struct region_poll {
	struct db *db;
	const struct schedule_rules *rules;
	struct terms_row terms; /* that count now */
	const struct poll *poll;
	bool may_write;
	struct standing standing; /* of who polls */
	bool holds;		  /* what it is given now */
	int64_t region;
	struct slice region_name;
	struct share share;
	int64_t permille;	  /* of rewards: tier.h */
	int64_t given_micros;	  /* that it has, and isn't paid for */
	int64_t last_slot;	  /* given out, to anybody */
	int64_t anchor;		  /* of what is given now */
	size_t wanted;		  /* tasks in the answer, of all regions */
	size_t held;		  /* that it has, and is told of again */
	size_t found;		  /* that are in the answer so far */
	struct given_task *tasks; /* room for as many as wanted, or NULL */
	struct pick *picks;	  /* POLL_CANDIDATES_MAX, of this region */
	size_t n_picks;
	int choice;		      /* enum choice, of this walk, */
	bool passed_over;	      /* which left something out */
	struct slot free[COPIES_MAX]; /* of the task that is looked at */
};

/* Lists the worker's unanswered assignments again, as they were. */
MUST_CHECK enum rc schedule_held_list(struct region_poll *r, struct err *e);

/*
 * Picks as many slots as are still wanted; only reads, so that no statement
 * walks over what is being changed.
 */
MUST_CHECK enum rc schedule_pick(struct region_poll *r, struct err *e);

#endif
