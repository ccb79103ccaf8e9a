#include "ledger/publication.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

/* Where rows go. */
struct sink {
	union {
		public_task_fn *task;
		public_slot_fn *slot;
		public_refused_fn *refused;
		public_payout_fn *payout;
		public_forfeit_fn *forfeit;
		public_maintenance_fn *maintenance;
		public_key_fn *key;
	} fn;
	void *ctx;
	/* Of results only. */
	struct db *db;
	struct round_paths *paths;
};

/* Reads the present row, and gives it on. */
typedef enum rc
take_fn(const struct sink *to, struct query *q, bool *stop, struct err *e);

/* Takes each row, up to the first that fails or wants no more. */
static enum rc
each(struct query *q, take_fn *take, const struct sink *to, struct err *e)
{
	bool row, stop = false;
	enum rc rc;

	while ((rc = query_step(q, &row, e)) == RC_OK && row && !stop) {
		rc = take(to, q, &stop, e);
		if (rc != RC_OK)
			break;
	}
	query_done(q);
	return rc;
}

/* The salt of a private task; NULL of a public one. */
static const uint8_t *
salt_of(struct slice salt)
{
	return salt.len == TASK_SALT_LEN ? (const uint8_t *)salt.p : NULL;
}

/* What the log calls the task; a private one's label is made in out. */
static struct slice
name_shown(
    char out[static TASK_ID_MAX + 1], const uint8_t *salt, struct slice name)
{
	if (salt == NULL)
		return name;
	private_label(out, salt, name);
	return slice_of(out);
}

static enum rc
task_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct slice name = query_get_text(q, R_DEFINITION_NAME);
	const uint8_t *salt = salt_of(query_get_bytes(q, R_DEFINITION_SALT));
	char label[TASK_ID_MAX + 1];
	const struct public_task t = {
		.task = query_get_int(q, R_DEFINITION_TASK),
		.name = name_shown(label, salt, name),
		.signed_name = name,
		.salt = salt,
		.state = query_get_text(q, R_DEFINITION_STATE),
		.version = query_get_int(q, R_DEFINITION_VERSION),
		.url = query_get_text(q, R_DEFINITION_URL),
		.expected_status =
		    query_get_int(q, R_DEFINITION_EXPECTED_STATUS),
		.timeout_ms = query_get_int(q, R_DEFINITION_TIMEOUT_MS),
		.interval_ms = query_get_int(q, R_DEFINITION_INTERVAL_MS),
		.copies = query_get_int(q, R_DEFINITION_COPIES),
		.cooldown_ms = query_get_int(q, R_DEFINITION_COOLDOWN_MS),
		.region = query_get_text(q, R_DEFINITION_REGION),
		.first_region = query_get_text(q, R_DEFINITION_FIRST_REGION),
		.from_ms = query_get_int(q, R_DEFINITION_FROM_MS),
	};

	(void)stop;
	return to->fn.task(to->ctx, &t, e);
}

enum rc
public_tasks(struct db *db, public_task_fn *fn, void *ctx, struct err *e)
{
	return each(db_query(db, Q_PUBLISH_TASK), task_take,
	    &(struct sink){ .fn.task = fn, .ctx = ctx }, e);
}

enum rc
public_definition(struct db *db, int64_t version, public_task_fn *fn, void *ctx,
    struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_DEFINITION);

	query_int(q, 1, version);
	return each(
	    q, task_take, &(struct sink){ .fn.task = fn, .ctx = ctx }, e);
}

/* The worker said nothing of it. */
static int64_t
optional(struct query *q, int col)
{
	return query_is_null(q, col) ? ABSENT : query_get_int(q, col);
}

static enum rc
result_read(struct public_slot *s, struct round_path *path,
    const struct sink *to, struct query *q, struct err *e)
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
		.network = query_get_text(q, C_PUBLISH_RESULT_NETWORK),
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
		rc = round_path_find(to->paths, to->db,
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

static enum rc
result_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	struct round_path path;
	struct public_slot s;
	enum rc rc = result_read(&s, &path, to, q, e);

	return rc == RC_OK ? to->fn.slot(to->ctx, &s, stop, e) : rc;
}

enum rc
public_results(struct db *db, int64_t after_slot, public_slot_fn *fn, void *ctx,
    struct err *e)
{
	struct sink to = { .fn.slot = fn, .ctx = ctx, .db = db };
	struct query *q = db_query(db, Q_PUBLISH_RESULT);
	enum rc rc;

	rc = round_paths_new(&to.paths, db, e);
	if (rc != RC_OK)
		return rc;
	query_int(q, 1, after_slot);
	query_int(q, 2, false);
	rc = each(q, result_take, &to, e);
	round_paths_free(to.paths);
	return rc;
}

/* The drill's result, if there is one. */
static enum rc
drill_show(const struct sink *to, int64_t slot, struct err *e)
{
	struct query *q = db_query(to->db, Q_PUBLISH_RESULT);
	bool row, stop;
	enum rc rc;

	query_int(q, 1, slot - 1);
	query_int(q, 2, true);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row &&
	    query_get_int(q, C_PUBLISH_RESULT_SLOT) == slot)
		rc = result_take(to, q, &stop, e);
	query_done(q);
	return rc;
}

static enum rc
drill_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	(void)stop;
	return drill_show(to, query_get_int(q, 0), e);
}

enum rc
public_drills(
    struct db *db, int64_t day, public_slot_fn *fn, void *ctx, struct err *e)
{
	struct sink to = { .fn.slot = fn, .ctx = ctx, .db = db };
	struct query *q = db_query(db, Q_PUBLISH_DRILL_SLOTS);
	enum rc rc;

	rc = round_paths_new(&to.paths, db, e);
	if (rc != RC_OK)
		return rc;
	query_int(q, 1, day * DAY_MS);
	query_int(q, 2, (day + 1) * DAY_MS);
	rc = each(q, drill_take, &to, e);
	round_paths_free(to.paths);
	return rc;
}

static enum rc
assignment_take(
    const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct public_slot s = {
		.slot = query_get_int(q, C_PUBLISH_ASSIGNMENT_SLOT),
		.task = query_get_int(q, C_PUBLISH_ASSIGNMENT_TASK),
		.version = query_get_int(q, C_PUBLISH_ASSIGNMENT_VERSION),
		.cycle_ms = query_get_int(q, C_PUBLISH_ASSIGNMENT_CYCLE_MS),
		.copy = query_get_int(q, C_PUBLISH_ASSIGNMENT_COPY),
		.assigned_ms =
		    query_get_int(q, C_PUBLISH_ASSIGNMENT_ASSIGNED_MS),
		.worker = query_get_text(q, C_PUBLISH_ASSIGNMENT_ADDRESS),
		.network = query_get_text(q, C_PUBLISH_ASSIGNMENT_NETWORK),
		.status = ABSENT,
		.response_ms = ABSENT,
	};

	return to->fn.slot(to->ctx, &s, stop, e);
}

enum rc
public_assignments(struct db *db, int64_t from_ms, public_slot_fn *fn,
    void *ctx, struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_ASSIGNMENT);

	query_int(q, 1, from_ms);
	return each(
	    q, assignment_take, &(struct sink){ .fn.slot = fn, .ctx = ctx }, e);
}

static enum rc
refused_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct public_refused r = {
		.id = query_get_int(q, R_REFUSED_ID),
		.slot = query_get_int(q, R_REFUSED_SLOT),
		.cycle_ms = query_get_int(q, R_REFUSED_CYCLE_MS),
		.worker = query_get_text(q, R_REFUSED_ADDRESS),
		.why = refused_parse(query_get_text(q, R_REFUSED_REASON)),
		.at_ms = query_get_int(q, R_REFUSED_AT_MS),
	};

	(void)stop;
	return to->fn.refused(to->ctx, &r, e);
}

enum rc
public_refusals(struct db *db, int64_t after, public_refused_fn *fn, void *ctx,
    struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_REFUSED);

	query_int(q, 1, after);
	return each(
	    q, refused_take, &(struct sink){ .fn.refused = fn, .ctx = ctx }, e);
}

enum rc
public_refusal_of(struct db *db, int64_t slot, public_refused_fn *fn, void *ctx,
    struct err *e)
{
	struct query *q = db_query(db, Q_PUBLISH_REFUSED_SLOT);

	query_int(q, 1, slot);
	return each(
	    q, refused_take, &(struct sink){ .fn.refused = fn, .ctx = ctx }, e);
}

static enum rc
payout_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct public_payout p = {
		.worker = query_get_text(q, C_PUBLISH_PAYOUT_ADDRESS),
		.seq = query_get_int(q, C_PUBLISH_PAYOUT_SEQ),
		.micros = query_get_int(q, C_PUBLISH_PAYOUT_PAID_MICROS),
		.nonce = query_get_text(q, C_PUBLISH_PAYOUT_NONCE),
		.chain_id = query_get_int(q, C_PUBLISH_PAYOUT_CHAIN_ID),
		.tx = query_get_text(q, C_PUBLISH_PAYOUT_TX),
		.block = query_get_int(q, C_PUBLISH_PAYOUT_BLOCK),
		.at_ms = query_get_int(q, C_PUBLISH_PAYOUT_AT_MS),
	};

	(void)stop;
	return to->fn.payout(to->ctx, &p, e);
}

enum rc
public_payouts(struct db *db, public_payout_fn *fn, void *ctx, struct err *e)
{
	return each(db_query(db, Q_PUBLISH_PAYOUT), payout_take,
	    &(struct sink){ .fn.payout = fn, .ctx = ctx }, e);
}

static enum rc
forfeit_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct slice hash = query_get_bytes(q, C_PUBLISH_FORFEIT_HASH);
	struct public_forfeit f = {
		.worker = query_get_text(q, C_PUBLISH_FORFEIT_ADDRESS),
		.micros = query_get_int(q, C_PUBLISH_FORFEIT_AMOUNT_MICROS),
		.at_ms = query_get_int(q, C_PUBLISH_FORFEIT_AT_MS),
		.since_ms = query_get_int(q, C_PUBLISH_FORFEIT_SINCE_MS),
		.by = query_get_text(q, C_PUBLISH_FORFEIT_BY),
		.why = query_get_text(q, C_PUBLISH_FORFEIT_WHY),
	};

	(void)stop;
	if (hash.len == sizeof(f.transfer_hash))
		memcpy(f.transfer_hash, hash.p, hash.len);
	return to->fn.forfeit(to->ctx, &f, e);
}

enum rc
public_forfeits(struct db *db, public_forfeit_fn *fn, void *ctx, struct err *e)
{
	return each(db_query(db, Q_PUBLISH_FORFEIT), forfeit_take,
	    &(struct sink){ .fn.forfeit = fn, .ctx = ctx }, e);
}

static enum rc
maintenance_take(
    const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const uint8_t *salt =
	    salt_of(query_get_bytes(q, C_PUBLISH_MAINTENANCE_SALT));
	char label[TASK_ID_MAX + 1];
	const struct public_maintenance m = {
		.id = query_get_int(q, C_PUBLISH_MAINTENANCE_ID),
		.task = name_shown(
		    label, salt, query_get_text(q, C_PUBLISH_MAINTENANCE_NAME)),
		.from_ms = query_get_int(q, C_PUBLISH_MAINTENANCE_FROM_MS),
		.to_ms = query_get_int(q, C_PUBLISH_MAINTENANCE_TO_MS),
		.ended_ms = query_get_int(q, C_PUBLISH_MAINTENANCE_ENDED_MS),
		.noted_ms = query_get_int(q, C_PUBLISH_MAINTENANCE_NOTED_MS),
		.why = salt != NULL
		    ? slice_of("")
		    : query_get_text(q, C_PUBLISH_MAINTENANCE_WHY),
	};

	(void)stop;
	return to->fn.maintenance(to->ctx, &m, e);
}

enum rc
public_maintenances(
    struct db *db, public_maintenance_fn *fn, void *ctx, struct err *e)
{
	return each(db_query(db, Q_PUBLISH_MAINTENANCE), maintenance_take,
	    &(struct sink){ .fn.maintenance = fn, .ctx = ctx }, e);
}

static enum rc
key_take(const struct sink *to, struct query *q, bool *stop, struct err *e)
{
	const struct public_key k = { query_get_int(q, 0),
		query_get_bytes(q, 1), query_get_bytes(q, 2) };

	(void)stop;
	return to->fn.key(to->ctx, &k, e);
}

enum rc
public_keys(struct db *db, public_key_fn *fn, void *ctx, struct err *e)
{
	return each(db_query(db, Q_PUBLISH_DRILL_KEY), key_take,
	    &(struct sink){ .fn.key = fn, .ctx = ctx }, e);
}

enum rc
public_bounds_read(struct public_bounds *out, struct db *db, struct err *e)
{
	int64_t paid_ms = 0;
	enum rc rc;

	rc = query_one_int(
	    db_query(db, Q_PUBLISH_LAST_SLOT), &out->last_slot, e);
	if (rc == RC_OK)
		rc = query_one_int(
		    db_query(db, Q_PUBLISH_WINDOW), &out->window_ms, e);
	if (rc == RC_OK)
		rc = query_one_int(
		    db_query(db, Q_PUBLISH_WITHIN), &out->within_ms, e);
	if (rc == RC_OK)
		rc = query_one_int(
		    db_query(db, Q_PUBLISH_GIVEN_MS), &out->newest_ms, e);
	if (rc == RC_OK)
		rc = query_one_int(
		    db_query(db, Q_TRANSFER_NEWEST_MS), &paid_ms, e);
	if (paid_ms > out->newest_ms)
		out->newest_ms = paid_ms;
	return rc;
}
