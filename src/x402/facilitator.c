#include "x402/facilitator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "base/text.h"
#include "json/json.h"

#define CONNECT_TIMEOUT_MS   30000
#define SUPPORTED_TIMEOUT_MS 10000
#define PATH_LEN	     10 /* "/supported", the longer one */
#define BASE_URL_MAX	     (URL_MAX - PATH_LEN)
#define HEADER_MAX	     (CDP_TOKEN_MAX + 32)
#define HEADERS		     3 /* Content-Type, Authorization, NULL */
#define PAUSE_MAX_S	     86400

/* One request's headers; they must outlive it. */
struct header_set {
	char authorization[HEADER_MAX];
	const char *list[HEADERS];
};

/* A body on its way, and then its answer. */
struct flight {
	bool used;  /* until its answer is taken */
	size_t tag; /* the caller's */
	bool repost;
	struct header_set headers;
	struct http_request http;
	struct settle_answer answer;
};

struct facilitator {
	struct http_client *http; /* owned */
	const struct network *network;
	const struct cdp_key *cdp_key;
	int64_t timeout_ms;
	char name[FACILITATOR_NAME_MAX + 1];
	int64_t requests;		 /* sent */
	char base_url[BASE_URL_MAX + 1]; /* no slash last */
	char settle_url[URL_MAX + 1];
	int64_t not_before_ms; /* monotonic: Retry-After */
	struct flight flights[SETTLE_AT_ONCE_MAX];
	size_t in_flight; /* used ones */
	/* What is answered and not yet taken, a ring. */
	struct flight *queue[SETTLE_AT_ONCE_MAX];
	size_t queue_first;
	size_t queue_count;
};

enum rc
facilitator_new(struct facilitator **out,
    const struct facilitator_options *options, struct err *e)
{
	size_t len = strlen(options->base_url);
	struct facilitator *f;
	enum rc rc;

	*out = NULL;
	while (len > 0 && options->base_url[len - 1] == '/')
		len--;
	rc = http_url_check(options->base_url, e);
	if (rc != RC_OK)
		return err_prefix(e, "facilitator");
	if (len > BASE_URL_MAX || strpbrk(options->base_url, "?#") != NULL)
		return err_set(e, RC_INVALID,
		    "facilitator: expected a base URL without a query, of at most %d bytes",
		    BASE_URL_MAX);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(e, RC_NO_MEMORY, "facilitator: no memory");
	f->network = options->network;
	f->cdp_key = options->cdp_key;
	f->timeout_ms =
	    options->timeout_ms > 0 ? options->timeout_ms : SETTLE_TIMEOUT_MS;
	memcpy(f->base_url, options->base_url, len);
	http_url_origin(f->name, sizeof(f->name), f->base_url);
	(void)snprintf(
	    f->settle_url, sizeof(f->settle_url), "%s/settle", f->base_url);
	rc = http_client_new(&f->http, e);
	if (rc != RC_OK) {
		free(f);
		return rc;
	}
	*out = f;
	return RC_OK;
}

void
facilitator_free(struct facilitator *f)
{
	if (f == NULL)
		return;
	http_client_free(f->http);
	secret_wipe(f->flights, sizeof(f->flights)); /* their tokens */
	free(f);
}

const char *
facilitator_name(const struct facilitator *f)
{
	return f->name;
}

int64_t
facilitator_requests(const struct facilitator *f)
{
	return f->requests;
}

/* ---- Requests ---- */

/* A token is for one method and path, and is made right before its use. */
static enum rc
set_headers(struct header_set *h, const struct facilitator *f,
    const char *method, const char *url, struct err *e)
{
	char token[CDP_TOKEN_MAX + 1];
	enum rc rc;

	h->list[0] = "Content-Type: application/json";
	h->list[1] = NULL;
	if (f->cdp_key == NULL)
		return RC_OK;
	rc = cdp_token(
	    token, f->cdp_key, method, url, clock_unix_ms() / 1000, e);
	if (rc != RC_OK)
		return rc;
	(void)snprintf(h->authorization, sizeof(h->authorization),
	    "Authorization: Bearer %s", token);
	h->list[1] = h->authorization;
	h->list[2] = NULL;
	return RC_OK;
}

static struct http_request
make_request(const struct facilitator *f, const char *url)
{
	return (struct http_request){
		.url = url,
		.user_agent = "worknet-payout",
		.timeout_ms = f->timeout_ms,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
		.body_mode = HTTP_BODY_KEEP,
		.body_max = SETTLE_BODY_MAX,
		.target = target_is_any, /* the operator's own choice */
		.proxy_from_env = true,
		.fresh = true,
	};
}

/* ---- Answers ---- */

static void
answered(struct facilitator *f, struct flight *l)
{
	f->queue[(f->queue_first + f->queue_count++) % SETTLE_AT_ONCE_MAX] = l;
}

/* Nothing of it was sent, for a reason of our own. */
static void
answer_unsent(struct facilitator *f, struct flight *l, const char *why)
{
	l->answer.x402.class = ANSWER_RETRY;
	text_clean(l->answer.error, sizeof(l->answer.error), slice_of(why));
	answered(f, l);
}

/* Remembers how long the facilitator wants to be left alone. */
static void
note_pause(struct facilitator *f, const struct http_response *res)
{
	int64_t wait_s = res->retry_after_s, until;

	if (res->status != 429 && (res->status != 503 || wait_s == 0))
		return;
	if (wait_s <= 0)
		wait_s = 1;
	if (wait_s > PAUSE_MAX_S)
		wait_s = PAUSE_MAX_S;
	until = clock_monotonic_ms() + wait_s * 1000;
	if (until > f->not_before_ms)
		f->not_before_ms = until;
}

static void
on_response(void *ctx, size_t i, struct http_response *res)
{
	struct facilitator *f = ctx;
	struct flight *l = &f->flights[i];
	struct settle_answer *a = &l->answer;
	struct slice body = { res->body.p == NULL ? "" : res->body.p,
		res->body.len };

	note_pause(f, res);
	a->sent = res->request_sent;
	a->status = res->status;
	a->retry_after_s = res->retry_after_s;
	a->elapsed_ms = res->elapsed_ms;
	text_clean(a->text, sizeof(a->text), body);
	(void)snprintf(a->error, sizeof(a->error), "%s", res->error_text);
	if (res->error == HTTP_ERROR_NONE)
		x402_answer_read(
		    &a->x402, f->network, res->status, body, l->repost);
	else if (!res->request_sent)
		a->x402.class = ANSWER_RETRY;
	/* Else it stays ambiguous: half an answer is none. */
	answered(f, l);
}

/* ---- POST /settle ---- */

void
facilitator_send(
    struct facilitator *f, size_t tag, const struct settle_request *request)
{
	struct flight *l = f->flights;
	struct err e = ERR_INIT;

	while (l < f->flights + SETTLE_AT_ONCE_MAX && l->used)
		l++;
	CHECK(l < f->flights + SETTLE_AT_ONCE_MAX);
	memset(l, 0, sizeof(*l));
	l->used = true;
	l->tag = tag;
	l->repost = request->repost;
	l->http = make_request(f, f->settle_url);
	l->http.method = HTTP_POST;
	l->http.headers = l->headers.list;
	l->http.body = request->body;
	f->in_flight++;
	f->requests++;
	if (set_headers(&l->headers, f, "POST", f->settle_url, &e) != RC_OK ||
	    http_start(f->http, &l->http, (size_t)(l - f->flights), &e) !=
		RC_OK)
		answer_unsent(f, l, e.msg);
}

const struct settle_answer *
facilitator_wait(
    struct facilitator *f, int64_t timeout_ms, int wake_fd, size_t *tag)
{
	struct flight *l;

	if (f->queue_count == 0)
		(void)http_wait(f->http, timeout_ms, wake_fd, on_response, f);
	if (f->queue_count == 0)
		return NULL;
	l = f->queue[f->queue_first];
	f->queue_first = (f->queue_first + 1) % SETTLE_AT_ONCE_MAX;
	f->queue_count--;
	/* Free for another one; its answer stays until then. */
	l->used = false;
	f->in_flight--;
	*tag = l->tag;
	return &l->answer;
}

size_t
facilitator_in_flight(const struct facilitator *f)
{
	return f->in_flight;
}

void
facilitator_abandon(struct facilitator *f)
{
	http_client_free(f->http);
	f->http = NULL;
	f->in_flight = 0;
	f->queue_count = 0;
}

int64_t
facilitator_pause_ms(const struct facilitator *f)
{
	int64_t left = f->not_before_ms - clock_monotonic_ms();

	return left > 0 ? left : 0;
}

/* ---- GET /supported ---- */

static void
read_kinds(struct facilitator_kinds *out, const struct network *n,
    const struct json *kinds)
{
	const struct json *kind;
	const char *scheme, *name;
	int64_t version;
	size_t i;

	for (i = 0; i < json_count(kinds); i++) {
		kind = json_at(kinds, i);
		scheme = json_text(json_get(kind, "scheme"));
		name = json_text(json_get(kind, "network"));
		if (scheme == NULL || strcmp(scheme, "exact") != 0 ||
		    name == NULL ||
		    json_int(&version, json_get(kind, "x402Version")) != RC_OK)
			continue;
		if (version == 2 && strcmp(name, n->name_v2) == 0)
			out->v2 = true;
		if (version == 1 && n->name_v1[0] != '\0' &&
		    strcmp(name, n->name_v1) == 0)
			out->v1 = true;
	}
}

static enum rc
read_supported(struct facilitator_kinds *out, const struct facilitator *f,
    const struct http_response *res, struct err *e)
{
	struct slice body = { res->body.p == NULL ? "" : res->body.p,
		res->body.len };
	char text[81];
	struct json *root = NULL;

	if (res->error != HTTP_ERROR_NONE)
		return err_set(e, RC_IO, "GET /supported: %s", res->error_text);
	if (res->status != 200 || json_read(&root, body, NULL) != RC_OK ||
	    !json_is_array(json_get(root, "kinds"))) {
		json_free(root);
		text_clean(text, sizeof(text), body);
		return err_set(e, RC_INVALID,
		    "GET /supported: got HTTP %d \"%s\", expected 200 and a list of kinds",
		    res->status, text);
	}
	read_kinds(out, f->network, json_get(root, "kinds"));
	json_free(root);
	return RC_OK;
}

enum rc
facilitator_supported(struct facilitator *f, int stop_fd,
    struct facilitator_kinds *out, struct err *e)
{
	char url[URL_MAX + 1];
	struct http_request request;
	struct http_response res;
	struct header_set headers;
	enum rc rc;

	*out = (struct facilitator_kinds){ false, false };
	(void)snprintf(url, sizeof(url), "%s/supported", f->base_url);
	rc = set_headers(&headers, f, "GET", url, e);
	if (rc != RC_OK)
		return rc;
	request = make_request(f, url);
	request.headers = headers.list;
	request.timeout_ms = SUPPORTED_TIMEOUT_MS;
	f->requests++;
	http_one(f->http, &res, &request, stop_fd);
	secret_wipe(&headers, sizeof(headers));
	rc = read_supported(out, f, &res, e);
	http_response_free(&res);
	return rc;
}
