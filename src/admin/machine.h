/*
 * What worknet doctor looks at of the machine that others set up: nginx and its
 * certificate, timers, logs, the clock's keeper, databases of addresses. One
 * thread.
 */
#ifndef WORKNET_ADMIN_MACHINE_H
#define WORKNET_ADMIN_MACHINE_H

#include "admin/probe.h"
#include "base/file.h"

/* Copies of the ledger are made so often, and payout runs begin. */
#define BACKUP_OLD_MS (3 * HOUR_MS) /* one is made each hour */
#define RUN_OLD_MS    HOUR_MS	    /* one begins each ten minutes */

/* Where a coordinator's socket is unless --socket says otherwise. */
#define SOCKET_DEFAULT "/run/worknet/fcgi.sock"

/* dir with name behind it, below --root. */
void machine_path(const struct admin *a, char out[static FILE_PATH_SIZE],
    const char *dir, const char *name);

/* What is in front of the coordinator: nginx.c. */
void probe_nginx(struct admin *a, struct outcome *o);
void probe_certificate(struct admin *a, struct outcome *o);
void probe_socket(struct admin *a, struct outcome *o);

void probe_timers(struct admin *a, struct outcome *o);
void probe_audit(struct admin *a, struct outcome *o);
void probe_logs(struct admin *a, struct outcome *o);
void probe_time_keeper(struct admin *a, struct outcome *o);
void probe_databases(struct admin *a, struct outcome *o);

/* With the ledger. */
void probe_regions(struct admin *a, struct outcome *o);

#endif
