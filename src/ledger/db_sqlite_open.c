/* The SQLite engine: opening ledgers, and making and migrating them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/db_sqlite.h"
#include "ledger/query_text.h"

/*
 * WAL: readers never wait for the writer. synchronous=FULL: a commit is on
 * disk when it returns, and an answer is given only then. cache_size is
 * bounded: memory doesn't grow with the ledger. With 512 KiB small submissions
 * of 10,000 workers spent 8 % of their time on reading pages, with this 3 %.
 */
static const char setup_sql[] =
    "PRAGMA foreign_keys = ON;PRAGMA synchronous = FULL;PRAGMA cache_size = -8192;" /* KiB */
    /* Bytes that stay of a log that had to grow. */
    "PRAGMA journal_size_limit = 33554432;PRAGMA temp_store = MEMORY;PRAGMA trusted_schema = OFF;";

/*
 * A reader needs write access to the WAL's index, but not to rows. SQLite drops
 * a reader's cache when another connection has committed, which the coordinator
 * does all the time, so a large cache is hardly used: with 512 KiB a request on
 * a big ledger read only a twentieth less from the file than with 256.
 */
static const char setup_read_sql[] =
    "PRAGMA query_only = ON;PRAGMA cache_size = -256;"; /* KiB */

/* A migration waits so long for others that write. */
#define MIGRATE_WAIT_MS 10000

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

enum rc
db_open_handle(struct db **out, const char *path, int flags,
    int64_t busy_timeout_ms, struct err *e)
{
	struct db *db;
	enum rc rc;
	int code;

	*out = NULL;
	(void)pthread_once(&library_once, db_library_setup);
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return err_set(e, RC_NO_MEMORY, "ledger: no memory");
	code = sqlite3_open_v2(path, &db->handle,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK) {
		rc = code == SQLITE_NOMEM
		    ? err_set(e, RC_NO_MEMORY, "ledger: no memory")
		    : db_explain_open(path, code, e);
		db_close(db);
		return rc;
	}
	db->busy_timeout_ms = busy_timeout_ms;
	(void)sqlite3_busy_timeout(db->handle, (int)busy_timeout_ms);
	*out = db;
	return RC_OK;
}

static enum rc
pragma_int(struct db *db, const char *sql, int *value, struct err *e)
{
	sqlite3_stmt *stmt;
	int code;

	*value = 0;
	code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return db_fail(db, code, sql, e);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	if (code == SQLITE_ROW)
		return RC_OK;
	return db_fail(db, code, sql, e);
}

/* WAL, which all of this relies on, can't be had on every file system. */
static enum rc
log_set(struct db *db, const char *path, struct err *e)
{
	const char *mode;
	sqlite3_stmt *stmt;
	enum rc rc = RC_OK;
	int code;

	code = sqlite3_prepare_v2(
	    db->handle, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_ROW) {
		rc = code == SQLITE_CANTOPEN || (code & 0xff) == SQLITE_READONLY
		    ? db_explain_open(path, code, e)
		    : db_fail(db, code, path, e);
	} else {
		mode = (const char *)sqlite3_column_text(stmt, 0);
		if (mode == NULL || strcmp(mode, "wal") != 0)
			rc = err_set(e, RC_IO,
			    "ledger: %s: got journal mode \"%s\", expected \"wal\": is it on a network file system?",
			    path, mode == NULL ? "" : mode);
	}
	(void)sqlite3_finalize(stmt);
	return rc;
}

/* Of a connection to a file. */
static enum rc
setup(struct db *db, const char *path, struct err *e)
{
	enum rc rc = db_check_log(db, e);

	if (rc == RC_OK)
		rc = log_set(db, path, e);
	if (rc == RC_OK)
		rc = db_sync_checkpoints(db, e);
	return rc == RC_OK ? db_run_sql(db, setup_sql, path, e) : rc;
}

enum rc
db_open(struct db **out, const char *path, enum db_mode mode,
    int64_t busy_timeout_ms, struct err *e)
{
	struct db *db;
	enum rc rc;

	*out = NULL;
	rc = db_open_handle(
	    &db, path, SQLITE_OPEN_READWRITE, busy_timeout_ms, e);
	if (rc != RC_OK)
		return rc;
	rc = setup(db, path, e);
	if (rc == RC_OK)
		rc = db_check_version(db, mode, e);
	if (rc == RC_OK)
		rc = db_place_note(db, e);
	if (rc == RC_OK && mode == DB_READ)
		rc = db_run_sql(db, setup_read_sql, path, e);
	/* SQLite falls back to reading, for good, when it may not write. */
	else if (rc == RC_OK && sqlite3_db_readonly(db->handle, "main") == 1)
		rc = db_explain_open(path, SQLITE_READONLY, e);
	if (rc != RC_OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return RC_OK;
}

void
db_close(struct db *db)
{
	size_t i;

	if (db == NULL)
		return;
	for (i = 0; i < QUERY_COUNT; i++)
		(void)sqlite3_finalize(db->queries[i].stmt);
	(void)sqlite3_close(db->handle);
	free(db);
}

/* Sets the version, in the transaction that made the schema. */
static enum rc
version_set(struct db *db, struct err *e)
{
	char sql[64];

	(void)snprintf(
	    sql, sizeof(sql), "PRAGMA user_version = %d", schema_version);
	return db_run_sql(db, sql, "user_version", e);
}

/* Makes the tables of a ledger that is empty. */
static enum rc
schema_make(struct db *db, struct err *e)
{
	enum rc rc;

	rc = db_run_sql(db, "BEGIN EXCLUSIVE", "begin", e);
	if (rc == RC_OK)
		rc = db_run_sql(db, schema_newest, "schema", e);
	if (rc == RC_OK)
		rc = version_set(db, e);
	if (rc == RC_OK)
		rc = db_run_sql(db, "COMMIT", "commit", e);
	if (rc != RC_OK)
		db_rollback(db);
	return rc;
}

enum rc
db_create(const char *path, struct err *e)
{
	struct db *db;
	enum rc rc;
	int fd;

	/* SQLite has no exclusive creation: make the empty file first. */
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0660);
	if (fd < 0)
		return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO,
		    "%s: %s", path, strerror(errno));
	(void)close(fd);
	rc = db_open_handle(&db, path, SQLITE_OPEN_READWRITE, 0, e);
	if (rc == RC_OK)
		rc = setup(db, path, e);
	if (rc == RC_OK)
		rc = schema_make(db, e);
	db_close(db); /* first, or it would leave its log behind */
	if (rc != RC_OK)
		(void)unlink(path);
	return rc;
}

enum rc
db_create_in_memory(struct db **out, struct err *e)
{
	struct db *db;
	enum rc rc;

	*out = NULL;
	rc = db_open_handle(&db, ":memory:",
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, 0,
	    e);
	if (rc != RC_OK)
		return rc;
	rc = schema_make(db, e);
	if (rc != RC_OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return RC_OK;
}

/* Keeps the first difference between a migrated ledger and a new one. */
static void
on_difference(void *ctx, const char *text)
{
	struct err *e = ctx;

	if (e->rc == RC_OK)
		(void)err_set(e, RC_CONFLICT,
		    "ledger: it can't be brought up to version %d and stays as it was: %s",
		    schema_version, text);
}

/* In a transaction. */
static enum rc
steps_run(struct db *db, int *steps, struct err *e)
{
	struct err different = ERR_INIT;
	int64_t objects;
	int version;
	enum rc rc;

	rc = pragma_int(db, "PRAGMA user_version", &version, e);
	if (rc != RC_OK || version == schema_version)
		return rc;
	if (version > schema_version || version < 1)
		return db_check_version(db, DB_WRITE, e);
	*steps = schema_version - version;
	for (; rc == RC_OK && version < schema_version; version++)
		rc = db_run_sql(db, schema_steps[version - 1], "schema", e);
	if (rc == RC_OK)
		rc = version_set(db, e);
	if (rc == RC_OK)
		rc =
		    db_check_schema(db, &objects, on_difference, &different, e);
	if (rc == RC_OK && different.rc != RC_OK)
		return err_set(e, RC_CONFLICT, "%s", different.msg);
	return rc;
}

/*
 * A table that gets other columns is made anew, under its name, and its rows
 * are moved: so what refers to it must be left alone meanwhile, by name.
 */
static const char setup_migrate_sql[] =
    "PRAGMA foreign_keys = OFF;PRAGMA legacy_alter_table = ON;";

enum rc
db_migrate(const char *path, int *steps, struct err *e)
{
	struct db *db;
	enum rc rc;

	*steps = 0;
	rc = db_open_handle(
	    &db, path, SQLITE_OPEN_READWRITE, MIGRATE_WAIT_MS, e);
	if (rc != RC_OK)
		return rc;
	rc = setup(db, path, e);
	if (rc == RC_OK)
		rc = db_run_sql(db, setup_migrate_sql, "setup", e);
	if (rc == RC_OK)
		rc = db_run_sql(db, "BEGIN IMMEDIATE", "begin", e);
	if (rc == RC_OK)
		rc = steps_run(db, steps, e);
	if (rc == RC_OK)
		rc = db_commit(db, e);
	if (rc != RC_OK) {
		db_rollback(db);
		*steps = 0;
	}
	db_close(db);
	return rc;
}

enum rc
db_trust_references(struct db *db, struct err *e)
{
	return db_run_sql(db, "PRAGMA foreign_keys = OFF", "foreign_keys", e);
}

enum rc
db_spill_to_files(struct db *db, struct err *e)
{
	return db_run_sql(db, "PRAGMA temp_store = FILE", "temp_store", e);
}
