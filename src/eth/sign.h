/*
 * ECDSA over secp256k1 as Ethereum uses it: 65-byte signatures r || s || v.
 * The only room that uses libsecp256k1. Any thread.
 */
#ifndef WORKNET_ETH_SIGN_H
#define WORKNET_ETH_SIGN_H

#include "eth/address.h"
#include "eth/keccak.h"

#define SIGNATURE_LEN 65

/* A private key. Wipe it with secret_wipe when done. */
struct eth_key {
	uint8_t b[32];
};

/*
 * The address that signed digest. v may be 27/28 or 0/1. RC_INVALID for a
 * high s (EIP-2: a second encoding of one signature), r or s out of range,
 * any other v, or a point that can't be recovered; out is then zero.
 */
MUST_CHECK enum rc
eth_recover(struct address *out, const uint8_t digest[static KECCAK256_LEN],
    const uint8_t sig[static SIGNATURE_LEN], struct err *e);

/*
 * Signs digest: deterministic (RFC 6979), low s (EIP-2), v 27 or 28.
 * RC_INVALID when key isn't a valid private key; sig is then zero.
 */
MUST_CHECK enum rc eth_sign(uint8_t sig[static SIGNATURE_LEN],
    const uint8_t digest[static KECCAK256_LEN], const struct eth_key *key,
    struct err *e);

/* What personal_sign signs of a text: EIP-191, version 0x45. */
void eth_text_digest(uint8_t out[static KECCAK256_LEN], struct slice text);

/* The address of key. RC_INVALID when key isn't a valid private key. */
MUST_CHECK enum rc
eth_key_address(struct address *out, const struct eth_key *key, struct err *e);

/* A new random key from getrandom(2). RC_IO when there is no randomness. */
MUST_CHECK enum rc eth_key_generate(struct eth_key *key, struct err *e);

/*
 * Reads a key file: 32 bytes in hex, with or without 0x, white space around
 * it. The file must be a regular file of the caller's effective user (or
 * root) that nobody else can read or write (mode 0600 or less).
 * RC_NOT_FOUND, RC_INVALID, RC_IO. The message never holds a part of the key.
 */
MUST_CHECK enum rc
eth_key_read(struct eth_key *key, const char *path, struct err *e);

/*
 * Writes key to a new file of mode 0600, synced. RC_CONFLICT when the file
 * exists, RC_IO.
 */
MUST_CHECK enum rc
eth_key_write(const struct eth_key *key, const char *path, struct err *e);

#endif
