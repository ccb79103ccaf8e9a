/* What witnesses' reports say of others': see witness.h. */
#include <stdio.h>

#include "base/clock.h"
#include "ledger/drill_record.h"
#include "ledger/witness.h"

#define REPORTS_MAX 240 /* that are looked through, of a day */

/* A result that came while witnesses saw its target down. */
struct sighting {
	int64_t slot;
	int64_t worker;
	int64_t task;
	char network[SUBNET_MAX + 1];
	int64_t assigned_ms;
	int64_t paid_ms;
	bool up;
};

/* What witnesses say of the time around it, in runs that say the same. */
struct outage {
	int64_t up_ms;	 /* the last report before it */
	int64_t from_ms; /* the first that says down */
	int64_t to_ms;	 /* the last */
	int64_t downs;	 /* from that to this */
	int64_t ups;	 /* in the run before */
	int64_t outages; /* runs that are long enough for one */
	int64_t breaks;	 /* and those that are too short for anything */
	int64_t first;	 /* a witness */
	bool several;	 /* witnesses were there, of whom */
	bool agreed;	 /* several said down */
};

/* Takes note of who reported; down: that it is. */
static void
outage_note(struct outage *o, int64_t witness, bool down)
{
	if (o->first == 0)
		o->first = witness;
	o->several |= witness != o->first;
	o->agreed |= down && witness != o->first;
}

/* A run of so many reports is over. */
static void
run_note(struct outage *o, bool down, int64_t reports)
{
	o->outages += down && reports >= WITNESS_RUN;
	o->breaks += reports < WITNESS_RUN;
}

/* Down until after the visit, and what follows. */
static enum rc
after_read(struct db *db, const struct sighting *s, struct outage *o,
    bool *fits, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_AFTER);
	bool row, down = true, over = false;
	int64_t reports = 0;
	enum rc rc;

	query_int(q, 1, s->task);
	query_int(q, 2, s->assigned_ms);
	query_int(q, 3, s->paid_ms + WITNESS_NEAR_MS);
	query_int(q, 4, REPORTS_MAX);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (down == (query_get_int(q, 1) != 0)) {
			if (over)
				run_note(o, down, reports);
			over = true;
			down = !down;
			reports = 0;
		}
		reports++;
		if (over)
			continue;
		o->to_ms = query_get_int(q, 2);
		o->downs++;
		outage_note(o, query_get_int(q, 0), true);
	}
	query_done(q);
	*fits = o->to_ms >= s->paid_ms;
	return rc;
}

/* The next report before the visit: of the run with that place, from 0 on. */
static void
before_note(struct outage *o, struct query *q, int64_t run)
{
	const int64_t at_ms = query_get_int(q, 2);

	if (run == 0) {
		o->from_ms = at_ms;
		o->downs++;
	} else if (run == 1 && o->ups++ == 0) {
		o->up_ms = at_ms;
	}
	if (run < 2)
		outage_note(o, query_get_int(q, 0), run == 0);
}

/* Down since before the visit, and up before that. */
static enum rc
before_read(struct db *db, const struct sighting *s, struct outage *o,
    bool *fits, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_BEFORE);
	int64_t run = 0, reports = o->downs;
	bool row, down = true;
	enum rc rc;

	query_int(q, 1, s->task);
	query_int(q, 2, s->assigned_ms);
	query_int(q, 3, s->assigned_ms - DAY_MS);
	query_int(q, 4, REPORTS_MAX);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		/* The last word before the visit must be that it is down. */
		if (o->from_ms == 0 &&
		    (query_get_int(q, 1) != 0 ||
			query_get_int(q, 2) < s->assigned_ms - WITNESS_NEAR_MS))
			break;
		/* The oldest run may have begun before the day. */
		if (down == (query_get_int(q, 1) != 0)) {
			run_note(o, down, reports);
			down = !down;
			reports = 0;
			run++;
		}
		reports++;
		before_note(o, q, run);
	}
	query_done(q);
	*fits = o->downs >= WITNESS_RUN && o->ups >= WITNESS_RUN &&
	    o->breaks <= o->outages;
	return rc;
}

/* Whether others saw it down, and more of them than saw it up. */
static enum rc
others_agree(struct db *db, const struct sighting *s, const struct outage *o,
    bool *agree, struct err *e)
{
	struct query *q = db_query(db, Q_SIGHTING_OTHERS);
	int64_t downs = 0, ups = 0;
	enum rc rc;

	query_int(q, 1, s->task);
	query_int(q, 2, o->from_ms);
	query_int(q, 3, o->to_ms);
	query_int(q, 4, s->worker);
	query_text(q, 5, slice_of(s->network));
	rc = query_ints(q, (int64_t *const[]){ &downs, &ups }, 2, e);
	*agree = downs >= WITNESS_OTHERS_MIN && downs > ups;
	return rc;
}

/* From when to when anybody said down, while no witness saw it up. */
static enum rc
outage_lasts(struct db *db, int64_t task, int64_t at_ms, int64_t *from_ms,
    int64_t *to_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_UPS);
	int64_t up_ms = 0, again_ms = 0;
	enum rc rc;

	query_int(q, 1, task);
	query_int(q, 2, at_ms);
	rc = query_ints(q, (int64_t *const[]){ &up_ms, &again_ms }, 2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_OUTAGE_LASTS);
	query_int(q, 1, task);
	query_int(q, 2, up_ms);
	query_int(q, 3, again_ms);
	query_int(q, 4, at_ms);
	return query_ints(q, (int64_t *const[]){ from_ms, to_ms }, 2, e);
}

/* Whether the worker wasn't judged yet in what may be the same trouble. */
static enum rc
is_first(struct db *db, const struct sighting *s, const struct outage *o,
    bool *first, struct err *e)
{
	struct query *q = db_query(db, Q_SIGHTING_JUDGED);
	int64_t from_ms = 0, to_ms = 0, other_from_ms = 0, other_to_ms = 0;
	enum rc rc;
	bool row;

	*first = true;
	query_int(q, 1, s->worker);
	query_int(q, 2, o->up_ms - DAY_MS);
	rc = outage_lasts(db, s->task, s->assigned_ms, &from_ms, &to_ms, e);
	while (rc == RC_OK && *first &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = outage_lasts(db, query_get_int(q, 0), query_get_int(q, 1),
		    &other_from_ms, &other_to_ms, e);
		*first = other_from_ms > to_ms || from_ms > other_to_ms;
	}
	query_done(q);
	return rc;
}

/* Whether there was an outage, and the worker is judged by it. */
static enum rc
is_judged(struct db *db, const struct sighting *s, bool *judged, struct err *e)
{
	struct outage o = { .from_ms = 0 };
	enum rc rc;

	rc = after_read(db, s, &o, judged, e);
	if (rc == RC_OK && *judged)
		rc = before_read(db, s, &o, judged, e);
	*judged = *judged && (!o.several || o.agreed);
	if (rc == RC_OK && *judged)
		rc = others_agree(db, s, &o, judged, e);
	if (rc == RC_OK && *judged)
		rc = is_first(db, s, &o, judged, e);
	return rc;
}

static enum rc
sighting_decide(struct db *db, const struct drill_rules *r,
    const struct sighting *s, int64_t now_ms, struct err *e)
{
	struct query *q;
	bool judged;
	enum rc rc = is_judged(db, s, &judged, e);

	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SIGHTING_SET);
	query_int(q, 1, s->slot);
	query_text(q, 2,
	    slice_of(!judged ? "void"
		    : s->up  ? "wrong"
			     : "right"));
	rc = query_run(q, e);
	return rc == RC_OK && judged && s->up
	    ? drill_weigh(db, r, s->worker, now_ms, e)
	    : rc;
}

static enum rc
sighting_next(struct db *db, int64_t now_ms, struct sighting *s, bool *found,
    struct err *e)
{
	struct query *q = db_query(db, Q_SIGHTING_NEXT);
	enum rc rc;

	query_int(q, 1, now_ms);
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found) {
		*s = (struct sighting){
			.slot = query_get_int(q, C_SIGHTING_NEXT_SLOT),
			.worker = query_get_int(q, C_SIGHTING_NEXT_WORKER),
			.task = query_get_int(q, C_SIGHTING_NEXT_TASK),
			.assigned_ms =
			    query_get_int(q, C_SIGHTING_NEXT_ASSIGNED_MS),
			.paid_ms = query_get_int(q, C_SIGHTING_NEXT_PAID_MS),
			.up = query_get_int(q, C_SIGHTING_NEXT_UP) != 0,
		};
		slice_copy(s->network, sizeof(s->network),
		    query_get_text(q, C_SIGHTING_NEXT_NETWORK));
	}
	query_done(q);
	return rc;
}

enum rc
witness_judge(struct db *db, const struct drill_rules *r, int64_t now_ms,
    int64_t max, struct err *e)
{
	struct sighting s;
	bool found = true;
	enum rc rc = RC_OK;
	int64_t i;

	for (i = 0; rc == RC_OK && found && i < max; i++) {
		rc = sighting_next(db, now_ms, &s, &found, e);
		if (rc == RC_OK && found)
			rc = sighting_decide(db, r, &s, now_ms, e);
	}
	return rc == RC_OK ? witness_doubt(db, now_ms, max, e) : rc;
}
