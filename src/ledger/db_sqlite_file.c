/*
 * The ledger's file while it is open: that it is still the one at its path,
 * that its syncs succeed, that its log stays short; and whether it is damaged.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "ledger/db_sqlite.h"
#include "ledger/query_text.h"

/*
 * A checkpoint begins when the log has this many pages (of 4 KiB). With fewer,
 * the file is synced more often, and a page that changes in each transaction is
 * copied more often. With more, the log takes longer to read after a crash.
 */
#define CHECKPOINT_PAGES 1000

/* With so many the log is to be short again, although somebody reads it. */
#define LOG_PAGES_MANY (5 * CHECKPOINT_PAGES)

/*
 * How long a checkpoint waits for those who read the log. The first outlasts
 * most requests; the second all that are no more than a request.
 */
#define READERS_WAIT_MS	     5
#define READERS_WAIT_MANY_MS 200

/* ---- Syncs ---- */

/*
 * SQLite tells here of every error, also of one that it goes on after, such as
 * that of a checkpoint.
 */
static void
on_sqlite_log(void *ctx, int code, const char *text)
{
	(void)ctx;
	if (code != SQLITE_IOERR_FSYNC)
		return;
	log_error(
	    "ledger: a sync failed, so what was written before it may be lost: %s",
	    text);
	log_error(
	    "ending at once: the next start takes what was committed from the ledger's log");
	_exit(DB_EXIT_SYNC);
}

void
db_library_setup(void)
{
	/* Memory statistics take a lock that all threads would share. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	(void)sqlite3_config(SQLITE_CONFIG_LOG, on_sqlite_log, NULL);
}

/*
 * A checkpoint that a reader of the log cuts short counts the pages that it has
 * copied, in the log's index, which lives as long as anybody has the ledger
 * open; but SQLite leaves their sync to the checkpoint that comes to the log's
 * end. If that sync failed, the pages of both would be lost, and the next start
 * would copy those of the second only. So the pages of each are synced before
 * they count: a failed sync never comes to that, as it ends the process.
 */
static pthread_mutex_t methods_lock = PTHREAD_MUTEX_INITIALIZER;
static const sqlite3_io_methods *sqlite_methods; /* methods_lock; set once */
static sqlite3_io_methods synced_methods;	 /* methods_lock; set once */

static int
synced_file_control(sqlite3_file *file, int op, void *arg)
{
	if (op == SQLITE_FCNTL_CKPT_DONE)
		(void)sqlite_methods->xSync(file, SQLITE_SYNC_NORMAL);
	return sqlite_methods->xFileControl(file, op, arg);
}

/* SQLite's file of db. */
static enum rc
file_of(struct db *db, sqlite3_file **out, struct err *e)
{
	int code;

	*out = NULL;
	code = sqlite3_file_control(
	    db->handle, "main", SQLITE_FCNTL_FILE_POINTER, out);
	return code == SQLITE_OK ? RC_OK : db_fail(db, code, "file_control", e);
}

enum rc
db_sync_checkpoints(struct db *db, struct err *e)
{
	sqlite3_file *file;
	enum rc rc = file_of(db, &file, e);

	if (rc != RC_OK)
		return rc;
	(void)pthread_mutex_lock(&methods_lock);
	if (sqlite_methods == NULL) {
		sqlite_methods = file->pMethods;
		synced_methods = *sqlite_methods;
		synced_methods.xFileControl = synced_file_control;
	}
	CHECK(file->pMethods == sqlite_methods);
	(void)pthread_mutex_unlock(&methods_lock);
	file->pMethods = &synced_methods;
	return RC_OK;
}

/* ---- The files at the ledger's path ---- */

/* Bytes 18 and 19 of a file: 2 in one that has, or had, a log, 1 in a copy. */
#define FORMAT_AT  18
#define FORMAT_LOG 2

/*
 * SQLite takes any log that lies beside a file for its own. Where a copy was
 * put in the place of a ledger whose log stayed, that would bring back what the
 * copy was to replace, or mix both. A copy (db_copy) never had a log. The log
 * is looked at first: what it belongs to says so before it is written.
 */
enum rc
db_check_log(struct db *db, struct err *e)
{
	const char *path = sqlite3_db_filename(db->handle, "main");
	const char *log = sqlite3_filename_wal(path);
	unsigned char format[2];
	sqlite3_file *file;
	struct stat st;
	enum rc rc;

	if (stat(log, &st) != 0 || st.st_size == 0)
		return RC_OK;
	rc = file_of(db, &file, e);
	if (rc != RC_OK ||
	    file->pMethods->xRead(file, format, sizeof(format), FORMAT_AT) !=
		SQLITE_OK)
		return rc; /* an empty file has no log yet */
	if (format[0] == FORMAT_LOG && format[1] == FORMAT_LOG)
		return RC_OK;
	return err_set(e, RC_CONFLICT,
	    "ledger: %s is the log of another ledger than %s, which is a copy: put the copy in place with \"worknet restore COPY\"",
	    log, path);
}

static int
file_identify(struct file_id *out, const char *path)
{
	struct stat st;

	*out = (struct file_id){ 0 };
	if (stat(path, &st) != 0)
		return errno;
	*out = (struct file_id){ st.st_dev, st.st_ino };
	return 0;
}

static bool
file_is(const struct file_id *a, const struct file_id *b)
{
	return a->device == b->device && a->inode == b->inode;
}

enum rc
db_place_note(struct db *db, struct err *e)
{
	const char *path = sqlite3_db_filename(db->handle, "main");
	int error;

	error = file_identify(&db->file, path);
	if (error == 0)
		error = file_identify(&db->log, sqlite3_filename_wal(path));
	if (error == 0)
		return RC_OK;
	return err_set(e, RC_IO, "ledger: %s: %s", path, strerror(error));
}

static enum rc
place_compare(const char *path, const struct file_id *was, struct err *e)
{
	struct file_id is;
	int error = file_identify(&is, path);

	if (error == 0 && file_is(&is, was))
		return RC_OK;
	return err_set(e, RC_CONFLICT, "ledger: %s was %s while it was in use",
	    path, error == ENOENT ? "moved away or removed" : "replaced");
}

static enum rc
place_check(struct db *db, struct err *e)
{
	const char *path = sqlite3_db_filename(db->handle, "main");
	enum rc rc;

	if (db->file.inode == 0)
		return RC_OK; /* in memory */
	rc = place_compare(path, &db->file, e);
	if (rc == RC_OK)
		rc = place_compare(sqlite3_filename_wal(path), &db->log, e);
	return rc;
}

enum rc
db_check_version(struct db *db, enum db_mode mode, struct err *e)
{
	const char *path = sqlite3_db_filename(db->handle, "main");
	int64_t version;
	enum rc rc;

	rc = query_one_int(db_query(db, Q_SCHEMA_VERSION), &version, e);
	if (rc != RC_OK || version == schema_version ||
	    (mode == DB_COPY && version > 0 && version < schema_version))
		return rc;
	if (version == 0)
		return err_set(e, RC_CONFLICT, DB_NOT_LEDGER, path);
	return err_set(e, RC_CONFLICT,
	    "ledger: %s has schema %lld, this program knows %d; %s", path,
	    (long long)version, schema_version,
	    version < schema_version ? "run \"worknet init --migrate\""
				     : "use the newer program");
}

enum rc
db_check_place(struct db *db, struct err *e)
{
	enum rc rc = place_check(db, e);

	return rc == RC_OK ? db_check_version(db, DB_WRITE, e) : rc;
}

/* ---- Why a file can't be opened ---- */

static enum rc
explain_user(
    const char *path, const char *what, const struct stat *st, struct err *e)
{
	char owner[FILE_USER_SIZE], self[FILE_USER_SIZE];

	file_user(owner, st->st_uid);
	file_user(self, geteuid());
	return err_set(e, RC_BUSY,
	    "ledger: %s %s for this user, %s; it belongs to %s, mode %04o",
	    path, what, self, owner, (unsigned)st->st_mode & 07777);
}

/* The directory, where the log has to be made beside the ledger. */
static enum rc
explain_directory(const char *path, int code, struct err *e)
{
	char directory[PATH_LEN_MAX + 1];
	struct stat st;

	if (file_directory(directory, path, e) != RC_OK)
		return RC_INVALID;
	if (access(directory, W_OK | X_OK) != 0 && stat(directory, &st) == 0)
		return explain_user(
		    path, "needs a directory that is writable", &st, e);
	return err_set(
	    e, RC_BUSY, "ledger: %s: %s", path, sqlite3_errstr(code));
}

enum rc
db_explain_open(const char *path, int code, struct err *e)
{
	struct stat st;
	int error;

	if (stat(path, &st) != 0) {
		error = errno;
		if (error == ENOENT)
			return err_set(e, RC_NOT_FOUND,
			    "ledger: %s: no such file; \"worknet init\" makes it, [ledger] path names it",
			    path);
		return err_set(
		    e, RC_IO, "ledger: %s: %s", path, strerror(error));
	}
	if (!S_ISREG(st.st_mode))
		return err_set(
		    e, RC_INVALID, "ledger: %s: isn't a regular file", path);
	if (access(path, R_OK) != 0)
		return explain_user(path, "can't be read", &st, e);
	if (access(path, W_OK) != 0)
		return explain_user(path, "is read-only", &st, e);
	return explain_directory(path, code, e);
}

/* ---- The log ---- */

static int
note_log_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *db = arg;

	(void)handle;
	(void)name;
	db->log_pages = pages;
	return SQLITE_OK;
}

/* Says so once, until the log has begun anew. */
static void
note_checkpoint(struct db *db, int code, bool many)
{
	const bool busy = (code & 0xff) == SQLITE_BUSY;

	if (code == SQLITE_OK) {
		if (db->log_grows)
			log_notice("the ledger's log has begun anew");
		db->log_grows = false;
	} else if (!db->log_grows && (!busy || many)) {
		log_error("the ledger's log grows: %s",
		    busy
			? "somebody reads it in one transaction for long, or writes"
			: sqlite3_errmsg(db->handle));
		db->log_grows = true;
	}
}

void
db_idle(struct db *db)
{
	bool many;
	int code;

	if (!db->idles) {
		/* There is one hook, and automatic checkpoints are it. */
		(void)sqlite3_wal_hook(db->handle, note_log_pages, db);
		db->idles = true;
	}
	if (db->log_pages < db->moved_pages) /* it has begun anew */
		db->moved_pages = 0;
	if (db->log_pages < db->moved_pages + CHECKPOINT_PAGES)
		return;
	many = db->log_pages >= LOG_PAGES_MANY;
	(void)sqlite3_busy_timeout(
	    db->handle, many ? READERS_WAIT_MANY_MS : READERS_WAIT_MS);
	code = sqlite3_wal_checkpoint_v2(
	    db->handle, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	(void)sqlite3_busy_timeout(db->handle, (int)db->busy_timeout_ms);
	db->moved_pages = db->log_pages;
	note_checkpoint(db, code, many);
}

/* ---- Damage ---- */

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
		return db_fail(db, code, sql, e);
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
	return db_fail(db, code, sql, e);
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

static void
on_damage(void *ctx, const char *text)
{
	struct err *e = ctx;

	if (e->rc == RC_OK)
		(void)err_set(e, RC_CORRUPT, "the file is damaged: %s", text);
}

enum rc
db_check_whole(struct db *db, struct err *e)
{
	struct err damage = ERR_INIT;
	enum rc rc = db_check_file(db, true, on_damage, &damage, e);

	if (rc == RC_OK && damage.rc != RC_OK)
		rc = err_set(e, damage.rc, "%s", damage.msg);
	return rc;
}
