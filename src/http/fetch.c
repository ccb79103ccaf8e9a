#include "http/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/response.h"
#include "http/url.h"

/* From a callback of libcurl: not len bytes taken, so end the hop. */
#define ABORT 0

static bool
is_redirect(int status)
{
	return status == 301 || status == 302 || status == 303 ||
	    status == 307 || status == 308;
}

/* True when the answer whose header is complete is to be followed. */
static bool
will_follow(const struct fetch *t)
{
	return t->request->method == HTTP_GET &&
	    t->request->redirects_max > 0 && is_redirect(t->response.status) &&
	    (t->response.location[0] != '\0' || t->location_too_long);
}

/* ---- libcurl's callbacks ---- */

/*
 * The clock starts when the hop's name is looked up, which an address is,
 * too: what this host did for other requests before isn't the peer's time.
 */
static int
on_lookup(void *resolver, void *reserved, void *ctx)
{
	struct fetch *t = ctx;

	(void)resolver;
	(void)reserved;
	if (!t->clock_runs)
		t->started_ms = clock_monotonic_ms();
	t->clock_runs = true;
	return 0;
}

/* True when this host knows a way to address. Nothing is sent for that. */
static bool
route_exists(const struct curl_sockaddr *address)
{
	int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool exists;

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	exists = connect(fd, &address->addr, address->addrlen) == 0;
	(void)close(fd);
	return exists;
}

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct fetch *t = ctx;
	target_fn *allowed = t->request->target;
	int fd;

	(void)purpose;
	t->response.resolved |= url_is_name(t->url);
	t->response.unlocated = false;
	if (allowed == NULL)
		allowed = target_is_outside;
	if (!allowed(&address->addr, address->addrlen)) {
		t->address_refused = true;
		t->address_inside |=
		    target_is_public(&address->addr, address->addrlen);
		return CURL_SOCKET_BAD;
	}
	t->address_allowed = true;
	t->has_route |= route_exists(address);
	t->response.elsewhere =
	    !target_is_here(&address->addr, address->addrlen);
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	if (fd < 0 &&
	    (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		errno == ENOMEM))
		t->out_of_sockets = true;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* The connection stands, TLS included, and the request goes out next. */
static int
on_request(
    void *ctx, char *remote, char *local, int remote_port, int local_port)
{
	struct fetch *t = ctx;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	t->response.request_sent = true;
	return CURL_PREREQFUNC_OK;
}

/* Keeps the value of the hop's first Location header. */
static void
keep_location(struct fetch *t, const char *value, size_t len)
{
	char *out = t->response.location;

	while (len > 0 && isspace((unsigned char)value[0])) {
		value++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)value[len - 1]))
		len--;
	if (out[0] != '\0' || t->location_too_long)
		return;
	if (len > HTTP_URL_MAX || memchr(value, '\0', len) != NULL) {
		t->location_too_long = true;
		return;
	}
	memcpy(out, value, len);
	out[len] = '\0';
}

/* An empty line: a header is complete, maybe an interim one. */
static bool
header_end(struct fetch *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	/* RFC 9110, section 15.2.2: no other answer comes after a 101. */
	if (status < 200 && status != 101)
		return true;
	t->header_done = true;
	t->response.elapsed_ms = clock_monotonic_ms() - t->started_ms;
	t->response.status = (int)status;
	t->cut = will_follow(t) || status == 101 ||
	    t->request->body_mode == HTTP_BODY_IGNORE;
	return !t->cut;
}

static size_t
on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *t = ctx;
	size_t len = size * n;
	bool go_on = true;

	t->header_bytes += len;
	if (t->header_bytes > HTTP_HEADERS_MAX) {
		t->too_large = true;
		return ABORT;
	}
	if (t->header_done)
		return len; /* trailers of a chunked body */
	if (len >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		t->response.location[0] = '\0';
		t->location_too_long = false;
	} else if (len >= 9 && strncasecmp(p, "location:", 9) == 0)
		keep_location(t, p + 9, len - 9);
	else if (len > 0 && (p[0] == '\r' || p[0] == '\n'))
		go_on = header_end(t);
	return go_on ? len : ABORT;
}

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *t = ctx;
	struct buf *body = &t->response.body;
	size_t len = size * n;

	if (len > body->max - body->len) {
		t->too_large = true;
		return ABORT;
	}
	buf_add(body, p, len);
	return body->failed ? ABORT : len;
}

/* The body of a PUT. */
static size_t
on_read(char *p, size_t size, size_t n, void *ctx)
{
	struct fetch *t = ctx;
	const struct slice body = t->request->body;
	size_t len = size * n;

	if (len > body.len - t->body_sent)
		len = body.len - t->body_sent;
	if (len > 0)
		memcpy(p, body.p + t->body_sent, len);
	t->body_sent += len;
	return len;
}

/* libcurl begins anew when a connection that it kept turns out closed. */
static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
	struct fetch *t = ctx;

	if (origin != SEEK_SET || offset < 0 ||
	    (uint64_t)offset > t->request->body.len)
		return CURL_SEEKFUNC_FAIL;
	t->body_sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- Errors ---- */

void
fetch_fail(struct fetch *t, enum http_error error, const char *detail)
{
	if (!t->header_done)
		t->response.elapsed_ms = clock_monotonic_ms() - t->started_ms;
	response_fail(&t->response, error, detail);
}

/*
 * What libcurl says of the peer, or of the way to it. Whatever isn't listed
 * is our own trouble: nothing is said about a peer by mistake.
 */
static const struct {
	CURLcode code;
	enum http_error error;
} curl_errors[] = {
	{ CURLE_URL_MALFORMAT, HTTP_ERROR_URL },
	{ CURLE_COULDNT_RESOLVE_HOST, HTTP_ERROR_DNS },
	{ CURLE_COULDNT_CONNECT, HTTP_ERROR_CONNECT },
	{ CURLE_PROXY, HTTP_ERROR_CONNECT },
	{ CURLE_OPERATION_TIMEDOUT, HTTP_ERROR_TIMEOUT },
	{ CURLE_SSL_CONNECT_ERROR, HTTP_ERROR_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, HTTP_ERROR_TLS },
	{ CURLE_SSL_CIPHER, HTTP_ERROR_TLS },
	{ CURLE_SSL_INVALIDCERTSTATUS, HTTP_ERROR_TLS },
	{ CURLE_SSL_ISSUER_ERROR, HTTP_ERROR_TLS },
	{ CURLE_GOT_NOTHING, HTTP_ERROR_CLOSED },
	{ CURLE_PARTIAL_FILE, HTTP_ERROR_CLOSED },
	{ CURLE_RECV_ERROR, HTTP_ERROR_CLOSED },
	{ CURLE_SEND_ERROR, HTTP_ERROR_CLOSED },
	{ CURLE_UNSUPPORTED_PROTOCOL, HTTP_ERROR_OTHER }, /* HTTP/0.9 */
	{ CURLE_WEIRD_SERVER_REPLY, HTTP_ERROR_OTHER },
	{ CURLE_WRITE_ERROR, HTTP_ERROR_OTHER },
	{ CURLE_BAD_CONTENT_ENCODING, HTTP_ERROR_OTHER },
};

/* What connect(2) says when this host itself is the reason. */
static bool
is_own_errno(long n)
{
	static const int own[] = { EADDRNOTAVAIL, EADDRINUSE, EACCES, EPERM,
		EMFILE, ENFILE, ENOBUFS, ENOMEM, ENETDOWN, EAFNOSUPPORT,
		EINVAL };
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (n == own[i])
			return true;
	return false;
}

/* Why a connection that failed with code is our own trouble; NULL: it isn't. */
static const char *
own_trouble(const struct fetch *t, CURLcode code)
{
	long n = 0;

	if (t->response.body.failed)
		return "no memory";
	if (code != CURLE_COULDNT_CONNECT || !t->address_allowed)
		return NULL;
	if (t->out_of_sockets)
		return "no descriptor for a connection";
	if (!t->has_route)
		return "no route";
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &n);
	return is_own_errno(n) ? strerrordesc_np((int)n) : NULL;
}

static enum http_error
error_of(const struct fetch *t, CURLcode code)
{
	size_t i;

	if (t->too_large)
		return HTTP_ERROR_TOO_LARGE;
	/* Whatever libcurl makes of it: there was nowhere to go. */
	if (t->address_refused && !t->address_allowed)
		return t->address_inside ? HTTP_ERROR_INSIDE
					 : HTTP_ERROR_ADDRESS;
	for (i = 0; i < sizeof(curl_errors) / sizeof(curl_errors[0]); i++)
		if (curl_errors[i].code == code)
			return curl_errors[i].error;
	return HTTP_ERROR_LOCAL;
}

/* What isn't in the name of error already. */
static const char *
detail_of(const struct fetch *t, enum http_error error, CURLcode code)
{
	if (error == HTTP_ERROR_ADDRESS || error == HTTP_ERROR_INSIDE ||
	    error == HTTP_ERROR_TOO_LARGE)
		return "";
	return t->detail[0] != '\0' ? t->detail : curl_easy_strerror(code);
}

/* The hop failed with code, or ended before there was a final header. */
static void
fail_with(struct fetch *t, CURLcode code, int64_t away_ms)
{
	const char *own = own_trouble(t, code);
	enum http_error error = error_of(t, code);
	long connections = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connections);
	t->response.unheard = connections == 0 && t->header_bytes == 0 &&
	    t->response.request_sent;
	if (error == HTTP_ERROR_TIMEOUT &&
	    (away_ms - t->away_ms) > t->request->timeout_ms / 4)
		own = "this process was held up";
	if (code == CURLE_OK)
		fetch_fail(t, HTTP_ERROR_CLOSED, "");
	else if (own != NULL)
		fetch_fail(t, HTTP_ERROR_LOCAL, own);
	else
		fetch_fail(t, error, detail_of(t, error, code));
}

/* ---- Hops ---- */

#define SET_ON(easy, option, value) \
	(ok = ok && curl_easy_setopt((easy), (option), (value)) == CURLE_OK)
#define SET(option, value) SET_ON(t->easy, option, value)

bool
fetch_trust(CURL *easy)
{
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	bool ok = true;

	SET_ON(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET_ON(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SET_ON(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	/* A system without a bundle has the directory alone. */
	if (info->cainfo != NULL)
		SET_ON(easy, CURLOPT_CAPATH, NULL);
	return ok;
}

static bool
set_connection(struct fetch *t)
{
	const struct http_request *r = t->request;
	bool any = r->target == target_is_any, ok = true;
	long own = any && !r->fresh ? 0L : 1L;

	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_RESOLVER_START_FUNCTION, on_lookup);
	SET(CURLOPT_RESOLVER_START_DATA, t);
	SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(CURLOPT_OPENSOCKETDATA, t);
	SET(CURLOPT_PREREQFUNCTION, on_request);
	SET(CURLOPT_PREREQDATA, t);
	/* A kept connection would go around on_socket. */
	SET(CURLOPT_FRESH_CONNECT, own);
	if (own == 1)
		SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	if (!any || !r->proxy_from_env)
		SET(CURLOPT_PROXY, "");
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_CONNECT_ONLY, r->connect_only ? 1L : 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	/*
	 * After a timeout libcurl would wait for the thread that still
	 * resolves the name, and all other requests with it.
	 */
	SET(CURLOPT_QUICK_EXIT, 1L);
	return ok && fetch_trust(t->easy);
}

static bool
set_put(struct fetch *t)
{
	bool ok = true;

	SET(CURLOPT_UPLOAD, 1L);
	SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->request->body.len);
	SET(CURLOPT_READFUNCTION, on_read);
	SET(CURLOPT_READDATA, t);
	SET(CURLOPT_SEEKFUNCTION, on_seek);
	SET(CURLOPT_SEEKDATA, t);
	return ok;
}

static bool
set_signer(struct fetch *t, const struct http_signer *s)
{
	bool ok = true;

	/* Not USERPWD, which an id with a colon in it would split. */
	SET(CURLOPT_USERNAME, s->id);
	SET(CURLOPT_PASSWORD, s->secret);
	SET(CURLOPT_AWS_SIGV4, s->scheme);
	return ok;
}

static bool
set_request(struct fetch *t)
{
	const struct http_request *r = t->request;
	size_t i;
	struct curl_slist *more;
	bool ok = true;

	for (i = 0; r->headers != NULL && r->headers[i] != NULL; i++) {
		more = curl_slist_append(t->headers, r->headers[i]);
		if (more == NULL)
			return false;
		t->headers = more;
	}
	if (r->method == HTTP_POST) {
		/* Never wait for a 100 (Continue). */
		more = curl_slist_append(t->headers, "Expect:");
		if (more == NULL)
			return false;
		t->headers = more;
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, r->body.p == NULL ? "" : r->body.p);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
	}
	if (r->method == HTTP_PUT)
		ok = ok && set_put(t);
	if (r->signer != NULL)
		ok = ok && set_signer(t, r->signer);
	if (r->user_agent != NULL)
		SET(CURLOPT_USERAGENT, r->user_agent);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	return ok;
}

static bool
set_answer(struct fetch *t)
{
	bool ok = true;

	SET(CURLOPT_ERRORBUFFER, t->detail);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_NOPROGRESS, 1L);
	SET(CURLOPT_PRIVATE, t);
	return ok;
}

/* What each hop has anew: its URL, and what is left of the time. */
static bool
set_hop(struct fetch *t)
{
	const struct http_request *r = t->request;
	int64_t left;
	bool ok = true;

	left = r->timeout_ms - (clock_monotonic_ms() - t->started_ms);
	if (left <= 0) {
		fetch_fail(t, HTTP_ERROR_TIMEOUT, "");
		return false;
	}
	t->header_bytes = 0;
	t->header_done = t->cut = t->too_large = false;
	t->address_refused = t->address_inside = t->address_allowed = false;
	t->out_of_sockets = t->has_route = false;
	t->location_too_long = false;
	t->detail[0] = '\0';
	t->response.location[0] = '\0';
	t->response.status = 0;
	t->response.unlocated = true;
	SET(CURLOPT_URL, t->response.url);
	SET(CURLOPT_TIMEOUT_MS, (long)left);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(r->connect_timeout_ms > 0 ? r->connect_timeout_ms
					     : HTTP_TIMEOUT_MAX_MS));
	if (!ok)
		fetch_fail(t, HTTP_ERROR_LOCAL, "no memory");
	return ok;
}

bool
fetch_start(struct fetch *t, const struct http_request *request, size_t index)
{
	enum http_error error;

	CHECK(request->timeout_ms >= 1 &&
	    request->timeout_ms <= HTTP_TIMEOUT_MAX_MS);
	t->request = request;
	t->index = index;
	t->started_ms = clock_monotonic_ms();
	buf_init(&t->response.body, request->body_max);
	error = url_read(&t->url, request->url);
	if (error == HTTP_ERROR_NONE)
		error = url_text(t->response.url, t->url);
	if (error != HTTP_ERROR_NONE) {
		fetch_fail(t, error, "");
		return false;
	}
	t->easy = curl_easy_init();
	if (t->easy == NULL || !set_connection(t) || !set_request(t) ||
	    !set_answer(t)) {
		fetch_fail(t, HTTP_ERROR_LOCAL, "no memory");
		return false;
	}
	return set_hop(t);
}

/* Reads where t's answer leads. *same: it's the same scheme, host and port. */
static enum http_error
read_location(struct fetch *t, bool *same)
{
	CURLU *from = curl_url_dup(t->url);
	enum http_error error;

	*same = false;
	if (from == NULL)
		return HTTP_ERROR_LOCAL;
	error = url_read(&t->url, t->response.location);
	if (error == HTTP_ERROR_NONE)
		error = url_text(t->response.url, t->url);
	if (error == HTTP_ERROR_NONE)
		*same = url_same_origin(from, t->url);
	curl_url_cleanup(from);
	return error;
}

/* Makes the URL that t's answer leads to that of the next hop. */
static bool
follow(struct fetch *t)
{
	enum http_error error = HTTP_ERROR_URL_LENGTH;
	bool same = false, ok = true;

	t->response.status = 0; /* of no final answer */
	t->header_done = false;
	if (!t->location_too_long)
		error = read_location(t, &same);
	if (error != HTTP_ERROR_NONE) {
		fetch_fail(t, error, "");
		return false;
	}
	if (!same) /* what the headers hold is for the first host */
		SET(CURLOPT_HTTPHEADER, NULL);
	if (!ok) {
		fetch_fail(t, HTTP_ERROR_LOCAL, "no memory");
		return false;
	}
	return set_hop(t);
}

bool
fetch_next(struct fetch *t, CURLcode code, int64_t away_ms)
{
	struct http_response *res = &t->response;
	curl_off_t wait = 0;

	if (code == CURLE_OK && t->request->connect_only) {
		res->elapsed_ms = clock_monotonic_ms() - t->started_ms;
		return false;
	}
	if (!t->cut && (code != CURLE_OK || !t->header_done)) {
		fail_with(t, code, away_ms);
		return false;
	}
	if (will_follow(t) && t->hops >= t->request->redirects_max) {
		res->status = 0;
		fetch_fail(t, HTTP_ERROR_REDIRECTS, "");
		return false;
	}
	if (will_follow(t)) {
		t->hops++;
		return follow(t);
	}
	if (res->status > STATUS_MAX) {
		res->status = 0;
		fetch_fail(t, HTTP_ERROR_OTHER, "status above 599");
		return false;
	}
	(void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
	res->retry_after_s = wait > 0 ? wait : 0;
	return false;
}

void
fetch_end(struct fetch *t)
{
	curl_easy_cleanup(t->easy);
	curl_url_cleanup(t->url);
	curl_slist_free_all(t->headers);
	http_response_free(&t->response);
}
