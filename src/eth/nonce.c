#include "eth/nonce.h"

#include "eth/typed.h"

static_assert(PAYOUT_NONCE_LEN == KECCAK256_LEN, "a nonce is one hash");

void
payout_nonce(uint8_t out[static PAYOUT_NONCE_LEN], const struct payout_key *key)
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, key->ledger_id, sizeof(key->ledger_id));
	typed_add_number(&k, key->chain_id);
	keccak_update(&k, key->token.b, sizeof(key->token.b));
	keccak_update(&k, key->treasury.b, sizeof(key->treasury.b));
	keccak_update(&k, key->worker.b, sizeof(key->worker.b));
	typed_add_number(&k, key->seq);
	keccak_final(&k, out);
}
