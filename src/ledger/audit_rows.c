/* Rows as the audit reads them: whatever they hold, reading them is safe. */
#include <inttypes.h>
#include <string.h>

#include "ledger/audit_part.h"

#define STATUS_STORED_MAX 999 /* what the coordinator takes */

void
audit_format(struct audit *a, enum audit_rule rule, const char *row, int64_t id,
    int64_t format)
{
	if (format < 1 || format > LINK_FORMAT)
		audit_found(a, rule,
		    "%s %" PRId64 ": its hash is of format %" PRId64
		    ", this program knows 1 to %d",
		    row, id, format, LINK_FORMAT);
}

bool
audit_is_time(int64_t ms)
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
audit_read_version(
    struct query *q, struct version_row *v, uint8_t hash[static KECCAK256_LEN])
{
	v->id = query_get_int(q, 0);
	v->task = query_get_int(q, 1);
	v->url = query_get_text(q, 2);
	v->expected_status = query_get_int(q, 3);
	v->timeout_ms = query_get_int(q, 4);
	v->reward_micros = query_get_int(q, 5);
	v->interval_ms = query_get_int(q, 6);
	v->copies = query_get_int(q, 7);
	v->cooldown_ms = query_get_int(q, 8);
	v->region = query_get_text(q, 9);
	v->created_ms = query_get_int(q, 10);
	(void)read_bytes(q, 11, hash, KECCAK256_LEN);
	v->format = query_get_int(q, 13);
}

void
audit_read_transfer(
    struct query *q, struct transfer_row *t, uint8_t hash[static KECCAK256_LEN])
{
	t->id = query_get_int(q, 0);
	t->at_ms = query_get_int(q, 1);
	t->kind = query_get_text(q, 2);
	t->debit = query_get_int(q, 3);
	t->credit = query_get_int(q, 4);
	t->amount_micros = query_get_int(q, 5);
	(void)read_bytes(q, 6, hash, KECCAK256_LEN);
	t->format = query_get_int(q, 7);
}

void
audit_read_event(
    struct query *q, struct event_row *ev, uint8_t hash[static KECCAK256_LEN])
{
	ev->id = query_get_int(q, 0);
	ev->payout = query_get_int(q, 1);
	ev->at_ms = query_get_int(q, 2);
	ev->kind = query_get_text(q, 3);
	ev->transfer = query_get_int(q, 4);
	ev->tx = query_get_text(q, 5);
	ev->block = query_get_int(q, 6);
	ev->detail = query_get_text(q, 7);
	(void)read_bytes(q, 8, hash, KECCAK256_LEN);
	ev->format = query_get_int(q, 10);
}

bool
audit_read_result(struct query *q, struct result_row *r, struct version_row *v,
    int64_t *transfer)
{
	int64_t form, success;
	bool ok;

	*transfer = query_get_int(q, 0);
	r->slot = query_get_int(q, 1);
	r->version = query_get_int(q, 2);
	ok = read_int(q, 3, JSON_INT_MAX, &r->cycle_ms);
	ok &= read_int(q, 4, JSON_INT_MAX, &r->copy);
	ok &= read_int(q, 5, JSON_INT_MAX, &r->assigned_ms);
	ok &= read_int(q, 6, JSON_INT_MAX, &r->timestamp_ms);
	ok &= read_int(q, 7, 1, &success);
	ok &= read_optional(q, 8, STATUS_STORED_MAX, &r->status);
	ok &= read_optional(q, 9, JSON_INT_MAX, &r->response_ms);
	r->has_error = !query_is_null(q, 10);
	r->error = query_get_text(q, 10);
	ok &= read_int(q, 11, ADDRESS_UPPER, &form);
	ok &= read_bytes(q, 12, r->signature, sizeof(r->signature));
	r->success = success != 0;
	r->form = (enum address_form)form;
	*v = (struct version_row){ .id = r->version,
		.task = query_get_int(q, 13),
		.reward_micros = query_get_int(q, 14),
		.interval_ms = query_get_int(q, 15),
		.copies = query_get_int(q, 16) };
	return ok;
}
