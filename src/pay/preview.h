/*
 * What a dry run prints: whom a run would pay how much, and who would have to
 * wait, and why. One thread.
 */
#ifndef WORKNET_PAY_PREVIEW_H
#define WORKNET_PAY_PREVIEW_H

#include "eth/address.h"
#include "json/json.h"

struct preview {
	struct json_writer *json; /* owned; NULL: for people */
	struct buf text;	  /* of json, not yet printed */
	int64_t payouts;
	int64_t micros; /* their sum */
};

/* Begins one (preview_end), in JSON or for people. RC_NO_MEMORY. */
MUST_CHECK enum rc
preview_begin(struct preview *p, bool is_json, struct err *e);

void
preview_pays(struct preview *p, const struct address *worker, int64_t micros);
void
preview_waits(struct preview *p, const struct address *worker, const char *why);

/*
 * Ends it by the sum, the run's exit code and, if it failed, why (else NULL).
 * RC_IO, RC_NO_MEMORY: what was printed isn't whole.
 */
MUST_CHECK enum rc
preview_end(struct preview *p, int exit_code, const char *why, struct err *e);

#endif
