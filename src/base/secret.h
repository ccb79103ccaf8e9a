/*
 * Secrets: read from files that are their owner's alone, and wiped. No function
 * here keeps a pointer; any thread.
 */
#ifndef WORKNET_BASE_SECRET_H
#define WORKNET_BASE_SECRET_H

#include "base/buf.h"

/* Overwrites secrets in a way that the compiler must keep. */
void secret_wipe(void *p, size_t len);

/*
 * Reads a file that holds a secret: the whole of it into out, which has size
 * bytes, and its length into *len; no NUL is added. It must be a regular file
 * of the caller's effective user (or root) that nobody else can read or write
 * (mode 0600 or less). RC_NOT_FOUND when there is no such file, RC_INVALID
 * when it isn't that, or holds more than size bytes, RC_IO.
 *
 * A file of the same name among the service's credentials (systemd.exec(5),
 * LoadCredential=, CREDENTIALS_DIRECTORY) is taken instead.
 *
 * The caller wipes out when it is done; on failure it is wiped already. No
 * message holds a part of the text.
 */
MUST_CHECK enum rc secret_file_read(
    char *out, size_t size, size_t *len, const char *path, struct err *e);

/* The text without the white space (blank, tab, CR, LF) around it. */
struct slice secret_trim(struct slice text);

#endif
