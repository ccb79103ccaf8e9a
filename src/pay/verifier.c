#include "pay/verifier.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/processors.h"

/*
 * A thread for each core: the run itself does little but wait. More than
 * four would outrun any facilitator.
 */
#define THREADS_MAX 4

/*
 * Where cores are scarce, the run, its nodes' and its vault's turn comes
 * first: each payment waits for them, and for these threads only when nothing
 * is verified ahead.
 */
#define VERIFIER_NICE 10

struct slot {
	bool done;
	struct verified verified;
};

struct verifier {
	struct address treasury;
	struct evidence_rules rules; /* but for the time */
	const struct payee *payees;
	size_t n;
	size_t ahead; /* slots; payee i is in slot i % ahead */
	int ready_fd; /* an eventfd, 1 while the next one is done */
	pthread_mutex_t lock;
	pthread_cond_t room;	     /* with lock: taken has grown, or stop */
	size_t started;		     /* lock; payees that a thread has taken */
	size_t taken;		     /* lock; by verifier_next */
	atomic_bool stop;	     /* changes with lock */
	struct slot *slots;	     /* owned; lock, but for those in hand */
	struct db *dbs[THREADS_MAX]; /* owned; each its thread's */
	pthread_t threads[THREADS_MAX];
	size_t count; /* of the threads that run */
};

struct job {
	struct verifier *verifier;
	struct db *db;
};

/* With the lock: the next payee to be verified; false: there is none. */
static bool
take_payee(struct verifier *v, size_t *i)
{
	while (
	    !v->stop && v->started < v->n && v->started - v->taken >= v->ahead)
		CHECK(pthread_cond_wait(&v->room, &v->lock) == 0);
	if (v->stop || v->started == v->n)
		return false;
	*i = v->started++;
	return true;
}

static void
ready_set(struct verifier *v)
{
	CHECK(eventfd_write(v->ready_fd, 1) == 0);
}

static void *
verify_all(void *arg)
{
	struct job job = *(struct job *)arg;
	struct verifier *v = job.verifier;
	struct evidence_rules rules = v->rules;
	struct slot *slot;
	size_t i;

	(void)!nice(VERIFIER_NICE); /* Linux: this thread's */
	free(arg);
	(void)pthread_mutex_lock(&v->lock);
	while (take_payee(v, &i)) {
		slot = &v->slots[i % v->ahead];
		(void)pthread_mutex_unlock(&v->lock);
		rules.now_ms = clock_unix_ms();
		slot->verified.rc = evidence_verify(job.db, &rules,
		    v->payees[i].worker_id, &v->payees[i].worker, &v->treasury,
		    &slot->verified.evidence, &slot->verified.cause);
		(void)pthread_mutex_lock(&v->lock);
		slot->done = true;
		if (i == v->taken)
			ready_set(v);
	}
	(void)pthread_mutex_unlock(&v->lock);
	return NULL;
}

static size_t
threads_for(size_t n)
{
	size_t threads = processors_count();

	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	return threads < n ? threads : n;
}

static enum rc
thread_start(struct verifier *v, const struct conf *c, struct err *e)
{
	struct db **db = &v->dbs[v->count];
	struct job *job;
	enum rc rc;

	rc = db_open(db, c->ledger_path, DB_READ, c->busy_timeout_ms, e);
	if (rc != RC_OK)
		return rc;
	job = malloc(sizeof(*job));
	if (job == NULL)
		return err_set(e, RC_NO_MEMORY, "verifier: no memory");
	*job = (struct job){ v, *db };
	if (pthread_create(&v->threads[v->count], NULL, verify_all, job) != 0) {
		free(job);
		return err_set(e, RC_IO, "verifier: no thread");
	}
	v->count++;
	return RC_OK;
}

enum rc
verifier_new(struct verifier **out, const struct conf *c,
    const struct address *treasury, const struct payee *payees, size_t n,
    size_t ahead, struct err *e)
{
	struct verifier *v = calloc(1, sizeof(*v));
	size_t threads = threads_for(n);
	enum rc rc = RC_OK;

	*out = NULL;
	CHECK(n > 0 && ahead > 0);
	if (v == NULL)
		return err_set(e, RC_NO_MEMORY, "verifier: no memory");
	CHECK(pthread_mutex_init(&v->lock, NULL) == 0);
	CHECK(pthread_cond_init(&v->room, NULL) == 0);
	v->treasury = *treasury;
	v->rules = (struct evidence_rules){
		.max_reward_micros = c->payout_max_reward_micros,
		.max_day_micros = c->payout_max_per_worker_day_micros,
		.stop = &v->stop,
	};
	v->payees = payees;
	v->n = n;
	v->ahead = ahead < threads ? threads : ahead;
	v->slots = calloc(v->ahead, sizeof(*v->slots));
	v->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->slots == NULL)
		rc = err_set(e, RC_NO_MEMORY, "verifier: no memory");
	else if (v->ready_fd < 0)
		rc = err_set(e, RC_IO, "eventfd: %s", strerror(errno));
	while (rc == RC_OK && v->count < threads)
		rc = thread_start(v, c, e);
	if (rc != RC_OK) {
		verifier_free(v);
		return rc;
	}
	*out = v;
	return RC_OK;
}

void
verifier_free(struct verifier *v)
{
	size_t i;

	if (v == NULL)
		return;
	(void)pthread_mutex_lock(&v->lock);
	v->stop = true;
	(void)pthread_cond_broadcast(&v->room);
	(void)pthread_mutex_unlock(&v->lock);
	for (i = 0; i < v->count; i++)
		CHECK(pthread_join(v->threads[i], NULL) == 0);
	for (i = 0; i < THREADS_MAX; i++)
		db_close(v->dbs[i]);
	if (v->ready_fd >= 0)
		(void)close(v->ready_fd);
	(void)pthread_cond_destroy(&v->room);
	(void)pthread_mutex_destroy(&v->lock);
	free(v->slots);
	free(v);
}

int
verifier_fd(const struct verifier *v)
{
	return v->ready_fd;
}

bool
verifier_next(struct verifier *v, struct verified *out)
{
	struct slot *slot;
	eventfd_t was;
	bool done;

	(void)pthread_mutex_lock(&v->lock);
	slot = &v->slots[v->taken % v->ahead];
	done = slot->done;
	if (done) {
		*out = slot->verified;
		*slot = (struct slot){ .done = false };
		v->taken++;
		CHECK(eventfd_read(v->ready_fd, &was) == 0);
		if (v->slots[v->taken % v->ahead].done)
			ready_set(v);
		(void)pthread_cond_signal(&v->room);
	}
	(void)pthread_mutex_unlock(&v->lock);
	return done;
}
