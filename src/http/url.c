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
