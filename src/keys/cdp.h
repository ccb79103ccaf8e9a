/*
 * Bearer tokens for the facilitator of Coinbase's Developer Platform: JSON
 * Web Tokens (RFC 7519) signed with EdDSA (Ed25519, RFC 8037) or ES256 (ECDSA
 * over P-256, RFC 7518), as the SDKs of CDP make them. Keys are those of the
 * CDP portal. The only room that uses OpenSSL's libcrypto.
 *
 * A key is used by one thread at a time.
 */
#ifndef WORKNET_KEYS_CDP_H
#define WORKNET_KEYS_CDP_H

#include "base/buf.h"

#define CDP_TOKEN_MAX 2048 /* bytes without the NUL; most have 500 */
#define CDP_TOKEN_S   120  /* how long a token is valid */

struct cdp_key;

/*
 * Reads the secret that belongs to the key id from path, a file that nobody
 * else can read (see secret_file_read), into *out (cdp_key_free). It holds
 * either base64 of 64 bytes, an Ed25519 seed and its public key, or the PEM
 * of a P-256 key (SEC1 or PKCS#8, not encrypted), where \n may stand for the
 * end of a line. id: a UUID or organizations/UUID/apiKeys/UUID.
 *
 * RC_NOT_FOUND, RC_INVALID, RC_IO, RC_NO_MEMORY. No message holds a part of
 * the secret.
 */
MUST_CHECK enum rc cdp_key_read(
    struct cdp_key **out, const char *id, const char *path, struct err *e);
/* Wipes and frees. NULL is fine. */
void cdp_key_free(struct cdp_key *key);

/*
 * Writes a token for one request to out: method is "GET" or "POST", url the
 * absolute URL (its host and path are signed, a query isn't), now_s Unix
 * seconds. Each call draws a fresh nonce; make a token right before the
 * request that it is for. RC_INVALID for a URL without a host or too long,
 * RC_IO when libcrypto fails, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
cdp_token(char out[static CDP_TOKEN_MAX + 1], const struct cdp_key *key,
    const char *method, const char *url, int64_t now_s, struct err *e);

#endif
