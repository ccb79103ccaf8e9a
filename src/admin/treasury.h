/*
 * What worknet doctor asks of the treasury. Private to src/admin; one thread.
 */
#ifndef WORKNET_ADMIN_TREASURY_H
#define WORKNET_ADMIN_TREASURY_H

#include "admin/probe.h"

/*
 * How long treasury and gas account last, by a->conf, which is the payer's, and
 * the ledger that is open.
 */
void treasury_probe(struct admin *a, struct outcome *o);

#endif
