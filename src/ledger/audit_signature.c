/* The audit of signatures, spread over the cores of the machine. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/processors.h"
#include "eth/attest.h"
#include "ledger/audit_part.h"

#define CHUNK	    2000 /* results that a thread takes at once */
#define THREADS_MAX 256

/* What the threads share. */
struct pool {
	struct audit *a;
	pthread_mutex_t lock;
	int64_t next;	/* lock; first slot not taken */
	int64_t done;	/* lock; results */
	bool finished;	/* lock; all slots are taken */
	enum rc rc;	/* lock; the first failure */
	struct err err; /* lock */
};

/* Slots from first to last, both included. */
struct chunk {
	int64_t first;
	int64_t last;
};

static void
pool_fail(struct pool *p, enum rc rc, const struct err *e)
{
	(void)pthread_mutex_lock(&p->lock);
	if (p->rc == RC_OK) {
		p->rc = rc;
		p->err = *e;
	}
	p->finished = true;
	(void)pthread_mutex_unlock(&p->lock);
}

/*
 * Takes the next results; false when none are left. They are counted, not
 * their numbers: a forged slot far away doesn't make a long way.
 */
static bool
chunk_take(struct pool *p, struct db *db, struct chunk *c, struct err *e)
{
	struct query *q = db_query(db, Q_AUDIT_CHUNK);
	enum rc rc = RC_OK;
	bool taken;

	(void)pthread_mutex_lock(&p->lock);
	taken = !p->finished;
	if (taken) {
		c->first = p->next;
		query_int(q, 1, c->first - 1);
		query_int(q, 2, CHUNK - 1);
		rc = query_one_int(q, &c->last, e);
		if (rc == RC_NOT_FOUND) {
			c->last = INT64_MAX;
			rc = RC_OK;
		}
		p->finished = c->last == INT64_MAX;
		if (!p->finished)
			p->next = c->last + 1;
	}
	(void)pthread_mutex_unlock(&p->lock);
	if (rc != RC_OK) {
		pool_fail(p, rc, e);
		return false;
	}
	return taken;
}

static void
signature_check(struct audit *a, struct query *q)
{
	int64_t form = query_get_int(q, C_AUDIT_SIGNATURE_ADDRESS_FORM);
	struct attestation t = { .task_id =
				     query_get_text(q, C_AUDIT_SIGNATURE_TASK),
		.timestamp_ms =
		    query_get_int(q, C_AUDIT_SIGNATURE_TIMESTAMP_MS),
		.success = query_get_int(q, C_AUDIT_SIGNATURE_SUCCESS) != 0,
		.form = (enum address_form)form };

	/* Nobody can have signed it: then it is as if of no task. */
	if (form < ADDRESS_CHECKSUM || form > ADDRESS_UPPER ||
	    address_parse(&t.worker, NULL,
		query_get_text(q, C_AUDIT_SIGNATURE_WORKER), NULL) != RC_OK)
		t.task_id = slice_of("");
	rule_signature(&a->rules, query_get_int(q, C_AUDIT_SIGNATURE_SLOT), &t,
	    query_get_bytes(q, C_AUDIT_SIGNATURE_SIGNATURE));
}

static enum rc
chunk_check(struct pool *p, struct db *db, const struct chunk *c, struct err *e)
{
	struct query *q = db_query(db, Q_AUDIT_SIGNATURE);
	int64_t n = 0, done;
	enum rc rc;
	bool row;

	query_int(q, 1, c->first);
	query_int(q, 2, c->last);
	query_int(q, 3, p->a->report->newest.last_id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		signature_check(p->a, q);
		n++;
	}
	query_done(q);
	(void)pthread_mutex_lock(&p->lock);
	p->done += n;
	done = p->done;
	(void)pthread_mutex_unlock(&p->lock);
	audit_checked(p->a, AUDIT_SIGNATURE, n);
	audit_tick(p->a, "signatures", done, p->a->report->results);
	return rc;
}

static void *
thread_main(void *arg)
{
	const struct audit_options *o;
	struct err e = ERR_INIT;
	struct pool *p = arg;
	struct chunk c;
	struct db *db;
	enum rc rc;

	o = p->a->o;
	rc = db_open(&db, o->path, DB_READ, o->busy_timeout_ms, &e);
	while (rc == RC_OK && chunk_take(p, db, &c, &e))
		rc = chunk_check(p, db, &c, &e);
	if (rc != RC_OK)
		pool_fail(p, rc, &e);
	db_close(db);
	return NULL;
}

static unsigned
threads_wanted(const struct audit *a)
{
	unsigned n = a->o->threads;

	if (n == 0)
		n = (unsigned)processors_count();
	return n < THREADS_MAX ? n : THREADS_MAX;
}

/*
 * A transfer's results are written with it and never changed, so all that
 * transfers up to the newest one of the audit's state have paid are the very
 * results of that state, whichever state a thread sees.
 */
enum rc
audit_signatures(struct audit *a, struct err *e)
{
	struct pool p = { .a = a, .next = INT64_MIN + 1, .rc = RC_OK };
	pthread_t threads[THREADS_MAX];
	unsigned i, n, wanted = threads_wanted(a);

	(void)pthread_mutex_init(&p.lock, NULL);
	for (n = 0; n < wanted; n++)
		if (pthread_create(&threads[n], NULL, thread_main, &p) != 0)
			break;
	for (i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_mutex_destroy(&p.lock);
	if (n == 0)
		return err_set(e, RC_IO, "audit: can't start a thread");
	if (p.rc != RC_OK && e != NULL)
		*e = p.err;
	return p.rc;
}
