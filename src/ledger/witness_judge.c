/* What witnesses' reports say of others': see witness.h. */
#include <stdio.h>

#include "base/clock.h"
#include "ledger/drill_record.h"
#include "ledger/witness.h"

#define OUTAGE_MAX 240 /* reports of one that are looked through */

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

/* What witnesses say of the time around it. */
struct outage {
	int64_t from_ms; /* the first of its reports that says down */
	int64_t to_ms;	 /* the last that was looked at */
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

/* Down twice or more up to the visit, and up before that. */
static enum rc
before_read(struct db *db, const struct sighting *s, struct outage *o,
    bool *fits, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_BEFORE);
	int64_t downs = 0, ups = 0, since_ms = s->assigned_ms - WITNESS_NEAR_MS;
	enum rc rc;
	bool row;

	query_int(q, 1, s->task);
	query_int(q, 2, s->assigned_ms);
	query_int(q, 3, s->assigned_ms - DAY_MS);
	query_int(q, 4, OUTAGE_MAX);
	while ((rc = query_step(q, &row, e)) == RC_OK && row &&
	    ups < WITNESS_UP_BEFORE) {
		if (query_get_int(q, 1) != 0) {
			ups++;
		} else if (ups > 0) {
			break; /* it flaps */
		} else if (downs >= WITNESS_DOWN_EACH ||
		    query_get_int(q, 2) >= since_ms) {
			o->from_ms = query_get_int(q, 2);
			downs++;
		} else {
			break;
		}
		outage_note(o, query_get_int(q, 0), ups == 0);
	}
	query_done(q);
	*fits = downs >= WITNESS_DOWN_EACH && ups == WITNESS_UP_BEFORE;
	return rc;
}

/* Down until twice after the visit. */
static enum rc
after_read(struct db *db, const struct sighting *s, struct outage *o,
    bool *fits, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_AFTER);
	int64_t downs = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, s->task);
	query_int(q, 2, s->assigned_ms);
	query_int(q, 3, s->paid_ms + WITNESS_NEAR_MS);
	query_int(q, 4, OUTAGE_MAX);
	while (downs < WITNESS_DOWN_EACH &&
	    (rc = query_step(q, &row, e)) == RC_OK && row &&
	    query_get_int(q, 1) == 0) {
		o->to_ms = query_get_int(q, 2);
		downs += o->to_ms >= s->paid_ms;
		outage_note(o, query_get_int(q, 0), true);
	}
	query_done(q);
	*fits = downs == WITNESS_DOWN_EACH;
	return rc;
}

/* Whether others saw it down, too, and the worker isn't judged since then. */
static enum rc
others_agree(struct db *db, const struct sighting *s, const struct outage *o,
    bool *agree, struct err *e)
{
	struct query *q = db_query(db, Q_SIGHTING_OTHERS);
	int64_t others = 0, before = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, s->task);
	query_int(q, 2, o->from_ms);
	query_int(q, 3, o->to_ms);
	query_int(q, 4, s->worker);
	query_text(q, 5, slice_of(s->network));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		others = query_get_int(q, 0);
		before = query_get_int(q, 1);
	}
	query_done(q);
	*agree = others >= WITNESS_OTHERS_MIN && before == 0;
	return rc;
}

static enum rc
sighting_decide(struct db *db, const struct drill_rules *r,
    const struct sighting *s, int64_t now_ms, struct err *e)
{
	struct outage o = { .from_ms = 0 };
	struct query *q;
	bool fits;
	enum rc rc;

	rc = before_read(db, s, &o, &fits, e);
	if (rc == RC_OK && fits)
		rc = after_read(db, s, &o, &fits, e);
	fits = fits && (!o.several || o.agreed);
	if (rc == RC_OK && fits)
		rc = others_agree(db, s, &o, &fits, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SIGHTING_SET);
	query_int(q, 1, s->slot);
	query_text(q, 2, slice_of(!fits ? "void" : s->up ? "wrong" : "right"));
	rc = query_run(q, e);
	return rc == RC_OK && fits && s->up
	    ? drill_weigh(db, r, s->worker, now_ms, e)
	    : rc;
}

static enum rc
sighting_next(struct db *db, int64_t until_ms, struct sighting *s, bool *found,
    struct err *e)
{
	struct query *q = db_query(db, Q_SIGHTING_NEXT);
	enum rc rc;

	query_int(q, 1, until_ms);
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
		rc = sighting_next(db, now_ms - WITNESS_NEAR_MS, &s, &found, e);
		if (rc == RC_OK && found)
			rc = sighting_decide(db, r, &s, now_ms, e);
	}
	return rc == RC_OK ? witness_doubt(db, now_ms, max, e) : rc;
}
