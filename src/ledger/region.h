/*
 * Regions: where workers say that they are. Region 0, without a name, stands
 * for tasks of any worker. All else refers to a region by its number, so that
 * its name can change; each function writes inside a transaction of the caller.
 */
#ifndef WORKNET_LEDGER_REGION_H
#define WORKNET_LEDGER_REGION_H

#include "ledger/db.h"

#define REGION_ANY 0

/* Whether that can be a region's name: RC_INVALID says why not. */
MUST_CHECK enum rc region_check(const char *name, struct err *e);

/*
 * The number of the region of that name, which is added if it is new.
 * RC_CONFLICT when another region had that name first.
 */
MUST_CHECK enum rc region_take(struct db *db, const char *name, int64_t now_ms,
    int64_t *id, struct err *e);

/*
 * Workers of the region are from now on those that declare the new name.
 * RC_NOT_FOUND, RC_INVALID when it can't be a name, RC_CONFLICT when another
 * region has the new name or had it first.
 */
MUST_CHECK enum rc
region_rename(struct db *db, const char *old, const char *name, struct err *e);

#endif
