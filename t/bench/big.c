#include "t/bench/big.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/limits.h"
#include "ledger/assignment.h"
#include "ledger/cycle.h"

static const char fast_sql[] = "PRAGMA foreign_keys = OFF;"
			       "PRAGMA synchronous = OFF;"
			       "PRAGMA wal_autocheckpoint = 20000;"
			       "PRAGMA cache_size = -1048576;"; /* KiB */

static sqlite3 *opened;

int64_t
big_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* An automatic extension: the way to the handle behind a struct db. */
static int
note_handle(sqlite3 *handle, char **message, const void *api)
{
	(void)message;
	(void)api;
	opened = handle;
	return SQLITE_OK;
}

static enum rc
run_sql(const char *sql, struct err *e)
{
	if (sqlite3_exec(opened, sql, NULL, NULL, NULL) == SQLITE_OK)
		return RC_OK;
	return err_set(e, RC_IO, "%s: %s", sql, sqlite3_errmsg(opened));
}

enum rc
big_open(struct db **db, const char *path, struct err *e)
{
	enum rc rc;

	(void)sqlite3_auto_extension((void (*)(void))(void *)note_handle);
	rc = db_open(db, path, DB_WRITE, 1000, e);
	return rc == RC_OK ? run_sql(fast_sql, e) : rc;
}

enum rc
big_last_slot_set(int64_t slot, struct err *e)
{
	char sql[80];

	(void)snprintf(sql, sizeof(sql),
	    "UPDATE slot_counter SET last_slot = %" PRId64, slot);
	return run_sql(sql, e);
}

void
big_task_name(char name[static TASK_ID_MAX + 1], int64_t i)
{
	(void)snprintf(name, TASK_ID_MAX + 1, "task_%07" PRId64, i);
}

/* A key that is nothing but the hash of a number: for the bench only. */
enum rc
big_identity(struct identity *id, int64_t i, struct err *e)
{
	char text[64];
	enum rc rc;

	(void)snprintf(text, sizeof(text), "worknet bench key %" PRId64, i);
	keccak256(id->key.b, text, strlen(text));
	rc = eth_key_address(&id->address, &id->key, e);
	address_format(id->text, &id->address, ADDRESS_CHECKSUM);
	return rc;
}

enum rc
big_day_given(int64_t day_ms, struct err *e)
{
	int64_t open_ms = day_ms + DAY_MS;
	char sql[256];

	/* The first cycle of a day opens with it, whatever the task. */
	(void)snprintf(sql, sizeof(sql),
	    "UPDATE schedule SET open_ms = %" PRId64 ", cycle_ms = %" PRId64
	    ", given = %d",
	    open_ms, day_ms, COPIES_MAX);
	return run_sql(sql, e);
}

enum rc
big_assignment_put(struct db *db, const struct big_assignment *b, struct err *e)
{
	struct given_task told = { .type = &task_types[0],
		.slot = b->slot,
		.expected_status = 200,
		.timeout_ms = BIG_TIMEOUT_MS,
		.reward_micros = BIG_REWARD_MICROS,
		.assigned_ms = b->assigned_ms };
	const struct assignment a = { .told = &told,
		.worker = ACCOUNT_WORKERS + b->worker,
		.version = b->task + 1,
		.cycle_ms = b->day_ms,
		.copy = b->copy,
		.network = slice_of(""),
		.compared = COMPARED_COPIES };

	big_task_name(told.name, b->task);
	return assignment_insert(db, &a, e);
}
