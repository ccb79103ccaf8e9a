#include "eth/seal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"

#define TEXT_MAX 600

enum seal_kind
seal_kind(const struct seal *s)
{
	return s->verified_to > 0 ? SEAL_RESERVED : SEAL_ADOPTED;
}

static void
seal_digest(uint8_t out[static KECCAK256_LEN], const struct seal *s,
    const struct sealed *what)
{
	char ledger[HEX_SIZE(LEDGER_ID_LEN)], worker[ADDRESS_LEN + 1];
	char hash[HEX_SIZE(KECCAK256_LEN)];
	char text[TEXT_MAX], of[TEXT_MAX / 2];

	hex_encode(ledger, what->ledger_id, LEDGER_ID_LEN);
	address_format(worker, &what->worker, ADDRESS_LOWER);
	hex_encode(hash, s->verified_hash, KECCAK256_LEN);
	if (seal_kind(s) == SEAL_RESERVED)
		(void)snprintf(of, sizeof(of),
		    "reserved: its balance after transfer %" PRId64
		    " (%s) was verified as %" PRId64 " micro-USDC",
		    s->verified_to, hash, s->balance_micros);
	else
		(void)snprintf(of, sizeof(of),
		    "found on the chain (%" PRId64
		    "); the ledger had lost %" PRId64 " of it",
		    s->verified_to, s->balance_micros);
	(void)snprintf(text, sizeof(text),
	    "worknet ledger %s: payout no. %" PRId64 " of %s, %" PRId64
	    " micro-USDC, %s",
	    ledger, what->seq, worker, what->amount_micros, of);
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
