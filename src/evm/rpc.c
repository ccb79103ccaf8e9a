#include "evm/rpc.h"

#include <ctype.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/text.h"
#include "eth/hex.h"

#define WAIT_MS	       500 /* before the second try, then twice that, ... */
#define METHOD_UNKNOWN (-32601) /* JSON-RPC 2.0 */
#define WAIT_MAX_MS    5000	/* even if the node asks for more */
#define REQUEST_MAX    128	/* bytes of a request without its parameters */

struct rpc_node {
	char url[URL_MAX + 1];
	char name[RPC_NAME_MAX + 1];
	struct slice host; /* in url, without a dot behind it */
	/* Passes with timeouts, since it last answered such a call in time. */
	int slow;
	const char *slow_method; /* a literal; NULL: none yet */
};

struct rpc {
	struct http_client *http; /* owned */
	size_t count;
	uint64_t last_id;
	int64_t calls;
	int64_t paused_ms;
	int stop_fd;	 /* -1: none */
	int64_t stop_ms; /* monotonic, when it was seen; 0: it wasn't */
	struct rpc_node nodes[RPC_NODES_MAX];
};

/* A call on its way. */
struct pending {
	struct rpc_call *call;
	uint64_t id;
	bool again;	 /* to be repeated */
	struct buf body; /* owned */
};

/* One pass over calls that aren't answered yet. */
struct pass {
	struct rpc *rpc;
	struct pending *pending; /* owned */
	size_t count;
	bool pause;	 /* a node wants one */
	int64_t wait_ms; /* what it asked for */
	bool slow[RPC_NODES_MAX];
};

/* ---- Nodes ---- */

/* What stands between "://" and the path, but no more than fits. */
static void
name_of_url(char name[static RPC_NAME_MAX + 1], const char *url)
{
	const char *host = strstr(url, "://");

	host = host == NULL ? url : host + 3;
	text_clean(name, RPC_NAME_MAX + 1,
	    (struct slice){ host, strcspn(host, "/?#@") });
}

/* The host of a URL that http_url_check has found good. */
static struct slice
host_of_url(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t len = strcspn(host, "/?#");

	if (host[0] == '[')
		len = strcspn(host, "]") + 1;
	else if (memchr(host, ':', len) != NULL)
		len = strcspn(host, ":");
	while (len > 0 && host[len - 1] == '.')
		len--;
	return (struct slice){ host, len };
}

static bool
is_same_host(const struct rpc_node *a, const struct rpc_node *b)
{
	return a->host.len == b->host.len &&
	    strncasecmp(a->host.p, b->host.p, a->host.len) == 0;
}

/* What follows the host, without the scheme's own port and an empty path. */
static const char *
rest_of(const struct rpc_node *n)
{
	bool tls = strncasecmp(n->url, "https", 5) == 0;
	const char *rest = n->host.p + n->host.len,
		   *port = tls ? ":443" : ":80";
	size_t len = strlen(port);

	rest += strspn(rest, ".");
	if (strncmp(rest, port, len) == 0 &&
	    strspn(rest + len, "0123456789") == 0)
		rest += len;
	return strcmp(rest, "/") == 0 ? "" : rest;
}

static bool
is_same_node(const struct rpc_node *a, const struct rpc_node *b)
{
	return is_same_host(a, b) && strcmp(rest_of(a), rest_of(b)) == 0;
}

static enum rc
add_node(struct rpc *r, const char *p, size_t len, struct err *e)
{
	struct rpc_node *node = &r->nodes[r->count];
	enum rc rc;
	size_t i;

	if (r->count == RPC_NODES_MAX)
		return err_set(
		    e, RC_INVALID, "rpc_urls: more than %d", RPC_NODES_MAX);
	if (len > URL_MAX)
		return err_set(e, RC_INVALID,
		    "rpc_urls: more than %d bytes in a URL", URL_MAX);
	memcpy(node->url, p, len);
	node->url[len] = '\0';
	rc = http_url_check(node->url, e);
	if (rc != RC_OK)
		return err_prefix(e, "rpc_urls: number %zu", r->count + 1);
	node->host = host_of_url(node->url);
	/* Twice the same one would agree with itself. */
	for (i = 0; i < r->count; i++)
		if (is_same_node(&r->nodes[i], node))
			return err_set(e, RC_INVALID,
			    "rpc_urls: number %zu is number %zu again",
			    r->count + 1, i + 1);
	name_of_url(node->name, node->url);
	r->count++;
	return RC_OK;
}

static enum rc
add_nodes(struct rpc *r, const char *urls, struct err *e)
{
	static const char separators[] = " \t\r\n,";
	enum rc rc = RC_OK;
	size_t len;

	urls += strspn(urls, separators);
	while (*urls != '\0' && rc == RC_OK) {
		len = strcspn(urls, separators);
		rc = add_node(r, urls, len, e);
		urls += len;
		urls += strspn(urls, separators);
	}
	if (rc == RC_OK && r->count == 0)
		rc = err_set(e, RC_INVALID,
		    "rpc_urls: not set, expected the URL of a node of the chain");
	return rc;
}

enum rc
rpc_new(struct rpc **out, const char *urls, struct err *e)
{
	struct rpc *r;
	enum rc rc;

	*out = NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return err_set(e, RC_NO_MEMORY, "RPC: no memory");
	r->stop_fd = -1;
	rc = add_nodes(r, urls, e);
	if (rc == RC_OK)
		rc = http_client_new(&r->http, e);
	if (rc != RC_OK) {
		free(r);
		return rc;
	}
	*out = r;
	return RC_OK;
}

void
rpc_free(struct rpc *r)
{
	if (r == NULL)
		return;
	http_client_free(r->http);
	free(r);
}

size_t
rpc_count(const struct rpc *r)
{
	return r->count;
}

size_t
rpc_hosts(const struct rpc *r)
{
	size_t i, k, n = 0;

	for (i = 0; i < r->count; i++) {
		for (k = 0; k < i; k++)
			if (is_same_host(&r->nodes[k], &r->nodes[i]))
				break;
		n += k == i;
	}
	return n;
}

int64_t
rpc_calls(const struct rpc *r)
{
	return r->calls;
}

const char *
rpc_name(const struct rpc *r, size_t node)
{
	CHECK(node < r->count);
	return r->nodes[node].name;
}

/* ---- Stopping ---- */

void
rpc_stop_at(struct rpc *r, int fd)
{
	r->stop_fd = fd;
	r->stop_ms = 0;
}

/* What is left for calls; RPC_TIMEOUT_MS while nobody wants to stop. */
static int64_t
time_left_ms(struct rpc *r)
{
	struct pollfd fd = { .fd = r->stop_fd, .events = POLLIN };
	int64_t left;

	if (r->stop_ms == 0 && r->stop_fd >= 0 && poll(&fd, 1, 0) > 0)
		r->stop_ms = clock_monotonic_ms();
	if (r->stop_ms == 0)
		return RPC_TIMEOUT_MS;
	left = r->stop_ms + RPC_STOP_MS - clock_monotonic_ms();
	return left > 0 ? left : 0;
}

bool
rpc_is_stopped(struct rpc *r)
{
	return time_left_ms(r) == 0;
}

/* Waits, but not past a stop. */
static void
pause_ms(struct rpc *r, int64_t ms)
{
	struct pollfd fd = { .fd = r->stop_fd, .events = POLLIN };

	r->paused_ms += ms;
	if (r->stop_ms == 0)
		(void)poll(&fd, 1, (int)ms);
}

/* ---- Calls ---- */

void
rpc_call_reset(struct rpc_call *c)
{
	json_free(c->document);
	c->document = NULL;
	c->result = NULL;
	c->error_data = NULL;
	c->error_code = 0;
	c->error[0] = '\0';
	c->outcome = RPC_FAILED;
	c->cause = RPC_CAUSE_OTHER;
}

void
rpc_call_set(struct rpc_call *c, size_t node, const char *method,
    const char *params, ...)
{
	va_list ap;
	int n;

	rpc_call_reset(c);
	c->node = node;
	c->method = method;
	c->long_params = NULL;
	va_start(ap, params);
	n = vsnprintf(c->params, sizeof(c->params), params, ap);
	va_end(ap);
	CHECK(n > 0 && (size_t)n < sizeof(c->params));
}

void
rpc_call_set_long(struct rpc_call *c, size_t node, const char *method,
    const char *long_params)
{
	rpc_call_reset(c);
	c->node = node;
	c->method = method;
	c->params[0] = '\0';
	c->long_params = long_params;
}

static void
fail(struct rpc_call *c, enum rpc_cause cause, const char *why)
{
	rpc_call_reset(c);
	c->cause = cause;
	text_clean(c->error, sizeof(c->error), slice_of(why));
}

/* Whether text has any of the words, which are lower-case, in it. */
static bool
has_any(const char *text, const char *const *words)
{
	char lower[RPC_ERROR_MAX + 1];
	size_t i;

	for (i = 0; text[i] != '\0' && i < RPC_ERROR_MAX; i++)
		lower[i] = (char)tolower((unsigned char)text[i]);
	lower[i] = '\0';
	while (*words != NULL && strstr(lower, *words) == NULL)
		words++;
	return *words != NULL;
}

/*
 * Whether an error means "too many calls" and not "too much in one of them".
 * Providers agree on no code: -32005 (EIP-1474: limit exceeded) is both,
 * -32007 (QuickNode) and -32029 (several) are the former, and the rest say it
 * in their texts.
 */
static bool
is_call_limit(int64_t code, const char *text)
{
	static const char *const sizes[] = { "range", "more than", "result",
		"response", "size", "logs", NULL };
	static const char *const limits[] = { "rate limit", "rate-limit",
		"ratelimit", "too many requests", "request limit",
		"requests per second", "/second", "compute unit", "throughput",
		"capacity", "quota", NULL };

	if (code == -32007 || code == -32029 || code == 429)
		return true;
	if (code == -32005)
		return has_any(text, limits) || !has_any(text, sizes);
	return has_any(text, limits);
}

/*
 * The node's own error; it may come with any HTTP status. What isn't a limit
 * of calls and isn't about the method itself may be one of the range's size:
 * the texts that say so are too many to know.
 */
static void
take_error(struct rpc_call *c, const struct json *error)
{
	const char *message = json_text(json_get(error, "message"));

	c->outcome = RPC_ERROR;
	c->error_data = json_get(error, "data");
	if (json_signed(&c->error_code, json_get(error, "code")) != RC_OK)
		c->error_code = 0;
	text_clean(c->error, sizeof(c->error),
	    slice_of(message == NULL ? "an error without a message" : message));
	c->cause = RPC_CAUSE_TOO_MUCH;
	if (is_call_limit(c->error_code, c->error))
		c->cause = RPC_CAUSE_BUSY;
	else if (c->error_code == METHOD_UNKNOWN)
		c->cause = RPC_CAUSE_OTHER;
}

/* JSON-RPC 2.0, section 5: either a result or an error, and the call's id. */
static void
take_document(struct rpc_call *c, uint64_t id, int status)
{
	const struct json *root = c->document;
	const struct json *result = json_get(root, "result");
	const struct json *error = json_get(root, "error");
	char why[64];
	int64_t got;

	if (!json_is_object(root) ||
	    json_int(&got, json_get(root, "id")) != RC_OK ||
	    (uint64_t)got != id) {
		(void)snprintf(why, sizeof(why),
		    "HTTP %d and no answer to this call", status);
		fail(c, RPC_CAUSE_OTHER, why);
	} else if (json_is_object(error)) {
		take_error(c, error);
	} else if (result != NULL && status == 200) {
		c->outcome = RPC_RESULT;
		c->result = result;
	} else {
		(void)snprintf(why, sizeof(why),
		    "HTTP %d and neither a result nor an error", status);
		fail(c, RPC_CAUSE_OTHER, why);
	}
}

void
rpc_answer_read(struct rpc_call *c, uint64_t id, int status, struct slice body)
{
	char why[32];

	if (json_read(&c->document, body, NULL) == RC_OK) {
		take_document(c, id, status);
		return;
	}
	(void)snprintf(why, sizeof(why), "HTTP %d and no JSON", status);
	/* A proxy in front of the node may say 413, 502, 504, or nothing. */
	fail(c, status == 429 ? RPC_CAUSE_BUSY : RPC_CAUSE_TOO_MUCH, why);
}

/* Why the exchange itself failed. */
static enum rpc_cause
cause_of(enum http_error error)
{
	switch (error) {
	case HTTP_ERROR_TIMEOUT:
		return RPC_CAUSE_SLOW;
	case HTTP_ERROR_TOO_LARGE:
	case HTTP_ERROR_CLOSED:
		return RPC_CAUSE_TOO_MUCH;
	case HTTP_ERROR_STOPPED:
		return RPC_CAUSE_STOPPED;
	case HTTP_ERROR_ADDRESS:
	case HTTP_ERROR_DNS:
	case HTTP_ERROR_CONNECT:
	case HTTP_ERROR_TLS:
		return RPC_CAUSE_AWAY;
	default:
		return RPC_CAUSE_OTHER;
	}
}

/* A node may be slow with one kind of calls, or with long ranges, only. */
static void
note_speed(struct pass *pass, const struct rpc_call *c)
{
	struct rpc_node *n = &pass->rpc->nodes[c->node];

	if (c->outcome != RPC_RESULT && c->cause == RPC_CAUSE_SLOW) {
		pass->slow[c->node] = true;
		n->slow_method = c->method;
	} else if (n->slow_method != NULL &&
	    strcmp(n->slow_method, c->method) == 0) {
		n->slow = 0;
	}
}

static void
on_response(void *ctx, size_t i, struct http_response *res)
{
	struct pass *pass = ctx;
	struct pending *p = &pass->pending[i];
	struct rpc_call *c = p->call;
	struct slice body = { res->body.p == NULL ? "" : res->body.p,
		res->body.len };

	rpc_call_reset(c); /* of the try before */
	if (res->error != HTTP_ERROR_NONE)
		fail(c, cause_of(res->error), res->error_text);
	else
		rpc_answer_read(c, p->id, res->status, body);
	note_speed(pass, c);
	/* A node under load says 503; then a smaller question may do. */
	p->again = c->cause == RPC_CAUSE_BUSY ||
	    c->cause == RPC_CAUSE_STOPPED ||
	    (res->error == HTTP_ERROR_NONE && res->status == 503);
	if (!p->again || c->cause == RPC_CAUSE_STOPPED)
		return;
	pass->pause = true;
	if (res->retry_after_s * 1000 > pass->wait_ms)
		pass->wait_ms = res->retry_after_s < WAIT_MAX_MS / 1000
		    ? res->retry_after_s * 1000
		    : WAIT_MAX_MS;
}

static struct http_request
make_request(const struct rpc *r, const struct pending *p, int64_t timeout_ms)
{
	static const char *const headers[] = {
		"Content-Type: application/json",
		NULL,
	};

	return (struct http_request){
		.method = HTTP_POST,
		.url = r->nodes[p->call->node].url,
		.user_agent = "worknet-payout",
		.headers = headers,
		.body = { p->body.p, p->body.len },
		.timeout_ms = timeout_ms,
		.connect_timeout_ms = timeout_ms,
		.body_mode = HTTP_BODY_KEEP,
		.body_max = RPC_BODY_MAX,
		.target = target_is_any, /* the operator's own choice */
		.proxy_from_env = true,
	};
}

/* Writes the request's text; false without memory. */
static bool
write_call(struct rpc *r, struct pending *p, struct rpc_call *c)
{
	const char *params =
	    c->long_params == NULL ? c->params : c->long_params;

	p->call = c;
	p->id = ++r->last_id;
	buf_init(&p->body, strlen(params) + REQUEST_MAX);
	buf_printf(&p->body,
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":%s}",
	    (unsigned long long)p->id, c->method, params);
	return buf_status(&p->body, NULL) == RC_OK;
}

/* Runs the calls of pass once; false when there is no memory or no time. */
static bool
run_pass(struct rpc *r, struct pass *pass)
{
	int64_t left_ms = time_left_ms(r);
	struct http_request *requests;
	size_t i;

	for (i = 0; left_ms == 0 && i < pass->count; i++)
		fail(pass->pending[i].call, RPC_CAUSE_STOPPED, "stopped");
	if (left_ms == 0)
		return false;
	requests = calloc(pass->count, sizeof(*requests));
	if (requests == NULL)
		return false;
	for (i = 0; i < pass->count; i++)
		requests[i] = make_request(r, &pass->pending[i], left_ms);
	pass->wait_ms = 0;
	pass->pause = false;
	memset(pass->slow, 0, sizeof(pass->slow));
	r->calls += (int64_t)pass->count;
	/* A stop cuts it short, and what isn't answered is asked once more. */
	http_run(r->http, requests, pass->count, RPC_AT_ONCE,
	    r->stop_ms == 0 ? r->stop_fd : -1, on_response, pass);
	free(requests);
	for (i = 0; i < r->count; i++)
		r->nodes[i].slow += pass->slow[i];
	return true;
}

/* Keeps what is to be repeated; their number. */
static size_t
keep_again(struct pass *pass)
{
	size_t i, n = 0;

	for (i = 0; i < pass->count; i++) {
		if (pass->pending[i].again)
			pass->pending[n++] = pass->pending[i];
		else
			buf_free(&pass->pending[i].body);
	}
	pass->count = n;
	return n;
}

/* A node that hangs would hold up each step of a run. */
static bool
is_given_up(const struct rpc *r, struct rpc_call *c)
{
	char why[80];

	if (r->nodes[c->node].slow < RPC_SLOW_MAX)
		return false;
	(void)snprintf(why, sizeof(why),
	    "%d times no answer in %d s: it isn't asked any more in this run",
	    RPC_SLOW_MAX, RPC_TIMEOUT_MS / 1000);
	fail(c, RPC_CAUSE_AWAY, why);
	return true;
}

void
rpc_run(struct rpc *r, struct rpc_call *calls, size_t n)
{
	struct pass pass = { .rpc = r };
	bool ok = true;
	size_t i;
	int try;

	for (i = 0; i < n; i++)
		fail(&calls[i], RPC_CAUSE_OTHER, "no memory");
	pass.pending = calloc(n == 0 ? 1 : n, sizeof(*pass.pending));
	if (pass.pending == NULL)
		return;
	for (i = 0; i < n && ok; i++) {
		if (is_given_up(r, &calls[i]))
			continue;
		ok = write_call(r, &pass.pending[pass.count], &calls[i]);
		pass.count++;
	}
	for (try = 0; ok && pass.count > 0; try++) {
		ok = run_pass(r, &pass);
		if (!ok || keep_again(&pass) == 0 || try + 1 == RPC_TRIES ||
		    r->paused_ms >= RPC_PAUSES_MAX_MS)
			break;
		if (pass.pause)
			pause_ms(r,
			    pass.wait_ms > 0 ? pass.wait_ms : WAIT_MS << try);
	}
	for (i = 0; i < pass.count; i++)
		buf_free(&pass.pending[i].body);
	free(pass.pending);
}

/* ---- Values ---- */

bool
rpc_quantity(uint64_t *out, const struct json *value)
{
	const char *text = json_text(value);
	uint64_t n = 0;
	size_t i, len;
	char c;

	*out = 0;
	if (text == NULL || text[0] != '0' || text[1] != 'x')
		return false;
	text += 2;
	len = strlen(text);
	if (len < 1 || len > 16 || (text[0] == '0' && len > 1))
		return false;
	for (i = 0; i < len; i++) {
		c = text[i];
		if (c >= '0' && c <= '9')
			n = n << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n << 4 | (uint64_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			n = n << 4 | (uint64_t)(c - 'A' + 10);
		else
			return false;
	}
	*out = n;
	return true;
}

bool
rpc_data(uint8_t *out, size_t len, const struct json *value)
{
	const char *text = json_text(value);

	memset(out, 0, len);
	return text != NULL &&
	    hex_decode(out, len, slice_of(text), NULL) == RC_OK;
}

bool
rpc_data_some(uint8_t *out, size_t max, size_t *len, const struct json *value)
{
	const char *text = json_text(value);
	size_t n;

	*len = 0;
	if (text == NULL)
		return false;
	n = strlen(text);
	if (n < 2 || n % 2 != 0 || (n - 2) / 2 > max ||
	    hex_decode(out, (n - 2) / 2, slice_of(text), NULL) != RC_OK)
		return false;
	*len = (n - 2) / 2;
	return true;
}
