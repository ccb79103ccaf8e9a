#include "eth/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"

#define TEXT_MAX 400

static void
seal_digest(uint8_t out[static KECCAK256_LEN], const struct seal *s,
    const struct sealed *what)
{
	char ledger[HEX_SIZE(LEDGER_ID_LEN)], worker[ADDRESS_LEN + 1];
	char text[TEXT_MAX];

	hex_encode(ledger, what->ledger_id, LEDGER_ID_LEN);
	address_format(worker, &what->worker, ADDRESS_LOWER);
	(void)snprintf(text, sizeof(text),
	    "worknet ledger %s: payout no. %" PRId64 " of %s is %" PRId64
	    " micro-USDC; its balance after transfer %" PRId64 " was %" PRId64
	    " micro-USDC",
	    ledger, what->seq, worker, what->amount_micros, s->verified_to,
	    s->balance_micros);
	eth_text_digest(out, slice_of(text));
}

enum rc
seal_sign(struct seal *s, const struct sealed *what,
    const struct eth_key *treasury, struct err *e)
{
	uint8_t digest[KECCAK256_LEN];

	seal_digest(digest, s, what);
	return eth_sign(s->signature, digest, treasury, e);
}

bool
seal_is_by(const struct seal *s, const struct sealed *what,
    const struct address *treasury)
{
	uint8_t digest[KECCAK256_LEN];
	struct address signer;

	seal_digest(digest, s, what);
	return eth_recover(&signer, digest, s->signature, NULL) == RC_OK &&
	    memcmp(signer.b, treasury->b, sizeof(signer.b)) == 0;
}
