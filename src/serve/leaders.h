/*
 * Leaders and followers: of the threads that have nothing to do, a few, the
 * leaders, wait for what arrives, and the others wait to become one. What
 * arrives at once then wakes a few threads, which answer one request after
 * the other, where it would wake one for each. When all leaders are at work,
 * and perhaps wait for a disk or a peer, a follower takes their place. Any
 * thread.
 */
#ifndef WORKNET_SERVE_LEADERS_H
#define WORKNET_SERVE_LEADERS_H

#include <pthread.h>
#include <stddef.h>

struct leaders {
	pthread_mutex_t lock;
	pthread_cond_t
	    wanted;  /* with lock: no leader is left, or more may be */
	size_t n;    /* lock */
	size_t most; /* lock */
};

void leaders_init(struct leaders *l);
void leaders_free(struct leaders *l);

/* Waits until the calling thread may be a leader. Then leader_leave follows. */
void leader_join(struct leaders *l);
void leader_leave(struct leaders *l);

/* From now on nobody waits to become one. */
void leaders_all(struct leaders *l);

#endif
