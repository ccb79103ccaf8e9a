#include "eth/nonce.h"

static_assert(PAYOUT_NONCE_LEN == KECCAK256_LEN, "a nonce is one hash");

static void
add_number(struct keccak *k, uint64_t n)
{
	uint8_t word[32] = { 0 };
	size_t i;

	for (i = sizeof(word); n > 0; n >>= 8)
		word[--i] = (uint8_t)n;
	keccak_update(k, word, sizeof(word));
}

void
payout_nonce(uint8_t out[static PAYOUT_NONCE_LEN], const struct payout_key *key)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, key->ledger_id, sizeof(key->ledger_id));
	add_number(&k, key->chain_id);
	keccak_update(&k, key->token.b, sizeof(key->token.b));
	keccak_update(&k, key->treasury.b, sizeof(key->treasury.b));
	keccak_update(&k, key->worker.b, sizeof(key->worker.b));
	add_number(&k, key->seq);
	keccak_final(&k, out);
}
