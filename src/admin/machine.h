/*
 * What worknet doctor looks at of the machine that others set up: nginx and its
 * certificate, timers, logs, the clock's keeper, databases of addresses. One
 * thread.
 */
#ifndef WORKNET_ADMIN_MACHINE_H
#define WORKNET_ADMIN_MACHINE_H

#include "admin/probe.h"

/* Copies of the ledger are made so often, and payout runs begin. */
#define BACKUP_OLD_MS (3 * HOUR_MS) /* one is made each hour */
#define RUN_OLD_MS    HOUR_MS	    /* one begins each ten minutes */

void probe_nginx(struct admin *a, struct outcome *o);
void probe_certificate(struct admin *a, struct outcome *o);
void probe_timers(struct admin *a, struct outcome *o);
void probe_logs(struct admin *a, struct outcome *o);
void probe_time_keeper(struct admin *a, struct outcome *o);
void probe_databases(struct admin *a, struct outcome *o);

#endif
