/*
 * Mail through sendmail(8), a child that doesn't delay its parent. One thread.
 */
#ifndef WORKNET_ALERT_MAIL_H
#define WORKNET_ALERT_MAIL_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

/* Starts sendmail with a whole mail for the address. RC_IO. */
MUST_CHECK enum rc mail_start(pid_t *pid, const char *sendmail,
    const char *address, struct slice mail, struct err *e);

/* Whether the child has ended; *rc is RC_OK if it took the mail, else RC_IO. */
bool mail_has_ended(pid_t pid, enum rc *rc, struct err *e);

/* Ends a child that takes too long, and waits for that. */
void mail_kill(pid_t pid);

#endif
