/* The query string of a poll. Pure; any thread. */
#ifndef WORKNET_API_POLL_QUERY_H
#define WORKNET_API_POLL_QUERY_H

#include "base/limits.h"
#include "eth/address.h"

struct poll_query {
	struct address address;
	char region[REGION_MAX + 1]; /* "" when not given */
};

/*
 * Reads "address=0x…&region=…", percent-encoded (RFC 3986; '+' is a space);
 * other names are ignored. RC_INVALID with a message for the worker.
 */
MUST_CHECK enum rc
poll_query_parse(struct poll_query *out, struct slice query, struct err *e);

#endif
