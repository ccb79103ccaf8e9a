/*
 * A worker's account, as whoever asks is told: the operator by worknet worker
 * show, the worker by its page. Costs what the account has of payouts, of days
 * and of credit that waits, however many results are behind it. One thread.
 */
#ifndef WORKNET_LEDGER_ACCOUNT_H
#define WORKNET_LEDGER_ACCOUNT_H

#include "eth/address.h"
#include "ledger/maturity.h"
#include "ledger/tier.h"

struct account {
	int64_t id;
	struct address address;
	int64_t first_seen_ms;
	bool suspended;
	/* What it was credited, also by a restored ledger that had lost it. Of
	 * each micro-USDC it is known where it is: earned is the sum of owed,
	 * in flight, paid and forfeited. */
	int64_t earned_micros;
	int64_t owed_micros;
	int64_t in_flight_micros; /* reserved for payouts that aren't final */
	int64_t paid_micros;	  /* as the chain shows */
	int64_t forfeited_micros;
	char tier[TIER_NAME_MAX + 1]; /* "": none */
	int64_t reward_permille;      /* what that pays */
	int64_t results;	      /* that were credited */
	int64_t payable_micros;	      /* of what is owed, now; the rest waits */
	struct maturity maturity;
};

/* RC_NOT_FOUND for an address that was never given anything; RC_CORRUPT. */
MUST_CHECK enum rc account_read(struct db *db, const struct address *address,
    int64_t now_ms, struct account *out, struct err *e);

#endif
