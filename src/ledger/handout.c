#include "ledger/handout.h"

#include <string.h>

#include "base/limits.h"

/* Of any address: each poll that is given something adds one. */
#define PURGE_AT_ONCE 4

static void
address_bind(
    struct query *q, char text[static ADDRESS_LEN + 1], const struct address *a)
{
	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
}

enum rc
handout_add(struct db *db, const struct handout *h, struct err *e)
{
	struct query *q = db_query(db, Q_HANDOUT_ADD);
	char text[ADDRESS_LEN + 1];

	address_bind(q, text, &h->address);
	query_int(q, 2, h->at_ms);
	query_int(q, 3, h->worker);
	query_text(q, 4, h->network);
	query_int(q, 5, h->slots);
	query_int(q, 6, h->held_ms);
	return query_run(q, e);
}

enum rc
handout_count(struct db *db, struct slice network, int64_t since_ms,
    int64_t now_ms, struct handout_sums *out, struct err *e)
{
	struct query *q = db_query(db, Q_HANDOUT_SLOTS);
	enum rc rc;
	bool row;

	*out = (struct handout_sums){ .held = 0 };
	query_text(q, 1, network);
	query_int(q, 2, since_ms);
	query_int(q, 3, now_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		*out = (struct handout_sums){
			.held = query_get_int(q, C_HANDOUT_SLOTS_HELD),
			.free = query_get_int(q, C_HANDOUT_SLOTS_FREE),
			.silent = query_get_int(q, C_HANDOUT_SLOTS_SILENT),
		};
	query_done(q);
	return rc;
}

enum rc
handout_paid(struct db *db, const struct address *a, int64_t at_ms, int64_t n,
    struct err *e)
{
	static const enum query_id either[] = { Q_HANDOUT_DONE,
		Q_HANDOUT_LESS };
	char text[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc;
	size_t i;

	for (i = 0; i < sizeof(either) / sizeof(either[0]); i++) {
		q = db_query(db, either[i]);
		address_bind(q, text, a);
		query_int(q, 2, at_ms);
		query_int(q, 3, n);
		rc = query_run(q, e);
		if (rc != RC_OK || db_changes(db) > 0)
			return rc;
	}
	return RC_OK; /* given by a program that kept none */
}

enum rc
handout_settle(struct db *db, const struct address *a, struct standing *s,
    const struct standing_rules *rules, int64_t now_ms, struct err *e)
{
	static const enum query_id first[] = { Q_HANDOUT_SETTLED,
		Q_HANDOUT_CLEAR };
	char text[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		q = db_query(db, first[i]);
		address_bind(q, text, a);
		rc = query_run(q, e);
		if (rc != RC_OK)
			return rc;
	}
	q = db_query(db, Q_HANDOUT_SILENT);
	address_bind(q, text, a);
	query_int(q, 2, now_ms);
	rc = query_run(q, e);
	return rc == RC_OK && db_changes(db) > 0
	    ? standing_was_silent(db, s, rules, e)
	    : rc;
}

/* What a handout leaves behind. */
struct remains {
	char address[ADDRESS_LEN + 1];
	int64_t at_ms;
	int64_t worker;
	int64_t held_ms;
	char network[SUBNET_MAX + 1];
};

static enum rc
remains_find(struct db *db, struct remains *r, bool *row, int64_t keep_ms,
    int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_HANDOUT_OLD);
	struct slice address;
	enum rc rc;

	query_int(q, 1, now_ms - keep_ms);
	query_int(q, 2, now_ms + POLL_PERIOD_MS);
	rc = query_step(q, row, e);
	if (rc == RC_OK && *row) {
		*r = (struct remains){
			.at_ms = query_get_int(q, C_HANDOUT_OLD_AT_MS),
			.worker = query_get_int(q, C_HANDOUT_OLD_WORKER),
			.held_ms = query_get_int(q, C_HANDOUT_OLD_HELD_MS),
		};
		address = query_get_text(q, C_HANDOUT_OLD_ADDRESS);
		if (address.len == ADDRESS_LEN)
			memcpy(r->address, address.p, ADDRESS_LEN);
		slice_copy(r->network, sizeof(r->network),
		    query_get_text(q, C_HANDOUT_OLD_NETWORK));
	}
	query_done(q);
	return rc;
}

static enum rc
worker_forget(struct db *db, int64_t worker, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_FORGET);
	enum rc rc;

	query_int(q, 1, worker);
	rc = query_run(q, e);
	if (rc != RC_OK || db_changes(db) == 0)
		return rc;
	q = db_query(db, Q_REFUSAL_FORGET);
	query_int(q, 1, worker);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ACCOUNT_FORGET);
	query_int(q, 1, worker);
	return query_run(q, e);
}

static enum rc
remains_forget(struct db *db, const struct remains *r,
    const struct standing_rules *rules, struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_SLOT_FORGET);
	struct standing s;
	bool unanswered;
	enum rc rc;

	query_text(q, 1, slice_of(r->network));
	query_int(q, 2, r->worker);
	query_int(q, 3, r->at_ms);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ASSIGNMENT_FORGET);
	query_int(q, 1, r->worker);
	query_int(q, 2, r->at_ms);
	rc = query_run(q, e);
	unanswered = db_changes(db) > 0;
	if (rc == RC_OK && unanswered && r->held_ms > 0) {
		rc = standing_read(db, r->worker, &s, e);
		if (rc == RC_OK)
			rc = standing_was_silent(db, &s, rules, e);
	}
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ASSIGNMENT_LOST);
	query_int(q, 1, r->worker);
	query_int(q, 2, r->at_ms);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_HANDOUT_DROP);
	query_text(q, 1, slice_of(r->address));
	query_int(q, 2, r->at_ms);
	rc = query_run(q, e);
	return rc == RC_OK ? worker_forget(db, r->worker, e) : rc;
}

enum rc
handout_purge(struct db *db, const struct standing_rules *rules,
    int64_t keep_ms, int64_t now_ms, struct err *e)
{
	struct remains r;
	enum rc rc = RC_OK;
	bool row = true;
	int i;

	for (i = 0; rc == RC_OK && row && i < PURGE_AT_ONCE; i++) {
		rc = remains_find(db, &r, &row, keep_ms, now_ms, e);
		if (rc == RC_OK && row)
			rc = remains_forget(db, &r, rules, e);
	}
	return rc;
}
