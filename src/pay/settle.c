#include "pay/settle.h"

/*
 * One chore at a time, the most urgent first: what can be sent is sent before
 * anything is booked or prepared. Each chore writes once, for all payouts that
 * it concerns. So that the facilitator doesn't wait for that, some are noted as
 * submitted before there is room for them, and between two waits of a chore one
 * of these is sent for each answer.
 *
 * A payout goes to the first settler, and to the next one when that refuses it
 * for good or is braked (pay/settler.h): the very same bytes, of which the
 * token carries out one copy at most.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "eth/hex.h"
#include "pay/book.h"
#include "pay/submit.h"
#include "pay/window.h"

#define RETRY_PAUSE_MS 1500 /* x402.md: once more after 1 to 2 s */
#define GROUP_WAIT_MS  200  /* answers that are few wait for others */
#define WAIT_MS	       1000
#define SILENCE_MS     10000 /* after which a person is told */
#define STOP_GRACE_MS  5000  /* after a signal, for what is on its way */

/* After a signal, what is on its way has a few seconds to be answered. */
static void
stop_look(struct window *w)
{
	int64_t now = clock_monotonic_ms();
	size_t i;

	if (w->stop_ms == 0 && run_is_stopped(w->run)) {
		window_close(w);
		w->stop_ms = now + STOP_GRACE_MS;
	}
	if (w->stop_ms == 0 || now < w->stop_ms || w->count[PLACE_SENT] == 0)
		return;
	log_warning(
	    "stopped: %zu payouts are sent and not answered; the next run goes on with them",
	    w->count[PLACE_SENT]);
	settlers_abandon(w->run->settlers);
	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_SENT)
			window_leave(w, &w->slots[i]);
}

/* ---- Preparing ---- */

/*
 * How many more to prepare. Only when fewer than half of at_once are ready, so
 * that one transaction, and one question to the vault, is for several payouts.
 */
static size_t
room_wanted(struct window *w)
{
	size_t room;

	if (w->dry || w->closed || w->count[PLACE_FREE] == 0 ||
	    2 * w->count[PLACE_READY] >= w->at_once)
		return 0;
	room = window_room(w);
	if (room == 0 && w->count[PLACE_FREE] == w->size) {
		/* Nobody takes any, and nothing will change that. */
		w->dry = true;
		w->run->result->waiting = true;
	}
	room -= room < w->count[PLACE_READY] ? room : w->count[PLACE_READY];
	return room > w->count[PLACE_FREE] ? w->count[PLACE_FREE] : room;
}

enum rc
settle_add(struct run *r, enum rc made, size_t n, bool dry, struct err *e)
{
	struct window *w = r->window;
	struct err cause = ERR_INIT;
	size_t i, taken = 0;
	enum rc rc = made, tried;

	w->dry = dry;
	w->had_none = n == 0;
	if (rc == RC_OK)
		rc = settle_tend(r, e);
	tried = submit_try(r, w->group, &n, &cause);
	for (i = 0; i < w->size && taken < n; i++) {
		if (w->slots[i].place != PLACE_FREE)
			continue;
		w->slots[i] = (struct slot){ .open = w->group[taken++] };
		window_put(w, &w->slots[i], PLACE_READY);
	}
	if (rc == RC_OK && tried != RC_OK)
		return err_set(e, tried, "%s", cause.msg);
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
			window_put(w, &w->slots[i], PLACE_READY);
}

/*
 * Whether some can be noted, or given up; asks settlers before any step. Where
 * some are noted ahead, one transaction is for half of these.
 */
static bool
may_note(struct window *w)
{
	bool any = false;
	size_t i, via;

	for (i = 0; w->count[PLACE_READY] > 0 && i < w->size; i++)
		if (w->slots[i].place == PLACE_READY)
			switch (window_via(w, &w->slots[i], true, &via)) {
			case SEND_NOW:
				any |= 2 * w->load[via].noted <=
				    w->run->settlers->all[via].ahead;
				break;
			case SEND_NEVER:
				any = true;
				break;
			case SEND_LATER:
				break;
			}
	return any;
}

/* Notes that s is submitted to its settler, if it may leave. */
static enum rc
note_one(struct window *w, struct slot *s, size_t *n, struct err *e)
{
	bool leaves;
	enum rc rc = submit_note(
	    w->run, &s->open, w->run->settlers->all[s->via].name, &leaves, e);

	if (!leaves) {
		window_leave(w, s);
		return rc;
	}
	/* So far these bytes are as unused as they were. */
	s->open.judgment.verdict = VERDICT_UNUSED;
	w->index[(*n)++] = (size_t)(s - w->slots);
	window_put(w, s, PLACE_NOTED);
	return rc;
}

/* Inside a step: fills w->index with the n payouts that were noted. */
static enum rc
note_all(struct window *w, size_t *n, struct err *e)
{
	struct slot *s;
	int64_t last = 0;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && (s = window_next(w, PLACE_READY, last)) != NULL) {
		last = s->open.payout.id;
		switch (window_via(w, s, false, &s->via)) {
		case SEND_NOW:
			rc = note_one(w, s, n, e);
			break;
		case SEND_NEVER:
			window_leave(w, s);
			break;
		case SEND_LATER:
			break;
		}
	}
	return rc;
}

/* "submitted" is durable before the first byte leaves. */
static enum rc
note_ready(struct window *w, struct err *e)
{
	struct run *r = w->run;
	bool stop = false;
	size_t i, n = 0;
	enum rc rc;

	rc = db_step_begin(r->db, e);
	if (rc == RC_OK)
		stop = run_should_stop(r);
	if (rc == RC_OK && !stop)
		rc = note_all(w, &n, e);
	rc = db_step_end(r->db, rc, e);
	if (stop)
		window_close(w);
	/* Not committed, not sent: what the ledger has is true. */
	for (i = 0; rc != RC_OK && i < n; i++)
		window_leave(w, &w->slots[w->index[i]]);
	return rc;
}

/*
 * Sends s, which is noted, once there is room. What may no longer leave stays
 * submitted in the ledger: the next run goes on with it.
 */
static enum rc
send_one(struct window *w, struct slot *s, struct err *e)
{
	struct settler *t = &w->run->settlers->all[s->via];
	size_t via = s->via;
	enum sending when = window_via(w, s, false, &via);
	bool held = false;
	enum rc rc;

	if (when == SEND_LATER) {
		/* Noted before it failed: those to be retried come first. */
		if (!settler_settles(t))
			window_put(w, s, PLACE_READY);
		return RC_OK;
	}
	rc = payout_is_held(w->run->db, s->open.payout.worker_id, &held, e);
	if (rc != RC_OK || held || when == SEND_NEVER ||
	    !submit_may_send(w->run, &s->open)) {
		window_leave(w, s);
	} else if (via != s->via) { /* it isn't noted for that one */
		window_put(w, s, PLACE_READY);
	} else {
		s->sent_ms = clock_monotonic_ms();
		s->tries[via]++;
		t->tried = true;
		window_put(w, s, PLACE_SENT);
		t->send(t->ctx, (size_t)(s - w->slots), &s->open);
	}
	return rc;
}

/* *any tells whether one was sent. */
static enum rc
send_noted(struct window *w, bool *any, struct err *e)
{
	const size_t sent = w->count[PLACE_SENT];
	struct slot *s;
	int64_t last = 0;
	enum rc rc = RC_OK;

	if (w->count[PLACE_NOTED] > 0 && run_is_stopped(w->run))
		window_close(w);
	while (rc == RC_OK && w->count[PLACE_SENT] < w->at_once &&
	    (s = window_next(w, PLACE_NOTED, last)) != NULL) {
		last = s->open.payout.id;
		rc = send_one(w, s, e);
	}
	*any = w->count[PLACE_SENT] > sent;
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
	log_warning("%s hasn't answered about %zu payouts, since %" PRId64
		    " s about payout %" PRId64 "; it may take %d s",
	    w->run->settlers->all[oldest->via].name, w->load[oldest->via].sent,
	    (now - oldest->sent_ms) / 1000, oldest->open.payout.id,
	    SETTLE_TIMEOUT_MS / 1000);
}

/* Takes the answers that are there, or the first within wait_ms. */
static bool
collect(struct window *w, int64_t wait_ms, int wake_fd)
{
	const struct settle_answer *a;
	struct open_payout *o;
	size_t i, via;
	bool any = false;
	struct slot *s;

	tell_silence(w);
	while ((a = settlers_wait(w->run->settlers, any ? 0 : wait_ms, wake_fd,
		    &via, &i)) != NULL) {
		any = true;
		s = &w->slots[i];
		s->answer = *a;
		s->answered_ms = clock_unix_ms();
		window_put(w, s, PLACE_ANSWERED);
		s->refused[via] =
		    a->x402.class == ANSWER_REFUSED && !a->x402.maybe_transient;
		o = &s->open;
		o->posted_before |= a->sent;
		if (a->x402.has_hash) {
			o->has_hint = true;
			memcpy(o->hint, a->x402.hash, TX_HASH_LEN);
		}
	}
	return any;
}

/* Takes the answers that are there, and sends as many more. */
static enum rc
tend(struct window *w, struct err *e)
{
	bool any;
	enum rc rc;

	(void)collect(w, 0, -1);
	/* Until their first bytes left, and no answer came meanwhile. */
	while ((rc = send_noted(w, &any, e)) == RC_OK && any)
		(void)collect(w, 0, -1);
	return rc;
}

enum rc
settle_tend(struct run *r, struct err *e)
{
	return r->window == NULL || r->direct != NULL ? RC_OK
						      : tend(r->window, e);
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
	    "%s: HTTP %d, %" PRId64 " ms: %s%s%s",
	    answer_class_name(a->x402.class), a->status, a->elapsed_ms,
	    a->error, a->error[0] != '\0' ? "; " : "", a->text);
	return payout_answered(
	    r->db, &s->open.payout, detail, tx, s->answered_ms, e);
}

/* Those of the n slots in w->index that the chain settled leave. */
static enum rc
settled_leave(struct window *w, size_t n, struct err *e)
{
	struct slot *s;
	enum rc rc = RC_OK;
	size_t i;

	for (i = 0; rc == RC_OK && i < n; i++) {
		s = &w->slots[w->index[i]];
		if (s->open.payout.state == PAYOUT_SUBMITTED)
			continue;
		if (s->open.payout.state != PAYOUT_VOIDED)
			rc = settler_settled(w->run, &s->open, true, e);
		window_leave(w, s);
	}
	return rc;
}

/* Without a verdict: once more, to somebody else, or no more in this run. */
static enum rc
go_on(struct window *w, struct slot *s, struct err *e)
{
	struct settler *t = &w->run->settlers->all[s->via];
	bool same, again;
	size_t via = s->via;
	enum rc rc;

	same = s->tries[via] < TRIES_MAX && !s->refused[via] &&
	    !settler_answer_is_unfit(&s->answer) &&
	    submit_may_send(w->run, &s->open);
	rc = settler_failed(w->run, t, &s->open, &s->answer, !same, e);
	again = !w->closed && submit_may_send(w->run, &s->open) &&
	    window_via(w, s, true, &via) != SEND_NEVER;
	s->later_ms =
	    clock_monotonic_ms() + (via == s->via ? RETRY_PAUSE_MS : 0);
	if (again)
		window_put(w, s, PLACE_LATER);
	else
		window_leave(w, s);
	return rc;
}

/* Asks the chain about those of w->group. */
static enum rc
judge_ask(struct window *w, size_t n, struct err *e)
{
	struct run *r = w->run;
	enum rc rc = nodes_head(r->nodes, &r->head, e);

	if (rc == RC_OK)
		rc = settle_tend(r, e);
	if (rc == RC_OK)
		rc = book_ask(r, w->group, n, e);
	return rc == RC_OK ? settle_tend(r, e) : rc;
}

/*
 * One transaction: what the n of w->index were answered, and what the chain
 * said of them, if it was asked.
 */
static enum rc
judge_store(struct window *w, size_t n, enum rc asked, struct err *e)
{
	struct run *r = w->run;
	enum rc rc;
	size_t i;

	rc = db_step_begin(r->db, e);
	for (i = 0; rc == RC_OK && i < n; i++)
		rc = answer_store(r, &w->slots[w->index[i]], e);
	if (rc == RC_OK && asked == RC_OK)
		rc = book_all(r, w->group, n, e);
	for (i = 0; i < n; i++)
		w->slots[w->index[i]].open = w->group[i];
	if (rc == RC_OK && asked == RC_OK)
		rc = settled_leave(w, n, e);
	return db_step_end(r->db, rc, e);
}

/* Asks the chain about all that were answered, and books its word. */
static enum rc
judge(struct window *w, struct err *e)
{
	struct err cause = ERR_INIT;
	size_t i, n = 0;
	enum rc rc, asked;

	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_ANSWERED)
			w->index[n++] = i;
	for (i = 0; i < n; i++)
		w->group[i] = w->slots[w->index[i]].open;
	asked = judge_ask(w, n, &cause);
	rc = judge_store(w, n, asked, e);
	if (rc == RC_OK && asked != RC_OK)
		rc = err_set(e, asked, "%s", cause.msg);
	for (i = 0; rc == RC_OK && i < n; i++)
		if (w->slots[w->index[i]].place == PLACE_ANSWERED)
			rc = go_on(w, &w->slots[w->index[i]], e);
	return rc;
}

/* ---- All of it ---- */

static bool
is_over(const struct window *w)
{
	return w->count[PLACE_FREE] == w->size && (w->dry || w->closed);
}

/*
 * Whether the chain is to be asked now about what was answered. One question
 * serves all of that, so it waits until half of the slots have an answer; it
 * doesn't where something has failed, or nothing else is to be done meanwhile.
 */
static bool
should_judge(const struct window *w, bool idle)
{
	return 2 * w->count[PLACE_ANSWERED] >= w->at_once || w->failed > 0 ||
	    (w->count[PLACE_ANSWERED] > 0 &&
		(idle || w->count[PLACE_SENT] == 0));
}

/* How long nothing but an answer, or who makes payouts, can give us work. */
static int64_t
idle_ms(const struct window *w)
{
	int64_t left, pause, wait = WAIT_MS, now = clock_monotonic_ms();
	const struct settler *t = w->run->settlers->all;
	size_t i;

	if (w->count[PLACE_ANSWERED] > 0)
		wait = GROUP_WAIT_MS;
	for (i = 0; i < w->run->settlers->n; i++) {
		pause = t[i].pause_ms(t[i].ctx);
		if (pause > 0 && pause < wait)
			wait = pause;
	}
	for (i = 0; w->count[PLACE_LATER] > 0 && i < w->size; i++) {
		left = w->slots[i].later_ms - now;
		if (w->slots[i].place == PLACE_LATER && left < wait)
			wait = left > 0 ? left : 0;
	}
	return wait;
}

/* What ends a wait: new payouts, where wanted, and the first signal. */
static int
wake_fd(const struct window *w, bool more)
{
	if (w->stop_ms != 0)
		return -1;
	return more && !w->dry ? w->wake_fd : w->run->options->stop_fd;
}

static bool
wake_make(struct window *w, int ready_fd)
{
	int fds[] = { w->run->options->stop_fd, ready_fd };
	struct epoll_event ev = { .events = EPOLLIN };
	bool ok;
	size_t i;

	w->wake_fd = epoll_create1(EPOLL_CLOEXEC);
	ok = w->wake_fd >= 0;
	for (i = 0; ok && i < sizeof(fds) / sizeof(fds[0]); i++)
		ok = fds[i] < 0 ||
		    epoll_ctl(w->wake_fd, EPOLL_CTL_ADD, fds[i], &ev) == 0;
	return ok;
}

/* When nothing else is to be done; more: new payouts would end the wait. */
static enum rc
judge_or_wait(struct window *w, bool more, struct err *e)
{
	if (should_judge(w, w->idle))
		return judge(w, e);
	if (!is_over(w))
		w->idle = !collect(w, idle_ms(w), wake_fd(w, more));
	return RC_OK;
}

enum rc
settle_room(
    struct run *r, struct open_payout **out, size_t *room, struct err *e)
{
	struct window *w = r->window;
	enum rc rc = RC_OK;

	*out = w->group;
	*room = 0;
	if (w->had_none)
		rc = judge_or_wait(w, true, e);
	w->had_none = false;
	while (rc == RC_OK && *room == 0 && !is_over(w)) {
		rc = tend(w, e);
		if (rc != RC_OK)
			break;
		stop_look(w);
		later_to_ready(w);
		if (may_note(w)) {
			rc = note_ready(w, e);
			continue;
		}
		*room = room_wanted(w);
		r->settlers->more = *room > 0;
		if (*room == 0)
			rc = judge_or_wait(w, false, e);
	}
	return rc;
}

/* Waits for what is on its way; but for a signal, nothing stops that. */
static void
window_free(struct window *w)
{
	size_t i;

	w->run->settlers->more = false;
	while (settlers_in_flight(w->run->settlers) > 0) {
		(void)collect(w, WAIT_MS, wake_fd(w, false));
		stop_look(w);
	}
	if (w->wake_fd >= 0)
		(void)close(w->wake_fd);
	for (i = 0; w->slots != NULL && i < w->size; i++)
		open_payout_free(&w->slots[i].open);
	free(w->slots);
	free(w->group);
	free(w->index);
	free(w);
}

enum rc
settle_open(struct run *r, int ready_fd, struct err *e)
{
	struct window *w = calloc(1, sizeof(*w));
	enum rc rc = RC_OK;
	size_t i;

	if (w == NULL)
		return err_set(e, RC_NO_MEMORY, "no memory");
	w->run = r;
	w->wake_fd = -1;
	/*
	 * As many ready or noted as on their way, and as many answered. But a
	 * single one is judged before the next is even prepared.
	 */
	w->at_once = 1;
	for (i = 0; i < r->settlers->n; i++)
		if (r->settlers->all[i].at_once > w->at_once)
			w->at_once = r->settlers->all[i].at_once;
	w->size = w->at_once == 1 ? 1 : 3 * w->at_once;
	w->slots = calloc(w->size, sizeof(*w->slots));
	w->group = calloc(w->size, sizeof(*w->group));
	w->index = calloc(w->size, sizeof(*w->index));
	w->count[PLACE_FREE] = w->size;
	if (w->slots == NULL || w->group == NULL || w->index == NULL)
		rc = err_set(e, RC_NO_MEMORY, "no memory");
	else if (!wake_make(w, ready_fd))
		rc = err_set(e, RC_IO, "epoll: %s", strerror(errno));
	if (rc == RC_OK)
		r->window = w;
	else
		window_free(w);
	return rc;
}

void
settle_close(struct run *r)
{
	struct window *w = r->window;

	r->window = NULL;
	window_free(w);
}
