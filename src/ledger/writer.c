#include "ledger/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "ledger/checkpoint.h"

/*
 * Jobs in a transaction. It bounds its time; and while as many are at their
 * commit, others are on their way: with all in one, nothing would be left to do
 * during the sync.
 */
#define GROUP_MAX 64
/*
 * How long a job waits for others that are on their way. A commit costs as
 * much as some fifty results, whether they are in it or not; alone, a job
 * doesn't wait.
 */
#define PATIENCE_NS 8000000

STAILQ_HEAD(queue, writer_job);

struct writer {
	struct db *db;		       /* the writer's thread only */
	struct checkpoint *checkpoint; /* the same */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t arrived;	     /* with lock */
	struct queue jobs;	     /* lock */
	size_t waiting;		     /* lock; jobs that do */
	size_t expected;	     /* lock; more on their way */
	bool stopping;		     /* lock */
	struct queue finished;	     /* lock */
	int finished_fd;	     /* an eventfd; changes with lock */
	struct writer_counts counts; /* lock */
};

/* Moves jobs that wait behind the first n, of which most can be. */
static size_t
group_take(struct writer *w, struct writer_job **jobs, size_t n, size_t most)
{
	(void)pthread_mutex_lock(&w->lock);
	for (; n < most && w->waiting > 0; n++, w->waiting--) {
		jobs[n] = STAILQ_FIRST(&w->jobs);
		STAILQ_REMOVE_HEAD(&w->jobs, next);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

/*
 * Runs the first *n jobs in one transaction, up to the first that fails; with
 * them those that arrive meanwhile, as long as there are fewer than most.
 */
static enum rc
group_try(struct writer *w, struct writer_job **jobs, size_t *n, size_t most,
    struct err *e)
{
	enum rc rc;
	size_t i = 0;

	rc = db_begin(w->db, e);
	if (rc != RC_OK)
		return rc;
	while (rc == RC_OK && i < *n) {
		rc = jobs[i]->fn(w->db, jobs[i]->ctx, e);
		if (rc == RC_OK && ++i == *n)
			*n = group_take(w, jobs, *n, most);
	}
	if (rc == RC_OK)
		rc = db_commit(w->db, e);
	if (rc != RC_OK)
		db_rollback(w->db);
	return rc;
}

/*
 * Commits the group; when that fails, each job alone, so that one can't take
 * its neighbours down. A ledger that can't be written at all (RC_BUSY) isn't
 * tried once more for each of them. Returns how many jobs it became.
 */
static size_t
group_run(
    struct writer *w, struct writer_job **jobs, size_t n, uint64_t *commits)
{
	struct err e = ERR_INIT;
	size_t i, one = 1;
	enum rc rc;

	rc = group_try(w, jobs, &n, GROUP_MAX, &e);
	*commits = rc == RC_OK;
	for (i = 0; i < n; i++) {
		if (rc != RC_OK && rc != RC_BUSY && n > 1) {
			jobs[i]->rc =
			    group_try(w, &jobs[i], &one, 1, &jobs[i]->err);
			*commits += jobs[i]->rc == RC_OK;
			continue;
		}
		jobs[i]->rc = rc;
		if (rc != RC_OK)
			jobs[i]->err = e;
	}
	return n;
}

static bool
group_is_complete(const struct writer *w)
{
	return w->expected == 0 || w->waiting >= GROUP_MAX || w->stopping;
}

/* Waits for a job, and then for those that may share its commit. */
static void
group_wait(struct writer *w)
{
	struct timespec until;

	while (w->waiting == 0 && !w->stopping)
		(void)pthread_cond_wait(&w->arrived, &w->lock);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!group_is_complete(w) &&
	    pthread_cond_timedwait(&w->arrived, &w->lock, &until) == 0)
		;
}

/* Lets the jobs be taken; wakes who waits for that once for all of them. */
static void
group_finish(struct writer *w, struct writer_job **jobs, size_t n)
{
	bool none = STAILQ_EMPTY(&w->finished);
	size_t i;

	for (i = 0; i < n; i++) {
		w->counts.jobs += jobs[i]->rc == RC_OK;
		STAILQ_INSERT_TAIL(&w->finished, jobs[i], next);
	}
	if (none)
		(void)eventfd_write(w->finished_fd, 1);
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct writer_job *jobs[GROUP_MAX];
	uint64_t commits;
	size_t n;

	(void)pthread_setname_np(pthread_self(), "writer"); /* for top -H */
	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		group_wait(w);
		(void)pthread_mutex_unlock(&w->lock);
		n = group_take(w, jobs, 0, GROUP_MAX);
		if (n == 0)
			break;
		n = group_run(w, jobs, n, &commits);
		(void)pthread_mutex_lock(&w->lock);
		w->counts.commits += commits;
		group_finish(w, jobs, n);
		(void)pthread_mutex_unlock(&w->lock);
		checkpoint_after_commit(w->checkpoint);
		(void)pthread_mutex_lock(&w->lock);
	}
	return NULL;
}

/* A clock that nobody sets. */
static void
cond_init_monotonic(pthread_cond_t *cond)
{
	pthread_condattr_t attributes;

	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

static void
writer_free(struct writer *w)
{
	if (w->finished_fd >= 0)
		(void)close(w->finished_fd);
	checkpoint_stop(w->checkpoint);
	(void)pthread_cond_destroy(&w->arrived);
	(void)pthread_mutex_destroy(&w->lock);
	db_close(w->db);
	free(w);
}

enum rc
writer_start(struct writer **out, const char *path, int64_t busy_timeout_ms,
    struct err *e)
{
	struct writer *w;
	enum rc rc;

	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(e, RC_NO_MEMORY, "writer: no memory");
	(void)pthread_mutex_init(&w->lock, NULL);
	cond_init_monotonic(&w->arrived);
	STAILQ_INIT(&w->jobs);
	STAILQ_INIT(&w->finished);
	w->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = db_open(&w->db, path, DB_WRITE, busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = db_trust_references(w->db, e);
	if (rc == RC_OK && w->finished_fd < 0)
		rc = err_set(e, RC_IO, "eventfd: %s", strerror(errno));
	if (rc == RC_OK)
		rc = checkpoint_start(
		    &w->checkpoint, w->db, path, busy_timeout_ms, e);
	if (rc == RC_OK &&
	    pthread_create(&w->thread, NULL, writer_main, w) != 0)
		rc = err_set(e, RC_IO, "writer: can't start a thread");
	if (rc != RC_OK) {
		writer_free(w);
		return rc;
	}
	*out = w;
	return RC_OK;
}

void
writer_expect(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->expected++;
	(void)pthread_mutex_unlock(&w->lock);
}

/* One less is expected; the writer wakes when that is what it waits for. */
static void
expected_end(struct writer *w)
{
	CHECK(w->expected > 0);
	w->expected--;
	if (w->waiting > 0 && group_is_complete(w))
		(void)pthread_cond_signal(&w->arrived);
}

void
writer_expect_none(struct writer *w)
{
	(void)pthread_mutex_lock(&w->lock);
	expected_end(w);
	(void)pthread_mutex_unlock(&w->lock);
}

void
writer_submit(struct writer *w, struct writer_job *job)
{
	(void)pthread_mutex_lock(&w->lock);
	CHECK(!w->stopping);
	STAILQ_INSERT_TAIL(&w->jobs, job, next);
	if (w->waiting++ == 0)
		(void)pthread_cond_signal(&w->arrived);
	expected_end(w);
	(void)pthread_mutex_unlock(&w->lock);
}

struct writer_job *
writer_finished(struct writer *w)
{
	struct writer_job *job;
	eventfd_t n;

	(void)pthread_mutex_lock(&w->lock);
	job = STAILQ_FIRST(&w->finished);
	if (job != NULL) {
		STAILQ_REMOVE_HEAD(&w->finished, next);
		if (STAILQ_EMPTY(&w->finished))
			(void)eventfd_read(w->finished_fd, &n);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return job;
}

int
writer_finished_fd(const struct writer *w)
{
	return w->finished_fd;
}

void
writer_count(struct writer *w, struct writer_counts *out)
{
	(void)pthread_mutex_lock(&w->lock);
	*out = w->counts;
	(void)pthread_mutex_unlock(&w->lock);
}

void
writer_stop(struct writer *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_signal(&w->arrived);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_join(w->thread, NULL);
	writer_free(w);
}
