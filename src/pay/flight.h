/*
 * Flights: what the gas account's queue in the ledger has, and no node in a
 * block, as far as we know; also what earlier runs have left there, and what
 * was reorganised away. It is sent again until a block has it: the same bytes,
 * or, where it is stuck, the same payload for a higher fee. Private to src/pay;
 * one thread.
 */
#ifndef WORKNET_PAY_FLIGHT_H
#define WORKNET_PAY_FLIGHT_H

#include "pay/gas.h"

#define FLIGHTS_MAX 16 /* nodes keep few of one account */

/* Somebody who waits for the answer of a payout in a flight. */
struct rider {
	bool waiting;
	size_t tag;
	int64_t since_ms; /* monotonic */
};

struct flight {
	struct submission s;
	struct rider riders[TRANSFERS_MAX]; /* of each payout in it */
	int64_t sent_ms;		    /* monotonic; 0: not in this run */
	int64_t signed_ms;		    /* monotonic; of its newest form */
	char trouble[NODES_REASON_MAX + 1]; /* as it was told */
	bool shown;			    /* a node shows it in a block, */
	bool mined;			    /* and every configured one does */
	uint8_t mined_hash[TX_HASH_LEN];    /* which of its forms */
};

struct flights {
	struct gas gas;
	/* All of the queue up to this nonce is in blocks, as far as we know. */
	int64_t mined_to;
	bool whole; /* all of the queue that isn't was loaded */
	struct flight *all[FLIGHTS_MAX]; /* owned; by nonce */
	size_t n;
};

void flights_free(struct flights *fs);

/*
 * Begins with what earlier runs have left: books what final blocks have used,
 * and sends the rest. RC_CONFLICT, with a finding, when somebody else has used
 * a nonce of the queue; RC_IO when no node answers.
 */
MUST_CHECK enum rc flights_open(struct flights *fs, struct err *e);

/*
 * Looks at all of them after gas_look: sets shown and mined, sends or replaces
 * what isn't mined. Sets whole.
 */
MUST_CHECK enum rc flights_look(struct flights *fs, struct err *e);

/*
 * Forgets those that are mined, in their order: no chain has a later nonce and
 * not an earlier one. What one node alone shows stays, so that nobody in it is
 * sent in another one as well; but for room, of which a node that denies
 * everything, or says nothing, would leave none.
 */
void flights_drop_mined(struct flights *fs);

/* Takes *s, which is in the ledger, over; there is room. RC_NO_MEMORY. */
MUST_CHECK enum rc flights_add(struct flights *fs, struct submission *s,
    struct flight **out, struct err *e);

/* Gives its newest form to all nodes; what they say is only told. */
MUST_CHECK enum rc
flight_send(struct flights *fs, struct flight *f, struct err *e);

/*
 * What those that no node shows in a block may cost at most: of the others the
 * balance has it.
 */
uint64_t flights_promised_wei(const struct flights *fs);

#endif
