/* What worknet status tells of the network. One thread. */
#ifndef WORKNET_ADMIN_NETWORK_H
#define WORKNET_ADMIN_NETWORK_H

#include "admin/admin.h"
#include "ledger/network_sums.h"

/* Fields and lines. */
void network_print(struct admin *a, const struct network_sums *n);

/* The networks that were given most, at most limit. Errors of db.h. */
MUST_CHECK enum rc network_table(struct admin *a, const struct network_sums *n,
    int64_t limit, struct err *e);

#endif
