/*
 * Payees in groups: payees.c decides what each of a group gets, and here the
 * vault signs it and it is stored. Private to these two; one thread.
 */
#ifndef WORKNET_PAY_GROUP_H
#define WORKNET_PAY_GROUP_H

#include "evm/precheck.h"
#include "pay/open.h"
#include "pay/tally.h"
#include "pay/verifier.h"

/* A payee that is decided on. */
struct candidate {
	const struct payee *payee;
	struct verified verified;
	struct precheck forecast; /* what the token says of it */
	int64_t payable_micros;	  /* of what is verified */
	int64_t amount;		  /* to be signed; 0: nothing */
	bool refused;		  /* another amount was */
};

/* The payees of a run, the oldest debt first. */
struct payees {
	struct run *run;
	struct payee_list list;	   /* owned */
	struct verifier *verifier; /* owned; of the list */
	size_t next;		   /* to be taken from the verifier */
	struct candidate group[SETTLE_AT_ONCE_MAX];
	size_t count;	     /* of the group */
	size_t decided;	     /* of the list */
	int64_t made;	     /* payouts */
	int64_t made_micros; /* their sum */
	struct tally tally;
	bool full; /* the cap of 24 hours leaves less than any payout */
};

/* Who isn't paid, and why: for --dry-run; the ledger has the rest. */
void payee_pass(struct run *r, const struct payee *p, const char *why);

/* Counts what c is to get, in place of what it was to get before. */
void amount_set(struct payees *all, struct candidate *c, int64_t amount);

/*
 * Inside a step: has the vault sign what the group is to get, and stores it;
 * *n payouts are made in out. Who is refused gets what the vault would sign
 * instead, or nothing, and keeps no other waiting. Errors of db.h and of the
 * vault.
 */
MUST_CHECK enum rc group_sign(
    struct payees *all, struct open_payout *out, size_t *n, struct err *e);

#endif
