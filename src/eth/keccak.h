/*
 * Keccak-256 as Ethereum uses it (the padding of the Keccak submission, not
 * that of FIPS 202). Pure functions of their arguments; any thread.
 */
#ifndef WORKNET_ETH_KECCAK_H
#define WORKNET_ETH_KECCAK_H

#include <stddef.h>
#include <stdint.h>

#define KECCAK256_LEN 32
/* Bytes absorbed in one block: 1600/8 - 2 * 32. */
#define KECCAK256_RATE 136

struct keccak {
	uint64_t state[25];
	uint8_t block[KECCAK256_RATE];
	size_t pos; /* bytes in block that wait to be absorbed */
};

void keccak_init(struct keccak *k);
void keccak_update(struct keccak *k, const void *p, size_t len);
/* Writes the hash; k needs keccak_init before it is used again. */
void keccak_final(struct keccak *k, uint8_t out[static KECCAK256_LEN]);

void keccak256(uint8_t out[static KECCAK256_LEN], const void *p, size_t len);

#endif
