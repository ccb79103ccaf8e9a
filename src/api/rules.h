/*
 * What the configuration says of requests and of credit: when the coordinator
 * begins, and again on SIGHUP. One thread.
 */
#ifndef WORKNET_API_RULES_H
#define WORKNET_API_RULES_H

#include "api/api.h"
#include "api/locate.h"
#include "base/conf.h"
#include "base/reopen.h"

/*
 * The rules of conf, with the drills' key from its file; pages.explorers and
 * pages.chain_id are the caller's. Whoever has them wipes them. What
 * eth_key_read says of that file.
 */
MUST_CHECK enum rc
rules_read(struct api_rules *out, const struct conf *conf, struct err *e);

/*
 * From now on the terms of ledger's ledger are conf's, and a key of tomorrow's
 * drills is committed to. Errors of db_open and of the ledger.
 */
MUST_CHECK enum rc rules_begin(const struct conf *ledger,
    const struct conf *conf, const struct api_rules *rules, struct err *e);

/* The log's level from now on: the configured one, or at_least. */
void rules_set_log(const struct conf *conf, int at_least);

struct reload {
	struct api *api;
	const char *path;
	const struct reopen *file; /* at path */
	struct locator *locator;
	const struct conf *begun;     /* by which it was started, */
	const struct api_rules *with; /* and its rules */
	struct conf now;	      /* by which it works */
	int log_level;		      /* of -v: the log has these at least */
};

/*
 * SIGHUP: reads the configuration and the databases of addresses again. What
 * may change at once counts from now on, and the log names each key that has
 * changed, and the databases; what is wrong leaves all as it was, and is
 * logged. ctx is a struct reload.
 */
void rules_reload(void *ctx);

#endif
