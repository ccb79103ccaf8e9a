#include "ledger/drill_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/finding.h"
#include "ledger/forfeit.h"
#include "ledger/sprt.h"
#include "ledger/standing.h"
#include "ledger/terms.h"
#include "ledger/transfer.h"

/* Others' drills, of so long around one, say whether the canary host was well:
 * those that wanted another status than 200, which nobody guesses. */
#define NEAR_MS	      (30 * 60 * 1000LL)
#define NEAR_EACH     3 /* before it, and after it */
#define NEAR_RIGHT    2 /* at least, and more than were wrong */
#define NEAR_UP	      8 /* before and after who said 200: one of each right */
#define AFTERWARDS_MS (15 * 60 * 1000LL) /* they are waited for, at most */
#define ANSWERS_MS    (60 * 1000LL)	 /* until they were answered, too */

#define DETAIL_MAX 3000 /* bytes of what a finding lists */

/* A drill whose time is over. */
struct due_drill {
	int64_t slot;
	int64_t worker;
	int64_t assigned_ms;
	int64_t wanted;
	bool answered;
	int64_t status; /* reported; 0 for none */
};

/* ---- The record ---- */

static void
record_add(struct drill_record *r, struct slice outcome, bool is_drill)
{
	const bool right = slice_is(outcome, "right"),
		   wrong = slice_is(outcome, "wrong");

	if (right)
		is_drill ? r->right++ : r->seen_right++;
	else if (wrong)
		is_drill ? r->wrong++ : r->seen_wrong++;
	else if (slice_is(outcome, "silent"))
		r->silent++;
	else if (is_drill)
		r->unjudged++;
	if (sprt_is_accused(r->score) || !(right || wrong))
		return;
	if (is_drill)
		r->score =
		    sprt_step(r->score, wrong ? SPRT_FAILED : SPRT_PASSED);
	else
		r->score = sprt_step(r->score, wrong ? SPRT_MISSED : SPRT_SEEN);
}

enum rc
drill_record_read(struct db *db, int64_t worker, int64_t since_ms, bool anew,
    struct drill_record *out, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_RECORD);
	enum rc rc;
	bool row;

	*out = (struct drill_record){ .score = 0 };
	query_int(q, 1, worker);
	query_int(q, 2, since_ms);
	query_int(q, 3, anew);
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		record_add(out, query_get_text(q, 0), query_get_int(q, 1) != 0);
	query_done(q);
	return rc;
}

/* ---- Consequences ---- */

/* Adds what the row at which q is says to the text of size bytes. */
static size_t
failure_write(struct query *q, char *out, size_t size)
{
	const int64_t slot = query_get_int(q, C_DRILL_FAILURES_SLOT);
	char status[24];

	if (query_is_null(q, C_DRILL_FAILURES_WANTED))
		return (size_t)snprintf(out, size,
		    "; slot %" PRId64 ": said up, witnesses saw it down", slot);
	(void)snprintf(status, sizeof(status), "%" PRId64,
	    query_get_int(q, C_DRILL_FAILURES_REPORTED));
	return (size_t)snprintf(out, size,
	    "; slot %" PRId64 ": wanted %" PRId64 ", reported %s", slot,
	    query_get_int(q, C_DRILL_FAILURES_WANTED),
	    query_is_null(q, C_DRILL_FAILURES_REPORTED) ? "none" : status);
}

static enum rc
failures_list(struct db *db, int64_t worker, int64_t since_ms,
    char out[static DETAIL_MAX], int64_t *first_ms, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_FAILURES);
	size_t n = strlen(out);
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	query_int(q, 2, since_ms);
	*first_ms = 0;
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (*first_ms == 0)
			*first_ms =
			    query_get_int(q, C_DRILL_FAILURES_ASSIGNED_MS);
		if (n < DETAIL_MAX - 80)
			n += failure_write(q, out + n, DETAIL_MAX - n);
	}
	query_done(q);
	return rc;
}

static enum rc
demote(struct db *db, int64_t worker, int64_t now_ms, const char *why,
    struct err *e)
{
	struct query *q;
	struct tail tail;
	enum rc rc = transfer_tail(db, &tail, e);

	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_DEMOTION_INSERT);
	query_int(q, 1, worker);
	query_int(q, 2, now_ms);
	query_int(q, 3, tail.last_id);
	query_text(q, 4, slice_of(why));
	return query_run(q, e);
}

/* Until a person releases it, whatever else holds it, or everybody, now. */
static enum rc
hold(struct db *db, int64_t worker, int64_t now_ms, const char *why,
    struct err *e)
{
	struct query *q = db_query(db, Q_HOLD_ACCUSED);

	query_int(q, 1, worker);
	query_int(q, 2, now_ms);
	query_text(q, 3, slice_of(why));
	return query_run(q, e);
}

static enum rc
address_of(struct db *db, int64_t worker, char out[static ADDRESS_LEN + 1],
    struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_ADDRESS);
	struct address a = { { 0 } };
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = address_parse(&a, NULL, query_get_text(q, 0), e);
	query_done(q);
	address_format(out, &a, ADDRESS_CHECKSUM);
	return rc;
}

/* New again, without standing, held, and a finding that says why. */
static enum rc
accuse(struct db *db, const struct drill_rules *r, int64_t worker,
    const struct drill_record *record, int64_t since_ms, int64_t now_ms,
    struct err *e)
{
	char who[ADDRESS_LEN + 1], why[160], detail[DETAIL_MAX];
	struct forfeit f = { .worker = worker, .by = "record", .why = why };
	int64_t first_ms = 0, micros = 0;
	enum rc rc;
	int n;

	n = snprintf(why, sizeof(why),
	    "its record: %" PRId64 " of %" PRId64 " drills were wrong",
	    record->wrong, record->right + record->wrong);
	if (record->seen_wrong > 0)
		(void)snprintf(why + n, sizeof(why) - (size_t)n,
		    ", and in %" PRId64 " of %" PRId64
		    " outages it saw nothing",
		    record->seen_wrong,
		    record->seen_right + record->seen_wrong);
	(void)snprintf(detail, sizeof(detail), "%s", why);
	rc = address_of(db, worker, who, e);
	if (rc == RC_OK)
		rc = failures_list(db, worker, since_ms, detail, &first_ms, e);
	if (rc == RC_OK)
		rc = demote(db, worker, now_ms, why, e);
	if (rc == RC_OK)
		rc = standing_lose(db, worker, e);
	if (rc == RC_OK)
		rc = hold(db, worker, now_ms, why, e);
	if (rc == RC_OK)
		rc = finding_add(db, "failed drills", who, detail, now_ms, e);
	f.since_ms = first_ms;
	if (rc == RC_OK && r->auto_forfeit)
		rc = forfeit_credit(db, &f, now_ms, &micros, e);
	if (rc == RC_OK)
		log_warning("%s is held by %s", who, why);
	return rc;
}

/* ---- Judging ---- */

/*
 * Whether the canary host was well when the drill was given; and whether that
 * is known: as many others were given drills after it as are looked at. A host
 * that is ill shows errors, so that most of them must be right. Against
 * somebody who said 200 of another status, as liars do, who may be most of
 * these others, it is enough that one was right before, and one afterwards.
 */
static enum rc
host_was_well(struct db *db, const struct due_drill *d, bool *well, bool *known,
    struct err *e)
{
	const bool up = d->status == CANARY_UP;
	const int64_t each = up ? NEAR_UP : NEAR_EACH;
	struct query *q = db_query(db, Q_DRILL_NEAR);
	int64_t right = 0, right_after = 0, all = 0, after = 0;
	enum rc rc;

	query_int(q, 1, d->worker);
	query_int(q, 2, d->assigned_ms);
	query_int(q, 3, d->assigned_ms - NEAR_MS);
	query_int(q, 4, d->assigned_ms + NEAR_MS);
	query_int(q, 5, CANARY_UP);
	query_int(q, 6, each);
	rc = query_ints(
	    q, (int64_t *const[]){ &right, &right_after, &all, &after }, 4, e);
	*well = up ? right > right_after && right_after > 0
		   : right >= NEAR_RIGHT && 2 * right > all;
	*known = after == each;
	return rc;
}

static enum rc
outcome_set(struct db *db, int64_t slot, const char *outcome, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_SET);

	query_int(q, 1, slot);
	query_text(q, 2, slice_of(outcome));
	return query_run(q, e);
}

enum rc
drill_weigh(struct db *db, const struct drill_rules *r, int64_t worker,
    int64_t now_ms, struct err *e)
{
	int64_t since_ms = now_ms - r->record_days * DAY_MS;
	struct drill_record record;
	enum rc rc;

	rc = drill_record_read(db, worker, since_ms, true, &record, e);
	if (rc == RC_OK && sprt_is_accused(record.score))
		rc = accuse(db, r, worker, &record, since_ms, now_ms, e);
	return rc;
}

/* *decided is false while others' drills are waited for, up to wait_ms. */
static enum rc
drill_decide(struct db *db, const struct drill_rules *r,
    const struct due_drill *d, int64_t wait_ms, int64_t now_ms, bool *decided,
    struct err *e)
{
	bool well = false, known = false;
	enum rc rc;

	*decided = true;
	if (!d->answered)
		return outcome_set(db, d->slot, "silent", e);
	if (d->status == d->wanted)
		return outcome_set(db, d->slot, "right", e);
	rc = host_was_well(db, d, &well, &known, e);
	*decided = known || d->assigned_ms <= now_ms - wait_ms;
	if (rc == RC_OK && *decided)
		rc = outcome_set(db, d->slot, well ? "wrong" : "void", e);
	if (rc == RC_OK && *decided && well)
		rc = drill_weigh(db, r, d->worker, now_ms, e);
	return rc;
}

static enum rc
drill_next(struct db *db, int64_t answered_ms, int64_t all_ms,
    struct due_drill *d, bool *found, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_DUE);
	enum rc rc;

	query_int(q, 1, answered_ms);
	query_int(q, 2, all_ms);
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found)
		*d = (struct due_drill){
			.slot = query_get_int(q, C_DRILL_DUE_SLOT),
			.worker = query_get_int(q, C_DRILL_DUE_WORKER),
			.assigned_ms =
			    query_get_int(q, C_DRILL_DUE_ASSIGNED_MS),
			.wanted = query_get_int(q, C_DRILL_DUE_WANTED),
			.answered = query_get_int(q, C_DRILL_DUE_ANSWERED) != 0,
			.status = query_get_int(q, C_DRILL_DUE_STATUS),
		};
	query_done(q);
	return rc;
}

enum rc
drill_judge(struct db *db, const struct drill_rules *r, int64_t now_ms,
    int64_t max, struct err *e)
{
	struct terms_row terms;
	struct due_drill d = { .slot = 0 };
	bool go_on = true;
	enum rc rc = terms_now(db, &terms, e);
	int64_t i;

	for (i = 0; rc == RC_OK && go_on && i < max; i++) {
		rc = drill_next(db, now_ms - ANSWERS_MS,
		    now_ms - terms.result_window_ms - ANSWERS_MS, &d, &go_on,
		    e);
		if (rc == RC_OK && go_on)
			rc = drill_decide(db, r, &d,
			    terms.result_window_ms + AFTERWARDS_MS, now_ms,
			    &go_on, e);
	}
	return rc;
}
