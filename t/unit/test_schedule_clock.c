/*
 * A clock that was wrong: a time that lies ahead isn't believed, and costs a
 * cycle. On a real ledger, with a clock that the test sets.
 */
#include "t/unit/polls.h"

static void
test_clock(void)
{
	const int64_t year_ms = 365 * DAY_MS;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", 30 * SECOND);
	tap_is_int(poll_at(1, "", T0 + year_ms), 1,
	    "a clock that is a year ahead gives a task");
	tap_ok(answer(1, "a", "", T0 + year_ms), "which is paid");
	(void)poll_at(1, "", T0 + 2 * MINUTE);
	tap_is_int(poll_at(1, "", T0 + 3 * MINUTE), 1,
	    "right again, it gives the task within an interval, be it to the same worker");
	tap_ok(answer(1, "a", "", T0 + 3 * MINUTE + SECOND), "and pays");
	tap_is_int(
	    poll_at(2, "", T0 + 4 * MINUTE), 1, "and gives it to others");

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", 30 * SECOND);
	(void)poll_at(1, "", T0 + year_ms);
	tap_ok(!answer(1, "a", "", T0 + 59 * SECOND),
	    "what was given at a time that never was isn't paid");
	(void)poll_at(1, "", T0 + MINUTE);
	tap_is_int(poll_at(1, "", T0 + 2 * MINUTE), 1, "but given anew");
	tap_ok(answer(1, "a", "", T0 + 2 * MINUTE + SECOND), "and paid");
}

/* Cycles of one task that were paid twice. */
static int
paid_twice(void)
{
	struct query *q = db_query(db, Q_AUDIT_SLOT_TWICE);
	struct err e = ERR_INIT;
	bool row;
	int n = 0;

	for (must(query_step(q, &row, &e), &e); row;
	     must(query_step(q, &row, &e), &e))
		n++;
	query_done(q);
	return n;
}

/*
 * The clock is ahead once, for a poll of each of six workers, who then work on
 * in time: the longest time between two checks of a task of 60 s.
 */
static int64_t
longest_gap(int64_t ahead_ms)
{
	const int64_t fault_ms = T0 + 10 * MINUTE;
	int64_t t, at, last = T0, longest = 0;
	int who;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", MINUTE);
	for (t = T0; t < T0 + 90 * MINUTE; t += 5 * SECOND)
		for (who = 1; who <= 6; who++) {
			at = t == fault_ms ? t + ahead_ms : t;
			if (poll_at(who, "", at) != 1 ||
			    !answer(who, "a", "", at) || at != t)
				continue;
			if (t > fault_ms && t - last > longest)
				longest = t - last;
			last = t;
		}
	return longest;
}

static void
test_ahead(void)
{
	static const int64_t little[] = { 1, SECOND, 29 * SECOND, 31 * SECOND,
		37 * SECOND, 43 * SECOND, 49 * SECOND, 55 * SECOND, MINUTE };
	static const int64_t much[] = { 3 * MINUTE, HOUR_MS, DAY_MS - 1, DAY_MS,
		400 * DAY_MS };
	/* One cycle lost, what a phase adds, the longest patience, a poll. */
	const int64_t most_ms = 2 * MINUTE + 30 * SECOND + 24 * SECOND;
	int64_t gap, longest = 0;
	int twice = 0;
	size_t i;

	for (i = 0; i < sizeof(little) / sizeof(little[0]); i++) {
		gap = longest_gap(little[i]);
		longest = gap > longest ? gap : longest;
		twice += paid_twice();
	}
	tap_is_int(twice, 0,
	    "a clock that is ahead by up to a cycle has none paid twice");
	for (i = 0; i < sizeof(much) / sizeof(much[0]); i++) {
		gap = longest_gap(much[i]);
		longest = gap > longest ? gap : longest;
		tap_ok(paid_twice() <= 1,
		    "one that was %lld s ahead at most the one that it gave",
		    (long long)(much[i] / SECOND));
	}
	tap_ok(longest <= most_ms,
	    "by how much ever, that costs one cycle: %lld s between two checks",
	    (long long)(longest / SECOND));
}

/*
 * The first slot of all is given, and paid, a cycle too early; then the clock
 * is right. *paid: checks after that.
 */
static int
twice_after(int64_t right_ms, int *paid)
{
	int64_t t;
	int who;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", MINUTE);
	tap_ok(poll_at(1, "", right_ms + MINUTE) == 1 &&
		answer(1, "a", "", right_ms + MINUTE),
	    "a clock that is a cycle ahead gives the next one, which is paid");
	*paid = 0;
	for (t = right_ms; t < right_ms + 5 * MINUTE; t += 5 * SECOND)
		for (who = 2; who <= 6; who++)
			if (poll_at(who, "", t) == 1)
				*paid += answer(who, "a", "", t);
	return paid_twice();
}

static void
test_early(void)
{
	int hour, paid, least = 5, twice = 0;

	/* In each, at another moment of the cycle. */
	for (hour = 0; hour < 12; hour++) {
		twice += twice_after(
		    T0 + hour * HOUR_MS + 5 * MINUTE + hour * 5 * SECOND,
		    &paid);
		least = paid < least ? paid : least;
	}
	tap_ok(least >= 2, "right again, it gives others (%d)", least);
	tap_is_int(twice, 0, "but never that one again");
}

/* Slots whose cycle isn't one of their definition's, of so many in all. */
static int
strange_cycles(int64_t interval_ms, int64_t edited_ms, int *all)
{
	struct query *q = db_query(db, Q_PUBLISH_ASSIGNMENT);
	struct err e = ERR_INIT;
	bool row;
	int n = 0;

	*all = 0;
	query_int(q, 1, edited_ms);
	for (must(query_step(q, &row, &e), &e); row;
	     must(query_step(q, &row, &e), &e), ++*all)
		n += query_get_int(q, C_PUBLISH_ASSIGNMENT_CYCLE_MS) %
			interval_ms !=
		    0;
	query_done(q);
	return n;
}

/* A slot of a cycle to come is given, and then the interval is another one. */
static void
test_edited(void)
{
	struct task_definition d = definition("", 10 * MINUTE, 1);
	const int64_t edited_ms = T0 + 4 * MINUTE;
	struct err e = ERR_INIT;
	int64_t t;
	int all;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", MINUTE);
	tap_is_int(poll_at(1, "", T0 + 16 * MINUTE + 30 * SECOND), 1,
	    "a clock that is ahead gives a later cycle");
	must(db_begin(db, &e), &e);
	must(task_edit(db, "a", &d, edited_ms, &e), &e);
	must(db_commit(db, &e), &e);
	for (t = edited_ms; t < T0 + 40 * MINUTE; t += 30 * SECOND)
		if (poll_at(2, "", t) == 1)
			(void)answer(2, "a", "", t);
	tap_is_int(strange_cycles(d.interval_ms, edited_ms, &all), 0,
	    "after an edit each slot is of a cycle of its definition");
	tap_ok(all >= 3, "of %d", all);
}

/* What the audit asks for of assignments, which polls forget. */
static void
test_kept(void)
{
	struct terms_row row = { .keep_ms = 11 * MINUTE };
	const struct terms_list l = { .all = &row, .n = 1 };

	tap_ok(terms_keep(&l, T0 - MINUTE, T0), "an assignment is kept");
	tap_ok(!terms_keep(&l, T0 - 11 * MINUTE, T0), "for as long as is said");
	tap_ok(!terms_keep(&l, T0 + 1, T0),
	    "one of a time that is still to come may be forgotten");
}

int
main(void)
{
	test_clock();
	test_ahead();
	test_early();
	test_edited();
	test_kept();
	db_close(db);
	return tap_done();
}
