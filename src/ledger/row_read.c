#include "ledger/row_read.h"

#include <string.h>

#include "base/limits.h"

#define STATUS_STORED_MAX 999 /* what the coordinator takes */

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
row_read_version(struct query *q, int col, struct version_row *v,
    uint8_t hash[static KECCAK256_LEN])
{
	v->id = query_get_int(q, col);
	v->task = query_get_int(q, col + 1);
	v->url = query_get_text(q, col + 2);
	v->expected_status = query_get_int(q, col + 3);
	v->timeout_ms = query_get_int(q, col + 4);
	v->reward_micros = query_get_int(q, col + 5);
	v->interval_ms = query_get_int(q, col + 6);
	v->copies = query_get_int(q, col + 7);
	v->cooldown_ms = query_get_int(q, col + 8);
	v->region = query_get_text(q, col + 9);
	v->created_ms = query_get_int(q, col + 10);
	(void)row_read_hash(q, col + 11, hash);
	v->format = query_get_int(q, col + 12);
}

void
row_read_transfer(struct query *q, int col, struct transfer_row *t,
    uint8_t hash[static KECCAK256_LEN])
{
	t->id = query_get_int(q, col);
	t->at_ms = query_get_int(q, col + 1);
	t->kind = query_get_text(q, col + 2);
	t->debit = query_get_int(q, col + 3);
	t->credit = query_get_int(q, col + 4);
	t->amount_micros = query_get_int(q, col + 5);
	(void)row_read_hash(q, col + 6, hash);
	t->format = query_get_int(q, col + 7);
}

void
row_read_event(struct query *q, int col, struct event_row *ev,
    uint8_t hash[static KECCAK256_LEN])
{
	ev->id = query_get_int(q, col);
	ev->payout = query_get_int(q, col + 1);
	ev->at_ms = query_get_int(q, col + 2);
	ev->kind = query_get_text(q, col + 3);
	ev->transfer = query_get_int(q, col + 4);
	ev->tx = query_get_text(q, col + 5);
	ev->block = query_get_int(q, col + 6);
	ev->detail = query_get_text(q, col + 7);
	(void)row_read_hash(q, col + 8, hash);
	ev->format = query_get_int(q, col + 9);
}

bool
row_read_result(struct query *q, int col, struct result_row *r,
    struct version_row *v, int64_t *transfer)
{
	int64_t form, success;
	bool ok;

	*transfer = query_get_int(q, col);
	r->slot = query_get_int(q, col + 1);
	r->version = query_get_int(q, col + 2);
	ok = read_int(q, col + 3, JSON_INT_MAX, &r->cycle_ms);
	ok &= read_int(q, col + 4, JSON_INT_MAX, &r->copy);
	ok &= read_int(q, col + 5, JSON_INT_MAX, &r->assigned_ms);
	ok &= read_int(q, col + 6, JSON_INT_MAX, &r->timestamp_ms);
	ok &= read_int(q, col + 7, 1, &success);
	ok &= read_optional(q, col + 8, STATUS_STORED_MAX, &r->status);
	ok &= read_optional(q, col + 9, JSON_INT_MAX, &r->response_ms);
	r->has_error = !query_is_null(q, col + 10);
	r->error = query_get_text(q, col + 10);
	ok &= read_int(q, col + 11, ADDRESS_UPPER, &form);
	ok &= read_bytes(q, col + 12, r->signature, sizeof(r->signature));
	r->success = success != 0;
	r->form = (enum address_form)form;
	*v = (struct version_row){ .id = r->version,
		.task = query_get_int(q, col + 13),
		.reward_micros = query_get_int(q, col + 14),
		.interval_ms = query_get_int(q, col + 15),
		.copies = query_get_int(q, col + 16),
		.cooldown_ms = query_get_int(q, col + 17) };
	return ok;
}
