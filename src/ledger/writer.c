#include "ledger/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Jobs in a transaction, at most: it bounds how long a transaction takes. */
#define GROUP_MAX 64

/*
 * How long jobs wait for others that are expected. A commit costs the processor
 * as much as some fifty results, whether they are in it or not; a job that
 * nobody else is expected beside doesn't wait.
 */
#define PATIENCE_NS 8000000

STAILQ_HEAD(queue, writer_job);

struct writer {
	struct db *db; /* the writer's thread only */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t arrived;	     /* with lock */
	struct queue jobs;	     /* lock; they wait */
	size_t n_jobs;		     /* lock; of them */
	size_t n_expected;	     /* lock; may come in a moment */
	bool stopping;		     /* lock */
	struct queue finished;	     /* lock */
	int finished_fd;	     /* an eventfd; changes with lock */
	struct writer_counts counts; /* lock */
};

/* The jobs of one transaction, on the writer's thread only. */
struct group {
	struct writer_job *jobs[GROUP_MAX];
	size_t n;
	uint64_t commit_us; /* how long that took */
};

/* Adds jobs that wait, as many as the group has room for. */
static void
group_fill(struct writer *w, struct group *g)
{
	(void)pthread_mutex_lock(&w->lock);
	for (; g->n < GROUP_MAX && w->n_jobs > 0; w->n_jobs--) {
		g->jobs[g->n] = STAILQ_FIRST(&w->jobs);
		g->jobs[g->n++]->rc = RC_OK;
		STAILQ_REMOVE_HEAD(&w->jobs, next);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

/* Gives the transaction's error to the jobs that have none of their own. */
static void
group_fail(struct group *g, const struct err *e)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->jobs[i]->rc == RC_OK) {
			g->jobs[i]->rc = e->rc;
			g->jobs[i]->err = *e;
		}
}

/* Runs a job as a savepoint. False: with it the whole transaction ended. */
static bool
job_run(struct db *db, struct writer_job *job)
{
	struct err *e = &job->err;

	*e = (struct err)ERR_INIT;
	job->rc = db_step_begin(db, e);
	if (job->rc == RC_OK)
		job->rc = job->fn(db, job->ctx, e);
	job->rc = db_step_end(db, job->rc, e);
	return db_in_transaction(db);
}

static uint64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static enum rc
group_commit(struct writer *w, struct group *g, struct err *e)
{
	uint64_t began_us = now_us();
	enum rc rc = db_commit(w->db, e);

	g->commit_us = now_us() - began_us;
	return rc;
}

static void
count_commit(struct writer_counts *c, uint64_t commit_us)
{
	uint64_t limit_us = WRITER_COMMIT_LEAST_US;
	size_t i;

	c->commits++;
	c->commit_us += commit_us;
	for (i = 0; i < WRITER_BUCKETS && commit_us > limit_us; i++)
		limit_us *= 2;
	if (i < WRITER_BUCKETS)
		c->buckets[i]++;
}

/*
 * Runs the jobs that haven't failed before, and those that arrive meanwhile, in
 * one transaction. False: one of them has ended it, and is marked as failed.
 */
static bool
group_try(struct writer *w, struct group *g)
{
	struct err e = ERR_INIT;
	bool goes_on = true;
	enum rc rc;
	size_t i;

	rc = db_begin(w->db, &e);
	for (i = 0; rc == RC_OK && goes_on && i < g->n; i++) {
		if (g->jobs[i]->rc == RC_OK)
			goes_on = job_run(w->db, g->jobs[i]);
		if (i + 1 == g->n)
			group_fill(w, g);
	}
	if (!goes_on)
		return false;
	if (rc == RC_OK)
		rc = group_commit(w, g, &e);
	if (rc != RC_OK) {
		db_rollback(w->db);
		group_fail(g, &e);
	}
	return true;
}

/* Lets the jobs be taken; wakes who waits for that once for all of them. */
static void
group_finish(struct writer *w, struct group *g)
{
	bool none, committed = false;
	size_t i;

	(void)pthread_mutex_lock(&w->lock);
	none = STAILQ_EMPTY(&w->finished);
	for (i = 0; i < g->n; i++) {
		w->counts.jobs += g->jobs[i]->rc == RC_OK;
		committed |= g->jobs[i]->rc == RC_OK;
		STAILQ_INSERT_TAIL(&w->finished, g->jobs[i], next);
	}
	if (committed)
		count_commit(&w->counts, g->commit_us);
	if (none)
		(void)eventfd_write(w->finished_fd, 1);
	(void)pthread_mutex_unlock(&w->lock);
}

static bool
group_is_complete(const struct writer *w)
{
	return w->n_expected == 0 || w->n_jobs >= GROUP_MAX || w->stopping;
}

/* Waits for a job, and then for those that may share its commit; false when
 * there is none and will be none. */
static bool
wait_for_jobs(struct writer *w)
{
	struct timespec until;
	bool any;

	(void)pthread_mutex_lock(&w->lock);
	while (w->n_jobs == 0 && !w->stopping)
		(void)pthread_cond_wait(&w->arrived, &w->lock);
	any = w->n_jobs > 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PATIENCE_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!group_is_complete(w) &&
	    pthread_cond_timedwait(&w->arrived, &w->lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&w->lock);
	return any;
}

static void *
writer_main(void *arg)
{
	struct writer *w = arg;
	struct group g;

	(void)pthread_setname_np(pthread_self(), "writer"); /* for top -H */
	while (wait_for_jobs(w)) {
		g.n = 0;
		group_fill(w, &g);
		/* Each time it has to be tried again, one job less is left. */
		while (!group_try(w, &g))
			;
		group_finish(w, &g);
		db_idle(w->db);
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
	rc = RC_OK;
	if (w->finished_fd < 0)
		rc = err_set(e, RC_IO, "eventfd: %s", strerror(errno));
	if (rc == RC_OK)
		rc = db_open(&w->db, path, DB_WRITE, busy_timeout_ms, e);
	if (rc == RC_OK)
		rc = db_trust_references(w->db, e);
	if (rc == RC_OK) {
		/* From here on it checkpoints between transactions only. */
		db_idle(w->db);
		if (pthread_create(&w->thread, NULL, writer_main, w) != 0)
			rc = err_set(e, RC_IO, "writer: can't start a thread");
	}
	if (rc != RC_OK) {
		writer_free(w);
		return rc;
	}
	*out = w;
	return RC_OK;
}

void
writer_expect(struct writer *w, struct writer_job *job)
{
	job->expected = true;
	(void)pthread_mutex_lock(&w->lock);
	w->n_expected++;
	(void)pthread_mutex_unlock(&w->lock);
}

/* It has come, or won't; the writer wakes when that is what it waits for. */
static void
expected_end(struct writer *w, struct writer_job *job)
{
	if (!job->expected)
		return;
	job->expected = false;
	w->n_expected--;
	if (w->n_jobs > 0 && group_is_complete(w))
		(void)pthread_cond_signal(&w->arrived);
}

void
writer_expect_none(struct writer *w, struct writer_job *job)
{
	(void)pthread_mutex_lock(&w->lock);
	expected_end(w, job);
	(void)pthread_mutex_unlock(&w->lock);
}

void
writer_submit(struct writer *w, struct writer_job *job)
{
	(void)pthread_mutex_lock(&w->lock);
	CHECK(!w->stopping);
	STAILQ_INSERT_TAIL(&w->jobs, job, next);
	if (w->n_jobs++ == 0)
		(void)pthread_cond_signal(&w->arrived);
	expected_end(w, job);
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
