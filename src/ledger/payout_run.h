/*
 * What payout runs leave about themselves: a row for each run, and how each
 * way to settle does over all of them. One thread at a time, as db.h says.
 */
#ifndef WORKNET_LEDGER_PAYOUT_RUN_H
#define WORKNET_LEDGER_PAYOUT_RUN_H

#include "ledger/db.h"

#define RUN_WORDS_MAX	  400 /* bytes of text without the NUL */
#define SETTLER_NAME_MAX  160
#define SETTLER_WORDS_MAX 240

struct payout_run {
	int64_t id;
	int64_t began_ms;
	int64_t ended_ms;  /* 0: it is at work, or was killed */
	int64_t exit_code; /* of worknet-payout; -1 before the end */
	bool reconcile;	   /* it only looked */
	int64_t reserved;
	int64_t posted;
	int64_t finalized;
	int64_t voided;
	int64_t held;	    /* payees that weren't paid */
	int64_t unresolved; /* payouts, after it */
	int64_t posts;	    /* requests to settle */
	int64_t calls;	    /* of the chain's nodes */
	char words[RUN_WORDS_MAX + 1];
};

/* Notes that a run begins; its id goes to *id. */
MUST_CHECK enum rc payout_run_begin(
    struct db *db, bool reconcile, int64_t now_ms, int64_t *id, struct err *e);
/* Its end: everything of *r but began_ms and reconcile. */
MUST_CHECK enum rc
payout_run_end(struct db *db, const struct payout_run *r, struct err *e);
/* The newest run; *found is false before the first. */
MUST_CHECK enum rc payout_run_last(
    struct db *db, struct payout_run *out, bool *found, struct err *e);

/*
 * When the last run that pays began, and how far apart the last ones usually
 * were: the middle one of their distances, in whole minutes from two minutes
 * on, else in whole seconds. 0: not known.
 */
MUST_CHECK enum rc payout_run_rhythm(
    struct db *db, int64_t *last_ms, int64_t *every_ms, struct err *e);

struct settler_health {
	int64_t settled_ms; /* the chain last showed a payment; 0: never */
	/* Nothing that it was sent since then settled; 0: it settles. */
	int64_t failing_ms;
	int64_t runs;	/* that sent it something since then */
	int64_t payees; /* most of one of these runs, in vain */
	bool unfit;	/* it refuses every request, whoever's */
	char words[SETTLER_WORDS_MAX + 1]; /* its last answer in vain */
};

/* All zero when nothing is known of it. */
MUST_CHECK enum rc settler_health_get(
    struct db *db, const char *name, struct settler_health *out, struct err *e);
MUST_CHECK enum rc settler_health_set(struct db *db, const char *name,
    const struct settler_health *h, struct err *e);

#endif
