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
#include "pay/tryout.h"

#define TRIES_MAX      2    /* of the same bytes at one settler in one run */
#define RETRY_PAUSE_MS 1500 /* x402.md: once more after 1 to 2 s */
/* A facilitator that asks for more patience has to wait for the next run. */
#define PAUSE_MAX_MS  30000
#define GROUP_WAIT_MS 200 /* answers that are few wait for others */
#define WAIT_MS	      1000
#define SILENCE_MS    10000 /* after which a person is told */
#define STOP_GRACE_MS 5000  /* after a signal, for what is on its way */

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
	size_t via;		     /* the settler that has it, or had it */
	int tries[SETTLERS_MAX];     /* in this run */
	bool refused[SETTLERS_MAX];  /* for good */
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
	size_t sent[SETTLERS_MAX]; /* those of PLACE_SENT */
	size_t busy[SETTLERS_MAX]; /* and of PLACE_ANSWERED */
	struct open_payout *group; /* owned; size: those of one chore */
	size_t *index;		   /* owned; size: their slots */
	bool dry;		   /* the feed is */
	bool closed;		   /* nothing is sent any more */
	int64_t stop_ms; /* monotonic; nothing is waited for then; 0 */
	int wake_fd;	 /* owned: a signal, or the feed */
	int64_t told_ms; /* monotonic; when a person was told */
};

static void
put(struct window *w, struct slot *s, enum place place)
{
	w->sent[s->via] -= s->place == PLACE_SENT;
	w->sent[s->via] += place == PLACE_SENT;
	w->busy[s->via] -= s->place == PLACE_SENT || s->place == PLACE_ANSWERED;
	w->busy[s->via] += place == PLACE_SENT || place == PLACE_ANSWERED;
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
	settlers_abandon(&w->run->settlers);
	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_SENT)
			slot_free(w, &w->slots[i]);
}

/* ---- To whom ---- */

enum turn {
	TURN_NOW,
	TURN_LATER, /* somebody may take it in this run */
	TURN_NEVER, /* not in this run */
};

/*
 * Whether settler i may have a payout; ask: also one that wasn't asked yet
 * whether it takes any, which may take its time.
 */
static bool
may_have(struct window *w, size_t i, bool ask)
{
	struct settler *t = &w->run->settlers.all[i];

	if (t->pause_ms(t->ctx) > PAUSE_MAX_MS)
		t->out = true;
	return !t->out && (t->probed || ask) && settler_is_fit(w->run, t);
}

/* Whose turn it is to have s: *via. */
static enum turn
turn_of(struct window *w, const struct slot *s, bool ask, size_t *via)
{
	size_t i, k, first = settlers_first(w->run, &s->open),
		     n = w->run->settlers.n;
	struct settler *t;
	bool braked, later = false;

	for (k = 0; k < n; k++) {
		i = (first + k) % n;
		t = &w->run->settlers.all[i];
		if (!settler_is_due(w->run, t, &s->open))
			continue;
		later |= !t->out && !t->probed && !ask;
		if (s->refused[i] || !may_have(w, i, ask))
			continue;
		braked = settler_gives_way(w->run, t);
		if (s->tries[i] >= TRIES_MAX && !braked)
			return TURN_NEVER;
		if (s->tries[i] < TRIES_MAX && t->pause_ms(t->ctx) == 0 &&
		    settler_has_room(w->run, t, w->sent[i], w->busy[i])) {
			*via = i;
			return TURN_NOW;
		}
		if (!braked)
			return TURN_LATER;
		later |= w->busy[i] > 0; /* it may settle that one */
	}
	return later ? TURN_LATER : TURN_NEVER;
}

/* How many new payouts the settlers would take. */
static size_t
room_for_new(struct window *w)
{
	size_t i, room,
	    begun = w->size - w->count[PLACE_FREE] - w->count[PLACE_READY];
	bool empty = w->count[PLACE_FREE] == w->size;
	struct settler *t;

	for (i = 0; i < w->run->settlers.n; i++) {
		t = &w->run->settlers.all[i];
		if (!settler_is_due(w->run, t, NULL) || !may_have(w, i, true))
			continue;
		room = settler_room(w->run, t);
		/* If it isn't known to settle, each waits for a verdict. */
		if (!settler_settles(t))
			room -= room < begun ? room : begun;
		if (!settler_gives_way(w->run, t) || (empty && room > 0))
			return room;
	}
	return 0;
}

/* ---- Preparing ---- */

/*
 * More are prepared only when fewer than half of at_once are ready, so that one
 * transaction, and one question to the vault, is for several payouts.
 */
static bool
wants_more(struct window *w)
{
	size_t room;

	if (w->dry || w->closed || w->count[PLACE_FREE] == 0 ||
	    2 * w->count[PLACE_READY] >= w->at_once)
		return false;
	room = room_for_new(w);
	if (room == 0 && w->count[PLACE_FREE] == w->size) {
		/* Nobody takes any, and nothing will change that. */
		w->dry = true;
		w->run->result->waiting = true;
	}
	return room > w->count[PLACE_READY];
}

/* Takes what the feed has; *n tells how many. */
static enum rc
fill(struct window *w, size_t *n, struct err *e)
{
	size_t i, taken = 0, given, room = room_for_new(w);
	struct err cause = ERR_INIT;
	enum rc rc, tried;

	room -= room < w->count[PLACE_READY] ? room : w->count[PLACE_READY];
	if (room > w->count[PLACE_FREE])
		room = w->count[PLACE_FREE];
	rc = w->feed->fill(w->feed->ctx, w->group, room, n, &w->dry, e);
	given = *n;
	tried = tryout(w->run, w->group, &given, &cause);
	for (i = 0; i < w->size && taken < given; i++) {
		if (w->slots[i].place != PLACE_FREE)
			continue;
		w->slots[i] = (struct slot){ .open = w->group[taken++] };
		put(w, &w->slots[i], PLACE_READY);
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
			put(w, &w->slots[i], PLACE_READY);
}

/* Whether some can be sent, or given up; asks settlers before any step. */
static bool
may_start(struct window *w)
{
	bool any = false;
	size_t i, via;

	if (w->count[PLACE_READY] == 0)
		return false;
	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_READY)
			any |=
			    turn_of(w, &w->slots[i], true, &via) != TURN_LATER;
	return any && w->count[PLACE_SENT] < w->at_once;
}

/* The oldest of those that are ready, after payout last; NULL: none is. */
static struct slot *
next_ready(struct window *w, int64_t last)
{
	struct slot *s, *next = NULL;

	for (s = w->slots; s < w->slots + w->size; s++)
		if (s->place == PLACE_READY && s->open.payout.id > last &&
		    (next == NULL || s->open.payout.id < next->open.payout.id))
			next = s;
	return next;
}

/* Sends s to its settler, if it may leave. */
static enum rc
submit_one(struct window *w, struct slot *s, size_t *n, struct err *e)
{
	struct settler *t = &w->run->settlers.all[s->via];
	bool leaves;
	enum rc rc = open_payout_submit(w->run, &s->open, t->name, &leaves, e);

	if (!leaves) {
		slot_free(w, s);
		return rc;
	}
	w->index[(*n)++] = (size_t)(s - w->slots);
	s->sent_ms = clock_monotonic_ms();
	s->tries[s->via]++;
	t->tried = true;
	put(w, s, PLACE_SENT);
	return rc;
}

/* Inside a step: fills w->index with the n payouts that are to be sent. */
static enum rc
submit_all(struct window *w, size_t *n, struct err *e)
{
	struct slot *s;
	int64_t last = 0;
	size_t via = 0;
	enum rc rc = RC_OK;

	*n = 0;
	while (rc == RC_OK && w->count[PLACE_SENT] < w->at_once &&
	    (s = next_ready(w, last)) != NULL) {
		last = s->open.payout.id;
		switch (turn_of(w, s, false, &via)) {
		case TURN_NOW:
			s->via = via;
			rc = submit_one(w, s, n, e);
			break;
		case TURN_NEVER:
			slot_free(w, s);
			break;
		case TURN_LATER:
			break;
		}
	}
	return rc;
}

/* "submitted" is durable before the first byte leaves. */
static enum rc
start(struct window *w, struct err *e)
{
	struct run *r = w->run;
	struct settler *t;
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
	for (i = 0; i < n; i++) {
		s = &w->slots[w->index[i]];
		t = &r->settlers.all[s->via];
		/* Not committed, not sent: what the ledger has is true. */
		if (rc == RC_OK)
			t->send(t->ctx, w->index[i], &s->open);
		else
			slot_free(w, s);
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
	log_warning("%s hasn't answered about %zu payouts, since %" PRId64
		    " s about payout %" PRId64 "; it may take %d s",
	    w->run->settlers.all[oldest->via].name, w->sent[oldest->via],
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
	while ((a = settlers_wait(&w->run->settlers, any ? 0 : wait_ms, wake_fd,
		    &via, &i)) != NULL) {
		any = true;
		s = &w->slots[i];
		s->answer = *a;
		s->answered_ms = clock_unix_ms();
		put(w, s, PLACE_ANSWERED);
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

/* Those of the n slots in w->index that the chain settled, in one step. */
static enum rc
settled_leave(struct window *w, size_t n, struct err *e)
{
	struct db *db = w->run->db;
	struct slot *s;
	enum rc rc;
	size_t i;

	rc = db_step_begin(db, e);
	for (i = 0; rc == RC_OK && i < n; i++) {
		s = &w->slots[w->index[i]];
		if (s->open.payout.state == PAYOUT_SUBMITTED)
			continue;
		if (s->open.payout.state != PAYOUT_VOIDED)
			rc = settler_settled(w->run, &s->open, true, e);
		slot_free(w, s);
	}
	return db_step_end(db, rc, e);
}

/* Without a verdict: once more, to somebody else, or no more in this run. */
static enum rc
go_on(struct window *w, struct slot *s, struct err *e)
{
	struct settler *t = &w->run->settlers.all[s->via];
	bool same, again;
	size_t via = s->via;
	enum rc rc;

	same = s->tries[via] < TRIES_MAX && !s->refused[via] &&
	    !settler_answer_is_unfit(&s->answer) &&
	    tryout_may_send(w->run, &s->open);
	rc = settler_failed(w->run, t, &s->open, &s->answer, !same, e);
	again = !w->closed && tryout_may_send(w->run, &s->open) &&
	    turn_of(w, s, true, &via) != TURN_NEVER;
	s->later_ms =
	    clock_monotonic_ms() + (via == s->via ? RETRY_PAUSE_MS : 0);
	if (again)
		put(w, s, PLACE_LATER);
	else
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
		rc = nodes_head(r->nodes, &r->head, e);
	for (i = 0; i < n; i++)
		w->group[i] = w->slots[w->index[i]].open;
	if (rc == RC_OK)
		rc = book_all(r, w->group, n, e);
	for (i = 0; i < n; i++)
		w->slots[w->index[i]].open = w->group[i];
	if (rc == RC_OK)
		rc = settled_leave(w, n, e);
	for (i = 0; rc == RC_OK && i < n; i++)
		if (w->slots[w->index[i]].place == PLACE_ANSWERED)
			rc = go_on(w, &w->slots[w->index[i]], e);
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
	int64_t left, pause, wait = WAIT_MS, now = clock_monotonic_ms();
	const struct settler *t = w->run->settlers.all;
	size_t i;

	if (w->count[PLACE_ANSWERED] > 0)
		wait = GROUP_WAIT_MS;
	for (i = 0; i < w->run->settlers.n; i++) {
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

/* What ends a wait: the feed, where it is wanted, and the first signal. */
static int
wake_fd(const struct window *w, bool more)
{
	if (w->stop_ms != 0)
		return -1;
	return more && !w->dry ? w->wake_fd : w->run->options->stop_fd;
}

static bool
wake_make(struct window *w)
{
	int fds[] = { w->run->options->stop_fd, w->feed->ready_fd };
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

static enum rc
chores(struct window *w, struct err *e)
{
	bool more, idle = false; /* nothing came while we waited */
	enum rc rc = RC_OK;
	size_t n;

	while (rc == RC_OK && !is_over(w)) {
		(void)collect(w, 0, -1);
		stop_look(w);
		later_to_ready(w);
		n = 0;
		if (may_start(w)) {
			rc = start(w, e);
			continue;
		}
		more = wants_more(w);
		w->run->settlers.more = more;
		if (more)
			rc = fill(w, &n, e);
		if (rc != RC_OK || n > 0)
			continue;
		if (should_judge(w, idle))
			rc = judge(w, e);
		else if (!is_over(w))
			idle = !collect(w, idle_ms(w), wake_fd(w, more));
	}
	return rc;
}

/* Waits for what is on its way; but for a signal, nothing stops that. */
static void
window_free(struct window *w)
{
	size_t i;

	w->run->settlers.more = false;
	while (settlers_in_flight(&w->run->settlers) > 0) {
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
}

enum rc
settle(struct run *r, const struct feed *feed, struct err *e)
{
	struct window w = {
		.run = r, .feed = feed, .at_once = 1, .wake_fd = -1
	};
	enum rc rc;
	size_t i;

	/*
	 * As many ready as on their way, and as many answered. But a single
	 * one is judged before the next is even prepared.
	 */
	for (i = 0; i < r->settlers.n; i++)
		if (r->settlers.all[i].at_once > w.at_once)
			w.at_once = r->settlers.all[i].at_once;
	w.size = w.at_once == 1 ? 1 : 3 * w.at_once;
	w.slots = calloc(w.size, sizeof(*w.slots));
	w.group = calloc(w.size, sizeof(*w.group));
	w.index = calloc(w.size, sizeof(*w.index));
	w.count[PLACE_FREE] = w.size;
	if (w.slots == NULL || w.group == NULL || w.index == NULL)
		rc = err_set(e, RC_NO_MEMORY, "no memory");
	else if (!wake_make(&w))
		rc = err_set(e, RC_IO, "epoll: %s", strerror(errno));
	else
		rc = chores(&w, e);
	window_free(&w);
	return rc;
}
