/* SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104). Pure; any thread. */
#ifndef WORKNET_ETH_SHA256_H
#define WORKNET_ETH_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32

struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t out[static SHA256_LEN]);

/* At once. */
void sha256(uint8_t out[static SHA256_LEN], const void *data, size_t len);

/* key_len is at most 64. */
void hmac_sha256(uint8_t out[static SHA256_LEN], const void *key,
    size_t key_len, const void *data, size_t len);

#endif
