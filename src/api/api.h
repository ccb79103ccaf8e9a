/*
 * The HTTP contract with workers: a request goes in, a response comes out.
 * Knows nothing of FastCGI; see serve/.
 */
#ifndef WORKNET_API_API_H
#define WORKNET_API_API_H

#include "base/buf.h"
#include "base/conf.h"
#include "ledger/credit.h"
#include "ledger/drill.h"
#include "ledger/schedule.h"
#include "ledger/writer.h"
#include "page/page.h"

#define API_ETAG_SIZE 37 /* two quotes, 0x, 32 hex digits and a NUL */

/* What all requests share. */
struct api;

struct locator;

/* What may change while requests are answered. */
struct api_rules {
	struct schedule_rules schedule;
	int ipv4_prefix; /* bits of an address that are its network */
	int ipv6_prefix;
	struct drill_rules drills;
	struct page_site pages;
	struct conf conf; /* for the operator's page */
};

struct api_config {
	const char *ledger_path;
	int64_t busy_timeout_ms;
	const char *prefix; /* "/api": passed on by nginx */
	struct api_rules rules;
	struct locator *locator; /* borrowed; NULL: no databases (locate.h) */
	int landlock; /* what the process is shut in by: its version, */
	int calls;    /* and how many system calls it has left; 0: not */
};

/*
 * Opens the ledger and starts its writer. The strings in config must
 * outlive *out, which is freed with api_free after every exchange is.
 */
MUST_CHECK enum rc
api_new(struct api **out, const struct api_config *config, struct err *e);
void api_free(struct api *a);

/* Requests that arrive from now on follow these rules. RC_NO_MEMORY. */
MUST_CHECK enum rc
api_set_rules(struct api *a, const struct api_rules *rules, struct err *e);

/*
 * Logs in one line what was done since the last time: polls, results paid,
 * refusals by reason; nothing when nothing was. One thread.
 */
void api_log_counts(struct api *a);

/*
 * What a thread needs that handles requests: its own connection to the ledger,
 * which reads. It belongs to that thread alone. Errors of db_open.
 */
struct api_thread;
MUST_CHECK enum rc
api_thread_new(struct api_thread **out, struct api *a, struct err *e);
void api_thread_free(struct api_thread *t);

/*
 * Whether the ledger is still the one that was opened; else the message says
 * what became of it, and nothing can be answered any more: the program ends.
 */
MUST_CHECK enum rc api_check(struct api_thread *t, struct err *e);

/*
 * What one request needs until it is answered; one thread at a time. owner:
 * what api_finished calls it.
 */
struct api_exchange;
MUST_CHECK enum rc api_exchange_new(
    struct api_exchange **out, struct api *a, void *owner, struct err *e);
void api_exchange_free(struct api_exchange *x);

struct api_request {
	struct slice method;
	struct slice path;	    /* with or without the prefix */
	struct slice query;	    /* without the '?', still encoded */
	struct slice remote_addr;   /* the client's address, as text */
	struct slice encoding;	    /* Content-Encoding, "" for none */
	struct slice if_none_match; /* of that header, "" for none */
	struct slice body;
	bool local;	/* the web server says: from this machine's operator */
	bool too_large; /* the body is over BODY_MAX */
	bool cut;	/* the body ended before its declared length */
};

struct api_response {
	int status;
	const char *allow;	  /* of a 405, else NULL */
	int retry_after_s;	  /* of a 503, else 0 */
	int64_t payable_after_ms; /* told to who is given something; -1 */
	const char *type;	  /* of the body */
	int cache_s;		  /* it may be kept so long; 0: not at all */
	const char *policy;	  /* Content-Security-Policy; NULL: none */
	bool head;		  /* the body isn't sent, only its length */
	char etag[API_ETAG_SIZE]; /* "" for none */
	struct buf *body;	  /* the exchange's, valid until its next
			    * request; buf_status tells whether it is whole */
};

/*
 * Answers one request, or begins to. True: the response is complete. False:
 * the request waits for a commit, and needs no thread meanwhile; it comes back
 * by api_finished, perhaps before this returns, and api_answer completes it.
 * Nothing of *rq is needed then. Credits and assignments in a response are on
 * disk. now_ms is the coordinator's clock.
 */
MUST_CHECK bool api_handle(struct api_exchange *x, struct api_thread *t,
    const struct api_request *rq, int64_t now_ms, struct api_response *rs);

/* The owner of a request whose commit is over; NULL: none waits. Any thread. */
void *api_finished(struct api *a);

/* A descriptor, for poll(2) alone: readable while api_finished has one. */
int api_finished_fd(const struct api *a);

/* Answers a request that waited for its commit. */
void api_answer(struct api_exchange *x, struct api_response *rs);

/* Answers 503 to a request that there is no time for, without a look at it. */
void api_refuse(struct api_exchange *x, struct api_response *rs);

#endif
