/*
 * Shares: who may take a slot now. Only what was paid counts, never what a poll
 * was given: a poll proves nothing, and so takes no share from anybody.
 *
 * A region's slots are shared between networks first. A network's share is the
 * sum of what its addresses were paid there; one at or below the region's level
 * is in turn. Within it an address is in turn while it is no further than the
 * network: a payment moves an address on by as many times its amount as the
 * network has addresses (those paid in this hour or the last, and not for the
 * first time), so that all of them together move as the network does. Who is
 * paid through several networks has a place in each: else somebody's polls in
 * its name, from elsewhere, would move it in its own.
 *
 * When a slot has waited for long, everybody has had the chance: whoever asks
 * then gets it out of turn, and when that is paid the level rises to its
 * network's share: then all networks up to there are in turn again, which is a
 * round. So who polls gets the same, whenever in the minute it polls. Who was
 * away catches up by no more than CATCH_UP rewards; and a network of several
 * addresses may be ahead by as many as it has, up to that: else one that is
 * alone would wait for itself.
 *
 * Out of turn is only for an address that is no further than its network, until
 * nobody took anything of a whole cycle: else the first that asks at a cycle's
 * end would have what others of its network are in turn for a second later.
 *
 * One network that begins some rounds in a row, while no other is paid, is
 * alone. Each round would cost it the cycles in which it waits for others; so
 * the level follows what it is paid, and it begins a round, in which others
 * have the chance, only now and then: with six addresses, each 64 payments.
 *
 * An address's first payment counts twice: who begins waits until the others
 * were paid once more, and who has a new address for each poll never has more
 * than one share. A network that polls all the time would see each slot that
 * waited for long first; so who has no standing gets it out of turn only where
 * its network wasn't paid for as long as a slot waits.
 *
 * An address without a known network, and one that the operator admitted, is a
 * network of its own; with a weight it has so many shares.
 */
#ifndef WORKNET_LEDGER_SHARE_H
#define WORKNET_LEDGER_SHARE_H

#include "eth/address.h"
#include "ledger/db.h"

/* Of one address, from one network, in one region. */
struct share {
	int64_t worker; /* 0: never seen */
	int64_t region;
	struct slice network; /* borrowed; "": it is one of its own */
	int64_t level_micros;
	int64_t rounds;	 /* that a network began since another was paid: */
	bool are_others; /* not this one */
	int64_t worker_micros; /* its place in the network */
	int64_t network_micros;
	int64_t addresses; /* of the network, at least 1 */
	int64_t before;	   /* of them, in the hour before */
	int64_t weight;
	int64_t network_paid_ms; /* the last time; -1: never */
	bool paid_before;	 /* the address, in this region, */
	int64_t hour;		 /* and counted then, since 1970 */
	bool is_counted;	 /* in this hour or the last */
};

/* One result that is paid. */
struct share_payment {
	int64_t reward_micros;
	bool out_of_turn; /* it was given so */
};

/* Who is new has what its network has. Errors of db.h. */
MUST_CHECK enum rc share_read(struct db *db, const struct address *a,
    int64_t worker, int64_t region, struct slice network, int64_t now_ms,
    struct share *out, struct err *e);

/*
 * Whether it may take a slot of that reward now, if given_micros that it has
 * but wasn't paid for count as paid.
 */
bool share_is_in_turn(
    const struct share *s, int64_t reward_micros, int64_t given_micros);

/* The same, among the addresses of its network alone. */
bool share_is_in_turn_within(
    const struct share *s, int64_t reward_micros, int64_t given_micros);

/* Whether its network was paid since that time. */
bool
share_was_paid_since(const struct share *s, int64_t since_ms, int64_t now_ms);

/* Inside a write transaction: n results of worker, which is one, were paid. */
MUST_CHECK enum rc share_pay(struct db *db, struct share *s,
    const struct share_payment *p, size_t n, int64_t now_ms, struct err *e);

#endif
