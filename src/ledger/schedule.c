#include "ledger/schedule.h"

#include "base/log.h"
#include "ledger/anchor.h"
#include "ledger/assignment.h"
#include "ledger/cycle.h"
#include "ledger/handout.h"
#include "ledger/region.h"
#include "ledger/schedule_room.h"
#include "ledger/tier.h"
#include "ledger/witness.h"
#include "ledger/worker.h"

/* So many of its addresses that are silent cost a network the right to hold. */
#define SILENT_NETWORK 2

/* In one of so many of its polls what a worker was given is looked through. */
#define PURGE_ONE_IN 8

/* ---- To give ---- */

static enum rc
assignment_add(struct region_poll *r, const struct pick *p, struct err *e)
{
	p->told->slot = p->slot.number;
	p->told->assigned_ms = r->poll->now_ms;
	p->told->is_drill = false;
	p->told->anchor = r->anchor;
	return assignment_insert(r->db,
	    &(struct assignment){ .told = p->told,
		.worker = r->standing.worker,
		.version = p->due.version,
		.cycle_ms = p->slot.cycle_ms,
		.copy = p->slot.copy,
		.region = r->region,
		.network = r->share.network,
		.out_of_turn = p->out_of_turn,
		.compared =
		    p->due.copies > 1 ? COMPARED_COPIES : COMPARED_ALONE },
	    e);
}

/* Numbers the picked slots that are new. */
static enum rc
slots_number(struct region_poll *r, struct err *e)
{
	struct query *q;
	size_t i;

	for (i = 0; i < r->n_picks; i++)
		if (r->picks[i].slot.kind == SLOT_NEW)
			r->picks[i].slot.number = ++r->last_slot;
	q = db_query(r->db, Q_SLOT_SET);
	query_int(q, 1, r->last_slot);
	query_int(q, 2, r->poll->now_ms);
	return query_run(q, e);
}

/* Gives a picked slot to the worker. */
static enum rc
pick_give(struct region_poll *r, struct pick *p, struct err *e)
{
	struct cycle_slots *c = &p->slots;
	struct slice network =
	    r->rules->one_copy_per_network ? r->poll->network : slice_of("");
	enum rc rc = RC_OK;

	if (p->slot.kind != SLOT_STALE) {
		rc = assignment_add(r, p, e);
		if (rc == RC_OK)
			rc = cycle_slots_give(
			    r->db, &p->due, c, &p->slot, network, r->holds, e);
		if (rc != RC_OK ||
		    (!r->holds && !cycle_slots_are_unnoted(&p->due, c)))
			return rc;
	}
	return rc == RC_OK ? cycle_slots_move(r->db, &p->due, c, r->region, e)
			   : rc;
}

/*
 * Forgets the worker's assignments that nothing depends on any more; in some
 * of its polls, since that walks all that it has.
 */
static enum rc
assignment_purge(struct region_poll *r, struct err *e)
{
	const int64_t now_ms = r->poll->now_ms;
	struct query *q;

	if (cycle_mix((uint64_t)now_ms) % PURGE_ONE_IN != 0)
		return RC_OK;
	q = db_query(r->db, Q_ASSIGNMENT_PURGE);
	query_int(q, 1, r->standing.worker);
	query_int(q, 2, now_ms - r->terms.keep_ms);
	query_int(q, 3, now_ms);
	return query_run(q, e);
}

static enum rc
handout_write(struct region_poll *r, size_t slots, struct err *e)
{
	struct handout h = { .address = r->poll->worker,
		.worker = r->standing.worker,
		.network = r->share.network,
		.at_ms = r->poll->now_ms,
		.slots = (int64_t)slots };
	size_t i;

	/* All of them are silent when the slowest is. */
	for (i = 0; r->holds && i < r->n_picks; i++)
		if (r->picks[i].slot.kind != SLOT_STALE &&
		    h.held_ms <
			cycle_slots_free_ms(&r->picks[i].due, r->poll->now_ms))
			h.held_ms = cycle_slots_free_ms(
			    &r->picks[i].due, r->poll->now_ms);
	return handout_add(r->db, &h, e);
}

/* Has witnesses visit some of what was picked. */
static enum rc
picks_spot(struct region_poll *r, struct err *e)
{
	int64_t versions[TASKS_PER_POLL_MAX];
	const struct pick *p;
	size_t i, n = 0;

	for (i = 0; i < r->n_picks; i++) {
		p = &r->picks[i];
		if (p->slot.kind == SLOT_NEW && p->due.copies == 1)
			versions[n++] = p->due.version;
	}
	return witness_spot(r->db, versions, n, r->rules->spot_permille, e);
}

/* Gives the worker what was picked in the region: found slots in all. */
static enum rc
picks_give(struct region_poll *r, size_t found, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	if (r->standing.worker == 0 && found > 0)
		rc = worker_add(r->db, &r->poll->worker, r->poll->now_ms,
		    &r->standing.worker, e);
	if (rc == RC_OK && found > 0)
		rc = slots_number(r, e);
	if (rc == RC_OK && found > 0)
		rc = anchor_newest(r->db, &r->anchor, e);
	for (i = 0; rc == RC_OK && i < r->n_picks; i++)
		rc = pick_give(r, &r->picks[i], e);
	if (rc != RC_OK || found == 0)
		return rc;
	rc = picks_spot(r, e);
	if (rc == RC_OK)
		rc = handout_write(r, found, e);
	if (rc == RC_OK)
		rc = assignment_purge(r, e);
	if (rc == RC_OK)
		rc = handout_purge(r->db, &r->rules->standing, r->terms.keep_ms,
		    r->poll->now_ms, e);
	return rc;
}

/* Picks what the region has for the worker and, where it may, gives it. */
static enum rc
region_serve(
    struct region_poll *r, int64_t region, struct slice name, struct err *e)
{
	const size_t before = r->found;
	enum rc rc;
	size_t i;

	r->n_picks = 0;
	if (r->found >= r->wanted)
		return RC_OK;
	r->region = region;
	r->region_name = name;
	r->given_micros = 0;
	for (i = 0; i < r->held; i++)
		if (slice_is(name, r->tasks[i].region))
			r->given_micros += r->tasks[i].reward_micros;
	rc = share_read(r->db, &r->poll->worker, r->standing.worker, region,
	    r->poll->network, r->poll->now_ms, &r->share, e);
	if (rc == RC_OK)
		rc = schedule_pick(r, e);
	if (rc == RC_OK && r->may_write)
		rc = picks_give(r, r->found - before, e);
	return rc;
}

/* ---- The poll ---- */

/* What one statement says, which most polls end with. */
struct outlook {
	bool suspended;
	bool admitted;
	bool is_witness;
	bool waits;	   /* it has slots that it hasn't answered */
	bool in_region;	   /* something is due in the worker's own region, */
	int64_t region;	   /* of that number, */
	bool anywhere;	   /* or among the tasks without a region */
	int64_t given_ms;  /* when a slot was last given, to anybody, */
	int64_t last_slot; /* and which */
};

static enum rc
look_out(
    struct db *db, const struct poll *p, struct outlook *out, struct err *e)
{
	char address[ADDRESS_LEN + 1];
	struct query *q;
	enum rc rc;
	bool row;

	*out = (struct outlook){ .anywhere = false };
	address_format(address, &p->worker, ADDRESS_LOWER);
	q = db_query(db, Q_POLL_LOOK);
	query_text(q, 1, (struct slice){ address, ADDRESS_LEN });
	query_text(q, 2, p->region);
	query_int(q, 3, p->now_ms);
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row) {
		out->suspended = query_get_int(q, C_POLL_LOOK_SUSPENDED) != 0;
		out->admitted = query_get_int(q, C_POLL_LOOK_ADMITTED) != 0;
		out->is_witness = query_get_int(q, C_POLL_LOOK_ADMITTED) == 2;
		out->waits = query_get_int(q, C_POLL_LOOK_WAITS) != 0;
		out->anywhere = query_get_int(q, C_POLL_LOOK_ANYWHERE) != 0;
		out->in_region = query_get_int(q, C_POLL_LOOK_IN_REGION) != 0;
		out->region = query_get_int(q, C_POLL_LOOK_REGION);
		out->given_ms = query_get_int(q, C_POLL_LOOK_GIVEN_MS);
		out->last_slot = query_get_int(q, C_POLL_LOOK_LAST_SLOT);
	}
	query_done(q);
	/* Else slots would be numbered from the start again. */
	if (rc == RC_OK && !row)
		return err_set(
		    e, RC_CORRUPT, "ledger: the count of slots is gone");
	return rc;
}

/* Learns the worker's id, of one that was seen before, and its standing. */
static enum rc
worker_learn(struct region_poll *r, const struct outlook *l, struct err *e)
{
	enum rc rc = standing_find(r->db, &r->poll->worker, &r->standing, e);

	/* Who is of a tier was admitted. */
	r->permille = TIER_PERMILLE;
	return rc == RC_OK && l->admitted
	    ? tier_permille(r->db, r->standing.worker, &r->permille, e)
	    : rc;
}

/* Whether anybody like this is given anything. */
static enum rc
admit(const struct region_poll *r, const struct outlook *l, struct err *e)
{
	if (l->admitted || r->rules->admission == ADMISSION_OPEN ||
	    (r->rules->admission == ADMISSION_STANDING &&
		standing_is_good(&r->standing, &r->rules->standing)))
		return RC_OK;
	return err_set(e, RC_INVALID, "address not admitted");
}

/* After the clock was set back, what waits for a time that isn't to come. */
static enum rc
clock_believe(struct region_poll *r, int64_t given_ms, struct err *e)
{
	struct query *q = db_query(r->db, Q_SCHEDULE_BELIEVE);
	enum rc rc;

	log_warning(
	    "the clock was set back, or was ahead: a slot was given %lld ms from now; what waits for such a time is due now",
	    (long long)(given_ms - r->poll->now_ms));
	query_int(q, 1, r->poll->now_ms);
	query_int(q, 2, POLL_PERIOD_MS);
	rc = query_run(q, e);
	r->n_picks = 0;
	return rc == RC_OK ? slots_number(r, e) : rc;
}

/*
 * What its network lets it have: it holds its slots if all of them fit into the
 * network's limit. Who was never paid is given no more than is left of that, or
 * of half of it where it holds nothing: but for such a limit each new address
 * would leave rows behind. Who was paid has earned to be given what is due,
 * whatever polls from its network, in whosever name, have taken.
 */
static enum rc
network_room(struct region_poll *r, const struct outlook *l, struct err *e)
{
	const int64_t limit = r->rules->network_slots;
	int64_t wanted = (int64_t)(r->wanted - r->found), room;
	struct handout_sums had;
	enum rc rc;

	/* Who was admitted is a network of its own, whatever others do. */
	if (l->admitted || r->poll->network.len == 0)
		return RC_OK;
	rc = handout_count(r->db, r->poll->network,
	    r->poll->now_ms - r->terms.result_window_ms, r->poll->now_ms, &had,
	    e);
	if (had.silent >= SILENT_NETWORK &&
	    !standing_is_anybodys(&r->rules->standing))
		r->holds = false;
	room = r->holds ? limit - had.held : (limit + 1) / 2 - had.free;
	if (room < 0)
		room = 0;
	if (r->standing.known)
		r->holds =
		    r->holds && room >= (wanted < limit ? wanted : limit);
	else if (wanted > room)
		r->wanted = r->found + (size_t)room;
	return rc;
}

/* Whether what it is given now is its own. */
static enum rc
holding_decide(struct region_poll *r, const struct outlook *l, struct err *e)
{
	enum rc rc = RC_OK;

	if (l->waits && r->may_write)
		rc = handout_settle(r->db, &r->poll->worker, &r->standing,
		    &r->rules->standing, r->poll->now_ms, e);
	r->holds = standing_is_anybodys(&r->rules->standing) ||
	    (standing_may_hold(&r->standing, &r->rules->standing) &&
		standing_is_from(&r->standing, r->poll->network));
	return rc;
}

static enum rc
regions_serve(
    struct region_poll *r, const struct outlook *l, bool *work, struct err *e)
{
	enum rc rc = RC_OK;

	/* Its own region first: nobody else can do those tasks. */
	if (l->in_region &&
	    standing_may_work_in(&r->standing, l->region, r->poll->now_ms)) {
		rc = region_serve(r, l->region, r->poll->region, e);
		*work |= r->n_picks > 0;
	}
	if (rc == RC_OK && l->anywhere && (r->may_write || !*work)) {
		rc = region_serve(r, REGION_ANY, slice_of(""), e);
		*work |= r->n_picks > 0;
	}
	return rc;
}

/* Of an address that is let in, and for which there may be something. */
static enum rc
poll_serve(struct region_poll *r, struct outlook *l, bool *work, struct err *e)
{
	const bool ahead = l->given_ms > r->poll->now_ms + POLL_PERIOD_MS;
	enum rc rc = RC_OK;

	*work = ahead;
	r->last_slot = l->last_slot;
	if (ahead && r->may_write)
		rc = clock_believe(r, l->given_ms, e);
	if (rc == RC_OK && ahead)
		rc = look_out(r->db, r->poll, l, e);
	if (rc == RC_OK && l->waits && r->standing.worker > 0)
		rc = schedule_held_list(r, e);
	r->held = r->found;
	/* It is given what witness.h says; and that needs the writer. */
	if (l->is_witness) {
		*work = true;
		return rc;
	}
	if (rc == RC_OK)
		rc = holding_decide(r, l, e);
	if (rc == RC_OK)
		rc = network_room(r, l, e);
	/* One more is enough to know. */
	if (!r->may_write && r->wanted > r->held + 1)
		r->wanted = r->held + 1;
	if (rc == RC_OK)
		rc = regions_serve(r, l, work, e);
	if (!r->may_write)
		r->found = r->held;
	return rc;
}

enum rc
schedule_serve(struct db *db, bool may_write,
    const struct schedule_rules *rules, const struct poll *p,
    struct given_list *out, bool *work, struct err *e)
{
	struct pick picks[POLL_CANDIDATES_MAX];
	struct region_poll r = { .db = db,
		.rules = rules,
		.poll = p,
		.may_write = may_write,
		.wanted = (size_t)rules->max_tasks - p->kept,
		.tasks = out->tasks,
		.picks = picks };
	struct outlook l;
	enum rc rc;

	*work = false;
	out->n = out->held = 0;
	out->to_witness = false;
	rc = look_out(db, p, &l, e);
	if (rc == RC_OK && l.suspended)
		rc = err_set(e, RC_INVALID, "worker suspended");
	if (rc != RC_OK ||
	    (!l.in_region && !l.anywhere && !l.waits && !l.is_witness &&
		rules->admission == ADMISSION_OPEN &&
		l.given_ms <= p->now_ms + POLL_PERIOD_MS))
		return rc;
	rc = terms_now(db, &r.terms, e);
	if (rc == RC_OK)
		rc = worker_learn(&r, &l, e);
	if (rc == RC_OK)
		rc = admit(&r, &l, e);
	if (rc == RC_OK)
		rc = poll_serve(&r, &l, work, e);
	if (rc == RC_OK) {
		out->n = r.found;
		out->held = r.held;
		out->to_witness = l.is_witness;
		out->worker = r.standing.worker;
		out->terms = r.terms;
	}
	return rc;
}
