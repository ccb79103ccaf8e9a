/*
 * What strangers can't do to the schedule: polls take nothing, who is new
 * reserves nothing, and a time that never was isn't believed. test_share.c has
 * the shares. On a real ledger, with a clock that the test sets.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/schedule.h"
#include "ledger/standing.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "ledger/worker.h"
#include "t/unit/ledger.h"

#define T0     1767225600000LL /* a midnight, UTC */
#define SECOND 1000LL
#define MINUTE 60000LL

static struct db *db;
static struct schedule_rules rules;

static void
ledger_new(void)
{
	struct err e = ERR_INIT;

	db_close(db);
	must(db_create_in_memory(&db, &e), &e);
	rules = (struct schedule_rules){ .max_tasks = 10,
		.one_copy_per_network = true,
		.standing = { 2, 2 },
		.network_slots = 8 };
}

static void
add_task(const char *name, const struct task_definition *d)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(task_add(db, name, d, T0, &e), &e);
	must(db_commit(db, &e), &e);
}

static struct task_definition
definition(const char *region, int64_t interval_ms, int64_t copies)
{
	struct task_definition d;

	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/");
	(void)snprintf(d.region, sizeof(d.region), "%s", region);
	d.interval_ms = interval_ms;
	d.copies = copies;
	d.cooldown_ms = 0;
	return d;
}

static void
add_in(
    const char *name, const char *region, int64_t interval_ms, int64_t copies)
{
	struct task_definition d = definition(region, interval_ms, copies);

	add_task(name, &d);
}

static void
add(const char *name, int64_t interval_ms)
{
	add_in(name, "", interval_ms, 1);
}

/* t0, t1 and so on, so many. */
static void
tasks_add(int n, int64_t copies)
{
	char name[16];
	int i;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		add_in(name, "", HOUR_MS, copies);
	}
}

static int64_t
slots_given(void)
{
	struct err e = ERR_INIT;
	int64_t n;

	must(query_one_int(db_query(db, Q_SLOT_LAST), &n, &e), &e);
	return n;
}

static struct address
worker(int n)
{
	struct address a = { { 0x77 } };

	a.b[18] = (uint8_t)(n >> 8);
	a.b[19] = (uint8_t)n;
	return a;
}

static struct given_list given; /* to the last poll */
static bool wrote;		/* the writer was asked for it */

/* Polls, and says how many tasks it was given; -1: refused. */
static int
poll_in(int who, const char *region, const char *network, int64_t now_ms)
{
	const struct poll p = { worker(who), slice_of(region),
		slice_of(network), now_ms };
	struct err e = ERR_INIT;
	bool work;
	enum rc rc;

	must(db_begin(db, &e), &e);
	rc = schedule_serve(db, false, &rules, &p, &given, &work, &e);
	wrote = rc == RC_OK && work;
	if (wrote)
		rc = schedule_serve(db, true, &rules, &p, &given, &work, &e);
	if (rc == RC_INVALID) {
		db_rollback(db);
		return -1;
	}
	must(rc, &e);
	must(db_commit(db, &e), &e);
	return (int)given.n;
}

static int
poll_at(int who, const char *network, int64_t now_ms)
{
	return poll_in(who, "", network, now_ms);
}

/* Answers one task; whether it is credited. */
static bool
answer(int who, const char *task, const char *network, int64_t now_ms)
{
	struct claim c = { .task_id = slice_of(task),
		.worker = worker(who),
		.row = { .timestamp_ms = now_ms,
		    .success = true,
		    .status = 200,
		    .response_ms = 12 } };
	struct terms_row terms;
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(terms_now(db, &terms, &e), &e);
	must(credit_check(db, &terms, &c, 0, now_ms, &e), &e);
	must(credit_record(db, &c, 1, slice_of(network), now_ms, &e), &e);
	must(db_commit(db, &e), &e);
	return c.outcome == CLAIM_CREDITED;
}

static int64_t
worker_id(int who)
{
	struct worker_row w;
	struct err e = ERR_INIT;

	return worker_find(db, (struct address[]){ worker(who) }, &w, &e) ==
		RC_OK
	    ? w.id
	    : 0;
}

/* Gives an address standing by what it is for, at hour boundaries before t. */
static void
stand(int who, const char *network, int64_t t)
{
	struct err e = ERR_INIT;
	int64_t id = worker_id(who);
	int i;

	must(db_begin(db, &e), &e);
	if (id == 0)
		must(worker_add(
			 db, (struct address[]){ worker(who) }, t, &id, &e),
		    &e);
	for (i = 2; i > 0; i--)
		must(standing_pay(
			 db, id, slice_of(network), 0, 1, t - i * HOUR_MS, &e),
		    &e);
	must(db_commit(db, &e), &e);
}

static struct standing
standing_of(int who)
{
	struct err e = ERR_INIT;
	struct standing s;

	must(standing_read(db, worker_id(who), &s, &e), &e);
	return s;
}

static void
test_newcomers(void)
{
	struct task_definition d = definition("", 30 * SECOND, 1);

	ledger_new();
	add("a", HOUR_MS);
	tap_is_int(poll_at(1, "a/24", T0), 1, "a new address is given a task");
	tap_is_int(poll_at(2, "b/24", T0), 1,
	    "what it is given reserves nothing: the next is given it, too");
	tap_ok(answer(2, "a", "b/24", T0 + SECOND),
	    "the first valid result takes it");
	tap_ok(!answer(1, "a", "a/24", T0 + 2 * SECOND), "the second doesn't");
	tap_is_int(poll_at(3, "c/24", T0 + 3 * SECOND), 0,
	    "an answered slot is due for nobody");

	ledger_new();
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0), 1, "who has standing is given it");
	tap_is_int(poll_at(2, "b/24", T0 + SECOND), 0, "and holds it");
	(void)poll_at(2, "b/24", T0 + 2 * SECOND);
	tap_ok(!wrote, "what is held costs others' polls no more than a look");
	tap_is_int(poll_at(2, "b/24", T0 + 71 * SECOND), 1,
	    "for timeout + 60 s of silence");

	ledger_new();
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "x/24", T0), 1, "a poll in its name, elsewhere,");
	tap_is_int(poll_at(2, "b/24", T0 + SECOND), 1, "makes it hold nothing");
	tap_is_int(poll_at(1, "a/24", T0 + 2 * SECOND), 1,
	    "and takes nothing from it: its own poll is given the same");
	tap_ok(answer(1, "a", "a/24", T0 + 3 * SECOND), "and it is paid");

	ledger_new();
	d.cooldown_ms = HOUR_MS;
	add_task("a", &d);
	(void)poll_at(1, "a/24", T0);
	(void)poll_at(2, "b/24", T0);
	tap_ok(answer(2, "a", "b/24", T0 + SECOND), "one of two is paid");
	tap_is_int(poll_at(1, "a/24", T0 + 2 * MINUTE), 1,
	    "the other one has no cooldown,");
	tap_is_int(poll_at(2, "b/24", T0 + 2 * MINUTE), 0, "but that one has");

	ledger_new();
	tasks_add(20, 1);
	rules.network_slots = 100;
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE);
	(void)poll_at(2, "b/24", T0 + 2 * MINUTE);
	tap_is_int(slots_given(), 20,
	    "two newcomers are given tasks that the other one isn't");
	(void)poll_at(3, "c/24", T0 + 3 * MINUTE);
	tap_ok(answer(1, "t0", "a/24", T0 + 3 * MINUTE),
	    "what can still be paid isn't forgotten");
}

static void
test_again(void)
{
	int64_t before;

	ledger_new();
	add("a", 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", T0), 1, "a poll is given a task");
	before = slots_given();
	tap_is_int(poll_at(1, "a/24", T0 + 4 * MINUTE), 1,
	    "one whose answer was lost is given it again, cycles later");
	tap_is_int(slots_given(), before, "the same slot, at no new cost");
	tap_is_int(poll_at(1, "a/24", T0 + 5 * MINUTE - 9 * SECOND), 0,
	    "but not when it can't be paid in time");
	tap_is_int(poll_at(1, "a/24", T0 + 6 * MINUTE), 1,
	    "and when it can't be paid at all another one");
}

static void
test_silence(void)
{
	struct task_definition d;
	int i;

	ledger_new();
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0), 1, "an address of standing");
	tap_is_int(poll_at(1, "a/24", T0 + 80 * SECOND), 1,
	    "that is silent about what it held is still told of it,");
	add("b", HOUR_MS);
	tap_is_int(poll_at(1, "a/24", T0 + 81 * SECOND), 2,
	    "and given more: it doesn't lose the right to try,");
	tap_is_int(poll_at(2, "b/24", T0 + 2 * MINUTE), 2, "but to hold");

	ledger_new();
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	stand(1, "a/24", T0 - 4 * HOUR_MS);
	(void)poll_at(1, "a/24", T0);
	add("b", HOUR_MS);
	for (i = 0; i < 3; i++)
		(void)poll_at(1, "a/24", T0 + (80 + i) * SECOND);
	tap_is_int((int)standing_of(1).hours, 2,
	    "silence costs as many hours as standing takes, once");
	tap_is_int(poll_at(2, "b/24", T0 + 84 * SECOND), 2,
	    "what is left of its standing makes it hold nothing meanwhile");

	ledger_new();
	add("a", 30 * SECOND);
	(void)poll_at(1, "a/24", T0);
	tap_ok(answer(1, "a", "a/24", T0), "who was paid");
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 2 * MINUTE), 1,
	    "holds a slot, and never polls again");
	(void)poll_at(2, "b/24", T0 + 20 * MINUTE);
	tap_is_int((int)standing_of(1).hours, 1,
	    "loses as many hours when that is forgotten");

	d = definition("", HOUR_MS, 1);
	ledger_new();
	add_task("a", &d);
	d.timeout_ms = 30 * SECOND;
	add_task("b", &d);
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 2 * MINUTE), 2, "of two slots");
	add("c", HOUR_MS);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE + 75 * SECOND);
	tap_is_int((int)standing_of(1).hours, 2,
	    "nobody is silent before the last one is overdue");
	add("d", HOUR_MS);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE + 95 * SECOND);
	tap_is_int((int)standing_of(1).hours, 0, "but then");
}

/* Pays one result from there, at that time. */
static void
pay(int who, const char *network, int64_t region, int64_t now_ms)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(standing_pay(
		 db, worker_id(who), slice_of(network), region, 1, now_ms, &e),
	    &e);
	must(db_commit(db, &e), &e);
}

static void
test_standing(void)
{
	const struct standing_rules two = { 2, 2 };
	struct standing s = { .results = 1, .hours = 2 };
	int i;

	tap_ok(!standing_is_good(&s, &two), "standing takes results");
	s = (struct standing){ .results = 2, .hours = 1 };
	tap_ok(!standing_is_good(&s, &two), "and hours");
	s.hours = 2;
	tap_ok(standing_is_good(&s, &two), "and no more than these");

	ledger_new();
	add("a", HOUR_MS);
	(void)poll_at(1, "a/24", T0);
	pay(1, "a/24", 1, T0);
	pay(1, "a/24", 1, T0 + MINUTE);
	tap_ok(standing_of(1).results == 2 && standing_of(1).hours == 1,
	    "two results of an hour are two, in one hour");
	pay(1, "b/24", 1, T0 + HOUR_MS);
	s = standing_of(1);
	tap_ok(standing_is_from(&s, slice_of("b/24")) &&
		!standing_is_from(&s, slice_of("a/24")),
	    "its network is whence the last result came");
	for (i = 2; i < 30; i++)
		pay(1, "b/24", 1, T0 + i * HOUR_MS);
	s = standing_of(1);
	tap_ok(!standing_may_work_in(&s, 2, T0 + 30 * HOUR_MS),
	    "who is paid in its region stays there");
	tap_ok(standing_may_work_in(&s, 2, T0 + 54 * HOUR_MS),
	    "until it wasn't for a day");
	tap_ok(standing_may_work_in(&s, 2, T0 + 28 * HOUR_MS),
	    "a payment of a time that never was doesn't keep it");
}

static void
test_networks(void)
{
	int n;

	ledger_new();
	tasks_add(20, 1);
	n = poll_at(1, "a/24", T0 + 2 * MINUTE) +
	    poll_at(2, "a/24", T0 + 2 * MINUTE);
	tap_is_int(n, 4, "newcomers of a network have half of its slots");
	stand(3, "a/24", T0);
	tap_is_int(poll_at(3, "a/24", T0 + 2 * MINUTE), 4,
	    "the others are for who has standing there");
	tap_is_int(poll_at(3, "a/24", T0 + 3 * MINUTE), 4, "and no more");
	tap_is_int(poll_at(4, "b/24", T0 + 3 * MINUTE), 4,
	    "another network has its own");
	tap_is_int(poll_at(1, "a/24", T0 + 8 * MINUTE), 4,
	    "what can't be paid any more doesn't count");

	ledger_new();
	tasks_add(20, 1);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE);
	(void)poll_at(5, "b/24", T0 + 2 * MINUTE);
	tap_ok(answer(1, given.n > 0 ? "t0" : "", "a/24", T0 + 2 * MINUTE),
	    "one of four slots is paid");
	tap_is_int(poll_at(2, "a/24", T0 + 2 * MINUTE), 1,
	    "then its network may have one more");

	ledger_new();
	tasks_add(20, 1);
	(void)poll_at(1, "a/24", T0 + 365 * DAY_MS + 2 * MINUTE);
	tap_is_int(poll_at(2, "a/24", T0 + 2 * MINUTE), 4,
	    "what was given at a time that never was doesn't count");
	(void)poll_at(3, "b/24", T0 + 2 * MINUTE);
	tap_is_int(worker_id(1), 0, "and is forgotten");

	ledger_new();
	add("a", HOUR_MS);
	for (n = 1; n <= 4; n++)
		(void)poll_at(n, n < 4 ? "a/24" : "b/24", T0);
	tap_ok(answer(4, "a", "b/24", T0 + SECOND),
	    "what three of a network have is paid to another one");
	add("b", HOUR_MS);
	tap_ok(poll_at(1, "a/24", T0 + 2 * SECOND) == 1 &&
		poll_at(2, "a/24", T0 + 2 * SECOND) == 1,
	    "when they poll again it counts no more");
}

/* Of a cycle with several copies, who is given which. */
static void
test_copies(void)
{
	int64_t open_ms;
	int i;

	ledger_new();
	tasks_add(1, 2);
	(void)poll_at(1, "a/24", T0);
	tap_is_int(poll_at(2, "a/24", T0), 1,
	    "a second one of a network has a chance, too,");
	tap_is_int(slots_given(), 1, "at the same copy");
	(void)poll_at(3, "b/24", T0);
	tap_is_int(slots_given(), 2, "another network has the other one");

	ledger_new();
	tasks_add(1, 4);
	for (i = 8; i < 16; i++)
		(void)poll_at(i, "", T0);
	tap_is_int(slots_given(), 4, "eight newcomers are given four copies");
	for (i = 12; i < 16; i++)
		tap_ok(answer(i, "t0", "", T0 + SECOND),
		    "of which the last four don't have the same");

	/* One of two copies is given to nobody. */
	ledger_new();
	add_in("a", "", 30 * SECOND, 2);
	stand(1, "a/24", T0);
	(void)poll_at(1, "a/24", T0);
	(void)answer(1, "a", "a/24", T0 + SECOND);
	open_ms =
	    cycle_opens_ms(PHASE_NEWEST, 1, 30 * SECOND, T0 + 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", open_ms), 0,
	    "who isn't in turn waits in each cycle anew");
	tap_is_int(
	    poll_at(1, "a/24", open_ms + 25 * SECOND), 1, "until it is over");
}

/* What so many polls of fresh addresses leave, when others poll later. */
static void
test_rows(void)
{
	struct err e = ERR_INIT;
	int64_t workers;
	int i;

	ledger_new();
	rules.network_slots = 1000;
	add("a", 30 * SECOND);
	for (i = 1; i <= 300; i++)
		(void)poll_at(i, "a/24", T0 + i * 50);
	/* Not paid: each poll leaves a worker, and 4 are forgotten by each. */
	for (i = 0; i < 100; i++)
		(void)poll_at(1000 + i, "b/24", T0 + 20 * MINUTE + i * 50);
	must(query_one_int(db_query(db, Q_WORKER_COUNT), &workers, &e), &e);
	tap_ok(workers <= 110,
	    "what strangers left is forgotten while others poll");

	ledger_new();
	add("a", 30 * SECOND);
	for (i = 1; i <= 3; i++)
		(void)poll_at(i, i < 3 ? "a/24" : "b/24", T0 + i);
	tap_ok(answer(3, "a", "b/24", T0 + SECOND), "one of three is paid");
	add("b", 30 * SECOND);
	for (i = 1; i <= 2; i++)
		(void)poll_at(i, "a/24", T0 + 2 * SECOND);
	tap_is_int((int)given.n, 1, "the others are given something else");
	(void)poll_at(3, "b/24", T0 + 20 * MINUTE);
	must(query_one_int(db_query(db, Q_WORKER_COUNT), &workers, &e), &e);
	tap_is_int(workers, 1,
	    "also those who polled again after their slot was taken");

	ledger_new();
	add("a", 30 * SECOND);
	(void)poll_at(1, "a/24", T0);
	tap_ok(answer(1, "a", "a/24", T0 + SECOND), "who was paid once");
	for (i = 1; i < 20; i++)
		(void)poll_at(1, "a/24", T0 + i * 6 * MINUTE);
	tap_is_int((int)given.n, 1, "and is silent from then on");
	for (i = 2; i < 9; i++)
		(void)poll_at(i, "b/24", T0 + 3 * HOUR_MS);
	tap_ok(worker_id(1) != 0, "isn't forgotten");
}

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
 * The clock is ahead once, for a poll of each of two workers, who then work on
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
		for (who = 1; who <= 2; who++) {
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
		MINUTE };
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

static void
test_hidden(void)
{
	int i, found = 0;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	/* Whoever asks has had these, which stay due for their other copy. */
	tasks_add(300, 2);
	rules.network_slots = 1000;
	rules.max_tasks = 50;
	for (i = 0; i < 20; i++) {
		(void)poll_at(1 + i, "a/24", T0 + 2 * MINUTE + i);
		while (given.n > 0)
			(void)answer(1 + i, given.tasks[--given.n].name, "a/24",
			    T0 + 2 * MINUTE + i);
	}
	add("behind", HOUR_MS);
	for (i = 0; i < 20; i++)
		found +=
		    poll_at(500 + i, "a/24", T0 + 40 * MINUTE + i * 977) > 0 &&
		    strcmp(given.tasks[0].name, "behind") == 0;
	tap_ok(found > 0,
	    "tasks that whoever asks may not have don't hide what is behind them");
}

static void
test_regions(void)
{
	ledger_new();
	add_in("e", "eu", 30 * SECOND, 1);
	add_in("u", "us", 30 * SECOND, 1);
	tap_is_int(poll_in(1, "eu", "a/24", T0 + MINUTE), 1,
	    "a key is given a task of the region that it names");
	tap_ok(answer(1, "e", "a/24", T0 + MINUTE), "and paid");
	tap_is_int(poll_in(1, "us", "a/24", T0 + 3 * MINUTE), 0,
	    "it counts once, however many regions it names");
	tap_is_int(poll_in(1, "eu", "a/24", T0 + 5 * MINUTE), 1,
	    "and still in its own");
	tap_is_int(poll_in(1, "us", "a/24", T0 + 26 * HOUR_MS), 1,
	    "after a day without pay there it may move");
}

static void
test_admission(void)
{
	struct err e = ERR_INIT;

	ledger_new();
	add("a", 30 * SECOND);
	rules.admission = ADMISSION_LIST;
	tap_is_int(poll_at(1, "a/24", T0), -1, "who isn't on the list is told");
	must(db_begin(db, &e), &e);
	must(worker_admit(db, (struct address[]){ worker(1) }, 1, T0, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_int(
	    poll_at(1, "a/24", T0), 1, "whom the operator admits, isn't");
	rules.admission = ADMISSION_STANDING;
	tap_is_int(poll_at(2, "a/24", T0), -1, "who is new isn't let in,");
	stand(2, "a/24", T0);
	tap_ok(poll_at(2, "a/24", T0) >= 0, "who has standing is");
}

int
main(void)
{
	test_newcomers();
	test_again();
	test_silence();
	test_standing();
	test_networks();
	test_copies();
	test_rows();
	test_clock();
	test_ahead();
	test_hidden();
	test_regions();
	test_admission();
	db_close(db);
	return tap_done();
}
