/*
 * One request on its way, hop by hop: libcurl's options and callbacks for
 * one request, and the redirects, which libcurl is not left to follow, since
 * it can't stop at a final header or keep to one host. Private to src/http.
 */
#ifndef WORKNET_HTTP_FETCH_H
#define WORKNET_HTTP_FETCH_H

#include <curl/curl.h>

#include "http/http.h"

struct fetch {
	struct fetch *next; /* in one of the client's lists */
	const struct http_request *request;
	size_t index;
	CURL *easy;		    /* owned, or NULL */
	CURLU *url;		    /* owned, or NULL; of this hop */
	struct curl_slist *headers; /* owned */
	int64_t started_ms;	    /* monotonic */
	bool clock_runs;	    /* the name's look-up has begun */
	int64_t away_ms;	    /* the client's when this began */
	unsigned hops;		    /* redirects followed */
	struct http_response response;

	/* Of this hop. */
	size_t header_bytes;
	size_t body_sent; /* bytes of a PUT */
	bool header_done; /* the final one */
	bool cut;	  /* we ended it, all is well */
	bool too_large;
	bool address_refused;
	bool address_inside; /* refused, but public */
	bool address_allowed;
	bool has_route; /* to one of those allowed */
	bool out_of_sockets;
	bool location_too_long;
	char detail[CURL_ERROR_SIZE];
};

/*
 * Prepares t->easy for the first hop; true: it is to be run. False: t is
 * finished with an error in its response. t is all zero before.
 */
MUST_CHECK bool
fetch_start(struct fetch *t, const struct http_request *request, size_t index);

/*
 * Takes libcurl's verdict on the hop; the easy handle is in no multi handle
 * any more. away_ms is how long the client hasn't looked in all: a timeout
 * of which that was more than a quarter is our own. True: another hop is to
 * be run. False: t is finished.
 */
MUST_CHECK bool fetch_next(struct fetch *t, CURLcode code, int64_t away_ms);

/* Ends t with this error wherever it is. */
void fetch_fail(struct fetch *t, enum http_error error, const char *detail);

/* Frees what t owns, but not t. */
void fetch_end(struct fetch *t);

/*
 * Whom every connection trusts: the system's bundle, by which libcurl keeps
 * what it has read of it for all connections of a multi handle (it wouldn't
 * with a directory of certificates beside it). False: no memory.
 */
MUST_CHECK bool fetch_trust(CURL *easy);

/* What http_warm promises, in which nothing else runs (warm.c). */
void fetch_warm(CURLM *multi);

#endif
