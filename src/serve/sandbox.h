/*
 * What the coordinator gives up once its socket is open and before it has
 * threads, so that whoever breaks into it gets no further than its ledger: no
 * key, no other file, no connection, no program. One thread.
 */
#ifndef WORKNET_SERVE_SANDBOX_H
#define WORKNET_SERVE_SANDBOX_H

#include "base/err.h"

/* What is on; what a kernel hasn't is off. */
struct serve_shut {
	int landlock; /* its version; 0: off */
	int calls;    /* how many system calls seccomp allows; 0: off */
};

/*
 * For ever: only the ledger and its log can be opened, and the socket at
 * socket_path (NULL: it was inherited) removed; no other program is executed,
 * no process begun, and nobody connected to. What else is tried fails with
 * EACCES or EPERM, and a system call is told in the log (base/confine.h).
 * RC_INVALID: ledger_path is too long.
 */
MUST_CHECK enum rc serve_shut_in(struct serve_shut *on, const char *ledger_path,
    const char *socket_path, struct err *e);

#endif
