/*
 * Drills in a small world: what the ledger's own functions make of them, and
 * beside it a slow, plain statement of the same rule (rule_judge), which shares
 * nothing with them but the drills. Whatever is done is done to both.
 */
#ifndef WORKNET_T_DRILL_WORLD_H
#define WORKNET_T_DRILL_WORLD_H

#include "t/unit/small_world.h"

#define DRILLS_MAX 120

enum { NO_ANSWER, NO_STATUS }; /* instead of a status */

enum outcome { OPEN, RIGHT, WRONG, SILENT, VOID };

static const char *const outcome_names[] = { "", "right", "wrong", "silent",
	"void" };

struct a_drill {
	int who;
	int64_t at_ms;
	int64_t wanted;
	int64_t said; /* a status */
	enum outcome outcome;
};

struct person {
	bool held;
	int demotions;
	int64_t demoted_ms; /* last */
	bool stands;
};

/* The plain rule's; slot and worker ids count from 1 and are one more. */
struct world {
	struct a_drill drills[DRILLS_MAX];
	int n;
	struct person people[PEOPLE];
};

/* ---- The rule, plainly ---- */

static inline bool
rule_has_vote(const struct world *w, int who)
{
	return !(w->people[who].held && w->people[who].demotions > 0);
}

/* Whether b tells anything of whether the host was well at a. */
static inline bool
rule_tells(
    const struct world *w, const struct a_drill *a, const struct a_drill *b)
{
	return b->who != a->who && rule_has_vote(w, b->who) &&
	    b->wanted != 200 && b->said != NO_ANSWER &&
	    llabs(b->at_ms - a->at_ms) <= 30 * MINUTE;
}

/* Of those on one side of a, so many that are nearest. */
static inline void
rule_side(const struct world *w, const struct a_drill *a, bool later, int each,
    int *right, int *all)
{
	bool taken[DRILLS_MAX] = { false };
	int i, k, best;

	for (k = 0; k < each; k++) {
		best = -1;
		for (i = 0; i < w->n; i++) {
			const struct a_drill *b = &w->drills[i];

			if (taken[i] || (b->at_ms > a->at_ms) != later ||
			    !rule_tells(w, a, b))
				continue;
			/* Of one time the slot that is nearer. */
			if (best < 0 ||
			    llabs(b->at_ms - a->at_ms) <
				llabs(w->drills[best].at_ms - a->at_ms) ||
			    (b->at_ms == w->drills[best].at_ms && !later))
				best = i;
		}
		if (best < 0)
			return;
		taken[best] = true;
		++*all;
		*right += w->drills[best].said == w->drills[best].wanted;
	}
}

/* Wald's test of what was judged since then: so many failed, and passed. */
static inline bool
rule_condemns(const struct world *w, int who, int64_t since_ms)
{
	bool done[DRILLS_MAX] = { false };
	int failed = 0, passed = 0, i, next;

	for (;;) {
		next = -1;
		for (i = 0; i < w->n; i++)
			if (!done[i] && w->drills[i].who == who &&
			    w->drills[i].at_ms >= since_ms &&
			    (next < 0 ||
				w->drills[i].at_ms < w->drills[next].at_ms))
				next = i;
		if (next < 0)
			return false;
		done[next] = true;
		failed += w->drills[next].outcome == WRONG;
		passed += w->drills[next].outcome == RIGHT;
		if (2526 * failed - 267 * passed >= 13806)
			return true;
		if (267 * passed - 2526 * failed >= 4605)
			failed = passed = 0;
	}
}

static inline void
rule_weigh(struct world *w, int who, int64_t now_ms)
{
	struct person *p = &w->people[who];
	int64_t since_ms = now_ms - DAYS * DAY_MS;

	/* Nobody is accused twice by one drill. */
	if (p->demotions > 0 && p->demoted_ms >= since_ms)
		since_ms = p->demoted_ms + 1;
	if (!rule_condemns(w, who, since_ms))
		return;
	*p = (struct person){ .held = true,
		.demotions = p->demotions + 1,
		.demoted_ms = now_ms };
}

/* The oldest that can be judged, or NULL. */
static inline struct a_drill *
rule_due(struct world *w, int64_t now_ms)
{
	struct a_drill *d, *due = NULL;
	int i;

	for (i = 0; i < w->n; i++) {
		d = &w->drills[i];
		if (d->outcome == OPEN &&
		    now_ms - d->at_ms >=
			MINUTE + (d->said == NO_ANSWER ? WINDOW : 0) &&
		    (due == NULL || d->at_ms < due->at_ms))
			due = d;
	}
	return due;
}

/* Whether others saw the host well; *more: that may be known better later. */
static inline bool
rule_host(const struct world *w, const struct a_drill *d, bool *more)
{
	const int each = d->said == 200 ? 8 : 3;
	int before = 0, after = 0, right_before = 0, right_after = 0;

	rule_side(w, d, false, each, &right_before, &before);
	rule_side(w, d, true, each, &right_after, &after);
	*more = after < each;
	/* A liar's says nothing of the host, but somebody's who was right. */
	if (d->said == 200)
		return right_before > 0 && right_after > 0;
	return right_before + right_after >= 2 &&
	    right_before + right_after >
	    before - right_before + after - right_after;
}

static inline void
rule_judge(struct world *w, int64_t now_ms, int max)
{
	struct a_drill *d;
	bool more;

	for (; max > 0 && (d = rule_due(w, now_ms)) != NULL; max--) {
		if (d->said == NO_ANSWER) {
			d->outcome = SILENT;
		} else if (d->said == d->wanted) {
			d->outcome = RIGHT;
		} else {
			d->outcome = rule_host(w, d, &more) ? WRONG : VOID;
			if (more && now_ms - d->at_ms < WINDOW + 15 * MINUTE) {
				d->outcome = OPEN;
				return;
			}
			if (d->outcome == WRONG)
				rule_weigh(w, d->who, now_ms);
		}
	}
}

/* ---- What is done to both ---- */

/* A drill in the ledger alone. */
static inline void
drill_put(int64_t slot, int who, int64_t at_ms, int64_t wanted)
{
	struct query *q = db_query(db, Q_DRILL_INSERT);

	query_int(q, 1, slot);
	query_int(q, 2, worker_ids[who]);
	query_int(q, 3, at_ms);
	query_int(q, 4, wanted);
	check(query_run(q, NULL));
}

/* And its answer: a result's other columns are as good as any here. */
static inline void
answer_put(int64_t slot, int64_t status)
{
	static const uint8_t signature[65];
	struct query *q = db_query(db, Q_RESULT_INSERT);
	int i;

	query_int(q, 1, slot);
	for (i = 2; i <= 8; i++)
		query_int(q, i, 1);
	if (status != NO_STATUS)
		query_int(q, 9, status);
	query_int(q, 12, 0);
	query_bytes(q, 13, signature, sizeof(signature));
	query_int(q, 14, 0);
	check(query_run(q, NULL));
}

static inline void
outcome_is(struct world *w, int drill, enum outcome outcome)
{
	struct query *q = db_query(db, Q_DRILL_SET);

	w->drills[drill].outcome = outcome;
	query_int(q, 1, drill + 1);
	query_text(q, 2, slice_of(outcome_names[outcome]));
	check(query_run(q, NULL));
}

/* A drill that is answered at once, unless by NO_ANSWER: which it is. */
static inline int
give(struct world *w, int who, int64_t at_ms, int64_t wanted, int64_t said)
{
	CHECK(w->n < DRILLS_MAX);
	w->drills[w->n] = (struct a_drill){ who, at_ms, wanted, said, OPEN };
	drill_put(w->n + 1, who, at_ms, wanted);
	if (said != NO_ANSWER)
		answer_put(w->n + 1, said);
	return w->n++;
}

/* ---- Comparing ---- */

static inline void
world_tell(const struct world *w)
{
	const struct a_drill *d;

	for (d = w->drills; d < w->drills + w->n; d++)
		tap_diag("%d at %+" PRId64 " ms: wanted %" PRId64
			 ", said %" PRId64 ": %s",
		    d->who, (int64_t)(d->at_ms - T0), d->wanted, d->said,
		    outcome_names[d->outcome]);
}

static inline void
differs(const struct world *w, const char *what, int64_t n)
{
	if (differences++ > 0)
		return;
	tap_diag("%s differs (%" PRId64 "); by the plain rule:", what, n);
	world_tell(w);
}

static inline void
compare_person(const struct world *w, int who)
{
	const struct person *p = &w->people[who];
	struct err e = ERR_INIT;
	struct standing s;
	bool held = false;

	must(payout_is_held(db, worker_ids[who], &held, &e), &e);
	must(standing_read(db, worker_ids[who], &s, &e), &e);
	if (held != p->held)
		differs(w, "who is held", who);
	if ((s.results > 0) != p->stands || (s.hours > 0) != p->stands)
		differs(w, "who has standing", who);
}

static inline void
compare(const struct world *w)
{
	int64_t demotions[PEOPLE] = { 0 }, last_ms[PEOPLE] = { 0 };
	struct query *q = db_query(db, Q_AUDIT_DRILL);
	struct err e = ERR_INIT;
	int who, i = 0;
	bool row;

	compared++;
	while (query_step(q, &row, &e) == RC_OK && row) {
		if (!slice_is(query_get_text(q, C_AUDIT_DRILL_OUTCOME),
			outcome_names[w->drills[i].outcome]))
			differs(w, "an outcome", i);
		i++;
	}
	query_done(q);
	if (i != w->n)
		differs(w, "the number of drills", i);
	q = db_query(db, Q_AUDIT_DEMOTION);
	while (query_step(q, &row, &e) == RC_OK && row)
		for (who = 0; who < PEOPLE; who++)
			if (worker_ids[who] == query_get_int(q, 0)) {
				demotions[who]++;
				last_ms[who] = query_get_int(q, 1);
			}
	query_done(q);
	for (who = 0; who < PEOPLE; who++) {
		if (demotions[who] != w->people[who].demotions ||
		    last_ms[who] != w->people[who].demoted_ms)
			differs(w, "who is accused, and when", who);
		if (demotions[who] > 0)
			compare_person(w, who);
	}
}

static inline void
judge(struct world *w, int64_t now_ms, int max)
{
	struct err e = ERR_INIT;

	must(drill_judge(db, &rules, now_ms, max, &e), &e);
	rule_judge(w, now_ms, max);
	compare(w);
}

static inline void
release(struct world *w, int who)
{
	ledger_release(who);
	w->people[who].held = false;
}

/* By nothing that is here. */
static inline void
accuse_freely(struct world *w, int who, int64_t at_ms)
{
	ledger_accuse(who, at_ms);
	w->people[who] = (struct person){
		.held = true, .demotions = 1, .demoted_ms = at_ms
	};
}

/* ---- What might be, and then wasn't ---- */

static inline void
step_back(struct world *w, const struct world *was)
{
	ledger_step_back();
	*w = *was;
}

/* ---- Its beginning ---- */

static inline void
world_begin(struct world *w)
{
	int who;

	*w = (struct world){ .n = 0 };
	ledger_begin();
	for (who = 0; who < PEOPLE; who++)
		w->people[who].stands = true;
}

#endif
