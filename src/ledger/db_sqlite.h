/*
 * What the files of the SQLite engine share: db_sqlite.c, transactions and
 * statements; db_sqlite_open.c, opening and making ledgers; db_sqlite_file.c,
 * what becomes of the file meanwhile; db_sqlite_copy.c, copies and what takes a
 * ledger's place. For them alone.
 */
#ifndef WORKNET_LEDGER_DB_SQLITE_H
#define WORKNET_LEDGER_DB_SQLITE_H

#include <sqlite3.h>
#include <sys/types.h>

#include "ledger/db.h"

/* What is said of a file, %s, that isn't one. */
#define DB_NOT_LEDGER \
	"ledger: %s isn't a ledger; move that file away, or name another one in [ledger] path; then \"worknet init\" makes a ledger, \"worknet restore\" brings one back"

struct query {
	struct db *db;
	enum query_id id;
	sqlite3_stmt *stmt; /* NULL until first used */
	int failed;	    /* what preparing or binding said */
};

/* Which file a path names. */
struct file_id {
	dev_t device;
	ino_t inode;
};

struct db {
	sqlite3 *handle;
	int steps;		  /* one in the other */
	bool step_is_transaction; /* the outermost */
	int64_t busy_timeout_ms;
	struct file_id file; /* as it was opened; 0 in memory */
	struct file_id log;  /* the same, of its write-ahead log */
	bool idles;	     /* db_idle is called after its commits */
	bool log_grows;	     /* and that was said */
	int log_pages;	     /* in the log after its last commit */
	int moved_pages;     /* of them, when last moved or tried to */
	struct query queries[QUERY_COUNT];
};

/* The rc and the message of what SQLite answered. */
enum rc db_fail(struct db *db, int code, const char *what, struct err *e);

/* Runs statements without results. */
MUST_CHECK enum rc
db_run_sql(struct db *db, const char *sql, const char *what, struct err *e);

/* Opens the file at path by SQLite's flags, and no more. Errors of db_open. */
MUST_CHECK enum rc db_open_handle(struct db **out, const char *path, int flags,
    int64_t busy_timeout_ms, struct err *e);

/*
 * Whether the log beside db's file can be its own, before anything is read:
 * RC_CONFLICT, or errors of the engine.
 */
MUST_CHECK enum rc db_check_log(struct db *db, struct err *e);

/* Before any other use of SQLite in the process. */
void db_library_setup(void);

/* Has db sync what a checkpoint copies into its file before that counts. */
MUST_CHECK enum rc db_sync_checkpoints(struct db *db, struct err *e);

/* Remembers which files db has open. */
MUST_CHECK enum rc db_place_note(struct db *db, struct err *e);

/*
 * Whether the schema is this program's, or, of DB_COPY, an older one, in the
 * present transaction: else RC_CONFLICT.
 */
MUST_CHECK enum rc
db_check_version(struct db *db, enum db_mode mode, struct err *e);

/* Why SQLite couldn't open path, in words that say what to do. */
enum rc db_explain_open(const char *path, int code, struct err *e);

#endif
