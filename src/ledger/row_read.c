#include "ledger/row_read.h"

#include <string.h>

#include "base/limits.h"

bool
row_is_time(int64_t ms)
{
	return ms >= 0 && ms <= JSON_INT_MAX;
}

static bool
read_bytes(struct query *q, int col, uint8_t *out, size_t len)
{
	struct slice s = query_get_bytes(q, col);

	memset(out, 0, len);
	if (s.len != len)
		return false;
	memcpy(out, s.p, len);
	return true;
}

bool
row_read_hash(struct query *q, int col, uint8_t out[static KECCAK256_LEN])
{
	return read_bytes(q, col, out, KECCAK256_LEN);
}

/* An integer from 0 to max, which is 0 when it is out of this range. */
static bool
read_int(struct query *q, int col, int64_t max, int64_t *out)
{
	*out = query_get_int(q, col);
	if (*out >= 0 && *out <= max)
		return true;
	*out = 0;
	return false;
}

/* As read_int, or ABSENT for NULL. */
static bool
read_optional(struct query *q, int col, int64_t max, int64_t *out)
{
	*out = ABSENT;
	return query_is_null(q, col) || read_int(q, col, max, out);
}

void
row_read_terms(struct query *q, int col, struct terms_row *t,
    uint8_t hash[static KECCAK256_LEN])
{
	t->id = query_get_int(q, col + R_TERMS_ID);
	t->first_slot = query_get_int(q, col + R_TERMS_FIRST_SLOT);
	t->first_transfer = query_get_int(q, col + R_TERMS_FIRST_TRANSFER);
	t->at_ms = query_get_int(q, col + R_TERMS_AT_MS);
	t->result_window_ms = query_get_int(q, col + R_TERMS_RESULT_WINDOW_MS);
	t->keep_ms = query_get_int(q, col + R_TERMS_KEEP_MS);
	t->clock_skew_ms = query_get_int(q, col + R_TERMS_CLOCK_SKEW_MS);
	t->phase = query_get_int(q, col + R_TERMS_PHASE);
	t->fit = query_get_int(q, col + R_TERMS_FIT);
	t->maturity_new_ms = query_get_int(q, col + R_TERMS_MATURITY_NEW_MS);
	t->maturity_ms = query_get_int(q, col + R_TERMS_MATURITY_MS);
	t->established_results =
	    query_get_int(q, col + R_TERMS_ESTABLISHED_RESULTS);
	t->established_days = query_get_int(q, col + R_TERMS_ESTABLISHED_DAYS);
	(void)read_bytes(q, col + R_TERMS_HASH, hash, KECCAK256_LEN);
	t->format = query_get_int(q, col + R_TERMS_FORMAT);
}

void
row_read_version(struct query *q, int col, struct version_row *v,
    uint8_t hash[static KECCAK256_LEN])
{
	v->id = query_get_int(q, col + R_VERSION_ID);
	v->task = query_get_int(q, col + R_VERSION_TASK);
	v->type = query_get_text(q, col + R_VERSION_TYPE);
	v->url = query_get_text(q, col + R_VERSION_URL);
	v->expected_status = query_get_int(q, col + R_VERSION_EXPECTED_STATUS);
	v->timeout_ms = query_get_int(q, col + R_VERSION_TIMEOUT_MS);
	v->reward_micros = query_get_int(q, col + R_VERSION_REWARD_MICROS);
	v->interval_ms = query_get_int(q, col + R_VERSION_INTERVAL_MS);
	v->copies = query_get_int(q, col + R_VERSION_COPIES);
	v->cooldown_ms = query_get_int(q, col + R_VERSION_COOLDOWN_MS);
	v->budget_micros = query_get_int(q, col + R_VERSION_BUDGET_MICROS);
	v->region = query_get_text(q, col + R_VERSION_REGION);
	v->created_ms = query_get_int(q, col + R_VERSION_CREATED_MS);
	(void)row_read_hash(q, col + R_VERSION_HASH, hash);
	v->format = query_get_int(q, col + R_VERSION_FORMAT);
}

void
row_read_transfer(struct query *q, int col, struct transfer_row *t,
    uint8_t hash[static KECCAK256_LEN])
{
	t->id = query_get_int(q, col + R_TRANSFER_ID);
	t->at_ms = query_get_int(q, col + R_TRANSFER_AT_MS);
	t->kind = query_get_text(q, col + R_TRANSFER_KIND);
	t->debit = query_get_int(q, col + R_TRANSFER_DEBIT);
	t->credit = query_get_int(q, col + R_TRANSFER_CREDIT);
	t->amount_micros = query_get_int(q, col + R_TRANSFER_AMOUNT_MICROS);
	(void)row_read_hash(q, col + R_TRANSFER_HASH, hash);
	t->format = query_get_int(q, col + R_TRANSFER_FORMAT);
}

void
row_read_event(struct query *q, int col, struct event_row *ev,
    uint8_t hash[static KECCAK256_LEN])
{
	ev->id = query_get_int(q, col + R_EVENT_ID);
	ev->payout = query_get_int(q, col + R_EVENT_PAYOUT);
	ev->at_ms = query_get_int(q, col + R_EVENT_AT_MS);
	ev->kind = query_get_text(q, col + R_EVENT_KIND);
	ev->transfer = query_get_int(q, col + R_EVENT_TRANSFER);
	ev->tx = query_get_text(q, col + R_EVENT_TX);
	ev->block = query_get_int(q, col + R_EVENT_BLOCK);
	ev->detail = query_get_text(q, col + R_EVENT_DETAIL);
	(void)row_read_hash(q, col + R_EVENT_HASH, hash);
	ev->format = query_get_int(q, col + R_EVENT_FORMAT);
}

/* One of its own, or a place in the signed round. */
static bool
read_signature(struct query *q, int col, struct result_row *r)
{
	const bool alone = query_is_null(q, col + R_RESULT_PLACE);

	memset(r->signature, 0, sizeof(r->signature));
	r->in_round = !alone;
	r->place = 0;
	if (alone)
		return read_bytes(q, col + R_RESULT_SIGNATURE, r->signature,
		    sizeof(r->signature));
	return read_int(q, col + R_RESULT_PLACE, RESULTS_PER_POST_MAX - 1,
		   &r->place) &&
	    query_is_null(q, col + R_RESULT_SIGNATURE);
}

void
row_read_round(struct query *q, int col, struct round_row *r)
{
	r->is_there = !query_is_null(q, col + R_ROUND_COUNT);
	r->count = query_get_int(q, col + R_ROUND_COUNT);
	(void)read_bytes(q, col + R_ROUND_ROOT, r->root, sizeof(r->root));
	(void)read_bytes(
	    q, col + R_ROUND_SIGNATURE, r->signature, sizeof(r->signature));
	r->others = query_get_bytes(q, col + R_ROUND_OTHERS);
}

bool
row_read_result(struct query *q, int col, struct result_row *r,
    struct version_row *v, int64_t *transfer)
{
	int64_t form, success;
	bool ok;

	*transfer = query_get_int(q, col + R_RESULT_TRANSFER);
	r->slot = query_get_int(q, col + R_RESULT_SLOT);
	r->version = query_get_int(q, col + R_RESULT_VERSION);
	ok = read_int(q, col + R_RESULT_CYCLE_MS, JSON_INT_MAX, &r->cycle_ms);
	ok &= read_int(q, col + R_RESULT_COPY, COPY_MAX, &r->copy);
	ok &= read_int(
	    q, col + R_RESULT_ASSIGNED_MS, JSON_INT_MAX, &r->assigned_ms);
	ok &= read_int(
	    q, col + R_RESULT_TIMESTAMP_MS, JSON_INT_MAX, &r->timestamp_ms);
	ok &= read_int(q, col + R_RESULT_SUCCESS, 1, &success);
	ok &= read_optional(
	    q, col + R_RESULT_STATUS, STATUS_TOLD_MAX, &r->status);
	ok &= read_optional(
	    q, col + R_RESULT_RESPONSE_MS, JSON_INT_MAX, &r->response_ms);
	r->has_error = !query_is_null(q, col + R_RESULT_ERROR);
	r->error = query_get_text(q, col + R_RESULT_ERROR);
	ok &= read_int(q, col + R_RESULT_ADDRESS_FORM, ADDRESS_UPPER, &form);
	ok &= read_signature(q, col, r);
	ok &= read_int(q, col + R_RESULT_ANCHOR, JSON_INT_MAX, &r->anchor);
	r->trace = query_get_text(q, col + R_RESULT_TRACE);
	r->token = query_get_text(q, col + R_RESULT_TOKEN);
	r->success = success != 0;
	r->is_extra = query_get_int(q, col + R_RESULT_IS_EXTRA) != 0;
	r->form = (enum address_form)form;
	*v = (struct version_row){ .id = r->version,
		.task = query_get_int(q, col + R_RESULT_TASK),
		.type = query_get_text(q, col + R_RESULT_TYPE),
		.expected_status =
		    query_get_int(q, col + R_RESULT_EXPECTED_STATUS),
		.timeout_ms = query_get_int(q, col + R_RESULT_TIMEOUT_MS),
		.reward_micros = query_get_int(q, col + R_RESULT_REWARD_MICROS),
		.interval_ms = query_get_int(q, col + R_RESULT_INTERVAL_MS),
		.copies = query_get_int(q, col + R_RESULT_TASK_COPIES),
		.cooldown_ms = query_get_int(q, col + R_RESULT_COOLDOWN_MS) };
	return ok;
}
