#include "ledger/status.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "ledger/anchor.h"
#include "ledger/payout.h"
#include "ledger/transfer.h"

#define OVERDUE_MS (6 * HOUR_MS) /* payable, and not paid */

static enum rc
read_counts(struct status *s, struct db *db, struct err *e)
{
	struct query *q;
	enum rc rc;

	rc = query_ints(db_query(db, Q_TASK_STATES),
	    (int64_t *[]){
		&s->tasks_active, &s->tasks_paused, &s->tasks_removed },
	    3, e);
	if (rc == RC_OK)
		rc = query_ints(db_query(db, Q_WORKER_STATES),
		    (int64_t *[]){ &s->workers_active, &s->workers_suspended },
		    2, e);
	if (rc == RC_OK)
		rc = query_ints(db_query(db, Q_OWED_TOTAL),
		    (int64_t *[]){ &s->owed_micros }, 1, e);
	if (rc == RC_OK)
		rc = query_ints(db_query(db, Q_PAYOUTS_OPEN),
		    (int64_t *[]){ &s->payouts_open, &s->payouts_open_micros },
		    2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_OLDEST_DUE);
	query_int(q, 1, s->now_ms);
	rc = query_one_int(q, &s->oldest_due_ms, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ACCOUNT_BALANCE);
	query_int(q, 1, ACCOUNT_IN_FLIGHT);
	return query_one_int(q, &s->in_flight_micros, e);
}

static enum rc
count_since(struct db *db, enum query_id counts, int64_t at_ms, int64_t *n,
    struct err *e)
{
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = transfer_at(db, at_ms, &id, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, counts);
	query_int(q, 1, id);
	return query_one_int(q, n, e);
}

static enum rc
read_results(struct status *s, struct db *db, struct err *e)
{
	struct tail tail;
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = count_since(
	    db, Q_RESULT_COUNT_FROM, s->now_ms - HOUR_MS, &s->results_hour, e);
	if (rc == RC_OK)
		rc = count_since(db, Q_RESULT_COUNT_FROM, s->now_ms - DAY_MS,
		    &s->results_day, e);
	if (rc == RC_OK)
		rc = count_since(db, Q_ROUND_COUNT_FROM, s->now_ms - DAY_MS,
		    &s->rounds_day, e);
	if (rc == RC_OK)
		rc = transfer_tail(db, &tail, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_TRANSFER_FROM);
	query_int(q, 1, tail.last_id);
	return query_ints(q, (int64_t *[]){ &id, &s->last_result_ms }, 2, e);
}

int64_t
status_overdue_ms(const struct conf *c)
{
	return OVERDUE_MS + c->maturity_new_ms +
	    (strcmp(c->payout_threshold, "auto") == 0
		    ? c->payout_longest_wait_days * DAY_MS
		    : 0);
}

static enum rc
read_overdue(
    struct status *s, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q;
	int64_t id;
	enum rc rc;

	rc = transfer_at(db, s->now_ms - status_overdue_ms(c), &id, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_OVERDUE_COUNT);
	query_int(q, 1, c->payout_threshold_micros);
	query_int(q, 2, id);
	return query_one_int(q, &s->overdue, e);
}

static enum rc
read_payouts(
    struct status *s, struct db *db, const struct conf *c, struct err *e)
{
	struct query *q;
	bool found;
	enum rc rc;

	rc = payout_unsettled(db, &s->unresolved, &s->oldest_unresolved_ms, e);
	if (rc == RC_OK)
		rc = payout_run_last(db, &s->run, &found, e);
	if (rc == RC_OK)
		rc = query_ints(db_query(db, Q_HOLD_COUNT),
		    (int64_t *[]){ &s->all_held, &s->workers_held }, 2, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_OWED_COUNT);
	query_int(q, 1, c->payout_threshold_micros);
	rc = query_one_int(q, &s->due, e);
	return rc == RC_OK ? read_overdue(s, db, c, e) : rc;
}

static enum rc
read_exceptions(struct status *s, struct db *db, struct err *e)
{
	struct query *q = db_query(db, Q_EXCEPTION_LIST);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		s->exceptions++;
	query_done(q);
	return rc;
}

static void
read_sizes(struct status *s, const char *path)
{
	char wal[PATH_LEN_MAX + 8];
	struct statvfs fs;
	struct stat st;

	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	s->ledger_bytes = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
	s->wal_bytes = stat(wal, &st) == 0 ? (int64_t)st.st_size : 0;
	s->free_bytes = statvfs(path, &fs) == 0
	    ? (int64_t)fs.f_bavail * (int64_t)fs.f_frsize
	    : -1;
}

static enum rc
read_all(struct status *s, struct db *db, const struct conf *c, size_t worst,
    struct err *e)
{
	int64_t size;
	enum rc rc;

	rc = read_counts(s, db, e);
	if (rc == RC_OK)
		rc = read_results(s, db, e);
	if (rc == RC_OK)
		rc = read_payouts(s, db, c, e);
	if (rc == RC_OK)
		rc = anchor_last(db, &size, &s->anchor_ms, e);
	if (rc == RC_OK)
		rc = read_exceptions(s, db, e);
	if (rc == RC_OK)
		rc = coverage_read(&s->coverage, db, worst, s->now_ms, e);
	if (rc == RC_OK)
		rc = network_read(&s->network, db, c, s->now_ms, e);
	return rc;
}

enum rc
status_read_ledger(struct status *s, struct db *db, const struct conf *c,
    size_t worst, int64_t now_ms, struct err *e)
{
	enum rc rc;

	*s = (struct status){ .now_ms = now_ms };
	rc = db_begin_read(db, e);
	if (rc == RC_OK)
		rc = read_all(s, db, c, worst, e);
	db_rollback(db);
	read_sizes(s, c->ledger_path);
	return rc;
}

void
status_free(struct status *s)
{
	coverage_free(&s->coverage);
}
