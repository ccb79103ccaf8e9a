#include "ledger/readers.h"

#include <pthread.h>
#include <stdlib.h>

struct readers {
	pthread_mutex_t lock;
	pthread_cond_t returned; /* with lock */
	size_t n_free;		 /* lock */
	struct db *free[];	 /* lock; last returned, first lent */
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
	(void)pthread_cond_init(&r->returned, NULL);
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
	(void)pthread_cond_destroy(&r->returned);
	(void)pthread_mutex_destroy(&r->lock);
	free(r);
}

struct db *
readers_borrow(struct readers *r)
{
	struct db *db;

	(void)pthread_mutex_lock(&r->lock);
	while (r->n_free == 0)
		(void)pthread_cond_wait(&r->returned, &r->lock);
	db = r->free[--r->n_free];
	(void)pthread_mutex_unlock(&r->lock);
	return db;
}

void
readers_return(struct readers *r, struct db *db)
{
	(void)pthread_mutex_lock(&r->lock);
	r->free[r->n_free++] = db;
	(void)pthread_cond_signal(&r->returned);
	(void)pthread_mutex_unlock(&r->lock);
}
