/* The SQLite engine: errors, transactions and statements. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ledger/db_sqlite.h"
#include "ledger/query_text.h"

static enum rc
rc_of_sqlite(int code)
{
	/* These would come again each time: they are errors of this program. */
	CHECK((code & 0xff) != SQLITE_MISUSE && (code & 0xff) != SQLITE_RANGE);
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

enum rc
db_fail(struct db *db, int code, const char *what, struct err *e)
{
	if ((code & 0xff) == SQLITE_NOTADB)
		return err_set(e, RC_CORRUPT, DB_NOT_LEDGER,
		    sqlite3_db_filename(db->handle, "main"));
	return err_set(e, rc_of_sqlite(code), "ledger: %s: %s (%d)", what,
	    code == sqlite3_extended_errcode(db->handle)
		? sqlite3_errmsg(db->handle)
		: sqlite3_errstr(code),
	    code);
}

enum rc
db_run_sql(struct db *db, const char *sql, const char *what, struct err *e)
{
	int code;

	code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		return RC_OK;
	return db_fail(db, sqlite3_extended_errcode(db->handle), what, e);
}

enum rc
db_begin(struct db *db, struct err *e)
{
	enum rc rc;

	rc = query_run(db_query(db, Q_BEGIN_WRITE), e);
	if (rc == RC_OK)
		rc = db_check_place(db, e);
	if (rc != RC_OK)
		db_rollback(db);
	return rc;
}

enum rc
db_begin_read(struct db *db, struct err *e)
{
	enum rc rc;

	rc = query_run(db_query(db, Q_BEGIN_READ), e);
	if (rc == RC_OK)
		rc = db_check_version(db, DB_READ, e);
	if (rc != RC_OK)
		db_rollback(db);
	return rc;
}

enum rc
db_commit(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_COMMIT), e);
}

void
db_rollback(struct db *db)
{
	if (db_in_transaction(db))
		(void)!query_run(db_query(db, Q_ROLLBACK), NULL);
}

bool
db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

enum rc
db_step_begin(struct db *db, struct err *e)
{
	bool none = !db_in_transaction(db);

	if (db->steps++ == 0) {
		db->step_is_transaction = none;
		if (none)
			return db_begin(db, e);
	} else if (none) { /* an error has ended the outer one */
		return err_set(e, RC_BUSY, "ledger: the transaction is gone");
	}
	return query_run(db_query(db, Q_STEP_BEGIN), e);
}

enum rc
db_step_end(struct db *db, enum rc rc, struct err *e)
{
	int step = db->steps--;

	if (step == 1 && db->step_is_transaction) {
		if (rc == RC_OK)
			rc = db_commit(db, e);
		if (rc != RC_OK)
			db_rollback(db);
		return rc;
	}
	if (rc == RC_OK)
		return query_run(db_query(db, Q_STEP_KEEP), e);
	/* An error that ended the transaction has undone the step, too. */
	if (db_in_transaction(db) &&
	    query_run(db_query(db, Q_STEP_UNDO), NULL) == RC_OK)
		(void)!query_run(db_query(db, Q_STEP_KEEP), NULL);
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
		/* Else each column would be taken for another. */
		CHECK(q->stmt == NULL || query_texts[id].columns == 0 ||
		    query_texts[id].columns == sqlite3_column_count(q->stmt));
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
	return db_fail(q->db, code, query_texts[q->id].name, e);
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

enum rc
query_ints(struct query *q, int64_t *const *out, int n, struct err *e)
{
	enum rc rc;
	bool row;
	int i;

	rc = query_step(q, &row, e);
	for (i = 0; i < n; i++)
		*out[i] = rc == RC_OK && row ? query_get_int(q, i) : 0;
	query_done(q);
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
