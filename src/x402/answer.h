/*
 * What an x402 facilitator answers to POST /settle. No network here; pure
 * functions; any thread.
 *
 * No answer is ever proof that a payment failed. Facilitators have said no,
 * with HTTP 200 and with 400, to payments that were made; whoever has seen a
 * signed body can carry it out until validBefore; and even "success" may be a
 * lie. Only the chain decides (evm/judge.h); an answer's class says what to do
 * with the body next, and nothing else (x402/reason.h).
 */
#ifndef WORKNET_X402_ANSWER_H
#define WORKNET_X402_ANSWER_H

#include "evm/token.h"
#include "x402/reason.h"

#define X402_REASON_MAX 240 /* bytes without the NUL */

struct x402_answer {
	enum answer_class class;
	/*
	 * Of ANSWER_REFUSED: facilitators also say this when their own node
	 * fails, so a few more tries of a body that x402_request_write
	 * accepted are reasonable.
	 */
	bool maybe_transient;
	bool success;  /* success:true was there */
	bool has_hash; /* with any class */
	uint8_t hash[TX_HASH_LEN];
	/* Printable ASCII, cut where too long; "" when there was none. */
	char reason[X402_REASON_MAX + 1];
	char message[X402_REASON_MAX + 1];
	char network[NETWORK_NAME_MAX + 1];
};

/*
 * Reads the answer to POST /settle: HTTP status (100 to 599) and body, which
 * may be anything. repost: the same body was posted before, so that what
 * usually means "not yet" may hide that it was carried out then.
 */
void x402_answer_read(struct x402_answer *out, const struct network *n,
    int status, struct slice body, bool repost);

/* "ambiguous", "success", "refused", "retry", "pending". Never NULL. */
const char *answer_class_name(enum answer_class class);

#endif
