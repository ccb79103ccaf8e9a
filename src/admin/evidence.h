/* What the log's directory says by itself, for worknet doctor. */
#ifndef WORKNET_ADMIN_EVIDENCE_H
#define WORKNET_ADMIN_EVIDENCE_H

#include <stdint.h>

#include "base/err.h"

/*
 * The end of the newest hour that the log of that directory has, Unix ms; 0:
 * there is none among its newest leaves. RC_NOT_FOUND: it has no checkpoint.
 * RC_INVALID, RC_CORRUPT, RC_IO.
 */
MUST_CHECK enum rc
evidence_newest(int64_t *to_ms, const char *directory, struct err *e);

#endif
