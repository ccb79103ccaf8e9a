/* Ethereum addresses and EIP-55. Pure functions; any thread. */
#ifndef WORKNET_ETH_ADDRESS_H
#define WORKNET_ETH_ADDRESS_H

#include "base/buf.h"
#include "base/limits.h"

struct address {
	uint8_t b[20];
};

/*
 * The letter case of an address as somebody wrote it. No other mixed case
 * passes EIP-55, so address and form give the very text back.
 */
enum address_form {
	ADDRESS_CHECKSUM = 0, /* also when no digit is a letter */
	ADDRESS_LOWER = 1,
	ADDRESS_UPPER = 2, /* "0x" and upper-case digits */
};

/*
 * Reads "0x" and 40 hex digits. Mixed case must carry the EIP-55 checksum.
 * RC_INVALID otherwise, with a message fit for a worker; out is then zero.
 * form may be NULL.
 */
MUST_CHECK enum rc address_parse(struct address *out, enum address_form *form,
    struct slice text, struct err *e);

/* Writes the text of a in that form, with its NUL. */
void address_format(char out[static ADDRESS_LEN + 1], const struct address *a,
    enum address_form form);

#endif
