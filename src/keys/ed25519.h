/*
 * Ed25519 (RFC 8032) by libcrypto. Pure functions of their arguments, but for
 * the one that draws a seed; any thread.
 */
#ifndef WORKNET_KEYS_ED25519_H
#define WORKNET_KEYS_ED25519_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ED25519_SEED_LEN   32
#define ED25519_PUBLIC_LEN 32
#define ED25519_SIG_LEN	   64

/* A new secret. RC_IO without randomness. */
MUST_CHECK enum rc
ed25519_seed(uint8_t seed[static ED25519_SEED_LEN], struct err *e);

/* RC_IO when libcrypto fails. */
MUST_CHECK enum rc ed25519_public(uint8_t out[static ED25519_PUBLIC_LEN],
    const uint8_t seed[static ED25519_SEED_LEN], struct err *e);

/* RC_IO when libcrypto fails. */
MUST_CHECK enum rc ed25519_sign(uint8_t sig[static ED25519_SIG_LEN],
    const uint8_t seed[static ED25519_SEED_LEN], const void *p, size_t len,
    struct err *e);

/* Whether it is that key's signature of p. */
bool ed25519_verify(const uint8_t sig[static ED25519_SIG_LEN],
    const uint8_t public[static ED25519_PUBLIC_LEN], const void *p, size_t len);

#endif
