/*
 * Makes a ledger for tests and measurements, with the program's own code:
 * workers with keys of their own poll, sign and are credited over simulated
 * time. The same options make the same rows.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "eth/attest.h"
#include "eth/hex.h"
#include "ledger/anchor.h"
#include "ledger/credit.h"
#include "ledger/offer.h"
#include "ledger/round_claim.h"
#include "ledger/row_read.h"
#include "ledger/schedule.h"
#include "ledger/task.h"
#include "ledger/terms.h"
#include "tlog/checkpoint.h"

#define STEP_MS	     5000 /* between two looks at what is due */
#define EMPTY_POLLS  12	  /* in a row end a step */
#define COMMIT_STEPS 500  /* steps in a transaction */

struct options {
	const char *db_path;
	bool hashes; /* print the chain anew */
	bool append; /* more results in an existing ledger */
	bool fast;   /* filler instead of signatures */
	int64_t tasks;
	int64_t workers;
	int64_t results;
	int64_t seed;
	int64_t interval_ms;
	int64_t cooldown_ms; /* -1: 5 min where workers suffice */
	int64_t copies;
	int64_t max_tasks;
	int64_t silent_percent;
	int64_t edits;		/* of tasks, spread over the time */
	int64_t round_percent;	/* of posts, signed as a whole */
	const char *checkpoint; /* file that is taken up first; or NULL */
	int64_t end_ms;		/* of the simulated time; 0: now */
};

struct test_worker {
	struct eth_key key;
	struct address address;
	enum address_form form;
};

struct simulation {
	const struct options *o;
	struct db *db;
	struct schedule_rules schedule;
	struct test_worker *workers; /* owned */
	struct given_list given;
	struct offer offer;
	struct round_claim round;
	struct claim claims[RESULTS_PER_POST_MAX];
	uint64_t random;
	size_t turn;   /* the worker that polls next */
	bool anchored; /* a checkpoint was taken up */
	int64_t results;
	int64_t transfers;
};

static const struct {
	const char *name;
	size_t offset;
	int64_t initial;
} numbers[] = {
	{ "tasks", offsetof(struct options, tasks), 3 },
	{ "workers", offsetof(struct options, workers), 20 },
	{ "results", offsetof(struct options, results), 200 },
	{ "seed", offsetof(struct options, seed), 1 },
	{ "interval-ms", offsetof(struct options, interval_ms), 30000 },
	{ "cooldown-ms", offsetof(struct options, cooldown_ms), -1 },
	{ "copies", offsetof(struct options, copies), 1 },
	{ "max-tasks", offsetof(struct options, max_tasks), 10 },
	{ "silent-percent", offsetof(struct options, silent_percent), 2 },
	{ "edits", offsetof(struct options, edits), 0 },
	{ "round-percent", offsetof(struct options, round_percent), 0 },
	{ "end-ms", offsetof(struct options, end_ms), 0 },
};

#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static const char usage[] =
    "usage: make_ledger --db FILE [--tasks N] [--workers N] [--results N]\n"
    "           [--seed N] [--interval-ms N] [--cooldown-ms N]\n"
    "           [--copies N] [--max-tasks N] [--silent-percent N]\n"
    "           [--edits N] [--end-ms N] [--fast] [--append]\n"
    "           [--round-percent N] [--checkpoint FILE]\n"
    "       make_ledger --db FILE --hashes\n"
    "\n"
    "--fast fills in bytes for signatures: an audit with --signatures sees\n"
    "it. --append has the same workers (of the seed) go on in a ledger that\n"
    "ended before. --hashes prints the number and the hash of every transfer\n"
    "of an existing ledger, the chain made anew from its rows.\n";

static int64_t *
number_of(struct options *o, size_t i)
{
	return (int64_t *)(void *)((char *)o + numbers[i].offset);
}

static int
options_parse(struct options *o, int argc, char **argv)
{
	struct option longs[NUMBERS + 6];
	char *end;
	size_t i;
	int c;

	*o = (struct options){ .db_path = NULL };
	memset(longs, 0, sizeof(longs));
	for (i = 0; i < NUMBERS; i++) {
		*number_of(o, i) = numbers[i].initial;
		longs[i] = (struct option){ numbers[i].name, required_argument,
			NULL, 256 + (int)i };
	}
	longs[i++] = (struct option){ "db", required_argument, NULL, 'd' };
	longs[i++] =
	    (struct option){ "checkpoint", required_argument, NULL, 'c' };
	longs[i++] = (struct option){ "fast", no_argument, NULL, 'f' };
	longs[i++] = (struct option){ "hashes", no_argument, NULL, 'h' };
	longs[i++] = (struct option){ "append", no_argument, NULL, 'a' };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'd')
			o->db_path = optarg;
		else if (c == 'c')
			o->checkpoint = optarg;
		else if (c == 'f')
			o->fast = true;
		else if (c == 'h')
			o->hashes = true;
		else if (c == 'a')
			o->append = true;
		else if (c >= 256)
			*number_of(o, (size_t)c - 256) =
			    strtoll(optarg, &end, 10);
		else
			return -1;
		if (c >= 256 && (*end != '\0' || *optarg == '\0'))
			return -1;
	}
	return o->db_path != NULL && optind == argc ? 0 : -1;
}

/* SplitMix64. */
static uint64_t
random_next(struct simulation *s)
{
	uint64_t x = s->random += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static int64_t
random_below(struct simulation *s, int64_t n)
{
	return (int64_t)(random_next(s) % (uint64_t)n);
}

/* Other ledgers stay as they are. */
static bool
random_of_rounds(struct simulation *s)
{
	return s->o->round_percent > 0 &&
	    random_below(s, 100) < s->o->round_percent;
}

/* A worker's key: nothing but the hash of a text, and so for tests only. */
static enum rc
worker_make(struct test_worker *w, int64_t seed, int64_t i, struct err *e)
{
	char text[80];

	(void)snprintf(text, sizeof(text),
	    "worknet test key %" PRId64 " %" PRId64, seed, i);
	keccak256(w->key.b, text, strlen(text));
	w->form = (enum address_form)(i % 3);
	return eth_key_address(&w->address, &w->key, e);
}

static enum rc
workers_make(struct simulation *s, struct err *e)
{
	enum rc rc = RC_OK;
	int64_t i;

	s->workers = calloc((size_t)s->o->workers, sizeof(s->workers[0]));
	if (s->workers == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < s->o->workers; i++)
		rc = worker_make(&s->workers[i], s->o->seed, i, e);
	return rc;
}

static int64_t
cooldown_ms(const struct options *o)
{
	if (o->cooldown_ms >= 0)
		return o->cooldown_ms;
	/* With twice the workers that are needed for every cycle. */
	return o->workers * o->interval_ms >= 2 * o->copies * 300000 ? 300000
								     : 0;
}

static enum rc
ledger_make(struct simulation *s, int64_t start_ms, struct err *e)
{
	uint8_t id[KECCAK256_LEN];
	char text[HEX_SIZE(KECCAK256_LEN)], name[TASK_ID_MAX + 1];
	struct task_definition d;
	struct query *q;
	enum rc rc;
	int64_t i;

	keccak256(id, &s->o->seed, sizeof(s->o->seed));
	hex_encode(text, id, sizeof(id));
	q = db_query(s->db, Q_LEDGER_INSERT);
	query_text(q, 1, slice_of(text));
	query_int(q, 2, start_ms);
	rc = query_run(q, e);
	task_defaults(&d);
	d.interval_ms = s->o->interval_ms;
	d.copies = s->o->copies;
	d.cooldown_ms = cooldown_ms(s->o);
	for (i = 0; rc == RC_OK && i < s->o->tasks; i++) {
		(void)snprintf(name, sizeof(name), "task_%05" PRId64, i);
		(void)snprintf(
		    d.url, sizeof(d.url), "https://example.net/%" PRId64, i);
		d.reward_micros = 100 + i % 7;
		rc = task_add(s->db, name, &d, start_ms, e);
	}
	return rc;
}

/* What the check of an offered task gave. */
static enum rc
claim_make(struct simulation *s, struct claim *c, const struct test_worker *w,
    const struct given_task *t, int64_t now_ms, struct err *e)
{
	struct attestation a = { .task_id = slice_of(t->name),
		.worker = w->address,
		.form = w->form,
		.timestamp_ms = now_ms,
		.success = random_below(s, 10) != 0 };

	*c = (struct claim){ .task_id = a.task_id,
		.worker = w->address,
		.row = { .timestamp_ms = now_ms,
		    .success = a.success,
		    .form = w->form,
		    .status = a.success ? 200 : 503,
		    .response_ms = random_below(s, 900) } };
	if (!a.success && random_below(s, 2) == 0) {
		c->row.status = c->row.response_ms = ABSENT;
		c->row.has_error = true;
		c->row.error = slice_of("connection refused");
	}
	if (!s->o->fast)
		return attest_sign(c->row.signature, &a, &w->key, e);
	memset(c->row.signature, 0x5a, SIGNATURE_LEN);
	return RC_OK;
}

/* As a worker makes a round of what it found, by what it was told. */
static enum rc
round_make(struct simulation *s, size_t n, const struct test_worker *w,
    const struct given_task *const *told, struct err *e)
{
	struct round_tree_hash leaves[RESULTS_PER_POST_MAX];
	struct round of = { .ledger_id = s->offer.ledger_id,
		.worker = w->address,
		.count = (uint16_t)n };
	const struct given_task *t;
	const struct offered *o;
	struct round_result r;
	struct claim *c;
	size_t i;

	for (i = 0; i < n; i++) {
		c = &s->claims[i];
		t = told[i];
		o = &s->offer.tasks[t - s->given.tasks];
		c->slot = t->slot;
		c->row.in_round = true;
		c->row.form = ADDRESS_CHECKSUM;
		c->row.place = (int64_t)i;
		if (c->row.response_ms == ABSENT)
			c->row.response_ms = 0;
		if (s->anchored && c->row.success)
			c->row.trace = slice_of("cf-ray:8f2d1c0e9a7b6c5d-FRA");
		r = (struct round_result){ .task_id = slice_of(t->name),
			.url = slice_of(t->url),
			.expected_status = (uint16_t)t->expected_status,
			.timestamp_ms = (uint64_t)c->row.timestamp_ms,
			.success = c->row.success,
			.status = c->row.status == ABSENT
			    ? 0
			    : (uint16_t)c->row.status,
			.response_ms = (uint32_t)c->row.response_ms,
			.error = c->row.has_error ? c->row.error : slice_of(""),
			.trace = c->row.trace.p == NULL ? slice_of("")
							: c->row.trace,
			.region = slice_of(o->region) };
		memcpy(r.assignment, o->assignment, sizeof(r.assignment));
		round_result_hash(c->hash, &r);
		round_tree_leaf(&leaves[i], c->hash);
	}
	round_tree_root(&of.root, leaves, n);
	s->round.worker = w->address;
	return round_sign(s->round.signature, &of, &w->key, e);
}

static enum rc
round_submit(struct simulation *s, size_t n, int64_t now_ms, struct err *e)
{
	static const struct drill_rules no_drills = { .on = false };
	struct terms_row terms;
	struct claim *c;
	enum rc rc;
	size_t i;

	rc = terms_now(s->db, &terms, e);
	if (rc == RC_OK)
		rc = round_claim_begin(s->db, &s->round, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		c = &s->claims[i];
		rc = credit_check(s->db, &terms, s->claims, i, now_ms, e);
		if (rc == RC_OK && c->outcome == CLAIM_OPEN)
			rc = round_claim_check(
			    s->db, &s->round, &no_drills, c, e);
	}
	if (rc == RC_OK && !round_claim_verify(&s->round, s->claims, n))
		rc = err_set(e, RC_INVALID, "a round isn't signed");
	if (rc == RC_OK)
		rc = credit_record(
		    s->db, s->claims, n, &s->round, slice_of(""), now_ms, e);
	return rc;
}

/* The gates of the coordinator, one after the other. */
static enum rc
alone_submit(struct simulation *s, size_t n, int64_t now_ms, struct err *e)
{
	struct terms_row terms;
	struct claim *c;
	enum rc rc;
	size_t i;

	rc = terms_now(s->db, &terms, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		c = &s->claims[i];
		rc = credit_check(s->db, &terms, s->claims, i, now_ms, e);
		if (rc == RC_OK && c->outcome == CLAIM_OPEN && !s->o->fast)
			rc = attest_check(
			    &(struct attestation){ .task_id = c->task_id,
				.worker = c->worker,
				.form = c->row.form,
				.timestamp_ms = c->row.timestamp_ms,
				.success = c->row.success },
			    c->row.signature, e);
	}
	if (rc == RC_OK)
		rc = credit_record(
		    s->db, s->claims, n, NULL, slice_of(""), now_ms, e);
	return rc;
}

static enum rc
claims_submit(struct simulation *s, const struct test_worker *w, size_t n,
    const struct given_task *const *told, int64_t now_ms, struct err *e)
{
	enum rc rc = RC_OK;
	size_t i;

	if (n > 0 && random_of_rounds(s)) {
		rc = offer_make(s->db, &w->address, &s->given, &s->offer, e);
		if (rc == RC_OK)
			rc = round_make(s, n, w, told, e);
		if (rc == RC_OK)
			rc = round_submit(s, n, now_ms, e);
	} else
		rc = alone_submit(s, n, now_ms, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		if (s->claims[i].outcome != CLAIM_CREDITED)
			return err_set(
			    e, RC_CONFLICT, "refused: %s", s->claims[i].reason);
		s->results++;
	}
	s->transfers += n > 0;
	return rc;
}

/* One worker polls, checks and submits. */
static enum rc
worker_round(struct simulation *s, int64_t now_ms, struct err *e)
{
	const struct test_worker *w = &s->workers[s->turn];
	struct poll poll = { w->address, slice_of(""), slice_of(""), now_ms,
		0 };
	const struct given_task *told[RESULTS_PER_POST_MAX];
	size_t i, n = 0;
	bool work;
	enum rc rc;

	s->turn = (s->turn + 1) % (size_t)s->o->workers;
	rc = schedule_serve(
	    s->db, true, &s->schedule, &poll, &s->given, &work, e);
	now_ms += 500 + random_below(s, STEP_MS - 1000);
	for (i = 0; rc == RC_OK && i < s->given.n; i++) {
		if (random_below(s, 100) < s->o->silent_percent ||
		    s->results + (int64_t)n == s->o->results)
			continue;
		told[n] = &s->given.tasks[i];
		rc = claim_make(s, &s->claims[n], w, told[n], now_ms, e);
		n++;
	}
	if (rc == RC_OK)
		rc = claims_submit(s, w, n, told, now_ms + 5, e);
	return rc;
}

static enum rc
step(struct simulation *s, int64_t now_ms, struct err *e)
{
	enum rc rc = RC_OK;
	int empty = 0;

	while (
	    rc == RC_OK && empty < EMPTY_POLLS && s->results < s->o->results) {
		rc = worker_round(s, now_ms, e);
		empty = s->given.n == 0 ? empty + 1 : 0;
	}
	return rc;
}

/*
 * The operator changes a task: its interval, copies and cooldown, now and
 * then twice in a row.
 */
static enum rc
task_change(struct simulation *s, int64_t now_ms, struct err *e)
{
	int64_t i, times = 1 + random_below(s, 2);
	char name[TASK_ID_MAX + 1];
	struct task_row t;
	enum rc rc;

	(void)snprintf(name, sizeof(name), "task_%05" PRId64,
	    random_below(s, s->o->tasks));
	rc = task_get(s->db, name, &t, e);
	for (i = 0; rc == RC_OK && i < times; i++, now_ms += 100) {
		if (random_below(s, 2) == 0)
			t.def.interval_ms =
			    s->o->interval_ms / (1 + random_below(s, 4));
		t.def.copies = 1 + random_below(s, s->o->copies);
		t.def.cooldown_ms =
		    cooldown_ms(s->o) / (1 + random_below(s, 3));
		rc = task_edit(s->db, name, &t.def, now_ms, e);
	}
	return rc;
}

static enum rc
anchor_take(struct simulation *s, int64_t now_ms, struct err *e)
{
	struct checkpoint c;
	struct anchor a;
	struct note n;
	struct buf text;
	enum rc rc;

	buf_init(&text, 4096);
	rc = buf_read_file(&text, s->o->checkpoint, e);
	if (rc == RC_OK)
		rc = note_parse(&n, (struct slice){ text.p, text.len }, e);
	if (rc == RC_OK)
		rc = checkpoint_parse(&c, n.text, e);
	if (rc == RC_OK) {
		a.size = c.size;
		memcpy(a.root, c.root.b, sizeof(a.root));
		rc = anchor_add(s->db, &a, now_ms, &s->anchored, e);
	}
	buf_free(&text);
	return rc;
}

static enum rc
simulate(struct simulation *s, int64_t start_ms, int64_t end_ms, struct err *e)
{
	int64_t now_ms, steps = 0;
	enum rc rc;

	rc = s->o->checkpoint == NULL ? RC_OK : anchor_take(s, start_ms, e);
	if (rc == RC_OK)
		rc = db_begin(s->db, e);
	if (rc == RC_OK && !s->o->append)
		rc = ledger_make(s, start_ms, e);
	for (now_ms = start_ms;
	     rc == RC_OK && now_ms < end_ms && s->results < s->o->results;
	     now_ms += STEP_MS) {
		rc = step(s, now_ms, e);
		if (rc == RC_OK &&
		    random_below(s, end_ms - start_ms) < s->o->edits * STEP_MS)
			rc = task_change(s, now_ms + 50, e);
		if (rc == RC_OK && ++steps % COMMIT_STEPS == 0) {
			rc = db_commit(s->db, e);
			if (rc == RC_OK)
				rc = db_begin(s->db, e);
		}
	}
	if (rc == RC_OK)
		rc = db_commit(s->db, e);
	if (rc == RC_OK && s->results < s->o->results)
		return err_set(e, RC_INVALID,
		    "only %" PRId64 " results: too "
		    "few workers for this cooldown",
		    s->results);
	return rc;
}

static int64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Simulates until now, for so many per cent of the cycles that would do if
 * each of them were answered. */
static enum rc
make(const struct options *o, int64_t percent, struct err *e)
{
	int64_t end_ms = (o->end_ms != 0 ? o->end_ms : now()) - 10000;
	int64_t cycles = o->results / (o->tasks * o->copies) + 2, start_ms;
	static struct simulation s;
	enum rc rc;

	s = (struct simulation){ .o = o };
	s.schedule = (struct schedule_rules){ .max_tasks = o->max_tasks,
		.one_copy_per_network = true,
		.network_slots = 100 };
	s.random = (uint64_t)o->seed;
	start_ms = end_ms -
	    cycles * o->interval_ms * (percent + o->silent_percent) / 100;
	rc = workers_make(&s, e);
	if (rc == RC_OK && !o->append)
		rc = db_create(o->db_path, e);
	if (rc == RC_OK)
		rc = db_open(&s.db, o->db_path, DB_WRITE, 1000, e);
	if (rc == RC_OK)
		rc = simulate(&s, start_ms, end_ms, e);
	db_close(s.db);
	free(s.workers);
	if (rc == RC_OK)
		printf("results %" PRId64 " transfers %" PRId64
		       " tasks %" PRId64 " workers %" PRId64
		       " start_ms %" PRId64 "\n",
		    s.results, s.transfers, o->tasks, o->workers, start_ms);
	return rc;
}

/* How many cycles are answered depends on the hour: in small steps, so that
 * the last results are recent ones. */
static enum rc
make_enough(const struct options *o, struct err *e)
{
	enum rc rc = RC_INVALID;
	char path[2][4096];
	int64_t percent;

	(void)snprintf(path[0], sizeof(path[0]), "%s-wal", o->db_path);
	(void)snprintf(path[1], sizeof(path[1]), "%s-shm", o->db_path);
	for (percent = 107; percent < 200; percent += 6) {
		rc = make(o, percent, e);
		if (rc != RC_INVALID || o->append)
			break;
		(void)unlink(o->db_path);
		(void)unlink(path[0]);
		(void)unlink(path[1]);
	}
	return rc;
}

/* Prints the hashes that the transfers should have. */
static enum rc
hashes_print(struct db *db, struct err *e)
{
	struct query *transfers = db_query(db, Q_AUDIT_TRANSFER);
	struct query *results = db_query(db, Q_AUDIT_RESULT);
	char text[HEX_SIZE(KECCAK256_LEN)];
	struct tail before = { .last_id = 0 };
	uint8_t stored[KECCAK256_LEN];
	struct transfer_row t;
	struct round_row round;
	struct version_row v;
	struct result_row r;
	bool row, more;
	struct transfer_link link;
	int64_t paid_by = 0;
	enum rc rc;

	rc = query_step(results, &more, e);
	while (rc == RC_OK && (rc = query_step(transfers, &row, e)) == RC_OK &&
	    row) {
		row_read_transfer(transfers, 0, &t, stored);
		row_read_round(transfers, C_AUDIT_TRANSFER_ROUND, &round);
		link_transfer_begin(&link, &before, &t, &round);
		if (row_read_hash(transfers, C_AUDIT_TRANSFER_DIGEST, stored) &&
		    !(more && query_get_int(results, 0) == t.id))
			link_transfer_archived(&link, stored);
		for (; rc == RC_OK && more;
		     rc = query_step(results, &more, e)) {
			(void)!row_read_result(results, 0, &r, &v, &paid_by);
			if (paid_by != t.id)
				break;
			link_transfer_result(&link, &r);
		}
		link_transfer_end(&link, before.hash);
		hex_encode(text, before.hash, sizeof(before.hash));
		printf("%" PRId64 " %s\n", t.id, text);
	}
	query_done(transfers);
	query_done(results);
	return rc;
}

int
main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct options o;
	struct db *db;
	enum rc rc;

	if (options_parse(&o, argc, argv) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.hashes) {
		rc = db_open(&db, o.db_path, DB_READ, 1000, &e);
		if (rc == RC_OK)
			rc = hashes_print(db, &e);
		db_close(db);
	} else
		rc = make_enough(&o, &e);
	if (rc != RC_OK)
		fprintf(stderr, "make_ledger: %s\n", e.msg);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
