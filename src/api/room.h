/*
 * What the files of this room share: a route (route_*.c) answers the requests
 * of one path, api.c does what all of them need. For them alone.
 *
 * A new route is a file of its own, with a row in routes.c.
 */
#ifndef WORKNET_API_ROOM_H
#define WORKNET_API_ROOM_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "eth/sign.h"
#include "ledger/refusal.h"
#include "json/json.h"

struct route;

/* Rules of requests: older ones stay, for those that began with them. */
struct api_rules_row {
	struct api_rules rules;
	struct api_rules_row *older; /* owned */
};

/* A request's route, or none of them, of which there is room for more; and what
 * it was answered. */
#define COUNT_ROUTES   64
#define COUNT_STATUSES 9

/* What was done since the start. */
struct api_counts {
	atomic_ullong polls;
	atomic_ullong given; /* tasks, to polls */
	atomic_ullong poll_refused;
	atomic_ullong poll_elsewhere; /* than in the region that it declares */
	atomic_ullong outcomes[CLAIM_OUTCOMES]; /* of results */
	atomic_ullong micros;			/* credited */
	atomic_ullong answers[COUNT_ROUTES][COUNT_STATUSES];
};

/* The same, at one moment. */
struct api_tally {
	unsigned long long polls, given, poll_refused, poll_elsewhere, micros;
	unsigned long long outcomes[CLAIM_OUTCOMES];
	unsigned long long answers[COUNT_ROUTES][COUNT_STATUSES];
};
void counts_read(struct api_tally *out, struct api_counts *c);

/* Counts the answer to a request of route, NULL: of none. */
void counts_answer(struct api_counts *c, const struct route *route, int status);

/* Its name in metrics; "" past the last one. */
const char *counts_route(size_t i);
int counts_status(size_t i); /* 0: all others */

struct api {
	struct api_config config;	       /* without its rules */
	_Atomic(struct api_rules_row *) rules; /* owned */
	struct api_counts counts;
	struct api_tally logged; /* the thread's that logs */
	int64_t began_ms;
	struct eth_key join_key; /* of this process, for nonces */
	struct writer *writer;
	struct refusals *refusals; /* that wait to be written */
	atomic_bool gives;	 /* something, to the last poll of the writer */
	atomic_uint refused;	 /* answers of 503 since the last commit */
	atomic_uint reading;	 /* requests of anybody that are worked on */
	atomic_bool overlooking; /* one of the operator's page is */
	pthread_mutex_t activity_lock;
	struct activity activity; /* of some time ago; now_ms 0: none */
};

struct api_thread {
	struct db *db; /* reads */
};

/*
 * A route that reads is for anybody: it never has a job, takes HEAD, may be
 * kept by caches, and no more than READING_MAX requests of such routes are
 * worked on at once, so that threads are left for workers.
 */
#define READING_MAX 2

struct route {
	/* A '*' stands for a segment, which the exchange has as part. */
	const char *path;
	const char *method;
	bool page;	   /* its path isn't behind the prefix */
	int cache_s;	   /* it reads, and its answers are kept so long; 0 */
	size_t state_size; /* of what it keeps while a request waits */
	/* As api_handle; the response is an empty 200. */
	bool (*handle)(struct api_exchange *x, struct db *db,
	    const struct api_request *rq, struct api_response *rs);
	/* After its job, if it may have one: rc and e are the job's. */
	void (*answer)(struct api_exchange *x, struct api_response *rs,
	    enum rc rc, const struct err *e);
};

/* All of them (routes.c); NULL after the last. */
extern const struct route *const api_routes[];

/* Of each text in a request that is logged. */
#define SHOWN_MAX 100

struct api_exchange {
	struct api *api;
	void *owner;
	struct buf body;
	int64_t now_ms;		       /* of the present request */
	const struct api_rules *rules; /* of the present request */
	const struct route *route;
	char asked[3 * SHOWN_MAX + 8]; /* for the log; "": it isn't logged */
	struct slice part; /* of the request's path; as long as it is there */
	struct writer_job job;	      /* of route, which runs this, */
	writer_job_fn *run;	      /* with the exchange as its context, */
	struct refusal_list refusals; /* and writes these */
	void *state;		      /* of route; room for the largest */
};

/* Has fn run on the writer's thread, with x as its context. False. */
bool api_submit(struct api_exchange *x, writer_job_fn *fn);

/* The statement of the worker whose address is the request's part. RC_NOT_FOUND
 * of what is no address, too; errors of db.h. */
MUST_CHECK enum rc part_statement(
    struct api_exchange *x, struct db *db, struct statement *s, struct err *e);

/* Its transfers, before the query's `before`. As above. */
MUST_CHECK enum rc part_transfers(struct api_exchange *x, struct db *db,
    struct slice query, struct statement_page *p, struct err *e);

/* What the network does, of at most half a minute ago. Errors of db.h. */
MUST_CHECK enum rc part_activity(
    struct api_exchange *x, struct db *db, struct activity *out, struct err *e);

/* The task that is the request's part, inside a read transaction: as
 * profile_read. */
MUST_CHECK enum rc part_task(struct api_exchange *x, struct db *db,
    struct profile *p, int64_t days, struct err *e);

/* The value of a query's key; "" without it, or when no task's name is so long.
 * It isn't decoded: what is asked for here is never encoded. */
struct slice query_value(struct slice query, const char *key);

/* A query's `before`: a number from 1 on; INT64_MAX without, or of anything
 * else. */
int64_t query_before(struct slice query);

/* A query's days: 1, 7, 30 or 90; 30 without, or of another number. */
int64_t query_days(struct slice query);

/* The response is a page, whose document follows. */
void respond_page(struct api_response *rs, int status);

/* {"error": message} */
void respond_error(struct api_exchange *x, struct api_response *rs, int status,
    const char *message);

/*
 * 503: the ledger can't take it, and nothing of the request was written. The
 * log tells the first of them, and, once something is committed, that it is
 * over.
 */
void respond_unavailable(
    struct api_exchange *x, struct api_response *rs, const struct err *e);

#endif
