/*
 * Shares: whose turn it is, and what a payment changes. On a real ledger.
 */
#include "base/clock.h"
#include "ledger/share.h"
#include "ledger/worker.h"
#include "t/unit/ledger.h"

#define T0 1767225600000LL /* a midnight, UTC */

static struct db *db;
static int64_t id[5]; /* of workers 1 to 4 */

static struct address
worker(int n)
{
	return (struct address){ { 0x77, (uint8_t)n } };
}

/* Two in one network, and one of another, by turns: what each may have. */
static void
test_shares(void)
{
	struct share s = { .worker = 1,
		.network = slice_of("a/24"),
		.addresses = 2,
		.is_counted = true,
		.weight = 1 };

	tap_ok(
	    share_is_in_turn(&s, 100, 0), "a network at the level is in turn");
	s.network_micros = 100;
	tap_ok(share_is_in_turn(&s, 100, 0),
	    "one of two addresses may be one ahead");
	s.network_micros = 200;
	tap_ok(!share_is_in_turn(&s, 100, 0), "and no further");
	s.is_counted = false;
	tap_ok(share_is_in_turn(&s, 100, 0),
	    "but for one that isn't one of these two yet");
	s.is_counted = true;
	s.network_micros = 0;
	s.worker_micros = 200;
	tap_ok(!share_is_in_turn(&s, 100, 0),
	    "an address that is ahead of its network waits for the others");
	s = (struct share){ .worker = 1, .weight = 2, .worker_micros = 1 };
	tap_ok(!share_is_in_turn(&s, 100, 0) &&
		(s.level_micros = 51, share_is_in_turn(&s, 100, 100)),
	    "one with two shares moves on by half of what it is paid");
}

/* What decides about an address then. */
static struct share
share_at(int who, const char *network, int64_t now_ms)
{
	struct err e = ERR_INIT;
	struct address a = worker(who);
	struct share s;

	must(share_read(db, &a, id[who], 0, slice_of(network), now_ms, &s, &e),
	    &e);
	return s;
}

/* Pays 100 to it. */
static struct share
share_paid(int who, const char *network, bool out_of_turn, int64_t now_ms)
{
	const struct share_payment p = { 100, out_of_turn };
	struct share s = share_at(who, network, now_ms);
	struct err e = ERR_INIT;

	must(share_pay(db, &s, &p, 1, now_ms, &e), &e);
	return s;
}

static void
test_payments(void)
{
	struct err e = ERR_INIT;
	struct share s, before;
	int i;

	must(db_create_in_memory(&db, &e), &e);
	must(db_begin(db, &e), &e);
	for (i = 1; i <= 4; i++)
		must(worker_add(
			 db, (struct address[]){ worker(i) }, T0, &id[i], &e),
		    &e);
	(void)share_paid(1, "a/24", false, T0);
	s = share_paid(2, "a/24", false, T0);
	tap_is_int(s.addresses, 0, "who is paid for the first time is passing");
	tap_is_int(
	    s.network_micros, 400, "its network moves on, by twice that");
	(void)share_paid(1, "a/24", false, T0 + HOUR_MS);
	before = share_paid(2, "a/24", false, T0 + HOUR_MS);
	s = share_paid(2, "a/24", false, T0 + HOUR_MS);
	tap_is_int(s.addresses, 2, "each address counts once an hour");
	tap_ok(s.network_micros == before.network_micros + 100 &&
		s.worker_micros == before.worker_micros + 200,
	    "and moves on as far as all of its network");
	s = share_at(2, "a/24", T0 + 2 * HOUR_MS);
	tap_is_int(s.before, 2, "also in the hour after");
	s = share_at(2, "a/24", T0 + 3 * HOUR_MS);
	tap_is_int(s.addresses + s.before, 0, "but then no more");

	tap_is_int(s.level_micros, 0, "all of that began no round");
	s = share_paid(3, "b/24", false, T0);
	s = share_paid(3, "b/24", true, T0);
	tap_is_int(
	    s.level_micros, 200, "who is paid out of turn begins the next one");
	for (i = 0; i < 20; i++)
		s = share_paid(1, "a/24", true, T0 + 9 * HOUR_MS);
	tap_is_int(s.level_micros, 2600, "and so on");
	s = share_paid(3, "b/24", false, T0 + 9 * HOUR_MS);
	tap_is_int(s.network_micros, 1700,
	    "who was away catches up ten rewards, and no more");
	s = share_at(4, "c/24", T0 + 9 * HOUR_MS);
	tap_ok(share_is_in_turn(&s, 100, 0) && !share_is_in_turn(&s, 100, 100),
	    "who is new begins at the level");
	must(
	    worker_admit(db, (struct address[]){ worker(4) }, 4, false, T0, &e),
	    &e);
	s = share_paid(4, "a/24", false, T0 + 9 * HOUR_MS);
	tap_is_int(s.worker_micros, 2650,
	    "who was admitted has shares of its own, by its weight");
	must(db_commit(db, &e), &e);

	s = (struct share){ .worker = 1,
		.network = slice_of("a/24"),
		.addresses = 20,
		.is_counted = true,
		.network_micros = 900,
		.worker_micros = 900,
		.weight = 1 };
	tap_ok(share_is_in_turn(&s, 100, 0),
	    "a network of twenty may be nine rewards ahead");
	s.network_micros = s.worker_micros = 901;
	tap_ok(!share_is_in_turn(&s, 100, 0), "and no more");
}

/* A network that begins each round, since there is no other one. */
static void
test_alone(void)
{
	struct err e = ERR_INIT;
	int64_t before;
	int i;

	db_close(db);
	must(db_create_in_memory(&db, &e), &e);
	must(db_begin(db, &e), &e);
	for (i = 1; i <= 4; i++)
		must(worker_add(
			 db, (struct address[]){ worker(i) }, T0, &id[i], &e),
		    &e);
	for (i = 0; i < 3; i++)
		(void)share_paid(1, "a/24", true, T0);
	before = share_at(1, "a/24", T0).level_micros;
	tap_is_int(share_paid(1, "a/24", false, T0).level_micros, before,
	    "three rounds that one network began say nothing");
	before = share_paid(1, "a/24", true, T0).level_micros;
	tap_is_int(share_paid(1, "a/24", false, T0).level_micros, before + 93,
	    "after the fourth the level follows what it is paid, not wholly");
	(void)share_paid(2, "b/24", false, T0);
	before = share_at(1, "a/24", T0).level_micros;
	tap_is_int(share_paid(1, "a/24", false, T0).level_micros, before,
	    "until another network is paid");
	for (i = 0; i < 5; i++) {
		(void)share_paid(1, "a/24", true, T0);
		(void)share_paid(2, "b/24", true, T0);
	}
	before = share_at(1, "a/24", T0).level_micros;
	tap_is_int(share_paid(1, "a/24", false, T0).level_micros, before,
	    "rounds that two began make neither alone");
	for (i = 0; i < 9; i++)
		(void)share_paid(1 + i % 2, "", true, T0);
	before = share_at(1, "", T0).level_micros;
	tap_is_int(share_paid(1, "", false, T0).level_micros, before,
	    "nor is one of whom no network is known");
	must(db_commit(db, &e), &e);
}

/* One of two of a network, paid through another one, too. */
static void
test_places(void)
{
	struct err e = ERR_INIT;
	struct share s;
	int64_t before;
	int i;

	db_close(db);
	must(db_create_in_memory(&db, &e), &e);
	must(db_begin(db, &e), &e);
	for (i = 1; i <= 2; i++)
		must(worker_add(
			 db, (struct address[]){ worker(i) }, T0, &id[i], &e),
		    &e);
	for (i = 0; i < 40; i++)
		(void)share_paid(
		    1 + i % 2, "a/24", true, T0 + i / 20 * HOUR_MS);
	before = share_at(1, "a/24", T0 + HOUR_MS).worker_micros;
	for (i = 0; i < 5; i++)
		(void)share_paid(1, "b/24", false, T0 + HOUR_MS);
	s = share_at(1, "a/24", T0 + HOUR_MS);
	tap_is_int(s.worker_micros, before,
	    "what somebody else's polls elsewhere bring it doesn't move an address in its own network");
	s = share_paid(1, "b/24", false, T0 + 2 * HOUR_MS);
	tap_is_int(s.addresses, 1, "it counts in each of them");
	must(
	    worker_admit(db, (struct address[]){ worker(1) }, 1, false, T0, &e),
	    &e);
	s = share_at(1, "a/24", T0 + HOUR_MS);
	tap_ok(s.network.len == 0 && !s.paid_before,
	    "once it was admitted it begins in a network of its own");
	must(db_commit(db, &e), &e);
}

int
main(void)
{
	test_shares();
	test_payments();
	test_alone();
	test_places();
	db_close(db);
	return tap_done();
}
