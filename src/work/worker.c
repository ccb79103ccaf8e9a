#include "work/worker.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "work/coordinator.h"
#include "work/queue.h"
#include "work/result.h"
#include "work/schedule.h"

static_assert(TASKS_PER_POLL_MAX <= HTTP_AT_ONCE_MAX,
    "the configuration allows that many checks at once");
static_assert(TIMEOUT_MAX_MS <= HTTP_TIMEOUT_MAX_MS,
    "a task's timeout must be one that a request can have");

struct worker {
	const struct conf *conf; /* borrowed */
	struct identity id;	 /* secret */
	struct coordinator coordinator;
	struct http_client *checks; /* owned */
	int64_t earned_micros;	    /* since the start */

	/* Of this round. */
	struct task_list tasks;
	struct queue fresh; /* its signed results */
	struct tally tally;
	bool worked;  /* nothing failed */
	bool stopped; /* before it submitted */

	struct queue unsent; /* of earlier rounds */
};

enum rc
worker_new(struct worker **out, const struct conf *c, struct err *e)
{
	struct worker *w;
	enum rc rc;

	*out = NULL;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return err_set(e, RC_NO_MEMORY, "worker: no memory");
	w->conf = c;
	rc = identity_read(&w->id, c->worker_key_file, e);
	if (rc == RC_OK)
		rc = coordinator_init(&w->coordinator, c->worker_coordinator,
		    w->id.text, c->worker_region, e);
	if (rc == RC_OK)
		rc = http_client_new(&w->checks, e);
	if (rc == RC_OK)
		rc = queue_init(&w->fresh, e);
	if (rc == RC_OK)
		rc = queue_init(&w->unsent, e);
	if (rc != RC_OK) {
		worker_free(w);
		return rc;
	}
	*out = w;
	return RC_OK;
}

void
worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	identity_wipe(&w->id);
	coordinator_free(&w->coordinator);
	http_client_free(w->checks);
	queue_free(&w->fresh);
	queue_free(&w->unsent);
	free(w);
}

const char *
worker_address(const struct worker *w)
{
	return w->id.text;
}

/* ---- Checks ---- */

static enum rc
sign(struct worker *w, const struct finding *f, struct err *e)
{
	struct buf text;
	enum rc rc;

	buf_init(&text, RESULT_LEN_MAX);
	rc = finding_write(&text, f, &w->id, e);
	if (rc == RC_OK)
		rc = queue_add(&w->fresh, (struct slice){ text.p, text.len },
		    f->timestamp_ms, e);
	buf_free(&text);
	return rc;
}

/* Nothing was found out about the target, so there is nothing to attest. */
static void
on_not_checked(struct worker *w, size_t index, const struct http_response *r)
{
	w->worked = false;
	log_error("check %s: not carried out: %s", w->tasks.tasks[index].id,
	    r->error_text);
}

/* A check is over: signed at once, so that a stop can't lose it. */
static void
on_checked(void *ctx, size_t index, struct http_response *r)
{
	struct worker *w = ctx;
	struct err e = ERR_INIT;
	struct finding f;

	if (r->error == HTTP_ERROR_STOPPED)
		return;
	if (r->error == HTTP_ERROR_LOCAL) {
		on_not_checked(w, index, r);
		return;
	}
	finding_make(&f, &w->tasks.tasks[index], r, clock_unix_ms());
	w->tally.checks++;
	if (f.success)
		w->tally.good++;
	log_debug("check %s: status %d, %" PRId64 " ms%s%s", f.task->id,
	    f.status, f.response_time_ms, r->error_text[0] != '\0' ? ", " : "",
	    r->error_text);
	if (sign(w, &f, &e) == RC_OK)
		return;
	w->worked = false;
	log_error("check %s: %s", f.task->id, e.msg);
}

static void
do_checks(struct worker *w, int stop_fd)
{
	struct http_request requests[TASKS_PER_POLL_MAX];
	size_t i;

	for (i = 0; i < w->tasks.count; i++)
		requests[i] = (struct http_request){
			.url = w->tasks.tasks[i].url,
			.user_agent = "worknet-worker/" PACKAGE_VERSION,
			.timeout_ms = w->tasks.tasks[i].timeout_ms,
			.body_mode = HTTP_BODY_IGNORE,
			.redirects_max = CHECK_REDIRECTS_MAX,
			.target = w->conf->worker_allow_private
			    ? target_is_any
			    : target_is_public,
			.fresh = true,
		};
	http_run(w->checks, requests, w->tasks.count,
	    (size_t)w->conf->worker_checks_at_once, stop_fd, on_checked, w);
}

/* ---- Submitting ---- */

/*
 * Submits what q holds. False when the coordinator can't be talked to now:
 * then q keeps what wasn't answered for.
 */
static bool
submit_queue(struct worker *w, struct queue *q)
{
	struct err e = ERR_INIT;
	enum rc rc = RC_OK;
	struct buf body;
	size_t n;

	buf_init(&body, BODY_MAX);
	while (q->count > 0 && (rc == RC_OK || rc == RC_INVALID)) {
		buf_reset(&body);
		n = queue_write(&body, q);
		rc = buf_status(&body, &e);
		if (rc == RC_OK)
			rc = coordinator_submit(&w->coordinator, &w->tally,
			    (struct slice){ body.p, body.len }, n,
			    clock_monotonic_ms(), &e);
		if (rc == RC_OK || rc == RC_INVALID)
			queue_drop(q, n);
		if (rc == RC_OK)
			continue;
		w->worked = false;
		log_warning("submission of %zu results, %s: %s", n,
		    rc == RC_INVALID ? "given up" : "kept for later", e.msg);
	}
	buf_free(&body);
	return rc == RC_OK || rc == RC_INVALID;
}

/*
 * This round's results first, alone in their POST: should there be something
 * about the older ones that fails, it can't hold up the new.
 */
static void
submit_all(struct worker *w)
{
	bool reached = true;
	size_t expired;

	if (coordinator_is_quiet(&w->coordinator, clock_monotonic_ms()))
		reached = false;
	if (reached)
		reached = submit_queue(w, &w->fresh);
	expired = queue_expire(&w->unsent, clock_unix_ms());
	if (expired > 0)
		log_warning(
		    "%zu results were never submitted: too old now", expired);
	if (reached)
		(void)submit_queue(w, &w->unsent);
	queue_move(&w->unsent, &w->fresh);
}

/* ---- Rounds ---- */

static bool
is_idle(const struct tally *t)
{
	static const struct tally nothing;

	return memcmp(t, &nothing, sizeof(nothing)) == 0;
}

static void
tell(struct worker *w)
{
	char earned[MONEY_SIZE], in_all[MONEY_SIZE];
	const struct tally *t = &w->tally;
	struct buf more;

	if (__builtin_add_overflow(
		w->earned_micros, t->earned_micros, &w->earned_micros))
		w->earned_micros = INT64_MAX;
	money_format(earned, t->earned_micros);
	money_format(in_all, w->earned_micros);
	buf_init(&more, 2000);
	if (t->recorded_before > 0)
		buf_printf(&more, ", %zu recorded before", t->recorded_before);
	tally_refusals(&more, t);
	if (w->unsent.count > 0)
		buf_printf(&more, ", %zu kept for later", w->unsent.count);
	log_line(is_idle(t) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    "round: %zu checks (%zu as expected), %" PRId64 " accepted, "
	    "earned %s USDC, %s in all%s",
	    t->checks, t->good, t->accepted, earned, in_all,
	    more.len > 0 ? more.p : "");
	buf_free(&more);
}

static void
poll_tasks(struct worker *w, int stop_fd)
{
	struct err e = ERR_INIT;
	enum rc rc;

	rc = coordinator_poll(
	    &w->coordinator, &w->tasks, clock_monotonic_ms(), stop_fd, &e);
	if (rc != RC_OK) {
		w->worked = false;
		if (rc != RC_CONFLICT)
			log_warning("poll: %s", e.msg);
		return;
	}
	if (w->tasks.skipped > 0)
		log_warning("poll: %zu tasks skipped", w->tasks.skipped);
	if (w->tasks.surplus > 0)
		log_warning("poll: %zu tasks more than %d, not done",
		    w->tasks.surplus, TASKS_PER_POLL_MAX);
}

/*
 * Waits until due_ms (monotonic; a time that is past: just looks). True when
 * stop_fd is readable.
 */
static bool
wait_until(int64_t due_ms, int stop_fd)
{
	struct pollfd p = { .fd = stop_fd, .events = POLLIN };
	int64_t left;
	int n;

	do {
		left = due_ms - clock_monotonic_ms();
		if (left < 0)
			left = 0;
		n = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return true;
	} while (n < 0 || (n == 0 && left > 0));
	return n > 0;
}

bool
worker_round(struct worker *w, int stop_fd)
{
	if (coordinator_is_quiet(&w->coordinator, clock_monotonic_ms())) {
		log_debug("round: left out, the coordinator asked for it");
		return true;
	}
	memset(&w->tally, 0, sizeof(w->tally));
	w->worked = true;
	poll_tasks(w, stop_fd);
	do_checks(w, stop_fd);
	w->stopped = wait_until(0, stop_fd);
	submit_all(w);
	tell(w);
	return w->worked;
}

static int64_t
random_phase_ms(int64_t interval_ms)
{
	uint64_t n = 0;

	/* Without randomness all start at once; no harm beyond that. */
	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != (ssize_t)sizeof(n))
		n = 0;
	return schedule_phase_ms(interval_ms, n);
}

void
worker_run(struct worker *w, int stop_fd)
{
	int64_t interval = w->conf->worker_poll_interval_ms;
	int64_t due = clock_monotonic_ms() + random_phase_ms(interval);

	while (!w->stopped && !wait_until(due, stop_fd)) {
		(void)worker_round(w, stop_fd);
		due = schedule_next_ms(due, interval, clock_monotonic_ms());
	}
	/* Once more, unless the last attempt knew that it was the last. */
	if (!w->stopped && w->unsent.count > 0) {
		memset(&w->tally, 0, sizeof(w->tally));
		submit_all(w);
		tell(w);
	}
	if (w->unsent.count > 0)
		log_warning("%zu results were not submitted", w->unsent.count);
}
