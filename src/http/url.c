#include "http/url.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define HOST_MAX 1024 /* bytes looked at; a name has 255 at most */

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t utf8; /* written once, under locale_once; 0: there is none */

static void
locale_init(void)
{
	utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

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
reason_of(CURLUcode code)
{
	switch (code) {
	case CURLUE_OK:
		return HTTP_ERROR_NONE;
	case CURLUE_OUT_OF_MEMORY:
		return HTTP_ERROR_LOCAL;
	case CURLUE_USER_NOT_ALLOWED:
		return HTTP_ERROR_USER;
	case CURLUE_UNSUPPORTED_SCHEME:
		return HTTP_ERROR_SCHEME;
	case CURLUE_BAD_PORT_NUMBER:
		return HTTP_ERROR_PORT;
	default:
		return HTTP_ERROR_URL;
	}
}

static enum http_error
scheme_check(CURLU *u)
{
	char *scheme = part(u, CURLUPART_SCHEME);
	bool web;

	if (scheme == NULL)
		return HTTP_ERROR_LOCAL;
	web = strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0;
	curl_free(scheme);
	return web ? HTTP_ERROR_NONE : HTTP_ERROR_SCHEME;
}

enum http_error
url_read(CURLU **u, const char *text)
{
	size_t len = strcspn(text, "#");
	enum http_error error;
	char *plain;

	if (*u == NULL)
		*u = curl_url();
	if (*u == NULL)
		return HTTP_ERROR_LOCAL;
	if (len > HTTP_URL_MAX)
		return HTTP_ERROR_URL_LENGTH;
	plain = strndup(text, len);
	if (plain == NULL)
		return HTTP_ERROR_LOCAL;
	/* libcurl would take control characters that it can encode. */
	error = strpbrk(plain, "\r\n\t") != NULL
	    ? HTTP_ERROR_URL
	    : reason_of(curl_url_set(*u, CURLUPART_URL, plain,
		  CURLU_DISALLOW_USER | CURLU_URLENCODE | CURLU_ALLOW_SPACE));
	free(plain);
	return error == HTTP_ERROR_NONE ? scheme_check(*u) : error;
}

/*
 * libcurl reads a host name in the thread's locale, and has one code for a
 * name that can't be and for no memory: there is memory when the same text
 * can be had unconverted.
 */
static enum http_error
ascii_get(char **text, CURLU *u)
{
	locale_t before;
	CURLUcode code;

	CHECK(pthread_once(&locale_once, locale_init) == 0);
	before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
	code = curl_url_get(u, CURLUPART_URL, text, CURLU_PUNYCODE);
	if (before != (locale_t)0)
		(void)uselocale(before);
	if (code == CURLUE_OK)
		return HTTP_ERROR_NONE;
	if (before == (locale_t)0 ||
	    curl_url_get(u, CURLUPART_URL, text, 0) != CURLUE_OK)
		return HTTP_ERROR_LOCAL;
	curl_free(*text);
	*text = NULL;
	return HTTP_ERROR_URL;
}

enum http_error
url_text(char out[static HTTP_URL_MAX + 1], CURLU *u)
{
	char *text = NULL;
	enum http_error error;

	out[0] = '\0';
	error = ascii_get(&text, u);
	if (error == HTTP_ERROR_NONE && strlen(text) > HTTP_URL_MAX)
		error = HTTP_ERROR_URL_LENGTH;
	if (error == HTTP_ERROR_NONE)
		(void)snprintf(out, HTTP_URL_MAX + 1, "%s", text);
	curl_free(text);
	return error;
}

bool
url_same_origin(CURLU *a, CURLU *b)
{
	return same_part(a, b, CURLUPART_SCHEME) &&
	    same_part(a, b, CURLUPART_HOST) && same_part(a, b, CURLUPART_PORT);
}

/* ---- Hosts ---- */

/* RFC 6761, section 6.3: localhost and what ends in it; a dot may follow. */
static bool
is_localhost(const char *host)
{
	static const char name[] = "localhost";
	size_t len = strlen(host), n = sizeof(name) - 1;

	if (len > 0 && host[len - 1] == '.')
		len--;
	return len >= n && strncasecmp(host + len - n, name, n) == 0 &&
	    (len == n || host[len - n - 1] == '.');
}

/* Reads an address, which libcurl has written in its usual form. */
static bool
address_read(struct sockaddr_storage *out, const char *host)
{
	struct sockaddr_in *sin = (void *)out;
	struct sockaddr_in6 *sin6 = (void *)out;
	char text[HOST_MAX + 1];
	size_t len;

	memset(out, 0, sizeof(*out));
	(void)snprintf(text, sizeof(text), "%s", host + (host[0] == '['));
	len = strlen(text);
	if (len > 0 && (text[len - 1] == ']' || text[len - 1] == '.'))
		text[len - 1] = '\0';
	if (inet_pton(AF_INET, text, &sin->sin_addr) == 1) {
		sin->sin_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, text, &sin6->sin6_addr) != 1)
		return false;
	sin6->sin6_family = AF_INET6;
	return true;
}

bool
url_is_name(CURLU *u)
{
	struct sockaddr_storage address;
	char *host = part(u, CURLUPART_HOST);
	bool is_name;

	is_name = host != NULL && !is_localhost(host) &&
	    !address_read(&address, host);
	curl_free(host);
	return is_name;
}

/* True unless u's host says by itself that target refuses it. */
static bool
host_may_be(CURLU *u, target_fn *target)
{
	struct sockaddr_storage address;
	char *host = part(u, CURLUPART_HOST);
	bool may_be = true;

	if (host == NULL)
		return true;
	if (is_localhost(host))
		(void)address_read(&address, "127.0.0.1");
	if (is_localhost(host) || address_read(&address, host))
		may_be = target((void *)&address, sizeof(address));
	curl_free(host);
	return may_be;
}

static enum http_error
url_judge(char out[static HTTP_URL_MAX + 1], const char *url, target_fn *target)
{
	CURLU *u = NULL;
	enum http_error error;

	error = url_read(&u, url);
	if (error == HTTP_ERROR_NONE)
		error = url_text(out, u);
	if (error == HTTP_ERROR_NONE && !host_may_be(u, target))
		error = HTTP_ERROR_ADDRESS;
	curl_url_cleanup(u);
	return error;
}

enum rc
http_url_ascii(char out[static HTTP_URL_MAX + 1], const char *url,
    target_fn *target, struct err *e)
{
	enum http_error error = url_judge(out, url, target);

	if (error == HTTP_ERROR_NONE)
		return RC_OK;
	out[0] = '\0';
	if (error == HTTP_ERROR_LOCAL)
		return err_set(e, RC_NO_MEMORY, "URL: no memory");
	return err_set(e, RC_INVALID, "URL %s", http_error_name(error));
}

enum rc
http_url_check(const char *url, struct err *e)
{
	char text[HTTP_URL_MAX + 1];

	return http_url_ascii(text, url, target_is_any, e);
}

/* What never leaves this machine. */
static bool
is_loopback(const struct sockaddr *sa, size_t len)
{
	const struct sockaddr_in *sin = (const void *)sa;
	const struct sockaddr_in6 *sin6 = (const void *)sa;

	(void)len;
	if (sa->sa_family == AF_INET)
		return ntohl(sin->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}

enum rc
http_url_check_private(const char *url, struct err *e)
{
	CURLU *u = NULL;
	char *scheme;
	bool fine;
	enum rc rc;

	rc = http_url_check(url, e);
	if (rc != RC_OK)
		return rc;
	if (url_read(&u, url) != HTTP_ERROR_NONE)
		return err_set(e, RC_NO_MEMORY, "URL: no memory");
	scheme = part(u, CURLUPART_SCHEME);
	fine = scheme != NULL &&
	    (strcmp(scheme, "https") == 0 ||
		(!url_is_name(u) && host_may_be(u, is_loopback)));
	curl_free(scheme);
	curl_url_cleanup(u);
	if (fine)
		return RC_OK;
	return err_set(e, RC_INVALID,
	    "http to another machine, where anybody on the way can read and answer: use https");
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
