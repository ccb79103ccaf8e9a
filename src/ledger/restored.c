#include "ledger/restored.h"

#include "ledger/payout.h"

#define EVERYBODY 0
#define HELD_BY	  "chain"

enum rc
restored_begin(struct db *db, const char *why, int64_t now_ms, struct err *e)
{
	enum rc rc = db_step_begin(db, e);

	/* A copy that was made while it was held says when that began. */
	if (rc == RC_OK)
		rc = hold_release(db, EVERYBODY, HELD_BY, e);
	if (rc == RC_OK)
		rc = hold_set(db, EVERYBODY, HELD_BY, why, now_ms, e);
	return db_step_end(db, rc, e);
}

enum rc
restored_at(struct db *db, int64_t *at_ms, struct err *e)
{
	enum rc rc = query_one_int(db_query(db, Q_HOLD_RESTORED), at_ms, e);

	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
restored_end(struct db *db, struct err *e)
{
	return hold_release(db, EVERYBODY, HELD_BY, e);
}
