#include "serve/serve.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/cgi.h"

/* A web server that stalls in the middle of a request holds its thread no
 * longer than this. nginx sends a request when it has all of it. */
#define STALL_S		10

struct server {
	struct api	*api;
	int		 listen_fd;
	int		 stop_fd;	/* readable once serving ends */
};

struct responder {
	pthread_t		 thread;
	struct server		*server;
	struct api_thread	*api;
	struct buf		 body;
	struct buf		 out;
};

static int64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * Waits until the connection that is kept, or the listening socket, has
 * something. False when serving ends: then nothing more is accepted.
 */
static bool
wait_for_request(const struct server *s, const FCGX_Request *rq)
{
	struct pollfd fds[2] = {
		{ .fd = rq->ipcFd >= 0 ? rq->ipcFd : s->listen_fd,
		    .events = POLLIN },
		{ .fd = s->stop_fd, .events = POLLIN },
	};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR && errno != EAGAIN)
			return false;
	/* What has arrived on a kept connection is still answered. */
	return fds[1].revents == 0 ||
	    (rq->ipcFd >= 0 && fds[0].revents != 0);
}

static void
limit_stall(int fd)
{
	struct timeval tv = { .tv_sec = STALL_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

static size_t
read_fcgi(void *ctx, char *p, size_t len)
{
	FCGX_Stream *in = ctx;
	int n = FCGX_GetStr(p, (int)len, in);

	return n < 0 ? 0 : (size_t)n;
}

static const char *
param_fcgi(void *ctx, const char *name)
{
	char **envp = ctx;

	return FCGX_GetParam(name, envp);
}

static void
answer(struct responder *r, FCGX_Request *rq)
{
	const struct cgi_source src = { param_fcgi, rq->envp, read_fcgi,
	    rq->in };
	struct api_request request;
	struct api_response response;

	limit_stall(rq->ipcFd);
	cgi_read(&src, &request, &r->body);
	/* The rest of the body stays unread: it can't share a connection. */
	if (request.too_large)
		rq->keepConnection = 0;
	api_handle(r->api, &request, clock_ms(), &response);
	buf_reset(&r->out);
	cgi_write(&r->out, &response);
	if (FCGX_PutStr(r->out.p, (int)r->out.len, rq->out) < 0)
		log_debug("the web server went away before its answer");
}

static void *
responder_main(void *arg)
{
	struct responder *r = arg;
	FCGX_Request rq;

	if (FCGX_InitRequest(&rq, r->server->listen_fd, 0) != 0) {
		log_error("FCGX_InitRequest failed");
		return NULL;
	}
	while (wait_for_request(r->server, &rq)) {
		/* Fails when another thread was faster, or the peer left. */
		if (FCGX_Accept_r(&rq) != 0)
			continue;
		answer(r, &rq);
		FCGX_Finish_r(&rq);
	}
	FCGX_Free(&rq, 1);
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
		if (rc == RC_OK && pthread_create(&all[*started].thread,
		    NULL, responder_main, &all[*started]) != 0)
			rc = err_set(e, RC_IO, "can't start thread %zu",
			    *started);
		if (rc != RC_OK) {
			responder_free(&all[*started]);
			return rc;
		}
	}
	return RC_OK;
}

enum rc
serve_run(struct api *api, int listen_fd, size_t threads,
    const sigset_t *stop, struct err *e)
{
	struct server s = { .api = api, .listen_fd = listen_fd };
	struct responder *all;
	size_t i, started = 0;
	uint64_t one = 1;
	enum rc rc;
	int sig;

	/* Several threads may wake for one connection: none must block. */
	if (fcntl(listen_fd, F_SETFL, O_NONBLOCK) != 0 || FCGX_Init() != 0)
		return err_set(e, RC_IO, "can't use the socket: %s",
		    strerror(errno));
	s.stop_fd = eventfd(0, EFD_CLOEXEC);
	all = calloc(threads, sizeof(*all));
	if (s.stop_fd < 0 || all == NULL)
		rc = err_set(e, RC_NO_MEMORY, "serve: no memory");
	else
		rc = responders_start(all, threads, &s, &started, e);
	if (rc == RC_OK) {
		log_notice("serving with %zu threads", threads);
		(void)sigwait(stop, &sig);
		log_notice("signal %d: answering what was accepted", sig);
	}
	if (write(s.stop_fd, &one, sizeof(one)) < 0)
		rc = err_set(e, RC_IO, "eventfd: %s", strerror(errno));
	for (i = 0; i < started; i++) {
		(void)pthread_join(all[i].thread, NULL);
		responder_free(&all[i]);
	}
	(void)close(s.stop_fd);
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
			return err_set(e, RC_IO, "standard output: %s",
			    strerror(errno));
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
		api_handle(r.api, &request, clock_ms(), &response);
		cgi_write(&r.out, &response);
		rc = write_stdout(&r.out, e);
	}
	responder_free(&r);
	return rc;
}
