/*
 * Makes a ledger ready for load, with the program's own code, and signs the
 * load in advance: workers poll, each of a hundred in its region, and get a
 * batch of assignments; then their results are signed and written down as the
 * requests that will post them.
 *
 * A file of requests holds, for each, its length (uint32_t, this machine's
 * byte order) and its bytes. Request i is worker i's.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/processors.h"
#include "ledger/cycle.h"
#include "ledger/offer.h"
#include "ledger/schedule.h"
#include "ledger/task.h"
#include "work/outbox.h"

#define COPIES	     COPIES_MAX /* of each task in each cycle */
#define HOUR_MS	     3600000	/* nobody waits for what is due then */
#define DUE_FOR_MS   60000	/* at least: anybody gets it */
#define THREADS_MAX  64
#define HELD_URL_MAX 100 /* of the tasks that are made here */

struct options {
	const char *ledger_path;
	const char *posts_path; /* NULL: nothing is signed */
	const char *polls_path; /* NULL: isn't written */
	long workers;
	long batch;  /* assignments of each worker */
	long idle;   /* active tasks that aren't due */
	long due;    /* tasks with a slot that anybody may have */
	bool rounds; /* results are signed in rounds */
};

/* A worker with the tasks that it holds. */
struct holder {
	struct identity id;
	struct held {
		char name[TASK_ID_MAX + 1];
		char url[HELD_URL_MAX + 1];
		struct task_round round;
	} * held; /* o->batch of them; in the preparation's */
};

struct preparation {
	const struct options *o;
	struct db *db;
	struct holder *holders; /* owned, o->workers of them */
	struct held *held;	/* owned, o->batch for each worker */
	struct buf *posts;	/* owned, one for each worker */
	struct task_definition like;
	int64_t now_ms;
};

static const char usage[] =
    "usage: prepare --ledger FILE --workers N --batch N [--idle N] [--due N]\n"
    "           [--posts FILE] [--polls FILE] [--rounds 1]\n"
    "\n"
    "In an existing ledger workers are given a batch of assignments each, of\n"
    "tasks that are paused afterwards. --idle adds active tasks that aren't\n"
    "due, --due some that anybody may have. --posts gets each worker's results\n"
    "as a request, --polls each one's poll. --rounds 1: each request is signed as\n"
    "a round.\n";

static int
options_parse(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ledger", required_argument, NULL, 'l' },
		{ "posts", required_argument, NULL, 'p' },
		{ "polls", required_argument, NULL, 'q' },
		{ "workers", required_argument, NULL, 'w' },
		{ "batch", required_argument, NULL, 'b' },
		{ "idle", required_argument, NULL, 'i' },
		{ "due", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .ledger_path = NULL };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'l':
			o->ledger_path = optarg;
			break;
		case 'p':
			o->posts_path = optarg;
			break;
		case 'q':
			o->polls_path = optarg;
			break;
		case 'w':
			o->workers = atol(optarg);
			break;
		case 'b':
			o->batch = atol(optarg);
			break;
		case 'i':
			o->idle = atol(optarg);
			break;
		case 'd':
			o->due = atol(optarg);
			break;
		case 'r':
			o->rounds = atol(optarg) != 0;
			break;
		default:
			return -1;
		}
	return optind == argc && o->ledger_path != NULL && o->workers > 0 &&
		o->batch > 0 && o->batch <= TASKS_PER_POLL_MAX
	    ? 0
	    : -1;
}

static int64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- Workers and tasks ---- */

/* A key that is nothing but the hash of a number: for the bench only. */
static enum rc
holder_make(struct holder *h, long number, struct err *e)
{
	char text[64];
	enum rc rc;

	(void)snprintf(text, sizeof(text), "worknet bench key %ld", number);
	keccak256(h->id.key.b, text, strlen(text));
	rc = eth_key_address(&h->id.address, &h->id.key, e);
	address_format(h->id.text, &h->id.address, ADDRESS_CHECKSUM);
	return rc;
}

static void
task_name(char out[static TASK_ID_MAX + 1], const char *kind, long number)
{
	(void)snprintf(out, TASK_ID_MAX + 1, "%s_%ld", kind, number);
}

static enum rc
numbered_add(struct preparation *p, const char *kind, long number,
    const struct task_definition *like, int64_t at_ms, struct err *e)
{
	struct task_definition d = *like;
	char name[TASK_ID_MAX + 1];

	task_name(name, kind, number);
	(void)snprintf(d.url, sizeof(d.url),
	    "https://%s-%ld.example.net/api/health", kind, number);
	return task_add(p->db, name, &d, at_ms, e);
}

static enum rc
tasks_add(struct preparation *p, const char *kind, long n,
    const struct task_definition *like, int64_t at_ms, struct err *e)
{
	enum rc rc = RC_OK;
	long i;

	for (i = 0; rc == RC_OK && i < n; i++)
		rc = numbered_add(p, kind, i, like, at_ms, e);
	return rc;
}

/*
 * Tasks that have waited since a cycle of theirs opened: in the order in which
 * a coordinator that is kept busy finds them, and which their next cycles have.
 */
static enum rc
due_add(struct preparation *p, struct err *e)
{
	const int64_t interval_ms = p->like.interval_ms;
	int64_t start_ms = p->now_ms - DUE_FOR_MS, task, open_ms;
	enum rc rc = RC_OK;
	long i;

	start_ms -= start_ms % interval_ms;
	for (i = 0; rc == RC_OK && i < p->o->due; i++) {
		rc = query_one_int(db_query(p->db, Q_TASK_NEXT_ID), &task, e);
		open_ms = cycle_opens_ms(1, task, interval_ms, start_ms);
		if (rc == RC_OK)
			rc = numbered_add(p, "due", i, &p->like, open_ms, e);
	}
	return rc;
}

/* ---- Assignments ---- */

/* What the poll's answer would say. */
static void
held_fill(
    struct held *h, const struct given_task *t, const struct offer *o, size_t i)
{
	(void)snprintf(h->name, sizeof(h->name), "%s", t->name);
	slice_copy(h->url, sizeof(h->url), slice_of(t->url));
	h->round.offered = true;
	h->round.slot = t->slot;
	h->round.anchor_size = t->anchor;
	memcpy(h->round.assignment, o->tasks[i].assignment, KECCAK256_LEN);
	memcpy(h->round.ledger_id, o->ledger_id, LEDGER_ID_LEN);
	memcpy(h->round.anchor_root, o->tasks[i].anchor_root, KECCAK256_LEN);
	memcpy(h->round.region, o->tasks[i].region, sizeof(h->round.region));
}

/* One poll gives h its whole batch: of its region's tasks, which are due. */
static enum rc
holder_poll(struct preparation *p, struct holder *h, const char *region,
    struct given_list *given, struct err *e)
{
	const struct schedule_rules rules = { .max_tasks = p->o->batch,
		.one_copy_per_network = true,
		.network_slots = RESULTS_PER_POST_MAX };
	const struct poll poll = { h->id.address, slice_of(region),
		slice_of(""), p->now_ms, 0 };
	struct offer offer;
	bool work;
	enum rc rc;
	size_t i;

	rc = schedule_serve(p->db, true, &rules, &poll, given, &work, e);
	if (rc == RC_OK && given->n != (size_t)p->o->batch)
		rc = err_set(e, RC_INVALID, "got %zu tasks, expected %ld",
		    given->n, p->o->batch);
	if (rc == RC_OK)
		rc = offer_make(p->db, &h->id.address, given, &offer, e);
	for (i = 0; rc == RC_OK && i < given->n; i++)
		held_fill(&h->held[i], &given->tasks[i], &offer, i);
	return rc;
}

/* A batch for each worker of a region, which has as many as copies. */
static enum rc
region_give(
    struct preparation *p, long first, struct given_list *given, struct err *e)
{
	char region[REGION_MAX + 1], name[TASK_ID_MAX + 1];
	struct task_definition d = p->like;
	enum rc rc;
	long i;

	(void)snprintf(region, sizeof(region), "region-%ld", first / COPIES);
	(void)snprintf(d.region, sizeof(d.region), "%s", region);
	d.copies = COPIES;
	/* Its cycle began days ago: whoever asks gets all there is. */
	d.interval_ms = INTERVAL_MAX_MS;
	rc = tasks_add(p, region, p->o->batch, &d, p->now_ms - DUE_FOR_MS, e);
	for (i = first; rc == RC_OK && i < first + COPIES && i < p->o->workers;
	     i++)
		rc = holder_poll(p, &p->holders[i], region, given, e);
	/* From here on nobody's poll has to do with them. */
	for (i = 0; rc == RC_OK && i < p->o->batch; i++) {
		task_name(name, region, i);
		rc = task_set_state(p->db, name, TASK_PAUSED, p->now_ms, e);
	}
	return rc;
}

static enum rc
slots_give(struct preparation *p, struct err *e)
{
	struct given_list *given = calloc(1, sizeof(*given));
	enum rc rc = RC_OK;
	long i;

	if (given == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < p->o->workers; i += COPIES)
		rc = region_give(p, i, given, e);
	free(given);
	return rc;
}

/* In one transaction: everything that the ledger has to know. */
static enum rc
ledger_prepare(struct preparation *p, struct err *e)
{
	enum rc rc;

	task_defaults(&p->like);
	p->like.reward_micros = 100;
	rc = db_begin(p->db, e);
	if (rc == RC_OK)
		rc = slots_give(p, e);
	if (rc == RC_OK)
		rc = tasks_add(
		    p, "idle", p->o->idle, &p->like, p->now_ms + HOUR_MS, e);
	if (rc == RC_OK)
		rc = due_add(p, e);
	if (rc == RC_OK)
		rc = db_commit(p->db, e);
	if (rc != RC_OK)
		db_rollback(p->db);
	return rc;
}

/* ---- Requests ---- */

/* One result of what the worker holds, as worknet-worker would have it. */
static enum rc
result_add(struct outbox *o, const struct preparation *p,
    const struct holder *h, const struct held *held, struct err *e)
{
	struct task t = { .expected_status = 200 };
	struct finding f = { .task = &t,
		.timestamp_ms = p->now_ms,
		.success = true,
		.response_time_ms = 45,
		.status = 200 };
	struct queued_round round;
	struct buf text;
	enum rc rc;

	memcpy(t.id, held->name, sizeof(t.id));
	memcpy(t.url, held->url, sizeof(held->url));
	t.round = held->round;
	memcpy(round.ledger_id, t.round.ledger_id, sizeof(round.ledger_id));
	buf_init(&text, RESULT_LEN_MAX);
	if (!p->o->rounds)
		rc = finding_write(&text, &f, &h->id, e);
	else if (finding_hash(round.hash, &f, &h->id))
		rc = finding_write_hashed(&text, &f, round.hash, e);
	else
		rc = err_set(e, RC_INVALID, "%s: no round", held->name);
	if (rc == RC_OK)
		rc = outbox_add(o, (struct slice){ text.p, text.len },
		    f.timestamp_ms, p->o->rounds ? &round : NULL, NULL, e);
	buf_free(&text);
	return rc;
}

/* The request that posts all that the worker holds. */
static enum rc
post_write(struct preparation *p, size_t number, struct err *e)
{
	const struct holder *h = &p->holders[number];
	struct outbox o;
	size_t expired;
	enum rc rc;
	long i;

	rc = outbox_init(&o, &h->id, e);
	for (i = 0; rc == RC_OK && i < p->o->batch; i++)
		rc = result_add(&o, p, h, &h->held[i], e);
	if (rc == RC_OK && !outbox_next(&o, p->now_ms, &expired))
		rc = err_set(e, RC_INVALID, "nothing to post");
	if (rc == RC_OK)
		rc = buf_status(&o.body, e);
	buf_printf(&p->posts[number],
	    "POST /api/v1/worker/results HTTP/1.1\r\n"
	    "Host: worknet\r\n"
	    "Content-Type: application/json\r\n"
	    "Content-Length: %zu\r\n"
	    "\r\n",
	    o.body.len);
	buf_add(&p->posts[number], o.body.p, o.body.len);
	outbox_free(&o);
	return rc == RC_OK ? buf_status(&p->posts[number], e) : rc;
}

/* One thread's share: every worker from first on, in steps. */
struct signer {
	pthread_t thread;
	struct preparation *p;
	size_t first;
	size_t step;
	enum rc rc;
	struct err e;
};

static void *
signer_main(void *arg)
{
	struct signer *s = arg;
	size_t i;

	for (i = s->first; s->rc == RC_OK && i < (size_t)s->p->o->workers;
	     i += s->step) {
		buf_init(&s->p->posts[i], BODY_MAX + 512);
		s->rc = post_write(s->p, i, &s->e);
	}
	return NULL;
}

static enum rc
posts_sign(struct preparation *p, struct err *e)
{
	struct signer signers[THREADS_MAX];
	size_t i, n = processors_count();
	enum rc rc = RC_OK;

	n = n > THREADS_MAX ? THREADS_MAX : n;
	p->posts = calloc((size_t)p->o->workers, sizeof(p->posts[0]));
	if (p->posts == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; i < n; i++) {
		signers[i] = (struct signer){
			.p = p, .first = i, .step = n, .rc = RC_OK
		};
		CHECK(pthread_create(&signers[i].thread, NULL, signer_main,
			  &signers[i]) == 0);
	}
	for (i = 0; i < n; i++) {
		(void)pthread_join(signers[i].thread, NULL);
		if (rc == RC_OK && signers[i].rc != RC_OK)
			rc = err_set(e, signers[i].rc, "%s", signers[i].e.msg);
	}
	return rc;
}

static void
request_put(FILE *f, const char *bytes, size_t len)
{
	uint32_t n = (uint32_t)len;

	(void)fwrite(&n, sizeof(n), 1, f);
	(void)fwrite(bytes, 1, len, f);
}

static enum rc
file_close(FILE *f, const char *path, struct err *e)
{
	bool failed = ferror(f) != 0;

	if (fclose(f) == 0 && !failed)
		return RC_OK;
	return err_set(e, RC_IO, "can't write %s", path);
}

static enum rc
posts_put(struct preparation *p, struct err *e)
{
	FILE *f = fopen(p->o->posts_path, "wb");
	enum rc rc;
	long i;

	if (f == NULL)
		return err_set(e, RC_IO, "can't open %s", p->o->posts_path);
	rc = posts_sign(p, e);
	for (i = 0; rc == RC_OK && i < p->o->workers; i++)
		request_put(f, p->posts[i].p, p->posts[i].len);
	return rc == RC_OK ? file_close(f, p->o->posts_path, e) : rc;
}

/* Polls as existing workers send them. */
static enum rc
polls_put(struct preparation *p, struct err *e)
{
	FILE *f = fopen(p->o->polls_path, "wb");
	char text[256];
	long i;
	int n;

	if (f == NULL)
		return err_set(e, RC_IO, "can't open %s", p->o->polls_path);
	for (i = 0; i < p->o->workers; i++) {
		n = snprintf(text, sizeof(text),
		    "GET /api/v1/worker/tasks?address=%s&region=unknown "
		    "HTTP/1.1\r\n"
		    "Host: worknet\r\n"
		    "\r\n",
		    p->holders[i].id.text);
		request_put(f, text, (size_t)n);
	}
	return file_close(f, p->o->polls_path, e);
}

static enum rc
prepare(struct preparation *p, struct err *e)
{
	enum rc rc = RC_OK;
	long i;

	p->holders = calloc((size_t)p->o->workers, sizeof(p->holders[0]));
	p->held = calloc(
	    (size_t)p->o->workers * (size_t)p->o->batch, sizeof(p->held[0]));
	if (p->holders == NULL || p->held == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	for (i = 0; rc == RC_OK && i < p->o->workers; i++) {
		p->holders[i].held = &p->held[i * p->o->batch];
		rc = holder_make(&p->holders[i], i, e);
	}
	if (rc == RC_OK)
		rc = db_open(&p->db, p->o->ledger_path, DB_WRITE, 1000, e);
	if (rc == RC_OK)
		rc = ledger_prepare(p, e);
	db_close(p->db);
	if (rc == RC_OK && p->o->posts_path != NULL)
		rc = posts_put(p, e);
	if (rc == RC_OK && p->o->polls_path != NULL)
		rc = polls_put(p, e);
	return rc;
}

int
main(int argc, char **argv)
{
	struct preparation p = { .now_ms = clock_ms() };
	struct err e = ERR_INIT;
	struct options o;
	enum rc rc;
	long i;

	if (options_parse(&o, argc, argv) != 0) {
		fputs(usage, stderr);
		return 2;
	}
	p.o = &o;
	rc = prepare(&p, &e);
	if (rc != RC_OK)
		fprintf(stderr, "prepare: %s\n", e.msg);
	for (i = 0; p.posts != NULL && i < o.workers; i++)
		buf_free(&p.posts[i]);
	free(p.posts);
	free(p.held);
	free(p.holders);
	return rc == RC_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
