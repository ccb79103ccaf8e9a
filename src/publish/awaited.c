#include "publish/awaited.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "eth/hex.h"
#include "ledger/signed.h"

void
awaited_free(struct awaited *a)
{
	size_t i;

	for (i = 0; i < a->slots; i++)
		free(a->slot[i].line);
	free(a->slot);
	free(a->credit);
	memset(a, 0, sizeof(*a));
}

/* Room for n more of that size in *all, which has some for *room. */
static enum rc
room_make(void **all, size_t *room, size_t n, size_t size, struct err *e)
{
	size_t want = *room == 0 ? 64 : *room;
	void *more;

	while (want < n)
		want *= 2;
	if (want == *room)
		return RC_OK;
	more = reallocarray(*all, want, size);
	if (more == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	*all = more;
	*room = want;
	return RC_OK;
}

enum rc
awaited_add(struct awaited *a, const struct archived_credit *c, struct err *e)
{
	void *credits = a->credit, *slots = a->slot;
	enum rc rc;
	size_t i;

	rc = room_make(
	    &credits, &a->credits_room, a->credits + 1, sizeof(*a->credit), e);
	a->credit = credits;
	if (rc == RC_OK)
		rc = room_make(&slots, &a->slots_room, a->slots + c->n,
		    sizeof(*a->slot), e);
	a->slot = slots;
	if (rc != RC_OK)
		return rc;
	a->credit[a->credits] = (struct awaited_credit){ *c, c->n };
	for (i = 0; i < c->n; i++)
		a->slot[a->slots++] = (struct awaited_slot){
			.slot = c->slots[i],
			.task = c->tasks[i],
			.credit = a->credits,
		};
	a->credits++;
	a->sorted = false;
	return RC_OK;
}

static int
by_slot(const void *x, const void *y)
{
	const struct awaited_slot *a = x, *b = y;

	return (a->slot > b->slot) - (a->slot < b->slot);
}

struct awaited_slot *
awaited_find(const struct awaited *a, int64_t slot)
{
	const struct awaited_slot key = { .slot = slot };

	CHECK(a->sorted || a->slots == 0);
	return a->slots == 0
	    ? NULL
	    : bsearch(&key, a->slot, a->slots, sizeof(a->slot[0]), by_slot);
}

void
awaited_sort(struct awaited *a)
{
	if (!a->sorted && a->slots > 0)
		qsort(a->slot, a->slots, sizeof(a->slot[0]), by_slot);
	a->sorted = true;
}

int64_t
line_slot(struct slice text)
{
	static const char begin[] = "{\"slot\":";
	const size_t len = sizeof(begin) - 1;
	int64_t slot = 0;
	size_t i;

	if (text.len < len || memcmp(text.p, begin, len) != 0)
		return 0;
	for (i = len; i < text.len && text.p[i] >= '0' && text.p[i] <= '9' &&
	     slot < JSON_INT_MAX / 10;
	     i++)
		slot = 10 * slot + (text.p[i] - '0');
	return slot;
}

enum rc
awaited_line(struct awaited *a, int64_t leaf, int64_t task, struct slice text,
    struct awaited_credit **credit, struct err *e)
{
	struct awaited_slot *s;
	struct line_read l;
	bool is_result;

	*credit = NULL;
	awaited_sort(a);
	s = awaited_find(a, line_slot(text));
	if (s == NULL || s->line != NULL || (s->task != 0 && s->task != task) ||
	    line_parse(&l, text, NULL) != RC_OK)
		return RC_OK;
	is_result = slice_is(l.line.outcome, "result");
	line_free(&l);
	if (!is_result)
		return RC_OK;
	s->line = malloc(text.len);
	if (s->line == NULL)
		return err_set(e, RC_NO_MEMORY, "out of memory");
	memcpy(s->line, text.p, text.len);
	s->len = text.len;
	s->leaf = leaf;
	if (--a->credit[s->credit].missing == 0)
		*credit = &a->credit[s->credit];
	return RC_OK;
}

/* ---- Lines as rows ---- */

/* What a line has of a round has to be that of the transfer's. */
static enum rc
round_read(struct result_row *r, const struct line *l,
    const struct awaited_credit *c, struct db *db, struct err *e)
{
	uint8_t ours[SIGNATURE_LEN];
	int64_t count;
	enum rc rc;

	r->in_round = true;
	r->form = ADDRESS_CHECKSUM;
	r->place = l->place;
	r->anchor = l->anchor;
	r->trace = l->trace;
	r->token = l->token;
	rc = archived_round(db, c->credit.transfer, &count, ours, e);
	if (rc == RC_NOT_FOUND)
		return err_set(
		    e, RC_INVALID, "it is of a round, its credit isn't");
	if (rc == RC_OK &&
	    (count != l->count ||
		memcmp(ours, r->signature, sizeof(ours)) != 0))
		return err_set(e, RC_INVALID, "its round is another one");
	return rc;
}

static enum rc
row_of(struct result_row *r, const struct line *l,
    const struct awaited_credit *c, struct db *db, struct err *e)
{
	*r = (struct result_row){
		.slot = l->slot,
		.version = l->version,
		.cycle_ms = l->cycle,
		.copy = l->copy,
		.assigned_ms = l->assigned,
		.timestamp_ms = l->timestamp,
		.success = l->success == 1,
		.status = l->status,
		.response_ms = l->ms,
		.has_error = l->error.p != NULL,
		.error = l->error.p == NULL ? slice_of("") : l->error,
		.trace = { "", 0 },
		.token = { "", 0 },
	};
	if (hex_decode(r->signature, SIGNATURE_LEN, l->signature, NULL) !=
	    RC_OK)
		return err_set(e, RC_INVALID, "it has no signature");
	if (c->credit.worker[0] != '\0' &&
	    !slice_is(l->worker, c->credit.worker))
		return err_set(e, RC_INVALID, "it is another worker's");
	if (slice_is(l->scheme, ROUND_SCHEME))
		return round_read(r, l, c, db, e);
	if (!slice_is(l->scheme, LINE_ALONE) ||
	    !line_form_parse(l->form, &r->form))
		return err_set(e, RC_INVALID, "it is of no known scheme");
	return RC_OK;
}

enum rc
awaited_result(struct awaited_result *out, const struct awaited *a,
    const struct awaited_credit *c, size_t i, struct db *db, struct err *e)
{
	const struct awaited_slot *s = awaited_find(a, c->credit.slots[i]);
	enum rc rc;

	static_assert(LINE_NONE == ABSENT, "a number that isn't there");
	CHECK(c->missing == 0 && s != NULL && s->line != NULL);
	rc = line_parse(&out->read, (struct slice){ s->line, s->len }, e);
	if (rc != RC_OK)
		return rc;
	rc = row_of(&out->row, &out->read.line, c, db, e);
	if (rc == RC_OK)
		return RC_OK;
	line_free(&out->read);
	return err_prefix(e, "slot %" PRId64, s->slot);
}

enum rc
awaited_digest(uint8_t digest[static KECCAK256_LEN], const struct awaited *a,
    const struct awaited_credit *c, struct db *db, struct err *e)
{
	struct transfer_link link = { .format = TRANSFER_FORMAT };
	struct awaited_result r;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < c->credit.n && rc == RC_OK; i++) {
		rc = awaited_result(&r, a, c, i, db, e);
		if (rc != RC_OK)
			break;
		link_transfer_result(&link, &r.row);
		line_free(&r.read);
	}
	if (rc == RC_OK)
		link_results_end(&link, digest);
	return rc;
}

void
awaited_forget(struct awaited *a)
{
	size_t *now = calloc(a->credits + 1, sizeof(*now));
	size_t i, n = 0;

	if (now == NULL)
		return; /* it is only memory that stays longer */
	for (i = 0; i < a->credits; i++) {
		now[i] = n;
		if (a->credit[i].missing > 0)
			a->credit[n++] = a->credit[i];
		else
			now[i] = SIZE_MAX;
	}
	a->credits = n;
	for (i = 0, n = 0; i < a->slots; i++) {
		if (now[a->slot[i].credit] == SIZE_MAX) {
			free(a->slot[i].line);
			continue;
		}
		a->slot[n] = a->slot[i];
		a->slot[n++].credit = now[a->slot[i].credit];
	}
	a->slots = n;
	free(now);
}
