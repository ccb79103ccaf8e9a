#include "ledger/archived.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/row_read.h"

#define SLOTS_SIZE (RESULTS_PER_POST_MAX * 10) /* of the longest numbers */

/* ---- Slots as bytes ---- */

static size_t
slots_pack(uint8_t out[static SLOTS_SIZE], const int64_t *slots, size_t n)
{
	uint64_t left;
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		left = (uint64_t)(slots[i] - (i == 0 ? 0 : slots[i - 1]));
		for (; left >= 0x80; left >>= 7)
			out[len++] = (uint8_t)(left | 0x80);
		out[len++] = (uint8_t)left;
	}
	return len;
}

/* False: they aren't n slots in order. */
static bool
slots_unpack(struct archived_credit *c, struct slice bytes, int64_t n)
{
	const uint8_t *p = (const uint8_t *)bytes.p, *end = p + bytes.len;
	uint64_t more, last = 0;
	unsigned shift;

	if (n < 1 || n > RESULTS_PER_POST_MAX)
		return false;
	for (c->n = 0; c->n < (size_t)n; c->n++) {
		more = 0;
		for (shift = 0; p < end && shift < 56; shift += 7) {
			more |= (uint64_t)(*p & 0x7f) << shift;
			if ((*p++ & 0x80) == 0)
				break;
		}
		last += more;
		if (more == 0 || last > JSON_INT_MAX || (p[-1] & 0x80) != 0)
			return false;
		c->slots[c->n] = (int64_t)last;
	}
	return p == end;
}

/* ---- Reading ---- */

enum rc
archive_first(struct db *db, int64_t *transfer, struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVE_FIRST);
	bool row;
	enum rc rc = query_step(q, &row, e);

	*transfer = JSON_INT_MAX;
	if (rc == RC_OK && row && !query_is_null(q, 0))
		*transfer = query_get_int(q, 0) - 1;
	query_done(q);
	return rc;
}

/* Where its results are; *counted: their uptime is. */
static enum rc
slots_read(
    struct db *db, struct archived_credit *c, bool *counted, struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVE_SLOTS);
	int64_t cycle_ms, assigned_ms;
	enum rc rc;
	bool row;

	*counted = true;
	c->n = 0;
	c->from_ms = INT64_MAX;
	c->to_ms = 0;
	query_int(q, 1, c->transfer);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		if (c->n == RESULTS_PER_POST_MAX) {
			rc = err_set(e, RC_CORRUPT,
			    "transfer %" PRId64 ": has more than %d results",
			    c->transfer, RESULTS_PER_POST_MAX);
			break;
		}
		c->slots[c->n] = query_get_int(q, C_ARCHIVE_SLOTS_SLOT);
		c->tasks[c->n++] = query_get_int(q, C_ARCHIVE_SLOTS_TASK);
		cycle_ms = query_get_int(q, C_ARCHIVE_SLOTS_CYCLE_MS);
		assigned_ms = query_get_int(q, C_ARCHIVE_SLOTS_ASSIGNED_MS);
		if (cycle_ms < c->from_ms)
			c->from_ms = cycle_ms;
		if (assigned_ms > c->to_ms)
			c->to_ms = assigned_ms;
		if (query_get_int(q, C_ARCHIVE_SLOTS_UNCOUNTED) != 0)
			*counted = false;
	}
	query_done(q);
	return rc;
}

enum rc
archive_due(struct db *db, int64_t after, int64_t upto, archived_fn *fn,
    void *ctx, struct err *e)
{
	/* What is read again is of a result window, a day at most, before. */
	const int64_t apart_ms = 2 * DAY_MS;
	struct query *q = db_query(db, Q_ARCHIVE_DUE);
	struct archived_credit c = { .n = 0 };
	bool row, counted, stop = false;
	enum rc rc;

	query_int(q, 1, after);
	query_int(q, 2, upto);
	query_int(q, 3, apart_ms);
	while (!stop && (rc = query_step(q, &row, e)) == RC_OK && row) {
		c.transfer = query_get_int(q, 0);
		slice_copy(c.worker, sizeof(c.worker), query_get_text(q, 1));
		rc = slots_read(db, &c, &counted, e);
		if (rc == RC_OK && counted)
			rc = fn(ctx, &c, &stop, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

static enum rc
archived_read(struct archived_credit *c, struct query *q, struct err *e)
{
	*c = (struct archived_credit){
		.transfer = query_get_int(q, C_ARCHIVED_LIST_TRANSFER),
		.from_ms = query_get_int(q, C_ARCHIVED_LIST_FROM_MS),
		.to_ms = query_get_int(q, C_ARCHIVED_LIST_AT_MS),
		.is_gone = query_get_int(q, C_ARCHIVED_LIST_IS_GONE) != 0,
	};
	slice_copy(c->worker, sizeof(c->worker),
	    query_get_text(q, C_ARCHIVED_LIST_ADDRESS));
	if (row_read_hash(q, C_ARCHIVED_LIST_DIGEST, c->digest) &&
	    slots_unpack(c, query_get_bytes(q, C_ARCHIVED_LIST_SLOTS),
		query_get_int(q, C_ARCHIVED_LIST_RESULTS)))
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "transfer %" PRId64 ": what is archived of it makes no sense",
	    c->transfer);
}

enum rc
archived_each(
    struct db *db, int64_t after, archived_fn *fn, void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVED_LIST);
	struct archived_credit c;
	bool row, stop = false;
	enum rc rc = RC_OK;

	query_int(q, 1, after);
	while (!stop && (rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = archived_read(&c, q, e);
		if (rc == RC_OK)
			rc = fn(ctx, &c, &stop, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
archived_file_get(struct db *db, int64_t leaf,
    uint8_t sha256[static SHA256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVED_FILE_GET);
	bool row;
	enum rc rc;

	static_assert(SHA256_LEN == KECCAK256_LEN, "read as a hash");
	query_int(q, 1, leaf);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && (!row || !row_read_hash(q, 0, sha256)))
		rc = err_set(e, RC_NOT_FOUND, "no such file");
	query_done(q);
	return rc;
}

enum rc
archived_bound(struct db *db, int64_t *at_ms, struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVED_BOUND);

	return query_ints(q, (int64_t *const[]){ at_ms }, 1, e);
}

enum rc
archived_round(struct db *db, int64_t transfer, int64_t *count,
    uint8_t signature[static SIGNATURE_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_ROUND_GET);
	struct slice s = { "", 0 };
	bool row;
	enum rc rc;

	query_int(q, 1, transfer);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		*count = query_get_int(q, 0);
		s = query_get_bytes(q, 1);
	}
	if (rc == RC_OK && s.len != SIGNATURE_LEN)
		rc = err_set(e, RC_NOT_FOUND,
		    "transfer %" PRId64 " has no round", transfer);
	if (rc == RC_OK)
		memcpy(signature, s.p, s.len);
	query_done(q);
	return rc;
}

/* ---- Dropping ---- */

/*
 * The digest of the n results that the ledger has, if the transfer's hash is of
 * them: *did is ARCHIVE_DONE then.
 */
static enum rc
digest_of(struct db *db, int64_t transfer, int64_t worker, size_t n,
    uint8_t digest[static KECCAK256_LEN], enum archive_did *did, struct err *e)
{
	struct query *q = db_query(db, Q_CREDITS_BEHIND);
	uint8_t stored[KECCAK256_LEN], computed[KECCAK256_LEN];
	struct transfer_link link = { .format = TRANSFER_FORMAT };
	struct tail before = { .last_id = 0 };
	struct transfer_row t;
	struct result_row res;
	struct version_row v;
	struct round_row round;
	int64_t of;
	size_t found = 0;
	enum rc rc;
	bool row, ok = true, gone = false;

	*did = ARCHIVE_DIFFERS;
	query_int(q, 1, worker);
	query_int(q, 2, transfer - 1);
	query_int(q, 3, transfer);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		/* A credit without results has one row. */
		gone =
		    query_is_null(q, C_CREDITS_BEHIND_RESULT + R_RESULT_SLOT) &&
		    !query_is_null(q, C_CREDITS_BEHIND_DIGEST);
		if (found++ == 0) {
			row_read_transfer(
			    q, C_CREDITS_BEHIND_TRANSFER, &t, stored);
			row_read_round(q, C_CREDITS_BEHIND_ROUND, &round);
			ok &= transfer == 1 ||
			    row_read_hash(
				q, C_CREDITS_BEHIND_BEFORE_HASH, before.hash);
			link_transfer_begin(&link, &before, &t, &round);
		}
		ok &=
		    row_read_result(q, C_CREDITS_BEHIND_RESULT, &res, &v, &of);
		link_transfer_result(&link, &res);
	}
	query_done(q);
	if (rc == RC_OK && gone)
		*did = ARCHIVE_GONE;
	if (rc != RC_OK || gone || !ok || found != n || link.format == 1)
		return rc;
	link_transfer_end(&link, computed);
	memcpy(digest, link.digest, KECCAK256_LEN);
	if (memcmp(computed, stored, sizeof(stored)) == 0)
		*did = ARCHIVE_DONE;
	return RC_OK;
}

static enum rc
archived_insert(struct db *db, const struct archived_credit *c,
    const uint8_t digest[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_ARCHIVED_DIGEST);
	uint8_t slots[SLOTS_SIZE], there[KECCAK256_LEN];
	bool row, same = false;
	enum rc rc;

	query_int(q, 1, c->transfer);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		same = row_read_hash(q, 0, there) &&
		    memcmp(there, digest, sizeof(there)) == 0;
	query_done(q);
	if (rc != RC_OK || same)
		return rc; /* its results were brought back since */
	q = db_query(db, Q_ARCHIVED_INSERT);
	query_int(q, 1, c->transfer);
	query_bytes(q, 2, digest, KECCAK256_LEN);
	query_int(q, 3, (int64_t)c->n);
	query_int(q, 4, c->from_ms);
	query_bytes(q, 5, slots, slots_pack(slots, c->slots, c->n));
	return query_run(q, e);
}

enum rc
archive_drop(struct db *db, const struct archived_credit *c,
    const uint8_t digest[static KECCAK256_LEN], const struct archived_file *f,
    size_t files, enum archive_did *did, struct err *e)
{
	uint8_t ours[KECCAK256_LEN];
	struct query *q;
	int64_t worker = 0;
	enum rc rc;
	size_t i;

	*did = ARCHIVE_DIFFERS;
	q = db_query(db, Q_TRANSFER_CREDIT);
	query_int(q, 1, c->transfer);
	rc = query_one_int(q, &worker, e);
	if (rc == RC_OK)
		rc = digest_of(db, c->transfer, worker, c->n, ours, did, e);
	if (rc == RC_OK && *did == ARCHIVE_DONE &&
	    memcmp(ours, digest, sizeof(ours)) != 0)
		*did = ARCHIVE_DIFFERS;
	if (rc != RC_OK || *did != ARCHIVE_DONE)
		return rc;
	rc = archived_insert(db, c, digest, e);
	for (i = 0; i < files && rc == RC_OK; i++) {
		q = db_query(db, Q_ARCHIVED_FILE_INSERT);
		query_int(q, 1, f[i].leaf);
		query_bytes(q, 2, f[i].sha256, sizeof(f[i].sha256));
		rc = query_run(q, e);
	}
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_ARCHIVED_DROP);
	query_int(q, 1, c->transfer);
	rc = query_run(q, e);
	CHECK(rc != RC_OK || db_changes(db) == (int64_t)c->n);
	return rc;
}
