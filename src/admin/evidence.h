/* What the log's directory says by itself, for worknet doctor. */
#ifndef WORKNET_ADMIN_EVIDENCE_H
#define WORKNET_ADMIN_EVIDENCE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"

/*
 * The end of the newest hour that the log of that directory has, Unix ms; 0:
 * there is none among its newest leaves. RC_NOT_FOUND: it has no checkpoint.
 * RC_INVALID, RC_CORRUPT, RC_IO.
 */
MUST_CHECK enum rc
evidence_newest(int64_t *to_ms, const char *directory, struct err *e);
/*
 * Appends the names of the witnesses and timestamp authorities of [log] whose
 * word the published checkpoint doesn't have, each behind a blank.
 * RC_NOT_FOUND: there is no checkpoint. RC_INVALID, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
evidence_missing(struct buf *out, const struct conf *c, struct err *e);

#endif
