/* The HTTP client against servers on loopback. */
#include <signal.h>
#include <sys/resource.h>

#include "http/http.h"
#include "t/unit/http_server.h"
#include "t/unit/tap.h"

static struct server front; /* what a test may call public */
static struct server back;  /* and what lies behind it */
static struct http_client *client;
static char url[HTTP_URL_MAX + 1];

/* ---- URLs ---- */

static void
test_urls(void)
{
	static const char *const good[] = { "http://example.com",
		"https://example.com/", "HTTP://A.B/",
		"http://[2001:db8::1]:8080/x?y=z#f", "http://127.0.0.1:1/",
		"http://example.com/a b", "http://example.com/\xc3\xa4" };
	static const char *const bad[] = { "", "example.com", "/v1",
		"file:///etc/passwd", "ftp://example.com/",
		"gopher://example.com/_x", "dict://example.com/",
		"ws://example.com/", "javascript:alert(1)", "http://",
		"http://u:p@example.com/", "http://u@example.com/",
		"http://exa mple.com/", "http://example.com:99999/",
		"http://example.com:x/", "http://a/\r\nHost: b", "http://a/\tb",
		"http://[::1/", "http://exa\x01mple.com/" };
	char text[HTTP_URL_MAX + 200];
	struct err e;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		tap_ok(http_url_check(good[i], NULL) == RC_OK,
		    "%s is a URL to request", good[i]);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		tap_ok(http_url_check(bad[i], &e) == RC_INVALID,
		    "bad URL #%zu isn't one to request", i);
	(void)snprintf(text, sizeof(text), "http://example.com/%0*d",
	    HTTP_URL_MAX - 19, 0);
	tap_ok(http_url_check(text, NULL) == RC_OK,
	    "the longest URL is one to request");
	(void)snprintf(text, sizeof(text), "http://example.com/%0*d",
	    HTTP_URL_MAX - 18, 0);
	tap_ok(http_url_check(text, NULL) == RC_INVALID,
	    "a URL that is longer by one isn't");
}

/* ---- Requests ---- */

static const char *
at(const struct server *s, const char *path)
{
	(void)snprintf(
	    url, sizeof(url), "http://127.0.0.1:%d%s", s->port, path);
	return url;
}

static struct http_request
get(const struct server *s, const char *path)
{
	return (struct http_request){
		.url = at(s, path),
		.timeout_ms = 60000,
		.body_max = 1000,
		.target = target_is_any,
		.redirects_max = 10,
	};
}

static void
one(struct http_response *r, const struct http_request *q)
{
	http_one(client, r, q, -1);
}

/* True when r is an answer with this status and body. */
static bool
answered(const struct http_response *r, int status, const char *body)
{
	bool ok = r->error == HTTP_ERROR_NONE && r->status == status &&
	    r->body.len == strlen(body) &&
	    (r->body.len == 0 || memcmp(r->body.p, body, r->body.len) == 0);

	if (!ok)
		tap_diag("got error \"%s\", status %d, %zu bytes",
		    r->error_text, r->status, r->body.len);
	return ok;
}

static bool
failed(const struct http_response *r, enum http_error error, int status)
{
	bool ok = r->error == error && r->status == status &&
	    strncmp(r->error_text, http_error_name(error),
		strlen(http_error_name(error))) == 0;

	if (!ok)
		tap_diag("got error \"%s\" (%d), status %d", r->error_text,
		    (int)r->error, r->status);
	return ok;
}

static void
test_answers(void)
{
	struct http_request q = get(&front, "/ok");
	struct http_response r;

	q.user_agent = "tester/1";
	one(&r, &q);
	tap_ok(
	    answered(&r, 200, "hello") && r.request_sent && r.elapsed_ms >= 0,
	    "a GET brings status and body");
	tap_is_text(r.url, q.url, "the final URL is the one requested");
	tap_ok(server_saw(&front, "User-Agent: tester/1\r\n"),
	    "the user agent is sent");
	http_response_free(&r);
	q = get(&front, "/status/500");
	one(&r, &q);
	tap_ok(answered(&r, 500, "some text"), "status 500 is an answer");
	http_response_free(&r);
	q = get(&front, "/status/204");
	one(&r, &q);
	tap_ok(r.error == HTTP_ERROR_NONE && r.status == 204,
	    "status 204 is an answer");
	http_response_free(&r);
	q = get(&front, "/interim");
	one(&r, &q);
	tap_ok(answered(&r, 200, "after it") && r.location[0] == '\0',
	    "an interim answer is not the final one");
	http_response_free(&r);
	q = get(&front, "/retry");
	one(&r, &q);
	tap_ok(answered(&r, 503, "later") && r.retry_after_s == 7,
	    "Retry-After is told in seconds");
	http_response_free(&r);
	q = get(&front, "/status/999");
	one(&r, &q);
	tap_ok(
	    failed(&r, HTTP_ERROR_OTHER, 0), "a status above 599 is no answer");
	http_response_free(&r);
}

static void
test_posts(void)
{
	static const char *const headers[] = { "Content-Type: application/json",
		"X-Key: 1", NULL };
	struct http_request q = get(&front, "/echo");
	struct http_response r;

	q.method = HTTP_POST;
	q.headers = headers;
	q.body = slice_of("[1,2,3]");
	one(&r, &q);
	tap_ok(answered(&r, 200, "[1,2,3]"), "a POST brings its body there");
	tap_ok(server_saw(&front, "Content-Type: application/json\r\n") &&
		server_saw(&front, "X-Key: 1\r\n") &&
		!server_saw(&front, "urlencoded") &&
		!server_saw(&front, "Expect"),
	    "with the headers it was given");
	http_response_free(&r);
	q.body = (struct slice){ NULL, 0 };
	one(&r, &q);
	tap_ok(answered(&r, 200, ""), "a POST may be empty");
	http_response_free(&r);
	q.url = at(&front, "/to?/ok");
	one(&r, &q);
	tap_ok(answered(&r, 302, "moved"), "a POST follows no redirect");
	tap_is_text(r.location, "/ok", "but tells where it leads");
	http_response_free(&r);
}

static void
test_connections(void)
{
	struct http_request q = get(&front, "/ok");
	struct http_response r;
	int before = server_count(&front, &front.accepted), i;

	q.fresh = true;
	for (i = 0; i < 3; i++) {
		one(&r, &q);
		http_response_free(&r);
	}
	tap_is_int(server_count(&front, &front.accepted) - before, 3,
	    "a fresh request never uses a kept connection");
	q.fresh = false;
	one(&r, &q);
	http_response_free(&r);
	before = server_count(&front, &front.accepted);
	for (i = 0; i < 3; i++) {
		one(&r, &q);
		http_response_free(&r);
	}
	tap_is_int(server_count(&front, &front.accepted) - before, 0,
	    "other requests use the connection again");
	q.target = NULL;
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_ADDRESS, 0),
	    "but a request to public targets doesn't get it");
	http_response_free(&r);
}

/* ---- Redirects ---- */

static void
test_redirects(void)
{
	struct http_request q = get(&front, "/redirect/10");
	struct http_response r;
	char expected[64];

	one(&r, &q);
	tap_ok(answered(&r, 200, "arrived"), "ten redirects are followed");
	(void)snprintf(expected, sizeof(expected),
	    "http://127.0.0.1:%d/redirect/0", front.port);
	tap_is_text(r.url, expected, "the final URL is that of the last");
	http_response_free(&r);
	q.url = at(&front, "/redirect/11");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_REDIRECTS, 0), "eleven are too many");
	http_response_free(&r);
	q.redirects_max = 0;
	one(&r, &q);
	tap_ok(answered(&r, 302, "moved"),
	    "with none allowed the redirect is the answer");
	http_response_free(&r);
	q = get(&front, "/status/304");
	one(&r, &q);
	tap_ok(r.error == HTTP_ERROR_NONE && r.status == 304,
	    "status 304 is no redirect");
	http_response_free(&r);
	q = get(&front, "/status/302");
	one(&r, &q);
	tap_ok(answered(&r, 302, "some text"),
	    "a redirect to nowhere is the answer");
	http_response_free(&r);
}

static void
test_redirect_schemes(void)
{
	static const struct {
		const char *to;
		enum http_error error;
	} cases[] = {
		{ "file:///etc/passwd", HTTP_ERROR_SCHEME },
		{ "FILE:/etc/passwd", HTTP_ERROR_SCHEME },
		{ "ftp://127.0.0.1:", HTTP_ERROR_SCHEME },
		{ "gopher://127.0.0.1:", HTTP_ERROR_SCHEME },
		{ "dict://127.0.0.1:", HTTP_ERROR_SCHEME },
		{ "ldap://127.0.0.1:", HTTP_ERROR_SCHEME },
		{ "telnet://127.0.0.1:", HTTP_ERROR_SCHEME },
		{ "http://user:pw@127.0.0.1:", HTTP_ERROR_USER },
		{ "//user@127.0.0.1:", HTTP_ERROR_USER },
		{ "http://h:99999/", HTTP_ERROR_PORT },
		{ "data:,x", HTTP_ERROR_SCHEME },
		{ "http://", HTTP_ERROR_URL },
		{ "http:///", HTTP_ERROR_URL },
	};
	int before = server_count(&back, &back.accepted);
	struct http_request q;
	struct http_response r;
	char path[256];
	size_t i, n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(path, sizeof(path), "/to?%s", cases[i].to);
		n = strlen(path);
		if (path[n - 1] == ':')
			(void)snprintf(
			    path + n, sizeof(path) - n, "%d/ok", back.port);
		q = get(&front, path);
		one(&r, &q);
		tap_ok(failed(&r, cases[i].error, 0),
		    "a redirect to %s is refused", cases[i].to);
		http_response_free(&r);
	}
	tap_is_int(server_count(&back, &back.accepted), before,
	    "and nobody was called for any of them");
}

static void
test_redirect_hosts(void)
{
	static const char *const headers[] = { "X-Key: 1", NULL };
	struct http_request q;
	struct http_response r;
	char path[256];

	(void)snprintf(
	    path, sizeof(path), "/to?http://127.0.0.1:%d/ok", back.port);
	q = get(&front, path);
	q.headers = headers;
	one(&r, &q);
	tap_ok(answered(&r, 200, "hello") && !server_saw(&back, "X-Key"),
	    "a redirect to another host doesn't take the headers along");
	http_response_free(&r);
	q.url = at(&front, "/to?/ok");
	one(&r, &q);
	tap_ok(answered(&r, 200, "hello") && server_saw(&front, "X-Key: 1\r\n"),
	    "one to the same host is followed, and keeps them");
	http_response_free(&r);
}

static bool
only_front(const struct sockaddr *sa, size_t len)
{
	const struct sockaddr_in *sin = (const void *)sa;

	return len >= sizeof(*sin) && sa->sa_family == AF_INET &&
	    ntohs(sin->sin_port) == front.port;
}

static void
test_redirect_targets(void)
{
	int before = server_count(&back, &back.accepted);
	struct http_request q;
	struct http_response r;
	char path[256];

	(void)snprintf(
	    path, sizeof(path), "/to?http://127.0.0.1:%d/ok", back.port);
	q = get(&front, path);
	q.target = only_front;
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_ADDRESS, 0),
	    "a redirect to an address which isn't allowed is refused");
	http_response_free(&r);
	tap_is_int(server_count(&back, &back.accepted), before,
	    "without a connection to it");
	q.url = at(&front, "/redirect/3");
	one(&r, &q);
	tap_ok(answered(&r, 200, "arrived"),
	    "redirects to an allowed address are followed");
	http_response_free(&r);
}

/* ---- Targets ---- */

static void
test_public_only(void)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost",
		"0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0",
		"0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "10.0.0.1",
		"169.254.169.254", "[fe80::1]", "[fd00::1]" };
	int before = server_count(&front, &front.accepted);
	struct http_request q = { .timeout_ms = 60000 };
	struct http_response r;
	size_t i;

	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(
		    url, sizeof(url), "http://%s:%d/ok", hosts[i], front.port);
		q.url = url;
		one(&r, &q);
		tap_ok(failed(&r, HTTP_ERROR_ADDRESS, 0) && !r.request_sent,
		    "%s is refused as not public", hosts[i]);
		http_response_free(&r);
	}
	tap_is_int(server_count(&front, &front.accepted), before,
	    "and nobody was called for any of them");
}

static void
test_proxy(void)
{
	struct http_request q = get(&front, "/ok");
	struct http_response r;
	char proxy[64];
	int before;

	(void)snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", back.port);
	if (setenv("http_proxy", proxy, 1) != 0)
		abort();
	(void)unsetenv("no_proxy");
	(void)unsetenv("NO_PROXY");
	before = server_count(&back, &back.accepted);
	q.fresh = true;
	one(&r, &q);
	http_response_free(&r);
	tap_is_int(server_count(&back, &back.accepted), before,
	    "without leave the environment's proxy isn't used");
	q.proxy_from_env = true;
	one(&r, &q);
	http_response_free(&r);
	tap_is_int(server_count(&back, &back.accepted), before + 1,
	    "with leave it is");
	q.target = only_front;
	one(&r, &q);
	tap_ok(answered(&r, 200, "hello"), "never when targets are restricted");
	http_response_free(&r);
	tap_is_int(server_count(&back, &back.accepted), before + 1,
	    "and the proxy wasn't called for it");
	(void)unsetenv("http_proxy");
}

/* ---- Limits and failures ---- */

static void
test_sizes(void)
{
	struct http_request q = get(&front, "/big/1000");
	struct http_response r;

	one(&r, &q);
	tap_ok(r.error == HTTP_ERROR_NONE && r.body.len == 1000,
	    "a body as long as the limit is taken");
	http_response_free(&r);
	q.url = at(&front, "/big/1001");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_TOO_LARGE, 200) && r.body.len <= 1000,
	    "one byte more is too large, and the status is known");
	http_response_free(&r);
	q.url = at(&front, "/headers");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_TOO_LARGE, 0),
	    "endless headers are too large");
	http_response_free(&r);
	q.body_mode = HTTP_BODY_IGNORE;
	q.url = at(&front, "/big/1001");
	one(&r, &q);
	tap_ok(answered(&r, 200, ""), "a body not wanted is never too large");
	http_response_free(&r);
	q.url = at(&front, "/endless");
	one(&r, &q);
	tap_ok(answered(&r, 200, ""), "nor waited for");
	http_response_free(&r);
	q.url = at(&front, "/short");
	one(&r, &q);
	tap_ok(answered(&r, 200, ""), "nor missed");
	http_response_free(&r);
}

/* A port of loopback at which nobody listens. */
static int
closed_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (void *)&sin, sizeof(sin)) != 0 ||
	    getsockname(fd, (void *)&sin, &len) != 0)
		abort();
	(void)close(fd);
	return ntohs(sin.sin_port);
}

static void
test_failures_before(void)
{
	struct http_request q = get(&front, "/ok");
	struct http_response r;

	q.method = HTTP_POST;
	q.body = slice_of("x");
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", closed_port());
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_CONNECT, 0) && !r.request_sent,
	    "where nobody listens the connection fails, nothing was sent");
	http_response_free(&r);
	/* A label of 64 bytes: no name, without any server's help. */
	(void)snprintf(url, sizeof(url), "http://%064d.invalid/", 0);
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_DNS, 0) && !r.request_sent,
	    "a name that doesn't exist isn't resolved, nothing was sent");
	http_response_free(&r);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/ok", front.port);
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_TLS, 0) && !r.request_sent,
	    "a handshake that fails is a TLS error, nothing was sent");
	http_response_free(&r);
	q.url = "ftp://127.0.0.1/";
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_SCHEME, 0) && !r.request_sent,
	    "ftp is refused, nothing was sent");
	http_response_free(&r);
}

static void
test_failures_after(void)
{
	struct http_request q = get(&front, "/close");
	struct http_response r;

	q.method = HTTP_POST;
	q.body = slice_of("x");
	q.fresh = true;
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_CLOSED, 0) && r.request_sent,
	    "a connection closed without an answer: it may have arrived");
	http_response_free(&r);
	q.url = at(&front, "/garbage");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_OTHER, 0) && r.request_sent,
	    "what isn't HTTP is no answer");
	http_response_free(&r);
	q.url = at(&front, "/short");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_CLOSED, 200),
	    "a body that ends too early is no answer");
	http_response_free(&r);
	q.timeout_ms = 50;
	q.url = at(&front, "/silent");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_TIMEOUT, 0) && r.request_sent,
	    "silence is a timeout: it may have arrived");
	http_response_free(&r);
	q.url = at(&front, "/endless");
	one(&r, &q);
	tap_ok(failed(&r, HTTP_ERROR_TIMEOUT, 200),
	    "a body without an end is one too");
	http_response_free(&r);
}

/* A client without a descriptor left finds out nothing about the server. */
static void
test_no_descriptors(void)
{
	struct http_request q = get(&front, "/ok");
	struct rlimit before, low;
	struct http_response r;
	int fds[256], n = 0, tries = 0;

	q.fresh = true;
	q.timeout_ms = 2000;
	if (getrlimit(RLIMIT_NOFILE, &before) != 0)
		abort();
	low = before;
	low.rlim_cur = 256;
	if (setrlimit(RLIMIT_NOFILE, &low) != 0)
		abort();
	/*
	 * The server's thread may close one of an earlier case meanwhile; then
	 * we have one, and maybe the server has none to accept it with.
	 */
	do {
		if (tries > 0)
			http_response_free(&r);
		while (n < 256 && (fds[n] = dup(STDOUT_FILENO)) >= 0)
			n++;
		one(&r, &q);
	} while (r.error != HTTP_ERROR_LOCAL && ++tries < 50);
	while (n > 0)
		(void)close(fds[--n]);
	(void)setrlimit(RLIMIT_NOFILE, &before);
	tap_ok(failed(&r, HTTP_ERROR_LOCAL, 0) && !r.request_sent,
	    "without a descriptor left the failure is our own");
	http_response_free(&r);
}

int
main(void)
{
	struct err e = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)unsetenv("http_proxy");
	(void)unsetenv("https_proxy");
	(void)unsetenv("all_proxy");
	(void)unsetenv("ALL_PROXY");
	(void)unsetenv("HTTPS_PROXY");
	server_start(&front);
	server_start(&back);
	if (!tap_ok(http_client_new(&client, &e) == RC_OK, "a client"))
		return EXIT_FAILURE;
	test_urls();
	test_answers();
	test_posts();
	test_connections();
	test_redirects();
	test_redirect_schemes();
	test_redirect_hosts();
	test_redirect_targets();
	test_public_only();
	test_proxy();
	test_sizes();
	test_failures_before();
	test_failures_after();
	test_no_descriptors();
	http_client_free(client);
	server_stop(&front);
	server_stop(&back);
	return tap_done();
}
