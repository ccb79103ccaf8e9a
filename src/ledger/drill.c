#include "ledger/drill.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/secret.h"
#include "ledger/anchor.h"
#include "ledger/assignment.h"
#include "ledger/cycle.h"
#include "ledger/drill_record.h"
#include "ledger/handout.h"
#include "ledger/record.h"
#include "ledger/row_read.h"
#include "ledger/share.h"
#include "ledger/standing.h"
#include "ledger/terms.h"
#include "ledger/tier.h"

#define TASKS_MAX      16 /* looked at for a drill */
#define JUDGED_AT_ONCE 4

/* Who is given the next slot as a drill. */
struct drilled {
	struct db *db;
	const struct poll *poll;
	const struct drill_plan *plan;
	uint8_t key[CANARY_KEY_LEN]; /* the day's */
	int64_t slot;
};

/* What a drill is about to be of. */
struct drill_task {
	int64_t version;
	int64_t region;
	int64_t cycle_ms;
	int64_t copy; /* past its task's own */
	int64_t copies;
	int64_t budget_micros;
	struct given_task told;
};

/* ---- Keys ---- */

static enum rc
key_commit(struct db *db, const struct drill_rules *r, int64_t day,
    int64_t now_ms, struct err *e)
{
	uint8_t key[CANARY_KEY_LEN], hash[SHA256_LEN];
	struct query *q = db_query(db, Q_DRILL_KEY_COMMIT);

	canary_day_key(key, r->master, day);
	sha256(hash, key, sizeof(key));
	secret_wipe(key, sizeof(key));
	query_int(q, 1, day);
	query_bytes(q, 2, hash, sizeof(hash));
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

/* Days that ended: the first of them that isn't shown yet; 0 for none. */
static enum rc
key_hidden(struct db *db, int64_t today, int64_t *day, struct err *e)
{
	struct query *q = db_query(db, Q_DRILL_KEY_HIDDEN);
	enum rc rc;

	query_int(q, 1, today);
	rc = query_one_int(q, day, e);
	if (rc != RC_NOT_FOUND)
		return rc;
	*day = 0;
	return RC_OK;
}

static enum rc
keys_show(
    struct db *db, const struct drill_rules *r, int64_t today, struct err *e)
{
	uint8_t key[CANARY_KEY_LEN];
	struct query *q;
	int64_t day;
	enum rc rc;

	while ((rc = key_hidden(db, today, &day, e)) == RC_OK && day != 0) {
		canary_day_key(key, r->master, day);
		q = db_query(db, Q_DRILL_KEY_SHOW);
		query_int(q, 1, day);
		query_bytes(q, 2, key, sizeof(key));
		rc = query_run(q, e);
		if (rc != RC_OK)
			return rc;
	}
	return rc;
}

static enum rc
keys_keep(
    struct db *db, const struct drill_rules *r, int64_t now_ms, struct err *e)
{
	int64_t today = record_day(now_ms);
	enum rc rc = key_commit(db, r, today + 1, now_ms, e);

	/* A result of the day before may still be on its way for a while. */
	if (rc == RC_OK)
		rc = keys_show(
		    db, r, record_day(now_ms - RESULT_WINDOW_MAX_MS), e);
	return rc;
}

enum rc
drill_keys_keep(
    struct db *db, const struct drill_rules *r, int64_t now_ms, struct err *e)
{
	enum rc rc;

	if (!r->on)
		return RC_OK;
	rc = db_step_begin(db, e);
	if (rc == RC_OK)
		rc = keys_keep(db, r, now_ms, e);
	return db_step_end(db, rc, e);
}

/* Whether drills may be given today; keeps the keys when a day has begun. */
static enum rc
day_is_open(struct db *db, const struct drill_rules *r, int64_t now_ms,
    bool *open, struct err *e)
{
	int64_t today = record_day(now_ms), days = 0, committed = 0;
	struct query *q = db_query(db, Q_DRILL_DAY);
	enum rc rc;
	bool row;

	query_int(q, 1, today);
	query_int(q, 2, today * DAY_MS);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		committed = query_get_int(q, 0);
		days = query_get_int(q, 1);
	}
	query_done(q);
	*open = committed > 0;
	if (rc == RC_OK && days == 0)
		rc = keys_keep(db, r, now_ms, e);
	return rc;
}

/* ---- Giving ---- */

static bool
is_given(const struct given_list *list, struct slice name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (slice_is(name, list->tasks[i].name))
			return true;
	return false;
}

static void
task_read(struct query *q, struct drill_task *out)
{
	struct given_task *t = &out->told;

	out->version = query_get_int(q, C_DRILL_TASKS_VERSION);
	out->region = query_get_int(q, C_DRILL_TASKS_REGION_ID);
	out->copy = out->copies = query_get_int(q, C_DRILL_TASKS_COPIES);
	out->budget_micros = query_get_int(q, C_DRILL_TASKS_BUDGET_MICROS);
	t->type = task_type_find(query_get_text(q, C_DRILL_TASKS_TYPE));
	slice_copy(
	    t->name, sizeof(t->name), query_get_text(q, C_DRILL_TASKS_NAME));
	slice_copy(
	    t->url, sizeof(t->url), query_get_text(q, C_DRILL_TASKS_URL));
	slice_copy(t->region, sizeof(t->region),
	    query_get_text(q, C_DRILL_TASKS_REGION));
	t->expected_status = query_get_int(q, C_DRILL_TASKS_EXPECTED_STATUS);
	t->timeout_ms = query_get_int(q, C_DRILL_TASKS_TIMEOUT_MS);
	t->reward_micros = query_get_int(q, C_DRILL_TASKS_REWARD_MICROS);
	t->is_private = row_read_hash(q, C_DRILL_TASKS_SALT, t->salt);
}

/* Whether the worker may have the task at which q is, as any other. */
static enum rc
task_allows(struct query *q, const struct drilled *d,
    const struct given_list *list, struct drill_task *t, bool *may,
    struct err *e)
{
	struct task_pace pace = { query_get_int(q, C_DRILL_TASKS_TASK),
		slice_of(t->told.name),
		query_get_int(q, C_DRILL_TASKS_INTERVAL_MS),
		query_get_int(q, C_DRILL_TASKS_COOLDOWN_MS) };

	*may = false;
	if (t->told.type == NULL || is_given(list, pace.name) ||
	    !standing_may_work_in(
		&d->plan->standing, t->region, d->poll->now_ms))
		return RC_OK;
	t->cycle_ms = cycle_at(
	    d->plan->terms.phase, pace.task, pace.interval_ms, d->poll->now_ms);
	return assignment_allows(d->db, &d->plan->terms,
	    d->plan->standing.worker, &pace, t->cycle_ms, d->poll->now_ms, may,
	    e);
}

/* One of TASKS_MAX of the operator's own tasks from that id on. */
static enum rc
task_choose_from(const struct drilled *d, int64_t from,
    const struct given_list *list, struct drill_task *out, int64_t *n,
    struct err *e)
{
	struct query *q = db_query(d->db, Q_DRILL_TASKS);
	struct drill_task t;
	bool row, may;
	enum rc rc;

	*n = 0;
	query_int(q, 1, from);
	query_text(q, 2, d->poll->region);
	query_int(q, 3, CANARY_UP);
	query_int(q, 4, TASKS_MAX);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		task_read(q, &t);
		rc = task_allows(q, d, list, &t, &may, e);
		if (rc != RC_OK)
			break;
		/* Each with the same chance, and no order to be seen. */
		if (may && d->slot % ++*n == 0)
			*out = t;
	}
	query_done(q);
	return rc;
}

/* Of tasks that are many, others each time; *n are among those looked at. */
static enum rc
task_choose(const struct drilled *d, const struct given_list *list,
    struct drill_task *out, int64_t *n, struct err *e)
{
	int64_t next;
	enum rc rc;

	*n = 0;
	rc = query_one_int(db_query(d->db, Q_TASK_NEXT_ID), &next, e);
	if (rc == RC_OK)
		rc = task_choose_from(d,
		    (int64_t)canary_place(d->key, d->slot, (size_t)next), list,
		    out, n, e);
	return rc == RC_OK && *n == 0 ? task_choose_from(d, 0, list, out, n, e)
				      : rc;
}

static enum rc
drill_insert(const struct drilled *d, const struct drill_task *t, struct err *e)
{
	const struct poll *p = d->poll;
	const int64_t worker = d->plan->standing.worker;
	struct share share;
	struct query *q;
	enum rc rc;

	rc = share_read(d->db, &p->worker, worker, t->region, p->network,
	    p->now_ms, &share, e);
	if (rc == RC_OK)
		rc = assignment_insert(d->db,
		    &(struct assignment){ .told = &t->told,
			.worker = worker,
			.version = t->version,
			.cycle_ms = t->cycle_ms,
			.copy = t->copy,
			.region = t->region,
			.network = share.network },
		    e);
	if (rc == RC_OK)
		rc = handout_add(d->db,
		    &(struct handout){ .address = p->worker,
			.worker = worker,
			.network = share.network,
			.at_ms = p->now_ms,
			.slots = 1 },
		    e);
	if (rc != RC_OK)
		return rc;
	q = db_query(d->db, Q_DRILL_INSERT);
	query_int(q, 1, d->slot);
	query_int(q, 2, worker);
	query_int(q, 3, p->now_ms);
	query_int(q, 4, canary_wanted(d->key, d->slot));
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(d->db, Q_SLOT_SET);
	query_int(q, 1, d->slot);
	query_int(q, 2, p->now_ms);
	return query_run(q, e);
}

/* Learns who polls; *share_permille of what it is given are drills. */
static enum rc
poll_learn(struct db *db, const struct drill_rules *r, const struct poll *p,
    struct drill_plan *plan, int64_t *share_permille, struct err *e)
{
	bool good = false;
	enum rc rc;

	*share_permille = 0;
	rc = standing_find(db, &p->worker, &plan->standing, e);
	/* A drill is never forgotten: who was never paid may be nobody. */
	if (rc != RC_OK || !plan->standing.known)
		return rc;
	rc = terms_now(db, &plan->terms, e);
	if (rc == RC_OK)
		rc = record_read(db, &plan->terms, plan->standing.worker,
		    p->now_ms, &good, e);
	*share_permille = good ? r->share_permille : r->share_new_permille;
	return rc;
}

/* The next slot that may be a drill. */
static enum rc
slot_choose(struct drilled *d, struct err *e)
{
	enum rc rc = query_one_int(db_query(d->db, Q_SLOT_LAST), &d->slot, e);

	do
		d->slot++;
	while (!canary_may_be_drill(d->key, d->slot));
	return rc;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
drills_count(const struct drill_plan *plan)
{
	size_t i, n = 0;

	for (i = 0; i < plan->n; i++)
		n += plan->is_drill[i];
	return n;
}

/* How many drills come with so many slots: those in the places before. */
static size_t
drills_beside(const struct drill_plan *plan, size_t slots)
{
	const size_t all = drills_count(plan);
	size_t i, n = 0;

	if (slots + all >= plan->n)
		return all;
	for (i = 0; slots > 0; i++)
		if (plan->is_drill[i])
			n++;
		else
			slots--;
	return n;
}

/* Draws the lots of an answer whose first slot is the next one. */
static enum rc
plan_make(struct drilled *d, const struct drill_rules *r,
    struct drill_plan *out, struct err *e)
{
	const struct given_list none = { .n = 0 };
	struct drill_task t;
	int64_t last = 0, share, n = 0;
	size_t wanted;
	enum rc rc;

	rc = query_one_int(db_query(d->db, Q_SLOT_LAST), &last, e);
	if (rc == RC_OK)
		rc = poll_learn(d->db, r, d->poll, out, &share, e);
	if (rc != RC_OK || share == 0)
		return rc;
	canary_lots(out->is_drill, d->key, last + 1, share, out->n);
	wanted = drills_count(out);
	/* No place is kept where there is none to be given. */
	if (wanted > 0)
		rc = slot_choose(d, e);
	if (rc == RC_OK && wanted > 0)
		rc = task_choose(d, &none, &t, &n, e);
	if (rc == RC_OK)
		out->places = least(least(wanted, (size_t)n), out->n - 1);
	return rc;
}

enum rc
drill_prepare(struct db *db, const struct drill_rules *r, const struct poll *p,
    int64_t max_tasks, struct drill_plan *out, struct err *e)
{
	struct drilled d = { .db = db, .poll = p, .plan = out };
	bool open;
	enum rc rc;

	*out = (struct drill_plan){ .n = (size_t)max_tasks };
	if (!r->on)
		return RC_OK;
	rc = day_is_open(db, r, p->now_ms, &open, e);
	if (rc != RC_OK || !open)
		return rc;
	canary_day_key(d.key, r->master, record_day(p->now_ms));
	rc = plan_make(&d, r, out, e);
	secret_wipe(d.key, sizeof(d.key));
	return rc;
}

/* Adds a drill, unless all of the operator's own tasks were given. */
static enum rc
drill_add(
    struct drilled *d, struct given_list *list, bool *added, struct err *e)
{
	struct drill_task t = { .version = 0 };
	int64_t permille = 0, n = 0;
	enum rc rc = slot_choose(d, e);

	if (rc == RC_OK)
		rc = task_choose(d, list, &t, &n, e);
	*added = n > 0;
	if (rc == RC_OK && *added)
		rc = tier_permille(
		    d->db, d->plan->standing.worker, &permille, e);
	if (rc != RC_OK || !*added)
		return rc;
	t.told.slot = d->slot;
	t.told.reward_micros = tier_reward(
	    t.told.reward_micros, permille, t.budget_micros, t.copies);
	t.told.assigned_ms = d->poll->now_ms;
	t.told.is_drill = true;
	rc = anchor_newest(d->db, &t.told.anchor, e);
	if (rc != RC_OK)
		return rc;
	list->tasks[list->n++] = t.told;
	return drill_insert(d, &t, e);
}

static enum rc
drills_add(struct db *db, const struct drill_rules *r, const struct poll *p,
    const struct drill_plan *plan, size_t wanted, struct given_list *list,
    struct err *e)
{
	struct drilled d = { .db = db, .poll = p, .plan = plan };
	bool added = true;
	enum rc rc = RC_OK;

	canary_day_key(d.key, r->master, record_day(p->now_ms));
	for (; rc == RC_OK && added && wanted > 0; wanted--)
		rc = drill_add(&d, list, &added, e);
	secret_wipe(d.key, sizeof(d.key));
	return rc;
}

enum rc
drill_give(struct db *db, const struct drill_rules *r, const struct poll *p,
    const struct drill_plan *plan, struct given_list *list, struct err *e)
{
	size_t wanted;
	enum rc rc = RC_OK;

	/* Beside what else a poll is given. */
	if (!r->on || list->n == list->held)
		return RC_OK;
	wanted = least(drills_beside(plan, list->n - list->held),
	    least(plan->places, plan->n - list->n));
	if (wanted > 0)
		rc = drills_add(db, r, p, plan, wanted, list, e);
	return rc == RC_OK ? drill_judge(db, r, p->now_ms, JUDGED_AT_ONCE, e)
			   : rc;
}

/* ---- Telling ---- */

void
drill_token(char out[static CANARY_TOKEN_LEN + 1], const struct drill_rules *r,
    int64_t assigned_ms, int64_t slot, bool is_drill)
{
	int64_t day = record_day(assigned_ms);
	uint8_t key[CANARY_KEY_LEN] = { 0 };

	if (r->on)
		canary_day_key(key, r->master, day);
	canary_token(
	    out, key, day, slot, is_drill ? CANARY_DRILL : CANARY_CHECK);
	secret_wipe(key, sizeof(key));
}

/* Puts the token where the URL has a place for it. */
static enum rc
token_put(struct given_task *t, const struct drill_rules *r, struct err *e)
{
	char token[CANARY_TOKEN_LEN + 1], url[URL_MAX + 1];

	drill_token(token, r, t->assigned_ms, t->slot, t->is_drill);
	if (!task_url_fill(url, t->url, token))
		return err_set(e, RC_CORRUPT,
		    "task %s: its URL is too long for a token", t->name);
	slice_copy(t->url, sizeof(t->url), slice_of(url));
	return RC_OK;
}

/* In an order that says nothing: a drill was added last. */
static void
order_mix(struct given_list *list, const struct drill_rules *r)
{
	struct given_task t;
	size_t i, j;

	for (i = list->n; i > 1; i--) {
		j = canary_place(r->master, list->tasks[i - 1].slot, i);
		t = list->tasks[i - 1];
		list->tasks[i - 1] = list->tasks[j];
		list->tasks[j] = t;
	}
}

enum rc
drill_tokens(
    const struct drill_rules *r, struct given_list *list, struct err *e)
{
	enum rc rc = RC_OK;
	bool any = false;
	size_t i;

	for (i = 0; rc == RC_OK && i < list->n; i++)
		if (strstr(list->tasks[i].url, TASK_TOKEN_MARK) != NULL) {
			rc = token_put(&list->tasks[i], r, e);
			any = true;
		}
	if (rc == RC_OK && r->on && any)
		order_mix(list, r);
	return rc;
}
