#include "api/api.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/network.h"
#include "api/query.h"
#include "api/results.h"
#include "base/log.h"
#include "base/processors.h"
#include "eth/attest.h"
#include "ledger/readers.h"
#include "json/json.h"

#define RETRY_AFTER_S 5 /* of a 503 */
#define READERS_MORE  2

struct api {
	struct api_config config;
	struct readers *readers;
	struct writer *writer;
	atomic_uint refused; /* 503s since last success */
	atomic_bool gives;   /* something, to the last poll of the writer */
};

struct api_thread {
	struct api *api;
	struct buf body;
	struct result_batch batch;
	struct offer_list offers;
	int64_t now_ms; /* of the present request */
};

typedef void api_route_fn(struct api_thread *t, const struct api_request *rq,
    struct api_response *rs);

/*
 * A request holds one while it computes, not while it waits for a commit: one
 * for each processor, and some for those that wait for the disk.
 */
static size_t
readers_count(void)
{
	return processors_count() + READERS_MORE;
}

enum rc
api_new(struct api **out, const struct api_config *config, struct err *e)
{
	struct api *a;
	enum rc rc;

	*out = NULL;
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	a->config = *config;
	rc = readers_open(&a->readers, config->ledger_path, readers_count(),
	    config->busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = writer_start(&a->writer, config->ledger_path,
		    config->busy_timeout_ms, e);
	if (rc != RC_OK) {
		readers_close(a->readers);
		free(a);
		return rc;
	}
	*out = a;
	return RC_OK;
}

void
api_free(struct api *a)
{
	if (a == NULL)
		return;
	writer_stop(a->writer);
	readers_close(a->readers);
	free(a);
}

enum rc
api_thread_new(struct api_thread **out, struct api *a, struct err *e)
{
	struct api_thread *t;

	*out = NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	t->api = a;
	buf_init(&t->body, RESPONSE_MAX);
	*out = t;
	return RC_OK;
}

void
api_thread_free(struct api_thread *t)
{
	if (t == NULL)
		return;
	buf_free(&t->body);
	free(t);
}

static void
answer_error(struct api_thread *t, struct api_response *rs, int status,
    const char *message)
{
	struct json_writer *w;

	rs->status = status;
	buf_reset(&t->body);
	if (json_writer_new(&w, &t->body, false, NULL) != RC_OK) {
		buf_add_text(&t->body, "{\"error\":\"no memory\"}");
		return;
	}
	json_open_object(w);
	json_key(w, "error");
	json_string(w, message);
	json_close_object(w);
	json_writer_free(w);
}

/* The ledger can't take it: nothing of the request was written. */
static void
answer_unavailable(
    struct api_thread *t, struct api_response *rs, const struct err *e)
{
	if (atomic_fetch_add(&t->api->refused, 1) == 0)
		log_error("answering 503: %s", e->msg);
	rs->retry_after_s = RETRY_AFTER_S;
	answer_error(t, rs, 503, "ledger unavailable, try again later");
}

static void
ledger_works(struct api_thread *t)
{
	unsigned n;

	if (atomic_load(&t->api->refused) == 0)
		return;
	n = atomic_exchange(&t->api->refused, 0);
	if (n > 0)
		log_notice(
		    "the ledger works again, after %u answers of 503", n);
}

/* ---- GET /v1/worker/tasks ---- */

struct give_job {
	const struct schedule_rules *rules;
	const struct poll *poll;
	struct outlook look;
	bool looked;	    /* before, on a reader */
	struct err refusal; /* RC_INVALID: who polls is suspended */
	struct offer_list *offers;
};

static bool
has_work(const struct outlook *look)
{
	return look->in_region || look->anywhere;
}

static enum rc
give_look(struct db *db, struct give_job *job, struct err *e)
{
	enum rc rc;

	job->refusal = (struct err)ERR_INIT;
	rc = schedule_look(db, job->poll, &job->look, &job->refusal);
	/* Not an error: that would undo what others write. */
	if (rc == RC_OK || rc == RC_INVALID)
		return RC_OK;
	return err_set(e, rc, "%s", job->refusal.msg);
}

static enum rc
give_run(struct db *db, void *ctx, struct err *e)
{
	struct give_job *job = ctx;
	enum rc rc = RC_OK;

	job->offers->n = 0;
	if (!job->looked)
		rc = give_look(db, job, e);
	if (rc != RC_OK || !has_work(&job->look))
		return rc;
	return schedule_give(
	    db, job->rules, job->poll, &job->look, job->offers, e);
}

static void
answer_tasks(struct api_thread *t, struct api_response *rs)
{
	const struct offered_task *task;
	struct json_writer *w;
	struct err e = ERR_INIT;
	size_t i;

	if (t->offers.n == 0) {
		buf_add_text(&t->body, "[]");
		return;
	}
	if (json_writer_new(&w, &t->body, false, &e) != RC_OK) {
		answer_unavailable(t, rs, &e);
		return;
	}
	json_open_array(w);
	for (i = 0; i < t->offers.n; i++) {
		task = &t->offers.tasks[i];
		json_open_object(w);
		json_key(w, "id");
		json_string(w, task->name);
		json_key(w, "type");
		json_string(w, "http_check");
		json_key(w, "url");
		json_string(w, task->url);
		json_key(w, "expectedStatus");
		json_number(w, task->expected_status);
		json_key(w, "timeoutMs");
		json_number(w, task->timeout_ms);
		json_key(w, "rewardMicros");
		json_number(w, task->reward_micros);
		if (task->region[0] != '\0') {
			json_key(w, "region");
			json_string(w, task->region);
		}
		json_close_object(w);
	}
	json_close_array(w);
	json_writer_free(w);
}

/* Looks on a reader, which doesn't wait for the writer: most polls end here. */
static enum rc
find_work(struct api *a, struct give_job *job, struct err *e)
{
	struct db *db = readers_borrow(a->readers);
	enum rc rc;

	rc = schedule_look(db, job->poll, &job->look, e);
	if (rc == RC_OK && has_work(&job->look))
		rc = schedule_look_closer(
		    db, job->rules, job->poll, &job->look, e);
	readers_return(a->readers, db);
	return rc;
}

/*
 * While workers are given what is due, the writer looks: its connection has
 * what it has just written, a reader's must read that anew.
 */
static enum rc
give_tasks(struct api *a, struct give_job *job, struct err *e)
{
	enum rc rc = RC_OK;

	job->offers->n = 0;
	job->looked = !atomic_load(&a->gives);
	if (job->looked)
		rc = find_work(a, job, e);
	if (rc != RC_OK || (job->looked && !has_work(&job->look)))
		return rc;
	/* Not before: a look is too short to be waited for. */
	writer_expect(a->writer);
	rc = writer_run(a->writer, give_run, job, e);
	atomic_store(&a->gives, rc == RC_OK && job->offers->n > 0);
	if (rc == RC_OK && job->refusal.rc != RC_OK) {
		*e = job->refusal;
		rc = e->rc;
	}
	return rc;
}

static void
get_tasks(
    struct api_thread *t, const struct api_request *rq, struct api_response *rs)
{
	char network[PREFIX_MAX + 1];
	struct poll_query query;
	struct poll poll;
	struct give_job job = { .rules = &t->api->config.schedule,
		.poll = &poll,
		.refusal = ERR_INIT,
		.offers = &t->offers };
	struct err e = ERR_INIT;
	enum rc rc;

	if (poll_query_parse(&query, rq->query, &e) != RC_OK) {
		answer_error(t, rs, 400, e.msg);
		return;
	}
	network_of(network, rq->remote_addr);
	poll = (struct poll){ query.address, slice_of(query.region),
		slice_of(network), t->now_ms };
	rc = give_tasks(t->api, &job, &e);
	if (rc == RC_INVALID) {
		answer_error(t, rs, 403, e.msg);
		return;
	}
	if (rc != RC_OK) {
		answer_unavailable(t, rs, &e);
		return;
	}
	ledger_works(t);
	answer_tasks(t, rs);
}

/* ---- POST /v1/worker/results ---- */

struct credit_job {
	const struct credit_rules *rules;
	struct result_batch *batch;
	int64_t now_ms;
	enum claim_outcome before[RESULTS_PER_POST_MAX];
};

static enum rc
credit_run(struct db *db, void *ctx, struct err *e)
{
	struct credit_job *job = ctx;
	size_t i;

	/* A second run, after a failed group, starts from the same state. */
	for (i = 0; i < job->batch->n; i++)
		job->batch->claims[i].outcome = job->before[i];
	return credit_record(
	    db, job->rules, job->batch->claims, job->batch->n, job->now_ms, e);
}

/* Refuses what can be refused without the writer; counts what is left. */
static enum rc
check_claims(struct api_thread *t, struct db *db, size_t *open, struct err *e)
{
	const struct credit_rules *rules = &t->api->config.credit;
	struct attestation a;
	struct claim *c;
	enum rc rc = RC_OK;
	size_t i;

	*open = 0;
	for (i = 0; rc == RC_OK && i < t->batch.n; i++) {
		c = &t->batch.claims[i];
		if (c->outcome == CLAIM_OPEN)
			rc = credit_check(
			    db, rules, t->batch.claims, i, t->now_ms, e);
		if (rc != RC_OK || c->outcome != CLAIM_OPEN)
			continue;
		/* The expensive check comes last. */
		a = (struct attestation){ c->task_id, c->worker, c->row.form,
			c->row.timestamp_ms, c->row.success, c->worker_text };
		if (attest_check(&a, c->row.signature, NULL) != RC_OK)
			claim_refuse(c, CLAIM_BAD_SIGNATURE);
		else
			++*open;
	}
	return rc;
}

static enum rc
settle_claims(struct api_thread *t, struct err *e)
{
	struct credit_job job = { .rules = &t->api->config.credit,
		.batch = &t->batch,
		.now_ms = t->now_ms };
	size_t i, open = 0;
	struct db *db;
	enum rc rc;

	writer_expect(t->api->writer);
	db = readers_borrow(t->api->readers);
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = check_claims(t, db, &open, e);
	db_rollback(db);
	readers_return(t->api->readers, db);
	if (rc != RC_OK || open == 0) {
		writer_expect_none(t->api->writer);
		return rc;
	}
	for (i = 0; i < t->batch.n; i++)
		job.before[i] = t->batch.claims[i].outcome;
	return writer_run(t->api->writer, credit_run, &job, e);
}

static void
write_refusals(struct json_writer *w, const struct result_batch *b)
{
	char text[TASK_ID_MAX + REASON_MAX + 3];
	const struct claim *c;
	bool opened = false;
	size_t i;

	for (i = 0; i < b->n; i++) {
		c = &b->claims[i];
		if (c->outcome == CLAIM_CREDITED)
			continue;
		if (!opened) {
			json_key(w, "errors");
			json_open_array(w);
			opened = true;
		}
		if (claim_has_task_id(c))
			(void)snprintf(text, sizeof(text), "%.*s: %s",
			    (int)c->task_id.len, c->task_id.p, c->reason);
		else
			(void)snprintf(
			    text, sizeof(text), "#%zu: %s", i, c->reason);
		json_string(w, text);
		log_info("refused %s", text);
	}
	if (opened)
		json_close_array(w);
}

static void
answer_results(struct api_thread *t, struct api_response *rs)
{
	int64_t accepted = 0, earned_micros = 0;
	struct json_writer *w;
	struct err e = ERR_INIT;
	char usdc[32], worker[ADDRESS_LEN + 1];
	size_t i;

	for (i = 0; i < t->batch.n; i++)
		if (t->batch.claims[i].outcome == CLAIM_CREDITED) {
			accepted++;
			earned_micros += t->batch.claims[i].reward_micros;
		}
	if (json_writer_new(&w, &t->body, false, &e) != RC_OK) {
		answer_unavailable(t, rs, &e);
		return;
	}
	(void)snprintf(usdc, sizeof(usdc), "%" PRId64 ".%06" PRId64,
	    earned_micros / 1000000, earned_micros % 1000000);
	json_open_object(w);
	json_key(w, "accepted");
	json_number(w, accepted);
	json_key(w, "earned");
	json_string(w, usdc);
	write_refusals(w, &t->batch);
	json_close_object(w);
	json_writer_free(w);
	address_format(worker, &t->batch.claims[0].worker, ADDRESS_CHECKSUM);
	log_info("%s: credited %" PRId64 " of %zu results, %s USDC", worker,
	    accepted, t->batch.n, usdc);
}

static void
post_results(
    struct api_thread *t, const struct api_request *rq, struct api_response *rs)
{
	struct err e = ERR_INIT;
	enum rc rc;

	if (rq->too_large) {
		answer_error(t, rs, 413, "body too large");
		return;
	}
	rc = results_parse(&t->batch, rq->body, &e);
	if (rc == RC_INVALID) {
		answer_error(t, rs, 400, e.msg);
		return;
	}
	if (rc == RC_OK)
		rc = settle_claims(t, &e);
	if (rc != RC_OK) {
		answer_unavailable(t, rs, &e);
		return;
	}
	ledger_works(t);
	answer_results(t, rs);
}

/* ---- GET /health ---- */

static void
get_health(
    struct api_thread *t, const struct api_request *rq, struct api_response *rs)
{
	struct db *db = readers_borrow(t->api->readers);
	struct err e = ERR_INIT;
	enum rc rc;
	int64_t n;

	(void)rq;
	rc = query_one_int(db_query(db, Q_HEALTH), &n, &e);
	readers_return(t->api->readers, db);
	if (rc != RC_OK) {
		answer_unavailable(t, rs, &e);
		return;
	}
	buf_add_text(&t->body, "{\"status\":\"ok\"}");
}

static const struct api_route {
	const char *path;
	const char *method;
	api_route_fn *handle;
} routes[] = {
	{ "/v1/worker/tasks", "GET", get_tasks },
	{ "/v1/worker/results", "POST", post_results },
	{ "/health", "GET", get_health },
};

/* The path behind the prefix that nginx passes on, if it does. */
static struct slice
route_path(const struct api *a, struct slice path)
{
	size_t n = strlen(a->config.prefix);

	if (path.len > n && memcmp(path.p, a->config.prefix, n) == 0 &&
	    path.p[n] == '/')
		return (struct slice){ path.p + n, path.len - n };
	return path;
}

static void
response_begin(struct api_thread *t, struct api_response *rs)
{
	*rs = (struct api_response){ .status = 200, .body = &t->body };
	buf_reset(&t->body);
}

void
api_refuse(struct api_thread *t, struct api_response *rs)
{
	response_begin(t, rs);
	rs->retry_after_s = RETRY_AFTER_S;
	answer_error(t, rs, 503, "overloaded, try again later");
}

void
api_handle(struct api_thread *t, const struct api_request *rq, int64_t now_ms,
    struct api_response *rs)
{
	struct slice path = route_path(t->api, rq->path);
	size_t i;

	response_begin(t, rs);
	t->now_ms = now_ms;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!slice_is(path, routes[i].path))
			continue;
		if (slice_is(rq->method, routes[i].method)) {
			routes[i].handle(t, rq, rs);
			return;
		}
		rs->allow = routes[i].method;
		answer_error(t, rs, 405, "method not allowed");
		return;
	}
	answer_error(t, rs, 404, "not found");
}
