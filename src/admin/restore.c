/* worknet restore: a copy of the ledger takes the ledger's place. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "eth/hex.h"
#include "ledger/payout.h"
#include "ledger/restored.h"
#include "ledger/transfer.h"

#define MODE_WITHOUT_OLD 0660 /* as init makes one */

struct restore {
	const char *from;
	char path[FILE_PATH_SIZE]; /* of the ledger, links followed */
	char next[FILE_PATH_SIZE]; /* what is to take its place */
	char kept[FILE_PATH_SIZE]; /* the old one's name afterwards */
	char dir[FILE_PATH_SIZE];
	struct db_alone old;
	bool has_old;
	uid_t owner; /* of the old one; of its directory when there is none */
	gid_t group;
	mode_t mode;
	struct tail tail; /* of the copy */
	int64_t lost;	  /* transfers that only the old one has; -1: unknown */
	int steps;	  /* versions of the schema that it was brought up */
};

static enum rc
failed(const char *path, struct err *e)
{
	return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
}

/* ---- The old one ---- */

static enum rc
names_make(struct restore *r, const char *ledger, struct err *e)
{
	char at[FILE_TIME_LEN + 1], *real = realpath(ledger, NULL);
	const char *path = real == NULL ? ledger : real;
	bool fits = strlen(path) <= PATH_LEN_MAX;

	(void)snprintf(r->path, sizeof(r->path), "%s", path);
	free(real);
	if (!fits)
		return err_set(e, RC_INVALID, "%.80s...: longer than %d bytes",
		    r->path, PATH_LEN_MAX);
	file_time(at, clock_unix_ms());
	(void)snprintf(
	    r->next, sizeof(r->next), "%.*s.restoring", PATH_LEN_MAX, r->path);
	(void)snprintf(r->kept, sizeof(r->kept), "%.*s.before-restore-%s",
	    PATH_LEN_MAX, r->path, at);
	return file_directory(r->dir, r->path, e);
}

static enum rc
old_look(struct restore *r, struct err *e)
{
	struct stat st;

	r->has_old = stat(r->path, &st) == 0;
	if (!r->has_old && (errno != ENOENT || stat(r->dir, &st) != 0))
		return failed(r->path, e);
	r->owner = st.st_uid;
	r->group = st.st_gid;
	r->mode = r->has_old ? st.st_mode & 07777 : MODE_WITHOUT_OLD;
	return RC_OK;
}

/* Another ledger's copy isn't put here. What can't be read says nothing. */
static enum rc
old_compare(
    struct restore *r, const uint8_t id[static LEDGER_ID_LEN], struct err *e)
{
	uint8_t old_id[LEDGER_ID_LEN];
	int64_t created_ms;
	struct tail tail;

	r->lost = -1;
	if (r->old.db == NULL ||
	    payout_ledger_id(r->old.db, old_id, &created_ms, NULL) != RC_OK)
		return RC_OK;
	if (memcmp(id, old_id, LEDGER_ID_LEN) != 0)
		return err_set(e, RC_CONFLICT,
		    "%s is a copy of another ledger than the one at %s: if it is to be put there, move that away first",
		    r->from, r->path);
	if (transfer_tail(r->old.db, &tail, NULL) == RC_OK)
		r->lost = tail.last_id > r->tail.last_id
		    ? tail.last_id - r->tail.last_id
		    : 0;
	return RC_OK;
}

/* ---- The next one ---- */

/* A file with a log of its own is no copy that backup made. */
static enum rc
copy_open(const struct restore *r, int *fd, struct stat *st, struct err *e)
{
	char log[FILE_PATH_SIZE];
	struct stat other;

	*fd = open(r->from, O_RDONLY | O_CLOEXEC);
	if (*fd < 0 || fstat(*fd, st) != 0)
		return failed(r->from, e);
	if (!S_ISREG(st->st_mode))
		return err_set(
		    e, RC_INVALID, "%s: isn't a regular file", r->from);
	if (stat(r->path, &other) == 0 && other.st_dev == st->st_dev &&
	    other.st_ino == st->st_ino)
		return err_set(
		    e, RC_INVALID, "%s: is the ledger itself", r->from);
	(void)snprintf(log, sizeof(log), "%.*s-wal", PATH_LEN_MAX, r->from);
	if (stat(log, &other) == 0 && other.st_size > 0)
		return err_set(e, RC_INVALID,
		    "%s: has a log beside it, so it isn't a copy that \"worknet backup\" made",
		    r->from);
	return RC_OK;
}

static void
next_remove(const struct restore *r)
{
	static const char *const parts[] = { "", "-wal", "-shm", "-journal" };
	char path[FILE_PATH_SIZE + 16];
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", r->next, parts[i]);
		(void)unlink(path);
	}
}

static enum rc
next_copy(struct restore *r, struct err *e)
{
	struct stat st;
	int from = -1, to = -1;
	enum rc rc;

	rc = copy_open(r, &from, &st, e);
	if (rc == RC_OK)
		rc = file_check_room(r->dir, (int64_t)st.st_size, e);
	if (rc == RC_OK) {
		next_remove(r); /* of one that was killed */
		rc = file_make(r->next, &to, e);
	}
	if (rc == RC_OK)
		rc = file_copy(to, from, r->next, e);
	if (to >= 0)
		(void)close(to);
	if (from >= 0)
		(void)close(from);
	return rc;
}

static enum rc
next_verify(struct restore *r, struct db *db, struct err *e)
{
	struct err cause = ERR_INIT;
	uint8_t id[LEDGER_ID_LEN];
	int64_t created_ms;
	enum rc rc;

	rc = db_check_whole(db, &cause);
	if (rc != RC_OK)
		return err_set(e, rc, "%s: %s", r->from, cause.msg);
	rc = payout_ledger_id(db, id, &created_ms, e);
	if (rc == RC_OK)
		rc = transfer_tail(db, &r->tail, e);
	return rc == RC_OK ? old_compare(r, id, e) : rc;
}

/* Brings it up to this program's schema, and has nobody paid for now. */
static enum rc
next_prepare(struct restore *r, struct err *e)
{
	struct err cause = ERR_INIT;
	struct db *db = NULL;
	enum rc rc;

	rc = db_migrate(r->next, &r->steps, &cause);
	if (rc == RC_OK)
		rc = db_open(&db, r->next, DB_WRITE, 0, &cause);
	if (rc != RC_OK)
		return err_set(e, rc, "%s: %s", r->from, cause.msg);
	rc = next_verify(r, db, e);
	if (rc == RC_OK)
		rc = restored_begin(db,
		    "the ledger was restored: a payout run has to compare it with the chain first",
		    clock_unix_ms(), e);
	db_close(db);
	return rc;
}

/* Its log is in it, it belongs to whom it should, and it is on the disk. */
static enum rc
next_finish(const struct restore *r, struct err *e)
{
	char log[FILE_PATH_SIZE + 16];
	struct stat st;

	(void)snprintf(log, sizeof(log), "%s-wal", r->next);
	if (stat(log, &st) == 0)
		return err_set(
		    e, RC_IO, "%s: the log couldn't be moved into it", r->next);
	if (chown(r->next, r->owner, r->group) != 0)
		return err_set(e, RC_IO,
		    "%s: %s: run this as root, or as the ledger's owner",
		    r->next, strerror(errno));
	if (chmod(r->next, r->mode) != 0)
		return failed(r->next, e);
	return file_sync(r->next, e);
}

/* ---- The command ---- */

static enum rc
restore(struct restore *r, const char *ledger, struct err *e)
{
	enum rc rc;

	rc = names_make(r, ledger, e);
	if (rc == RC_OK)
		rc = old_look(r, e);
	if (rc == RC_OK)
		rc = db_alone_begin(&r->old, r->path, e);
	if (rc != RC_OK)
		return rc;
	rc = next_copy(r, e);
	if (rc == RC_OK)
		rc = next_prepare(r, e);
	if (rc == RC_OK)
		rc = next_finish(r, e);
	if (rc == RC_OK)
		rc = db_replace(&r->old, r->path, r->next, r->kept, e);
	if (rc != RC_OK)
		next_remove(r);
	db_alone_end(&r->old);
	return rc;
}

static void
report(struct admin *a, const struct restore *r)
{
	const char *conf = admin_conf_path(a);
	char hash[HEX_SIZE(KECCAK256_LEN)];

	hex_encode(hash, r->tail.hash, KECCAK256_LEN);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "ledger", "ledger", OUT_TEXT, out_text(r->path) },
		{ "from", "restored from", OUT_TEXT, out_text(r->from) },
		{ "kept", "the old one", OUT_TEXT,
		    out_if(r->has_old, out_text(r->kept)) },
		{ "lastTransfer", "newest transfer", OUT_COUNT,
		    out_int(r->tail.last_id) },
		{ "hash", "its hash", OUT_TEXT, out_text(hash) },
		{ "lostTransfers", "transfers lost", OUT_COUNT,
		    out_if(r->lost >= 0, out_int(r->lost)) },
		{ "steps", NULL, OUT_COUNT, out_int(r->steps) }, OUT_END });
	out_note(a->out,
	    "\nNobody is paid until a payout run has compared the ledger with the chain.\n"
	    "Next:\n"
	    "  worknet-payout -c %s --reconcile   as its own user, until\n"
	    "      worknet -c %s payout holds says that the chain holds nobody\n"
	    "  start the coordinator: better not before that\n"
	    "  worknet -c %s finding list   what was paid, and lost with the old ledger\n"
	    "  worknet -c %s audit --signatures",
	    conf, conf, conf, conf);
}

enum admin_exit
command_restore(struct admin *a)
{
	struct restore r = { .from = a->args.arg[0], .old = { .fd = -1 } };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_configure(a);
	if (code != ADMIN_OK)
		return code;
	admin_progress("reading the copy, and putting it in place", 0, 0);
	rc = restore(&r, a->conf.ledger_path, &e);
	admin_progress_end();
	if (rc != RC_OK)
		return admin_fail(rc, &e);
	report(a, &r);
	return ADMIN_OK;
}
