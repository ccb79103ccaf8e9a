#include "serve/cgi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct slice
param(const struct cgi_source *src, const char *name)
{
	const char *value = src->param(src->param_ctx, name);

	return slice_of(value == NULL ? "" : value);
}

/* The declared length; -1 when it isn't declared or isn't a number. */
static long long
content_length(const struct cgi_source *src)
{
	const char *text = src->param(src->param_ctx, "CONTENT_LENGTH");
	long long n;
	char *end;

	if (text == NULL || text[0] < '0' || text[0] > '9')
		return -1;
	errno = 0;
	n = strtoll(text, &end, 10);
	/* Too large a number is too large a body. */
	return *end == '\0' ? n : -1;
}

static void
read_body(
    const struct cgi_source *src, struct api_request *rq, struct buf *body)
{
	long long declared = content_length(src);
	char chunk[4096];
	size_t n = 1, want;

	rq->too_large = declared > (long long)body->max;
	while (!rq->too_large && n > 0 &&
	    (declared < 0 || (long long)body->len < declared)) {
		want = sizeof(chunk);
		if (declared >= 0 && (size_t)declared - body->len < want)
			want = (size_t)declared - body->len;
		n = src->read(src->read_ctx, chunk, want);
		buf_add(body, chunk, n);
		rq->too_large = body->failed;
	}
	rq->cut = !rq->too_large && (long long)body->len < declared;
}

void
cgi_read(const struct cgi_source *src, struct api_request *rq, struct buf *body)
{
	struct slice path = param(src, "PATH_INFO");

	/* nginx gives the whole path as SCRIPT_NAME, a CGI server the rest
	 * behind the script's name as PATH_INFO. */
	if (path.len == 0)
		path = param(src, "SCRIPT_NAME");
	*rq = (struct api_request){
		.method = param(src, "REQUEST_METHOD"),
		.path = path,
		.query = param(src, "QUERY_STRING"),
		.remote_addr = param(src, "REMOTE_ADDR"),
		.encoding = param(src, "HTTP_CONTENT_ENCODING"),
		.local = slice_is(param(src, "WORKNET_LOCAL"), "1"),
		.if_none_match = param(src, "HTTP_IF_NONE_MATCH"),
	};
	buf_reset(body);
	if (slice_is(rq->method, "POST"))
		read_body(src, rq, body);
	rq->body = (struct slice){ body->p == NULL ? "" : body->p, body->len };
}

static const char *
reason_phrase(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 304:
		return "Not Modified";
	case 400:
		return "Bad Request";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 503:
		return "Service Unavailable";
	default:
		return "";
	}
}

/* How long it may be kept, and what a reader of pages holds it to. */
static void
cache_write(struct buf *out, const struct api_response *rs)
{
	if (rs->cache_s == 0)
		buf_add_text(out, "Cache-Control: no-store\r\n");
	else
		buf_printf(out,
		    "Cache-Control: public, max-age=%d\r\n"
		    "X-Content-Type-Options: nosniff\r\n",
		    rs->cache_s);
	if (rs->etag[0] != '\0')
		buf_printf(out, "ETag: %s\r\n", rs->etag);
	if (rs->policy != NULL)
		buf_printf(out,
		    "Content-Security-Policy: %s\r\n"
		    "Referrer-Policy: no-referrer\r\n",
		    rs->policy);
}

void
cgi_write(struct buf *out, const struct api_response *rs)
{
	buf_printf(out,
	    "Status: %d %s\r\n"
	    "Content-Type: %s\r\n",
	    rs->status, reason_phrase(rs->status), rs->type);
	if (rs->status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", rs->body->len);
	cache_write(out, rs);
	if (rs->allow != NULL)
		buf_printf(out, "Allow: %s\r\n", rs->allow);
	if (rs->retry_after_s > 0)
		buf_printf(out, "Retry-After: %d\r\n", rs->retry_after_s);
	if (rs->payable_after_ms >= 0)
		buf_printf(out, "Worknet-Payable-After: %" PRId64 "\r\n",
		    (rs->payable_after_ms + 999) / 1000);
	buf_add_text(out, "\r\n");
	if (!rs->head)
		buf_add(out, rs->body->p, rs->body->len);
}
