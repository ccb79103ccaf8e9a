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

/* A poll, and what becomes of it on the writer's thread. */
struct give_job {
	struct poll_query query;
	char network[PREFIX_MAX + 1];
	struct poll poll; /* borrows from both */
	struct outlook look;
	bool looked;	    /* before, on a reader */
	struct err refusal; /* RC_INVALID: who polls is suspended */
	struct offer_list offers;
};

/* A post, likewise. */
struct credit_job {
	struct result_batch batch;
	enum claim_outcome before[RESULTS_PER_POST_MAX];
};

struct api_exchange {
	struct api *api;
	void *owner;
	struct buf body;
	int64_t now_ms; /* of the present request */
	const struct api_route *route;
	struct writer_job job; /* of route */
	struct give_job give;
	struct credit_job credit;
};

struct api_route {
	const char *path;
	const char *method;
	/* As api_handle. */
	bool (*handle)(struct api_exchange *x, const struct api_request *rq,
	    struct api_response *rs);
	/* After its job, if it may have one. */
	void (*answer)(struct api_exchange *x, struct api_response *rs,
	    enum rc rc, const struct err *e);
};

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
api_exchange_new(
    struct api_exchange **out, struct api *a, void *owner, struct err *e)
{
	struct api_exchange *x;

	*out = NULL;
	x = calloc(1, sizeof(*x));
	if (x == NULL)
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	x->api = a;
	x->owner = owner;
	buf_init(&x->body, RESPONSE_MAX);
	*out = x;
	return RC_OK;
}

void
api_exchange_free(struct api_exchange *x)
{
	if (x == NULL)
		return;
	buf_free(&x->body);
	free(x);
}

static void
answer_error(struct api_exchange *x, struct api_response *rs, int status,
    const char *message)
{
	struct json_writer *w;

	rs->status = status;
	buf_reset(&x->body);
	if (json_writer_new(&w, &x->body, false, NULL) != RC_OK) {
		buf_add_text(&x->body, "{\"error\":\"no memory\"}");
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
    struct api_exchange *x, struct api_response *rs, const struct err *e)
{
	if (atomic_fetch_add(&x->api->refused, 1) == 0)
		log_error("answering 503: %s", e->msg);
	rs->retry_after_s = RETRY_AFTER_S;
	answer_error(x, rs, 503, "ledger unavailable, try again later");
}

static void
ledger_works(struct api_exchange *x)
{
	unsigned n;

	if (atomic_load(&x->api->refused) == 0)
		return;
	n = atomic_exchange(&x->api->refused, 0);
	if (n > 0)
		log_notice(
		    "the ledger works again, after %u answers of 503", n);
}

/* False, as api_handle: x is the writer's from here on. */
static bool
submit(struct api_exchange *x, writer_job_fn *fn)
{
	x->job.fn = fn;
	x->job.ctx = x;
	writer_submit(x->api->writer, &x->job);
	return false;
}

/* ---- GET /v1/worker/tasks ---- */

static bool
has_work(const struct outlook *look)
{
	return look->in_region || look->anywhere;
}

/* A refusal isn't an error: that would undo what others write. */
static enum rc
give_look(struct db *db, struct give_job *g, struct err *e)
{
	enum rc rc;

	g->refusal = (struct err)ERR_INIT;
	rc = schedule_look(db, &g->poll, &g->look, &g->refusal);
	if (rc == RC_OK || rc == RC_INVALID)
		return RC_OK;
	return err_set(e, rc, "%s", g->refusal.msg);
}

static enum rc
give_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	struct give_job *g = &x->give;
	enum rc rc = RC_OK;

	g->offers.n = 0;
	if (!g->looked)
		rc = give_look(db, g, e);
	if (rc != RC_OK || !has_work(&g->look))
		return rc;
	return schedule_give(
	    db, &x->api->config.schedule, &g->poll, &g->look, &g->offers, e);
}

static void
write_tasks(struct api_exchange *x, struct api_response *rs)
{
	const struct offered_task *task;
	struct json_writer *w;
	struct err e = ERR_INIT;
	size_t i;

	if (x->give.offers.n == 0) {
		buf_add_text(&x->body, "[]");
		return;
	}
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		answer_unavailable(x, rs, &e);
		return;
	}
	json_open_array(w);
	for (i = 0; i < x->give.offers.n; i++) {
		task = &x->give.offers.tasks[i];
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

static void
answer_tasks(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	if (rc == RC_INVALID) {
		answer_error(x, rs, 403, e->msg);
		return;
	}
	if (rc != RC_OK) {
		answer_unavailable(x, rs, e);
		return;
	}
	ledger_works(x);
	write_tasks(x, rs);
}

/* After give_run. */
static void
answer_given(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	const struct give_job *g = &x->give;

	atomic_store(&x->api->gives, rc == RC_OK && g->offers.n > 0);
	if (rc == RC_OK && g->refusal.rc != RC_OK)
		answer_tasks(x, rs, g->refusal.rc, &g->refusal);
	else
		answer_tasks(x, rs, rc, e);
}

/* Looks on a reader, which doesn't wait for the writer: most polls end here. */
static enum rc
find_work(struct api_exchange *x, struct err *e)
{
	struct give_job *g = &x->give;
	struct db *db = readers_borrow(x->api->readers);
	enum rc rc;

	rc = schedule_look(db, &g->poll, &g->look, e);
	if (rc == RC_OK && has_work(&g->look))
		rc = schedule_look_closer(
		    db, &x->api->config.schedule, &g->poll, &g->look, e);
	readers_return(x->api->readers, db);
	return rc;
}

static bool
get_tasks(struct api_exchange *x, const struct api_request *rq,
    struct api_response *rs)
{
	struct give_job *g = &x->give;
	struct err e = ERR_INIT;
	enum rc rc = RC_OK;

	if (poll_query_parse(&g->query, rq->query, &e) != RC_OK) {
		answer_error(x, rs, 400, e.msg);
		return true;
	}
	network_of(g->network, rq->remote_addr);
	g->poll = (struct poll){ g->query.address, slice_of(g->query.region),
		slice_of(g->network), x->now_ms };
	g->refusal = (struct err)ERR_INIT;
	g->offers.n = 0;
	/*
	 * While workers are given what is due, the writer looks: its
	 * connection has what it has just written, a reader's must read that
	 * anew.
	 */
	g->looked = !atomic_load(&x->api->gives);
	if (g->looked)
		rc = find_work(x, &e);
	if (rc == RC_OK && (!g->looked || has_work(&g->look))) {
		/* Not before: a look is too short to be waited for. */
		writer_expect(x->api->writer);
		return submit(x, give_run);
	}
	answer_tasks(x, rs, rc, &e);
	return true;
}

/* ---- POST /v1/worker/results ---- */

static enum rc
credit_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	struct result_batch *b = &x->credit.batch;
	size_t i;

	/* A second run, after a failed group, starts from the same state. */
	for (i = 0; i < b->n; i++)
		b->claims[i].outcome = x->credit.before[i];
	return credit_record(
	    db, &x->api->config.credit, b->claims, b->n, x->now_ms, e);
}

/* Refuses what can be refused without the writer; counts what is left. */
static enum rc
check_claims(struct api_exchange *x, struct db *db, size_t *open, struct err *e)
{
	const struct credit_rules *rules = &x->api->config.credit;
	struct attestation a;
	struct claim *c;
	enum rc rc = RC_OK;
	size_t i;

	*open = 0;
	for (i = 0; rc == RC_OK && i < x->credit.batch.n; i++) {
		c = &x->credit.batch.claims[i];
		if (c->outcome == CLAIM_OPEN)
			rc = credit_check(
			    db, rules, x->credit.batch.claims, i, x->now_ms, e);
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

/* On a reader: what check_claims does. */
static enum rc
read_claims(struct api_exchange *x, size_t *open, struct err *e)
{
	struct db *db = readers_borrow(x->api->readers);
	enum rc rc;

	*open = 0;
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = check_claims(x, db, open, e);
	db_rollback(db);
	readers_return(x->api->readers, db);
	return rc;
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
write_results(struct api_exchange *x, struct api_response *rs)
{
	int64_t accepted = 0, earned_micros = 0;
	struct json_writer *w;
	struct err e = ERR_INIT;
	char usdc[32], worker[ADDRESS_LEN + 1];
	size_t i;

	for (i = 0; i < x->credit.batch.n; i++)
		if (x->credit.batch.claims[i].outcome == CLAIM_CREDITED) {
			accepted++;
			earned_micros +=
			    x->credit.batch.claims[i].reward_micros;
		}
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		answer_unavailable(x, rs, &e);
		return;
	}
	(void)snprintf(usdc, sizeof(usdc), "%" PRId64 ".%06" PRId64,
	    earned_micros / 1000000, earned_micros % 1000000);
	json_open_object(w);
	json_key(w, "accepted");
	json_number(w, accepted);
	json_key(w, "earned");
	json_string(w, usdc);
	write_refusals(w, &x->credit.batch);
	json_close_object(w);
	json_writer_free(w);
	address_format(
	    worker, &x->credit.batch.claims[0].worker, ADDRESS_CHECKSUM);
	log_info("%s: credited %" PRId64 " of %zu results, %s USDC", worker,
	    accepted, x->credit.batch.n, usdc);
}

static void
answer_results(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	if (rc != RC_OK) {
		answer_unavailable(x, rs, e);
		return;
	}
	ledger_works(x);
	write_results(x, rs);
}

/* Judges what was parsed; as api_handle. */
static bool
settle_claims(struct api_exchange *x, struct api_response *rs)
{
	const struct result_batch *b = &x->credit.batch;
	struct err e = ERR_INIT;
	size_t i, open;
	enum rc rc;

	writer_expect(x->api->writer);
	rc = read_claims(x, &open, &e);
	if (rc == RC_OK && open > 0) {
		for (i = 0; i < b->n; i++)
			x->credit.before[i] = b->claims[i].outcome;
		return submit(x, credit_run);
	}
	writer_expect_none(x->api->writer);
	answer_results(x, rs, rc, &e);
	return true;
}

static bool
post_results(struct api_exchange *x, const struct api_request *rq,
    struct api_response *rs)
{
	struct err e = ERR_INIT;
	enum rc rc;

	if (rq->too_large) {
		answer_error(x, rs, 413, "body too large");
		return true;
	}
	rc = results_parse(&x->credit.batch, rq->body, &e);
	if (rc == RC_OK)
		return settle_claims(x, rs);
	if (rc == RC_INVALID)
		answer_error(x, rs, 400, e.msg);
	else
		answer_unavailable(x, rs, &e);
	return true;
}

/* ---- GET /health ---- */

static bool
get_health(struct api_exchange *x, const struct api_request *rq,
    struct api_response *rs)
{
	struct db *db = readers_borrow(x->api->readers);
	struct err e = ERR_INIT;
	enum rc rc;
	int64_t n;

	(void)rq;
	rc = query_one_int(db_query(db, Q_HEALTH), &n, &e);
	readers_return(x->api->readers, db);
	if (rc != RC_OK)
		answer_unavailable(x, rs, &e);
	else
		buf_add_text(&x->body, "{\"status\":\"ok\"}");
	return true;
}

static const struct api_route routes[] = {
	{ "/v1/worker/tasks", "GET", get_tasks, answer_given },
	{ "/v1/worker/results", "POST", post_results, answer_results },
	{ "/health", "GET", get_health, NULL },
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
response_begin(struct api_exchange *x, struct api_response *rs)
{
	*rs = (struct api_response){ .status = 200, .body = &x->body };
	buf_reset(&x->body);
}

void
api_refuse(struct api_exchange *x, struct api_response *rs)
{
	response_begin(x, rs);
	rs->retry_after_s = RETRY_AFTER_S;
	answer_error(x, rs, 503, "overloaded, try again later");
}

bool
api_handle(struct api_exchange *x, const struct api_request *rq, int64_t now_ms,
    struct api_response *rs)
{
	struct slice path = route_path(x->api, rq->path);
	size_t i;

	response_begin(x, rs);
	x->now_ms = now_ms;
	for (i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!slice_is(path, routes[i].path))
			continue;
		x->route = &routes[i];
		if (slice_is(rq->method, routes[i].method))
			return routes[i].handle(x, rq, rs);
		rs->allow = routes[i].method;
		answer_error(x, rs, 405, "method not allowed");
		return true;
	}
	answer_error(x, rs, 404, "not found");
	return true;
}

void *
api_finished(struct api *a)
{
	struct writer_job *job = writer_finished(a->writer);
	const struct api_exchange *x;

	if (job == NULL)
		return NULL;
	x = job->ctx;
	return x->owner;
}

int
api_finished_fd(const struct api *a)
{
	return writer_finished_fd(a->writer);
}

void
api_answer(struct api_exchange *x, struct api_response *rs)
{
	response_begin(x, rs);
	x->route->answer(x, rs, x->job.rc, &x->job.err);
}
