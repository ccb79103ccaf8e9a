/*
 * Crowds against drills: liars who fail together, who fail on purpose so that
 * the canary host looks ill, or who guess while it is; and an honest worker
 * among them. On a real ledger, with days in which each has a drill now and
 * then; who says what is random.
 */
#include "drill_world.h"

#include "t/unit/random.h"

#define HOURS	   48
#define EACH	   (5 * MINUTE) /* has everybody a drill */
#define OWN_ERRORS 1		/* of 100 answers of an honest one */

enum manner {
	HONEST,
	SAYS_UP,      /* 200, whatever is asked */
	SAYS_NOTHING, /* an error, whatever is asked */
	SPOILS,	      /* visits, and says an error of all but 200 */
	GUESSES,      /* another status than 200, whatever is asked */
	MANNERS
};

struct crowd {
	const char *name;
	int of[MANNERS];   /* so many of each */
	int ill_minutes;   /* of three hours, the host's */
	int64_t ill_shows; /* instead of what is wanted */
	unsigned held;	   /* the manners of whom all are; else none is */
};

struct crowd_run {
	struct world w;
	enum manner manner[PEOPLE];
	int n;
	int drills[PEOPLE];
	int held_after[PEOPLE]; /* drills; 0: never */
};

static int64_t
some_status(void)
{
	static const int64_t others[] = { 403, 404, 410, 429, 500, 502, 503,
		504 };

	return others[random_next() % 8];
}

static int64_t
answer(enum manner m, const struct crowd *c, bool ill, int64_t wanted)
{
	const int64_t seen = ill ? c->ill_shows : wanted;

	switch (m) {
	case SAYS_UP:
		return 200;
	case SAYS_NOTHING:
		return NO_STATUS;
	case SPOILS:
		return seen == 200 ? 200 : NO_STATUS;
	case GUESSES:
		return some_status();
	default:
		return random_next() % 100 < OWN_ERRORS ? NO_STATUS : seen;
	}
}

static void
crowd_begin(struct crowd_run *c, const struct crowd *crowd)
{
	int m, i, j;

	*c = (struct crowd_run){ .n = 0 };
	world_begin(&c->w);
	for (m = 0; m < MANNERS; m++)
		for (i = 0; i < crowd->of[m]; i++)
			c->manner[c->n++] = (enum manner)m;
	/* In no order that matters. */
	for (i = c->n - 1; i > 0; i--) {
		j = (int)(random_next() % (uint64_t)(i + 1));
		m = (int)c->manner[i];
		c->manner[i] = c->manner[j];
		c->manner[j] = (enum manner)m;
	}
}

static void
held_look(struct crowd_run *c, int who)
{
	struct err e = ERR_INIT;
	bool held = false;

	must(payout_is_held(db, worker_ids[who], &held, &e), &e);
	if (held && c->held_after[who] == 0)
		c->held_after[who] = c->drills[who];
}

static void
crowd_run(struct crowd_run *c, const struct crowd *crowd)
{
	struct err e = ERR_INIT;
	int64_t t, wanted, slot = 0;
	bool ill;
	int i;

	crowd_begin(c, crowd);
	for (t = T0; t < T0 + HOURS * HOUR_MS; t += EACH)
		for (i = 0; i < c->n; i++) {
			wanted = random_next() % 2 == 0 ? 200 : some_status();
			ill = (t - T0) % (3 * HOUR_MS) <
			    crowd->ill_minutes * MINUTE;
			drill_put(++slot, i, t + i * EACH / c->n, wanted);
			answer_put(
			    slot, answer(c->manner[i], crowd, ill, wanted));
			c->drills[i]++;
			must(
			    drill_judge(db, &rules, t + i * EACH / c->n, 4, &e),
			    &e);
			held_look(c, i);
		}
	world_end();
}

static int
by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Says how many of a manner are held, and after how many of their drills. */
static int
held_tell(const struct crowd_run *c, const struct crowd *crowd, int manner)
{
	static const char *const names[] = { "are honest", "say up",
		"say nothing", "spoil", "guess" };
	int after[PEOPLE], i, n = 0;

	for (i = 0; i < c->n; i++)
		if ((int)c->manner[i] == manner && c->held_after[i] > 0)
			after[n++] = c->held_after[i];
	qsort(after, (size_t)n, sizeof(after[0]), by_value);
	tap_diag("of %d who %s %d are held, after %d drills in the middle, "
		 "%d at most",
	    crowd->of[manner], names[manner], n, n > 0 ? after[n / 2] : 0,
	    n > 0 ? after[n - 1] : 0);
	return n;
}

static void
crowd_try(const struct crowd *crowd)
{
	struct crowd_run c;
	bool fits = true;
	int m, n;

	crowd_run(&c, crowd);
	for (m = 0; m < MANNERS; m++) {
		if (crowd->of[m] == 0)
			continue;
		n = held_tell(&c, crowd, m);
		fits &= n == ((crowd->held & 1u << m) != 0 ? crowd->of[m] : 0);
	}
	tap_ok(fits, "%s", crowd->name);
}

int
main(void)
{
	static const unsigned up = 1u << SAYS_UP, nothing = 1u << SAYS_NOTHING,
			      spoils = 1u << SPOILS, guesses = 1u << GUESSES;
	const struct crowd crowds[] = {
		{ "12 who fail together don't void each other's failures, if "
		  "one is honest",
		    { 1, 12 }, 0, 0, up },
		{ "nor do 8 among 13", { 5, 8 }, 0, 0, up },
		{ "whom nobody contradicts isn't accused", { 0, 12 }, 0, 0, 0 },
		{ "5 of 13 who always fail don't make the host look ill",
		    { 7, 1, 5 }, 0, 0, up | nothing },
		{ "nor do 5 who fail what isn't 200", { 7, 1, 0, 5 }, 0, 0,
		    up | spoils },
		{ "11 of 13 do, but not for one who says up", { 1, 1, 0, 11 },
		    0, 0, up },
		{ "an hour of the host's errors accuses nobody", { 12 }, 60,
		    520, 0 },
		{ "nor any of 4 who are alone", { 4 }, 60, 520, 0 },
		{ "nor does an hour in which it shows 200 of all", { 4 }, 60,
		    200, 0 },
		{ "beside 12 who say up meanwhile one is honest", { 1, 12 }, 60,
		    520, up },
		{ "who guess while the host is ill accuse nobody",
		    { 1, 0, 0, 0, 12 }, 120, 520, 0 },
		{ "and are found where they are fewer", { 8, 0, 0, 0, 5 }, 120,
		    520, guesses },
	};
	size_t i;

	random_seed();
	for (i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++)
		crowd_try(&crowds[i]);
	return tap_done();
}
