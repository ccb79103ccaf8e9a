#include "ledger/standing.h"

#include <string.h>

#include "base/clock.h"
#include "ledger/origin.h"
#include "ledger/region.h"

/* From column col of q on. */
static void
standing_fill(struct standing *s, struct query *q, int col)
{
	struct slice network = query_get_text(q, col + R_STANDING_NETWORK);

	s->known = !query_is_null(q, col + R_STANDING_WORKER);
	s->results = query_get_int(q, col + R_STANDING_RESULTS);
	s->hours = query_get_int(q, col + R_STANDING_HOURS);
	s->hour = query_get_int(q, col + R_STANDING_HOUR);
	s->owed_hours = query_get_int(q, col + R_STANDING_OWED_HOURS);
	if (network.len <= SUBNET_MAX)
		memcpy(s->network, network.p, network.len);
	s->region = query_get_int(q, col + R_STANDING_REGION);
	s->region_ms = query_get_int(q, col + R_STANDING_REGION_MS);
}

enum rc
standing_find(
    struct db *db, const struct address *a, struct standing *out, struct err *e)
{
	struct query *q = db_query(db, Q_STANDING_FIND);
	char text[ADDRESS_LEN + 1];
	enum rc rc;
	bool row;

	*out = (struct standing){ .worker = 0 };
	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->worker = query_get_int(q, C_STANDING_FIND_ID);
		standing_fill(out, q, C_STANDING_FIND_STANDING);
	}
	query_done(q);
	return rc;
}

enum rc
standing_read(
    struct db *db, int64_t worker, struct standing *out, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*out = (struct standing){ .worker = worker };
	if (worker == 0)
		return RC_OK;
	q = db_query(db, Q_STANDING_GET);
	query_int(q, 1, worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		standing_fill(out, q, C_STANDING_GET_STANDING);
	query_done(q);
	return rc;
}

bool
standing_is_anybodys(const struct standing_rules *rules)
{
	return rules->results == 0 && rules->hours == 0;
}

bool
standing_is_good(const struct standing *s, const struct standing_rules *rules)
{
	return s->results >= rules->results && s->hours >= rules->hours;
}

bool
standing_may_hold(const struct standing *s, const struct standing_rules *rules)
{
	return standing_is_good(s, rules) && s->owed_hours == 0;
}

bool
standing_is_from(const struct standing *s, struct slice network)
{
	/* Who was never paid can't be told from anybody else. */
	return !s->known || slice_is(network, s->network);
}

bool
standing_may_work_in(const struct standing *s, int64_t region, int64_t now_ms)
{
	return region == REGION_ANY || s->region == REGION_ANY ||
	    s->region == region || s->region_ms < now_ms - DAY_MS ||
	    s->region_ms > now_ms;
}

static enum rc
standing_write(struct db *db, const struct standing *s, struct err *e)
{
	struct query *q = db_query(db, Q_STANDING_SET);

	query_int(q, 1, s->worker);
	query_int(q, 2, s->results);
	query_int(q, 3, s->hours);
	query_int(q, 4, s->hour);
	query_int(q, 5, s->owed_hours);
	query_text(q, 6, slice_of(s->network));
	query_int(q, 7, s->region);
	query_int(q, 8, s->region_ms);
	return query_run(q, e);
}

/* What a payment in region changes, once an hour. */
static void
region_count(struct standing *s, int64_t region, int64_t now_ms)
{
	if (region == REGION_ANY)
		return;
	if (standing_may_work_in(s, region, now_ms) && s->region != region) {
		s->region = region;
		s->region_ms = now_ms;
	} else if (s->region == region &&
	    s->region_ms / HOUR_MS != now_ms / HOUR_MS)
		s->region_ms = now_ms;
}

enum rc
standing_pay(struct db *db, int64_t worker, struct slice network,
    int64_t region, int64_t n, int64_t now_ms, struct err *e)
{
	const int64_t hour = now_ms / HOUR_MS;
	struct standing s, before;
	enum rc rc;

	rc = standing_read(db, worker, &before, e);
	if (rc != RC_OK)
		return rc;
	s = before;
	s.known = true;
	s.results += n;
	if (s.results > STANDING_RESULTS_MAX)
		s.results = STANDING_RESULTS_MAX;
	/* Another hour, be it before: a clock may have been ahead. */
	if (!before.known || s.hour != hour) {
		s.hour = hour;
		if (s.hours < STANDING_HOURS_MAX)
			s.hours++;
		if (s.owed_hours > 0)
			s.owed_hours--;
	}
	if (!slice_is(network, s.network) && network.len <= SUBNET_MAX) {
		memset(s.network, 0, sizeof(s.network));
		memcpy(s.network, network.p, network.len);
		rc = origin_note(db, worker, network, e);
		if (rc != RC_OK)
			return rc;
	}
	region_count(&s, region, now_ms);
	if (memcmp(&s, &before, sizeof(s)) == 0)
		return RC_OK;
	return standing_write(db, &s, e);
}

enum rc
standing_was_silent(struct db *db, struct standing *s,
    const struct standing_rules *rules, struct err *e)
{
	s->owed_hours = rules->hours > 0 ? rules->hours : 1;
	return s->known ? standing_write(db, s, e) : RC_OK;
}

enum rc
standing_lose(struct db *db, int64_t worker, struct err *e)
{
	struct standing s;
	enum rc rc = standing_read(db, worker, &s, e);

	if (rc != RC_OK || !s.known)
		return rc;
	s.results = s.hours = 0;
	return standing_write(db, &s, e);
}
