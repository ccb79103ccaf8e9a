#include "work/coordinator.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "work/pace.h"
#include "work/worker.h"

/* RFC 3986, section 2.3: what needs no escape. */
static bool
is_unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	    c == '~';
}

static void
add_encoded(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		if (is_unreserved(*text))
			buf_add(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

static enum rc
base_check(const char *base, struct err *e)
{
	enum rc rc;

	if (base[0] == '\0')
		return err_set(
		    e, RC_INVALID, "no URL of a coordinator is given");
	rc = http_url_check(base, e);
	if (rc == RC_OK && strpbrk(base, "?#") != NULL)
		rc = err_set(e, RC_INVALID,
		    "got a query or fragment, expected a base URL such as https://HOST/api");
	return rc == RC_OK ? RC_OK : err_prefix(e, "coordinator");
}

enum rc
coordinator_init(struct coordinator *c, const char *base, const char *address,
    const char *region, struct err *e)
{
	struct err cause = ERR_INIT;
	size_t len = strlen(base);
	enum rc rc;

	memset(c, 0, sizeof(*c));
	buf_init(&c->base, URL_MAX);
	buf_init(&c->tasks_url, URL_MAX);
	buf_init(&c->results_url, URL_MAX);
	rc = base_check(base, &cause);
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	while (len > 0 && base[len - 1] == '/')
		len--;
	buf_add(&c->base, base, len);
	buf_add(&c->tasks_url, base, len);
	buf_add_text(&c->tasks_url, "/v1/worker/tasks?address=");
	buf_add_text(&c->tasks_url, address);
	if (region[0] != '\0') {
		buf_add_text(&c->tasks_url, "&region=");
		add_encoded(&c->tasks_url, region);
	}
	buf_add(&c->results_url, base, len);
	buf_add_text(&c->results_url, "/v1/worker/results");
	rc = buf_status(&c->tasks_url, e);
	return rc == RC_OK ? buf_status(&c->results_url, e) : rc;
}

void
coordinator_free(struct coordinator *c)
{
	buf_free(&c->base);
	buf_free(&c->tasks_url);
	buf_free(&c->results_url);
}

bool
coordinator_is_quiet(const struct coordinator *c, int64_t now_ms)
{
	return now_ms < c->quiet_until_ms;
}

/* A redirect isn't followed: the user should see where results go. */
static enum rc
redirected(const struct http_response *r, struct err *e)
{
	const char *p = r->location;

	while (*p >= 0x20 && *p <= 0x7e)
		p++;
	return err_set(e, RC_IO,
	    "got status %d, a redirect to %.200s; configure where it leads as the coordinator",
	    r->status, *p == '\0' ? r->location : "somewhere unprintable");
}

/* The one kind of answer that both requests have in common: a failure. */
static enum rc
failure(struct coordinator *c, const struct http_response *r, int64_t now_ms,
    struct err *e)
{
	char text[REASON_MAX + 1];

	if (r->error == HTTP_ERROR_STOPPED)
		return err_set(e, RC_CONFLICT, "stopped");
	if (r->error != HTTP_ERROR_NONE)
		return err_set(e, RC_IO, "%s", r->error_text);
	if (r->location[0] != '\0')
		return redirected(r, e);
	answer_error(text, (struct slice){ r->body.p, r->body.len });
	if (r->status == 429 || r->status == 503) {
		c->quiet_until_ms =
		    pace_quiet_until_ms(r->retry_after_s, now_ms);
		return err_set(e, RC_BUSY,
		    "got status %d (%s), Retry-After %" PRId64 " s", r->status,
		    text, r->retry_after_s);
	}
	return err_set(e,
	    r->status == 400 || r->status == 413 ? RC_INVALID : RC_IO,
	    "got status %d (%s), expected 200", r->status, text);
}

/* Both also have this. */
static const struct http_request request_default = {
	.user_agent = "worknet-worker/" PACKAGE_VERSION,
	.body_mode = HTTP_BODY_KEEP,
	.body_max = RESPONSE_MAX,
	.target = target_is_any, /* it is the user's own choice */
	.proxy_from_env = true,
};

enum rc
coordinator_poll(struct coordinator *c, struct http_client *http,
    struct task_list *out, int64_t now_ms, int stop_fd, struct err *e)
{
	struct http_request request = request_default;
	struct http_response r;
	enum rc rc;

	memset(out, 0, sizeof(*out));
	request.url = c->tasks_url.p;
	request.timeout_ms = POLL_TIMEOUT_MS;
	http_one(http, &r, &request, stop_fd);
	/* A proxy may have forgotten the connection without a word. */
	if (r.unheard && r.error != HTTP_ERROR_STOPPED) {
		http_response_free(&r);
		request.fresh = true;
		http_one(http, &r, &request, stop_fd);
	}
	if (r.error != HTTP_ERROR_NONE || r.status != 200)
		rc = failure(c, &r, now_ms + r.elapsed_ms, e);
	else
		rc =
		    tasks_parse(out, (struct slice){ r.body.p, r.body.len }, e);
	if (rc == RC_INVALID) /* by the coordinator's fault or ours */
		rc = RC_IO;
	http_response_free(&r);
	return rc;
}

struct http_request
coordinator_post(const struct coordinator *c, struct slice body)
{
	static const char *const headers[] = { "Content-Type: application/json",
		NULL };
	struct http_request request = request_default;

	request.method = HTTP_POST;
	request.url = c->results_url.p;
	request.headers = headers;
	request.body = body;
	request.timeout_ms = SUBMIT_TIMEOUT_MS;
	return request;
}

enum rc
coordinator_answered(struct coordinator *c, struct tally *t,
    const struct http_response *r, size_t n, int64_t now_ms, struct err *e)
{
	enum rc rc;

	if (r->error != HTTP_ERROR_NONE || r->status != 200)
		return failure(c, r, now_ms, e);
	rc = answer_read(t, (struct slice){ r->body.p, r->body.len }, n, e);
	return rc == RC_INVALID ? RC_IO : rc; /* not the coordinator's */
}

enum rc
coordinator_ask(struct coordinator *c, struct http_client *http,
    const char *path, struct slice body, struct json **out, struct err *e)
{
	char url[URL_MAX + 200], text[REASON_MAX + 1];
	struct http_request request = coordinator_post(c, body);
	struct http_response r;
	enum rc rc;

	*out = NULL;
	(void)snprintf(url, sizeof(url), "%s%s", c->base.p, path);
	if (body.len == 0) {
		request = request_default;
		request.timeout_ms = SUBMIT_TIMEOUT_MS;
	}
	request.url = url;
	http_one(http, &r, &request, -1);
	if (r.error == HTTP_ERROR_NONE && r.status == 200) {
		rc = json_read(out, (struct slice){ r.body.p, r.body.len }, e);
	} else if (r.error == HTTP_ERROR_NONE &&
	    (r.status == 400 || r.status == 403 || r.status == 404)) {
		answer_error(text, (struct slice){ r.body.p, r.body.len });
		rc = err_set(e, r.status == 404 ? RC_NOT_FOUND : RC_INVALID,
		    "the coordinator says: %s", text);
	} else {
		rc = failure(c, &r, 0, e);
	}
	http_response_free(&r);
	return rc;
}

struct http_request
coordinator_probe(const struct coordinator *c)
{
	return (struct http_request){
		.url = c->results_url.p,
		.timeout_ms = PROBE_TIMEOUT_MS,
		.target = target_is_any,
		.fresh = true,
		.connect_only = true,
	};
}
