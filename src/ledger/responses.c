#include "ledger/responses.h"

#include <stdlib.h>

#define HOURS_FIRST 24 /* elements of an array that begins to grow */

static enum rc
hour_add(struct responses *out, int64_t hour_ms, struct slice region,
    const struct response_times *times, struct err *e)
{
	struct response_hour *all = out->hours;

	if (out->n == out->cap) {
		out->cap = out->cap == 0 ? HOURS_FIRST : 2 * out->cap;
		all = reallocarray(all, out->cap, sizeof(all[0]));
		if (all == NULL)
			return err_set(
			    e, RC_NO_MEMORY, "response times: no memory");
		out->hours = all;
	}
	all += out->n++;
	all->hour_ms = hour_ms;
	all->times = *times;
	slice_copy(all->region, sizeof(all->region), region);
	return RC_OK;
}

static enum rc
rows_add(struct responses *out, struct db *db, int64_t task, int64_t from_ms,
    int64_t to_ms, size_t max, struct err *e)
{
	struct query *q = db_query(db, Q_RESPONSE_HOURS);
	struct response_times times;
	bool row = false;
	enum rc rc = RC_OK;

	query_int(q, 1, task);
	query_int(q, 2, from_ms);
	query_int(q, 3, to_ms);
	while (rc == RC_OK && out->n < max &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		times = (struct response_times){
			.results = query_get_int(q, C_RESPONSE_HOURS_RESULTS),
			.p50_ms = query_get_int(q, C_RESPONSE_HOURS_P50_MS),
			.p95_ms = query_get_int(q, C_RESPONSE_HOURS_P95_MS),
			.max_ms = query_get_int(q, C_RESPONSE_HOURS_MAX_MS),
		};
		rc = hour_add(out, query_get_int(q, C_RESPONSE_HOURS_HOUR_MS),
		    query_get_text(q, C_RESPONSE_HOURS_NAME), &times, e);
	}
	query_done(q);
	return rc;
}

/* An hour since then, whose region has a number and no name. */
static enum rc
walked_add(struct responses *out, struct db *db,
    const struct report_response *r, struct err *e)
{
	struct query *q = db_query(db, Q_REGION_NAME);
	enum rc rc;
	bool row;

	query_int(q, 1, r->of.region);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = hour_add(
		    out, r->hour_ms, query_get_text(q, 0), &r->of.times, e);
	query_done(q);
	return rc;
}

enum rc
responses_read(struct responses *out, struct db *db, int64_t task,
    const struct uptime_report *r, int64_t from_ms, size_t max, struct err *e)
{
	size_t i;
	enum rc rc;

	*out = (struct responses){ .n = 0 };
	rc = rows_add(out, db, task, from_ms, r->rows_ms, max, e);
	for (i = 0; rc == RC_OK && i < r->responses_n && out->n < max; i++)
		if (r->responses[i].hour_ms >= from_ms)
			rc = walked_add(out, db, &r->responses[i], e);
	return rc;
}

void
responses_free(struct responses *r)
{
	free(r->hours);
	*r = (struct responses){ .n = 0 };
}
