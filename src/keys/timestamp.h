/*
 * Timestamps (RFC 3161) by libcrypto: an authority's signed word that it has
 * seen a SHA-256 at a time. Any thread.
 */
#ifndef WORKNET_KEYS_TIMESTAMP_H
#define WORKNET_KEYS_TIMESTAMP_H

#include "base/buf.h"
#include "eth/sha256.h"

#define TIMESTAMP_MAX	    65536 /* bytes of an answer: 3,000 are usual */
#define TIMESTAMP_QUERY_MAX 1024
#define TIMESTAMP_NONCE_LEN 16

/*
 * Appends a question for a stamp of that hash, with a nonce that is drawn, and
 * that asks for certificates. RC_IO when libcrypto fails, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
timestamp_query(struct buf *out, uint8_t nonce[static TIMESTAMP_NONCE_LEN],
    const uint8_t hash[static SHA256_LEN], struct err *e);

/*
 * Whether an answer has a stamp of that hash, and of the nonce (NULL: whichever
 * it has), by an authority whose certificate leads to the given one (DER) and
 * was valid at the stamp's time, which is *at_s, Unix seconds. RC_INVALID says
 * what isn't so; RC_NO_MEMORY.
 */
MUST_CHECK enum rc timestamp_check(int64_t *at_s, struct slice answer,
    const uint8_t hash[static SHA256_LEN], const uint8_t *nonce,
    struct slice certificate, struct err *e);

/*
 * Appends the DER of the first certificate in the PEM file at path. RC_INVALID:
 * it has none; RC_NOT_FOUND, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
timestamp_certificate(struct buf *out, const char *path, struct err *e);

#endif
