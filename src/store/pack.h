/* Compression with zstd (RFC 8878). Pure functions; any thread. */
#ifndef WORKNET_STORE_PACK_H
#define WORKNET_STORE_PACK_H

#include "base/buf.h"

/* The longest that so many bytes can be, packed. */
size_t pack_max(size_t len);

/* Appends one frame, which says its length and has a checksum. RC_NO_MEMORY. */
MUST_CHECK enum rc pack(struct buf *out, struct slice bytes, struct err *e);

/*
 * Appends what frames hold. RC_INVALID: they aren't whole ones of at most max
 * bytes in all; RC_NO_MEMORY.
 */
MUST_CHECK enum rc
unpack(struct buf *out, struct slice frames, size_t max, struct err *e);

#endif
