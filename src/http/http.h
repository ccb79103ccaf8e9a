/*
 * An HTTP/1.1 client for many requests at once, over libcurl's multi
 * interface: the only room that uses libcurl.
 *
 * What always holds: only http and https, also after a redirect; no URL with
 * a user or password in it; certificates are verified, TLS 1.2 or newer; no
 * cookies, no .netrc, no compression, no signal handlers. A program that
 * uses this room ignores SIGPIPE.
 *
 * One client per thread; a client and what it calls back stay in the thread
 * that calls its functions.
 */
#ifndef WORKNET_HTTP_HTTP_H
#define WORKNET_HTTP_HTTP_H

#include "base/buf.h"
#include "base/limits.h"
#include "http/target.h"

#define HTTP_ERROR_TEXT_MAX 240	 /* bytes without the NUL */
#define HTTP_URL_MAX	    8192 /* bytes; where sign-ons redirect to is long */
#define HTTP_HEADERS_MAX    65536 /* bytes of one hop's headers */
#define HTTP_TIMEOUT_MAX_MS 600000
#define HTTP_AT_ONCE_MAX    100

enum http_method {
	HTTP_GET,
	HTTP_POST,
	HTTP_PUT,
};

enum http_body {
	HTTP_BODY_KEEP, /* into the response, up to body_max */
	/*
	 * Not wanted: the request is over with the final answer's header,
	 * the connection is closed, and nothing that would follow (an
	 * endless stream, a stall, garbage) delays it or makes it fail.
	 */
	HTTP_BODY_IGNORE,
};

/*
 * Who signs a request, its headers and the hash of its body among them, as AWS
 * (Signature Version 4) or Google (GOOG4-HMAC-SHA256) ask for: libcurl does. It
 * takes a header of the body's hash for granted, a path with no other bytes
 * than A-Z a-z 0-9 . _ - / and what is encoded as %XX, and no query.
 */
struct http_signer {
	const char *scheme; /* "aws:amz:REGION:s3", "goog:goog:auto:storage" */
	const char *id;
	const char *secret;
};

/*
 * A request. All pointers are borrowed until the request is finished; all
 * zero but url and timeout_ms is the most cautious GET there is.
 */
struct http_request {
	enum http_method method;
	const char *url;	/* absolute, http or https */
	const char *user_agent; /* NULL: none is sent */
	/*
	 * "Name: value" without CR or LF, ended by NULL; may be NULL. Not
	 * sent along by a redirect to another origin.
	 */
	const char *const *headers;
	struct slice body;		  /* of a POST or a PUT */
	const struct http_signer *signer; /* NULL: none */
	/* From the start to the end of the answer, all redirects included. */
	int64_t timeout_ms;	    /* 1 to HTTP_TIMEOUT_MAX_MS */
	int64_t connect_timeout_ms; /* per hop; 0: none */
	enum http_body body_mode;
	size_t body_max; /* bytes, for HTTP_BODY_KEEP */
	/*
	 * How many redirects (301, 302, 303, 307, 308) a GET follows. 0: a
	 * redirect is the final answer. Only a GET ever follows one.
	 */
	unsigned redirects_max;
	/*
	 * What may be connected to. NULL: target_is_outside. With anything
	 * but target_is_any each hop makes a connection of its own, and no
	 * proxy is used (it would connect for us).
	 */
	target_fn *target;
	bool proxy_from_env; /* https_proxy etc. */
	/*
	 * Don't use a connection kept from an earlier request: one that the
	 * peer has closed makes libcurl send the request once more.
	 */
	bool fresh;
	/*
	 * It is over, without an error and without a status, when the
	 * connection stands, TLS included: no request is sent.
	 */
	bool connect_only;
};

enum http_error {
	HTTP_ERROR_NONE = 0,
	HTTP_ERROR_URL,	       /* malformed */
	HTTP_ERROR_SCHEME,     /* not http or https */
	HTTP_ERROR_USER,       /* a user or password in it */
	HTTP_ERROR_PORT,       /* above 65535, or no number */
	HTTP_ERROR_URL_LENGTH, /* longer than HTTP_URL_MAX */
	HTTP_ERROR_ADDRESS,    /* target said no to each of its addresses */
	/* The same, though others may well be allowed there: it's public. */
	HTTP_ERROR_INSIDE,
	HTTP_ERROR_DNS, /* the name can't be resolved */
	HTTP_ERROR_CONNECT,
	HTTP_ERROR_TLS,	      /* handshake or certificate */
	HTTP_ERROR_TIMEOUT,   /* at any stage */
	HTTP_ERROR_CLOSED,    /* the connection broke before the end */
	HTTP_ERROR_REDIRECTS, /* too many */
	HTTP_ERROR_TOO_LARGE, /* headers, or body with HTTP_BODY_KEEP */
	HTTP_ERROR_STOPPED,   /* stop_fd became readable */
	/*
	 * Our own side: no memory, descriptor or local port, no route, no
	 * certificates to trust, a firewall of this host; or a timeout that
	 * passed while this process was held up. It says nothing about the
	 * peer.
	 */
	HTTP_ERROR_LOCAL,
	HTTP_ERROR_OTHER, /* not HTTP */
};

/*
 * What came of a request. An answer of any status is no error. With an error
 * status is still set when the final answer's header had arrived, and body
 * holds what came.
 */
struct http_response {
	enum http_error error;
	char error_text[HTTP_ERROR_TEXT_MAX + 1]; /* ASCII; "" */
	int status;	 /* 100 to STATUS_MAX, 0: none came */
	struct buf body; /* NUL-terminated unless empty */
	/*
	 * To the final answer's header, or to the error, from when its name
	 * was looked up or its connection begun, not from http_start.
	 */
	int64_t elapsed_ms;
	char url[HTTP_URL_MAX + 1]; /* of the final answer; ASCII */
	/* Where it redirects when that wasn't followed, as sent; "": no. */
	char location[HTTP_URL_MAX + 1];
	int64_t retry_after_s; /* also from a date; 0: none */
	/*
	 * False: not one byte of the request left us. True: it may have
	 * arrived, whatever error says.
	 */
	bool request_sent;
	bool resolved;	/* DNS knew the name of a hop's host */
	bool unlocated; /* no address of the last hop's host was known yet */
	bool elsewhere; /* the last connection tried leaves this host */
	/* A connection from an earlier request brought not even a line. */
	bool unheard;
};

struct http_client;

/*
 * Makes *out (http_client_free), which keeps connections between requests.
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc http_client_new(struct http_client **out, struct err *e);
/* Closes its connections, also those of what runs. NULL is fine. */
void http_client_free(struct http_client *c);

/*
 * Reads the certificates to trust, unless that was done within a day, so that
 * no request's time has to hold it: some 30 to 100 ms of computing. Nothing
 * of this client may be on its way. Nothing leaves this host.
 */
void http_warm(struct http_client *c);

/*
 * Called once for each request when it is finished, in the order in which
 * they finish. r belongs to the client and ends with the call; r->body may
 * be moved out (buf_init what stays behind). Must not call the client.
 */
typedef void http_done_fn(void *ctx, size_t index, struct http_response *r);

/*
 * Starts a request, which goes on whenever http_wait is called; index comes
 * back with its response. RC_NO_MEMORY: it isn't started, nor reported.
 */
MUST_CHECK enum rc http_start(struct http_client *c,
    const struct http_request *request, size_t index, struct err *e);

/*
 * Carries on what was started, and calls done for what is finished. Returns
 * how many that were: 0 after timeout_ms without any, or when wake_fd (-1:
 * none), which is left unread, is readable before.
 */
size_t http_wait(struct http_client *c, int64_t timeout_ms, int wake_fd,
    http_done_fn *done, void *ctx);

/*
 * Carries out the n requests, at_once (1 to HTTP_AT_ONCE_MAX) at a time,
 * started in their order; returns when done was called for each of them.
 * When stop_fd (-1: none) is readable, it is left unread, and what isn't
 * finished ends with HTTP_ERROR_STOPPED. Nothing else of this client may be
 * on its way meanwhile.
 */
void http_run(struct http_client *c, const struct http_request *requests,
    size_t n, size_t at_once, int stop_fd, http_done_fn *done, void *ctx);

/* One request; *out is always set, and freed with http_response_free. */
void http_one(struct http_client *c, struct http_response *out,
    const struct http_request *request, int stop_fd);
void http_response_free(struct http_response *r);

/* A short fixed text, such as "timeout". Never NULL. */
const char *http_error_name(enum http_error error);

/* Why there is no answer: the error's text, or without one its name. */
const char *http_response_why(const struct http_response *r);

/*
 * RC_OK when url is one that this client would request. RC_INVALID says why
 * not, without repeating the URL; RC_NO_MEMORY.
 */
MUST_CHECK enum rc http_url_check(const char *url, struct err *e);

/*
 * The same, for what nobody on the way may read or answer: https, or http to
 * this machine's own loopback.
 */
MUST_CHECK enum rc http_url_check_private(const char *url, struct err *e);

/*
 * The scheme, host and port of url, as they stand there: what may be shown of
 * a URL whose path may hold a key. "" when it isn't one.
 */
void http_url_origin(char *out, size_t size, const char *url);

/*
 * The next URL of a list that blanks or commas part: *url and its length, 0
 * at the end; *list moves on.
 */
size_t http_urls_next(const char **list, const char **url);

/*
 * http_url_check_private of each; RC_INVALID also for an empty list. Messages
 * begin with what, the list's name.
 */
MUST_CHECK enum rc
http_urls_check_private(const char *list, const char *what, struct err *e);

/*
 * The same, and refuses a host that is an address, in any notation, or
 * localhost, which target wouldn't take. Writes the URL as it is requested:
 * ASCII, without its fragment.
 */
MUST_CHECK enum rc http_url_ascii(char out[static HTTP_URL_MAX + 1],
    const char *url, target_fn *target, struct err *e);

#endif
