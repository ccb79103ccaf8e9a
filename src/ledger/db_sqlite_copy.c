/* The SQLite engine: copies, and what takes a ledger's place. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "ledger/db_sqlite.h"

/* A ledger's path with what is appended to it. */
#define NAME_MAX_BYTES (PATH_LEN_MAX + 64)

/* ---- Copies ---- */

enum rc
db_copy_bytes(struct db *db, int64_t *bytes, struct err *e)
{
	return query_one_int(db_query(db, Q_COPY_BYTES), bytes, e);
}

/*
 * A failed sync of the copy isn't one of the ledger, which would end the
 * process: the caller syncs it. The ledger's own syncs matter again when it is
 * closed.
 */
enum rc
db_copy(struct db *db, const char *path, struct err *e)
{
	struct query *q = db_query(db, Q_COPY_INTO);
	enum rc rc;

	rc = db_run_sql(db, "PRAGMA synchronous = OFF", "synchronous", e);
	if (rc != RC_OK)
		return rc;
	query_text(q, 1, slice_of(path));
	rc = query_run(q, e);
	CHECK(db_run_sql(db, "PRAGMA synchronous = FULL", "synchronous",
		  NULL) == RC_OK);
	return rc;
}

enum rc
db_open_copy(struct db **out, const char *path, struct err *e)
{
	struct db *db;
	enum rc rc;

	*out = NULL;
	rc = db_open_handle(&db, path, SQLITE_OPEN_READONLY, 0, e);
	if (rc != RC_OK)
		return rc;
	rc = db_check_version(db, DB_COPY, e);
	if (rc != RC_OK) {
		db_close(db);
		return rc;
	}
	*out = db;
	return RC_OK;
}

/* ---- Alone with a ledger ---- */

/*
 * Whoever has a ledger open holds a lock on its file as long as that has a log,
 * so the first of these fails. The transaction keeps the file locked.
 */
static const char alone_sql[] =
    "PRAGMA locking_mode = EXCLUSIVE;PRAGMA synchronous = FULL;PRAGMA journal_mode = DELETE;BEGIN EXCLUSIVE;";

static enum rc
is_in_use(const char *path, struct err *e)
{
	return err_set(e, RC_CONFLICT,
	    "ledger: %s is in use: stop the coordinator and whatever else has it open",
	    path);
}

/* SQLite's locks of a file are in these bytes. */
#define LOCKS_FROM  0x40000000
#define LOCKS_BYTES 512

/* The same of a file that SQLite doesn't read. */
static enum rc
alone_with_damaged(struct db_alone *out, const char *path, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LOCKS_FROM,
		.l_len = LOCKS_BYTES };

	out->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (out->fd < 0)
		return err_set(
		    e, RC_IO, "ledger: %s: %s", path, strerror(errno));
	if (fcntl(out->fd, F_OFD_SETLK, &lock) == 0)
		return RC_OK;
	(void)close(out->fd);
	out->fd = -1;
	return is_in_use(path, e);
}

enum rc
db_alone_begin(struct db_alone *out, const char *path, struct err *e)
{
	struct err cause = ERR_INIT;
	struct db *db;
	enum rc rc;

	*out = (struct db_alone){ .fd = -1 };
	rc = db_open_handle(&db, path, SQLITE_OPEN_READWRITE, 0, &cause);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK)
		return err_set(e, rc, "%s", cause.msg);
	rc = db_check_log(db, &cause);
	if (rc == RC_OK) {
		rc = db_run_sql(db, alone_sql, path, &cause);
		if ((sqlite3_errcode(db->handle) & 0xff) == SQLITE_BUSY) {
			db_close(db);
			return is_in_use(path, e);
		}
	}
	if (rc == RC_OK) {
		out->db = db;
		return RC_OK;
	}
	db_close(db);
	if (rc == RC_CORRUPT || rc == RC_CONFLICT)
		return alone_with_damaged(out, path, e);
	return err_set(e, rc, "%s", cause.msg);
}

void
db_alone_end(struct db_alone *a)
{
	if (a->db != NULL)
		db_rollback(a->db);
	db_close(a->db);
	if (a->fd >= 0)
		(void)close(a->fd);
	*a = (struct db_alone){ .fd = -1 };
}

/* ---- Another ledger in its place ---- */

static enum rc
failed(const char *path, struct err *e)
{
	return err_set(e, errno == EEXIST ? RC_CONFLICT : RC_IO, "%s: %s", path,
	    strerror(errno));
}

/*
 * A log that isn't in the old ledger's file, and the log's index: neither may
 * be beside the new one.
 */
static enum rc
log_put_away(const char *path, const char *kept, struct err *e)
{
	char from[NAME_MAX_BYTES], to[NAME_MAX_BYTES];

	(void)snprintf(from, sizeof(from), "%s-wal", path);
	(void)snprintf(to, sizeof(to), "%s-wal", kept);
	if (rename(from, to) != 0 && errno != ENOENT)
		return failed(from, e);
	(void)snprintf(from, sizeof(from), "%s-shm", path);
	if (unlink(from) != 0 && errno != ENOENT)
		return failed(from, e);
	return RC_OK;
}

enum rc
db_replace(struct db_alone *a, const char *path, const char *with,
    const char *kept, struct err *e)
{
	bool old = a->db != NULL || a->fd >= 0;
	enum rc rc;

	if (old && link(path, kept) != 0)
		return failed(kept, e);
	rc = log_put_away(path, kept, e);
	if (rc == RC_OK)
		rc = file_sync_name(path, e);
	if (rc == RC_OK && rename(with, path) != 0)
		rc = failed(path, e);
	return rc == RC_OK ? file_sync_name(path, e) : rc;
}
