/*
 * EIP-712 digests of EIP-3009 TransferWithAuthorization. Pure functions; any
 * thread.
 */
#ifndef WORKNET_ETH_EIP712_H
#define WORKNET_ETH_EIP712_H

#include "eth/address.h"
#include "eth/keccak.h"

struct eip712_domain {
	const char *name; /* the token's name(), UTF-8 */
	const char *version;
	uint64_t chain_id;
	struct address verifying_contract;
};

/* EIP-3009; a uint256 of the token is never above 2^64-1 micro-USDC here. */
struct transfer_authorization {
	struct address from;
	struct address to;
	uint64_t value;	       /* the token's smallest unit */
	uint64_t valid_after;  /* Unix seconds, exclusive */
	uint64_t valid_before; /* Unix seconds, exclusive */
	uint8_t nonce[32];
};

/* The domain separator (EIP-712), as the token's DOMAIN_SEPARATOR() says. */
void eip712_domain_separator(
    uint8_t out[static KECCAK256_LEN], const struct eip712_domain *d);

/* keccak256(0x19 0x01 || domain separator || hash of the struct). */
void eip712_transfer_digest(uint8_t out[static KECCAK256_LEN],
    const struct eip712_domain *d, const struct transfer_authorization *a);

#endif
