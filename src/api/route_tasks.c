/* GET /v1/worker/tasks: a worker is given what it has and what is due. */
#include "api/locate.h"
#include "api/poll_query.h"
#include "api/room.h"
#include "eth/hex.h"
#include "ledger/maturity.h"
#include "ledger/offer.h"
#include "ledger/verdict.h"
#include "ledger/witness.h"

struct tasks_state {
	struct poll_query query;
	char network[SUBNET_MAX + 1];
	struct poll poll; /* borrows from both */
	struct given_list given;
	struct offer offer;	  /* of what was given */
	int64_t payable_after_ms; /* of what the worker earns with them */
};

/* The URLs as they are visited, and when what they earn is payable. */
static enum rc
told_finish(struct api_exchange *x, struct db *db, struct err *e)
{
	struct tasks_state *s = x->state;
	enum rc rc;

	if (s->given.n == 0)
		return RC_OK;
	rc = drill_tokens(&x->rules->drills, &s->given, e);
	if (rc == RC_OK)
		rc = offer_make(db, &s->poll.worker, &s->given, &s->offer, e);
	return rc == RC_OK ? maturity_span(db, &s->given.terms, s->given.worker,
				 x->now_ms, &s->payable_after_ms, e)
			   : rc;
}

static enum rc
tasks_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	struct tasks_state *s = x->state;
	struct drill_plan plan;
	bool work;
	enum rc rc;

	rc = drill_prepare(db, &x->rules->drills, &s->poll,
	    x->rules->schedule.max_tasks, &plan, e);
	s->poll.kept = plan.places;
	if (rc == RC_OK)
		rc = schedule_serve(db, true, &x->rules->schedule, &s->poll,
		    &s->given, &work, e);
	if (rc == RC_OK)
		rc = witness_give(
		    db, &x->rules->schedule, &s->poll, &s->given, e);
	if (rc == RC_OK && !s->given.to_witness)
		rc = drill_give(
		    db, &x->rules->drills, &s->poll, &plan, &s->given, e);
	/* As many as were given: more than are added. */
	if (rc == RC_OK && s->given.n > s->given.held)
		rc = verdict_judge(db, &s->given.terms, x->now_ms,
		    (int64_t)(s->given.n - s->given.held), e);
	if (rc == RC_OK && s->given.n > s->given.held)
		rc = witness_judge(db, &x->rules->drills, x->now_ms,
		    (int64_t)(s->given.n - s->given.held), e);
	return rc == RC_OK ? told_finish(x, db, e) : rc;
}

static void
hash_write(struct json_writer *w, const char *key,
    const uint8_t hash[static KECCAK256_LEN])
{
	char text[HEX_SIZE(KECCAK256_LEN)];

	hex_encode(text, hash, KECCAK256_LEN);
	json_key(w, key);
	json_string(w, text);
}

/* What the worker needs to sign a round: doc/protocol. */
static void
offer_write(struct json_writer *w, const struct given_task *task,
    const struct offered *o, const uint8_t *ledger_id)
{
	hash_write(w, "assignment", o->assignment);
	json_key(w, "round");
	json_open_object(w);
	json_key(w, "scheme");
	json_string(w, ROUND_SCHEME);
	hash_write(w, "ledger", ledger_id);
	json_key(w, "slot");
	json_number(w, task->slot);
	json_key(w, "anchorSize");
	json_number(w, task->anchor);
	hash_write(w, "anchorRoot", o->anchor_root);
	json_key(w, "region");
	json_string(w, o->region);
	json_close_object(w);
}

static void
task_write(struct json_writer *w, const struct given_task *task,
    const struct offered *o, const uint8_t *ledger_id)
{
	json_open_object(w);
	json_key(w, "id");
	json_string(w, task->name);
	json_key(w, "type");
	json_string(w, task->type->name);
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
	offer_write(w, task, o, ledger_id);
	if (o->label[0] != '\0') {
		json_key(w, "private");
		json_open_object(w);
		json_key(w, "label");
		json_string(w, o->label);
		hash_write(w, "key", o->key);
		json_close_object(w);
	}
	json_close_object(w);
}

static void
tasks_write(struct api_exchange *x, struct api_response *rs,
    const struct given_list *given)
{
	const struct offer *offer =
	    &((const struct tasks_state *)x->state)->offer;
	struct json_writer *w;
	struct err e = ERR_INIT;
	size_t i;

	if (given->n == 0) {
		buf_add_text(&x->body, "[]");
		return;
	}
	atomic_fetch_add(&x->api->counts.given, given->n);
	rs->payable_after_ms =
	    ((const struct tasks_state *)x->state)->payable_after_ms;
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		respond_unavailable(x, rs, &e);
		return;
	}
	json_open_array(w);
	for (i = 0; i < given->n; i++)
		task_write(
		    w, &given->tasks[i], &offer->tasks[i], offer->ledger_id);
	json_close_array(w);
	json_writer_free(w);
}

static void
tasks_respond(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	const struct tasks_state *s = x->state;

	if (rc == RC_INVALID) {
		atomic_fetch_add(&x->api->counts.poll_refused, 1);
		respond_error(x, rs, 403, e->msg);
	} else if (rc != RC_OK) {
		respond_unavailable(x, rs, e);
	} else {
		tasks_write(x, rs, &s->given);
	}
}

/* After tasks_run. */
static void
tasks_answer(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	const struct tasks_state *s = x->state;

	atomic_store(&x->api->gives, rc == RC_OK && s->given.n > s->given.held);
	tasks_respond(x, rs, rc, e);
}

/* The poll, from where it comes: who isn't in the region has declared none. */
static void
poll_place(struct api_exchange *x, struct slice remote_addr)
{
	struct tasks_state *s = x->state;
	struct locator *l = x->api->config.locator;

	locate_network(s->network, l, x->rules, remote_addr);
	if (!locate_fits(l, x->rules, remote_addr, slice_of(s->query.region))) {
		atomic_fetch_add(&x->api->counts.poll_elsewhere, 1);
		s->query.region[0] = '\0';
	}
	s->poll = (struct poll){ s->query.address, slice_of(s->query.region),
		slice_of(s->network), x->now_ms, 0 };
}

/*
 * A poll asks on its thread's own connection whether there is work, and goes to
 * the writer only if there is: most polls end here. While polls are given tasks
 * (gives) they go to the writer at once: each commit empties the cache of every
 * other connection, and to read the schedule anew would cost a third of a poll.
 */
static bool
tasks_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct tasks_state *s = x->state;
	struct err e = ERR_INIT;
	bool work = true;
	enum rc rc = RC_OK;

	atomic_fetch_add(&x->api->counts.polls, 1);
	if (poll_query_parse(&s->query, rq->query, &e) != RC_OK) {
		respond_error(x, rs, 400, e.msg);
		return true;
	}
	poll_place(x, rq->remote_addr);
	if (!atomic_load(&x->api->gives))
		rc = schedule_serve(db, false, &x->rules->schedule, &s->poll,
		    &s->given, &work, &e);
	if (rc == RC_OK && work)
		return api_submit(x, tasks_run);
	if (rc == RC_OK)
		rc = told_finish(x, db, &e);
	tasks_respond(x, rs, rc, &e);
	return true;
}

const struct route route_tasks = {
	.path = "/v1/worker/tasks",
	.method = "GET",
	.state_size = sizeof(struct tasks_state),
	.handle = tasks_handle,
	.answer = tasks_answer,
};
