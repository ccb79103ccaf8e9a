/* What is announced, as a table. One thread. */
#ifndef WORKNET_ADMIN_MAINTENANCE_H
#define WORKNET_ADMIN_MAINTENANCE_H

#include "admin/admin.h"

/*
 * What is announced of a task, or of all (0), that ends after from_ms and
 * begins before to_ms. Errors of db.h.
 */
MUST_CHECK enum rc maintenance_print(struct admin *a, int64_t task,
    int64_t from_ms, int64_t to_ms, struct err *e);

#endif
