#include "eth/typed.h"

#include <string.h>

#define WORD_LEN 32 /* EIP-712: every encoded member is one word */

/* keccak256(""), which most errors and traces are. */
static const uint8_t hash_of_nothing[KECCAK256_LEN] = { 0xc5, 0xd2, 0x46, 0x01,
	0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
	0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04,
	0x5d, 0x85, 0xa4, 0x70 };

void
typed_add_text(struct keccak *k, struct slice text)
{
	uint8_t hash[KECCAK256_LEN];

	if (text.len == 0) {
		keccak_update(k, hash_of_nothing, sizeof(hash_of_nothing));
		return;
	}
	keccak256(hash, text.p, text.len);
	keccak_update(k, hash, sizeof(hash));
}

void
typed_add_number(struct keccak *k, uint64_t n)
{
	uint8_t word[WORD_LEN] = { 0 };
	size_t i;

	for (i = WORD_LEN; n > 0; n >>= 8)
		word[--i] = (uint8_t)n;
	keccak_update(k, word, sizeof(word));
}

/* An address is encoded as a uint160. */
void
typed_add_address(struct keccak *k, const struct address *a)
{
	uint8_t word[WORD_LEN] = { 0 };

	memcpy(word + WORD_LEN - sizeof(a->b), a->b, sizeof(a->b));
	keccak_update(k, word, sizeof(word));
}

void
typed_digest(uint8_t out[static KECCAK256_LEN],
    const uint8_t domain[static KECCAK256_LEN],
    const uint8_t message[static KECCAK256_LEN])
{
	struct keccak k;

	keccak_init(&k);
	keccak_update(&k, "\x19\x01", 2);
	keccak_update(&k, domain, KECCAK256_LEN);
	keccak_update(&k, message, KECCAK256_LEN);
	keccak_final(&k, out);
}
