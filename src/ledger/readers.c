#include "ledger/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

/* A thread that waits for a connection. */
struct borrower {
	struct db *db;		     /* lock; NULL: none yet */
	pthread_cond_t served;	     /* with lock */
	STAILQ_ENTRY(borrower) next; /* lock */
};

struct readers {
	pthread_mutex_t lock;
	STAILQ_HEAD(, borrower) waiting; /* lock; served in this order */
	size_t n_free;			 /* lock */
	struct db *free[];		 /* lock; last returned, first lent */
};

enum rc
readers_open(struct readers **out, const char *path, size_t n,
    int64_t busy_timeout_ms, struct err *e)
{
	struct readers *r = calloc(1, sizeof(*r) + n * sizeof(r->free[0]));
	enum rc rc = RC_OK;

	*out = NULL;
	if (r == NULL)
		return err_set(e, RC_NO_MEMORY, "readers: no memory");
	(void)pthread_mutex_init(&r->lock, NULL);
	STAILQ_INIT(&r->waiting);
	for (; rc == RC_OK && r->n_free < n; r->n_free += rc == RC_OK)
		rc = db_open(
		    &r->free[r->n_free], path, DB_READ, busy_timeout_ms, e);
	if (rc != RC_OK) {
		readers_close(r);
		return rc;
	}
	*out = r;
	return RC_OK;
}

void
readers_close(struct readers *r)
{
	if (r == NULL)
		return;
	while (r->n_free > 0)
		db_close(r->free[--r->n_free]);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

struct db *
readers_borrow(struct readers *r)
{
	struct borrower b = { .db = NULL };

	(void)pthread_mutex_lock(&r->lock);
	if (r->n_free > 0) {
		b.db = r->free[--r->n_free];
	} else {
		(void)pthread_cond_init(&b.served, NULL);
		STAILQ_INSERT_TAIL(&r->waiting, &b, next);
		while (b.db == NULL)
			(void)pthread_cond_wait(&b.served, &r->lock);
		(void)pthread_cond_destroy(&b.served);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return b.db;
}

void
readers_return(struct readers *r, struct db *db)
{
	struct borrower *b;

	(void)pthread_mutex_lock(&r->lock);
	b = STAILQ_FIRST(&r->waiting);
	if (b != NULL) {
		STAILQ_REMOVE_HEAD(&r->waiting, next);
		b->db = db;
		(void)pthread_cond_signal(&b->served);
	} else {
		r->free[r->n_free++] = db;
	}
	(void)pthread_mutex_unlock(&r->lock);
}
