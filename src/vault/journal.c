#include "vault/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define CHUNK 65536

#define NOT_JOURNAL "%s: it isn't a journal, but something else"

struct journal {
	int fd;	       /* owned, locked */
	char *path;    /* owned; for messages */
	bool was_read; /* at least tried: once is all */
	bool is_read;  /* and nothing has failed since */
	int64_t last_s;
	off_t end; /* where the next line goes */
	struct journal_mark mark;
	/* Appended, and not written yet. */
	char pending[JOURNAL_SYNC_MAX * JOURNAL_LINE_MAX];
	size_t pending_len;
};

/* ---- The file ---- */

static enum rc
file_fail(const char *path, struct err *e)
{
	return err_set(e, RC_IO, "%s: %s", path, strerror(errno));
}

/* Opens path, locked: what another process has isn't touched. */
static enum rc
file_open(int *fd, bool *made, const char *path, struct err *e)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	struct stat st;

	*made = false;
	*fd = open(path, flags);
	if (*fd < 0 && errno == ENOENT) {
		*fd = open(path, flags | O_CREAT | O_EXCL, 0600);
		*made = true;
	}
	if (*fd < 0 || fstat(*fd, &st) != 0)
		return file_fail(path, e);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0 || st.st_nlink != 1)
		return err_set(e, RC_INVALID,
		    "%s: expected a regular file of this user that nobody else can read (mode 0600)",
		    path);
	if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
		return err_set(e, RC_CONFLICT, "another run has %s", path);
	return RC_OK;
}

/* Nothing but a journal, or what would become one, is put away. */
static enum rc
file_is_journal(int fd, const char *path, struct err *e)
{
	char begin[sizeof(JOURNAL_MAGIC) - 1];
	ssize_t n = pread(fd, begin, sizeof(begin), 0);

	if (n < 0)
		return file_fail(path, e);
	if (memcmp(begin, JOURNAL_MAGIC, (size_t)n) != 0)
		return err_set(e, RC_INVALID, NOT_JOURNAL, path);
	return RC_OK;
}

static enum rc
file_put_away(const char *path, int64_t now_s, struct err *e)
{
	char old[PATH_LEN_MAX + 40];
	struct stat st;
	bool made;
	enum rc rc;
	int fd;

	if (lstat(path, &st) != 0)
		return errno == ENOENT ? RC_OK : file_fail(path, e);
	rc = file_open(&fd, &made, path, e);
	if (rc == RC_OK)
		rc = file_is_journal(fd, path, e);
	(void)snprintf(old, sizeof(old), "%s.%" PRId64, path, now_s);
	/* Also within one second: no other one is ever lost. */
	if (rc == RC_OK &&
	    renameat2(AT_FDCWD, path, AT_FDCWD, old, RENAME_NOREPLACE) != 0)
		rc = file_fail(old, e);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

enum rc
journal_open(struct journal **out, const char *path, bool anew, int64_t now_s,
    struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));
	enum rc rc = RC_OK;
	bool made = false;

	*out = NULL;
	if (j == NULL || (j->path = strdup(path)) == NULL) {
		free(j);
		return err_set(e, RC_NO_MEMORY, "no memory");
	}
	j->fd = -1;
	if (anew)
		rc = file_put_away(path, now_s, e);
	if (rc == RC_OK)
		rc = file_open(&j->fd, &made, path, e);
	if (rc == RC_OK && (made || anew))
		rc = file_sync_name(path, e);
	if (rc == RC_OK)
		*out = j;
	else
		journal_free(j);
	return rc;
}

void
journal_free(struct journal *j)
{
	if (j == NULL)
		return;
	if (j->fd >= 0)
		(void)close(j->fd);
	free(j->path);
	free(j);
}

void
journal_mark_get(const struct journal *j, struct journal_mark *out)
{
	*out = j->mark;
}

/* ---- Reading ---- */

struct reading {
	struct journal *j;
	const struct journal_owner *owner;
	const struct journal_seen *seen;
	enum rc (*on_entry)(void *, const struct journal_entry *, struct err *);
	void *ctx;
	int64_t lines;
	bool met; /* the mark that the ledger has */
	struct err *err;
};

static enum rc
damaged(const struct reading *r)
{
	return err_set(r->err, RC_CORRUPT,
	    "%s:%" PRId64 ": the line is damaged", r->j->path, r->lines);
}

/* Cuts what is behind the last line. */
static enum rc
end_set(struct journal *j, struct err *e)
{
	if (ftruncate(j->fd, j->end) != 0 || fdatasync(j->fd) != 0)
		return file_fail(j->path, e);
	return RC_OK;
}

static void
mark_compare(struct reading *r)
{
	const struct journal_mark *m = &r->seen->mark;

	if (r->seen->has_mark && m->entries == r->j->mark.entries)
		r->met = memcmp(m->hash, r->j->mark.hash, KECCAK256_LEN) == 0;
}

static enum rc
header_read(struct reading *r, const char *line, size_t len)
{
	struct journal_mark *m = &r->j->mark;
	int64_t begun_s = journal_header_time(line);
	char expected[JOURNAL_LINE_MAX];

	if (begun_s < 0)
		return damaged(r);
	if (journal_header_write(expected, r->owner, begun_s, m->hash) != len ||
	    memcmp(expected, line, len) != 0)
		return err_set(r->err, RC_CORRUPT,
		    "%s: it isn't the journal of this ledger, chain, token and treasury",
		    r->j->path);
	m->entries = 0;
	mark_compare(r);
	return RC_OK;
}

static enum rc
line_read(struct reading *r, const char *line, size_t len)
{
	struct journal_mark *m = &r->j->mark;
	char expected[JOURNAL_LINE_MAX];
	struct journal_entry entry;
	enum rc rc;

	r->lines++;
	if (r->lines == 1)
		return header_read(r, line, len);
	if (!journal_entry_parse(&entry, line) || entry.at_s < r->j->last_s ||
	    journal_entry_write(expected, &entry, m->entries + 1, m->hash) !=
		len ||
	    memcmp(expected, line, len) != 0)
		return damaged(r);
	m->entries++;
	r->j->last_s = entry.at_s;
	mark_compare(r);
	rc = r->on_entry(r->ctx, &entry, r->err);
	return rc;
}

/*
 * Text, at that place, is no line. What a crash leaves of lines that were
 * written at once may have blocks of zeros in it: these lines are cut, for
 * their signatures never left. Whatever else it is, is damage.
 */
static enum rc
end_cut(struct reading *r, off_t at, const char *text, size_t len)
{
	struct journal *j = r->j;
	struct stat st;

	r->lines++;
	if (r->lines == 1 || memchr(text, '\0', len) == NULL)
		return damaged(r);
	if (fstat(j->fd, &st) != 0)
		return file_fail(j->path, r->err);
	if (st.st_size - at > (off_t)sizeof(j->pending))
		return damaged(r);
	r->lines--;
	j->end = at;
	return end_set(j, r->err);
}

/* All whole lines of the file; *rest: bytes after the last. */
static enum rc
lines_read(struct reading *r, char *chunk, size_t *rest)
{
	struct journal *j = r->j;
	size_t have = 0, from, len;
	enum rc rc = RC_OK;
	ssize_t n;
	char *end;

	*rest = 0;
	while (rc == RC_OK) {
		n = pread(
		    j->fd, chunk + have, CHUNK - have, j->end + (off_t)have);
		if (n < 0)
			return file_fail(j->path, r->err);
		have += (size_t)n;
		for (from = 0; rc == RC_OK &&
		     (end = memchr(chunk + from, '\n', have - from)) != NULL;
		     from += len) {
			len = (size_t)(end - (chunk + from)) + 1;
			*end = '\0'; /* for the parser */
			if (len >= JOURNAL_LINE_MAX ||
			    strlen(chunk + from) != len - 1)
				return end_cut(r, j->end + (off_t)from,
				    chunk + from, len - 1);
			*end = '\n';
			rc = line_read(r, chunk + from, len);
		}
		j->end += (off_t)from;
		have -= from;
		memmove(chunk, chunk + from, have);
		if (n == 0)
			break;
		if (have >= JOURNAL_LINE_MAX)
			return end_cut(r, j->end, chunk, have);
	}
	*rest = have;
	chunk[have] = '\0';
	return rc;
}

static enum rc
write_all(struct journal *j, const char *p, size_t len, struct err *e)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pwrite(j->fd, p + done, len - done, j->end + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return file_fail(j->path, e);
		done += (size_t)n;
	}
	if (fdatasync(j->fd) != 0)
		return file_fail(j->path, e);
	j->end += (off_t)len;
	return RC_OK;
}

/* Whether text may be what a crash has left of this owner's header. */
static bool
is_torn_header(const struct journal_owner *owner, const char *text, size_t len)
{
	uint8_t hash[KECCAK256_LEN];
	char header[JOURNAL_LINE_MAX + 1];
	size_t sure;

	header[journal_header_write(header, owner, 0, hash)] = '\0';
	sure = (size_t)(strstr(header, " begun ") - header);
	return memcmp(text, header, len < sure ? len : sure) == 0;
}

/*
 * A line without its end was never synced whole, and its signature never left.
 * But one that lacks only that may have been whole once: it counts. Nothing is
 * cut from what isn't this owner's journal: it is a file that was named by
 * mistake, and perhaps the only copy of a key.
 */
static enum rc
rest_take(struct reading *r, char *chunk, size_t rest)
{
	struct journal *j = r->j;
	struct journal_mark before = j->mark;
	int64_t last_s = j->last_s, lines = r->lines;
	enum rc rc;

	if (rest == 0)
		return RC_OK;
	if (lines == 0 && !is_torn_header(r->owner, chunk, rest))
		return err_set(r->err, RC_CORRUPT, NOT_JOURNAL, j->path);
	chunk[rest] = '\n';
	chunk[rest + 1] = '\0';
	if (lines > 0 && strlen(chunk) == rest + 1 &&
	    rest + 1 < JOURNAL_LINE_MAX) {
		rc = line_read(r, chunk, rest + 1);
		if (rc == RC_OK)
			return write_all(j, chunk, rest + 1, r->err);
		if (rc != RC_CORRUPT)
			return rc;
		j->mark = before;
		j->last_s = last_s;
		r->lines = lines;
	}
	return end_set(j, r->err);
}

/* Only where nothing is: what was there is never written over. */
static enum rc
begin(struct reading *r, int64_t now_s)
{
	struct journal *j = r->j;
	char line[JOURNAL_LINE_MAX];
	ssize_t n = pread(j->fd, line, 1, 0);
	size_t len;

	if (r->seen->any || r->seen->has_mark)
		return err_set(r->err, RC_NOT_FOUND,
		    "%s: the journal of what was signed is missing", j->path);
	if (n < 0)
		return file_fail(j->path, r->err);
	if (n > 0)
		return err_set(
		    r->err, RC_CORRUPT, "%s: it isn't empty", j->path);
	len = journal_header_write(line, r->owner, now_s, j->mark.hash);
	j->mark.entries = 0;
	return write_all(j, line, len, r->err);
}

enum rc
journal_read(struct journal *j, const struct journal_owner *owner,
    const struct journal_seen *seen, int64_t now_s,
    enum rc (*on_entry)(void *, const struct journal_entry *, struct err *),
    void *ctx, struct err *e)
{
	struct reading r = { .j = j,
		.owner = owner,
		.seen = seen,
		.on_entry = on_entry,
		.ctx = ctx,
		.err = e };
	size_t rest = 0;
	char *chunk;
	enum rc rc;

	if (j->was_read)
		return err_set(
		    e, RC_INVALID, "%s: it is read only once", j->path);
	j->was_read = true;
	chunk = malloc(CHUNK + 2);
	if (chunk == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	rc = lines_read(&r, chunk, &rest);
	if (rc == RC_OK)
		rc = rest_take(&r, chunk, rest);
	free(chunk);
	if (rc != RC_OK)
		return rc;
	if (r.lines == 0) {
		rc = begin(&r, now_s);
	} else if (seen->has_mark && !r.met &&
	    seen->mark.entries <= j->mark.entries) {
		rc = err_set(e, RC_CONFLICT,
		    "%s: it is whole, and its entry %" PRId64
		    " isn't the one that the ledger knows of",
		    j->path, seen->mark.entries);
	} else if (seen->has_mark && !r.met) {
		rc = err_set(e, RC_CORRUPT,
		    "%s: it is older than the ledger, which knows of %" PRId64
		    " entries",
		    j->path, seen->mark.entries);
	}
	j->is_read = rc == RC_OK;
	return rc;
}

enum rc
journal_check_time(const struct journal *j, int64_t latest_s, struct err *e)
{
	char at[JOURNAL_LINE_MAX];

	if (j->last_s <= latest_s)
		return RC_OK;
	journal_time_write(at, j->last_s);
	return err_set(e, RC_CORRUPT,
	    "%s: its last entry is of %s, which is to come: a clock was wrong",
	    j->path, at);
}

enum rc
journal_append(struct journal *j, struct journal_entry *entry, struct err *e)
{
	struct journal_mark next = j->mark;
	enum rc rc;

	if (!j->is_read)
		return err_set(e, RC_IO, "%s: not usable", j->path);
	/* The clock was set back: what is signed now counts for longer. */
	if (entry->at_s < j->last_s)
		entry->at_s = j->last_s;
	if (sizeof(j->pending) - j->pending_len < JOURNAL_LINE_MAX) {
		rc = journal_sync(j, e);
		if (rc != RC_OK)
			return rc;
	}
	j->pending_len += journal_entry_write(
	    j->pending + j->pending_len, entry, ++next.entries, next.hash);
	j->mark = next;
	j->last_s = entry->at_s;
	return RC_OK;
}

enum rc
journal_sync(struct journal *j, struct err *e)
{
	enum rc rc;

	if (!j->is_read)
		return err_set(e, RC_IO, "%s: not usable", j->path);
	if (j->pending_len == 0)
		return RC_OK;
	rc = write_all(j, j->pending, j->pending_len, e);
	j->pending_len = 0;
	/* What is on the disk now isn't certain: the next start reads it. */
	j->is_read = rc == RC_OK;
	return rc;
}
