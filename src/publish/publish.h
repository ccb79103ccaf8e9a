/*
 * A run of worknet-log: what the ledger has that the log hasn't goes into the
 * log. The ledger is only read, in one state of it; what is logged already
 * stays as it is, whatever the ledger says now. One thread.
 */
#ifndef WORKNET_PUBLISH_PUBLISH_H
#define WORKNET_PUBLISH_PUBLISH_H

#include "base/conf.h"
#include "ledger/db.h"

struct publish_result {
	int64_t size;	  /* of the log, now */
	int64_t leaves;	  /* new ones */
	int64_t segments; /* among them */
	int64_t findings; /* where ledger and log differ; each was logged */
};

/* RC_BUSY: another one is at work. RC_CORRUPT, RC_INVALID, RC_IO, and errors of
 * db.h; what was published until then stands. */
MUST_CHECK enum rc publish_run(struct db *db, const struct conf *c,
    int64_t now_ms, struct publish_result *out, struct err *e);

#endif
