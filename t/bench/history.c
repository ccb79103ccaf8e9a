/*
 * A ledger with a long past, fast: tasks, workers and the results of as many
 * days as it takes, each task once a day, in requests of a few results. Rows
 * go through the program's statements, with its hashes; only signatures are
 * filled in, and balances and the last slot written once, at the end. The last
 * days' assignments are there, and the last day's open slots. Worker i has the
 * key of prepare.c's worker i.
 *
 * usage: history LEDGER TASKS WORKERS RESULTS BATCH
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/task_type.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/record.h"
#include "ledger/region.h"
#include "ledger/transfer.h"
#include "t/bench/big.h"

#define ASSIGNED_DAYS  3     /* the last ones, of which all are kept */
#define ANSWER_MS      2000  /* from an assignment to its credit */
#define MARGIN_MS      60000 /* of a day without assignments, both ends */
#define COMMIT_RESULTS 200000

struct history {
	struct db *db;
	int64_t tasks;
	int64_t workers;
	int64_t results;
	int64_t batch;
	int64_t first_day_ms;
	int64_t days;
	int64_t batches_per_day;
	int64_t *earned; /* owned; micro-USDC of each worker */
	struct tail tail;
};

/* One request: some of a day's tasks, checked by one worker. */
struct request {
	int64_t day_ms;
	int64_t worker;	    /* from 0 */
	int64_t first_slot; /* of first_task; the others follow */
	int64_t first_task; /* from 0 */
	int64_t n;
	int64_t assigned_ms;
};

static void
request_make(struct request *r, const struct history *h, int64_t number)
{
	int64_t day = number / h->batches_per_day;
	int64_t in_day = number % h->batches_per_day;

	r->day_ms = h->first_day_ms + day * DAY_MS;
	r->worker = number % h->workers;
	r->first_task = in_day * h->batch;
	r->first_slot = day * h->tasks + r->first_task + 1;
	r->n = h->batch;
	if (r->n > h->tasks - r->first_task)
		r->n = h->tasks - r->first_task;
	if (r->n > h->results - (r->first_slot - 1))
		r->n = h->results - (r->first_slot - 1);
	r->assigned_ms = r->day_ms + MARGIN_MS +
	    in_day * ((DAY_MS - 2 * MARGIN_MS) / h->batches_per_day);
}

static int64_t
requests(const struct history *h)
{
	int64_t whole = h->results / h->tasks, rest = h->results % h->tasks;

	return whole * h->batches_per_day + (rest + h->batch - 1) / h->batch;
}

/* ---- Tasks and workers ---- */

static enum rc
task_put(struct history *h, int64_t i, struct tail *tail, struct err *e)
{
	char name[TASK_ID_MAX + 1], url[URL_MAX + 1];
	struct version_row v = { .format = VERSION_FORMAT,
		.id = i + 1,
		.task = i + 1,
		.expected_status = 200,
		.timeout_ms = BIG_TIMEOUT_MS,
		.reward_micros = BIG_REWARD_MICROS,
		.interval_ms = DAY_MS,
		.copies = COPIES_MAX,
		.cooldown_ms = 300000,
		.type = slice_of(task_types[0].name),
		.region = slice_of(""),
		.created_ms = h->first_day_ms };
	struct query *q;
	enum rc rc;

	big_task_name(name, i);
	(void)snprintf(url, sizeof(url),
	    "https://host-%" PRId64 ".example.net/api/health", i);
	v.url = slice_of(url);
	link_version(tail->hash, tail, &v);
	tail->last_id = v.id;
	q = db_query(h->db, Q_TASK_VERSION_INSERT);
	query_int(q, 1, v.id);
	query_int(q, 2, v.task);
	query_text(q, 3, v.type);
	query_text(q, 4, v.url);
	query_int(q, 5, v.expected_status);
	query_int(q, 6, v.timeout_ms);
	query_int(q, 7, v.reward_micros);
	query_int(q, 8, v.interval_ms);
	query_int(q, 9, v.copies);
	query_int(q, 10, v.cooldown_ms);
	query_int(q, 11, REGION_ANY);
	query_int(q, 12, v.created_ms);
	query_bytes(q, 13, tail->hash, sizeof(tail->hash));
	query_int(q, 14, v.format);
	query_int(q, 15, 0);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(h->db, Q_TASK_INSERT);
	query_int(q, 1, v.task);
	query_text(q, 2, slice_of(name));
	query_int(q, 3, v.id);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(h->db, Q_SCHEDULE_PUT);
	query_int(q, 1, REGION_ANY);
	query_int(q, 2, h->first_day_ms);
	query_int(q, 3, v.task);
	query_int(q, 4, NO_CYCLE);
	query_int(q, 5, 0);
	return query_run(q, e);
}

static enum rc
worker_put(struct history *h, int64_t i, struct err *e)
{
	struct identity id;
	char address[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc;

	rc = big_identity(&id, i, e);
	if (rc == RC_OK)
		rc = query_run(db_query(h->db, Q_ACCOUNT_INSERT_WORKER), e);
	if (rc != RC_OK)
		return rc;
	CHECK(db_last_id(h->db) == ACCOUNT_WORKERS + i);
	address_format(address, &id.address, ADDRESS_LOWER);
	q = db_query(h->db, Q_WORKER_INSERT);
	query_int(q, 1, ACCOUNT_WORKERS + i);
	query_text(q, 2, slice_of(address));
	query_int(q, 3, h->first_day_ms);
	return query_run(q, e);
}

/* ---- Results ---- */

static void
result_make(struct result_row *row, const struct request *r, int64_t i)
{
	*row = (struct result_row){ .slot = r->first_slot + i,
		.version = r->first_task + i + 1,
		.cycle_ms = r->day_ms,
		.assigned_ms = r->assigned_ms,
		.timestamp_ms = r->assigned_ms + ANSWER_MS / 2,
		.success = true,
		.status = 200,
		.response_ms = 20 + (r->first_slot + i) % 300 };
	memset(row->signature, 0x5a, sizeof(row->signature));
}

static enum rc
request_put(struct history *h, const struct request *r, struct err *e)
{
	struct transfer_row t = { .format = TRANSFER_FORMAT,
		.id = h->tail.last_id + 1,
		.at_ms = r->assigned_ms + ANSWER_MS,
		.kind = slice_of("credit"),
		.debit = ACCOUNT_REWARDS,
		.credit = ACCOUNT_WORKERS + r->worker,
		.amount_micros = r->n * BIG_REWARD_MICROS };
	struct result_row row;
	struct transfer_link link;
	struct query *q;
	enum rc rc;
	int64_t i;

	link_transfer_begin(&link, &h->tail, &t, NULL);
	for (i = 0; i < r->n; i++) {
		result_make(&row, r, i);
		link_transfer_result(&link, &row);
	}
	link_transfer_end(&link, h->tail.hash);
	h->tail.last_id = t.id;
	h->earned[r->worker] += t.amount_micros;
	q = db_query(h->db, Q_TRANSFER_INSERT);
	query_int(q, 1, t.id);
	query_int(q, 2, t.at_ms);
	query_text(q, 3, t.kind);
	query_int(q, 4, t.debit);
	query_int(q, 5, t.credit);
	query_int(q, 6, t.amount_micros);
	query_bytes(q, 7, h->tail.hash, sizeof(h->tail.hash));
	query_int(q, 8, t.format);
	rc = query_run(q, e);
	for (i = 0; rc == RC_OK && i < r->n; i++) {
		result_make(&row, r, i);
		rc = result_insert(h->db, &row, t.id, e);
	}
	return rc == RC_OK ? record_credit(h->db, t.credit, r->n, t.at_ms, e)
			   : rc;
}

/* ---- What is left of the last days ---- */

static enum rc
assignments_put(struct history *h, const struct request *r, struct err *e)
{
	enum rc rc = RC_OK;
	int64_t i;

	for (i = 0; rc == RC_OK && i < r->n; i++)
		rc = big_assignment_put(h->db,
		    &(struct big_assignment){ .worker = r->worker,
			.task = r->first_task + i,
			.slot = r->first_slot + i,
			.day_ms = r->day_ms,
			.assigned_ms = r->assigned_ms },
		    e);
	return rc;
}

static enum rc
account_put(struct history *h, int64_t account, int64_t micros, struct err *e)
{
	struct query *q = db_query(h->db, Q_ACCOUNT_ADD);

	query_int(q, 1, account);
	query_int(q, 2, micros);
	return query_run(q, e);
}

/* A worker's balance, share, and the assignments of the last days. */
static enum rc
worker_finish(struct history *h, int64_t worker, struct err *e)
{
	int64_t n = requests(h), number, days = h->days - ASSIGNED_DAYS;
	int64_t first = days > 0 ? days * h->batches_per_day : 0;
	struct request r;
	struct query *q;
	enum rc rc;

	rc = account_put(h, ACCOUNT_WORKERS + worker, h->earned[worker], e);
	q = db_query(h->db, Q_WORKER_SHARE_SET);
	query_int(q, 1, ACCOUNT_WORKERS + worker);
	query_int(q, 2, 0);
	query_text(q, 3, slice_of("")); /* as of what it was given: big.c */
	query_int(q, 4, h->earned[worker]);
	query_int(q, 5, (h->first_day_ms + (h->days - 1) * DAY_MS) / HOUR_MS);
	if (rc == RC_OK)
		rc = query_run(q, e);
	number =
	    first + (worker - first % h->workers + h->workers) % h->workers;
	for (; rc == RC_OK && number < n; number += h->workers) {
		request_make(&r, h, number);
		rc = assignments_put(h, &r, e);
	}
	return rc;
}

static enum rc
level_put(struct history *h, struct err *e)
{
	struct query *q = db_query(h->db, Q_LEVEL_SET);
	int64_t i, most = 0, sum = 0;
	enum rc rc;

	for (i = 0; i < h->workers; i++) {
		sum += h->earned[i];
		most = h->earned[i] > most ? h->earned[i] : most;
	}
	query_int(q, 1, 0);
	query_int(q, 2, most);
	query_text(q, 3, slice_of(""));
	query_int(q, 4, 0);
	rc = query_run(q, e);
	return rc == RC_OK ? account_put(h, ACCOUNT_REWARDS, -sum, e) : rc;
}

/* The task's slot of the last day. */
static enum rc
open_slot_put(struct history *h, int64_t i, struct err *e)
{
	int64_t day_ms = h->first_day_ms + (h->days - 1) * DAY_MS;
	struct query *q = db_query(h->db, Q_OPEN_SLOT_PUT);

	query_int(q, 1, i + 1);
	query_int(q, 2, 0);
	query_int(q, 3, day_ms);
	query_int(q, 4, (h->days - 1) * h->tasks + i + 1);
	query_int(q, 5, day_ms + MARGIN_MS);
	return query_run(q, e);
}

/* ---- All of it ---- */

/* One kind of row after the other, in transactions of some length. */
static enum rc
many(struct history *h, const char *what, int64_t n, int64_t commit_n,
    enum rc (*put)(struct history *, int64_t, struct err *), struct err *e)
{
	int64_t i, start_ms = big_now_ms();
	enum rc rc;

	rc = db_begin(h->db, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		rc = put(h, i, e);
		if (rc == RC_OK && (i + 1) % commit_n == 0) {
			rc = db_commit(h->db, e);
			if (rc == RC_OK)
				rc = db_begin(h->db, e);
		}
	}
	if (rc == RC_OK)
		rc = db_commit(h->db, e);
	fprintf(stderr, "history: %" PRId64 " %s in %.1f s\n", n, what,
	    (double)(big_now_ms() - start_ms) / 1000);
	return rc;
}

static enum rc
task_put_next(struct history *h, int64_t i, struct err *e)
{
	return task_put(h, i, &h->tail, e);
}

static enum rc
request_put_next(struct history *h, int64_t i, struct err *e)
{
	struct request r;

	request_make(&r, h, i);
	return request_put(h, &r, e);
}

static enum rc
history_make(struct history *h, struct err *e)
{
	enum rc rc;

	rc = many(h, "tasks", h->tasks, COMMIT_RESULTS, task_put_next, e);
	memset(&h->tail, 0, sizeof(h->tail));
	if (rc == RC_OK)
		rc = many(
		    h, "workers", h->workers, COMMIT_RESULTS, worker_put, e);
	if (rc == RC_OK)
		rc = many(h, "requests", requests(h), COMMIT_RESULTS / h->batch,
		    request_put_next, e);
	if (rc == RC_OK)
		rc = many(h, "workers' balances and assignments", h->workers,
		    COMMIT_RESULTS, worker_finish, e);
	if (rc == RC_OK)
		rc = many(h, "open slots", h->tasks, COMMIT_RESULTS,
		    open_slot_put, e);
	if (rc == RC_OK)
		rc = big_day_given(h->first_day_ms + (h->days - 1) * DAY_MS, e);
	if (rc == RC_OK)
		rc = level_put(h, e);
	return rc == RC_OK ? big_last_slot_set(h->results, e) : rc;
}

int
main(int argc, char **argv)
{
	struct history h = { .db = NULL };
	struct err e = ERR_INIT;
	enum rc rc;

	if (argc != 6) {
		fputs("usage: history LEDGER TASKS WORKERS RESULTS BATCH\n",
		    stderr);
		return 2;
	}
	h.tasks = atoll(argv[2]);
	h.workers = atoll(argv[3]);
	h.results = atoll(argv[4]);
	h.batch = atoll(argv[5]);
	h.days = (h.results + h.tasks - 1) / h.tasks;
	h.batches_per_day = (h.tasks + h.batch - 1) / h.batch;
	/* Up to yesterday. */
	h.first_day_ms = (big_now_ms() / DAY_MS - h.days) * DAY_MS;
	h.earned = calloc((size_t)h.workers, sizeof(h.earned[0]));
	rc = h.earned == NULL ? err_set(&e, RC_NO_MEMORY, "no memory")
			      : big_open(&h.db, argv[1], &e);
	if (rc == RC_OK)
		rc = history_make(&h, &e);
	if (rc != RC_OK)
		fprintf(stderr, "history: %s\n", e.msg);
	db_close(h.db);
	free(h.earned);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
