#include "eth/eip712.h"

#include <string.h>

#define WORD_LEN 32 /* EIP-712: every encoded member is one word */

static void
hash_text(uint8_t out[static KECCAK256_LEN], const char *text)
{
	keccak256(out, text, strlen(text));
}

/* A string, a type or a bytes member is encoded as its hash. */
static void
add_text(struct keccak *k, const char *text)
{
	uint8_t hash[KECCAK256_LEN];

	hash_text(hash, text);
	keccak_update(k, hash, sizeof(hash));
}

/* A uint256: big-endian, zeros in front. */
static void
add_number(struct keccak *k, uint64_t n)
{
	uint8_t word[WORD_LEN] = { 0 };
	size_t i;

	for (i = WORD_LEN; n > 0; n >>= 8)
		word[--i] = (uint8_t)n;
	keccak_update(k, word, sizeof(word));
}

/* An address is encoded as a uint160. */
static void
add_address(struct keccak *k, const struct address *a)
{
	uint8_t word[WORD_LEN] = { 0 };

	memcpy(word + WORD_LEN - sizeof(a->b), a->b, sizeof(a->b));
	keccak_update(k, word, sizeof(word));
}

void
eip712_domain_separator(
    uint8_t out[static KECCAK256_LEN], const struct eip712_domain *d)
{
	struct keccak k;

	keccak_init(&k);
	add_text(&k,
	    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
	add_text(&k, d->name);
	add_text(&k, d->version);
	add_number(&k, d->chain_id);
	add_address(&k, &d->verifying_contract);
	keccak_final(&k, out);
}

/* EIP-712: hashStruct(message) = keccak256(typeHash || encodeData(message)) */
static void
transfer_hash(
    uint8_t out[static KECCAK256_LEN], const struct transfer_authorization *a)
{
	struct keccak k;

	keccak_init(&k);
	add_text(&k,
	    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)");
	add_address(&k, &a->from);
	add_address(&k, &a->to);
	add_number(&k, a->value);
	add_number(&k, a->valid_after);
	add_number(&k, a->valid_before);
	keccak_update(&k, a->nonce, sizeof(a->nonce));
	keccak_final(&k, out);
}

void
eip712_transfer_digest(uint8_t out[static KECCAK256_LEN],
    const struct eip712_domain *d, const struct transfer_authorization *a)
{
	uint8_t domain[KECCAK256_LEN], message[KECCAK256_LEN];
	struct keccak k;

	eip712_domain_separator(domain, d);
	transfer_hash(message, a);
	keccak_init(&k);
	keccak_update(&k, "\x19\x01", 2);
	keccak_update(&k, domain, sizeof(domain));
	keccak_update(&k, message, sizeof(message));
	keccak_final(&k, out);
}
