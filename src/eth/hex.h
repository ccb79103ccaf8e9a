/* Hexadecimal text. Pure functions of their arguments; any thread. */
#ifndef WORKNET_ETH_HEX_H
#define WORKNET_ETH_HEX_H

#include "base/buf.h"

/* Bytes that hex_encode writes for len bytes: "0x", digits and the NUL. */
#define HEX_SIZE(len) (2 + 2 * (len) + 1)

/* Writes "0x", 2 * len lower-case digits and a NUL to out. */
void hex_encode(char *out, const uint8_t *p, size_t len);

/*
 * Reads exactly len bytes from text: "0x" and 2 * len digits of either case.
 * RC_INVALID for anything else; out is then all zero.
 */
MUST_CHECK enum rc
hex_decode(uint8_t *out, size_t len, struct slice text, struct err *e);

/* Whether hex_encode could have written it, as far as letters go. */
bool hex_is_lower(struct slice text);

#endif
