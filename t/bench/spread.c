/*
 * Makes a ledger of history.c ready for load that is spread over all of it:
 * today every slot of every task is given, so that nothing is due until the
 * day (UTC) ends; those of the requests to the workers that will post them.
 * Both workers and tasks are far apart, so that a big ledger's pages are as
 * cold as they can be.
 *
 * usage: spread LEDGER TASKS WORKERS REQUESTS BATCH POLLS POSTS-FILE POLLS-FILE
 *
 * TASKS and WORKERS are history's. The files are of prepare.c's format.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/bench/big.h"

struct spread {
	struct db *db;
	int64_t tasks;
	int64_t workers;
	int64_t requests;
	int64_t batch;
	int64_t polls;
	int64_t now_ms;
	int64_t last_slot; /* given out */
};

static int64_t
gcd(int64_t a, int64_t b)
{
	return b == 0 ? a : gcd(b, a % b);
}

/* The i-th of n in an order whose neighbours are far apart. */
static int64_t
far_apart(int64_t i, int64_t n)
{
	int64_t step = (int64_t)((double)n * 0.6180339887) | 1;

	while (gcd(step, n) != 1)
		step += 2;
	return i % n * step % n;
}

static int64_t
worker_of(const struct spread *s, int64_t request)
{
	return far_apart(request, s->workers);
}

/*
 * Result i of a request is for a copy of that task. When each worker has had
 * a request, the next one is for other tasks.
 */
static int64_t
task_of(const struct spread *s, int64_t request, int64_t i, int64_t *copy)
{
	int64_t n = request * s->batch + i;

	*copy = n / s->tasks;
	n += request / s->workers * s->batch;
	return far_apart(n % s->tasks, s->tasks);
}

static enum rc
assignment_put(struct spread *s, int64_t request, int64_t i, struct err *e)
{
	struct big_assignment a = { .worker = worker_of(s, request),
		.slot = ++s->last_slot,
		.day_ms = s->now_ms - s->now_ms % DAY_MS,
		.assigned_ms = s->now_ms };

	a.task = task_of(s, request, i, &a.copy);
	return big_assignment_put(s->db, &a, e);
}

static enum rc
ledger_prepare(struct spread *s, struct err *e)
{
	int64_t day_ms = s->now_ms - s->now_ms % DAY_MS, i;
	struct query *q;
	enum rc rc;

	rc = db_begin(s->db, e);
	if (rc == RC_OK)
		rc = big_day_given(day_ms, e);
	if (rc == RC_OK)
		rc = query_one_int(
		    db_query(s->db, Q_SLOT_LAST), &s->last_slot, e);
	for (i = 0; rc == RC_OK && i < s->requests * s->batch; i++)
		rc = assignment_put(s, i / s->batch, i % s->batch, e);
	q = db_query(s->db, Q_SLOT_SET);
	query_int(q, 1, s->last_slot);
	query_int(q, 2, s->now_ms);
	if (rc == RC_OK)
		rc = query_run(q, e);
	return rc == RC_OK ? db_commit(s->db, e) : rc;
}

/* ---- Requests ---- */

static void
request_put(FILE *f, const struct buf *b)
{
	uint32_t n = (uint32_t)b->len;

	(void)fwrite(&n, sizeof(n), 1, f);
	(void)fwrite(b->p, 1, b->len, f);
}

static enum rc
post_put(struct spread *s, FILE *f, int64_t request, struct buf *body,
    struct buf *post, struct err *e)
{
	struct task task = { .expected_status = 200 };
	struct finding found = { .task = &task,
		.timestamp_ms = s->now_ms,
		.success = true,
		.response_time_ms = 45,
		.status = 200 };
	struct identity id;
	int64_t i, copy;
	enum rc rc;

	rc = big_identity(&id, worker_of(s, request), e);
	buf_reset(body);
	for (i = 0; rc == RC_OK && i < s->batch; i++) {
		big_task_name(task.id, task_of(s, request, i, &copy));
		buf_add_text(body, i == 0 ? "[" : ",");
		rc = finding_write(body, &found, &id, e);
	}
	buf_add_text(body, "]");
	if (rc == RC_OK)
		rc = buf_status(body, e);
	buf_reset(post);
	buf_printf(post,
	    "POST /api/v1/worker/results HTTP/1.1\r\n"
	    "Host: worknet\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n"
	    "\r\n",
	    body->len);
	buf_add(post, body->p, body->len);
	if (rc == RC_OK)
		rc = buf_status(post, e);
	if (rc == RC_OK)
		request_put(f, post);
	return rc;
}

static enum rc
posts_put(struct spread *s, FILE *f, struct err *e)
{
	struct buf body, post;
	enum rc rc = RC_OK;
	int64_t i;

	buf_init(&body, BODY_MAX);
	buf_init(&post, BODY_MAX + 512);
	for (i = 0; rc == RC_OK && i < s->requests; i++)
		rc = post_put(s, f, i, &body, &post, e);
	buf_free(&body);
	buf_free(&post);
	return rc;
}

static enum rc
polls_put(struct spread *s, FILE *f, struct err *e)
{
	struct identity id;
	struct buf poll;
	enum rc rc = RC_OK;
	int64_t i;

	buf_init(&poll, 512);
	for (i = 0; rc == RC_OK && i < s->polls; i++) {
		rc = big_identity(&id, far_apart(i, s->workers), e);
		buf_reset(&poll);
		buf_printf(&poll,
		    "GET /api/v1/worker/tasks?address=%s&region=unknown "
		    "HTTP/1.1\r\n"
		    "Host: worknet\r\n"
		    "\r\n",
		    id.text);
		if (rc == RC_OK)
			rc = buf_status(&poll, e);
		if (rc == RC_OK)
			request_put(f, &poll);
	}
	buf_free(&poll);
	return rc;
}

static enum rc
file_make(struct spread *s, const char *path,
    enum rc (*put)(struct spread *, FILE *, struct err *), struct err *e)
{
	FILE *f = fopen(path, "wb");
	bool failed;
	enum rc rc;

	if (f == NULL)
		return err_set(e, RC_IO, "can't open %s", path);
	rc = put(s, f, e);
	failed = ferror(f) != 0;
	if ((fclose(f) != 0 || failed) && rc == RC_OK)
		rc = err_set(e, RC_IO, "can't write %s", path);
	return rc;
}

int
main(int argc, char **argv)
{
	struct spread s = { .now_ms = big_now_ms() };
	struct err e = ERR_INIT;
	enum rc rc;

	if (argc != 9) {
		fputs("usage: spread LEDGER TASKS WORKERS REQUESTS BATCH "
		      "POLLS POSTS-FILE POLLS-FILE\n",
		    stderr);
		return 2;
	}
	s.tasks = atoll(argv[2]);
	s.workers = atoll(argv[3]);
	s.requests = atoll(argv[4]);
	s.batch = atoll(argv[5]);
	s.polls = atoll(argv[6]);
	/* A task has so many copies, and a worker gets one of them. */
	CHECK(s.requests * s.batch <= s.tasks * COPIES_MAX &&
	    (s.requests / s.workers + 1) * s.batch <= s.tasks &&
	    s.workers * s.batch % s.tasks == 0);
	rc = big_open(&s.db, argv[1], &e);
	if (rc == RC_OK)
		rc = ledger_prepare(&s, &e);
	db_close(s.db);
	if (rc == RC_OK)
		rc = file_make(&s, argv[7], posts_put, &e);
	if (rc == RC_OK)
		rc = file_make(&s, argv[8], polls_put, &e);
	if (rc != RC_OK)
		fprintf(stderr, "spread: %s\n", e.msg);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
