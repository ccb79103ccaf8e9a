/*
 * Base64 (RFC 4648, section 4: the standard alphabet, padded), strictly: bytes
 * have one text, and a text that isn't that is refused. Pure; any thread.
 */
#ifndef WORKNET_BASE_BASE64_H
#define WORKNET_BASE_BASE64_H

#include "base/buf.h"

/* Bytes of the text of len bytes, without a NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Appends the text of len bytes. */
void base64_add(struct buf *out, const void *p, size_t len);
/* The same for URLs and tokens: section 5's alphabet, without padding. */
void base64_add_url(struct buf *out, const void *p, size_t len);

/*
 * Reads text into out, which has size bytes, and its length into *len.
 * RC_INVALID for anything else than base64_add writes, or for more than size
 * bytes.
 */
MUST_CHECK enum rc base64_decode(
    uint8_t *out, size_t size, size_t *len, struct slice text, struct err *e);

/* The same of exactly len bytes. */
MUST_CHECK enum rc base64_decode_exactly(
    uint8_t *out, size_t len, struct slice text, struct err *e);

#endif
