/*
 * What the tests of the schedule share: a ledger in memory, workers that poll
 * and answer at any time, and standing. Each is there for who needs it.
 */
#ifndef WORKNET_T_POLLS_H
#define WORKNET_T_POLLS_H

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

static inline void
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

static inline void
add_task(const char *name, const struct task_definition *d)
{
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	must(task_add(db, name, d, T0, &e), &e);
	must(db_commit(db, &e), &e);
}

static inline struct task_definition
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

static inline void
add_in(
    const char *name, const char *region, int64_t interval_ms, int64_t copies)
{
	struct task_definition d = definition(region, interval_ms, copies);

	add_task(name, &d);
}

static inline void
add(const char *name, int64_t interval_ms)
{
	add_in(name, "", interval_ms, 1);
}

/* t0, t1 and so on, so many. */
static inline void
tasks_add(int n, int64_t copies)
{
	char name[16];
	int i;

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		add_in(name, "", HOUR_MS, copies);
	}
}

static inline int64_t
slots_given(void)
{
	struct err e = ERR_INIT;
	int64_t n;

	must(query_one_int(db_query(db, Q_SLOT_LAST), &n, &e), &e);
	return n;
}

static inline struct address
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
static inline int
poll_in(int who, const char *region, const char *network, int64_t now_ms)
{
	const struct poll p = { worker(who), slice_of(region),
		slice_of(network), now_ms, 0 };
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

static inline int
poll_at(int who, const char *network, int64_t now_ms)
{
	return poll_in(who, "", network, now_ms);
}

/* Answers one task; whether it is credited. */
static inline bool
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
	must(credit_record(db, &c, 1, NULL, slice_of(network), now_ms, &e), &e);
	must(db_commit(db, &e), &e);
	return c.outcome == CLAIM_CREDITED;
}

static inline int64_t
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
static inline void
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

#endif
