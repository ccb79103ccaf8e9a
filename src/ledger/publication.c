#include "ledger/publication.h"

#include <inttypes.h>
#include <string.h>

#include "base/limits.h"

enum rc
public_tasks(struct db *db, public_task_fn *fn, void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_TASK);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		const struct public_task t = {
			.task = query_get_int(q, C_PUBLISH_TASK_TASK),
			.name = query_get_text(q, C_PUBLISH_TASK_NAME),
			.state = query_get_text(q, C_PUBLISH_TASK_STATE),
			.version = query_get_int(q, C_PUBLISH_TASK_VERSION),
			.url = query_get_text(q, C_PUBLISH_TASK_URL),
			.expected_status =
			    query_get_int(q, C_PUBLISH_TASK_EXPECTED_STATUS),
			.timeout_ms =
			    query_get_int(q, C_PUBLISH_TASK_TIMEOUT_MS),
			.interval_ms =
			    query_get_int(q, C_PUBLISH_TASK_INTERVAL_MS),
			.copies = query_get_int(q, C_PUBLISH_TASK_COPIES),
			.cooldown_ms =
			    query_get_int(q, C_PUBLISH_TASK_COOLDOWN_MS),
			.region = query_get_text(q, C_PUBLISH_TASK_REGION),
			.from_ms = query_get_int(q, C_PUBLISH_TASK_FROM_MS),
		};

		rc = fn(ctx, &t, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

/* The worker said nothing of it. */
static int64_t
optional(struct query *q, int col)
{
	return query_is_null(q, col) ? ABSENT : query_get_int(q, col);
}

static enum rc
result_read(struct public_slot *s, struct db *db, struct round_paths *paths,
    struct round_path *path, struct query *q, struct err *e)
{
	const struct slice sig = query_get_bytes(q, C_PUBLISH_RESULT_SIGNATURE);
	enum rc rc;

	*s = (struct public_slot){
		.slot = query_get_int(q, C_PUBLISH_RESULT_SLOT),
		.task = query_get_int(q, C_PUBLISH_RESULT_TASK),
		.version = query_get_int(q, C_PUBLISH_RESULT_VERSION),
		.cycle_ms = query_get_int(q, C_PUBLISH_RESULT_CYCLE_MS),
		.copy = query_get_int(q, C_PUBLISH_RESULT_COPY),
		.assigned_ms = query_get_int(q, C_PUBLISH_RESULT_ASSIGNED_MS),
		.worker = query_get_text(q, C_PUBLISH_RESULT_ADDRESS),
		.timestamp_ms = query_get_int(q, C_PUBLISH_RESULT_TIMESTAMP_MS),
		.success = query_get_int(q, C_PUBLISH_RESULT_SUCCESS) != 0,
		.status = optional(q, C_PUBLISH_RESULT_STATUS),
		.response_ms = optional(q, C_PUBLISH_RESULT_RESPONSE_MS),
		.has_error = !query_is_null(q, C_PUBLISH_RESULT_ERROR),
		.error = query_get_text(q, C_PUBLISH_RESULT_ERROR),
		.form = (enum address_form)query_get_int(
		    q, C_PUBLISH_RESULT_ADDRESS_FORM),
		.place = query_get_int(q, C_PUBLISH_RESULT_PLACE),
		.anchor = query_get_int(q, C_PUBLISH_RESULT_ANCHOR),
		.trace = query_get_text(q, C_PUBLISH_RESULT_TRACE),
		.token = query_get_text(q, C_PUBLISH_RESULT_TOKEN),
		.region = query_get_text(q, C_PUBLISH_RESULT_REGION),
	};
	if (!query_is_null(q, C_PUBLISH_RESULT_PLACE)) {
		rc = round_path_find(paths, db,
		    query_get_int(q, C_PUBLISH_RESULT_TRANSFER), s->place, path,
		    e);
		if (rc != RC_OK)
			return err_prefix(e, "slot %" PRId64, s->slot);
		memcpy(s->signature, path->signature, sizeof(s->signature));
		s->path = path;
		return RC_OK;
	}
	if (sig.len != sizeof(s->signature))
		return err_set(e, RC_CORRUPT,
		    "slot %" PRId64 ": its signature has %zu bytes", s->slot,
		    sig.len);
	memcpy(s->signature, sig.p, sig.len);
	return RC_OK;
}

enum rc
public_results(struct db *db, int64_t after_slot, public_slot_fn *fn, void *ctx,
    struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_RESULT);
	struct round_paths *paths;
	struct round_path path;
	struct public_slot s;
	bool row, stop = false;
	enum rc rc;

	rc = round_paths_new(&paths, db, e);
	if (rc != RC_OK)
		return rc;
	query_int(q, 1, after_slot);
	while ((rc = query_step(q, &row, e)) == RC_OK && row && !stop) {
		rc = result_read(&s, db, paths, &path, q, e);
		if (rc == RC_OK)
			rc = fn(ctx, &s, &stop, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	round_paths_free(paths);
	return rc;
}

enum rc
public_assignments(struct db *db, int64_t from_ms, public_slot_fn *fn,
    void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_ASSIGNMENT);
	bool row, stop = false;
	enum rc rc;

	query_int(q, 1, from_ms);
	while ((rc = query_step(q, &row, e)) == RC_OK && row && !stop) {
		const struct public_slot s = {
			.slot = query_get_int(q, C_PUBLISH_ASSIGNMENT_SLOT),
			.task = query_get_int(q, C_PUBLISH_ASSIGNMENT_TASK),
			.version =
			    query_get_int(q, C_PUBLISH_ASSIGNMENT_VERSION),
			.cycle_ms =
			    query_get_int(q, C_PUBLISH_ASSIGNMENT_CYCLE_MS),
			.copy = query_get_int(q, C_PUBLISH_ASSIGNMENT_COPY),
			.assigned_ms =
			    query_get_int(q, C_PUBLISH_ASSIGNMENT_ASSIGNED_MS),
			.worker =
			    query_get_text(q, C_PUBLISH_ASSIGNMENT_ADDRESS),
			.network =
			    query_get_text(q, C_PUBLISH_ASSIGNMENT_NETWORK),
			.status = ABSENT,
			.response_ms = ABSENT,
		};

		rc = fn(ctx, &s, &stop, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
public_payouts(struct db *db, public_payout_fn *fn, void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_PAYOUT);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		const struct public_payout p = {
			.worker = query_get_text(q, C_PUBLISH_PAYOUT_ADDRESS),
			.seq = query_get_int(q, C_PUBLISH_PAYOUT_SEQ),
			.micros =
			    query_get_int(q, C_PUBLISH_PAYOUT_PAID_MICROS),
			.nonce = query_get_text(q, C_PUBLISH_PAYOUT_NONCE),
			.chain_id = query_get_int(q, C_PUBLISH_PAYOUT_CHAIN_ID),
			.tx = query_get_text(q, C_PUBLISH_PAYOUT_TX),
			.block = query_get_int(q, C_PUBLISH_PAYOUT_BLOCK),
		};

		rc = fn(ctx, &p, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
public_forfeits(struct db *db, public_forfeit_fn *fn, void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_FORFEIT);
	struct public_forfeit f;
	struct slice hash;
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		f = (struct public_forfeit){
			.worker = query_get_text(q, C_PUBLISH_FORFEIT_ADDRESS),
			.micros =
			    query_get_int(q, C_PUBLISH_FORFEIT_AMOUNT_MICROS),
			.at_ms = query_get_int(q, C_PUBLISH_FORFEIT_AT_MS),
			.since_ms =
			    query_get_int(q, C_PUBLISH_FORFEIT_SINCE_MS),
			.by = query_get_text(q, C_PUBLISH_FORFEIT_BY),
			.why = query_get_text(q, C_PUBLISH_FORFEIT_WHY),
		};
		hash = query_get_bytes(q, C_PUBLISH_FORFEIT_HASH);
		if (hash.len == sizeof(f.transfer_hash))
			memcpy(f.transfer_hash, hash.p, hash.len);
		rc = fn(ctx, &f, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
public_keys(struct db *db, public_key_fn *fn, void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_DRILL_KEY);
	enum rc rc;
	bool row;

	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		const struct public_key k = { query_get_int(q, 0),
			query_get_bytes(q, 1), query_get_bytes(q, 2) };

		rc = fn(ctx, &k, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

enum rc
public_bounds(
    struct db *db, int64_t *last_slot, int64_t *window_ms, struct err *e)
{
	enum rc rc;

	rc = query_one_int(db_query(db, Q_PUBLISH_LAST_SLOT), last_slot, e);
	return rc == RC_OK
	    ? query_one_int(db_query(db, Q_PUBLISH_WINDOW), window_ms, e)
	    : rc;
}
