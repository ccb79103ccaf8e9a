/* The key with which an object store knows us. Any thread. */
#ifndef WORKNET_STORE_KEY_H
#define WORKNET_STORE_KEY_H

#include "base/err.h"

#define STORE_KEY_MAX 256 /* bytes of each half; AWS's have 20 and 40 */

struct store_key {
	char id[STORE_KEY_MAX + 1];
	char secret[STORE_KEY_MAX + 1];
};

/*
 * Reads a file of two lines, the key's id and its secret, by secret.h's rules;
 * no message shows a part of either. RC_NOT_FOUND, RC_INVALID, RC_IO. The
 * caller wipes *out; on failure it is wiped already.
 */
MUST_CHECK enum rc
store_key_read(struct store_key *out, const char *path, struct err *e);

#endif
