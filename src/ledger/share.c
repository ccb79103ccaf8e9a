#include "ledger/share.h"

#include "base/clock.h"

/* Rewards that somebody who was away may catch up. */
#define CATCH_UP 10

/* Rounds in a row that one network begins, until it is taken to be alone. */
#define ROUNDS_ALONE 4

/* Of so many parts the level follows all but one, of who is alone. */
#define FOLLOW 16

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What its network's addresses are at now_ms, as far as that is known. */
static void
addresses_read(struct share *s, struct query *q, int64_t now_ms)
{
	int64_t hours = now_ms / HOUR_MS -
	    query_get_int(q, C_SHARE_GET_NETWORK_PAID_MS) / HOUR_MS;

	s->addresses = s->before = 0;
	if (query_is_null(q, C_SHARE_GET_NETWORK_PAID_MS))
		return;
	if (hours == 0) {
		s->addresses = query_get_int(q, C_SHARE_GET_ADDRESSES);
		s->before = query_get_int(q, C_SHARE_GET_ADDRESSES_BEFORE);
	} else if (hours == 1)
		s->before = query_get_int(q, C_SHARE_GET_ADDRESSES);
}

static void
share_fill(struct share *s, struct query *q, int64_t now_ms)
{
	s->level_micros = query_get_int(q, C_SHARE_GET_LEVEL_MICROS);
	s->rounds = query_get_int(q, C_SHARE_GET_LEVEL_ROUNDS);
	s->weight = query_is_null(q, C_SHARE_GET_WEIGHT)
	    ? 1
	    : query_get_int(q, C_SHARE_GET_WEIGHT);
	if (!query_is_null(q, C_SHARE_GET_WEIGHT))
		s->network = slice_of("");
	s->are_others = s->network.len == 0 ||
	    query_get_int(q, C_SHARE_GET_LEVEL_IS_OWN) == 0;
	s->paid_before = !query_is_null(q, C_SHARE_GET_HOUR);
	s->hour = query_get_int(q, C_SHARE_GET_HOUR);
	s->is_counted = s->paid_before && s->hour >= now_ms / HOUR_MS - 1;
	addresses_read(s, q, now_ms);
	/* A newcomer has nothing to catch up, nor is it ahead of anybody. */
	if (query_is_null(q, C_SHARE_GET_NETWORK_MICROS)) {
		s->network_micros = s->level_micros;
		s->network_paid_ms = -1;
	} else {
		s->network_micros =
		    query_get_int(q, C_SHARE_GET_NETWORK_MICROS);
		s->network_paid_ms =
		    query_get_int(q, C_SHARE_GET_NETWORK_PAID_MS);
	}
	if (!query_is_null(q, C_SHARE_GET_WORKER_MICROS))
		s->worker_micros = query_get_int(q, C_SHARE_GET_WORKER_MICROS);
	else if (s->network.len > 0)
		s->worker_micros = s->network_micros;
	else
		s->worker_micros = s->level_micros;
}

enum rc
share_read(struct db *db, const struct address *a, int64_t worker,
    int64_t region, struct slice network, int64_t now_ms, struct share *out,
    struct err *e)
{
	char text[ADDRESS_LEN + 1];
	struct query *q = db_query(db, Q_SHARE_GET);
	enum rc rc;
	bool row;

	*out = (struct share){
		.worker = worker, .region = region, .network = network
	};
	address_format(text, a, ADDRESS_LOWER);
	query_int(q, 1, region);
	query_int(q, 2, worker);
	query_text(q, 3, network);
	query_text(q, 4, (struct slice){ text, ADDRESS_LEN });
	rc = query_step(q, &row, e);
	if (rc == RC_OK && row)
		share_fill(out, q, now_ms);
	query_done(q);
	return rc;
}

/*
 * How many addresses the network's share is for. Who isn't one of them yet
 * comes to them: else all slots of a network that is alone would go to one.
 */
static int64_t
sharers(const struct share *s)
{
	return most(1, most(s->addresses, s->before) + !s->is_counted);
}

/* The network's part, with no more to catch up than is allowed. */
static int64_t
outer_micros(const struct share *s, int64_t reward_micros)
{
	int64_t micros =
	    s->network.len > 0 ? s->network_micros : s->worker_micros;

	return most(micros, s->level_micros - CATCH_UP * reward_micros);
}

/* The address's part within its network. */
static int64_t
inner_micros(const struct share *s, int64_t outer, int64_t reward_micros)
{
	return most(
	    s->worker_micros, outer - CATCH_UP * reward_micros * sharers(s));
}

bool
share_is_in_turn_within(
    const struct share *s, int64_t reward_micros, int64_t given_micros)
{
	int64_t outer = outer_micros(s, reward_micros), n = sharers(s);

	return n == 1 || s->network.len == 0 ||
	    inner_micros(s, outer, reward_micros) + n * given_micros <=
	    outer + given_micros;
}

bool
share_is_in_turn(
    const struct share *s, int64_t reward_micros, int64_t given_micros)
{
	int64_t outer = outer_micros(s, reward_micros), n = sharers(s);

	if (s->network.len == 0)
		return outer + given_micros / s->weight <= s->level_micros;
	return outer + given_micros -
		(least(n, CATCH_UP) - 1) * reward_micros <=
	    s->level_micros &&
	    share_is_in_turn_within(s, reward_micros, given_micros);
}

bool
share_was_paid_since(const struct share *s, int64_t since_ms, int64_t now_ms)
{
	return s->network_paid_ms > since_ms && s->network_paid_ms <= now_ms;
}

/* Counts the address in its network, once an hour, if it is no passing one. */
static void
address_count(struct share *s, int64_t hour)
{
	if (s->paid_before && s->hour != hour)
		s->addresses++;
	s->is_counted = s->paid_before;
	s->hour = s->paid_before ? hour : hour - 2;
}

static void
payment_count(struct share *s, const struct share_payment *p)
{
	int64_t outer = outer_micros(s, p->reward_micros), inner,
		moved = p->reward_micros;

	/* Who begins waits until the others were paid once more. */
	if (!s->paid_before)
		moved *= 2;
	s->paid_before = true;
	if (s->are_others)
		s->rounds = 0;
	if (p->out_of_turn) {
		s->level_micros = most(s->level_micros, outer);
		s->rounds = least(s->rounds + 1, ROUNDS_ALONE);
	} else if (s->rounds == ROUNDS_ALONE)
		s->level_micros += moved * (FOLLOW - 1) / FOLLOW;
	if (s->network.len == 0) {
		s->worker_micros = outer + moved / s->weight;
		return;
	}
	s->are_others = false;
	/* One that is ahead of its network got what nobody else there took. */
	inner = least(inner_micros(s, outer, p->reward_micros), outer);
	s->worker_micros = inner + sharers(s) * moved;
	s->network_micros = outer + moved;
}

static enum rc
level_write(struct db *db, const struct share *s, struct err *e)
{
	struct query *q = db_query(db, Q_LEVEL_SET);

	query_int(q, 1, s->region);
	query_int(q, 2, s->level_micros);
	query_text(q, 3, s->network);
	query_int(q, 4, s->rounds);
	return query_run(q, e);
}

static enum rc
network_write(
    struct db *db, const struct share *s, int64_t now_ms, struct err *e)
{
	struct query *q = db_query(db, Q_NETWORK_SHARE_SET);

	query_text(q, 1, s->network);
	query_int(q, 2, s->region);
	query_int(q, 3, s->network_micros);
	query_int(q, 4, now_ms);
	query_int(q, 5, s->addresses);
	query_int(q, 6, s->before);
	return query_run(q, e);
}

static enum rc
worker_write(struct db *db, const struct share *s, struct err *e)
{
	struct query *q = db_query(db, Q_WORKER_SHARE_SET);

	query_int(q, 1, s->worker);
	query_int(q, 2, s->region);
	query_text(q, 3, s->network);
	query_int(q, 4, s->worker_micros);
	query_int(q, 5, s->hour);
	return query_run(q, e);
}

enum rc
share_pay(struct db *db, struct share *s, const struct share_payment *p,
    size_t n, int64_t now_ms, struct err *e)
{
	const struct share before = *s;
	enum rc rc = RC_OK;
	size_t i;

	CHECK(s->worker > 0);
	address_count(s, now_ms / HOUR_MS);
	for (i = 0; i < n; i++)
		payment_count(s, &p[i]);
	if (s->level_micros != before.level_micros ||
	    s->rounds != before.rounds)
		rc = level_write(db, s, e);
	if (rc == RC_OK && s->network.len > 0)
		rc = network_write(db, s, now_ms, e);
	return rc == RC_OK ? worker_write(db, s, e) : rc;
}
