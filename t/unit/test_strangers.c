/*
 * What strangers can't do to the schedule: polls take nothing, who is new
 * reserves nothing, and a time that never was isn't believed. test_share.c has
 * the shares. On a real ledger, with a clock that the test sets.
 */
#include "t/unit/polls.h"

static struct standing
standing_of(int who)
{
	struct err e = ERR_INIT;
	struct standing s;

	must(standing_read(db, worker_id(who), &s, &e), &e);
	return s;
}

static void
admit(int who, int64_t now_ms)
{
	struct err e = ERR_INIT;
	struct address a = worker(who);

	must(db_begin(db, &e), &e);
	must(worker_admit(db, &a, 1, false, now_ms, &e), &e);
	must(db_commit(db, &e), &e);
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

/* What one of standing is given that begins so long after a newcomer. */
static const char *
given_after(int64_t ms)
{
	ledger_new();
	rules.max_tasks = 1;
	add("a", HOUR_MS);
	add("b", HOUR_MS);
	stand(1, "a/24", T0);
	(void)poll_at(2, "b/24", T0);
	(void)poll_at(1, "a/24", T0 + ms);
	return given.n == 1 ? given.tasks[0].name : "nothing";
}

static void
test_order(void)
{
	tap_is_text(given_after(SECOND), "b",
	    "what a newcomer was given a second ago is left to it,");
	tap_is_text(given_after(6 * SECOND), "a",
	    "but later what waits longest comes first, whoever was given it");
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
test_silence(void)
{
	struct task_definition d;
	int i;

	ledger_new();
	rules.network_slots = 100;
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
	rules.network_slots = 100;
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	stand(1, "a/24", T0 - 4 * HOUR_MS);
	(void)poll_at(1, "a/24", T0);
	add("b", HOUR_MS);
	for (i = 0; i < 3; i++)
		(void)poll_at(1, "a/24", T0 + (80 + i) * SECOND);
	tap_ok(standing_of(1).owed_hours == 2 && standing_of(1).hours == 4,
	    "silence costs no standing, but as many hours of it, once,");
	tap_is_int(poll_at(2, "b/24", T0 + 84 * SECOND), 2,
	    "until which it holds nothing, whatever it had");
	pay(1, "a/24", 0, T0 + HOUR_MS);
	pay(1, "a/24", 0, T0 + HOUR_MS + MINUTE);
	tap_is_int((int)standing_of(1).owed_hours, 1, "it works them off");
	pay(1, "a/24", 0, T0 + 2 * HOUR_MS);
	add("c", HOUR_MS);
	(void)poll_at(1, "a/24", T0 + 3 * HOUR_MS);
	tap_is_int(poll_at(2, "b/24", T0 + 3 * HOUR_MS + SECOND), 0,
	    "and then holds again");

	ledger_new();
	rules.network_slots = 100;
	add("a", 30 * SECOND);
	(void)poll_at(1, "a/24", T0);
	tap_ok(answer(1, "a", "a/24", T0), "who was paid");
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 2 * MINUTE), 1,
	    "holds a slot, and never polls again");
	(void)poll_at(2, "b/24", T0 + 20 * MINUTE);
	tap_is_int((int)standing_of(1).owed_hours, 2,
	    "is found silent when that is forgotten");

	d = definition("", HOUR_MS, 1);
	ledger_new();
	rules.network_slots = 100;
	add_task("a", &d);
	d.timeout_ms = 30 * SECOND;
	add_task("b", &d);
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 2 * MINUTE), 2, "of two slots");
	add("c", HOUR_MS);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE + 75 * SECOND);
	tap_is_int((int)standing_of(1).owed_hours, 0,
	    "nobody is silent before the last one is overdue");
	add("d", HOUR_MS);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE + 95 * SECOND);
	tap_is_int((int)standing_of(1).owed_hours, 2, "but then");
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
	tap_is_int(poll_at(3, "a/24", T0 + 2 * MINUTE), 10,
	    "who has standing there isn't kept from what is due");
	tap_is_int(poll_at(4, "b/24", T0 + 3 * MINUTE), 4,
	    "another network has its own");
	tap_is_int(poll_at(1, "a/24", T0 + 8 * MINUTE), 4,
	    "what can't be paid any more doesn't count");
	admit(9, T0 + 8 * MINUTE);
	tap_is_int(poll_at(9, "a/24", T0 + 8 * MINUTE), 10,
	    "whom the operator admitted has what it wants, whatever others have");

	ledger_new();
	tasks_add(20, 1);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE);
	(void)poll_at(5, "b/24", T0 + 2 * MINUTE);
	tap_ok(answer(1, given.n > 0 ? "t0" : "", "a/24", T0 + 2 * MINUTE),
	    "one of four slots is paid");
	tap_is_int(poll_at(2, "a/24", T0 + 3 * MINUTE), 1,
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

/* Who of a network is first, in cycles of which nobody else takes a part. */
static void
test_within(void)
{
	const int64_t interval = 30 * SECOND;
	int64_t opens[10];
	int i;

	/* Another hour has its addresses counted. */
	ledger_new();
	add_in("a", "", interval, 2);
	for (i = 0; i < 10; i++)
		opens[i] = cycle_opens_ms(
		    PHASE_NEWEST, 1, interval, T0 + HOUR_MS + i * interval);
	tap_ok(poll_at(1, "a/24", T0 + SECOND) == 1 &&
		answer(1, "a", "a/24", T0 + SECOND),
	    "one newcomer is paid");
	tap_ok(poll_at(2, "a/24", T0 + MINUTE) == 1 &&
		answer(2, "a", "a/24", T0 + MINUTE),
	    "and another one of its network, a minute later");
	tap_ok(poll_at(1, "a/24", opens[0]) == 1 &&
		answer(1, "a", "a/24", opens[0]),
	    "each of a network that nobody holds a slot of is paid again,");
	(void)poll_at(2, "a/24", opens[0] + SECOND);
	tap_is_int(poll_at(1, "a/24", opens[1]), 0,
	    "but not the first in the next cycle, too:");
	tap_ok(poll_at(2, "a/24", opens[1] + SECOND) == 1 &&
		answer(2, "a", "a/24", opens[1] + SECOND),
	    "the other one has a chance");

	(void)poll_at(3, "b/24", opens[1] + 2 * SECOND);
	stand(1, "a/24", T0 + HOUR_MS);
	stand(2, "a/24", T0 + HOUR_MS);
	for (i = 2; i < 8 && poll_at(1, "a/24", opens[i] + 25 * SECOND) == 1;
	     i++)
		(void)answer(1, "a", "a/24", opens[i] + 25 * SECOND);
	tap_ok(i > 2 && i < 8,
	    "at the end of a cycle one that isn't in turn is given a slot, but not when it is ahead of its network,");
	tap_is_int(poll_at(2, "a/24", opens[i] + 26 * SECOND), 1,
	    "which another one is given;");
	tap_is_int(poll_at(1, "a/24", opens[i + 2]), 1,
	    "unless nobody took anything of a whole cycle");
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
	must(query_one_int(db_query(db, Q_WORKER_STATES), &workers, &e), &e);
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
	must(query_one_int(db_query(db, Q_WORKER_STATES), &workers, &e), &e);
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
	ledger_new();
	add("a", 30 * SECOND);
	rules.admission = ADMISSION_LIST;
	tap_is_int(poll_at(1, "a/24", T0), -1, "who isn't on the list is told");
	admit(1, T0);
	tap_is_int(
	    poll_at(1, "a/24", T0), 1, "whom the operator admits, isn't");
	rules.admission = ADMISSION_STANDING;
	tap_is_int(poll_at(2, "a/24", T0), -1, "who is new isn't let in,");
	stand(2, "a/24", T0);
	tap_ok(poll_at(2, "a/24", T0) >= 0, "who has standing is");
}

/* The share of an address, after one of its results was paid. */
static struct share
paid(struct share s, bool out_of_turn)
{
	const struct share_payment p = { 100, out_of_turn };
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(share_pay(db, &s, &p, 1, T0, &e), &e);
	must(db_commit(db, &e), &e);
	return s;
}

/* Who is paid for the first time, and who takes what nobody in turn took. */
static void
test_first_payment(void)
{
	struct share s = { .network = slice_of("a/24"), .weight = 1 };
	int64_t t, last;
	int i;

	ledger_new();
	add("a", 30 * SECOND);
	stand(1, "a/24", T0);
	s.worker = worker_id(1);
	s = paid(s, false);
	tap_is_int(s.network_micros, 200,
	    "an address's first payment counts twice for its network");
	s = paid(s, false);
	tap_is_int(s.network_micros, 300, "the next ones count once");
	s = (struct share){
		.worker = worker_id(1), .network = slice_of(""), .weight = 1
	};
	s = paid(s, false);
	tap_is_int(
	    s.worker_micros, 200, "the same of one whose network isn't known");

	ledger_new();
	add("a", 30 * SECOND);
	add("b", 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", T0 + 29 * SECOND), 2,
	    "the first of a network is given what waited for long");
	tap_ok(answer(1, "a", "a/24", T0 + 29 * SECOND), "and paid");
	add("c", 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", T0 + 59 * SECOND), 3,
	    "so it is later, when its network wasn't paid for as long as that,");
	tap_ok(answer(1, "b", "a/24", T0 + 59 * SECOND), "and paid;");
	add("d", 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", T0 + 59 * SECOND + 1), 2,
	    "then it isn't given more than it has,");
	tap_is_int(poll_at(2, "b/24", T0 + 59 * SECOND + 1), 4,
	    "another network's is,");
	stand(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 59 * SECOND + 2), 4,
	    "and it is if it has standing");

	ledger_new();
	add("a", 30 * SECOND);
	for (i = 0; i < 20; i++)
		if (poll_at(1, "a/24", T0 + i * 30 * SECOND) > 0)
			(void)answer(1, "a", "a/24", T0 + i * 30 * SECOND);
	last = T0 + 19 * 30 * SECOND;
	for (t = last; given.n == 0 || t == last; t += 5 * SECOND)
		if (poll_at(2, "a/24", t) > 0)
			break;
	tap_ok(t <= last + 3 * MINUTE && answer(2, "a", "a/24", t),
	    "another key of a network that is alone is given what nobody wants");
}

int
main(void)
{
	test_newcomers();
	test_order();
	test_again();
	test_silence();
	test_standing();
	test_networks();
	test_copies();
	test_within();
	test_rows();
	test_hidden();
	test_regions();
	test_admission();
	test_first_payment();
	db_close(db);
	return tap_done();
}
