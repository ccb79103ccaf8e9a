#include "serve/leaders.h"

#include <stdint.h>

#include "base/processors.h"

/*
 * As many as can compute at once, and one that sees what arrives meanwhile:
 * with fewer, a follower is woken too often, with more, leaders.
 */
static size_t
leaders_most(void)
{
	return processors_count() + 1;
}

void
leaders_init(struct leaders *l)
{
	*l = (struct leaders){ .most = leaders_most() };
	(void)pthread_mutex_init(&l->lock, NULL);
	(void)pthread_cond_init(&l->wanted, NULL);
}

void
leaders_free(struct leaders *l)
{
	(void)pthread_cond_destroy(&l->wanted);
	(void)pthread_mutex_destroy(&l->lock);
}

void
leader_join(struct leaders *l)
{
	(void)pthread_mutex_lock(&l->lock);
	while (l->n >= l->most)
		(void)pthread_cond_wait(&l->wanted, &l->lock);
	l->n++;
	(void)pthread_mutex_unlock(&l->lock);
}

void
leader_leave(struct leaders *l)
{
	(void)pthread_mutex_lock(&l->lock);
	if (--l->n == 0)
		(void)pthread_cond_signal(&l->wanted);
	(void)pthread_mutex_unlock(&l->lock);
}

void
leaders_all(struct leaders *l)
{
	(void)pthread_mutex_lock(&l->lock);
	l->most = SIZE_MAX;
	(void)pthread_cond_broadcast(&l->wanted);
	(void)pthread_mutex_unlock(&l->lock);
}
