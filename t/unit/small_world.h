/*
 * A small world's ledger: in memory, with a few workers, in a transaction that
 * never ends, so that what happens in it can be undone. What makes a world of
 * it, and the plain rule it is held against, is in drill_world.h and
 * witness_world.h.
 */
#ifndef WORKNET_T_SMALL_WORLD_H
#define WORKNET_T_SMALL_WORLD_H

#include "base/clock.h"
#include "base/log.h"
#include "ledger/drill.h"
#include "ledger/payout.h"
#include "ledger/standing.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "ledger/worker.h"
#include "t/unit/ledger.h"

#define T0     1767225600000LL /* a midnight, UTC */
#define SECOND 1000LL
#define MINUTE 60000LL
#define WINDOW (5 * MINUTE) /* for which a result is paid */
#define DAYS   2	    /* of a record */

#define PEOPLE 14

static struct db *db;
static int64_t worker_ids[PEOPLE];
static struct drill_rules rules = { .on = true,
	.share_permille = 500,
	.share_new_permille = 500,
	.record_days = DAYS };

static inline void
check(enum rc rc)
{
	struct err e = ERR_INIT;

	if (rc != RC_OK)
		(void)err_set(&e, rc, "a statement fails");
	must(rc, &e);
}

/* How often it was held against the rule, and wasn't the same. */
static int64_t differences, compared;

/* ---- What might be, and then wasn't ---- */

static inline void
step_into(void)
{
	struct err e = ERR_INIT;

	must(db_step_begin(db, &e), &e);
}

static inline void
ledger_step_back(void)
{
	struct err e = ERR_INIT;

	(void)!db_step_end(db, err_set(&e, RC_INVALID, "undone"), &e);
}

/* ---- Who is accused ---- */

static inline void
ledger_release(int who)
{
	struct err e = ERR_INIT;

	must(hold_release(db, worker_ids[who], "operator", &e), &e);
}

static inline void
ledger_accuse(int who, int64_t at_ms)
{
	struct query *q = db_query(db, Q_DEMOTION_INSERT);
	struct err e = ERR_INIT;

	query_int(q, 1, worker_ids[who]);
	query_int(q, 2, at_ms);
	query_int(q, 3, 0);
	query_text(q, 4, slice_of("a test"));
	check(query_run(q, NULL));
	must(standing_lose(db, worker_ids[who], &e), &e);
	must(
	    hold_set(db, worker_ids[who], "operator", "a test", at_ms, &e), &e);
}

/* ---- Its beginning, and its end ---- */

static inline struct address
address_at(int who)
{
	return (struct address){ { 0x77, [19] = (uint8_t)who } };
}

static inline void
worker_begin(int who)
{
	struct address a = address_at(who);
	struct err e = ERR_INIT;

	must(worker_add(db, &a, T0, &worker_ids[who], &e), &e);
	must(standing_pay(db, worker_ids[who], slice_of("a/24"), 0, 1, T0, &e),
	    &e);
}

static inline void
ledger_begin(void)
{
	const struct terms_wanted wanted = { .result_window_ms = WINDOW };
	struct err e = ERR_INIT;
	int who;

	log_set_level(LOG_LEVEL_ERROR);
	db_close(db);
	must(db_create_in_memory(&db, &e), &e);
	must(db_trust_references(db, &e), &e);
	must(terms_set(db, &wanted, T0 - DAY_MS, &e), &e);
	must(db_begin(db, &e), &e);
	for (who = 0; who < PEOPLE; who++)
		worker_begin(who);
}

static inline void
world_end(void)
{
	db_rollback(db);
	db_close(db);
	db = NULL;
}

#endif
