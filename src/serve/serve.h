/*
 * The FastCGI responder: threads that take requests from a listening socket
 * and hand them to the api; and the same for one request as plain CGI. The
 * only room that uses libfcgi.
 */
#ifndef WORKNET_SERVE_SERVE_H
#define WORKNET_SERVE_SERVE_H

#include <signal.h>

#include "api/api.h"

/*
 * Makes a listening Unix socket at path, for processes that mode (such as
 * 0660) lets connect. A socket that nobody listens on any more is replaced;
 * RC_CONFLICT when somebody does, or when path is no socket. RC_IO.
 */
MUST_CHECK enum rc serve_listen(
    int *fd, const char *path, unsigned mode, int backlog, struct err *e);

/*
 * A listening socket that the process inherited: from systemd
 * (sd_listen_fds(3)) or from spawn-fcgi, on standard input. RC_NOT_FOUND
 * when there is none.
 */
MUST_CHECK enum rc serve_inherited(int *fd, struct err *e);

/*
 * Serves requests from listen_fd, at_once of them with as many threads, since
 * each may stall, until one of the signals in stop arrives, which the caller
 * has blocked; what was accepted by then is answered. owned: nobody else
 * serves the socket, so those who wait there are answered, too; else they are
 * left to whoever serves it next. A thread is held by a request that is read,
 * worked on or answered, not by one that waits for its commit, nor by a
 * connection: the web server may keep more of those than there are threads.
 * RC_IO, or what api_exchange_new says.
 */
MUST_CHECK enum rc serve_run(struct api *api, int listen_fd, bool owned,
    size_t at_once, const sigset_t *stop, struct err *e);

/* Answers the one request of a CGI process (RFC 3875). */
MUST_CHECK enum rc serve_cgi(struct api *api, struct err *e);

#endif
