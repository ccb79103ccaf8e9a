#include "ledger/checkpoint.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

/*
 * How long the writer waits for those who read the log, when it could end. The
 * requests of a busy moment outlast the first; the second, at the log's bound,
 * only what isn't a request.
 */
#define READERS_WAIT_MS	      5
#define READERS_WAIT_FULL_MS  200
#define CHECKPOINT_FULL_PAGES (CHECKPOINT_PAGES + CHECKPOINT_AHEAD_PAGES)

/* Whose turn it is. */
enum state {
	WAITING, /* nobody's: for enough pages */
	MOVING,	 /* the thread's: it is at it, or about to be */
	MOVED,	 /* the writer's: the rest */
	STOPPING,
};

struct checkpoint {
	struct db *writer;  /* the writer's thread only */
	int64_t done_pages; /* the same: of the log, when last dealt with */
	struct db *db;	    /* this thread only */
	bool failing;	    /* theirs whose turn it is: it was said */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* with lock: state */
	enum state state;	/* lock */
};

/* Says so once, until the ledger's log has begun anew. */
static void
note_failure(struct checkpoint *c, const char *why)
{
	if (!c->failing)
		log_error("the ledger's log grows: %s", why);
	c->failing = true;
}

static void
note_end_of_log(struct checkpoint *c)
{
	if (c->failing)
		log_notice("the ledger's log has begun anew");
	c->failing = false;
}

/* True when the rest is the writer's; else all is tried again later. */
static bool
most_move(struct checkpoint *c)
{
	struct err e = ERR_INIT;
	bool done;

	if (db_checkpoint(c->db, &done, &e) == RC_OK)
		return done;
	note_failure(c, e.msg);
	return false;
}

static void
rest_move(struct checkpoint *c, int64_t pages)
{
	const bool full = pages >= CHECKPOINT_FULL_PAGES;
	const int wait_ms = full ? READERS_WAIT_FULL_MS : READERS_WAIT_MS;
	struct err e = ERR_INIT;
	bool done;

	if (db_checkpoint_all(c->writer, wait_ms, &done, &e) != RC_OK)
		note_failure(c, e.msg);
	else if (done)
		note_end_of_log(c);
	else if (full)
		note_failure(c, "somebody reads it in one long transaction");
}

static void *
checkpoint_main(void *arg)
{
	struct checkpoint *c = arg;
	bool moved;

	(void)pthread_setname_np(pthread_self(), "checkpoint");
	(void)pthread_mutex_lock(&c->lock);
	while (c->state != STOPPING) {
		if (c->state != MOVING) {
			(void)pthread_cond_wait(&c->changed, &c->lock);
			continue;
		}
		(void)pthread_mutex_unlock(&c->lock);
		moved = most_move(c);
		(void)pthread_mutex_lock(&c->lock);
		if (c->state == MOVING)
			c->state = moved ? MOVED : WAITING;
		(void)pthread_cond_signal(&c->changed);
	}
	(void)pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void
checkpoint_free(struct checkpoint *c)
{
	(void)pthread_cond_destroy(&c->changed);
	(void)pthread_mutex_destroy(&c->lock);
	db_close(c->db);
	free(c);
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
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_cond_init(&c->changed, NULL);
	rc = db_open(&c->db, path, DB_WRITE, busy_timeout_ms, e);
	if (rc == RC_OK &&
	    pthread_create(&c->thread, NULL, checkpoint_main, c) != 0)
		rc = err_set(e, RC_IO, "checkpoint: can't start a thread");
	if (rc != RC_OK) {
		checkpoint_free(c);
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
take_turn(struct checkpoint *c, int64_t pages)
{
	int64_t more = pages - c->done_pages;
	bool moved;

	(void)pthread_mutex_lock(&c->lock);
	while (c->state == MOVING && more >= CHECKPOINT_AHEAD_PAGES)
		(void)pthread_cond_wait(&c->changed, &c->lock);
	moved = c->state == MOVED;
	if (c->state == WAITING && more >= CHECKPOINT_PAGES) {
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
	if (!take_turn(c, pages))
		return;
	rest_move(c, pages);
	c->done_pages = pages;
	(void)pthread_mutex_lock(&c->lock);
	c->state = WAITING;
	(void)pthread_mutex_unlock(&c->lock);
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
	checkpoint_free(c);
}
