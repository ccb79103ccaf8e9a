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
	pthread_mutex_t giving;	     /* held while epoll gets it */
	TAILQ_ENTRY(connection) all; /* server's lock */
};

struct server {
	struct api *api;
	int listen_fd;
	int stop_fd; /* readable: serving ends */
	int epoll_fd;
	struct load load;
	struct leaders leaders; /* who waits for epoll */
	pthread_mutex_t lock;
	TAILQ_HEAD(, connection) all; /* lock */
};

struct responder {
	pthread_t thread;
	struct server *server;
	struct api_thread *api;
	struct buf body;
	struct buf out;
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
static void
connection_take(struct connection *c)
{
	(void)pthread_mutex_lock(&c->giving);
	(void)pthread_mutex_unlock(&c->giving);
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

/* ---- Responders ---- */

static void
answer(struct responder *r, FCGX_Request *rq)
{
	const struct cgi_source src = { param_fcgi, rq->envp, read_fcgi,
		rq->in };
	struct api_request request;
	struct api_response response;
	bool admitted;

	cgi_read(&src, &request, &r->body);
	if (!read_rest(rq->in))
		rq->keepConnection = 0;
	admitted = load_admit(&r->server->load);
	if (admitted)
		api_handle(r->api, &request, clock_unix_ms(), &response);
	else
		api_refuse(r->api, &response);
	buf_reset(&r->out);
	cgi_write(&r->out, &response);
	if (admitted)
		load_done(&r->server->load);
	if (FCGX_PutStr(r->out.p, (int)r->out.len, rq->out) < 0)
		log_debug("the web server went away before its answer");
}

static void
connection_serve(struct responder *r, struct connection *c)
{
	connection_take(c);
	/* Fails when the web server closed the connection. */
	if (FCGX_Accept_r(&c->rq) == 0) {
		answer(r, &c->rq);
		FCGX_Finish_r(&c->rq);
	}
	if (c->rq.ipcFd >= 0)
		connection_give(r->server, EPOLL_CTL_MOD, c);
	else
		connection_free(r->server, c);
}

static void *
responder_main(void *arg)
{
	struct responder *r = arg;
	struct server *s = r->server;
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
			else
				connection_serve(r, what);
		}
	} while (most == 1 || n < 0 || served);
	return NULL;
}

static void
responder_free(struct responder *r)
{
	api_thread_free(r->api);
	buf_free(&r->body);
	buf_free(&r->out);
}

static enum rc
responder_init(struct responder *r, struct server *s, struct err *e)
{
	*r = (struct responder){ .server = s };
	buf_init(&r->body, BODY_MAX);
	buf_init(&r->out, RESPONSE_MAX + CGI_HEADER_MAX);
	return api_thread_new(&r->api, s->api, e);
}

/* Starts the responders; on failure stops at the one that failed. */
static enum rc
responders_start(struct responder *all, size_t n, struct server *s,
    size_t *started, struct err *e)
{
	enum rc rc;

	for (*started = 0; *started < n; ++*started) {
		rc = responder_init(&all[*started], s, e);
		if (rc == RC_OK &&
		    pthread_create(&all[*started].thread, NULL, responder_main,
			&all[*started]) != 0)
			rc = err_set(
			    e, RC_IO, "can't start thread %zu", *started);
		if (rc != RC_OK) {
			responder_free(&all[*started]);
			return rc;
		}
	}
	return RC_OK;
}

/* Ends the responders once they have answered what has arrived. */
static void
responders_stop(struct responder *all, size_t n, struct server *s)
{
	size_t i;

	if (s->stop_fd >= 0)
		(void)eventfd_write(s->stop_fd, 1);
	leaders_all(&s->leaders);
	for (i = 0; i < n; i++) {
		(void)pthread_join(all[i].thread, NULL);
		responder_free(&all[i]);
	}
}

/* ---- The server ---- */

static enum rc
server_open(struct server *s, struct err *e)
{
	/* A responder that accepts must never block. */
	if (fcntl(s->listen_fd, F_SETFL, O_NONBLOCK) != 0 || FCGX_Init() != 0)
		return err_set(
		    e, RC_IO, "can't use the socket: %s", strerror(errno));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	/* All responders are to see the one, only one each the other. */
	if (s->stop_fd < 0 || s->epoll_fd < 0 ||
	    watch(s, EPOLL_CTL_ADD, s->stop_fd, 0, &s->stop_fd) != 0 ||
	    watch(s, EPOLL_CTL_ADD, s->listen_fd, EPOLLONESHOT,
		&s->listen_fd) != 0)
		return err_set(e, RC_IO, "epoll: %s", strerror(errno));
	return RC_OK;
}

static void
server_close(struct server *s)
{
	struct connection *c;

	while ((c = TAILQ_FIRST(&s->all)) != NULL)
		connection_free(s, c);
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
serve_run(struct api *api, int listen_fd, bool owned, size_t threads,
    const sigset_t *stop, struct err *e)
{
	struct server s = { .api = api,
		.listen_fd = listen_fd,
		.stop_fd = -1,
		.epoll_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.all = TAILQ_HEAD_INITIALIZER(s.all) };
	struct responder *all = NULL;
	size_t started = 0;
	enum rc rc;

	load_init(&s.load, threads);
	leaders_init(&s.leaders);
	rc = server_open(&s, e);
	if (rc == RC_OK && (all = calloc(threads, sizeof(*all))) == NULL)
		rc = err_set(e, RC_NO_MEMORY, "serve: no memory");
	if (rc == RC_OK)
		rc = responders_start(all, threads, &s, &started, e);
	if (rc == RC_OK) {
		log_notice("serving with %zu threads", threads);
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
	struct server s = { .api = api };
	struct api_request request;
	struct api_response response;
	struct responder r;
	enum rc rc;

	rc = responder_init(&r, &s, e);
	if (rc == RC_OK) {
		cgi_read(&src, &request, &r.body);
		api_handle(r.api, &request, clock_unix_ms(), &response);
		cgi_write(&r.out, &response);
		rc = write_stdout(&r.out, e);
	}
	responder_free(&r);
	return rc;
}
