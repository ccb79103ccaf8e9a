/*
 * The writer: jobs that come in at once and alone, that work, fail, and find
 * the ledger locked; what they cost in commits and syncs; and that the
 * ledger's log stays short.
 */
#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ledger/worker.h"
#include "ledger/writer.h"
#include "t/unit/ledger.h"

#define T0 1767225600000LL /* a midnight, UTC */

static char dir[] = "/tmp/worknet-test-writer-XXXXXX";
static char path[80];
static char said_path[80]; /* standard error */
static struct db *db;
static atomic_int syncs; /* of anything */

/* ---- Instead of the C library's ---- */

int
fsync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	atomic_fetch_add(&syncs, 1);
	return (int)syscall(SYS_fdatasync, fd);
}

/* ---- Jobs ---- */

static struct address
worker(int n)
{
	struct address a = { { 0x77 } };

	a.b[19] = (uint8_t)n;
	return a;
}

static enum rc
job_add_worker(struct db *w, void *ctx, struct err *e)
{
	int64_t id;

	return worker_add(w, ctx, T0, &id, e);
}

static enum rc
job_half(struct db *w, void *ctx, struct err *e)
{
	int64_t id;
	enum rc rc = worker_add(w, ctx, T0, &id, e);

	return rc != RC_OK ? rc : err_set(e, RC_INVALID, "half done");
}

/* As an error of the disk does: it ends the transaction of all. */
static enum rc
job_end_all(struct db *w, void *ctx, struct err *e)
{
	enum rc rc = job_add_worker(w, ctx, e);

	db_rollback(w);
	return rc != RC_OK ? rc : err_set(e, RC_BUSY, "disk I/O error");
}

struct writing {
	struct writer_job job;
	struct address a;
};

static void
write_begin(
    struct writer *w, struct writing *x, writer_job_fn *fn, struct address a)
{
	*x = (struct writing){ .job = { .fn = fn, .ctx = &x->a }, .a = a };
	writer_submit(w, &x->job);
}

static bool
has_finished(struct writer *w, int timeout_ms)
{
	struct pollfd pfd = { .fd = writer_finished_fd(w), .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) == 1;
}

/* Takes n finished jobs; how many were there as soon as the writer said so. */
static int
write_end(struct writer *w, int n)
{
	int taken = 0;

	while (n-- > 0)
		taken += has_finished(w, -1) && writer_finished(w) != NULL;
	return taken;
}

static enum rc
write_job(struct writer *w, writer_job_fn *fn, struct address a)
{
	struct writing x;

	write_begin(w, &x, fn, a);
	(void)write_end(w, 1);
	return x.job.rc;
}

static void
test_many(struct writer *w)
{
	struct writing all[32];
	struct worker_row row;
	struct err e = ERR_INIT;
	int i, good = 0, bad = 0;

	for (i = 0; i < 32; i++)
		write_begin(w, &all[i], i % 4 == 0 ? job_half : job_add_worker,
		    worker(i));
	tap_is_int(write_end(w, 32), 32, "each job finishes");
	tap_ok(!has_finished(w, 0) && writer_finished(w) == NULL,
	    "and none twice");
	for (i = 0; i < 32; i++) {
		if (all[i].job.rc == RC_OK &&
		    worker_find(db, &all[i].a, &row, &e) == RC_OK)
			good++;
		if (all[i].job.rc == RC_INVALID &&
		    strcmp(all[i].job.err.msg, "half done") == 0 &&
		    worker_find(db, &all[i].a, &row, &e) == RC_NOT_FOUND)
			bad++;
	}
	tap_is_int(good, 24,
	    "a job that works is committed, whoever fails "
	    "beside it");
	tap_is_int(bad, 8,
	    "a job that fails leaves nothing behind, and says "
	    "why");
}

static void
test_alone(struct writer *w)
{
	struct writer_job other;
	struct err e = ERR_INIT;

	must(db_begin(db, &e), &e);
	tap_ok(write_job(w, job_add_worker, worker(99)) == RC_BUSY,
	    "a ledger that somebody else has locked is busy");
	db_rollback(db);
	tap_ok(write_job(w, job_add_worker, worker(99)) == RC_OK,
	    "and works again afterwards");
	writer_expect(w, &other);
	tap_ok(write_job(w, job_add_worker, worker(98)) == RC_OK,
	    "a job is done though another that was expected doesn't come");
	writer_expect_none(w, &other);
}

/*
 * Jobs that share a transaction: the ledger is locked until all of them wait.
 * good of them are numbered from first on; every other calls fn.
 */
static void
test_group(struct writer *w, writer_job_fn *fn, int first, const char *what)
{
	struct writer_counts before, after;
	struct writing all[32];
	struct worker_row row;
	struct err e = ERR_INIT;
	int i, good = 0, bad = 0, n_syncs;

	writer_count(w, &before);
	must(db_begin(db, &e), &e);
	for (i = 0; i < 32; i++)
		write_begin(w, &all[i], i % 2 == 0 ? fn : job_add_worker,
		    worker(first + i));
	n_syncs = atomic_load(&syncs);
	db_rollback(db);
	(void)write_end(w, 32);
	writer_count(w, &after);
	for (i = 0; i < 32; i++) {
		good += i % 2 == 1 && all[i].job.rc == RC_OK &&
		    worker_find(db, &all[i].a, &row, &e) == RC_OK;
		bad += i % 2 == 0 && all[i].job.rc != RC_OK &&
		    worker_find(db, &all[i].a, &row, &e) == RC_NOT_FOUND;
	}
	tap_ok(good == 16 && bad == 16,
	    "of 32 jobs in a transaction 16 fail alone: %s", what);
	tap_is_int((long long)(after.commits - before.commits), 1,
	    "which is one commit");
	tap_is_int(atomic_load(&syncs) - n_syncs, 1, "and one sync");
	tap_is_int(
	    (long long)(after.jobs - before.jobs), 16, "and 16 are counted");
}

/* ---- The log ---- */

static int64_t
log_bytes(void)
{
	char log[90];
	struct stat st;

	(void)snprintf(log, sizeof(log), "%s-wal", path);
	return stat(log, &st) == 0 ? (int64_t)st.st_size : 0;
}

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

/* Adds 100 workers, whose addresses are on a page of an index each. */
static enum rc
job_add_many(struct db *w, void *ctx, struct err *e)
{
	static uint32_t next;
	struct address a = { { 0 } };
	enum rc rc = RC_OK;
	uint32_t mixed;
	int64_t id;
	int i;

	(void)ctx;
	for (i = 0; rc == RC_OK && i < 100; i++) {
		mixed = ++next * 2654435761U;
		memcpy(a.b, &mixed, sizeof(mixed));
		rc = worker_add(w, &a, T0, &id, e);
	}
	return rc;
}

/* The largest that the log was while n commits were made. */
static int64_t
log_bytes_after(struct writer *w, int n)
{
	int64_t most = 0, bytes;

	while (n-- > 0) {
		if (write_job(w, job_add_many, worker(0)) != RC_OK)
			return -1;
		bytes = log_bytes();
		most = bytes > most ? bytes : most;
	}
	return most;
}

static void
test_log(struct writer *w)
{
	struct err e = ERR_INIT;
	int64_t bytes;

	bytes = log_bytes_after(w, 120);
	tap_ok(bytes > 0 && bytes < 8 << 20,
	    "the log stays short however much is committed: %lld bytes",
	    (long long)bytes);
	must(db_begin_read(db, &e), &e);
	bytes = log_bytes_after(w, 40);
	tap_ok(bytes > 8 << 20,
	    "while somebody reads in one transaction, it grows: %lld bytes",
	    (long long)bytes);
	db_rollback(db);
	(void)log_bytes_after(w, 20);
	bytes = log_bytes();
	must(db_begin(db, &e), &e);
	db_rollback(db);
	tap_ok(log_bytes_after(w, 20) <= bytes,
	    "and afterwards it grows no longer");
	tap_is_int(said("the ledger's log grows: somebody reads it"), 1,
	    "the operator is told once, and why");
	tap_is_int(
	    said("the ledger's log has begun anew"), 1, "and that it is over");
}

/* Where no descriptor is left, and there is no ledger, either. */
static void
test_no_descriptor(void)
{
	struct err e = ERR_INIT;
	struct rlimit usual;
	struct writer *w;
	enum rc rc;

	(void)getrlimit(RLIMIT_NOFILE, &usual);
	(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, usual.rlim_max });
	rc = writer_start(&w, "/nonexistent/ledger.db", 0, &e);
	(void)setrlimit(RLIMIT_NOFILE, &usual);
	tap_ok(rc == RC_IO && w == NULL &&
		strcmp(e.msg, "eventfd: Too many open files") == 0,
	    "without a descriptor a writer says what it didn't get: %s", e.msg);
}

int
main(void)
{
	struct err e = ERR_INIT;
	struct writer *w;

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	(void)snprintf(said_path, sizeof(said_path), "%s/said", dir);
	if (freopen(said_path, "w", stderr) == NULL)
		must(err_set(&e, RC_IO, "can't make %s", said_path), &e);
	must(db_create(path, &e), &e);
	must(db_open(&db, path, DB_WRITE, 1000, &e), &e);
	must(writer_start(&w, path, 1000, &e), &e);
	test_no_descriptor();
	test_many(w);
	test_alone(w);
	test_group(w, job_half, 100, "by themselves");
	test_group(w, job_end_all, 140, "though each ends the transaction");
	test_log(w);
	writer_stop(w);
	db_close(db);
	tap_is_int(log_bytes(), 0, "a clean end leaves no log");
	dir_remove(dir);
	return tap_done();
}
