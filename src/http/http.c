#include "http/http.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "http/transfer.h"

#define POLL_MAX_MS 1000 /* libcurl's own timers are nearer */

struct http_client {
	CURLM *multi; /* owned; keeps the connections */
};

/* One call of http_run. */
struct run {
	CURLM *multi;
	const struct http_request *requests;
	size_t n;
	size_t next;		/* the first not started */
	size_t left;		/* not reported */
	struct transfer *slots; /* owned */
	size_t slot_count;
	int stop_fd;
	http_done_fn *done;
	void *ctx;
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
	*out = c;
	return RC_OK;
}

void
http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	(void)curl_multi_cleanup(c->multi);
	free(c);
}

void
http_response_free(struct http_response *r)
{
	if (r != NULL)
		buf_free(&r->body);
}

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

static struct transfer *
free_slot(struct run *r)
{
	size_t i;

	for (i = 0; i < r->slot_count; i++)
		if (r->slots[i].request == NULL)
			return &r->slots[i];
	return NULL;
}

static void
report(struct run *r, struct transfer *t)
{
	r->left--;
	r->done(r->ctx, t->index, &t->response);
	transfer_end(t);
}

/* Gives t's easy handle to the multi handle. */
static void
run_hop(struct run *r, struct transfer *t)
{
	if (curl_multi_add_handle(r->multi, t->easy) == CURLM_OK)
		return;
	transfer_fail(t, HTTP_ERROR_LOCAL, "no memory");
	report(r, t);
}

static void
start_next(struct run *r)
{
	struct transfer *t;

	while (r->next < r->n && (t = free_slot(r)) != NULL) {
		if (transfer_start(t, &r->requests[r->next], r->next))
			run_hop(r, t);
		else
			report(r, t);
		r->next++;
	}
}

static void
finish_hops(struct run *r)
{
	struct transfer *t;
	CURLMsg *m;
	CURLcode code;
	char *private;
	int queued;

	while ((m = curl_multi_info_read(r->multi, &queued)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result; /* gone once it is removed */
		private = NULL;
		CHECK(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE,
			  &private) == CURLE_OK &&
		    private != NULL);
		t = (struct transfer *)(void *)private;
		(void)curl_multi_remove_handle(r->multi, t->easy);
		if (transfer_next(t, code))
			run_hop(r, t);
		else
			report(r, t);
	}
}

/* Ends everything that isn't finished yet with this error. */
static void
abandon(struct run *r, enum http_error error)
{
	struct transfer *t;
	size_t i;

	for (i = 0; i < r->slot_count; i++) {
		t = &r->slots[i];
		if (t->request == NULL)
			continue;
		(void)curl_multi_remove_handle(r->multi, t->easy);
		transfer_fail(t, error, "");
		report(r, t);
	}
	/* All slots are free now. */
	for (; r->next < r->n; r->next++) {
		t = &r->slots[0];
		if (transfer_start(t, &r->requests[r->next], r->next))
			transfer_fail(t, error, "");
		report(r, t);
	}
}

/* Waits for something to happen; false when libcurl is out of order. */
static bool
wait_for(struct run *r)
{
	struct curl_waitfd stop = { .fd = r->stop_fd,
		.events = CURL_WAIT_POLLIN };
	unsigned extra = r->stop_fd >= 0 ? 1 : 0;

	return curl_multi_poll(r->multi, &stop, extra, POLL_MAX_MS, NULL) ==
	    CURLM_OK;
}

static void
run_all(struct run *r)
{
	int running;

	while (r->left > 0) {
		if (is_readable(r->stop_fd)) {
			abandon(r, HTTP_ERROR_STOPPED);
			return;
		}
		start_next(r);
		if (curl_multi_perform(r->multi, &running) != CURLM_OK) {
			abandon(r, HTTP_ERROR_LOCAL);
			return;
		}
		finish_hops(r);
		start_next(r);
		if (r->left > 0 && !wait_for(r)) {
			abandon(r, HTTP_ERROR_LOCAL);
			return;
		}
	}
}

void
http_run(struct http_client *c, const struct http_request *requests, size_t n,
    size_t at_once, int stop_fd, http_done_fn *done, void *ctx)
{
	struct transfer single;
	struct run r = { .multi = c->multi,
		.requests = requests,
		.n = n,
		.left = n,
		.slot_count = at_once,
		.stop_fd = stop_fd,
		.done = done,
		.ctx = ctx };

	CHECK(at_once >= 1 && at_once <= HTTP_AT_ONCE_MAX);
	if (at_once > n)
		r.slot_count = n == 0 ? 1 : n;
	r.slots = calloc(r.slot_count, sizeof(*r.slots));
	if (r.slots == NULL) { /* then one at a time */
		memset(&single, 0, sizeof(single));
		r.slots = &single;
		r.slot_count = 1;
	}
	run_all(&r);
	if (r.slots != &single)
		free(r.slots);
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
