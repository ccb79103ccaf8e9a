#include "ledger/record.h"

#include "base/clock.h"

int64_t
record_day(int64_t now_ms)
{
	return now_ms / DAY_MS;
}

bool
record_is_good(const struct terms_row *terms, int64_t results, int64_t days)
{
	return results >= terms->established_results &&
	    days >= terms->established_days;
}

enum rc
record_read(struct db *db, const struct terms_row *terms, int64_t worker,
    int64_t now_ms, bool *good, struct err *e)
{
	struct query *q = db_query(db, Q_ESTABLISHED_DAYS);
	int64_t results = 0, days = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	query_int(q, 2, record_day(now_ms));
	*good = record_is_good(terms, 0, 0);
	/* Most often the last few days are enough. */
	while (!*good && (rc = query_step(q, &row, e)) == RC_OK && row) {
		results += query_get_int(q, 0);
		days++;
		*good = record_is_good(terms, results, days);
	}
	query_done(q);
	return *good ? RC_OK : rc;
}

enum rc
record_credit(struct db *db, int64_t worker, int64_t results, int64_t now_ms,
    struct err *e)
{
	struct query *q = db_query(db, Q_RECORD_CREDIT);

	query_int(q, 1, worker);
	query_int(q, 2, record_day(now_ms));
	query_int(q, 3, results);
	return query_run(q, e);
}
