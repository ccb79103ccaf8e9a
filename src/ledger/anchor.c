#include "ledger/anchor.h"

#include <inttypes.h>
#include <string.h>

#include "ledger/row_read.h"

enum rc
anchor_newest(struct db *db, int64_t *size, struct err *e)
{
	enum rc rc = query_one_int(db_query(db, Q_ANCHOR_NEWEST), size, e);

	return rc == RC_NOT_FOUND
	    ? err_set(e, RC_CORRUPT, "ledger: its anchors are gone")
	    : rc;
}

enum rc
anchor_last(struct db *db, int64_t *size, int64_t *at_ms, struct err *e)
{
	return query_ints(
	    db_query(db, Q_ANCHOR_LAST), (int64_t *[]){ size, at_ms }, 2, e);
}

/* RC_NOT_FOUND when there is none of that size. */
static enum rc
root_find(
    struct db *db, int64_t size, uint8_t out[static SHA256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_ANCHOR_GET);
	enum rc rc;
	bool row;

	query_int(q, 1, size);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && (!row || !row_read_hash(q, 0, out)))
		rc = RC_NOT_FOUND;
	query_done(q);
	return rc;
}

enum rc
anchor_root(
    struct db *db, int64_t size, uint8_t out[static SHA256_LEN], struct err *e)
{
	enum rc rc = root_find(db, size, out, e);

	return rc == RC_NOT_FOUND
	    ? err_set(e, RC_CORRUPT,
		  "ledger: its anchor of %" PRId64 " entries is gone", size)
	    : rc;
}

static enum rc
anchor_insert(
    struct db *db, const struct anchor *a, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ANCHOR_INSERT);

	query_int(q, 1, a->size);
	query_bytes(q, 2, a->root, sizeof(a->root));
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

static enum rc
anchor_compare(struct db *db, const struct anchor *a, int64_t now_ms,
    bool *news, struct err *e)
{
	uint8_t root[SHA256_LEN];
	int64_t newest;
	enum rc rc;

	rc = anchor_newest(db, &newest, e);
	if (rc != RC_OK)
		return rc;
	*news = a->size > newest;
	if (*news)
		return anchor_insert(db, a, now_ms, e);
	rc = root_find(db, a->size, root, e);
	if (rc == RC_OK && memcmp(root, a->root, sizeof(root)) != 0)
		return err_set(e, RC_CONFLICT,
		    "checkpoint: the log has another root of %" PRId64
		    " entries than it had: it has forked",
		    a->size);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc
anchor_add(struct db *db, const struct anchor *a, int64_t now_ms, bool *news,
    struct err *e)
{
	enum rc rc;

	*news = false;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = anchor_compare(db, a, now_ms, news, e);
	return db_step_end(db, rc, e);
}
