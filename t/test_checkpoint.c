/*
 * The log stays short however much is committed without a pause, and nothing
 * of it is left after a clean end.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/checkpoint.h"
#include "ledger/worker.h"
#include "ledger/writer.h"
#include "t/tap.h"

#define COMMITS	     60
#define WORKERS_EACH 400 /* in a commit: each is on another page of an index */
#define PAGE_BYTES   (4096 + 24) /* in the log */
/* Of a commit, at most: rows, and two indexes' leaves and their splits. */
#define COMMIT_PAGES (4 * WORKERS_EACH)

static const int64_t log_pages_max =
    CHECKPOINT_PAGES + CHECKPOINT_AHEAD_PAGES + 2 * COMMIT_PAGES;
static char dir[] = "/tmp/worknet-test-checkpoint-XXXXXX";
static char path[80];
static char log_path[90];
static uint32_t next_worker;

static void
must(enum rc rc, const struct err *e)
{
	if (rc == RC_OK)
		return;
	printf("Bail out! %s\n", e->msg);
	exit(EXIT_FAILURE);
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

/* Commits without a pause; how long the log was at most, in pages. */
static int64_t
commit_many(struct writer *w)
{
	struct err e = ERR_INIT;
	int64_t bytes, most = 0;
	int i;

	for (i = 0; i < COMMITS; i++, next_worker += WORKERS_EACH) {
		writer_expect(w);
		must(writer_run(w, job_add_workers, &next_worker, &e), &e);
		bytes = file_bytes(log_path);
		if (bytes > most)
			most = bytes;
	}
	return most / PAGE_BYTES;
}

static void
test_log_is_bounded(void)
{
	struct err e = ERR_INIT;
	struct writer *w;
	struct db *reader;
	int64_t pages, n;

	must(writer_start(&w, path, 1000, &e), &e);
	(void)commit_many(w); /* from here on each commit has many pages */
	pages = commit_many(w);
	tap_ok(pages > 0 && pages <= log_pages_max,
	    "commits without a pause leave a log that is bounded");
	tap_diag("%" PRId64 " pages of %" PRId64, pages, log_pages_max);
	must(db_open(&reader, path, DB_READ, 1000, &e), &e);
	must(db_begin_read(reader, &e), &e);
	must(query_one_int(db_query(reader, Q_HEALTH), &n, &e), &e);
	pages = commit_many(w);
	tap_ok(pages > log_pages_max,
	    "as many make it longer while somebody reads in one transaction");
	must(db_commit(reader, &e), &e);
	db_close(reader);
	(void)commit_many(w); /* in which it ends, and begins anew */
	pages = file_bytes(log_path) / PAGE_BYTES;
	tap_is_int(commit_many(w), pages,
	    "and no longer once that transaction has ended");
	writer_stop(w);
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

	if (mkdtemp(dir) == NULL) {
		printf("Bail out! no directory in /tmp\n");
		return EXIT_FAILURE;
	}
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	(void)snprintf(log_path, sizeof(log_path), "%s-wal", path);
	must(db_create(path, &e), &e);
	test_log_is_bounded();
	test_clean_end();
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	if (system(command) != 0)
		tap_diag("%s stays", dir);
	return tap_done();
}
