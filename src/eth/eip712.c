#include "eth/eip712.h"

#include "eth/typed.h"

void
eip712_domain_separator(
    uint8_t out[static KECCAK256_LEN], const struct eip712_domain *d)
{
	struct keccak k;

	keccak_init(&k);
	typed_add_text(&k,
	    slice_of(
		"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"));
	typed_add_text(&k, slice_of(d->name));
	typed_add_text(&k, slice_of(d->version));
	typed_add_number(&k, d->chain_id);
	typed_add_address(&k, &d->verifying_contract);
	keccak_final(&k, out);
}

/* EIP-712: hashStruct(message) = keccak256(typeHash || encodeData(message)) */
static void
transfer_hash(
    uint8_t out[static KECCAK256_LEN], const struct transfer_authorization *a)
{
	struct keccak k;

	keccak_init(&k);
	typed_add_text(&k,
	    slice_of(
		"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"));
	typed_add_address(&k, &a->from);
	typed_add_address(&k, &a->to);
	typed_add_number(&k, a->value);
	typed_add_number(&k, a->valid_after);
	typed_add_number(&k, a->valid_before);
	keccak_update(&k, a->nonce, sizeof(a->nonce));
	keccak_final(&k, out);
}

void
eip712_transfer_digest(uint8_t out[static KECCAK256_LEN],
    const struct eip712_domain *d, const struct transfer_authorization *a)
{
	uint8_t domain[KECCAK256_LEN], message[KECCAK256_LEN];

	eip712_domain_separator(domain, d);
	transfer_hash(message, a);
	typed_digest(out, domain, message);
}
