/* POST /v1/worker/results: a worker's results are checked and paid. */
#include <inttypes.h>
#include <stdio.h>

#include "api/locate.h"
#include "api/results.h"
#include "api/room.h"
#include "base/log.h"
#include "eth/attest.h"
#include "ledger/terms.h"

struct results_state {
	struct result_batch batch;
	enum claim_outcome checked[RESULTS_PER_POST_MAX]; /* before the job */
	char network[SUBNET_MAX + 1];
};

static enum rc
results_run(struct db *db, void *ctx, struct err *e)
{
	struct api_exchange *x = ctx;
	struct results_state *s = x->state;
	size_t i;

	/* Each run starts from the same state. */
	for (i = 0; i < s->batch.n; i++)
		s->batch.claims[i].outcome = s->checked[i];
	return credit_record(db, s->batch.claims, s->batch.n,
	    s->batch.is_round ? &s->batch.round : NULL, slice_of(s->network),
	    x->now_ms, e);
}

/*
 * The signature of a result that is signed alone. That of one that was refused
 * is checked, too, so that it can be counted; but none after a wrong one.
 */
static void
check_alone(struct claim *c, bool *lies)
{
	const struct attestation a = { c->task_id, c->worker, c->row.form,
		c->row.timestamp_ms, c->row.success, c->worker_text };

	if (c->outcome != CLAIM_OPEN && (*lies || !refusal_counts(c)))
		return;
	c->authentic = attest_check(&a, c->row.signature, NULL) == RC_OK;
	*lies |= !c->authentic;
	if (!c->authentic && c->outcome == CLAIM_OPEN)
		claim_refuse(c, CLAIM_BAD_SIGNATURE);
}

/*
 * Refuses what can be refused without the writer; counts what is left. The
 * expensive check, that of the signature, comes last.
 */
static enum rc
check_claims(struct api_exchange *x, struct db *db, size_t *open, struct err *e)
{
	struct results_state *s = x->state;
	struct terms_row terms;
	bool lies = false;
	struct claim *c;
	enum rc rc;
	size_t i;

	*open = 0;
	rc = terms_now(db, &terms, e);
	if (rc == RC_OK && s->batch.is_round)
		rc = round_claim_begin(db, &s->batch.round, e);
	for (i = 0; rc == RC_OK && i < s->batch.n; i++) {
		c = &s->batch.claims[i];
		if (c->outcome == CLAIM_MALFORMED)
			continue;
		rc = credit_check(db, &terms, s->batch.claims, i, x->now_ms, e);
		if (rc == RC_OK && s->batch.is_round)
			rc = round_claim_check(
			    db, &s->batch.round, &x->rules->drills, c, e);
		else if (rc == RC_OK)
			check_alone(c, &lies);
		*open += rc == RC_OK && c->outcome == CLAIM_OPEN;
	}
	if (rc == RC_OK && s->batch.is_round &&
	    !round_claim_verify(&s->batch.round, s->batch.claims, s->batch.n))
		*open = 0;
	return rc;
}

/* What check_claims does, on one state of the ledger. */
static enum rc
read_claims(struct api_exchange *x, struct db *db, size_t *open, struct err *e)
{
	enum rc rc;

	*open = 0;
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = check_claims(x, db, open, e);
	db_rollback(db);
	return rc;
}

static void
errors_write(struct json_writer *w, const struct result_batch *b)
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
results_write(struct api_exchange *x, struct api_response *rs)
{
	const struct result_batch *b =
	    &((struct results_state *)x->state)->batch;
	int64_t accepted = 0, earned_micros = 0;
	struct json_writer *w;
	struct err e = ERR_INIT;
	char usdc[32], worker[ADDRESS_LEN + 1];
	size_t i;

	refusals_note(x->api->refusals, b->claims, b->n, x->now_ms);
	for (i = 0; i < b->n; i++) {
		atomic_fetch_add(
		    &x->api->counts.outcomes[b->claims[i].outcome], 1);
		if (b->claims[i].outcome == CLAIM_CREDITED) {
			accepted++;
			earned_micros += b->claims[i].reward_micros;
		}
	}
	atomic_fetch_add(
	    &x->api->counts.micros, (unsigned long long)earned_micros);
	if (json_writer_new(&w, &x->body, false, &e) != RC_OK) {
		respond_unavailable(x, rs, &e);
		return;
	}
	(void)snprintf(usdc, sizeof(usdc), "%" PRId64 ".%06" PRId64,
	    earned_micros / 1000000, earned_micros % 1000000);
	json_open_object(w);
	json_key(w, "accepted");
	json_number(w, accepted);
	json_key(w, "earned");
	json_string(w, usdc);
	errors_write(w, b);
	json_close_object(w);
	json_writer_free(w);
	address_format(worker, &b->claims[0].worker, ADDRESS_CHECKSUM);
	log_info("%s: credited %" PRId64 " of %zu results, %s USDC", worker,
	    accepted, b->n, usdc);
}

static void
results_answer(struct api_exchange *x, struct api_response *rs, enum rc rc,
    const struct err *e)
{
	if (rc != RC_OK) {
		respond_unavailable(x, rs, e);
		return;
	}
	results_write(x, rs);
}

/* Judges what was parsed; as api_handle. */
static bool
claims_settle(struct api_exchange *x, struct db *db, struct api_response *rs)
{
	struct results_state *s = x->state;
	struct err e = ERR_INIT;
	size_t i, open;
	enum rc rc;

	writer_expect(x->api->writer, &x->job);
	rc = read_claims(x, db, &open, &e);
	if (rc == RC_OK && open > 0) {
		for (i = 0; i < s->batch.n; i++)
			s->checked[i] = s->batch.claims[i].outcome;
		return api_submit(x, results_run);
	}
	writer_expect_none(x->api->writer, &x->job);
	results_answer(x, rs, rc, &e);
	return true;
}

static bool
results_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct results_state *s = x->state;
	struct err e = ERR_INIT;
	enum rc rc;

	if (rq->encoding.len > 0 && !slice_is(rq->encoding, "identity")) {
		respond_error(x, rs, 415, "Content-Encoding not supported");
		return true;
	}
	if (rq->too_large) {
		respond_error(x, rs, 413, "body too large");
		return true;
	}
	if (rq->cut) {
		respond_error(x, rs, 400, "body shorter than declared");
		return true;
	}
	locate_network(
	    s->network, x->api->config.locator, x->rules, rq->remote_addr);
	rc = results_parse(&s->batch, rq->body, &e);
	if (rc == RC_OK)
		return claims_settle(x, db, rs);
	if (rc == RC_INVALID)
		respond_error(x, rs, 400, e.msg);
	else
		respond_unavailable(x, rs, &e);
	return true;
}

const struct route route_results = {
	.path = "/v1/worker/results",
	.method = "POST",
	.state_size = sizeof(struct results_state),
	.handle = results_handle,
	.answer = results_answer,
};
