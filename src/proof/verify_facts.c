/* Leaves beside definitions and segments: method, maintenance, drills' keys. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "eth/hex.h"
#include "proof/verify_room.h"

/* ---- Time: what a leaf says is over stays so ---- */

/* When the leaf says that it was logged; LEAF_NONE: it doesn't. */
static int64_t
logged_of(const struct leaf *l)
{
	switch (l->kind) {
	case KIND_MAINTENANCE:
		return l->of.maintenance.logged;
	case KIND_METHOD:
		return l->of.method.logged;
	case KIND_CANARY:
		return l->of.canary.logged;
	default:
		return LEAF_NONE;
	}
}

static enum rc
order_check(const struct verification *v, struct err *e)
{
	const struct hour_leaf *hour;
	int64_t newest = 0, logged;
	size_t i;

	for (i = 0; i < v->n; i++) {
		logged = logged_of(&v->leaf[i]);
		hour = hours_of(&v->hours, v->leaf[i].index);
		if (hour != NULL && hour->to > newest)
			newest = hour->to;
		if (logged != LEAF_NONE && logged < newest)
			return err_set(e, RC_INVALID,
			    "leaf %" PRId64
			    " is backdated: it says that it was logged at %" PRId64
			    ", after what was over at %" PRId64
			    " was logged already",
			    v->leaf[i].index, logged, newest);
		if (v->leaf[i].kind == KIND_SEGMENT)
			logged = v->leaf[i].of.segment.to;
		if (logged > newest)
			newest = logged;
	}
	return RC_OK;
}

/* When somebody else had all of it already; INT64_MAX: nobody says. */
static int64_t
seen_ms(const struct verify_report *r)
{
	int64_t s = INT64_MAX / 1000;

	if (r->witnesses > 0)
		s = r->first_s;
	if (r->stamps > 0 && r->stamped_s < s)
		s = r->stamped_s;
	return s == INT64_MAX / 1000 ? INT64_MAX : s * 1000;
}

/*
 * What somebody had seen can't have been logged, or over, only afterwards. A
 * clock that is further off than this no worker would be paid by.
 */
static enum rc
seen_check(const struct verification *v, struct err *e)
{
	const int64_t seen = seen_ms(v->out);
	const struct leaf *l;
	int64_t at;

	for (l = v->leaf; seen < INT64_MAX && l < v->leaf + v->n; l++) {
		at = l->kind == KIND_SEGMENT ? l->of.segment.to : logged_of(l);
		if (at > seen + CLOCK_SKEW_MAX_MS)
			return err_set(e, RC_INVALID,
			    "leaf %" PRId64 " is of %" PRId64
			    ", and had been seen already at %" PRId64,
			    l->index, at, seen);
	}
	return RC_OK;
}

/* ---- The method ---- */

static enum rc
method_check(const struct leaf *l, int64_t prev, struct err *e)
{
	const struct method_leaf *m = &l->of.method;

	if (m->prev != prev)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 " follows the method of leaf %" PRId64
		    ", expected that of leaf %" PRId64 ": a method is left out",
		    l->index, m->prev, prev);
	if (strcmp(m->method, UPTIME_METHOD) != 0 ||
	    m->confirm != UPTIME_CONFIRM || m->networks != UPTIME_NETWORKS ||
	    m->recover != UPTIME_RECOVER || m->gap_ms != UPTIME_GAP_MS)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64
		    ": the method \"%s\" with its parameters isn't the %s of this program",
		    l->index, m->method, UPTIME_METHOD);
	if (strcmp(m->text, UPTIME_TEXT_SHA256) != 0)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64
		    ": the method's text, with SHA-256 %s, isn't that of %s",
		    l->index, m->text, UPTIME_METHOD);
	return RC_OK;
}

/* ---- Maintenance ---- */

/* The last leaf before it that is of the same maintenance. */
static const struct maintenance_leaf *
told_before(const struct verification *v, const struct leaf *before)
{
	const struct maintenance_leaf *m = &before->of.maintenance, *other;
	const struct leaf *l = before;

	while (l-- > v->leaf) {
		other = &l->of.maintenance;
		if (l->kind == KIND_MAINTENANCE && other->id == m->id &&
		    other->noted == m->noted)
			return other;
	}
	return NULL;
}

/* Announced once, and then ended once, if at all. */
static bool
is_next(const struct maintenance_leaf *m, const struct maintenance_leaf *before)
{
	if (before == NULL || m->ended == LEAF_NONE)
		return before == NULL && m->ended == LEAF_NONE;
	return before->ended == LEAF_NONE && before->from == m->from &&
	    before->to == m->to;
}

/* over: hours until then were logged before the leaf. */
static enum rc
maintenance_check(const struct verification *v, const struct leaf *l,
    int64_t prev, int64_t over, struct err *e)
{
	const struct maintenance_leaf *m = &l->of.maintenance;

	if (strcmp(m->task, v->task[0].task) != 0)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 " is of task %s, the export is of %s",
		    l->index, m->task, v->task[0].task);
	if (m->prev != prev)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 " follows the maintenance of leaf %" PRId64
		    ", expected that of leaf %" PRId64
		    ": maintenance is left out",
		    l->index, m->prev, prev);
	if (!is_next(m, told_before(v, l)))
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64 ": maintenance %" PRId64
		    " isn't announced once, and ended then, if at all",
		    l->index, m->id);
	/* Else who leaves it out shows these hours otherwise. */
	if (m->ended != LEAF_NONE && m->ended < over)
		return err_set(e, RC_INVALID,
		    "leaf %" PRId64
		    ": the end of maintenance is backdated, to before hours that were logged already",
		    l->index);
	return RC_OK;
}

/* ---- What a segment was made by ---- */

/* The newest leaves of the task before a segment. */
struct newest {
	int64_t definition;
	int64_t maintenance;
	int64_t method;
	int64_t over; /* where the last segment ended */
};

static enum rc
segment_check(const struct leaf *l, const struct newest *n, struct err *e)
{
	const struct segment_leaf *s = &l->of.segment;

	if (n->method == LEAF_NONE)
		return err_set(e, RC_INVALID,
		    "segment of leaf %" PRId64
		    ": no method was stated before it",
		    l->index);
	if (s->definition != n->definition)
		return err_set(e, RC_INVALID,
		    "segment of leaf %" PRId64
		    ": it was made by the definition of leaf %" PRId64
		    ", the export has that of leaf %" PRId64
		    " before it: a definition is left out",
		    l->index, s->definition, n->definition);
	if (s->maintenance != n->maintenance)
		return err_set(e, RC_INVALID,
		    "segment of leaf %" PRId64
		    ": the newest maintenance before it is that of leaf %" PRId64
		    ", the export has that of leaf %" PRId64
		    ": maintenance is left out",
		    l->index, s->maintenance, n->maintenance);
	return RC_OK;
}

enum rc
verify_facts(struct verification *v, struct err *e)
{
	struct newest n = { LEAF_NONE, LEAF_NONE, LEAF_NONE, 0 };
	const struct leaf *l;
	enum rc rc;

	rc = order_check(v, e);
	if (rc == RC_OK)
		rc = seen_check(v, e);
	for (l = v->leaf; l < v->leaf + v->n && rc == RC_OK; l++)
		switch (l->kind) {
		case KIND_TASK:
		case KIND_PRIVATE:
			n.definition = l->index;
			break;
		case KIND_METHOD:
			rc = method_check(l, n.method, e);
			n.method = l->index;
			break;
		case KIND_MAINTENANCE:
			rc = maintenance_check(v, l, n.maintenance, n.over, e);
			n.maintenance = l->index;
			break;
		case KIND_SEGMENT:
			rc = segment_check(l, &n, e);
			n.over = l->of.segment.to;
			break;
		default:
			break;
		}
	return rc;
}

/* ---- Keys of drills ---- */

enum rc
verify_drills_key(const struct verification *v, const struct drills_leaf *d,
    struct drills_key *out, struct err *e)
{
	const struct canary_leaf *promised = NULL, *shown = NULL, *c;
	char hash[LEAF_HEX_SIZE];
	uint8_t digest[SHA256_LEN];
	size_t i;

	for (i = 0; i < v->n; i++) {
		c = &v->leaf[i].of.canary;
		if (v->leaf[i].kind != KIND_CANARY || c->day != d->day)
			continue;
		if (c->key[0] == '\0' && promised == NULL)
			promised = c;
		else if (c->key[0] != '\0')
			shown = c;
	}
	if (promised == NULL || shown == NULL || shown < promised)
		return err_set(e, RC_INVALID,
		    "the key of day %" PRId64
		    " and what was committed to before aren't in the export",
		    d->day);
	if (hex_decode(out->key, sizeof(out->key), slice_of(shown->key), e) !=
	    RC_OK)
		return RC_INVALID;
	sha256(digest, out->key, sizeof(out->key));
	hex_encode(hash, digest, sizeof(digest));
	if (strcmp(hash, promised->hash) != 0 || strcmp(hash, shown->hash) != 0)
		return err_set(e, RC_INVALID,
		    "the key of day %" PRId64
		    " isn't the one that was committed to",
		    d->day);
	/* Whoever knows it knows which slots are drills. */
	if (shown->logged < (d->day + 1) * DAY_MS)
		return err_set(e, RC_INVALID,
		    "the key of day %" PRId64 " was shown at %" PRId64
		    ", before the day was over",
		    d->day, shown->logged);
	out->in_time = promised->logged < d->day * DAY_MS;
	return RC_OK;
}
