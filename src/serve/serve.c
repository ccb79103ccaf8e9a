#include "serve/serve.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/cgi.h"
#include "serve/leaders.h"
#include "serve/load.h"

/* A web server that stalls in the middle of a request holds its thread no
 * longer than this. nginx sends a request when it has all of it. */
#define STALL_S 10

/* When no connection can be taken: no memory, no descriptor. */
#define PAUSE_MS 10

/*
 * A connection of the web server. Epoll watches it until something arrives
 * and gives it to one responder, which answers the request and has it
 * watched again. So one that is kept but idle, or silent from the start,
 * holds no thread.
 */
struct connection {
	FCGX_Request rq;
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
	size_t behind;		    /* connections that waited at its begin */
	bool admitted;		    /* by the server's load */
	SLIST_ENTRY(exchange) free; /* server's lock */
};

struct server {
	struct api *api;
	int listen_fd;
	int stop_fd; /* readable: serving ends */
	int epoll_fd;
	struct load load;
	struct leaders leaders; /* who waits for epoll */
	struct exchange *exchanges;
	pthread_mutex_t lock;
	TAILQ_HEAD(, connection) all;	   /* lock */
	STAILQ_HEAD(, connection) waiting; /* lock; for an exchange */
	size_t n_waiting;		   /* lock */
	SLIST_HEAD(, exchange) free;	   /* lock; last used, first taken */
	size_t in_flight; /* lock; exchanges that aren't free */
};

/* ---- Connections ---- */

static void
limit_stall(int fd)
{
	struct timeval tv = { .tv_sec = STALL_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

/* Watches fd; what points at whom it belongs to. */
static int
watch(struct server *s, int op, int fd, uint32_t flags, void *what)
{
	struct epoll_event ev = { .events = EPOLLIN | flags,
		.data = { .ptr = what } };

	return epoll_ctl(s->epoll_fd, op, fd, &ev);
}

/* Closes c, which epoll doesn't watch. */
static void
connection_free(struct server *s, struct connection *c)
{
	(void)pthread_mutex_lock(&s->lock);
	TAILQ_REMOVE(&s->all, c, all);
	(void)pthread_mutex_unlock(&s->lock);
	if (c->rq.ipcFd >= 0)
		(void)close(c->rq.ipcFd);
	(void)pthread_mutex_destroy(&c->giving);
	free(c);
}

/* Has epoll watch c, which belongs to another thread from then on. */
static void
connection_give(struct server *s, int op, struct connection *c)
{
	bool watched;

	(void)pthread_mutex_lock(&c->giving);
	watched = watch(s, op, c->rq.ipcFd, EPOLLONESHOT, c) == 0;
	(void)pthread_mutex_unlock(&c->giving);
	if (!watched)
		connection_free(s, c);
}

/* Waits until who gave c to epoll has let go of it. */
static struct connection *
connection_take(struct connection *c)
{
	(void)pthread_mutex_lock(&c->giving);
	(void)pthread_mutex_unlock(&c->giving);
	return c;
}

/* Takes over fd. */
static void
connection_new(struct server *s, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL || FCGX_InitRequest(&c->rq, -1, 0) != 0) {
		log_error("a connection was dropped: no memory");
		(void)close(fd);
		free(c);
		return;
	}
	limit_stall(fd);
	c->rq.ipcFd = fd;
	/* Else FCGX_Accept_r would begin with closing it. */
	c->rq.keepConnection = 1;
	(void)pthread_mutex_init(&c->giving, NULL);
	(void)pthread_mutex_lock(&s->lock);
	TAILQ_INSERT_TAIL(&s->all, c, all);
	(void)pthread_mutex_unlock(&s->lock);
	connection_give(s, EPOLL_CTL_ADD, c);
}

/* Takes all connections that wait at the socket, and has it watched again. */
static void
accept_waiting(struct server *s)
{
	int fd;

	while ((fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		connection_new(s, fd);
	/* EINVAL: shut down, and nobody waits any more. */
	if (errno != EAGAIN && errno != EINVAL && errno != EINTR &&
	    errno != ECONNABORTED)
		(void)poll(NULL, 0, PAUSE_MS);
	/* Fails when serving ends and it isn't watched any more. */
	(void)watch(
	    s, EPOLL_CTL_MOD, s->listen_fd, EPOLLONESHOT, &s->listen_fd);
}

/* ---- Requests ---- */

static size_t
read_fcgi(void *ctx, char *p, size_t len)
{
	FCGX_Stream *in = ctx;
	int n = FCGX_GetStr(p, (int)len, in);

	return n < 0 ? 0 : (size_t)n;
}

/*
 * Reads what is left of a request. False when that was too much: the rest
 * would be taken for the next request on this connection, which belongs to
 * somebody else.
 */
static bool
read_rest(FCGX_Stream *in)
{
	char waste[4096];
	size_t n, total = 0;

	do {
		n = read_fcgi(in, waste, sizeof(waste));
		total += n;
	} while (n > 0 && total <= BODY_MAX);
	return n == 0;
}

static const char *
param_fcgi(void *ctx, const char *name)
{
	char **envp = ctx;

	return FCGX_GetParam(name, envp);
}

/* ---- Exchanges ---- */

/*
 * Lets c, unless NULL, wait for an exchange, and takes one for the first
 * connection that does. NULL: none waits, or no exchange is free.
 */
static struct exchange *
exchange_begin(struct server *s, struct connection *c)
{
	struct exchange *x = NULL;

	(void)pthread_mutex_lock(&s->lock);
	if (c != NULL) {
		STAILQ_INSERT_TAIL(&s->waiting, c, waiting);
		s->n_waiting++;
	}
	if (s->n_waiting > 0)
		x = SLIST_FIRST(&s->free);
	if (x != NULL) {
		x->connection = STAILQ_FIRST(&s->waiting);
		STAILQ_REMOVE_HEAD(&s->waiting, waiting);
		x->behind = --s->n_waiting;
		SLIST_REMOVE_HEAD(&s->free, free);
		s->in_flight++;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return x;
}

/* Lets go of x and its connection. Afterwards exchanges_run. */
static void
exchange_end(struct exchange *x)
{
	struct server *s = x->server;
	struct connection *c = x->connection;

	if (c->rq.ipcFd >= 0)
		connection_give(s, EPOLL_CTL_MOD, c);
	else
		connection_free(s, c);
	(void)pthread_mutex_lock(&s->lock);
	s->in_flight--;
	SLIST_INSERT_HEAD(&s->free, x, free);
	(void)pthread_mutex_unlock(&s->lock);
}

/* Reads the request and works on it; false: it waits for its commit. */
static bool
exchange_handle(struct exchange *x, struct api_response *response)
{
	FCGX_Request *rq = &x->connection->rq;
	const struct cgi_source src = { param_fcgi, rq->envp, read_fcgi,
		rq->in };
	struct api_request request;

	cgi_read(&src, &request, &x->body);
	if (!read_rest(rq->in))
		rq->keepConnection = 0;
	x->admitted = load_admit(&x->server->load, x->behind);
	if (x->admitted)
		return api_handle(x->api, &request, clock_unix_ms(), response);
	api_refuse(x->api, response);
	return true;
}

static void
exchange_answer(struct exchange *x, const struct api_response *response)
{
	FCGX_Request *rq = &x->connection->rq;

	buf_reset(&x->out);
	cgi_write(&x->out, response);
	if (x->admitted)
		load_done(&x->server->load);
	if (FCGX_PutStr(x->out.p, (int)x->out.len, rq->out) < 0)
		log_debug("the web server went away before its answer");
	FCGX_Finish_r(rq);
}

static void
exchange_run(struct exchange *x)
{
	struct api_response response;

	/* Fails when the web server closed the connection. */
	if (FCGX_Accept_r(&x->connection->rq) == 0) {
		if (!exchange_handle(x, &response))
			return; /* answer_finished goes on with it */
		exchange_answer(x, &response);
	}
	exchange_end(x);
}

/* Serves c, unless NULL, and those that wait for an exchange. */
static void
exchanges_run(struct server *s, struct connection *c)
{
	struct exchange *x;

	for (; (x = exchange_begin(s, c)) != NULL; c = NULL)
		exchange_run(x);
}

/* Answers the requests whose commit is over. */
static void
answer_finished(struct server *s)
{
	struct api_response response;
	struct exchange *x;

	while ((x = api_finished(s->api)) != NULL) {
		api_answer(x->api, &response);
		exchange_answer(x, &response);
		exchange_end(x);
	}
	exchanges_run(s, NULL);
}

static void
wait_finished(struct api *api)
{
	struct pollfd pfd = { .fd = api_finished_fd(api), .events = POLLIN };

	(void)poll(&pfd, 1, -1);
}

static void
exchange_free(struct exchange *x)
{
	api_exchange_free(x->api);
	buf_free(&x->body);
	buf_free(&x->out);
}

static enum rc
exchange_init(
    struct exchange *x, struct server *s, struct api *api, struct err *e)
{
	*x = (struct exchange){ .server = s };
	buf_init(&x->body, BODY_MAX);
	buf_init(&x->out, RESPONSE_MAX + CGI_HEADER_MAX);
	return api_exchange_new(&x->api, api, x, e);
}

/* ---- Responders ---- */

static void *
responder_main(void *arg)
{
	struct server *s = arg;
	struct epoll_event events[2];
	bool stopping = false, served;
	void *what;
	int i, n, most;

	do {
		served = false;
		/* From the moment that serving ends, its event is always
		 * there, and another with it if one has arrived: so this ends
		 * after a look that had room for both and found the one. */
		most = stopping ? 2 : 1;
		leader_join(&s->leaders);
		n = epoll_wait(s->epoll_fd, events, most, -1);
		leader_leave(&s->leaders);
		for (i = 0; i < n; i++) {
			what = events[i].data.ptr;
			served |= what != &s->stop_fd;
			if (what == &s->stop_fd)
				stopping = true;
			else if (what == &s->listen_fd)
				accept_waiting(s);
			else if (what == s->api)
				answer_finished(s);
			else
				exchanges_run(s, connection_take(what));
		}
	} while (most == 1 || n < 0 || served);
	return NULL;
}

/* Starts n threads; on failure stops at the one that failed. */
static enum rc
responders_start(
    pthread_t *all, size_t n, struct server *s, size_t *started, struct err *e)
{
	for (*started = 0; *started < n; ++*started)
		if (pthread_create(&all[*started], NULL, responder_main, s) !=
		    0)
			return err_set(
			    e, RC_IO, "can't start thread %zu", *started);
	return RC_OK;
}

/* Ends them once they have read all that has arrived, and answers it. */
static void
responders_stop(pthread_t *all, size_t n, struct server *s)
{
	size_t i;

	if (s->stop_fd >= 0)
		(void)eventfd_write(s->stop_fd, 1);
	leaders_all(&s->leaders);
	for (i = 0; i < n; i++)
		(void)pthread_join(all[i], NULL);
	while (s->in_flight > 0) {
		wait_finished(s->api);
		answer_finished(s);
	}
}

/* ---- The server ---- */

static enum rc
exchanges_open(struct server *s, size_t n, struct err *e)
{
	struct exchange *x;
	enum rc rc = RC_OK;

	s->exchanges = calloc(n, sizeof(*s->exchanges));
	if (s->exchanges == NULL)
		return err_set(e, RC_NO_MEMORY, "serve: no memory");
	for (x = s->exchanges; rc == RC_OK && x < s->exchanges + n; x++) {
		rc = exchange_init(x, s, s->api, e);
		SLIST_INSERT_HEAD(&s->free, x, free);
	}
	return rc;
}

static enum rc
server_open(struct server *s, size_t at_once, struct err *e)
{
	/* A responder that accepts must never block. */
	if (fcntl(s->listen_fd, F_SETFL, O_NONBLOCK) != 0 || FCGX_Init() != 0)
		return err_set(
		    e, RC_IO, "can't use the socket: %s", strerror(errno));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	/* All responders are to see that serving ends, and that answers wait;
	 * only one each of the others. */
	if (s->stop_fd < 0 || s->epoll_fd < 0 ||
	    watch(s, EPOLL_CTL_ADD, s->stop_fd, 0, &s->stop_fd) != 0 ||
	    watch(s, EPOLL_CTL_ADD, api_finished_fd(s->api), 0, s->api) != 0 ||
	    watch(s, EPOLL_CTL_ADD, s->listen_fd, EPOLLONESHOT,
		&s->listen_fd) != 0)
		return err_set(e, RC_IO, "epoll: %s", strerror(errno));
	return exchanges_open(s, at_once, e);
}

static void
server_close(struct server *s)
{
	struct connection *c;
	struct exchange *x;

	while ((c = TAILQ_FIRST(&s->all)) != NULL)
		connection_free(s, c);
	while ((x = SLIST_FIRST(&s->free)) != NULL) {
		SLIST_REMOVE_HEAD(&s->free, free);
		exchange_free(x);
	}
	free(s->exchanges);
	if (s->epoll_fd >= 0)
		(void)close(s->epoll_fd);
	if (s->stop_fd >= 0)
		(void)close(s->stop_fd);
	leaders_free(&s->leaders);
	(void)pthread_mutex_destroy(&s->lock);
}

/* Waits for the signal; then takes those who had connected by then. */
static enum rc
wait_for_stop(struct server *s, bool owned, const sigset_t *stop, struct err *e)
{
	int error, signal_number;

	error = sigwait(stop, &signal_number);
	if (error != 0)
		return err_set(e, RC_IO, "sigwait: %s", strerror(error));
	log_notice("signal %d: answering what was accepted", signal_number);
	(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->listen_fd, NULL);
	/* Who connects from here on is refused; who did before is served. */
	if (owned && shutdown(s->listen_fd, SHUT_RD) == 0)
		accept_waiting(s);
	return RC_OK;
}

enum rc
serve_run(struct api *api, int listen_fd, bool owned, size_t at_once,
    const sigset_t *stop, struct err *e)
{
	struct server s = { .api = api,
		.listen_fd = listen_fd,
		.stop_fd = -1,
		.epoll_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.all = TAILQ_HEAD_INITIALIZER(s.all),
		.waiting = STAILQ_HEAD_INITIALIZER(s.waiting),
		.free = SLIST_HEAD_INITIALIZER(s.free) };
	pthread_t *all = NULL;
	size_t started = 0;
	enum rc rc;

	load_init(&s.load, at_once);
	leaders_init(&s.leaders);
	rc = server_open(&s, at_once, e);
	if (rc == RC_OK && (all = calloc(at_once, sizeof(*all))) == NULL)
		rc = err_set(e, RC_NO_MEMORY, "serve: no memory");
	if (rc == RC_OK)
		rc = responders_start(all, at_once, &s, &started, e);
	if (rc == RC_OK) {
		log_notice("serving with %zu threads", at_once);
		rc = wait_for_stop(&s, owned, stop, e);
	}
	responders_stop(all, started, &s);
	server_close(&s);
	free(all);
	return rc;
}

/* ---- One request, from the environment and standard input ---- */

static size_t
read_stdin(void *ctx, char *p, size_t len)
{
	ssize_t n;

	(void)ctx;
	do
		n = read(STDIN_FILENO, p, len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (size_t)n;
}

static const char *
param_env(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static enum rc
write_stdout(const struct buf *b, struct err *e)
{
	size_t done;
	ssize_t n;

	for (done = 0; done < b->len; done += (size_t)n) {
		n = write(STDOUT_FILENO, b->p + done, b->len - done);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return err_set(
			    e, RC_IO, "standard output: %s", strerror(errno));
	}
	return RC_OK;
}

enum rc
serve_cgi(struct api *api, struct err *e)
{
	const struct cgi_source src = { param_env, NULL, read_stdin, NULL };
	struct api_request request;
	struct api_response response;
	struct exchange x;
	enum rc rc;

	rc = exchange_init(&x, NULL, api, e);
	if (rc == RC_OK) {
		cgi_read(&src, &request, &x.body);
		if (!api_handle(x.api, &request, clock_unix_ms(), &response)) {
			while (api_finished(api) == NULL)
				wait_finished(api);
			api_answer(x.api, &response);
		}
		cgi_write(&x.out, &response);
		rc = write_stdout(&x.out, e);
	}
	exchange_free(&x);
	return rc;
}
