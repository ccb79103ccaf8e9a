#define _GNU_SOURCE /* getrandom */
#include "ledger/task.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "eth/attest.h"
#include "ledger/cycle.h"
#include "ledger/region.h"
#include "ledger/row.h"
#include "ledger/tail.h"
#include "ledger/terms.h"

void
task_defaults(struct task_definition *d)
{
	*d = (struct task_definition){
		.type = &task_types[0],
		.expected_status = 200,
		.timeout_ms = 10000,
		.reward_micros = 100,
		.interval_ms = 30000,
		.copies = 1,
		.cooldown_ms = 300000,
	};
}

static enum rc
check_range(
    const char *name, int64_t got, int64_t min, int64_t max, struct err *e)
{
	if (got >= min && got <= max)
		return RC_OK;
	return err_set(e, RC_INVALID, "%s: got %lld, expected %lld to %lld",
	    name, (long long)got, (long long)min, (long long)max);
}

enum rc
task_check(const char *name, const struct task_definition *d, struct err *e)
{
	const struct {
		const char *name;
		int64_t got, min, max;
	} ranges[] = {
		{ "expected status", d->expected_status, STATUS_FINAL_MIN,
		    STATUS_MAX },
		{ "timeout_ms", d->timeout_ms, TIMEOUT_MIN_MS, TIMEOUT_MAX_MS },
		{ "reward", d->reward_micros, 1, REWARD_MAX_MICROS },
		{ "interval_ms", d->interval_ms, INTERVAL_MIN_MS,
		    INTERVAL_MAX_MS },
		{ "copies", d->copies, 1, COPIES_MAX },
		{ "cooldown_ms", d->cooldown_ms, 0, COOLDOWN_MAX_MS },
		{ "budget", d->budget_micros, 0, BUDGET_MAX_MICROS },
	};
	enum rc rc;
	size_t i;

	if (!task_id_is_valid(slice_of(name)))
		return err_set(e, RC_INVALID,
		    "task id: got \"%.80s\", expected 1 to %d of A-Z a-z 0-9 _ . : -",
		    name, TASK_ID_MAX);
	CHECK(d->type != NULL);
	rc = d->type->check_url(d->url, e);
	for (i = 0; rc == RC_OK && i < sizeof(ranges) / sizeof(ranges[0]); i++)
		rc = check_range(ranges[i].name, ranges[i].got, ranges[i].min,
		    ranges[i].max, e);
	if (rc == RC_OK && d->budget_micros > 0 &&
	    d->budget_micros < d->reward_micros * d->copies)
		return err_set(e, RC_INVALID,
		    "budget: got %lld, expected 0, or %lld for the copies of a cycle",
		    (long long)d->budget_micros,
		    (long long)(d->reward_micros * d->copies));
	return rc == RC_OK && d->region[0] != '\0' ? region_check(d->region, e)
						   : rc;
}

/*
 * Its region's first name, which the hash is of: a definition's hash doesn't
 * change with the region's name.
 */
static enum rc
region_first_name(struct db *db, int64_t region,
    char out[static REGION_MAX + 1], struct err *e)
{
	struct query *q = db_query(db, Q_REGION_FIRST_NAME);
	enum rc rc;
	bool row;

	query_int(q, 1, region);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		slice_copy(out, REGION_MAX + 1, query_get_text(q, 0));
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_CORRUPT, "region %" PRId64 " is gone", region);
	return rc;
}

static enum rc
version_insert(struct db *db, const struct version_row *v, int64_t region,
    const uint8_t hash[static KECCAK256_LEN], struct err *e)
{
	struct query *q = db_query(db, Q_TASK_VERSION_INSERT);

	query_int(q, 1, v->id);
	query_int(q, 2, v->task);
	query_text(q, 3, v->type);
	query_text(q, 4, v->url);
	query_int(q, 5, v->expected_status);
	query_int(q, 6, v->timeout_ms);
	query_int(q, 7, v->reward_micros);
	query_int(q, 8, v->interval_ms);
	query_int(q, 9, v->copies);
	query_int(q, 10, v->cooldown_ms);
	query_int(q, 11, region);
	query_int(q, 12, v->created_ms);
	query_bytes(q, 13, hash, KECCAK256_LEN);
	query_int(q, 14, v->format);
	query_int(q, 15, v->budget_micros);
	return query_run(q, e);
}

/* *region: the definition's, which is added if it is new. */
static enum rc
version_add(struct db *db, int64_t task, const struct task_definition *d,
    int64_t now_ms, int64_t *version, int64_t *region, struct err *e)
{
	struct version_row v = { .format = VERSION_FORMAT,
		.task = task,
		.type = slice_of(d->type->name),
		.url = slice_of(d->url),
		.expected_status = d->expected_status,
		.timeout_ms = d->timeout_ms,
		.reward_micros = d->reward_micros,
		.interval_ms = d->interval_ms,
		.copies = d->copies,
		.cooldown_ms = d->cooldown_ms,
		.budget_micros = d->budget_micros,
		.created_ms = now_ms };
	char first_name[REGION_MAX + 1] = "";
	uint8_t hash[KECCAK256_LEN];
	struct tail tail;
	enum rc rc;

	rc = region_take(db, d->region, now_ms, region, e);
	if (rc == RC_OK)
		rc = region_first_name(db, *region, first_name, e);
	if (rc == RC_OK)
		rc = tail_read(db, Q_TASK_VERSION_LAST, &tail, e);
	if (rc != RC_OK)
		return rc;
	v.region = slice_of(first_name);
	v.id = *version = tail.last_id + 1;
	link_version(hash, &tail, &v);
	return version_insert(db, &v, *region, hash, e);
}

/* salt is NULL of a public task. */
static enum rc
task_insert(struct db *db, const char *name, const struct task_definition *d,
    const uint8_t *salt, int64_t now_ms, struct err *e)
{
	int64_t task, version, region;
	struct task_row taken;
	struct query *q;
	enum rc rc;

	rc = task_check(name, d, e);
	if (rc != RC_OK)
		return rc;
	rc = task_get(db, name, &taken, e);
	if (rc == RC_OK)
		return err_set(e, RC_CONFLICT, "task %s exists already (%s)",
		    name, task_state_name(taken.state));
	if (rc != RC_NOT_FOUND)
		return rc;
	rc = query_one_int(db_query(db, Q_TASK_NEXT_ID), &task, e);
	if (rc == RC_OK)
		rc = version_add(db, task, d, now_ms, &version, &region, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_TASK_INSERT);
	query_int(q, 1, task);
	query_text(q, 2, slice_of(name));
	query_int(q, 3, version);
	if (salt != NULL)
		query_bytes(q, 4, salt, TASK_SALT_LEN);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_PUT);
	query_int(q, 1, region);
	query_int(q, 2, now_ms);
	query_int(q, 3, task);
	query_int(q, 4, NO_CYCLE);
	query_int(q, 5, 0);
	return query_run(q, e);
}

enum rc
task_add(struct db *db, const char *name, const struct task_definition *d,
    int64_t now_ms, struct err *e)
{
	return task_insert(db, name, d, NULL, now_ms, e);
}

/* The salt comes first, then what the name ends with. */
enum rc
task_add_private(struct db *db, char name[static TASK_ID_MAX + 1],
    const char *given, const struct task_definition *d, int64_t now_ms,
    struct err *e)
{
	uint8_t random[TASK_SALT_LEN + PRIVATE_RANDOM_LEN];
	enum rc rc;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(e, RC_IO, "getrandom: %m");
	rc = private_name(name, given, random + TASK_SALT_LEN, e);
	return rc == RC_OK ? task_insert(db, name, d, random, now_ms, e) : rc;
}

/*
 * When a task whose interval changes opens next: with the first cycle that
 * starts from now on, so that no cycle of the new interval is one that was
 * paid under the old.
 */
static int64_t
first_cycle_ms(int64_t phase, int64_t task, int64_t interval_ms, int64_t now_ms)
{
	int64_t start_ms = now_ms - now_ms % interval_ms + interval_ms;

	return cycle_opens_ms(phase, task, interval_ms, start_ms);
}

/* What an edit changes of a task's place in the schedule. */
static enum rc
schedule_edit(struct db *db, const struct task_row *old,
    const struct task_definition *d, int64_t region, int64_t now_ms,
    struct err *e)
{
	const bool other_interval = d->interval_ms != old->def.interval_ms;
	struct terms_row terms;
	struct query *q;
	enum rc rc;

	if (!other_interval && region == old->region)
		return RC_OK;
	rc = terms_now(db, &terms, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SCHEDULE_EDIT);
	query_int(q, 1, old->region);
	query_int(q, 2, old->id);
	query_int(q, 3, region);
	/*
	 * With the same interval, when it opens next stays: a task that waits
	 * for the first cycle of a new interval must go on waiting.
	 */
	if (other_interval)
		query_int(q, 4,
		    first_cycle_ms(
			terms.phase, old->id, d->interval_ms, now_ms));
	return query_run(q, e);
}

static enum rc
version_set(struct db *db, int64_t task, int64_t version, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_SET_VERSION);

	query_int(q, 1, task);
	query_int(q, 2, version);
	return query_run(q, e);
}

enum rc
task_edit(struct db *db, const char *name, const struct task_definition *d,
    int64_t now_ms, struct err *e)
{
	struct task_row old;
	int64_t version, region;
	enum rc rc;

	rc = task_check(name, d, e);
	if (rc == RC_OK)
		rc = task_get(db, name, &old, e);
	if (rc != RC_OK)
		return rc;
	if (old.state == TASK_REMOVED)
		return err_set(e, RC_CONFLICT, "task %s is removed", name);
	rc = version_add(db, old.id, d, now_ms, &version, &region, e);
	if (rc == RC_OK)
		rc = version_set(db, old.id, version, e);
	if (rc == RC_OK)
		rc = schedule_edit(db, &old, d, region, now_ms, e);
	return rc;
}

enum rc
task_edits_begin(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_SCHEDULE_INDEX), e);
}

enum rc
task_edits_end(struct db *db, struct err *e)
{
	return query_run(db_query(db, Q_SCHEDULE_UNINDEX), e);
}

static enum rc
schedule_set_state(struct db *db, const struct task_row *t,
    enum task_state state, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(
	    db, state == TASK_REMOVED ? Q_SCHEDULE_DELETE : Q_SCHEDULE_PAUSE);

	query_int(q, 1, t->region);
	query_int(q, 2, t->id);
	if (state == TASK_REMOVED)
		return query_run(q, e);
	query_int(q, 3, state == TASK_PAUSED);
	query_int(q, 4, now_ms);
	return query_run(q, e);
}

/* What uptime needs of it: a paused task isn't checked. */
static enum rc
state_note(struct db *db, int64_t task, enum task_state state, int64_t now_ms,
    struct err *e)
{
	struct query *q = db_query(db, Q_TASK_STATE_ADD);

	query_int(q, 1, task);
	query_int(q, 2, now_ms);
	query_text(q, 3, slice_of(task_state_name(state)));
	return query_run(q, e);
}

enum rc
task_set_state(struct db *db, const char *name, enum task_state state,
    int64_t now_ms, struct err *e)
{
	struct task_row t;
	struct query *q;
	enum rc rc;

	rc = task_get(db, name, &t, e);
	if (rc != RC_OK)
		return rc;
	if (t.state == TASK_REMOVED)
		return err_set(e, RC_CONFLICT, "task %s is removed", name);
	q = db_query(db, Q_TASK_SET_STATE);
	query_int(q, 1, t.id);
	query_text(q, 2, slice_of(task_state_name(state)));
	rc = query_run(q, e);
	if (rc == RC_OK && state != t.state)
		rc = state_note(db, t.id, state, now_ms, e);
	return rc == RC_OK ? schedule_set_state(db, &t, state, now_ms, e) : rc;
}

static enum rc
state_read(enum task_state *out, int64_t task, struct slice text, struct err *e)
{
	int i;

	for (i = 0; i < TASK_STATES; i++) {
		*out = (enum task_state)i;
		if (slice_is(text, task_state_name(*out)))
			return RC_OK;
	}
	return err_set(e, RC_CORRUPT,
	    "task %" PRId64 ": its state is \"%.*s\", which is none", task,
	    (int)(text.len > 20 ? 20 : text.len), text.p);
}

static enum rc
row_read(struct task_row *t, struct query *q, struct err *e)
{
	struct slice type = query_get_text(q, C_TASK_GET_TYPE);
	struct slice salt = query_get_bytes(q, C_TASK_GET_SALT);

	t->id = query_get_int(q, C_TASK_GET_ID);
	t->version = query_get_int(q, C_TASK_GET_VERSION);
	t->def.type = task_type_find(type);
	slice_copy(
	    t->def.url, sizeof(t->def.url), query_get_text(q, C_TASK_GET_URL));
	t->def.expected_status = query_get_int(q, C_TASK_GET_EXPECTED_STATUS);
	t->def.timeout_ms = query_get_int(q, C_TASK_GET_TIMEOUT_MS);
	t->def.reward_micros = query_get_int(q, C_TASK_GET_REWARD_MICROS);
	t->def.interval_ms = query_get_int(q, C_TASK_GET_INTERVAL_MS);
	t->def.copies = query_get_int(q, C_TASK_GET_COPIES);
	t->def.cooldown_ms = query_get_int(q, C_TASK_GET_COOLDOWN_MS);
	t->def.budget_micros = query_get_int(q, C_TASK_GET_BUDGET_MICROS);
	t->region = query_get_int(q, C_TASK_GET_REGION);
	t->is_private = !query_is_null(q, C_TASK_GET_SALT);
	if (t->is_private && salt.len == sizeof(t->salt))
		memcpy(t->salt, salt.p, salt.len);
	slice_copy(t->def.region, sizeof(t->def.region),
	    query_get_text(q, C_TASK_GET_REGION_NAME));
	if (t->def.type == NULL)
		return err_set(e, RC_CORRUPT,
		    "task %" PRId64
		    ": its type is \"%.*s\", which this program doesn't know",
		    t->id, (int)(type.len > 40 ? 40 : type.len), type.p);
	return state_read(
	    &t->state, t->id, query_get_text(q, C_TASK_GET_STATE), e);
}

enum rc
task_get(struct db *db, const char *name, struct task_row *out, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_GET);
	enum rc rc;
	bool row;

	*out = (struct task_row){ .id = 0 };
	query_text(q, 1, slice_of(name));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		rc = row_read(out, q, e);
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(e, RC_NOT_FOUND, "unknown task %.80s", name);
	slice_copy(out->name, sizeof(out->name), slice_of(name));
	return rc;
}

enum rc
task_get_private(
    struct db *db, const char *given, struct task_row *out, struct err *e)
{
	struct query *q = db_query(db, Q_TASK_PRIVATE_NAMES);
	char from[TASK_ID_MAX + 2], to[TASK_ID_MAX + 2];
	char name[TASK_ID_MAX + 1] = "";
	enum rc rc;
	bool row, more = false;

	/* ';' comes after ':'. */
	(void)snprintf(from, sizeof(from), "%.*s:", TASK_ID_MAX, given);
	(void)snprintf(to, sizeof(to), "%.*s;", TASK_ID_MAX, given);
	query_text(q, 1, slice_of(from));
	query_text(q, 2, slice_of(to));
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		slice_copy(name, sizeof(name), query_get_text(q, 0));
		rc = query_step(q, &more, e);
	}
	query_done(q);
	if (rc == RC_OK && more)
		return err_set(e, RC_CONFLICT,
		    "several private tasks were added as %.80s: say the whole name",
		    given);
	return rc == RC_OK ? task_get(db, name, out, e) : rc;
}

bool
task_definition_is(
    const struct task_definition *a, const struct task_definition *b)
{
	return a->type == b->type && strcmp(a->url, b->url) == 0 &&
	    strcmp(a->region, b->region) == 0 &&
	    a->expected_status == b->expected_status &&
	    a->timeout_ms == b->timeout_ms &&
	    a->reward_micros == b->reward_micros &&
	    a->interval_ms == b->interval_ms && a->copies == b->copies &&
	    a->cooldown_ms == b->cooldown_ms &&
	    a->budget_micros == b->budget_micros;
}

const char *
task_state_name(enum task_state state)
{
	static const char *const names[] = {
		[TASK_ACTIVE] = "active",
		[TASK_PAUSED] = "paused",
		[TASK_REMOVED] = "removed",
	};
	static_assert(sizeof(names) / sizeof(names[0]) == TASK_STATES,
	    "each state has its name");

	return names[state];
}
