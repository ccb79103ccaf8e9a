#include "pay/settle.h"

/*
 * The window: the payouts that a run has in hand at once.
 *
 *	          feed
 *	            |
 *	PLACE_READY      signed, to be sent	<-+
 *	            |  start: "submitted"	  |
 *	PLACE_SENT       with the facilitator	  |
 *	            |				  | after a pause
 *	PLACE_ANSWERED   to be judged		  |
 *	            |  judge: the chain's word	  |
 *	PLACE_LATER      unused so far		--+
 *	            |
 *	PLACE_FREE       nothing more to be done in this run
 *
 * One chore at a time, the most urgent first: what can be sent is sent before
 * anything is booked or prepared, so that the facilitator never waits for us.
 * Each chore writes once, for all payouts that it concerns.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "pay/book.h"
#include "pay/direct.h"

/*
 * Facilitators refuse what expires within 6 s of their own clock, and take
 * some seconds to settle.
 */
#define EXPIRY_MARGIN_S 30
#define TRIES_MAX	2    /* POSTs of the same bytes in one run */
#define RETRY_PAUSE_MS	1500 /* x402.md: once more after 1 to 2 s */
/* A facilitator that asks for more patience has to wait for the next run. */
#define PAUSE_MAX_MS  30000
#define GROUP_WAIT_MS 200 /* answers that are few wait for others */
#define WAIT_MS	      1000
#define SILENCE_MS    10000 /* after which a person is told */

enum place {
	PLACE_FREE,
	PLACE_READY,
	PLACE_SENT,
	PLACE_ANSWERED,
	PLACE_LATER,
	PLACES,
};

struct slot {
	enum place place;
	struct open_payout open;
	int tries;		     /* POSTs in this run */
	int tries_direct;	     /* and directly */
	bool direct;		     /* of PLACE_SENT */
	int64_t later_ms;	     /* monotonic; of PLACE_LATER */
	int64_t sent_ms;	     /* monotonic; of PLACE_SENT */
	int64_t answered_ms;	     /* of the answer */
	struct settle_answer answer; /* of PLACE_ANSWERED */
};

struct window {
	struct run *run;
	const struct feed *feed;
	size_t at_once;
	struct slot *slots; /* owned; size */
	size_t size;
	size_t count[PLACES];
	struct open_payout *group; /* owned; size: those of one chore */
	size_t *index;		   /* owned; size: their slots */
	bool dry;		   /* the feed is */
	bool closed;		   /* nothing is sent any more */
	int64_t told_ms;	   /* monotonic; when a person was told */
};

static void
put(struct window *w, struct slot *s, enum place place)
{
	w->count[s->place]--;
	s->place = place;
	w->count[place]++;
}

static void
slot_free(struct window *w, struct slot *s)
{
	open_payout_free(&s->open);
	put(w, s, PLACE_FREE);
}

/* What isn't on its way stays as the ledger has it: the next run goes on. */
static void
window_close(struct window *w)
{
	size_t i;

	w->closed = true;
	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_READY ||
		    w->slots[i].place == PLACE_LATER)
			slot_free(w, &w->slots[i]);
}

static bool
goes_direct(const struct run *r, const struct open_payout *o)
{
	return r->direct != NULL && direct_is_due(r, o);
}

/* Whether posting these bytes (again) is safe, useful and in time. */
static bool
should_send(const struct run *r, const struct open_payout *o)
{
	if (o->payout.state != PAYOUT_SIGNED &&
	    o->payout.state != PAYOUT_SUBMITTED)
		return false;
	if (o->payout.state == PAYOUT_SUBMITTED &&
	    o->judgment.verdict != VERDICT_UNUSED)
		return false;
	if (!goes_direct(r, o) && o->answer == ANSWER_REFUSED &&
	    !o->maybe_transient)
		return false;
	return o->auth.valid_before - run_chain_now_s(r) > EXPIRY_MARGIN_S;
}

/* ---- Ways ---- */

static size_t
in_flight(const struct run *r)
{
	return (r->facilitator == NULL
		       ? 0
		       : facilitator_in_flight(r->facilitator)) +
	    (r->direct == NULL ? 0 : direct_in_flight(r->direct));
}

static const struct settle_answer *
wait_any(const struct run *r, int64_t ms, int wake_fd, size_t *i)
{
	const struct settle_answer *a = NULL;
	bool both = r->facilitator != NULL && r->direct != NULL &&
	    direct_in_flight(r->direct) > 0;

	if (r->facilitator != NULL &&
	    (r->direct == NULL || facilitator_in_flight(r->facilitator) > 0 ||
		!both))
		a = facilitator_wait(r->facilitator, both ? 0 : ms, wake_fd, i);
	if (a == NULL && r->direct != NULL && (r->facilitator == NULL || both))
		a = direct_wait(r->direct, ms < 200 ? ms : 200, wake_fd, i);
	return a;
}

static int64_t
pause_of(const struct run *r)
{
	return r->facilitator == NULL || r->direct != NULL
	    ? 0
	    : facilitator_pause_ms(r->facilitator);
}

/* ---- Preparing ---- */

/* Half of what fits on its way: then a chore is for some of them. */
static bool
wants_more(const struct window *w)
{
	return !w->dry && !w->closed && w->count[PLACE_FREE] > 0 &&
	    2 * w->count[PLACE_READY] < w->at_once;
}

/* Takes what the feed has; *n tells how many. */
static enum rc
fill(struct window *w, size_t *n, struct err *e)
{
	size_t i, taken = 0, room = w->at_once - w->count[PLACE_READY];
	enum rc rc;

	if (room > w->count[PLACE_FREE])
		room = w->count[PLACE_FREE];
	rc = w->feed->fill(w->feed->ctx, w->group, room, n, &w->dry, e);
	for (i = 0; i < w->size && taken < *n; i++) {
		if (w->slots[i].place != PLACE_FREE)
			continue;
		w->slots[i].open = w->group[taken++];
		w->slots[i].tries = w->slots[i].tries_direct = 0;
		put(w, &w->slots[i], PLACE_READY);
	}
	return rc;
}

/* ---- Sending ---- */

/* Those whose pause is over. */
static void
later_to_ready(struct window *w)
{
	int64_t now = clock_monotonic_ms();
	size_t i;

	for (i = 0; w->count[PLACE_LATER] > 0 && i < w->size; i++)
		if (w->slots[i].place == PLACE_LATER &&
		    w->slots[i].later_ms <= now)
			put(w, &w->slots[i], PLACE_READY);
}

static bool
may_start(const struct window *w)
{
	return w->count[PLACE_READY] > 0 && w->count[PLACE_SENT] < w->at_once &&
	    pause_of(w->run) == 0;
}

/* The oldest debt of those that are ready; NULL: none is. */
static struct slot *
next_ready(struct window *w)
{
	struct slot *s, *next = NULL;

	for (s = w->slots; s < w->slots + w->size; s++)
		if (s->place == PLACE_READY &&
		    (next == NULL || s->open.payout.id < next->open.payout.id))
			next = s;
	return next;
}

/* Notes that a payout is about to leave; *leaves is false when it may not. */
static enum rc
submit(struct run *r, struct open_payout *o, bool *leaves, struct err *e)
{
	bool held = false;
	struct err cause = ERR_INIT;
	enum rc rc;

	*leaves = false;
	rc = payout_is_held(r->db, o->payout.worker_id, &held, e);
	if (rc != RC_OK || held || !should_send(r, o))
		return rc;
	rc = payout_submit(r->db, &o->payout,
	    goes_direct(r, o) ? direct_name(r->direct)
			      : r->conf->payout_facilitator_url,
	    clock_unix_ms(), &cause);
	*leaves = rc == RC_OK;
	if (rc == RC_OK)
		return RC_OK;
	if (rc != RC_CONFLICT)
		return err_set(e, rc, "%s", cause.msg);
	log_warning("%s", cause.msg); /* somebody else changed it */
	return RC_OK;
}

/* Inside a step: fills w->index with the n payouts that are to be sent. */
static enum rc
submit_all(struct window *w, size_t *n, struct err *e)
{
	struct slot *s;
	bool leaves;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && w->count[PLACE_SENT] < w->at_once &&
	    (s = next_ready(w)) != NULL) {
		rc = submit(w->run, &s->open, &leaves, e);
		if (leaves) {
			w->index[(*n)++] = (size_t)(s - w->slots);
			s->sent_ms = clock_monotonic_ms();
			put(w, s, PLACE_SENT);
		} else {
			slot_free(w, s);
		}
	}
	return rc;
}

/* "submitted" is durable before the first byte leaves. */
static enum rc
start(struct window *w, struct err *e)
{
	struct run *r = w->run;
	struct slot *s;
	bool stop = false;
	size_t i, n = 0;
	enum rc rc;

	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		stop = run_should_stop(r);
	if (rc == RC_OK && !stop)
		rc = submit_all(w, &n, e);
	rc = db_step_end(r->db, rc, e);
	if (stop)
		window_close(w);
	for (i = 0; rc == RC_OK && i < n; i++) {
		s = &w->slots[w->index[i]];
		s->direct = goes_direct(r, &s->open);
		if (s->direct) {
			s->tries_direct++;
			direct_send(r->direct, w->index[i], &s->open);
			continue;
		}
		s->tries++;
		facilitator_send(r->facilitator, w->index[i],
		    &(struct settle_request){
			.body = { s->open.auth.body.p, s->open.auth.body.len },
			.repost = s->open.posted_before });
	}
	return rc;
}

/* A run that seems to stand still says what it waits for. */
static void
tell_silence(struct window *w)
{
	const struct slot *s, *oldest = NULL;
	int64_t now = clock_monotonic_ms();

	for (s = w->slots; s < w->slots + w->size; s++)
		if (s->place == PLACE_SENT &&
		    (oldest == NULL || s->sent_ms < oldest->sent_ms))
			oldest = s;
	if (oldest == NULL || now - oldest->sent_ms < SILENCE_MS ||
	    now - w->told_ms < SILENCE_MS)
		return;
	w->told_ms = now;
	log_warning("the facilitator hasn't answered about %zu payouts, since "
		    "%" PRId64 " s about payout %" PRId64 "; it may take %d s",
	    w->count[PLACE_SENT], (now - oldest->sent_ms) / 1000,
	    oldest->open.payout.id, SETTLE_TIMEOUT_MS / 1000);
}

/* Takes the answers that are there, or the first within wait_ms. */
static bool
collect(struct window *w, int64_t wait_ms, int wake_fd)
{
	const struct settle_answer *a;
	struct open_payout *o;
	bool any = false;
	size_t i;

	tell_silence(w);
	while ((a = wait_any(w->run, any ? 0 : wait_ms, wake_fd, &i)) != NULL) {
		any = true;
		w->slots[i].answer = *a;
		w->slots[i].answered_ms = clock_unix_ms();
		put(w, &w->slots[i], PLACE_ANSWERED);
		o = &w->slots[i].open;
		o->answer = a->x402.class;
		o->maybe_transient = a->x402.maybe_transient;
		o->posted_before |= a->sent;
		if (a->x402.has_hash) {
			o->has_hint = true;
			memcpy(o->hint, a->x402.hash, TX_HASH_LEN);
		}
	}
	return any;
}

/* ---- Judging ---- */

static enum rc
answer_store(struct run *r, const struct slot *s, struct err *e)
{
	const struct settle_answer *a = &s->answer;
	char detail[SETTLE_TEXT_MAX + 400], tx[HEX_SIZE(TX_HASH_LEN)] = "";

	if (a->x402.has_hash)
		hex_encode(tx, a->x402.hash, TX_HASH_LEN);
	(void)snprintf(detail, sizeof(detail),
	    "%s: %s%d, %" PRId64 " ms: %s%s%s",
	    answer_class_name(a->x402.class), s->direct ? "direct " : "HTTP ",
	    a->status, a->elapsed_ms, a->error, a->error[0] != '\0' ? "; " : "",
	    a->text);
	return payout_answered(
	    r->db, &s->open.payout, detail, tx, s->answered_ms, e);
}

/* The n slots of w->index, in one transaction. */
static enum rc
answers_store(struct window *w, size_t n, struct err *e)
{
	struct db *db = w->run->db;
	enum rc rc;
	size_t i;

	rc = db_step_begin(db, e);
	for (i = 0; rc == RC_OK && i < n; i++)
		rc = answer_store(w->run, &w->slots[w->index[i]], e);
	return db_step_end(db, rc, e);
}

/* A refusal that will be repeated: a person has to look. */
static enum rc
report_refusal(struct run *r, const struct open_payout *o, struct err *e)
{
	if (o->answer != ANSWER_REFUSED || o->payout.state != PAYOUT_SUBMITTED)
		return RC_OK;
	return run_payout_finding(r, &o->payout, "facilitator refuses",
	    "it will "
	    "refuse the same bytes again; the payout stays open "
	    "until its authorization has expired",
	    e);
}

/* After its verdict: once more, or no more in this run. */
static enum rc
go_on(struct window *w, struct slot *s, struct err *e)
{
	enum rc rc;

	if (!w->closed &&
	    (goes_direct(w->run, &s->open) ? s->tries_direct : s->tries) <
		TRIES_MAX &&
	    should_send(w->run, &s->open)) {
		s->later_ms = clock_monotonic_ms() + RETRY_PAUSE_MS;
		put(w, s, PLACE_LATER);
		return RC_OK;
	}
	rc = report_refusal(w->run, &s->open, e);
	slot_free(w, s);
	return rc;
}

/* Stores the answers, asks the chain about them all, and books its word. */
static enum rc
judge(struct window *w, struct err *e)
{
	struct run *r = w->run;
	size_t i, n = 0;
	enum rc rc;

	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_ANSWERED)
			w->index[n++] = i;
	rc = answers_store(w, n, e);
	if (rc == RC_OK)
		rc = nodes_head(r->nodes, &r->latest, &r->final, e);
	for (i = 0; i < n; i++)
		w->group[i] = w->slots[w->index[i]].open;
	if (rc == RC_OK)
		rc = book_all(r, w->group, n, e);
	for (i = 0; i < n; i++) {
		w->slots[w->index[i]].open = w->group[i];
		if (rc == RC_OK)
			rc = go_on(w, &w->slots[w->index[i]], e);
	}
	return rc;
}

/* ---- The loop ---- */

static bool
is_over(const struct window *w)
{
	return w->count[PLACE_FREE] == w->size && (w->dry || w->closed);
}

/* Half of what fits on its way; or fewer, when nothing else is to be done. */
static bool
should_judge(const struct window *w, bool idle)
{
	return 2 * w->count[PLACE_ANSWERED] >= w->at_once ||
	    (w->count[PLACE_ANSWERED] > 0 &&
		(idle || w->count[PLACE_SENT] == 0));
}

/* How long nothing but an answer or the feed can give us work. */
static int64_t
idle_ms(const struct window *w)
{
	int64_t left, wait = WAIT_MS, now = clock_monotonic_ms();
	int64_t pause = pause_of(w->run);
	size_t i;

	if (w->count[PLACE_ANSWERED] > 0)
		wait = GROUP_WAIT_MS;
	if (pause > 0 && pause < wait)
		wait = pause;
	for (i = 0; w->count[PLACE_LATER] > 0 && i < w->size; i++) {
		left = w->slots[i].later_ms - now;
		if (w->slots[i].place == PLACE_LATER && left < wait)
			wait = left > 0 ? left : 0;
	}
	return wait;
}

static enum rc
chores(struct window *w, struct err *e)
{
	bool idle = false; /* nothing came while we waited */
	enum rc rc = RC_OK;
	size_t n;

	while (rc == RC_OK && !is_over(w)) {
		(void)collect(w, 0, -1);
		later_to_ready(w);
		if (pause_of(w->run) > PAUSE_MAX_MS)
			window_close(w);
		n = 0;
		if (may_start(w)) {
			rc = start(w, e);
			continue;
		}
		if (wants_more(w))
			rc = fill(w, &n, e);
		if (rc != RC_OK || n > 0)
			continue;
		if (should_judge(w, idle))
			rc = judge(w, e);
		else if (!is_over(w))
			idle = !collect(w, idle_ms(w),
			    wants_more(w) ? w->feed->ready_fd : -1);
	}
	return rc;
}

/* Waits for what is on its way, which nothing can stop any more. */
static void
window_free(struct window *w)
{
	size_t i;

	while (in_flight(w->run) > 0)
		(void)collect(w, WAIT_MS, -1);
	for (i = 0; w->slots != NULL && i < w->size; i++)
		open_payout_free(&w->slots[i].open);
	free(w->slots);
	free(w->group);
	free(w->index);
}

enum rc
settle(struct run *r, const struct feed *feed, struct err *e)
{
	struct window w = { .run = r, .feed = feed };
	enum rc rc;

	/*
	 * As many ready as on their way, and as many answered. But a single
	 * one is judged before the next is even prepared.
	 */
	w.at_once = r->direct != NULL ? DIRECT_AT_ONCE_MAX
				      : (size_t)r->conf->payout_concurrency;
	w.size = w.at_once == 1 ? 1 : 3 * w.at_once;
	w.slots = calloc(w.size, sizeof(*w.slots));
	w.group = calloc(w.size, sizeof(*w.group));
	w.index = calloc(w.size, sizeof(*w.index));
	w.count[PLACE_FREE] = w.size;
	if (w.slots == NULL || w.group == NULL || w.index == NULL)
		rc = err_set(e, RC_NO_MEMORY, "no memory");
	else
		rc = chores(&w, e);
	window_free(&w);
	return rc;
}
