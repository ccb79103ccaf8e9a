/*
 * The window: the payouts that a run has in hand at once.
 *
 *	          settle_add
 *	            |
 *	PLACE_READY      signed			<-+
 *	            |  "submitted" is noted	  |
 *	PLACE_NOTED      to be sent		  |
 *	            |				  |
 *	PLACE_SENT       with the facilitator	  |
 *	            |				  | after a pause
 *	PLACE_ANSWERED   to be judged		  |
 *	            |  the chain's word		  |
 *	PLACE_LATER      unused so far		--+
 *	            |
 *	PLACE_FREE       nothing more to be done in this run
 *
 * Private to src/pay/settle.c and window.c; one thread.
 */
#ifndef WORKNET_PAY_WINDOW_H
#define WORKNET_PAY_WINDOW_H

#include "pay/open.h"
#include "pay/settler.h"

#define TRIES_MAX 2 /* of the same bytes at one settler in one run */

enum place {
	PLACE_FREE,
	PLACE_READY,
	PLACE_NOTED,
	PLACE_SENT,
	PLACE_ANSWERED,
	PLACE_LATER,
	PLACES,
};

struct slot {
	enum place place;
	struct open_payout open;
	size_t via;		     /* the settler that it was noted for */
	int tries[SETTLERS_MAX];     /* in this run */
	bool refused[SETTLERS_MAX];  /* for good */
	int64_t later_ms;	     /* monotonic; of PLACE_LATER */
	int64_t sent_ms;	     /* monotonic; of PLACE_SENT */
	int64_t answered_ms;	     /* of the answer */
	struct settle_answer answer; /* of PLACE_ANSWERED */
};

struct window {
	struct run *run;
	size_t at_once;
	struct slot *slots; /* owned; size */
	size_t size;
	size_t count[PLACES];
	struct settler_load load[SETTLERS_MAX];
	size_t failed;		   /* of all of them */
	struct open_payout *group; /* owned; size: those of one chore */
	size_t *index;		   /* owned; size: their slots */
	bool dry;		   /* no more are made */
	bool had_none;		   /* who makes them, when asked last */
	bool idle;		   /* nothing came while we waited */
	bool closed;		   /* nothing is sent any more */
	int64_t stop_ms; /* monotonic; nothing is waited for then; 0 */
	int wake_fd;	 /* owned: a signal, or who makes payouts */
	int64_t told_ms; /* monotonic; when a person was told */
};

/* Moves s to that place. */
void window_put(struct window *w, struct slot *s, enum place place);

/* Nothing more is to be done for s in this run. */
void window_leave(struct window *w, struct slot *s);

/*
 * Nothing is sent any more. What isn't on its way stays as the ledger has it:
 * the next run goes on.
 */
void window_close(struct window *w);

/* The oldest at that place, after payout last; NULL: none is. */
struct slot *window_next(struct window *w, enum place place, int64_t last);

enum sending {
	SEND_NOW,
	SEND_LATER, /* somebody may take it in this run */
	SEND_NEVER, /* not in this run */
};

/*
 * When s can be noted for a settler or, where it is noted, be sent to it: *via,
 * set with SEND_NOW only. ask: also settlers that weren't asked yet whether
 * they take any, which may take its time.
 */
enum sending
window_via(struct window *w, const struct slot *s, bool ask, size_t *via);

/* How many new payouts the settlers would take. */
size_t window_room(struct window *w);

#endif
