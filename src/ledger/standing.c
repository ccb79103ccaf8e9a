#include "ledger/standing.h"

#include "base/clock.h"

int64_t
standing_day(int64_t now_ms)
{
	return now_ms / DAY_MS;
}

bool
standing_is_good(const struct terms_row *terms, int64_t results, int64_t days)
{
	return results >= terms->standing_results &&
	    days >= terms->standing_days;
}

enum rc
standing_read(struct db *db, const struct terms_row *terms, int64_t worker,
    int64_t now_ms, bool *good, struct err *e)
{
	struct query *q = db_query(db, Q_STANDING_DAYS);
	int64_t results = 0, days = 0;
	enum rc rc;
	bool row;

	query_int(q, 1, worker);
	query_int(q, 2, standing_day(now_ms));
	*good = standing_is_good(terms, 0, 0);
	/* Most often the last few days are enough. */
	while (!*good && (rc = query_step(q, &row, e)) == RC_OK && row) {
		results += query_get_int(q, 0);
		days++;
		*good = standing_is_good(terms, results, days);
	}
	query_done(q);
	return *good ? RC_OK : rc;
}

enum rc
standing_credit(struct db *db, int64_t worker, int64_t results, int64_t now_ms,
    struct err *e)
{
	struct query *q = db_query(db, Q_STANDING_CREDIT);

	query_int(q, 1, worker);
	query_int(q, 2, standing_day(now_ms));
	query_int(q, 3, results);
	return query_run(q, e);
}
