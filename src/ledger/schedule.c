#include "ledger/schedule.h"

#include <string.h>

#include "ledger/cycle.h"
#include "ledger/region.h"
#include "ledger/terms.h"
#include "ledger/worker.h"

/* Of a worker's assignments, in the time for which one is kept. */
#define PURGES 8

/* A due task: what decides about it. */
struct due {
	int64_t id;
	int64_t open_ms; /* its place */
	int64_t version;
	int64_t cycle_ms; /* last given from */
	int64_t given;
	int64_t timeout_ms;
	int64_t reward_micros;
	int64_t interval_ms;
	int64_t copies;
	int64_t cooldown_ms;
	bool for_anyone;  /* also out of turn */
	bool held_before; /* the worker was given this task, */
	int64_t held_ms;  /* last at this time */
};

enum slot_kind {
	SLOT_NONE,  /* not for this worker, now */
	SLOT_NEW,   /* the cycle's next copy */
	SLOT_AGAIN, /* a silent holder's */
	SLOT_STALE, /* all answered: only its place is old */
};

struct slot {
	enum slot_kind kind;
	int64_t number; /* of SLOT_AGAIN */
	int64_t copy;
	int64_t cycle_ms;
};

/* What was picked for the worker, but isn't given yet. */
struct pick {
	struct due due;
	struct slot slot;
	const struct offered_task *told; /* NULL: nothing is */
};

/* A poll in one region, while it is being served. */
struct round {
	struct db *db;
	const struct schedule_rules *rules;
	struct terms_row terms; /* that count now */
	const struct poll *poll;
	bool may_write;
	int64_t region;
	struct slice region_name;
	int64_t worker; /* 0: never seen */
	int64_t turn;
	int64_t level;
	int64_t last_slot;	    /* given out, to anybody */
	int64_t given_ms;	    /* something to the worker, last; or 0 */
	size_t wanted;		    /* slots to pick in all regions */
	size_t found;		    /* slots that were picked */
	struct offered_task *tasks; /* NULL, or room for as many as wanted */
	struct pick *picks;	    /* POLL_CANDIDATES_MAX, of this region */
	size_t n_picks;
};

static void
copy_text(char *out, size_t size, struct slice s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	memcpy(out, s.p, n);
	out[n] = '\0';
}

static void
due_read(struct query *q, struct due *d)
{
	*d = (struct due){
		.id = query_get_int(q, C_TASK_DUE_TASK),
		.open_ms = query_get_int(q, C_TASK_DUE_OPEN_MS),
		.version = query_get_int(q, C_TASK_DUE_VERSION),
		.cycle_ms = query_get_int(q, C_TASK_DUE_CYCLE_MS),
		.given = query_get_int(q, C_TASK_DUE_GIVEN),
		.timeout_ms = query_get_int(q, C_TASK_DUE_TIMEOUT_MS),
		.reward_micros = query_get_int(q, C_TASK_DUE_REWARD_MICROS),
		.interval_ms = query_get_int(q, C_TASK_DUE_INTERVAL_MS),
		.copies = query_get_int(q, C_TASK_DUE_COPIES),
		.cooldown_ms = query_get_int(q, C_TASK_DUE_COOLDOWN_MS),
		.held_before = !query_is_null(q, C_TASK_DUE_HELD_MS),
		.held_ms = query_get_int(q, C_TASK_DUE_HELD_MS),
		.for_anyone = query_get_int(q, C_TASK_DUE_FOR_ANYONE) != 0,
	};
}

/* What the worker is told of it. */
static enum rc
told_read(const struct round *r, struct query *q, const struct due *d,
    struct offered_task *t, struct err *e)
{
	struct slice type = query_get_text(q, C_TASK_DUE_TYPE);

	t->type = task_type_find(type);
	if (t->type == NULL)
		return err_set(e, RC_CORRUPT,
		    "task %lld: its type is \"%.*s\", which this program doesn't know",
		    (long long)d->id, (int)(type.len > 40 ? 40 : type.len),
		    type.p);
	copy_text(t->name, sizeof(t->name), query_get_text(q, C_TASK_DUE_NAME));
	copy_text(t->url, sizeof(t->url), query_get_text(q, C_TASK_DUE_URL));
	copy_text(t->region, sizeof(t->region), r->region_name);
	t->expected_status = query_get_int(q, C_TASK_DUE_EXPECTED_STATUS);
	t->timeout_ms = d->timeout_ms;
	t->reward_micros = d->reward_micros;
	return RC_OK;
}

/* The worker's turn, with no more to catch up than one poll's worth. */
static int64_t
turn_of(const struct round *r, const struct due *d)
{
	int64_t least = r->level - r->rules->max_tasks * d->reward_micros;

	return r->turn > least ? r->turn : least;
}

/* When the due task's cycle with that nominal start opens. */
static int64_t
opens_ms(const struct round *r, const struct due *d, int64_t start_ms)
{
	return cycle_opens_ms(r->terms.phase, d->id, d->interval_ms, start_ms);
}

/* Whether cooldown, cycle and network let this worker have a slot. */
static enum rc
may_have(struct round *r, const struct due *d, const struct slot *s, bool *may,
    struct err *e)
{
	struct query *q;
	enum rc rc;
	bool taken;

	*may = false;
	if (d->held_before &&
	    (r->poll->now_ms - d->held_ms < d->cooldown_ms ||
		cycle_at(r->terms.phase, d->id, d->interval_ms, d->held_ms) >=
		    s->cycle_ms))
		return RC_OK;
	*may = true;
	if (!r->rules->one_copy_per_network || r->poll->network.len == 0 ||
	    s->cycle_ms != d->cycle_ms)
		return RC_OK;
	q = db_query(r->db, Q_OFFER_NETWORK);
	query_int(q, 1, d->id);
	query_text(q, 2, r->poll->network);
	query_int(q, 3, s->number);
	rc = query_any(q, &taken, e);
	*may = !taken;
	return rc;
}

/* A slot of the due task that waits for somebody. */
static enum rc
slot_find(struct round *r, const struct due *d, struct slot *s, struct err *e)
{
	struct query *q;
	enum rc rc;
	bool row;

	*s = (struct slot){ .cycle_ms = cycle_at(r->terms.phase, d->id,
				d->interval_ms, r->poll->now_ms) };
	if (s->cycle_ms != d->cycle_ms || d->given < d->copies) {
		s->kind = SLOT_NEW;
		s->copy = s->cycle_ms != d->cycle_ms ? 0 : d->given;
		return RC_OK;
	}
	q = db_query(r->db, Q_OFFER_AGAIN);
	query_int(q, 1, d->id);
	query_int(q, 2, r->poll->now_ms);
	rc = query_step(q, &row, e);
	s->kind = SLOT_STALE;
	if (rc == RC_OK && row) {
		s->kind = SLOT_AGAIN;
		s->number = query_get_int(q, 0);
		s->copy = query_get_int(q, 1);
	}
	query_done(q);
	return rc;
}

/* Which slot of the due task this worker may have. */
static enum rc
slot_pick(struct round *r, const struct due *d, struct slot *s, struct err *e)
{
	enum rc rc = slot_find(r, d, s, e);
	bool may = false;

	if (rc != RC_OK || s->kind == SLOT_STALE)
		return rc;
	rc = may_have(r, d, s, &may, e);
	if (!may)
		s->kind = SLOT_NONE;
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

	open_ms = opens_ms(r, d, cycle_ms);
	next_ms = opens_ms(r, d, cycle_ms + d->interval_ms);
	if (given >= d->copies && may_offer_again)
		rc = offer_next(r, d, next_ms, &open_ms, e);
	else if (given >= d->copies)
		open_ms = next_ms;
	if (rc != RC_OK)
		return rc;
	/* What is moved has been given from, or waits for its silent slots. */
	CHECK(open_ms >= cycle_ms);
	if (given <= 0 || given > COPIES_MAX)
		return err_set(e, RC_CORRUPT,
		    "task %lld: %lld slots of its cycle were given",
		    (long long)d->id, (long long)given);
	q = db_query(r->db, Q_SCHEDULE_TAKE);
	query_int(q, 1, r->region);
	query_int(q, 2, d->open_ms);
	query_int(q, 3, d->id);
	rc = query_run(q, e);
	if (rc != RC_OK)
		return rc;
	q = db_query(r->db, Q_SCHEDULE_PUT);
	query_int(q, 1, r->region);
	query_int(q, 2, open_ms);
	query_int(q, 3, d->id);
	query_int(q, 4, open_ms + cycle_patience_ms(d->interval_ms));
	query_int(q, 5, cycle_ms);
	query_int(q, 6, given);
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
	int64_t end_ms = opens_ms(r, d, s->cycle_ms + d->interval_ms);
	struct query *q;
	enum rc rc;

	if (s->cycle_ms != d->cycle_ms && d->cycle_ms != NO_CYCLE) {
		q = db_query(r->db, Q_OFFER_CLEAR);
		query_int(q, 1, d->id);
		rc = query_run(q, e);
		if (rc != RC_OK)
			return rc;
	}
	*remembered =
	    d->copies > 1 || again_ms < end_ms || s->kind == SLOT_AGAIN;
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
assignment_add(struct round *r, const struct pick *p, struct err *e)
{
	struct query *q = db_query(r->db, Q_ASSIGNMENT_INSERT);

	CHECK(r->worker > 0 && p->told != NULL);
	CHECK(p->slot.cycle_ms <= r->poll->now_ms);
	if (p->slot.number <= 0 || p->slot.copy < 0 ||
	    p->slot.copy >= COPIES_MAX || p->due.reward_micros <= 0)
		return err_set(e, RC_CORRUPT,
		    "task %lld: slot %lld, copy %lld, for %lld micro-USDC makes no sense",
		    (long long)p->due.id, (long long)p->slot.number,
		    (long long)p->slot.copy, (long long)p->due.reward_micros);

	query_int(q, 1, r->worker);
	query_text(q, 2, slice_of(p->told->name));
	query_int(q, 3, p->slot.number);
	query_int(q, 4, p->due.version);
	query_int(q, 5, p->due.reward_micros);
	query_int(q, 6, p->slot.cycle_ms);
	query_int(q, 7, p->slot.copy);
	query_int(q, 8, r->poll->now_ms);
	query_text(q, 9, slice_of(p->told->type->name));
	query_int(q, 10, p->told->expected_status);
	query_int(q, 11, p->told->timeout_ms);
	return query_run(q, e);
}

/* Numbers the picked slots that are new. */
static enum rc
slots_number(struct round *r, struct err *e)
{
	const int64_t before = r->last_slot;
	struct query *q;
	size_t i;

	for (i = 0; i < r->n_picks; i++)
		if (r->picks[i].slot.kind == SLOT_NEW)
			r->picks[i].slot.number = ++r->last_slot;
	if (r->last_slot == before)
		return RC_OK;
	q = db_query(r->db, Q_SLOT_SET);
	query_int(q, 1, r->last_slot);
	return query_run(q, e);
}

/* The worker's turn moves on by what it is given. */
static void
turn_pass(struct round *r, const struct due *d)
{
	r->turn = turn_of(r, d);
	if (r->turn > r->level)
		r->level = r->turn; /* the next round begins */
	r->turn += d->reward_micros;
}

static bool
is_in_turn(const struct round *r)
{
	return r->turn <= r->level;
}

/* Picks a slot of the due task at which q is, if the worker may have one. */
static enum rc
due_pick(struct round *r, struct query *q, struct err *e)
{
	struct pick *p = &r->picks[r->n_picks];
	enum rc rc;

	rc = slot_pick(r, &p->due, &p->slot, e);
	if (rc != RC_OK || p->slot.kind == SLOT_NONE)
		return rc;
	r->n_picks++;
	if (p->slot.kind == SLOT_STALE)
		return RC_OK;
	if (r->tasks != NULL) {
		rc = told_read(r, q, &p->due, &r->tasks[r->found], e);
		if (rc != RC_OK)
			return rc;
		p->told = &r->tasks[r->found];
	}
	r->found++;
	turn_pass(r, &p->due);
	return RC_OK;
}

/*
 * Picks from the region's due tasks, behind the first *seen: from all, or from
 * those that anyone may have. Ends at one that is for this worker no more.
 */
static enum rc
due_walk(struct round *r, bool all, int64_t *seen, struct err *e)
{
	struct query *q = db_query(r->db, Q_TASK_DUE);
	bool row = true, for_all;
	enum rc rc = RC_OK;

	query_int(q, 1, r->worker);
	query_int(q, 2, r->region);
	query_int(q, 3, r->poll->now_ms);
	query_int(q, 4, POLL_CANDIDATES_MAX - *seen);
	query_int(q, 5, *seen);
	query_int(q, 6, all);
	while (rc == RC_OK && r->found < r->wanted &&
	    (rc = query_step(q, &row, e)) == RC_OK && row) {
		due_read(q, &r->picks[r->n_picks].due);
		for_all = r->picks[r->n_picks].due.for_anyone;
		if (all && !is_in_turn(r) && !for_all)
			break;
		++*seen;
		if (all || for_all)
			rc = due_pick(r, q, e);
	}
	query_done(q);
	return rc;
}

/*
 * Picks as many slots as are still wanted; only reads, so that no statement
 * walks over what is being changed.
 */
static enum rc
region_pick(struct round *r, struct err *e)
{
	int64_t seen = 0;
	enum rc rc = RC_OK;

	r->n_picks = 0;
	if (is_in_turn(r))
		rc = due_walk(r, true, &seen, e);
	if (rc == RC_OK && !is_in_turn(r) && r->found < r->wanted)
		rc = due_walk(r, false, &seen, e);
	return rc;
}

/* Gives a picked slot to the worker. */
static enum rc
pick_give(struct round *r, struct pick *p, struct err *e)
{
	const struct due *d = &p->due;
	struct slot *s = &p->slot;
	int64_t given = d->given;
	bool remembered = false;
	enum rc rc;

	if (s->kind == SLOT_STALE)
		return task_move(r, d, d->cycle_ms, d->given, true, e);
	if (s->kind == SLOT_NEW)
		given = s->copy + 1;
	rc = assignment_add(r, p, e);
	if (rc == RC_OK)
		rc = offer_remember(r, d, s, &remembered, e);
	if (rc == RC_OK)
		rc = task_move(r, d, s->cycle_ms, given, remembered, e);
	return rc;
}

/* What has to be known in the region before something is picked there. */
static enum rc
place_read(struct round *r, struct err *e)
{
	struct query *q = db_query(r->db, Q_PLACE_GET);
	enum rc rc;
	bool row;

	query_int(q, 1, r->region);
	query_int(q, 2, r->worker);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		r->level = query_get_int(q, C_PLACE_GET_LEVEL_MICROS);
		/* A newcomer has nothing to catch up. */
		r->turn = query_is_null(q, C_PLACE_GET_TURN_MICROS)
		    ? r->level
		    : query_get_int(q, C_PLACE_GET_TURN_MICROS);
		r->given_ms = query_get_int(q, C_PLACE_GET_GIVEN_MS);
		r->last_slot = query_get_int(q, C_PLACE_GET_LAST_SLOT);
		/* Else slots would be numbered from the start again. */
		if (query_is_null(q, C_PLACE_GET_LAST_SLOT))
			rc = err_set(e, RC_CORRUPT,
			    "ledger: the count of slots is gone");
	}
	query_done(q);
	return rc;
}

static enum rc
level_write(struct round *r, struct err *e)
{
	struct query *q = db_query(r->db, Q_LEVEL_SET);

	query_int(q, 1, r->region);
	query_int(q, 2, r->level);
	return query_run(q, e);
}

static enum rc
turn_write(struct round *r, struct err *e)
{
	struct query *q = db_query(r->db, Q_TURN_SET);

	query_int(q, 1, r->worker);
	query_int(q, 2, r->region);
	query_int(q, 3, r->turn);
	query_int(q, 4, r->poll->now_ms);
	return query_run(q, e);
}

/*
 * Forgets the worker's assignments that nothing depends on any more; in some
 * of its polls, since that walks all that it has.
 */
static enum rc
assignment_purge(struct round *r, struct err *e)
{
	int64_t keep_ms = r->terms.keep_ms;
	int64_t now_ms = r->poll->now_ms, period_ms = keep_ms / PURGES;
	struct query *q;

	if (period_ms == 0 || r->given_ms / period_ms == now_ms / period_ms)
		return RC_OK;
	q = db_query(r->db, Q_ASSIGNMENT_PURGE);
	query_int(q, 1, r->worker);
	query_int(q, 2, now_ms - keep_ms);
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

/* Gives the worker what was picked in the region: found slots in all. */
static enum rc
picks_give(struct round *r, size_t found, int64_t level_before, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	if (r->worker == 0 && found > 0)
		rc = worker_add(
		    r->db, &r->poll->worker, r->poll->now_ms, &r->worker, e);
	if (rc == RC_OK)
		rc = slots_number(r, e);
	for (i = 0; rc == RC_OK && i < r->n_picks; i++)
		rc = pick_give(r, &r->picks[i], e);
	if (rc == RC_OK && r->level != level_before)
		rc = level_write(r, e);
	if (rc == RC_OK && found > 0)
		rc = turn_write(r, e);
	if (rc == RC_OK && found > 0)
		rc = assignment_purge(r, e);
	return rc;
}

/* Picks what the region has for the worker and, where it may, gives it. */
static enum rc
region_serve(struct round *r, int64_t region, struct slice name, struct err *e)
{
	const size_t before = r->found;
	int64_t level;
	enum rc rc;

	r->region = region;
	r->region_name = name;
	rc = place_read(r, e);
	level = r->level;
	if (rc == RC_OK)
		rc = region_pick(r, e);
	if (rc == RC_OK && r->may_write)
		rc = picks_give(r, r->found - before, level, e);
	return rc;
}

/* Learns the worker's id, of one that was seen before. */
static enum rc
worker_learn(struct round *r, struct err *e)
{
	struct worker_row w;
	enum rc rc;

	rc = worker_find(r->db, &r->poll->worker, &w, e);
	r->worker = w.id;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* Where anything is due that the worker might have. */
struct outlook {
	bool in_region; /* in the worker's own region, of that number */
	int64_t region;
	bool anywhere; /* among the tasks without a region */
};

/* One statement, which most polls end with. */
static enum rc
look_out(
    struct db *db, const struct poll *p, struct outlook *out, struct err *e)
{
	char address[ADDRESS_LEN + 1];
	bool row, suspended = false;
	struct query *q;
	enum rc rc;

	*out = (struct outlook){ .anywhere = false };
	address_format(address, &p->worker, ADDRESS_LOWER);
	q = db_query(db, Q_POLL_LOOK);
	query_text(q, 1, (struct slice){ address, ADDRESS_LEN });
	query_text(q, 2, p->region);
	query_int(q, 3, p->now_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		suspended = query_get_int(q, C_POLL_LOOK_SUSPENDED) != 0;
		out->anywhere = query_get_int(q, C_POLL_LOOK_ANYWHERE) != 0;
		out->in_region = query_get_int(q, C_POLL_LOOK_IN_REGION) != 0;
		out->region = query_get_int(q, C_POLL_LOOK_REGION);
	}
	query_done(q);
	if (rc == RC_OK && suspended)
		return err_set(e, RC_INVALID, "worker suspended");
	return rc;
}

enum rc
schedule_serve(struct db *db, bool may_write,
    const struct schedule_rules *rules, const struct poll *p,
    struct offer_list *out, bool *work, struct err *e)
{
	struct pick picks[POLL_CANDIDATES_MAX];
	struct round r = { .db = db,
		.rules = rules,
		.poll = p,
		.may_write = may_write,
		.wanted = may_write ? (size_t)rules->max_tasks : 1,
		.tasks = may_write ? out->tasks : NULL,
		.picks = picks };
	struct outlook due;
	enum rc rc;

	*work = false;
	out->n = 0;
	rc = look_out(db, p, &due, e);
	if (rc != RC_OK || (!due.in_region && !due.anywhere))
		return rc;
	rc = terms_now(db, &r.terms, e);
	if (rc == RC_OK)
		rc = worker_learn(&r, e);
	/* Its own region first: nobody else can do those tasks. */
	if (rc == RC_OK && due.in_region)
		rc = region_serve(&r, due.region, p->region, e);
	*work = r.n_picks > 0;
	if (rc == RC_OK && due.anywhere && (may_write || !*work)) {
		rc = region_serve(&r, REGION_ANY, slice_of(""), e);
		*work |= r.n_picks > 0;
	}
	if (rc == RC_OK && may_write)
		out->n = r.found;
	return rc;
}
