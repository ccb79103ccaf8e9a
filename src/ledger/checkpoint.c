#include "ledger/checkpoint.h"

#include <pthread.h>
#include <stdlib.h>

/* How long the writer waits for those who read the log, when it could end. */
#define READERS_WAIT_MS 5

enum state {
	WAITING, /* for enough pages */
	MOVING,	 /* the thread is at it, or about to be */
	MOVED,	 /* the rest is the writer's */
	STOPPING,
};

struct checkpoint {
	struct db *writer;  /* the writer's thread only */
	int64_t done_pages; /* the same: of the log, when last dealt with */
	struct db *db;	    /* this thread only */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* with lock: state */
	enum state state;	/* lock */
};

static void *
checkpoint_main(void *arg)
{
	struct checkpoint *c = arg;

	(void)pthread_setname_np(pthread_self(), "checkpoint");
	(void)pthread_mutex_lock(&c->lock);
	while (c->state != STOPPING) {
		if (c->state != MOVING) {
			(void)pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&c->lock);
		/* What it can't move stays in the log, as safe as before. */
		(void)!db_checkpoint(c->db, NULL);
		(void)pthread_mutex_lock(&c->lock);
		if (c->state == MOVING)
			c->state = MOVED;
		(void)pthread_cond_signal(&c->changed);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

enum rc
checkpoint_start(struct checkpoint **out, struct db *writer, const char *path,
    int64_t busy_timeout_ms, struct err *e)
{
	struct checkpoint *c;
	enum rc rc;

	*out = NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_set(e, RC_NO_MEMORY, "checkpoint: no memory");
	c->writer = writer;
	rc = db_open(&c->db, path, DB_WRITE, busy_timeout_ms, e);
	if (rc != RC_OK) {
		free(c);
		return rc;
	}
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->changed, NULL);
	if (pthread_create(&c->thread, NULL, checkpoint_main, c) != 0) {
		rc = err_set(e, RC_IO, "checkpoint: can't start a thread");
		db_close(c->db);
		free(c);
		return rc;
	}
	db_checkpoint_by_hand(writer);
	*out = c;
	return RC_OK;
}

/*
 * Wakes the thread when there is enough for it, waits for it when it can't keep
 * up, and takes over from it: true when the rest is the writer's.
 */
static bool
work_share(struct checkpoint *c, int64_t pages)
{
	bool moved;

	(void)pthread_mutex_lock(&c->lock);
	while (c->state == MOVING &&
	    pages - c->done_pages >= CHECKPOINT_AHEAD_PAGES)
		(void)pthread_cond_wait(&c->changed, &c->lock);
	moved = c->state == MOVED;
	if (moved) {
		c->state = WAITING;
	} else if (c->state == WAITING &&
	    pages - c->done_pages >= CHECKPOINT_PAGES) {
		c->state = MOVING;
		c->done_pages = pages;
		(void)pthread_cond_signal(&c->changed);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return moved;
}

void
checkpoint_after_commit(struct checkpoint *c)
{
	int64_t pages = db_log_pages(c->writer);

	if (pages < c->done_pages) /* it has begun anew */
		c->done_pages = 0;
	/* When it has begun anew, there was no rest. */
	if (work_share(c, pages) && c->done_pages > 0) {
		(void)!db_checkpoint_all(c->writer, READERS_WAIT_MS, NULL);
		c->done_pages = pages;
	}
}

void
checkpoint_stop(struct checkpoint *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_lock(&c->lock);
	c->state = STOPPING;
	(void)pthread_cond_signal(&c->changed);
	(void)pthread_mutex_unlock(&c->lock);
	(void)pthread_join(c->thread, NULL);
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
	db_close(c->db);
	free(c);
}
