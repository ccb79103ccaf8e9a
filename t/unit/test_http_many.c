/* Many HTTP requests at once, and one after the other while others wait. */
#include <signal.h>

#include "http/http.h"
#include "t/unit/http_server.h"
#include "t/unit/tap.h"

static struct server front;
static struct http_client *client;
static char hold_url[100], ok_url[100], silent_url[100];

static struct http_request
get(const char *url)
{
	return (struct http_request){
		.url = url,
		.timeout_ms = 60000,
		.body_max = 1000,
		.target = target_is_any,
	};
}

struct seen {
	int calls;
	int times[20];
	int good;
	int stopped;
};

static void
on_done(void *ctx, size_t index, struct http_response *r)
{
	struct seen *seen = ctx;

	seen->calls++;
	seen->times[index]++;
	if (r->error == HTTP_ERROR_NONE && r->status == 200)
		seen->good++;
	if (r->error == HTTP_ERROR_STOPPED)
		seen->stopped++;
}

static bool
each_once(const struct seen *seen, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (seen->times[i] != 1)
			return false;
	return seen->calls == n;
}

static void
test_many(void)
{
	struct http_request q[20];
	struct seen seen;
	size_t i;

	for (i = 0; i < 20; i++)
		q[i] = get(hold_url);
	memset(&seen, 0, sizeof(seen));
	(void)pthread_mutex_lock(&front.lock);
	front.hold_at = 5;
	front.hold_left = 20;
	(void)pthread_mutex_unlock(&front.lock);
	http_run(client, q, 20, 5, -1, on_done, &seen);
	tap_ok(each_once(&seen, 20) && seen.good == 20,
	    "each of twenty requests is reported once");
	tap_is_int(server_count(&front, &front.held_most), 5,
	    "five at once means five, and never more");
	memset(&seen, 0, sizeof(seen));
	http_run(client, NULL, 0, 5, -1, on_done, &seen);
	tap_is_int(seen.calls, 0, "no requests are none");
	for (i = 0; i < 20; i++)
		q[i].url = i % 2 == 0 ? "file:///etc/passwd" : ok_url;
	memset(&seen, 0, sizeof(seen));
	http_run(client, q, 20, 3, -1, on_done, &seen);
	tap_ok(each_once(&seen, 20) && seen.good == 10,
	    "a refused one doesn't stop the others");
}

/* Requests that are started while others are on their way. */
static void
test_one_by_one(void)
{
	struct http_request silent, ok;
	struct seen seen;
	int fd[2];

	if (pipe(fd) != 0)
		abort();
	silent = get(silent_url);
	silent.timeout_ms = 1500;
	ok = silent;
	ok.url = ok_url;
	memset(&seen, 0, sizeof(seen));
	tap_is_int((int64_t)http_wait(client, 20, -1, on_done, &seen), 0,
	    "without a request a wait ends with its time");
	if (http_start(client, &silent, 0, NULL) != RC_OK ||
	    http_start(client, &ok, 1, NULL) != RC_OK)
		abort();
	while (http_wait(client, 1000, -1, on_done, &seen) == 0)
		continue;
	tap_ok(seen.calls == 1 && seen.times[1] == 1 && seen.good == 1,
	    "what is answered is reported while another one waits");
	if (http_start(client, &ok, 2, NULL) != RC_OK)
		abort();
	while (http_wait(client, 1000, -1, on_done, &seen) == 0)
		continue;
	tap_ok(seen.times[2] == 1 && seen.good == 2 && seen.times[0] == 0,
	    "so is one that was started later");
	if (write(fd[1], "", 1) != 1)
		abort();
	tap_is_int((int64_t)http_wait(client, 60000, fd[0], on_done, &seen), 0,
	    "a readable descriptor ends the wait, not the request");
	while (seen.times[0] == 0)
		(void)http_wait(client, 1000, -1, on_done, &seen);
	tap_ok(each_once(&seen, 3), "which is reported with its own timeout");
	(void)close(fd[0]);
	(void)close(fd[1]);
}

/* A byte in the pipe once the first request is answered. */
static void
on_done_stop(void *ctx, size_t index, struct http_response *r)
{
	static int stop_fd = -1;

	if (r == NULL) {
		stop_fd = (int)index;
		return;
	}
	on_done(ctx, index, r);
	if (write(stop_fd, "", 1) != 1)
		abort();
}

static void
test_stop(void)
{
	struct http_request q[20];
	struct seen seen;
	int fd[2];
	size_t i;

	if (pipe(fd) != 0)
		abort();
	for (i = 0; i < 20; i++)
		q[i] = get(silent_url);
	q[2].url = ok_url;
	memset(&seen, 0, sizeof(seen));
	on_done_stop(NULL, (size_t)fd[1], NULL);
	http_run(client, q, 20, 5, fd[0], on_done_stop, &seen);
	tap_ok(each_once(&seen, 20) && seen.good == 1 && seen.stopped == 19,
	    "a stop ends what runs and what waits, and each is reported");
	memset(&seen, 0, sizeof(seen));
	http_run(client, q + 2, 1, 1, fd[0], on_done, &seen);
	tap_is_int(seen.stopped, 1, "after it nothing is started");
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void
urls_make(void)
{
	const char *base = "http://127.0.0.1";

	(void)snprintf(
	    hold_url, sizeof(hold_url), "%s:%d/hold", base, front.port);
	(void)snprintf(ok_url, sizeof(ok_url), "%s:%d/ok", base, front.port);
	(void)snprintf(
	    silent_url, sizeof(silent_url), "%s:%d/silent", base, front.port);
}

int
main(void)
{
	struct err e = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	server_start(&front);
	urls_make();
	if (!tap_ok(http_client_new(&client, &e) == RC_OK, "a client"))
		return EXIT_FAILURE;
	test_many();
	test_one_by_one();
	test_stop();
	http_client_free(client);
	server_stop(&front);
	return tap_done();
}
