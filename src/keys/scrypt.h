/*
 * scrypt (RFC 7914), with the whole range of parameters: libcrypto refuses n
 * of 2^(16 r) and more, as the RFC asks, which keystores of r = 1 have all
 * the same, the test vector of their definition among them. Private to
 * src/keys; any thread.
 */
#ifndef WORKNET_KEYS_SCRYPT_H
#define WORKNET_KEYS_SCRYPT_H

#include "base/buf.h"

struct scrypt_params {
	uint64_t n; /* a power of two above 1 */
	uint64_t r;
	uint64_t p;
};

/*
 * Derives len bytes from pass and salt. It takes 128 * r * (n + p + 2) bytes
 * of memory and wipes them; the caller has seen that params are sane and that
 * this fits into a size_t. RC_NO_MEMORY, RC_IO when libcrypto fails.
 */
MUST_CHECK enum rc
scrypt_derive(uint8_t *out, size_t len, struct slice pass, const uint8_t *salt,
    size_t salt_len, const struct scrypt_params *params, struct err *e);

#endif
