/*
 * What the coordinator gives up once its socket is open and before it has
 * threads, so that whoever breaks into it gets no further than its ledger: no
 * key, no other file, no connection, no program. One thread.
 */
#ifndef WORKNET_SERVE_SANDBOX_H
#define WORKNET_SERVE_SANDBOX_H

#include <stdbool.h>

#include "base/err.h"

/* What is on; what a kernel hasn't is off. */
struct serve_shut {
	int landlock; /* its version; 0: off */
	bool seccomp;
};

/*
 * For ever: only the ledger and its log can be opened, and the socket at
 * socket_path (NULL: it was inherited) removed; no other program is executed,
 * no process begun, and nobody connected to. What else is tried fails with
 * EACCES or EPERM. RC_INVALID: ledger_path is too long.
 */
MUST_CHECK enum rc serve_shut_in(struct serve_shut *on, const char *ledger_path,
    const char *socket_path, struct err *e);

#endif
