/*
 * Tiers: of which an operator imports workers. One of a tier has so many shares
 * (share.h, by its admission), and is paid so many thousandths of a task's
 * reward for each slot that it is given from then on, whatever the slot is for;
 * who is of none is paid 1000 of them. Rows of the ledger say who was of which
 * tier from which slot on, and what that tier was then, so that payer and audit
 * multiply as the schedule did: in SQL, by the view `tier_reward`.
 */
#ifndef WORKNET_LEDGER_TIER_H
#define WORKNET_LEDGER_TIER_H

#include "eth/address.h"
#include "ledger/db.h"

#define TIERS		  4
#define TIER_NAME_MAX	  8
#define TIER_PERMILLE	  1000	/* of who is of none */
#define TIER_PERMILLE_MAX 10000 /* as the schema has it */

/* bronze, silver, gold, platinum are 0 to TIERS - 1; TIERS: it is none. */
size_t tier_find(const char *name);

struct tier {
	int64_t weight;		 /* 1 to WEIGHT_MAX */
	int64_t reward_permille; /* TIER_PERMILLE to TIER_PERMILLE_MAX */
};

/*
 * A reward of who is paid so many thousandths of it, rounded down: no more than
 * one copy's part of what a cycle's copies may cost, unless that is 0.
 */
static inline int64_t
tier_reward(int64_t reward_micros, int64_t permille, int64_t budget_micros,
    int64_t copies)
{
	int64_t micros = reward_micros * permille / TIER_PERMILLE;

	return budget_micros > 0 && budget_micros / copies < micros
	    ? budget_micros / copies
	    : micros;
}

/* What the worker (0: never seen) is paid now. Errors of db.h. */
MUST_CHECK enum rc
tier_permille(struct db *db, int64_t worker, int64_t *permille, struct err *e);

/*
 * Inside a write transaction: the address is admitted, with the shares of tier
 * i, which is *t now, and is of it from the next slot on. RC_INVALID for a
 * witness's address.
 */
MUST_CHECK enum rc tier_set(struct db *db, const struct address *a, size_t i,
    const struct tier *t, int64_t now_ms, struct err *e);

/* The same: it is of no tier any more. */
MUST_CHECK enum rc
tier_end(struct db *db, const struct address *a, int64_t now_ms, struct err *e);

#endif
