/*
 * A run of worknet-log: what the ledger has that the log hasn't goes into the
 * log. The ledger is only read, in one state of it; what is logged already
 * stays as it is, whatever the ledger says now. One thread.
 */
#ifndef WORKNET_PUBLISH_PUBLISH_H
#define WORKNET_PUBLISH_PUBLISH_H

#include "base/conf.h"
#include "ledger/db.h"
#include "tlog/note.h"

struct publish_result {
	int64_t size;	  /* of the log, now */
	int64_t leaves;	  /* new ones */
	int64_t segments; /* among them */
	int64_t findings; /* where ledger and log differ; each was logged */
};

/*
 * Hours are over by the ledger's newest row, with idle by now_ms alone.
 * RC_BUSY: another one is at work. RC_CORRUPT, also when now_ms is before what
 * the log or the ledger says; RC_INVALID, RC_IO, and errors of db.h; what was
 * published until then stands.
 */
MUST_CHECK enum rc publish_run(struct db *db, const struct conf *c,
    int64_t now_ms, bool idle, struct publish_result *out, struct err *e);

/*
 * Makes another key for the log, logs it, signed by both, and puts it in the
 * place of the old one. Done again after it was ended anywhere, it goes on.
 * vkey is its public half. Errors as of publish_run.
 */
MUST_CHECK enum rc publish_key_next(const struct conf *c, int64_t now_ms,
    char vkey[static NOTE_VKEY_MAX + 1], struct err *e);

#endif
