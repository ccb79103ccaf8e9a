/*
 * What the tests of the ledger share: a directory of their own, and the end of
 * the test where nothing makes sense any more.
 */
#ifndef WORKNET_T_LEDGER_H
#define WORKNET_T_LEDGER_H

#include <unistd.h>

#include "base/err.h"
#include "t/unit/tap.h"

static inline void
must(enum rc rc, const struct err *e)
{
	if (rc == RC_OK)
		return;
	printf("Bail out! %s\n", e->msg);
	exit(EXIT_FAILURE);
}

/* Makes a directory of a name that ends with XXXXXX, which it replaces. */
static inline void
dir_make(char *dir)
{
	struct err e = ERR_INIT;

	if (mkdtemp(dir) == NULL)
		must(err_set(&e, RC_IO, "can't make %s", dir), &e);
}

/* With all that is in it. */
static inline void
dir_remove(const char *dir)
{
	char command[120];

	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		tap_diag("%s stays", dir);
}

#endif
