#include "ledger/witness.h"

#include <sys/random.h>

#include <inttypes.h>
#include <stdio.h>

#include "ledger/anchor.h"
#include "ledger/assignment.h"
#include "ledger/cycle.h"
#include "ledger/handout.h"
#include "ledger/row_read.h"
#include "ledger/worker.h"

/* ---- What witnesses are to visit ---- */

static enum rc
visit_ask(struct db *db, int64_t version, struct err *e)
{
	struct query *q = db_query(db, Q_WATCH_ASK);

	query_int(q, 1, version);
	return query_run(q, e);
}

/* Somebody's word is another than the last one of a witness. */
static enum rc
contradiction_ask(struct db *db, int64_t version, bool up, struct err *e)
{
	struct query *q = db_query(db, Q_WATCH_CONTRADICT);

	query_int(q, 1, version);
	query_int(q, 2, up);
	return query_run(q, e);
}

enum rc
witness_spot(struct db *db, const int64_t *versions, size_t n,
    int64_t share_permille, struct err *e)
{
	uint32_t lots[TASKS_PER_POLL_MAX];
	enum rc rc = RC_OK;
	size_t i;

	CHECK(n <= TASKS_PER_POLL_MAX);
	if (share_permille == 0 || n == 0)
		return RC_OK;
	/* Nothing that a worker knows may tell it which. */
	if (getrandom(lots, n * sizeof(lots[0]), 0) !=
	    (ssize_t)(n * sizeof(lots[0])))
		return err_set(e, RC_IO, "getrandom: no randomness");
	for (i = 0; rc == RC_OK && i < n; i++)
		if (lots[i] % 1000 < (uint64_t)share_permille)
			rc = visit_ask(db, versions[i], e);
	return rc;
}

/* ---- Giving ---- */

/* A task that a witness is to visit. */
struct watched {
	int64_t task;
	int64_t version;
	int64_t copies;
	int64_t interval_ms;
	int64_t region;
	int64_t cycle_ms;
	struct given_task told;
};

static void
watched_read(struct query *q, struct watched *w)
{
	struct given_task *t = &w->told;

	w->task = query_get_int(q, C_WATCH_DUE_TASK);
	w->version = query_get_int(q, C_WATCH_DUE_VERSION);
	w->copies = query_get_int(q, C_WATCH_DUE_COPIES);
	w->interval_ms = query_get_int(q, C_WATCH_DUE_INTERVAL_MS);
	w->region = query_get_int(q, C_WATCH_DUE_REGION);
	t->type = task_type_find(query_get_text(q, C_WATCH_DUE_TYPE));
	slice_copy(
	    t->name, sizeof(t->name), query_get_text(q, C_WATCH_DUE_NAME));
	slice_copy(t->url, sizeof(t->url), query_get_text(q, C_WATCH_DUE_URL));
	slice_copy(t->region, sizeof(t->region),
	    query_get_text(q, C_WATCH_DUE_REGION_NAME));
	t->expected_status = query_get_int(q, C_WATCH_DUE_EXPECTED_STATUS);
	t->timeout_ms = query_get_int(q, C_WATCH_DUE_TIMEOUT_MS);
	t->reward_micros = query_get_int(q, C_WATCH_DUE_REWARD_MICROS);
	t->is_private = row_read_hash(q, C_WATCH_DUE_SALT, t->salt);
	t->is_drill = false;
}

/* Those that the witness may have now: at most n of the first 2 n. */
static enum rc
watched_list(struct db *db, const struct poll *p, const struct given_list *list,
    struct watched *out, size_t n, size_t *found, struct err *e)
{
	struct query *q = db_query(db, Q_WATCH_DUE);
	const struct terms_row *terms = &list->terms;
	enum rc rc = RC_OK;
	struct watched *w;
	bool row, may;

	*found = 0;
	query_text(q, 1, p->region);
	query_int(q, 2, 2 * (int64_t)n);
	while (rc == RC_OK && *found < n &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		w = &out[*found];
		watched_read(q, w);
		w->cycle_ms =
		    cycle_at(terms->phase, w->task, w->interval_ms, p->now_ms);
		/* Once in a cycle, but no cooldown: outages are short. */
		rc = assignment_allows(db, terms, list->worker,
		    &(struct task_pace){
			w->task, slice_of(w->told.name), w->interval_ms, 0 },
		    w->cycle_ms, p->now_ms, &may, e);
		if (rc == RC_OK && may && w->told.type != NULL)
			++*found;
	}
	query_done(q);
	return rc;
}

static enum rc
watched_give(struct db *db, const struct poll *p, int64_t worker,
    struct watched *w, int64_t slot, struct err *e)
{
	struct query *q;
	enum rc rc;

	w->told.slot = slot;
	w->told.assigned_ms = p->now_ms;
	rc = assignment_insert(db,
	    &(struct assignment){ .told = &w->told,
		.worker = worker,
		.version = w->version,
		.cycle_ms = w->cycle_ms,
		.copy = w->copies,
		.region = w->region,
		.network = slice_of(""),
		.compared = COMPARED_WITNESS },
	    e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_WITNESS_SLOT_INSERT);
	query_int(q, 1, slot);
	query_int(q, 2, worker);
	query_int(q, 3, w->task);
	query_int(q, 4, p->now_ms);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_WATCH_GIVEN);
	query_int(q, 1, w->task);
	return query_run(q, e);
}

/* Of n slots, the last of which has that number. */
static enum rc
slots_note(struct db *db, const struct poll *p, int64_t worker, size_t n,
    int64_t last, struct err *e)
{
	struct query *q = db_query(db, Q_SLOT_SET);
	enum rc rc;

	query_int(q, 1, last);
	query_int(q, 2, p->now_ms);
	rc = query_run(q, e);
	return rc == RC_OK ? handout_add(db,
				 &(struct handout){ .address = p->worker,
				     .worker = worker,
				     .network = slice_of(""),
				     .at_ms = p->now_ms,
				     .slots = (int64_t)n },
				 e)
			   : rc;
}

/* How many may still be given: of the share, and in the answer. */
static enum rc
room_read(struct db *db, const struct schedule_rules *r, int64_t last,
    const struct given_list *list, size_t *room, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_SLOTS_SINCE);
	int64_t taken = 0, left = r->max_tasks - (int64_t)list->n;
	enum rc rc;

	query_int(q, 1, last - WITNESS_SHARE_OF);
	rc = query_one_int(q, &taken, e);
	if (r->witness_permille - taken < left)
		left = r->witness_permille - taken;
	*room = left < 0 ? 0 : (size_t)left;
	return rc;
}

enum rc
witness_give(struct db *db, const struct schedule_rules *r,
    const struct poll *p, struct given_list *list, struct err *e)
{
	struct watched all[TASKS_PER_POLL_MAX];
	int64_t slot = 0, anchor = 0;
	size_t room = 0, n = 0, i;
	enum rc rc;

	if (!list->to_witness || list->n >= (size_t)r->max_tasks)
		return RC_OK;
	rc = query_one_int(db_query(db, Q_SLOT_LAST), &slot, e);
	if (rc == RC_OK)
		rc = room_read(db, r, slot, list, &room, e);
	if (rc == RC_OK && room > 0)
		rc = watched_list(db, p, list, all, room, &n, e);
	if (rc != RC_OK || n == 0)
		return rc;
	if (list->worker == 0)
		rc = worker_add(db, &p->worker, p->now_ms, &list->worker, e);
	if (rc == RC_OK)
		rc = anchor_newest(db, &anchor, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		all[i].told.anchor = anchor;
		rc = watched_give(db, p, list->worker, &all[i], ++slot, e);
		list->tasks[list->n++] = all[i].told;
	}
	return rc == RC_OK ? slots_note(db, p, list->worker, n, slot, e) : rc;
}

/* ---- What is reported ---- */

enum rc
witness_watches(struct db *db, bool *any, struct err *e)
{
	return query_any(db_query(db, Q_WATCH_ANY), any, e);
}

enum rc
witness_compare(
    struct db *db, const struct report *r, int64_t now_ms, struct err *e)
{
	struct query *q;
	char own[24];
	enum rc rc = RC_OK;

	if (!r->up)
		rc = contradiction_ask(db, r->version, false, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_SIGHTING_INSERT);
	(void)snprintf(own, sizeof(own), "worker %" PRId64, r->worker);
	query_int(q, 1, r->version);
	query_int(q, 2, r->slot);
	query_int(q, 3, r->worker);
	query_text(q, 4, r->network.len == 0 ? slice_of(own) : r->network);
	query_int(q, 5, r->assigned_ms);
	query_int(q, 6, now_ms);
	query_int(q, 7, r->up);
	query_int(q, 8, now_ms - WITNESS_NEAR_MS);
	query_int(q, 9, now_ms + WITNESS_NEAR_MS);
	rc = query_run(q, e);
	/* Who says up is noted only where a witness saw it down. */
	return rc == RC_OK && r->up && db_changes(db) > 0
	    ? contradiction_ask(db, r->version, true, e)
	    : rc;
}

enum rc
witness_saw(
    struct db *db, const struct report *r, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_WITNESS_SLOT_SEE);
	int64_t task;
	enum rc rc;

	query_int(q, 1, r->slot);
	query_int(q, 2, now_ms);
	query_int(q, 3, r->up);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_WITNESS_SLOT_TASK);
	query_int(q, 1, r->slot);
	rc = query_one_int(q, &task, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, r->up ? Q_WATCH_UP : Q_WATCH_DOWN);
	query_int(q, 1, task);
	query_int(q, 2, WITNESS_RUN);
	if (!r->up)
		query_int(q, 3, now_ms);
	rc = query_run(q, e);
	if (rc != RC_OK || !r->up)
		return rc;
	q = db_query(db, Q_SIGHTING_HASTEN);
	query_int(q, 1, task);
	query_int(q, 2, WITNESS_RUN);
	query_int(q, 3, now_ms);
	query_int(q, 4, now_ms - 2 * WITNESS_NEAR_MS);
	return query_run(q, e);
}
