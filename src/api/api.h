/*
 * The HTTP contract with workers: a request goes in, a response comes out.
 * Knows nothing of FastCGI; see serve/.
 */
#ifndef WORKNET_API_API_H
#define WORKNET_API_API_H

#include "base/buf.h"
#include "ledger/credit.h"
#include "ledger/schedule.h"
#include "ledger/writer.h"

/* What all threads share. */
struct api;

struct api_config {
	const char *ledger_path;
	int64_t busy_timeout_ms;
	struct schedule_rules schedule;
	struct credit_rules credit;
	const char *prefix; /* "/api": passed on by nginx */
};

/*
 * Opens the ledger and starts its writer. The strings in config must
 * outlive *out, which is freed with api_free after every thread is.
 */
MUST_CHECK enum rc
api_new(struct api **out, const struct api_config *config, struct err *e);
void api_free(struct api *a);

/* What one thread needs to serve requests. */
struct api_thread;
MUST_CHECK enum rc
api_thread_new(struct api_thread **out, struct api *a, struct err *e);
void api_thread_free(struct api_thread *t);

struct api_request {
	struct slice method;
	struct slice path;	  /* with or without the prefix */
	struct slice query;	  /* without the '?', still encoded */
	struct slice remote_addr; /* the client's address, as text */
	struct slice body;
	bool too_large; /* the body is over BODY_MAX */
};

struct api_response {
	int status;
	const char *allow; /* of a 405, else NULL */
	int retry_after_s; /* of a 503, else 0 */
	struct buf *body;  /* JSON; the thread's, valid until
					 * its next request */
};

/*
 * Answers one request; always with a complete response. Credits and
 * assignments in it are on disk. now_ms is the coordinator's clock.
 */
void api_handle(struct api_thread *t, const struct api_request *rq,
    int64_t now_ms, struct api_response *rs);

/* Answers 503 to a request that there is no time for, without a look at it. */
void api_refuse(struct api_thread *t, struct api_response *rs);

#endif
