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
#include "work/check.h"
#include "work/coordinator.h"
#include "work/outbox.h"
#include "work/pace.h"
#include "work/record.h"

static_assert(TASKS_PER_POLL_MAX <= HTTP_AT_ONCE_MAX,
    "the configuration allows that many checks at once");
static_assert(2 * HOLD_MS < REOFFER_AFTER_MS,
    "a result that is held back comes before its slot is offered again");
static_assert(TIMEOUT_MAX_MS <= HTTP_TIMEOUT_MAX_MS,
    "a task's timeout must be one that a request can have");

/* What a request of ours is; below these it's the check of that number. */
#define INDEX_PROBE TASKS_PER_POLL_MAX
#define INDEX_POST  (TASKS_PER_POLL_MAX + 1)

#define WAIT_MAX_MS 1000

struct worker {
	const struct conf *conf; /* borrowed */
	struct identity id;	 /* secret */
	struct coordinator coordinator;
	struct http_client *http; /* owned; for all requests */
	struct outbox outbox;
	struct evidence evidence;
	int64_t earned_micros; /* since the start */
	bool stopped;	       /* there are no rounds any more */
	int64_t stop_by_ms;    /* monotonic; when that was */

	/* Of this round. */
	struct task_list tasks;
	struct check checks[TASKS_PER_POLL_MAX];
	size_t next;	 /* the first that waits; no more once stopped */
	size_t running;	 /* checks */
	size_t doubted;	 /* checks */
	bool is_probing; /* a request is under way */
	struct http_request probe;
	struct http_request post; /* while outbox.in_post > 0 */
	bool is_flushing;	  /* the outbox is being emptied */
	int64_t flush_ms;	  /* monotonic; when it is next at the latest */
	int64_t retry_ms;	  /* no POST before, for one has failed */
	int64_t polled_ms;	  /* monotonic */
	struct tally tally;
	bool worked; /* nothing failed */
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
		rc = http_client_new(&w->http, e);
	if (rc == RC_OK)
		rc = outbox_init(&w->outbox, &w->id, e);
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
	http_client_free(w->http); /* before what its requests borrow */
	coordinator_free(&w->coordinator);
	outbox_free(&w->outbox);
	free(w);
}

const char *
worker_address(const struct worker *w)
{
	return w->id.text;
}

/* ---- Checks ---- */

static const char *
name_of(const struct worker *w, const struct check *c)
{
	return w->tasks.tasks[c - w->checks].id;
}

/* Nothing was found out about the target, so there is nothing to attest. */
static void
leave(struct worker *w, struct check *c, const char *why)
{
	c->state = CHECK_OVER;
	w->worked = false;
	w->tally.unchecked++;
	log_warning("check %s: not checked: %s", name_of(w, c), why);
}

static enum rc
sign(struct worker *w, const struct finding *f, struct err *e)
{
	const bool is_private = f->task->hidden.label[0] != '\0';
	struct queued_round round;
	struct queued_seal seal;
	struct buf text;
	bool in_round;
	enum rc rc;

	buf_init(&text, RESULT_LEN_MAX);
	memcpy(
	    round.ledger_id, f->task->round.ledger_id, sizeof(round.ledger_id));
	round.anchor_size = f->task->round.anchor_size;
	memcpy(round.anchor_root, f->task->round.anchor_root,
	    sizeof(round.anchor_root));
	in_round = finding_hash(round.hash, f, &w->id);
	rc = in_round ? finding_write_hashed(&text, f, round.hash, e)
		      : finding_write(&text, f, &w->id, e);
	memcpy(seal.label, f->task->hidden.label, sizeof(seal.label));
	if (rc == RC_OK && is_private)
		rc = finding_seal(seal.seal, f, &w->id, e);
	if (rc == RC_OK)
		rc = outbox_add(&w->outbox, (struct slice){ text.p, text.len },
		    f->timestamp_ms, in_round ? &round : NULL,
		    is_private ? &seal : NULL, e);
	buf_free(&text);
	return rc;
}

/* Signed, or hashed for its round, at once, so that a stop can't lose it. */
static void
attest(struct worker *w, struct check *c)
{
	const struct finding *f = &c->finding;
	struct err e = ERR_INIT;

	c->state = CHECK_OVER;
	w->tally.checks++;
	if (f->success)
		w->tally.good++;
	if (sign(w, f, &e) == RC_OK)
		return;
	w->worked = false;
	log_error("check %s: %s", f->task->id, e.msg);
}

static void
on_checked(struct worker *w, size_t index, const struct http_response *r)
{
	struct check *c = &w->checks[index];
	int64_t now_unix_ms = clock_unix_ms();
	enum check_word word;
	const char *why;

	w->running--;
	word = check_judge(
	    c, &w->evidence, r, clock_monotonic_ms(), now_unix_ms, &why);
	finding_make(&c->finding, &w->tasks.tasks[index], r, now_unix_ms);
	log_debug("check %s: status %d, %" PRId64 " ms%s%s", name_of(w, c),
	    r->status, r->elapsed_ms, r->error_text[0] != '\0' ? ", " : "",
	    r->error_text);
	if (word == CHECK_ATTEST)
		attest(w, c);
	else if (word == CHECK_NOTHING)
		leave(w, c, why);
	else {
		c->state = CHECK_DOUBTED;
		c->asked = false;
		w->doubted++;
	}
}

static struct http_request
request_of(const struct worker *w, const struct task *t)
{
	return (struct http_request){
		.url = t->url,
		.user_agent = "worknet-worker/" PACKAGE_VERSION,
		.timeout_ms = t->timeout_ms,
		.body_mode = HTTP_BODY_IGNORE,
		.redirects_max = CHECK_REDIRECTS_MAX,
		.target = w->conf->worker_allow_private ? target_is_any
							: target_is_outside,
		.fresh = true,
	};
}

static void
start_checks(struct worker *w)
{
	int64_t now = clock_monotonic_ms();
	struct err e = ERR_INIT;
	struct check *c;

	while (w->next < w->tasks.count &&
	    w->running < (size_t)w->conf->worker_checks_at_once) {
		c = &w->checks[w->next];
		*c = (struct check){ .state = CHECK_RUNNING,
			.request = request_of(w, &w->tasks.tasks[w->next]),
			.began_ms = now,
			.began_unix_ms = clock_unix_ms() };
		if (now - w->polled_ms + c->request.timeout_ms >
		    RESULT_WINDOW_MS)
			leave(w, c, "it would be over too late to be paid");
		else if (http_start(w->http, &c->request, w->next, &e) == RC_OK)
			w->running++;
		else
			leave(w, c, e.msg);
		w->next++;
	}
}

/* ---- Whether it is this host that is offline ---- */

static void
on_probed(struct worker *w, const struct http_response *r)
{
	struct check *c;
	size_t i;

	w->is_probing = false;
	for (i = 0; i < w->next; i++) {
		c = &w->checks[i];
		if (c->state != CHECK_DOUBTED || !c->asked)
			continue;
		w->doubted--;
		if (check_is_vouched_for(c, &w->evidence, r))
			attest(w, c);
		else
			leave(w, c,
			    r->error != HTTP_ERROR_NONE
				? "the coordinator can't be reached either"
				: "nothing shows that this host is online");
	}
}

static void
start_probe(struct worker *w)
{
	struct http_response failed = { .error = HTTP_ERROR_LOCAL };
	size_t i;

	if (w->doubted == 0 || w->is_probing || w->stopped)
		return;
	for (i = 0; i < w->next; i++)
		w->checks[i].asked = w->checks[i].state == CHECK_DOUBTED;
	w->probe = coordinator_probe(&w->coordinator);
	w->is_probing = true;
	if (http_start(w->http, &w->probe, INDEX_PROBE, NULL) != RC_OK)
		on_probed(w, &failed);
}

/* ---- Submitting ---- */

/* What the answer credits, in the worker's own record. */
static void
keep(const struct worker *w, const struct http_response *r)
{
	const char *path = w->conf->worker_record_file;
	struct err e = ERR_INIT;

	if (path[0] != '\0' &&
	    record_add(path, w->id.text, &w->outbox.posting, w->outbox.in_post,
		(struct slice){ r->body.p, r->body.len }, &e) != RC_OK)
		log_error("what was credited isn't recorded: %s", e.msg);
}

static void
on_posted(struct worker *w, const struct http_response *r)
{
	size_t n = w->outbox.in_post;
	struct err e = ERR_INIT;
	bool given_up;
	enum rc rc;

	rc = coordinator_answered(
	    &w->coordinator, &w->tally, r, n, clock_monotonic_ms(), &e);
	if (rc == RC_OK)
		keep(w, r);
	outbox_answered(&w->outbox, rc, &given_up);
	if (rc == RC_OK)
		return;
	w->worked = false;
	log_warning("submission of %zu results, %s: %s", n,
	    given_up		   ? "given up"
		: rc == RC_INVALID ? "halved"
				   : "kept for later",
	    e.msg);
	if (rc != RC_INVALID)
		w->retry_ms =
		    clock_monotonic_ms() + w->conf->worker_poll_interval_ms;
}

static bool
checks_are_over(const struct worker *w)
{
	return w->next == w->tasks.count && w->running == 0 && w->doubted == 0;
}

/* True when the outbox is to be emptied, and the coordinator would listen. */
static bool
is_due(const struct worker *w, int64_t now)
{
	return outbox_count(&w->outbox) > 0 && now >= w->retry_ms &&
	    !coordinator_is_quiet(&w->coordinator, now) &&
	    (w->is_flushing || w->stopped || now >= w->flush_ms ||
		checks_are_over(w));
}

/* Ends a flush: the next is due later, or in the next round. */
static void
end_flush(struct worker *w, int64_t now)
{
	if (w->outbox.refusals >= REFUSALS_MAX)
		w->retry_ms = now + w->conf->worker_poll_interval_ms;
	w->is_flushing = false;
	w->flush_ms = now + HOLD_MS;
}

static void
start_post(struct worker *w)
{
	int64_t now = clock_monotonic_ms();
	struct http_response failed = { .error = HTTP_ERROR_LOCAL };
	size_t expired;
	bool more;

	if (w->outbox.in_post > 0)
		return;
	if (!is_due(w, now)) {
		w->is_flushing = false;
		return;
	}
	if (!w->is_flushing)
		outbox_flush(&w->outbox);
	w->is_flushing = true;
	more = outbox_next(&w->outbox, clock_unix_ms(), &expired);
	if (expired > 0)
		log_warning(
		    "%zu results were never submitted: too old now", expired);
	if (!more) {
		end_flush(w, now);
		return;
	}
	w->post = coordinator_post(&w->coordinator,
	    (struct slice){ w->outbox.body.p, w->outbox.body.len });
	if (buf_status(&w->outbox.body, NULL) != RC_OK ||
	    http_start(w->http, &w->post, INDEX_POST, NULL) != RC_OK)
		on_posted(w, &failed);
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
	if (t->unchecked > 0)
		buf_printf(&more, ", %zu not checked", t->unchecked);
	if (t->recorded_before > 0)
		buf_printf(&more, ", %zu recorded before", t->recorded_before);
	tally_refusals(&more, t);
	if (outbox_count(&w->outbox) > 0)
		buf_printf(
		    &more, ", %zu kept for later", outbox_count(&w->outbox));
	log_line(is_idle(t) ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
	    "round: %zu checks (%zu as expected), %" PRId64
	    " accepted, earned %s USDC, %s in all%s",
	    t->checks, t->good, t->accepted, earned, in_all,
	    more.len > 0 ? more.p : "");
	buf_free(&more);
}

static void
poll_tasks(struct worker *w, int stop_fd)
{
	struct err e = ERR_INIT;
	enum rc rc;

	w->next = w->running = w->doubted = 0;
	rc = coordinator_poll(&w->coordinator, w->http, &w->tasks,
	    clock_monotonic_ms(), stop_fd, &e);
	w->polled_ms = clock_monotonic_ms();
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

static void
on_done(void *ctx, size_t index, struct http_response *r)
{
	struct worker *w = ctx;

	if (index == INDEX_POST)
		on_posted(w, r);
	else if (index == INDEX_PROBE)
		on_probed(w, r);
	else
		on_checked(w, index, r);
}

/* From here on only what is signed matters; what runs is left to itself. */
static void
stop(struct worker *w)
{
	w->stopped = true;
	w->stop_by_ms = clock_monotonic_ms() + STOP_MS;
	w->tasks.count = w->next;
}

static bool
round_is_over(const struct worker *w)
{
	int64_t now = clock_monotonic_ms();

	if (w->stopped && now >= w->stop_by_ms)
		return true;
	return w->outbox.in_post == 0 && !is_due(w, now) &&
	    (w->stopped || (checks_are_over(w) && !w->is_probing));
}

/* How long nothing has to be started, unless a request ends before. */
static int64_t
quiet_ms(const struct worker *w)
{
	int64_t now = clock_monotonic_ms(), quiet = WAIT_MAX_MS;

	if (w->flush_ms > now && w->flush_ms - now < quiet)
		quiet = w->flush_ms - now;
	if (w->stopped && w->stop_by_ms - now < quiet)
		quiet = w->stop_by_ms - now;
	return quiet > 0 ? quiet : 0;
}

/* Carries out w->tasks, and submits their results and older ones. */
static void
carry_out(struct worker *w, int stop_fd)
{
	w->retry_ms = 0;
	w->is_flushing = false;
	w->flush_ms = clock_monotonic_ms() + HOLD_MS;
	if (w->tasks.count > 0)
		http_warm(w->http);
	while (!round_is_over(w)) {
		if (!w->stopped && wait_until(0, stop_fd))
			stop(w);
		start_checks(w);
		start_probe(w);
		start_post(w);
		(void)http_wait(w->http, quiet_ms(w), w->stopped ? -1 : stop_fd,
		    on_done, w);
	}
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
	carry_out(w, stop_fd);
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
	return pace_phase_ms(interval_ms, n);
}

void
worker_run(struct worker *w, int stop_fd)
{
	int64_t interval = w->conf->worker_poll_interval_ms;
	int64_t due = clock_monotonic_ms() + random_phase_ms(interval);

	while (!w->stopped && !wait_until(due, stop_fd)) {
		(void)worker_round(w, stop_fd);
		due = pace_next_ms(due, interval, clock_monotonic_ms());
	}
	/* Once more, unless the last attempt knew that it was the last. */
	if (!w->stopped && outbox_count(&w->outbox) > 0) {
		memset(&w->tally, 0, sizeof(w->tally));
		w->tasks.count = w->next = 0;
		stop(w);
		carry_out(w, -1);
		tell(w);
	}
	if (outbox_count(&w->outbox) > 0)
		log_warning(
		    "%zu results were not submitted", outbox_count(&w->outbox));
}
