#include "ledger/alert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "eth/hex.h"
#include "ledger/finding.h"
#include "ledger/payout.h"
#include "ledger/rollup.h"

#define BACKOFF_FIRST_MS 60000LL
#define BACKOFF_DOUBLES	 6 /* up to an hour, and there it stays */

#define FINDING "alerts fail"

static const char *const kinds[] = {
	[ALERT_OPENED] = "incident.opened",
	[ALERT_ENDED] = "incident.ended",
	[ALERT_MAINTENANCE] = "maintenance.begun",
	[ALERT_TEST] = "test",
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *
alert_kind_name(enum alert_kind k)
{
	return kinds[k];
}

static enum rc
kind_parse(enum alert_kind *out, struct slice text, struct err *e)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (slice_is(text, kinds[i])) {
			*out = (enum alert_kind)i;
			return RC_OK;
		}
	return err_set(e, RC_CORRUPT, "an alert's kind makes no sense");
}

enum rc
alert_prefix(
    char out[static ALERT_PREFIX_LEN + 1], struct db *db, struct err *e)
{
	char text[HEX_SIZE(LEDGER_ID_LEN)];
	uint8_t id[LEDGER_ID_LEN];
	int64_t created_ms;
	enum rc rc = payout_ledger_id(db, id, &created_ms, e);

	if (rc != RC_OK)
		return rc;
	hex_encode(text, id, sizeof(id));
	slice_copy(out, ALERT_PREFIX_LEN + 1, slice_of(text + 2));
	return RC_OK;
}

/* ---- Events ---- */

static enum rc
event_insert(struct db *db, const struct alert_event *event, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_EVENT_ADD);

	query_text(q, 1, slice_of(event->name));
	query_text(q, 2, slice_of(alert_kind_name(event->kind)));
	query_int(q, 3, event->task);
	query_int(q, 4, event->noted_ms);
	query_int(q, 5, event->from_ms);
	if (event->to_ms != UPTIME_NO_TIME)
		query_int(q, 6, event->to_ms);
	query_text(q, 7, slice_of(incident_ended(event->ended)));
	query_int(q, 8, event->networks);
	query_int(q, 9, event->planned);
	query_text(q, 10, slice_of(event->why));
	return query_run(q, e);
}

static enum rc
finding_tell(struct db *db, const char *receiver, const char *detail,
    int64_t now_ms, struct err *e)
{
	return finding_add(db, FINDING, receiver, detail, now_ms, e);
}

static enum rc
delivery_insert(struct db *db, int64_t id, const struct alert_event *event,
    const char *receiver, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_DELIVERY_ADD);

	query_int(q, 1, id);
	query_text(q, 2, slice_of(receiver));
	query_int(q, 3, event->task);
	query_int(q, 4, event->noted_ms);
	query_int(q, 5, ALERT_WAITING_MAX);
	query_text(q, 6, slice_of("too many others wait for it"));
	return query_run(q, e);
}

enum rc
alert_add(struct db *db, const struct alert_event *event,
    const struct alert_wish *wishes, size_t n, bool *fresh, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_EVENT_OF);
	bool there;
	int64_t id;
	enum rc rc;
	size_t i;

	query_text(q, 1, slice_of(event->name));
	rc = query_any(q, &there, e);
	if (fresh != NULL)
		*fresh = rc == RC_OK && !there;
	if (rc != RC_OK || there)
		return rc;
	rc = event_insert(db, event, e);
	id = db_last_id(db);
	for (i = 0; rc == RC_OK && i < n; i++)
		if (wishes[i].task == NULL ||
		    strcmp(wishes[i].task, event->task_name) == 0)
			rc = delivery_insert(
			    db, id, event, wishes[i].receiver, e);
	return rc;
}

/* ---- Deliveries ---- */

static enum rc
due_read(struct alert_due *out, struct query *q, struct err *e)
{
	struct alert_event *w = &out->what;

	out->event = query_get_int(q, C_ALERT_DUE_EVENT);
	out->tries = query_get_int(q, C_ALERT_DUE_TRIES);
	slice_copy(
	    w->name, sizeof(w->name), query_get_text(q, C_ALERT_DUE_NAME));
	slice_copy(w->task_name, sizeof(w->task_name),
	    query_get_text(q, C_ALERT_DUE_TASK));
	slice_copy(w->why, sizeof(w->why), query_get_text(q, C_ALERT_DUE_WHY));
	w->noted_ms = query_get_int(q, C_ALERT_DUE_NOTED_MS);
	w->from_ms = query_get_int(q, C_ALERT_DUE_FROM_MS);
	w->to_ms = query_is_null(q, C_ALERT_DUE_TO_MS)
	    ? UPTIME_NO_TIME
	    : query_get_int(q, C_ALERT_DUE_TO_MS);
	w->ended = incident_ended_parse(query_get_text(q, C_ALERT_DUE_ENDED));
	w->networks = query_get_int(q, C_ALERT_DUE_NETWORKS);
	w->planned = query_get_int(q, C_ALERT_DUE_PLANNED) != 0;
	return kind_parse(&w->kind, query_get_text(q, C_ALERT_DUE_KIND), e);
}

static int64_t
backoff_ms(int64_t tries)
{
	int64_t ms = BACKOFF_FIRST_MS
	    << (tries < BACKOFF_DOUBLES ? tries : BACKOFF_DOUBLES);

	return ms < HOUR_MS ? ms : HOUR_MS;
}

enum rc
alert_take(struct db *db, const char *receiver, int64_t now_ms,
    struct alert_due *out, bool *any, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_DUE);
	enum rc rc;

	*out = (struct alert_due){ .event = 0 };
	query_text(q, 1, slice_of(receiver));
	query_int(q, 2, now_ms);
	rc = query_step(q, any, e);
	if (rc == RC_OK && *any)
		rc = due_read(out, q, e);
	query_done(q);
	if (rc != RC_OK || !*any)
		return rc;
	q = db_query(db, Q_ALERT_TRY);
	query_int(q, 1, out->event);
	query_text(q, 2, slice_of(receiver));
	query_int(q, 3, now_ms);
	query_int(q, 4, now_ms + backoff_ms(out->tries));
	return query_run(q, e);
}

static enum rc
state_set(struct db *db, const char *receiver, int64_t event, const char *state,
    int64_t next_ms, const char *detail, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_TRIED);

	query_int(q, 1, event);
	query_text(q, 2, slice_of(receiver));
	query_text(q, 3, slice_of(state));
	query_int(q, 4, next_ms);
	query_text(q, 5, slice_of(detail));
	return query_run(q, e);
}

static enum rc
give_up_all(
    struct db *db, const char *receiver, const char *detail, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_GIVE_UP);

	query_text(q, 1, slice_of(receiver));
	query_text(q, 2, slice_of(detail));
	return query_run(q, e);
}

static enum rc
failed(struct db *db, const char *receiver, const struct alert_due *due,
    const char *detail, int64_t retry_ms, int64_t now_ms, struct err *e)
{
	int64_t last_ms = due->what.noted_ms + ALERT_PATIENCE_MS,
		next_ms = now_ms + backoff_ms(due->tries);
	enum rc rc;

	if (now_ms < last_ms) {
		if (next_ms < retry_ms)
			next_ms = retry_ms;
		return state_set(db, receiver, due->event, "waiting",
		    next_ms < last_ms ? next_ms : last_ms, detail, e);
	}
	rc = state_set(db, receiver, due->event, "given up", now_ms, detail, e);
	return rc == RC_OK ? finding_tell(db, receiver, detail, now_ms, e) : rc;
}

static enum rc
gone(struct db *db, const char *receiver, const char *detail, int64_t now_ms,
    struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_OFF_ADD);
	enum rc rc;

	query_text(q, 1, slice_of(receiver));
	query_int(q, 2, now_ms);
	query_text(q, 3, slice_of(detail));
	rc = query_run(q, e);
	if (rc == RC_OK)
		rc = give_up_all(db, receiver, detail, e);
	return rc == RC_OK ? finding_tell(db, receiver, detail, now_ms, e) : rc;
}

enum rc
alert_tried(struct db *db, const char *receiver, const struct alert_due *due,
    enum alert_outcome outcome, const char *detail, int64_t retry_ms,
    int64_t now_ms, struct err *e)
{
	enum rc rc;

	switch (outcome) {
	case ALERT_DELIVERED:
		rc = state_set(
		    db, receiver, due->event, "delivered", now_ms, detail, e);
		return rc == RC_OK
		    ? finding_over(db, FINDING, receiver, now_ms, e)
		    : rc;
	case ALERT_FAILED:
		return failed(db, receiver, due, detail, retry_ms, now_ms, e);
	case ALERT_GONE:
		break;
	}
	return gone(db, receiver, detail, now_ms, e);
}

enum rc
alert_is_off(struct db *db, const char *receiver, bool *off, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_OFF_GET);

	query_text(q, 1, slice_of(receiver));
	return query_any(q, off, e);
}

enum rc
alert_resume(struct db *db, const char *receiver, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_OFF_DROP);
	enum rc rc;

	query_text(q, 1, slice_of(receiver));
	rc = query_run(q, e);
	return rc == RC_OK ? finding_over(db, FINDING, receiver, now_ms, e)
			   : rc;
}

/* ---- What is over ---- */

static bool
is_among(struct slice receiver, const struct alert_wish *wishes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (slice_is(receiver, wishes[i].receiver))
			return true;
	return false;
}

/* One that waits for somebody who isn't there; "": none does. */
static enum rc
stranger_find(char out[static RECEIVER_MAX + 1], struct db *db,
    const struct alert_wish *wishes, size_t n, struct err *e)
{
	struct query *q = db_query(db, Q_ALERT_RECEIVERS_WAITING);
	enum rc rc;
	bool row;

	out[0] = '\0';
	while (out[0] == '\0' && (rc = query_step(q, &row, e)) == RC_OK && row)
		if (!is_among(query_get_text(q, 0), wishes, n))
			slice_copy(out, RECEIVER_MAX + 1, query_get_text(q, 0));
	query_done(q);
	return out[0] == '\0' ? rc : RC_OK;
}

static enum rc
forget(struct db *db, int64_t now_ms, struct err *e)
{
	static const enum query_id drops[] = { Q_ALERT_FORGET_DELIVERIES,
		Q_ALERT_FORGET_EVENTS };
	struct query *q = db_query(db, Q_ALERT_FORGET_UNTIL);
	int64_t until = 0;
	enum rc rc;
	size_t i;

	query_int(q, 1, now_ms - ALERT_KEEP_MS);
	query_int(q, 2, ALERT_EVENTS_MAX);
	rc = query_one_int(q, &until, e);
	for (i = 0; rc == RC_OK && until > 0 && i < 2; i++) {
		q = db_query(db, drops[i]);
		query_int(q, 1, until);
		rc = query_run(q, e);
	}
	return rc;
}

enum rc
alert_tidy(struct db *db, const struct alert_wish *wishes, size_t n,
    int64_t now_ms, struct err *e)
{
	char receiver[RECEIVER_MAX + 1];
	enum rc rc;

	while ((rc = stranger_find(receiver, db, wishes, n, e)) == RC_OK &&
	    receiver[0] != '\0') {
		rc = give_up_all(db, receiver, "the receiver was removed", e);
		if (rc == RC_OK && db_changes(db) == 0)
			rc = err_set(e, RC_CORRUPT,
			    "a delivery is for \"%s\", which is no receiver's name",
			    receiver);
		if (rc == RC_OK)
			rc = alert_resume(db, receiver, now_ms, e);
		if (rc != RC_OK)
			return rc;
	}
	return rc == RC_OK ? forget(db, now_ms, e) : rc;
}
