/*
 * The two requests of protocol.md to the coordinator, what its owner asks it,
 * and whether it can be reached at all. One thread.
 */
#ifndef WORKNET_WORK_COORDINATOR_H
#define WORKNET_WORK_COORDINATOR_H

#include "http/http.h"
#include "work/answer.h"
#include "work/task.h"
#include "json/json.h"

struct coordinator {
	struct buf base;	/* owned; without a slash at its end */
	struct buf tasks_url;	/* owned */
	struct buf results_url; /* owned */
	int64_t quiet_until_ms; /* monotonic; Retry-After */
};

/*
 * From the API's base URL, a worker's address and its region ("": none).
 * RC_INVALID for a base that isn't http(s), or has a query or fragment.
 * RC_NO_MEMORY. coordinator_free in any case.
 */
MUST_CHECK enum rc coordinator_init(struct coordinator *c, const char *base,
    const char *address, const char *region, struct err *e);
void coordinator_free(struct coordinator *c);

/* True while it has asked to be left alone: make no request then. */
bool coordinator_is_quiet(const struct coordinator *c, int64_t now_ms);

/*
 * Polls for tasks; now_ms is monotonic. A poll that a kept connection brought
 * not a byte for is made once more, on a new one. RC_BUSY for a 429 or 503,
 * RC_CONFLICT when stop_fd became readable, RC_IO for any other failure,
 * RC_NO_MEMORY.
 */
MUST_CHECK enum rc
coordinator_poll(struct coordinator *c, struct http_client *http,
    struct task_list *out, int64_t now_ms, int stop_fd, struct err *e);

/*
 * The request that submits body, of outbox.h, which is borrowed as is c.
 */
struct http_request
coordinator_post(const struct coordinator *c, struct slice body);

/*
 * Reads r, the response to it with n results, which came at now_ms
 * (monotonic), and counts the answer in t.
 * RC_OK: each of them was answered for. RC_INVALID: the same bytes would be
 * refused again (400, 413). RC_BUSY for a 429 or 503, RC_IO when what became
 * of them isn't known: send the same bytes again later. RC_NO_MEMORY.
 */
MUST_CHECK enum rc coordinator_answered(struct coordinator *c, struct tally *t,
    const struct http_response *r, size_t n, int64_t now_ms, struct err *e);

/*
 * Asks for what is at path, behind the base: with a body by POST. *out is the
 * answer's JSON (json_free). RC_NOT_FOUND for a 404, RC_INVALID for a 400 or
 * 403, whose message has the coordinator's words; else as coordinator_poll.
 */
MUST_CHECK enum rc
coordinator_ask(struct coordinator *c, struct http_client *http,
    const char *path, struct slice body, struct json **out, struct err *e);

/*
 * The request that goes no further than a connection, made as those of checks
 * are: its name resolved anew, without a proxy.
 */
struct http_request coordinator_probe(const struct coordinator *c);

#endif
