/*
 * Leaders and followers: how many threads wait for what arrives, and that
 * there is always one.
 */
#include <pthread.h>
#include <unistd.h>

#include "serve/leaders.h"
#include "t/tap.h"

#define FOLLOWERS 100
#define SETTLE_US 100000 /* for those that are about to wait */
#define TIMEOUT_S 60	 /* of the whole test, should it hang */

struct crowd {
	struct leaders leaders;
	pthread_barrier_t begun; /* the followers and main */
	pthread_barrier_t led;	 /* the followers */
	pthread_mutex_t lock;
	int n; /* lock; followers that have become leaders */
};

static void
lead(struct crowd *c)
{
	(void)pthread_barrier_wait(&c->begun);
	leader_join(&c->leaders);
	(void)pthread_mutex_lock(&c->lock);
	c->n++;
	(void)pthread_mutex_unlock(&c->lock);
}

/* Who has led is then at work until all others have led, too. */
static void *
lead_and_work(void *ctx)
{
	struct crowd *c = ctx;

	lead(c);
	leader_leave(&c->leaders);
	(void)pthread_barrier_wait(&c->led);
	return NULL;
}

/* Who leads goes on until all others lead, too. */
static void *
lead_on(void *ctx)
{
	struct crowd *c = ctx;

	lead(c);
	(void)pthread_barrier_wait(&c->led);
	leader_leave(&c->leaders);
	return NULL;
}

static void
leaders_join(struct crowd *c, size_t n)
{
	while (n-- > 0)
		leader_join(&c->leaders);
}

static void
leaders_leave(struct crowd *c, size_t n)
{
	while (n-- > 0)
		leader_leave(&c->leaders);
}

/* Starts followers; how many of them lead although they shouldn't. */
static int
followers_start(struct crowd *c, pthread_t all[static FOLLOWERS],
    void *(*follower_main)(void *))
{
	size_t i;
	int n;

	c->n = 0;
	for (i = 0; i < FOLLOWERS; i++)
		if (pthread_create(&all[i], NULL, follower_main, c) != 0)
			abort();
	(void)pthread_barrier_wait(&c->begun);
	(void)usleep(SETTLE_US);
	(void)pthread_mutex_lock(&c->lock);
	n = c->n;
	(void)pthread_mutex_unlock(&c->lock);
	return n;
}

static int
followers_end(struct crowd *c, pthread_t all[static FOLLOWERS])
{
	size_t i;

	for (i = 0; i < FOLLOWERS; i++)
		(void)pthread_join(all[i], NULL);
	return c->n;
}

int
main(void)
{
	struct crowd c = { .lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_t all[FOLLOWERS];
	size_t most;

	(void)alarm(TIMEOUT_S);
	(void)pthread_barrier_init(&c.begun, NULL, FOLLOWERS + 1);
	(void)pthread_barrier_init(&c.led, NULL, FOLLOWERS);
	leaders_init(&c.leaders);
	most = c.leaders.most;

	leaders_join(&c, most);
	tap_is_int(followers_start(&c, all, lead_and_work), 0,
	    "while as many lead as may, the others follow");
	leaders_leave(&c, most);
	tap_is_int(followers_end(&c, all), FOLLOWERS,
	    "when all leaders are at work, others lead, until none is left");

	leaders_join(&c, most);
	tap_is_int(followers_start(&c, all, lead_on), 0,
	    "and when some are back, the others follow again");
	leaders_all(&c.leaders);
	tap_is_int(followers_end(&c, all), FOLLOWERS, "at the end, all lead");

	leaders_leave(&c, most);
	leaders_free(&c.leaders);
	(void)pthread_barrier_destroy(&c.led);
	(void)pthread_barrier_destroy(&c.begun);
	return tap_done();
}
