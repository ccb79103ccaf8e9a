/*
 * What goes to an x402 facilitator: the scheme "exact" with an EIP-3009
 * authorization, in versions 2 and 1 of the protocol (coinbase/x402,
 * specs/x402-specification-v2.md and -v1.md, sections 5 and 7;
 * specs/schemes/exact/scheme_exact_evm.md). What comes back is in
 * x402/answer.h. No network here; pure functions; any thread.
 */
#ifndef WORKNET_X402_X402_H
#define WORKNET_X402_X402_H

#include "eth/sign.h"
#include "evm/token.h"

#define X402_BODY_MAX 4096 /* bytes; a v2 body has about 1,600 */

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

#endif
