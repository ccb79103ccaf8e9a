#include "pay/window.h"

/* A facilitator that asks for more patience has to wait for the next run. */
#define PAUSE_MAX_MS 30000

/* ---- Places ---- */

/* Counts s, with 1, or no more, with -1. */
static void
count(struct window *w, const struct slot *s, int by)
{
	struct settler_load *load = &w->load[s->via];
	size_t n = (size_t)by;
	bool failed = s->place == PLACE_ANSWERED &&
	    s->answer.x402.class != ANSWER_SUCCESS;

	w->count[s->place] += n;
	load->noted += s->place == PLACE_NOTED ? n : 0;
	load->sent += s->place == PLACE_SENT ? n : 0;
	load->begun += s->place >= PLACE_SENT ? n : 0;
	load->failed += failed ? n : 0;
	w->failed += failed ? n : 0;
}

void
window_put(struct window *w, struct slot *s, enum place place)
{
	count(w, s, -1);
	s->place = place;
	count(w, s, 1);
}

void
window_leave(struct window *w, struct slot *s)
{
	open_payout_free(&s->open);
	window_put(w, s, PLACE_FREE);
}

void
window_close(struct window *w)
{
	size_t i;

	w->closed = true;
	for (i = 0; i < w->size; i++)
		if (w->slots[i].place == PLACE_READY ||
		    w->slots[i].place == PLACE_NOTED ||
		    w->slots[i].place == PLACE_LATER)
			window_leave(w, &w->slots[i]);
}

struct slot *
window_next(struct window *w, enum place place, int64_t last)
{
	struct slot *s, *next = NULL;

	for (s = w->slots; w->count[place] > 0 && s < w->slots + w->size; s++)
		if (s->place == place && s->open.payout.id > last &&
		    (next == NULL || s->open.payout.id < next->open.payout.id))
			next = s;
	return next;
}

/* ---- To whom ---- */

/*
 * Whether settler i may have a payout; ask: also one that wasn't asked yet
 * whether it takes any, which may take its time.
 */
static bool
may_have(struct window *w, size_t i, bool ask)
{
	struct settler *t = &w->run->settlers->all[i];

	if (t->pause_ms(t->ctx) > PAUSE_MAX_MS)
		t->out = true;
	return !t->out && (t->probed || ask) && settler_is_fit(w->run, t);
}

/* Whether settler i has room for s, which is noted for it or is to be. */
static bool
has_room(const struct window *w, const struct slot *s, size_t i)
{
	const struct settler *t = &w->run->settlers->all[i];
	struct settler_load load = w->load[i];

	if (s->place != PLACE_NOTED) {
		if (settler_settles(t) && load.noted < t->ahead)
			return true;
		/* Those leave before s does. */
		load.sent += load.noted;
		load.begun += load.noted;
	}
	return settler_has_room(w->run, t, &load);
}

enum sending
window_via(struct window *w, const struct slot *s, bool ask, size_t *via)
{
	size_t i, k, first = settlers_first(w->run, &s->open),
		     n = w->run->settlers->n;
	struct settler *t;
	bool braked, later = false;

	for (k = 0; k < n; k++) {
		i = (first + k) % n;
		t = &w->run->settlers->all[i];
		if (!settler_is_due(w->run, t, &s->open))
			continue;
		later |= !t->out && !t->probed && !ask;
		if (s->refused[i] || !may_have(w, i, ask))
			continue;
		braked = settler_gives_way(w->run, t);
		if (s->tries[i] >= TRIES_MAX && !braked)
			return SEND_NEVER;
		if (s->tries[i] < TRIES_MAX && t->pause_ms(t->ctx) == 0 &&
		    has_room(w, s, i)) {
			*via = i;
			return SEND_NOW;
		}
		if (!braked)
			return SEND_LATER;
		/* It may settle one of these. */
		later |= w->load[i].begun > 0 ||
		    (s->place != PLACE_NOTED && w->load[i].noted > 0);
	}
	return later ? SEND_LATER : SEND_NEVER;
}

size_t
window_room(struct window *w)
{
	size_t i, room,
	    begun = w->size - w->count[PLACE_FREE] - w->count[PLACE_READY];
	bool empty = w->count[PLACE_FREE] == w->size;
	struct settler *t;

	for (i = 0; i < w->run->settlers->n; i++) {
		t = &w->run->settlers->all[i];
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
