/*
 * The log stays short however much is committed without a pause; when it
 * can't, the operator is told once; and a clean end leaves nothing of it.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ledger/checkpoint.h"
#include "ledger/worker.h"
#include "ledger/writer.h"
#include "t/ledger.h"

#define WORKERS_EACH 400 /* in a commit: each is on another page of an index */
#define PAGE_BYTES   (4096 + 24) /* in the log */
/* Of a commit, at most: rows, and two indexes' leaves and their splits. */
#define COMMIT_PAGES (4 * WORKERS_EACH)

static const int64_t log_pages_max =
    CHECKPOINT_PAGES + CHECKPOINT_AHEAD_PAGES + 2 * COMMIT_PAGES;
static char dir[] = "/tmp/worknet-test-checkpoint-XXXXXX";
static char path[80];
static char log_path[90];
static char said_path[90]; /* standard error */
static uint32_t next_worker;
static atomic_bool file_fails; /* syncs of the ledger's file, not of its log */

/* ---- Instead of the C library's ---- */

static int
sync_or_fail(int fd, long call)
{
	struct stat synced, ledger;

	if (atomic_load(&file_fails) && fstat(fd, &synced) == 0 &&
	    stat(path, &ledger) == 0 && synced.st_ino == ledger.st_ino) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(call, fd);
}

int
fsync(int fd)
{
	return sync_or_fail(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return sync_or_fail(fd, SYS_fdatasync);
}

/* ---- The ledger, its log, and what is said of them ---- */

/* How many lines on standard error have the text so far. */
static int
said(const char *text)
{
	char line[500];
	FILE *f = fopen(said_path, "r");
	int n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, text) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return n;
}

/* -1 without a file. */
static int64_t
file_bytes(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

/* The n-th worker: neighbours are far apart. */
static struct address
address_of(uint32_t n)
{
	struct address a = { { 0 } };
	uint32_t spread = n * 2654435761U; /* odd: no two are the same */

	memcpy(a.b, &spread, sizeof(spread));
	return a;
}

static enum rc
job_add_workers(struct db *db, void *ctx, struct err *e)
{
	uint32_t n, first = *(uint32_t *)ctx;
	struct address a;
	enum rc rc = RC_OK;
	int64_t id;

	for (n = first; rc == RC_OK && n < first + WORKERS_EACH; n++) {
		a = address_of(n);
		rc = worker_add(db, &a, 0, &id, e);
	}
	return rc;
}

static void
commit(struct writer *w)
{
	struct writer_job job = { .fn = job_add_workers, .ctx = &next_worker };
	struct pollfd pfd = { .fd = writer_finished_fd(w), .events = POLLIN };

	writer_expect(w);
	writer_submit(w, &job);
	(void)poll(&pfd, 1, -1);
	(void)writer_finished(w);
	must(job.rc, &job.err);
}

/* Commits without a pause; how long the log was at most, in pages. */
static int64_t
commit_many(struct writer *w, int commits)
{
	int64_t bytes, most = 0;
	int i;

	for (i = 0; i < commits; i++, next_worker += WORKERS_EACH) {
		commit(w);
		bytes = file_bytes(log_path);
		if (bytes > most)
			most = bytes;
	}
	return most / PAGE_BYTES;
}

static void
test_log_is_bounded(struct writer *w)
{
	int64_t pages;

	(void)commit_many(w, 60); /* from here on each has many pages */
	pages = commit_many(w, 60);
	tap_ok(pages > 0 && pages <= log_pages_max,
	    "commits without a pause leave a log that is bounded");
	tap_diag("%" PRId64 " pages of %" PRId64, pages, log_pages_max);
	tap_is_int(said("grows"), 0, "of which nothing is said");
}

/* Whatever made the log grow is over: the next log is in its place. */
static void
check_begins_anew(struct writer *w, int times)
{
	int64_t pages;

	(void)commit_many(w, 20);
	pages = file_bytes(log_path) / PAGE_BYTES;
	tap_is_int(commit_many(w, 20), pages, "once that is over it doesn't");
	tap_is_int(said("begun anew"), times, "which is said");
	tap_is_int(said("grows"), times, "and no more");
}

static void
test_failing_disk(struct writer *w)
{
	int64_t pages = file_bytes(log_path) / PAGE_BYTES;

	atomic_store(&file_fails, true);
	tap_ok(commit_many(w, 40) > pages,
	    "the log grows while the ledger's file can't be synced");
	tap_is_int(said("grows: ledger: checkpoint: disk I/O error"), 1,
	    "which is said once");
	atomic_store(&file_fails, false);
	check_begins_anew(w, 1);
}

static void
test_long_reader(struct writer *w)
{
	struct err e = ERR_INIT;
	struct db *reader;
	int64_t n;

	must(db_open(&reader, path, DB_READ, 1000, &e), &e);
	must(db_begin_read(reader, &e), &e);
	must(query_one_int(db_query(reader, Q_HEALTH), &n, &e), &e);
	tap_ok(commit_many(w, 40) > log_pages_max,
	    "it grows while somebody reads in one transaction");
	tap_is_int(said("grows: somebody reads it in one long transaction"), 1,
	    "which is said once");
	must(db_commit(reader, &e), &e);
	db_close(reader);
	check_begins_anew(w, 2);
}

static void
test_clean_end(void)
{
	struct worker_row row;
	struct address a;
	struct err e = ERR_INIT;
	struct db *db;
	uint32_t n, found = 0;

	tap_is_int(file_bytes(log_path), -1, "a clean end leaves no log");
	must(db_open(&db, path, DB_READ, 1000, &e), &e);
	for (n = 0; n < next_worker; n++) {
		a = address_of(n);
		found += worker_find(db, &a, &row, &e) == RC_OK;
	}
	tap_is_int(found, next_worker, "and all that was committed");
	db_close(db);
}

int
main(void)
{
	char command[120];
	struct err e = ERR_INIT;
	struct writer *w;

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	(void)snprintf(log_path, sizeof(log_path), "%s-wal", path);
	(void)snprintf(said_path, sizeof(said_path), "%s/said", dir);
	if (freopen(said_path, "w", stderr) == NULL) {
		printf("Bail out! %s can't be written\n", said_path);
		return EXIT_FAILURE;
	}
	must(db_create(path, &e), &e);
	must(writer_start(&w, path, 1000, &e), &e);
	test_log_is_bounded(w);
	test_failing_disk(w);
	test_long_reader(w);
	writer_stop(w);
	test_clean_end();
	(void)snprintf(command, sizeof(command), "cat '%s'", said_path);
	if (system(command) != 0)
		tap_diag("%s can't be read", said_path);
	dir_remove(dir);
	return tap_done();
}
