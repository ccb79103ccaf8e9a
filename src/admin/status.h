/* What worknet status and worknet metrics tell. One thread. */
#ifndef WORKNET_ADMIN_STATUS_H
#define WORKNET_ADMIN_STATUS_H

#include "ledger/status.h"

/* As status_read_ledger, now, and what the object store lacks. */
MUST_CHECK enum rc status_read(struct status *s, struct db *db,
    const struct conf *c, size_t worst, struct err *e);

#endif
