/*
 * What strangers can't do to the schedule: polls take nothing, who is new
 * reserves nothing, a network has one share, and a time that never was isn't
 * believed. On a real ledger, with a clock that the test sets.
 */
#include "base/clock.h"
#include "base/limits.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/schedule.h"
#include "ledger/share.h"
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
add_in(
    const char *name, const char *region, int64_t interval_ms, int64_t copies)
{
	struct task_definition d;
	struct err e = ERR_INIT;

	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/");
	(void)snprintf(d.region, sizeof(d.region), "%s", region);
	d.interval_ms = interval_ms;
	d.copies = copies;
	d.cooldown_ms = 0;
	must(db_begin(db, &e), &e);
	must(task_add(db, name, &d, T0, &e), &e);
	must(db_commit(db, &e), &e);
}

static void
add(const char *name, int64_t interval_ms)
{
	add_in(name, "", interval_ms, 1);
}

static struct address
worker(int n)
{
	struct address a = { { 0x77 } };

	a.b[18] = (uint8_t)(n >> 8);
	a.b[19] = (uint8_t)n;
	return a;
}

static struct task_list given; /* to the last poll */

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
	if (rc == RC_OK && work)
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

static void
test_newcomers(void)
{
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
}

static void
test_again(void)
{
	struct err e = ERR_INIT;
	int64_t before, after;

	ledger_new();
	add("a", 30 * SECOND);
	tap_is_int(poll_at(1, "a/24", T0), 1, "a poll is given a task");
	must(query_one_int(db_query(db, Q_SLOT_LAST), &before, &e), &e);
	tap_is_int(poll_at(1, "a/24", T0 + 4 * MINUTE), 1,
	    "one whose answer was lost is given it again, cycles later");
	must(query_one_int(db_query(db, Q_SLOT_LAST), &after, &e), &e);
	tap_is_int(after, before, "the same slot, at no new cost");
	tap_is_int(poll_at(1, "a/24", T0 + 5 * MINUTE - 9 * SECOND), 0,
	    "but not when it can't be paid in time");
}

static void
test_silence(void)
{
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
}

static void
test_networks(void)
{
	char name[16];
	int i, n;

	ledger_new();
	for (i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		add(name, HOUR_MS);
	}
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
	tap_is_int(poll_at(1, "", T0 + 2 * MINUTE + 30 * SECOND), 1,
	    "right again, it gives the task within an interval, be it to the same worker");
	tap_ok(answer(1, "a", "", T0 + 2 * MINUTE + 31 * SECOND), "and pays");
	tap_is_int(
	    poll_at(2, "", T0 + 4 * MINUTE), 1, "and gives it to others");

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	add("a", 30 * SECOND);
	(void)poll_at(1, "", T0 + year_ms);
	tap_ok(!answer(1, "a", "", T0 + 59 * SECOND),
	    "what was given at a time that never was isn't paid");
	tap_is_int(poll_at(1, "", T0 + MINUTE), 1, "but given anew");
	tap_ok(answer(1, "a", "", T0 + MINUTE + SECOND), "and paid");
}

static void
test_hidden(void)
{
	char name[16];
	int i, found = 0;

	ledger_new();
	rules.standing = (struct standing_rules){ 0, 0 };
	/* Whoever asks has had these, which stay due for their other copy. */
	for (i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		add_in(name, "", HOUR_MS, 2);
	}
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

/* Two in one network, and one of another, by turns: what each may have. */
static void
test_shares(void)
{
	struct share s = { .worker = 1,
		.network = slice_of("a/24"),
		.addresses = 2,
		.is_counted = true,
		.weight = 1 };

	tap_ok(
	    share_is_in_turn(&s, 100, 0), "a network at the level is in turn");
	s.network_micros = 100;
	tap_ok(share_is_in_turn(&s, 100, 0),
	    "one of two addresses may be one ahead");
	s.network_micros = 200;
	tap_ok(!share_is_in_turn(&s, 100, 0), "and no further");
	s.is_counted = false;
	tap_ok(share_is_in_turn(&s, 100, 0),
	    "but for one that isn't one of these two yet");
	s.is_counted = true;
	s.network_micros = 0;
	s.worker_micros = 200;
	tap_ok(!share_is_in_turn(&s, 100, 0),
	    "an address that is ahead of its network waits for the others");
	s = (struct share){ .worker = 1, .weight = 2, .worker_micros = 1 };
	tap_ok(!share_is_in_turn(&s, 100, 0) &&
		(s.level_micros = 51, share_is_in_turn(&s, 100, 100)),
	    "one with two shares moves on by half of what it is paid");
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

	ledger_new();
	add("a", 30 * SECOND);
	stand(1, "a/24", T0);
	s.worker = worker_id(1);
	s = paid(s, false);
	tap_is_int(s.network_micros, 200,
	    "an address's first payment counts twice for its network");
	s = paid(s, false);
	tap_is_int(s.network_micros, 300, "the next ones count once");
	s = (struct share){ .worker = worker_id(1), .weight = 1 };
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
}

int
main(void)
{
	test_newcomers();
	test_again();
	test_silence();
	test_networks();
	test_rows();
	test_clock();
	test_hidden();
	test_regions();
	test_admission();
	test_shares();
	test_first_payment();
	db_close(db);
	return tap_done();
}
