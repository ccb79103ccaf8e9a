#include "store/store.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/base64.h"
#include "base/secret.h"
#include "eth/hex.h"
#include "eth/sha256.h"
#include "http/http.h"
#include "keys/md5.h"
#include "store/key.h"

#define CONNECT_MS     10000
#define ANSWER_MAX     65536 /* bytes of an error's XML */
#define TRIES_MAX      6     /* of one object, in one call */
#define WAIT_MAX_MS    60000
#define CODE_MAX       48 /* bytes of an error's code */
#define HEADER_MAX     128
#define BASE_SIZE      (URL_MAX + CONF_WORD_MAX + 2)
#define OBJECT_URL_MAX (URL_MAX + CONF_WORD_MAX + 3 * STORE_NAME_MAX)

/* What a store of that kind is told how. */
struct kind {
	const char *name;
	const char *scheme; /* of its signatures; NULL: AWS's, of the region */
	const char *hash;   /* the header that is signed for the body */
	/* The header of a PUT that makes nothing if something is there; NULL:
	 * it knows none, and is asked before each PUT whether there is. */
	const char *condition;
	bool md5; /* which checksum it looks at: MD5, or SHA-256 */
};

static const struct kind kinds[] = {
	{ "s3", NULL, "x-amz-content-sha256", "If-None-Match: *", false },
	{ "gcs", "goog:goog:auto:storage", "x-goog-content-sha256",
	    "x-goog-if-generation-match: 0", true },
	{ "swift", NULL, "x-amz-content-sha256", NULL, false },
};

struct store {
	struct http_client *http; /* owned */
	const struct kind *kind;
	struct store_key key;
	struct http_signer signer; /* of the key, and of scheme */
	char scheme[CONF_WORD_MAX + 32];
	char base[BASE_SIZE]; /* URL of what has objects */
	int64_t retry_ms, timeout_ms;
};

/* ---- Opening ---- */

static const struct kind *
kind_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

/* Bytes that need no encoding in a path that is signed. */
static bool
is_plain(const char *text)
{
	return strspn(text,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
	    strlen(text);
}

static enum rc
where_check(const struct conf *c, struct err *e)
{
	const char *host = strstr(c->upload_endpoint, "://");
	enum rc rc;

	if (c->upload_kind[0] == '\0' || c->upload_endpoint[0] == '\0' ||
	    c->upload_key_file[0] == '\0')
		return err_set(e, RC_INVALID,
		    "[upload] kind, endpoint and key_file: without these there is no store");
	rc = http_url_check_private(c->upload_endpoint, e);
	if (rc != RC_OK)
		return err_prefix(e, "[upload] endpoint");
	if (host != NULL && strpbrk(host + 3, "/?#") != NULL)
		return err_set(e, RC_INVALID,
		    "[upload] endpoint: expected https://HOST, without a path");
	if (!is_plain(c->upload_bucket) || !is_plain(c->upload_region))
		return err_set(e, RC_INVALID,
		    "[upload] bucket and region: expected letters, digits, dots, _ and -");
	return RC_OK;
}

static void
base_write(char out[static BASE_SIZE], const struct conf *c)
{
	(void)snprintf(out, BASE_SIZE, "%s%s%s", c->upload_endpoint,
	    c->upload_bucket[0] == '\0' ? "" : "/", c->upload_bucket);
}

void
store_label(char out[static STORE_LABEL_MAX + 1], const struct conf *c)
{
	char base[BASE_SIZE];

	base_write(base, c);
	(void)snprintf(out, STORE_LABEL_MAX + 1, "%s %s", c->upload_kind, base);
}

static void
where_set(struct store *s, const struct conf *c)
{
	base_write(s->base, c);
	if (s->kind->scheme == NULL)
		(void)snprintf(s->scheme, sizeof(s->scheme), "aws:amz:%s:s3",
		    c->upload_region);
	else
		(void)snprintf(
		    s->scheme, sizeof(s->scheme), "%s", s->kind->scheme);
	s->retry_ms = c->upload_retry_ms;
	s->timeout_ms = c->upload_timeout_ms;
	s->signer = (struct http_signer){ s->scheme, s->key.id, s->key.secret };
}

enum rc
store_open(struct store **out, const struct conf *c, struct err *e)
{
	struct store *s;
	enum rc rc;

	*out = NULL;
	rc = where_check(c, e);
	if (rc != RC_OK)
		return rc;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	s->kind = kind_find(c->upload_kind);
	CHECK(s->kind != NULL);
	where_set(s, c);
	rc = store_key_read(&s->key, c->upload_key_file, e);
	if (rc == RC_OK)
		rc = http_client_new(&s->http, e);
	if (rc != RC_OK) {
		store_close(s);
		return rc;
	}
	*out = s;
	return RC_OK;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	http_client_free(s->http);
	secret_wipe(&s->key, sizeof(s->key));
	free(s);
}

/* ---- One object's requests ---- */

enum step {
	STEP_PUT,
	STEP_LOOK, /* what is there? */
	STEP_DONE,
};

struct work {
	struct store_put *put;
	enum step step;
	bool only_looks;
	unsigned tries;
	/* Of the request, which borrows them. */
	char url[OBJECT_URL_MAX];
	char hash[HEADER_MAX], type[HEADER_MAX], sum[HEADER_MAX];
	const char *headers[5];
};

/* libcurl signs a path as it stands: a colon has to be encoded before. */
static void
url_write(
    char out[static OBJECT_URL_MAX], const struct store *s, const char *name)
{
	size_t at = (size_t)snprintf(out, OBJECT_URL_MAX, "%s/", s->base);

	CHECK(strlen(name) <= STORE_NAME_MAX);
	for (; *name != '\0'; name++)
		at += (size_t)snprintf(out + at, OBJECT_URL_MAX - at,
		    *name == ':' ? "%%3A" : "%c", *name);
}

static enum rc
checksum_write(char out[static HEADER_MAX], const struct store *s,
    struct slice body, struct err *e)
{
	uint8_t sum[SHA256_LEN];
	struct buf text;
	enum rc rc = RC_OK;

	buf_init(&text, HEADER_MAX);
	buf_add_text(
	    &text, s->kind->md5 ? "Content-MD5: " : "x-amz-checksum-sha256: ");
	if (s->kind->md5)
		rc = md5(sum, body, e);
	else
		sha256(sum, body.p, body.len);
	base64_add(&text, sum, s->kind->md5 ? MD5_LEN : SHA256_LEN);
	if (rc == RC_OK)
		rc = buf_status(&text, e);
	if (rc == RC_OK)
		(void)snprintf(out, HEADER_MAX, "%s", text.p);
	buf_free(&text);
	return rc;
}

/* Each header is there once: a second one of a name spoils the signature. */
static enum rc
request_make(struct http_request *r, struct work *w, const struct store *s,
    struct err *e)
{
	const bool put = w->step == STEP_PUT;
	const struct slice body =
	    put ? w->put->body : (struct slice)SLICE_OF("");
	char hex[HEX_SIZE(SHA256_LEN)];
	uint8_t sum[SHA256_LEN];
	size_t n = 0;
	enum rc rc = RC_OK;

	url_write(w->url, s, w->put->name);
	sha256(sum, body.p, body.len);
	hex_encode(hex, sum, sizeof(sum));
	(void)snprintf(
	    w->hash, sizeof(w->hash), "%s: %s", s->kind->hash, hex + 2);
	w->headers[n++] = w->hash;
	if (put) {
		(void)snprintf(
		    w->type, sizeof(w->type), "Content-Type: %s", w->put->type);
		w->headers[n++] = w->type;
		rc = checksum_write(w->sum, s, body, e);
		w->headers[n++] = w->sum;
		if (s->kind->condition != NULL)
			w->headers[n++] = s->kind->condition;
	}
	w->headers[n] = NULL;
	*r = (struct http_request){
		.method = put ? HTTP_PUT : HTTP_GET,
		.url = w->url,
		.user_agent = "worknet-log",
		.headers = w->headers,
		.body = body,
		.signer = &s->signer,
		.timeout_ms = s->timeout_ms,
		.connect_timeout_ms =
		    s->timeout_ms < CONNECT_MS ? s->timeout_ms : CONNECT_MS,
		.body_mode = HTTP_BODY_KEEP,
		.body_max = put || w->put->there_max < ANSWER_MAX
		    ? ANSWER_MAX
		    : w->put->there_max,
		.target = target_is_any, /* the operator's own choice */
		.proxy_from_env = true,
	};
	return rc;
}

/* ---- Answers ---- */

/* What an error's XML has as its code; "" for none. */
static void
code_read(char out[static CODE_MAX + 1], const struct buf *body)
{
	const char *from = body->len == 0 ? NULL : strstr(body->p, "<Code>");
	size_t n = 0;

	if (from != NULL)
		for (from += 6; n < CODE_MAX && isalnum((unsigned char)*from);
		     from++)
			out[n++] = *from;
	out[n] = '\0';
}

/* Codes of a 400 of which the next one may be better. */
static bool
is_for_now(const char *code)
{
	static const char *const codes[] = { "RequestTimeout", "IncompleteBody",
		"BadDigest", "XAmzContentSHA256Mismatch", NULL };
	size_t i;

	for (i = 0; codes[i] != NULL; i++)
		if (strcmp(codes[i], code) == 0)
			return true;
	return false;
}

/* What to do about an answer that stays the same; the first that fits. */
static const struct {
	int status;	  /* 0: any */
	const char *code; /* NULL: any */
	const char *words;
} hints[] = {
	{ 0, "RequestTimeTooSkewed",
	    "this host's clock, or the store's, is wrong" },
	{ 0, "SignatureDoesNotMatch",
	    "the secret in key_file, or region, is another one" },
	{ 0, "InvalidAccessKeyId", "it doesn't know the id in key_file" },
	{ 0, "NoSuchBucket", "there is no such bucket; make it" },
	{ 403, NULL,
	    "the key may not do this: it must create and read objects" },
	{ 501, NULL,
	    "the store can't refuse to overwrite: [upload] kind = swift asks before" },
	{ 400, NULL, "the store doesn't take such requests: is kind right?" },
};

static const char *
hint_of(int status, const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
		if ((hints[i].status == 0 || hints[i].status == status) &&
		    (hints[i].code == NULL || strcmp(hints[i].code, code) == 0))
			return hints[i].words;
	return "the store isn't what [upload] says";
}

/* An answer that the same request would get again. */
static enum rc
refuse(const struct work *w, const struct http_response *r, const char *code,
    struct err *e)
{
	const char *what = w->step == STEP_PUT ? "PUT" : "GET";
	char origin[URL_MAX + 1];

	if (r->location[0] != '\0' && r->status / 100 == 3) {
		http_url_origin(origin, sizeof(origin), r->location);
		return err_set(e, RC_INVALID,
		    "%s %s: %d %s: it redirects to %s, and isn't followed: [upload] endpoint or region is another one",
		    what, w->put->name, r->status, code, origin);
	}
	return err_set(e, RC_INVALID, "%s %s: %d %s%s%s", what, w->put->name,
	    r->status, code, code[0] == '\0' ? "" : ": ",
	    hint_of(r->status, code));
}

/* Something fails for now: RC_OK as long as there may be another try. */
static enum rc
again(const struct work *w, const struct http_response *r, const char *code,
    struct err *e)
{
	const char *what = w->step == STEP_PUT ? "PUT" : "GET";

	if (w->tries < TRIES_MAX)
		return RC_OK;
	if (r->error != HTTP_ERROR_NONE)
		return err_set(e, RC_BUSY, "%s %s: %s%s%s, %u times", what,
		    w->put->name, http_error_name(r->error),
		    r->error_text[0] == '\0' ? "" : ": ", r->error_text,
		    w->tries);
	return err_set(e, RC_BUSY, "%s %s: %d %s, %u times", what, w->put->name,
	    r->status, code, w->tries);
}

/* What the whole of a call knows. */
struct batch {
	struct store *store;
	struct work work[STORE_AT_ONCE];
	size_t at[STORE_AT_ONCE]; /* of those that are asked, by request */
	bool failed;		  /* one must wait, */
	int64_t wait_ms;	  /* so long at least */
	unsigned rounds;	  /* that failed */
	enum rc rc;
	struct err *err;
};

static void
there_take(struct work *w, struct http_response *r)
{
	w->step = STEP_DONE;
	w->put->exists = true;
	if (r->error != HTTP_ERROR_NONE || r->body.len > w->put->there_max)
		return;
	w->put->there = r->body;
	buf_init(&r->body, 0);
}

/* True when the answer is a step on; it says of the object what there is. */
static bool
step_on(struct work *w, struct http_response *r)
{
	const bool too_long = r->error == HTTP_ERROR_TOO_LARGE;

	if (w->step == STEP_LOOK && r->status == 200 &&
	    (r->error == HTTP_ERROR_NONE || too_long))
		there_take(w, r);
	else if (r->error != HTTP_ERROR_NONE)
		return false;
	else if (w->step == STEP_LOOK && r->status == 404)
		w->step = w->only_looks ? STEP_DONE : STEP_PUT;
	else if (w->step == STEP_PUT && r->status == 412)
		w->step = STEP_LOOK;
	else if (w->step == STEP_PUT && (r->status == 200 || r->status == 201))
		w->step = STEP_DONE;
	else
		return false;
	return true;
}

static bool
will_pass(const struct http_response *r, const char *code)
{
	return r->error != HTTP_ERROR_NONE || r->status == 408 ||
	    r->status == 409 || r->status == 429 ||
	    (r->status >= 500 && r->status != 501) ||
	    (r->status == 400 && is_for_now(code));
}

static void
on_answer(void *ctx, size_t index, struct http_response *r)
{
	struct batch *b = ctx;
	struct work *w = &b->work[b->at[index]];
	char code[CODE_MAX + 1];
	enum rc rc = RC_OK;

	w->tries++;
	if (step_on(w, r)) {
		/* One that is there, and isn't, and is, has an end, too. */
		if (w->step != STEP_DONE && w->tries >= TRIES_MAX)
			rc = again(w, r, "", b->err);
	} else {
		code_read(code, &r->body);
		rc = will_pass(r, code) ? again(w, r, code, b->err)
					: refuse(w, r, code, b->err);
		b->failed = true;
		if (r->retry_after_s * 1000 > b->wait_ms)
			b->wait_ms = r->retry_after_s * 1000;
	}
	if (rc != RC_OK && b->rc == RC_OK)
		b->rc = rc;
}

/* ---- All of them ---- */

/* Twice as long each time, and some chance, so that not all come at once. */
static void
wait_before(struct batch *b)
{
	int64_t ms = b->store->retry_ms << b->rounds;
	struct timespec t;
	uint32_t chance;

	CHECK(b->rounds < TRIES_MAX);
	b->rounds++;
	if (getrandom(&chance, sizeof(chance), 0) == sizeof(chance))
		ms -= (int64_t)(chance % (uint64_t)(ms / 2 + 1));
	if (ms < b->wait_ms)
		ms = b->wait_ms;
	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	t = (struct timespec){ ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) != 0)
		;
	b->failed = false;
	b->wait_ms = 0;
}

/* Asks once for each that isn't done; how many these were. */
static size_t
round_run(struct batch *b, size_t n)
{
	struct http_request requests[STORE_AT_ONCE];
	size_t i, open = 0;

	for (i = 0; i < n && b->rc == RC_OK; i++) {
		if (b->work[i].step == STEP_DONE)
			continue;
		b->at[open] = i;
		b->rc = request_make(
		    &requests[open++], &b->work[i], b->store, b->err);
	}
	if (open > 0 && b->rc == RC_OK)
		http_run(b->store->http, requests, open, STORE_AT_ONCE, -1,
		    on_answer, b);
	return open;
}

static enum rc
all_run(struct store *s, struct store_put *put, size_t n, bool only_looks,
    struct err *e)
{
	struct batch *b = calloc(1, sizeof(*b));
	enum rc rc;
	size_t i;

	CHECK(n <= STORE_AT_ONCE);
	if (b == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	b->store = s;
	b->err = e;
	for (i = 0; i < n; i++) {
		put[i].exists = false;
		buf_init(&put[i].there, 0);
		b->work[i].put = &put[i];
		b->work[i].only_looks = only_looks;
		b->work[i].step = only_looks || s->kind->condition == NULL
		    ? STEP_LOOK
		    : STEP_PUT;
	}
	while (round_run(b, n) > 0 && b->rc == RC_OK)
		if (b->failed)
			wait_before(b);
	rc = b->rc;
	free(b);
	return rc;
}

enum rc
store_create(struct store *s, struct store_put *put, size_t n, struct err *e)
{
	return all_run(s, put, n, false, e);
}

enum rc
store_look(struct store *s, struct store_put *put, size_t n, struct err *e)
{
	return all_run(s, put, n, true, e);
}
