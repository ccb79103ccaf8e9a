#include "evm/rpc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "eth/hex.h"

#define TRIES	    3	 /* of a call that the node was too busy for */
#define WAIT_MS	    500	 /* before the second try, then twice that */
#define WAIT_MAX_MS 5000 /* even if the node asks for more */
#define REQUEST_MAX 128	 /* bytes of a request without its parameters */

struct rpc_node {
	char url[URL_MAX + 1];
	char name[RPC_NAME_MAX + 1];
};

struct rpc {
	struct http_client *http; /* owned */
	size_t count;
	uint64_t last_id;
	struct rpc_node nodes[RPC_NODES_MAX];
};

/* A call on its way. */
struct pending {
	struct rpc_call *call;
	uint64_t id;
	bool busy;	 /* turned away, try again */
	struct buf body; /* owned */
};

/* One pass over calls that aren't answered yet. */
struct pass {
	struct pending *pending; /* owned */
	size_t count;
	int64_t wait_ms; /* what a node asked for */
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
		    "rpc_urls: more than %d bytes "
		    "in a URL",
		    URL_MAX);
	memcpy(node->url, p, len);
	node->url[len] = '\0';
	rc = http_url_check(node->url, e);
	if (rc != RC_OK)
		return err_prefix(e, "rpc_urls: number %zu", r->count + 1);
	/* Twice the same one would agree with itself. */
	for (i = 0; i < r->count; i++)
		if (strcmp(r->nodes[i].url, node->url) == 0)
			return err_set(e, RC_INVALID,
			    "rpc_urls: number %zu "
			    "is number %zu again",
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
		    "rpc_urls: not set, expected the "
		    "URL of a node of the chain");
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

const char *
rpc_name(const struct rpc *r, size_t node)
{
	CHECK(node < r->count);
	return r->nodes[node].name;
}

/* ---- Calls ---- */

void
rpc_call_reset(struct rpc_call *c)
{
	json_free(c->document);
	c->document = NULL;
	c->result = NULL;
	c->error_data = NULL;
	c->error_code = -1;
	c->error[0] = '\0';
	c->outcome = RPC_FAILED;
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
fail(struct rpc_call *c, const char *why)
{
	rpc_call_reset(c);
	text_clean(c->error, sizeof(c->error), slice_of(why));
}

/* The node's own error; it may come with any HTTP status. */
static void
take_error(struct rpc_call *c, const struct json *error)
{
	const char *message = json_text(json_get(error, "message"));

	c->outcome = RPC_ERROR;
	c->error_data = json_get(error, "data");
	if (json_int(&c->error_code, json_get(error, "code")) != RC_OK)
		c->error_code = -1;
	text_clean(c->error, sizeof(c->error),
	    slice_of(message == NULL ? "an error without a message" : message));
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
		    "HTTP %d and no answer to "
		    "this call",
		    status);
		fail(c, why);
	} else if (json_is_object(error)) {
		take_error(c, error);
	} else if (result != NULL && status == 200) {
		c->outcome = RPC_RESULT;
		c->result = result;
	} else {
		(void)snprintf(why, sizeof(why),
		    "HTTP %d and neither a "
		    "result nor an error",
		    status);
		fail(c, why);
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
	fail(c, why);
}

static bool
is_busy(const struct http_response *res)
{
	return res->error == HTTP_ERROR_NONE &&
	    (res->status == 429 || res->status == 503);
}

static void
on_response(void *ctx, size_t i, struct http_response *res)
{
	struct pass *pass = ctx;
	struct pending *p = &pass->pending[i];
	struct rpc_call *c = p->call;
	struct slice body = { res->body.p == NULL ? "" : res->body.p,
		res->body.len };
	char why[32];

	p->busy = is_busy(res);
	if (p->busy && res->retry_after_s * 1000 > pass->wait_ms)
		pass->wait_ms = res->retry_after_s < WAIT_MAX_MS / 1000
		    ? res->retry_after_s * 1000
		    : WAIT_MAX_MS;
	if (res->error != HTTP_ERROR_NONE) {
		fail(c, res->error_text);
	} else if (p->busy) {
		(void)snprintf(why, sizeof(why), "HTTP %d", res->status);
		fail(c, why);
	} else {
		rpc_answer_read(c, p->id, res->status, body);
	}
}

static struct http_request
make_request(const struct rpc *r, const struct pending *p)
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
		.timeout_ms = RPC_TIMEOUT_MS,
		.connect_timeout_ms = RPC_TIMEOUT_MS,
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
	    "{\"jsonrpc\":\"2.0\",\"id\":%llu,"
	    "\"method\":\"%s\",\"params\":%s}",
	    (unsigned long long)p->id, c->method, params);
	return buf_status(&p->body, NULL) == RC_OK;
}

/* Runs the calls of pass once. */
static bool
run_pass(struct rpc *r, struct pass *pass)
{
	struct http_request *requests;
	size_t i;

	requests = calloc(pass->count, sizeof(*requests));
	if (requests == NULL)
		return false;
	for (i = 0; i < pass->count; i++)
		requests[i] = make_request(r, &pass->pending[i]);
	pass->wait_ms = 0;
	http_run(
	    r->http, requests, pass->count, RPC_AT_ONCE, -1, on_response, pass);
	free(requests);
	return true;
}

/* Keeps what a node was too busy for; their number. */
static size_t
keep_busy(struct pass *pass)
{
	size_t i, n = 0;

	for (i = 0; i < pass->count; i++) {
		if (pass->pending[i].busy)
			pass->pending[n++] = pass->pending[i];
		else
			buf_free(&pass->pending[i].body);
	}
	pass->count = n;
	return n;
}

static void
pause_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
		.tv_nsec = ms % 1000 * 1000000 };

	(void)nanosleep(&ts, NULL); /* a signal may cut it short */
}

void
rpc_run(struct rpc *r, struct rpc_call *calls, size_t n)
{
	struct pass pass = { .count = 0 };
	bool ok = true;
	size_t i;
	int try;

	for (i = 0; i < n; i++)
		fail(&calls[i], "no memory");
	pass.pending = calloc(n == 0 ? 1 : n, sizeof(*pass.pending));
	if (pass.pending == NULL)
		return;
	for (i = 0; i < n && ok; i++) {
		ok = write_call(r, &pass.pending[i], &calls[i]);
		pass.count++;
	}
	for (try = 1; ok && pass.count > 0; try++) {
		ok = run_pass(r, &pass);
		if (keep_busy(&pass) == 0 || try == TRIES)
			break;
		pause_ms(pass.wait_ms > 0 ? pass.wait_ms : WAIT_MS * try);
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
