/* URLs as this client takes them, by libcurl's parser. Private to src/http. */
#ifndef WORKNET_HTTP_URL_H
#define WORKNET_HTTP_URL_H

#include <curl/curl.h>

#include "http/http.h"

/*
 * Reads an absolute URL, or one relative to *u, into *u, which is made when
 * it is NULL and stays the caller's. A fragment, which nobody is sent, is
 * left out. HTTP_ERROR_NONE when this client would request it; else the
 * reason for refusing it, or HTTP_ERROR_LOCAL: then *u isn't to be used but
 * freed.
 */
MUST_CHECK enum http_error url_read(CURLU **u, const char *text);

/*
 * Writes u's text, ASCII throughout: a name beyond that becomes what DNS has
 * for it (UTS #46), read as UTF-8 in any locale. Results as url_read's.
 */
MUST_CHECK enum http_error
url_text(char out[static HTTP_URL_MAX + 1], CURLU *u);

/* True when a and b have the same scheme, host and port. */
bool url_same_origin(CURLU *a, CURLU *b);

/* True when u's host is a name that DNS is asked for. */
bool url_is_name(CURLU *u);

#endif
