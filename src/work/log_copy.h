/*
 * A copy of the files of a log that a web server shows, as far as they are
 * asked for. What never changes is fetched once. One thread.
 */
#ifndef WORKNET_WORK_LOG_COPY_H
#define WORKNET_WORK_LOG_COPY_H

#include "base/file.h"
#include "http/http.h"

struct log_copy {
	const char *url;       /* borrowed; of the log, without a last slash */
	const char *directory; /* borrowed */
	struct http_client *http; /* owned */
};

/*
 * url as far as the names of files; directory is made. Freed with
 * log_copy_close. RC_INVALID, RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc log_copy_open(
    struct log_copy *c, const char *url, const char *directory, struct err *e);
void log_copy_close(struct log_copy *c);

/*
 * A site_fetch_fn, of a struct log_copy: brings the file of that name.
 * RC_NOT_FOUND: the server answers 404; RC_IO, RC_NO_MEMORY.
 */
MUST_CHECK enum rc log_copy_fetch(void *ctx, const char *name, struct err *e);

/* Brings what changes: the checkpoint, and if with_policy the policy. */
MUST_CHECK enum rc
log_copy_renew(struct log_copy *c, bool with_policy, struct err *e);

#endif
