#include "serve/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "serve/notify.h"
#include "serve/room.h"

/* How often the main thread looks at the ledger's file, and for requests that
 * take too long. */
#define LOOK_S 1

#define COUNTS_MS 60000 /* between two lines of what was done */

#define STOP_LOOK_MS 5 /* when serving ends: between two looks */

/* A thread that answers requests. */
struct responder {
	struct server *server;
	struct api_thread *api;
	pthread_t thread;
};

/* ---- Responders ---- */

static void *
responder_main(void *arg)
{
	struct responder *r = arg;
	struct server *s = r->server;
	struct epoll_event event;
	void *what;

	while (!atomic_load(&s->ended)) {
		if (epoll_wait(s->epoll_fd, &event, 1, -1) != 1)
			continue;
		what = event.data.ptr;
		if (what == &s->socket)
			server_accept(s);
		else if (what == s->api)
			exchanges_answer(s, r->api);
		else if (what != &s->stop_fd)
			exchanges_run(s, r->api, connection_take(what));
	}
	return NULL;
}

/* Starts n threads; on failure stops at the one that failed. */
static enum rc
responders_start(struct responder *all, size_t n, struct server *s,
    size_t *started, struct err *e)
{
	struct responder *r;
	enum rc rc = RC_OK;

	for (*started = 0; rc == RC_OK && *started < n;) {
		r = &all[*started];
		r->server = s;
		rc = api_thread_new(&r->api, s->api, e);
		if (rc == RC_OK &&
		    pthread_create(&r->thread, NULL, responder_main, r) != 0) {
			api_thread_free(r->api);
			rc = err_set(
			    e, RC_IO, "can't start thread %zu", *started);
		}
		*started += rc == RC_OK;
	}
	return rc;
}

static bool
is_in_flight(struct server *s)
{
	bool any;

	(void)pthread_mutex_lock(&s->lock);
	any = s->in_flight > 0;
	(void)pthread_mutex_unlock(&s->lock);
	return any;
}

static void
responders_stop(struct responder *all, size_t n, struct server *s)
{
	size_t i;

	atomic_store(&s->ended, true);
	if (s->stop_fd >= 0)
		(void)eventfd_write(s->stop_fd, 1);
	for (i = 0; i < n; i++)
		(void)pthread_join(all[i].thread, NULL);
	/*
	 * A responder may have read a request after the last look. Its job is
	 * with the writer: without an answer the worker would send it again,
	 * although it is credited.
	 */
	while (n > 0 && is_in_flight(s)) {
		exchanges_wait(s->api);
		exchanges_answer(s, all[0].api);
	}
	for (i = 0; i < n; i++)
		api_thread_free(all[i].api);
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
	s->n_exchanges = n;
	for (x = s->exchanges; rc == RC_OK && x < s->exchanges + n; x++) {
		rc = exchange_init(x, s, s->api, e);
		SLIST_INSERT_HEAD(&s->free, x, free);
	}
	return rc;
}

static enum rc
server_open(struct server *s, size_t exchanges, struct err *e)
{
	/* A responder that accepts must never block. */
	if (fcntl(s->socket.fd, F_SETFL, O_NONBLOCK) != 0 || FCGX_Init() != 0)
		return err_set(
		    e, RC_IO, "can't use the socket: %s", strerror(errno));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	/* All responders are to see that serving ends, and that answers wait;
	 * only one each of the others. */
	if (s->stop_fd < 0 || s->epoll_fd < 0 ||
	    server_watch(s, EPOLL_CTL_ADD, s->stop_fd, 0, &s->stop_fd) != 0 ||
	    server_watch(
		s, EPOLL_CTL_ADD, api_finished_fd(s->api), 0, s->api) != 0 ||
	    server_watch(
		s, EPOLL_CTL_ADD, s->socket.fd, EPOLLONESHOT, &s->socket) != 0)
		return err_set(e, RC_IO, "epoll: %s", strerror(errno));
	return exchanges_open(s, exchanges, e);
}

static void
server_close(struct server *s)
{
	struct connection *c;
	size_t i;

	while ((c = TAILQ_FIRST(&s->all)) != NULL)
		connection_free(s, c);
	for (i = 0; i < s->n_exchanges; i++)
		exchange_free(&s->exchanges[i]);
	free(s->exchanges);
	if (s->epoll_fd >= 0)
		(void)close(s->epoll_fd);
	if (s->stop_fd >= 0)
		(void)close(s->stop_fd);
	(void)pthread_mutex_destroy(&s->lock);
}

/* ---- Until it ends, and how ---- */

/* Waits for the signal; or until the ledger can't be relied on any more. */
static enum rc
wait_for_stop(struct server *s, const struct serve_config *config,
    struct notify *manager, const sigset_t *stop, struct err *e)
{
	const struct timespec look = { .tv_sec = LOOK_S };
	int64_t counted_ms = clock_monotonic_ms();
	struct api_thread *t;
	int signal_number = -1;
	sigset_t all = *stop;
	enum rc rc;

	(void)sigaddset(&all, SIGHUP);
	rc = api_thread_new(&t, s->api, e);
	while (rc == RC_OK && signal_number < 0) {
		signal_number = sigtimedwait(&all, NULL, &look);
		if (signal_number == SIGHUP) {
			config->reload(config->ctx);
			signal_number = -1;
		}
		if (clock_monotonic_ms() - counted_ms >= COUNTS_MS) {
			counted_ms += COUNTS_MS;
			api_log_counts(s->api);
		}
		exchanges_cut(s);
		config->look(config->look_ctx);
		rc = api_check(t, e);
		notify_alive(manager);
	}
	api_thread_free(t);
	if (rc == RC_OK)
		log_notice("SIG%s: answering what has arrived",
		    sigabbrev_np(signal_number));
	else
		log_error("serving ends: %s", e->msg);
	return rc;
}

/* Whether something has arrived that isn't answered yet, or may be about to. */
static bool
is_busy(struct server *s, bool fresh_may_send, bool in_time)
{
	const struct connection *c;
	bool busy;

	(void)pthread_mutex_lock(&s->lock);
	busy = s->in_flight > 0;
	if (in_time && !busy) {
		busy = s->n_waiting > 0 || (fresh_may_send && s->n_fresh > 0);
		TAILQ_FOREACH(c, &s->all, all)
		busy = busy || connection_has_more(c);
	}
	(void)pthread_mutex_unlock(&s->lock);
	return busy;
}

/*
 * Waits while the responders answer the requests that have arrived: for STOP_MS
 * at most, and REQUEST_MS for those that are being read or answered then.
 */
static void
answer_arrived(struct server *s)
{
	int64_t now_ms = clock_monotonic_ms();
	const int64_t stop_ms = now_ms + STOP_MS;
	const int64_t fresh_ms = now_ms + STOP_FRESH_MS;

	/* From here on a connection is closed after its answer. */
	atomic_store(&s->stop_due_ms, stop_ms);
	(void)epoll_ctl(s->epoll_fd, EPOLL_CTL_DEL, s->socket.fd, NULL);
	/* The path is removed before the shutdown: after it another process
	 * may make its own socket there. Connections made until the shutdown
	 * are served, later ones are refused. */
	serve_unlink(&s->socket);
	if (s->socket.path != NULL && shutdown(s->socket.fd, SHUT_RD) == 0)
		server_accept(s);
	(void)pthread_mutex_lock(&s->lock);
	s->closed = true;
	(void)pthread_mutex_unlock(&s->lock);
	while (is_busy(s, now_ms < fresh_ms, now_ms < stop_ms)) {
		exchanges_cut(s);
		(void)poll(NULL, 0, STOP_LOOK_MS);
		now_ms = clock_monotonic_ms();
	}
}

enum rc
serve_run(struct api *api, const struct serve_socket *socket,
    const struct serve_config *config, const sigset_t *stop, struct err *e)
{
	struct server s = { .api = api,
		.socket = *socket,
		.stop_fd = -1,
		.epoll_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.all = TAILQ_HEAD_INITIALIZER(s.all),
		.waiting = STAILQ_HEAD_INITIALIZER(s.waiting),
		.free = SLIST_HEAD_INITIALIZER(s.free) };
	struct responder *all;
	struct notify manager;
	size_t started = 0;
	enum rc rc;

	notify_init(&manager);
	load_init(&s.load, config->exchanges);
	rc = server_open(&s, config->exchanges, e);
	all = calloc(config->threads, sizeof(*all));
	if (rc == RC_OK && all == NULL)
		rc = err_set(e, RC_NO_MEMORY, "serve: no memory");
	if (rc == RC_OK)
		rc = responders_start(all, config->threads, &s, &started, e);
	if (rc == RC_OK) {
		log_notice("serving with %zu threads, %zu requests at once",
		    config->threads, config->exchanges);
		notify_send(&manager, "READY=1\nSTATUS=serving");
		rc = wait_for_stop(&s, config, &manager, stop, e);
		notify_send(
		    &manager, "STOPPING=1\nSTATUS=answering what has arrived");
		answer_arrived(&s);
	}
	responders_stop(all, started, &s);
	server_close(&s);
	free(all);
	api_log_counts(api);
	if (rc == RC_OK)
		log_notice("stopped: all that had arrived is answered");
	return rc;
}
