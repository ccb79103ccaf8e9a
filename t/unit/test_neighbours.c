/*
 * What polls from one's own network, or in one's own name, can't do: a poll
 * proves nothing, whoever is behind the address that it comes from. On a real
 * ledger, with a clock that the test sets.
 */
#include "t/unit/polls.h"

/* Polls in another's name, for another region. */
static void
test_region(void)
{
	ledger_new();
	add_in("e", "eu", HOUR_MS, 1);
	add_in("u", "us", HOUR_MS, 1);
	tap_is_int(poll_in(1, "us", "evil/24", T0 + MINUTE), 1,
	    "somebody polls in an address's name, for another region");
	tap_is_int(poll_in(1, "eu", "a/24", T0 + MINUTE + SECOND), 1,
	    "the address itself is given one task,");
	tap_is_text(given.tasks[0].name, "e", "of the region that it declares");
	tap_is_int(poll_in(1, "us", "a/24", T0 + MINUTE + 2 * SECOND), 1,
	    "and when it declares the other one");
	tap_is_text(given.tasks[0].name, "u", "it is told of that again");
	tap_ok(answer(1, "e", "a/24", T0 + MINUTE + 3 * SECOND),
	    "what it isn't told of now it can still answer");
}

/* A stranger in a network polls in the names of all who have standing. */
static void
test_names(void)
{
	char network[16];
	int i;

	ledger_new();
	tasks_add(12, 1);
	rules.network_slots = 30;
	for (i = 1; i <= 20; i++) {
		(void)snprintf(network, sizeof(network), "n%d/24", i);
		stand(i, network, T0);
	}
	for (i = 1; i <= 20; i++)
		(void)poll_at(i, "a/24", T0 + 2 * MINUTE);
	stand(21, "a/24", T0);
	tap_is_int(poll_at(21, "a/24", T0 + 2 * MINUTE + SECOND), 10,
	    "polls from its network, in names of standing, keep nobody of standing from work,");
	rules.max_tasks = 12;
	tap_is_int(poll_at(90, "z/24", T0 + 2 * MINUTE + 2 * SECOND), 2,
	    "nor from holding it");
}

/* One that was paid, but has no standing yet, beside strangers. */
static void
test_paid(void)
{
	int i;

	ledger_new();
	tasks_add(12, 1);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE);
	tap_ok(answer(1, given.tasks[0].name, "a/24", T0 + 2 * MINUTE),
	    "a newcomer is paid");
	for (i = 50; i < 70; i++)
		(void)poll_at(i, "a/24", T0 + 9 * MINUTE);
	tap_is_int(poll_at(70, "a/24", T0 + 9 * MINUTE), 0,
	    "fresh addresses of its network have all that they may,");
	tap_ok(poll_at(1, "a/24", T0 + 9 * MINUTE) >= 9,
	    "but it is given what is due");
}

/* A crowd with standing, in one network. */
static void
test_held(void)
{
	int i, n = 0;

	ledger_new();
	tasks_add(40, 1);
	rules.network_slots = 16;
	rules.max_tasks = 8;
	for (i = 1; i <= 5; i++) {
		stand(i, "a/24", T0);
		n += poll_at(i, "a/24", T0 + 2 * MINUTE);
	}
	tap_is_int(n, 40, "five of a network of standing are given 40 slots,");
	rules.max_tasks = 40;
	rules.network_slots = 80;
	tap_is_int(poll_at(90, "z/24", T0 + 2 * MINUTE + 10 * SECOND), 24,
	    "but hold no more than their network may");
}

/* A crowd of one network that falls silent, one after the other. */
static void
test_silent(void)
{
	int i;

	ledger_new();
	rules.network_slots = 100;
	tasks_add(2, 1);
	for (i = 1; i <= 4; i++)
		stand(i, i < 4 ? "a/24" : "b/24", T0);
	(void)poll_at(1, "a/24", T0 + 2 * MINUTE);
	tap_is_int(poll_at(2, "a/24", T0 + 4 * MINUTE), 2,
	    "one of a network is silent, and the next may hold its slots,");
	tap_is_int(poll_at(90, "z/24", T0 + 4 * MINUTE + 10 * SECOND), 0,
	    "which it does,");
	tap_is_int(poll_at(3, "a/24", T0 + 6 * MINUTE), 2,
	    "but when it is silent, too, a third one is given them");
	tap_is_int(poll_at(90, "z/24", T0 + 6 * MINUTE + 10 * SECOND), 2,
	    "and doesn't hold them");
	tap_is_int(poll_at(4, "b/24", T0 + 6 * MINUTE + 20 * SECOND), 2,
	    "one of another network is given them, too,");
	tap_is_int(
	    poll_at(91, "z/24", T0 + 6 * MINUTE + 30 * SECOND), 0, "and does");
}

/* Who is away, while others poll in its name from its network. */
static void
test_away(void)
{
	int64_t t;

	ledger_new();
	rules.admission = ADMISSION_STANDING;
	add("a", 30 * SECOND);
	stand(1, "a/24", T0);
	for (t = T0; t < T0 + 12 * HOUR_MS; t += 5 * MINUTE)
		(void)poll_at(1, "a/24", t);
	tap_is_int(poll_at(1, "a/24", t), 1,
	    "polls in an address's name, from its network, take no admission of it");
}

/* Where a cycle has two copies. */
static void
test_copy(void)
{
	int who, given_n = 0;

	for (who = 10; who < 26; who++) {
		ledger_new();
		tasks_add(1, 2);
		(void)poll_at(1, "a/24", T0);
		(void)poll_at(2, "b/24", T0);
		(void)poll_at(who, "c/24", T0);
		(void)answer(1, "t0", "a/24", T0 + SECOND);
		given_n += poll_at(3, "c/24", T0 + 2 * SECOND);
		if (poll_at(4, "a/24", T0 + 5 * MINUTE) != 0)
			tap_ok(false, "a network was given a second copy");
	}
	tap_is_int(given_n, 16,
	    "a stranger's poll doesn't keep its network from the copy that is left, when the one that it was given is paid to another");
}

/* Who comes back in a cycle that is longer than an answer can take. */
static void
test_back(void)
{
	int64_t before;

	ledger_new();
	add("a", HOUR_MS);
	tap_is_int(poll_at(1, "a/24", T0), 1, "an address is given a slot");
	before = slots_given();
	tap_is_int(poll_at(1, "a/24", T0 + 6 * MINUTE), 1,
	    "when it can't be paid for it any more, it may have it again");
	tap_is_int(slots_given(), before, "as it was offered to all");
	tap_ok(answer(1, "a", "a/24", T0 + 6 * MINUTE + SECOND), "and is paid");

	ledger_new();
	add("a", HOUR_MS);
	stand(1, "a/24", T0);
	(void)poll_at(1, "a/24", T0);
	tap_is_int(poll_at(1, "a/24", T0 + 8 * MINUTE), 1,
	    "the same of one that held it");
	(void)poll_at(2, "b/24", T0 + 12 * MINUTE);
	tap_ok(answer(1, "a", "a/24", T0 + 12 * MINUTE + SECOND),
	    "what is forgotten is what it had before");
}

int
main(void)
{
	test_region();
	test_names();
	test_paid();
	test_held();
	test_silent();
	test_away();
	test_copy();
	test_back();
	db_close(db);
	return tap_done();
}
