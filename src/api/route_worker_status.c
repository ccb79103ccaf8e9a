/*
 * GET /v1/worker/ADDRESS/status: what a worker's page shows. The figures have
 * the names that worknet worker show --json gives them. GET .../transfers: all
 * that moved its balance (?before=ID for older ones).
 */
#include <stdlib.h>
#include <string.h>

#include "api/room.h"
#include "api/write.h"

#define STATUS_CACHE_S 5

enum rc
part_statement(
    struct api_exchange *x, struct db *db, struct statement *s, struct err *e)
{
	struct address address;

	if (address_parse(&address, NULL, x->part, e) != RC_OK)
		return RC_NOT_FOUND;
	return statement_read(db, &address, x->now_ms, s, e);
}

enum rc
part_transfers(struct api_exchange *x, struct db *db, struct slice query,
    struct statement_page *p, struct err *e)
{
	struct address address;

	if (address_parse(&address, NULL, x->part, e) != RC_OK)
		return RC_NOT_FOUND;
	return statement_page_read(
	    db, &address, x->now_ms, query_before(query), p, e);
}

static void
account_write(struct json_writer *w, const struct account *a)
{
	const struct maturity *m = &a->maturity;
	char address[ADDRESS_LEN + 1];
	bool waits = a->owed_micros > a->payable_micros;

	address_format(address, &a->address, ADDRESS_CHECKSUM);
	write_text(w, "address", address);
	write_text(w, "state", a->suspended ? "suspended" : "active");
	write_text(w, "record", m->established ? "good" : "new");
	write_text_if(w, "tier", a->tier);
	write_number(w, "rewardPermille", a->reward_permille);
	write_number(w, "firstSeenMs", a->first_seen_ms);
	write_number(w, "results", a->results);
	write_number(w, "earnedMicros", a->earned_micros);
	write_number(w, "owedMicros", a->owed_micros);
	write_number(w, "payableMicros", a->payable_micros);
	write_number(w, "waitingMicros", a->owed_micros - a->payable_micros);
	write_number(w, "inFlightMicros", a->in_flight_micros);
	write_number(w, "paidMicros", a->paid_micros);
	write_number(w, "forfeitedMicros", a->forfeited_micros);
	write_number(w, "payableAfterMs", m->span_ms);
	write_number_if(w, "nextPayableMs", waits, m->first_ms + m->span_ms);
	write_number_if(w, "allPayableMs", waits, m->last_ms + m->span_ms);
}

static void
payouts_write(struct json_writer *w, const struct page_site *site,
    const struct statement *s)
{
	char link[URL_MAX + TX_LEN + 1];
	const struct statement_payout *p;
	size_t i;

	json_key(w, "payouts");
	json_open_array(w);
	for (i = 0; i < s->payouts_n; i++) {
		p = &s->payouts[i];
		page_transaction_link(link, site, p);
		json_open_object(w);
		write_number(w, "number", p->number);
		write_text(w, "state", payout_state_name(p->state));
		write_number(w, "reservedMs", p->reserved_ms);
		write_number(w, "amountMicros", p->amount_micros);
		write_number(w, "paidMicros", p->paid_micros);
		write_number(w, "chainId", p->chain_id);
		write_text_if(w, "transaction", p->tx);
		write_text_if(w, "link", link);
		json_close_object(w);
	}
	json_close_array(w);
}

static void
forfeits_write(struct json_writer *w, const struct statement *s)
{
	const struct statement_forfeit *f;
	size_t i;

	json_key(w, "forfeits");
	json_open_array(w);
	for (i = 0; i < s->forfeits_n; i++) {
		f = &s->forfeits[i];
		json_open_object(w);
		write_number(w, "atMs", f->at_ms);
		write_number(w, "micros", f->micros);
		write_number(w, "sinceMs", f->since_ms);
		write_text(w, "by", f->by_record ? "record" : "operator");
		write_text(w, "why", f->why);
		json_close_object(w);
	}
	json_close_array(w);
}

static void
credits_write(struct json_writer *w, const struct statement *s)
{
	const struct statement_credit *c;
	size_t i;

	json_key(w, "credits");
	json_open_array(w);
	for (i = 0; i < s->credits_n; i++) {
		c = &s->credits[i];
		json_open_object(w);
		write_number(w, "atMs", c->at_ms);
		write_number(w, "micros", c->micros);
		write_number(w, "results", c->results);
		json_key(w, "recovered");
		json_bool(w, c->recovered);
		json_close_object(w);
	}
	json_close_array(w);
}

static void
refusals_add(struct json_writer *w, const struct statement *s)
{
	size_t i;

	write_number(w, "refused", s->refused);
	write_array(w, "refusals");
	for (i = 0; i < s->refusals_n; i++) {
		json_open_object(w);
		write_number(w, "dayMs", s->refusals[i].day * DAY_MS);
		write_text(w, "reason", s->refusals[i].reason);
		write_number(w, "results", s->refusals[i].results);
		json_close_object(w);
	}
	json_close_array(w);
}

static void
status_write(struct json_writer *w, const struct page_site *site,
    const struct statement *s)
{
	int64_t threshold = site->threshold_micros;
	int64_t payable = s->account.payable_micros;

	json_open_object(w);
	write_number(w, "nowMs", s->now_ms);
	account_write(w, &s->account);
	write_text_if(w, "held", statement_hold_name(s->hold));
	write_number_if(w, "thresholdMicros", threshold > 0, threshold);
	write_number_if(w, "missingMicros", threshold > 0,
	    payable < threshold ? threshold - payable : 0);
	write_number_if(w, "lastRunMs", s->last_run_ms > 0, s->last_run_ms);
	write_number_if(w, "runEveryMs", s->run_every_ms > 0, s->run_every_ms);
	write_number_if(w, "nextRunMs", s->next_run_ms > 0, s->next_run_ms);
	payouts_write(w, site, s);
	forfeits_write(w, s);
	credits_write(w, s);
	refusals_add(w, s);
	json_close_object(w);
}

static bool
status_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct statement *s = malloc(sizeof(*s));
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	enum rc rc = s == NULL ? err_set(&e, RC_NO_MEMORY, "status: no memory")
			       : part_statement(x, db, s, &e);

	(void)rq;
	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK)
		status_write(w, &x->rules->pages, s);
	else if (rc == RC_NOT_FOUND)
		respond_error(x, rs, 404, "unknown worker");
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	free(s);
	return true;
}

const struct route route_worker_status = {
	.path = "/v1/worker/*/status",
	.method = "GET",
	.cache_s = STATUS_CACHE_S,
	.handle = status_handle,
};

static void
transfers_write(struct json_writer *w, const struct statement_page *p)
{
	const struct statement_transfer *t = p->all;
	char address[ADDRESS_LEN + 1];
	size_t i;

	json_open_object(w);
	write_number(w, "nowMs", p->now_ms);
	address_format(address, &p->account.address, ADDRESS_CHECKSUM);
	write_text(w, "address", address);
	write_number(w, "owedMicros", p->account.owed_micros);
	write_array(w, "transfers");
	for (i = 0; i < p->n; i++, t++) {
		json_open_object(w);
		write_number(w, "id", t->id);
		write_number(w, "atMs", t->at_ms);
		write_text(w, "kind", t->kind);
		write_number(w, "micros", t->micros);
		write_number_if(
		    w, "results", strcmp(t->kind, "credit") == 0, t->results);
		json_close_object(w);
	}
	json_close_array(w);
	write_number_if(
	    w, "nextBefore", p->more, p->more ? p->all[p->n - 1].id : 0);
	json_close_object(w);
}

static bool
transfers_handle(struct api_exchange *x, struct db *db,
    const struct api_request *rq, struct api_response *rs)
{
	struct statement_page *p = malloc(sizeof(*p));
	struct json_writer *w = NULL;
	struct err e = ERR_INIT;
	enum rc rc = p == NULL
	    ? err_set(&e, RC_NO_MEMORY, "transfers: no memory")
	    : part_transfers(x, db, rq->query, p, &e);

	if (rc == RC_OK)
		rc = json_writer_new(&w, &x->body, false, &e);
	if (rc == RC_OK)
		transfers_write(w, p);
	else if (rc == RC_NOT_FOUND)
		respond_error(x, rs, 404, "unknown worker");
	else
		respond_unavailable(x, rs, &e);
	json_writer_free(w);
	free(p);
	return true;
}

const struct route route_worker_transfers = {
	.path = "/v1/worker/*/transfers",
	.method = "GET",
	.cache_s = STATUS_CACHE_S,
	.handle = transfers_handle,
};
