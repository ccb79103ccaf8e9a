/*
 * The file in which an audit of signatures leaves how far it got (struct
 * audit_known), as JSON. Whoever can write it can hide signatures from the next
 * audit: it is the auditor's own. One thread.
 */
#ifndef WORKNET_ADMIN_KNOWN_H
#define WORKNET_ADMIN_KNOWN_H

#include "ledger/audit.h"

/*
 * Reads the file at path; without one *k says that nothing was verified.
 * RC_INVALID when it isn't such a file; errors of buf_read_file.
 */
MUST_CHECK enum rc
known_read(struct audit_known *k, const char *path, struct err *e);

/* Puts it in the place of the file, for its owner. Errors of file_put. */
MUST_CHECK enum rc
known_write(const struct audit_known *k, const char *path, struct err *e);

#endif
