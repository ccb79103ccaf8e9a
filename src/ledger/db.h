/*
 * The database behind the ledger, whichever engine it is. Statements are
 * named in sql/queries.sql; the build makes enum query_id of the names.
 *
 * After a failed sync nobody knows what of the file is on disk, and a second
 * sync would say that all is well: the process ends at once, with a message and
 * exit code DB_EXIT_SYNC. The next start takes what was committed from the log.
 *
 * A struct db belongs to one thread at a time. Errors of the engine come as
 *	RC_BUSY		locked, full, read-only, input/output error: the caller
 *			rolls back, and may try again later
 *	RC_CONFLICT	a constraint or an append-only guard refused it
 *	RC_CORRUPT	the file is damaged or isn't a ledger
 *	RC_NO_MEMORY
 */
#ifndef WORKNET_LEDGER_DB_H
#define WORKNET_LEDGER_DB_H

#include "base/buf.h"
#include "ledger/query_id.h"

#define DB_EXIT_SYNC 7

struct db;
struct query;

enum db_mode {
	DB_READ, /* sees every commit; can't write */
	DB_WRITE,
	DB_COPY, /* as DB_WRITE; to be copied, so an older schema will do */
};

/*
 * Opens an existing ledger whose schema is this program's (else
 * RC_CONFLICT, with what to do in the message). *out is freed with db_close.
 * RC_NOT_FOUND without the file. The message says who could open it.
 */
MUST_CHECK enum rc db_open(struct db **out, const char *path, enum db_mode mode,
    int64_t busy_timeout_ms, struct err *e);
void db_close(struct db *db);

/*
 * Makes an empty ledger at path; RC_CONFLICT when the file exists. The
 * schema is the newest one.
 */
MUST_CHECK enum rc db_create(const char *path, struct err *e);

/* An empty ledger in memory, with the newest schema; freed with db_close. */
MUST_CHECK enum rc db_create_in_memory(struct db **out, struct err *e);

/*
 * Brings an older ledger up to this program's schema, in one transaction: it is
 * as it was when anything fails. Others may use the ledger meanwhile; those of
 * the older schema get RC_CONFLICT from then on. *steps counts the versions;
 * RC_CONFLICT when the ledger is newer than this program, or when its schema
 * would then be another than that of a new ledger.
 */
MUST_CHECK enum rc db_migrate(const char *path, int *steps, struct err *e);

/* ---- Copies, and what takes a ledger's place ---- */

/* Bytes that a copy takes at most. */
MUST_CHECK enum rc db_copy_bytes(struct db *db, int64_t *bytes, struct err *e);

/*
 * Writes a copy of the ledger, as it is at one moment, into the empty file at
 * path, while others go on. db is of DB_WRITE, and in no transaction. A copy
 * has no log. What was written isn't synced.
 */
MUST_CHECK enum rc db_copy(struct db *db, const char *path, struct err *e);

/*
 * Opens a copy to read it, and leaves no other file beside it; *out is freed
 * with db_close. As db_open, with DB_COPY.
 */
MUST_CHECK enum rc
db_open_copy(struct db **out, const char *path, struct err *e);

/* A ledger that nobody else has open, or can open. */
struct db_alone {
	struct db *db; /* reads; NULL: there is no file, or a damaged one */
	int fd;	       /* of a damaged one; -1: none */
};

/*
 * Has the ledger at path alone until db_alone_end, and moves its log into its
 * file. RC_CONFLICT while anybody has it open. With a file that isn't there, is
 * no ledger, or has another one's log, out->db is NULL.
 */
MUST_CHECK enum rc
db_alone_begin(struct db_alone *out, const char *path, struct err *e);
void db_alone_end(struct db_alone *a);

/*
 * Puts the ledger at the path `with`, which is closed and on disk, in the place
 * of the one at path, which is a's, in one step: whoever opens path has either.
 * The old one stays under the name kept, and so does a log that isn't in it.
 * It is on disk when this returns. RC_CONFLICT when kept exists, RC_IO.
 */
MUST_CHECK enum rc db_replace(struct db_alone *a, const char *path,
    const char *with, const char *kept, struct err *e);

/*
 * A write transaction, which waits for the write lock, or a read transaction,
 * which sees one state of the ledger. Each ends with commit or rollback;
 * db_rollback without a transaction does nothing.
 */
MUST_CHECK enum rc db_begin(struct db *db, struct err *e);
MUST_CHECK enum rc db_begin_read(struct db *db, struct err *e);
MUST_CHECK enum rc db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db);

/* Whether a transaction is open: some errors of the disk end it. */
bool db_in_transaction(const struct db *db);

/*
 * Whether the ledger at its path is still the one that is open. RC_CONFLICT,
 * with what happened, when its file or its log was moved, removed or replaced,
 * or when another program has changed its schema: from then on nothing of it
 * can be relied on. db_begin looks, too, and db_begin_read at the schema. So
 * does nobody else; else errors of the engine.
 */
MUST_CHECK enum rc db_check_place(struct db *db, struct err *e);

/*
 * Housekeeping, for a connection that writes all the time: call it outside of a
 * transaction, when nobody waits for an answer to the last one. From the first
 * call on the engine leaves to these calls what it would else do in a commit:
 * to move what was committed from the ledger's log into its file. What fails is
 * tried again later; log.h's log says when that begins, and when it is over.
 */
void db_idle(struct db *db);

/*
 * A step: what follows happens as a whole or not at all. Without a
 * transaction it is a write transaction of its own; inside of one, or of
 * another step, it is a part of it that can fail alone. Each begin has its
 * end, whatever came of it: db_step_end keeps the step when rc is RC_OK,
 * undoes it when it isn't, and returns rc or what failed.
 */
MUST_CHECK enum rc db_step_begin(struct db *db, struct err *e);
MUST_CHECK enum rc db_step_end(struct db *db, enum rc rc, struct err *e);

/*
 * The statement of that name, ready to be bound; it belongs to db, and is
 * used by one caller at a time. Never NULL: what fails is told by query_step.
 * Parameters count from 1. Text and bytes must stay until query_done.
 */
struct query *db_query(struct db *db, enum query_id id);
void query_int(struct query *q, int i, int64_t n);
void query_text(struct query *q, int i, struct slice text);
void query_bytes(struct query *q, int i, const void *p, size_t len);
void query_null(struct query *q, int i);

/* The next row: *row tells whether there is one. */
MUST_CHECK enum rc query_step(struct query *q, bool *row, struct err *e);
/* Ends the statement. Call it after the last step, whatever came of it. */
void query_done(struct query *q);
/* Steps a statement that gives no row, and ends it. */
MUST_CHECK enum rc query_run(struct query *q, struct err *e);
/* Whether the statement gives a row; ends it. */
MUST_CHECK enum rc query_any(struct query *q, bool *any, struct err *e);
/*
 * Steps a statement that gives one row with one integer, and ends it.
 * RC_NOT_FOUND when there is no row.
 */
MUST_CHECK enum rc query_one_int(struct query *q, int64_t *out, struct err *e);

/*
 * Steps a statement of one row with n integers, and ends it. Where there is no
 * row they are 0. As query_step.
 */
MUST_CHECK enum rc
query_ints(struct query *q, int64_t *const *out, int n, struct err *e);

/* Columns of the present row, counted from 0; valid until the next step. */
int64_t query_get_int(struct query *q, int col);
struct slice query_get_text(struct query *q, int col);
/* Bytes; a slice of length 0 for NULL. */
struct slice query_get_bytes(struct query *q, int col);
bool query_is_null(struct query *q, int col);
int query_columns(struct query *q);

/* Rows that the last statement changed; the id that it inserted. */
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);

/*
 * From here on, sorts that are larger than the cache go to temporary files
 * instead of memory. Call it outside of a transaction.
 */
MUST_CHECK enum rc db_spill_to_files(struct db *db, struct err *e);

/*
 * From here on this connection doesn't check that the row which a foreign key
 * names is there. The coordinator uses it: it has read that row a moment before
 * in the same transaction, and the look would cost each result three reads. The
 * audit checks all foreign keys (db_check_file). Call it outside of a
 * transaction.
 */
MUST_CHECK enum rc db_trust_references(struct db *db, struct err *e);

/* Each finding goes to fn. RC_OK when the check ran, whatever it found. */
typedef void db_finding_fn(void *ctx, const char *text);

/*
 * Checks the file itself: damaged pages and dangling references. The quick
 * way leaves out the references, and whether indexes and tables agree.
 */
MUST_CHECK enum rc db_check_file(
    struct db *db, bool quick, db_finding_fn *fn, void *ctx, struct err *e);

/* The same, quickly: RC_CORRUPT, and the first finding, when there is any. */
MUST_CHECK enum rc db_check_whole(struct db *db, struct err *e);

/*
 * Checks that tables, indexes, views and the guards (triggers) are exactly
 * those that this program makes, word for word, and that there are no
 * others. *objects counts what was compared.
 */
MUST_CHECK enum rc db_check_schema(struct db *db, int64_t *objects,
    db_finding_fn *fn, void *ctx, struct err *e);

#endif
