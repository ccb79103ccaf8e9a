/*
 * One request on its way, hop by hop: libcurl's options and callbacks for
 * one request, and the redirects, which libcurl is not left to follow, since
 * it can't stop at a final header or keep to one host. Private to src/http.
 */
#ifndef WORKNET_HTTP_TRANSFER_H
#define WORKNET_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "http/http.h"

struct transfer {
	struct transfer *next; /* in one of the client's lists */
	const struct http_request *request;
	size_t index;
	CURL *easy;		    /* owned */
	CURLU *url;		    /* owned; of this hop */
	struct curl_slist *headers; /* owned */
	int64_t started_ms;	    /* monotonic */
	unsigned hops;		    /* redirects followed */
	struct http_response response;

	/* Of this hop. */
	size_t header_bytes;
	bool header_done; /* the final one */
	bool cut;	  /* we ended it, all is well */
	bool too_large;
	bool address_refused;
	bool address_allowed;
	bool out_of_sockets;
	bool location_too_long;
	char detail[CURL_ERROR_SIZE];
};

/*
 * Prepares t->easy for the first hop; true: it is to be run. False: t is
 * finished with an error in its response. t is all zero before.
 */
MUST_CHECK bool transfer_start(
    struct transfer *t, const struct http_request *request, size_t index);

/*
 * Takes libcurl's verdict on the hop; the easy handle is in no multi handle
 * any more. True: another hop is to be run. False: t is finished.
 */
MUST_CHECK bool transfer_next(struct transfer *t, CURLcode code);

/* Ends t with this error wherever it is. */
void
transfer_fail(struct transfer *t, enum http_error error, const char *detail);

/* Frees what t owns, but not t. */
void transfer_end(struct transfer *t);

/* ---- URLs (url.c) ---- */

/*
 * Reads an absolute URL, or one relative to *u, into *u, which is made when
 * it is NULL and stays the caller's. HTTP_ERROR_NONE when this client would
 * request it; else HTTP_ERROR_URL or HTTP_ERROR_LOCAL, and why in a fixed
 * text: then *u isn't to be used but freed.
 */
MUST_CHECK enum http_error
url_read(CURLU **u, const char *text, const char **why);

/* Writes u's text, with results as url_read's. */
MUST_CHECK enum http_error
url_text(char out[static URL_MAX + 1], CURLU *u, const char **why);

/* True when a and b have the same scheme, host and port. */
bool url_same_origin(CURLU *a, CURLU *b);

#endif
