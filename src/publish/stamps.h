/*
 * The authorities of the configuration, who are asked for a timestamp (RFC
 * 3161) of each checkpoint, as it is published: the file
 *	timestamp/SHA-256 OF THE CHECKPOINT'S FILE/AUTHORITY.tsr
 * of the log's directory. As with witnesses none of them can stop the log. One
 * thread.
 */
#ifndef WORKNET_PUBLISH_STAMPS_H
#define WORKNET_PUBLISH_STAMPS_H

#include "http/http.h"
#include "publish/faults.h"
#include "tlog/policy.h"
#include "tlog/site.h"

struct authority {
	char name[POLICY_WORD_MAX + 1];
	char url[URL_MAX + 1];
	struct buf certificate; /* owned, DER */
};

struct stamps {
	size_t n;
	struct authority all[POLICY_AUTHORITIES];
};

/*
 * Reads the list of the configuration, NAME URL CERTIFICATE'S FILE ..., and the
 * certificates; freed with stamps_free. RC_INVALID, RC_NOT_FOUND, RC_IO.
 */
MUST_CHECK enum rc
stamps_read(struct stamps *s, const char *list, struct err *e);
void stamps_free(struct stamps *s);

/*
 * Asks those whose stamp of note isn't there yet, and writes what they answer.
 * RC_IO, RC_NO_MEMORY, of which none is an authority's.
 */
MUST_CHECK enum rc
stamps_ask(struct stamps *s, struct http_client *http, struct site *site,
    struct slice note, int64_t now_s, struct faults *f, struct err *e);

#endif
