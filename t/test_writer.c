/*
 * The writer: jobs that come in at once and alone, that work, fail, and find
 * the ledger locked.
 */
#include <poll.h>

#include "ledger/worker.h"
#include "ledger/writer.h"
#include "t/ledger.h"

#define T0 1767225600000LL /* a midnight, UTC */

static char dir[] = "/tmp/worknet-test-writer-XXXXXX";
static struct db *db;

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

int
main(void)
{
	char path[80];
	struct err e = ERR_INIT;
	struct writer *w;

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	must(db_create(path, &e), &e);
	must(db_open(&db, path, DB_WRITE, 1000, &e), &e);
	must(writer_start(&w, path, 1000, &e), &e);
	test_many(w);
	test_alone(w);
	writer_stop(w);
	db_close(db);
	dir_remove(dir);
	return tap_done();
}
