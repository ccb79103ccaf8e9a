#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/transfer.h"

/* A part of u as text that curl_free frees, or NULL. */
static char *
part(CURLU *u, CURLUPart what)
{
	char *text = NULL;

	if (curl_url_get(u, what, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
		return NULL;
	return text;
}

static bool
same_part(CURLU *a, CURLU *b, CURLUPart what)
{
	char *x = part(a, what), *y = part(b, what);
	bool same = x != NULL && y != NULL && strcasecmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return same;
}

static enum http_error
no_memory(const char **why)
{
	*why = "no memory";
	return HTTP_ERROR_LOCAL;
}

static enum http_error
refuse(const char **why, const char *text)
{
	*why = text;
	return HTTP_ERROR_URL;
}

static enum http_error
explain(CURLUcode code, const char **why)
{
	switch (code) {
	case CURLUE_OUT_OF_MEMORY:
		return no_memory(why);
	case CURLUE_USER_NOT_ALLOWED:
		return refuse(why, "a user or password in it");
	case CURLUE_UNSUPPORTED_SCHEME:
		return refuse(why, "another scheme");
	default:
		return refuse(why, "malformed");
	}
}

static enum http_error
scheme_check(CURLU *u, const char **why)
{
	char *scheme = part(u, CURLUPART_SCHEME);
	bool web;

	if (scheme == NULL)
		return no_memory(why);
	web = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
	curl_free(scheme);
	return web ? HTTP_ERROR_NONE : refuse(why, "another scheme");
}

enum http_error
url_read(CURLU **u, const char *text, const char **why)
{
	CURLUcode code;

	*why = "";
	if (*u == NULL)
		*u = curl_url();
	if (*u == NULL)
		return no_memory(why);
	/* libcurl would take control characters that it can encode. */
	if (strpbrk(text, "\r\n\t") != NULL)
		return refuse(why, "malformed");
	code = curl_url_set(*u, CURLUPART_URL, text,
	    CURLU_DISALLOW_USER | CURLU_URLENCODE | CURLU_ALLOW_SPACE);
	if (code != CURLUE_OK)
		return explain(code, why);
	return scheme_check(*u, why);
}

enum http_error
url_text(char out[static URL_MAX + 1], CURLU *u, const char **why)
{
	char *text = NULL;
	bool fits;

	out[0] = '\0';
	*why = "";
	if (curl_url_get(u, CURLUPART_URL, &text, 0) != CURLUE_OK)
		return no_memory(why);
	fits = strlen(text) <= URL_MAX;
	if (fits)
		(void)snprintf(out, URL_MAX + 1, "%s", text);
	curl_free(text);
	return fits ? HTTP_ERROR_NONE : refuse(why, "too long");
}

bool
url_same_origin(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) &&
	    same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT);
}

enum rc
http_url_check(const char *url, struct err *e)
{
	char text[URL_MAX + 1];
	CURLU *u = NULL;
	const char *why;
	enum http_error error;

	error = url_read(&u, url, &why);
	if (error == HTTP_ERROR_NONE)
		error = url_text(text, u, &why);
	curl_url_cleanup(u);
	if (error == HTTP_ERROR_NONE)
		return RC_OK;
	if (error == HTTP_ERROR_LOCAL)
		return err_set(e, RC_NO_MEMORY, "URL: %s", why);
	return err_set(e, RC_INVALID, "not an http or https URL: %s", why);
}

/* A name or address that never leaves this machine. */
static bool
host_is_local(char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	size_t len = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (len < 2 || host[0] != '[' || host[len - 1] != ']')
		return false;
	host[len - 1] = '\0';
	return inet_pton(AF_INET6, host + 1, &v6) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&v6);
}

enum rc
http_url_check_private(const char *url, struct err *e)
{
	char *scheme, *host;
	CURLU *u = NULL;
	const char *why;
	bool fine;
	enum rc rc;

	rc = http_url_check(url, e);
	if (rc != RC_OK)
		return rc;
	if (url_read(&u, url, &why) != HTTP_ERROR_NONE)
		return err_set(e, RC_NO_MEMORY, "URL: %s", why);
	scheme = part(u, CURLUPART_SCHEME);
	host = part(u, CURLUPART_HOST);
	fine = scheme != NULL && host != NULL &&
	    (strcmp(scheme, "https") == 0 || host_is_local(host));
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	if (fine)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "http to another machine, where anybody on the way can read and "
	    "answer: use https");
}

void
http_url_origin(char *out, size_t size, const char *url)
{
	size_t scheme = strcspn(url, ":"), host;

	out[0] = '\0';
	if (strncmp(url + scheme, "://", 3) != 0)
		return;
	host = strcspn(url + scheme + 3, "/?#@ \\");
	(void)snprintf(out, size, "%.*s", (int)(scheme + 3 + host), url);
}

size_t
http_urls_next(const char **list, const char **url)
{
	static const char separators[] = " \t\r\n,";
	size_t len;

	*url = *list + strspn(*list, separators);
	len = strcspn(*url, separators);
	*list = *url + len;
	return len;
}

enum rc
http_urls_check_private(const char *list, const char *what, struct err *e)
{
	char text[URL_MAX + 1];
	const char *url;
	size_t len, n = 0;
	enum rc rc;

	while ((len = http_urls_next(&list, &url)) > 0) {
		n++;
		if (len > URL_MAX)
			return err_set(e, RC_INVALID,
			    "%s: number %zu: more than %d bytes", what, n,
			    URL_MAX);
		(void)snprintf(text, sizeof(text), "%.*s", (int)len, url);
		rc = http_url_check_private(text, e);
		if (rc != RC_OK)
			return err_prefix(e, "%s: number %zu", what, n);
	}
	return n > 0 ? RC_OK : err_set(e, RC_INVALID, "%s: not set", what);
}
