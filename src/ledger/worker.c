#include "ledger/worker.h"

#include "ledger/joining.h"
#include "ledger/tier.h"

enum rc
worker_find(struct db *db, const struct address *a, struct worker_row *out,
    struct err *e)
{
	char text[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc;
	bool row;

	*out = (struct worker_row){ 0 };
	address_format(text, a, ADDRESS_LOWER);
	q = db_query(db, Q_WORKER_BY_ADDRESS);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->id = query_get_int(q, 0);
		out->suspended = query_get_int(q, 1) != 0;
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "unknown worker %s", text);
	return rc;
}

enum rc
worker_add(struct db *db, const struct address *a, int64_t now_ms, int64_t *id,
    struct err *e)
{
	char text[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc;

	address_format(text, a, ADDRESS_LOWER);
	rc = query_run(db_query(db, Q_ACCOUNT_INSERT_WORKER), e);
	if (rc != RC_OK)
		return rc;
	*id = db_last_id(db);
	q = db_query(db, Q_WORKER_INSERT);
	query_int(q, 1, *id);
	query_text(q, 2, (struct slice){ text, ADDRESS_LEN });
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

enum rc
worker_set_suspended(
    struct db *db, const struct address *a, bool suspended, struct err *e)
{
	char text[ADDRESS_LEN + 1];
	struct worker_row w;
	struct query *q;
	enum rc rc;

	rc = worker_find(db, a, &w, e);
	if (rc != RC_OK)
		return rc;
	address_format(text, a, ADDRESS_LOWER);
	q = db_query(db, suspended ? Q_WORKER_SUSPEND : Q_WORKER_RESUME);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	return query_run(q, e);
}

enum rc
worker_admit(struct db *db, const struct address *a, int64_t weight,
    bool witness, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ADMISSION_SET);
	char text[ADDRESS_LEN + 1];
	enum rc rc;

	CHECK(weight >= 1 && weight <= WEIGHT_MAX);
	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	query_int(q, 2, weight);
	query_int(q, 3, now_ms);
	query_int(q, 4, witness);
	rc = query_run(q, e);
	if (rc == RC_OK)
		rc = joining_answer(db, a, now_ms, e);
	return rc == RC_OK && witness ? tier_end(db, a, now_ms, e) : rc;
}

enum rc
worker_expel(
    struct db *db, const struct address *a, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ADMISSION_DROP);
	char text[ADDRESS_LEN + 1];
	enum rc rc;

	address_format(text, a, ADDRESS_LOWER);
	query_text(q, 1, (struct slice){ text, ADDRESS_LEN });
	rc = query_run(q, e);
	if (rc == RC_OK && db_changes(db) == 0)
		return err_set(e, RC_NOT_FOUND, "%s isn't admitted", text);
	if (rc == RC_OK)
		rc = joining_answer(db, a, now_ms, e);
	return rc == RC_OK ? tier_end(db, a, now_ms, e) : rc;
}
