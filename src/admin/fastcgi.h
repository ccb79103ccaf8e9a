/*
 * A question to the coordinator at its own socket, as nginx asks (FastCGI 1.0).
 * One thread.
 */
#ifndef WORKNET_ADMIN_FASTCGI_H
#define WORKNET_ADMIN_FASTCGI_H

#include "base/buf.h"

#define FASTCGI_WAIT_S 5 /* for each piece of an answer */

/*
 * GET path, as this machine's operator: the answer's header and body go to out.
 * RC_IO when nobody answers there; the message names the socket.
 */
MUST_CHECK enum rc fastcgi_get(
    struct buf *out, const char *socket_path, const char *path, struct err *e);

#endif
