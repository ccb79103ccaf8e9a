/* worknet backup: a verified copy of the ledger, and which of them stay. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/commands.h"
#include "base/clock.h"
#include "base/file.h"
#include "eth/hex.h"
#include "ledger/payout.h"
#include "ledger/transfer.h"

/* "ledger-0123abcd-20260131T235959Z.db": which ledger's, and of when. */
#define ID_DIGITS    8
#define PREFIX_LEN   (sizeof("ledger-") - 1 + ID_DIGITS + 1)
#define NAME_LEN     (PREFIX_LEN + FILE_TIME_LEN + sizeof(".db") - 1)
#define NAME_PATTERN "00000000T000000Z.db" /* 0: a digit */

struct backup {
	const char *dir;
	int dir_fd; /* locked: one backup at a time; -1: not open */
	uint8_t ledger_id[LEDGER_ID_LEN];
	char prefix[PREFIX_LEN + 1];
	char name[NAME_LEN + 1];
	char part[FILE_PATH_SIZE]; /* the copy, until it is whole */
	char path[FILE_PATH_SIZE];
	int64_t bytes;
	struct tail tail; /* of the copy */
	int64_t kept, removed;
};

/* ---- The copy ---- */

static enum rc
names_make(struct backup *b, struct err *e)
{
	char hex[HEX_SIZE(LEDGER_ID_LEN)], at[FILE_TIME_LEN + 1];

	if (strlen(b->dir) > PATH_LEN_MAX)
		return err_set(e, RC_INVALID, "%.80s...: longer than %d bytes",
		    b->dir, PATH_LEN_MAX);
	hex_encode(hex, b->ledger_id, LEDGER_ID_LEN);
	(void)snprintf(
	    b->prefix, sizeof(b->prefix), "ledger-%.*s-", ID_DIGITS, hex + 2);
	file_time(at, clock_unix_ms());
	(void)snprintf(b->name, sizeof(b->name), "%s%s.db", b->prefix, at);
	(void)snprintf(
	    b->part, sizeof(b->part), "%s/.%spart", b->dir, b->prefix);
	(void)snprintf(b->path, sizeof(b->path), "%s/%s", b->dir, b->name);
	return RC_OK;
}

static enum rc
directory_take(struct backup *b, struct err *e)
{
	b->dir_fd = open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir_fd < 0)
		return err_set(e, RC_IO, "%s: %s", b->dir, strerror(errno));
	if (flock(b->dir_fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	return err_set(
	    e, RC_CONFLICT, "%s: another backup is at work there", b->dir);
}

/* That the copy's newest transfer is the ledger's, by its hash. */
static enum rc
tail_compare(struct backup *b, struct db *ledger, struct err *e)
{
	struct query *q = db_query(ledger, Q_TRANSFER_HASH);
	struct slice hash;
	bool row, same;
	enum rc rc;

	if (b->tail.last_id == 0)
		return RC_OK;
	query_int(q, 1, b->tail.last_id);
	rc = query_step(q, &row, e);
	hash = row ? query_get_bytes(q, 0) : slice_of("");
	same = hash.len == sizeof(b->tail.hash) &&
	    memcmp(hash.p, b->tail.hash, hash.len) == 0;
	query_done(q);
	if (rc == RC_OK && !same)
		return err_set(e, RC_CORRUPT,
		    "the copy ends with another transfer %" PRId64
		    " than the ledger has",
		    b->tail.last_id);
	return rc;
}

/* That the copy is whole, of this ledger, and has all that it had before. */
static enum rc
copy_verify(struct backup *b, struct db *ledger, const struct tail *before,
    struct err *e)
{
	uint8_t id[LEDGER_ID_LEN];
	int64_t created_ms;
	struct db *copy;
	enum rc rc;

	rc = db_open_copy(&copy, b->part, e);
	if (rc != RC_OK)
		return rc;
	rc = db_check_whole(copy, e);
	if (rc == RC_OK)
		rc = payout_ledger_id(copy, id, &created_ms, e);
	if (rc == RC_OK)
		rc = transfer_tail(copy, &b->tail, e);
	db_close(copy);
	if (rc == RC_OK &&
	    (memcmp(id, b->ledger_id, sizeof(id)) != 0 ||
		b->tail.last_id < before->last_id))
		rc = err_set(e, RC_CORRUPT,
		    "the copy isn't of this ledger, or is older than it");
	return rc == RC_OK ? tail_compare(b, ledger, e) : rc;
}

static enum rc
copy_make(struct backup *b, struct db *ledger, struct err *e)
{
	struct tail before;
	struct stat st;
	enum rc rc;
	int fd = -1;

	rc = transfer_tail(ledger, &before, e);
	/* An earlier one may have been killed: it had no lock. */
	if (rc == RC_OK && unlink(b->part) != 0 && errno != ENOENT)
		rc = err_set(e, RC_IO, "%s: %s", b->part, strerror(errno));
	if (rc == RC_OK)
		rc = file_make(b->part, &fd, e);
	if (rc != RC_OK)
		return rc;
	admin_progress("copying the ledger", 0, 0);
	rc = db_copy(ledger, b->part, e);
	admin_progress("reading the copy again", 0, 0);
	if (rc == RC_OK)
		rc = copy_verify(b, ledger, &before, e);
	admin_progress_end();
	if (rc == RC_OK && (fsync(fd) != 0 || fstat(fd, &st) != 0))
		rc = err_set(e, RC_IO, "%s: %s", b->part, strerror(errno));
	if (rc == RC_OK)
		b->bytes = (int64_t)st.st_size;
	(void)close(fd);
	if (rc == RC_OK && rename(b->part, b->path) != 0)
		rc = err_set(e, RC_IO, "%s: %s", b->path, strerror(errno));
	if (rc != RC_OK)
		(void)unlink(b->part);
	return rc == RC_OK ? file_sync(b->dir, e) : rc;
}

/* ---- Which stay ---- */

/* A copy stays if it is the newest of its hour, day or month. */
static const struct {
	size_t len; /* of the time in its name that tells which that is */
	int most;
} spans[] = {
	{ sizeof("20260131T23") - 1, 24 },
	{ sizeof("20260131") - 1, 30 },
	{ sizeof("202601") - 1, 12 },
};
#define SPANS (sizeof(spans) / sizeof(spans[0]))

/* Whether a copy of this ledger has that name, and isn't from the future. */
static bool
is_copy(const struct backup *b, const char *name)
{
	static const char pattern[] = NAME_PATTERN;
	const char *at = name + PREFIX_LEN;
	size_t i;

	if (strlen(name) != NAME_LEN ||
	    memcmp(name, b->prefix, PREFIX_LEN) != 0 ||
	    strcmp(name, b->name) > 0)
		return false;
	for (i = 0; pattern[i] != '\0'; i++)
		if (pattern[i] == '0' ? at[i] < '0' || at[i] > '9'
				      : at[i] != pattern[i])
			return false;
	return true;
}

/* Of copies in turn, the newest first: whether this one stays. */
static bool
stays(const char *at, char last[SPANS][FILE_TIME_LEN + 1], int count[SPANS])
{
	bool any = false;
	size_t i;

	for (i = 0; i < SPANS; i++) {
		if (count[i] == spans[i].most ||
		    strncmp(last[i], at, spans[i].len) == 0)
			continue;
		(void)snprintf(
		    last[i], FILE_TIME_LEN + 1, "%.*s", (int)spans[i].len, at);
		count[i]++;
		any = true;
	}
	return any;
}

/* Removes the copies that no span needs, by the times in their names. */
static enum rc
thin(struct backup *b, struct err *e)
{
	char last[SPANS][FILE_TIME_LEN + 1] = { "" };
	int count[SPANS] = { 0 }, n;
	struct dirent **all = NULL;
	enum rc rc = RC_OK;

	n = scandir(b->dir, &all, NULL, alphasort);
	if (n < 0)
		return err_set(e, RC_IO, "%s: %s", b->dir, strerror(errno));
	while (n-- > 0) {
		if (is_copy(b, all[n]->d_name)) {
			if (stays(all[n]->d_name + PREFIX_LEN, last, count))
				b->kept++;
			else if (unlinkat(b->dir_fd, all[n]->d_name, 0) == 0)
				b->removed++;
			else
				rc = err_set(e, RC_IO, "%s/%s: %s", b->dir,
				    all[n]->d_name, strerror(errno));
		}
		free(all[n]);
	}
	free(all);
	return rc;
}

/* ---- The command ---- */

static void
report(struct admin *a, const struct backup *b)
{
	char hash[HEX_SIZE(KECCAK256_LEN)];

	hex_encode(hash, b->tail.hash, KECCAK256_LEN);
	out_fields(a->out,
	    (const struct out_field[]){
		{ "file", "copy", OUT_TEXT, out_text(b->path) },
		{ "bytes", "bytes", OUT_COUNT, out_int(b->bytes) },
		{ "lastTransfer", "newest transfer", OUT_COUNT,
		    out_int(b->tail.last_id) },
		{ "hash", "its hash", OUT_TEXT, out_text(hash) },
		{ "kept", "copies kept", OUT_COUNT, out_int(b->kept) },
		{ "removed", "copies removed", OUT_COUNT, out_int(b->removed) },
		OUT_END });
}

static enum rc
backup(struct admin *a, struct backup *b, struct err *e)
{
	int64_t bytes, created_ms;
	enum rc rc;

	rc = payout_ledger_id(a->db, b->ledger_id, &created_ms, e);
	if (rc == RC_OK)
		rc = names_make(b, e);
	if (rc == RC_OK)
		rc = directory_take(b, e);
	if (rc == RC_OK)
		rc = db_copy_bytes(a->db, &bytes, e);
	if (rc == RC_OK)
		rc = file_check_room(b->dir, bytes, e);
	return rc == RC_OK ? copy_make(b, a->db, e) : rc;
}

enum admin_exit
command_backup(struct admin *a)
{
	struct backup b = { .dir = a->args.arg[0], .dir_fd = -1 };
	struct err e = ERR_INIT;
	enum admin_exit code;
	enum rc rc;

	code = admin_open(a, DB_COPY);
	if (code != ADMIN_OK)
		return code;
	rc = backup(a, &b, &e);
	if (rc == RC_OK) {
		rc = thin(&b, &e);
		report(a, &b);
		a->stands = true; /* the copy is there, whatever else isn't */
	}
	if (b.dir_fd >= 0)
		(void)close(b.dir_fd);
	return rc == RC_OK ? ADMIN_OK : admin_fail(rc, &e);
}
