/*
 * The rule of drills, held against a plain statement of it (drill_world.h) in
 * all cases of small worlds: what others' answers before and after a failed
 * drill say of the canary host, when that is known, who is accused by what it
 * failed, and not again by the same once that was undone, and on which days
 * there are drills. Nothing is random.
 */
#include "drill_world.h"

/* What is wanted of a failed drill, and of most others. */
#define WANTED 404

static void
world_is_ruled(const char *what, int64_t min)
{
	tap_ok(differences == 0 && compared >= min,
	    "%s: as the plain rule says, in %" PRId64 " cases", what, compared);
	differences = compared = 0;
}

/* ---- What others say of the host ---- */

/* An answer of another one: 0 is none. */
struct voice {
	int who;
	int64_t wanted;
	int64_t said;
};

#define TARGET 0
#define OTHER  1
#define GUILTY 2 /* is accused */

struct places {
	const int64_t *ms; /* from the failed drill on, in order */
	int n;
	const struct voice *voices;
	int voice_count;
};

static void
failure_judge(const struct world *w, int64_t said)
{
	struct world now = *w;

	step_into();
	(void)give(&now, TARGET, T0, WANTED, said);
	judge(&now, T0 + 25 * MINUTE, 1);
	step_back(&now, w);
}

/* All ways in which each place has one voice, or none. */
static void
places_fill(struct world *w, const struct places *p, int from)
{
	const struct world was = *w;
	const struct voice *v;
	int i;

	if (from == p->n) {
		failure_judge(w, 200);
		failure_judge(w, 503);
		return;
	}
	places_fill(w, p, from + 1);
	for (v = p->voices; v < p->voices + p->voice_count; v++) {
		step_into();
		i = give(w, v->who, T0 + p->ms[from], v->wanted, v->said);
		if (v->said != NO_ANSWER)
			outcome_is(w, i, v->said == v->wanted ? RIGHT : WRONG);
		places_fill(w, p, from + 1);
		step_back(w, &was);
	}
}

static void
test_host(void)
{
	static const int64_t within[] = { -30 * MINUTE, -MINUTE, -1, 0, 1,
		MINUTE, 2 * MINUTE, 30 * MINUTE },
			     edges[] = { -30 * MINUTE - 1, -30 * MINUTE, 0, 1,
				     30 * MINUTE, 30 * MINUTE + 1 };
	static const struct voice few[] = { { OTHER, WANTED, WANTED },
		{ OTHER, WANTED, NO_STATUS } },
				  all[] = { { OTHER, WANTED, WANTED },
					  { OTHER, WANTED, NO_ANSWER },
					  { OTHER, 200, 200 },
					  { GUILTY, WANTED, WANTED },
					  { TARGET, WANTED, WANTED } };
	struct world w;

	world_begin(&w);
	places_fill(&w, &(struct places){ within, 8, few, 2 }, 0);
	world_is_ruled("what others saw around a failure", 13122);
	accuse_freely(&w, GUILTY, T0 - DAY_MS);
	places_fill(&w, &(struct places){ edges, 6, all, 5 }, 0);
	world_is_ruled("who has a vote, and for how long", 93312);
	world_end();
}

/* So many others who say up are nearer than one that is right. */
static void
crowd_between(const struct world *w, int before, int after)
{
	struct world now = *w;
	int i;

	step_into();
	for (i = -before; i <= after; i++)
		if (i != 0)
			outcome_is(&now, give(&now, OTHER, T0 + i, WANTED, 200),
			    WRONG);
	for (i = -1; i <= 1; i += 2)
		outcome_is(&now,
		    give(&now, OTHER, T0 + i * MINUTE, WANTED, WANTED), RIGHT);
	failure_judge(&now, 200);
	failure_judge(&now, 503);
	step_back(&now, w);
}

static void
test_reach(void)
{
	int before, after;
	struct world w;

	world_begin(&w);
	for (before = 0; before <= 10; before++)
		for (after = 0; after <= 10; after++)
			crowd_between(&w, before, after);
	world_is_ruled("a crowd between those who saw it", 242);
	world_end();
}

/* ---- What is waited for ---- */

#define LAG (7 * SECOND)

/*
 * Two each of four people's, with each mixture of answers that come at once,
 * and each number of drills that is judged at a time: at some times in between.
 */
static void
queue_judge(const struct world *w)
{
	static const int64_t times[] = { 59 * SECOND, MINUTE, 2 * MINUTE,
		6 * MINUTE - 1, 6 * MINUTE, 20 * MINUTE, 20 * MINUTE + LAG - 1,
		30 * MINUTE };
	struct world now = *w;
	size_t i;
	int max;

	for (max = 1; max <= 8; max += 7) {
		step_into();
		for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
			judge(&now, T0 + times[i], max);
		step_back(&now, w);
	}
}

static void
queue_fill(struct world *w, int from)
{
	static const int64_t answers[] = { WANTED, 200, 503, NO_ANSWER };
	const struct world was = *w;
	size_t i;

	if (from == 6) {
		queue_judge(w);
		return;
	}
	for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		step_into();
		(void)give(w, from % 3, T0 + from * LAG, WANTED, answers[i]);
		queue_fill(w, from + 1);
		step_back(w, &was);
	}
}

static void
test_queue(void)
{
	struct world w;

	world_begin(&w);
	queue_fill(&w, 0);
	world_is_ruled("drills that wait for others", 60000);
	world_end();
}

/* ---- The record ---- */

#define GAP (30 * MINUTE + 1)

/* A drill of the target, in a time in which the host was well. */
static void
record_add_drill(struct world *w, int64_t at_ms, int64_t said)
{
	outcome_is(w, give(w, OTHER, at_ms, WANTED, WANTED), RIGHT);
	outcome_is(w, give(w, OTHER, at_ms + 1, WANTED, WANTED), RIGHT);
	(void)give(w, TARGET, at_ms, WANTED, said);
}

/* While the operator holds everybody, which ends later. */
static void
judge_among_held(struct world *w, int64_t now_ms)
{
	struct err e = ERR_INIT;

	must(hold_set(db, 0, "operator", "all", now_ms, &e), &e);
	must(drill_judge(db, &rules, now_ms, 1, &e), &e);
	must(hold_release(db, 0, "operator", &e), &e);
	rule_judge(w, now_ms, 1);
	compare(w);
}

static void
record_step(struct world *w, char what, int64_t *at_ms)
{
	switch (what) {
	case 'r':
	case 'w':
		record_add_drill(w, *at_ms, what == 'r' ? WANTED : 503);
		judge(w, *at_ms + 20 * MINUTE, 1);
		break;
	case 'a':
		record_add_drill(w, *at_ms, 503);
		judge_among_held(w, *at_ms + 20 * MINUTE);
		break;
	case 's':
		(void)give(w, TARGET, *at_ms, WANTED, NO_ANSWER);
		judge(w, *at_ms + 20 * MINUTE, 1);
		break;
	case 'v': /* nobody else was there */
		(void)give(w, TARGET, *at_ms, WANTED, 503);
		judge(w, *at_ms + 20 * MINUTE, 1);
		break;
	case 'u': /* a person undoes what was done */
		release(w, TARGET);
		break;
	case 'd':
		*at_ms += DAY_MS;
		break;
	}
	*at_ms += GAP;
}

static void
record_after(struct world *w, const char *letters, int more, int64_t at_ms)
{
	const struct world was = *w;
	const char *p;
	int64_t next;

	for (p = letters; more > 0 && *p != '\0'; p++) {
		next = at_ms;
		step_into();
		record_step(w, *p, &next);
		record_after(w, letters, more - 1, next);
		step_back(w, &was);
	}
}

/* What follows that beginning, by any so many of these letters. */
static void
record_try(const char *begins, const char *letters, int more)
{
	int64_t at_ms = T0;
	struct world w;

	world_begin(&w);
	for (; *begins != '\0'; begins++)
		record_step(&w, *begins, &at_ms);
	record_after(&w, letters, more, at_ms);
	world_end();
}

static void
test_record(void)
{
	record_try("wwww", "rwasvud", 5);
	world_is_ruled("a record's end", 12000);
	record_try("wwwwwwu", "rwud", 6);
	world_is_ruled("a record after an accusation was undone", 2700);
	record_try("rrrrrrrrrrrrrrrr", "rw", 9);
	world_is_ruled("an acquittal", 1000);
}

/* ---- Votes of those who are accused meanwhile ---- */

/* Each has failed so often that it is accused by one failure more. */
static void
crowd_try(const struct world *w, unsigned long code)
{
	static const int64_t answers[] = { WANTED, 200, 503 };
	struct world now = *w;
	int i, right = 0, wrong = 0;

	step_into();
	for (i = 0; i < 8; i++) {
		(void)give(
		    &now, i % 4, T0 + i * LAG, WANTED, answers[code % 3]);
		code /= 3;
	}
	judge(&now, T0 + 25 * MINUTE, 8);
	for (i = 20; i < now.n; i++) {
		right += now.drills[i].outcome == RIGHT;
		wrong += now.drills[i].outcome == WRONG;
	}
	/* What all fail in the same minutes counts for nobody. */
	if (right == 0 && wrong > 0)
		differences++;
	step_back(&now, w);
}

static void
test_crowd(void)
{
	unsigned long code;
	struct world w;
	int who, i;

	world_begin(&w);
	for (who = 0; who < 4; who++)
		for (i = 0; i < 5; i++)
			outcome_is(&w,
			    give(&w, who, T0 - DAY_MS + i * LAG, WANTED, 503),
			    WRONG);
	for (code = 0; code < 6561; code++)
		crowd_try(&w, code);
	world_is_ruled("four who were nearly accused", 6561);
	world_end();
}

/* ---- Days, and their keys ---- */

#define DAYS_SEEN 13
#define AHEAD	  (9 * DAY_MS) /* a clock that is wrong once */

/* By day, from the one before T0 on; 0: not yet. */
struct days {
	int64_t committed_ms[DAYS_SEEN];
	bool shown[DAYS_SEEN];
};

static void
days_compare(const struct days *days, int64_t first)
{
	struct query *q = db_query(db, Q_PUBLISH_DRILL_KEY);
	uint8_t key[CANARY_KEY_LEN], hash[SHA256_LEN];
	struct err e = ERR_INIT;
	struct slice shown;
	int64_t day, i, n = 0;
	bool row;

	compared++;
	while (query_step(q, &row, &e) == RC_OK && row) {
		day = query_get_int(q, 0);
		i = day - first;
		n++;
		canary_day_key(key, rules.master, day);
		sha256(hash, key, sizeof(key));
		shown = query_get_bytes(q, 2);
		if (i < 0 || i >= DAYS_SEEN || days->committed_ms[i] == 0 ||
		    days->shown[i] != (shown.len > 0) ||
		    memcmp(query_get_bytes(q, 1).p, hash, sizeof(hash)) != 0 ||
		    (shown.len > 0 && memcmp(shown.p, key, sizeof(key)) != 0))
			differences++;
	}
	query_done(q);
	for (i = 0; i < DAYS_SEEN; i++)
		n -= days->committed_ms[i] > 0;
	if (n != 0)
		differences++;
}

/* Somebody polls, and is given drills or none. */
static void
days_poll(struct days *days, int64_t first, int64_t now_ms)
{
	const struct poll p = { .worker = address_at(TARGET),
		.region = slice_of(""),
		.network = slice_of(""),
		.now_ms = now_ms };
	const int64_t i = now_ms / DAY_MS - first;
	struct drill_plan plan;
	struct err e = ERR_INIT;
	bool any = false;
	int64_t k;
	size_t at;

	must(drill_prepare(db, &rules, &p, TASKS_PER_POLL_MAX, &plan, &e), &e);
	for (at = 0; at < plan.n; at++)
		any |= plan.is_drill[at];
	/* Who could have chosen a day's key, or knows it, has none of it. */
	if (any !=
	    (days->committed_ms[i] > 0 && !days->shown[i] &&
		days->committed_ms[i] < (first + i) * DAY_MS))
		differences++;
	if (days->committed_ms[i + 1] == 0) {
		days->committed_ms[i + 1] = now_ms;
		for (k = 0; k < i - 1; k++)
			days->shown[k] = days->committed_ms[k] > 0;
	}
	days_compare(days, first);
}

/* Polls at any of some times around midnights, also after days without any. */
static void
test_days(void)
{
	static const int64_t times[] = { -1, 0, HOUR_MS, DAY_MS - 1, DAY_MS,
		2 * DAY_MS - 1, 2 * DAY_MS, 4 * DAY_MS, 5 * DAY_MS + 1 };
	const size_t n = sizeof(times) / sizeof(times[0]);
	const int64_t first = T0 / DAY_MS - 1;
	struct world w, was;
	struct days days;
	unsigned set;
	size_t i, ahead;

	world_begin(&w);
	was = w;
	/* At one time, or none, the clock is ahead. */
	for (set = 1; set < 1u << n; set++)
		for (ahead = 0; ahead <= n; ahead += 3) {
			days = (struct days){ .committed_ms = { 0 } };
			step_into();
			for (i = 0; i < n; i++) {
				if ((set >> i & 1) != 0)
					days_poll(&days, first, T0 + times[i]);
				if (i == ahead)
					days_poll(&days, first, T0 + AHEAD);
			}
			step_back(&w, &was);
		}
	world_is_ruled("days with drills, and their keys", 10749);
	world_end();
}

/* ---- How many drills come with what is given ---- */

#define PLACES 5

static void
answer_try(const struct world *w, const struct drill_plan *plan, size_t checks)
{
	const struct poll p = { .worker = address_at(TARGET),
		.region = slice_of(""),
		.network = slice_of("a/24"),
		.now_ms = T0 + HOUR_MS };
	struct given_list list = { .n = checks };
	struct world now = *w;
	struct err e = ERR_INIT;
	size_t i, given = 0, drills = 0, all = 0;

	for (i = 0; i < PLACES; i++)
		all += plan->is_drill[i];
	/* Place by place, while there are checks; full, it has all of them. */
	for (i = 0; i < PLACES && given < checks; i++) {
		drills += plan->is_drill[i];
		given += !plan->is_drill[i];
	}
	if (checks + all >= PLACES)
		drills = all;
	step_into();
	must(drill_give(db, &rules, &p, plan, &list, &e), &e);
	compared++;
	if (list.n != checks + drills)
		differs(&now, "the number of drills beside checks",
		    (int64_t)list.n);
	step_back(&now, w);
}

static void
test_answers(void)
{
	struct drill_plan plan = { .n = PLACES };
	struct task_definition d;
	struct err e = ERR_INIT;
	size_t checks, i, all;
	struct world w;
	unsigned set;
	char name[8];

	world_begin(&w);
	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/{token}");
	for (i = 0; i < PLACES; i++) {
		(void)snprintf(name, sizeof(name), "own%zu", i);
		must(task_add(db, name, &d, T0, &e), &e);
	}
	must(standing_read(db, worker_ids[TARGET], &plan.standing, &e), &e);
	must(terms_now(db, &plan.terms, &e), &e);
	for (set = 0; set < 1u << PLACES; set++) {
		for (i = all = 0; i < PLACES; i++)
			all += plan.is_drill[i] = (set >> i & 1) != 0;
		plan.places = all;
		for (checks = 1; checks + all <= PLACES; checks++)
			answer_try(&w, &plan, checks);
	}
	world_is_ruled("drills beside checks", 80);
	world_end();
}

int
main(void)
{
	test_host();
	test_reach();
	test_queue();
	test_record();
	test_crowd();
	test_days();
	test_answers();
	return tap_done();
}
