#include "api/api.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "eth/hex.h"
#include "eth/sha256.h"

#define RETRY_AFTER_S 5 /* of a 503 */

/* ---- What requests share, and what each has ---- */

static void
rules_free(struct api *a)
{
	struct api_rules_row *row = atomic_load(&a->rules), *older;

	for (; row != NULL; row = older) {
		older = row->older;
		secret_wipe(row, sizeof(*row)); /* the drills' key */
		free(row);
	}
}

enum rc
api_set_rules(struct api *a, const struct api_rules *rules, struct err *e)
{
	struct api_rules_row *row = calloc(1, sizeof(*row));

	if (row == NULL)
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	row->rules = *rules;
	row->older = atomic_load(&a->rules);
	atomic_store(&a->rules, row);
	return RC_OK;
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
	pthread_mutex_init(&a->activity_lock, NULL);
	a->config = *config;
	a->began_ms = clock_unix_ms();
	rc = eth_key_generate(&a->join_key, e);
	if (rc == RC_OK)
		rc = api_set_rules(a, &config->rules, e);
	if (rc == RC_OK)
		rc = refusals_new(&a->refusals, e);
	if (rc == RC_OK)
		rc = writer_start(&a->writer, config->ledger_path,
		    config->busy_timeout_ms, e);
	if (rc != RC_OK) {
		refusals_free(a->refusals);
		rules_free(a);
		pthread_mutex_destroy(&a->activity_lock);
		free(a);
		return rc;
	}
	*out = a;
	return RC_OK;
}

static enum rc
refusals_run(struct db *db, void *ctx, struct err *e)
{
	return refusals_write(db, ctx, clock_unix_ms(), e);
}

/* Writes the refusals that nothing came after. */
static void
refusals_flush(struct api *a)
{
	struct pollfd finished = { writer_finished_fd(a->writer), POLLIN, 0 };
	struct refusal_list list;
	struct writer_job job = { .fn = refusals_run, .ctx = &list };

	for (;;) {
		refusals_take(a->refusals, &list);
		if (list.n == 0 && list.slots_n == 0)
			return;
		writer_submit(a->writer, &job);
		while (writer_finished(a->writer) == NULL)
			(void)poll(&finished, 1, -1);
	}
}

void
api_free(struct api *a)
{
	if (a == NULL)
		return;
	refusals_flush(a);
	writer_stop(a->writer);
	refusals_free(a->refusals);
	rules_free(a);
	secret_wipe(&a->join_key, sizeof(a->join_key));
	pthread_mutex_destroy(&a->activity_lock);
	free(a);
}

enum rc
api_thread_new(struct api_thread **out, struct api *a, struct err *e)
{
	struct api_thread *t;
	enum rc rc;

	*out = NULL;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	rc = db_open(&t->db, a->config.ledger_path, DB_READ,
	    a->config.busy_timeout_ms, e);
	if (rc != RC_OK) {
		free(t);
		return rc;
	}
	*out = t;
	return RC_OK;
}

void
api_thread_free(struct api_thread *t)
{
	if (t == NULL)
		return;
	db_close(t->db);
	free(t);
}

enum rc
api_check(struct api_thread *t, struct err *e)
{
	enum rc rc = db_check_place(t->db, e);

	/* That it can't be read now says nothing of which file it is. */
	return rc == RC_CONFLICT ? rc : RC_OK;
}

static size_t
state_size_max(void)
{
	size_t i, max = 1;

	for (i = 0; api_routes[i] != NULL; i++)
		if (api_routes[i]->state_size > max)
			max = api_routes[i]->state_size;
	return max;
}

enum rc
api_exchange_new(
    struct api_exchange **out, struct api *a, void *owner, struct err *e)
{
	struct api_exchange *x;

	*out = NULL;
	x = calloc(1, sizeof(*x));
	if (x != NULL)
		x->state = calloc(1, state_size_max());
	if (x == NULL || x->state == NULL) {
		free(x);
		return err_set(e, RC_NO_MEMORY, "api: no memory");
	}
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
	free(x->state);
	free(x);
}

/* ---- For the routes ---- */

static enum rc
exchange_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	enum rc rc = x->run(db, x, e);

	return rc == RC_OK ? refusals_write(db, &x->refusals, x->now_ms, e)
			   : rc;
}

bool
api_submit(struct api_exchange *x, writer_job_fn *fn)
{
	x->run = fn;
	x->job.fn = exchange_run;
	x->job.ctx = x;
	refusals_take(x->api->refusals, &x->refusals);
	writer_submit(x->api->writer, &x->job);
	return false;
}

void
respond_error(struct api_exchange *x, struct api_response *rs, int status,
    const char *message)
{
	struct json_writer *w;

	rs->status = status;
	rs->type = "application/json";
	rs->policy = NULL;
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

struct slice
query_value(struct slice query, const char *key)
{
	size_t n = strlen(key);
	struct slice rest = query, none = slice_of("");
	const char *end;
	size_t len;

	while (rest.len > 0) {
		end = memchr(rest.p, '&', rest.len);
		len = end == NULL ? rest.len : (size_t)(end - rest.p);
		if (len > n && memcmp(rest.p, key, n) == 0 && rest.p[n] == '=')
			return len - n - 1 > TASK_ID_MAX
			    ? none
			    : (struct slice){ rest.p + n + 1, len - n - 1 };
		len += end != NULL;
		rest.p += len;
		rest.len -= len;
	}
	return none;
}

int64_t
query_before(struct slice query)
{
	struct slice text = query_value(query, "before");
	int64_t n = 0;
	size_t i;

	/* Of 15 digits none is too large. */
	for (i = 0; i < text.len && i < 16; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return INT64_MAX;
		n = 10 * n + (text.p[i] - '0');
	}
	return n == 0 || i > 15 ? INT64_MAX : n;
}

int64_t
query_days(struct slice query)
{
	static const struct {
		const char *text;
		int64_t days;
	} windows[] = { { "1", 1 }, { "7", 7 }, { "90", 90 } };
	struct slice text = query_value(query, "days");
	size_t i;

	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		if (slice_is(text, windows[i].text))
			return windows[i].days;
	return 30;
}

void
respond_page(struct api_response *rs, int status)
{
	rs->status = status;
	rs->type = "text/html; charset=utf-8";
	rs->policy = PAGE_POLICY;
}

void
respond_unavailable(
    struct api_exchange *x, struct api_response *rs, const struct err *e)
{
	if (atomic_fetch_add(&x->api->refused, 1) == 0)
		log_error("answering 503: %s", e->msg);
	rs->retry_after_s = RETRY_AFTER_S;
	respond_error(x, rs, 503, "ledger unavailable, try again later");
}

/* ---- A request ---- */

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

/* Whether path is as the pattern says, and which part of it the '*' is. */
static bool
path_is(const char *pattern, struct slice path, struct slice *part)
{
	const char *star = strchr(pattern, '*'), *end;
	struct slice rest;
	size_t n;

	if (star == NULL)
		return slice_is(path, pattern);
	n = (size_t)(star - pattern);
	if (path.len <= n || memcmp(path.p, pattern, n) != 0)
		return false;
	rest = (struct slice){ path.p + n, path.len - n };
	end = memchr(rest.p, '/', rest.len);
	part->p = rest.p;
	part->len = end == NULL ? rest.len : (size_t)(end - rest.p);
	rest.p += part->len;
	rest.len -= part->len;
	return part->len > 0 && slice_is(rest, star + 1);
}

/* The route of a path, NULL for none. */
static const struct route *
route_find(struct api_exchange *x, struct slice whole)
{
	struct slice path = route_path(x->api, whole);
	const struct route *const *r = api_routes;

	while (*r != NULL &&
	    !path_is((*r)->path, (*r)->page ? whole : path, &x->part))
		r++;
	if (*r == NULL || strchr((*r)->path, '*') == NULL)
		x->part = slice_of("");
	return *r;
}

/* A tag of the body, and whether the client has that one. */
static bool
etag_make(struct api_response *rs, struct slice if_none_match)
{
	uint8_t hash[SHA256_LEN];

	if (buf_status(rs->body, NULL) != RC_OK)
		return false;
	sha256(hash, rs->body->p, rs->body->len);
	rs->etag[0] = '"';
	hex_encode(rs->etag + 1, hash, 16);
	memcpy(rs->etag + 35, "\"", 2);
	return if_none_match.len > 0 &&
	    memmem(if_none_match.p, if_none_match.len, rs->etag, 36) != NULL;
}

/* A request of a route that reads. */
static void
read_handle(struct api_exchange *x, struct db *db, const struct api_request *rq,
    struct api_response *rs)
{
	if (!x->rules->pages.on) {
		respond_error(x, rs, 404, "not found");
	} else if (atomic_fetch_add(&x->api->reading, 1) >= READING_MAX) {
		atomic_fetch_sub(&x->api->reading, 1);
		rs->retry_after_s = 1;
		respond_error(x, rs, 503, "busy, try again later");
	} else {
		CHECK(x->route->handle(x, db, rq, rs));
		atomic_fetch_sub(&x->api->reading, 1);
	}
	rs->head = slice_is(rq->method, "HEAD");
	if (rs->status == 200 || rs->status == 404)
		rs->cache_s = x->route->cache_s;
	if (rs->status == 200 && etag_make(rs, rq->if_none_match)) {
		rs->status = 304;
		buf_reset(rs->body);
	}
}

static void
response_begin(struct api_exchange *x, struct api_response *rs)
{
	*rs = (struct api_response){ .status = 200,
		.payable_after_ms = -1,
		.type = "application/json",
		.body = &x->body };
	buf_reset(&x->body);
}

void
api_refuse(struct api_exchange *x, struct api_response *rs)
{
	response_begin(x, rs);
	rs->retry_after_s = RETRY_AFTER_S;
	respond_error(x, rs, 503, "overloaded, try again later");
	counts_answer(&x->api->counts, NULL, rs->status);
}

static bool
handle(struct api_exchange *x, struct api_thread *t,
    const struct api_request *rq, int64_t now_ms, struct api_response *rs)
{
	response_begin(x, rs);
	x->now_ms = now_ms;
	x->rules = &atomic_load(&x->api->rules)->rules;
	x->route = route_find(x, rq->path);
	if (x->route == NULL) {
		respond_error(x, rs, 404, "not found");
		return true;
	}
	if (x->route->cache_s > 0 &&
	    (slice_is(rq->method, "GET") || slice_is(rq->method, "HEAD"))) {
		read_handle(x, t->db, rq, rs);
		return true;
	}
	if (slice_is(rq->method, x->route->method))
		return x->route->handle(x, t->db, rq, rs);
	rs->allow = x->route->cache_s > 0 ? "GET, HEAD" : x->route->method;
	respond_error(x, rs, 405, "method not allowed");
	return true;
}

/* So many bytes of what a client has sent are enough for a line. */
static int
shown_len(struct slice s)
{
	return s.len < SHOWN_MAX ? (int)s.len : SHOWN_MAX;
}

/* For the log, in which a request is a line once it is answered. */
static void
note_asked(struct api_exchange *x, const struct api_request *rq)
{
	x->asked[0] = '\0';
	if (log_has(LOG_LEVEL_INFO))
		(void)snprintf(x->asked, sizeof(x->asked),
		    "%.*s %.*s from %.*s", shown_len(rq->method), rq->method.p,
		    shown_len(rq->path), rq->path.p, shown_len(rq->remote_addr),
		    rq->remote_addr.p);
}

static void
note_answered(struct api_exchange *x, const struct api_response *rs)
{
	counts_answer(&x->api->counts, x->route, rs->status);
	if (x->asked[0] != '\0')
		log_info("%s: %d", x->asked, rs->status);
}

bool
api_handle(struct api_exchange *x, struct api_thread *t,
    const struct api_request *rq, int64_t now_ms, struct api_response *rs)
{
	bool done;

	note_asked(x, rq);
	done = handle(x, t, rq, now_ms, rs);
	/* Else it waits for a commit, and x is another thread's. */
	if (done)
		note_answered(x, rs);
	return done;
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

/* Something was committed. */
static void
note_works(struct api *a)
{
	unsigned n;

	if (atomic_load(&a->refused) == 0)
		return;
	n = atomic_exchange(&a->refused, 0);
	if (n > 0)
		log_notice(
		    "the ledger works again, after %u answers of 503", n);
}

void
api_answer(struct api_exchange *x, struct api_response *rs)
{
	response_begin(x, rs);
	if (x->job.rc == RC_OK)
		note_works(x->api);
	else
		refusals_give_back(x->api->refusals, &x->refusals);
	x->route->answer(x, rs, x->job.rc, &x->job.err);
	note_answered(x, rs);
}
