/*
 * The ledger through its public interface, on a real file, with a clock that
 * the test sets: the schedule's rules, outcomes of claims, what is shared.
 */
#include <sqlite3.h>
#include <unistd.h>

#include "base/limits.h"
#include "eth/attest.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/evidence.h"
#include "ledger/finding.h"
#include "ledger/payout.h"
#include "ledger/query_text.h"
#include "ledger/schedule.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "ledger/worker.h"
#include "t/unit/ledger.h"

#define T0     1767225600000LL /* a midnight, UTC */
#define SECOND 1000LL
#define MINUTE 60000LL

static char dir[] = "/tmp/worknet-test-ledger-XXXXXX";
static char path[80];
static struct db *db;

/* Everybody has standing: what newcomers meet is in test_strangers.c. */
static struct schedule_rules rules = {
	.max_tasks = 10, .one_copy_per_network = true, .network_slots = 100
};

/* A ledger of its own for each group of cases. */
static void
ledger_open(const char *name)
{
	struct err e = ERR_INIT;

	db_close(db);
	(void)snprintf(path, sizeof(path), "%s/%s.db", dir, name);
	must(db_create(path, &e), &e);
	must(db_open(&db, path, DB_WRITE, 1000, &e), &e);
}

static struct task_definition
definition(void)
{
	struct task_definition d;

	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/");
	return d;
}

static void
add(const char *name, const struct task_definition *d)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(task_add(db, name, d, T0, &e), &e);
	must(db_commit(db, &e), &e);
}

static struct address
worker(int n)
{
	struct address a = { { 0x77 } };

	a.b[19] = (uint8_t)n;
	return a;
}

/* Polls, and names what was given: "a b", or why it was refused. */
static const char *
poll_from(int who, const char *region, const char *network, int64_t now_ms)
{
	static char names[TASKS_PER_POLL_MAX * (TASK_ID_MAX + 1) + 1];
	struct given_list list = { .n = 0 };
	const struct poll p = { worker(who), slice_of(region),
		slice_of(network), now_ms, 0 };
	struct err e = ERR_INIT;
	bool work, given;
	enum rc rc;
	size_t i, held;

	must(db_begin(db, &e), &e);
	rc = schedule_serve(db, false, &rules, &p, &list, &work, &e);
	held = list.n;
	if (rc == RC_OK)
		rc = schedule_serve(db, true, &rules, &p, &list, &given, &e);
	if (rc != RC_OK) {
		db_rollback(db);
		(void)snprintf(names, sizeof(names), "%s", e.msg);
		return names;
	}
	must(db_commit(db, &e), &e);
	names[0] = '\0';
	for (i = 0; i < list.n; i++)
		strcat(strcat(names, i > 0 ? " " : ""), list.tasks[i].name);
	if ((list.n > held) > work)
		return "what may not write didn't see the work";
	return names;
}

static const char *
poll_at(int who, int64_t now_ms)
{
	return poll_from(who, "", "", now_ms);
}

static struct claim
claim(const char *task, int who, int64_t timestamp_ms)
{
	return (struct claim){ .task_id = slice_of(task),
		.worker = worker(who),
		.row = { .timestamp_ms = timestamp_ms,
		    .success = true,
		    .status = 200,
		    .response_ms = 12 } };
}

static void
check(struct claim *claims, size_t n, int64_t now_ms)
{
	struct err e = ERR_INIT;
	struct terms_row terms;
	size_t i;

	must(terms_now(db, &terms, &e), &e);
	for (i = 0; i < n; i++)
		must(credit_check(db, &terms, claims, i, now_ms, &e), &e);
}

/* Checks and records claims as the api does, signatures aside. */
static void
submit(struct claim *claims, size_t n, int64_t now_ms)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	check(claims, n, now_ms);
	must(credit_record(db, claims, n, NULL, slice_of(""), now_ms, &e), &e);
	must(db_commit(db, &e), &e);
}

static const char *
submit_one(const char *task, int who, int64_t timestamp_ms, int64_t now_ms)
{
	static struct claim c;

	c = claim(task, who, timestamp_ms);
	submit(&c, 1, now_ms);
	return c.outcome == CLAIM_CREDITED ? "credited" : c.reason;
}

static int64_t
balance(int who)
{
	struct worker_row w;
	struct err e = ERR_INIT;
	struct query *q;
	int64_t micros;

	if (worker_find(db, (struct address[]){ worker(who) }, &w, &e) != RC_OK)
		return 0;
	q = db_query(db, Q_ACCOUNT_BALANCE);
	query_int(q, 1, w.id);
	must(query_one_int(q, &micros, &e), &e);
	return micros;
}

static void
test_schedule(void)
{
	struct task_definition d = definition();
	struct err e = ERR_INIT;
	int64_t t;

	ledger_open("schedule");
	add("a", &d);
	tap_is_text(poll_at(1, T0), "a", "a new task is due at once");
	tap_is_text(poll_at(2, T0), "", "a cycle's one slot is given once");
	tap_is_text(poll_at(1, T0 + SECOND), "a",
	    "who polls again is given again what it hasn't answered");
	tap_is_text(submit_one("a", 1, T0 + SECOND, T0 + SECOND), "credited",
	    "and is paid for it");
	tap_is_text(poll_at(1, T0 + 2 * SECOND), "", "once");
	tap_is_text(poll_at(1, T0 + 4 * MINUTE), "",
	    "a worker isn't given a task within its cooldown");
	tap_is_text(poll_at(2, T0 + 4 * MINUTE), "a", "another worker is");
	tap_is_text(poll_at(1, T0 + 5 * MINUTE + 31 * SECOND), "a",
	    "after the cooldown it is given again");

	ledger_open("copies");
	d.copies = 3;
	d.cooldown_ms = 0;
	add("c", &d);
	tap_is_text(poll_at(1, T0), "c", "the first of three copies");
	tap_is_text(submit_one("c", 1, T0, T0), "credited", "is paid");
	tap_is_text(poll_at(1, T0 + SECOND), "",
	    "a worker isn't given two slots of a cycle");
	tap_is_text(poll_at(2, T0 + SECOND), "c", "the second copy");
	tap_is_text(poll_at(3, T0 + SECOND), "c", "the third copy");
	tap_is_text(poll_at(4, T0 + SECOND), "", "there is no fourth");
	t = T0 + 2 * MINUTE;
	tap_is_text(poll_from(5, "", "192.0.2.0/24", t), "c",
	    "a network is given a copy");
	tap_is_text(poll_from(6, "", "192.0.2.0/24", t), "",
	    "but not a second one of the same cycle");
	tap_is_text(
	    poll_from(7, "", "198.51.100.0/24", t), "c", "another network is");

	ledger_open("regions");
	d = definition();
	(void)snprintf(d.region, sizeof(d.region), "eu");
	add("e", &d);
	d.region[0] = '\0';
	add("any", &d);
	tap_is_text(poll_from(1, "unknown", "", T0), "any",
	    "a task with a region isn't given to others");
	tap_is_text(poll_from(2, "eu", "", T0), "e",
	    "and is given to a worker that declares it");

	ledger_open("states");
	d = definition();
	add("s", &d);
	must(db_begin(db, &e), &e);
	must(task_set_state(db, "s", TASK_PAUSED, T0, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_text(poll_at(1, T0), "", "a paused task isn't given");
	must(db_begin(db, &e), &e);
	must(task_set_state(db, "s", TASK_ACTIVE, T0, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_text(poll_at(1, T0), "s", "a resumed one is");
	must(db_begin(db, &e), &e);
	must(
	    worker_set_suspended(db, (struct address[]){ worker(1) }, true, &e),
	    &e);
	must(db_commit(db, &e), &e);
	tap_is_text(poll_at(1, T0 + MINUTE), "worker suspended",
	    "a suspended worker is told so");
}

static void
test_max_tasks(void)
{
	struct task_definition d = definition();
	char name[16];
	size_t given;
	int i;

	ledger_open("max");
	for (i = 0; i < 25; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		add(name, &d);
	}
	/* Long after, everybody has had the chance: no turn is needed. */
	given = strlen(poll_at(1, T0 + MINUTE));
	tap_ok(given >= 10 * 2 + 9 && given <= 10 * 3 + 9,
	    "a poll is given 10 of 25 tasks");
	rules.max_tasks = 50;
	given = strlen(poll_at(1, T0 + MINUTE));
	rules.max_tasks = 10;
	tap_ok(given >= 25 * 2 + 24 && given <= 25 * 3 + 24,
	    "and the other 15 beside them when 50 are allowed");
}

static void
test_silence(void)
{
	struct task_definition d = definition();
	int64_t again;

	ledger_open("silence");
	d.interval_ms = 60 * MINUTE;
	d.timeout_ms = 10 * SECOND;
	add("hourly", &d);
	again = T0 + d.timeout_ms + REOFFER_AFTER_MS;
	tap_is_text(poll_at(1, T0), "hourly", "an hourly task is given");
	tap_is_text(poll_at(2, again - 1), "",
	    "its holder has timeout + 60 s to answer");
	tap_is_text(
	    poll_at(2, again), "hourly", "then the slot is offered again");
	tap_is_text(poll_at(1, again), "hourly",
	    "and its first holder is still told of it");
	tap_is_text(submit_one("hourly", 1, again + 1, again + 1), "credited",
	    "the first valid result takes it, even the first holder's");
	tap_is_text(submit_one("hourly", 2, again + 2, again + 2),
	    "slot taken by another worker", "the second is told why not");
	tap_is_int(balance(2), 0, "and isn't paid");
	tap_is_text(poll_at(3, again + 10 * MINUTE), "",
	    "an answered slot isn't offered again");
	tap_is_text(
	    poll_at(3, T0 + 61 * MINUTE), "hourly", "the next cycle is");
}

/* An edit, or another state, of task "moved", as the operator makes it. */
static void
edit_at(const struct task_definition *d, int64_t now_ms)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(task_edit(db, "moved", d, now_ms, &e), &e);
	must(db_commit(db, &e), &e);
}

static void
state_at(enum task_state state, int64_t now_ms)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(task_set_state(db, "moved", state, now_ms, &e), &e);
	must(db_commit(db, &e), &e);
}

static void
test_place(void)
{
	struct task_definition d = definition();

	ledger_open("place");
	d.interval_ms = 60 * MINUTE;
	add("moved", &d);
	(void)snprintf(d.region, sizeof(d.region), "eu");
	edit_at(&d, T0);
	tap_is_text(poll_from(1, "", "", T0), "",
	    "a task that was moved to a region isn't given to others");
	tap_is_text(poll_from(1, "eu", "", T0), "moved", "but there");
	(void)snprintf(d.region, sizeof(d.region), "us");
	edit_at(&d, T0 + SECOND);
	tap_is_text(poll_from(2, "us", "", T0 + SECOND), "",
	    "and not twice in a cycle when it is moved again");
	state_at(TASK_PAUSED, T0 + 2 * SECOND);
	d.interval_ms = 90 * MINUTE;
	edit_at(&d, T0 + 3 * SECOND);
	state_at(TASK_ACTIVE, T0 + 4 * SECOND);
	tap_is_text(poll_from(2, "us", "", T0 + 80 * MINUTE), "",
	    "nor when its interval is edited while it is paused");
	tap_is_text(poll_from(2, "us", "", T0 + 91 * MINUTE), "moved",
	    "until the first cycle of the new interval");
	state_at(TASK_REMOVED, T0 + 92 * MINUTE);
	tap_is_text(poll_from(3, "us", "", T0 + 200 * MINUTE), "",
	    "a removed one isn't given any more");
}

static void
test_edit(void)
{
	struct task_definition d = definition();
	struct err e = ERR_INIT;

	ledger_open("edit");
	add("a", &d);
	tap_is_text(poll_at(1, T0), "a", "a task is given");
	d.reward_micros = 7000;
	must(db_begin(db, &e), &e);
	must(task_edit(db, "a", &d, T0 + SECOND, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_text(submit_one("a", 1, T0 + SECOND, T0 + SECOND), "credited",
	    "what was assigned before an edit is credited after it");
	tap_is_int(balance(1), 100, "with the reward of then");
	tap_is_text(poll_at(2, T0 + SECOND), "",
	    "an edit doesn't open a second slot of the cycle");
	d.interval_ms = 10 * SECOND;
	must(db_begin(db, &e), &e);
	must(task_edit(db, "a", &d, T0 + 2 * SECOND, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_text(poll_at(2, T0 + 3 * SECOND), "",
	    "nor does an edit of the interval");
	tap_is_text(poll_at(2, T0 + 30 * SECOND), "a",
	    "the next cycle of the new interval is given");
}

static void
test_claims(void)
{
	struct task_definition d = definition();
	struct claim c[3];
	struct err e = ERR_INIT;

	ledger_open("claims");
	add("a", &d);
	add("b", &d);
	(void)poll_at(1, T0);
	tap_is_text(submit_one("x", 1, T0, T0), "unknown task",
	    "a result for an unknown task says so");
	tap_is_text(submit_one("a", 1, T0, T0 + 301 * SECOND),
	    "result too old (301s)", "one past the window says how old it is");
	tap_is_text(submit_one("a", 1, T0 + MINUTE + 1, T0),
	    "timestamp in the future", "one from the future is refused");
	tap_is_text(submit_one("a", 2, T0, T0), "not assigned",
	    "one of an unknown worker is refused");
	(void)poll_at(2, T0 + 5 * SECOND);
	tap_is_text(submit_one("a", 1, T0 + MINUTE, T0), "credited",
	    "one 60 s ahead is credited");
	tap_is_text(submit_one("a", 1, T0 + MINUTE, T0 + SECOND),
	    "already recorded", "the same result twice is credited once");
	tap_is_text(submit_one("a", 1, T0 + 2, T0 + SECOND), "not assigned",
	    "a second result for one assignment is refused");
	tap_is_int(balance(1), 100, "each worker is paid once");

	ledger_open("expired");
	add("a", &d);
	(void)poll_at(1, T0);
	tap_is_text(submit_one("a", 1, T0 + 301 * SECOND, T0 + 301 * SECOND),
	    "assignment expired", "a fresh result for an old assignment");
	tap_is_text(submit_one("a", 1, T0, T0 + 300 * SECOND), "credited",
	    "at the window's very end it is credited");

	ledger_open("batch");
	d.cooldown_ms = 0;
	add("a", &d);
	add("b", &d);
	(void)poll_at(1, T0 + 2 * MINUTE);
	c[0] = claim("a", 1, T0 + 2 * MINUTE);
	c[1] = c[0];
	c[2] = claim("b", 1, T0 + 2 * MINUTE);
	submit(c, 3, T0 + 2 * MINUTE + SECOND);
	tap_ok(c[0].outcome == CLAIM_CREDITED && c[2].outcome == CLAIM_CREDITED,
	    "two results of a request take two assignments");
	tap_is_text(c[1].reason, "already recorded",
	    "a result twice in a request is credited once");
	tap_is_text(submit_one("a", 1, T0 + 2 * MINUTE, T0 + 3 * MINUTE),
	    "already recorded", "sent again it is still recorded");
	(void)poll_at(1, T0 + 4 * MINUTE);
	tap_is_text(submit_one("a", 1, T0 + 2 * MINUTE, T0 + 4 * MINUTE),
	    "already recorded", "and doesn't use up a new assignment");
	tap_is_text(submit_one("a", 1, T0 + 4 * MINUTE, T0 + 4 * MINUTE),
	    "credited", "which a new result does");
	tap_is_int(balance(1), 300, "three assignments, three rewards");
	must(db_begin(db, &e), &e);
	must(
	    worker_set_suspended(db, (struct address[]){ worker(1) }, true, &e),
	    &e);
	must(db_commit(db, &e), &e);
	tap_is_text(
	    submit_one("a", 1, T0 + 4 * MINUTE + 1, T0 + 4 * MINUTE + 1),
	    "worker suspended", "a suspended worker's result is refused");
}

/* Requests of one worker at once: each is checked before the other is paid. */
static void
test_overtaken(void)
{
	struct task_definition d = definition();
	struct claim c[2];
	struct err e = ERR_INIT;
	int64_t t = T0 + 2 * MINUTE;

	ledger_open("overtaken");
	d.cooldown_ms = 0;
	add("a", &d);
	(void)poll_at(1, t);
	c[0] = claim("a", 1, t);
	c[1] = claim("a", 1, t + 1);
	check(c, 2, t);
	tap_is_text(c[1].reason, "not assigned",
	    "two results of one assignment: the second is told so");
	tap_is_text(submit_one("a", 1, t + 2, t), "credited",
	    "another request takes the assignment");
	must(db_begin(db, &e), &e);
	must(credit_record(db, c, 2, NULL, slice_of(""), t, &e), &e);
	must(db_commit(db, &e), &e);
	tap_is_text(c[0].reason, "not assigned",
	    "a result that was overtaken, and has none left, is told that");
	tap_is_int(balance(1), 100, "each assignment is paid once");
}

static void
test_cycles(void)
{
	const int64_t intervals[] = { 1000, 7000, 30000, 3600000 };
	int64_t start, opens, next, task;
	bool partition = true, day = true;
	size_t i;
	int n;

	for (i = 0; i < sizeof(intervals) / sizeof(intervals[0]); i++)
		for (n = 0; n < 3000; n++) {
			task = n % 2 == 0 ? 5 : 500000;
			start = T0 - T0 % intervals[i] + n * intervals[i];
			opens = cycle_opens_ms(1, task, intervals[i], start);
			next = cycle_opens_ms(
			    1, task, intervals[i], start + intervals[i]);
			partition &= opens < next &&
			    cycle_at(1, task, intervals[i], opens) == start &&
			    cycle_at(1, task, intervals[i], next - 1) == start;
		}
	for (n = 0; n < 30; n++)
		day &= cycle_opens_ms(1, n, 30000, T0 + n * 1440 * MINUTE) ==
		    T0 + n * 1440 * MINUTE;
	tap_ok(partition, "every moment is in exactly one cycle of a task");
	tap_ok(day, "a UTC day begins with a cycle");
}

/* How many of 800 tasks open at another moment than the one before. */
static int
openings(int64_t first)
{
	const int64_t start = T0 - T0 % MINUTE + 5 * MINUTE;
	int64_t opens, before = -1;
	int i, n = 0;

	for (i = 0; i < 800; i++, before = opens) {
		opens = cycle_opens_ms(1, first + i, MINUTE, start);
		n += opens != before;
	}
	return n;
}

static void
test_neighbours(void)
{
	int few = openings(1), many = openings(500000);

	tap_ok(few > 790, "each of few tasks opens at a moment of its own");
	tap_ok(many >= 40 && many <= 51,
	    "of many, some twenty neighbours open at one");
}

static void
test_files(void)
{
	struct err e = ERR_INIT;
	struct db *other;
	int i, n, steps, unnamed = 0;

	ledger_open("files");
	tap_ok(db_create(path, &e) == RC_CONFLICT,
	    "an existing ledger isn't overwritten");
	tap_ok(db_open(&other, "/nonexistent/ledger.db", DB_READ, 100, &e) ==
		RC_NOT_FOUND,
	    "a missing ledger is told apart");
	tap_ok(db_migrate(path, &steps, &e) == RC_OK && steps == 0,
	    "a ledger of this version needs no migration");
	must(db_open(&other, path, DB_READ, 100, &e), &e);
	tap_ok(query_run(db_query(other, Q_ADMISSION_DROP), &e) != RC_OK,
	    "a reader can't write");
	db_close(other);
	/* db_query compares those that are named with those that there are. */
	for (i = 0; i < QUERY_COUNT; i++) {
		n = query_columns(db_query(db, (enum query_id)i));
		if (n <= 4 || query_texts[i].columns != 0)
			continue;
		tap_diag("%s: %d columns", query_texts[i].name, n);
		unnamed++;
	}
	tap_is_int(unnamed, 0,
	    "every statement can be prepared, and says what its columns are where they are many");
}

/* A file system without shared memory, as many of networks are. */
static void
test_no_log(void)
{
	sqlite3_vfs *usual = sqlite3_vfs_find(NULL);
	struct err e = ERR_INIT;
	char other[90];

	(void)snprintf(other, sizeof(other), "%s/no-log.db", dir);
	(void)sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), 1);
	tap_ok(db_create(other, &e) == RC_IO &&
		strstr(e.msg, "expected \"wal\"") != NULL &&
		strstr(e.msg, other) != NULL,
	    "where the ledger can't have a log it isn't made, and is told why");
	tap_ok(access(other, F_OK) != 0, "nor is any of it left");
	(void)sqlite3_vfs_register(usual, 1);
}

/* Adds a finding in a step that then ends with rc. */
static enum rc
finding_step(const char *kind, enum rc rc)
{
	struct err e = ERR_INIT;
	enum rc made;

	made = db_step_begin(db, &e);
	if (made == RC_OK)
		made = finding_add(db, kind, "a step", "", T0, &e);
	must(made, &e);
	return db_step_end(db, rc, &e);
}

/* How many findings another connection sees. */
static int64_t
findings_seen(void)
{
	struct err e = ERR_INIT;
	struct db *reader;
	struct query *q;
	int64_t n = 0;
	bool row;

	must(db_open(&reader, path, DB_READ, 1000, &e), &e);
	q = db_query(reader, Q_FINDING_LIST);
	while (query_step(q, &row, &e) == RC_OK && row)
		n++;
	query_done(q);
	db_close(reader);
	return n;
}

/* Whether the signature behind a worker's credit is right: it isn't. */
static enum rc
verify(const atomic_bool *stop)
{
	struct evidence_rules bounds = { .stop = stop, .now_ms = T0 + MINUTE };
	struct address a = worker(1), treasury = worker(9);
	struct evidence found;
	struct worker_row w;
	struct err e = ERR_INIT;

	must(worker_find(db, &a, &w, &e), &e);
	return evidence_verify(db, &bounds, w.id, &a, &treasury, &found, &e);
}

static void
test_evidence(void)
{
	struct task_definition d = definition();
	atomic_bool stop = false;
	struct err e = ERR_INIT;
	struct query *q;

	ledger_open("evidence");
	must(db_begin(db, &e), &e);
	q = db_query(db, Q_LEDGER_INSERT);
	query_text(q, 1,
	    slice_of(
		"0x1111111111111111111111111111111111111111111111111111111111111111"));
	query_int(q, 2, T0);
	must(query_run(q, &e), &e);
	must(db_commit(db, &e), &e);
	add("a", &d);
	(void)poll_at(1, T0);
	tap_is_text(submit_one("a", 1, T0, T0), "credited", "one is credited");
	tap_ok(verify(NULL) == RC_CORRUPT && verify(&stop) == RC_CORRUPT,
	    "what nobody signed is no evidence");
	stop = true;
	tap_ok(verify(&stop) == RC_BUSY,
	    "no result is verified any more once that is to stop");
}

static void
test_steps(void)
{
	struct err e = ERR_INIT;

	ledger_open("steps");
	tap_ok(finding_step("alone", RC_OK) == RC_OK && findings_seen() == 1,
	    "a step is durable when it ends");
	tap_ok(finding_step("undone", RC_CONFLICT) == RC_CONFLICT &&
		findings_seen() == 1,
	    "one that ends with an error is undone");
	must(db_step_begin(db, &e), &e);
	must(finding_step("first of three", RC_OK), &e);
	tap_ok(finding_step("refused", RC_CONFLICT) == RC_CONFLICT,
	    "a step in another one can be refused");
	must(finding_step("last of three", RC_OK), &e);
	tap_is_int(findings_seen(), 1, "nothing is seen before the outer ends");
	must(db_step_end(db, RC_OK, &e), &e);
	tap_is_int(findings_seen(), 3, "then the others are there");
	must(db_step_begin(db, &e), &e);
	must(finding_step("in vain", RC_OK), &e);
	tap_ok(db_step_end(db, RC_BUSY, &e) == RC_BUSY && findings_seen() == 3,
	    "an outer step that fails takes the inner ones with it");
	must(db_begin(db, &e), &e);
	must(finding_step("in a transaction", RC_OK), &e);
	db_rollback(db);
	tap_is_int(findings_seen(), 3, "in a transaction it ends with that");
	tap_ok(finding_step("after", RC_OK) == RC_OK && findings_seen() == 4,
	    "and the next one is a transaction again");
}

int
main(void)
{
	dir_make(dir);
	test_cycles();
	test_neighbours();
	test_schedule();
	test_max_tasks();
	test_silence();
	test_place();
	test_edit();
	test_claims();
	test_overtaken();
	test_evidence();
	test_steps();
	test_files();
	test_no_log();
	db_close(db);
	dir_remove(dir);
	return tap_done();
}
