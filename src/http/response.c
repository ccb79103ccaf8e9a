#include "http/response.h"

#include <stdio.h>

static const char *const error_names[] = {
	[HTTP_ERROR_NONE] = "none",
	[HTTP_ERROR_URL] = "refused: malformed URL",
	[HTTP_ERROR_SCHEME] = "refused: not http or https",
	[HTTP_ERROR_USER] = "refused: a user or password in the URL",
	[HTTP_ERROR_PORT] = "refused: no such port",
	[HTTP_ERROR_URL_LENGTH] = "refused: URL too long",
	[HTTP_ERROR_ADDRESS] = "refused: not a public address",
	[HTTP_ERROR_INSIDE] = "refused: in this host's own network",
	[HTTP_ERROR_DNS] = "name not resolved",
	[HTTP_ERROR_CONNECT] = "connection failed",
	[HTTP_ERROR_TLS] = "tls",
	[HTTP_ERROR_TIMEOUT] = "timeout",
	[HTTP_ERROR_CLOSED] = "connection closed",
	[HTTP_ERROR_REDIRECTS] = "too many redirects",
	[HTTP_ERROR_TOO_LARGE] = "answer too large",
	[HTTP_ERROR_STOPPED] = "stopped",
	[HTTP_ERROR_LOCAL] = "failure on our own side",
	[HTTP_ERROR_OTHER] = "no usable answer",
};

const char *
http_error_name(enum http_error error)
{
	return error_names[error];
}

void
response_fail(
    struct http_response *r, enum http_error error, const char *detail)
{
	char *p;

	r->error = error;
	(void)snprintf(r->error_text, sizeof(r->error_text), "%s%s%s",
	    error_names[error], detail[0] == '\0' ? "" : ": ", detail);
	for (p = r->error_text; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

void
http_response_free(struct http_response *r)
{
	if (r != NULL)
		buf_free(&r->body);
}

const char *
http_response_why(const struct http_response *r)
{
	return r->error_text[0] != '\0' ? r->error_text
					: http_error_name(r->error);
}
