/* The SQLite engine: the only file that includes sqlite3.h. */
#include "ledger/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/query_text.h"

struct query {
	struct db *db;
	enum query_id id;
	sqlite3_stmt *stmt; /* NULL until first used */
	int failed;	    /* what preparing or binding said */
};

struct db {
	sqlite3 *handle;
	int steps;		  /* one in the other */
	bool step_is_transaction; /* the outermost */
	int64_t busy_timeout_ms;
	int64_t log_pages; /* after its last commit, once by hand */
	struct query queries[QUERY_COUNT];
};

static enum rc
rc_of_sqlite(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return RC_OK;
	case SQLITE_CONSTRAINT:
		return RC_CONFLICT;
	case SQLITE_NOMEM:
		return RC_NO_MEMORY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR: /* no such table: not a ledger */
		return RC_CORRUPT;
	default:
		return RC_BUSY;
	}
}

static enum rc
sqlite_fail(struct db *db, int code, const char *what, struct err *e)
{
	return err_set(e, rc_of_sqlite(code), "ledger: %s: %s (%d)", what,
	    code == sqlite3_extended_errcode(db->handle)
		? sqlite3_errmsg(db->handle)
		: sqlite3_errstr(code),
	    code);
}

static enum rc
run_sql(struct db *db, const char *sql, const char *what, struct err *e)
{
	int code;

	code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return RC_OK;
	return sqlite_fail(db, sqlite3_extended_errcode(db->handle), what, e);
}

/*
 * WAL: readers never wait for the writer. synchronous=FULL: a commit is on
 * disk when it returns, and an answer is given only then. cache_size is
 * small: memory doesn't grow with the ledger.
 */
static const char setup_sql[] = "PRAGMA foreign_keys = ON;"
				"PRAGMA journal_mode = WAL;"
				"PRAGMA synchronous = FULL;"
				"PRAGMA cache_size = -512;" /* KiB */
				"PRAGMA temp_store = MEMORY;"
				"PRAGMA trusted_schema = OFF;";

/*
 * A reader needs write access to the WAL's index, but not to rows. Its cache is
 * empty after each commit of another connection: twice as much would save a
 * request on a big ledger a twentieth of its reads.
 */
static const char setup_read_sql[] = "PRAGMA query_only = ON;"
				     "PRAGMA cache_size = -256;"; /* KiB */

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* Memory statistics take a lock that all threads would share. */
static void
library_setup(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static enum rc
open_handle(struct db **out, const char *path, int flags,
    int64_t busy_timeout_ms, struct err *e)
{
	struct db *db;
	enum rc rc;
	int code;

	*out = NULL;
	(void)pthread_once(&library_once, library_setup);
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		return err_set(e, RC_NO_MEMORY, "ledger: no memory");
	code = sqlite3_open_v2(path, &db->handle,
	    flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (code != SQLITE_OK) {
		rc = err_set(e,
		    access(path, F_OK) != 0 ? RC_NOT_FOUND : rc_of_sqlite(code),
		    "ledger: %s: %s", path, sqlite3_errstr(code));
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
		return sqlite_fail(db, code, sql, e);
	code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	if (code == SQLITE_ROW)
		return RC_OK;
	return sqlite_fail(db, code, sql, e);
}

static enum rc
check_version(struct db *db, const char *path, struct err *e)
{
	enum rc rc;
	int version;

	rc = pragma_int(db, "PRAGMA user_version", &version, e);
	if (rc != RC_OK)
		return rc;
	if (version == schema_version)
		return RC_OK;
	if (version == 0)
		return err_set(e, RC_CORRUPT,
		    "ledger: %s isn't a ledger; "
		    "make one with \"worknet init\"",
		    path);
	return err_set(e, RC_CONFLICT,
	    "ledger: %s has schema %d, this "
	    "program knows %d%s",
	    path, version, schema_version,
	    version < schema_version ? "; run \"worknet init --migrate\""
				     : "; use the newer program");
}

enum rc
db_open(struct db **out, const char *path, enum db_mode mode,
    int64_t busy_timeout_ms, struct err *e)
{
	struct db *db;
	enum rc rc;

	*out = NULL;
	rc = open_handle(&db, path, SQLITE_OPEN_READWRITE, busy_timeout_ms, e);
	if (rc != RC_OK)
		return rc;
	rc = run_sql(db, setup_sql, path, e);
	if (rc == RC_OK)
		rc = check_version(db, path, e);
	if (rc == RC_OK && mode == DB_READ)
		rc = run_sql(db, setup_read_sql, path, e);
	/* SQLite falls back to reading, for good, when it may not write. */
	else if (rc == RC_OK && sqlite3_db_readonly(db->handle, "main") == 1)
		rc = err_set(e, RC_BUSY,
		    "ledger: %s is read-only for this "
		    "user",
		    path);
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

/* Runs the steps from the file's version to the newest. */
static enum rc
apply_steps(struct db *db, int *steps, struct err *e)
{
	char sql[64];
	enum rc rc;
	int version;

	rc = pragma_int(db, "PRAGMA user_version", &version, e);
	if (rc != RC_OK)
		return rc;
	if (version > schema_version)
		return err_set(e, RC_CONFLICT,
		    "ledger: schema %d is newer "
		    "than this program's %d",
		    version, schema_version);
	for (*steps = 0; version < schema_version; version++, ++*steps) {
		(void)snprintf(
		    sql, sizeof(sql), "PRAGMA user_version = %d", version + 1);
		rc = run_sql(db, "BEGIN EXCLUSIVE", "begin", e);
		if (rc == RC_OK)
			rc = run_sql(db, schema_steps[version], "schema", e);
		if (rc == RC_OK)
			rc = run_sql(db, sql, "user_version", e);
		if (rc == RC_OK)
			rc = run_sql(db, "COMMIT", "commit", e);
		if (rc != RC_OK) {
			db_rollback(db);
			return rc;
		}
	}
	return RC_OK;
}

enum rc
db_create(const char *path, struct err *e)
{
	struct db *db;
	enum rc rc;
	int fd, steps;

	/* SQLite has no exclusive creation: make the empty file first. */
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0660);
	if (fd < 0)
		return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO,
		    "%s: %s", path, strerror(errno));
	(void)close(fd);
	rc = open_handle(&db, path, SQLITE_OPEN_READWRITE, 0, e);
	if (rc == RC_OK)
		rc = run_sql(db, setup_sql, path, e);
	if (rc == RC_OK)
		rc = apply_steps(db, &steps, e);
	if (rc != RC_OK)
		(void)unlink(path);
	db_close(db);
	return rc;
}

enum rc
db_create_in_memory(struct db **out, struct err *e)
{
	struct db *db;
	enum rc rc;
	int steps;

	*out = NULL;
	rc = open_handle(&db, ":memory:",
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY, 0,
	    e);
	if (rc != RC_OK)
		return rc;
	rc = apply_steps(db, &steps, e);
	if (rc != RC_OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return RC_OK;
}

enum rc
db_migrate(const char *path, int *steps, struct err *e)
{
	struct db *db;
	enum rc rc;

	*steps = 0;
	rc = open_handle(&db, path, SQLITE_OPEN_READWRITE, 10000, e);
	if (rc != RC_OK)
		return rc;
	rc = run_sql(db, setup_sql, path, e);
	if (rc == RC_OK)
		rc = apply_steps(db, steps, e);
	db_close(db);
	return rc;
}

enum rc
db_begin(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_BEGIN_WRITE), e);
}

enum rc
db_begin_read(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_BEGIN_READ), e);
}

enum rc
db_commit(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_COMMIT), e);
}

void
db_rollback(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		(void)!query_run(db_query(db, Q_ROLLBACK), NULL);
}

static int
note_log_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;

	(void)handle;
	(void)name;
	db->log_pages = pages;
	return SQLITE_OK;
}

void
db_checkpoint_by_hand(struct db *db)
{
	/* There is one hook, and automatic checkpoints are it. */
	(void)sqlite3_wal_hook(db->handle, note_log_pages, db);
}

int64_t
db_log_pages(const struct db *db)
{
	return db->log_pages;
}

/*
 * A passive checkpoint beside commits copies pages, but syncs the file only
 * when there was none meanwhile: a later one, of all, would have to.
 */
static int
sync_file(struct db *db)
{
	sqlite3_file *file;
	int code;

	code = sqlite3_file_control(
	    db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);
	if (code != SQLITE_OK)
		return code;
	return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* Somebody else's lock is no failure. */
static enum rc
checkpoint_end(struct db *db, int code, bool *done, struct err *e)
{
	*done = code == SQLITE_OK;
	if (*done || (code & 0xff) == SQLITE_BUSY)
		return RC_OK;
	return sqlite_fail(db, code, "checkpoint", e);
}

enum rc
db_checkpoint(struct db *db, bool *done, struct err *e)
{
	int code;

	code = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (code == SQLITE_OK)
		code = sync_file(db);
	return checkpoint_end(db, code, done, e);
}

enum rc
db_checkpoint_all(struct db *db, int wait_ms, bool *done, struct err *e)
{
	int code;

	(void)sqlite3_busy_timeout(db->handle, wait_ms);
	code = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	(void)sqlite3_busy_timeout(db->handle, (int)db->busy_timeout_ms);
	return checkpoint_end(db, code, done, e);
}

enum rc
db_step_begin(struct db *db, struct err *e)
{
	bool none = sqlite3_get_autocommit(db->handle);
	char sql[32];

	if (db->steps++ == 0) {
		db->step_is_transaction = none;
		if (none)
			return db_begin(db, e);
	} else if (none) { /* an error has ended the outer one */
		return err_set(e, RC_BUSY, "ledger: the transaction is gone");
	}
	(void)snprintf(sql, sizeof(sql), "SAVEPOINT step%d", db->steps);
	return run_sql(db, sql, "savepoint", e);
}

enum rc
db_step_end(struct db *db, enum rc rc, struct err *e)
{
	char sql[64];
	int step = db->steps--;

	if (step == 1 && db->step_is_transaction) {
		if (rc == RC_OK)
			rc = db_commit(db, e);
		if (rc != RC_OK)
			db_rollback(db);
		return rc;
	}
	(void)snprintf(sql, sizeof(sql), "RELEASE step%d", step);
	if (rc == RC_OK)
		return run_sql(db, sql, "release", e);
	(void)snprintf(
	    sql, sizeof(sql), "ROLLBACK TO step%d; RELEASE step%d", step, step);
	(void)sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc;
}

struct query *
db_query(struct db *db, enum query_id id)
{
	struct query *q = &db->queries[id];

	CHECK((unsigned)id < QUERY_COUNT);
	q->db = db;
	q->id = id;
	q->failed = SQLITE_OK;
	if (q->stmt == NULL) {
		q->failed = sqlite3_prepare_v3(db->handle, query_texts[id].sql,
		    -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
		return q;
	}
	/* A statement still in use here would be a programmer's error. */
	CHECK(!sqlite3_stmt_busy(q->stmt));
	return q;
}

static void
query_note(struct query *q, int code)
{
	if (q->failed == SQLITE_OK)
		q->failed = code;
}

void
query_int(struct query *q, int i, int64_t n)
{
	if (q->stmt != NULL)
		query_note(q, sqlite3_bind_int64(q->stmt, i, n));
}

void
query_text(struct query *q, int i, struct slice text)
{
	if (q->stmt != NULL)
		query_note(q,
		    sqlite3_bind_text64(q->stmt, i, text.p, text.len,
			SQLITE_STATIC, SQLITE_UTF8));
}

void
query_bytes(struct query *q, int i, const void *p, size_t len)
{
	if (q->stmt != NULL)
		query_note(
		    q, sqlite3_bind_blob64(q->stmt, i, p, len, SQLITE_STATIC));
}

void
query_null(struct query *q, int i)
{
	if (q->stmt != NULL)
		query_note(q, sqlite3_bind_null(q->stmt, i));
}

enum rc
query_step(struct query *q, bool *row, struct err *e)
{
	int code = q->failed;

	*row = false;
	if (code == SQLITE_OK)
		code = sqlite3_step(q->stmt);
	if (code == SQLITE_ROW) {
		*row = true;
		return RC_OK;
	}
	if (code == SQLITE_DONE)
		return RC_OK;
	return sqlite_fail(q->db, code, query_texts[q->id].name, e);
}

void
query_done(struct query *q)
{
	if (q->stmt == NULL)
		return;
	(void)sqlite3_reset(q->stmt);
	(void)sqlite3_clear_bindings(q->stmt);
}

enum rc
query_any(struct query *q, bool *any, struct err *e)
{
	enum rc rc;

	rc = query_step(q, any, e);
	query_done(q);
	return rc;
}

enum rc
query_run(struct query *q, struct err *e)
{
	bool row;

	return query_any(q, &row, e);
}

enum rc
query_one_int(struct query *q, int64_t *out, struct err *e)
{
	enum rc rc;
	bool row;

	*out = 0;
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		*out = query_get_int(q, 0);
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "ledger: %s: no row",
		    query_texts[q->id].name);
	return rc;
}

int64_t
query_get_int(struct query *q, int col)
{
	return sqlite3_column_int64(q->stmt, col);
}

struct slice
query_get_text(struct query *q, int col)
{
	const unsigned char *text = sqlite3_column_text(q->stmt, col);

	if (text == NULL)
		return (struct slice){ "", 0 };
	return (struct slice){ (const char *)text,
		(size_t)sqlite3_column_bytes(q->stmt, col) };
}

struct slice
query_get_bytes(struct query *q, int col)
{
	const void *p = sqlite3_column_blob(q->stmt, col);

	if (p == NULL)
		return (struct slice){ "", 0 };
	return (struct slice){ p, (size_t)sqlite3_column_bytes(q->stmt, col) };
}

bool
query_is_null(struct query *q, int col)
{
	return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

int
query_columns(struct query *q)
{
	return q->stmt == NULL ? 0 : sqlite3_column_count(q->stmt);
}

const char *
query_column_name(struct query *q, int col)
{
	return sqlite3_column_name(q->stmt, col);
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t
db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

/* Steps a check whose rows are findings, except the text "ok". */
static enum rc
check_run(
    struct db *db, const char *sql, db_finding_fn *fn, void *ctx, struct err *e)
{
	const char *text;
	char finding[200];
	sqlite3_stmt *stmt;
	int code;

	code = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return sqlite_fail(db, code, sql, e);
	while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(stmt, 0);
		if (text == NULL || strcmp(text, "ok") == 0)
			continue;
		(void)snprintf(finding, sizeof(finding), "%s: %s",
		    sql + strlen("PRAGMA "), text);
		fn(ctx, finding);
	}
	(void)sqlite3_finalize(stmt);
	if (code == SQLITE_DONE)
		return RC_OK;
	return sqlite_fail(db, code, sql, e);
}

enum rc
db_check_file(
    struct db *db, bool quick, db_finding_fn *fn, void *ctx, struct err *e)
{
	enum rc rc;

	if (quick)
		return check_run(db, "PRAGMA quick_check", fn, ctx, e);
	rc = check_run(db, "PRAGMA integrity_check", fn, ctx, e);
	if (rc == RC_OK)
		rc = check_run(db, "PRAGMA foreign_key_check", fn, ctx, e);
	return rc;
}

enum rc
db_trust_references(struct db *db, struct err *e)
{
	return run_sql(db, "PRAGMA foreign_keys = OFF", "foreign_keys", e);
}

enum rc
db_spill_to_files(struct db *db, struct err *e)
{
	return run_sql(db, "PRAGMA temp_store = FILE", "temp_store", e);
}
