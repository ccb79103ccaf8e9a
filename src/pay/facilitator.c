#include "pay/facilitator.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json/json.h"

#define CONNECT_TIMEOUT_MS   30000
#define SUPPORTED_TIMEOUT_MS 30000
#define PATH_LEN	     10 /* "/supported", the longer one */
#define BASE_URL_MAX	     (URL_MAX - PATH_LEN)
#define HEADER_MAX	     (CDP_TOKEN_MAX + 32)
#define HEADERS		     3 /* Content-Type, Authorization, NULL */

static_assert(
    SETTLE_AT_ONCE_MAX <= HTTP_AT_ONCE_MAX, "http_run takes as many at once");

struct facilitator {
	struct http_client *http; /* owned */
	const struct network *network;
	const struct cdp_key *cdp_key;
	int64_t timeout_ms;
	char base_url[BASE_URL_MAX + 1]; /* no slash last */
	int64_t not_before_ms;		 /* monotonic: Retry-After */
};

/* One request's headers; they must outlive it. */
struct header_set {
	char authorization[HEADER_MAX];
	const char *list[HEADERS];
};

/* What is to become of a body that isn't answered yet. */
enum entry_state {
	ENTRY_SEND,
	ENTRY_LATER,  /* the facilitator wants a pause first */
	ENTRY_UNSENT, /* we can't: the batch's error says why */
};

struct entry {
	size_t index; /* of the caller's request */
	enum entry_state state;
	size_t set; /* its headers */
};

/*
 * One call of facilitator_settle. http_run looks at a request when it starts
 * it, and starts them in their order; so what isn't started yet can still be
 * changed: it gets its token at the last moment, and loses its URL when the
 * facilitator asks for a pause, whereupon it comes back at once, unsent.
 */
struct batch {
	struct facilitator *f;
	const struct settle_request *requests; /* the caller's */
	settle_done_fn *done;
	void *ctx;
	struct entry *entries;	   /* owned */
	struct http_request *http; /* owned; of entries */
	size_t count;		   /* of both */
	size_t started;		   /* of them */
	struct header_set *sets;   /* owned; at_once */
	char url[URL_MAX + 1];
	struct err e;
};

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	CHECK(clock_gettime(clock, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

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
		    "facilitator: expected a base "
		    "URL without a query, of at most %d bytes",
		    BASE_URL_MAX);
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return err_set(e, RC_NO_MEMORY, "facilitator: no memory");
	f->network = options->network;
	f->cdp_key = options->cdp_key;
	f->timeout_ms =
	    options->timeout_ms > 0 ? options->timeout_ms : SETTLE_TIMEOUT_MS;
	memcpy(f->base_url, options->base_url, len);
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
	free(f);
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
	    token, f->cdp_key, method, url, clock_ms(CLOCK_REALTIME) / 1000, e);
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

/* Nothing of it was sent, for a reason of our own. */
static void
report_unsent(const struct batch *b, size_t index, const char *why)
{
	struct settle_answer a;

	memset(&a, 0, sizeof(a));
	a.x402.class = ANSWER_RETRY;
	text_clean(a.error, sizeof(a.error), slice_of(why));
	b->done(b->ctx, index, &a);
}

static void
report(const struct batch *b, size_t index, const struct http_response *res)
{
	struct slice body = { res->body.p == NULL ? "" : res->body.p,
		res->body.len };
	struct settle_answer a;

	memset(&a, 0, sizeof(a));
	a.sent = res->request_sent;
	a.status = res->status;
	a.retry_after_s = res->retry_after_s;
	a.elapsed_ms = res->elapsed_ms;
	text_clean(a.text, sizeof(a.text), body);
	(void)snprintf(a.error, sizeof(a.error), "%s", res->error_text);
	if (res->error == HTTP_ERROR_NONE)
		x402_answer_read(&a.x402, b->f->network, res->status, body,
		    b->requests[index].repost);
	else if (!res->request_sent)
		a.x402.class = ANSWER_RETRY;
	/* Else it stays ambiguous: half an answer is none. */
	b->done(b->ctx, index, &a);
}

/* Remembers how long the facilitator wants to be left alone. */
static bool
wants_pause(struct facilitator *f, const struct http_response *res)
{
	int64_t wait_s = res->retry_after_s, until;

	if (res->status != 429 && (res->status != 503 || wait_s == 0))
		return false;
	if (wait_s <= 0)
		wait_s = 1;
	if (wait_s > 86400)
		wait_s = 86400;
	until = clock_ms(CLOCK_MONOTONIC) + wait_s * 1000;
	if (until > f->not_before_ms)
		f->not_before_ms = until;
	return true;
}

/* ---- Batches ---- */

/* Nothing is requested from "". */
static void
hold_back(struct batch *b, size_t i, enum entry_state state)
{
	b->entries[i].state = state;
	b->http[i].url = "";
}

/* Makes the i-th entry ready, right before http_run starts it. */
static void
prepare(struct batch *b, size_t i, size_t set)
{
	b->started = i + 1;
	b->entries[i].set = set;
	if (b->entries[i].state != ENTRY_SEND)
		return;
	b->http[i].headers = b->sets[set].list;
	if (set_headers(&b->sets[set], b->f, "POST", b->url, &b->e) != RC_OK)
		hold_back(b, i, ENTRY_UNSENT);
}

static void
on_answer(void *ctx, size_t i, struct http_response *res)
{
	struct batch *b = ctx;
	struct entry *entry = &b->entries[i];
	size_t k;

	if (wants_pause(b->f, res))
		for (k = b->started; k < b->count; k++)
			hold_back(b, k, ENTRY_LATER);
	/* Whatever we had in mind for it: what was sent was sent. */
	if (entry->state == ENTRY_SEND || res->request_sent ||
	    res->error != HTTP_ERROR_URL) {
		entry->state = ENTRY_SEND;
		report(b, entry->index, res);
	} else if (entry->state == ENTRY_UNSENT) {
		report_unsent(b, entry->index, b->e.msg);
	}
	/* The next one starts in this one's place. */
	if (b->started < b->count)
		prepare(b, b->started, entry->set);
}

static void
run_batch(struct batch *b, size_t at_once, int stop_fd)
{
	size_t i;

	for (i = 0; i < b->count; i++) {
		b->entries[i].state = ENTRY_SEND;
		b->http[i] = make_request(b->f, b->url);
		b->http[i].method = HTTP_POST;
		b->http[i].body = b->requests[b->entries[i].index].body;
	}
	b->started = 0;
	for (i = 0; i < at_once && i < b->count; i++)
		prepare(b, i, i);
	http_run(b->f->http, b->http, b->count, at_once, stop_fd, on_answer, b);
}

/* What is left is what was held back for later; in its order. */
static void
keep_later(struct batch *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->count; i++)
		if (b->entries[i].state == ENTRY_LATER)
			b->entries[n++] = b->entries[i];
	b->count = n;
}

/* Waits until the facilitator may be asked again; NULL, or why not. */
static const char *
wait_patiently(const struct facilitator *f, int stop_fd)
{
	struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
	int64_t left = f->not_before_ms - clock_ms(CLOCK_MONOTONIC);

	if (left > SETTLE_WAIT_MAX_MS)
		return "not sent: the facilitator asked for a longer pause";
	for (;;) {
		if (poll(&stop, 1, left > 0 ? (int)left : 0) > 0)
			return "not sent: stopped";
		left = f->not_before_ms - clock_ms(CLOCK_MONOTONIC);
		if (left <= 0)
			return NULL;
	}
}

static void
run_batches(struct batch *b, size_t at_once, int stop_fd)
{
	const char *why = NULL;
	size_t i;

	while (b->count > 0 && why == NULL) {
		why = wait_patiently(b->f, stop_fd);
		if (why == NULL) {
			run_batch(b, at_once, stop_fd);
			keep_later(b);
		}
	}
	for (i = 0; i < b->count; i++)
		report_unsent(b, b->entries[i].index, why);
}

void
facilitator_settle(struct facilitator *f, const struct settle_request *requests,
    size_t n, size_t at_once, int stop_fd, settle_done_fn *done, void *ctx)
{
	struct batch b = { .f = f,
		.requests = requests,
		.done = done,
		.ctx = ctx,
		.count = n };
	size_t i;

	CHECK(at_once >= 1 && at_once <= SETTLE_AT_ONCE_MAX);
	if (n == 0)
		return;
	(void)snprintf(b.url, sizeof(b.url), "%s/settle", f->base_url);
	b.entries = calloc(n, sizeof(*b.entries));
	b.http = calloc(n, sizeof(*b.http));
	b.sets = calloc(at_once, sizeof(*b.sets));
	if (b.entries == NULL || b.http == NULL || b.sets == NULL) {
		for (i = 0; i < n; i++)
			report_unsent(&b, i, "not sent: no memory");
		goto out;
	}
	for (i = 0; i < n; i++)
		b.entries[i].index = i;
	run_batches(&b, at_once, stop_fd);
out:
	if (b.sets != NULL)
		secret_wipe(b.sets, at_once * sizeof(*b.sets));
	free(b.sets);
	free(b.http);
	free(b.entries);
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
		return err_set(e, RC_IO, "facilitator: %s", res->error_text);
	if (res->status != 200 || json_read(&root, body, NULL) != RC_OK ||
	    !json_is_array(json_get(root, "kinds"))) {
		json_free(root);
		text_clean(text, sizeof(text), body);
		return err_set(e, RC_IO,
		    "facilitator: GET /supported: got "
		    "HTTP %d \"%s\", expected 200 and a list of kinds",
		    res->status, text);
	}
	read_kinds(out, f->network, json_get(root, "kinds"));
	json_free(root);
	return RC_OK;
}

enum rc
facilitator_supported(
    struct facilitator *f, struct facilitator_kinds *out, struct err *e)
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
	http_one(f->http, &res, &request, -1);
	secret_wipe(&headers, sizeof(headers));
	rc = read_supported(out, f, &res, e);
	http_response_free(&res);
	return rc;
}
