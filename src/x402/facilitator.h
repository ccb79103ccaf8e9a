/*
 * The x402 facilitator: POST {base}/settle and GET {base}/supported over
 * src/http. TLS is verified, no redirect is ever followed, every POST has a
 * connection of its own (libcurl repeats a POST by itself on a kept one that
 * died), nothing is sent twice, and the proxy is that of the environment
 * (https_proxy and so on). With a CDP key each request carries a fresh token.
 *
 * What comes back is never proof of failure: see answer.h.
 *
 * A facilitator stays in one thread.
 */
#ifndef WORKNET_X402_FACILITATOR_H
#define WORKNET_X402_FACILITATOR_H

#include "http/http.h"
#include "keys/cdp.h"
#include "x402/answer.h"
#include "x402/x402.h"

#define SETTLE_TIMEOUT_MS  200000      /* facilitators hold up to 180 s */
#define SETTLE_BODY_MAX	   (64 * 1024) /* bytes of an answer */
#define SETTLE_TEXT_MAX	   2048	       /* bytes of it that are kept */
#define SETTLE_AT_ONCE_MAX 64

#define FACILITATOR_NAME_MAX 150 /* bytes of text without the NUL */

struct facilitator_options {
	const char *base_url; /* slashes at its end are cut */
	const struct network *network;
	const struct cdp_key *cdp_key; /* NULL: no token */
	int64_t timeout_ms;	       /* 0: SETTLE_TIMEOUT_MS */
};

struct facilitator;

/*
 * Makes *out (facilitator_free); network and cdp_key are borrowed until then.
 * RC_INVALID for a URL that can't be requested, RC_NO_MEMORY, RC_IO.
 */
MUST_CHECK enum rc facilitator_new(struct facilitator **out,
    const struct facilitator_options *options, struct err *e);
void facilitator_free(struct facilitator *f);

/* Its scheme, host and port: a path may hold a key. */
const char *facilitator_name(const struct facilitator *f);

/* How many requests it was sent. */
int64_t facilitator_requests(const struct facilitator *f);

/* ---- POST /settle ---- */

struct settle_request {
	/* The stored bytes, sent as such; borrowed until its answer. */
	struct slice body;
	bool repost; /* they were posted before */
};

struct settle_answer {
	struct x402_answer x402; /* x402.class: what to do next */
	/*
	 * False: not a byte of the body left us, so this POST can't have
	 * paid anything (an earlier one can).
	 */
	bool sent;
	int status;	       /* 0: no answer came */
	int64_t retry_after_s; /* 0: not said */
	int64_t elapsed_ms;
	/* The beginning of the body, as text_clean leaves it. */
	char text[SETTLE_TEXT_MAX + 1];
	char error[HTTP_ERROR_TEXT_MAX + 1]; /* or "" */
};

/*
 * Starts posting a body while others may be on their way, at most
 * SETTLE_AT_ONCE_MAX in all; tag comes back with the answer. It goes on
 * whenever facilitator_wait is called. Send nothing during a pause.
 */
void facilitator_send(
    struct facilitator *f, size_t tag, const struct settle_request *request);

/*
 * The next answer, in the order in which they come; valid until the next
 * call. NULL after timeout_ms without any, or when wake_fd (-1: none), which
 * is left unread, is readable before.
 */
const struct settle_answer *facilitator_wait(
    struct facilitator *f, int64_t timeout_ms, int wake_fd, size_t *tag);

/* How many were sent whose answer isn't taken yet. */
size_t facilitator_in_flight(const struct facilitator *f);

/*
 * Gives up what is on its way: its answers never come. Nothing can be sent
 * afterwards.
 */
void facilitator_abandon(struct facilitator *f);

/*
 * How long it still wants to be left alone, in milliseconds, at most a day:
 * after a 429, or a 503 that says when to come back, as long as Retry-After
 * says (1 s when it doesn't say).
 */
int64_t facilitator_pause_ms(const struct facilitator *f);

/* ---- GET /supported ---- */

struct facilitator_kinds {
	bool v1; /* takes "exact" on our network in x402 version 1 */
	bool v2;
};

/*
 * Asks what the facilitator takes; a readable stop_fd (-1: none) ends it.
 * RC_IO when nothing comes back; RC_INVALID when the answer isn't 200 and
 * such a list: then /settle may work all the same. The message has the
 * answer's beginning.
 */
MUST_CHECK enum rc facilitator_supported(struct facilitator *f, int stop_fd,
    struct facilitator_kinds *out, struct err *e);

#endif
