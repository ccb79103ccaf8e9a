#include "ledger/writer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ledger/checkpoint.h"

#define GROUP_MAX 256 /* jobs in a transaction: bounds its time */
/*
 * How long a job waits for others that are on their way. A commit costs as
 * much as some fifty results, whether they are in it or not; alone, a job
 * doesn't wait.
 */
#define PATIENCE_NS 8000000

struct job {
	writer_job_fn *fn;
	void *ctx;
	struct err *err;
	enum rc rc;		 /* lock */
	bool done;		 /* lock */
	pthread_cond_t finished; /* with lock */
	struct job *next;	 /* lock */
};

struct writer {
	struct db *db;		       /* the writer's thread only */
	struct checkpoint *checkpoint; /* the same */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t arrived;	     /* with lock */
	struct job *first;	     /* lock */
	struct job **last;	     /* lock */
	size_t waiting;		     /* lock; jobs from first on */
	size_t expected;	     /* lock; more on their way */
	bool stopping;		     /* lock */
	struct writer_counts counts; /* lock */
};

/* Moves jobs that wait behind the first n, of which most can be. */
static size_t
group_take(struct writer *w, struct job **jobs, size_t n, size_t most)
{
	(void)pthread_mutex_lock(&w->lock);
	for (; n < most && w->first != NULL; n++, w->waiting--) {
		jobs[n] = w->first;
		w->first = w->first->next;
	}
	if (w->first == NULL)
		w->last = &w->first;
	(void)pthread_mutex_unlock(&w->lock);
	return n;
}

/*
 * Runs the first *n jobs in one transaction, up to the first that fails; with
 * them those that arrive meanwhile, as long as there are fewer than most.
 */
static enum rc
group_try(
    struct writer *w, struct job **jobs, size_t *n, size_t most, struct err *e)
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
group_run(struct writer *w, struct job **jobs, enum rc *rcs, size_t n,
    uint64_t *commits)
{
	struct err e = ERR_INIT;
	size_t i, one = 1;
	enum rc rc;

	rc = group_try(w, jobs, &n, GROUP_MAX, &e);
	*commits = rc == RC_OK;
	for (i = 0; i < n; i++) {
		if (rc != RC_OK && rc != RC_BUSY && n > 1) {
			rcs[i] = group_try(w, &jobs[i], &one, 1, jobs[i]->err);
			*commits += rcs[i] == RC_OK;
			continue;
		}
		rcs[i] = rc;
		if (rc != RC_OK && jobs[i]->err != NULL)
			*jobs[i]->err = e;
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

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct job *jobs[GROUP_MAX];
	enum rc rcs[GROUP_MAX];
	uint64_t commits;
	size_t i, n;

	(void)pthread_setname_np(pthread_self(), "writer"); /* for top -H */
	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		group_wait(w);
		(void)pthread_mutex_unlock(&w->lock);
		n = group_take(w, jobs, 0, GROUP_MAX);
		if (n == 0)
			break;
		n = group_run(w, jobs, rcs, n, &commits);
		(void)pthread_mutex_lock(&w->lock);
		w->counts.commits += commits;
		for (i = 0; i < n; i++) {
			w->counts.jobs += rcs[i] == RC_OK;
			jobs[i]->rc = rcs[i];
			jobs[i]->done = true;
			(void)pthread_cond_signal(&jobs[i]->finished);
		}
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
	w->last = &w->first;
	rc = db_open(&w->db, path, DB_WRITE, busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = checkpoint_start(
		    &w->checkpoint, w->db, path, busy_timeout_ms, e);
	if (rc != RC_OK) {
		db_close(w->db);
		free(w);
		return rc;
	}
	(void)pthread_mutex_init(&w->lock, NULL);
	cond_init_monotonic(&w->arrived);
	if (pthread_create(&w->thread, NULL, writer_main, w) != 0) {
		rc = err_set(e, RC_IO, "writer: can't start a thread");
		checkpoint_stop(w->checkpoint);
		db_close(w->db);
		free(w);
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

enum rc
writer_run(struct writer *w, writer_job_fn *fn, void *ctx, struct err *e)
{
	struct job job = { .fn = fn, .ctx = ctx, .err = e };

	(void)pthread_cond_init(&job.finished, NULL);
	(void)pthread_mutex_lock(&w->lock);
	CHECK(!w->stopping);
	*w->last = &job;
	w->last = &job.next;
	if (w->waiting++ == 0)
		(void)pthread_cond_signal(&w->arrived);
	expected_end(w);
	while (!job.done)
		(void)pthread_cond_wait(&job.finished, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	(void)pthread_cond_destroy(&job.finished);
	return job.rc;
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
	(void)pthread_cond_destroy(&w->arrived);
	(void)pthread_mutex_destroy(&w->lock);
	checkpoint_stop(w->checkpoint);
	db_close(w->db);
	free(w);
}
