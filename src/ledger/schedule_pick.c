#include "ledger/assignment.h"
#include "ledger/cycle.h"
#include "ledger/row_read.h"
#include "ledger/schedule_room.h"
#include "ledger/tier.h"

/* The reward is what the worker is paid for it. */
static void
due_read(const struct region_poll *r, struct query *q, struct due *d)
{
	*d = (struct due){
		.task = query_get_int(q, C_TASK_DUE_TASK),
		.open_ms = query_get_int(q, C_TASK_DUE_OPEN_MS),
		.version = query_get_int(q, C_TASK_DUE_VERSION),
		.cycle_ms = query_get_int(q, C_TASK_DUE_CYCLE_MS),
		.given = query_get_int(q, C_TASK_DUE_GIVEN),
		.timeout_ms = query_get_int(q, C_TASK_DUE_TIMEOUT_MS),
		.reward_micros =
		    tier_reward(query_get_int(q, C_TASK_DUE_REWARD_MICROS),
			r->permille, query_get_int(q, C_TASK_DUE_BUDGET_MICROS),
			query_get_int(q, C_TASK_DUE_COPIES)),
		.interval_ms = query_get_int(q, C_TASK_DUE_INTERVAL_MS),
		.copies = query_get_int(q, C_TASK_DUE_COPIES),
		.cooldown_ms = query_get_int(q, C_TASK_DUE_COOLDOWN_MS),
	};
}

static enum rc
type_read(const struct task_type **out, int64_t task, struct slice text,
    struct err *e)
{
	*out = task_type_find(text);
	if (*out != NULL)
		return RC_OK;
	return err_set(e, RC_CORRUPT,
	    "task %lld: its type is \"%.*s\", which this program doesn't know",
	    (long long)task, (int)(text.len > 40 ? 40 : text.len), text.p);
}

/* What the worker is told of a due task. */
static enum rc
told_read(const struct region_poll *r, struct query *q, const struct due *d,
    struct given_task *t, struct err *e)
{
	slice_copy(
	    t->name, sizeof(t->name), query_get_text(q, C_TASK_DUE_NAME));
	slice_copy(t->url, sizeof(t->url), query_get_text(q, C_TASK_DUE_URL));
	slice_copy(t->region, sizeof(t->region), r->region_name);
	t->expected_status = query_get_int(q, C_TASK_DUE_EXPECTED_STATUS);
	t->timeout_ms = d->timeout_ms;
	t->reward_micros = d->reward_micros;
	t->is_private = row_read_hash(q, C_TASK_DUE_SALT, t->salt);
	return type_read(
	    &t->type, d->task, query_get_text(q, C_TASK_DUE_TYPE), e);
}

/* ---- What the worker has already ---- */

static enum rc
open_task_read(struct query *q, struct given_task *t, struct err *e)
{
	slice_copy(t->name, sizeof(t->name),
	    query_get_text(q, C_ASSIGNMENT_OPEN_NAME));
	slice_copy(
	    t->url, sizeof(t->url), query_get_text(q, C_ASSIGNMENT_OPEN_URL));
	slice_copy(t->region, sizeof(t->region),
	    query_get_text(q, C_ASSIGNMENT_OPEN_REGION));
	t->slot = query_get_int(q, C_ASSIGNMENT_OPEN_SLOT);
	t->assigned_ms = query_get_int(q, C_ASSIGNMENT_OPEN_ASSIGNED_MS);
	t->is_drill = query_get_int(q, C_ASSIGNMENT_OPEN_IS_DRILL) != 0;
	t->expected_status =
	    query_get_int(q, C_ASSIGNMENT_OPEN_EXPECTED_STATUS);
	t->timeout_ms = query_get_int(q, C_ASSIGNMENT_OPEN_TIMEOUT_MS);
	t->reward_micros = query_get_int(q, C_ASSIGNMENT_OPEN_REWARD_MICROS);
	t->anchor = query_get_int(q, C_ASSIGNMENT_OPEN_ANCHOR);
	t->is_private = row_read_hash(q, C_ASSIGNMENT_OPEN_SALT, t->salt);
	return type_read(&t->type, query_get_int(q, C_ASSIGNMENT_OPEN_TASK),
	    query_get_text(q, C_ASSIGNMENT_OPEN_TYPE), e);
}

enum rc
schedule_held_list(struct region_poll *r, struct err *e)
{
	struct query *q = db_query(r->db, Q_ASSIGNMENT_OPEN);
	enum rc rc;
	bool row;

	query_int(q, 1, r->standing.worker);
	query_int(q, 2, r->poll->now_ms - r->terms.result_window_ms);
	query_int(q, 3, r->poll->now_ms);
	query_int(q, 4, r->terms.result_window_ms);
	query_int(q, 5, r->rules->max_tasks);
	query_text(q, 6, r->poll->region);
	while ((rc = query_step(q, &row, e)) == RC_OK && row) {
		rc = open_task_read(q, &r->tasks[r->found], e);
		if (rc != RC_OK)
			break;
		r->found++;
	}
	query_done(q);
	return rc;
}

/* ---- Whether it may have a slot ---- */

static bool
is_in_turn(const struct region_poll *r, const struct due *d)
{
	return share_is_in_turn(&r->share, d->reward_micros, r->given_micros);
}

/*
 * Whether the slot is for anybody, since those in turn had the chance: it has
 * waited for long since this cycle opened, and nobody else of its network is
 * before the worker; or nobody took any of the cycle before. But who has no
 * standing isn't given it where its network had some meanwhile: one that polls
 * all the time would see each such slot first.
 */
static bool
is_for_anyone(
    const struct region_poll *r, const struct due *d, int64_t cycle_ms)
{
	const int64_t patience_ms = cycle_patience_ms(d->interval_ms),
		      now_ms = r->poll->now_ms;
	int64_t opened_ms;

	if (d->cycle_ms >= cycle_ms - d->interval_ms) {
		opened_ms = cycle_opens_ms(
		    r->terms.phase, d->task, d->interval_ms, cycle_ms);
		if (now_ms - opened_ms < patience_ms ||
		    !share_is_in_turn_within(
			&r->share, d->reward_micros, r->given_micros))
			return false;
	}
	return now_ms - d->open_ms >= patience_ms &&
	    (standing_is_good(&r->standing, &r->rules->standing) ||
		!share_was_paid_since(&r->share, now_ms - patience_ms, now_ms));
}

/* ---- To pick ---- */

/*
 * Which slots a walk over due tasks takes: those that nobody was given before
 * those that somebody was, and of these not the same as everybody, while there
 * are others. What newcomers are given stays due: else all would do one's work.
 * Who holds what it is given leaves a newcomer the time to answer, and else
 * takes what waits longest: strangers could have it take what has just opened,
 * while the rest of a cycle passes.
 */
enum choice {
	CHOICE_NEW,
	CHOICE_SOME, /* and one in CHOICE_ONE_IN of the others */
	CHOICE_ALL,
};

#define CHOICE_ONE_IN 4
#define ANSWER_MS     5000

static bool
is_chosen(const struct region_poll *r, const struct pick *p)
{
	const uint8_t who = r->poll->worker.b[sizeof(r->poll->worker.b) - 1];

	if (r->holds)
		return p->slot.kind == SLOT_NEW || r->choice != CHOICE_NEW ||
		    r->poll->now_ms - p->slot.free_ms >= ANSWER_MS;
	return p->slot.kind == SLOT_NEW || r->choice == CHOICE_ALL ||
	    (r->choice == CHOICE_SOME &&
		cycle_mix((uint64_t)p->due.task << 8 | who) % CHOICE_ONE_IN ==
		    0);
}

/* Whether the task was picked by a walk before. */
static bool
is_picked(const struct region_poll *r, int64_t task)
{
	size_t i;

	for (i = 0; i < r->n_picks; i++)
		if (r->picks[i].due.task == task)
			return true;
	return false;
}

/* Picks a slot of the due task at which q is, if the worker may have one. */
static enum rc
due_pick(struct region_poll *r, struct query *q, struct err *e)
{
	struct pick *p = &r->picks[r->n_picks];
	struct slice network =
	    r->rules->one_copy_per_network ? r->poll->network : slice_of("");
	int64_t cycle_ms;
	bool may = false;
	enum rc rc;

	due_read(r, q, &p->due);
	if (r->n_picks == POLL_CANDIDATES_MAX - 1 || is_picked(r, p->due.task))
		return RC_OK;
	cycle_ms = cycle_at(
	    r->terms.phase, p->due.task, p->due.interval_ms, r->poll->now_ms);
	p->out_of_turn = !is_in_turn(r, &p->due);
	if (p->out_of_turn && !cycle_slots_are_ahead(&p->due, cycle_ms) &&
	    !is_for_anyone(r, &p->due, cycle_ms))
		return RC_OK;
	p->slots.free = r->free;
	rc = cycle_slots_read(r->db, &p->due, r->terms.phase, cycle_ms,
	    r->poll->now_ms, &p->slots, e);
	if (rc == RC_OK && cycle_slots_are_taken(&p->slots)) {
		p->slot = (struct slot){ .kind = SLOT_STALE };
		r->n_picks++;
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = assignment_allows(r->db, &r->terms, r->standing.worker,
		    &(struct task_pace){ p->due.task,
			query_get_text(q, C_TASK_DUE_NAME), p->due.interval_ms,
			p->due.cooldown_ms },
		    cycle_ms, r->poll->now_ms, &may, e);
	if (rc == RC_OK && may)
		rc = cycle_slots_choose(r->db, &p->due, &p->slots, network,
		    &r->poll->worker, &p->slot, e);
	if (rc != RC_OK)
		return rc;
	/* The next cycle is to know that some of this one were taken. */
	if ((!may || p->slot.kind == SLOT_NONE) &&
	    cycle_slots_are_unnoted(&p->due, &p->slots)) {
		p->slot = (struct slot){ .kind = SLOT_STALE };
		r->n_picks++;
		return RC_OK;
	}
	if (!may || p->slot.kind == SLOT_NONE)
		return RC_OK;
	if (!is_chosen(r, p)) {
		r->passed_over = true;
		return RC_OK;
	}
	r->n_picks++;
	if (r->may_write)
		rc = told_read(r, q, &p->due, &r->tasks[r->found], e);
	p->told = &r->tasks[r->found];
	r->found++;
	r->given_micros += p->due.reward_micros;
	return rc;
}

/* A place among due tasks. */
struct place {
	int64_t open_ms;
	int64_t task;
};

/* Picks from n of the region's due tasks behind *at; which it moves on. */
static enum rc
due_walk(struct region_poll *r, struct place *at, int64_t n, bool *end,
    struct err *e)
{
	struct query *q = db_query(r->db, Q_TASK_DUE);
	enum rc rc = RC_OK;
	bool row = true;

	query_int(q, 1, r->region);
	query_int(q, 2, r->poll->now_ms);
	query_int(q, 3, at->open_ms);
	query_int(q, 4, at->task);
	query_int(q, 5, n);
	while (rc == RC_OK && r->found < r->wanted &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		n--;
		at->open_ms = query_get_int(q, C_TASK_DUE_OPEN_MS);
		at->task = query_get_int(q, C_TASK_DUE_TASK);
		rc = due_pick(r, q, e);
	}
	query_done(q);
	*end = n > 0;
	return rc;
}

/*
 * A place behind at, another one for each poll: what waits in front may be
 * there for ever. Half of them are among what is due since the same moment,
 * wherever; the others are as likely in the last second as in the last hour.
 */
static enum rc
place_jump(const struct region_poll *r, struct place *at, struct err *e)
{
	const uint8_t who = r->poll->worker.b[sizeof(r->poll->worker.b) - 1];
	uint64_t h = cycle_mix((uint64_t)r->poll->now_ms ^ (uint64_t)who << 48);
	int64_t age_ms = (int64_t)1 << (h % 40), next;
	enum rc rc = RC_OK;

	if (h >> 63 == 0 && age_ms < r->poll->now_ms - at->open_ms) {
		*at = (struct place){ r->poll->now_ms - age_ms, 0 };
		return RC_OK;
	}
	rc = query_one_int(db_query(r->db, Q_TASK_NEXT_ID), &next, e);
	if (rc == RC_OK && next > at->task)
		at->task +=
		    (int64_t)(cycle_mix(h) % (uint64_t)(next - at->task));
	return rc;
}

/* Walks over the first due tasks, and over as many anywhere behind them. */
static enum rc
region_walk(struct region_poll *r, struct err *e)
{
	struct place at = { -1, 0 };
	enum rc rc;
	bool end;

	rc = due_walk(r, &at, POLL_CANDIDATES_MAX / 2, &end, e);
	if (rc != RC_OK || end || r->found >= r->wanted)
		return rc;
	rc = place_jump(r, &at, e);
	if (rc != RC_OK)
		return rc;
	return due_walk(r, &at, POLL_CANDIDATES_MAX / 2, &end, e);
}

enum rc
schedule_pick(struct region_poll *r, struct err *e)
{
	enum rc rc = RC_OK;

	r->n_picks = 0;
	r->passed_over = true;
	for (r->choice = CHOICE_NEW; rc == RC_OK && r->passed_over &&
	     r->choice <= CHOICE_ALL && r->found < r->wanted;
	     r->choice++) {
		r->passed_over = false;
		rc = region_walk(r, e);
	}
	return rc;
}
