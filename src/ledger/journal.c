#include "ledger/journal.h"

#include <string.h>

enum rc
journal_seen_get(struct db *db, const struct payout_source *s,
    struct journal_seen *out, struct err *e)
{
	struct query *q = db_query(db, Q_JOURNAL_SEEN_GET);
	char treasury[ADDRESS_LEN + 1];
	struct slice hash;
	enum rc rc;
	bool row;

	*out = (struct journal_seen){ .any = false };
	address_format(treasury, &s->treasury, ADDRESS_LOWER);
	query_int(q, 1, s->chain_id);
	query_text(q, 2, slice_of(treasury));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->any = query_get_int(q, 0) != 0;
		out->has_mark = query_get_int(q, 1) >= 0;
		hash = query_get_bytes(q, 2);
		if (out->has_mark && hash.len != KECCAK256_LEN)
			rc = err_set(e, RC_CORRUPT,
			    "journal_seen: got a hash of %zu bytes", hash.len);
		else if (out->has_mark)
			memcpy(out->mark.hash, hash.p, hash.len);
		out->mark.entries = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

enum rc
journal_seen_set(struct db *db, const struct payout_source *s,
    const struct journal_mark *mark, struct err *e)
{
	struct query *q = db_query(db, Q_JOURNAL_SEEN_SET);
	char treasury[ADDRESS_LEN + 1];

	address_format(treasury, &s->treasury, ADDRESS_LOWER);
	query_int(q, 1, s->chain_id);
	query_text(q, 2, slice_of(treasury));
	query_int(q, 3, mark->entries);
	query_bytes(q, 4, mark->hash, sizeof(mark->hash));
	return query_run(q, e);
}
