/*
 * Liars beside honest workers over simulated days, on the real ledger: who
 * always says that all is well is found by drills, and nobody honest is. Each
 * of the tasks is the operator's own, and up for 95 % of the time. Or by
 * witnesses, and then the tasks are anybody's. Where tasks have copies it also
 * tells which verdicts were wrong meanwhile. Without an argument the short
 * form, which `make check` runs; with "full" all. The seed, also of the spots,
 * is WN_SEED, or 7; WN_CASES picks cases by a part of their name.
 */
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ledger/credit.h"
#include "ledger/cycle.h"
#include "ledger/drill.h"
#include "ledger/drill_record.h"
#include "ledger/payout.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "ledger/verdict.h"
#include "ledger/witness.h"
#include "ledger/worker.h"
#include "t/unit/ledger.h"
#include "t/unit/random.h"

#define START_MS	 (20600 * DAY_MS) /* a midnight, UTC */
#define WORKERS_MAX	 100
#define SPELL_MS	 (5 * 60 * 1000LL) /* up or down for so long */
#define CYCLE_MS	 30000		   /* a task's interval */
#define VERDICTS_WAIT_MS (10 * 60 * 1000LL)
#define STEPS_PER_COMMIT 20000
#define NEW_PERMILLE	 200
#define WITNESS_PERMILLE 100 /* of slots, at most; spots are 20 of them */

struct scenario {
	const char *name;
	bool full; /* only of the full form */
	int workers;
	int liars; /* of them */
	int tasks;
	int hours;
	bool never_errs;  /* else one of 100 checks of an honest one fails */
	bool outage;	  /* the canary host's, for half an hour each 3 hours */
	bool finds;	  /* the liars must be found; else it is only told */
	int witnesses;	  /* there are no drills then */
	int lying;	  /* of them, that always say down */
	int silent;	  /* of them */
	int later;	  /* hours before the liars begin */
	int copies;	  /* of each task; 0: one, and nothing is compared */
	bool frames;	  /* liars always say down of the first task */
	bool undefended;  /* neither drills nor witnesses */
	int new_permille; /* drills of who is new; 0: NEW_PERMILLE */
	bool flaps;	  /* the tasks are down 10, 20, 50 times of 100 */
};

static const struct scenario scenarios[] = {
	{ .name = "drills: 30 honest ones, and 13 liars",
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 96,
	    .finds = true },
	{ .name = "drills: 30 honest ones, whose host is down now and then",
	    .workers = 30,
	    .tasks = 3,
	    .hours = 96,
	    .outage = true },
	{ .name = "drills: 30 that never err, whose host is down now and then",
	    .workers = 30,
	    .tasks = 3,
	    .hours = 24,
	    .never_errs = true,
	    .outage = true },
	{ .name = "drills: 20 honest ones, and 20 liars",
	    .workers = 40,
	    .liars = 20,
	    .tasks = 3,
	    .hours = 96,
	    .finds = true },
	{ .name = "drills, 300 tasks: 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 300,
	    .hours = 2,
	    .finds = true },
	/* Their answers are full. */
	{ .name = "drills, 300 tasks: 21 honest ones, and 9 liars",
	    .workers = 30,
	    .liars = 9,
	    .tasks = 300,
	    .hours = 1,
	    .finds = true },
	{ .name = "a witness, 30 honest ones, and 13 liars",
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 72,
	    .finds = true,
	    .witnesses = 1 },
	{ .name = "a witness, 20 honest ones, and 20 liars",
	    .workers = 40,
	    .liars = 20,
	    .tasks = 3,
	    .hours = 72,
	    .witnesses = 1 },
	{ .name = "three witnesses, of which one lies, and one is silent",
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 72,
	    .witnesses = 3,
	    .lying = 1,
	    .silent = 1 },
	{ .name = "a witness, and what flaps",
	    .workers = 30,
	    .tasks = 3,
	    .hours = 72,
	    .witnesses = 1,
	    .flaps = true },
	{ .name = "drills, 3 copies: 50 networks, and 50 of liars",
	    .workers = 100,
	    .liars = 50,
	    .tasks = 3,
	    .hours = 30,
	    .finds = true,
	    .copies = 3 },
	{ .name = "3 copies alone: 50 networks, and 50 of liars",
	    .workers = 100,
	    .liars = 50,
	    .tasks = 3,
	    .hours = 6,
	    .copies = 3,
	    .undefended = true },
	/* Who is given all tasks at once has no room for a drill of one. */
	{ .name = "drills, 3 copies: 20 networks, and 20 of liars",
	    .full = true,
	    .workers = 40,
	    .liars = 20,
	    .tasks = 3,
	    .hours = 30,
	    .copies = 3 },
	{ .name = "drills, 3 copies: 50 networks, and 50 that frame a task",
	    .full = true,
	    .workers = 100,
	    .liars = 50,
	    .tasks = 3,
	    .hours = 30,
	    .finds = true,
	    .copies = 3,
	    .frames = true },
	{ .name = "drills, of 5 % alone: 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 96,
	    .new_permille = 50 },
	{ .name = "drills, of 10 % alone: 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 96,
	    .finds = true,
	    .new_permille = 100 },
	{ .name = "three witnesses, 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 3,
	    .hours = 72,
	    .finds = true,
	    .witnesses = 3 },
	{ .name = "300 tasks: a witness, 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 300,
	    .hours = 5,
	    .witnesses = 1,
	    .later = 2 },
	{ .name = "300 tasks: three witnesses, 30 honest ones, and 13 liars",
	    .full = true,
	    .workers = 43,
	    .liars = 13,
	    .tasks = 300,
	    .hours = 4,
	    .witnesses = 3,
	    .later = 2 },
};

struct sim {
	const struct scenario *s;
	struct drill_rules rules;
	struct db *db;
	int64_t phase_ms[WORKERS_MAX];
	bool lies[WORKERS_MAX];
	int64_t checks[WORKERS_MAX];
	int64_t held_after[WORKERS_MAX]; /* its checks; 0: never */
	int64_t held_ms;		 /* when the last one was */
	int64_t drills;
	int steps;
};

static struct address
worker_address(int i)
{
	return (struct address){ { 0xaa, [19] = (uint8_t)(i + 1) } };
}

/* What a visit is shown of what isn't a drill. */
static int64_t
target(const struct sim *m, int task, int64_t now_ms)
{
	static const int flaps[] = { 10, 20, 50 };
	int64_t spell;

	if (m->s->flaps)
		return (int)(random_next() % 100) < flaps[task % 3] ? 503 : 200;
	spell = now_ms / SPELL_MS * 2654435761LL + (task + '0') * 40503LL;
	return (spell >> 8) % 100 < 5 ? 503 : 200;
}

/* What a visit is shown. */
static int64_t
world(const struct sim *m, const struct given_task *t, int64_t now_ms)
{
	const char *token = strchr(t->url, '=');
	const int task = atoi(t->name + 5);
	enum canary_kind kind;
	int64_t status;

	if (m->s->outage &&
	    (now_ms - START_MS) % (3 * 3600 * 1000LL) < 1800 * 1000)
		return 520; /* that no drill wants */
	if (token == NULL)
		return target(m, task, now_ms);
	kind = canary_read(slice_of(token + 1), m->rules.master, &status);
	if (kind != CANARY_CHECK)
		return kind == CANARY_DRILL ? status : 404;
	return target(m, task, now_ms);
}

static void
claim_make(struct sim *m, struct claim *c, int worker,
    const struct given_task *t, int64_t now_ms)
{
	*c = (struct claim){ .task_id = slice_of(t->name),
		.worker = worker_address(worker),
		.row = { .timestamp_ms = now_ms,
		    .success = true,
		    .status = 200,
		    .response_ms = 40 } };
	if (m->lies[worker] && m->s->frames && strcmp(t->name, "task_0") == 0) {
		c->row.status = 503;
		c->row.success = false;
	}
	if (m->lies[worker])
		return;
	c->row.status = world(m, t, now_ms);
	if (!m->s->never_errs && random_next() % 100 == 0) {
		c->row.status = ABSENT;
		c->row.has_error = true;
		c->row.error = slice_of("connection failed");
	}
	if (worker >= m->s->workers && worker < m->s->workers + m->s->lying)
		c->row.status = 503;
	c->row.success = c->row.status == t->expected_status;
}

/* Of a worker, where networks are compared; else each has one of its own. */
static struct slice
network_of(const struct sim *m, int worker, char out[static SUBNET_MAX + 1])
{
	(void)snprintf(out, SUBNET_MAX + 1, "198.51.%d.0/24", worker);
	return slice_of(m->s->copies > 0 ? out : "");
}

static void
answer(
    struct sim *m, int worker, const struct given_list *given, int64_t now_ms)
{
	struct claim claims[TASKS_PER_POLL_MAX];
	char network[SUBNET_MAX + 1];
	struct err e = ERR_INIT;
	struct terms_row terms;
	size_t i;

	must(terms_now(m->db, &terms, &e), &e);
	for (i = 0; i < given->n; i++) {
		claim_make(m, &claims[i], worker, &given->tasks[i], now_ms);
		must(credit_check(m->db, &terms, claims, i, now_ms, &e), &e);
	}
	must(credit_record(m->db, claims, given->n, NULL,
		 network_of(m, worker, network), now_ms, &e),
	    &e);
	for (i = 0; i < given->n; i++)
		m->checks[worker] += claims[i].outcome == CLAIM_CREDITED;
}

static void
held_look(struct sim *m, int worker, int64_t now_ms)
{
	struct address a = worker_address(worker);
	struct err e = ERR_INIT;
	struct worker_row w;
	bool held = false;

	if (m->held_after[worker] != 0 ||
	    worker_find(m->db, &a, &w, &e) != RC_OK)
		return;
	must(payout_is_held(m->db, w.id, &held, &e), &e);
	if (!held)
		return;
	m->held_after[worker] = m->checks[worker];
	m->held_ms = now_ms;
}

static void
poll_once(struct sim *m, int worker, int64_t now_ms)
{
	const struct schedule_rules rules = { .max_tasks = 10,
		.one_copy_per_network = m->s->copies > 0,
		.standing = { 10, 3 },
		.network_slots = 100,
		.spot_permille = 20,
		.witness_permille = WITNESS_PERMILLE };
	char network[SUBNET_MAX + 1];
	struct poll p = { .worker = worker_address(worker),
		.region = slice_of("unknown"),
		.network = network_of(m, worker, network),
		.now_ms = now_ms };
	struct drill_plan plan;
	struct given_list given;
	struct err e = ERR_INIT;
	bool work;
	size_t before;

	if (m->steps++ % STEPS_PER_COMMIT == 0) {
		if (m->steps > 1)
			must(db_commit(m->db, &e), &e);
		must(db_begin(m->db, &e), &e);
	}
	must(schedule_serve(m->db, false, &rules, &p, &given, &work, &e), &e);
	if (!work)
		return;
	must(drill_prepare(m->db, &m->rules, &p, rules.max_tasks, &plan, &e),
	    &e);
	p.kept = plan.places;
	must(schedule_serve(m->db, true, &rules, &p, &given, &work, &e), &e);
	must(witness_give(m->db, &rules, &p, &given, &e), &e);
	if (given.n == 0)
		return;
	before = given.n;
	must(drill_give(m->db, &m->rules, &p, &plan, &given, &e), &e);
	must(witness_judge(m->db, &m->rules, now_ms, 10, &e), &e);
	must(verdict_judge(m->db, &given.terms, now_ms, 10, &e), &e);
	must(drill_tokens(&m->rules, &given, &e), &e);
	m->drills += (int64_t)(given.n - before);
	answer(m, worker, &given, now_ms);
	held_look(m, worker, now_ms);
}

static void
run(struct sim *m)
{
	struct err e = ERR_INIT;
	int64_t t;
	int i;

	for (t = 0; t < m->s->hours * HOUR_MS; t += POLL_PERIOD_MS)
		for (i = 0; i < m->s->workers + m->s->witnesses - m->s->silent;
		     i++)
			if (!m->lies[i] || t >= m->s->later * HOUR_MS)
				poll_once(m, i, START_MS + t + m->phase_ms[i]);
	must(db_commit(m->db, &e), &e);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int64_t
witness_checks(const struct sim *m)
{
	int64_t n = 0;
	int i;

	for (i = 0; i < m->s->witnesses; i++)
		n += m->checks[m->s->workers + i];
	return n;
}

/* Of everybody. */
static int64_t
failed_drills(const struct sim *m)
{
	struct drill_record record;
	struct err e = ERR_INIT;
	struct address a;
	struct worker_row w;
	int64_t n = 0;
	int i;

	for (i = 0; i < m->s->workers; i++) {
		a = worker_address(i);
		must(worker_find(m->db, &a, &w, &e), &e);
		must(drill_record_read(m->db, w.id, 0, false, &record, &e), &e);
		n += record.wrong;
	}
	return n;
}

/* ---- Verdicts ---- */

/* Of cycles that began in [from_ms, to_ms), in which targets didn't change. */
struct verdicts {
	int64_t from_ms;
	int64_t to_ms;
	int64_t cycles;
	int64_t right;
	int64_t outages; /* verdicts of what was down */
	int64_t up;	 /* though it was down */
	int64_t down;	 /* though it was up */
};

/* Whether what the target shows is the same all through the cycle, which opens
 * within an interval. */
static bool
cycle_is_plain(const struct sim *m, int task, int64_t cycle_ms)
{
	return target(m, task, cycle_ms) ==
	    target(m, task, cycle_ms + 2 * CYCLE_MS - 1);
}

static void
cycles_count(const struct sim *m, struct verdicts *v)
{
	struct err e = ERR_INIT;
	struct terms_row terms;
	int64_t t, begin;
	int i;

	must(terms_now(m->db, &terms, &e), &e);
	for (i = 0; i < m->s->tasks; i++)
		for (t = v->from_ms; t < v->to_ms; t += CYCLE_MS) {
			begin = cycle_at(terms.phase, i + 1, CYCLE_MS, t);
			v->cycles += cycle_is_plain(m, i, begin);
		}
}

static void
verdict_note(const struct sim *m, struct verdicts *v, struct query *q)
{
	const int64_t cycle_ms = query_get_int(q, C_AUDIT_VERDICT_CYCLE_MS);
	const int64_t up = query_get_int(q, C_AUDIT_VERDICT_UP),
		      down = query_get_int(q, C_AUDIT_VERDICT_DOWN);
	const int task = (int)query_get_int(q, C_AUDIT_VERDICT_TASK) - 1;
	bool is_up;

	if (cycle_ms < v->from_ms || cycle_ms >= v->to_ms || up == down ||
	    !cycle_is_plain(m, task, cycle_ms))
		return;
	is_up = target(m, task, cycle_ms) == 200;
	v->outages += !is_up;
	if (is_up == (up > down))
		v->right++;
	else if (is_up)
		v->down++;
	else
		v->up++;
}

static void
verdicts_read(const struct sim *m, struct verdicts *v)
{
	struct query *q = db_query(m->db, Q_AUDIT_VERDICT);
	struct err e = ERR_INIT;
	bool row;

	cycles_count(m, v);
	for (;;) {
		must(query_step(q, &row, &e), &e);
		if (!row)
			break;
		verdict_note(m, v, q);
	}
	query_done(q);
}

static void
verdicts_tell(const struct sim *m, const char *when, const struct verdicts *v)
{
	tap_diag("%s: %s %" PRId64 " of %" PRId64
		 " verdicts in outages are wrong, %" PRId64 " of %" PRId64
		 " others; %" PRId64 " cycles have none",
	    m->s->name, when, v->up, v->outages, v->down,
	    v->right + v->up + v->down - v->outages,
	    v->cycles - v->right - v->up - v->down);
}

/* Before all liars were held, and after. */
static void
verdicts_judge(const struct sim *m, bool all_held)
{
	const int64_t end_ms =
	    START_MS + m->s->hours * HOUR_MS - VERDICTS_WAIT_MS;
	struct verdicts before = { .from_ms = START_MS,
		.to_ms = all_held ? m->held_ms : end_ms },
			after = { .from_ms = m->held_ms, .to_ms = end_ms };

	verdicts_read(m, &before);
	verdicts_tell(m, all_held ? "until all are held" : "for ever", &before);
	tap_ok(before.up + before.down > 0,
	    "%s: some verdicts of liars are wrong", m->s->name);
	if (!all_held)
		return;
	verdicts_read(m, &after);
	verdicts_tell(m, "then", &after);
	tap_ok(after.right > 0 && (after.up + after.down) * 1000 <= after.right,
	    "%s: then less than one of 1000 is", m->s->name);
}

static void
judge(struct sim *m)
{
	int64_t found[WORKERS_MAX], checks = 0;
	size_t n = 0, honest = 0;
	int i;

	for (i = 0; i < m->s->workers; i++) {
		if (m->lies[i] && m->held_after[i] > 0)
			found[n++] = m->held_after[i];
		honest += !m->lies[i] && m->held_after[i] > 0;
		checks += m->checks[i];
	}
	qsort(found, n, sizeof(found[0]), by_value);
	tap_diag("%s: %" PRId64 " checks, %" PRId64 " of them drills",
	    m->s->name, checks, m->drills);
	tap_diag("%s: %zu of %d liars are held, after %" PRId64
		 " of their checks in the middle, %" PRId64 " at most",
	    m->s->name, n, m->s->liars, n > 0 ? found[n / 2] : 0,
	    n > 0 ? found[n - 1] : 0);
	if (m->s->witnesses > 0)
		tap_diag("%s: witnesses visited %" PRId64 " times", m->s->name,
		    witness_checks(m));
	tap_ok(
	    honest == 0, "%s: nobody honest is held (%zu)", m->s->name, honest);
	if (m->s->copies > 0)
		verdicts_judge(m, (int)n == m->s->liars);
	if (m->s->never_errs)
		tap_ok(failed_drills(m) == 0,
		    "%s: of their drills none counts as wrong (%" PRId64 ")",
		    m->s->name, failed_drills(m));
	if (!m->s->finds)
		return;
	tap_ok((int)n == m->s->liars && found[n - 1] <= 500,
	    "%s: each liar is held within 500 of its checks", m->s->name);
	tap_ok(n > 0 && found[n / 2] <= 150, "%s: half of them within 150",
	    m->s->name);
	tap_ok(m->drills * 1000 <= checks * 220 &&
		witness_checks(m) * 1000 <= checks * WITNESS_PERMILLE,
	    "%s: drills, or witnesses, have no more than their share",
	    m->s->name);
}

static void
ledger_make(struct sim *m, const char *path)
{
	const struct terms_wanted wanted = { .result_window_ms = 300000,
		.maturity_new_ms = DAY_MS,
		.established_results = 100,
		.established_days = 3 };
	struct err e = ERR_INIT;
	struct task_definition d;
	char name[32];
	int i;

	must(db_create(path, &e), &e);
	must(db_open(&m->db, path, DB_WRITE, 1000, &e), &e);
	must(terms_set(m->db, &wanted, START_MS - 1000, &e), &e);
	must(drill_keys_keep(m->db, &m->rules, START_MS - 1000, &e), &e);
	task_defaults(&d);
	(void)snprintf(d.url, sizeof(d.url), "https://example.org/%s",
	    m->rules.on ? "api/v1/status?t={token}" : "");
	if (m->s->copies > 0)
		d.copies = m->s->copies;
	must(db_begin(m->db, &e), &e);
	for (i = 0; i < m->s->witnesses; i++)
		must(
		    worker_admit(m->db,
			(struct address[]){ worker_address(m->s->workers + i) },
			1, true, START_MS, &e),
		    &e);
	for (i = 0; i < m->s->tasks; i++) {
		(void)snprintf(name, sizeof(name), "task_%d", i);
		must(task_add(m->db, name, &d, START_MS - 1000, &e), &e);
	}
	must(db_commit(m->db, &e), &e);
}

/* When each polls, and who lies. */
static void
workers_make(struct sim *m)
{
	int i, n = m->s->workers + m->s->witnesses, left = m->s->liars;

	for (i = 0; i < n; i++)
		m->phase_ms[i] = (int64_t)(random_next() % POLL_PERIOD_MS);
	qsort(m->phase_ms, (size_t)n, sizeof(m->phase_ms[0]), by_value);
	for (i = 0; i < m->s->workers; i++) {
		m->lies[i] =
		    (int)(random_next() % (uint64_t)(m->s->workers - i)) < left;
		left -= m->lies[i];
	}
}

static void
scenario_run(const struct scenario *s)
{
	char dir[] = "/tmp/worknet-simulate-XXXXXX", path[64];
	struct sim m = { .s = s,
		.rules = { .on = s->witnesses == 0 && !s->undefended,
		    .share_permille = 50,
		    .share_new_permille =
			s->new_permille > 0 ? s->new_permille : NEW_PERMILLE,
		    .record_days = 30 } };

	dir_make(dir);
	(void)snprintf(path, sizeof(path), "%s/ledger.db", dir);
	random_bytes(m.rules.master, sizeof(m.rules.master));
	workers_make(&m);
	ledger_make(&m, path);
	run(&m);
	judge(&m);
	db_close(m.db);
	dir_remove(dir);
}

/* The program's own choices, instead of the kernel's: a seed repeats them. */
ssize_t
getrandom(void *p, size_t len, unsigned flags)
{
	(void)flags;
	random_bytes(p, len);
	return (ssize_t)len;
}

int
main(int argc, char **argv)
{
	const bool full = argc > 1 && strcmp(argv[1], "full") == 0;
	const char *cases = getenv("WN_CASES");
	size_t i;

	(void)setenv("WN_SEED", "7", 0);
	random_seed();
	for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (cases != NULL ? strstr(scenarios[i].name, cases) != NULL
				  : full || !scenarios[i].full)
			scenario_run(&scenarios[i]);
	return tap_done();
}
