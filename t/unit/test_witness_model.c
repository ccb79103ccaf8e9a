/*
 * What witnesses' reports say of others', held against a plain statement of the
 * rule (witness_world.h) in all cases of small worlds: which runs of reports
 * are an outage, and when; which others, and which witnesses must have seen it;
 * which outages are one; who is accused; which witness is contradicted; and
 * when witnesses are asked. Nothing is random.
 */
#include "witness_world.h"

static void
world_is_ruled(const char *what, int64_t min)
{
	tap_ok(differences == 0 && compared >= min,
	    "%s: as the plain rule says, in %" PRId64 " cases", what, compared);
	differences = compared = 0;
}

/* ---- Runs ---- */

#define RUNS_N 11

/* A witness says up, or down, each minute; somebody up, somebody else down. */
static void
runs_fill(struct world *w, int k)
{
	const struct world was = *w;
	const int64_t at_ms = T0 + k * MINUTE;
	int up, i;

	if (k == RUNS_N) {
		judge(w, at_ms + NEAR + MINUTE, 100);
		return;
	}
	for (up = 0; up <= 1; up++) {
		step_into();
		saw(w, 0, 0, at_ms, up != 0);
		if (k >= 4 && k + 1 < RUNS_N) {
			say(w, 0, k - 4, 0, at_ms + 10 * SECOND,
			    at_ms + 20 * SECOND, true);
			for (i = k; i < k + 2; i++)
				say(w, 0, 8 + i % 3, 1 + i % 3,
				    at_ms + 12 * SECOND, at_ms + 22 * SECOND,
				    false);
		}
		if (k + 1 == RUNS_N)
			judge(w, at_ms + 40 * SECOND, 100);
		runs_fill(w, k + 1);
		step_back(w, &was);
	}
}

static void
test_runs(void)
{
	struct world w;

	world_begin(&w);
	runs_fill(&w, 0);
	world_is_ruled("what is an outage, and what flaps", 4096);
	world_end();
}

/* ---- Times ---- */

/* The result is given at 0. */
static void
test_times(void)
{
	struct script s = { .n = 0 };

	script_add_words(&s, -NEAR - 9 * MINUTE, 4, true);
	script_add_words(&s, -NEAR - 4 * MINUTE, 3, false);
	ADD(&s, WORD_AT(0, -NEAR - 1, false), WORD_AT(0, -NEAR, false),
	    WORD_AT(0, -1, false), WORD_AT(0, 0, false), WORD_AT(0, 1, false));
	ADD(&s, SAYS(1, 1, -2, false));
	ADD(&s, SAYS(2, 2, -NEAR - 3 * MINUTE, false));
	ADD(&s, NO_EVENT, WORD_AT(0, 2, false), WORD_AT(0, AFTER - 1, false),
	    WORD_AT(0, 2, true), WORD_AT(0, AFTER - 1, true));
	ADD(&s, SAYS(0, 0, 0, false), SAYS(0, 0, 0, true));
	ADD(&s, NO_EVENT, WORD_AT(0, AFTER, false),
	    WORD_AT(0, AFTER + 1, false), WORD_AT(0, AFTER, true),
	    WORD_AT(0, AFTER + 1, true));
	ADD(&s, NO_EVENT, WORD_AT(0, AFTER + NEAR, false),
	    WORD_AT(0, AFTER + NEAR + 1, false));
	ADD(&s, DOES(JUDGE, 0, AFTER + NEAR - 1));
	ADD(&s, DOES(JUDGE, 0, AFTER + NEAR));
	script_run(&s);
	world_is_ruled("when an outage was seen", 1500);
}

/* How soon it is judged, and what of the day before counts. */
static void
test_days(void)
{
	struct script s = { .n = 0 };
	int i;

	ADD(&s, WORD_AT(0, -DAY_MS - MINUTE, true));
	ADD(&s, WORD_AT(0, -DAY_MS - 1, false), WORD_AT(0, -DAY_MS, false),
	    WORD_AT(0, -DAY_MS + 1, false));
	ADD(&s, NO_EVENT, WORD_AT(0, -DAY_MS + 2, true));
	ADD(&s, NO_EVENT, WORD_AT(0, -DAY_MS + 3, false));
	script_add_words(&s, -10 * MINUTE, 4, true);
	script_add_words(&s, -5 * MINUTE, 4, false);
	ADD(&s, SAYS(1, 1, -3 * MINUTE, false));
	ADD(&s, SAYS(2, 2, -2 * MINUTE, false));
	ADD(&s, SAYS(0, 0, 0, false), SAYS(0, 0, 0, true));
	ADD(&s, WORD_AT(0, MINUTE, false));
	for (i = 2; i < 7; i++) {
		ADD(&s, NO_EVENT, WORD_AT(0, i * MINUTE, true));
		ADD(&s, DOES(JUDGE, 0, i * MINUTE));
	}
	ADD(&s, DOES(JUDGE, 2, NEAR + AFTER));
	ADD(&s, DOES(JUDGE, 2, NEAR + AFTER));
	script_run(&s);
	world_is_ruled("what flapped within a day", 768);
}

/* ---- Others ---- */

/* The outage lasts from -5 minutes to 1 minute; up to -7 it was seen up. */
static void
others_try(const int64_t *ms, int n, bool ups)
{
	struct script s = { .n = 0 };
	int i;

	ADD(&s, DOES(ACCUSE, 6, -DAY_MS));
	script_add_words(&s, -10 * MINUTE, 4, true);
	for (i = 0; i < n && ms[i] < -5 * MINUTE; i++)
		ADD(&s, NO_EVENT, SAYS(1, 1, ms[i], false),
		    SAYS(2, 2, ms[i], false));
	script_add_words(&s, -5 * MINUTE, 4, false);
	for (; i < n && !ups; i++)
		ADD(&s, NO_EVENT, SAYS(1, 1, ms[i], false),
		    SAYS(2, 2, ms[i], false), SAYS(3, 2, ms[i], false),
		    SAYS(4, ALONE, ms[i], true), SAYS(5, 0, ms[i], false),
		    SAYS(6, 6, ms[i], false), SAYS(0, 7, ms[i], false));
	for (; i < n; i++)
		ADD(&s, SAYS(1, 1, ms[i], false), SAYS(2, 2, ms[i], false),
		    SAYS(1, 1, ms[i], true), SAYS(3, ALONE, ms[i], true),
		    SAYS(4, ALONE, ms[i], true), SAYS(5, 0, ms[i], true),
		    SAYS(6, 6, ms[i], true));
	ADD(&s, SAYS(0, 0, 0, true));
	ADD(&s, WORD_AT(0, MINUTE, false));
	ADD(&s, DOES(JUDGE, 0, 2 * NEAR));
	script_run(&s);
}

static void
test_others(void)
{
	static const int64_t begin[] = { -7 * MINUTE, -5 * MINUTE - 1,
		-5 * MINUTE, -4 * MINUTE, -3 * MINUTE },
			     end[] = { -4 * MINUTE, MINUTE - 1, MINUTE,
				     MINUTE + 1 },
			     within[] = { -4 * MINUTE, -3 * MINUTE, -2 * MINUTE,
				     MINUTE };

	others_try(begin, 5, false);
	others_try(end, 4, false);
	others_try(within, 4, true);
	world_is_ruled("who else must have seen it", 11105);
}

/* ---- Several witnesses ---- */

static void
any_witness(struct script *s, int64_t at_ms, bool up)
{
	ADD(s, WORD_AT(0, at_ms, up), WORD_AT(1, at_ms, up),
	    WORD_AT(2, at_ms, up));
}

/* The third is no witness meanwhile, or not any more. */
static void
test_witnesses(void)
{
	struct script s = { .n = 0 };

	ADD(&s, WORD_AT(0, -20 * MINUTE, false));
	script_add_words(&s, -10 * MINUTE, 2, true);
	any_witness(&s, -8 * MINUTE, true);
	any_witness(&s, -7 * MINUTE, true);
	ADD(&s, NO_EVENT, WORD_AT(2, -6 * MINUTE, true),
	    WORD_AT(1, -6 * MINUTE, true));
	script_add_words(&s, -5 * MINUTE, 2, false);
	ADD(&s, SAYS(1, 1, -4 * MINUTE, false));
	ADD(&s, SAYS(2, 2, -4 * MINUTE, false));
	any_witness(&s, -3 * MINUTE, false);
	any_witness(&s, -2 * MINUTE, false);
	ADD(&s, NO_EVENT, WORD_AT(2, -MINUTE, true),
	    WORD_AT(1, -MINUTE, false));
	ADD(&s, SAYS(0, 0, 0, true));
	any_witness(&s, MINUTE, false);
	ADD(&s, NO_EVENT, DOES(EXPEL, 2, 2 * MINUTE));
	ADD(&s, NO_EVENT, DOES(ADMIT, 2, 3 * MINUTE));
	ADD(&s, DOES(JUDGE, 0, 2 * NEAR));
	script_run(&s);
	world_is_ruled("which witnesses must have seen it", 8000);
}

/* ---- Outages beside each other ---- */

/* What happens in one of them. */
struct course {
	bool early;   /* somebody says down before witnesses do */
	bool late;    /* and after them */
	bool ends;    /* they see it up again */
	bool trouble; /* one that isn't a witness saw it up in between */
};

#define COURSES 16

static struct course
course_of(int code)
{
	return (struct course){ (code & 1) != 0, (code & 2) != 0,
		(code & 4) != 0, (code & 8) != 0 };
}

struct events {
	struct event v[100];
	int n;
};

static void
events_add(struct events *all, struct event v, int task)
{
	int i;

	CHECK(all->n < 100);
	v.task = task;
	for (i = all->n++; i > 0 && all->v[i - 1].at_ms > v.at_ms; i--)
		all->v[i] = all->v[i - 1];
	all->v[i] = v;
}

static void
course_add(struct events *all, const struct course *c, int task, int64_t at_ms)
{
	int i;

	for (i = 0; i < 4; i++) {
		events_add(all, WORD_AT(0, at_ms + i * MINUTE, true), task);
		events_add(
		    all, WORD_AT(0, at_ms + (5 + i) * MINUTE, false), task);
		if (c->ends)
			events_add(all,
			    WORD_AT(0, at_ms + (11 + i) * MINUTE, true), task);
	}
	for (i = 1; i < 3; i++)
		events_add(all,
		    SAYS(i, i, at_ms + 6 * MINUTE + i * SECOND, false), task);
	events_add(
	    all, SAYS(0, 0, at_ms + 7 * MINUTE + SECOND, task == 0), task);
	if (c->early)
		events_add(all, SAYS(3, 3, at_ms + 4 * MINUTE, false), task);
	if (c->trouble)
		events_add(all,
		    WORD_AT(2, at_ms + 7 * MINUTE + 30 * SECOND, true), task);
	if (c->late)
		events_add(all, SAYS(3, 3, at_ms + 10 * MINUTE, false), task);
}

static void
courses_try(const struct world *w, int first, int second, int64_t later)
{
	const struct course a = course_of(first), b = course_of(second);
	struct events all = { .n = 0 };
	struct world now = *w;
	int64_t at_ms;
	int i;

	course_add(&all, &a, 0, 0);
	course_add(&all, &b, 1, later);
	step_into();
	for (i = 0, at_ms = MINUTE; i < all.n; i++) {
		for (; all.v[i].at_ms > at_ms; at_ms += MINUTE)
			if (at_ms > 8 * MINUTE)
				judge(&now, T0 + at_ms, 100);
		happen(&now, &all.v[i]);
	}
	judge(&now, T0 + 2 * NEAR + later, 100);
	step_back(&now, w);
}

static void
test_courses(void)
{
	/* From the beginning of one to that of the other. */
	static const int64_t later[] = { 0, MINUTE, 2 * MINUTE + 1, 3 * MINUTE,
		3 * MINUTE + 1, 4 * MINUTE, 4 * MINUTE + 1, 5 * MINUTE,
		6 * MINUTE, 6 * MINUTE + 1, 7 * MINUTE };
	struct world w;
	int a, b;
	size_t i;

	world_begin(&w);
	expel(&w, 2, T0 - DAY_MS);
	for (a = 0; a < COURSES; a++)
		for (b = 0; b < COURSES; b++)
			for (i = 0; i < sizeof(later) / sizeof(later[0]); i++)
				if (!course_of(b).trouble)
					courses_try(&w, a, b, later[i]);
	world_is_ruled("which outages are one", 11000);
	world_end();
}

/* One lasts on, while another begins about a day after what was judged. */
static void
long_try(const struct world *w, int64_t later, bool last)
{
	const struct course course = { .ends = false };
	struct events all = { .n = 0 };
	struct world now = *w;
	int i;

	course_add(&all, &course, 0, 0);
	course_add(&all, &course, 1, later);
	if (last)
		events_add(&all, SAYS(3, 3, later + 5 * MINUTE, false), 0);
	step_into();
	for (i = 0; i < all.n; i++) {
		if (all.v[i].at_ms == later)
			judge(&now, T0 + HOUR_MS, 100);
		happen(&now, &all.v[i]);
	}
	judge(&now, T0 + later + HOUR_MS, 100);
	step_back(&now, w);
}

static void
test_long(void)
{
	int64_t later;
	struct world w;

	world_begin(&w);
	for (later = DAY_MS + 4 * MINUTE - SECOND;
	     later <= DAY_MS + 4 * MINUTE + 2 * SECOND; later += SECOND / 2) {
		long_try(&w, later, false);
		long_try(&w, later, true);
	}
	world_is_ruled("for how long outages are one", 28);
	world_end();
}

/* ---- The record ---- */

/* An outage of the first task, which a worker misses or sees; or what flaps. */
static void
record_outage(struct world *w, int64_t at_ms, bool up, bool flaps)
{
	int i;

	for (i = 0; i < 4; i++)
		saw(w, 0, 0, at_ms + i * MINUTE, true);
	for (; i < 9; i++) {
		saw(w, 0, 0, at_ms + i * MINUTE, false);
		if (i < 7)
			say(w, 0, i - 3, i, at_ms + i * MINUTE + SECOND,
			    at_ms + i * MINUTE + AFTER, false);
		if (i == 7)
			say(w, 0, 0, 0, at_ms + i * MINUTE + SECOND,
			    at_ms + i * MINUTE + AFTER, up);
	}
	if (flaps) {
		saw(w, 0, 0, at_ms + 9 * MINUTE, true);
		saw(w, 0, 0, at_ms + 10 * MINUTE, false);
		saw(w, 0, 0, at_ms + 11 * MINUTE, true);
		saw(w, 0, 0, at_ms + 12 * MINUTE, false);
	}
}

static void
record_step(struct world *w, char what, int64_t *at_ms)
{
	switch (what) {
	case 'm':
	case 's':
	case 'f':
		record_outage(w, *at_ms, what != 's', what == 'f');
		judge(w, *at_ms + 40 * MINUTE, 100);
		break;
	case 'u': /* a person undoes what was done */
		ledger_release(0);
		w->people[0].held = false;
		break;
	case 'd':
		*at_ms += DAY_MS;
		break;
	}
	*at_ms += HOUR_MS;
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

static void
test_record(void)
{
	int64_t at_ms = T0;
	struct world w;
	int i;

	world_begin(&w);
	record_after(&w, "msfud", 5, T0);
	world_is_ruled("a record", 2300);
	for (i = 0; i < 15; i++)
		record_step(&w, 's', &at_ms);
	record_after(&w, "ms", 5, at_ms);
	world_is_ruled("a record that begins well", 77);
	world_end();
}

/* ---- Witnesses that are contradicted ---- */

/* What is said of the task about the time of a word. */
static void
words_try(int64_t at_ms, bool up, int others)
{
	struct script s = { .n = 0 };
	int i;

	ADD(&s, DOES(ACCUSE, 6, -DAY_MS));
	ADD(&s, NO_EVENT, WORD_AT(1, -3 * MINUTE - 1, false),
	    WORD_AT(1, -3 * MINUTE, false));
	ADD(&s, WORD_AT(2, -20 * MINUTE, false));
	ADD(&s, WORD_AT(0, 0, up));
	for (i = 0; i < others; i++)
		ADD(&s, NO_EVENT, SAYS(i, i, at_ms, true),
		    SAYS(i, i, at_ms, false));
	ADD(&s, NO_EVENT, SAYS(7, 0, at_ms, true), SAYS(7, 0, at_ms, false),
	    SAYS(6, 6, at_ms, true), SAYS(6, 6, at_ms, false),
	    SAYS(7, ALONE, at_ms, !up));
	ADD(&s, DOES(JUDGE, 0, NEAR - 1));
	ADD(&s, DOES(JUDGE, 0, NEAR));
	script_run(&s);
}

static void
test_words(void)
{
	static const int64_t at[] = { -3 * MINUTE - 1, -3 * MINUTE, 3 * MINUTE,
		3 * MINUTE + 1 };
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		words_try(at[i], true, 3);
		words_try(at[i], false, 3);
	}
	words_try(MINUTE, true, 5);
	words_try(MINUTE, false, 5);
	world_is_ruled("what a witness said, and others didn't", 20000);
}

/* In a half hour the first witness is contradicted, or not, by three. */
static void
half_hour_add(struct world *w, int64_t at_ms, int wrong, int right)
{
	int i, k;

	for (k = 0; k < wrong + right; k++, at_ms += 8 * MINUTE) {
		saw(w, 0, 0, at_ms, false);
		for (i = 0; i < 3; i++)
			say(w, 0, i, i, at_ms + i * SECOND,
			    at_ms + i * SECOND + 1, k < wrong);
	}
}

static void
half_hours_after(struct world *w, int more, int64_t at_ms)
{
	static const struct {
		int wrong, right;
		int64_t gap_ms;
	} some[] = { { 1, 0, 0 }, { 1, 1, 0 }, { 2, 1, 0 }, { 0, 1, 0 },
		{ 1, 0, DAY_MS - 7 * NEAR } };
	const struct world was = *w;
	size_t i;

	for (i = 0; more > 0 && i < sizeof(some) / sizeof(some[0]); i++) {
		step_into();
		half_hour_add(w, at_ms, some[i].wrong, some[i].right);
		judge(w, at_ms + NEAR + 29 * MINUTE, 100);
		half_hours_after(w, more - 1, at_ms + NEAR + some[i].gap_ms);
		step_back(w, &was);
	}
}

static void
test_half_hours(void)
{
	struct world w;
	int i;

	world_begin(&w);
	for (i = 0; i < 4; i++)
		half_hour_add(&w, T0 + i * NEAR, 2, 0);
	half_hours_after(&w, 4, T0 + 4 * NEAR);
	world_is_ruled("who isn't a witness any longer", 780);
	world_end();
}

/* ---- When they are asked ---- */

static void
asked_step(struct world *w, char what, int64_t at_ms)
{
	switch (what) {
	case 's':
		spot(w, FRESH);
		break;
	case 'g': /* the word is what was to be given */
		went(w, FRESH);
		break;
	case 'u':
	case 'd':
		saw(w, FRESH, 0, at_ms, what == 'u');
		break;
	case 'U':
	case 'D':
		say(w, FRESH, 0, 0, at_ms, at_ms + AFTER, what == 'U');
		break;
	}
	compared++;
	compare_asked(w);
}

static void
asked_after(struct world *w, const char *letters, int more, int64_t at_ms)
{
	const struct world was = *w;
	const char *p;

	for (p = letters; more > 0 && *p != '\0'; p++) {
		step_into();
		asked_step(w, *p, at_ms);
		asked_after(w, letters, more - 1, at_ms + 9 * MINUTE);
		step_back(w, &was);
	}
}

static void
test_asked(void)
{
	struct world w;
	int i;

	world_begin(&w);
	asked_after(&w, "sUD", 4, T0);
	spot(&w, FRESH);
	asked_after(&w, "gudUD", 6, T0);
	world_is_ruled("when witnesses are asked", 19600);
	for (i = 0; i < WITNESSES; i++)
		expel(&w, i, T0);
	went(&w, FRESH);
	asked_after(&w, "sUD", 3, T0);
	world_is_ruled("nobody is asked where there is no witness", 39);
	world_end();
}

int
main(void)
{
	test_runs();
	test_times();
	test_days();
	test_others();
	test_witnesses();
	test_courses();
	test_long();
	test_record();
	test_words();
	test_half_hours();
	test_asked();
	return tap_done();
}
