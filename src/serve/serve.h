/*
 * The FastCGI responder: threads that take requests from a listening socket
 * and hand them to the api; and the same for one request as plain CGI. The
 * only room that uses libfcgi.
 */
#ifndef WORKNET_SERVE_SERVE_H
#define WORKNET_SERVE_SERVE_H

#include <signal.h>
#include <sys/types.h>

#include "api/api.h"

/* A listening socket. */
struct serve_socket {
	int fd;
	/* One that serve_listen made: nobody else serves it, and its path is
	 * removed when serving ends. NULL: inherited. */
	const char *path;
	dev_t device; /* of path */
	ino_t inode;
};

/*
 * Makes a listening Unix socket at path, which must outlive *out, for processes
 * that mode (such as 0660) lets connect. A socket that nobody listens on any
 * more is replaced; RC_CONFLICT when somebody does, or when path is no socket.
 * RC_IO.
 */
MUST_CHECK enum rc serve_listen(struct serve_socket *out, const char *path,
    unsigned mode, int backlog, struct err *e);

/*
 * A listening socket that the process inherited: from systemd
 * (sd_listen_fds(3)) or from spawn-fcgi, on standard input. RC_NOT_FOUND
 * when there is none.
 */
MUST_CHECK enum rc serve_inherited(struct serve_socket *out, struct err *e);

/* Removes the path of a socket that serve_listen made, if it is still that. */
void serve_unlink(const struct serve_socket *s);

struct serve_config {
	/* Requests in flight: being read, worked on, waiting for a commit, or
	 * being answered. Others wait, and under overload are refused. */
	size_t exchanges;
	/* Threads that read, work and answer. A request that waits for its
	 * commit holds none, nor does a connection without a request. */
	size_t threads;
	/* Called on SIGHUP, which the caller has blocked, by the thread that
	 * called serve_run; others go on. */
	void (*reload)(void *ctx);
	void *ctx;
	/* Called each second, by the same thread. */
	void (*look)(void *look_ctx);
	void *look_ctx;
};

/*
 * Serves requests from a listening socket until one of the signals in stop
 * arrives, which the caller has blocked, or until api_check fails, whose error
 * this returns then. Requests that have arrived by then are answered, also on
 * kept connections: for 8 seconds requests are begun, and each has 5 seconds to
 * be read and 5 for its answer. Of connections that nobody has accepted yet,
 * those at a socket of serve_listen are served, too; those at an inherited
 * socket are left to the process that serves it next. RC_IO, or what
 * api_exchange_new and api_thread_new say. Meanwhile the log has a line each
 * minute of what was done.
 */
MUST_CHECK enum rc serve_run(struct api *api, const struct serve_socket *socket,
    const struct serve_config *config, const sigset_t *stop, struct err *e);

/* Answers the one request of a CGI process (RFC 3875). */
MUST_CHECK enum rc serve_cgi(struct api *api, struct err *e);

#endif
