#include "http/http.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "http/fetch.h"

#define POLL_MAX_MS 100 /* so long libcurl may be left alone */
#define SLACK_MS    50	/* later than asked by this is still in time */

struct http_client {
	CURLM *multi;		 /* owned; keeps the connections */
	struct fetch *running;	 /* owned; a list */
	struct fetch *finished;	 /* owned; to be reported, in this order */
	struct fetch **last_end; /* of finished */
	size_t count;		 /* of both */
	/*
	 * For how long in all requests were running while this client wasn't
	 * looking at them: the caller, libcurl or a busy system came back too
	 * late. Such time isn't the peers' (see look()).
	 */
	int64_t away_ms;
	int64_t looked_ms; /* monotonic; the last time */
};

static pthread_once_t init_once = PTHREAD_ONCE_INIT;
static CURLcode init_result; /* written once, under init_once */

static void
init(void)
{
	init_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum rc
http_client_new(struct http_client **out, struct err *e)
{
	struct http_client *c;

	*out = NULL;
	CHECK(pthread_once(&init_once, init) == 0);
	if (init_result != CURLE_OK)
		return err_set(
		    e, RC_IO, "libcurl: %s", curl_easy_strerror(init_result));
	c = calloc(1, sizeof(*c));
	if (c == NULL || (c->multi = curl_multi_init()) == NULL) {
		free(c);
		return err_set(e, RC_NO_MEMORY, "HTTP client: no memory");
	}
	c->last_end = &c->finished;
	*out = c;
	return RC_OK;
}

static void
fetches_free(struct fetch *t)
{
	struct fetch *next;

	for (; t != NULL; t = next) {
		next = t->next;
		fetch_end(t);
		free(t);
	}
}

void
http_client_free(struct http_client *c)
{
	struct fetch *t;

	if (c == NULL)
		return;
	for (t = c->running; t != NULL; t = t->next)
		(void)curl_multi_remove_handle(c->multi, t->easy);
	fetches_free(c->running);
	fetches_free(c->finished);
	(void)curl_multi_cleanup(c->multi);
	free(c);
}

void
http_warm(struct http_client *c)
{
	CHECK(c->count == 0);
	fetch_warm(c->multi);
}

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* ---- What was started ---- */

/*
 * The time now, after a wait that was asked to last asked_ms. When it is over
 * SLACK_MS later than that, this client was away for the difference.
 */
static int64_t
look(struct http_client *c, int64_t asked_ms)
{
	int64_t now = clock_monotonic_ms();

	if (now - c->looked_ms > asked_ms + SLACK_MS)
		c->away_ms += now - c->looked_ms - asked_ms;
	c->looked_ms = now;
	return now;
}

static void
finished_add(struct http_client *c, struct fetch *t)
{
	t->next = NULL;
	*c->last_end = t;
	c->last_end = &t->next;
}

/* Gives t's easy handle to the multi handle. */
static void
run_hop(struct http_client *c, struct fetch *t)
{
	if (curl_multi_add_handle(c->multi, t->easy) == CURLM_OK) {
		t->next = c->running;
		c->running = t;
		return;
	}
	fetch_fail(t, HTTP_ERROR_LOCAL, "no memory");
	finished_add(c, t);
}

/* Takes t back from the multi handle. */
static void
end_hop(struct http_client *c, struct fetch *t)
{
	struct fetch **p = &c->running;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	(void)curl_multi_remove_handle(c->multi, t->easy);
}

static void
finish_hops(struct http_client *c)
{
	struct fetch *t;
	CURLMsg *m;
	CURLcode code;
	char *private;
	int queued;

	while ((m = curl_multi_info_read(c->multi, &queued)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result; /* gone once it is removed */
		private = NULL;
		CHECK(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
			  &private) == CURLE_OK &&
		    private != NULL);
		t = (struct fetch *)(void *)private;
		end_hop(c, t);
		if (fetch_next(t, code, c->away_ms))
			run_hop(c, t);
		else
			finished_add(c, t);
	}
}

/* Ends everything that isn't finished yet with this error. */
static void
abandon(struct http_client *c, enum http_error error)
{
	struct fetch *t;

	while ((t = c->running) != NULL) {
		end_hop(c, t);
		fetch_fail(t, error, "");
		finished_add(c, t);
	}
}

/* Without waiting; how many were reported. */
static size_t
carry_on(struct http_client *c, http_done_fn *done, void *ctx)
{
	struct fetch *t;
	size_t n = 0;
	int running;
	CURLMcode code = curl_multi_perform(c->multi, &running);

	(void)look(c, 0);
	if (code == CURLM_OK)
		finish_hops(c);
	else
		abandon(c, HTTP_ERROR_LOCAL);
	while ((t = c->finished) != NULL) {
		c->finished = t->next;
		if (c->finished == NULL)
			c->last_end = &c->finished;
		c->count--;
		done(ctx, t->index, &t->response);
		fetch_end(t);
		free(t);
		n++;
	}
	return n;
}

enum rc
http_start(struct http_client *c, const struct http_request *request,
    size_t index, struct err *e)
{
	struct fetch *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return err_set(e, RC_NO_MEMORY, "HTTP request: no memory");
	if (c->count++ == 0)
		c->looked_ms = clock_monotonic_ms();
	(void)look(c, 0);
	t->away_ms = c->away_ms;
	if (fetch_start(t, request, index))
		run_hop(c, t);
	else
		finished_add(c, t);
	return RC_OK;
}

/* How long to wait when left_ms are left: until libcurl has to do something. */
static int
time_to_wait(struct http_client *c, int64_t left_ms)
{
	long own = -1;

	if (left_ms > POLL_MAX_MS)
		left_ms = POLL_MAX_MS;
	if (curl_multi_timeout(c->multi, &own) == CURLM_OK && own >= 0 &&
	    own < left_ms)
		left_ms = own;
	return (int)left_ms;
}

size_t
http_wait(struct http_client *c, int64_t timeout_ms, int wake_fd,
    http_done_fn *done, void *ctx)
{
	struct curl_waitfd wake = { .fd = wake_fd, .events = CURL_WAIT_POLLIN };
	int64_t now = look(c, 0), until = now + timeout_ms;
	unsigned extra = wake_fd >= 0 ? 1 : 0;
	int wait_ms;
	size_t n;

	while ((n = carry_on(c, done, ctx)) == 0 && now < until &&
	    !is_readable(wake_fd)) {
		wait_ms = time_to_wait(c, until - now);
		if (curl_multi_poll(c->multi, &wake, extra, wait_ms, NULL) !=
		    CURLM_OK)
			abandon(c, HTTP_ERROR_LOCAL);
		now = look(c, wait_ms);
	}
	return n;
}

/* ---- Many at once ---- */

/* Reports a request that isn't carried out. */
static void
report_failed(const struct http_request *request, size_t index,
    enum http_error error, http_done_fn *done, void *ctx)
{
	struct fetch t;

	memset(&t, 0, sizeof(t));
	/* What is wrong with itself comes first. */
	if (fetch_start(&t, request, index))
		fetch_fail(&t, error, "");
	done(ctx, index, &t.response);
	fetch_end(&t);
}

void
http_run(struct http_client *c, const struct http_request *requests, size_t n,
    size_t at_once, int stop_fd, http_done_fn *done, void *ctx)
{
	size_t next = 0;

	CHECK(at_once >= 1 && at_once <= HTTP_AT_ONCE_MAX);
	CHECK(c->count == 0);
	while (next < n || c->count > 0) {
		if (is_readable(stop_fd)) {
			abandon(c, HTTP_ERROR_STOPPED);
			(void)carry_on(c, done, ctx);
			for (; next < n; next++)
				report_failed(&requests[next], next,
				    HTTP_ERROR_STOPPED, done, ctx);
			return;
		}
		while (next < n && c->count < at_once &&
		    http_start(c, &requests[next], next, NULL) == RC_OK)
			next++;
		if (next < n && c->count == 0) { /* not even one */
			report_failed(
			    &requests[next], next, HTTP_ERROR_LOCAL, done, ctx);
			next++;
		} else {
			(void)http_wait(c, POLL_MAX_MS, stop_fd, done, ctx);
		}
	}
}

/* Moves the response to the caller of http_one. */
static void
take_response(void *ctx, size_t index, struct http_response *r)
{
	struct http_response *out = ctx;

	(void)index;
	*out = *r;
	buf_init(&r->body, 0);
}

void
http_one(struct http_client *c, struct http_response *out,
    const struct http_request *request, int stop_fd)
{
	http_run(c, request, 1, 1, stop_fd, take_response, out);
}
