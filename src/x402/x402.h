/*
 * What goes to an x402 facilitator and what comes back: the scheme "exact"
 * with an EIP-3009 authorization, in versions 2 and 1 of the protocol
 * (coinbase/x402, specs/x402-specification-v2.md and -v1.md, sections 5 and
 * 7; specs/schemes/exact/scheme_exact_evm.md). No network here; pure
 * functions; any thread.
 *
 * No answer is ever proof that a payment failed. Facilitators have said no,
 * with HTTP 200 and with 400, to payments that were made; whoever has seen a
 * signed body can carry it out until validBefore; and even "success" may be a
 * lie. Only the chain decides (evm/nodes.h); an answer's class says what to do
 * with the body next, and nothing else.
 */
#ifndef WORKNET_X402_X402_H
#define WORKNET_X402_X402_H

#include "eth/sign.h"
#include "evm/token.h"

#define X402_BODY_MAX	4096 /* bytes; a v2 body has about 1,600 */
#define X402_REASON_MAX 240  /* bytes without the NUL */

/* ---- Requests ---- */

/* One payment, as it is signed and sent. */
struct x402_payment {
	int64_t payout_id; /* of the ledger */
	struct transfer_authorization authorization;
	uint8_t signature[SIGNATURE_LEN];
	int64_t max_timeout_s; /* 1 or more */
};

/*
 * Appends to out the body of POST /settle, without white space: integers as
 * decimal strings, addresses with their checksum, the signature in lower
 * case, `accepted` equal to `paymentRequirements`, the amount equal to the
 * authorization's value. The same arguments give the same bytes; still, what
 * is sent again is what was stored, not what this would write today.
 *
 * RC_INVALID when version isn't 1 or 2, when version 1 can't say it (no name
 * for this chain; a value of more than 18 digits), or when the signature
 * isn't one that the token takes from authorization.from: low s, v 27 or 28,
 * made over n's domain. RC_NO_MEMORY, also when out has no room.
 */
MUST_CHECK enum rc x402_request_write(struct buf *out, int version,
    const struct network *n, const struct x402_payment *payment, struct err *e);

/*
 * Reads such a body back, as it was stored. RC_INVALID when it isn't one, is
 * of another network or token, contradicts itself, or its signature isn't
 * one that the token takes; *out is then all zero.
 */
MUST_CHECK enum rc x402_request_read(struct x402_payment *out, int *version,
    const struct network *n, struct slice body, struct err *e);

/* ---- Answers ---- */

enum answer_class {
	/*
	 * A: the payment may have been made or may yet be. Look at the
	 * chain; while the nonce is unused and there is time, post the same
	 * bytes again, less and less often. Everything unknown is this.
	 */
	ANSWER_AMBIGUOUS = 0,
	/*
	 * HTTP 2xx, success:true, a hash, our network. Provisional: a hash
	 * that the chain doesn't confirm counts for nothing.
	 */
	ANSWER_SUCCESS,
	/*
	 * D: refused before anything was sent to the chain, and this
	 * facilitator will refuse the same body again. Stop posting it
	 * there and tell a person. The authorization stays spendable.
	 */
	ANSWER_REFUSED,
	/* R: not now; post the same bytes later (Retry-After). */
	ANSWER_RETRY,
	/*
	 * P: sent to the chain under the hash, not confirmed yet. Look for
	 * the hash; post the same bytes once more after some seconds.
	 */
	ANSWER_PENDING,
};

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
