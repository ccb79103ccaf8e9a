/*
 * What the files of this room share: connection.c has the web server's
 * connections, exchange.c the requests on them, serve.c the threads. For them
 * alone.
 */
#ifndef WORKNET_SERVE_ROOM_H
#define WORKNET_SERVE_ROOM_H

#include <fcgiapp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/limits.h"
#include "serve/load.h"
#include "serve/serve.h"

/*
 * A thread reads a request, or writes an answer, for no longer than this: then
 * the connection is cut, and the request isn't carried out. nginx sends a
 * request when it has all of it, so only a broken one needs longer.
 */
#define REQUEST_MS 5000

/*
 * When serving ends, requests are still read for STOP_MS. A connection that has
 * never sent anything may be just about to, and is given STOP_FRESH_MS.
 */
#define STOP_MS	      8000
#define STOP_FRESH_MS 500

static_assert(REQUEST_MS < POLL_TIMEOUT_MS,
    "who waits behind a request that is cut is answered in time");
static_assert(REQUEST_MS < STOP_MS, "a request that was begun can be read");

/*
 * A connection of the web server. Epoll watches it until something arrives
 * and gives it to one responder, which answers the request and has it
 * watched again. So one that is kept but idle, or silent from the start,
 * holds no thread.
 */
struct connection {
	FCGX_Request rq; /* its ipcFd is < 0 once libfcgi has closed fd */
	int fd;
	bool fresh;			  /* server's lock; no request yet */
	pthread_mutex_t giving;		  /* held while epoll gets it */
	TAILQ_ENTRY(connection) all;	  /* server's lock */
	STAILQ_ENTRY(connection) waiting; /* server's lock */
};

/*
 * A request on its way to its answer. It holds a thread while that works on
 * it, none while it waits for its commit.
 */
struct exchange {
	struct server *server;
	struct api_exchange *api;
	struct connection *connection;
	struct buf body;
	struct buf out;
	size_t behind;	     /* connections that waited when it began */
	bool admitted;	     /* by the server's load */
	bool keep;	     /* its connection, afterwards */
	atomic_llong due_ms; /* it is read, or answered, by then; 0: neither */
	SLIST_ENTRY(exchange) free; /* server's lock */
};

struct server {
	struct api *api;
	struct serve_socket socket;
	int stop_fd; /* readable: the responders end */
	int epoll_fd;
	struct load load;
	atomic_bool starved;	  /* no descriptors or memory: it was logged */
	atomic_bool ended;	  /* the responders end */
	atomic_llong stop_due_ms; /* serving ends by then; 0: not yet */
	struct exchange *exchanges;
	size_t n_exchanges;
	pthread_mutex_t lock;
	bool closed;			   /* lock; to new connections */
	TAILQ_HEAD(, connection) all;	   /* lock */
	size_t n_fresh;			   /* lock; of them */
	STAILQ_HEAD(, connection) waiting; /* lock; for an exchange */
	size_t n_waiting;		   /* lock */
	SLIST_HEAD(, exchange) free;	   /* lock; last used, first taken */
	size_t in_flight; /* lock; exchanges that aren't free */
};

/* ---- Connections ---- */

/* Has epoll watch fd; what points at whom it belongs to. 0, or -1. */
int server_watch(struct server *s, int op, int fd, uint32_t flags, void *what);

/* Takes all connections that wait at the socket, and has it watched again. */
void server_accept(struct server *s);

/* Has epoll watch c, which belongs to another thread from then on. */
void connection_give(struct server *s, int op, struct connection *c);

/* Waits until the thread that gave c to epoll has let go of it. Returns c. */
struct connection *connection_take(struct connection *c);

/* Closes c, which epoll doesn't watch. */
void connection_free(struct server *s, struct connection *c);

/* Whether something has arrived that nobody has read. */
bool connection_has_more(const struct connection *c);

/* ---- Exchanges ---- */

/* Of a server, or with NULL of a CGI process. Errors of api_exchange_new. */
MUST_CHECK enum rc exchange_init(
    struct exchange *x, struct server *s, struct api *api, struct err *e);
void exchange_free(struct exchange *x);

/* Serves c, unless NULL, and those that wait for an exchange. */
void
exchanges_run(struct server *s, struct api_thread *t, struct connection *c);

/* Answers the requests whose commit is over. */
void exchanges_answer(struct server *s, struct api_thread *t);

/* Cuts the connections whose request is read, or answered, for too long. */
void exchanges_cut(struct server *s);

/* Waits until a request's commit is over. */
void exchanges_wait(struct api *api);

#endif
