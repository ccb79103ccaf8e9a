#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/cgi.h"
#include "serve/room.h"

/* ---- Reading and answering ---- */

static size_t
read_fcgi(void *ctx, char *p, size_t len)
{
	FCGX_Stream *in = ctx;
	int n = FCGX_GetStr(p, (int)len, in);

	return n < 0 ? 0 : (size_t)n;
}

/*
 * Reads what is left of a request, BODY_MAX bytes at most. False when there was
 * more: then the connection can't be kept, since its next request would begin
 * in the middle of this one.
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

static void
due_set(struct exchange *x)
{
	atomic_store(&x->due_ms, clock_monotonic_ms() + REQUEST_MS);
}

/* Reads the request: false when it was cut, in its parameters or its body. */
static bool
exchange_read(struct exchange *x, struct api_request *request)
{
	FCGX_Request *rq = &x->connection->rq;
	const struct cgi_source src = { param_fcgi, rq->envp, read_fcgi,
		rq->in };
	bool all;

	cgi_read(&src, request, &x->body);
	all = read_rest(rq->in);
	x->keep = all && rq->keepConnection;
	/* libfcgi waits for the other side when it closes: where something
	 * wasn't read, that lets the other side read the answer. */
	rq->keepConnection = all;
	atomic_store(&x->due_ms, 0);
	return FCGX_GetError(rq->in) == 0;
}

/* Ends without an answer; the connection is closed. */
static void
exchange_drop(struct exchange *x)
{
	if (x->admitted)
		load_done(&x->server->load);
	x->admitted = false;
	x->keep = false;
	FCGX_Free(&x->connection->rq, 0);
}

static void
exchange_answer(struct exchange *x, const struct api_response *response)
{
	FCGX_Request *rq = &x->connection->rq;
	struct err e = ERR_INIT;

	buf_reset(&x->out);
	cgi_write(&x->out, response);
	if (buf_status(response->body, &e) != RC_OK ||
	    buf_status(&x->out, &e) != RC_OK) {
		log_error("an answer was dropped: %s", e.msg);
		exchange_drop(x);
		return;
	}
	if (x->admitted)
		load_done(&x->server->load);
	x->admitted = false;
	due_set(x);
	if (FCGX_PutStr(x->out.p, (int)x->out.len, rq->out) < 0)
		log_debug("the web server went away before its answer");
	FCGX_Finish_r(rq);
}

/* Reads the request and works on it; false: it waits for its commit. */
static bool
exchange_handle(struct exchange *x, struct api_thread *t)
{
	struct api_response response;
	struct api_request request;
	bool done = true;

	if (!exchange_read(x, &request)) {
		log_info("a request was cut off, and isn't carried out");
		exchange_drop(x);
		return true;
	}
	x->admitted = load_admit(&x->server->load, x->behind);
	if (x->admitted)
		done =
		    api_handle(x->api, t, &request, clock_unix_ms(), &response);
	else
		api_refuse(x->api, &response);
	if (done)
		exchange_answer(x, &response);
	return done;
}

/* ---- From begin to end ---- */

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
		s->n_fresh -= c->fresh;
		c->fresh = false;
	}
	if (s->n_waiting > 0)
		x = SLIST_FIRST(&s->free);
	if (x != NULL) {
		x->connection = STAILQ_FIRST(&s->waiting);
		STAILQ_REMOVE_HEAD(&s->waiting, waiting);
		x->behind = --s->n_waiting;
		SLIST_REMOVE_HEAD(&s->free, free);
		s->in_flight++;
		due_set(x);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return x;
}

/*
 * Whether c is to be watched again. Once serving ends, only for a request that
 * has arrived already, while there is time.
 */
static bool
connection_stays(struct server *s, const struct connection *c)
{
	int64_t stop_ms = atomic_load(&s->stop_due_ms);

	return stop_ms == 0 ||
	    (clock_monotonic_ms() < stop_ms && connection_has_more(c));
}

/* Lets go of x and its connection. Afterwards exchanges_run. */
static void
exchange_end(struct exchange *x)
{
	struct server *s = x->server;
	struct connection *c = x->connection;
	bool keep = x->keep && c->rq.ipcFd >= 0 && connection_stays(s, c);

	(void)pthread_mutex_lock(&s->lock);
	atomic_store(
	    &x->due_ms, 0); /* before its descriptor may be another's */
	(void)pthread_mutex_unlock(&s->lock);
	if (keep)
		connection_give(s, EPOLL_CTL_MOD, c);
	else
		connection_free(s, c);
	(void)pthread_mutex_lock(&s->lock);
	s->in_flight--;
	SLIST_INSERT_HEAD(&s->free, x, free);
	(void)pthread_mutex_unlock(&s->lock);
}

static void
exchange_run(struct exchange *x, struct api_thread *t)
{
	x->keep = false;
	/* Fails when the web server closed the connection. */
	if (FCGX_Accept_r(&x->connection->rq) == 0 && !exchange_handle(x, t))
		return; /* exchanges_answer goes on with it */
	exchange_end(x);
}

void
exchanges_run(struct server *s, struct api_thread *t, struct connection *c)
{
	struct exchange *x;

	for (; (x = exchange_begin(s, c)) != NULL; c = NULL)
		exchange_run(x, t);
}

void
exchanges_answer(struct server *s, struct api_thread *t)
{
	struct api_response response;
	struct exchange *x;

	while ((x = api_finished(s->api)) != NULL) {
		api_answer(x->api, &response);
		exchange_answer(x, &response);
		exchange_end(x);
	}
	exchanges_run(s, t, NULL);
}

void
exchanges_wait(struct api *api)
{
	struct pollfd pfd = { .fd = api_finished_fd(api), .events = POLLIN };

	(void)poll(&pfd, 1, -1);
}

/*
 * Whether c's descriptor is still its own. libfcgi closes one by itself, and
 * then accept4 may have given its number to another connection. The caller
 * holds the server's lock.
 */
static bool
descriptor_is_own(const struct server *s, const struct connection *c)
{
	const struct connection *other;

	TAILQ_FOREACH(other, &s->all, all)
	if (other != c && other->fd == c->fd)
		return false;
	return true;
}

void
exchanges_cut(struct server *s)
{
	int64_t due_ms, now_ms = clock_monotonic_ms();
	struct exchange *x;

	(void)pthread_mutex_lock(&s->lock);
	for (x = s->exchanges; x < s->exchanges + s->n_exchanges; x++) {
		due_ms = atomic_load(&x->due_ms);
		if (due_ms == 0 || now_ms < due_ms)
			continue;
		if (descriptor_is_own(s, x->connection))
			(void)shutdown(x->connection->fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&s->lock);
}

void
exchange_free(struct exchange *x)
{
	api_exchange_free(x->api);
	buf_free(&x->body);
	buf_free(&x->out);
}

enum rc
exchange_init(
    struct exchange *x, struct server *s, struct api *api, struct err *e)
{
	*x = (struct exchange){ .server = s };
	buf_init(&x->body, BODY_MAX);
	buf_init(&x->out, RESPONSE_MAX + CGI_HEADER_MAX);
	return api_exchange_new(&x->api, api, x, e);
}
