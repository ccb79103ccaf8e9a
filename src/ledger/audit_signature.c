/*
 * The audit of signatures, spread over the cores of the machine: whole credits,
 * since a round is signed at once.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/processors.h"
#include "ledger/audit_part.h"
#include "ledger/signed.h"

#define CHUNK	    2000 /* results that a thread takes at once, at least */
#define THREADS_MAX 256

/* What the threads share. */
struct pool {
	struct audit *a;
	pthread_mutex_t lock;
	int64_t next;	/* lock; first transfer not taken */
	int64_t done;	/* lock; results */
	bool finished;	/* lock; all transfers are taken */
	enum rc rc;	/* lock; the first failure */
	struct err err; /* lock */
};

/* Transfers from first to last, both included. */
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
 * their numbers: a forged one far away doesn't make a long way.
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

/* The next credit of a chunk: the one before is whole. */
static void
credit_begin(struct signed_credit *c, struct query *q, int64_t transfer)
{
	struct address worker;
	struct round_row round;
	bool known;

	signed_end(c);
	known = address_parse(&worker, NULL,
		    query_get_text(q, C_AUDIT_SIGNATURE_WORKER), NULL) == RC_OK;
	row_read_round(q, C_AUDIT_SIGNATURE_ROUND, &round);
	signed_begin(c, transfer, known ? &worker : NULL, &round);
}

static void
signature_check(struct signed_credit *c, struct query *q)
{
	struct result_row r;
	struct version_row v;
	int64_t transfer;
	bool well_formed;

	well_formed =
	    row_read_result(q, C_AUDIT_SIGNATURE_RESULT, &r, &v, &transfer);
	if (transfer != c->transfer)
		credit_begin(c, q, transfer);
	if (well_formed)
		signed_add(c, &r, &v, q, C_AUDIT_SIGNATURE_SIGNED);
	else {
		c->spoiled = true;
		rule_broken(c->rules, AUDIT_SIGNATURE,
		    "slot %" PRId64
		    ": task, worker or signed values are missing or out of range",
		    r.slot);
	}
}

static enum rc
chunk_check(struct pool *p, struct db *db, const struct chunk *c, struct err *e)
{
	struct query *q = db_query(db, Q_AUDIT_SIGNATURE);
	struct signed_credit credit = { .rules = &p->a->rules,
		.ledger_id = p->a->ledger_id };
	int64_t n = 0, done;
	enum rc rc;
	bool row;

	query_int(q, 1, c->first);
	query_int(q, 2, c->last);
	query_int(q, 3, p->a->report->newest.last_id);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		signature_check(&credit, q);
		n++;
	}
	query_done(q);
	if (rc == RC_OK)
		signed_end(&credit);
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

/* Without an earlier audit even a forged number below zero. */
static int64_t
first_wanted(const struct audit *a)
{
	return a->verified == 0 ? INT64_MIN + 1 : a->verified + 1;
}

/*
 * A transfer's results are written with it and never changed, so all that
 * transfers up to the newest one of the audit's state have paid are the very
 * results of that state, whichever state a thread sees.
 */
enum rc
audit_signatures(struct audit *a, struct err *e)
{
	struct pool p = { .a = a, .next = first_wanted(a), .rc = RC_OK };
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
