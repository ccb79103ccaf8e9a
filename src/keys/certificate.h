/* X.509 certificates, as far as an operator asks. Any thread. */
#ifndef WORKNET_KEYS_CERTIFICATE_H
#define WORKNET_KEYS_CERTIFICATE_H

#include <stdint.h>

#include "base/err.h"

/*
 * The end, in Unix seconds, of the first certificate in the PEM file at path.
 * RC_NOT_FOUND: there is no such file; RC_IO: it can't be read; RC_INVALID: it
 * has none.
 */
MUST_CHECK enum rc
certificate_end(int64_t *out_s, const char *path, struct err *e);

#endif
