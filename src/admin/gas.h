/*
 * What worknet treasury says of the gas account (settle = direct). Private to
 * src/admin; one thread.
 */
#ifndef WORKNET_ADMIN_GAS_H
#define WORKNET_ADMIN_GAS_H

#include "admin/probe.h"
#include "evm/network.h"

/* Nothing where it isn't configured. Nodes that don't answer are told. */
MUST_CHECK enum rc
gas_report(struct admin *a, const struct network *n, struct err *e);

/* Whether it lasts, for worknet doctor. */
void gas_probe(struct admin *a, const struct network *n, struct outcome *o);

#endif
