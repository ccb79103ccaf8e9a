#include "work/log_copy.h"

#include <stdio.h>
#include <string.h>

#define COPY_MODE	0644
#define COPY_BODY_MAX	(256L * 1024 * 1024)
#define COPY_TIMEOUT_MS 60000

enum rc
log_copy_open(
    struct log_copy *c, const char *url, const char *directory, struct err *e)
{
	enum rc rc;

	memset(c, 0, sizeof(*c));
	c->url = url;
	c->directory = directory;
	rc = http_url_check(url, e);
	return rc == RC_OK ? http_client_new(&c->http, e) : rc;
}

void
log_copy_close(struct log_copy *c)
{
	http_client_free(c->http);
	c->http = NULL;
}

/* What a server's answer says of the file. */
static enum rc
answer_take(const struct log_copy *c, const char *name, const char *url,
    const struct http_response *r, struct err *e)
{
	char path[FILE_PATH_SIZE];

	if (r->error != HTTP_ERROR_NONE)
		return err_set(e, RC_IO, "%s: %s", url, http_response_why(r));
	if (r->status != 200)
		return err_set(e, r->status == 404 ? RC_NOT_FOUND : RC_IO,
		    "%s: got status %d, expected 200", url, r->status);
	(void)snprintf(path, sizeof(path), "%s/%s", c->directory, name);
	return file_put(path, COPY_MODE, r->body.p == NULL ? "" : r->body.p,
	    r->body.len, e);
}

enum rc
log_copy_fetch(void *ctx, const char *name, struct err *e)
{
	struct log_copy *c = ctx;
	const size_t n = strlen(c->url);
	char url[HTTP_URL_MAX + 1];
	struct http_request request = {
		.url = url,
		.user_agent = "worknet-worker/" PACKAGE_VERSION,
		.timeout_ms = COPY_TIMEOUT_MS,
		.body_mode = HTTP_BODY_KEEP,
		.body_max = COPY_BODY_MAX,
		.target = target_is_any, /* it is the user's own choice */
		.proxy_from_env = true,
	};
	struct http_response r;
	enum rc rc;

	(void)snprintf(url, sizeof(url), "%s%s%s", c->url,
	    n > 0 && c->url[n - 1] == '/' ? "" : "/", name);
	http_one(c->http, &r, &request, -1);
	rc = answer_take(c, name, url, &r, e);
	http_response_free(&r);
	return rc;
}

enum rc
log_copy_renew(struct log_copy *c, bool with_policy, struct err *e)
{
	enum rc rc = log_copy_fetch(c, "checkpoint", e);

	return rc == RC_OK && with_policy ? log_copy_fetch(c, "policy", e) : rc;
}
