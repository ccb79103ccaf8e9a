/* Of rollup.h: hours and incidents as rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/rollup.h"
#include "ledger/terms.h"

void
networks_format(
    char out[static NETWORKS_TEXT_MAX], const int64_t *networks, size_t n)
{
	size_t used = 0, i;

	out[0] = '\0';
	for (i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, NETWORKS_TEXT_MAX - used,
		    "%s%" PRId64, i > 0 ? " " : "", networks[i]);
}

enum rc
networks_parse(struct uptime_state *s, struct slice text, struct err *e)
{
	char copy[NETWORKS_TEXT_MAX], *p = copy, *end;

	if (text.len >= sizeof(copy))
		return err_set(e, RC_CORRUPT, "a list of networks is too long");
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	for (s->networks_n = 0; *p != '\0'; p = end) {
		if (s->networks_n == UPTIME_NETWORKS_MAX)
			return err_set(
			    e, RC_CORRUPT, "a list of networks has too many");
		s->networks[s->networks_n++] = strtoll(p, &end, 10);
		if (end == p)
			return err_set(
			    e, RC_CORRUPT, "a list of networks isn't one");
	}
	return RC_OK;
}

const char *
incident_ended(enum uptime_event ended)
{
	return ended == UPTIME_RECOVERED ? "recovered"
	    : ended == UPTIME_LOST	 ? "evidence"
					 : "open";
}

enum uptime_event
incident_ended_parse(struct slice text)
{
	if (slice_is(text, incident_ended(UPTIME_NOTHING)))
		return UPTIME_NOTHING;
	return slice_is(text, incident_ended(UPTIME_RECOVERED))
	    ? UPTIME_RECOVERED
	    : UPTIME_LOST;
}

/* The columns of a row that are counts of ms. */
static void
time_read(struct query *q, int col, struct uptime_time *t)
{
	t->up = query_get_int(q, col);
	t->down = query_get_int(q, col + 1);
	t->unconfirmed = query_get_int(q, col + 2);
	t->unknown = query_get_int(q, col + 3);
	t->disputed = query_get_int(q, col + 4);
}

void
rollup_times_read(struct query *q, struct uptime_time *t)
{
	time_read(q, C_UPTIME_HOUR_TIMES_UP_MS, t);
	t->paused = query_get_int(q, C_UPTIME_HOUR_TIMES_PAUSED_MS);
	t->maintenance = query_get_int(q, C_UPTIME_HOUR_TIMES_MAINTENANCE_MS);
}

enum rc
uptime_state_read(
    struct uptime_state *s, struct query *q, int col, struct err *e)
{
	*s = (struct uptime_state){
		.decided_ms = query_get_int(q, col),
		.down_ms = query_get_int(q, col + 1),
		.open_ms = query_get_int(q, col + 2),
		.run_n = query_get_int(q, col + 3),
		.run_ms = query_get_int(q, col + 4),
	};
	return networks_parse(s, query_get_text(q, col + 5), e);
}

void
uptime_state_bind(struct query *q, int i, const struct uptime_state *s,
    char networks[static NETWORKS_TEXT_MAX])
{
	networks_format(networks, s->networks, s->networks_n);
	query_int(q, i, s->decided_ms);
	query_int(q, i + 1, s->down_ms);
	query_int(q, i + 2, s->open_ms);
	query_int(q, i + 3, s->run_n);
	query_int(q, i + 4, s->run_ms);
	query_text(q, i + 5, slice_of(networks));
}

enum rc
rollup_hour_read(struct query *q, struct uptime_hour *h, struct err *e)
{
	int64_t raw = query_get_int(q, C_UPTIME_HOURS_SLICE_RAW);

	memset(h, 0, sizeof(*h));
	h->hour_ms = query_get_int(q, C_UPTIME_HOURS_HOUR_MS);
	h->to_ms = h->hour_ms + HOUR_MS;
	time_read(q, C_UPTIME_HOURS_UP_MS, &h->time);
	h->time.paused = query_get_int(q, C_UPTIME_HOURS_PAUSED_MS);
	h->time.maintenance = query_get_int(q, C_UPTIME_HOURS_MAINTENANCE_MS);
	time_read(q, C_UPTIME_HOURS_HIDDEN_UP_MS, &h->hidden);
	h->copies = query_get_int(q, C_UPTIME_HOURS_COPIES);
	h->votes = query_get_int(q, C_UPTIME_HOURS_VOTES);
	h->drills = query_get_int(q, C_UPTIME_HOURS_DRILLS);
	h->in_rounds = query_get_int(q, C_UPTIME_HOURS_IN_ROUNDS);
	h->last.to_ms = query_get_int(q, C_UPTIME_HOURS_SLICE_TO_MS);
	if (raw < UPTIME_UNKNOWN || raw > UPTIME_UP)
		return err_set(e, RC_CORRUPT,
		    "uptime of the hour %" PRId64 " makes no sense",
		    h->hour_ms);
	h->last.raw = (enum uptime_raw)raw;
	return uptime_state_read(&h->state, q, C_UPTIME_HOURS_DECIDED_MS, e);
}

void
rollup_day_read(struct query *q, struct uptime_hour *h)
{
	memset(h, 0, sizeof(*h));
	h->hour_ms = query_get_int(q, C_UPTIME_DAYS_DAY) * DAY_MS;
	h->to_ms = h->hour_ms + DAY_MS;
	time_read(q, C_UPTIME_DAYS_UP_MS, &h->time);
	h->time.paused = query_get_int(q, C_UPTIME_DAYS_PAUSED_MS);
	h->time.maintenance = query_get_int(q, C_UPTIME_DAYS_MAINTENANCE_MS);
	time_read(q, C_UPTIME_DAYS_HIDDEN_UP_MS, &h->hidden);
	h->copies = query_get_int(q, C_UPTIME_DAYS_COPIES);
	h->votes = query_get_int(q, C_UPTIME_DAYS_VOTES);
	h->drills = query_get_int(q, C_UPTIME_DAYS_DRILLS);
	h->in_rounds = query_get_int(q, C_UPTIME_DAYS_IN_ROUNDS);
}

enum rc
rollup_hour_get(struct db *db, int64_t task, int64_t hour_ms,
    struct uptime_hour *h, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_HOURS);
	enum rc rc;
	bool row;

	query_int(q, 1, task);
	query_int(q, 2, hour_ms);
	query_int(q, 3, hour_ms + 1);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = rollup_hour_read(q, h, e);
	else if (rc == RC_OK)
		rc = err_set(e, RC_NOT_FOUND, "the hour isn't counted");
	query_done(q);
	return rc;
}

enum rc
rollup_end(struct db *db, int64_t task, int64_t *end_ms, struct err *e)
{
	struct query *q = db_query(db, Q_UPTIME_LAST);
	enum rc rc;

	query_int(q, 1, task);
	rc = query_one_int(q, end_ms, e);
	if (rc == RC_OK)
		*end_ms = *end_ms < 0 ? 0 : *end_ms + HOUR_MS;
	return rc;
}

enum rc
rollup_now(struct db *db, int64_t now_ms, int64_t *counted_ms,
    int64_t *window_ms, struct err *e)
{
	struct query *q = db_query(db, Q_TRANSFER_NEWEST_MS);
	struct terms_row terms;
	int64_t newest_ms;
	enum rc rc;

	rc = query_one_int(q, &newest_ms, e);
	if (rc == RC_OK)
		rc = terms_now(db, &terms, e);
	if (rc != RC_OK)
		return rc;
	*counted_ms = newest_ms < now_ms ? newest_ms : now_ms;
	*window_ms = terms.result_window_ms;
	return RC_OK;
}
