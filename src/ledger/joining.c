#include "ledger/joining.h"

#include <string.h>

#include "eth/opt_in.h"

/* Who asked later than now did so by a clock that was ahead: it hasn't. */
static int64_t
latest_ms(int64_t now_ms)
{
	return now_ms + OPT_IN_LIFE_MS;
}

enum rc
joining_read(struct db *db, const struct address *a, int64_t now_ms,
    struct joining *out, struct err *e)
{
	struct query *q = db_query(db, Q_JOIN_GET);
	char text[ADDRESS_LEN + 1];
	enum rc rc;
	bool row;

	*out = (struct joining){ .region = "" };
	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	query_int(q, 2, now_ms - JOIN_KEPT_MS);
	query_int(q, 3, latest_ms(now_ms));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->asked_ms = query_get_int(q, C_JOIN_GET_ASKED_MS);
		slice_copy(out->region, sizeof(out->region),
		    query_get_text(q, C_JOIN_GET_REGION));
		out->waits = query_get_int(q, C_JOIN_GET_WAITS) != 0;
		out->admitted = query_get_int(q, C_JOIN_GET_ADMITTED) != 0;
		out->works = query_get_int(q, C_JOIN_GET_WORKS) != 0;
		out->suspended = query_get_int(q, C_JOIN_GET_SUSPENDED) != 0;
	}
	query_done(q);
	return rc;
}

/* What purge leaves, but for an address: in all, and of a network. */
static enum rc
count(struct db *db, const struct join_ask *ask, struct slice address,
    int64_t now_ms, int64_t *all, int64_t *network, struct err *e)
{
	struct query *q = db_query(db, Q_JOIN_COUNT);
	enum rc rc;
	bool row;

	*all = *network = 0;
	query_text(q, 1, address);
	query_text(q, 2, ask->network);
	query_int(q, 3, now_ms - JOIN_KEPT_MS);
	query_int(q, 4, now_ms - OPT_IN_LIFE_MS);
	query_int(q, 5, latest_ms(now_ms));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*all = query_get_int(q, 0);
		*network = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

/*
 * In a full table: whether another network has more rows than this one would
 * have; with write, its newest gives way.
 */
static enum rc
make_room(struct db *db, bool write, const struct join_ask *ask,
    int64_t network, bool *room, struct err *e)
{
	struct query *q = db_query(db, Q_JOIN_FULLEST);
	char fullest[SUBNET_MAX + 1] = "";
	enum rc rc;
	bool row;

	*room = false;
	query_text(q, 1, ask->network);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row && query_get_int(q, 1) > network + 1) {
		*room = true;
		slice_copy(fullest, sizeof(fullest), query_get_text(q, 0));
	}
	query_done(q);
	if (rc != RC_OK || !*room || !write)
		return rc;
	q = db_query(db, Q_JOIN_DROP_NEWEST);
	query_text(q, 1, slice_of(fullest));
	return query_run(q, e);
}

/* Whether there is a place for it. */
static enum rc
place(struct db *db, bool write, const struct join_ask *ask,
    struct slice address, int64_t now_ms, enum join_outcome *out, struct err *e)
{
	int64_t all, network;
	bool room = true;
	enum rc rc = count(db, ask, address, now_ms, &all, &network, e);

	if (rc != RC_OK)
		return rc;
	if (network >= JOIN_NETWORK_MAX) {
		*out = JOIN_NETWORK_FULL;
		return RC_OK;
	}
	if (all >= JOIN_ROWS_MAX)
		rc = make_room(db, write, ask, network, &room, e);
	*out = room ? JOIN_TAKEN : JOIN_FULL;
	return rc;
}

static enum rc
purge(struct db *db, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_JOIN_PURGE);

	query_int(q, 1, now_ms - JOIN_KEPT_MS);
	query_int(q, 2, now_ms - OPT_IN_LIFE_MS);
	query_int(q, 3, latest_ms(now_ms));
	return query_run(q, e);
}

enum rc
joining_ask(struct db *db, bool write, const struct join_ask *ask,
    int64_t now_ms, enum join_outcome *out, struct err *e)
{
	char text[ADDRESS_LEN + 1];
	struct slice address = { text, ADDRESS_LEN };
	struct joining j;
	struct query *q;
	enum rc rc = RC_OK;

	*out = JOIN_FULL;
	address_format(text, &ask->address, ADDRESS_LOWER);
	if (write)
		rc = purge(db, now_ms, e);
	if (rc == RC_OK)
		rc = joining_read(db, &ask->address, now_ms, &j, e);
	if (rc != RC_OK)
		return rc;
	if (j.admitted || j.asked_ms >= ask->issued_ms) {
		*out = j.asked_ms >= ask->issued_ms ? JOIN_USED : JOIN_ADMITTED;
		return RC_OK;
	}
	rc = place(db, write, ask, address, now_ms, out, e);
	if (rc != RC_OK || *out != JOIN_TAKEN || !write)
		return rc;
	q = db_query(db, Q_JOIN_SET);
	query_text(q, 1, address);
	query_text(q, 2, ask->network);
	query_text(q, 3, ask->region);
	query_int(q, 4, ask->issued_ms);
	return query_run(q, e);
}

enum rc
joining_answer(
    struct db *db, const struct address *a, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_JOIN_ANSWER);
	char text[ADDRESS_LEN + 1];

	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	query_int(q, 2, now_ms);
	return query_run(q, e);
}
