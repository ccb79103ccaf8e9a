#include "ledger/tail.h"

#include <string.h>

enum rc
tail_read(struct db *db, enum query_id last, struct tail *tail, struct err *e)
{
	struct query *q = db_query(db, last);
	struct slice hash;
	enum rc rc;
	bool row;

	memset(tail, 0, sizeof(*tail));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		tail->last_id = query_get_int(q, 0);
		hash = query_get_bytes(q, 1);
		if (hash.len == sizeof(tail->hash))
			memcpy(tail->hash, hash.p, hash.len);
		else
			rc = err_set(e, RC_CORRUPT,
			    "row %lld: a hash of %zu bytes",
			    (long long)tail->last_id, hash.len);
	}
	query_done(q);
	return rc;
}
