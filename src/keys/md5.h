/* MD5 (RFC 1321), for stores that have no other checksum. Any thread. */
#ifndef WORKNET_KEYS_MD5_H
#define WORKNET_KEYS_MD5_H

#include <stdint.h>

#include "base/buf.h"

#define MD5_LEN 16

/* RC_IO: this system's libcrypto has none. */
MUST_CHECK enum rc
md5(uint8_t out[static MD5_LEN], struct slice bytes, struct err *e);

#endif
