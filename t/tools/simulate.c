/*
 * The schedule over simulated time: workers that poll at a fixed phase, on
 * the real ledger; nobody has standing when it begins. Without an argument the
 * short form, which `make check` runs; with "full" the weeks and days that
 * `make simulate` runs, and what is short with SEEDS others. The first seed is
 * WN_SEED, or 12504, with which cycles were missed once; WN_CASES picks cases
 * by a part of their name.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/schedule.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "t/unit/ledger.h"

#define DAY_MS		 (24LL * 3600 * 1000)
#define START_MS	 (20600LL * DAY_MS) /* a midnight, UTC */
#define DAYS_MAX	 8
#define STEPS_PER_COMMIT 20000
#define NETWORK_SIZE	 32
#define SEED		 12504
#define SEEDS		 20

enum phases {
	PHASES_RANDOM,	/* each worker's own, at random */
	PHASES_CROWDED, /* half of them in one second */
};

struct scenario {
	const char *name;
	bool full; /* only in the long form */
	int workers;
	int tasks;
	int64_t interval_ms;
	int64_t length_ms;
	int silent; /* of 100, so many never answer */
	enum phases phases;
	double coverage_min; /* of the cycles' slots */
	double fairness_min; /* Jain's index of earnings */
	int copies;
	int network_size; /* workers in each */
	bool no_cooldown;
};

static const struct scenario scenarios[] = {
	{ "half a day of 3 tasks", false, 1000, 3, 30000, DAY_MS / 2, 0,
	    PHASES_RANDOM, 0.999, 0.97, 1, 1, false },
	{ "half a day of 3 tasks, half of the workers in one second", false,
	    200, 3, 30000, DAY_MS / 2, 0, PHASES_CROWDED, 0.99, 0.97, 1, 1,
	    false },
	{ "half an hour of 1,000 tasks", false, 1000, 1000, 30000, 1800000, 0,
	    PHASES_RANDOM, 0.999, 0.99, 1, 1, false },
	{ "a day of hourly tasks, a fifth of the workers silent", false, 200,
	    100, 3600000, DAY_MS, 20, PHASES_RANDOM, 0.99, 0, 1, 1, false },
	{ "half a day of 3 tasks, 3 copies", false, 100, 3, 30000, DAY_MS / 2,
	    0, PHASES_RANDOM, 0.999, 0.97, 3, 1, false },
	/* One of two slots: the other is for another network. */
	{ "half a day of a task, 2 copies, six workers of one network", false,
	    6, 1, 30000, DAY_MS / 2, 0, PHASES_RANDOM, 0.49, 0.97, 2, 6, true },
	{ "a week of 3 tasks", true, 1000, 3, 30000, 7 * DAY_MS, 0,
	    PHASES_RANDOM, 0.999, 0.97, 1, 1, false },
	{ "a week of 3 tasks, half of the workers in one second", true, 1000, 3,
	    30000, 7 * DAY_MS, 0, PHASES_CROWDED, 0.999, 0.97, 1, 1, false },
	{ "a day of 1,000 tasks", true, 1000, 1000, 30000, DAY_MS, 0,
	    PHASES_RANDOM, 0.999, 0.999, 1, 1, false },
	{ "a week of hourly tasks, a fifth of the workers silent", true, 1000,
	    100, 3600000, 7 * DAY_MS, 20, PHASES_RANDOM, 0.99, 0, 1, 1, false },
};

struct sim {
	const struct scenario *s;
	struct db *db;
	int64_t *phase_ms; /* of each worker, ascending */
	int64_t *earned_micros;
	int64_t checks;
	int64_t checks_on_day[DAYS_MAX];

	uint64_t random;
	int steps;
};

/* SplitMix64. */
static uint64_t
sim_random(struct sim *m)
{
	uint64_t x = m->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static struct address
worker_address(int i)
{
	struct address a = { { 0xaa } };

	a.b[16] = (uint8_t)(i >> 24);
	a.b[17] = (uint8_t)(i >> 16);
	a.b[18] = (uint8_t)(i >> 8);
	a.b[19] = (uint8_t)i;
	return a;
}

static void
worker_network(const struct sim *m, int i, char out[static NETWORK_SIZE])
{
	int n = i / m->s->network_size;

	(void)snprintf(out, NETWORK_SIZE, "10.%d.%d.0/24", n / 256, n % 256);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
phases_draw(struct sim *m)
{
	int i;

	for (i = 0; i < m->s->workers; i++) {
		m->phase_ms[i] = (int64_t)(sim_random(m) % POLL_PERIOD_MS);
		if (m->s->phases == PHASES_CROWDED && i % 2 == 0)
			m->phase_ms[i] %= 1000;
	}
	qsort(m->phase_ms, (size_t)m->s->workers, sizeof(m->phase_ms[0]),
	    by_value);
}

static void
tasks_add(struct sim *m)
{
	struct err e = ERR_INIT;
	struct task_definition d;
	char name[32];
	int i;

	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/health");
	d.interval_ms = m->s->interval_ms;
	d.copies = m->s->copies;
	if (m->s->no_cooldown)
		d.cooldown_ms = 0;
	must(db_begin(m->db, &e), &e);
	for (i = 0; i < m->s->tasks; i++) {
		(void)snprintf(name, sizeof(name), "task_%d", i);
		must(task_add(m->db, name, &d, START_MS, &e), &e);
	}
	must(db_commit(m->db, &e), &e);
}

/* One transaction holds many steps: this measures the schedule, not fsync. */
static void
step(struct sim *m)
{
	struct err e = ERR_INIT;

	if (m->steps++ % STEPS_PER_COMMIT != 0)
		return;
	if (m->steps > 1)
		must(db_commit(m->db, &e), &e);
	must(db_begin(m->db, &e), &e);
}

static void
answer(
    struct sim *m, int worker, const struct given_list *offers, int64_t now_ms)
{
	struct terms_row terms;
	struct claim claims[TASKS_PER_POLL_MAX];
	struct err e = ERR_INIT;
	char network[NETWORK_SIZE];
	size_t i;

	worker_network(m, worker, network);
	must(terms_now(m->db, &terms, &e), &e);
	for (i = 0; i < offers->n; i++) {
		claims[i] = (struct claim){
			.task_id = slice_of(offers->tasks[i].name),
			.worker = worker_address(worker),
			.row = { .timestamp_ms = now_ms,
			    .success = true,
			    .status = 200,
			    .response_ms = 40 },
		};
		must(credit_check(m->db, &terms, claims, i, now_ms, &e), &e);
	}
	must(credit_record(
		 m->db, claims, offers->n, NULL, slice_of(network), now_ms, &e),
	    &e);
	for (i = 0; i < offers->n; i++) {
		/* What begins after the scenario's end isn't part of it. */
		if (claims[i].outcome != CLAIM_CREDITED ||
		    claims[i].row.cycle_ms >= START_MS + m->s->length_ms)
			continue;
		m->earned_micros[worker] += claims[i].reward_micros;
		m->checks++;
		m->checks_on_day[(claims[i].row.assigned_ms - START_MS) /
		    DAY_MS]++;
	}
}

static void
poll_once(struct sim *m, int worker, int64_t now_ms)
{
	const struct schedule_rules rules = { .max_tasks = 10,
		.one_copy_per_network = true,
		.standing = { 10, 3 },
		.network_slots = 100 };
	struct poll p = { .worker = worker_address(worker),
		.region = slice_of("unknown"),
		.now_ms = now_ms };
	char network[NETWORK_SIZE];
	struct given_list offers;
	struct err e = ERR_INIT;
	bool work;

	worker_network(m, worker, network);
	p.network = slice_of(network);
	step(m);
	must(schedule_serve(m->db, false, &rules, &p, &offers, &work, &e), &e);
	if (!work)
		return;
	must(schedule_serve(m->db, true, &rules, &p, &offers, &work, &e), &e);
	if (worker % 100 >= m->s->silent)
		answer(m, worker, &offers, now_ms);
}

static void
run(struct sim *m)
{
	struct err e = ERR_INIT;
	int64_t t;
	int i;

	/* The last cycles end a little after the scenario. */
	for (t = 0; t < m->s->length_ms + 2 * POLL_PERIOD_MS;
	     t += POLL_PERIOD_MS)
		for (i = 0; i < m->s->workers; i++)
			poll_once(m, i, START_MS + t + m->phase_ms[i]);
	must(db_commit(m->db, &e), &e);
}

static double
jain(const struct sim *m)
{
	double sum = 0, squares = 0, x;
	int i, n = 0;

	for (i = 0; i < m->s->workers; i++) {
		if (i % 100 < m->s->silent)
			continue;
		x = (double)m->earned_micros[i];
		sum += x;
		squares += x * x;
		n++;
	}
	return squares > 0 ? sum * sum / (n * squares) : 0;
}

static void
judge(struct sim *m)
{
	int64_t slots = m->s->tasks * m->s->copies;
	int64_t cycles = m->s->length_ms / m->s->interval_ms * slots;
	int64_t per_day = DAY_MS / m->s->interval_ms * slots;
	double coverage = (double)m->checks / (double)cycles;
	int64_t most = 0;
	size_t i;

	for (i = 0; i < DAYS_MAX; i++)
		if (m->checks_on_day[i] > most)
			most = m->checks_on_day[i];
	tap_ok(most <= per_day,
	    "%s: never more than %" PRId64 " paid checks a day", m->s->name,
	    per_day);
	tap_ok(coverage >= m->s->coverage_min && m->checks <= cycles,
	    "%s: at least %.1f %% of %" PRId64 " cycles are checked, "
	    "none twice",
	    m->s->name, m->s->coverage_min * 100, cycles);
	if (m->s->fairness_min > 0)
		tap_ok(jain(m) >= m->s->fairness_min,
		    "%s: Jain's index of "
		    "earnings is at least %.3f",
		    m->s->name, m->s->fairness_min);
	tap_diag("%s: %" PRId64
		 " checks, %.3f %% of the cycles, at most %" PRId64
		 " a day, Jain's index %.5f",
	    m->s->name, m->checks, coverage * 100, most, jain(m));
}

static void
scenario_run(const struct scenario *s, uint64_t seed)
{
	char dir[] = "/tmp/worknet-simulate-XXXXXX";
	char path[64];
	struct sim m = { .s = s, .random = seed };
	struct err e = ERR_INIT;

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	m.phase_ms = calloc((size_t)s->workers, sizeof(m.phase_ms[0]));
	m.earned_micros =
	    calloc((size_t)s->workers, sizeof(m.earned_micros[0]));
	must(db_create(path, &e), &e);
	must(db_open(&m.db, path, DB_WRITE, 1000, &e), &e);
	phases_draw(&m);
	tasks_add(&m);
	run(&m);
	judge(&m);
	db_close(m.db);
	free(m.phase_ms);
	free(m.earned_micros);
	dir_remove(dir);
}

static void
scenarios_run(bool full, const char *only, uint64_t seed)
{
	size_t i;

	tap_diag("WN_SEED=%" PRIu64, seed);
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (only != NULL ? strstr(scenarios[i].name, only) != NULL
				 : scenarios[i].full == full)
			scenario_run(&scenarios[i], seed);
}

int
main(int argc, char **argv)
{
	bool full = argc > 1 && strcmp(argv[1], "full") == 0;
	const char *given = getenv("WN_SEED"), *only = getenv("WN_CASES");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : SEED, i;

	scenarios_run(full, only, seed);
	for (i = 1; full && i < SEEDS; i++)
		scenarios_run(false, only, seed + i);
	return tap_done();
}
