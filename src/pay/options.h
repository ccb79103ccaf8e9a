/*
 * What a payout run is asked to do, and what came of it.
 */
#ifndef WORKNET_PAY_OPTIONS_H
#define WORKNET_PAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/address.h"
#include "pay/preview.h"

struct run_options {
	bool dry_run;		 /* only says what it would pay, */
	struct preview *preview; /* here; else NULL */
	bool reconcile_only;
	int64_t max_payouts;	    /* new ones; 0: no limit */
	const struct address *only; /* NULL: every worker */
	bool progress;		    /* standard error is a terminal */
	int stop_fd;		    /* readable: stop between two */
};

struct run_result {
	int64_t reserved; /* new payouts */
	int64_t posted;	  /* payouts that the chain showed now */
	int64_t finalized;
	int64_t voided;
	int64_t held;	/* payees that aren't paid at present */
	int64_t open;	/* neither posted, final nor voided after it */
	bool waiting;	/* nobody takes what is to be sent */
	bool stopped;	/* by a signal, or by a hold of everybody */
	bool insolvent; /* the treasury can't pay all that is due */
	bool findings;	/* something was found for a person to see */
};

#endif
