#include "ledger/schedule.h"

#include <string.h>

#include "ledger/cycle.h"
#include "ledger/worker.h"

/* A due task: what decides about it. */
struct due {
	int64_t id;
	int64_t version;
	int64_t anyone_ms; /* from here on also out of turn */
	int64_t cycle_ms;  /* last given from */
	int64_t given;
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	bool held_before;   /* the worker was given this task, */
	int64_t held_ms;    /* last at this time, */
	int64_t held_cycle; /* and from this cycle */
};

struct due_entry {
	int64_t id;
	int64_t anyone_ms;
};

/* One slot for the worker, or none of the due task. */
enum pick {
	PICK_NONE,  /* not for this worker, now */
	PICK_NEW,   /* the cycle's next copy */
	PICK_AGAIN, /* a silent holder's slot */
	PICK_STALE, /* all answered: only its place in the index is old */
};

struct slot {
	enum pick pick;
	int64_t number; /* of PICK_AGAIN */
	int64_t copy;
	int64_t cycle_ms;
};

/* A poll in one region, while it is being served. */
struct round {
	struct db *db;
	const struct schedule_rules *rules;
	const struct poll *poll;
	struct slice region;
	int64_t worker; /* 0: never seen */
	int64_t turn;
	int64_t level;
	int64_t last_slot; /* given out; 0: not read yet */
	int64_t skipped;   /* due tasks of the region that it can't have */
	bool dry;	   /* only looks */
	bool has_work;
	bool gave;
};

static void
copy_text(char *out, size_t size, struct slice s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	memcpy(out, s.p, n);
	out[n] = '\0';
}

/* What decides about a due task, and what the worker would be told of it. */
static enum rc
due_read(struct round *r, int64_t id, struct due *d, struct offered_task *t,
    struct err *e)
{
	struct query *q = db_query(r->db, Q_TASK_DECIDE);
	enum rc rc;
	bool row;

	*d = (struct due){ .id = id };
	query_int(q, 1, id);
	query_int(q, 2, r->worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		d->version = query_get_int(q, 0);
		d->anyone_ms = query_get_int(q, 1);
		d->cycle_ms = query_get_int(q, 2);
		d->given = query_get_int(q, 3);
		d->timeout_ms = query_get_int(q, 4);
		d->reward_micros = query_get_int(q, 5);
		d->interval_ms = query_get_int(q, 6);
		d->copies = query_get_int(q, 7);
		d->cooldown_ms = query_get_int(q, 8);
		d->held_before = !query_is_null(q, 13);
		d->held_ms = query_get_int(q, 13);
		d->held_cycle = query_get_int(q, 14);
	}
	if (rc == RC_OK && row && t != NULL) {
		copy_text(t->name, sizeof(t->name), query_get_text(q, 9));
		copy_text(t->url, sizeof(t->url), query_get_text(q, 10));
		copy_text(t->region, sizeof(t->region), query_get_text(q, 11));
		t->expected_status = query_get_int(q, 12);
		t->timeout_ms = d->timeout_ms;
		t->reward_micros = d->reward_micros;
	}
	query_done(q);
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_CORRUPT, "task %lld is due, but gone", (long long)id);
	return rc;
}

/* The worker's turn, with no more to catch up than one poll's worth. */
static int64_t
turn_of(const struct round *r, const struct due *d)
{
	int64_t least = r->level - r->rules->max_tasks * d->reward_micros;

	return r->turn > least ? r->turn : least;
}

static bool
is_its_turn(const struct round *r, const struct due *d)
{
	return turn_of(r, d) <= r->level || r->poll->now_ms >= d->anyone_ms;
}

/* Whether cooldown, cycle and network let this worker have a slot. */
static enum rc
may_have(struct round *r, const struct due *d, const struct slot *s, bool *may,
    struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*may = false;
	if (d->held_before &&
	    (r->poll->now_ms - d->held_ms < d->cooldown_ms ||
		d->held_cycle >= s->cycle_ms))
		return RC_OK;
	*may = true;
	if (!r->rules->one_copy_per_network || r->poll->network.len == 0 ||
	    s->cycle_ms != d->cycle_ms)
		return RC_OK;
	q = db_query(r->db, Q_OFFER_NETWORK);
	query_int(q, 1, d->id);
	query_text(q, 2, r->poll->network);
	query_int(q, 3, s->number);
	rc = query_step(q, &row, e);
	query_done(q);
	*may = !row;
	return rc;
}

/* Which slot of the due task this worker may have. */
static enum rc
slot_pick(struct round *r, const struct due *d, struct slot *s, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row, may;

	*s = (struct slot){ .pick = PICK_NONE };
	s->cycle_ms = cycle_at(d->id, d->interval_ms, r->poll->now_ms);
	if (s->cycle_ms != d->cycle_ms || d->given < d->copies) {
		s->pick = PICK_NEW;
		s->copy = s->cycle_ms != d->cycle_ms ? 0 : d->given;
	} else {
		q = db_query(r->db, Q_OFFER_AGAIN);
		query_int(q, 1, d->id);
		query_int(q, 2, r->poll->now_ms);
		rc = query_step(q, &row, e);
		if (rc == RC_OK && row) {
			s->pick = PICK_AGAIN;
			s->number = query_get_int(q, 0);
			s->copy = query_get_int(q, 1);
		} else
			s->pick = PICK_STALE;
		query_done(q);
		if (rc != RC_OK || s->pick == PICK_STALE)
			return rc;
	}
	if (!is_its_turn(r, d)) {
		s->pick = PICK_NONE;
		return RC_OK;
	}
	rc = may_have(r, d, s, &may, e);
	if (!may)
		s->pick = PICK_NONE;
	return rc;
}

/* When the first of the cycle's silent slots is offered again, by next_ms. */
static enum rc
offer_next(struct round *r, const struct due *d, int64_t next_ms, int64_t *out,
    struct err *e)
{
	struct query *q = db_query(r->db, Q_OFFER_NEXT);
	int64_t again_ms;
	enum rc rc;

	query_int(q, 1, d->id);
	rc = query_one_int(q, &again_ms, e);
	*out = rc == RC_OK && again_ms < next_ms ? again_ms : next_ms;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/*
 * Moves the task to its next place among the due ones. may_offer_again: slots
 * of this cycle are remembered.
 */
static enum rc
task_move(struct round *r, const struct due *d, int64_t cycle_ms, int64_t given,
    bool may_offer_again, struct err *e)
{
	int64_t open_ms, next_ms;
	struct query *q;
	enum rc rc = RC_OK;

	open_ms = cycle_opens_ms(d->id, d->interval_ms, cycle_ms);
	next_ms =
	    cycle_opens_ms(d->id, d->interval_ms, cycle_ms + d->interval_ms);
	if (given >= d->copies && may_offer_again)
		rc = offer_next(r, d, next_ms, &open_ms, e);
	else if (given >= d->copies)
		open_ms = next_ms;
	if (rc != RC_OK)
		return rc;
	q = db_query(r->db, Q_TASK_SCHEDULE);
	query_int(q, 1, d->id);
	query_int(q, 2, cycle_ms);
	query_int(q, 3, given);
	query_int(q, 4, open_ms);
	query_int(q, 5, open_ms + cycle_patience_ms(d->interval_ms));
	return query_run(q, e);
}

/*
 * Remembers the slot for the rest of its cycle, where a later poll will need
 * it: for the other copies' networks, or to be offered again.
 */
static enum rc
offer_remember(struct round *r, const struct due *d, const struct slot *s,
    bool *remembered, struct err *e)
{
	int64_t again_ms = r->poll->now_ms + d->timeout_ms + REOFFER_AFTER_MS;
	int64_t end_ms =
	    cycle_opens_ms(d->id, d->interval_ms, s->cycle_ms + d->interval_ms);
	struct query *q;
	enum rc rc;

	if (s->cycle_ms != d->cycle_ms && d->cycle_ms >= 0) {
		q = db_query(r->db, Q_OFFER_CLEAR);
		query_int(q, 1, d->id);
		rc = query_run(q, e);
		if (rc != RC_OK)
			return rc;
	}
	*remembered =
	    d->copies > 1 || again_ms < end_ms || s->pick == PICK_AGAIN;
	if (!*remembered)
		return RC_OK;
	q = db_query(r->db, Q_OFFER_PUT);
	query_int(q, 1, d->id);
	query_int(q, 2, s->number);
	query_int(q, 3, s->copy);
	query_text(q, 4, r->poll->network);
	query_int(q, 5, again_ms);
	return query_run(q, e);
}

static enum rc
assignment_add(
    struct round *r, const struct due *d, const struct slot *s, struct err *e)
{
	struct query *q = db_query(r->db, Q_ASSIGNMENT_INSERT);

	query_int(q, 1, r->worker);
	query_int(q, 2, d->id);
	query_int(q, 3, s->number);
	query_int(q, 4, d->version);
	query_int(q, 5, s->cycle_ms);
	query_int(q, 6, s->copy);
	query_int(q, 7, r->poll->now_ms);
	return query_run(q, e);
}

/* A new number; slots_write keeps the last one. */
static enum rc
slot_number(struct round *r, int64_t *number, struct err *e)
{
	enum rc rc = RC_OK;

	if (r->last_slot == 0)
		rc = query_one_int(
		    db_query(r->db, Q_SLOT_LAST), &r->last_slot, e);
	*number = ++r->last_slot;
	return rc;
}

static enum rc
slots_write(struct round *r, struct err *e)
{
	struct query *q;

	if (r->last_slot == 0)
		return RC_OK;
	q = db_query(r->db, Q_SLOT_SET);
	query_int(q, 1, r->last_slot);
	return query_run(q, e);
}

/* Gives the picked slot to the worker. */
static enum rc
slot_give(struct round *r, const struct due *d, struct slot *s, struct err *e)
{
	int64_t given = d->given;
	bool remembered = false;
	enum rc rc = RC_OK;

	if (s->pick == PICK_NEW) {
		given = s->copy + 1;
		rc = slot_number(r, &s->number, e);
	}
	if (rc == RC_OK && r->worker == 0)
		rc = worker_add(
		    r->db, &r->poll->worker, r->poll->now_ms, &r->worker, e);
	if (rc == RC_OK)
		rc = assignment_add(r, d, s, e);
	if (rc == RC_OK)
		rc = offer_remember(r, d, s, &remembered, e);
	if (rc == RC_OK)
		rc = task_move(r, d, s->cycle_ms, given, remembered, e);
	r->turn = turn_of(r, d);
	if (r->turn > r->level)
		r->level = r->turn; /* the next round begins */
	r->turn += d->reward_micros;
	r->gave = true;
	return rc;
}

/* At most limit of the region's due tasks, behind those that were skipped. */
static enum rc
due_list(struct round *r, int64_t limit,
    struct due_entry list[static POLL_CANDIDATES_MAX], size_t *n, struct err *e)
{
	struct query *q = db_query(r->db, Q_TASK_DUE);
	enum rc rc;
	bool row;

	query_text(q, 1, r->region);
	query_int(q, 2, r->poll->now_ms);
	query_int(q, 3, limit);
	query_int(q, 4, r->skipped);
	*n = 0;
	while ((rc = query_step(q, &row, e)) == RC_OK && row)
		list[(*n)++] = (struct due_entry){ query_get_int(q, 0),
			query_get_int(q, 1) };
	query_done(q);
	return rc;
}

/* Gives one of the due tasks, if the worker may have a slot of it. */
static enum rc
due_serve(struct round *r, int64_t id, struct offer_list *out, struct err *e)
{
	struct due d;
	struct slot s;
	enum rc rc;

	rc = due_read(r, id, &d, r->dry ? NULL : &out->tasks[out->n], e);
	if (rc == RC_OK)
		rc = slot_pick(r, &d, &s, e);
	if (rc != RC_OK)
		return rc;
	if (s.pick == PICK_NONE) {
		r->skipped++;
		return RC_OK;
	}
	r->has_work = true;
	if (r->dry)
		return RC_OK;
	if (s.pick == PICK_STALE)
		return task_move(r, &d, d.cycle_ms, d.given, true, e);
	rc = slot_give(r, &d, &s, e);
	if (rc == RC_OK)
		out->n++;
	return rc;
}

static bool
is_served(const struct round *r, const struct offer_list *out)
{
	return r->dry ? r->has_work : out->n == (size_t)r->rules->max_tasks;
}

static enum rc
round_serve(struct round *r, const struct due_entry *list, size_t n,
    struct offer_list *out, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < n && !is_served(r, out); i++) {
		if (r->turn > r->level && r->poll->now_ms < list[i].anyone_ms)
			r->skipped++;
		else
			rc = due_serve(r, list[i].id, out, e);
	}
	return rc;
}

/* The region's level, and the worker's turn in it. */
static enum rc
place_read(struct round *r, struct err *e)
{
	struct query *q = db_query(r->db, Q_PLACE_GET);
	enum rc rc;
	bool row;

	query_text(q, 1, r->region);
	query_int(q, 2, r->worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		r->level = query_get_int(q, 0);
		/* A newcomer has nothing to catch up. */
		r->turn = query_is_null(q, 1) ? r->level : query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

static enum rc
place_write(struct round *r, int64_t level_before, struct err *e)
{
	struct query *q;
	enum rc rc = RC_OK;

	if (r->level != level_before) {
		q = db_query(r->db, Q_LEVEL_SET);
		query_text(q, 1, r->region);
		query_int(q, 2, r->level);
		rc = query_run(q, e);
	}
	if (rc != RC_OK || !r->gave)
		return rc;
	q = db_query(r->db, Q_TURN_SET);
	query_int(q, 1, r->worker);
	query_text(q, 2, r->region);
	query_int(q, 3, r->turn);
	return query_run(q, e);
}

static enum rc
region_serve(
    struct round *r, struct slice region, struct offer_list *out, struct err *e)
{
	struct due_entry list[POLL_CANDIDATES_MAX];
	int64_t level_before;
	enum rc rc;
	size_t n;

	r->region = region;
	r->gave = false;
	r->skipped = 0;
	/* Most polls are served from the first few. */
	rc = due_list(r, r->rules->max_tasks, list, &n, e);
	if (rc != RC_OK || n == 0)
		return rc;
	rc = place_read(r, e);
	level_before = r->level;
	if (rc == RC_OK)
		rc = round_serve(r, list, n, out, e);
	/* What was given has moved behind what is due now. */
	if (rc == RC_OK && n == (size_t)r->rules->max_tasks &&
	    !is_served(r, out)) {
		rc = due_list(
		    r, POLL_CANDIDATES_MAX - r->rules->max_tasks, list, &n, e);
		if (rc == RC_OK)
			rc = round_serve(r, list, n, out, e);
	}
	if (rc == RC_OK && !r->dry)
		rc = place_write(r, level_before, e);
	return rc;
}

/* The worker's own region first: nobody else can do those tasks. */
static enum rc
regions_serve(struct round *r, struct offer_list *out, struct err *e)
{
	enum rc rc = RC_OK;

	if (r->poll->region.len > 0)
		rc = region_serve(r, r->poll->region, out, e);
	if (rc == RC_OK && !(r->dry && r->has_work))
		rc = region_serve(r, slice_of(""), out, e);
	return rc;
}

/* Forgets the worker's assignments that nothing depends on any more. */
static enum rc
assignment_purge(struct round *r, struct err *e)
{
	/*
	 * Twice the window and the skew: a result credited at the end of its
	 * assignment's window may carry a timestamp from the future, and be
	 * sent again until that is too old.
	 */
	int64_t keep_ms = 2 * r->rules->result_window_ms + CLOCK_SKEW_MS;
	const enum query_id steps[] = { Q_ASSIGNMENT_OLD, Q_ASSIGNMENT_PURGE };
	struct query *q;
	bool found = true;
	enum rc rc = RC_OK;
	size_t i;

	/* Looks first: most often there are none, and a DELETE costs more. */
	for (i = 0; rc == RC_OK && found && i < 2; i++) {
		q = db_query(r->db, steps[i]);
		query_int(q, 1, r->worker);
		query_int(q, 2, r->poll->now_ms - keep_ms);
		query_int(q, 3, r->poll->now_ms);
		rc = query_step(q, &found, e);
		query_done(q);
	}
	return rc;
}

static enum rc
worker_admit(struct round *r, struct err *e)
{
	struct worker_row w;
	enum rc rc;

	rc = worker_find(r->db, &r->poll->worker, &w, e);
	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc == RC_OK && w.suspended)
		return err_set(e, RC_INVALID, "worker suspended");
	r->worker = w.id;
	return rc;
}

/* Who asks, and whether anything is due. */
static enum rc
poll_look(struct round *r, bool *due, struct err *e)
{
	char address[ADDRESS_LEN + 1];
	bool row, suspended = false;
	struct query *q;
	enum rc rc;

	*due = false;
	address_format(address, &r->poll->worker, ADDRESS_LOWER);
	q = db_query(r->db, Q_POLL_LOOK);
	query_text(q, 1, (struct slice){ address, ADDRESS_LEN });
	query_text(q, 2, r->poll->region);
	query_int(q, 3, r->poll->now_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		r->worker = query_get_int(q, 0);
		suspended = slice_is(query_get_text(q, 1), "suspended");
		*due = query_get_int(q, 2) != 0;
	}
	query_done(q);
	if (rc == RC_OK && suspended)
		return err_set(e, RC_INVALID, "worker suspended");
	return rc;
}

enum rc
schedule_has_work(struct db *db, const struct schedule_rules *rules,
    const struct poll *p, bool *has_work, struct err *e)
{
	struct round r = { .db = db, .rules = rules, .poll = p, .dry = true };
	bool due;
	enum rc rc;

	*has_work = false;
	rc = poll_look(&r, &due, e);
	if (rc == RC_OK && due)
		rc = regions_serve(&r, NULL, e);
	*has_work = r.has_work;
	return rc;
}

enum rc
schedule_give(struct db *db, const struct schedule_rules *rules,
    const struct poll *p, struct offer_list *out, struct err *e)
{
	struct round r = { .db = db, .rules = rules, .poll = p };
	enum rc rc;

	out->n = 0;
	rc = worker_admit(&r, e);
	if (rc == RC_OK && r.worker != 0)
		rc = assignment_purge(&r, e);
	if (rc == RC_OK)
		rc = regions_serve(&r, out, e);
	if (rc == RC_OK)
		rc = slots_write(&r, e);
	return rc;
}
