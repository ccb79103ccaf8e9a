/*
 * What a worker's owner asks the coordinator: that its address may work there,
 * and how it stands. What the coordinator says goes to the terminal without
 * anything that isn't to be seen. One thread.
 */
#ifndef WORKNET_WORK_OWNER_H
#define WORKNET_WORK_OWNER_H

#include "base/buf.h"
#include "base/conf.h"

/*
 * Signs that the address of the key wants to work for the coordinator, in its
 * region, and appends what that says to it. The text is made here, and not the
 * coordinator's: so it can have nothing else signed (eth/opt_in.h).
 * RC_INVALID: the key, the region, or the coordinator refuses, and says why.
 * RC_BUSY, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc
owner_join(struct buf *out, const struct conf *c, struct err *e);

/* Appends what the worker's page shows. Errors as above. */
MUST_CHECK enum rc
owner_status(struct buf *out, const struct conf *c, struct err *e);

#endif
