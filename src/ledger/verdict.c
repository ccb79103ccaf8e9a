#include "ledger/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"

/* A result of the cycle that is compared. */
struct ballot {
	int64_t slot;
	int64_t worker;
	char network[SUBNET_MAX + 1];
	bool up;
	bool counts; /* not of one that was accused */
};

struct comparison {
	int64_t over_ms;
	int64_t version;
	int64_t cycle_ms;
	int64_t task;
	struct ballot ballots[COPIES_MAX];
	size_t n;
	int64_t up; /* networks */
	int64_t down;
	bool differ; /* not all of them say the same */
};

/* ---- Voting ---- */

enum rc
verdict_vote(struct db *db, const struct vote *v, struct err *e)
{
	struct query *q = db_query(db, Q_VOTE_INSERT);
	char own[24];

	(void)snprintf(own, sizeof(own), "worker %" PRId64, v->worker);
	query_int(q, 1, v->version);
	query_int(q, 2, v->cycle_ms);
	query_int(q, 3, v->slot);
	query_int(q, 4, v->worker);
	query_text(q, 5, v->network.len == 0 ? slice_of(own) : v->network);
	query_int(q, 6, v->up);
	query_int(q, 7, POLL_PERIOD_MS);
	return query_run(q, e);
}

/* ---- Counting ---- */

static void
cycle_bind(struct query *q, const struct comparison *c)
{
	query_int(q, 1, c->over_ms);
	query_int(q, 2, c->version);
	query_int(q, 3, c->cycle_ms);
}

static enum rc
ballots_read(struct db *db, struct comparison *c, struct err *e)
{
	struct query *q = db_query(db, Q_VOTE_LIST);
	struct slice network;
	struct ballot *b;
	enum rc rc;
	bool row;

	cycle_bind(q, c);
	while ((rc = query_step(q, &row, e)) == RC_OK && row &&
	    c->n < COPIES_MAX) {
		b = &c->ballots[c->n++];
		*b = (struct ballot){
			.slot = query_get_int(q, C_VOTE_LIST_SLOT),
			.worker = query_get_int(q, C_VOTE_LIST_WORKER),
			.up = query_get_int(q, C_VOTE_LIST_UP) != 0,
			.counts = query_get_int(q, C_VOTE_LIST_IS_ACCUSED) == 0,
		};
		network = query_get_text(q, C_VOTE_LIST_NETWORK);
		(void)snprintf(b->network, sizeof(b->network), "%.*s",
		    (int)network.len, network.p);
	}
	query_done(q);
	return rc;
}

/* Whether it is its network's first that counts, and none says otherwise. */
static bool
speaks_for_network(const struct comparison *c, size_t i)
{
	const struct ballot *b = &c->ballots[i];
	size_t j;

	if (!b->counts)
		return false;
	for (j = 0; j < c->n; j++)
		if (j != i && c->ballots[j].counts &&
		    strcmp(c->ballots[j].network, b->network) == 0 &&
		    (j < i || c->ballots[j].up != b->up))
			return false;
	return true;
}

static void
votes_count(struct comparison *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		c->differ |= c->ballots[i].up != c->ballots[0].up;
		if (!speaks_for_network(c, i))
			continue;
		if (c->ballots[i].up)
			c->up++;
		else
			c->down++;
	}
}

/* ---- What is kept ---- */

/* *kept: there was none before. */
static enum rc
verdict_keep(struct db *db, const struct comparison *c, int64_t now_ms,
    bool *kept, struct err *e)
{
	struct query *q = db_query(db, Q_VERDICT_INSERT);
	enum rc rc;

	query_int(q, 1, c->cycle_ms);
	query_int(q, 2, c->task);
	query_int(q, 3, now_ms);
	query_int(q, 4, c->up);
	query_int(q, 5, c->down);
	rc = query_run(q, e);
	*kept = rc == RC_OK && db_changes(db) > 0;
	return rc;
}

static enum rc
dissent_keep(struct db *db, const struct comparison *c, const struct ballot *b,
    struct err *e)
{
	struct query *q = db_query(db, Q_DISSENT_INSERT);

	query_int(q, 1, b->slot);
	query_int(q, 2, c->task);
	query_int(q, 3, c->cycle_ms);
	query_int(q, 4, b->worker);
	query_text(q, 5, slice_of(b->network));
	query_int(q, 6, b->up ? c->down > c->up : c->up > c->down);
	query_int(q, 7, b->counts);
	return query_run(q, e);
}

enum rc
verdict_dissents(
    struct db *db, int64_t worker, int64_t since_ms, int64_t *n, struct err *e)
{
	struct query *q = db_query(db, Q_DISSENT_COUNT);

	query_int(q, 1, worker);
	query_int(q, 2, since_ms);
	return query_one_int(q, n, e);
}

/* ---- Judging ---- */

static enum rc
cycle_judge(struct db *db, struct comparison *c, int64_t now_ms, struct err *e)
{
	bool kept = false;
	struct query *q;
	size_t i;
	enum rc rc = ballots_read(db, c, e);

	votes_count(c);
	/* One network alone isn't compared with anything. */
	if (rc == RC_OK && c->up + c->down >= 2)
		rc = verdict_keep(db, c, now_ms, &kept, e);
	for (i = 0; rc == RC_OK && kept && c->differ && i < c->n; i++)
		rc = dissent_keep(db, c, &c->ballots[i], e);
	if (rc != RC_OK)
		return rc;
	q = db_query(db, Q_VOTE_DROP);
	cycle_bind(q, c);
	return query_run(q, e);
}

/* The cycle that waits longest to be compared. */
static enum rc
cycle_find(struct db *db, struct comparison *c, int64_t now_ms, bool *found,
    struct err *e)
{
	struct query *q = db_query(db, Q_VOTE_DUE);
	enum rc rc;

	query_int(q, 1, now_ms);
	rc = query_step(q, found, e);
	if (rc == RC_OK && *found)
		*c = (struct comparison){
			.over_ms = query_get_int(q, C_VOTE_DUE_OVER_MS),
			.version = query_get_int(q, C_VOTE_DUE_VERSION),
			.cycle_ms = query_get_int(q, C_VOTE_DUE_CYCLE_MS),
			.task = query_get_int(q, C_VOTE_DUE_TASK),
		};
	query_done(q);
	return rc;
}

enum rc
verdict_judge(struct db *db, const struct terms_row *terms, int64_t now_ms,
    int64_t max, struct err *e)
{
	struct comparison c;
	enum rc rc = RC_OK;
	bool found = true;

	for (; rc == RC_OK && max > 0; max--) {
		rc = cycle_find(
		    db, &c, now_ms - terms->result_window_ms, &found, e);
		if (rc != RC_OK || !found)
			break;
		rc = cycle_judge(db, &c, now_ms, e);
	}
	return rc;
}
