/* Findings, as commands show them. One thread. */
#ifndef WORKNET_ADMIN_FINDING_H
#define WORKNET_ADMIN_FINDING_H

#include "admin/admin.h"

/*
 * Prints the open findings, or all, of a->db. heading may be NULL. Errors of
 * db.h.
 */
MUST_CHECK enum rc
findings_print(struct admin *a, const char *heading, bool all, struct err *e);

#endif
